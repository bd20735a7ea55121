"""The words, table, Markdown and JSON of a comparison of two sides."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from planbench.comparison.ab import Comparison
from planbench.comparison.ab_judge import Case, CaseVerdict
from planbench.report import ab
from planbench.stats.paired import PairedRatio


def verdict(outcome="slower", ratio=1.23, instance="tiny", **changes):
    low, high = ratio / 1.04, ratio * 1.04
    found = CaseVerdict(
        Case(instance, "highs-ds"),
        outcome,
        ratio=PairedRatio(ratio, low, high, 8, "ambiguous"),
        pairs=8,
        typical=(1.10, 1.10 * ratio),
    )
    return replace(found, **changes)


def comparison(*verdicts, a="highspy==1.13.1", b="highspy==1.15.1", **changes):
    made = Comparison(
        a=a,
        b=b,
        environments=(a, b),
        versions=({"highspy": "1.13.1"}, {"highspy": "1.15.1"}),
        measure="time",
        least_effect=0.05,
        confidence=0.99,
        verdicts=verdicts,
        pairs_made=8,
        pairs_found=0,
        elapsed_s=40.0,
        budget_spent=False,
        store=Path("ab.jsonl"),
        repaired=None,
    )
    return replace(made, **changes)


def test_sentence_names_both_sides_the_ratio_and_how_sure_it_is():
    found = comparison(verdict())
    said = ab.sentence(found, found.verdicts[0])
    assert said.startswith("highs-ds on tiny: highspy==1.15.1 is slower: 1.23 times the time of ")
    for words in ("highspy==1.13.1", "between 1.18 and 1.28", "1.35 s against 1.1 s", "8 pairs"):
        assert words in said.replace("1.10 s", "1.1 s")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (verdict("same", 1.01), "no difference of 5 %"),
        (verdict("ambiguous", reason="8 pairs do not tell"), "not decided (8 pairs do not tell)"),
        (verdict("worse", ratio=1, reason="b: crash"), "does not come to an end where"),
        (verdict("better", ratio=1, reason="a: crash"), "comes to an end where"),
        (verdict("too-short", reason="below 10 ms"), "answers and iterations compared only"),
        (verdict("not-compared", reason="both: timeout"), "could not be compared: both: timeout"),
    ],
)
def test_every_outcome_has_a_sentence(found, words):
    assert words in ab.sentence(comparison(found), found)


def test_overall_counts_outcomes_and_findings():
    found = comparison(
        verdict(), verdict("same", 1.0, "other"), verdict("same", 1.0, "third", findings=("x",))
    )
    said = ab.overall(found)
    for words in ("3 comparisons", "slower on 1", "the same within 5 % on 2", "findings on 1"):
        assert words in said
    assert "1.07 times the time in the geometric mean" in said


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([verdict("same"), verdict("faster")], 0),
        ([verdict("same"), verdict("slower")], 1),
        ([verdict("worse"), verdict("ambiguous")], 1),
        ([verdict("faster", findings=("answers differ",))], 1),
        ([verdict("same"), verdict("ambiguous")], 2),
        ([verdict("not-compared")], 2),
        ([verdict("better"), verdict("too-short")], 0),
    ],
)
def test_exit_codes(verdicts, code):
    assert comparison(*verdicts).exit_code == code


def test_the_same_side_twice_is_told_apart():
    found = comparison(verdict(), a="here", b="here")
    assert "here (b) is slower" in ab.sentence(found, found.verdicts[0])


def test_markdown_holds_no_foreign_markup():
    bad = verdict(instance="<img src=x>|`*_[]", findings=("new: crash | <b>",))
    page = ab.markdown(comparison(bad))
    assert "<img" not in page.replace("\\<img", "")
    table = [line for line in page.splitlines() if line.startswith("|")]
    cells = {line.replace("\\|", "").count("|") for line in table}
    assert cells == {len(ab.COLUMNS) + 1}


def test_document_is_strict_json_and_complete():
    found = comparison(verdict(), verdict("not-compared", ratio=1.0, instance="b", reason="x"))
    found = replace(found, verdicts=(*found.verdicts, replace(verdict(instance="c"), ratio=None)))
    document = json.loads(json.dumps(ab.document(found), allow_nan=False))
    assert [row["verdict"] for row in document["instances"]] == ["slower", "not-compared", "slower"]
    assert document["instances"][0]["ratio"]["pairs"] == 8
    assert document["instances"][2]["ratio"] is None
    assert document["exit_code"] == 1


def test_what_was_not_run_shares_one_sentence():
    found = comparison(verdict(), *[verdict("not-compared", pairs=0)] * 3)
    said = ab.sentences(found)
    assert len(said) == 2
    assert said[1].startswith("3 comparisons not run within the budget")


def test_programs_are_named_where_each_side_runs_its_own():
    """The table said ``highs-ds``, which neither side ran."""
    programs = ("cmd:./old {mps} {sol}", "cmd:./new {mps} {sol}")
    found = comparison(verdict(), a=programs[0], b=programs[1], solvers=programs)
    (row,) = ab.rows(found)
    assert row[1] == "cmd:./old {mps} {sol} / cmd:./new {mps} {sol}"
    for text in (row[1], ab.sentence(found, found.verdicts[0]), ab.markdown(found)):
        assert "highs-ds" not in text
    assert ab.document(found)["instances"][0]["solver"] == row[1]
    one = comparison(verdict(), a="here", b="solver=glop", solvers=(None, "glop"))
    assert ab.rows(one)[0][1] == "highs-ds / glop"
    assert ab.rows(comparison(verdict()))[0][1] == "highs-ds"


def test_what_was_installed_is_said_where_the_side_does_not():
    found = comparison(verdict(), a="here", b="highspy>=1.14")
    found = replace(found, environments=("", "highspy==1.16.0"))
    assert ab.sides(found) == ("a: here", "b: highspy>=1.14 = highspy==1.16.0")
    assert "highspy==1.16.0" in ab.markdown(found)
    assert ab.sides(comparison(verdict())) == ("a: highspy==1.13.1", "b: highspy==1.15.1")


def test_long_command_lines_do_not_push_out_the_figures(capsys, monkeypatch):
    """The column of solvers is never folded for names, and has to be for command lines."""
    from planbench.cli.ab import _print_text

    monkeypatch.setenv("COLUMNS", "100")
    programs = tuple(f"cmd:/opt/solvers/{n}/bin/solve --fast {{mps}} {{sol}}" for n in "ab")
    _print_text(comparison(verdict(), a=programs[0], b=programs[1], solvers=programs))
    table = capsys.readouterr().out.partition("Overall")[0]
    row = next(line for line in table.splitlines() if line.startswith(" tiny"))
    assert "1.35 s" in row
    assert "slower" in row
