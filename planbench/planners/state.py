"""What the planners that know techniques share: activities by good, and the state of a plan."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy

IndexArray = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]
Ended = Literal["optimal", "time-limit", "stalled", "infeasible", "unbounded", "unsettled"]
Report = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Techniques:
    """The usable activities of an economy, listed good after good.

    Attributes
    ----------
    first : ndarray of int32, shape (goods + 1,)
        Techniques of good g stand at ``first[g]:first[g + 1]`` of `order`.
    order : ndarray of int32, shape (usable activities,)
        Number of each activity.
    per : ndarray, shape (activities,)
        1 / what a unit of the activity makes of its good.
    """

    first: IndexArray
    order: IndexArray
    per: FloatArray

    @property
    def spans(self) -> tuple[IndexArray, IndexArray]:
        """`first` and `order` as the kernels read them."""
        return unsigned(self.first), unsigned(self.order)


def unsigned(index: IndexArray) -> IndexArray:
    """View indices ≥ 0 as unsigned, which compiled loops read faster."""
    return index.view(np.uint32 if index.dtype.itemsize == 4 else np.uint64)


@dataclass(frozen=True, eq=False)
class State:
    """An old plan to start from.

    One whose rents, prices or outputs are not all finite is no start: planning is as from nothing.

    Attributes
    ----------
    rents : ndarray, shape (resources,)
        w, per unit of the objective.
    prices : ndarray, shape (goods,)
        p.
    outputs : ndarray, shape (goods,)
        Gross output of each good in units of the good.
    shares : ndarray, shape (activities,)
        Share of each activity in its good's output: the techniques chosen.
    levels : ndarray, shape (activities,)
        Activity levels x.
    contents : ndarray of float32, shape (goods, resources), or None
        Units of each resource in a unit of each good with these techniques: the slopes
        (cuts) by which the centre foresees what new rents do.
    width : float
        Width of the mixing of techniques.
    """

    rents: FloatArray
    prices: FloatArray
    outputs: FloatArray
    shares: FloatArray
    levels: FloatArray
    contents: npt.NDArray[np.float32] | None
    width: float


@dataclass(frozen=True)
class Progress:
    """How planning went.

    Attributes
    ----------
    ended : Ended
    lower, upper : float
        Bounds on the optimum from an exactly feasible plan and exactly feasible prices.
    rounds : int
        Times rents were proposed.
    passes : float
        Products with the full matrix (non-zeros of A, B, R and D); work on some techniques
        only counts as their share, a product with k vectors k times.
    seconds : float
    message : str
        Why there is no optimum, where there is none.
    threads : int
        Most threads that worked at one time.
    """

    ended: Ended
    lower: float
    upper: float
    rounds: int
    passes: float
    seconds: float
    message: str = ""
    threads: int = 1

    @property
    def gap(self) -> float:
        """(upper − lower)/upper; 0 if equal, 1 without an upper bound."""
        if not np.isfinite(self.upper):
            return 1.0
        return 0.0 if self.upper == self.lower else (self.upper - self.lower) / self.upper


@dataclass
class Meter:
    """Counts work and time while planning.

    Attributes
    ----------
    nonzeros : int
        Non-zeros of the full matrix.
    limit : float or None
        Seconds.
    work : int
        Non-zeros read so far.
    """

    nonzeros: int
    limit: float | None = None
    work: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def passes(self) -> float:
        """Work in products with the full matrix."""
        return self.work / self.nonzeros

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    def over(self) -> bool:
        """Whether the time limit has passed."""
        return self.limit is not None and self.seconds >= self.limit


def list_techniques(economy: Economy, usable: BoolArray | None = None) -> Techniques:
    """List the usable activities good after good.

    Parameters
    ----------
    economy : Economy
        Every activity makes one good.
    usable : ndarray of bool, shape (activities,), optional
        All if missing.
    """
    per = 1.0 / economy.outputs.data
    good: IndexArray = economy.outputs.indices
    if usable is None and bool((good[1:] >= good[:-1]).all()):
        order: IndexArray = np.arange(good.size, dtype=np.int32)
    else:
        order = np.arange(good.size) if usable is None else np.flatnonzero(usable)
        order = order[np.argsort(good[order], kind="stable")].astype(np.int32)
        good = good[order]
    counts = np.bincount(good, minlength=economy.n_goods)
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return Techniques(first=first, order=order, per=per)
