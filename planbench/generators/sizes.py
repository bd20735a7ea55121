"""How large the economy of a recipe is, and how much memory it needs, before anything is drawn."""

from __future__ import annotations

from planbench.generators.recipe import GeneratorRecipe
from planbench.io.files import require_memory

#: Share of goods that serve as capital, and kinds of capital an activity holds.
CAPITAL_GOODS = 0.1
CAPITAL_KINDS = 2


def finished_bytes(recipe: GeneratorRecipe) -> int:
    """Bytes of the finished arrays, as :attr:`Economy.nbytes`, to the means of what is drawn."""
    regions, years = recipe.regions or 1, recipe.years or 1
    n, made = recipe.goods, recipe.activities * regions
    carried = regions * min(regions - 1, 2) * round(recipe.tradable * n)
    capital = kept = stored = 0
    if recipe.years is not None:
        stored = (years - 1) * round(recipe.storable * n) * regions
        if recipe.capital:
            capital = max(1, round(CAPITAL_GOODS * n)) * regions
            # Capital is kept and built in the last year only where some must be left.
            kept = years if recipe.terminal else years - 1
    held = float(min(CAPITAL_KINDS, capital)) * made
    durable = 2 * capital * kept
    goods = (n * regions + capital) * years + (capital if recipe.terminal else 0)
    activities = (made + carried) * years + durable + stored
    targets = recipe.targets * (1 if recipe.common_target else regions * years)
    inputs = (recipe.law.mean(n) * made + 2.0 * carried + held) * years + durable + stored
    outputs = ((1.0 + recipe.byproducts) * made + carried) * years + held * kept + durable + stored
    resource_use = float(recipe.resources_each) * made * years
    assortment = max(float(recipe.targets), recipe.final_share * n) * regions * years
    total = 8.0 * (goods + activities + recipe.resources * regions * years + targets)
    for entries, columns in (
        *((entries, activities) for entries in (inputs, outputs, resource_use)),
        (assortment, targets),
    ):
        index = 4 if max(entries, goods, activities) < 2**31 else 8
        total += entries * (8 + index) + columns * index
    return int(total)


#: Chunk buffers, look-up tables and other memory of numpy, whatever the size.
_FIXED = 96 << 20
#: Vectors of one float64 per activity and per good alive at the same time, at most.
_ACTIVITY_VECTORS, _GOOD_VECTORS = 9, 8
#: Times a year's share of the finished arrays alive while the years are put together, at most.
_YEARS_ALIVE = 4


def estimate_bytes(recipe: GeneratorRecipe) -> int:
    """Peak bytes while the recipe is generated, the finished arrays included."""
    vectors = 8 * (_ACTIVITY_VECTORS * recipe.activities + _GOOD_VECTORS * recipe.goods)
    widest = 8 * 8 * max(recipe.goods, recipe.resources)
    if recipe.planted:
        # Sums are added up in a fixed order with one good and one product per entry.
        vectors += 8 * 6 * recipe.activities
    if recipe.expands:
        # Also alive: the economy of one year and region, and those of a year being built.
        base = finished_bytes(recipe.of_one_year_and_region)
        parts = 0 if recipe.years is None else _YEARS_ALIVE * finished_bytes(recipe) // recipe.years
        vectors += base + parts
    return finished_bytes(recipe) + vectors + widest + _FIXED


def refuse_if_too_large(recipe: GeneratorRecipe) -> None:
    """Refuse a recipe that does not fit into the memory that is free.

    Raises
    ------
    InputError
        With the estimate and what is available.
    """
    require_memory(
        estimate_bytes(recipe),
        f"gen:{recipe.canonical()}",
        "this economy",
        "use fewer goods or inputs",
    )
