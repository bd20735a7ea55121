"""Intervals in the charts of ladders: the span of what was measured, and that of what was fitted.

A *bar* goes from the lowest to the highest finished measurement of a solver at a size, over
repeats and seeds: what was seen. A *band* is the 95 % interval of the fitted laws of growth over
the sizes they were fitted to: what the measurements bear out. Bars of fewer than two
measurements do not exist, nor bands without an exponent. Bands wider than :data:`WIDE` are left
out: a few of them would cover a chart and tell nothing that the table of exponents does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from planbench.records.schema import Record
from planbench.report.cells import Cell, passes_used
from planbench.report.ladders import Ladder, Measure, band_over

#: Widest band that is drawn: its upper end over its lower one, where it is widest.
WIDE = 10.0
#: Sizes at which a band is drawn: its edges are curves, but gentle ones.
_STEPS = 7


def bar_rows(ladder: Ladder, measure: Measure) -> list[dict[str, Any]]:
    """Lowest and highest finished measurement of each solver and size measured more than once.

    Rows are those that the cells count: disturbed ones only where there are no others.
    """
    rows = []
    for series in ladder.series:
        for size in ladder.sizes:
            costs = _costs(
                [c for c in ladder.at(series, size) if c.finished and not c.apart], measure
            )
            if len(costs) > 1 and min(costs) < max(costs):
                rows.append(_row(series, size, min(costs), max(costs)))
    return rows


def band_rows(ladder: Ladder, measure: Measure) -> list[dict[str, Any]]:
    """Low and high ends of each solver's fitted cost, at a few sizes from small to large.

    Without bands that are somewhere wider than :data:`WIDE`, and of those whose results are drawn.
    """
    drawn = {c.series for c in ladder.cells if c.finished and not c.apart}
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


def _costs(cells: Sequence[Cell], measure: Measure) -> list[float]:
    found = [_cost(row, measure) for cell in cells for row in cell.rows]
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
