"""The certificate of one answer: checker, repair, polish and verdicts put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

from planbench.certificates.certificate import Bracket, Certificate, Kind, Verdict, relative_gap
from planbench.certificates.check import (
    Reference,
    certified_lower,
    limits_of,
    objective_flow,
    residuals,
)
from planbench.certificates.interior import interior_of
from planbench.certificates.lp_bracket import lp_bracket
from planbench.certificates.propagate import implied_bounds
from planbench.certificates.rays import proves_infeasible, proves_unbounded
from planbench.certificates.repair import (
    polish_applies,
    polished_lower,
    polished_upper,
    raw_lower,
    raw_upper,
    room_of,
)
from planbench.certificates.verdict import Case, judge
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import LpPoint, Plan
from planbench.model.planning_lp import to_linear_program

#: A point of a general LP counts as feasible up to this scaled violation.
FEASIBILITY = 1e-9


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


def _cleaned(answer: Answer) -> LpPoint:
    """`answer` with float64 arrays, whatever they were."""
    objective = answer.objective
    try:
        objective = None if objective is None else float(objective)
    except (TypeError, ValueError, OverflowError):
        objective = float("nan")
    return LpPoint(
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
    known: tuple[float | None, float | None] = (None, None),
    delivers: bool = False,
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
        Up to which the verdict is ``certified``: scaled violations, the relative width of the
        bracket, and how far the claim may be from what the repaired plan is worth.
    claim_tolerance : float
        How far the claimed objective may lie outside where that is more: the tolerance the
        solver was set to. A loose answer that says so is loose, not wrong.
    polish : bool
        Also compute the polished gap, where polish applies; no verdict depends on it.
    known : tuple of (float or None, float or None)
        Proven lower and upper bound from elsewhere.
    delivers : bool
        The answer is a plan, prices or both handed in by anyone: it claims to deliver its
        objective, whatever it is, and what it does not hold is not missed.
    """
    answer = _cleaned(answer)
    if answer.claim in ("infeasible", "unbounded", "infeasible-or-unbounded") and not delivers:
        return _judge_claim_of_no_optimum(lp, economy, answer)
    reference: Reference | None = None
    x, y = answer.x, answer.y
    if economy is not None:
        found = _economy_bracket(economy, answer, polish)
        x, y = found.x, found.y
        reference = Reference(x, y)
    point = None if answer.x is None else residuals(lp, answer.x, answer.y, reference)
    dual_scaled = point.dual_scaled if point is not None else None
    if point is None and answer.y is not None:
        alone = residuals(lp, np.zeros(lp.n_cols), answer.y, reference)
        dual_scaled = alone.dual_scaled if alone is not None else None
    if economy is None:
        found = lp_bracket(lp, answer.x, answer.y, point)
    exact = found.lower is not None and (economy is not None or found.upper is not None)
    lower, upper = _best(max, known[0], found.lower), _best(min, known[1], found.upper)
    plan, prices = found.plan, found.prices
    if delivers:
        # What was not handed in is not missed: the best known takes its place.
        best_plan, best_prices = (lower, upper) if lp.maximise else (upper, lower)
        plan = plan if answer.x is not None else best_plan
        prices = prices if answer.y is not None else best_prices
    case = Case(
        lp=lp,
        answer=answer,
        found=found,
        kind="exact" if exact else "residual-only",
        point=point,
        dual_scaled=dual_scaled,
        lower=lower,
        upper=upper,
        raw_gap=relative_gap(*((plan, prices) if lp.maximise else (prices, plan))),
        reading="delivers" if delivers else "optimal" if answer.claim == "optimal" else "stopped",
        claim_tolerance=claim_tolerance,
        terms=objective_flow(lp, x, y),
        price=_dearest(y) if economy is None else 0.0,
        tolerance=tolerance,
    )
    return judge(case)


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


