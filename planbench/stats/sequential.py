"""When to look at paired runs, and when to stop: the share of error of many looks is bounded.

Whoever looks again and again until something is significant will find something. So the number
of looks is fixed before, and each has its part of the error (Bonferroni): the confidence holds
for all looks at all comparisons together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planbench.errors import InputError
from planbench.stats.paired import PairedRatio, paired_log_ratio

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
        if not self.least_effect > 0:
            raise InputError(f"is {self.least_effect}; give a number above 0", where="least effect")
        if not 0 < self.confidence < 1:
            raise InputError(
                f"is {self.confidence}; give a number between 0 and 1", where="confidence"
            )
        if self.comparisons < 1 or not self.looks:
            raise InputError("needs at least one comparison and one look", where="schedule")

    @property
    def confidence_per_look(self) -> float:
        """Confidence of the interval at one look at one comparison."""
        shares = (len(self.looks) + _LAST_WORD) * self.comparisons
        return 1.0 - (1.0 - self.confidence) / shares

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


def decide(
    schedule: Schedule, baseline: Sequence[float], candidate: Sequence[float]
) -> PairedRatio:
    """Give the verdict that a comparison stopping at the first clear look would give.

    Parameters
    ----------
    schedule : Schedule
    baseline, candidate : sequence of float
        As many pairs as the last look, or as were made.

    Returns
    -------
    PairedRatio
        Of the look at which it stopped; its ``n`` says which.
    """
    for pairs in schedule.looks:
        if pairs > len(baseline):
            break
        found = schedule.look(baseline[:pairs], candidate[:pairs])
        if found.verdict != "ambiguous":
            return found
    return schedule.look(baseline, candidate)
