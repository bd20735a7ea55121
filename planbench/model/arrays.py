"""Canonical arrays: what every matrix and vector looks like after the boundary.

Everything is validated here once; code behind the boundary relies on it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.formatting import plural

FloatArray = npt.NDArray[np.float64]
Matrix: TypeAlias = sp.csc_array


#: Indices are int32 up to this many rows, columns or entries, int64 beyond.
LARGEST_INT32 = int(np.iinfo(np.int32).max)


def index_type(*sizes: int) -> type[np.int32] | type[np.int64]:
    """Index type that holds every one of `sizes`: int32 while they fit, else int64."""
    return np.int32 if max(sizes) <= LARGEST_INT32 else np.int64


def canonical_matrix(
    matrix: Any, shape: tuple[int, int] | None, where: str, *, nonnegative: bool = False
) -> Matrix:
    """Return `matrix` as CSC float64, indices sorted, duplicates summed, no stored zeros.

    A matrix that already is canonical is returned as it is, without a copy.

    Parameters
    ----------
    matrix : sparse array, sparse matrix or array_like, shape (rows, columns)
    shape : tuple of int or None
        Shape it must have; None accepts any.
    where : str
        Name of the field, for messages.
    nonnegative : bool
        Refuse negative entries.

    Raises
    ------
    InputError
        On a wrong shape, a NaN or infinite entry, or a negative one where not allowed.
    """
    try:
        if sp.issparse(matrix):
            if matrix.format == "csc" and isinstance(matrix, sp.csc_array):
                out = matrix
            else:
                out = sp.csc_array(matrix)
        else:
            out = sp.csc_array(np.atleast_2d(np.asarray(matrix, dtype=np.float64)))
        if out.dtype != np.float64:
            out = out.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"not a matrix of numbers: {error}", where=where) from None
    if shape is not None and out.shape != shape:
        raise InputError(
            f"has shape {out.shape[0]} x {out.shape[1]}, expected {shape[0]} x {shape[1]}",
            where=where,
        )
    if not np.isfinite(out.data).all():
        position = int(np.flatnonzero(~np.isfinite(out.data))[0])
        row, column = entry_at(out, position)
        raise InputError(
            f"entry (row {row}, column {column}) is {out.data[position]}; give a finite number",
            where=where,
        )
    if not out.has_canonical_format:
        if out is matrix:
            out = out.copy()
        out.sum_duplicates()
    if out.nnz and not out.data.all():
        if out is matrix:
            out = out.copy()
        out.eliminate_zeros()
    if nonnegative and out.nnz and out.data.min() < 0:
        position = int(np.argmin(out.data))
        row, column = entry_at(out, position)
        raise InputError(
            f"entry (row {row}, column {column}) is {out.data[position]:g}; "
            "it must not be negative (move it to the other side of the balance)",
            where=where,
        )
    index = index_type(out.nnz, *out.shape)
    if out.indices.dtype != index or out.indptr.dtype != index:
        out = sp.csc_array(
            (out.data, out.indices.astype(index), out.indptr.astype(index)), shape=out.shape
        )
        out.has_canonical_format = True
    return out


def entry_at(matrix: Matrix, position: int) -> tuple[int, int]:
    """Row and column of the stored entry at `position` in ``matrix.data``."""
    column = int(np.searchsorted(matrix.indptr, position, side="right")) - 1
    return int(matrix.indices[position]), column


def column_of(matrix: Matrix) -> npt.NDArray[np.int64]:
    """Column of every stored entry."""
    return np.repeat(np.arange(matrix.shape[1], dtype=np.int64), np.diff(matrix.indptr))


def largest_of_columns(matrix: Matrix) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Row of the largest entry of each column, the first of several, and that entry.

    Of an empty column −1 and 0.
    """
    column = column_of(matrix)
    # Of equal entries the first comes last here, and what is written last stays.
    rising = matrix.nnz - 1 - np.lexsort((matrix.data[::-1], column[::-1]))
    row, largest = np.full(matrix.shape[1], -1, dtype=np.int64), np.zeros(matrix.shape[1])
    row[column[rising]] = matrix.indices[rising]
    largest[column[rising]] = matrix.data[rising]
    return row, largest


