"""Claims of "infeasible" and "unbounded", checked with the ray the solver gives.

A Farkas ray y proves infeasibility when the largest y'Mx over the column bounds stays below
the smallest y'b over the row bounds. A direction d proves unboundedness of a feasible program
when moving along it breaks nothing and improves the objective. What a solver hands back is such
a ray up to rounding; near it one is proven, as points are (:mod:`planbench.certificates.enclosure`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from planbench.certificates.check import (
    in_range,
    least_terms,
    magnitude,
    safe_lower,
    safe_upper,
)
from planbench.certificates.enclosure import Region, dual_bound, dual_region
from planbench.certificates.lp_bracket import is_near_feasible_point, proven_boxes
from planbench.certificates.sums import gamma, sum_down
from planbench.model.arrays import FloatArray
from planbench.model.linear_program import LinearProgram


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
    if any(_separates(lp, sign * y, col_lower, col_upper) for sign in (1.0, -1.0)):
        return True
    # Free columns need y'M to be 0 exactly, which rounding seldom leaves it.
    still = replace(lp, cost=np.zeros(lp.n_cols), offset=0.0, maximise=False)
    cone = dual_region(still, lp.col_lower, lp.col_upper)
    for sign in (1.0, -1.0):
        for held in proven_boxes(cone, sign * y):
            beyond = dual_bound(still, cone, held, col_lower, col_upper)
            if beyond is not None and beyond > 0:
                return True
    return False


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
    """Whether `direction`, from a feasible point, improves the objective without end.

    Both a feasible point and a direction that breaks nothing are proven to exist near the ones
    given (:mod:`planbench.certificates.enclosure`), so True holds in exact arithmetic.
    """
    if direction.shape != (lp.n_cols,) or not np.isfinite(direction).all() or not direction.any():
        return False
    if not (in_range(lp.matrix.data) and in_range(lp.cost)):
        return False
    d = direction / np.abs(direction).max()
    d = np.where(np.abs(d) < 1e-12, 0.0, d)
    gain = -float(lp.minimisation_cost @ d)
    if not gain > 0:
        return False
    # Half the gain will do, so that the direction may be moved a little.
    cone = Region(
        matrix=sp.csr_array(sp.vstack([lp.matrix, sp.csr_array(lp.minimisation_cost[None, :])])),
        lower=np.append(np.where(np.isfinite(lp.row_lower), 0.0, -np.inf), -np.inf),
        upper=np.append(np.where(np.isfinite(lp.row_upper), 0.0, np.inf), -0.5 * gain),
        col_lower=np.where(np.isfinite(lp.col_lower), 0.0, -np.inf),
        col_upper=np.where(np.isfinite(lp.col_upper), 0.0, np.inf),
    )
    leads_on = next(proven_boxes(cone, d), None) is not None
    return leads_on and is_near_feasible_point(lp, x)
