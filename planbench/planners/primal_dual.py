"""``primal-dual``: plans by price adjustment, for every economy there is.

Activities expand while they make a profit and contract while they make a loss; prices rise
with excess demand and fall with excess supply. Left alone that tâtonnement circles; looking
one step ahead, and pulling back to the last restart, makes it converge (Arrow, Hurwicz & Uzawa
1958; Chambolle & Pock 2011; Applegate et al. 2021; Lu & Yang 2024). Every so often prices and plan
are repaired and put to the certificate's own bounds; the process ends when the certified bracket
is as narrow as was asked for.
"""

from __future__ import annotations

from planbench.planners.planner import Planner, lazily
from planbench.solvers.base import SolverSpec

SPEC = SolverSpec(
    name="primal-dual",
    family="planbench",
    method="price adjustment (restarted primal–dual hybrid gradient)",
    module="planbench.planners.primal_dual",
    packages=("numba", "scipy"),
    extra="planners",
    takes=frozenset(("tolerance", "time_limit", "native")),
    phases=("compile", "load", "solve", "extract"),
    default="until the certified gap is 1e-6 (the option tolerance); one thread",
    accepts="economy",
)
SOLVERS = (SPEC,)


PLANNER = Planner(
    spec=SPEC,
    refusal=lambda economy: None,
    prepare=lazily("planbench.planners.pdhg", "Process"),
    run=lazily("planbench.planners.price_adjustment", "run"),
    compile=lazily("planbench.planners.price_adjustment", "compile_kernels"),
    native=("rounds",),
)
plan, solve = PLANNER.plan, PLANNER.solve
