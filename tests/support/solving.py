"""The optimum of a small economy by HiGHS's dual simplex through scipy, with plan and prices."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from planbench.model import Economy, Plan, plan_from_lp, to_linear_program


def solve_exactly(economy: Economy) -> tuple[float, Plan]:
    """Optimal value and a plan with prices; fails where there is no optimum."""
    program = to_linear_program(economy)
    n = economy.n_goods
    rows = sp.csr_array(program.matrix)
    answer = linprog(
        -program.cost,
        A_ub=sp.vstack([-rows[:n], rows[n:]], format="csr"),
        b_ub=np.concatenate([-program.row_lower[:n], program.row_upper[n:]]),
        bounds=np.column_stack([program.col_lower, program.col_upper]),
        method="highs-ds",
    )
    assert answer.status == 0, answer.message
    # ∂(min −objective)/∂b of rows turned round: prices p are −marginals, rents too.
    marginals = -answer.ineqlin.marginals
    plan = plan_from_lp(economy, answer.x, np.concatenate([-marginals[:n], marginals[n:]]))
    assert plan is not None
    return -answer.fun, plan
