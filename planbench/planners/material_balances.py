"""``material-balances``: plans by successive approximation, as planning offices made them.

Output targets are fixed, the inputs they need are worked out with fixed norms, the inputs of
these inputs likewise, and so on, round after round,

    q⁽⁰⁾ = y,   q⁽ᵗ⁺¹⁾ = y + A q⁽ᵗ⁾,

until the balances close (Montias, "Planning with Material Balances in Soviet-Type Economies",
American Economic Review 49, 1959). Nothing is optimised: every good has one norm, chosen
beforehand, and the whole plan is scaled to the scarcest resource at the end. How the procedure
was read stands in ``docs/planners-heuristics.md``; the certificate says what it is worth.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.model.checks import one_good_each
from planbench.model.economy import Economy
from planbench.planners.planner import Planner, PlanOptions, Result, to_unit_value
from planbench.solvers.base import SolverSpec
from planbench.solvers.common import Clock

SPEC = SolverSpec(
    name="material-balances",
    family="planbench",
    method="successive approximation with fixed norms (Montias)",
    module="planbench.planners.material_balances",
    packages=("scipy",),
    takes=frozenset(("time_limit", "native")),
    phases=("load", "solve", "extract"),
    default="until the balances close to 1e-9, at most 100 rounds (--set rounds=N)",
    accepts="economy",
)
SOLVERS = (SPEC,)

ROUNDS = 100
#: Balances count as closed when no output changes by more than this share.
CLOSED = 1e-9


def refusal(economy: Economy) -> str | None:
    """Say why there are no material balances for `economy`, or None."""
    if not one_good_each(economy):
        return (
            "an activity makes several goods or none; a norm belongs to one good (see primal-dual)"
        )
    if (economy.fixed_demand < 0).any():
        return "there are stocks; a plan scaled to resources would scale them too (see primal-dual)"
    return None


def norms(economy: Economy) -> npt.NDArray[np.int64]:
    """Choose the norm of each good: the technique of least direct resource use.

    The use of each resource counts as a share of its endowment; of equals the first. Techniques
    that need a resource there is none of, or whose capacity is 0, are no norms.

    Returns
    -------
    ndarray of int64, shape (goods,)
        Activity of each good, −1 where there is none.
    """
    with np.errstate(divide="ignore"):
        weight = 1.0 / economy.endowment
    unusable = np.asarray(economy.resource_use.T @ np.isinf(weight).astype(np.float64)) > 0
    weight[np.isinf(weight)] = 0.0
    direct = np.asarray(economy.resource_use.T @ weight) / economy.outputs.data
    direct[unusable | (economy.capacity == 0)] = np.inf
    good = economy.outputs.indices
    order = np.lexsort((direct, good))
    firsts = order[np.flatnonzero(np.r_[True, np.diff(good[order]) > 0])]
    firsts = firsts[np.isfinite(direct[firsts])]
    chosen = np.full(economy.n_goods, -1, dtype=np.int64)
    chosen[good[firsts]] = firsts
    return chosen


def _run(economy: Economy, prepared: None, options: PlanOptions, state: None) -> Result:
    clock, n = Clock(options.time_limit), economy.n_goods
    chosen = norms(economy)
    able = np.flatnonzero(chosen >= 0)
    activity = chosen[able]
    # Column i of the norms: level of the activity per unit of good i.
    per_unit = sp.csc_array(
        (1.0 / economy.outputs.data[activity], (activity, able)), shape=(economy.n_activities, n)
    )
    inputs = sp.csr_array(economy.inputs @ per_unit)
    final = np.column_stack([economy.fixed_demand, economy.assortment.sum(axis=1)])
    with np.errstate(divide="ignore"):
        rents = np.where(economy.endowment > 0, 1.0 / economy.endowment, 0.0)
    cost = np.asarray(per_unit.T @ (economy.resource_use.T @ rents))
    outputs, prices = final, cost
    done, closed, late = 0, False, False
    for done in range(1, (options.rounds or ROUNDS) + 1):
        new = final + inputs @ outputs
        prices = cost + inputs.T @ prices
        if not (np.isfinite(new).all() and np.isfinite(prices).all()):
            break  # the norms reproduce less than they use: no plan by them
        change = float(np.max(np.abs(new - outputs) / np.maximum(new, 1e-300), initial=0.0))
        outputs = new
        options.report(f"round {done}: outputs change by at most {change:.2e}")
        closed = change <= CLOSED
        late = clock.remaining() == 0 and not closed
        if closed or late:
            break
    x, sets = np.zeros(economy.n_activities), 0.0
    if not outputs[chosen < 0].any():  # nobody needs what nobody can make
        x, sets = _scaled(economy, per_unit @ outputs, options.target)
    p, w = to_unit_value(economy, prices, rents)
    how = "balances closed" if closed else "balances open"
    return Result(
        ended="time limit" if late else "rounds done",
        x=x,
        z=np.full(economy.n_targets, sets),
        p=p,
        w=w,
        iterations={"rounds": done},
        heuristic=True,
        status=f"time limit, {how}" if late else how,
        method="material balances with norms of least direct resource use",
    )


def _scaled(economy: Economy, levels: FloatArray, target: float | None) -> tuple[FloatArray, float]:
    """Largest multiple of the targets' levels that fits on top of those for fixed demand."""
    needed = np.concatenate([economy.resource_use @ levels, levels])
    left = np.concatenate([economy.endowment, economy.capacity]) - needed[:, 0]
    some = needed[:, 1] > 0
    sets = max(0.0, float(np.min(left[some] / needed[some, 1], initial=np.inf)))
    if target is not None:
        sets = min(sets, target)
    if not np.isfinite(sets):
        raise InputError(
            "no resource or capacity limits the targets; state a target (--set target=N)",
            where="material-balances",
        )
    return np.minimum(levels[:, 0] + sets * levels[:, 1], economy.capacity), sets


PLANNER = Planner(
    spec=SPEC,
    refusal=refusal,
    run=_run,
    native=("rounds", "target"),
    rounds=ROUNDS,
)
plan, solve = PLANNER.plan, PLANNER.solve
