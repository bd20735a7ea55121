"""``two-level``: right on every economy it accepts, cheaper from an old plan, clear otherwise."""

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
from planbench.solvers.registry import find_solver, load_adapter

pytest.importorskip("numba")

from planbench.planners import decomposition, two_level
from planbench.planners.planner import PlanOptions
from planbench.planners.restricted_master import (
    ALONE,
    GIVEN_UP,
    OPEN,
    MasterSolution,
    choose_columns,
)
from planbench.planners.techniques import Meter

SEEDS = 500 if FULL else 100
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
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    assert result.status == 0, result.message
    return float(-result.fun)


def solved(economy: Economy, name: str = "two-level") -> Solution:
    spec = find_solver(name).spec
    return load_adapter(spec)(economy, spec, SolveOptions(tolerance=GAP))


def check(economy: Economy, optimum: float, name: str = "two-level") -> Solution:
    """Assert that the independent bracket holds the optimum and is as narrow as asked for."""
    gap, solution = GAP, solved(economy, name)
    assert solution.claim == "optimal"
    certificate = certify(to_linear_program(economy), economy, solution, polish=False)
    assert certificate.lower_bound is not None
    assert certificate.upper_bound is not None
    assert certificate.lower_bound <= optimum * (1 + 1e-8) + 1e-12
    assert certificate.upper_bound >= optimum * (1 - 1e-8) - 1e-12
    assert certificate.raw_gap is not None
    assert certificate.raw_gap <= gap * 1.001 + 1e-12
    return solution


@pytest.mark.parametrize("kind", ["plain", "targets"])
def test_bracket_closes_on_the_optimum_of_small_economies(kind: str) -> None:
    for seed in range(SEEDS):
        economy = random_small(kind, seed)
        optimum = oracle(economy)
        progress = two_level.plan(economy, PlanOptions(tolerance=GAP))
        plan = progress
        assert progress.ended == "optimal", (kind, seed)
        assert progress.gap <= GAP
        assert progress.lower <= optimum * (1 + 1e-8), (kind, seed)
        assert progress.upper >= optimum * (1 - 1e-8), (kind, seed)
        assert plan.p is not None
        assert (plan.x >= 0).all()


@pytest.mark.parametrize("kind", ["plain", "targets"])
def test_independent_certificate_confirms_the_gap(kind: str) -> None:
    for seed in range(10):
        economy = random_small(kind, seed)
        check(economy, oracle(economy))


def grid(goods: int = 40, techniques: int = 2, resources: int = 4, seed: int = 1) -> Economy:
    """Random productive economy, large enough for technique choice to matter."""
    rng = np.random.default_rng(seed)
    m = goods * techniques
    good = np.arange(m) % goods
    inputs = rng.random((goods, m)) * (rng.random((goods, m)) < 6 / goods)
    inputs *= 0.5 * rng.random(m) / np.maximum(inputs.sum(axis=0), 1e-9)
    outputs = np.zeros((goods, m))
    outputs[good, np.arange(m)] = 1.0
    return make_economy(
        inputs=inputs,
        outputs=outputs,
        resource_use=rng.uniform(0.1, 1.0, (resources, m)),
        endowment=rng.uniform(50.0, 60.0, resources),
        assortment=np.ones(goods),
    )


def test_old_plan_makes_the_next_one_cheaper() -> None:
    """Endowments change by 3 %: fewer passes from the old state, and the right answer."""
    economy = grid(goods=300, resources=6)
    found = two_level.plan(economy, PlanOptions(tolerance=GAP))
    state = found.state
    shock = np.random.default_rng(3).uniform(0.97, 1.03, 6)
    changed = replace(economy, endowment=economy.endowment * shock)
    cold = two_level.plan(changed, PlanOptions(tolerance=GAP))
    warm = two_level.plan(changed, PlanOptions(tolerance=GAP), state)
    assert warm.ended == cold.ended == "optimal"
    assert warm.passes < cold.passes
    assert warm.lower <= cold.upper
    assert cold.lower <= warm.upper


