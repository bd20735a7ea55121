"""The centre of ``two-level``: a restricted master problem gives new rents and shares.

With σ_k = w_k r_k on the unit simplex, the least-cost value φ(σ) of a unit of the plan is
concave, and its slope is c, the share of every endowment a unit of the plan uses. The best
plan equalises c where σ > 0.

The columns are techniques near the cheapest of their good. Of each the centre knows its row E_j,
the share of every endowment that a unit of the good made by it uses, directly and indirectly.
Between two iterations it solves a model of the economy in which only these choices can change:
costs move by E_j·dσ, and a good's switch moves c by its output times the difference of the E_j.
That is a master problem with a column for every such technique of every good, instead of one for
every whole plan (Dantzig & Wolfe 1961). The latter is what is left where few techniques of large
goods decide, and a model of what is close misjudges them: :func:`mix_plans`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.planners.kernels import Arrays, compiled
from planbench.planners.techniques import Techniques

IntArray = npt.NDArray[np.int64]
#: More resources than this: the system is added up in single precision.
WIDE = 256
#: Rows of the system added up at a time.
BLOCK = 4096
#: Columns whose weight is this small a share of the largest do not enter the system.
LEAST_WEIGHT = 1e-8
#: Largest relative change of a cost that is counted.
MOST_SHIFT = 100.0
#: Techniques with less than this share of their good's output do not count as used.
LEAST = 1e-9


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of the restricted master problem, one choice after the other.

    A choice is that between the techniques of a good or, the last, between targets.

    Attributes
    ----------
    technique : ndarray of int64, shape (columns of goods,)
        Place in the list of techniques.
    starts : ndarray of int64, shape (choices + 1,)
        Where each choice's columns begin.
    outputs : ndarray, shape (choices,)
        Output of the good per unit of the plan.
    cost : ndarray, shape (columns,)
        Cost of a unit of the good at the present rents.
    share : ndarray, shape (columns,)
        In the good's output.
    rows : ndarray of float32, shape (columns, resources)
        E_j.
    """

    technique: IntArray
    starts: IntArray
    outputs: FloatArray
    cost: FloatArray
    share: FloatArray
    rows: npt.NDArray[np.float32]


def choose_columns(
    techniques: Techniques, costs: FloatArray, share: FloatArray, y: FloatArray, margin: float
) -> IntArray:
    """Techniques in use or within `margin` of the cheapest, of goods that are made by several."""
    good = techniques.good
    starts = techniques.first[:-1][np.diff(techniques.first) > 0]
    limit = np.zeros(y.size)
    limit[good[starts]] = np.minimum.reduceat(costs, starts) * (1.0 + margin)
    chosen = ((costs <= limit[good]) | (share > LEAST)) & (y[good] > 0)
    several = np.bincount(good, weights=chosen, minlength=y.size) > 1
    return np.flatnonzero(chosen & several[good])


@compiled
def write_rows(a: Arrays, scale: Any, requirements: Any, technique: Any, rows: Any) -> None:
    """Write E_j = (scale·R_j + L A_j)/B_j of each technique to `rows`."""
    k = requirements.shape[1]
    rows[:] = np.float32(0.0)
    for c in range(technique.size):
        j = a.order[technique[c]]
        for q in range(a.rptr[j], a.rptr[j + 1]):
            rows[c, a.rind[q]] += np.float32(a.per[j] * a.rval[q] * scale[a.rind[q]])
        for q in range(a.aptr[j], a.aptr[j + 1]):
            v = np.float32(a.per[j] * a.aval[q])
            other = a.aind[q]
            for i in range(k):
                rows[c, i] += v * requirements[other, i]


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


@dataclass(frozen=True, eq=False)
class MasterSolution:
    """New rents and what the model expects of them.

    Attributes
    ----------
    sigma : ndarray, shape (resources,)
        On the unit simplex.
    share : ndarray, shape (columns,)
        Shares at which the needs are predicted to be equal.
    shift : float
        Largest relative change of the cost of a technique that was in use.
    gap : float
        Relative gap left in the model.
    """

    sigma: FloatArray
    share: FloatArray
    shift: float
    gap: float


