"""Runs as observations of cost against size: checked, and censored where only a bound is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.stats.censored import BoolArray, Data, FloatArray

Numbers = Sequence[float] | npt.NDArray[Any]
Flags = Sequence[bool] | npt.NDArray[Any]
#: One number for all runs, or one for each.
Bound = float | Sequence[float] | FloatArray


@dataclass(frozen=True, eq=False)
class Observations:
    """Costs of n runs in logarithms.

    Attributes
    ----------
    log_size : ndarray, shape (n,)
    data : Data
        One data set: log costs, at a bound where censored.
    log_top : ndarray, shape (n,)
        Log cost at which the run would have been stopped, infinite where nothing would.
    log_bottom : ndarray, shape (n,)
        Log cost below which only "at most" would be known, −infinite where everything is.
    """

    log_size: FloatArray
    data: Data
    log_top: FloatArray
    log_bottom: FloatArray

    @property
    def exact(self) -> BoolArray:
        """Runs whose cost is known, shape (n,)."""
        found: BoolArray = self.data.exact[0]
        return found

    @property
    def exact_sizes(self) -> FloatArray:
        """Distinct sizes with a known cost, ascending."""
        return np.unique(np.exp(self.log_size[self.exact]).round(9))


def checked(
    sizes: Numbers, costs: Numbers, at_least: Flags | None
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Sizes, costs and flags as arrays of one length.

    Raises
    ------
    InputError
        On unequal lengths or numbers that are not positive and finite.
    """
    try:
        n = np.asarray(sizes, dtype=np.float64).ravel()
        cost = np.asarray(costs, dtype=np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise InputError(f"not a list of numbers: {error}", where="sizes, costs") from None
    stopped = (
        np.zeros(n.size, dtype=bool) if at_least is None else np.asarray(at_least, bool).ravel()
    )
    if not n.size == cost.size == stopped.size:
        raise InputError(
            f"have {n.size}, {cost.size} and {stopped.size} entries; give one of each per run",
            where="sizes, costs, at_least",
        )
    for name, array in (("sizes", n), ("costs", cost)):
        if array.size and not (np.isfinite(array).all() and array.min() > 0):
            raise InputError("hold a number that is not positive and finite", where=name)
    return n, cost, stopped


def observe(
    sizes: Numbers,
    costs: Numbers,
    at_least: Flags | None = None,
    *,
    floor: Bound | None = None,
    limit: Bound | None = None,
) -> Observations:
    """Read runs as censored observations.

    Parameters
    ----------
    sizes, costs : array_like, shape (n,)
        Positive.
    at_least : array_like of bool, shape (n,), optional
        True where the run was stopped, so that the cost is this or more.
    floor : float or array_like, shape (n,), optional
        Costs below it are dominated by fixed overheads: they count as "at most `floor`".
        Stopped runs below it tell nothing and are left out.
    limit : float or array_like, shape (n,), optional
        Cost at which a run is stopped; by default the largest cost seen, where any run was
        stopped.

    Raises
    ------
    InputError
        On unequal lengths, numbers that are not positive and finite, negative bounds.
    """
    n, cost, stopped = checked(sizes, costs, at_least)
    bottom = _broadcast(floor, n.size, "floor", 0.0)
    top = _broadcast(limit, n.size, "limit", cost.max() if stopped.any() else np.inf)
    # "At least 3 ms" says nothing about a law of which only the part above 10 ms counts.
    keep = ~(stopped & (cost < bottom))
    n, cost, stopped, bottom, top = n[keep], cost[keep], stopped[keep], bottom[keep], top[keep]
    low_side = ~stopped & (cost < bottom)
    cost = np.where(low_side, bottom, cost)
    with np.errstate(divide="ignore"):
        return Observations(
            log_size=np.log(n),
            data=Data(np.log(cost)[None, :], stopped[None, :], low_side[None, :]),
            log_top=np.log(np.where(stopped, cost, np.maximum(top, cost))),
            log_bottom=np.log(bottom),
        )


def _broadcast(value: Bound | None, size: int, where: str, default: float) -> FloatArray:
    try:
        array = np.asarray(default if value is None else value, dtype=np.float64)
        out = np.broadcast_to(array, (size,))
    except (TypeError, ValueError):
        raise InputError(f"give one number, or one for each of {size} runs", where=where) from None
    if np.isnan(out).any() or (size and out.min() < 0):
        raise InputError("must not be negative", where=where)
    return out
