"""Climbing a ladder of sizes: when a solver has had enough.

A solver climbs until it first runs out of time or memory; larger sizes would only repeat that,
at the price of the limit each. Other failures may be an accident of one size, so two sizes in
a row must fail that way. What is not climbed is a right-censored observation in the fits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from planbench.records.schema import Record

#: Ends that settle it at once.
OUT_OF_ROOM = frozenset({"timeout", "memory"})
#: Failures of any other kind in a row that settle it.
FAILURES_IN_A_ROW = 2


@dataclass
class Climb:
    """How far each solver has come on one ladder.

    Attributes
    ----------
    stopped : dict of str to str
        Solvers that climb no further, and why.
    """

    stopped: dict[str, str] = field(default_factory=dict)
    _failures: dict[str, int] = field(default_factory=dict)

    def note(self, record: Record) -> None:
        """Take the outcome of the next size into account."""
        solver = record.solver
        if record.ended == "ok":
            self._failures[solver] = 0
            return
        self._failures[solver] = self._failures.get(solver, 0) + 1
        if record.ended in OUT_OF_ROOM or self._failures[solver] >= FAILURES_IN_A_ROW:
            self.stopped.setdefault(
                solver, f"climbs no further: {record.ended} at {record.instance.name}"
            )
