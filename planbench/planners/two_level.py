"""``two-level``: a centre prices resources, sectors choose techniques and report what they use.

Decomposition after Kornai & Lipták (1965) and Dantzig & Wolfe (1961). The centre proposes
rents w of the scarce resources. The sectors answer with least-cost prices
p = min over techniques (wR + pA)/B, which bound the optimum from above (any rents do: w·r/min_k
D_k·p/ω_k), and with the plan that the cheapest techniques make, those nearly as cheap mixed in;
scaled to the endowments it is feasible and bounds the optimum from below. The centre's next
rents come from :mod:`planbench.planners.restricted_master`.
"""

from __future__ import annotations

import numpy as np

from planbench.model.economy import Economy
from planbench.model.productivity import one_good_each
from planbench.planners.planner import GAP, Planner, PlanOptions, Result, tiny_like
from planbench.planners.presolve import Domain, presolve
from planbench.planners.state import State, other_shape
from planbench.planners.techniques import Meter
from planbench.solvers.base import SolverSpec

SPEC = SolverSpec(
    name="two-level",
    family="planbench planners",
    method="two-level planning: rents down, techniques and needs up (Kornai-Liptak)",
    module="planbench.planners.two_level",
    packages=("numba", "clarabel", "scipy"),
    extra="planners",
    takes=frozenset(("tolerance", "time_limit")),
    phases=("compile", "load", "solve", "extract"),
    default=f"one thread; stops at a certified gap of the tolerance ({GAP:g} if none)",
    accepts="economy",
)
SOLVERS = (SPEC,)


def refusal(economy: Economy) -> str | None:
    """Say why `economy` is outside the domain, or None."""
    if not one_good_each(economy):
        return "takes activities that each make one good; this economy has others (see primal-dual)"
    if np.isfinite(economy.capacity).any():
        return "takes no capacities; this economy has upper limits (see primal-dual)"
    if economy.fixed_demand.any():
        return "takes no fixed demands or stocks (f = 0); this economy has some (see primal-dual)"
    return None


def _compile(economy: Economy) -> None:
    tiny = tiny_like(economy)
    _run(tiny, presolve(tiny), PlanOptions(), None)


def _run(economy: Economy, domain: Domain, options: PlanOptions, state: State | None) -> Result:
    from planbench.planners.decomposition import finish, iterate, nothing_to_do, start

    meter = Meter(economy.nnz, options.time_limit)
    for thorough in (False, True):
        if thorough:
            domain = presolve(economy, thorough=True)
        if not domain.targets.any():
            return nothing_to_do(economy, domain, meter)
        run = start(economy, domain, meter, state, thorough=thorough)
        bounds, rounds, ended = iterate(run, options.tolerance, options.report)
        if ended != "unconverged":
            break
    return finish(run, domain, bounds, rounds, ended, SPEC.method)


PLANNER = Planner(
    spec=SPEC,
    refusal=refusal,
    prepare=presolve,
    run=_run,
    other_shape=other_shape,
    compile=_compile,
    version="2",
)
plan, solve, replan = PLANNER.plan, PLANNER.solve, PLANNER.replan
