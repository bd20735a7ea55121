"""``two-level``: a centre prices resources, sectors choose techniques and report what they use.

Decomposition after Kornai & Lipták (1965) and Dantzig & Wolfe (1961). The centre proposes
rents w of the scarce resources. The sectors answer with least-cost prices
p = min over techniques (wR + pA)/B, which bound the optimum from above (any rents do: w·r/min_k
D_k·p/ω_k), and with the plan that the cheapest techniques make, those nearly as cheap mixed in;
scaled to the endowments it is feasible and bounds the optimum from below. The centre's next
rents come from :mod:`planbench.planners.master`.
"""

from __future__ import annotations

import numpy as np

from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import Plan
from planbench.model.productivity import one_good_each
from planbench.planners.frame import (
    GAP,
    Outcome,
    Planner,
    Task,
    plan_economy,
    solve_economy,
)
from planbench.planners.state import Progress, Report, State
from planbench.planners.state_domain import Domain
from planbench.planners.state_solution import finish, nothing
from planbench.solvers.base import Phase, Solution, SolveOptions, SolverSpec, no_phase

VERSION = "2"

SOLVERS = (
    SolverSpec(
        name="two-level",
        family="planbench planners",
        method="two-level planning: rents down, techniques and needs up (Kornai-Liptak)",
        module="planbench.planners.two_level",
        packages=("numba", "clarabel", "scipy"),
        extra="planners",
        takes=frozenset(("tolerance", "threads", "time_limit")),
        phases=("compile", "load", "solve", "extract"),
        default=f"one thread; stops at a certified gap of the tolerance ({GAP:g} if none)",
        accepts="economy",
    ),
)


def refusal(economy: Economy) -> str | None:
    """Say why `economy` is outside the domain, or None."""
    if not one_good_each(economy):
        return "takes activities that each make one good; this economy has others (see primal-dual)"
    if np.isfinite(economy.capacity).any():
        return "takes no capacities; this economy has upper limits (see primal-dual)"
    if economy.fixed_demand.any():
        return "takes no fixed demands or stocks (f = 0); this economy has some (see primal-dual)"
    return None


def solve(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase = no_phase,
) -> Solution:
    """Plan the economy; the tolerance is the certified gap asked for.

    Raises
    ------
    SolverError
        For a general linear program, or an economy outside the domain.
    """
    return solve_economy(_planner(), problem, spec, options, phase)[0]


def replan(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    state: State | None = None,
) -> tuple[Solution, State]:
    """Plan as :func:`solve` does, from the state of an old plan; the new state comes back too."""
    return solve_economy(_planner(), problem, spec, options, state=state)


def warm_up(economy: Economy, threads: int = 1) -> None:
    """Plan a tiny economy with the same types of arrays, so that every kernel is compiled."""
    from planbench.planners.state_warm import tiny_like

    tiny = tiny_like(economy)
    plan(tiny)
    if threads > 1:  # kernels that only threads use
        plan_economy("two-level", _planner(), tiny, GAP, None, None, None, 2, grain=0)


def plan(
    economy: Economy,
    *,
    gap: float = GAP,
    state: State | None = None,
    time_limit: float | None = None,
    report: Report | None = None,
    threads: int = 1,
) -> tuple[Plan, State, Progress]:
    """Plan until the certified gap is at most `gap`.

    Parameters
    ----------
    economy : Economy
        One good per activity, no capacities, f = 0.
    gap : float
        (upper − lower)/upper asked for.
    state : State, optional
        Of an old plan of an economy with the same goods, activities and resources.
    time_limit : float, optional
        Seconds.
    report : callable, optional
        Is told a line a round.
    threads : int
        The work is shared among so many, where there is enough of it; the plan is the same
        every time for the same number.

    Returns
    -------
    Plan
        Feasible x and z; prices p and rents w that are dual feasible.
    State
        To plan a changed economy from.
    Progress

    Raises
    ------
    InputError
        For fewer threads than one.
    SolverError
        If the economy is outside the domain, or `state` is of another shape.
    """
    return plan_economy("two-level", _planner(), economy, gap, state, time_limit, report, threads)


def _planner() -> Planner:
    return Planner(refusal, _plan, warm_up, VERSION)


def _plan(economy: Economy, domain: Domain, task: Task) -> Outcome:
    from planbench.planners.master_rounds import run_rounds
    from planbench.planners.state_domain import settle_domain
    from planbench.planners.state_rounds import open_rounds

    for thorough in (False, True):
        if thorough:
            domain = settle_domain(economy, thorough=True)
        if not domain.targets.any():
            return nothing(economy, domain, task.meter)
        rounds = open_rounds(economy, domain.usable, domain.targets, task.meter, task.state)
        rounds.thorough = thorough
        best, number, ended = run_rounds(rounds, task.gap, task.tell)
        if ended != "unsettled":
            break
    return finish(economy, domain, rounds, best, number, ended)
