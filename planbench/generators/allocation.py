"""Share out the flows of a table among goods and activities so that sums stay exact.

*Who supplies whom* (:func:`cut_line`). Suppliers and buyers of a commodity lay their amounts along
a line of the same length, one after another; where two pieces overlap, the one delivers the
overlap to the other. Both sums are met exactly with at most suppliers + buyers − 1 links (the
north-west corner rule of the transportation problem, Dantzig 1951), and random orders make random
partners.

*Who takes part* (:func:`spread_cells`). A cell of the table is a flow between a commodity and an
industry. Its total is shared by the industry's largest activities (a quarter of its revenue, at
least one activity), each in proportion to its size, and by some of the others: a run of places in
a random order, the next cell's run beginning where this one ends. So every activity has about
equally many inputs, and what is in a run is found by arithmetic alone. A large flow goes to all, a
small one to few, who then take more of it each (threshold sampling).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planbench.errors import PlanbenchError
from planbench.generators.draws import IntArray
from planbench.model.arrays import FloatArray

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
    got = np.bincount(buyer, weights=amount, minlength=demand.size)
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
    """How cells are shared; cells are listed by industry.

    Attributes
    ----------
    count : ndarray of int64, shape (cells,)
        Length of each cell's run among the activities that are not large.
    start : ndarray of int64, shape (cells,)
        Place of the run's first activity among them.
    rate : ndarray, shape (cells,)
        Amount per share of revenue in the run; 0 where the run is empty.
    taken : ndarray, shape (activities,)
        Value of an activity's part in all cells per its revenue share, in the order of members.
    """

    count: IntArray
    start: IntArray
    rate: FloatArray
    taken: FloatArray


def sums_by(place: IntArray, amounts: FloatArray, count: int) -> FloatArray:
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
    total = np.bincount(industry, weights=revenue, minlength=count)
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
        large=np.bincount(industry, weights=is_large, minlength=count).astype(np.int64),
        member=shuffled,
        size=share[shuffled],
    )


def spread_cells(
    groups: Groups,
    industry: IntArray,
    amount: FloatArray,
    value: FloatArray,
    kept: FloatArray,
    each: float,
) -> Spread:
    """Share cells among activities so that none is left without value added.

    Parameters
    ----------
    groups : Groups
    industry : ndarray of int64, shape (cells,)
        Rising: cells are listed by industry.
    amount, value : ndarray, shape (cells,)
        Total of each cell, > 0, and what it is worth as a share of the industry's revenue.
    kept : ndarray, shape (industries,)
        What is left of an industry's revenue after its cells, as a share of it.
    each : float
        Cells an activity is wanted to share in, on average; more where sums need it.
    """
    industries = groups.first.size - 1
    small = np.diff(groups.first) - groups.large
    wanted = np.full(industries, each)
    wanted[kept < _THIN] = np.inf
    for _ in range(_ROUNDS):
        count = _runs(industry, value, small, wanted)
        spread = _rates(groups, industry, amount, value, count, small)
        left = 1.0 - spread.taken
        # The smallest that any activity keeps, by industry.
        filled = np.diff(groups.first) > 0
        least = np.full(industries, np.inf)
        least[filled] = np.minimum.reduceat(left, groups.first[:-1][filled])
        short = (least < _LEAST_KEPT * kept) & np.isfinite(wanted)
        if not short.any():
            return spread
        wanted[short] *= 2.0
    wanted[short] = np.inf
    return _rates(groups, industry, amount, value, _runs(industry, value, small, wanted), small)


def _runs(industry: IntArray, value: FloatArray, small: IntArray, wanted: FloatArray) -> IntArray:
    """Lengths of runs: in proportion to value, at most everyone; `wanted` cells on average."""
    industries = small.size
    cells = np.bincount(industry, minlength=industries)
    room = small[industry]
    goal = np.minimum(wanted, cells) * small
    low = np.zeros(industries)
    high = np.full(industries, 1.0)
    largest = np.zeros(industries)
    np.maximum.at(largest, industry, value)
    smallest = np.full(industries, np.inf)
    np.minimum.at(smallest, industry, value)
    # Below the smallest value all activities take part in all cells.
    low, high = np.where(cells > 0, smallest, 1.0), np.where(cells > 0, largest * cells, 1.0)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        length = np.clip(room * np.minimum(1.0, value / middle[industry]), 1.0, None)
        enough = np.bincount(industry, weights=length, minlength=industries) >= goal
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    full = (wanted >= cells)[industry]
    length = np.where(full, room, np.rint(room * np.minimum(1.0, value / low[industry])))
    count: IntArray = np.clip(length, np.minimum(room, 1), room).astype(np.int64)
    return count


def _rates(
    groups: Groups,
    industry: IntArray,
    amount: FloatArray,
    value: FloatArray,
    count: IntArray,
    small: IntArray,
) -> Spread:
    """Place the runs one after another and find what a share of revenue takes of each."""
    room = np.maximum(small[industry], 1)
    running = np.cumsum(count) - count
    begins = np.searchsorted(industry, np.arange(small.size), side="left")
    start = (running - np.concatenate([running, [0]])[begins][industry]) % room
    # Sums of sizes over runs that may wrap around.
    offset = (groups.first[:-1] + groups.large)[industry]
    total = np.concatenate([[0.0], np.cumsum(groups.size)])
    end = start + count
    whole = total[groups.first[1:]][industry] - total[offset]
    held = total[offset + np.minimum(end, small[industry])] - total[offset + start]
    held += np.where(end > room, total[offset + np.maximum(end - room, 0)] - total[offset], 0.0)
    share = np.where(count == small[industry], whole, held)
    big = total[offset] - total[groups.first[:-1]][industry]
    run = share > 0
    ratio = np.where(run, (1.0 - big) / np.where(run, share, 1.0), 0.0)
    # Without others the large ones have all of it.
    alone = small[industry] == 0

    change = np.zeros(groups.size.size + 1)
    step = value * ratio
    np.add.at(change, offset + start, step)
    np.add.at(change, offset + np.minimum(end, small[industry]), -step)
    wrapped = end > room
    np.add.at(change, offset[wrapped], step[wrapped])
    np.add.at(change, offset[wrapped] + end[wrapped] - room[wrapped], -step[wrapped])
    taken = np.cumsum(change)[:-1]
    of = np.repeat(np.arange(small.size), np.diff(groups.first))
    place = np.arange(of.size) - groups.first[of]
    cost = np.bincount(industry, weights=value, minlength=small.size)
    taken = np.where(place < groups.large[of], cost[of], taken)
    return Spread(count=np.where(alone, 0, count), start=start, rate=amount * ratio, taken=taken)


def run_of(
    groups: Groups, spread: Spread, industry: IntArray, amount: FloatArray, cells: IntArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Entries of some cells: which cell, which activity, how much.

    Parameters
    ----------
    groups : Groups
    spread : Spread
    industry, amount : ndarray, shape (all cells,)
    cells : ndarray of int64, shape (chosen cells,)

    Returns
    -------
    cell : ndarray of int64, shape (entries,)
        Position in `cells`.
    activity : ndarray of int64, shape (entries,)
    part : ndarray, shape (entries,)
        Adds up to `amount` within each cell, to rounding.
    """
    j = industry[cells]
    large, small = groups.large[j], np.diff(groups.first)[j] - groups.large[j]
    count = spread.count[cells]
    length = large + count
    cell = np.repeat(np.arange(cells.size), length)
    place = np.arange(cell.size) - np.repeat(np.cumsum(length) - length, length)
    is_large = place < large[cell]
    turn = spread.start[cells][cell] + place - large[cell]
    room = np.maximum(small, 1)[cell]
    turn -= np.where(turn >= room, room, 0)
    member = groups.first[j][cell] + np.where(is_large, place, large[cell] + turn)
    rate = np.where(is_large, amount[cells][cell], spread.rate[cells][cell])
    part = rate * groups.size[member]
    total = np.bincount(cell, weights=part, minlength=cells.size)
    part *= (amount[cells] / total)[cell]
    return cell, groups.member[member], part
