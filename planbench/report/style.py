"""One colour, shape and dash per solver, the same in every chart of every report.

Colours can be distinguished by colour-blind readers too (after Okabe & Ito 2008, with tones
that hold on white and on near-black); the shape of the points tells the kind of method and the
dash of the line the software family, so that nothing rests on colour alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_CIRCLE, _SQUARE, _TRIANGLE, _DIAMOND = "circle", "square", "triangle-up", "diamond"
#: A solid line is a dash without a gap.
_SOLID, _DASHED, _DOTTED, _MIXED = (1, 0), (6, 3), (2, 2), (8, 3, 2, 3)


@dataclass(frozen=True)
class SeriesStyle:
    """How a series is drawn.

    Attributes
    ----------
    colour : str
        ``#rrggbb``.
    shape : str
        Vega point shape: circle for simplex, square for interior point, triangle for
        first-order methods, diamond for planners and anything else.
    dash : tuple of int
        Dash pattern in pixels: solid HiGHS, dashed scipy, dotted CBC, mixed OR-Tools.
    """

    colour: str
    shape: str
    dash: tuple[int, ...]


SERIES_STYLES: dict[str, SeriesStyle] = {
    "highs-ds": SeriesStyle("#0072b2", _CIRCLE, _SOLID),
    "highs-ipm": SeriesStyle("#d55e00", _SQUARE, _SOLID),
    "highs-ipm-crossover": SeriesStyle("#a0611a", _SQUARE, _SOLID),
    "highs-hipo": SeriesStyle("#cc5f99", _SQUARE, _SOLID),
    "highs-pdlp": SeriesStyle("#5fae3d", _TRIANGLE, _SOLID),
    "highs-hipdlp": SeriesStyle("#009473", _TRIANGLE, _SOLID),
    "scipy-highs-ds": SeriesStyle("#3a9bd9", _CIRCLE, _DASHED),
    "scipy-highs-ipm": SeriesStyle("#f08a4b", _SQUARE, _DASHED),
    "cbc": SeriesStyle("#7b52ab", _CIRCLE, _DOTTED),
    "cbc-mps": SeriesStyle("#a583cf", _CIRCLE, _DOTTED),
    "glop": SeriesStyle("#c79a00", _CIRCLE, _MIXED),
    "pdlp": SeriesStyle("#4e8c89", _TRIANGLE, _MIXED),
    "two-level": SeriesStyle("#d4145a", _DIAMOND, _SOLID),
    "general": SeriesStyle("#e8590c", _DIAMOND, _SOLID),
    "value-iteration": SeriesStyle("#8e24aa", _DIAMOND, _SOLID),
    "primal-dual": SeriesStyle("#3157d6", _DIAMOND, _SOLID),
    "harmony": SeriesStyle("#7d6e83", _DIAMOND, _DOTTED),
    "material-balances": SeriesStyle("#8c7a3d", _DIAMOND, _DOTTED),
    "null": SeriesStyle("#8a8a8a", _DIAMOND, _DOTTED),
}
#: For names planbench does not know, and for namesakes with other options or versions.
_SPARE = ("#b03a5b", "#6a7fdb", "#8c7a3d", "#3f8f5f", "#c06bd6", "#cf6f3c", "#2f8fa3", "#7d6e83")


def series_style(series: str) -> SeriesStyle:
    """Style of a series: that of the solver where it is known, else chosen by its name."""
    known = SERIES_STYLES.get(series)
    if known is not None:
        return known
    colour = _SPARE[int(hashlib.sha256(series.encode()).hexdigest(), 16) % len(_SPARE)]
    name = series.split(" ")[0].split(":")[0]
    base = SERIES_STYLES.get(name)
    if base is None:
        return SeriesStyle(colour, _DIAMOND, _SOLID)
    return SeriesStyle(colour, base.shape, base.dash)


def in_order(names: list[str]) -> list[str]:
    """Sort series: known solvers in their usual order, then the others by name."""
    usual = {name: place for place, name in enumerate(SERIES_STYLES)}

    def place(series: str) -> tuple[int, str]:
        return usual.get(series.split(" ")[0].split(":")[0], len(usual)), series

    return sorted(dict.fromkeys(names), key=place)
