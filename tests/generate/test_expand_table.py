"""Tables over years and in regions, by recipe: what comes back, what is known, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.solving import solve_exactly

from planbench.catalogue.resolve import load_instance
from planbench.certificates import certify_plan
from planbench.errors import InputError
from planbench.generators.interior import check_interior
from planbench.generators.recipe import parse_expand
from planbench.io.npz import save_npz
from planbench.model.economy import Economy

TABLE = "us-bea-15"


def economy_of(spec: str) -> Economy:
    found = load_instance(spec).economy
    assert found is not None
    return found


@pytest.mark.parametrize(
    "spec",
    [
        "years:us-bea-15,years=1,capital=0",
        "regions:us-bea-15,regions=1",
        "years:us-bea-15,years=1,capital=0,regions=1",
    ],
)
def test_one_year_in_one_region_is_the_table(spec: str) -> None:
    """Array by array, with the table's optimum."""
    assert economy_of(spec).sha256 == economy_of(TABLE).sha256
    assert load_instance(spec).optimum == load_instance(TABLE).optimum


@pytest.mark.parametrize(
    "spec",
    [
        "years:us-bea-15,years=1,terminal=0",
        "years:us-bea-15,years=1,terminal=0.9",
        "years:us-bea-15,years=1,terminal=0,regions=3,spread=0,cross_share=0.5",
        "regions:us-bea-15,regions=4,spread=0,seed=3",
        "regions:us-bea-15,regions=3,spread=0,tradable=1,common_target=true",
    ],
)
def test_optimum_that_is_claimed_is_the_optimum(spec: str) -> None:
    """Capital suffices for the observed plan; equal regions gain nothing by trade."""
    instance = load_instance(spec)
    value, _ = solve_exactly(economy_of(spec))
    assert instance.optimum == load_instance(TABLE).optimum
    assert value == pytest.approx(instance.optimum, rel=1e-9)


@pytest.mark.parametrize(
    "spec",
    [
        "years:us-bea-15,years=2",
        "years:us-bea-15,years=1",
        "years:us-bea-15,years=1,terminal=0.95",
        "regions:us-bea-15,regions=2",
    ],
)
def test_no_optimum_is_claimed_elsewhere(spec: str) -> None:
    """What must be left, another year and unequal regions all change what the plan is worth."""
    value, _ = solve_exactly(economy_of(spec))
    optimum = load_instance(TABLE).optimum
    assert optimum is not None
    assert load_instance(spec).optimum is None
    assert abs(value - optimum) > 1e-3 * optimum


@pytest.mark.parametrize(
    "spec",
    [
        "years:us-bea-15,years=3,seed=1",
        "years:us-bea-15,years=4,growth=-0.1,capital=3",
        "years:us-bea-15,years=3,regions=2,discount=0.9,seed=1",
        "regions:us-bea-15,regions=3,seed=1",
        'years:"split:us-bea-15,goods=60,seed=1",years=3',
    ],
)
def test_interior_is_strict_and_the_certificate_closes(spec: str) -> None:
    economy = economy_of(spec)
    if "discount" not in spec:
        # Unequal regions run the plan of the poorest, too little to replace the capital of all.
        check_interior(economy)
    value, plan = solve_exactly(economy)
    certificate = certify_plan(economy, plan)
    assert certificate.raw_gap is not None
    assert certificate.raw_gap < 1e-5
    assert certificate.lower_bound == pytest.approx(value, rel=1e-5)


def test_capital_is_held_in_proportion_to_what_resources_earn() -> None:
    """One stock, worth `capital` years of value added, built from what final use is made of."""
    table, dated = economy_of(TABLE), economy_of("years:us-bea-15,years=1,capital=3,terminal=1")
    n, m = table.n_goods, table.n_activities
    assert table.interior is not None
    # At the table's prices, all 1, an industry's value added is what it makes less what it uses.
    added = np.asarray((table.outputs - table.inputs).sum(axis=0)).ravel()
    held = dated.inputs[[n], :m].toarray().ravel()
    np.testing.assert_allclose(held, 3.0 * added, rtol=1e-8)
    assert -dated.fixed_demand[n] == pytest.approx(3.0 * table.endowment.sum(), rel=1e-8)
    assert dated.goods is not None
    assert dated.goods[n] == "stock of capital in year 1"
    assert dated.activities is not None
    built = dated.inputs[:n, [dated.activities.index("build stock of capital in year 1")]]
    share = table.assortment.toarray().ravel() / table.assortment.sum()
    np.testing.assert_allclose(built.toarray().ravel(), share, rtol=1e-12)


def test_discount_and_common_target_reach_the_targets() -> None:
    table = economy_of(TABLE)
    falling = economy_of("years:us-bea-15,years=3,discount=0.9")
    np.testing.assert_allclose(falling.weights, table.weights * [1.0, 0.9, 0.81], rtol=1e-12)
    for spec in ("years:us-bea-15,years=3", "regions:us-bea-15,regions=3"):
        assert economy_of(spec).n_targets == 3
        common = economy_of(f"{spec},common_target=true")
        assert common.n_targets == 1
        assert common.weights.tolist() == table.weights.tolist()


