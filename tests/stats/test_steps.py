"""Steps in a series: planted ones are found where they are, noise has hardly any."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from support.full import full_param

from planbench.errors import InputError, SolverUnavailableError
from planbench.stats.steps import find_steps


def series(
    rng: np.random.Generator, levels: list[tuple[int, float]], scatter: float
) -> list[float]:
    """Levels as (runs, value), with log-normal scatter."""
    clean = np.concatenate([np.full(runs, value) for runs, value in levels])
    return list(clean * np.exp(scatter * rng.standard_normal(clean.size)))


def test_planted_steps_are_found_in_place_with_their_ratio() -> None:
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(20):
        values = series(rng, [(14, 100.0), (9, 125.0), (12, 80.0)], 0.03)
        steps = find_steps(values)
        if [step.at for step in steps] == [14, 23]:
            found += 1
            assert steps[0].ratio == pytest.approx(1.25, rel=0.06)
            assert steps[1].ratio == pytest.approx(0.64, rel=0.06)
    assert found >= 18


def test_a_step_at_the_end_is_found_with_its_second_run() -> None:
    """A regression that came in yesterday must show today."""
    rng = np.random.default_rng(2)
    found = [
        [s.at for s in find_steps(series(rng, [(30, 1.0), (2, 1.3)], 0.02))] for _ in range(20)
    ]
    assert sum(steps == [30] for steps in found) >= 18


@pytest.mark.parametrize("scatter", [0.0, 0.01, 0.05, 0.2])
@pytest.mark.parametrize("runs", [8, 20, full_param(60)])
def test_noise_has_hardly_any_steps(scatter: float, runs: int) -> None:
    rng = np.random.default_rng([runs, int(1000 * scatter)])
    alarms = sum(bool(find_steps(series(rng, [(runs, 5.0)], scatter))) for _ in range(100))
    assert alarms <= 2


def test_heavy_tails_have_few_steps() -> None:
    """Machines are now and then slow for one run; that is no change of level."""
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(100):
        logs = 0.02 * rng.standard_t(3, size=40)
        logs[rng.random(40) < 0.03] += 0.4
        alarms += bool(find_steps(list(np.exp(logs))))
    assert alarms <= 14  # two slow runs in a row look like a level, and are one in 25 series


def test_changes_below_the_least_effect_are_none() -> None:
    rng = np.random.default_rng(4)
    values = series(rng, [(40, 1.0), (40, 1.04)], 0.002)
    assert find_steps(values) == []
    assert [s.at for s in find_steps(values, least_effect=0.02)] == [40]


def test_every_change_of_a_counter_is_a_step() -> None:
    steps = find_steps([120, 120, 121, 121, 90], exact=True)
    assert [(s.at, round(s.before), round(s.after)) for s in steps] == [(2, 120, 121), (4, 121, 90)]
    assert find_steps([7.0], exact=True) == []
    assert find_steps([], exact=True) == []


def test_short_series_have_no_steps() -> None:
    assert find_steps([1.0, 1.0, 9.0, 9.0, 9.0]) == []


@pytest.mark.parametrize("values", [[1.0, 0.0], [1.0, -1.0], [float("nan")], [float("inf")]])
def test_what_has_no_logarithm_is_refused(values: list[float]) -> None:
    with pytest.raises(InputError, match="positive and finite"):
        find_steps(values)


def test_without_ruptures_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ruptures", None)
    with pytest.raises(SolverUnavailableError, match=r"planbench\[history\]"):
        find_steps([1.0] * 10)
