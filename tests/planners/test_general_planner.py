"""``general``: right on every kind of economy, by itself where it can, handed over where not."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from support.economies import KINDS, random_small

from planbench.catalogue.resolve import load_instance
from planbench.certificates import certify
from planbench.certificates.check import certified_lower
from planbench.model import Economy, make_economy, to_linear_program
from planbench.model.arrays import FloatArray
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import find_solver

pytest.importorskip("numba")

from planbench.planners import branch_centre, centre_model, centre_rows, general, rounds, two_level
from planbench.planners.branch_centre import Chosen
from planbench.planners.branch_kernels import CLEARED, FREE
from planbench.planners.branches import sort_by_main_product
from planbench.planners.centre_rows import largest
from planbench.planners.course import Course, begin
from planbench.planners.follow import keep_techniques
from planbench.planners.mix import Candidate, best_mix
from planbench.planners.planner import Bracket, PlanOptions, Result
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


@pytest.mark.parametrize("kind", KINDS)
def test_what_large_models_do_holds_in_small_economies(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sparse rows, small entries left out, systems solved by conjugate gradients."""
    monkeypatch.setattr(centre_rows, "DENSE", 0)
    monkeypatch.setattr(branch_centre, "PACKED", 0)
    monkeypatch.setattr(branch_centre, "INEXACT", -1.0)
    monkeypatch.setattr(centre_model, "LARGE", -1)
    monkeypatch.setattr(centre_model, "NEAR_PRICES", np.inf)
    for seed in range(1000, 1012):
        economy = random_small(kind, seed)
        holds(general.plan(economy, PlanOptions(tolerance=GAP)), oracle(economy))


def test_a_model_that_runs_away_is_no_crash() -> None:
    """Some of its columns are beyond 1e300, and their weights 0."""
    economy = random_small("joint", 10088)
    holds(general.plan(economy, PlanOptions(tolerance=GAP)), oracle(economy))


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


def test_two_level_runs_where_every_activity_makes_one_good_without_limits() -> None:
    """The same passes, and the record says what ran; an old plan is a start as well."""
    economy = load_instance("gen:goods=400,techniques=2,resources=5,seed=4").economy
    own = two_level.plan(economy, PlanOptions(tolerance=GAP))
    result = general.plan(economy, PlanOptions(tolerance=GAP))
    assert result.passes == own.passes
    assert result.method == two_level.SPEC.method
    again = general.plan(economy, PlanOptions(tolerance=GAP), result.state)
    assert again.passes < result.passes
    limited = replace(economy, capacity=np.full(economy.n_activities, 2 * own.x.max()))
    with_limits = general.plan(limited, PlanOptions(tolerance=GAP), result.state)
    holds(with_limits, own.lower, GAP)
    assert general.METHOD in with_limits.method


def test_goods_are_not_carried_in_a_circle() -> None:
    """Many pairs of regions that carry goods both ways at nearly the same cost."""
    economy = load_instance("gen:goods=200,regions=10,byproducts=0.09,seed=1").economy
    result = general.plan(economy, PlanOptions(tolerance=1e-4))
    assert result.gap <= 1e-4
    assert not handed_over(result)


#: Economies, and passes within which they close: goods that only by-products and carrying supply,
#: and capital that all activities give back.
DATED_AND_PLACED = {
    "regions:us-bea-71,regions=12": 8000,
    "years:us-bea-71,years=5": 500,
    'years:"split:us-bea-71,goods=3000,seed=2",years=3': 2500,
}


@pytest.mark.parametrize("name", DATED_AND_PLACED)
def test_dated_and_placed_goods_of_real_tables_are_closed_by_the_rounds(name: str) -> None:
    economy = load_instance(name).economy
    result = general.plan(economy, PlanOptions(tolerance=1e-4))
    assert certified_lower(economy, result.x, result.z) == pytest.approx(result.lower, rel=1e-9)
    assert result.gap <= 1e-4
    assert not handed_over(result)
    assert result.passes < DATED_AND_PLACED[name]


def test_capital_that_all_give_back_is_nobodys_main_product() -> None:
    """Else the goods those activities are for get others as their makers, and none is made."""
    economy = load_instance('years:"split:us-bea-71,goods=1000,seed=1",years=3').economy
    branches = sort_by_main_product(economy, Meter(economy.nnz))
    assert economy.goods is not None
    capital = [at for at, name in enumerate(economy.goods) if name.startswith("stock of capital")]
    # It is built and kept, and what is there at the start has no maker.
    assert [np.count_nonzero(branches.good == at) for at in capital] == [0, 2, 2, 2]


