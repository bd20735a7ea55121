"""``two-level``: a centre prices resources, sectors choose techniques and report what they use.

Decomposition after Kornai & Lipták (1965) and Dantzig & Wolfe (1961). The centre proposes
rents w of the scarce resources. The sectors answer with least-cost prices
p = min over techniques (wR + pA)/B, which bound the optimum from above (any rents do: w·r/min_k
D_k·p/ω_k), and with the plan that the cheapest techniques make, those nearly as cheap mixed in;
scaled to the endowments it is feasible and bounds the optimum from below. The centre's next
rents come from :mod:`planbench.solvers.planners.master`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from planbench.errors import SolverError
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import Plan
from planbench.model.productivity import one_good_each
from planbench.solvers.base import Phase, Solution, SolveOptions, SolverSpec, no_phase
from planbench.solvers.planners.state import Ended, Meter, Progress, Report, State
from planbench.solvers.planners.state_solution import to_solution

if TYPE_CHECKING:
    from planbench.solvers.planners.master_rounds import Best, Rounds
    from planbench.solvers.planners.state_domain import Domain

VERSION = "1"
#: Certified gap where none is asked for.
GAP = 1e-6

SOLVERS = (
    SolverSpec(
        name="two-level",
        family="planbench planners",
        method="two-level planning: rents down, techniques and needs up (Kornai-Liptak)",
        module="planbench.solvers.planners.two_level",
        packages=("numba", "clarabel"),
        extra="planners",
        takes=frozenset(("tolerance", "time_limit")),
        phases=("compile", "load", "solve", "extract"),
        default=f"one thread; stops at a certified gap of the tolerance ({GAP:g} if none)",
        accepts="economy",
    ),
)


def refusal(economy: Economy) -> str | None:
    """Say why `economy` is outside the domain, or None."""
    if not one_good_each(economy):
        return "takes economies whose activities each make one good; this one has others"
    if np.isfinite(economy.capacity).any():
        return "takes no capacities; this economy has activities with an upper limit"
    if economy.fixed_demand.any():
        return "takes no fixed demands or stocks (f = 0)"
    return None


def solve(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase = no_phase,
) -> Solution:
    """Plan the economy; the tolerance is the certified gap asked for."""
    if not isinstance(problem, Economy):
        raise SolverError(f"{spec.name} plans economies, not general linear programs")
    reason = refusal(problem)
    if reason is not None:
        raise SolverError(f"{spec.name} {reason}")
    with phase("compile"):
        warm_up(problem)
    from planbench.solvers.planners.state_domain import settle_domain

    gap = GAP if options.tolerance is None else options.tolerance
    with phase("load"):
        domain = settle_domain(problem)
    with phase("solve"):
        found = _plan(problem, domain, gap, None, options.time_limit, _say)
    with phase("extract"):
        return to_solution(problem, found[0], found[2], spec.method, VERSION)


def _say(line: str) -> None:
    print(line, flush=True)


def warm_up(economy: Economy) -> None:
    """Plan a tiny economy with the same types of arrays, so that every kernel is compiled."""
    from planbench.solvers.planners.state_warm import tiny_like

    plan(tiny_like(economy), gap=1e-6)


def plan(
    economy: Economy,
    *,
    gap: float = GAP,
    state: State | None = None,
    time_limit: float | None = None,
    report: Report | None = None,
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

    Returns
    -------
    Plan
        Feasible x and z; prices p and rents w that are dual feasible.
    State
        To plan a changed economy from.
    Progress

    Raises
    ------
    SolverError
        If the economy is outside the domain.
    """
    reason = refusal(economy)
    if reason is not None:
        raise SolverError(f"two-level {reason}")
    from planbench.solvers.planners.state_domain import settle_domain

    return _plan(economy, settle_domain(economy), gap, state, time_limit, report)


def _plan(
    economy: Economy,
    domain: Domain,
    gap: float,
    state: State | None,
    time_limit: float | None,
    report: Report | None,
) -> tuple[Plan, State, Progress]:
    from planbench.solvers.planners.master_rounds import open_rounds, run_rounds
    from planbench.solvers.planners.state_domain import settle_domain

    meter = Meter(economy.nnz, time_limit)
    tell = report or (lambda line: None)
    for thorough in (False, True):
        if thorough:
            domain = settle_domain(economy, thorough=True)
        if not domain.targets.any():
            return nothing(economy, domain, meter)
        rounds = open_rounds(economy, domain.usable, domain.targets, meter, state)
        rounds.thorough = thorough
        best, number, ended = run_rounds(rounds, gap, tell)
        if ended != "unsettled":
            break
    return finish(economy, domain, rounds, best, number, ended)


def nothing(economy: Economy, domain: Domain, meter: Meter) -> tuple[Plan, State, Progress]:
    """No target can be reached: the best plan is to do nothing."""
    from planbench.solvers.planners.state_domain import complete_prices

    n, m, k = economy.n_goods, economy.n_activities, economy.n_resources
    p, w = complete_prices(economy, domain, np.zeros(n), np.zeros(k))
    plan = Plan(x=np.zeros(m), z=np.zeros(economy.n_targets), p=p, w=w)
    state = State(w, p, np.zeros(n), np.zeros(m), plan.x, None, 1.0)
    message = "no target can be reached: goods it needs cannot be made"
    return plan, state, Progress("optimal", 0.0, 0.0, 0, meter.passes, meter.seconds, message)


def finish(
    economy: Economy, domain: Domain, rounds: Rounds, best: Best, number: int, ended: Ended
) -> tuple[Plan, State, Progress]:
    """Plan, prices and state of the best bounds."""
    from planbench.solvers.planners.state_domain import complete_prices

    techniques = rounds.sectors.techniques
    x, shares = np.zeros(economy.n_activities), np.zeros(economy.n_activities)
    z, y = np.zeros(economy.n_targets), rounds.y
    if best.y is not None and best.share is not None and best.parts is not None:
        scale = 1.0 if ended == "unbounded" else best.lower
        y = best.y * scale
        order = techniques.order
        shares[order] = best.share
        x[order] = np.repeat(y, np.diff(techniques.first)) * best.share * techniques.per[order]
        z = best.parts * scale
    p = w = None
    prices, rents = rounds.p, np.zeros(economy.n_resources)
    if best.p is not None and best.rents is not None:
        theta, sectors = best.theta, rounds.sectors
        p = best.p + theta * sectors.p0
        w = best.rents + theta * sectors.w0
        factor = best.upper / (1 + theta)
        p, w = complete_prices(economy, domain, p * factor, w * factor)
        prices, rents = p, w
    contents = rounds.contents
    contents *= economy.endowment
    state = State(rents, prices, y, shares, x, contents, rounds.width)
    meter = rounds.meter
    progress = Progress(
        ended, best.lower, best.upper, number, meter.passes, meter.seconds,
    )  # fmt: skip
    return Plan(x=x, z=z, p=p, w=w), state, progress
