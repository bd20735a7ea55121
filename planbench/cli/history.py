"""``planbench history``: figures over many runs, and when they changed level."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from planbench.cli import console, options
from planbench.cli.records import without_sides
from planbench.comparison.history import MEASURES, history_document, read_history, steps_table
from planbench.comparison.regress import results_files
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import check_writable
from planbench.records.schema import Record
from planbench.records.store import read_records
from planbench.report.results import machine_key

EXAMPLES = (
    "planbench history results",
    "planbench history nightly/ --measure passes --solver highs-ds -o history.html",
    "planbench history nightly/ --machine 3f2a --json",
)

#: Read by the parser of the option.
LEAST_EFFECT: Any = "5%"


def history(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder with results files of many runs.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The page; DIR.html if not given."),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            help="passes, seconds, bytes or iterations; may be repeated. All but seconds if not "
            "given.",
            show_default=False,
        ),
    ] = None,
    solver: options.OnlySolversOption = None,
    instance: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this instance; may be repeated.")
    ] = None,
    machine: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Beginning of a machine's id; the one with most rows if not given."
        ),
    ] = None,
    least_effect: options.LeastEffectOption = LEAST_EFFECT,
    no_page: Annotated[bool, typer.Option("--no-page", help="Write no HTML page.")] = False,
    json: options.JsonOption = False,
) -> None:
    """Draw every figure over the runs in DIR and name its steps: when, with what, by how much.

    A series is one solver on one instance; runs are distinguished by file, commit and versions.
    Levels are found with PELT (package ruptures, extra history). Rows of one machine only are
    put together. Every change of a count of iterations is a step.
    """
    options.check_known("--measure", measure, MEASURES, "give")
    page = None
    if not no_page:
        page = check_writable(output or options.page_for(Path(os.path.realpath(folder))))
    files = [
        (str(path.relative_to(folder)), without_sides(read_records(path), path, needed=False))
        for path in results_files(folder, deep=True)
    ]
    everything = [record for _, rows in files for record in rows]
    options.check_known("--solver", solver, {r.solver for r in everything})
    options.check_known("--instance", instance, {r.instance.name for r in everything})

    def wanted(record: Record) -> bool:
        return (not solver or record.solver in solver) and (
            not instance or record.instance.name in instance
        )

    kept = [(name, list(filter(wanted, rows))) for name, rows in files]
    measures = tuple(m for m in MEASURES if (m in measure if measure else m != "seconds"))
    found = read_history(kept, measures=measures, machine=machine, least_effect=least_effect)
    written: dict[str, Any] = {}
    if output is not None and page is not None and not found.series:
        raise InputError(f"not written: {found.notes[-1]}", where=str(output))
    if page is not None and found.series:
        from planbench.comparison.pages import write_history  # needs the extra report

        rows = [r for _, run in kept for r in run if machine_key(r) == found.machine_id]
        written = {"page": str(page), "charts": write_history(found, rows, page)}
    if json:
        console.print_json(history_document(found) | written)
    elif any(s.changes for s in found.series):
        console.print_tables([steps_table(found)])
    for line in found.notes:
        console.note(line)
    steps = sum(len(s.changes) for s in found.series)
    console.say(
        f"{len(found.series)} series over {plural(found.runs, 'run')} on {found.machine}: "
        f"{plural(steps, 'step') if steps else 'no steps'}"
    )
    if written:
        console.say(f"wrote {written['page']} with {plural(written['charts'], 'chart')}")
