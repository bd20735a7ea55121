"""Is a figure worse than before? Bounds on counts and amounts, and exponents compared in pairs.

Pure functions on numbers. How time is compared is in :mod:`planbench.stats.paired`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planbench.errors import InputError
from planbench.stats.fits import Numbers, checked
from planbench.stats.growth import check_confidence
from planbench.stats.paired import Verdict

#: Distinct sizes without which an exponent's change has no interval worth showing.
LEAST_SIZES = 3


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
    check_confidence(confidence)
    if not 0 < least_effect < np.inf:
        raise InputError(f"is {least_effect}; give a number above 0", where="least_effect")
    n, before, _ = checked(sizes, baseline, None)
    _, after, _ = checked(sizes, candidate, None)
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
    verdict: Verdict = "unclear"
    if change > least_effect and low > 0:
        verdict = "worse"
    elif change < -least_effect and high < 0:
        verdict = "better"
    elif -least_effect <= low and high <= least_effect:
        verdict = "same"
    return SlopeChange(old, new, change, low, high, int(n.size), verdict)


def shared_confidence(confidence: float, tests: int) -> float:
    """Confidence each of several tests needs for all together to keep `confidence`.

    Bonferroni: 1 − (1 − confidence) / tests, so that a comparison of 100 solvers cries wolf no
    oftener than one of a single solver.
    """
    check_confidence(confidence)
    return 1 - (1 - confidence) / max(1, tests)
