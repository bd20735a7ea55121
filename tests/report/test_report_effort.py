"""Equal accuracy: a loose target is a result of its own, not a failure at the tightest."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from support.record_builders import make_failure, make_ladder, make_record

from planbench.cli.bench import _show
from planbench.records.schema import AccuracyFacts
from planbench.report.effort import (
    effort_blocks,
    effort_entry,
    effort_overall,
    effort_standings,
    effort_tables,
)
from planbench.report.headline import find_findings
from planbench.report.html import render_report
from planbench.report.markup import to_html
from planbench.stats.accuracy import time_to_accuracy

TARGETS = (1e-2, 1e-4, 1e-6)


def chain(solver, target, gaps, seconds=1.0, end="reached", size=1000, **changes):
    """Make the tries of one solver at one target, with the gaps they were certified to."""
    rows = []
    for number, gap in enumerate(gaps):
        last = number == len(gaps) - 1
        facts = AccuracyFacts(
            targets=[target],
            attempt=number,
            charged_s=seconds * (number + 1),
            end=end if last else "",
        )
        rows.append(
            make_record(
                solver,
                f"gen:goods={size}",
                goods=size,
                group="up",
                suite="accuracy",
                recipe={"goods": size},
                key=f"{solver} {size} {target} {number}",
                verdict="loose",
                raw_gap=gap,
                polished_gap=gap / 100,
                polish_s=0.25,
                wall_s=seconds,
                options={"tolerance": target / 10**number},
                accuracy=facts,
                **changes,
            )
        )
    return rows


def refusal(solver, size=1000):
    return [
        make_failure(
            solver,
            "refused",
            f"gen:goods={size}",
            goods=size,
            group="up",
            suite="accuracy",
            recipe={"goods": size},
            key=f"{solver} {size} {target}",
            accuracy=AccuracyFacts(targets=[target], attempt=0, charged_s=0.0, end="refused"),
        )
        for target in TARGETS
    ]


@pytest.fixture(scope="module")
def run():
    rows = []
    for target, gaps in zip(TARGETS, ([9e-3], [8e-3, 9e-5], [1e-3, 2e-4]), strict=True):
        rows += chain("pdlp", target, gaps, end="stalled" if target == 1e-6 else "reached")
    for target in TARGETS:
        rows += chain("highs-ipm", target, [target / 10], seconds=3.0)
        rows += chain("null", target, [1.0], seconds=1e-4, end="once")
    rows += refusal("two-level") + refusal("value-iteration")
    rows += refusal("two-level", 5000)
    for target in TARGETS:
        rows += chain("highs-ipm", target, [target / 10], seconds=9.0, size=5000)
    return rows


def shown(tables, width=100):
    out = io.StringIO()
    for table in tables:
        Console(file=out, width=width).print(table)
    return out.getvalue()


def line(text, name):
    return next(ln for ln in text.splitlines() if ln.strip().startswith(name))


def test_each_target_has_its_own_outcome(run):
    """Missing 1e-6 must not make the plan to 1e-4 look like a failure."""
    times = {(t.solver, t.target): t for t in time_to_accuracy(run) if t.goods == 1000}
    assert effort_entry(times["pdlp", 1e-2]).text == "1.00 s"
    assert effort_entry(times["pdlp", 1e-4]).text == "2.00 s (2)", "the failed try is charged"
    assert effort_entry(times["pdlp", 1e-6]).text == "only 2e-4"
    assert effort_entry(times["null", 1e-2]).text == "only 1"
    assert effort_entry(times["two-level", 1e-2]).text == "refused"
    assert effort_entry(None).text == "–"


def test_null_is_the_floor_and_the_best_comes_first(run):
    (first, _) = effort_blocks(run)
    names = list(first)
    assert names[0] == "highs-ipm"
    assert names[1] == "pdlp"
    assert names[-1] == "null"


def test_ranking_goes_by_the_tightest_target_then_the_next(run):
    """Who reached 1e-4 must not stand below who reached nothing."""
    names = [row[0].text for row in effort_overall(run).rows]
    assert names[:2] == ["highs-ipm", "pdlp"]
    assert names[-1] == "null"


def test_a_claim_within_the_target_is_no_disagreement():
    """A solver told to stop at 1e-2 may be off by as much; it must not be called a liar."""
    wide = {"claim": "optimal", "lower_bound": 1.2449, "upper_bound": 1.2501}
    loose = chain("highs-ipm", 1e-2, [5e-3], objective=1.25 * (1 - 4e-4), **wide)
    exact = make_record("highs-ds", "gen:goods=1000", goods=1000, recipe={"goods": 1000})
    assert find_findings([*loose, exact]) == []
    liar = chain("highs-ipm", 1e-2, [5e-3], objective=1.25 * 0.9, **wide)
    assert len(find_findings([*liar, exact])) == 1


def test_standings_leave_refusals_out(run):
    found = {s.score.solver: s for s in effort_standings(run, 1e-2)}
    assert (found["two-level"].refused, found["two-level"].score.attempted) == (2, 0)
    assert found["highs-ipm"].score.solved == 2
    assert found["value-iteration"].refused == 2, "the rung above was spared it"
    # pdlp was not run at 5,000 goods and had not failed to 1e-2 below.
    assert (found["pdlp"].score.attempted, found["pdlp"].not_run) == (1, 1)
    tight = {s.score.solver: s for s in effort_standings(run, 1e-6)}
    assert (tight["pdlp"].score.solved, tight["pdlp"].score.attempted) == (0, 2)


@pytest.mark.parametrize("width", [80, 100, 160])
def test_tables_fit_and_hold_everything(run, width):
    text = shown([*effort_tables(run), effort_overall(run)], width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "only 2e-4" in line(text, "pdlp")
    assert "2 refused" in " ".join(text.split())
    assert text.count("gen:goods=") == 2


def test_bench_prints_them_instead_of_ordinary_tables(run, capsys):
    _show(run)
    text = capsys.readouterr().out
    assert "2.00 s (2)" in text
    assert "failures charged" not in " ".join(text.split())
    assert "Time on the ladder" not in text
    _show(make_ladder(laws={"glop": (1.5, 0.2)}))
    assert "Time on the ladder" in capsys.readouterr().out


def test_page_has_both_tables_and_no_scores_of_chains(run):
    table, overall = to_html(effort_tables(run)[0]), to_html(effort_overall(run))
    assert "2.00 s (2)" in table
    assert "1 of 1" in overall
    page = render_report(run, title="x")
    assert "over the<br>fastest<br>other" not in page, "chains are ranked by target"
    assert "failed tries charged" in page


def test_runs_without_targets_have_none():
    assert effort_tables(make_ladder(laws={"glop": (1.5, 0.2)})) == []
