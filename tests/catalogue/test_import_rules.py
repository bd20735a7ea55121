"""From a table to an economy: each rule on a table small enough to be done by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planbench.catalogue.resolve import load_instance
from planbench.errors import InputError
from planbench.io.npz import save_npz
from planbench.model import Economy, to_linear_program
from planbench.tables import (
    ImportReport,
    ImportSettings,
    import_raw,
    import_table,
)
from planbench.tables.importer import check_observed
from planbench.tables.raw import make_raw_table


def made(
    use: Any, *, settings: ImportSettings | None = None, **fields: Any
) -> tuple[Economy, ImportReport]:
    """Economy of a table given as lists."""
    use = np.asarray(use, dtype=float)
    n, m = use.shape
    if fields.get("make") is None and "output" not in fields:
        raise AssertionError("give output or make")
    products = [f"p{i}" for i in range(n)]
    industries = [f"i{j}" for j in range(m)] if fields.get("make") is not None else products
    return import_raw(make_raw_table("made-up", products, industries, use, **fields), settings)


def solved(economy: Economy) -> float:
    from scipy.optimize import linprog

    lp = to_linear_program(economy)
    n = economy.n_goods
    answer = linprog(
        -lp.cost,
        A_ub=np.vstack([-lp.matrix.toarray()[:n], lp.matrix.toarray()[n:]]),
        b_ub=np.concatenate([-lp.row_lower[:n], lp.row_upper[n:]]),
        bounds=np.column_stack([lp.col_lower, lp.col_upper]),
    )
    assert answer.status == 0
    return -float(answer.fun)


def rule(report: ImportReport, name: str) -> float:
    """Everything that one rule moved, 0 if it moved nothing."""
    return next((total.amount for total in report.rules() if total.rule == name), 0.0)


SYMMETRIC: dict[str, Any] = {
    "use": [[10, 20], [30, 5]],
    "output": [100, 50],
    "final_use": [[60], [20]],
    "exports": [20, 0],
    "imports": [10, 5],
    "compensation": [30, 15],
}


def test_symmetric_table_with_trade_done_by_hand() -> None:
    economy, report = made(**SYMMETRIC)
    assert economy.goods == ("p0", "p1", "foreign exchange")
    assert economy.activities == ("p0", "p1", "export p0", "import p0", "import p1")
    expected_inputs = [[0.1, 0.4, 1, 0, 0], [0.3, 0.1, 0, 0, 0], [0, 0, 0, 1, 1]]
    np.testing.assert_allclose(economy.inputs.toarray(), expected_inputs)
    expected_outputs = [[1, 0, 0, 1, 0], [0, 1, 0, 0, 1], [0, 0, 1, 0, 0]]
    np.testing.assert_allclose(economy.outputs.toarray(), expected_outputs)
    assert economy.resources == ("labour", "capital")
    np.testing.assert_allclose(
        economy.resource_use.toarray(), [[0.3, 0.3, 0, 0, 0], [0.3, 0.2, 0, 0, 0]]
    )
    np.testing.assert_allclose(economy.endowment, [45, 40])
    # Exports of 20 pay for imports of 15: the surplus of 5 is a claim on abroad.
    np.testing.assert_allclose(economy.assortment.toarray().ravel(), [60, 20, 5])
    assert (economy.fixed_demand == 0).all()
    np.testing.assert_allclose(economy.capacity, [np.inf, np.inf, 40, 20, 10])
    np.testing.assert_allclose(report.observed.plan.x, [100, 50, 20, 10, 5])
    assert report.observed.optimal
    assert report.observed.value == 85
    assert solved(economy) == pytest.approx(85, rel=1e-9)


def test_a_permitted_deficit_is_a_negative_fixed_demand_for_foreign_exchange() -> None:
    economy, report = made(**SYMMETRIC | {"imports": [10, 25], "final_use": [[60], [40]]})
    assert economy.fixed_demand.tolist() == [0, 0, -15]
    assert report.observed.value == 100
    assert solved(economy) == pytest.approx(100, rel=1e-9)


def test_trade_can_be_netted_out() -> None:
    settings = ImportSettings(trade="net")
    economy, report = made(**SYMMETRIC, settings=settings)
    assert economy.goods == ("p0", "p1")
    np.testing.assert_allclose(economy.assortment.toarray().ravel(), [70, 15])
    assert report.observed.optimal
    columns, _ = made(**SYMMETRIC, settings=ImportSettings(trade="net", targets="columns"))
    assert columns.targets == ("final use 1", "net exports")
    assert columns.assortment.toarray().tolist() == [[60, 10], [20, 0]]
    assert columns.fixed_demand.tolist() == [0, -5]


def test_trade_is_limited_as_asked() -> None:
    economy, _ = made(**SYMMETRIC, settings=ImportSettings(trade_limit=1.5))
    np.testing.assert_allclose(economy.capacity[2:], [30, 15, 7.5])
    for wrong in (0.5, float("nan"), float("inf")):
        with pytest.raises(InputError, match="at least 1"):
            made(**SYMMETRIC, settings=ImportSettings(trade_limit=wrong))


def test_imported_inputs_use_foreign_exchange() -> None:
    economy, report = made(
        [[1, 2], [3, 1]],
        output=[10, 10],
        final_use=[[7], [6]],
        import_use=[2, 3],
        final_import_use=[4],
    )
    assert economy.goods == ("p0", "p1", "foreign exchange")
    np.testing.assert_allclose(economy.inputs.toarray()[2], [0.2, 0.3])
    np.testing.assert_allclose(economy.assortment.toarray().ravel(), [7, 6, 4])
    np.testing.assert_allclose(economy.fixed_demand, [0, 0, -9])
    np.testing.assert_allclose(economy.endowment, [8])
    assert report.observed.optimal


MAKE = [[90.0, 0], [10, 40]]
SUPPLY_USE: dict[str, Any] = {
    "use": [[10, 15], [20, 5]],
    "make": MAKE,
    "final_use": [[65], [25]],
    "compensation": [50, 10],
}


def test_by_products_are_joint_production() -> None:
    economy, report = made(**SUPPLY_USE)
    np.testing.assert_allclose(economy.outputs.toarray(), [[0.9, 0], [0.1, 1]])
    np.testing.assert_allclose(economy.inputs.toarray(), [[0.1, 0.375], [0.2, 0.125]])
    np.testing.assert_allclose(economy.endowment, [60, 30])
    assert report.technology == "joint"
    assert report.observed.optimal
    assert solved(economy) == pytest.approx(90, rel=1e-9)


def test_industry_technology_done_by_hand() -> None:
    """Product 1 comes to a fifth from industry 0: A q = U diag(x)^-1 V'."""
    economy, report = made(**SUPPLY_USE, settings=ImportSettings(technology="industry"))
    use, make = np.array(SUPPLY_USE["use"], dtype=float), np.array(MAKE)
    flows = np.array([[9, 1 + 15], [18, 2 + 5]], dtype=float)
    np.testing.assert_allclose(use / make.sum(axis=0) @ make.T, flows)
    np.testing.assert_allclose(economy.inputs.toarray(), flows / [90, 50])
    np.testing.assert_allclose(economy.outputs.toarray(), np.eye(2))
    np.testing.assert_allclose(economy.resource_use.toarray()[0], [0.5, 0.3])
    assert economy.activities == ("p0", "p1")
    assert report.observed.optimal


