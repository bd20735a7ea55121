"""Bounds on the columns of an LP implied by its rows, rounded outward.

Only missing (infinite) bounds are filled in; each is implied by one row and the bounds of the
other columns in it (Savelsbergh 1994, §1), so any feasible point obeys it.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from planbench.certificates.check import in_range
from planbench.certificates.sums import UNIT_ROUNDOFF, gamma
from planbench.model.arrays import FloatArray
from planbench.model.linear_program import LinearProgram

#: A chain of rows this long is followed; each round costs one pass over the matrix.
ROUNDS = 6
#: More than the products of a row can lose by underflow.
UNDERFLOW = 1e-200

_bounds: WeakKeyDictionary[LinearProgram, tuple[FloatArray, FloatArray]] = WeakKeyDictionary()


def implied_bounds(lp: LinearProgram) -> tuple[FloatArray, FloatArray]:
    """Column bounds of `lp` with missing ones filled in where a row implies them.

    Returns
    -------
    lower, upper : ndarray, shape (columns,)
        Valid for every feasible point; may still be infinite.
    """
    if lp not in _bounds:
        _bounds[lp] = _propagate(lp)
    return _bounds[lp]


@np.errstate(all="ignore")
def _propagate(lp: LinearProgram) -> tuple[FloatArray, FloatArray]:
    lower, upper = lp.col_lower.copy(), lp.col_upper.copy()
    if not lp.matrix.nnz or not in_range(lp.matrix.data):
        return lower, upper
    rows = lp.matrix.indices
    cols = np.repeat(np.arange(lp.n_cols), np.diff(lp.matrix.indptr))
    counts = np.bincount(rows, minlength=lp.n_rows)
    for _ in range(ROUNDS):
        missing = np.isinf(lower).sum() + np.isinf(upper).sum()
        if not missing:
            break
        for sign, limit in ((1.0, lp.row_upper), (-1.0, -lp.row_lower)):
            # Row as Σ a_j x_j ≤ limit with a = sign·M.
            a = sign * lp.matrix.data
            at_least = np.where(a > 0, lower[cols], upper[cols])
            open_end = np.isinf(at_least)
            part = np.where(open_end, 0.0, a * np.where(open_end, 0.0, at_least))
            total = np.bincount(rows, weights=part, minlength=lp.n_rows)
            size = np.bincount(rows, weights=np.abs(part), minlength=lp.n_rows)
            opens = np.bincount(rows, weights=open_end, minlength=lp.n_rows)
            # x_j is bounded where every other column of the row is.
            useful = np.isfinite(limit[rows]) & (opens[rows] - open_end == 0)
            useful &= np.where(a > 0, np.isinf(upper[cols]), np.isinf(lower[cols]))
            if not useful.any():
                continue
            i, j, coefficient = rows[useful], cols[useful], a[useful]
            room = limit[i] - (total[i] - part[useful])
            spare = gamma(counts[i] + 4) * (2 * size[i] + np.abs(limit[i]) + np.abs(room))
            spare += UNDERFLOW
            bound = (room + spare) / coefficient
            bound += np.sign(coefficient) * np.abs(bound) * (8 * UNIT_ROUNDOFF)
            good = np.isfinite(bound)
            i, j, coefficient, bound = i[good], j[good], coefficient[good], bound[good]
            above = coefficient > 0
            np.minimum.at(upper, j[above], bound[above])
            np.maximum.at(lower, j[~above], bound[~above])
        if np.isinf(lower).sum() + np.isinf(upper).sum() == missing:
            break
    return lower, upper
