"""Planning by price adjustment: rounds, looks at the certified bracket, and when to stop.

The adapter that puts this behind the solvers' interface is ``primal_dual``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import Literal

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
from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.planners.pdhg import PAST, Process, set_up
from planbench.planners.pdhg_mend import (
    Makers,
    find_makers,
    mended_prices,
    price_scarce_goods,
)
from planbench.planners.pdhg_mend_plan import Drafts, mended_plan
from planbench.planners.primal_dual_rays import growth_without_end, infeasibility_proof
from planbench.planners.primal_dual_warm import WORTH_KEEPING, keep_prices_only
from planbench.planners.team import GRAIN, share
from planbench.solvers.common import Clock

TOLERANCE = 1e-6
#: Rounds between two looks at the bracket: this share of those done, and at least as many as
#: handle this number of non-zeros; never fewer than this, never more.
SHARE, WORK, FEWEST, MOST = 0.15, 4_000_000, 50, 2_000
#: Rounds to end with at the latest, when no other limit is given.
LIMIT = 20_000_000
#: Up to this many non-zeros the answer as it stands is put to the certificate beside the mended.
SMALL = 200_000
#: Products with the matrix of one bound of the certificate: what is wrong, and the check.
BOUND = 2

#: Seconds that a last look may take after the time is up.
GRACE = 0.2

Ended = Literal["closed", "time limit", "rounds", "infeasible", "unbounded"]


@dataclass(frozen=True, eq=False)
class PriceState:
    """What a later plan starts from.

    Attributes
    ----------
    columns : ndarray, shape (activities + targets,)
    prices : ndarray, shape (goods + resources,)
        Prices and rents.
    weight : float
        How fast prices move against activities.
    """

    columns: FloatArray
    prices: FloatArray
    weight: float


@dataclass(frozen=True, eq=False)
class PriceResult:
    """A plan, prices and the bracket they certify.

    Attributes
    ----------
    ended : {"closed", "time limit", "rounds", "infeasible", "unbounded"}
    x, z : ndarray or None
        The best feasible plan found.
    p, w : ndarray or None
        The prices and rents of the best upper bound; with ``infeasible`` the proof of it.
    lower, upper : float or None
        Certified bounds.
    rounds, restarts, checks : int
        Rounds of adjustment, restarts, looks at the bracket.
    passes : float
        Entries of the matrix multiplied in all of that, over its entries. A round is up to two:
        prices gathered by columns, levels scattered into rows.
    state : PriceState
    ray : tuple of ndarray or None
        With ``unbounded``: activities and targets that can grow without end.
    threads : int
        Most that had a part in a round.
    programs : bool
        Whether the interior that answers are mended with came from linear programs of
        neighbouring economies, solved by HiGHS.
    """

    ended: Ended
    x: FloatArray | None
    z: FloatArray | None
    p: FloatArray | None
    w: FloatArray | None
    lower: float | None
    upper: float | None
    rounds: int
    restarts: int
    checks: int
    passes: float
    state: PriceState
    ray: tuple[FloatArray, FloatArray] | None = None
    programs: bool = False
    threads: int = 1


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


def plan(
    economy: Economy,
    *,
    tolerance: float = TOLERANCE,
    time_limit: float | None = None,
    rounds: int = LIMIT,
    state: PriceState | None = None,
    process: Process | None = None,
    log: bool = False,
    threads: int = 1,
    grain: int = GRAIN,
) -> PriceResult:
    """Plan `economy` by price adjustment until the certified gap is `tolerance`.

    Parameters
    ----------
    economy : Economy
        Any: by-products, capacities, several targets, fixed demand and stocks.
    tolerance : float
        Relative width of the certified bracket to end with, in (0, 1).
    time_limit : float, optional
        Seconds; looked at between blocks of rounds.
    rounds : int
        Most rounds.
    state : PriceState, optional
        Of an earlier plan for an economy of the same shape, to start from.
    process : Process, optional
        From :func:`planbench.planners.pdhg.set_up`, where that is measured apart.
    log : bool
        Print the bounds as they improve.
    threads : int
        Rounds are shared among so many where there is enough to do; mending is done by one.
    grain : int
        Numbers read that a thread's part of a round is worth at least; 0 shares everything.

    Raises
    ------
    InputError
        When `state` has another shape than the economy; for fewer threads than one.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    if threads < 1:
        raise InputError(f"is {threads}; give 1 or more", where="threads")
    clock = Clock(time_limit)
    if process is None:
        process = set_up(economy)
    # BLAS would otherwise wake other threads for every short product and let them spin.
    with threadpool_limits(limits=1, user_api="blas"), share(threads, grain) as team:
        result = _plan(economy, tolerance, clock, rounds, state, process, log)
    return replace(result, threads=team.used)


