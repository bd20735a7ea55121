"""Plans of economies with their prices, and points of linear programs."""

from __future__ import annotations

from dataclasses import dataclass

from planbench.model.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Plan:
    """A plan for an economy; nothing in it is trusted, the certificate judges it.

    Attributes
    ----------
    x : ndarray, shape (activities,)
        Activity levels, in units of each activity.
    z : ndarray, shape (targets,)
        Units of each target's assortment delivered.
    p : ndarray, shape (goods,) or None
        Prices of goods (objectively determined valuations), units of objective per unit.
    w : ndarray, shape (resources,) or None
        Rents of resources, units of objective per unit.
    v : ndarray, shape (activities,) or None
        Rents of capacities, units of objective per unit of activity.
    """

    x: FloatArray
    z: FloatArray
    p: FloatArray | None = None
    w: FloatArray | None = None
    v: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class LpPoint:
    """An answer to a linear program; nothing in it is trusted.

    Attributes
    ----------
    x : ndarray, shape (columns,) or None
    y : ndarray, shape (rows,) or None
        y = ∂(optimal objective)/∂(right-hand side), in the stated sense.
    claim, objective, primal_ray, dual_ray
        What a solver says besides; a file says nothing.
    """

    x: FloatArray | None
    y: FloatArray | None = None
    claim: str = "unknown"
    objective: float | None = None
    primal_ray: FloatArray | None = None
    dual_ray: FloatArray | None = None
