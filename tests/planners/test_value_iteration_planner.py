"""``value-iteration``: right with one resource; clear otherwise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from support.economies import random_small
from support.full import FULL

from planbench.catalogue.resolve import load_instance
from planbench.certificates import certify
from planbench.errors import SolverError
from planbench.model import Economy, make_economy, to_linear_program
from planbench.solvers.base import Solution, SolveOptions
from planbench.solvers.registry import find_solver

pytest.importorskip("numba")

from planbench.planners import value_iteration
from planbench.planners.planner import PlanOptions

SEEDS = 500 if FULL else 100
GAP = 1e-8


def one_resource(kind: str, seed: int) -> Economy:
    """`random_small` with its first resource only (which every activity uses)."""
    economy = random_small(kind, seed)
    return replace(
        economy,
        resource_use=sp.csc_array(economy.resource_use[[0], :]),
        endowment=economy.endowment[:1].copy(),
    )


def optimum_of(economy: Economy) -> float:
    """Optimum by HiGHS."""
    from scipy.optimize import linprog

    lp = to_linear_program(economy)
    rows = sp.csr_array(lp.matrix)
    goods = economy.n_goods
    result = linprog(
        -lp.cost,
        A_ub=sp.vstack([-rows[:goods], rows[goods:]], format="csr"),
        b_ub=np.concatenate([-economy.fixed_demand, economy.endowment]),
        method="highs-ds",
    )
    assert result.status == 0
    return float(-result.fun)


def solved(economy: Economy, gap: float = GAP) -> Solution:
    spec = find_solver("value-iteration").spec
    return value_iteration.solve(economy, spec, SolveOptions(tolerance=gap))


@pytest.mark.parametrize("kind", ["plain", "targets"])
def test_bracket_closes_on_the_optimum_of_small_economies(kind: str) -> None:
    for seed in range(SEEDS):
        economy = one_resource(kind, seed)
        optimum = optimum_of(economy)
        progress = value_iteration.plan(economy, PlanOptions(tolerance=GAP))
        assert progress.ended == "optimal", (kind, seed)
        assert progress.gap <= GAP
        assert progress.lower <= optimum * (1 + 1e-9), (kind, seed)
        assert progress.upper >= optimum * (1 - 1e-9), (kind, seed)


@pytest.mark.parametrize("kind", ["plain", "targets"])
def test_independent_certificate_confirms_the_gap(kind: str) -> None:
    for seed in range(10):
        economy = one_resource(kind, seed)
        solution = solved(economy)
        certificate = certify(to_linear_program(economy), economy, solution, polish=False)
        assert certificate.raw_gap is not None
        assert certificate.raw_gap <= GAP * 1.001 + 1e-12, seed


def leontief(goods: int = 30) -> Economy:
    rng = np.random.default_rng(4)
    inputs = rng.random((goods, goods)) * (rng.random((goods, goods)) < 0.2)
    inputs *= 0.5 / np.maximum(inputs.sum(axis=0), 1e-9)
    return make_economy(
        inputs=inputs,
        outputs=np.eye(goods),
        resource_use=rng.uniform(0.5, 1.0, (1, goods)),
        endowment=[100.0],
        assortment=rng.uniform(0.5, 1.0, goods),
    )


def test_leontief_closed_form() -> None:
    """Prices are labour values l (I − A)⁻¹, the value is r over the labour in the assortment."""
    economy = leontief()
    inverse = np.linalg.inv(np.eye(30) - economy.inputs.toarray())
    values = economy.resource_use.toarray()[0] @ inverse
    demand = economy.assortment.toarray()[:, 0]
    solution = solved(economy, 1e-9)
    assert solution.objective == pytest.approx(100.0 / float(values @ demand), rel=1e-9)
    assert solution.y is not None
    assert -solution.y[:30] == pytest.approx(values / float(values @ demand), rel=1e-6)


def test_old_plan_makes_the_next_one_cheaper() -> None:
    economy = leontief()
    found = value_iteration.plan(economy, PlanOptions(tolerance=GAP))
    state = found.state
    scarcer = replace(economy, endowment=economy.endowment * 0.97)
    cold = value_iteration.plan(scarcer, PlanOptions(tolerance=GAP))
    warm = value_iteration.plan(scarcer, PlanOptions(tolerance=GAP), state)
    assert warm.passes < cold.passes
    assert warm.lower == pytest.approx(cold.lower, rel=GAP)


def test_refuses_several_resources() -> None:
    economy = next(e for e in (random_small("plain", s) for s in range(9)) if e.n_resources > 1)
    spec = find_solver("value-iteration").spec
    with pytest.raises(SolverError, match="one resource"):
        value_iteration.solve(economy, spec, SolveOptions())


def test_refuses_stocks() -> None:
    economy = replace(leontief(), fixed_demand=np.full(30, -1.0))
    spec = find_solver("value-iteration").spec
    with pytest.raises(SolverError, match="stocks"):
        value_iteration.solve(economy, spec, SolveOptions())


@pytest.mark.parametrize(
    "recipe",
    [
        "goods=3000,techniques=3,planted=true,closed=true",
        "goods=3000,techniques=3,planted=true,closed=true,targets=3",
        "goods=100000,techniques=3,planted=true,closed=true",
    ],
)
def test_planted_optimum(recipe: str) -> None:
    """At sizes no oracle reaches, the bracket must hold the optimum that was planted."""
    instance = load_instance(f"gen:{recipe},resources=1")
    assert instance.economy is not None
    assert instance.optimum is not None
    progress = value_iteration.plan(instance.economy, PlanOptions(tolerance=GAP))
    assert progress.ended == "optimal"
    assert progress.lower <= instance.optimum * (1 + 1e-10)
    assert progress.upper >= instance.optimum * (1 - 1e-10)


def test_passes_stay_few() -> None:
    """Passes are counted, so the same everywhere: extrapolation and listing save half of them."""
    recipe = "gen:goods=10000,inputs=20,techniques=3,resources=1"
    economy = load_instance(recipe).economy
    assert economy is not None
    progress = value_iteration.plan(economy, PlanOptions(tolerance=1e-09))
    assert progress.ended == "optimal"
    assert progress.gap <= 1e-9
    assert progress.passes < 24
