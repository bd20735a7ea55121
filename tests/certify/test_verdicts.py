"""Verdicts look at the answer itself: violations, promises, optima of zero, proofs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.answers import Reply, reference
from support.economies import KINDS, random_small

from planbench.certificates import Opinion, certify, consensus
from planbench.certificates.verdict import claim_outside, claim_scale, closing_scale
from planbench.model import make_economy, make_linear_program, to_linear_program

INF = np.inf


def _economy():
    """Two techniques for one good, the second idle, and labour for five units."""
    return make_economy(
        inputs=[[0.0, 0.0]],
        outputs=[[1.0, 1.0]],
        resource_use=[[1.0, 3.0]],
        endowment=[5.0],
        assortment=[1.0],
    )


def _right(lp):
    return Reply(x=np.array([5.0, 0.0, 5.0]), y=np.array([-1.0, 1.0]), objective=5.0)


def test_each_part_of_an_answer_has_its_own_verdict():
    """A right plan with wrong prices is a right plan, and the other way round."""
    economy = _economy()
    lp = to_linear_program(economy)
    right = _right(lp)
    cases = {
        "right": (right, ("certified", "certified", "certified", "certified")),
        "idle activity at -1000": (
            replace(right, x=np.array([5.0, -1000.0, 5.0])),
            ("loose", "loose", "certified", "certified"),
        ),
        "too much promised": (
            replace(right, x=np.array([5.0, 0.0, 1e6]), objective=1e6),
            ("wrong", "loose", "certified", "wrong"),
        ),
        "half of it": (
            replace(right, x=np.array([2.5, 0.0, 2.5]), objective=2.5),
            # A bracket of 2.5 to 5 does not refute it.
            ("loose", "loose", "loose", "loose"),
        ),
        "half of it, and it says so": (
            replace(right, claim="feasible", x=np.array([2.5, 0.0, 2.5]), objective=2.5),
            ("loose", "loose", "loose", "loose"),
        ),
        "prices too low": (
            replace(right, y=np.array([-1.0, 0.9])),
            ("loose", "certified", "loose", "certified"),
        ),
        "no prices": (
            replace(right, y=None),
            ("certified", "certified", None, "certified"),
        ),
        "claim moved": (
            replace(right, objective=5.001),
            ("wrong", "certified", "certified", "wrong"),
        ),
    }
    for what, (reply, expected) in cases.items():
        found = certify(lp, economy, reply, polish=False)
        got = (found.verdict, found.plan_verdict, found.prices_verdict, found.claim_verdict)
        if what == "no prices":
            # A solver's answer is only whole with prices: its bracket must come from itself.
            assert got == ("unproven", "unproven", None, "unproven"), found
            known = certify(lp, economy, reply, polish=False, known=(None, 5.0))
            assert known.verdict == "loose"
            assert known.plan_verdict == "certified"
        else:
            assert got == expected, (what, found)


def test_reasons_name_the_violation_and_what_the_bracket_is_of():
    """A raw gap of 3e-14 alone would look like a riddle beside "loose"."""
    economy = _economy()
    lp = to_linear_program(economy)
    bad = replace(_right(lp), x=np.array([5.0, -1000.0, 5.0]))
    (why,) = certify(lp, economy, bad, polish=False).reasons
    # The idle activity, undone, would leave 1000 of the good and 3000 hours.
    assert why.startswith("the plan's own violation is 1e+03 (")
    assert why.endswith("the bracket is that of the repaired plan")


@pytest.mark.parametrize("kind", KINDS)
def test_polish_never_decides(kind):
    """Polish alone may close a bracket; the verdict must be the same without it."""
    for seed in range(3):
        economy = random_small(kind, seed)
        lp = to_linear_program(economy)
        right = reference(lp)
        for x, y in (
            (right.x, right.y),
            (0 * right.x, right.y),
            (right.x, 0.5 * right.y),
            (0.9 * right.x, 1.1 * right.y),
        ):
            reply = replace(right, claim="feasible", x=x, y=y, objective=None)
            with_it = certify(lp, economy, reply, polish=True)
            without = certify(lp, economy, reply, polish=False)
            parts = ("verdict", "prices_verdict", "plan_verdict")
            if with_it.verdict != "certified":
                # The best bound of the other side may be a polished one: parts can gain from it.
                parts = ("verdict",)
            for part in parts:
                assert getattr(with_it, part) == getattr(without, part), (kind, seed)


def test_verdicts_do_not_depend_on_units():
    """Dollars or thousands of dollars, hours or minutes of an activity: the same verdicts."""
    for kind in KINDS:
        economy = random_small(kind, 3)
        lp = to_linear_program(economy)
        right = reference(lp)
        rng = np.random.default_rng(4)
        m, n = economy.n_activities, economy.n_goods
        # Far from the line, as the repaired answers differ in their last digits.
        for size in (1e-9, 1e-3):
            x = right.x * (1 + size * rng.standard_normal(right.x.size))
            y = right.y * (1 + size * rng.standard_normal(right.y.size))
            said = set()
            for unit in (1.0, 2.0**10, 2.0**20):
                counted = make_economy(
                    inputs=economy.inputs * unit,
                    outputs=economy.outputs * unit,
                    resource_use=economy.resource_use * unit,
                    endowment=economy.endowment * unit,
                    capacity=economy.capacity,
                    assortment=economy.assortment * unit,
                    fixed_demand=economy.fixed_demand * unit,
                    weights=economy.weights,
                )
                reply = Reply(x=x, y=y / unit, objective=float(economy.weights @ x[m:]))
                found = certify(to_linear_program(counted), counted, reply, polish=False)
                said.add((found.plan_verdict, found.prices_verdict, found.claim_verdict))
            assert len(said) == 1, (kind, size, said)
        assert n


def test_an_optimum_of_zero_is_judged_by_what_flows_through_it():
    """The right answer's rounding, -2.8e-14, was "wrong" beside an optimum of 0."""
    lp = make_linear_program(
        matrix=[[1.0, -1.0], [1.0, 0.0]],
        cost=[300.0, -300.0],
        row_lower=[0.0, 0.0],
        row_upper=[0.0, 10.0],
        col_upper=[20.0, 20.0],
    )
    x, y = np.array([10.0, 10.0]), np.array([300.0, 0.0])
    for claimed in (0.0, -2.8e-14, 5e-13, 1e-10):
        found = certify(lp, None, Reply(x=x, y=y, objective=claimed))
        assert found.verdict in ("certified", "unproven"), found
        assert found.claim_verdict != "wrong"
        assert found.scale is not None
        assert found.scale >= 1.0
    lie = certify(lp, None, Reply(x=x, y=y, objective=1.0))
    assert lie.verdict == "wrong"
    honest = Opinion("a", "optimal", -2.8e-14, -1e-15, 1e-15, scale=3000.0)
    exact = Opinion("b", "optimal", 0.0, -1e-16, 1e-16, scale=3000.0)
    assert not consensus([honest, exact]).disagreeing
    liar = replace(honest, solver="c", objective=0.1)
    assert [s for s, _ in consensus([honest, exact, liar]).disagreeing] == ["c"]


