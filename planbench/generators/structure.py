"""Who buys from whom: the structures of input-output links.

The structure, not the number of non-zeros alone, decides how much a factorisation fills in
and how fast information spreads, so it is a knob of its own. Each structure says the same
thing twice: how to draw one supplier from raw bits (sparse columns, any size), and the
relative weight of every possible supplier (columns so dense that drawing would collide).

:class:`Profiled` is the structure of economies made from a profile. Goods are in the order of
production, in contiguous communities. A supplier is chosen with weight

    w_i · T^[same community] · t^[downstream of the buyer]

with w_i = −ln(1 − q_i) and q_i the share of goods that should buy from i: the table's shares
of links by rank, at any size and density, scattered over the goods. T and t hold half of each
preference; the other half is in the amounts (:mod:`planbench.generators.coefficients`).

Suppliers of nearly equal weight form a class. A draw takes a side (same community or not, up-
or downstream), a class, and a member of the class on that side; members of a class are listed
in order, and a table says how many come before each place, so a draw costs the same at any
size.
"""

from __future__ import annotations

import math
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
    lognormal,
    raw,
    round24,
    stream,
)
from planbench.generators.profile import TableProfile
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


_MOST_BUCKETS = 1 << 14
_GRID = 1 << 16
#: Largest share of goods that buy from one.
_MOST_BUYERS = 0.998
#: Suppliers' own sizes are clipped at this many deviations.
_SIZE_CLIP = 3.0


@dataclass(frozen=True, eq=False)
class Profiled:
    """Law of suppliers after a profile.

    Attributes
    ----------
    size : int
    bounds : ndarray of int64, shape (communities + 1,)
        First good of each community.
    block : ndarray of int8, shape (size,)
        Community of each good.
    inside, downstream : float
        Factors T and t of the weight of a supplier.
    group : ndarray of int8, shape (size,)
        Class of each good, 0 for the weakest suppliers.
    group_weights : ndarray, shape (classes,)
        Weight of a good of each class.
    members : ndarray of int32 or int64, shape (size,)
        Goods by class, in order within it.
    first : ndarray of int64, shape (classes,)
        Where each class begins in ``members``.
    before : ndarray of int32 or int64, shape (buckets + 1, classes)
        Members of each class before each bucket of goods.
    shift : int
        A bucket holds 2**shift goods.
    pick : ndarray of int8, shape (65536,)
        Class by the high 16 bits of a draw.
    low, width : ndarray, shape (classes,)
        Range of 32-bit draws that pick each class.
    supplier_size : ndarray, shape (size,)
        Relative size of the coefficients of what a good delivers.
    """

    size: int
    bounds: IntArray
    block: npt.NDArray[np.int8]
    inside: float
    downstream: float
    group: npt.NDArray[np.int8]
    group_weights: FloatArray
    members: npt.NDArray[np.integer]
    first: IntArray
    before: npt.NDArray[np.integer]
    shift: int
    pick: npt.NDArray[np.int8]
    low: FloatArray
    width: FloatArray
    supplier_size: FloatArray

    def draw(self, bits: Bits, goods: IntArray) -> IntArray:
        """One supplier per draw: a side by the coin, a class and a member by the place."""
        block = self.block[goods]
        start, end = self.bounds[block], self.bounds[block + 1]
        coin = ((bits >> np.uint64(16)) & np.uint64(0xFFFF)).astype(np.float64)
        near_up = self.inside * (goods - start)
        near_down = self.inside * self.downstream * (end - goods)
        far_down = self.downstream * (self.size - end)
        coin *= (near_up + near_down + start + far_down) * (1.0 / _GRID)
        up_near = coin < near_up
        near = coin < near_up + near_down
        up = up_near | (~near & (coin < near_up + near_down + start))
        from_ = np.where(near, np.where(up, start, goods), np.where(up, 0, end))
        to = np.where(near, np.where(up, goods, end), np.where(up, start, self.size))
        place = (bits >> np.uint64(32)).astype(np.int64)
        kind = self.pick[place >> 16].astype(np.int64)
        share = (place - self.low[kind]) / self.width[kind]
        low = self.before[from_ >> self.shift, kind].astype(np.int64)
        count = self.before[to >> self.shift, kind] - low
        found = low + self.first[kind] + (share * count).astype(np.int64)
        good = self.members[np.minimum(found, self.size - 1)].astype(np.int64)
        # A side without a member of the class: anyone there.
        anyone = from_ + (share * (to - from_)).astype(np.int64)
        found_good: IntArray = np.where(count > 0, good, anyone)
        return found_good

    def weights(self, goods: IntArray) -> FloatArray:
        """Weights of every supplier, shape (goods, size)."""
        rows = np.arange(self.size)
        total = np.broadcast_to(self.group_weights[self.group], (goods.size, self.size)).copy()
        total *= np.where(self.block[goods][:, None] == self.block, self.inside, 1.0)
        total *= np.where(rows > goods[:, None], self.downstream, 1.0)
        return total


@dataclass(frozen=True, eq=False)
class Amounts:
    """Relative size of a coefficient: the supplier's, by community, by direction."""

    structure: Profiled
    inside: float
    downstream: float

    def __call__(self, rows: IntArray, goods: IntArray) -> FloatArray:
        """Relative sizes of the inputs `rows` of the buying `goods`, shape (draws,)."""
        law = self.structure
        size = law.supplier_size[rows]
        size *= np.where(law.block[rows] == law.block[goods], self.inside, 1.0)
        size *= np.where(rows > goods, self.downstream, 1.0)
        return size


