"""An interior point of an economy over several years, from that of one year.

Prices are those of one year, falling by a few per cent a year, and capital goods at what they
cost to build: then making, keeping, building and storing all lose. The plan runs the one-year
plan as far as capital allows, invests up to nine tenths of what it leaves over, and keeps the
rest of the capital idle, save a sliver that is slack.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planbench.generators.capital import Capital
from planbench.generators.one_year import End, Kinds, Year
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy, Interior

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
