"""Repeats, reruns and failures are aggregated into results by the stated rules."""

from __future__ import annotations

import pytest
from support.record_builders import MACHINE, make_failure, make_ladder, make_record

from planbench.errors import InputError
from planbench.report.ladders import find_ladders, fit_ladder
from planbench.report.results import aggregate, require_results, status_of


def test_status_of_a_row():
    assert status_of(make_record()) == "solved"
    assert status_of(make_record(verdict="loose", raw_gap=9e-5)) == "solved"
    assert status_of(make_record(verdict="loose", raw_gap=2e-4)) == "loose"
    assert status_of(make_record(verdict="unproven", raw_gap=None)) == "unproven"
    assert status_of(make_record(verdict="wrong", raw_gap=1e-12)) == "wrong"
    assert status_of(make_record(claim="infeasible", raw_gap=None)) == "solved"
    for ended in ("timeout", "memory", "crash", "killed", "refused"):
        assert status_of(make_failure("x", ended)) == ended


def test_median_over_repeats():
    rows = [make_record(wall_s=s, repeat=k) for k, s in enumerate((0.5, 9.0, 0.6))]
    (result,) = aggregate(rows)
    assert (result.seconds, result.repeats) == (0.6, 3)


def test_disturbed_row_gives_way_to_its_rerun():
    """A row taken while the machine was busy must not enter a median once it was run again."""
    rows = [make_record(wall_s=5.0, disturbed=True), make_record(wall_s=0.5)]
    (result,) = aggregate(rows)
    assert (result.seconds, result.disturbed) == (0.5, False)
    (result,) = aggregate(rows[:1])
    assert result.disturbed
    (result,) = aggregate([make_record(wall_s=0.5), make_record(wall_s=5.0, disturbed=True)])
    assert result.seconds == 0.5, "a disturbed rerun replaces nothing"


def test_later_rerun_replaces_the_earlier_row():
    (result,) = aggregate([make_record(wall_s=5.0), make_record(wall_s=0.5)])
    assert (result.seconds, result.repeats) == (0.5, 1)


def test_one_wrong_repeat_makes_the_cell_wrong():
    rows = [make_record(repeat=0), make_record(repeat=1, verdict="wrong"), make_record(repeat=2)]
    (result,) = aggregate(rows)
    assert result.status == "wrong"
    assert not result.solved


def test_loosest_repeat_stands_for_accuracy():
    rows = [
        make_record(repeat=k, verdict="loose", raw_gap=g) for k, g in enumerate((1e-6, 1e-2, 1e-5))
    ]
    (result,) = aggregate(rows)
    assert (result.raw_gap, result.status) == (1e-2, "loose")


def test_timeouts_rank_last_in_the_median():
    ok, bad = make_record(wall_s=1.0, repeat=0), make_failure("highs-ds", "timeout", repeat=1)
    third = make_failure("highs-ds", "timeout", repeat=2)
    assert aggregate([ok, bad, third])[0].status == "timeout"
    fine = make_record(wall_s=3.0, repeat=2)
    assert aggregate([ok, bad, fine])[0].seconds == 3.0


def test_timeout_under_a_shorter_limit_is_superseded():
    """Run again with more time: the first attempt says nothing any more."""
    rows = [
        make_failure("highs-ds", "timeout", repeat=0, time_limit_s=1.0),
        make_record(wall_s=4.0, repeat=1, time_limit_s=10.0),
    ]
    (result,) = aggregate(rows)
    assert (result.status, result.seconds) == ("solved", 4.0)


def test_timeout_costs_its_limit_and_the_passes_of_its_solve():
    (result,) = aggregate([make_failure("x", "timeout", pass_s_before=0.1, time_limit_s=10.0)])
    assert (result.seconds, result.passes) == (10.0, 100.0)
    own = make_failure("x", "timeout", options={"time_limit": 2.0}, time_limit_s=10.0)
    assert aggregate([own])[0].seconds == 2.0


def test_namesakes_with_other_options_or_versions_stay_apart():
    rows = [
        make_record("pdlp", key="a", options={"tolerance": 1e-4, "seed": 1}),
        make_record("pdlp", key="b", options={"tolerance": 1e-8, "seed": 1}),
        make_record("glop", key="c", solver_version="9.14"),
        make_record("glop", key="d", solver_version="9.15"),
        make_record("cbc", key="e", options={"time_limit": 3.0}),
        make_record("cbc", key="e", repeat=1, options={"time_limit": 4.0}),
    ]
    assert {c.series for c in aggregate(rows)} == {
        "pdlp tolerance=0.0001",
        "pdlp tolerance=1e-08",
        "glop 9.14",
        "glop 9.15",
        "cbc",
    }


