"""Compiled kernels of ``general``: activities with by-products, sorted by main product.

A *technique* is an activity counted per net unit of its main product. Its column holds the net
use of every other good: inputs > 0, by-products < 0. Primary rows are resources and goods that
no technique mainly makes; they are kept apart. The price sweeps are Gauss–Seidel value
iteration, the output sweeps Gauss–Seidel on the goods balances.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from planbench.planners.kernels import compiled, fetch_row

#: How a good gets its price: from its cheapest technique; from the dearest technique needed, as
#: capacities bind; from the centre, at most its cost; only from the centre, having no technique.
FREE, CAPPED, CLEARED, PRIMARY = 0, 1, 2, 3
#: Place of by-products that nobody uses.
IGNORED = -2
#: Share of an output that rounding may leave unmade.
DUST = 1e-12
#: Smaller parts of the value of by-products do not limit disposal.
LEAST_PART = 0.1
#: Rows that are squared at a time.
BLOCK = 256


class Net(NamedTuple):
    """Techniques, good after good.

    Attributes
    ----------
    first : ndarray, shape (goods + 1,)
        Techniques of good g are ``first[g]:first[g + 1]``.
    ptr, good, amount : ndarray
        Net use of goods by technique (compressed rows), the main product left out. Goods are
        unsigned.
    rptr, row, use : ndarray
        Net use of primary rows by technique.
    limit : ndarray, shape (techniques,)
        Capacity in net units of the main product.
    """

    first: Any
    ptr: Any
    good: Any
    amount: Any
    rptr: Any
    row: Any
    use: Any
    limit: Any


class Supply(NamedTuple):
    """How the output of a good is shared among its techniques.

    Attributes
    ----------
    share : ndarray, shape (techniques,)
        Shares, where they are given.
    given : ndarray of bool, shape (goods,)
        Whether they are; otherwise the cheapest come first, up to their capacities.
    order : ndarray, shape (techniques,)
        Techniques of each good from the cheapest to the dearest.
    room : ndarray
        Workspace of as many entries as a good has techniques at most.
    """

    share: Any
    given: Any
    order: Any
    room: Any


class Pricing(NamedTuple):
    """How goods get their prices.

    Attributes
    ----------
    kinds : ndarray of int8, shape (goods,)
    y : ndarray, shape (goods,)
        Outputs, for the merit order where capacities bind.
    ceiling : ndarray, shape (goods,)
        Price given by the centre, for cleared goods.
    direct : ndarray, shape (techniques,)
        Cost of the primary rows.
    """

    kinds: Any
    y: Any
    ceiling: Any
    direct: Any


@compiled
def net_outputs(aptr: Any, aind: Any, aval: Any, bptr: Any, bind: Any, bval: Any, out: Any) -> None:
    """Write what each activity makes of each of its outputs, less its own use of it."""
    for j in range(bptr.size - 1):
        q = aptr[j]
        for t in range(bptr[j], bptr[j + 1]):
            while q < aptr[j + 1] and aind[q] < bind[t]:
                q += 1
            used = aval[q] if q < aptr[j + 1] and aind[q] == bind[t] else 0.0
            out[t] = bval[t] - used


@compiled
def choose_main_products(
    bptr: Any, bind: Any, merit: Any, maker_ptr: Any, maker: Any, entry: Any, counts: Any,
    bids: Any, main: Any,
) -> int:  # fmt: skip
    """Choose a main product for every activity, so that each good that can have makers has some.

    Each activity takes the product of greatest merit. A good that nobody took bids: it raises
    what it offers by the least loss among its makers, who choose anew (Bertsekas 1979). Goods
    that offer more than e^6 give up.

    Parameters
    ----------
    bptr, bind : ndarray
        Outputs by activity.
    merit : ndarray
        Log of what speaks for each output as main product; −∞ where it may not be that.
    maker_ptr, maker, entry : ndarray
        Makers of each good, and where among the outputs.
    counts : ndarray of bool, shape (activities,)
        Whether it counts as a maker: a good that only others make bids for one.
    bids : ndarray, shape (goods,)
        Workspace of zeros: what each good offers.
    main : ndarray, shape (activities,)
        Receives the good, or −1.

    Returns
    -------
    int
        Entries read.
    """
    n = bids.size
    count = np.zeros(n, np.int64)
    for j in range(main.size):
        best = -np.inf
        main[j] = -1
        for t in range(bptr[j], bptr[j + 1]):
            if merit[t] > best:
                best = merit[t]
                main[j] = bind[t]
        if main[j] >= 0 and counts[j]:
            count[main[j]] += 1
    stack = np.empty(n, np.int64)
    top = 0
    for g in range(n):
        if count[g] == 0 and maker_ptr[g + 1] > maker_ptr[g]:
            stack[top] = g
            top += 1
    work = 0
    while top > 0:
        top -= 1
        g = stack[top]
        if count[g] > 0:
            continue
        least = np.inf
        for t in range(maker_ptr[g], maker_ptr[g + 1]):
            if merit[entry[t]] == -np.inf:
                continue
            j = maker[t]
            best = -np.inf
            for s in range(bptr[j], bptr[j + 1]):
                best = max(best, merit[s] + bids[bind[s]])
            work += bptr[j + 1] - bptr[j]
            least = min(least, best - merit[entry[t]] - bids[g])
        if not least + bids[g] <= 6.0:
            continue
        # A little more, so that equals of the maker come along.
        bids[g] += max(least, 0.0) + 0.1
        for t in range(maker_ptr[g], maker_ptr[g + 1]):
            if merit[entry[t]] == -np.inf:
                continue
            j = maker[t]
            best = -np.inf
            at = -1
            for s in range(bptr[j], bptr[j + 1]):
                value = merit[s] + bids[bind[s]]
                if value > best:
                    best = value
                    at = bind[s]
            old = main[j]
            if at != old:
                main[j] = at
                if not counts[j]:
                    continue
                count[at] += 1
                count[old] -= 1
                if count[old] == 0:
                    stack[top] = old
                    top += 1
    return work


@compiled
def drop_grounded(main: Any, starts: Any, by: Any, count: Any, circling: Any) -> None:
    """Drop goods until every maker of those that are left carries one of them.

    Parameters
    ----------
    main : ndarray, shape (activities,)
        Main product of each.
    starts, by : ndarray
        Activities that carry good g are ``by[starts[g]:starts[g + 1]]``.
    count : ndarray, shape (activities,)
        Goods that each carries; changed.
    circling : ndarray of bool, shape (goods,)
        Goods all makers of which carry some; receives those that are left.
    """
    stack = np.empty(circling.size, np.int64)
    top = 0
    for g in range(circling.size):
        if not circling[g]:
            stack[top] = g
            top += 1
    while top > 0:
        top -= 1
        g = stack[top]
        for t in range(starts[g], starts[g + 1]):
            j = by[t]
            count[j] -= 1
            if count[j] == 0 and circling[main[j]]:
                circling[main[j]] = False
                stack[top] = main[j]
                top += 1


@compiled
def count_net(
    order: Any, main: Any, place: Any, aptr: Any, aind: Any, aval: Any, bptr: Any, bind: Any,
    bval: Any, ptr: Any, extra: Any, good: Any, amount: Any, use_row: Any, use: Any, unit: Any,
    write: bool,
) -> None:  # fmt: skip
    """Count or write the net columns of techniques: goods apart from primary goods.

    Parameters
    ----------
    order : ndarray
        Activity of each technique.
    main : ndarray
        Main product of each technique.
    place : ndarray, shape (goods,)
        Primary row of each good, −1 if none, IGNORED if it is of no use.
    ptr, extra : ndarray
        Where the entries of each technique begin; written when counting.
    good, amount, use_row, use, unit : ndarray
        Receive the columns and the net output of the main product.
    """
    at = 0
    there = 0
    for s in range(order.size):
        j = order[s]
        a = aptr[j]
        b = bptr[j]
        if write:
            per = unit[s]
            at = ptr[s]
            there = extra[s]
        else:
            per = 1.0
        while a < aptr[j + 1] or b < bptr[j + 1]:
            left = aind[a] if a < aptr[j + 1] else 2147483647
            right = bind[b] if b < bptr[j + 1] else 2147483647
            value = 0.0
            i = min(left, right)
            if left == i:
                value += aval[a]
                a += 1
            if right == i:
                value -= bval[b]
                b += 1
            if i == main[s]:
                unit[s] = -value
                continue
            if value == 0.0 or place[i] == IGNORED:
                continue
            if place[i] >= 0:
                if write:
                    use_row[there] = place[i]
                    use[there] = value / per
                there += 1
            else:
                if write:
                    good[at] = i
                    amount[at] = value / per
                at += 1
        if not write:
            ptr[s + 1] = at
            extra[s + 1] = there


@compiled
def direct_costs(net: Net, pi: Any, out: Any) -> None:
    """Write what the primary rows of a unit cost at prices `pi`."""
    for j in range(out.size):
        total = 0.0
        for t in range(net.rptr[j], net.rptr[j + 1]):
            total += net.use[t] * pi[net.row[t]]
        out[j] = total


@compiled
def add_costs(net: Net, p: Any, out: Any) -> int:
    """Add what the goods of a unit cost at prices `p`; entries read."""
    for j in range(out.size):
        total = 0.0
        for t in range(net.ptr[j], net.ptr[j + 1]):
            total += net.amount[t] * p[net.good[t]]
        out[j] += total
    return int(net.good.size)


@compiled
def sweep_prices(
    net: Net, pricing: Pricing, only_lower: bool, costs: Any, p: Any
) -> tuple[float, int]:
    """Sweep once over prices; largest relative change, and the entries read."""
    work: Any = 0
    change = 0.0
    for g in range(p.size):
        lo = net.first[g]
        hi = net.first[g + 1]
        if lo == hi:
            continue
        best = np.inf
        for j in range(lo, hi):
            cost = pricing.direct[j]
            for t in range(net.ptr[j], net.ptr[j + 1]):
                cost += net.amount[t] * p[net.good[t]]
            costs[j] = cost
            best = min(best, cost)
        work += net.ptr[hi] - net.ptr[lo]
        kind = pricing.kinds[g]
        if kind == CLEARED:
            best = pricing.ceiling[g]
            for j in range(lo, hi):
                if net.limit[j] == np.inf:
                    best = min(best, costs[j])
        elif kind == CAPPED:
            left = pricing.y[g]
            last = -np.inf
            while True:
                dearer = np.inf
                at = -1
                for j in range(lo, hi):
                    if last < costs[j] < dearer:
                        dearer = costs[j]
                        at = j
                if at < 0:
                    break
                last = dearer
                for j in range(lo, hi):
                    if costs[j] == last:
                        left -= net.limit[j]
                if left <= DUST * pricing.y[g]:
                    break
            best = last
        if only_lower:
            best = min(best, p[g])
        best = max(best, 0.0)
        size = max(best, p[g])
        if size > 0.0:
            change = max(change, abs(best - p[g]) / size)
        p[g] = best
    return change, work


@compiled
def sort_by_cost(first: Any, costs: Any, order: Any) -> None:
    """Sort the techniques of each good from the cheapest to the dearest."""
    for g in range(first.size - 1):
        lo = first[g]
        for s in range(lo, first[g + 1]):
            at = s
            while at > lo and costs[order[at - 1]] > costs[s]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = s


@compiled
def _divide(net: Net, supply: Supply, g: int, output: float) -> None:
    """Divide the output of a good among its techniques, into ``supply.room``."""
    lo = net.first[g]
    hi = net.first[g + 1]
    left = output
    for j in range(lo, hi):
        supply.room[j - lo] = 0.0
    if supply.given[g]:
        for s in range(lo, hi):
            j = supply.order[s]
            part = max(min(supply.share[j] * output, net.limit[j], left), 0.0)
            supply.room[j - lo] = part
            left -= part
        if left <= 1e-15 * output:
            return
    for s in range(lo, hi):
        j = supply.order[s]
        more = min(left, net.limit[j] - supply.room[j - lo])
        if more > 0.0:
            supply.room[j - lo] += more
            left -= more


@compiled
def drop_costly(net: Net, p: Any, price: Any, shares: Any) -> None:
    """Set shares to 0 of techniques without by-products one input of which alone costs too much.

    Goods would otherwise be carried, or stored and taken out again, in a circle.
    """
    for j in range(shares.size):
        if shares[j] > 0.0:
            most = 0.0
            for t in range(net.ptr[j], net.ptr[j + 1]):
                if net.amount[t] < 0.0:
                    most = 0.0
                    break
                most = max(most, net.amount[t] * p[net.good[t]])
            if most > price[j]:
                shares[j] = 0.0


@compiled
def set_levels(net: Net, supply: Supply, y: Any, x: Any) -> None:
    """Write the levels of all techniques at outputs `y`."""
    for g in range(y.size):
        lo = net.first[g]
        if net.first[g + 1] > lo:
            _divide(net, supply, g, y[g])
            for j in range(lo, net.first[g + 1]):
                x[j] = supply.room[j - lo]


@compiled
def add_needs(net: Net, x: Any, need: Any) -> int:
    """Add to `need` the net use of goods at levels `x`; entries read."""
    for j in range(x.size):
        if x[j] != 0.0:
            for t in range(net.ptr[j], net.ptr[j + 1]):
                need[net.good[t]] += net.amount[t] * x[j]
    return int(net.good.size)


@compiled
def sweep_outputs(net: Net, supply: Supply, floor: Any, need: Any, y: Any, x: Any) -> int:
    """Make what is needed, or `floor` if that is more, good after good; the entries read."""
    work: Any = 0
    for g in range(y.size):
        lo = net.first[g]
        hi = net.first[g + 1]
        output = max(need[g], floor[g])
        if lo == hi or output == y[g]:
            continue
        y[g] = output
        _divide(net, supply, g, output)
        for j in range(lo, hi):
            step = supply.room[j - lo] - x[j]
            if step == 0.0:
                continue
            x[j] = supply.room[j - lo]
            for t in range(net.ptr[j], net.ptr[j + 1]):
                need[net.good[t]] += net.amount[t] * step
            work += net.ptr[j + 1] - net.ptr[j]
    return int(work)


@compiled
def find_shortages(
    made: Any, need: Any, floor: Any, y: Any, p: Any, spare: Any, few: float, short: Any
) -> tuple[float, float, bool]:
    """Write what outputs lack, less than nothing where there is too much of a good.

    Returns
    -------
    lacks, value : float
        Value of what is short or left over, and of the outputs.
    covered : bool
        Whether no good lacks more than half of its spare, or the share `few` of its output.
    """
    lacks = 0.0
    value = 0.0
    covered = True
    for g in range(y.size):
        value += p[g] * y[g]
        short[g] = max(need[g], floor[g]) - y[g] if made[g] else 0.0
        lacks += p[g] * abs(short[g])
        if not short[g] <= max(0.5 * spare[g], few * y[g]) + 1e-300:
            covered = False
    return lacks, value, covered


@compiled
def row_use(net: Net, x: Any, used: Any, flow: Any) -> None:
    """Add what levels `x` use of the primary rows, net and in absolute amounts."""
    for j in range(x.size):
        if x[j] != 0.0:
            for t in range(net.rptr[j], net.rptr[j + 1]):
                value = net.use[t] * x[j]
                used[net.row[t]] += value
                flow[net.row[t]] += abs(value)


@compiled
def gross_use(net: Net, x: Any, place: Any, out: Any) -> None:
    """Add what levels `x` use of the goods with a `place` ≥ 0, by-products not deducted."""
    for j in range(x.size):
        if x[j] != 0.0:
            for t in range(net.ptr[j], net.ptr[j + 1]):
                at = place[net.good[t]]
                if at >= 0 and net.amount[t] > 0.0:
                    out[at] += net.amount[t] * x[j]


@compiled
def marginal_techniques(net: Net, supply: Supply, x: Any, weight: Any) -> None:
    """Write by which techniques a further unit of each good is made."""
    for g in range(net.first.size - 1):
        lo = net.first[g]
        hi = net.first[g + 1]
        if lo == hi:
            continue
        total = 0.0
        for j in range(lo, hi):
            weight[j] = 0.0
            if supply.given[g] and x[j] < net.limit[j] * (1.0 - 1e-9):
                weight[j] = supply.share[j]
                total += weight[j]
        if total > 1e-9:
            for j in range(lo, hi):
                weight[j] /= total
            continue
        last = supply.order[hi - 1]
        for s in range(lo, hi):
            j = supply.order[s]
            weight[j] = 0.0
            if x[j] < net.limit[j] * (1.0 - DUST):
                last = j
                break
        for j in range(lo, hi):
            weight[j] = 0.0
        weight[last] = 1.0


@compiled
def marginal_places(net: Net, order: Any, y: Any, out: Any) -> None:
    """Write at which place in the merit order output `y` of each good ends."""
    for g in range(y.size):
        left = y[g]
        out[g] = 0
        for s in range(net.first[g], net.first[g + 1]):
            left -= net.limit[order[s]]
            out[g] = s - net.first[g]
            if left <= DUST * y[g]:
                break


@compiled
def sweep_requirements(
    net: Net, weight: Any, kinds: Any, y: Any, requirements: Any, change: Any
) -> int:
    """Sweep once over the total requirements of rows, through marginal techniques.

    Parameters
    ----------
    weight : ndarray, shape (techniques,)
        Shares of techniques at the margin.
    kinds, y : ndarray, shape (goods,)
        Kinds and outputs of the goods.
    requirements : ndarray, shape (goods, columns)
        Changed in place. There may be more columns than primary rows: cleared goods.
    change : ndarray, shape (columns,)
        Receives by how much the requirements of outputs change.

    Returns
    -------
    int
        Entries read.
    """
    n, k = requirements.shape
    row = np.empty(k)
    change[:] = 0.0
    work: Any = 0
    for g in range(n):
        lo = net.first[g]
        hi = net.first[g + 1]
        if lo == hi or kinds[g] == CLEARED:
            continue
        for i in range(k):
            row[i] = 0.0
        for j in range(lo, hi):
            share = weight[j]
            if share == 0.0:
                continue
            for t in range(net.rptr[j], net.rptr[j + 1]):
                row[net.row[t]] += share * net.use[t]
            for t in range(net.ptr[j], net.ptr[j + 1]):
                amount = share * net.amount[t]
                other = net.good[t]
                for i in range(k):
                    row[i] += amount * requirements[other, i]
            work += net.ptr[j + 1] - net.ptr[j]
        for i in range(k):
            change[i] += y[g] * abs(row[i] - requirements[g, i])
            requirements[g, i] = row[i]
    return int(work * k)


@compiled
def technique_rows(net: Net, which: Any, less: Any, requirements: Any, out: Any) -> int:
    """Write what a unit by each technique of `which` requires of the rows in all.

    `less` is the technique whose requirements are deducted, −1 for none.
    """
    k = requirements.shape[1]
    row = np.empty(k)
    work: Any = 0
    for s in range(which.size):
        if s + 1 < which.size:
            for t in range(net.ptr[which[s + 1]], net.ptr[which[s + 1] + 1]):
                fetch_row(requirements, net.good[t])
        for i in range(k):
            row[i] = 0.0
        if which[s] != less[s]:
            for sign, j in ((1.0, which[s]), (-1.0, less[s])):
                if j < 0:
                    continue
                for t in range(net.rptr[j], net.rptr[j + 1]):
                    row[net.row[t]] += sign * net.use[t]
                for t in range(net.ptr[j], net.ptr[j + 1]):
                    amount = sign * net.amount[t]
                    for i in range(k):
                        row[i] += amount * requirements[net.good[t], i]
                work += net.ptr[j + 1] - net.ptr[j]
        for i in range(k):
            out[s, i] = row[i]
    return int(work * k)


@compiled
def use_beyond(net: Net, which: Any, less: Any) -> tuple[Any, Any, Any]:
    """Net use of goods by each technique of `which`, less that by another; −1 deducts nothing.

    Compressed rows, without what is the same of both.
    """
    most: Any = 0
    for s in range(which.size):
        if which[s] != less[s]:
            most += net.ptr[which[s] + 1] - net.ptr[which[s]]
            if less[s] >= 0:
                most += net.ptr[less[s] + 1] - net.ptr[less[s]]
    ptr = np.zeros(which.size + 1, np.int64)
    good = np.empty(most, np.int32)
    amount = np.empty(most, np.float32)
    at = 0
    for s in range(which.size):
        if which[s] != less[s]:
            a = net.ptr[which[s]]
            end = net.ptr[which[s] + 1]
            b = net.ptr[less[s]] if less[s] >= 0 else 0
            stop = net.ptr[less[s] + 1] if less[s] >= 0 else 0
            while a < end or b < stop:
                left = net.good[a] if a < end else 2147483647
                right = net.good[b] if b < stop else 2147483647
                value = 0.0
                if left <= right:
                    value += net.amount[a]
                    a += 1
                if right <= left:
                    value -= net.amount[b]
                    b += 1
                if value != 0.0:
                    good[at] = min(left, right)
                    amount[at] = value
                    at += 1
        ptr[s + 1] = at
    return ptr, good[:at], amount[:at]


@compiled
def disposal_room(net: Net, weight: Any, kinds: Any, p: Any, y: Any, goods: Any, out: Any) -> None:
    """Write how much more of each of `goods` can be made before by-products replace all output.

    Beyond that, a by-product of weight in its value is in surplus, and no longer worth its price.
    """
    for s in range(goods.size):
        g = goods[s]
        worth = 0.0
        for j in range(net.first[g], net.first[g + 1]):
            for t in range(net.ptr[j], net.ptr[j + 1]):
                worth -= weight[j] * min(net.amount[t], 0.0) * p[net.good[t]]
        room = np.inf
        for j in range(net.first[g], net.first[g + 1]):
            for t in range(net.ptr[j], net.ptr[j + 1]):
                h = net.good[t]
                made = -weight[j] * net.amount[t]
                if made * p[h] > LEAST_PART * worth and kinds[h] != CLEARED:
                    room = min(room, y[h] / made)
        out[s] = room


@compiled
def join_rows(
    rptr: Any, rind: Any, rval: Any, unit: Any, extra: Any, row: Any, use: Any
) -> tuple[Any, Any, Any]:
    """Join use of resources and of primary goods, by technique and per unit; −1 drops a row."""
    m = unit.size
    ptr = np.zeros(m + 1, np.int64)
    rows = np.empty(rind.size + row.size, np.int32)
    uses = np.empty(rows.size)
    at = 0
    for s in range(m):
        for t in range(rptr[s], rptr[s + 1]):
            if rind[t] >= 0:
                rows[at] = rind[t]
                uses[at] = rval[t] / unit[s]
                at += 1
        for t in range(extra[s], extra[s + 1]):
            rows[at] = row[t]
            uses[at] = use[t]
            at += 1
        ptr[s + 1] = at
    return ptr, rows[:at].copy(), uses[:at].copy()


@compiled
def add_up_rows(rows: Any, amount: Any) -> Any:
    """Σ_j amount_j rows_j, in double precision."""
    count, k = rows.shape
    out = np.zeros(k)
    for j in range(count):
        if amount[j] != 0.0:
            for i in range(k):
                out[i] += amount[j] * rows[j, i]
    return out


@compiled
def _add_block(block: Any, out: Any) -> None:
    k = block.shape[1]
    if k > 0 and block.shape[0] > 0:
        square = np.dot(block.T, block)
        for i in range(k):
            for q in range(i + 1):
                out[i, q] += square[i, q]


@compiled
def add_by_good(starts: Any, values: Any) -> Any:
    """Sum of the values of the columns of each good."""
    out = np.empty(starts.size - 1)
    for g in range(out.size):
        total = 0.0
        for j in range(starts[g], starts[g + 1]):
            total += values[j]
        out[g] = total
    return out


@compiled
def spread_by_good(starts: Any, values: Any, columns: int) -> Any:
    """Value of each column's good; 0 for columns of none."""
    out = np.zeros(columns)
    for g in range(values.size):
        for j in range(starts[g], starts[g + 1]):
            out[j] = values[g]
    return out


