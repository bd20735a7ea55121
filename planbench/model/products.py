"""Sums, products and solutions of equations whose every bit is fixed.

BLAS and LAPACK pick their kernels by the processor, and these add in different orders; numpy
adds in blocks, scipy as it likes. Whatever ends in the hashed arrays is computed here instead:
sums are rounded once (:func:`math.fsum`) or add their terms one by one, in storage order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from planbench.model.arrays import FloatArray, Matrix

_CHUNK_COLUMNS = 1 << 16


def _chunks(matrix: Matrix) -> Iterator[tuple[int, int, slice]]:
    columns = int(matrix.shape[1])
    for start in range(0, columns, _CHUNK_COLUMNS):
        end = min(start + _CHUNK_COLUMNS, columns)
        yield start, end, slice(int(matrix.indptr[start]), int(matrix.indptr[end]))


def forward(matrix: Matrix, x: FloatArray) -> FloatArray:
    """Return M x, shape (rows,)."""
    rows = int(matrix.shape[0])
    total = np.zeros(rows)
    for start, end, place in _chunks(matrix):
        terms = np.repeat(x[start:end], np.diff(matrix.indptr[start : end + 1]))
        terms *= matrix.data[place]
        total += np.bincount(matrix.indices[place], weights=terms, minlength=rows)
    return total


def backward(matrix: Matrix, y: FloatArray) -> FloatArray:
    """Return M'y, shape (columns,)."""
    total = np.empty(int(matrix.shape[1]))
    for start, end, place in _chunks(matrix):
        count = end - start
        column = np.repeat(np.arange(count), np.diff(matrix.indptr[start : end + 1]))
        terms = y[matrix.indices[place]]
        terms *= matrix.data[place]
        total[start:end] = np.bincount(column, weights=terms, minlength=count)
    return total


def dot(x: FloatArray, y: FloatArray) -> float:
    """Σ x_i y_i, the sum of the rounded products rounded once."""
    return math.fsum((x * y).tolist())


def column_sums(table: FloatArray) -> FloatArray:
    """Sum each column of a dense table, rounded once, shape (columns,)."""
    return row_sums(table.T)


def row_sums(table: FloatArray) -> FloatArray:
    """Sum each row of a dense table, rounded once, shape (rows,)."""
    return np.array([math.fsum(row) for row in table.tolist()], dtype=np.float64)


def solve(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Solve M X = B by elimination with partial pivoting, a row at a time.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
    right : ndarray, shape (n,) or (n, columns)

    Returns
    -------
    ndarray, of the shape of `right`
        Not finite where the matrix is singular.
    """
    n = int(matrix.shape[0])
    work = np.column_stack([matrix, right]).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for k in range(n):
            pivot = k + int(np.argmax(np.abs(work[k:, k])))
            if pivot != k:
                work[[k, pivot]] = work[[pivot, k]]
            factors = work[k + 1 :, k] / work[k, k]
            # Rows without an entry here stay as they are; tables have many.
            below = k + 1 + np.flatnonzero(factors)
            work[below, k:] -= np.multiply.outer(factors[below - k - 1], work[k, k:])
        for k in reversed(range(n)):
            work[k, n:] /= work[k, k]
            above = np.flatnonzero(work[:k, k])
            work[above, n:] -= np.multiply.outer(work[above, k], work[k, n:])
    return work[:, n:].reshape(right.shape)


#: Terms of the series at most; with fewer than this many left out it has not converged.
_TERMS = 100_000


def total_requirements(coefficients: Matrix, first: FloatArray) -> FloatArray | None:
    """Solve x = first + coefficients · x, the sum of Leontief's series.

    The terms are added in order and without BLAS, so that every machine gets the same figures:
    they become part of an economy, which is known by its hash.

    Parameters
    ----------
    coefficients : csr_array, shape (n, n)
    first : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n,), or None
        None where the series does not converge.
    """
    x = first.copy()
    for _ in range(_TERMS):
        after = first + coefficients @ x
        if not np.isfinite(after).all():
            return None
        if (np.abs(after - x) <= 2 * np.finfo(np.float64).eps * np.abs(after)).all():
            return np.asarray(after)
        x = after
    return None
