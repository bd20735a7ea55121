"""The search itself, on made-up versions."""

from __future__ import annotations

import pytest

from planbench.comparison.bisect import Probe, _read, search
from planbench.comparison.findings import Finding
from planbench.comparison.paired import Measurement, PairedResult
from planbench.stats.paired import PairedRatio

VERSIONS = tuple("abcdefgh")


def comparer(levels, asked=None, unclear=()):
    """Compare made-up costs; pairs in `unclear` cannot be decided."""

    def compare(first, version):
        if asked is not None:
            asked.append(first + version)
        ratio = levels[VERSIONS.index(version)] / levels[VERSIONS.index(first)]
        change = "up" if ratio > 1.05 else "down" if ratio < 0.95 else "none"
        if first + version in unclear:
            change = "unknown"
        return Probe(version, first, change, ratio, f"{ratio:.3g}")

    return compare


@pytest.mark.parametrize("at", range(1, 8))
@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_finds_every_position_of_one_change_with_few_comparisons(at, factor):
    levels = [1.0] * at + [factor] * (8 - at)
    asked: list = []
    found = search(VERSIONS, comparer(levels, asked))
    assert (found.between, found.decided) == (tuple(VERSIONS[at - 1 : at + 1]), True)
    assert found.exit_code == 1
    assert found.remarks == ()
    assert asked[0] == "ah"  # the ends come first
    assert len(asked) <= 5


def test_two_versions_need_one_comparison():
    found = search(VERSIONS[:2], comparer([1.0, 2.0]))
    assert found.between == ("a", "b")
    assert len(found.steps) == 1


def test_equal_ends_are_no_change_and_say_what_that_leaves_open():
    found = search(VERSIONS, comparer([1, 1, 5, 5, 1, 1, 1, 1]))
    assert (found.between, found.exit_code) == ((None, None), 0)
    assert "stay unseen" in found.remarks[0]


def test_a_change_the_other_way_in_between_is_called_not_monotone():
    found = search(VERSIONS, comparer([1, 1, 1, 0.3, 0.3, 2, 2, 2]))
    assert found.decided
    assert "not monotone" in found.remarks[0]
    assert found.between == ("c", "d")


def test_a_part_of_the_change_says_that_more_came_later():
    found = search(VERSIONS, comparer([1, 1, 1.2, 1.2, 1.2, 1.2, 4, 4]))
    assert found.between == ("b", "c")
    assert any("more came in elsewhere" in remark for remark in found.remarks)


def test_small_steps_over_several_versions_are_not_pinned_on_one():
    found = search(VERSIONS, comparer([1.03**k for k in range(8)]))
    assert found.decided
    assert any("small steps" in remark for remark in found.remarks)


def test_ambiguous_steps_are_judged_from_the_other_end():
    asked: list = []
    levels = [1.0] * 5 + [2.0] * 3
    found = search(VERSIONS, comparer(levels, asked, unclear={"ad"}))
    assert found.between == ("e", "f")
    assert asked[:3] == ["ah", "ad", "dh"]


def test_what_cannot_be_decided_names_what_is_left():
    unclear = {"ad", "dh"}
    found = search(VERSIONS, comparer([1.0] * 5 + [2.0] * 3, unclear=unclear))
    assert (found.between, found.decided, found.exit_code) == (("a", "h"), False, 2)
    ends = search(VERSIONS, comparer([1.0] * 8, unclear={"ah"}))
    assert ends.exit_code == 2


def test_another_answer_is_said_beside_the_time():
    said = "answers differ: objective 1 with a, 2 with b"
    verdict = PairedResult(
        Measurement("tiny", "highs-ds"),
        "same",
        ratio=PairedRatio(1.0, 0.99, 1.01, 8, "same"),
        faults=(Finding("counters", "highs-ds", "tiny", "answer", "worse", note=said),),
    )
    change, ratio, seen = _read(verdict, "time")
    assert (change, ratio, "answers differ" in seen) == ("none", 1.0, True)