def _plan(
    economy: Economy,
    tolerance: float,
    clock: Clock,
    rounds: int,
    state: PriceState | None,
    process: Process,
    log: bool,
) -> PriceResult:
    from planbench.planners import pdhg_kernels as kernels

    n, m = economy.n_goods, economy.n_activities
    if state is not None:
        wanted = (process.x.size, process.need.size)
        if (state.columns.size, state.prices.size) != wanted:
            raise InputError(
                f"is of {state.columns.size} columns and {state.prices.size} rows, the economy "
                f"has {wanted[0]} and {wanted[1]}; start without it",
                where="state",
            )
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
    ended: Ended = "rounds"
    proof: tuple[FloatArray, FloatArray] | None = None
    ray: tuple[FloatArray, FloatArray] | None = None
    search_at = 0
    drafts: Drafts = []
    look_at = 0 if state is not None else least
    slowest = 0.0
    while True:
        look_at = min(look_at, rounds)
        if not _advance(process, look_at, clock):
            ended = "time limit"
        left = clock.remaining()
        if left is not None and bracket.plan is not None and slowest > max(left, GRACE):
            # Another look would end after the time: what there is is handed back.
            ended = "time limit"
            break
        checks, began = checks + 1, perf_counter()
        # A search takes many passes: there is no time for it once the time is up.
        search = checks >= search_at and ended != "time limit"
        bracket, proof, helped = _look(
            economy, process, makers, bracket, tolerance, drafts, search=search
        )
        slowest = max(slowest, perf_counter() - began)
        if search and not helped:
            # A search that found nothing is not repeated at once: it costs many passes.
            search_at = checks + 4
        if log:
            print(_line(process, bracket), flush=True)
        gap = bracket.gap
        if gap is not None and gap <= tolerance:
            ended = "closed"
            break
        if proof is not None:
            ended = "infeasible"
            break
        if bracket.upper is None and bracket.plan is not None:
            ray = growth_without_end(economy, process.columns(), bracket.plan, programs=programs)
            if ray is not None:
                ended = "unbounded"
                break
        if ended == "time limit" or process.rounds >= rounds:
            break
        if state is not None and checks == 1 and (gap is None or gap > WORTH_KEEPING):
            keep_prices_only(economy, process, bracket.prices, bracket.upper, programs=programs)
            process.meter.work += 2 * BOUND * process.matrix.nnz
        look_at = process.rounds + max(least, int(SHARE * process.rounds))
    x, z = bracket.plan if bracket.plan is not None else (None, None)
    p, w = proof or bracket.prices or (None, None)
    return PriceResult(
        ended=ended,
        x=x,
        z=z,
        p=p,
        w=w,
        lower=bracket.lower,
        upper=bracket.upper,
        rounds=process.rounds,
        restarts=int(process.scalars[kernels.RESTARTS]),
        checks=checks,
        passes=process.meter.passes,
        state=PriceState(
            process.columns(), process.prices(), float(process.scalars[kernels.WEIGHT])
        ),
        ray=ray,
        programs=programs,
    )


def _advance(process: Process, until: int, clock: Clock) -> bool:
    """Run up to round `until` in blocks short enough to see the time; False when it is up."""
    block = max(1, int(50_000_000 / max(1, process.matrix.nnz)))
    while process.rounds < until:
        left = clock.remaining()
        if left is not None and left <= 0:
            return False
        process.advance(min(block, until - process.rounds))
    left = clock.remaining()
    return left is None or left > 0


def needs_programs(economy: Economy) -> bool:
    """Whether an interior to mend with takes linear programs, for want of a good one without.

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


def _look(
    economy: Economy,
    process: Process,
    makers: Makers,
    bracket: _Bracket,
    tolerance: float,
    drafts: Drafts,
    *,
    search: bool,
) -> tuple[_Bracket, tuple[FloatArray, FloatArray] | None, bool]:
    """Mend plan and prices and put them to the certificate's bounds.

    Returns
    -------
    bracket : _Bracket
    proof : tuple of ndarray or None
        Prices that prove the economy infeasible.
    helped : bool
        False when prices of scarce goods were searched (`search`) and lowered no bound.
    """
    n, m = economy.n_goods, economy.n_activities
    programs = needs_programs(economy)
    small = process.matrix.nnz <= SMALL
    fine = 1e-2 * tolerance
    bound = BOUND * process.matrix.nnz
    scaled = mended_prices(process, makers, fine)
    prices = scaled * process.row_scale
    bracket = bracket.with_prices(raw_upper(economy, prices[:n], prices[n:], programs=programs))
    columns, scarce = mended_plan(
        process, makers, scaled, fine, upper=bracket.upper, goal=tolerance, drafts=drafts
    )
    columns *= process.col_scale
    bracket = bracket.with_plan(raw_lower(economy, columns[:m], columns[m:], programs=programs))
    process.meter.work += 2 * bound
    helped = True
    gap = bracket.gap
    if search and scarce.size and (gap is None or gap > tolerance):
        before = bracket.upper
        scaled, changed = price_scarce_goods(process, makers, scaled, scarce, fine)
        if changed:
            prices = scaled * process.row_scale
            bracket = bracket.with_prices(
                raw_upper(economy, prices[:n], prices[n:], programs=programs)
            )
            process.meter.work += bound
        helped = bracket.upper != before
    gap = bracket.gap
    if small and (gap is None or gap > tolerance):
        prices, columns = process.prices(), process.columns()
        bracket = bracket.with_prices(raw_upper(economy, prices[:n], prices[n:], programs=programs))
        bracket = bracket.with_plan(raw_lower(economy, columns[:m], columns[m:], programs=programs))
        process.meter.work += 2 * bound
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
