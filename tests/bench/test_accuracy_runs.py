"""Suites with target gaps and sweeps: what is asked of the solvers, recorded, and carried on."""

from dataclasses import asdict, replace

import pytest
from support.record_builders import make_record

from planbench.bench import plan as plan_module
from planbench.bench import runner
from planbench.bench.plan import plan_suite
from planbench.bench.request import asked_options, instance_facts
from planbench.bench.runner import run_suite
from planbench.bench.single import RunOutcome
from planbench.measure.machine import describe_machine, package_versions
from planbench.records.not_run import read_not_run
from planbench.records.store import read_records
from planbench.stats.accuracy import time_to_accuracy

TARGETS = [1e-2, 1e-4]
#: Not exact, takes every option; exact.
LOOSE, EXACT = "fake-talks", "fake-good"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "r.jsonl"


@pytest.fixture
def run(path, load):
    def start(suite, **more):
        return run_suite(suite, path, **{"load": load, **more})

    return start


@pytest.fixture
def solver(monkeypatch):
    """Answer at once; ``solver.answer`` gives the fields of the record for what was asked."""
    machine, asked = describe_machine(), []

    def solve_once(request, **more):
        instance, name, options = request.instance, request.solver.name, request.options
        conditions, place = request.conditions, request.place
        if place.suite:
            asked.append((instance.name, name, options, conditions.time_limit_s))
        fields = solve_once.answer(instance.name, name, options)
        record = make_record(name, instance.name, **fields).model_copy(
            update={
                "instance": instance_facts(instance),
                "key": request.key,
                "options": asked_options(options),
                "machine": machine,
                "packages": package_versions(request.solver.spec.packages),
                "time_limit_s": conditions.time_limit_s,
                "memory_limit_bytes": conditions.memory_limit_bytes,
                **asdict(place),
            }
        )
        return RunOutcome(instance=instance, record=record)

    def answer(instance, name, options):
        gap = 1e-9 if options.tolerance is None else 10 * options.tolerance
        return {"wall_s": 1.0, "raw_gap": gap, "verdict": "loose"}

    solve_once.answer = answer
    solve_once.asked = asked
    monkeypatch.setattr(runner, "solve_once", solve_once)
    return solve_once


def tries(path):
    return [
        (r.solver, tuple(r.accuracy.targets), r.accuracy.attempt, r.accuracy.end)
        for r in read_records(path)
    ]


def test_each_solver_is_driven_to_each_target_and_every_try_is_a_row(run, solver, path, suite_of):
    suite = suite_of(instances=["tiny-1"], solvers=[LOOSE, EXACT], target_gaps=TARGETS)
    events = []
    summary = run(suite, progress=events.append)
    assert sorted(tries(path)) == [
        (EXACT, (1e-2, 1e-4), 0, "reached"),
        (LOOSE, (1e-4,), 0, ""),
        (LOOSE, (1e-4,), 1, "reached"),
        (LOOSE, (1e-2,), 0, ""),
        (LOOSE, (1e-2,), 1, "reached"),
    ]
    assert summary.measured == 5
    last = events[-1]
    assert last.record is not None
    assert (last.done, last.total) == (3, 3)
    # The second try has what the first has left of the limit.
    assert sorted(limit for *_, limit in solver.asked) == [19.0, 19.0, 20.0, 20.0, 20.0]
    times = {(t.solver, t.target): t.seconds for t in time_to_accuracy(read_records(path))}
    assert times == {
        (EXACT, 1e-2): 1.0, (EXACT, 1e-4): 1.0, (LOOSE, 1e-2): 2.0, (LOOSE, 1e-4): 2.0,
    }  # fmt: skip


def test_a_chain_is_carried_on_try_by_try(run, solver, path, suite_of):
    """A run that was stopped must not pay again for the tries it has, nor forget their charge."""
    suite = suite_of(instances=["tiny-1"], solvers=[LOOSE], target_gaps=[1e-4])

    def stop(instance, name, options):
        if options.tolerance is not None and options.tolerance < 1e-4:
            raise KeyboardInterrupt
        return {"wall_s": 3.0, "raw_gap": 1e-2, "verdict": "loose"}

    calm, solver.answer = solver.answer, stop
    with pytest.raises(KeyboardInterrupt):
        run(suite)
    assert tries(path) == [(LOOSE, (1e-4,), 0, "")]
    assert [n.reason for n in read_not_run(path)] == ["interrupted"]
    solver.answer = calm
    solver.asked.clear()
    summary = run(suite)
    assert (summary.measured, summary.skipped, summary.left_out) == (1, 1, ())
    assert [limit for *_, limit in solver.asked] == [17.0]
    (found,) = time_to_accuracy(read_records(path))
    assert (found.seconds, found.reached) == (4.0, True)
    assert run(suite).measured == 0


