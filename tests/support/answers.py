"""Answers to be judged, and a reference solver that planbench's adapters have no part in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from planbench.model import LinearProgram
from planbench.model.arrays import FloatArray


@dataclass(frozen=True)
class Reply:
    """The least an answer needs."""

    claim: str = "optimal"
    x: FloatArray | None = None
    y: FloatArray | None = None
    objective: float | None = None
    primal_ray: FloatArray | None = None
    dual_ray: FloatArray | None = None


def reference(lp: LinearProgram) -> Reply:
    """Solve with scipy's HiGHS; duals put together by hand, ∂objective/∂rhs in stated sense."""
    rows = lp.matrix.tocsr()
    equal = lp.row_lower == lp.row_upper
    above = np.flatnonzero(np.isfinite(lp.row_upper) & ~equal)
    below = np.flatnonzero(np.isfinite(lp.row_lower) & ~equal)
    same = np.flatnonzero(equal)
    result = linprog(
        lp.minimisation_cost,
        A_ub=sp.vstack([rows[above], -rows[below]], format="csr"),
        b_ub=np.concatenate([lp.row_upper[above], -lp.row_lower[below]]),
        A_eq=rows[same] if same.size else None,
        b_eq=lp.row_upper[same] if same.size else None,
        bounds=np.column_stack([lp.col_lower, lp.col_upper]),
        method="highs-ds",
        options={"presolve": False},
    )
    if result.status == 2:
        return Reply(claim="infeasible")
    if result.status == 3:
        return Reply(claim="unbounded")
    assert result.status == 0, result.message
    y = np.zeros(lp.n_rows)
    y[above] += result.ineqlin.marginals[: above.size]
    y[below] -= result.ineqlin.marginals[above.size :]
    if same.size:
        y[same] = result.eqlin.marginals
    return Reply(
        x=result.x, y=-y if lp.maximise else y, objective=lp.objective(np.asarray(result.x))
    )
