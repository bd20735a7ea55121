"""Charts of the report, as Altair objects; habits of ClickBench and COCO.

Failures are drawn as crosses at the limit instead of being left out, grey guides show the slopes
n, n² and n³, and axes are labelled in plain words with units. A *bar* goes from the lowest to the
highest finished measurement of a solver at a size, over repeats and seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import planbench.formatting as fmt
from planbench.errors import SolverUnavailableError
from planbench.report.ladders import Ladder
from planbench.report.results import COSTS, TARGET_GAP, AggregatedResult, Measure
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
_GREY = "#8f8f8f"
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
#: Fields of :func:`row` and what the pointer shows them as.
RESULT_TOOLTIP = {
    "series": "solver",
    "instance": "instance",
    "at": "goods",
    "outcome": "outcome",
    "time": "time",
    "memory": "peak memory",
    "passes": "matrix passes",
    "gap": "raw gap",
}
_GOODS_TICKS = (
    "datum.value < 1e6 ? format(datum.value, ',') : format(datum.value / 1e6, ',~r') + ' million'"
)


@dataclass(frozen=True)
class Plot:
    """Axes, the solvers drawn on them, and what all layers of a chart share.

    Attributes
    ----------
    x, y : altair channel
    series : list of str
        Solvers, in the usual order; each has its colour, shape and dash.
    tooltip : mapping of str to str
        Title by field of a row.
    """

    x: Any
    y: Any
    series: list[str]
    tooltip: Mapping[str, str]

    def by_series(self, channel: Any, style: str) -> Any:
        """Colour, shape or dash by solver, explained by one legend below the chart."""
        styles = [getattr(series_style(name), style) for name in self.series]
        legend = alt.Legend(title=None, symbolLimit=0, labelLimit=0, orient="bottom")
        return channel("series:N", scale=alt.Scale(domain=self.series, range=styles), legend=legend)

    @property
    def colour(self) -> Any:
        """Colour by solver."""
        return self.by_series(alt.Color, "colour")

    @property
    def shape(self) -> Any:
        """Shape of points by solver."""
        return self.by_series(alt.Shape, "shape")

    @property
    def tooltips(self) -> list[Any]:
        """Show fields of a row, each under its title."""
        return [alt.Tooltip(f"{field}:N", title=title) for field, title in self.tooltip.items()]

    def layer(self, rows: Sequence[Any], **channels: Any) -> Any:
        """Begin a layer of `rows` on the axes, coloured by solver."""
        return data(rows).encode(**({"x": self.x, "y": self.y, "color": self.colour} | channels))

    def lines(self, rows: Sequence[Any]) -> Any:
        """Draw a line per solver; through the median where several rows have one place."""
        dash = self.by_series(alt.StrokeDash, "dash")
        layer = self.layer(rows, y=_of(self.y, "median({})"), strokeDash=dash, detail="series:N")
        return layer.mark_line(strokeWidth=2, clip=True)

    def points(self, rows: Sequence[Any]) -> Any:
        """Points of finished runs: filled where solved, hollow where less certain."""
        fill = alt.condition("datum.solved", self.colour, alt.value("transparent"))
        layer = self.layer(rows, shape=self.shape, fill=fill, tooltip=self.tooltips)
        return layer.mark_point(size=55, strokeWidth=1.6, filled=False)

    def crosses(self, rows: Sequence[Any]) -> Any:
        """Crosses where runs were stopped."""
        layer = self.layer(rows, tooltip=self.tooltips)
        return layer.mark_point(shape=CROSS, size=70, strokeWidth=2.2, filled=False)

    def bars(self, rows: Sequence[Any]) -> Any:
        """Bars from the lowest to the highest row of each solver and place."""
        top = _of(alt.Y2(self.y.shorthand.removesuffix(":Q")), "max({})")
        layer = self.layer(rows, y=_of(self.y, "min({})"), y2=top)
        return layer.mark_rule(strokeWidth=3, opacity=0.55, clip=True)

    def finished(self, layers: Sequence[Any], height: int = HEIGHT) -> Any:
        """Put layers together, with the size and configuration all charts share."""
        return (
            alt.layer(*layers)
            .properties(width="container", height=height)
            .configure(
                background="transparent",
                font="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
                view=alt.ViewConfig(stroke=None),
                legend=alt.LegendConfig(columns=3, labelFontSize=12),
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
        )


def _of(channel: Any, aggregate: str) -> Any:
    """Return the channel of an aggregate of its field."""
    field, _, kind = channel.shorthand.partition(":")
    made = channel.copy()
    made.shorthand = aggregate.format(field) + (f":{kind}" if kind else "")
    return made


def data(rows: Sequence[Any]) -> Any:
    """Begin a layer that draws `rows`."""
    return alt.Chart(alt.InlineData(values=list(rows)))


def series_of(rows: Sequence[Any]) -> list[str]:
    """Solvers of `rows`, in the usual order."""
    return in_order([str(r["series"]) for r in rows])


def ladder_chart(ladder: Ladder, measure: Measure, same_axes: Sequence[Ladder] = ()) -> Any:
    """Cost against goods on log–log axes, a line per solver.

    Parameters
    ----------
    ladder : Ladder
    measure : {"seconds", "passes", "bytes"}
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
    drawn = [ladder, *same_axes]
    rows = [row for one in drawn for part in ladder_points(one, measure) for row in part]
    repeats = [row for one in drawn for row in repeat_rows(one, measure)]
    x_domain = widened([size for one in drawn for size in one.sizes], 1.25)
    y_domain = widened([row["cost"] for row in rows + repeats], 1.7)
    plot = Plot(
        log_axis(alt.X, "goods:Q", "goods in the economy", x_domain, _GOODS_TICKS),
        log_axis(alt.Y, "cost:Q", _AXIS_TITLES[measure], y_domain, TICKS[measure]),
        series_of(points + stops),
        RESULT_TOOLTIP,
    )
    return plot.finished(
        [
            *_guides(plot, measure, x_domain, y_domain, points),
            *_limit_line(plot, ladder, measure, y_domain),
            plot.bars(repeat_rows(ladder, measure)),
            plot.lines(points),
            plot.points(points),
            plot.crosses(stops),
        ]
    )


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


