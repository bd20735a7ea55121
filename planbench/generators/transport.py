"""Carrying goods between regions: which goods, on which routes, at what cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.generators.arguments import array_of, chosen_goods, whole_number
from planbench.generators.capital import vector_of
from planbench.model.arrays import FloatArray, Matrix, canonical_matrix
from planbench.model.economy import Economy

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Transport:
    """Transport activities; build it with :func:`make_transport`.

    Carrying a unit of a good over distance s takes the unit and s times its freight in the
    region it leaves, and delivers 1 − s·loss units where it arrives (at least 0).

    Attributes
    ----------
    carried : ndarray of int, shape (carried goods,)
        Which goods can be carried.
    freight : csc_array, shape (goods, carried goods)
        Goods (transport services, fuel) used per unit carried over distance 1.
    labour : csc_array, shape (resources, carried goods)
        Resources used likewise.
    loss : ndarray, shape (carried goods,)
        Share lost on the way over distance 1 (Samuelson's iceberg, 1954).
    distance : ndarray, shape (regions, regions)
        From row to column; infinite where there is no route. The diagonal does not count.
    """

    carried: IntArray
    freight: Matrix
    labour: Matrix
    loss: FloatArray
    distance: FloatArray

    @property
    def routes(self) -> list[tuple[int, int, float]]:
        """Routes by origin, then destination, each with its distance."""
        reaches = np.isfinite(self.distance)
        np.fill_diagonal(reaches, False)
        return [
            (int(a), int(b), float(self.distance[a, b]))
            for a, b in zip(*np.nonzero(reaches), strict=True)
        ]


def make_transport(
    economy: Economy,
    regions: int,
    *,
    carried: Any = None,
    freight: Any = None,
    labour: Any = None,
    loss: Any = 0.0,
    distance: Any = 1.0,
) -> Transport:
    """Check and build :class:`Transport` for `regions` regions of `economy`.

    Parameters
    ----------
    economy : Economy
    regions : int
    carried : array_like of int, optional
        All goods if missing.
    freight : array_like or sparse, shape (goods, carried goods), optional
        None is used if missing.
    labour : array_like or sparse, shape (resources, carried goods), optional
        None is used if missing.
    loss : array_like or float
    distance : array_like, shape (regions, regions), or float
        One number: every region is that far from every other; infinite: no route at all.

    Raises
    ------
    InputError
        Naming the field and the mend.
    """
    regions = whole_number(regions, "regions", least=1)
    goods = chosen_goods(carried, economy.n_goods, "transport.carried")
    shapes = (economy.n_goods, goods.size), (economy.n_resources, goods.size)
    used = [
        canonical_matrix(
            sp.csc_array(shape) if given is None else given, shape, field, nonnegative=True
        )
        for given, shape, field in zip(
            (freight, labour), shapes, ("transport.freight", "transport.labour"), strict=True
        )
    ]
    lost = vector_of(loss, goods.size, "transport.loss")
    mend = "a number of at least 0 (or infinite) for all routes, or one for each pair of regions"
    far = array_of(distance, "transport.distance", mend)
    if far.ndim == 0:
        far = np.full((regions, regions), float(far))
    if far.shape != (regions, regions):
        raise InputError(
            f"has shape {far.shape}, expected {(regions, regions)}", where="transport.distance"
        )
    wrong = np.isnan(far) | (far < 0)
    if wrong.any():
        a, b = (int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            f"entry (row {a}, column {b}) is {far[a, b]:g}; give {mend}",
            where="transport.distance",
        )
    return Transport(goods, used[0], used[1], lost, far)
