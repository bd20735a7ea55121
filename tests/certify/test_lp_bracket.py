"""Brackets of general LPs against exact rational optima: proven, or not there."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from support.answers import Reply, reference
from support.economies import random_small
from support.exact_lp import exact_optimum
from support.full import full_param
from support.general_lps import GENERAL_KINDS, random_lp

from planbench.certificates import certify
from planbench.certificates import lp_bracket as lp_bracket_module
from planbench.certificates.check import residuals
from planbench.certificates.enclosure import (
    Proposal,
    Region,
    correction,
    enclose,
    enclose_exact,
    primal_region,
)
from planbench.certificates.lp_bracket import lp_bracket
from planbench.certificates.rays import proves_infeasible, proves_unbounded
from planbench.model import make_linear_program, to_linear_program
from planbench.model.linear_program import LinearProgram

INF = np.inf
#: Relative widths of answers' noise: an exact solver's, and worse ones.
NOISE = (0.0, 1e-12, 1e-9, 1e-6, 1e-3)


def _bracket(lp, x, y):
    x = None if x is None else np.asarray(x, dtype=np.float64)
    y = None if y is None else np.asarray(y, dtype=np.float64)
    return lp_bracket(lp, x, y, None if x is None else residuals(lp, x, y))


def _holds(lp, bracket, optimum) -> bool:
    """Whether nothing that `bracket` says is false; bounds of an LP without optimum are."""
    primal, dual = (bracket.lower, bracket.upper) if lp.maximise else (bracket.upper, bracket.lower)
    if optimum == "infeasible":
        return primal is None
    if optimum == "unbounded":
        return dual is None
    above = bracket.upper is None or Fraction(bracket.upper) >= optimum
    return above and (bracket.lower is None or Fraction(bracket.lower) <= optimum)


def _narrow(lp, bracket, reply) -> bool:
    if bracket.lower is None or bracket.upper is None:
        return False
    scale = max(abs(bracket.lower), abs(bracket.upper), float(np.abs(lp.cost) @ np.abs(reply.x)))
    return bracket.upper - bracket.lower <= 1e-6 * scale


#: Least shares of right answers with a bracket of at most 1e-6, where it is not 1.
SHARES = {"decimals": 0.95, "ill-conditioned": 0.85}
SEEDS = (range(24), full_param(range(24, 150)))


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("kind", GENERAL_KINDS)
def test_no_bracket_is_false_and_right_answers_get_one(kind, seeds):
    """A bound that holds "to a tolerance" excludes the optimum as soon as duals are large."""
    right = narrow = 0
    for seed in seeds:
        lp = random_lp(kind, seed)
        optimum = exact_optimum(lp)
        reply = _try(lp)
        rng = np.random.default_rng(seed)
        for noise in NOISE:
            x = reply.x + noise * rng.standard_normal(lp.n_cols) * (1 + np.abs(reply.x))
            y = reply.y + noise * rng.standard_normal(lp.n_rows) * (1 + np.abs(reply.y))
            bracket = _bracket(lp, x, y)
            assert _holds(lp, bracket, optimum), (lp.name, noise, bracket, optimum)
            if noise == 0 and _right(lp, reply, optimum):
                right += 1
                narrow += _narrow(lp, bracket, reply)
    if kind not in ("unbounded", "infeasible by a hair"):
        assert right > 0
        assert narrow >= SHARES.get(kind, 1.0) * right, (narrow, right)


def test_brackets_do_not_depend_on_threads_that_ran_before():
    """Scipy's HiGHS takes as many as there are cores, and the bracket's was refused one."""
    import highspy

    highs = highspy.Highs()
    highspy.Highs.resetGlobalScheduler(True)
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 2)
    highs.passModel(*to_linear_program(random_small("plain", 1)).for_highs())
    assert highs.run().name == "kOk"
    lp = random_lp("decimals", 0)
    assert lp_bracket_module._solve(lp, time.perf_counter() + 20.0) is not None


def _right(lp, reply, optimum) -> bool:
    """Whether the reference solver found the optimum; it drops coefficients of 1e-9."""
    if reply.claim != "optimal" or isinstance(optimum, str):
        return False
    size = max(abs(reply.objective), float(np.abs(lp.cost) @ np.abs(reply.x)))
    return abs(reply.objective - float(optimum)) <= 1e-7 * size


def _try(lp: LinearProgram) -> Reply:
    """Answer of the reference solver, or of no use."""
    nothing = Reply("unknown", np.zeros(lp.n_cols), np.zeros(lp.n_rows), 0.0)
    try:
        reply = reference(lp)
    except AssertionError:  # a status of HiGHS that is no answer
        return nothing
    return reply if reply.x is not None else nothing


def test_the_oracle_agrees_with_hand_worked_programs():
    """An oracle that is wrong could make any bracket look right."""
    base = {"matrix": [[1, 1], [1, -1]], "row_lower": [4, 1], "row_upper": [INF, 1]}
    assert exact_optimum(make_linear_program(cost=[2, 3], **base)) == Fraction(19, 2)
    assert exact_optimum(
        make_linear_program(cost=[-2, -3], maximise=True, offset=1.0, **base)
    ) == Fraction(-17, 2)
    thirds = make_linear_program(
        matrix=[[3]], cost=[1], row_lower=[1], row_upper=[1], col_lower=[-INF]
    )
    assert exact_optimum(thirds) == Fraction(1, 3)
    assert exact_optimum(make_linear_program(cost=[-2, -3], **base)) == "unbounded"
    low = make_linear_program(matrix=[[1]], cost=[1], row_lower=[-INF], row_upper=[-(2.0**-40)])
    assert exact_optimum(low) == "infeasible"


def _tiny_cost() -> LinearProgram:
    """Free columns with costs of 1e-8: min y + 1e-8 (x1 + x2), x1 + x2 ≥ −1e9, y ≥ 1, so −9."""
    return make_linear_program(
        matrix=[[0, 1, 1], [1, 0, 0]],
        cost=[1, 1e-8, 1e-8],
        row_lower=[-1e9, 1],
        row_upper=[INF, INF],
        col_lower=[0, -INF, -INF],
    )


def test_free_columns_with_tiny_costs_are_not_taken_for_free_of_cost():
    """CBC takes costs of 1e-8 for 0 and claims 1; its point's residuals looked like rounding."""
    lp = _tiny_cost()
    claims_one = Reply("optimal", np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0]), 1.0)
    assert certify(lp, None, claims_one).verdict != "certified"
    assert _holds(lp, _bracket(lp, claims_one.x, claims_one.y), exact_optimum(lp))
    bracket = _bracket(lp, [1, -1e9, 0], [1e-8, 1])
    assert bracket.lower == pytest.approx(-9, rel=1e-12)
    assert bracket.upper == pytest.approx(-9, rel=1e-12)
    right = Reply("optimal", np.array([1.0, -1e9, 0.0]), np.array([1e-8, 1.0]), -9.0)
    assert certify(lp, None, right).verdict == "certified"