def test_failed_run_without_a_version_stays_with_its_series():
    """A killed worker cannot say its version; it is still the same solver."""
    rows = [
        make_record("glop", key="a", goods=10, solver_version="9.15"),
        make_failure("glop", "timeout", "big", key="b", goods=99, solver_version=""),
    ]
    assert [c.series for c in aggregate(rows)] == ["glop", "glop"]
    newer = make_record("glop", key="c", solver_version="9.16", packages={"ortools": "9.16"})
    assert [c.series for c in aggregate([*rows, newer])] == ["glop 9.15", "glop 9.15", "glop 9.16"]


def test_machines_are_never_averaged():
    other = MACHINE | {"id": "ffff"}
    rows = [make_record(wall_s=1.0), make_record(wall_s=3.0, repeat=1, machine=other)]
    assert sorted(c.seconds for c in aggregate(rows)) == [1.0, 3.0]
    ladder = make_ladder(laws={"glop": (1.0, 0.1)})
    moved = [r.model_copy(update={"machine": other}) for r in ladder]
    found = find_ladders(aggregate(ladder + moved))
    assert len(found) == 2
    assert len({lad.name for lad in found}) == 2


def test_nothing_to_settle():
    assert aggregate([]) == []
    with pytest.raises(InputError, match="planbench bench"):
        require_results([])


def test_ladder_fit_finds_the_exponents_the_records_were_made_with():
    rows = make_ladder(laws={"highs-ipm": (2.0, 0.8), "highs-hipdlp": (1.2, 0.2)}, scatter=0.0)
    (ladder,) = find_ladders(aggregate(rows))
    assert ladder.sizes == (100, 300, 1000, 3000, 10000)
    assert ladder.series == ("highs-ipm", "highs-hipdlp")
    steep, flat = (fit_ladder(ladder, s, "seconds") for s in ladder.series)
    assert steep.exponent == pytest.approx(2.0, abs=0.05)
    assert steep.n_censored == 2, "the timeout, and the smallest size as mostly fixed cost"
    assert flat.exponent == pytest.approx(1.2, abs=0.05)
    assert fit_ladder(ladder, "highs-ipm", "passes").exponent == pytest.approx(1.0, abs=0.06)


def test_loose_answers_count_as_at_least():
    """Fast and inaccurate must not look like a small exponent."""
    rows = make_ladder(laws={"pdlp": (1.2, 0.2)}, scatter=0.0)
    loose = [r.model_copy(update={"verdict": "loose", "raw_gap": 0.1}) for r in rows]
    (ladder,) = find_ladders(aggregate(loose))
    assert fit_ladder(ladder, "pdlp", "seconds").exponent is None
    memory = fit_ladder(ladder, "pdlp", "bytes")
    assert memory.exponent is not None, "a peak is known however loose the answer"


def test_wrong_and_crashed_runs_tell_nothing_of_cost():
    rows = make_ladder(laws={"glop": (1.5, 0.5)}, scatter=0.0)
    (plain,) = find_ladders(aggregate(rows))
    assert rows[-2].ended == "ok"
    more = [*rows[:-2], rows[-2].model_copy(update={"verdict": "wrong", "wall_s": 3.0}), rows[-1]]
    (ladder,) = find_ladders(aggregate(more))
    fit = fit_ladder(ladder, "glop", "seconds")
    assert fit.n_points == fit_ladder(plain, "glop", "seconds").n_points - 1


def test_recipes_without_a_group_form_a_ladder_by_themselves():
    rows = [r.model_copy(update={"group": "", "suite": ""}) for r in make_ladder()]
    (ladder,) = find_ladders(aggregate(rows))
    assert ladder.name == "generated economies"


def test_ladders_of_one_name_and_different_recipes_stay_apart():
    """Two files in one report may both have a ladder "growth" of unlike economies."""
    rows = [
        r.model_copy(update={"group": "growth"})
        for structure in ("uniform", "layered")
        for r in make_ladder(structure, laws={"glop": (1.5, 0.1)})
    ]
    assert {lad.name for lad in find_ladders(aggregate(rows))} == {
        "growth (structure=uniform)",
        "growth (structure=layered)",
    }


def test_one_instance_in_two_suites_is_one_cell():
    rows = [make_record(suite="quick", group="golden"), make_record(suite="smoke", repeat=1)]
    (result,) = aggregate(rows)
    assert (result.repeats, result.group) == (2, "golden")


def test_yardstick_and_single_sizes_are_no_ladder():
    rows = make_ladder(laws={"null": (1.0, 0.1)})
    assert find_ladders(aggregate(rows)) == []
    assert find_ladders(aggregate(make_ladder(sizes=(100,)))) == []
    assert find_ladders(aggregate([make_record(goods=3), make_record(instance="b", goods=9)])) == []
