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

from planbench.model.checks import one_good_each
from planbench.model.economy import Economy
from planbench.planners.planner import GAP, Planner, lazily
from planbench.solvers.base import SolverSpec

SPEC = SolverSpec(
    name="two-level",
    family="planbench planners",
    method="two-level planning: rents down, techniques and needs up (Kornai-Liptak)",
    module="planbench.planners.two_level",
    packages=("numba", "scipy"),
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
        return "takes activities that each make one good; this economy has others (see general)"
    if np.isfinite(economy.capacity).any():
        return "takes no capacities; this economy has upper limits (see general)"
    if economy.fixed_demand.any():
        return "takes no fixed demands or stocks (f = 0); this economy has some (see general)"
    if not np.bincount(economy.outputs.indices, minlength=economy.n_goods).all():
        return "takes goods that some activity makes; this economy has others (see general)"
    lacking = economy.endowment <= 0
    if lacking.any() and lacking[economy.resource_use.indices].any():
        return "takes resources there are some of; activities use others here (see general)"
    return None


PLANNER = Planner(
    spec=SPEC,
    refusal=refusal,
    run=lazily("planbench.planners.decomposition", "run"),
    compile=lazily("planbench.planners.decomposition", "compile_kernels"),
    version="8",
)
plan, solve = PLANNER.plan, PLANNER.solve