def test_a_violation_times_a_large_dual_does_not_move_the_bracket():
    """1e-9 of a scale of 200, times a dual of 3e5: "at most 0.9406", where the optimum is 1."""
    lp = make_linear_program(
        matrix=[[1, 1, -1]],
        cost=[3e5, 0, 0],
        offset=-299999.0,
        row_lower=[1],
        row_upper=[INF],
        col_lower=[0, 200, 200],
        col_upper=[INF, 200, 200],
    )
    bracket = _bracket(lp, [0.999999802, 200, 200], [299999.94059999])
    assert bracket.lower is not None
    assert bracket.upper is not None
    assert bracket.lower < 1 <= bracket.upper
    right = _bracket(lp, [1, 200, 200], [3e5])
    assert right.lower <= 1 <= right.upper
    assert right.upper - right.lower < 1e-6


def _small_mip_relaxed() -> LinearProgram:
    """CPLEX's well-known small example, without integrality."""
    return make_linear_program(
        matrix=[
            [3, 1, 0, -2, -1, 0, 0, -1],
            [0, 2, 1.1, 0, 0, 0, 0, 0],
            [0, 0, 1, 0, 0, 1, 0, 0],
            [0, 0, 0, 2.8, 0, 0, -1.2, 0],
            [5.6, 0, 0, 0, 1, 0, 0, 1.9],
        ],
        cost=[1, 0, 0, 0, 2, 0, 0, -1],
        row_lower=[2.5, -INF, 4, 1.8, 3],
        row_upper=[INF, 2.1, 4, 5, 15],
        col_lower=[2.5, 0, 0, 0, 0.5, 0, 0, 0],
        col_upper=[INF, 4.1, INF, INF, 4, INF, INF, 4.3],
    )


