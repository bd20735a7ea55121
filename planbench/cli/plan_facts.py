"""Facts of a plan: fulfilment, largest activities, dearest goods, and what it violates.

Amounts and prices are recomputed from the instance; the same facts are shown and put into JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.catalogue.instance import Instance
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import Plan


@dataclass(frozen=True)
class TargetFact:
    """A target: units of its assortment delivered, weight, and its part of the objective."""

    name: str
    level: float
    weight: float
    value: float


@dataclass(frozen=True)
class ActivityFact:
    """An activity: level, limit (None: no limit), value of what it makes at the plan's prices."""

    name: str
    level: float
    capacity: float | None
    value: float | None
    share: float | None


@dataclass(frozen=True)
class GoodFact:
    """A good: price per unit, amount made, amount delivered to targets, value of what is made."""

    name: str
    unit: str
    price: float
    made: float
    delivered: float
    value: float


@dataclass(frozen=True)
class ResourceFact:
    """A resource: rent per unit, use, endowment, and its share of the value of the plan."""

    name: str
    rent: float
    used: float
    endowment: float
    share: float | None


@dataclass(frozen=True)
class PlanFacts:
    """The largest and dearest of everything; lists are sorted, and empty without prices.

    Attributes
    ----------
    targets, activities, goods, resources
        At most as many of each as were asked for.
    ranked_by : str
        What activities are ranked by: ``value`` or, without prices, ``level``.
    running : int
        Activities above rounding.
    n_targets, n_activities, n_goods, n_resources : int
        How many there are.
    """

    targets: tuple[TargetFact, ...]
    activities: tuple[ActivityFact, ...]
    goods: tuple[GoodFact, ...]
    resources: tuple[ResourceFact, ...]
    ranked_by: str
    running: int
    n_targets: int
    n_activities: int
    n_goods: int
    n_resources: int

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain mappings."""
        return asdict(self)


def largest(values: FloatArray, top: int) -> npt.NDArray[np.intp]:
    """Find the indices of the `top` largest `values`, largest first; NaN counts as smallest."""
    ranked = np.where(np.isnan(values), -np.inf, values)
    top = min(top, ranked.size)
    if top <= 0:
        return np.zeros(0, dtype=np.intp)
    found = np.argpartition(-ranked, top - 1)[:top]
    return found[np.argsort(-ranked[found], kind="stable")]


def plan_facts(economy: Economy, plan: Plan, top: int) -> PlanFacts:
    """Collect the facts of `plan`.

    Parameters
    ----------
    economy : Economy
    plan : Plan
        Without prices activities are ranked by their level.
    top : int
        How many of each to list.
    """
    p, w = plan.p, plan.w
    made = np.asarray(economy.outputs @ plan.x)
    value = None if p is None else np.asarray(economy.outputs.T @ p) * plan.x
    goods: tuple[GoodFact, ...] = ()
    if p is not None:
        delivered = np.asarray(economy.assortment @ plan.z)
        goods = tuple(
            GoodFact(
                economy.good(i),
                economy.units[i] if economy.units else "",
                float(p[i]),
                float(made[i]),
                float(delivered[i]),
                float(p[i] * made[i]),
            )
            for i in map(int, largest(p, top))
            if p[i] > 0
        )
    return PlanFacts(
        targets=_targets(economy, plan, top),
        activities=_activities(economy, plan, value, top),
        goods=goods,
        resources=() if w is None else _resources(economy, plan, w, top),
        ranked_by="level" if value is None else "value",
        running=int((plan.x > 1e-9 * max(float(np.max(plan.x, initial=0.0)), 1e-300)).sum()),
        n_targets=economy.n_targets,
        n_activities=economy.n_activities,
        n_goods=economy.n_goods,
        n_resources=economy.n_resources,
    )


def _targets(economy: Economy, plan: Plan, top: int) -> tuple[TargetFact, ...]:
    worth = economy.weights * plan.z
    # In their own order as long as they all fit: years stay years.
    chosen = range(worth.size) if worth.size <= top else sorted(map(int, largest(worth, top)))
    return tuple(
        TargetFact(economy.target(k), float(plan.z[k]), float(economy.weights[k]), float(worth[k]))
        for k in chosen
    )


def _activities(
    economy: Economy, plan: Plan, value: FloatArray | None, top: int
) -> tuple[ActivityFact, ...]:
    rank = plan.x if value is None else value
    total = None if value is None else float(np.maximum(value, 0.0).sum())
    found = []
    for j in map(int, largest(rank, top)):
        if not plan.x[j] > 0:
            continue
        limit = float(economy.capacity[j])
        found.append(
            ActivityFact(
                economy.activity(j),
                float(plan.x[j]),
                limit if np.isfinite(limit) else None,
                None if value is None else float(value[j]),
                float(value[j]) / total if value is not None and total else None,
            )
        )
    return tuple(found)


def _resources(economy: Economy, plan: Plan, w: FloatArray, top: int) -> tuple[ResourceFact, ...]:
    used = np.asarray(economy.resource_use @ plan.x)
    total = _dual_value(economy, plan, w)
    return tuple(
        ResourceFact(
            economy.resource(k),
            float(w[k]),
            float(used[k]),
            float(economy.endowment[k]),
            float(w[k] * economy.endowment[k]) / total if total > 0 else None,
        )
        for k in map(int, largest(w * economy.endowment, top))
    )


def _dual_value(economy: Economy, plan: Plan, w: FloatArray) -> float:
    """Value of everything given: w·r + v·u − p·f, the objective at the optimum."""
    total = float(w @ economy.endowment)
    if plan.p is not None:
        total -= float(plan.p @ economy.fixed_demand)
    if plan.v is not None:
        finite = np.isfinite(economy.capacity)
        total += float(plan.v[finite] @ economy.capacity[finite])
    return total


@dataclass(frozen=True)
class EntryFact:
    """A column or row of a general LP: value (or activity), dual, and c_j x_j or y_i (Mx)_i."""

    name: str
    value: float
    dual: float | None
    worth: float | None


@dataclass(frozen=True)
class SolutionFacts:
    """The largest columns by |x| and the rows with the largest |dual|.

    Attributes
    ----------
    columns, rows : tuple of EntryFact
    nonzero : int
        Columns away from zero.
    """

    columns: tuple[EntryFact, ...]
    rows: tuple[EntryFact, ...]
    nonzero: int

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain mappings."""
        return asdict(self)


