"""Kernels of the planners that know techniques: sweeps over goods, compiled by numba.

Prices are swept over the economy's own arrays (columns of A and R by activity), quantities over
a list of what the techniques in use need; ``order`` lists the usable activities good after
good, those of good g at ``first[g]:first[g + 1]``, and ``per`` is 1 over what an activity makes
of its good. Indices are best read as unsigned
(:func:`planbench.planners.state.unsigned`): a negative one would count from the end,
and testing for that costs half of a sweep.

The price sweeps are Gauss–Seidel value iteration for p = min over techniques of
(wR + pA)/B (Gale 1960, ch. 9; Bellman 1957). The quantity sweeps make what is still short of
a good with the techniques in use (Gauss–Seidel on (I − A_s) y = d in residual form). Most
kernels take the part of the goods to look at, ``begin:end``, so that threads can share them
(:mod:`planbench.planners.team`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit

from planbench.planners.team import current

_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """Compile with sums reordered where that is faster; infinities keep their meaning."""
    made: _F = njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "arcp", "nsz"})(
        function
    )
    return made


#: Techniques whose weight exp(−excess/τ) would be below exp(−CUT) are not used at all.
CUT = 20.0


@compiled
def direct_costs(rptr: Any, rind: Any, rval: Any, w: Any, out: Any, begin: int, end: int) -> None:
    """Write wR_j for every activity j to `out`."""
    for j in range(begin, end):
        total = 0.0
        for q in range(rptr[j], rptr[j + 1]):
            total += rval[q] * w[rind[q]]
        out[j] = total


@compiled
def sweep_near(
    first: Any, order: Any, aptr: Any, aind: Any, aval: Any, per: Any, direct: Any,
    weight: Any, per_p0: Any, near: Any, p: Any, begin: int, end: int,
) -> tuple[float, float, int]:  # fmt: skip
    """Sweep once: p_g ← least of (wR_j + pA_j)/B_j over its techniques marked in `near`.

    Returns
    -------
    drop : float
        max over goods of (old p − new p)/p0. As a sweep sees old prices of later goods, no
        new price exceeds its cost by more than drop · (p0 A_j)/B_j.
    flow : float
        Σ weight |new p − old p|.
    work : int
        Non-zeros of A read.
    """
    drop = 0.0
    flow = 0.0
    work: Any = 0
    for g in range(begin, end):
        best = np.inf
        for t in range(first[g], first[g + 1]):
            if near[t]:
                j = order[t]
                lo = aptr[j]
                hi = aptr[j + 1]
                cost = direct[j]
                for q in range(lo, hi):
                    cost += aval[q] * p[aind[q]]
                best = min(best, cost * per[j])
                work += np.int64(hi - lo)
        if best < np.inf:
            fall = p[g] - best
            p[g] = best
            flow += weight[g] * abs(fall)
            drop = max(drop, fall * per_p0[g])
    return drop, flow, work


@compiled
def sweep_all(
    first: Any, order: Any, aptr: Any, aind: Any, aval: Any, per: Any, direct: Any,
    weight: Any, per_p0: Any, near: Any, margin: float, costs: Any, p: Any, begin: int, end: int,
) -> tuple[float, float, float, int]:  # fmt: skip
    """Sweep once over all techniques: as :func:`sweep_near`, costs and marks written.

    `costs` receives (wR_j + pA_j)/B_j in the order of `order`; `near` marks those within
    `margin` of the cheapest of their good.

    Returns
    -------
    drop, flow : float
    missed : float
        Σ weight times what the cheapest technique costs less than the cheapest one that was
        marked: how wrong the marks were.
    work : int
    """
    drop = 0.0
    flow = 0.0
    missed = 0.0
    work: Any = 0
    for g in range(begin, end):
        best = np.inf
        marked = np.inf
        for t in range(first[g], first[g + 1]):
            j = order[t]
            lo = aptr[j]
            hi = aptr[j + 1]
            cost = direct[j]
            for q in range(lo, hi):
                cost += aval[q] * p[aind[q]]
            cost *= per[j]
            costs[t] = cost
            best = min(best, cost)
            if near[t]:
                marked = min(marked, cost)
            work += np.int64(hi - lo)
        if best < np.inf:
            limit = best * (1.0 + margin)
            for t in range(first[g], first[g + 1]):
                near[t] = costs[t] <= limit
            fall = p[g] - best
            p[g] = best
            flow += weight[g] * abs(fall)
            drop = max(drop, fall * per_p0[g])
            if marked > best:
                missed += weight[g] * (marked - best)
    return drop, flow, missed, work


@compiled
def _shares_of(first: Any, costs: Any, tau: float, share: Any, begin: int, end: int) -> None:
    """Do :func:`shares_of` for a part of the goods."""
    for g in range(begin, end):
        best = np.inf
        at = -1
        for t in range(first[g], first[g + 1]):
            if costs[t] < best:
                best = costs[t]
                at = t
        if at < 0:
            continue
        total = 0.0
        width = tau * best
        for t in range(first[g], first[g + 1]):
            excess = costs[t] - best
            if t == at:
                share[t] = 1.0
            elif excess < CUT * width:
                share[t] = np.exp(-excess / width)
            else:
                share[t] = 0.0
            total += share[t]
        if total > 1.0:
            for t in range(first[g], first[g + 1]):
                share[t] /= total


@compiled
def count_chosen(
    first: Any, order: Any, aptr: Any, share: Any, start: Any, begin: int, end: int
) -> Any:
    """Write where the inputs of each good end when the techniques in use are listed.

    Returns
    -------
    int
        Inputs of goods ``begin:end``; those of `begin` are taken to start at 0.
    """
    total: Any = 0
    for g in range(begin, end):
        for t in range(first[g], first[g + 1]):
            if share[t] > 0.0:
                j = order[t]
                total += np.int64(aptr[j + 1] - aptr[j])
        start[g + 1] = total
    return total


@compiled
def list_chosen(
    first: Any, order: Any, aptr: Any, aind: Any, aval: Any, per: Any, share: Any,
    which: Any, amount: Any, begin: int, end: int, offset: int,
) -> None:  # fmt: skip
    """List the inputs of a unit of each good by the techniques in use: A_s, good after good.

    From `offset` on.
    """
    at = np.uint64(offset)
    for g in range(begin, end):
        for t in range(first[g], first[g + 1]):
            s = share[t]
            if s > 0.0:
                j = order[t]
                f = s * per[j]
                lo = np.uint64(aptr[j])
                count = np.uint64(aptr[j + 1]) - lo
                for q in range(count):
                    which[at + q] = aind[lo + q]
                for q in range(count):
                    amount[at + q] = f * aval[lo + q]
                at += count


@compiled
def shortage(start: Any, which: Any, amount: Any, y: Any, short: Any, begin: int, end: int) -> Any:
    """Add to `short` what outputs ``begin:end`` of `y` lack: A_s y − y; non-zeros read."""
    work: Any = 0
    for g in range(begin, end):
        level = y[g]
        if level == 0.0:
            continue
        short[g] -= level
        lo = start[g]
        hi = start[g + 1]
        for q in range(lo, hi):
            short[which[q]] += amount[q] * level
        work += np.int64(hi - lo)
    return work


@compiled
def sweep_quantities(able: Any, start: Any, which: Any, amount: Any, y: Any, short: Any) -> Any:
    """Make what is short, good after good, what that uses added to `short`; y stays ≥ 0.

    Goods that nothing makes (not `able`) stay short.
    """
    work: Any = 0
    n = y.size
    for h in range(n):
        g = n - 1 - h
        level = max(short[g], -y[g])
        if level == 0.0 or not able[g]:
            continue
        short[g] -= level
        y[g] += level
        lo = start[g]
        hi = start[g + 1]
        for q in range(lo, hi):
            short[which[q]] += amount[q] * level
        work += np.int64(hi - lo)
    return work


@compiled
def resource_needs(
    first: Any, order: Any, rptr: Any, rind: Any, rval: Any, per: Any, share: Any,
    y: Any, out: Any, begin: int, end: int,
) -> None:  # fmt: skip
    """Add R x to `out`, with x_j = y_g share_j / B_j."""
    for g in range(begin, end):
        amount = y[g]
        if amount > 0.0:
            for t in range(first[g], first[g + 1]):
                s = share[t]
                if s > 0.0:
                    j = order[t]
                    level = amount * s * per[j]
                    for q in range(rptr[j], rptr[j + 1]):
                        out[rind[q]] += rval[q] * level


def shares_of(first: Any, costs: Any, tau: float, share: Any) -> None:
    """Share of each technique in its good's output: exp(−(cost/least − 1)/τ), summing to 1.

    With τ = 0 the cheapest (the first of equals) has it all.
    """
    threads = current()
    threads.each(
        lambda _, begin, end: _shares_of(first, costs, tau, share, begin, end),
        threads.parts(first.size - 1, costs.size),
    )


@compiled
def near_part(
    first: Any, order: Any, aptr: Any, aind: Any, aval: Any, per: Any, direct: Any,
    weight: Any, per_p0: Any, near: Any, p: Any, mine: Any,
    seen: int, new: int, begin: int, end: int,
) -> tuple[float, float, int]:  # fmt: skip
    """Do :func:`sweep_near` for a part of the goods while other threads do theirs.

    Prices ``seen:new`` of `p` are copied to `mine` first; they must be nobody's part. Prices
    ``begin:end`` are swept in `mine`, and then copied to `p`.
    """
    for g in range(seen, new):
        mine[g] = p[g]
    found = sweep_near(
        first, order, aptr, aind, aval, per, direct, weight, per_p0, near, mine, begin, end
    )
    for g in range(begin, end):
        p[g] = mine[g]
    return found


@compiled
def all_part(
    first: Any, order: Any, aptr: Any, aind: Any, aval: Any, per: Any, direct: Any,
    weight: Any, per_p0: Any, near: Any, margin: float, costs: Any, p: Any, mine: Any,
    seen: int, new: int, begin: int, end: int,
) -> tuple[float, float, float, int]:  # fmt: skip
    """Do :func:`sweep_all` as :func:`near_part` does :func:`sweep_near`."""
    for g in range(seen, new):
        mine[g] = p[g]
    found = sweep_all(
        first, order, aptr, aind, aval, per, direct, weight, per_p0, near, margin, costs, mine,
        begin, end,
    )  # fmt: skip
    for g in range(begin, end):
        p[g] = mine[g]
    return found


@compiled
def quantities_part(
    able: Any, start: Any, which: Any, amount: Any, y: Any, short: Any, mine: Any,
    begin: int, end: int,
) -> Any:  # fmt: skip
    """Do :func:`sweep_quantities` for a part of the goods while other threads do theirs.

    What making these goods uses is added to `mine`, not to `short`.
    """
    work: Any = 0
    for h in range(end - begin):
        g = end - 1 - h
        have = short[g] + mine[g]
        mine[g] = 0.0
        level = max(have, -y[g])
        if level == 0.0 or not able[g]:
            short[g] = have
            continue
        short[g] = have - level
        y[g] += level
        lo = start[g]
        hi = start[g + 1]
        for q in range(lo, hi):
            mine[which[q]] += amount[q] * level
        work += np.int64(hi - lo)
    return work


@compiled
def gather_short(each: Any, short: Any, begin: int, end: int) -> None:
    """Move what every thread found short of goods ``begin:end`` to `short`, in their order."""
    for k in range(each.shape[0]):
        for g in range(begin, end):
            short[g] += each[k, g]
            each[k, g] = 0.0
