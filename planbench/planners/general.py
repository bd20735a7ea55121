"""``general``: two-level planning for every economy, with by-products, capacities and stocks.

Every activity is counted by its main product (:mod:`planbench.planners.branches`). The branches
answer the prices of resources, and of the few goods that the centre clears itself, with
least-cost prices and outputs; the centre chooses those prices anew from a linear model of what
can change nearby (:mod:`planbench.planners.rounds`). Where the rounds stop making progress,
``primal-dual`` goes on from their best plan and prices, and the record says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from planbench.certificates.check import LARGEST
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.planners.planner import GAP, Bracket, Planner, PlanOptions, Result, tiny_economy
from planbench.planners.techniques import Meter
from planbench.solvers.base import SolverSpec
from planbench.solvers.common import Clock

if TYPE_CHECKING:
    from planbench.planners.price_adjustment import PriceState
    from planbench.planners.rounds import Course

#: Most entries of the total requirements: with more, all is left to price adjustment.
MOST_REQUIREMENTS = 300_000_000
METHOD = "two-level planning with main products: rents and scarce goods priced by a centre"

SPEC = SolverSpec(
    name="general",
    family="planbench planners",
    method=METHOD,
    module="planbench.planners.general",
    packages=("numba", "scipy"),
    extra="planners",
    takes=frozenset(("tolerance", "time_limit")),
    phases=("compile", "load", "solve", "extract"),
    default=f"one thread; stops at a certified gap of the tolerance ({GAP:g} if none)",
    accepts="economy",
)
SOLVERS = (SPEC,)


@dataclass(frozen=True, eq=False)
class GeneralState:
    """An old plan to start from.

    Attributes
    ----------
    main : ndarray of int64, shape (activities,)
        Main product of each activity, −1 for none.
    p, w : ndarray
        Prices and rents.
    x, z : ndarray
        Levels and targets.
    cleared : ndarray of int64
        Goods priced by the centre.
    adjusting : PriceState or None
        Where price adjustment got to, if the plan was handed over to it.
    """

    main: npt.NDArray[np.int64]
    p: FloatArray
    w: FloatArray
    x: FloatArray
    z: FloatArray
    cleared: npt.NDArray[np.int64]
    adjusting: PriceState | None = None

    def fits(self, economy: Economy) -> bool:
        """Whether it is of an economy of the same shape."""
        found = self.p.size, self.x.size, self.w.size, self.z.size
        e = economy
        return found == (e.n_goods, e.n_activities, e.n_resources, e.n_targets)

    @property
    def sound(self) -> bool:
        """Whether it is all finite, and a plan of something."""
        parts = (self.p, self.w, self.x, self.z)
        return all(bool(np.isfinite(part).all()) for part in parts) and bool((self.z > 0).any())


def _compile() -> None:
    from planbench.planners.price_adjustment import compile_kernels

    tiny = tiny_economy(byproducts=True)
    _run(tiny, None, PlanOptions(), None)
    compile_kernels()


def _run(economy: Economy, _: Any, options: PlanOptions, state: GeneralState | None) -> Result:
    from planbench.planners.branches import sort_by_main_product
    from planbench.planners.rounds import begin, iterate

    clock = Clock(options.time_limit)
    meter = Meter(max(1, economy.nnz), options.time_limit)
    if state is not None and not state.sound:
        state = None
    if state is not None and state.adjusting is not None:
        return _hand_over(economy, None, Bracket(), meter, clock, options, state.adjusting)
    branches = sort_by_main_product(economy, meter, None if state is None else state.main)
    rows = branches.rights.size
    if not branches.activity.size or not rows or rows * economy.n_goods > MOST_REQUIREMENTS:
        return _hand_over(economy, None, Bracket(), meter, clock, options, None)
    course = begin(branches, meter, options.tolerance)
    if state is not None:
        _start_from(course, state)
    ended = iterate(course, options.report)
    if ended == "stalled":
        return _hand_over(economy, course, course.bracket, meter, clock, options, None)
    bracket = course.bracket
    x, z = bracket.plan if bracket.plan is not None else (None, None)
    p, w = bracket.prices if bracket.prices is not None else (None, None)
    return Result(
        ended=ended,
        x=x,
        z=z,
        p=p,
        w=w,
        lower=bracket.lower,
        upper=bracket.upper,
        iterations={"rounds": course.round + 1, "passes": round(meter.passes)},
        state=_state_of(course, None),
    )


def _start_from(course: Course, state: GeneralState) -> None:
    """Begin with an old plan's prices and levels."""
    from planbench.planners.branch_kernels import CLEARED, PRIMARY

    b = course.branches
    ordinary = course.kinds != PRIMARY
    course.p = np.where(ordinary, np.maximum(state.p, 0.0), 0.0)
    rows = np.concatenate([state.w[b.resources], state.p[b.primary]])
    cleared = state.cleared[ordinary[state.cleared]]
    course.cleared = cleared
    course.kinds[cleared] = CLEARED
    course.pi = np.maximum(np.concatenate([rows, state.p[cleared]]), 0.0)
    course.x = np.maximum(state.x, 0.0)[b.activity] * b.unit
    course.y = b.by_good(course.x)
    made = course.y[b.good]
    np.divide(course.x, made, out=course.supply.share, where=made > 0)
    course.supply.given[:] = course.y > 0
    course.z = float(b.economy.weights @ state.z)
    course.mix = b.economy.weights * state.z / course.z
    course.round, course.expected = 1, course.tolerance**0.5


