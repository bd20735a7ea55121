"""The certificate of one answer: checker, repair and polish put together, and a verdict."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Protocol

import numpy as np

from planbench.certify import polish as polishing
from planbench.certify.certificate import Certificate, Residuals, relative_gap
from planbench.certify.check import certified_lower, limits_of, lp_dual_bound, residuals
from planbench.certify.interior import interior_of
from planbench.certify.propagate import implied_bounds
from planbench.certify.rays import proves_infeasible, proves_unbounded
from planbench.certify.repair import raw_lower, raw_upper
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import Plan
from planbench.model.planning_lp import plan_from_lp

#: A point of a general LP counts as feasible up to this scaled violation.
FEASIBILITY = 1e-9
#: Scaled residuals up to which an answer without a bracket passes.
RESIDUAL = 1e-7
#: A claimed objective may lie this far outside the bracket, relative to max(1, |bounds|).
CLAIM = 1e-6


class Answer(Protocol):
    """What is judged; a solver's ``Solution`` has these, and so has anything alike."""

    @property
    def claim(self) -> str:
        """What is claimed of the problem, e.g. optimal or infeasible."""

    @property
    def x(self) -> FloatArray | None:
        """Point, shape (columns,)."""

    @property
    def y(self) -> FloatArray | None:
        """Row duals, shape (rows,), ∂objective/∂rhs in the stated sense."""

    @property
    def objective(self) -> float | None:
        """Objective value claimed."""

    @property
    def primal_ray(self) -> FloatArray | None:
        """Direction of unboundedness, shape (columns,)."""

    @property
    def dual_ray(self) -> FloatArray | None:
        """Farkas multipliers, shape (rows,)."""


def certify(
    lp: LinearProgram,
    economy: Economy | None,
    answer: Answer,
    *,
    tolerance: float = 1e-6,
    polish: bool = True,
) -> Certificate:
    """Judge `answer` to `lp`.

    Parameters
    ----------
    lp : LinearProgram
        The problem; for an economy, its planning LP.
    economy : Economy or None
        The economy behind `lp`, for an exact bracket; None for a general LP.
    answer : Answer
        Any numbers at all, NaN included.
    tolerance : float
        Relative gap up to which the verdict is ``certified``; also how far, relative to the
        bounds, the claimed objective may lie outside the bracket.
    polish : bool
        Also compute the polished gap, where polish applies.
    """
    if answer.claim in ("infeasible", "unbounded", "infeasible-or-unbounded"):
        return _judge_claim_of_no_optimum(lp, economy, answer)
    point = residuals(lp, answer.x, answer.y) if answer.x is not None else None
    if economy is not None:
        drawn = _economy_bracket(economy, answer, polish)
    else:
        drawn = _lp_bracket(lp, answer, point)
    return _verdict(replace(drawn, residuals=point), answer, tolerance)


def prepare(lp: LinearProgram, economy: Economy | None) -> None:
    """Compute what all certificates of an instance share; later calls find it ready."""
    if economy is None:
        implied_bounds(lp)
    else:
        limits_of(economy)
        interior_of(economy)


def certify_plan(
    economy: Economy, plan: Plan, *, tolerance: float = 1e-6, polish: bool = True
) -> Certificate:
    """Judge a plan made by anyone: an exact bracket, and how far it is from closed."""
    bracket = _bracket_of_plan(economy, plan, polish)
    gap = relative_gap(bracket.lower_bound, bracket.upper_bound)
    if gap is not None and gap <= tolerance:
        return replace(bracket, verdict="certified")
    return replace(bracket, verdict="unproven" if gap is None else "loose")


def _economy_bracket(economy: Economy, answer: Answer, polish: bool) -> Certificate:
    fits = answer.x is None or answer.x.shape == (economy.n_activities + economy.n_targets,)
    duals = answer.y
    if duals is not None and duals.shape != (economy.n_goods + economy.n_resources,):
        duals = None
    x = answer.x if fits else None
    plan = plan_from_lp(economy, x, duals)
    if plan is None:
        n = economy.n_goods
        plan = Plan(
            x=np.zeros(0),
            z=np.zeros(0),
            p=None if duals is None else -duals[:n],
            w=None if duals is None else duals[n:],
        )
    return _bracket_of_plan(economy, plan, polish)