def repeat_rows(ladder: Ladder, measure: Measure) -> list[dict[str, Any]]:
    """Every measurement behind the finished results of a ladder, where there are several.

    Rows are those that the results count: disturbed ones only where there are no others.
    """
    found = []
    for series in ladder.series:
        for size in ladder.sizes:
            rows = [
                {"series": series, "goods": size, "cost": cost}
                for result in ladder.at(series, size)
                if result.finished and not result.too_loose
                for record in result.rows
                if (cost := getattr(record, COSTS[measure].field))
            ]
            found += rows if len(rows) > 1 else []
    return found


def accuracy_chart(results: Sequence[AggregatedResult]) -> Any:
    """Certified raw gap against seconds, a point per solver and instance; None without any."""
    rows = [
        row(c) | {"x": max(c.seconds, 1e-6), "y": max(c.raw_gap, GAP_FLOOR)}
        for c in results
        if c.finished and c.seconds is not None and c.raw_gap is not None
    ]
    if not rows:
        return None
    x_domain = widened([r["x"] for r in rows], 1.7)
    y_domain = widened([1.0, *(r["y"] for r in rows)], 3.0)
    percent = (
        "datum.value == 1 ? '100 %' : "
        "datum.value >= 1e-3 ? format(datum.value * 100, '~g') + ' %' : "
        "format(datum.value, '.0e')"
    )
    plot = Plot(
        log_axis(alt.X, "x:Q", "seconds to a plan", x_domain, TICKS["seconds"]),
        log_axis(alt.Y, "y:Q", "certified gap to the optimum (raw)", y_domain, percent, every=2),
        series_of(rows),
        RESULT_TOOLTIP,
    )
    target = _threshold(plot, "y", TARGET_GAP, "counts as solved below", align="right")
    return plot.finished([*target, plot.points(rows)])


