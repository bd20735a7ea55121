"""Economies at the edge: barely productive, free, barred; the independent bracket must close."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.full import FULL

from planbench.certificates import certify
from planbench.certificates.certificate import Certificate
from planbench.model import Economy, make_economy, to_linear_program
from planbench.solvers.base import Solution, SolveOptions
from planbench.solvers.registry import find_solver, load_adapter

pytest.importorskip("numba")

from planbench.planners import restricted_master, two_level
from planbench.planners.decomposition import factorise, solve_sectors, start
from planbench.planners.planner import PlanOptions
from planbench.planners.sectors import LARGEST, PolicyIteration, Sectors, can_factorise
from planbench.planners.techniques import Meter, list_techniques

SEEDS = 100 if FULL else 6
GAP = 1e-6
BOTH = pytest.mark.parametrize("name", ["two-level", "value-iteration"])


def planned(name: str, economy: Economy) -> tuple[Solution, Certificate]:
    spec = find_solver(name).spec
    solution = load_adapter(spec)(economy, spec, SolveOptions(tolerance=GAP, time_limit=20.0))
    return solution, certify(to_linear_program(economy), economy, solution, polish=False)


def closed(name: str, economy: Economy, *, stalled: bool = False) -> Solution:
    """Plan, and assert that the independent bracket closes, or all but closes and it says so."""
    solution, certificate = planned(name, economy)
    assert certificate.raw_gap is not None, (economy.name, certificate.reasons)
    if stalled and "stalled" in solution.native_status:
        assert solution.claim == "feasible", (economy.name, solution.native_status)
        assert certificate.raw_gap <= 10 * GAP, (economy.name, certificate.raw_gap)
        return solution
    assert solution.claim == "optimal", (economy.name, solution.native_status)
    assert certificate.raw_gap <= 1.01 * GAP, (economy.name, certificate.raw_gap)
    return solution


def edge(kind: str, resources: int, seed: int) -> Economy:
    """Random economy of 1 to 25 goods.

    barely: a unit of every good eats goods worth 1 − 1e-5 to 1 − 1e-2 of it. ring: each good is
    made of the next alone, likewise. free: some activities use no resource. barred: there is
    none of most resources.
    """
    rng = np.random.default_rng([seed, resources, len(kind)])
    n, each = int(rng.integers(1, 26)), int(rng.integers(1, 5))
    m = n * each
    good = np.arange(m) % n
    used = (rng.random((n, m)) < min(1.0, 4.0 / n)) * rng.lognormal(0.0, 1.0, (n, m))
    total = rng.uniform(0.1, 0.9, m)
    if kind == "ring":
        used = np.zeros((n, m))
        used[(good + 1) % n, np.arange(m)] = 1.0
    if kind in ("barely", "ring"):
        total = 1.0 - 10.0 ** rng.uniform(-5.0, -2.0) * rng.uniform(0.5, 1.5, m)
    inputs = used * (total / np.maximum(used.sum(axis=0), 1e-9))
    outputs = np.zeros((n, m))
    outputs[good, np.arange(m)] = 1.0
    use = rng.uniform(0.05, 1.0, (resources, m)) * (rng.random((resources, m)) < 0.5)
    use[rng.integers(0, resources, m), np.arange(m)] += 0.1
    endowment = rng.uniform(1.0, 5.0, resources)
    if kind == "free":
        use *= rng.random(m) < 0.6
    if kind == "barred":
        endowment *= rng.random(resources) < 0.3
    demand = rng.random(n) * (rng.random(n) < 0.6)
    demand[rng.integers(n)] += 0.5
    unit = 10.0 ** rng.uniform(-4.0, 4.0, n)
    return make_economy(
        inputs=inputs * unit[:, None],
        outputs=outputs * unit[:, None],
        resource_use=use,
        endowment=endowment,
        assortment=demand * unit,
        name=f"{kind}-{resources}-{seed}",
    )


@pytest.mark.parametrize("kind", ["barely", "ring"])
@pytest.mark.parametrize("resources", [1, 5])
def test_barely_productive(kind: str, resources: int) -> None:
    """Sweeps leave all but a millionth of the error: planning would stall without a plan."""
    for seed in range(SEEDS):
        economy = edge(kind, resources, seed)
        # Of hundreds, rounding leaves a few at a gap of a few millionths.
        closed("two-level", economy, stalled=seed >= 6)
        if resources == 1:
            closed("value-iteration", economy, stalled=seed >= 6)


@pytest.mark.parametrize(("kind", "seed"), [("barely", 8), ("ring", 9)])
def test_outputs_that_do_not_converge_are_solved_for(kind: str, seed: int) -> None:
    """Prices may converge by sweeps where outputs do not: that must not end the planning."""
    closed("two-level", edge(kind, 5, seed))


def test_the_search_for_techniques_ends_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Factors of thousands of goods take seconds: dozens more must not follow when time is up."""
    economy = make_economy(
        inputs=[[0.0, 1e9], [1e9, 0.0]],
        outputs=np.eye(2),
        resource_use=[[1.0, 1.0]],
        endowment=[1.0],
        assortment=[1.0, 1.0],
    )
    sectors = sectors_of(economy)
    sectors.meter.limit = 0.0
    direct = PolicyIteration(sectors)
    factorise, calls = direct._factorise, []

    def counted(*arguments: Any) -> Any:
        calls.append(1)
        return factorise(*arguments)

    monkeypatch.setattr(direct, "_factorise", counted)
    assert not direct.solve_prices(np.ones(2))
    assert len(calls) <= 2


