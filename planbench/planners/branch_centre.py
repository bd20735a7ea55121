"""The centre's model of ``general``: a linear program over techniques, disposal and rows.

Between two rounds only techniques near the cheapest of their good, targets, disposal of goods
over and above what is used, and the techniques of cleared goods can change. A column's row holds
what it requires of the centre's rows in all. With ζ the scale of the plan, the model is

    minimise   −ζ + q·(s − ζ ŝ)
    subject to Σ_(j of good g) s_j = ζ,  F's + γ ζ + t = β,  0 ≤ s ≤ u,  t ≥ 0

whose multipliers of the second rows are the new prices π. Proximal terms on both sides,
½ρ(s − ŝ)² and ½δ(π − π̂)², keep the next round where the model holds. It is solved by Mehrotra's
(1992) method; each step is a system of as many unknowns as rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.model.arrays import FloatArray
from planbench.planners import branch_kernels as kernels

#: Weight of ½(ζ − 1)², without which a model far from the truth may grow without bound.
STAY_IN_SIZE = 0.1
#: Relative addition to the diagonal of a system that is singular but for rounding.
RIDGE = 1e-13
#: The same where a factor in single precision preconditions a system whose diagonal is 1. It is in
#: double precision once the share `SMALL` was made finer twice.
ROUNDED = 1e-6
#: Up to so many entries, requirements of cleared goods are dense in the model.
PACKED = 1_000_000
#: Sum of the products of all columns in the first point; Newton steps for the goods' prices there.
INSIDE, ROOT_STEPS = 0.1, 8
#: With more products of two entries of a column, a system is built without those of small entries:
#: squares below a share of the diagonal. The factor only preconditions conjugate gradients: this
#: precise, with at most so many products. What they leave is in the residuals of the next step.
#: Whenever more than `FEW_PRODUCTS` are needed, the share becomes finer by that factor.
INEXACT = 1e7
SMALL, FINER = 1e-5, 0.1
PRECISE, FEW_PRODUCTS, MOST_PRODUCTS = 0.03, 12, 30
#: Times its price at which a correction gives up a row.
DEAR = 10.0
#: Most times a correction is computed, each time without the columns that went beyond their limits.
RESPONSES = 4
#: Products of all columns are not made smaller than this share of the error asked for.
CENTRED = 0.05
#: Weights below this share of the largest are not counted where all rows are dense; columns
#: multiplied at a time.
LEAST_WEIGHT, LINES = 1e-14, 4096
#: Error down to which systems of rows in single precision are built in that.
SINGLE = 3e-4
#: Most centrality correctors of a step: where systems are solved by conjugate gradients, and where
#: those of differences cost more products of two entries than the last.
CORRECTORS, COSTLY = (1, 3), 5e9
#: A corrector aims at steps longer by so much, and is kept while both steps together gain so much.
#: Complementarity products between these multiples of the aim are left as they are (Gondzio's β).
LONGER, GAINED, NEAR = 0.3, 0.03, (0.1, 10.0)
#: Most steps.
MOST_STEPS = 60
#: Where small entries are left out, prices count as at least this share of their mean.
SLIGHT = 0.1
#: Weight of columns that do not change, as a share of what it would be.
STILL = 1e-9

IntArray = npt.NDArray[np.int64]
Unsigned = npt.NDArray[np.unsignedinteger[Any]]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rows:
    """What columns require of the centre's rows: primary rows dense, cleared goods sparse.

    Attributes
    ----------
    dense : ndarray, shape (columns, primary rows)
    sparse : csr_array of float32, shape (columns, cleared goods), or None
    """

    dense: npt.NDArray[np.floating[Any]]
    sparse: sp.csr_array | None

    @classmethod
    def stack(cls, parts: list[Rows]) -> Rows:
        """Rows of the columns of all parts, one after the other."""
        dense = np.vstack([part.dense for part in parts])
        sparse = [part.sparse for part in parts if part.sparse is not None]
        return cls(dense, sp.csr_array(sp.vstack(sparse, format="csr")) if sparse else None)

    @property
    def entries(self) -> tuple[Unsigned, Unsigned, npt.NDArray[np.float32]]:
        """Sparse rows as the kernels read them."""
        rows = self.sparse
        if rows is None:
            none = np.zeros(0, dtype=np.uint32)
            return np.zeros(len(self.dense) + 1, dtype=np.uint64), none, none.view(np.float32)
        index = rows.indices.astype(np.int32, copy=False).view(np.uint32)
        return rows.indptr.astype(np.uint64), index, rows.data

    def times(self, v: FloatArray) -> FloatArray:
        """F v."""
        k = self.dense.shape[1]
        out = np.asarray(self.dense @ v[:k])
        if self.sparse is not None:
            kernels.add_products(*self.entries, v[k:], out)
        return out

    def sums(self, u: FloatArray) -> FloatArray:
        """F'u."""
        k, cleared = self.shape
        out = np.zeros(k + cleared)
        out[:k] = self.dense.T @ u
        if self.sparse is not None:
            kernels.add_sums(*self.entries, u, out[k:])
        return out

    def packed(self) -> Rows:
        """All dense where that is small."""
        if self.sparse is None or self.dense.shape[0] * sum(self.shape) > PACKED:
            return self
        return Rows(np.hstack([self.dense, self.sparse.toarray()]), None)

    @property
    def shape(self) -> tuple[int, int]:
        """Primary rows and cleared goods."""
        return self.dense.shape[1], 0 if self.sparse is None else self.sparse.shape[1]

    def sift(self, pi: FloatArray, share: float) -> None:
        """Leave out sparse entries worth less than `share` of what their column requires, in place.

        Low prices count as a share of the mean price, since prices change.
        """
        rows, k = self.sparse, self.dense.shape[1]
        assert rows is not None
        price = np.maximum(pi, SLIGHT * float(pi.mean()))
        size = np.abs(rows.data) * price[k + rows.indices]
        worth = np.abs(self.dense) @ price[:k]
        worth += sp.csr_array((size, rows.indices, rows.indptr), shape=rows.shape).sum(axis=1)
        rows.data[size < np.repeat(share * worth, np.diff(rows.indptr))] = 0.0
        rows.eliminate_zeros()

    def scaled(self, amount: FloatArray, flow: FloatArray) -> Rows:
        """Multiply rows by the amount of each column over the flow of each row, in place."""
        k = self.dense.shape[1]
        dense = self.dense
        dense *= amount[:, None]
        dense /= flow[:k]
        if self.sparse is not None:
            kernels.scale_rows(*self.entries, amount, 1.0 / flow[k:])
        return self


