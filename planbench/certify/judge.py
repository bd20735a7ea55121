"""The certificate of one answer: checker, repair and polish put together, and a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from planbench.certify import polish as polishing
from planbench.certify.certificate import Certificate, Residuals, Verdict, relative_gap
from planbench.certify.check import (
    certified_lower,
    limits_of,
    residuals,
    units_of,
)
from planbench.certify.interior import interior_of
from planbench.certify.lp_bracket import lp_bracket
from planbench.certify.propagate import implied_bounds
from planbench.certify.rays import proves_infeasible, proves_unbounded
from planbench.certify.repair import raw_lower, raw_upper, room_of
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import Plan

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


@dataclass(frozen=True, eq=False)
class _Cleaned:
    """An answer whose arrays are float64 arrays, whatever they were."""

    claim: str
    x: FloatArray | None
    y: FloatArray | None
    objective: float | None
    primal_ray: FloatArray | None
    dual_ray: FloatArray | None


def _cleaned(answer: Answer) -> _Cleaned:
    objective = answer.objective
    try:
        objective = None if objective is None else float(objective)
    except (TypeError, ValueError, OverflowError):
        objective = float("nan")
    return _Cleaned(
        claim=str(answer.claim),
        x=_vector(answer.x),
        y=_vector(answer.y),
        objective=objective,
        primal_ray=_vector(answer.primal_ray),
        dual_ray=_vector(answer.dual_ray),
    )


def _vector(values: Any) -> FloatArray | None:
    """`values` as float64, one NaN in place of what is not a list of real numbers."""
    if values is None:
        return None
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        array = np.array("")
    if array.ndim != 1 or (array.size and array.dtype.kind not in "biuf"):
        return np.full(1, np.nan)
    return np.ascontiguousarray(array, dtype=np.float64)


@np.errstate(all="ignore")
def certify(
    lp: LinearProgram,
    economy: Economy | None,
    answer: Answer,
    *,
    tolerance: float = 1e-6,
    claim_tolerance: float = 0.0,
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
    claim_tolerance : float
        How far the claimed objective may lie outside where that is more: the tolerance the
        solver was told to work to. A loose answer that says so is loose, not wrong.
    polish : bool
        Also compute the polished gap, where polish applies.
    """
    answer = _cleaned(answer)
    if answer.claim in ("infeasible", "unbounded", "infeasible-or-unbounded"):
        return _judge_claim_of_no_optimum(lp, economy, answer)
    point = residuals(lp, answer.x, answer.y) if answer.x is not None else None
    if economy is not None:
        drawn = _economy_bracket(economy, answer, polish)
    else:
        drawn = _lp_bracket(lp, answer, point)
    return _verdict(lp, replace(drawn, residuals=point), answer, tolerance, claim_tolerance)


@np.errstate(all="ignore")
def prepare(lp: LinearProgram, economy: Economy | None) -> None:
    """Compute what all certificates of an instance share; later calls find it ready."""
    if economy is None:
        implied_bounds(lp)
    else:
        limits_of(economy)
        interior = interior_of(economy)
        if interior is not None:
            room_of(economy, interior)


@np.errstate(all="ignore")
def certify_plan(
    economy: Economy, plan: Plan, *, tolerance: float = 1e-6, polish: bool = True
) -> Certificate:
    """Judge a plan made by anyone: an exact bracket, and how far it is from closed."""
    vectors = {name: _vector(getattr(plan, name)) for name in ("x", "z", "p", "w")}
    bracket = _bracket_of_plan(economy, polish=polish, **vectors)
    gap = relative_gap(bracket.lower_bound, bracket.upper_bound)
    if gap is not None and gap <= tolerance:
        return replace(bracket, verdict="certified")
    return replace(bracket, verdict="unproven" if gap is None else "loose")


def _economy_bracket(economy: Economy, answer: Answer, polish: bool) -> Certificate:
    x, y, m, n = answer.x, answer.y, economy.n_activities, economy.n_goods
    if x is not None and x.shape != (m + economy.n_targets,):
        x = None
    if y is not None and y.shape != (n + economy.n_resources,):
        y = None
    return _bracket_of_plan(
        economy,
        x=None if x is None else x[:m],
        z=None if x is None else x[m:],
        p=None if y is None else -y[:n],
        w=None if y is None else y[n:],
        polish=polish,
    )


