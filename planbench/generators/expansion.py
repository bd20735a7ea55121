"""Economies over years and in regions, as a recipe says: capital, storage, transport.

Generated economies and tables go the same way. The economy of one year and one region is given;
capital is drawn (or read off the table) for its activities, the economy is divided among the
regions, and the whole is planned over the years. Every draw has a random stream of its own: no
knob changes what another draws, and a generated economy is the same, bit for bit, with years and
regions and without.

Tables say what is used up in a year. They say neither who holds which stocks, nor which goods
keep or travel. The capital of a table is therefore one good, built from the bundle of final use,
of which every activity holds some years of its value added. Which goods keep and which can be
carried is drawn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.generators.coefficients import Columns, Uniform, draw_columns
from planbench.generators.draws import (
    IntArray,
    Purpose,
    below,
    choose,
    lognormal_weights,
    raw,
    round24,
    round_bits,
    stream,
    uniform,
)
from planbench.generators.interior import ObservedPlan, check_interior, observed_plan, plan_faults
from planbench.generators.over_regions import Regions, Transport, over_regions
from planbench.generators.over_years import Capital, Horizon, Storage, over_years
from planbench.generators.random_economy import LEAST_DEMAND, LEVEL_BITS, growth_plan
from planbench.generators.recipe import (
    CAPITAL_GOODS,
    CAPITAL_KINDS,
    EXPAND_VERSION,
    SPREAD,
    ExpandRecipe,
    GeneratorRecipe,
)
from planbench.generators.staircase import staircase
from planbench.generators.technology import draw_units
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy, Interior
from planbench.model.products import backward, dot, forward, row_sums

Recipe: TypeAlias = GeneratorRecipe | ExpandRecipe

#: Deviation of the logarithm of what an activity holds of each kind.
_HELD_SIGMA = 1.0
#: The reference plan replaces so many times what wears out.
_REPLACED = 1.5
#: The interior plan is this share of what the resources allow of the reference plan (of a table:
#: of the observed plan), and the first stocks are so many times what it holds: nearly what all
#: resources can use.
_INTERIOR_SHARE = 0.8
_FIRST_STOCKS = 1.2
#: One good in so many serves to carry others.
_GOODS_PER_CARRIER = 100
#: Name of a table's one kind of capital.
CAPITAL = "stock of capital"


def expand_generated(recipe: GeneratorRecipe, base: Economy) -> Economy:
    """Divide `base` among the recipe's regions and plan it over the recipe's years.

    Parameters
    ----------
    recipe : GeneratorRecipe
        With years, regions or both.
    base : Economy
        The economy of the same recipe without them.
    """
    drawn = None
    economy = base
    if recipe.years is not None and recipe.capital:
        drawn = _draw_held(recipe, base)
        economy = _with_replacement(recipe, base, drawn[1] @ drawn[0])
    economy = _divide(recipe, economy, SPREAD, _draw_transport(recipe))
    capital = None
    if drawn is not None:
        assert economy.interior is not None
        assert economy.interior.activities is not None
        held, built_from = _in_every_region(*drawn, economy)
        first = _FIRST_STOCKS * forward(held, economy.interior.activities)
        capital = _capital(recipe, held, built_from, round_bits(first, LEVEL_BITS))
    economy = _plan_years(recipe, economy, base.n_goods, capital)
    economy = replace(economy, name=f"gen:{recipe.canonical()}", recipe=recipe.facts())
    check_interior(economy)
    return economy


def expand_table(recipe: ExpandRecipe, table: Economy) -> Economy:
    """Divide `table` among the recipe's regions and plan it over the recipe's years.

    Parameters
    ----------
    recipe : ExpandRecipe
    table : Economy
        With an observed plan if there is to be capital.

    Raises
    ------
    InputError
        When it carries no observed plan, or the result would not fit into memory.
    """
    observed = None
    economy = table
    if recipe.years is not None and recipe.capital:
        try:
            observed = observed_plan(table)
        except InputError as error:
            raise InputError(
                f"{error}; without an observed plan the stock of capital is unknown: add capital=0"
            ) from None
        economy = _busier(table)
    carried = draw_carried(recipe.seed, table.n_goods, recipe.tradable)
    transport = Transport(carried=carried, loss=recipe.loss) if carried.size else None
    economy = _divide(recipe, economy, recipe.spread, transport)
    capital = None if observed is None else _table_capital(recipe, economy, table, observed)
    economy = _plan_years(recipe, economy, table.n_goods, capital, recipe.discount)
    name = recipe.canonical()
    facts = {"expanded": name, "version": EXPAND_VERSION, "table_sha256": table.sha256}
    return replace(economy, name=name, recipe=facts)


def keeps_optimum(recipe: ExpandRecipe) -> bool:
    """Whether the expanded economy is worth what the table is, whatever the table.

    Equal regions reach the optimum of the undivided economy, whichever of their inputs come from
    other regions, and transport adds nothing. A single year that need not leave more capital than
    depreciation leaves is the year of the table.
    """
    same_year = recipe.years is None or (
        recipe.years == 1 and (not recipe.terminal or recipe.terminal + recipe.depreciation <= 1)
    )
    return same_year and (recipe.regions in (None, 1) or recipe.spread == 0)


def _divide(
    recipe: Recipe, economy: Economy, spread: float, transport: Transport | None
) -> Economy:
    """Divide `economy` among the recipe's regions; as it is where it has none."""
    if recipe.regions is None:
        return economy
    shares = None
    if spread:
        shares = draw_shares(recipe.seed, recipe.regions, economy.n_resources, spread)
    division = Regions(
        recipe.regions,
        cross_share=recipe.cross_share,
        shares=shares,
        common_target=recipe.common_target,
        seed=recipe.seed,
    )
    return over_regions(economy, division, transport=transport)


