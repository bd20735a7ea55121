"""Split the industries of a table into goods, so that adding them up again gives the table.

Every commodity becomes many goods, every industry many activities, each making one good (and
by-products where the industry does). At the observed plan the flows between goods add up to
the table's, cell by cell:

1. *How many.* Goods are dealt to commodities in proportion to the root of their supply, at
   least one for each industry that mainly makes it; commodities that no industry mainly makes,
   and foreign exchange, stay whole.
2. *How large.* Revenues of an industry's activities follow a Pareto law with the profile's
   tail exponent.
3. *By-products and inputs.* Each cell of the make and of the use table is shared by some of
   the industry's activities (:mod:`planbench.generators.spread`).
4. *Final use.* A commodity's final use (or foreign supply) is shared in proportion to what is
   made of a good, times 1/4 to 7/4 at random. The rest of each good is for the activities.
5. *Who supplies whom.* An activity's purchase of a commodity is cut into log-normal parts, and
   these are matched with the goods in random order (:mod:`planbench.generators.line_cut`).
6. *Resources.* What an activity's inputs leave of its revenue is spread over resources as in
   its industry.

If the table's activities break even at its prices, so does every activity here; the observed
plan is then optimal, as it is in the table, and with the same value. Further techniques buy
from other goods of the same commodities and cost 2 to 30 % of their value added more.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.generators.draws import IntArray, Purpose, below, raw, stream, uniform
from planbench.generators.observed import Observed, observed_plan
from planbench.generators.profile import Profile
from planbench.generators.split_flows import split_final, split_inputs, split_outputs
from planbench.generators.split_layout import Flows, Layout, column_of, draw_sizes, lay_out, scaled
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.products import backward

#: Further techniques cost this share of value added more, and up to so much beside it.
_MARKUP = (0.02, 0.28)
#: Peak of memory over the finished arrays, at most.
_PEAK = 4.5
#: Fields of a recipe that say which goods and activities belong together, a figure for each.
LAYOUT_FIELDS = ("goods_of_commodities", "activities_of_industries", "main_commodities")
#: Goods get names up to this many.
_NAMED = 20_000


def disaggregate(
    table: Economy,
    goods: int,
    *,
    profile: Profile,
    seed: int = 0,
    techniques: int = 1,
    inputs: float = 20.0,
    name: str | None = None,
    recipe: dict[str, object] | None = None,
) -> Economy:
    """Split a table's economy into `goods` goods.

    Parameters
    ----------
    table : Economy
        Made from a table: it carries its observed plan (see
        :func:`planbench.generators.observed.observed_plan`).
    goods : int
        At least one for every industry, and one for every commodity none mainly makes.
    profile : Profile
        Sizes of goods and of coefficients below the table's own.
    seed : int
    techniques : int
        Activities that make the same good in the same industry.
    inputs : float
        Mean number of inputs wanted; more where the table's sums need them.
    name : str, optional
    recipe : dict, optional
        Put into the economy's recipe; what :func:`planbench.generators.aggregate.aggregate` needs
        is added.

    Returns
    -------
    Economy
        With an interior from the table's prices and half of the observed plan.

    Raises
    ------
    InputError
        When the table has no observed plan, or there are too few goods for it.
    """
    observed = observed_plan(table)
    _refuse_if_too_large(goods, techniques, inputs, table.name)
    flows = Flows.of(table, observed)
    layout = lay_out(table, flows, goods)
    groups, revenue = draw_sizes(layout, flows, profile, seed)
    outputs, made = split_outputs(layout, flows, groups, revenue, seed)
    final = split_final(layout, flows, made, seed)
    sold = made - final
    used = split_inputs(layout, flows, groups, sold, profile, inputs, seed)
    return _assemble(
        table, observed, flows, layout, revenue, outputs, used, final, techniques, seed,
        name or f"{table.name} in {goods} goods", recipe or {},
    )  # fmt: skip


def _refuse_if_too_large(goods: int, techniques: int, inputs: float, where: str) -> None:
    import psutil

    # An entry takes 12 bytes; an activity has some outputs, resources and vectors besides.
    finished = goods * techniques * (12.0 * (inputs + 5.0) + 40.0)
    needed, free = _PEAK * finished, float(psutil.virtual_memory().available)
    if needed > free:
        raise InputError(
            f"goods: {goods} need about {needed / 2**30:.3g} GiB, {free / 2**30:.3g} GiB "
            "available; give fewer goods or inputs",
            where=where,
        )


def _assemble(
    table: Economy,
    observed: Observed,
    flows: Flows,
    layout: Layout,
    revenue: FloatArray,
    outputs: Matrix,
    used: Matrix,
    final: FloatArray,
    techniques: int,
    seed: int,
    name: str,
    recipe: dict[str, object],
) -> Economy:
    commodity = np.repeat(np.arange(layout.goods.size), layout.goods)
    j = layout.industry
    # An activity's level is its part of the industry's, so units stay the table's.
    level = revenue * (observed.levels / flows.revenue)[j]
    prices = flows.prices[commodity]
    left = revenue - backward(used, prices)
    kept = np.bincount(j, weights=left, minlength=layout.main.size)
    whole = np.bincount(j, weights=revenue, minlength=layout.main.size)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = (left / revenue) / (kept / whole)[j]
    # Where an industry keeps next to nothing every activity is split like all of it.
    factor = np.where(kept[j] > 0.01 * whole[j], factor, 1.0)
    per_level = scaled(used, 1.0 / level)
    made = scaled(outputs, 1.0 / level)
    resource = table.resource_use[:, j]
    resource = scaled(sp.csc_array(resource), factor)
    if techniques > 1:
        per_level, made, resource = _add_techniques(
            per_level, made, resource, layout, commodity, techniques, seed
        )
    share = np.divide(final, flows.net[commodity], out=np.zeros(final.size),
                      where=flows.net[commodity] != 0)  # fmt: skip
    equal = flows.net[commodity] == 0
    share[equal] = (1.0 / layout.goods[commodity])[equal]
    wanted = table.assortment.tocsr()[commodity]
    assortment = sp.csc_array(sp.diags_array(share) @ wanted)
    # A limit on the industry is one on each activity, in proportion.
    capacity = table.capacity[j] * (level / observed.levels[j])
    plan = np.zeros(level.size * techniques)
    plan[::techniques] = level
    facts = {
        **recipe,
        "goods_of_commodities": layout.goods.tolist(),
        "activities_of_industries": np.bincount(j, minlength=layout.main.size).tolist(),
        "main_commodities": layout.main.tolist(),
        "techniques": techniques,
    }
    named = table.goods is not None and commodity.size <= _NAMED
    rank = np.arange(commodity.size) - layout.first[commodity] + 1
    return make_economy(
        inputs=per_level,
        outputs=made,
        resource_use=resource,
        endowment=table.endowment,
        assortment=assortment,
        capacity=np.repeat(capacity, techniques),
        fixed_demand=table.fixed_demand[commodity] * share,
        weights=table.weights,
        goods=[f"{table.good(int(c))} {k}" for c, k in zip(commodity, rank, strict=True)]
        if named
        else None,
        resources=table.resources,
        targets=table.targets,
        name=name,
        recipe=facts,
        # Dearer resources make every activity lose; half of everything leaves the other half.
        interior=Interior(
            goods_prices=prices,
            resource_prices=2.0 * observed.rents,
            activities=0.5 * plan,
        ),
    )


def _add_techniques(
    inputs: Matrix,
    outputs: Matrix,
    resource: Matrix,
    layout: Layout,
    commodity: IntArray,
    techniques: int,
    seed: int,
) -> tuple[Matrix, Matrix, Matrix]:
    """Repeat every activity with other suppliers and dearer; technique k of j is column jK + k."""
    n, m = inputs.shape
    column = column_of(inputs)
    rows, columns, data = [inputs.indices.astype(np.int64)], [column * techniques], [inputs.data]
    factor = np.ones((m, techniques))
    low, room = _MARKUP
    for k in range(1, techniques):
        source = stream(seed, Purpose.SPLIT, (1 << 20) + k)
        kind = commodity[inputs.indices]
        rows.append(layout.first[kind] + below(raw(source, column.size), layout.goods[kind]))
        columns.append(column * techniques + k)
        data.append(inputs.data)
        factor[:, k] = 1.0 + low + room * uniform(raw(source, m))
    wide = sp.csc_array(
        (np.concatenate(data), (np.concatenate(rows), np.concatenate(columns))),
        shape=(n, m * techniques),
    )
    again = np.repeat(np.arange(m), techniques)
    dear = scaled(sp.csc_array(resource[:, again]), factor.ravel())
    return wide, sp.csc_array(outputs[:, again]), dear