def test_same_plan_every_time() -> None:
    economy = grid()
    first, second = two_level.plan(economy), two_level.plan(economy)
    assert np.array_equal(first.x, second.x)
    assert first.p is not None
    assert np.array_equal(first.p, second.p)


def test_ties_between_techniques() -> None:
    """Every technique occurs twice: shares are arbitrary, the value is not."""
    economy = grid(techniques=1)
    twice = make_economy(
        inputs=sp.hstack([economy.inputs, economy.inputs]),
        outputs=sp.hstack([economy.outputs, economy.outputs]),
        resource_use=sp.hstack([economy.resource_use, economy.resource_use]),
        endowment=economy.endowment,
        assortment=economy.assortment,
    )
    check(twice, oracle(economy))


def test_leontief_closed_form() -> None:
    """One technique a good: z = min over resources of r / R (I − A)⁻¹ d."""
    economy = grid(techniques=1)
    goods = economy.n_goods
    x = np.linalg.solve(np.eye(goods) - economy.inputs.toarray(), np.ones(goods))
    z = float(np.min(economy.endowment / (economy.resource_use @ x)))
    solution = check(economy, z)
    assert solution.objective == pytest.approx(z, rel=1e-6)


def changed(economy: Economy, **parts: object) -> Economy:
    given = {
        name: getattr(economy, name)
        for name in ("inputs", "outputs", "resource_use", "endowment", "assortment")
    }
    return make_economy(**{**given, **parts})  # type: ignore[arg-type]


def test_ample_resource_has_no_rent() -> None:
    base = grid()
    economy = changed(base, endowment=base.endowment * np.array([1, 1, 1, 1000.0]))
    solution = check(economy, oracle(economy))
    assert solution.y is not None
    assert solution.y[-1] * 60_000 < 1e-5 * (solution.objective or 0.0)


def test_resource_nobody_uses_and_goods_nobody_demands() -> None:
    base = grid()
    use = base.resource_use.toarray()
    use[2] = 0.0
    demand = np.zeros(40)
    demand[:3] = 1.0
    economy = changed(base, resource_use=use, assortment=demand)
    check(economy, oracle(economy))


def test_resource_there_is_none_of() -> None:
    """Activities that need it are idle; the prices still leave them no profit."""
    base = grid()
    use = base.resource_use.toarray()
    use[3, :40] = 0.0
    endowment = base.endowment.copy()
    endowment[3] = 0.0
    economy = changed(base, resource_use=use, endowment=endowment)
    assert "some of" in (two_level.refusal(economy) or "")
    solution = check(economy, oracle(economy), "general")
    certificate = certify(to_linear_program(economy), economy, solution, polish=False)
    assert certificate.verdict == "certified", certificate.reasons


def test_target_that_cannot_be_reached() -> None:
    """One good has no technique: a target that needs it gets nothing, the other all."""
    base = grid()
    outputs = base.outputs.toarray()
    outputs[1, [1, 41]] = 0.0
    outputs[2, [1, 41]] = 1.0
    inputs = base.inputs.toarray()
    inputs[1, :] = 0.0
    assortment = np.zeros((40, 2))
    assortment[3:20, 0] = 1.0
    assortment[1:3, 1] = 1.0
    economy = changed(base, inputs=inputs, outputs=outputs, assortment=assortment)
    assert "some activity makes" in (two_level.refusal(economy) or "")
    solution = check(economy, oracle(economy), "general")
    assert solution.x is not None
    assert solution.x[-1] == 0.0


def test_nothing_can_be_reached() -> None:
    base = grid()
    economy = changed(base, endowment=np.zeros(4))
    solution = solved(economy, "general")
    assert solution.claim == "optimal"
    assert solution.objective == 0.0
    certificate = certify(to_linear_program(economy), economy, solution, polish=False)
    assert certificate.lower_bound == 0.0
    assert certificate.raw_gap == 0.0


