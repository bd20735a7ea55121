"""Cases from the literature whose answers are published: the suite must reproduce them.

The numbers are in ``instances/golden/*.toml`` with their sources and published results; this
module turns them into economies.

Williams's exercise "Economic planning" asks how an economy should grow (dynamic Leontief model).
Three industries over some years. Inputs and labour must be there a year before the output;
capacity built in a year can be used for what is begun in the next. Stocks keep without loss.
After the horizon the economy must be able to go on: production begun in the last year must be
what final use, with the inputs for it, takes in a stationary economy.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.catalogue.instance import Instance
from planbench.errors import InputError
from planbench.generators.over_years import (
    Capital,
    Horizon,
    Storage,
    over_years,
    stocks_by_user,
)
from planbench.generators.staircase import pile
from planbench.io.shipped import instances_folder
from planbench.io.toml_file import read_toml
from planbench.model.arrays import FloatArray, canonical_vector
from planbench.model.economy import Economy, make_economy
from planbench.model.products import solve


def with_counter(economy: Economy, counts: Any, *, name: str = "count") -> Economy:
    """Economy with any linear objective on activities: its only target is a counter good.

    An activity that is to count c_j gives c_j units of the counter, the last of the goods, which
    nothing uses. So output, employment or the use of a resource can be maximised. What was the
    target before is dropped, or given as a fixed demand.

    Parameters
    ----------
    economy : Economy
    counts : array_like, shape (activities,)
        Units counted per unit of each activity, ≥ 0 and not all 0.
    name : str
        Label of the good and of the target.

    Raises
    ------
    InputError
        On counts of a wrong shape or sign, or none above 0.
    """
    amounts = canonical_vector(counts, economy.n_activities, "counts", lower=0.0)
    if not amounts.any():
        raise InputError("counts nothing; give an activity a positive count", where="counts")
    n = economy.n_goods
    empty = sp.csc_array((1, economy.n_activities))
    return make_economy(
        inputs=pile([economy.inputs, empty]),
        outputs=pile([economy.outputs, sp.csc_array(amounts[None, :])]),
        resource_use=economy.resource_use,
        endowment=economy.endowment,
        capacity=economy.capacity,
        assortment=sp.csc_array((np.ones(1), ([n], [0])), shape=(n + 1, 1)),
        fixed_demand=np.append(economy.fixed_demand, 0.0),
        goods=[*economy.goods, name] if economy.goods else None,
        activities=economy.activities,
        resources=economy.resources,
        targets=[name],
        units=[*economy.units, "units"] if economy.units else None,
        name=economy.name,
        recipe={**economy.recipe, "counter": name},
    )


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
    capital = Capital(
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
        Horizon(
            years,
            delivery=1,
            initial=facts["stocks"],
            terminal=solve(np.eye(n) - needs, final),
            fixed_demand=use,
        ),
        capital=capital,
        # What is stored in the last year would count as begun production.
        storage=Storage(years=years - 1),
    )
    counts = _counts(dated, facts["objective"], hours.ravel(), building.ravel())
    counted = with_counter(dated, counts, name=facts["objective"]["count"])
    return replace(counted, name=facts["name"], recipe={"builtin": facts["name"]})


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


def time_shares_economy(facts: dict[str, Any]) -> Economy:
    """Build an economy of machines that divide their time between products.

    Kantorovich (1939), problem A.

    An activity is one machine (or kind of machine) making one product for the whole period;
    its only input is a unit of that machine's time.

    Parameters
    ----------
    facts : mapping
        ``machines``, ``count`` (machines of each kind), ``products``, ``assortment``,
        ``output`` (machines × products, amount per machine and period), ``unit``, ``name``.
    """
    output = np.asarray(facts["output"], dtype=np.float64)
    machines, products = output.shape
    # Activity k·products + j: machine k makes product j.
    outputs = np.zeros((products, machines * products))
    activity = np.arange(machines * products)
    outputs[activity % products, activity] = output.ravel()
    use = np.zeros((machines, machines * products))
    use[activity // products, activity] = 1.0
    return make_economy(
        inputs=np.zeros_like(outputs),
        outputs=outputs,
        resource_use=use,
        endowment=facts["count"],
        assortment=np.asarray(facts["assortment"], dtype=np.float64),
        goods=facts["products"],
        activities=[f"{p} on {m}" for m in facts["machines"] for p in facts["products"]],
        resources=facts["machines"],
        targets=["assortment"],
        units=[facts["unit"]] * products,
        name=facts["name"],
        recipe={"builtin": facts["name"]},
    )


def years_economy(facts: dict[str, Any]) -> Economy:
    """Build a plan over several years with a stock of each product in each industry.

    A stock wears out whether it is used or idle, and what is invested in a year is of use in
    the next. The stocks at the start are those of one unit of every industry; none need be left
    at the end. Each year has a target: the bundle whose multiple consumption must reach.

    Parameters
    ----------
    facts : mapping
        ``goods``, ``flow``, ``stock``, ``depreciation`` (products × industries), ``labour``,
        ``output`` (industries), ``targets`` (amounts a year by good), ``labour_available``.
    """
    names, hours = list(facts["goods"]), np.asarray(facts["labour_available"]["hours"])
    n, years = len(names), hours.size
    year = make_economy(
        inputs=facts["flow"],
        outputs=np.diag(facts["output"]),
        resource_use=[facts["labour"]],
        endowment=hours[:1],
        assortment=np.ones(n),
        goods=names,
        activities=names,
        resources=["labour"],
        units=[facts["unit"]] * n,
    )
    bundles = np.zeros((years, n))
    for good, amounts in facts["targets"].items():
        bundles[:, names.index(good)] = amounts
    capital = stocks_by_user(year, facts["stock"], depreciation=facts["depreciation"])
    dated = over_years(
        year, Horizon(years, endowment=hours[:, None], assortments=bundles), capital=capital
    )
    # The order by which the instance is known: products before stocks, and each stock's two
    # activities together.
    h = capital.count
    row = np.arange(years * (n + h)).reshape(years, n + h)
    rows = np.concatenate([row[:, :n].ravel(), row[:, n:].ravel()])
    columns = np.arange(dated.n_activities)
    for t in range(years - 1):
        stocks = columns[t * (n + 2 * h) + n :][: 2 * h]
        stocks[:] = stocks.reshape(2, h).T.ravel()
    assert dated.goods is not None
    assert dated.activities is not None
    labels = [dated.activities[j] for j in columns]
    return make_economy(
        inputs=dated.inputs[rows][:, columns],
        outputs=dated.outputs[rows][:, columns],
        resource_use=dated.resource_use[:, columns],
        endowment=dated.endowment,
        assortment=dated.assortment[rows],
        fixed_demand=dated.fixed_demand[rows],
        goods=[dated.goods[i] for i in rows],
        activities=[
            label if label.startswith(("keep ", "build ")) else f"make {label}" for label in labels
        ],
        resources=dated.resources,
        targets=[f"year {t + 1}" for t in range(years)],
        units=dated.units,
        name=facts["name"],
        recipe={"builtin": facts["name"]},
    )


_KINDS = {
    "time-shares": time_shares_economy,
    "years": years_economy,
    "growth": growth_economy,
}


@cache
def golden_cases() -> dict[str, Instance]:
    """All golden cases by name, variants included.

    Raises
    ------
    InputError
        When a shipped file is missing or damaged.
    """
    cases: dict[str, Instance] = {}
    for path in sorted((instances_folder() / "golden").glob("*.toml")):
        facts = read_toml(path, "a golden case")
        for suffix, change in {"": {}, **facts.get("variants", {})}.items():
            name = f"{facts['name']}-{suffix}" if suffix else facts["name"]
            case = {**facts, **change, "name": name}
            published = {"optimum": change["optimum"]} if change else facts["published"]
            economy = _KINDS[facts["kind"]](case)
            cases[name] = Instance(
                name=name,
                economy=economy,
                recipe=dict(economy.recipe),
                optimum=published["optimum"],
                source=facts["source"],
                description=case["description"],
                published=published,
            )
    return cases
