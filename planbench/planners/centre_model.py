"""The centre's model of a round: few columns at first, others as they price out.

Only what can change nearby is in it: techniques in use or nearly as cheap, targets, disposal of
goods that are made for their by-products, and the techniques of cleared goods. At the new prices
of the rows all techniques are priced in one pass; those that have become cheaper join, and the
model is solved again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.model.arrays import FloatArray
from planbench.planners import branch_kernels as kernels
from planbench.planners.branch_centre import (
    CentreModel,
    CentreSolution,
    Chosen,
    Columns,
    Rows,
    solve_centre,
)
from planbench.planners.branch_kernels import CAPPED, CLEARED, FREE, PRIMARY
from planbench.planners.centre_rows import csr_of
from planbench.planners.course import TINY, Course, IntArray, ratio, spare_share, sums

BoolArray = npt.NDArray[np.bool_]

#: Times the model is solved with more techniques and disposal columns.
SOLUTIONS = 8
#: Disposal columns offered for each primary good; most that are added at a time.
OFFERED, MOST_DISPOSAL = 30, 2000
#: Techniques within this share of the price are in the model from the start, and less, down to the
#: second, where costs moved less in the last round; others join while they would save this share of
#: the gap.
NEAR, LEAST_NEAR, MISSED = 0.01, 2e-4, 0.03
#: Entries of techniques worth less than this share of what they require are left out of a model of
#: more entries than the second, once the error is below the third: prices are near enough then.
SIFTED, LARGE, NEAR_PRICES = 1e-3, 500_000, 0.03
#: Up to so many entries of the model, all techniques are in it.
FEW = 20_000
#: Up to so many entries, what targets use of goods is dense.
FEW_IN_TARGETS = 300_000
#: Weights of the proximal terms, as shares of the gap: of shares and of prices. With fewer than
#: so many goods less is enough.
MANY = 100_000
STAY, STAY_PRICED = 0.3, 0.03
#: Requirements are made finer whenever progress is slow, up to so many times.
FINEST = 256.0
#: If the model would change the size of the plan by more than this share, the proximal terms
#: are so many times larger.
MOST_CHANGE, TIGHTER = 0.2, 30.0
#: Spare of primary and cleared goods, as a share of the tolerance; at most this share of what
#: flows through.
SPARE_PRIMARY, MOST_SPARE = 0.3, 0.001
#: Shares of techniques and amounts of others next to nothing; what lacks to a limit as a share.
LEAST_SHARE, LEAST, FULL = 1e-7, 1e-9, 1e-3
#: A cleared good may be overdrawn at so many times its price, or at so many times an equal part of
#: the plan's value: goods whose makers are full may be needed several times over.
OVERDRAWN = 10.0, 1.0


@dataclass(frozen=True, eq=False)
class _Requirements:
    """What techniques and goods require of primary rows and cleared goods in all."""

    course: Course
    rows: Rows

    @classmethod
    def of(cls, course: Course) -> _Requirements:
        if course.in_all is not None or not course.cleared.size:
            dense = course.requirements if course.in_all is None else course.in_all
            return cls(course, Rows(dense, None))
        return cls(course, Rows(course.requirements, course.in_cleared))

    def of_techniques(self, which: IntArray, less: IntArray | None = None) -> Rows:
        """Return their requirements, less those of other techniques."""
        net, meter, sparse = self.course.net, self.course.meter, self.rows.sparse
        if less is None:
            less = np.full(which.size, -1)
        dense = np.empty((which.size, self.rows.dense.shape[1]))
        meter.work += kernels.technique_rows(net, which, less, self.rows.dense, dense)
        if sparse is None:
            return Rows(dense, None)
        ptr, good, amount = kernels.use_beyond(net, which, less)
        meter.work += good.size
        use = csr_of(amount, good, ptr, (which.size, sparse.shape[0]))
        return Rows(dense, sp.csr_array(use @ sparse))

    def of_goods(self, goods: IntArray) -> Rows:
        dense, sparse = self.rows.dense[goods], self.rows.sparse
        return Rows(dense, None if sparse is None else sp.csr_array(sparse[goods]))

    def yielding(self) -> BoolArray:
        """Goods that yield something of a row: nobody throws away what is made without."""
        course = self.course
        found = (self.rows.dense < 0).any(axis=1)
        if self.rows.sparse is not None:
            found |= self.rows.sparse.min(axis=1).toarray().ravel() < 0
        return np.asarray(found & _ordinary(course))


def solve_model(
    course: Course, used: FloatArray, flow: FloatArray, error: float, stay: float
) -> Chosen | None:
    """Choose prices of rows, shares, targets and disposal; None where there is no solution.

    Parameters
    ----------
    course : Course
    used, flow : ndarray, shape (rows,)
        What the plan uses of each row, and what flows through it.
    error, stay : float
        As :func:`trust` says.
    """
    b, net, meter = course.branches, course.net, course.meter
    p, y, z, n, k = course.p, course.y, course.z, course.y.size, course.rows
    tolerance, pin = course.tolerance, course.pi * flow / course.z
    table = _Requirements.of(course)
    goods, _ = course.demand()
    beta, whole, kept = _right_sides(course, table, used, flow, error)
    # Techniques of cleared goods.
    own = np.flatnonzero(course.kinds[b.good] == CLEARED)
    own_rows, own_size = _own_rows(course, table, own, flow)
    own_q = own_size * (course.costs[own] - p[b.good[own]]) / z - own_rows.times(pin)
    cleared = course.cleared.size
    overdrawn = Rows(np.zeros((cleared, own_rows.dense.shape[1])), None)
    if own_rows.sparse is None:
        np.fill_diagonal(overdrawn.dense[:, k:], -1.0)
    else:
        each = np.arange(cleared, dtype=np.int32)
        less = sp.csr_array((np.full(cleared, -1, np.float32), (each, each)))
        overdrawn = Rows(overdrawn.dense, less)
    dear = np.maximum(OVERDRAWN[0] * pin[k:], OVERDRAWN[1] / pin.size)
    # Techniques among which there is a choice, and those in the model.
    choice = _ordinary(course) & (y > 0) & (np.diff(net.first) > 1)
    active = choice[b.good]
    if active.size * course.pi.size > FEW:
        near = min(NEAR, max(LEAST_NEAR, course.moved))
        active &= (course.x > 0) | (course.costs <= (1 + near) * p[b.good])
    price = _uncut_prices(course)
    yielding = table.yielding()
    more = _first_disposal(course, yielding)
    wanted = more[:0]
    enough = max(0.02 * tolerance, 0.01 * error * min(1.0, 10 * error))
    priced = float(b.rough @ goods)
    targets = course.mix.size if course.mix.size > 1 else 0
    solution = None
    for attempt in range(SOLUTIONS):
        several = np.bincount(b.good[active], minlength=n) > 1
        which = np.flatnonzero(active & several[b.good])
        good = b.good[which]
        first = np.flatnonzero(np.append(True, good[1:] != good[:-1])) if good.size else good
        sizes = np.diff(np.append(first, good.size))
        grouped = table.of_techniques(which, np.repeat(which[first], sizes)).scaled(y[good], flow)
        if error < NEAR_PRICES and grouped.sparse is not None and grouped.sparse.nnz > LARGE:
            grouped.sift(pin, SIFTED / course.finer)
        q = y[good] * course.costs[which] / z - grouped.times(pin)
        share = ratio(course.x[which], sums(good, course.x[which], n)[good])
        limit = net.limit[which] / y[good]
        held = STAY * stay * y[good] * course.costs[which] / z
        if targets:
            rows, worth = _target_rows(course)
            rows = rows.scaled(np.full(targets, z), flow)
            grouped = Rows.stack([grouped, rows])
            q = np.concatenate([q, worth - rows.times(pin)])
            share, limit = np.append(share, course.mix), np.append(limit, np.full(targets, np.inf))
            held = np.append(held, np.full(targets, STAY * stay))
            first = np.append(first, which.size)
        wanted = np.union1d(wanted, more)
        size = np.maximum(y[wanted], 1e-12 * z)
        thrown = table.of_goods(wanted).scaled(size, flow)
        room = np.empty(wanted.size)
        kernels.disposal_room(net, course.marginal, course.kinds, p, y, wanted, room)
        room = (course.disposal[wanted] + room) / size
        free = Rows.stack([thrown, own_rows, overdrawn])
        none = np.zeros(cleared)
        now = np.concatenate([course.disposal[wanted] / size, course.x[own] / own_size, none])
        model = CentreModel(
            rows=Rows.stack([grouped, free]).packed(),
            first=first,
            grouped=share.size,
            q=np.concatenate([q, price[wanted] * size / z - thrown.times(pin), own_q, dear]),
            share=np.concatenate([share, now]),
            limit=np.concatenate([limit, room, net.limit[own] / own_size, none + np.inf]),
            beta=beta + free.sums(now),
            gamma=whole - grouped.sums(share),
            pi=pin,
            rho=np.append(held, np.zeros(now.size)),
            delta=STAY_PRICED * min(stay, 0.1) / np.maximum(pin, 0.1 / pin.size),
        )
        solution = solve_centre(model, enough, meter.over)
        if solution is None or not 0 < solution.zeta < np.inf or meter.over():
            return None
        tighter = stay < 0.1 and attempt < SOLUTIONS - 1
        if abs(solution.zeta - 1.0) > MOST_CHANGE and tighter:
            stay *= TIGHTER
            continue
        moved = (solution.pi - pin) * z / flow
        then = price + table.rows.times(moved)
        low = -1e-3 * p - 1e-9 * b.rough / max(priced, TINY)
        more = np.setdiff1d(np.flatnonzero(yielding & (then < low)), wanted)
        # Techniques that would be cheaper than those in the model.
        changed = np.empty(course.x.size)
        kernels.direct_costs(net, moved[:k], changed)
        meter.work += net.use.size + kernels.add_costs(net, then - price, changed)
        changed += course.costs
        bound = np.full(n, np.inf)
        at_work = np.flatnonzero(active)
        np.minimum.at(bound, b.good[at_work], changed[at_work])
        base = which[first[: first.size - (targets > 0)]]
        goods_of = b.good[base]
        bound[goods_of] = solution.lam[: base.size] * z / y[goods_of]
        bound[goods_of] += changed[base] - course.costs[base]
        cheaper = choice[b.good] & ~active & (changed < bound[b.good])
        missed = np.where(cheaper, bound[b.good] - changed, 0.0) * y[b.good]
        if float(missed.sum()) > MISSED * error * z:
            active |= cheaper
        elif not more.size:
            break
        if more.size > MOST_DISPOSAL:
            more = more[np.argsort(then[more] * y[more])[:MOST_DISPOSAL]]
    assert solution is not None
    change = changed[active] / np.maximum(np.abs(course.costs[active]), TINY) - 1.0
    if change.size:
        shift = min(_quantile(np.abs(change), 0.999), 100.0)
        course.expected = max(shift**2, 0.1 * tolerance)
        # All costs move by the scale of the plan.
        course.moved = _quantile(np.abs(change - np.median(change)), 0.99)
    columns = Columns(which, targets, wanted, size, own, own_size)
    dearer = changed[which] / np.maximum(bound[good], TINY) - 1.0
    s, fixed = _at_limits(columns, model, solution, dearer)
    return Chosen(
        columns=columns,
        model=model,
        solution=solution,
        flow=flow,
        planned=np.maximum(solution.left, 0.0) + kept,
        pi=solution.pi * z / flow,
        scale=solution.zeta,
        zeta=solution.zeta,
        s=s,
        fixed=fixed,
    )


def _quantile(values: FloatArray, share: float) -> float:
    """Return a value that at least so large a share of all does not exceed."""
    at = int(np.ceil(share * (values.size - 1)))
    return float(np.partition(values, at)[at])


def _at_limits(
    columns: Columns, model: CentreModel, solution: CentreSolution, dearer: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Put columns that are next to their limits there; `dearer` are techniques by that share."""
    s, limit = solution.s.copy(), model.limit
    first, _, own, rest = columns.starts
    least = np.full(s.size, LEAST)
    least[: dearer.size] = np.maximum(LEAST_SHARE, 0.1 * dearer) * solution.zeta
    low, full = s <= least, s > (1 - FULL) * limit
    # What is thrown away is left as it is, and nothing is overdrawn.
    low[first:own] = full[first:own] = full[rest:] = False
    low[rest:] = True
    s[low] = 0.0
    s[full] = limit[full]
    return s, low | full


