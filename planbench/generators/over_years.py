"""Dated goods: a plan over several years as one ordinary economy.

A good at another date is another good (Debreu 1959, ch. 2). With T years, one year's goods
balances, resources and targets are repeated T times; what links them are activities whose
outputs come later:

- *make*: as in one year; holds capital K_t, gives (1 − δ) of it as K_{t+1} (joint product: von
  Neumann 1937; Sraffa 1960, ch. X);
- *keep*: idle capital, K_t into (1 − δ) K_{t+1};
- *build*: goods and resources of year t into capital that is of use in year t + 1;
- *store*: a good of year t into 1 − loss of it in year t + 1.

What is found at the start is a negative fixed demand of year 1; what must be left at the end is
a fixed demand at the date after the last year. This is the dynamic input-output model (Leontief
1953) with inequalities and a choice of techniques.

An interior point comes from that of one year. Prices are those of one year, falling by a few per
cent a year, and capital goods at what they cost to build: then making, keeping, building and
storing all lose. The plan runs the one-year plan as far as capital allows, invests up to nine
tenths of what it leaves over, and keeps the rest of the capital idle, except a small part that is
slack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.generators.interior import strict_interior
from planbench.generators.staircase import pile, staircase
from planbench.io.files import require_memory
from planbench.model.arrays import (
    FloatArray,
    Matrix,
    canonical_labels,
    canonical_matrix,
    canonical_places,
    canonical_vector,
    is_whole,
)
from planbench.model.economy import Economy, Interior, make_economy

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Capital:
    """What lasts longer than a year; vectors may be one number for all.

    Attributes
    ----------
    held : array_like or sparse, shape (capital goods, activities)
        K ≥ 0, units of a capital good held for a year per unit of an activity.
    initial : array_like, shape (capital goods,)
        Units there are when the first year begins.
    built_from : array_like or sparse, shape (goods, capital goods)
        Goods used up in building one unit. A capital good of an empty column here and in
        ``builders`` cannot be built (land).
    builders : array_like or sparse, shape (resources, capital goods), optional
        Resources used in building one unit; none if missing.
    depreciation : array_like, shape (capital goods,)
        δ in [0, 1], share lost in a year, used or idle.
    terminal : array_like, shape (capital goods,), optional
        Units that must be left when the last year has ended.
    building_years : int or None
        Building begins in the first so many years only; None: as long as it can be of use.
    names, units : sequence of str, optional
    """

    held: Any
    initial: Any
    built_from: Any
    builders: Any = None
    depreciation: Any = 0.0
    terminal: Any = None
    building_years: int | None = None
    names: Sequence[str] | None = None
    units: Sequence[str] | None = None

    def checked(self, economy: Economy) -> Capital:
        """Check against `economy`; canonical arrays.

        Raises
        ------
        InputError
            On a wrong shape, a negative amount or a share outside [0, 1]; the message names the
            field.
        """
        n, m, k = economy.n_goods, economy.n_activities, economy.n_resources
        held = canonical_matrix(self.held, None, "capital.held", nonnegative=True)
        count = int(held.shape[0])
        if held.shape[1] != m or count == 0:
            raise InputError(
                f"has shape {count} x {held.shape[1]}; give a row per capital good and "
                f"{m} columns, one per activity",
                where="capital.held",
            )
        builders = sp.csc_array((k, count)) if self.builders is None else self.builders
        terminal = self.terminal
        if terminal is not None:
            terminal = canonical_vector(terminal, count, "capital.terminal", lower=0.0)
        return Capital(
            held=held,
            initial=canonical_vector(self.initial, count, "capital.initial", lower=0.0),
            built_from=canonical_matrix(
                self.built_from, (n, count), "capital.built_from", nonnegative=True
            ),
            builders=canonical_matrix(builders, (k, count), "capital.builders", nonnegative=True),
            depreciation=_share(self.depreciation, count, "capital.depreciation"),
            terminal=terminal,
            building_years=self.building_years,
            names=canonical_labels(self.names, count, "capital.names"),
            units=canonical_labels(self.units, count, "capital.units", distinct=False),
        )

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
    def labels(self) -> Sequence[str]:
        """Names of the capital goods, or ``capital-i``."""
        return self.names or [f"capital-{i}" for i in range(self.count)]


def stocks_by_user(economy: Economy, stock: Any, *, depreciation: Any = 0.0) -> Capital:
    """Capital that stays where it is: a capital good for each good and each activity holding it.

    A unit of the good, put in place, is a unit of the stock; it serves no other activity
    (putty-clay). Iron of the coal mines and iron of the bakeries are two capital goods. The first
    stocks are what one unit of every activity needs.

    Parameters
    ----------
    economy : Economy
    stock : array_like or sparse, shape (goods, activities)
        Units of a good held per unit of an activity; every entry is a capital good, in the
        order of goods, then activities.
    depreciation : array_like of the same shape, or a number
        Share lost in a year.

    Raises
    ------
    InputError
        On a wrong shape or sign.
    """
    shape = (economy.n_goods, economy.n_activities)
    entries = canonical_matrix(stock, shape, "capital.stock", nonnegative=True).tocsr().tocoo()
    good, activity = entries.coords
    count = entries.nnz
    if not count:
        raise InputError("holds nothing; leave capital out", where="capital.stock")
    one = np.arange(count)
    return Capital(
        held=sp.csc_array((entries.data, (one, activity)), shape=(count, shape[1])),
        initial=entries.data,
        built_from=sp.csc_array((np.ones(count), (good, one)), shape=(shape[0], count)),
        depreciation=np.broadcast_to(depreciation, shape)[good, activity],
        names=[
            f"{economy.good(g)} stock of {economy.activity(j)}"
            for g, j in zip(good.tolist(), activity.tolist(), strict=True)
        ],
        units=[economy.units[g] for g in good.tolist()] if economy.units else None,
    )


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


@dataclass(frozen=True, eq=False)
class Horizon:
    """The years of a plan, and what changes from one to the next.

    Attributes
    ----------
    years : int
        At least 1.
    delivery : int
        Years from inputs to outputs of the economy's own activities: 0, or e.g. 1 where inputs
        must be there a year before.
    initial : array_like, shape (goods,), optional
        Goods in stock at the start, besides what f says of every year.
    terminal : array_like, shape (goods,), optional
        Goods that must be in stock when the last year has ended.
    growth : float
        The endowment grows by this share a year, > −1.
    endowment : array_like, shape (years, resources), optional
        Instead of `growth`.
    fixed_demand : array_like, shape (years, goods), optional
        Instead of the economy's f in every year.
    assortments : array_like, shape (years, goods), optional
        Instead of the economy's D, for an economy of one target.
    discount : float
        Weight of a year's targets over those of the year before, in (0, 1].
    common_target : bool
        One target for all years (each year gets the same multiple of its assortment) instead
        of one a year; weights are the economy's.
    """

    years: int
    delivery: int = 0
    initial: Any = None
    terminal: Any = None
    growth: float = 0.0
    endowment: Any = None
    fixed_demand: Any = None
    assortments: Any = None
    discount: float = 1.0
    common_target: bool = False

    def check(self) -> None:
        """Refuse numbers out of their range; arrays are checked against the economy later.

        Raises
        ------
        InputError
            Naming the field and what it may be.
        """
        for field, holds, allowed in (
            ("years", is_whole(self.years, 1), "a whole number of at least 1"),
            ("delivery", is_whole(self.delivery, 0), "a whole number of at least 0"),
            ("growth", self.growth > -1, "a share a year above -1"),
            ("discount", 0 < self.discount <= 1, "a number in (0, 1]"),
        ):
            if not holds:
                raise InputError(f"is {getattr(self, field)}; give {allowed}", where=field)


class _Kind(NamedTuple):
    """Activities of one kind in a year.

    Attributes
    ----------
    inputs : csc_array, shape (goods + capital goods, activities)
    outputs : csc_array, shape (years × (goods + capital goods), activities)
        Row blocks are this year, the next, and so on.
    names : sequence of str
    lasts : bool
        Whether what they are for is asked for at the date after the last year.
    delay : int
        Years until it comes out.
    resource_use : csc_array, shape (resources, activities), or None
    capacity : ndarray, shape (activities,), or None
    until : int or None
        They may begin in the first so many years; None for all.
    """

    inputs: Matrix
    outputs: Matrix
    names: Sequence[str]
    lasts: bool
    delay: int = 1
    resource_use: Matrix | None = None
    capacity: FloatArray | None = None
    until: int | None = None

    @property
    def size(self) -> int:
        """Number of activities."""
        return int(self.inputs.shape[1])

    def begins(self, t: int, years: int) -> bool:
        """Whether they may begin in year `t` (from 0) and give output within the horizon."""
        return t + self.delay < years + self.lasts and (self.until is None or t < self.until)


def over_years(
    economy: Economy,
    horizon: Horizon,
    *,
    capital: Capital | None = None,
    storage: Storage | None = None,
) -> Economy:
    """Plan `economy`, which is one year's, over several years.

    Goods are ordered by date: goods, then capital goods of year 1, of year 2, … Activities are
    ordered by year: those of the economy, *keep*, *build*, *store*; activities whose output
    would only come after the horizon are left out. Resources and targets are ordered by year.

    Parameters
    ----------
    economy : Economy
    horizon : Horizon
        One year without anything else gives back the economy, array by array.
    capital : Capital, optional
    storage : Storage, optional

    Returns
    -------
    Economy
        Labels carry the year. The interior is derived from that of `economy` and checked; it is
        None, or without a plan, where that fails.

    Raises
    ------
    InputError
        Naming the argument and what to give instead.
    """
    horizon.check()
    if capital is not None:
        capital = capital.checked(economy)
    years = horizon.years
    require_memory(
        float(economy.nbytes) * years, "years", f"an economy over {plural(years, 'year')}"
    )
    k, date = economy.n_resources, economy.n_goods + (0 if capital is None else capital.count)
    kept = _asked_for(economy, capital, horizon)
    kinds = _kinds(economy, capital, storage, horizon)
    dated = [
        (t, name) for t in range(years) for name, kind in kinds.items() if kind.begins(t, years)
    ]
    if not dated:
        raise InputError(
            "no activity gives output within the horizon; use more years, or say what must be "
            "left at the end",
            where="years",
        )
    parts, at = [kinds[name] for _, name in dated], [t for t, _ in dated]

    def by_date(blocks: Sequence[Matrix], dates: Sequence[int]) -> Matrix:
        return staircase(blocks, [t * date for t in dates], kept.size, kept)

    available = _by_year(horizon.endowment, years, economy.endowment, "endowment", lower=0.0)
    if horizon.endowment is None:
        available = available * _powers(1.0 + horizon.growth, years)[:, None]
    bundles, weights = _assortments(economy, horizon), economy.weights
    if horizon.common_target:
        after = sp.csc_array((date, economy.n_targets))
        bundles = [pile([*(_placed(bundle, 0, date) for bundle in bundles), after])]
    else:
        weights = np.outer(_powers(horizon.discount, years), weights).ravel()
    out = make_economy(
        inputs=by_date([part.inputs for part in parts], at),
        outputs=by_date([part.outputs for part in parts], at),
        resource_use=staircase(
            [
                sp.csc_array((k, part.size)) if part.resource_use is None else part.resource_use
                for part in parts
            ],
            [t * k for t in at],
            years * k,
        ),
        endowment=available.ravel(),
        capacity=np.concatenate(
            [np.full(p.size, np.inf) if p.capacity is None else p.capacity for p in parts]
        ),
        assortment=by_date(bundles, range(len(bundles))),
        fixed_demand=_fixed_demand(economy, capital, horizon)[kept],
        weights=weights,
        name=f"{economy.name} over {plural(years, 'year')}",
        recipe={"over_years": years, "of": dict(economy.recipe)},
        **_labels(economy, capital, horizon, kept),
        activities=[f"{one} in year {t + 1}" for t, kind in dated for one in kinds[kind].names]
        if economy.activities
        else None,
    )
    if economy.interior is None:
        return out
    plan = None
    if economy.interior.activities is not None and horizon.delivery == 0:
        chosen = _plan(economy, capital, available, dated, economy.interior.activities)
        plan = np.concatenate(
            [chosen[t].get(kind, np.zeros(kinds[kind].size)) for t, kind in dated]
        )
    prices, rents = _prices(economy.interior, capital, years)
    return replace(out, interior=strict_interior(out, Interior(prices[kept], rents, plan)))


def _asked_for(economy: Economy, capital: Capital | None, horizon: Horizon) -> BoolArray:
    """Dated goods that there are: of the date after the last year only what must be left then.

    Returns
    -------
    ndarray of bool, shape ((years + 1) × (goods + capital goods),)
    """
    kept = np.ones((horizon.years + 1, economy.n_goods + (capital.count if capital else 0)), bool)
    kept[-1, : economy.n_goods] = horizon.terminal is not None
    kept[-1, economy.n_goods :] = capital is not None and capital.terminal is not None
    return kept.ravel()


def _kinds(
    economy: Economy, capital: Capital | None, storage: Storage | None, horizon: Horizon
) -> dict[str, _Kind]:
    """Kinds of activities by name (make, keep, build, store), those there are.

    Raises
    ------
    InputError
        On a storage that makes no sense.
    """
    n, h, delivery = economy.n_goods, 0 if capital is None else capital.count, horizon.delivery
    date = n + h
    goods_last = horizon.terminal is not None
    used = _placed(economy.inputs, 0, date)
    made = _placed(economy.outputs, delivery * date, (max(delivery, 1) + 1) * date)

    durable: dict[str, _Kind] = {}
    if capital is not None:
        lasts, remains = capital.terminal is not None, 1.0 - capital.depreciation
        held, idle = capital.held, _units(h, np.arange(h), np.ones(h))
        left = sp.csc_array(
            (held.data * remains[held.indices], held.indices, held.indptr), shape=held.shape
        )
        used = used + _placed(held, n, date)
        made = made + _placed(left, date + n, made.shape[0])
        durable["keep"] = _Kind(
            _placed(idle, n, date),
            _placed(_units(h, np.arange(h), remains), date + n, 2 * date),
            [f"keep {name}" for name in capital.labels],
            lasts,
        )
        built = np.flatnonzero(capital.can_be_built)
        if built.size:
            durable["build"] = _Kind(
                _placed(capital.built_from[:, built], 0, date),
                _placed(_units(h, built, np.ones(built.size)), date + n, 2 * date),
                [f"build {capital.labels[i]}" for i in built.tolist()],
                lasts,
                resource_use=sp.csc_array(capital.builders[:, built]),
                until=capital.building_years,
            )
    names = economy.activities or ()
    make = _Kind(used, made, names, goods_last, delivery, economy.resource_use, economy.capacity)
    kinds = {"make": make, **durable}
    if storage is not None:
        stored = canonical_places(storage.goods, n, "storage.goods")
        left_over = 1.0 - _share(storage.loss, stored.size, "storage.loss")
        if not left_over.all():
            raise InputError(
                "is 1; it must be below 1 (leave such a good out)", where="storage.loss"
            )
        if stored.size:
            kinds["store"] = _Kind(
                _units(date, stored, np.ones(stored.size)),
                _placed(_units(date, stored, left_over), date, 2 * date),
                [f"store {economy.good(i)}" for i in stored],
                goods_last,
                until=storage.years,
            )
    return kinds


def _placed(block: Matrix, row: int, rows: int) -> Matrix:
    """`block` in a matrix of so many rows, from `row` on."""
    return staircase([block], [row], rows)


def _units(rows: int, at: npt.NDArray[np.int64], values: FloatArray) -> Matrix:
    """One entry in each column, in row `at`."""
    return sp.csc_array((values, at, np.arange(at.size + 1)), shape=(rows, at.size))


def _share(given: Any, size: int, where: str) -> FloatArray:
    share = canonical_vector(given, size, where, lower=0.0)
    if share.max(initial=0.0) > 1:
        raise InputError(f"is {share.max():g}; a share is at most 1", where=where)
    return share


#: Prices of a year over those of the year before.
_FALL = 0.95
#: Share of the surplus goods and resources that is invested.
_INVESTED = 0.9
#: Share of the capital that is slack: part of what wears out anyway, and no less than the second.
_SLACK_OF_WORN = 0.08
_LEAST_SLACK = 1e-4
#: Investment is at most so many times what wears out.
_MOST_REPLACED = 2.0


def _prices(given: Interior, capital: Capital | None, years: int) -> tuple[FloatArray, FloatArray]:
    """Interior prices of all dated goods and of resources: those of one year, falling."""
    prices = given.goods_prices
    if capital is not None:
        cost = np.asarray(
            capital.built_from.T @ given.goods_prices + capital.builders.T @ given.resource_prices
        )
        # What cannot be built (or costs nothing) has any price; the typical one keeps the scale.
        typical = float(np.median(cost[cost > 0])) if (cost > 0).any() else 1.0
        prices = np.concatenate([prices, np.where(cost > 0, cost, typical)])
    fall = np.cumprod([1.0, *[_FALL] * years])
    return np.outer(fall, prices).ravel(), np.outer(fall[:-1], given.resource_prices).ravel()


def _plan(
    economy: Economy,
    capital: Capital | None,
    available: FloatArray,
    dated: Sequence[tuple[int, str]],
    x0: FloatArray,
) -> list[dict[str, FloatArray]]:
    """Levels of the interior plan by year and kind of activity; those left out are zero.

    Parameters
    ----------
    available : ndarray, shape (years, resources)
        Endowments.
    dated : sequence of (int, str)
        Years and the kinds of activities that begin in them.
    x0 : ndarray, shape (activities,)
        The interior plan of one year.
    """
    levels = _levels_by_endowment(economy, available)
    if capital is None:
        return [{"make": level * x0} for level in levels]
    needed = np.asarray(capital.held @ x0)
    worn = capital.depreciation * needed
    worn[~capital.can_be_built] = 0.0
    replaced = _replaceable(economy, capital, x0, worn)
    remains = 1.0 - capital.depreciation
    slack = np.maximum(_SLACK_OF_WORN * capital.depreciation, _LEAST_SLACK)
    stock = capital.initial
    plan = []
    for t, most in enumerate(levels):
        held = (1.0 - slack) * stock
        with np.errstate(divide="ignore", invalid="ignore"):
            level = min(most, float(np.min((held / needed)[needed > 0], initial=np.inf)))
        chosen = {"make": level * x0, "keep": np.maximum(held - level * needed, 0.0)}
        coming = np.zeros(capital.count)
        if (t, "build") in dated:
            coming = level * replaced * worn
            chosen["build"] = coming[capital.can_be_built]
        plan.append(chosen)
        stock = remains * held + coming
    return plan


def _levels_by_endowment(economy: Economy, available: FloatArray) -> list[float]:
    """For each year the share of the one-year plan that its endowments allow, at most 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(economy.endowment > 0, available / economy.endowment, np.inf)
    return [min(1.0, float(row.min(initial=1.0))) for row in share]