def profiled(profile: TableProfile, goods: int, mean: float, seed: int) -> Profiled:
    """Build the law of suppliers of `profile`.

    Parameters
    ----------
    profile : TableProfile
    goods : int
    mean : float
        Inputs per product.
    seed : int
    """
    edges = [0.0]
    for share in profile.communities.shares:
        edges.append(edges[-1] + share)
    bounds = np.array([round(goods * edge / edges[-1]) for edge in edges], dtype=np.int64)
    block = np.repeat(np.arange(bounds.size - 1, dtype=np.int8), np.diff(bounds))
    inside, downstream = preferences(profile)

    counts, shares = supplier_classes(profile, goods)
    weights = supplier_weights(shares, mean / goods)
    classes = counts.size
    order = scattered_ranks(goods, seed)
    group = np.empty(goods, dtype=np.int8)
    group[order] = np.repeat(np.arange(classes, dtype=np.int8), counts)
    members = np.argsort(group, kind="stable").astype(order.dtype)
    shift = max(0, (goods - 1).bit_length() - _MOST_BUCKETS.bit_length() + 1)
    buckets = (goods >> shift) + 1
    cell = (np.arange(goods) >> shift) * classes + group
    found = np.bincount(cell, minlength=buckets * classes).reshape(buckets, classes)
    before = np.zeros((buckets + 1, classes), dtype=order.dtype)
    np.cumsum(found, axis=0, out=before[1:])

    links = counts * weights
    upper = np.cumsum(links)
    upper /= upper[-1]
    steps = np.concatenate([[0], np.rint(upper * _GRID)]).astype(np.int64)
    pick = np.repeat(np.arange(classes, dtype=np.int8), np.diff(steps))
    slope, sigma = profile.suppliers.size_slope, profile.suppliers.size_sigma
    by_class = round24(np.array([share**slope for share in shares.tolist()]))
    size = by_class[group]
    size *= lognormal(raw(stream(seed, Purpose.SUPPLIERS), goods), sigma, _SIZE_CLIP)
    return Profiled(
        size=goods,
        bounds=bounds,
        block=block,
        inside=inside,
        downstream=downstream,
        group=group,
        group_weights=weights,
        members=members,
        first=np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64),
        before=before,
        shift=shift,
        pick=pick,
        low=(steps[:-1] * _GRID).astype(np.float64),
        width=(np.maximum(np.diff(steps), 1) * _GRID).astype(np.float64),
        supplier_size=size,
    )


def preferences(profile: TableProfile) -> tuple[float, float]:
    """Factors T ≥ 1 and t ≤ 1 on a supplier's weight, half of the two preferences each.

    The whole preference is the odds of a flow inside a community (upstream) over what the
    sizes of the communities (of the two sides) alone would give; half of it is its root.
    """
    chance = sum(share * share for share in profile.communities.shares)
    inside = profile.communities.inside
    odds = inside / (1.0 - inside) * (1.0 - chance) / chance if chance < 1 else 1.0
    back = max(1.0 - profile.order.upstream, 0.005)
    half_in = min(max(math.sqrt(odds), 1.0), 64.0)
    half_down = min(math.sqrt(back / (1.0 - back)), 1.0)
    return round(half_in * 1024) / 1024, max(round(half_down * 1024), 1) / 1024


def supplier_classes(profile: TableProfile, goods: int) -> tuple[IntArray, FloatArray]:
    """Sizes and links of the classes of suppliers, from the weakest to the strongest.

    A class is a band of ranks between the shares 2^(−(k+1)/2) and 2^(−k/2) from the top; the
    strongest is what is left when a band would hold fewer than two goods.

    Returns
    -------
    counts : ndarray of int64, shape (classes,)
    links : ndarray, shape (classes,)
        Links of a good of the class, mean 1 over all goods.
    """
    law = profile.suppliers
    half = math.sqrt(0.5)
    counts, links = [], []
    upper, place, band = 1.0, goods, 0
    while True:
        lower = upper * half
        following = round(lower * goods)
        last = place - following < 2 or following < 2 or band >= 100
        if last:
            lower, following = 0.0, 0
        if place > following:
            counts.append(place - following)
            links.append(_band_mean(law.links, law.steepness, band, lower))
        if last:
            break
        upper, place, band = lower, following, band + 1
    held, mean = np.array(counts, dtype=np.int64), np.array(links)
    # An exact sum: numpy's order of addition may change.
    return held, mean * (goods / math.fsum((held * mean).tolist()))


def supplier_weights(links: FloatArray, density: float) -> FloatArray:
    """Weights −ln(1 − q) that make a share q = density × links of all goods buy from a good.

    Returns
    -------
    ndarray, shape (classes,)
        With 24 significant bits.
    """
    shares = [min(density * link, _MOST_BUYERS) for link in links.tolist()]
    return round24(np.array([-math.log1p(-share) / density for share in shares]))


def _band_mean(links: tuple[float, ...], steepness: float, band: int, lower: float) -> float:
    """Mean links of ranks in a band, or of all from it to the top where `lower` is 0."""
    known = len(links)

    def one(k: int) -> float:
        # Beyond the table the law u^(−e) multiplies a band's mean by 2^(e/2) each time.
        steps = 0.5 * max(0, k - known + 1)
        return float(links[min(k, known - 1)]) * math.pow(2.0, steepness * steps)

    if lower > 0:
        return one(band)
    # Bands narrow by √½ each, so their sum to the top is geometric beyond the known ones.
    share, total, mass, k = 1.0, 0.0, 0.0, band
    while k < known:
        total += share * one(k)
        mass += share
        share *= math.sqrt(0.5)
        k += 1
    total += share * one(k) / (1.0 - math.pow(2.0, 0.5 * (steepness - 1.0)))
    mass += share / (1.0 - math.sqrt(0.5))
    return total / mass
