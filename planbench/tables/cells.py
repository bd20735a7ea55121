"""The cells of a sheet: figures, blanks, text; how figures are written and rounded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.text import shown
from planbench.model.arrays import FloatArray

#: Cells that mean "nothing here", as published tables write them (lower case).
BLANKS = frozenset({
    "-", "--", "---", "–", "—", ".", "..", "...", "…", ":", "*", "x", "(x)", "(d)", "(z)",
    "na", "(na)", "n/a", "n.a.", "#n/a", "nan", "n.p.", "np", "n.y.a.", "nil", "null", "none",
})  # fmt: skip
#: Those of them that mean a figure which is not published; the others say that it is 0.
UNKNOWN = frozenset({
    ".", "..", ":", "*", "x", "(x)", "(d)", "na", "(na)", "n/a", "n.a.", "#n/a", "nan", "n.p.",
    "np", "n.y.a.",
})  # fmt: skip
#: 10 000 and 10'000: blanks (also those that do not break a line) and apostrophes between
#: thousands.
_SPACED = re.compile(
    r"\(?[+-]?\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3}|['\u2019]\d{3})+(?:[.,]\d+)?\)?"
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
#: 1,234 but not 0,234: no thousand begins with 0.
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_BRACKETED = re.compile(r"\((\d+\.?\d*|[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?)\)")
#: 10,5 and 1.010,5: the comma can only be a decimal one, unless 1,010 is what is meant.
_COMMA = re.compile(r"\(?[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+\)?")
#: 1.234.567, with points between thousands.
_POINTED = re.compile(r"\(?[+-]?\d{1,3}(\.\d{3}){2,}\)?")
#: 1.234, which fits either way; 0.234 is no thousand.
_EITHER = re.compile(r"\(?[+-]?[1-9]\d{0,2}\.\d{3}\)?")
#: Significant digits of a double that are not noise of its own arithmetic.
_SIGNIFICANT = 12
#: Cells as they are in the file; objects, since one long label would widen all of them.
Text = npt.NDArray[np.object_]


def _each(text: Text, function: Callable[[str], Any], dtype: Any) -> npt.NDArray[Any]:
    """Apply `function` to each cell, once for each different text: tables repeat themselves."""
    cells = text.ravel().tolist()
    found = {cell: function(cell) for cell in set(cells)}
    return np.array([found[cell] for cell in cells], dtype=dtype).reshape(text.shape)


def plain(cell: str) -> str:
    """`cell` with a plain minus sign and, where it is a figure, nothing between thousands."""
    cell = cell.replace("\u2212", "-")
    if _SPACED.fullmatch(cell):
        return re.sub(r"[ \u00a0\u2009\u202f'\u2019]", "", cell)
    return cell


def plain_cells(text: Text) -> tuple[Text, str]:
    """Apply :func:`plain` to all cells; the second value says what was done, or is empty."""
    out = _each(text, plain, object)
    changed = [str(cell) for cell in text[out != text] if _SPACED.fullmatch(str(cell))]
    if not changed:
        return out, ""
    return out, (
        f"thousands: {plural(len(changed), 'figure')} such as {changed[0]!r} read as "
        f"{plain(changed[0])}"
    )


def kinds_of(text: Text, *, commas: bool = False) -> npt.NDArray[np.str_]:
    """Kind of each cell: E empty, B a mark for nothing, N number, T text.

    With `commas` a figure with a decimal comma is a number as well.
    """
    return _each(text, lambda cell: "N" if commas and _is_figure(cell) else _kind(cell), "U1")


def _kind(cell: str) -> str:
    cell = plain(cell)
    if not cell:
        return "E"
    if cell.lower() in BLANKS:
        return "B"
    number = _NUMBER.fullmatch(cell) or _GROUPED.fullmatch(cell) or _BRACKETED.fullmatch(cell)
    return "N" if number else "T"


def numbers_of(text: Text, kinds: npt.NDArray[np.str_]) -> FloatArray:
    """Numbers in the cells of kind N, 0 in the others."""
    return _each(np.where(kinds == "N", text, "0"), _number, np.float64)


def half_units(text: Text, kinds: npt.NDArray[np.str_]) -> FloatArray:
    """Half a unit of the last printed digit of each cell: how far rounding may have moved it.

    A row (column) is printed with as many decimals as its finest figure has; of both the coarser
    one counts, as totals and rows in another unit may be rounded more. Empty cells are exact;
    a figure that is not published may be anything.
    """
    decimals = _each(np.where(kinds == "N", text, "0"), _decimals, np.int16)
    figures = kinds == "N"
    finest = np.where(figures, decimals, np.iinfo(np.int16).min)
    by_row, by_column = finest.max(axis=1, initial=-999), finest.max(axis=0, initial=-999)
    shared = np.minimum(by_row[:, None], by_column[None, :]).astype(np.float64)
    half = np.where(figures | (kinds == "B"), 0.5 * 10.0 ** -np.clip(shared, 0.0, 300.0), 0.0)
    unknown = _each(text, lambda cell: cell.lower() in UNKNOWN, np.bool_)
    return np.where(unknown & (kinds == "B"), np.inf, half)


def _decimals(cell: str) -> int:
    """Digits printed after the point; digits beyond double precision are noise."""
    cell = cell.replace(",", "").strip("()+-").lower()
    mantissa, _, exponent = cell.partition("e")
    if len(mantissa.replace(".", "").lstrip("0")) > _SIGNIFICANT:
        mantissa, _, exponent = format(float(cell), f".{_SIGNIFICANT}g").partition("e")
    return len(mantissa.partition(".")[2]) - min(max(int(exponent or 0), -300), 300)


def _number(cell: str) -> float:
    bracketed = _BRACKETED.fullmatch(cell)
    if bracketed:
        # Accountants write negative amounts in brackets.
        return -float(bracketed[1].replace(",", ""))
    return float(cell.replace(",", ""))


def with_points(text: Text, where: str, *, spare: bool) -> tuple[Text, str]:
    """Write decimal commas as points, where the figures show that they are such.

    ``10,5`` shows it: no thousand is written so. Then ``1,234`` is read alike and points stand
    between thousands.

    Parameters
    ----------
    text : ndarray of str
        Cells of figures, without the labels.
    where : str
        File, for messages.
    spare : bool
        Whether commas separate no cells here, so that ``1,234`` may be either.

    Returns
    -------
    text : ndarray of str
    remark : str
        What was decided; empty where there is nothing to report.

    Raises
    ------
    InputError
        When the figures leave it open whether ``1,234``, or ``1.234`` where commas separate no
        cells, is above a thousand or below two.
    """
    every = sorted({str(cell) for cell in text.ravel().tolist()})
    cells = [cell for cell in every if "," in cell or "." in cell]
    commas = [cell for cell in cells if _COMMA.fullmatch(cell)]
    if not commas:
        if spare:
            _refuse_either(every, where)
        return text, ""
    sure = [cell for cell in commas if not _GROUPED.fullmatch(cell.strip("()"))]
    against = [
        cell
        for cell in cells
        if cell not in commas
        and not _POINTED.fullmatch(cell)
        and _kind(cell) == "N"
        and not _EITHER.fullmatch(cell)
    ]
    if sure and not against:
        written = {c: c.replace(".", "").replace(",", ".") for c in cells if _is_figure(c)}
        out = _each(text, lambda cell: written.get(cell, cell), object)
        changed = out != text
        example = sure[0]
        return out, (
            f"decimal commas: {plural(int(changed.sum()), 'figure')} such as {example!r} read as "
            f"{written[example]}"
        )
    if spare and not against:
        raise InputError(
            f"{shown(commas[0])} may have a decimal comma or one between thousands; write figures "
            "with a decimal point and nothing between thousands",
            where=where,
        )
    return text, ""


def _refuse_either(cells: list[str], where: str) -> None:
    """Refuse figures like 1.234 where no figure shows that points are decimal: 0.5, 1.25, 1234."""
    figures = [cell for cell in cells if _kind(cell) == "N"]
    either = [cell for cell in figures if _EITHER.fullmatch(cell)]
    plain = [cell.strip("()+-") for cell in figures if cell not in either]
    if either and all(cell.isdigit() and len(cell) <= 3 for cell in plain):
        first = either[0]
        raise InputError(
            f"{shown(first)} may have a decimal point or one between thousands; write one such "
            f"figure as {first.replace('.', '')} or with another decimal",
            where=where,
        )


def _is_figure(cell: str) -> bool:
    return bool(
        _COMMA.fullmatch(cell) or _POINTED.fullmatch(cell)
        or _EITHER.fullmatch(cell)
    )  # fmt: skip


def advice_for(cell: str) -> str:
    """Say what to write instead of `cell`, which is no number."""
    if _COMMA.fullmatch(cell):
        return "write decimals with a point, as the others are"
    if _POINTED.fullmatch(cell):
        return "write nothing between thousands"
    return "give a number, or nothing"
