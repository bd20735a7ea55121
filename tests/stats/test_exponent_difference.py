"""The interval of a difference of exponents, and what is made of it."""

from __future__ import annotations

import numpy as np
import pytest

from planbench.stats.growth import PowerLawFit, compare_exponents, fit_power_law

SIZES = np.array([1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6])


def fit(exponent, low, high):
    return PowerLawFit(exponent, low, high, 1e-5, 0.1, 0.95, 6, 0, 6, 1e3, 1e6)


def test_ends_by_hand():
    found = compare_exponents(fit(1.5, 1.2, 1.9), fit(1.0, 0.9, 1.4))
    assert found.value == pytest.approx(0.5)
    assert found.low == pytest.approx(0.5 - np.hypot(0.3, 0.4))
    assert found.high == pytest.approx(0.5 + np.hypot(0.4, 0.1))


@pytest.mark.parametrize(
    ("first", "second", "likeness"),
    [
        (fit(1.5, 1.45, 1.55), fit(1.1, 1.0, 1.2), "differs"),
        (fit(1.12, 1.05, 1.19), fit(1.1, 1.0, 1.2), "same"),
        (fit(1.4, 0.9, 1.9), fit(1.1, 1.0, 1.2), "indistinguishable"),
        (fit(1.4, None, None), fit(1.1, 1.0, 1.2), "indistinguishable"),
        (fit(None, None, None), fit(1.1, 1.0, 1.2), "no exponent"),
    ],
)
def test_likeness(first, second, likeness):
    assert compare_exponents(first, second).likeness == likeness


def test_interval_covers_the_true_difference():
    """95 % intervals must hold the truth about as often as they say."""
    generator = np.random.default_rng(np.random.SeedSequence(5))
    inside = 0
    runs = 150
    for number in range(runs):
        costs = [
            np.exp(b * np.log(SIZES) + 0.2 * generator.standard_normal(len(SIZES)))
            for b in (1.4, 1.1)
        ]
        fits = [fit_power_law(SIZES, c, replicates=199, seed=number) for c in costs]
        found = compare_exponents(*fits)
        inside += found.low <= 0.3 <= found.high
    # Four standard deviations of a binomial with 95 % in 150 draws.
    assert inside / runs >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / runs)
    assert inside < runs, "intervals so wide that they never miss say nothing"
