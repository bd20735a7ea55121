"""Charts of the report, as Altair objects; habits of ClickBench and COCO.

Failures are drawn as crosses at the limit instead of being left out, grey guides show the slopes
n, n² and n³, lines carry their names, and axes are labelled in plain words with units.

A *bar* goes from the lowest to the highest finished measurement of a solver at a size, over
repeats and seeds: what was seen. A *band* is the 95 % interval of the fitted laws of growth over
the sizes they were fitted to: what the measurements bear out. Bars of fewer than two
measurements do not exist, nor bands without an exponent. Bands wider than :data:`WIDE` are left
out: a few of them would cover a chart and say nothing that the table of exponents does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import planbench.formatting as fmt
from planbench.errors import SolverUnavailableError
from planbench.records.schema import Record
from planbench.report.ladders import Ladder, band_over, fit_ladder
from planbench.report.results import (
    MEASURE_NAMES,
    TARGET_GAP,
    AggregatedResult,
    Measure,
    median_result,
    passes_used,
)
from planbench.report.scores import profile_seconds
from planbench.report.style import in_order, series_style
from planbench.report.sweeps import Sweep
from planbench.stats.accuracy import TimeToAccuracy
from planbench.stats.aggregate import performance_profile

try:
    import altair
    import vl_convert  # noqa: F401
except ImportError as error:
    raise SolverUnavailableError(
        f"charts need {error.name or 'altair'}; pip install 'planbench[report]'"
    ) from None

#: For modules that draw charts of their own.
alt: Any = altair
HEIGHT = 380
#: Gaps below it are drawn on it: the last digit of a double.
GAP_FLOOR = 1e-16
CROSS = "M-1,-1L1,1M-1,1L1,-1"
_AXIS_TITLES = {
    "seconds": "seconds to a plan",
    "passes": "matrix passes to a plan",
    "bytes": "peak memory of the solve",
}
TICKS = {
    "seconds": (
        "datum.value < 1e-3 ? format(datum.value * 1e6, '~g') + ' µs' : "
        "datum.value < 1 ? format(datum.value * 1e3, '~g') + ' ms' : "
        "format(datum.value, ',~r') + ' s'"
    ),
    "passes": "format(datum.value, ',~r')",
    "bytes": (
        "datum.value < 1e6 ? format(datum.value / 1e3, ',~r') + ' kB' : "
        "datum.value < 1e9 ? format(datum.value / 1e6, ',~r') + ' MB' : "
        "format(datum.value / 1e9, ',~r') + ' GB'"
    ),
}
_GOODS_TICKS = (
    "datum.value < 1e6 ? format(datum.value, ',') : format(datum.value / 1e6, ',~r') + ' million'"
)


@dataclass(frozen=True)
class Canvas:
    """What a chart is drawn on.

    Attributes
    ----------
    width : int or "container"
        Pixels of the plot, without the names at its right.
    height : int, optional
        Pixels of the plot; each chart has a height of its own.
    background : str
        Colour behind everything.
    legend : bool
        With a legend; a page draws its own below.
    """

    width: int | str = "container"
    height: int | None = None
    background: str = "transparent"
    legend: bool = False


#: Charts of a page.
PAGE = Canvas()


def ladder_chart(
    ladder: Ladder,
    measure: Measure,
    canvas: Canvas = PAGE,
    same_axes: Sequence[Ladder] = (),
) -> Any:
    """Cost against goods on log–log axes, a line per solver.

    Parameters
    ----------
    ladder : Ladder
    measure : {"seconds", "passes", "bytes"}
    canvas : Canvas
    same_axes : sequence of Ladder, optional
        The axes are made long enough for these too, so that their charts can be put next to this.

    Returns
    -------
    altair.LayerChart or None
        None where no run has a figure to draw.
    """
    points, stops = ladder_points(ladder, measure)
    if not points and not stops:
        return None
    series = in_order([p["series"] for p in points + stops])
    bars = bar_rows(ladder, measure)
    drawn = [ladder, *same_axes]
    costs = [cost for one in drawn for cost in _drawn_costs(one, measure)]
    sizes = [size for one in drawn for size in one.sizes]
    y_domain = widened(min(costs), max(costs), 1.7)
    x_domain = widened(min(sizes), max(sizes), 1.25)
    x = log_axis(alt.X, "goods:Q", "goods in the economy", x_domain, _GOODS_TICKS)
    y = log_axis(alt.Y, "cost:Q", _AXIS_TITLES[measure], y_domain, TICKS[measure])
    colour, shape, dash = encodings(series)
    tooltip = tooltips(
        series="solver",
        at="goods",
        outcome="outcome",
        time="time",
        memory="peak memory",
        passes="matrix passes",
        gap="raw gap",
    )
    layers = guides(x, y, measure, x_domain, y_domain, anchor(points))
    layers += limit_line(ladder, measure, y, y_domain)
    layers += interval_layers(x, y, colour, bars, band_rows(ladder, measure))
    layers.append(lines_of(line_points(ladder, points), x, y, colour, dash))
    layers.append(points_of(points, x, y, colour, shape, tooltip))
    layers.append(crosses(stops, x, y, colour, tooltip))
    layers.append(names(y, colour, points, stops, y_domain, canvas.height or HEIGHT))
    return finished(alt.layer(*layers), canvas)


def _drawn_costs(ladder: Ladder, measure: Measure) -> list[float]:
    """Everything on the vertical axis, ends of bars too."""
    points, stops = ladder_points(ladder, measure)
    ends = [end for bar in bar_rows(ladder, measure) for end in (bar["low"], bar["high"])]
    return [p["cost"] for p in points + stops] + ends


def accuracy_chart(
    results: Sequence[AggregatedResult],
    canvas: Canvas = PAGE,
) -> Any:
    """Certified raw gap against seconds, a point per solver and instance; None without any."""
    rows = [
        row(c) | {"x": max(c.seconds, 1e-6), "y": max(c.raw_gap, GAP_FLOOR)}
        for c in results
        if c.finished and c.seconds is not None and c.raw_gap is not None
    ]
    if not rows:
        return None
    series = in_order([r["series"] for r in rows])
    colour, shape, _ = encodings(series, legend=canvas.legend)
    x_domain = widened(min(r["x"] for r in rows), max(r["x"] for r in rows), 1.7)
    y_domain = widened(min(r["y"] for r in rows), max(1.0, *(r["y"] for r in rows)), 3.0)
    x = log_axis(alt.X, "x:Q", "seconds to a plan", x_domain, TICKS["seconds"])
    y = alt.Y(
        "y:Q",
        title="certified gap to the optimum (raw)",
        scale=alt.Scale(type="log", domain=y_domain, nice=False),
        axis=alt.Axis(
            values=ticks(y_domain, every=2),
            labelExpr="datum.value == 1 ? '100 %' : "
            "datum.value >= 1e-3 ? format(datum.value * 100, '~g') + ' %' : "
            "format(datum.value, '.0e')",
        ),
    )
    tooltip = tooltips(
        series="solver", instance="instance", time="time", gap="raw gap", outcome="outcome"
    )
    target = threshold("y", TARGET_GAP, y, "counts as solved below", align="right")
    return finished(alt.layer(*target, points_of(rows, x, y, colour, shape, tooltip)), canvas)


def profile_chart(
    results: Sequence[AggregatedResult],
    canvas: Canvas = PAGE,
) -> Any:
    """Draw performance profiles (Dolan & Moré 2002); None with fewer than two solvers.

    Each solver's share is of the instances it was run on.
    """
    times = profile_seconds(results)
    profiles = [p for p in performance_profile(times) if p.ratios]
    if len(profiles) < 2:
        return None
    worst = max(max(p.ratios) for p in profiles)
    end = max(worst * 1.2, 2.0)
    rows: list[dict[str, Any]] = []
    for profile in profiles:
        steps = [(1.0, profile.share_within(1.0))]
        steps += zip(profile.ratios, profile.shares, strict=True)
        steps.append((end, profile.shares[-1]))
        of = f"of {profile.instances}"
        rows += [{"series": profile.solver, "x": x, "y": y, "of": of} for x, y in steps]
    colour, _, dash = encodings(in_order(list(times)), legend=canvas.legend)
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X(
                "x:Q",
                title="within this factor of the fastest solver",
                scale=alt.Scale(type="log", domain=[1.0, end], nice=False),
                axis=alt.Axis(
                    values=ticks([1.0, end]), labelExpr="format(datum.value, ',~r') + '×'"
                ),
            ),
            y=alt.Y(
                "y:Q",
                title="solved, of the instances it was run on",
                scale=alt.Scale(domain=[0, 1.02], nice=False),
                axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
            ),
            color=colour,
            strokeDash=dash,
            detail="series:N",
            tooltip=[
                alt.Tooltip("series:N", title="solver"),
                alt.Tooltip("x:Q", title="factor", format=".3~g"),
                alt.Tooltip("y:Q", title="share", format=".0%"),
                alt.Tooltip("of:N", title="instances"),
            ],
        )
    )
    return finished(alt.layer(chart), canvas, 320)


def vegalite_version() -> str:
    """Version of Vega-Lite that Altair writes, in vl-convert's spelling (``6.1``)."""
    major, minor = alt.SCHEMA_VERSION.lstrip("v").split(".")[:2]
    return f"{major}.{minor}"


