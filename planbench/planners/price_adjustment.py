"""Planning by price adjustment: iterations, termination checks, and when to stop.

An old plan that repairs to within a hundredth of its bound is a better start than any other: half
of the iterations, as a rule. One that is further off is not: levels that no longer fit take as
long to unwind as new ones to build, and step sizes that were balanced for the end of the old
process are wrong for the beginning of a new one. What keeps its worth are prices, unless their
bound is no better than that of the interior prices.

The adapter that puts this behind the solvers' interface is ``primal_dual``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from planbench.certificates.certificate import relative_gap
from planbench.certificates.check import certified_upper
from planbench.certificates.interior import (
    LAST_RESORT_NONZEROS,
    LP_NONZEROS,
    are_interior_prices,
    interior_of,
    single_product,
)
from planbench.certificates.repair import raw_lower, raw_upper
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy, make_economy
from planbench.planners import pdhg_kernels as kernels
from planbench.planners import repair
from planbench.planners.pdhg import PAST, Process, set_up
from planbench.planners.planner import Ended, PlanOptions, Result
from planbench.planners.proofs import growth_without_end, infeasibility_proof
from planbench.planners.repair import (
    Drafts,
    find_makers,
    price_scarce_goods,
    repair_plan,
    repair_prices,
)
from planbench.planners.repair_kernels import Makers
from planbench.solvers.common import Clock

#: Iterations between two termination checks: this share of those done, and at least as many as
#: handle this number of non-zeros; never fewer than this, never more.
SHARE, WORK, FEWEST, MOST = 0.15, 4_000_000, 50, 2_000
#: Most iterations where no other limit is given.
LIMIT = 20_000_000
#: Up to this many non-zeros the answer is put to the certificate without repair, too.
SMALL = 200_000
#: Products with the matrix of one bound of the certificate: what is wrong, and the check.
BOUND = 2

#: Seconds that a last check may take after the time is up.
GRACE = 0.2
#: Gap of an old plan and old prices, repaired, up to which both are kept.
WORTH_KEEPING = 1e-2
#: What runs, for the record, and what is added where the repair needs linear programs.
METHOD = "restarted reflected Halpern primal–dual hybrid gradient"
WITH_PROGRAMS = "repaired with an interior from linear programs (HiGHS)"


@dataclass(frozen=True, eq=False)
class PriceState:
    """What a later plan starts from.

    Attributes
    ----------
    columns : ndarray, shape (activities + targets,)
    prices : ndarray, shape (goods + resources,)
        Prices and rents.
    weight : float or None
        How fast prices move against activities; None to find it from plan and prices.
    """

    columns: FloatArray
    prices: FloatArray
    weight: float | None

    def fits(self, economy: Economy) -> bool:
        """Whether it is of an economy of the same shape."""
        e = economy
        columns, rows = e.n_activities + e.n_targets, e.n_goods + e.n_resources
        return (self.columns.size, self.prices.size) == (columns, rows)


@dataclass(frozen=True, eq=False)
class _Bracket:
    """The best bounds so far and what certifies them."""

    lower: float | None = None
    upper: float | None = None
    plan: tuple[FloatArray, FloatArray] | None = None
    prices: tuple[FloatArray, FloatArray] | None = None

    @property
    def gap(self) -> float | None:
        return relative_gap(self.lower, self.upper)

    def within(self, tolerance: float) -> bool:
        return self.gap is not None and self.gap <= tolerance

    def with_plan(
        self, found: tuple[float | None, tuple[FloatArray, FloatArray] | None]
    ) -> _Bracket:
        bound, plan = found
        if bound is None or (self.lower is not None and bound <= self.lower):
            return self
        return replace(self, lower=bound, plan=plan)

    def with_prices(
        self, found: tuple[float | None, tuple[FloatArray, FloatArray] | None]
    ) -> _Bracket:
        bound, prices = found
        if bound is None or (self.upper is not None and bound >= self.upper):
            return self
        return replace(self, upper=bound, prices=prices)


def compile_kernels(economy: Economy | None = None) -> None:
    """Compile every kernel (or load it from numba's cache) on a tiny economy."""
    import scipy.optimize  # noqa: F401 - its import is not what planning costs

    tiny = make_economy(
        inputs=[[0.0, 0.1], [0.1, 0.0]],
        outputs=[[1.0, 0.0], [0.0, 1.0]],
        resource_use=[[1.0, 1.0]],
        endowment=[1.0],
        capacity=[1.0, 0.5],
        assortment=[1.0, 1.0],
    )
    run(tiny, set_up(tiny), PlanOptions(rounds=20), None)
    process = set_up(tiny)
    repair.warm_up(process, find_makers(process, tiny.n_goods, tiny.n_activities))


def run(
    economy: Economy, process: Process, options: PlanOptions, state: PriceState | None
) -> Result:
    """Plan `economy` by price adjustment until the certified gap is the tolerance.

    Parameters
    ----------
    economy : Economy
        Any: by-products, capacities, several targets, fixed demand and stocks.
    process : Process
        From :func:`planbench.planners.pdhg.set_up`.
    options : PlanOptions
        Its time limit is heeded between blocks of iterations.
    state : PriceState or None
        Of an earlier plan for an economy of the same shape, to start from.
    """
    tolerance, clock = options.tolerance, Clock(options.time_limit)
    limit = LIMIT if options.rounds is None else options.rounds
    n, m = economy.n_goods, economy.n_activities
    if state is not None:
        process.move_to(state.columns, state.prices, state.weight, age=PAST)
    # With all prices 0 the bound is what capacities let anybody make of the scarcest good.
    free = np.zeros(n), np.zeros(economy.n_resources)
    bracket, checks = _Bracket().with_prices((certified_upper(economy, *free), free)), 0
    process.meter.work += process.matrix.nnz
    programs = needs_programs(economy)
    interior = interior_of(economy, programs=programs)
    if interior is not None and state is None:
        pair = (interior.goods_prices, interior.resource_prices)
        bound, found = raw_upper(economy, *pair, programs=programs)
        bracket = bracket.with_prices((bound, found))
        process.meter.work += BOUND * process.matrix.nnz
        if interior.activities is not None:
            idle = np.zeros(economy.n_targets)
            bracket = bracket.with_plan(
                raw_lower(economy, interior.activities, idle, programs=programs)
            )
            process.meter.work += BOUND * process.matrix.nnz
        if bracket.plan is not None and found is not None:
            process.move_to(np.concatenate(bracket.plan), np.concatenate(found))
    makers = find_makers(process, n, m)
    nnz = max(1, process.matrix.nnz)
    least = int(min(max(WORK // nnz, FEWEST), MOST))
    ended: Ended = "rounds done"
    proof: tuple[FloatArray, FloatArray] | None = None
    ray: tuple[FloatArray, FloatArray] | None = None
    search_at = 0
    drafts: Drafts = []
    check_at = 0 if state is not None else least
    slowest = 0.0
    while True:
        check_at = min(check_at, limit)
        if not _advance(process, check_at, clock):
            ended = "time limit"
        left = clock.remaining()
        if left is not None and bracket.plan is not None and slowest > max(left, GRACE):
            # Another check would end after the time: what there is is handed back.
            ended = "time limit"
            break
        checks, began = checks + 1, perf_counter()
        # A search takes many passes: there is no time for it once the time is up.
        search = checks >= search_at and ended != "time limit"
        bracket, proof, helped = _check(
            economy, process, makers, bracket, tolerance, drafts, search=search, programs=programs
        )
        slowest = max(slowest, perf_counter() - began)
        if search and not helped:
            # A search that found nothing is not repeated at once: it costs many passes.
            search_at = checks + 4
        options.report(_line(process, bracket))
        if bracket.within(tolerance):
            ended = "optimal"
            break
        if proof is not None:
            ended = "infeasible"
            break
        if bracket.upper is None and bracket.plan is not None:
            ray = growth_without_end(economy, process.columns(), bracket.plan, programs=programs)
            if ray is not None:
                ended = "unbounded"
                break
        if ended == "time limit" or process.rounds >= limit:
            break
        if state is not None and checks == 1 and not bracket.within(WORTH_KEEPING):
            keep_prices_only(economy, process, bracket.prices, bracket.upper, programs=programs)
            process.meter.work += 2 * BOUND * process.matrix.nnz
        check_at = process.rounds + max(least, int(SHARE * process.rounds))
    x, z = bracket.plan if bracket.plan is not None else (None, None)
    p, w = proof or bracket.prices or (None, None)
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
            "restarts": int(process.scalars[kernels.RESTARTS]),
            "checks": checks,
            "passes": round(process.meter.passes),
        },
        state=PriceState(
            process.columns(), process.prices(), float(process.scalars[kernels.WEIGHT])
        ),
        ray=ray,
        status=f"{ended} after {process.rounds} rounds",
        method=f"{METHOD}, {WITH_PROGRAMS}" if programs else METHOD,
    )


def _advance(process: Process, until: int, clock: Clock) -> bool:
    """Run up to iteration `until` in blocks short enough to see the time; False when it is up."""
    block = max(1, int(50_000_000 / max(1, process.matrix.nnz)))
    while process.rounds < until:
        left = clock.remaining()
        if left is not None and left <= 0:
            return False
        process.advance(min(block, until - process.rounds))
    left = clock.remaining()
    return left is None or left > 0


def needs_programs(economy: Economy) -> bool:
    """Whether an interior to repair with takes linear programs, for want of a good one without.

    Generated economies carry one, and where every activity makes one good without a limit, sweeps
    find one. Others, such as real tables with by-products and dated goods, have theirs from HiGHS
    if they are small or sweeps find none, and the run's method says so.
    """
    simple = single_product(economy) and bool(np.isinf(economy.capacity).all())
    if economy.nnz > LAST_RESORT_NONZEROS:
        return False
    if economy.nnz <= LP_NONZEROS and economy.interior is None and not simple:
        return True  # they are the first choice then
    own = interior_of(economy, programs=False)
    if own is None or own.activities is None:
        return True
    return not are_interior_prices(economy, own.goods_prices, own.resource_prices)


def _check(
    economy: Economy,
    process: Process,
    makers: Makers,
    bracket: _Bracket,
    tolerance: float,
    drafts: Drafts,
    *,
    search: bool,
    programs: bool,
) -> tuple[_Bracket, tuple[FloatArray, FloatArray] | None, bool]:
    """Repair plan and prices and put them to the certificate's bounds.

    Returns
    -------
    bracket : _Bracket
    proof : tuple of ndarray or None
        Prices that prove the economy infeasible.
    helped : bool
        False when prices of scarce goods were searched (`search`) and lowered no bound.
    """
    n, m, fine = economy.n_goods, economy.n_activities, 1e-2 * tolerance

    def bounded(*, prices: FloatArray | None = None, columns: FloatArray | None = None) -> _Bracket:
        """Put prices, a plan or both to the certificate's bounds."""
        better = bracket
        if prices is not None:
            found = raw_upper(economy, prices[:n], prices[n:], programs=programs)
            better = better.with_prices(found)
            process.meter.work += BOUND * process.matrix.nnz
        if columns is not None:
            found = raw_lower(economy, columns[:m], columns[m:], programs=programs)
            better = better.with_plan(found)
            process.meter.work += BOUND * process.matrix.nnz
        return better

    scaled = repair_prices(process, makers, fine)
    bracket = bounded(prices=scaled * process.row_scale)
    columns, scarce = repair_plan(
        process, makers, scaled, fine, upper=bracket.upper, goal=tolerance, drafts=drafts
    )
    bracket = bounded(columns=columns * process.col_scale)
    helped = True
    if search and scarce.size and not bracket.within(tolerance):
        before = bracket.upper
        scaled, changed = price_scarce_goods(process, makers, scaled, scarce, fine)
        if changed:
            bracket = bounded(prices=scaled * process.row_scale)
        helped = bracket.upper != before
    if process.matrix.nnz <= SMALL and not bracket.within(tolerance):
        bracket = bounded(prices=process.prices(), columns=process.columns())
    proof = None
    if bracket.lower is None and (economy.fixed_demand > 0).any():
        prices = scaled * process.row_scale
        proof = infeasibility_proof(economy, prices[:n], prices[n:], programs=programs)
    return bracket, proof, helped


def _line(process: Process, bracket: _Bracket) -> str:
    def show(value: float | None) -> str:
        return "none" if value is None else f"{value:.9g}"

    return (
        f"round {process.rounds}: lower {show(bracket.lower)}, upper {show(bracket.upper)}, "
        f"gap {'none' if bracket.gap is None else f'{bracket.gap:.2e}'}"
    )


def keep_prices_only(
    economy: Economy,
    process: Process,
    prices: tuple[FloatArray, FloatArray] | None,
    upper: float | None,
    *,
    programs: bool,
) -> bool:
    """Go on from the interior plan at old prices, as if there had been no iteration before.

    Where the bound of the old prices is no better than that of the interior prices, these are
    what is gone on from, as if there had been no old plan.

    Parameters
    ----------
    prices : tuple of ndarray, or None
        Old prices and rents, repaired.
    upper : float or None
        The upper bound they give.
    programs : bool
        As for :func:`planbench.certificates.interior.interior_of`.

    Returns
    -------
    bool
        False where there is no interior plan, and nothing was changed.
    """
    interior = interior_of(economy, programs=programs)
    if interior is None or interior.activities is None:
        return False
    idle = np.zeros(economy.n_targets)
    _, found = raw_lower(economy, interior.activities, idle, programs=programs)
    if found is None:
        return False
    bound, own = raw_upper(
        economy, interior.goods_prices, interior.resource_prices, programs=programs
    )
    better = bound is not None and (upper is None or bound <= upper)
    if better or prices is None or not prices[1].any():
        prices = own
    if prices is None:
        return False
    process.move_to(np.concatenate(found), np.concatenate(prices))
    return True