def _replaceable(economy: Economy, capital: Capital, x0: FloatArray, worn: FloatArray) -> float:
    """How many times what wears out in a year the one-year plan can spare."""
    surplus = np.asarray(economy.outputs @ x0 - economy.inputs @ x0)
    surplus -= np.maximum(economy.fixed_demand, 0.0)
    spare = economy.endowment - economy.resource_use @ x0
    asked = capital.built_from @ worn, capital.builders @ worn
    times = _MOST_REPLACED
    for left, needed in zip((surplus, spare), asked, strict=True):
        limits = left[needed > 0] / needed[needed > 0]
        times = min(times, _INVESTED * float(limits.min(initial=np.inf)))
    return max(times, 0.0)


def _labels(
    economy: Economy, capital: Capital | None, horizon: Horizon, kept: BoolArray
) -> dict[str, Any]:
    """Names of dated goods, resources and targets, and units; None where `economy` has none.

    Goods after the last year are ``… at the end``.
    """
    dates = [f"in year {t + 1}" for t in range(horizon.years)]

    def dated(names: Sequence[str], dates: Sequence[str] = dates) -> list[str]:
        return [f"{name} {date}" for date in dates for name in names]

    stocks = capital.labels if capital else ()
    units = (capital.units or ["units"] * capital.count) if capital else ()
    out: dict[str, Any] = {
        "resources": dated(economy.resources or ()) or None,
        "targets": economy.targets
        if horizon.common_target
        else dated(economy.targets or ()) or None,
    }
    if economy.goods:
        goods = dated([*economy.goods, *stocks], [*dates, "at the end"])
        out["goods"] = list(compress(goods, kept))
    if economy.units:
        out["units"] = list(compress([*economy.units, *units] * (horizon.years + 1), kept))
    return out


