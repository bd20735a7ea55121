"""Bracket on the optimum of a general LP: finds points that the trusted checker can prove.

Nothing here is trusted. Each side of the bracket is a point in a region: x among the feasible
points, y among the duals whose dual objective is finite. What a solver hands back is near such
a point, and two ways lead there:

*The vertex.* What lies within a tolerance of a bound is put on it, the rows that are tight become
equations, and the columns between their bounds are solved for. Rows that the others imply are
found out with multipliers, rounded to small fractions; if the equations stay out of reach of
rounding, small ones are solved in rational numbers.

*A little of the interior.* A point that has slack wherever there can be any (from linear programs
solved once per LP, and with the bounds moved in by a little) is mixed in, as little as will do;
equations are then met with the columns that have the most room.

Whatever comes out is proven, or not, by :mod:`planbench.certificates.enclosure`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import scipy.linalg as la
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from planbench.certificates.certificate import Bracket, Residuals
from planbench.certificates.check import LARGEST, SMALLEST, in_range, lp_dual_bound
from planbench.certificates.enclosure import (
    Enclosure,
    Proposal,
    Region,
    correction,
    dual_bound,
    dual_region,
    enclose,
    enclose_exact,
    primal_bound,
    primal_region,
)
from planbench.certificates.propagate import implied_bounds
from planbench.model.arrays import FloatArray
from planbench.model.linear_program import LinearProgram

IntArray = npt.NDArray[np.int64]
#: An objective and the sum of its terms' magnitudes.
_Goal = tuple[float, float]

#: Up to this scaled violation the objective of an unproven point is shown as an estimate.
NEARLY = 1e-6
#: What lies this near to its bound, relative, is taken to lie on it; one after the other.
SNAP = (1e-9, 1e-6)
#: A proven bound this near to the point's own objective, relative, is not improved upon.
ENOUGH = 1e-9
#: Non-zeros up to which bounds of general LPs are searched for at all, and the interior found.
NONZEROS = 2_000_000
INTERIOR_NONZEROS = 300_000
#: Largest dense block: at a vertex, which is tried first, and with interior mixed in.
VERTEX_BLOCK, BLOCK = 150, 1200
#: Rows × rows × columns up to which a dense block is chosen out of its columns.
CHOICE = 1e9
#: Seconds for the linear programs behind one interior, and for a solution in rational numbers.
LP_SECONDS, EXACT_SECONDS = 20.0, 1.0
#: Non-zeros from which these programs are solved by an interior-point method.
SIMPLEX_NONZEROS = 5_000
#: Rows and non-zeros up to which rational numbers are tried.
EXACT_ROWS, EXACT_NONZEROS = 60, 1000
#: Room of a column that is on its bound, next to others with room of about 1.
LAST_RESORT = 1e-12
#: Largest denominator of a multiplier by which rows are said to imply another.
DENOMINATOR = 10_000
#: Pivots smaller than this, relative to the largest, count as dependent.
DEPENDENT = 1e-11
#: Error bounds are counted this often when mixing, as mixing rounds once more.
SAFETY = 4.0
#: Shares of the slack there can be by which bounds are moved in.
SHARES = (1e-2, 1e-4)
#: Flows this many times the slack asked for make it worth asking for more.
FLOWING = 10.0


@np.errstate(all="ignore")
def lp_bracket(
    lp: LinearProgram, x: FloatArray | None, y: FloatArray | None, point: Residuals | None
) -> Bracket:
    """Bracket the optimum of `lp` from any point and any row duals.

    Parameters
    ----------
    lp : LinearProgram
    x : ndarray, shape (columns,), or None
    y : ndarray, shape (rows,), or None
        ∂objective/∂rhs in the stated sense.
    point : Residuals or None
        Of `x` and `y`; for the estimate.
    """
    primal = _primal(lp, x)
    goal = None
    if point is not None and x is not None:
        goal = point.primal_objective, _flow(lp, x)
    dual = _dual(lp, y, goal)
    estimate = None
    reasons = []
    if primal is None and point is not None:
        reasons.append("no feasible point is proven near the plan handed back")
        if point.primal_scaled <= NEARLY:
            estimate = point.primal_objective
    if dual is None and y is not None:
        reasons.append("no prices near those handed back are proven to give a finite bound")
    lower, upper = (primal, dual) if lp.maximise else (dual, primal)
    return Bracket(primal, dual, lower, upper, estimate=estimate, reasons=tuple(reasons))


@np.errstate(all="ignore")
def is_near_feasible_point(lp: LinearProgram, x: FloatArray | None) -> bool:
    """Whether a feasible point is proven to exist, `x` itself or one found from it."""
    start = _usable(x, lp.n_cols)
    if start is None or not _affordable(lp):
        return False
    # The interior of an unbounded program is found without its objective.
    still = replace(lp, cost=np.zeros(lp.n_cols))
    boxes = proven_boxes(_sides(lp).primal, start, lambda: _inner(still, dual=False))
    return next(boxes, None) is not None


def _primal(lp: LinearProgram, x: FloatArray | None) -> float | None:
    x = _usable(x, lp.n_cols)
    if x is None or not _affordable(lp):
        return None
    region = _sides(lp).primal
    sign = 1.0 if lp.maximise else -1.0
    goal = lp.objective(x), _flow(lp, x)
    boxes = proven_boxes(region, x, lambda: _inner(lp, dual=False))
    return _best((primal_bound(lp, held) for held in boxes), sign, goal)


def _dual(lp: LinearProgram, y: FloatArray | None, goal: _Goal | None) -> float | None:
    if y is None or y.shape != (lp.n_rows,):
        return None
    bounds = implied_bounds(lp)
    sign = -1.0 if lp.maximise else 1.0
    simple = lp_dual_bound(lp, y, *bounds)
    usable = _usable(-y if lp.maximise else y + 0.0, lp.n_rows)
    if usable is None or not _affordable(lp) or _enough(simple, goal):
        return simple
    region = _sides(lp).dual
    boxes = proven_boxes(region, usable, lambda: _inner(lp, dual=True))
    better = _best((dual_bound(lp, region, held, *bounds) for held in boxes), sign, goal)
    return _best(iter((simple, better)), sign, None)


def _affordable(lp: LinearProgram) -> bool:
    return bool(lp.matrix.nnz <= NONZEROS and in_range(lp.matrix.data))


def _usable(values: FloatArray | None, size: int) -> FloatArray | None:
    """`values` with dust flushed; None if of a wrong size, not finite or huge."""
    if values is None or values.shape != (size,) or not (np.abs(values) <= LARGEST).all():
        return None
    return np.where(np.abs(values) < SMALLEST, 0.0, values)


def _flow(lp: LinearProgram, x: FloatArray) -> float:
    return float(np.abs(lp.cost) @ np.abs(x))


def _enough(bound: float | None, goal: _Goal | None) -> bool:
    """Whether a bound is so near to an objective, on the scale of its terms, that it will do."""
    if bound is None or goal is None:
        return False
    value, size = goal
    return abs(bound - value) <= ENOUGH * max(abs(bound), abs(value), size)


def _best(bounds: Iterator[float | None], sign: float, goal: _Goal | None) -> float | None:
    """Largest of `bounds` (smallest if `sign` is −1); stops at one that is near `goal`."""
    best: float | None = None
    for bound in bounds:
        if bound is None:
            continue
        if best is None or sign * bound > sign * best:
            best = bound
        if _enough(best, goal):
            break
    return best


@dataclass(frozen=True, eq=False)
class _Sides:
    primal: Region
    dual: Region


_regions: WeakKeyDictionary[LinearProgram, _Sides] = WeakKeyDictionary()


def _sides(lp: LinearProgram) -> _Sides:
    if lp not in _regions:
        # Declared bounds: implied ones can be so far out that they cost all of the bound.
        _regions[lp] = _Sides(primal_region(lp), dual_region(lp, lp.col_lower, lp.col_upper))
    return _regions[lp]


def proven_boxes(
    region: Region, x: FloatArray, inner: Callable[[], _Inner | None] = lambda: None
) -> Iterator[Enclosure]:
    """Boxes around `x` or near it that hold a point of `region`, the most likely best first."""
    if not ((region.lower <= region.upper).all() and (region.col_lower <= region.col_upper).all()):
        return
    starts = [x]
    for near in SNAP:
        at, held = _vertex(region, x, near)
        if at is not None:
            starts.insert(0, at)
        if held is not None:
            yield held
            break
    exact = None
    for last_resort in (0.0, LAST_RESORT):
        exact = exact or _exact_vertex(region, x, last_resort)
    if exact is not None:
        yield exact
    found = inner()
    if found is not None:
        # A vertex that rounding keeps from being proven needs far less of it than an answer.
        boxes = (_mixed(region, start, found) for start in starts)
        yield from (held for held in boxes if held is not None)


def _room(region: Region, x: FloatArray) -> FloatArray:
    room = np.minimum(x - region.col_lower, region.col_upper - x)
    return np.clip(room, 0.0, _unit(x) + np.abs(x))


def _unit(values: FloatArray) -> float:
    """Return what counts as 1 among `values`: less where all are smaller."""
    return min(1.0, float(np.max(np.abs(values), initial=0.0))) or 1.0


def _scale(*bounds: FloatArray) -> FloatArray:
    sizes = [np.where(np.isfinite(b), np.abs(b), 0.0) for b in bounds]
    return np.asarray(np.max(sizes, axis=0), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Tight:
    """A point on its bounds, the rows that are tight there, and each column's room to move."""

    x: FloatArray
    rows: IntArray
    targets: FloatArray
    room: FloatArray


