"""The next tolerance: tried on solvers that answer by formula, so that any response is covered."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planbench.bench.accuracy import (
    AIM,
    GREATEST_STEP,
    LEAST_STEP,
    LOOSEST,
    MOST_TRIES,
    NO_HELP,
    STALLS,
    TIGHTEST,
    Chain,
    Step,
    Try,
    next_step,
    runs_once,
)
from planbench.records.schema import AccuracyFacts
from planbench.solvers.base import SolverSpec

TARGETS = st.floats(-7, -0.5).map(lambda e: 10.0**e)


def chase(target, gap_at):
    """All tries of a chain whose raw gap is `gap_at(tolerance)`, and why it ended."""
    tries = []
    for _ in range(100):
        step = next_step(target, tries)
        if step.tolerance is None:
            return tries, step.end
        tries.append(Try(step.tolerance, gap_at(step.tolerance)))
    raise AssertionError("the chain does not end")


@given(target=TARGETS, data=st.data())
def test_every_chain_ends_and_only_ever_tightens(target, data):
    """Whatever a solver answers; otherwise a suite could run for ever or charge for nothing."""
    gaps = st.one_of(st.none(), st.floats(0, 10))
    tries, end = chase(target, lambda tolerance: data.draw(gaps))
    tolerances = [t.tolerance for t in tries]
    assert tolerances[0] == pytest.approx(min(target, LOOSEST), rel=0.06)
    assert tolerances == sorted(set(tolerances), reverse=True)
    assert all(TIGHTEST <= t <= LOOSEST for t in tolerances)
    assert len(tries) <= MOST_TRIES
    assert end in {"reached", "stalled", "floor", "tries"}
    reached = [t.gap is not None and t.gap <= target for t in tries]
    assert reached == [False] * (len(tries) - 1) + [end == "reached"]


@given(
    target=TARGETS,
    factor=st.floats(-2, 3).map(lambda e: 10.0**e),
    exponent=st.floats(0.5, 1.2),
)
def test_a_solver_that_can_reach_the_target_is_driven_there_in_few_tries(target, factor, exponent):
    """Gap = c·tolerance^a: each step is charged, so there must be few, and none far too tight."""

    def gap_at(tolerance):
        return factor * tolerance**exponent

    tries, end = chase(target, gap_at)
    if gap_at(2 * TIGHTEST) <= AIM * target:
        assert end == "reached"
        assert len(tries) <= 8
    # The last step overshoots at most by what one step may tighten.
    if len(tries) > 1:
        assert gap_at(tries[-2].tolerance) > target
        assert tries[-1].tolerance >= 0.9 * GREATEST_STEP * tries[-2].tolerance
        assert tries[-1].tolerance <= max(1.1 * LEAST_STEP * tries[-2].tolerance, TIGHTEST)


@given(
    target=TARGETS,
    factor=st.floats(1, 1e2),
    worst=st.floats(1.5, 1e4),
)
def test_a_solver_that_can_do_no_better_is_let_go(target, factor, worst):
    """A gap that stays above the target must not be chased down to the last tolerance."""
    floor = worst * target
    tries, end = chase(target, lambda tolerance: max(factor * tolerance, floor))
    assert end in {"stalled", "floor"}
    helped = [t for t in tries if t.gap > floor / NO_HELP]
    assert len(tries) <= len(helped) + STALLS + 2


@pytest.mark.parametrize("ended", ["timeout", "memory", "crash", "killed", "refused"])
def test_a_run_that_did_not_end_well_ends_the_chain(ended):
    """A tighter try after running out of time would only run out of it again."""
    assert next_step(1e-4, [Try(1e-4, 1e-3), Try(1e-5, None, ended)]) == Step(None, ended)


def test_an_answer_at_the_limit_does_not_count():
    """Time to accuracy is a time within the limit."""
    assert next_step(1e-2, [Try(1e-2, 1e-9, "timeout")]).end == "timeout"


def test_a_wild_miss_is_followed_by_its_ratio():
    """Ten times too loose at 1e-4: aim at half the target, so 20 times tighter."""
    assert next_step(1e-4, [Try(1e-4, 1e-3)]).tolerance == pytest.approx(5e-6, rel=0.06)
    # Twice the digits of tolerance for a digit of gap: the second step knows.
    slow = [Try(1e-4, 1e-2), Try(1e-6, 1e-3)]
    assert next_step(5e-4, slow).tolerance == pytest.approx(1e-6 / 16, rel=0.06)
    assert next_step(1e-4, [Try(1e-4, None)]).tolerance == pytest.approx(1e-5, rel=0.06)


class Record:
    """The least the driver reads of a record."""

    def __init__(self, wall_s=1.0, raw_gap=None, ended="ok", verdict="loose"):
        self.wall_s, self.raw_gap, self.ended, self.verdict = wall_s, raw_gap, ended, verdict


def spec(*takes, exact=False):
    return SolverSpec("s", "f", "m", "mod", (), exact=exact, takes=frozenset(takes))


def drive(solver, targets, answers, limit=100.0):
    """Run a chain on given answers; what was asked, and what was noted of each try."""
    chain = Chain(targets, solver, limit)
    asked, noted = [], []
    for record in answers:
        assert not chain.end
        asked.append((chain.tolerance, chain.allowed_s, len(chain.tries)))
        noted.append(chain.facts(record))
        chain.add(record)
    return asked, noted


def test_failed_tries_are_charged_and_share_one_time_limit():
    asked, noted = drive(
        spec("tolerance"),
        (1e-2,),
        [Record(10.0, 0.3), Record(20.0, 0.02), Record(5.0, 0.001)],
    )
    assert [allowed for _, allowed, _ in asked] == [100.0, 90.0, 70.0]
    assert [number for *_, number in asked] == [0, 1, 2]
    assert noted == [
        AccuracyFacts(targets=[1e-2], attempt=0, charged_s=10.0, end=""),
        AccuracyFacts(targets=[1e-2], attempt=1, charged_s=30.0, end=""),
        AccuracyFacts(targets=[1e-2], attempt=2, charged_s=35.0, end="reached"),
    ]


def test_a_spent_time_limit_ends_the_chain():
    asked, noted = drive(spec("tolerance"), (1e-2,), [Record(40.0, 0.3), Record(60.0, 0.1)])
    assert len(asked) == 2
    assert (noted[-1].charged_s, noted[-1].end) == (100.0, "timeout")
    _, noted = drive(
        spec("tolerance"), (1e-2,), [Record(40.0, 0.3), Record(None, None, "memory", None)]
    )
    # Seconds nobody measured are charged in full.
    assert (noted[-1].charged_s, noted[-1].end) == (100.0, "memory")


def test_a_wrong_answer_reaches_nothing():
    """A solver that lies about its objective is not rewarded for a narrow bracket."""
    _, noted = drive(
        spec("tolerance"),
        (1e-2,),
        [Record(1.0, 1e-5, verdict="wrong"), Record(1.0, 1e-3, verdict="loose")],
    )
    assert [n.end for n in noted] == ["", "reached"]


@pytest.mark.parametrize("solver", [spec("tolerance", exact=True), spec("threads")])
def test_a_solver_without_a_tolerance_to_tighten_runs_once_for_all_targets(solver):
    assert runs_once(solver)
    for gap, end in ((1e-9, "reached"), (1e-3, "once"), (None, "once")):
        asked, noted = drive(solver, (1e-2, 1e-4, 1e-6), [Record(2.0, gap)])
        assert asked == [(None, 100.0, 0)]
        assert noted == [
            AccuracyFacts(targets=[1e-2, 1e-4, 1e-6], attempt=0, charged_s=2.0, end=end)
        ]


def test_tolerances_are_short_numbers():
    """They stand in option lists and tables, and in the keys of measurements."""
    tries, _ = chase(1e-6, lambda tolerance: 17 * tolerance)
    assert all(math.isclose(float(f"{t.tolerance:.1e}"), t.tolerance) for t in tries)
