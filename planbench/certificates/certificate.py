"""What an answer is worth: the certificate every result of every solver is given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from planbench.model.arrays import FloatArray

Verdict = Literal["certified", "loose", "wrong", "unproven"]
Kind = Literal["exact", "tolerance", "residual-only"]

#: 1: verdicts judged the bracket alone, and points of general LPs feasible to 1e-9 counted as
#: proof. 2: the answer's own violations and claim count; bounds are proven or missing.
CERTIFICATE_VERSION = 2


@dataclass(frozen=True)
class Residuals:
    """Violations of a point, recomputed from the problem; absolute and scaled.

    Attributes
    ----------
    primal : float
        Largest violation of a row or column bound, in units of the row or column.
    primal_scaled : float
        The same on the scales of docs/certificate.md.
    dual : float or None
        Largest dual violation with signs and infinite bounds, units of objective per column.
    dual_scaled : float or None
        The same on the scales of docs/certificate.md.
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


@dataclass(frozen=True, eq=False)
class Bracket:
    """What an answer proves of the optimum, in the stated sense; None: nothing.

    Attributes
    ----------
    plan, prices : float or None
        Bound of the plan, and of the prices, after repair.
    lower, upper : float or None
        Best bounds, polished where polish applies.
    polished_gap, polish_s, estimate : float or None
        As in a :class:`Certificate`.
    reasons : tuple of str
        Why a side is missing.
    x, y : ndarray or None
        The repaired plan and prices of an economy, as columns and row duals.
    """

    plan: float | None
    prices: float | None
    lower: float | None
    upper: float | None
    polished_gap: float | None = None
    polish_s: float | None = None
    estimate: float | None = None
    reasons: tuple[str, ...] = ()
    x: FloatArray | None = None
    y: FloatArray | None = None


@dataclass(frozen=True)
class Certificate:
    """A certified bracket on the optimum and verdicts on the answer.

    ``lower_bound`` ≤ optimum ≤ ``upper_bound`` in the stated sense, whatever the solver
    handed back. None means "no bound", never infinity.

    Attributes
    ----------
    kind : {"exact", "tolerance", "residual-only"}
        ``exact``: what is said rests on proof; ``residual-only``: a side of the bracket is
        missing; ``tolerance``, in rows of certificate 1 alone: a point feasible to 1e-9.
    verdict : {"certified", "loose", "wrong", "unproven"}
        On the answer as a whole.
    lower_bound, upper_bound : float or None
        The best proven bounds: raw, polished, or known before.
    raw_gap : float or None
        ``(U − L)/max(|L|, |U|)`` after clipping and interior mixing only (≤ 6 matrix passes).
    polished_gap : float or None
        The same after polishing; None where polish does not apply.
    polish_s : float or None
        Seconds polish took; charged to whoever quotes the polished gap.
    residuals : Residuals or None
        None without a point.
    estimate : float or None
        Objective of a nearly feasible point of a general LP whose side of the bracket is not
        proven; no bound.
    plan_verdict, prices_verdict, claim_verdict : Verdict or None
        On the plan, the prices and the claim alone; None where there is none.
    scale : float or None
        What differences of objectives are measured against, in units of the objective.
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
    plan_verdict: Verdict | None = None
    prices_verdict: Verdict | None = None
    claim_verdict: Verdict | None = None
    scale: float | None = None
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
