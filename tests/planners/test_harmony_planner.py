"""Harmony (Cockshott & Cottrell): the formulas, the published example, honest brackets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.economies import random_general, random_small

from planbench.catalogue.resolve import load_instance
from planbench.certificates import certify
from planbench.errors import InputError, SolverError
from planbench.model import Economy, make_economy, to_linear_program
from planbench.planners.harmony import (
    harmony_of,
    plan,
    refusal,
    solve,
    squash,
)
from planbench.planners.planner import PlanOptions
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import find_solver
from planbench.tables import import_raw, import_table
from planbench.tables.raw import make_raw_table

SPEC = find_solver("harmony").spec
_HERE = Path(__file__).resolve().parents[2] / ".." / "shared" / "tables"
TABLES = Path(os.environ.get("PLANBENCH_TABLES") or _HERE)
PUBLISHED = {
    "us-15": ("use_15.csv", "make_15.csv"),
    "us-71": ("use_71.csv", "make_71.csv"),
    "us-2017-73": ("us-bea-2017-73.npz",),
    "us-2012-405": ("us-bea-2012-405.npz",),
    "australia-114": ("use_114_aus.csv", "make_114_aus.csv"),
    "wiod-1995": ("wiod-1995-1435.npz",),
}


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
    worth = [plan(economy, PlanOptions(rounds=r, target=1.0)).z[0] for r in (5, 20, 80)]
    assert worth == sorted(worth)
    assert worth[0] > 0


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
    with pytest.raises(SolverError, match=reason):
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
    late = plan(economy, PlanOptions(rounds=10**9, time_limit=0.05))
    assert late.hit_limit
    assert late.rounds < 10**9
    with pytest.raises(SolverError, match="use a general solver"):
        solve(random_general(1), SPEC, SolveOptions())


def loop_of_intermediates(coefficient: float) -> Economy:
    """One final good; two others go into one another, and little of them into it."""
    return make_economy(
        inputs=[[0.0, 0.0, 0.0], [coefficient, 0.0, 0.5], [0.0, 10 * coefficient, 0.0]],
        outputs=np.eye(3),
        resource_use=[[1.0, 1.0, 1.0]],
        endowment=[100.0],
        assortment=[1.0, 0.0, 0.0],
    )


def symmetric_table(seed: int) -> Economy:
    """Economy of a table of twelve industries, whose sizes and flows lie decades apart."""
    draws = np.random.default_rng(seed)
    output = 10.0 ** draws.uniform(1, 6, 12)
    share = np.where(draws.random((12, 12)) < 0.6, 10.0 ** draws.uniform(-8, 0, (12, 12)), 0.0)
    use = share * np.outer(output, output) / output.sum() * 0.5
    final = np.maximum(output - use.sum(axis=1), 0.0) * (draws.random(12) < 0.6)
    final[0] += 1.0
    names = [f"industry {i}" for i in range(12)]
    made = use.sum(axis=1) + final
    use *= np.minimum(1.0, 0.8 * made / np.maximum(use.sum(axis=0), 1e-300))
    raw = make_raw_table(
        "drawn", names, names, use, output=use.sum(axis=1) + final, final_use=final[:, None]
    )
    return import_raw(raw)[0]


HARD: dict[str, Any] = {
    **{f"loop {c:g}": lambda c=c: loop_of_intermediates(c) for c in (0.1, 1e-3, 1e-6, 1e-12)},
    **{f"table {s}": lambda s=s: symmetric_table(s) for s in range(6)},
    **{
        recipe: lambda recipe=recipe: load_instance(f"gen:{recipe}").economy
        for recipe in (
            "goods=300,final_share=0.1,unit_spread=12",
            "goods=300,final_share=0.05,structure=layered,band=30,backflow=0.1",
            "goods=300,final_share=0.02,structure=powerlaw,techniques=1,resources=1",
            "goods=300,final_share=0.1,capacities=0.3,resources=8",
        )
    },
}


def bounded(economy: Economy, rounds: int) -> None:
    """Check that prices prove a bound that is no astronomical number, and the plan is finite."""
    solution = solve(economy, SPEC, SolveOptions(native={"rounds": rounds}))
    assert solution.x is not None
    assert solution.y is not None
    assert np.isfinite(solution.x).all()
    certificate = certify(to_linear_program(economy), economy, solution, polish=False)
    assert certificate.upper_bound is not None
    assert certificate.lower_bound is not None
    # The value of an input can be overstated at every one of its three stages.
    assert certificate.upper_bound < 1e12 * max(certificate.lower_bound, 1e-3)
    if solution.objective == 0.0:
        assert "no plan among them meets every balance" in solution.native_status


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("rounds", [100, 400])
def test_values_and_plans_stay_bounded(name: str, rounds: int) -> None:
    """Values that went round and round among intermediate goods had grown to 1e150."""
    bounded(HARD[name](), rounds)


@pytest.mark.parametrize("technology", ["auto", "industry"])
@pytest.mark.parametrize("key", PUBLISHED)
def test_published_tables_stay_bounded(key: str, technology: str) -> None:
    """WIOD's table had a residual of 1e161; Australia's lost its industries."""
    files = [TABLES / name for name in PUBLISHED[key]]
    if not all(path.is_file() for path in files):
        pytest.skip(f"{files[0].name} is not there; PLANBENCH_TABLES names its folder")
    if key.startswith("wiod") and technology == "industry":
        pytest.skip("a symmetric table has no by-products")
    economy, _ = import_table(files, technology=technology)
    if refusal(economy) is not None:
        assert technology == "auto"
        return
    bounded(economy, 100)


def test_it_stops_and_says_so_where_the_next_plan_is_not_finite() -> None:
    """Such a plan must not be handed on as the last of a hundred rounds."""
    economy = make_economy(
        inputs=[[0.0, 0.0], [1e200, 0.0]],
        outputs=np.eye(2),
        resource_use=[[1.0, 1.0]],
        endowment=[1.0],
        assortment=[1.0, 1e-160],
    )
    solution = solve(economy, SPEC, SolveOptions())
    assert solution.native_status == "stopped in round 1: the next plan is not finite"
    assert solution.iterations == {"rounds": 1}
    assert solution.objective == 0.0
    assert solution.x is not None
    assert np.isfinite(solution.x).all()
