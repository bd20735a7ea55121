"""Tables split into goods: they add up to the table, and the observed plan stays optimal."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from support.full import examples

from planbench.catalogue.builtin import load_builtin
from planbench.catalogue.resolve import load_instance, split_table
from planbench.errors import InputError
from planbench.generators import generate, parse_inline
from planbench.generators.disaggregate import (
    aggregate,
    aggregation_error,
    cut_line,
    disaggregate,
    flows_of,
    group_activities,
    lay_out,
    pareto_sizes,
    spread_cells,
)
from planbench.generators.interior import check_interior, observed_plan
from planbench.generators.recipe import SplitRecipe, parse_split, quoted, read_split
from planbench.io.npz import load_any, save_npz
from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.planning_lp import to_linear_program
from planbench.tables import import_raw
from planbench.tables.raw import make_raw_table


def breaks_even(economy: Economy) -> bool:
    """Whether every activity earns just what it costs at the observed prices."""
    seen = observed_plan(economy)
    gain = (economy.outputs - economy.inputs).T @ seen.prices - economy.resource_use.T @ seen.rents
    return bool(np.allclose(gain, 0, atol=1e-9))


def split_into(economy: Economy, goods: int, **knobs: Any) -> Economy:
    recipe = SplitRecipe(table=economy.name, goods=goods, **knobs)
    return disaggregate(economy, recipe)


def table(name: str = "us-bea-71") -> Economy:
    economy = load_builtin(name).economy
    assert economy is not None
    return economy


def plan_of(economy: Economy) -> np.ndarray:
    assert economy.interior is not None
    assert economy.interior.activities is not None
    return 2.0 * economy.interior.activities


def test_of_two_commodities_as_large_the_last_is_the_industry_s() -> None:
    """Which one it is must not change: the same recipe gives the same economy."""
    use = np.array([[20, 35, 5], [30, 12, 44], [7, 28, 9.0]])
    make = np.array([[100, 0, 0], [100, 190, 7], [0, 3, 120.0]])
    final = (make.sum(axis=1) - use.sum(axis=1))[:, None]
    raw = make_raw_table("tie", list("abc"), list("ABC"), use, make=make, final_use=final)
    layout = lay_out(flows_of(import_raw(raw)[0]), 60, tail=1.5, seed=1)
    assert layout.main.tolist() == [1, 1, 2]


@pytest.mark.parametrize("goods", [74, 200, 5000])
@pytest.mark.parametrize("techniques", [1, 3])
def test_goods_add_up_to_the_table_cell_by_cell(goods: int, techniques: int) -> None:
    split = split_into(table(), goods, seed=3, techniques=techniques)
    assert split.n_goods == goods
    assert aggregation_error(table(), split) < 1e-12
    used = aggregate(split, plan_of(split))["used"]
    # Every cell is hit, and no other.
    assert ((used > 0) == (table().inputs.toarray() > 0)).all()


def test_aggregation_error_sees_a_flow_that_moved() -> None:
    split = split_into(table(), 300, seed=3)
    plan = plan_of(split).copy()
    plan[7] *= 1 + 1e-6
    assert aggregation_error(table(), split, plan) > 1e-9
    # The first activity is of the industry that mainly makes the first commodity.
    industry = split.recipe["main_commodities"].index(0)
    unused = np.flatnonzero(table().inputs.toarray()[:, industry] == 0)
    commodity = np.repeat(np.arange(73), split.recipe["goods_of_commodities"])
    inputs = split.inputs.copy()
    inputs.indices[0] = np.flatnonzero(commodity == unused[0])[0]
    assert aggregation_error(table(), replace(split, inputs=inputs)) == np.inf


def test_observed_plan_balances_every_good_and_every_activity_breaks_even() -> None:
    split = split_into(table(), 2000, seed=1)
    plan = plan_of(split)
    made, used = split.outputs @ plan, split.inputs @ plan
    wanted = np.asarray(split.assortment.sum(axis=1)).ravel() + split.fixed_demand
    assert np.abs(made - used - wanted).max() < 1e-9 * made.max()
    assert (np.abs(made - used - wanted) <= 1e-9 * (made + np.abs(wanted))).all()
    assert split.resource_use @ plan == pytest.approx(split.endowment, rel=1e-12)
    cost = split.inputs.sum(axis=0) + split.resource_use.sum(axis=0)
    assert cost == pytest.approx(split.outputs.sum(axis=0), rel=1e-12)
    assert (split.resource_use.sum(axis=0) > 0).all()
    check_interior(split)


def test_further_techniques_lose_at_the_tables_prices() -> None:
    split = split_into(table("us-bea-15"), 200, seed=1, techniques=3)
    loss = np.asarray(
        split.inputs.sum(axis=0) + split.resource_use.sum(axis=0) - split.outputs.sum(axis=0)
    )
    assert np.abs(loss[::3]).max() < 1e-12
    assert loss[1::3].min() > 1e-3
    assert loss[2::3].min() > 1e-3
    # They buy from other goods.
    differ = abs(split.inputs[:, 0::3] - split.inputs[:, 1::3]).sum(axis=0)
    assert (np.asarray(differ) > 0).mean() > 0.9


def test_trade_offs_depend_on_the_rents() -> None:
    split = split_into(
        table("us-bea-71"), 500, seed=1, techniques=3, alternatives="tradeoffs", scarcity=0.1
    )
    check_interior(split)
    assert "known_optimum" not in split.recipe
    value_added = np.asarray(split.resource_use.sum(axis=0)).ravel()
    cost = np.asarray(split.inputs.sum(axis=0) - split.outputs.sum(axis=0)).ravel() + value_added
    # The table's rents are 1: there further techniques cost from 3 % less to 4 % more.
    extra = cost.reshape(-1, 3) / value_added.reshape(-1, 3)[:, :1]
    assert np.abs(extra[:, 0]).max() < 1e-9
    assert extra[:, 1:].min() == pytest.approx(-0.03, abs=1e-3)
    assert extra[:, 1:].max() == pytest.approx(0.04, abs=1e-3)
    # With labour or capital a tenth dearer others are the best.
    use = split.resource_use.toarray().reshape(2, -1, 3)
    base = cost.reshape(-1, 3)
    labour, capital = (base + 0.1 * use[k] for k in (0, 1))
    assert (labour.argmin(axis=1) != capital.argmin(axis=1)).mean() > 0.1


def test_scarcity_moves_resources_limits_and_stocks_and_nothing_else() -> None:
    whole, moved = (
        split_into(table("us-bea-71"), 300, seed=1, techniques=2, scarcity=s) for s in (0.0, 0.2)
    )
    assert abs(whole.inputs - moved.inputs).max() == 0
    assert abs(whole.resource_use - moved.resource_use).max() == 0
    factor = moved.endowment / whole.endowment
    assert (np.abs(factor - 1) <= 0.2).all()
    assert (factor != 1).all()
    stocks = whole.fixed_demand < 0
    factor = moved.fixed_demand[stocks] / whole.fixed_demand[stocks]
    assert (np.abs(factor - 1) <= 0.2).all()
    assert (factor != 1).all()
    assert (moved.fixed_demand[~stocks] == whole.fixed_demand[~stocks]).all()
    assert moved.sha256 != whole.sha256
    assert aggregation_error(table("us-bea-71"), moved) < 1e-9
    check_interior(moved)


@pytest.mark.parametrize("name", ["us-bea-71", "us-bea-15"])
def test_a_fifth_of_the_goods_use_another_technique_at_the_optimum(name: str) -> None:
    split = split_into(
        table(name), 300, seed=1, techniques=2, alternatives="tradeoffs", scarcity=0.1
    )
    plan = solve_exactly(split)[: split.n_activities].reshape(-1, 2)
    made = plan.sum(axis=1) > 0
    assert made.mean() > 0.95
    assert (plan.argmax(axis=1) == 1)[made].mean() >= 0.2


def solve_exactly(economy: Economy) -> np.ndarray:
    lp = to_linear_program(economy)
    rows = scipy.optimize.LinearConstraint(lp.matrix, lp.row_lower, lp.row_upper)
    bounds = scipy.optimize.Bounds(lp.col_lower, lp.col_upper)
    found = scipy.optimize.milp(-lp.cost, constraints=rows, bounds=bounds)
    assert found.status == 0
    return found.x


@pytest.mark.parametrize("techniques", [1, 2])
def test_optimum_is_the_tables(techniques: int) -> None:
    instance = load_instance(f"split:us-bea-15,goods=150,techniques={techniques},seed=1")
    assert instance.optimum == load_builtin("us-bea-15").optimum
    lp = to_linear_program(instance.economy)  # type: ignore[arg-type]
    from scipy.optimize import linprog

    lower = np.where(np.isfinite(lp.row_lower), lp.row_lower, -np.inf)
    upper = np.isfinite(lp.row_upper)
    matrix = sp.vstack([lp.matrix[upper], -lp.matrix[np.isfinite(lower)]], format="csc")
    right = np.concatenate([lp.row_upper[upper], -lp.row_lower[np.isfinite(lower)]])
    bounds = np.column_stack([lp.col_lower, lp.col_upper])
    scale = np.abs(right).max()
    found = linprog(-lp.cost, A_ub=matrix, b_ub=right / scale, bounds=bounds / scale)
    assert found.status == 0
    assert -found.fun * scale == pytest.approx(instance.optimum, rel=1e-6)


def test_a_split_file_that_was_changed_loses_its_optimum(tmp_path: Path) -> None:
    made = load_instance("split:us-bea-15,goods=150,seed=1")
    assert made.economy is not None
    save_npz(made.economy, tmp_path / "same.npz")
    same = load_instance(str(tmp_path / "same.npz"))
    assert same.optimum == made.optimum
    assert same.recipe == {**made.recipe, "techniques": 1}
    for n, change in enumerate(
        (
            {"endowment": 0.5 * made.economy.endowment},
            {"endowment": 2.0 * made.economy.endowment},
            {"inputs": 0.9 * made.economy.inputs},
            {"assortment": 1.1 * made.economy.assortment},
            # The plan is as good as before, and its value another.
            {"weights": 2.0 * made.economy.weights},
        )
    ):
        path = tmp_path / f"{n}.npz"
        save_npz(replace(made.economy, **change), path)
        changed = load_instance(str(path))
        assert changed.optimum is None
        assert "no longer holds" in changed.recipe["remarks"][0]


def test_no_optimum_is_claimed_where_prices_do_not_pay_for_the_weights() -> None:
    """Activities break even, and yet more of the dearly weighted target is better."""
    whole = table("us-bea-15")
    half = whole.assortment.toarray() * np.linspace(0, 1, whole.n_goods)[:, None]
    both = sp.csc_array(np.hstack([half, whole.assortment.toarray() - half]))
    worth = both.sum(axis=0)
    recipe = parse_split("us-bea-15,goods=100,seed=1")
    even = replace(whole, assortment=both, weights=worth, targets=("a", "b"))
    assert split_table(recipe, even).optimum == pytest.approx(worth.sum(), rel=1e-12)
    uneven = replace(even, weights=worth * np.array([1.0, 5.0]))
    assert breaks_even(uneven)
    instance = split_table(recipe, uneven)
    assert instance.optimum is None
    assert "known_optimum" not in instance.recipe


def test_no_optimum_is_claimed_where_an_industry_loses() -> None:
    whole = table("us-bea-15")
    assert whole.interior is not None
    dear = 1.2 * whole.inputs.toarray()[:, [3]]
    inputs = sp.csc_array(np.hstack([whole.inputs.toarray()[:, :3], dear,
                                     whole.inputs.toarray()[:, 4:]]))  # fmt: skip
    plan = plan_of(whole)
    net = np.asarray((whole.outputs - inputs) @ plan)
    losing = replace(
        whole,
        inputs=inputs,
        assortment=sp.csc_array(np.maximum(net, 0.0)[:, None]),
        fixed_demand=np.minimum(net, 0.0),
        weights=np.array([np.maximum(net, 0.0).sum()]),
    )
    instance = split_table(parse_split("us-bea-15,goods=100,seed=1"), losing)
    assert instance.optimum is None
    assert aggregation_error(losing, instance.economy) < 1e-12  # type: ignore[arg-type]


def test_a_sum_that_is_no_number_is_no_agreement() -> None:
    split = split_into(table("us-bea-15"), 100, seed=1)
    plan = plan_of(split).copy()
    plan[0] = np.nan
    assert aggregation_error(table("us-bea-15"), split, plan) == np.inf


def test_same_recipe_same_goods_and_another_seed_others() -> None:
    one = load_instance("split:us-bea-15,goods=100,seed=1")
    assert one.sha256 == load_instance("split:us-bea-15,goods=1e2,seed=1").sha256
    assert one.sha256 != load_instance("split:us-bea-15,goods=100,seed=2").sha256
    assert parse_split(one.name) == parse_split("us-bea-15,goods=100,seed=1")


def test_split_table_has_the_known_hash() -> None:
    """Split tables are the same everywhere; SPLIT_VERSION rises when they change on purpose."""
    found = load_instance("split:us-bea-15,goods=500,techniques=2,seed=1").sha256
    assert found == "48b0248419d88912102420e29f349baaf85d7e72a59070b2b093e190fad119b9"


def test_links_are_few_suppliers_many_sizes() -> None:
    """Each activity has about the inputs asked for, and large goods have many buyers."""
    split = split_into(table(), 20_000, seed=1, inputs=12)
    inputs = np.diff(split.inputs.indptr)
    assert inputs.mean() == pytest.approx(12, rel=0.25)
    buyers = np.diff(split.inputs.tocsr().indptr)
    assert buyers.max() > 30 * np.median(buyers)
    assert np.log(split.inputs.data).std() > 1.0


def test_saved_file_keeps_what_it_takes_to_add_up(tmp_path: Path) -> None:
    instance = load_instance("split:us-bea-15,goods=100,seed=1")
    assert instance.economy is not None
    save_npz(instance.economy, tmp_path / "s.npz")
    assert aggregation_error(table("us-bea-15"), load_any(tmp_path / "s.npz")) < 1e-12
    assert load_instance(str(tmp_path / "s.npz")).optimum == instance.optimum


def test_small_economy_of_goods_has_names() -> None:
    split = split_into(table("us-bea-15"), 60, seed=1)
    assert split.goods is not None
    assert split.goods[0].endswith(" 1")
    assert len(set(split.goods)) == 60


@pytest.mark.slow
def test_a_hundred_thousand_goods_add_up() -> None:
    split = split_into(table(), 100_000, seed=5, techniques=2)
    assert aggregation_error(table(), split) < 1e-9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("split:us-bea-71", "goods: is missing"),
        ("split:goods=10", "begins with no table"),
        ("split:us-bea-71,goods=50", "fewer than the"),
        ("split:us-bea-71,goods=1e9,techniques=9", "are available"),
        ("split:us-bea-71,goods=1000,alternatives=tradeoffs", "add techniques=2"),
        ("split:us-bea-71,goods=1000,techniques=2,alternatives=tradeof", "mean 'tradeoffs'"),
        ("split:us-bea-71,goods=1000,scarcity=0.5", "scarcity: "),
        ('years:"split:us-bea-15,goods=100,scarcity=0.1",years=2', "drop scarcity"),
        ("split:us-bea-71,goods=1000,sed=1", "did you mean seed"),
        ("split:us-bea-71,goods=many", "goods:"),
        ("split:us-bea-71,goods=1000,goods=2", "occurs twice"),
        ("split:us-bea-71,goods", "is not name=value"),
        ("split:my,table.npz,goods=10", "text that holds a comma goes in quotes"),
        ("split:my=table.npz,goods=10", "begins with no table"),
        ('split:"my,table.npz,goods=10', "a quote that is not closed"),
        ('split:"my,table.npz"x,goods=10', "a quote that is not closed, or text behind it"),
        ("split:us-bea-71,table=us-bea-15,goods=100", "table: occurs twice"),
        ("split:us-bea-7,goods=1000", "no instance 'us-bea-7'"),
        ("split:gen:goods=10,goods=1000", "begins with no table"),
        ("split:split:us-bea-71,goods=1000", "is no table"),
        ("split:leontief-3,goods=1000", "carries no observed plan"),
        ("split:us-bea-71,goods=1000,profile=us-bea-2012", "no field 'profile'"),
    ],
)
def test_mistakes_are_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        load_instance(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["my,table.npz", "goods=5.npz", "it's.npz", 'a "b",c.npz', "'a'.npz"]
)
def test_a_table_of_any_name_is_split(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commas and quotes in a file's name must not end up as knobs; the name is written back."""
    monkeypatch.chdir(tmp_path)
    save_npz(table("us-bea-15"), tmp_path / name)
    recipe = parse_split(f"split:{quoted(name)},goods=60,seed=1")
    assert recipe == read_split({"table": name, "goods": "60", "seed": "1"})
    assert recipe.table == name
    instance = load_instance(f"split:{recipe.canonical()}")
    assert instance.name == f"split:{recipe.canonical()}"
    assert instance.economy is not None
    assert instance.economy.n_goods == 60


