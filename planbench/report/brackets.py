"""What all certificates of an instance prove together, and whose claim lies outside it."""

from __future__ import annotations

from collections.abc import Sequence

from planbench.certificates.consensus import Consensus, Opinion, consensus
from planbench.certificates.verdict import CLAIM
from planbench.report import words
from planbench.report.cells import Cell


def instance_consensus(cells: Sequence[Cell]) -> Consensus:
    """Consensus on one instance; solvers go by the name of their series.

    A claim may lie outside the bracket by the tolerance the solver was given, where that is
    looser than the default; a solver driven to a target gap was given at most that.
    """
    opinions = []
    for cell in cells:
        record = cell.record
        tolerance = record.options.get("tolerance")
        stated = float(tolerance) if isinstance(tolerance, int | float) else 0.0
        if record.accuracy is not None:
            stated = max(stated, min(record.accuracy.targets))
        # Bounds that hold to a tolerance, as certificate 1 gave them, prove nothing.
        proven = record.certificate != "tolerance" and (
            record.certificate_version > 1 or record.certificate == "exact"
        )
        opinions.append(
            Opinion(
                solver=cell.series,
                claim=record.claim,
                objective=record.objective,
                lower_bound=record.lower_bound if proven else None,
                upper_bound=record.upper_bound if proven else None,
                tolerance=max(CLAIM, stated),
                scale=record.scale,
                violation=record.residuals.primal_scaled if record.residuals else None,
                proof=record.claim == "infeasible"
                and record.verdict == "certified"
                and record.certificate == "exact",
            )
        )
    return consensus(opinions)


def bracket_words(found: Consensus, digits: int = 8) -> str:
    """``[lower, upper]``, one number where they agree to `digits`, ``–`` where there is none."""
    if found.lower_bound is None and found.upper_bound is None:
        return words.UNKNOWN
    low = words.objective(found.lower_bound, digits)
    high = words.objective(found.upper_bound, digits)
    return low if low == high else f"[{low}, {high}]"


def excludes(found: Consensus, value: float, slack: float = 1e-9) -> bool:
    """Whether the bracket excludes `value` by more than rounding (relative `slack`)."""
    room = slack * max(1.0, abs(value))
    below = found.lower_bound is not None and value < found.lower_bound - room
    above = found.upper_bound is not None and value > found.upper_bound + room
    return below or above
