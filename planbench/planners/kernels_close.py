"""Kernels of the centre's model in ``two-level``: techniques close to the cheapest of their good.

Arrays are those of :mod:`planbench.planners.kernels`; a *row* is what a unit of a good
made by a technique uses of every endowment, directly and indirectly. What the centre's model
calls is shared among the threads of the :mod:`planbench.planners.team`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from planbench.planners.kernels import compiled
from planbench.planners.team import Team, current

#: Shares below this are left out of the spread of techniques.
LEAST = 1e-9


@compiled
def _count_close(
    first: Any, costs: Any, share: Any, y: Any, margin: float, begin: int, end: int
) -> tuple[int, int]:  # fmt: skip
    """Do :func:`count_close` for a part of the goods."""
    goods = 0
    techniques = 0
    for g in range(begin, end):
        if y[g] <= 0.0 or first[g + 1] - first[g] < 2:
            continue
        best = np.inf
        for t in range(first[g], first[g + 1]):
            best = min(best, costs[t])
        within = 0
        for t in range(first[g], first[g + 1]):
            if costs[t] <= best * (1.0 + margin) or share[t] > LEAST:
                within += 1
        if within > 1:
            goods += 1
            techniques += within
    return goods, techniques


@compiled
def _close_techniques(
    begin: int, end: int, first: Any, order: Any, aptr: Any, aind: Any, aval: Any,
    rptr: Any, rind: Any, rval: Any, per: Any, scale: Any, contents: Any,
    costs: Any, share: Any, y: Any, margin: float,
    which: Any, starts: Any, outputs: Any, where: Any, cost: Any, part: Any, rows: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Do :func:`close_techniques` for a part of the goods; rows are counted from its first."""
    k = contents.shape[1]
    goods = 0
    used = 0
    for g in range(begin, end):
        if y[g] <= 0.0 or first[g + 1] - first[g] < 2:
            continue
        best = np.inf
        for t in range(first[g], first[g + 1]):
            best = min(best, costs[t])
        within = 0
        for t in range(first[g], first[g + 1]):
            if costs[t] <= best * (1.0 + margin) or share[t] > LEAST:
                within += 1
        if within < 2:
            continue
        if used + within > rows.shape[0]:
            return goods, used, g
        which[goods] = g
        starts[goods] = used
        outputs[goods] = y[g]
        goods += 1
        for t in range(first[g], first[g + 1]):
            if costs[t] > best * (1.0 + margin) and share[t] <= LEAST:
                continue
            for i in range(k):
                rows[used, i] = np.float32(0.0)
            j = order[t]
            for q in range(rptr[j], rptr[j + 1]):
                rows[used, rind[q]] += np.float32(per[j] * rval[q] * scale[rind[q]])
            for q in range(aptr[j], aptr[j + 1]):
                v = np.float32(per[j] * aval[q])
                other = aind[q]
                for i in range(k):
                    rows[used, i] += v * contents[other, i]
            where[used] = t
            cost[used] = costs[t]
            part[used] = share[t]
            used += 1
    return goods, used, end


def count_close(
    first: Any, costs: Any, share: Any, y: Any, margin: float
) -> tuple[int, int]:  # fmt: skip
    """Count goods with more than one technique in use or within `margin`, and those."""
    counts = _counts(first, costs, share, y, margin, current(), costs.size)[1]
    return sum(goods for goods, _ in counts), sum(techniques for _, techniques in counts)