def _state_of(course: Course, adjusting: PriceState | None) -> GeneralState:
    e, bracket = course.branches.economy, course.bracket
    p, w = bracket.prices if bracket.prices is not None else course.prices()
    x, z = (
        bracket.plan
        if bracket.plan is not None
        else (course.branches.levels(course.x), course.z * course.mix / e.weights)
    )
    return GeneralState(course.branches.main, p, w, x, z, course.cleared, adjusting)


def _hand_over(
    economy: Economy, course: Course | None, bracket: Any, meter: Meter, clock: Clock,
    options: PlanOptions, adjusting: PriceState | None,
) -> Result:  # fmt: skip
    """Go on with price adjustment from the best plan and prices, or from its own old state."""
    from planbench.planners.pdhg import Process
    from planbench.planners.price_adjustment import METHOD as ADJUSTMENT
    from planbench.planners.price_adjustment import PriceState, run

    begin, rounds = adjusting, 0
    if course is not None:
        rounds = course.round
        old = _state_of(course, None)
        begin = PriceState(np.concatenate([old.x, old.z]), np.concatenate([old.p, old.w]), None)
    # Rounds that got nowhere may end in huge numbers; NaN fails the comparison as well.
    if begin is not None and not all(
        (np.abs(values) <= LARGEST).all() for values in (begin.columns, begin.prices)
    ):
        begin = None
    left = replace(options, time_limit=clock.remaining())
    found = run(economy, Process(economy), left, begin)
    if found.ended in ("infeasible", "unbounded"):
        best = found
    else:
        bracket.add_plan(found.lower, None if found.x is None else (found.x, found.z))
        bracket.add_prices(found.upper, None if found.p is None else (found.p, found.w))
        x, z = bracket.plan or (None, None)
        p, w = bracket.prices or (None, None)
        best = replace(found, x=x, z=z, p=p, w=w, lower=bracket.lower, upper=bracket.upper)
    n, m = economy.n_goods, economy.n_activities
    main = np.full(m, -1) if course is None else course.branches.main
    kept = found.state
    state = GeneralState(
        main, kept.prices[:n], kept.prices[n:], kept.columns[:m], kept.columns[m:],
        np.zeros(0, dtype=np.int64), kept,
    )  # fmt: skip
    ran = found.method or ADJUSTMENT
    counts = {
        "rounds": rounds,
        "passes": round(meter.passes) + found.passes,
        "adjustments": found.rounds,
    }
    return replace(
        best,
        iterations=counts,
        state=state,
        status=f"{best.ended} after {rounds} rounds and {found.rounds} of price adjustment",
        message=f"handed over to primal-dual after {rounds} rounds",
        method=f"{METHOD}; then {ran}" if rounds else ran,
    )


PLANNER = Planner(
    spec=SPEC,
    refusal=lambda economy: None,
    run=_run,
    compile=_compile,
    version="1",
)
plan, solve, replan = PLANNER.plan, PLANNER.solve, PLANNER.replan
