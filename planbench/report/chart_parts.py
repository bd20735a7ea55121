"""Pieces the charts are put together from: rows, guides, names beside lines, axes, intervals.

A *bar* goes from the lowest to the highest finished measurement of a solver at a size, over
repeats and seeds: what was seen. A *band* is the 95 % interval of the fitted laws of growth over
the sizes they were fitted to: what the measurements bear out. Bars of fewer than two
measurements do not exist, nor bands without an exponent. Bands wider than :data:`WIDE` are left
out: a few of them would cover a chart and say nothing that the table of exponents does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from planbench.records.schema import Record
from planbench.report import words
from planbench.report.ladders import Ladder, Measure, band_over
from planbench.report.results import AggregatedResult, median_result, passes_used
from planbench.report.style import look_of

#: Name of the layer with the solvers' names; the page drops it on narrow screens.
LABELS = "names"

_LABEL_PIXELS = 14
_GREY = "#8f8f8f"


def row(result: AggregatedResult) -> dict[str, Any]:
    """Facts of a result for tooltips, in words."""
    record = result.record
    more = "> " if record.ended != "ok" else ""
    return {
        "series": result.series,
        "instance": result.instance,
        "at": words.count(result.goods),
        "solved": result.solved,
        "outcome": result.status + (" (disturbed machine)" if result.disturbed else ""),
        "time": more + words.seconds(result.seconds)
        if result.seconds is not None
        else words.UNKNOWN,
        "memory": words.size_bytes(result.peak_bytes),
        "passes": words.passes(result.passes),
        "gap": words.gap(result.raw_gap),
    }


def ladder_points(
    ladder: Ladder, measure: Measure
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of finished runs, and of failures; failures at one size stand side by side.

    Runs that prove next to nothing are neither: they would lead by answering another question.
    """
    points: list[dict[str, Any]] = []
    stops: list[dict[str, Any]] = []
    for result in ladder.results:
        cost = {"seconds": result.seconds, "passes": result.passes, "bytes": result.peak_bytes}[
            measure
        ]
        if cost is None or cost <= 0 or result.goods is None or result.too_loose:
            continue
        entry = row(result) | {"goods": result.goods, "cost": cost}
        (points if result.finished else stops).append(entry)
    points.sort(key=lambda r: (r["series"], r["goods"]))
    span = math.log(max(ladder.sizes) / min(ladder.sizes)) / 70
    for size in ladder.sizes:
        here = [r for r in stops if r["goods"] == size]
        here.sort(key=lambda r: r["series"])
        for place, entry in enumerate(here):
            entry["goods"] = size * math.exp(span * (place - (len(here) - 1) / 2))
    return points, stops


