"""``planbench bench``: run a suite, carry on where it stopped, show tables and a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

import planbench.formatting as fmt
from planbench.bench.runner import Event, RunSummary, run_suite
from planbench.bench.suite import Suite, load_suite
from planbench.catalogue.builtin import list_builtin
from planbench.cli import console, options, progress, views
from planbench.errors import InputError, SolverUnavailableError
from planbench.records.not_run import NotRun
from planbench.records.schema import Record
from planbench.records.store import read_records
from planbench.records.verdicts import old_note
from planbench.report.effort import effort_overall, effort_tables
from planbench.report.growth import growth_table, predict
from planbench.report.instances import golden_table
from planbench.report.ladders import find_ladders, ladder_table, ladder_tables
from planbench.report.results import require_results
from planbench.report.scores import scores_table
from planbench.report.sweeps import sweep_tables
from planbench.solvers.registry import available_solvers

#: Folder that results go to unless it is said otherwise.
RESULTS = Path("results")


@options.command
def bench(
    suite: Annotated[str, typer.Argument(autocompletion=options.suite_names)] = "quick",
    out: Annotated[Path | None, typer.Option(dir_okay=False)] = None,
    resume: Annotated[bool, typer.Option("--resume/--fresh")] = True,
    *,
    given: options.Solvers,
    budget: Annotated[float | None, typer.Option(parser=options.seconds)] = None,
    report: Annotated[bool, typer.Option("--report/--no-report")] = True,
    json: options.JsonOption = False,
) -> int:
    """Run a suite and show how cost grows with size.

    Every measurement is appended to the results file as it completes. After Ctrl-C the same
    command carries on where it stopped. Exit code 0: nothing found; 1: a wrong answer, a
    disagreement or a crash; 2: bad input; 130: interrupted.

    Parameters
    ----------
    suite : SUITE
        A suite's name (see suites) or a .toml file.
    out : FILE
        Results file, .jsonl; results/SUITE.jsonl if not given.
    resume : flag
        Run only what is missing, or everything again.
    budget : TIME
        Start no run after this: 5min. The suite's own if not given.
    report : flag
        Write the HTML report.

    Examples
    --------
    planbench bench
    planbench bench smoke --solvers highs-ds,highs-ipm
    planbench bench my-suite.toml --out results/mine.jsonl --budget 20min
    """
    chosen = load_suite(suite)
    solvers = available_solvers(given.names) if given.names is not None else None
    results = out if out is not None else RESULTS / f"{chosen.name}.jsonl"
    if results.suffix != ".jsonl":
        # The report and the list of what was not run get its name with other endings.
        raise InputError("the name of a results file ends in .jsonl", where=str(results))
    summary = _run(chosen, results, resume, solvers, budget)
    _say_what_happened(summary)

    records = [r for r in read_records(results) if r.suite == chosen.name]
    if not records:
        whys = Counter(entry.reason for entry in summary.left_out if "budget" not in entry.reason)
        why = f": {whys.most_common(1)[0][0]}" if whys else "; raise --budget"
        raise InputError(f"nothing was measured{why}", where=str(results))
    page = (
        _write_report(records, results.with_suffix(".html"), summary.left_out) if report else None
    )
    if json:
        console.print_json(_document(chosen, summary, page) | views.run_document(records))
    else:
        _show(records)
        console.say(f"{len(records)} measurements in {results}")
        if page is not None:
            console.say(f"report: {page}")
    return 1 if views.announce(records) else 0


def _run(
    suite: Suite, results: Path, resume: bool, solvers: list[str] | None, budget_s: float | None
) -> RunSummary:
    measured = 0
    with progress.Bar() as bar:

        def show(event: Event) -> None:
            nonlocal measured
            measured += event.record is not None
            bar.event(event)

        try:
            return run_suite(
                suite, results, resume=resume, solvers=solvers, budget_s=budget_s, progress=show
            )
        except KeyboardInterrupt as stopped:
            notes = "".join(f"; {note}" for note in getattr(stopped, "__notes__", ()))
            raise KeyboardInterrupt(
                f"interrupted: {measured} new measurements are kept in {results}; "
                f"the same command carries on{notes}"
            ) from None


def _say_what_happened(summary: RunSummary) -> None:
    if summary.repaired:
        console.note(f"{summary.store}: {summary.repaired}")
    if summary.resumed:
        console.note(f"{summary.store}: {summary.resumed} (--fresh measures everything again)")
    line = f"{summary.measured} measured in {fmt.seconds(summary.elapsed_s)}"
    if summary.skipped:
        line += f", {summary.skipped} were there already (--fresh measures them again)"
    console.say(line)
    for reason, number in Counter(entry.reason for entry in summary.left_out).items():
        console.note(f"not run: {number} x {reason}")


def _write_report(records: list[Record], path: Path, left_out: Sequence[NotRun]) -> Path | None:
    """Write the report; a missing extra is said, it does not spoil the measurements."""
    try:
        # The extra may be missing, which is known when these are imported.
        from planbench.debate.page import debate_sections
        from planbench.report.html import write_report

        write_report(records, path, not_run=left_out, extra=debate_sections(records))
    except SolverUnavailableError as error:
        console.note(f"no report: {error}")
        return None
    return path


def _show(records: list[Record]) -> None:
    # What misses the tightest of several target gaps is no failure: it has tables of its own.
    if tables := effort_tables(records):
        views.show([*tables, effort_overall(records)])
    records = [record for record in records if record.accuracy is None]
    if not records:
        return
    optima = {info.name: info.optimum for info in list_builtin()}
    alone = golden_table(records, optima)
    tables = [alone] if alone.rows else []
    for ladder in find_ladders(require_results(records)):
        tables.append(ladder_table(ladder, "seconds"))
        tables.append(growth_table(ladder, [predict(ladder, s) for s in ladder.series]))
    tables += sweep_tables(records, "seconds")
    tables += ladder_tables(records, "bytes")
    tables.append(scores_table(require_results(records)))
    views.show(tables)
    if old := old_note(records):
        console.out().print(old)


def _document(suite: Suite, summary: RunSummary, page: Path | None) -> dict[str, Any]:
    kept = ("measured", "skipped", "left_out", "budget_spent", "elapsed_s")
    return {
        "suite": suite.name,
        "results": str(summary.store),
        "report": str(page) if page is not None else None,
        **{name: getattr(summary, name) for name in kept},
    }