def _tight(region: Region, x: FloatArray, near: float) -> _Tight | None:
    """`x` with everything within `near` of its bound put on it; None if that is not safe."""
    unit = _unit(x)
    size = np.maximum(unit, np.abs(x))
    low, high = x - region.col_lower, region.col_upper - x
    x = np.where(low <= near * size, region.col_lower, x)
    x = np.where((high <= near * size) & (high < low), region.col_upper, x)
    x = np.clip(x, region.col_lower, region.col_upper)
    x = np.where(np.abs(x) < SMALLEST, 0.0, x)
    if not in_range(x):
        return None
    activity = np.asarray(region.matrix @ x)
    flow = np.asarray(region.magnitude @ np.abs(x))
    under, over = activity - region.lower, region.upper - activity
    size = flow + np.minimum(_scale(region.lower), _scale(region.upper))
    tight = (np.minimum(under, over) <= near * size) | (region.lower == region.upper)
    rows = np.flatnonzero(tight & (np.diff(region.matrix.indptr) > 0))
    return _Tight(
        x, rows, np.where(under <= over, region.lower, region.upper)[rows], _room(region, x)
    )


def _vertex(
    region: Region, x: FloatArray, near: float
) -> tuple[FloatArray | None, Enclosure | None]:
    """Point in which everything within `near` of its bound lies on it, and a box that proves it."""
    at = _tight(region, x, near)
    if at is None:
        return None, None
    system = _System.of(region, at.rows, at.targets, at.room, VERTEX_BLOCK)
    if system is None:
        return None, None
    corrected = _usable(system.corrected(at.x), x.size)
    if corrected is None:
        return None, None
    return corrected, enclose(region, system.proposal(corrected))


