"""Charts of the report, as Altair objects; habits of ClickBench and COCO.

Failures are drawn as crosses at the limit instead of being left out, bars and bands show how far
measurements and fits scatter, grey guides show the slopes n, n² and n³, lines carry their names,
and axes speak in plain words with units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from planbench.errors import SolverUnavailableError
from planbench.report import words
from planbench.report.chart_parts import (
    anchor,
    band_rows,
    bar_rows,
    encodings,
    finished,
    guides,
    interval_layers,
    ladder_points,
    last_steps,
    limit_line,
    line_points,
    names,
    row,
    ticks,
    widened,
)
from planbench.report.ladders import Ladder, Measure, fit_ladder
from planbench.report.results import TARGET_GAP, AggregatedResult
from planbench.report.scores import profile_seconds
from planbench.report.style import in_order
from planbench.report.sweeps import Sweep
from planbench.stats.accuracy import TimeToAccuracy
from planbench.stats.aggregate import performance_profile

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


def altair_module() -> Any:
    """Import Altair and vl-convert, or say which extra brings them.

    Raises
    ------
    SolverUnavailableError
        Where they are not installed.
    """
    try:
        import altair
        import vl_convert  # noqa: F401
    except ImportError as error:
        raise SolverUnavailableError(
            f"charts need {error.name or 'altair'}; pip install 'planbench[report]'"
        ) from None
    return altair


def ladder_chart(
    ladder: Ladder,
    measure: Measure,
    *,
    width: int | str = "container",
    height: int = HEIGHT,
    background: str = "transparent",
    beside: Sequence[Ladder] = (),
) -> Any:
    """Cost against goods on log–log axes, a line per solver.

    Parameters
    ----------
    ladder : Ladder
    measure : {"seconds", "passes", "bytes"}
    width : int or "container"
        Pixels of the plot, without the names beside it.
    height : int
        Pixels of the plot.
    background : str
        Colour behind everything.
    beside : sequence of Ladder, optional
        The axes are made long enough for these too, so that their charts can stand next to this.

    Returns
    -------
    altair.LayerChart or None
        None where no run has a figure to draw.
    """
    alt = altair_module()
    points, stops = ladder_points(ladder, measure)
    if not points and not stops:
        return None
    series = in_order([p["series"] for p in points + stops])
    bars = bar_rows(ladder, measure)
    drawn = [ladder, *beside]
    costs = [cost for one in drawn for cost in _costs(one, measure)]
    sizes = [size for one in drawn for size in one.sizes]
    y_domain = widened(min(costs), max(costs), 1.7)
    x_domain = widened(min(sizes), max(sizes), 1.25)
    x = alt.X(
        "goods:Q",
        title="goods in the economy",
        scale=alt.Scale(type="log", domain=x_domain, nice=False),
        axis=alt.Axis(values=ticks(x_domain), labelExpr=_GOODS_TICKS, grid=True),
    )
    y = alt.Y(
        "cost:Q",
        title=_AXIS_TITLES[measure],
        scale=alt.Scale(type="log", domain=y_domain, nice=False),
        axis=alt.Axis(values=ticks(y_domain), labelExpr=TICKS[measure], grid=True),
    )
    colour, shape, dash = encodings(alt, series)
    tooltip = [
        alt.Tooltip("series:N", title="solver"),
        alt.Tooltip("at:N", title="goods"),
        alt.Tooltip("outcome:N", title="outcome"),
        alt.Tooltip("time:N", title="time"),
        alt.Tooltip("memory:N", title="peak memory"),
        alt.Tooltip("passes:N", title="matrix passes"),
        alt.Tooltip("gap:N", title="raw gap"),
    ]
    data = alt.InlineData(values=points)
    stopped = alt.InlineData(values=stops)
    layers = guides(alt, x, y, measure, x_domain, y_domain, anchor(points))
    layers += limit_line(alt, ladder, measure, y, y_domain)
    layers += interval_layers(alt, x, y, colour, bars, band_rows(ladder, measure))
    layers.append(
        alt.Chart(alt.InlineData(values=line_points(ladder, points)))
        .mark_line(strokeWidth=2, clip=True)
        .encode(x=x, y=y, color=colour, strokeDash=dash, detail="series:N")
    )
    layers.append(
        alt.Chart(alt.InlineData(values=last_steps(points, stops)))
        .mark_line(strokeWidth=1, opacity=0.45, strokeDash=[1, 3], clip=True)
        .encode(x=x, y=y, color=colour, detail="series:N")
    )
    layers.append(
        alt.Chart(data)
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
    layers.append(
        alt.Chart(stopped)
        .mark_point(shape=CROSS, size=70, strokeWidth=2.2, filled=False)
        .encode(x=x, y=y, color=colour, tooltip=tooltip)
    )
    layers.append(names(alt, y, colour, points, stops, y_domain, height))
    return finished(alt, alt.layer(*layers), width, height, background)


def _costs(ladder: Ladder, measure: Measure) -> list[float]:
    """Everything that stands on the vertical axis, ends of bars too."""
    points, stops = ladder_points(ladder, measure)
    ends = [end for bar in bar_rows(ladder, measure) for end in (bar["low"], bar["high"])]
    return [p["cost"] for p in points + stops] + ends


def accuracy_chart(
    results: Sequence[AggregatedResult],
    *,
    width: int | str = "container",
    height: int = HEIGHT,
    background: str = "transparent",
    legend: bool = False,
) -> Any:
    """Certified raw gap against seconds, a point per solver and instance; None without any."""
    alt = altair_module()
    rows = [
        row(c) | {"x": max(c.seconds, 1e-6), "y": max(c.raw_gap, GAP_FLOOR)}
        for c in results
        if c.finished and c.seconds is not None and c.raw_gap is not None
    ]
    if not rows:
        return None
    series = in_order([r["series"] for r in rows])
    colour, shape, _ = encodings(alt, series, legend=legend)
    x_domain = widened(min(r["x"] for r in rows), max(r["x"] for r in rows), 1.7)
    y_domain = widened(min(r["y"] for r in rows), max(1.0, *(r["y"] for r in rows)), 3.0)
    x = alt.X(
        "x:Q",
        title="seconds to a plan",
        scale=alt.Scale(type="log", domain=x_domain, nice=False),
        axis=alt.Axis(values=ticks(x_domain), labelExpr=TICKS["seconds"]),
    )
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
    points = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_point(size=60, strokeWidth=1.6, filled=False, fillOpacity=0.35)
        .encode(
            x=x,
            y=y,
            color=colour,
            fill=colour,
            shape=shape,
            tooltip=[
                alt.Tooltip("series:N", title="solver"),
                alt.Tooltip("instance:N", title="instance"),
                alt.Tooltip("time:N", title="time"),
                alt.Tooltip("gap:N", title="raw gap"),
                alt.Tooltip("outcome:N", title="outcome"),
            ],
        )
    )
    target = alt.InlineData(values=[{"y": TARGET_GAP, "text": "counts as solved below"}])
    line = alt.Chart(target).mark_rule(strokeDash=[4, 4], color="#888").encode(y=y)
    note = (
        alt.Chart(target)
        .mark_text(align="right", baseline="bottom", dy=-3, dx=-4, color="#888")
        .encode(y=y, x=alt.value("width"), text="text:N")
    )
    return finished(alt, alt.layer(line, note, points), width, height, background)


def profile_chart(
    results: Sequence[AggregatedResult],
    *,
    width: int | str = "container",
    height: int = 320,
    background: str = "transparent",
    legend: bool = False,
) -> Any:
    """Draw performance profiles (Dolan & Moré 2002); None with fewer than two solvers.

    Each solver's share is of the instances it was run on.
    """
    alt = altair_module()
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
    colour, _, dash = encodings(alt, in_order(list(times)), legend=legend)
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
    return finished(alt, alt.layer(chart), width, height, background)


def headline_ladder(ladders: Sequence[Ladder]) -> Ladder:
    """Ladder on which the largest economy was solved; of equals the one with more solvers."""
    return max(
        ladders,
        key=lambda lad: (
            max((c.goods or 0 for c in lad.results if c.solved), default=0),
            len(lad.series),
        ),
    )


def vegalite_version() -> str:
    """Version of Vega-Lite that Altair writes, in vl-convert's spelling (``6.1``)."""
    major, minor = altair_module().SCHEMA_VERSION.lstrip("v").split(".")[:2]
    return f"{major}.{minor}"