def test_what_ran_is_told_of_a_plan_that_is_gone_on_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """``general`` goes on where ``two-level`` stalls: the record names what that did, all of it."""
    from planbench.planners import decomposition, general

    monkeypatch.setattr(decomposition, "MOST_ROUNDS", 2)
    monkeypatch.setattr(decomposition, "FAILURES", -1)
    result = general.plan(edge("ring", 5, 9), PlanOptions(tolerance=GAP, time_limit=20.0))
    assert general.METHOD in result.method
    assert decomposition.FACTORISED in result.method
    assert decomposition.MIXED in result.method


def test_time_may_run_out_between_factorisations() -> None:
    """Rounds that are solved for have no bound before the first of their own."""
    economy = edge("ring", 5, 9)
    meter = Meter(economy.nnz)
    rounds = start(economy, meter, None)
    assert factorise(rounds)
    meter.limit = 0.0
    assert solve_sectors(rounds, 1e-3) == "time limit"


def test_free() -> None:
    """No interior prices repair these: those handed over must hold beyond rounding."""
    certified = 0
    for seed in range(3 * SEEDS):
        solution, certificate = planned("two-level", edge("free", 8, seed))
        assert certificate.verdict == "certified", (seed, certificate.reasons)
        certified += solution.claim == "optimal"
    assert certified > SEEDS


def test_barred() -> None:
    """Most resources are missing, so nothing can be made: ``general`` proves that."""
    for seed in range(SEEDS):
        economy = edge("barred", 8, seed)
        assert two_level.refusal(economy) is not None
        solution, certificate = planned("general", economy)
        assert solution.claim == "optimal", seed
        assert certificate.raw_gap is not None, (seed, certificate.reasons)
        assert certificate.raw_gap <= GAP


@BOTH
@pytest.mark.parametrize("use", [0.0, 1.0])
def test_nothing_is_claimed_that_prices_do_not_prove(name: str, use: float) -> None:
    """A good that is made of just as much of itself: no price leaves a margin for rounding."""
    economy = make_economy(
        inputs=[[1.0]],
        outputs=[[1.0]],
        resource_use=[[use]],
        endowment=[1.0],
        assortment=[1.0],
    )
    solution, certificate = planned(name, economy)
    assert solution.claim != "optimal" or certificate.raw_gap == 0


