"""Random draws that are the same on every numpy version.

Numpy promises the raw integers of PCG64 and the mixing of SeedSequence, but no distribution.
So everything is made of raw integers through tables computed here in pure Python and rounded
to 24 bits; what follows are elementwise operations, which IEEE 754 rounds alike everywhere.
"""

from __future__ import annotations

import math
from enum import IntEnum
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray

Bits = npt.NDArray[np.uint64]
IntArray = npt.NDArray[np.int64]

#: Low bits of a raw draw that pick a coefficient.
WEIGHT_BITS = 14
_NORMAL_BITS = 12
_EXPONENTIAL_BITS = 12


class Purpose(IntEnum):
    """What a stream of random numbers is for; each purpose and part has its own stream."""

    DEGREES = 1
    INPUTS = 2
    COLUMN_SUMS = 3
    BYPRODUCTS = 4
    RESOURCES = 5
    EFFICIENCY = 6
    CAPACITIES = 7
    DEMAND = 8
    UNITS = 9
    TIGHTNESS = 10
    HUBS = 11
    TARGETS = 12
    PLANTED = 13
    SPLIT = 16
    CAPITAL = 21
    STORAGE = 22
    REGIONS = 23
    TRANSPORT = 24
    SCARCITY = 25
    TRADE_OFFS = 26


def stream(seed: int, purpose: Purpose, part: int = 0) -> np.random.PCG64:
    """Independent stream of raw integers for one purpose and part of a recipe."""
    return np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(int(purpose), part)))


def raw(source: np.random.PCG64, count: int) -> Bits:
    """Draw `count` raw 64-bit integers."""
    return np.asarray(source.random_raw(count), dtype=np.uint64)


def below(bits: Bits, limit: Any) -> IntArray:
    """Integers in [0, limit) from the high 32 bits; limit < 2³¹, a number or an array."""
    high = (bits >> np.uint64(32)).astype(np.int64)
    high *= limit
    high >>= 32
    return high


def uniform(bits: Bits) -> FloatArray:
    """Numbers in [0, 1) with 24 bits."""
    return (bits >> np.uint64(40)).astype(np.float64) * 2.0**-24


def round24(values: FloatArray) -> FloatArray:
    """Round to 24 significant bits (through float32)."""
    return values.astype(np.float32).astype(np.float64)


def round_bits(values: FloatArray, bits: int) -> FloatArray:
    """Round to `bits` significant bits.

    Applied to sums, whose last digits may depend on the version that adds them up.
    """
    mantissa, exponent = np.frexp(values)
    rounded: FloatArray = np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits)
    return rounded


def normal(bits: Bits, clip: float) -> FloatArray:
    """Look up standard normal numbers truncated at ±clip, with 24 bits."""
    return _look_up(_normal_table(clip), bits)


def lognormal(bits: Bits, sigma: float, clip: float) -> FloatArray:
    """exp(σ z) of truncated standard normal z, with 24 bits."""
    return _look_up(_lognormal_table(sigma, clip), bits)


def exponential(bits: Bits) -> FloatArray:
    """Exponential numbers of mean about 1, from 12 + 20 bits by interpolation."""
    table = _exponential_table()
    cell = (bits >> np.uint64(64 - _EXPONENTIAL_BITS)).astype(np.int64)
    share = ((bits >> np.uint64(32)) & np.uint64(0xFFFFF)).astype(np.float64) * 2.0**-20
    low = table[cell]
    return low + share * (table[cell + 1] - low)


def powers_of_ten(bits: Bits, spread: float) -> FloatArray:
    """Numbers 10^e with e uniform on ±spread/2, with 24 bits; 1 where spread is 0."""
    return _look_up(_ten_table(spread), bits)


def _look_up(table: FloatArray, bits: Bits) -> FloatArray:
    """Entries of a table of 2ᵏ numbers by the high k bits."""
    place = bits >> np.uint64(65 - table.size.bit_length())
    found: FloatArray = table[place.astype(np.int64)]
    return found


def choose(bits: Bits, count: int) -> npt.NDArray[np.bool_]:
    """Choose `count` positions, those of the smallest draws."""
    if count <= 0:
        return np.zeros(bits.size, dtype=np.bool_)
    if count >= bits.size:
        return np.ones(bits.size, dtype=np.bool_)
    chosen: npt.NDArray[np.bool_] = bits <= np.partition(bits, count - 1)[count - 1]
    return chosen


@lru_cache(maxsize=16)
def _normal_table(clip: float) -> FloatArray:
    law, size = NormalDist(), 1 << _NORMAL_BITS
    low = law.cdf(-clip)
    half = [law.inv_cdf(low + (k + 0.5) / size * (1 - 2 * low)) for k in range(size // 2)]
    table = round24(np.array(half))
    # Exactly symmetric, so that means are met exactly.
    return np.concatenate([table, -table[::-1]])


@lru_cache(maxsize=16)
def _lognormal_table(sigma: float, clip: float) -> FloatArray:
    return round24(np.array([math.exp(sigma * z) for z in _normal_table(clip).tolist()]))


@lru_cache(maxsize=16)
def lognormal_weights(sigma: float) -> IntArray:
    """Integer weights whose logarithms are normal with deviation `sigma`.

    Integers, because their sums do not depend on the order of addition.

    Returns
    -------
    ndarray of int64, shape (2**WEIGHT_BITS,)
        Quantiles in rising order, in [1, 2⁴⁰], each with at most 24 significant bits.
    """
    law, size = NormalDist(), 1 << WEIGHT_BITS
    logs = [sigma * law.inv_cdf((k + 0.5) / size) for k in range(size)]
    top = logs[-1]
    values = round24(np.array([math.exp(v - top) * 2.0**40 for v in logs]))
    return np.maximum(np.rint(values), 1.0).astype(np.int64)


@lru_cache(maxsize=1)
def _exponential_table() -> FloatArray:
    size = 1 << _EXPONENTIAL_BITS
    values = [-math.log1p(-k / size) for k in range(size)] + [math.log(4.0 * size)]
    return round24(np.array(values))


@lru_cache(maxsize=16)
def _ten_table(spread: float) -> FloatArray:
    size = 1 << 10
    return round24(np.array([10.0 ** (spread * ((k + 0.5) / size - 0.5)) for k in range(size)]))
