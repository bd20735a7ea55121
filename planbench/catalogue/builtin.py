"""The instances that ship with planbench, by name.

*Leontief economies*: one technique per good and one resource, solved in closed form. With
inputs A, labour l, assortment d and L hours of labour (Leontief 1941; Gale 1960, ch. 9)

    x = z (I − A)⁻¹ d,    p = w l (I − A)⁻¹,    z = L / (l (I − A)⁻¹ d),    w = z / L,

which iteration gives at any size: an oracle for every solver.

*Cases from the literature* whose answers are published: the suite must reproduce them. The numbers
are in ``instances/golden/*.toml`` with their sources and published results. Williams's exercise
"Economic planning" asks how an economy should grow (dynamic Leontief model). Three industries over
some years. Inputs and labour must be there a year before the output; capacity built in a year can
be used for what is begun in the next. Stocks keep without loss. After the horizon the economy must
be able to go on: production begun in the last year must be what final use, with the inputs for it,
takes in a stationary economy.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.catalogue.instance import Instance
from planbench.catalogue.table_folder import table_instance, table_names, tables_folder
from planbench.errors import InputError
from planbench.generators.over_years import Capital, Horizon, Storage, over_years, stocks_by_user
from planbench.generators.staircase import pile
from planbench.io.files import instances_folder
from planbench.io.text import read_toml
from planbench.model.arrays import FloatArray, canonical_vector
from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.plan import Plan
from planbench.model.products import dot, solve, total_requirements


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


def three_goods() -> Economy:
    """Build a Leontief economy of three goods, small enough to be solved by hand."""
    return make_economy(
        inputs=[[0.25, 0.25, 0.0], [0.25, 0.0, 0.5], [0.0, 0.25, 0.25]],
        outputs=np.eye(3),
        resource_use=[[0.5, 0.25, 1.0]],
        endowment=[100.0],
        assortment=np.array([4.0, 2.0, 1.0]),
        goods=["grain", "tools", "cloth"],
        activities=["grow grain", "make tools", "weave cloth"],
        resources=["labour"],
        targets=["assortment"],
        name="leontief-3",
        recipe={"builtin": "leontief-3"},
    )


def random_leontief(goods: int, *, inputs: int = 8, seed: int = 0) -> Economy:
    """Draw a Leontief economy with `inputs` suppliers per good, drawn uniformly.

    Every coefficient is a whole multiple of 2⁻¹¹ / `inputs` and a column of A sums to less
    than 1/2, so the economy is productive; draws are raw PCG64 integers, which numpy keeps.

    Parameters
    ----------
    goods : int
        At least 1.
    inputs : int
        Draws per good, a power of two so that coefficients are exact; repeated suppliers add.
    seed : int
    """
    bits = np.random.PCG64(seed)
    # A remainder of 64 bits by at most 2³¹ is uniform to 2⁻³³.
    suppliers = (bits.random_raw(goods * inputs) % np.uint64(goods)).astype(np.int64)
    eleventh = np.uint64(1 << 10)
    amounts = (bits.random_raw(goods * inputs) % eleventh).astype(np.float64) / (2048 * inputs)
    indptr = np.arange(0, goods * inputs + 1, inputs)
    labour = 1.0 + (bits.random_raw(goods) % eleventh).astype(np.float64) / 1024
    wanted = 1.0 + (bits.random_raw(goods) % eleventh).astype(np.float64) / 1024
    ones = np.ones(goods)
    return make_economy(
        inputs=sp.csc_array((amounts, suppliers, indptr), shape=(goods, goods)),
        outputs=sp.eye_array(goods, format="csc"),
        resource_use=sp.csc_array(labour[None, :]),
        endowment=[float(goods)],
        assortment=wanted,
        name=f"leontief-{goods}",
        recipe={"builtin": f"leontief-{goods}", "inputs": inputs, "seed": seed},
        # A column of A sums to less than 1/2, so at p = 1 labour at 1 makes all lose.
        interior=Interior(goods_prices=ones, resource_prices=np.ones(1), activities=None),
    )


def solve_leontief(economy: Economy) -> Plan:
    """Solve a Leontief economy by iteration; the optimal plan and its prices.

    Parameters
    ----------
    economy : Economy
        Activity j makes one unit of good j; one resource, one target, no stocks, no fixed demand,
        no capacities.

    Raises
    ------
    InputError
        When it is not productive (the iteration grows).
    """
    labour, wanted = economy.resource_use.toarray()[0], economy.assortment.toarray()[:, 0]
    gross = total_requirements(economy.inputs, wanted)
    values = total_requirements(sp.csr_array(economy.inputs.T), labour)
    if gross is None or values is None:
        raise InputError("is not productive: its series of inputs diverges", where=economy.name)
    hours = float(economy.endowment[0])
    z = hours / dot(labour, gross)
    w = economy.weights[0] * z / hours
    return Plan(x=z * gross, z=np.array([z]), p=w * values, w=np.array([w]))


_LEONTIEF = {
    "leontief-3": "three goods, one technique, one resource",
    "leontief-1000": "a thousand goods with random suppliers, one technique",
}


@cache
def _made(name: str) -> Instance:
    if name in table_names():
        return replace(table_instance(tables_folder() / name), name=name)
    if name in golden_cases():
        return golden_cases()[name]
    economy = three_goods() if name == "leontief-3" else random_leontief(1000, seed=1)
    return Instance(
        name=name,
        economy=economy,
        recipe=dict(economy.recipe),
        optimum=float(economy.weights @ solve_leontief(economy).z),
        source="closed form of W. Leontief, The Structure of American Economy (1941)",
        description=_LEONTIEF[name],
    )


@cache
def builtin_names() -> tuple[str, ...]:
    """Names of all built-in instances, sorted."""
    return tuple(sorted([*_LEONTIEF, *golden_cases(), *table_names()]))


def list_builtin() -> tuple[Instance, ...]:
    """All built-in instances, sorted by name."""
    return tuple(_made(name) for name in builtin_names())


def load_builtin(name: str) -> Instance:
    """Built-in instance `name`.

    Raises
    ------
    InputError
        When no built-in instance has that name.
    """
    if name not in builtin_names():
        raise InputError(f"no built-in instance {name!r}; choose from {', '.join(builtin_names())}")
    # A copy: what is computed at first use is not kept for ever.
    return replace(_made(name))
