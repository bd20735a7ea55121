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

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.planners.branch_centre import CentreModel, Rows, solve_centre
from planbench.planners.kernels import Arrays, compiled
from planbench.planners.techniques import Techniques

IntArray = npt.NDArray[np.int64]
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
    over: Callable[[], bool],
) -> MasterSolution:
    """Solve the restricted master problem: shares that equalise the needs, and rents.

    With F_j the needs of a good's whole output by technique j, b the needs of all else and
    q_j what the cost of j differs from F_j·σ by, the plan is made as large as the endowments
    permit, ζ times its present value:

        minimise −ζ + q·(s − ζ ŝ)  subject to  b ζ + Σ_j s_j F_j ≤ 1, Σ_(j of good g) s_j = ζ

    with s ≥ 0, whose duals are the new σ. It is the model of
    :mod:`planbench.planners.branch_centre` without proximal terms.

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
    over : callable
        Whether time is up.
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
    scale = amount[open_] / value
    rows = Rows(columns.rows[open_] * scale.astype(np.float32)[:, None], None)
    cost, share = columns.cost[open_], columns.share[open_]
    others = np.flatnonzero(~open_ & (fixed != columns.share))
    b = needs / value - rows.sums(share)
    b += columns.rows[others].T @ (amount * (fixed - columns.share))[others] / value
    first = np.cumsum(counts[counts > 1]) - counts[counts > 1]
    # What columns need more than the first of their choice.
    base = rows.dense[first]
    more = Rows(rows.dense - np.repeat(base, counts[counts > 1], axis=0), None)
    b += base.sum(axis=0, dtype=np.float64)
    model = CentreModel(
        rows=more, first=first, grouped=scale.size, q=scale * cost - rows.times(sigma),
        share=share, limit=np.full(scale.size, np.inf), beta=np.ones(b.size), gamma=b, pi=sigma,
        rho=np.zeros(scale.size), delta=np.zeros(b.size),
    )  # fmt: skip
    found = solve_centre(model, gap, over)
    if found is None or not found.pi.sum() > 0:
        return MasterSolution(sigma, columns.share, 0.0, 1.0)
    w = found.pi / found.pi.sum()
    shares = fixed.astype(np.float64)
    chosen = np.where(found.s > LEAST * found.zeta, found.s, 0.0)
    shares[open_] = chosen / np.repeat(np.add.reduceat(chosen, first), counts[counts > 1])
    moved = np.abs(rows.times(w - sigma)) / scale
    # Costs near 0 can change by any factor; beyond MOST_SHIFT it means nothing.
    ratio = np.zeros(scale.size)
    far = moved >= MOST_SHIFT * cost
    np.divide(moved, cost, out=ratio, where=~far)
    ratio[far & (cost > 0)] = MOST_SHIFT
    return MasterSolution(w, shares, float(ratio.max(initial=0.0)), found.gap)


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
