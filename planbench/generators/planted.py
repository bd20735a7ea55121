"""Economies whose optimum is planted, so that it is known at any size.

A plan x*, z* and prices p*, w* are chosen first; resource use, endowments, capacities, demand
and weights are then set so that the two satisfy the optimality conditions (complementary
slackness), which proves both optimal whatever a solver says. The conditions hold to rounding.

:func:`planted_holds` checks the optimum of a file that may have been changed since. The planted
plan and its prices are the economy's interior, scaled; they are scaled back and checked by
duality, which takes a few products with the matrices and no solver.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.generators.draws import Bits, Purpose, below, choose, round24, round_bits, uniform
from planbench.generators.interior import check_interior, optimum_holds
from planbench.generators.random_economy import LEVEL_BITS, draw_assortment, draw_demand
from planbench.generators.recipe import GeneratorRecipe, refuse_if_too_large
from planbench.generators.technology import (
    Technology,
    draw_resource_use,
    draw_technology,
    draw_units,
    raw_bits,
)
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.plan import Plan
from planbench.model.products import backward, forward

BoolArray = npt.NDArray[np.bool_]

_SWEEPS = 200
#: Intermediate goods are made at this share of their use; stocks (f < 0) cover the rest.
_COVERED = 0.8
#: A balance nearer to zero than this share of what is made counts as met.
_NEAR = 1e-3
#: The interior plan is this share of the optimal one, and its rents so many times the optimal.
INTERIOR_SHARE = 0.9
INTERIOR_RENTS = 1.5


@dataclass(frozen=True, eq=False)
class Planted:
    """An economy with its planted optimum.

    Attributes
    ----------
    economy : Economy
    optimum : float
        Optimal value ω·z*.
    plan : Plan
        An optimal plan with optimal prices, rents and capacity rents.
    """

    economy: Economy
    optimum: float
    plan: Plan


def plant(recipe: GeneratorRecipe) -> Planted:
    """Generate an economy around an optimal plan.

    The optimum is in ``economy.recipe["planted_optimum"]`` too. Some techniques are idle,
    some capacities bind, some resources and some goods are in excess (price 0), and fixed
    demand has either sign.

    Raises
    ------
    InputError
        If it would not fit into the memory that is free.
    """
    if not recipe.planted:
        recipe = recipe.model_copy(update={"planted": True})
    refuse_if_too_large(recipe)
    technology = draw_technology(recipe)
    demand = draw_demand(recipe) * technology.good_units
    x, net, made = _choose_levels(recipe, technology, demand)
    if recipe.closed and not (net > 0).all():
        raise InputError(
            "closed: rounding leaves some much used good short; use fewer goods, a smaller "
            "column_sum or another structure",
            where=f"gen:{recipe.canonical()}",
        )
    free = _in_excess(recipe, x, net, made, demand)
    p = _choose_prices(recipe, technology, free)
    gain = backward(technology.outputs, p) - backward(technology.inputs, p)
    capacity, capacity_rent = _choose_capacities(recipe, technology, x, gain)
    rent = _choose_rents(recipe, technology, x, gain) - capacity_rent
    resource_use, w = _draw_resources(recipe, technology, rent)
    del rent, gain

    z = _choose_targets(recipe)
    if recipe.closed:
        # Targets are powers of two, so what is delivered is what is made, to the last bit.
        amount = net / np.resize(z, recipe.goods)
        assortment = draw_assortment(recipe, amount)[0]
    else:
        assortment = _draw_assortment(recipe, demand, net)
    delivered = forward(assortment, z)
    fixed_demand = net - delivered
    # A good in excess: stocks exceed what the plan draws on.
    excess = np.maximum(0.5 * np.abs(net), 0.1 * technology.good_units)
    fixed_demand[free] -= excess[free]
    weights = backward(assortment, p)
    scale = math.ldexp(1.0, -math.frexp(math.fsum(weights))[1])
    weights, p, w = weights * scale, p * scale, w * scale
    capacity_rent *= scale
    optimum = math.fsum(weights * z)

    economy = make_economy(
        inputs=technology.inputs,
        outputs=technology.outputs,
        resource_use=resource_use,
        endowment=_endow(recipe, forward(resource_use, x), w),
        assortment=assortment,
        capacity=capacity,
        fixed_demand=fixed_demand,
        weights=weights,
        name=f"gen:{recipe.canonical()}",
        recipe={**recipe.facts(), "planted_optimum": optimum},
        interior=Interior(
            goods_prices=p, resource_prices=INTERIOR_RENTS * w, activities=INTERIOR_SHARE * x
        ),
    )
    check_interior(economy)
    return Planted(economy, optimum, Plan(x=x, z=z, p=p, w=w, v=capacity_rent))


def _bits(recipe: GeneratorRecipe, part: int, count: int) -> Bits:
    return raw_bits(recipe, Purpose.PLANTED, part, count)


def _choose_targets(recipe: GeneratorRecipe) -> FloatArray:
    """z*: between 0.5 and 1.5; 0.5 or 1 where f is to be 0."""
    bits = _bits(recipe, 6, recipe.targets)
    if recipe.closed:
        return np.where(bits >> np.uint64(63) == 1, 1.0, 0.5)
    return round24(0.5 + uniform(bits))


def _choose_levels(
    recipe: GeneratorRecipe, technology: Technology, demand: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Activity levels x*, net output (B − A)x* and gross output Bx*.

    Goods outside final demand are made short of their use, so that stocks cover the rest, or
    not made at all. With ``closed`` every good is made in excess of its use.
    """
    n, techniques = recipe.goods, recipe.techniques
    share = _choose_shares(recipe)
    covered = 1.0 if recipe.closed else _COVERED
    output = demand.copy()
    for _ in range(_SWEEPS):
        level = np.repeat(output, techniques) * share
        own = level.reshape(n, techniques).sum(axis=1)
        byproducts = technology.outputs @ level - own
        following = np.maximum(covered * (technology.inputs @ level) - byproducts, 0.0) + demand
        # What is left after use is demand less this change.
        enough = 0.1 * demand if recipe.closed else 0.02 * following
        done = bool((np.abs(following - output) <= enough).all())
        output = following
        if done:
            break
    x = round_bits(np.repeat(output, techniques) * share, LEVEL_BITS)
    while True:
        made = forward(technology.outputs, x)
        net = made - forward(technology.inputs, x)
        running = x.reshape(n, techniques).any(axis=1)
        stop = running & (demand == 0) & (net > -_NEAR * made)
        if not stop.any():
            return x, net, made
        # By-products or small use leave enough of these goods: none are made on purpose.
        x[np.repeat(stop, techniques)] = 0.0


