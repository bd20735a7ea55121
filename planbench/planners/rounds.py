"""The rounds of ``general``: rows priced by the centre, goods by branches, plans back, until done.

A round has the branches answer the centre's prices of primary rows and cleared goods with prices
and outputs (:func:`price_goods`, :func:`plan_outputs`), which gives both bounds, and the centre
choose anew from a model of what can change nearby (:func:`choose_anew`). A good is *cleared* by
the centre, as the primary rows are, where it is left over at a price of 0, or where its techniques
have so little room that its price is not its cost.

Nothing says that this converges. Where it does not, :mod:`planbench.planners.general` goes on with
price adjustment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.certificates.repair import raw_lower, raw_upper
from planbench.model.arrays import FloatArray
from planbench.planners import branch_kernels as kernels
from planbench.planners.branch_centre import (
    CentreModel,
    CentreSolution,
    Rows,
    solve_centre,
)
from planbench.planners.branch_kernels import CAPPED, CLEARED, FREE, PRIMARY, Net, Pricing, Supply
from planbench.planners.branches import Branches
from planbench.planners.extrapolation import Window
from planbench.planners.planner import Bracket, Pair, Report
from planbench.planners.techniques import Meter

IntArray = npt.NDArray[np.int64]
Ended = Literal["optimal", "time limit", "stalled"]

#: Most rounds; rounds in which the gap does not halve after which it is given up.
MOST_ROUNDS, PATIENCE = 60, 12
#: Most sweeps of each kind in a round; sweeps that only lower prices.
PRICE_SWEEPS, OUTPUT_SWEEPS, LOWERING, REQUIREMENT_SWEEPS = 60, 80, 4, 15
#: Share of the gap below which a negative price, or what is left over, does not matter yet.
MATTERS = 0.0001
#: Most goods of negative price that are cleared anew in a round.
MOST_NEGATIVE = 100
#: Most cleared goods, and most disposal columns added at a time.
MOST_CLEARED, MOST_DISPOSAL = 4000, 2000
#: Times the centre's model is solved anew with more techniques and disposal columns.
SOLUTIONS = 8
#: Disposal columns offered for each primary good.
OFFERED = 30
#: Goods that are short by more than this share after half of the output sweeps are made by
#: their cheapest techniques.
LOOPING = 1e-2
#: Width of the mixing of techniques in the first round; shares below the second are dropped.
WIDTH, LEAST_MIX = 0.1, 1e-3
#: Techniques within this share of the price are in the centre's model from the start; others
#: join while they would save this share of the gap.
NEAR, MISSED = 0.01, 0.03
#: Techniques that the centre fills but for this share make what they can, before all others:
#: what stands for all of the output.
FULL, FIRST = 1e-3, 1e6
#: Up to so many entries of the model, all techniques are in it.
FEW = 20_000
#: Weights of the proximal terms, as shares of the gap: of shares and of prices. With fewer than
#: so many goods less is enough.
MANY = 100_000
STAY, STAY_PRICED = 0.3, 0.03
#: If the model would change the size of the plan by more than this share, the proximal terms
#: are so many times larger.
MOST_CHANGE, TIGHTER = 0.2, 30.0
#: Spare output and spare of primary goods, as shares of the tolerance.
SPARE, SPARE_PRIMARY = 0.05, 0.3
#: Most spare of a primary or cleared good, as a share of what flows through.
MOST_SPARE = 0.001
#: Relative change of the total requirements at which they are accurate enough.
ACCURATE = 0.02
#: Up to this many entries, requirements of cleared goods are swept densely.
DENSE = 300_000
#: Up to this many, sweeps over requirements are extrapolated.
EXTRAPOLATED = 30_000_000
#: Above it a series: terms, and the share of a price below which an entry is dropped; up to ten
#: times as much where the tolerance is wide.
TERMS, DROPPED = 4, 1e-3
#: Share of the plan's value below which the flow of a good is next to nothing.
LEAST_FLOW = 1e-9
TINY = 1e-300


@dataclass(eq=False)
class Course:
    """Everything that changes from round to round.

    Attributes
    ----------
    branches : Branches
    tolerance : float
    kinds : ndarray of int8, shape (goods,)
        How each good gets its price.
    pi : ndarray, shape (primary rows + cleared goods,)
        Prices by the centre.
    p, y : ndarray, shape (goods,)
        Prices by the branches (0 for primary goods) and outputs.
    costs, x : ndarray, shape (techniques,)
        Cost of a net unit, and units made.
    need : ndarray, shape (goods,)
        Demand and use less by-products.
    marginal : ndarray, shape (techniques,)
        Shares by which a further unit of each good is made.
    supply : Supply
    mix : ndarray, shape (targets,)
        Parts of each target in a unit of the plan.
    z : float
        Units of the plan.
    disposal : ndarray, shape (goods,)
        Made over and above what is used, for the by-products.
    floor : ndarray, shape (goods,)
        Outputs of cleared goods that are made for their by-products, whatever is used.
    spare : ndarray, shape (goods,)
        Demand added so that no good is short; `spare_share` is about its share of outputs.
    highest : ndarray, shape (goods,)
        Highest price by the centre so far, of primary and cleared goods.
    cleared : ndarray of int64
        Goods priced by the centre.
    requirements : ndarray, shape (goods, primary rows)
        Total requirements of each good at the margin; empty in the first round.
    in_cleared : csr_array, shape (goods, cleared goods), or None
        The same of cleared goods.
    before, expected : float
        The progress so far, and the gap that is expected.
    fit : float
        Factor by which the plan must be scaled to fit what is available.
    priced_at : ndarray, shape (goods,)
        Outputs at which goods with capacities were priced.
    """

    branches: Branches
    meter: Meter
    tolerance: float
    kinds: npt.NDArray[np.int8]
    pi: FloatArray
    p: FloatArray
    y: FloatArray
    costs: FloatArray
    x: FloatArray
    need: FloatArray
    marginal: FloatArray
    supply: Supply
    mix: FloatArray
    z: float = 0.0
    round: int = 0
    disposal: FloatArray = field(default_factory=lambda: np.zeros(0))
    floor: FloatArray = field(default_factory=lambda: np.zeros(0))
    spare: FloatArray = field(default_factory=lambda: np.zeros(0))
    spare_share: float = 1.0
    highest: FloatArray = field(default_factory=lambda: np.zeros(0))
    cleared: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    requirements: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    in_cleared: sp.csr_array | None = None
    known: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    before: float = np.inf
    expected: float = 1.0
    fit: float = 1.0
    hold: float = 1.0
    priced_at: FloatArray = field(default_factory=lambda: np.zeros(0))
    bracket: Bracket = field(default_factory=Bracket)

    @property
    def net(self) -> Net:
        """Techniques."""
        return self.branches.net

    @property
    def rows(self) -> int:
        """Primary rows."""
        return self.branches.rights.size

    @property
    def gap(self) -> float:
        """Of the bracket, at most 1."""
        return self.bracket.gap

    def demand(self) -> tuple[FloatArray, FloatArray]:
        """Goods with techniques, and primary rows, in a unit of the plan."""
        e, b = self.branches.economy, self.branches
        goods = np.asarray(e.assortment @ (self.mix / e.weights))
        rows = np.zeros(self.rows)
        rows[b.resources.size :] = goods[b.primary]
        goods[b.primary] = 0.0
        return goods, rows

    def prices(self) -> Pair:
        """Prices of goods and rents, as the economy counts them."""
        b = self.branches
        p, w = self.p.copy(), np.zeros(b.economy.n_resources)
        p[b.primary] = self.pi[b.resources.size : self.rows]
        w[b.resources] = self.pi[: b.resources.size]
        return p, w


def begin(branches: Branches, meter: Meter, tolerance: float) -> Course:
    """Prepare the first round."""
    e, net = branches.economy, branches.net
    n, m = e.n_goods, branches.activity.size
    made = branches.kinds != PRIMARY
    kinds = branches.kinds.copy()
    kinds[branches.good[np.isfinite(net.limit)]] = CAPPED
    p = np.where(made, branches.rough, 0.0)
    worth = 1.0 / e.endowment[branches.resources]
    most = int(np.diff(net.first).max(initial=1))
    return Course(
        branches=branches,
        meter=meter,
        tolerance=tolerance,
        kinds=kinds,
        pi=np.concatenate([worth, branches.rough[branches.primary]]),
        p=p,
        y=np.zeros(n),
        costs=np.zeros(m),
        x=np.zeros(m),
        need=np.zeros(n),
        marginal=np.zeros(m),
        supply=Supply(np.zeros(m), np.zeros(n, dtype=bool), np.arange(m), np.empty(most)),
        mix=np.full(e.n_targets, 1.0 / max(e.n_targets, 1)),
        disposal=np.zeros(n),
        floor=np.zeros(n),
        spare=np.zeros(n),
        highest=branches.rough.copy(),
    )


def iterate(course: Course, report: Report) -> Ended:
    """Go on until the bracket is within the tolerance, the time is over or progress ends."""
    # What overflows is found out by its bounds, or by not being finite.
    with np.errstate(all="ignore"):
        return _iterate(course, report)


def _iterate(course: Course, report: Report) -> Ended:
    mark, nearer, since = 1.0, np.inf, 0
    while True:
        if not price_goods(course):
            return "time limit" if course.meter.over() else "stalled"
        if not plan_outputs(course):
            return "time limit" if course.meter.over() else "stalled"
        used, flow = row_balances(course)
        _bound(course, used)
        report(_line(course))
        if course.gap <= course.tolerance:
            return "optimal"
        if course.meter.over():
            return "time limit"
        since += 1
        if course.gap < 0.5 * mark or course.before < 0.5 * nearer:
            mark, nearer, since = course.gap, min(nearer, course.before), 0
        course.round += 1
        if since >= PATIENCE or course.round >= MOST_ROUNDS:
            return "stalled"
        if not choose_anew(course, used, flow):
            return "time limit" if course.meter.over() else "stalled"


def _line(course: Course) -> str:
    def show(value: float | None) -> str:
        return "none" if value is None else f"{value:.12g}"

    bracket = course.bracket
    return (
        f"round {course.round + 1}: lower {show(bracket.lower)}, upper {show(bracket.upper)}, "
        f"gap {course.gap:.3g}, cleared goods {course.cleared.size}, "
        f"passes {course.meter.passes:.1f}, {course.meter.seconds:.2f} s"
    )


def price_goods(course: Course) -> bool:
    """Solve for prices of goods at the centre's prices; False if none make sense or time is up."""
    net, meter, tolerance = course.net, course.meter, course.tolerance
    e = course.branches.economy
    direct = np.empty(course.x.size)
    kernels.direct_costs(net, course.pi[: course.rows], direct)
    meter.work += net.use.size
    ceiling = np.zeros(e.n_goods)
    ceiling[course.cleared] = course.pi[course.rows :]
    pricing = Pricing(course.kinds, course.y, ceiling, direct)
    enough = max(0.01 * min(course.gap, course.expected, course.before), 0.01 * tolerance)
    weight = course.y if course.y.any() else course.demand()[0]
    window = Window(np.sqrt(weight / max(float(weight.max(initial=0.0)), TINY) + 1e-12))
    p = course.p
    for _ in range(PRICE_SWEEPS):
        old = p.copy()
        change, work = kernels.sweep_prices(net, pricing, False, course.costs, p)
        meter.work += work
        if change < enough:
            break
        if meter.over():
            return False
        window.add_step(old, p)
        gamma = window.mix() if window.ready else None
        if gamma is not None:
            np.maximum(window.mixed(gamma)[0], 0.0, out=p)
    # Prices a little too high are repaired at a hundred times what they are wrong by.
    for _ in range(LOWERING if course.round else 0):
        change, work = kernels.sweep_prices(net, pricing, True, course.costs, p)
        meter.work += work
        if change < 1e-3 * tolerance or meter.over():
            break
    full, _ = course.prices()
    worths = np.asarray(e.assortment.T @ full) / e.weights
    worth = float(worths.min(initial=np.inf))
    if not 0 < worth < np.inf:
        return False
    if course.round == 0 and worths.size > 1 and not course.z:
        mix = np.exp(-np.minimum((worths / worth - 1) / WIDTH, 700.0))
        course.mix = mix / mix.sum()
    p /= worth
    course.pi /= worth
    course.costs /= worth
    course.pi[course.rows :] = p[course.cleared]
    kernels.sort_by_cost(net.first, course.costs, course.supply.order)
    return bool(np.isfinite(p).all() and np.isfinite(course.pi).all())


