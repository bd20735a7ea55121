"""Economy → linear program → plan, both ways vectorised and free of loops over goods.

Rows are the goods balances, then the resources; columns are the activities, then the targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.model.arrays import FloatArray, Matrix, index_type
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import Plan


def net_output(economy: Economy) -> Matrix:
    """B − A, shape (goods, activities), as a CSC array."""
    return sp.csc_array(economy.outputs - economy.inputs)


def planning_matrix(
    economy: Economy, *, index: type[np.int32] | type[np.int64] | None = None
) -> Matrix:
    """Assemble M = [[B − A, −D], [R, 0]], shape (goods + resources, activities + targets).

    Columns are merged block by block into arrays allocated once: intermediate results stay in
    the processor's cache, and every number is read once and written once.

    Parameters
    ----------
    economy : Economy
    index : numpy.int32 or numpy.int64, optional
        Index type; int32 while it fits if missing.

    Returns
    -------
    csc_array
        Indices sorted, no duplicates, no stored zeros (where B and A cancel).
    """
    a, b, r, d = economy.inputs, economy.outputs, economy.resource_use, economy.assortment
    n, m = economy.n_goods, economy.n_activities
    shape = (n + economy.n_resources, m + economy.n_targets)
    most = economy.nnz
    if index is None:
        index = index_type(most, *shape)
    merge = _merge_by_kernels if _kernels() is not None else _merge_by_operators

    data = np.empty(most)
    indices = np.empty(most, dtype=index)
    indptr = np.zeros(shape[1] + 1, dtype=index)
    at = 0
    for start, stop in _column_blocks(economy):
        blocks = (
            _rows_of(b, start, stop, index),
            _rows_of(r, start, stop, index, shift=n),
            _rows_of(a, start, stop, index),
        )
        ends = merge(*blocks, shape[0], indices[at:], data[at:])
        indptr[start + 1 : stop + 1] = ends[1:] + index(at)
        at += int(ends[-1])
    indices[at : at + d.nnz] = d.indices
    np.negative(d.data, out=data[at : at + d.nnz])
    indptr[m + 1 :] = d.indptr[1:] + index(at)
    at += d.nnz
    out = sp.csc_array((data[:at], indices[:at], indptr), shape=shape)
    out.has_canonical_format = True
    return out


#: Non-zeros in a block of columns: a few MB, so that a block stays in the cache.
_BLOCK = 200_000
#: A block of columns, read as rows: indptr from 0, indices, data.
_Block: TypeAlias = tuple[npt.NDArray[Any], npt.NDArray[Any], FloatArray]


def _column_blocks(economy: Economy) -> Iterator[tuple[int, int]]:
    """Ranges of activities with about :data:`_BLOCK` non-zeros each."""
    m = economy.n_activities
    ends = sum(
        matrix.indptr.astype(np.int64)
        for matrix in (economy.inputs, economy.outputs, economy.resource_use)
    )
    steps = np.arange(_BLOCK, int(ends[-1]) + _BLOCK, _BLOCK)
    cuts = np.unique(np.append(np.searchsorted(ends, steps, side="left"), m))
    # A column longer than a block gives two equal cuts; a cut at 0 is an empty block.
    cuts = np.minimum(cuts[cuts > 0], m)
    return zip(np.append(0, cuts[:-1]).tolist(), cuts.tolist(), strict=True)


def _rows_of(matrix: Matrix, start: int, stop: int, index: type, *, shift: int = 0) -> _Block:
    """Columns start:stop of `matrix` without a copy of what needs none, row numbers shifted."""
    first, last = int(matrix.indptr[start]), int(matrix.indptr[stop])
    indices = matrix.indices[first:last].astype(index, copy=False)
    if shift:
        indices = indices + index(shift)
    ends = matrix.indptr[start : stop + 1].astype(index) - index(first)
    return ends, indices, matrix.data[first:last]


def _merge_by_operators(
    made: _Block,
    resources: _Block,
    used: _Block,
    width: int,
    indices: npt.NDArray[Any],
    data: FloatArray,
) -> npt.NDArray[Any]:
    """Write made + resources − used to `indices` and `data`; public scipy only."""
    shape = (made[0].size - 1, width)
    parts = [sp.csr_array((x, i, p), shape=shape) for p, i, x in (made, resources, used)]
    for part in parts:
        part.has_canonical_format = True
    merged = parts[0] + parts[1] - parts[2]
    indices[: merged.nnz], data[: merged.nnz] = merged.indices, merged.data
    ends: npt.NDArray[Any] = merged.indptr.astype(indices.dtype)
    return ends


def _merge_by_kernels(
    made: _Block,
    resources: _Block,
    used: _Block,
    width: int,
    indices: npt.NDArray[Any],
    data: FloatArray,
) -> npt.NDArray[Any]:
    """Do the same with the kernels behind those operators, straight into the result."""
    kernels = _kernels()
    assert kernels is not None
    plus, minus = kernels
    rows = made[0].size - 1
    size = made[1].size + resources[1].size
    inner = np.empty(rows + 1, indices.dtype), np.empty(size, indices.dtype), np.empty(size)
    plus(rows, width, *made, *resources, *inner)
    ends = np.empty(rows + 1, indices.dtype)
    minus(rows, width, *inner, *used, ends, indices, data)
    return ends


@cache
def _kernels() -> tuple[Callable[..., None], Callable[..., None]] | None:
    """Scipy's C++ kernels of sparse + and −, or None where they are not what they were.

    They are private to scipy, so a sum with a known result is tried once; without them the
    operators do the same at about twice the time.
    """
    try:
        from scipy.sparse._sparsetools import csr_minus_csr, csr_plus_csr

        one = (np.array([0, 1], np.int32), np.array([0], np.int32), np.array([2.0]))
        other = (np.array([0, 1], np.int32), np.array([1], np.int32), np.array([3.0]))
        for kernel, sign in ((csr_plus_csr, 1.0), (csr_minus_csr, -1.0)):
            result = (np.empty(2, np.int32), np.empty(2, np.int32), np.empty(2))
            kernel(1, 2, *one, *other, *result)
            if [part.tolist() for part in result] != [[0, 2], [0, 1], [2.0, sign * 3.0]]:
                return None
    except (ImportError, TypeError, ValueError):
        return None
    return csr_plus_csr, csr_minus_csr


def to_linear_program(economy: Economy) -> LinearProgram:
    """Write the planning problem of `economy` as a linear program (maximisation).

    Returns
    -------
    LinearProgram
        goods + resources rows, activities + targets columns; named where the economy is
        labelled, rows ``good:…`` and ``resource:…``, columns ``activity:…`` and ``target:…``.
    """
    m, t = economy.n_activities, economy.n_targets
    n, k = economy.n_goods, economy.n_resources
    row_names = col_names = None
    if economy.goods and economy.activities:
        row_names = tuple(f"good:{g}" for g in economy.goods) + tuple(
            f"resource:{economy.resource(i)}" for i in range(k)
        )
        col_names = tuple(f"activity:{a}" for a in economy.activities) + tuple(
            f"target:{economy.target(i)}" for i in range(t)
        )
    return LinearProgram(
        matrix=planning_matrix(economy),
        cost=np.concatenate([np.zeros(m), economy.weights]),
        row_lower=np.concatenate([economy.fixed_demand, np.full(k, -np.inf)]),
        row_upper=np.concatenate([np.full(n, np.inf), economy.endowment]),
        col_lower=np.zeros(m + t),
        col_upper=np.concatenate([economy.capacity, np.full(t, np.inf)]),
        maximise=True,
        offset=0.0,
        row_names=row_names,
        col_names=col_names,
        name=economy.name,
    )


def plan_from_lp(
    economy: Economy, columns: FloatArray | None, row_duals: FloatArray | None
) -> Plan | None:
    """Read a plan out of a solution of :func:`to_linear_program`.

    Parameters
    ----------
    columns : ndarray, shape (activities + targets,) or None
    row_duals : ndarray, shape (goods + resources,) or None
        y = ∂objective/∂rhs; prices are p = −y_goods, rents w = y_resources.

    Returns
    -------
    Plan or None
        None when there are no columns. Capacity rents v = [p(B − A) − wR]⁺ where capacity is
        finite are recomputed, as solvers report them under many names.
    """
    if columns is None:
        return None
    m, n = economy.n_activities, economy.n_goods
    p = w = v = None
    if row_duals is not None:
        p, w = 0.0 - row_duals[:n], row_duals[n:].copy()
        with np.errstate(invalid="ignore", over="ignore"):  # a solver may hand back infinities
            surplus = economy.outputs.T @ p - economy.inputs.T @ p - economy.resource_use.T @ w
        v = np.where(np.isfinite(economy.capacity), np.maximum(surplus, 0.0), 0.0)
    return Plan(x=columns[:m].copy(), z=columns[m:].copy(), p=p, w=w, v=v)


def lp_from_plan(economy: Economy, plan: Plan) -> tuple[FloatArray, FloatArray | None]:
    """Columns and row duals of the planning LP for `plan`; the inverse of the above."""
    columns = np.concatenate([plan.x, plan.z])
    if plan.p is None or plan.w is None:
        return columns, None
    return columns, np.concatenate([-plan.p, plan.w])
