"""Dated goods: a plan over several years as one ordinary economy.

A good is told apart by its date as well (Debreu 1959, ch. 2). With T years, one year's goods
balances, resources and targets are repeated T times; what links them are activities whose
outputs come later:

- *make*: as in one year; holds capital K_t, gives (1 − δ) of it as K_{t+1} (joint product);
- *keep*: idle capital, K_t into (1 − δ) K_{t+1};
- *build*: goods and resources of year t into capital that is of use `delay` years later;
- *store*: a good of year t into 1 − loss of it in year t + 1.

What is found at the start is a negative fixed demand of year 1; what must be left at the end is
a fixed demand at the date after the last year. This is the dynamic input-output model (Leontief
1953) with inequalities and a choice of techniques.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.generators.arguments import array_of, single_number, whole_number
from planbench.generators.capital import Capital, vector_of
from planbench.generators.dated_interior import interior_over_years
from planbench.generators.dated_labels import labels_over_years
from planbench.generators.interior import strict_interior
from planbench.generators.one_year import End, Storage, one_year
from planbench.generators.staircase import pile, staircase
from planbench.io.files import require_memory
from planbench.model.arrays import FloatArray, Matrix, canonical_matrix
from planbench.model.economy import Economy, make_economy
from planbench.words import nouns


def over_years(
    economy: Economy,
    years: int,
    *,
    capital: Capital | None = None,
    storage: Storage | None = None,
    delivery: int = 0,
    initial: Any = None,
    terminal: Any = None,
    growth: float = 0.0,
    endowment: Any = None,
    fixed_demand: Any = None,
    assortments: Sequence[Any] | None = None,
    discount: float = 1.0,
    common_target: bool = False,
    name: str | None = None,
) -> Economy:
    """Plan `economy`, which is one year's, over several years.

    Goods are ordered by date: goods, then capital goods of year 1, of year 2, … Activities are
    ordered by year: those of the economy, *keep*, *build*, *store*; what could bear fruit only
    after the horizon is left out. Resources and targets are ordered by year.

    Parameters
    ----------
    economy : Economy
    years : int
        At least 1. One year without anything else gives back the economy, array by array.
    capital : Capital, optional
    storage : Storage, optional
    delivery : int
        Years from inputs to outputs of the economy's own activities: 0, or e.g. 1 where inputs
        must be there a year before.
    initial : array_like, shape (goods,), optional
        Goods found at the start, besides what f says of every year.
    terminal : array_like, shape (goods,), optional
        Goods that must be there when the last year has ended.
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
    name : str, optional

    Returns
    -------
    Economy
        Labels carry the year. The interior is derived from that of `economy` and checked; it is
        None, or without a plan, where that fails.

    Raises
    ------
    InputError
        Naming the argument and the mend.
    """
    _check(economy, capital, storage, years, delivery, growth, discount)
    require_memory(
        float(economy.nbytes) * years, "years", f"an economy over {nouns(years, 'year')}"
    )
    year = one_year(economy, capital, storage, delivery)
    n, h, k = economy.n_goods, year.capital_goods, economy.n_resources
    end = End(
        years=years,
        goods=terminal is not None,
        capital=capital is not None and capital.terminal is not None,
    )
    kinds = [year.kinds_in(t, end) for t in range(years)]
    if not any(any(there) for there in kinds):
        raise InputError(
            "no activity bears fruit within the horizon; use more years, or say what must be "
            "left at the end",
            where="years",
        )
    variants = {there: year.part(there) for there in set(kinds)}
    parts = [variants[there] for there in kinds]
    rows, m = end.rows(n, h), sum(part.capacity.size for part in parts)
    steps = [t * (n + h) for t in range(years)]
    available = _by_year(endowment, years, k, economy.endowment, "endowment", lower=0.0)
    if endowment is None:
        available = available * _powers(1.0 + growth, years)[:, None]
    bundles = _assortments(economy, assortments, years)
    if common_target:
        assortment, weights = _in_one(bundles, h, rows), economy.weights
    else:
        assortment = staircase(bundles, steps, (rows, years * economy.n_targets))
        weights = np.outer(_powers(discount, years), economy.weights).ravel()
    out = make_economy(
        inputs=staircase([part.inputs for part in parts], steps, (rows, m)),
        outputs=staircase([part.outputs for part in parts], steps, (rows, m), end.gap(n, h)),
        resource_use=staircase(
            [part.resource_use for part in parts], [t * k for t in range(years)], (years * k, m)
        ),
        endowment=available.ravel(),
        capacity=np.concatenate([part.capacity for part in parts]),
        assortment=assortment,
        fixed_demand=_fixed_demand(economy, capital, fixed_demand, initial, terminal, end),
        weights=weights,
        name=name or f"{economy.name} over {nouns(years, 'year')}",
        recipe={"over_years": years, "of": dict(economy.recipe)},
        **labels_over_years(economy, capital, year, kinds, end, common_target),
    )
    interior = interior_over_years(economy, capital, year, kinds, end, available)
    if interior is None:
        return out
    return replace(out, interior=strict_interior(out, interior))


def _check(
    economy: Economy,
    capital: Capital | None,
    storage: Storage | None,
    years: int,
    delivery: int,
    growth: float,
    discount: float,
) -> None:
    whole_number(years, "years", least=1)
    whole_number(delivery, "delivery")
    if not single_number(growth, "growth", "a share a year above -1") > -1:
        raise InputError(f"is {growth!r}; give a share a year above -1", where="growth")
    if not 0 < single_number(discount, "discount", "a number in (0, 1]") <= 1:
        raise InputError(f"is {discount!r}; give a number in (0, 1]", where="discount")
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


def _fixed_demand(
    economy: Economy, capital: Capital | None, given: Any, initial: Any, terminal: Any, end: End
) -> FloatArray:
    """Set out f by date: each year's, less what is found, and what must be left."""
    n = economy.n_goods
    out = np.zeros((end.years, n + (0 if capital is None else capital.count)))
    out[:, :n] = _by_year(given, end.years, n, economy.fixed_demand, "fixed_demand")
    if initial is not None:
        out[0, :n] -= vector_of(initial, n, "initial")
    parts = [out.ravel()]
    if terminal is not None:
        parts.append(vector_of(terminal, n, "terminal"))
    if capital is not None:
        out[0, n:] = -capital.initial
        if capital.terminal is not None:
            parts.append(capital.terminal)
    return np.concatenate(parts)
