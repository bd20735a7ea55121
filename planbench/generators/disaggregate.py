"""Split the industries of a table into goods, so that adding them up again gives the table.

Every commodity becomes many goods, every industry many activities, each making one good (and
by-products where the industry does). At the observed plan the flows between goods add up to
the table's, cell by cell:

1. *How many.* Goods are allotted to commodities in proportion to the root of their supply, at
   least one for each industry that mainly makes it; commodities that no industry mainly makes,
   and foreign exchange, stay whole.
2. *How large.* Revenues of an industry's activities follow a Pareto law (:class:`Dispersion`).
3. *By-products and inputs.* Each cell of the make and of the use table is shared by some of
   the industry's activities.
4. *Final use.* A commodity's final use (or foreign supply) is shared in proportion to what is
   made of a good, times 1/4 to 7/4 at random. The rest of each good is for the activities.
5. *Who supplies whom.* An activity's purchase of a commodity is cut into log-normal parts, and
   these are matched with the goods in random order.
6. *Resources.* What an activity's inputs leave of its revenue is spread over resources as in
   its industry.

If the table's activities break even at its prices, so does every activity here; the observed
plan is then optimal, as it is in the table, and with the same value. Further techniques buy
from other goods of the same commodities and cost 2 to 30 % of their value added more.

With ``alternatives=tradeoffs`` a further technique leans towards an activity drawn from the whole
economy: some of its inputs are what that one buys, and its resources are mixed more as there. At
the observed prices it costs a little less or more, so which one is best depends on the rents.
With ``scarcity`` resources, limits of trade and stocks are moved away from the observed ones.
Then the observed plan is not optimal, and no optimum is known.

:func:`aggregate` adds the goods of a split table up again.

Flows are shared out so that sums stay exact:

*Who supplies whom* (:func:`cut_line`). Suppliers and buyers of a commodity lay their amounts along
a line of the same length, one after another; where two pieces overlap, the one delivers the
overlap to the other. Both sums are met exactly with at most suppliers + buyers − 1 links (the
north-west corner rule of the transportation problem, Dantzig 1951), and random orders make random
partners.

*Who takes part* (:class:`Spread`). A cell of the table is a flow between a commodity and an
industry. Its total is shared by the industry's largest activities (a quarter of its revenue, at
least one activity), each in proportion to its size, and by some of the others: a run of places in
a random order, the next cell's run beginning where this one ends. So every activity has about
equally many inputs, and what is in a run is found by arithmetic alone. A large flow goes to all, a
small one to few, who then take more of it each (threshold sampling).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError, PlanbenchError
from planbench.generators.draws import (
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
from planbench.generators.interior import MONEY, ObservedPlan, observed_plan, proven_optimum
from planbench.generators.recipe import SPLIT_VERSION, SplitRecipe
from planbench.io.files import require_memory
from planbench.model.arrays import (
    FloatArray,
    Matrix,
    column_of,
    index_type,
)
from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.products import backward

_UNITS = 2.0**58


def cut_line(supply: FloatArray, demand: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Match supplies and demands of the same total, in the order given.

    Parameters
    ----------
    supply : ndarray, shape (suppliers,)
        Amounts ≥ 0, not all zero.
    demand : ndarray, shape (buyers,)
        Amounts > 0.

    Returns
    -------
    supplier, buyer : ndarray of int64, shape (links,)
    amount : ndarray, shape (links,)
        > 0; what a buyer gets adds up to its demand, to rounding of that demand, and what a
        supplier gives to its supply, to rounding of the total.
    """
    bought = _lengths(demand, least=1)
    given = _lengths(supply, least=0)
    # The two differ by rounding; the largest supplier evens it out.
    given[int(np.argmax(given))] += int(bought.sum()) - int(given.sum())
    # The last bit of a place says whose piece ends there; equal places end both.
    ends = np.concatenate([np.cumsum(given) << 1, (np.cumsum(bought) << 1) | 1])
    ends.sort(kind="stable")
    of_buyer = (ends & 1).astype(np.int64)
    place = ends >> 1
    length = np.diff(place, prepend=0)
    buyer = np.cumsum(of_buyer) - of_buyer
    supplier = np.arange(ends.size) - buyer
    real = length > 0
    supplier, buyer, amount = supplier[real], buyer[real], length[real].astype(np.float64)
    got = sums_by(buyer, amount, demand.size)
    if not (got > 0).all():
        raise PlanbenchError("a buyer got nothing; this is a bug of planbench")
    amount *= (demand / got)[buyer]
    return supplier, buyer, amount


def _lengths(amounts: FloatArray, least: int) -> IntArray:
    total = np.cumsum(amounts)[-1]
    units = np.rint(amounts * (_UNITS / total)).astype(np.int64)
    lengths: IntArray = np.maximum(units, least)
    return lengths


