"""Who buys from whom, and how much: sparse columns of distinct suppliers with given sums.

The structure of links, not the number of non-zeros alone, decides how much a factorisation fills in
and how fast information spreads, so it is a knob of its own. Each structure says the same thing
twice: how to draw one supplier from raw bits (sparse columns, any size), and the relative weight of
every possible supplier (columns so dense that drawing would collide). :func:`draw_columns` takes
who can be chosen from a structure and fixes the amounts.

The finished arrays are allocated once and filled chunk by chunk, so the peak of memory stays close
to the arrays themselves. Columns come out sorted and without duplicates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.generators.draws import (
    WEIGHT_BITS,
    Bits,
    IntArray,
    Purpose,
    below,
    exponential,
    raw,
    round24,
    stream,
)
from planbench.model.arrays import FloatArray, Matrix, index_type


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


_CHUNK_ENTRIES = 1 << 17
_CHUNK_COLUMNS = 1 << 16
_DENSE_CELLS = 1 << 18
_ROUNDS = 64
#: Columns using more than this share of the rows are chosen among all rows at once.
_DENSE_SHARE = 1 / 8


@dataclass(frozen=True, eq=False)
class Columns:
    """What is to be drawn; the seed, the purpose and these facts fix every bit.

    Attributes
    ----------
    structure : Structure
        Who can be in the rows.
    degrees : ndarray of int32, shape (columns,)
        Entries per column, at most the rows available to it.
    sums : ndarray, shape (columns,)
        Sum of each column's entries, in value.
    weights : ndarray of int64, shape (2**WEIGHT_BITS,)
        Relative sizes of entries, drawn with equal chance.
    techniques : int
        Column j belongs to good j // techniques.
    own : bool
        Whether a good's own row may be in its column.
    row_units : ndarray, shape (rows,) or None
        Physical units per unit of value of each row; None for 1.
    good_units : ndarray, shape (goods,) or None
        The same of the column's good, by which the column is divided.
    """

    structure: Structure
    degrees: npt.NDArray[np.int32]
    sums: FloatArray
    weights: IntArray
    techniques: int
    own: bool = False
    row_units: FloatArray | None = None
    good_units: FloatArray | None = None


def draw_columns(columns: Columns, seed: int, purpose: Purpose) -> Matrix:
    """Draw the matrix.

    Returns
    -------
    csc_array, shape (structure.size, columns)
        Canonical; each column holds exactly its degree of entries, all positive.
    """
    size, count = columns.structure.size, columns.degrees.size
    total = int(columns.degrees.sum(dtype=np.int64))
    index = index_type(total, size, count)
    indptr = np.zeros(count + 1, dtype=index)
    np.cumsum(columns.degrees, out=indptr[1:])
    indices = np.empty(total, dtype=index)
    data = np.empty(total)
    for part, start, end in _chunks(columns):
        degrees = columns.degrees[start:end]
        goods = np.arange(start, end, dtype=np.int64) // columns.techniques
        source = stream(seed, purpose, part)
        if _is_dense(columns):
            keys = _choose_among_all(columns, degrees, goods, source)
        else:
            keys = _draw_distinct(columns, degrees, goods, source)
        place = slice(int(indptr[start]), int(indptr[end]))
        rows = (keys >> WEIGHT_BITS) & _row_mask(columns)
        indices[place] = rows
        weight: npt.NDArray[Any] = columns.weights[keys & ((1 << WEIGHT_BITS) - 1)]
        sums = np.zeros(weight.size + 1, dtype=np.int64)
        np.cumsum(weight, out=sums[1:])
        ends = np.cumsum(degrees, dtype=np.int64)
        totals = sums[ends] - sums[ends - degrees]
        scale = columns.sums[start:end] / np.maximum(totals, 1)
        if columns.good_units is not None:
            scale /= columns.good_units[goods]
        values = weight * np.repeat(scale, degrees)
        if columns.row_units is not None:
            values *= columns.row_units[rows]
        data[place] = values.astype(np.float32)
    matrix = sp.csc_array((data, indices, indptr), shape=(size, count))
    matrix.has_canonical_format = True
    return matrix


def _is_dense(columns: Columns) -> bool:
    largest = int(columns.degrees.max(initial=0))
    return largest > columns.structure.size * _DENSE_SHARE


def _chunks(columns: Columns) -> Iterator[tuple[int, int, int]]:
    count = columns.degrees.size
    if _is_dense(columns):
        width = max(1, _DENSE_CELLS // columns.structure.size)
    else:
        width = max(1, _CHUNK_ENTRIES // max(1, int(columns.degrees.max(initial=0))))
    width = min(width, _CHUNK_COLUMNS)
    for part, start in enumerate(range(0, count, width)):
        yield part, start, min(start + width, count)


# A key is column | row | weight from high bits to low, so that one sort orders columns,
# their rows, and carries the coefficient along: at most 17 + 31 + 14 bits.


def _row_bits(columns: Columns) -> int:
    return max(1, (columns.structure.size - 1).bit_length())


def _row_mask(columns: Columns) -> int:
    return (1 << _row_bits(columns)) - 1


def _pack(
    columns: Columns, local: IntArray, rows: IntArray, bits: npt.NDArray[np.uint64]
) -> IntArray:
    keys = local << _row_bits(columns)
    keys |= rows
    keys <<= WEIGHT_BITS
    keys |= (bits & np.uint64((1 << WEIGHT_BITS) - 1)).astype(np.int64)
    return keys


def _draw_distinct(
    columns: Columns, degrees: npt.NDArray[np.int32], goods: IntArray, source: np.random.PCG64
) -> IntArray:
    """Draw, sort, and draw again whatever came twice.

    This is successive sampling without replacement, the law that
    :func:`_choose_among_all` follows too.
    """
    local = np.repeat(np.arange(degrees.size, dtype=np.int64), degrees)
    bits = raw(source, local.size)
    keys = _pack(columns, local, columns.structure.draw(bits, goods[local]), bits)
    keys.sort()
    active: IntArray | None = None  # positions of the columns still in doubt; None for all
    for _ in range(_ROUNDS):
        part = keys if active is None else keys[active]
        bad = _repeats(columns, part, goods)
        if bad.size == 0:
            return keys
        column = part[bad] >> (WEIGHT_BITS + _row_bits(columns))
        bits = raw(source, bad.size)
        part[bad] = _pack(columns, column, columns.structure.draw(bits, goods[column]), bits)
        doubtful = np.zeros(degrees.size, dtype=np.bool_)
        doubtful[column] = True
        where = local if active is None else local[active]
        keep = np.flatnonzero(doubtful[where])
        again = part[keep]
        again.sort()
        active = keep if active is None else active[keep]
        keys[active] = again
    left = np.unique(
        keys[active][_repeats(columns, keys[active], goods)] >> (WEIGHT_BITS + _row_bits(columns))
    )
    for batch in np.array_split(left, -(-left.size * columns.structure.size // _DENSE_CELLS) or 1):
        chosen = _choose_among_all(columns, degrees[batch], goods[batch], source)
        shift = WEIGHT_BITS + _row_bits(columns)
        chosen = (batch[chosen >> shift] << shift) | (chosen & ((1 << shift) - 1))
        inside = np.zeros(degrees.size, dtype=np.bool_)
        inside[batch] = True
        keys[inside[local]] = chosen
    return keys


def _repeats(columns: Columns, keys: IntArray, goods: IntArray) -> IntArray:
    """Positions of sorted `keys` that repeat a row of their column, or are the good itself."""
    places = keys >> WEIGHT_BITS
    bad = np.zeros(keys.size, dtype=np.bool_)
    np.equal(places[1:], places[:-1], out=bad[1:])
    if not columns.own:
        row = places & _row_mask(columns)
        bad |= row == goods[places >> _row_bits(columns)]
    return np.flatnonzero(bad)


def _choose_among_all(
    columns: Columns, degrees: npt.NDArray[np.int32], goods: IntArray, source: np.random.PCG64
) -> IntArray:
    """Choose each column's rows as those of smallest E/weight with E exponential.

    Weighted sampling without replacement (Efraimidis & Spirakis 2006).
    """
    size = columns.structure.size
    weight = columns.structure.weights(goods)
    bits = raw(source, goods.size * size).reshape(goods.size, size)
    # The order in the high bits, the row in the low 32: one integer sort without ties.
    if weight is None:
        packed = (bits >> np.uint64(33)).astype(np.int64) << 32
    else:
        order = np.full(weight.shape, np.inf)
        np.divide(exponential(bits), weight, out=order, where=weight > 0)
        # A positive float32 orders like its bits.
        packed = order.astype(np.float32).view(np.int32).astype(np.int64) << 32
    packed |= np.arange(size)
    if not columns.own:
        packed[np.arange(goods.size), goods] = np.iinfo(np.int64).max
    packed.sort(axis=1)
    rows = (packed & 0xFFFFFFFF)[np.arange(size) < degrees[:, None]]
    local = np.repeat(np.arange(degrees.size, dtype=np.int64), degrees)
    keys = _pack(columns, local, rows, raw(source, rows.size))
    keys.sort()
    return keys
