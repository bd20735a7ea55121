"""Feasibility repair: what price adjustment has reached, made feasible to be certified early.

Value is right long before every balance holds. Prices are lowered where an activity would still
make a profit. Plans stop making what nobody wants, make what is short with the activity of least
loss, and where all of those are at capacity the users turn to techniques that need less. What then
keeps a plan from the optimum is that some resources are overdrawn and others left over: techniques
are changed, and plans mixed, until all are used alike. All are Gauss–Seidel sweeps over goods;
nothing here is trusted.

All works on the matrix of the process, in its units: goods rows first, then resources; activities
first, then targets.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.model.arrays import FloatArray
from planbench.planners.pdhg import Csc, Process, compiled, fused

IntArray = npt.NDArray[np.int64]

#: Columns of each draft of a plan, and its use of each resource over the endowment.
Drafts = list[tuple[FloatArray, FloatArray]]

#: Most sweeps over prices.
PRICE_SWEEPS = 30
#: Most sweeps of each kind, and most substitutions of techniques.
BALANCE_SWEEPS, SHORTAGE_SWEEPS, SUBSTITUTIONS = 30, 40, 6
#: Most times that resources are balanced.
BALANCES = 4
#: Plans that would be further than so many times the gap asked for, if resources were balanced,
#: are not balanced twice; nor are their resources.
FAR, NEAR = 10.0, 2.0
#: Drafts of plans kept to be mixed, and how many times the tolerated shortage they may have.
DRAFTS, WORTH_MIXING = 6, 10.0
#: Share that rents rise by when a resource is overdrawn by a share, per unit of it: enough for
#: techniques to change, and so little that what they lose is of second order.
SHARPNESS = 300.0
#: Worth that an overdrawn resource has at least, as a share of the mean.
LEAST_WORTH = 0.01

# -- kernels ---------------------------------------------------------------------------------


class Makers(NamedTuple):
    """Who makes what, in the units of the process.

    Attributes
    ----------
    main : ndarray, shape (activities,)
        Row of the largest output of each activity, −1 where it makes nothing on balance.
    at : ndarray, shape (activities,)
        Position of that entry in the matrix.
    activity, first : ndarray
        ``activity[first[i]:first[i + 1]]`` are the activities whose main product is good i.
    """

    main: Any
    at: Any
    activity: Any
    first: Any


class Draft(NamedTuple):
    """A plan under repair; the arrays are changed in place.

    Attributes
    ----------
    x : ndarray, shape (columns,)
    net, flow : ndarray, shape (rows,)
        K x − b, and half of what flows through each row.
    profit : ndarray, shape (columns,)
    """

    x: Any
    net: Any
    flow: Any
    profit: Any


class Users(NamedTuple):
    """Activities that use each of some goods: ``activity[first[c]:first[c + 1]]``, and how much."""

    first: Any
    activity: Any
    amount: Any


@compiled
def main_products(matrix: Csc, n_goods: int, m: int) -> Any:
    """Row of the largest output of each activity, −1 where it makes nothing on balance."""
    main = np.full(m, -1, dtype=np.int64)
    at = np.full(m, -1, dtype=np.int64)
    for j in range(m):
        best = 0.0
        for k in range(matrix.indptr[j], matrix.indptr[j + 1]):
            if matrix.indices[k] < n_goods and matrix.data[k] > best:
                best = matrix.data[k]
                main[j] = matrix.indices[k]
                at[j] = k
    return main, at


@compiled
def entries(matrix: Csc, j: int) -> Any:
    """Count the entries of column j."""
    return np.int64(matrix.indptr[j + 1] - matrix.indptr[j])


@compiled
def add_column(matrix: Csc, j: int, amount: float, net: Any) -> Any:
    """Add `amount` times column j to `net`; returns the entries read."""
    for k in range(matrix.indptr[j], matrix.indptr[j + 1]):
        net[matrix.indices[k]] += matrix.data[k] * amount
    return entries(matrix, j)


@compiled
def marginal_maker(
    matrix: Csc, upper: Any, makers: Makers, draft: Draft, i: int, more: bool
) -> Any:
    """Maker of good i that loses least and has room; to make less, the running one that loses most.

    Returns −1 where there is none.
    """
    best = -1
    for c in range(makers.first[i], makers.first[i + 1]):
        j = makers.activity[c]
        if (draft.x[j] >= upper[j]) if more else (draft.x[j] <= 0.0):
            continue
        if best >= 0:
            this = draft.profit[j] * matrix.data[makers.at[best]]
            that = draft.profit[best] * matrix.data[makers.at[j]]
            if (this <= that) if more else (this >= that):
                continue
        best = j
    return best


@fused
def lower_prices(
    matrix: Csc, upper: Any, makers: Makers, y: Any, sweeps: int, tolerance: float
) -> Any:
    """Lower the price of each activity's main product until it makes no profit.

    Only activities without a capacity count, as the others may keep theirs. Returns the entries
    read.
    """
    read = np.int64(0)
    for sweep in range(sweeps):
        worst = 0.0
        # Forwards and backwards in turn, as inputs point both ways.
        for c in range(makers.main.size):
            j = c if sweep % 2 == 0 else makers.main.size - 1 - c
            if makers.main[j] < 0 or upper[j] != np.inf:
                continue
            gain = 0.0
            read += entries(matrix, j)
            for k in range(matrix.indptr[j], matrix.indptr[j + 1]):
                gain += matrix.data[k] * y[matrix.indices[k]]
            if gain > 0.0:
                i = makers.main[j]
                worst = max(worst, gain / (matrix.data[makers.at[j]] * y[i]) if y[i] > 0.0 else 1.0)
                y[i] = max(0.0, y[i] - gain / matrix.data[makers.at[j]])
        if worst <= tolerance:
            break
    return read


@compiled
def balances(matrix: Csc, x: Any, need: Any) -> Any:
    """K x − b, and half of what flows through each row."""
    net = -need
    flow = np.abs(need)
    for j in range(x.size):
        v = x[j]
        if v != 0.0:
            for k in range(matrix.indptr[j], matrix.indptr[j + 1]):
                net[matrix.indices[k]] += matrix.data[k] * v
                flow[matrix.indices[k]] += abs(matrix.data[k]) * v
    return net, 0.5 * flow


@compiled
def make_short(
    matrix: Csc, upper: Any, makers: Makers, draft: Draft, sweeps: int, tolerance: float
) -> Any:
    """Make what is short with the activity of least loss that has room.

    Ends when all that was still made up in a sweep is within `tolerance` of what flows; goods
    that nobody has room to make stay short. Returns the entries read.
    """
    n_goods = makers.first.size - 1
    read = np.int64(0)
    for _ in range(sweeps):
        worst = 0.0
        for i in range(n_goods):
            if draft.net[i] >= 0.0:
                continue
            short, made = -draft.net[i], False
            while draft.net[i] < 0.0:
                best = marginal_maker(matrix, upper, makers, draft, i, True)
                if best < 0:
                    break
                more = min(
                    -draft.net[i] / matrix.data[makers.at[best]], upper[best] - draft.x[best]
                )
                full = more == upper[best] - draft.x[best]
                made = True
                draft.x[best] = upper[best] if full else draft.x[best] + more
                read += add_column(matrix, best, more, draft.net)
                if not full:
                    draft.net[i] = max(draft.net[i], 0.0)
            if made:
                worst = max(worst, short / draft.flow[i] if draft.flow[i] > 0.0 else np.inf)
        if worst <= tolerance:
            break
    return read


@compiled
def entry(matrix: Csc, i: int, j: int) -> float:
    """Entry (i, j) of the matrix."""
    for k in range(matrix.indptr[j], matrix.indptr[j + 1]):
        if matrix.indices[k] == i:
            return float(matrix.data[k])
    return 0.0


@compiled
def substitute(
    matrix: Csc, upper: Any, makers: Makers, draft: Draft, short: Any, users: Users
) -> Any:
    """Save goods nobody has room to make: their users turn to techniques that need less.

    Of all changes of technique the one that costs least profit per unit saved comes first.
    Returns the entries read, of a column searched for one entry all.
    """
    read = np.int64(0)
    for c in range(short.size):
        i = short[c]
        if draft.net[i] >= 0.0:
            continue
        span = users.first[c + 1] - users.first[c]
        price = np.full(span, np.inf)
        other = np.full(span, -1, dtype=np.int64)
        for t in range(span):
            j = users.activity[users.first[c] + t]
            g = makers.main[j]
            if g < 0 or draft.x[j] <= 0.0:
                continue
            uses = users.amount[users.first[c] + t] / matrix.data[makers.at[j]]
            for q in range(makers.first[g], makers.first[g + 1]):
                k = makers.activity[q]
                if k == j or draft.x[k] >= upper[k]:
                    continue
                saves = uses + entry(matrix, i, k) / matrix.data[makers.at[k]]
                read += entries(matrix, k)
                if saves <= 0.0:
                    continue
                cost = (
                    draft.profit[j] / matrix.data[makers.at[j]]
                    - draft.profit[k] / matrix.data[makers.at[k]]
                ) / saves
                if cost < price[t]:
                    price[t] = cost
                    other[t] = k
        for t in np.argsort(price):
            k = other[t]
            if draft.net[i] >= 0.0 or k < 0:
                break
            j = users.activity[users.first[c] + t]
            ratio = matrix.data[makers.at[j]] / matrix.data[makers.at[k]]
            read += entries(matrix, k)
            saves = entry(matrix, i, k) * ratio + users.amount[users.first[c] + t]
            move = min(draft.x[j], -draft.net[i] / saves, (upper[k] - draft.x[k]) / ratio)
            if move <= 0.0:
                continue
            draft.x[j] -= move
            draft.x[k] = min(draft.x[k] + move * ratio, upper[k])
            read += add_column(matrix, j, -move, draft.net)
            read += add_column(matrix, k, move * ratio, draft.net)
    return read


@compiled
def balance_goods(
    matrix: Csc, upper: Any, makers: Makers, draft: Draft, price: Any, sweeps: int, enough: float
) -> Any:
    """Close the balance of every good that has a price, one after the other.

    What is short is made by the activity of least loss that has room, what is left over is no
    longer made by that of greatest loss, by-products or not. Ends when the balances closed in
    a sweep were worth no more than `enough`. Goods may be short or left over at the end.
    Returns the entries read.
    """
    read = np.int64(0)
    n_goods = price.size
    for sweep in range(sweeps):
        off = 0.0
        # Forwards and backwards in turn, as inputs point both ways.
        for c in range(n_goods):
            i = c if sweep % 2 == 0 else n_goods - 1 - c
            if draft.net[i] == 0.0 or (draft.net[i] > 0.0 and price[i] <= 0.0):
                continue
            best = marginal_maker(matrix, upper, makers, draft, i, draft.net[i] < 0.0)
            if best < 0:
                continue
            level = min(
                max(draft.x[best] - draft.net[i] / matrix.data[makers.at[best]], 0.0), upper[best]
            )
            if draft.net[i] > 0.0:
                # What else it makes must be left over too where nobody else makes it.
                for k in range(matrix.indptr[best], matrix.indptr[best + 1]):
                    r = np.int64(matrix.indices[k])
                    if (
                        r < n_goods
                        and matrix.data[k] > 0.0
                        and makers.first[r] == makers.first[r + 1]
                    ):
                        level = max(level, draft.x[best] - max(draft.net[r], 0.0) / matrix.data[k])
            off += price[i] * abs(draft.net[i])
            more = level - draft.x[best]
            draft.x[best] = level
            read += add_column(matrix, best, more, draft.net)
        if off <= enough:
            break
    return read


@compiled
def balance_resources(
    matrix: Csc,
    upper: Any,
    makers: Makers,
    draft: Draft,
    endowment: Any,
    worth: Any,
    excess: Any,
    sharpness: float,
) -> Any:
    """Change techniques so that no resource is overdrawn more than the others are.

    Good after good, output moves from the maker of least profit to that of most, at rents raised
    by `sharpness` times the share `excess` that a resource is overdrawn by, until the two are
    even. What a change of technique does to `excess` is seen at once, so that it stops in time.
    Only changes that make the excess better count.

    Parameters
    ----------
    profit : ndarray, shape (activities,)
        At the rents as they are.
    net : ndarray, shape (rows,)
        Kept up to date.
    worth : ndarray, shape (resources,)
        What all of each resource is worth.
    excess : ndarray, shape (resources,)
        Use over endowment, less the mean; kept up to date.

    Returns
    -------
    int
        Entries read.
    """
    read = np.int64(0)
    n_goods = makers.first.size - 1
    slope = np.where(endowment > 0.0, worth / endowment, 0.0)
    change = np.zeros(endowment.size)
    for i in range(n_goods):
        if makers.first[i + 1] - makers.first[i] < 2:
            continue
        best = worst = -1
        high, low, best_dear, worst_dear = -np.inf, np.inf, 0.0, 0.0
        for c in range(makers.first[i], makers.first[i + 1]):
            j = makers.activity[c]
            dear = 0.0
            read += entries(matrix, j)
            for k in range(matrix.indptr[j], matrix.indptr[j + 1]):
                if matrix.indices[k] >= n_goods:
                    r = np.int64(matrix.indices[k]) - n_goods
                    dear -= matrix.data[k] * slope[r] * excess[r]
            dear /= matrix.data[makers.at[j]]
            value = draft.profit[j] / matrix.data[makers.at[j]] - sharpness * dear
            if draft.x[j] < upper[j] and value > high:
                best, high, best_dear = j, value, dear
            if draft.x[j] > 0.0 and value < low:
                worst, low, worst_dear = j, value, dear
        if best < 0 or worst < 0 or high <= low or best_dear >= worst_dear:
            continue
        for j, sign in ((best, -1.0), (worst, 1.0)):
            for k in range(matrix.indptr[j], matrix.indptr[j + 1]):
                if matrix.indices[k] >= n_goods:
                    r = np.int64(matrix.indices[k]) - n_goods
                    change[r] += sign * matrix.data[k] / matrix.data[makers.at[j]]
        bend = 0.0
        for r in range(change.size):
            if slope[r] > 0.0:
                bend += slope[r] / endowment[r] * change[r] * change[r]
        move = min(
            draft.x[worst] * matrix.data[makers.at[worst]],
            (upper[best] - draft.x[best]) * matrix.data[makers.at[best]],
        )
        if bend > 0.0:
            move = min(move, (high - low) / (sharpness * bend), (worst_dear - best_dear) / bend)
        for r in range(change.size):
            if endowment[r] > 0.0:
                excess[r] += move * change[r] / endowment[r]
            change[r] = 0.0
        more, less = move / matrix.data[makers.at[best]], move / matrix.data[makers.at[worst]]
        draft.x[best] = min(draft.x[best] + more, upper[best])
        draft.x[worst] = max(draft.x[worst] - less, 0.0)
        read += entries(matrix, best) + add_column(matrix, best, more, draft.net)
        read += entries(matrix, worst) + add_column(matrix, worst, -less, draft.net)
    return read


@compiled
def cut_users(matrix: Csc, draft: Draft, room: Any, short: Any, users: Users) -> Any:
    """Cut all users of goods that stay short alike, and give them no room to grow again.

    What they made becomes short in turn, and its users can be turned to other techniques.

    Parameters
    ----------
    room : ndarray, shape (columns,)
        Upper limits; those of the users cut come down to their new levels.
    short : ndarray of int
        Goods; those that are no longer short are left alone.
    users : Users

    Returns
    -------
    int
        Entries read.
    """
    read = np.int64(0)
    for c in range(short.size):
        i = short[c]
        if draft.net[i] >= 0.0:
            continue
        used = 0.0
        for t in range(users.first[c], users.first[c + 1]):
            used += users.amount[t] * draft.x[users.activity[t]]
        if used <= 0.0:
            continue
        share = min(1.0, -draft.net[i] / used)
        for t in range(users.first[c], users.first[c + 1]):
            j = users.activity[t]
            less = share * draft.x[j]
            if less <= 0.0:
                continue
            draft.x[j] -= less
            room[j] = min(room[j], draft.x[j])
            read += add_column(matrix, j, -less, draft.net)
    return read


# -- repair of prices and plans ------------------------------------------------------------


def find_makers(process: Process, n_goods: int, n_activities: int) -> Makers:
    """Find the main product of every activity and the makers of every good."""
    main, at = main_products(process.csc, n_goods, n_activities)
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
    process.meter.work += lower_prices(
        process.csc, process.upper, makers, y, PRICE_SWEEPS, tolerance
    )
    return y


def repair_plan(
    process: Process,
    makers: Makers,
    prices: FloatArray,
    tolerance: float,
    *,
    upper: float | None = None,
    goal: float = 1.0,
    drafts: Drafts | None = None,
) -> FloatArray:
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
    """
    drafts = [] if drafts is None else drafts
    plan = _Repair(process, makers, prices, tolerance)
    plan.close_balances()
    if plan.within_reach(upper, FAR * goal):
        # Saving what nobody has room to make leaves other goods over.
        plan.close_balances()
    for _ in range(BALANCES):
        _, excess = plan.overdrawn()
        if excess.max(initial=0.0) <= 0.1 * goal or not plan.within_reach(upper, NEAR * goal):
            break
        plan.keep(drafts)
        plan.balance_resources(excess)
        plan.close_balances()
    plan.keep(drafts)
    x, n = plan.draft.x, plan.n
    if plan.short <= WORTH_MIXING * tolerance:
        fixed = bool(np.isfinite(process.upper[: makers.main.size]).any())
        x = mix_drafts(drafts, -process.cost, process.need[:n], fixed)
    return _within_endowments(process, x, n)


