"""What is said of an answer: verdicts of its plan, its prices and its claim, and of all together.

The bracket may come from anywhere; the verdicts judge the answer itself. Polish plays no part
in them but for the bracket that other sides are measured against.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from planbench.certificates.certificate import Certificate, Residuals, Verdict
from planbench.certificates.check import FLOW, units_of
from planbench.model.linear_program import LinearProgram

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


@dataclass(frozen=True)
class Sides:
    """Bounds in the stated sense, by whose they are.

    Attributes
    ----------
    own_plan, own_prices : float or None
        Proven bound of the repaired, unpolished plan, and of the repaired prices.
    lower, upper : float or None
        Best proven bounds from anywhere.
    """

    own_plan: float | None
    own_prices: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Claimed:
    """The objective claimed and how to read it.

    Attributes
    ----------
    objective : float or None
        None where none was stated: the worth of the plan is claimed.
    reading : {"optimal", "stopped", "delivers"}
    tolerance : float
        How far it may lie outside before it is wrong, relative: what the solver was set to.
    """

    objective: float | None
    reading: Reading
    tolerance: float = 0.0


@dataclass(frozen=True)
class Flows:
    """What goes through the objective of an answer.

    Attributes
    ----------
    terms : float
        Sum of the magnitudes of the terms of c·x or of the dual objective, the larger of the two.
    price : float
        Largest |row dual| of a general LP: what a violation of one unit is worth. 0 for an
        economy, where the repaired answer says what flows.
    """

    terms: float
    price: float = 0.0


def _counted(lp: LinearProgram, flow: float, size: float) -> float:
    """Give `flow`, as far as an answer's own flows count."""
    if not np.isfinite(flow):
        return 0.0
    bound, _ = units_of(lp)
    dearest = float(np.max(np.abs(lp.cost), initial=0.0))
    return min(flow, FLOW * (bound * dearest + size))


def claim_scale(lp: LinearProgram, flows: Flows, *values: float | None) -> float:
    """Size that a claim's distance from what is proven is measured against.

    Whoever keeps each bound to a tolerance may miss the objective by as much, times what goes
    through it, or times what a unit is worth.

    Parameters
    ----------
    lp : LinearProgram
    flows : Flows
    values : float or None
        Objectives known: bounds, or the worth of a point without any.

    Returns
    -------
    float
        The largest of |values|, a unit of the objective, and the flows, which count up to 100
        times (a unit of the dearest column plus the largest |value|).
    """
    bound, cost = units_of(lp)
    size = max((abs(v) for v in values if v is not None), default=0.0)
    flow = max(flows.terms, bound * flows.price)
    return max(size, bound * cost, _counted(lp, flow, size))


def closing_scale(lp: LinearProgram, flows: Flows, *values: float | None) -> float:
    """Size that the width of a bracket is measured against: its bounds, or flows that cancel."""
    bound, cost = units_of(lp)
    size = max((abs(v) for v in values if v is not None), default=0.0)
    return max(size, CANCELLED * _counted(lp, flows.terms, size), LEAST_SCALE * bound * cost)


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


@dataclass(frozen=True)
class _Case:
    """All that the verdicts are drawn from."""

    lp: LinearProgram
    point: Residuals | None
    sides: Sides
    claimed: Claimed
    scale: float
    close: float
    has_plan: bool
    has_prices: bool
    dual_scaled: float | None
    tolerance: float

    @property
    def worth(self) -> float | None:
        return self.point.primal_objective if self.point is not None else None

    @property
    def best_plan(self) -> float | None:
        """Best bound of any plan."""
        return self.sides.lower if self.lp.maximise else self.sides.upper

    @property
    def best_prices(self) -> float | None:
        """Best bound of any prices."""
        return self.sides.upper if self.lp.maximise else self.sides.lower

    def meets(self, plan: float | None, prices: float | None) -> bool:
        """Whether a bound of a plan and one of prices close to the tolerance."""
        if plan is None or prices is None:
            return False
        return abs(prices - plan) <= self.tolerance * self.close

    @property
    def plan_fits(self) -> bool:
        return self.point is not None and self.point.primal_scaled <= self.tolerance

    @property
    def prices_fit(self) -> bool:
        return self.dual_scaled is not None and self.dual_scaled <= self.tolerance


def judge_answer(
    lp: LinearProgram,
    drawn: Certificate,
    sides: Sides,
    claimed: Claimed,
    flows: Flows,
    *,
    has_plan: bool,
    has_prices: bool,
    dual_scaled: float | None,
    tolerance: float,
) -> Certificate:
    """Add the verdicts to a certificate that has its bracket and residuals.

    Parameters
    ----------
    lp : LinearProgram
    drawn : Certificate
    sides : Sides
    claimed : Claimed
    flows : Flows
    has_plan, has_prices : bool
        What was handed back at all.
    dual_scaled : float or None
        Violation of the prices, also where there is no plan.
    tolerance : float
        Asked for, relative.
    """
    point = drawn.residuals
    known = [sides.lower, sides.upper]
    if all(v is None for v in known) and point is not None:
        known = [point.primal_objective]
    scale = claim_scale(lp, flows, *known)
    case = _Case(
        lp,
        point,
        sides,
        claimed,
        scale,
        closing_scale(lp, flows, sides.lower, sides.upper),
        has_plan,
        has_prices,
        dual_scaled,
        tolerance,
    )
    plan, prices = _plan_verdict(case), _prices_verdict(case)
    claim, lie = _claim_verdict(case)
    overall, why = _overall(case, drawn, plan, prices, claim)
    if lie:
        why = [*why, lie]
    return replace(
        drawn,
        verdict=overall,
        plan_verdict=plan,
        prices_verdict=prices,
        claim_verdict=claim,
        scale=scale,
        reasons=(*drawn.reasons, *why),
    )


