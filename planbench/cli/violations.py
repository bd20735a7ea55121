"""Which goods, resources and limits a plan violates, by name and amount."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planbench.catalogue.instance import Instance
from planbench.cli.plan_facts import largest
from planbench.model.arrays import FloatArray

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


def violations(instance: Instance, x: FloatArray, top: int = 10) -> list[Violation]:
    """Worst violations of `x`, by scaled amount, largest first.

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
        by_row = _outside(level, lp.row_lower, lp.row_upper)
        by_column = _outside(x, lp.col_lower, lp.col_upper)
        bound_row = np.where(level < lp.row_lower, lp.row_lower, lp.row_upper)
        bound_column = np.where(x < lp.col_lower, lp.col_lower, lp.col_upper)
        scaled = np.concatenate(
            [
                by_row / (1.0 + np.where(np.isfinite(bound_row), np.abs(bound_row), 0.0) + weight),
                by_column
                / (
                    1.0 + np.where(np.isfinite(bound_column), np.abs(bound_column), 0.0) + np.abs(x)
                ),
            ]
        )
    amounts = np.concatenate([by_row, by_column])
    scaled = np.where(np.isnan(scaled), np.inf, scaled)
    return [
        Violation(*_name(instance, i), float(amounts[i]), float(scaled[i]))
        for i in map(int, largest(scaled, top))
        if scaled[i] > ROUNDING
    ]


def _outside(value: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    return np.maximum(np.maximum(lower - value, value - upper), 0.0)


def _name(instance: Instance, i: int) -> tuple[str, str]:
    """Kind and name of row `i`, or of column `i` − rows."""
    economy, lp = instance.economy, instance.lp
    column = i - lp.n_rows
    if economy is None:
        return ("row", lp.row(i)) if column < 0 else ("column", lp.column(column))
    if i < economy.n_goods:
        return "good", economy.good(i)
    if column < 0:
        return "resource", economy.resource(i - economy.n_goods)
    if column < economy.n_activities:
        return "activity", economy.activity(column)
    return "target", economy.target(column - economy.n_activities)
