"""Refusals and what was not asked are no failures; failures still are."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from support.record_builders import make_failure, make_record

from planbench.report.markup import to_html
from planbench.report.results import aggregate
from planbench.report.scores import profile_seconds, scores_table, standings
from planbench.stats.aggregate import performance_profile


def rung(solver, size, seconds=None, ended="timeout", group="up", **changes):
    shared = {
        "instance": f"gen:goods={size}",
        "goods": size,
        "group": group,
        "suite": "s",
        "key": f"{solver} {size} {group}",
        "recipe": {"goods": size, "of": group},
        "time_limit_s": 10.0,
    } | changes
    if seconds is None:
        return make_failure(solver, ended, **shared)
    return make_record(solver, wall_s=seconds, **shared)


def by_solver(rows):
    return {s.score.solver: s for s in standings(aggregate(rows))}


def shown(table):
    out = io.StringIO()
    Console(file=out, width=120).print(table)
    return out.getvalue()


def general(sizes=(100, 1000, 10000), group="up"):
    return [rung("highs-ds", n, 1.0, group=group) for n in sizes]


def test_planner_is_not_charged_for_what_it_refuses():
    """A planner of one good per activity would look slow for being handed joint production."""
    rows = general() + general((71, 402), group="")
    rows += [rung("two-level", n, 0.1) for n in (100, 1000, 10000)]
    rows += [rung("two-level", n, None, "refused", group="") for n in (71, 402)]
    found = by_solver(rows)["two-level"]
    assert (found.score.solved, found.score.attempted, found.refused) == (3, 3, 2)
    assert found.score.mean_all == pytest.approx(0.1)
    assert found.left_out == "2 refused"
    assert found.score.against_others == pytest.approx(0.1)
    assert standings(aggregate(rows))[0].score.solver == "two-level"


def test_refusal_at_the_foot_of_a_ladder_stands_for_all_of_it():
    """The suite spares a planner the rungs above; they are no failures either."""
    rows = [*general(), rung("value-iteration", 100, None, "refused")]
    found = by_solver(rows)["value-iteration"]
    assert (found.score.attempted, found.refused, found.not_run) == (0, 3, 0)
    assert found.score.mean_all is None
    assert found.score.against_others is None


def test_general_solver_that_refuses_has_failed():
    """It says that it takes any linear program."""
    rows = [*general(), rung("scipy-highs-ds", 100, None, "refused")]
    found = by_solver(rows)["scipy-highs-ds"]
    assert (found.score.attempted, found.refused) == (3, 0)
    assert found.score.mean_all == pytest.approx(20.0)


def test_rungs_above_a_timeout_are_charged():
    """Else a solver would improve its mean by stopping early."""
    rows = [*general(), rung("glop", 100, 0.5), rung("glop", 1000)]
    found = by_solver(rows)["glop"]
    assert (found.score.solved, found.score.attempted, found.left_out) == (1, 3, "")
    assert found.score.mean_all == pytest.approx((1.5 * 21 * 21) ** (1 / 3) - 1)


def test_ladder_of_other_solvers_is_not_charged():
    """A suite may ask only some of its solvers on a ladder."""
    rows = general() + general((50, 500), group="other") + [rung("glop", 100, 0.5)]
    found = by_solver(rows)["glop"]
    assert (found.score.attempted, found.not_run) == (1, 4)
    assert found.left_out == "4 not run"


def test_rank_compares_on_the_same_instances():
    """An easy set of instances must not look like a fast solver."""
    rows = [rung("highs-ds", n, s) for n, s in ((100, 0.1), (1000, 9.0))]
    rows += [rung("glop", n, s) for n, s in ((100, 0.2), (1000, 8.0))]
    rows += [rung("two-level", 100, 0.4), rung("two-level", 1000, None, "refused")]
    order = [s.score.solver for s in standings(aggregate(rows))]
    assert order[-1] == "two-level", "its mean is the least, and it is the slowest all the same"


def test_every_table_tells_what_was_left_out():
    rows = [*general(), rung("two-level", 100, 0.1), rung("two-level", 1000, None, "refused")]
    rows += [rung("harmony", 100, None, "refused")]
    text = shown(scores_table(aggregate(rows)))
    assert "2 refused" in text
    assert "3 refused" in text
    assert "1 of 1" in text
    assert "refused (it plans no such" in " ".join(text.split())
    page = to_html(scores_table(aggregate(rows)))
    assert "3 refused" in page
    assert "0 of 0" in page


def test_the_profile_counts_what_was_run():
    """Not run and not its task are no failures; what was tried and failed is one."""
    rows = [*general((100, 500, 1000, 2000)), rung("two-level", 100, 0.1)]
    rows += [rung("two-level", 500, None, "timeout"), rung("two-level", 1000, None, "refused")]
    (found,) = [
        p for p in performance_profile(profile_seconds(aggregate(rows))) if p.solver == "two-level"
    ]
    assert (found.instances, found.share_within(1e9)) == (2, 0.5)
