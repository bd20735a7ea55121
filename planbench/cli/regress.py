"""``planbench regress``: is a run worse than a baseline? The gate for continuous integration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from planbench.cli import console, options
from planbench.cli.rows import without_sides
from planbench.comparison.findings import ALLOWANCES, LAYERS, Comparison, Rules
from planbench.comparison.regress import check_two_sides, compare_runs, read_side, write_baseline
from planbench.comparison.render import (
    NARROW,
    comparison_table,
    comparison_to_markdown,
    shown_findings,
    summary,
    to_document,
    to_junit,
)
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import write_text
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
        typer.Argument(metavar="CANDIDATE", help="Results to hold against it.", show_default=False),
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
    least_effect: Annotated[
        float,
        typer.Option(parser=options.share, metavar="SHARE", help="Change of a time that matters."),
    ] = LEAST_EFFECT,
    confidence: Annotated[
        float,
        typer.Option(
            parser=options.between(0.0, 1.0),
            metavar="P",
            help="Of all intervals of a layer together.",
        ),
    ] = 0.99,
    solver: Annotated[
        list[str] | None,
        typer.Option("--solver", "-s", metavar="NAME", help="Only this solver; may be repeated."),
    ] = None,
    require_all: Annotated[
        bool,
        typer.Option("--require-all", help="What only the baseline has measured is worse."),
    ] = False,
    update: Annotated[
        bool,
        typer.Option("--update", help="Show what changes, then make CANDIDATE the baseline."),
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
    rules = _rules(layers, allow, least_effect, confidence, require_all)
    for path in (markdown, junit):
        if path is not None and options.writable(path) in (baseline, candidate):
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
    names = _names(baseline, candidate)
    if update:
        # What changes is to be seen whatever it is due to.
        rules = replace(rules, allow=frozenset(ALLOWANCES))
    found = compare_runs(_of(old, solver), _of(new, solver), rules, names=names)
    _write(found, markdown, junit)
    _show(found, json=json, everything=everything)
    if not update:
        return found.exit_code
    _refuse_wrong(new, candidate)
    write_baseline(new, baseline)
    console.say(f"wrote {baseline}: {plural(len(old), 'measurement')} before, {len(new)} now")
    return 0


def _rules(
    layers: str | None, allow: str | None, least_effect: float, confidence: float, require_all: bool
) -> Rules:
    return Rules(
        layers=_words(layers, LAYERS, "--layers") | {"outcomes"} if layers else frozenset(LAYERS),
        allow=_words(allow, ALLOWANCES, "--allow") if allow is not None else frozenset(),
        least_effect=least_effect,
        confidence=confidence,
        require_all=require_all,
    )


def _words(text: str, known: tuple[_Word, ...], option: str) -> frozenset[_Word]:
    asked = [word.strip() for word in text.split(",") if word.strip()]
    for word in asked:
        if word not in known:
            raise InputError(f"is {word!r}; give {', '.join(known)}", where=option)
    if not asked:
        raise InputError(f"is empty; give {', '.join(known)}", where=option)
    return frozenset(word for word in known if word in asked)


def _of(records: Sequence[Record], solvers: Sequence[str] | None) -> list[Record]:
    if not solvers:
        return list(records)
    known = sorted({r.solver for r in records})
    for name in solvers:
        if name not in known:
            raise InputError(f"is {name!r}; the results hold {', '.join(known)}", where="--solver")
    return [r for r in records if r.solver in solvers]


def _names(baseline: Path, candidate: Path) -> tuple[str, str]:
    """Names of the two sides: of the files, with their folders where they are the same."""
    if baseline.name != candidate.name:
        return baseline.name, candidate.name
    return str(baseline), str(candidate)


def _refuse_wrong(records: Sequence[Record], path: Path) -> None:
    wrong = [r for r in records if r.verdict == "wrong"]
    if wrong:
        first = f"{wrong[0].solver} on {wrong[0].instance.name}"
        raise InputError(
            f"holds {plural(len(wrong), 'wrong answer')} (first {first}) and makes no baseline",
            where=str(path),
        )


def _write(found: Comparison, markdown: Path | None, junit: Path | None) -> None:
    for path, text in ((markdown, comparison_to_markdown), (junit, to_junit)):
        if path is not None:
            write_text(path, text(found))


def _show(found: Comparison, *, json: bool, everything: bool) -> None:
    if json:
        console.print_json(to_document(found))
    else:
        shown = shown_findings(found, everything=everything)
        if shown:
            narrow = console.width() < NARROW
            console.print_tables([comparison_table(found, shown, narrow=narrow)])
    for line in found.notes:
        console.note(line)
    for obstacle in found.obstacles:
        console.say(f"could not compare: {obstacle.message}", word="error:", colour="31")
    if not found.obstacles or found.having("worse"):
        if found.having("worse"):
            console.finding(summary(found))
        else:
            console.say(summary(found))
