"""Proven points of a linear system: the second part of the trusted checker.

A point in floating point seldom meets an equation, so no objective of one is a bound. What can
be proven is that a small box *holds* a point which meets every row and bound in exact
arithmetic (Jansson 2004, "Rigorous lower and upper bounds in linear programming", SIAM J. Optim.
14; Neumaier & Shcherbina 2004 for the dual side). Whoever proposes a point names rows to be met
exactly and as many columns to be moved for it. The step that is left to the exact solution is
enclosed with an approximate inverse (Krawczyk; Rump 2010, "Verification methods", Acta Numerica
19, §10), and every other row and bound must hold in the whole box.

Trusted are this module, :mod:`planbench.certificates.check`, :mod:`planbench.certificates.sums` and
Python's fractions. Nothing is searched for here, nothing iterates, and there are no tolerances;
who proposes is not trusted. Error bounds of sums and of matrix products hold for any order of
summation, with or without fused operations (Higham 2002, §3.1 and §3.5), so no property of a
BLAS is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.certificates.check import (
    LARGEST,
    in_range,
    least_terms,
    magnitude,
    safe_lower,
    safe_upper,
)
from planbench.certificates.sums import UNIT_ROUNDOFF, gamma, sum_down
from planbench.model.arrays import FloatArray
from planbench.model.linear_program import LinearProgram

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

#: More than any product here can lose by underflow.
UNDERFLOW = 1e-200
#: Matrix entries that are computed with in rational numbers, for one point; then it is given up.
EXACT_ENTRIES = 200_000
#: How far from an inverse the approximate inverse may be.
CONTRACTION = 0.5


@dataclass(frozen=True, eq=False)
class Region:
    """The points x with lower ≤ M x ≤ upper and col_lower ≤ x ≤ col_upper.

    Attributes
    ----------
    matrix : csr_array, shape (rows, columns)
        Without duplicate entries.
    lower, upper : ndarray, shape (rows,)
    col_lower, col_upper : ndarray, shape (columns,)
        May be infinite.
    """

    matrix: sp.csr_array
    lower: FloatArray
    upper: FloatArray
    col_lower: FloatArray
    col_upper: FloatArray

    @cached_property
    def magnitude(self) -> sp.csr_array:
        """|M|."""
        return magnitude(self.matrix)

    @cached_property
    def roundings(self) -> FloatArray:
        """γ of each row's product with a vector."""
        return gamma(np.diff(self.matrix.indptr) + 2)

    @cached_property
    def in_range(self) -> bool:
        """Whether all coefficients are safe to compute with."""
        return in_range(self.matrix.data)

    def product(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """M x and how far each of its entries may be off."""
        return np.asarray(self.matrix @ x), self.roundings * (self.magnitude @ np.abs(x))

    def spread(self, radius: FloatArray) -> FloatArray:
        """How far M x can move while x moves by up to `radius`, rounded up."""
        return np.asarray((self.magnitude @ radius) * (1 + self.roundings))


@dataclass(frozen=True, eq=False)
class Proposal:
    """A point near a feasible one, and how the rest of the way is to be proven.

    Attributes
    ----------
    x : ndarray, shape (columns,)
    rows : ndarray of int, shape (k,)
        Rows to be met exactly, in an order in which they can be solved.
    targets : ndarray, shape (k,)
        What they are to come to.
    columns : ndarray of int, shape (k,)
        The columns moved for it, one per row. The square matrix of `rows` and `columns` is lower
        triangular but for one dense block.
    start, stop : int
        The dense block.
    inverse : ndarray, shape (stop − start, stop − start)
        Approximate inverse of the dense block.
    implied : mapping of int to mapping of int to Fraction
        For rows that `rows` imply: multiples of `rows` whose sum agrees with the row in every
        column that is moved.
    """

    x: FloatArray
    rows: IntArray
    targets: FloatArray
    columns: IntArray
    start: int
    stop: int
    inverse: FloatArray
    implied: Mapping[int, Mapping[int, Fraction]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Enclosure:
    """A box x ± radius that holds a point of the region, in exact arithmetic.

    Attributes
    ----------
    x, radius : ndarray, shape (columns,)
    known : ndarray, shape (rows,)
        What the rows come to at that point where it is known exactly, else NaN.
    """

    x: FloatArray
    radius: FloatArray
    known: FloatArray


@np.errstate(all="ignore")
def enclose(region: Region, proposal: Proposal) -> Enclosure | None:
    """Box around the proposed point that holds a feasible one; None where that is not proven."""
    known = np.full(region.lower.size, np.nan)
    radius = correction(region, proposal)
    if radius is None:
        return None
    x, rows = proposal.x, proposal.rows
    moved = np.zeros(x.size, dtype=bool)
    moved[proposal.columns] = True
    reach = radius + 4 * UNIT_ROUNDOFF * (np.abs(x) + radius)
    low, high = np.where(moved, x - reach, x), np.where(moved, x + reach, x)
    if not ((low >= region.col_lower) & (high <= region.col_upper)).all():
        return None
    targets = proposal.targets
    if not ((targets >= region.lower[rows]) & (targets <= region.upper[rows])).all():
        return None
    known[rows] = targets
    activity, error = region.product(x)
    error = error + region.spread(radius)
    error = error * (1 + 8 * UNIT_ROUNDOFF) + 4 * UNIT_ROUNDOFF * np.abs(activity)
    holds = (activity - error >= region.lower) & (activity + error <= region.upper)
    left = EXACT_ENTRIES
    for i in np.flatnonzero(~holds & np.isnan(known)).tolist():
        multiples = proposal.implied.get(i, {})
        if not all(np.isfinite(known[k]) for k in multiples):
            return None
        left -= int(sum(np.diff(region.matrix.indptr)[[i, *multiples]]))
        value = None if left < 0 else _value(region, proposal, moved, i, multiples)
        if value is None or not (region.lower[i] <= value <= region.upper[i]):
            return None
        known[i] = _as_float(value)
    return Enclosure(x, radius, known)


def _value(
    region: Region,
    proposal: Proposal,
    moved: BoolArray,
    row: int,
    multiples: Mapping[int, Fraction],
) -> Fraction | None:
    """Value that `row` comes to, exactly; None if that depends on how far columns are moved.

    M_i x = Σ λ_k M_k x + (M_i − Σ λ_k M_k) x, where the rows k are met exactly and the
    bracket must be empty in every column that is moved.
    """
    target = dict(zip(proposal.rows.tolist(), proposal.targets.tolist(), strict=True))
    if not all(k in target for k in multiples):
        return None
    rest = _entries(region.matrix, row)
    total = Fraction(0)
    for k, multiple in multiples.items():
        total += multiple * Fraction(target[k])
        for j, entry in _entries(region.matrix, k).items():
            rest[j] = rest.get(j, Fraction(0)) - multiple * entry
    for j, entry in rest.items():
        if entry == 0:
            continue
        if moved[j]:
            return None
        total += entry * Fraction(float(proposal.x[j]))
    return total


def _as_float(value: Fraction) -> float:
    """`value` if it is a floating-point number, else NaN."""
    if abs(value) < LARGEST and Fraction(float(value)) == value:
        return float(value)
    return float("nan")


def _entries(matrix: sp.csr_array, row: int) -> dict[int, Fraction]:
    begin, end = int(matrix.indptr[row]), int(matrix.indptr[row + 1])
    return {
        int(j): Fraction(float(v))
        for j, v in zip(matrix.indices[begin:end], matrix.data[begin:end], strict=True)
    }


@np.errstate(all="ignore")
def enclose_exact(region: Region, point: Sequence[Fraction]) -> Enclosure | None:
    """Box around a rational point if it lies in the region, else None."""
    if len(point) != region.col_lower.size or region.matrix.nnz > EXACT_ENTRIES:
        return None
    if not region.in_range or any(abs(value) > LARGEST for value in point):
        return None
    bounds = zip(region.col_lower.tolist(), point, region.col_upper.tolist(), strict=True)
    if not all(low <= value <= high for low, value, high in bounds):
        return None
    known = np.full(region.lower.size, np.nan)
    for i, (low, high) in enumerate(zip(region.lower.tolist(), region.upper.tolist(), strict=True)):
        parts = (entry * point[j] for j, entry in _entries(region.matrix, i).items())
        value = sum(parts, Fraction(0))
        if not low <= value <= high:
            return None
        known[i] = _as_float(value)
    x = np.array([float(value) for value in point], dtype=np.float64)
    x[np.abs(x) < UNDERFLOW] = 0.0
    off = [abs(value - Fraction(float(at))) for value, at in zip(point, x, strict=True)]
    # What differs by less than the smallest number differs all the same.
    radius = np.array(
        [float(o) * (1 + 8 * UNIT_ROUNDOFF) + UNDERFLOW if o else 0.0 for o in off],
        dtype=np.float64,
    )
    return Enclosure(x, radius, known) if in_range(x) else None


@np.errstate(all="ignore")
def correction(region: Region, proposal: Proposal) -> FloatArray | None:
    """How far at most the columns must be moved to meet the rows; None if that is not known.

    For A, the matrix of the rows and columns proposed, |b − M x| ≤ ρ bounds the step e with
    A e = b − M x: in the triangular parts by substitution of absolute values, in the dense
    block D by |e| ≤ |R| g + |I − R D| |e| with an approximate inverse R of it.
    """
    x = proposal.x
    rows, columns = proposal.rows, proposal.columns
    radius = np.zeros(region.col_lower.size)
    if x.shape != radius.shape or not (region.in_range and in_range(x)):
        return None
    if np.unique(rows).size != rows.size or np.unique(columns).size != rows.size:
        return None
    if not np.isfinite(proposal.targets).all():
        return None
    if not rows.size:
        return radius
    activity, error = region.product(x)
    activity, error = activity[rows], error[rows]
    rho = (np.abs(proposal.targets - activity) + error) * (1 + 8 * UNIT_ROUNDOFF) + UNDERFLOW
    step = _step(region.matrix[rows][:, columns], rho, proposal)
    if step is None or not np.isfinite(step).all():
        return None
    radius[columns] = step
    return radius


def _step(matrix: sp.csr_array, rho: FloatArray, proposal: Proposal) -> FloatArray | None:
    start, stop, size = proposal.start, proposal.stop, rho.size
    if not 0 <= start <= stop <= size or proposal.inverse.shape != (stop - start,) * 2:
        return None
    i = np.repeat(np.arange(size), np.diff(matrix.indptr))
    j, a = matrix.indices, np.abs(matrix.data)
    in_block = (i >= start) & (i < stop)
    if not ((j <= i) | (in_block & (j < stop))).all():
        return None
    diagonal = np.zeros(size)
    diagonal[i[i == j]] = a[i == j]
    if not (diagonal[:start] > 0).all() or not (diagonal[stop:] > 0).all():
        return None
    step = np.zeros(size)
    _substitute(matrix, rho, diagonal, step, range(start))
    if stop > start:
        block = matrix[start:stop]
        # What is not bounded yet is still 0; the block's own columns are among it.
        far = (magnitude(block) @ step) * (1 + float(gamma(size)))
        known = (rho[start:stop] + far) * (1 + 4 * UNIT_ROUNDOFF)
        dense = block[:, start:stop].toarray()
        inside = _dense_step(dense, proposal.inverse, known)
        if inside is None:
            return None
        step[start:stop] = inside
    _substitute(matrix, rho, diagonal, step, range(stop, size))
    return step


def _substitute(
    matrix: sp.csr_array,
    rho: FloatArray,
    diagonal: FloatArray,
    step: FloatArray,
    rows: Iterable[int],
) -> None:
    """Bound the steps of the triangular `rows`, in order, into `step`."""
    for i in rows:
        part = slice(int(matrix.indptr[i]), int(matrix.indptr[i + 1]))
        # Its own step is still 0.
        others = float(np.abs(matrix.data[part]) @ step[matrix.indices[part]])
        up = 1 + 4 * float(gamma(part.stop - part.start))
        step[i] = (rho[i] + others) / diagonal[i] * up + UNDERFLOW


def _dense_step(dense: FloatArray, inverse: FloatArray, known: FloatArray) -> FloatArray | None:
    """Bound on |e| for D e = r with |r| ≤ `known`, where R is nearly the inverse of D."""
    n = known.size
    up = 1 + 2 * float(gamma(n))
    size = np.abs(inverse)
    off = np.abs(np.eye(n) - inverse @ dense) * (1 + 4 * UNIT_ROUNDOFF)
    off = (off + float(gamma(n + 2)) * (size @ np.abs(dense)) * up) * up + UNDERFLOW
    first = (size @ known) * up + UNDERFLOW
    for weight in (first + 1e-6 * first.max(), np.ones(n)):
        shrunk = (off @ weight) * up
        beta = float(np.max(shrunk / weight)) * up
        if beta < CONTRACTION:
            times = float(np.max(first / weight)) / (1 - beta) * up
            return np.asarray((first + times * shrunk) * up)
    return None


def primal_region(lp: LinearProgram) -> Region:
    """Return the feasible points of `lp`."""
    return Region(sp.csr_array(lp.matrix), lp.row_lower, lp.row_upper, lp.col_lower, lp.col_upper)


def dual_region(lp: LinearProgram, col_lower: FloatArray, col_upper: FloatArray) -> Region:
    """Row duals of the minimisation with a finite dual objective, given bounds on the columns.

    Its rows are the columns of `lp`: c_j − M_j'y ≥ 0 where x_j has no upper bound, ≤ 0 where it
    has no lower one.
    """
    cost, rows = lp.minimisation_cost, lp.n_rows
    return Region(
        matrix=sp.csr_array(lp.matrix.T),
        lower=np.where(np.isinf(col_lower), cost, -np.inf),
        upper=np.where(np.isinf(col_upper), cost, np.inf),
        col_lower=np.where(np.isinf(lp.row_upper), np.zeros(rows), -np.inf),
        col_upper=np.where(np.isinf(lp.row_lower), np.zeros(rows), np.inf),
    )


@np.errstate(all="ignore")
def primal_bound(lp: LinearProgram, held: Enclosure) -> float | None:
    """Objective that the feasible point in the box reaches for certain, in the stated sense.

    `held` encloses a point of :func:`primal_region`. The bound is a lower one on the optimum
    when maximising, an upper one when minimising.
    """
    if not (in_range(lp.cost) and in_range(held.x)):
        return None
    worth = -lp.minimisation_cost * held.x
    value = sum_down(np.concatenate([worth, -np.abs(lp.cost) * held.radius]))
    return _stated(lp, value, flip=not lp.maximise)


@np.errstate(all="ignore")
def dual_bound(
    lp: LinearProgram,
    region: Region,
    held: Enclosure,
    col_lower: FloatArray,
    col_upper: FloatArray,
) -> float | None:
    """Bound on the optimum from enclosed duals of the minimisation, in the stated sense.

    `held` encloses a point of `region`, which is a :func:`dual_region` of `lp`. `col_lower` and
    `col_upper` must hold for every feasible point of `lp`. A reduced cost that is known to be 0,
    or to have a sign, needs no bound of its column that it does not call for, so free columns
    are no hindrance (Neumaier & Shcherbina 2004 need bounds on all of them).
    """
    y, radius, cost = held.x, held.radius, lp.minimisation_cost
    if not (in_range(lp.matrix.data) and in_range(cost) and in_range(y)):
        return None
    reach = np.where(radius > 0, radius + 4 * UNIT_ROUNDOFF * (np.abs(y) + radius), 0.0)
    rows = least_terms(
        np.maximum(y - reach, region.col_lower),
        np.minimum(y + reach, region.col_upper),
        safe_lower(lp.row_lower),
        safe_upper(lp.row_upper),
    )
    activity, error = region.product(y)
    error = error + region.spread(radius)
    error = error * (1 + 8 * UNIT_ROUNDOFF) + 4 * UNIT_ROUNDOFF * (np.abs(activity) + np.abs(cost))
    low, high = cost - activity - error, cost - activity + error
    zero = held.known == cost
    low = np.where(zero | (region.upper <= cost), np.maximum(low, 0.0), low)
    high = np.where(zero | (region.lower >= cost), np.minimum(high, 0.0), high)
    low, high = np.where(zero, 0.0, low), np.where(zero, 0.0, high)
    columns = least_terms(low, high, safe_lower(col_lower), safe_upper(col_upper))
    if rows is None or columns is None:
        return None
    return _stated(lp, sum_down(np.concatenate([rows, columns])), flip=lp.maximise)


def _stated(lp: LinearProgram, value: float | None, *, flip: bool) -> float | None:
    """`value` of the objective without its constant, rounded down; negated first if `flip`."""
    if value is None or not abs(lp.offset) < 1e290:
        return None
    value = value + (-lp.offset if flip else lp.offset)
    value -= 4 * UNIT_ROUNDOFF * (abs(value) + abs(lp.offset))
    return -value if flip else value
