"""How large the economy of a recipe is, and how much memory it needs, before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

from planbench.generators.recipe import GeneratorRecipe
from planbench.io.files import require_memory

#: Share of goods that serve as capital, and kinds of capital an activity holds.
CAPITAL_GOODS = 0.1
CAPITAL_KINDS = 2


@dataclass(frozen=True)
class Sizes:
    """Numbers of an economy; those of entries are means of what is drawn.

    Attributes
    ----------
    goods, activities, resources, targets : int
    inputs, outputs, resource_use, assortment : float
        Entries of the matrices.
    """

    goods: int
    activities: int
    resources: int
    targets: int
    inputs: float
    outputs: float
    resource_use: float
    assortment: float

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, as :attr:`planbench.model.economy.Economy.nbytes`."""
        total = 8.0 * (self.activities + self.resources + self.goods + self.targets)
        for entries, columns in (
            (self.inputs, self.activities),
            (self.outputs, self.activities),
            (self.resource_use, self.activities),
            (self.assortment, self.targets),
        ):
            index = 4 if max(entries, self.goods, self.activities) < 2**31 else 8
            total += entries * (8 + index) + columns * index
        return int(total)


def sizes_of(recipe: GeneratorRecipe) -> Sizes:
    """Sizes of the economy that `recipe` gives."""
    n, m = recipe.goods, recipe.activities
    sizes = Sizes(
        goods=n,
        activities=m,
        resources=recipe.resources,
        targets=recipe.targets,
        inputs=recipe.law.mean(n) * m,
        outputs=(1.0 + recipe.byproducts) * m,
        resource_use=float(recipe.resources_each) * m,
        assortment=max(float(recipe.targets), recipe.final_share * n),
    )
    if recipe.regions is not None:
        sizes = _divided(recipe, sizes, recipe.regions)
    if recipe.years is not None:
        sizes = _dated(recipe, sizes, recipe.years)
    return sizes


def _divided(recipe: GeneratorRecipe, one: Sizes, regions: int) -> Sizes:
    routes = regions * min(regions - 1, 2)
    carrying = routes * round(recipe.tradable * recipe.goods)
    return Sizes(
        goods=one.goods * regions,
        activities=one.activities * regions + carrying,
        resources=one.resources * regions,
        targets=one.targets * (1 if recipe.common_target else regions),
        inputs=one.inputs * regions + 2.0 * carrying,
        outputs=one.outputs * regions + carrying,
        resource_use=one.resource_use * regions,
        assortment=one.assortment * regions,
    )


def _dated(recipe: GeneratorRecipe, one: Sizes, years: int) -> Sizes:
    regions = recipe.regions or 1
    h = max(1, round(CAPITAL_GOODS * recipe.goods)) * regions if recipe.capital else 0
    held = float(min(CAPITAL_KINDS, h)) * recipe.activities * regions if h else 0.0
    stored = round(recipe.storable * recipe.goods) * regions
    # Capital is kept and built in the last year only where some must be left.
    carried = years if recipe.terminal else years - 1
    storing = years - 1
    return replace(
        one,
        goods=(one.goods + h) * years + (h if recipe.terminal else 0),
        activities=one.activities * years + 2 * h * carried + stored * storing,
        resources=one.resources * years,
        targets=one.targets * (1 if recipe.common_target else years),
        inputs=(one.inputs + held) * years + 2.0 * h * carried + stored * storing,
        outputs=one.outputs * years + (held + 2.0 * h) * carried + stored * storing,
        resource_use=one.resource_use * years,
        assortment=one.assortment * years,
    )


#: Chunk buffers, look-up tables and other memory of numpy, whatever the size.
_FIXED = 96 << 20
#: Vectors of one float64 per activity and per good alive at the same time, at most.
_ACTIVITY_VECTORS, _GOOD_VECTORS = 9, 8
#: Times a year's share of the finished arrays alive while the years are put together, at most.
_YEARS_ALIVE = 4


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
