"""The trusted checker: bounds that hold for *any* numbers it is handed.

It is small, does not iterate and trusts nobody. Every bound is rounded outward by a running
error bound, see :mod:`planbench.certificates.sums`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.certificates.certificate import Residuals, relative_gap
from planbench.certificates.sums import UNIT_ROUNDOFF, LongRows, gamma, long_rows, sum_down
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram

#: Outside these no bound is given. Within them no product of up to six numbers, one of them a
#: rounding error, can overflow or lose digits by underflow.
SMALLEST, LARGEST = 1e-50, 1e50
#: The flow through a row excuses a violation only up to this many times 1 + |bound|: without
#: an end to it, huge numbers that cancel would make any violation look small.
FLOW = 100.0


@dataclass(frozen=True, eq=False)
class Limits:
    """What the checker needs to know of an economy besides its matrices.

    Attributes
    ----------
    activity : ndarray, shape (activities,)
        ū_j = min(u_j, min over k with R_kj > 0 of r_k/R_kj), rounded up; may be ∞.
    target : ndarray, shape (targets,)
        z̄_k = min over i with D_ik > 0 of (Σ_j B_ij ū_j − f_i)/D_ik, rounded up; may be ∞.
    good_terms, activity_terms : ndarray of int
        Number of terms in each goods balance and in each activity's value.
    resources, targets : LongRows
        R by rows and D by columns: few and long, so they are added in blocks.
    in_range : bool
        All data lie within [SMALLEST, LARGEST] in magnitude (or are 0, or ∞ for capacities).
    used, made, spent : csr_array, shape (activities, goods or resources)
        A', B' and R', of the same arrays: transposing takes longer than a small product.
    """

    activity: FloatArray
    target: FloatArray
    good_terms: npt.NDArray[np.int64]
    activity_terms: npt.NDArray[np.int64]
    resources: LongRows
    targets: LongRows
    in_range: bool
    used: sp.csr_array
    made: sp.csr_array
    spent: sp.csr_array


_limits: WeakKeyDictionary[Economy, Limits] = WeakKeyDictionary()


def _up(value: FloatArray, ulps: int = 8) -> FloatArray:
    """`value` moved up by `ulps` relative roundoffs."""
    return np.asarray(value + np.abs(value) * (ulps * UNIT_ROUNDOFF))


def _row_counts(matrix: Matrix) -> npt.NDArray[np.int64]:
    return np.bincount(matrix.indices, minlength=matrix.shape[0]).astype(np.int64)


def _columns(matrix: Matrix) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))


def in_range(values: FloatArray, *, infinite: bool = False) -> bool:
    """Whether all of `values` are 0 or safe to compute with (or, if asked, infinite)."""
    magnitude = np.abs(values)
    fine = (magnitude == 0) | ((magnitude >= SMALLEST) & (magnitude <= LARGEST))
    if infinite:
        fine |= np.isinf(magnitude)
    return bool(fine.all())


def limits_of(economy: Economy) -> Limits:
    """Limits of `economy`, computed once and kept as long as the economy lives."""
    if economy not in _limits:
        _limits[economy] = _compute_limits(economy)
    return _limits[economy]


def _compute_limits(economy: Economy) -> Limits:
    a, b, r, d = economy.inputs, economy.outputs, economy.resource_use, economy.assortment
    safe = all(in_range(m.data) for m in (a, b, r, d)) and all(
        in_range(v, infinite=True)
        for v in (economy.endowment, economy.capacity, economy.fixed_demand, economy.weights)
    )
    activity = economy.capacity.copy()
    target = np.full(economy.n_targets, np.inf)
    if safe:
        np.minimum.at(activity, _columns(r), _up(economy.endowment[r.indices] / r.data))
        terms = _row_counts(b)
        most = np.asarray(b @ activity)
        most = most + gamma(terms) * np.abs(most) - economy.fixed_demand
        most = most + (np.abs(most) + np.abs(economy.fixed_demand)) * (8 * UNIT_ROUNDOFF)
        ratio = np.maximum(_up(most[d.indices] / d.data), 0.0)
        np.minimum.at(target, _columns(d), ratio)
    by_row = r.tocsr()
    return Limits(
        activity=activity,
        target=target,
        good_terms=_row_counts(a) + _row_counts(b) + _row_counts(d) + 1,
        activity_terms=(np.diff(a.indptr) + np.diff(b.indptr) + np.diff(r.indptr)).astype(np.int64),
        resources=long_rows(by_row.data, by_row.indices, by_row.indptr),
        targets=long_rows(d.data, d.indices, d.indptr),
        in_range=safe,
        used=a.T,
        made=b.T,
        spent=r.T,
    )


@dataclass(frozen=True, eq=False)
class Slack:
    """Slack of a plan in every row, and what rounding may have made of it."""

    goods: FloatArray
    goods_error: FloatArray
    resources: FloatArray
    resources_error: FloatArray


def plan_slack(economy: Economy, x: FloatArray, z: FloatArray) -> Slack:
    """Slack (B − A)x − Dz − f and r − Rx with their error bounds; one matrix pass.

    `x` and `z` must be finite and non-negative.
    """
    limits = limits_of(economy)
    made, used = economy.outputs @ x, economy.inputs @ x
    delivered, spent = economy.assortment @ z, limits.resources.product(x)
    f, r = economy.fixed_demand, economy.endowment
    return Slack(
        goods=made - used - delivered - f,
        goods_error=gamma(limits.good_terms) * (made + used + delivered + np.abs(f)),
        resources=r - spent,
        # With nothing spent there is nothing to round, so an empty endowment is met exactly.
        resources_error=gamma(limits.resources.terms) * (spent + np.where(spent > 0, r, 0.0)),
    )


def certified_lower(economy: Economy, x: FloatArray, z: FloatArray) -> float | None:
    """ω·z rounded down if (x, z) is feasible beyond doubt, else None.

    Feasible beyond doubt: x in [0, u] and z ≥ 0 exactly, and every row's computed slack is
    at least its error bound, so that the exact plan is feasible in exact arithmetic.
    """
    limits = limits_of(economy)
    if x.shape != (economy.n_activities,) or z.shape != (economy.n_targets,):
        return None
    if not (limits.in_range and np.isfinite(x).all() and np.isfinite(z).all()):
        return None
    if (x < 0).any() or (x > economy.capacity).any() or (z < 0).any():
        return None
    if not (in_range(x) and in_range(z)):
        return None
    slack = plan_slack(economy, x, z)
    if (slack.goods < slack.goods_error).any():
        return None
    if (slack.resources < slack.resources_error).any():
        return None
    return sum_down(economy.weights * z)


@dataclass(frozen=True, eq=False)
class Surplus:
    """What prices leave an activity, p(B − A) − wR, and a target, ω − D'p, with errors."""

    activities: FloatArray
    activities_error: FloatArray
    targets: FloatArray
    targets_error: FloatArray


