"""Charts of exponents with their intervals, of sweeps, and of time to verified accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from planbench.report import words
from planbench.report.chart_parts import encodings, finished, row, ticks, widened
from planbench.report.charts import CROSS, HEIGHT, TICKS, altair_module
from planbench.report.ladders import Ladder, Measure, fit_ladder
from planbench.report.style import in_order
from planbench.report.sweeps import Sweep
from planbench.stats.accuracy import TimeToAccuracy

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
        row(cell) | {"x": value, "cost": cell.seconds, "finished": cell.finished}
        for value, cell in sweep.points
        if cell.seconds and not cell.apart
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