@dataclass(frozen=True, eq=False)
class Differences:
    """Dense rows of columns of goods only; those of first columns, which are 0, are not stored.

    Attributes
    ----------
    lines : ndarray of float32, shape (columns − goods, rows)
        The row of column j of the g-th good (from 0) is line j − g − 1.
    starts : ndarray of int64, shape (goods + 1,)
        Where each good's columns begin.
    """

    lines: npt.NDArray[np.float32]
    starts: IntArray

    def times(self, v: FloatArray) -> FloatArray:
        """F v."""
        return np.asarray(kernels.multiply_differences(self.lines, self.starts, v))

    def sums(self, u: FloatArray) -> FloatArray:
        """F'u."""
        return np.asarray(kernels.add_up_differences(self.lines, self.starts, u))


@dataclass(frozen=True, eq=False)
class CentreModel:
    """The program above; columns of goods come first, then free ones.

    Attributes
    ----------
    rows : Rows or Differences
        F, less the row of each good's first column, which γ has.
    first : ndarray of int64
        Where each good's columns begin.
    grouped : int
        Columns of goods.
    q, share, limit : ndarray, shape (columns,)
        Costs that F does not explain, ŝ and u.
    beta, gamma : ndarray, shape (rows,)
    pi : ndarray, shape (rows,)
        π̂.
    rho : ndarray, shape (columns,)
    delta : ndarray, shape (rows,)
    """

    rows: Rows | Differences
    first: IntArray
    grouped: int
    q: FloatArray
    share: FloatArray
    limit: FloatArray
    beta: FloatArray
    gamma: FloatArray
    pi: FloatArray
    rho: FloatArray
    delta: FloatArray


@dataclass(frozen=True, eq=False)
class CentreSolution:
    """Scale of the plan, columns, prices of rows and what is left of the rows.

    Attributes
    ----------
    zeta : float
    s : ndarray, shape (columns,)
    pi, left : ndarray, shape (rows,)
    lam : ndarray, shape (goods,)
        Prices of the goods.
    gap : float
        Error left in the model, the plan's value being 1.
    solver : CentreSolver
    """

    zeta: float
    s: FloatArray
    pi: FloatArray
    left: FloatArray
    lam: FloatArray
    gap: float
    solver: CentreSolver


