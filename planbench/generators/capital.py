"""What lasts longer than a year: capital goods, how they wear out and how they are built.

Capital carried over is a joint product (von Neumann 1937; Sraffa 1960, ch. X): an activity takes
capital of this year and gives, with its product, what is left of it as capital of the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.generators.arguments import array_of, whole_number
from planbench.model.arrays import (
    FloatArray,
    Matrix,
    canonical_labels,
    canonical_matrix,
    canonical_vector,
)
from planbench.model.economy import Economy

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Capital:
    """Capital goods of an economy; build it with :func:`make_capital`.

    Attributes
    ----------
    held : csc_array, shape (capital goods, activities)
        K ≥ 0, units of a capital good held for a year per unit of an activity.
    depreciation : ndarray, shape (capital goods,)
        δ in [0, 1], share lost in a year, used or idle.
    built_from : csc_array, shape (goods, capital goods)
        Goods used up in building one unit. A capital good of an empty column here and in
        ``builders`` cannot be built (land).
    builders : csc_array, shape (resources, capital goods)
        Resources used in building one unit.
    initial : ndarray, shape (capital goods,)
        Units there are when the first year begins.
    terminal : ndarray or None, shape (capital goods,)
        Units that must be left when the last year has ended; None asks for nothing.
    delay : int
        Years from building to use, at least 1.
    building_years : int or None
        Building begins in the first so many years only; None: as long as it can be of use.
    names, units : tuple of str or None
    """

    held: Matrix
    depreciation: FloatArray
    built_from: Matrix
    builders: Matrix
    initial: FloatArray
    terminal: FloatArray | None = None
    delay: int = 1
    building_years: int | None = None
    names: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None

    @property
    def count(self) -> int:
        """Number of capital goods."""
        return int(self.held.shape[0])

    @property
    def can_be_built(self) -> BoolArray:
        """Whether each capital good can be built, shape (capital goods,)."""
        out: BoolArray = (np.diff(self.built_from.indptr) + np.diff(self.builders.indptr)) > 0
        return out

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the capital goods, or ``capital-i``."""
        return self.names or tuple(f"capital-{i}" for i in range(self.count))


@dataclass(frozen=True, eq=False)
class Building:
    """How capital goods are built.

    Attributes
    ----------
    goods : array_like or sparse, shape (goods, capital goods)
        Goods used up in building one unit.
    resources : array_like or sparse, shape (resources, capital goods), optional
        Resources used in building one unit; none if missing.
    delay : int
        Years from building to use, at least 1.
    years : int or None
        Building begins in the first so many years only; None: as long as it can be of use.
    """

    goods: Any
    resources: Any = None
    delay: int = 1
    years: int | None = None


def make_capital(
    economy: Economy,
    *,
    held: Any,
    initial: Any,
    building: Building,
    depreciation: Any = 0.0,
    terminal: Any = None,
    names: Sequence[str] | None = None,
    units: Sequence[str] | None = None,
) -> Capital:
    """Check and build :class:`Capital` for the activities of `economy`.

    Arguments are the attributes of :class:`Capital`; vectors may be given as one number for all.

    Raises
    ------
    InputError
        On a wrong shape, a negative amount, a share outside [0, 1] or a delay below 1; the
        message names the field.
    """
    stocks = canonical_matrix(held, None, "capital.held", nonnegative=True)
    count = int(stocks.shape[0])
    if stocks.shape[1] != economy.n_activities or count == 0:
        raise InputError(
            f"has shape {count} x {stocks.shape[1]}; give a row per capital good and "
            f"{economy.n_activities} columns, one per activity",
            where="capital.held",
        )
    share = canonical_vector(depreciation, count, "capital.depreciation", lower=0.0)
    if share.max() > 1:
        raise InputError(f"is {share.max():g}; a share is at most 1", where="capital.depreciation")
    delay = whole_number(building.delay, "capital.delay", least=1)
    building_years = building.years
    if building_years is not None:
        building_years = whole_number(building_years, "capital.building_years")
    builders = building.resources
    if builders is None:
        builders = sp.csc_array((economy.n_resources, count))
    return Capital(
        held=stocks,
        depreciation=share,
        built_from=canonical_matrix(
            building.goods, (economy.n_goods, count), "capital.built_from", nonnegative=True
        ),
        builders=canonical_matrix(
            builders, (economy.n_resources, count), "capital.builders", nonnegative=True
        ),
        initial=canonical_vector(initial, count, "capital.initial", lower=0.0),
        terminal=None
        if terminal is None
        else canonical_vector(terminal, count, "capital.terminal", lower=0.0),
        delay=delay,
        building_years=building_years,
        names=canonical_labels(names, count, "capital.names"),
        units=canonical_labels(units, count, "capital.units", distinct=False),
    )


def stocks_by_user(
    economy: Economy,
    stock: Any,
    *,
    depreciation: Any = 0.0,
    initial: Any = None,
    terminal: Any = None,
) -> Capital:
    """Capital that stays where it is: a capital good for each good and each activity holding it.

    A unit of the good, put in place, is a unit of the stock; it serves no other activity
    (putty-clay). Iron of the coal mines and iron of the bakeries are two capital goods.

    Parameters
    ----------
    stock : array_like or sparse, shape (goods, activities)
        Units of a good held per unit of an activity; every entry is a capital good, in the
        order of goods, then activities.
    depreciation : array_like or sparse of the same shape, or a number
        Share lost in a year.
    initial : array_like or sparse of the same shape
        Stocks at the start; `stock` itself (what one unit of every activity needs) if missing.
    terminal : array_like or sparse of the same shape, optional

    Raises
    ------
    InputError
        On a wrong shape or sign.
    """
    shape = (economy.n_goods, economy.n_activities)
    per_unit = canonical_matrix(stock, shape, "capital.stock", nonnegative=True).tocsr()
    good = np.repeat(np.arange(shape[0]), np.diff(per_unit.indptr))
    activity = per_unit.indices
    count = per_unit.nnz
    if not count:
        raise InputError("holds nothing; leave capital out", where="capital.stock")

    def at_entries(values: Any, field: str) -> FloatArray:
        if not sp.issparse(values):
            values = array_of(values, field, "one number, or a matrix like the stock's")
            if values.ndim == 0:
                return np.full(count, float(values))
        matrix = canonical_matrix(values, shape, field).tocsr()
        return np.asarray(matrix[good, activity]).ravel()

    names = None
    if economy.goods and economy.activities:
        names = [
            f"{economy.goods[g]} stock of {economy.activities[j]}"
            for g, j in zip(good.tolist(), activity.tolist(), strict=True)
        ]
    return make_capital(
        economy,
        held=sp.csc_array(
            (per_unit.data, (np.arange(count), activity)), shape=(count, economy.n_activities)
        ),
        depreciation=at_entries(depreciation, "capital.depreciation"),
        initial=per_unit.data if initial is None else at_entries(initial, "capital.initial"),
        terminal=None if terminal is None else at_entries(terminal, "capital.terminal"),
        building=Building(
            sp.csc_array((np.ones(count), (good, np.arange(count))), shape=(economy.n_goods, count))
        ),
        names=names,
        units=[economy.units[g] for g in good.tolist()] if economy.units else None,
    )
