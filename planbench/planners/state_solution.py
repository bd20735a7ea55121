"""What planning ends with: the plan and state of the best bounds, and the plan as a Solution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from planbench.model.economy import Economy
from planbench.model.plan import Plan
from planbench.model.planning_lp import lp_from_plan
from planbench.planners.state import Ended, Meter, Progress, State
from planbench.planners.state_domain import Domain, complete_prices
from planbench.solvers.base import Claim, Solution

if TYPE_CHECKING:
    from planbench.planners.state_rounds import Best, Rounds

#: What is said of a run in which sweeps did not do.
FACTORISED = "policy iteration with sparse LU, as sweeps were slow"
CLAIMS: dict[str, Claim] = {"optimal": "optimal", "unbounded": "unbounded"}


def to_solution(
    economy: Economy, plan: Plan, progress: Progress, method: str, version: str
) -> Solution:
    """Translate; an unbounded plan's levels are the ray."""
    x, y = lp_from_plan(economy, plan)
    iterations = {"rounds": progress.rounds, "passes": round(progress.passes)}
    notes = (progress.message,) if progress.message else ()
    if progress.message == FACTORISED:
        method = f"{method}; {FACTORISED}"
    if progress.ended == "unbounded":
        return Solution(
            claim="unbounded", x=np.zeros_like(x), y=None, objective=None, primal_ray=x,
            native_status="a target costs nothing", iterations=iterations, version=version,
            method_run=method, threads_used=progress.threads, notes=notes,
        )  # fmt: skip
    if progress.ended == "infeasible":
        assert y is not None
        return Solution(
            claim="infeasible", x=None, y=None, objective=None, dual_ray=0.0 - y,
            native_status="f cannot be met", iterations=iterations, version=version,
            method_run=method, threads_used=progress.threads, notes=notes,
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
        threads_used=progress.threads,
        notes=notes,
    )


def nothing(economy: Economy, domain: Domain, meter: Meter) -> tuple[Plan, State, Progress]:
    """No target can be reached: the best plan is to do nothing."""
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
    message = "" if rounds.direct is None else FACTORISED
    progress = Progress(
        ended, best.lower, best.upper, number, meter.passes, meter.seconds, message
    )  # fmt: skip
    return Plan(x=x, z=z, p=p, w=w), state, progress
