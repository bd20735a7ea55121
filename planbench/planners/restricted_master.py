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
from planbench.planners.branch_centre import (
    CentreModel,
    CentreSolution,
    Differences,
    Point,
    solve_centre,
)
from planbench.planners.kernels import Arrays, compiled, fetch_row
from planbench.planners.techniques import Techniques

IntArray = npt.NDArray[np.int64]
#: Largest relative change of a cost that is counted.
MOST_SHIFT = 100.0
#: Techniques with less than this share of their good's output do not count as used; those with less
#: than the second are left as they are when shares are corrected.
LEAST, LEAST_MOVED = 1e-9, 1e-7
#: First point: shares are so much larger, no rent is below this part of an equal one, and costs
#: exceed prices, and endowments needs, by so much.
MORE, INSIDE = 0.1, 0.05
#: What :func:`mark_choices` makes of a technique.
OPEN, ALONE, GIVEN_UP = 1, 2, 3


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
        In the good's output; they add up to 1.
    rows : ndarray of float32, shape (columns − choices, resources)
        What a column's whole output needs more than that of its choice's first, whose row is not
        stored, per unit of the plan's value: output · (E_j − E_first)/φ.
    """

    technique: IntArray
    starts: IntArray
    outputs: FloatArray
    cost: FloatArray
    share: FloatArray
    rows: npt.NDArray[np.float32]


@compiled
def mark_choices(
    first: Any, costs: Any, share: Any, y: Any, margin: float, of_used: float, mark: Any
) -> int:
    """Mark the techniques of goods that are made by several.

    Parameters
    ----------
    first : ndarray, shape (goods + 1,)
        Techniques of good g are ``first[g]:first[g + 1]``.
    costs, share : ndarray, shape (techniques,)
        Cost of a unit, and share in the good's output.
    y : ndarray, shape (goods,)
        Outputs.
    margin, of_used : float
        Techniques dearer than the cheapest of their good by at most this share, and those in use
        by at most the second, are OPEN. One that is so ALONE is to make all. Others in use are
        GIVEN_UP.
    mark : ndarray of uint8, shape (techniques,)
        Receives the marks; 0 for all others.

    Returns
    -------
    int
        Number of techniques that are OPEN.
    """
    found = 0
    for g in range(y.size):
        lo = first[g]
        hi = first[g + 1]
        best = np.inf
        for t in range(lo, hi):
            mark[t] = 0
            best = min(best, costs[t])
        if hi - lo < 2 or not y[g] > 0.0:
            continue
        limit = best * (1.0 + margin)
        high = best * (1.0 + of_used)
        near = 0
        others = 0
        for t in range(lo, hi):
            if costs[t] <= limit or (share[t] > LEAST and costs[t] <= high):
                mark[t] = OPEN
                near += 1
            elif share[t] > LEAST:
                mark[t] = GIVEN_UP
                others += 1
        if near > 1:
            found += near
        else:
            for t in range(lo, hi):
                if mark[t] == OPEN:
                    mark[t] = ALONE if others > 0 else 0
    return found


def choose_columns(
    techniques: Techniques, costs: FloatArray, share: FloatArray, y: FloatArray,
    margin: float, of_used: float,
) -> npt.NDArray[np.uint8]:  # fmt: skip
    """Mark the techniques as :func:`mark_choices`; if there is no choice, among all in use."""
    mark = np.empty(costs.size, dtype=np.uint8)
    if not mark_choices(techniques.first, costs, share, y, margin, of_used, mark):
        mark_choices(techniques.first, costs, share, y, margin, np.inf, mark)
    return mark


@compiled
def write_rows(
    a: Arrays, scale: Any, requirements: Any, technique: Any, starts: Any, outputs: Any, rows: Any
) -> Any:
    """Write `outputs` times E_j − E_first of each technique but the first of its good to `rows`.

    E_j = (scale·R_j + L A_j)/B_j. Returns the non-zeros of A read, each once for every resource.
    """
    k = requirements.shape[1]
    base = np.empty(k, np.float32)
    row = np.empty(k, np.float32)
    work: Any = 0
    for g in range(starts.size - 1):
        for c in range(starts[g], starts[g + 1]):
            for i in range(k):
                row[i] = np.float32(0.0)
            j = a.order[technique[c]]
            if c + 1 < technique.size:
                later = a.order[technique[c + 1]]
                for q in range(a.aptr[later], a.aptr[later + 1]):
                    fetch_row(requirements, a.aind[q])
            for q in range(a.rptr[j], a.rptr[j + 1]):
                row[a.rind[q]] += np.float32(a.per[j] * a.rval[q] * scale[a.rind[q]])
            for q in range(a.aptr[j], a.aptr[j + 1]):
                v = np.float32(a.per[j] * a.aval[q])
                other = a.aind[q]
                for i in range(k):
                    row[i] += v * requirements[other, i]
            work += np.int64(a.aptr[j + 1] - a.aptr[j])
            if c == starts[g]:
                for i in range(k):
                    base[i] = row[i]
            else:
                output = np.float32(outputs[g])
                for i in range(k):
                    rows[c - g - 1, i] = output * (row[i] - base[i])
    return work * k


@compiled
def add_use(a: Arrays, scale: Any, technique: Any, amount: Any, goods: Any, use: Any) -> None:
    """Add goods and shares of endowments used when techniques make so much of their goods."""
    for c in range(technique.size):
        j = a.order[technique[c]]
        level = amount[c] * a.per[j]
        for q in range(a.rptr[j], a.rptr[j + 1]):
            use[a.rind[q]] += level * a.rval[q] * scale[a.rind[q]]
        for q in range(a.aptr[j], a.aptr[j + 1]):
            goods[a.aind[q]] += level * a.aval[q]


@compiled
def add_cost_changes(a: Arrays, rents: Any, prices: Any, technique: Any, out: Any) -> None:
    """Write what changes of rents and prices change the cost of a technique by."""
    for c in range(technique.size):
        j = a.order[technique[c]]
        total = 0.0
        for q in range(a.rptr[j], a.rptr[j + 1]):
            total += a.rval[q] * rents[a.rind[q]]
        for q in range(a.aptr[j], a.aptr[j + 1]):
            total += a.aval[q] * prices[a.aind[q]]
        out[c] = a.per[j] * total


@dataclass(frozen=True, eq=False)
class MasterSolution:
    """New rents and what the model expects of them.

    Attributes
    ----------
    columns : Columns
    value : float
        φ at the rents before.
    sigma : ndarray, shape (resources,)
        On the unit simplex.
    share : ndarray, shape (columns,)
        Shares at which the needs are predicted to be equal.
    centre : CentreSolution
        Solution of the model, with its solver, which finds corrections.
    """

    columns: Columns
    value: float
    sigma: FloatArray
    share: FloatArray
    centre: CentreSolution

    @property
    def gap(self) -> float:
        """Error left in the model, relative to the plan's value."""
        return self.centre.gap

    def corrected(self, needs: FloatArray) -> FloatArray | None:
        """Return shares at which the needs are predicted to be equal.

        None where the system cannot be solved. `needs` are those of the plan made with `share`.
        """
        centre = self.centre
        more = 1.0 - centre.zeta / self.value * needs - np.maximum(centre.left, 0.0)
        found = centre.solver.respond(more, centre.s, centre.s <= LEAST_MOVED * centre.zeta)
        share = None if found is None else _shares(self.columns, found[1])
        return share if share is not None and np.isfinite(share).all() else None


