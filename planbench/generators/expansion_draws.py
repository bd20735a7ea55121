"""What dated and placed goods need besides an economy: which keep, which travel, who has what.

Every draw has a stream of its own, so one knob never changes what another draws.
"""

from __future__ import annotations

import numpy as np

from planbench.generators.draws import (
    IntArray,
    Purpose,
    choose,
    raw,
    round_bits,
    stream,
    uniform,
)
from planbench.generators.one_year import Storage
from planbench.generators.reference import LEVEL_BITS
from planbench.model.arrays import FloatArray

#: Shares of regions in a resource are 1 plus or minus this before they are divided by their sum.
SPREAD = 0.5


def draw_storage(
    seed: int, goods: int, regions: int, storable: float, spoilage: float | None
) -> Storage | None:
    """Draw which goods keep, the same in every region.

    Parameters
    ----------
    seed, goods, regions : int
        `goods` of one region.
    storable : float
        Share of the goods that keep.
    spoilage : float or None
        Share lost in a year.

    Returns
    -------
    Storage or None
        None where nothing keeps.
    """
    count = round(storable * goods)
    if not count:
        return None
    chosen = np.flatnonzero(choose(raw(stream(seed, Purpose.STORAGE), goods), count))
    placed = np.arange(regions)[:, None] * goods + chosen
    return Storage(goods=placed.ravel(), loss=spoilage)


def draw_shares(seed: int, regions: int, resources: int, spread: float = SPREAD) -> FloatArray:
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


def left_at_end(terminal: float, growth: float, years: int) -> float:
    """Share of the first stocks to be left: less where shrinking resources cannot replace them."""
    if growth >= 0:
        return terminal
    shrunk = np.array([terminal * (1.0 + growth) ** (years - 1)])
    return float(round_bits(shrunk, LEVEL_BITS)[0])


def ring(regions: int) -> FloatArray:
    """Distances in a ring: 1 to either neighbour, no other route."""
    # One array of all pairs is large enough where there are many regions.
    far = np.full((regions, regions), np.inf)
    place = np.arange(regions)
    for step in (-1, 0, 1):
        far[place, (place + step) % regions] = 1.0
    return far
