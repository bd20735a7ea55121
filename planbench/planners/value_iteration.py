"""``value-iteration``: one scarce resource, so the choice of techniques needs no centre.

With one resource the best techniques do not depend on what is demanded (the non-substitution
theorem; Samuelson 1951, Gale 1960 ch. 9): they are the cheapest at prices
p = min over techniques (wR + pA)/B, found by value iteration. What is made follows from
(I − A_π) y = demand.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from planbench.errors import SolverError
from planbench.model.arrays import FloatArray
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

if TYPE_CHECKING:
    from planbench.planners.state_rounds import Best, Rounds

VERSION = "2"
#: The sweeps' first tolerance is the gap divided by this; their errors add up to about the gap.
SHARE = 5.0
#: Times the tolerance of the sweeps is tightened before planning stops.
TRIES = 12
#: Times what adding up may be wrong by is left over of the resource beside a fixed demand.
LEFT_OVER = 2.0

SOLVERS = (
    SolverSpec(
        name="value-iteration",
        family="planbench planners",
        method="value iteration on prices, Gauss-Seidel on quantities (one resource)",
        module="planbench.planners.value_iteration",
        packages=("numba", "scipy"),
        extra="planners",
        takes=frozenset(("tolerance", "threads", "time_limit")),
        phases=("compile", "load", "solve", "extract"),
        default=f"one thread; stops at a certified gap of the tolerance ({GAP:g} if none)",
        accepts="economy",
    ),
)


def refusal(economy: Economy) -> str | None:
    """Say why `economy` is outside the domain, or None."""
    if economy.n_resources != 1:
        return f"takes one resource; this economy has {economy.n_resources} (see two-level)"
    if not one_good_each(economy):
        return "takes activities that each make one good; this economy has others (see primal-dual)"
    if np.isfinite(economy.capacity).any():
        return "takes no capacities; this economy has upper limits (see primal-dual)"
    if (economy.fixed_demand < 0).any():
        return "takes no initial stocks (f >= 0); this economy has some (see primal-dual)"
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

    tiny = tiny_like(economy, resources=1)
    plan(tiny)
    if threads > 1:  # kernels that only threads use
        plan_economy("value-iteration", _planner(), tiny, GAP, None, None, None, 2, grain=0)


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
        One resource, one good per activity, no capacities, f ≥ 0.
    gap : float
        (upper − lower)/upper asked for.
    state : State, optional
        Of an old plan of an economy with the same goods and activities.
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
        Feasible x and z; prices p and rents w that are dual feasible. Where f cannot be
        met (``ended`` is "infeasible"), p and w prove it: p·f > w·r.
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
    return plan_economy(
        "value-iteration", _planner(), economy, gap, state, time_limit, report, threads
    )


def _planner() -> Planner:
    return Planner(refusal, _plan, warm_up, VERSION)


def _plan(economy: Economy, domain: Domain, task: Task) -> Outcome:
    from planbench.planners.state_domain import prices_of_lost, settle_domain
    from planbench.planners.state_rounds import Best, answer, open_rounds

    gap, meter, tell = task.gap, task.meter, task.tell
    f = economy.fixed_demand
    for thorough in (False, True):
        if thorough:
            domain = settle_domain(economy, thorough=True)
        if domain.makeable is not None and f[~domain.makeable].any():
            plan_, state_, progress = nothing(economy, domain, meter)
            p, w = prices_of_lost(economy, domain)
            plan_ = replace(plan_, p=p, w=w)
            message = "a fixed demand is for a good that cannot be made"
            return plan_, state_, replace(progress, ended="infeasible", message=message)
        if not domain.targets.any() and not f.any():
            return nothing(economy, domain, meter)
        if not domain.targets.any():
            raise SolverError(
                "value-iteration takes no f > 0 where no target can be reached; see primal-dual"
            )
        rounds = open_rounds(economy, domain.usable, domain.targets, meter, task.state)
        rounds.width, rounds.thorough = 0.0, thorough
        best, tolerance, number = Best(), gap / SHARE, 0
        ended: str = "stalled"
        lower = upper = 0.0
        extra: FloatArray | None = None
        for number in range(1, TRIES + 1):
            before = best
            if f.any():
                best = Best()  # prices good for the targets need not be so for f
            answered = answer(rounds, best, tolerance)
            if isinstance(answered, str):
                ended = answered
                if extra is not None:
                    best = before  # what `extra` belongs to
                break
            lower, upper = best.lower, best.upper
            if f.any():
                extra, lower, upper = _meet_fixed(rounds, best, tolerance)
                if upper < 0:
                    ended = "infeasible"
                    break
            tell(
                f"round {number}: lower {lower:.12g}, upper {upper:.12g}, "
                f"passes {meter.passes:.1f}, {meter.seconds:.2f} s"
            )
            if upper - lower <= gap * upper:
                ended = "optimal"
                break
            if meter.over():
                ended = "time-limit"
                break
            tolerance *= 0.2
        if ended != "unsettled":
            break
    out, new, progress = finish(economy, domain, rounds, best, number, ended)  # type: ignore[arg-type]
    if extra is not None or ended == "infeasible":
        out, progress = _with_fixed(economy, rounds, best, out, progress, extra, lower, upper)
        new = replace(new, levels=out.x)
    return out, new, progress


def _meet_fixed(rounds: Rounds, best: Best, tolerance: float) -> tuple[FloatArray, float, float]:
    """Find outputs that meet f with the techniques in use, and bounds with f deducted."""
    from planbench.planners.state_rounds import left_of_endowments, meet_fixed_demand
    from planbench.planners.state_sectors import needs_of

    economy, sectors = rounds.economy, rounds.sectors
    f = economy.fixed_demand
    assert best.p is not None
    mended = best.p + best.theta * sectors.p0
    upper = best.upper * (1.0 - float(f @ mended) / (1.0 + best.theta))
    y, settled = meet_fixed_demand(rounds, tolerance)
    if not settled:
        return y, 0.0, upper
    share = float((needs_of(sectors, y) * sectors.scale).max())
    # No scaling of the whole plan can mend what adding up is wrong by: f would not be met.
    room = max(1.0 - share - LEFT_OVER * left_of_endowments(economy), 0.0)
    return y, best.lower * room if share <= 1 else -np.inf, upper


def _with_fixed(
    economy: Economy, rounds: Rounds, best: Best, plan_: Plan, progress: Progress,
    extra: FloatArray | None, lower: float, upper: float,
) -> tuple[Plan, Progress]:  # fmt: skip
    """Give f its share of the resource; the targets have the rest."""
    if upper < 0 or extra is None:
        message = "the fixed demand needs more of the resource than there is"
        none = replace(plan_, x=np.zeros_like(plan_.x), z=np.zeros_like(plan_.z))
        return none, replace(progress, ended="infeasible", lower=0.0, upper=0.0, message=message)
    assert best.share is not None
    techniques = rounds.sectors.techniques
    share = max(lower, 0.0) / best.lower
    x = plan_.x * share
    order = techniques.order
    made = np.repeat(extra, np.diff(techniques.first)) * best.share
    x[order] += made * techniques.per[order]
    return (
        replace(plan_, x=x, z=plan_.z * share),
        replace(progress, lower=max(lower, 0.0), upper=upper),
    )
