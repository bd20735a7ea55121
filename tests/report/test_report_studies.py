"""Rows of studies reach the claims, and nothing else."""

from __future__ import annotations

import pytest
from support.record_builders import make_ladder, make_record

from planbench.debate.claims import UNKNOWN, UNMEASURED, JudgedClaim, judge_claims
from planbench.debate.studies import noise_losses, replanned
from planbench.errors import InputError
from planbench.records.schema import STUDY
from planbench.report.results import aggregate, require_results


def judged(claim: str, rows) -> JudgedClaim:
    (found,) = (f for f in judge_claims(rows, [], None) if f.claim.startswith(claim))
    return found


def start(value, seconds, solver="two-level", goods=1000, repeat=0, **changes):
    fields = {
        "suite": STUDY, "group": "replan", "variable": "start", "value": value, "goods": goods,
        "key": f"{solver} {value} {goods}", "wall_s": seconds, "repeat": repeat,
        "options": {"start": value}, "iterations": {"rounds": 12 if value == "cold" else 2},
    }  # fmt: skip
    return make_record(solver, f"gen:goods={goods} cut", **(fields | changes))


def noisy(noise, levels, techniques, seed=1):
    losses = {"levels": levels, "techniques": techniques}
    return [
        make_record(
            "highs-ipm", "gen:goods=500", suite=STUDY, group="bad-data", variable="noise",
            value=noise, raw_gap=loss, repeat=seed, key=f"{noise} {way}", verdict="loose",
            options={"noise": noise, "carried_out": way},
        )
        for way, loss in losses.items() if loss != "none"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cold", "warm", "verdict"),
    [
        (1.0, 0.05, "contradicted"),
        (9e4, 1e5, "supported"),
        (9e4, 3e3, "contradicted"),
        (9e3, 2e4, UNKNOWN),
    ],
)
def test_replanning_is_judged_by_the_sooner_plan(cold, warm, verdict):
    found = judged("A shock", [start("cold", cold), start("warm", warm)])
    assert found.verdict == verdict
    assert "from the old plan" in found.measured
    assert "rounds 2 and 12" in found.measured
    assert ("times faster" in found.measured) == (cold > 2 * warm)


def test_fastest_on_the_largest_economy_counts():
    rows = [start("cold", 1.0), start("warm", 0.01)]
    rows += [start("cold", 9.0, goods=9000), start("warm", 9.0, goods=9000)]
    rows += [start("cold", 99.0, "highs-ds", 9000), start("warm", 50.0, "highs-ds", 9000)]
    found = judged("A shock", rows)
    assert found.measured.startswith("two-level, gen:goods=9000")
    assert "saved by two-level at 1,000 goods: 100 times" in found.measured


@pytest.mark.parametrize(
    "bad",
    [{"raw_gap": 0.1, "verdict": "loose"}, {"ended": "refused"}, {"raw_gap": None}],
)
def test_plans_that_miss_the_gap_are_not_compared(bad):
    """A warm start that stops early would look fast."""
    assert replanned([start("cold", 1.0), start("warm", 0.1, **bad)], 1e-4) == []
    assert judged("A shock", [start("cold", 1.0)]).verdict == UNMEASURED


def test_medians_over_repeats_and_reruns_replace():
    rows = [start("cold", s, repeat=k) for k, s in enumerate((1.0, 5.0, 2.0))]
    rows += [start("warm", 0.5), start("warm", 1.0)]
    (found,) = replanned(rows, 1e-4)
    assert (found.cold, found.warm) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("lost", "verdict"), [(0.04, "contradicted"), (0.7, "supported"), (0.2, UNKNOWN)]
)
def test_bad_data_are_judged_at_a_tenth(lost, verdict):
    rows = [*noisy(0.0, 0.0, 0.0), *noisy(0.1, 0.9, lost), *noisy(0.01, 0.1, 0.001)]
    found = judged("Planning with bad data", rows)
    assert found.verdict == verdict
    assert "off by 10 %" in found.measured


def test_noise_not_measured_at_a_tenth_gets_no_verdict():
    found = judged("Planning with bad data", noisy(0.01, 0.1, 0.001))
    assert found.verdict == UNMEASURED


def test_a_plan_that_could_not_be_judged_counts_as_worst():
    rows = [*noisy(0.1, 0.2, 0.02, 1), *noisy(0.1, None, None, 2), *noisy(0.1, None, None, 3)]
    (found,) = noise_losses(rows)
    assert (found.levels, found.techniques, found.plans) == (None, None, 3)


def test_levels_stand_in_where_techniques_cannot_be_told_apart():
    """Joint production: the plan is judged by what runs as planned."""
    found = judged("Planning with bad data", noisy(0.1, 0.7, "none"))
    assert found.verdict == "supported"
    assert "techniques" not in found.measured


def test_studies_are_no_results_of_a_ranking():
    """A plan from wrong data must not make its solver look loose."""
    rows = [start("cold", 1.0), *noisy(0.1, 0.9, 0.5)]
    assert aggregate(rows) == []
    with pytest.raises(InputError, match="no measurements to show"):
        require_results(rows)
    assert len(aggregate([*rows, *make_ladder()])) == len(aggregate(make_ladder()))
