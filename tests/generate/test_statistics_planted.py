"""Figures that are known beforehand: made matrices, planted laws, small cases by hand."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from support.coefficients import study_inputs

from planbench.catalogue.resolve import load_instance
from planbench.errors import InputError
from planbench.generators.statistics import (
    EconomyStatistics,
    StudyLimits,
    best_order,
    explain,
    goods_graph,
    hill,
    links_of,
    lognormal_fit,
    power_bound,
    share_ahead,
    study_economy,
)
from planbench.generators.value import value_inputs
from planbench.model import make_economy

#: A block of a million entries and what is computed of it.
BLOCKS_BYTES = 60e6


def permuted(matrix: np.ndarray, seed: int = 0) -> np.ndarray:
    order = np.random.default_rng(seed).permutation(matrix.shape[0])
    return matrix[np.ix_(order, order)]


def sparse_random(n: int, density: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.random((n, n)) * (rng.random((n, n)) < density)


def test_concentration_counts_the_fewest_inputs_that_make_a_share() -> None:
    # One column of .5 .25 .25 and one of ten equal inputs.
    matrix = np.zeros((10, 2))
    matrix[:3, 0] = 0.1 * np.array([0.25, 0.5, 0.25])
    matrix[:, 1] = 0.01
    found = study_inputs(matrix, groups=("inputs",))
    assert found["k50"] == (1 + 5) / 2
    assert found["k90"] == (3 + 9) / 2
    assert found["k99"] == (3 + 10) / 2


def test_density_counts_what_is_above_each_threshold() -> None:
    matrix = np.zeros((5, 3))
    matrix[:4, 0] = [2e-5, 2e-4, 2e-3, 2e-2]
    matrix[0, 1] = 0.5
    found = study_inputs(matrix, groups=("inputs", "coefficients"))
    # The third activity has no inputs and does not count.
    assert found["inputs_mean"] == 5 / 2
    assert found["inputs_above_1e_4"] == 4 / 2
    assert found["inputs_above_1e_3"] == 3 / 2
    assert found["inputs_above_1e_2"] == 2 / 2
    assert found["column_sum_mean"] == pytest.approx((0.02222 + 0.5) / 2)
    assert found["column_sum_largest"] == 0.5


def test_a_planted_lognormal_law_is_found_and_another_law_is_told_apart() -> None:
    rng = np.random.default_rng(1)
    mean, deviation, distance = lognormal_fit(np.exp(rng.normal(-5, 2, 40_000))) or (0, 0, 1)
    assert mean == pytest.approx(-5, abs=0.03)
    assert deviation == pytest.approx(2, abs=0.03)
    assert distance < 0.01
    other = lognormal_fit(rng.random(40_000))
    assert other is not None
    assert other[2] > 0.1


def test_hill_finds_the_exponent_of_a_pareto_tail() -> None:
    for exponent in (1.2, 1.55, 3.0):
        sizes = (1 - (np.arange(10_000) + 0.5) / 10_000) ** (-1 / exponent)
        assert hill(np.random.default_rng(0).permutation(sizes), 2000) == pytest.approx(
            exponent, rel=0.01
        )
    assert hill(np.ones(100), 20) is None


def test_degrees_tell_equal_suppliers_from_one_that_supplies_all() -> None:
    ring = np.roll(np.eye(50), 1, axis=0) * 0.3
    found = study_inputs(ring, groups=("links",))
    assert (found["in_degree_cv"], found["out_degree_cv"], found["universal_share"]) == (0, 0, 0)
    assert found["top_supplier_share"] == pytest.approx(0.1)
    star = np.zeros((50, 50))
    star[0] = 0.3
    found = study_inputs(star, groups=("links",))
    assert found["in_degree_cv"] == 0
    assert found["out_degree_cv"] == pytest.approx(7.0)  # √(n − 1)
    assert found["universal_share"] == 1 / 50
    assert found["top_supplier_share"] == 1


@pytest.mark.parametrize("n", [40, 500])
def test_a_triangular_economy_is_found_to_be_triangular(n: int) -> None:
    matrix = permuted(np.triu(sparse_random(n, 10 / n, seed=n), 1))
    found = study_inputs(matrix)
    assert found["triangularity"] == pytest.approx(1)
    assert "triangularity" not in found.estimates
    assert found["strong_component"] == 1
    assert (found["spectral_radius"], found["second_eigenvalue"]) == (0, 0)


def test_goods_that_only_use_themselves_have_their_coefficients_as_eigenvalues() -> None:
    matrix = np.triu(sparse_random(30, 0.3, seed=3), 1)
    np.fill_diagonal(matrix, np.linspace(0, 0.4, 30))
    found = study_inputs(permuted(matrix), groups=("spectrum",))
    assert found["spectral_radius"] == pytest.approx(0.4)
    assert found["second_eigenvalue"] == pytest.approx(0.4 * 28 / 29)


@pytest.mark.parametrize("blocks", [3, 10])
def test_blocks_are_components(blocks: int) -> None:
    size = 12
    matrix = permuted(np.kron(np.eye(blocks), 0.5 / size * (1 - np.eye(size))))
    found = study_inputs(matrix)
    assert found["strong_component"] == size
    # Half of a clique lies above the diagonal in any order.
    assert found["triangularity"] == pytest.approx(0.5)


@pytest.mark.parametrize("n", [60, 700])
def test_spectral_radius_of_equal_column_sums_is_that_sum(n: int) -> None:
    matrix = sparse_random(n, 20 / n, seed=n) + 1e-3 * np.roll(np.eye(n), 1, axis=0)
    matrix *= 0.6 / matrix.sum(axis=0)
    found = study_inputs(matrix, groups=("spectrum",))
    assert found["spectral_radius"] == pytest.approx(0.6, rel=1e-6)
    assert found["spectral_upper"] == pytest.approx(0.6, rel=1e-6)
    assert (found["second_eigenvalue"] is None) == (n > 500)


def test_coefficients_whose_squares_underflow_have_statistics() -> None:
    found = study_inputs(np.full((400, 400), 1e-200))
    assert found["spectral_radius"] == pytest.approx(4e-198)


@pytest.mark.parametrize("n", [50, 400])
def test_a_planted_second_eigenvalue_is_found(n: int) -> None:
    matrix = 0.2 * np.eye(n) + np.full((n, n), 0.3 / n)
    found = study_inputs(matrix, groups=("spectrum",))
    assert found["spectral_radius"] == pytest.approx(0.5)
    assert found["second_eigenvalue"] == pytest.approx(0.2)


def test_the_upper_bound_holds_in_parts_that_feed_one_another() -> None:
    """A cycle that rotates and a chain into it: plain power iteration would not settle."""
    cycle = np.roll(np.eye(400), 1, axis=0) * 0.7
    small = np.full((5, 5), 0.1)
    matrix = np.block([[cycle, np.zeros((400, 5))], [np.full((5, 400), 0.01), small]])
    found = study_inputs(permuted(matrix), groups=("spectrum",))
    assert found["spectral_upper"] is not None
    assert found["spectral_upper"] >= 0.7 * (1 - 1e-12)
    assert found["spectral_radius"] == pytest.approx(0.7, rel=0.02)
    for seed in range(10):
        random = sparse_random(30, 0.1, seed)
        random[0, 1] = 1.0
        truth = np.abs(np.linalg.eigvals(random)).max()
        _, lower, upper = power_bound(sp.csc_array(random), 60)
        assert lower * (1 - 1e-9) <= truth <= upper * (1 + 1e-9)


def test_local_search_comes_near_the_best_of_all_orders() -> None:
    for seed in range(6):
        matrix = sparse_random(7, 0.7, seed)
        np.fill_diagonal(matrix, 0)
        found = study_inputs(matrix, groups=("order",))["triangularity"]
        best = max(
            float(np.triu(matrix[np.ix_(order, order)], 1).sum())
            for order in itertools.permutations(range(7))
        ) / float(matrix.sum())
        assert found is not None
        assert 0.97 * best <= found <= best + 1e-12


@pytest.mark.parametrize("goods", [300, 3000])
def test_a_planted_order_of_production_is_found_or_bettered(goods: int) -> None:
    """A long chain of layers with some flow back: levels alone would not settle along it."""
    economy = load_instance(
        f"gen:goods={goods},structure=layered,backflow=0.05,techniques=1,seed=2"
    ).economy
    assert economy is not None
    planted = share_ahead(np.arange(goods), links_of(economy.inputs))
    order = np.random.default_rng(1).permutation(goods)
    shuffled = economy.inputs[order][:, order]
    found = study_inputs(shuffled, groups=("order",))["triangularity"]
    assert found is not None
    assert found >= planted - 0.01


def test_more_sweeps_never_give_a_worse_order() -> None:
    matrix = sparse_random(300, 0.05, seed=2)
    inputs = value_inputs(_economy_of(0.5 * matrix / matrix.sum(axis=0)))
    graph = goods_graph(inputs)
    links = links_of(graph.matrix)
    shares = []
    for work in (1, 100_000, 10_000_000):
        order = best_order(graph, links, StudyLimits(order_work=work), 0)
        shares.append(share_ahead(np.argsort(order), links))
    assert shares == sorted(shares)
    assert shares[-1] > shares[0]


def test_a_factor_without_fill_in_and_one_that_is_full() -> None:
    blocks = np.kron(np.eye(8), np.full((5, 5), 0.1))
    found = study_inputs(blocks, groups=("factor",))
    assert found["factor_nonzeros"] == 8 * 25
    assert found["fill_in"] == 1
    assert found["fill_density"] == pytest.approx(1 / 8)
    # A universal supplier that buys from all: no fill where it is eliminated last.
    arrow = np.zeros((400, 400))
    arrow[0, :] = arrow[:, 0] = 1e-4
    assert study_inputs(arrow, groups=("factor",))["fill_in"] == 1
    full = study_inputs(np.full((20, 20), 0.01), groups=("factor",))
    assert (full["factor_nonzeros"], full["fill_density"]) == (400, 1)


def test_dear_figures_are_left_out_beyond_their_limits_and_say_why() -> None:
    found = study_inputs(sparse_random(50, 0.2, seed=1) / 20, limits=StudyLimits(factor_goods=49))
    assert found["fill_in"] is None
    assert "50 goods are more than 49" in found.missing["fill_in"]
    found = study_inputs(np.full((9, 9), 0.1), limits=StudyLimits(links=80))
    assert found["strong_component"] == 9
    assert "81 inputs are more than 80" in found.missing["triangularity"]


def test_samples_stand_for_the_whole_and_are_marked() -> None:
    matrix = sp.csc_array(np.exp(np.random.default_rng(3).normal(-4, 1.5, (200, 2000))))
    whole = study_inputs(matrix, groups=("inputs", "coefficients"))
    part = study_inputs(
        matrix, groups=("inputs", "coefficients"), limits=StudyLimits(sample=40_000)
    )
    assert not whole.estimates
    assert set(part.estimates) == {"k50", "k90", "k99", "log_mean", "log_deviation", "log_ks"}
    assert "200 of 2,000 activities" in part.estimates["k50"]
    for name in ("k50", "k90", "log_deviation"):
        assert part[name] == pytest.approx(whole[name], rel=0.05)
        assert part[name] != whole[name]
    assert part["column_sum_mean"] == whole["column_sum_mean"]
    again = study_inputs(matrix, groups=("inputs",), limits=StudyLimits(sample=40_000))
    assert again["k50"] == part["k50"]


def test_eigenvalues_are_the_same_with_links_between_components_and_without() -> None:
    """Beyond a size the matrix is not copied, and links between components stay in."""
    blocks = [sparse_random(250, 0.08, seed=k) for k in (1, 2)]
    between = np.full((250, 250), 1e-3)
    matrix = np.block([[blocks[0], between], [np.zeros((250, 250)), blocks[1]]])
    # Goods that nobody uses are in no cycle and must not be counted in.
    matrix = permuted(np.pad(matrix, ((0, 30), (0, 30))) + np.eye(530, k=30) * 1e-4) / 25
    matrix[:, -1] = 0.0
    copied = study_inputs(matrix, groups=("spectrum",))
    shared = study_inputs(matrix, groups=("spectrum",), limits=StudyLimits(links=10))
    truth = np.sort(np.abs(np.linalg.eigvals(matrix)))[::-1]
    for found in (copied, shared):
        within = 1e-4 if "spectral_radius" in found.estimates else 1e-6
        assert found["spectral_radius"] == pytest.approx(truth[0], rel=within)
        assert found["spectral_upper"] is not None
        assert found["spectral_upper"] >= truth[0] * (1 - 1e-12)


def test_statistics_leave_the_economy_alone() -> None:
    """Values share its arrays: what is left out must not be taken out of the economy."""
    economy = make_economy(
        inputs=[[0.0, 0.5, 0.1], [0.1, 0.0, 0.1], [0.0, 0.0, 0.1]],
        outputs=[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]],
        resource_use=[[1.0, 1.0, 1.0]],
        endowment=[1.0],
        assortment=[1.0, 1.0, 0.0],
        fixed_demand=[0.0, 0.0, -1.0],
        interior=_interior([1.0, 1.0, 1.0], [1.0, 1.0, 1.0]),
    )
    before = economy.inputs.copy()
    found = study_economy(economy)
    assert "1 activities make nothing of value" in found.price_basis
    assert found["inputs_mean"] == 1.0
    assert abs(economy.inputs - before).max() == 0
    assert economy.inputs.indices.tolist() == before.indices.tolist()


def test_memory_is_below_twice_that_of_the_inputs() -> None:
    """Beside what fixed samples take: a copy here and there, and a million goods do not fit."""
    economy = load_instance("gen:goods=40000,inputs=50,techniques=1,seed=1").economy
    assert economy is not None
    a = economy.inputs
    own = a.data.nbytes + a.indices.nbytes + a.indptr.nbytes
    limits = StudyLimits(sample=50_000, spectrum_work=10_000_000)
    # What is imported meanwhile is no memory of this study.
    study_inputs(sparse_random(20, 0.3, seed=1) / 10)
    tracemalloc.start()
    try:
        found = study_economy(economy, limits=limits)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found["spectral_radius"] is not None
    assert peak < 2 * own + BLOCKS_BYTES


def test_byproducts_are_weighed_by_value_and_main_goods_by_the_largest() -> None:
    # Prices 1, 10, 1: the first activity's main good in value is the second.
    economy = make_economy(
        inputs=[[0.0, 0.5, 0.0], [0.0, 0.0, 0.02], [0.0, 0.0, 0.0]],
        outputs=[[4.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
        resource_use=[[1.0, 1.0, 1.0]],
        endowment=[1.0],
        assortment=[1.0, 1.0, 1.0],
        interior=_interior([1.0, 10.0, 1.0], [1.0, 2.0, 3.0]),
    )
    inputs = value_inputs(economy)
    assert inputs.main is not None
    assert inputs.main.tolist() == [1, 0, 2]
    found = study_economy(economy)
    # Outputs are worth 14, 2 and 3; beside the main good stands 4 of the first.
    assert found["byproduct_share"] == pytest.approx(4 / 19)
    assert inputs.coefficients.toarray()[1, 2] == pytest.approx(0.2)


def test_techniques_of_a_good_are_averaged_by_what_they_make() -> None:
    matrix = np.array([[0.2, 0.6]])
    assert study_inputs(matrix, main=[0, 0])["spectral_radius"] == pytest.approx(0.4)
    assert study_inputs(matrix, main=[0, 0], output=[3, 1])["spectral_radius"] == pytest.approx(0.3)


def test_an_economy_without_inputs_has_reasons_instead_of_figures() -> None:
    found = study_economy(
        make_economy(
            inputs=sp.csc_array((2, 2)),
            outputs=np.eye(2),
            resource_use=[[1.0, 1.0]],
            endowment=[1.0],
            assortment=[1.0, 1.0],
        )
    )
    assert found["inputs_mean"] is None
    assert found.missing["inputs_mean"] == "no activity has inputs"
    _every_gap_has_its_reason(found)


@pytest.mark.parametrize("shape", [(2, 2), (4, 4), (30, 30)])
def test_what_is_not_given_has_a_reason(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    _every_gap_has_its_reason(study_inputs(rng.random(shape) / 40))


def test_figures_are_plain_numbers_and_all_explained() -> None:
    found = study_inputs(sparse_random(40, 0.2, seed=1) / 20).as_dict()
    for name in explain():
        assert type(found[name]) in (int, float, type(None)), name
    assert all(explain().values())


def test_an_unknown_group_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="no group 'spectra'"):
        study_inputs(np.eye(3), groups=("spectra",))


def test_only_the_groups_asked_for_are_computed() -> None:
    found = study_inputs(sparse_random(20, 0.3, seed=1) / 10, groups=("spectrum",))
    given = {name for name in explain() if found[name] is not None}
    size = {"goods", "activities", "nonzeros", "density", "resources", "byproduct_share"}
    assert given == size | {"spectral_radius", "spectral_upper", "second_eigenvalue"}


def _every_gap_has_its_reason(found: EconomyStatistics) -> None:
    for name in explain():
        assert (found[name] is None) == (name in found.missing), name
        if name in found.estimates:
            assert found[name] is not None


def _economy_of(matrix: np.ndarray):  # type: ignore[no-untyped-def]
    n = matrix.shape[0]
    return make_economy(
        inputs=matrix,
        outputs=np.eye(n),
        resource_use=np.ones((1, n)),
        endowment=[1.0],
        assortment=np.ones(n),
    )


def _interior(prices: list[float], levels: list[float]):  # type: ignore[no-untyped-def]
    from planbench.model import Interior

    return Interior(np.array(prices), np.ones(1), np.array(levels))
