"""Laws are weighed fairly, predictions come with intervals, and extrapolation is named."""

from __future__ import annotations

import math

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.stats.censored import LEAST_SCATTER, Data
from planbench.stats.fits import FIXED_POWER, n_log_n_exponent
from planbench.stats.growth import FURTHEST, study_growth

SIZES = np.array([100.0, 300.0, 1000.0, 3000.0, 10000.0, 30000.0, 100000.0])
NOISE = np.array([0.05, -0.08, 0.02, 0.06, -0.03, -0.06, 0.04])


def test_power_law_far_from_n_log_n_is_told_apart():
    growth = study_growth(SIZES, 1e-5 * SIZES**1.6 * np.exp(NOISE))
    assert growth.supported == ("n^b",)
    assert not growth.undecided
    assert growth.fit.low < 1.6 < growth.fit.high
    assert growth.candidates[0].law == "n^b"
    assert growth.candidates[-1].behind > 10


@pytest.mark.parametrize("law", [lambda n: n * np.log(n), lambda n: n**1.13])
def test_n_log_n_and_its_twin_cannot_be_told_apart(law):
    """Naming one of them would be a verdict the data do not give."""
    growth = study_growth(SIZES, 1e-5 * law(SIZES) * np.exp(NOISE))
    assert growth.undecided
    assert growth.law == "n^b or n log n"
    at = growth.cost_at(1e7)
    assert at.low < 1e-5 * law(1e7) < at.high


def test_few_sizes_do_not_make_n_log_n_the_winner():
    """With five sizes the criterion's penalty alone would choose the law with fewer parameters."""
    growth = study_growth(SIZES[:5], 1e-5 * SIZES[:5] ** 1.6 * np.exp(NOISE[:5]))
    assert growth.supported == ("n^b",)
    growth = study_growth(SIZES[:3], 1e-5 * SIZES[:3] ** 1.3 * np.exp(3 * NOISE[:3]))
    assert growth.undecided


def test_fixed_cost_is_found_and_the_exponent_is_that_of_what_grows():
    costs = (0.05 + 1e-5 * SIZES**1.6) * np.exp(NOISE)
    growth = study_growth(SIZES, costs)
    assert growth.supported == ("fixed + n^b",)
    assert growth.fit.low < 1.6 < growth.fit.high
    plain = np.polyfit(np.log(SIZES), np.log(costs), 1)[0]
    assert plain < 1.45, "a plain power law would be flattened"
    assert growth.cost_at(100).value == pytest.approx(costs[0], rel=0.2)
    assert growth.cost_at(1e6).value == pytest.approx(1e-5 * 1e6**1.6, rel=0.3)


def test_fixed_cost_fit_agrees_with_a_general_optimiser():
    """The likelihood has no closed form; scipy's simplex method must find nothing better."""
    from scipy.optimize import minimize
    from scipy.stats import norm

    costs = (0.05 + 1e-5 * SIZES**1.6) * np.exp(2 * NOISE)
    y = np.log(costs)
    above = np.arange(7) == 6
    y[6] -= 0.5
    v = np.log(SIZES / SIZES[0])

    def negative(p):
        mean = p[0] + np.logaddexp(p[2], p[1] * v)
        r = (y - mean) / np.exp(p[3])
        return -np.where(above, norm.logsf(r), norm.logpdf(r) - p[3]).sum()

    data = Data(y[None], above[None], np.zeros((1, 7), bool))
    found = FIXED_POWER.fit(np.log(SIZES), np.log(SIZES[0]), data, None, LEAST_SCATTER)
    start = [*found.beta[0] + [0.3, -0.2, 0.3], -2.0]
    best = minimize(negative, start, method="Nelder-Mead", options={"maxiter": 20000})
    assert found.beta[0] == pytest.approx(best.x[:3], abs=0.02)
    assert found.sigma[0] == pytest.approx(np.exp(best.x[3]), rel=0.03)


def test_criterion_by_hand():
    """AICc of a straight line in logarithms, from its sum of squares."""
    costs = 1e-5 * SIZES**1.6 * np.exp(NOISE)
    slope, level = np.polyfit(np.log(SIZES), np.log(costs), 1)
    rest = np.log(costs) - level - slope * np.log(SIZES)
    variance = (rest**2).mean()
    n, k = 7, 3
    by_hand = n * np.log(variance) + n + 2 * k + 2 * k * (k + 1) / (n - k - 1)
    growth = study_growth(SIZES, costs, replicates=0)
    (found,) = (c.aicc for c in growth.candidates if c.law == "n^b")
    assert found == pytest.approx(by_hand, rel=1e-3)