def price_surplus(economy: Economy, p: FloatArray, w: FloatArray) -> Surplus:
    """Surpluses of `p`, `w` with their error bounds; one transposed matrix pass.

    `p` and `w` must be finite and non-negative.
    """
    limits = limits_of(economy)
    revenue = limits.made @ p
    cost = limits.used @ p + limits.spent @ w
    worth = limits.targets.product(p)
    return Surplus(
        activities=revenue - cost,
        activities_error=gamma(limits.activity_terms) * (revenue + cost),
        targets=economy.weights - worth,
        targets_error=gamma(limits.targets.terms) * (economy.weights + worth),
    )


def certified_upper(economy: Economy, p: FloatArray, w: FloatArray) -> float | None:
    """Upper bound U(p, w) on the optimum by weak duality, rounded up; None if infinite.

    U = w·r − p·f + Σ_j ū_j [p(B − A) − wR]_j⁺ + Σ_k z̄_k [ω − D'p]_k⁺ for any p, w ≥ 0
    (negative entries are taken as 0; 0·∞ = 0).
    """
    limits = limits_of(economy)
    if p.shape != (economy.n_goods,) or w.shape != (economy.n_resources,):
        return None
    if not (limits.in_range and np.isfinite(p).all() and np.isfinite(w).all()):
        return None
    p, w = np.maximum(p, 0.0), np.maximum(w, 0.0)
    # Prices too small to multiply safely may be taken as 0: any p, w ≥ 0 give a bound.
    p, w = np.where(p < SMALLEST, 0.0, p), np.where(w < SMALLEST, 0.0, w)
    if not (in_range(p) and in_range(w)):
        return None
    surplus = price_surplus(economy, p, w)
    gain = surplus.activities + surplus.activities_error
    short = surplus.targets + surplus.targets_error
    gains, shorts = gain > 0, short > 0
    if np.isinf(limits.activity[gains]).any() or np.isinf(limits.target[shorts]).any():
        return None
    terms = np.concatenate(
        [
            w * economy.endowment,
            -(p * economy.fixed_demand),
            limits.activity[gains] * gain[gains],
            limits.target[shorts] * short[shorts],
        ]
    )
    value = sum_down(-terms)
    return None if value is None else -value