def test_an_answer_right_to_its_tolerance_is_not_wrong_where_nothing_flows():
    """First-order solvers end near x = 0 with an objective of 4e-8: no flow would excuse it."""
    lp = make_linear_program(
        matrix=[[1.0, 1.0], [1.0, -1.0]],
        cost=[5.0, 1.0],
        row_lower=[0.0, 0.0],
        row_upper=[0.0, 0.0],
        col_lower=[-9.0, -9.0],
        col_upper=[9.0, 9.0],
    )
    near = Reply(x=np.array([8e-9, 4e-9]), y=np.array([3.0, 2.0]), objective=4.4e-8)
    assert certify(lp, None, near).claim_verdict != "wrong"
    economy = make_economy(
        inputs=[[0.0]], outputs=[[1.0]], resource_use=[[1.0]], endowment=[0.0], assortment=[1.0]
    )
    reply = Reply(x=np.array([4e-8, 4e-8]), y=np.array([-1.0, 1.0]), objective=4e-8)
    found = certify(to_linear_program(economy), economy, reply)
    assert (found.lower_bound, found.upper_bound) == (0.0, 0.0)
    assert found.verdict != "wrong", found


def test_scales_of_objectives():
    """An answer's flows count up to a limit, and an optimum counts whole."""
    lp = make_linear_program(matrix=[[1.0]], cost=[2.0], row_lower=[0.0], row_upper=[5.0])
    assert claim_scale(lp, 0.0, 0.0, 0.0) == 1.0
    assert claim_scale(lp, 50.0, 0.0, 0.0) == 50.0
    assert claim_scale(lp, 0.0, 0.0, 0.0, price=7.0) == 7.0
    assert claim_scale(lp, 1e12, 0.0, 3.0) == pytest.approx(500.0)
    assert claim_scale(lp, INF, -7.0, None) == 7.0
    assert closing_scale(lp, 400.0, -3.0, 2.0) == 3.0
    assert closing_scale(lp, 150.0, 0.0, None) == pytest.approx(0.15)
    assert closing_scale(lp, 0.0, 0.0, 0.0) == 1e-9
    assert claim_outside(1.0, 0.0, 0.5, 0.6) is None
    assert claim_outside(1.0, 0.0, 0.5, 0.4) is not None
    assert claim_outside(INF, None, None, 1.0) is not None