@pytest.mark.parametrize(("count", "tolerance"), [(3, 0.35), (4, 0.15), (7, 0.08)])
def test_interval_is_students_where_nothing_is_censored(count, tolerance):
    """The bootstrap of a straight line has a known answer; cut tails would make it too narrow."""
    from scipy.stats import t

    x, y = np.log(SIZES[:count]), np.log(1e-5) + 1.6 * np.log(SIZES[:count]) + NOISE[:count]
    slope, level = np.polyfit(x, y, 1)
    rest = y - level - slope * x
    error = np.sqrt((rest @ rest) / (count - 2) / ((x - x.mean()) ** 2).sum())
    half = t.ppf(0.975, count - 2) * error
    growth = study_growth(SIZES[:count], np.exp(y), replicates=4999)
    assert (growth.fit.high - growth.fit.low) / 2 == pytest.approx(half, rel=tolerance)
    far = growth.cost_at(1e6)
    spread = t.ppf(0.975, count - 2) * np.sqrt(
        (rest @ rest) / (count - 2) * (1 / count + (np.log(1e6) - x.mean()) ** 2 /
                                       ((x - x.mean()) ** 2).sum()))  # fmt: skip
    if growth.supported == ("n^b",):
        assert math.log(far.high / far.low) / 2 == pytest.approx(spread, rel=tolerance)


def test_largest_size_inverts_the_cost():
    growth = study_growth(SIZES, 1e-5 * SIZES**1.6 * np.exp(NOISE))
    reach = growth.largest_for(3600.0)
    assert growth.cost_at(reach.value).value == pytest.approx(3600.0, rel=1e-6)
    assert growth.cost_at(reach.low).high == pytest.approx(3600.0, rel=1e-2)
    assert growth.cost_at(reach.high).low == pytest.approx(3600.0, rel=1e-2)


def test_costs_that_never_grow_so_far_have_an_open_end():
    """Three noisy sizes do not exclude a cost that falls; the interval must say so."""
    growth = study_growth([100, 300, 1000], [1.0, 1.6, 0.9])
    assert growth.fit.low < 0
    reach = growth.largest_for(1e4)
    assert reach.high is None
    assert growth.largest_for(1e-300).low is None


def test_extrapolation_is_named_from_a_decade_on():
    growth = study_growth(SIZES, 1e-5 * SIZES**1.6 * np.exp(NOISE))
    assert not growth.cost_at(0.99 * FURTHEST * SIZES[-1]).extrapolates
    assert growth.cost_at(1.01 * FURTHEST * SIZES[-1]).extrapolates
    assert growth.largest_for(86400.0 * 365).extrapolates


def test_stopped_runs_widen_what_is_known():
    costs = 1e-5 * SIZES**1.6 * np.exp(NOISE)
    all_known = study_growth(SIZES, costs)
    stopped = costs > 100
    cut = study_growth(SIZES, np.minimum(costs, 100), stopped)
    assert cut.fit.n_censored == 2
    assert cut.fit.high - cut.fit.low > all_known.fit.high - all_known.fit.low


def test_too_few_sizes_predict_nothing():
    growth = study_growth([100, 1000], [1.0, 5.0])
    assert growth.law == ""
    assert not growth.undecided
    with pytest.raises(InputError, match="too few sizes"):
        growth.cost_at(1000)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_sizes_and_costs_asked_for_must_be_positive(value):
    growth = study_growth(SIZES, 1e-5 * SIZES**1.6 * np.exp(NOISE), replicates=50)
    with pytest.raises(InputError, match="positive"):
        growth.cost_at(value)
    with pytest.raises(InputError, match="positive"):
        growth.largest_for(value)


def test_without_replicates_there_are_no_intervals():
    growth = study_growth(SIZES, 1e-5 * SIZES**1.6, replicates=0)
    at = growth.cost_at(1e6)
    assert at.value == pytest.approx(1e-5 * 1e6**1.6, rel=1e-6)
    assert (at.low, at.high) == (None, None)


def test_n_log_n_looks_like_a_little_more_than_one():
    assert n_log_n_exponent(1e3, 1e4) == pytest.approx(1 + math.log10(4 / 3), abs=1e-4)
