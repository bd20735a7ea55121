"""Facts of a plan: fulfilment, largest activities, dearest goods, and what it violates.

Amounts and prices are recomputed from the instance. The facts are plain mappings, which are put
into JSON and laid out as tables alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.catalogue.instance import Instance
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import Plan

#: Name and amounts of one target, activity, good, resource, row or column.
Fact = dict[str, Any]
#: Violations smaller than this share of the row are rounding, and are not listed.
ROUNDING = 1e-12


def largest(values: FloatArray, top: int) -> npt.NDArray[np.intp]:
    """Find the indices of the `top` largest `values`, largest first; NaN counts as smallest."""
    ranked = np.where(np.isnan(values), -np.inf, values)
    top = min(top, ranked.size)
    if top <= 0:
        return np.zeros(0, dtype=np.intp)
    found = np.argpartition(-ranked, top - 1)[:top]
    return found[np.argsort(-ranked[found], kind="stable")]


def _facts(
    indices: Iterable[Any], name: Callable[[int], str], **columns: FloatArray | None
) -> list[Fact]:
    """Names and amounts at `indices`; None for what is unknown or infinite."""

    def amount(values: FloatArray | None, i: int) -> float | None:
        return float(values[i]) if values is not None and np.isfinite(values[i]) else None

    return [
        {"name": name(i)} | {column: amount(values, i) for column, values in columns.items()}
        for i in map(int, indices)
    ]


def plan_facts(economy: Economy, plan: Plan, top: int) -> dict[str, Any]:
    """Collect the facts of `plan`: the largest and dearest of everything.

    Parameters
    ----------
    economy : Economy
    plan : Plan
        Without prices activities are ranked by their level, and no goods are listed; without
        rents no resources.
    top : int
        How many of each to list.

    Returns
    -------
    dict
        ``targets`` (units of the assortment delivered, part of the objective), ``activities``
        (value of what they make at the plan's prices), ``goods``, ``resources`` (share of the
        value of the plan), how many there are, and how many activities are above rounding.
    """
    x, p, w = plan.x, plan.p, plan.w
    worth = economy.weights * plan.z
    made = np.asarray(economy.outputs @ x)
    value = None if p is None else np.asarray(economy.outputs.T @ p) * x
    total = 0.0 if value is None else float(np.maximum(value, 0.0).sum())
    # Targets in their own order as long as they all fit: years stay years.
    targets = range(worth.size) if worth.size <= top else sorted(map(int, largest(worth, top)))
    ranked = largest(x if value is None else value, top)
    goods: list[Fact] = []
    if p is not None:
        delivered, dearest = np.asarray(economy.assortment @ plan.z), largest(p, top)
        goods = _facts(
            dearest[p[dearest] > 0],
            economy.good,
            price=p,
            made=made,
            delivered=delivered,
            value=p * made,
        )
        for good, i in zip(goods, dearest, strict=False):
            good["unit"] = economy.units[i] if economy.units else ""
    resources: list[Fact] = []
    if w is not None:
        given = _dual_value(economy, plan, w)
        resources = _facts(
            largest(w * economy.endowment, top),
            economy.resource,
            rent=w,
            used=np.asarray(economy.resource_use @ x),
            endowment=economy.endowment,
            share=w * economy.endowment / given if given > 0 else None,
        )
    return {
        "targets": _facts(
            targets, economy.target, level=plan.z, weight=economy.weights, value=worth
        ),
        "activities": _facts(
            ranked[x[ranked] > 0],
            economy.activity,
            level=x,
            capacity=economy.capacity,
            value=value,
            share=value / total if value is not None and total else None,
        ),
        "goods": goods,
        "resources": resources,
        "ranked_by": "level" if value is None else "value",
        "running": int((x > 1e-9 * max(float(np.max(x, initial=0.0)), 1e-300)).sum()),
        "n_targets": economy.n_targets,
        "n_activities": economy.n_activities,
        "n_goods": economy.n_goods,
        "n_resources": economy.n_resources,
    }


def _dual_value(economy: Economy, plan: Plan, w: FloatArray) -> float:
    """Value of everything given: w·r + v·u − p·f, the objective at the optimum."""
    total = float(w @ economy.endowment)
    if plan.p is not None:
        total -= float(plan.p @ economy.fixed_demand)
    if plan.v is not None:
        finite = np.isfinite(economy.capacity)
        total += float(plan.v[finite] @ economy.capacity[finite])
    return total


def solution_facts(
    lp: LinearProgram, x: FloatArray, y: FloatArray | None, top: int
) -> dict[str, Any]:
    """Collect the facts of a solution of a general LP.

    Parameters
    ----------
    x : ndarray, shape (columns,)
    y : ndarray, shape (rows,) or None
    top : int

    Returns
    -------
    dict
        The largest ``columns`` by |x| and the ``rows`` with the largest |dual|, each with
        c_j x_j or y_i (Mx)_i as ``worth``, and the number of columns away from zero.
    """
    ranked = largest(np.abs(x), top)
    reduced = None if y is None else lp.cost - np.asarray(lp.matrix.T @ y)
    rows: list[Fact] = []
    if y is not None:
        level, dearest = np.asarray(lp.matrix @ x), largest(np.abs(y), top)
        rows = _facts(dearest[y[dearest] != 0], lp.row, value=level, dual=y, worth=y * level)
    return {
        "columns": _facts(
            ranked[x[ranked] != 0], lp.column, value=x, dual=reduced, worth=lp.cost * x
        ),
        "rows": rows,
        "nonzero": int((x != 0).sum()),
    }


def violations(
    instance: Instance, x: FloatArray, top: int = 10
) -> tuple[list[Fact], dict[str, float]]:
    """Find what `x` violates.

    Parameters
    ----------
    instance : Instance
    x : ndarray, shape (columns,)
        Point of the linear program; may hold NaN, which violates everything it touches.
    top : int
        How many to list at most.

    Returns
    -------
    worst : list of dict
        ``kind`` (``good``, ``resource``, ``activity`` or ``target``; ``row`` or ``column`` of a
        general LP), ``name``, ``amount`` in units of the row or column, and ``scaled``: the same
        divided by 1 + |bound| + Σ|M_ij x_j|. Worst first; rounding is left out.
    by_kind : dict of str to float
        Largest amount of every kind, 0 where all bounds are kept.
    """
    lp = instance.lp
    with np.errstate(invalid="ignore", over="ignore"):
        value = np.concatenate([np.asarray(lp.matrix @ x), x])
        lower = np.concatenate([lp.row_lower, lp.col_lower])
        upper = np.concatenate([lp.row_upper, lp.col_upper])
        amounts = np.maximum(np.maximum(lower - value, value - upper), 0.0)
        bounds = np.where(value < lower, lower, upper)
        size = 1.0 + np.where(np.isfinite(bounds), np.abs(bounds), 0.0)
        weight = np.concatenate([np.asarray(abs(lp.matrix) @ np.abs(x)), np.abs(x)])
        scaled = amounts / (size + weight)
    scaled = np.where(np.isnan(scaled), np.inf, scaled)
    amounts = np.where(np.isnan(amounts), np.inf, amounts)
    kinds = _kinds(instance)
    starts = np.cumsum([0, *(count for _, count, _ in kinds)])
    worst = []
    for i in map(int, largest(scaled, top)):
        if scaled[i] > ROUNDING:
            place = int(np.searchsorted(starts, i, side="right")) - 1
            kind, _, name = kinds[place]
            worst.append(
                {
                    "kind": kind,
                    "name": name(i - int(starts[place])),
                    "amount": float(amounts[i]),
                    "scaled": float(scaled[i]),
                }
            )
    return worst, {
        kind: float(np.max(amounts[start : start + count], initial=0.0))
        for (kind, count, _), start in zip(kinds, starts, strict=False)
    }


def _kinds(instance: Instance) -> list[tuple[str, int, Callable[[int], str]]]:
    """Return the kinds of rows, then of columns: how many there are, and their names."""
    economy, lp = instance.economy, instance.lp
    if economy is None:
        return [("row", lp.n_rows, lp.row), ("column", lp.n_cols, lp.column)]
    return [
        ("good", economy.n_goods, economy.good),
        ("resource", economy.n_resources, economy.resource),
        ("activity", economy.n_activities, economy.activity),
        ("target", economy.n_targets, economy.target),
    ]
