"""Kernels of the price adjustment against dense linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from support.economies import random_small

from planbench.model import to_linear_program

pytest.importorskip("numba")

from planbench.planners import pdhg as kernels
from planbench.planners import repair
from planbench.planners.pdhg import Process, spectral_norm
from planbench.planners.repair import find_makers, users_of


@pytest.mark.parametrize("kind", ["joint", "targets", "storage"])
def test_scaled_matrix_is_the_planning_matrix(kind: str) -> None:
    """Wrong factors would solve another economy and read its answer in wrong units."""
    economy = random_small(kind, 5)
    process, lp, n = Process(economy), to_linear_program(economy), economy.n_goods
    dense = process.matrix.toarray() / process.row_scale[:, None] / process.col_scale
    dense[n:] *= -1.0
    assert dense == pytest.approx(lp.matrix.toarray(), rel=1e-12)
    assert process.cost / process.col_scale == pytest.approx(-lp.cost)
    assert (process.need / process.row_scale)[:n] == pytest.approx(economy.fixed_demand)
    assert (process.need / process.row_scale)[n:] == pytest.approx(-economy.endowment)


def test_scaling_evens_out_units() -> None:
    """Goods in units 10^6 apart must end within a few powers of two."""
    economy = random_small("plain", 2)
    entries = np.abs(Process(economy).matrix.data)
    assert entries.max() <= 1.0 + 1e-9
    assert np.median(entries) > 0.01


def test_norm_is_the_largest_singular_value() -> None:
    """A step longer than 1/norm diverges, a much shorter one crawls."""
    process = Process(random_small("joint", 4))
    true = np.linalg.norm(process.matrix.toarray(), 2)
    assert process.scalars[kernels.STEP] * true == pytest.approx(0.99, rel=0.02)
    found = spectral_norm(process.matrix, np.ones(process.x.size), 200)
    assert found == pytest.approx(true, rel=1e-6)
    assert spectral_norm(process.matrix, np.zeros(process.x.size), 5) == 0.0


def test_one_iteration_is_the_textbook_step() -> None:
    """A fused iteration: x⁺ from the prices, y⁺ from 2x⁺ − x, both reflected towards the anchor."""
    process = Process(random_small("capacities", 7))
    rng = np.random.default_rng(3)
    x, y = rng.random(process.x.size), rng.random(process.need.size)
    x = np.minimum(x, process.upper)
    process.move_to(x * process.col_scale, y * process.row_scale, 0.7)
    matrix = process.matrix.toarray()
    step = process.scalars[kernels.STEP]
    tau, sigma = step / 0.7, step * 0.7
    new_x = np.clip(x + tau * (matrix.T @ y - process.cost), 0.0, process.upper)
    new_y = np.maximum(0.0, y + sigma * (process.need - matrix @ (2 * new_x - x)))
    process.advance(1)
    assert process.x == pytest.approx(0.5 * (2 * new_x - x) + 0.5 * x, abs=1e-12)
    assert process.pair[:, 0] == pytest.approx(0.5 * (2 * new_y - y) + 0.5 * y, abs=1e-12)
    assert process.iterate.made == pytest.approx(matrix @ process.x, abs=1e-12)
    difference = np.concatenate([new_x - x, new_y - y])
    squared = (
        difference[: x.size] @ difference[: x.size] / tau
        + difference[x.size :] @ difference[x.size :] / sigma
        + 2 * difference[x.size :] @ matrix @ difference[: x.size]
    )
    assert process.scalars[kernels.SIZE] == pytest.approx(np.sqrt(squared))


def test_carried_product_stays_exact() -> None:
    """K x is carried along instead of computed; drift would falsify the restarts."""
    process = Process(random_small("targets", 1))
    process.advance(997)
    assert process.iterate.made == pytest.approx(process.matrix @ process.x, abs=1e-9)


def test_balances() -> None:
    """Net and flow of each row."""
    matrix = sp.csc_array(np.array([[1.0, -0.5, 0.0], [-0.2, 1.0, -1.0], [-1.0, -1.0, 0.0]]))
    arrays = kernels.Csc(matrix.indptr.view(np.uint32), matrix.indices.view(np.uint32), matrix.data)
    net, flow = repair.balances(arrays, np.array([2.0, 1.0, 0.5]), np.array([0.1, 0.0, -3.0]))
    assert net == pytest.approx([1.4, 0.1, 0.0])
    assert flow == pytest.approx([1.3, 0.95, 3.0])
    assert repair.entry(arrays, 1, 2) == -1.0
    assert repair.entry(arrays, 0, 2) == 0.0


def test_users() -> None:
    """Who uses a good, and how much of it."""
    process = Process(random_small("joint", 4))
    m = process.cost.size - 1
    dense = process.matrix.toarray()[:, :m]
    users = users_of(process, m, np.array([1, 4]))
    for c, good in enumerate((1, 4)):
        span = slice(users.first[c], users.first[c + 1])
        assert users.activity[span].tolist() == np.flatnonzero(dense[good] < 0).tolist()
        assert users.amount[span] == pytest.approx(-dense[good][dense[good] < 0])


def test_iterations_count_the_entries_they_read() -> None:
    """Passes are compared between planners and held by a gate: a round is two, or fewer."""
    process = Process(random_small("joint", 4))
    nnz = process.matrix.nnz
    columns = np.diff(process.matrix.indptr)
    process.move_to(np.ones(process.x.size), np.zeros(process.need.size), 1.0)
    assert process.meter.work == nnz
    # Free goods: only targets gain, and what is far from 0 is all that is scattered.
    before = process.x.copy()
    process.advance(1)
    far = np.flatnonzero(2 * process.x - before)
    assert process.meter.work == 2 * nnz + columns[far].sum()
    process.meter.work = 0
    process.profits(np.ones(process.need.size))
    assert process.meter.work == nnz


def test_sweeps_count_the_entries_they_read() -> None:
    """A sweep that counts nothing would make repair look free."""
    process = Process(random_small("joint", 4))
    makers = find_makers(process, 6, process.cost.size - 1)
    open_ended = (makers.main >= 0) & np.isinf(process.upper[: makers.main.size])
    per_sweep = int(np.diff(process.matrix.indptr)[: makers.main.size][open_ended].sum())
    prices = np.zeros(process.need.size)
    read = repair.lower_prices(process.csc, process.upper, makers, prices, 30, 1e-9)
    assert read == per_sweep > 0
