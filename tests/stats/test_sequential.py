"""Looking several times must not multiply false alarms, nor hide a real change."""

from __future__ import annotations

import numpy as np
import pytest
from selftest import decide

from planbench.errors import InputError
from planbench.stats.paired import LOOKS, Schedule


def _runs(rng, noise, slowdown=1.0):
    n = LOOKS[-1]
    return np.exp(rng.normal(0, noise, n)), slowdown * np.exp(rng.normal(0, noise, n))


def test_errors_of_all_looks_and_comparisons_add_up_to_the_confidence():
    schedule = Schedule(confidence=0.99, comparisons=3)
    shares = 3 * (len(LOOKS) + 1)
    assert (1 - schedule.confidence_per_look) * shares == pytest.approx(0.01)


@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_equal_sides_are_hardly_ever_called_different(noise):
    rng = np.random.default_rng(11)
    wrong = sum(
        decide(Schedule(least_effect=0.001), *_runs(rng, noise)).verdict in ("worse", "better")
        for _ in range(400)
    )
    # At most 4 are expected, although the least effect is next to nothing.
    assert wrong <= 9


def test_stops_at_the_first_clear_look_and_says_which():
    rng = np.random.default_rng(12)
    a, b = _runs(rng, 0.005, slowdown=1.5)
    assert decide(Schedule(), a, b).n == LOOKS[0]
    a, b = _runs(rng, 0.08, slowdown=1.15)
    found = decide(Schedule(), a, b)
    assert found.n in LOOKS
    assert found.n > LOOKS[0]


def test_a_comparison_cut_short_gets_its_last_word():
    rng = np.random.default_rng(13)
    a, b = _runs(rng, 0.01, slowdown=1.3)
    found = decide(Schedule(looks=(16,)), a[:7], b[:7])
    assert (found.n, found.verdict) == (7, "worse")


@pytest.mark.parametrize(
    "wrong", [{"least_effect": 0}, {"confidence": 1.0}, {"comparisons": 0}, {"looks": ()}]
)
def test_impossible_schedules_are_refused(wrong):
    with pytest.raises(InputError):
        Schedule(**wrong)
