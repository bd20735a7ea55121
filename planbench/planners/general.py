"""``general``: two-level planning for every economy, with by-products, capacities and stocks.

Every activity is counted by its main product (:mod:`planbench.planners.branches`). The branches
answer the prices of resources, and of the few goods that the centre clears itself, with
least-cost prices and outputs; the centre chooses those prices anew from a linear model of what
can change nearby (:mod:`planbench.planners.rounds`). Where every activity makes one good and
nothing is limited but resources, ``two-level`` does the same with less work, and is what runs.
Where the rounds stop making progress, ``primal-dual`` goes on from their best plan and prices. The
record names what ran.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from planbench.certificates.check import LARGEST
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.planners import two_level
from planbench.planners.planner import (
    GAP,
    Bracket,
    Ended,
    Planner,
    PlanOptions,
    Result,
    tiny_economy,
)
from planbench.planners.techniques import Meter
from planbench.solvers.base import SolverSpec

if TYPE_CHECKING:
    from planbench.planners.course import Course
    from planbench.planners.decomposition import State
    from planbench.planners.price_adjustment import PriceState

#: With more primary rows, and more entries of the total requirements, all is left to price
#: adjustment: a sweep over requirements is a pass a row.
MANY_ROWS, MOST_REQUIREMENTS = 500, 20_000_000
#: Share of activities with capacities above which price adjustment is tried first, if the tolerance
#: is at least so wide.
OFTEN_CAPPED, TRIED = 0.05, 1e-4
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
    sectors : State or None
        The plan as ``two-level`` keeps it, if that made it.
    """

    main: npt.NDArray[np.int64]
    p: FloatArray
    w: FloatArray
    x: FloatArray
    z: FloatArray
    cleared: npt.NDArray[np.int64]
    adjusting: PriceState | None = None
    sectors: State | None = None

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
    from planbench.planners import branch_centre, branch_kernels
    from planbench.planners.branches import sort_by_main_product
    from planbench.planners.price_adjustment import compile_kernels

    assert two_level.PLANNER.compile is not None
    two_level.PLANNER.compile()
    tiny = tiny_economy(byproducts=True)
    _run(tiny, None, PlanOptions(), None)
    net = sort_by_main_product(tiny, Meter(1, None)).net
    order, output = np.arange(2), np.ones(2)
    branch_kernels.use_beyond(net, order, order - 1)
    branch_kernels.marginal_places(net._replace(first=net.first[:3]), order, output, order.copy())
    branch_centre.compile_kernels()
    compile_kernels()


@dataclass(eq=False)
class _Stages:
    """What ran so far, and the best bounds of all of it."""

    economy: Economy
    options: PlanOptions
    meter: Meter
    bracket: Bracket
    methods: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"rounds": 0})

    @property
    def left(self) -> PlanOptions:
        """The options with the time that is left."""
        limit = self.options.time_limit
        return (
            self.options
            if limit is None
            else replace(self.options, time_limit=max(limit - self.meter.seconds, 0.0))
        )

    def add(self, found: Result, method: str) -> None:
        """Count what another planner did, and keep its plan and prices where they are better."""
        self.methods.append("; ".join(filter(None, (found.method or method, found.also))))
        self.meter.work += found.passes * self.meter.nonzeros
        plan = None if found.x is None or found.z is None else (found.x, found.z)
        self.bracket.add_plan(found.lower, plan)
        prices = None if found.p is None or found.w is None else (found.p, found.w)
        self.bracket.add_prices(found.upper, prices)

    def result(self, ended: Ended, state: GeneralState, message: str = "") -> Result:
        """Return the best plan and prices of all stages."""
        x, z = self.bracket.plan or (None, None)
        p, w = self.bracket.prices or (None, None)
        return Result(
            ended=ended, x=x, z=z, p=p, w=w, lower=self.bracket.lower, upper=self.bracket.upper,
            iterations={**self.counts, "passes": round(self.meter.passes)}, state=state,
            message=message, method="; then ".join(self.methods),
        )  # fmt: skip