#: Share of an industry's revenue held by activities that take part in every flow.
_LARGE = 0.25
_BISECTIONS = 50
#: An activity keeps at least this part of its industry's share of value added.
_LEAST_KEPT = 0.1
#: Industries that keep a smaller share of revenue are split in proportion throughout.
_THIN = 0.02
_ROUNDS = 12


@dataclass(frozen=True, eq=False)
class Groups:
    """The activities of each industry in the order in which they share in flows.

    Attributes
    ----------
    first : ndarray of int64, shape (industries + 1,)
        Where an industry's activities begin in ``member``.
    large : ndarray of int64, shape (industries,)
        How many come first and take part in everything.
    member : ndarray of int64, shape (activities,)
        Activities; the large ones first, the others in random order.
    size : ndarray, shape (activities,)
        Share in the industry's revenue of each, in the order of ``member``.
    """

    first: IntArray
    large: IntArray
    member: IntArray
    size: FloatArray


@dataclass(frozen=True, eq=False)
class Spread:
    """How cells, listed by industry, are shared; build it with :func:`spread_cells`.

    Attributes
    ----------
    groups : Groups
    industry : ndarray of int64, shape (cells,)
    amount : ndarray, shape (cells,)
        Total of each cell.
    kept : ndarray, shape (industries,)
        What is left of an industry's revenue after its cells, as a share of it.
    count : ndarray of int64, shape (cells,)
        Length of each cell's run among the activities that are not large.
    start : ndarray of int64, shape (cells,)
        Place of the run's first activity among them.
    rate : ndarray, shape (cells,)
        Amount per share of revenue in the run; 0 where the run is empty.
    taken : ndarray, shape (activities,)
        Value of an activity's part in all cells per its revenue share, in the order of members.
    """

    groups: Groups
    industry: IntArray
    amount: FloatArray
    kept: FloatArray
    count: IntArray
    start: IntArray
    rate: FloatArray
    taken: FloatArray

    def entries(self, cells: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Entries of some cells: which of `cells`, which activity, how much.

        The amounts add up to the cell's, to rounding.
        """
        groups, j, whole = self.groups, self.industry[cells], self.amount[cells]
        large, small = groups.large[j], np.diff(groups.first)[j] - groups.large[j]
        length = large + self.count[cells]
        cell = np.repeat(np.arange(cells.size), length)
        place = np.arange(cell.size) - np.repeat(np.cumsum(length) - length, length)
        is_large = place < large[cell]
        turn = self.start[cells][cell] + place - large[cell]
        room = np.maximum(small, 1)[cell]
        turn -= np.where(turn >= room, room, 0)
        member = groups.first[j][cell] + np.where(is_large, place, large[cell] + turn)
        part = np.where(is_large, whole[cell], self.rate[cells][cell]) * groups.size[member]
        part *= (whole / sums_by(cell, part, cells.size))[cell]
        return cell, groups.member[member], part


def sums_by(place: IntArray, amounts: npt.NDArray[Any], count: int) -> FloatArray:
    """Add up `amounts` by place, one by one in the order given; shape (count,)."""
    total: FloatArray = np.bincount(place, weights=amounts, minlength=count).astype(np.float64)
    return total


def group_activities(industry: IntArray, revenue: FloatArray, order: IntArray) -> Groups:
    """Arrange activities by industry.

    Parameters
    ----------
    industry : ndarray of int64, shape (activities,)
    revenue : ndarray, shape (activities,)
        > 0.
    order : ndarray of int64, shape (activities,)
        A random order of all activities.
    """
    count = int(industry.max()) + 1
    first = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(industry, minlength=count), out=first[1:])
    total = sums_by(industry, revenue, count)
    share = revenue / total[industry]
    # Largest first, to see which together hold the share; ties by number.
    ranked = np.lexsort((-share, industry))
    running = np.cumsum(share[ranked])
    running -= np.repeat(np.concatenate([[0.0], running])[first[:-1]], np.diff(first))
    is_large = np.zeros(industry.size, dtype=np.bool_)
    is_large[ranked] = running - share[ranked] < _LARGE
    shuffled = order[np.lexsort((~is_large[order], industry[order]))]
    return Groups(
        first=first,
        large=sums_by(industry, is_large, count).astype(np.int64),
        member=shuffled,
        size=share[shuffled],
    )


def spread_cells(
    groups: Groups, industry: IntArray, amount: FloatArray, value: FloatArray, each: float
) -> Spread:
    """Share cells among activities so that none is left without value added.

    Parameters
    ----------
    groups : Groups
    industry : ndarray of int64, shape (cells,)
        Rising: cells are listed by industry.
    amount, value : ndarray, shape (cells,)
        Total of each cell, > 0, and what it is worth as a share of the industry's revenue.
    each : float
        Cells an activity is wanted to share in, on average; more where sums need it.
    """
    industries = groups.first.size - 1
    kept = 1.0 - sums_by(industry, value, industries)
    small = np.diff(groups.first) - groups.large
    wanted = np.where(kept < _THIN, np.inf, each)
    filled = np.diff(groups.first) > 0
    for trial in range(_ROUNDS + 1):
        count = _runs(industry, value, small, wanted)
        spread = _placed(groups, industry, amount, value, kept, count)
        # The smallest that any activity keeps, by industry.
        least = np.full(industries, np.inf)
        least[filled] = np.minimum.reduceat(1.0 - spread.taken, groups.first[:-1][filled])
        short = (least < _LEAST_KEPT * kept) & np.isfinite(wanted)
        if not short.any():
            break
        wanted[short] = 2.0 * wanted[short] if trial < _ROUNDS - 1 else np.inf
    return spread


def _runs(industry: IntArray, value: FloatArray, small: IntArray, wanted: FloatArray) -> IntArray:
    """Lengths of runs: in proportion to value, at most everyone; `wanted` cells on average."""
    cells = np.bincount(industry, minlength=small.size)
    room = small[industry]
    goal = np.minimum(wanted, cells) * small
    # Below the smallest value all activities take part in all cells.
    low, high = np.full(small.size, np.inf), np.zeros(small.size)
    np.minimum.at(low, industry, value)
    np.maximum.at(high, industry, value)
    low, high = np.where(cells > 0, low, 1.0), np.where(cells > 0, high * cells, 1.0)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        length = np.clip(room * np.minimum(1.0, value / middle[industry]), 1.0, None)
        enough = sums_by(industry, length, small.size) >= goal
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    full = (wanted >= cells)[industry]
    length = np.where(full, room, np.rint(room * np.minimum(1.0, value / low[industry])))
    count: IntArray = np.clip(length, np.minimum(room, 1), room).astype(np.int64)
    return count


def _placed(
    groups: Groups,
    industry: IntArray,
    amount: FloatArray,
    value: FloatArray,
    kept: FloatArray,
    count: IntArray,
) -> Spread:
    """Place the runs one after another and find what a share of revenue takes of each."""
    small = (np.diff(groups.first) - groups.large)[industry]
    room = np.maximum(small, 1)
    running = np.cumsum(count) - count
    begins = np.searchsorted(industry, np.arange(groups.large.size), side="left")
    start = (running - np.append(running, 0)[begins][industry]) % room
    # Sums of sizes over runs that may wrap around.
    offset = (groups.first[:-1] + groups.large)[industry]
    total = np.concatenate([[0.0], np.cumsum(groups.size)])
    end = start + count
    wraps = end > room
    whole = total[groups.first[1:]][industry] - total[offset]
    held = total[offset + np.minimum(end, small)] - total[offset + start]
    held += np.where(wraps, total[offset + np.maximum(end - room, 0)] - total[offset], 0.0)
    share = np.where(count == small, whole, held)
    big = total[offset] - total[groups.first[:-1]][industry]
    run = share > 0
    ratio = np.where(run, (1.0 - big) / np.where(run, share, 1.0), 0.0)

    change = np.zeros(groups.size.size + 1)
    step = value * ratio
    np.add.at(change, offset + start, step)
    np.add.at(change, offset + np.minimum(end, small), -step)
    np.add.at(change, offset[wraps], step[wraps])
    np.add.at(change, (offset + end - room)[wraps], -step[wraps])
    of = np.repeat(np.arange(groups.large.size), np.diff(groups.first))
    is_large = np.arange(of.size) - groups.first[of] < groups.large[of]
    cost = sums_by(industry, value, groups.large.size)
    return Spread(
        groups=groups,
        industry=industry,
        amount=amount,
        kept=kept,
        # Without others the large ones have all of it.
        count=np.where(small == 0, 0, count),
        start=start,
        rate=amount * ratio,
        taken=np.where(is_large, cost[of], np.cumsum(change)[:-1]),
    )


_QUANTILE_BITS = 11


@dataclass(frozen=True)
class Dispersion:
    """How unequal the goods of an industry are, which no table says: as unequal as industries.

    Measured with an industry's use of its own product distributed over its other inputs.

    Attributes
    ----------
    tail : float
        Tail exponent of the revenues of an industry's activities: that of industries' weighted
        out-degrees in the table (Hill's estimate; docs/statistics.md).
    sigma : float
        Deviation of the logarithm of what an activity buys from several suppliers of a commodity:
        that of the table's coefficients after effects of the buyer and of the supplier (two-way
        analysis of variance).
    """

    tail: float
    sigma: float


#: Of the detailed US table of 2012 (405 industries), for all other tables.
US_DETAIL = Dispersion(tail=1.5049, sigma=1.5953)
#: Of built-in tables; 15 sectors are too few for a tail exponent, so theirs is the usual one.
DISPERSION = {
    "us-bea-15": Dispersion(tail=1.55, sigma=1.4872),
    "us-bea-71": Dispersion(tail=1.6902, sigma=1.5967),
}


@dataclass(frozen=True, eq=False)
class Layout:
    """Which good belongs to which commodity, which activity to which industry.

    Attributes
    ----------
    goods : ndarray of int64, shape (commodities,)
        Number of goods of each commodity.
    first : ndarray of int64, shape (commodities + 1,)
        First good of each commodity, and the end.
    main : ndarray of int64, shape (industries,)
        Commodity each industry mainly makes.
    industry, good : ndarray of int64, shape (activities,)
        Industry of each activity (first techniques), and the good it mainly makes.
    revenue : ndarray, shape (activities,)
    groups : Groups
        The order in which an industry's activities share in its flows.
    """

    goods: IntArray
    first: IntArray
    main: IntArray
    industry: IntArray
    good: IntArray
    revenue: FloatArray
    groups: Groups

    @property
    def commodity(self) -> IntArray:
        """Commodity of each good, shape (goods,)."""
        return np.repeat(np.arange(self.goods.size), self.goods)


@dataclass(frozen=True, eq=False)
class TableFlows:
    """The table at its observed plan, in amounts of the commodities.

    Attributes
    ----------
    table : Economy
    observed : ObservedPlan
    used, made : csc_array, shape (commodities, industries)
    net : ndarray, shape (commodities,)
        Final use less foreign supply.
    supply : ndarray, shape (commodities,)
    revenue : ndarray, shape (industries,)
    """

    table: Economy
    observed: ObservedPlan
    used: Matrix
    made: Matrix
    net: FloatArray
    supply: FloatArray
    revenue: FloatArray


def flows_of(table: Economy) -> TableFlows:
    """Flows of `table` at its observed plan."""
    observed = observed_plan(table)
    used, made = scaled(table.inputs, observed.levels), scaled(table.outputs, observed.levels)
    produced = np.asarray(made.sum(axis=1)).ravel()
    wanted = np.asarray(table.assortment.sum(axis=1)).ravel()
    return TableFlows(
        table=table,
        observed=observed,
        used=used,
        made=made,
        net=wanted + table.fixed_demand,
        supply=np.maximum(produced, np.asarray(used.sum(axis=1)).ravel() + wanted),
        revenue=backward(made, observed.prices),
    )


def scaled(matrix: Matrix, columns: FloatArray) -> Matrix:
    """Multiply the columns of `matrix` by numbers, shape (columns,)."""
    data = matrix.data * np.repeat(columns, np.diff(matrix.indptr))
    return sp.csc_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _allot(total: int, weights: FloatArray, least: IntArray) -> IntArray:
    """Allot `total` things in proportion to `weights`, to each at least `least`."""
    spare = total - int(least.sum())
    share = weights / np.cumsum(weights)[-1] * spare
    allotted = np.floor(share).astype(np.int64)
    rest = spare - int(allotted.sum())
    allotted[np.argsort(allotted - share, kind="stable")[:rest]] += 1
    total_each: IntArray = least + allotted
    return total_each


def lay_out(flows: TableFlows, goods: int, tail: float, seed: int) -> Layout:
    """Allot goods to commodities and activities to industries, and draw the activities' revenues.

    Parameters
    ----------
    flows : TableFlows
    goods : int
    tail : float
        Tail exponent of revenues within an industry.
    seed : int

    Raises
    ------
    InputError
        When an industry makes nothing, or there are too few goods.
    """
    table = flows.table
    n, m = table.n_goods, table.n_activities
    made, column = flows.made, column_of(flows.made)
    value = made.data * flows.observed.prices[made.indices]
    # Of several as large the last, as always: which it is, is part of the recipe's economy.
    main = np.full(m, -1, dtype=np.int64)
    rising = np.lexsort((value, column))
    main[column[rising]] = made.indices[rising]
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
    weights = np.where(whole, 0.0, np.sqrt(np.maximum(flows.supply * flows.observed.prices, 0.0)))
    allotted = _allot(goods, weights, least)
    first = np.concatenate([[0], np.cumsum(allotted)]).astype(np.int64)

    # Activities of a commodity's industries follow one another, a good each.
    each = np.ones(m, dtype=np.int64)
    by_main = np.argsort(main, kind="stable")
    root = np.sqrt(flows.revenue)
    for c in np.flatnonzero(~whole & (makers > 0)):
        mine = np.flatnonzero(main == c)
        each[mine] = _allot(int(allotted[c]), root[mine], np.ones(mine.size, dtype=np.int64))
    industry = np.repeat(by_main, each[by_main])
    commodity = main[industry]
    position = np.arange(industry.size) - np.searchsorted(commodity, commodity, side="left")
    good = first[commodity] + np.where(whole[commodity], 0, position)
    revenue = _draw_revenues(industry, flows.revenue, tail, seed)
    again = np.argsort(raw(stream(seed, Purpose.SPLIT, 1), industry.size), kind="stable")
    return Layout(
        goods=allotted,
        first=first,
        main=main,
        industry=industry,
        good=good,
        revenue=revenue,
        groups=group_activities(industry, revenue, again),
    )


def _draw_revenues(industry: IntArray, whole: FloatArray, tail: float, seed: int) -> FloatArray:
    """Draw revenues of activities: Pareto by rank within the industry, ranks at random."""
    m = industry.size
    order = np.argsort(raw(stream(seed, Purpose.SPLIT, 0), m), kind="stable")
    count = np.bincount(industry, minlength=whole.size)
    shuffled = order[np.argsort(industry[order], kind="stable")]
    of = industry[shuffled]
    rank = np.arange(m) - (np.cumsum(count) - count)[of]
    size = np.empty(m)
    size[shuffled] = pareto_sizes((rank + 0.5) / count[of], max(tail, 1.1))
    total = sums_by(industry, size, count.size)
    revenue: FloatArray = size * (whole / total)[industry]
    return revenue


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
    sizes: FloatArray = round24(np.array(steps))[place] * round24(np.array(octaves))[1 - octave]
    return sizes


#: Part of the inputs wanted that are different commodities; the rest are second suppliers.
_COMMODITIES = 2 / 3
#: A good's final use is its share times this and up to so much more.
_FINAL_SPREAD = (0.25, 1.5)


def split_outputs(layout: Layout, flows: TableFlows, seed: int) -> tuple[Matrix, FloatArray]:
    """Make table of goods × activities in amounts, and how much is made of each good."""
    n, m = int(layout.first[-1]), layout.industry.size
    made = flows.made
    column, row = column_of(made), made.indices.astype(np.int64)
    worth = flows.observed.prices[row]
    side = row != layout.main[column]
    j, c, amount = column[side], row[side], made.data[side]
    value = amount * worth[side] / flows.revenue[j]
    spread = spread_cells(layout.groups, j, amount, value, 1.0)
    cell, activity, part = spread.entries(np.arange(j.size))
    bits = raw(stream(seed, Purpose.SPLIT, 2), cell.size)
    kind = c[cell]
    good = layout.first[kind] + below(bits, layout.goods[kind])
    lost = sums_by(activity, part * flows.observed.prices[kind], m)
    # By construction of the spread an activity's main good is most of the rest.
    main = layout.main[layout.industry]
    own = (layout.revenue - lost) / flows.observed.prices[main]
    # The main goods of an industry add up to the table's cell, to the last digit.
    total = sums_by(layout.industry, own, layout.main.size)
    cells = np.zeros(layout.main.size)
    cells[column[~side]] = made.data[~side]
    own *= (cells / total)[layout.industry]
    rows = np.concatenate([layout.good, good])
    columns = np.concatenate([np.arange(m), activity])
    amounts = np.concatenate([own, part])
    matrix = sp.csc_array((amounts, (rows, columns)), shape=(n, m))
    return matrix, sums_by(rows, amounts, n)


def split_final(layout: Layout, flows: TableFlows, made: FloatArray, seed: int) -> FloatArray:
    """Net final use of each good; adds up to the commodity's."""
    commodity = layout.commodity
    count = layout.goods.size
    produced = sums_by(commodity, made, count)
    # A commodity that is not made is shared as if equally much were made of each good.
    base = np.where(produced[commodity] > 0, made, 1.0)
    low, room = _FINAL_SPREAD
    weight = base * (low + room * uniform(raw(stream(seed, Purpose.SPLIT, 3), made.size)))
    share = weight / sums_by(commodity, weight, count)[commodity]
    final = flows.net[commodity] * share
    # Final use above what is made: this commodity in plain proportion instead.
    over = np.zeros(count, dtype=np.bool_)
    over[commodity[(final > made) & (flows.net[commodity] > 0)]] = True
    plain = base / sums_by(commodity, base, count)[commodity]
    return np.where(over[commodity], flows.net[commodity] * plain, final)


def split_inputs(
    layout: Layout, flows: TableFlows, sold: FloatArray, sigma: float, recipe: SplitRecipe
) -> Matrix:
    """Use table of goods × activities in amounts."""
    used = flows.used
    j, c, amount = column_of(used), used.indices.astype(np.int64), used.data
    value = amount * flows.observed.prices[c] / flows.revenue[j]
    different = max(2.0, recipe.inputs * _COMMODITIES)
    spread = spread_cells(layout.groups, j, amount, value, different)
    share = value / np.maximum(1.0 - spread.kept, 1e-300)[j]
    weights = lognormal_weights(round(sigma * 1024) / 1024)
    more = max(0.0, recipe.inputs - 1.0 - different)
    n, m = int(layout.first[-1]), layout.industry.size
    index = index_type(n, m)
    rows, columns, parts = [], [], []
    by_commodity = np.argsort(c, kind="stable")
    begins = np.searchsorted(c[by_commodity], np.arange(layout.goods.size + 1))
    for k in range(layout.goods.size):
        cells = by_commodity[begins[k] : begins[k + 1]]
        if cells.size == 0:
            continue
        cell, activity, part = spread.entries(cells)
        source = stream(recipe.seed, Purpose.SPLIT, 16 + k)
        part, activity = _cut_parts(part, activity, more * share[cells][cell], weights, source)
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
    cuts: FloatArray,
    weights: IntArray,
    source: np.random.PCG64,
) -> tuple[FloatArray, IntArray]:
    """Cut purchases into parts of log-normal sizes, in so many places on average."""
    bits = raw(source, part.size)
    pieces = 1 + np.floor(cuts + uniform(bits)).astype(np.int64)
    entry = np.repeat(np.arange(part.size), pieces)
    low = (raw(source, entry.size) & np.uint64((1 << WEIGHT_BITS) - 1)).astype(np.int64)
    weight = weights[low].astype(np.float64)
    weight /= sums_by(entry, weight, part.size)[entry]
    return part[entry] * weight, activity[entry]