def profile_chart(results: Sequence[AggregatedResult]) -> Any:
    """Draw performance profiles (Dolan & Moré 2002); None with fewer than two solvers.

    Each solver's share is of the instances it was run on.
    """
    times = profile_seconds(results)
    profiles = [p for p in performance_profile(times) if p.ratios]
    if len(profiles) < 2:
        return None
    end = max(1.2 * max(max(p.ratios) for p in profiles), 2.0)
    rows = [
        {
            "series": profile.solver,
            "x": x,
            "y": y,
            "factor": f"{x:.3g}×",
            "share": f"{100 * y:.0f} % of {profile.instances}",
        }
        for profile in profiles
        for x, y in (
            (1.0, profile.share_within(1.0)),
            *zip(profile.ratios, profile.shares, strict=True),
            (end, profile.shares[-1]),
        )
    ]
    plot = Plot(
        log_axis(
            alt.X,
            "x:Q",
            "within this factor of the fastest solver",
            [1.0, end],
            "format(datum.value, ',~r') + '×'",
        ),
        alt.Y(
            "y:Q",
            title="solved, of the instances it was run on",
            scale=alt.Scale(domain=[0, 1.02], nice=False),
            axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
        ),
        in_order(list(times)),
        {"series": "solver", "factor": "factor", "share": "share of instances"},
    )
    steps = plot.lines(rows).mark_line(interpolate="step-after", strokeWidth=2)
    return plot.finished([steps.encode(y=plot.y, tooltip=plot.tooltips)])


def vegalite_version() -> str:
    """Version of Vega-Lite that Altair writes, in vl-convert's spelling (``6.1``)."""
    major, minor = alt.SCHEMA_VERSION.lstrip("v").split(".")[:2]
    return f"{major}.{minor}"


def sweep_chart(sweep: Sweep) -> Any:
    """Seconds against the knob of a sweep, log–log, crosses where a run was stopped."""
    rows: list[dict[str, Any]] = [
        row(result)
        | {
            "x": sweep.label(value) if sweep.words else value,
            "value": sweep.label(value),
            "cost": result.seconds,
            "finished": result.finished,
        }
        for value, result in sweep.points
        if result.seconds and not result.too_loose
    ]
    if not rows:
        return None
    axis = _knob_axis(sweep, [] if sweep.words else [r["x"] for r in rows])
    tooltip = RESULT_TOOLTIP | {"value": sweep.title}
    # Between words there is no way that a line could follow.
    return _seconds_chart(rows, axis, "seconds to a plan", tooltip, joined=not sweep.words)


def _seconds_chart(
    rows: Sequence[Mapping[str, Any]],
    axis: Any,
    title: str,
    tooltip: Mapping[str, str],
    *,
    joined: bool = True,
) -> Any:
    """Points of finished runs at ``x`` and ``cost``, joined by lines, and crosses of others."""
    y_domain = widened([r["cost"] for r in rows], 1.7)
    y = log_axis(alt.Y, "cost:Q", title, y_domain, TICKS["seconds"])
    plot = Plot(axis, y, series_of(rows), tooltip)
    points = [r for r in rows if r["finished"]]
    lines = [plot.lines(points)] if joined else []
    stops = [r for r in rows if not r["finished"]]
    return plot.finished([*lines, plot.points(points), plot.crosses(stops)])


def _knob_axis(sweep: Sweep, values: Sequence[float]) -> Any:
    """Logarithmic; where the knob was turned to zero linear, or symmetrical about it."""
    title = sweep.title
    if sweep.words:
        return alt.X("x:N", title=title, sort=list(sweep.words), axis=alt.Axis(labelAngle=0))
    if min(values) <= 0:
        least = min((v for v in values if v > 0), default=1.0)
        steep = max(values) > 30 * least
        return alt.X(
            "x:Q",
            title=title,
            scale=alt.Scale(**({"type": "symlog", "constant": least} if steep else {})),
            axis=alt.Axis(values=sorted(set(values)), format=",~r"),
        )
    return log_axis(alt.X, "x:Q", title, widened(values, 1.25), "format(datum.value, ',~r')")


