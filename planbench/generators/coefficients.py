"""How much is bought: sparse columns of distinct suppliers, coefficients with given sums.

:func:`draw_columns` takes who can be chosen from a structure and fixes the amounts.

The finished arrays are allocated once and filled chunk by chunk, so the peak of memory stays
close to the arrays themselves. Columns come out sorted and without duplicates.

In an economy made from a profile (:func:`draw_profiled`) a coefficient is log-normal times its
supplier's own size, times a factor for suppliers in the same community and one for suppliers
downstream of the buyer. The two factors are set so that the shares of flows inside communities and
upstream are the profile's: they are found on a pilot, columns drawn ahead of all others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.generators.draws import (
    WEIGHT_BITS,
    IntArray,
    Purpose,
    exponential,
    lognormal,
    lognormal_weights,
    normal,
    raw,
    stream,
    uniform,
)
from planbench.generators.profile import TableProfile
from planbench.generators.structure import Amounts, Profiled, Structure, profiled
from planbench.model.arrays import FloatArray, Matrix, index_type

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
    sizes : callable or None
        Factors on the relative sizes of entries, from their rows and their columns' goods.
    goods : ndarray of int64, shape (columns,) or None
        Good of each column where it is not j // techniques.
    dense_below : int
        Up to this many rows, columns are chosen among all rows at once.
    """

    structure: Structure
    degrees: npt.NDArray[np.int32]
    sums: FloatArray
    weights: IntArray
    techniques: int
    own: bool = False
    row_units: FloatArray | None = None
    good_units: FloatArray | None = None
    sizes: Callable[[IntArray, IntArray], FloatArray] | None = None
    goods: IntArray | None = None
    dense_below: int = 0


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
        if columns.goods is None:
            goods = np.arange(start, end, dtype=np.int64) // columns.techniques
        else:
            goods = columns.goods[start:end]
        source = stream(seed, purpose, part)
        if _is_dense(columns):
            keys = _choose_among_all(columns, degrees, goods, source)
        else:
            keys = _draw_distinct(columns, degrees, goods, source)
        place = slice(int(indptr[start]), int(indptr[end]))
        rows = (keys >> WEIGHT_BITS) & _row_mask(columns)
        indices[place] = rows
        weight: npt.NDArray[Any] = columns.weights[keys & ((1 << WEIGHT_BITS) - 1)]
        if columns.sizes is None:
            sums = np.zeros(weight.size + 1, dtype=np.int64)
            np.cumsum(weight, out=sums[1:])
            ends = np.cumsum(degrees, dtype=np.int64)
            totals = sums[ends] - sums[ends - degrees]
            scale = columns.sums[start:end] / np.maximum(totals, 1)
        else:
            weight = weight * columns.sizes(rows, np.repeat(goods, degrees))
            local = np.repeat(np.arange(degrees.size), degrees)
            # bincount adds one by one, in storage order.
            totals = np.bincount(local, weights=weight, minlength=degrees.size)
            scale = columns.sums[start:end] / np.where(degrees > 0, totals, 1.0)
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
    if columns.structure.size <= columns.dense_below:
        return True
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


#: Coefficients below this share of output are left out of log-normal fits: published tables have
#: none so small, and balancing a table leaves dust at 1e-10 and below.
LOG_THRESHOLD = 1e-7
#: Up to this many goods every column is chosen among all suppliers by their exact weights.
DENSE_GOODS = 2048
_PILOT_ENTRIES = 1 << 16
_LARGEST_FACTOR = 1024.0
_BISECTIONS = 16
#: The pilot is drawn with this deviation of ln weights, whatever is found.
_PILOT_SIGMA = 1.0
_LEAST_SIGMA = 0.1
_FACTOR_ROUNDS = 5
_DEGREE_CLIP = 3.0
_DEGREE_ROUNDS = 5
#: Column sums are normal, truncated at this many deviations.
SUM_CLIP = 2.0
LEFT_OF_DEVIATION = 0.88


@dataclass(frozen=True, eq=False)
class ProfiledInputs:
    """Input coefficients drawn after a profile.

    Attributes
    ----------
    structure : Profiled
        The law of suppliers they were drawn from.
    matrix : csc_array, shape (goods, activities)
    sums : ndarray, shape (activities,)
        Sum of each column, in value.
    """

    structure: Profiled
    matrix: Matrix
    sums: FloatArray


def draw_profiled(
    profile: TableProfile,
    goods: int,
    mean: float,
    seed: int,
    techniques: int = 1,
    units: FloatArray | None = None,
) -> ProfiledInputs:
    """Draw input coefficients after a profile.

    Parameters
    ----------
    profile : TableProfile
    goods : int
    mean : float
        Inputs per product.
    seed : int
    techniques : int
        Activities per good.
    units : ndarray, shape (goods,), optional
        Physical units of each good per unit of value; 1 if missing.
    """
    activities = goods * techniques
    sums = normal(raw(stream(seed, Purpose.COLUMN_SUMS), activities), SUM_CLIP)
    sums *= sum_deviation(profile)
    sums += profile.coefficients.column_sum
    structure = profiled(profile, goods, mean, seed)
    columns = Columns(
        structure=structure,
        degrees=_profiled_degrees(profile, mean, goods, activities, seed),
        sums=sums,
        weights=lognormal_weights(0.0),
        techniques=techniques,
        row_units=units,
        good_units=units,
        dense_below=DENSE_GOODS,
    )
    sigma, inside, downstream = _factors(columns, structure, profile, seed)
    columns = replace(
        columns,
        weights=lognormal_weights(sigma),
        sizes=Amounts(structure, inside, downstream),
    )
    return ProfiledInputs(structure, draw_columns(columns, seed, Purpose.INPUTS), sums)


