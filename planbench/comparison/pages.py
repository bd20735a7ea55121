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
from planbench.comparison.findings import (
    ALLOWANCES,
    Comparison,
    Rules,
    comparison_table,
    in_unit,
    left_out_words,
    summary,
)
from planbench.comparison.history import (
    HISTORY_TITLES,
    History,
    Series,
    steps_table,
)
from planbench.comparison.match import choose_machines
from planbench.comparison.regress import compare_runs
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import write_text
from planbench.records.schema import Record
from planbench.report.charts import TICKS, Plot, alt, data, ladder_chart, series_of, ticks, widened
from planbench.report.headline import find_findings
from planbench.report.html import findings, ladder_caption, machine_facts, page, rows_section
from planbench.report.instances import outcome_words
from planbench.report.ladders import find_ladders
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
    runs = [(names[0], first), (names[1], second)]
    head = render(
        "pair_head.html",
        summary=summary(changes),
        first=names[0],
        second=names[1],
        only_first=sum(1 for p in pairs if p.second is None),
        only_second=sum(1 for p in pairs if p.first is None),
        unequal=unequal,
        notes=[fmt.plain(line) for line in changes.notes],
    )
    machines = [Markup("<h3>{}</h3>{}").format(name, machine_facts(rows)) for name, rows in runs]
    rows = [*first, *second]
    sections = [
        Section("head", "", head),
        findings([f"{name}: {line}" for name, rows in runs for line in find_findings(rows)]),
        _changes(changes),
        _growth(runs),
        section("cells", "Every pair", to_html(_every_pair(pairs, names, unequal))),
        section("machine", "Machines and versions", *machines),
        rows_section(rows, [name for name, rows in runs for _ in rows]),
    ]
    return page(f"{names[0]} against {names[1]}", rows, sections)


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
    return section("changes", "What changed", to_html(comparison_table(changes, shown)), note=note)


def _growth(runs: Sequence[tuple[str, Sequence[Record]]]) -> Section:
    """Charts of each ladder that both runs hold, on axes of equal length."""
    ladders = [{lad.name: lad for lad in find_ladders(require_results(rows))} for _, rows in runs]
    measures: tuple[Measure, ...] = ("seconds", "bytes")
    parts: list[Markup] = []
    for name in (name for name in ladders[0] if name in ladders[1]):
        pair = ladders[0][name], ladders[1][name]
        parts.append(Markup("<h3>Ladder {}</h3>").format(name))
        for measure in measures:
            parts.append(
                charts(
                    figure(
                        f"{COSTS[measure].short.capitalize()}, {run}",
                        ladder_caption(measure),
                        ladder_chart(ladder, measure, same_axes=pair),
                        f"{measure}-{name}-{run}",
                    )
                    for ladder, (run, _) in zip(pair, runs, strict=True)
                )
            )
    return section("growth", "How cost grows", Markup("").join(parts), link="Growth")


def _every_pair(pairs: Sequence[MatchedResults], names: tuple[str, str], unequal: str) -> Table:
    costs = [
        Column(heading, "number")
        for label in (cost.short for cost in COSTS.values())
        for heading in (*(f"{label},\n{name}" for name in names), f"{label}\nratio")
    ]
    return Table(
        columns=(
            Column("instance", "long"),
            Column("solver", "solver"),
            *(Column(f"outcome,\n{name}") for name in names),
            *costs,
            *(Column(f"raw gap,\n{name}", "number") for name in names),
        ),
        rows=[_pair_row(pair, unequal) for pair in pairs],
        tall=True,
    )


def _pair_row(pair: MatchedResults, unequal: str) -> list[Entry]:
    known = pair.second or pair.first
    assert known is not None
    lost = pair.first is not None and pair.first.solved and not (pair.second and pair.second.solved)
    before, now = (outcome_words(result) if result else "not measured" for result in pair)
    row = [
        Entry(known.instance),
        Entry(configuration(known.record)),
        Entry(before),
        Entry(now, mark="bad" if lost else ""),
    ]
    for measure in COSTS:
        row += [_cost(result, measure) for result in pair]
        ratio = None if unequal and measure == "seconds" else ratio_of(pair, measure)
        row.append(
            number("", None) if ratio is None else number(f"{ratio:.2f}×", ratio, _mark(ratio))
        )
    gaps = [result.raw_gap if result else None for result in pair]
    return row + [number(fmt.gap(gap), gap) for gap in gaps]


def _mark(ratio: float) -> Mark:
    return "bad" if ratio > QUIET else "good" if ratio < 1 / QUIET else ""


def _cost(result: AggregatedResult | None, measure: Measure) -> Entry:
    """Write a cost, of a run that was stopped as more than this."""
    if result is None:
        return number("", None)
    more = "> " if result.record.ended != "ok" else ""
    return number(more + COSTS[measure].shown(result.cost(measure)), result.cost(measure))


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
    stepping = {(s.measure, s.instance, s.sha256) for s in history.series if s.steps}
    places.sort(key=lambda place: place not in stepping)
    shown = places[:MOST_CHARTS]
    head = render(
        "history_head.html",
        series=len(history.series),
        runs=history.runs,
        machine=history.machine,
        steps=plural(sum(len(s.steps) for s in history.series), "step"),
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
    steps = sum(len(s.steps) for s in series)
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
            "at": c.when,
            "shown": f"{c.times}: {in_unit(c.before, s.measure)} → {in_unit(c.after, s.measure)}",
            "changed": fmt.plain(c.changed or "nothing recorded"),
        }
        for s in series
        for c in s.steps
    ]
    return rows, rules


def _ticks(domain: list[float]) -> dict[str, Any]:
    # Within a factor of ten there are too few round figures; Vega finds its own.
    return {"tickCount": 5} if domain[1] < 10 * domain[0] else {"values": ticks(domain)}


def _label_expression(measure: str) -> str:
    return TICKS["passes" if measure == "iterations" else measure]
