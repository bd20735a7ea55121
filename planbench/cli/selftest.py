"""``planbench selftest``: does a comparison cry wolf, or sleep, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planbench.cli import console, options

if TYPE_CHECKING:
    from planbench.comparison.selftest import SelfTest

EXAMPLES = (
    "planbench selftest",
    "planbench selftest --no-real --json",
    "planbench selftest --full --out results/verification/selftest.json",
)


def selftest(
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="As the documented figures were made: some 20 minutes, machine idle."
        ),
    ] = False,
    real: Annotated[
        bool, typer.Option("--real/--no-real", help="Also run a solver, or only simulate.")
    ] = True,
    seed: Annotated[
        str, typer.Option(metavar="N", help="Of the simulated run times and the order of runs.")
    ] = "0",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every trial as JSON.")
    ] = None,
    json: options.JsonOption = False,
) -> int:
    """Compare equal sides, and sides of known slowness, and count wrong verdicts.

    Exit code 0: everything required is met; 1: too many false alarms or misses; 2: could not
    be done here.
    """
    from dataclasses import replace

    from planbench.comparison.selftest import FULL, SHORT, run_selftest

    if out is not None:
        options.writable(out)
    effort = FULL if full else SHORT
    if not real:
        effort = replace(effort, equal=0, slowed=0)
    number = options.parse_count(seed, "--seed", 0)
    assert number is not None
    try:
        found = run_selftest(effort, seed=number, progress=console.say)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "interrupted: nothing is kept, as no verdict holds before all trials are made"
        ) from None
    if out is not None:
        _write(found, out)
    if json:
        console.print_json(found.document())
    else:
        _show(found)
    for criterion in found.criteria:
        if not criterion.met:
            console.finding(
                f"{criterion.what}: {criterion.count} of {criterion.of}, "
                f"required {criterion.required}"
            )
    return 0 if found.passed else 1


def _write(found: SelfTest, path: Path) -> None:
    import json

    from planbench.io.files import write_text

    text = json.dumps(console.json_value(found.document()), indent=1, allow_nan=False)
    write_text(path, text + "\n")


def _show(found: SelfTest) -> None:
    from rich.text import Text

    from planbench.cli.views import columns_of

    table = columns_of([("what", "left"), ("count", "right"), ("required", "left"), ("", "left")])
    for criterion in found.criteria:
        word = Text("met", style="green") if criterion.met else Text("not met", style="red")
        table.add_row(
            criterion.what, f"{criterion.count} of {criterion.of}", criterion.required, word
        )
    simulated = columns_of(
        [
            ("simulated machine", "left"),
            ("slower by", "right"),
            *((verdict, "right") for verdict in ("slower", "faster", "same", "ambiguous")),
        ]
    )
    for share, machines in found.simulated.items():
        for machine, counts in machines.items():
            if sum(counts.values()):
                simulated.add_row(machine, f"{100 * float(share):g} %", *map(str, counts.values()))
    console.print_tables([simulated, table])
