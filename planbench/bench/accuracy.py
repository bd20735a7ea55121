"""Equal accuracy: drive a solver to a certified gap, and charge it for the tries that failed.

A solver's own tolerance means something else in each solver, so solvers are compared at the
same certified ``raw_gap``. A chain of tries begins at a tolerance equal to the target and
tightens by what the tries before have shown, until the target is certified, the solver can do
no better, or the time limit, which is one for the whole chain, is spent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from planbench.records.schema import AccuracyFacts, Record
from planbench.solvers.base import SolverSpec

#: Tolerances a chain moves in: HiGHS takes none below the tightest.
TIGHTEST = 1e-10
LOOSEST = 0.1
#: One step tightens by a factor between these.
LEAST_STEP = 0.3
GREATEST_STEP = 0.01
#: A step aims at this share of the target, since gaps scatter.
AIM = 0.5
#: Range of the exponent a in gap = c·tolerance^a that a chain believes in.
EXPONENTS = (0.4, 1.0)
#: A step that leaves more than this share of the best gap so far has not helped; after so many
#: such steps in a row the solver is not asked again.
NO_HELP = 0.7
STALLS = 2
#: Tries of a chain.
MOST_TRIES = 10
#: Less than this share of the time limit is not worth starting a try.
LEAST_SHARE = 1e-3


@dataclass(frozen=True)
class Try:
    """One try and what came of it.

    Attributes
    ----------
    tolerance : float or None
        Tolerance the solver was given; None for its own default.
    gap : float or None
        Certified raw gap; None without one, or when the answer was found wrong.
    ended : str
        As in a record.
    """

    tolerance: float | None
    gap: float | None
    ended: str = "ok"


@dataclass(frozen=True)
class Step:
    """What follows a chain of tries.

    Attributes
    ----------
    tolerance : float or None
        Tolerance of the next try; None when the chain has ended.
    end : str
        Why it has ended, as in :class:`planbench.records.schema.AccuracyFacts`; else empty.
    """

    tolerance: float | None
    end: str = ""


def runs_once(spec: SolverSpec) -> bool:
    """Whether a solver gives one answer only: it is exact, or has no tolerance to tighten."""
    return spec.exact or "tolerance" not in spec.takes


def next_step(target: float, tries: Sequence[Try]) -> Step:
    """Decide what to try next on the way to `target`.

    The next tolerance solves c·tolerance^a = target/2, with c from the last try and a from the
    last two (1 with one), within a step of 0.3 to 0.01; a step of 0.1 where no gap is known.

    Parameters
    ----------
    target : float
        Raw gap to be certified, in (0, 1).
    tries : sequence of Try
        All tries so far, each tighter than the one before.
    """
    if not tries:
        return Step(_neat(min(max(target, TIGHTEST), LOOSEST)))
    last = tries[-1]
    if last.ended != "ok":
        return Step(None, last.ended)
    if last.gap is not None and last.gap <= target:
        return Step(None, "reached")
    if last.tolerance is None:
        return Step(None, "once")
    if _stalls(tries) >= STALLS:
        return Step(None, "stalled")
    if last.tolerance <= TIGHTEST:
        return Step(None, "floor")
    if len(tries) >= MOST_TRIES:
        return Step(None, "tries")
    return Step(max(_neat(last.tolerance * _factor(target, tries)), TIGHTEST))


def _factor(target: float, tries: Sequence[Try]) -> float:
    last = tries[-1]
    if last.gap is None or last.gap <= 0:
        return 0.1
    low, high = EXPONENTS
    exponent = high
    before = tries[-2] if len(tries) > 1 else None
    if before is not None and before.gap and before.tolerance and last.tolerance:
        seen = math.log(before.gap / last.gap) / math.log(before.tolerance / last.tolerance)
        exponent = min(max(seen, low), high)
    factor = math.pow(AIM * target / last.gap, 1 / exponent)
    return min(max(factor, GREATEST_STEP), LEAST_STEP)


def _stalls(tries: Sequence[Try]) -> int:
    """Count the tries at the end of the chain that did no better than the best before them."""
    best, count = math.inf, 0
    for number, one in enumerate(tries):
        gap = math.inf if one.gap is None else one.gap
        helped = number == 0 or gap < NO_HELP * best
        count = 0 if helped else count + 1
        best = min(best, gap)
    return count


def _neat(tolerance: float) -> float:
    """`tolerance` to two digits, so that tables and option lists stay readable."""
    return float(f"{tolerance:.1e}")


@dataclass
class Chain:
    """A chain of tries of one solver on one instance.

    Attributes
    ----------
    targets : sequence of float
        Target, or several, loose to tight, for a solver that :func:`runs_once`.
    spec : SolverSpec
    time_limit_s : float
        For all tries together.
    tries : list of Try
        Those that did not end it.
    charged_s : float
        Seconds they are charged with.
    end : str
        Why it has ended, as in :class:`planbench.records.schema.AccuracyFacts`; else empty.
    """

    targets: Sequence[float]
    spec: SolverSpec
    time_limit_s: float
    tries: list[Try] = field(default_factory=list)
    charged_s: float = 0.0
    end: str = ""

    @property
    def tolerance(self) -> float | None:
        """Tolerance of the next try; None for the solver's own."""
        return None if runs_once(self.spec) else next_step(self.targets[-1], self.tries).tolerance

    @property
    def allowed_s(self) -> float:
        """Seconds that the next try may take."""
        return self.time_limit_s - self.charged_s

    def facts(self, record: Record) -> AccuracyFacts:
        """Return what the record of the next try says of the chain."""
        charged = self.charged_s + (record.wall_s if record.wall_s is not None else self.allowed_s)
        end = next_step(self.targets[-1], [*self.tries, self._try(record)]).end
        if not end and self.time_limit_s - charged < LEAST_SHARE * self.time_limit_s:
            end = "timeout"
        return AccuracyFacts(
            targets=list(self.targets), attempt=len(self.tries), charged_s=charged, end=end
        )

    def add(self, record: Record) -> None:
        """Take in the record of the next try."""
        noted = self.facts(record)
        self.end = noted.end
        if not noted.end:
            self.tries.append(self._try(record))
            self.charged_s = noted.charged_s

    def _try(self, record: Record) -> Try:
        gap = None if record.verdict == "wrong" else record.raw_gap
        return Try(self.tolerance, gap, record.ended)
