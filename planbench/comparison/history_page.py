"""The history as one self-contained page: a chart per instance and measure, steps marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import planbench.formatting as fmt
from planbench.comparison.history import (
    HISTORY_TITLES,
    History,
    Measure,
    Series,
    change_ratio,
    steps_table,
)
from planbench.comparison.render import in_unit
from planbench.formatting import plural
from planbench.io.files import write_text
from planbench.records.schema import Record
from planbench.report.charts import TICKS, Plot, alt, data, series_of, ticks, widened
from planbench.report.html import page
from planbench.report.markup import Markup, Section, charts, figure, render, section, to_html

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


def _label_expression(measure: Measure) -> str:
    return TICKS["passes" if measure == "iterations" else measure]
