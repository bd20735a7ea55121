"""What is said of an answer: verdicts of its plan, its prices and its claim, and of all together.

The bracket may come from anywhere; the verdicts judge the answer itself. Polish plays no part
in them but for the bracket that other sides are measured against.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from planbench.certificates.certificate import Bracket, Certificate, Kind, Residuals, Verdict
from planbench.certificates.check import FLOW, units_of
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import LpPoint

#: What is certified holds to the tolerance times at least this share of the flows behind the
#: objective: an optimum that is 0, or nearly, has no digits of its own.
CANCELLED = 1e-3
#: Objectives nearer to each other than this share of a unit, times the tolerance, are equal.
LEAST_SCALE = 1e-9
#: A claim may lie this far from what is proven, times the scale of the objective, before it is
#: called wrong, however little was asked for.
CLAIM = 1e-6
#: Scaled residuals up to which nothing speaks against an answer without a bracket.
RESIDUAL = 1e-7

#: How a claimed objective is read: as the optimum, as where a solver stopped, or as what a plan
#: handed in for judgement delivers.
Reading = Literal["optimal", "stopped", "delivers"]


def _counted(lp: LinearProgram, flow: float, size: float) -> float:
    """Give `flow`, as far as an answer's own flows count."""
    if not np.isfinite(flow):
        return 0.0
    bound, _ = units_of(lp)
    dearest = float(np.max(np.abs(lp.cost), initial=0.0))
    return min(flow, FLOW * (bound * dearest + size))


def claim_scale(
    lp: LinearProgram, terms: float, *values: float | None, price: float = 0.0
) -> float:
    """Size that a claim's distance from what is proven is measured against.

    Whoever keeps each bound to a tolerance may miss the objective by as much, times what goes
    through it, or times what a unit is worth.

    Parameters
    ----------
    lp : LinearProgram
    terms : float
        Sum of the magnitudes of the terms of c·x or of the dual objective, the larger of the two.
    values : float or None
        Objectives known: bounds, or the worth of a point without any.
    price : float
        Largest |row dual| of a general LP: what a violation of one unit is worth. 0 for an
        economy, where the repaired answer says what flows.

    Returns
    -------
    float
        The largest of |values|, a unit of the objective, and the flows, which count up to 100
        times (a unit of the dearest column plus the largest |value|).
    """
    bound, cost = units_of(lp)
    size = max((abs(v) for v in values if v is not None), default=0.0)
    return max(size, bound * cost, _counted(lp, max(terms, bound * price), size))


def closing_scale(lp: LinearProgram, terms: float, *values: float | None) -> float:
    """Size that the width of a bracket is measured against: its bounds, or flows that cancel."""
    bound, cost = units_of(lp)
    size = max((abs(v) for v in values if v is not None), default=0.0)
    return max(size, CANCELLED * _counted(lp, terms, size), LEAST_SCALE * bound * cost)


