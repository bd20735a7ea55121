"""Generated economies told apart by date and place: capital, storage, regions, transport.

A one-year economy of one region is drawn as ever; then capital is drawn for its activities, the
economy is divided among regions, and the whole is planned over the years. Everything drawn here
has streams of its own, so the economy underneath is that of the same recipe without years and
regions, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from planbench.generators.capital import Capital, make_capital
from planbench.generators.columns import Columns, draw_columns
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
)
from planbench.generators.estimate import refuse_if_too_large
from planbench.generators.expanded_sizes import CAPITAL_GOODS, CAPITAL_KINDS
from planbench.generators.expansion_draws import (
    draw_carried,
    draw_shares,
    draw_storage,
    left_at_end,
    ring,
)
from planbench.generators.interior import check_interior
from planbench.generators.over_regions import over_regions
from planbench.generators.over_years import over_years
from planbench.generators.recipe import GeneratorRecipe
from planbench.generators.reference import LEVEL_BITS, growth_plan
from planbench.generators.staircase import staircase
from planbench.generators.structure import Uniform
from planbench.generators.technology import draw_units
from planbench.generators.transport import Transport, make_transport
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy, Interior
from planbench.model.products import backward, forward

#: Deviation of the logarithm of what an activity holds of each kind.
_HELD_SIGMA = 1.0
#: The reference plan replaces so many times what wears out.
_REPLACED = 1.5
#: The interior plan is this share of what the resources allow of the reference plan, and the
#: first stocks are so many times what it holds: nearly what all resources can use.
_INTERIOR_SHARE = 0.8
_FIRST_STOCKS = 1.2
#: Goods outside final demand are asked for as this share of a unit of value.
_LEAST_DEMAND = 0.1
#: One good in so many serves to carry others.
_GOODS_PER_CARRIER = 100


def generate_expanded(recipe: GeneratorRecipe, base: Economy) -> Economy:
    """Divide `base` among the recipe's regions and plan it over the recipe's years.

    Parameters
    ----------
    recipe : GeneratorRecipe
        With years, regions or both.
    base : Economy
        The economy of the same recipe without them.

    Raises
    ------
    InputError
        If it would not fit into the memory that is free.
    """
    refuse_if_too_large(recipe)
    economy = base
    held = None
    if recipe.years is not None and recipe.capital:
        held = _draw_held(recipe, base)
        economy = _with_replacement(recipe, base, held)
    regions = recipe.regions or 1
    if recipe.regions is not None:
        assert recipe.cross_share is not None
        economy = over_regions(
            economy,
            regions,
            cross_share=recipe.cross_share,
            transport=_draw_transport(recipe, base),
            shares=draw_shares(recipe.seed, regions, recipe.resources),
            common_target=recipe.common_target,
            seed=recipe.seed,
        )
    if recipe.years is not None:
        assert recipe.growth is not None
        assert recipe.storable is not None
        economy = over_years(
            economy,
            recipe.years,
            capital=None if held is None else _capital(recipe, economy, held, regions),
            storage=draw_storage(
                recipe.seed, recipe.goods, regions, recipe.storable, recipe.spoilage
            ),
            growth=recipe.growth,
            common_target=recipe.common_target,
        )
    economy = replace(economy, name=f"gen:{recipe.canonical()}", recipe=recipe.facts())
    check_interior(economy)
    return economy


@dataclass(frozen=True, eq=False)
class _Held:
    """Capital of the one-region economy: which goods, and how much each activity holds."""

    goods: IntArray
    amounts: Matrix


def _draw_held(recipe: GeneratorRecipe, base: Economy) -> _Held:
    """Draw K: each activity holds a few kinds, worth `capital` years of its value added.

    By-products do not count, so that replacing what wears out never takes more than there is.
    """
    n, m = recipe.goods, recipe.activities
    units = draw_units(recipe, Purpose.UNITS, 0, n)
    count = max(1, round(CAPITAL_GOODS * n))
    goods = np.flatnonzero(choose(raw(stream(recipe.seed, Purpose.CAPITAL), n), count))
    assert recipe.capital is not None
    scaled = recipe.unit_spread > 0
    amounts = draw_columns(
        Columns(
            structure=Uniform(goods.size),
            degrees=np.full(m, min(CAPITAL_KINDS, goods.size), dtype=np.int32),
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
    # A capital good that nobody holds is none.
    used = np.bincount(amounts.indices, minlength=goods.size) > 0
    number = np.cumsum(used) - 1
    return _Held(
        goods=goods[used],
        amounts=sp.csc_array(
            (amounts.data, number[amounts.indices], amounts.indptr), shape=(int(used.sum()), m)
        ),
    )


def _input_value(recipe: GeneratorRecipe, base: Economy, units: FloatArray) -> FloatArray:
    """Value of an activity's inputs per unit of value of its own good, in (0, 1)."""
    return backward(base.inputs, 1.0 / units) * np.repeat(units, recipe.techniques)


def _with_replacement(recipe: GeneratorRecipe, base: Economy, held: _Held) -> Economy:
    """Give `base` an interior plan that can spare more than what wears out of its capital."""
    assert recipe.depreciation is not None
    assert recipe.capital is not None
    assert base.interior is not None
    share = _REPLACED * recipe.depreciation
    wear = sp.csc_array(
        (share * held.amounts.data, held.goods[held.amounts.indices], held.amounts.indptr),
        shape=base.inputs.shape,
    )
    units = draw_units(recipe, Purpose.UNITS, 0, recipe.goods)
    value = _input_value(recipe, base, units)
    replacement = share * recipe.capital
    largest = float(value.max())
    total = forward(base.assortment, np.ones(base.n_targets))
    output = growth_plan(
        sp.csc_array(base.inputs + wear),
        np.full(recipe.activities, 1.0 / recipe.techniques),
        np.maximum(total, _LEAST_DEMAND * units),
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


def _capital(recipe: GeneratorRecipe, economy: Economy, held: _Held, regions: int) -> Capital:
    """Place capital in every region: each builds its own from its own goods."""
    assert economy.interior is not None
    assert economy.interior.activities is not None
    assert recipe.terminal is not None
    assert recipe.years is not None
    assert recipe.growth is not None
    left = left_at_end(recipe.terminal, recipe.growth, recipe.years)
    count, n = held.goods.size, recipe.goods
    steps = [count * c for c in range(regions)]
    carrying = economy.n_activities - recipe.activities * regions
    amounts = staircase(
        [held.amounts] * regions + [sp.csc_array((count, carrying))],
        [*steps, 0],
        (count * regions, economy.n_activities),
    )
    from_good = sp.csc_array((np.ones(count), held.goods, np.arange(count + 1)), shape=(n, count))
    first = round_bits(_FIRST_STOCKS * forward(amounts, economy.interior.activities), LEVEL_BITS)
    return make_capital(
        economy,
        held=amounts,
        depreciation=recipe.depreciation,
        built_from=staircase(
            [from_good] * regions,
            [n * c for c in range(regions)],
            (n * regions, count * regions),
        ),
        initial=first,
        terminal=left * first if left else None,
    )


def _draw_transport(recipe: GeneratorRecipe, base: Economy) -> Transport | None:
    """Draw which goods can be carried, and by which; every region reaches its two neighbours."""
    assert recipe.tradable is not None
    assert recipe.transport is not None
    assert recipe.regions is not None
    n, regions = recipe.goods, recipe.regions
    carried = draw_carried(recipe.seed, n, recipe.tradable)
    count = carried.size
    if not count or regions == 1:
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
    return make_transport(base, regions, carried=carried, freight=freight, distance=ring(regions))
