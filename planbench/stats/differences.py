"""Do two exponents differ? The interval of a difference from the intervals of its parts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from planbench.stats.scaling import PowerLawFit

#: Two exponents whose difference is known to lie within this are the same for any practical
#: purpose: over a decade of sizes it is worth a factor of 1.6.
SAME = 0.2

Likeness = Literal["same", "differs", "cannot be told apart", "no exponent"]


@dataclass(frozen=True)
class ExponentDifference:
    """One exponent less another.

    Attributes
    ----------
    value, low, high : float or None
        None without two exponents; the ends also without two intervals.
    likeness : str
        ``differs``: the interval excludes 0. ``same``: it lies within ± :data:`SAME`.
        Otherwise ``cannot be told apart``, or ``no exponent``.
    """

    value: float | None
    low: float | None
    high: float | None
    likeness: Likeness


def compare_exponents(first: PowerLawFit, second: PowerLawFit) -> ExponentDifference:
    """Exponent of `first` less that of `second`, with its interval.

    The ends are recovered from the two intervals (MOVER: Zou & Donner, *Statistics in Medicine*
    27, 2008, eq. 5–6), which need not be symmetric:

        low  = d − √((b₁ − l₁)² + (u₂ − b₂)²),  high = d + √((u₁ − b₁)² + (b₂ − l₂)²)

    The two must come from different runs, so that they are independent. An interval that
    excludes 0 counts as a difference however small it is.
    """
    b1, b2 = first.exponent, second.exponent
    if b1 is None or b2 is None:
        return ExponentDifference(None, None, None, "no exponent")
    value = b1 - b2
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return ExponentDifference(value, None, None, "cannot be told apart")
    low = value - math.hypot(b1 - first.low, second.high - b2)
    high = value + math.hypot(first.high - b1, b2 - second.low)
    likeness: Likeness = "cannot be told apart"
    if low > 0 or high < 0:
        likeness = "differs"
    elif low >= -SAME and high <= SAME:
        likeness = "same"
    return ExponentDifference(value, low, high, likeness)