def test_goods_carried_in_circles_are_found() -> None:
    """Scrap is only a by-product, so carrying it to a region is no way to have more of it."""
    economy = load_instance("regions:us-bea-15,regions=3").economy
    branches = sort_by_main_product(economy, Meter(economy.nnz))
    assert economy.goods is not None
    names = [economy.goods[at].rsplit(" ", 1)[0] for at in branches.circling.tolist()]
    assert names == ["Scrap, used and secondhand goods in region"] * 3
    course = begin(branches, Meter(economy.nnz), GAP, Bracket())
    assert (course.kinds[branches.circling] == CLEARED).all()
    assert (
        sort_by_main_product(
            load_instance("regions:us-bea-15,regions=1").economy, Meter(1)
        ).circling.size
        == 0
    )


def chain(size: int, closed: bool) -> Economy:
    """Each good is made of the one before it at little cost; the first of the last if `closed`."""
    made = np.arange(0 if closed else 1, size)
    return make_economy(
        inputs=sp.csc_array(
            (np.full(made.size, 0.9), ((made - 1) % size, made)), shape=(size, size)
        ),
        outputs=sp.eye_array(size, format="csc"),
        resource_use=np.full((1, size), 0.1),
        endowment=[1.0],
        assortment=np.append(np.zeros(size - 1), 1.0),
    )


def test_goods_that_start_somewhere_are_not_carried_in_circles() -> None:
    """However far it is to where they are made, which takes no time to find."""
    began = time.process_time()
    for closed, circling in ((True, 50_000), (False, 0)):
        economy = chain(50_000, closed)
        assert sort_by_main_product(economy, Meter(economy.nnz)).circling.size == circling
    assert time.process_time() - began < 3.0
    # Corn of which most is sown again is not carried.
    economy = replace(chain(1, False), inputs=sp.csc_array([[0.8]]), interior=None)
    assert not sort_by_main_product(economy, Meter(economy.nnz)).circling.size


def test_goods_that_were_not_carried_in_circles_before_are_cleared_again() -> None:
    """An old plan, here one of ``two-level``, does not know them."""
    economy = chain(3, closed=True)
    old = general.plan(economy, PlanOptions(tolerance=GAP))
    assert old.state.cleared.size == 0
    limited = replace(economy, capacity=np.full(3, 1e3))
    again = general.plan(limited, PlanOptions(tolerance=GAP), old.state)
    holds(again, oracle(limited))
    assert not handed_over(again)


def test_too_many_goods_in_circles_to_clear_are_planned_as_others() -> None:
    economy = chain(1000, closed=True)
    limited = replace(economy, capacity=np.full(1000, 1e3))
    result = general.plan(limited, PlanOptions(tolerance=GAP))
    holds(result, oracle(limited))
    assert not handed_over(result)


def test_price_adjustment_is_tried_first_where_many_capacities_bind() -> None:
    """At a wide tolerance only; what it did is in the record, whether it ends there or not."""
    name = "gen:goods=1000,byproducts=0.09,resources=20,capacities=0.1,seed=2"
    economy = load_instance(name).economy
    wide = general.plan(economy, PlanOptions(tolerance=1e-4))
    assert wide.gap <= 1e-4
    assert wide.iterations["adjustments"] > 0
    assert "Halpern" in wide.method
    narrow = general.plan(economy, PlanOptions(tolerance=GAP))
    assert narrow.gap <= GAP
    assert narrow.method.startswith(general.METHOD)


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


def test_activities_that_could_not_run_before_are_used_again() -> None:
    """They had no main product in the old plan: left out for good, the bracket would not close."""
    for kind in ("joint", "stocks", "demand"):
        economy = random_small(kind, 1)
        barred = np.random.default_rng(1).random(economy.n_activities) < 0.3
        capacity = np.where(barred, 0.0, economy.capacity)
        old = general.plan(replace(economy, capacity=capacity, interior=None))
        again = general.plan(economy, PlanOptions(tolerance=GAP), old.state)
        holds(again, oracle(economy))
        assert not handed_over(again)