def test_commodity_technology_done_by_hand() -> None:
    """Industry 0 = 90 corn + 10 flour, made as industry 1 makes it: A = U V^-1."""
    economy, report = made(**SUPPLY_USE, settings=ImportSettings(technology="commodity"))
    expected = np.array(SUPPLY_USE["use"]) @ np.linalg.inv(MAKE)
    assert expected.min() > 0
    np.testing.assert_allclose(economy.inputs.toarray(), expected, atol=1e-12)
    assert rule(report, "negative by commodity technology") == 0
    assert report.observed.optimal


def test_negatives_of_commodity_technology_are_mended_and_told() -> None:
    """Industry 0 uses too little of product 0 for the flour it makes: -2.75 of 90."""
    table = SUPPLY_USE | {"use": [[1, 15], [20, 5]], "final_use": [[74], [25]]}
    economy, report = made(**table, settings=ImportSettings(technology="commodity"))
    raw = np.array(table["use"]) @ np.linalg.inv(MAKE)
    assert raw[0, 0] * 90 == pytest.approx(-2.75)
    assert rule(report, "negative by commodity technology") == pytest.approx(2.75)
    # What is published is kept: uses by product, outputs, and cost equal to revenue.
    q = np.array([90, 50])
    np.testing.assert_allclose(economy.inputs @ q, [16, 25], rtol=1e-9)
    np.testing.assert_allclose(economy.endowment.sum(), 99, rtol=1e-9)
    assert report.observed.optimal
    assert solved(economy) == pytest.approx(99, rel=1e-7)


def test_commodity_technology_is_refused_where_it_means_nothing() -> None:
    with pytest.raises(InputError, match="singular"):
        made(
            [[1, 1], [1, 1]],
            make=[[10, 20], [5, 10]],
            settings=ImportSettings(technology="commodity"),
        )
    with pytest.raises(InputError, match="not 2 products of 1 industry"):
        made([[1], [1]], make=[[10], [5]], settings=ImportSettings(technology="commodity"))
    with pytest.raises(InputError, match="symmetric table has no make"):
        made(**SYMMETRIC, settings=ImportSettings(technology="industry"))