def canonical_vector(
    vector: Any,
    size: int,
    where: str,
    *,
    lower: float = -np.inf,
    allow_infinite: bool = False,
    default: float | None = None,
) -> FloatArray:
    """Return `vector` as a contiguous float64 array of length `size`, checked.

    A single number stands for `size` of them.

    Raises
    ------
    InputError
        On a wrong length, NaN, an infinity where not allowed, or an entry below `lower`.
    """
    if vector is None:
        if default is None:
            raise InputError("is missing", where=where)
        return np.full(size, default)
    try:
        out = np.asarray(vector, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"not a list of numbers: {error}", where=where) from None
    out = np.full(size, float(out)) if out.ndim == 0 else np.ascontiguousarray(out)
    if out.shape != (size,):
        raise InputError(f"has shape {out.shape}, expected ({size},)", where=where)
    bad = np.isnan(out) if allow_infinite else ~np.isfinite(out)
    if bad.any():
        position = int(np.flatnonzero(bad)[0])
        raise InputError(f"entry {position} is {out[position]}; give a number", where=where)
    if size and out.min() < lower:
        position = int(np.argmin(out))
        raise InputError(
            f"entry {position} is {out[position]:g}; it must be at least {lower:g}", where=where
        )
    return out


def is_whole(value: Any, least: int) -> bool:
    """Whether `value` is a whole number of at least `least`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and bool(value >= least)


def canonical_places(places: Any, size: int, where: str) -> npt.NDArray[np.int64]:
    """Return places among `size` as int64, each once; all of them for None.

    Raises
    ------
    InputError
        When something is no such place, or is given twice.
    """
    if places is None:
        return np.arange(size, dtype=np.int64)
    out = np.asarray(places).ravel()
    if out.size and not np.issubdtype(out.dtype, np.integer):
        raise InputError(f"must be whole numbers from 0 to {size - 1}", where=where)
    out = out.astype(np.int64)
    if out.size and (out.min() < 0 or out.max() >= size):
        raise InputError(f"has a number outside 0 to {size - 1}", where=where)
    if np.unique(out).size != out.size:
        raise InputError("has a number twice", where=where)
    return out


def canonical_labels(
    labels: Sequence[str] | None, size: int, where: str, *, distinct: bool = True
) -> tuple[str, ...] | None:
    """Return labels as a tuple of distinct non-empty strings, or None.

    Without `distinct` (units) they may repeat and be empty.

    Raises
    ------
    InputError
        On what is no list, a wrong count, an empty or a repeated label.
    """
    if labels is None:
        return None
    if isinstance(labels, str | bytes) or not isinstance(labels, Iterable):
        raise InputError(f"is {labels!r}; give a list of {size}", where=where)
    out = tuple(str(label) for label in labels)
    if len(out) != size:
        raise InputError(
            f"has {plural(len(out), 'label' if distinct else 'entry')}, expected {size}",
            where=where,
        )
    if distinct and not all(label.strip() for label in out):
        position = next(i for i, label in enumerate(out) if not label.strip())
        raise InputError(f"label {position} is empty", where=where)
    if distinct and len(set(out)) != size:
        repeated = Counter(out).most_common(1)[0][0]
        raise InputError(f"label {repeated!r} occurs twice; labels must differ", where=where)
    return out


def sha256_of(parts: Iterable[tuple[str, Matrix | FloatArray]]) -> str:
    """SHA-256 over named arrays, the same on every platform and for int32 and int64 indices.

    Only values count: −0.0 is hashed as 0.0, indices as little-endian int64.
    """
    digest = hashlib.sha256()
    for name, part in parts:
        if isinstance(part, sp.csc_array):
            digest.update(f"{name}:csc:{part.shape[0]}x{part.shape[1]}:{part.nnz};".encode())
            for index in (part.indptr, part.indices):
                _update(digest, index, "<i8")
            _update(digest, part.data, "<f8")
        else:
            digest.update(f"{name}:vector:{part.size};".encode())
            _update(digest, part, "<f8")
    return digest.hexdigest()


def _update(digest: Any, array: npt.NDArray[Any], dtype: str, chunk: int = 1 << 20) -> None:
    # In chunks, so that hashing never doubles the memory of a large matrix.
    for start in range(0, array.size, chunk):
        piece = array[start : start + chunk].astype(dtype)
        if dtype == "<f8":
            piece = piece + 0.0
        digest.update(piece.tobytes())
