"""Passes over a matrix a block of columns at a time, so that no copy of its entries is made."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray, Matrix

#: Non-zeros of a block; one column at least.
BLOCK = 1 << 20

Indices = npt.NDArray[np.integer]


def blocks(indptr: Indices, entries: int = BLOCK) -> Iterator[tuple[slice, slice]]:
    """Columns in blocks that hold about `entries` non-zeros, with the places of those.

    Parameters
    ----------
    indptr : ndarray of int, shape (columns + 1,)
    entries : int
    """
    count = indptr.size - 1
    start = 0
    while start < count:
        upto = int(np.searchsorted(indptr, int(indptr[start]) + entries, side="right")) - 1
        end = min(max(upto, start + 1), count)
        yield slice(start, end), slice(int(indptr[start]), int(indptr[end]))
        start = end


def owners(indptr: Indices, columns: slice) -> Indices:
    """Column of every non-zero of a block."""
    counts = np.diff(indptr[columns.start : columns.stop + 1])
    return np.repeat(np.arange(columns.start, columns.stop, dtype=indptr.dtype), counts)


def off_diagonal(matrix: Matrix) -> Iterator[tuple[Indices, Indices, FloatArray]]:
    """Rows, columns and values off the diagonal, block by block, columns ascending."""
    for columns, entries in blocks(matrix.indptr):
        row, column = matrix.indices[entries], owners(matrix.indptr, columns)
        off = row != column
        yield row[off], column[off], matrix.data[entries][off]


def per_row(matrix: Matrix, above: float | None = None) -> npt.NDArray[np.int64]:
    """Count the non-zeros of each row, or those larger than `above`.

    Returns
    -------
    ndarray of int64, shape (rows,)
    """
    rows = int(matrix.shape[0])
    found = np.zeros(rows, dtype=np.int64)
    # A block is as long as the result, or adding up the blocks would take longer than counting.
    for _, entries in blocks(matrix.indptr, max(BLOCK, rows)):
        row = matrix.indices[entries]
        if above is not None:
            row = row[matrix.data[entries] > above]
        found += np.bincount(row, minlength=rows)
    return found


def per_column(matrix: Matrix, above: float) -> npt.NDArray[np.int64]:
    """Count the entries larger than `above` of each column that has entries.

    Returns
    -------
    ndarray of int64, shape (columns with entries,)
    """
    counts = [np.zeros(0, dtype=np.int64)]
    for columns, entries in blocks(matrix.indptr):
        start = matrix.indptr[columns]
        filled = np.flatnonzero(np.diff(matrix.indptr[columns.start : columns.stop + 1]))
        if filled.size:
            large = matrix.data[entries] > above
            at = start[filled] - entries.start
            counts.append(np.add.reduceat(large, at, dtype=np.int64))
    return np.concatenate(counts)
