"""Planning by price adjustment: iterations, termination checks, and when to stop.

An old plan that repairs to within a hundredth of its bound is a better start than any other: half
of the iterations, as a rule. One that is further off is not: levels that no longer fit take as
long to unwind as new ones to build, and step sizes that were balanced for the end of the old
process are wrong for the beginning of a new one. What keeps its worth are prices, unless their
bound is no better than that of the interior prices.

The adapter that puts this behind the solvers' interface is ``primal_dual``.

Proofs that there is no plan at all, or growth without end, are put to the certificate's own test
before anything is claimed. Where the test fails, planning goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np

from planbench.certificates.check import certified_upper
from planbench.certificates.interior import (
    LAST_RESORT_NONZEROS,
    LP_NONZEROS,
    are_interior_prices,
    interior_of,
)
from planbench.certificates.propagate import implied_bounds
from planbench.certificates.rays import proves_infeasible, proves_unbounded
from planbench.certificates.repair import raw_lower, raw_upper, room_of
from planbench.model.arrays import FloatArray
from planbench.model.checks import one_good_each
from planbench.model.economy import Economy
from planbench.model.planning_lp import to_linear_program
from planbench.planners.pdhg import PAST, RESTARTS, WEIGHT, Process
from planbench.planners.planner import Bracket, Ended, Pair, PlanOptions, Result, tiny_economy
from planbench.planners.repair import (
    Drafts,
    Makers,
    find_makers,
    repair_plan,
    repair_prices,
    warm_up,
)
from planbench.solvers.common import Clock

#: Iterations between two termination checks: this share of those done, and at least as many as
#: handle this number of non-zeros; never fewer than this, never more.
SHARE, WORK, FEWEST, MOST = 0.15, 4_000_000, 50, 2_000
#: Most iterations where no other limit is given.
LIMIT = 20_000_000
#: Up to this many non-zeros the answer is put to the certificate without repair, too.
SMALL = 200_000
#: What repair leaves undone, as a share of the gap asked for.
FINER = 1e-2
#: Products with the matrix of one bound of the certificate: what is wrong, and the check.
BOUND = 2

#: Seconds that a last check may take after the time is up.
GRACE = 0.2
#: Gap of an old plan and old prices, repaired, up to which both are kept.
WORTH_KEEPING = 1e-2
#: Share by which the demand must be worth more than all there is before a proof is tried.
CLEARLY = 1e-6
#: Gains up to this share of an activity's terms are taken for rounding, and repaired.
DUST = 1e-10
#: Share of an activity's terms that rounding may hide.
HIDDEN = 1e-13
#: What runs, for the record, and what is added where the repair needs linear programs.
METHOD = "restarted reflected Halpern primal–dual hybrid gradient"
WITH_PROGRAMS = "repaired with an interior from linear programs (HiGHS)"


@dataclass(frozen=True, eq=False)
class PriceState:
    """What a later plan starts from.

    Attributes
    ----------
    x, z : ndarray
        Levels and targets.
    p, w : ndarray
        Prices and rents.
    weight : float or None
        How fast prices move against activities; None to find it from plan and prices.
    """

    x: FloatArray
    z: FloatArray
    p: FloatArray
    w: FloatArray
    weight: float | None

    def fits(self, economy: Economy) -> bool:
        """Whether it is of an economy of the same shape."""
        e, found = economy, (self.x.size, self.z.size, self.p.size, self.w.size)
        return found == (e.n_activities, e.n_targets, e.n_goods, e.n_resources)


@dataclass(eq=False)
class Adjustment:
    """Price adjustment under way, and the bracket that its termination checks have found.

    Attributes
    ----------
    economy : Economy
    process : Process
    makers : Makers
    tolerance : float
    programs : bool
        As for :func:`planbench.certificates.interior.interior_of`.
    bracket : Bracket
    drafts : list
        Repaired plans kept to be mixed.
    """

    economy: Economy
    process: Process
    makers: Makers
    tolerance: float
    programs: bool
    bracket: Bracket = field(default_factory=Bracket)
    drafts: Drafts = field(default_factory=list)

    def add_prices(self, p: FloatArray, w: FloatArray) -> Pair | None:
        """Put prices to the certificate's bound; returns them repaired."""
        bound, repaired = raw_upper(self.economy, p, w, programs=self.programs)
        self.process.meter.work += BOUND * self.process.matrix.nnz
        self.bracket.add_prices(bound, repaired)
        return repaired

    def add_plan(self, x: FloatArray, z: FloatArray) -> Pair | None:
        """Put a plan to the certificate's bound; returns it repaired."""
        bound, repaired = raw_lower(self.economy, x, z, programs=self.programs)
        self.process.meter.work += BOUND * self.process.matrix.nnz
        self.bracket.add_plan(bound, repaired)
        return repaired

    def start_from_interior(self) -> bool:
        """Go on from the interior plan, at the best prices there are, as if from nothing.

        Returns
        -------
        bool
            False where there is no interior plan, and nothing was changed.
        """
        interior = interior_of(self.economy, programs=self.programs)
        if interior is None:
            return False
        prices = self.add_prices(interior.goods_prices, interior.resource_prices)
        if interior.activities is None:
            return False
        plan = self.add_plan(interior.activities, np.zeros(self.economy.n_targets))
        best = self.bracket.prices
        if best is not None and best[1].any():
            prices = best
        if plan is None or prices is None:
            return False
        self.process.move_to(np.concatenate(plan), np.concatenate(prices))
        return True


