"""How much is bought from whom in an economy made from a profile.

A coefficient is log-normal times its supplier's own size, times a factor for suppliers in the
same community and one for suppliers downstream of the buyer. The two factors are set so that
the shares of flows inside communities and upstream are the profile's: they are found on a
pilot, columns drawn ahead of all others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from planbench.generators.columns import Columns, draw_columns
from planbench.generators.draws import (
    Purpose,
    lognormal,
    lognormal_weights,
    raw,
    stream,
    uniform,
)
from planbench.generators.profile import Profile
from planbench.generators.profile_structure import Amounts, Profiled
from planbench.generators.statistics.coefficients import LOG_THRESHOLD
from planbench.model.arrays import FloatArray, Matrix

#: Up to this many goods every column is chosen among all suppliers by their exact weights.
DENSE_GOODS = 2048
_PILOT_ENTRIES = 1 << 16
_LARGEST_FACTOR = 1024.0
_BISECTIONS = 16
#: The pilot is drawn with this deviation of ln weights, whatever is found.
_PILOT_SIGMA = 1.0
_LEAST_SIGMA = 0.1
_ROUNDS = 5
_DEGREE_CLIP = 3.0
_DEGREE_ROUNDS = 5
#: Column sums are normal, truncated at this many deviations.
SUM_CLIP = 2.0
LEFT_OF_DEVIATION = 0.88


def draw_profiled(columns: Columns, profile: Profile, seed: int) -> Matrix:
    """Draw input coefficients after a profile.

    Parameters
    ----------
    columns : Columns
        With a :class:`Profiled` structure; weights and sizes are set here.
    profile : Profile
    seed : int
    """
    structure = columns.structure
    assert isinstance(structure, Profiled)
    columns = replace(columns, dense_below=DENSE_GOODS)
    sigma, inside, downstream = _factors(columns, structure, profile, seed)
    columns = replace(
        columns,
        weights=lognormal_weights(sigma),
        sizes=Amounts(structure, inside, downstream),
    )
    return draw_columns(columns, seed, Purpose.INPUTS)


def draw_profiled_degrees(
    profile: Profile, mean: float, goods: int, activities: int, seed: int
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


def sum_deviation(profile: Profile) -> float:
    """Deviation to draw column sums with, which keeps them within (0, 1).

    Cutting at two deviations leaves 88 % of the deviation.
    """
    mean = profile.coefficients.column_sum
    wanted = profile.coefficients.column_sum_deviation / LEFT_OF_DEVIATION
    return min(wanted, mean / 2.1, (1.0 - mean) / 2.1)


def _factors(
    columns: Columns, structure: Profiled, profile: Profile, seed: int
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
    for _ in range(_ROUNDS):
        # A power of log-normal weights is log-normal; what is common to a column drops out.
        base = drawn.data ** (sigma / _PILOT_SIGMA) * supplier
        if not single:
            other = base * np.where(down, downstream, 1.0)
            inside = _solve(profile.communities.inside, near, other, share)
        other = base * np.where(near, inside, 1.0)
        downstream = _solve(1.0 - profile.order.upstream, down, other, share)
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


def _solve(
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
