"""Feasibility repair of price adjustment: goods and resources balanced, drafts mixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from planbench.catalogue.resolve import load_instance
from planbench.model import Economy, make_economy

pytest.importorskip("numba")

from planbench.planners import pdhg
from planbench.planners import repair as kernels
from planbench.planners.pdhg import Process
from planbench.planners.planner import PlanOptions
from planbench.planners.price_adjustment import compile_kernels
from planbench.planners.primal_dual import plan
from planbench.planners.repair import find_makers, mix_drafts, repair_plan, repair_prices, users_of

#: Rounds to a gap of 1e-4, geometric mean of four seeds: it takes 468, and took 690 without.
LIMIT = 600
RECIPE = "gen:goods=1000,techniques=2,byproducts=0.09,capacities=0.1,resources=20,seed=1"


def economy_of(recipe: str) -> Economy:
    economy = load_instance(recipe).economy
    assert economy is not None
    return economy


def under_way(economy: Economy, rounds: int) -> tuple[Process, Any, Any]:
    """Start a process, run it for some rounds, find makers and repaired prices."""
    process = Process(economy)
    process.advance(rounds)
    makers = find_makers(process, economy.n_goods, economy.n_activities)
    return process, makers, repair_prices(process, makers, 1e-8)


def test_balanced_goods_are_neither_short_nor_left_over() -> None:
    """What a plan makes in vain draws on resources: it was most of what repaired plans lost."""
    economy = economy_of(RECIPE)
    process, makers, prices = under_way(economy, 300)
    n = economy.n_goods
    x = np.minimum(np.maximum(process.x, 0.0), process.upper)
    net, flow = kernels.balances(process.csc, x, process.need)
    before = float(np.abs(net[:n]) @ prices[:n])
    draft = kernels.Draft(x, net, flow, process.profits(prices))
    read = kernels.balance_goods(process.csc, process.upper, makers, draft, prices[:n], 40, 1e-9)
    assert read > 0
    assert (x >= 0).all()
    assert (x <= process.upper).all()
    assert net == pytest.approx(process.matrix @ x - process.need, abs=1e-9)
    assert float(np.abs(net[:n]) @ prices[:n]) < 0.05 * before


def test_what_only_a_byproduct_supplies_goes_on_being_made() -> None:
    """Cutting the maker of a good left over must not take away what nobody else makes."""
    economy = make_economy(
        inputs=np.zeros((2, 1)),
        outputs=[[1.0], [0.5]],
        resource_use=[[1.0]],
        endowment=[10.0],
        assortment=[0.1, 1.0],
    )
    process = Process(economy)
    makers = find_makers(process, 2, 1)
    # Enough of the second good for one bundle, and far too much of the first.
    process.move_to(np.array([2.0, 1.0]), np.array([1.0, 1.0, 1.0]))
    columns = repair_plan(process, makers, np.ones(3), 1e-9) * process.col_scale
    assert columns[1] == pytest.approx(5.0)
    assert columns[0] == pytest.approx(10.0)


def test_balanced_resources() -> None:
    """A resource overdrawn by more than the others costs the whole plan that much."""
    economy = economy_of(RECIPE)
    process, makers, prices = under_way(economy, 300)
    n = economy.n_goods
    x = np.minimum(np.maximum(process.x, 0.0), process.upper)
    net, flow = kernels.balances(process.csc, x, process.need)
    endowment = -process.need[n:]
    worth = endowment * prices[n:]
    use = 1 - net[n:] / endowment
    excess = use - use @ worth / worth.sum()
    before = excess.copy()
    made = np.bincount(makers.main[makers.activity], weights=(x[: makers.main.size] * 1.0)[
        makers.activity] * process.matrix.data[makers.at[makers.activity]])  # fmt: skip
    draft = kernels.Draft(x, net, flow, process.profits(prices))
    kernels.balance_resources(
        process.csc, process.upper, makers, draft, endowment, worth, excess, 300.0
    )
    assert net == pytest.approx(process.matrix @ x - process.need, abs=1e-9)
    after = 1 - net[n:] / endowment
    assert excess - before == pytest.approx(after - use, abs=1e-9)
    assert excess.max() < 0.2 * before.max()
    assert (x >= 0).all()
    assert (x <= process.upper).all()
    now = np.bincount(makers.main[makers.activity], weights=x[makers.activity]
                      * process.matrix.data[makers.at[makers.activity]])  # fmt: skip
    assert now == pytest.approx(made)


def test_cut_users_leave_nothing_short() -> None:
    """Users of a good nobody can make more of are cut to what there is, and stay cut."""
    economy = make_economy(
        inputs=[[0.0, 0.5, 0.25], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
        outputs=np.eye(3),
        resource_use=[[1.0, 1.0, 1.0]],
        endowment=[10.0],
        capacity=[1.0, np.inf, np.inf],
        assortment=[0.0, 1.0, 1.0],
    )
    process = Process(economy)
    x = np.array([1.0, 2.0, 4.0, 1.0]) / process.col_scale
    net, flow = kernels.balances(process.csc, x, process.need)
    short, room = np.array([0]), process.upper.copy()
    users = users_of(process, 3, short)
    draft = kernels.Draft(x, net, flow, np.zeros(4))
    kernels.cut_users(process.csc, draft, room, short, users)
    assert net == pytest.approx(process.matrix @ x - process.need)
    assert net[0] == pytest.approx(0.0, abs=1e-12)
    assert x * process.col_scale == pytest.approx([1.0, 1.0, 2.0, 1.0])
    assert room[1:3] == pytest.approx(x[1:3])


def test_mixture_uses_all_resources_alike() -> None:
    """Two drafts that overdraw another resource each are worth more mixed than scaled."""
    one = np.array([1.0, 0.0, 2.0]), np.array([1.2, 0.8])
    two = np.array([0.0, 1.0, 2.0]), np.array([0.8, 1.2])
    worth, need = np.array([0.0, 0.0, 1.0]), np.zeros(2)
    assert mix_drafts([one, two], worth, need, True) == pytest.approx([0.5, 0.5, 2.0])
    assert mix_drafts([one, two], worth, need, False) == pytest.approx([0.5, 0.5, 2.0])
    assert mix_drafts([one], worth, need, True) is one[0]
    # With fixed demand the shares must add up to 1, so only what stays within helps.
    demanding = np.array([1.0, 0.0])
    assert mix_drafts([one, two], worth, demanding, True) == pytest.approx([0.5, 0.5, 2.0])
    beyond = np.array([0.0, 1.0, 2.0]), np.array([1.2, 1.2])
    assert mix_drafts([one, beyond], worth, demanding, True) is beyond[0]


def test_repair_plans_reach_the_gap_before_the_process() -> None:
    """Balanced goods and resources are what spares a third of the rounds here."""
    needed = [
        plan(
            economy_of(RECIPE.replace("seed=1", f"seed={seed}")), PlanOptions(tolerance=0.0001)
        ).rounds
        for seed in range(4)
    ]
    assert float(np.exp(np.mean(np.log(needed)))) < LIMIT


def test_every_kernel_is_compiled_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    """One left out would be compiled while planning, and charged to the plan."""
    called = set()

    def counted(name: str, kernel: Any) -> Any:
        def call(*arguments: Any) -> Any:
            called.add(name)
            return kernel(*arguments)

        return call

    # These are called by kernels only.
    found = {
        (module, name)
        for module in (pdhg, kernels)
        for name, value in vars(module).items()
        if hasattr(value, "signatures") and value.__module__ == module.__name__
    } - {
        (kernels, "entry"),
        (kernels, "entries"),
        (kernels, "add_column"),
        (kernels, "marginal_maker"),
        (pdhg, "columns_move"),
        (pdhg, "rows_move"),
        (pdhg, "note_iteration"),
        (pdhg, "restart"),
    }
    for module, name in found:
        monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    compile_kernels()
    assert called == {name for _, name in found}
    assert len(found) > 8
