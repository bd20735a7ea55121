"""A table's economy planned over years and divided among regions, as a recipe says.

Tables tell what was used up in a year, not who holds which stocks, nor what keeps or travels.
Capital is therefore one good, built from the bundle of final use; every activity holds some
years of its value added. Which goods keep and which can be carried is drawn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.generators.capital import Capital, make_capital
from planbench.generators.expand_recipe import ExpandRecipe
from planbench.generators.expansion_draws import (
    draw_carried,
    draw_shares,
    draw_storage,
    left_at_end,
    ring,
)
from planbench.generators.interior import plan_faults
from planbench.generators.observed import Observed, observed_plan
from planbench.generators.over_regions import over_regions
from planbench.generators.over_years import over_years
from planbench.generators.staircase import staircase
from planbench.generators.transport import Transport, make_transport
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.products import backward, dot, forward, row_sums

#: The interior plan over years runs so much of the observed one.
_INTERIOR_SHARE = 0.8
#: Name of the one kind of capital.
CAPITAL = "stock of capital"


def expand_table(recipe: ExpandRecipe, table: Economy, facts: dict[str, Any]) -> Economy:
    """Divide `table` among the recipe's regions and plan it over the recipe's years.

    Parameters
    ----------
    recipe : ExpandRecipe
    table : Economy
        With an observed plan if there is to be capital.
    facts : dict
        Recipe that the economy carries.

    Raises
    ------
    InputError
        When it carries no observed plan, or the result would not fit into memory.
    """
    observed = _observed(table) if recipe.years is not None and recipe.capital else None
    economy, regions = table if observed is None else _busier(table), recipe.regions or 1
    if recipe.regions is not None:
        assert recipe.cross_share is not None
        economy = over_regions(
            economy,
            regions,
            cross_share=recipe.cross_share,
            transport=_transport(recipe, table),
            shares=_shares(recipe, table),
            common_target=recipe.common_target,
            seed=recipe.seed,
        )
    if recipe.years is not None:
        assert recipe.growth is not None
        assert recipe.discount is not None
        assert recipe.storable is not None
        economy = over_years(
            economy,
            recipe.years,
            capital=None if observed is None else _capital(recipe, table, economy, observed),
            storage=draw_storage(
                recipe.seed, table.n_goods, regions, recipe.storable, recipe.spoilage
            ),
            growth=recipe.growth,
            discount=recipe.discount,
            common_target=recipe.common_target,
        )
    return replace(economy, name=recipe.canonical(), recipe=facts)


def keeps_optimum(recipe: ExpandRecipe) -> bool:
    """Whether the expanded economy is worth what the table is, whatever the table.

    Equal regions reach the optimum of the undivided economy, however their inputs are dealt, and
    transport adds nothing. A single year that need leave no more than what wear leaves of its
    capital is the year of the table.
    """
    same_year = recipe.years in (None, 1)
    if recipe.years == 1 and recipe.terminal:
        assert recipe.depreciation is not None
        same_year = recipe.terminal + recipe.depreciation <= 1
    return same_year and (recipe.regions in (None, 1) or recipe.spread == 0)


def _observed(table: Economy) -> Observed:
    try:
        return observed_plan(table)
    except InputError as error:
        raise InputError(
            f"{error}; without an observed plan nobody knows the capital: add capital=0"
        ) from None


def _busier(table: Economy) -> Economy:
    """Let the interior plan replace what wears out of the first stocks: half a year is too little.

    It is scaled, which leaves slack wherever there was some but for resources; that is checked.
    """
    interior = table.interior
    assert interior is not None
    assert interior.activities is not None
    plan = 2.0 * _INTERIOR_SHARE * interior.activities
    if plan_faults(table, plan):
        return table
    return replace(table, interior=replace(interior, activities=plan))


def _shares(recipe: ExpandRecipe, table: Economy) -> FloatArray | None:
    assert recipe.regions is not None
    assert recipe.spread is not None
    if recipe.spread == 0:
        return None
    return draw_shares(recipe.seed, recipe.regions, table.n_resources, recipe.spread)


def _transport(recipe: ExpandRecipe, table: Economy) -> Transport | None:
    """Every region reaches its two neighbours in a ring; some of the load is lost on the way."""
    assert recipe.regions is not None
    assert recipe.tradable is not None
    carried = draw_carried(recipe.seed, table.n_goods, recipe.tradable)
    if not carried.size or recipe.regions == 1:
        return None
    return make_transport(
        table, recipe.regions, carried=carried, loss=recipe.loss, distance=ring(recipe.regions)
    )


def _capital(recipe: ExpandRecipe, table: Economy, placed: Economy, observed: Observed) -> Capital:
    """One kind of capital in every region, measured in money at the table's prices.

    A unit is built from a unit's worth of final use, in the proportions in which the table's
    targets take it. Activities hold `capital` years of what their resources earn, and the first
    stocks are what all resources together can use: the observed plan can be repeated.
    """
    assert recipe.capital is not None
    assert recipe.depreciation is not None
    assert recipe.terminal is not None
    assert recipe.growth is not None
    assert recipe.years is not None
    regions, k = recipe.regions or 1, table.n_resources
    bundle = forward(table.assortment, np.ones(table.n_targets))
    bundle /= dot(observed.prices, bundle)
    held = sp.csc_array(recipe.capital * backward(table.resource_use, observed.rents)[None, :])
    steps = range(regions)
    carrying = placed.n_activities - table.n_activities * regions
    earned = row_sums(placed.endowment.reshape(regions, k) * observed.rents)
    initial = recipe.capital * earned
    left = left_at_end(recipe.terminal, recipe.growth, recipe.years)
    unit = table.units[0] if table.units and len(set(table.units)) == 1 else "money"
    places = [""] if recipe.regions is None else [f" in region {c + 1}" for c in steps]
    return make_capital(
        placed,
        held=staircase(
            [held] * regions + [sp.csc_array((1, carrying))],
            [*steps, 0],
            (regions, placed.n_activities),
        ),
        depreciation=recipe.depreciation,
        built_from=staircase(
            [sp.csc_array(bundle[:, None])] * regions,
            [table.n_goods * c for c in steps],
            (placed.n_goods, regions),
        ),
        initial=initial,
        terminal=left * initial if left else None,
        names=[f"{CAPITAL}{place}" for place in places],
        units=[unit] * regions,
    )
