"""Paired comparison: right interval, no cry of wolf, and no sleep."""

from __future__ import annotations

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.stats.paired import LEAST_PAIRS, least_pairs_for_exact, paired_log_ratio

EFFECT = 0.05


def _pairs(seed: int, n: int, slowdown: float = 1.0, noise: float = 0.02) -> tuple[list, list]:
    draws = np.random.default_rng(seed).normal(0.0, noise, (2, n))
    return list(np.exp(draws[0])), list(slowdown * np.exp(draws[1]))


def test_a_clear_slowdown_is_slower_and_its_mirror_image_faster():
    base, slow = _pairs(1, 12, slowdown=1.2)
    found = paired_log_ratio(base, slow, least_effect=EFFECT)
    assert found.verdict == "worse"
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1.2 < found.high
    back = paired_log_ratio(slow, base, least_effect=EFFECT)
    assert back.verdict == "better"
    assert back.ratio == pytest.approx(1 / found.ratio)
    assert back.low == pytest.approx(1 / found.high)


def test_a_steady_change_below_the_least_effect_is_not_a_regression():
    base, slow = _pairs(2, 40, slowdown=1.02, noise=0.005)
    found = paired_log_ratio(base, slow, least_effect=EFFECT)
    assert found.low is not None
    assert found.low > 1.0  # significant, and yet
    assert found.verdict == "same"


def test_one_unlucky_run_does_not_make_a_verdict():
    base = [1.0, 1.01, 0.99, 1.0] * 4
    few = paired_log_ratio(base[:4], [1.0, 1.0, 1.0, 3.0], least_effect=EFFECT)
    assert few.verdict == "unclear"
    found = paired_log_ratio(base, [1.0] * 15 + [3.0], least_effect=EFFECT)
    assert found.ratio == pytest.approx(1.0, abs=0.01)
    assert found.verdict == "same"


@pytest.mark.parametrize("n", range(1, LEAST_PAIRS))
def test_too_few_pairs_have_no_interval_and_no_verdict(n):
    found = paired_log_ratio([1.0] * n, [5.0] * n, least_effect=EFFECT)
    assert (found.low, found.high, found.n, found.verdict) == (None, None, n, "unclear")
    assert found.ratio == pytest.approx(5.0)


def test_few_pairs_find_a_doubling_but_not_five_per_cent():
    base, _ = _pairs(3, 4)
    assert paired_log_ratio(base, [2 * b for b in base], least_effect=EFFECT).verdict == "worse"
    base, slow = _pairs(4, 4, slowdown=1.06, noise=0.03)
    assert paired_log_ratio(base, slow, least_effect=EFFECT).verdict == "unclear"


def test_interval_equals_the_exact_signed_rank_interval_of_the_tables():
    # For n = 10 at 95 % the published critical value is 8: the 9th Walsh average from each end.
    base, slow = _pairs(5, 10)
    logs = np.log(np.array(slow) / np.array(base))
    i, j = np.triu_indices(10)
    averages = np.sort((logs[i] + logs[j]) / 2)
    found = paired_log_ratio(base, slow, least_effect=EFFECT, confidence=0.95)
    assert np.log([found.low, found.high]) == pytest.approx([averages[8], averages[-9]])


def test_exact_test_needs_eight_pairs_at_99_per_cent():
    assert least_pairs_for_exact(0.99) == 8
    assert least_pairs_for_exact(0.95) == 6


@pytest.mark.parametrize("n", [50, 51, 200])
def test_large_samples_use_an_approximation_close_to_the_exact_one(n):
    base, slow = _pairs(6, n, noise=0.05)
    found = paired_log_ratio(base, slow, least_effect=EFFECT)
    logs = np.log(np.array(slow) / np.array(base))
    assert found.low is not None
    assert found.high is not None
    width = np.log(found.high / found.low)
    assert width == pytest.approx(2 * 2.576 * logs.std(ddof=1) / np.sqrt(n), rel=0.2)


@pytest.mark.parametrize("n", [3, 5, 8, 12, 20])
@pytest.mark.parametrize("kind", ["normal", "heavy", "skewed"])
def test_intervals_cover_no_change_as_often_as_they_say(n, kind):
    rng = np.random.default_rng([n, len(kind)])
    draw = {
        "normal": lambda: rng.normal(0, 0.03, n),
        "heavy": lambda: 0.02 * rng.standard_t(2, n),
        "skewed": lambda: rng.exponential(0.05, n),
    }[kind]
    missed = 0
    for _ in range(1000):
        found = paired_log_ratio(np.exp(draw()), np.exp(draw()), least_effect=1e-6)
        assert found.low is not None
        assert found.high is not None
        missed += not found.low <= 1.0 <= found.high
    # 10 are expected; 24 or more happen in about one of ten thousand such tests.
    assert missed < 24


@pytest.mark.parametrize(
    ("base", "candidate", "words"),
    [
        ([], [], "at least one"),
        ([1.0], [1.0, 2.0], "unequal numbers"),
        ([1.0], [0.0], "positive"),
        ([1.0], [float("nan")], "finite"),
    ],
)
def test_bad_pairs_are_refused_in_one_line(base, candidate, words):
    with pytest.raises(InputError, match=words):
        paired_log_ratio(base, candidate, least_effect=EFFECT)


@pytest.mark.parametrize(("effect", "confidence"), [(0.0, 0.99), (-1.0, 0.99), (0.1, 1.0)])
def test_parameters_out_of_range_are_refused(effect, confidence):
    with pytest.raises(InputError):
        paired_log_ratio([1.0], [1.0], least_effect=effect, confidence=confidence)
