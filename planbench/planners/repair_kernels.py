"""Compiled kernels of the feasibility repair: plans and prices of price adjustment, good by good.

They work on the matrix of the process, in its units: goods rows first, then resources;
activities first, then targets. Nothing they give is trusted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from planbench.planners.pdhg_kernels import Csc, compiled, fused


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