#: Exponents that were claimed, with the label of their line.
CLAIMED = ((1.0, "n"), (2.0, "n²"), (3.5, "n^3.5"))
#: Exponents shown; intervals that go further end at the edge.
RANGE = (-0.5, 5.0)


def exponent_chart(ladder: Ladder, canvas: Canvas = PAGE) -> Any:
    """Exponents of a ladder with 95 % intervals, time above matrix passes above memory.

    Returns
    -------
    altair.LayerChart or None
        None without any exponent.
    """
    rows = []
    for name in ladder.series:
        for measure, label in MEASURE_NAMES.items():
            fit = fit_ladder(ladder, name, measure)
            if fit.exponent is None or fit.low is None or fit.high is None:
                continue
            rows.append(
                {
                    "series": name,
                    "what": label,
                    "exponent": min(max(fit.exponent, RANGE[0]), RANGE[1]),
                    "low": min(max(fit.low, RANGE[0]), RANGE[1]),
                    "high": max(min(fit.high, RANGE[1]), RANGE[0]),
                    "said": f"{fmt.exponent(fit.exponent)} ({fmt.interval(fit.low, fit.high)})",
                }
            )
    if not rows:
        return None
    series = in_order([str(r["series"]) for r in rows])
    kinds = list(MEASURE_NAMES.values())
    colour, _, _ = encodings(series)
    data = alt.InlineData(values=rows)
    x = alt.X(
        "exponent:Q",
        title="exponent of the number of goods, with its 95 % interval",
        scale=alt.Scale(domain=list(RANGE), nice=False),
        axis=alt.Axis(values=[0, 1, 2, 3, 4, 5], grid=True),
    )
    y = alt.Y("series:N", title=None, sort=series, scale=alt.Scale(paddingInner=0.25))
    offset = alt.YOffset("what:N", sort=kinds)
    tooltip = tooltips(series="solver", what="of", said="exponent")
    guide = alt.InlineData(values=[{"exponent": e, "text": t} for e, t in CLAIMED])
    layers = [
        alt.Chart(guide).mark_rule(strokeDash=[4, 4], color="#888").encode(x=x),
        alt.Chart(guide)
        .mark_text(align="left", baseline="bottom", dx=3, dy=-3, color="#888", fontStyle="italic")
        .encode(x=x, y=alt.value(0), text="text:N"),
        alt.Chart(data)
        .mark_rule(strokeWidth=2)
        .encode(x=alt.X("low:Q"), x2="high:Q", y=y, yOffset=offset, color=colour),
        alt.Chart(data)
        .mark_point(filled=True, size=45, opacity=1)
        .encode(
            x=x,
            y=y,
            yOffset=offset,
            color=colour,
            shape=alt.Shape(
                "what:N",
                scale=alt.Scale(domain=kinds, range=["circle", "diamond", "square"]),
                legend=alt.Legend(title=None, orient="bottom"),
            ),
            tooltip=tooltip,
        ),
    ]
    return finished(alt.layer(*layers), canvas, max(120, 34 * len(series)))


