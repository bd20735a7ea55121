"""The technology of a generated economy: input coefficients, by-products, units, resources.

Everything is drawn in value (a unit of every good is worth 1) and written in physical units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.generators.coefficients import (
    Columns,
    Layered,
    PowerLaw,
    SectorBlocks,
    Structure,
    Uniform,
    draw_columns,
    scattered_ranks,
)
from planbench.generators.draws import (
    Bits,
    Purpose,
    choose,
    lognormal_weights,
    normal,
    powers_of_ten,
    raw,
    round24,
    stream,
    uniform,
)
from planbench.generators.recipe import BYPRODUCT_VALUE, GeneratorRecipe
from planbench.model.arrays import FloatArray, Matrix

#: Column sums are normal, truncated at this many deviations.
_SUM_CLIP = 2.0
_LARGEST_SUM_DEVIATION = 0.2
_SHARE_SIGMA = 1.0


@dataclass(frozen=True, eq=False)
class Technology:
    """Inputs and outputs with what they were drawn from.

    Attributes
    ----------
    inputs, outputs : csc_array, shape (goods, activities)
        In physical units per physical unit of the activity's own good; activities in the
        order of their goods.
    input_value : ndarray, shape (activities,)
        Value of inputs per unit of value of the activity's own good, in (0, 1).
    byproduct_value : ndarray, shape (activities,)
        Value of by-products likewise.
    good_units : ndarray, shape (goods,)
        Physical units in one unit of value; 1 / good_units are the value prices.
    largest_sum : float
        Bound on ``input_value``, below 1.
    """

    inputs: Matrix
    outputs: Matrix
    input_value: FloatArray
    byproduct_value: FloatArray
    good_units: FloatArray
    largest_sum: float


def structure_of(recipe: GeneratorRecipe) -> Structure:
    """Build the law of who buys from whom of a recipe."""
    n = recipe.goods
    if recipe.structure == "powerlaw":
        return PowerLaw(n, recipe.exponent, scattered_ranks(n, recipe.seed))
    if recipe.structure == "sectors":
        assert recipe.sectors is not None
        return SectorBlocks(n, recipe.sectors, recipe.within)
    if recipe.structure == "layered":
        assert recipe.band is not None
        return Layered(n, recipe.band, recipe.backflow)
    return Uniform(n)


def draw_technology(recipe: GeneratorRecipe) -> Technology:
    """Draw A and B; every technique's inputs are worth less than its output."""
    units = draw_units(recipe, Purpose.UNITS, 0, recipe.goods)
    scaled = units if recipe.unit_spread > 0 else None
    mean = recipe.law.mean(recipe.goods)
    structure = structure_of(recipe)
    degrees = _draw_degrees(recipe, mean)
    value = recipe.column_sum
    deviation = min(_LARGEST_SUM_DEVIATION, value / 2.5, (1.0 - value) / 2.5)
    sums = normal(raw_bits(recipe, Purpose.COLUMN_SUMS, 0, recipe.activities), _SUM_CLIP)
    sums *= deviation
    sums += value
    sums[degrees == 0] = 0.0
    columns = Columns(
        structure=structure,
        degrees=degrees,
        sums=sums,
        weights=lognormal_weights(recipe.sigma),
        techniques=recipe.techniques,
        row_units=scaled,
        good_units=scaled,
    )
    inputs = draw_columns(columns, recipe.seed, Purpose.INPUTS)
    outputs, byproducts = _draw_outputs(recipe, structure, scaled)
    return Technology(
        inputs=inputs,
        outputs=outputs,
        input_value=sums,
        byproduct_value=byproducts,
        good_units=units,
        largest_sum=recipe.column_sum + _SUM_CLIP * deviation,
    )


def draw_resource_use(
    recipe: GeneratorRecipe, value: FloatArray, good_units: FloatArray, resource_units: FloatArray
) -> Matrix:
    """Draw R: each activity spreads `value` over resources drawn without preference.

    Parameters
    ----------
    value : ndarray, shape (activities,)
        Worth of the resources used per unit of value of the activity's own good, > 0.
    good_units : ndarray, shape (goods,)
    resource_units : ndarray, shape (resources,)

    Returns
    -------
    csc_array, shape (resources, activities)
    """
    scaled = recipe.unit_spread > 0
    columns = Columns(
        structure=Uniform(recipe.resources),
        degrees=np.full(recipe.activities, recipe.resources_each, dtype=np.int32),
        sums=value,
        weights=lognormal_weights(_SHARE_SIGMA),
        techniques=recipe.techniques,
        own=True,
        row_units=resource_units if scaled else None,
        good_units=good_units if scaled else None,
    )
    return draw_columns(columns, recipe.seed, Purpose.RESOURCES)


def draw_units(recipe: GeneratorRecipe, purpose: Purpose, part: int, count: int) -> FloatArray:
    """Physical units per unit of value, log-uniform over the recipe's powers of ten."""
    if recipe.unit_spread == 0:
        return np.ones(count)
    return powers_of_ten(raw_bits(recipe, purpose, part, count), recipe.unit_spread)


def raw_bits(recipe: GeneratorRecipe, purpose: Purpose, part: int, count: int) -> Bits:
    """Raw draws of the recipe's seed for a purpose."""
    return raw(stream(recipe.seed, purpose, part), count)


def _draw_degrees(recipe: GeneratorRecipe, mean: float) -> npt.NDArray[np.int32]:
    """Draw numbers of inputs: normal, rounded up or down by chance, so that `mean` is kept."""
    source = stream(recipe.seed, Purpose.DEGREES)
    wanted = normal(raw(source, recipe.activities), 3.0)
    wanted *= recipe.inputs_cv
    wanted += 1.0
    wanted *= mean
    wanted += uniform(raw(source, recipe.activities))
    least = 1 if mean >= 1 else 0
    return np.clip(np.floor(wanted), least, recipe.goods - 1).astype(np.int32)


def _draw_outputs(
    recipe: GeneratorRecipe, structure: Structure, units: FloatArray | None
) -> tuple[Matrix, FloatArray]:
    """B: one unit of the own good, and for a share of activities a by-product."""
    m = recipe.activities
    own = np.arange(m) // recipe.techniques
    outputs = sp.csc_array((np.ones(m), own, np.arange(m + 1)), shape=(recipe.goods, m))
    source = stream(recipe.seed, Purpose.BYPRODUCTS)
    count = round(recipe.byproducts * m)
    if count == 0:
        return outputs, np.zeros(m)
    has = choose(raw(source, m), count)
    low, high = BYPRODUCT_VALUE
    value = np.where(has, round24(low + (high - low) * uniform(raw(source, m))), 0.0)
    extra = draw_columns(
        Columns(
            structure=structure,
            degrees=has.astype(np.int32),
            sums=value,
            weights=lognormal_weights(0.0),
            techniques=recipe.techniques,
            row_units=units,
            good_units=units,
        ),
        recipe.seed,
        Purpose.BYPRODUCTS,
    )
    return outputs + extra, value
