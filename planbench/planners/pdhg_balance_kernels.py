"""Compiled kernels that balance a mended plan: goods one by one, then resources by techniques.

They work on the matrix of the process, in its units, as those of ``pdhg_mend_kernels`` do, and
nothing they give is trusted either.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from planbench.planners.pdhg_kernels import compiled


@compiled
def settle_goods(
    indptr: Any,
    indices: Any,
    data: Any,
    upper: Any,
    makers: Any,
    first: Any,
    profit: Any,
    at: Any,
    x: Any,
    net: Any,
    price: Any,
    sweeps: int,
    enough: float,
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
            if net[i] == 0.0 or (net[i] > 0.0 and price[i] <= 0.0):
                continue
            best = -1
            if net[i] < 0.0:
                for k in range(first[i], first[i + 1]):
                    j = makers[k]
                    if x[j] < upper[j] and (
                        best < 0 or profit[j] * data[at[best]] > profit[best] * data[at[j]]
                    ):
                        best = j
            else:
                for k in range(first[i], first[i + 1]):
                    j = makers[k]
                    if x[j] > 0.0 and (
                        best < 0 or profit[j] * data[at[best]] < profit[best] * data[at[j]]
                    ):
                        best = j
            if best < 0:
                continue
            level = min(max(x[best] - net[i] / data[at[best]], 0.0), upper[best])
            if net[i] > 0.0:
                # What it makes besides must be left over too where nobody else makes it.
                for k in range(indptr[best], indptr[best + 1]):
                    r = np.int64(indices[k])
                    if r < n_goods and data[k] > 0.0 and first[r] == first[r + 1]:
                        level = max(level, x[best] - max(net[r], 0.0) / data[k])
            off += price[i] * abs(net[i])
            more = level - x[best]
            x[best] = level
            read += np.int64(indptr[best + 1] - indptr[best])
            for k in range(indptr[best], indptr[best + 1]):
                net[indices[k]] += data[k] * more
        if off <= enough:
            break
    return read


@compiled
def balance_resources(
    indptr: Any,
    indices: Any,
    data: Any,
    upper: Any,
    makers: Any,
    first: Any,
    profit: Any,
    at: Any,
    x: Any,
    net: Any,
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
    n_goods = first.size - 1
    slope = np.where(endowment > 0.0, worth / endowment, 0.0)
    change = np.zeros(endowment.size)
    for i in range(n_goods):
        if first[i + 1] - first[i] < 2:
            continue
        best = worst = -1
        high, low, best_dear, worst_dear = -np.inf, np.inf, 0.0, 0.0
        for c in range(first[i], first[i + 1]):
            j = makers[c]
            dear = 0.0
            read += np.int64(indptr[j + 1] - indptr[j])
            for k in range(indptr[j], indptr[j + 1]):
                if indices[k] >= n_goods:
                    r = np.int64(indices[k]) - n_goods
                    dear -= data[k] * slope[r] * excess[r]
            dear /= data[at[j]]
            value = profit[j] / data[at[j]] - sharpness * dear
            if x[j] < upper[j] and value > high:
                best, high, best_dear = j, value, dear
            if x[j] > 0.0 and value < low:
                worst, low, worst_dear = j, value, dear
        if best < 0 or worst < 0 or high <= low or best_dear >= worst_dear:
            continue
        for k in range(indptr[best], indptr[best + 1]):
            if indices[k] >= n_goods:
                change[np.int64(indices[k]) - n_goods] -= data[k] / data[at[best]]
        for k in range(indptr[worst], indptr[worst + 1]):
            if indices[k] >= n_goods:
                change[np.int64(indices[k]) - n_goods] += data[k] / data[at[worst]]
        bend = 0.0
        for r in range(change.size):
            if slope[r] > 0.0:
                bend += slope[r] / endowment[r] * change[r] * change[r]
        move = min(x[worst] * data[at[worst]], (upper[best] - x[best]) * data[at[best]])
        if bend > 0.0:
            move = min(move, (high - low) / (sharpness * bend), (worst_dear - best_dear) / bend)
        for r in range(change.size):
            if endowment[r] > 0.0:
                excess[r] += move * change[r] / endowment[r]
            change[r] = 0.0
        more, less = move / data[at[best]], move / data[at[worst]]
        x[best] = min(x[best] + more, upper[best])
        x[worst] = max(x[worst] - less, 0.0)
        read += 2 * np.int64(indptr[best + 1] - indptr[best])
        read += 2 * np.int64(indptr[worst + 1] - indptr[worst])
        for k in range(indptr[best], indptr[best + 1]):
            net[indices[k]] += data[k] * more
        for k in range(indptr[worst], indptr[worst + 1]):
            net[indices[k]] -= data[k] * less
    return read


@compiled
def cut_users(
    indptr: Any,
    indices: Any,
    data: Any,
    x: Any,
    net: Any,
    room: Any,
    short: Any,
    user_first: Any,
    users: Any,
) -> Any:
    """Cut all users of goods that stay short alike, and give them no room to grow again.

    What they made becomes short in turn, and its users can be turned to other techniques.

    Parameters
    ----------
    room : ndarray, shape (columns,)
        Upper limits; those of the users cut come down to their new levels.
    short : ndarray of int
        Goods; those that are no longer short are left alone.
    user_first, users : ndarray of int
        Users of each, from ``users_of``.

    Returns
    -------
    int
        Entries read.
    """
    read = np.int64(0)
    for c in range(short.size):
        i = short[c]
        if net[i] >= 0.0:
            continue
        used = 0.0
        for t in range(user_first[c], user_first[c + 1]):
            j = users[t]
            read += np.int64(indptr[j + 1] - indptr[j])
            for k in range(indptr[j], indptr[j + 1]):
                if indices[k] == i:
                    used -= data[k] * x[j]
        if used <= 0.0:
            continue
        share = min(1.0, -net[i] / used)
        for t in range(user_first[c], user_first[c + 1]):
            j = users[t]
            less = share * x[j]
            if less <= 0.0:
                continue
            x[j] -= less
            room[j] = min(room[j], x[j])
            read += np.int64(indptr[j + 1] - indptr[j])
            for k in range(indptr[j], indptr[j + 1]):
                net[indices[k]] -= data[k] * less
    return read
