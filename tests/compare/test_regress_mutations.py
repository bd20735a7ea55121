"""Each layer of the gate: a run that got worse in one way goes red and is named; noise does not.

The runs are copies of a real one, changed in one place.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.record_builders import make_record

from planbench.comparison.findings import LAYERS, Comparison, Rules
from planbench.comparison.judge import INSTRUCTIONS
from planbench.comparison.match import samples
from planbench.comparison.regress import compare_runs
from planbench.records.schema import Record
from planbench.records.store import read_records

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "quick.jsonl"


@pytest.fixture(scope="module")
def run() -> list[Record]:
    """Return a real run of the quick suite."""
    return read_records(REFERENCE)


Change = Callable[[Record], dict[str, Any]]


def changed(
    run: list[Record], where: Callable[[Record], bool], change: Change
) -> tuple[list[Record], int]:
    """Return a copy of `run` with the rows `where` changed, and how many those were."""
    rows = [r.model_copy(update=change(r)) if where(r) else r for r in run]
    return rows, sum(where(r) for r in run)


def layer_only(layer: str) -> Rules:
    """Return rules that judge outcomes and one layer."""
    return Rules(layers=frozenset(w for w in LAYERS if w in ("outcomes", layer)))


def is_on(solver: str, instance: str) -> Callable[[Record], bool]:
    """Tell rows of a solver on an instance whose name begins so, where the run ended."""
    return lambda r: r.solver == solver and r.instance.name.startswith(instance) and r.ended == "ok"


def reds(found: Comparison) -> set[tuple[str, str, str]]:
    """Layer, solver and measure of everything that got worse."""
    return {(f.layer, f.solver, f.measure) for f in found.having("worse")}


def test_a_run_against_itself_is_green_in_every_layer(run: list[Record]) -> None:
    found = compare_runs(run, run)
    assert found.exit_code == 0
    assert not found.having("worse", "better")
    assert {f.layer for f in found.findings} == set(LAYERS)


def test_one_iteration_more_is_red_and_named(run: list[Record]) -> None:
    worse, rows = changed(
        run,
        is_on("highs-ds", "us-bea-71"),
        lambda r: {"iterations": {k: v + 1 for k, v in r.iterations.items()}},
    )
    assert rows
    found = compare_runs(run, worse)
    assert reds(found) == {("counters", "highs-ds", "simplex iterations")}
    assert found.exit_code == 1
    assert found.findings[0].instance == "us-bea-71"
    # The other way round it is no regression, and is told.
    back = compare_runs(worse, run)
    assert back.exit_code == 0
    assert [f.measure for f in back.having("better")] == ["simplex iterations"]


def test_an_iteration_more_passes_where_versions_differ(run: list[Record]) -> None:
    """Exact counters of unequal versions would cry wolf at every upgrade."""
    other, _ = changed(
        run,
        lambda r: True,
        lambda r: {
            "packages": {**r.packages, "highspy": "1.16.0"},
            "iterations": {k: v + 1 for k, v in r.iterations.items()},
        },
    )
    refused = compare_runs(run, other)
    assert refused.exit_code == 2
    assert "highspy 1.15.1 → 1.16.0" in refused.obstacles[0].message
    allowed = compare_runs(run, other, Rules(allow=frozenset({"versions"})))
    assert allowed.exit_code == 0
    many, _ = changed(
        other,
        is_on("highs-ds", "gen:goods=1000,"),
        lambda r: {"iterations": {k: 3 * v for k, v in r.iterations.items()}},
    )
    found = compare_runs(run, many, Rules(allow=frozenset({"versions"})))
    assert ("counters", "highs-ds", "simplex iterations") in reds(found)


def test_counters_stay_exact_under_another_time_limit_but_not_other_options(
    run: list[Record],
) -> None:
    """A run that ended took no notice of its limit; one told to work otherwise did."""
    for option, verdict in (("time_limit", "worse"), ("presolve", "same")):
        other, rows = changed(
            run,
            is_on("highs-ds", "us-bea-71"),
            lambda r, o=option: {
                "native_options": {**r.native_options, o: 77},
                "iterations": {k: v + 1 for k, v in r.iterations.items()},
            },
        )
        assert rows
        found = compare_runs(run, other, layer_only("counters"))
        mine = [f for f in found.findings if f.measure == "simplex iterations"]
        assert [f.verdict for f in mine if f.baseline != f.candidate] == [verdict]


def test_a_moved_objective_is_red(run: list[Record]) -> None:
    worse, rows = changed(
        run,
        is_on("glop", "us-bea-71"),
        lambda r: {"objective": (r.objective or 0.0) * (1 + 1e-7)},
    )
    assert rows
    assert reds(compare_runs(run, worse)) == {("counters", "glop", "objective")}


def test_counters_of_a_run_cut_short_by_its_limit_are_not_compared(run: list[Record]) -> None:
    """How many iterations fit into a time limit depends on the machine."""
    cut = {"claim": "feasible", "verdict": "loose", "wall_s": 3.7, "time_limit_s": 4.0}
    sides = [
        changed(
            run, is_on("glop", "us-bea-71"), lambda r, n=n: {**cut, "iterations": {"simplex": n}}
        )[0]
        for n in (2774, 2801)
    ]
    found = compare_runs(*sides)
    assert found.exit_code == 0
    skipped = [f for f in found.having("skipped") if f.instance == "us-bea-71"]
    assert [f.measure for f in skipped] == ["iterations"]
    # Where the baseline came to its end in a fraction of that time, it is a loss.
    assert reds(compare_runs(run, sides[0])) == {("outcomes", "glop", "outcome")}


def test_an_answer_found_in_fewer_iterations_may_differ_within_its_gap(run: list[Record]) -> None:
    """A better method ends at another point of the same quality: that is no regression."""
    for gap, expected in ((1e-7, set()), (1e-4, {("counters", "glop", "certified gap")})):
        other, rows = changed(
            run,
            is_on("glop", "us-bea-71"),
            lambda r, g=gap: {
                "iterations": {k: v // 2 for k, v in r.iterations.items()},
                "objective": (r.objective or 0.0) * (1 + 1e-8),
                "raw_gap": g,
            },
        )
        assert rows
        assert reds(compare_runs(run, other)) == expected


def test_a_wider_gap_and_a_lost_bracket_are_red(run: list[Record]) -> None:
    for gap, solver in ((0.5, "highs-hipdlp"), (None, "highs-ipm")):
        worse, rows = changed(run, is_on(solver, "us-bea-71"), lambda r, g=gap: {"raw_gap": g})
        assert rows
        found = compare_runs(run, worse, layer_only("counters"))
        assert ("counters", solver, "certified gap") in reds(found)


def test_a_program_assembled_larger_is_red(run: list[Record]) -> None:
    worse, rows = changed(
        run,
        is_on("pdlp", "us-bea-71"),
        lambda r: {"instance": r.instance.model_copy(update={"rows": r.instance.rows + 1})},
    )
    assert rows
    assert reds(compare_runs(run, worse)) == {("counters", "pdlp", "assembled rows")}


def test_a_presolve_that_removes_less_is_red(run: list[Record]) -> None:
    size = {"rows": 50, "columns": 80, "nonzeros": 300}
    before, rows = changed(run, is_on("highs-ds", "us-bea-71"), lambda r: {"presolved": size})
    after, _ = changed(
        run, is_on("highs-ds", "us-bea-71"), lambda r: {"presolved": {**size, "columns": 81}}
    )
    assert rows
    assert reds(compare_runs(before, after)) == {("counters", "highs-ds", "presolved columns")}
    assert compare_runs(after, before).exit_code == 0
    # A run that does not tell the size is neither better nor worse.
    assert compare_runs(run, after).exit_code == 0


def test_half_as_much_memory_again_is_red(run: list[Record]) -> None:
    worse, rows = changed(
        run,
        is_on("highs-ipm", "gen:goods=1000,"),
        lambda r: {"peak_bytes": int(1.5 * (r.peak_bytes or 0))},
    )
    assert rows
    found = compare_runs(run, worse, layer_only("memory"))
    assert reds(found) == {("memory", "highs-ipm", "peak memory")}
    assert found.findings[0].ratio == pytest.approx(1.5, rel=1e-6)


def slower(factor: float) -> Change:
    """Make a row slower by `factor`."""
    return lambda r: {
        "wall_s": None if r.wall_s is None else factor * r.wall_s,
        "matrix_passes": None if r.matrix_passes is None else factor * r.matrix_passes,
    }


def test_a_solver_slower_by_three_tenths_is_red_over_its_instances(run: list[Record]) -> None:
    worse, rows = changed(run, lambda r: r.solver == "primal-dual", slower(1.3))
    assert rows
    found = compare_runs(run, worse, layer_only("time"))
    assert reds(found) == {("time", "primal-dual", "time")}
    finding = found.having("worse")[0]
    assert finding.ratio == pytest.approx(1.3, rel=1e-6)
    assert finding.low is not None
    assert finding.low > 1


def test_a_slowdown_of_too_few_runs_to_tell_is_shown_as_unclear(run: list[Record]) -> None:
    one = next(
        r
        for r in run
        if r.ended == "ok" and r.matrix_passes and not r.disturbed and (r.wall_s or 0) > 0.05
    )
    found = compare_runs([one], [one.model_copy(update=slower(10)(one))], layer_only("time"))
    assert found.exit_code == 0
    (finding,) = found.having("unclear")
    assert finding.layer == "time"
    assert finding.ratio == pytest.approx(10)


def test_times_that_are_not_compared_are_counted(run: list[Record]) -> None:
    one = next(r for r in run if r.ended == "ok" and r.matrix_passes and (r.wall_s or 0) > 0.05)
    calm = one.model_copy(update={"disturbed": False})
    short = calm.model_copy(update={"wall_s": 0.001, "solver": "glop"})
    spoilt = one.model_copy(update={"disturbed": True, "solver": "cbc"})
    rows = [calm, short, spoilt]
    (note,) = compare_runs(rows, rows, layer_only("time")).notes
    assert note.startswith("times not compared: 2 of 3 measurements (disturbed")


def test_time_outside_of_the_solve_is_seen_too(run: list[Record]) -> None:
    """A model loaded three times as slowly must show, though the solver itself is as fast."""
    worse, rows = changed(
        run, lambda r: r.solver == "primal-dual", lambda r: {"wall_s": 1.3 * (r.wall_s or 0.0)}
    )
    assert rows
    assert reds(compare_runs(run, worse, layer_only("time"))) == {("time", "primal-dual", "time")}


def test_one_instance_with_repeats_is_judged_by_itself(run: list[Record]) -> None:
    """One model of many may be slower; its solver's mean over all would hide it."""
    one = next(r for r in run if is_on("highs-ipm", "gen:goods=1000,")(r) and not r.disturbed)
    rng = np.random.default_rng(5)
    sides = []
    for factor in (1.0, 1.3):
        scatter = factor * np.exp(0.03 * rng.standard_normal(8))
        sides.append(
            [
                one.model_copy(update={"repeat": k, **slower(float(s))(one)})
                for k, s in enumerate(scatter)
            ]
        )
    found = compare_runs(*sides, layer_only("time"))
    assert reds(found) == {("time", "highs-ipm", "time")}
    assert found.findings[0].instance == one.instance.name