def _estimate(course: Course) -> float:
    """Value of endowments, stocks and capacities, which bounds the plan if prices are right."""
    b, limit = course.branches, course.net.limit
    e, limited = b.economy, np.isfinite(limit)
    p, w = course.prices()
    profit = np.maximum(course.p[b.good[limited]] - course.costs[limited], 0.0)
    return float(w @ e.endowment - p @ e.fixed_demand + profit @ limit[limited])


def _share_out(course: Course) -> None:
    """Mix techniques that cost about the same, in the first round."""
    b, net, supply = course.branches, course.net, course.supply
    p = course.p[b.good]
    excess = np.where(p > 0, np.maximum(_ratio(course.costs, p) - 1.0, 0.0), 0.0)
    share = np.exp(-np.minimum(excess / WIDTH, 700.0))
    share[share < LEAST_MIX] = 0.0
    total = b.by_good(share)
    several = np.diff(net.first) > 1
    supply.share[:] = _ratio(share, total[b.good])
    supply.given[:] = several & (total > 0)


def plan_outputs(course: Course) -> bool:
    """Solve for outputs of the plan; False if time is up or they are without bound."""
    e, net, meter = course.branches.economy, course.net, course.meter
    tolerance, y, p = course.tolerance, course.y, course.p
    made = course.kinds != PRIMARY
    if not course.z:
        value = _estimate(course)
        course.z = 0.95 * value if 0 < value < np.inf else 1.0
        _share_out(course)
    z = course.z
    goods, _ = course.demand()
    wanted = z * goods
    fixed = np.where(made, e.fixed_demand, 0.0)
    equal = np.zeros(y.size)
    if y.any():
        equal = _ratio(np.full(y.size, z / max(int(made.sum()), 1)), p)
        equal = np.minimum(equal, 10 * y + wanted + 1e-6 * equal)
    enough = max(
        min(0.003 * min(course.gap, course.expected, course.before), 1e-3), 0.003 * tolerance
    )
    # What the sweeps may leave short is made good by the spare.
    share = _spare_share(enough, tolerance)
    spare = share * (0.5 * equal + 0.5 * np.maximum(y, wanted))
    course.spare, course.spare_share = spare, share
    demand = wanted + fixed + spare + course.disposal
    window, short = Window(p / max(float(p.max(initial=0.0)), TINY) + 1e-15), np.zeros(y.size)
    _recount(course, demand)
    for number in range(OUTPUT_SWEEPS):
        if number == OUTPUT_SWEEPS // 2:
            # Two goods may be made of one another in the shares given; the cheapest never are.
            course.supply.given[np.abs(short) > LOOPING * y] = False
            window.clear()
            _recount(course, demand)
        meter.work += kernels.sweep_outputs(
            net, course.supply, course.floor, course.need, y, course.x
        )
        short = np.where(made, np.maximum(course.need, course.floor) - y, 0.0)
        size = max(z, 0.2 * float(p @ y))
        if not np.isfinite(size):
            return False
        if float(np.abs(short) @ p) < enough * size and bool(
            (short <= np.maximum(0.5 * spare, 0.04 * enough * y) + TINY).all()
        ):
            break
        if meter.over():
            return False
        window.add(y, short)
        gamma = window.mix() if window.ready else None
        if gamma is not None:
            y[:] = np.where(made, np.maximum(window.mixed(gamma)[0], 0.0), 0.0)
            _recount(course, demand)
    return True