def _exact_vertex(region: Region, x: FloatArray, last_resort: float) -> Enclosure | None:
    """Prove the same in rational numbers, for small programs.

    Parameters
    ----------
    last_resort : float
        What counts as room of columns on a bound, which are then moved where nothing else can
        be: rounded data may put the exact point off the bound, on the right side.
    """
    if region.lower.size > EXACT_ROWS or region.matrix.nnz > EXACT_NONZEROS:
        return None
    at = _tight(region, x, SNAP[0])
    if at is None:
        return None
    movable = region.col_lower < region.col_upper
    room = np.where(movable, np.maximum(at.room, last_resort * _unit(x)), 0.0)
    point = _rational(region, at.x, at.rows, at.targets, room)
    return None if point is None else enclose_exact(region, point)


@dataclass(frozen=True, eq=False)
class _System:
    """Equations with a basis of columns to meet them with; `template` proposes no point yet."""

    matrix: sp.csr_array
    template: Proposal
    factor: Any

    @staticmethod
    def of(
        region: Region, rows: IntArray, targets: FloatArray, room: FloatArray, block: int
    ) -> _System | None:
        """Choose columns with much `room`; None where the rows are too many or too singular."""
        everything = region.matrix[rows]
        order = _order(everything, room, block)
        if order is None:
            return None
        chosen, columns, start, stop = order
        mine = everything[chosen]
        square = mine[:, columns]
        factor = None
        inverse = np.zeros((stop - start, stop - start))
        if chosen.size:
            try:
                factor = splu(sp.csc_array(square))
                if stop > start:
                    inverse = np.linalg.inv(square[start:stop][:, start:stop].toarray())
            except (RuntimeError, np.linalg.LinAlgError):
                return None
        implied = {}
        for i in np.setdiff1d(np.arange(rows.size), chosen):
            multiples = {}
            if factor is not None:
                entries = everything[[i]][:, columns].toarray().ravel()
                for k, multiple in enumerate(factor.solve(entries, trans="T")):
                    if abs(multiple) > 1e-9 and np.isfinite(multiple):
                        fraction = Fraction(float(multiple)).limit_denominator(DENOMINATOR)
                        multiples[int(rows[chosen[k]])] = fraction
            implied[int(rows[i])] = multiples
        nowhere = np.zeros(room.size)
        template = Proposal(
            nowhere, rows[chosen], targets[chosen], columns, start, stop, inverse, implied
        )
        return _System(mine, template, factor)

    def corrected(self, x: FloatArray) -> FloatArray:
        """`x` with the basis moved so that the equations hold up to rounding."""
        x = x.copy()
        for _ in range(3):
            if self.factor is None:
                break
            step = self.factor.solve(self.template.targets - self.matrix @ x)
            if not np.isfinite(step).all():
                break
            x[self.template.columns] += step
        return np.where(np.abs(x) < SMALLEST, 0.0, x)

    def proposal(self, x: FloatArray) -> Proposal:
        return replace(self.template, x=x)


