"""What an economy carries: an interior point, an observed plan, an optimum; checked, not trusted.

An economy that was made from a table carries the prices of its year, value added dearer than it
was, and half of its observed activities as its interior plan, or a little more where that leaves
room for a good. Exports and imports are limited to a stated multiple of what was observed. The
observed plan is got back from this: the plan near twice the interior that uses up what it makes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError, PlanbenchError
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy, Interior
from planbench.model.plan import Plan
from planbench.model.products import backward, dot, forward

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


def shortfalls(economy: Economy, x: FloatArray, z: FloatArray) -> FloatArray:
    """Share of each good, then of each resource, that the plan `x`, `z` lacks."""
    made, spent = economy.outputs @ x, economy.resource_use @ x
    asked, fixed = economy.inputs @ x + economy.assortment @ z, economy.fixed_demand
    size = np.maximum(np.maximum(asked, made), np.abs(fixed))
    lacking = np.maximum(asked + fixed - made, 0.0) / np.where(size > 0, size, 1.0)
    over = np.maximum(spent - economy.endowment, 0.0) / np.where(spent > 0, spent, 1.0)
    return np.concatenate([lacking, over])


def bound_by_prices(economy: Economy, p: FloatArray, w: FloatArray) -> tuple[float, float] | None:
    """Upper bound of the optimum by prices of goods and resources; those of capacities follow.

    Returns
    -------
    tuple of float, or None
        The bound, and the size of its terms. None where an activity of unlimited capacity gains,
        or a target is worth less than its weight, by more than 1e-9 of the terms.
    """
    cost = economy.inputs.T @ p + economy.resource_use.T @ w
    earned = economy.outputs.T @ p
    gain, limited = earned - cost, np.isfinite(economy.capacity)
    if (gain > _ROUNDING * (earned + cost))[~limited].any() or (
        economy.assortment.T @ p < (1.0 - _ROUNDING) * economy.weights
    ).any():
        return None
    rents = float((np.maximum(gain[limited], 0.0) * economy.capacity[limited]).sum())
    paid, fixed = float(w @ economy.endowment), economy.fixed_demand
    return paid - float(p @ fixed) + rents, paid + float(p @ np.abs(fixed)) + rents


@np.errstate(all="ignore")
def optimum_holds(economy: Economy, plan: Plan, optimum: float) -> bool:
    """Whether `plan` is feasible, worth `optimum`, and proven optimal by its prices.

    Parameters
    ----------
    economy : Economy
    plan : Plan
        With prices of goods and resources.
    optimum : float

    Returns
    -------
    bool
        False where any of this fails by more than 1e-9 of the terms it is the difference of.
    """
    x, z, p, w = plan.x, plan.z, plan.p, plan.w
    assert p is not None
    assert w is not None
    bound = bound_by_prices(economy, p, w)
    if bound is None:
        return False
    upper, scale = bound
    return (
        min(float(part.min(initial=0.0)) for part in (x, z, p, w)) >= 0
        and bool((shortfalls(economy, x, z) <= _ROUNDING).all())
        and bool((x <= (1.0 + _ROUNDING) * economy.capacity).all())
        and abs(float(economy.weights @ z) - optimum) <= _ROUNDING * max(abs(optimum), scale)
        and abs(upper - optimum) <= _ROUNDING * scale
    )


#: Goods with these words in their names are means of payment.
MONEY = ("foreign exchange",)
#: Largest relative imbalance of a table that is taken as rounding.
_BALANCE = 1e-9
_USED_UP = 1e-6
_ROUNDS = 1000
#: Least squares end when their gradient is this share of what it was.
_GRADIENT = 1e-14


@dataclass(frozen=True, eq=False)
class ObservedPlan:
    """What was observed.

    Attributes
    ----------
    levels : ndarray, shape (activities,)
        Activity levels x > 0, with every target fulfilled once.
    prices : ndarray, shape (goods,)
        > 0.
    rents : ndarray, shape (resources,)
        Prices of resources, > 0.
    """

    levels: FloatArray
    prices: FloatArray
    rents: FloatArray


def observed_plan(economy: Economy) -> ObservedPlan:
    """Find the observed plan of a table's economy.

    Raises
    ------
    InputError
        When the economy carries no plan whose multiple balances every good, as economies of
        tables do.
    """
    where = economy.name
    if economy.recipe.get("scarcity"):
        raise InputError(
            "has endowments moved away from the observed plan; drop scarcity", where=where
        )
    interior = economy.interior
    if interior is None or interior.activities is None:
        raise InputError(
            "carries no observed plan; give a table (us-bea-71, or one read by planbench import)",
            where=where,
        )
    p, w = interior.goods_prices, interior.resource_prices
    if interior.activities.min() <= 0 or p.min() <= 0 or w.min(initial=1.0) <= 0:
        raise InputError(
            "has an activity, a price or a rent of zero in its observed plan; drop it first",
            where=where,
        )
    wanted = forward(economy.assortment, np.ones(economy.n_targets)) + economy.fixed_demand
    x = 2.0 * interior.activities
    off, bad = _imbalance(economy, x, wanted)
    if bad.any():
        x = _balanced(economy, x, wanted)
        off, bad = _imbalance(economy, x, wanted)
    if bad.any() or x.min() <= 0:
        worst = int(np.argmax(np.where(bad, off * p, 0.0)))
        raise InputError(
            f"its plan does not balance {economy.good(worst)!r} (off by {off[worst]:g}); "
            "only economies made from a table can be split",
            where=where,
        )
    spent = forward(economy.resource_use, x)
    if (np.abs(spent - economy.endowment) > _USED_UP * economy.endowment).any():
        raise InputError(
            "its plan does not use up its resources; only economies made from a table can be split",
            where=where,
        )
    earned = backward(economy.outputs, p) - backward(economy.inputs, p)
    use = backward(economy.resource_use, w)
    rent = dot(earned, x) / max(dot(use, x), 1e-300)
    if rent <= 0:
        raise InputError("nothing is left of its revenues for resources", where=where)
    return ObservedPlan(levels=x, prices=p, rents=rent * w)


def proven_optimum(economy: Economy) -> float | None:
    """Value of the observed plan of a table, or of one split into goods, if nothing is better.

    The plan is twice the interior's activities with every target fulfilled once, its prices are
    the interior's with rents half as dear. Both are checked in the economy as it is, so an
    economy that was changed since loses the claim.

    Parameters
    ----------
    economy : Economy

    Returns
    -------
    float or None
        None where the plan falls short, or its prices do not prove it optimal, by more than
        1e-9.
    """
    interior = economy.interior
    if interior is None or interior.activities is None:
        return None
    p = interior.goods_prices
    # Any positive multiple of the prices is as good; the smallest that pays for every target.
    scale = float((economy.assortment.T @ p / economy.weights).min())
    if scale <= 0:
        return None
    plan = Plan(
        x=2.0 * interior.activities,
        z=np.ones(economy.n_targets),
        p=p / scale,
        w=0.5 * interior.resource_prices / scale,
    )
    value = math.fsum(economy.weights.tolist())
    return value if optimum_holds(economy, plan, value) else None


def _imbalance(
    economy: Economy, x: FloatArray, wanted: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """How far the plan `x` is from making just what is wanted, and whether too far."""
    made, used = forward(economy.outputs, x), forward(economy.inputs, x)
    off = np.abs(made - used - wanted)
    return off, off > _BALANCE * (made + used + np.abs(wanted))


def _balanced(economy: Economy, start: FloatArray, wanted: FloatArray) -> FloatArray:
    """Solve (B − A) x = wanted near `start`, with trade at what its limits say.

    Least squares by conjugate gradients (CGLS: Björck 1996, ch. 7), begun at `start`, so that
    of many solutions it finds the nearest. The levels end in hashed arrays, so no LAPACK.
    """
    limit = economy.recipe.get("trade_limit")
    known = np.isfinite(economy.capacity)
    x = start.copy()
    if isinstance(limit, int | float) and limit > 0:
        x[known] = economy.capacity[known] / limit
    else:
        known = np.zeros(x.size, dtype=np.bool_)
    net = economy.outputs - economy.inputs
    turnover = forward(economy.outputs, x) + forward(economy.inputs, x) + np.abs(wanted)
    rows = sp.diags_array(1.0 / np.where(turnover > 0, turnover, 1.0))
    used = economy.resource_use
    stock = sp.diags_array(1.0 / np.where(economy.endowment > 0, economy.endowment, 1.0))
    # In shares of the start, of each good's turnover and of each resource.
    system = sp.vstack([rows @ net[:, ~known], stock @ used[:, ~known]]) @ sp.diags_array(x[~known])
    left = np.concatenate(
        [rows @ (wanted - forward(net, x)), stock @ (economy.endowment - forward(used, x))]
    )
    x[~known] *= 1.0 + _least_squares(sp.csc_array(system), left)
    return x


def _least_squares(matrix: Matrix, right: FloatArray) -> FloatArray:
    """Smallest y that minimises |M y − right|, by conjugate gradients from y = 0."""
    y = np.zeros(int(matrix.shape[1]))
    left, gradient = right.copy(), backward(matrix, right)
    direction, size = gradient, dot(gradient, gradient)
    end = (_GRADIENT**2) * size
    for _ in range(_ROUNDS):
        if not size > end:
            break
        moved = forward(matrix, direction)
        step = size / dot(moved, moved)
        y += step * direction
        left -= step * moved
        gradient = backward(matrix, left)
        size, before = dot(gradient, gradient), size
        direction = gradient + (size / before) * direction
    return y