def _shuffle(bits: npt.NDArray[np.uint64]) -> IntArray:
    """Random order by the high bits of draws; one sort of integers without ties."""
    width = max(1, (bits.size - 1).bit_length())
    keys = (bits >> np.uint64(width + 1)).astype(np.int64) << width
    keys |= np.arange(bits.size)
    keys.sort()
    return keys & ((1 << width) - 1)


#: Further techniques cost from this share of value added more to the sum of the two.
_MARKUP = (0.02, 0.28)
#: With trade-offs: cost at the observed prices over the observed technique's, less 1, in shares of
#: value added, from this and up to so much more. Firms of an industry differ by more than that.
_TRADE_OFF = (-0.03, 0.07)
#: With trade-offs: share of the inputs that are bought as another activity does, and of the
#: resources that are mixed as there.
_OTHER_INPUTS = 0.25
_OTHER_RESOURCES = 0.5
#: Peak of memory over the finished arrays, at most; and with trade-offs.
_PEAK, _PEAK_TRADE_OFFS = 4.5, 7.0
#: Fields of a recipe that say which goods and activities belong together, a figure for each.
LAYOUT_FIELDS = ("goods_of_commodities", "activities_of_industries", "main_commodities")
#: Goods get names up to this many.
_NAMED = 20_000