def _powers(base: float, count: int) -> FloatArray:
    """1, base, base², … by multiplication, which rounds alike everywhere."""
    out: FloatArray = np.cumprod(np.concatenate([[1.0], np.full(count - 1, base)]))
    return out


def _by_year(
    given: Any, years: int, usual: FloatArray, field: str, *, lower: float = -np.inf
) -> FloatArray:
    """Return one row for each year: those given, or the usual one in every year."""
    if given is None:
        return np.tile(usual, (years, 1))
    if not isinstance(given, Sequence | np.ndarray) or len(given) != years:
        raise InputError(f"give {years} rows of {usual.size}, one for each year", where=field)
    rows = (
        canonical_vector(
            [row] if np.isscalar(row) else row, usual.size, f"{field}[{t}]", lower=lower
        )
        for t, row in enumerate(given)
    )
    return np.array(list(rows))


def _assortments(economy: Economy, horizon: Horizon) -> list[Matrix]:
    """Return the assortment of every year."""
    if horizon.assortments is None:
        return [economy.assortment] * horizon.years
    if economy.n_targets > 1:
        raise InputError("are for an economy of one target", where="assortments")
    usual = np.zeros(economy.n_goods)
    rows = _by_year(horizon.assortments, horizon.years, usual, "assortments", lower=0.0)
    return [sp.csc_array(row[:, None]) for row in rows]


def _fixed_demand(economy: Economy, capital: Capital | None, horizon: Horizon) -> FloatArray:
    """Set out f of all dates: each year's, less the initial stocks, and the terminal stocks."""
    n, years = economy.n_goods, horizon.years
    out = np.zeros((years + 1, n + (0 if capital is None else capital.count)))
    out[:-1, :n] = _by_year(horizon.fixed_demand, years, economy.fixed_demand, "fixed_demand")
    if horizon.initial is not None:
        out[0, :n] -= canonical_vector(horizon.initial, n, "initial", lower=0.0)
    if horizon.terminal is not None:
        out[-1, :n] = canonical_vector(horizon.terminal, n, "terminal", lower=0.0)
    if capital is not None:
        out[0, n:] = -capital.initial
        if capital.terminal is not None:
            out[-1, n:] = capital.terminal
    return out.ravel()
