"""Compiled kernels of the restricted master problem in ``two-level``.

A *column* is a technique within a margin of the cheapest of its good; its row is the share of
every endowment that a unit of the good made by it uses, directly and indirectly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from planbench.planners.kernels import Arrays, compiled

#: Techniques with less than this share of their good's output do not count as used.
LEAST = 1e-9


class Columns(NamedTuple):
    """Columns of the restricted master problem, good after good.

    Attributes
    ----------
    good : ndarray of int64, shape (goods,)
        Number of the good; one more than there are for the choice of target.
    starts : ndarray of int64, shape (goods + 1,)
        Where each good's columns begin.
    outputs : ndarray, shape (goods,)
        Output of the good per unit of the plan.
    technique : ndarray of int64, shape (columns,)
        Place in the list of techniques.
    cost : ndarray, shape (columns,)
        Cost of a unit of the good at the present rents.
    share : ndarray, shape (columns,)
        In the good's output.
    rows : ndarray of float32, shape (columns, resources)
        E_j, share of each endowment that a unit of the good uses in all.
    """

    good: Any
    starts: Any
    outputs: Any
    technique: Any
    cost: Any
    share: Any
    rows: Any


@compiled
def columns_of(
    first: Any, costs: Any, share: Any, y: Any, g: int, margin: float
) -> tuple[float, int]:
    """Largest cost of the columns of good g that are not in use, and the number of its columns.

    Columns are techniques in use or within `margin` of the cheapest. A good that is not made or
    has no choice has none.
    """
    if y[g] <= 0.0 or first[g + 1] - first[g] < 2:
        return 0.0, 0
    best = np.inf
    for t in range(first[g], first[g + 1]):
        best = min(best, costs[t])
    limit = best * (1.0 + margin)
    within = 0
    for t in range(first[g], first[g + 1]):
        if costs[t] <= limit or share[t] > LEAST:
            within += 1
    return limit, within if within > 1 else 0


@compiled
def count_columns(first: Any, costs: Any, share: Any, y: Any, margin: float) -> tuple[int, int]:
    """Count goods with more than one technique in use or within `margin`, and those techniques."""
    goods = 0
    techniques = 0
    for g in range(first.size - 1):
        within = columns_of(first, costs, share, y, g, margin)[1]
        goods += within > 0
        techniques += within
    return goods, techniques


@compiled
def write_columns(
    a: Arrays, scale: Any, requirements: Any, costs: Any, share: Any, y: Any, margin: float,
    columns: Columns,
) -> None:  # fmt: skip
    """Write the columns counted by :func:`count_columns`, E_j = (scale·R_j + L A_j)/B_j.

    `columns` has room for them; ``starts`` receives where each good's begin, but not the end of
    the last.
    """
    k = requirements.shape[1]
    rows = columns.rows
    goods = 0
    used = 0
    for g in range(a.first.size - 1):
        limit, within = columns_of(a.first, costs, share, y, g, margin)
        if within == 0:
            continue
        columns.good[goods] = g
        columns.starts[goods] = used
        columns.outputs[goods] = y[g]
        goods += 1
        for t in range(a.first[g], a.first[g + 1]):
            if costs[t] > limit and share[t] <= LEAST:
                continue
            for i in range(k):
                rows[used, i] = np.float32(0.0)
            j = a.order[t]
            for q in range(a.rptr[j], a.rptr[j + 1]):
                rows[used, a.rind[q]] += np.float32(a.per[j] * a.rval[q] * scale[a.rind[q]])
            for q in range(a.aptr[j], a.aptr[j + 1]):
                v = np.float32(a.per[j] * a.aval[q])
                other = a.aind[q]
                for i in range(k):
                    rows[used, i] += v * requirements[other, i]
            columns.technique[used] = t
            columns.cost[used] = costs[t]
            columns.share[used] = share[t]
            used += 1


@compiled
def impose_shares(first: Any, columns: Columns, part: Any, share: Any) -> None:
    """Write the shares `part` of the columns into `share`; others of their goods get 0."""
    for z in range(columns.good.size):
        g = columns.good[z]
        if g >= first.size - 1:
            break  # the choice of target
        for t in range(first[g], first[g + 1]):
            share[t] = 0.0
        for u in range(columns.starts[z], columns.starts[z + 1]):
            share[columns.technique[u]] = part[u]


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
        Rows written, and the first good that is left.
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
def multiply_rows(rows: Any, vector: Any) -> Any:
    """Product of `rows` with `vector`, in double precision."""
    count, k = rows.shape
    out = np.empty(count)
    for j in range(count):
        total = 0.0
        for i in range(k):
            total += rows[j, i] * vector[i]
        out[j] = total
    return out


@compiled
def weighted_sum(rows: Any, amount: Any) -> Any:
    """Σ_j amount_j rows_j, in double precision."""
    count, k = rows.shape
    out = np.zeros(k)
    for j in range(count):
        f = amount[j]
        if f != 0.0:
            for i in range(k):
                out[i] += f * rows[j, i]
    return out
