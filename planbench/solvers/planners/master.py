"""The centre of ``two-level``: new rents from what the sectors report.

With σ_k = w_k r_k on the unit simplex, the least-cost value φ(σ) of a unit of the plan is
concave, and its slope is c, the share of every endowment a unit of the plan uses. The best
plan equalises c where σ > 0. Where each good is made by a mix of its techniques, with weights
exp(−excess cost/τ), c is a smooth function of σ and Newton's method applies.

The centre is told what a unit of each *close* technique uses in all, E_j (its direct and
indirect resources). Between two rounds it solves a model of the economy in which only these
close choices can change: costs move by E_j·dσ, and a good's switch moves c by its output
times the difference of the E_j. That is a master problem with a column for every close
technique of every good, instead of one for a whole plan, solved by following τ → 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.solvers.planners import kernels

IntArray = npt.NDArray[np.int64]
#: Widest mixing of techniques the model uses.
WIDEST = 0.3
#: Share of the way to the nearest σ = 0 that a step may go.
TO_BOUNDARY = 0.9


@dataclass(frozen=True, eq=False)
class Close:
    """Techniques near the cheapest of their good, good after good.

    Attributes
    ----------
    starts : ndarray of int64, shape (goods + 1,)
        Where each good's techniques begin.
    which : ndarray of int64, shape (goods,)
        Number of the good; one more than there are for the choice of target.
    outputs : ndarray, shape (goods,)
        Output of the good per unit of the plan.
    where : ndarray of int64, shape (techniques,)
        Place of the technique in the list of techniques.
    cost : ndarray, shape (techniques,)
        Cost of a unit of the good at the present rents.
    part : ndarray, shape (techniques,)
        Share in the good's output.
    rows : ndarray of float32, shape (techniques, resources)
        E_j, share of each endowment that a unit of the good uses in all.
    """

    which: IntArray
    starts: IntArray
    outputs: FloatArray
    where: IntArray
    cost: FloatArray
    part: FloatArray
    rows: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Proposal:
    """New rents and what the model expects of them.

    Attributes
    ----------
    sigma : ndarray, shape (resources,)
        On the unit simplex.
    part : ndarray, shape (techniques,)
        Shares at which the needs are foreseen to be equal.
    tau : float
        Width of the mixing of techniques that goes with them.
    shift : float
        Largest relative change of the cost of a close technique that is in use.
    gap : float
        (max c − φ)/φ of the model at `sigma`, `tau`.
    """

    sigma: FloatArray
    part: FloatArray
    tau: float
    shift: float
    gap: float


def newton_step(
    curvature: FloatArray, sigma: FloatArray, needs: FloatArray, value: float, mu: float
) -> FloatArray:
    """Newton step towards needs = ν − μ/σ on the simplex, kept inside it.

    Parameters
    ----------
    curvature : ndarray, shape (resources, resources)
        −∂needs/∂σ, positive semidefinite.
    sigma, needs : ndarray, shape (resources,)
    value : float
        φ(σ).
    mu : float
        Weight of the barrier Σ log σ.
    """
    k = sigma.size
    barrier = mu / sigma
    slack = np.maximum(value + k * mu - needs, 0.1 * barrier)
    system = curvature + np.diag(slack / sigma)
    both = np.linalg.solve(system, np.column_stack([needs + barrier, np.ones(k)]))
    step: FloatArray = both[:, 0] - both[:, 0].sum() / both[:, 1].sum() * both[:, 1]
    falling = step < 0
    longest = float(np.min(-sigma[falling] / step[falling], initial=np.inf))
    return step * min(1.0, TO_BOUNDARY * longest)


def improve(
    close: Close,
    needs: FloatArray,
    value: float,
    sigma: FloatArray,
    *,
    tau: float,
    tau_goal: float,
    gap: float,
    steps: int,
) -> Proposal:
    """Solve the model: new σ at which the close techniques' mix equalises the needs.

    Parameters
    ----------
    close : Close
    needs : ndarray, shape (resources,)
        c of the present plan, made with ``close.part``.
    value : float
        φ at the present rents.
    sigma : ndarray, shape (resources,)
    tau, tau_goal : float
        Width of mixing to start and to end with.
    gap : float
        Relative gap of the model that is enough.
    steps : int
        Most Newton steps.
    """
    sizes = np.diff(close.starts)
    amount = np.repeat(close.outputs, sizes)
    part = close.part.copy()
    base = needs - _total(close.rows, amount * part)
    least = np.empty_like(close.outputs)
    kernels.reweigh(close.starts, close.cost, tau, part, least)
    flat = value - float(close.outputs @ least)  # φ less what the close goods cost
    start = sigma

    def at(s: FloatArray, width: float) -> tuple[FloatArray, FloatArray, float]:
        moved = s - start
        cost = close.cost + close.rows @ moved.astype(np.float32)
        kernels.reweigh(close.starts, cost, width, part, least)
        c = base + _total(close.rows, amount * part)
        phi = flat + float(base @ moved) + float(close.outputs @ least)
        return cost, c, phi

    cost, c, phi = at(sigma, tau)
    while float(c.max() - sigma @ c) > float(sigma @ c) - phi and tau < WIDEST:
        tau = min(WIDEST, 3.0 * tau)
        cost, c, phi = at(sigma, tau)
    best = Proposal(sigma, part.copy(), tau, 0.0, float((c.max() - phi) / phi))
    for _ in range(steps):
        imbalance = float(c.max() - sigma @ c)
        curvature = curvature_of(close, cost, part, tau)
        mu = barrier_weight(c, phi, sigma.size, gap)
        step = newton_step(curvature, sigma, c, phi, mu)
        for _ in range(4):
            new = sigma + step
            new /= new.sum()
            cost, c, phi = at(new, tau)
            left, mixing = float(c.max() - new @ c), float(new @ c) - phi
            if left <= max(0.7 * imbalance, mixing):
                break
            step = 0.4 * step
        sigma = new
        reached = float((c.max() - phi) / phi)
        if reached < best.gap:
            best = Proposal(sigma, part.copy(), tau, 0.0, reached)
        if left > max(0.9 * imbalance, mixing):
            tau = min(WIDEST, 3.0 * tau)
        elif left <= mixing:
            if reached <= gap or tau <= tau_goal:
                break
            tau = max(0.2 * tau, tau_goal)
        else:
            continue
        cost, c, phi = at(sigma, tau)
    moved = close.rows @ (best.sigma - start).astype(np.float32)
    busy = (close.part > kernels.LEAST) & (close.cost > 0)
    shift = float(np.max(np.abs(moved[busy]) / close.cost[busy], initial=0.0))
    return Proposal(best.sigma, best.part, best.tau, shift, best.gap)


def curvature_of(close: Close, cost: FloatArray, part: FloatArray, tau: float) -> FloatArray:
    """−∂needs/∂σ of the close techniques, with costs `cost` and shares `part`."""
    room = int(np.count_nonzero(part > kernels.LEAST))
    out = np.empty((room, close.rows.shape[1]), dtype=np.float32)
    used = kernels.spread(close.starts, close.outputs, cost, part, tau, close.rows, out)
    return np.asarray(out[:used].T @ out[:used], dtype=np.float64)


def barrier_weight(needs: FloatArray, value: float, resources: int, gap: float) -> float:
    """μ of the barrier: a twentieth of the present excess, no less than the gap allows."""
    excess = max(float(needs.max()) - value, gap * value)
    return min(0.05 * excess, 0.1 * value) / resources


def _total(rows: npt.NDArray[np.float32], amount: FloatArray) -> FloatArray:
    """Σ_j amount_j rows_j in double precision, block by block."""
    out = np.zeros(rows.shape[1])
    for begin in range(0, rows.shape[0], 8192):
        piece: Any = rows[begin : begin + 8192].astype(np.float64)
        out += amount[begin : begin + 8192] @ piece
    return out
