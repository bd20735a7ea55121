"""How a table is laid out in goods: how many of each commodity, and how large.

Goods are dealt to commodities in proportion to the root of their supply; revenues of the
activities of an industry follow a Pareto law.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.generators.draws import IntArray, Purpose, raw, round24, stream
from planbench.generators.observed import MONEY, Observed
from planbench.generators.profile import Profile
from planbench.generators.spread import Groups, group_activities
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy
from planbench.model.products import backward

_QUANTILE_BITS = 11


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
    """

    goods: IntArray
    first: IntArray
    main: IntArray
    industry: IntArray
    good: IntArray


@dataclass(frozen=True, eq=False)
class Flows:
    """The table at its observed plan, in amounts of the commodities.

    Attributes
    ----------
    used, made : csc_array, shape (commodities, industries)
    net : ndarray, shape (commodities,)
        Final use less foreign supply.
    supply, prices : ndarray, shape (commodities,)
    revenue : ndarray, shape (industries,)
    """

    used: Matrix
    made: Matrix
    net: FloatArray
    supply: FloatArray
    prices: FloatArray
    revenue: FloatArray

    @staticmethod
    def of(table: Economy, observed: Observed) -> Flows:
        """Flows of `table` at its observed plan."""
        used, made = scaled(table.inputs, observed.levels), scaled(table.outputs, observed.levels)
        produced = np.asarray(made.sum(axis=1)).ravel()
        wanted = np.asarray(table.assortment.sum(axis=1)).ravel()
        return Flows(
            used=used,
            made=made,
            net=wanted + table.fixed_demand,
            supply=np.maximum(produced, np.asarray(used.sum(axis=1)).ravel() + wanted),
            prices=observed.prices,
            revenue=backward(made, observed.prices),
        )


def scaled(matrix: Matrix, columns: FloatArray) -> Matrix:
    """Multiply the columns of `matrix` by numbers, shape (columns,)."""
    data = matrix.data * np.repeat(columns, np.diff(matrix.indptr))
    return sp.csc_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def column_of(matrix: Matrix) -> IntArray:
    """Column of every stored entry."""
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


def lay_out(table: Economy, flows: Flows, goods: int) -> Layout:
    """Deal goods to commodities and activities to industries.

    Raises
    ------
    InputError
        When an industry makes nothing, or there are too few goods.
    """
    n, m = table.n_goods, table.n_activities
    value = flows.made.data * flows.prices[flows.made.indices]
    column = column_of(flows.made)
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
    return Layout(goods=dealt, first=first, main=main, industry=industry, good=good)


def draw_sizes(
    layout: Layout, flows: Flows, profile: Profile, seed: int
) -> tuple[Groups, FloatArray]:
    """Draw revenues of activities: Pareto by rank within the industry, ranks at random."""
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
    sizes: FloatArray = round24(np.array(steps))[place] * round24(np.array(octaves))[1 - octave]
    return sizes