def test_a_raised_exponent_is_red_on_its_ladder(run: list[Record]) -> None:
    worse, rows = changed(
        run,
        lambda r: r.solver == "highs-hipdlp" and "goods" in r.instance.recipe,
        lambda r: slower(((r.instance.goods or 1) / 1000) ** 0.3)(r),
    )
    assert rows
    found = compare_runs(run, worse, layer_only("scaling"))
    assert reds(found) == {("scaling", "highs-hipdlp", "exponent of time")}
    finding = found.having("worse")[0]
    assert finding.instance.startswith("ladder ")
    assert finding.low == pytest.approx(0.3, abs=1e-6)


def test_a_growing_share_of_memory_is_red_as_an_exponent(run: list[Record]) -> None:
    worse, rows = changed(
        run,
        lambda r: r.solver == "highs-hipdlp" and "goods" in r.instance.recipe,
        lambda r: {"peak_bytes": int((r.peak_bytes or 0) * (r.instance.goods or 1) ** 0.25)},
    )
    assert rows
    found = compare_runs(run, worse, layer_only("scaling"))
    assert reds(found) == {("scaling", "highs-hipdlp", "exponent of memory")}


@pytest.mark.parametrize("allow", [frozenset(), frozenset({"machine"})])
def test_a_wrong_answer_is_red_whatever_else_differs(
    run: list[Record], allow: frozenset[Any]
) -> None:
    wrong, rows = changed(
        run,
        is_on("cbc", "us-bea-71"),
        lambda r: {"verdict": "wrong", "reasons": ["claims too much"]},
    )
    assert rows
    elsewhere = [r.model_copy(update={"machine": {**r.machine, "id": "other"}}) for r in wrong]
    for candidate in (wrong, elsewhere):
        found = compare_runs(run, candidate, Rules(allow=allow))
        assert ("outcomes", "cbc", "outcome") in reds(found)
        assert found.exit_code == 1
        assert found.findings[0].candidate == "wrong"
        assert "claims too much" in found.findings[0].note
    # Wrong before as well: not new, but not forgotten either.
    found = compare_runs(wrong, wrong)
    assert found.exit_code == 0
    assert any(f.candidate == "wrong" for f in found.having("same"))