def _order(
    matrix: sp.csr_array, room: FloatArray, block: int
) -> tuple[IntArray, IntArray, int, int] | None:
    """Independent rows of `matrix` and a column for each, so that little but a block is dense.

    Rows and columns with a single entry left are taken off first (Markowitz 1957), from both
    ends, if the column has about as much room as any in the row; what is left is chosen by a QR
    factorisation with pivoting, which prefers columns with room.

    Returns
    -------
    rows, columns : ndarray of int
        Row numbers within `matrix`; those left out depend on the others.
    start, stop : int
        The dense block within that order.
    """
    can = room > 0
    lengths = np.diff(matrix.indptr)
    row_of = np.repeat(np.arange(matrix.shape[0]), lengths)
    keep = can[matrix.indices] & (matrix.data != 0)
    i, j = row_of[keep], matrix.indices[keep].astype(np.int64)
    weight = np.abs(matrix.data[keep]) * room[j]
    best = np.zeros(matrix.shape[0])
    np.maximum.at(best, i, weight)
    by_row: list[dict[int, float]] = [{} for _ in range(matrix.shape[0])]
    by_col: dict[int, set[int]] = {}
    for r, c, w in zip(i.tolist(), j.tolist(), weight.tolist(), strict=True):
        by_row[r][c] = w
        by_col.setdefault(c, set()).add(r)
    first: list[tuple[int, int]] = []
    last: list[tuple[int, int]] = []
    lone_rows = [r for r, entries in enumerate(by_row) if len(entries) == 1]
    lone_cols = [c for c, entries in by_col.items() if len(entries) == 1]
    active = [bool(entries) for entries in by_row]

    def drop(row: int) -> None:
        active[row] = False
        for c in by_row[row]:
            by_col[c].discard(row)
            if len(by_col[c]) == 1:
                lone_cols.append(c)

    while lone_rows or lone_cols:
        if lone_cols:
            column = lone_cols.pop()
            if len(by_col.get(column, ())) != 1:
                continue
            (row,) = by_col[column]
            alone = [c for c in by_row[row] if len(by_col[c]) == 1]
            column = max(alone, key=by_row[row].__getitem__)
            if by_row[row][column] < 0.01 * max(by_row[row].values()):
                continue
            last.append((row, column))
            drop(row)
        else:
            row = lone_rows.pop()
            if not active[row] or len(by_row[row]) != 1:
                continue
            (column,) = by_row[row]
            first.append((row, column))
            drop(row)
            for r in by_col.pop(column):
                del by_row[r][column]
                if len(by_row[r]) == 1:
                    lone_rows.append(r)
                elif not by_row[r]:
                    active[r] = False
    kernel = np.array([r for r, on in enumerate(active) if on], dtype=np.int64)
    between: list[tuple[int, int]] = []
    if kernel.size:
        columns = np.array(sorted({c for r in kernel.tolist() for c in by_row[r]}), dtype=np.int64)
        if kernel.size > block or kernel.size**2 * columns.size > CHOICE:
            return None
        between = _independent(matrix, kernel, columns, room)
    order = np.array(first + between + last[::-1], dtype=np.int64).reshape(-1, 2)
    return order[:, 0], order[:, 1], len(first), len(first) + len(between)


