"""The rows of the centre: which goods it clears itself, and what goods require of all rows.

Total requirements are those at the margin, through the techniques by which a further unit is made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.model.arrays import FloatArray
from planbench.planners import branch_kernels as kernels
from planbench.planners.branch_kernels import CAPPED, CLEARED, FREE, PRIMARY
from planbench.planners.course import TINY, Course, IntArray, least_flow, most_cleared, ratio
from planbench.planners.extrapolation import Window
from planbench.planners.planner import Pair

#: Most sweeps over requirements in a round.
REQUIREMENT_SWEEPS = 15
#: Share of the gap below which a negative price, or what is left over, does not matter yet.
MATTERS = 0.0001
#: The same as a share of the tolerance, below which it never matters.
NEVER = 0.1
#: Goods are cleared in the first round if by-products meet more than half of their use and are
#: worth this share of the plan.
WEIGHTY = 0.01
#: Most goods of negative price that are cleared anew in a round.
MOST_NEGATIVE = 100
#: Most cleared goods.
MOST_CLEARED = 4000
#: Relative change of the total requirements at which they are accurate enough.
ACCURATE = 0.02
#: Up to this many entries, requirements of cleared goods are swept densely.
DENSE = 300_000
#: Up to this many, sweeps over requirements are extrapolated.
EXTRAPOLATED = 30_000_000
#: Above it a series: terms, and the share of a price below which an entry is dropped; up to ten
#: times as much where the tolerance is wide.
TERMS, DROPPED = 4, 1e-3
#: Prices count there as at least this share of the highest: ratios of lower ones would overflow.
WORTHLESS = 1e-20


def clear_goods(course: Course, used: FloatArray, flow: FloatArray) -> Pair | None:
    """Find more goods for the centre to clear; their rows are appended to those given.

    None if they are too many for the centre.
    """
    b, net, p, y = course.branches, course.net, course.p, course.y
    n = y.size
    matters = max(MATTERS * min(course.gap, course.before), NEVER * course.tolerance)
    ordinary = (course.kinds == FREE) | (course.kinds == CAPPED)
    cheapest = np.full(n, np.inf)
    some = np.flatnonzero(np.diff(net.first) > 0)
    cheapest[some] = np.minimum.reduceat(course.costs, net.first[:-1][some])
    # Not what matters little at this gap: every cleared good makes the model larger.
    unit = float(b.rough @ course.demand()[0])
    short = np.where(ordinary & (p <= 0), -cheapest * max(unit, TINY), 0.0)
    new = short > matters * b.rough
    if np.count_nonzero(new) > MOST_NEGATIVE:
        # Prices that overshot: most of these come right by themselves.
        worst = np.argsort(ratio(short, b.rough))[:-MOST_NEGATIVE]
        new[worst] = False
    # What costs nothing would be carried, or stored and taken out again, in a circle.
    new |= ordinary & (p <= 0) & (cheapest == 0) & (y > 0)
    over = np.where(ordinary & (y <= 0), np.maximum(-course.need, 0.0) * p, 0.0)
    new |= largest(over, matters * course.z)
    if course.round == 1:
        new |= ordinary & _mostly_byproduct(course)
    capped = course.kinds == CAPPED
    if capped.any():
        room = b.by_good(np.minimum(net.limit, 1e300))
        new |= capped & (room < 1.05 * y)
        if course.priced_at.size and course.round > 2:
            # Prices were those of another place in the merit order.
            wrong = np.abs(_marginal_costs(course, y) - _marginal_costs(course, course.priced_at))
            new |= largest(np.where(capped, wrong * y, 0.0), matters * course.z)
        course.priced_at = y.copy()
    if np.count_nonzero(new) + course.cleared.size > most_cleared(n):
        return None
    found = np.flatnonzero(new)[: max(0, MOST_CLEARED - course.cleared.size)]
    if found.size:
        course.cleared = np.concatenate([course.cleared, found])
        course.kinds[found] = CLEARED
        course.pi = np.concatenate([course.pi, p[found]])
        course.supply.given[found] = False
    return all_rows(course, used, flow)


def _mostly_byproduct(course: Course) -> npt.NDArray[np.bool_]:
    """Goods of weight of which by-products meet more than half of the use."""
    n = course.y.size
    gross = course.demand()[0] * course.z + course.branches.economy.fixed_demand
    kernels.gross_use(course.net, course.x, np.arange(n), gross)
    course.meter.work += course.net.good.size
    byproduct = gross - course.need
    return (2 * byproduct > gross) & (byproduct * course.p > WEIGHTY * course.z)


def largest(values: FloatArray, rest: float) -> npt.NDArray[np.bool_]:
    """Positive values but for the smallest, which add up to at most `rest`."""
    order = np.argsort(values)
    chosen = np.zeros(values.size, dtype=bool)
    chosen[order[np.cumsum(values[order]) > rest]] = True
    return chosen & (values > 0)


def _marginal_costs(course: Course, outputs: FloatArray) -> FloatArray:
    """Costs of the techniques that make a further unit of each good at `outputs`."""
    first, order = course.net.first, course.supply.order
    place = np.zeros(outputs.size, dtype=np.int64)
    kernels.marginal_places(course.net, order, outputs, place)
    some = np.diff(first) > 0
    costs = np.zeros(outputs.size)
    costs[some] = course.costs[order[(first[:-1] + place)[some]]]
    return costs


def all_rows(course: Course, used: FloatArray, flow: FloatArray) -> Pair:
    """Append what the plan uses of cleared goods, less what it makes, and what flows."""
    b, net, n = course.branches, course.net, course.y.size
    cleared = course.cleared
    if not cleared.size:
        return used, flow
    place = np.full(n, -1, dtype=np.int64)
    place[cleared] = np.arange(cleared.size)
    goods, _ = course.demand()
    gross = np.abs(course.z * goods[cleared] + b.economy.fixed_demand[cleared])
    kernels.gross_use(net, course.x, place, gross)
    course.meter.work += net.good.size
    own = b.by_good(course.x)[cleared]
    more = course.need[cleared] - own - course.disposal[cleared]
    through = np.maximum(np.maximum(gross, own), least_flow(course, cleared))
    return np.concatenate([used, more]), np.concatenate([flow, through])


def update_requirements(course: Course, used: FloatArray) -> None:
    """Total requirements of rows and cleared goods through marginal techniques."""
    b, net, y = course.branches, course.net, course.y
    n, k, cleared = y.size, course.rows, course.cleared
    weight = course.marginal
    kernels.marginal_techniques(net, course.supply, course.x, weight)
    table = course.requirements
    if not table.size:
        # As if all cost were spent on resources as the plan spends it.
        table = np.zeros((n, k))
        table[b.primary, b.resources.size + np.arange(b.primary.size)] = 1.0
        have = b.resources.size
        spent = np.maximum(used[:have], 0.0) * course.pi[:have]
        each = spent / max(float(spent.sum()), TINY) / np.maximum(course.pi[:have], TINY)
        table[:, :have] += np.where(course.kinds != PRIMARY, course.p, 0.0)[:, None] * each
    dense = bool(cleared.size) and n * (k + cleared.size) <= DENSE
    if dense:
        wide = np.zeros((n, k + cleared.size))
        old = table if course.in_all is None else course.in_all
        wide[:, : old.shape[1]] = old
        table = wide
    _hold(course, table)
    _sweep_requirements(course, weight, table)
    course.requirements = np.ascontiguousarray(table[:, :k])
    course.in_all = table if dense else None
    if cleared.size and not dense:
        course.in_cleared = _series(course, weight)


def _hold(course: Course, table: FloatArray) -> None:
    """Have a cleared good require itself, if that is in the table, and nothing else."""
    k, cleared = course.rows, course.cleared
    if cleared.size:
        table[cleared] = 0.0
        if table.shape[1] > k:
            table[cleared, k + np.arange(cleared.size)] = 1.0


def _sweep_requirements(course: Course, weight: FloatArray, table: FloatArray) -> None:
    """Sweep until the requirements of the plan are accurate; where that fails, once."""
    net, meter, y = course.net, course.meter, course.y
    kinds, b = course.kinds, course.branches
    begun, window = table.copy(), None
    size = y @ np.abs(table)
    size[size <= 1e-100] = np.inf
    if table.size <= EXTRAPOLATED:
        window = Window(np.outer(np.sqrt(y), y.sum() / size).ravel())
    change = np.empty(table.shape[1])
    for number in range(REQUIREMENT_SWEEPS):
        old = None if window is None else table.copy()
        meter.work += kernels.sweep_requirements(net, weight, kinds, y, table, change)
        most = float((change / size).max(initial=0.0))
        if meter.over() or (most < ACCURATE / course.finer**0.5 and number > 0):
            return
        if not most < 1e3 and number > 1:
            table[:] = begun
            meter.work += kernels.sweep_requirements(net, weight, kinds, y, table, change)
            return
        if window is None or old is None:
            continue
        window.add_step(old.ravel(), table.ravel())
        gamma = window.mix() if window.ready else None
        if gamma is not None:
            table[:] = window.mixed(gamma)[0].reshape(table.shape)
            table[b.primary] = 0.0
            table[b.primary, b.resources.size + np.arange(b.primary.size)] = 1.0
            _hold(course, table)


def csr_of(
    amount: npt.NDArray[np.floating[Any]],
    good: npt.NDArray[Any],
    ptr: IntArray,
    shape: tuple[int, int],
) -> sp.csr_array:
    """Compressed rows with places in 32 bits where they fit: their products are faster."""
    size = np.int32 if good.size <= np.iinfo(np.int32).max else np.int64
    return sp.csr_array((amount, good.astype(size), ptr.astype(size)), shape=shape)


def _series(course: Course, weight: FloatArray) -> sp.csr_array:
    """Total requirements of cleared goods: the first terms of a series, small entries dropped."""
    b, n, cleared = course.branches, course.y.size, course.cleared
    some = np.flatnonzero((weight > 0) & (course.kinds[b.good] != CLEARED))
    at = b.good[some].astype(np.int32), some.astype(np.int32)
    made_by = sp.csr_array((weight[some], at), shape=(n, course.x.size))
    net = course.net
    use = csr_of(net.amount, net.good, net.ptr, (course.x.size, n))
    step = sp.csr_array(made_by @ use)
    # Goods are counted by their worth: an entry is the share of the good's cost that it makes up.
    worth = np.maximum(course.p, max(WORTHLESS * float(course.p.max()), TINY))
    step = _scaled(step, 1.0 / worth, worth).astype(np.float32)
    unit = np.ones(cleared.size, dtype=np.float32)
    at = cleared.astype(np.int32), np.arange(cleared.size, dtype=np.int32)
    term = total = sp.csr_array((unit, at), shape=(n, cleared.size))
    dropped = min(max(DROPPED, 100 * course.tolerance), 10 * DROPPED) / course.finer
    for _ in range(TERMS if course.finer <= 1 else 3 * TERMS):
        term = sp.csr_array(step @ term)
        term.data[np.abs(term.data) < dropped] = 0.0
        term.eliminate_zeros()
        course.meter.work += step.nnz
        total = sp.csr_array(total + term)
    return _scaled(total, worth, 1.0 / worth[cleared]).astype(np.float32)


def _scaled(rows: sp.csr_array, by: FloatArray, per: FloatArray) -> sp.csr_array:
    """Compressed rows, each times its `by`, and columns times `per`."""
    data = np.repeat(by, np.diff(rows.indptr)) * rows.data * per[rows.indices]
    return sp.csr_array((data, rows.indices, rows.indptr), shape=rows.shape)
