"""The compiled sweeps and the centre's model against dense arithmetic."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from support.economies import random_small

pytest.importorskip("numba")

from planbench.model import Economy
from planbench.planners import decomposition, restricted_master, two_level
from planbench.planners.planner import PlanOptions
from planbench.planners.sectors import LOSS, Sectors
from planbench.planners.techniques import Meter, list_techniques


def opened(economy: Economy) -> Sectors:
    return Sectors(economy, list_techniques(economy), 1.0 / economy.endowment, Meter(economy.nnz))


def economies() -> list[Economy]:
    return [random_small("plain", seed) for seed in range(20)]


def dense_costs(economy: Economy, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Cost of a unit of its good by each activity."""
    cost = economy.resource_use.T @ w + economy.inputs.T @ p
    return np.asarray(cost / economy.outputs.data)


def test_techniques_stand_good_after_good() -> None:
    for economy in economies():
        listed = list_techniques(economy)
        good = economy.outputs.indices[listed.order]
        for g in range(economy.n_goods):
            assert (good[listed.first[g] : listed.first[g + 1]] == g).all()
        assert sorted(listed.order) == list(range(economy.n_activities))


def test_prices_are_least_costs() -> None:
    for economy in economies():
        sectors = opened(economy)
        w = 1.0 / economy.endowment
        sectors.charge_rents(w)
        p = sectors.p0.copy()
        _, converged = sectors.solve_prices(p, np.ones(p.size), 1e-13)
        assert converged
        least = np.full(p.size, np.inf)
        np.minimum.at(least, economy.outputs.indices, dense_costs(economy, p, w))
        assert p == pytest.approx(least, rel=1e-10)


def test_repair_prices_leave_no_profit_after_any_sweep() -> None:
    """θ makes (p, w) + θ(p⁰, w⁰) dual feasible however far from converged the prices are."""
    rng = np.random.default_rng(5)
    for economy in economies():
        sectors = opened(economy)
        w = rng.random(economy.n_resources) / economy.endowment
        sectors.charge_rents(w)
        p = sectors.p0 * rng.uniform(0.1, 10.0, economy.n_goods)
        theta, _, _ = sectors.sweep_prices(p, np.ones(p.size), 0.05)
        repaired, rents = p + theta * sectors.p0, w + theta * sectors.w0
        left = dense_costs(economy, repaired, rents) - repaired[economy.outputs.indices]
        assert (left >= -1e-12 * repaired.max()).all()


def test_margin_of_the_repair_prices() -> None:
    for economy in economies():
        sectors = opened(economy)
        cost = dense_costs(economy, sectors.p0, sectors.w0)
        assert (sectors.p0[economy.outputs.indices] <= (1 - LOSS) * cost * (1 + 1e-12)).all()
        assert (sectors.p0 > 0).all()


def test_outputs_cover_demand_and_little_more() -> None:
    rng = np.random.default_rng(6)
    for economy in economies():
        sectors = opened(economy)
        listed = sectors.techniques
        for g in range(economy.n_goods):
            share = rng.random(listed.first[g + 1] - listed.first[g])
            sectors.share[listed.first[g] : listed.first[g + 1]] = share / share.sum()
        demand = rng.random(economy.n_goods)
        y = 3.0 * rng.random(economy.n_goods)
        sectors.list_inputs()
        assert sectors.solve_outputs(y, demand, np.ones(y.size), 1e-9)
        x = sectors.levels(y)
        net = economy.outputs @ x - economy.inputs @ x
        assert (net >= demand - 1e-14).all()
        assert (net <= demand + 2.1e-9).all()
        requirements = np.zeros((economy.n_goods, economy.n_resources), dtype=np.float32)
        sectors.solve_requirements(requirements, 1e-7, 100)
        total = (demand @ requirements) * economy.endowment
        assert total == pytest.approx(economy.resource_use @ x, rel=1e-5)