def test_negative_uses_and_outputs_change_sides() -> None:
    economy, report = made([[10, -2], [20, 5]], make=[[90, 0], [-3, 40]], final_use=[[82], [12]])
    np.testing.assert_allclose(economy.outputs.toarray() * [87, 40], [[90, 2], [0, 40]])
    np.testing.assert_allclose(economy.inputs.toarray() * [87, 40], [[10, 0], [23, 5]])
    assert rule(report, "negative use") == 2
    assert rule(report, "negative output") == 3
    assert report.observed.feasible


def test_industry_without_output_is_left_out_and_its_inputs_are_final_use() -> None:
    economy, report = made([[10, 4], [0, 0]], output=[50, 0], final_use=[[36], [0]])
    assert economy.goods == ("p0",)
    assert economy.activities == ("p0",)
    assert rule(report, "no output") == 4
    assert rule(report, "discrepancy") == 4
    np.testing.assert_allclose(economy.assortment.toarray(), [[40]])
    assert report.observed.optimal


def test_industry_that_uses_more_than_it_makes_runs_at_a_loss() -> None:
    """What it uses is kept as it is; its prices prove an upper bound, the truth is between."""
    economy, report = made(
        [[10, 30], [5, 0]],
        output=[100, 20],
        final_use=[[60], [15]],
        compensation=[40, 8],
    )
    assert rule(report, "loss") == 18
    np.testing.assert_allclose(economy.resource_use.toarray(), [[0.4, 0.4], [0.45, 0]])
    observed = report.observed
    assert observed.feasible
    assert not observed.optimal
    assert observed.upper == pytest.approx(observed.value + 18)
    optimum = solved(economy)
    assert observed.value * (1 - 1e-9) <= optimum <= observed.upper * (1 + 1e-9)


def test_negative_final_use_is_fixed_supply_for_one_target_and_for_many() -> None:
    table = {
        "use": [[10, 5], [5, 10]],
        "output": [50, 50],
        "final_use": [[40, -5], [-3, 38]],
    }
    one, report = made(**table)
    np.testing.assert_allclose(one.assortment.toarray(), [[35], [35]])
    assert (one.fixed_demand == 0).all()
    assert rule(report, "negative final use") == 0
    many, report = made(**table, settings=ImportSettings(targets="columns"))
    np.testing.assert_allclose(many.assortment.toarray(), [[40, 0], [0, 38]])
    np.testing.assert_allclose(many.fixed_demand, [-5, -3])
    np.testing.assert_allclose(many.weights, [40, 38])
    assert rule(report, "negative final use") == 8
    assert report.observed.optimal


def test_discrepancies_are_final_use_or_fixed_supply() -> None:
    economy, report = made(
        [[10, 5], [5, 10]],
        output=[50, 50],
        final_use=[[30, 2], [38, 0]],
        imports=[0, 0],
        settings=ImportSettings(targets="columns"),
    )
    assert rule(report, "discrepancy") == pytest.approx(3 + 3)
    # 3 more of p0 go to its buyers in proportion, 3 of p1 are missing.
    np.testing.assert_allclose(
        economy.assortment.toarray(), [[30 + 3 * 30 / 32, 2 + 6 / 32], [38, 0]]
    )
    np.testing.assert_allclose(economy.fixed_demand, [0, -3])
    assert report.observed.optimal


def test_imports_that_are_not_told_are_what_is_used_beyond_output() -> None:
    economy, report = made([[10, 5], [5, 10]], output=[50, 50], final_use=[[40], [35]])
    assert rule(report, "imports not stated") == 5
    assert economy.activities == ("p0", "p1", "import p0")
    np.testing.assert_allclose(economy.fixed_demand, [0, 0, -5])
    assert report.observed.optimal


def test_without_final_use_it_is_what_industries_leave() -> None:
    economy, report = made([[10, 50], [5, 10]], make=[[50, 0], [0, 80]])
    np.testing.assert_allclose(economy.assortment.toarray().ravel(), [0, 65, 0])
    assert economy.resources == ("value added",)
    assert rule(report, "imports not stated") == 10
    assert report.observed.optimal


def test_negative_trade_changes_sides() -> None:
    _, report = made(
        [[10, 5], [5, 10]],
        output=[50, 50],
        final_use=[[32], [38]],
        exports=[5, -1],
        imports=[2, -2],
    )
    assert rule(report, "negative exports") == 1
    assert rule(report, "negative imports") == 2
    np.testing.assert_allclose(report.observed.plan.x, [50, 50, 5, 2, 2, 1])


