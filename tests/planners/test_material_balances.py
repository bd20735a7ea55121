"""Material balances (Montias): successive approximation with fixed norms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.economies import random_general, random_small

from planbench.catalogue.resolve import load_instance
from planbench.certificates import certify
from planbench.errors import PlanbenchError, SolverError
from planbench.model import make_economy, to_linear_program
from planbench.planners.material_balances import norms, plan, solve
from planbench.planners.planner import PlanOptions
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import find_solver

SPEC = find_solver("material-balances").spec

BASE: dict[str, Any] = {
    "inputs": [[0.0, 0.5, 0.1], [0.2, 0.0, 0.0]],
    "outputs": [[2.0, 0.0, 1.0], [0.0, 1.0, 0.0]],
    "resource_use": [[1.0, 1.0, 3.0]],
    "endowment": [10.0],
    "assortment": [1.0, 1.0],
}


def test_leontief_economy_is_planned_to_the_optimum() -> None:
    """With one technique and one resource there is nothing to choose: the plan is optimal."""
    economy = load_instance("gen:goods=300,techniques=1,resources=1").economy
    solution = solve(economy, SPEC, SolveOptions())
    certificate = certify(to_linear_program(economy), economy, solution, polish=False)
    assert certificate.raw_gap is not None
    assert certificate.raw_gap < 1e-6
    assert solution.native_status == "balances closed"


def test_rounds_are_those_of_the_series() -> None:
    """Q after t rounds is y + A y + … + Aᵗ y; one round more or less is another plan."""
    economy = make_economy(**BASE)
    a = np.array([[0.0, 0.5], [0.1, 0.0]])
    y = np.ones(2)
    for rounds in (1, 2, 5):
        expected = sum(np.linalg.matrix_power(a, t) @ y for t in range(rounds + 1))
        found = plan(economy, PlanOptions(rounds=rounds))
        assert economy.outputs @ found.x / found.z == pytest.approx(expected)


def test_norm_is_the_least_direct_use() -> None:
    """Good 0 costs 1/2 by activity 0 and 3 by activity 2; without endowment it is no norm."""
    assert norms(make_economy(**BASE)).tolist() == [0, 1]
    assert norms(make_economy(**{**BASE, "capacity": [0.0, 1.0, 1.0]})).tolist() == [2, 1]
    assert norms(make_economy(**{**BASE, "endowment": [0.0]})).tolist() == [-1, -1]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["plain", "capacities", "targets", "demand", "storage"])
def test_claimed_plans_are_feasible(kind: str, seed: int) -> None:
    """What closed balances say they deliver is what the checker finds."""
    economy = random_small(kind, seed)
    solution = solve(economy, SPEC, SolveOptions())
    certificate = certify(to_linear_program(economy), economy, solution, polish=False)
    assert solution.objective is not None
    if solution.objective > 0 and solution.native_status == "balances closed":
        assert certificate.lower_bound is not None
        assert certificate.lower_bound >= solution.objective * (1 - 1e-6)
    assert solution.claim == "unknown"


def test_targets_are_cut_to_the_resources() -> None:
    """A modest target is met as stated, an immodest one as far as it goes."""
    economy = make_economy(**BASE)
    most = plan(economy).z[0]
    assert plan(economy, PlanOptions(target=0.5 * most)).z[0] == pytest.approx(0.5 * most)
    assert plan(economy, PlanOptions(target=9.0 * most)).z[0] == pytest.approx(most)


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": [[0.0, 4.0, 0.0], [4.0, 0.0, 0.0]]},
        {"outputs": [[2.0, 3.0, 1.0], [0.0, 0.0, 0.0]]},
        {"endowment": [0.0]},
    ],
    ids=["unproductive", "unmakeable", "no endowment"],
)
def test_impossible_targets_give_nothing(change: dict[str, Any]) -> None:
    """Norms that cannot reproduce themselves must not give a plan that claims to."""
    economy = make_economy(**{**BASE, **change})
    solution = solve(economy, SPEC, SolveOptions(native={"rounds": 3000}))
    assert solution.objective == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"outputs": [[2.0, 0.1, 1.0], [0.0, 1.0, 0.0]]}, "several goods"),
        ({"fixed_demand": [-0.1, 0.0]}, "stocks"),
        ({"resource_use": [[0.0, 0.0, 0.0]]}, "state a target"),
    ],
)
def test_refusals_say_why(change: dict[str, Any], reason: str) -> None:
    """An economy without such balances is refused with the reason."""
    with pytest.raises(PlanbenchError, match=reason):
        solve(make_economy(**{**BASE, **change}), SPEC, SolveOptions())


def test_time_limit_and_general_programs() -> None:
    """The limit is looked at every round; a general LP has no goods."""
    economy = load_instance("gen:goods=300").economy
    assert plan(economy, PlanOptions(time_limit=1e-09)).hit_limit
    with pytest.raises(SolverError, match="use a general solver"):
        solve(random_general(1), SPEC, SolveOptions())
