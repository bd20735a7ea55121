"""Charts of the report, as Altair objects; habits of ClickBench and COCO.

Failures are drawn as crosses at the limit instead of being left out, bars and bands show how far
measurements and fits scatter, grey guides show the slopes n, n² and n³, lines carry their names,
and axes speak in plain words with units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from planbench.errors import SolverUnavailableError
from planbench.report.cells import TARGET_GAP, Cell
from planbench.report.chart_intervals import band_rows, bar_rows, interval_layers
from planbench.report.chart_parts import (
    anchor,
    encodings,
    finished,
    guides,
    ladder_points,
    last_steps,
    limit_line,
    line_points,
    names,
    row,
    ticks,
    widened,
)
from planbench.report.ladders import Ladder, Measure
from planbench.report.scores import profile_seconds
from planbench.report.style import in_order
from planbench.stats.profile import performance_profile

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
    cells: Sequence[Cell],
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
        for c in cells
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
    cells: Sequence[Cell],
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
    times = profile_seconds(cells)
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
            max((c.goods or 0 for c in lad.cells if c.solved), default=0),
            len(lad.series),
        ),
    )


def vegalite_version() -> str:
    """Version of Vega-Lite that Altair writes, in vl-convert's spelling (``6.1``)."""
    major, minor = altair_module().SCHEMA_VERSION.lstrip("v").split(".")[:2]
    return f"{major}.{minor}"
