"""Sums that know how far off they may be; part of the trusted checker.

A sum of n products, added one after the other in any order, is off by at most γ_n Σ|a_i b_i|
with γ_n = nu/(1 − nu) (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., §3.1).
Rows with millions of terms are added in blocks, and then the blocks (§4.2): few roundings then
are in a row, and the bound is thousands of times tighter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray

UNIT_ROUNDOFF = 2.0**-53
#: Terms added one after the other in rows longer than this.
BLOCK = 4096


def gamma(terms: npt.NDArray[np.int64] | int) -> FloatArray:
    """γ for sums of `terms` products, with eight terms to spare for the steps around them."""
    n = np.asarray(terms, dtype=np.float64) + 8.0
    return np.asarray(n * UNIT_ROUNDOFF / (1.0 - n * UNIT_ROUNDOFF))


def sum_down(terms: FloatArray) -> float | None:
    """Σ terms rounded down, each of them off by a few roundoffs; None if it could overflow."""
    size = np.abs(terms)
    if not (size <= 1e290).all():
        return None
    return math.fsum(terms) - 8 * UNIT_ROUNDOFF * math.fsum(size)


@dataclass(frozen=True, eq=False)
class LongRows:
    """A sparse matrix by rows, cut into blocks for products with a vector.

    Attributes
    ----------
    data, columns : ndarray, shape (entries,)
    starts : ndarray of int
        First entry of each block.
    first : ndarray of int
        First block of each row that has entries.
    filled : ndarray of int
        The rows that have entries.
    terms : ndarray of int64, shape (rows,)
        Roundings one after the other in each row's product, for :func:`gamma`.
    """

    data: FloatArray
    columns: npt.NDArray[Any]
    starts: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    filled: npt.NDArray[np.int64]
    terms: npt.NDArray[np.int64]

    def product(self, vector: FloatArray) -> FloatArray:
        """Matrix times `vector`, shape (rows,)."""
        out = np.zeros(self.terms.size)
        if self.filled.size:
            products = self.data * vector[self.columns]
            blocks = np.add.reduceat(products, self.starts)
            out[self.filled] = np.add.reduceat(blocks, self.first)
        return out


def long_rows(data: FloatArray, columns: npt.NDArray[Any], indptr: npt.NDArray[Any]) -> LongRows:
    """Cut a matrix in compressed rows into blocks of at most :data:`BLOCK` entries."""
    counts = np.diff(indptr).astype(np.int64)
    blocks = -(-counts // BLOCK)
    before = np.cumsum(blocks) - blocks
    number = np.arange(int(blocks.sum())) - np.repeat(before, blocks)
    filled = np.flatnonzero(counts)
    return LongRows(
        data=data,
        columns=columns,
        starts=np.repeat(indptr[:-1].astype(np.int64), blocks) + BLOCK * number,
        first=before[filled],
        filled=filled,
        terms=np.minimum(counts, BLOCK) + blocks,
    )