@pytest.mark.parametrize("noise", [0.0, 3e-9, 1e-7, 1e-5])
def test_answers_that_are_a_little_off_exclude_nothing(noise):
    """Two solvers' bounds excluded the optimum by 3e-9, and planbench was blamed for it."""
    lp = _small_mip_relaxed()
    optimum, reply = exact_optimum(lp), reference(lp)
    rng = np.random.default_rng(1)
    for _ in range(10):
        x = reply.x + noise * rng.standard_normal(8)
        y = reply.y + noise * rng.standard_normal(5)
        bracket = _bracket(lp, x, y)
        assert bracket.lower is not None
        assert bracket.upper is not None
        assert Fraction(bracket.lower) <= optimum <= Fraction(bracket.upper)
        assert bracket.upper - bracket.lower <= 1e3 * max(noise, 1e-15)


def test_what_is_only_nearly_feasible_is_an_estimate():
    """Rounded data can leave no feasible point at all; then no objective of one is a bound."""
    hair = 2.0**-40
    lp = make_linear_program(
        matrix=[[1, 1], [1, 1]],
        cost=[1, 2],
        row_lower=[1 + hair, -INF],
        row_upper=[INF, 1],
    )
    assert exact_optimum(lp) == "infeasible"
    answer = Reply("optimal", np.array([1.0, 0.0]), np.array([1.0, 0.0]), 1.0)
    certificate = certify(lp, None, answer)
    assert certificate.upper_bound is None
    assert certificate.estimate == 1.0
    assert certificate.kind == "residual-only"
    assert "no feasible point is proven near the plan handed back" in certificate.reasons
    far = certify(lp, None, replace(answer, x=np.array([0.5, 0.0])))
    assert far.estimate is None


def test_hostile_answers_get_no_false_bracket():
    """Whatever is handed over, the checker must not be talked into anything."""
    for kind in ("free", "redundant", "implied", "network"):
        for seed in range(4):
            lp = random_lp(kind, seed)
            optimum, reply = exact_optimum(lp), _try(lp)
            rng = np.random.default_rng(seed)
            for x, y in (
                (0 * reply.x, 0 * reply.y),
                (-reply.x, -reply.y),
                (reply.x * 1e12, reply.y * 1e12),
                (reply.x * 1e300, reply.y * 1e300),
                (reply.x * 1e-300, reply.y * 1e-300),
                (np.full(lp.n_cols, np.nan), np.full(lp.n_rows, np.inf)),
                (rng.normal(size=lp.n_cols), rng.normal(size=lp.n_rows)),
                (reply.x[:-1], np.append(reply.y, 1.0)),
                (None, None),
            ):
                assert _holds(lp, _bracket(lp, x, y), optimum), (lp.name, x, y)


@pytest.mark.parametrize(
    "lp",
    [
        make_linear_program(matrix=np.zeros((0, 0)), cost=[], row_lower=[], row_upper=[]),
        make_linear_program(
            matrix=np.zeros((0, 2)), cost=[1, -1], row_lower=[], row_upper=[], col_upper=[5, 5]
        ),
        make_linear_program(matrix=np.zeros((2, 0)), cost=[], row_lower=[-1, 0], row_upper=[1, 0]),
        make_linear_program(
            matrix=np.zeros((1, 1)), cost=[0], row_lower=[-INF], row_upper=[INF], offset=2.5
        ),
        make_linear_program(
            matrix=[[1.0, 1.0]],
            cost=[1, 1],
            row_lower=[0.75],
            row_upper=[0.75],
            col_lower=[0.25, 0.5],
            col_upper=[0.25, INF],
        ),
    ],
    ids=["empty", "no rows", "no columns", "free row", "fixed column"],
)
def test_degenerate_shapes(lp):
    """Programs without rows, columns or room are programs too."""
    reply = reference(lp) if lp.matrix.nnz else Reply(x=np.zeros(lp.n_cols), y=np.zeros(lp.n_rows))
    if lp.n_rows == 0 and lp.n_cols:
        reply = replace(reply, x=np.array([0.0, 5.0]))
    bracket = _bracket(lp, reply.x, reply.y)
    assert _holds(lp, bracket, exact_optimum(lp))
    assert _narrow(lp, bracket, reply)


