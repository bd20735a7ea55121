"""The price-adjustment planner: bounds that hold, answers that close, states that carry on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.economies import KINDS, random_general, random_small
from support.full import full_only

from planbench.catalogue.builtin import golden_cases
from planbench.catalogue.resolve import load_instance
from planbench.certificates import certify
from planbench.certificates.certificate import relative_gap
from planbench.certificates.propagate import implied_bounds
from planbench.certificates.rays import proves_infeasible
from planbench.debate.studies import cut_resource
from planbench.errors import InputError, SolverError
from planbench.model import Economy, make_economy, to_linear_program
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import check_options, find_solver

pytest.importorskip("numba")

from planbench.planners.pdhg import Process
from planbench.planners.planner import PlanOptions
from planbench.planners.price_adjustment import infeasibility_proof
from planbench.planners.primal_dual import plan, solve
from planbench.planners.repair import (
    find_makers,
    repair_plan,
    repair_prices,
)

SPEC = find_solver("primal-dual").spec

TWO_GOODS: dict[str, Any] = {
    "inputs": [[0, 0.1], [0.2, 0]],
    "outputs": np.eye(2),
    "resource_use": [[1.0, 1.0]],
    "endowment": [1.0],
    "assortment": [1.0, 1.0],
}


def optimum(economy: Economy) -> float:
    """Optimum by scipy's HiGHS, the oracle."""
    from scipy.optimize import linprog

    lp, n = to_linear_program(economy), economy.n_goods
    matrix = lp.matrix.toarray()
    result = linprog(
        -lp.cost,
        A_ub=np.vstack([-matrix[:n], matrix[n:]]),
        b_ub=np.concatenate([-economy.fixed_demand, economy.endowment]),
        bounds=np.column_stack([lp.col_lower, lp.col_upper]),
        method="highs",
    )
    assert result.status == 0
    return float(-result.fun)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_bracket_of_every_kind_closes_on_the_oracle(kind: str, seed: int) -> None:
    """A wrong sign, scaling or mending step would lose the optimum or never close on it."""
    economy = random_small(kind, 1000 + seed)
    result = plan(economy, PlanOptions(tolerance=1e-06, rounds=500000))
    best = optimum(economy)
    assert result.ended == "optimal"
    assert result.lower is not None
    assert result.upper is not None
    assert result.lower <= best * (1 + 1e-8)
    assert result.upper >= best * (1 - 1e-8)
    assert relative_gap(result.lower, result.upper) <= 1e-6  # type: ignore[operator]


@full_only
@pytest.mark.parametrize("kind", KINDS)
def test_many_economies_of_every_kind(kind: str) -> None:
    """Rare shapes (a zero capacity, an idle technique, a scarce by-product) break it."""
    for seed in range(150):
        economy = random_small(kind, seed)
        result = plan(economy, PlanOptions(tolerance=1e-06, rounds=500000))
        best = optimum(economy)
        assert result.ended == "optimal", (kind, seed)
        assert result.lower is not None
        assert result.upper is not None
        assert result.lower <= best * (1 + 1e-8), (kind, seed)
        assert result.upper >= best * (1 - 1e-8), (kind, seed)


@pytest.mark.parametrize("name", sorted(golden_cases()))
def test_golden_cases(name: str) -> None:
    """Published optima: machines, dated capital goods, several targets."""
    case = golden_cases()[name]
    result = plan(case.economy, PlanOptions(tolerance=1e-06, rounds=500000))
    assert result.ended == "optimal"
    assert result.lower == pytest.approx(case.optimum, rel=1e-6)
    assert result.upper == pytest.approx(case.optimum, rel=1e-6)


@pytest.mark.parametrize("name", ["us-bea-15", "us-bea-71"])
def test_real_tables(name: str) -> None:
    """Quantities of 10^7 and prices of 1: a primal weight that runs away never moves the plan."""
    instance = load_instance(name)
    result = plan(instance.economy, PlanOptions(tolerance=1e-06, rounds=2000000))
    assert result.ended == "optimal"
    assert result.lower == pytest.approx(instance.optimum, rel=1e-6)


