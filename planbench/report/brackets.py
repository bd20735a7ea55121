"""What all certificates of an instance prove together, and whose claim lies outside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planbench.records.schema import Record
from planbench.report.cells import Cell

#: Tolerance a solver is held to when no option says otherwise (relative, on the objective).
DEFAULT_TOLERANCE = 1e-6
#: Two brackets exclude each other when they miss by more than this (relative): the lower side
#: of a ``tolerance`` certificate comes from a point feasible to 1e-9.
BRACKET_SLACK = 1e-8


@dataclass(frozen=True)
class Bracket:
    """Intersection of certified brackets.

    Attributes
    ----------
    lower, upper : float or None
        None where nothing proves a bound.
    """

    lower: float | None
    upper: float | None

    @property
    def empty(self) -> bool:
        """The brackets exclude each other: something is wrong with the certificates."""
        if self.lower is None or self.upper is None:
            return False
        return self.lower - self.upper > BRACKET_SLACK * max(1.0, abs(self.lower), abs(self.upper))

    def outside(self, value: float) -> float:
        """Distance of `value` from the bracket, relative to max(1, |bounds|); 0 inside."""
        bounds = [b for b in (self.lower, self.upper) if b is not None]
        scale = max([1.0, *(abs(b) for b in bounds)])
        below = self.lower - value if self.lower is not None else 0.0
        above = value - self.upper if self.upper is not None else 0.0
        return max(below, above, 0.0) / scale

    def holds(self, value: float, tolerance: float) -> bool:
        """Whether `value` lies inside, up to `tolerance` (relative)."""
        return self.outside(value) <= tolerance


def instance_bracket(records: Sequence[Record]) -> Bracket:
    """Intersect the brackets of all rows, which must be of one instance."""
    lower = [r.lower_bound for r in records if r.lower_bound is not None]
    upper = [r.upper_bound for r in records if r.upper_bound is not None]
    return Bracket(max(lower, default=None), min(upper, default=None))


def claims_outside(cells: Sequence[Cell], bracket: Bracket) -> dict[str, float]:
    """Solvers that claim an optimum outside the bracket by more than their own tolerance.

    Returns
    -------
    dict of series to float
        Relative distance from the bracket.
    """
    if bracket.empty:
        return {}
    found: dict[str, float] = {}
    for cell in cells:
        record = cell.record
        if record.claim != "optimal" or record.objective is None:
            continue
        tolerance = record.options.get("tolerance")
        held = max(DEFAULT_TOLERANCE, float(tolerance) if tolerance else 0.0)
        distance = bracket.outside(record.objective)
        if distance > held:
            found[cell.series] = distance
    return found
