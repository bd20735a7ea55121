"""``planbench report``: the HTML report of results files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planbench.cli import console, options
from planbench.errors import InputError

EXAMPLES = (
    "planbench report results/quick.jsonl",
    "planbench report mine.jsonl theirs.jsonl -o both.html",
)


def report(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS", help="Results files of bench (.jsonl).", show_default=False
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The page; RESULTS.html if not given."),
    ] = None,
    json: options.JsonOption = False,
) -> None:
    """Write a report with tables and charts, one self-contained HTML page."""
    from planbench.records.store import read_records

    page = options.writable(output if output is not None else results[0].with_suffix(".html"))
    if page in results:
        raise InputError("would replace the results; give another name", where=str(page))
    records = [record for path in results for record in read_records(path)]
    if not records:
        raise InputError("holds no measurements", where=", ".join(map(str, results)))
    from planbench.report.html import write_report

    write_report(records, page)
    if json:
        console.print_json({"report": str(page), "rows": len(records)})
    else:
        console.say(f"wrote {page} from {len(records)} measurements")
