"""Economies from recipes and tables, and statistics of economies.

A recipe (:mod:`recipe`) says what is wanted; :func:`generate` makes it.

- one year, one region: :mod:`structure` (who buys from whom), :mod:`coefficients` (how much),
  :mod:`technology` (techniques, by-products, resource use), :mod:`random_economy` (demand,
  endowments, capacities), :mod:`planted` (known optima);
- years and regions: :mod:`over_years`, :mod:`over_regions`, and :mod:`expansion`, which draws what
  they need;
- tables split into goods: :mod:`disaggregate`, from the plan that :mod:`observed` finds;
- :mod:`statistics` measures any economy.
"""

from planbench.generators.expansion import expand_generated
from planbench.generators.planted import Planted, plant
from planbench.generators.random_economy import draw_economy
from planbench.generators.recipe import (
    GeneratorRecipe,
    estimate_bytes,
    make_recipe,
    parse_inline,
    read_toml_recipe,
    refuse_if_too_large,
)
from planbench.model.economy import Economy

__all__ = [
    "GeneratorRecipe",
    "Planted",
    "estimate_bytes",
    "generate",
    "make_recipe",
    "parse_inline",
    "plant",
    "read_toml_recipe",
]


def generate(recipe: GeneratorRecipe) -> Economy:
    """Generate the economy of `recipe`: drawn, expanded over years and regions, or planted.

    The economy carries its recipe and an interior point, and no labels. With n goods and K
    techniques, one year and one region, it has nK activities, activity j making good j // K.

    Raises
    ------
    InputError
        If it would not fit into the memory that is free.
    """
    if recipe.planted:
        return plant(recipe).economy
    refuse_if_too_large(recipe)
    if recipe.expands:
        return expand_generated(recipe, draw_economy(recipe.of_one_year_and_region))
    return draw_economy(recipe)