@dataclass(frozen=True, eq=False)
class Reference:
    """A feasible plan and prices of an economy whose flows say what counts as large.

    An answer's own flows would not do: whoever inflates them would excuse any violation.

    Attributes
    ----------
    x : ndarray, shape (columns,), or None
    y : ndarray, shape (rows,), or None
    """

    x: FloatArray | None
    y: FloatArray | None


def residuals(
    lp: LinearProgram, x: FloatArray, y: FloatArray | None, reference: Reference | None = None
) -> Residuals | None:
    """Recompute the violations of a point of `lp`; None if it has a NaN or an infinity.

    The dual side knows signs: y_i > 0 needs a finite lower bound of its row when minimising,
    y_i < 0 a finite upper one, and likewise the reduced costs c − M'y and the column bounds.

    Parameters
    ----------
    lp : LinearProgram
    x : ndarray, shape (columns,)
    y : ndarray, shape (rows,), or None
    reference : Reference or None
        Whose flows scale the violations; None for a general LP, where the point's own do, up to
        a limit.
    """
    if x.shape != (lp.n_cols,) or not np.isfinite(x).all():
        return None
    sizes = magnitude(lp.matrix)
    unit, cost_unit = units_of(lp)
    with np.errstate(all="ignore"):
        activity = lp.matrix @ x
        if reference is None:
            flow = sizes @ np.abs(x)
            low, high = (_scale(b, flow, unit) for b in (lp.row_lower, lp.row_upper))
            col_low, col_high = (_scale(b, np.abs(x), unit) for b in (lp.col_lower, lp.col_upper))
        else:
            flow = 0.0 if reference.x is None else sizes @ np.abs(reference.x)
            low, high = (unit + np.abs(_finite(b)) + flow for b in (lp.row_lower, lp.row_upper))
            col_low, col_high = (unit + np.abs(_finite(b)) for b in (lp.col_lower, lp.col_upper))
            out = np.flatnonzero((x < lp.col_lower) | (x > lp.col_upper))
            rows = np.where(np.isfinite(lp.row_lower), low, high)
            worth = _felt_in_rows(lp.matrix, out, rows)
            col_low[out] = np.maximum(col_low[out], worth)
            # A capacity has units of its own; one of 0, like the level 0, has none.
            unsized = np.where(lp.col_upper[out] == 0, worth, 0.0)
            col_high[out] = np.maximum(col_high[out], unsized)
        row_over, row_scaled = _violation(activity, lp.row_lower, lp.row_upper, low, high)
        col_over, col_scaled = _violation(x, lp.col_lower, lp.col_upper, col_low, col_high)
        primal, primal_scaled = _largest(row_over, col_over), _largest(row_scaled, col_scaled)
        value = lp.objective(x)
    if not (np.isfinite(value) and np.isfinite(primal) and np.isfinite(primal_scaled)):
        return None
    nothing = Residuals(primal, primal_scaled, None, None, None, value, None, None)
    if y is None or y.shape != (lp.n_rows,) or not np.isfinite(y).all():
        return nothing
    sign = -1.0 if lp.maximise else 1.0
    with np.errstate(all="ignore"):
        y_min = sign * y
        reduced = lp.minimisation_cost - lp.matrix.T @ y_min
        bad_y = np.where(y_min > 0, np.isinf(lp.row_lower), np.isinf(lp.row_upper))
        bad_d = np.where(reduced > 0, np.isinf(lp.col_lower), np.isinf(lp.col_upper))
        wrong_y, wrong_d = np.abs(y) * bad_y, np.abs(reduced) * bad_d
        if reference is None:
            col_size = _scale(lp.cost, sizes.T @ np.abs(y), cost_unit)
            row_size = cost_unit + np.abs(y)
        else:
            flow = 0.0 if reference.y is None else sizes.T @ np.abs(reference.y)
            col_size = cost_unit + np.abs(lp.cost) + flow
            row_size = np.full(lp.n_rows, cost_unit)
            out = np.flatnonzero(wrong_y)
            if out.size:
                row_size[out] = np.maximum(cost_unit, _felt_in_rows(lp.matrix.T, out, col_size))
        dual = _largest(wrong_y, wrong_d)
        dual_scaled = _largest(wrong_y / row_size, wrong_d / col_size)
        row_bound = np.where(bad_y, 0.0, np.where(y_min > 0, lp.row_lower, lp.row_upper))
        col_bound = np.where(bad_d, 0.0, np.where(reduced > 0, lp.col_lower, lp.col_upper))
        row_bound = np.where(y_min == 0, 0.0, row_bound)
        col_bound = np.where(reduced == 0, 0.0, col_bound)
        # Multipliers of a forbidden sign count as zero in the dual objective.
        y_ok, d_ok = np.where(bad_y, 0.0, y_min), np.where(bad_d, 0.0, reduced)
        dual_value = sign * float(y_ok @ row_bound + d_ok @ col_bound) + lp.offset
        slackness = float(
            np.abs(y_ok * (activity - row_bound)).sum() + np.abs(d_ok * (x - col_bound)).sum()
        ) / max(unit * cost_unit + abs(value), 1e-300)
    if not all(math.isfinite(v) for v in (dual, dual_scaled, dual_value, slackness)):
        return nothing
    gap = relative_gap(min(value, dual_value), max(value, dual_value))
    return Residuals(primal, primal_scaled, dual, dual_scaled, slackness, value, dual_value, gap)


