"""Verdicts, rays, consensus and polish: what the numbers around the bracket say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.answers import Reply, reference
from support.economies import KINDS, random_general, random_small

from planbench.certificates import Opinion, certify, certify_plan, consensus
from planbench.certificates.interior import are_interior_prices, interior_of, is_safe_plan
from planbench.certificates.repair import SWEEPS
from planbench.model import make_economy, make_linear_program, plan_from_lp, to_linear_program


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_an_interior_and_survives_noise(kind):
    """Exact answers with 1e-8 relative noise must keep a useful raw gap on every kind."""
    for seed in range(10):
        economy = random_small(kind, seed)
        interior = interior_of(economy)
        assert interior is not None
        assert are_interior_prices(economy, interior.goods_prices, interior.resource_prices)
        assert interior.activities is not None
        assert is_safe_plan(economy, interior.activities)
        lp = to_linear_program(economy)
        reply = reference(lp)
        rng = np.random.default_rng(seed)
        noisy = replace(
            reply,
            x=reply.x * (1 + 1e-8 * rng.standard_normal(reply.x.size)),
            y=reply.y * (1 + 1e-8 * rng.standard_normal(reply.y.size)),
        )
        certificate = certify(lp, economy, noisy, polish=False)
        assert certificate.raw_gap is not None
        assert certificate.raw_gap < 1e-4, (kind, seed, certificate)


def test_free_circular_trade_has_no_interior_prices_and_says_so():
    """Two goods that turn into each other for nothing leave no room for interior prices."""
    economy = make_economy(
        inputs=[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        outputs=[[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]],
        resource_use=[[0.0, 0.0, 1.0]],
        endowment=[4.0],
        assortment=[0.0, 1.0],
    )
    interior = interior_of(economy)
    assert interior is None or not are_interior_prices(
        economy, interior.goods_prices, interior.resource_prices
    )
    lp = to_linear_program(economy)
    exact = certify(lp, economy, reference(lp))
    assert exact.lower_bound == pytest.approx(4.0)


def test_polish_narrows_a_loose_answer_and_is_shown_apart():
    """Polish may do a solver's work, so it must never count as the raw gap."""
    economy = random_small("plain", 1)
    lp = to_linear_program(economy)
    reply = reference(lp)
    junk = Reply(
        claim="unknown",
        x=np.zeros(lp.n_cols),
        y=np.concatenate([np.zeros(economy.n_goods), 1.0 / economy.endowment]),
    )
    certificate = certify(lp, economy, junk)
    assert certificate.raw_gap is not None
    assert certificate.polished_gap is not None
    assert certificate.polished_gap < 0.5 * certificate.raw_gap
    assert certificate.verdict == "loose"
    assert certificate.lower_bound <= reply.objective * (1 + 1e-9)
    assert certificate.upper_bound >= reply.objective * (1 - 1e-9)
    assert certify(lp, economy, junk, polish=False).polished_gap is None
    assert SWEEPS == 40


def test_one_resource_is_closed_by_polish_from_any_rent():
    """The non-substitution theorem: with one resource the rents' scale is all there is."""
    economy = make_economy(
        inputs=[[0.1, 0.2, 0.3], [0.3, 0.1, 0.0]],
        outputs=[[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]],
        resource_use=[[0.5, 0.2, 0.3]],
        endowment=[3.0],
        assortment=[1.0, 2.0],
    )
    lp = to_linear_program(economy)
    junk = Reply(claim="unknown", x=np.zeros(lp.n_cols), y=np.array([0.0, 0.0, 1.0]))
    certificate = certify(lp, economy, junk)
    assert certificate.polished_gap is not None
    assert certificate.polished_gap < 1e-9
    assert certificate.lower_bound == pytest.approx(reference(lp).objective, rel=1e-8)


