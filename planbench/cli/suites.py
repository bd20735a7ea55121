"""``planbench suites``: what bench can run, for what, and how long it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

import planbench.formatting as fmt
from planbench.bench.plan import plan_suite, tasks
from planbench.bench.suite import Suite, list_suites, load_suite, suites_folder
from planbench.cli import completion, console
from planbench.cli.options import JsonOption
from planbench.cli.views import Pairs, label, listing, pairs, show
from planbench.errors import SolverUnavailableError
from planbench.measure.memory import total_memory
from planbench.tables.read import why_not_at_hand

EXAMPLES = ("planbench suites", "planbench suites accuracy", "planbench bench quick")


def suites(
    suite: Annotated[
        str | None,
        typer.Argument(
            metavar="SUITE",
            help="Show this suite in full; a name or a .toml file.",
            autocompletion=completion.suite_names,
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the suites that bench can run, or show one in full.

    A suite is a TOML file saying which solvers run on which instances, up to which limits;
    bench takes your own by its path.
    """
    if suite is not None:
        chosen = load_suite(suite)
        if json:
            console.print_json(_document(chosen))
        else:
            shipped = suite in list_suites()
            _show_one(chosen, suites_folder() / f"{suite}.toml" if shipped else Path(suite))
        return
    found = sorted(map(load_suite, list_suites()), key=lambda s: s.budget_s)
    if json:
        console.print_json({"suites": [_document(suite) for suite in found]})
    else:
        _show_all(found)


def _document(suite: Suite) -> dict[str, Any]:
    return suite.model_dump(mode="json") | {"runs": _runs(suite)}


def _runs(suite: Suite) -> int:
    """Measurements, or chains of tries, of one round with the solvers available here."""
    try:
        plan = plan_suite(suite)
    except SolverUnavailableError:
        return 0
    return len(tasks(plan, suite.name, 0))


def _show_all(found: list[Suite]) -> None:
    rows = [
        [suite.name, fmt.count(_runs(suite)), fmt.seconds(suite.budget_s), suite.description]
        for suite in found
    ]
    columns = label("name"), "runs", "budget", label("what it is for")
    show([listing("Suites", columns, rows)])
    console.out().print(
        "Runs: at most, once each, with the solvers available here; short ones are repeated while "
        "the budget lasts. `planbench suites SUITE` shows one in full.",
        style="dim",
    )


def _show_one(suite: Suite, file: Path) -> None:
    rows: Pairs = [
        ("suite", Text(fmt.plain(suite.name), style="bold")),
        ("what it is for", suite.description or fmt.UNKNOWN),
        ("runs", f"{fmt.count(_runs(suite))} at most, once each, with the solvers here"),
        ("memory per run", f"{fmt.size_bytes(suite.memory_limit_bytes(total_memory()))} here"),
    ]
    for instance in suite.optional_instances:
        rows.append(("optional", why_not_at_hand(instance) or f"{instance}: at hand"))
    lines = file.read_text(encoding="utf-8").splitlines()
    said = ("".join(c if c.isprintable() else "\ufffd" for c in line) for line in lines)
    show([pairs(rows), Text("\n".join(said))])
