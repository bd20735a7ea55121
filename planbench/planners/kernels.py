"""Compiled Gauss–Seidel sweeps over the goods of an economy in which each activity makes one.

Prices are swept over the economy's own arrays (columns of A and R by activity), outputs over a
list of the inputs of the techniques in use. The price sweeps are Gauss–Seidel value iteration
for p = min over techniques of (wR + pA)/B (Gale 1960, ch. 9; Bellman 1957). The output sweeps
are Gauss–Seidel on (I − A_s) y = d in residual form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from planbench.model.economy import Economy
from planbench.planners.techniques import Techniques, unsigned

_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """Compile with sums reordered where that is faster; infinities keep their meaning.

    Division by 0 gives what it gives in numpy, as models that run away are found out by that.
    """
    freely = {"reassoc", "contract", "arcp", "nsz"}
    made: _F = njit(cache=True, nogil=True, fastmath=freely, error_model="numpy")(function)
    return made


#: Techniques whose weight exp(−excess/τ) would be below exp(−CUT) are not used at all.
CUT = 20.0


class Arrays(NamedTuple):
    """An economy as the kernels read it, techniques listed good after good.

    Indices are unsigned: a negative one would count from the end, and testing for that takes
    half of the time of a sweep.

    Attributes
    ----------
    first, order : ndarray
        Techniques of good g are the activities ``order[first[g]:first[g + 1]]``.
    aptr, aind, aval : ndarray
        A by activity (CSC).
    rptr, rind, rval : ndarray
        R by activity (CSC).
    per : ndarray, shape (activities,)
        1 / what a unit of the activity makes of its good.
    """

    first: Any
    order: Any
    aptr: Any
    aind: Any
    aval: Any
    rptr: Any
    rind: Any
    rval: Any
    per: Any

    @classmethod
    def of(cls, economy: Economy, techniques: Techniques) -> Arrays:
        """Take views of an economy's arrays."""
        a, r = economy.inputs, economy.resource_use
        return cls(
            unsigned(techniques.first), unsigned(techniques.order),
            unsigned(a.indptr), unsigned(a.indices), a.data,
            unsigned(r.indptr), unsigned(r.indices), r.data,
            techniques.per,
        )  # fmt: skip


class InputsInUse(NamedTuple):
    """A_s: inputs of a unit of each good by the techniques in use.

    Attributes
    ----------
    start : ndarray, shape (goods + 1,)
        Inputs of good g stand at ``start[g]:start[g + 1]``.
    good, amount : ndarray
        Good used, and units of it.
    """

    start: Any
    good: Any
    amount: Any


