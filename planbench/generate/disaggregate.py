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
   the industry's activities (:mod:`planbench.generate.spread`).
4. *Final use.* A commodity's final use (or foreign supply) is shared in proportion to what is
   made of a good, times 1/4 to 7/4 at random. The rest of each good is for the activities.
5. *Who supplies whom.* An activity's purchase of a commodity is cut into log-normal parts, and
   these are matched with the goods in random order (:mod:`planbench.generate.line_cut`).
6. *Resources.* What an activity's inputs leave of its revenue is spread over resources as in
   its industry.

If the table's activities break even at its prices, so does every activity here; the observed
plan is then optimal, as it is in the table, and with the same value. Further techniques buy
from other goods of the same commodities and cost 2 to 30 % of their value added more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.generate.draws import (
    WEIGHT_BITS,
    IntArray,
    Purpose,
    below,
    lognormal_weights,
    raw,
    round24,
    stream,
    uniform,
)
from planbench.generate.line_cut import cut_line
from planbench.generate.observed import MONEY, Observed, observed_plan
from planbench.generate.products import backward
from planbench.generate.profile import Profile
from planbench.generate.spread import Groups, group_activities, run_of, spread_cells, sums_by
from planbench.model.arrays import FloatArray, Matrix, index_type
from planbench.model.economy import Economy, Interior, make_economy

#: Part of the inputs wanted that are different commodities; the rest are second suppliers.
_COMMODITIES = 2 / 3
_FINAL_SPREAD = (0.25, 1.5)
_MARKUP = (0.02, 0.28)
_QUANTILE_BITS = 11
#: Goods get names up to this many.
_NAMED = 20_000


