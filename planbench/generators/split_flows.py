"""Flows of a split table: who makes what, what is left for final use, who buys whose goods."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.generators.draws import (
    WEIGHT_BITS,
    IntArray,
    Purpose,
    below,
    lognormal_weights,
    raw,
    stream,
    uniform,
)
from planbench.generators.line_cut import cut_line
from planbench.generators.profile import Profile
from planbench.generators.split_layout import Flows, Layout, column_of
from planbench.generators.spread import Groups, run_of, spread_cells, sums_by
from planbench.model.arrays import FloatArray, Matrix, index_type

#: Part of the inputs wanted that are different commodities; the rest are second suppliers.
_COMMODITIES = 2 / 3
#: A good's final use is its share times this and up to so much more.
_FINAL_SPREAD = (0.25, 1.5)


def split_outputs(
    layout: Layout, flows: Flows, groups: Groups, revenue: FloatArray, seed: int
) -> tuple[Matrix, FloatArray]:
    """Make table of goods × activities in amounts, and how much is made of each good."""
    n, m = int(layout.first[-1]), layout.industry.size
    made = flows.made
    column, row = column_of(made), made.indices.astype(np.int64)
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


def split_final(layout: Layout, flows: Flows, made: FloatArray, seed: int) -> FloatArray:
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


def split_inputs(
    layout: Layout,
    flows: Flows,
    groups: Groups,
    sold: FloatArray,
    profile: Profile,
    inputs: float,
    seed: int,
) -> Matrix:
    """Use table of goods × activities in amounts."""
    used = flows.used
    j, c, amount = column_of(used), used.indices.astype(np.int64), used.data
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
