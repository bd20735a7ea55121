"""Economies over several years: what each activity does, limits that are known, bad arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.economies import KINDS, random_small
from support.full import examples
from support.solving import solve_exactly

from planbench.catalogue.builtin import with_counter
from planbench.certificates import certify_plan
from planbench.errors import InputError
from planbench.generators import generate, parse_inline
from planbench.generators.over_years import Capital, Horizon, Storage, over_years, stocks_by_user
from planbench.generators.staircase import staircase
from planbench.model import Economy, make_economy
from planbench.model.arrays import canonical_matrix


def mill() -> Economy:
    """Flour from labour, one unit each; 10 hours a year; the target is flour."""
    return make_economy(
        inputs=[[0.0]],
        outputs=[[1.0]],
        resource_use=[[1.0]],
        endowment=[10.0],
        assortment=np.ones(1),
        goods=["flour"],
        activities=["grind"],
        resources=["labour"],
        targets=["bread"],
        units=["kg"],
        name="mill",
    )


def plan_years(
    economy: Economy,
    years: Any,
    *,
    capital: Any = None,
    storage: Any = None,
    **horizon: Any,
) -> Economy:
    return over_years(economy, Horizon(years, **horizon), capital=capital, storage=storage)


def stones(**given: Any) -> Capital:
    """Millstones: one for each unit ground a year, built from a unit of flour each."""
    usual = {"held": [[1.0]], "built_from": [[1.0]], "initial": 2.0, "names": ["stone"]}
    return Capital(**{**usual, **given})


@examples(30)
@given(st.sampled_from(KINDS), st.integers(0, 10**6))
def test_one_year_gives_back_the_economy(kind: str, seed: int) -> None:
    economy = random_small(kind, seed)
    assert plan_years(economy, 1).sha256 == economy.sha256


def test_one_year_keeps_labels_with_the_year() -> None:
    one = plan_years(mill(), 1)
    assert (one.goods, one.activities) == (("flour in year 1",), ("grind in year 1",))
    assert (one.resources, one.targets) == (("labour in year 1",), ("bread in year 1",))
    assert one.units == ("kg",)


@examples(20)
@given(st.sampled_from(KINDS), st.integers(0, 10**6), st.integers(2, 4))
def test_years_that_nothing_links_add_up(kind: str, seed: int, years: int) -> None:
    """A block in the wrong place would link years, or lose one."""
    economy = random_small(kind, seed)
    alone, _ = solve_exactly(economy)
    together, plan = solve_exactly(plan_years(economy, years))
    assert together == pytest.approx(years * alone, rel=1e-6, abs=1e-9)
    by_year = plan.z.reshape(years, -1) @ economy.weights
    np.testing.assert_allclose(by_year, alone, rtol=1e-6, atol=1e-9)


def test_growth_discount_and_common_target_by_hand() -> None:
    economy = mill()
    value, plan = solve_exactly(plan_years(economy, 3, growth=0.1, discount=0.5))
    np.testing.assert_allclose(plan.z, [10.0, 11.0, 12.1])
    assert value == pytest.approx(10 + 11 / 2 + 12.1 / 4)
    # What is common is as much as the poorest year can.
    value, _ = solve_exactly(plan_years(economy, 3, growth=-0.1, common_target=True))
    assert value == pytest.approx(8.1)


def test_storage_carries_over_what_is_left_after_loss() -> None:
    """Years of 20 and of 0 hours: with a quarter lost the common level is 20 × ¾ / (1 + ¾)."""
    economy = mill()
    hours = [[20.0], [0.0]]
    together = plan_years(
        economy, 2, endowment=hours, common_target=True, storage=Storage(loss=0.25)
    )
    assert together.activities is not None
    assert "store flour in year 1" in together.activities
    assert not [name for name in together.activities if name.startswith("store") and "2" in name]
    value, _ = solve_exactly(together)
    assert value == pytest.approx(20 * 0.75 / 1.75)
    without = plan_years(economy, 2, endowment=hours, common_target=True)
    assert solve_exactly(without)[0] == pytest.approx(0.0, abs=1e-9)


def test_storage_of_some_goods_in_some_years_only() -> None:
    economy = generate(parse_inline("goods=20,seed=1"))
    one = plan_years(economy, 4, storage=Storage(goods=[3, 7], loss=[0.1, 0.2], years=2))
    stores = one.n_activities - 4 * economy.n_activities
    assert stores == 2 * 2
    first = economy.n_activities
    assert one.inputs[:, [first]].indices.tolist() == [3]
    assert one.outputs[:, [first + 1]].indices.tolist() == [20 + 7]
    assert one.outputs[:, [first + 1]].data.tolist() == [0.8]


def test_capital_limits_wears_out_is_built_and_must_be_left() -> None:
    """Two stones, half lost a year; each stone costs a unit of flour. By hand for two years."""
    economy = mill()
    # Year 1 grinds 2. Of b stones built there are 1 + b in year 2, which grinds as much;
    # z = 2 − b + 1 + b = 3 whatever b is, and none is left over.
    plain = plan_years(economy, 2, capital=stones(depreciation=0.5))
    assert solve_exactly(plain)[0] == pytest.approx(3.0)
    # Two stones must be left: year 2 has 1 + b, of which half are left, and c are built.
    # (1 + b)/2 + c ≥ 2, z = 2 − b + (1 + b) − c with c = 2 − (1 + b)/2: b as large as can be.
    left = plan_years(economy, 2, capital=stones(depreciation=0.5, terminal=2.0))
    assert left.goods is not None
    assert left.goods[-1] == "stone at the end"
    assert "flour at the end" not in left.goods
    value, plan = solve_exactly(left)
    assert value == pytest.approx(2 - 2 + 3 - 0.5)
    assert left.activities is not None
    built = dict(zip(left.activities, plan.x, strict=True))
    assert built["build stone in year 1"] == pytest.approx(2.0)
    assert built["build stone in year 2"] == pytest.approx(0.5)


def test_idle_capital_wears_out_too() -> None:
    """No labour in year 1: the stones are kept, and half of them is left."""
    economy = mill()
    one = plan_years(
        economy,
        2,
        endowment=[[0.0], [10.0]],
        capital=stones(depreciation=0.5, initial=8.0),
    )
    value, _ = solve_exactly(one)
    assert value == pytest.approx(4.0)


def test_building_takes_a_year_and_its_resources() -> None:
    """What is built in year 1 is of use in year 2."""
    economy = mill()
    capital = stones(builders=[[3.0]], initial=1.0)
    one = plan_years(economy, 2, capital=capital)
    assert one.activities is not None
    assert [name for name in one.activities if name.startswith("build")] == [
        "build stone in year 1"
    ]
    column = one.activities.index("build stone in year 1")
    assert one.goods is not None
    assert [one.goods[i] for i in one.outputs[:, [column]].indices] == ["stone in year 2"]
    assert one.resource_use[0, column] == 3.0
    # One stone each year, and a unit of flour builds a stone that grinds another.
    assert solve_exactly(one)[0] == pytest.approx(1 + 1)
    never = plan_years(economy, 3, capital=stones(building_years=0))
    assert never.activities is not None
    assert not [name for name in never.activities if name.startswith("build")]


def test_land_is_capital_that_cannot_be_built() -> None:
    economy = mill()
    one = plan_years(economy, 2, capital=stones(built_from=[[0.0]], initial=4.0))
    assert solve_exactly(one)[0] == pytest.approx(8.0)


def test_delivery_a_year_later_needs_a_first_stock_and_an_end() -> None:
    """Inputs of year t make goods of year t + 1: seed corn."""
    field = make_economy(
        inputs=[[0.5]],
        outputs=[[1.0]],
        resource_use=[[1.0]],
        endowment=[8.0],
        assortment=np.ones(1),
        goods=["corn"],
        activities=["grow"],
        resources=["labour"],
        targets=["food"],
    )
    one = plan_years(field, 2, delivery=1, initial=[3.0], terminal=[2.0])
    # Year 1: 3 = z₁ + x₁/2; year 2: x₁ = z₂ + x₂/2 with x₂ = 2 at the end: z = 3 + x₁/2 − 1.
    value, _ = solve_exactly(one)
    assert value == pytest.approx(3 + 6 / 2 - 1)
    with pytest.raises(InputError, match="no activity gives output"):
        plan_years(field, 1, delivery=1, initial=[3.0])


def test_fixed_demand_and_assortments_by_year() -> None:
    economy = mill()
    one = plan_years(
        economy,
        2,
        fixed_demand=[[1.0], [4.0]],
        assortments=[[1.0], [2.0]],
        initial=[0.5],
    )
    value, plan = solve_exactly(one)
    np.testing.assert_allclose(plan.z, [9.5, 3.0])
    assert value == pytest.approx(12.5)


def test_stocks_by_user_is_a_capital_good_for_every_entry() -> None:
    economy = generate(parse_inline("goods=6,techniques=1,inputs=2,seed=2"))
    stock = np.zeros((6, 6))
    stock[1, 0], stock[1, 4], stock[5, 2] = 2.0, 3.0, 4.0
    capital = stocks_by_user(economy, stock, depreciation=0.25)
    assert capital.count == 3
    assert capital.held.toarray()[[0, 1, 2], [0, 4, 2]].tolist() == [2.0, 3.0, 4.0]
    assert capital.initial.tolist() == [2.0, 3.0, 4.0]
    assert capital.depreciation.tolist() == [0.25] * 3
    assert capital.built_from.indices.tolist() == [1, 1, 5]


def test_initial_stock_is_worth_its_price() -> None:
    """The price of a dated stock is what one more unit of it brings."""
    economy = generate(parse_inline("goods=15,techniques=1,inputs=3,resources=2,seed=3"))
    rng = np.random.default_rng(1)
    held = rng.random((2, 15))
    common: dict[str, Any] = {
        "held": held,
        "depreciation": [0.1, 0.3],
        "built_from": np.eye(15)[:, :2],
    }
    first = 0.3 * held.sum(axis=1)
    value, plan = solve_exactly(plan_years(economy, 3, capital=Capital(initial=first, **common)))
    step = 1e-6 * first[0]
    more, _ = solve_exactly(
        plan_years(
            economy,
            3,
            capital=Capital(initial=first + np.array([step, 0.0]), **common),
        )
    )
    assert plan.p is not None
    assert plan.p[15] > 0
    assert (more - value) / step == pytest.approx(plan.p[15], rel=1e-3)


@examples(15)
@given(
    st.integers(0, 10**6),
    st.integers(2, 5),
    st.sampled_from([0.05, 0.3, 1.0]),
    st.booleans(),
)
def test_more_of_anything_never_hurts_and_the_certificate_closes(
    seed: int, years: int, depreciation: float, common: bool
) -> None:
    """More first stocks, less wear, storage, one year more: each can only help."""
    economy = generate(parse_inline(f"goods=12,inputs=3,resources=2,seed={seed}"))
    rng = np.random.default_rng(seed)
    held = rng.random((3, economy.n_activities)) * (rng.random((3, economy.n_activities)) < 0.5)
    held[:, 0] = 1.0
    assert economy.interior is not None
    first = 1.3 * held @ economy.interior.activities

    def optimum(first: Any, depreciation: float, **more: Any) -> float:
        capital = Capital(
            held=held,
            depreciation=depreciation,
            built_from=np.eye(economy.n_goods)[:, :3],
            initial=first,
        )
        dated = plan_years(economy, years, capital=capital, common_target=common, **more)
        assert dated.interior is not None
        value, plan = solve_exactly(dated)
        certificate = certify_plan(dated, plan)
        assert certificate.raw_gap is not None
        assert certificate.raw_gap < 1e-3
        return value

    base = optimum(first, depreciation)
    slack = 1e-6 * base
    assert optimum(2 * first, depreciation) >= base - slack
    assert optimum(first, 0.5 * depreciation) >= base - slack
    assert optimum(first, depreciation, storage=Storage(loss=0.1)) >= base - slack
    assert optimum(first, depreciation, growth=0.2) >= base - slack


def test_interior_survives_where_the_economy_has_one_and_only_there() -> None:
    economy = generate(parse_inline("goods=20,seed=1"))
    assert plan_years(economy, 3).interior is not None
    assert plan_years(mill(), 3).interior is None


def test_counter_maximises_any_objective_on_activities() -> None:
    economy = make_economy(
        inputs=np.zeros((2, 2)),
        outputs=np.eye(2),
        resource_use=[[1.0, 2.0]],
        endowment=[6.0],
        assortment=np.ones(2),
        fixed_demand=[1.0, 1.0],
    )
    value, plan = solve_exactly(with_counter(economy, [1.0, 3.0]))
    # One of the first is asked for; the rest of the labour goes where the count is larger.
    np.testing.assert_allclose(plan.x, [1.0, 2.5])
    assert value == pytest.approx(1 + 7.5)
    with pytest.raises(InputError, match="counts nothing"):
        with_counter(economy, [0.0, 0.0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"years": 0}, "years"),
        ({"years": 2.5}, "years: is 2.5; give a whole number"),
        ({"years": "3"}, "years: is 3; give a whole number"),
        ({"delivery": 0.5}, "delivery"),
        ({"delivery": -1}, "delivery"),
        ({"growth": -1.0}, "growth"),
        ({"growth": float("nan")}, "growth"),
        ({"discount": 0.0}, "discount"),
        ({"initial": [1.0, 2.0]}, "initial"),
        ({"initial": [-1.0]}, "initial"),
        ({"terminal": [float("inf")]}, "terminal"),
        ({"endowment": [[1.0]]}, "endowment"),
        ({"endowment": [["much"], ["little"]]}, "endowment"),
        ({"endowment": [[1.0], [-1.0]]}, "endowment"),
        ({"fixed_demand": [[1.0, 2.0], [1.0, 2.0]]}, "fixed_demand[0]: has shape"),
        ({"assortments": [[1.0]]}, "assortments"),
        ({"assortments": [[1.0], [1.0, 2.0]]}, "assortments"),
        ({"storage": Storage(goods=[1])}, "storage.goods"),
        ({"storage": Storage(goods=[0, 0])}, "storage.goods"),
        ({"storage": Storage(goods=[0.5])}, "storage.goods"),
        ({"storage": Storage(loss=1.0)}, "storage.loss"),
        ({"storage": Storage(loss=[0.1, 0.1])}, "storage.loss"),
        ({"initial": "all"}, "initial: not a list of numbers"),
        ({"terminal": [[1.0], [1.0, 2.0]]}, "terminal"),
        ({"terminal": 10**400}, "terminal"),
        ({"endowment": [["a"], [1.0]]}, "endowment[0]: not a list of numbers"),
        ({"endowment": [[1.0], [np.nan]]}, "endowment[1]: entry 0 is nan"),
        ({"endowment": [[1.0], [-1.0]]}, "endowment[1]: entry 0 is -1"),
        ({"assortments": 3}, "assortments: give 2 rows of 1"),
        ({"assortments": [[[1.0], [2.0]], [1.0]]}, "assortments[0]"),
        ({"storage": Storage(goods=["flour"])}, "storage.goods"),
        ({"storage": Storage(loss="some")}, "storage.loss"),
    ],
)
def test_bad_argument_is_named_in_one_line(arguments: dict[str, Any], words: str) -> None:
    years = arguments.pop("years", 2)
    with pytest.raises(InputError) as caught:
        plan_years(mill(), years, **arguments)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"held": [[1.0, 2.0]]}, "capital.held"),
        ({"held": [[-1.0]]}, "capital.held"),
        ({"depreciation": 1.5}, "capital.depreciation"),
        ({"initial": [1.0, 2.0]}, "capital.initial"),
        ({"built_from": [[1.0], [1.0]]}, "capital.built_from"),
        ({"builders": [[1.0], [1.0]]}, "capital.builders"),
        ({"terminal": -1.0}, "capital.terminal"),
        ({"names": ["a", "b"]}, "capital.names"),
        ({"units": ["a", "b"]}, "capital.units"),
        ({"units": 3}, "capital.units"),
        ({"names": 1.0}, "capital.names"),
        ({"depreciation": "slow"}, "capital.depreciation: not a list of numbers"),
        ({"initial": [np.nan]}, "capital.initial"),
    ],
)
def test_bad_capital_is_named_in_one_line(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        stones(**arguments).checked(mill())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_capital_of_another_economy_is_refused() -> None:
    other = generate(parse_inline("goods=10"))
    with pytest.raises(InputError, match=r"capital\.held: has shape 1 x 1; give"):
        plan_years(other, 2, capital=stones())
    with pytest.raises(InputError, match="holds nothing"):
        stocks_by_user(mill(), [[0.0]])


def test_staircase_widens_its_indices_when_rows_need_it() -> None:
    """Indices beyond 31 bits must not wrap around."""
    block = canonical_matrix(np.array([[1.0], [2.0]]), None, "block")
    rows = 2**31 + 10
    out = staircase([block, block], [0, 2**31], rows)
    assert out.indices.dtype == np.int64
    assert out.indices.tolist() == [0, 1, 2**31, 2**31 + 1]
    assert staircase([block], [0], 3).indices.dtype == np.int32


def test_staircase_leaves_rows_out() -> None:
    block = canonical_matrix(np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]]), None, "block")
    every = staircase([block, block], [0, 2], 5)
    assert every.toarray()[2].tolist() == [3, 4, 1, 0]
    for kept in ([1, 1, 1, 1, 0], [1, 0, 1, 1, 1], [1, 1, 0, 0, 1], [0, 0, 0, 0, 0]):
        chosen = np.array(kept, dtype=bool)
        found = staircase([block, block], [0, 2], 5, chosen)
        assert found.toarray().tolist() == every.toarray()[chosen].tolist()
        assert found.has_sorted_indices