def test_single_quotes_serve_as_well() -> None:
    recipe = parse_split("split:'my, ''table''.npz' , goods = 1e3")
    assert (recipe.table, recipe.goods) == ("my, 'table'.npz", 1000)


def test_only_economies_whose_plan_balances_are_split() -> None:
    economy = generate(parse_inline("goods=50,techniques=1,seed=1"))
    with pytest.raises(InputError, match="only economies made from a table"):
        split_into(economy, 500)
    with pytest.raises(InputError, match="is no split table"):
        aggregate(economy, np.ones(economy.n_activities))


def test_foreign_exchange_stays_one_good_and_limits_are_shared() -> None:
    """A means of payment that came in many kinds would not be one."""
    economy = make_economy(
        inputs=[[0, 0.5, 0, 1, 0], [0.4, 0, 0.2, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]],
        outputs=[[1, 0, 0, 0, 0], [0, 1, 0, 0, 1], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0]],
        resource_use=[[0.6, 0.5, 0.8, 0, 0]],
        endowment=[190.0],
        capacity=[np.inf, np.inf, np.inf, 20.0, 20.0],
        # x = 100, 100, 100, 10, 10: 40 of a and 50 of b are left, and all of c.
        assortment=[40.0, 50.0, 100.0, 0.0],
        weights=[190.0],
        goods=["a", "b", "c", "foreign exchange"],
        interior=Interior(np.ones(4), np.full(1, 2.0), np.array([50.0, 50, 50, 5, 5])),
    )
    assert breaks_even(economy)
    split = split_into(economy, 400, seed=1)
    assert split.recipe["goods_of_commodities"][3] == 1
    assert aggregation_error(economy, split) < 1e-12
    limited = np.isfinite(split.capacity)
    ratio = split.capacity[limited] / plan_of(split)[limited]
    assert np.allclose(ratio, 2.0)
    assert limited.sum() > 2


