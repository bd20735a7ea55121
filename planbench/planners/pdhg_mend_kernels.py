"""Compiled kernels that mend a plan and prices good by good, before they are certified.

They work on the matrix of the process, in its units: goods rows first, then resources;
activities first, then targets. Nothing they give is trusted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from planbench.planners.pdhg_kernels import compiled, fused


@compiled
def main_products(indptr: Any, indices: Any, data: Any, n_goods: int, m: int) -> Any:
    """Row of the largest output of each activity, −1 where it makes nothing on balance."""
    main = np.full(m, -1, dtype=np.int64)
    at = np.full(m, -1, dtype=np.int64)
    for j in range(m):
        best = 0.0
        for k in range(indptr[j], indptr[j + 1]):
            if indices[k] < n_goods and data[k] > best:
                best = data[k]
                main[j] = indices[k]
                at[j] = k
    return main, at


@fused
def lower_prices(
    indptr: Any,
    indices: Any,
    data: Any,
    upper: Any,
    main: Any,
    at: Any,
    y: Any,
    sweeps: int,
    tolerance: float,
) -> Any:
    """Lower the price of each activity's main product until it makes no profit.

    Only activities without a capacity count, as the others may keep theirs. Returns the entries
    read.
    """
    read = np.int64(0)
    for sweep in range(sweeps):
        worst = 0.0
        # Forwards and backwards in turn, as inputs point both ways.
        for c in range(main.size):
            j = c if sweep % 2 == 0 else main.size - 1 - c
            if main[j] < 0 or upper[j] != np.inf:
                continue
            gain = 0.0
            read += np.int64(indptr[j + 1] - indptr[j])
            for k in range(indptr[j], indptr[j + 1]):
                gain += data[k] * y[indices[k]]
            if gain > 0.0:
                i = main[j]
                worst = max(worst, gain / (data[at[j]] * y[i]) if y[i] > 0.0 else 1.0)
                y[i] = max(0.0, y[i] - gain / data[at[j]])
        if worst <= tolerance:
            break
    return read


@compiled
def balances(indptr: Any, indices: Any, data: Any, x: Any, need: Any) -> Any:
    """K x − b, and half of what flows through each row."""
    net = -need
    flow = np.abs(need)
    for j in range(x.size):
        v = x[j]
        if v != 0.0:
            for k in range(indptr[j], indptr[j + 1]):
                net[indices[k]] += data[k] * v
                flow[indices[k]] += abs(data[k]) * v
    return net, 0.5 * flow


@compiled
def make_short(
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
    flow: Any,
    n_goods: int,
    sweeps: int,
    tolerance: float,
) -> Any:
    """Make what is short with the activity of least loss that has room.

    Ends when all that was still made up in a sweep is within `tolerance` of what flows; goods
    that nobody has room to make stay short. Returns the entries read.
    """
    read = np.int64(0)
    for _ in range(sweeps):
        worst = 0.0
        for i in range(n_goods):
            if net[i] >= 0.0:
                continue
            short, made = -net[i], False
            while net[i] < 0.0:
                best = -1
                for c in range(first[i], first[i + 1]):
                    j = makers[c]
                    if x[j] < upper[j] and (
                        best < 0 or profit[j] * data[at[best]] > profit[best] * data[at[j]]
                    ):
                        best = j
                if best < 0:
                    break
                more = min(-net[i] / data[at[best]], upper[best] - x[best])
                full = more == upper[best] - x[best]
                made = True
                x[best] = upper[best] if full else x[best] + more
                read += np.int64(indptr[best + 1] - indptr[best])
                for k in range(indptr[best], indptr[best + 1]):
                    net[indices[k]] += data[k] * more
                if not full:
                    net[i] = max(net[i], 0.0)
            if made:
                worst = max(worst, short / flow[i] if flow[i] > 0.0 else np.inf)
        if worst <= tolerance:
            break
    return read


@compiled
def users_of(indptr: Any, indices: Any, data: Any, m: int, slot: Any, count: int) -> Any:
    """List the activities that use each of some goods; `slot[i]` numbers them, −1 for others."""
    first = np.zeros(count + 1, dtype=np.int64)
    for j in range(m):
        for k in range(indptr[j], indptr[j + 1]):
            if slot[indices[k]] >= 0 and data[k] < 0.0:
                first[slot[indices[k]] + 1] += 1
    for c in range(count):
        first[c + 1] += first[c]
    fill = first[:-1].copy()
    users = np.empty(first[count], dtype=np.int64)
    for j in range(m):
        for k in range(indptr[j], indptr[j + 1]):
            c = slot[indices[k]]
            if c >= 0 and data[k] < 0.0:
                users[fill[c]] = j
                fill[c] += 1
    return first, users


@compiled
def entry(indptr: Any, indices: Any, data: Any, i: int, j: int) -> float:
    """Entry (i, j) of the matrix."""
    for k in range(indptr[j], indptr[j + 1]):
        if indices[k] == i:
            return float(data[k])
    return 0.0


@compiled
def substitute(
    indptr: Any,
    indices: Any,
    data: Any,
    upper: Any,
    main: Any,
    at: Any,
    makers: Any,
    first: Any,
    profit: Any,
    x: Any,
    net: Any,
    short: Any,
    user_first: Any,
    users: Any,
) -> Any:
    """Save goods nobody has room to make: their users turn to techniques that need less.

    Of all changes of technique the one that costs least profit per unit saved comes first.
    Returns the entries read, of a column searched for one entry all.
    """
    read = np.int64(0)
    for c in range(short.size):
        i = short[c]
        if net[i] >= 0.0:
            continue
        span = user_first[c + 1] - user_first[c]
        price = np.full(span, np.inf)
        other = np.full(span, -1, dtype=np.int64)
        for t in range(span):
            j = users[user_first[c] + t]
            g = main[j]
            if g < 0 or x[j] <= 0.0:
                continue
            uses = -entry(indptr, indices, data, i, j) / data[at[j]]
            read += np.int64(indptr[j + 1] - indptr[j])
            for q in range(first[g], first[g + 1]):
                k = makers[q]
                if k == j or x[k] >= upper[k]:
                    continue
                saves = uses + entry(indptr, indices, data, i, k) / data[at[k]]
                read += np.int64(indptr[k + 1] - indptr[k])
                if saves <= 0.0:
                    continue
                cost = (profit[j] / data[at[j]] - profit[k] / data[at[k]]) / saves
                if cost < price[t]:
                    price[t] = cost
                    other[t] = k
        for t in np.argsort(price):
            k = other[t]
            if net[i] >= 0.0 or k < 0:
                break
            j = users[user_first[c] + t]
            ratio = data[at[j]] / data[at[k]]
            read += 2 * np.int64(indptr[j + 1] - indptr[j] + indptr[k + 1] - indptr[k])
            saves = entry(indptr, indices, data, i, k) * ratio - entry(indptr, indices, data, i, j)
            move = min(x[j], -net[i] / saves, (upper[k] - x[k]) / ratio)
            if move <= 0.0:
                continue
            x[j] -= move
            x[k] = min(x[k] + move * ratio, upper[k])
            for e in range(indptr[j], indptr[j + 1]):
                net[indices[e]] -= data[e] * move
            for e in range(indptr[k], indptr[k + 1]):
                net[indices[e]] += data[e] * move * ratio
    return read
