"""The censored power-law fit finds known exponents, and says so when it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.stats.growth import fit_power_law

SIZES = np.array([100.0, 300.0, 1000.0, 3000.0, 10000.0, 30000.0])


def test_exact_power_law_is_found():
    fit = fit_power_law(SIZES, 3e-6 * SIZES**1.75)
    assert fit.exponent == pytest.approx(1.75, abs=1e-9)
    assert fit.prefactor == pytest.approx(3e-6, rel=1e-6)
    assert fit.low is not None
    assert fit.high is not None
    assert fit.low < 1.75 < fit.high
    assert fit.high - fit.low < 0.01


def test_without_censoring_it_is_least_squares():
    """The likelihood must reduce to the textbook answer where nothing is censored."""
    rng = np.random.default_rng(5)
    costs = 1e-5 * SIZES**1.4 * np.exp(0.2 * rng.standard_normal(SIZES.size))
    slope, level = np.polyfit(np.log(SIZES), np.log(costs), 1)
    fit = fit_power_law(SIZES, costs, replicates=0)
    assert fit.exponent == pytest.approx(slope, rel=1e-8)
    assert fit.prefactor == pytest.approx(np.exp(level), rel=1e-6)
    residuals = np.log(costs) - level - slope * np.log(SIZES)
    assert fit.scatter == pytest.approx(np.sqrt((residuals**2).mean()), rel=1e-3)
    assert (fit.low, fit.high) == (None, None)


def test_maximum_agrees_with_a_general_optimiser():
    """Newton on Olsen's parameters must find the maximum scipy finds on Tobin's."""
    from scipy.optimize import minimize
    from scipy.stats import norm

    rng = np.random.default_rng(11)
    costs = 1e-5 * SIZES**1.4 * np.exp(0.3 * rng.standard_normal(SIZES.size))
    stopped = costs > 5.0
    costs = np.minimum(costs, 5.0)
    floor = 0.02
    low = costs < floor
    assert stopped.any()
    assert low.any()

    def negative(parameters):
        level, slope, log_sigma = parameters
        sigma = np.exp(log_sigma)
        line = level + slope * np.log(SIZES)
        seen = norm.logpdf(np.log(costs), line, sigma)
        above = norm.logsf((np.log(5.0) - line) / sigma)
        below = norm.logcdf((np.log(floor) - line) / sigma)
        return -np.where(stopped, above, np.where(low, below, seen)).sum()

    best = minimize(negative, [-11.0, 1.3, -1.0], method="Nelder-Mead", options={"maxiter": 9000})
    fit = fit_power_law(SIZES, costs, stopped, floor=floor, replicates=0)
    assert fit.exponent == pytest.approx(best.x[1], rel=1e-3)
    assert fit.scatter == pytest.approx(np.exp(best.x[2]), rel=1e-2)


def test_timeouts_raise_the_exponent_instead_of_vanishing():
    """Dropping stopped runs is how published exponents came out too small."""
    costs = np.array([0.01, 0.05, 0.4, 10.0])
    stopped = np.array([False, False, False, True])
    fit = fit_power_law([100, 300, 1000, 2000], costs, stopped)
    dropped = fit_power_law([100, 300, 1000], costs[:3])
    assert fit.exponent is not None
    assert dropped.exponent is not None
    assert fit.exponent > dropped.exponent + 0.1
    assert (fit.n_points, fit.n_censored, fit.n_sizes) == (4, 1, 3)


def test_timeout_far_below_the_line_tells_nothing():
    """A short limit must not pull the line down: "at least 1 ms" is true of everything."""
    costs = 1e-4 * SIZES[:4] ** 1.5
    plain = fit_power_law(SIZES[:4], costs, replicates=0)
    more = fit_power_law([*SIZES[:4], 30000], [*costs, 1e-3], [False] * 4 + [True], replicates=0)
    assert more.exponent == pytest.approx(plain.exponent, abs=1e-6)


def test_fixed_cost_below_the_floor_does_not_flatten_the_exponent():
    costs = 2e-6 * SIZES**1.6 + 0.02
    assert fit_power_law(SIZES, costs, replicates=0).exponent < 1.4
    fit = fit_power_law(SIZES, costs, floor=0.04, replicates=0)
    assert fit.exponent == pytest.approx(1.6, abs=0.1)
    assert fit.n_censored == 2


def test_floor_may_differ_from_point_to_point():
    costs = 1e-4 * SIZES**1.2
    floors = np.where(SIZES < 500, 1.0, 0.0)
    fit = fit_power_law(SIZES, costs, floor=floors, replicates=50)
    assert fit.n_censored == 2
    assert fit.exponent == pytest.approx(1.2, abs=0.01)


@pytest.mark.parametrize(
    ("sizes", "costs", "stopped"),
    [
        ([], [], None),
        ([100], [1.0], None),
        ([100, 100, 100, 1000], [1.0, 1.1, 0.9, 5.0], None),
        ([100, 1000, 10000], [1.0, 5.0, 10.0], [False, False, True]),
        ([100, 1000], [10.0, 10.0], [True, True]),
    ],
)
def test_too_few_sizes_is_said(sizes, costs, stopped):
    """Two points always lie on a line; an exponent from them would look like knowledge."""
    fit = fit_power_law(sizes, costs, stopped)
    assert fit.exponent is None
    assert fit.prefactor is None
    assert fit.reason.startswith("too few sizes")


def test_same_seed_same_interval():
    costs = 1e-5 * SIZES**1.4 * np.array([1.2, 0.9, 1.0, 1.1, 0.8, 1.05])
    first, again = (fit_power_law(SIZES, costs, seed=3) for _ in range(2))
    other = fit_power_law(SIZES, costs, seed=4)
    assert (first.low, first.high) == (again.low, again.high)
    assert (first.low, first.high) != (other.low, other.high)


@pytest.mark.parametrize(
    ("sizes", "limit"), [(SIZES[:5], np.inf), (SIZES[:5], 10.0), (SIZES[::2], np.inf)]
)
def test_interval_covers_the_truth_about_as_often_as_it_says(sizes, limit):
    """95 % intervals must hold the exponent in at least 88 % of 150 samples (3.9 σ below 95)."""
    rng = np.random.default_rng(1)
    hits = tried = 0
    for sample in range(150):
        costs = 1e-5 * sizes**1.6 * np.exp(0.2 * rng.standard_normal(sizes.size))
        fit = fit_power_law(
            sizes,
            np.minimum(costs, limit),
            costs > limit,
            replicates=299,
            seed=sample,
        )
        if fit.low is None or fit.high is None:
            continue
        tried += 1
        hits += fit.low <= 1.6 <= fit.high
    assert tried > 100
    assert hits / tried >= 0.88


@pytest.mark.parametrize(
    ("sizes", "costs", "more"),
    [
        ([1, 2, 3], [1.0, 2.0], {}),
        ([0, 2, 3], [1.0, 2.0, 3.0], {}),
        ([1, 2, 3], [1.0, np.nan, 3.0], {}),
        ([1, 2, 3], [1.0, -2.0, 3.0], {}),
        (["x"], [1.0], {}),
        ([1, 2, 3], [1.0, 2.0, 3.0], {"at_least": [True, False]}),
        ([1, 2, 3], [1.0, 2.0, 3.0], {"floor": [1.0, 2.0]}),
        ([1, 2, 3], [1.0, 2.0, 3.0], {"floor": -1.0}),
    ],
)
def test_bad_numbers_are_refused_in_one_line(sizes, costs, more):
    with pytest.raises(InputError) as caught:
        fit_power_law(sizes, costs, **more)
    assert "\n" not in str(caught.value)