def disaggregate(table: Economy, recipe: SplitRecipe) -> Economy:
    """Split a table's economy into goods, as `recipe` says.

    Parameters
    ----------
    table : Economy
        Made from a table: it carries its observed plan (see
        :func:`planbench.generators.interior.observed_plan`).
    recipe : SplitRecipe
        Its goods must be at least one for every industry, and one for every commodity that no
        industry mainly makes.

    Returns
    -------
    Economy
        With an interior from the table's prices and half of the observed plan. Its recipe says
        which goods belong together, and holds ``known_optimum`` where the table's activities
        break even at its prices: then the observed plan is optimal, every target fulfilled
        once. That is checked in the goods.

    Raises
    ------
    InputError
        When the table has no observed plan, or there are too few goods for it.
    """
    # An entry takes 12 bytes; an activity has some outputs, resources and vectors besides.
    finished = recipe.goods * recipe.techniques * (12.0 * (recipe.inputs + 5.0) + 40.0)
    require_memory(
        finished * (_PEAK_TRADE_OFFS if recipe.alternatives == "tradeoffs" else _PEAK),
        table.name,
        f"splitting it into {recipe.goods:,} goods",
        "give fewer goods or inputs",
    )
    within = DISPERSION.get(recipe.table, US_DETAIL)
    flows = flows_of(table)
    layout = lay_out(flows, recipe.goods, within.tail, recipe.seed)
    outputs, made = split_outputs(layout, flows, recipe.seed)
    final = split_final(layout, flows, made, recipe.seed)
    used = split_inputs(layout, flows, made - final, within.sigma, recipe)
    economy = _assemble(layout, flows, outputs, used, final, recipe)
    facts = {
        "split": recipe.canonical(),
        "version": SPLIT_VERSION,
        "table_sha256": table.sha256,
        **economy.recipe,
    }
    optimum = proven_optimum(economy)
    if optimum is not None:
        facts["known_optimum"] = optimum
    return replace(economy, recipe=facts)


