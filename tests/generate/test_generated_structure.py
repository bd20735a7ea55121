"""Who buys from whom: the structures differ as they say, in fill-in, degree and connectivity."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from planbench.generators import generate, parse_inline
from planbench.generators.coefficients import (
    Columns,
    Layered,
    PowerLaw,
    SectorBlocks,
    Structure,
    Uniform,
    draw_columns,
    scattered_ranks,
)
from planbench.generators.draws import Purpose, lognormal_weights


def inputs_of(text: str) -> sp.csc_array:
    return generate(parse_inline(f"techniques=1,resources=1,{text}")).inputs


def fill(inputs: sp.csc_array) -> float:
    matrix = sp.csc_array(sp.eye_array(inputs.shape[0]) - inputs)
    factors = splu(matrix, permc_spec="COLAMD")
    return float(factors.L.nnz + factors.U.nnz) / float(matrix.nnz)


def test_structure_decides_fill_in() -> None:
    """Random links fill a factorisation completely, sectors less, layers hardly."""
    uniform = fill(inputs_of("goods=1000"))
    powerlaw = fill(inputs_of("goods=1000,structure=powerlaw"))
    sectors = fill(inputs_of("goods=1000,structure=sectors,sectors=20,within=.95"))
    layered = fill(inputs_of("goods=1000,structure=layered"))
    triangular = fill(inputs_of("goods=1000,structure=layered,backflow=0"))
    assert min(uniform, powerlaw) > 2 * sectors
    assert sectors > 3 * layered
    assert layered > 2 * triangular


def test_fill_grows_with_size_unless_layered() -> None:
    small, large = (fill(inputs_of(f"goods={n}")) for n in (500, 1000))
    assert large > 1.5 * small
    small, large = (fill(inputs_of(f"goods={n},structure=layered")) for n in (500, 1000))
    assert large < 1.2 * small


def test_share_within_sectors_is_met_and_one_cuts_the_economy() -> None:
    inputs = inputs_of("goods=1000,structure=sectors,sectors=10,within=.75").tocoo()
    assert np.mean(inputs.row // 100 == inputs.col // 100) == pytest.approx(0.75, abs=0.02)
    apart = inputs_of("goods=1000,structure=sectors,sectors=10,within=1")
    assert connected_components(apart)[0] == 10
    assert connected_components(inputs_of("goods=1000"))[0] == 1


def test_layers_are_banded_and_backflow_is_met() -> None:
    inputs = inputs_of("goods=2000,structure=layered,band=50,backflow=.2").tocoo()
    assert abs(inputs.row - inputs.col).max() <= 50
    beyond = inputs.col >= 50
    assert np.mean((inputs.row > inputs.col)[beyond]) == pytest.approx(0.2, abs=0.03)
    _, labels = connected_components(
        inputs_of("goods=500,structure=layered,backflow=0"), directed=True, connection="strong"
    )
    # Without flows back only the core, the first band + 1 goods, is circular.
    assert np.bincount(labels).max() == 41


def test_powerlaw_has_hubs_with_the_tail_asked_for() -> None:
    goods = 20_000
    buyers = np.diff(inputs_of(f"goods={goods},structure=powerlaw,exponent=1.55").tocsr().indptr)
    ranked = np.sort(buyers)[::-1].astype(float)
    top = ranked[20:400]
    hill = 1 / np.mean(np.log(top[:-1] / top[-1]))
    assert hill == pytest.approx(1.55, rel=0.25)
    uniform = np.diff(inputs_of(f"goods={goods}").tocsr().indptr)
    assert ranked[0] > 50 * uniform.max() / 5
    assert buyers.std() / buyers.mean() > 3
    assert uniform.std() / uniform.mean() < 0.4


def test_powerlaw_resembles_the_table_of_402_industries() -> None:
    """Published: 40 suppliers make 37 % of links, out-degree CV 1.2, in-degree CV .25."""
    inputs = inputs_of("goods=402,inputs=25,structure=powerlaw")
    buyers = np.diff(inputs.tocsr().indptr)
    sellers = np.diff(inputs.indptr)
    assert np.sort(buyers)[-40:].sum() / buyers.sum() == pytest.approx(0.37, abs=0.03)
    assert buyers.std() / buyers.mean() == pytest.approx(1.2, abs=0.15)
    assert sellers.std() / sellers.mean() == pytest.approx(0.25, abs=0.03)


STRUCTURES: list[Structure] = [
    Uniform(40),
    PowerLaw(40, 1.55, scattered_ranks(40, 5)),
    SectorBlocks(40, 3, 0.7),
    SectorBlocks(40, 1, 0.7),
    Layered(40, 12, 0.2),
    Layered(40, 39, 0.2),
]


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda s: type(s).__name__)
def test_drawing_and_weighing_follow_one_law(structure: Structure) -> None:
    """Sparse columns draw suppliers, dense ones weigh all of them: the same distribution."""
    draws = 20_000
    rng = np.random.PCG64(7)
    for good in (0, 3, 17, 38, 39):
        goods = np.full(draws, good)
        drawn = structure.draw(np.asarray(rng.random_raw(draws), dtype=np.uint64), goods)
        assert drawn.min() >= 0
        assert drawn.max() < 40
        share = np.bincount(drawn, minlength=40) / draws
        weights = structure.weights(goods[:1])
        expected = np.ones(40) if weights is None else weights[0].copy()
        expected = expected / expected.sum()
        assert abs(share - expected).max() < 5 * np.sqrt(expected.max() / draws) + 1e-3


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("degree", [1, 2, 4, 5, 9, 30, 39])
def test_columns_are_exact_in_degree_sum_and_order(structure: Structure, degree: int) -> None:
    """Whatever way rows are chosen, columns hold distinct sorted rows other than their own."""
    if isinstance(structure, Layered):
        degree = min(degree, structure.band)  # the first good has no more suppliers
    columns = Columns(
        structure=structure,
        degrees=np.full(80, degree, dtype=np.int32),
        sums=np.linspace(0.1, 0.9, 80),
        weights=lognormal_weights(2.0),
        techniques=2,
    )
    matrix = draw_columns(columns, 3, Purpose.INPUTS)
    assert (np.diff(matrix.indptr) == degree).all()
    assert (matrix.data > 0).all()
    np.testing.assert_allclose(matrix.sum(axis=0), columns.sums, rtol=1e-6)
    coordinates = matrix.tocoo()
    assert (coordinates.row != coordinates.col // 2).all()
    fresh = sp.csc_array((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape)
    assert fresh.has_canonical_format


def test_columns_that_keep_colliding_are_chosen_among_all() -> None:
    """A sector hardly larger than the column: drawing again would never end by itself."""
    columns = Columns(
        structure=SectorBlocks(4000, 400, 1.0),
        degrees=np.full(4000, 9, dtype=np.int32),
        sums=np.full(4000, 0.5),
        weights=lognormal_weights(2.0),
        techniques=1,
    )
    matrix = draw_columns(columns, 1, Purpose.INPUTS)
    assert (np.diff(matrix.indptr) == 9).all()
    coordinates = matrix.tocoo()
    assert (coordinates.row // 10 == coordinates.col // 10).all()
    assert (coordinates.row != coordinates.col).all()
    fresh = sp.csc_array((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape)
    assert fresh.has_canonical_format


def test_coefficients_are_lognormal_with_the_deviation_asked_for() -> None:
    for sigma in (0.5, 2.0):
        weights = lognormal_weights(sigma).astype(float)
        assert np.log(weights).std() == pytest.approx(sigma, rel=0.02)
    inputs = inputs_of("goods=2000,inputs=60,inputs_cv=0,sigma=1,column_sum=.5")
    logs = np.log(inputs.data).reshape(2000, -1)
    assert (logs - logs.mean(axis=1, keepdims=True)).std() == pytest.approx(1.0, rel=0.03)