def test_unproductive_technique_is_not_used() -> None:
    """A good's only technique eats more of it than it makes: the target is out of reach."""
    inputs = np.array([[0.1, 0.0], [0.0, 1.5]])
    economy = make_economy(
        inputs=inputs,
        outputs=np.eye(2),
        resource_use=[[1.0, 1.0]],
        endowment=[10.0],
        assortment=np.array([[1.0, 0.0], [0.0, 1.0]]),
    )
    check(economy, oracle(economy), "general")


def test_unbounded_where_a_target_costs_nothing() -> None:
    economy = make_economy(
        inputs=np.zeros((2, 2)),
        outputs=np.eye(2),
        resource_use=[[0.0, 1.0]],
        endowment=[1.0],
        assortment=np.array([1.0, 0.0]),
    )
    solution = solved(economy)
    assert solution.claim == "unbounded"
    certificate = certify(to_linear_program(economy), economy, solution, polish=False)
    assert certificate.verdict == "certified"


@pytest.mark.parametrize(
    ("kind", "word"),
    [("joint", "each make one good"), ("capacities", "capacities"), ("stocks", "f = 0")],
)
def test_refuses_what_it_cannot_plan(kind: str, word: str) -> None:
    economies = (random_small(kind, seed) for seed in range(20))
    spec = find_solver("two-level").spec
    refused = 0
    for economy in economies:
        if two_level.refusal(economy) is None:
            continue
        with pytest.raises(SolverError, match=word):
            two_level.solve(economy, spec, SolveOptions())
        refused += 1
    assert refused >= 5


def test_refuses_a_general_linear_program() -> None:
    spec = find_solver("two-level").spec
    with pytest.raises(SolverError, match="economies"):
        two_level.solve(to_linear_program(grid()), spec, SolveOptions())


def test_time_limit_ends_planning_with_bounds() -> None:
    economy = grid()
    progress = two_level.plan(economy, PlanOptions(tolerance=1e-12, time_limit=1e-06))
    assert progress.ended == "time limit"
    assert progress.rounds <= 1


@pytest.mark.parametrize(
    "recipe",
    [
        "goods=3000,techniques=2,resources=5",
        "goods=2000,techniques=3,resources=8,targets=3,structure=sectors",
        "goods=100000,techniques=2,resources=5",
    ],
)
def test_planted_optimum(recipe: str) -> None:
    """At sizes no oracle reaches, the bracket must hold the optimum that was planted."""
    instance = load_instance(f"gen:{recipe},planted=true,closed=true")
    assert instance.economy is not None
    assert instance.optimum is not None
    check(instance.economy, instance.optimum)


def test_passes_do_not_grow_with_size() -> None:
    """Passes are counted, so the same everywhere: at ten times the size about as many."""
    counted = []
    for goods in (3_000, 30_000):
        economy = load_instance(f"gen:goods={goods},inputs=10,techniques=2,resources=5").economy
        assert economy is not None
        progress = two_level.plan(economy, PlanOptions(tolerance=GAP))
        assert progress.ended == "optimal"
        counted.append(progress.passes)
    assert counted[0] < 75
    assert counted[1] < 1.25 * counted[0]


@pytest.mark.parametrize("part", ["rents", "prices", "outputs", "requirements"])
def test_a_state_of_no_numbers_is_no_start(part: str) -> None:
    """NaN in an old plan spreads from good to good and ends in an error of some library."""
    economy = random_small("plain", 2)
    cold = two_level.plan(economy, PlanOptions(tolerance=GAP))
    state = cold.state
    spoilt = replace(state, **{part: np.full_like(getattr(state, part), np.nan)})
    warm = two_level.plan(economy, PlanOptions(tolerance=GAP), spoilt)
    assert warm.ended == "optimal"
    assert warm.lower <= cold.upper * (1 + 1e-12)
    assert cold.lower <= warm.upper * (1 + 1e-12)