def sweep_chart(
    sweep: Sweep,
    canvas: Canvas = PAGE,
) -> Any:
    """Seconds against the knob of a sweep, log–log, crosses where a run was stopped."""
    rows = [
        row(result) | {"x": value, "cost": result.seconds, "finished": result.finished}
        for value, result in sweep.points
        if result.seconds and not result.too_loose
    ]
    if not rows:
        return None
    points = [r for r in rows if r["finished"]]
    stops = [r for r in rows if not r["finished"]]
    series = in_order([r["series"] for r in rows])
    colour, shape, dash = encodings(series, legend=canvas.legend)
    y_domain = widened(min(r["cost"] for r in rows), max(r["cost"] for r in rows), 1.7)
    x = _knob_axis(sweep, [r["x"] for r in rows])
    if sweep.words:
        rows = [r | {"x": sweep.label(r["x"])} for r in rows]
        points = [r for r in rows if r["finished"]]
        stops = [r for r in rows if not r["finished"]]
    y = log_axis(alt.Y, "cost:Q", "seconds to a plan", y_domain, TICKS["seconds"])
    tooltip = [
        alt.Tooltip("series:N", title="solver"),
        alt.Tooltip("x:N", title=sweep.title)
        if sweep.words
        else alt.Tooltip("x:Q", title=sweep.title, format=",.4~g"),
        alt.Tooltip("time:N", title="time"),
        alt.Tooltip("outcome:N", title="outcome"),
        alt.Tooltip("gap:N", title="raw gap"),
    ]
    # Between words there is no way that a line could follow.
    layers = [] if sweep.words else [lines_of(points, x, y, colour, dash)]
    layers += [
        points_of(points, x, y, colour, shape, tooltip),
        crosses(stops, x, y, colour, tooltip),
    ]
    return finished(alt.layer(*layers), canvas)