@pytest.mark.parametrize(
    ("before", "now", "worse"),
    [
        ("optimal", "infeasible", True),
        ("infeasible", "unbounded", True),
        ("optimal", "infeasible-or-unbounded", True),
        ("infeasible-or-unbounded", "infeasible", False),
        ("unbounded", "infeasible-or-unbounded", False),
    ],
)
def test_claims_that_exclude_each_other_are_red(
    run: list[Record], before: str, now: str, worse: bool
) -> None:
    old, new = (
        changed(run, is_on("cbc", "us-bea-71"), lambda r, claim=claim: {"claim": claim})[0]
        for claim in (before, now)
    )
    found = compare_runs(old, new)
    assert reds(found) == ({("outcomes", "cbc", "outcome")} if worse else set())


def test_rows_of_studies_are_left_out_and_told(run: list[Record]) -> None:
    """Planning again from a warm start is no repeat of planning from nothing."""
    study = [r.model_copy(update={"suite": "study", "wall_s": 9.0}) for r in run[:5]]
    found = compare_runs(run, [*run, *study])
    assert found.exit_code == 0
    assert found.notes[0] == "5 rows of candidate, of studies, left out"
    assert compare_runs(study, study).exit_code == 2


def test_the_last_run_in_a_file_counts(run: list[Record]) -> None:
    """Results of the old code, left in the file and undisturbed, must not hide those of the new."""
    one = [r for r in run if is_on("highs-ds", "us-bea-71")(r)]
    new = [
        r.model_copy(update={"iterations": {"simplex": 9999}, "disturbed": True, **more})
        for more in ({}, {"commit": "f" * 40})
        for r in one
    ]
    for candidate in ([*one, *new[: len(one)]], [*one, *new[len(one) :]]):
        found = compare_runs(one, candidate, layer_only("counters"))
        assert reds(found) == {("counters", "highs-ds", "simplex iterations")}
    assert compare_runs(one, [*new, *one], layer_only("counters")).exit_code == 0


