"""Recipes with years and regions: read, refused, sized, reproducible, feasible, certified."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.full import examples
from support.solving import solve_exactly

from planbench.certificates import certify_plan
from planbench.errors import InputError
from planbench.generators import (
    GeneratorRecipe,
    estimate_bytes,
    generate,
    make_recipe,
    parse_inline,
)
from planbench.generators.interior import check_interior
from planbench.generators.recipe import finished_bytes


@st.composite
def expanded(draw: Any) -> GeneratorRecipe:
    """Recipes at the ends of their ranges, with years, regions or both."""
    goods = draw(st.integers(2, 40))
    values: dict[str, Any] = {
        "goods": goods,
        "inputs": draw(st.sampled_from(["1", "3", "10"])),
        "structure": draw(st.sampled_from(["uniform", "powerlaw", "sectors", "layered"])),
        "techniques": draw(st.integers(1, 3)),
        "resources": draw(st.integers(1, 4)),
        "byproducts": draw(st.sampled_from([0.0, 0.3, 1.0])),
        "capacities": draw(st.sampled_from([0.0, 0.3, 1.0])),
        "unit_spread": draw(st.sampled_from([0.0, 2.0])),
        "final_share": draw(st.sampled_from([0.01, 1.0])),
        "targets": draw(st.integers(1, 2)),
        "column_sum": draw(st.sampled_from([0.1, 0.53, 0.9])),
        "common_target": draw(st.booleans()),
        "seed": draw(st.integers(0, 2**63 - 1)),
    }
    kinds = draw(st.sampled_from(["years", "regions", "both"]))
    if kinds != "regions":
        capital, depreciation = draw(
            st.sampled_from([(0.0, 0.1), (2.0, 0.1), (3.0, 0.1), (0.3, 1.0), (20.0, 0.01)])
        )
        values |= {
            "years": draw(st.integers(1, 6)),
            "capital": capital,
            "depreciation": depreciation,
            "terminal": draw(st.sampled_from([0.0, 0.5, 1.0])) if capital else 0.0,
            "storable": draw(st.sampled_from([0.0, 0.3, 1.0])),
            "spoilage": draw(st.sampled_from([0.0, 0.05, 0.99])),
            "growth": draw(st.sampled_from([-0.1, 0.0, 0.5])),
        }
    if kinds != "years":
        values |= {
            "regions": draw(st.integers(1, 5)),
            "cross_share": draw(st.sampled_from([0.0, 0.1, 1.0])),
            "tradable": draw(st.sampled_from([0.0, 0.3, 1.0])),
            "transport": draw(st.sampled_from([0.001, 0.05, 10.0])),
        }
    return make_recipe(values)


@examples(30)
@given(expanded())
def test_economy_is_as_large_as_said_reproducible_and_strictly_feasible(
    recipe: GeneratorRecipe,
) -> None:
    """The memory is known before drawing; interior prices and plan leave slack everywhere."""
    economy = generate(recipe)
    assert economy.nbytes < estimate_bytes(recipe)
    assert economy.sha256 == generate(recipe).sha256
    check_interior(economy)
    assert economy.recipe.items() >= recipe.to_dict().items()
    assert parse_inline(recipe.canonical()) == recipe


@examples(20)
@given(expanded())
def test_economy_has_a_finite_optimum_and_its_certificate_closes(recipe: GeneratorRecipe) -> None:
    """Neither dated nor placed goods make anything free, and the bracket holds the optimum.

    Where carrying or keeping costs next to nothing, prices have little room and the bracket is
    wider.
    """
    economy = generate(recipe)
    value, plan = solve_exactly(economy)
    certificate = certify_plan(economy, plan)
    assert certificate.lower_bound is not None
    assert certificate.upper_bound is not None
    assert certificate.raw_gap is not None
    assert certificate.raw_gap < 0.1
    slack = 1e-6 * max(1.0, abs(value))
    assert certificate.lower_bound - slack <= value <= certificate.upper_bound + slack


@pytest.mark.parametrize(
    "text",
    [
        "goods=40,years=5,seed=1",
        "goods=40,years=5,common_target=true,byproducts=0.3,seed=1",
        "goods=40,regions=4,capacities=0.2,seed=1",
        "goods=20,years=3,regions=3,unit_spread=2,seed=1",
    ],
)
def test_certificate_is_tight_on_an_exact_answer(text: str) -> None:
    """Interiors derived from that of one year and region mend an exact answer at little cost."""
    economy = generate(parse_inline(text))
    value, plan = solve_exactly(economy)
    certificate = certify_plan(economy, plan)
    assert certificate.raw_gap is not None
    assert certificate.raw_gap < 3e-5
    assert certificate.lower_bound == pytest.approx(value, rel=3e-5)


@pytest.mark.parametrize(
    "text",
    [
        "goods=14,inputs=3,resources=1,final_share=0.01,column_sum=0.1,years=1,terminal=0,"
        "storable=0,growth=-0.1,regions=2,cross_share=0,tradable=0,seed=400",
        "goods=13,inputs=1,techniques=1,resources=1,final_share=0.01,column_sum=0.1,years=1,"
        "terminal=0,storable=0,growth=-0.1,regions=4,cross_share=0,tradable=0.3,seed=397",
        "goods=11,inputs=1,techniques=1,resources=1,final_share=0.01,column_sum=0.1,years=5,"
        "terminal=0,storable=0,growth=-0.1,regions=3,cross_share=0,tradable=0.3,seed=400",
    ],
)
def test_goods_made_in_tiny_amounts_have_room_in_the_interior(text: str) -> None:
    """A linear program's interior has no slack below its tolerance; the carried one has."""
    economy = generate(parse_inline(text))
    _, plan = solve_exactly(economy)
    gap = certify_plan(economy, plan, polish=False).raw_gap
    assert gap is not None
    assert gap < 1e-4


