"""``value-iteration``: one scarce resource, so the choice of techniques needs no centre.

With one resource the best techniques do not depend on what is demanded (the non-substitution
theorem; Samuelson 1951, Gale 1960 ch. 9): they are the cheapest at prices
p = min over techniques (wR + pA)/B, found by value iteration. What is made follows from
(I − A_π) y = demand.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from planbench.errors import SolverError
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.productivity import one_good_each
from planbench.planners.planner import GAP, Ended, Planner, PlanOptions, Result, tiny_like
from planbench.planners.presolve import Domain, presolve, prices_of_lost
from planbench.planners.state import State, other_shape
from planbench.planners.techniques import Meter
from planbench.solvers.base import SolverSpec

if TYPE_CHECKING:
    from planbench.planners.decomposition import Bounds, Decomposition

#: The sweeps' first tolerance is the gap divided by this; their errors add up to about the gap.
SHARE = 5.0
#: Times the tolerance of the sweeps is tightened before planning stops.
TRIES = 12
#: Of the resource, this many times the rounding error is left over where there is fixed demand.
LEFT_OVER = 2.0

SPEC = SolverSpec(
    name="value-iteration",
    family="planbench planners",
    method="value iteration on prices, Gauss-Seidel on quantities (one resource)",
    module="planbench.planners.value_iteration",
    packages=("numba", "scipy"),
    extra="planners",
    takes=frozenset(("tolerance", "time_limit")),
    phases=("compile", "load", "solve", "extract"),
    default=f"one thread; stops at a certified gap of the tolerance ({GAP:g} if none)",
    accepts="economy",
)
SOLVERS = (SPEC,)


def refusal(economy: Economy) -> str | None:
    """Say why `economy` is outside the domain, or None."""
    if economy.n_resources != 1:
        return f"takes one resource; this economy has {economy.n_resources} (see two-level)"
    if not one_good_each(economy):
        return "takes activities that each make one good; this economy has others (see primal-dual)"
    if np.isfinite(economy.capacity).any():
        return "takes no capacities; this economy has upper limits (see primal-dual)"
    if (economy.fixed_demand < 0).any():
        return "takes no initial stocks (f >= 0); this economy has some (see primal-dual)"
    return None


def _compile(economy: Economy) -> None:
    tiny = tiny_like(economy, resources=1)
    _run(tiny, presolve(tiny), PlanOptions(), None)


def _run(economy: Economy, domain: Domain, options: PlanOptions, state: State | None) -> Result:
    from planbench.planners.decomposition import (
        Bounds,
        finish,
        nothing_to_do,
        solve_sectors,
        start,
    )

    gap, f = options.tolerance, economy.fixed_demand
    meter = Meter(economy.nnz, options.time_limit)
    for thorough in (False, True):
        if thorough:
            domain = presolve(economy, thorough=True)
        if domain.makeable is not None and f[~domain.makeable].any():
            p, w = prices_of_lost(economy, domain)
            return replace(
                nothing_to_do(economy, domain, meter),
                ended="infeasible",
                p=p,
                w=w,
                status="f cannot be met",
                message="a fixed demand is for a good that cannot be made",
            )
        if not domain.targets.any() and not f.any():
            return nothing_to_do(economy, domain, meter)
        if not domain.targets.any():
            raise SolverError(
                "value-iteration: takes no f > 0 where no target can be reached; see primal-dual"
            )
        run = start(economy, domain, meter, state, thorough=thorough)
        run.width = 0.0
        bounds, tolerance, number = Bounds(), gap / SHARE, 0
        ended: Ended = "stalled"
        lower = upper = 0.0
        extra: FloatArray | None = None
        for number in range(1, TRIES + 1):
            before = bounds
            if f.any():
                bounds = Bounds()  # prices good for the targets need not be so for f
            answered = solve_sectors(run, bounds, tolerance)
            if isinstance(answered, str):
                ended = answered
                if extra is not None:
                    bounds = before  # what `extra` belongs to
                break
            lower, upper = bounds.lower, bounds.upper
            if f.any():
                extra, lower, upper = _meet_fixed(run, bounds, tolerance)
                if upper < 0:
                    ended = "infeasible"
                    break
            options.report(
                f"round {number}: lower {lower:.12g}, upper {upper:.12g}, "
                f"passes {meter.passes:.1f}, {meter.seconds:.2f} s"
            )
            if upper - lower <= gap * upper:
                ended = "optimal"
                break
            if meter.over():
                ended = "time limit"
                break
            tolerance *= 0.2
        if ended != "unconverged":
            break
    result = finish(run, domain, bounds, number, ended, SPEC.method)
    if extra is None and ended != "infeasible":
        return result
    return _with_fixed(run, bounds, result, extra, lower, upper)


def _meet_fixed(
    run: Decomposition, bounds: Bounds, tolerance: float
) -> tuple[FloatArray, float, float]:
    """Find outputs that meet f with the techniques in use, and bounds with f deducted."""
    from planbench.planners.decomposition import meet_fixed_demand, unused_share
    from planbench.planners.sectors import resource_use

    economy, sectors = run.economy, run.sectors
    f = economy.fixed_demand
    assert bounds.p is not None
    repaired = bounds.p + bounds.theta * sectors.p0
    upper = bounds.upper * (1.0 - float(f @ repaired) / (1.0 + bounds.theta))
    y, met = meet_fixed_demand(run, tolerance)
    if not met:
        return y, 0.0, upper
    share = float((resource_use(sectors, y) * sectors.scale).max())
    # Scaling the whole plan would leave f unmet, so rounding is allowed for here.
    room = max(1.0 - share - LEFT_OVER * unused_share(economy), 0.0)
    return y, bounds.lower * room if share <= 1 else -np.inf, upper


def _with_fixed(
    run: Decomposition,
    bounds: Bounds,
    result: Result,
    extra: FloatArray | None,
    lower: float,
    upper: float,
) -> Result:
    """Give f its share of the resource; the targets have the rest."""
    assert result.x is not None
    assert result.z is not None
    if upper < 0 or extra is None:
        x, z = np.zeros_like(result.x), np.zeros_like(result.z)
        return replace(
            result,
            ended="infeasible",
            x=x,
            z=z,
            lower=0.0,
            upper=0.0,
            state=replace(result.state, levels=x),
            status="f cannot be met",
            message="the fixed demand needs more of the resource than there is",
        )
    assert bounds.share is not None
    techniques = run.sectors.techniques
    share = max(lower, 0.0) / bounds.lower
    x = result.x * share
    order = techniques.order
    made = np.repeat(extra, np.diff(techniques.first)) * bounds.share
    x[order] += made * techniques.per[order]
    return replace(
        result,
        x=x,
        z=result.z * share,
        lower=max(lower, 0.0),
        upper=upper,
        state=replace(result.state, levels=x),
    )


PLANNER = Planner(
    spec=SPEC,
    refusal=refusal,
    prepare=presolve,
    run=_run,
    other_shape=other_shape,
    compile=_compile,
    version="2",
)
plan, solve, replan = PLANNER.plan, PLANNER.solve, PLANNER.replan