def _bracket_of_plan(
    economy: Economy,
    *,
    x: FloatArray | None,
    z: FloatArray | None,
    p: FloatArray | None,
    w: FloatArray | None,
    polish: bool,
) -> Certificate:
    lower, _ = raw_lower(economy, x, z)
    upper, prices = raw_upper(economy, p, w)
    raw = relative_gap(lower, upper)
    polished = seconds = None
    if polish and polishing.applies(economy):
        start = time.perf_counter()
        better_upper, better_prices = polishing.polished_upper(economy, p, w)
        upper = _best(min, upper, better_upper)
        lower = _best(
            max,
            lower,
            polishing.polished_lower(economy, x, z, better_prices or prices),
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


def _best(
    choose: Callable[[Iterable[float]], float], a: float | None, b: float | None
) -> float | None:
    values = [v for v in (a, b) if v is not None]
    return choose(values) if values else None


def _lp_bracket(lp: LinearProgram, answer: Answer, point: Residuals | None) -> Certificate:
    """Both sides proven, or missing; what is only nearly feasible is an estimate."""
    drawn = lp_bracket(lp, answer.x, answer.y, point)
    both = drawn.lower is not None and drawn.upper is not None
    return Certificate(
        kind="exact" if both else "residual-only",
        verdict="unproven",
        lower_bound=drawn.lower,
        upper_bound=drawn.upper,
        raw_gap=relative_gap(drawn.lower, drawn.upper),
        estimate=drawn.estimate,
        reasons=drawn.reasons,
    )


def _unit(lp: LinearProgram) -> float:
    """Return what counts as 1 in the objective of `lp`."""
    bound, cost = units_of(lp)
    return bound * cost


def _verdict(
    lp: LinearProgram,
    drawn: Certificate,
    answer: Answer,
    tolerance: float,
    claim_tolerance: float,
) -> Certificate:
    reasons = list(drawn.reasons)

    def verdict(which: Verdict, *why: str) -> Certificate:
        return replace(drawn, verdict=which, reasons=(*reasons, *why))

    closed = drawn.raw_gap is not None and drawn.raw_gap <= tolerance
    lie = _lie(lp, drawn, answer, max(tolerance, claim_tolerance, CLAIM))
    # Who does not claim the optimum may stop anywhere, but not pass with a false objective.
    if lie is not None and (closed or answer.claim == "optimal"):
        return verdict("wrong", lie)
    if closed:
        return verdict("certified")
    if drawn.raw_gap is not None:
        return verdict("loose", f"raw gap {drawn.raw_gap:.2g} is wider than {tolerance:g}")
    point = drawn.residuals
    if answer.x is None:
        return verdict("unproven", "no plan was handed back")
    if point is None:
        return verdict("unproven", "the plan holds NaN or infinite numbers")
    if point.dual_scaled is None or point.complementarity is None or point.dual_objective is None:
        return verdict("unproven", "no usable prices were handed back")
    primal, dual = point.primal_objective, point.dual_objective
    apart = abs(primal - dual) / max(_unit(lp), abs(primal), abs(dual))
    worst = max(point.primal_scaled, point.dual_scaled, point.complementarity, apart)
    past = claim_outside(primal, drawn.lower_bound, drawn.upper_bound, CLAIM)
    residual_only = drawn.kind == "residual-only" and answer.claim == "optimal"
    if residual_only and worst <= RESIDUAL and past is None:
        return verdict("certified", "no finite bracket; residuals only")
    return verdict("unproven", f"no finite bracket, and the largest scaled residual is {worst:.2g}")


def _lie(lp: LinearProgram, drawn: Certificate, answer: Answer, tolerance: float) -> str | None:
    """Say what is wrong with the objective claimed, or None."""
    claimed = answer.objective
    outside = claim_outside(claimed, drawn.lower_bound, drawn.upper_bound, tolerance)
    value = drawn.residuals.primal_objective if drawn.residuals else None
    if outside is not None or claimed is None or value is None:
        return outside
    if abs(claimed - value) <= tolerance * max(_unit(lp), abs(claimed), abs(value)):
        return None
    return f"its own plan is worth {value:.9g}, not {claimed:.9g} as claimed"


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
            return Certificate("exact", "certified", reasons=("point and ray prove it",))
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