@compiled
def column_weights(s: Any, v: Any, rho: Any, limited: Any, over: Any, room: Any) -> Any:
    """Reciprocals of the columns' entries on the diagonal of the interior-point system."""
    out = np.empty(s.size)
    for j in range(s.size):
        out[j] = v[j] / s[j] + rho[j]
    for i in range(limited.size):
        out[limited[i]] += over[i] / room[i]
    for j in range(s.size):
        out[j] = 1.0 / out[j]
    return out


@compiled
def cost_residuals(
    starts: Any,
    q: Any,
    lam: Any,
    v: Any,
    rho: Any,
    s: Any,
    share: Any,
    limited: Any,
    over: Any,
    out: Any,
) -> float:
    """Make of the worth of the columns' rows, in `out`, what their costs lack; return its value."""
    for j in range(s.size):
        out[j] += q[j] - v[j] + rho[j] * (s[j] - share[j])
    for g in range(lam.size):
        for j in range(starts[g], starts[g + 1]):
            out[j] -= lam[g]
    for i in range(limited.size):
        out[limited[i]] += over[i]
    total = 0.0
    for j in range(s.size):
        total += abs(out[j]) * s[j]
    return total


@compiled
def eliminate(starts: Any, theta: Any, total: Any, lack: Any, h: Any) -> Any:
    """Multiply `h` by the weights; return changes of goods' prices that make good what they lack.

    Also the columns at these prices. Both are as if the prices of the rows did not change.
    """
    each = np.empty(total.size)
    amount = np.empty(h.size)
    for j in range(h.size):
        h[j] *= theta[j]
        amount[j] = h[j]
    for g in range(total.size):
        left = lack[g]
        for j in range(starts[g], starts[g + 1]):
            left -= h[j]
        each[g] = left / total[g]
        for j in range(starts[g], starts[g + 1]):
            amount[j] += theta[j] * each[g]
    return each, amount


