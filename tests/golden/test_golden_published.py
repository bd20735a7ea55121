"""Published figures of the literature, reproduced from the shipped instances with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from planbench.catalogue.builtin import golden_cases
from planbench.catalogue.resolve import load_instance
from planbench.model import Economy, Plan, plan_from_lp, to_linear_program


def solve(economy: Economy) -> tuple[float, Plan]:
    """Optimal value, plan and prices by HiGHS's dual simplex through scipy."""
    program = to_linear_program(economy)
    n = economy.n_goods
    matrix = program.matrix.tocsr()
    matrix[:n] *= -1
    answer = linprog(
        -program.cost,
        A_ub=matrix,
        b_ub=np.concatenate([-program.row_lower[:n], program.row_upper[n:]]),
        bounds=np.column_stack([program.col_lower, program.col_upper]),
        method="highs-ds",
    )
    assert answer.status == 0
    # ∂(min −objective)/∂b of rows turned round: prices p are −marginals, rents too.
    marginals = -answer.ineqlin.marginals
    plan = plan_from_lp(economy, answer.x, np.concatenate([-marginals[:n], marginals[n:]]))
    assert plan is not None
    return -answer.fun, plan


@pytest.mark.parametrize("name", sorted(golden_cases()))
def test_optimum(name: str) -> None:
    instance = load_instance(name)
    assert instance.economy is not None
    assert instance.optimum is not None
    value, _ = solve(instance.economy)
    assert value == pytest.approx(instance.optimum, rel=1e-9)


def test_all_cases_are_there() -> None:
    assert sorted(golden_cases()) == [
        "cockshott-five-year",
        "cockshott-five-year-coal6",
        "kantorovich-excavators",
        "kantorovich-lathes",
        "kantorovich-plywood",
        "williams-growth",
        "williams-growth-employment",
        "williams-growth-gurobi",
        "williams-growth-output",
    ]


def test_excavators_time_shares_and_prices() -> None:
    """Time shares to the six digits, prices to the four digits printed."""
    case = golden_cases()["kantorovich-excavators"]
    assert case.optimum == 70.4932735426
    _, plan = solve(case.economy)
    np.testing.assert_allclose(
        plan.x.reshape(3, 3), case.published["time_shares"], atol=5e-7, rtol=0
    )
    assert plan.x[0] == pytest.approx(0.671365, abs=5e-7)
    np.testing.assert_allclose(plan.p, [0.2290, 0.4295, 0.3415], atol=6e-5, rtol=0)
    np.testing.assert_allclose(plan.w, [24.0497, 28.3443, 18.0993], atol=6e-5, rtol=0)


def test_plywood_prices_and_gain_over_the_simplest_division() -> None:
    """Kantorovich: about 5 % more than every machine making the assortment by itself."""
    case = golden_cases()["kantorovich-plywood"]
    assert case.optimum == 78.718115608
    economy = case.economy
    _, plan = solve(economy)
    np.testing.assert_allclose(plan.p, [2.1207, 1.3186, 1.0603, 0.7069, 0.5594], atol=6e-5, rtol=0)
    output = economy.outputs.sum(axis=0).reshape(8, 5)
    alone = (1.0 / (economy.assortment.toarray().ravel() / output).sum(axis=1)).sum()
    assert alone == pytest.approx(75.1021, abs=5e-5)
    assert case.published["simplest"] == 75.1021
    assert case.optimum / alone - 1 == pytest.approx(0.0481, abs=5e-5)


def test_lathes_sets_prices_and_rents() -> None:
    """The paper prints 86 whole sets against 77 for the simplest division."""
    case = golden_cases()["kantorovich-lathes"]
    value, plan = solve(case.economy)
    assert value == pytest.approx(260 / 3, rel=1e-12)
    assert int(value) == 86 == case.published["whole_sets"]
    np.testing.assert_allclose(plan.p, [2 / 3, 1 / 3], rtol=1e-9)
    np.testing.assert_allclose(plan.w, [20 / 3, 40 / 3, 80 / 3], rtol=1e-9)


def test_five_year_fulfilment_by_year() -> None:
    """The printed multiple of each year's target, not only their sum."""
    case = golden_cases()["cockshott-five-year"]
    value, plan = solve(case.economy)
    assert value == pytest.approx(7.336453089662, abs=1e-11)
    assert value == pytest.approx(7.33645, abs=5e-6)
    np.testing.assert_allclose(
        plan.z, [0.159221, 1.75043, 1.75259, 1.71516, 1.95906], atol=5e-6, rtol=0
    )
    np.testing.assert_allclose(plan.z, case.published["fulfilment"], atol=5e-6, rtol=0)


def test_five_year_is_an_economy_of_dated_goods() -> None:
    """Nine capital goods; initial stocks are negative fixed demand; labour is an endowment."""
    economy = golden_cases()["cockshott-five-year"].economy
    assert (economy.n_goods, economy.n_targets, economy.n_resources) == (5 * 4 + 5 * 9, 5, 5)
    assert (economy.fixed_demand < 0).sum() == 9
    assert economy.endowment.tolist() == [3.0, 3.01, 3.02, 3.03, 3.07]
    assert economy.goods is not None
    assert economy.activities is not None
    keep = economy.activities.index("keep iron stock of bread in year 1")
    tomorrow = economy.goods.index("iron stock of bread in year 2")
    assert economy.outputs[tomorrow, keep] == pytest.approx(0.94)
    invest = economy.activities.index("build iron stock of bread in year 1")
    assert economy.outputs[tomorrow, invest] == 1.0


def test_five_year_needs_no_stock_at_the_end() -> None:
    """Nobody invests in the last year: nothing is worth anything after the horizon."""
    economy = golden_cases()["cockshott-five-year"].economy
    assert economy.activities is not None
    assert not [a for a in economy.activities if "year 5" in a and not a.startswith("make")]


def test_more_coal_variant_changes_the_output_of_coal_only() -> None:
    cases = golden_cases()
    plain, more = cases["cockshott-five-year"], cases["cockshott-five-year-coal6"]
    changed = (more.economy.outputs - plain.economy.outputs).tocoo()
    assert more.economy.activities is not None
    assert {more.economy.activities[j] for j in changed.coords[1]} == {
        f"make coal in year {t}" for t in range(1, 6)
    }
    assert set(np.round(changed.data, 12)) == {1.0}
    assert more.optimum == 8.797299129