def test_planted_optimum() -> None:
    """By-products, capacities and several resources at a size no oracle is needed for."""
    recipe = "gen:goods=2000,byproducts=0.09,capacities=0.1,resources=5,planted=true"
    instance = load_instance(recipe)
    result = plan(instance.economy, PlanOptions(tolerance=0.0001, rounds=100000))
    assert result.ended == "optimal"
    assert instance.optimum is not None
    assert result.lower is not None
    assert result.upper is not None
    assert result.lower <= instance.optimum * (1 + 1e-9)
    assert result.upper >= instance.optimum * (1 - 1e-9)


def test_adapter_hands_back_what_the_certificate_confirms() -> None:
    """Signs or order of x and y wrong, or a gap that only the planner itself believes."""
    economy = random_small("joint", 3)
    solution = solve(economy, SPEC, SolveOptions(tolerance=1e-6))
    certificate = certify(to_linear_program(economy), economy, solution, polish=False)
    assert solution.claim == "optimal"
    assert certificate.verdict == "certified"
    assert certificate.raw_gap is not None
    assert certificate.raw_gap <= 1e-6
    assert solution.iterations["rounds"] > 0


def test_phases_are_as_declared() -> None:
    """An undeclared phase would not be listed; compiling must stay out of the counted ones."""
    from contextlib import contextmanager

    seen = []

    @contextmanager
    def phase(name: str) -> Any:
        seen.append(name)
        yield

    solve(random_small("plain", 1), SPEC, SolveOptions(), phase)
    assert tuple(seen) == SPEC.phases == ("compile", "load", "solve", "extract")


def test_same_run_twice() -> None:
    """Rounds are a deterministic counter: a gate on regressions compares them exactly."""
    economy = load_instance("gen:goods=300,byproducts=0.1,resources=3").economy
    first, second = (plan(economy, PlanOptions(tolerance=1e-05, rounds=20000)) for _ in range(2))
    assert first.rounds == second.rounds
    assert first.passes == second.passes
    assert (first.lower, first.upper) == (second.lower, second.upper)


def test_replanning_from_the_old_state() -> None:
    """A state in wrong units, or one that is ignored, would not close at the first look."""
    economy = load_instance("gen:goods=500,byproducts=0.1,resources=3").economy
    before = plan(economy, PlanOptions(tolerance=1e-05, rounds=50000))
    again = plan(economy, PlanOptions(tolerance=0.0001, rounds=50000), before.state)
    assert again.ended == "optimal"
    assert again.rounds == 0
    endowment = economy.endowment.copy()
    endowment[0] *= 0.9
    shocked = replace(economy, endowment=endowment, interior=None)
    warm = plan(shocked, PlanOptions(tolerance=0.0001, rounds=50000), before.state)
    cold = plan(shocked, PlanOptions(tolerance=0.0001, rounds=50000))
    assert warm.ended == cold.ended == "optimal"
    assert warm.lower == pytest.approx(cold.lower, rel=2e-4)


def test_old_prices_are_not_thrown_away() -> None:
    """A primal weight that runs away in the first restarts costs all that the old plan saved."""
    warm = cold = 0
    for seed in range(4):
        economy = load_instance(
            f"gen:goods=1000,byproducts=0.09,capacities=0.1,resources=20,seed={seed}"
        ).economy
        state = plan(economy, PlanOptions(tolerance=0.0001, rounds=20000)).state
        endowment = economy.endowment.copy()
        endowment[seed] *= 0.99
        shocked = replace(economy, endowment=endowment)
        again = plan(shocked, PlanOptions(tolerance=0.0001, rounds=20000), state)
        fresh = plan(shocked, PlanOptions(tolerance=0.0001, rounds=20000))
        assert again.ended == fresh.ended == "optimal"
        warm, cold = warm + again.rounds, cold + fresh.rounds
    assert warm < 0.75 * cold


