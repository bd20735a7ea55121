"""One look per solver, the same in every chart and table of every report.

Colours tell solvers apart for colour-blind readers too (after Okabe & Ito 2008, with tones
that hold on white and on near-black); the shape of the points tells the kind of method and the
dash of the line the software family, so that nothing rests on colour alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from html import escape

_CIRCLE, _SQUARE, _TRIANGLE, _DIAMOND = "circle", "square", "triangle-up", "diamond"
_SOLID: tuple[int, ...] = ()
_DASHED, _DOTTED, _MIXED = (6, 3), (2, 2), (8, 3, 2, 3)


@dataclass(frozen=True)
class Look:
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


LOOKS: dict[str, Look] = {
    "highs-ds": Look("#0072b2", _CIRCLE, _SOLID),
    "highs-ipm": Look("#d55e00", _SQUARE, _SOLID),
    "highs-ipm-crossover": Look("#a0611a", _SQUARE, _SOLID),
    "highs-hipo": Look("#cc5f99", _SQUARE, _SOLID),
    "highs-pdlp": Look("#5fae3d", _TRIANGLE, _SOLID),
    "highs-hipdlp": Look("#009473", _TRIANGLE, _SOLID),
    "scipy-highs-ds": Look("#3a9bd9", _CIRCLE, _DASHED),
    "scipy-highs-ipm": Look("#f08a4b", _SQUARE, _DASHED),
    "cbc": Look("#7b52ab", _CIRCLE, _DOTTED),
    "cbc-mps": Look("#a583cf", _CIRCLE, _DOTTED),
    "glop": Look("#c79a00", _CIRCLE, _MIXED),
    "pdlp": Look("#4e8c89", _TRIANGLE, _MIXED),
    "two-level": Look("#d4145a", _DIAMOND, _SOLID),
    "general": Look("#e8590c", _DIAMOND, _SOLID),
    "value-iteration": Look("#8e24aa", _DIAMOND, _SOLID),
    "primal-dual": Look("#3157d6", _DIAMOND, _SOLID),
    "harmony": Look("#7d6e83", _DIAMOND, _DOTTED),
    "material-balances": Look("#8c7a3d", _DIAMOND, _DOTTED),
    "null": Look("#8a8a8a", _DIAMOND, _DOTTED),
}
#: For names planbench does not know, and for namesakes with other options or versions.
_SPARE = ("#b03a5b", "#6a7fdb", "#8c7a3d", "#3f8f5f", "#c06bd6", "#cf6f3c", "#2f8fa3", "#7d6e83")


def look_of(series: str) -> Look:
    """Look of a series: that of the solver where it is known, else chosen by its name."""
    known = LOOKS.get(series)
    if known is not None:
        return known
    colour = _SPARE[int(hashlib.sha256(series.encode()).hexdigest(), 16) % len(_SPARE)]
    name = series.split(" ")[0].split(":")[0]
    base = LOOKS.get(name)
    if base is None:
        return Look(colour, _DIAMOND, _SOLID)
    return Look(colour, base.shape, base.dash)


def in_order(names: list[str]) -> list[str]:
    """Sort series: known solvers in their usual order, then the others by name."""
    usual = {name: place for place, name in enumerate(LOOKS)}

    def place(series: str) -> tuple[int, str]:
        return usual.get(series.split(" ")[0].split(":")[0], len(usual)), series

    return sorted(dict.fromkeys(names), key=place)


_SHAPES = {
    _CIRCLE: '<circle cx="14" cy="7" r="4"/>',
    _SQUARE: '<rect x="10.5" y="3.5" width="7" height="7"/>',
    _TRIANGLE: '<path d="M14 2.5l4.4 8h-8.8z"/>',
    _DIAMOND: '<path d="M14 2l4.5 5-4.5 5-4.5-5z"/>',
}


def swatch(series: str) -> str:
    """Return a piece of line with its point, as inline SVG, to stand before a solver's name."""
    look = look_of(series)
    dash = f' stroke-dasharray="{" ".join(map(str, look.dash))}"' if look.dash else ""
    return (
        f'<svg class="swatch" viewBox="0 0 28 14" width="28" height="14" aria-hidden="true" '
        f'fill="{look.colour}" stroke="none"><path d="M0 7h28" stroke="{look.colour}" '
        f'stroke-width="2"{dash}/>{_SHAPES[look.shape]}</svg>'
    )


def named(series: str) -> str:
    """Swatch and escaped name of a series, as HTML."""
    return f'<span class="series">{swatch(series)}{escape(series)}</span>'