def _spare_share(enough: float, tolerance: float) -> float:
    """Share of outputs that is made over and above, if balances are solved to `enough`."""
    return max(SPARE * tolerance, 0.1 * enough)


def _recount(course: Course, demand: FloatArray) -> None:
    """Levels of techniques at the outputs, and the need of goods at these levels."""
    kernels.set_levels(course.net, course.supply, course.y, course.x)
    course.need[:] = demand
    course.meter.work += kernels.add_needs(course.net, course.x, course.need)


def row_balances(course: Course) -> Pair:
    """Return what the plan uses of the primary rows, and what flows through each."""
    b = course.branches
    _, rows = course.demand()
    used = course.z * rows
    flow = used + np.abs(b.rights)
    gross = np.zeros(course.rows)
    kernels.row_use(course.net, course.x, used, gross)
    course.meter.work += course.net.use.size
    flow += gross
    k = b.resources.size
    flow[:k] = b.rights[:k]
    flow[k:] = np.maximum(flow[k:], _least_flow(course, b.primary))
    return used, flow


def _least_flow(course: Course, goods: IntArray) -> FloatArray:
    """Amounts of goods that are next to nothing in the plan, by their rough prices."""
    e, rough = course.branches.economy, course.branches.rough
    unit = float(rough @ (e.assortment @ (course.mix / e.weights)))
    return LEAST_FLOW * course.z * unit / np.maximum(rough[goods], TINY)


