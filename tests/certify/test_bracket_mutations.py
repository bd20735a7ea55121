"""No corrupted answer may get a bracket that excludes the optimum or pass as optimal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.answers import Reply, reference
from support.economies import KINDS, random_general, random_small
from support.full import full_param

from planbench.certificates import certify
from planbench.model import make_linear_program, to_linear_program

#: How far the reference optimum itself may be off, relative.
REFERENCE = 1e-8


def _mutations(reply: Reply, rng: np.random.Generator):
    """Yield corrupted copies of an answer, each with the name of what was done to it."""
    x, y = reply.x, reply.y
    for size in (1e-12, 1e-9, 1e-6, 1e-3, 0.1, 10.0):
        yield "noise in both", x * (1 + size * _n(rng, x)), y * (1 + size * _n(rng, y))
        yield "primal noise", x + size * _n(rng, x), y
        yield "dual noise", x, y + size * _n(rng, y)
    yield "scaled up", 1.01 * x, y
    yield "scaled down", 0.99 * x, y
    yield "scaled dual", x, 0.9 * y
    yield "dual sign", x, -y
    yield "primal sign", -x, y
    yield "one dual sign", x, np.where(np.arange(y.size) == rng.integers(y.size), -y, y)
    yield "swapped rows", x, y[rng.permutation(y.size)]
    yield "swapped columns", x[rng.permutation(x.size)], y
    yield "zero primal", 0 * x, y
    yield "zero dual", x, 0 * y
    yield "zero both", 0 * x, 0 * y
    yield "far away", x + 1e12 * rng.random(x.size), y
    yield "huge", x * 1e300, y
    yield "huge dual", x, y * 1e300
    yield "dust", x * 1e-300, y
    yield "not a number", np.where(np.arange(x.size) == rng.integers(x.size), np.nan, x), y
    yield "dual not a number", x, np.where(np.arange(y.size) == 0, np.nan, y)
    yield "infinite", np.where(np.arange(x.size) == rng.integers(x.size), np.inf, x), y
    yield "too short", x[:-1], y
    yield "dual too long", x, np.append(y, 1.0)


def _n(rng, like):
    return rng.standard_normal(like.size)


def _check(problem, economy, reply, optimum, what):
    certificate = certify(problem, economy, reply)
    slack = REFERENCE * max(abs(optimum), 1e-9)
    if certificate.lower_bound is not None:
        assert certificate.lower_bound <= optimum + slack, (what, certificate)
    if certificate.upper_bound is not None:
        assert certificate.upper_bound >= optimum - slack, (what, certificate)
    if certificate.verdict == "certified":
        claimed = reply.objective if reply.objective is not None else optimum
        assert abs(claimed - optimum) <= 3e-6 * max(1.0, abs(optimum)), (what, certificate)
    return certificate


SEEDS = (range(4), full_param(range(4, 20)))


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_mutation_of_a_plan_excludes_the_optimum(kind, seeds):
    """A bracket that excludes the optimum would make every other number worthless."""
    judged = 0
    for seed in seeds:
        economy = random_small(kind, seed)
        lp = to_linear_program(economy)
        reply = reference(lp)
        exact = _check(lp, economy, reply, reply.objective, "untouched")
        assert exact.verdict == "certified", (kind, seed, exact)
        rng = np.random.default_rng(seed)
        for what, x, y in _mutations(reply, rng):
            _check(lp, economy, replace(reply, x=x, y=y), reply.objective, what)
            lie = reply.objective * (1 + 10.0 ** rng.integers(-5, 1)) + 1e-5
            lying = replace(reply, x=x, y=y, objective=lie)
            certificate = _check(lp, economy, lying, reply.objective, f"{what}, lying")
            assert certificate.verdict != "certified", (what, certificate)
            judged += 2
    assert judged >= 76 * len(seeds)


def test_no_mutation_of_a_general_answer_excludes_the_optimum():
    """The same for LP files: neither side of their brackets has a tolerance."""
    certified = judged = 0
    for seed in range(16):
        lp = random_general(seed)
        reply = reference(lp)
        if reply.claim != "optimal":
            continue
        exact = _check(lp, None, reply, reply.objective, "untouched")
        certified += exact.verdict == "certified"
        for what, x, y in _mutations(reply, np.random.default_rng(seed)):
            _check(lp, None, replace(reply, x=x, y=y), reply.objective, what)
            lying = replace(reply, x=x, y=y, objective=reply.objective + 1.0)
            certificate = _check(lp, None, lying, reply.objective, f"{what}, lying")
            assert certificate.verdict != "certified", (what, certificate)
            judged += 2
    assert certified >= 12
    assert judged >= 600


@pytest.mark.parametrize("seed", range(20))
def test_a_point_of_an_unbounded_program_never_passes(seed):
    """A check that ignores dual signs would accept such a point as optimal."""
    rng = np.random.default_rng([seed, 7])
    rows, cols = 4, 6
    # x along the first column grows for ever: it appears only in rows that it relaxes.
    matrix = rng.normal(size=(rows, cols))
    matrix[:, 0] = -np.abs(matrix[:, 0])
    cost = rng.normal(size=cols)
    cost[0] = abs(cost[0]) + 0.1
    lp = make_linear_program(
        matrix=matrix,
        cost=cost,
        row_lower=np.full(rows, -np.inf),
        row_upper=rng.random(rows),
        maximise=True,
    )
    for _ in range(10):
        x = np.zeros(cols)
        x[0] = 10.0 ** rng.integers(-3, 9)
        for y in (np.abs(rng.normal(size=rows)), np.zeros(rows), -np.abs(rng.normal(size=rows))):
            reply = Reply(x=x, y=y, objective=lp.objective(x))
            certificate = certify(lp, None, reply)
            assert certificate.verdict != "certified"
            assert certificate.upper_bound is None


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
def test_units_of_the_objective_do_not_matter(scale):
    """Judging by absolute tolerances would pass anything once the numbers are small."""
    economy = random_small("plain", 3)
    lp = to_linear_program(economy)
    reply = reference(lp)
    scaled = replace(economy, endowment=economy.endowment * scale)
    lp_scaled = to_linear_program(scaled)
    good = replace(reply, x=reply.x * scale, objective=reply.objective * scale)
    assert certify(lp_scaled, scaled, good).verdict == "certified"
    bad = replace(good, x=good.x * 0.999, objective=good.objective * 0.999)
    assert certify(lp_scaled, scaled, bad).verdict != "certified"
