"""Profiles: read, refused, and economies made from them look like the tables they are of."""

import contextlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.full import few, full_only

from planbench.errors import InputError
from planbench.generators import generate, make_recipe, parse_inline
from planbench.generators.profile import (
    REGIMES,
    TableProfile,
    find_profile,
    make_profile,
    profile_names,
    profile_text,
    read_profile,
)
from planbench.generators.profile_fit import (
    CheckedFigure,
    TableFigures,
    check_profile,
    community_shares,
    figures_of_economy,
    fit_profile,
    fold_own_use,
    matrix_of_profile,
    planted_shares,
)
from planbench.generators.structure import profiled, supplier_classes
from planbench.model.economy import Economy

NAMES = profile_names()
#: Detailed enough for every figure: the others are too small for some.
DETAILED = "us-bea-2012"


def check_economy(profile: TableProfile, economy: Economy) -> tuple[CheckedFigure, ...]:
    """Compare by-products, labour and final demand of an economy made from `profile`.

    The economy must have one technique per good and physical units of value 1.
    """
    made = economy.outputs.sum()
    checked = [
        CheckedFigure(
            "by-products",
            profile.byproducts,
            float((made - economy.n_activities) / made),
            0.03,
            "share of output",
        ),
        CheckedFigure(
            "goods in final demand",
            profile.final_demand.share,
            float(np.count_nonzero(np.diff(economy.assortment.tocsr().indptr)) / economy.n_goods),
            0.5 / math.sqrt(economy.n_goods),
            "share of goods",
        ),
    ]
    if profile.value_added is not None and economy.n_resources > 1:
        use = economy.resource_use
        labour = use[[0]].toarray().ravel() / np.asarray(use.sum(axis=0)).ravel()
        checked.append(
            CheckedFigure(
                "labour", profile.value_added.labour, float(labour.mean()), 0.06, "of value added"
            )
        )
    return tuple(checked)


def failing(figures: tuple[CheckedFigure, ...]) -> list[str]:
    return [
        f"{f.name}: wanted {f.wanted:.3g} ± {f.bound:.2g}, found {f.found:.3g}"
        for f in figures
        if not f.holds
    ]


def test_the_tables_at_hand_have_profiles() -> None:
    assert {"us-bea-15", "us-bea-71", "us-bea-2012", "us-bea-2017", "wiod-1995"} <= set(NAMES)
    assert all(find_profile(name).name == name for name in NAMES)


@pytest.mark.parametrize("name", [n for n in NAMES if find_profile(n).goods < 1000])
def test_economy_of_the_tables_size_is_within_every_bound(name: str) -> None:
    profile = find_profile(name)
    figures = check_profile(profile, profile.goods, seed=7)
    assert not failing(figures)
    assert len(figures) >= 14


@full_only
@pytest.mark.parametrize("name", [n for n in NAMES if find_profile(n).goods >= 1000])
def test_economy_of_a_large_tables_size_is_within_every_bound(name: str) -> None:
    profile = find_profile(name)
    assert not failing(check_profile(profile, profile.goods, seed=7))


@pytest.mark.parametrize("regime", REGIMES)
def test_each_density_regime_is_within_the_bounds(regime: str) -> None:
    assert not failing(check_profile(find_profile(DETAILED), 402, regime=regime, seed=3))


@full_only
@pytest.mark.parametrize("regime", REGIMES)
def test_each_density_regime_is_within_the_bounds_at_three_thousand(regime: str) -> None:
    assert not failing(check_profile(find_profile(DETAILED), 3000, regime=regime, seed=3))


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_holds_at_another_size(name: str) -> None:
    assert not failing(check_profile(find_profile(name), 2500, regime="20", seed=3))


@pytest.mark.parametrize("regime", few(["log", "20", "100", "table"], lambda r: r in ("log", "20")))
@pytest.mark.parametrize("goods", few([10_000, 100_000], lambda goods: goods == 10_000))
def test_large_economies_are_within_the_bounds(goods: int, regime: str) -> None:
    assert not failing(check_profile(find_profile(DETAILED), goods, regime=regime, seed=3))


@full_only
@pytest.mark.parametrize("name", [n for n in NAMES if find_profile(n).goods > 100])
def test_a_million_goods_are_within_the_bounds(name: str) -> None:
    assert not failing(check_profile(find_profile(name), 1_000_000, regime="log", seed=3))


def test_a_difference_beyond_the_bound_is_told() -> None:
    """A profile of other figures must not pass for the one the economy was made from."""
    profile = find_profile(DETAILED)
    values = profile.model_dump()
    values["communities"]["modularity"] = 0.7
    values["inputs"]["above_1e_2"] = 20.0
    broken = make_profile(values)
    names = " ".join(failing(check_profile(broken, broken.goods, seed=7)))
    assert "modularity" in names
    assert "inputs > 1 %" in names