def test_a_wrong_answer_where_the_baseline_has_none_is_red(run: list[Record]) -> None:
    before = [r for r in run if r.solver != "cbc"]
    wrong, _ = changed(run, is_on("cbc", "us-bea-71"), lambda r: {"verdict": "wrong"})
    assert reds(compare_runs(before, wrong)) == {("outcomes", "cbc", "outcome")}


@pytest.mark.parametrize("ended", ["timeout", "memory", "crash", "killed", "refused"])
def test_a_run_that_no_longer_ends_is_red(run: list[Record], ended: str) -> None:
    worse, rows = changed(
        run, is_on("scipy-highs-ds", "us-bea-71"), lambda r: {"ended": ended, "verdict": None}
    )
    assert rows
    found = compare_runs(run, worse, layer_only("counters"))
    assert reds(found) == {("outcomes", "scipy-highs-ds", "outcome")}
    assert found.findings[0].candidate == ended
    assert compare_runs(worse, run, layer_only("counters")).exit_code == 0


def test_a_run_of_which_no_repeat_ends_any_more_is_red_though_one_failed_before(
    run: list[Record],
) -> None:
    one = next(r for r in run if is_on("highs-ipm", "us-bea-71")(r))
    dead = {"ended": "crash", "verdict": None}
    repeats = [one.model_copy(update={"repeat": k}) for k in range(3)]
    before = [*repeats[:2], repeats[2].model_copy(update=dead)]
    now = [r.model_copy(update=dead) for r in repeats]
    found = compare_runs(before, now, layer_only("counters"))
    assert reds(found) == {("outcomes", "highs-ipm", "outcome")}


