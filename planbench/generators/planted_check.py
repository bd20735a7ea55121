"""Whether a planted optimum still holds for an economy that somebody may have changed since.

The planted plan and its prices are the economy's interior, scaled. They are put back and judged
by duality, which takes a few products with the matrices and no solver.
"""

from __future__ import annotations

import numpy as np

from planbench.generators.planted import INTERIOR_RENTS, INTERIOR_SHARE
from planbench.model.economy import Economy
from planbench.model.products import backward, forward

#: Relative difference that is taken as rounding.
_ROUNDING = 1e-9


@np.errstate(all="ignore")
def planted_holds(economy: Economy, optimum: float) -> bool:
    """Whether the planted plan is feasible, worth `optimum`, and proven optimal by its prices.

    Parameters
    ----------
    economy : Economy
        With the interior that it was generated with.
    optimum : float
        Value ω·z* that its recipe states.

    Returns
    -------
    bool
        False where any of this fails by more than 1e-9 of the terms it is the difference of.
    """
    interior = economy.interior
    if interior is None or interior.activities is None:
        return False
    x, p = interior.activities / INTERIOR_SHARE, interior.goods_prices
    w, fixed = interior.resource_prices / INTERIOR_RENTS, economy.fixed_demand
    made, used = forward(economy.outputs, x), forward(economy.inputs, x)
    left, turnover = made - used - fixed, made + used + np.abs(fixed)
    need = economy.assortment
    if np.bincount(need.indices, minlength=economy.n_goods).max(initial=0) > 1:
        # Planted targets share no good; these do not come from the generator.
        return False
    if not np.diff(need.indptr).all():
        # A target that asks for nothing has no best value.
        return False
    # The most of each target that its scarcest good allows.
    z = np.minimum.reduceat(
        np.maximum(left[need.indices], 0.0) / need.data, need.indptr[:-1].astype(np.intp)
    )
    feasible = (
        (left >= -_ROUNDING * turnover).all()
        and (forward(economy.resource_use, x) <= (1.0 + _ROUNDING) * economy.endowment).all()
        and (x <= (1.0 + _ROUNDING) * economy.capacity).all()
    )
    cost = backward(economy.inputs, p) + backward(economy.resource_use, w)
    earned = backward(economy.outputs, p)
    gain, limited = earned - cost, np.isfinite(economy.capacity)
    priced = (gain <= _ROUNDING * (earned + cost))[~limited].all() and (
        backward(need, p) >= (1.0 - _ROUNDING) * economy.weights
    ).all()
    if not feasible or not priced:
        return False
    rents = np.maximum(gain[limited], 0.0) * economy.capacity[limited]
    bound = float(w @ economy.endowment - p @ fixed + rents.sum())
    scale = float(w @ economy.endowment + p @ np.abs(fixed) + rents.sum())
    value = float(economy.weights @ z)
    return (
        abs(value - optimum) <= _ROUNDING * max(abs(optimum), scale)
        and abs(bound - optimum) <= _ROUNDING * scale
    )