@BOTH
def test_the_closed_form_of_a_single_good(name: str) -> None:
    """One good that eats all but a millionth of itself: z = r (1 − a)/R."""
    left = 2.0**-20
    economy = make_economy(
        inputs=[[1.0 - left]],
        outputs=[[1.0]],
        resource_use=[[0.5]],
        endowment=[3.0],
        assortment=[1.0],
    )
    solution = closed(name, economy)
    assert solution.objective == pytest.approx(6.0 * left, rel=1e-6)
    # What ran besides sweeps must be told.
    assert "policy iteration" in solution.method_run


def test_one_resource_that_counts_is_enough_to_decide_by_itself() -> None:
    """One that nobody uses must not leave techniques mixed, which nothing would end."""
    for seed in range(6):
        one = edge("usual", 1, seed)
        two = make_economy(
            inputs=one.inputs.toarray(),
            outputs=one.outputs.toarray(),
            resource_use=np.vstack([one.resource_use.toarray(), np.zeros(one.n_activities)]),
            endowment=[float(one.endowment[0]), 1.0],
            assortment=one.assortment.toarray(),
            name=one.name,
        )
        closed("two-level", two)


def sectors_of(economy: Economy) -> Sectors:
    scale = 1.0 / economy.endowment
    sectors = Sectors(economy, list_techniques(economy), scale, Meter(economy.nnz))
    sectors.charge_rents(scale)
    return sectors


def test_nothing_productive_gives_no_prices() -> None:
    """Every technique eats more than it makes: there is no choice to be found."""
    economy = make_economy(
        inputs=[[0.0, 2.0], [2.0, 0.0]],
        outputs=np.eye(2),
        resource_use=[[1.0, 1.0]],
        endowment=[1.0],
        assortment=[1.0, 1.0],
    )
    sectors = sectors_of(economy)
    p = np.ones(2)
    assert not PolicyIteration(sectors).solve_prices(p)


def test_prices_that_rise_without_end_are_no_warning() -> None:
    """Their value may be more than a number can hold: planning goes on to find that out."""
    economy = make_economy(
        inputs=[[0.5]], outputs=[[1.0]], resource_use=[[1.0]], endowment=[1.0], assortment=[1.0]
    )
    p = np.array([1e308])
    sectors_of(economy).solve_prices(p, np.array([1e3]), 1e-6)
    assert 0 < p[0] < 1e308


def test_many_goods_are_not_factorised() -> None:
    """Factors of a large network fill up: planning must not try."""
    n = LARGEST + 1
    tiny = sectors_of(
        make_economy(
            inputs=np.zeros((1, 1)), outputs=[[1.0]], resource_use=[[1.0]],
            endowment=[1.0], assortment=[1.0],
        )
    )  # fmt: skip
    assert can_factorise(tiny)
    import scipy.sparse as sp

    large = make_economy(
        inputs=sp.csc_array((n, n)),
        outputs=sp.eye_array(n, format="csc"),
        resource_use=np.ones((1, n)),
        endowment=[1.0],
        assortment=np.ones(n),
    )
    assert not can_factorise(sectors_of(large))


def test_the_mix_of_plans_is_the_same_in_any_unit() -> None:
    """Needs of a unit of the plan may be 1e-12 of the endowments: no tolerance may hide them."""
    needs = np.array([[1.0, 3.0, 2.0], [4.0, 1.0, 2.0]])
    weights, sigma, needed = restricted_master.mix_plans(needs * 1e-12)
    assert weights == pytest.approx([0.6, 0.4])
    assert needed == pytest.approx(2.2e-12)
    assert needs @ sigma == pytest.approx([2.2, 2.2])


def test_costs_of_next_to_nothing_do_not_overflow() -> None:
    """A cost of 1e-300 changes by any factor: its relative change must stay a number."""
    shift = restricted_master.largest_shift(np.array([0.1, -0.1]), np.array([1e-300, 0.0]))
    assert shift == restricted_master.MOST_SHIFT
