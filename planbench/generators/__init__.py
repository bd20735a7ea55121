"""Economies from recipes and tables, and statistics of economies.

A recipe (:mod:`recipe`) says what is wanted; :mod:`generator` makes it.

- one year, one region: :mod:`structure` (who buys from whom), :mod:`coefficients` (how much),
  :mod:`technology` (techniques, by-products, resource use), :mod:`random_economy` (demand,
  endowments, capacities), :mod:`planted` (known optima);
- years and regions: :mod:`over_years`, :mod:`over_regions`, and
  :mod:`expansion`, which draws what they need;
- tables split into goods: :mod:`disaggregate`, from the plan that :mod:`observed` finds;
- :mod:`statistics` measures any economy.
"""

from planbench.generators.generator import generate
from planbench.generators.planted import Planted, plant
from planbench.generators.recipe import (
    GeneratorRecipe,
    make_recipe,
    parse_inline,
    read_toml_recipe,
)
from planbench.generators.sizes import estimate_bytes

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
