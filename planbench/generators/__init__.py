"""Economies from recipes: who buys from whom, how much, planted optima."""

from planbench.generators.estimate import estimate_bytes
from planbench.generators.planted import Planted, generate_planted, plant
from planbench.generators.random_economy import generate
from planbench.generators.recipe import (
    GeneratorRecipe,
    make_recipe,
    parse_inline,
    read_toml_recipe,
    recipe_of,
)

__all__ = [
    "GeneratorRecipe",
    "Planted",
    "estimate_bytes",
    "generate",
    "generate_planted",
    "make_recipe",
    "parse_inline",
    "plant",
    "read_toml_recipe",
    "recipe_of",
]
