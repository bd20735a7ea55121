"""What stands in the cells of a sheet: figures, blanks, text; decimal points and decimal commas."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.io.text import shown
from planbench.model.arrays import FloatArray
from planbench.words import nouns

#: Cells that stand for "nothing here", as published tables write them (lower case).
BLANKS = frozenset({
    "-", "--", "---", "–", "—", ".", "..", "...", "…", ":", "*", "x", "(x)", "(d)", "(z)",
    "na", "(na)", "n/a", "n.a.", "#n/a", "nan", "n.p.", "np", "n.y.a.", "nil", "null", "none",
})  # fmt: skip
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
Text = npt.NDArray[np.str_]


def kinds_of(text: Text, *, commas: bool = False) -> Text:
    """Kind of each cell: E empty, B a mark for nothing, N number, T text.

    With `commas` a figure with a decimal comma is a number as well.
    """
    # Each different text is looked at once: tables repeat themselves.
    unique, inverse = np.unique(text, return_inverse=True)
    kinds = np.array(
        ["N" if commas and _is_figure(str(cell)) else _kind(str(cell)) for cell in unique]
    )
    return np.asarray(kinds[inverse].reshape(text.shape))


def _kind(cell: str) -> str:
    if not cell:
        return "E"
    if cell.lower() in BLANKS:
        return "B"
    number = _NUMBER.fullmatch(cell) or _GROUPED.fullmatch(cell) or _BRACKETED.fullmatch(cell)
    return "N" if number else "T"


def numbers_of(text: Text, kinds: Text) -> FloatArray:
    """Numbers in the cells of kind N, 0 in the others."""
    plain = np.where(kinds == "N", text, "0")
    unique, inverse = np.unique(plain, return_inverse=True)
    values = np.array([_number(str(cell)) for cell in unique])
    return np.asarray(values[inverse].reshape(text.shape), dtype=np.float64)


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
        What was decided; empty where there is nothing to tell.

    Raises
    ------
    InputError
        When the figures leave it open whether ``1,234``, or ``1.234`` where commas separate no
        cells, is above a thousand or below two.
    """
    every = [str(cell) for cell in np.unique(text)]
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
        changed = np.isin(text, list(written))
        out = text.copy()
        out[changed] = [written[str(cell)] for cell in text[changed]]
        example = sure[0]
        return out, (
            f"decimal commas: {nouns(int(changed.sum()), 'figure')} such as {example!r} read as "
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
    """Refuse figures like 1.234 where none tells that points are decimal: 0.5, 1.25, 1234."""
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


def mend_for(cell: str) -> str:
    """Say what to write instead of `cell`, which is no number."""
    if _COMMA.fullmatch(cell):
        return "write decimals with a point, as the others are"
    if _POINTED.fullmatch(cell):
        return "write nothing between thousands"
    return "give a number, or nothing"
