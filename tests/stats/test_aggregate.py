"""Means over solvers: penalties, intersections, failures ranking last."""

from __future__ import annotations

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.stats.aggregate import (
    median_or_failure,
    score_solvers,
    shifted_geometric_mean,
)


def test_shifted_geometric_mean_by_hand():
    assert shifted_geometric_mean([0, 90], shift=10) == pytest.approx(np.sqrt(1000) - 10)
    assert shifted_geometric_mean([2, 8], shift=0) == pytest.approx(4)
    assert shifted_geometric_mean([0, 5], shift=0) == 0.0


def test_shift_damps_tiny_runs():
    """Without the shift a factor of 1000 on a millisecond would outweigh an hour."""
    assert shifted_geometric_mean([1e-6, 10]) == pytest.approx(
        shifted_geometric_mean([1e-3, 10]), rel=1e-3
    )


@pytest.mark.parametrize("values", [[], [-1.0], [float("nan")], [float("inf")]])
def test_mean_refuses_what_has_no_mean(values):
    with pytest.raises(InputError):
        shifted_geometric_mean(values)


@pytest.mark.parametrize(
    ("values", "middle"),
    [
        ([], None),
        ([3.0], 3.0),
        ([1.0, 3.0], 2.0),
        ([1.0, None, 3.0], 3.0),
        ([1.0, None], None),
        ([None, None, 1.0], None),
    ],
)
def test_failures_rank_above_every_number(values, middle):
    assert median_or_failure(values) == middle


def test_failure_is_charged_and_the_intersection_stands_apart():
    scores = score_solvers(
        {"quick": {"a": 1.0, "b": None}, "steady": {"a": 4.0, "b": 4.0}},
        {"a": 10.0, "b": 10.0},
    )
    steady, quick = scores
    assert (steady.solver, quick.solver) == ("steady", "quick")
    assert quick.mean_all == pytest.approx(np.sqrt(2.0 * 21.0) - 1)
    assert quick.mean_common == pytest.approx(1.0)
    assert (quick.solved, quick.attempted, quick.n_common) == (1, 2, 1)


def test_instance_that_was_not_run_counts_as_failure():
    """Else a solver would improve its mean by not being run on what is hard."""
    scores = score_solvers({"x": {"a": 1.0}, "y": {"a": 1.0, "b": 1.0}}, {"a": 10.0, "b": 10.0})
    assert [s.solver for s in scores] == ["y", "x"]
    assert scores[1].mean_all == pytest.approx(np.sqrt(2.0 * 21.0) - 1)


def test_solver_that_solves_nothing_does_not_empty_the_intersection():
    scores = score_solvers({"null": {"a": None}, "x": {"a": 2.0}, "y": {"a": 3.0}}, {"a": 10.0})
    by_name = {s.solver: s for s in scores}
    assert by_name["x"].mean_common == pytest.approx(2.0)
    assert by_name["null"].mean_common is None


def test_failure_without_a_limit_has_no_mean():
    (score,) = score_solvers({"x": {"a": None}}, {"a": None})
    assert score.mean_all is None
