"""Is one of two sides worse? Paired run times, bounds on counts, and exponents compared in pairs.

Two runs made right after each other see the same machine, so the logarithm of their ratio is
free of most of what disturbs either. A verdict needs both an interval that leaves no doubt and
an effect that matters: significance alone calls a steady 0.3 % a regression, and a least effect
alone calls one unlucky run one.

The number of interim analyses is fixed before the first, and each has its part of the error
(Bonferroni), so the confidence holds for all analyses of all comparisons together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.stats.fits import LEAST_SIZES, Numbers, positive

Verdict = Literal["worse", "better", "same", "unclear"]

#: Fewer pairs say nothing about their own scatter.
LEAST_PAIRS = 3
#: Standard deviation of log ratios is never taken to be below this: a few pairs that agree
#: better than half a per cent do so by luck.
LEAST_SPREAD = 0.005
#: Up to here the distribution of the signed-rank sum is computed exactly.
_EXACT_UP_TO = 50


@dataclass(frozen=True)
class PairedRatio:
    """How many times as much the candidate needed, pair by pair.

    Attributes
    ----------
    ratio : float
        Candidate over baseline; above 1 the candidate is slower.
    low, high : float or None
        Interval of the ratio at the confidence asked for; None with fewer than
        :data:`LEAST_PAIRS` pairs.
    n : int
        Number of pairs.
    verdict : {"worse", "better", "same", "unclear"}
        ``worse``: the whole interval lies above 1 and the ratio is at least the least effect;
        ``better``: the mirror image; ``same``: the whole interval lies within the least effect;
        otherwise ``unclear``.
    """

    ratio: float
    low: float | None
    high: float | None
    n: int
    verdict: Verdict


def paired_log_ratio(
    baseline: Sequence[float],
    candidate: Sequence[float],
    *,
    least_effect: float,
    confidence: float = 0.99,
) -> PairedRatio:
    """Compare two sides by the log ratios of their paired runs.

    From as many pairs on as an exact test at `confidence` can decide (8 at 0.99), ratio and
    interval are those of the Wilcoxon signed-rank test (Hodges and Lehmann 1963): they assume
    only that swapping the two sides changes nothing when they are equal, and an outlier counts
    as one pair. With fewer pairs they are Student's, which takes log ratios as normal; one
    outlier then makes the answer unclear.

    Parameters
    ----------
    baseline, candidate : sequence of float
        Run times (or matrix passes) > 0 of equal length; element i of both was measured
        together.
    least_effect : float
        Smallest relative change that matters, > 0, e.g. 0.05. Slower means at least
        ``1 + least_effect``, faster at most its inverse.
    confidence : float
        Of the two-sided interval, in (0, 1).

    Returns
    -------
    PairedRatio

    Raises
    ------
    InputError
        On no pairs, unequal lengths, numbers that are not positive and finite, or parameters
        out of range.
    """
    _check(least_effect, confidence)
    first, second = positive(baseline=baseline, candidate=candidate)
    if not first.size:
        raise InputError("no runs; give pairs, at least one", where="pairs")
    logs = np.log(second) - np.log(first)
    middle, interval = _estimate(logs, confidence)
    ratio = float(np.exp(middle))
    if interval is None:
        return PairedRatio(ratio, None, None, len(logs), "unclear")
    low, high = interval
    verdict = _judge(middle, low, high, float(np.log1p(least_effect)))
    return PairedRatio(ratio, float(np.exp(low)), float(np.exp(high)), len(logs), verdict)


def _check(least_effect: float, confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(f"is {confidence}; give a number between 0 and 1", where="confidence")
    if not 0 < least_effect < np.inf:
        raise InputError(f"is {least_effect}; give a number above 0", where="least effect")


def least_pairs_for_exact(confidence: float) -> int:
    """Fewest pairs with which the signed-rank test can decide at `confidence`."""
    return int(np.ceil(1.0 - np.log2(1.0 - confidence)))


def _judge(middle: float, low: float, high: float, effect: float) -> Verdict:
    if -effect < low and high < effect:
        return "same"
    if low > 0 and middle >= effect:
        return "worse"
    if high < 0 and middle <= -effect:
        return "better"
    return "unclear"


def _estimate(logs: FloatArray, confidence: float) -> tuple[float, tuple[float, float] | None]:
    """Middle of the log ratios and its interval, None where there are too few."""
    n = len(logs)
    if n < LEAST_PAIRS:
        return float(logs.mean()), None
    from scipy.special import stdtrit

    if n < least_pairs_for_exact(confidence):
        reach = float(stdtrit(n - 1, (1 + confidence) / 2))
        half = reach * max(float(logs.std(ddof=1)), LEAST_SPREAD) / float(np.sqrt(n))
        middle = float(logs.mean())
        return middle, (middle - half, middle + half)
    averages = _walsh_averages(logs)
    middle = float(np.median(averages))
    cut = _signed_rank_cut(n, (1 - confidence) / 2)
    low, high = float(averages[cut - 1]), float(averages[-cut])
    # Equal times on a coarse clock would leave an interval without any width.
    least = LEAST_SPREAD / float(np.sqrt(n))
    return middle, (min(low, middle - least), max(high, middle + least))


def _walsh_averages(values: FloatArray) -> FloatArray:
    """Means of all pairs i ≤ j, sorted; shape (n(n+1)/2,)."""
    i, j = np.triu_indices(len(values))
    averages: FloatArray = np.sort((values[i] + values[j]) / 2)
    return averages


def _signed_rank_cut(n: int, tail: float) -> int:
    """Rank, from each end, of the Walsh average that bounds: largest k with P(W < k) ≤ `tail`.

    W is the sum of the ranks with a positive sign, of which each of 2^n sign patterns is
    equally likely when the two sides are equal.
    """
    if n <= _EXACT_UP_TO:
        ways = np.ones(1)
        for rank in range(1, n + 1):
            grown = np.zeros(len(ways) + rank)
            grown[: len(ways)] = ways
            grown[rank:] += ways
            ways = grown
        below = np.cumsum(ways) * 0.5**n  # P(W <= k)
        return int(np.searchsorted(below, tail, side="right"))
    from scipy.special import ndtri

    mean, variance = n * (n + 1) / 4, n * (n + 1) * (2 * n + 1) / 24
    return max(1, int(np.floor(mean + float(ndtri(tail)) * float(np.sqrt(variance)))))


#: Numbers of pairs after which a verdict may be given; even, as runs come in blocks ABBA.
LOOKS = (4, 6, 8, 12, 16, 24, 32)
#: One more look is granted to a comparison that ends early, with its budget.
_LAST_WORD = 1


@dataclass(frozen=True)
class Schedule:
    """How sure all verdicts together are to be, and when each may be given.

    Attributes
    ----------
    least_effect : float
        Smallest relative change that matters, > 0.
    confidence : float
        That no verdict is wrong, over all looks of all comparisons, in (0, 1).
    comparisons : int
        Number of comparisons that share the error, ≥ 1.
    looks : tuple of int
        Numbers of pairs, increasing.
    """

    least_effect: float = 0.05
    confidence: float = 0.99
    comparisons: int = 1
    looks: tuple[int, ...] = LOOKS

    def __post_init__(self) -> None:
        _check(self.least_effect, self.confidence)
        if self.comparisons < 1 or not self.looks:
            raise InputError("needs at least one comparison and one look", where="schedule")

    @property
    def confidence_per_look(self) -> float:
        """Confidence of the interval at one look at one comparison."""
        return shared_confidence(self.confidence, (len(self.looks) + _LAST_WORD) * self.comparisons)

    @property
    def most_pairs(self) -> int:
        """Pairs after which there is no further look."""
        return self.looks[-1]

    def look(self, baseline: Sequence[float], candidate: Sequence[float]) -> PairedRatio:
        """Judge the pairs so far; the caller keeps to the looks, but for one last word."""
        return paired_log_ratio(
            baseline,
            candidate,
            least_effect=self.least_effect,
            confidence=self.confidence_per_look,
        )


@dataclass(frozen=True)
class Bound:
    """How far an amount may move before it counts as changed.

    Worse is above ``factor · baseline + extra``; better is when the baseline is above
    ``factor · candidate + extra``.

    Attributes
    ----------
    factor : float
        At least 1.
    extra : float
        In the unit of the amount, at least 0.
    """

    factor: float = 1.0
    extra: float = 0.0

    def judge(self, baseline: float, candidate: float) -> Verdict:
        """Compare an amount of which less is better."""
        if candidate > self.factor * baseline + self.extra:
            return "worse"
        if baseline > self.factor * candidate + self.extra:
            return "better"
        return "same"

    @property
    def is_exact(self) -> bool:
        """Any change counts."""
        return self.factor == 1.0 and self.extra == 0.0


@dataclass(frozen=True)
class SlopeChange:
    """How an exponent changed between two runs of one ladder.

    Attributes
    ----------
    baseline, candidate : float
        Exponents by least squares over the sizes both runs have.
    change, low, high : float
        Candidate minus baseline with Student's interval.
    n : int
        Pairs.
    verdict : Verdict
    """

    baseline: float
    candidate: float
    change: float
    low: float
    high: float
    n: int
    verdict: Verdict


def compare_slopes(
    sizes: Numbers,
    baseline: Numbers,
    candidate: Numbers,
    *,
    least_effect: float = 0.1,
    confidence: float = 0.99,
) -> SlopeChange | None:
    """Compare the exponents of two runs that climbed the same instances.

    The change of the exponent is the slope of log(candidate/baseline) over log(size): what is
    particular to an instance is in both runs and cancels, so that a small change shows where
    the exponents' own intervals overlap widely. The interval is that of a least-squares slope
    (Student's t with n − 2 degrees of freedom).

    Parameters
    ----------
    sizes, baseline, candidate : array_like, shape (n,)
        Positive; one entry per instance measured in both runs.
    least_effect : float
        Changes of the exponent up to this are none, > 0.
    confidence : float
        Of the interval, in (0, 1).

    Returns
    -------
    SlopeChange or None
        None with fewer than :data:`LEAST_SIZES` distinct sizes. The verdict is ``worse`` when
        the change exceeds `least_effect` and its interval lies above 0, ``same`` when the
        interval lies within ± `least_effect`, ``unclear`` when neither holds.

    Raises
    ------
    InputError
        On unequal lengths, or numbers that are not positive and finite.
    """
    _check(least_effect, confidence)
    n, before, after = positive(sizes=sizes, baseline=baseline, candidate=candidate)
    if np.unique(n).size < LEAST_SIZES:
        return None
    from scipy.special import stdtrit

    x = np.log(n) - np.log(n).mean()
    spread = float(x @ x)
    old, new = (float(x @ np.log(cost)) / spread for cost in (before, after))
    ratio = np.log(after / before)
    change = float(x @ ratio) / spread
    rest = ratio - ratio.mean() - change * x
    error = float(np.sqrt((rest @ rest) / (n.size - 2) / spread))
    reach = float(stdtrit(n.size - 2, (1 + confidence) / 2)) * error
    low, high = change - reach, change + reach
    verdict = _judge(change, low, high, least_effect)
    return SlopeChange(old, new, change, low, high, int(n.size), verdict)


def shared_confidence(confidence: float, tests: int) -> float:
    """Confidence each of several tests needs for all together to keep `confidence`.

    Bonferroni: 1 − (1 − confidence) / tests, so that a comparison of 100 solvers cries wolf no
    oftener than one of a single solver.
    """
    return 1 - (1 - confidence) / max(1, tests)