def _bound(course: Course, used: FloatArray) -> None:
    """Improve the bracket; the plan is scaled to what is available."""
    b, e = course.branches, course.branches.economy
    course.bracket.add_prices(*raw_upper(e, *course.prices(), programs=False))
    over = (used > b.rights) & (b.rights > 0)
    course.fit = float(np.min(b.rights[over] / used[over], initial=1.0))
    if course.fit < 1 and (e.fixed_demand > 0).any():
        _bound_with_less(course, used)
    else:
        _bound_plan(course, course.fit)
    course.meter.work += 2 * e.nnz


def _bound_plan(course: Course, factor: float) -> None:
    b, e = course.branches, course.branches.economy
    targets = course.z * factor * (1 - 1e-12) * course.mix / e.weights
    plan = b.levels(course.x) * factor, targets
    course.bracket.add_plan(*raw_lower(e, *plan, programs=False))
    course.meter.work += 2 * e.nnz


def _bound_with_less(course: Course, used: FloatArray) -> None:
    """Plan for so much less as brings the use of every row within what is available.

    A plan that must meet fixed demand cannot be scaled.
    """
    if not course.requirements.size:
        return
    goods, rows = course.demand()
    each = goods @ course.requirements + rows
    over = (used > course.branches.rights) & (each > 0)
    less = float(np.max((used - course.branches.rights)[over] / each[over], initial=0.0))
    kept = course.z, course.y.copy(), course.x.copy(), course.need.copy()
    course.z -= 2 * less + SPARE * course.tolerance * course.z
    if course.z > 0 and plan_outputs(course):
        _bound_plan(course, 1.0)
    course.z = kept[0]
    for now, old in zip((course.y, course.x, course.need), kept[1:], strict=True):
        now[:] = old


def choose_anew(course: Course, used: FloatArray, flow: FloatArray) -> bool:
    """Have the centre choose prices of rows, shares, targets and disposal anew."""
    used, flow = _clear(course, used, flow)
    _requirements(course, used)
    return _centre(course, used, flow)


