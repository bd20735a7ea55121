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