def warm_up(process: Process, makers: Makers) -> None:
    """Run every kernel of the repair once, so that it is compiled."""
    plan = _Repair(process, makers, np.zeros(process.need.size), 1e-9)
    plan.close_balances()
    plan.balance_resources(np.zeros(process.need.size - plan.n))
    short = np.zeros(1, dtype=np.int64)
    users = users_of(process, makers.main.size, short)
    substitute(process.csc, process.upper, makers, plan.draft, short, users)
    cut_users(process.csc, plan.draft, process.upper.copy(), short, users)


def users_of(process: Process, n_activities: int, goods: IntArray) -> Users:
    """List the activities that use each of some goods."""
    rows = sp.csr_array(process.matrix[goods, :n_activities])
    np.minimum(rows.data, 0.0, out=rows.data)
    rows.eliminate_zeros()
    process.meter.work += process.matrix.nnz
    return Users(rows.indptr.astype(np.int64), rows.indices.astype(np.int64), -rows.data)


class _Repair:
    """A plan under repair.

    Attributes
    ----------
    draft : Draft
        Columns, balances and profits, changed in place.
    short : float
        Largest shortage as a share of what flows.
    """

    def __init__(
        self, process: Process, makers: Makers, prices: FloatArray, tolerance: float
    ) -> None:
        self.process, self.makers, self.tolerance = process, makers, tolerance
        self.n = n = makers.first.size - 1
        self.prices, self.endowment = prices, -process.need[n:]
        self.worth = self.endowment * prices[n:]
        x = np.minimum(np.maximum(process.x, 0.0), process.upper)
        net, flow = balances(process.csc, x, process.need)
        process.meter.work += process.matrix.nnz
        self.draft = Draft(x, net, flow, process.profits(prices))
        self.short = np.inf

    # A shortage may be out of all proportion to what flows.
    @np.errstate(over="ignore")
    def close_balances(self) -> None:
        """Make less of what is left over and more of what is short; save what nobody can make.

        Users of a good that stays short turn to techniques that need less of it. Where they have
        none they are cut, and the same is tried with the users of what they made.
        """
        process, makers, draft = self.process, self.makers, self.draft
        csc, meter, room = process.csc, process.meter, process.upper
        worth = abs(float(np.sum(process.cost * draft.x)))
        meter.work += balance_goods(
            csc, room, makers, draft, self.prices[: self.n], BALANCE_SWEEPS, self.tolerance * worth
        )
        x, net, flow = draft.x, draft.net, np.maximum(draft.flow[: self.n], 1e-300)
        best = worst = np.inf
        for level in range(SUBSTITUTIONS + 1):
            meter.work += make_short(csc, room, makers, draft, SHORTAGE_SWEEPS, self.tolerance)
            able = np.zeros(self.n, dtype=bool)
            able[makers.main[makers.activity[x[makers.activity] < room[makers.activity]]]] = True
            short = -net[: self.n] / flow
            stuck = np.flatnonzero((short > self.tolerance) & ~able)
            worst = float(short.max(initial=0.0))
            if worst < best:
                best, kept = worst, (x.copy(), net.copy())
            if not stuck.size or level == SUBSTITUTIONS:
                break
            users = users_of(process, makers.main.size, stuck)
            meter.work += substitute(csc, room, makers, draft, stuck, users)
            if (net[stuck] < 0).any():
                if room is process.upper:
                    room = room.copy()
                meter.work += cut_users(csc, draft, room, stuck, users)
        if worst > best:
            x[:], net[:] = kept
        self.short = best

    def overdrawn(self) -> tuple[float, FloatArray]:
        """Mean of use over endowment, weighted by worth, and how far each resource is above it.

        Scaling the plan to the endowments costs the mean and the largest excess. The mean is what
        the plan loses in goods left over and in techniques; the excess is a matter of balance.
        """
        some, total = self.endowment > 0, float(self.worth.sum())
        use = 1.0 - self.draft.net[self.n :] / np.where(some, self.endowment, 1.0)
        if total <= 0:
            return 0.0, np.zeros(use.size)
        mean = float(self.worth @ np.where(some, use, 0.0)) / total
        return mean, np.where(some, use - mean, 0.0)

    def within_reach(self, upper: float | None, gap: float) -> bool:
        """Whether the plan would be within `gap` of the bound if resources were balanced."""
        value = -float(np.sum(self.process.cost * self.draft.x))
        return upper is None or value >= self.overdrawn()[0] * upper * (1 - gap)

    def balance_resources(self, excess: FloatArray) -> None:
        """Change techniques until no resource is overdrawn more than the others."""
        # One that is overdrawn counts even if its rent is 0 as yet.
        least = np.maximum(self.worth, LEAST_WORTH * self.worth.mean())
        worth = np.where(excess > 0, least, self.worth)
        self.process.meter.work += balance_resources(
            self.process.csc, self.process.upper, self.makers, self.draft, self.endowment, worth,
            excess, SHARPNESS,
        )  # fmt: skip

    def keep(self, drafts: Drafts) -> None:
        """Keep the plan to be mixed, unless some good is short: it stays short in a mixture."""
        if self.short <= WORTH_MIXING * self.tolerance:
            some = self.endowment > 0
            use = 1.0 - self.draft.net[self.n :][some] / self.endowment[some]
            drafts.append((self.draft.x.copy(), use))
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