def _clear(course: Course, used: FloatArray, flow: FloatArray) -> Pair:
    """Find more goods for the centre to clear; their rows are appended to those given."""
    b, net, p, y = course.branches, course.net, course.p, course.y
    n = y.size
    ordinary = (course.kinds == FREE) | (course.kinds == CAPPED)
    cheapest = np.full(n, np.inf)
    some = np.flatnonzero(np.diff(net.first) > 0)
    cheapest[some] = np.minimum.reduceat(course.costs, net.first[:-1][some])
    # Not what matters little at this gap: every cleared good makes the model larger.
    unit = float(b.rough @ course.demand()[0])
    short = np.where(ordinary & (p <= 0), -cheapest * max(unit, TINY), 0.0)
    new = short > MATTERS * course.gap * b.rough
    if np.count_nonzero(new) > MOST_NEGATIVE:
        # Prices that overshot: most of these come right by themselves.
        worst = np.argsort(_ratio(short, b.rough))[:-MOST_NEGATIVE]
        new[worst] = False
    over = np.where(ordinary & (y <= 0), np.maximum(-course.need, 0.0) * p, 0.0)
    dearest = np.argsort(-over)
    left = over.sum() - np.cumsum(over[dearest])
    count = int(np.count_nonzero(left > MATTERS * course.gap * course.z)) + 1
    new[dearest[:count][over[dearest[:count]] > 0]] = True
    capped = course.kinds == CAPPED
    if capped.any():
        room = b.by_good(np.minimum(net.limit, 1e300))
        new |= capped & (room < 1.05 * y)
        places = np.zeros((2, n), dtype=np.int64)
        if course.priced_at.size and course.round > 2:
            # Prices were those of another place in the merit order.
            for output, place in zip((y, course.priced_at), places, strict=True):
                kernels.marginal_places(net, course.supply.order, output, place)
            new |= capped & (places[0] != places[1])
        course.priced_at = y.copy()
    found = np.flatnonzero(new)[: max(0, MOST_CLEARED - course.cleared.size)]
    if found.size:
        course.cleared = np.concatenate([course.cleared, found])
        course.kinds[found] = CLEARED
        course.pi = np.concatenate([course.pi, p[found]])
        course.supply.given[found] = False
    cleared = course.cleared
    if not cleared.size:
        return used, flow
    place = np.full(n, -1, dtype=np.int64)
    place[cleared] = np.arange(cleared.size)
    goods, _ = course.demand()
    gross = np.abs(course.z * goods[cleared] + b.economy.fixed_demand[cleared])
    kernels.gross_use(net, course.x, place, gross)
    course.meter.work += net.good.size
    own = b.by_good(course.x)[cleared]
    more = course.need[cleared] - own - course.disposal[cleared]
    through = np.maximum(np.maximum(gross, own), _least_flow(course, cleared))
    return np.concatenate([used, more]), np.concatenate([flow, through])


def _requirements(course: Course, used: FloatArray) -> None:
    """Total requirements of rows and cleared goods through marginal techniques."""
    b, net, y = course.branches, course.net, course.y
    n, k, cleared = y.size, course.rows, course.cleared
    weight = course.marginal
    kernels.marginal_techniques(net, course.supply, course.x, weight)
    table = course.requirements
    if not table.size:
        # As if all cost were spent on resources as the plan spends it.
        table = np.zeros((n, k))
        table[b.primary, b.resources.size + np.arange(b.primary.size)] = 1.0
        have = b.resources.size
        spent = np.maximum(used[:have], 0.0) * course.pi[:have]
        each = spent / max(float(spent.sum()), TINY) / np.maximum(course.pi[:have], TINY)
        table[:, :have] += np.where(course.kinds != PRIMARY, course.p, 0.0)[:, None] * each
    dense = bool(cleared.size) and n * (k + cleared.size) <= DENSE
    if dense:
        wide = np.zeros((n, k + cleared.size))
        wide[:, :k] = table
        if course.in_cleared is not None:
            wide[:, k : k + course.known.size] = course.in_cleared.toarray()
        table = wide
    _hold(course, table)
    _sweep_requirements(course, weight, table)
    course.requirements = np.ascontiguousarray(table[:, :k])
    if dense:
        course.in_cleared = sp.csr_array(table[:, k:])
    elif cleared.size:
        course.in_cleared = _series(course, weight)
    course.known = cleared.copy()


def _hold(course: Course, table: FloatArray) -> None:
    """Have a cleared good require itself, if that is in the table, and nothing else."""
    k, cleared = course.rows, course.cleared
    if cleared.size:
        table[cleared] = 0.0
        if table.shape[1] > k:
            table[cleared, k + np.arange(cleared.size)] = 1.0


def _sweep_requirements(course: Course, weight: FloatArray, table: FloatArray) -> None:
    """Sweep until the requirements of the plan are accurate; where that fails, once."""
    net, meter, y = course.net, course.meter, course.y
    kinds, b = course.kinds, course.branches
    begun, window = table.copy(), None
    size = y @ np.abs(table)
    size[size <= 1e-100] = np.inf
    if table.size <= EXTRAPOLATED:
        window = Window(np.outer(np.sqrt(y), y.sum() / size).ravel())
    for number in range(REQUIREMENT_SWEEPS):
        old = table.copy()
        meter.work += kernels.sweep_requirements(net, weight, kinds, table)
        change = float((y @ np.abs(table - old) / size).max(initial=0.0))
        if meter.over() or (change < ACCURATE and number > 0):
            return
        if not change < 1e3 and number > 1:
            table[:] = begun
            meter.work += kernels.sweep_requirements(net, weight, kinds, table)
            return
        if window is None:
            continue
        window.add_step(old.ravel(), table.ravel())
        gamma = window.mix() if window.ready else None
        if gamma is not None:
            table[:] = window.mixed(gamma)[0].reshape(table.shape)
            table[b.primary] = 0.0
            table[b.primary, b.resources.size + np.arange(b.primary.size)] = 1.0
            _hold(course, table)