def _bracket_of_plan(economy: Economy, plan: Plan, polish: bool) -> Certificate:
    lower, _ = raw_lower(economy, plan.x, plan.z)
    upper, prices = raw_upper(economy, plan.p, plan.w)
    raw = relative_gap(lower, upper)
    polished = seconds = None
    if polish and polishing.applies(economy):
        start = time.perf_counter()
        better_upper, better_prices = polishing.polished_upper(economy, plan.p, plan.w)
        upper = _best(min, upper, better_upper)
        lower = _best(
            max,
            lower,
            polishing.polished_lower(economy, plan.x, plan.z, better_prices or prices),
        )
        polished = relative_gap(lower, upper)
        seconds = time.perf_counter() - start
    return Certificate(
        kind="residual-only" if lower is None else "exact",
        verdict="unproven",
        lower_bound=lower,
        upper_bound=upper,
        raw_gap=raw,
        polished_gap=polished,
        polish_s=seconds,
    )


def _best(choose: object, a: float | None, b: float | None) -> float | None:
    values = [v for v in (a, b) if v is not None]
    if not values:
        return None
    return min(values) if choose is min else max(values)


def _lp_bracket(lp: LinearProgram, answer: Answer, point: Residuals | None) -> Certificate:
    """Dual bound from declared and implied column bounds; primal side to a tolerance."""
    primal = point.primal_objective if point and point.primal_scaled <= FEASIBILITY else None
    dual = None
    if answer.y is not None:
        dual = lp_dual_bound(lp, answer.y, *implied_bounds(lp))
    reasons: tuple[str, ...] = ()
    lower, upper = (primal, dual) if lp.maximise else (dual, primal)
    if lower is not None and upper is not None and lower > upper:
        # A point feasible only to a tolerance may lie past the bound by as much.
        if lower - upper <= CLAIM * max(1.0, abs(lower), abs(upper)):
            primal = dual
            reasons = ("the point lies past the dual bound by its feasibility tolerance",)
        else:
            primal = None
            reasons = ("the point lies past the dual bound: its violation matters",)
        lower, upper = (primal, dual) if lp.maximise else (dual, primal)
    both = lower is not None and upper is not None
    return Certificate(
        kind="tolerance" if both else "residual-only",
        verdict="unproven",
        lower_bound=lower,
        upper_bound=upper,
        raw_gap=relative_gap(lower, upper),
        reasons=reasons,
    )


def _verdict(drawn: Certificate, answer: Answer, tolerance: float) -> Certificate:
    reasons = list(drawn.reasons)
    claimed = answer.objective
    if answer.claim == "optimal":
        outside = claim_outside(
            claimed, drawn.lower_bound, drawn.upper_bound, max(tolerance, CLAIM)
        )
        if outside is not None:
            return replace(drawn, verdict="wrong", reasons=(*reasons, outside))
        value = drawn.residuals.primal_objective if drawn.residuals else None
        if claimed is not None and value is not None:
            off = abs(claimed - value)
            if not off <= max(tolerance, CLAIM) * max(1.0, abs(claimed), abs(value)):
                reasons.append(f"its own plan is worth {value:.9g}, not {claimed:.9g} as claimed")
                return replace(drawn, verdict="wrong", reasons=tuple(reasons))
    gap = drawn.raw_gap
    if gap is not None:
        if gap <= tolerance:
            return replace(drawn, verdict="certified", reasons=tuple(reasons))
        reasons.append(f"raw gap {gap:.2g} is wider than {tolerance:g}")
        return replace(drawn, verdict="loose", reasons=tuple(reasons))
    point = drawn.residuals
    if answer.x is None:
        reasons.append("no plan was handed back")
        return replace(drawn, verdict="unproven", reasons=tuple(reasons))
    if point is None:
        reasons.append("the plan holds NaN or infinite numbers")
        return replace(drawn, verdict="unproven", reasons=tuple(reasons))
    if point.dual_scaled is None or point.gap is None or point.complementarity is None:
        reasons.append("no usable prices were handed back")
        return replace(drawn, verdict="unproven", reasons=tuple(reasons))
    worst = max(point.primal_scaled, point.dual_scaled, min(point.gap, point.complementarity))
    if drawn.kind == "residual-only" and answer.claim == "optimal" and worst <= RESIDUAL:
        reasons.append("no finite bracket; residuals only")
        return replace(drawn, verdict="certified", reasons=tuple(reasons))
    reasons.append(f"no finite bracket, and the largest scaled residual is {worst:.2g}")
    return replace(drawn, verdict="unproven", reasons=tuple(reasons))