def objective_flow(lp: LinearProgram, x: FloatArray | None, y: FloatArray | None) -> float:
    """Sum of the magnitudes of the terms of c·x or of the dual objective, the larger of the two.

    Parameters
    ----------
    lp : LinearProgram
    x : ndarray, shape (columns,), or None
    y : ndarray, shape (rows,), or None
    """
    primal = dual = 0.0
    with np.errstate(all="ignore"):
        if x is not None and x.shape == (lp.n_cols,):
            primal = float(np.abs(lp.cost * x).sum())
        if y is not None and y.shape == (lp.n_rows,):
            y_min = -y if lp.maximise else y
            reduced = lp.minimisation_cost - lp.matrix.T @ y_min
            rows = np.where(y_min > 0, lp.row_lower, lp.row_upper)
            cols = np.where(reduced > 0, lp.col_lower, lp.col_upper)
            dual = float(np.abs(y * _finite(rows)).sum() + np.abs(reduced * _finite(cols)).sum())
    return max((v for v in (primal, dual) if math.isfinite(v)), default=0.0)


def _felt_in_rows(matrix: Matrix, columns: npt.NDArray[np.int64], rows: FloatArray) -> FloatArray:
    """Change of each of `columns` that moves no row by more than its scale; 0 for an empty one.

    So a level below zero counts by what it makes and uses, in whatever units it is counted.
    """
    part = matrix[:, columns].tocsc()
    filled = np.flatnonzero(np.diff(part.indptr))
    room = np.zeros(columns.size)
    if filled.size:
        ratio = rows[part.indices] / np.abs(part.data)
        room[filled] = np.minimum.reduceat(ratio, part.indptr[:-1][filled])
    return room


def units_of(lp: LinearProgram) -> tuple[float, float]:
    """Return what counts as 1 among bounds and costs of `lp`: less where all are smaller."""
    bounds = [lp.row_lower, lp.row_upper, lp.col_lower, lp.col_upper]
    sizes = (_largest(*(np.abs(_finite(b)) for b in bounds)), _largest(np.abs(lp.cost)))
    bound, cost = (min(1.0, size) or 1.0 for size in sizes)
    return bound, cost