def _matrix(course: Course) -> sp.csr_array:
    """Net use of goods by technique."""
    net = course.net
    shape = course.x.size, course.y.size
    return sp.csr_array((net.amount, net.good, net.ptr), shape=shape)


def _series(course: Course, weight: FloatArray) -> sp.csr_array:
    """Total requirements of cleared goods: the first terms of a series, small entries dropped."""
    b, n, cleared = course.branches, course.y.size, course.cleared
    some = np.flatnonzero((weight > 0) & (course.kinds[b.good] != CLEARED))
    made_by = sp.csr_array((weight[some], (b.good[some], some)), shape=(n, course.x.size))
    step = sp.csr_array(made_by @ _matrix(course))
    unit = np.ones(cleared.size)
    total = sp.csr_array((unit, (cleared, np.arange(cleared.size))), shape=(n, cleared.size))
    term, p = total, np.maximum(course.p, TINY)
    dropped = min(max(DROPPED, 100 * course.tolerance), 10 * DROPPED)
    for _ in range(TERMS):
        term = sp.csr_array(step @ term)
        row = np.repeat(np.arange(n), np.diff(term.indptr))
        small = np.abs(term.data) * p[cleared[term.indices]] < dropped * p[row]
        term.data[small] = 0.0
        term.eliminate_zeros()
        course.meter.work += step.nnz
        total = sp.csr_array(total + term)
    return total


@dataclass(eq=False)
class _Choices:
    """Columns of the centre's model: techniques, targets, disposal, techniques of cleared goods."""

    which: IntArray
    good: IntArray
    targets: int
    own: IntArray
    place: IntArray
    own_size: FloatArray


