"""The centre of ``two-level``: a restricted master problem gives new rents and shares.

With σ_k = w_k r_k on the unit simplex, the least-cost value φ(σ) of a unit of the plan is
concave, and its slope is c, the share of every endowment a unit of the plan uses. The best
plan equalises c where σ > 0.

The columns are techniques near the cheapest of their good. Of each the centre knows E_j, the
resources that a unit of the good uses, directly and indirectly. Between two iterations it solves
a model of the economy in which only these choices can change: costs move by E_j·dσ, and a good's
switch moves c by its output times the difference of the E_j. That is a master problem with a
column for every such technique of every good, instead of one for every whole plan (Dantzig &
Wolfe 1961).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.planners import master_kernels as kernels
from planbench.planners.master_kernels import Columns, multiply_rows, weighted_sum

IntArray = npt.NDArray[np.int64]
#: More resources than this: the system is added up in single precision.
WIDE = 256
#: Rows of the system added up at a time.
BLOCK = 4096
#: Columns whose weight is this small a share of the largest do not enter the system.
LEAST_WEIGHT = 1e-8
#: Largest relative change of a cost that is counted.
MOST_SHIFT = 100.0


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
    model = _Model.of(
        rows, counts[counts > 1], amount[open_], b,
        amount[open_] * (columns.cost[open_] - multiply_rows(rows, sigma)),
    )  # fmt: skip
    point = model.start(columns.share[open_], sigma, value)
    best, left = point, np.inf
    for _ in range(steps):
        model.evaluate(point)
        if model.left(point) < left:
            best, left = point, model.left(point)
        if left <= gap * value:
            break
        try:
            point = model.step(point)
        except np.linalg.LinAlgError:
            break
    w = best.w / best.w.sum()
    chosen = np.where(best.s > kernels.LEAST, best.s, 0.0)
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


@dataclass
class _Model:
    """The linear program of :func:`solve_master` and what is known at the present point."""

    rows: npt.NDArray[np.float32]
    first: IntArray
    sizes: IntArray
    starts: IntArray
    amount: FloatArray
    b: FloatArray
    q: FloatArray
    dual: FloatArray
    short: FloatArray
    unity: FloatArray
    mu: float = np.inf

    @classmethod
    def of(
        cls, rows: npt.NDArray[np.float32], sizes: IntArray, amount: FloatArray,
        b: FloatArray, q: FloatArray,
    ) -> _Model:  # fmt: skip
        starts = np.concatenate([[0], np.cumsum(sizes)])
        none = np.zeros(0)
        return cls(rows, starts[:-1], sizes, starts, amount, b, q, none, none, none)

    def by_good(self, values: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(values, self.first))

    def start(self, share: FloatArray, sigma: FloatArray, value: float) -> _Point:
        """Well inside: shares moved off 0, prices below costs, more than is needed."""
        s = share + 0.1
        s /= np.repeat(self.by_good(s), self.sizes)
        w = np.maximum(sigma, 0.1 / sigma.size)
        w /= w.sum()
        costs = self.q + self.amount * multiply_rows(self.rows, w)
        scale = np.maximum(np.abs(costs), 1e-3 * value / s.size)
        pi = np.minimum.reduceat(costs - 0.05 * scale, self.first)
        z = costs - np.repeat(pi, self.sizes)
        used = self.b + weighted_sum(self.rows, self.amount * s)
        t = float(used.max()) + 0.05 * value
        return _Point(s, t - used, t, z, w, pi)

    def evaluate(self, at: _Point) -> None:
        """Residuals and mean complementarity at a point."""
        costs = self.q + self.amount * multiply_rows(self.rows, at.w)
        self.dual = costs - np.repeat(at.pi, self.sizes) - at.z
        self.short = self.b + weighted_sum(self.rows, self.amount * at.s) - at.t + at.u
        self.unity = 1.0 - self.by_good(at.s)
        self.mu = float(at.s @ at.z + at.u @ at.w) / (at.s.size + at.u.size)

    def left(self, at: _Point) -> float:
        """Gap and infeasibility in units of the objective."""
        count = at.s.size + at.u.size
        wrong = np.abs(self.short).max() + np.abs(self.dual) @ at.s
        return float(self.mu * count + wrong)

    def step(self, at: _Point) -> _Point:
        """One predictor and corrector step."""
        d = at.s / at.z
        total = self.by_good(d)
        weight = np.empty(d.size)
        kernels.spread_weights(self.starts, self.amount, d, weight)
        weight[weight <= LEAST_WEIGHT * weight.max()] = 0.0
        factor = _Factor(self.system(weight, d) + np.diag(at.u / at.w))
        guess = self.direction(at, d, total, factor, -at.s * at.z, -at.u * at.w)
        p, q = _lengths(at, guess)
        after = (at.s + p * guess.s) @ (at.z + q * guess.z)
        after += (at.u + p * guess.u) @ (at.w + q * guess.w)
        aim = self.mu * (float(after) / (at.s.size + at.u.size) / self.mu) ** 3
        move = self.direction(
            at, d, total, factor,
            aim - at.s * at.z - guess.s * guess.z,
            aim - at.u * at.w - guess.u * guess.w,
        )  # fmt: skip
        p, q = (min(1.0, 0.99 * length) for length in _lengths(at, move, most=2.0))
        return _Point(
            at.s + p * move.s, at.u + p * move.u, at.t + p * move.t,
            at.z + q * move.z, at.w + q * move.w, at.pi + q * move.pi,
        )  # fmt: skip

    def system(self, weight: FloatArray, d: FloatArray) -> FloatArray:
        """Σ over goods of output² times the spread of their rows, a block of rows at a time."""
        k = self.rows.shape[1]
        # With many resources single precision is enough for a direction, and twice as fast.
        kind = np.float64 if k <= WIDE else np.float32

        lines = np.empty((max(BLOCK, int(self.sizes.max())), k), dtype=kind)
        out, good = np.zeros((k, k)), 0
        while good < self.sizes.size:
            used, good = kernels.spread(good, self.starts, weight, d, self.rows, lines)
            block = lines[:used]
            out += block.T @ block
        return out

    def direction(
        self, at: _Point, d: FloatArray, total: FloatArray, factor: _Factor,
        rs: FloatArray, ru: FloatArray,
    ) -> _Point:  # fmt: skip
        """Newton direction with complementarity right-hand sides `rs`, `ru`."""
        h = rs / at.z - d * self.dual
        lack = (self.unity - self.by_good(h)) / total
        h = h + d * np.repeat(lack, self.sizes)
        right = self.short + weighted_sum(self.rows, self.amount * h) + ru / at.w
        dw, dt = factor.solve(right, 1.0 - float(at.w.sum()))
        move = self.amount * multiply_rows(self.rows, dw)
        mean = self.by_good(d * move) / total
        ds = h - d * (move - np.repeat(mean, self.sizes))
        dz = (rs - at.z * ds) / at.s
        du = (ru - at.u * dw) / at.w
        return _Point(ds, du, dt, dz, dw, mean + lack)


def _lengths(at: _Point, move: _Point, most: float = 1.0) -> tuple[float, float]:
    """Longest primal and dual steps that keep everything ≥ 0."""
    primal = min(_longest(at.s, move.s, most), _longest(at.u, move.u, most))
    return primal, min(_longest(at.z, move.z, most), _longest(at.w, move.w, most))


def _longest(x: FloatArray, dx: FloatArray, most: float) -> float:
    """Longest step, at most `most`, that keeps x ≥ 0."""
    falling = dx < 0
    return float(np.min(-x[falling] / dx[falling], initial=most))


class _Factor:
    """Solves N dσ + dt·1 = right, 1'dσ = total, for several right-hand sides."""

    def __init__(self, system: FloatArray) -> None:
        from scipy.linalg import cho_factor

        scale = 1.0 / np.sqrt(np.diag(system))
        scaled = system * scale[:, None] * scale
        scaled[np.diag_indices_from(scaled)] += 1e-14
        self._factor = cho_factor(scaled, check_finite=False)
        self._scale = scale
        self._ones = self._apply(np.ones(scale.size))

    def _apply(self, right: FloatArray) -> FloatArray:
        from scipy.linalg import cho_solve

        out = cho_solve(self._factor, right * self._scale, check_finite=False) * self._scale
        return np.asarray(out)

    def solve(self, right: FloatArray, total: float) -> tuple[FloatArray, float]:
        """Return dσ and dt."""
        base = self._apply(right)
        dt = (float(base.sum()) - total) / float(self._ones.sum())
        return base - dt * self._ones, dt
