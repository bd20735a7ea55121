"""Labels of an economy over several years: every name carries its year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from planbench.generators.capital import Capital
from planbench.generators.one_year import End, Kinds, Year
from planbench.model.economy import Economy


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