def _assemble(
    layout: Layout,
    flows: TableFlows,
    outputs: Matrix,
    used: Matrix,
    final: FloatArray,
    recipe: SplitRecipe,
) -> Economy:
    table, revenue, techniques = flows.table, layout.revenue, recipe.techniques
    commodity = layout.commodity
    j = layout.industry
    # An activity's level is its part of the industry's, so units stay the table's.
    level = revenue * (flows.observed.levels / flows.revenue)[j]
    prices = flows.observed.prices[commodity]
    left = revenue - backward(used, prices)
    kept = sums_by(j, left, layout.main.size)
    whole = sums_by(j, revenue, layout.main.size)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = (left / revenue) / (kept / whole)[j]
    # Where an industry keeps next to nothing every activity is split like all of it.
    factor = np.where(kept[j] > 0.01 * whole[j], factor, 1.0)
    per_level = scaled(used, 1.0 / level)
    made = scaled(outputs, 1.0 / level)
    resource = table.resource_use[:, j]
    resource = scaled(sp.csc_array(resource), factor)
    if techniques > 1:
        per_level, resource = _add_techniques(per_level, resource, layout, flows, recipe)
        made = sp.csc_array(made[:, np.repeat(np.arange(level.size), techniques)])
    net = flows.net[commodity]
    share = np.divide(final, net, out=1.0 / layout.goods[commodity], where=net != 0)
    wanted = table.assortment.tocsr()[commodity]
    assortment = sp.csc_array(sp.diags_array(share) @ wanted)
    # A limit on the industry is one on each activity, in proportion.
    capacity = table.capacity[j] * (level / flows.observed.levels[j])
    plan = np.zeros(level.size * techniques)
    plan[::techniques] = level
    facts = {
        "goods_of_commodities": layout.goods.tolist(),
        "activities_of_industries": np.bincount(j, minlength=layout.main.size).tolist(),
        "main_commodities": layout.main.tolist(),
        "techniques": techniques,
    }
    fixed = table.fixed_demand[commodity] * share
    capacity = np.repeat(capacity, techniques)
    endowment = table.endowment
    if recipe.scarcity:
        facts["scarcity"] = recipe.scarcity
        endowment = endowment * _moved(recipe, 0, endowment.size)
        capacity = capacity * _moved(recipe, 1, capacity.size)
        fixed = np.where(fixed < 0, fixed * _moved(recipe, 2, fixed.size), fixed)
    named = table.goods is not None and commodity.size <= _NAMED
    rank = np.arange(commodity.size) - layout.first[commodity] + 1
    return make_economy(
        inputs=per_level,
        outputs=made,
        resource_use=resource,
        endowment=endowment,
        assortment=assortment,
        capacity=capacity,
        fixed_demand=fixed,
        weights=table.weights,
        goods=[f"{table.good(int(c))} {k}" for c, k in zip(commodity, rank, strict=True)]
        if named
        else None,
        resources=table.resources,
        targets=table.targets,
        name=f"split:{recipe.canonical()}",
        recipe=facts,
        # Dearer resources make every activity lose; half of everything leaves the other half.
        interior=Interior(
            goods_prices=prices,
            resource_prices=2.0 * flows.observed.rents,
            activities=0.5 * plan,
        ),
    )