def _counts(
    first: Any, costs: Any, share: Any, y: Any, margin: float, threads: Team, work: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Cut the goods into parts for that much work, and count in each."""
    parts = threads.parts(first.size - 1, work)
    return parts, threads.each(
        lambda _, a, b: _count_close(first, costs, share, y, margin, a, b), parts
    )


def close_techniques(
    begin: int, first: Any, order: Any, aptr: Any, aind: Any, aval: Any,
    rptr: Any, rind: Any, rval: Any, per: Any, scale: Any, contents: Any,
    costs: Any, share: Any, y: Any, margin: float,
    which: Any, starts: Any, outputs: Any, where: Any, cost: Any, part: Any, rows: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Write what the techniques within `margin` of their good's cheapest use in all.

    From good `begin` on, until the room is used up: for every good counted by
    :func:`count_close` its number, first row and output; for each of its close techniques its
    place in the list, the cost, the share and the row E_j = (scale·R_j + L A_j)/B_j.

    Returns
    -------
    goods, techniques : int
        Written.
    begin : int
        First good not looked at.
    """
    n = first.size - 1
    given = first, order, aptr, aind, aval, rptr, rind, rval, per, scale, contents, costs, share, y
    into = which, starts, outputs, where, cost, part, rows
    threads = current()
    parts, counts = _counts(
        first, costs, share, y, margin, threads, (aind.size + costs.size) * contents.shape[1]
    )
    goods, techniques = (np.cumsum([0, *each]).tolist() for each in zip(*counts, strict=True))
    if len(parts) == 1 or begin > 0 or techniques[-1] > rows.shape[0]:
        found: tuple[int, int, int] = _close_techniques(begin, n, *given, margin, *into)
        return found

    def write(number: int, a: int, b: int) -> None:
        here = slice(goods[number], goods[number + 1])
        rows_here = slice(techniques[number], techniques[number + 1])
        _close_techniques(
            a, b, *given, margin, which[here], starts[here], outputs[here],
            where[rows_here], cost[rows_here], part[rows_here], rows[rows_here],
        )  # fmt: skip
        starts[here] += techniques[number]

    threads.each(write, parts)
    return goods[-1], techniques[-1], n


@compiled
def impose(first: Any, which: Any, starts: Any, where: Any, part: Any, share: Any) -> None:
    """Write the shares `part` of the goods `which` into `share`; their other techniques rest."""
    for z in range(which.size):
        g = which[z]
        for t in range(first[g], first[g + 1]):
            share[t] = 0.0
        for u in range(starts[z], starts[z + 1]):
            share[where[u]] = part[u]


@compiled
def spread_weights(starts: Any, amount: Any, d: Any, out: Any) -> None:
    """Write how much each technique adds to the spread of its good about the mean by d.

    Σ_j d_j (E_j − Ē)(E_j − Ē)' over m techniques is a sum of m − 1 products, one for each
    technique but the first: d_t D/(D + d_t) (E_t − M)(E_t − M)', where D and M are the sum and
    the mean so far (Welford 1962). The root of that factor times the good's output is written.
    """
    for z in range(starts.size - 1):
        so_far = d[starts[z]]
        out[starts[z]] = 0.0
        for t in range(starts[z] + 1, starts[z + 1]):
            now = so_far + d[t]
            out[t] = amount[t] * np.sqrt(d[t] * (so_far / now))
            so_far = now


@compiled
def spread(good: int, starts: Any, weight: Any, d: Any, rows: Any, out: Any) -> tuple[int, int]:
    """Write weight_t (E_t − M) for every weight_t > 0, M the mean by d of those before t.

    From `good` on, until `out` has no room for the next.

    Returns
    -------
    used, good : int
        Rows written, and the first good not looked at.
    """
    k = rows.shape[1]
    mean = np.empty(k)
    used = 0
    for z in range(good, starts.size - 1):
        begin, end = starts[z], starts[z + 1]
        if used + end - begin - 1 > out.shape[0]:
            return used, z
        if end == begin + 2:
            f = weight[begin + 1]
            if f > 0.0:
                for i in range(k):
                    out[used, i] = f * (rows[begin + 1, i] - rows[begin, i])
                used += 1
            continue
        last = begin
        for t in range(begin + 1, end):
            if weight[t] > 0.0:
                last = t
        if last == begin:
            continue
        so_far = d[begin]
        for i in range(k):
            mean[i] = rows[begin, i]
        for t in range(begin + 1, last + 1):
            so_far += d[t]
            share = d[t] / so_far
            f = weight[t]
            if f > 0.0:
                for i in range(k):
                    out[used, i] = f * (rows[t, i] - mean[i])
                used += 1
            for i in range(k):
                mean[i] += share * (rows[t, i] - mean[i])
    return used, starts.size - 1


@compiled
def _times(rows: Any, vector: Any, out: Any) -> None:
    """Do :func:`times` for a part of the rows."""
    k = rows.shape[1]
    for j in range(rows.shape[0]):
        total = 0.0
        for i in range(k):
            total += rows[j, i] * vector[i]
        out[j] = total


def times(rows: Any, vector: Any, out: Any) -> None:
    """Write rows · vector to `out`, in double precision."""
    threads = current()
    threads.each(
        lambda _, a, b: _times(rows[a:b], vector, out[a:b]),
        threads.parts(rows.shape[0], rows.size),
    )


@compiled
def _weighted_sum(rows: Any, amount: Any, out: Any) -> None:
    """Do :func:`weighted_sum` for a part of the rows."""
    k = rows.shape[1]
    for j in range(rows.shape[0]):
        f = amount[j]
        if f != 0.0:
            for i in range(k):
                out[i] += f * rows[j, i]


def weighted_sum(rows: Any, amount: Any, out: Any) -> None:
    """Add Σ_j amount_j rows_j to `out`, in double precision."""
    threads = current()
    parts = threads.parts(rows.shape[0], rows.size)
    if len(parts) == 1:
        _weighted_sum(rows, amount, out)
        return
    each = np.zeros((len(parts), out.size))
    threads.each(lambda k, a, b: _weighted_sum(rows[a:b], amount[a:b], each[k]), parts)
    out += each.sum(axis=0)