#: Exponents that were claimed, with what stands beside their line.
CLAIMED = ((1.0, "n"), (2.0, "n²"), (3.5, "n^3.5"))
#: Exponents shown; intervals that go further end at the edge.
RANGE = (-0.5, 5.0)
_KINDS: tuple[tuple[Measure, str], ...] = (
    ("seconds", "time"),
    ("passes", "matrix passes"),
    ("bytes", "memory"),
)


def exponent_chart(
    ladder: Ladder, *, width: int | str = "container", background: str = "transparent"
) -> Any:
    """Exponents of a ladder with 95 % intervals, time above matrix passes above memory.

    Returns
    -------
    altair.LayerChart or None
        None without any exponent.
    """
    alt = altair_module()
    rows = []
    for name in in_order(list(ladder.series)):
        for measure, label in _KINDS:
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
                    "said": f"{words.exponent(fit.exponent)} ({words.interval(fit.low, fit.high)})",
                }
            )
    if not rows:
        return None
    series = in_order([str(r["series"]) for r in rows])
    kinds = [label for _, label in _KINDS]
    colour, _, _ = encodings(alt, series)
    data = alt.InlineData(values=rows)
    x = alt.X(
        "exponent:Q",
        title="exponent of the number of goods, with its 95 % interval",
        scale=alt.Scale(domain=list(RANGE), nice=False),
        axis=alt.Axis(values=[0, 1, 2, 3, 4, 5], grid=True),
    )
    y = alt.Y("series:N", title=None, sort=series, scale=alt.Scale(paddingInner=0.25))
    offset = alt.YOffset("what:N", sort=kinds)
    tooltip = [
        alt.Tooltip("series:N", title="solver"),
        alt.Tooltip("what:N", title="of"),
        alt.Tooltip("said:N", title="exponent"),
    ]
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
    return finished(alt, alt.layer(*layers), width, max(120, 34 * len(series)), background)