def compile_kernels() -> None:
    """Compile every kernel (or load it from numba's cache) on a tiny economy."""
    import scipy.optimize  # noqa: F401 - its import is not what planning costs

    tiny = tiny_economy()
    run(tiny, Process(tiny), PlanOptions(rounds=20), None)
    process = Process(tiny)
    warm_up(process, find_makers(process, tiny.n_goods, tiny.n_activities))


def run(
    economy: Economy, process: Process, options: PlanOptions, state: PriceState | None,
    *, trial: bool = False,
) -> Result:  # fmt: skip
    """Plan `economy` by price adjustment until the certified gap is the tolerance.

    Parameters
    ----------
    economy : Economy
        Any: by-products, capacities, several targets, fixed demand and stocks.
    process : Process
        From :func:`planbench.planners.pdhg`.
    options : PlanOptions
        Its time limit is heeded between blocks of iterations.
    state : PriceState or None
        Of an earlier plan for an economy of the same shape, to start from.
    trial : bool
        End as "stalled" at the third or a later check if four more at the rate of the last two
        would not do.
    """
    clock, limit = Clock(options.time_limit), options.rounds or LIMIT
    makers = find_makers(process, economy.n_goods, economy.n_activities)
    course = Adjustment(economy, process, makers, options.tolerance, needs_programs(economy))
    bracket = course.bracket
    # With all prices 0 the bound is what capacities let anybody make of the scarcest good.
    free = np.zeros(economy.n_goods), np.zeros(economy.n_resources)
    bracket.add_prices(certified_upper(economy, *free), free)
    process.meter.work += process.matrix.nnz
    if state is None:
        course.start_from_interior()
    else:
        columns = np.concatenate([state.x, state.z])
        prices = np.concatenate([state.p, state.w])
        process.move_to(columns, prices, state.weight, age=PAST)
    least = int(min(max(WORK // max(1, process.matrix.nnz), FEWEST), MOST))
    ended: Ended = "rounds done"
    proof = ray = None
    checks = 0
    check_at = 0 if state is not None else least
    slowest, gaps = 0.0, list[float]()
    while True:
        if not _advance(process, min(check_at, limit), clock):
            ended = "time limit"
        left = clock.remaining()
        if left is not None and bracket.plan is not None and slowest > max(left, GRACE):
            # Another check would end after the time: what there is is handed back.
            ended = "time limit"
            break
        checks, began = checks + 1, perf_counter()
        proof = _check(course)
        slowest = max(slowest, perf_counter() - began)
        options.report(_line(process, bracket))
        if bracket.gap <= course.tolerance:
            ended = "optimal"
            break
        if proof is not None:
            ended = "infeasible"
            break
        if bracket.upper is None and bracket.plan is not None:
            columns = process.columns()
            ray = growth_without_end(economy, columns, bracket.plan, programs=course.programs)
            if ray is not None:
                ended = "unbounded"
                break
        if ended == "time limit" or process.rounds >= limit:
            break
        gaps.append(bracket.gap)
        if trial and checks > 2 and gaps[-1] * (gaps[-1] / gaps[-3]) ** 2 > options.tolerance:
            ended = "stalled"
            break
        if state is not None and checks == 1 and bracket.gap > WORTH_KEEPING:
            course.start_from_interior()
        check_at = process.rounds + max(least, int(SHARE * process.rounds))
    x, z = bracket.plan or (None, None)
    p, w = proof or bracket.prices or (None, None)
    scalars = process.scalars
    return Result(
        ended=ended,
        x=x,
        z=z,
        p=p,
        w=w,
        lower=bracket.lower,
        upper=bracket.upper,
        iterations={
            "rounds": process.rounds,
            "restarts": int(scalars[RESTARTS]),
            "checks": checks,
            "passes": round(process.meter.passes),
        },
        state=_state_of(process, economy),
        ray=ray,
        status=f"{ended} after {process.rounds} rounds",
        method=f"{METHOD}, {WITH_PROGRAMS}" if course.programs else METHOD,
    )


def _state_of(process: Process, economy: Economy) -> PriceState:
    x, z = np.split(process.columns(), [economy.n_activities])
    p, w = np.split(process.prices(), [economy.n_goods])
    return PriceState(x, z, p, w, float(process.scalars[WEIGHT]))


def _advance(process: Process, until: int, clock: Clock) -> bool:
    """Run up to iteration `until` in blocks short enough to see the time; False when it is up."""
    block = max(1, int(50_000_000 / max(1, process.matrix.nnz)))
    while process.rounds < until and clock.remaining() != 0:
        process.advance(min(block, until - process.rounds))
    return clock.remaining() != 0


def needs_programs(economy: Economy) -> bool:
    """Whether an interior to repair with takes linear programs, for want of a good one without.

    Generated economies carry one, and where every activity makes one good without a limit, sweeps
    find one. Others, such as real tables with by-products and dated goods, have theirs from HiGHS
    if they are small or sweeps find none, and the run's method says so.
    """
    simple = one_good_each(economy) and bool(np.isinf(economy.capacity).all())
    if economy.nnz > LAST_RESORT_NONZEROS:
        return False
    if economy.nnz <= LP_NONZEROS and economy.interior is None and not simple:
        return True  # they are the first choice then
    own = interior_of(economy, programs=False)
    if own is None or own.activities is None:
        return True
    return not are_interior_prices(economy, own.goods_prices, own.resource_prices)


def _check(course: Adjustment) -> Pair | None:
    """Repair plan and prices and put them to the certificate's bounds.

    Returns
    -------
    tuple of ndarray or None
        Prices that prove the economy infeasible.
    """
    economy, process, makers, bracket = (
        course.economy,
        course.process,
        course.makers,
        course.bracket,
    )
    n, m, tolerance = economy.n_goods, economy.n_activities, course.tolerance
    scaled = repair_prices(process, makers, FINER * tolerance)
    p, w = np.split(scaled * process.row_scale, [n])
    course.add_prices(p, w)
    columns = repair_plan(
        process, makers, scaled, FINER * tolerance,
        upper=bracket.upper, goal=tolerance, drafts=course.drafts,
    )  # fmt: skip
    course.add_plan(*np.split(columns * process.col_scale, [m]))
    if process.matrix.nnz <= SMALL and bracket.gap > tolerance:
        course.add_prices(*np.split(process.prices(), [n]))
        course.add_plan(*np.split(process.columns(), [m]))
    if bracket.lower is None and (economy.fixed_demand > 0).any():
        return infeasibility_proof(economy, p, w, programs=course.programs)
    return None


def _line(process: Process, bracket: Bracket) -> str:
    def show(value: float | None) -> str:
        return "none" if value is None else f"{value:.9g}"

    gap = "none" if bracket.lower is None or bracket.upper is None else f"{bracket.gap:.2e}"
    bounds = f"lower {show(bracket.lower)}, upper {show(bracket.upper)}"
    return f"round {process.rounds}: {bounds}, gap {gap}"


def infeasibility_proof(
    economy: Economy, p: FloatArray, w: FloatArray, *, programs: bool = False
) -> Pair | None:
    """Prices and rents at which the fixed demand is worth more than all there is, if these are.

    p·f > w·r + v·u with profits v paid at capacity proves that no plan meets the fixed demand
    (Farkas 1902). What activities without a capacity gain by rounding alone is repaired by a
    little of the interior prices, at which they lose.

    Parameters
    ----------
    p, w : ndarray, shapes (goods,) and (resources,)
        ≥ 0.
    programs : bool
        As for :func:`planbench.certificates.interior.interior_of`.

    Returns
    -------
    tuple of ndarray or None
        Prices and rents that pass :func:`planbench.certificates.rays.proves_infeasible`.
    """
    # Profit of each activity, and the sum of the magnitudes it is made of.
    revenue = economy.outputs.T @ p
    cost = economy.inputs.T @ p + economy.resource_use.T @ w
    gain, size = revenue - cost, revenue + cost
    open_ended = np.isinf(economy.capacity)
    if (gain[open_ended] > DUST * size[open_ended]).any():
        return None
    paid = np.maximum(gain, 0.0)[~open_ended] @ economy.capacity[~open_ended]
    demanded, available = float(p @ economy.fixed_demand), float(w @ economy.endowment + paid)
    total = float(np.abs(p * economy.fixed_demand).sum()) + available
    if not demanded - available > CLEARLY * total:
        return None
    candidates = [(p, w)]
    interior = interior_of(economy, programs=programs)
    if interior is not None:
        margin = room_of(economy, interior).margin
        # The even ones too: rounding may show any of them a gain.
        must = open_ended & (gain > -HIDDEN * size)
        if must.any() and (margin[must] > 0).all():
            theta = float(np.max((np.maximum(gain, 0.0) + HIDDEN * size)[must] / margin[must]))
            more = p + theta * interior.goods_prices, w + theta * interior.resource_prices
            candidates.append(more)
    lp = to_linear_program(economy)
    bounds = implied_bounds(lp)
    for pair in candidates:
        if proves_infeasible(lp, np.concatenate([-pair[0], pair[1]]), *bounds):
            return pair
    return None


def growth_without_end(
    economy: Economy, columns: FloatArray, plan: Pair, *, programs: bool = False
) -> tuple[FloatArray, FloatArray] | None:
    """Find a direction of unboundedness in what needs neither resource nor capacity.

    A plan of the same economy without endowments, fixed demand and limited activities that
    still delivers something can be added to any plan, as often as one likes.

    Parameters
    ----------
    columns : ndarray, shape (activities + targets,)
        Where the process has got to, in the economy's units.
    plan : tuple of ndarray
        A feasible (x, z) that the direction starts from.
    programs : bool
        As for :func:`planbench.certificates.interior.interior_of`.

    Returns
    -------
    tuple of ndarray or None
        Activities and targets that pass :func:`planbench.certificates.rays.proves_unbounded`.
    """
    alone = replace(
        economy,
        endowment=np.zeros(economy.n_resources),
        fixed_demand=np.zeros(economy.n_goods),
        capacity=np.where(np.isfinite(economy.capacity), 0.0, np.inf),
        interior=None,
    )
    size = float(np.abs(columns).max(initial=0.0))
    if not 0 < size < np.inf:
        return None
    m = economy.n_activities
    bound, found = raw_lower(alone, columns[:m] / size, columns[m:] / size, programs=programs)
    if bound is None or bound <= 0 or found is None:
        return None
    lp = to_linear_program(economy)
    if not proves_unbounded(lp, np.concatenate(plan), np.concatenate(found)):
        return None
    return found