def _centre(course: Course, used: FloatArray, flow: FloatArray) -> bool:
    """Solve the centre's model and follow it; False where it has no solution."""
    b, net, meter = course.branches, course.net, course.meter
    p, y, z, n, k = course.p, course.y, course.z, course.y.size, course.rows
    cleared, tolerance = course.cleared, course.tolerance
    rights = np.concatenate([b.rights, np.zeros(cleared.size)])
    pin = course.pi * flow / z
    over = float(pin @ np.maximum((used - rights) / flow, 0.0))
    progress = abs(_estimate(course) / z - 1) + over
    slow = progress > max(0.5 * course.before, 0.1 * tolerance)
    course.hold = min(course.hold * 4, 1e3) if slow else max(course.hold / 4, 1.0)
    course.before = progress
    error = min(course.gap, progress)
    stay = error * min(1.0, course.hold * n / MANY)
    choice = ((course.kinds == FREE) | (course.kinds == CAPPED)) & (y > 0)
    choice &= np.diff(net.first) > 1
    active = choice[b.good]
    if active.size * course.pi.size > FEW:
        active &= (course.x > 0) | (course.costs <= (1 + NEAR) * p[b.good])
    matrix = _matrix(course) if cleared.size else None
    inner = course.in_cleared if course.in_cleared is not None else sp.csr_array((n, 0))

    def rows_of(techniques: IntArray) -> Rows:
        dense = np.empty((techniques.size, k))
        meter.work += kernels.technique_rows(net, techniques, course.requirements, dense)
        if matrix is None:
            return Rows(dense, None)
        meter.work += int(np.diff(net.ptr)[techniques].sum())
        return Rows(dense, sp.csr_array(matrix[techniques] @ inner))

    def of_goods(goods: IntArray) -> Rows:
        dense = course.requirements[goods]
        return Rows(dense, None if matrix is None else sp.csr_array(inner[goods]))

    # Techniques of cleared goods.
    own = np.flatnonzero(course.kinds[b.good] == CLEARED)
    place = np.full(n, -1, dtype=np.int64)
    place[cleared] = np.arange(cleared.size)
    at = place[b.good[own]]
    own_size = flow[k + at]
    made = rows_of(own)
    if own.size:
        assert made.sparse is not None
        ones = sp.csr_array((np.ones(own.size), (np.arange(own.size), at)), shape=made.sparse.shape)
        made = Rows(made.dense, sp.csr_array(made.sparse - ones))
    made = made.scaled(own_size, flow)
    own_q = own_size * (course.costs[own] - p[b.good[own]]) / z - made.times(pin)
    # What a unit of the plan demands of the rows in all.
    goods, primary = course.demand()
    whole = goods @ course.requirements
    if matrix is not None:
        whole = np.concatenate([whole, inner.T @ goods])
    whole[:k] += primary
    whole = whole * z / flow
    beta = (rights - used) / flow + whole
    # The spare will be less.
    less = 1.0 - _spare_share(0.003 * error, tolerance) / course.spare_share
    if less > 0:
        saved = course.spare @ course.requirements
        if matrix is not None:
            saved = np.concatenate([saved, inner.T @ course.spare])
        beta += less * saved / flow
    spare = SPARE_PRIMARY * max(tolerance, 0.01 * error) / pin.size
    products = np.concatenate([b.primary, cleared])
    # At the highest price so far: a spare that changed with the price would make it swing.
    course.highest[products] = np.maximum(course.highest[products], course.pi[b.resources.size :])
    worth = course.highest[products] * flow[b.resources.size :] / z
    beta[b.resources.size :] -= np.minimum(spare / worth, MOST_SPARE)
    # A price cut off at 0 enters as what the making costs.
    price = p.copy()
    some = np.flatnonzero(np.diff(net.first) > 0)
    cheapest = np.minimum.reduceat(course.costs, net.first[:-1][some])
    cut = (p[some] <= 0) & (cheapest < 0)
    price[some[cut]] = cheapest[cut]
    # Nobody throws away what is made without by-products.
    yielding = (course.requirements < 0).any(axis=1)
    if matrix is not None:
        least = inner.min(axis=1)
        yielding |= least.toarray().ravel() < 0
    yielding &= (course.kinds == FREE) | (course.kinds == CAPPED)
    more = _first_disposal(course, yielding)
    wanted = more[:0]
    enough = 0.02 * tolerance
    if np.count_nonzero(active) > 100:
        enough = max(enough, 0.01 * error * min(1.0, 10 * error))
    priced = float(course.branches.rough @ goods)
    solution: CentreSolution | None = None
    for _ in range(SOLUTIONS):
        several = np.bincount(b.good[active], minlength=n) > 1
        which = np.flatnonzero(active & several[b.good])
        good = b.good[which]
        grouped = rows_of(which).scaled(y[good], flow)
        q = y[good] * course.costs[which] / z - grouped.times(pin)
        share = _ratio(course.x[which], _sums(good, course.x[which], n)[good])
        limit = net.limit[which] / y[good]
        held = STAY * stay * y[good] * course.costs[which] / z
        first = np.flatnonzero(np.append(True, good[1:] != good[:-1])) if good.size else good
        targets = course.mix.size if course.mix.size > 1 else 0
        if targets:
            rows, worth = _target_rows(course)
            rows = rows.scaled(np.full(targets, z), flow)
            grouped = grouped.above(rows)
            q = np.concatenate([q, worth - rows.times(pin)])
            share, limit = np.append(share, course.mix), np.append(limit, np.full(targets, np.inf))
            held = np.append(held, np.full(targets, STAY * stay))
            first = np.append(first, which.size)
        gamma = whole - grouped.sums(share)
        wanted = np.union1d(wanted, more)
        size = np.maximum(y[wanted], 1e-12 * z)
        thrown = of_goods(wanted).scaled(size, flow)
        room = np.empty(wanted.size)
        kernels.disposal_room(net, course.marginal, course.kinds, p, y, wanted, room)
        room = (course.disposal[wanted] + room) / size
        free = thrown.above(made)
        now = np.concatenate([course.disposal[wanted] / size, course.x[own] / own_size])
        solution = solve_centre(
            CentreModel(
                rows=grouped.above(free).packed(),
                first=first,
                grouped=share.size,
                q=np.concatenate([q, price[wanted] * size / z - thrown.times(pin), own_q]),
                share=np.concatenate([share, now]),
                limit=np.concatenate([limit, room, net.limit[own] / own_size]),
                beta=beta + free.sums(now),
                gamma=gamma,
                pi=pin,
                rho=np.append(held, np.zeros(now.size)),
                delta=STAY_PRICED * min(stay, 0.1) / np.maximum(pin, 0.1 / pin.size),
            ),
            enough,
            meter.over,
        )
        if solution is None or not 0 < solution.zeta < np.inf or meter.over():
            return False
        if abs(solution.zeta - 1.0) > MOST_CHANGE and stay < 0.1:
            stay *= TIGHTER
            continue
        moved = (solution.pi - pin) * z / flow
        then = price + course.requirements @ moved[:k]
        if matrix is not None:
            then += inner @ moved[k:]
        low = -1e-3 * p - 1e-9 * b.rough / max(priced, TINY)
        more = np.setdiff1d(np.flatnonzero(yielding & (then < low)), wanted)
        # Techniques that would be cheaper than those in the model.
        changed = np.empty(course.x.size)
        kernels.direct_costs(net, moved[:k], changed)
        meter.work += net.use.size + kernels.add_costs(net, then - price, changed)
        changed += course.costs
        bound = np.full(n, np.inf)
        at_work = np.flatnonzero(active)
        np.minimum.at(bound, b.good[at_work], changed[at_work])
        goods_of = good[first[: first.size - (targets > 0)]]
        bound[goods_of] = solution.lam[: goods_of.size] * z / y[goods_of]
        cheaper = choice[b.good] & ~active & (changed < bound[b.good])
        missed = np.where(cheaper, bound[b.good] - changed, 0.0) * y[b.good]
        if float(missed.sum()) > MISSED * error * z:
            active |= cheaper
        elif not more.size:
            break
        if more.size > MOST_DISPOSAL:
            more = more[np.argsort(then[more] * y[more])[:MOST_DISPOSAL]]
    choices = _Choices(which, good, targets, own, at, own_size)
    assert solution is not None
    change = changed[active] / np.maximum(np.abs(course.costs[active]), TINY) - 1.0
    shift = min(float(np.quantile(np.abs(change), 0.999)), 100.0) if change.size else 0.0
    course.expected = max(shift**2, 0.1 * tolerance)
    dearer = changed[which] / np.maximum(bound[good], TINY) - 1.0
    _follow(course, choices, wanted, size, solution, dearer, flow)
    return True


