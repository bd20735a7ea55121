"""The largest links between goods, where all would be too many to look at again and again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planbench.generators.statistics.blocks import Indices, off_diagonal
from planbench.model.arrays import FloatArray, Matrix

#: Bits of a float64 that are cut off to sort values into bins 2^(1/256) wide or narrower.
_CUT = 44
_BINS = 1 << (63 - _CUT)


@dataclass(frozen=True, eq=False)
class StrongLinks:
    """Links off the diagonal, by columns.

    Attributes
    ----------
    rows, columns : ndarray of int, shape (links,)
    flow : ndarray, shape (links,)
    all_links : int
        How many the matrix has off the diagonal.
    share : float
        Part of all flow off the diagonal that these make; 1 where they are all.
    """

    rows: Indices
    columns: Indices
    flow: FloatArray
    all_links: int
    share: float

    @property
    def how(self) -> str:
        """Which links these are, to go after the name of a method; empty where all."""
        if self.flow.size == self.all_links:
            return ""
        return (
            f", on {self.flow.size:,} of {self.all_links:,} links, {self.share:.0%} of input value"
        )


def strong_links(matrix: Matrix, most: int, seed: int) -> StrongLinks:
    """Pick the `most` largest links, and beside them the largest of every row and column.

    Of links within half a per cent of the smallest that are picked, a random part is taken.

    Parameters
    ----------
    matrix : csc_array, shape (goods, goods)
        Entries > 0.
    most : int
    seed : int
    """
    if matrix.nnz <= most:
        return _gathered(list(off_diagonal(matrix)))
    counts = np.zeros(_BINS, dtype=np.int64)
    top = np.zeros(matrix.shape[0])
    for row, _, flow in off_diagonal(matrix):
        counts += np.bincount(_bin(flow), minlength=_BINS)
        np.maximum.at(top, row, flow)
    # From the largest bin down: all of the bins above `least`, a part of that one.
    upto = np.cumsum(counts[::-1])
    at = int(np.searchsorted(upto, most))
    if at == _BINS:
        return _gathered(list(off_diagonal(matrix)))
    least = _BINS - 1 - at
    part = (most - (int(upto[at]) - int(counts[least]))) / int(counts[least])
    rng = np.random.default_rng(np.random.SeedSequence([seed, 5]))
    found: list[tuple[Indices, Indices, FloatArray]] = []
    total, links = 0.0, 0
    for row, column, flow in off_diagonal(matrix):
        if flow.size == 0:
            continue
        size = _bin(flow)
        kept = size > least
        equal = np.flatnonzero(size == least)
        kept[equal[rng.random(equal.size) < part]] = True
        kept[_largest_of_columns(column, flow)] = True
        # The first largest link of each supplier; -1 marks those that have it.
        first = np.flatnonzero(flow == top[row])
        _, which = np.unique(row[first], return_index=True)
        kept[first[which]] = True
        top[row[first]] = -1.0
        found.append((row[kept], column[kept], flow[kept]))
        total += float(flow.sum())
        links += flow.size
    return _gathered(found, links, total)


def _largest_of_columns(column: Indices, flow: FloatArray) -> Indices:
    """Place of the first largest link of every column; columns ascend."""
    start = np.flatnonzero(np.diff(column, prepend=-1))
    counts = np.diff(np.append(start, column.size))
    at = np.flatnonzero(flow == np.repeat(np.maximum.reduceat(flow, start), counts))
    first: Indices = at[np.diff(column[at], prepend=-1) > 0]
    return first


def _bin(flow: FloatArray) -> npt.NDArray[np.int64]:
    # Positive floats order like their bits.
    return flow.view(np.int64) >> _CUT


def _gathered(
    found: list[tuple[Indices, Indices, FloatArray]],
    all_links: int | None = None,
    total: float | None = None,
) -> StrongLinks:
    rows = np.concatenate([part[0] for part in found])
    columns = np.concatenate([part[1] for part in found])
    flow = np.concatenate([part[2] for part in found])
    return StrongLinks(
        rows=rows,
        columns=columns,
        flow=flow,
        all_links=flow.size if all_links is None else all_links,
        share=1.0 if not total else float(flow.sum()) / total,
    )