def solve_master(
    columns: Columns,
    needs: FloatArray,
    value: float,
    sigma: FloatArray,
    *,
    margin: float,
    gap: float,
    steps: int,
) -> MasterSolution:
    """Solve the restricted master problem: shares that equalise the needs, and rents.

    With F_j the needs of a good's whole output by technique j, b the needs of all else and
    q_j what the cost of j differs from F_j·σ by, the model is the linear program

        minimise t + q·s  subject to  b + Σ_j s_j F_j ≤ t, Σ_(j of good g) s_j = 1, s ≥ 0

    whose duals are the new σ. It is solved by a primal-dual interior point method (Mehrotra
    1992); each step is a system of the size of the resources.

    Parameters
    ----------
    columns : Columns
    needs : ndarray, shape (resources,)
        c of the present plan, made with ``columns.share``.
    value : float
        φ at the present rents.
    sigma : ndarray, shape (resources,)
    margin : float
        Techniques dearer than the cheapest by more than this share are given up.
    gap : float
        Relative gap of the model that is enough.
    steps : int
        Most steps.
    """
    sizes = np.diff(columns.starts)
    amount = np.repeat(columns.outputs, sizes)
    least = np.minimum.reduceat(columns.cost, columns.starts[:-1])
    kept = columns.cost <= np.repeat(least, sizes) * (1.0 + margin)
    if int(np.count_nonzero(kept)) == columns.outputs.size:
        kept[:] = True  # nothing would be left to choose from
    counts = np.add.reduceat(kept.astype(np.int64), columns.starts[:-1])
    open_ = kept & np.repeat(counts > 1, sizes)
    fixed = kept & ~open_
    b = needs - weighted_sum(columns.rows, amount * columns.share)
    b += weighted_sum(columns.rows, np.where(fixed, amount, 0.0))
    share = fixed.astype(np.float64)
    rows = columns.rows if bool(open_.all()) else columns.rows[open_]
    model = _Model(
        rows, counts[counts > 1], amount[open_], b,
        amount[open_] * (columns.cost[open_] - multiply_rows(rows, sigma)),
    )  # fmt: skip
    point = model.start(columns.share[open_], sigma, value)
    best, left = point, np.inf
    for _ in range(steps):
        error = model.evaluate(point)
        if error < left:
            best, left = point, error
        if left <= gap * value:
            break
        try:
            point = model.step(point)
        except np.linalg.LinAlgError:
            break
    w = best.w / best.w.sum()
    chosen = np.where(best.s > LEAST, best.s, 0.0)
    chosen /= np.repeat(model.by_good(chosen), model.sizes)
    share[open_] = chosen
    moved = np.abs(multiply_rows(rows, w - sigma))
    cost = columns.cost[open_]
    # Costs near 0 can change by any factor; beyond MOST_SHIFT it means nothing.
    ratio = np.zeros(cost.size)
    far = moved >= MOST_SHIFT * cost
    np.divide(moved, cost, out=ratio, where=~far)
    ratio[far & (cost > 0)] = MOST_SHIFT
    shift = float(ratio.max(initial=0.0))
    return MasterSolution(w, share, shift, left / value)


@dataclass(frozen=True, eq=False)
class _Point:
    """Primal s, u, t and dual z, w, pi of the model; also used for directions."""

    s: FloatArray
    u: FloatArray
    t: float
    z: FloatArray
    w: FloatArray
    pi: FloatArray


