"""The checker against exact rational arithmetic: its bounds must hold to the last bit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse as sp
from support.answers import Reply, reference
from support.economies import KINDS, random_general, random_small

from planbench.certificates import sums
from planbench.certificates.certificate import relative_gap
from planbench.certificates.check import (
    certified_lower,
    certified_upper,
    least_terms,
    limits_of,
    lp_dual_bound,
    residuals,
)
from planbench.certificates.propagate import implied_bounds
from planbench.certificates.sums import gamma
from planbench.model import make_economy, make_linear_program, to_linear_program


def _exact(matrix, vector):
    dense = matrix.toarray()
    return [
        sum((Fraction(a) * Fraction(v) for a, v in zip(row, vector, strict=True)), Fraction(0))
        for row in dense
    ]


def _feasible(economy, x, z) -> bool:
    made, used = _exact(economy.outputs, x), _exact(economy.inputs, x)
    sent, spent = _exact(economy.assortment, z), _exact(economy.resource_use, x)
    goods = all(
        b - a - d >= Fraction(f)
        for b, a, d, f in zip(made, used, sent, economy.fixed_demand, strict=True)
    )
    resources = all(s <= Fraction(r) for s, r in zip(spent, economy.endowment, strict=True))
    within = all(0 <= v <= u for v, u in zip(x, economy.capacity, strict=True))
    return goods and resources and within and bool((z >= 0).all())


@pytest.mark.parametrize("kind", KINDS)
def test_a_certified_plan_is_feasible_in_exact_arithmetic(kind):
    """Without its error bound the checker would pass plans that are short by a rounding."""
    passed = refused = 0
    for seed in range(6):
        economy = random_small(kind, seed)
        reply = reference(to_linear_program(economy))
        m = economy.n_activities
        rng = np.random.default_rng(seed)
        for size in (0.0, 1e-16, 1e-15, 1e-13, 1e-9, 1e-3):
            for shrink in (1.0, 1 - 1e-15, 1 - 1e-12, 0.9):
                x = np.maximum(reply.x[:m] * (1 + size * rng.standard_normal(m)), 0) * shrink
                z = np.maximum(reply.x[m:], 0) * shrink**2
                bound = certified_lower(economy, x, z)
                if bound is None:
                    refused += 1
                    continue
                passed += 1
                assert _feasible(economy, x, z)
                value = sum(
                    Fraction(w) * Fraction(v) for w, v in zip(economy.weights, z, strict=True)
                )
                assert Fraction(bound) <= value
    assert refused > 0
    if kind not in ("demand", "stocks"):
        assert passed > 0


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda x, z: (x * 1.001, z), "resources overdrawn"),
        (lambda x, z: (x, z * 1.001), "goods short"),
        (lambda x, z: (np.where(np.arange(x.size) == 0, -1e-9, x), z), "negative level"),
        (lambda x, z: (x, -z), "negative target"),
        (lambda x, z: (x * np.nan, z), "not a number"),
        (lambda x, z: (x[:-1], z), "wrong length"),
    ],
)
def test_the_checker_refuses_plans_that_cannot_be_carried_out(change, what):
    """The lower bound of an infeasible plan would be a lie."""
    economy = make_economy(
        inputs=[[0.0, 0.5], [0.25, 0.0]],
        outputs=np.eye(2),
        resource_use=[[1.0, 1.0]],
        endowment=[1.0],
        assortment=[0.125, 0.125],
    )
    # x = (I − A)⁻¹ d z by hand: x1 = 0.5 x2 + z/8, x2 = 0.25 x1 + z/8, x1 + x2 = 1.
    x, z = np.array([6.0, 5.0]) / 11, np.array([8 * 7.0 / 22])
    assert certified_lower(economy, x * (1 - 1e-12), z * (1 - 1e-11)) is not None, what
    assert certified_lower(economy, *change(x, z)) is None, what


@pytest.mark.parametrize("kind", KINDS)
def test_the_upper_bound_is_at_least_the_exact_one(kind):
    """Rounded the wrong way it would exclude the optimum by a few ulps."""
    given = 0
    for seed in range(6):
        economy = random_small(kind, seed)
        reply = reference(to_linear_program(economy))
        limits = limits_of(economy)
        n = economy.n_goods
        rng = np.random.default_rng(seed)
        for size in (0.0, 1e-12, 1e-3, 1.0):
            for lift in (1.0, 1 + 1e-9, 3.0):
                y = reply.y * (1 + size * rng.standard_normal(reply.y.size))
                p, w = np.maximum(-y[:n], 0), np.maximum(y[n:], 0) * lift
                bound = certified_upper(economy, p, w)
                exact = _exact_upper(economy, limits, p, w)
                if exact is None:
                    assert bound is None
                elif bound is not None:
                    given += 1
                    assert Fraction(bound) >= exact
                    assert float(exact) >= reply.objective * (1 - 1e-9)
    assert given > 0


def _exact_upper(economy, limits, p, w):
    revenue = _exact(economy.outputs.T, p)
    cost, rent = _exact(economy.inputs.T, p), _exact(economy.resource_use.T, w)
    worth = _exact(economy.assortment.T, p)
    total = sum(Fraction(a) * Fraction(b) for a, b in zip(w, economy.endowment, strict=True))
    total -= sum(Fraction(a) * Fraction(b) for a, b in zip(p, economy.fixed_demand, strict=True))
    gains = [b - a - c for b, a, c in zip(revenue, cost, rent, strict=True)]
    shorts = [Fraction(o) - v for o, v in zip(economy.weights, worth, strict=True)]
    for amounts, most in ((gains, limits.activity), (shorts, limits.target)):
        for amount, limit in zip(amounts, most, strict=True):
            if amount > 0:
                if np.isinf(limit):
                    return None
                total += amount * Fraction(limit)
    return total


def test_the_dual_bound_of_a_general_lp_is_rounded_outward():
    """A bound from any row duals must hold, tight or not, in both senses."""
    given = 0
    for seed in range(60):
        lp = random_general(seed)
        reply = reference(lp)
        if reply.claim != "optimal":
            continue
        rng = np.random.default_rng(seed)
        for size in (0.0, 1e-15, 1e-9, 1.0):
            y = reply.y + size * rng.standard_normal(reply.y.size)
            bound = lp_dual_bound(lp, y, lp.col_lower, lp.col_upper)
            assert bound is not None, "every column has both bounds here"
            given += 1
            exact = _exact_dual(lp, y)
            better = Fraction(bound) >= exact if lp.maximise else Fraction(bound) <= exact
            assert better
            assert abs(bound - float(exact)) <= 1e-12 * (10 + abs(float(exact)))
    assert given > 100


def test_products_of_duals_and_bounds_are_rounded_outward_too():
    """Rows no column touches leave nothing but their own products to round."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        bounds, y = rng.normal(size=30), rng.normal(size=30)
        for maximise in (False, True):
            lp = make_linear_program(
                matrix=np.zeros((30, 1)),
                cost=[0.0],
                row_lower=bounds,
                row_upper=bounds,
                maximise=maximise,
            )
            bound = lp_dual_bound(lp, y, lp.col_lower, lp.col_upper)
            assert bound is not None
            exact = _exact_dual(lp, y)
            assert Fraction(bound) >= exact if maximise else Fraction(bound) <= exact


