"""The words, table, Markdown and JSON of a comparison of two sides."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from planbench.comparison import findings as render
from planbench.comparison.ab import PairedComparison, Settings, ab_document
from planbench.comparison.findings import Finding
from planbench.comparison.paired import Measurement, PairedResult
from planbench.stats.paired import PairedRatio


def verdict(said="worse", ratio=1.23, instance="tiny", **changes):
    low, high = ratio / 1.04, ratio * 1.04
    found = PairedResult(
        Measurement(instance, "highs-ds"),
        said,
        ratio=PairedRatio(ratio, low, high, 8, "unclear"),
        pairs=8,
        typical=(1.10, 1.10 * ratio),
    )
    return replace(found, **changes)


def ended(said, **changes):
    return verdict(said, ratio=1, layer="outcomes", **changes)


def fault(note):
    return (Finding("outcomes", "highs-ds", "tiny", "outcome", "worse", note=note),)


def comparison(*verdicts, a="highspy==1.13.1", b="highspy==1.15.1", **changes):
    made = PairedComparison(
        a=a,
        b=b,
        environments=(a, b),
        versions=({"highspy": "1.13.1"}, {"highspy": "1.15.1"}),
        settings=Settings(),
        results=verdicts,
        pairs_made=8,
        pairs_found=0,
        elapsed_s=40.0,
        budget_spent=False,
        store=Path("ab.jsonl"),
        repaired=None,
    )
    return replace(made, **changes)


def test_a_finding_gives_both_figures_the_ratio_and_how_sure_it_is():
    said = render.sentence(verdict().finding)
    assert said == (
        "1.10 s → 1.35 s 1.23× (1.18 to 1.28) (slower by 5 % or more, beyond doubt; 8 pairs)"
    )


@pytest.mark.parametrize(
    ("found", "shown", "words"),
    [
        (verdict("worse"), ("time", "worse"), "8 pairs"),
        (verdict("same", 1.01), ("time", "same"), "slower by 5 % or more"),
        (verdict("unclear", reason="too few"), ("time", "unclear"), "8 pairs; too few"),
        (ended("worse", reason="b: crash"), ("outcomes", "worse"), "b: crash"),
        (ended("better", reason="a: crash"), ("outcomes", "better"), "a: crash"),
        (verdict("skipped", reason="below 10 ms"), ("time", "skipped"), "below 10 ms"),
        (ended("unclear", reason="both: timeout"), ("outcomes", "unclear"), "both: timeout"),
    ],
)
def test_every_outcome_is_a_finding(found, shown, words):
    finding = found.finding
    assert (finding.layer, finding.verdict) == shown
    assert words in render.sentence(finding)


def test_summary_counts_findings_and_gives_the_mean():
    found = comparison(
        verdict(), verdict("same", 1.0, "other"), verdict("same", 1.0, "third", faults=fault("x"))
    ).comparison
    assert render.summary(found) == (
        "2 worse, first highs-ds on tiny: outcome (x) (3 measurements compared)"
    )
    assert "Geometric mean of all ratios: 1.07×." in found.about


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([verdict("same"), verdict("better")], 0),
        ([verdict("same"), verdict("worse")], 1),
        ([ended("worse"), verdict("unclear")], 1),
        ([verdict("better", faults=fault("answers differ"))], 1),
        ([verdict("same"), verdict("unclear")], 2),
        ([ended("unclear")], 2),
        ([ended("better"), verdict("skipped")], 0),
    ],
)
def test_exit_codes(verdicts, code):
    assert comparison(*verdicts).exit_code == code


def test_markdown_holds_no_foreign_markup():
    bad = verdict(instance="<img src=x>|`*_[]", faults=fault("new: crash | <b>"))
    found = comparison(bad).comparison
    page = render.comparison_to_markdown(found)
    assert "<img" not in page.replace("\\<img", "")
    table = [line for line in page.splitlines() if line.startswith("|")]
    cells = {line.replace("\\|", "").count("|") for line in table}
    columns = render.comparison_table(found, found.findings).shown("page")
    assert cells == {len(columns) + 1}


def test_document_is_strict_json_and_complete():
    found = comparison(verdict(), ended("unclear", instance="b", reason="x"))
    found = replace(found, results=(*found.results, replace(verdict(instance="c"), ratio=None)))
    document = json.loads(json.dumps(ab_document(found), allow_nan=False))
    assert [row["verdict"] for row in document["instances"]] == ["worse", "unclear", "worse"]
    assert document["instances"][0]["ratio"]["pairs"] == 8
    assert document["instances"][2]["ratio"] is None
    assert document["exit_code"] == 1


def test_what_was_not_run_shares_one_line():
    found = comparison(verdict(), *[ended("unclear", pairs=0)] * 3).comparison
    assert len(found.findings) == 1
    (obstacle,) = found.obstacles
    assert obstacle.message.startswith("3 measurements not run within the budget")


def test_what_was_installed_is_said_where_the_side_does_not():
    found = comparison(verdict(), a="here", b="highspy>=1.14")
    found = replace(found, environments=("", "highspy==1.16.0"))
    assert found.about[:2] == (
        "a: here = highspy 1.13.1",
        "b: highspy>=1.14 = highspy==1.16.0",
    )
    assert "highspy==1.16.0" in render.comparison_to_markdown(found.comparison)


def test_long_command_lines_do_not_push_out_the_figures(capsys, monkeypatch):
    from planbench.cli.views import show_comparison

    monkeypatch.setenv("COLUMNS", "100")
    programs = tuple(f"cmd:/opt/solvers/{n}/bin/solve --fast {{mps}} {{sol}}" for n in "ab")
    found = verdict(case=Measurement("tiny", " / ".join(programs)))
    made = comparison(found, a=programs[0], b=programs[1])
    show_comparison(made.comparison, everything=True, table=True)
    table = capsys.readouterr().out
    assert "1.10 s → 1.35 s" in table
    assert "worse" in table
    assert max(map(len, table.splitlines())) <= 100


def test_paired_runs_come_to_the_same_kind_of_comparison_as_runs_of_a_suite():
    """One model of a comparison: layers, verdicts, order and exit code are those of regress."""
    found = comparison(
        verdict("same", 1.0, "x"),
        verdict("unclear", 1.1, "y", reason="too few"),
        verdict("better", 0.5, "z", faults=fault("new: crash in 1 of 8 runs")),
    ).comparison
    assert [(f.layer, f.verdict) for f in found.findings] == [
        ("outcomes", "worse"),
        ("time", "unclear"),
        ("time", "better"),
        ("time", "same"),
    ]
    assert found.counts == {"worse": 1, "unclear": 1, "better": 1, "same": 1}
    assert [o.message for o in found.obstacles] == ["highs-ds on y: 8 pairs; too few"]
    assert (found.compared, found.exit_code) == (3, 1)
    better = found.having("better")[0]
    assert (better.instance, better.ratio, better.baseline) == ("z", 0.5, 1.10)
    assert "1 worse, first highs-ds on tiny" in render.summary(found)
    assert "🔴" in render.comparison_to_markdown(found)