def _independent(
    matrix: sp.csr_array, rows: IntArray, columns: IntArray, room: FloatArray
) -> list[tuple[int, int]]:
    """As many of `rows` as are independent, each with one of `columns`, those with room first."""
    dense = matrix[rows][:, columns].toarray() * room[columns]
    size = np.abs(dense).max(axis=1, initial=0.0)
    dense = dense / np.where(size > 0, size, 1.0)[:, None]
    factor, chosen = la.qr(dense, mode="r", pivoting=True, check_finite=False)
    pivots = np.abs(np.diag(factor))
    rank = int(np.count_nonzero(pivots > DEPENDENT * pivots.max(initial=0.0)))
    chosen = chosen[:rank]
    which = np.arange(rows.size)
    if rank < rows.size:
        _, which = la.qr(dense[:, chosen].T, mode="r", pivoting=True, check_finite=False)
        which = np.sort(which[:rank])
    return list(zip(rows[which].tolist(), columns[chosen].tolist(), strict=True))


@np.errstate(all="ignore")
def _rational(
    region: Region, x: FloatArray, rows: IntArray, targets: FloatArray, room: FloatArray
) -> list[Fraction] | None:
    """Solve the equations in rational numbers for columns with room (Gauss–Jordan, sparse).

    Equations come first; a tight row that contradicts them is left out. Columns that nothing
    determines stay where they are. None if the equations contradict each other or the numbers
    grow too long.
    """
    end = time.perf_counter() + EXACT_SECONDS
    point = [Fraction(float(value)) for value in x]
    can = room > 0
    left: list[tuple[bool, dict[int, Fraction], Fraction]] = []
    for i, target in zip(rows.tolist(), targets.tolist(), strict=True):
        part = slice(int(region.matrix.indptr[i]), int(region.matrix.indptr[i + 1]))
        entries: dict[int, Fraction] = {}
        rest = Fraction(target)
        for j, a in zip(region.matrix.indices[part], region.matrix.data[part], strict=True):
            if can[j]:
                entries[int(j)] = Fraction(float(a))
            else:
                rest -= Fraction(float(a)) * point[j]
        left.append((bool(region.lower[i] < region.upper[i]), entries, rest))
    solved: list[tuple[int, dict[int, Fraction], Fraction]] = []
    while left:
        if time.perf_counter() > end:
            return None
        at = min(range(len(left)), key=lambda k: (left[k][0], len(left[k][1])))
        loose, entries, rest = left.pop(at)
        if not entries:
            if rest != 0 and not loose:
                return None
            continue
        pivot = max(entries, key=lambda j: abs(float(entries[j])) * room[j])
        for k, (kind, others, other_rest) in enumerate(left):
            if pivot in others:
                times = others[pivot] / entries[pivot]
                for j, a in entries.items():
                    value = others.get(j, Fraction(0)) - times * a
                    if value == 0:
                        others.pop(j, None)
                    else:
                        others[j] = value
                left[k] = (kind, others, other_rest - times * rest)
        solved.append((pivot, entries, rest))
    for pivot, entries, rest in reversed(solved):
        known = sum((a * point[j] for j, a in entries.items() if j != pivot), Fraction(0))
        point[pivot] = (rest - known) / entries[pivot]
    return point