def test_recipe_makes_what_the_check_looks_at() -> None:
    """The check would be worthless if it looked at other economies than people get."""
    economy = generate(parse_inline("goods=700,profile=us-bea-2012,regime=20,techniques=1,seed=5"))
    matrix = matrix_of_profile(find_profile("us-bea-2012"), 700, regime="20", seed=5)
    assert abs(economy.inputs - matrix).max() == 0


def test_economy_has_the_profiles_byproducts_labour_and_final_demand() -> None:
    economy = generate(
        parse_inline("goods=3000,profile=us-bea-71,regime=20,techniques=1,resources=2,seed=5")
    )
    figures = check_economy(find_profile("us-bea-71"), economy)
    assert [f.name for f in figures] == ["by-products", "goods in final demand", "labour"]
    assert not failing(figures)
    assert economy.n_resources == 2
    assert economy.resource_use.nnz == 2 * economy.n_activities


@pytest.mark.parametrize(("resources", "units"), [(1, 0), (4, 3)])
def test_labour_and_units_go_with_any_number_of_resources(resources: int, units: int) -> None:
    text = f"goods=300,profile=us-bea-71,regime=20,resources={resources},unit_spread={units},seed=1"
    economy = generate(parse_inline(text))
    # The generator checks the interior, so values add up in any unit.
    assert economy.interior is not None
    assert np.diff(economy.resource_use.tocsr().indptr)[0] == economy.n_activities


@pytest.mark.parametrize("goods", [2000, 2100])
def test_dense_and_sparse_draws_follow_the_same_law(goods: int) -> None:
    """Up to 2,048 goods suppliers are chosen among all at once, beyond draw by draw."""
    profile = find_profile(DETAILED)
    law = profiled(profile, goods, 20.0, 1)
    matrix = matrix_of_profile(profile, goods, regime="20", seed=1)
    buyers = np.bincount(matrix.indices, minlength=goods)
    counts, links = supplier_classes(profile, goods)
    by_class = np.bincount(law.group, weights=buyers) / counts
    some = counts > 50
    assert by_class[some] == pytest.approx(20 * links[some], rel=0.2, abs=0.5)
    near, up = planted_shares(law, matrix)
    assert near == pytest.approx(profile.communities.inside, abs=0.05)
    assert up == pytest.approx(profile.order.upstream, abs=0.05)


def test_links_have_mean_one_and_more_hubs_as_the_economy_grows() -> None:
    profile = find_profile(DETAILED)
    largest = 0.0
    for goods in (50, 405, 10_000, 1_000_000):
        counts, links = supplier_classes(profile, goods)
        assert counts.sum() == goods
        assert (np.diff(links) >= 0).all()
        assert counts @ links / goods == pytest.approx(1.0)
        assert links[-1] > largest
        largest = links[-1]


