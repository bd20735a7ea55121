"""Williams's exercise "Economic planning": how should an economy grow (dynamic Leontief model).

Three industries over some years. Inputs and labour must be there a year before the output;
capacity built in a year can be used for what is begun in the next. Stocks keep without loss.
After the horizon the economy must be able to go on: production begun in the last year must be
what final use, with the inputs for it, takes in a stationary economy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from planbench.generators.capital import make_capital
from planbench.generators.counter import with_counter
from planbench.generators.one_year import Storage
from planbench.generators.over_years import over_years
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy, make_economy
from planbench.model.products import solve


def growth_economy(facts: dict[str, Any]) -> Economy:
    """Build the exercise with one of its objectives.

    Capacity is a capital good that does not wear out and is dated by when production is begun;
    so it is of use the year after it is built, and its product comes the year after that.

    Parameters
    ----------
    facts : mapping
        ``goods``, ``production`` and ``building`` (goods × industries, inputs for a unit of
        output and of capacity), ``production_labour``, ``building_labour`` (industries),
        ``stocks``, ``capacity``, ``final_use`` (goods), ``labour`` (available in a year, or
        infinite), ``years`` in which production is begun, ``building_years`` from the first,
        ``final_use_years`` (first and last, from 1) and ``objective``: ``count`` is
        ``capacity``, ``output`` or ``employment``, ``years`` the first and last that count.
    """
    needs, final = np.asarray(facts["production"]), np.asarray(facts["final_use"])
    goods, years = list(facts["goods"]), int(facts["years"])
    n = len(goods)
    limited = np.isfinite(facts["labour"])
    hours = np.asarray([facts["production_labour"]])
    base = make_economy(
        inputs=needs,
        outputs=np.eye(n),
        resource_use=hours if limited else np.zeros((0, n)),
        endowment=[facts["labour"]] if limited else [],
        # Stands in for the objective, which is a count.
        assortment=np.ones(n),
        goods=goods,
        activities=[f"make {good}" for good in goods],
        resources=["labour"] if limited else [],
        targets=["goods"],
        units=[facts["unit"]] * n,
        name=facts["name"],
    )
    building = np.asarray([facts["building_labour"]])
    capital = make_capital(
        base,
        held=np.eye(n),
        initial=facts["capacity"],
        built_from=facts["building"],
        builders=building if limited else None,
        building_years=facts["building_years"],
        names=[f"capacity of {good}" for good in goods],
        units=[facts["unit"]] * n,
    )
    use = np.zeros((years, n))
    first, last = facts["final_use_years"]
    use[first - 1 : last] = final
    dated = over_years(
        base,
        years,
        capital=capital,
        # What is stored in the last year would count as begun production.
        storage=Storage(years=years - 1),
        delivery=1,
        initial=facts["stocks"],
        terminal=solve(np.eye(n) - needs, final),
        fixed_demand=use,
        name=facts["name"],
    )
    counts = _counts(dated, facts["objective"], hours.ravel(), building.ravel())
    counted = with_counter(dated, counts, name=facts["objective"]["count"])
    return replace(counted, recipe={"builtin": facts["name"]})


def _counts(
    economy: Economy, objective: dict[str, Any], hours: FloatArray, building: FloatArray
) -> FloatArray:
    """Count what the objective counts of each activity."""
    n = hours.size
    amounts = {
        # All of the capacity of a year is used or kept.
        "capacity": {"make": np.ones(n), "keep": np.ones(n)},
        "output": {"make": np.ones(n)},
        "employment": {"make": hours, "build": building},
    }[objective["count"]]
    assert economy.activities is not None
    first, last = objective["years"]
    counts = np.zeros(economy.n_activities)
    for kind, amount in amounts.items():
        for t in range(first, last + 1):
            of_kind = [
                j
                for j, label in enumerate(economy.activities)
                if label.startswith(f"{kind} ") and label.endswith(f" in year {t}")
            ]
            counts[of_kind] = amount[: len(of_kind)]
    return counts
