"""``planbench report``: the HTML report of results files, or of two runs side by side."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from planbench.cli import console, options
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import check_writable, write_text
from planbench.records.not_run import read_not_run


@options.command
def report(
    results: options.ResultsArgument,
    output: Annotated[Path | None, typer.Option("--output", "-o")] = None,
    merge: Annotated[bool, typer.Option("--merge")] = False,
    figures: Path | None = None,
    json: options.JsonOption = False,
) -> None:
    """Write a report with tables and charts, one self-contained HTML page.

    Two files are laid side by side, matched by instance, solver and options. One file, three or
    more, or two with --merge are read as one run.

    Parameters
    ----------
    output : FILE
        The page; RESULTS.html if not given.
    merge : flag
        Read two files as one run, not side by side.
    figures : DIR
        Also write each chart of it as SVG, PNG and PDF.

    Examples
    --------
    planbench report results/quick.jsonl
    planbench report before.jsonl after.jsonl -o change.html
    planbench report results/standard.jsonl --figures figures
    """
    # They need the extra, and --help does not.
    from planbench.comparison.pages import render_side_by_side
    from planbench.debate.page import debate_sections
    from planbench.report.html import render_report, write_figures

    page = check_writable(output if output is not None else options.page_for(results[0]))
    if os.path.realpath(page) in map(os.path.realpath, results):
        raise InputError("would replace the results; give another name", where=str(page))
    runs = [options.read_measurements(path) for path in results]
    records = [record for run in runs for record in run]
    if not records:
        raise InputError("holds no measurements", where=", ".join(map(str, results)))
    pair = len(results) == 2 and not merge
    if pair:
        for path, run in zip(results, runs, strict=True):
            if not run:
                raise InputError("holds no measurements", where=str(path))
        text = render_side_by_side(runs[0], runs[1], names=_names(results))
    else:
        left_out = [entry for path in results for entry in read_not_run(path)]
        text = render_report(records, not_run=left_out, extra=debate_sections(records))
    write_text(page, text, make_folder=True)
    written = write_figures(text, figures) if figures is not None else []
    if json:
        document: dict[str, object] = {"report": str(page), "rows": len(records)}
        if figures is not None:
            document["figures"] = [str(path) for path in written]
        console.print_json(document)
    else:
        console.say(f"wrote {page} from {plural(len(records), 'measurement')}")
        if figures is not None:
            console.say(f"wrote {plural(len(written), 'figure')} to {figures}")


def _names(results: list[Path]) -> tuple[str, str]:
    """Names of two runs: of the files, with their folders where the names are the same."""
    first, second = results
    if first.stem != second.stem:
        return first.stem, second.stem
    return str(first), str(second)