def test_a_plan_alone_can_be_judged():
    """`verify` hands over a plan made by anyone, with or without prices."""
    economy = random_small("joint", 2)
    lp = to_linear_program(economy)
    reply = reference(lp)
    plan = plan_from_lp(economy, reply.x, reply.y)
    assert plan is not None
    assert certify_plan(economy, plan).verdict == "certified"
    without = replace(plan, p=None, w=None)
    certificate = certify_plan(economy, without)
    assert certificate.verdict == "unproven"
    assert certificate.lower_bound == pytest.approx(reply.objective, rel=1e-8)
    assert certificate.upper_bound is None
    # Feasible but poor is loose; to promise what is not made is wrong.
    poor = replace(plan, x=plan.x * 0.9, z=plan.z * 0.9)
    assert certify_plan(economy, poor).verdict == "loose"
    assert certify_plan(economy, replace(plan, x=plan.x * 0.9)).verdict == "wrong"
    # The bound that prices lack here may come from elsewhere.
    bound = certify_plan(economy, plan).upper_bound
    known = certify_plan(economy, without, known=(None, bound))
    assert (known.verdict, known.plan_verdict, known.prices_verdict) == (
        "certified",
        "certified",
        None,
    )
    only_prices = replace(plan, x=None, z=None)
    known = certify_plan(economy, only_prices, known=(certificate.lower_bound, None))
    assert (known.verdict, known.plan_verdict, known.prices_verdict) == (
        "certified",
        None,
        "certified",
    )


def test_claims_of_infeasible_and_unbounded_need_proof():
    """A solver that gives up must not count as one that proved something."""
    infeasible = make_linear_program(
        matrix=[[1.0, 1.0], [1.0, 1.0]],
        cost=[1.0, 1.0],
        row_lower=[3.0, -np.inf],
        row_upper=[np.inf, 1.0],
    )
    claim = Reply(claim="infeasible")
    assert certify(infeasible, None, claim).verdict == "unproven"
    for ray in ([1.0, -1.0], [-1.0, 1.0]):
        proof = certify(infeasible, None, replace(claim, dual_ray=np.array(ray)))
        assert proof.verdict == "certified"
        assert proof.kind == "exact"
    junk = certify(infeasible, None, replace(claim, dual_ray=np.array([0.0, 1.0])))
    assert junk.verdict == "unproven"

    feasible = make_linear_program(
        matrix=[[1.0, 1.0], [1.0, 1.0]],
        cost=[1.0, 1.0],
        row_lower=[1.0, -np.inf],
        row_upper=[np.inf, 3.0],
    )
    rng = np.random.default_rng(5)
    for _ in range(50):
        ray = rng.normal(size=2)
        assert certify(feasible, None, replace(claim, dual_ray=ray)).verdict == "unproven"

    unbounded = make_linear_program(
        matrix=[[1.0, -1.0]],
        cost=[1.0, 0.0],
        row_lower=[-np.inf],
        row_upper=[1.0],
        maximise=True,
    )
    claim = Reply(claim="unbounded")
    assert certify(unbounded, None, claim).verdict == "unproven"
    proof = replace(claim, x=np.zeros(2), primal_ray=np.ones(2))
    assert certify(unbounded, None, proof).verdict == "certified"
    for bad in (-np.ones(2), np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.full(2, np.nan)):
        assert certify(unbounded, None, replace(proof, primal_ray=bad)).verdict == "unproven"
    outside = replace(proof, x=np.array([5.0, 0.0]))
    assert certify(unbounded, None, outside).verdict == "unproven"


def test_crossing_bounds_are_infeasible_without_a_ray():
    """Some solvers say so before they start and have no ray to give."""
    lp = make_linear_program(
        matrix=[[1.0]], cost=[1.0], row_lower=[2.0], row_upper=[1.0], name="crossed"
    )
    assert certify(lp, None, Reply(claim="infeasible")).verdict == "certified"