def claim_outside(
    claimed: float | None, lower: float | None, upper: float | None, room: float
) -> str | None:
    """Why a claimed objective cannot be the optimum, or None if it can.

    Parameters
    ----------
    claimed : float or None
    lower, upper : float or None
        Proven bounds on the optimum.
    room : float
        How far outside it may lie, in units of the objective.
    """
    if claimed is None:
        return None
    if not np.isfinite(claimed):
        return f"claims the objective {claimed}"
    if lower is not None and claimed < lower - room:
        return f"claims {claimed:.9g}, below the certified lower bound {lower:.9g}"
    if upper is not None and claimed > upper + room:
        return f"claims {claimed:.9g}, above the certified upper bound {upper:.9g}"
    return None


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that the verdicts on an answer are drawn from; bounds are in the stated sense.

    Attributes
    ----------
    lp : LinearProgram
    answer : LpPoint
        As it was handed back; without an objective the worth of its plan is claimed.
    found : Bracket
        What it proves, repaired.
    kind : {"exact", "tolerance", "residual-only"}
        As in a :class:`Certificate`.
    point : Residuals or None
        Of the plan.
    dual_scaled : float or None
        Violation of the prices, also where there is no plan.
    lower, upper : float or None
        Best proven bounds from anywhere.
    raw_gap : float or None
    reading : {"optimal", "stopped", "delivers"}
        How it is read.
    claim_tolerance : float
        How far it may lie outside before it is wrong, relative: what the solver was set to.
    terms, price : float
        As in :func:`claim_scale`.
    tolerance : float
        Asked for, relative.
    """

    lp: LinearProgram
    answer: LpPoint
    found: Bracket
    kind: Kind
    point: Residuals | None
    dual_scaled: float | None
    lower: float | None
    upper: float | None
    raw_gap: float | None
    reading: Reading
    claim_tolerance: float
    terms: float
    price: float
    tolerance: float

    @cached_property
    def scale(self) -> float:
        """As :func:`claim_scale` gives it."""
        known = [self.lower, self.upper]
        if all(v is None for v in known):
            known = [self.worth]
        return claim_scale(self.lp, self.terms, *known, price=self.price)

    @cached_property
    def _close(self) -> float:
        return closing_scale(self.lp, self.terms, self.lower, self.upper)

    @property
    def worth(self) -> float | None:
        """Objective of the plan as it was handed back."""
        return self.point.primal_objective if self.point is not None else None

    @property
    def best_plan(self) -> float | None:
        """Best bound of any plan."""
        return self.lower if self.lp.maximise else self.upper

    @property
    def best_prices(self) -> float | None:
        """Best bound of any prices."""
        return self.upper if self.lp.maximise else self.lower

    @property
    def bracketed(self) -> bool:
        """Whether both sides are proven."""
        return self.lower is not None and self.upper is not None

    @property
    def weak(self) -> Verdict:
        """Verdict on a part that is not certified."""
        return "loose" if self.bracketed else "unproven"

    def meets(self, one: float | None, other: float | None) -> bool:
        """Whether two objectives, as of a plan and of prices, are equal to the tolerance."""
        if one is None or other is None:
            return False
        return abs(other - one) <= self.tolerance * self._close

    @property
    def plan_fits(self) -> bool:
        """Whether the plan itself is feasible to the tolerance."""
        return self.point is not None and self.point.primal_scaled <= self.tolerance

    @property
    def prices_fit(self) -> bool:
        """Whether the prices themselves are feasible to the tolerance."""
        return self.dual_scaled is not None and self.dual_scaled <= self.tolerance


def judge(case: Case) -> Certificate:
    """Judge plan, prices and claim, and all of them together."""
    plan, prices = _plan_verdict(case), _prices_verdict(case)
    claim, lie = _claim_verdict(case)
    verdict, why = _overall(case, plan, prices, claim)
    found = case.found
    return Certificate(
        kind=case.kind,
        verdict=verdict,
        lower_bound=case.lower,
        upper_bound=case.upper,
        raw_gap=case.raw_gap,
        polished_gap=found.polished_gap,
        polish_s=found.polish_s,
        residuals=case.point,
        estimate=found.estimate,
        plan_verdict=plan,
        prices_verdict=prices,
        claim_verdict=claim,
        scale=case.scale,
        reasons=(*found.reasons, *why, *([lie] if lie else [])),
    )


def _plan_verdict(case: Case) -> Verdict | None:
    if case.answer.x is None:
        return None
    if case.plan_fits and case.meets(case.found.plan, case.best_prices):
        return "certified"
    return case.weak if case.point is not None else "unproven"


def _prices_verdict(case: Case) -> Verdict | None:
    if case.answer.y is None:
        return None
    if case.prices_fit and case.meets(case.best_plan, case.found.prices):
        return "certified"
    return case.weak


def _claim_verdict(case: Case) -> tuple[Verdict | None, str]:
    """Verdict on the objective claimed, and what is wrong with it."""
    claimed = case.worth if case.answer.objective is None else case.answer.objective
    if claimed is None:
        return None, ""
    lie = _lie(case, claimed)
    if lie:
        return "wrong", lie
    kept = case.meets(claimed, case.found.plan)
    if kept and (case.reading == "delivers" or case.meets(case.found.plan, case.best_prices)):
        return "certified", ""
    return case.weak, ""


def _lie(case: Case, claimed: float) -> str:
    """Say what is wrong with the objective claimed; empty if nothing is."""
    room = max(case.tolerance, case.claim_tolerance, CLAIM) * case.scale
    if case.reading == "delivers":
        return _broken_promise(case, claimed, room)
    # Who does not claim the optimum may stop anywhere, but not pass with a false objective.
    if case.reading == "stopped" and not case.meets(case.found.plan, case.found.prices):
        return ""
    outside = claim_outside(claimed, case.lower, case.upper, room)
    if outside is not None:
        return outside
    if case.worth is not None and abs(claimed - case.worth) > room:
        return f"its own plan is worth {case.worth:.9g}, not {claimed:.9g} as claimed"
    return ""


def _broken_promise(case: Case, claimed: float, room: float) -> str:
    """Say how a plan promises more than can be, or than it delivers itself."""
    sign = 1.0 if case.lp.maximise else -1.0
    most, own = case.best_prices, case.found.plan
    if most is not None and sign * (claimed - most) > room:
        bound = "more than the certified upper" if case.lp.maximise else "less than the lower"
        return f"promises {claimed:.9g}, {bound} bound {most:.9g}"
    if not case.plan_fits and own is not None and sign * (claimed - own) > room:
        return f"promises {claimed:.9g}; repaired it delivers {own:.9g}"
    return ""


def _overall(
    case: Case, plan: Verdict | None, prices: Verdict | None, claim: Verdict | None
) -> tuple[Verdict, list[str]]:
    """Verdict of the answer as a whole, and why it is no better."""
    if claim == "wrong":
        return "wrong", []
    if case.reading == "delivers":
        # Whatever was handed in must be right; what was not is not missed.
        parts = [plan, claim] if plan is not None else []
        parts += [prices] if prices is not None else []
        passed = bool(parts) and all(part == "certified" for part in parts)
    else:
        closed = case.meets(case.found.plan, case.found.prices)
        passed = closed and case.plan_fits and case.prices_fit and claim == "certified"
    if passed:
        return "certified", []
    alone = case.answer.x is None and case.reading == "delivers"
    if case.bracketed and (case.point is not None or (alone and case.dual_scaled is not None)):
        return "loose", _what_is_loose(case)
    return "unproven", _what_is_missing(case)


def _what_is_loose(case: Case) -> list[str]:
    point = case.point
    why = []
    if point is not None and not case.plan_fits:
        why.append(
            f"the plan's own violation is {point.primal:.2g} ({point.primal_scaled:.2g} scaled); "
            "the bracket is that of the repaired plan"
        )
    if case.dual_scaled is not None and not case.prices_fit:
        size = f"{case.dual_scaled:.2g} scaled"
        if point is not None and point.dual is not None:
            size = f"{point.dual:.2g} ({size})"
        why.append(
            f"the prices' own violation is {size}; the bracket is that of the repaired prices"
        )
    wide = case.raw_gap is not None and not case.meets(
        case.found.plan if case.answer.x is not None else case.best_plan,
        case.found.prices if case.answer.y is not None else case.best_prices,
    )
    if wide:
        why.append(f"raw gap {case.raw_gap:.2g} is wider than {case.tolerance:g}")
    elif case.raw_gap is None and case.answer.x is not None and case.found.plan is None:
        why.append("the plan could not be repaired into a feasible one")
    elif case.raw_gap is None and case.answer.y is None:
        why.append("no usable prices were handed back")
    if not why and case.answer.objective is not None and case.found.plan is not None:
        why.append(
            f"claims {case.answer.objective:.9g}, the repaired plan is worth {case.found.plan:.9g}"
        )
    return why


def _what_is_missing(case: Case) -> list[str]:
    point = case.point
    if case.answer.x is None:
        return ["no plan was handed back"]
    if point is None:
        return ["the plan holds NaN or infinite numbers, or is of another instance"]
    if point.dual_scaled is None or point.complementarity is None or point.dual_objective is None:
        return ["no usable prices were handed back"]
    worst = worst_residual(case.lp, point)
    if worst <= RESIDUAL:
        return [f"no proven bracket; residuals within {worst:.1g} scaled: nothing wrong was found"]
    return [f"no proven bracket, and the largest scaled residual is {worst:.2g}"]


def worst_residual(lp: LinearProgram, point: Residuals) -> float:
    """Largest scaled residual, the gap between the two objectives included; ∞ without prices."""
    if point.dual_scaled is None or point.complementarity is None or point.dual_objective is None:
        return float("inf")
    bound, cost = units_of(lp)
    primal, dual = point.primal_objective, point.dual_objective
    # Units of 1e-200 multiply to 0.
    size = max(bound * cost, abs(primal), abs(dual))
    apart = abs(primal - dual) / size if size > 0 else 0.0
    return max(point.primal_scaled, point.dual_scaled, point.complementarity, apart)