def test_an_old_weight_that_is_off_can_be_left() -> None:
    """The weight an old plan ends with may be off; held to it, planning takes six times as long."""
    warm = cold = 0
    for seed in range(3):
        economy = load_instance(f"gen:goods=1000,techniques=2,resources=5,seed={seed}").economy
        old = plan(economy, PlanOptions(tolerance=1e-06, rounds=40000))
        assert old.w is not None
        scarcest = int(np.argmax(old.w * economy.endowment))
        shocked = cut_resource(economy, scarcest, 0.8)
        again = plan(shocked, PlanOptions(tolerance=1e-06, rounds=40000), old.state)
        fresh = plan(shocked, PlanOptions(tolerance=1e-06, rounds=40000))
        assert again.ended == fresh.ended == "optimal"
        assert again.rounds < 1.5 * fresh.rounds
        warm, cold = warm + again.rounds, cold + fresh.rounds
    assert warm < 1.2 * cold


def test_state_of_another_economy_is_refused() -> None:
    """It would be read out of bounds by the kernels."""
    state = plan(random_small("plain", 1), PlanOptions(rounds=50)).state
    with pytest.raises(InputError, match="start without it"):
        plan(load_instance("kantorovich-plywood").economy, state=state)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"endowment": [0.0]}, 0.0),
        ({"outputs": [[1.0, 0.0], [0.0, 0.0]]}, 0.0),
        ({"inputs": [[0.0, 2.0], [2.0, 0.0]]}, 0.0),
        ({"capacity": [0.0, 0.0]}, 0.0),
        ({"resource_use": [[1.0, 1.0], [0.0, 0.0]], "endowment": [1.0, 5.0]}, 0.98 / 2.3),
        ({"endowment": [0.0], "fixed_demand": [-1.0, -2.0]}, 1.0),
        ({"assortment": [1.0, 0.0], "inputs": [[0.0, 0.1], [0.0, 0.0]]}, 1.0),
    ],
    ids=["no endowment", "unmakeable", "unproductive", "no capacity", "unused", "stocks", "idle"],
)
def test_degenerate_economies(change: dict[str, Any], value: float) -> None:
    """Nothing to plan with, or nothing to plan: the answer is still known."""
    result = plan(
        make_economy(**{**TWO_GOODS, **change}), PlanOptions(tolerance=1e-06, rounds=200000)
    )
    assert result.ended == "optimal"
    assert result.lower == pytest.approx(value, abs=1e-6)
    assert result.upper == pytest.approx(value, abs=1e-6)


def test_ties_between_techniques() -> None:
    """Equal techniques leave the plan open but not its worth."""
    twice = {
        **TWO_GOODS,
        "inputs": np.hstack([TWO_GOODS["inputs"]] * 2),
        "outputs": np.hstack([np.eye(2)] * 2),
        "resource_use": [[1.0] * 4],
    }
    result = plan(make_economy(**twice), PlanOptions(rounds=200000))
    assert result.lower == pytest.approx(0.98 / 2.3, rel=1e-6)


@pytest.mark.parametrize(
    "change",
    [{"fixed_demand": [10.0, 0.0]}, {"capacity": [0.1, 0.1], "fixed_demand": [0.2, 0.0]}],
    ids=["resources", "capacities"],
)
def test_infeasible_is_claimed_with_a_proof(change: dict[str, Any]) -> None:
    """Demand that cannot be met must not end as a plan, nor as a bare claim."""
    economy = make_economy(**{**TWO_GOODS, **change})
    solution = solve(economy, SPEC, SolveOptions(native={"rounds": 200_000}))
    assert solution.claim == "infeasible"
    certificate = certify(to_linear_program(economy), economy, solution, polish=False)
    assert certificate.verdict == "certified"


def unreachable(kind: str, seed: int) -> Economy:
    """Add a fixed demand to a small economy, as a rule far above what it can make."""
    economy = random_small(kind, seed)
    rng = np.random.default_rng(seed)
    wanted = rng.random(economy.n_goods) < 0.4
    demand = np.where(wanted, rng.uniform(0.5, 5.0, economy.n_goods), 0.0)
    demand *= 10.0 ** rng.uniform(-1.0, 1.5) * economy.outputs.max(axis=1).toarray().ravel()
    return replace(economy, fixed_demand=demand, interior=None)


