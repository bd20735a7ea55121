"""``general``: right on every kind of economy, by itself where it can, handed over where not."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from support.economies import KINDS, random_small

from planbench.catalogue.resolve import load_instance
from planbench.certificates import certify
from planbench.model import Economy, make_economy, to_linear_program
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import find_solver

pytest.importorskip("numba")

from planbench.planners import general
from planbench.planners.branches import sort_by_main_product
from planbench.planners.planner import PlanOptions, Result
from planbench.planners.techniques import Meter

FULL = os.environ.get("PLANBENCH_FULL") == "1"
SEEDS = 1000 // len(KINDS) + 1 if FULL else 4
GAP = 1e-6


def oracle(economy: Economy) -> float:
    """Optimum by HiGHS."""
    from scipy.optimize import linprog

    lp = to_linear_program(economy)
    rows = sp.csr_array(lp.matrix)
    goods = economy.n_goods
    result = linprog(
        -lp.cost,
        A_ub=sp.vstack([-rows[:goods], rows[goods:]], format="csr"),
        b_ub=np.concatenate([-economy.fixed_demand, economy.endowment]),
        bounds=np.column_stack([lp.col_lower, lp.col_upper]),
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    assert result.status == 0, result.message
    return float(-result.fun)


def handed_over(result: Result) -> bool:
    return "adjustments" in result.iterations


def holds(result: Result, optimum: float, gap: float = GAP) -> None:
    """Assert that the bracket holds the optimum and is as narrow as asked for."""
    assert result.ended == "optimal"
    assert result.gap <= gap
    assert result.lower is not None
    assert result.upper is not None
    assert result.lower <= optimum * (1 + 1e-8) + 1e-12
    assert result.upper >= optimum * (1 - 1e-8) - 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_bracket_closes_on_the_optimum_of_small_economies(kind: str) -> None:
    """Of each kind most are closed without price adjustment."""
    over = 0
    for seed in range(SEEDS):
        economy = random_small(kind, seed)
        result = general.plan(economy, PlanOptions(tolerance=GAP))
        holds(result, oracle(economy))
        over += handed_over(result)
    assert over <= 0.25 * SEEDS


@pytest.mark.parametrize("kind", KINDS)
def test_independent_certificate_confirms_the_gap(kind: str) -> None:
    spec = find_solver("general").spec
    for seed in range(3):
        economy = random_small(kind, seed)
        solution = general.solve(economy, spec, SolveOptions(tolerance=GAP))
        assert solution.claim == "optimal"
        certificate = certify(to_linear_program(economy), economy, solution, polish=False)
        assert certificate.raw_gap is not None
        assert certificate.raw_gap <= GAP * 1.001 + 1e-12


PLANTED = (
    "split:us-bea-71,goods=2000,seed=1",
    "split:us-bea-71,goods=1000,techniques=2,seed=2",
    "split:us-bea-15,goods=500,techniques=3,seed=3",
    "gen:goods=400,techniques=2,resources=5,planted=true,seed=4",
)
OTHERS = (
    "gen:goods=300,byproducts=0.09,resources=20,techniques=2,seed=5",
    "regions:us-bea-71,regions=2",
    "years:us-bea-15,years=3",
)


@pytest.mark.parametrize("name", PLANTED)
def test_planted_optimum_is_found_by_the_rounds(name: str) -> None:
    instance = load_instance(name)
    result = general.plan(instance.economy, PlanOptions(tolerance=GAP))
    assert instance.optimum is not None
    holds(result, instance.optimum)
    assert not handed_over(result)
    assert result.passes < 500


@pytest.mark.parametrize("name", OTHERS)
def test_by_products_regions_and_years_are_closed_by_the_rounds(name: str) -> None:
    economy = load_instance(name).economy
    result = general.plan(economy, PlanOptions(tolerance=GAP))
    holds(result, oracle(economy), GAP)
    assert not handed_over(result)


def test_passes_do_not_grow_with_the_economy() -> None:
    few, many = (
        sum(
            general.plan(load_instance(f"split:us-bea-71,goods={n},seed={seed}").economy).passes
            for seed in (1, 2, 3)
        )
        for n in (1000, 8000)
    )
    assert many <= 1.3 * few


def test_old_plan_makes_the_next_one_cheaper() -> None:
    """Endowments and stocks change by 3 %: fewer passes from the old state, the right answer."""
    economy = load_instance("split:us-bea-71,goods=1000,techniques=2,seed=7").economy
    state = general.plan(economy, PlanOptions(tolerance=GAP)).state
    shock = np.random.default_rng(3).uniform(0.97, 1.03, economy.n_resources)
    changed = replace(economy, endowment=economy.endowment * shock, interior=None)
    cold = general.plan(changed, PlanOptions(tolerance=GAP))
    warm = general.plan(changed, PlanOptions(tolerance=GAP), state)
    assert warm.ended == cold.ended == "optimal"
    assert warm.passes < cold.passes
    assert warm.lower <= cold.upper
    assert cold.lower <= warm.upper


def test_worthless_state_is_no_start() -> None:
    economy = load_instance("split:us-bea-15,goods=100,seed=1").economy
    first = general.plan(economy)
    state = replace(first.state, p=np.full(economy.n_goods, np.nan))
    assert general.plan(economy, None, state).passes == first.passes


def test_same_plan_every_time() -> None:
    economy = load_instance("gen:goods=200,byproducts=0.1,capacities=0.1,seed=3").economy
    first, second = general.plan(economy), general.plan(economy)
    assert np.array_equal(first.x, second.x)
    assert np.array_equal(first.p, second.p)
    assert first.iterations == second.iterations


def without_resources() -> Economy:
    """Two goods and only capacities to limit them: nothing for a centre to price at first."""
    return make_economy(
        inputs=[[0.0, 0.1], [0.2, 0.0]],
        outputs=[[1.0, 0.0], [0.0, 1.0]],
        resource_use=np.zeros((0, 2)),
        endowment=[],
        capacity=[1.0, 2.0],
        assortment=[1.0, 1.0],
    )


def test_what_the_rounds_cannot_do_is_handed_over_and_said() -> None:
    economy = without_resources()
    result = general.plan(economy, PlanOptions(tolerance=GAP))
    holds(result, oracle(economy))
    assert handed_over(result)
    assert "handed over to primal-dual" in result.message
    assert "Halpern" in result.method


def test_stalled_rounds_hand_over_their_bracket(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one round only: price adjustment ends it, and no bound gets worse."""
    from planbench.planners import rounds

    economy = load_instance("split:us-bea-15,goods=60,seed=2").economy
    alone = general.plan(economy, PlanOptions(tolerance=1e-4))
    assert not handed_over(alone)
    monkeypatch.setattr(rounds, "MOST_ROUNDS", 1)
    result = general.plan(economy, PlanOptions(tolerance=1e-4))
    assert result.ended == "optimal"
    assert handed_over(result)
    assert result.rounds == 1
    assert result.method.startswith(general.METHOD)
    assert result.gap <= 1e-4
    again = general.plan(economy, PlanOptions(tolerance=1e-4), result.state)
    assert again.ended == "optimal"
    assert again.rounds == 0