@compiled
def substitute(
    starts: Any, theta: Any, total: Any, zeta: float, shift: Any, each: Any, h: Any
) -> None:
    """Add to prices of goods and columns what follows from a change of ζ and `shift` of costs."""
    for j in range(h.size):
        h[j] -= theta[j] * shift[j]
    for g in range(total.size):
        more = zeta
        for j in range(starts[g], starts[g + 1]):
            more += theta[j] * shift[j]
        each[g] += more / total[g]
        for j in range(starts[g], starts[g + 1]):
            h[j] += theta[j] * each[g]


@compiled
def longest_step(x: Any, dx: Any, most: float) -> float:
    """Longest step, at most `most`, at which no x + step dx is negative."""
    step = most
    for j in range(x.size):
        if x[j] + step * dx[j] < 0.0:
            step = -x[j] / dx[j]
    return step


@compiled
def multiply_differences(lines: Any, starts: Any, vector: Any) -> Any:
    """Product of rows with `vector`; those of the first column of each good are 0, not stored."""
    k = lines.shape[1]
    out = np.zeros(starts[-1])
    for g in range(starts.size - 1):
        for j in range(starts[g] + 1, starts[g + 1]):
            total = 0.0
            for i in range(k):
                total += lines[j - g - 1, i] * vector[i]
            out[j] = total
    return out