def solve_master(
    columns: Columns,
    needs: FloatArray,
    value: float,
    sigma: FloatArray,
    *,
    gap: float,
    over: Callable[[], bool],
) -> MasterSolution | None:
    """Solve the restricted master problem: shares that equalise the needs, and rents.

    With F_j the needs of a good's whole output by technique j, b the needs of all else and
    q_j what the cost of j differs from F_j·σ by, the plan is made as large as the endowments
    permit, ζ times its present value:

        minimise −ζ + q·(s − ζ ŝ)  subject to  b ζ + Σ_j s_j F_j ≤ 1, Σ_(j of good g) s_j = ζ

    with s ≥ 0, whose duals are the new σ. It is the model of
    :mod:`planbench.planners.branch_centre` without proximal terms but that on ζ.

    Parameters
    ----------
    columns : Columns
    needs : ndarray, shape (resources,)
        c of the plan made with ``columns.share``.
    value : float
        φ at the present rents.
    sigma : ndarray, shape (resources,)
    gap : float
        Relative gap of the model that is enough.
    over : callable
        Whether time is up.

    Returns
    -------
    MasterSolution or None
        None where nothing is found.
    """
    starts, share = columns.starts, columns.share
    rows = Differences(columns.rows, starts)
    scale = np.repeat(columns.outputs, np.diff(starts)) / value
    model = CentreModel(
        rows=rows, first=starts[:-1], grouped=share.size,
        q=scale * columns.cost - rows.times(sigma), share=share,
        limit=np.full(share.size, np.inf), beta=np.ones(sigma.size),
        gamma=needs / value - rows.sums(share), pi=sigma,
        rho=np.zeros(share.size), delta=np.zeros(sigma.size),
    )  # fmt: skip
    found = solve_centre(model, gap, over, _first_point(model))
    if found is None or not found.pi.sum() > 0:
        return None
    sigma = found.pi / found.pi.sum()
    return MasterSolution(columns, value, sigma, _shares(columns, found.s), found)


def _shares(columns: Columns, s: FloatArray) -> FloatArray:
    """Shares in each choice; small ones are dropped."""
    starts, sizes = columns.starts[:-1], np.diff(columns.starts)
    share = np.maximum(s, 0.0)
    share /= np.repeat(np.add.reduceat(share, starts), sizes)
    share[share <= LEAST] = 0.0
    return np.asarray(share / np.repeat(np.add.reduceat(share, starts), sizes))


def _first_point(model: CentreModel) -> Point:
    """Inside: shares moved off 0, prices below costs, less made than there is enough for."""
    sizes = np.diff(np.append(model.first, model.grouped))
    s = model.share + MORE
    s /= np.repeat(np.add.reduceat(s, model.first), sizes)
    pi = np.maximum(model.pi, MORE / model.pi.size)
    pi /= pi.sum()
    cost = model.q + model.rows.times(pi)
    below = INSIDE * np.maximum(np.abs(cost), 1e-3 / s.size)
    lam = np.minimum.reduceat(cost - below, model.first)
    used = model.gamma + model.rows.sums(s)
    zeta = 1.0 / (float(used.max()) + INSIDE)
    none = np.zeros(0)
    return Point(
        s=zeta * s, room=none, t=np.maximum(1.0 - zeta * used, 1e-12), zeta=zeta,
        v=cost - np.repeat(lam, sizes), over=none, pi=pi, lam=lam,
    )  # fmt: skip


def largest_shift(moved: FloatArray, cost: FloatArray) -> float:
    """Largest relative change of costs.

    Costs near 0 can change by any factor; beyond MOST_SHIFT it means nothing.
    """
    moved = np.abs(moved)
    far = moved >= MOST_SHIFT * cost
    ratio = np.zeros(cost.size)
    np.divide(moved, cost, out=ratio, where=~far)
    ratio[far & (cost > 0)] = MOST_SHIFT
    return float(ratio.max(initial=0.0))


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