def test_margins_and_product_taxes_at_purchasers_prices() -> None:
    """20 of the 30 paid above basic prices is trade's margin, 10 is tax."""
    use = np.array([[40.0, 0], [0, 0]])
    economy, report = made(
        use,
        make=[[100, 0], [0, 25]],
        final_use=[[90], [5]],
        imports=[0, 0],
        compensation=[20, 10],
    )
    assert rule(report, "prices") == pytest.approx(10)
    kept, margin = 100 / 130, 20 / 130
    np.testing.assert_allclose(
        economy.inputs.toarray()[:, 0] * 100, [40 * kept, 40 * margin], rtol=1e-12
    )
    np.testing.assert_allclose(
        economy.assortment.toarray().ravel(), [90 * kept, 5 + 90 * margin], rtol=1e-12
    )
    assert report.observed.optimal
    told, _ = made(
        use,
        make=[[100, 0], [0, 25]],
        final_use=[[90], [5]],
        imports=[0, 0],
        compensation=[20, 10],
        settings=ImportSettings(margins=("p1",), prices="purchasers"),
    )
    assert told.sha256 == economy.sha256


def multi_region(**more: Any) -> dict[str, Any]:
    return {
        "use": [[2, 1], [1, 2]],
        "output": [10, 20],
        "final_use": [[6, 1], [2, 15]],
        "product_regions": ["N", "S"],
        "industry_regions": ["N", "S"],
        "final_regions": ["N", "S"],
    } | more


def test_regions_keep_their_resources_and_may_have_targets_of_their_own() -> None:
    economy, report = made(**multi_region(), settings=ImportSettings(targets="regions"))
    assert economy.resources == ("N value added", "S value added")
    np.testing.assert_allclose(economy.endowment, [7, 17])
    assert economy.targets == ("N", "S")
    np.testing.assert_allclose(economy.assortment.toarray(), [[6, 1], [2, 15]])
    assert report.kind == "multi-region symmetric"
    assert report.observed.optimal
    pooled, _ = made(**multi_region(), settings=ImportSettings(resources="pooled"))
    assert pooled.resources == ("value added",)
    assert pooled.targets == ("final use",)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"technology": "magic"}, "--technology: is 'magic'; give auto, joint"),
        ({"trade": "free"}, "--trade: is 'free'"),
        ({"targets": "regions"}, "final uses are not stated by region"),
        ({"resources": "regions"}, "the table has none"),
        ({"prices": "purchasers"}, "ask for a make table"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(**SYMMETRIC, settings=ImportSettings(**settings))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"output": [0, 0]}, "no industry has any output"),
        (
            {
                "use": [[50, 0], [0, 25]],
                "output": [50, 25],
                "final_use": [[10], [0]],
                "imports": [10, 0],
            },
            "no industry has any value added",
        ),
        (
            {"use": [[1, 30], [9, 1]], "output": [10, 10], "final_use": [[-30], [-9]]},
            "no final use",
        ),
    ],
)
def test_tables_of_which_no_economy_can_be_made(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(**{"use": [[1, 1], [1, 1]], "imports": [0, 0]} | fields)


def test_the_check_of_the_observed_plan_can_fail() -> None:
    """It is no formality: a plan of half the levels is short of half of the final goods."""
    economy, report = made(**SYMMETRIC)
    half = check_observed(economy, report.observed.plan.x / 2)
    assert not half.feasible
    assert 0.2 < half.shortfall <= 0.5
    more = check_observed(economy, report.observed.plan.x * 2)
    assert more.short == "labour"
    assert more.shortfall == pytest.approx(0.5)


def test_recipe_tells_what_was_moved_and_the_file_keeps_the_known_optimum(tmp_path: Path) -> None:
    economy, report = made([[10, 5], [5, 10]], output=[50, 50], final_use=[[40], [35]])
    assert economy.recipe["moved"] == ["imports not stated: p0: 5; imports"]
    json.dumps(report.to_dict(), allow_nan=False)
    save_npz(economy, tmp_path / "economy.npz")
    loaded = load_instance(str(tmp_path / "economy.npz"))
    assert loaded.optimum == report.observed.value
    assert loaded.sha256 == economy.sha256


def test_an_economy_made_of_an_imported_one_does_not_inherit_its_optimum(tmp_path: Path) -> None:
    """Its recipe may be copied; the optimum is that of one economy only."""
    economy, report = made(**SYMMETRIC)
    other = replace(economy, endowment=economy.endowment / 2)
    save_npz(other, tmp_path / "other.npz")
    assert load_instance(str(tmp_path / "other.npz")).optimum is None
    assert solved(other) < report.observed.value


def test_recipes_name_files_without_their_folders(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(",a,final\na,1,9\nwages,9,\n")
    economy, _ = import_table(tmp_path / "t.csv")
    assert economy.recipe["source"] == "t.csv"
    assert str(tmp_path) not in json.dumps(dict(economy.recipe))


def test_unknown_option_of_an_import() -> None:
    with pytest.raises(InputError, match="'technologie'"):
        import_table("x.csv", technologie="industry")