def _run(economy: Economy, _: Any, options: PlanOptions, state: GeneralState | None) -> Result:
    from planbench.planners.branches import sort_by_main_product
    from planbench.planners.course import begin
    from planbench.planners.price_adjustment import PriceState
    from planbench.planners.rounds import iterate

    meter = Meter(max(1, economy.nnz), options.time_limit)
    stages = _Stages(economy, options, meter, Bracket())
    if two_level.refusal(economy) is None:
        found = _by_sectors(stages, state)
        if found.ended != "stalled":
            return found
    if state is not None and state.adjusting is not None:
        return _adjust(stages, state.adjusting)
    if state is not None and not state.sound:
        state = None
    capped = np.count_nonzero(np.isfinite(economy.capacity)) > OFTEN_CAPPED * economy.n_activities
    if state is None and capped and options.tolerance >= TRIED:
        found = _adjust(stages, None, trial=True)
        if found.ended != "stalled":
            return found
    branches = sort_by_main_product(economy, meter, None if state is None else state.main)
    rows = branches.rights.size
    costly = rows > MANY_ROWS and rows * economy.n_goods > MOST_REQUIREMENTS
    if not branches.activity.size or not rows or costly:
        return _adjust(stages, None)
    course = begin(branches, meter, options.tolerance, stages.bracket)
    if state is not None:
        _start_from(course, state)
    begun = course.round
    ended = iterate(course, options.report)
    stages.methods.append(METHOD)
    stages.counts["rounds"] += course.round - begun + (ended != "stalled")
    if ended != "stalled":
        return stages.result(ended, _state_of(course))
    best = _state_of(course)
    parts = best.x, best.z, best.p, best.w
    # Rounds that got nowhere may end in huge numbers; NaN fails the comparison as well. From what
    # is no plan, price adjustment may never reach one, nor the proof that there is none.
    sane = all((np.abs(part) <= LARGEST).all() for part in parts)
    sane = sane and stages.bracket.plan is not None
    return _adjust(stages, PriceState(*parts, None) if sane else None, branches.main)


def _by_sectors(stages: _Stages, state: GeneralState | None) -> Result:
    """Plan as ``two-level`` does, where it can."""
    from planbench.planners.decomposition import State

    economy, planner = stages.economy, two_level.PLANNER
    old = None if state is None else state.sectors
    if old is None and state is not None and state.sound:
        old = State(state.w, state.p, np.asarray(economy.outputs @ state.x), None)
    found = planner.run(economy, planner.prepare(economy), stages.left, old)
    stages.add(found, two_level.SPEC.method)
    stages.counts["rounds"] += found.rounds
    kept = found.state
    assert found.x is not None
    assert found.z is not None
    state = GeneralState(
        economy.outputs.indices.astype(np.int64), kept.prices, kept.rents, found.x, found.z,
        np.zeros(0, dtype=np.int64), sectors=kept,
    )  # fmt: skip
    return replace(found, state=state, method=two_level.SPEC.method)


def _adjust(
    stages: _Stages,
    begin: PriceState | None,
    main: npt.NDArray[np.int64] | None = None,
    *,
    trial: bool = False,
) -> Result:
    """Go on with price adjustment, from its own old state or the best of the rounds.

    As a trial it ends as "stalled" where it does not converge fast.
    """
    from planbench.planners.pdhg import Process
    from planbench.planners.price_adjustment import METHOD as ADJUSTMENT
    from planbench.planners.price_adjustment import run

    economy, rounds = stages.economy, stages.counts["rounds"]
    m = economy.n_activities
    found = run(economy, Process(economy), stages.left, begin, trial=trial)
    stages.add(found, ADJUSTMENT)
    stages.counts["adjustments"] = stages.counts.get("adjustments", 0) + found.rounds
    kept = found.state
    state = GeneralState(
        np.full(m, -1) if main is None else main,
        kept.p, kept.w, kept.x, kept.z, np.zeros(0, dtype=np.int64), kept,
    )  # fmt: skip
    best = stages.result(found.ended, state, f"handed over to primal-dual after {rounds} rounds")
    status = f"{found.ended} after {rounds} rounds and {found.rounds} of price adjustment"
    if found.ended in ("infeasible", "unbounded"):
        # The proof, and not the best plan.
        parts = {key: getattr(found, key) for key in ("x", "z", "p", "w", "lower", "upper", "ray")}
        return replace(best, status=status, **parts)
    return replace(best, status=status)


def _start_from(course: Course, state: GeneralState) -> None:
    """Begin with an old plan's prices and levels."""
    from planbench.planners.branch_kernels import CLEARED, PRIMARY

    b = course.branches
    ordinary = course.kinds != PRIMARY
    course.p = np.where(ordinary, np.maximum(state.p, 0.0), 0.0)
    rows = np.concatenate([state.w[b.resources], state.p[b.primary]])
    # What is carried in circles depends on endowments.
    cleared = np.union1d(state.cleared[ordinary[state.cleared]], course.cleared)
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


def _state_of(course: Course) -> GeneralState:
    e, bracket = course.branches.economy, course.bracket
    p, w = bracket.prices if bracket.prices is not None else course.prices()
    x, z = (
        bracket.plan
        if bracket.plan is not None
        else (course.branches.levels(course.x), course.z * course.mix / e.weights)
    )
    return GeneralState(course.branches.main, p, w, x, z, course.cleared)


PLANNER = Planner(
    spec=SPEC,
    refusal=lambda economy: None,
    run=_run,
    compile=_compile,
    version="7",
)
plan, solve = PLANNER.plan, PLANNER.solve