def _add_techniques(
    inputs: Matrix, resource: Matrix, layout: Layout, flows: TableFlows, recipe: SplitRecipe
) -> tuple[Matrix, Matrix]:
    """Repeat every activity with other suppliers; technique k of j is column jK + k."""
    other = _trade_offs if recipe.alternatives == "tradeoffs" else _dearer
    bought = [(inputs.indices.astype(np.int64), inputs.data)]
    used = [(resource.indices, resource.data)]
    for goods, amounts, needs in other(inputs, resource, layout, flows, recipe):
        bought.append((goods, amounts))
        used.append((resource.indices, needs))
    return _interleaved(inputs, bought), _interleaved(resource, used)


def _interleaved(first: Matrix, parts: list[tuple[IntArray, FloatArray]]) -> Matrix:
    """Make column jK + k of rows and amounts k where `first` has column j."""
    rows, data = (np.concatenate(part) for part in zip(*parts, strict=True))
    column = column_of(first) * len(parts)
    columns = np.concatenate([column + k for k in range(len(parts))])
    return sp.csc_array(
        (data, (rows, columns)), shape=(first.shape[0], first.shape[1] * len(parts))
    )


# Both give, for every further technique, goods and amounts bought and amounts of resources used.


def _dearer(
    inputs: Matrix, resource: Matrix, layout: Layout, flows: TableFlows, recipe: SplitRecipe
) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
    """Make techniques that buy from other goods of the same commodities and use more resources."""
    kind, user = layout.commodity[inputs.indices], column_of(resource)
    low, room = _MARKUP
    for k in range(1, recipe.techniques):
        source = stream(recipe.seed, Purpose.SPLIT, (1 << 20) + k)
        goods = layout.first[kind] + below(raw(source, kind.size), layout.goods[kind])
        factor = 1.0 + low + room * uniform(raw(source, inputs.shape[1]))
        yield goods, inputs.data, resource.data * factor[user]


