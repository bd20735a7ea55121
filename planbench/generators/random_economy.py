"""Generate an economy from a recipe: technology, resources, demand, endowments, interior.

Endowments and capacities are set from a reference plan (:func:`growth_plan`) that delivers final
demand and a growth of every good, so that resources are comparably scarce and the
economy is feasible with slack everywhere.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from planbench.errors import PlanbenchError
from planbench.generators.draws import (
    Purpose,
    choose,
    lognormal,
    normal,
    round24,
    round_bits,
    uniform,
)
from planbench.generators.interior import check_interior
from planbench.generators.recipe import GeneratorRecipe
from planbench.generators.technology import draw_resource_use, draw_technology, draw_units, raw_bits
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy, Interior, make_economy

_SWEEPS = 2000
#: Activity levels are rounded to this many bits: sums of products may differ in the last
#: digit between versions, levels may not.
LEVEL_BITS = 12


def growth_plan(inputs: Matrix, demand: FloatArray, retained: float, guess: float) -> FloatArray:
    """Output of each good that covers its use as an input, grown by 1/retained, and `demand`.

    Solves X = demand + A x / retained by Neumann sweeps, all techniques of a good making equally
    much, until no good's output would rise by more than half of the growth asked for, so that
    X − A x > 0 holds good by good (a von Neumann growth plan; von Neumann 1937).

    Parameters
    ----------
    inputs : csc_array, shape (goods, activities)
        Activities in the order of the goods they make, equally many for each.
    demand : ndarray, shape (goods,)
        Final demand, above 0.
    retained : float
        In (largest column sum in value, 1); growth factor is its inverse.
    guess : float
        Typical column sum in value, for the start.

    Returns
    -------
    ndarray, shape (goods,)
        With :data:`LEVEL_BITS` significant bits.
    """
    techniques = inputs.shape[1] // inputs.shape[0]
    limit = 1.0 + 0.5 * (1.0 / retained - 1.0)

    def sweep(output: FloatArray) -> FloatArray:
        used: FloatArray = inputs @ np.repeat(output * (1.0 / techniques), techniques)
        used /= retained
        used += demand
        return used

    # Sum the tail of the series as if every round used the same share, and a little more:
    # from above, most goods meet the rule at once.
    first = sweep(demand)
    output = demand + (first - demand) * (1.2 / (1.0 - guess / retained))
    for _ in range(_SWEEPS):
        following = sweep(output)
        if bool((following <= limit * output).all()):
            return round_bits(output, LEVEL_BITS)
        output = following
    raise PlanbenchError(f"no reference plan within {_SWEEPS} sweeps; this is a bug of planbench")


#: ln of the cost of a technique's resources over its value added: ±2 deviations of this.
_EFFICIENCY_DEVIATION = 0.2
_EFFICIENCY_CLIP = 2.0
#: Rents of the interior prices, in units of value; above exp(.2 · 2) ≈ 1.49.
_INTERIOR_RENT = 2.0
#: Demand of goods outside final demand in the reference plan, mean good in it being 1.
LEAST_DEMAND = 0.1
#: A finite capacity is the reference level times 1 plus up to this.
_CAPACITY_ROOM = (0.05, 1.0)
#: A capacity that is meant to bind is at least this over the number of techniques, and at most
#: this, of the reference output of the good.
_BINDING_LEAST = 0.6
_BINDING_MOST = 0.8


def draw_economy(recipe: GeneratorRecipe) -> Economy:
    """Draw the economy of one year and one region, with an interior point and no labels."""
    technology = draw_technology(recipe)
    units = technology.good_units
    resource_units = draw_units(recipe, Purpose.UNITS, 1, recipe.resources)
    value_added = 1.0 + technology.byproduct_value - technology.input_value
    efficiency = _draw_efficiency(recipe)
    # What a technique costs at prices of 1, above the value of what it makes.
    dearer = value_added * (efficiency - 1.0) if recipe.binding else None
    value_added *= efficiency
    resource_use = draw_resource_use(recipe, value_added, units, resource_units)
    del value_added, efficiency

    demand = draw_demand(recipe)
    assortment, weights = draw_assortment(recipe, demand * units)
    output = growth_plan(
        technology.inputs,
        np.maximum(demand, LEAST_DEMAND) * units,
        retained=0.5 * (1.0 + technology.largest_sum),
        guess=recipe.column_sum,
    )
    level = np.repeat(output / recipe.techniques, recipe.techniques)
    if dearer is not None:
        capacity = _draw_binding_capacity(recipe, dearer, output)
    else:
        capacity = _draw_capacity(recipe, level)
    endowment = _draw_endowment(recipe, resource_use @ level)
    level *= 0.5
    interior = Interior(
        goods_prices=1.0 / units,
        resource_prices=_INTERIOR_RENT / resource_units,
        activities=level,
    )
    economy = make_economy(
        inputs=technology.inputs,
        outputs=technology.outputs,
        resource_use=resource_use,
        endowment=endowment,
        assortment=assortment,
        capacity=capacity,
        weights=weights,
        name=f"gen:{recipe.canonical()}",
        recipe=recipe.facts(),
        interior=interior,
    )
    check_interior(economy)
    return economy


def draw_demand(recipe: GeneratorRecipe) -> FloatArray:
    """Draw final demand in value, mean about 1 over the goods in it and 0 elsewhere.

    Exactly ``final_share`` of the goods (rounded, at least one per target) are in it.
    """
    n = recipe.goods
    count = max(recipe.targets, round(recipe.final_share * n))
    final = choose(raw_bits(recipe, Purpose.DEMAND, 0, n), count)
    # 1 + z/4 with |z| ≤ 3: no transcendental function, positive, mean 1.
    amount = 1.0 + 0.25 * normal(raw_bits(recipe, Purpose.DEMAND, 1, n), 3.0)
    return np.where(final, round24(amount), 0.0)


def draw_assortment(recipe: GeneratorRecipe, demand: FloatArray) -> tuple[Matrix, FloatArray]:
    """Deal the goods in `demand` (physical units) to the targets in turn; weights near 1."""
    final = np.flatnonzero(demand)
    targets = recipe.targets
    matrix = sp.csc_array(
        (demand[final], (final, np.arange(final.size) % targets)), shape=(recipe.goods, targets)
    )
    if targets == 1:
        return matrix, np.ones(1)
    draws = uniform(raw_bits(recipe, Purpose.TARGETS, 0, targets))
    return matrix, round24(0.8 + 0.4 * draws)


# Scarcity: how dear techniques are, which capacities are finite, how ample endowments are.


def _draw_efficiency(recipe: GeneratorRecipe) -> FloatArray:
    draws = raw_bits(recipe, Purpose.EFFICIENCY, 0, recipe.activities)
    return lognormal(draws, _EFFICIENCY_DEVIATION, _EFFICIENCY_CLIP)


def _draw_capacity(recipe: GeneratorRecipe, level: FloatArray) -> FloatArray:
    m = recipe.activities
    count = round(recipe.capacities * m)
    if count == 0:
        return np.full(m, np.inf)
    limited = choose(raw_bits(recipe, Purpose.CAPACITIES, 0, m), count)
    low, high = _CAPACITY_ROOM
    room = 1.0 + low + (high - low) * uniform(raw_bits(recipe, Purpose.CAPACITIES, 1, m))
    return np.where(limited, round24(room * level), np.inf)


def _draw_binding_capacity(
    recipe: GeneratorRecipe, dearer: FloatArray, output: FloatArray
) -> FloatArray:
    """Limit the cheapest technique of some goods; their other techniques have no limit.

    So a limit costs something where it binds, and no good is a bottleneck of everything.
    """
    n, techniques = recipe.goods, recipe.techniques
    goods = choose(
        raw_bits(recipe, Purpose.CAPACITIES, 2, n), round(recipe.binding * recipe.activities)
    )
    cheapest = np.arange(n) * techniques + dearer.reshape(n, techniques).argmin(axis=1)
    # The interior makes half of the reference output by all techniques alike.
    low = _BINDING_LEAST / techniques
    share = low + (_BINDING_MOST - low) * uniform(raw_bits(recipe, Purpose.CAPACITIES, 3, n))
    capacity = np.full(recipe.activities, np.inf)
    capacity[cheapest[goods]] = round24(share * output)[goods]
    return capacity


def _draw_endowment(recipe: GeneratorRecipe, use: FloatArray) -> FloatArray:
    # A resource that is not used (more resources than activities) gets one unit.
    ample = uniform(raw_bits(recipe, Purpose.TIGHTNESS, 0, recipe.resources))
    factor = round24(1.0 + (1.0 / recipe.tightness - 1.0) * ample)
    return np.where(use > 0, round_bits(use, LEVEL_BITS) * factor, 1.0)
