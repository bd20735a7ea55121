"""The activities of one year among several: make, keep, build, store, and what they give when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.generators.arguments import chosen_goods, whole_number
from planbench.generators.capital import Capital, vector_of
from planbench.generators.staircase import pile, staircase
from planbench.model.arrays import FloatArray, Matrix, canonical_matrix
from planbench.model.economy import Economy

IntArray = npt.NDArray[np.int64]
#: Which of make, keep, build and store there are in a year.
Kinds = tuple[bool, bool, bool, bool]


@dataclass(frozen=True, eq=False)
class Storage:
    """Goods that keep.

    Attributes
    ----------
    goods : array_like of int or None
        Which; None for all.
    loss : array_like or float
        Share lost in a year, in [0, 1), for each of them or one for all.
    years : int or None
        Goods are put into store in the first so many years only; None for no such limit.
    """

    goods: Any = None
    loss: Any = 0.0
    years: int | None = None


@dataclass(frozen=True)
class End:
    """When a plan ends, and what must be left then.

    Attributes
    ----------
    years : int
    goods, capital : bool
        Whether goods, and capital goods, are asked for at the date after the last year; what
        is not asked for is no good at that date.
    """

    years: int
    goods: bool
    capital: bool

    def rows(self, goods: int, capital: int) -> int:
        """Count the dated goods."""
        per_year = goods + capital
        return self.years * per_year + self.goods * goods + self.capital * capital

    def gap(self, goods: int, capital: int) -> tuple[int, int] | None:
        """First row and number of the goods that stand before the capital left at the end."""
        if self.goods or not self.capital:
            return None
        return self.years * (goods + capital), goods


@dataclass(frozen=True, eq=False)
class Year:
    """One year's activities, in the order make, keep, build, store.

    Attributes
    ----------
    inputs : csc_array, shape (goods + capital goods, activities of a year)
    outputs : csc_array, shape ((longest delay + 1) × (goods + capital goods), …)
        Row blocks are this year, the next, and so on.
    resource_use : csc_array, shape (resources, activities of a year)
    capacity : ndarray, shape (activities of a year,)
    counts : tuple of int
        How many activities there are of each kind.
    delays : tuple of int
        Years after which each kind gives what it gives first.
    until : tuple of (int or None)
        Number of years each kind may begin in; None for all.
    stored, buildable : ndarray of int
        Goods that keep; capital goods that can be built.
    capital_goods : int
    """

    inputs: Matrix
    outputs: Matrix
    resource_use: Matrix
    capacity: FloatArray
    counts: tuple[int, int, int, int]
    delays: tuple[int, int, int, int]
    until: tuple[int | None, int | None, int | None, int | None]
    stored: IntArray
    buildable: IntArray
    capital_goods: int

    def kinds_in(self, t: int, end: End) -> Kinds:
        """Which kinds there are in year `t` (from 0): those that bear fruit while it matters."""
        last = (end.goods, end.capital, end.capital, end.goods)
        make, keep, build, store = (
            count > 0 and t + delay < end.years + asked and (until is None or t < until)
            for count, delay, until, asked in zip(
                self.counts, self.delays, self.until, last, strict=True
            )
        )
        return make, keep, build, store

    def part(self, kinds: Kinds) -> Year:
        """Keep the activities of `kinds` only."""
        if all(there or not count for there, count in zip(kinds, self.counts, strict=True)):
            return self
        stays = np.flatnonzero(np.repeat(kinds, self.counts))
        counts = tuple(c * there for c, there in zip(self.counts, kinds, strict=True))
        return replace(
            self,
            inputs=_columns(self.inputs, stays),
            outputs=_columns(self.outputs, stays),
            resource_use=_columns(self.resource_use, stays),
            capacity=self.capacity[stays],
            counts=(counts[0], counts[1], counts[2], counts[3]),
        )


def one_year(
    economy: Economy, capital: Capital | None, storage: Storage | None, delivery: int
) -> Year:
    """Put together the activities of a year.

    Raises
    ------
    InputError
        On a storage that makes no sense.
    """
    n, k = economy.n_goods, economy.n_resources
    stored, left = _what_keeps(n, storage)
    store = _Group(
        goods_in=_unit(n, stored, np.ones(stored.size)), goods_out={1: _unit(n, stored, left)}
    )
    if capital is None:
        make = _Group(
            goods_in=economy.inputs,
            goods_out={delivery: economy.outputs},
            resource_use=economy.resource_use,
        )
        groups = [make, _Group(_none(n, 0)), _Group(_none(n, 0)), store]
        buildable, delay = np.zeros(0, dtype=np.int64), 1
    else:
        h, remains = capital.count, sp.diags_array(1.0 - capital.depreciation)
        buildable, delay = np.flatnonzero(capital.can_be_built), capital.delay
        make = _Group(
            goods_in=economy.inputs,
            goods_out={delivery: economy.outputs},
            capital_in=capital.held,
            capital_out={1: sp.csc_array(remains @ capital.held)},
            resource_use=economy.resource_use,
        )
        keep = _Group(
            goods_in=_none(n, h),
            capital_in=sp.csc_array(sp.eye_array(h)),
            capital_out={1: sp.csc_array(remains)},
        )
        build = _Group(
            goods_in=sp.csc_array(capital.built_from[:, buildable]),
            capital_out={delay: _unit(h, buildable, np.ones(buildable.size))},
            resource_use=sp.csc_array(capital.builders[:, buildable]),
        )
        groups = [make, keep, build, store]
    counts = tuple(group.goods_in.shape[1] for group in groups)
    h = 0 if capital is None else capital.count
    here = [group for group in groups if group.goods_in.shape[1]]
    longest = max(d for group in here for d in (*group.goods_out, *group.capital_out, 0))
    extra = np.full(sum(counts) - economy.n_activities, np.inf)
    return Year(
        inputs=_beside([_tall(group.goods_in, group.capital_in, h) for group in here]),
        outputs=_beside(
            [pile([group.at(delay, n, h) for delay in range(longest + 1)]) for group in here]
        ),
        resource_use=_beside(
            [
                _none(k, group.goods_in.shape[1])
                if group.resource_use is None
                else group.resource_use
                for group in here
            ]
        ),
        capacity=np.concatenate([economy.capacity, extra]),
        counts=(counts[0], counts[1], counts[2], counts[3]),
        delays=(delivery, 1, delay, 1),
        until=(
            None,
            None,
            None if capital is None else capital.building_years,
            None if storage is None else storage.years,
        ),
        stored=stored,
        buildable=buildable,
        capital_goods=h,
    )


@dataclass(frozen=True, eq=False)
class _Group:
    """Activities of one kind: what goes in, what comes out after how many years."""

    goods_in: Matrix
    goods_out: dict[int, Matrix] = field(default_factory=dict)
    capital_in: Matrix | None = None
    capital_out: dict[int, Matrix] = field(default_factory=dict)
    resource_use: Matrix | None = None

    def at(self, delay: int, goods: int, capital: int) -> Matrix:
        """Return what comes out after `delay` years, shape (goods + capital goods, activities)."""
        made = self.goods_out.get(delay, _none(goods, self.goods_in.shape[1]))
        return _tall(made, self.capital_out.get(delay), capital)


def _tall(goods: Matrix, capital: Matrix | None, count: int) -> Matrix:
    """Goods over capital goods; without any capital good the goods alone."""
    if not count:
        return goods
    return pile([goods, _none(count, goods.shape[1]) if capital is None else capital])


def _beside(blocks: list[Matrix]) -> Matrix:
    """Canonical blocks side by side, zeros dropped; a single one as it is."""
    if len(blocks) == 1:
        return canonical_matrix(blocks[0], None, "year")
    shape = blocks[0].shape[0], sum(block.shape[1] for block in blocks)
    return canonical_matrix(staircase(blocks, [0] * len(blocks), shape), None, "year")


def _none(rows: int, columns: int) -> Matrix:
    return sp.csc_array((rows, columns))


def _what_keeps(goods: int, storage: Storage | None) -> tuple[IntArray, FloatArray]:
    """Goods that keep, and the share of each that is left after a year."""
    if storage is None:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    stored = chosen_goods(storage.goods, goods, "storage.goods")
    loss = vector_of(storage.loss, stored.size, "storage.loss")
    if loss.size and loss.max() >= 1:
        raise InputError(
            f"is {loss.max():g}; it must be below 1 (leave such a good out)", where="storage.loss"
        )
    if storage.years is not None:
        whole_number(storage.years, "storage.years")
    return stored, 1.0 - loss


def _unit(rows: int, at: IntArray, values: FloatArray) -> Matrix:
    """One entry in each column, in row `at`."""
    return sp.csc_array((values, at, np.arange(at.size + 1)), shape=(rows, at.size))


def _columns(matrix: Matrix, stays: IntArray) -> Matrix:
    out = sp.csc_array(matrix[:, stays])
    out.has_canonical_format = True
    return out
