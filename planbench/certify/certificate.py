"""What an answer is worth: the certificate every result of every solver is given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["certified", "loose", "wrong", "unproven"]
Kind = Literal["exact", "tolerance", "residual-only"]


@dataclass(frozen=True)
class Residuals:
    """Violations of a point, recomputed from the problem; absolute and scaled.

    Attributes
    ----------
    primal : float
        Largest violation of a row or column bound, in units of the row or column.
    primal_scaled : float
        The same, each row's divided by s + min(Σ|M_ij x_j|, 100 s) with s = 1 + |bound broken|
        (less than 1 where all bounds are smaller).
    dual : float or None
        Largest dual violation with signs and infinite bounds, units of objective per column.
    dual_scaled : float or None
        The same, each column's divided by s + min(Σ|M_ij y_i|, 100 s) with s = 1 + |c_j| (less
        than 1 where all costs are smaller).
    complementarity : float or None
        Sum of |dual × slack| over rows and columns with a finite bound on the dual's side,
        divided by 1 + |objective|.
    primal_objective : float
        c·x + c₀ recomputed.
    dual_objective : float or None
        Objective of the dual point after clipping forbidden signs; None without one.
    gap : float or None
        |primal − dual objective| / max(|primal|, |dual|), 0 if equal.
    """

    primal: float
    primal_scaled: float
    dual: float | None
    dual_scaled: float | None
    complementarity: float | None
    primal_objective: float
    dual_objective: float | None
    gap: float | None


@dataclass(frozen=True)
class Certificate:
    """A certified bracket on the optimum and a verdict on the claim.

    ``lower_bound`` ≤ optimum ≤ ``upper_bound`` in the stated sense, whatever the solver
    handed back. None stands for "no bound", never infinity.

    Attributes
    ----------
    kind : {"exact", "tolerance", "residual-only"}
        Lower side from an exactly feasible plan; from a point feasible to a tolerance; none.
    verdict : {"certified", "loose", "wrong", "unproven"}
    lower_bound, upper_bound : float or None
        The best of the raw and the polished bounds.
    raw_gap : float or None
        (U − L)/max(|L|, |U|) after clipping and interior mixing only (≤ 6 matrix passes).
    polished_gap : float or None
        The same after polishing; None where polish does not apply.
    polish_s : float or None
        Seconds polish took; charged to whoever quotes the polished gap.
    residuals : Residuals or None
        None without a point.
    estimate : float or None
        Objective of a nearly feasible point of a general LP whose own side is not proven; it
        bounds nothing.
    reasons : tuple of str
        Why the verdict is not ``certified``, and other remarks.
    """

    kind: Kind
    verdict: Verdict
    lower_bound: float | None = None
    upper_bound: float | None = None
    raw_gap: float | None = None
    polished_gap: float | None = None
    polish_s: float | None = None
    residuals: Residuals | None = None
    estimate: float | None = None
    reasons: tuple[str, ...] = ()


def relative_gap(lower: float | None, upper: float | None) -> float | None:
    """(U − L)/max(|L|, |U|); 0 if equal, None if either is missing (design of the bracket)."""
    if lower is None or upper is None:
        return None
    if lower == upper:
        return 0.0
    largest = max(abs(lower), abs(upper))
    width = upper - lower
    return width / largest if math.isfinite(width) else upper / largest - lower / largest