@compiled
def add_up_differences(lines: Any, starts: Any, amount: Any) -> Any:
    """Σ_j amount_j row_j of such rows."""
    k = lines.shape[1]
    out = np.zeros(k)
    for g in range(starts.size - 1):
        for j in range(starts[g] + 1, starts[g + 1]):
            for i in range(k):
                out[i] += amount[j] * lines[j - g - 1, i]
    return out


@compiled
def weigh_differences(starts: Any, theta: Any) -> Any:
    """Weights of the squares that add up to the spread of rows about the mean of their good.

    Σ_j θ_j (F_j − F̄)(F_j − F̄)' over the m columns of a good is a sum of m − 1 squares, one for
    each but the first: θ_t D/(D + θ_t) (F_t − M)(F_t − M)', where D and M are the sum of θ and
    the mean so far (Welford 1962).
    """
    out = np.zeros(starts[-1])
    for g in range(starts.size - 1):
        so_far = theta[starts[g]]
        for j in range(starts[g] + 1, starts[g + 1]):
            now = so_far + theta[j]
            out[j] = theta[j] * (so_far / now)
            so_far = now
    return out


@compiled
def spread_differences(
    lines: Any, starts: Any, theta: Any, weight: Any, least: float, good: int, out: Any
) -> tuple[int, int]:
    """Write the lines that :func:`weigh_differences` weighs, times the roots of their weights.

    Parameters
    ----------
    theta, weight : ndarray, shape (columns,)
    least : float
        Lines of no more weight are left out.
    good : int
        Good to begin with.
    out : ndarray, shape (lines, rows)

    Returns
    -------
    used, good : int
        Lines written, and the first good for which there was no room.
    """
    k = lines.shape[1]
    mean = np.zeros(k)
    used = 0
    for g in range(good, starts.size - 1):
        lo = starts[g]
        hi = starts[g + 1]
        if used + hi - lo - 1 > out.shape[0]:
            return used, g
        so_far = theta[lo]
        for j in range(lo + 1, hi):
            now = so_far + theta[j]
            if weight[j] > least:
                root = np.sqrt(weight[j])
                row = j - g - 1
                if j == lo + 1:
                    for i in range(k):
                        out[used, i] = root * lines[row, i]
                else:
                    for i in range(k):
                        out[used, i] = root * (lines[row, i] - mean[i])
                used += 1
            if hi > lo + 2:
                part = theta[j] / now
                for i in range(k):
                    before = mean[i] if j > lo + 1 else 0.0
                    mean[i] = before + part * (lines[j - g - 1, i] - before)
            so_far = now
    return used, starts.size - 1