@dataclass(frozen=True, eq=False)
class Columns:
    """What the columns of a model are, in their order: techniques, targets, disposal, own.

    Attributes
    ----------
    techniques : ndarray of int64
        Techniques among which there is a choice.
    targets : int
        Number of targets, 0 if there is only one.
    disposed : ndarray of int64
        Goods that may be thrown away; `disposed_unit` is their unit.
    own : ndarray of int64
        Techniques of cleared goods; `own_unit` is their unit.
    """

    techniques: IntArray
    targets: int
    disposed: IntArray
    disposed_unit: FloatArray
    own: IntArray
    own_unit: FloatArray

    @property
    def starts(self) -> IntArray:
        """Where targets, disposal, own techniques and what follows them begin."""
        sizes = self.techniques.size, self.targets, self.disposed.size, self.own.size
        return np.cumsum(sizes)


@dataclass(frozen=True, eq=False)
class Chosen:
    """What the centre chose.

    Attributes
    ----------
    columns : Columns
    model : CentreModel
    solution : CentreSolution
    flow : ndarray, shape (rows,)
        Units of the rows.
    planned : ndarray, shape (rows,)
        What should be left of each row.
    pi : ndarray, shape (rows,)
        Prices of the rows.
    scale : float
        By which the plan is multiplied.
    zeta : float
        Scale of the model.
    s : ndarray, shape (columns,)
        The columns, those next to their limits put there.
    fixed : ndarray of bool, shape (columns,)
        Columns at their limits, which no correction changes.
    """

    columns: Columns
    model: CentreModel
    solution: CentreSolution
    flow: FloatArray
    planned: FloatArray
    pi: FloatArray
    scale: float
    zeta: float
    s: FloatArray
    fixed: BoolArray

    @property
    def full(self) -> BoolArray:
        """Columns at their upper limit."""
        return np.asarray(self.s >= self.model.limit)


@dataclass(eq=False)
class Point:
    """Primal s, room (below u), slack t, ζ; dual v, over (of u), π, λ. Also directions."""

    s: FloatArray
    room: FloatArray
    t: FloatArray
    zeta: float
    v: FloatArray
    over: FloatArray
    pi: FloatArray
    lam: FloatArray


def compile_kernels() -> None:
    """Compile the kernels of large models, which no tiny economy needs."""
    sparse = sp.csr_array(np.ones((4, 2), dtype=np.float32))
    rows = Rows(np.zeros((4, 1)), sparse).scaled(np.ones(4), np.ones(3))
    starts = np.array([0, 2, 4])
    differences = Differences(np.ones((2, 3), dtype=np.float32), starts)
    for some in (rows, differences):
        model = CentreModel(
            rows=some, first=starts[:2], grouped=4, q=np.ones(4), share=np.full(4, 0.5),
            limit=np.full(4, np.inf), beta=np.full(3, 4.0), gamma=np.ones(3), pi=np.ones(3),
            rho=np.zeros(4), delta=np.zeros(3),
        )  # fmt: skip
        for inexact in (True, False):
            solver = CentreSolver(model, 1e-3)
            solver.small = SMALL * (inexact and some is rows)
            point = solver.start()
            solver.evaluate(point)
            solver.error = 2 * SINGLE * inexact
            solver.step(point)


def solve_centre(
    model: CentreModel,
    enough: float,
    over: Callable[[], bool],
    begin: Point | None = None,
) -> CentreSolution | None:
    """Solve the model until its error is `enough`, or time is `over`; None if nothing is found.

    The first point is that to `begin` with or, without one, that of :meth:`CentreSolver.start`.
    """
    solver = CentreSolver(model, enough)
    best, least = None, np.inf
    # A model without a solution runs away; what is best before that is what is answered.
    with np.errstate(all="ignore"):
        point = solver.start() if begin is None else begin
        for _ in range(MOST_STEPS):
            error = solver.evaluate(point)
            if error < least:
                best, least = point, error
            if not np.isfinite(error) or error <= enough or (best is not None and over()):
                break
            try:
                point = solver.step(point)
            except np.linalg.LinAlgError:
                break
    if best is None:
        return None
    left = model.beta - model.gamma * best.zeta - model.rows.sums(best.s)
    return CentreSolution(best.zeta, best.s, best.pi, left, best.lam, least, solver)


