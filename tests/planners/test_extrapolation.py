"""Extrapolation finds where a linear iteration is heading, and the spread of choices adds up."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from planbench.planners.extrapolation import DEPTH, FAILURES, Window


def test_mix_of_few_eigenvectors_is_the_fixed_point() -> None:
    """With fewer eigenvectors than steps the limit is exact; wrong weights would miss it."""
    rng = np.random.default_rng(1)
    n = 30
    basis = np.linalg.qr(rng.normal(size=(n, n)))[0]
    values = np.zeros(n)
    values[: DEPTH - 1] = [0.9, 0.4, 0.2][: DEPTH - 1]
    step = basis @ np.diag(values) @ basis.T
    fixed = rng.normal(size=n)
    x = fixed + basis[:, : DEPTH - 1] @ rng.normal(size=DEPTH - 1)
    window = Window(np.ones(n))
    for _ in range(DEPTH):
        assert not window.ready
        old, x = x, fixed + step @ (x - fixed)
        window.add_step(old, x)
    assert window.ready
    gamma = window.mix()
    assert gamma is not None
    assert gamma.sum() == pytest.approx(1.0)
    point, left = window.mixed(gamma)
    assert np.abs(point - fixed).max() < 1e-5 * np.abs(x - fixed).max()
    assert np.abs(left).max() < 1e-5 * np.abs(x - fixed).max()
    assert not window.ready


def test_mixes_that_make_things_worse_are_given_up() -> None:
    """Else a choice that keeps switching would be thrown back for ever."""
    window = Window(np.ones(2))
    for size in range(1, FAILURES + 1):
        for step in range(DEPTH):
            assert window._failures == size - 1
            window.add(np.ones(2), np.array([1.0, 0.1]) * 0.5**step)
        assert window.ready
        assert window.mix() is not None
        window.add(np.ones(2), np.full(2, 9.0))
        window.clear()
    for _ in range(DEPTH):
        window.add(np.ones(2), np.ones(2))
    assert not window.ready


@pytest.mark.parametrize("left", [0.0, np.inf])
def test_no_mix_of_what_is_nothing_or_everything(left: float) -> None:
    window = Window(np.ones(3))
    for _ in range(DEPTH):
        window.add(np.ones(3), np.full(3, left))
    with np.errstate(invalid="ignore"):
        assert window.mix() is None
