"""Mixes of plans: what one plan is short of, another has left.

A mix of feasible plans is feasible, and its balances are the mix of theirs, so the best mix of a
few plans that are each short of some goods is a linear program of as many columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planbench.certificates.check import plan_slack
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.planners.planner import Pair

TINY = 1e-300

#: What must be left, in units of the error of computing it.
BEYOND_DOUBT = 4.0


@dataclass(frozen=True, eq=False)
class Candidate:
    """A plan that may be short of something.

    Attributes
    ----------
    x, z : ndarray
        Levels, and amounts of the targets.
    left : ndarray, shape (goods + resources,)
        What is left of each beyond doubt; negative where the plan is short.
    """

    x: FloatArray
    z: FloatArray
    left: FloatArray

    @classmethod
    def of(cls, economy: Economy, plan: Pair) -> Candidate:
        """Compute what `plan` leaves: one matrix pass."""
        slack = plan_slack(economy, *plan)
        goods = slack.goods - BEYOND_DOUBT * slack.goods_error
        resources = slack.resources - BEYOND_DOUBT * slack.resources_error
        return cls(*plan, np.concatenate([goods, resources]))


def best_mix(economy: Economy, plans: list[Candidate]) -> Pair | None:
    """Return levels and targets of the best mix that is short of nothing; None without any."""
    from scipy.optimize import linprog

    # A plan that overflowed is none; solvers refuse it.
    plans = [plan for plan in plans if (plan.left > -np.inf).all()]
    if not plans:
        return None
    short = np.zeros(economy.n_goods + economy.n_resources, dtype=bool)
    for plan in plans:
        short |= plan.left < 0
    left = np.array([plan.left[short] for plan in plans])
    value = np.array([economy.weights @ plan.z for plan in plans])
    found = linprog(
        -value / max(float(value.max()), TINY),
        A_ub=-(left / np.abs(left).max(axis=0, initial=0.0)).T,
        b_ub=np.zeros(left.shape[1]),
        A_eq=np.ones((1, len(plans))),
        b_eq=[1.0],
        method="highs",
    )
    if found.x is None:
        return None
    share = np.maximum(found.x, 0.0)
    share /= share.sum()
    x, z = np.zeros(economy.n_activities), np.zeros(economy.n_targets)
    for part, plan in zip(share, plans, strict=True):
        x += part * plan.x
        z += part * plan.z
    return x, z