def sweep_chart(
    sweep: Sweep,
    *,
    width: int | str = "container",
    height: int = HEIGHT,
    background: str = "transparent",
    legend: bool = False,
) -> Any:
    """Seconds against the knob of a sweep, log–log, crosses where a run was stopped."""
    alt = altair_module()
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
    colour, shape, dash = encodings(alt, series, legend=legend)
    y_domain = widened(min(r["cost"] for r in rows), max(r["cost"] for r in rows), 1.7)
    x = _knob_axis(alt, sweep, [r["x"] for r in rows])
    if sweep.words:
        rows = [r | {"x": sweep.label(r["x"])} for r in rows]
        points = [r for r in rows if r["finished"]]
        stops = [r for r in rows if not r["finished"]]
    y = alt.Y(
        "cost:Q",
        title="seconds to a plan",
        scale=alt.Scale(type="log", domain=y_domain, nice=False),
        axis=alt.Axis(values=ticks(y_domain), labelExpr=TICKS["seconds"]),
    )
    tooltip = [
        alt.Tooltip("series:N", title="solver"),
        alt.Tooltip("x:N", title=sweep.title)
        if sweep.words
        else alt.Tooltip("x:Q", title=sweep.title, format=",.4~g"),
        alt.Tooltip("time:N", title="time"),
        alt.Tooltip("outcome:N", title="outcome"),
        alt.Tooltip("gap:N", title="raw gap"),
    ]
    data = alt.InlineData(values=points)
    line = (
        alt.Chart(data)
        .mark_line(strokeWidth=2)
        .encode(x=x, y=y, color=colour, strokeDash=dash, detail="series:N")
    )
    # Between words there is no way that a line could follow.
    layers = [] if sweep.words else [line]
    layers += [
        alt.Chart(data)
        .mark_point(size=55, strokeWidth=1.6, filled=False)
        .encode(
            x=x,
            y=y,
            color=colour,
            shape=shape,
            fill=alt.condition("datum.solved", colour, alt.value("transparent")),
            tooltip=tooltip,
        ),
        alt.Chart(alt.InlineData(values=stops))
        .mark_point(shape=CROSS, size=70, strokeWidth=2.2, filled=False)
        .encode(x=x, y=y, color=colour, tooltip=tooltip),
    ]
    return finished(alt, alt.layer(*layers), width, height, background)


def _knob_axis(alt: Any, sweep: Sweep, values: Sequence[float]) -> Any:
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
    return alt.X(
        "x:Q",
        title=title,
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(values=ticks(domain), labelExpr="format(datum.value, ',~r')"),
    )


def effort_chart(
    times: Sequence[TimeToAccuracy],
    *,
    width: int | str = "container",
    height: int = HEIGHT,
    background: str = "transparent",
    legend: bool = False,
) -> Any:
    """Seconds to each target gap on the largest instance driven to several; None without one."""
    alt = altair_module()
    chosen = largest_driven(times)
    if not chosen:
        return None
    rows = [
        {
            "series": t.solver,
            "x": t.target,
            "cost": t.seconds,
            "reached": t.reached,
            "time": ("" if t.reached else "> ") + words.seconds(t.seconds),
            "end": t.end,
        }
        for t in chosen
    ]
    series = in_order([str(r["series"]) for r in rows])
    colour, shape, dash = encodings(alt, series, legend=legend)
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
    y = alt.Y(
        "cost:Q",
        title="seconds, failed tries charged",
        scale=alt.Scale(type="log", domain=y_domain, nice=False),
        axis=alt.Axis(values=ticks(y_domain), labelExpr=TICKS["seconds"]),
    )
    tooltip = [
        alt.Tooltip("series:N", title="solver"),
        alt.Tooltip("x:Q", title="gap", format=".0e"),
        alt.Tooltip("time:N", title="time"),
        alt.Tooltip("end:N", title="end"),
    ]
    data = alt.InlineData(values=[r for r in rows if r["reached"]])
    layers = [
        alt.Chart(data)
        .mark_line(strokeWidth=2)
        .encode(x=x, y=y, color=colour, strokeDash=dash, detail="series:N"),
        alt.Chart(data)
        .mark_point(size=55, filled=True, opacity=1)
        .encode(x=x, y=y, color=colour, shape=shape, tooltip=tooltip),
        alt.Chart(alt.InlineData(values=[r for r in rows if not r["reached"]]))
        .mark_point(shape=CROSS, size=70, strokeWidth=2.2, filled=False)
        .encode(x=x, y=y, color=colour, tooltip=tooltip),
    ]
    return finished(alt, alt.layer(*layers), width, height, background)


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
