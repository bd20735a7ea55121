"""``planbench regress``: is a run worse than a baseline? The gate for continuous integration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from planbench.cli import console, options
from planbench.cli.records import without_sides
from planbench.comparison.findings import ALLOWANCES, LAYERS, Comparison, Rules
from planbench.comparison.regress import check_two_sides, compare_runs, read_side, write_baseline
from planbench.comparison.render import (
    comparison_table,
    comparison_to_markdown,
    shown_findings,
    summary,
    to_document,
    to_junit,
)
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import check_writable, write_text
from planbench.records.schema import Record

EXAMPLES = (
    "planbench regress results/before.jsonl results/after.jsonl",
    "planbench regress base/ head/ --markdown comment.md --junit regress.xml",
    "planbench regress results/baselines/smoke.jsonl results/smoke.jsonl "
    "--layers counters --allow machine",
    "planbench regress old.jsonl new.jsonl --allow versions --least-effect 20% --json",
    "planbench regress results/baselines/smoke.jsonl results/smoke.jsonl --update",
)

_OUTPUT = "Output"
_Word = TypeVar("_Word", bound=str)

#: Read by the parser of the option.
LEAST_EFFECT: Any = "10%"


def regress(
    baseline: Annotated[
        Path,
        typer.Argument(
            metavar="BASELINE", help="Results file, or folder of them.", show_default=False
        ),
    ],
    candidate: Annotated[
        Path,
        typer.Argument(metavar="CANDIDATE", help="Results to compare with it.", show_default=False),
    ],
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…",
            help="Of outcomes (always judged), counters, memory, time, scaling; all if not given.",
            show_default=False,
        ),
    ] = None,
    allow: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…",
            help="Compare in spite of other versions, machine, instances, or disturbed times.",
            show_default=False,
        ),
    ] = None,
    least_effect: options.LeastEffectOption = LEAST_EFFECT,
    confidence: Annotated[
        float,
        typer.Option(
            parser=options.between(0.0, 1.0),
            metavar="P",
            help="Of all intervals of a layer together.",
        ),
    ] = 0.99,
    solver: options.OnlySolversOption = None,
    require_all: Annotated[
        bool, typer.Option("--require-all", help="What only the baseline has measured is worse.")
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Show what changes, then make CANDIDATE the baseline.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every figure.", rich_help_panel=_OUTPUT)
    ] = False,
    markdown: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write Markdown, e.g. for a pull request.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write JUnit XML.", rich_help_panel=_OUTPUT),
    ] = None,
    json: options.JsonOption = False,
) -> int:
    """Compare two runs of bench, layer by layer, worst first.

    Outcomes: answers that turned wrong, runs that no longer end. Counters: iterations, sizes,
    objective, certified gap; exact where versions and processor are the same. Memory: peaks
    against a bound. Time: log ratios of pairs in matrix passes, which must exceed --least-effect
    beyond doubt. Scaling: exponents of ladders.

    Exit code 0: nothing worse; 1: something is worse; 2: could not compare, because instances,
    machines or versions differ (see --allow), nothing is in common, or the input is bad.
    """
    allowed = _words(allow, ALLOWANCES, "--allow", ())
    rules = Rules(
        layers=_words(layers, LAYERS, "--layers") | {"outcomes"},
        # With --update, what changes is to be seen whatever it is due to.
        allow=frozenset(ALLOWANCES) if update else allowed,
        least_effect=least_effect,
        confidence=confidence,
        require_all=require_all,
    )
    for path in (markdown, junit):
        if path is not None and check_writable(path) in (baseline, candidate):
            raise InputError("would replace the results; give another name", where=str(path))
    if update and baseline.is_dir():
        raise InputError("is a folder; --update replaces one file", where=str(baseline))
    check_two_sides(baseline, candidate)
    new = without_sides(read_side(candidate), candidate)
    if update and not baseline.exists():
        _refuse_wrong(new, candidate)
        write_baseline(new, baseline)
        console.say(f"wrote {baseline}, a new baseline of {plural(len(new), 'measurement')}")
        return 0
    old = without_sides(read_side(baseline), baseline)
    # Names of the two sides: of the files, with their folders where they are the same.
    same = baseline.name == candidate.name
    names = (str(baseline), str(candidate)) if same else (baseline.name, candidate.name)
    found = compare_runs(_of(old, solver), _of(new, solver), rules, names=names)
    for path, text in ((markdown, comparison_to_markdown), (junit, to_junit)):
        if path is not None:
            write_text(path, text(found))
    if json:
        console.print_json(to_document(found))
    show(found, everything=everything, table=not json)
    if not update:
        return found.exit_code
    _refuse_wrong(new, candidate)
    write_baseline(new, baseline)
    console.say(f"wrote {baseline}: {plural(len(old), 'measurement')} before, {len(new)} now")
    return 0


def _words(
    text: str | None,
    known: tuple[_Word, ...],
    option: str,
    unasked: tuple[_Word, ...] | None = None,
) -> frozenset[_Word]:
    """Words of a list; `unasked`, or all of `known`, where the option is not given."""
    if text is None:
        return frozenset(known if unasked is None else unasked)
    asked = [word.strip() for word in text.split(",") if word.strip()]
    if not asked:
        raise InputError(f"is empty; give {', '.join(known)}", where=option)
    options.check_known(option, asked, known, "give")
    return frozenset(word for word in known if word in asked)


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


def show(found: Comparison, *, everything: bool, table: bool) -> None:
    """Show a comparison: findings in a table, the rest on standard error, its summary last."""
    shown = shown_findings(found, everything=everything)
    if table and shown:
        console.print_tables([comparison_table(found, shown)])
        for line in found.about:
            console.out().print(line, style="dim", markup=False)
    for line in found.notes:
        console.note(line)
    for obstacle in found.obstacles:
        console.error(f"could not compare: {obstacle.message}")
    if found.having("worse"):
        console.finding(summary(found))
    elif not found.obstacles:
        console.say(summary(found))
