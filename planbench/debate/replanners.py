"""Solvers that can start from an old plan: what is kept of it, and how it is taken up again.

Each plans from nothing or from what it kept, within this process; compiling and importing happen
while the old plan is made, which is not timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from planbench.errors import InputError, SolverError
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import Plan
from planbench.model.planning_lp import lp_from_plan
from planbench.solvers.base import Solution


@dataclass(frozen=True, eq=False)
class Replanner:
    """A solver that can be started from what it kept.

    Attributes
    ----------
    name : str
    keeps : str
        What it takes up, in a phrase.
    solve : callable
        ``solve(economy, lp, gap, kept) -> (Solution, kept)``; ``kept`` None plans from nothing.
    """

    name: str
    keeps: str
    solve: Callable[[Economy, LinearProgram, float, Any], tuple[Solution, Any]]


def replanners() -> dict[str, Replanner]:
    """All of them, by the name of the solver."""
    found = (
        Replanner("two-level", "prices, rents, outputs and techniques", _two_level),
        Replanner("value-iteration", "prices, rents, outputs and techniques", _value_iteration),
        Replanner("primal-dual", "prices, levels and step sizes", _primal_dual),
        Replanner("highs-ds", "the basis", _highs_simplex),
    )
    return {one.name: one for one in found}


def find_replanner(name: str) -> Replanner:
    """Replanner of that name.

    Raises
    ------
    InputError
        Naming those there are.
    """
    known = replanners()
    if name not in known:
        raise InputError(
            f"{name!r} cannot start from an old plan; choose from {', '.join(known)}",
            where="--solvers",
        )
    return known[name]


def _two_level(economy: Economy, lp: LinearProgram, gap: float, kept: Any) -> Any:
    from planbench.planners.two_level import plan

    return _state_planner(economy, *plan(economy, gap=gap, state=kept))


def _value_iteration(economy: Economy, lp: LinearProgram, gap: float, kept: Any) -> Any:
    from planbench.planners.value_iteration import plan

    return _state_planner(economy, *plan(economy, gap=gap, state=kept))


def _state_planner(economy: Economy, plan: Plan, state: Any, progress: Any) -> Any:
    counts = {"rounds": int(progress.rounds), "passes": round(progress.passes)}
    return _solution(economy, plan, str(progress.ended), counts), state


def _primal_dual(economy: Economy, lp: LinearProgram, gap: float, kept: Any) -> Any:
    from planbench.planners.primal_dual_plan import plan

    found = plan(economy, tolerance=gap, state=kept)
    if found.x is None or found.z is None:
        raise SolverError(f"primal-dual found no plan: {found.ended}")
    made = Plan(x=found.x, z=found.z, p=found.p, w=found.w)
    return _solution(
        economy,
        made,
        str(found.ended),
        {"rounds": int(found.rounds), "passes": round(found.passes)},
    ), found.state


def _solution(economy: Economy, plan: Plan, status: str, counts: dict[str, int]) -> Solution:
    x, y = lp_from_plan(economy, plan)
    return Solution("feasible", x, y, None, status, iterations=counts)


def _highs_simplex(economy: Economy, lp: LinearProgram, gap: float, kept: Any) -> Any:
    """HiGHS's dual simplex; what it keeps is itself, with its basis.

    A changed endowment is a changed row bound, the only change taken up here.
    """
    import highspy

    from planbench.solvers.highs_model import pass_model

    if kept is None:
        highs = highspy.Highs()
        settings = {"output_flag": False, "threads": 1, "solver": "simplex"}
        for key, value in settings.items():
            if highs.setOptionValue(key, value).name != "kOk":
                raise SolverError(f"HiGHS refuses the option {key}")
        pass_model(highs, lp)
    else:
        old, highs = kept
        for row in np.flatnonzero(_changed_rows(old, lp)).tolist():
            highs.changeRowBounds(int(row), float(lp.row_lower[row]), float(lp.row_upper[row]))
    highs.run()
    status = highs.modelStatusToString(highs.getModelStatus())
    if status != "Optimal":
        raise SolverError(f"HiGHS ended with {status}")
    answer = highs.getSolution()
    sign = -1.0 if lp.maximise else 1.0
    counts = {"simplex": max(int(highs.getInfo().simplex_iteration_count), 0)}
    solution = Solution(
        claim="feasible",
        x=np.array(answer.col_value, dtype=np.float64),
        y=sign * np.array(answer.row_dual, dtype=np.float64),
        objective=None,
        native_status=status,
        iterations=counts,
        version=str(highs.version()),
        method_run="dual simplex",
    )
    return solution, (lp, highs)


def _changed_rows(old: LinearProgram, new: LinearProgram) -> Any:
    same = (
        old.matrix.nnz == new.matrix.nnz
        and np.array_equal(old.matrix.indices, new.matrix.indices)
        and np.array_equal(old.matrix.data, new.matrix.data)
        and np.array_equal(old.cost, new.cost)
    )
    if not same:
        raise SolverError("the old basis is taken up only where nothing but row bounds changed")
    return (old.row_lower != new.row_lower) | (old.row_upper != new.row_upper)
