"""Answers made to slip through: each of these once passed, or ended in an exception."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.answers import Reply, reference
from support.economies import KINDS, random_small

from planbench.certificates import Opinion, certify, certify_plan, check, consensus, prepare, repair
from planbench.certificates.certificate import relative_gap
from planbench.certificates.interior import interior_of
from planbench.model import Plan, make_economy, make_linear_program, to_linear_program

INF = np.inf


def _certify(problem, **answer):
    """Certificate of a general LP for an answer given as lists."""
    arrays = {k: np.array(v, dtype=float) if isinstance(v, list) else v for k, v in answer.items()}
    return certify(make_linear_program(**problem), None, Reply(**arrays))


def test_huge_flows_that_cancel_do_not_excuse_a_violation():
    """Min x₁ with x₁ + x₂ − x₃ ≥ 5, x₂ ≤ x₃ is 5; large x₂ = x₃ made 5 look like rounding."""
    problem = {
        "matrix": [[1, 1, -1], [0, 1, -1]],
        "cost": [1, 0, 0],
        "row_lower": [5, -INF],
        "row_upper": [INF, 0],
    }
    certificate = _certify(problem, x=[0, 1e10, 1e10], y=[0, 0], objective=0.0)
    assert certificate.verdict != "certified"
    assert certificate.upper_bound is not None
    assert certificate.upper_bound >= 5


def test_the_far_side_of_a_range_does_not_excuse_a_violation():
    """Min x with 5 ≤ x ≤ 10¹⁵ is 5; the 10¹⁵ must not set the scale of the 5."""
    problem = {"matrix": [[1]], "cost": [1], "row_lower": [5], "row_upper": [1e15]}
    certificate = _certify(problem, x=[0], y=[0], objective=0.0)
    assert certificate.verdict != "certified"
    assert certificate.upper_bound is not None
    assert certificate.upper_bound >= 5


def test_huge_duals_that_cancel_do_not_excuse_a_dual_violation():
    """An unbounded program whose one equation occurs twice: y₁ = −y₂ = 10¹⁰ hid c = 1."""
    problem = {
        "matrix": [[1, 1], [1, 1]],
        "cost": [1, 0],
        "row_lower": [5, 5],
        "row_upper": [5, 5],
        "col_lower": [-INF, -INF],
    }
    certificate = _certify(problem, x=[0, 5], y=[1e10, -1e10], objective=0.0)
    assert certificate.verdict == "unproven"


def test_small_units_do_not_make_every_answer_pass():
    """With costs of 10⁻⁹, or bounds, any residual is below an absolute 10⁻⁷."""
    unbounded = {
        "matrix": [[1, 1]],
        "cost": [-1e-9, -2e-9],
        "row_lower": [-INF],
        "row_upper": [1],
        "col_lower": [-INF, -INF],
    }
    assert _certify(unbounded, x=[0, 0], y=[0], objective=0.0).verdict == "unproven"
    little = {"matrix": [[1]], "cost": [1], "row_lower": [1e-10], "row_upper": [INF]}
    assert _certify(little, x=[0], y=[0], objective=0.0).verdict == "loose"
    assert _certify(little, x=[1e-10], y=[1], objective=1e-10).verdict == "certified"
    assert _certify(little, x=[1e-10], y=[1], objective=2e-10).verdict == "wrong"


def test_units_that_multiply_to_nothing_raise_nothing():
    """1e-200 · 1e-200 is 0 in floating point."""
    tiny = {"matrix": [[1]], "cost": [1e-200], "row_lower": [1e-200], "row_upper": [INF]}
    assert _certify(tiny, x=[1e-200], y=[1e-200], objective=0.0).verdict != "wrong"


def test_a_small_gap_does_not_make_up_for_slack_that_is_paid_for():
    """Either the gap or complementarity alone can be made to vanish."""
    problem = {
        "matrix": [[1, 0], [0, 1]],
        "cost": [1, 1],
        "row_lower": [1, -INF],
        "row_upper": [INF, 0],
        "col_lower": [-INF, -INF],
    }
    certificate = _certify(problem, x=[2, -1], y=[1, 1], objective=1.0)
    assert certificate.residuals is not None
    assert certificate.residuals.gap == 0
    assert certificate.verdict == "unproven"


def test_a_false_objective_does_not_pass_under_another_claim():
    """Only "optimal" used to be compared with what is known."""
    economy = random_small("plain", 2)
    lp = to_linear_program(economy)
    reply = reference(lp)
    for claim in ("feasible", "unknown", "anything"):
        honest = replace(reply, claim=claim)
        assert certify(lp, economy, honest).verdict == "certified"
        assert certify(lp, economy, replace(honest, objective=1e9)).verdict == "wrong"


def test_a_ray_lost_in_underflow_proves_nothing():
    """10⁻³ · 10⁻³²² is 0 in floating point, but x = 10³²² is a feasible point."""
    problem = {
        "matrix": [[1e-322], [0]],
        "cost": [0],
        "row_lower": [1, 0],
        "row_upper": [INF, INF],
    }
    certificate = _certify(problem, claim="infeasible", dual_ray=[1e-3, 1])
    assert certificate.verdict == "unproven"


def test_a_ray_that_leans_out_by_a_little_proves_nothing():
    """Max x₁ with x₁ ≤ 1 + (1 − 10⁻¹⁰)x₂, x₂ ≤ 1 + x₁ is 2·10¹⁰, not infinite."""
    problem = {
        "matrix": [[1, -(1 - 1e-10)], [-1, 1]],
        "cost": [1, 0],
        "row_lower": [-INF, -INF],
        "row_upper": [1, 1],
        "maximise": True,
    }
    certificate = _certify(problem, claim="unbounded", x=[0, 0], primal_ray=[1, 1])
    assert certificate.verdict == "unproven"


def test_numbers_at_the_edge_of_double_precision_raise_nothing():
    """Warnings are errors here: an overflow on the way must end in "no bound"."""
    for size in (1e-320, 1e-140, 1e-50, 1e50, 1e140, 1.7e308):
        lp = make_linear_program(
            matrix=[[size, 1.0], [-size, size]],
            cost=[1.0, -1.0],
            row_lower=[-size, -INF],
            row_upper=[size, 1e308],
            col_lower=[-size, -1e308],
            col_upper=[size, 1e308],
            offset=1e308,
        )
        economy = make_economy(
            inputs=[[0.0, size], [0.1, 0.0]],
            outputs=[[size, 0.0], [0.0, size]],
            resource_use=[[1.0, size]],
            endowment=[size],
            assortment=[1.0, 1.0],
            fixed_demand=[-size, 0.0],
            capacity=[INF, 1e308],
        )
        planning = to_linear_program(economy)
        for value in (0.0, 1e-300, 1.0, 1e140, 1.7e308, INF, np.nan):
            for claim in ("optimal", "infeasible", "unbounded"):
                two, three = np.full(2, value), np.array([-value, -value, value])
                reply = Reply(claim, two, -two, value, primal_ray=two, dual_ray=two)
                found = [certify(lp, None, reply)]
                reply = Reply(claim, np.full(3, value), three, value, three, three)
                found.append(certify(planning, economy, reply))
                for certificate in found:
                    bounds = (certificate.lower_bound, certificate.upper_bound)
                    assert all(b is None or np.isfinite(b) for b in bounds)


@pytest.mark.parametrize(
    "junk",
    [
        [1.0, 2.0],
        "twelve",
        np.array(3.0),
        np.ones((3, 1)),
        np.array([None, None, None]),
        np.array([1j, 2.0, 3.0]),
        np.array([True, False, True]),
        np.zeros(0),
        [[1.0], [2.0, 3.0]],
        {"x": 1},
    ],
    ids=str,
)
def test_what_is_no_vector_raises_nothing(junk):
    """A third-party adapter may hand back anything at all."""
    economy = make_economy(
        inputs=[[0.0]],
        outputs=[[1.0]],
        resource_use=[[1.0], [1.0]],
        endowment=[1.0, 1.0],
        assortment=[1.0],
    )
    lp = to_linear_program(economy)
    for claim in ("optimal", "infeasible", "unbounded", "feasible"):
        reply = Reply(claim, junk, junk, junk, junk, junk)
        for certificate in (certify(lp, None, reply), certify(lp, economy, reply)):
            assert certificate.verdict != "certified"
    assert certify_plan(economy, Plan(junk, junk, junk, junk)).verdict != "certified"


def test_integers_and_views_count_like_any_numbers():
    """An answer need not be contiguous float64 to be right."""
    economy = make_economy(
        inputs=[[0.0]], outputs=[[2.0]], resource_use=[[1.0]], endowment=[3.0], assortment=[1.0]
    )
    lp = to_linear_program(economy)
    reply = Reply(x=np.array([3, 6]), y=np.array([-1, 2]), objective=6)
    assert certify(lp, economy, reply).verdict == "certified"
    strided = replace(reply, x=np.array([3.0, 9.0, 6.0])[::2], y=np.array([-1.0, 0, 2.0])[::2])
    assert certify(lp, economy, strided).verdict == "certified"
    assert certify(lp, economy, replace(reply, x=[3, 6], y=[-1, 2])).verdict == "certified"


def test_consensus_knows_which_bound_stands_for_a_point():
    """A dual bound of a minimisation does not show that a plan is possible."""
    bound = Opinion("a", "optimal", None, 1.0, None)
    honest = Opinion("b", "infeasible", None, None, None)
    assert not consensus([bound, honest]).disagreeing
    assert not consensus([bound, honest], maximise=False).disagreeing
    assert consensus([bound, honest], maximise=True).disagreeing
    point = Opinion("a", "feasible", None, None, 1.0)
    endless = Opinion("b", "unbounded", None, None, None)
    assert not consensus([point, endless]).disagreeing
    assert not consensus([point, endless], maximise=False).disagreeing
    assert consensus([point, endless], maximise=True).disagreeing
    either = Opinion("c", "infeasible-or-unbounded", None, None, None)
    assert consensus([bound, point, either]).disagreeing


def test_a_gap_is_finite():
    """JSON holds no infinity."""
    assert relative_gap(-1.5e308, 1.5e308) == 2.0


@pytest.mark.parametrize("kind", KINDS)
def test_repair_costs_four_matrix_passes_and_never_more_than_six(kind, monkeypatch):
    """At 10⁶ goods each pass counts; checking every candidate took eight."""
    passes = []
    for module in (check, repair):
        for name in ("plan_slack", "price_surplus"):
            original = getattr(module, name)

            def counting(*arguments, original=original):
                passes.append(1)
                return original(*arguments)

            monkeypatch.setattr(module, name, counting)
    counts = []
    for seed in range(3):
        economy = random_small(kind, seed)
        lp = to_linear_program(economy)
        prepare(lp, economy)
        reply = reference(lp)
        rng = np.random.default_rng(seed)
        for size in (0.0, 1e-12, 1e-8, 1e-3, 1.0, 1e3):
            x = reply.x * (1 + size * rng.standard_normal(reply.x.size))
            y = reply.y * (1 + size * rng.standard_normal(reply.y.size))
            passes.clear()
            certify(lp, economy, replace(reply, x=x, y=y), polish=False)
            counts.append(len(passes))
    assert max(counts) <= 6
    assert np.median(counts) <= 4


def test_an_interior_that_takes_too_long_is_not_tried_again(monkeypatch):
    """Each share tried costs up to twenty seconds."""
    import scipy.optimize

    calls = []

    def out_of_time(*arguments, **options):
        calls.append(1)
        return scipy.optimize.OptimizeResult(x=None, status=1)

    monkeypatch.setattr(scipy.optimize, "linprog", out_of_time)
    interior_of(random_small("joint", 0))
    assert len(calls) <= 3
