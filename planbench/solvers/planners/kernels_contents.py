"""The kernel of the table of resource contents in ``two-level``.

Arrays are those of :mod:`planbench.solvers.planners.kernels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from planbench.solvers.planners.kernels import compiled


@compiled
def sweep_contents(
    first: Any, order: Any, rptr: Any, rind: Any, rval: Any, per: Any, share: Any, scale: Any,
    start: Any, which: Any, amount: Any, forward: bool, contents: Any, row: Any,
    change: Any, size: Any, begin: int, end: int,
) -> Any:  # fmt: skip
    """Sweep once over L_g = Σ_j share_j scale·R_j/B_j + L A_s, resources in a unit of g.

    Only columns ``begin:end`` of L are read and written; no column depends on another.

    Returns
    -------
    int
        Non-zeros of A read, each once for every resource. `change` and `size` receive, for
        each good that is made, the largest change and the largest entry of those columns.
    """
    n, k = contents.shape
    whole = begin == 0 and end == k
    work: Any = 0
    for h in range(n):
        g = h if forward else n - 1 - h
        if first[g] == first[g + 1]:
            continue
        for i in range(begin, end):
            row[i] = np.float32(0.0)
        for t in range(first[g], first[g + 1]):
            s = share[t]
            if s > 0.0:
                j = order[t]
                f = s * per[j]
                for q in range(rptr[j], rptr[j + 1]):
                    if whole or (rind[q] >= begin and rind[q] < end):
                        row[rind[q]] += np.float32(f * rval[q] * scale[rind[q]])
        lo = start[g]
        hi = start[g + 1]
        for q in range(lo, hi):
            v = np.float32(amount[q])
            other = which[q]
            for i in range(begin, end):
                row[i] += v * contents[other, i]
        work += np.int64(hi - lo)
        most = np.float32(0.0)
        largest = np.float32(0.0)
        for i in range(begin, end):
            most = max(most, abs(row[i] - contents[g, i]))
            largest = max(largest, row[i])
            contents[g, i] = row[i]
        change[g] = most
        size[g] = largest
    return work
