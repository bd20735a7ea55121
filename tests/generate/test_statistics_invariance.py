"""What must not matter: the order of goods and activities, the units of either."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from support.economies import KINDS, random_small

from planbench.catalogue.builtin import random_leontief, solve_leontief
from planbench.catalogue.resolve import load_instance
from planbench.generators.statistics import EconomyStatistics, explain, study_economy
from planbench.generators.value import value_prices
from planbench.model import Economy, Interior, make_economy
from planbench.model.arrays import FloatArray, Matrix

#: Heuristics depend on the order in which goods are looked at, and samples on chance.
HEURISTIC = {"triangularity"}
ORDERED = {"factor_nonzeros", "fill_in", "fill_density"}


def changed(
    economy: Economy,
    goods: FloatArray,
    activities: FloatArray,
    order: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    interior: bool = True,
) -> Economy:
    """Measure goods in units `goods` times smaller, activities in units `activities` times."""
    by_good, by_activity = sp.diags_array(goods), sp.diags_array(activities)
    first = np.arange(economy.n_goods) if order is None else order[0]
    second = np.arange(economy.n_activities) if order is None else order[1]

    def matrix(m: Matrix) -> Matrix:
        return sp.csc_array((by_good @ m @ by_activity).tocsc()[first][:, second])

    carried = economy.interior if interior else None
    if carried is not None:
        levels = carried.activities
        carried = Interior(
            (carried.goods_prices / goods)[first],
            carried.resource_prices,
            None if levels is None else (levels / activities)[second],
        )
    return make_economy(
        inputs=matrix(economy.inputs),
        outputs=matrix(economy.outputs),
        resource_use=sp.csc_array((economy.resource_use @ by_activity).tocsc()[:, second]),
        endowment=economy.endowment,
        capacity=(economy.capacity / activities)[second],
        assortment=sp.csc_array((by_good @ economy.assortment).tocsc()[first]),
        fixed_demand=(economy.fixed_demand * goods)[first],
        weights=economy.weights,
        interior=carried,
    )


def same(one: EconomyStatistics, other: EconomyStatistics, *, but: set[str]) -> None:
    assert one.missing == other.missing
    for name in explain():
        a, b = one[name], other[name]
        if name not in but and a is not None:
            assert b == pytest.approx(a, rel=1e-6, abs=1e-9), name


ECONOMIES = (
    "us-bea-15",
    "us-bea-71",
    "cockshott-five-year",
    "gen:goods=200,inputs=6,techniques=2,byproducts=0.3,seed=4",
)


@pytest.mark.parametrize("name", ECONOMIES)
def test_the_order_of_goods_and_activities_does_not_matter(name: str) -> None:
    economy = load_instance(name).economy
    assert economy is not None
    rng = np.random.default_rng(7)
    order = rng.permutation(economy.n_goods), rng.permutation(economy.n_activities)
    ones = np.ones(economy.n_goods), np.ones(economy.n_activities)
    # Without units the five-year plan has other prices, so both sides go through `changed`.
    before, after = (
        study_economy(changed(economy, *ones)),
        study_economy(changed(economy, *ones, order)),
    )
    # Ties between main goods and in COLAMD may be broken otherwise.
    same(before, after, but=HEURISTIC | ORDERED)
    assert after["triangularity"] == pytest.approx(before["triangularity"], abs=0.03)
    if before["fill_in"] is not None:
        assert after["fill_in"] == pytest.approx(before["fill_in"], rel=0.15)


@pytest.mark.parametrize("name", ECONOMIES)
def test_units_do_not_matter(name: str) -> None:
    economy = load_instance(name).economy
    assert economy is not None
    rng = np.random.default_rng(8)
    units = (
        10.0 ** rng.integers(-4, 5, economy.n_goods),
        2.0 ** rng.integers(-3, 4, economy.n_activities),
    )
    ones = np.ones(economy.n_goods), np.ones(economy.n_activities)
    before = study_economy(changed(economy, *ones))
    after = study_economy(changed(economy, *units))
    # Pivots of equal size are chosen by rounding.
    same(before, after, but=HEURISTIC | ORDERED)
    assert after["triangularity"] == pytest.approx(before["triangularity"], abs=0.01)
    assert after["factor_nonzeros"] == pytest.approx(before["factor_nonzeros"], rel=0.02)


def test_generated_units_do_not_matter() -> None:
    plain = load_instance("gen:goods=300,inputs=8,byproducts=0.2,seed=3").economy
    spread = load_instance("gen:goods=300,inputs=8,byproducts=0.2,seed=3,unit_spread=9").economy
    assert plain is not None
    assert spread is not None
    assert spread.inputs.data.max() / spread.inputs.data.min() > 1e3 * (
        plain.inputs.data.max() / plain.inputs.data.min()
    )
    one, other = study_economy(plain), study_economy(spread)
    for name in explain():
        a = one[name]
        if name not in HEURISTIC and a is not None:
            # Coefficients are rounded to 24 bits in either unit.
            assert other[name] == pytest.approx(a, rel=1e-3), name


@pytest.mark.parametrize("kind", KINDS)
def test_units_do_not_matter_where_prices_have_to_be_found(kind: str) -> None:
    for seed in range(8):
        economy = random_small(kind, seed)
        rng = np.random.default_rng(seed)
        units = (
            10.0 ** rng.integers(-4, 5, economy.n_goods),
            2.0 ** rng.integers(-3, 4, economy.n_activities),
        )
        ones = np.ones(economy.n_goods), np.ones(economy.n_activities)
        before = study_economy(changed(economy, *ones), groups=("inputs", "coefficients", "links"))
        after = study_economy(changed(economy, *units), groups=("inputs", "coefficients", "links"))
        assert before.price_basis.startswith("least-cost"), (kind, seed)
        same(before, after, but=set())


def test_least_cost_prices_of_a_leontief_economy_are_its_labour_values() -> None:
    economy = random_leontief(60, seed=3)
    truth = solve_leontief(economy)
    bare = changed(economy, np.ones(60), np.ones(60), interior=False)
    prices, basis = value_prices(bare)
    assert basis.startswith("least-cost")
    assert truth.p is not None
    assert prices / prices[0] == pytest.approx(truth.p / truth.p[0], rel=1e-7)


def test_one_unit_for_all_is_taken_for_value_only_where_it_can_be() -> None:
    def economy(inputs: float) -> Economy:
        return make_economy(
            inputs=[[0.0, inputs], [0.0, 0.0]],
            outputs=np.eye(2),
            resource_use=[[1.0, 1.0]],
            endowment=[1.0],
            assortment=[1.0, 1.0],
            units=["t", "t"],
        )

    assert value_prices(economy(0.5))[1] == "all goods are in one unit, t"
    # Two tonnes of ore in a tonne of iron: iron must be worth more than ore.
    prices, basis = value_prices(economy(2.0))
    assert basis.startswith("least-cost")
    assert prices == pytest.approx([1.0, 3.0])


def test_prices_that_do_not_settle_are_owned_up_to() -> None:
    # A unit of good takes more than itself: least-cost prices grow without bound.
    economy = make_economy(
        inputs=[[1.2]], outputs=[[1.0]], resource_use=[[1.0]], endowment=[1.0], assortment=[1.0]
    )
    found = study_economy(economy)
    assert "no prices were found" in found.price_basis
    assert found["column_sum_mean"] == pytest.approx(1.2)


def test_what_nothing_can_make_is_left_out_and_said() -> None:
    economy = make_economy(
        inputs=[[0.0, 0.5], [0.1, 0.0], [0.0, 0.3]],
        outputs=[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]],
        resource_use=[[1.0, 1.0]],
        endowment=[1.0],
        assortment=[1.0, 0.0, 0.0],
        fixed_demand=[0.0, -1.0, 0.0],
    )
    found = study_economy(economy)
    assert "make nothing of value" in found.price_basis or "no prices" in found.price_basis


@pytest.mark.parametrize("scale", [1e-200, 1e150, 1e300])
def test_amounts_at_the_ends_of_the_arithmetic_give_figures_without_a_warning(
    scale: float,
) -> None:
    economy = make_economy(
        inputs=np.array([[0.1, 0.5], [0.2, 0.0]]) * [[scale], [1.0]],
        outputs=np.diag([scale, 1.0]),
        resource_use=[[1.0, 1.0]],
        endowment=[1.0],
        assortment=[1.0, 1.0],
    )
    found = study_economy(economy)
    assert found["column_sum_mean"] is None or np.isfinite(found["column_sum_mean"])