def test_a_spent_budget_leaves_a_chain_open_and_says_so(run, solver, path, suite_of):
    suite = suite_of(instances=["tiny-1"], solvers=[LOOSE], target_gaps=TARGETS)
    now = [0.0]

    def clock():
        return now[0]

    def slow(instance, name, options):
        now[0] += 1.0
        return {"wall_s": 1.0, "raw_gap": 0.5, "verdict": "loose"}

    solver.answer = slow
    summary = run(suite, clock=clock, budget_s=2.5)  # one warm-up and two tries fit
    assert [end for *_, end in tries(path)] == ["", ""]
    assert summary.budget_spent
    assert {n.reason for n in summary.left_out} == {"budget of 2.5 s spent"}
    assert len(summary.left_out) == 2


def test_a_timeout_in_a_chain_is_made_again_only_under_a_higher_limit(run, solver, path, suite_of):
    def answer(instance, name, options):
        if options.tolerance is not None and options.tolerance < 1e-2:
            return {"wall_s": 15.5, "ended": "timeout", "raw_gap": None, "verdict": "unproven"}
        return {"wall_s": 5.0, "raw_gap": 0.5, "verdict": "loose"}

    solver.answer = answer
    fields = {"instances": ["tiny-1"], "solvers": [LOOSE], "target_gaps": [1e-2]}
    assert run(suite_of(**fields)).measured == 2
    assert tries(path)[-1][-1] == "timeout"
    assert run(suite_of(**fields)).measured == 0
    assert run(suite_of(**fields, time_limit_s=19.0)).measured == 0
    assert run(suite_of(**fields, time_limit_s=21.0)).measured == 1
    assert solver.asked[-1][-1] == 16.0


def test_each_target_climbs_its_ladder_by_itself(run, solver, path, suite_of):
    """A solver too slow for six digits may still be the one to take for two."""

    def answer(instance, name, options):
        if options.tolerance is None:
            return {"wall_s": 1.0, "raw_gap": 1.0, "verdict": "loose"}
        size = int(instance.split("-")[1])
        if options.tolerance < 1e-3 and size > 1:
            return {"wall_s": 20.0, "ended": "timeout", "raw_gap": None, "verdict": "unproven"}
        return {"wall_s": 1.0, "raw_gap": options.tolerance, "verdict": "loose"}

    solver.answer = answer
    ladder = {"name": "up", "recipe": "tiny-{n}", "sizes": [1, 2, 3, 4]}
    summary = run(suite_of(ladders=[ladder], solvers=[LOOSE, EXACT], target_gaps=TARGETS))
    reached = [(r.instance.name, *r.accuracy.targets) for r in read_records(path)
               if r.solver == LOOSE]  # fmt: skip
    assert reached == [
        ("tiny-1", 1e-2), ("tiny-1", 1e-4), ("tiny-2", 1e-2), ("tiny-2", 1e-4),
        ("tiny-3", 1e-2), ("tiny-4", 1e-2),
    ]  # fmt: skip
    assert {n.reason for n in summary.left_out} == {"climbs no further: timeout at tiny-2"}
    # A solver that runs once shows its accuracy at every size.
    assert sum(r.solver == EXACT for r in read_records(path)) == 4


def test_a_disturbed_try_is_made_again_at_once_and_only_once(run, solver, path, suite_of):
    solver.answer = lambda i, n, o: {"wall_s": 1.0, "raw_gap": 1e-3, "disturbed": True}
    suite = suite_of(
        instances=["tiny-1"], solvers=[LOOSE], target_gaps=[1e-2], rerun_disturbed=True
    )
    events = []
    assert run(suite, progress=events.append).measured == 2
    assert (events[-1].done, events[-1].total) == (1, 1)
    assert events[-1].what == "again"
    assert run(suite).measured == 0