def _plan_years(
    recipe: Recipe, economy: Economy, goods: int, capital: Capital | None, discount: float = 1.0
) -> Economy:
    """Plan `economy`, of so many goods in each region, over the recipe's years, if it has any."""
    if recipe.years is None:
        return economy
    horizon = Horizon(
        recipe.years,
        growth=recipe.growth,
        discount=discount,
        common_target=recipe.common_target,
    )
    storage = _draw_storage(recipe, goods, recipe.regions or 1)
    return over_years(economy, horizon, capital=capital, storage=storage)


def _capital(recipe: Recipe, held: Matrix, built_from: Matrix, initial: FloatArray) -> Capital:
    """Capital that wears out and must be left as the recipe says."""
    share = recipe.terminal
    if recipe.growth < 0 and recipe.years is not None:
        # Shrinking resources cannot replace all of it.
        shrunk = np.array([share * (1.0 + recipe.growth) ** (recipe.years - 1)])
        share = float(round_bits(shrunk, LEVEL_BITS)[0])
    return Capital(
        held=held,
        initial=initial,
        built_from=built_from,
        depreciation=recipe.depreciation,
        terminal=share * initial if share else None,
    )


def _draw_storage(recipe: Recipe, goods: int, regions: int) -> Storage | None:
    """Draw which of the `goods` of a region keep, the same in every region; None for none."""
    count = round(recipe.storable * goods)
    if not count:
        return None
    chosen = np.flatnonzero(choose(raw(stream(recipe.seed, Purpose.STORAGE), goods), count))
    placed = np.arange(regions)[:, None] * goods + chosen
    return Storage(goods=placed.ravel(), loss=recipe.spoilage)


def draw_shares(seed: int, regions: int, resources: int, spread: float) -> FloatArray:
    """Draw unequal shares of every region in every resource: what there is to trade for.

    Returns
    -------
    ndarray, shape (regions, resources)
        From 1 − spread to 1 + spread.
    """
    draws = raw(stream(seed, Purpose.REGIONS, 1), regions * resources)
    # Multiples of 2⁻²⁴, whose sums are exact in any order.
    return ((1.0 - spread) + 2.0 * spread * uniform(draws)).reshape(regions, resources)


def draw_carried(seed: int, goods: int, tradable: float) -> IntArray:
    """Draw which goods can be carried, a share `tradable` of all."""
    count = round(tradable * goods)
    chosen: IntArray = np.flatnonzero(choose(raw(stream(seed, Purpose.TRANSPORT, 0), goods), count))
    return chosen


