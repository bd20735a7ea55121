"""Pages of several runs: two side by side, with the findings of ``regress``, and a history.

Seconds of unequal machines are shown and never divided; matrix passes, which take most of the
hardware out, are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import planbench.formatting as fmt
from planbench.comparison.findings import ALLOWANCES, Comparison, Rules
from planbench.comparison.history import (
    HISTORY_TITLES,
    History,
    Series,
    change_ratio,
    steps_table,
)
from planbench.comparison.match import choose_machines
from planbench.comparison.regress import compare_runs
from planbench.comparison.render import comparison_table, in_unit, left_out_words, summary
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import write_text
from planbench.records.schema import Record
from planbench.report.charts import TICKS, Plot, alt, data, ladder_chart, series_of, ticks, widened
from planbench.report.headline import find_findings
from planbench.report.html import findings, ladder_caption, machine_facts, page, rows_section
from planbench.report.instances import outcome_words
from planbench.report.ladders import Ladder, find_ladders
from planbench.report.markup import Markup, Section, charts, figure, render, section, to_html
from planbench.report.results import (
    COSTS,
    AggregatedResult,
    Measure,
    configuration,
    require_results,
)
from planbench.report.table import Column, Entry, Mark, Table, number

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
            f"{COSTS[measure].short.capitalize()}, {name}",
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
                for label in (cost.short for cost in COSTS.values())
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
    for measure in COSTS:
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
    return number(more + COSTS[measure].shown(result.cost(measure)), result.cost(measure))


def _machines(first: Sequence[Record], second: Sequence[Record], names: tuple[str, str]) -> Section:
    parts = [
        Markup("<h3>{}</h3>{}").format(name, machine_facts(records))
        for name, records in zip(names, (first, second), strict=True)
    ]
    return section("machine", "Machines and versions", *parts)


HEIGHT = 260
#: Charts on one page; the table below names every step all the same.
MOST_CHARTS = 60


def write_history(history: History, records: Sequence[Record], path: Path) -> int:
    """Write the page and return how many charts it has.

    Parameters
    ----------
    history : History
    records : sequence of Record
        Rows of the machine; they can be downloaded from the page.
    path : Path

    Raises
    ------
    InputError
        When the file cannot be written.
    SolverUnavailableError
        Without the packages of the ``report`` extra.
    """
    places = list(dict.fromkeys((s.measure, s.instance, s.sha256) for s in history.series))
    # Charts with steps come first, so that a full page leaves out quiet ones.
    stepping = {(s.measure, s.instance, s.sha256) for s in history.series if s.changes}
    places.sort(key=lambda place: place not in stepping)
    shown = places[:MOST_CHARTS]
    head = render(
        "history_head.html",
        series=len(history.series),
        runs=history.runs,
        machine=history.machine,
        steps=plural(sum(len(s.changes) for s in history.series), "step"),
        notes=[fmt.plain(note) for note in history.notes],
        left_out=len(places) - len(shown),
    )
    steps = steps_table(history)
    sections = [
        Section("head", "", head),
        section("steps", "Steps", to_html(steps))
        if steps.rows
        else section("steps", "Steps", text="No series changed its level."),
    ]
    for measure in dict.fromkeys(place[0] for place in shown):
        figures = [
            _figure([s for s in history.series if (s.measure, s.instance, s.sha256) == p])
            for p in shown
            if p[0] == measure
        ]
        sections.append(section(measure, HISTORY_TITLES[measure], charts(figures)))
    made = page(f"History on {history.machine}", records, sections)
    write_text(path, made, make_folder=True)
    return len(shown)


def _figure(series: Sequence[Series]) -> Markup:
    measure, instance = series[0].measure, series[0].instance
    steps = sum(len(s.changes) for s in series)
    return figure(
        instance,
        f"{HISTORY_TITLES[measure]} by run; {plural(steps, 'step') if steps else 'no steps'}.",
        history_chart(series),
        f"history-{measure}-{instance}",
    )


def history_chart(series: Sequence[Series]) -> Any:
    """One measure of one instance over time, a line per solver, a dashed rule at each step.

    Returns
    -------
    altair.LayerChart
    """
    measure = series[0].measure
    rows, rules = _rows(series)
    domain = widened([r["value"] for r in rows if r["value"] > 0] or [1.0], 1.3)
    plot = Plot(
        alt.X("at:T", title=None, axis=alt.Axis(grid=False, tickCount=6)),
        alt.Y(
            "value:Q",
            title=HISTORY_TITLES[measure],
            scale=alt.Scale(type="log", domain=domain, nice=False, clamp=True),
            axis=alt.Axis(labelExpr=_label_expression(measure), grid=True, **_ticks(domain)),
        ),
        series_of(rows),
        {
            "series": "solver",
            "shown": HISTORY_TITLES[measure],
            "when": "measured",
            "commit": "planbench",
            "file": "file",
        },
    )
    layers = [
        plot.lines(rows),
        data(rows)
        .mark_point(size=30, filled=True, opacity=1)
        .encode(x=plot.x, y=plot.y, color=plot.colour, shape=plot.shape, tooltip=plot.tooltips),
    ]
    if rules:
        named = replace(plot, tooltip={"series": "solver", "shown": "change", "changed": "with"})
        layers.append(
            data(rules)
            .mark_rule(strokeWidth=2, strokeDash=[5, 3])
            .encode(x=plot.x, color=plot.colour, tooltip=named.tooltips)
        )
    return plot.finished(layers, HEIGHT)


def _rows(series: Sequence[Series]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows = [
        {
            "series": s.solver,
            "at": p.started_at,
            "value": p.value,
            "shown": in_unit(p.value, s.measure),
            "when": p.started_at[:16].replace("T", " "),
            "commit": p.commit[:12] or fmt.UNKNOWN,
            "file": fmt.plain(p.file),
        }
        for s in series
        for p in s.points
    ]
    rules = [
        {
            "series": s.solver,
            "at": c.after.started_at,
            "shown": f"{change_ratio(c)}: {in_unit(c.level_before, s.measure)} → "
            f"{in_unit(c.level_after, s.measure)}",
            "changed": fmt.plain(c.what_changed or "nothing recorded"),
        }
        for s in series
        for c in s.changes
    ]
    return rows, rules


def _ticks(domain: list[float]) -> dict[str, Any]:
    # Within a factor of ten there are too few round figures; Vega finds its own.
    return {"tickCount": 5} if domain[1] < 10 * domain[0] else {"values": ticks(domain)}


def _label_expression(measure: str) -> str:
    return TICKS["passes" if measure == "iterations" else measure]