def test_old_plan_of_another_method_is_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever made the old plan, ``two-level`` runs where it can, and from that plan."""
    from planbench.planners import rounds

    economy = load_instance("gen:goods=400,techniques=2,resources=5,seed=4").economy
    cold = general.plan(economy, PlanOptions(tolerance=GAP))
    limited = replace(economy, capacity=np.full(economy.n_activities, 1.01 * cold.x.max()))
    optimum = oracle(economy)
    for most in (rounds.MOST_ROUNDS, 1):
        monkeypatch.setattr(rounds, "MOST_ROUNDS", most)
        old = general.plan(limited, PlanOptions(tolerance=GAP))
        assert handed_over(old) == (most == 1)
        again = general.plan(economy, PlanOptions(tolerance=GAP), old.state)
        holds(again, optimum, GAP)
        assert again.method == two_level.SPEC.method
        assert again.passes < cold.passes


def test_rounds_are_counted_once_from_an_old_plan() -> None:
    economy = random_small("joint", 1)
    lines: list[str] = []
    old = general.plan(economy, PlanOptions(tolerance=GAP))
    again = general.plan(economy, PlanOptions(tolerance=GAP, report=lines.append), old.state)
    assert again.rounds == len(lines)


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


def test_infeasible_economy_is_proven_after_rounds_without_a_plan() -> None:
    """From prices out of all proportion price adjustment would never find the proof."""
    inf = np.inf
    economy = make_economy(
        inputs=[
            [0.17, 0.29, 0.19, 0, 0, 0, 0, 0, 0.024],
            [0, 0, 0, 0.15, 0.056, 0, 0, 0, 0.091],
            [0, 0, 0, 0.025, 0, 0.0009, 0.28, 0, 0],
            [0, 0, 0.098, 0.28, 0.059, 0, 0, 0, 0.15],
        ],
        outputs=[
            [0, 1, 0, 1, 0, 0, 0, 0, 0],
            [1, 0, 1, 0, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 1, 1, 0, 1],
            [0, 0, 0, 0, 1, 0, 0, 1, 0],
        ],
        resource_use=[
            [0, 0.63, 0, 0.21, 0, 0, 0, 0.21, 0],
            [0, 0, 0.41, 0, 0.4, 0, 0, 0.6, 0.52],
            [0.46, 0, 0.88, 0.84, 0.94, 0.87, 0.48, 0, 0.78],
        ],
        endowment=[0.54, 0.31, 0.0],
        capacity=[inf, inf, inf, 0.48, 0.063, inf, inf, 1.3, 0.68],
        assortment=[[0, 0.077, 0.73], [0.89, 0.77, 0.9], [0.45, 0.51, 0], [1.3, 0.57, 0.5]],
        fixed_demand=[0.012, -0.43, 0.59, 0.0035],
    )
    assert general.plan(economy, PlanOptions(time_limit=20.0)).ended == "infeasible"


def test_an_unbounded_bracket_is_as_wide_as_none() -> None:
    """An infinite bound would make its gap no number, which no comparison ends on."""
    bracket = Bracket()
    bracket.add_plan(0.0, (np.zeros(1), np.zeros(1)))
    bracket.add_prices(np.inf, None)
    assert bracket.gap == 1.0


@pytest.mark.parametrize(
    "name",
    [
        "split:us-bea-15,goods=100,seed=1",
        "gen:goods=100,byproducts=0.1,capacities=0.2",
        "gen:goods=6000,byproducts=0.2,techniques=2,resources=40,seed=1",
        "gen:goods=60,techniques=2,resources=300,resources_per_activity=3,seed=1",
    ],
)
def test_nothing_is_compiled_while_planning(name: str) -> None:
    """What is compiled then would be counted as planning."""
    from planbench.planners import branch_kernels, kernels, restricted_master

    def counts() -> dict[str, int]:
        found = [vars(part).items() for part in (branch_kernels, kernels, restricted_master)]
        every = [item for part in found for item in part]
        return {key: len(made.signatures) for key, made in every if hasattr(made, "signatures")}

    economy = load_instance(name).economy
    assert general.PLANNER.compile is not None
    general.PLANNER.compile()
    before = counts()
    general.plan(economy)
    assert counts() == before


def test_goods_outside_the_model_keep_their_techniques(monkeypatch: pytest.MonkeyPatch) -> None:
    """If all of them changed technique at once, goods whose makers are full would be short."""
    monkeypatch.setattr(centre_model, "FEW", 0)
    monkeypatch.setattr(centre_model, "NEAR", 0.0)
    monkeypatch.setattr(centre_model, "MISSED", np.inf)
    economy = load_instance("gen:goods=300,techniques=3,resources=3,byproducts=0.1,seed=4").economy
    meter = Meter(economy.nnz, None)
    course = begin(sort_by_main_product(economy, meter), meter, 1e-6, Bracket())
    kept = 0
    for number in range(3):
        assert rounds.price_goods(course)
        good = course.branches.good
        if number:
            outside = ~course.supply.given & (course.y > 0) & (course.kinds == FREE)
            before = course.x / np.maximum(course.branches.by_good(course.x), 1e-300)[good]
            keep_techniques(course)
            some = (outside & course.supply.given)[good]
            np.testing.assert_allclose(course.supply.share[some], before[some])
            kept += np.count_nonzero(some)
        assert rounds.plan_outputs(course)
        used, flow = rounds.row_balances(course)
        assert rounds.choose_anew(course, used, flow)
        course.round += 1
    assert kept


CHOICE = "split:us-bea-71,goods=300,techniques=2,alternatives=tradeoffs,scarcity=0.1,seed=1"


def test_requirements_are_finer_in_the_round_in_which_progress_is_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A round later costs a round, which takes seconds with many cleared goods."""
    seen, after = [], []

    def update(course: Course, used: FloatArray) -> None:
        seen.append(course.finer)
        centre_rows.update_requirements(course, used)
        course.before = 0.0  # the next round is no progress

    def solve(course: Course, *rest: Any) -> Chosen | None:
        after.append(course.finer)
        return centre_model.solve_model(course, *rest)

    monkeypatch.setattr(rounds, "update_requirements", update)
    monkeypatch.setattr(rounds, "solve_model", solve)
    general.plan(load_instance(CHOICE).economy, PlanOptions(tolerance=GAP))
    assert seen == after
    assert seen[1] > seen[0]