def test_model_is_the_linear_program_it_says() -> None:
    """Value and rents of the interior point method against HiGHS."""
    from scipy.optimize import linprog

    rng = np.random.default_rng(7)
    for _ in range(20):
        goods, k = int(rng.integers(2, 12)), int(rng.integers(2, 6))
        sizes = rng.integers(2, 5, goods)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        count = int(sizes.sum())
        rows = rng.random((count, k)).astype(np.float32)
        outputs = rng.random(goods)
        sigma = np.full(k, 1.0 / k)
        cost = rows.astype(np.float64) @ sigma
        part = rng.random(count)
        part /= np.repeat(np.add.reduceat(part, starts[:-1]), sizes)
        amount = np.repeat(outputs, sizes)
        needs = (amount * part) @ rows.astype(np.float64)
        value, first = float(needs.min()), np.repeat(starts[:-1], sizes)
        more = (amount[:, None] * (rows - rows[first]) / value)[first != np.arange(count)]
        columns = restricted_master.Columns(
            np.arange(count), starts, outputs, cost, part, more.astype(np.float32)
        )
        found = restricted_master.solve_master(
            columns, needs, value, sigma, gap=1e-9, over=lambda: False
        )
        assert found is not None
        lines = (amount[:, None] * rows).T
        result = linprog(
            np.concatenate([np.zeros(count), [1.0]]),
            A_ub=np.hstack([lines, -np.ones((k, 1))]),
            b_ub=np.zeros(k),
            A_eq=sp.hstack(
                [
                    sp.csr_array((np.ones(count), np.arange(count), starts), (goods, count)),
                    sp.csr_array((goods, 1)),
                ]
            ),
            b_eq=np.ones(goods),
            method="highs",
        )
        assert float((lines @ found.share).max()) == pytest.approx(result.fun, rel=1e-6)
        assert found.sigma.sum() == pytest.approx(1.0)
        dual = np.minimum.reduceat(lines.T @ found.sigma, starts[:-1]).sum()
        assert dual == pytest.approx(result.fun, rel=1e-6)


def test_what_is_dearer_than_the_margin_is_given_up() -> None:
    """Only goods with two near techniques are a choice; one near technique is to make all."""
    first = np.array([0, 2, 4, 6, 8, 9], dtype=np.int32)
    costs = np.array([1.0, 1.05, 1.0, 2.0, 2.0, 1.0, 1.0, 1.05, 1.0])
    share = np.array([1.0, 0.0, 0.8, 0.2, 0.0, 1.0, 0.5, 0.5, 1.0])
    y = np.array([1.0, 1.0, 1.0, 0.0, 1.0])
    techniques = SimpleNamespace(first=first)
    mark = restricted_master.choose_columns(techniques, costs, share, y, 0.1, 0.1)
    chosen, alone, left = (
        restricted_master.OPEN,
        restricted_master.ALONE,
        restricted_master.GIVEN_UP,
    )
    assert mark.tolist() == [chosen, chosen, alone, left, 0, 0, 0, 0, 0]
    # Without any choice, all that are in use are one.
    mark = restricted_master.choose_columns(techniques, costs, share, y, 0.01, 0.01)
    assert mark.tolist() == [0, 0, chosen, chosen, 0, 0, 0, 0, 0]


def test_safety_net_alone_closes_the_bracket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the model, mixing whole plans finds the same bounds."""
    monkeypatch.setattr(decomposition, "FAILURES", -1)
    for seed in range(10):
        economy = random_small("targets", seed)
        alone = two_level.plan(economy, PlanOptions(tolerance=1e-06))
        monkeypatch.setattr(decomposition, "FAILURES", 3)
        both = two_level.plan(economy, PlanOptions(tolerance=1e-06))
        monkeypatch.setattr(decomposition, "FAILURES", -1)
        assert alone.ended == "optimal", seed
        assert alone.lower <= both.upper * (1 + 1e-12)
        assert both.lower <= alone.upper * (1 + 1e-12)


def test_a_mixture_equalises_two_plans() -> None:
    weights, sigma, most = restricted_master.mix_plans(np.array([[1.0, 3.0], [3.0, 1.0]]))
    assert weights == pytest.approx([0.5, 0.5])
    assert sigma == pytest.approx([0.5, 0.5])
    assert most == pytest.approx(2.0)
