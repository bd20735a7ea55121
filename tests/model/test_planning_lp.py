"""Economy → linear program → plan, against dense algebra."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from support.full import examples

from planbench.model import Economy, arrays, make_economy
from planbench.model.planning_lp import (
    plan_from_lp,
    planning_matrix,
    to_linear_program,
)

# Few distinct values, so that inputs and outputs often cancel.
_cells = st.sampled_from([0.0, 0.0, 0.0, 0.25, 0.5, 1.0, 1.0])


@st.composite
def economies(draw: st.DrawFn) -> Economy:
    n, m = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    k, t = draw(st.integers(0, 3)), draw(st.integers(1, 3))

    def matrix(rows: int, columns: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        cells = draw(st.lists(_cells, min_size=rows * columns, max_size=rows * columns))
        return np.reshape(np.array(cells, dtype=np.float64), (rows, columns))

    assortment = matrix(n, t)
    assortment[0] = np.maximum(assortment[0], 0.5)
    return make_economy(
        inputs=matrix(n, m),
        outputs=matrix(n, m),
        resource_use=matrix(k, m),
        endowment=np.arange(1.0, k + 1),
        assortment=assortment,
        fixed_demand=np.linspace(-1, 1, n),
    )


def dense(economy: Economy) -> np.ndarray[Any, np.dtype[np.float64]]:
    top = np.hstack(
        [economy.outputs.toarray() - economy.inputs.toarray(), -economy.assortment.toarray()]
    )
    bottom = np.hstack(
        [economy.resource_use.toarray(), np.zeros((economy.n_resources, economy.n_targets))]
    )
    return np.vstack([top, bottom])


def is_canonical(matrix: sp.csc_array) -> bool:
    """Sorted, no duplicates, no stored zeros: checked on the arrays, not on the flag."""
    fresh = sp.csc_array((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape)
    return bool(fresh.has_canonical_format) and bool((fresh.data != 0).all())


def equal_arrays(one: sp.csc_array, other: sp.csc_array) -> bool:
    return all(
        np.array_equal(getattr(one, part), getattr(other, part))
        for part in ("data", "indices", "indptr")
    )


@given(economies())
@examples(150)
def test_matrix_is_the_dense_algebra_and_canonical(economy: Economy) -> None:
    """Entries where an input cancels an output must vanish, not be stored as zeros."""
    matrix = planning_matrix(economy)
    np.testing.assert_array_equal(matrix.toarray(), dense(economy))
    assert is_canonical(matrix)


@given(economies())
@examples(100)
def test_index_width_does_not_change_the_matrix(economy: Economy) -> None:
    plain = planning_matrix(economy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "LARGEST_INT32", 0)
        wide = planning_matrix(economy)
    assert wide.indices.dtype == wide.indptr.dtype == np.int64
    assert equal_arrays(plain, wide)


def test_a_large_random_economy() -> None:
    rng = np.random.default_rng(3)
    n, m = 3000, 6000
    economy = make_economy(
        inputs=sp.random_array((n, m), density=0.01, rng=rng),
        outputs=sp.csc_array((np.ones(m), (np.arange(m) % n, np.arange(m))), shape=(n, m)),
        resource_use=sp.random_array((5, m), density=0.5, rng=rng),
        endowment=np.ones(5),
        assortment=rng.random(n),
    )
    matrix = planning_matrix(economy)
    expected = sp.block_array(
        [[economy.outputs - economy.inputs, -economy.assortment], [economy.resource_use, None]],
        format="csc",
    )
    assert abs(matrix - expected).max() == 0
    assert is_canonical(matrix)


@given(economies())
@examples(50)
def test_bounds_and_costs_say_the_planning_problem(economy: Economy) -> None:
    program = to_linear_program(economy)
    n, m = economy.n_goods, economy.n_activities
    assert program.maximise
    assert program.offset == 0
    np.testing.assert_array_equal(program.row_lower[:n], economy.fixed_demand)
    assert np.isposinf(program.row_upper[:n]).all()
    assert np.isneginf(program.row_lower[n:]).all()
    np.testing.assert_array_equal(program.row_upper[n:], economy.endowment)
    np.testing.assert_array_equal(program.cost[:m], 0)
    np.testing.assert_array_equal(program.cost[m:], economy.weights)
    np.testing.assert_array_equal(program.col_upper[:m], economy.capacity)


@given(economies(), st.integers(0, 2**32 - 1))
@examples(50)
def test_plan_to_lp_and_back(economy: Economy, seed: int) -> None:
    """A plan read from columns and duals gives the same columns and duals again."""
    rng = np.random.default_rng(seed)
    columns = rng.random(economy.n_activities + economy.n_targets)
    duals = rng.normal(size=economy.n_goods + economy.n_resources)
    plan = plan_from_lp(economy, columns, duals)
    assert plan is not None
    assert plan.p is not None
    assert plan.w is not None
    np.testing.assert_array_equal(np.concatenate([plan.x, plan.z]), columns)
    np.testing.assert_array_equal(np.concatenate([-plan.p, plan.w]), duals)


def test_prices_are_minus_the_duals_of_goods_and_capacity_rents_what_is_left() -> None:
    economy = make_economy(
        inputs=[[0.5]],
        outputs=[[2.0]],
        resource_use=[[1.0]],
        endowment=[4.0],
        assortment=np.array([1.0]),
        capacity=[3.0],
    )
    plan = plan_from_lp(economy, np.array([3.0, 4.5]), np.array([-1.0, 0.25]))
    assert plan is not None
    assert plan.p is not None
    assert plan.w is not None
    assert plan.v is not None
    assert (plan.p.tolist(), plan.w.tolist(), plan.v.tolist()) == ([1.0], [0.25], [1.25])


def test_no_columns_no_plan_and_no_duals_no_prices() -> None:
    economy = make_economy(
        inputs=[[0.0]], outputs=[[1.0]], resource_use=[[1.0]], endowment=[1.0], assortment=[1.0]
    )
    assert plan_from_lp(economy, None, None) is None
    plan = plan_from_lp(economy, np.array([1.0, 1.0]), None)
    assert plan is not None
    assert plan.p is plan.w is plan.v is None


def test_names_are_told_apart_by_kind() -> None:
    economy = make_economy(
        inputs=[[0.0]],
        outputs=[[1.0]],
        resource_use=[[1.0]],
        endowment=[1.0],
        assortment=[1.0],
        goods=["corn"],
        activities=["corn"],
        resources=["labour"],
    )
    program = to_linear_program(economy)
    assert program.row_names == ("good:corn", "resource:labour")
    assert program.col_names == ("activity:corn", "target:target-0")
