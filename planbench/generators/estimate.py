"""How much memory a recipe needs, before anything is allocated."""

from __future__ import annotations

from planbench.errors import InputError
from planbench.generators.expanded_sizes import sizes_of
from planbench.generators.recipe import GeneratorRecipe

#: Chunk buffers, look-up tables and what numpy holds besides, whatever the size.
_FIXED = 96 << 20
#: Vectors of one float64 per activity and per good alive at the same time, at most.
_ACTIVITY_VECTORS, _GOOD_VECTORS = 9, 8
#: Times a year's share of the finished arrays alive while the years are put together, at most.
_YEARS_ALIVE = 4
_GIB = float(1 << 30)


def finished_bytes(recipe: GeneratorRecipe) -> int:
    """Bytes of the finished arrays (as :attr:`Economy.nbytes`, to the mean of the law)."""
    return sizes_of(recipe).nbytes


def estimate_bytes(recipe: GeneratorRecipe) -> int:
    """Peak bytes while the recipe is generated, the finished arrays included."""
    vectors = 8 * (_ACTIVITY_VECTORS * recipe.activities + _GOOD_VECTORS * recipe.goods)
    widest = 8 * 8 * max(recipe.goods, recipe.resources)
    if recipe.planted:
        # Sums are added up in a fixed order with one good and one product per entry.
        vectors += 8 * 6 * recipe.activities
    if recipe.expands:
        # Beside the whole: the economy of one year and region, and those of a year being built.
        base = finished_bytes(recipe.of_one_year_and_region)
        parts = 0 if recipe.years is None else _YEARS_ALIVE * finished_bytes(recipe) // recipe.years
        vectors += base + parts
    return finished_bytes(recipe) + vectors + widest + _FIXED


def refuse_if_too_large(recipe: GeneratorRecipe) -> None:
    """Refuse a recipe that does not fit into the memory that is free.

    Raises
    ------
    InputError
        With the estimate, what is free, and what to change.
    """
    import psutil

    needed, free = estimate_bytes(recipe), int(psutil.virtual_memory().available)
    if needed > free:
        raise InputError(
            f"needs about {needed / _GIB:.3g} GiB, {free / _GIB:.3g} GiB available; "
            "use fewer goods or inputs",
            where=f"gen:{recipe.canonical()}",
        )