@dataclass(frozen=True, eq=False)
class _Inner:
    """A point with slack at the sides (as in :func:`_slacks`) where there can be any.

    `able` is the slack asked for, 0 where there can be none.
    """

    x: FloatArray
    able: FloatArray


def _slacks(region: Region, activity: FloatArray, x: FloatArray) -> FloatArray:
    """Slack of each side: lower and upper of the rows, then of the columns."""
    return np.concatenate(
        [
            activity - region.lower,
            region.upper - activity,
            x - region.col_lower,
            region.col_upper - x,
        ]
    )


def _split(region: Region, sides: FloatArray) -> list[FloatArray]:
    """Lower and upper sides of the rows, then of the columns."""
    rows, cols = region.lower.size, region.col_lower.size
    return np.split(sides, np.cumsum([rows, rows, cols]))


@np.errstate(all="ignore")
def _mixed(region: Region, x: FloatArray, inner: _Inner) -> Enclosure | None:
    """As little as possible of the interior mixed into `x`, and the equations met."""
    low, high, col_low, col_high = (side == 0 for side in _split(region, inner.able))
    fixed_low = np.isfinite(region.col_lower) & col_low
    fixed_high = np.isfinite(region.col_upper) & col_high

    def placed(point: FloatArray) -> FloatArray:
        point = np.where(fixed_low, region.col_lower, point)
        point = np.where(fixed_high & ~fixed_low, region.col_upper, point)
        return np.clip(point, region.col_lower, region.col_upper)

    met_low = np.isfinite(region.lower) & low
    met_high = np.isfinite(region.upper) & high
    rows = np.flatnonzero((met_low | met_high) & (np.diff(region.matrix.indptr) > 0))
    targets = np.where(met_low, region.lower, region.upper)[rows]
    near, far = placed(x), placed(inner.x)
    room = _room(region, near) + 1e-3 * _room(region, far)
    room[fixed_low | fixed_high] = 0.0
    system = _System.of(region, rows, targets, room, BLOCK)
    if system is None:
        return None
    near, far = system.corrected(near), system.corrected(far)
    share = 0.0
    for attempt in range(4):
        mixed = system.corrected(near + share * (far - near))
        mixed = np.where(fixed_low | fixed_high, near, mixed)
        proposal = system.proposal(mixed)
        held = enclose(region, proposal)
        if held is not None or share >= 1:
            return held
        more = _share(region, system, near, far)
        if more is None:
            return None
        share = min(1.0, max(more * (1 + 1e-9), share * 8) if attempt else more)
    return None


def _share(region: Region, system: _System, near: FloatArray, far: FloatArray) -> float | None:
    """Least share of `far` with which every row and bound holds beyond rounding."""
    radius = correction(region, system.proposal(far))
    other = correction(region, system.proposal(near))
    if radius is None or other is None:
        return None
    radius = SAFETY * np.maximum(radius, other)
    free = np.ones(region.lower.size, dtype=bool)
    free[system.template.rows] = False
    free[list(system.template.implied)] = False
    counted = np.concatenate([free, free, np.ones(2 * near.size, dtype=bool)])
    activity, error = region.product(near)
    inside, inner_error = region.product(far)
    margin = SAFETY * np.maximum(error, inner_error) + region.spread(radius)
    slack = _slacks(region, activity, near)[counted]
    there = _slacks(region, inside, far)[counted]
    margin = np.concatenate([margin, margin, radius, radius])[counted]
    margin = margin + 8e-16 * np.abs(np.where(np.isfinite(slack), slack, 0.0))
    short = np.isfinite(slack) & (slack < margin)
    if (there[short] <= margin[short]).any():
        lasting = there[short] <= margin[short]
        # A column that stays on its bound is no hindrance.
        if (margin[short][lasting] > 0).any() or (there[short][lasting] < 0).any():
            return 1.0
        short[np.flatnonzero(short)[lasting]] = False
    gain = there[short] - slack[short]
    return float(np.max((margin[short] - slack[short]) / gain, initial=0.0))