def _plan_verdict(case: _Case) -> Verdict | None:
    if not case.has_plan:
        return None
    if case.plan_fits and case.meets(case.sides.own_plan, case.best_prices):
        return "certified"
    both = case.best_plan is not None and case.best_prices is not None
    return "loose" if both and case.point is not None else "unproven"


def _prices_verdict(case: _Case) -> Verdict | None:
    if not case.has_prices:
        return None
    if case.prices_fit and case.meets(case.best_plan, case.sides.own_prices):
        return "certified"
    both = case.best_plan is not None and case.best_prices is not None
    return "loose" if both else "unproven"


def _claim_verdict(case: _Case) -> tuple[Verdict | None, str]:
    """Verdict on the objective claimed, and what is wrong with it."""
    claimed, worth = case.claimed.objective, case.worth
    if claimed is None:
        claimed = worth
    if claimed is None:
        return None, ""
    lie = _lie(case, claimed)
    if lie:
        return "wrong", lie
    delivered = case.sides.own_plan
    both = case.sides.lower is not None and case.sides.upper is not None
    weak: Verdict = "loose" if both else "unproven"
    near = delivered is not None and abs(claimed - delivered) <= case.tolerance * case.close
    if not near:
        return weak, ""
    if case.claimed.reading == "delivers":
        return "certified", ""
    return ("certified" if case.meets(delivered, case.best_prices) else weak), ""


def _lie(case: _Case, claimed: float) -> str:
    """Say what is wrong with the objective claimed; empty if nothing is."""
    reading, sides, worth = case.claimed.reading, case.sides, case.worth
    room = max(case.tolerance, case.claimed.tolerance, CLAIM) * case.scale
    if reading == "delivers":
        return _broken_promise(case, claimed, room)
    # Who does not claim the optimum may stop anywhere, but not pass with a false objective.
    if reading == "stopped" and not case.meets(sides.own_plan, sides.own_prices):
        return ""
    outside = claim_outside(claimed, sides.lower, sides.upper, room)
    if outside is not None:
        return outside
    if worth is not None and abs(claimed - worth) > room:
        return f"its own plan is worth {worth:.9g}, not {claimed:.9g} as claimed"
    return ""


def _broken_promise(case: _Case, claimed: float, room: float) -> str:
    """Say how a plan promises more than can be, or than it delivers itself."""
    sign = 1.0 if case.lp.maximise else -1.0
    most, own = case.best_prices, case.sides.own_plan
    if most is not None and sign * (claimed - most) > room:
        bound = "more than the certified upper" if case.lp.maximise else "less than the lower"
        return f"promises {claimed:.9g}, {bound} bound {most:.9g}"
    if not case.plan_fits and own is not None and sign * (claimed - own) > room:
        return f"promises {claimed:.9g}; repaired it delivers {own:.9g}"
    return ""


def _overall(
    case: _Case,
    drawn: Certificate,
    plan: Verdict | None,
    prices: Verdict | None,
    claim: Verdict | None,
) -> tuple[Verdict, list[str]]:
    """Verdict of the answer as a whole, and why it is no better."""
    if claim == "wrong":
        return "wrong", []
    sides = case.sides
    if case.claimed.reading == "delivers":
        # Whatever was handed in must be right; what was not is not missed.
        parts = [plan, claim] if plan is not None else []
        parts += [prices] if prices is not None else []
        passed = bool(parts) and all(part == "certified" for part in parts)
    else:
        closed = case.meets(sides.own_plan, sides.own_prices)
        passed = closed and case.plan_fits and case.prices_fit and claim == "certified"
    if passed:
        return "certified", []
    bracket = sides.lower is not None and sides.upper is not None
    alone = not case.has_plan and case.claimed.reading == "delivers"
    if bracket and (case.point is not None or (alone and case.dual_scaled is not None)):
        return "loose", _what_is_loose(case, drawn)
    return "unproven", _what_is_missing(case)


def _what_is_loose(case: _Case, drawn: Certificate) -> list[str]:
    point, asked, sides = case.point, case.tolerance, case.sides
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
    wide = drawn.raw_gap is not None and not case.meets(
        sides.own_plan if case.has_plan else case.best_plan,
        sides.own_prices if case.has_prices else case.best_prices,
    )
    if wide:
        why.append(f"raw gap {drawn.raw_gap:.2g} is wider than {asked:g}")
    elif drawn.raw_gap is None and case.has_plan and case.sides.own_plan is None:
        why.append("the plan could not be repaired into a feasible one")
    elif drawn.raw_gap is None and not case.has_prices:
        why.append("no usable prices were handed back")
    if not why and case.claimed.objective is not None and sides.own_plan is not None:
        why.append(
            f"claims {case.claimed.objective:.9g}, the repaired plan is worth {sides.own_plan:.9g}"
        )
    return why


def _what_is_missing(case: _Case) -> list[str]:
    point = case.point
    if not case.has_plan:
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
