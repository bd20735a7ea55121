"""Proofs that a price-adjustment process runs into: no plan at all, or growth without end.

Both are put to the certificate's own test before anything is claimed, so that a claim of
``primal-dual`` is one the certificate confirms. Where the test fails, planning goes on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planbench.certificates.interior import interior_of
from planbench.certificates.propagate import implied_bounds
from planbench.certificates.rays import proves_infeasible, proves_unbounded
from planbench.certificates.repair import raw_lower, room_of
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.planning_lp import to_linear_program
from planbench.planners.planner import Pair

#: Share by which the demand must be worth more than all there is before a proof is tried.
CLEARLY = 1e-6
#: Gains up to this share of an activity's terms are taken for rounding, and repaired.
DUST = 1e-10
#: Share of an activity's terms that rounding may hide.
HIDDEN = 1e-13


def infeasibility_proof(
    economy: Economy, p: FloatArray, w: FloatArray, *, programs: bool = False
) -> Pair | None:
    """Prices and rents at which the fixed demand is worth more than all there is, if these are.

    p·f > w·r + v·u with profits v paid at capacity proves that no plan meets the fixed demand
    (Farkas 1902). What activities without a capacity gain by rounding alone is repaired by a
    little of the interior prices, at which they lose.

    Parameters
    ----------
    p, w : ndarray, shapes (goods,) and (resources,)
        ≥ 0.
    programs : bool
        As for :func:`planbench.certificates.interior.interior_of`.

    Returns
    -------
    tuple of ndarray or None
        Prices and rents that pass :func:`planbench.certificates.rays.proves_infeasible`.
    """
    # Profit of each activity, and the sum of the magnitudes it is made of.
    revenue = economy.outputs.T @ p
    cost = economy.inputs.T @ p + economy.resource_use.T @ w
    gain, size = revenue - cost, revenue + cost
    open_ended = np.isinf(economy.capacity)
    if (gain[open_ended] > DUST * size[open_ended]).any():
        return None
    paid = np.maximum(gain, 0.0)[~open_ended] @ economy.capacity[~open_ended]
    demanded, available = float(p @ economy.fixed_demand), float(w @ economy.endowment + paid)
    total = float(np.abs(p * economy.fixed_demand).sum()) + available
    if not demanded - available > CLEARLY * total:
        return None
    candidates = [(p, w)]
    interior = interior_of(economy, programs=programs)
    if interior is not None:
        margin = room_of(economy, interior).margin
        # The even ones too: rounding may show any of them a gain.
        must = open_ended & (gain > -HIDDEN * size)
        if must.any() and (margin[must] > 0).all():
            theta = float(np.max((np.maximum(gain, 0.0) + HIDDEN * size)[must] / margin[must]))
            more = p + theta * interior.goods_prices, w + theta * interior.resource_prices
            candidates.append(more)
    lp = to_linear_program(economy)
    bounds = implied_bounds(lp)
    for pair in candidates:
        if proves_infeasible(lp, np.concatenate([-pair[0], pair[1]]), *bounds):
            return pair
    return None


def growth_without_end(
    economy: Economy, columns: FloatArray, plan: Pair, *, programs: bool = False
) -> tuple[FloatArray, FloatArray] | None:
    """Find a direction of unboundedness in what needs neither resource nor capacity.

    A plan of the same economy without endowments, fixed demand and limited activities that
    still delivers something can be added to any plan, as often as one likes.

    Parameters
    ----------
    columns : ndarray, shape (activities + targets,)
        Where the process has got to, in the economy's units.
    plan : tuple of ndarray
        A feasible (x, z) that the direction starts from.
    programs : bool
        As for :func:`planbench.certificates.interior.interior_of`.

    Returns
    -------
    tuple of ndarray or None
        Activities and targets that pass :func:`planbench.certificates.rays.proves_unbounded`.
    """
    alone = replace(
        economy,
        endowment=np.zeros(economy.n_resources),
        fixed_demand=np.zeros(economy.n_goods),
        capacity=np.where(np.isfinite(economy.capacity), 0.0, np.inf),
        interior=None,
    )
    size = float(np.abs(columns).max(initial=0.0))
    if not 0 < size < np.inf:
        return None
    m = economy.n_activities
    bound, found = raw_lower(alone, columns[:m] / size, columns[m:] / size, programs=programs)
    if bound is None or bound <= 0 or found is None:
        return None
    lp = to_linear_program(economy)
    if not proves_unbounded(lp, np.concatenate(plan), np.concatenate(found)):
        return None
    return found
