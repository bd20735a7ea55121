"""What pairs of records mean: times, ends, answers, and the control."""

from __future__ import annotations

import pytest
from support.record_builders import make_failure, make_record

from planbench.comparison.findings import sentence
from planbench.comparison.paired import Measurement, Pair, is_decided, judge_case
from planbench.stats.paired import Schedule

CASE = Measurement("tiny", "highs-ds")
NAMES = ("old", "new")
#: Scatter of a steady machine.
NOISE = (1.0, 1.004, 0.997, 1.002, 0.999, 1.003, 0.996, 1.001)


def pairs(slowdown=1.0, n=8, **changes):
    return [
        Pair(
            make_record("highs-ds", wall_s=NOISE[i % 8], wait_s=0.0),
            make_record("highs-ds", wall_s=slowdown * NOISE[(3 * i + 1) % 8], **changes),
        )
        for i in range(n)
    ]


def notes(result):
    return [f"{fault.measure} {sentence(fault)}" for fault in result.faults]


def judge(found, controls=(), **more):
    return judge_case(CASE, found, list(controls), Schedule(), names=NAMES, **more)


@pytest.mark.parametrize(
    ("slowdown", "verdict"), [(1.2, "worse"), (1 / 1.2, "better"), (1.0, "same")]
)
def test_times_decide_where_all_else_is_equal(slowdown, verdict):
    found = judge(pairs(slowdown))
    assert (found.layer, found.verdict) == ("time", verdict)
    assert found.faults == ()
    assert is_decided(found, Schedule())


def test_waits_for_a_processor_are_not_the_solvers_time():
    slow = pairs(1.5, wait_s=0.5)
    assert judge(slow).verdict == "same"


def test_waits_that_one_side_does_not_tell_count_on_neither():
    slow = [
        Pair(p.a.model_copy(update={"wait_s": None}), p.b.model_copy(update={"wait_s": 0.5}))
        for p in pairs(1.5)
    ]
    assert judge(slow).verdict == "worse"


def test_cpu_time_and_matrix_passes_can_be_compared_instead():
    found = pairs(1.0, cpu_s=2.0, matrix_passes=617.0)
    assert judge(found, measure="cpu").verdict == "worse"
    assert judge(found, measure="passes").verdict == "better"


def test_a_control_that_changed_too_forbids_a_verdict():
    found = judge(pairs(1.3), controls=pairs(1.3))
    assert found.verdict == "unclear"
    assert "the machine changed" in found.reason
    assert not is_decided(found, Schedule())
    assert judge(pairs(1.3), controls=pairs(1.0)).verdict == "worse"


def test_a_candidate_that_dies_is_worse_and_its_mirror_image_better():
    good, dead = make_record("highs-ds"), make_failure("highs-ds", "crash")
    worse = judge([Pair(good, dead)] * 2)
    assert (worse.layer, worse.verdict) == ("outcomes", "worse")
    assert (worse.reason, worse.faults) == ("certified → crash; ended by crash", ())
    assert is_decided(worse, Schedule())
    better = judge([Pair(dead, good)] * 2)
    assert (better.layer, better.verdict, better.faults) == ("outcomes", "better", ())
    assert better.reason == "crash → certified; ended by crash"


def test_one_crash_among_good_runs_is_a_finding_and_times_are_compared_all_the_same():
    found = pairs(1.0)
    found[3] = Pair(found[3].a, make_failure("highs-ds", "crash"))
    verdict = judge(found)
    assert verdict.verdict == "same"
    assert verdict.ratio is not None
    assert verdict.ratio.n == 7
    assert notes(verdict) == ["outcome certified → crash (must not get worse; ended by crash)"]


def test_runs_cut_off_by_the_limit_are_no_proof_of_equal_times():
    """What is left of a side that often hits the limit are its fastest runs."""
    late = make_failure("highs-ds", "timeout")
    found = pairs(1.0)
    found[1] = Pair(late, found[1].b)
    assert judge(found).verdict == "same"
    found[3] = Pair(found[3].a, late)
    found[5] = Pair(found[5].a, late)
    verdict = judge(found)
    assert verdict.verdict == "unclear"
    assert "cut off 1 run of old and 2 of new" in verdict.reason


@pytest.mark.parametrize(
    "changes", [{"objective": 1.26}, {"claim": "infeasible"}, {"verdict": "unproven"}]
)
def test_another_answer_in_one_run_only_is_a_finding_unless_the_first_side_gives_it_too(changes):
    odd = make_record("highs-ds", **changes)
    found = pairs(1.0)
    found[5] = Pair(found[5].a, odd)
    assert judge(found).faults
    found[6] = Pair(odd, found[6].b)
    assert not judge(found).faults


def test_limits_hit_by_both_compare_nothing():
    dead = make_failure("highs-ds", "timeout")
    found = judge([Pair(dead, dead)] * 2)
    assert (found.layer, found.verdict, found.faults) == ("outcomes", "unclear", ())
    assert "timeout" in found.reason