def test_a_timeout_on_a_slower_machine_is_unclear_where_the_limit_was_near(
    run: list[Record],
) -> None:
    """The gate runs on machines of any speed; a limit that was nearly needed proves nothing."""
    elsewhere = [r.model_copy(update={"machine": {**r.machine, "id": "other"}}) for r in run]
    near = max(
        (r for r in elsewhere if r.ended == "ok" and r.solver == "highs-ipm"),
        key=lambda r: r.wall_s or 0.0,
    )
    late, _ = changed(
        elsewhere,
        lambda r: r.key == near.key and r.group == near.group,
        lambda r: {"ended": "timeout", "verdict": None, "time_limit_s": 1.5 * (r.wall_s or 0)},
    )
    found = compare_runs(run, late, Rules(allow=frozenset({"machine"})))
    assert [
        f.verdict for f in found.findings if f.candidate == "timeout" and f.baseline != "timeout"
    ] == ["unclear"]


def test_a_loose_answer_in_place_of_a_certified_one_is_red(run: list[Record]) -> None:
    worse, rows = changed(run, is_on("pdlp", "us-bea-71"), lambda r: {"verdict": "unproven"})
    assert rows
    assert reds(compare_runs(run, worse)) == {("outcomes", "pdlp", "outcome")}


def test_what_is_not_measured_any_more_is_told_and_red_on_request(run: list[Record]) -> None:
    fewer = [r for r in run if r.solver != "glop"]
    gone = sum(place[0] == "glop" for place in samples(run))
    told = compare_runs(run, fewer)
    assert told.exit_code == 0
    assert f"{gone} of " in told.notes[0]
    assert "not found in candidate" in told.notes[0]
    asked = compare_runs(run, fewer, Rules(require_all=True))
    assert asked.exit_code == 1
    assert {f.solver for f in asked.having("worse")} == {"glop"}
    assert len(asked.having("worse")) == gone


def noisy(run: list[Record], rng: np.random.Generator) -> list[Record]:
    """Copy `run` with the scatter repeats of one machine show, drawn anew for every row."""
    rows = []
    for r in run:
        time, calm, memory = np.exp(np.array([0.06, 0.02, 0.01]) * rng.standard_normal(3))
        if rng.random() < 0.05:
            time *= 1.4  # the machine did something else, unnoticed
        rows.append(
            r.model_copy(
                update={
                    "peak_bytes": None if r.peak_bytes is None else int(r.peak_bytes * memory),
                    "pass_s_before": r.pass_s_before and float(r.pass_s_before * calm),
                    **slower(float(time))(r),
                }
            )
        )
    return rows


@pytest.mark.parametrize("layer", ["memory", "time", "scaling"])
def test_noise_alone_stays_green(run: list[Record], layer: str) -> None:
    """A gate that cries wolf is turned off: at most one false alarm in a hundred comparisons."""
    rng = np.random.default_rng(20261122)
    rounds = 60
    alarms = 0
    for _ in range(rounds):
        found = compare_runs(noisy(run, rng), noisy(run, rng), layer_only(layer))
        alarms += found.exit_code == 1
    assert alarms <= 1


