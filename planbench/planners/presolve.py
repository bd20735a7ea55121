"""Presolve: which activities and targets count at all, and prices for those that do not.

Activities that use a resource of which there is none cannot run; goods that then nothing can
make, and targets that need them, drop out of the plan. In the dual they need prices all the
same: such goods are given prices q with q ≤ qA_j/B_j (a rise in proportion reproduces
itself), so large that nobody makes a profit with them, and such resources rents that cover
every loss. Both cost the dual objective nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from planbench.model.arrays import FloatArray
from planbench.model.checks import value_iteration
from planbench.model.economy import Economy
from planbench.planners.techniques import BoolArray

#: Sweeps to find prices that reproduce themselves.
SWEEPS = 2000
#: Share by which prices of lost goods stay below what their inputs are worth, where they can.
LOSS = 1e-6
#: Share of a value by which adding up may be wrong.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Domain:
    """What counts.

    Attributes
    ----------
    usable : ndarray of bool, shape (activities,), or None
        Activities that can run and make goods that can be made; None for all.
    makeable : ndarray of bool, shape (goods,), or None
        None for all.
    targets : ndarray of bool, shape (targets,)
        Targets that can be reached.
    """

    usable: BoolArray | None
    makeable: BoolArray | None
    targets: BoolArray


def presolve(economy: Economy, *, thorough: bool = False) -> Domain:
    """Find out what counts.

    Parameters
    ----------
    economy : Economy
        Every activity makes one good.
    thorough : bool
        Also find goods that have techniques, but none that is productive; otherwise only
        where an activity is barred or a good has no technique.
    """
    everything = np.ones(economy.n_targets, dtype=bool)
    barred = economy.endowment <= 0
    can_run = np.ones(economy.n_activities, dtype=bool)
    if barred.any():
        can_run = np.asarray(economy.resource_use.T @ barred.astype(float)) == 0
    made = np.bincount(economy.outputs.indices[can_run], minlength=economy.n_goods) > 0
    if not thorough and bool(can_run.all()) and bool(made.all()):
        return Domain(None, None, everything)
    found = value_iteration(economy, can_run, np.zeros(economy.n_goods, dtype=bool))
    lost = found.unmakeable
    if not lost.any():
        return Domain(can_run, None, everything)
    needs_lost = np.asarray(economy.inputs.T @ lost.astype(float)) > 0
    usable = can_run & ~needs_lost & ~lost[economy.outputs.indices]
    targets = np.asarray(economy.assortment.T @ lost.astype(float)) == 0
    return Domain(usable, ~lost, targets)


def complete_prices(
    economy: Economy, domain: Domain, p: FloatArray, w: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Give what does not count prices and rents at which nothing makes a profit with it."""
    p, w = p.copy(), w.copy()
    if domain.makeable is not None:
        lost = ~domain.makeable
        p[lost] = 0.0
        q = reproducing_prices(economy, lost)
        if q is not None:
            # Prices of lost goods enter losses of their users, and gains of barred makers.
            net = np.asarray((economy.inputs - economy.outputs).T @ q)
            gain = _gain(economy, p, w)
            gain += ROUNDING * np.asarray(economy.outputs.T @ p)
            pays = (net > 0) & (gain > 0)
            need = float(np.max(gain[pays] / net[pays], initial=0.0))
            worth = np.asarray(economy.assortment.T @ q)
            far = worth > 0
            need = max(need, float(np.max(economy.weights[far] / worth[far], initial=0.0)))
            p += 2.0 * need * q
    barred = np.flatnonzero(economy.endowment <= 0)
    if barred.size:
        # Rents of resources there are none of rise until nobody gains by using them. Whoever
        # checks this adds up in another order.
        gain = _gain(economy, p, w) + ROUNDING * np.asarray(economy.outputs.T @ p)
        use = sp.csr_array(economy.resource_use[barred, :])
        total = np.asarray(use.sum(axis=0)).ravel()
        pays = (gain > 0) & (total > 0)
        rent = float(np.max(gain[pays] / total[pays], initial=0.0))
        w[barred] = np.maximum(w[barred], 2.0 * rent)
    return p, w


def _gain(economy: Economy, p: FloatArray, w: FloatArray) -> FloatArray:
    revenue = economy.outputs.T @ p - economy.inputs.T @ p
    return np.asarray(revenue - economy.resource_use.T @ w)


def reproducing_prices(economy: Economy, lost: BoolArray) -> FloatArray | None:
    """Find q > 0 on the lost goods with q ≤ qA_j/B_j for every activity that can make one.

    Where some goods make just as much of themselves as they eat there is no margin.
    """
    good = economy.outputs.indices
    barred = np.asarray(economy.resource_use.T @ (economy.endowment <= 0).astype(float)) > 0
    makers = np.flatnonzero(lost[good] & ~barred)
    if not makers.size:
        return lost.astype(float)
    used = sp.csr_array(economy.inputs[:, makers].T)
    rate, made = economy.outputs.data[makers], good[makers]
    for margin in (LOSS, 0.0):
        q = lost.astype(float)
        for _ in range(SWEEPS):
            new = np.full(q.size, np.inf)
            np.minimum.at(new, made, used @ q / rate * (1.0 - margin))
            has = np.isfinite(new)
            if (new[has] >= q[has] * (1 - 1e-14)).all():
                return q
            # A good that has makers sinks to what they cost; one that has none keeps its price.
            # What has sunk never rises: from above, the largest of such prices is reached.
            q = np.where(has, np.minimum(new, q), q)
    return None
