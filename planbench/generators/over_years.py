"""Dated goods: a plan over several years as one ordinary economy.

A good at another date is another good (Debreu 1959, ch. 2). With T years, one year's goods
balances, resources and targets are repeated T times; what links them are activities whose
outputs come later:

- *make*: as in one year; holds capital K_t, gives (1 − δ) of it as K_{t+1} (joint product);
- *keep*: idle capital, K_t into (1 − δ) K_{t+1};
- *build*: goods and resources of year t into capital that is of use `delay` years later;
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
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.generators.arguments import (
    array_of,
    check_kind,
    check_number,
    chosen_goods,
    whole_number,
)
from planbench.generators.capital import Capital
from planbench.generators.interior import strict_interior
from planbench.generators.staircase import pile, staircase
from planbench.io.files import require_memory
from planbench.model.arrays import FloatArray, Matrix, canonical_matrix, canonical_vector
from planbench.model.economy import Economy, Interior, make_economy

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


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
    assortments : sequence of matrices, shape (goods, targets), optional
        One for each year instead of the economy's D.
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
    assortments: Sequence[Any] | None = None
    discount: float = 1.0
    common_target: bool = False

    def check(self) -> None:
        """Refuse numbers out of their range; arrays are checked against the economy later.

        Raises
        ------
        InputError
            Naming the field and what it may be.
        """
        whole_number(self.years, "years", least=1)
        whole_number(self.delivery, "delivery")
        check_number(self.growth, "growth", "a share a year above -1", lambda x: x > -1)
        check_number(self.discount, "discount", "a number in (0, 1]", lambda x: 0 < x <= 1)


def over_years(
    economy: Economy,
    horizon: Horizon,
    *,
    capital: Capital | None = None,
    storage: Storage | None = None,
    name: str | None = None,
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
    name : str, optional

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
    check_kind(horizon, Horizon, "horizon", "give Horizon(years=…)")
    check_kind(capital, Capital, "capital", "give what make_capital returns, or leave it out")
    check_kind(storage, Storage, "storage", "give Storage(…), or leave it out")
    horizon.check()
    if capital is not None and (
        capital.held.shape[1],
        capital.built_from.shape[0],
        capital.builders.shape[0],
    ) != (economy.n_activities, economy.n_goods, economy.n_resources):
        raise InputError("is of another economy; make it from this one", where="capital")
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
    available = _by_year(horizon.endowment, years, k, economy.endowment, "endowment", least=0.0)
    if horizon.endowment is None:
        available = available * _powers(1.0 + horizon.growth, years)[:, None]
    bundles, weights = _assortments(economy, horizon), economy.weights
    if horizon.common_target:
        bundles = [_stacked({t * date: bundle for t, bundle in enumerate(bundles)}, kept.size)]
    else:
        weights = np.outer(_powers(horizon.discount, years), weights).ravel()
    out = make_economy(
        inputs=staircase([part.inputs for part in parts], [t * date for t in at], kept.size, kept),
        outputs=staircase(
            [part.outputs for part in parts], [t * date for t in at], kept.size, kept
        ),
        resource_use=staircase(
            [part.resource_use for part in parts], [t * k for t in at], years * k
        ),
        endowment=available.ravel(),
        capacity=np.concatenate([part.capacity for part in parts]),
        assortment=staircase(bundles, [t * date for t in range(len(bundles))], kept.size, kept),
        fixed_demand=_fixed_demand(economy, capital, horizon)[kept],
        weights=weights,
        name=name or f"{economy.name} over {plural(years, 'year')}",
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
            [chosen[t].get(kind, np.zeros(kinds[kind].capacity.size)) for t, kind in dated]
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


@dataclass(frozen=True, eq=False)
class _Kind:
    """Activities of one kind in a year.

    Attributes
    ----------
    inputs : csc_array, shape (goods + capital goods, activities)
    outputs : csc_array, shape (years × (goods + capital goods), activities)
        Row blocks are this year, the next, and so on.
    resource_use : csc_array, shape (resources, activities)
    names : list of str
    delay : int
        Years until what they are for comes out.
    lasts : bool
        Whether that is asked for at the date after the last year.
    until : int or None
        They may begin in the first so many years; None for all.
    capacity : ndarray, shape (activities,)
    """

    inputs: Matrix
    outputs: Matrix
    resource_use: Matrix
    names: list[str]
    delay: int
    lasts: bool
    until: int | None
    capacity: FloatArray

    def begins(self, t: int, years: int) -> bool:
        """Whether they may begin in year `t` (from 0) and give output within the horizon."""
        return t + self.delay < years + self.lasts and (self.until is None or t < self.until)


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
    goods_last = horizon.terminal is not None
    capital_lasts = capital is not None and capital.terminal is not None

    def kind(
        inputs: dict[int, Matrix],
        outputs: dict[int, Matrix],
        names: Sequence[str] | None,
        delay: int,
        lasts: bool,
        *,
        until: int | None = None,
        resource_use: Matrix | None = None,
        capacity: FloatArray | None = None,
    ) -> _Kind:
        # Matrices are given by the row at which they begin.
        count = next(iter(inputs.values())).shape[1]
        if resource_use is None:
            resource_use = sp.csc_array((economy.n_resources, count))
        return _Kind(
            inputs=_stacked(inputs, n + h),
            outputs=_stacked(outputs, (max(delay, 1) + 1) * (n + h)),
            resource_use=resource_use,
            names=list(names or ()),
            delay=delay,
            lasts=lasts,
            until=until,
            capacity=np.full(count, np.inf) if capacity is None else capacity,
        )

    used, made = {0: economy.inputs}, {delivery * (n + h): economy.outputs}
    durable: dict[str, _Kind] = {}
    if capital is not None:
        remains = sp.diags_array(1.0 - capital.depreciation)
        used[n] = capital.held
        made[2 * n + h] = sp.csc_array(remains @ capital.held)
        durable["keep"] = kind(
            {n: sp.csc_array(sp.eye_array(h))},
            {2 * n + h: sp.csc_array(remains)},
            [f"keep {name}" for name in capital.labels],
            1,
            capital_lasts,
        )
        built = np.flatnonzero(capital.can_be_built)
        if built.size:
            durable["build"] = kind(
                {0: sp.csc_array(capital.built_from[:, built])},
                {capital.delay * (n + h) + n: _unit(h, built, np.ones(built.size))},
                [f"build {capital.labels[i]}" for i in built],
                capital.delay,
                capital_lasts,
                until=capital.building_years,
                resource_use=sp.csc_array(capital.builders[:, built]),
            )
    make = kind(
        used,
        made,
        economy.activities,
        delivery,
        goods_last,
        resource_use=economy.resource_use,
        capacity=economy.capacity,
    )
    kinds = {"make": make, **durable}
    if storage is not None:
        stored, left = _what_keeps(n, storage)
        if stored.size:
            kinds["store"] = kind(
                {0: _unit(n, stored, np.ones(stored.size))},
                {n + h: _unit(n, stored, left)},
                [f"store {economy.good(i)}" for i in stored],
                1,
                goods_last,
                until=storage.years,
            )
    return kinds


def _stacked(blocks: dict[int, Matrix], rows: int) -> Matrix:
    """Place blocks, given by their first row, on top of each other; zeros elsewhere."""
    parts: list[Matrix] = []
    at = 0
    for row, block in sorted(blocks.items()):
        if row > at:
            parts.append(sp.csc_array((row - at, block.shape[1])))
        parts.append(block)
        at = row + block.shape[0]
    if rows > at:
        parts.append(sp.csc_array((rows - at, parts[0].shape[1])))
    return canonical_matrix(pile(parts), None, "year")


def _what_keeps(goods: int, storage: Storage) -> tuple[IntArray, FloatArray]:
    """Goods that keep, and the share of each that is left after a year."""
    stored = chosen_goods(storage.goods, goods, "storage.goods")
    loss = canonical_vector(storage.loss, stored.size, "storage.loss", lower=0.0)
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
    coming = [np.zeros(capital.count) for _ in range(len(levels) + capital.delay)]
    plan = []
    for t, most in enumerate(levels):
        held = (1.0 - slack) * stock
        with np.errstate(divide="ignore", invalid="ignore"):
            level = min(most, float(np.min((held / needed)[needed > 0], initial=np.inf)))
        chosen = {"make": level * x0, "keep": np.maximum(held - level * needed, 0.0)}
        if (t, "build") in dated:
            coming[t + capital.delay] = level * replaced * worn
            chosen["build"] = coming[t + capital.delay][capital.can_be_built]
        plan.append(chosen)
        stock = remains * held + coming[t + 1]
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

    stocks: tuple[str, ...] = ()
    units: list[str] = []
    if capital is not None:
        stocks, units = capital.labels, list(capital.units or ["units"] * capital.count)
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
    given: Any, years: int, size: int, usual: FloatArray, field: str, *, least: float = -np.inf
) -> FloatArray:
    """Return one row for each year: those given, or the usual one in every year."""
    if given is None:
        return np.tile(usual, (years, 1))
    bound = f" of at least {least:g}" if np.isfinite(least) else ""
    allowed = f"a row of {size} finite numbers{bound} for each of the {years} years"
    return array_of(given, field, allowed, (years, size), lambda x: np.isfinite(x) & (x >= least))


def _assortments(economy: Economy, horizon: Horizon) -> list[Matrix]:
    """Check the assortment of every year."""
    given, years = horizon.assortments, horizon.years
    if given is None:
        return [economy.assortment] * years
    if not isinstance(given, Sequence | np.ndarray) or len(given) != years:
        raise InputError(f"give a list of {years}, one matrix for each year", where="assortments")
    shape = (economy.n_goods, economy.n_targets)
    return [
        canonical_matrix(_upright(one), shape, f"assortments[{t}]", nonnegative=True)
        for t, one in enumerate(given)
    ]


def _upright(given: Any) -> Any:
    """Turn a list of numbers into a column; leave a matrix, or what is none, as it is."""
    try:
        return np.reshape(given, (-1, 1)) if np.ndim(given) == 1 else given
    except ValueError:
        return given


def _fixed_demand(economy: Economy, capital: Capital | None, horizon: Horizon) -> FloatArray:
    """Set out f of all dates: each year's, less the initial stocks, and the terminal stocks."""
    n, years = economy.n_goods, horizon.years
    out = np.zeros((years + 1, n + (0 if capital is None else capital.count)))
    out[:-1, :n] = _by_year(horizon.fixed_demand, years, n, economy.fixed_demand, "fixed_demand")
    if horizon.initial is not None:
        out[0, :n] -= canonical_vector(horizon.initial, n, "initial", lower=0.0)
    if horizon.terminal is not None:
        out[-1, :n] = canonical_vector(horizon.terminal, n, "terminal", lower=0.0)
    if capital is not None:
        out[0, n:] = -capital.initial
        if capital.terminal is not None:
            out[-1, n:] = capital.terminal
    return out.ravel()