def test_the_model_begins_from_what_is_needed_without_what_it_gives_up() -> None:
    """Needs of techniques given up, and of those left alone, would otherwise be planned for."""
    economy = load_instance("gen:goods=80,inputs=4,techniques=3,resources=4,seed=2").economy
    run = decomposition.start(economy, Meter(economy.nnz, None), None)
    answered = decomposition.solve_sectors(run, 1e-10)
    assert not isinstance(answered, str)
    needs, value = answered
    run.requirements[:] = np.multiply.outer(run.p, needs / float(run.sigma @ needs))
    run.sectors.solve_requirements(run.requirements, 1e-7, 200)
    sectors, margin = run.sectors, 0.02
    # What little is given up changes in turn is of second order.
    sectors.share[sectors.share < 0.2] *= 1e-3
    total = np.bincount(sectors.techniques.good, weights=sectors.share)
    sectors.share[:] /= total[sectors.techniques.good]

    def needed() -> np.ndarray:
        sectors.list_inputs()
        demand = np.asarray(economy.assortment @ run.z)
        assert decomposition._solve_outputs(run, demand, 1e-10)
        return decomposition._needs(run, sectors.levels(run.y))

    needs = needed()
    sectors.solve_requirements(run.requirements, 1e-7, 200)
    mark = choose_columns(sectors.techniques, sectors.costs, sectors.share, run.y, margin, margin)
    assert {OPEN, ALONE, GIVEN_UP} <= set(mark.tolist())
    columns, begun = decomposition._columns(run, mark, needs, value)
    assert columns is not None
    sectors.share[mark == GIVEN_UP] = 0.0
    sectors.share[mark == ALONE] = 1.0
    sectors.share[columns.technique] = columns.share[: columns.technique.size]
    truly = needed()
    assert np.abs(truly - needs).max() > 1e-3 * needs.max()
    assert np.abs(begun - truly).max() < 0.2 * np.abs(truly - needs).max()


def test_plans_that_lack_only_balance_are_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the last iteration is made for them, a fifth of the time at a million goods."""
    recipe = "gen:goods=400,techniques=2,resources=5"
    names = [f"{recipe},targets={1 + seed % 2},seed={seed}" for seed in range(8)]
    economies = [load_instance(name).economy for name in names]
    rounds = []
    for economy in economies:
        check(economy, oracle(economy))
        rounds.append(two_level.plan(economy, PlanOptions(tolerance=GAP)).rounds)
    monkeypatch.setattr(decomposition, "_correct", lambda run, master, needs, *_: needs)
    for seed, economy in enumerate(economies):
        result = two_level.plan(economy, PlanOptions(tolerance=GAP))
        assert result.ended == "optimal"
        assert rounds[seed] <= result.rounds
        rounds[seed] -= result.rounds
    assert sum(rounds) < 0


@pytest.mark.parametrize("fails", [False, True])
def test_a_correction_that_does_not_help_is_undone(
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Else the next model, or a mixture of whole plans, would be of a plan that nobody made."""
    economy = load_instance("gen:goods=400,techniques=2,resources=5,seed=1").economy
    run = decomposition.start(economy, Meter(economy.nnz, None), None)
    for _ in range(2):
        answered = decomposition.solve_sectors(run, 1e-8)
        assert not isinstance(answered, str)
        decomposition.choose_rents(run, *answered, 0.01)
    answered = decomposition.solve_sectors(run, 1e-8)
    assert not isinstance(answered, str)
    needs, share = answered[0], run.sectors.share.copy()
    master, plan, tries = run.master, decomposition._plan, []
    assert master is not None

    def planned(*arguments) -> np.ndarray | None:
        tries.append(run.sectors.share.copy())
        found = plan(*arguments)
        if fails and len(tries) == 1:
            run.y[:] = np.nan
            return None
        return found

    monkeypatch.setattr(decomposition, "_plan", planned)
    monkeypatch.setattr(MasterSolution, "corrected", lambda self, needs: np.roll(self.share, 1))
    corrected = decomposition._correct(run, master, needs, 1e-8)
    assert corrected is not None
    assert np.abs(tries[0] - share).max() > 0.5
    np.testing.assert_array_equal(run.sectors.share, share)
    np.testing.assert_allclose(corrected, needs, rtol=1e-6)
    made = decomposition._needs(run, run.sectors.levels(run.y))
    np.testing.assert_allclose(made, corrected, rtol=1e-12)
