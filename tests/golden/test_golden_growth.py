"""Williams's exercise and Cockshott's plan come out of over_years with their published values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog
from support.solving import solve_exactly

from planbench.catalogue.builtin import golden_cases
from planbench.certificates import certify_plan
from planbench.io.files import instances_folder
from planbench.io.text import read_toml
from planbench.model import Economy, make_economy


@pytest.fixture(scope="module")
def five_year() -> dict[str, Any]:
    return read_toml(instances_folder() / "golden" / "cockshott-five-year.toml", "a golden case")


def five_years_written_out(facts: dict[str, Any]) -> Economy:
    """Cockshott's plan cell by cell, an independent second writing: make, keep and invest."""
    names, hours = facts["goods"], facts["labour_available"]["hours"]
    flow, stock, loss = (np.array(facts[key]) for key in ("flow", "stock", "depreciation"))
    n, years = len(names), len(hours)
    held = [(g, i) for g in range(n) for i in range(n) if stock[g, i] > 0]
    n_goods = years * (n + len(held))
    used: list[dict[int, float]] = []
    made: list[dict[int, float]] = []
    labour: list[dict[int, float]] = []

    def product(g: int, t: int) -> int:
        return t * n + g

    def capital(h: int, t: int) -> int:
        return years * n + t * len(held) + h

    def activity(
        uses: dict[int, float], makes: dict[int, float], work: dict[int, float] | None = None
    ) -> None:
        used.append(uses)
        made.append(makes)
        labour.append(work or {})

    for t in range(years):
        last = t == years - 1
        for i in range(n):
            uses = {product(g, t): flow[g, i] for g in range(n)}
            makes = {product(i, t): facts["output"][i]}
            for h, (g, industry) in enumerate(held):
                if industry == i:
                    uses[capital(h, t)] = stock[g, i]
                    if not last:
                        makes[capital(h, t + 1)] = stock[g, i] * (1 - loss[g, i])
            activity(uses, makes, {t: facts["labour"][i]})
        for h, (g, i) in enumerate(held if not last else []):
            activity({capital(h, t): 1.0}, {capital(h, t + 1): 1 - loss[g, i]})
            activity({product(g, t): 1.0}, {capital(h, t + 1): 1.0})

    def matrix(columns: list[dict[int, float]], rows: int) -> Any:
        out = np.zeros((rows, len(columns)))
        for j, entries in enumerate(columns):
            for row, value in entries.items():
                out[row, j] = value
        return out

    assortment, demand = np.zeros((n_goods, years)), np.zeros(n_goods)
    for good, amounts in facts["targets"].items():
        for t, amount in enumerate(amounts):
            assortment[product(names.index(good), t), t] = amount
    for h, (g, i) in enumerate(held):
        demand[capital(h, 0)] = -stock[g, i]
    return make_economy(
        inputs=matrix(used, n_goods),
        outputs=matrix(made, n_goods),
        resource_use=matrix(labour, years),
        endowment=hours,
        assortment=assortment,
        fixed_demand=demand,
    )


def test_cockshotts_plan_has_its_published_value(five_year: dict[str, Any]) -> None:
    """Depreciation of idle stocks, investment usable a year later and labour by year are right."""
    value, plan = solve_exactly(golden_cases()["cockshott-five-year"].economy)
    assert value == pytest.approx(7.336453089662, abs=1e-10)
    np.testing.assert_allclose(plan.z, five_year["published"]["fulfilment"], atol=5e-6, rtol=0)
    value, _ = solve_exactly(golden_cases()["cockshott-five-year-coal6"].economy)
    assert value == pytest.approx(8.797299129, abs=1e-8)


def test_cockshotts_plan_is_the_one_written_out(five_year: dict[str, Any]) -> None:
    """The built-in economy, from over_years, has the entries of the one written cell by cell."""
    built_in = golden_cases()["cockshott-five-year"].economy
    assert built_in.sha256 == five_years_written_out(five_year).sha256
    assert built_in.goods is not None
    assert built_in.activities is not None
    assert built_in.goods[20] == "iron stock of iron in year 1"
    assert built_in.activities[:6] == (
        *(f"make {good} in year 1" for good in five_year["goods"]),
        "keep iron stock of iron in year 1",
        "build iron stock of iron in year 1",
    )


