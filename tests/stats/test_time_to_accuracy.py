"""Time to accuracy is read from the tries in a results file, failed ones charged."""

import pytest
from support.record_builders import make_record

from planbench.records.schema import AccuracyFacts
from planbench.stats.accuracy import time_to_accuracy


def tries(solver, target, *seconds_and_gaps, end="reached", repeat=0, **changes):
    """Rows of one chain; the last one has `end`."""
    rows, charged = [], 0.0
    targets = list(target) if isinstance(target, tuple) else [target]
    for number, (seconds, gap) in enumerate(seconds_and_gaps):
        charged += seconds
        last = number == len(seconds_and_gaps) - 1
        fields = {
            "wall_s": seconds,
            "raw_gap": gap,
            "polished_gap": None if gap is None else gap / 100,
            "polish_s": 0.25,
            "verdict": "loose",
            "repeat": repeat,
            "time_limit_s": 60.0 - (charged - seconds),
            "options": {"tolerance": targets[-1] * 10.0**-number, "threads": 1},
            "key": f"{solver}|{targets[-1]}|{number}",
            "accuracy": AccuracyFacts(
                targets=targets, attempt=number, charged_s=charged, end=end if last else ""
            ),
        }
        rows.append(make_record(solver, **(fields | changes)))
    return rows


def only(rows):
    (found,) = time_to_accuracy(rows)
    return found


def test_all_tries_up_to_the_one_that_reached_the_target_are_charged():
    found = only(tries("pdlp", 1e-4, (1.0, 1e-2), (2.0, 1e-3), (4.0, 5e-5)))
    assert (found.seconds, found.reached, found.end) == (7.0, True, "reached")
    assert (found.target, found.gap, found.tries, found.repeats) == (1e-4, 5e-5, 3, 1)
    assert (found.solver, found.options, found.version) == ("pdlp", {"threads": 1}, "1.15.1")
    assert found.limit_s == 60.0


@pytest.mark.parametrize("end", ["timeout", "stalled", "floor", "tries"])
def test_a_target_not_reached_is_censored_at_what_was_spent(end):
    found = only(tries("pdlp", 1e-6, (1.0, 1e-2), (2.0, 1e-3), end=end))
    assert (found.seconds, found.reached, found.end, found.gap) == (3.0, False, end, 1e-3)


def test_a_chain_that_is_not_finished_says_so():
    """It is no verdict on the solver."""
    assert only(tries("pdlp", 1e-6, (1.0, 1e-2), end="")).end == "broken off"


def test_an_answer_after_the_limit_or_a_wrong_one_reaches_nothing():
    late = tries("pdlp", 1e-4, (60.0, 1e-9), end="timeout", ended="timeout")
    wrong = tries("pdlp", 1e-4, (1.0, 1e-9), end="stalled", verdict="wrong")
    assert not only(late).reached
    assert not only(wrong).reached


def test_one_run_of_an_exact_solver_stands_for_every_target():
    found = time_to_accuracy(tries("highs-ds", (1e-2, 1e-4, 1e-6), (3.0, 1e-5), end="once"))
    assert [(f.target, f.seconds, f.reached, f.end) for f in found] == [
        (1e-2, 3.0, True, "reached"),
        (1e-4, 3.0, True, "reached"),
        (1e-6, 3.0, False, "once"),
    ]


def test_the_null_answer_stands_among_them():
    found = time_to_accuracy(tries("null", (1e-2, 1e-6), (1e-4, 1.0), end="once"))
    assert [f.reached for f in found] == [False, False]


def test_a_try_made_again_replaces_the_former_and_what_followed_it():
    """A timeout under a longer limit, or a disturbed try, must not be charged twice."""
    first = tries("pdlp", 1e-4, (1.0, 1e-2), (9.0, None), end="timeout", ended="timeout")
    first[0] = first[0].model_copy(update={"ended": "ok"})
    again = tries("pdlp", 1e-4, (1.0, 1e-2), (30.0, 5e-5))[1]
    found = only([*first, again])
    assert (found.seconds, found.reached, found.tries) == (31.0, True, 2)
    restarted = tries("pdlp", 1e-4, (2.0, 5e-5))
    assert only([*first, again, *restarted]).seconds == 2.0


def test_repeats_give_the_median_and_failures_rank_last():
    chains = [
        tries("pdlp", 1e-4, (seconds, 5e-5), repeat=repeat)
        for repeat, seconds in enumerate((1.0, 9.0, 2.0))
    ]
    found = only([row for chain in chains for row in chain])
    assert (found.seconds, found.repeats) == (2.0, 3)
    failed = tries("pdlp", 1e-4, (50.0, 1e-2), end="timeout", repeat=1)
    worse = tries("pdlp", 1e-4, (40.0, 1e-2), end="timeout", repeat=2)
    found = only([*chains[0], *failed, *worse])
    assert (found.seconds, found.reached, found.end) == (50.0, False, "timeout")


def test_disturbed_chains_give_way_to_undisturbed_ones():
    loud = tries("pdlp", 1e-4, (9.0, 5e-5), disturbed=True)
    calm = tries("pdlp", 1e-4, (2.0, 5e-5), repeat=1)
    assert (only(loud).seconds, only(loud).disturbed) == (9.0, True)
    assert (only([*loud, *calm]).seconds, only([*loud, *calm]).disturbed) == (2.0, False)


def test_machines_options_and_instances_are_not_mixed():
    rows = tries("pdlp", 1e-4, (1.0, 5e-5))
    rows += tries("pdlp", 1e-4, (2.0, 5e-5), machine={"id": "elsewhere"})
    rows += tries("pdlp", 1e-4, (3.0, 5e-5), options={"tolerance": 1e-4, "threads": 2})
    rows += tries("pdlp", 1e-4, (4.0, 5e-5), instance="other")
    rows += tries("pdlp", 1e-4, (5.0, 5e-5), variable="threads", value=2)
    assert [f.seconds for f in time_to_accuracy(rows)] == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_failed_try_does_not_split_its_chain():
    """A run that was killed could not say its version."""
    rows = tries("pdlp", 1e-4, (1.0, 1e-2), (9.0, None), end="timeout")
    rows[1] = rows[1].model_copy(update={"solver_version": "", "ended": "timeout"})
    assert only(rows).seconds == 10.0


def test_rows_of_other_suites_are_passed_over():
    assert time_to_accuracy([make_record("pdlp")]) == []
