"""Rows of studies reach the claims, and nothing else."""

from __future__ import annotations

import pytest
from support.record_builders import make_ladder, make_record

from planbench.errors import InputError
from planbench.records.schema import STUDY
from planbench.report.cells import settle, settled
from planbench.report.claims_shocks import judge_bad_data, judge_replanning
from planbench.report.finding import UNKNOWN, UNMEASURED
from planbench.report.studies import noise_losses, replanned


def start(value, seconds, solver="two-level", goods=1000, repeat=0, **changes):
    fields = {
        "suite": STUDY, "group": "replan", "variable": "start", "value": value, "goods": goods,
        "key": f"{solver} {value} {goods}", "wall_s": seconds, "repeat": repeat,
        "options": {"start": value}, "iterations": {"rounds": 12 if value == "cold" else 2},
    }  # fmt: skip
    return make_record(solver, f"gen:goods={goods} cut", **(fields | changes))


def noisy(noise, scaled, mended, seed=1):
    return make_record(
        "highs-ipm", "gen:goods=500", suite=STUDY, group="bad-data", variable="noise",
        value=noise, raw_gap=scaled, polished_gap=mended, repeat=seed, key=f"{noise}",
        verdict="loose", options={"noise": noise},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("warm", "verdict"), [(0.05, "contradicted"), (0.8, "supported"), (0.3, UNKNOWN)]
)
def test_replanning_is_judged_by_what_the_old_plan_saves(warm, verdict):
    found = judge_replanning([start("cold", 1.0), start("warm", warm)])
    assert found.verdict == verdict
    assert "1.00 s from nothing" in found.measured
    assert "rounds 12 and 2" in found.measured


def test_fastest_on_the_largest_economy_counts():
    rows = [start("cold", 1.0), start("warm", 0.01)]
    rows += [start("cold", 9.0, goods=9000), start("warm", 9.0, goods=9000)]
    rows += [start("cold", 99.0, "highs-ds", 9000), start("warm", 50.0, "highs-ds", 9000)]
    found = judge_replanning(rows)
    assert found.verdict == "supported"
    assert found.measured.startswith("two-level, gen:goods=9000")
    assert len(found.each) == 3


@pytest.mark.parametrize(
    "bad",
    [{"raw_gap": 0.1, "verdict": "loose"}, {"ended": "refused"}, {"raw_gap": None}],
)
def test_plans_that_miss_the_gap_are_not_compared(bad):
    """A warm start that stops early would look fast."""
    assert replanned([start("cold", 1.0), start("warm", 0.1, **bad)], 1e-4) == []
    assert judge_replanning([start("cold", 1.0)]).verdict == UNMEASURED


def test_medians_over_repeats_and_reruns_replace():
    rows = [start("cold", s, repeat=k) for k, s in enumerate((1.0, 5.0, 2.0))]
    rows += [start("warm", 0.5), start("warm", 1.0)]
    (found,) = replanned(rows, 1e-4)
    assert (found.cold, found.warm) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("lost", "verdict"), [(0.04, "contradicted"), (0.7, "supported"), (0.2, UNKNOWN)]
)
def test_bad_data_are_judged_at_a_tenth(lost, verdict):
    rows = [noisy(0.0, 0.0, 0.0), noisy(0.1, 0.9, lost), noisy(0.01, 0.1, 0.001)]
    found = judge_bad_data(rows)
    assert found.verdict == verdict
    assert "off by 10 %" in found.measured
    assert len(found.each) == 2, "the plan from true data is no finding"


def test_noise_not_measured_at_a_tenth_gets_no_verdict():
    found = judge_bad_data([noisy(0.01, 0.1, 0.001)])
    assert found.verdict == UNMEASURED
    assert found.each


def test_a_plan_that_could_not_be_judged_counts_as_worst():
    rows = [noisy(0.1, 0.2, 0.02, 1), noisy(0.1, None, None, 2), noisy(0.1, None, None, 3)]
    (found,) = noise_losses(rows)
    assert (found.mended, found.plans) == (None, 3)


def test_studies_are_no_results_of_a_ranking():
    """A plan from wrong data must not make its solver look loose."""
    rows = [start("cold", 1.0), noisy(0.1, 0.9, 0.5)]
    assert settle(rows) == []
    with pytest.raises(InputError, match="no measurements to show"):
        settled(rows)
    assert len(settle([*rows, *make_ladder()])) == len(settle(make_ladder()))
