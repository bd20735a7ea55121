"""Performance profiles after Dolan and Moré."""

from __future__ import annotations

import pytest

from planbench.errors import InputError
from planbench.stats.aggregate import performance_profile

TIMES = {
    "a": {"p": 1.0, "q": 4.0, "r": None},
    "b": {"p": 2.0, "q": 2.0, "r": 5.0},
}


def test_profile_by_hand():
    a, b = performance_profile(TIMES)
    assert (a.ratios, a.shares) == ((1.0, 2.0), pytest.approx((1 / 3, 2 / 3)))
    assert (b.ratios, b.shares) == ((1.0, 2.0), pytest.approx((2 / 3, 1.0)))
    assert a.share_within(1.99) == pytest.approx(1 / 3)
    assert a.share_within(0.5) == 0.0
    assert a.share_within(1e9) == pytest.approx(2 / 3), "a failure is never within any factor"


def test_instance_nobody_solved_counts_in_the_denominator():
    (only,) = performance_profile({"a": {"p": 1.0, "q": None}})
    assert only.share_within(1e9) == pytest.approx(0.5)


def test_who_was_not_run_has_not_failed():
    """A planner asked for two of a hundred instances stood at 2 %."""
    a, b = performance_profile({"a": {"p": 1.0, "q": 4.0, "r": 2.0, "s": None}, "b": {"q": 2.0}})
    assert (b.instances, b.share_within(1.0)) == (1, 1.0)
    assert a.instances == 4
    assert a.share_within(1.0) == pytest.approx(0.5), "p and r; q was done faster by b"
    assert a.share_within(1e9) == pytest.approx(0.75), "a failure that was tried counts"


def test_no_solver_no_profile():
    assert performance_profile({}) == []


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_times_must_be_positive(value):
    with pytest.raises(InputError):
        performance_profile({"a": {"p": value}})