@examples(60)
@given(
    supply=st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda v: sum(v) > 1e-3),
    demand=st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=40),
)
def test_cut_line_meets_both_sums_with_few_links(supply: list[float], demand: list[float]) -> None:
    bought = np.array(demand)
    given_ = np.array(supply) * (bought.sum() / sum(supply))
    supplier, buyer, amount = cut_line(given_, bought)
    assert amount.min() > 0
    assert supplier.size <= given_.size + bought.size - 1
    assert np.bincount(buyer, amount, bought.size) == pytest.approx(bought, rel=1e-12)
    total = np.bincount(supplier, amount, given_.size)
    assert np.abs(total - given_).max() <= 1e-12 * bought.sum()


@examples(40)
@given(seed=st.integers(0, 10_000), cells=st.integers(1, 30), each=st.floats(1, 20))
def test_spread_keeps_cells_exact_and_leaves_everyone_something(
    seed: int, cells: int, each: float
) -> None:
    rng = np.random.default_rng(seed)
    industry = np.sort(rng.integers(0, 3, 60)).astype(np.int64)
    industry[:3], industry[-1] = 0, 2
    industry.sort()
    if not (np.bincount(industry, minlength=3) > 0).all():
        return
    revenue = rng.pareto(1.5, 60) + 0.1
    groups = group_activities(industry, revenue, rng.permutation(60))
    of = np.sort(rng.integers(0, 3, cells)).astype(np.int64)
    value = rng.lognormal(0, 2, cells)
    totals = np.bincount(of, weights=value, minlength=3)
    value = 0.8 * value / totals[of]
    amount = value * np.bincount(industry, weights=revenue)[of]
    spread = spread_cells(groups, of, amount, value, each)
    cell, activity, part = spread.entries(np.arange(cells))
    assert part.min() > 0
    assert np.bincount(cell, part, cells) == pytest.approx(amount, rel=1e-12)
    assert (industry[activity] == of[cell]).all()
    assert np.unique(cell * 60 + activity).size == cell.size
    spent = np.bincount(activity, part, 60) / revenue
    assert spent.max() < 1.0
    # What was foreseen for each activity is what it gets.
    assert spent[groups.member] == pytest.approx(spread.taken, rel=1e-9, abs=1e-12)


def test_pareto_sizes_are_the_law() -> None:
    shares = np.array([1.0, 0.5, 0.25, 0.1, 1e-3, 1e-6])
    assert pareto_sizes(shares, 1.5) == pytest.approx(shares ** (-1 / 1.5), rel=1e-3)


TABLES = Path(
    os.environ.get("PLANBENCH_TABLES", Path(__file__).resolve().parents[3] / "shared" / "tables")
)


@pytest.mark.parametrize("name", ["us-bea-2012-405", "us-bea-2017-73"])
def test_imported_table_is_split_at_its_published_outputs(name: str) -> None:
    """The plan found back from an imported economy is the one in the published file."""
    file = TABLES / f"{name}.npz"
    if not file.is_file():
        pytest.skip(f"{name} is not at hand")
    from planbench.tables import import_table

    economy, report = import_table(file)
    levels = observed_plan(economy).levels
    assert levels == pytest.approx(report.observed.plan.x, rel=1e-6)
    split = split_into(economy, 3000, seed=1)
    assert aggregation_error(economy, split) < 1e-9