@dataclass(frozen=True, eq=False)
class _Layout:
    """Which good belongs to which commodity, which activity to which industry."""

    goods: IntArray  # goods of each commodity
    first: IntArray  # first good of each commodity, and the end
    main: IntArray  # commodity each industry mainly makes
    industry: IntArray  # industry of each activity (first techniques)
    good: IntArray  # good each of them mainly makes


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
        :func:`planbench.generate.observed.observed_plan`).
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
        Put into the economy's recipe; what :func:`planbench.generate.aggregate.aggregate` needs
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
    flows = _Flows.of(table, observed)
    layout = _lay_out(table, flows, goods, seed)
    groups, revenue = _draw_sizes(layout, flows, profile, seed)
    outputs, made = _split_outputs(layout, flows, groups, revenue, seed)
    final = _split_final(layout, flows, made, seed)
    sold = made - final
    used = _split_inputs(layout, flows, groups, sold, profile, inputs, seed)
    return _assemble(
        table, observed, flows, layout, revenue, outputs, used, final, techniques, seed,
        name or f"{table.name} in {goods} goods", recipe or {},
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Flows:
    """The table at its observed plan, in amounts of the commodities."""

    used: Matrix
    made: Matrix
    net: FloatArray  # final use less foreign supply of each commodity
    supply: FloatArray
    prices: FloatArray
    revenue: FloatArray  # of each industry

    @staticmethod
    def of(table: Economy, observed: Observed) -> _Flows:
        used, made = _scaled(table.inputs, observed.levels), _scaled(table.outputs, observed.levels)
        produced = np.asarray(made.sum(axis=1)).ravel()
        wanted = np.asarray(table.assortment.sum(axis=1)).ravel()
        return _Flows(
            used=used,
            made=made,
            net=wanted + table.fixed_demand,
            supply=np.maximum(produced, np.asarray(used.sum(axis=1)).ravel() + wanted),
            prices=observed.prices,
            revenue=backward(made, observed.prices),
        )


def _scaled(matrix: Matrix, columns: FloatArray) -> Matrix:
    data = matrix.data * np.repeat(columns, np.diff(matrix.indptr))
    return sp.csc_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _column_of(matrix: Matrix) -> IntArray:
    return np.repeat(np.arange(matrix.shape[1], dtype=np.int64), np.diff(matrix.indptr))


def _deal(total: int, weights: FloatArray, least: IntArray) -> IntArray:
    """Deal `total` things in proportion to `weights`, to each at least `least`."""
    spare = total - int(least.sum())
    share = weights / np.cumsum(weights)[-1] * spare
    dealt = np.floor(share).astype(np.int64)
    rest = spare - int(dealt.sum())
    dealt[np.argsort(dealt - share, kind="stable")[:rest]] += 1
    total_each: IntArray = least + dealt
    return total_each


def _lay_out(table: Economy, flows: _Flows, goods: int, seed: int) -> _Layout:
    n, m = table.n_goods, table.n_activities
    value = flows.made.data * flows.prices[flows.made.indices]
    column = _column_of(flows.made)
    main = np.full(m, -1, dtype=np.int64)
    rising = np.lexsort((value, column))
    main[column[rising]] = flows.made.indices[rising]
    if (main < 0).any():
        raise InputError(
            f"{table.activity(int(np.argmin(main)))!r} makes nothing; drop it", where=table.name
        )
    makers = np.bincount(main, minlength=n)
    whole = makers == 0
    for i in range(n) if table.goods else ():
        whole[i] |= any(word in table.good(i).lower() for word in MONEY)
    least = np.where(whole, 1, makers).astype(np.int64)
    if goods < least.sum():
        raise InputError(
            f"goods: {goods} are fewer than the {least.sum()} that its industries need; give more",
            where=table.name,
        )
    weights = np.where(whole, 0.0, np.sqrt(np.maximum(flows.supply * flows.prices, 0.0)))
    dealt = _deal(goods, weights, least)
    first = np.concatenate([[0], np.cumsum(dealt)]).astype(np.int64)

    # Activities of a commodity's industries follow one another, a good each.
    each = np.ones(m, dtype=np.int64)
    by_main = np.argsort(main, kind="stable")
    root = np.sqrt(flows.revenue)
    for c in np.flatnonzero(~whole & (makers > 0)):
        mine = np.flatnonzero(main == c)
        each[mine] = _deal(int(dealt[c]), root[mine], np.ones(mine.size, dtype=np.int64))
    industry = np.repeat(by_main, each[by_main])
    commodity = main[industry]
    position = np.arange(industry.size) - np.searchsorted(commodity, commodity, side="left")
    good = first[commodity] + np.where(whole[commodity], 0, position)
    return _Layout(goods=dealt, first=first, main=main, industry=industry, good=good)


def _draw_sizes(
    layout: _Layout, flows: _Flows, profile: Profile, seed: int
) -> tuple[Groups, FloatArray]:
    """Revenues of activities: Pareto by rank within the industry, ranks at random."""
    m = layout.industry.size
    order = np.argsort(raw(stream(seed, Purpose.SPLIT, 0), m), kind="stable")
    count = np.bincount(layout.industry, minlength=flows.revenue.size)
    shuffled = order[np.argsort(layout.industry[order], kind="stable")]
    of = layout.industry[shuffled]
    rank = np.arange(m) - (np.cumsum(count) - count)[of]
    size = np.empty(m)
    size[shuffled] = pareto_sizes((rank + 0.5) / count[of], max(profile.suppliers.tail, 1.1))
    total = np.bincount(layout.industry, weights=size, minlength=count.size)
    revenue = size * (flows.revenue / total)[layout.industry]
    again = np.argsort(raw(stream(seed, Purpose.SPLIT, 1), m), kind="stable")
    return group_activities(layout.industry, revenue, again), revenue


def pareto_sizes(shares: FloatArray, exponent: float) -> FloatArray:
    """Compute u^(−1/exponent) for shares u in (0, 1] through tables, alike everywhere.

    Parameters
    ----------
    shares : ndarray
        Share of things that are larger.
    exponent : float
        Tail exponent, > 1.
    """
    mantissa, octave = np.frexp(shares)
    size = 1 << _QUANTILE_BITS
    steps = [(0.5 + (k + 0.5) / (2 * size)) ** (-1.0 / exponent) for k in range(size)]
    # The octave of 1 itself is the first.
    octaves = [2.0 ** ((k - 1) / exponent) for k in range(64)]
    place = ((mantissa - 0.5) * (2 * size)).astype(np.int64)
    return round24(np.array(steps))[place] * round24(np.array(octaves))[1 - octave]


def _split_outputs(
    layout: _Layout, flows: _Flows, groups: Groups, revenue: FloatArray, seed: int
) -> tuple[Matrix, FloatArray]:
    """Make table of goods × activities in amounts, and how much is made of each good."""
    n, m = int(layout.first[-1]), layout.industry.size
    made = flows.made
    column, row = _column_of(made), made.indices.astype(np.int64)
    worth = flows.prices[row]
    side = row != layout.main[column]
    j, c, amount = column[side], row[side], made.data[side]
    value = amount * worth[side] / flows.revenue[j]
    kept = 1.0 - sums_by(j, value, flows.revenue.size)
    spread = spread_cells(groups, j, amount, value, kept, 1.0)
    cell, activity, part = run_of(groups, spread, j, amount, np.arange(j.size))
    bits = raw(stream(seed, Purpose.SPLIT, 2), cell.size)
    kind = c[cell]
    good = layout.first[kind] + below(bits, layout.goods[kind])
    lost = np.bincount(activity, weights=part * flows.prices[kind], minlength=m)
    # By construction of the spread an activity's main good is most of the rest.
    main = layout.main[layout.industry]
    own = (revenue - lost) / flows.prices[main]
    # The main goods of an industry add up to the table's cell, to the last digit.
    total = np.bincount(layout.industry, weights=own, minlength=layout.main.size)
    cells = np.zeros(layout.main.size)
    cells[column[~side]] = made.data[~side]
    own *= (cells / total)[layout.industry]
    rows = np.concatenate([layout.good, good])
    columns = np.concatenate([np.arange(m), activity])
    amounts = np.concatenate([own, part])
    matrix = sp.csc_array((amounts, (rows, columns)), shape=(n, m))
    return matrix, sums_by(rows, amounts, n)


def _split_final(layout: _Layout, flows: _Flows, made: FloatArray, seed: int) -> FloatArray:
    """Net final use of each good; adds up to the commodity's."""
    commodity = np.repeat(np.arange(layout.goods.size), layout.goods)
    count = layout.goods.size
    produced = np.bincount(commodity, weights=made, minlength=count)
    # What nobody makes is shared as if equally much were made of each good.
    base = np.where(produced[commodity] > 0, made, 1.0)
    low, room = _FINAL_SPREAD
    weight = base * (low + room * uniform(raw(stream(seed, Purpose.SPLIT, 3), made.size)))
    share = weight / np.bincount(commodity, weights=weight, minlength=count)[commodity]
    final = flows.net[commodity] * share
    # Final use above what is made: this commodity in plain proportion instead.
    over = np.zeros(count, dtype=np.bool_)
    over[commodity[(final > made) & (flows.net[commodity] > 0)]] = True
    plain = base / np.bincount(commodity, weights=base, minlength=count)[commodity]
    return np.where(over[commodity], flows.net[commodity] * plain, final)


def _split_inputs(
    layout: _Layout,
    flows: _Flows,
    groups: Groups,
    sold: FloatArray,
    profile: Profile,
    inputs: float,
    seed: int,
) -> Matrix:
    """Use table of goods × activities in amounts."""
    used = flows.used
    j, c, amount = _column_of(used), used.indices.astype(np.int64), used.data
    value = amount * flows.prices[c] / flows.revenue[j]
    kept = 1.0 - sums_by(j, value, flows.revenue.size)
    different = max(2.0, inputs * _COMMODITIES)
    spread = spread_cells(groups, j, amount, value, kept, different)
    cost = np.maximum(1.0 - kept, 1e-300)
    weights = lognormal_weights(round(profile.coefficients.own_sigma * 1024) / 1024)
    more = max(0.0, inputs - 1.0 - different)
    n, m = int(layout.first[-1]), layout.industry.size
    index = index_type(n, m)
    rows, columns, parts = [], [], []
    by_commodity = np.argsort(c, kind="stable")
    begins = np.searchsorted(c[by_commodity], np.arange(layout.goods.size + 1))
    for k in range(layout.goods.size):
        cells = by_commodity[begins[k] : begins[k + 1]]
        if cells.size == 0:
            continue
        cell, activity, part = run_of(groups, spread, j, amount, cells)
        source = stream(seed, Purpose.SPLIT, 16 + k)
        part, activity = _cut_parts(part, activity, (value / cost[j])[cells][cell], more, weights,
                                    source)  # fmt: skip
        order = _shuffle(raw(source, part.size))
        part, activity = part[order], activity[order]
        place = slice(int(layout.first[k]), int(layout.first[k + 1]))
        line = np.maximum(sold[place], 0.0)
        goods = _shuffle(raw(source, line.size))
        supplier, buyer, flow = cut_line(line[goods], part)
        rows.append((layout.first[k] + goods[supplier]).astype(index))
        columns.append(activity[buyer].astype(index))
        parts.append(flow)
    if not parts:
        return sp.csc_array((n, m))
    return sp.csc_array(
        (np.concatenate(parts), (np.concatenate(rows), np.concatenate(columns))), shape=(n, m)
    )


def _cut_parts(
    part: FloatArray,
    activity: IntArray,
    share: FloatArray,
    more: float,
    weights: IntArray,
    source: np.random.PCG64,
) -> tuple[FloatArray, IntArray]:
    """Cut purchases into parts of log-normal sizes, `more` cuts per activity by value."""
    bits = raw(source, part.size)
    pieces = 1 + np.floor(share * more + uniform(bits)).astype(np.int64)
    entry = np.repeat(np.arange(part.size), pieces)
    low = (raw(source, entry.size) & np.uint64((1 << WEIGHT_BITS) - 1)).astype(np.int64)
    weight = weights[low].astype(np.float64)
    weight /= np.bincount(entry, weights=weight, minlength=part.size)[entry]
    return part[entry] * weight, activity[entry]


def _shuffle(bits: npt.NDArray[np.uint64]) -> IntArray:
    """Random order by the high bits of draws; one sort of integers without ties."""
    width = max(1, (bits.size - 1).bit_length())
    keys = (bits >> np.uint64(width + 1)).astype(np.int64) << width
    keys |= np.arange(bits.size)
    keys.sort()
    return keys & ((1 << width) - 1)


def _assemble(
    table: Economy,
    observed: Observed,
    flows: _Flows,
    layout: _Layout,
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
    per_level = _scaled(used, 1.0 / level)
    made = _scaled(outputs, 1.0 / level)
    resource = table.resource_use[:, j]
    resource = _scaled(sp.csc_array(resource), factor)
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
    layout: _Layout,
    commodity: IntArray,
    techniques: int,
    seed: int,
) -> tuple[Matrix, Matrix, Matrix]:
    """Repeat every activity with other suppliers and dearer; technique k of j is column jK + k."""
    n, m = inputs.shape
    column = _column_of(inputs)
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
    dear = _scaled(sp.csc_array(resource[:, again]), factor.ravel())
    return wide, sp.csc_array(outputs[:, again]), dear