def line_points(ladder: Ladder, points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that lines run through: of several seeds of one size the middle one."""
    middle = {
        (result.series, result.instance)
        for series in ladder.series
        for size in ladder.sizes
        if (
            result := median_result(
                [c for c in ladder.at(series, size) if c.finished and not c.too_loose]
            )
        )
        is not None
    }
    return [p for p in points if (p["series"], p["instance"]) in middle]


def last_steps(points: list[dict[str, Any]], stops: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """From a solver's last finished run to its first failure."""
    steps = []
    for name in dict.fromkeys(r["series"] for r in stops):
        first = min((r for r in stops if r["series"] == name), key=lambda r: r["goods"])
        before = [r for r in points if r["series"] == name and r["goods"] < first["goods"]]
        if before:
            last = max(before, key=lambda r: r["goods"])
            steps += [{k: r[k] for k in ("series", "goods", "cost")} for r in (last, first)]
    return steps


def anchor(points: list[dict[str, Any]]) -> tuple[float, float] | None:
    """Smallest size and its cheapest run, where the guides start."""
    solved = [p for p in points if p["solved"]]
    if not solved:
        return None
    first = min(p["goods"] for p in solved)
    return float(first), min(p["cost"] for p in solved if p["goods"] == first)


def guides(
    alt: Any,
    x: Any,
    y: Any,
    measure: Measure,
    x_domain: list[float],
    y_domain: list[float],
    anchor: tuple[float, float] | None,
) -> list[Any]:
    """Grey lines of slope 1, 2 (and 3, for time) from the cheapest run at the first size."""
    if anchor is None or x_domain[1] / anchor[0] < 2:
        return []
    lines: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    for power, name in ((1, "n"), (2, "n²"), (3, "n³"))[: 2 if measure == "bytes" else 3]:
        end = min(x_domain[1], anchor[0] * (y_domain[1] / anchor[1]) ** (1 / power))
        height = anchor[1] * (end / anchor[0]) ** power
        lines.append({"goods": anchor[0], "cost": anchor[1], "guide": name})
        lines.append({"goods": end, "cost": height, "guide": name})
        ends.append({"goods": end, "cost": height, "guide": name})
    return [
        alt.Chart(alt.InlineData(values=lines))
        .mark_line(color=_GREY, strokeWidth=1, opacity=0.7, clip=True)
        .encode(x=x, y=y, detail="guide:N"),
        alt.Chart(alt.InlineData(values=ends))
        .mark_text(color=_GREY, align="right", baseline="top", dx=-5, dy=3, fontStyle="italic")
        .encode(x=x, y=y, text="guide:N"),
    ]


def limit_line(
    alt: Any, ladder: Ladder, measure: Measure, y: Any, y_domain: list[float]
) -> list[Any]:
    """Dashed line at the time limit, where all runs had the same."""
    limits = {c.record.time_limit_s for c in ladder.results if c.record.time_limit_s}
    if measure != "seconds" or len(limits) != 1:
        return []
    limit = float(next(iter(limits)))
    if not y_domain[0] <= limit <= y_domain[1]:
        return []
    data = alt.InlineData(values=[{"cost": limit, "text": f"time limit {limit:g} s"}])
    return [
        alt.Chart(data).mark_rule(strokeDash=[4, 4], color=_GREY).encode(y=y),
        alt.Chart(data)
        .mark_text(align="left", baseline="bottom", dx=5, dy=-3, color=_GREY)
        .encode(y=y, x=alt.value(0), text="text:N"),
    ]


def names(
    alt: Any,
    y: Any,
    colour: Any,
    points: list[dict[str, Any]],
    stops: list[dict[str, Any]],
    y_domain: list[float],
    height: int,
) -> Any:
    """Names right of the plot, each as near its line's end as the others leave room."""
    ends = []
    for name in dict.fromkeys(r["series"] for r in points + stops):
        mine = [r for r in points + stops if r["series"] == name]
        last = max(mine, key=lambda r: r["goods"])
        ends.append((pixel(last["cost"], y_domain, height), last["goods"], name))
    # Lines that stop earlier stand above those that got further at the same cost.
    ends.sort(key=lambda e: (round(e[0]), e[1], e[2]))
    places = spread([e[0] for e in ends], min(_LABEL_PIXELS, height / max(len(ends), 1)), height)
    rows = [
        {"series": name, "cost": cost_at(place, y_domain, height)}
        for place, (_, _, name) in zip(places, ends, strict=True)
    ]
    return (
        alt.Chart(alt.InlineData(values=rows), name=LABELS)
        .mark_text(align="left", baseline="middle", dx=8, fontSize=11)
        .encode(y=y, x=alt.value("width"), text="series:N", color=colour)
    )


def spread(wanted: list[float], gap: float, height: float) -> list[float]:
    """Move ascending pixel positions apart to at least `gap`, within [0, height]."""
    groups: list[tuple[float, int]] = []  # mean position wanted, members
    for value in wanted:
        centre, members = value, 1
        while groups:
            other, count = groups[-1]
            if centre - (members - 1) / 2 * gap - (other + (count - 1) / 2 * gap) >= gap:
                break
            groups.pop()
            centre = (centre * members + other * count) / (members + count)
            members += count
            centre = min(max(centre, (members - 1) / 2 * gap), height - (members - 1) / 2 * gap)
        groups.append((centre, members))
    return [
        centre + (k - (members - 1) / 2) * gap for centre, members in groups for k in range(members)
    ]


def pixel(cost: float, domain: list[float], height: float) -> float:
    """Vertical position of a cost, from the top."""
    low, high = domain
    return height * (1 - math.log(cost / low) / math.log(high / low))


def cost_at(place: float, domain: list[float], height: float) -> float:
    """Cost at a vertical position; the inverse of :func:`pixel`."""
    low, high = domain
    return float(low * (high / low) ** (1 - place / height))


def encodings(alt: Any, series: list[str], *, legend: bool = False) -> tuple[Any, Any, Any]:
    """Colour, shape and dash by series; without legends (the page draws its own) unless asked."""
    looks = [look_of(name) for name in series]
    shown = alt.Legend(title=None, symbolLimit=0) if legend else None
    return (
        alt.Color(
            "series:N",
            scale=alt.Scale(domain=series, range=[k.colour for k in looks]),
            legend=shown,
        ),
        alt.Shape(
            "series:N",
            scale=alt.Scale(domain=series, range=[k.shape for k in looks]),
            legend=shown,
        ),
        alt.StrokeDash(
            "series:N",
            scale=alt.Scale(domain=series, range=[list(k.dash) or [1, 0] for k in looks]),
            legend=shown,
        ),
    )


def finished(
    alt: Any, chart: Any, width: int | str, height: int, background: str = "transparent"
) -> Any:
    """Size and configuration all charts share."""
    return chart.properties(width=width, height=height).configure(
        background=background,
        font="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelFontSize=12,
            titleFontSize=12.5,
            titleFontWeight="normal",
            titlePadding=10,
            gridColor="#999999",
            gridOpacity=0.25,
            domainColor="#999999",
            tickColor="#999999",
            labelOverlap="greedy",
        ),
    )


