"""How much memory a recipe needs, before anything is allocated."""

from __future__ import annotations

from planbench.errors import InputError
from planbench.generate.recipe import GeneratorRecipe

#: Chunk buffers, look-up tables and what numpy holds besides, whatever the size.
_FIXED = 96 << 20
#: Vectors of one float64 per activity and per good alive at the same time, at most.
_ACTIVITY_VECTORS, _GOOD_VECTORS = 9, 8
_GIB = float(1 << 30)


def finished_bytes(recipe: GeneratorRecipe) -> int:
    """Bytes of the finished arrays (as :attr:`Economy.nbytes`, to the mean of the law)."""
    n, m = recipe.goods, recipe.activities
    inputs = recipe.law.mean(n) * m
    outputs = (1.0 + recipe.byproducts) * m
    resources = float(recipe.resources_each) * m
    final = max(float(recipe.targets), recipe.final_share * n)
    total = 8.0 * (m + recipe.resources + n + recipe.targets)
    for entries, columns in (
        (inputs, m),
        (outputs, m),
        (resources, m),
        (final, recipe.targets),
    ):
        index = 4 if max(entries, n, m) < 2**31 else 8
        total += entries * (8 + index) + columns * index
    return int(total)


def estimate_bytes(recipe: GeneratorRecipe) -> int:
    """Peak bytes while the recipe is generated, the finished arrays included."""
    vectors = 8 * (_ACTIVITY_VECTORS * recipe.activities + _GOOD_VECTORS * recipe.goods)
    widest = 8 * 8 * max(recipe.goods, recipe.resources)
    if recipe.planted:
        # Sums are added up in a fixed order with one good and one product per entry.
        vectors += 8 * 6 * recipe.activities
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