def solution_facts(
    lp: LinearProgram, x: FloatArray, y: FloatArray | None, top: int
) -> SolutionFacts:
    """Collect the facts of a solution of a general LP.

    Parameters
    ----------
    x : ndarray, shape (columns,)
    y : ndarray, shape (rows,) or None
    top : int
    """
    reduced = None if y is None else lp.cost - np.asarray(lp.matrix.T @ y)
    columns = tuple(
        EntryFact(
            lp.column(j),
            float(x[j]),
            None if reduced is None else float(reduced[j]),
            float(lp.cost[j] * x[j]),
        )
        for j in map(int, largest(np.abs(x), top))
        if x[j] != 0
    )
    rows: tuple[EntryFact, ...] = ()
    if y is not None:
        level = np.asarray(lp.matrix @ x)
        rows = tuple(
            EntryFact(lp.row(i), float(level[i]), float(y[i]), float(y[i] * level[i]))
            for i in map(int, largest(np.abs(y), top))
            if y[i] != 0
        )
    return SolutionFacts(columns, rows, int((x != 0).sum()))


#: Violations smaller than this share of the row are rounding, and are not listed.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Violation:
    """A row or column whose bound is not kept.

    Attributes
    ----------
    kind : str
        ``good``, ``resource``, ``activity`` or ``target``; ``row`` or ``column`` of a general LP.
    name : str
    amount : float
        By how much, in units of the row or column.
    scaled : float
        The same, divided by 1 + |bound| + Σ|M_ij x_j|.
    """

    kind: str
    name: str
    amount: float
    scaled: float


@dataclass(frozen=True)
class Violations:
    """What a point violates.

    Attributes
    ----------
    worst : tuple of Violation
        The worst by scaled amount, largest first; rounding is left out.
    by_kind : dict of str to float
        Largest amount of every kind, 0 where all bounds are kept.
    """

    worst: tuple[Violation, ...]
    by_kind: dict[str, float]


def violations(instance: Instance, x: FloatArray, top: int = 10) -> Violations:
    """Find what `x` violates.

    Parameters
    ----------
    instance : Instance
    x : ndarray, shape (columns,)
        Point of the linear program; may hold NaN, which violates everything it touches.
    top : int
        How many to list at most.
    """
    lp = instance.lp
    with np.errstate(invalid="ignore", over="ignore"):
        level = np.asarray(lp.matrix @ x)
        weight = np.asarray(abs(lp.matrix) @ np.abs(x))
        rows = _outside(level, lp.row_lower, lp.row_upper)
        columns = _outside(x, lp.col_lower, lp.col_upper)
        amounts = np.concatenate([rows, columns])
        bounds = np.concatenate(
            [
                np.where(level < lp.row_lower, lp.row_lower, lp.row_upper),
                np.where(x < lp.col_lower, lp.col_lower, lp.col_upper),
            ]
        )
        size = 1.0 + np.where(np.isfinite(bounds), np.abs(bounds), 0.0)
        scaled = amounts / (size + np.concatenate([weight, np.abs(x)]))
    scaled = np.where(np.isnan(scaled), np.inf, scaled)
    amounts = np.where(np.isnan(amounts), np.inf, amounts)
    return Violations(
        tuple(
            Violation(*_name(instance, i), float(amounts[i]), float(scaled[i]))
            for i in map(int, largest(scaled, top))
            if scaled[i] > ROUNDING
        ),
        {
            kind: float(np.max(amounts[start:end], initial=0.0))
            for kind, start, end in _kinds(instance)
        },
    )


def _outside(value: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    return np.maximum(np.maximum(lower - value, value - upper), 0.0)


def _kinds(instance: Instance) -> list[tuple[str, int, int]]:
    """Return the kinds of rows, then of columns, each with its first index and its end."""
    economy, lp = instance.economy, instance.lp
    n = lp.n_rows
    if economy is None:
        return [("row", 0, n), ("column", n, n + lp.n_cols)]
    m = n + economy.n_activities
    return [
        ("good", 0, economy.n_goods),
        ("resource", economy.n_goods, n),
        ("activity", n, m),
        ("target", m, m + economy.n_targets),
    ]


def _name(instance: Instance, i: int) -> tuple[str, str]:
    """Kind and name of row `i`, or of column `i` − rows."""
    kind, start, _ = next(k for k in _kinds(instance) if i < k[2])
    named = instance.economy if instance.economy is not None else instance.lp
    return kind, getattr(named, kind)(i - start)
