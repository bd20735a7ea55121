"""``primal-dual``: plans by price adjustment, for every economy there is.

Activities expand while they make a profit and contract while they make a loss; prices rise
with excess demand and fall with excess supply. Left alone that tâtonnement circles; looking
one step ahead, and pulling back to the last restart, makes it converge (Arrow, Hurwicz & Uzawa
1958; Chambolle & Pock 2011; Applegate et al. 2021; Lu & Yang 2024). Every so often prices and plan
are repaired and put to the certificate's own bounds; the process ends when the certified bracket
is as narrow as was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planbench.model.economy import Economy
from planbench.planners.planner import Planner, PlanOptions, Result
from planbench.solvers.base import SolverSpec

if TYPE_CHECKING:
    from planbench.planners.price_adjustment import PriceState

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


# What runs is imported when it is called: the list of solvers must not take numba.
def _compile(economy: Economy) -> None:
    from planbench.planners.price_adjustment import compile_kernels

    compile_kernels()


def _prepare(economy: Economy) -> Any:
    from planbench.planners.pdhg import set_up

    return set_up(economy)


def _run(economy: Economy, process: Any, options: PlanOptions, state: PriceState | None) -> Result:
    from planbench.planners.price_adjustment import run

    return run(economy, process, options, state)


def _other_shape(economy: Economy, state: PriceState) -> str | None:
    found = state.columns.size, state.prices.size
    wanted = (
        economy.n_activities + economy.n_targets,
        economy.n_goods + economy.n_resources,
    )
    if found == wanted:
        return None
    return (
        f"is of {found[0]} columns and {found[1]} rows, the economy has {wanted[0]} and {wanted[1]}"
    )


PLANNER = Planner(
    spec=SPEC,
    refusal=lambda economy: None,
    prepare=_prepare,
    run=_run,
    other_shape=_other_shape,
    compile=_compile,
    native=("rounds",),
)
plan, solve, replan = PLANNER.plan, PLANNER.solve, PLANNER.replan
