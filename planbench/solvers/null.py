"""The null solver: an answer without any work, the zero line of every accuracy chart.

x is 0 moved to the nearest bound; the dual of every row that has only an upper side is 1 in a
maximisation and −1 in a minimisation, all others are 0. On a planning LP that is exactly
x = 0, p = 0, w = 1, so the linear program is all it needs to be handed. The objective it
claims is that of x, and its claim is "unknown": it does not know what it has got.
"""

from __future__ import annotations

import numpy as np

from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import Phase, Solution, SolveOptions, SolverSpec, no_phase
from planbench.solvers.common import as_linear_program

SOLVERS = (
    SolverSpec(
        name="null",
        family="planbench",
        method="none: x = 0, w = 1",
        module="planbench.solvers.null",
        packages=(),
        phases=("solve",),
        default="x = 0 and a price of 1 on every resource: what certificate and repair do alone",
    ),
)


def solve(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase = no_phase,
) -> Solution:
    """Return x = 0 (within its bounds) and y = 1 on upper-sided rows."""
    lp = as_linear_program(problem)
    with phase("solve"):
        x = np.minimum(np.maximum(0.0, lp.col_lower), lp.col_upper)
        only_upper = np.isfinite(lp.row_upper) & ~np.isfinite(lp.row_lower)
        y = np.where(only_upper, 1.0 if lp.maximise else -1.0, 0.0)
    return Solution(
        claim="unknown",
        x=x,
        y=y,
        objective=lp.objective(x),
        native_status="no solver ran",
        version="1",
        method_run="none",
        threads_used=1,
    )