def test_series_of_requirements_is_what_goods_require_in_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is summed in shares of costs; scaled back wrongly, the model would misjudge every row."""
    monkeypatch.setattr(centre_rows, "DENSE", 0)
    monkeypatch.setattr(centre_rows, "DROPPED", 0.0)
    monkeypatch.setattr(centre_rows, "TERMS", 200)
    economy = load_instance("years:us-bea-71,years=2").economy
    meter = Meter(economy.nnz)
    b = sort_by_main_product(economy, meter)
    course = begin(b, meter, GAP, Bracket())
    for _ in range(2):
        assert rounds.price_goods(course)
        assert rounds.plan_outputs(course)
        assert rounds.choose_anew(course, *rounds.row_balances(course))
        course.round += 1
    assert course.in_cleared is not None
    n, weight = economy.n_goods, course.marginal
    made = np.flatnonzero((weight > 0) & (course.kinds[b.good] != CLEARED))
    by = sp.csr_array((weight[made], (b.good[made], made)), shape=(n, weight.size))
    use = sp.csr_array(
        (b.net.amount, b.net.good.astype(np.int64), b.net.ptr), shape=(weight.size, n)
    )
    units = np.zeros((n, course.cleared.size))
    units[course.cleared, np.arange(course.cleared.size)] = 1.0
    whole = np.linalg.solve(np.eye(n) - (by @ use).toarray(), units)
    assert np.ptp(course.p[course.cleared]) > 0.1
    np.testing.assert_allclose(course.in_cleared.toarray(), whole, rtol=1e-4, atol=1e-6)


def test_model_that_always_changes_the_plan_much_is_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proximal terms may be next to nothing, and stay so however often they are made larger."""
    monkeypatch.setattr(centre_model, "MOST_CHANGE", -1.0)
    monkeypatch.setattr(centre_model, "TIGHTER", 1.0)
    economy = load_instance("gen:goods=300,techniques=3,resources=3,byproducts=0.1,seed=4").economy
    assert general.plan(economy, PlanOptions(tolerance=1e-6)).gap <= 1e-6


def test_what_one_plan_is_short_of_another_has_left() -> None:
    """A tight plan that lacks a trace is as good as none; with others it is one."""
    economy = make_economy(
        inputs=np.zeros((2, 2)),
        outputs=np.eye(2),
        resource_use=[[1.0, 1.0]],
        endowment=[10.0],
        assortment=[[1.0], [1.0]],
    )
    one, other = np.array([4.99, 5.0]), np.array([5.0, 4.98])
    plans = [Candidate.of(economy, (x, np.array([4.995]))) for x in (one, other)]
    assert best_mix(economy, plans[:1]) is None
    assert best_mix(economy, plans) is None
    plans.append(Candidate.of(economy, (np.array([4.0, 4.0]), np.array([3.9]))))
    mixed = best_mix(economy, plans)
    assert mixed is not None
    lower = certified_lower(economy, *mixed)
    assert lower is not None
    # Of the last plan as little as possible: x₁ ≥ z holds with equality.
    assert 4.95 < lower < 4.995
    # What overflowed is no part of a mix.
    wild = np.array([np.inf, 5.0]), np.array([4.0])
    with np.errstate(invalid="ignore"):
        plans.append(Candidate.of(economy, wild))
    mixed = best_mix(economy, plans)
    assert mixed is not None
    assert certified_lower(economy, *mixed) == lower
    assert best_mix(economy, plans[3:]) is None


def test_only_what_adds_up_to_little_is_left_out() -> None:
    """A good is left to its own price only where all such together matter less than the gap."""
    values = np.array([3.0, 0.0, 1.0, 0.5, 2.0])
    np.testing.assert_array_equal(largest(values, 1.5), [True, False, False, False, True])
    np.testing.assert_array_equal(largest(values, 0.0), values > 0)