def test_repeats_drive_the_solver_again(run, solver, path, suite_of):
    suite = suite_of(
        instances=["tiny-1"], solvers=[LOOSE], target_gaps=[1e-2], repeats=3, repeat_below_s=5.0
    )
    run(suite)
    assert [r.repeat for r in read_records(path)] == [0, 0, 1, 1, 2, 2]
    (found,) = time_to_accuracy(read_records(path))
    assert (found.repeats, found.seconds) == (3, 2.0)


def test_a_sweep_of_threads_asks_for_them_and_leaves_out_who_has_none(
    run, solver, path, suite_of, monkeypatch
):
    monkeypatch.setattr(plan_module, "processors", lambda: 2)
    ladder = {
        "name": "threads", "variable": "threads", "values": [1, 2, 4],
        "recipe": "tiny-1", "climb": False,
    }  # fmt: skip
    suite = suite_of(ladders=[ladder], solvers=[LOOSE, "null"])
    summary = run(suite)
    rows = [(r.variable, r.value, r.options) for r in read_records(path)]
    assert rows == [("threads", 1, {"threads": 1}), ("threads", 2, {"threads": 2})]
    assert [(n.solver, n.reason) for n in summary.left_out] == [
        ("null", "not applicable: solver null has no option 'threads'; it takes: none"),
        (LOOSE, "4 threads: this machine lets planbench use 2"),
    ]
    assert run(suite).measured == 0


def test_a_sweep_that_does_not_climb_goes_on_after_a_failure(run, solver, path, suite_of):
    solver.answer = lambda i, n, o: {"wall_s": 20.0, "ended": "timeout"}
    ladder = {"name": "kinds", "variable": "amount", "values": ["1", "2"], "recipe": "tiny-{v}"}
    run(suite_of(ladders=[ladder], solvers=[LOOSE]))
    assert [(r.value, r.ended) for r in read_records(path)] == [("1", "timeout"), ("2", "timeout")]
    numbers = ladder | {"name": "numbers", "values": [1, 2]}
    run(suite_of(name="other", ladders=[numbers], solvers=[LOOSE]))
    assert [r.value for r in read_records(path)][2:] == [1]


def test_every_size_has_all_seeds(suite_of):
    ladder = {"name": "up", "recipe": "tiny-{n}{seed}", "sizes": [1, 2], "seeds": [3, 4]}
    plan = plan_suite(suite_of(ladders=[ladder], solvers=[LOOSE]))
    assert [(c.instance, c.value) for c in plan.entries] == [
        ("tiny-13", 1), ("tiny-14", 1), ("tiny-23", 2), ("tiny-24", 2)
    ]  # fmt: skip


def test_a_refusal_costs_one_run_a_ladder_and_no_warm_up_is_counted(run, solver, path, suite_of):
    """A planner that takes another kind of economy must not eat the budget."""
    solver.answer = lambda i, n, o: {"wall_s": None, "ended": "refused"}
    ladder = {"name": "up", "recipe": "tiny-{n}", "sizes": [1, 2, 3]}
    summary = run(suite_of(ladders=[ladder], solvers=[LOOSE], repeats=3))
    assert [r.ended for r in read_records(path)] == ["refused"]
    assert {n.reason for n in summary.left_out} == {"climbs no further: refused at tiny-1"}


def test_the_first_accepted_run_of_a_solver_whose_warm_up_was_refused_is_not_counted(
    run, solver, path, suite_of
):
    """Its cold start would be charged to the first instance of the right kind."""
    seconds = iter([4.0, 1.0])

    def answer(instance, name, options):
        if instance == "tiny-1":
            return {"wall_s": None, "ended": "refused"}
        return {"wall_s": next(seconds)}

    solver.answer = answer
    run(suite_of(instances=["tiny-1", "tiny-2"], solvers=[LOOSE]))
    assert [(r.ended, r.wall_s) for r in read_records(path)] == [("refused", None), ("ok", 1.0)]


def test_options_of_an_entry_come_on_top_of_the_suites(suite_of):
    """A sweep of threads must not lose the seed, nor a chain its threads."""
    ladder = {"name": "t", "variable": "threads", "values": [1], "recipe": "tiny-1"}
    suite = suite_of(ladders=[ladder], solvers=[LOOSE], options={"seed": 7})
    (entry,) = plan_suite(suite).entries
    options = replace(entry.solve_options(suite), tolerance=1e-3)
    assert (options.threads, options.seed, options.tolerance) == (1, 7, 1e-3)