class CentreSolver:
    """Mehrotra's method for one model."""

    def __init__(self, model: CentreModel, enough: float) -> None:
        self.model = model
        m1 = model.grouped
        self.sizes = np.diff(np.append(model.first, m1))
        self.limited = np.flatnonzero(np.isfinite(model.limit))
        self.count = model.q.size + model.beta.size + self.limited.size
        self.least = CENTRED * enough / self.count
        self.cz = -1.0 - float(model.q[:m1] @ model.share[:m1])
        self.starts = np.append(model.first, m1)
        if isinstance(model.rows, Rows):
            self.columns = model.rows.dense, *model.rows.entries
            products = float(np.sum(np.diff(self.columns[1]).astype(np.float64) ** 2))
            self.small = SMALL if products > INEXACT else 0.0
            self.correctors = CORRECTORS[0] if self.small else 0
            # Goods of two columns spread about their mean as the second differs from the first.
            self.pairs = model.first[self.sizes == 2]
            self.squared = np.append(self.pairs + 1, np.arange(m1, model.q.size)).astype(np.uint64)
        else:
            self.small = 0.0
            costly = float(model.q.size) * model.beta.size**2 > COSTLY
            self.correctors = CORRECTORS[1] if costly else 0
        self.mu = self.error = np.inf
        self.at: Point | None = None
        self.fixed: BoolArray | None = None

    def spread(self, values: FloatArray) -> FloatArray:
        """Values of goods for each column; 0 for free columns."""
        return np.asarray(kernels.spread_by_good(self.starts, values, self.model.q.size))

    def by_good(self, values: FloatArray) -> FloatArray:
        """Add up over the columns of each good."""
        return np.asarray(kernels.add_by_good(self.starts, values))

    def start(self) -> Point:
        """Well inside, near the present prices: products of a column are equal there."""
        o, m1, some = self.model, self.model.grouped, self.limited
        # Pairs whose products are far from one another make short steps.
        pair = INSIDE / max(o.q.size, 1)
        pi = np.maximum(o.pi, pair)
        cost = o.q + o.rows.times(pi)
        lam = np.zeros(0)
        if m1:
            lam = np.minimum.reduceat(cost[:m1], o.first) - pair
        for _ in range(ROOT_STEPS if m1 else 0):
            # Prices of goods at which such columns add up to the output, by Newton's method.
            share = pair / (cost[:m1] - np.repeat(lam, self.sizes))
            slope = self.by_good(share**2) / pair
            lam -= np.maximum(self.by_good(share) - 1.0, 0.0) / slope
        s = 1.1 * o.share + 0.01
        s[:m1] = pair / (cost[:m1] - np.repeat(lam, self.sizes))
        s[some] = np.minimum(s, 0.9 * o.limit)[some]
        s = np.maximum(s, 1e-12)
        room = np.maximum(o.limit[some] - s[some], 1e-12)
        t = np.maximum(o.beta - o.gamma - o.rows.sums(s), 0.05)
        v = np.maximum(cost - self.spread(lam), _per(pair, s))
        over = _per(pair, room)
        return Point(s, room, t, 1.0, v, over, pi, lam)

    def evaluate(self, at: Point) -> float:
        """Residuals at a point; error of the model there."""
        o, some = self.model, self.limited
        self.r_goods = at.zeta - self.by_good(at.s)
        self.r_rows = (
            o.beta - o.gamma * at.zeta - o.rows.sums(at.s) - at.t + o.delta * (at.pi - o.pi)
        )
        self.r_room = o.limit[some] - at.s[some] - at.room
        self.r_cost = o.rows.times(at.pi)
        off_costs = kernels.cost_residuals(
            self.starts, o.q, at.lam, at.v, o.rho, at.s, o.share, some, at.over, self.r_cost
        )
        self.r_zeta = self.cz + float(o.gamma @ at.pi) + float(at.lam.sum())
        self.r_zeta += STAY_IN_SIZE * (at.zeta - 1.0)
        self.mu = float(at.s @ at.v + at.t @ at.pi + at.room @ at.over) / self.count
        wrong = np.abs(self.r_rows).max(initial=0.0) + np.abs(self.r_goods).max(initial=0.0)
        wrong += abs(self.r_zeta) + off_costs
        self.error = float(self.mu * self.count + wrong)
        return self.error

    def step(self, at: Point) -> Point:
        """One predictor and corrector step."""
        self.factorise(at)
        self.at = at
        guess = self.direction(at, -at.s * at.v, -at.t * at.pi, -at.room * at.over)
        primal, dual = (min(1.0, length) for length in _lengths(at, guess))
        after = _moved(at, guess, primal, dual)
        ratio = float(after.s @ after.v + after.t @ after.pi + after.room @ after.over)
        ratio /= self.count * self.mu
        aim = max(self.mu * ratio**3, self.least)
        wanted = (
            aim - at.s * at.v - guess.s * guess.v,
            aim - at.t * at.pi - guess.t * guess.pi,
            aim - at.room * at.over - guess.room * guess.over,
        )
        move = self.direction(at, *wanted)
        lengths = _lengths(at, move)
        for _ in range(self.correctors):
            # Products far from the aim at a longer step are moved towards it (Gondzio 1996).
            to = _moved(at, move, *(min(length + LONGER, 1.0) for length in lengths))
            wanted = (
                wanted[0] + _towards(to.s * to.v, aim),
                wanted[1] + _towards(to.t * to.pi, aim),
                wanted[2] + _towards(to.room * to.over, aim),
            )
            other = self.direction(at, *wanted)
            longer = _lengths(at, other)
            if not np.isfinite(other.zeta) or sum(longer) < sum(lengths) + GAINED:
                break
            move, lengths = other, longer
        primal, dual = (min(1.0, 0.99 * length) for length in lengths)
        return _moved(at, move, primal, dual)

    def respond(
        self, more: FloatArray, s: FloatArray, fixed: BoolArray
    ) -> tuple[float, FloatArray, BoolArray] | None:
        """Return columns that use so much more of the rows, at the prices found.

        Columns that would go beyond their limits stop there, and others do what is left.

        Parameters
        ----------
        more : ndarray, shape (rows,)
        s : ndarray, shape (columns,)
            Columns to begin with.
        fixed : ndarray of bool, shape (columns,)
            Whether a column is left as it is.

        Returns
        -------
        tuple of float, ndarray and ndarray of bool, or None
            Change of ζ, columns, and those that are fixed or at their limits. None where the last
            system cannot be solved so.
        """
        best, least, moved = None, np.inf, np.zeros(s.size)
        for _ in range(RESPONSES):
            found = self._respond(more, moved, fixed)
            if found is None:
                break
            wanted = s + found[1]
            possible = np.clip(wanted, 0.0, self.model.limit)
            excess = float(np.abs(wanted - possible).sum())
            if not excess < least:
                break
            least, beyond = excess, possible != wanted
            # Those that are at their limits now cannot do more: others must.
            moved[beyond] = (possible - s)[beyond]
            fixed = fixed | beyond
            best = found[0], possible, fixed
            if not beyond.any():
                break
        return best

    def _respond(
        self, more: FloatArray, moved: FloatArray, fixed: BoolArray
    ) -> tuple[float, FloatArray] | None:
        """Find changes of ζ and columns: `moved`, and those of others that make up for them."""
        at = self.at
        if at is None:
            return None
        with np.errstate(all="ignore"):
            self.fixed = fixed
            # Where only dear columns are left, a row is not brought to it.
            dear = np.maximum(DEAR * self.model.pi, 1.0 / more.size)
            try:
                self.factorise(at, np.abs(more) / dear)
            except np.linalg.LinAlgError:
                self.at = None
                return None
            self.r_rows = more - self.model.rows.sums(moved)
            self.r_goods, self.r_zeta = -self.by_good(moved), 0.0
            self.r_cost, self.r_room = np.zeros(at.s.size), np.zeros(at.room.size)
            move = self.direction(at, self.r_cost, np.zeros(at.t.size), self.r_room)
        ds = moved + np.where(fixed, 0.0, move.s)
        if not (np.isfinite(ds).all() and np.isfinite(move.zeta)):
            return None
        return move.zeta, ds

    def factorise(self, at: Point, give: FloatArray | float = 0.0) -> None:
        """Eliminate columns and goods: a system of rows and ζ, factorised."""
        from scipy.linalg import lapack

        o = self.model
        self.theta = kernels.column_weights(at.s, at.v, o.rho, self.limited, at.over, at.room)
        if self.fixed is not None:
            self.theta[self.fixed] *= STILL
        self.total = self.by_good(self.theta)
        size = o.beta.size
        self.slack = at.t / at.pi + o.delta + give
        self.border = o.gamma + o.rows.sums(self.theta * self.spread(1.0 / self.total))
        self.corner = float((1.0 / self.total).sum()) + STAY_IN_SIZE
        self.to_size = np.zeros(size)
        # What is solved by conjugate gradients is so once less if ζ is eliminated first.
        self.lift = self.border / self.corner if self.small else self.to_size
        # Single precision is not enough near the end: rounds would stall with 300 resources.
        rounded = isinstance(o.rows, Differences) and self.error > SINGLE
        system, diagonal = self.system(rounded), np.arange(size)
        along = system[diagonal, diagonal] + self.border * self.lift
        if not np.isfinite(along).all():
            raise np.linalg.LinAlgError("overflow")
        self.scale, failed = 1.0 / np.sqrt(along), True
        if self.fixed is None and self.small >= SMALL * FINER:
            single = np.zeros((size, size), dtype=np.float32)
            kernels.scale_system(system, self.border, self.lift, self.scale, single)
            single[diagonal, diagonal] += ROUNDED
            self.factor, failed = lapack.spotrf(single.T, lower=0, clean=0, overwrite_a=1)
        if failed:
            self.scale[:] = 1.0
            self.factor, failed = lapack.dpotrf(self.lifted(system).T, lower=0, clean=0)
        if failed and rounded:
            system = self.system(False)
            self.factor, failed = lapack.dpotrf(self.lifted(system).T, lower=0, clean=0)
        if failed:
            system = self.lifted(system)
            system[diagonal, diagonal] *= 1.0 + RIDGE
            self.factor, failed = lapack.dpotrf(system.T, lower=0, clean=0)
        if failed:
            raise np.linalg.LinAlgError("not positive")
        if not self.small:
            self.to_size = self.divided(self.border)
            self.corner += float(self.border @ self.to_size)

    def system(self, rounded: bool) -> FloatArray:
        """Return the system of the rows, its products in single precision if `rounded`."""
        rows, size = self.model.rows, self.slack.size
        out = np.zeros((size, size))
        if isinstance(rows, Differences):
            self.add_lines(rows, np.float32 if rounded else np.float64, out)
        else:
            self.add_squared(rows, out)
            # Spread about the mean of each good: the difference of two sums would lose its digits.
            kernels.add_spread(*self.columns, self.theta, self.starts, self.total, out)
        out[np.arange(size), np.arange(size)] += self.slack
        return out

    def lifted(self, system: FloatArray) -> FloatArray:
        """Return the system of the rows with ζ eliminated first, where that is done."""
        return system + np.multiply.outer(self.border, self.lift) if self.small else system

    def add_squared(self, rows: Rows, system: FloatArray) -> None:
        """Add what goods of two columns, and free columns, add to the system."""
        theta, two, dense = self.theta, self.pairs, rows.dense
        between = theta[two] * theta[two + 1] / (theta[two] + theta[two + 1])
        self.weight = weight = np.append(between, theta[self.model.grouped :])
        if rows.sparse is not None:
            least = np.zeros(len(system))
            if self.small:
                least += self.slack
                kernels.sum_squares(*self.columns, self.squared, weight, least)
            least *= self.small
            kernels.add_squares(*self.columns, self.squared, weight, least, system)
            return
        some = np.flatnonzero(weight > LEAST_WEIGHT * weight.max(initial=0.0))
        for lo in range(0, some.size, LINES):
            at = some[lo : lo + LINES]
            lines = dense[self.squared[at]]
            lines *= np.sqrt(weight[at])[:, None]
            system += np.dot(lines.T, lines)

    def add_lines(
        self, rows: Differences, kind: type[np.floating[Any]], system: FloatArray
    ) -> None:
        """Add the spread of goods' columns, in single or double precision."""
        weight = kernels.weigh_differences(rows.starts, self.theta)
        least, good = LEAST_WEIGHT * float(weight.max()), 0
        lines = np.empty((max(LINES, int(self.sizes.max())), len(system)), dtype=kind)
        while good < self.sizes.size:
            used, good = kernels.spread_differences(
                rows.lines, rows.starts, self.theta, weight, least, good, lines
            )
            system += np.dot(lines[:used].T, lines[:used])

    def solved(self, right: FloatArray, aim: float) -> FloatArray:
        """Solve the system of the rows, by conjugate gradients where its factor is inexact."""
        out = self.divided(right)
        if not self.small:
            return out
        left = right - self.product(out)
        toward = step = self.divided(left)
        size = float(left @ step)
        for number in range(MOST_PRODUCTS):
            if not np.abs(left).max() > aim:
                break
            if number == FEW_PRODUCTS:
                self.small *= FINER
            product = self.product(toward)
            length = size / float(toward @ product)
            out += length * toward
            left -= length * product
            step = self.divided(left)
            last, size = size, float(left @ step)
            toward = step + size / last * toward
        return out

    def divided(self, right: FloatArray) -> FloatArray:
        """Solve with the factor."""
        from scipy.linalg import blas

        # For one right-hand side LAPACK's potrs is several times slower.
        solve = blas.strsv if self.factor.dtype == np.float32 else blas.dtrsv
        part = solve(self.factor, (self.scale * right).astype(self.factor.dtype), trans=1)
        return np.asarray(self.scale * solve(self.factor, part))

    def product(self, v: FloatArray) -> FloatArray:
        """Multiply by the system of the rows."""
        out = self.slack * v
        kernels.square_product(*self.columns, self.squared, self.weight, v, out)
        kernels.spread_product(*self.columns, self.theta, self.starts, self.total, v, out)
        return np.asarray(out + float(self.lift @ v) * self.border)

    def direction(self, at: Point, rs: FloatArray, rt: FloatArray, ru: FloatArray) -> Point:
        """Newton direction with complementarity right-hand sides `rs`, `rt`, `ru`."""
        rows, some = self.model.rows, self.limited
        ds = rs / at.s - self.r_cost
        ds[some] -= (ru - at.over * self.r_room) / at.room
        dlam, amount = kernels.eliminate(self.starts, self.theta, self.total, self.r_goods, ds)
        right = self.r_rows - rows.sums(amount) - rt / at.pi
        wrong = max(float(np.abs(self.r_rows).max()), 0.01 * self.error)
        size = -self.r_zeta - float(dlam.sum())
        part = self.solved(right - size * self.lift, PRECISE * wrong)
        dzeta = (size + float(self.border @ part)) / self.corner
        dpi = dzeta * self.to_size - part
        shift = rows.times(dpi)
        kernels.substitute(self.starts, self.theta, self.total, dzeta, shift, dlam, ds)
        droom = self.r_room - ds[some]
        return Point(
            s=ds,
            room=droom,
            t=(rt - at.t * dpi) / at.pi,
            zeta=dzeta,
            v=(rs - at.v * ds) / at.s,
            over=(ru - at.over * droom) / at.room,
            pi=dpi,
            lam=dlam,
        )


