"""Generate an economy from a recipe: technology, resources, demand, endowments, interior."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp

from planbench.generators.draws import (
    Purpose,
    choose,
    lognormal,
    normal,
    round24,
    round_bits,
    uniform,
)
from planbench.generators.estimate import refuse_if_too_large
from planbench.generators.interior import check_interior
from planbench.generators.profile import find_profile
from planbench.generators.recipe import GeneratorRecipe
from planbench.generators.reference import LEVEL_BITS, growth_plan
from planbench.generators.technology import (
    draw_resource_use,
    draw_technology,
    draw_units,
    raw_bits,
)
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy, Interior, make_economy

#: ln of the cost of a technique's resources over its value added: ±2 deviations of this.
_EFFICIENCY_DEVIATION = 0.2
_EFFICIENCY_CLIP = 2.0
#: Rents of the interior prices, in units of value; above exp(.2 · 2) ≈ 1.49.
_INTERIOR_RENT = 2.0
#: Demand of goods outside final demand in the reference plan, mean good in it being 1.
_LEAST_DEMAND = 0.1
#: With a profile, amounts of final demand are log-normal within so many deviations.
_DEMAND_CLIP = 3.0
#: A finite capacity is the reference level times 1 plus up to this.
_CAPACITY_ROOM = (0.05, 1.0)


def generate(recipe: GeneratorRecipe) -> Economy:
    """Generate the economy of `recipe`; with ``planted`` one whose optimum is known.

    The economy carries its recipe and an interior point, and no labels. With n goods and K
    techniques it has nK activities, activity j making good j // K.

    Raises
    ------
    InputError
        If it would not fit into the memory that is free.
    """
    if recipe.planted:
        from planbench.generators.planted import generate_planted

        return generate_planted(recipe)[0]
    if recipe.expands:
        from planbench.generators.expansion import generate_expanded

        return generate_expanded(recipe, generate(recipe.of_one_year_and_region))
    refuse_if_too_large(recipe)
    technology = draw_technology(recipe)
    units = technology.good_units
    resource_units = draw_units(recipe, Purpose.UNITS, 1, recipe.resources)
    value_added = 1.0 + technology.byproduct_value - technology.input_value
    value_added *= _draw_efficiency(recipe)
    resource_use = draw_resource_use(recipe, value_added, units, resource_units)
    del value_added

    demand = draw_demand(recipe)
    assortment, weights = draw_assortment(recipe, demand * units)
    share = np.full(recipe.activities, 1.0 / recipe.techniques)
    output = growth_plan(
        technology.inputs,
        share,
        np.maximum(demand, _LEAST_DEMAND) * units,
        retained=0.5 * (1.0 + technology.largest_sum),
        guess=recipe.column_sum,
    )
    level = np.repeat(output / recipe.techniques, recipe.techniques)
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
    draws = raw_bits(recipe, Purpose.DEMAND, 1, n)
    if recipe.profile is not None:
        sigma = find_profile(recipe.profile).final_demand.sigma
        # Mean about 1, as exp(σ z − σ²/2) has.
        amount = lognormal(draws, sigma, _DEMAND_CLIP) * round(math.exp(-(sigma**2) / 2), 6)
    else:
        amount = 1.0 + 0.25 * normal(draws, 3.0)
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


def _draw_endowment(recipe: GeneratorRecipe, use: FloatArray) -> FloatArray:
    # A resource that nobody uses (more resources than activities) gets one unit.
    ample = uniform(raw_bits(recipe, Purpose.TIGHTNESS, 0, recipe.resources))
    factor = round24(1.0 + (1.0 / recipe.tightness - 1.0) * ample)
    return np.where(use > 0, round_bits(use, LEVEL_BITS) * factor, 1.0)
