"""Claims of "infeasible" and "unbounded", checked with the ray the solver gives.

A Farkas ray y proves infeasibility when the largest y'Mx over the column bounds stays below
the smallest y'b over the row bounds. A direction d proves unboundedness of a feasible program
when moving along it breaks nothing and improves the objective.
"""

from __future__ import annotations

import numpy as np

from planbench.certify.check import (
    in_range,
    least_terms,
    magnitude,
    safe_lower,
    safe_upper,
)
from planbench.certify.sums import gamma, sum_down
from planbench.model.arrays import FloatArray
from planbench.model.linear_program import LinearProgram

#: A direction may lean out of the cone by this much, relative to its terms: as much as a
#: solver's rounding needs. A program whose bound depends on less counts as unbounded.
DIRECTION_TOLERANCE = 1e-12


@np.errstate(all="ignore")
def proves_infeasible(
    lp: LinearProgram, y: FloatArray, col_lower: FloatArray, col_upper: FloatArray
) -> bool:
    """Whether the Farkas multipliers `y` (either sign convention) prove infeasibility.

    Rounding is accounted for, so True holds in exact arithmetic.
    """
    if bool((lp.row_lower > lp.row_upper).any() or (lp.col_lower > lp.col_upper).any()):
        return True
    if y.shape != (lp.n_rows,) or not np.isfinite(y).all() or not y.any():
        return False
    if not in_range(lp.matrix.data):
        return False
    y = y / np.abs(y).max()
    y = np.where(np.abs(y) < 1e-14, 0.0, y)
    return any(_separates(lp, sign * y, col_lower, col_upper) for sign in (1.0, -1.0))


def _separates(
    lp: LinearProgram, y: FloatArray, col_lower: FloatArray, col_upper: FloatArray
) -> bool:
    # A multiplier on a missing row bound says nothing; without it the rest must do.
    row_bound = np.where(y > 0, safe_lower(lp.row_lower), safe_upper(lp.row_upper))
    y = np.where(np.isinf(row_bound), 0.0, y)
    if not y.any():
        return False
    used = y != 0
    needed = y[used] * row_bound[used]
    value = lp.matrix.T @ y
    error = gamma(np.diff(lp.matrix.indptr).astype(np.int64)) * (magnitude(lp.matrix).T @ np.abs(y))
    reach = least_terms(
        -value - error, -value + error, safe_lower(col_lower), safe_upper(col_upper)
    )
    if reach is None:
        return False
    beyond = sum_down(np.concatenate([needed, reach]))
    return beyond is not None and beyond > 0


@np.errstate(all="ignore")
def proves_unbounded(lp: LinearProgram, x: FloatArray | None, direction: FloatArray) -> bool:
    """Whether `direction`, from a feasible `x`, improves the objective without end.

    Both are checked to :data:`DIRECTION_TOLERANCE` (relative), so a True is worth a
    certificate of kind ``tolerance``, not ``exact``. Without a point it is False.
    """
    d = direction
    if x is None or d.shape != (lp.n_cols,) or not np.isfinite(d).all() or not d.any():
        return False
    if not (in_range(lp.matrix.data) and in_range(lp.cost)):
        return False
    d = d / np.abs(d).max()
    d = np.where(np.abs(d) < 1e-12, 0.0, d)
    gain = float(lp.minimisation_cost @ d)
    if gain >= -DIRECTION_TOLERANCE * float(np.abs(lp.cost) @ np.abs(d)) or gain == 0:
        return False
    move = lp.matrix @ d
    allowed = DIRECTION_TOLERANCE * (magnitude(lp.matrix) @ np.abs(d))
    down = (move < -allowed) & np.isfinite(lp.row_lower)
    up = (move > allowed) & np.isfinite(lp.row_upper)
    if down.any() or up.any():
        return False
    return not (
        ((d < 0) & np.isfinite(lp.col_lower)).any() or ((d > 0) & np.isfinite(lp.col_upper)).any()
    )