def test_the_economy_underneath_is_that_of_the_recipe_without() -> None:
    """Streams of their own: adding years or regions must not change what was drawn before."""
    base = generate(parse_inline("goods=50,byproducts=0.3,seed=3"))
    dated = generate(parse_inline("goods=50,byproducts=0.3,seed=3,years=3"))
    n, m = base.n_goods, base.n_activities
    assert (dated.inputs[:n, :m] != base.inputs).nnz == 0
    assert (dated.outputs[:n, :m] != base.outputs).nnz == 0
    placed = generate(parse_inline("goods=50,byproducts=0.3,seed=3,regions=2,cross_share=0"))
    assert (placed.inputs[n : 2 * n, m : 2 * m] != base.inputs).nnz == 0


def test_without_capital_and_storage_years_are_separate() -> None:
    """One year planned is the one-year economy; two are twice it."""
    base, _ = solve_exactly(generate(parse_inline("goods=40,seed=5")))
    text = "goods=40,seed=5,capital=0,storable=0,growth=0,years="
    assert (
        generate(parse_inline(text + "1")).sha256
        == generate(parse_inline("goods=40,seed=5")).sha256
    )
    two, _ = solve_exactly(generate(parse_inline(text + "2")))
    assert two == pytest.approx(2 * base, rel=1e-7)


def test_more_of_the_first_stocks_to_be_left_costs_more() -> None:
    """The end of the plan is not the end of the world: terminal stocks bind."""
    text = "goods=40,years=6,seed=2,capital=1,depreciation=0.3,terminal="
    values = [solve_exactly(generate(parse_inline(text + share)))[0] for share in ("0", "1")]
    assert values[0] > values[1] + 1e-3


def test_trade_between_unequal_regions_is_worth_something() -> None:
    """Dearer carriage is worth less, and no carriage least."""
    text = "goods=40,regions=3,cross_share=0,seed=4,tradable="
    free, dear, none = (
        solve_exactly(generate(parse_inline(text + more)))[0]
        for more in ("1,transport=0.001", "1,transport=0.03", "0")
    )
    assert free > dear + 1e-6
    assert dear > none + 1e-6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("goods=10,capital=2", "capital: belongs to years; add years=5"),
        ("goods=10,regions=2,growth=0.1", "growth: belongs to years"),
        ("goods=10,years=2,cross_share=0.1", "cross_share: belongs to regions; add regions=4"),
        ("goods=10,years=2,capital=0,terminal=1", "terminal: is a share of the capital"),
        ("goods=10,common_target=true", "common_target: belongs to years or regions"),
        ("goods=10,years=2,planted=true", "planted: goes with neither"),
        ("goods=10,years=2,capital=5,depreciation=0.1", "at most 0.3"),
        ("goods=10,years=0", "years:"),
        ("goods=10,years=1.5", "years:"),
        ("goods=10,years=2,depreciation=0", "depreciation:"),
        ("goods=10,years=2,spoilage=1", "spoilage:"),
        ("goods=10,regions=0", "regions:"),
        ("goods=10,regions=2,cross_share=1.1", "cross_share:"),
        ("goods=10,regions=2,transport=0", "transport:"),
        ("goods=10,year=2", "did you mean years"),
    ],
)
def test_bad_recipe_is_one_line_naming_field_and_mend(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_inline(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_left_out_knobs_do_not_change_the_text() -> None:
    short = parse_inline("goods=100,years=1e1,regions=2")
    assert short.years == 10
    assert short.to_dict()["cross_share"] == 0.1
    spelt = parse_inline("regions=2,cross_share=.1,years=10,capital=2,growth=.02,goods=100")
    assert short == spelt
    assert short.canonical() == spelt.canonical()
    assert "years" not in parse_inline("goods=100").canonical()
    assert "regions" not in parse_inline("goods=100").to_dict()


@pytest.mark.parametrize(
    "text",
    [
        "goods=2000,years=5,seed=1",
        "goods=2000,regions=4,seed=1",
        "goods=1000,years=4,regions=3,common_target=true,seed=1",
        "goods=2000,years=3,capital=0,seed=1",
    ],
)
def test_finished_bytes_are_those_of_the_arrays(text: str) -> None:
    """A recipe too large for the memory must be refused before anything is drawn."""
    recipe = parse_inline(text)
    economy = generate(recipe)
    assert finished_bytes(recipe) == pytest.approx(economy.nbytes, rel=0.05)
    assert estimate_bytes(recipe) > economy.nbytes


def test_economy_that_cannot_fit_is_refused_before_allocating() -> None:
    with pytest.raises(InputError, match=r"needs about .* of memory"):
        generate(parse_inline("goods=1000,years=1000,regions=10000"))