def test_a_side_without_the_method_cannot_be_compared_and_is_no_regression():
    refused = make_failure("highs-ds", "refused", message="needs highspy 1.14 or later")
    found = judge([Pair(make_record("highs-ds"), refused)] * 2)
    assert (found.layer, found.verdict, found.faults) == ("outcomes", "unclear", ())
    assert "needs highspy 1.14" in found.reason


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objective": 1.26}, "objective 1.25 → 1.26"),
        ({"claim": "infeasible"}, "answers differ: optimal before, infeasible now"),
        ({"verdict": "loose", "raw_gap": 0.1}, "certified → loose"),
    ],
)
def test_another_answer_is_a_finding_however_fast(changes, words):
    assert any(words in line for line in notes(judge(pairs(0.5, **changes))))


def test_a_loose_answer_of_another_version_is_a_finding_with_its_gap():
    found = judge(pairs(1.0, verdict="loose", raw_gap=0.1, solver_version="9.9"))
    assert notes(found) == ["outcome certified → loose (must not get worse; raw gap 1e-1)"]


def test_wrong_answers_are_no_answers():
    found = judge(pairs(0.5, verdict="wrong", reasons=["claims too much"]))
    assert (found.layer, found.verdict) == ("outcomes", "worse")
    assert found.reason == "certified → wrong; claims too much"


def test_answers_of_other_paths_may_differ_by_their_certified_gaps():
    """The same versions with the same iterations give the same answer to the last digits."""
    assert judge(pairs(1.0, objective=1.25 * (1 + 5e-5))).difference != ""
    other = {"iterations": {"pdlp": 90}}
    assert judge(pairs(1.0, objective=1.25 * (1 + 5e-5), **other)).difference != ""
    loose = pairs(1.0, objective=1.25 * 1.01, raw_gap=0.02, **other)
    assert judge(loose).difference == ""


def test_other_iterations_are_told_but_are_no_finding():
    found = judge(pairs(1.0, iterations={"simplex": 130}))
    assert found.faults == ()
    assert found.remarks == ("iterations 120 simplex with old, 130 simplex with new",)
    assert found.steady


def test_iterations_that_vary_within_a_side_are_told():
    found = pairs(1.0)
    found[2] = Pair(found[2].a, make_record("highs-ds", iterations={"simplex": 99}))
    verdict = judge(found)
    assert not verdict.steady
    assert "new: iterations vary from run to run" in verdict.remarks


def test_looks_are_kept_to_and_come_to_an_end():
    schedule = Schedule(looks=(4, 8))
    clear = pairs(1.3, 5)
    assert not is_decided(judge(clear), schedule)  # 5 pairs: not a look
    assert is_decided(judge(clear[:4]), schedule)
    unclear = [
        Pair(make_record("highs-ds", wall_s=1.0), make_record("highs-ds", wall_s=w))
        for w in (0.7, 1.4, 0.8, 1.3, 0.75, 1.35, 0.9, 1.2)
    ]
    assert judge(unclear).verdict == "unclear"
    assert not is_decided(judge(unclear[:4]), schedule)
    assert is_decided(judge(unclear), schedule)


def test_runs_of_milliseconds_are_not_timed_but_their_answers_are_compared():
    """Their time is that of starting things: they would be unclear for ever."""
    short = [Pair(make_record("highs-ds", wall_s=0.001), make_record("highs-ds", wall_s=0.003))] * 2
    found = judge(short)
    assert (found.layer, found.verdict, found.faults) == ("time", "skipped", ())
    assert is_decided(found, Schedule())
    other = [Pair(p.a, make_record("highs-ds", wall_s=0.003, objective=2.0)) for p in short]
    assert judge(other).faults
    grown = [Pair(p.a, make_record("highs-ds", wall_s=0.2)) for p in short * 4]
    assert judge(grown).verdict == "worse"


def test_a_refusal_among_good_runs_does_not_excuse_a_candidate_that_dies():
    good, dead = make_record("highs-ds"), make_failure("highs-ds", "crash")
    found = judge([Pair(make_failure("highs-ds", "refused"), dead), Pair(good, dead)])
    assert (found.layer, found.verdict) == ("outcomes", "worse")


def test_wrong_answers_that_came_too_late_are_named():
    """Both sides were run, so that nothing may say that they were not."""
    late = make_record("highs-ds", ended="timeout", verdict="wrong")
    found = judge([Pair(late, late)] * 2)
    assert (found.layer, found.verdict) == ("outcomes", "unclear")
    assert found.reason == "wrong → wrong; refuted by its certificate"


def test_a_crash_of_the_candidate_is_worse_though_the_other_never_ends():
    late, crash = make_failure("highs-ds", "timeout"), make_failure("highs-ds", "crash")
    found = judge([Pair(late, crash), Pair(late, make_record("highs-ds"))])
    assert (found.layer, found.verdict) == ("outcomes", "worse")
    assert "ended by crash" in found.reason