def _trade_offs(
    inputs: Matrix, resource: Matrix, layout: Layout, flows: TableFlows, recipe: SplitRecipe
) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
    """Make techniques that lean towards another activity of the economy.

    Each input is bought from another good of its commodity, or, for a share of them, replaced by
    what the other activity buys, worth as much at the table's prices. Resources that the industry
    uses are mixed more as the other's industry mixes them. Activities that use no resources
    (trade) only buy from other goods.
    """
    m = inputs.shape[1]
    column, count = column_of(inputs), np.diff(inputs.indptr).astype(np.int64)
    kind = layout.commodity[inputs.indices]
    spent = backward(flows.table.resource_use, flows.observed.rents)
    mix = (
        flows.table.resource_use.toarray()
        * flows.observed.rents[:, None]
        / np.maximum(spent, 1e-300)
    )
    used, user = resource.indices, column_of(resource)
    own = mix[used, layout.industry[user]]
    producing = np.diff(resource.indptr) > 0
    others = np.flatnonzero(producing)
    low, room = _TRADE_OFF
    for k in range(1, recipe.techniques):
        source = stream(recipe.seed, Purpose.TRADE_OFFS, k)
        other = others[below(raw(source, m), others.size)]
        bits = raw(source, column.size)
        model = other[column]
        replaced = producing[column] & (count[model] > 0) & (uniform(bits) < _OTHER_INPUTS)
        place = inputs.indptr[model] + below(raw(source, column.size), count[model])
        bought = np.where(replaced, kind[np.where(replaced, place, 0)], kind)
        goods = layout.first[bought] + below(raw(source, column.size), layout.goods[bought])
        cost = 1.0 + low + room * uniform(raw(source, m))
        theirs = mix[used, layout.industry[other[user]]]
        shared = sums_by(user, theirs, m)[user]
        towards = np.divide(
            theirs, shared * own, out=np.ones(own.size), where=(shared > 0) & (own > 0)
        )
        factor = (1.0 - _OTHER_RESOURCES) + _OTHER_RESOURCES * towards
        amounts = inputs.data * (flows.observed.prices[kind] / flows.observed.prices[bought])
        yield goods, amounts, resource.data * factor * cost[user]