def test_an_economy_known_to_be_feasible_and_bounded_contradicts_such_claims():
    """GLOP and others call an unbounded program infeasible; the economy knows better."""
    economy = random_small("plain", 0)
    lp = to_linear_program(economy)
    for claim in ("infeasible", "unbounded", "infeasible-or-unbounded"):
        assert certify(lp, economy, Reply(claim=claim)).verdict == "wrong", claim


def test_wrong_claims_are_wrong_and_loose_ones_loose():
    """Status alone must never decide."""
    economy = random_small("stocks", 4)
    lp = to_linear_program(economy)
    reply = reference(lp)
    assert certify(lp, economy, replace(reply, objective=reply.objective * 1.01)).verdict == "wrong"
    assert certify(lp, economy, replace(reply, objective=float("nan"))).verdict == "wrong"
    nothing = Reply(claim="unknown")
    assert certify(lp, economy, nothing).verdict == "unproven"
    half = replace(reply, claim="feasible", x=0.5 * reply.x, objective=None)
    assert certify(lp, economy, half).verdict in ("loose", "unproven")


def test_a_small_objective_cannot_hide_a_lie():
    """With a tolerance of 1e-6 absolute, an optimum of 1e-9 could be claimed as anything."""
    economy = make_economy(
        inputs=[[0.0]], outputs=[[1.0]], resource_use=[[1.0]], endowment=[1e-9], assortment=[1.0]
    )
    lp = to_linear_program(economy)
    x = np.array([1e-9, 1e-9])
    y = np.array([-1.0, 1.0])
    assert certify(lp, economy, Reply(x=x, y=y, objective=1e-9)).verdict == "certified"
    assert certify(lp, economy, Reply(x=x, y=y, objective=2e-9)).verdict == "wrong"


def test_consensus_catches_the_liar_and_reports_its_own_bugs():
    """One solver that claims a value no bracket allows must stand out."""
    honest = [
        Opinion("a", "optimal", 10.0, 9.999999, 10.000001),
        Opinion("b", "optimal", 10.0000005, 9.9, 10.0000009),
    ]
    fine = consensus(honest)
    assert not fine.disagreeing
    assert not fine.empty
    assert (fine.lower_bound, fine.upper_bound) == (9.999999, 10.0000009)
    liar = Opinion("liar", "optimal", 10.1, 9.0, 11.0)
    assert [name for name, _ in consensus([*honest, liar]).disagreeing] == ["liar"]
    loose = replace(liar, objective=10.001, tolerance=1e-3)
    assert not consensus([*honest, loose]).disagreeing
    denier = Opinion("denier", "infeasible", None, None, None)
    assert [name for name, _ in consensus([*honest, denier]).disagreeing] == ["denier"]
    assert consensus([*honest, Opinion("bug", "optimal", 20.0, 19.0, 21.0)]).empty
    assert consensus([]).lower_bound is None


def test_free_variables_are_no_hindrance_to_a_bracket():
    """The equations leave rounding in the reduced costs of free columns: once no bound at all."""
    lp = make_linear_program(
        matrix=[[1.0, 1.0], [1.0, -1.0]],
        cost=[0.0, 1.0],
        row_lower=[2.0, 0.3],
        row_upper=[2.0, 0.3],
        col_lower=[-np.inf, -np.inf],
    )
    y = np.array([0.5, -0.5])
    x = np.array([1.15, 0.85])
    certificate = certify(lp, None, Reply(x=x, y=y * (1 + 1e-12), objective=0.85))
    assert certificate.verdict == "certified"
    assert certificate.kind == "exact"
    assert certificate.raw_gap is not None
    assert certificate.raw_gap < 1e-12