def _target_rows(course: Course) -> tuple[Rows, FloatArray]:
    """Return what a unit of the objective by each target requires in all, and its worth."""
    b, e, k = course.branches, course.branches.economy, course.rows
    per = sp.csc_array(e.assortment @ sp.diags_array(1.0 / e.weights))
    dense = np.zeros((e.n_targets, k))
    dense[:, b.resources.size :] = per[b.primary].toarray().T
    main = per.copy()
    main.data = np.where(course.kinds[main.indices] == PRIMARY, 0.0, main.data)
    dense += main.T @ course.requirements
    sparse = None
    if course.in_cleared is not None:
        sparse = sp.csr_array(sp.csr_array(main.T) @ course.in_cleared)
    full, _ = course.prices()
    return Rows(dense, sparse), np.asarray(per.T @ full)


def _first_disposal(course: Course, yielding: npt.NDArray[np.bool_]) -> IntArray:
    """Goods thrown away at present, and those that yield primary goods at least cost."""
    picked = [np.flatnonzero((course.disposal > 0) & yielding)]
    for k in range(course.branches.resources.size, course.rows):
        gain = np.where(yielding, -course.requirements[:, k], 0.0)
        some = np.flatnonzero(gain > 0)
        if some.size > OFFERED:
            ratio = np.maximum(course.p[some], 0.0) / gain[some]
            some = some[np.argpartition(ratio, OFFERED - 1)[:OFFERED]]
        picked.append(some)
    return np.unique(np.concatenate(picked))


def _follow(
    course: Course, choices: _Choices, wanted: IntArray, size: FloatArray,
    solution: CentreSolution, dearer: FloatArray, flow: FloatArray,
) -> None:  # fmt: skip
    """Take over what the centre chose."""
    b, net, supply, y = course.branches, course.net, course.supply, course.y
    n, k = y.size, course.rows
    which, good, own, zeta = choices.which, choices.good, choices.own, solution.zeta
    count, targets = which.size, choices.targets
    s = solution.s
    course.disposal[:] = 0.0
    course.disposal[wanted] = s[count + targets : count + targets + size.size] * size
    course.disposal[course.disposal < 1e-9 * course.tolerance * y] = 0.0
    course.floor[:] = 0.0
    supply.given[:] = False
    supply.share[:] = 0.0
    if count:
        chosen = np.where(s[:count] > np.maximum(1e-7, 0.1 * dearer), s[:count], 0.0)
        total = _sums(good, chosen, n)
        supply.share[which] = _ratio(chosen, total[good])
        full = chosen > (1 - FULL) * net.limit[which] / y[good]
        supply.share[which[full]] = FIRST
        supply.given[good] = total[good] > 0
    cleared = course.cleared
    if own.size:
        made = s[count + targets + size.size :] * choices.own_size
        out = np.bincount(choices.place, weights=made, minlength=cleared.size)
        y[cleared] = out / zeta
        surplus = solution.left[k:] > 1e-9 * course.tolerance
        course.floor[cleared] = np.where(surplus, y[cleared], 0.0)
        made[made <= 1e-9 * choices.own_size] = 0.0
        total = _sums(b.good[own], made, n)
        given = total[b.good[own]] > 0
        supply.share[own[given]] = made[given] / total[b.good[own[given]]]
        supply.share[own[made > (1 - FULL) * net.limit[own]]] = FIRST
        supply.given[cleared] = total[cleared] > 0
    if targets:
        mix = np.where(s[count : count + targets] > 1e-9, s[count : count + targets], 0.0)
        course.mix = mix / mix.sum()
    course.pi = solution.pi * course.z / flow
    # A model that is far off may shrink the plan to nothing, or blow it up.
    least, most = 0.5 * (course.bracket.lower or 0.0), 2 * (course.bracket.upper or np.inf)
    scale = min(max(course.z * zeta, least), max(most, course.z)) / course.z
    course.z *= scale
    y *= scale
    course.floor *= scale


def _ratio(values: FloatArray, of: FloatArray) -> FloatArray:
    """`values` over `of`, 0 where that is 0."""
    return np.divide(values, of, out=np.zeros(values.size), where=of > 0)


def _sums(good: IntArray, values: FloatArray, size: int) -> FloatArray:
    return np.bincount(good, weights=values, minlength=size).astype(np.float64)