def correct(course: Course, chosen: Chosen, used: FloatArray) -> Chosen | None:
    """Change the choice by what the plan uses of the rows more or less than the model says."""
    more = (course.rights() - used) / chosen.flow - chosen.planned
    found = chosen.solution.solver.respond(more, chosen.s, chosen.fixed)
    if found is None:
        return None
    change, s, fixed = found
    zeta = chosen.zeta + change
    return replace(chosen, pi=course.pi, scale=zeta / chosen.zeta, zeta=zeta, s=s, fixed=fixed)


def _ordinary(course: Course) -> BoolArray:
    return np.asarray((course.kinds == FREE) | (course.kinds == CAPPED))


def trust(course: Course, used: FloatArray, flow: FloatArray) -> tuple[float, float]:
    """Return how far off the plan is, and how strongly to hold to it.

    The course notes by how much to hold to it, and how accurate requirements must be, from now on.
    """
    lack = np.maximum((used - course.rights()) / flow, 0.0)
    over = float((course.pi * flow / course.z) @ lack)
    progress = abs(course.estimate() / course.z - 1) + over
    slow = progress > max(0.5 * course.before, course.tolerance)
    course.hold = min(course.hold * 4, 1e3) if slow else max(course.hold / 4, 1.0)
    if progress > 0.5 * course.before:
        course.finer = min(4 * course.finer, FINEST)
    course.before = progress
    error = min(course.gap, progress)
    return error, error * min(1.0, course.hold * course.y.size / MANY)