@pytest.mark.parametrize(("growth", "left"), [(-0.1, 0.81), (0.1, 1.0)])
def test_what_must_be_left_shrinks_with_the_resources(growth: float, left: float) -> None:
    """Shrinking resources could not replace the first stocks; growing ones need not add any."""
    dated = economy_of(f"years:us-bea-15,years=3,growth={growth},terminal=0.5")
    found = -dated.fixed_demand[dated.fixed_demand < 0].min()
    assert dated.fixed_demand[-1] == pytest.approx(0.5 * left * found, rel=1e-3)
    k = economy_of(TABLE).n_resources
    np.testing.assert_allclose(
        dated.endowment[-k:], dated.endowment[:k] * (1 + growth) ** 2, rtol=1e-12
    )


def test_what_wears_out_spoils_and_is_lost_on_the_way() -> None:
    spec = "years:us-bea-15,years=2,regions=3,depreciation=0.08,spoilage=0.2,loss=0.3"
    economy = economy_of(f"{spec},storable=0.5,tradable=0.5,terminal=0.5")
    assert economy.activities is not None
    for word, left in (("keep", 0.92), ("store", 0.8), ("carry", 0.7)):
        columns = [j for j, name in enumerate(economy.activities) if name.startswith(word)]
        assert columns
        kept = economy.outputs[:, columns].sum(axis=0) / economy.inputs[:, columns].sum(axis=0)
        np.testing.assert_allclose(kept, left, rtol=1e-12)


def test_recipe_is_read_back_and_its_economy_is_pinned() -> None:
    spec = "years:us-bea-15,years=2,regions=2,capital=1.5,storable=0.2,seed=7"
    recipe = parse_expand(spec)
    assert parse_expand(recipe.canonical()) == recipe
    assert recipe.canonical() == "years:us-bea-15,years=2,capital=1.5,storable=0.2,regions=2,seed=7"
    assert economy_of(spec).sha256[:16] == "c903f06a24f036ea"
    assert economy_of(spec).sha256 != economy_of(spec.replace("seed=7", "seed=8")).sha256


def test_a_saved_expansion_claims_nothing_and_is_the_same(tmp_path: Path) -> None:
    economy = economy_of("regions:us-bea-15,regions=2,spread=0")
    save_npz(economy, tmp_path / "r.npz")
    again = load_instance(str(tmp_path / "r.npz"))
    assert again.sha256 == economy.sha256
    assert again.optimum is None


def test_a_table_whose_name_holds_a_comma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_npz(economy_of(TABLE), tmp_path / "my,table.npz")
    one = load_instance('regions:"my,table.npz",regions=2,seed=1')
    assert one.name == 'regions:"my,table.npz",regions=2,seed=1'
    assert one.sha256 == load_instance("regions:us-bea-15,regions=2,seed=1").sha256


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("years:", "begins with no table; write e.g. years:us-bea-71,years=5"),
        ("years:us-bea-15", "years: is missing; add years=5"),
        ("regions:us-bea-15,years=3", "regions: is missing; write e.g. regions:us-bea-71"),
        ("years:us-bea-15,yeras=3", "did you mean years?"),
        ("years:us-bea-15,years=0", "years:"),
        ("years:us-bea-15,years=3,spread=0", "spread: belongs to regions; add regions=4"),
        ("regions:us-bea-15,regions=2,growth=0", "growth: belongs to years; add years=5"),
        ("years:us-bea-15,years=3,capital=0,terminal=1", "terminal: is a share of the capital"),
        ("years:us-bea-15,years=3,capital=5", "capital: replacing it takes"),
        ("years:us-bea-15,years=3,depreciation=1e-9", "depreciation:"),
        ("regions:us-bea-15,regions=2,loss=0", "loss:"),
        ("years:leontief-3,years=2", "add capital=0"),
        ("years:us-bea-99,years=2", "', nearest '"),
        ("years:gen:goods=10,years=2", "begins with no table"),
        ('years:"gen:goods=10",years=2', "a recipe gen:… has its own"),
        ('years:"regions:us-bea-15,regions=2",years=2', "both go into one recipe"),
        ("regions:split:us-bea-15,goods=60,regions=2", "a recipe in quotes such as"),
        ("split:years:us-bea-15,goods=60", "is no table"),
    ],
)
def test_mistakes_are_told_in_one_line(spec: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_instance(spec)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_economy_without_observed_plan_is_dated_without_capital() -> None:
    """Storage and growth need no table."""
    one, three = economy_of("leontief-3"), economy_of("years:leontief-3,years=3,capital=0")
    assert three.n_goods == 3 * one.n_goods
    value, _ = solve_exactly(three)
    alone, _ = solve_exactly(one)
    # Closed form: one technique and one resource, which grows by 2 % a year.
    assert value == pytest.approx(alone * (1 + 1.02 + 1.02**2), rel=1e-9)