def test_profile_text_reads_back(tmp_path: Path) -> None:
    for name in NAMES:
        profile = find_profile(name)
        (tmp_path / "p.toml").write_text(profile_text(profile), encoding="utf-8")
        assert read_profile(tmp_path / "p.toml") == profile
    recipe = parse_inline(f"goods=100,profile={tmp_path / 'p.toml'},regime=20,seed=1")
    assert generate(recipe).recipe["profile_digest"] == profile.digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("goods=100,profile=us-bea-2021", "did you mean 'us-bea-20"),
        ("goods=100,profile=none.toml", "none.toml: no such file"),
        ("goods=100,profile=us-bea-71,inputs=5", "inputs: the profile decides it"),
        ("goods=100,profile=us-bea-71,structure=layered", "structure: the profile decides it"),
        ("goods=100,profile=us-bea-71,planted=true", "planted: goes with no profile"),
        ("goods=100,profile=us-bea-71,regime=50", "regime: must be published, log, 20"),
        ("goods=100,regime=20", "regime: belongs to a profile"),
    ],
)
def test_recipe_mistakes_are_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse_inline(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"goods": 1}, "goods:"),
        ({"inputs": None}, "inputs:"),
        ({"surprise": 1}, "surprise: is no figure of a profile"),
        ({"communities": {"modularity": 0.3, "inside": 0.5, "shares": [0.2]}}, "add up to 0.2"),
        ({"order": {"triangularity": 0.2, "upstream": 0.9}}, "order.triangularity"),
    ],
)
def test_profile_mistakes_are_told_in_one_line(change: dict[str, object], message: str) -> None:
    values = find_profile("us-bea-71").model_dump() | change
    with pytest.raises(InputError) as error:
        make_profile(values, where="p.toml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_not_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text("name = ")
    with pytest.raises(InputError, match="is not TOML"):
        read_profile(tmp_path / "p.toml")


def test_recipe_text_is_canonical_and_regime_is_read_from_toml_numbers() -> None:
    recipe = parse_inline("seed=1,profile=us-bea-71,goods=1e3,regime=20")
    assert parse_inline(recipe.canonical()) == recipe
    assert "sigma" not in recipe.canonical()
    assert make_recipe({"goods": 1000, "profile": "us-bea-71", "regime": 20, "seed": 1}) == recipe
    plain = parse_inline("seed=1,profile=us-bea-71,goods=1000")
    assert plain.regime == "published"


def test_own_use_is_spread_over_the_other_inputs() -> None:
    coefficients = np.array([[0.2, 0.0, 0.3], [0.1, 0.4, 0.0], [0.1, 0.1, 0.0]])
    folded = fold_own_use(coefficients, np.array([0, 1, 2])).toarray()
    assert np.allclose(folded, [[0, 0, 0.3], [0.2, 0, 0], [0.2, 0.5, 0]])
    # Nothing else is used: the column stays empty rather than being invented.
    assert fold_own_use(np.diag([0.3, 0.2]), np.array([0, 1])).nnz == 0


@pytest.mark.parametrize(("count", "largest"), [(1, 1.0), (5, 0.2), (8, 0.3), (40, 0.1), (3, 0.9)])
def test_community_shares_start_at_the_largest_and_add_up(count: int, largest: float) -> None:
    shares = community_shares(count, largest)
    assert sum(shares) == pytest.approx(1.0)
    assert shares[0] == pytest.approx(largest, rel=0.15)
    assert list(shares) == sorted(shares, reverse=True)


@pytest.mark.slow
def test_fit_finds_the_laws_an_economy_was_made_from() -> None:
    """Calibrating an economy made from a profile gives back that profile's laws."""
    pytest.importorskip("sknetwork")
    made = find_profile("aus-114")
    matrix = matrix_of_profile(made, 300, seed=2)
    table = TableFigures(
        coefficients=matrix,
        main=np.arange(300),
        byproducts=0.1,
        labour=np.full(300, 0.6),
        final=np.ones(300),
    )
    found = fit_profile(table, name="again", title="again", source="made")
    assert found.coefficients.column_sum == pytest.approx(made.coefficients.column_sum, abs=0.03)
    assert found.inputs.cv == pytest.approx(made.inputs.cv, abs=0.08)
    assert found.order.upstream == pytest.approx(made.order.upstream, abs=0.08)
    assert found.communities.inside == pytest.approx(made.communities.inside, abs=0.1)
    assert found.value_added is not None
    assert found.value_added.labour == pytest.approx(0.6)
    assert not failing(check_profile(found, 300, seed=9))


def test_no_profile_without_final_use_or_output() -> None:
    matrix = matrix_of_profile(find_profile("us-bea-71"), 60, seed=2)
    table = TableFigures(matrix, np.arange(60), 0.0, None, np.zeros(60))
    pytest.importorskip("sknetwork")
    with pytest.raises(InputError, match="no final use"):
        fit_profile(table, name="x", title="x", source="x")
    economy = generate(parse_inline("goods=20,seed=1"))
    idle = replace(economy, outputs=economy.outputs * 0.0)
    with pytest.raises(InputError, match="makes nothing of value"):
        figures_of_economy(idle)


@pytest.mark.parametrize("value", [1e-320, 1e308, -1.0, 0.0])
@pytest.mark.parametrize(
    "field",
    [
        *("inputs.mean", "coefficients.column_sum", "suppliers.links.4", "communities.shares.0"),
        *("suppliers.tail_exponent", "final_demand.share", "value_added.labour"),
    ],
)
def test_figures_that_arithmetic_cannot_bear_are_told(field: str, value: float) -> None:
    """Positive was not enough: 1e-320 and 1e308 ended in a traceback of the generator."""
    values = find_profile("us-bea-15").model_dump()
    *path, last = field.split(".")
    place: Any = values
    for part in path:
        place = place[part]
    if isinstance(place, tuple):
        new = list(place)
        new[int(last)] = value
        values[path[0]][path[1]] = new
    else:
        place[last] = value
    with pytest.raises(InputError, match=rf"p\.toml: {field.split('.')[0]}") as caught:
        make_profile(values, where="p.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mean", [0.01, 1e9])
@pytest.mark.parametrize("links", [(1e-6,) * 8, (1e6,) * 8, (1e-6, 1e6) * 4])
def test_the_widest_figures_allowed_make_an_economy_or_one_line(
    tmp_path: Path, mean: float, links: tuple[float, ...]
) -> None:
    """Whatever passes the reader must not end in a traceback of the generator."""
    values = find_profile("us-bea-15").model_dump(exclude_none=True)
    values["suppliers"]["links"] = links
    values["inputs"]["mean"] = mean
    path = tmp_path / "p.toml"
    path.write_text(profile_text(make_profile(values)))
    with contextlib.suppress(InputError):
        made = generate(parse_inline(f"goods=40,profile={path},regime=published,seed=1"))
        assert made.n_goods == 40
