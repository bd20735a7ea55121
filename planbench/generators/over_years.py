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
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.generators.arguments import array_of, chosen_goods, single_number, whole_number
from planbench.generators.capital import Capital, vector_of
from planbench.generators.interior import strict_interior
from planbench.generators.staircase import pile, side_by_side, staircase
from planbench.io.files import require_memory
from planbench.model.arrays import FloatArray, Matrix, canonical_matrix
from planbench.model.economy import Economy, Interior, make_economy

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
        """First row and number of the goods that come before the capital left at the end."""
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
        """Which kinds there are in year `t` (from 0): those whose output the horizon reaches."""
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
    """Assemble the activities of a year.

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
        inputs=_clean([_tall(group.goods_in, group.capital_in, h) for group in here]),
        outputs=_clean(
            [pile([group.at(delay, n, h) for delay in range(longest + 1)]) for group in here]
        ),
        resource_use=_clean(
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


def _clean(blocks: list[Matrix]) -> Matrix:
    """Blocks side by side, zeros dropped."""
    return canonical_matrix(side_by_side(blocks), None, "year")


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


#: Prices of a year over those of the year before.
_FALL = 0.95
#: Share of the surplus goods and resources that is invested.
_INVESTED = 0.9
#: Share of the capital that is slack: part of what wears out anyway, and no less than the second.
_SLACK_OF_WORN = 0.08
_LEAST_SLACK = 1e-4
#: Investment is at most so many times what wears out.
_MOST_REPLACED = 2.0


def interior_over_years(
    economy: Economy,
    capital: Capital | None,
    year: Year,
    kinds: Sequence[Kinds],
    end: End,
    available: FloatArray,
) -> Interior | None:
    """Interior of `economy` planned over several years; a proposal, to be checked.

    Parameters
    ----------
    economy : Economy
        One year's.
    capital : Capital or None
    year : Year
    kinds : sequence of Kinds
        For each year the kinds of activity there are.
    end : End
    available : ndarray, shape (years, resources)
        Endowments.

    Returns
    -------
    Interior or None
        None where `economy` carries none; without a plan where its own has none, or where
        outputs come a year after the inputs.
    """
    given = economy.interior
    if given is None:
        return None
    prices, stocks = given.goods_prices, np.zeros(0)
    if capital is not None:
        cost = np.asarray(
            capital.built_from.T @ given.goods_prices + capital.builders.T @ given.resource_prices
        )
        # What cannot be built (or costs nothing) has any price; the typical one keeps the scale.
        typical = float(np.median(cost[cost > 0])) if (cost > 0).any() else 1.0
        stocks = np.where(cost > 0, cost, typical)
    fall = np.cumprod([1.0, *[_FALL] * end.years])
    left = [prices] * end.goods + [stocks] * end.capital
    by_year = np.outer(fall[:-1], np.concatenate([prices, stocks])).ravel()
    x0 = given.activities
    plan = None
    if x0 is not None and year.delays[0] == 0:
        plan = _plan(economy, capital, year, kinds, available, x0)
    return Interior(
        goods_prices=np.concatenate([by_year, *(fall[-1] * part for part in left)]),
        resource_prices=np.outer(fall[:-1], given.resource_prices).ravel(),
        activities=plan,
    )


def _plan(
    economy: Economy,
    capital: Capital | None,
    year: Year,
    kinds: Sequence[Kinds],
    available: FloatArray,
    x0: FloatArray,
) -> FloatArray:
    levels = _levels_by_endowment(economy, available)
    parts: list[FloatArray] = []
    if capital is None:
        for level, there in zip(levels, kinds, strict=True):
            parts += [level * x0] * there[0] + [np.zeros(year.counts[3])] * there[3]
        return np.concatenate(parts)
    needed = np.asarray(capital.held @ x0)
    worn = capital.depreciation * needed
    worn[~capital.can_be_built] = 0.0
    replaced = _replaceable(economy, capital, x0, worn)
    remains = 1.0 - capital.depreciation
    slack = np.maximum(_SLACK_OF_WORN * capital.depreciation, _LEAST_SLACK)
    stock = capital.initial
    coming = [np.zeros(capital.count) for _ in range(len(kinds) + capital.delay)]
    for t, (most, there) in enumerate(zip(levels, kinds, strict=True)):
        held = (1.0 - slack) * stock
        with np.errstate(divide="ignore", invalid="ignore"):
            level = min(most, float(np.min((held / needed)[needed > 0], initial=np.inf)))
        built = level * replaced * worn if there[2] else np.zeros(capital.count)
        chosen = [
            level * x0,
            np.maximum(held - level * needed, 0.0),
            built[year.buildable],
            np.zeros(year.counts[3]),
        ]
        parts += [part for part, is_there in zip(chosen, there, strict=True) if is_there]
        coming[t + capital.delay] = built
        stock = remains * held + coming[t + 1]
    return np.concatenate(parts)


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


def labels_over_years(
    economy: Economy,
    capital: Capital | None,
    year: Year,
    kinds: Sequence[Kinds],
    end: End,
    common_target: bool,
) -> dict[str, Any]:
    """Labels for :func:`planbench.model.economy.make_economy`; none where `economy` has none.

    Goods after the last year are ``… at the end``.
    """
    years = end.years
    when = [f"in year {t + 1}" for t in range(years)]
    count = 0 if capital is None else capital.count
    stocks = [f"capital-{i}" for i in range(count)]
    if capital is not None and capital.names:
        stocks = list(capital.names)
    out: dict[str, Any] = {}
    if economy.goods:
        names = [*economy.goods, *stocks]
        left = [*(list(economy.goods) * end.goods), *(stocks * end.capital)]
        out["goods"] = [f"{name} {date}" for date in when for name in names]
        out["goods"] += [f"{name} at the end" for name in left]
    if economy.activities:
        by_kind = (
            list(economy.activities),
            [f"keep {name}" for name in stocks],
            [f"build {stocks[i]}" for i in year.buildable.tolist()],
            [f"store {economy.good(i)}" for i in year.stored.tolist()],
        )
        out["activities"] = [
            f"{name} {when[t]}"
            for t, there in enumerate(kinds)
            for group, is_there in zip(by_kind, there, strict=True)
            if is_there
            for name in group
        ]
    if economy.resources:
        out["resources"] = [f"{name} {when[t]}" for t in range(years) for name in economy.resources]
    if economy.targets:
        out["targets"] = list(economy.targets)
        if not common_target:
            out["targets"] = [f"{name} {when[t]}" for t in range(years) for name in economy.targets]
    if economy.units:
        units, others = list(economy.units), ["units"] * count
        if capital is not None and capital.units:
            others = list(capital.units)
        out["units"] = [
            *((units + others) * years),
            *(units * end.goods),
            *(others * end.capital),
        ]
    return out


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
        if not single_number(self.growth, "growth", "a share a year above -1") > -1:
            raise InputError(f"is {self.growth!r}; give a share a year above -1", where="growth")
        if not 0 < single_number(self.discount, "discount", "a number in (0, 1]") <= 1:
            raise InputError(f"is {self.discount!r}; give a number in (0, 1]", where="discount")


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
    if not isinstance(horizon, Horizon):
        raise InputError(f"is {horizon!r}; give Horizon(years=…)", where="horizon")
    horizon.check()
    _check_durables(economy, capital, storage)
    years = horizon.years
    require_memory(
        float(economy.nbytes) * years, "years", f"an economy over {plural(years, 'year')}"
    )
    year = one_year(economy, capital, storage, horizon.delivery)
    n, h, k = economy.n_goods, year.capital_goods, economy.n_resources
    end = End(
        years=years,
        goods=horizon.terminal is not None,
        capital=capital is not None and capital.terminal is not None,
    )
    kinds = [year.kinds_in(t, end) for t in range(years)]
    if not any(any(there) for there in kinds):
        raise InputError(
            "no activity gives output within the horizon; use more years, or say what must be "
            "left at the end",
            where="years",
        )
    variants = {there: year.part(there) for there in set(kinds)}
    parts = [variants[there] for there in kinds]
    rows, m = end.rows(n, h), sum(part.capacity.size for part in parts)
    steps = [t * (n + h) for t in range(years)]
    available = _by_year(horizon.endowment, years, k, economy.endowment, "endowment", lower=0.0)
    if horizon.endowment is None:
        available = available * _powers(1.0 + horizon.growth, years)[:, None]
    bundles = _assortments(economy, horizon.assortments, years)
    if horizon.common_target:
        assortment, weights = _in_one(bundles, h, rows), economy.weights
    else:
        assortment = staircase(bundles, steps, (rows, years * economy.n_targets))
        weights = np.outer(_powers(horizon.discount, years), economy.weights).ravel()
    out = make_economy(
        inputs=staircase([part.inputs for part in parts], steps, (rows, m)),
        outputs=staircase([part.outputs for part in parts], steps, (rows, m), end.gap(n, h)),
        resource_use=staircase(
            [part.resource_use for part in parts], [t * k for t in range(years)], (years * k, m)
        ),
        endowment=available.ravel(),
        capacity=np.concatenate([part.capacity for part in parts]),
        assortment=assortment,
        fixed_demand=_fixed_demand(economy, capital, horizon),
        weights=weights,
        name=name or f"{economy.name} over {plural(years, 'year')}",
        recipe={"over_years": years, "of": dict(economy.recipe)},
        **labels_over_years(economy, capital, year, kinds, end, horizon.common_target),
    )
    interior = interior_over_years(economy, capital, year, kinds, end, available)
    if interior is None:
        return out
    return replace(out, interior=strict_interior(out, interior))


def _check_durables(economy: Economy, capital: Capital | None, storage: Storage | None) -> None:
    if storage is not None and not isinstance(storage, Storage):
        raise InputError("is no storage; give Storage(…), or leave it out", where="storage")
    if capital is not None and not isinstance(capital, Capital):
        raise InputError(
            "is no capital; give what make_capital returns, or leave it out", where="capital"
        )
    if capital is not None and (
        capital.held.shape[1] != economy.n_activities
        or capital.built_from.shape[0] != economy.n_goods
        or capital.builders.shape[0] != economy.n_resources
    ):
        raise InputError("is of another economy; make it from this one", where="capital")


def _powers(base: float, count: int) -> FloatArray:
    """1, base, base², … by multiplication, which rounds alike everywhere."""
    out: FloatArray = np.cumprod(np.concatenate([[1.0], np.full(count - 1, base)]))
    return out


def _by_year(
    given: Any, years: int, size: int, usual: FloatArray, field: str, *, lower: float = -np.inf
) -> FloatArray:
    """Return one row for each year: those given, or the usual one in every year."""
    if given is None:
        return np.tile(usual, (years, 1))
    rows = array_of(given, field, f"a row of {size} for each of the {years} years")
    if rows.shape != (years, size):
        raise InputError(f"has shape {rows.shape}, expected {(years, size)}", where=field)
    wrong = ~(np.isfinite(rows) & (rows >= lower))
    if wrong.any():
        t, i = (int(at) for at in np.argwhere(wrong)[0])
        least = f" of at least {lower:g}" if np.isfinite(lower) else ""
        raise InputError(
            f"entry {i} of year {t + 1} is {rows[t, i]:g}; give a finite number{least}", where=field
        )
    return rows


def _assortments(economy: Economy, given: Sequence[Any] | None, years: int) -> list[Matrix]:
    if given is None:
        return [economy.assortment] * years
    if not isinstance(given, Sequence | np.ndarray) or len(given) != years:
        raise InputError(f"give a list of {years}, one matrix for each year", where="assortments")
    shape = (economy.n_goods, economy.n_targets)
    return [
        canonical_matrix(
            _upright(one),
            shape,
            f"assortments[{t}]",
            nonnegative=True,
        )
        for t, one in enumerate(given)
    ]


def _upright(given: Any) -> Any:
    """Turn a list of numbers into a column; leave a matrix, or what is none, as it is."""
    try:
        return np.reshape(given, (-1, 1)) if np.ndim(given) == 1 else given
    except ValueError:
        return given


def _in_one(bundles: list[Matrix], capital: int, rows: int) -> Matrix:
    """Stack the assortments of all years in the same columns."""
    goods, targets = bundles[0].shape
    below = sp.csc_array((capital, targets))
    after = sp.csc_array((rows - len(bundles) * (goods + capital), targets))
    return pile([*(part for bundle in bundles for part in (bundle, below)), after])


def _fixed_demand(economy: Economy, capital: Capital | None, horizon: Horizon) -> FloatArray:
    """Set out f by date: each year's, less the initial stocks, and the terminal stocks."""
    n, years = economy.n_goods, horizon.years
    out = np.zeros((years, n + (0 if capital is None else capital.count)))
    out[:, :n] = _by_year(horizon.fixed_demand, years, n, economy.fixed_demand, "fixed_demand")
    if horizon.initial is not None:
        out[0, :n] -= vector_of(horizon.initial, n, "initial")
    parts = [out.ravel()]
    if horizon.terminal is not None:
        parts.append(vector_of(horizon.terminal, n, "terminal"))
    if capital is not None:
        out[0, n:] = -capital.initial
        if capital.terminal is not None:
            parts.append(capital.terminal)
    return np.concatenate(parts)