def test_the_two_repeats_of_a_real_run_are_alike(run: list[Record]) -> None:
    """What one machine measures twice within minutes must pass, counters to the last bit."""
    again = {(r.key, r.group) for r in run if r.repeat == 1}
    sides = [
        [
            r.model_copy(update={"repeat": 0})
            for r in run
            if r.repeat == k and (r.key, r.group) in again
        ]
        for k in (0, 1)
    ]
    found = compare_runs(*sides)
    assert found.compared > 80
    assert not found.having("worse")
    assert not [f for f in found.having("better") if f.layer in ("outcomes", "counters")]


def scattered(run: list[Record], rng: np.random.Generator) -> list[Record]:
    """Copy `run` with the scatter of a calm machine: a median of 3 % in the reference run."""
    factors = np.exp(0.03 * rng.standard_normal(len(run)))
    return [
        r.model_copy(update=slower(float(factor))(r))
        for r, factor in zip(run, factors, strict=True)
    ]


@pytest.mark.parametrize("solver", ["highs-hipdlp", "primal-dual", "two-level"])
def test_a_slowdown_shows_through_the_noise(run: list[Record], solver: str) -> None:
    """The gate must not sleep: three tenths more time over 7 to 11 instances are seen."""
    rng = np.random.default_rng(7)
    seen = 0
    for _ in range(20):
        worse, _ = changed(scattered(run, rng), lambda r: r.solver == solver, slower(1.3))
        found = compare_runs(scattered(run, rng), worse, layer_only("time"))
        seen += {f.solver for f in found.having("worse")} == {solver}
    assert seen >= 19


def counted(instructions: float) -> list[Record]:
    """Make rounds of a benchmark of planbench itself that counts instructions, in millions."""
    return [
        make_record(
            INSTRUCTIONS,
            "certify",
            repeat=k,
            matrix_passes=instructions * (1 + 0.001 * k),
            objective=None,
            raw_gap=None,
            iterations={},
        )
        for k in range(3)
    ]


def test_instructions_are_held_to_a_bound_no_clock_could_keep() -> None:
    """Three per cent more instructions are a change of the code, whatever the clock says."""
    found = compare_runs(counted(1000), counted(1030))
    assert reds(found) == {("counters", INSTRUCTIONS, "million instructions")}
    assert compare_runs(counted(1000), counted(1010)).exit_code == 0
    assert not [f for f in compare_runs(counted(1000), counted(1030)).findings if f.layer == "time"]


def test_verdicts_of_other_versions_of_the_certificate_are_not_compared(run: list[Record]) -> None:
    """Stricter rules are no fault of a solver; a wrong answer is one by any rules."""
    loose, number = changed(run, is_on("highs-ds", ""), lambda r: {"verdict": "loose"})
    assert number
    judged_anew = [r.model_copy(update={"certificate_version": 2}) for r in loose]
    assert {r.certificate_version for r in run} == {1}
    assert ("outcomes", "highs-ds", "outcome") in reds(compare_runs(run, loose))
    found = compare_runs(run, judged_anew)
    assert not reds(found)
    assert any("certificate" in note for note in found.notes)
    skipped = [f for f in found.findings if f.measure == "outcome" and f.verdict == "skipped"]
    assert skipped
    assert all("not compared" in f.note for f in skipped)
    wrong, _ = changed(judged_anew, is_on("highs-ds", ""), lambda r: {"verdict": "wrong"})
    assert ("outcomes", "highs-ds", "outcome") in reds(compare_runs(run, wrong))


def test_an_objective_near_zero_moves_by_rounding_only(run: list[Record]) -> None:
    """-2.8e-14 and 1e-14 are the same 0 where hundreds flow through the objective."""
    near = is_on("highs-ds", "kantorovich")
    zero, number = changed(run, near, lambda r: {"objective": 1e-14, "scale": 100.0})
    assert number
    other, _ = changed(run, near, lambda r: {"objective": -2.8e-14, "scale": 100.0})
    assert not reds(compare_runs(zero, other))
    moved, _ = changed(run, near, lambda r: {"objective": 1e-3, "scale": 100.0})
    assert ("counters", "highs-ds", "objective") in reds(compare_runs(zero, moved))
