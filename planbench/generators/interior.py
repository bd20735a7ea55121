"""Check an interior point, or an optimum that is claimed, whole arrays at a time."""

from __future__ import annotations

import numpy as np

from planbench.errors import PlanbenchError
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy, Interior
from planbench.model.plan import Plan

#: Slack must exceed this share of the terms it is the difference of.
_MARGIN = 1e-6


def check_interior(economy: Economy) -> None:
    """Verify the economy's interior prices and plan.

    Prices must cost every activity of unlimited capacity more than it makes and give every
    target a positive price; the plan must leave slack in every balance where there can be
    any: goods that are made, used or stocked, resources of positive endowment, and
    activities of positive capacity.

    Raises
    ------
    PlanbenchError
        Naming what fails: the generator would be wrong.
    """
    interior = economy.interior
    if interior is None or interior.activities is None:
        raise PlanbenchError("the generated economy has no interior; this is a bug of planbench")
    faults = price_faults(economy, interior) + plan_faults(economy, interior.activities)
    if faults:
        raise PlanbenchError(
            f"interior of {economy.name} fails on {', '.join(faults)}; this is a bug of planbench"
        )


def price_faults(economy: Economy, interior: Interior) -> list[str]:
    """Name what the interior prices fail on; empty where they are strict."""
    p, w = interior.goods_prices, interior.resource_prices
    rent = economy.resource_use.T @ w
    gain = economy.outputs.T @ p
    scale = gain + rent
    gain -= economy.inputs.T @ p
    free = np.isinf(economy.capacity)
    faults = []
    if not (rent - gain > _MARGIN * scale)[free].all():
        faults.append("prices of activities")
    if not (economy.assortment.T @ p > 0).all() or p.min() < 0 or w.min() < 0:
        faults.append("prices of targets")
    return faults


def plan_faults(economy: Economy, x: FloatArray) -> list[str]:
    """Name what the interior plan `x`, shape (activities,), fails on; empty where it has slack."""
    faults = []
    made = economy.outputs @ x
    scale = made.copy()
    made -= economy.inputs @ x
    made -= economy.fixed_demand
    scale += np.abs(economy.fixed_demand)
    if not (made > _MARGIN * scale).all():
        faults.append("goods balances")
    slack = economy.endowment - economy.resource_use @ x
    if not (slack > _MARGIN * economy.endowment)[economy.endowment > 0].all():
        faults.append("resources")
    if x.min() < 0 or not (x < economy.capacity)[economy.capacity > 0].all():
        faults.append("capacities")
    return faults


def strict_interior(economy: Economy, interior: Interior) -> Interior | None:
    """Keep of `interior` what holds for `economy`: prices and plan, prices only, or nothing."""
    if price_faults(economy, interior):
        return None
    x = interior.activities
    if x is not None and plan_faults(economy, x):
        return Interior(interior.goods_prices, interior.resource_prices, None)
    return interior


#: Relative difference that is taken as rounding.
_ROUNDING = 1e-9


@np.errstate(all="ignore")
def optimum_holds(economy: Economy, plan: Plan, optimum: float) -> bool:
    """Whether `plan` is feasible, worth `optimum`, and proven optimal by its prices.

    Parameters
    ----------
    economy : Economy
    plan : Plan
        With prices of goods and resources; those of capacities follow from them.
    optimum : float

    Returns
    -------
    bool
        False where any of this fails by more than 1e-9 of the terms it is the difference of.
    """
    x, z, p, w = plan.x, plan.z, plan.p, plan.w
    assert p is not None
    assert w is not None
    made, used = economy.outputs @ x, economy.inputs @ x
    wanted, fixed = economy.assortment @ z, economy.fixed_demand
    turnover = made + used + wanted + np.abs(fixed)
    feasible = (
        min(float(part.min(initial=0.0)) for part in (x, z, p, w)) >= 0
        and (made - used - fixed - wanted >= -_ROUNDING * turnover).all()
        and (economy.resource_use @ x <= (1.0 + _ROUNDING) * economy.endowment).all()
        and (x <= (1.0 + _ROUNDING) * economy.capacity).all()
    )
    cost = economy.inputs.T @ p + economy.resource_use.T @ w
    earned = economy.outputs.T @ p
    gain, limited = earned - cost, np.isfinite(economy.capacity)
    priced = (gain <= _ROUNDING * (earned + cost))[~limited].all() and (
        economy.assortment.T @ p >= (1.0 - _ROUNDING) * economy.weights
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