def _exact_dual(lp, y):
    """Dual objective in rationals, forbidden signs clipped; stated sense."""
    sign = -1 if lp.maximise else 1
    y = [
        Fraction(sign * v)
        if np.isfinite(lp.row_lower[i] if sign * v > 0 else lp.row_upper[i])
        else Fraction(0)
        for i, v in enumerate(y)
    ]
    reduced = [Fraction(sign * c) - m for c, m in zip(lp.cost, _exact(lp.matrix.T, y), strict=True)]
    total = sum(
        v * Fraction(lp.row_lower[i] if v > 0 else lp.row_upper[i])
        for i, v in enumerate(y)
        if v != 0
    )
    total += sum(
        d * Fraction(lp.col_lower[j] if d > 0 else lp.col_upper[j])
        for j, d in enumerate(reduced)
        if d != 0
    )
    return sign * total + Fraction(lp.offset)


def test_a_cost_whose_sign_rounding_leaves_open_needs_both_bounds():
    """Taking the computed sign for the true one would give a bound that need not hold."""
    low, high = np.array([-1e-17]), np.array([2e-17])
    zero, inf, one = np.zeros(1), np.full(1, np.inf), np.ones(1)
    assert least_terms(low, high, zero, inf) is None
    assert least_terms(low, high, -inf, one) is None
    term = least_terms(low, high, zero, one)
    assert term is not None
    assert term[0] == -1e-17
    assert least_terms(zero, high, zero, inf) is not None


@pytest.mark.parametrize("maximise", [False, True])
def test_residuals_know_signs_and_missing_bounds(maximise):
    """A dual of a forbidden sign, or on a missing bound, must show as a dual violation."""
    sign = -1.0 if maximise else 1.0
    lp = make_linear_program(
        matrix=[[1.0, 1.0]],
        cost=np.array([1.0, 2.0]) * sign,
        row_lower=[1.0],
        row_upper=[np.inf],
        maximise=maximise,
    )
    x = np.array([1.0, 0.0])
    good = residuals(lp, x, np.array([sign * 1.0]))
    assert good is not None
    assert good.primal == 0
    assert good.dual == 0
    assert good.gap == 0
    wrong_sign = residuals(lp, x, np.array([sign * -1.0]))
    assert wrong_sign is not None
    assert wrong_sign.dual == pytest.approx(1.0)
    too_dear = residuals(lp, x, np.array([sign * 3.0]))
    assert too_dear is not None
    assert too_dear.dual == pytest.approx(2.0)
    short = residuals(lp, np.array([0.25, 0.0]), None)
    assert short is not None
    assert short.primal == pytest.approx(0.75)
    assert short.dual is None
    assert residuals(lp, np.array([np.nan, 0.0]), None) is None


