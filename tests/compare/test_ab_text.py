"""The words, table, Markdown and JSON of a comparison of two sides."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from planbench.comparison import render
from planbench.comparison.ab import PairedComparison
from planbench.comparison.findings import Finding
from planbench.comparison.paired import Measurement, PairedResult
from planbench.stats.paired import PairedRatio


def verdict(outcome="slower", ratio=1.23, instance="tiny", **changes):
    low, high = ratio / 1.04, ratio * 1.04
    found = PairedResult(
        Measurement(instance, "highs-ds"),
        outcome,
        ratio=PairedRatio(ratio, low, high, 8, "ambiguous"),
        pairs=8,
        typical=(1.10, 1.10 * ratio),
    )
    return replace(found, **changes)


def fault(note):
    return (Finding("outcomes", "highs-ds", "tiny", "outcome", "worse", note=note),)


def comparison(*verdicts, a="highspy==1.13.1", b="highspy==1.15.1", **changes):
    made = PairedComparison(
        a=a,
        b=b,
        environments=(a, b),
        versions=({"highspy": "1.13.1"}, {"highspy": "1.15.1"}),
        measure="time",
        least_effect=0.05,
        confidence=0.99,
        results=verdicts,
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
    said = render.ab_sentence(found, found.results[0])
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
    assert words in render.ab_sentence(comparison(found), found)


def test_overall_counts_outcomes_and_findings():
    found = comparison(
        verdict(), verdict("same", 1.0, "other"), verdict("same", 1.0, "third", faults=fault("x"))
    )
    said = render.ab_overall(found)
    for words in ("3 comparisons", "slower on 1", "the same within 5 % on 2", "findings on 1"):
        assert words in said
    assert "1.07 times the time in the geometric mean" in said


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([verdict("same"), verdict("faster")], 0),
        ([verdict("same"), verdict("slower")], 1),
        ([verdict("worse"), verdict("ambiguous")], 1),
        ([verdict("faster", faults=fault("answers differ"))], 1),
        ([verdict("same"), verdict("ambiguous")], 2),
        ([verdict("not-compared")], 2),
        ([verdict("better"), verdict("too-short")], 0),
    ],
)
def test_exit_codes(verdicts, code):
    assert comparison(*verdicts).exit_code == code


def test_the_same_side_twice_is_told_apart():
    found = comparison(verdict(), a="here", b="here")
    assert "here (b) is slower" in render.ab_sentence(found, found.results[0])


def test_markdown_holds_no_foreign_markup():
    bad = verdict(instance="<img src=x>|`*_[]", faults=fault("new: crash | <b>"))
    page = render.ab_markdown(comparison(bad))
    assert "<img" not in page.replace("\\<img", "")
    table = [line for line in page.splitlines() if line.startswith("|")]
    cells = {line.replace("\\|", "").count("|") for line in table}
    assert cells == {len(render.ab_table(comparison(bad)).columns) + 1}


def test_document_is_strict_json_and_complete():
    found = comparison(verdict(), verdict("not-compared", ratio=1.0, instance="b", reason="x"))
    found = replace(found, results=(*found.results, replace(verdict(instance="c"), ratio=None)))
    document = json.loads(json.dumps(render.ab_document(found), allow_nan=False))
    assert [row["verdict"] for row in document["instances"]] == ["slower", "not-compared", "slower"]
    assert document["instances"][0]["ratio"]["pairs"] == 8
    assert document["instances"][2]["ratio"] is None
    assert document["exit_code"] == 1


def test_what_was_not_run_shares_one_sentence():
    found = comparison(verdict(), *[verdict("not-compared", pairs=0)] * 3)
    said = render.ab_sentences(found)
    assert len(said) == 2
    assert said[1].startswith("3 comparisons not run within the budget")


def solver_shown(found):
    (row,) = render.ab_table(found).rows
    return row[1].text


def test_programs_are_named_where_each_side_runs_its_own():
    """The table said ``highs-ds``, which neither side ran."""
    programs = ("cmd:./old {mps} {sol}", "cmd:./new {mps} {sol}")
    found = comparison(verdict(), a=programs[0], b=programs[1], solvers=programs)
    solver = solver_shown(found)
    assert solver == "cmd:./old {mps} {sol} / cmd:./new {mps} {sol}"
    for text in (solver, render.ab_sentence(found, found.results[0]), render.ab_markdown(found)):
        assert "highs-ds" not in text
    assert render.ab_document(found)["instances"][0]["solver"] == solver
    one = comparison(verdict(), a="here", b="solver=glop", solvers=(None, "glop"))
    assert solver_shown(one) == "highs-ds / glop"
    assert solver_shown(comparison(verdict())) == "highs-ds"


def test_what_was_installed_is_said_where_the_side_does_not():
    found = comparison(verdict(), a="here", b="highspy>=1.14")
    found = replace(found, environments=("", "highspy==1.16.0"))
    assert render.side_lines(found) == ("a: here", "b: highspy>=1.14 = highspy==1.16.0")
    assert "highspy==1.16.0" in render.ab_markdown(found)
    assert render.side_lines(comparison(verdict())) == ("a: highspy==1.13.1", "b: highspy==1.15.1")


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


def test_paired_runs_come_to_the_same_kind_of_comparison_as_runs_of_a_suite():
    """One model of a comparison: layers, verdicts, order and exit code are those of regress."""
    found = comparison(
        verdict("same", 1.0, "x"),
        verdict("ambiguous", 1.1, "y", reason="3 pairs"),
        verdict("faster", 0.5, "z", faults=fault("new: crash in 1 of 8 runs")),
    ).comparison
    assert [(f.layer, f.verdict) for f in found.findings] == [
        ("outcomes", "worse"),
        ("time", "unclear"),
        ("time", "better"),
        ("time", "same"),
    ]
    assert found.counts == {"worse": 1, "unclear": 1, "better": 1, "same": 1}
    assert [o.message for o in found.obstacles] == ["highs-ds on y: 3 pairs"]
    assert (found.compared, found.exit_code) == (3, 1)
    better = found.having("better")[0]
    assert (better.instance, better.ratio, better.baseline) == ("z", 0.5, 1.10)
    assert "1 worse, first highs-ds on tiny" in render.summary(found)
    assert "🔴" in render.comparison_to_markdown(found)
