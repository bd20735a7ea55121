"""Who buys from whom: the structures of input-output links.

The structure, not the number of non-zeros alone, decides how much a factorisation fills in
and how fast information spreads, so it is a knob of its own. Each structure says the same
thing twice: how to draw one supplier from raw bits (sparse columns, any size), and the
relative weight of every possible supplier (columns so dense that drawing would collide).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from planbench.generators.draws import (
    Bits,
    IntArray,
    Purpose,
    below,
    raw,
    round24,
    stream,
)
from planbench.model.arrays import FloatArray


class Structure(Protocol):
    """A law for the suppliers of a good."""

    @property
    def size(self) -> int:
        """Number of possible suppliers (rows)."""
        ...

    def draw(self, bits: Bits, goods: IntArray) -> IntArray:
        """One supplier per raw draw for the buying `goods`, both of shape (draws,).

        Uses the high 32 bits for the place and the next 16 for a coin.
        """
        ...

    def weights(self, goods: IntArray) -> FloatArray | None:
        """Relative weight of every supplier, shape (goods, size); 0 where impossible.

        None where all weigh alike.
        """
        ...


def _coin(bits: Bits, chance: float) -> npt.NDArray[np.bool_]:
    coin = (bits >> np.uint64(16)) & np.uint64(0xFFFF)
    result: npt.NDArray[np.bool_] = coin < np.uint64(round(chance * 65536))
    return result


@dataclass(frozen=True)
class Uniform:
    """Every good is as likely a supplier as any other (Erdős–Rényi)."""

    size: int

    def draw(self, bits: Bits, goods: IntArray) -> IntArray:
        """One supplier per draw, whoever buys."""
        return below(bits, self.size)

    def weights(self, goods: IntArray) -> None:
        """All weigh alike."""
        return


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """A few goods supply nearly all others: the number of buyers has a power-law tail.

    The k-th largest supplier is drawn with probability ∝ k^(−1/exponent), which gives
    P(buyers > b) ∝ b^(−exponent) (Zipf's rank law for a Pareto tail). Ranks are scattered
    over the goods.

    Attributes
    ----------
    size : int
    exponent : float
        Tail exponent, above 1; real tables have about 1.55.
    place : ndarray of int32 or int64, shape (size,)
        Good of each rank.
    """

    size: int
    exponent: float
    place: npt.NDArray[np.integer]

    def draw(self, bits: Bits, goods: IntArray) -> IntArray:
        """One supplier per draw by inverse distribution, interpolated in integers."""
        table = _rank_table(self.exponent)
        high = (bits >> np.uint64(32)).astype(np.int64)
        cell, share = high >> 16, high & 0xFFFF
        low = table[cell]
        position = low + ((table[cell + 1] - low) * share >> 16)
        rank = np.minimum(position * self.size >> 32, self.size - 1)
        good: IntArray = self.place[rank].astype(np.int64)
        return good

    def weights(self, goods: IntArray) -> FloatArray:
        """Weights of the rank law, alike for every buyer."""
        power = 1.0 - 1.0 / self.exponent
        steps = np.array([(k / self.size) ** power for k in range(self.size + 1)])
        by_good = np.empty(self.size)
        by_good[self.place] = round24(np.diff(steps))
        return np.broadcast_to(by_good, (goods.size, self.size))


@lru_cache(maxsize=8)
def _rank_table(exponent: float) -> IntArray:
    # u → u^γ in units of 2⁻³², the inverse of the distribution x^(1 − 1/exponent).
    gamma = exponent / (exponent - 1.0)
    values = round24(np.array([(k / 65536) ** gamma for k in range(65537)]))
    return np.rint(values * 2.0**32).astype(np.int64)


@dataclass(frozen=True)
class SectorBlocks:
    """Blocks of neighbouring goods that buy mostly from one another (block-diagonal).

    Attributes
    ----------
    size : int
    sectors : int
        Number of blocks, of equal size up to one good.
    within : float
        Share of inputs from the own block, in [0, 1].
    """

    size: int
    sectors: int
    within: float

    def _block(self, goods: IntArray) -> tuple[IntArray, IntArray]:
        sector = goods * self.sectors // self.size
        start = -(-sector * self.size // self.sectors)
        end = -(-(sector + 1) * self.size // self.sectors)
        return start, end - start

    def draw(self, bits: Bits, goods: IntArray) -> IntArray:
        """One supplier per draw, inside or outside the buyer's block by a coin."""
        start, width = self._block(goods)
        if self.sectors == 1:
            return below(bits, self.size)
        inside = _coin(bits, self.within)
        place = below(bits, np.where(inside, width, self.size - width))
        place += np.where(inside | (place >= start), np.where(inside, start, width), 0)
        return place

    def weights(self, goods: IntArray) -> FloatArray:
        """``within`` spread over the block, the rest over the other goods."""
        start, width = self._block(goods)
        rows = np.arange(self.size)
        inside = (rows >= start[:, None]) & (rows < (start + width)[:, None])
        if self.sectors == 1:
            return inside.astype(np.float64)
        near = self.within / width[:, None]
        far = (1.0 - self.within) / (self.size - width)[:, None]
        return np.where(inside, near, far)


@dataclass(frozen=True)
class Layered:
    """Goods in order of production, each bought from a little upstream, some flowing back.

    Nearly triangular and banded. The first `band` + 1 goods form a core whose upstream window
    is the core itself; the last ones likewise for flows back.

    Attributes
    ----------
    size : int
    band : int
        Largest distance of a supplier up- or downstream, in [1, size − 1].
    backflow : float
        Share of inputs from downstream, in [0, 1]; about .08 in real tables.
    """

    size: int
    band: int
    backflow: float

    def _windows(self, goods: IntArray) -> tuple[IntArray, IntArray]:
        # Each window holds band + 1 places including the buyer, which is stepped over.
        up = np.maximum(goods - self.band, 0)
        down = np.minimum(goods, self.size - 1 - self.band)
        return up, down

    def draw(self, bits: Bits, goods: IntArray) -> IntArray:
        """One supplier per draw, up- or downstream by a coin."""
        up, down = self._windows(goods)
        place = below(bits, self.band)
        place += np.where(_coin(bits, self.backflow), down, up)
        place += place >= goods
        return place

    def weights(self, goods: IntArray) -> FloatArray:
        """1 − backflow spread over the upstream window, backflow over the downstream one."""
        rows = np.arange(self.size)
        total = np.zeros((goods.size, self.size))
        for start, share in zip(
            self._windows(goods), (1.0 - self.backflow, self.backflow), strict=True
        ):
            window = (rows >= start[:, None]) & (rows <= (start + self.band)[:, None])
            total += np.where(window, share, 0.0)
        total[np.arange(goods.size), goods] = 0.0
        return total


def scattered_ranks(size: int, seed: int) -> npt.NDArray[np.integer]:
    """Random order of `size` goods, the same on every numpy version."""
    keys = raw(stream(seed, Purpose.HUBS), size)
    order = np.argsort(keys, kind="stable")
    small = size <= np.iinfo(np.int32).max
    return order.astype(np.int32) if small else order