def magnitude(matrix: Matrix) -> Matrix:
    """|matrix|, sharing its indices."""
    return type(matrix)((np.abs(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)


def _violation(
    value: FloatArray, lower: FloatArray, upper: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """How far `value` lies outside [lower, upper], and the same over the scales of the two."""
    under, over = lower - value, value - upper
    return np.maximum(under, over), np.maximum(under / low, over / high)


def _scale(bound: FloatArray, flow: FloatArray, unit: float) -> FloatArray:
    size = unit + np.abs(_finite(bound))
    return np.asarray(size + np.minimum(flow, FLOW * size))


def _finite(bound: FloatArray) -> FloatArray:
    return np.where(np.isfinite(bound), bound, 0.0)


def _largest(*parts: FloatArray) -> float:
    """Largest entry, at least 0; NaN if there is one."""
    return float(np.max([np.max(part, initial=0.0) for part in parts]))


def safe_lower(bound: FloatArray) -> FloatArray:
    """Lower bounds moved down, where need be, to numbers that are safe to compute with."""
    tiny = np.abs(bound) < SMALLEST
    out = np.where(tiny, np.where(bound < 0, -SMALLEST, 0.0), np.minimum(bound, LARGEST))
    return np.where(out < -LARGEST, -np.inf, out)


def safe_upper(bound: FloatArray) -> FloatArray:
    """Upper bounds moved up likewise."""
    return -safe_lower(-bound)


@np.errstate(all="ignore")
def lp_dual_bound(
    lp: LinearProgram, y: FloatArray, col_lower: FloatArray, col_upper: FloatArray
) -> float | None:
    """Bound on the optimum of a general LP from any row duals; None if infinite.

    Upper bound when maximising, lower when minimising (in the stated sense), rounded outward
    (Neumaier & Shcherbina 2004). `col_lower` and `col_upper` must hold for every feasible
    point: the declared bounds or ones propagated from them.
    """
    data_fine = in_range(lp.matrix.data) and in_range(lp.cost)
    if not data_fine or y.shape != (lp.n_rows,) or not np.isfinite(y).all():
        return None
    y_min = -y if lp.maximise else y + 0.0
    y_min[np.abs(y_min) < SMALLEST] = 0.0
    row_bound = np.where(y_min > 0, safe_lower(lp.row_lower), safe_upper(lp.row_upper))
    y_min[np.isinf(row_bound)] = 0.0
    if not in_range(y_min):
        return None
    terms = np.diff(lp.matrix.indptr).astype(np.int64) + 1
    size = np.abs(lp.cost) + magnitude(lp.matrix).T @ np.abs(y_min)
    reduced = lp.minimisation_cost - lp.matrix.T @ y_min
    error = gamma(terms) * size
    columns = least_terms(
        reduced - error, reduced + error, safe_lower(col_lower), safe_upper(col_upper)
    )
    if columns is None:
        return None
    used = y_min != 0
    rows = y_min[used] * row_bound[used]
    parts = np.concatenate([rows, columns])
    value = sum_down(parts)
    if value is None or abs(lp.offset) > 1e290:
        return None
    value = value + (-lp.offset if lp.maximise else lp.offset)
    value -= 4 * UNIT_ROUNDOFF * (abs(value) + abs(lp.offset))
    return -value if lp.maximise else value


def least_terms(
    low: FloatArray, high: FloatArray, lower: FloatArray, upper: FloatArray
) -> FloatArray | None:
    """Least value of r·t over r in [low, high] and t in [lower, upper], term by term.

    Returns None where one of them is −∞. All arrays have one shape; the least of a bilinear
    term is at a corner, and a bound that no sign of r calls for is left out.
    """
    needs_lower, needs_upper = high > 0, low < 0
    if np.isinf(lower[needs_lower]).any() or np.isinf(upper[needs_upper]).any():
        return None
    at_lower = np.where(needs_lower, lower, 0.0)
    at_upper = np.where(needs_upper, upper, 0.0)
    least_at_lower = np.where(needs_lower, np.minimum(low * at_lower, high * at_lower), np.inf)
    least_at_upper = np.where(needs_upper, np.minimum(low * at_upper, high * at_upper), np.inf)
    least = np.minimum(least_at_lower, least_at_upper)
    return np.where(needs_lower | needs_upper, least, 0.0)
