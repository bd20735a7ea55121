"""Feasibility repair: what price adjustment has reached, made feasible to be certified early.

Value is right long before every balance holds. Prices are lowered where an activity would still
make a profit. Plans stop making what nobody wants, make what is short with the activity of least
loss, and where all of those are at capacity the users turn to techniques that need less. What then
keeps a plan from the optimum is that some resources are overdrawn and others left over: techniques
are changed, and plans mixed, until all are used alike. All are Gauss–Seidel sweeps over goods;
nothing here is trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.planners import repair_kernels as kernels
from planbench.planners.pdhg import Process
from planbench.planners.repair_kernels import Draft, Makers, Users

IntArray = npt.NDArray[np.int64]

#: Most sweeps over prices.
PRICE_SWEEPS = 30
#: Most scarce goods whose prices are searched, and the factors tried, each as long as it helps.
SCARCE, FACTORS, CLIMB = 3, (8.0, 2.0, 1.2), 8
#: Columns of each draft of a plan, and its use of each resource over the endowment.
Drafts = list[tuple[FloatArray, FloatArray]]

#: Most sweeps of each kind, and most substitutions of techniques.
BALANCE_SWEEPS, SHORTAGE_SWEEPS, SUBSTITUTIONS = 30, 40, 6
#: Most times that resources are balanced.
BALANCES = 4
#: Plans that would be further than so many times the gap asked for, if resources were balanced,
#: are not balanced twice; nor are their resources.
FAR, NEAR = 10.0, 2.0
#: Drafts of plans kept to be mixed.
DRAFTS = 6
#: Share that rents rise by when a resource is overdrawn by a share, per unit of it: enough for
#: techniques to change, and so little that what they lose is of second order.
SHARPNESS = 300.0
#: Worth that an overdrawn resource has at least, as a share of the mean.
LEAST_WORTH = 0.01


def find_makers(process: Process, n_goods: int, n_activities: int) -> Makers:
    """Find the main product of every activity and the makers of every good."""
    main, at = kernels.main_products(process.csc, n_goods, n_activities)
    makers = np.flatnonzero(main >= 0)
    makers = makers[np.argsort(main[makers], kind="stable")]
    return Makers(main, at, makers, np.searchsorted(main[makers], np.arange(n_goods + 1)))


def repair_prices(process: Process, makers: Makers, tolerance: float) -> FloatArray:
    """Prices and rents, in the units of the process, at which no open activity gains.

    Parameters
    ----------
    tolerance : float
        Profit, as a share of revenue, that is left to the repair of the certificate.
    """
    y = np.maximum(process.pair[:, 0], 0.0)
    process.meter.work += kernels.lower_prices(
        process.csc, process.upper, makers, y, PRICE_SWEEPS, tolerance
    )
    return y


def price_scarce_goods(
    process: Process, makers: Makers, prices: FloatArray, scarce: IntArray, tolerance: float
) -> tuple[FloatArray, bool]:
    """Raise the prices of goods that stay short for as long as the upper bound falls.

    A good nobody has room to make may have to be dearer by powers of ten than what the process
    has reached, and steps of a fixed length take as many rounds. One good after the other,
    by factors, is a line search.

    Parameters
    ----------
    prices : ndarray, shape (rows,)
        From :func:`repair_prices`.
    scarce : ndarray of int
        Goods, the scarcest first.

    Returns
    -------
    prices : ndarray, shape (rows,)
        Repaired as well.
    changed : bool
    """
    best, value, changed = prices, _upper_estimate(process, prices), False
    typical = float(np.mean(prices[prices > 0])) if (prices > 0).any() else 1.0
    for good in scarce[:SCARCE].tolist():
        for factor in FACTORS:
            for _ in range(CLIMB):
                trial = best.copy()
                trial[good] = max(trial[good], 1e-3 * typical) * factor
                process.meter.work += kernels.lower_prices(
                    process.csc, process.upper, makers, trial, PRICE_SWEEPS, tolerance
                )
                found = _upper_estimate(process, trial)
                # Weakly better will not do: it would go on for ever.
                if not found < value * (1 - 1e-2 * tolerance) - 1e-300:
                    break
                best, value, changed = trial, found, True
    return best, changed


def _upper_estimate(process: Process, prices: FloatArray) -> float:
    """Upper bound of repaired prices, rounding left aside.

    Either all is scaled until every target is worth its weight, or what a target is short of
    it is paid at its limit, if it has one.
    """
    gain = process.profits(prices)
    target = process.cost < 0
    capped = np.isfinite(process.upper) & ~target
    paid = float(process.upper[capped] @ np.maximum(gain[capped], 0.0))
    paid -= float(process.need @ prices)
    worth = -process.cost[target] - gain[target]
    short = np.maximum(gain[target], 0.0)
    limit = process.upper[target]
    as_it_is = paid + float(limit[short > 0] @ short[short > 0])
    scaled = paid * float(np.max(-process.cost[target] / worth)) if (worth > 0).all() else np.inf
    return min(as_it_is, scaled)


@dataclass(eq=False)
class _Draft:
    """A plan under repair; the arrays are changed in place.

    Attributes
    ----------
    x : ndarray, shape (columns,)
    net, flow : ndarray, shape (rows,)
        K x − b, and half of what flows through each row.
    profit : ndarray, shape (columns,)
    prices : ndarray, shape (rows,)
    stuck : ndarray of int
        Goods that are short and that nobody has room to make.
    short : float
        Largest shortage as a share of what flows.
    """

    x: FloatArray
    net: FloatArray
    flow: FloatArray
    profit: FloatArray
    prices: FloatArray
    stuck: IntArray
    short: float = np.inf

    @property
    def arrays(self) -> Draft:
        """What the kernels change."""
        return Draft(self.x, self.net, self.flow, self.profit)


def repair_plan(
    process: Process,
    makers: Makers,
    prices: FloatArray,
    tolerance: float,
    *,
    upper: float | None = None,
    goal: float = 1.0,
    drafts: Drafts | None = None,
) -> tuple[FloatArray, IntArray]:
    """Activities and targets, in the units of the process, that leave no good short.

    Targets stay as they are. Resources may be overdrawn; where nothing fixed must be met the
    whole plan is then scaled to them.

    Parameters
    ----------
    prices : ndarray, shape (rows,)
        From :func:`repair_prices`; they say which activity loses least.
    tolerance : float
        Shortage, as a share of what flows, that is left to the repair of the certificate.
    upper : float, optional
        Upper bound on the objective. Resources are balanced where that could bring the plan
        within `goal` (a share) of it, or where it is missing.
    goal : float
    drafts : list, optional
        Earlier drafts, to be mixed with this one; the new ones are added.

    Returns
    -------
    columns : ndarray, shape (columns,)
    scarce : ndarray of int
        Goods still short that nobody has room to make, the scarcest first.
    """
    draft = _begin(process, prices)
    _close_balances(process, makers, draft, tolerance)
    if _within_reach(process, makers, draft, upper, FAR * goal):
        # Saving what nobody has room to make leaves other goods over.
        _close_balances(process, makers, draft, tolerance)
    for _ in range(BALANCES):
        _, excess = _overdrawn(process, makers, draft)
        if excess.max(initial=0.0) <= 0.1 * goal:
            break
        if not _within_reach(process, makers, draft, upper, NEAR * goal):
            break
        if drafts is not None:
            _keep(process, makers, draft, drafts, 10 * tolerance)
        _balance_resources(process, makers, draft, excess)
        _close_balances(process, makers, draft, tolerance)
    net = draft.net / np.maximum(draft.flow, 1e-300)
    stuck = draft.stuck[np.argsort(net[draft.stuck], kind="stable")]
    x = draft.x
    if drafts is not None:
        _keep(process, makers, draft, drafts, 10 * tolerance)
        if draft.short <= 10 * tolerance:
            fixed = bool(np.isfinite(process.upper[: makers.main.size]).any())
            x = mix_drafts(drafts, -process.cost, process.need[: makers.first.size - 1], fixed)
    return _within_endowments(process, x, makers.first.size - 1), stuck


def warm_up(process: Process, makers: Makers) -> None:
    """Run every kernel of the repair once, so that it is compiled."""
    n, m = makers.first.size - 1, makers.main.size
    draft = _begin(process, np.zeros(process.need.size))
    _close_balances(process, makers, draft, 1e-9)
    _balance_resources(process, makers, draft, np.zeros(process.need.size - n))
    short, slot = np.zeros(1, dtype=np.int64), np.full(process.need.size, -1, dtype=np.int64)
    slot[0] = 0
    users = Users(*kernels.users_of(process.csc, m, slot, 1))
    kernels.substitute(process.csc, process.upper, makers, draft.arrays, short, users)
    kernels.cut_users(process.csc, draft.arrays, process.upper.copy(), short, users)


def _begin(process: Process, prices: FloatArray) -> _Draft:

    x = np.minimum(np.maximum(process.x, 0.0), process.upper)
    net, flow = kernels.balances(process.csc, x, process.need)
    process.meter.work += process.matrix.nnz
    none = np.zeros(0, dtype=np.int64)
    return _Draft(x, net, flow, process.profits(prices), prices, none)


def _keep(
    process: Process, makers: Makers, draft: _Draft, drafts: Drafts, tolerance: float
) -> None:
    if draft.short > tolerance:
        return  # what is short in one stays short in a mixture
    n = makers.first.size - 1
    some = process.need[n:] < 0
    drafts.append((draft.x.copy(), 1.0 + draft.net[n:][some] / process.need[n:][some]))
    del drafts[:-DRAFTS]


def mix_drafts(drafts: Drafts, worth: FloatArray, need: FloatArray, limited: bool) -> FloatArray:
    """Mixture of drafts that delivers most within the endowments, the last draft if none does.

    What one overdraws another leaves over (Dantzig & Wolfe 1961). A mixture leaves no good
    shorter than its parts do.

    Parameters
    ----------
    drafts : list of tuple of ndarray
        Columns, and the use of each resource over its endowment.
    worth : ndarray, shape (columns,)
        Weight of each target, 0 for activities.
    need : ndarray, shape (goods,)
        Fixed demand.
    limited : bool
        There are capacities: the mixture may not be scaled up.
    """
    from scipy.optimize import linprog

    count = len(drafts)
    use = np.column_stack([use for _, use in drafts])
    value = np.array([float(worth @ x) for x, _ in drafts])
    if count == 1 or not use.size or not value.max() > 0 or not np.isfinite(use).all():
        return drafts[-1][0]
    rows, limits = use, np.ones(use.shape[0])
    one: dict[str, Any] = {}
    if (need > 0).any():
        one = {"A_eq": np.ones((1, count)), "b_eq": [1.0]}
    elif limited or (need < 0).any():
        rows, limits = np.vstack([use, np.ones(count)]), np.append(limits, 1.0)
    found = linprog(-value / value.max(), A_ub=rows, b_ub=limits, method="highs", **one)
    if found.x is None or not found.x.sum() > 0:
        return drafts[-1][0]
    shares = found.x / found.x.sum()
    out = np.zeros_like(drafts[-1][0])
    for share, (x, _) in zip(shares.tolist(), drafts, strict=True):
        if share > 0:
            out += share * x
    return out


def _within_reach(
    process: Process, makers: Makers, draft: _Draft, upper: float | None, gap: float
) -> bool:
    """Whether the plan would be within `gap` (a share) of the bound if resources were balanced."""
    mean, _ = _overdrawn(process, makers, draft)
    value = -float(np.sum(process.cost * draft.x))
    return upper is None or value >= mean * upper * (1 - gap)


def _close_balances(process: Process, makers: Makers, draft: _Draft, tolerance: float) -> None:
    """Make less of what is left over and more of what is short; save what nobody can make.

    Users of a good that stays short turn to techniques that need less of it. Where they have
    none they are cut, and the same is tried with the users of what they made.
    """
    process.meter.work += kernels.balance_goods(
        process.csc,
        process.upper,
        makers,
        draft.arrays,
        draft.prices[: makers.first.size - 1],
        BALANCE_SWEEPS,
        tolerance * abs(float(np.sum(process.cost * draft.x))),
    )
    n, m = makers.first.size - 1, makers.main.size
    x, net, flow = draft.x, draft.net, draft.flow
    meter, room = process.meter, process.upper
    best, level = np.inf, 0
    while True:
        meter.work += kernels.make_short(
            process.csc, room, makers, draft.arrays, SHORTAGE_SWEEPS, tolerance
        )
        able = np.zeros(n, dtype=bool)
        able[makers.main[makers.activity[x[makers.activity] < room[makers.activity]]]] = True
        short = -net[:n] / np.maximum(flow[:n], 1e-300)
        stuck = np.flatnonzero((short > tolerance) & ~able)
        worst = float(short.max(initial=0.0))
        if worst < best:
            best, draft.stuck, kept = worst, stuck, (x.copy(), net.copy())
        if not stuck.size or level == SUBSTITUTIONS:
            break
        level += 1
        slot = np.full(net.size, -1, dtype=np.int64)
        slot[stuck] = np.arange(stuck.size)
        users = Users(*kernels.users_of(process.csc, m, slot, stuck.size))
        # That list takes two readings.
        meter.work += 2 * process.matrix.nnz
        meter.work += kernels.substitute(process.csc, room, makers, draft.arrays, stuck, users)
        if (net[stuck] < 0).any():
            if room is process.upper:
                room = room.copy()
            meter.work += kernels.cut_users(process.csc, draft.arrays, room, stuck, users)
    if worst > best:
        x[:], net[:] = kept
    draft.short = best


def _overdrawn(process: Process, makers: Makers, draft: _Draft) -> tuple[float, FloatArray]:
    """Mean of use over endowment, weighted by worth, and how far each resource is above it.

    Scaling the plan to the endowments costs the mean and the largest excess. The mean is what
    the plan loses in goods left over and in techniques; the excess is a matter of balance.
    """
    n = makers.first.size - 1
    endowment, rents = -process.need[n:], draft.prices[n:]
    worth = endowment * rents
    some = endowment > 0
    use = 1.0 - draft.net[n:] / np.where(some, endowment, 1.0)
    total = float(worth.sum())
    if total <= 0:
        return 0.0, np.zeros(use.size)
    mean = float(worth @ np.where(some, use, 0.0)) / total
    return mean, np.where(some, use - mean, 0.0)


def _balance_resources(process: Process, makers: Makers, draft: _Draft, excess: FloatArray) -> None:
    """Change techniques until no resource is overdrawn more than the others."""
    n = makers.first.size - 1
    endowment = -process.need[n:]
    worth = endowment * draft.prices[n:]
    # One that is overdrawn counts even if its rent is 0 as yet.
    worth = np.where(excess > 0, np.maximum(worth, LEAST_WORTH * worth.mean()), worth)
    process.meter.work += kernels.balance_resources(
        process.csc,
        process.upper,
        makers,
        draft.arrays,
        endowment,
        worth,
        excess,
        SHARPNESS,
    )


def _within_endowments(process: Process, x: FloatArray, n_goods: int) -> FloatArray:
    """Scale the plan to endowments and capacities, where that breaks no fixed demand."""
    need = process.need
    if (need[:n_goods] > 0).any():
        return x
    spent = -(process.matrix @ x)[n_goods:]
    process.meter.work += process.matrix.nnz
    endowment = -need[n_goods:]
    # A stock (need < 0) does not grow with the plan, and neither does an exhausted capacity.
    scale = np.inf if not (need[:n_goods] < 0).any() else 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = min(scale, float(np.min((endowment / spent)[spent > 0], initial=np.inf)))
        scale = min(scale, float(np.min((process.upper / x)[x > 0], initial=np.inf)))
    if not 0 < scale < np.inf:
        return x
    return np.asarray(np.minimum(x * scale, process.upper))
