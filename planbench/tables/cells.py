"""The cells of a sheet: figures, blanks, text; how figures are written and rounded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.text import shown
from planbench.model.arrays import FloatArray

#: Cells that mean a figure which is not published, as tables write them (lower case).
UNKNOWN = frozenset({
    ".", "..", ":", "*", "x", "(x)", "(d)", "na", "(na)", "n/a", "n.a.", "#n/a", "nan", "n.p.",
    "np", "n.y.a.",
})  # fmt: skip
#: Cells that mean "nothing here".
BLANKS = UNKNOWN | {"-", "--", "---", "–", "—", "...", "…", "(z)", "nil", "null", "none"}
#: Blanks (also those that do not break a line) and apostrophes stand between thousands.
_GAPS = " \u00a0\u2009\u202f'\u2019"
#: Significant digits of a double that are not noise of its own arithmetic.
_SIGNIFICANT = 12
#: Cells as they are in the file; objects, since one long label would widen all of them.
Text = npt.NDArray[np.object_]


def _figure(decimal: str, thousands: str) -> re.Pattern[str]:
    """Make the pattern of a figure; no thousand begins with 0."""
    fraction = rf"(?:{decimal}\d*)?"
    grouped = rf"[1-9]\d{{0,2}}(?:[{thousands}{_GAPS}]\d{{3}})+{fraction}"
    return re.compile(rf"[+-]?(?:{grouped}|(?:\d+{fraction}|{decimal}\d+)(?:[eE][+-]?\d+)?)")


_FIGURES = {".": _figure(r"\.", ","), ",": _figure(",", ".")}
_STRIPPED = {
    ".": str.maketrans("", "", f",{_GAPS}"),
    ",": str.maketrans(",", ".", f".{_GAPS}"),
}


def number_text(cell: str, decimal: str = ".") -> str | None:
    """Plain text of a figure, if `cell` is one with this decimal mark.

    Accountants write negative amounts in brackets, and some files a minus sign of its own.
    """
    text = cell.replace("\u2212", "-")
    if text[:1] == "(" and text[-1:] == ")" and text[1:2].isdigit():
        text = f"-{text[1:-1]}"
    return text.translate(_STRIPPED[decimal]) if _FIGURES[decimal].fullmatch(text) else None


def kinds_of(text: Text, decimals: str = ".,") -> npt.NDArray[np.str_]:
    """Kind of each cell: E empty, B a mark for nothing, N number, T text.

    Parameters
    ----------
    text : ndarray of str
    decimals : str
        Decimal marks with which a figure may be written.
    """

    def kind(cell: str) -> str:
        if not cell:
            return "E"
        if cell.lower() in BLANKS:
            return "B"
        return "N" if any(number_text(cell, decimal) for decimal in decimals) else "T"

    return _each(text, kind, "U1")


@dataclass(frozen=True, eq=False)
class Figures:
    """The figures of a sheet, read.

    Attributes
    ----------
    kinds : ndarray of str
        As by :func:`kinds_of`.
    numbers : ndarray
        0 where there is no figure.
    half : ndarray
        Half a unit of the last printed digit: how far rounding may have moved a figure. A row
        (column) is printed with as many decimals as its finest figure has; of both the coarser
        one counts, as totals and rows in another unit may be rounded more. Empty cells are
        exact; a figure that is not published may be anything.
    remarks : tuple of str
        What was decided, one line each.
    """

    kinds: npt.NDArray[np.str_]
    numbers: FloatArray
    half: FloatArray
    remarks: tuple[str, ...]


def read_figures(text: Text, where: str, *, spare: bool) -> Figures:
    """Read cells of figures, without labels.

    Parameters
    ----------
    text : ndarray of str
    where : str
        File, for messages.
    spare : bool
        Whether commas separate no cells, so that ``1,234`` may be either.

    Raises
    ------
    InputError
        When the figures leave it open whether ``1,234``, or ``1.234`` where commas separate no
        cells, is above a thousand or below two.
    """
    counts = Counter(text.ravel().tolist())
    decimal = _decimal_mark(sorted(counts), where, spare=spare)
    kinds = kinds_of(text, decimal)
    written = {cell: number_text(cell, decimal) or "0" for cell in counts}
    remarks = []
    for what, marks in (("thousands", _GAPS), ("decimal commas", ",." if decimal == "," else "")):
        changed = [c for c in sorted(counts) if written[c] != "0" and set(c) & set(marks)]
        if changed:
            figures = plural(sum(counts[cell] for cell in changed), "figure")
            example = max(changed, key=lambda cell: "," in cell)
            remarks.append(f"{what}: {figures} such as {example!r} read as {written[example]}")
    marks_for_nothing: Counter[str] = Counter()
    for cell, count in counts.items():
        marks_for_nothing[cell.lower()] += count if cell.lower() in BLANKS else 0
    remarks += [
        f"{plural(count, 'cell')} {mark!r} read as 0"
        for mark, count in sorted(marks_for_nothing.items())
        if count
    ]
    figures_at = kinds == "N"
    decimals = np.where(figures_at, _each(text, lambda c: _decimals(written[c]), np.int16), -999)
    by_row, by_column = decimals.max(axis=1, initial=-999), decimals.max(axis=0, initial=-999)
    shared = np.minimum(by_row[:, None], by_column[None, :]).astype(np.float64)
    half = np.where(kinds != "E", 0.5 * 10.0 ** -np.clip(shared, 0.0, 300.0), 0.0)
    half[_each(text, lambda cell: cell.lower() in UNKNOWN, np.bool_)] = np.inf
    return Figures(
        kinds=kinds,
        numbers=_each(text, lambda cell: float(written[cell]), np.float64),
        half=half,
        remarks=tuple(remarks),
    )


def _each(text: Text, function: Callable[[str], Any], dtype: Any) -> npt.NDArray[Any]:
    """Apply `function` to each cell, once for each different text: tables repeat themselves."""
    cells = text.ravel().tolist()
    found = {cell: function(cell) for cell in set(cells)}
    return np.array([found[cell] for cell in cells], dtype=dtype).reshape(text.shape)


def _decimals(number: str) -> int:
    """Digits printed after the point; digits beyond double precision are noise."""
    mantissa, _, exponent = number.lower().partition("e")
    if len(mantissa.strip("+-").replace(".", "").lstrip("0")) > _SIGNIFICANT:
        mantissa, _, exponent = format(float(number), f".{_SIGNIFICANT}g").partition("e")
    return len(mantissa.partition(".")[2]) - min(max(int(exponent or 0), -300), 300)


def _decimal_mark(cells: list[str], where: str, *, spare: bool) -> str:
    """Find the decimal mark that the figures show: ``10,5`` can only have a decimal comma."""
    point = {cell: number_text(cell) for cell in cells}
    comma = {cell: number_text(cell, ",") for cell in cells}
    only_point = [cell for cell in cells if point[cell] and not comma[cell]]
    if any("," in cell and comma[cell] and not point[cell] for cell in cells):
        return "." if only_point else ","
    either = [c for c in cells if (p := point[c]) and (q := comma[c]) and float(p) != float(q)]
    if not spare or only_point or not either:
        return "."
    for cell in either:
        if "," in cell:
            raise InputError(
                f"{shown(cell)} may have a decimal comma or one between thousands; write figures "
                "with a decimal point and nothing between thousands",
                where=where,
            )
    # A figure of four digits shows that nothing stands between thousands.
    others = [c.strip("()+-") for c in cells if (point[c] or comma[c]) and c not in either]
    if all(cell.isdigit() and len(cell) <= 3 for cell in others):
        raise InputError(
            f"{shown(either[0])} may have a decimal point or one between thousands; write one such "
            f"figure as {either[0].replace('.', '')} or with another decimal",
            where=where,
        )
    return "."


def advice_for(cell: str) -> str:
    """Say what to write instead of `cell`, which is no number."""
    if not number_text(cell, ","):
        return "give a number, or nothing"
    if "," in cell:
        return "write decimals with a point, as the others are"
    return "write nothing between thousands"