@pytest.mark.parametrize("kind", KINDS)
def test_every_claim_of_infeasible_is_one_the_certificate_confirms(kind: str) -> None:
    """Prices at which an idle activity gains by rounding look like a proof and are none.

    In the storage economy of seed 2 they were claimed as one.
    """
    proofs = 0
    for seed in (0, 2, 5):
        economy = unreachable(kind, seed)
        solution = solve(economy, SPEC, SolveOptions(native={"rounds": 20_000}))
        certificate = certify(to_linear_program(economy), economy, solution, polish=False)
        assert certificate.verdict == "certified", (seed, solution.claim, certificate.reasons)
        proofs += solution.claim == "infeasible"
    assert proofs > 0


def test_gains_by_rounding_are_mended_or_no_proof() -> None:
    """Almost even is not even: a Farkas proof has no tolerance for activities without limit."""
    economy = make_economy(**{**TWO_GOODS, "fixed_demand": [10.0, 0.0]})
    lp = to_linear_program(economy)
    for dust in (0.0, 1e-15, 1e-13, 1e-11, 1e-9):
        # Cost prices for a rent of 1, and a share of dust above: both activities gain.
        prices = np.linalg.solve(np.array([[1.0, -0.2], [-0.1, 1.0]]), np.ones(2)) * (1 + dust)
        proof = infeasibility_proof(economy, prices, np.ones(1))
        assert (proof is not None) == (dust < 1e-10)
        if proof is not None:
            ray = np.concatenate([-proof[0], proof[1]])
            assert proves_infeasible(lp, ray, *implied_bounds(lp))


def test_unbounded_is_claimed_with_a_ray() -> None:
    """Production out of nothing must not run to the limit or pass as optimal."""
    economy = make_economy(**{**TWO_GOODS, "resource_use": [[0.0, 0.0]]})
    solution = solve(economy, SPEC, SolveOptions(native={"rounds": 200_000}))
    assert solution.claim == "unbounded"
    certificate = certify(to_linear_program(economy), economy, solution, polish=False)
    assert certificate.verdict == "certified"


def test_bottleneck_of_capacities() -> None:
    """A good whose makers are all at capacity: its price must climb by powers of ten."""
    economy = load_instance("gen:goods=2000,techniques=1,capacities=0.1,resources=3").economy
    result = plan(economy, PlanOptions(tolerance=0.0001, rounds=20000))
    assert result.ended == "optimal"


def test_repair_plan_leaves_no_good_short() -> None:
    """The repaired plan is what makes the bracket close early; a shortage left undoes it."""
    economy = load_instance("gen:goods=500,byproducts=0.1,resources=3").economy
    process = Process(economy)
    process.advance(100)
    makers = find_makers(process, economy.n_goods, economy.n_activities)
    prices = repair_prices(process, makers, 1e-9)
    columns = repair_plan(process, makers, prices, 1e-9)
    n, m = economy.n_goods, economy.n_activities
    net = process.matrix @ columns - process.need
    flow = np.abs(process.matrix) @ columns + np.abs(process.need)
    assert (net[:n] >= -1e-8 * flow[:n]).all()
    gain = process.matrix.T @ prices
    assert (gain[:m] <= 1e-7 * (np.abs(process.matrix).T @ prices)[:m]).all()


def test_time_limit_is_honoured() -> None:
    """It must hand back its best bracket so far and say why it stopped."""
    economy = load_instance("gen:goods=2000,byproducts=0.1,resources=20").economy
    solution = solve(economy, SPEC, SolveOptions(tolerance=1e-12, time_limit=0.2))
    assert solution.hit_limit
    assert solution.claim == "feasible"
    assert solution.x is not None


def test_rounds_limit() -> None:
    """The option caps the rounds exactly."""
    economy = load_instance("gen:goods=300,resources=3").economy
    options = SolveOptions(tolerance=1e-12, native={"rounds": "70"})
    check_options(SPEC, options)
    assert solve(economy, SPEC, options).iterations["rounds"] == 70


@pytest.mark.parametrize("native", [{"round": 5}, {"rounds": 0}, {"rounds": "many"}])
def test_bad_native_options(native: dict[str, Any]) -> None:
    """A misspelt option must not pass in silence."""
    with pytest.raises(InputError):
        solve(random_small("plain", 1), SPEC, SolveOptions(native=native))


def test_general_programs_are_refused() -> None:
    """It needs goods and activities; a general LP has none."""
    with pytest.raises(SolverError, match="use a general solver"):
        solve(random_general(1), SPEC, SolveOptions())
