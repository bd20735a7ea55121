"""Cases from the literature whose answers are published: the suite must reproduce them.

The numbers stand in ``instances/golden/*.toml`` with their sources and published results;
this module turns them into economies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.catalogue.williams import growth_economy
from planbench.io.shipped import instances_folder
from planbench.io.toml_file import read_toml
from planbench.model.economy import Economy, make_economy


@dataclass(frozen=True, eq=False)
class GoldenCase:
    """A case of the literature with what was published about it.

    Attributes
    ----------
    economy : Economy
    description, source : str
        One line each.
    optimum : float
        Optimal objective.
    published : mapping
        Every published figure, as in the TOML file.
    """

    economy: Economy
    description: str
    source: str
    optimum: float
    published: dict[str, Any]


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


@dataclass
class _Columns:
    """Entries of one matrix, gathered cell by cell; the cases here have a few dozen."""

    rows: list[int]
    columns: list[int]
    values: list[float]

    def put(self, row: int, column: int, value: float) -> None:
        if value:
            self.rows.append(row)
            self.columns.append(column)
            self.values.append(value)

    def dense(self, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
        out = np.zeros(shape)
        np.add.at(out, (self.rows, self.columns), self.values)
        return out


def years_economy(facts: dict[str, Any]) -> Economy:
    """Build a plan over several years as one economy of dated goods (Debreu 1959, ch. 2).

    Goods are products by year and capital stocks by product, industry and year. The
    activities of a year are

    - *make* in industry i: uses the flows, holds the stocks, uses labour; gives the product
      and, next year, what depreciation leaves of the stocks it held;
    - *keep* a stock idle: gives next year what depreciation leaves, for it falls on idle
      stocks too;
    - *invest* a product in an industry: gives stock usable next year.

    The initial stock is a negative fixed demand, labour an endowment a year, and each year
    has a target: the bundle whose multiple consumption must reach. No stock need be left at
    the end.

    Parameters
    ----------
    facts : mapping
        ``goods``, ``flow``, ``stock``, ``depreciation`` (products × industries), ``labour``,
        ``output`` (industries), ``targets`` (amounts a year by good), ``labour_available``.
    """
    names = list(facts["goods"])
    flow, stock, loss = (
        np.asarray(facts[key], dtype=np.float64) for key in ("flow", "stock", "depreciation")
    )
    hours = np.asarray(facts["labour_available"]["hours"], dtype=np.float64)
    n, years = len(names), hours.size
    held = [(g, i) for g in range(n) for i in range(n) if stock[g, i] > 0]

    goods = [f"{names[g]} in year {t + 1}" for t in range(years) for g in range(n)]
    goods += [
        f"{names[g]} stock of {names[i]} in year {t + 1}" for t in range(years) for g, i in held
    ]

    def product(g: int, t: int) -> int:
        return t * n + g

    def capital(h: int, t: int) -> int:
        return years * n + t * len(held) + h

    a, b, r = _Columns([], [], []), _Columns([], [], []), _Columns([], [], [])
    activities: list[str] = []
    for t in range(years):
        last = t == years - 1
        for i in range(n):
            j = len(activities)
            activities.append(f"make {names[i]} in year {t + 1}")
            b.put(product(i, t), j, facts["output"][i])
            r.put(t, j, facts["labour"][i])
            for g in range(n):
                a.put(product(g, t), j, float(flow[g, i]))
            for h, (g, industry) in enumerate(held):
                if industry == i:
                    a.put(capital(h, t), j, float(stock[g, i]))
                    if not last:
                        b.put(capital(h, t + 1), j, float(stock[g, i] * (1 - loss[g, i])))
        if last:
            continue
        for h, (g, i) in enumerate(held):
            j = len(activities)
            activities.append(f"keep {names[g]} stock of {names[i]} in year {t + 1}")
            a.put(capital(h, t), j, 1.0)
            b.put(capital(h, t + 1), j, float(1 - loss[g, i]))
            j = len(activities)
            activities.append(f"invest {names[g]} in {names[i]} in year {t + 1}")
            a.put(product(g, t), j, 1.0)
            b.put(capital(h, t + 1), j, 1.0)

    n_goods, m = len(goods), len(activities)
    assortment = np.zeros((n_goods, years))
    for good, amounts in facts["targets"].items():
        for t, amount in enumerate(amounts):
            assortment[product(names.index(good), t), t] = amount
    demand = np.zeros(n_goods)
    for h, (g, i) in enumerate(held):
        demand[capital(h, 0)] = -stock[g, i]
    return make_economy(
        inputs=a.dense((n_goods, m)),
        outputs=b.dense((n_goods, m)),
        resource_use=r.dense((years, m)),
        endowment=hours,
        assortment=assortment,
        fixed_demand=demand,
        goods=goods,
        activities=activities,
        resources=[f"labour in year {t + 1}" for t in range(years)],
        targets=[f"year {t + 1}" for t in range(years)],
        units=[facts["unit"]] * n_goods,
        name=facts["name"],
        recipe={"builtin": facts["name"]},
    )


_KINDS = {
    "time-shares": time_shares_economy,
    "years": years_economy,
    "growth": growth_economy,
}


@cache
def golden_cases() -> dict[str, GoldenCase]:
    """All golden cases by name, variants included.

    Raises
    ------
    InputError
        When a shipped file is missing or damaged.
    """
    cases: dict[str, GoldenCase] = {}
    for path in sorted((instances_folder() / "golden").glob("*.toml")):
        facts = read_toml(path, "a golden case")
        cases[facts["name"]] = GoldenCase(
            economy=_KINDS[facts["kind"]](facts),
            description=facts["description"],
            source=facts["source"],
            optimum=facts["published"]["optimum"],
            published=facts["published"],
        )
        for suffix, change in facts.get("variants", {}).items():
            name = f"{facts['name']}-{suffix}"
            cases[name] = GoldenCase(
                economy=_KINDS[facts["kind"]]({**facts, **change, "name": name}),
                description=change["description"],
                source=facts["source"],
                optimum=change["optimum"],
                published={"optimum": change["optimum"]},
            )
    return cases