def certify_plan(
    economy: Economy,
    plan: Plan,
    *,
    tolerance: float = 1e-6,
    polish: bool = True,
    known: tuple[float | None, float | None] = (None, None),
    lp: LinearProgram | None = None,
) -> Certificate:
    """Judge a plan, prices or both, made by anyone.

    Parameters
    ----------
    economy : Economy
    plan : Plan
        Any numbers at all. What is missing is not missed: a plan without prices is judged
        against the bound in `known`.
    tolerance, polish, known
        As for :func:`certify`.
    lp : LinearProgram, optional
        The planning LP of `economy`, where it is at hand.
    """
    x, z, p, w = (_vector(getattr(plan, name)) for name in ("x", "z", "p", "w"))
    answer = LpPoint(
        claim="feasible",
        x=None if x is None or z is None else np.concatenate([x, z]),
        y=None if p is None or w is None else np.concatenate([-p, w]),
    )
    return certify(
        lp if lp is not None else to_linear_program(economy),
        economy,
        answer,
        tolerance=tolerance,
        polish=polish,
        known=known,
        delivers=True,
    )


def _economy_bracket(economy: Economy, answer: Answer, polish: bool) -> Bracket:
    x = z = p = w = None
    m, n = economy.n_activities, economy.n_goods
    if answer.x is not None and answer.x.shape == (m + economy.n_targets,):
        x, z = answer.x[:m], answer.x[m:]
    if answer.y is not None and answer.y.shape == (n + economy.n_resources,):
        p, w = -answer.y[:n], answer.y[n:]
    raw_plan, plan = raw_lower(economy, x, z)
    raw_prices, prices = raw_upper(economy, p, w)
    lower, upper = raw_plan, raw_prices
    polished = seconds = None
    if polish and polish_applies(economy):
        start = time.perf_counter()
        better_upper, better_prices = polished_upper(economy, p, w)
        upper = _best(min, upper, better_upper)
        lower = _best(max, lower, polished_lower(economy, x, z, better_prices or prices))
        polished = relative_gap(lower, upper)
        seconds = time.perf_counter() - start
    return Bracket(
        plan=raw_plan,
        prices=raw_prices,
        lower=lower,
        upper=upper,
        polished_gap=polished,
        polish_s=seconds,
        x=None if plan is None else np.concatenate(plan),
        y=None if prices is None else np.concatenate([-prices[0], prices[1]]),
    )


def _best(
    choose: Callable[[Iterable[float]], float], a: float | None, b: float | None
) -> float | None:
    values = [v for v in (a, b) if v is not None]
    return choose(values) if values else None


def _dearest(y: FloatArray | None) -> float:
    """Largest |row dual|; 0 without any that can be used."""
    largest = 0.0 if y is None else float(np.max(np.abs(y), initial=0.0))
    return largest if np.isfinite(largest) else 0.0


def _judge_claim_of_no_optimum(
    lp: LinearProgram, economy: Economy | None, answer: Answer
) -> Certificate:
    """Check "infeasible" and "unbounded" against a ray, and against what is proven."""

    def found(verdict: Verdict, why: str) -> Certificate:
        kind: Kind = "residual-only" if verdict == "unproven" else "exact"
        return Certificate(kind, verdict, claim_verdict=verdict, reasons=(why,))

    crossed = bool((lp.row_lower > lp.row_upper).any() or (lp.col_lower > lp.col_upper).any())
    if "infeasible" in answer.claim and crossed:
        return found("certified", "a lower bound exceeds its upper bound")
    contradiction = _contradiction(economy, answer.claim) if economy is not None else None
    if contradiction is not None:
        return found("wrong", contradiction)
    if "infeasible" in answer.claim and answer.dual_ray is not None:
        if proves_infeasible(lp, answer.dual_ray, *implied_bounds(lp)):
            return found("certified", "the Farkas ray proves it")
        if answer.claim == "infeasible":
            return found("unproven", "the ray handed back proves nothing")
    if "unbounded" in answer.claim and answer.primal_ray is not None:
        x = answer.x
        point = residuals(lp, x, None) if x is not None else None
        feasible = point is not None and point.primal_scaled <= FEASIBILITY
        if feasible and proves_unbounded(lp, x, answer.primal_ray):
            return found("certified", "point and ray prove it")
    return found("unproven", "claimed without proof")


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
