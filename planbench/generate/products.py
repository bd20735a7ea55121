"""Sparse products whose every bit is fixed: terms are added one by one, in storage order.

scipy's products are faster, but the order and the fusing of their additions are its own
affair. Used where a product itself ends in the hashed arrays.
"""

from __future__ import annotations

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