def test_time_limit_is_kept() -> None:
    economy = load_instance("gen:goods=3000,byproducts=0.1,capacities=0.2,seed=3").economy
    general.plan(economy, PlanOptions(time_limit=0.01))
    began = time.monotonic()
    result = general.plan(economy, PlanOptions(tolerance=1e-12, time_limit=0.3))
    assert result.ended == "time limit"
    assert time.monotonic() - began < 5.0


def test_every_activity_has_a_main_product_of_which_it_makes_more_than_it_uses() -> None:
    for name in ("years:us-bea-15,years=2", "gen:goods=300,byproducts=0.2,seed=1"):
        economy = load_instance(name).economy
        branches = sort_by_main_product(economy, Meter(economy.nnz))
        net = np.asarray((economy.outputs - economy.inputs).todense())
        assert (branches.unit > 0).all()
        assert np.allclose(net[branches.good, branches.activity], branches.unit)
        made = set(branches.good.tolist())
        assert made.isdisjoint(branches.primary.tolist())
        assert len(made) + branches.primary.size == economy.n_goods


def test_infeasible_and_unbounded_economies_are_proven() -> None:
    parts = {
        "inputs": [[0.0, 0.1], [0.1, 0.0]],
        "outputs": [[1.0, 0.0], [0.0, 1.0]],
        "assortment": [1.0, 1.0],
    }
    starved = make_economy(
        **parts, resource_use=[[1.0, 1.0]], endowment=[1.0], fixed_demand=[5.0, 0.0]
    )
    assert general.plan(starved).ended == "infeasible"
    free = make_economy(**parts, resource_use=[[0.0, 0.0]], endowment=[1.0])
    assert general.plan(free).ended == "unbounded"


@pytest.mark.parametrize(
    "name", ["split:us-bea-15,goods=100,seed=1", "gen:goods=100,byproducts=0.1,capacities=0.2"]
)
def test_nothing_is_compiled_while_planning(name: str) -> None:
    """What is compiled then would be counted as planning."""
    from planbench.planners import branch_kernels

    def counts() -> dict[str, int]:
        kernels = vars(branch_kernels).items()
        return {key: len(made.signatures) for key, made in kernels if hasattr(made, "signatures")}

    economy = load_instance(name).economy
    assert general.PLANNER.compile is not None
    general.PLANNER.compile()
    before = counts()
    general.plan(economy)
    assert counts() == before