def _knob_axis(sweep: Sweep, values: Sequence[float]) -> Any:
    """Logarithmic; where the knob was turned to zero linear, or symmetrical about it."""
    title = sweep.title
    if sweep.words:
        return alt.X("x:N", title=title, sort=list(sweep.words), axis=alt.Axis(labelAngle=0))
    if min(values) <= 0:
        least = min((v for v in values if v > 0), default=1.0)
        steep = max(values) > 30 * least
        kind = {"type": "symlog", "constant": least} if steep else {}
        return alt.X(
            "x:Q",
            title=title,
            scale=alt.Scale(domain=[0, 1.04 * max(values) or 1.0], nice=False, **kind),
            axis=alt.Axis(values=sorted(set(values)), format=",~r", labelOverlap=True),
        )
    domain = widened(min(values), max(values), 1.25)
    return log_axis(alt.X, "x:Q", title, domain, "format(datum.value, ',~r')")


def effort_chart(
    times: Sequence[TimeToAccuracy],
    canvas: Canvas = PAGE,
) -> Any:
    """Seconds to each target gap on the largest instance driven to several; None without one."""
    chosen = largest_driven(times)
    if not chosen:
        return None
    rows = [
        {
            "series": t.solver,
            "x": t.target,
            "cost": t.seconds,
            "solved": t.reached,
            "time": ("" if t.reached else "> ") + fmt.seconds(t.seconds),
            "end": t.end,
        }
        for t in chosen
    ]
    series = in_order([str(r["series"]) for r in rows])
    colour, shape, dash = encodings(series, legend=canvas.legend)
    x_domain = widened(min(t.target for t in chosen), max(t.target for t in chosen), 2.0)
    y_domain = widened(min(t.seconds for t in chosen), max(t.seconds for t in chosen), 1.7)
    x = alt.X(
        "x:Q",
        title="certified gap asked for (raw); tighter to the right",
        scale=alt.Scale(type="log", domain=x_domain, nice=False, reverse=True),
        axis=alt.Axis(
            values=sorted({t.target for t in chosen}), labelExpr="format(datum.value, '.0e')"
        ),
    )
    y = log_axis(alt.Y, "cost:Q", "seconds, failed tries charged", y_domain, TICKS["seconds"])
    tooltip = [
        alt.Tooltip("series:N", title="solver"),
        alt.Tooltip("x:Q", title="gap", format=".0e"),
        alt.Tooltip("time:N", title="time"),
        alt.Tooltip("end:N", title="end"),
    ]
    reached = [r for r in rows if r["solved"]]
    layers = [
        lines_of(reached, x, y, colour, dash),
        points_of(reached, x, y, colour, shape, tooltip),
        crosses([r for r in rows if not r["solved"]], x, y, colour, tooltip),
    ]
    return finished(alt.layer(*layers), canvas)


def largest_driven(times: Sequence[TimeToAccuracy]) -> list[TimeToAccuracy]:
    """Choose the largest instance that was driven to several targets; empty without one."""
    by_instance: dict[str, list[TimeToAccuracy]] = {}
    for one in times:
        # A planner that refused the economy spent no time worth a cross.
        if one.seconds <= 0 or one.end == "refused":
            continue
        by_instance.setdefault(one.sha256, []).append(one)
    several = [ts for ts in by_instance.values() if len({t.target for t in ts}) > 1]
    return max(several, key=lambda ts: (ts[0].goods or 0, len(ts)), default=[])


# -- pieces --------------------------------------------------------------------------------------

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
        "at": fmt.count(result.goods),
        "solved": result.solved,
        "outcome": result.status + (" (disturbed machine)" if result.disturbed else ""),
        "time": more + fmt.seconds(result.seconds) if result.seconds is not None else fmt.UNKNOWN,
        "memory": fmt.size_bytes(result.peak_bytes),
        "passes": fmt.passes(result.passes),
        "gap": fmt.gap(result.raw_gap),
    }