def widened(low: float, high: float, factor: float) -> list[float]:
    """Domain of a log axis with room on both sides."""
    return [low / factor, high * factor]


def ticks(domain: list[float], every: int = 1) -> list[float]:
    """Powers of ten within the domain; with thirds where there are fewer than three."""
    low, high = domain
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = [k for k in range(first, last + 1) if k % every == 0]
    found = [10.0**k for k in powers]
    if len(found) < 3:
        found = [m * 10.0**k for k in range(first - 1, last + 1) for m in (1, 2, 5)]
        found = [t for t in found if low <= t <= high]
    return found


#: Widest band that is drawn: its upper end over its lower one, where it is widest.
WIDE = 10.0
#: Sizes at which a band is drawn: its edges are curves, but gentle ones.
_STEPS = 7


def bar_rows(ladder: Ladder, measure: Measure) -> list[dict[str, Any]]:
    """Lowest and highest finished measurement of each solver and size measured more than once.

    Rows are those that the results count: disturbed ones only where there are no others.
    """
    rows = []
    for series in ladder.series:
        for size in ladder.sizes:
            costs = _costs(
                [c for c in ladder.at(series, size) if c.finished and not c.too_loose], measure
            )
            if len(costs) > 1 and min(costs) < max(costs):
                rows.append(_row(series, size, min(costs), max(costs)))
    return rows


def band_rows(ladder: Ladder, measure: Measure) -> list[dict[str, Any]]:
    """Low and high ends of each solver's fitted cost, at a few sizes from small to large.

    Without bands that are somewhere wider than :data:`WIDE`, and of those whose results are drawn.
    """
    drawn = {c.series for c in ladder.results if c.finished and not c.too_loose}
    bands = {s: band_over(ladder, s, measure, _STEPS) for s in ladder.series if s in drawn}
    return [
        _row(series, size, low, high)
        for series, band in bands.items()
        if all(high <= WIDE * low for _, low, high in band)
        for size, low, high in band
    ]


def interval_sentences(ladder: Ladder, measure: Measure) -> list[str]:
    """Say what the bars and bands of a chart are, a sentence each; empty where it has neither."""
    said = []
    if bar_rows(ladder, measure):
        said.append(
            "Bars, where longer than their mark: lowest to highest of all repeats and seeds."
        )
    if band_rows(ladder, measure):
        said.append(
            f"Bands: 95 % intervals of the fitted laws, if nowhere wider than a factor of {WIDE:g}."
        )
    return said


def interval_layers(
    alt: Any, x: Any, y: Any, colour: Any, bars: Sequence[Any], bands: Sequence[Any]
) -> list[Any]:
    """Draw bands, then bars; the lines and points of a chart go on top of them."""
    low = y.copy()
    low.shorthand = "low:Q"
    layers = []
    if bands:
        layers.append(
            alt.Chart(alt.InlineData(values=list(bands)), name="bands")
            .mark_area(opacity=0.13, clip=True)
            .encode(x=x, y=low, y2="high:Q", color=colour, detail="series:N")
        )
    if bars:
        layers.append(
            alt.Chart(alt.InlineData(values=list(bars)), name="bars")
            .mark_rule(strokeWidth=3, opacity=0.55, clip=True)
            .encode(x=x, y=low, y2="high:Q", color=colour)
        )
    return layers


def _costs(results: Sequence[AggregatedResult], measure: Measure) -> list[float]:
    found = [_cost(row, measure) for result in results for row in result.rows]
    return [cost for cost in found if cost is not None and cost > 0]


def _cost(row: Record, measure: Measure) -> float | None:
    if measure == "passes":
        return passes_used(row)
    return row.wall_s if measure == "seconds" else row.peak_bytes


def _row(series: str, goods: float | int, low: float, high: float) -> dict[str, Any]:
    """Figures to four digits: more cannot be seen, and pages stay light."""
    return {
        "series": series,
        "goods": goods if isinstance(goods, int) else float(f"{goods:.4g}"),
        "low": float(f"{low:.4g}"),
        "high": float(f"{high:.4g}"),
    }