def claim_outside(
    claimed: float | None, lower: float | None, upper: float | None, tolerance: float
) -> str | None:
    """Why a claimed objective cannot be the optimum, or None if it can.

    `tolerance` is relative to the larger of 1 and the bound at stake, but never more than
    relative to the bounds themselves where both are small.
    """
    if claimed is None:
        return None
    if not np.isfinite(claimed):
        return f"claims the objective {claimed}"
    if lower is not None and claimed < lower - tolerance * max(abs(lower), 1e-9):
        return f"claims {claimed:.9g}, below the certified lower bound {lower:.9g}"
    if upper is not None and claimed > upper + tolerance * max(abs(upper), 1e-9):
        return f"claims {claimed:.9g}, above the certified upper bound {upper:.9g}"
    return None


def _judge_claim_of_no_optimum(
    lp: LinearProgram, economy: Economy | None, answer: Answer
) -> Certificate:
    """Check "infeasible" and "unbounded" against a ray, and against what is known."""
    crossed = bool((lp.row_lower > lp.row_upper).any() or (lp.col_lower > lp.col_upper).any())
    if "infeasible" in answer.claim and crossed:
        return Certificate("exact", "certified", reasons=("a lower bound exceeds its upper bound",))
    contradiction = _contradiction(economy, answer.claim) if economy is not None else None
    if contradiction is not None:
        return Certificate("exact", "wrong", reasons=(contradiction,))
    if "infeasible" in answer.claim and answer.dual_ray is not None:
        if proves_infeasible(lp, answer.dual_ray, *implied_bounds(lp)):
            return Certificate("exact", "certified", reasons=("the Farkas ray proves it",))
        if answer.claim == "infeasible":
            return Certificate(
                "residual-only", "unproven", reasons=("the ray handed back proves nothing",)
            )
    if "unbounded" in answer.claim and answer.primal_ray is not None:
        x = answer.x
        point = residuals(lp, x, None) if x is not None else None
        feasible = point is not None and point.primal_scaled <= FEASIBILITY
        if feasible and proves_unbounded(lp, x, answer.primal_ray):
            return Certificate("tolerance", "certified", reasons=("point and ray prove it",))
    return Certificate("residual-only", "unproven", reasons=("claimed without proof",))


def _contradiction(economy: Economy, claim: str) -> str | None:
    """Say what the interior of the economy has against a claim, or None."""
    interior = interior_of(economy)
    if interior is None:
        return None
    feasible = bounded = False
    if interior.activities is not None:
        nothing = np.zeros(economy.n_targets)
        feasible = certified_lower(economy, interior.activities, nothing) is not None
    upper, _ = raw_upper(economy, interior.goods_prices, interior.resource_prices)
    bounded = upper is not None
    if claim == "infeasible" and feasible:
        return "a feasible plan is known"
    if claim == "unbounded" and bounded:
        return f"no plan is worth more than {upper:.9g}"
    if claim == "infeasible-or-unbounded" and feasible and bounded:
        return "a feasible plan and a finite upper bound are known"
    return None
