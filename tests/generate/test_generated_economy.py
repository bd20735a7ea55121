"""Generated economies: productive, solvable, reproducible, and as the recipe says."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from support.full import examples

from planbench.errors import InputError, PlanbenchError
from planbench.generators import (
    GeneratorRecipe,
    estimate_bytes,
    generate,
    make_recipe,
    parse_inline,
)
from planbench.generators.interior import check_interior
from planbench.model import Economy, make_economy, to_linear_program


@st.composite
def recipes(draw: Any) -> GeneratorRecipe:
    goods = draw(st.integers(2, 60))
    law = draw(st.sampled_from(["1", "3", "10", "0.5", "log", "2*log", "1.5*n^0.3", "density:0.5"]))
    values: dict[str, Any] = {
        "goods": goods,
        "inputs": law,
        "inputs_cv": draw(st.sampled_from([0.0, 0.25])),
        "structure": draw(st.sampled_from(["uniform", "powerlaw", "sectors", "layered"])),
        "techniques": draw(st.integers(1, 4)),
        "resources": draw(st.integers(1, 7)),
        "resources_per_activity": draw(st.sampled_from(["all", "half", 1, 3])),
        "tightness": draw(st.sampled_from([0.2, 0.8, 1.0])),
        "byproducts": draw(st.sampled_from([0.0, 0.3, 1.0])),
        "capacities": draw(st.sampled_from([0.0, 0.3, 1.0])),
        "unit_spread": draw(st.sampled_from([0.0, 2.0])),
        "final_share": draw(st.sampled_from([0.01, 0.4, 1.0])),
        "targets": draw(st.integers(1, min(3, goods))),
        "column_sum": draw(st.sampled_from([0.1, 0.53, 0.9])),
        "sigma": draw(st.sampled_from([0.0, 2.0, 3.0])),
        "seed": draw(st.integers(0, 2**63 - 1)),
    }
    return make_recipe(values)


def solve(economy: Economy) -> Any:
    program = to_linear_program(economy)
    rows = sp.csr_array(program.matrix)
    n = economy.n_goods
    return linprog(
        program.minimisation_cost,
        A_ub=sp.vstack([-rows[:n], rows[n:]]),
        b_ub=np.concatenate([-economy.fixed_demand, economy.endowment]),
        bounds=np.column_stack([program.col_lower, program.col_upper]),
        method="highs-ds",
    )


@examples(60)
@given(recipes(), st.integers(0, 2**32 - 1))
def test_economy_is_as_the_recipe_says(recipe: GeneratorRecipe, choice: int) -> None:
    economy = generate(recipe)
    n, m, techniques = recipe.goods, recipe.activities, recipe.techniques
    assert economy.sha256 == generate(recipe).sha256
    assert (economy.n_goods, economy.n_activities) == (n, m)
    assert (economy.n_resources, economy.n_targets) == (recipe.resources, recipe.targets)
    for matrix in (economy.inputs, economy.outputs, economy.resource_use, economy.assortment):
        assert matrix.indices.dtype == np.int32
        assert (matrix.data > 0).all()
    # Shares, exact up to rounding to whole activities and goods.
    assert np.isfinite(economy.capacity).sum() == round(recipe.capacities * m)
    assert economy.outputs.nnz - m == round(recipe.byproducts * m)
    assert economy.assortment.nnz == max(recipe.targets, round(recipe.final_share * n))
    assert (np.diff(economy.resource_use.indptr) == recipe.resources_each).all()
    own = economy.outputs.toarray()[np.arange(m) // techniques, np.arange(m)]
    assert (own >= 1).all()
    # Any choice of techniques is productive, in value and by its spectral radius.
    interior = economy.interior
    assert interior is not None
    value = 1 / interior.goods_prices
    cost = (economy.inputs.T @ interior.goods_prices) * np.repeat(value, techniques)
    assert cost.max(initial=0.0) < 0.981
    rng = np.random.default_rng(choice)
    chosen = np.arange(n) * techniques + rng.integers(techniques, size=n)
    radius = abs(np.linalg.eigvals(economy.inputs[:, chosen].toarray())).max()
    assert radius < 0.981
    # The interior is strict where there can be any slack.
    x = interior.activities
    assert x is not None
    assert (economy.outputs @ x - economy.inputs @ x > 0).all()
    assert (economy.resource_use @ x < economy.endowment).all()
    assert (x < economy.capacity).all()
    margin = economy.resource_use.T @ interior.resource_prices - (
        (economy.outputs - economy.inputs).T @ interior.goods_prices
    )
    assert (margin * np.repeat(value, techniques) > 0.005).all()
    assert (economy.assortment.T @ interior.goods_prices > 0).all()


@examples(40)
@given(recipes())
def test_economy_has_a_finite_positive_optimum(recipe: GeneratorRecipe) -> None:
    result = solve(generate(recipe))
    assert result.status == 0, result.message
    assert 1e-3 < -result.fun < np.inf


@pytest.mark.parametrize("law", ["10", "2.5", "log", "2*log", "1.5*n^0.3", "density:0.01"])
@pytest.mark.parametrize("structure", ["uniform", "powerlaw", "sectors", "layered"])
def test_number_of_inputs_follows_its_law(law: str, structure: str) -> None:
    recipe = parse_inline(f"goods=2000,inputs={law},structure={structure},seed=4")
    degrees = np.diff(generate(recipe).inputs.indptr)
    mean = recipe.law.mean(2000)
    error = (0.25 * mean + 0.5) / np.sqrt(degrees.size)
    assert degrees.mean() == pytest.approx(mean, abs=5 * error)
    assert degrees.std() < 0.25 * mean + 0.6
    assert degrees.min() >= 1


def test_inputs_are_exactly_constant_without_variation() -> None:
    degrees = np.diff(generate(parse_inline("goods=500,inputs=7,inputs_cv=0")).inputs.indptr)
    assert (degrees == 7).all()


def test_column_sums_are_those_of_real_tables_by_default() -> None:
    economy = generate(parse_inline("goods=5000"))
    sums = np.asarray(economy.inputs.sum(axis=0))
    assert sums.mean() == pytest.approx(0.53, abs=0.01)
    assert sums.std() == pytest.approx(0.17, abs=0.02)
    assert sums.min() > 0.1
    assert sums.max() < 0.92


def test_units_spread_and_leave_the_plan_the_same() -> None:
    """Other physical units are the same economy: z* stays, coefficients spread."""
    plain = generate(parse_inline("goods=60,inputs=5,seed=3"))
    spread = generate(parse_inline("goods=60,inputs=5,seed=3,unit_spread=3"))
    logs = np.log10(spread.inputs.data / plain.inputs.data)
    assert 1.5 < logs.max() <= 3.0
    assert -3.0 <= logs.min() < -1.5
    a, b = solve(plain), solve(spread)
    assert a.status == b.status == 0
    # Endowments are rounded to 12 bits in their own units.
    assert b.fun == pytest.approx(a.fun, rel=1e-3)


def test_tightness_one_makes_every_resource_as_scarce() -> None:
    def slack(text: str) -> Any:
        economy = generate(parse_inline(f"goods=400,resources=8,{text}"))
        assert economy.interior is not None
        assert economy.interior.activities is not None
        # The interior plan is half of the reference plan.
        return economy.endowment / (economy.resource_use @ economy.interior.activities) / 2

    np.testing.assert_allclose(slack("tightness=1"), 1.0, rtol=2e-4)
    loose = slack("tightness=.25")
    assert loose.min() >= 0.9997
    assert 2.0 < loose.max() < 4.001


def test_several_resources_and_capacities_bind_at_the_optimum() -> None:
    economy = generate(parse_inline("goods=200,inputs=5,capacities=.3,tightness=1,seed=2"))
    result = solve(economy)
    assert (result.ineqlin.marginals[200:] < -1e-9).sum() >= 3
    assert (result.upper.marginals < -1e-9).sum() >= 10


def test_every_knob_changes_the_arrays() -> None:
    """A knob that is read but not used would go unseen otherwise."""
    plain = "goods=60,inputs=5"
    texts = [plain]
    texts += [
        f"{plain},{knob}"
        for knob in (
            "seed=1", "inputs_cv=0", "structure=powerlaw", "structure=powerlaw,exponent=3",
            "structure=sectors", "structure=sectors,sectors=4", "structure=sectors,within=.5",
            "structure=layered", "structure=layered,band=20", "structure=layered,backflow=.3",
            "techniques=3", "resources=6", "resources_per_activity=all",
            "resources_per_activity=1", "tightness=.5", "byproducts=.1", "capacities=.1",
            "unit_spread=1", "final_share=.5", "targets=2", "column_sum=.4", "sigma=1",
            "planted=true",
        )
    ]  # fmt: skip
    texts += ["goods=61,inputs=5", "goods=60,inputs=6"]
    assert len({generate(parse_inline(text)).sha256 for text in texts}) == len(texts)


@pytest.mark.parametrize("planted", ["false", "true"])
def test_peak_of_memory_stays_below_five_times_the_arrays(planted: str) -> None:
    recipe = parse_inline(f"goods=1e5,inputs=10,planted={planted}")
    tracemalloc.start()
    try:
        economy = generate(recipe)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * economy.nbytes
    assert peak < estimate_bytes(recipe)


def test_smallest_economies_work() -> None:
    for text in ("goods=2", "goods=2,techniques=1,resources=9,resources_per_activity=1", "goods=3"):
        for planted in ("false", "true"):
            assert solve(generate(parse_inline(f"{text},planted={planted}"))).status == 0


def test_economy_carries_name_and_recipe_but_no_labels() -> None:
    economy = generate(parse_inline("seed=4,goods=30"))
    assert economy.name == "gen:goods=30,seed=4"
    assert economy.recipe["goods"] == 30
    assert economy.goods is None
    assert economy.activities is None


@pytest.mark.parametrize("broken", ["endowment", "capacity", "inputs", "resource_use", "demand"])
def test_interior_check_sees_a_broken_economy(broken: str) -> None:
    good = generate(parse_inline("goods=30,inputs=3,capacities=.5"))
    check_interior(good)
    facts: dict[str, Any] = {
        "inputs": good.inputs,
        "outputs": good.outputs,
        "resource_use": good.resource_use,
        "endowment": good.endowment,
        "assortment": good.assortment,
        "capacity": good.capacity,
        "fixed_demand": good.fixed_demand,
    }
    if broken == "endowment":
        facts["endowment"] = good.endowment * 0.4
    elif broken == "capacity":
        facts["capacity"] = good.capacity * 0.4
    elif broken == "inputs":
        facts["inputs"] = good.inputs * 4
    elif broken == "resource_use":
        facts["resource_use"] = good.resource_use * 0.01
    else:
        facts["fixed_demand"] = np.full(30, 10.0)
    with pytest.raises(PlanbenchError, match="interior"):
        check_interior(make_economy(**facts, interior=good.interior))


def test_binding_capacities_leave_every_good_a_technique_without_limit() -> None:
    economy = generate(parse_inline("gen:goods=500,techniques=3,binding=0.2,seed=4"))
    limited = np.isfinite(economy.capacity).reshape(-1, 3)
    assert limited.sum() == 300
    assert limited.sum(axis=1).max() == 1
    plain = generate(parse_inline("gen:goods=500,techniques=3,seed=4"))
    assert abs(economy.inputs - plain.inputs).max() == 0
    assert (economy.endowment == plain.endowment).all()
    lp = to_linear_program(economy)
    found = scipy.optimize.milp(
        -lp.cost,
        constraints=scipy.optimize.LinearConstraint(lp.matrix, lp.row_lower, lp.row_upper),
        bounds=scipy.optimize.Bounds(lp.col_lower, lp.col_upper),
    )
    plan = found.x[: economy.n_activities].reshape(-1, 3)
    binds = plan >= economy.capacity.reshape(-1, 3) * (1 - 1e-6)
    assert binds.sum() >= 0.6 * limited.sum()


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ("techniques=1,binding=0.1", "add techniques=2"),
        ("binding=0.6", "at most 0.5"),
        ("binding=0.1,capacities=0.1", "drop one of them"),
        ("binding=0.1,planted=true", "drop one of them"),
    ],
)
def test_binding_capacities_that_cannot_be(knobs: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_inline(f"gen:goods=100,{knobs}")