def _per(pair: float, values: FloatArray) -> FloatArray:
    """Return what makes products of `pair` with values that are not too small."""
    return pair / np.maximum(values, 1e-3)


def _towards(products: FloatArray, aim: float) -> FloatArray:
    """Return what brings products that are far from `aim` nearer to it."""
    near = np.clip(products, NEAR[0] * aim, NEAR[1] * aim)
    return np.asarray(np.maximum(near - products, -NEAR[1] * aim))


def _moved(at: Point, move: Point, primal: float, dual: float) -> Point:
    """Point at so long primal and dual steps."""
    return Point(
        s=at.s + primal * move.s,
        room=at.room + primal * move.room,
        t=at.t + primal * move.t,
        zeta=at.zeta + primal * move.zeta,
        v=at.v + dual * move.v,
        over=at.over + dual * move.over,
        pi=at.pi + dual * move.pi,
        lam=at.lam + dual * move.lam,
    )


def _lengths(at: Point, move: Point) -> tuple[float, float]:
    """Longest primal and dual steps that keep everything ≥ 0, at most 1/0.99."""
    primal = dual = 1.0 / 0.99
    for x, dx in ((at.s, move.s), (at.t, move.t), (at.room, move.room)):
        primal = kernels.longest_step(x, dx, primal)
    for x, dx in ((at.v, move.v), (at.pi, move.pi), (at.over, move.over)):
        dual = kernels.longest_step(x, dx, dual)
    return primal, dual
