"""Harmony (Cockshott & Cottrell): the formulas, the published example, honest brackets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.economies import random_general, random_small

from planbench.catalogue.resolve import load_instance
from planbench.certify import certify
from planbench.errors import InputError
from planbench.model import make_economy, to_linear_program
from planbench.solvers.base import SolveOptions
from planbench.solvers.planners.harmony import (
    HarmonyState,
    harmony_of,
    plan,
    refusal,
    solve,
    squash,
)
from planbench.solvers.registry import find_solver

SPEC = find_solver("harmony")[0]


@pytest.mark.parametrize(("rounds", "share"), [(100, 0.924), (1000, 0.958), (3000, 0.959)])
def test_excavators_reach_the_documented_share(rounds: int, share: float) -> None:
    """These figures stand in the documentation; any change of the reading moves them."""
    instance = load_instance("kantorovich-excavators")
    assert instance.economy is not None
    assert instance.optimum is not None
    solution = solve(
        instance.economy, SPEC, SolveOptions(native={"rounds": rounds, "target": 64.0})
    )
    certificate = certify(instance.lp, instance.economy, solution, polish=False)
    assert certificate.lower_bound is not None
    assert certificate.upper_bound is not None
    assert certificate.lower_bound / instance.optimum == pytest.approx(share, abs=5e-4)
    assert certificate.upper_bound >= instance.optimum
    assert solution.iterations == {"rounds": rounds}


def test_harmony_and_its_slope() -> None:
    """Below target h = s − s²/2, above ln(1 + s); the slope is its derivative."""
    net, target = np.array([32.0, 64.0, 128.0, -64.0]), np.full(4, 64.0)
    value, slope = harmony_of(net, target)
    assert value == pytest.approx([-0.5 - 0.125, 0.0, np.log(2.0), -2.0 - 2.0])
    step = 1e-6
    near, _ = harmony_of(net + step, target)
    assert (near - value) / step == pytest.approx(slope, rel=1e-4)
    assert squash(np.array([0.0, 1.0, -3.0])) == pytest.approx([0.0, 0.5, -0.75])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["plain", "capacities", "targets", "stocks", "storage"])
def test_plans_are_feasible_or_worth_nothing(kind: str, seed: int) -> None:
    """What it claims to deliver must be what the checker finds it delivers."""
    economy = random_small(kind, seed)
    solution = solve(economy, SPEC, SolveOptions())
    assert solution.x is not None
    assert solution.objective is not None
    x = solution.x[: economy.n_activities]
    assert (economy.resource_use @ x <= economy.endowment * (1 + 1e-12)).all()
    assert (x <= economy.capacity).all()
    certificate = certify(to_linear_program(economy), economy, solution, polish=False)
    if solution.objective > 0:
        assert certificate.lower_bound is not None
        assert certificate.lower_bound >= solution.objective * (1 - 1e-9)
    assert solution.claim == "unknown"


def test_more_rounds_do_not_lose_the_best_plan() -> None:
    """The best plan of all rounds is handed back, not the last."""
    economy = load_instance("gen:goods=200,resources=2").economy
    worth = [plan(economy, rounds=r, target=1.0).z[0] for r in (5, 20, 80)]
    assert worth == sorted(worth)
    assert worth[0] > 0


def test_replanning_starts_from_the_state() -> None:
    """A hundred rounds in two halves are a hundred rounds."""
    economy = load_instance("kantorovich-plywood").economy
    half = plan(economy, rounds=50, target=70.0)
    rest = plan(economy, rounds=50, target=70.0, state=half.state)
    assert rest.z[0] >= half.z[0]
    with pytest.raises(InputError, match="another shape"):
        plan(economy, state=HarmonyState(np.ones(3), np.ones(3)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"outputs": [[1.0, 0.1], [0.0, 1.0]]}, "several goods"),
        ({"fixed_demand": [0.1, 0.0]}, "fixed demand"),
        ({"resource_use": [[0.0, 0.0]]}, "no activity uses a resource"),
    ],
)
def test_refusals_say_why(change: dict[str, Any], reason: str) -> None:
    """An economy it cannot plan must be refused with the reason, not planned wrongly."""
    base: dict[str, Any] = {
        "inputs": np.zeros((2, 2)),
        "outputs": np.eye(2),
        "resource_use": [[1.0, 1.0]],
        "endowment": [1.0],
        "assortment": [1.0, 1.0],
    }
    assert refusal(make_economy(**base)) is None
    with pytest.raises(InputError, match=reason):
        solve(make_economy(**{**base, **change}), SPEC, SolveOptions())


@pytest.mark.parametrize("native", [{"round": 5}, {"rounds": 0}, {"target": -1}, {"target": "x"}])
def test_bad_options(native: dict[str, Any]) -> None:
    """A misspelt or senseless option must not pass in silence."""
    with pytest.raises(InputError):
        solve(random_small("plain", 1), SPEC, SolveOptions(native=native))


def test_no_endowment_no_plan() -> None:
    """Activities that need a resource there is none of stay idle."""
    economy = make_economy(
        inputs=np.zeros((1, 2)),
        outputs=[[1.0, 1.0]],
        resource_use=[[1.0, 0.0], [0.0, 1.0]],
        endowment=[0.0, 2.0],
        assortment=[1.0],
    )
    result = plan(economy)
    assert result.x[0] == 0.0
    assert result.z[0] == pytest.approx(2.0)


def test_time_limit_and_general_programs() -> None:
    """The limit is looked at every round; a general LP has no goods."""
    economy = load_instance("kantorovich-plywood").economy
    late = plan(economy, rounds=10**9, time_limit=0.05)
    assert late.hit_limit
    assert late.rounds < 10**9
    with pytest.raises(InputError, match="use a general solver"):
        solve(random_general(1), SPEC, SolveOptions())