def test_a_proof_of_infeasibility_outweighs_a_nearly_feasible_point():
    """Netlib's cplex2 is infeasible by less than tolerances: one ray proved it."""
    lp = make_linear_program(
        matrix=[[1.0, 1.0], [1.0, 1.0]],
        cost=[1.0, 1.0],
        row_lower=[1.0 + 1e-10, -INF],
        row_upper=[INF, 1.0],
        col_upper=[1.0, 1.0],
    )
    proof = certify(lp, None, Reply(claim="infeasible", dual_ray=np.array([1.0, -1.0])))
    assert (proof.verdict, proof.kind) == ("certified", "exact")
    point = Reply(x=np.array([0.5, 0.5]), y=np.array([1.0, 0.0]), objective=1.0)
    found = certify(lp, None, point)
    assert found.verdict != "wrong"
    assert found.residuals is not None
    violation = found.residuals.primal_scaled
    assert 0 < violation < 1e-9
    prover = Opinion("simplex", "infeasible", None, None, None, proof=True)
    near = [
        Opinion(f"s{k}", "optimal", 1.0, None, None, scale=1.0, violation=violation)
        for k in range(4)
    ]
    joint = consensus([prover, *near])
    assert not joint.disagreeing
    assert not joint.empty
    assert [name for name, _ in joint.remarks] == ["s0", "s1", "s2", "s3"]
    far = replace(near[0], solver="far", violation=1e-2)
    assert [name for name, _ in consensus([prover, far]).disagreeing] == ["far"]
    # Who says "infeasible" without a proof is not blamed either.
    unproven = replace(prover, solver="other", proof=False)
    assert not consensus([prover, unproven, *near]).disagreeing
    # A proof on both sides is a contradiction in planbench itself.
    proven = Opinion("p", "optimal", 1.0, 1.0, 1.0)
    assert consensus([prover, proven]).empty


def test_an_estimate_makes_nobody_wrong():
    """Bounds that are missing do not become bounds in the consensus."""
    only_upper = Opinion("a", "optimal", 5.0, None, 6.0)
    assert not consensus([only_upper, Opinion("b", "optimal", 1.0, None, None)]).disagreeing


def test_a_claim_under_any_name_does_not_loosen_the_rules():
    """A solver's claim is text from outside: none may be judged as a plan handed in is."""
    economy = _economy()
    lp = to_linear_program(economy)
    for claim in ("delivers", "plan", "stopped", ""):
        reply = replace(_right(lp), claim=claim, y=None)
        assert certify(lp, economy, reply, known=(None, 5.0)).verdict != "certified"


@pytest.mark.parametrize("times", [5.0, 500.0])
def test_a_small_capacity_in_a_large_economy_is_not_exceeded_unseen(times: float) -> None:
    """Five times a small capacity moves no balance by a millionth; it is a violation still."""
    outputs = np.eye(3, 4)
    outputs[0, 3] = 1e-3
    economy = make_economy(
        inputs=np.hstack([0.3 * np.roll(np.eye(3), 1, axis=0), np.zeros((3, 1))]),
        outputs=outputs,
        resource_use=np.array([[1.0, 1.0, 1.0, 1e-4]]),
        endowment=np.array([1e6]),
        capacity=np.array([np.inf, np.inf, np.inf, 1.0]),
        assortment=np.ones((3, 1)),
        fixed_demand=np.zeros(3),
        weights=np.ones(1),
    )
    lp = to_linear_program(economy)
    right = reference(lp)
    x = right.x.copy()
    x[3] = times
    assert certify(lp, economy, right).verdict == "certified"
    assert certify(lp, economy, replace(right, x=x)).plan_verdict == "loose"
