"""Tables keep failures, name findings, and fit the terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from support.record_builders import LAWS, make_failure, make_ladder, make_record, make_suite

from planbench.certificates import Opinion, consensus
from planbench.cli.views import verdict_text
from planbench.errors import InputError
from planbench.records.schema import ResidualFacts
from planbench.report import growth
from planbench.report.growth import predict
from planbench.report.headline import census_words
from planbench.report.instances import (
    golden_table,
    instance_consensus,
    instance_tables,
    proved_words,
)
from planbench.report.ladders import find_ladders, ladder_tables
from planbench.report.results import aggregate, require_results
from planbench.report.scores import scores_table


def shown(*tables, width=100, styled=False):
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=styled, color_system="standard" if styled else None
    )
    for table in tables:
        console.print(table)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80])
def test_tables_fit_narrow_terminals(width):
    records = make_suite()
    results = aggregate(records)
    ladder = find_ladders(results)[0]
    predictions = [predict(ladder, series) for series in ladder.series[:3]]
    for table in (
        growth.growth_table(ladder, predictions, "seconds"),
        *growth.predictions_tables(ladder, predictions),
        scores_table(results),
    ):
        text = shown(table, width=width)
        assert "…" not in text
        assert max(map(len, text.splitlines())) <= width
        bare = "".join(text.split())
        assert all("".join(row[0].text.split()) in bare for row in table.rows) or width < 72


@pytest.mark.parametrize("width", [80, 100, 140])
def test_every_solver_keeps_its_place_at_any_width(width):
    """Nothing may be cut off or left out for lack of room."""
    records = make_suite()
    for measure in ("seconds", "passes", "bytes"):
        text = shown(*ladder_tables(records, measure), width=width)
        assert max(map(len, text.splitlines())) <= width
        assert "…" not in text
        bare = text.replace(" ", "").replace("\n", "")
        assert bare.count("hipo") == 2, "a row on each of the two ladders"
        assert bare.count("glop") == 2
    text = shown(*instance_tables(records), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "kantorovich-excavators" in text


def test_ladder_table_shows_times_and_failures():
    rows = make_ladder(laws={"highs-ipm": (2.0, 0.8), "cbc": (2.6, 1.3)}, scatter=0.0)
    rows += [
        make_failure(
            "glop",
            ended,
            f"gen:goods={size},structure=uniform",
            goods=size,
            group="uniform",
            suite="quick",
            recipe={"goods": size, "structure": "uniform", "seed": 1},
            key=f"glop {size}",
        )
        for size, ended in ((100, "crash"), (300, "memory"), (1000, "killed"))
    ]
    text = shown(*ladder_tables(rows))
    assert "> 10.0 s" in text
    assert "802 ms" in text
    for word in ("crash", "mem", "killed"):
        assert word in text


def test_wrong_and_loose_cells_are_marked():
    rows = make_ladder(laws={"highs-ipm": (2.0, 0.8)}, sizes=(100, 300, 1000))
    rows[0] = rows[0].model_copy(update={"verdict": "wrong"})
    rows[1] = rows[1].model_copy(update={"verdict": "loose", "raw_gap": 0.01, "disturbed": True})
    text = shown(*ladder_tables(rows), styled=True)
    assert "\x1b[1;31mwrong" in text.replace(" ", "")
    assert "~" in text
    assert "ms*" in text


def test_comparison_names_the_liar():
    """A claimed optimum outside what others prove must be red and explained."""
    rows = [
        make_record("highs-ds", objective=1.0),
        make_record("liar", objective=1.1, verdict="loose", lower_bound=0.5, upper_bound=1.5),
    ]
    (table,) = instance_tables(rows)
    text = shown(table, styled=True)
    assert "disagrees" in text
    assert "liar: claims 1.1, above" in " ".join(text.split())
    assert "\x1b[1;31m" in text
    assert "\x1b[1;31m" not in shown(*instance_tables(rows[:1]), styled=True)


def test_brackets_that_exclude_each_other_are_a_bug_of_planbench():
    rows = [
        make_record("a", objective=1.0),
        make_record("b", objective=2.0),
    ]
    assert "bug of planbench" in shown(*instance_tables(rows))


def test_comparison_of_failures_and_nulls():
    rows = [
        make_failure("glop", "timeout", message="stopped after 10 s"),
        make_failure("cbc", "crash", peak_bytes=None, message="SIGSEGV"),
        make_record("x", goods=None, verdict="unproven", certificate=None, raw_gap=None,
                    lower_bound=None, upper_bound=None, polished_gap=None, objective=None,
                    matrix_passes=None, peak_bytes=None, wall_s=None, claim="unknown"),
    ]  # fmt: skip
    text = shown(*instance_tables(rows))
    assert "no certified bracket" in text
    assert "time limit" in text
    assert "SIGSEGV" in text
    assert "> 10.0 s" in text


def test_markup_in_names_is_not_obeyed():
    """Names come from files and people: rich markup in them must stay text."""
    name = "[bold red]x[/] [link=file:///etc]y\x1b[2J"
    rows = [make_record(name, name), make_record("b", name)]
    text = shown(
        *instance_tables(rows), golden_table(rows), scores_table(aggregate(rows)), width=200
    )
    assert text.count("[bold red]x[/]") >= 4
    assert "\x1b" not in text, "an escape sequence would reach the terminal"
    rows = [
        r.model_copy(update={"group": name, "solver": name})
        for r in make_ladder(laws={"x": (1.0, 0.1)})
    ]
    text = shown(*ladder_tables(rows), scores_table(aggregate(rows)), width=200)
    bare = text.replace(" ", "").replace("\n", "")
    assert bare.count("[boldred]x") == 3, "title, row, summary row"
    assert "\x1b" not in text


def test_golden_table_holds_known_values_against_the_bracket():
    rows = make_suite()
    right = shown(golden_table(rows, {"kantorovich-excavators": 70.4932735426}), styled=True)
    wrong = shown(golden_table(rows, {"kantorovich-excavators": 70.5}), styled=True)
    assert "\x1b[1;31m" not in right
    assert "\x1b[1;31m" in wrong
    assert "12 of 13" in right, "the null solver solves nothing"
    assert "gen:" not in right, "ladders have their own table"


def test_summary_ranks_and_counts():
    text = shown(scores_table(aggregate(make_suite())))
    lines = [line for line in text.splitlines() if re.search(r"\d of \d", line)]
    assert lines[0].split()[0] == "highs-hipdlp"
    assert all(any(name in line for line in lines) for name in LAWS)
    assert lines[-1].split()[0] == "null"


@pytest.mark.parametrize("make", [ladder_tables, instance_tables, golden_table])
def test_no_records_is_said(make):
    with pytest.raises(InputError, match="no measurements"):
        make([])


def test_one_solver_only():
    rows = make_ladder(laws={"glop": (1.5, 0.2)})
    text = shown(*ladder_tables(rows), *instance_tables(rows)[:1], scores_table(aggregate(rows)))
    assert "glop" in text


def test_old_verdicts_and_residuals_alone_are_never_shown_as_certified():
    """A number in a table is a proven one, or it says that it is not."""
    old = make_record("old", certificate_version=1)
    fits = {
        "certificate": "residual-only",
        "lower_bound": None,
        "upper_bound": None,
        "raw_gap": None,
        "polished_gap": None,
    }
    small = ResidualFacts(
        primal=0.0, primal_scaled=0.0, dual=0.0, dual_scaled=1e-12, complementarity=0.0, gap=0.0
    )
    records = [
        old,
        make_record("was-certified", certificate_version=1, **fits),
        make_record("fits", verdict="unproven", residuals=small, **fits),
        make_record("does-not", verdict="unproven", **fits),
        make_record("now"),
    ]
    text = shown(*instance_tables(records), width=140)
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "certified †" in rows["old"]
    assert "unproven, residuals fit †" in rows["was-certified"]
    assert "unproven, residuals fit " in rows["fits"]
    assert "fit" not in rows["does-not"]
    assert "†" not in rows["now"]
    assert "†: verdict of certificate 1" in text
    results = require_results(records)
    assert [c.status for c in results].count("solved") == 2
    assert "3 unproven (2 with residuals that fit)" in census_words(results)


def test_an_answer_with_large_violations_is_not_solved():
    """Repair may prove a good bracket from a plan that runs an activity at -1000."""
    bad = ResidualFacts(
        primal=1e3, primal_scaled=9.9, dual=0.0, dual_scaled=0.0, complementarity=0.0, gap=0.0
    )
    (result,) = require_results([make_record("sly", verdict="loose", raw_gap=3e-14, residuals=bad)])
    assert result.status == "loose"


def test_bounds_to_a_tolerance_are_no_part_of_the_consensus():
    """A point feasible to 1e-9 had refuted right answers."""
    old = make_record(
        "old",
        certificate="tolerance",
        certificate_version=1,
        lower_bound=1.1,
        upper_bound=1.2,
        objective=1.2,
    )
    found = instance_consensus(require_results([old, make_record("now")]))
    assert not found.empty
    assert [solver for solver, _ in found.disagreeing] == ["old"]


@pytest.mark.parametrize(("upper", "heading"), [(1.25, "optimum 1.25"), (None, "bound [1.25, –]")])
def test_one_bound_alone_is_not_called_an_optimum(upper, heading):
    """Half a bracket says nothing of the other side."""
    found = consensus([Opinion("a", "optimal", 1.25, 1.25, upper)])
    assert proved_words(found) == f"certified {heading}"


def test_a_claim_that_is_not_the_plans_worth_is_not_called_a_violation():
    """Plan and prices are certified here; only the objective claimed is not."""
    fine = {"plan_verdict": "certified", "prices_verdict": "certified", "raw_gap": 1e-9}
    said = verdict_text(make_record(verdict="loose", claim_verdict="loose", **fine), 1e-6).plain
    assert said == "loose: plan and prices are proven, the objective claimed is not theirs"