@compiled
def add_products(ptr: Any, index: Any, value: Any, v: Any, out: Any) -> None:
    """Add the products of compressed rows with `v` to `out`; `ptr` and `index` are unsigned."""
    one, two = np.uint64(1), np.uint64(2)
    for j in range(out.size):
        a = 0.0
        b = 0.0
        t = ptr[j]
        end = ptr[j + 1]
        while t + one < end:
            a += value[t] * v[index[t]]
            b += value[t + one] * v[index[t + one]]
            t += two
        if t < end:
            a += value[t] * v[index[t]]
        out[j] += a + b


@compiled
def add_sums(ptr: Any, index: Any, value: Any, amount: Any, out: Any) -> None:
    """Add Σ_j amount_j times compressed row j to `out`; `ptr` and `index` are unsigned."""
    one = np.uint64(1)
    for j in range(amount.size):
        u = amount[j]
        if u == 0.0:
            continue
        t = ptr[j]
        while t < ptr[j + 1]:
            out[index[t]] += value[t] * u
            t += one


@compiled
def scale_rows(ptr: Any, index: Any, value: Any, amount: Any, per: Any) -> None:
    """Multiply compressed rows by the amount of each, and columns by the `per` of each."""
    one = np.uint64(1)
    for j in range(amount.size):
        t = ptr[j]
        while t < ptr[j + 1]:
            value[t] *= amount[j] * per[index[t]]
            t += one


