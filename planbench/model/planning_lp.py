"""Economy → linear program → plan, both ways vectorised and free of loops over goods.

Rows are the goods balances, then the resources; columns are the activities, then the targets.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from planbench.model.arrays import FloatArray, Matrix, index_type
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import Plan


def planning_matrix(economy: Economy) -> Matrix:
    """Assemble M = [[B − A, −D], [R, 0]], shape (goods + resources, activities + targets).

    Returns
    -------
    csc_array
        Indices sorted, no duplicates, no stored zeros (where B and A cancel).
    """
    n, m = economy.n_goods, economy.n_activities
    shape = (n + economy.n_resources, m + economy.n_targets)
    index = index_type(economy.nnz, *shape)

    def placed(block: Matrix, row: int = 0, column: int = 0) -> Matrix:
        """`block` in a matrix of the shape of M, which shares its entries."""
        indices = block.indices.astype(index, copy=False)
        if row:
            indices = indices + index(row)
        after = shape[1] - column - block.shape[1]
        indptr = np.pad(block.indptr.astype(index, copy=False), (column, after), mode="edge")
        out = sp.csc_array((block.data, indices, indptr), shape=shape)
        out.has_canonical_format = True
        return out

    # A, the largest, comes last: what is added up before is small.
    others = placed(economy.outputs) + placed(economy.resource_use, row=n)
    return others - placed(economy.assortment, column=m) - placed(economy.inputs)


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