_inners: dict[bool, WeakKeyDictionary[LinearProgram, _Inner | None]] = {
    False: WeakKeyDictionary(),
    True: WeakKeyDictionary(),
}


def _inner(lp: LinearProgram, *, dual: bool) -> _Inner | None:
    """Interior of the feasible points (or the duals) of `lp`, found once."""
    known = _inners[dual]
    if lp not in known:
        known[lp] = _find_inner(lp, dual) if lp.matrix.nnz <= INTERIOR_NONZEROS else None
    return known[lp]


@np.errstate(all="ignore")
def _find_inner(lp: LinearProgram, dual: bool) -> _Inner | None:
    """Optimum of the LP with its bounds moved in, for the largest share that leaves any."""
    end = time.perf_counter() + LP_SECONDS
    region = _sides(lp).dual if dual else _sides(lp).primal
    want = _want(lp, region, dual)
    if not want.any():
        x = _usable(_optimum(lp, region, want, dual, end), region.col_lower.size)
        return None if x is None else _Inner(x, want)
    x, able = _moved_in(lp, region, want, dual, end), want
    if x is None:
        found = _able(region, want, end)
        if found is None:
            return None
        anywhere, able = found
        x = _moved_in(lp, region, able, dual, end)
        x = anywhere if x is None else x
    # Where much flows, slack of one unit is nothing.
    more = _flows(region, x, able)
    if more is not None:
        better = _moved_in(lp, region, more, dual, end)
        x = x if better is None else better
    return _Inner(x, able)


def _flows(region: Region, x: FloatArray, able: FloatArray) -> FloatArray | None:
    """Slack as large as the flows at `x`, at the sides that are `able`; None if little more."""
    row = np.minimum(region.magnitude @ np.abs(x), (region.upper - region.lower) / 4)
    col = np.minimum(np.abs(x), (region.col_upper - region.col_lower) / 4)
    most = np.concatenate([row, row, col, col])
    if not (most > FLOWING * able)[able > 0].any():
        return None
    return np.where(able > 0, np.maximum(able, most), 0.0)


def _moved_in(
    lp: LinearProgram, region: Region, want: FloatArray, dual: bool, end: float
) -> FloatArray | None:
    for share in SHARES:
        x = _usable(_optimum(lp, region, want * share, dual, end), region.col_lower.size)
        if x is not None:
            slack = _slacks(region, np.asarray(region.matrix @ x), x)
            if (slack >= want * (0.5 * share))[want > 0].all():
                return x
    return None


