"""Arguments from Python that are single numbers or arrays, checked where they come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.model.arrays import FloatArray

IntArray = npt.NDArray[np.int64]
#: Nobody plans for more years or regions; seeds have a limit of their own.
MOST = 1_000_000


def whole_number(value: Any, where: str, *, least: int = 0, most: int = MOST) -> int:
    """Return `value` as an int.

    Raises
    ------
    InputError
        When it is no whole number from `least` to `most`.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"is {_said(value)}; give a whole number of at least {least}", where=where)
    if value > most:
        raise InputError(f"is {_said(value)}; give at most {most:,}", where=where)
    return int(value)


def check_number(value: Any, where: str, allowed: str, holds: Callable[[float], bool]) -> None:
    """Refuse what is no finite number, or one that `holds` is false of.

    Parameters
    ----------
    value : float
    where : str
        Name of the argument.
    allowed : str
        What to give instead, e.g. ``a share in [0, 1]``.
    holds : callable

    Raises
    ------
    InputError
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if isinstance(value, str | bytes) or not (np.isfinite(number) and holds(number)):
        raise InputError(f"is {_said(value)}; give {allowed}", where=where)


def array_of(
    value: Any,
    where: str,
    allowed: str,
    shape: tuple[int, ...] | None = None,
    holds: Callable[[FloatArray], npt.NDArray[np.bool_]] | None = None,
) -> FloatArray:
    """Return `value` as a float64 array, of `shape` where one is given.

    Parameters
    ----------
    value : array_like
    where : str
        Name of the argument.
    allowed : str
        What to give instead.
    shape : tuple of int, optional
    holds : callable, optional
        Which entries are allowed, entry by entry.

    Raises
    ------
    InputError
        When it holds something that is no number or not allowed, or has another shape.
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"is {_said(value)}, not numbers; give {allowed}", where=where) from None
    if shape is not None and array.shape != shape:
        raise InputError(f"has shape {array.shape}, expected {shape}; give {allowed}", where=where)
    wrong = np.argwhere(~holds(array)) if holds is not None else np.zeros((0, 0))
    if wrong.size:
        place = tuple(int(i) for i in wrong[0])
        raise InputError(
            f"entry {', '.join(map(str, place))} is {array[place]:g}; give {allowed}", where=where
        )
    return array


def check_kind(value: Any, kind: type, where: str, remedy: str) -> None:
    """Refuse what is neither None nor of this kind.

    Raises
    ------
    InputError
        With what to give instead.
    """
    if value is not None and not isinstance(value, kind):
        raise InputError(f"is {_said(value)}; {remedy}", where=where)


def chosen_goods(value: Any, goods: int, where: str) -> IntArray:
    """Return numbers of goods as int64, each once; all goods for None.

    Raises
    ------
    InputError
        When something is no number of a good, or is given twice.
    """
    if value is None:
        return np.arange(goods, dtype=np.int64)
    try:
        chosen = np.asarray(value).ravel()
    except (TypeError, ValueError):
        chosen = np.zeros(1)
    if chosen.size and not np.issubdtype(chosen.dtype, np.integer):
        raise InputError("must be the numbers of goods", where=where)
    chosen = chosen.astype(np.int64)
    if chosen.size and (chosen.min() < 0 or chosen.max() >= goods):
        raise InputError(f"names a good outside 0 to {goods - 1}", where=where)
    if np.unique(chosen).size != chosen.size:
        raise InputError("names a good twice", where=where)
    return chosen


def _said(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