def _right_sides(
    course: Course, table: _Requirements, used: FloatArray, flow: FloatArray, error: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return what each row has to spare without a plan, and what a unit of the plan requires."""
    b, z, cleared = course.branches, course.z, course.cleared
    have = b.resources.size
    goods, primary = course.demand()
    whole = table.rows.sums(goods)
    whole[: course.rows] += primary
    whole = whole * z / flow
    beta = (course.rights() - used) / flow + whole
    # The spare will be less.
    less = 1.0 - spare_share(0.003 * error, course.tolerance) / course.spare_share
    if less > 0:
        beta += less * table.rows.sums(course.spare) / flow
    spare = SPARE_PRIMARY * max(course.tolerance, 0.01 * error) / course.pi.size
    products = np.concatenate([b.primary, cleared])
    # At the highest price so far: a spare that changed with the price would make it swing.
    course.highest[products] = np.maximum(course.highest[products], course.pi[have:])
    worth = course.highest[products] * flow[have:] / z
    kept = np.zeros(beta.size)
    kept[have:] = np.minimum(spare / worth, MOST_SPARE)
    return beta - kept, whole, kept


def _own_rows(
    course: Course, table: _Requirements, own: IntArray, flow: FloatArray
) -> tuple[Rows, FloatArray]:
    """Rows of the techniques `own` of cleared goods, each in units of what flows through."""
    rows = table.of_techniques(own)
    place = np.full(course.y.size, -1, dtype=np.int32)
    place[course.cleared] = np.arange(course.cleared.size)
    at = place[course.branches.good[own]]
    size = flow[course.rows + at]
    if rows.sparse is None:
        rows.dense[np.arange(own.size), course.rows + at] -= 1.0
    elif own.size:
        ones = np.ones(own.size, dtype=np.float32)
        ones = sp.csr_array(
            (ones, (np.arange(own.size, dtype=np.int32), at)), shape=rows.sparse.shape
        )
        rows = Rows(rows.dense, sp.csr_array(rows.sparse - ones))
    return rows.scaled(size, flow), size


def _uncut_prices(course: Course) -> FloatArray:
    """Prices; one that was cut off at 0 is what the making costs, which is less."""
    price, first = course.p.copy(), course.net.first
    some = np.flatnonzero(np.diff(first) > 0)
    cheapest = np.minimum.reduceat(course.costs, first[:-1][some])
    cut = (course.p[some] <= 0) & (cheapest < 0)
    price[some[cut]] = cheapest[cut]
    return price


def _target_rows(course: Course) -> tuple[Rows, FloatArray]:
    """Return what a unit by each target requires more than one by the first, and its worth."""
    b, e, k = course.branches, course.branches.economy, course.rows
    table = course.requirements if course.in_all is None else course.in_all
    full, _ = course.prices()
    dense = np.zeros((e.n_targets, table.shape[1]))
    if course.in_cleared is None and table.shape[0] * e.n_targets <= FEW_IN_TARGETS:
        whole = e.assortment.toarray().T / e.weights[:, None]
        worth = whole @ full
        dense[:, b.resources.size : k] = whole[:, b.primary]
        whole[:, b.primary] = 0.0
        dense += whole @ table
        return Rows(dense - dense[0], None), worth
    per = sp.csc_array(e.assortment @ sp.diags_array(1.0 / e.weights))
    dense[:, b.resources.size : k] = per[b.primary].toarray().T
    main = per.copy()
    main.data = np.where(course.kinds[main.indices] == PRIMARY, 0.0, main.data)
    dense += main.T @ table
    sparse = None
    if course.in_cleared is not None:
        main = sp.csr_array(main.T).astype(np.float32)
        main = main - main[np.zeros(e.n_targets, dtype=np.int64)]
        sparse = sp.csr_array(main @ course.in_cleared)
    return Rows(dense - dense[0], sparse), np.asarray(per.T @ full)


def _first_disposal(course: Course, yielding: npt.NDArray[np.bool_]) -> IntArray:
    """Goods thrown away at present, and those that yield primary goods at least cost."""
    picked = [np.flatnonzero((course.disposal > 0) & yielding)]
    for k in range(course.branches.resources.size, course.rows):
        gain = np.where(yielding, -course.requirements[:, k], 0.0)
        some = np.flatnonzero(gain > 0)
        if some.size > OFFERED:
            ratio = np.maximum(course.p[some], 0.0) / gain[some]
            some = some[np.argpartition(ratio, OFFERED - 1)[:OFFERED]]
        picked.append(some)
    return np.unique(np.concatenate(picked))
