"""Kernels of the table of resource contents in ``two-level``.

Arrays are those of :mod:`planbench.planners.kernels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from planbench.planners.kernels import compiled


@compiled
def sweep_contents(
    first: Any, order: Any, rptr: Any, rind: Any, rval: Any, per: Any, share: Any, scale: Any,
    start: Any, which: Any, amount: Any, forward: bool, contents: Any, row: Any,
) -> tuple[float, int]:  # fmt: skip
    """Sweep once over L_g = Σ_j share_j scale·R_j/B_j + L A_s, resources in a unit of g.

    Returns
    -------
    change : float
        Mean over goods of (largest change of the row)/(largest entry of the row).
    work : int
        Non-zeros of A read, each once for every resource.
    """
    n, k = contents.shape
    change = 0.0
    work: Any = 0
    for h in range(n):
        g = h if forward else n - 1 - h
        if first[g] == first[g + 1]:
            continue
        for i in range(k):
            row[i] = np.float32(0.0)
        for t in range(first[g], first[g + 1]):
            s = share[t]
            if s > 0.0:
                j = order[t]
                f = s * per[j]
                for q in range(rptr[j], rptr[j + 1]):
                    row[rind[q]] += np.float32(f * rval[q] * scale[rind[q]])
        lo = start[g]
        hi = start[g + 1]
        for q in range(lo, hi):
            v = np.float32(amount[q])
            other = which[q]
            for i in range(k):
                row[i] += v * contents[other, i]
        work += np.int64(hi - lo)
        diff = np.float32(0.0)
        size = np.float32(0.0)
        for i in range(k):
            diff = max(diff, abs(row[i] - contents[g, i]))
            size = max(size, row[i])
            contents[g, i] = row[i]
        if size > np.float32(0.0):
            change += float(diff / size)
    return change / n, work


@compiled
def contents_part(
    first: Any, order: Any, rptr: Any, rind: Any, rval: Any, per: Any, share: Any, scale: Any,
    start: Any, which: Any, amount: Any, forward: bool, contents: Any, row: Any,
    change: Any, size: Any, begin: int, end: int, since: int, until: int, into: Any,
) -> Any:  # fmt: skip
    """Do :func:`sweep_contents` for a part of the table while other threads do theirs.

    Only columns ``begin:end`` of L are read and written; no column depends on another. Of the
    goods only ``since:until`` are swept, and their new rows written to `into`, whose first row
    is that of `since`; where all goods are swept, that is L itself.

    Returns
    -------
    int
        Non-zeros of A read, each once for every resource. `change` and `size` receive, for
        each good that is made, the largest change and the largest entry of those columns.
    """
    # Indices are unsigned all along: a test whether one is negative would stop loops over
    # columns from being done several columns at a time.
    left, width = np.uint64(begin), np.uint64(end - begin)
    low, high = np.uint64(since), np.uint64(until)
    one = np.uint64(1)
    whole = width == np.uint64(contents.shape[1])
    work: Any = 0
    for h in range(high - low):
        g = low + h if forward else high - one - h
        here = g - low
        if first[g] == first[g + one]:
            for i in range(width):
                into[here, left + i] = contents[g, left + i]
            continue
        for i in range(width):
            row[i] = np.float32(0.0)
        for t in range(first[g], first[g + one]):
            s = share[t]
            if s > 0.0:
                j = order[t]
                f = s * per[j]
                for q in range(rptr[j], rptr[j + np.uint32(1)]):
                    kind = np.uint64(rind[q])
                    if whole or left <= kind < left + width:
                        row[kind - left] += np.float32(f * rval[q] * scale[kind])
        lo = start[g]
        hi = start[g + one]
        for q in range(lo, hi):
            v = np.float32(amount[q])
            other = np.uint64(which[q])
            if low <= other < g if forward else g < other < high:
                at = other - low
                for i in range(width):
                    row[i] += v * into[at, left + i]
            else:
                for i in range(width):
                    row[i] += v * contents[other, left + i]
        work += np.int64(hi - lo)
        most = np.float32(0.0)
        largest = np.float32(0.0)
        for i in range(width):
            most = max(most, abs(row[i] - contents[g, left + i]))
            largest = max(largest, row[i])
            into[here, left + i] = row[i]
        change[g] = most
        size[g] = largest
    return work