def _fetch_row(_context: Any, table: Any, row: Any) -> Any:
    """Have the processor begin to load row `row` of `table`, which is read soon.

    Rows scattered over more than the caches hold would otherwise be waited for one by one.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(table)(context, builder, args[0])
        at = context.cast(builder, args[1], row, types.uint64)
        first = context.get_constant(types.uint64, 0)
        place = cgutils.get_item_pointer(
            context, builder, table, array, [at, first], wraparound=False
        )
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        # To read, into the nearest cache, data.
        how = number(0), number(3), number(1)
        builder.call(prefetch, [builder.bitcast(place, byte), *how])
        return context.get_dummy_value()

    return types.void(table, row), generate


fetch_row: Any = intrinsic(_fetch_row)


@compiled
def add_to_gram(residuals: Any, square: Any, at: int, gram: Any) -> None:
    """Write the products of residual `at` with all, by `square`, to row and column `at`."""
    for other in range(gram.shape[0]):
        total = 0.0
        for i in range(square.size):
            total += residuals[at, i] * square[i] * residuals[other, i]
        gram[at, other] = gram[other, at] = total


@compiled
def sweep_prices(
    a: Arrays, direct: Any, weight: Any, per_p0: Any, near: Any, margin: float, costs: Any, p: Any
) -> tuple[float, float, float, int]:
    """Sweep once: p_g ← least of (wR_j + pA_j)/B_j over its techniques.

    With `margin` ≥ 0 over all techniques: `costs` receives (wR_j + pA_j)/B_j in the order of the
    techniques, and `near` marks those within `margin` of the cheapest of their good. With a
    negative `margin` over those marked, and both stay as they are.

    Returns
    -------
    drop : float
        max over goods of (old p − new p)/p0. As a sweep sees old prices of later goods, no
        new price exceeds its cost by more than drop · (p0 A_j)/B_j.
    flow : float
        Σ weight |new p − old p|.
    missed : float
        Σ weight times what the cheapest technique costs less than the cheapest one that was
        marked: how wrong the marks were.
    work : int
        Non-zeros of A read.
    """
    drop = 0.0
    flow = 0.0
    missed = 0.0
    work: Any = 0
    for g in range(p.size):
        best = np.inf
        marked = np.inf
        for t in range(a.first[g], a.first[g + 1]):
            if margin < 0.0 and not near[t]:
                continue
            j = a.order[t]
            lo = a.aptr[j]
            hi = a.aptr[j + 1]
            cost = direct[j]
            for q in range(lo, hi):
                cost += a.aval[q] * p[a.aind[q]]
            cost *= a.per[j]
            best = min(best, cost)
            work += np.int64(hi - lo)
            if margin >= 0.0:
                costs[t] = cost
                if near[t]:
                    marked = min(marked, cost)
        if best < np.inf:
            fall = p[g] - best
            p[g] = best
            flow += weight[g] * abs(fall)
            drop = max(drop, fall * per_p0[g])
            if margin >= 0.0:
                limit = best * (1.0 + margin)
                for t in range(a.first[g], a.first[g + 1]):
                    near[t] = costs[t] <= limit
                if marked > best:
                    missed += weight[g] * (marked - best)
    return drop, flow, missed, work


@compiled
def shares_of(first: Any, costs: Any, tau: float, share: Any) -> None:
    """Share of each technique in its good's output: exp(−(cost/least − 1)/τ), summing to 1.

    With τ = 0 the cheapest (the first of equals) has it all.
    """
    for g in range(first.size - 1):
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
def list_inputs(a: Arrays, share: Any, good: Any, amount: Any) -> None:
    """List the inputs of a unit of each good by the techniques in use: A_s, good after good."""
    at = np.uint64(0)
    for g in range(a.first.size - 1):
        for t in range(a.first[g], a.first[g + 1]):
            s = share[t]
            if s > 0.0:
                j = a.order[t]
                f = s * a.per[j]
                lo = np.uint64(a.aptr[j])
                count = np.uint64(a.aptr[j + 1]) - lo
                for q in range(count):
                    good[at + q] = a.aind[lo + q]
                for q in range(count):
                    amount[at + q] = f * a.aval[lo + q]
                at += count


@compiled
def add_shortage(used: InputsInUse, y: Any, short: Any) -> Any:
    """Add to `short` what outputs `y` lack, A_s y − y; returns the non-zeros read."""
    work: Any = 0
    for g in range(y.size):
        level = y[g]
        if level == 0.0:
            continue
        short[g] -= level
        lo = used.start[g]
        hi = used.start[g + 1]
        for q in range(lo, hi):
            short[used.good[q]] += used.amount[q] * level
        work += np.int64(hi - lo)
    return work


@compiled
def sweep_outputs(able: Any, used: InputsInUse, y: Any, short: Any) -> Any:
    """Make what is short, good after good, its inputs added to `short`; y stays ≥ 0.

    Goods that nothing makes (not `able`) stay short. Returns the non-zeros read.
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
        lo = used.start[g]
        hi = used.start[g + 1]
        for q in range(lo, hi):
            short[used.good[q]] += used.amount[q] * level
        work += np.int64(hi - lo)
    return work


@compiled
def add_resource_use(a: Arrays, x: Any, out: Any) -> Any:
    """Add R x to `out`; returns the non-zeros read."""
    work: Any = 0
    for j in range(x.size):
        level = x[j]
        if level != 0.0:
            for q in range(a.rptr[j], a.rptr[j + 1]):
                out[a.rind[q]] += a.rval[q] * level
            work += np.int64(a.rptr[j + 1] - a.rptr[j])
    return work


@compiled
def sweep_requirements(
    a: Arrays, share: Any, scale: Any, used: InputsInUse, forward: bool, requirements: Any, row: Any
) -> tuple[float, int]:
    """Sweep once over L_g = Σ_j share_j scale·R_j/B_j + L A_s, resources in a unit of g.

    Parameters
    ----------
    requirements : ndarray of float32, shape (goods, resources)
        L.
    row : ndarray of float32, shape (resources,)
        Workspace.

    Returns
    -------
    change : float
        Mean over goods of (largest change of the row)/(largest entry of the row).
    work : int
        Non-zeros of A read, each once for every resource.
    """
    n, k = requirements.shape
    change = 0.0
    work: Any = 0
    for h in range(n):
        g = h if forward else n - 1 - h
        if a.first[g] == a.first[g + 1]:
            continue
        if h + 1 < n:
            later = g + 1 if forward else g - 1
            for q in range(used.start[later], used.start[later + 1]):
                fetch_row(requirements, used.good[q])
        for i in range(k):
            row[i] = np.float32(0.0)
        for t in range(a.first[g], a.first[g + 1]):
            s = share[t]
            if s > 0.0:
                j = a.order[t]
                f = s * a.per[j]
                for q in range(a.rptr[j], a.rptr[j + 1]):
                    row[a.rind[q]] += np.float32(f * a.rval[q] * scale[a.rind[q]])
        lo = used.start[g]
        hi = used.start[g + 1]
        for q in range(lo, hi):
            v = np.float32(used.amount[q])
            other = used.good[q]
            for i in range(k):
                row[i] += v * requirements[other, i]
        work += np.int64(hi - lo)
        diff = np.float32(0.0)
        size = np.float32(0.0)
        for i in range(k):
            diff = max(diff, abs(row[i] - requirements[g, i]))
            size = max(size, row[i])
            requirements[g, i] = row[i]
        if size > np.float32(0.0):
            change += float(diff / size)
    return change / n, work
