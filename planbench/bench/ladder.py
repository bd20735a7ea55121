"""Climbing a ladder: when a solver has had enough.

A solver climbs until it first runs out of time or memory, or refuses; what lies above would
only repeat that, at the price of the limit each. Other failures may be an accident of one size,
so two sizes in a row must fail that way. What is not climbed is a right-censored observation in
the fits. Solvers driven to target gaps climb for each target by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from planbench.records.schema import Record

#: Ends that stop the climb at once.
FINAL = frozenset({"timeout", "memory", "refused"})
#: Failures of any other kind in a row that stop the climb.
FAILURES_IN_A_ROW = 2

_Climber = tuple[str, tuple[float, ...]]


@dataclass
class Climb:
    """How far each solver has come on one ladder."""

    _stopped: dict[_Climber, str] = field(default_factory=dict)
    _failures: dict[_Climber, int] = field(default_factory=dict)

    def why_stopped(self, solver: str, targets: Sequence[float] = ()) -> str | None:
        """Why `solver` climbs no further (for these target gaps); None while it does."""
        return self._stopped.get((solver, tuple(targets)))

    def note(self, record: Record) -> None:
        """Take the outcome at the next size into account."""
        if record.accuracy is not None and not record.accuracy.end:
            return  # the chain was broken off; that says nothing of the solver
        climber = record.solver, () if record.accuracy is None else tuple(record.accuracy.targets)
        outcome = _outcome(record)
        if outcome == "ok":
            self._failures[climber] = 0
            return
        self._failures[climber] = self._failures.get(climber, 0) + 1
        if outcome in FINAL or self._failures[climber] >= FAILURES_IN_A_ROW:
            self._stopped.setdefault(
                climber, f"climbs no further: {outcome} at {record.instance.name}"
            )


def _outcome(record: Record) -> str:
    """How the run ended; for a chain of tries, how the chain did."""
    if record.accuracy is None or record.ended != "ok":
        return record.ended
    # A single run that misses its target shows its accuracy at every size.
    return "ok" if record.accuracy.end in ("reached", "once") else record.accuracy.end
