"""Generate the economy of a recipe: drawn, expanded over years and regions, or planted."""

from __future__ import annotations

from planbench.generators.expansion import expand_generated
from planbench.generators.planted import plant
from planbench.generators.random_economy import draw_economy
from planbench.generators.recipe import GeneratorRecipe
from planbench.generators.sizes import refuse_if_too_large
from planbench.model.economy import Economy


def generate(recipe: GeneratorRecipe) -> Economy:
    """Generate the economy of `recipe`; with ``planted`` one whose optimum is known.

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
