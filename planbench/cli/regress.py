"""``planbench regress`` and ``history``: is a run worse than a baseline; what changed when."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from planbench.cli import console, options, views
from planbench.comparison.findings import (
    ALLOWANCES,
    LAYERS,
    Rules,
    comparison_to_markdown,
    to_document,
    to_junit,
)
from planbench.comparison.history import MEASURES, read_history, steps_table
from planbench.comparison.regress import (
    check_two_sides,
    compare_runs,
    read_side,
    results_files,
    write_baseline,
)
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import check_writable, write_text
from planbench.records.schema import Record
from planbench.report.results import machine_key

_Word = TypeVar("_Word", bound=str)
#: Read by the parsers of their options.
_LEAST_EFFECT: Any = "10%"
_LEAST_STEP: Any = "5%"


@dataclass(frozen=True)
class RuleOptions:
    """What is compared, and from where on a change counts.

    Attributes
    ----------
    layers : A,B,…
        Of outcomes (always judged), counters, memory, time, scaling; all if not given.
    allow : A,B,…
        Compare in spite of other versions, machine, instances, or disturbed times.
    confidence : P
        Of all intervals of a layer together.
    require_all : flag
        What only the baseline has measured is worse.
    """

    layers: str | None = None
    allow: str | None = None
    least_effect: options.LeastEffectOption = _LEAST_EFFECT
    confidence: Annotated[float, typer.Option(parser=options.between(0.0, 1.0))] = 0.99
    solver: options.OnlySolversOption = None
    require_all: Annotated[bool, typer.Option("--require-all")] = False

    def rules(self) -> Rules:
        """Return them as a comparison takes them."""
        return Rules(
            layers=_words(self.layers, LAYERS, "--layers") | {"outcomes"},
            allow=frozenset() if self.allow is None else _words(self.allow, ALLOWANCES, "--allow"),
            least_effect=self.least_effect,
            confidence=self.confidence,
            require_all=self.require_all,
        )


def _words(text: str | None, known: tuple[_Word, ...], option: str) -> frozenset[_Word]:
    """Words of a list; all that are known where the option is not given."""
    if text is None:
        return frozenset(known)
    asked = [word.strip() for word in text.split(",") if word.strip()]
    if not asked:
        raise InputError(f"is empty; give {', '.join(known)}", where=option)
    options.check_known(option, asked, known, "give")
    return frozenset(word for word in known if word in asked)


@dataclass(frozen=True)
class Output:
    """How a comparison is shown, and where it is written.

    Attributes
    ----------
    everything : flag
        Show every figure.
    markdown : FILE
        Also write Markdown, e.g. for a pull request.
    junit : FILE
        Also write JUnit XML.
    """

    everything: Annotated[bool, typer.Option("--all", rich_help_panel="Output")] = False
    markdown: Annotated[Path | None, typer.Option(rich_help_panel="Output")] = None
    junit: Annotated[Path | None, typer.Option(rich_help_panel="Output")] = None


@options.command
def regress(
    baseline: Path,
    candidate: Path,
    judged: RuleOptions,
    *,
    update: Annotated[bool, typer.Option("--update")] = False,
    output: Output,
    json: options.JsonOption = False,
) -> int:
    """Compare two runs of bench, layer by layer, worst first.

    Outcomes: answers that turned wrong, runs that no longer end. Counters: iterations, sizes,
    objective, certified gap; exact where versions and processor are the same. Memory: peaks
    against a bound. Time: log ratios of pairs in matrix passes, which must exceed --least-effect
    beyond doubt. Scaling: exponents of ladders.

    Exit code 0: nothing worse; 1: something is worse; 2: could not compare, because instances,
    machines or versions differ (see --allow), nothing is in common, or the input is bad.

    Parameters
    ----------
    baseline : BASELINE
        Results file, or folder of them.
    candidate : CANDIDATE
        Results to compare with it.
    update : flag
        Show what changes, then make CANDIDATE the baseline.

    Examples
    --------
    planbench regress results/before.jsonl results/after.jsonl
    planbench regress base/ head/ --markdown comment.md --junit regress.xml
    planbench regress baseline.jsonl results/smoke.jsonl --layers counters --allow machine
    planbench regress old.jsonl new.jsonl --allow versions --least-effect 20% --json
    planbench regress results/baselines/smoke.jsonl results/smoke.jsonl --update
    """
    rules = judged.rules()
    if update:  # what changes is to be seen whatever it is due to
        rules = replace(rules, allow=frozenset(ALLOWANCES))
    for path in (output.markdown, output.junit):
        if path is not None and check_writable(path) in (baseline, candidate):
            raise InputError("would replace the results; give another name", where=str(path))
    if update and baseline.is_dir():
        raise InputError("is a folder; --update replaces one file", where=str(baseline))
    check_two_sides(baseline, candidate)
    new = options.without_sides(read_side(candidate), candidate)
    if update and not baseline.exists():
        _refuse_wrong(new, candidate)
        write_baseline(new, baseline)
        console.say(f"wrote {baseline}, a new baseline of {plural(len(new), 'measurement')}")
        return 0
    old = options.without_sides(read_side(baseline), baseline)
    # Names of the two sides: of the files, with their folders where they are the same.
    same = baseline.name == candidate.name
    names = (str(baseline), str(candidate)) if same else (baseline.name, candidate.name)
    found = compare_runs(_of(old, judged.solver), _of(new, judged.solver), rules, names=names)
    if output.markdown is not None:
        write_text(output.markdown, comparison_to_markdown(found))
    if output.junit is not None:
        write_text(output.junit, to_junit(found))
    if json:
        console.print_json(to_document(found))
    views.show_comparison(found, everything=output.everything, table=not json)
    if not update:
        return found.exit_code
    _refuse_wrong(new, candidate)
    write_baseline(new, baseline)
    console.say(f"wrote {baseline}: {plural(len(old), 'measurement')} before, {len(new)} now")
    return 0


def _of(records: Sequence[Record], solvers: Sequence[str] | None) -> list[Record]:
    options.check_known("--solver", solvers, {r.solver for r in records})
    return [r for r in records if not solvers or r.solver in solvers]


def _refuse_wrong(records: Sequence[Record], path: Path) -> None:
    wrong = [r for r in records if r.verdict == "wrong"]
    if wrong:
        first = f"{wrong[0].solver} on {wrong[0].instance.name}"
        raise InputError(
            f"holds {plural(len(wrong), 'wrong answer')} (first {first}) and makes no baseline",
            where=str(path),
        )


@dataclass(frozen=True)
class SeriesOptions:
    """Which figures are drawn, and which of their changes are steps.

    Attributes
    ----------
    measure : WHAT
        passes, seconds, bytes or iterations; may be repeated. All but seconds if not given.
    instance : NAME
        Only this instance; may be repeated.
    machine : ID
        Beginning of a machine's id; the one with most rows if not given.
    """

    measure: list[str] | None = None
    solver: options.OnlySolversOption = None
    instance: list[str] | None = None
    machine: str | None = None
    least_effect: options.LeastEffectOption = _LEAST_STEP

    def wanted(self, record: Record) -> bool:
        """Whether a measurement belongs to the series asked for."""
        return (not self.solver or record.solver in self.solver) and (
            not self.instance or record.instance.name in self.instance
        )


@options.command
def history(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False)],
    output: Annotated[Path | None, typer.Option("--output", "-o")] = None,
    *,
    asked: SeriesOptions,
    no_page: Annotated[bool, typer.Option("--no-page")] = False,
    json: options.JsonOption = False,
) -> None:
    """Draw every figure over the runs in DIR and name its steps: when, with what, by how much.

    A series is one solver on one instance; runs are distinguished by file, commit and versions.
    Levels are found with PELT (package ruptures, extra history). Rows of one machine only are
    put together. Every change of a count of iterations is a step.

    Parameters
    ----------
    folder : DIR
        Folder with results files of many runs.
    output : FILE
        The page; DIR.html if not given.
    no_page : flag
        Write no HTML page.

    Examples
    --------
    planbench history results
    planbench history nightly/ --measure passes --solver highs-ds -o history.html
    planbench history nightly/ --machine 3f2a --json
    """
    options.check_known("--measure", asked.measure, MEASURES, "give")
    page = None
    if not no_page:
        page = check_writable(output or options.page_for(Path(os.path.realpath(folder))))
    files = [
        (str(path.relative_to(folder)), options.read_measurements(path, needed=False))
        for path in results_files(folder, deep=True)
    ]
    everything = [record for _, rows in files for record in rows]
    options.check_known("--solver", asked.solver, {r.solver for r in everything})
    options.check_known("--instance", asked.instance, {r.instance.name for r in everything})
    kept = [(name, list(filter(asked.wanted, rows))) for name, rows in files]
    chosen = asked.measure or [m for m in MEASURES if m != "seconds"]
    found = read_history(
        kept,
        measures=[m for m in MEASURES if m in chosen],
        machine=asked.machine,
        least_effect=asked.least_effect,
    )
    written: dict[str, Any] = {}
    if output is not None and page is not None and not found.series:
        raise InputError(f"not written: {found.notes[-1]}", where=str(output))
    if page is not None and found.series:
        from planbench.comparison.pages import write_history  # needs the extra report

        rows = [r for _, run in kept for r in run if machine_key(r) == found.machine_id]
        written = {"page": str(page), "charts": write_history(found, rows, page)}
    steps = sum(len(s.steps) for s in found.series)
    if json:
        console.print_json(asdict(found) | written)
    elif steps:
        views.show([steps_table(found)])
    for line in found.notes:
        console.note(line)
    console.say(
        f"{len(found.series)} series over {plural(found.runs, 'run')} on {found.machine}: "
        f"{plural(steps, 'step') if steps else 'no steps'}"
    )
    if written:
        console.say(f"wrote {written['page']} with {plural(written['charts'], 'chart')}")