def test_an_overflow_is_no_small_residual():
    """Infinity minus infinity is NaN; taken for 0 it would hide the largest violation of all."""
    lp = make_linear_program(
        matrix=[[1e300, -1e300]], cost=[0.0, 0.0], row_lower=[0.0], row_upper=[0.0]
    )
    assert residuals(lp, np.array([1e300, 1e300]), None) is None
    inside = residuals(lp, np.array([1.0, 1.0]), None)
    assert inside is not None
    assert inside.primal == 0.0


def test_limits_of_activities_and_targets():
    """ū and z̄ decide what a violated price costs; a wrong one would break every bracket."""
    economy = make_economy(
        inputs=np.zeros((2, 3)),
        outputs=[[2.0, 0.0, 0.0], [0.0, 4.0, 1.0]],
        resource_use=[[1.0, 2.0, 0.0], [0.0, 1.0, 0.0]],
        endowment=[10.0, 3.0],
        capacity=[7.0, np.inf, np.inf],
        assortment=[[4.0, 0.0], [0.0, 1.0]],
        fixed_demand=[2.0, -1.0],
    )
    limits = limits_of(economy)
    assert limits.activity == pytest.approx([7.0, 3.0, np.inf])
    assert limits.target == pytest.approx([(2 * 7 - 2) / 4, np.inf])


@pytest.mark.parametrize("bad", [1e-200, 1e200])
def test_numbers_that_could_overflow_or_vanish_get_no_bound(bad):
    """A product that underflows to zero has no error bound, so no bound is given."""
    economy = make_economy(
        inputs=[[bad if bad < 1 else 0.0]],
        outputs=[[1.0 if bad < 1 else bad]],
        resource_use=[[1.0]],
        endowment=[1.0],
        assortment=[1.0],
    )
    assert certified_lower(economy, np.array([0.5]), np.array([0.1])) is None
    assert certified_upper(economy, np.array([1.0]), np.array([2.0])) is None


def test_implied_bounds_hold_and_are_found():
    """A missing bound costs the bracket; a wrong one breaks it."""
    lp = make_linear_program(
        matrix=[[2.0, 1.0, 0.0], [0.0, -1.0, 1.0], [1.0, 0.0, -1.0]],
        cost=[1.0, 1.0, 1.0],
        row_lower=[-np.inf, -np.inf, -4.0],
        row_upper=[8.0, 3.0, np.inf],
        maximise=True,
    )
    lower, upper = implied_bounds(lp)
    assert lower == pytest.approx([0, 0, 0])
    assert upper == pytest.approx([4, 8, 8])
    assert (upper >= [4, 8, 8]).all()
    free = make_linear_program(
        matrix=[[1.0, 1.0]],
        cost=[1.0, 1.0],
        row_lower=[0.0],
        row_upper=[1.0],
        col_lower=[-np.inf, -np.inf],
    )
    lower, upper = implied_bounds(free)
    assert np.isinf(lower).all()
    assert np.isinf(upper).all()


def test_relative_gap():
    """None stands for no bound; equal bounds have no gap even at zero."""
    assert relative_gap(None, 1.0) is None
    assert relative_gap(0.0, 0.0) == 0.0
    assert relative_gap(-2.0, -1.0) == 0.5
    assert Reply().claim == "optimal"


@pytest.mark.parametrize("block", [1, 3, 4096])
def test_sums_in_blocks_hold_their_error_bound(block, monkeypatch):
    """Rows of millions of terms are bounded tightly only if the bound still holds."""
    monkeypatch.setattr(sums, "BLOCK", block)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        matrix = sp.random_array(
            (int(rng.integers(1, 6)), int(rng.integers(1, 40))), density=0.5, rng=rng, format="csr"
        )
        vector = rng.random(matrix.shape[1]) * 10.0 ** rng.integers(-9, 9, matrix.shape[1])
        rows = sums.long_rows(matrix.data, matrix.indices, matrix.indptr)
        product = rows.product(vector)
        error = gamma(rows.terms) * product
        for exact, got, off in zip(_exact(matrix, vector), product, error, strict=True):
            assert abs(exact - Fraction(got)) <= Fraction(off)
    assert sums.long_rows(np.zeros(0), np.zeros(0, np.int32), np.zeros(4, np.int32)).product(
        np.zeros(0)
    ) == pytest.approx([0, 0, 0])


def test_long_rows_have_short_chains_of_roundings():
    """With γ of the whole row no answer at a million goods could be certified to 1e-9."""
    count = 1_000_000
    rows = sums.long_rows(
        np.full(count, 0.1), np.arange(count), np.array([0, count], dtype=np.int64)
    )
    exact = Fraction(0.1) * count
    got = rows.product(np.ones(count))[0]
    off = float(gamma(rows.terms)[0]) * got
    assert abs(exact - Fraction(got)) <= Fraction(off)
    assert off < 1e-12 * got