def _choose_shares(recipe: GeneratorRecipe) -> FloatArray:
    n, techniques = recipe.goods, recipe.techniques
    used = _bits(recipe, 0, recipe.activities) >> np.uint64(63) == 1
    surely = below(_bits(recipe, 1, n), techniques)
    used[np.arange(n) * techniques + surely] = True
    size = np.where(used, 0.5 + uniform(_bits(recipe, 2, recipe.activities)), 0.0)
    share: FloatArray = size / np.repeat(size.reshape(n, techniques).sum(axis=1), techniques)
    return share


def _in_excess(
    recipe: GeneratorRecipe,
    x: FloatArray,
    net: FloatArray,
    made: FloatArray,
    demand: FloatArray,
) -> BoolArray:
    idle = ~x.reshape(recipe.goods, recipe.techniques).any(axis=1)
    excess: BoolArray = idle & (demand == 0) & (net >= -_NEAR * made)
    return excess


def _choose_prices(recipe: GeneratorRecipe, technology: Technology, free: BoolArray) -> FloatArray:
    """p*: near value prices, so near that every activity of a priced good gains."""
    largest = technology.largest_sum
    spread = 0.4 * (1.0 - largest) / (1.0 + largest)
    factor = 1.0 + spread * (2.0 * uniform(_bits(recipe, 3, recipe.goods)) - 1.0)
    return np.where(free, 0.0, round24(factor / technology.good_units))


