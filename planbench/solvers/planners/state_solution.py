"""A planner's plan as a :class:`~planbench.solvers.base.Solution` of the planning LP."""

from __future__ import annotations

import numpy as np

from planbench.model.economy import Economy
from planbench.model.plan import Plan
from planbench.model.planning_lp import lp_from_plan
from planbench.solvers.base import Claim, Solution
from planbench.solvers.planners.state import Progress

CLAIMS: dict[str, Claim] = {"optimal": "optimal", "unbounded": "unbounded"}


def to_solution(
    economy: Economy, plan: Plan, progress: Progress, method: str, version: str
) -> Solution:
    """Translate; an unbounded plan's levels are the ray."""
    x, y = lp_from_plan(economy, plan)
    iterations = {"rounds": progress.rounds, "passes": round(progress.passes)}
    notes = (progress.message,) if progress.message else ()
    if progress.ended == "unbounded":
        return Solution(
            claim="unbounded", x=np.zeros_like(x), y=None, objective=None, primal_ray=x,
            native_status="a target costs nothing", iterations=iterations, version=version,
            method_run=method, threads_used=1, notes=notes,
        )  # fmt: skip
    if progress.ended == "infeasible":
        assert y is not None
        return Solution(
            claim="infeasible", x=None, y=None, objective=None, dual_ray=0.0 - y,
            native_status="f cannot be met", iterations=iterations, version=version,
            method_run=method, threads_used=1, notes=notes,
        )  # fmt: skip
    something = bool(plan.z.any())
    claim: Claim = CLAIMS.get(progress.ended, "feasible" if something else "unknown")
    return Solution(
        claim=claim,
        x=x,
        y=y,
        objective=float(economy.weights @ plan.z),
        native_status=f"{progress.ended}, gap {progress.gap:.3g}",
        iterations=iterations,
        hit_limit=progress.ended == "time-limit",
        version=version,
        method_run=method,
        threads_used=1,
        notes=notes,
    )