def _moved(recipe: SplitRecipe, part: int, count: int) -> FloatArray:
    """Draw factors from 1 less ``scarcity`` to 1 more."""
    draws = uniform(raw(stream(recipe.seed, Purpose.SCARCITY, part), count))
    return 1.0 + recipe.scarcity * (2.0 * draws - 1.0)


def aggregate(economy: Economy, plan: FloatArray) -> dict[str, FloatArray]:
    """Add up the flows of a split table at the activity levels `plan`.

    Parameters
    ----------
    economy : Economy
        Made by :func:`disaggregate`; its recipe says which goods belong together.
    plan : ndarray, shape (activities,)

    Returns
    -------
    dict of str to ndarray
        ``used`` and ``made`` (commodities × industries), ``resources`` (resources × industries),
        ``final`` (commodities × targets, for one unit of each target), ``fixed`` (commodities).

    Raises
    ------
    InputError
        When the economy is no split table.
    """
    if not {*LAYOUT_FIELDS, "techniques"} <= economy.recipe.keys():
        message = "is no split table; make one with planbench disaggregate"
        raise InputError(message, where=economy.name)
    goods, activities, main = (
        np.asarray(economy.recipe[field], dtype=np.int64) for field in LAYOUT_FIELDS
    )
    commodity = np.repeat(np.arange(goods.size), goods)
    by_main = np.argsort(main, kind="stable")
    each = np.repeat(by_main, activities[by_main])
    industry = np.repeat(each, int(economy.recipe["techniques"]))
    if (commodity.size, industry.size) != economy.inputs.shape:
        raise InputError("its recipe does not fit its arrays; make it again", where=economy.name)
    goods_of = sp.csr_array(
        (np.ones(commodity.size), (commodity, np.arange(commodity.size))),
        shape=(goods.size, commodity.size),
    )
    levels_of = sp.csc_array(
        (plan, (np.arange(industry.size), industry)), shape=(industry.size, activities.size)
    )
    return {
        "used": (goods_of @ (economy.inputs @ levels_of)).toarray(),
        "made": (goods_of @ (economy.outputs @ levels_of)).toarray(),
        "resources": (economy.resource_use @ levels_of).toarray(),
        "final": (goods_of @ economy.assortment).toarray(),
        "fixed": goods_of @ economy.fixed_demand,
    }


def aggregation_error(table: Economy, economy: Economy, plan: FloatArray | None = None) -> float:
    """Largest relative difference between a table and what its goods add up to.

    Parameters
    ----------
    table : Economy
    economy : Economy
        The table split into goods.
    plan : ndarray, shape (activities,), optional
        The observed plan if missing.

    Returns
    -------
    float
        Over all cells that are not zero in the table; infinite when a cell that is zero there
        is not zero here. Stocks that were moved (``scarcity``) are left out.
    """
    if plan is None:
        assert economy.interior is not None
        assert economy.interior.activities is not None
        plan = 2.0 * economy.interior.activities
    found = aggregate(economy, plan)
    levels = observed_plan(table).levels
    published = {
        "used": table.inputs.toarray() * levels,
        "made": table.outputs.toarray() * levels,
        "resources": table.resource_use.toarray() * levels,
        "final": table.assortment.toarray(),
        "fixed": found["fixed"] if economy.recipe.get("scarcity") else table.fixed_demand,
    }
    worst = 0.0
    for flow, whole in published.items():
        split = found[flow]
        here = whole != 0
        if (split[~here] != 0).any():
            return float("inf")
        off = np.abs(split - whole)[here] / np.abs(whole[here])
        # A sum that is no number is no agreement.
        worst = max(worst, float(np.where(np.isnan(off), np.inf, off).max(initial=0.0)))
    return worst