def test_data_unsafe_to_compute_with_leave_no_proof_and_that_is_said():
    lp = make_linear_program(
        matrix=[[1e60]], cost=[1.0], row_lower=[1e60], row_upper=[np.inf], col_lower=[-np.inf]
    )
    x, y = np.array([1.0]), np.array([1e-60])
    certificate = certify(lp, None, Reply(x=x, y=y, objective=1.0))
    assert certificate.kind == "residual-only"
    assert certificate.raw_gap is None
    assert certificate.upper_bound is None
    assert certificate.estimate == 1.0
    assert certificate.reasons
    assert certify(lp, None, Reply(x=x, y=y * 1.001, objective=1.0)).verdict == "unproven"


def test_general_programs_without_a_bracket_are_unproven_and_say_what_fits():
    """Residuals that vanish are no proof: this program has no feasible point at all."""
    lp = make_linear_program(
        matrix=[[1.0, 1.0], [1.0, 1.0]],
        cost=[1.0, 1.0],
        row_lower=[2.0, 2.0 + 1e-12],
        row_upper=[2.0, 2.0 + 1e-12],
        col_lower=[-np.inf, -np.inf],
    )
    y = np.array([0.5, 0.5])
    noisy = Reply(x=np.ones(2), y=y * (1 + 1e-12), objective=2.0)
    certificate = certify(lp, None, noisy)
    assert certificate.verdict == "unproven"
    assert certificate.kind == "residual-only"
    assert certificate.raw_gap is None
    assert "nothing wrong was found" in certificate.reasons[-1]
    bad = certify(lp, None, replace(noisy, y=y * 1.001))
    assert bad.verdict == "unproven"
    assert "nothing wrong" not in bad.reasons[-1]


def test_general_brackets_close_on_exact_answers():
    """An LP with bounds on all columns gets a finite bracket from an exact solver."""
    closed = 0
    for seed in range(40):
        lp = random_general(seed)
        reply = reference(lp)
        if reply.claim != "optimal":
            continue
        certificate = certify(lp, None, reply)
        assert certificate.kind == "exact"
        assert certificate.verdict == "certified", certificate
        closed += 1
    assert closed > 20


def test_a_loose_answer_that_says_so_is_loose_and_not_wrong():
    """A solver told to stop at 1e-2 may claim an objective 1e-3 outside the bracket."""
    lp = make_linear_program(
        matrix=[[1.0]], cost=[1.0], row_lower=[-np.inf], row_upper=[4.0], maximise=True
    )
    answer = Reply("optimal", np.array([3.9]), np.array([1.0]), 3.897)
    strict = certify(lp, None, answer)
    told = certify(lp, None, answer, claim_tolerance=1e-2)
    assert (strict.verdict, told.verdict) == ("wrong", "loose")
    assert told.raw_gap == strict.raw_gap == pytest.approx(0.1 / 4)
    lying = certify(lp, None, replace(answer, objective=3.0), claim_tolerance=1e-2)
    assert lying.verdict == "wrong"


def test_prices_are_scaled_where_the_bound_is_lowest():
    """Valuing a target that capacities limit anyway would cost more than what it brings."""
    # Target a is limited to 1 by a capacity; raising its price raises the rent of labour.
    economy = make_economy(
        inputs=np.zeros((2, 2)),
        outputs=np.eye(2),
        resource_use=[[1.0, 1.0]],
        endowment=[100.0],
        capacity=[1.0, np.inf],
        assortment=np.eye(2),
        weights=[5.0, 1.0],
    )
    lp = to_linear_program(economy)
    exact = reference(lp)
    assert exact.objective == pytest.approx(104.0)
    # Rents that are right for b; a is undervalued by 4 and falls short by 4·z̄ = 4.
    flat = replace(exact, y=np.array([-1.0, -1.0, 1.0]))
    certificate = certify(lp, economy, flat, polish=False)
    assert certificate.upper_bound == pytest.approx(104.0, rel=1e-9)
    halved = replace(exact, y=np.array([-3.0, -1.0, 1.0]))
    assert certify(lp, economy, halved, polish=False).upper_bound == pytest.approx(104.0, rel=1e-9)
