"""The page of two runs: the findings of ``regress``, and results side by side.

Seconds of unequal machines are shown and never divided; matrix passes, which take most of the
hardware out, are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import planbench.formatting as fmt
from planbench.comparison.findings import ALLOWANCES, Comparison, Rules
from planbench.comparison.match import choose_machines
from planbench.comparison.regress import compare_runs
from planbench.comparison.render import comparison_table, left_out_words, summary
from planbench.errors import InputError
from planbench.records.schema import Record
from planbench.report.charts import ladder_chart
from planbench.report.headline import find_findings
from planbench.report.html import page
from planbench.report.instances import outcome_words
from planbench.report.ladders import Ladder, find_ladders
from planbench.report.markup import Markup, Section, charts, figure, render, section, to_html
from planbench.report.results import (
    COST_FORMATS,
    AggregatedResult,
    Measure,
    configuration,
    require_results,
)
from planbench.report.sections import (
    findings,
    ladder_caption,
    machine_facts,
    rows_section,
)
from planbench.report.table import Column, Entry, Mark, Table, number

#: What is compared, and what it is called.
_COSTS: dict[Measure, str] = {"seconds": "time", "passes": "matrix passes", "bytes": "memory"}
#: Ratios within this factor of 1 are not coloured.
QUIET = 1.1


class MatchedResults(NamedTuple):
    """One solver with its options on one instance, in both runs; None where it was not measured."""

    first: AggregatedResult | None
    second: AggregatedResult | None


def match_runs(first: Sequence[Record], second: Sequence[Record]) -> list[MatchedResults]:
    """Match the results of two runs, in order of first appearance.

    Where a run has several versions of a solver on an instance, the last one counts.

    Raises
    ------
    InputError
        When one of them is empty.
    """
    old, new = (
        {(c.sha256, configuration(c.record)): c for c in require_results(records)}
        for records in (first, second)
    )
    return [MatchedResults(old.get(place), new.get(place)) for place in dict.fromkeys([*old, *new])]


def ratio_of(pair: MatchedResults, measure: Measure) -> float | None:
    """Second over first, where both solved it."""
    if not (pair.first and pair.second and pair.first.solved and pair.second.solved):
        return None
    before, after = pair.first.cost(measure), pair.second.cost(measure)
    return after / before if before and after else None


def render_side_by_side(
    first: Sequence[Record], second: Sequence[Record], *, names: tuple[str, str]
) -> str:
    """Lay two runs side by side on one self-contained page.

    Parameters
    ----------
    first, second : sequence of Record
    names : (str, str)
        What the runs are called.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    InputError
        When a run is empty, or nothing was measured in both.
    SolverUnavailableError
        Without the packages of the ``report`` extra.
    """
    pairs = match_runs(first, second)
    if not any(p.first and p.second for p in pairs):
        raise InputError(
            "have no instance and solver in common; nothing to compare", where=" and ".join(names)
        )
    # What changes is to be seen whatever it is due to.
    changes = compare_runs(first, second, Rules(allow=frozenset(ALLOWANCES)), names=names)
    unequal = choose_machines(first, second)[2]
    rows = [*first, *second]
    sections = [
        _head(changes, pairs, names, unequal),
        _findings(first, second, names),
        _changes(changes),
        _growth(first, second, names),
        _every_pair(pairs, names, unequal),
        _machines(first, second, names),
        rows_section(rows, [names[0]] * len(first) + [names[1]] * len(second)),
    ]
    return page(f"{names[0]} against {names[1]}", rows, sections)


def _head(
    changes: Comparison, pairs: Sequence[MatchedResults], names: tuple[str, str], unequal: str
) -> Section:
    html = render(
        "pair_head.html",
        summary=summary(changes),
        first=names[0],
        second=names[1],
        only_first=sum(1 for p in pairs if p.second is None),
        only_second=sum(1 for p in pairs if p.first is None),
        unequal=unequal,
        notes=[fmt.plain(line) for line in changes.notes],
    )
    return Section("head", "", html)


def _findings(first: Sequence[Record], second: Sequence[Record], names: tuple[str, str]) -> Section:
    return findings(
        [
            f"{name}: {line}"
            for name, records in zip(names, (first, second), strict=True)
            for line in find_findings(records)
        ]
    )


def _changes(changes: Comparison) -> Section:
    """Show the findings, of times and exponents also those that are the same."""
    shown = [
        finding
        for finding in changes.findings
        if finding.verdict in ("worse", "unclear", "better") or finding.layer in ("time", "scaling")
    ]
    if not shown:
        return section("changes", "What changed", text="Nothing.")
    note = f"By the rules of planbench regress. {left_out_words(changes, shown)}".rstrip()
    table = to_html(comparison_table(changes, shown))
    return section("changes", "What changed", table, note=note)


def _mark(ratio: float) -> Mark:
    return "bad" if ratio > QUIET else "good" if ratio < 1 / QUIET else ""


def _growth(first: Sequence[Record], second: Sequence[Record], names: tuple[str, str]) -> Section:
    """Charts of each ladder that both runs hold."""
    old, new = (
        {ladder.name: ladder for ladder in find_ladders(require_results(records))}
        for records in (first, second)
    )
    parts: list[Markup] = []
    for name in (name for name in old if name in new):
        pair = old[name], new[name]
        parts += [
            Markup("<h3>Ladder {}</h3>").format(name),
            _charts(pair, names, "seconds"),
            _charts(pair, names, "bytes"),
        ]
    return section("growth", "How cost grows", Markup("").join(parts), link="Growth")


def _charts(pair: tuple[Ladder, Ladder], names: tuple[str, str], measure: Measure) -> Markup:
    """Charts of one cost in both runs, on axes of equal length."""
    return charts(
        figure(
            f"{_COSTS[measure].capitalize()}, {name}",
            ladder_caption(measure),
            ladder_chart(ladder, measure, same_axes=pair),
            f"{measure}-{ladder.name}-{name}",
        )
        for ladder, name in zip(pair, names, strict=True)
    )


def _every_pair(pairs: Sequence[MatchedResults], names: tuple[str, str], unequal: str) -> Section:
    table = Table(
        columns=(
            Column("instance", "long"),
            Column("solver", "solver"),
            *(Column(f"outcome,\n{name}") for name in names),
            *(
                Column(heading, "number")
                for label in _COSTS.values()
                for heading in (*(f"{label},\n{name}" for name in names), f"{label}\nratio")
            ),
            *(Column(f"raw gap,\n{name}", "number") for name in names),
        ),
        rows=[_pair_row(pair, unequal) for pair in pairs],
        tall=True,
    )
    return section("cells", "Every pair", to_html(table))


def _pair_row(pair: MatchedResults, unequal: str) -> list[Entry]:
    known = pair.second or pair.first
    assert known is not None
    lost = pair.first is not None and pair.first.solved and not (pair.second and pair.second.solved)
    marks: tuple[Mark, Mark] = ("", "bad" if lost else "")
    row = [
        Entry(known.instance),
        Entry(configuration(known.record)),
        *(
            Entry(outcome_words(result) if result else "not measured", mark=mark)
            for result, mark in zip(pair, marks, strict=True)
        ),
    ]
    for measure in _COSTS:
        row += [_cost(result, measure) for result in pair]
        ratio = None if unequal and measure == "seconds" else ratio_of(pair, measure)
        row.append(number(f"{ratio:.2f}×", ratio, _mark(ratio)) if ratio else number("", None))
    gaps = [result.raw_gap if result else None for result in pair]
    return row + [number(fmt.gap(gap), gap) for gap in gaps]


def _cost(result: AggregatedResult | None, measure: Measure) -> Entry:
    """Write a cost, of a run that was stopped as more than this."""
    if result is None:
        return number("", None)
    more = "> " if result.record.ended != "ok" else ""
    return number(more + COST_FORMATS[measure](result.cost(measure)), result.cost(measure))


def _machines(first: Sequence[Record], second: Sequence[Record], names: tuple[str, str]) -> Section:
    parts = [
        Markup("<h3>{}</h3>{}").format(name, machine_facts(records))
        for name, records in zip(names, (first, second), strict=True)
    ]
    return section("machine", "Machines and versions", *parts)
