"""The best feasible mix of plans each of which is short of a few goods."""

from __future__ import annotations

import numpy as np

from planbench.certificates.check import plan_slack
from planbench.model.economy import Economy
from planbench.planners.planner import Pair


def best_mix(economy: Economy, plans: list[Pair]) -> Pair | None:
    """Return the feasible mix of greatest value, by a small linear program; None without any.

    Parameters
    ----------
    economy : Economy
    plans : list of (levels, targets)
        What one is short of, another should have left.
    """
    from scipy.optimize import linprog

    slacks = [plan_slack(economy, *plan) for plan in plans]
    left = np.array(
        [
            np.concatenate(
                [s.goods - 4 * s.goods_error, s.resources - 4 * s.resources_error]
            )
            for s in slacks
        ]
    )
    short = (left < 0).any(axis=0)
    left = left[:, short]
    size = np.abs(left).max(axis=0, initial=1e-300)
    value = np.array([economy.weights @ z for _, z in plans])
    found = linprog(
        -value / value.max(),
        A_ub=-(left / size).T,
        b_ub=np.zeros(left.shape[1]),
        A_eq=np.ones((1, len(plans))),
        b_eq=[1.0],
        method="highs-ds",
    )
    if found.x is None:
        return None
    share = np.maximum(found.x, 0.0)
    share /= share.sum()
    return (
        sum(s * x for s, (x, _) in zip(share, plans, strict=True)),
        sum(s * z for s, (_, z) in zip(share, plans, strict=True)),
    )