def _draw_transport(recipe: GeneratorRecipe) -> Transport | None:
    """Draw which goods can be carried, and by which."""
    n = recipe.goods
    carried = draw_carried(recipe.seed, n, recipe.tradable)
    count = carried.size
    if not count or recipe.regions in (None, 1):
        return None
    carriers = np.flatnonzero(
        choose(raw(stream(recipe.seed, Purpose.TRANSPORT, 1), n), max(1, n // _GOODS_PER_CARRIER))
    )
    by = carriers[below(raw(stream(recipe.seed, Purpose.TRANSPORT, 2), count), carriers.size)]
    units = draw_units(recipe, Purpose.UNITS, 0, n)
    freight = sp.csc_array(
        (round24(recipe.transport * units[by] / units[carried]), by, np.arange(count + 1)),
        shape=(n, count),
    )
    return Transport(carried=carried, freight=freight)


def _draw_held(recipe: GeneratorRecipe, base: Economy) -> tuple[Matrix, Matrix]:
    """Draw K: each activity holds a few kinds, worth `capital` years of its value added.

    By-products do not count, so that replacing what wears out never takes more than there is.

    Returns
    -------
    held : csc_array, shape (capital goods, activities)
    built_from : csc_array, shape (goods, capital goods)
        A unit of a capital good is made of a unit of one good.
    """
    n, units = recipe.goods, draw_units(recipe, Purpose.UNITS, 0, recipe.goods)
    count = max(1, round(CAPITAL_GOODS * n))
    goods = np.flatnonzero(choose(raw(stream(recipe.seed, Purpose.CAPITAL), n), count))
    scaled = recipe.unit_spread > 0
    amounts = draw_columns(
        Columns(
            structure=Uniform(goods.size),
            degrees=np.full(recipe.activities, min(CAPITAL_KINDS, goods.size), dtype=np.int32),
            sums=round24(recipe.capital * (1.0 - _input_value(recipe, base, units))),
            weights=lognormal_weights(_HELD_SIGMA),
            techniques=recipe.techniques,
            own=True,
            row_units=units[goods] if scaled else None,
            good_units=units if scaled else None,
        ),
        recipe.seed,
        Purpose.CAPITAL,
    )
    # Capital goods that no activity holds are dropped.
    used = np.bincount(amounts.indices, minlength=goods.size) > 0
    count, number = int(used.sum()), np.cumsum(used) - 1
    held = sp.csc_array(
        (amounts.data, number[amounts.indices], amounts.indptr), shape=(count, amounts.shape[1])
    )
    return held, sp.csc_array((np.ones(count), goods[used], np.arange(count + 1)), shape=(n, count))


def _input_value(recipe: GeneratorRecipe, base: Economy, units: FloatArray) -> FloatArray:
    """Value of an activity's inputs per unit of value of its own good, in (0, 1)."""
    return backward(base.inputs, 1.0 / units) * np.repeat(units, recipe.techniques)


def _with_replacement(recipe: GeneratorRecipe, base: Economy, stocks: Matrix) -> Economy:
    """Give `base` an interior plan that can spare more than what wears out of its capital.

    `stocks` are what activities hold, in goods.
    """
    assert base.interior is not None
    share = _REPLACED * recipe.depreciation
    units = draw_units(recipe, Purpose.UNITS, 0, recipe.goods)
    value = _input_value(recipe, base, units)
    replacement = share * recipe.capital
    largest = float(value.max())
    total = forward(base.assortment, np.ones(base.n_targets))
    output = growth_plan(
        sp.csc_array(base.inputs + share * stocks),
        np.maximum(total, LEAST_DEMAND * units),
        retained=0.5 * (1.0 + largest + replacement * (1.0 - largest)),
        guess=recipe.column_sum + replacement * (1.0 - recipe.column_sum),
    )
    level = np.repeat(output / recipe.techniques, recipe.techniques)
    use = forward(base.resource_use, level)
    limits = [base.endowment[use > 0] / use[use > 0], base.capacity / level]
    scale = _INTERIOR_SHARE * min(float(limit.min(initial=np.inf)) for limit in limits)
    plan = round_bits(scale * level, LEVEL_BITS)
    prices = base.interior.goods_prices, base.interior.resource_prices
    return replace(base, interior=Interior(*prices, activities=plan))


def _table_capital(
    recipe: ExpandRecipe, economy: Economy, table: Economy, observed: ObservedPlan
) -> Capital:
    """One kind of capital in every region, measured in money at the table's prices.

    A unit is built from a unit's worth of final use, in the proportions in which the table's
    targets take it. Activities hold `capital` years of what their resources earn, and the first
    stocks are what all resources together can use: the observed plan can be repeated.
    """
    bundle = forward(table.assortment, np.ones(table.n_targets))
    bundle /= dot(observed.prices, bundle)
    per_level = recipe.capital * backward(table.resource_use, observed.rents)
    held, built_from = _in_every_region(
        sp.csc_array(per_level[None, :]), sp.csc_array(bundle[:, None]), economy
    )
    regions = held.shape[0]
    earned = row_sums(economy.endowment.reshape(regions, table.n_resources) * observed.rents)
    unit = table.units[0] if table.units and len(set(table.units)) == 1 else "money"
    places = [f" in region {c + 1}" if recipe.regions is not None else "" for c in range(regions)]
    return replace(
        _capital(recipe, held, built_from, recipe.capital * earned),
        names=[f"{CAPITAL}{place}" for place in places],
        units=[unit] * regions,
    )


def _in_every_region(held: Matrix, built_from: Matrix, economy: Economy) -> tuple[Matrix, Matrix]:
    """Place one region's capital in all regions of `economy`; carrying goods holds none.

    Parameters
    ----------
    held : csc_array, shape (capital goods, activities)
    built_from : csc_array, shape (goods, capital goods)
    """
    (count, m), n = held.shape, built_from.shape[0]
    regions = economy.n_goods // n
    places = range(regions)
    carrying = sp.csc_array((count, economy.n_activities - m * regions))
    return (
        staircase(
            [held] * regions + [carrying], [*(count * c for c in places), 0], count * regions
        ),
        staircase([built_from] * regions, [n * c for c in places], n * regions),
    )


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
