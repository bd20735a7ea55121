"""How large the economy of a recipe is: rows, columns and entries, without drawing anything."""

from __future__ import annotations

from dataclasses import dataclass, replace

from planbench.generators.recipe import GeneratorRecipe

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
        sizes = _in_regions(recipe, sizes, recipe.regions)
    if recipe.years is not None:
        sizes = _over_years(recipe, sizes, recipe.years)
    return sizes


def _in_regions(recipe: GeneratorRecipe, one: Sizes, regions: int) -> Sizes:
    assert recipe.tradable is not None
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


def _over_years(recipe: GeneratorRecipe, one: Sizes, years: int) -> Sizes:
    assert recipe.storable is not None
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