@compiled
def scale_system(system: Any, border: Any, lift: Any, scale: Any, out: Any) -> None:
    """Write the lower triangle of `system` + `border` ⊗ `lift`, rows and columns scaled."""
    for i in range(scale.size):
        for j in range(i + 1):
            out[i, j] = scale[i] * (system[i, j] + border[i] * lift[j]) * scale[j]


@compiled
def add_spread(
    dense: Any, ptr: Any, index: Any, value: Any, theta: Any, starts: Any, total: Any, out: Any
) -> None:
    """Add to `out` the weighted spread of rows about the mean of their good.

    Only the lower triangle of `out` is complete. Goods of fewer than three columns are left to
    :func:`add_squares`.

    Parameters
    ----------
    dense : ndarray, shape (columns, dense rows)
    ptr, index, value : ndarray
        The other entries of each column, compressed; unsigned integers.
    theta : ndarray, shape (columns,)
        Weights.
    starts : ndarray, shape (goods + 1,)
        Where each good's columns begin.
    total : ndarray, shape (goods,)
        Sum of the weights of each good.
    out : ndarray, shape (rows, rows)
        Dense rows first.
    """
    k = dense.shape[1]
    rows = out.shape[0]
    block = np.empty((BLOCK, k))
    held = 0
    apart = np.empty(k)
    mean = np.zeros(rows)
    touched = np.empty(rows, np.int64)
    for g in range(total.size):
        lo = starts[g]
        hi = starts[g + 1]
        if hi - lo < 3:
            continue
        per = 1.0 / total[g]
        for i in range(k):
            mean[i] = 0.0
        for j in range(lo, hi):
            part = theta[j] * per
            for i in range(k):
                mean[i] += part * dense[j, i]
        count = 0
        for j in range(lo, hi):
            weight = theta[j]
            root = np.sqrt(weight)
            for i in range(k):
                apart[i] = dense[j, i] - mean[i]
                block[held, i] = root * apart[i]
            held += 1
            if held == BLOCK:
                _add_block(block, out)
                held = 0
            for s in range(np.int64(ptr[j]), np.int64(ptr[j + 1])):
                i = k + np.int64(index[s])
                part = weight * value[s]
                if part == 0.0:
                    continue
                for q in range(k):
                    out[i, q] += part * apart[q]
                for t in range(np.int64(ptr[j]), s + 1):
                    q = k + np.int64(index[t])
                    out[max(i, q), min(i, q)] += part * value[t]
                if mean[i] == 0.0:
                    touched[count] = i
                    count += 1
                mean[i] += part
                if mean[i] == 0.0:
                    mean[i] = 1e-300
        for a in range(count):
            i = touched[a]
            part = mean[i] * per
            for b in range(a + 1):
                q = touched[b]
                out[max(i, q), min(i, q)] -= part * mean[q]
        for a in range(count):
            mean[touched[a]] = 0.0
    _add_block(block[:held], out)


