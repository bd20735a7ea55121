"""The interior price system and interior plan of an economy, computed once, never trusted.

Both come from slightly different economies, so that they lie near the optimum and a little
of them repairs an answer at little cost: prices from one whose activities all make a share δ
more of what they make from a share δ less, the plan from one in which they make less from
more and everything available shrinks. Whatever comes out is checked before it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.certificates.check import certified_lower, limits_of, price_surplus
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.checks import one_good_each
from planbench.model.economy import Economy, Interior

IntArray = npt.NDArray[np.int64]
Prices = tuple[FloatArray, FloatArray]

#: Shares δ tried for the neighbouring economies, the most roomy first.
SHARES = (0.05, 0.01, 1e-3, 1e-4)
#: Least prices tried, as shares of what the target's dearest good may be worth.
FLOORS = (1e-9, 1e-4)
#: Share of what an economy carries that is mixed into what a linear program finds.
CARRIED = 0.1
#: Up to this many non-zeros a linear program is the first choice, up to the second the last.
LP_NONZEROS = 10_000
LAST_RESORT_NONZEROS = 100_000
LP_SECONDS = 20.0
#: linprog's status for it; what took too long once is not tried with another share.
OUT_OF_TIME = 1
SWEEPS = 400

_Known = WeakKeyDictionary[Economy, Interior | None]
_interiors: dict[bool, _Known] = {True: WeakKeyDictionary(), False: WeakKeyDictionary()}


def interior_of(economy: Economy, *, programs: bool = True) -> Interior | None:
    """Interior of `economy`: computed, or the one it carries where that is too dear.

    Parameters
    ----------
    economy : Economy
    programs : bool
        Whether linear programs of neighbouring economies may be solved for it (by HiGHS). A
        planner that is to find a plan by its own method must not start from such a plan.

    Returns
    -------
    Interior or None
        None, or an interior without a plan, where none was found.
    """
    known = _interiors[programs]
    if economy not in known:
        known[economy] = _interior_in_units_of_one(economy, programs)
    return known[economy]


#: Amounts below this are counted in other units before a linear program is solved: a solver's
#: tolerances are absolute, and would swallow them.
SMALL = 2.0**-10


@np.errstate(all="ignore")
def _interior_in_units_of_one(economy: Economy, programs: bool) -> Interior | None:
    """Find the interior of `economy` counted in units in which no kind of amount is small.

    Units are changed by powers of two, so nothing is rounded.
    """
    if not programs or not limits_of(economy).in_range:
        return _best_interior(economy, programs)
    goods = _unit_for(np.concatenate([economy.assortment.data, np.abs(economy.fixed_demand)]))
    levels, worth = _unit_for(economy.endowment), _unit_for(economy.weights)
    if goods == levels == worth == 1.0:
        return _best_interior(economy, programs)
    carried = economy.interior
    if carried is not None:
        carried = _recounted(carried, goods, levels, worth)
    counted = replace(
        economy,
        inputs=economy.inputs * (goods / levels),
        outputs=economy.outputs * (goods / levels),
        endowment=economy.endowment * levels,
        capacity=economy.capacity * levels,
        assortment=economy.assortment * goods,
        fixed_demand=economy.fixed_demand * goods,
        weights=economy.weights * worth,
        interior=carried,
    )
    found = _best_interior(counted, programs)
    return None if found is None else _recounted(found, 1 / goods, 1 / levels, 1 / worth)


def _unit_for(amounts: FloatArray) -> float:
    """Power of two that makes the largest of `amounts` about one, where all are small."""
    largest = float(np.max(amounts, initial=0.0))
    return 2.0 ** -round(np.log2(largest)) if 0 < largest < SMALL else 1.0


def _recounted(interior: Interior, goods: float, levels: float, worth: float) -> Interior:
    activities = interior.activities
    return Interior(
        interior.goods_prices * (worth / goods),
        interior.resource_prices * (worth / levels),
        None if activities is None else activities * levels,
    )


@np.errstate(all="ignore")
def _best_interior(economy: Economy, programs: bool) -> Interior | None:
    if not limits_of(economy).in_range:
        return None
    # A small economy affords the neighbouring optima, which repair at less cost than what an
    # economy carries; a large one is glad of what it carries.
    small = programs and economy.nnz <= LP_NONZEROS
    prices = _prices_by_lp(economy) if small else None
    plan = _plan_by_lp(economy) if small else None
    carried = economy.interior
    if carried is not None:
        pair = (carried.goods_prices, carried.resource_prices)
        prices = _with_margin_of(economy, prices, pair)
    if carried is not None and carried.activities is not None:
        plan = _with_room_of(economy, plan, carried.activities)
    dear = programs and not small and economy.nnz <= LAST_RESORT_NONZEROS
    if prices is None:
        prices = _prices_by_iteration(economy)
    if prices is None and dear:
        prices = _prices_by_lp(economy)
    if plan is None:
        plan = _plan_by_iteration(economy, prices)
    if plan is None and dear:
        plan = _plan_by_lp(economy)
    if prices is None and plan is None:
        return None
    if prices is None:
        prices = (np.zeros(economy.n_goods), np.zeros(economy.n_resources))
    return Interior(prices[0], prices[1], plan)


def _with_margin_of(economy: Economy, prices: Prices | None, carried: Prices) -> Prices | None:
    """`prices` and a little of the carried ones, by worth, for the same reason."""
    if not are_interior_prices(economy, *carried):
        return prices
    if prices is None:
        return carried
    worth, other = (economy.assortment.T @ pair[0] for pair in (prices, carried))
    scale = CARRIED * float(np.min(worth / other))
    both = prices[0] + scale * carried[0], prices[1] + scale * carried[1]
    return both if are_interior_prices(economy, *both) else prices


def _with_room_of(
    economy: Economy, plan: FloatArray | None, carried: FloatArray
) -> FloatArray | None:
    """`plan` and a little of the carried one, which has slack where a solver sees none.

    A linear program is solved to a tolerance; balances of small amounts get no slack from it.
    """
    if not is_safe_plan(economy, carried):
        return plan
    if plan is None:
        return carried
    both = np.minimum((1 - CARRIED) * plan + CARRIED * carried, economy.capacity)
    return both if is_safe_plan(economy, both) else plan


def are_interior_prices(economy: Economy, p: FloatArray, w: FloatArray) -> bool:
    """Whether every activity without a capacity loses, and every target is worth something."""
    if p.shape != (economy.n_goods,) or w.shape != (economy.n_resources,):
        return False
    if not (np.isfinite(p).all() and np.isfinite(w).all()) or (p < 0).any() or (w < 0).any():
        return False
    surplus = price_surplus(economy, p, w)
    open_ended = np.isinf(economy.capacity)
    loses = surplus.activities + surplus.activities_error < 0
    worth = economy.assortment.T @ p
    return bool(loses[open_ended].all() and (worth > 0).all())


def is_safe_plan(economy: Economy, x: FloatArray) -> bool:
    """Whether `x` with nothing delivered is feasible beyond rounding."""
    return certified_lower(economy, x, np.zeros(economy.n_targets)) is not None


def _scaled(economy: Economy, outputs: float, inputs: float) -> Matrix:
    return sp.csc_array(economy.outputs * outputs - economy.inputs * inputs)


def _prices_by_lp(economy: Economy) -> tuple[FloatArray, FloatArray] | None:
    """Optimal prices of a more productive economy, for the largest δ that has any."""
    n, k = economy.n_goods, economy.n_resources
    finite = np.flatnonzero(np.isfinite(economy.capacity))
    pays = sp.csr_array(
        (np.ones(finite.size), (finite, np.arange(finite.size))),
        shape=(economy.n_activities, finite.size),
    )
    # Of several optimal prices the one with no zero: every price has a small floor. What keeps
    # without loss, and is worth little, needs a floor above what the solver tolerates.
    for share, floor in product(SHARES, _price_floors(economy)):
        more = _scaled(economy, 1 + share, 1 - share)
        x, out_of_time = _least(
            np.concatenate([-economy.fixed_demand, economy.endowment, economy.capacity[finite]]),
            [
                [more.T, -(1 - share) * economy.resource_use.T, -pays],
                [-economy.assortment.T, sp.csr_array((economy.n_targets, k + finite.size))],
            ],
            np.concatenate([np.zeros(economy.n_activities), -economy.weights]),
            np.concatenate([np.full(n + k, floor), np.zeros(finite.size)]),
            np.full(n + k + finite.size, np.inf),
        )
        if x is not None:
            p, w = np.maximum(x[:n], 0.0), np.maximum(x[n : n + k], 0.0)
            if are_interior_prices(economy, p, w):
                return p, w
        if out_of_time:
            break
    return None


def _price_floors(economy: Economy) -> list[float]:
    worth = float(economy.weights.max()) / max(float(economy.assortment.data.max()), 1e-300)
    return [share * worth for share in FLOORS]


def _plan_by_lp(economy: Economy) -> FloatArray | None:
    """Mean of optimal plans of less productive economies and a plan with slack everywhere."""
    m, t = economy.n_activities, economy.n_targets
    found: list[FloatArray] = []
    for share in SHARES[:3]:
        less = _scaled(economy, 1 - share, 1 + share)
        demand = economy.fixed_demand + share * np.abs(economy.fixed_demand)
        x, out_of_time = _least(
            np.concatenate([np.zeros(m), -economy.weights]),
            [
                [-less, economy.assortment],
                [economy.resource_use, sp.csc_array((economy.n_resources, t))],
            ],
            np.concatenate([-demand, (1 - share) * economy.endowment]),
            np.zeros(m + t),
            np.concatenate([(1 - share) * economy.capacity, [np.inf] * t]),
        )
        if x is not None:
            found.append(np.minimum(np.maximum(x[:m], 0.0), economy.capacity))
        if out_of_time:
            break
    # Several neighbours, as what one leaves idle another may run.
    spread = _plan_with_slack_everywhere(economy, found[0] if found else None)
    if spread is not None:
        found.append(spread)
    candidates = [np.mean(found, axis=0), *found] if found else []
    return next((x for x in candidates if is_safe_plan(economy, x)), None)


def _plan_with_slack_everywhere(economy: Economy, near: FloatArray | None) -> FloatArray | None:
    """Plan whose least slack, as a share of what flows, is as large as it can be.

    A first linear program finds the goods that can have slack at all, a second one spreads
    it evenly over these.
    """
    n, m = economy.n_goods, economy.n_activities
    gross = np.zeros(n) if near is None else np.asarray(economy.outputs @ near)
    gross = gross + np.maximum(-economy.fixed_demand, 0.0)
    typical = float(np.median(gross[gross > 0])) if (gross > 0).any() else 1.0
    want = np.maximum(gross, 1e-3 * typical)
    first = _slack_program(economy, want, np.ones(n, dtype=bool), even=False)
    if first is None:
        return None
    able = first[m : m + n] > 1e-9 * want
    second = _slack_program(economy, want, able, even=True)
    x = (first if second is None else second)[:m]
    return np.asarray(np.minimum(np.maximum(x, 0.0), economy.capacity))


def _slack_program(
    economy: Economy, want: FloatArray, able: npt.NDArray[np.bool_], *, even: bool
) -> FloatArray | None:
    """Maximise Σ s_i/want_i, or t with s_i ≥ t·want_i for the goods `able`; s is net surplus."""
    n, m, k = economy.n_goods, economy.n_activities, economy.n_resources
    share = sp.csc_array((want * able)[:, None]) if even else sp.csc_array((n, 1))
    blocks = [
        [economy.inputs - economy.outputs, sp.eye_array(n), sp.csc_array((n, 1))],
        [economy.resource_use, sp.csc_array((k, n)), sp.csc_array((k, 1))],
        [sp.csc_array((n, m)), -sp.eye_array(n), share],
    ]
    gain = np.concatenate([np.zeros(m), np.zeros(n) if even else 1.0 / want, [1.0 * even]])
    upper = np.concatenate([0.9 * economy.capacity, want if even else 0.01 * want, [1.0]])
    limits = np.concatenate([-economy.fixed_demand, 0.9 * economy.endowment, np.zeros(n)])
    return _least(-gain, blocks, limits, np.zeros(m + n + 1), upper)[0]


def _least(
    cost: FloatArray,
    blocks: Sequence[Sequence[sp.sparray]],
    limits: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
) -> tuple[FloatArray | None, bool]:
    """Minimise cost·x with rows ≤ limits by HiGHS; x if there is one, and whether time ran out."""
    from scipy.optimize import linprog

    result = linprog(
        cost,
        A_ub=sp.vstack([sp.hstack(row) for row in blocks], format="csr"),
        b_ub=limits,
        bounds=np.column_stack([lower, upper]),
        method="highs",
        options={"time_limit": LP_SECONDS},
    )
    return None if result.x is None else np.asarray(result.x), result.status == OUT_OF_TIME


def _prices_by_iteration(economy: Economy) -> tuple[FloatArray, FloatArray] | None:
    """Least-cost prices of w = 1/r with a share δ of loss; else prices almost nil."""
    w = 1.0 / np.where(economy.endowment > 0, economy.endowment, np.inf)
    w = np.where(w > 0, w, w.max(initial=1.0))
    if one_good_each(economy):
        for share in SHARES[:2]:
            p = least_cost_prices(economy, w, loss=share, sweeps=SWEEPS)
            if p is not None and are_interior_prices(economy, p, w):
                return p, w
    # Prices so small that any resource an activity uses is worth more than all it makes.
    cost = np.asarray(economy.resource_use.T @ w)
    revenue = np.asarray(economy.outputs.T @ np.ones(economy.n_goods))
    open_ended = np.isinf(economy.capacity)
    with np.errstate(divide="ignore"):
        ratio = np.min((cost / revenue)[open_ended], initial=np.inf)
    small = np.full(economy.n_goods, 0.5 * ratio if np.isfinite(ratio) else 1.0)
    return (small, w) if are_interior_prices(economy, small, w) else None


def least_cost_prices(
    economy: Economy,
    w: FloatArray,
    *,
    loss: float = 0.0,
    sweeps: int,
    start: FloatArray | None = None,
    tolerance: float = 1e-13,
) -> FloatArray | None:
    """Prices p = min over an economy's techniques of (wR + pA)(1 − loss)/(1 + loss)/output.

    Value iteration from below (Bellman 1957; Gale 1960, ch. 9): from p with p ≤ T(p) every
    sweep keeps p ≤ T(p), so prices stay feasible whenever it stops. Activities with a
    finite capacity do not count; a good that has no other keeps its starting price.

    Parameters
    ----------
    economy : Economy
        Every activity must make exactly one good.
    w : ndarray, shape (resources,)
        Rents.
    start : ndarray, shape (goods,), optional
        Feasible starting prices; zero when missing.
    """
    open_ended = np.flatnonzero(np.isinf(economy.capacity))
    good = economy.outputs.indices[open_ended]
    if not good.size:
        return start
    order = np.argsort(good, kind="stable")
    activity, good = open_ended[order], good[order]
    first = np.flatnonzero(np.r_[True, good[1:] != good[:-1]])
    made = good[first]
    direct = np.asarray(economy.resource_use.T @ w)
    transposed = economy.inputs.T
    factor = (1 - loss) / (1 + loss) / economy.outputs.data[activity]
    p = np.zeros(economy.n_goods) if start is None else start.copy()
    for _ in range(sweeps):
        cost = (direct + transposed @ p)[activity] * factor
        new = np.minimum.reduceat(cost, first)
        if not np.isfinite(new).all():
            return None
        change = np.max(np.abs(new - p[made]) / np.maximum(new, 1e-300), initial=0.0)
        p[made] = np.maximum(new, p[made])
        if change <= tolerance:
            break
    return p


def cheapest_techniques(economy: Economy, p: FloatArray, w: FloatArray) -> IntArray:
    """For each good the activity that makes it at least cost, −1 where none does.

    Every activity must make exactly one good. Returns an int64 array of shape (goods,).
    """
    cost = np.asarray(economy.resource_use.T @ w + economy.inputs.T @ p) / economy.outputs.data
    good = economy.outputs.indices
    order = np.lexsort((cost, good))
    sorted_goods = good[order]
    first = np.flatnonzero(np.r_[True, sorted_goods[1:] != sorted_goods[:-1]])
    chosen = np.full(economy.n_goods, -1, dtype=np.int64)
    chosen[sorted_goods[first]] = order[first]
    return chosen


def make_what_is_short(
    economy: Economy, x: FloatArray, need: FloatArray, chosen: IntArray, sweeps: int
) -> FloatArray:
    """Raise activity levels until net output covers `need`, each good by its chosen activity.

    Successive approximation (Neumann series of the chosen techniques); stops after `sweeps`
    or when the shortage is lost in rounding.
    """
    x = x.copy()
    able = np.flatnonzero(chosen >= 0)
    activity = chosen[able]
    rate = economy.outputs.data[economy.outputs.indptr[activity]]
    inputs = economy.inputs
    net = np.asarray(economy.outputs @ x - inputs @ x)
    for _ in range(sweeps):
        short = np.maximum(need - net, 0.0)[able]
        if not short.any() or short.max() <= 1e-15 * float(np.abs(net).max(initial=1e-300)):
            break
        step = np.zeros_like(x)
        step[activity] = short / rate
        x += step
        net += economy.outputs @ step - inputs @ step
    return x


def _plan_by_iteration(
    economy: Economy, prices: tuple[FloatArray, FloatArray] | None
) -> FloatArray | None:
    """Half of what the resources allow of a plan that makes some of every good."""
    if (economy.fixed_demand > 0).any() or not one_good_each(economy):
        x = np.zeros(economy.n_activities)
        return x if is_safe_plan(economy, x) else None
    p, w = prices or (np.ones(economy.n_goods), np.ones(economy.n_resources))
    need = np.asarray(economy.assortment @ np.ones(economy.n_targets))
    need = need + need[need > 0].mean()
    chosen = cheapest_techniques(economy, p, w)
    x = make_what_is_short(economy, np.zeros(economy.n_activities), need, chosen, SWEEPS)
    x *= 0.5 * scale_to_limits(economy, x)
    return x if is_safe_plan(economy, x) else None


def scale_to_limits(economy: Economy, x: FloatArray) -> float:
    """Largest s with s·x within the endowments and capacities (∞ if nothing binds)."""
    spent = np.asarray(economy.resource_use @ x)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_resource = np.where(spent > 0, economy.endowment / spent, np.inf)
        by_capacity = np.where(x > 0, economy.capacity / x, np.inf)
    return float(min(by_resource.min(initial=np.inf), by_capacity.min(initial=np.inf)))