class _Model:
    """The linear program of :func:`solve_master` and what is known at the present point."""

    def __init__(
        self, rows: npt.NDArray[np.float32], sizes: IntArray, amount: FloatArray,
        b: FloatArray, q: FloatArray,
    ) -> None:  # fmt: skip
        self.rows, self.sizes, self.amount, self.b, self.q = rows, sizes, amount, b, q
        self.starts = np.concatenate([[0], np.cumsum(sizes)])

    def by_good(self, values: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(values, self.starts[:-1]))

    def costs(self, w: FloatArray) -> FloatArray:
        return np.asarray(self.q + self.amount * multiply_rows(self.rows, w))

    def needs(self, s: FloatArray) -> FloatArray:
        return np.asarray(self.b + weighted_sum(self.rows, self.amount * s))

    def start(self, share: FloatArray, sigma: FloatArray, value: float) -> _Point:
        """Well inside: shares moved off 0, prices below costs, more than is needed."""
        s = share + 0.1
        s /= np.repeat(self.by_good(s), self.sizes)
        w = np.maximum(sigma, 0.1 / sigma.size)
        w /= w.sum()
        costs = self.costs(w)
        scale = np.maximum(np.abs(costs), 1e-3 * value / s.size)
        pi = np.minimum.reduceat(costs - 0.05 * scale, self.starts[:-1])
        used = self.needs(s)
        t = float(used.max()) + 0.05 * value
        return _Point(s, t - used, t, costs - np.repeat(pi, self.sizes), w, pi)

    def evaluate(self, at: _Point) -> float:
        """Residuals and mean complementarity; gap and infeasibility in units of the objective."""
        self.dual = self.costs(at.w) - np.repeat(at.pi, self.sizes) - at.z
        self.short = self.needs(at.s) - at.t + at.u
        self.unity = 1.0 - self.by_good(at.s)
        gap = float(at.s @ at.z + at.u @ at.w)
        self.mu = gap / (at.s.size + at.u.size)
        return float(gap + np.abs(self.short).max() + np.abs(self.dual) @ at.s)

    def step(self, at: _Point) -> _Point:
        """One predictor and corrector step."""
        self.factorise(at)
        guess = self.direction(at, -at.s * at.z, -at.u * at.w)
        p, q = _lengths(at, guess)
        after = (at.s + p * guess.s) @ (at.z + q * guess.z)
        after += (at.u + p * guess.u) @ (at.w + q * guess.w)
        aim = self.mu * (float(after) / (at.s.size + at.u.size) / self.mu) ** 3
        move = self.direction(
            at, aim - at.s * at.z - guess.s * guess.z, aim - at.u * at.w - guess.u * guess.w
        )
        p, q = (min(1.0, 0.99 * length) for length in _lengths(at, move, most=2.0))
        return _Point(
            at.s + p * move.s, at.u + p * move.u, at.t + p * move.t,
            at.z + q * move.z, at.w + q * move.w, at.pi + q * move.pi,
        )  # fmt: skip

    def factorise(self, at: _Point) -> None:
        """Eliminate shares: a system of resources, Σ output² times the spread of a good's rows."""
        from scipy.linalg import cho_factor

        k = at.w.size
        self.d = at.s / at.z
        self.total = self.by_good(self.d)
        weight = np.empty(self.d.size)
        spread_weights(self.starts, self.amount, self.d, weight)
        weight[weight <= LEAST_WEIGHT * weight.max()] = 0.0
        # With many resources single precision is enough for a direction, and twice as fast.
        kind = np.float64 if k <= WIDE else np.float32
        lines = np.empty((max(BLOCK, int(self.sizes.max())), k), dtype=kind)
        system, good = np.diag(at.u / at.w), 0
        while good < self.sizes.size:
            used, good = spread(good, self.starts, weight, self.d, self.rows, lines)
            system += lines[:used].T @ lines[:used]
        self.scale = 1.0 / np.sqrt(np.diag(system))
        system *= self.scale[:, None] * self.scale
        system[np.diag_indices_from(system)] += 1e-14
        self.factor = cho_factor(system, check_finite=False)
        self.ones = self.solved(np.ones(k))

    def solved(self, right: FloatArray) -> FloatArray:
        """Solve the factorised system."""
        from scipy.linalg import cho_solve

        out = cho_solve(self.factor, right * self.scale, check_finite=False)
        return np.asarray(out * self.scale)

    def direction(self, at: _Point, rs: FloatArray, ru: FloatArray) -> _Point:
        """Newton direction with complementarity right-hand sides `rs`, `ru`."""
        d, total = self.d, self.total
        h = rs / at.z - d * self.dual
        lack = (self.unity - self.by_good(h)) / total
        h = h + d * np.repeat(lack, self.sizes)
        right = self.short + weighted_sum(self.rows, self.amount * h) + ru / at.w
        base = self.solved(right)
        dt = (float(base.sum()) - 1.0 + float(at.w.sum())) / float(self.ones.sum())
        dw = base - dt * self.ones
        move = self.amount * multiply_rows(self.rows, dw)
        mean = self.by_good(d * move) / total
        ds = h - d * (move - np.repeat(mean, self.sizes))
        return _Point(
            ds, (ru - at.u * dw) / at.w, dt, (rs - at.z * ds) / at.s, dw, mean + lack
        )  # fmt: skip


def _lengths(at: _Point, move: _Point, most: float = 1.0) -> tuple[float, float]:
    """Longest primal and dual steps, at most `most`, that keep everything ≥ 0."""

    def longest(x: FloatArray, dx: FloatArray) -> float:
        falling = dx < 0
        return float(np.min(-x[falling] / dx[falling], initial=most))

    return (
        min(longest(at.s, move.s), longest(at.u, move.u)),
        min(longest(at.z, move.z), longest(at.w, move.w)),
    )


def mix_plans(needs: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Mix whole plans so that the largest need is least (Dantzig & Wolfe 1961).

    Parameters
    ----------
    needs : ndarray, shape (plans, resources)
        Share of each endowment that a unit by each plan uses.

    Returns
    -------
    weights : ndarray, shape (plans,)
        On the simplex.
    sigma : ndarray, shape (resources,)
        Rents at which no plan needs less than the mixture.
    needed : float
        The largest need of the mixture.
    """
    from scipy.optimize import linprog

    count, k = needs.shape
    # Tolerances are absolute: in units of the best single plan they mean the same everywhere.
    best = int(np.argmin(needs.max(axis=1)))
    result = linprog(
        np.append(np.zeros(count), 1.0),
        A_ub=np.hstack([needs.T / needs[best].max(), -np.ones((k, 1))]),
        b_ub=np.zeros(k),
        A_eq=np.append(np.ones(count), 0.0)[None, :],
        b_eq=[1.0],
        bounds=[(0.0, None)] * count + [(None, None)],
        method="highs",
    )
    if result.x is None:
        weights, sigma = np.zeros(count), np.zeros(k)
        weights[best] = sigma[int(np.argmax(needs[best]))] = 1.0
    else:
        weights, sigma = np.maximum(result.x[:count], 0.0), np.maximum(-result.ineqlin.marginals, 0)
    weights, sigma = weights / weights.sum(), sigma / sigma.sum()
    return weights, sigma, float((weights @ needs).max())