@compiled
def spread_product(
    dense: Any,
    ptr: Any,
    index: Any,
    value: Any,
    theta: Any,
    starts: Any,
    total: Any,
    v: Any,
    out: Any,
) -> None:
    """Add to `out` the product of `v` with what :func:`add_spread` adds; parameters as there."""
    k = dense.shape[1]
    one = np.uint64(1)
    rest, add = v[k:], out[k:]
    most = 0
    for g in range(total.size):
        most = max(most, starts[g + 1] - starts[g])
    use = np.empty(most)
    for g in range(total.size):
        lo = starts[g]
        hi = starts[g + 1]
        if hi - lo < 3:
            continue
        mean = 0.0
        for j in range(lo, hi):
            a = 0.0
            for i in range(k):
                a += dense[j, i] * v[i]
            t = ptr[j]
            while t < ptr[j + 1]:
                a += value[t] * rest[index[t]]
                t += one
            use[j - lo] = theta[j] * a
            mean += use[j - lo]
        mean /= total[g]
        for j in range(lo, hi):
            u = use[j - lo] - theta[j] * mean
            for i in range(k):
                out[i] += dense[j, i] * u
            t = ptr[j]
            while t < ptr[j + 1]:
                add[index[t]] += value[t] * u
                t += one


@compiled
def square_product(
    dense: Any, ptr: Any, index: Any, value: Any, which: Any, weight: Any, v: Any, out: Any
) -> None:
    """Add to `out` the product of `v` with what :func:`add_squares` adds; parameters as there."""
    k = dense.shape[1]
    one, two = np.uint64(1), np.uint64(2)
    rest, add = v[k:], out[k:]
    for s in range(which.size):
        j = which[s]
        a = 0.0
        b = 0.0
        for i in range(k):
            a += dense[j, i] * v[i]
        t = ptr[j]
        end = ptr[j + one]
        while t + one < end:
            a += value[t] * rest[index[t]]
            b += value[t + one] * rest[index[t + one]]
            t += two
        if t < end:
            b += value[t] * rest[index[t]]
        u = weight[s] * (a + b)
        for i in range(k):
            out[i] += dense[j, i] * u
        t = ptr[j]
        while t < end:
            add[index[t]] += value[t] * u
            t += one


