"""A plan: activity levels and target levels, with the prices that belong to them."""

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