def _want(lp: LinearProgram, region: Region, dual: bool) -> FloatArray:
    """Slack to ask for at each side: as large as the numbers there are, 0 at equations."""
    size = np.ones(region.lower.size)
    if region.matrix.nnz:
        row = np.repeat(np.arange(region.lower.size), np.diff(region.matrix.indptr))
        size = np.zeros(region.lower.size)
        np.maximum.at(size, row, np.abs(region.matrix.data))
    if dual:
        unit = _unit(lp.cost)
        size = np.full(region.lower.size, unit)
        largest = np.zeros(region.col_lower.size)
        np.maximum.at(largest, region.matrix.indices, np.abs(region.matrix.data))
        col_size = unit / np.where(largest > 0, largest, 1.0)
    else:
        finite = np.concatenate([b[np.isfinite(b)] for b in (lp.row_lower, lp.row_upper)])
        finite = np.concatenate(
            [finite, *(b[np.isfinite(b)] for b in (lp.col_lower, lp.col_upper))]
        )
        unit = _unit(finite)
        size = size * unit
        col_size = np.full(region.col_lower.size, unit)

    def sides(
        lower: FloatArray, upper: FloatArray, least: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        width = np.where(np.isfinite(upper - lower), upper - lower, np.inf)
        most = np.minimum(least + _scale(lower, upper), width / 4)
        return np.where(np.isfinite(lower), most, 0.0), np.where(np.isfinite(upper), most, 0.0)

    return np.concatenate(
        [
            *sides(region.lower, region.upper, size),
            *sides(region.col_lower, region.col_upper, col_size),
        ]
    )


def _optimum(
    lp: LinearProgram, region: Region, by: FloatArray, dual: bool, end: float
) -> FloatArray | None:
    """Optimal point with all bounds moved in by `by`; for the dual, optimal duals with slack.

    Duals y + s with slack q in their reduced costs are duals y of the costs c − q − M's.
    """
    low, high, col_low, col_high = _split(region, by)
    if not dual:
        moved = replace(
            lp,
            row_lower=lp.row_lower + low,
            row_upper=lp.row_upper - high,
            col_lower=lp.col_lower + col_low,
            col_upper=lp.col_upper - col_high,
        )
        found = _solve(moved, end)
        return None if found is None else found[0]
    # y ≥ 0 has a lower side, y ≤ 0 an upper one; a reduced cost has them the other way round.
    shift = col_low - col_high
    cost = lp.minimisation_cost - (high - low) - lp.matrix.T @ shift
    found = _solve(replace(lp, cost=cost, maximise=False), end)
    return None if found is None else found[1] + shift


def _able(region: Region, want: FloatArray, end: float) -> tuple[FloatArray, FloatArray] | None:
    """Which sides can have slack, and a point that has it at all of them.

    Maximises Σ s_i with 0 ≤ s_i ≤ want_i and G x ≥ h τ + s, τ ≥ 1: in the cone over the region
    every side that can have slack can have all it wants (Freund, Roundy & Todd 1985).
    """
    cols = region.col_lower.size
    identity = sp.eye_array(cols, format="csr")
    everything = sp.vstack([region.matrix, -region.matrix, identity, -identity], format="csr")
    bounds = [region.lower, -region.upper, region.col_lower, -region.col_upper]
    bound = np.concatenate(bounds)
    finite = np.isfinite(bound)
    left, right, most = sp.csc_array(everything[finite]), bound[finite], want[finite]
    count = right.size
    scale = np.where(most > 0, most, 1.0)
    program = LinearProgram(
        matrix=sp.hstack(
            [left, sp.csc_array(-right[:, None]), sp.diags_array(-scale)], format="csc"
        ),
        cost=np.concatenate([np.zeros(cols), [1e-6], -1.0 * (most > 0)]),
        row_lower=np.zeros(count),
        row_upper=np.full(count, np.inf),
        col_lower=np.concatenate([np.full(cols, -np.inf), [1.0], np.zeros(count)]),
        col_upper=np.concatenate([np.full(cols, np.inf), [np.inf], 1.0 * (most > 0)]),
    )
    found = _solve(program, end)
    if found is None:
        return None
    stretched = float(found[0][cols])
    x = _usable(found[0][:cols] / stretched, cols)
    if x is None:
        return None
    slack = np.zeros(bound.size)
    slack[finite] = np.where(found[0][cols + 1 :] > 0.5, most / stretched, 0.0)
    return x, slack


def quiet_highs() -> Any:
    """Return a HiGHS object that prints nothing, and may run with any number of threads.

    From 1.16 on highspy's own class prints a banner to standard output when it is made. All HiGHS
    of a process, that in scipy too, share the threads of the first, and refuse another number.
    """
    from highspy._core import _Highs

    _Highs.resetGlobalScheduler(True)
    highs = _Highs()
    highs.setOptionValue("output_flag", False)
    return highs


def _solve(lp: LinearProgram, end: float) -> tuple[FloatArray, FloatArray] | None:
    """Optimal point and row duals of the minimisation by HiGHS; None if not there by `end`."""
    import highspy

    seconds = end - time.perf_counter()
    if seconds <= 0:
        return None
    highs = quiet_highs()
    for key, value in (
        ("solver", "simplex" if lp.matrix.nnz < SIMPLEX_NONZEROS else "ipx"),
        ("run_crossover", "off"),
        ("threads", 1),
        ("time_limit", seconds),
        ("primal_feasibility_tolerance", 1e-9),
        ("dual_feasibility_tolerance", 1e-9),
    ):
        highs.setOptionValue(key, value)
    status = highs.passModel(*lp.for_highs())
    if status.name == "kError" or highs.run().name == "kError":
        return None
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    solution = highs.getSolution()
    return (
        np.array(solution.col_value, dtype=np.float64),
        np.array(solution.row_dual, dtype=np.float64),
    )