@compiled
def sum_squares(
    dense: Any, ptr: Any, index: Any, value: Any, which: Any, weight: Any, out: Any
) -> None:
    """Add the diagonal of what :func:`add_squares` adds; parameters as there."""
    k = dense.shape[1]
    one = np.uint64(1)
    add = out[k:]
    for s in range(which.size):
        j = which[s]
        u = weight[s]
        for i in range(k):
            out[i] += u * dense[j, i] ** 2
        t = ptr[j]
        while t < ptr[j + one]:
            add[index[t]] += u * (value[t] * value[t])
            t += one


@compiled
def add_squares(
    dense: Any, ptr: Any, index: Any, value: Any, which: Any, weight: Any, least: Any, out: Any
) -> None:
    """Add to the lower triangle of `out` the weighted squares of the rows of some columns.

    Parameters
    ----------
    dense : ndarray, shape (columns, dense rows)
    ptr, index, value : ndarray
        The other entries of each column, compressed; unsigned integers.
    which : ndarray of uint64
        The columns.
    weight : ndarray
        Their weights.
    least : ndarray, shape (rows,)
        Of an entry whose weighted square is at most that of its row, only the square is added.
        What is added stays positive semidefinite.
    out : ndarray, shape (rows, rows)
        Dense rows first.
    """
    m = which.size
    k = dense.shape[1]
    block = np.empty((BLOCK, k))
    rows = out.shape[0] - k
    place = np.zeros(rows + 1, np.int64)
    most = 0
    for lo in range(0, m, BLOCK):
        here: Any = 0
        for s in range(lo, min(lo + BLOCK, m)):
            here += np.int64(ptr[which[s] + np.uint64(1)]) - np.int64(ptr[which[s]])
        most = max(most, here)
    # Entries of a block that are not small: by column, in the order of rows, and by column again.
    row = np.empty(most, np.int64)
    root = np.empty(most)
    column = np.empty(most, np.int64)
    entry = np.empty(most, np.int64)
    begin = np.empty(BLOCK, np.int64)
    end = np.empty(BLOCK, np.int64)
    row_of = np.empty(most, np.int64)
    root_of = np.empty(most)
    for lo in range(0, m, BLOCK):
        hi = min(lo + BLOCK, m)
        place[:] = 0
        held = 0
        for s in range(lo, hi):
            j = which[s]
            size = np.sqrt(weight[s])
            for i in range(k):
                block[s - lo, i] = size * dense[j, i]
            begin[s - lo] = end[s - lo] = held
            for t in range(np.int64(ptr[j]), np.int64(ptr[j + np.uint64(1)])):
                at: Any = np.int64(index[t])
                part = size * value[t]
                if part * part > least[k + at]:
                    row[held] = at
                    root[held] = part
                    column[held] = s - lo
                    place[at + 1] += 1
                    held += 1
                else:
                    out[k + at, k + at] += part * part
        _add_block(block[: hi - lo], out)
        # Row after row of `out`, which is then read from the nearest cache.
        for i in range(1, place.size):
            place[i] += place[i - 1]
        for t in range(held):
            entry[place[row[t]]] = t
            place[row[t]] += 1
        for u in range(held):
            t = entry[u]
            j = column[t]
            i = k + row[t]
            part = root[t]
            last = end[j]
            row_of[last] = i
            root_of[last] = part
            end[j] = last + 1
            for q in range(k):
                out[i, q] += part * block[j, q]
            for s in range(begin[j], last + 1):
                out[i, row_of[s]] += part * root_of[s]
