"""The centre's safety net in ``two-level``: a level bundle over whole plans.

Where few techniques of large goods decide, needs jump when a rent moves, and a model of what
is close misjudges them. Then the centre keeps the plans of the sectors. Each needs c_i of the
endowments per unit, and no prices can make it cheaper than it is: φ(σ) ≤ σ·c_i (a cut). The
best mix of the plans, min over λ of max_k Σ λ_i c_ik, is a feasible plan; its dual bounds φ
from above. The next σ is the point nearest to the best one at which every cut lies above a
level between the best φ and that bound (Lemaréchal, Nemirovskii & Nesterov 1995). Pure
policies are finitely many, so this ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray

#: Where between the best value and the bound the next level lies.
LEVEL = 0.3


@dataclass(frozen=True, eq=False)
class Cut:
    """A plan of the sectors, per unit of the objective, and the cut that its needs give.

    Attributes
    ----------
    needs : ndarray, shape (kept resources,)
        Share of each endowment.
    y : ndarray, shape (goods,)
    share : ndarray, shape (listed techniques,)
    parts : ndarray, shape (targets,)
        Units of each target.
    """

    needs: FloatArray
    y: FloatArray
    share: FloatArray
    parts: FloatArray


@dataclass
class Bundle:
    """Plans kept, at most `most`; those without weight in the mix go first."""

    most: int
    cuts: list[Cut] = field(default_factory=list)

    def add(self, cut: Cut, weights: FloatArray | None) -> None:
        """Keep another plan, dropping the oldest without weight where there is no room."""
        if len(self.cuts) >= self.most and weights is not None:
            idle = [i for i in range(weights.size) if weights[i] <= 0.0]
            if idle:
                del self.cuts[idle[0]]
        self.cuts.append(cut)

    @property
    def needs(self) -> FloatArray:
        """Needs of every plan kept, shape (plans, resources)."""
        return np.array([cut.needs for cut in self.cuts])


def solve_mixture(needs: FloatArray) -> tuple[FloatArray, float]:
    """Weights λ on the simplex that minimise max_k Σ λ_i needs_ik, and that value."""
    from scipy.optimize import linprog

    count, k = needs.shape
    # Tolerances are absolute: in units of the best single plan they mean the same everywhere.
    unit = float(needs.max(axis=1).min())
    result = linprog(
        np.concatenate([np.zeros(count), [1.0]]),
        A_ub=np.hstack([needs.T / unit, -np.ones((k, 1))]),
        b_ub=np.zeros(k),
        A_eq=np.concatenate([np.ones(count), [0.0]])[None, :],
        b_eq=[1.0],
        bounds=[(0.0, None)] * count + [(None, None)],
        method="highs",
    )
    if result.x is None:
        weights = np.zeros(count)
        weights[int(np.argmin(needs.max(axis=1)))] = 1.0
    else:
        weights = np.maximum(result.x[:count], 0.0)
        weights /= weights.sum()
    return weights, float((weights @ needs).max())


def mix_plans(
    cuts: list[Cut], weights: FloatArray, counts: npt.NDArray[Any]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return outputs, shares and parts of a mix; `counts` are the techniques of each good."""
    used = [(w, cut) for w, cut in zip(weights, cuts, strict=True) if w > 0]
    y = sum((w * o.y for w, o in used), np.zeros_like(cuts[0].y))
    made = sum(
        (w * np.repeat(o.y, counts) * o.share for w, o in used), np.zeros_like(cuts[0].share)
    )
    parts = sum((w * o.parts for w, o in used), np.zeros_like(cuts[0].parts))
    total = np.repeat(y, counts)
    share = np.where(total > 0, made / np.where(total > 0, total, 1.0), used[0][1].share)
    return y, share, parts


def next_sigma(needs: FloatArray, best: FloatArray, value: float, bound: float) -> FloatArray:
    """Project `best` onto {σ on the simplex: needs_i·σ ≥ level for all i}.

    Parameters
    ----------
    needs : ndarray, shape (plans, resources)
    best : ndarray, shape (resources,)
        σ of the best value so far.
    value, bound : float
        φ there and its upper bound.
    """
    import clarabel
    import scipy.sparse as sp

    k = best.size
    for share in (LEVEL, 0.5 * LEVEL, 0.0):
        level = value + share * (bound - value)
        size = max(abs(value), 1e-300)
        constraints = sp.csc_matrix(np.vstack([np.ones((1, k)), -needs / size, -np.eye(k)]))
        right = np.concatenate([[1.0], np.full(needs.shape[0], -level / size), np.zeros(k)])
        cones: list[Any] = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(right.size - 1)]
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.max_threads = 1
        solver = clarabel.DefaultSolver(
            sp.csc_matrix(sp.eye(k)), -best, constraints, right, cones, settings
        )
        found = np.maximum(np.asarray(solver.solve().x, dtype=np.float64), 0.0)
        if np.isfinite(found).all() and found.sum() > 0.5:
            return np.asarray(found / found.sum())
    return best