def _profiled_degrees(
    profile: TableProfile, mean: float, goods: int, activities: int, seed: int
) -> npt.NDArray[np.int32]:
    """Draw numbers of inputs: log-normal with the profile's variation, rounded by chance.

    They are scaled until their mean is right, for none exceeds the number of other goods.
    """
    source = stream(seed, Purpose.DEGREES)
    sigma = round(math.sqrt(math.log1p(profile.inputs.drawn_cv**2)) * 1024) / 1024
    wanted = lognormal(raw(source, activities), sigma, _DEGREE_CLIP)
    chance = uniform(raw(source, activities))
    scale = mean * math.exp(-(sigma**2) / 2)
    for _ in range(_DEGREE_ROUNDS):
        # Rounded, so that no last digit of the exponential is in the arrays.
        scale = round(scale * 1024) / 1024
        degrees = np.clip(np.floor(scale * wanted + chance), 1, goods - 1).astype(np.int32)
        scale *= mean * activities / int(degrees.sum(dtype=np.int64))
    return degrees


def sum_deviation(profile: TableProfile) -> float:
    """Deviation to draw column sums with, which keeps them within (0, 1).

    Cutting at two deviations leaves 88 % of the deviation.
    """
    mean = profile.coefficients.column_sum
    wanted = profile.coefficients.column_sum_deviation / LEFT_OF_DEVIATION
    return min(wanted, mean / 2.1, (1.0 - mean) / 2.1)


def _factors(
    columns: Columns, structure: Profiled, profile: TableProfile, seed: int
) -> tuple[float, float, float]:
    """Find the deviation of ln weights, the factors inside communities and from downstream.

    All three have 10 bits after the point, so that no last digit of a sum is in the arrays.
    """
    m = columns.degrees.size
    width = max(1, min(m, _PILOT_ENTRIES // max(1, int(columns.degrees.max(initial=0)))))
    # Spread over all goods, whose place in the order decides what is up- and downstream.
    chosen = np.arange(width, dtype=np.int64) * m // width
    pilot = replace(
        columns,
        degrees=columns.degrees[chosen],
        sums=np.ones(width),
        weights=lognormal_weights(_PILOT_SIGMA),
        sizes=None,
        goods=chosen // columns.techniques,
        row_units=None,
        good_units=None,
    )
    drawn = draw_columns(pilot, seed, Purpose.PILOT)
    rows = drawn.indices.astype(np.int64)
    column = np.repeat(np.arange(width), np.diff(drawn.indptr))
    good = (chosen // columns.techniques)[column]
    supplier = structure.supplier_size[rows]
    near, down = structure.block[rows] == structure.block[good], rows > good
    weights = columns.sums[chosen]

    def share(part: npt.NDArray[np.bool_], amount: FloatArray) -> float:
        total = np.bincount(column, weights=amount, minlength=width)
        own = np.bincount(column[part], weights=amount[part], minlength=width)
        filled = total > 0
        # A running sum, for its order of addition is fixed.
        value = np.cumsum(own[filled] / total[filled] * weights[filled])[-1]
        return float(value / np.cumsum(weights[filled])[-1])

    sigma, inside, downstream = profile.coefficients.own_sigma, 1.0, 1.0
    single = len(profile.communities.shares) == 1
    for _ in range(_FACTOR_ROUNDS):
        # A power of log-normal weights is log-normal; what is common to a column drops out.
        base = drawn.data ** (sigma / _PILOT_SIGMA) * supplier
        if not single:
            other = base * np.where(down, downstream, 1.0)
            inside = _factor(profile.communities.inside, near, other, share)
        other = base * np.where(near, inside, 1.0)
        downstream = _factor(1.0 - profile.order.upstream, down, other, share)
        amount = other * np.where(down, downstream, 1.0)
        scale = weights / np.bincount(column, weights=amount, minlength=width)
        found = _log_variance(amount * scale[column])
        sigma = math.sqrt(max(sigma**2 + profile.coefficients.sigma**2 - found, _LEAST_SIGMA**2))
    return (
        max(1, round(sigma * 1024)) / 1024,
        round(inside * 1024) / 1024,
        max(1, round(downstream * 1024)) / 1024,
    )


def _log_variance(coefficients: FloatArray) -> float:
    """Variance of the logarithm of what is above the threshold of the statistics."""
    logs = np.log(coefficients[coefficients > LOG_THRESHOLD])
    return float(logs.var())


def _factor(
    wanted: float,
    part: npt.NDArray[np.bool_],
    amount: FloatArray,
    share: Callable[[npt.NDArray[np.bool_], FloatArray], float],
) -> float:
    """Factor on `part` of the amounts that gives it the share `wanted`, by bisection."""
    low, high = 1.0 / _LARGEST_FACTOR, _LARGEST_FACTOR
    for _ in range(_BISECTIONS):
        # Halving the ratio of the bounds needs no more than a square root.
        middle = math.sqrt(low * high)
        if share(part, amount * np.where(part, middle, 1.0)) < wanted:
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)