def _choose_capacities(
    recipe: GeneratorRecipe, technology: Technology, x: FloatArray, gain: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Capacities u and their rents v*: about half of those of running activities bind."""
    m = recipe.activities
    limited = choose(raw_bits(recipe, Purpose.CAPACITIES, 0, m), round(recipe.capacities * m))
    draws = uniform(raw_bits(recipe, Purpose.CAPACITIES, 1, m))
    binds = limited & (x > 0) & (draws < 0.5)
    usual = np.where(x > 0, x, np.repeat(technology.good_units, recipe.techniques))
    capacity = np.where(limited, round24(usual * (1.0 + draws)), np.inf)
    capacity[binds] = x[binds]
    return capacity, np.where(binds, gain * round24(0.1 + 0.6 * draws), 0.0)


def _choose_rents(
    recipe: GeneratorRecipe, technology: Technology, x: FloatArray, gain: FloatArray
) -> FloatArray:
    """Set what the resources of each activity cost: its gain if it runs, more if it is idle."""
    margin = 0.05 + 0.5 * uniform(_bits(recipe, 4, recipe.activities))
    worth = np.repeat(1.0 / technology.good_units, recipe.techniques)
    idle = np.maximum(gain, 0.0) * (1.0 + margin) + 0.1 * margin * worth
    return np.where(x > 0, gain, idle)


def _draw_resources(
    recipe: GeneratorRecipe, technology: Technology, rent: FloatArray
) -> tuple[Matrix, FloatArray]:
    """R and w* with w*R = `rent`; a few resources are in excess (w* = 0)."""
    k, units = recipe.resources, technology.good_units
    resource_units = draw_units(recipe, Purpose.UNITS, 1, k)
    draws = _bits(recipe, 5, k)
    w = round24((0.5 + uniform(draws)) / resource_units)
    w[choose(draws, min(k // 4, recipe.resources_each - 1))] = 0.0
    worth = rent * np.repeat(units, recipe.techniques)
    matrix = draw_resource_use(recipe, worth, units, resource_units)
    matrix.data *= np.repeat(rent / backward(matrix, w), recipe.resources_each)
    return matrix, w


def _draw_assortment(recipe: GeneratorRecipe, demand: FloatArray, net: FloatArray) -> Matrix:
    """D: of each final good, about what is made net of its use, so that f has either sign."""
    size = 0.5 + uniform(_bits(recipe, 7, recipe.goods))
    amount = round24(size * np.maximum(np.abs(net), demand))
    return draw_assortment(recipe, np.where(demand > 0, amount, 0.0))[0]


def _endow(recipe: GeneratorRecipe, use: FloatArray, w: FloatArray) -> FloatArray:
    ample = round24(
        use * (1.1 + 0.5 * uniform(raw_bits(recipe, Purpose.TIGHTNESS, 0, recipe.resources)))
    )
    return np.where(w > 0, use, np.where(use > 0, ample, 1.0))


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
    interior, need = economy.interior, economy.assortment
    if interior is None or interior.activities is None:
        return False
    if np.bincount(need.indices, minlength=economy.n_goods).max(initial=0) > 1:
        # Planted targets share no good; these do not come from the generator.
        return False
    if not np.diff(need.indptr).all():
        # A target that asks for nothing has no best value.
        return False
    x, p = interior.activities / INTERIOR_SHARE, interior.goods_prices
    left = forward(economy.outputs, x) - forward(economy.inputs, x) - economy.fixed_demand
    # The most of each target that its scarcest good allows.
    z = np.minimum.reduceat(
        np.maximum(left[need.indices], 0.0) / need.data, need.indptr[:-1].astype(np.intp)
    )
    return optimum_holds(
        economy, Plan(x=x, z=z, p=p, w=interior.resource_prices / INTERIOR_RENTS), optimum
    )