def ladder_points(
    ladder: Ladder, measure: Measure
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of finished runs, and of failures; failures at one size are drawn side by side.

    Runs that prove next to nothing are neither: they would lead by answering another question.
    """
    points: list[dict[str, Any]] = []
    stops: list[dict[str, Any]] = []
    for result in ladder.results:
        cost = result.cost(measure)
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


def anchor(points: list[dict[str, Any]]) -> tuple[float, float] | None:
    """Smallest size and its cheapest run, where the guides start."""
    solved = [p for p in points if p["solved"]]
    if not solved:
        return None
    first = min(p["goods"] for p in solved)
    return float(first), min(p["cost"] for p in solved if p["goods"] == first)


def guides(
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


def limit_line(ladder: Ladder, measure: Measure, y: Any, y_domain: list[float]) -> list[Any]:
    """Dashed line at the time limit, where all runs had the same."""
    limits = {c.record.time_limit_s for c in ladder.results if c.record.time_limit_s}
    if measure != "seconds" or len(limits) != 1:
        return []
    limit = float(next(iter(limits)))
    if not y_domain[0] <= limit <= y_domain[1]:
        return []
    return threshold("cost", limit, y, f"time limit {limit:g} s")


def threshold(field: str, value: float, y: Any, text: str, *, align: str = "left") -> list[Any]:
    """Draw a dashed line at a value of the vertical axis, with a text at its left or right end."""
    data = alt.InlineData(values=[{field: value, "text": text}])
    end = alt.value(0) if align == "left" else alt.value("width")
    return [
        alt.Chart(data).mark_rule(strokeDash=[4, 4], color=_GREY).encode(y=y),
        alt.Chart(data)
        .mark_text(
            align=align, baseline="bottom", dx=5 if align == "left" else -5, dy=-3, color=_GREY
        )
        .encode(y=y, x=end, text="text:N"),
    ]


def names(
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
    # Names of lines that stop earlier are above those that got further at the same cost.
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


def encodings(series: list[str], *, legend: bool = False) -> tuple[Any, Any, Any]:
    """Colour, shape and dash by series; without legends (the page draws its own) unless asked."""
    styles = [series_style(name) for name in series]
    shown = alt.Legend(title=None, symbolLimit=0) if legend else None
    return (
        alt.Color(
            "series:N",
            scale=alt.Scale(domain=series, range=[k.colour for k in styles]),
            legend=shown,
        ),
        alt.Shape(
            "series:N",
            scale=alt.Scale(domain=series, range=[k.shape for k in styles]),
            legend=shown,
        ),
        alt.StrokeDash(
            "series:N",
            scale=alt.Scale(domain=series, range=[list(k.dash) or [1, 0] for k in styles]),
            legend=shown,
        ),
    )


def finished(chart: Any, canvas: Canvas, height: int = HEIGHT) -> Any:
    """Size and configuration all charts share."""
    return chart.properties(width=canvas.width, height=canvas.height or height).configure(
        background=canvas.background,
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


def log_axis(channel: Any, field: str, title: str, domain: list[float], labels: str) -> Any:
    """Logarithmic axis over `domain`; `labels` is a Vega expression."""
    return channel(
        field,
        title=title,
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(values=ticks(domain), labelExpr=labels),
    )


def tooltips(**titles: str) -> list[Any]:
    """Show fields of a row, each under its title."""
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]


def lines_of(rows: Sequence[Any], x: Any, y: Any, colour: Any, dash: Any) -> Any:
    """Draw a line per solver."""
    return (
        alt.Chart(alt.InlineData(values=list(rows)))
        .mark_line(strokeWidth=2, clip=True)
        .encode(x=x, y=y, color=colour, strokeDash=dash, detail="series:N")
    )


def points_of(rows: Sequence[Any], x: Any, y: Any, colour: Any, shape: Any, tooltip: Any) -> Any:
    """Points of finished runs: filled where solved, hollow where less certain."""
    return (
        alt.Chart(alt.InlineData(values=list(rows)))
        .mark_point(size=55, strokeWidth=1.6, filled=False)
        .encode(
            x=x,
            y=y,
            color=colour,
            shape=shape,
            fill=alt.condition("datum.solved", colour, alt.value("transparent")),
            tooltip=tooltip,
        )
    )


def crosses(rows: Sequence[Any], x: Any, y: Any, colour: Any, tooltip: Any) -> Any:
    """Crosses where runs were stopped."""
    return (
        alt.Chart(alt.InlineData(values=list(rows)))
        .mark_point(shape=CROSS, size=70, strokeWidth=2.2, filled=False)
        .encode(x=x, y=y, color=colour, tooltip=tooltip)
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
    x: Any, y: Any, colour: Any, bars: Sequence[Any], bands: Sequence[Any]
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
