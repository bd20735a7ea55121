"""Leontief economies: the iteration is the oracle, so it is checked against exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.full import examples

from planbench.catalogue.builtin import random_leontief, solve_leontief, three_goods
from planbench.errors import InputError
from planbench.model import make_economy


def test_three_goods_exactly() -> None:
    """The plan is x = z (I − A)⁻¹ d solved by hand with fractions."""
    economy = three_goods()
    a = [[Fraction(v).limit_denominator(64) for v in row] for row in economy.inputs.toarray()]
    labour = [Fraction(v).limit_denominator(64) for v in economy.resource_use.toarray()[0]]
    wanted = [Fraction(v) for v in economy.assortment.toarray()[:, 0]]
    # Gauss elimination of (I − A) y = d in exact arithmetic.
    rows = [[Fraction(int(i == j)) - a[i][j] for j in range(3)] + [wanted[i]] for i in range(3)]
    for i in range(3):
        pivot = rows[i][i]
        rows[i] = [value / pivot for value in rows[i]]
        for k in range(3):
            if k != i:
                factor = rows[k][i]
                rows[k] = [v - factor * w for v, w in zip(rows[k], rows[i], strict=True)]
    gross = [row[3] for row in rows]
    optimum = Fraction(100) / sum(v * w for v, w in zip(labour, gross, strict=True))
    plan = solve_leontief(economy)
    assert plan.z[0] == pytest.approx(float(optimum), rel=1e-14)
    np.testing.assert_allclose(plan.x, [float(optimum * v) for v in gross], rtol=1e-13)


@given(st.integers(1, 60), st.sampled_from([1, 4, 8]), st.integers(0, 1000))
@examples(40)
def test_plan_and_prices_are_feasible_and_equal_in_value(n: int, inputs: int, seed: int) -> None:
    """Strong duality by hand: p(B − A) = wR, D'p = ω, wL = z, goods balance."""
    economy = random_leontief(n, inputs=inputs, seed=seed)
    plan = solve_leontief(economy)
    assert plan.p is not None
    assert plan.w is not None
    net = economy.outputs - economy.inputs
    np.testing.assert_allclose(net @ plan.x, economy.assortment @ plan.z, rtol=1e-12)
    np.testing.assert_allclose(economy.resource_use @ plan.x, economy.endowment, rtol=1e-12)
    np.testing.assert_allclose(net.T @ plan.p, economy.resource_use.T @ plan.w, rtol=1e-12)
    np.testing.assert_allclose(economy.assortment.T @ plan.p, 1.0, rtol=1e-12)
    assert float(plan.w @ economy.endowment) == pytest.approx(plan.z[0], rel=1e-12)


def test_interior_prices_have_slack_everywhere() -> None:
    economy = random_leontief(500, seed=3)
    inner = economy.interior
    assert inner is not None
    surplus = (
        economy.resource_use.T @ inner.resource_prices
        - (economy.outputs - economy.inputs).T @ inner.goods_prices
    )
    assert surplus.min() > 0


def test_same_seed_same_hash() -> None:
    assert random_leontief(100, seed=5).sha256 == random_leontief(100, seed=5).sha256
    assert random_leontief(100, seed=5).sha256 != random_leontief(100, seed=6).sha256


def test_drawn_economy_is_pinned() -> None:
    """Draws and coefficients must be the same with every numpy."""
    assert (
        random_leontief(1000, seed=1).sha256
        == "d13a14b9ab82c341fba2fff4e0bfb0d6965ce4705995024c64797d517c24e386"
    )


def test_an_unproductive_economy_is_refused() -> None:
    bad = make_economy(
        inputs=[[1.0]], outputs=[[1.0]], resource_use=[[1.0]], endowment=[1.0], assortment=[1.0]
    )
    with pytest.raises(InputError, match="not productive"):
        solve_leontief(bad)
