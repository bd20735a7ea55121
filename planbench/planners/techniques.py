"""The activities of an economy listed by the good they make, and the count of work done."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy

IndexArray = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Techniques:
    """The activities of an economy, listed good after good.

    Attributes
    ----------
    first : ndarray of int32, shape (goods + 1,)
        Techniques of good g stand at ``first[g]:first[g + 1]`` of `order`.
    order : ndarray of int32, shape (activities,)
        Number of each activity.
    good : ndarray of int32, shape (activities,)
        Good of each technique.
    per : ndarray, shape (activities,)
        1 / what a unit of the activity makes of its good.
    """

    first: IndexArray
    order: IndexArray
    good: IndexArray
    per: FloatArray


def unsigned(index: IndexArray) -> IndexArray:
    """View indices ≥ 0 as unsigned, which compiled loops read faster."""
    return index.view(np.uint32 if index.dtype.itemsize == 4 else np.uint64)


def list_techniques(economy: Economy) -> Techniques:
    """List the activities of an economy in which each makes one good, good after good."""
    per = 1.0 / economy.outputs.data
    order = np.argsort(economy.outputs.indices, kind="stable").astype(np.int32)
    good = economy.outputs.indices[order]
    counts = np.bincount(good, minlength=economy.n_goods)
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return Techniques(first=first, order=order, good=good, per=per)


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