def effort_chart(times: Sequence[TimeToAccuracy]) -> Any:
    """Seconds to each target gap on the largest instance driven to several; None without one."""
    rows: list[dict[str, Any]] = [
        {
            "series": t.solver,
            "x": t.target,
            "cost": t.seconds,
            "finished": t.reached,
            "solved": t.reached,
            "at": fmt.gap(t.target),
            "time": ("" if t.reached else "> ") + fmt.seconds(t.seconds),
            "end": t.end,
        }
        for t in largest_driven(times)
    ]
    if not rows:
        return None
    targets = [r["x"] for r in rows]
    axis = alt.X(
        "x:Q",
        title="certified gap asked for (raw); tighter to the right",
        scale=alt.Scale(type="log", domain=widened(targets, 2.0), nice=False, reverse=True),
        axis=alt.Axis(values=sorted(set(targets)), labelExpr="format(datum.value, '.0e')"),
    )
    tooltip = {"series": "solver", "at": "gap", "time": "time", "end": "end"}
    return _seconds_chart(rows, axis, "seconds, failed tries charged", tooltip)


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


def _guides(
    plot: Plot,
    measure: Measure,
    x_domain: list[float],
    y_domain: list[float],
    points: Sequence[Mapping[str, Any]],
) -> list[Any]:
    """Grey lines of slope 1, 2 (and 3, for time) from the cheapest run at the first size."""
    solved = [p for p in points if p["solved"]]
    start = min((p["goods"] for p in solved), default=math.inf)
    if x_domain[1] / start < 2:
        return []
    cost = min(p["cost"] for p in solved if p["goods"] == start)
    lines: list[dict[str, Any]] = []
    for power, name in ((1, "n"), (2, "n²"), (3, "n³"))[: 2 if measure == "bytes" else 3]:
        end = min(x_domain[1], start * (y_domain[1] / cost) ** (1 / power))
        lines.append({"goods": start, "cost": cost, "guide": name})
        lines.append({"goods": end, "cost": cost * (end / start) ** power, "guide": name})
    return [
        data(lines)
        .mark_line(color=_GREY, strokeWidth=1, opacity=0.7, clip=True)
        .encode(x=plot.x, y=plot.y, detail="guide:N"),
        data(lines[1::2])
        .mark_text(color=_GREY, align="right", baseline="top", dx=-5, dy=3, fontStyle="italic")
        .encode(x=plot.x, y=plot.y, text="guide:N"),
    ]


def _limit_line(plot: Plot, ladder: Ladder, measure: Measure, y_domain: list[float]) -> list[Any]:
    """Dashed line at the time limit, where all runs had the same."""
    limits = {c.record.time_limit_s for c in ladder.results if c.record.time_limit_s}
    if measure != "seconds" or len(limits) != 1:
        return []
    limit = float(next(iter(limits)))
    if not y_domain[0] <= limit <= y_domain[1]:
        return []
    return _threshold(plot, "cost", limit, f"time limit {limit:g} s")


def _threshold(
    plot: Plot, field: str, value: float, text: str, *, align: str = "left"
) -> list[Any]:
    """Draw a dashed line at a value of the vertical axis, with a text at its left or right end."""
    rows = [{field: value, "text": text}]
    end, dx = (alt.value(0), 5) if align == "left" else (alt.value("width"), -5)
    return [
        data(rows).mark_rule(strokeDash=[4, 4], color=_GREY).encode(y=plot.y),
        data(rows)
        .mark_text(align=align, baseline="bottom", dx=dx, dy=-3, color=_GREY)
        .encode(y=plot.y, x=end, text="text:N"),
    ]


def log_axis(
    channel: Any, field: str, title: str, domain: list[float], labels: str, every: int = 1
) -> Any:
    """Logarithmic axis over `domain`; `labels` is a Vega expression."""
    return channel(
        field,
        title=title,
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(values=ticks(domain, every), labelExpr=labels),
    )


def widened(values: Sequence[float], factor: float) -> list[float]:
    """Domain of a log axis with room on both sides."""
    return [min(values) / factor, max(values) * factor]


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