def _two_equations(matrix):
    matrix = np.asarray(matrix, dtype=np.float64)
    return Region(sp.csr_array(matrix), np.ones(2), np.ones(2), np.full(2, -INF), np.full(2, INF))


def _proposal(x, inverse, **changes):
    given = {
        "rows": np.array([0, 1]),
        "targets": np.ones(2),
        "columns": np.array([0, 1]),
        "start": 0,
        "stop": 2,
    }
    return Proposal(
        x=np.asarray(x, dtype=np.float64), inverse=np.asarray(inverse), **{**given, **changes}
    )


def test_the_step_to_the_exact_solution_is_enclosed():
    """The box must hold the rational solution, however good or bad the inverse is."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        matrix = rng.normal(size=(2, 2)) * 10.0 ** rng.integers(-3, 4, (2, 1))
        if seed % 3 == 0:
            matrix[1] = matrix[0] + 1e-9 * rng.normal(size=2)
        region = _two_equations(matrix)
        inverse = np.linalg.inv(matrix) * (1 + 10.0 ** -rng.integers(1, 17) * rng.normal(size=2))
        x = np.linalg.solve(matrix, np.ones(2)) * (1 + 10.0 ** -rng.integers(3, 17))
        radius = correction(region, _proposal(x, inverse))
        if radius is None:
            continue
        (a, b), (c, d) = ([Fraction(v) for v in row] for row in matrix.tolist())
        exact = ((d - b) / (a * d - b * c), (a - c) / (a * d - b * c))
        for value, centre, off in zip(exact, x, radius, strict=True):
            assert abs(value - Fraction(centre)) <= Fraction(off)
    assert correction(region, _proposal(x, np.zeros((2, 2)))) is None


def test_singular_systems_and_false_proposals_are_refused():
    """What is proposed is not trusted: shapes, order, multipliers and inverses are all checked."""
    region = _two_equations([[1, 1], [1, 1]])
    half = np.full((2, 2), 0.5)
    assert correction(region, _proposal([1, 0], half)) is None
    regular = _two_equations([[1, 1], [1, -1]])
    good = _proposal([1, 0], half * [[1, 1], [1, -1]])
    assert enclose(regular, good) is not None
    for changes in (
        {"rows": np.array([0, 0])},
        {"columns": np.array([1, 1])},
        {"targets": np.array([1.0, 2.0])},
        {"targets": np.array([1.0, np.nan])},
        {"start": 2},
        {"start": 1},
        {"stop": 3},
        {"stop": 1},
    ):
        assert enclose(regular, replace(good, **changes)) is None, changes
    assert enclose(regular, replace(good, x=np.array([1.0, np.nan]))) is None
    # The second row follows from the first; with a false multiplier it does not.
    one = Proposal(
        np.array([1.0, 0.0]),
        np.array([0]),
        np.ones(1),
        np.array([0]),
        0,
        0,
        np.zeros((0, 0)),
        {1: {0: Fraction(1)}},
    )
    held = enclose(region, one)
    assert held is not None
    assert held.known == pytest.approx([1, 1])
    assert enclose(region, replace(one, implied={1: {0: Fraction(2)}})) is None
    assert enclose(region, replace(one, implied={1: {1: Fraction(1)}})) is None
    assert enclose(region, replace(one, implied={})) is None
    contradicting = replace(region, upper=np.array([1.0, 0.5]), lower=np.array([1.0, 0.5]))
    assert enclose(contradicting, one) is None


def test_a_rational_point_must_meet_everything_exactly():
    """A third in floating point meets no equation; the rational one does."""
    lp = make_linear_program(matrix=[[3.0]], cost=[1.0], row_lower=[1.0], row_upper=[1.0])
    region = primal_region(lp)
    held = enclose_exact(region, [Fraction(1, 3)])
    assert held is not None
    assert 0 < held.radius[0] < 1e-16
    assert enclose_exact(region, [Fraction(1 / 3)]) is None
    assert enclose_exact(region, [Fraction(1, 3), Fraction(0)]) is None
    free = replace(region, lower=np.array([-INF]), upper=np.array([INF]))
    speck = enclose_exact(free, [Fraction(1, 10**400)])
    assert speck is not None
    assert speck.radius[0] > 0
    assert enclose_exact(free, [Fraction(10**400)]) is None


def test_rays_are_proven_exactly():
    """Directions that lean out of the cone by rounding used to pass; a hair can be a bound."""
    # Along (1, 1) the row falls by 2^-44 per step, so x is bounded by 2^44 after all.
    hair = 2.0**-44
    problem = {"cost": [1.0, 0.0], "row_lower": [-1.0], "row_upper": [INF], "maximise": True}
    bounded = make_linear_program(matrix=[[-1.0, 1.0 - hair]], col_upper=[INF, INF], **problem)
    assert exact_optimum(bounded) == "unbounded"  # (1 − hair, 1) leads on
    capped = make_linear_program(
        matrix=[[-1.0, 1.0 - hair], [-1.0, 1.0]],
        cost=[1.0, 0.0],
        row_lower=[-1.0, -INF],
        row_upper=[INF, 0.0],
        maximise=True,
    )
    assert isinstance(exact_optimum(capped), Fraction)
    zero = np.zeros(2)
    assert not proves_unbounded(capped, zero, np.ones(2))
    assert proves_unbounded(bounded, zero, np.array([1.0, 1.0]) * (1 + 1e-13))
    assert not proves_unbounded(bounded, None, np.ones(2))
    assert not proves_unbounded(bounded, zero, np.full(2, np.nan))
    assert not proves_unbounded(bounded, zero, -np.ones(2))


def test_a_farkas_proof_survives_rounding_at_free_columns():
    """Y'M must be 0 at free columns, and a solver's ray is so up to rounding only."""
    lp = make_linear_program(
        matrix=[[3.0, 7.0], [0.3, 0.7], [1.0, 2.0]],
        cost=[0.0, 0.0],
        row_lower=[1.0, -INF, -INF],
        row_upper=[INF, 0.0, 5.0],
        col_lower=[-INF, -INF],
    )
    # 0.3 and 0.7 are not tenths of 3 and 7 exactly: the third row makes up for that, exactly.
    twins = make_linear_program(
        matrix=[[3.0, 7.0], [6.0, 14.0]],
        cost=[0.0, 0.0],
        row_lower=[1.0, -INF],
        row_upper=[INF, 1.0],
        col_lower=[-INF, -INF],
    )
    assert exact_optimum(twins) == "infeasible"
    ray = np.array([2.0, -1.0]) * (1 + np.array([1e-13, -1e-13]))
    assert proves_infeasible(twins, ray, twins.col_lower, twins.col_upper)
    optimum = exact_optimum(lp)
    says = proves_infeasible(lp, np.array([0.1, -1.0, 0.0]), lp.col_lower, lp.col_upper)
    assert not says or optimum == "infeasible"


@pytest.mark.parametrize("kind", ["plain", "joint", "demand"])
def test_planning_programs_judged_as_general_ones(kind):
    """Exported to MPS an economy is a general LP; its answers must not lose their bracket."""
    from support.economies import random_small

    for seed in range(5):
        lp = to_linear_program(random_small(kind, seed))
        reply = reference(lp)
        bracket = _bracket(lp, reply.x, reply.y)
        assert _narrow(lp, bracket, reply), bracket
        assert bracket.lower <= reply.objective * (1 + 1e-9)
        assert bracket.upper >= reply.objective * (1 - 1e-9)


def test_highs_prints_nothing():
    """From 1.16 on HiGHS prints a banner when it is made: it would precede a JSON document."""
    code = (
        "from planbench.certificates.lp_bracket import quiet_highs\n"
        "highs = quiet_highs()\n"
        "assert highs.run().name in ('kOk', 'kWarning')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""