@pytest.mark.parametrize(
    ("name", "printed", "tolerance"),
    [
        # The tests of the package sasoptpy, whose example it is.
        ("williams-growth-employment", 2450.026622821294, 1e-9),
        # The solver's log in gurobipy's modelling example.
        ("williams-growth-gurobi", 1902.216910, 5e-7),
    ],
)
def test_growth_has_the_published_value(name: str, printed: float, tolerance: float) -> None:
    case = golden_cases()[name]
    value, _ = solve_exactly(case.economy)
    assert value == pytest.approx(printed, abs=tolerance)
    assert case.optimum == pytest.approx(printed, abs=tolerance)


def written_out(objective: str) -> float:
    """Williams's model row by row with production, stock and extra capacity as variables.

    An independent second writing: production p[i,t], stock s[i,t], extra capacity e[i,t] by
    the year in which they are there, as in the text of the problem.
    """
    facts = read_toml(instances_folder() / "golden" / "williams-growth.toml", "a golden case")
    need, build = np.array(facts["production"]), np.array(facts["building"])
    hours, build_hours = np.array(facts["production_labour"]), np.array(facts["building_labour"])
    final = np.zeros(3) if objective == "output" else np.array(facts["final_use"])
    place: dict[tuple[str, int, int], int] = {}
    for kind, years in (("p", range(1, 7)), ("s", range(7)), ("e", range(2, 6))):
        for t in years:
            for i in range(3):
                place[kind, i, t] = len(place)
    size = len(place)
    equal, right, below, limit = [], [], [], []

    def row(terms: list[tuple[tuple[str, int, int], float]]) -> Any:
        out = np.zeros(size)
        for key, value in terms:
            if key in place:
                out[place[key]] += value
        return out

    for t in range(6):
        for i in range(3):
            terms = [(("s", i, t), 1.0), (("p", i, t), 1.0), (("s", i, t + 1), -1.0)]
            terms += [(("p", j, t + 1), -need[i, j]) for j in range(3)]
            terms += [(("e", j, t + 2), -build[i, j]) for j in range(3)]
            equal.append(row(terms))
            right.append(final[i] if t else 0.0)
    for t in range(1, 7):
        for i in range(3):
            extra = [(("e", i, y), -1.0) for y in range(2, t + 1)]
            below.append(row([(("p", i, t), 1.0), *extra]))
            limit.append(facts["capacity"][i])
        if objective != "employment":
            terms = [(("p", j, t), hours[j]) for j in range(3)]
            terms += [(("e", j, t + 1), build_hours[j]) for j in range(3)]
            below.append(row(terms))
            limit.append(facts["labour"])
    low, high = np.zeros(size), np.full(size, np.inf)
    for i in range(3):
        low[place["s", i, 0]] = high[place["s", i, 0]] = facts["stocks"][i]
        going_on = np.linalg.solve(np.eye(3) - need, facts["final_use"])
        low[place["p", i, 6]] = going_on[i]
    cost, constant = np.zeros(size), 0.0
    if objective == "capacity":
        constant = float(sum(facts["capacity"]))
        cost = row([(("e", i, t), 1.0) for i in range(3) for t in range(2, 6)])
    elif objective == "output":
        cost = row([(("p", i, t), 1.0) for i in range(3) for t in (4, 5)])
    else:
        cost = row([(("p", i, t), hours[i]) for i in range(3) for t in range(2, 7)])
        cost += row([(("e", i, t), build_hours[i]) for i in range(3) for t in range(3, 8)])
    answer = linprog(
        -cost,
        A_ub=np.array(below),
        b_ub=limit,
        A_eq=np.array(equal),
        b_eq=right,
        bounds=np.column_stack([low, high]),
    )
    assert answer.status == 0
    return constant - float(answer.fun)


@pytest.mark.parametrize(
    ("name", "objective"),
    [
        ("williams-growth", "capacity"),
        ("williams-growth-output", "output"),
        ("williams-growth-employment", "employment"),
    ],
)
def test_growth_equals_the_model_written_out(name: str, objective: str) -> None:
    """Dating of capacity, labour and stocks, end of horizon: one of them wrong changes it."""
    assert golden_cases()[name].optimum == pytest.approx(written_out(objective), rel=1e-9)


@pytest.mark.parametrize("name", [n for n in golden_cases() if n.startswith("williams")])
def test_certificate_closes_on_goods_that_keep_without_loss(name: str) -> None:
    """Prices near 0 of what keeps for nothing leave no interior unless they have a floor."""
    economy = golden_cases()[name].economy
    value, plan = solve_exactly(economy)
    certificate = certify_plan(economy, plan)
    assert certificate.verdict == "certified"
    assert certificate.raw_gap is not None
    assert certificate.raw_gap < 1e-9
    assert certificate.lower_bound == pytest.approx(value, rel=1e-9)
