"""A suite measures exactly what is missing, in a fixed order, within its budget."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from support.full import FULL

from planbench.bench import runner, single
from planbench.bench.plan import PlanEntry, plan_suite, shuffled
from planbench.bench.runner import run_suite
from planbench.errors import InputError, PlanbenchError, SolverUnavailableError
from planbench.records.not_run import read_not_run
from planbench.records.store import RecordStore, read_records


@pytest.fixture
def path(tmp_path):
    return tmp_path / "r.jsonl"


@pytest.fixture
def run(path, load):
    def start(suite, **more):
        return run_suite(suite, path, **{"load": load, **more})

    return start


@pytest.fixture
def fast(monkeypatch):
    """Answer at once instead of starting workers; what was asked for is listed.

    The runner's order, budget and bookkeeping are tested with it, measuring is tested elsewhere.
    """
    asked = []
    real = single.solve_once

    def answer(request, **more):
        instance, solver = request.instance, request.solver.name
        suite, repeat = request.place.suite, request.place.repeat
        outcome = answer.cache.get((instance.name, solver))
        if outcome is None:
            monkeypatch.setattr(single, "run_job", answer.job)
            outcome = real(replace(request, conditions=replace(request.conditions, polish=False)))
            answer.cache[instance.name, solver] = outcome
        if not suite:
            asked.append(("warm-up", instance.name, solver))
            return outcome
        asked.append((instance.name, solver, repeat))
        update = asdict(request.place) | {"time_limit_s": request.conditions.time_limit_s}
        update |= answer.change(instance.name, solver, repeat)
        return replace(outcome, record=outcome.record.model_copy(update=update))

    def job(job, **limits):
        from planbench.measure.launch import JobResult

        log = Path(job.folder, "log.txt")
        log.touch()
        return JobResult(
            ended="ok", pass_s_before=1.0, pass_s_after=1.0, memory_method="", log=log, returncode=0
        )

    answer.cache = {}
    answer.job = job
    answer.change = lambda instance, solver, repeat: {"wall_s": 0.1}
    answer.asked = asked
    monkeypatch.setattr(runner, "solve_once", answer)
    return answer


def measured(path):
    return sorted((r.instance.name, r.solver, r.repeat) for r in read_records(path))


TWO = ["fake-talks", "fake-nan"]


def test_every_measurement_is_made_once_and_a_second_run_makes_none(run, path, suite_of):
    suite = suite_of(instances=["tiny-1", "lp"], solvers=TWO)
    events = []
    first = run(suite, progress=events.append)
    expected = sorted((i, s, 0) for i in ("tiny-1", "lp") for s in TWO)
    assert measured(path) == expected
    assert (first.measured, first.skipped, first.left_out) == (4, 0, ())
    assert not first.budget_spent
    assert sum(e.record is not None for e in events) == 4
    said = [e.what for e in events]
    assert said.count("fake-talks on tiny-1") == 1
    assert sum(what.startswith("warming up") for what in said) == 2
    assert sum(what.startswith("preparing") for what in said) == 2
    assert "fake-talks on tiny-1: certify" in said
    last = events[-1]
    assert (last.done, last.total, last.remaining_s) == (4, 4, 0.0)
    second = run(suite)
    assert (second.measured, second.skipped) == (0, 4)
    assert measured(path) == expected


def test_warm_ups_are_not_recorded_and_use_the_smallest_instance(run, fast, path, suite_of):
    run(suite_of(instances=["tiny-1", "lp"], solvers=TWO))
    warm_ups = [a for a in fast.asked if a[0] == "warm-up"]
    assert sorted(warm_ups) == [("warm-up", "lp", "fake-nan"), ("warm-up", "lp", "fake-talks")]
    assert len(read_records(path)) == 4


def test_a_suite_can_do_without_warm_ups(run, fast, suite_of):
    run(suite_of(instances=["tiny-1"], solvers=TWO, warm_up=False))
    assert sorted(fast.asked) == [("tiny-1", "fake-nan", 0), ("tiny-1", "fake-talks", 0)]


def test_only_short_runs_are_repeated_and_after_everything_ran_once(run, fast, path, suite_of):
    """With a budget, breadth comes before repeats."""
    slow = ("tiny-1", "fake-nan")
    fast.change = lambda i, s, r: {"wall_s": 2.0 if (i, s) == slow else 0.2}
    run(suite_of(instances=["tiny-1", "tiny-2"], solvers=TWO, repeats=3))
    order = [a for a in fast.asked if a[0] != "warm-up"]
    assert [repeat for _, _, repeat in order] == [0] * 4 + [1] * 3 + [2] * 3
    assert order.count((*slow, 0)) == 1
    assert (*slow, 1) not in order


def test_the_total_is_never_raised_while_it_is_counted_towards(run, fast, suite_of):
    """``[20/20]`` became ``[21/89]`` when the repeats began, and grew again with the reruns."""
    fast.change = lambda i, s, r: {
        "wall_s": 2.0 if (i, s) == ("tiny-1", "fake-nan") else 0.2,
        "disturbed": s == "fake-nan",
    }
    events = []
    suite = suite_of(instances=["tiny-1", "tiny-2"], solvers=TWO, repeats=3, rerun_disturbed=True)
    run(suite, progress=events.append)
    done = [e for e in events if e.record is not None]
    totals = [e.total for e in done]
    assert totals[0] <= 2 * 2 * 3
    assert totals == sorted(totals, reverse=True)
    assert totals[-1] == 10  # one of four is not repeated
    again = [e for e in done if e.what == "again"]
    assert again
    assert {(e.done, e.total) for e in again} == {(10, 10)}
    assert [e.done for e in done if e not in again] == [*range(1, 11)]
    assert events[-1].done == events[-1].total


def test_failures_are_not_repeated(run, fast, suite_of):
    fast.change = lambda i, s, r: {"wall_s": 0.1, "ended": "crash"}
    run(suite_of(instances=["tiny-1"], solvers=TWO, repeats=3))
    assert {a[2] for a in fast.asked if a[0] != "warm-up"} == {0}


def test_disturbed_runs_are_made_again_at_the_end_until_one_is_calm(run, fast, path, suite_of):
    """The first rerun is calm here, so there is no second."""
    calm = []

    def change(instance, solver, repeat):
        disturbed = solver == "fake-nan" and repeat == 1 and not calm
        calm.extend([1] * disturbed)
        return {"wall_s": 0.1, "disturbed": disturbed}

    fast.change = change
    suite = suite_of(instances=["tiny-1"], solvers=TWO, repeats=2, rerun_disturbed=True)
    run(suite)
    order = [a for a in fast.asked if a[0] != "warm-up"]
    assert order[-1] == ("tiny-1", "fake-nan", 1)
    assert order.count(("tiny-1", "fake-nan", 1)) == 2
    assert len(order) == 5
    assert [r.disturbed for r in read_records(path) if r.repeat == 1].count(True) == 1
    assert run(suite).measured == 0


@pytest.mark.parametrize(("ended", "rows"), [("ok", 3), ("timeout", 3), ("crash", 1)])
def test_a_machine_that_stays_disturbed_ends_the_reruns(run, fast, path, suite_of, ended, rows):
    """Without a limit a loaded machine would never come to an end; each row stays marked."""
    fast.change = lambda i, s, r: {"wall_s": 0.1, "ended": ended, "disturbed": s == "fake-nan"}
    suite = suite_of(instances=["tiny-1"], solvers=TWO, rerun_disturbed=True)
    run(suite)
    found = [r for r in read_records(path) if r.solver == "fake-nan"]
    assert len(found) == rows
    assert all(r.disturbed for r in found)
    # A run carried on does not start to count anew.
    assert run(suite).measured == 0
    assert run(suite_of(instances=["tiny-1"], solvers=TWO, rerun_disturbed=False)).measured == 0


@pytest.mark.parametrize(("ended", "sizes"), [("timeout", 2), ("memory", 2), ("crash", 3)])
def test_a_ladder_is_climbed_until_the_first_limit_or_the_second_crash(
    run, fast, path, suite_of, ended, sizes
):
    """The limit is paid once for each solver, not once for each larger size."""
    fast.change = lambda i, s, r: {
        "wall_s": 0.1,
        "ended": ended if s == "fake-nan" and i != "tiny-1" else "ok",
    }
    ladder = {"name": "up", "recipe": "tiny-{n}", "sizes": [1, 2, 3, 4]}
    summary = run(suite_of(ladders=[ladder], solvers=TWO))
    assert sum(1 for _, s, _ in measured(path) if s == "fake-nan") == sizes
    assert sum(1 for _, s, _ in measured(path) if s == "fake-talks") == 4
    assert [(n.instance, n.group) for n in summary.left_out] == [
        (f"tiny-{n}", "up") for n in range(sizes + 1, 5)
    ]
    assert f"climbs no further: {ended} at tiny-{sizes}" in summary.left_out[0].reason
    assert read_not_run(path) == list(summary.left_out)
    # Resuming knows from the file that the limit was met.
    asked = len(fast.asked)
    assert run(suite_of(ladders=[ladder], solvers=TWO)).measured == 0
    assert len(fast.asked) == asked


def test_one_crash_does_not_end_a_climb(run, fast, path, suite_of):
    fast.change = lambda i, s, r: {"wall_s": 0.1, "ended": "crash" if i == "tiny-2" else "ok"}
    ladder = {"name": "up", "recipe": "tiny-{n}", "sizes": [1, 2, 3, 4]}
    run(suite_of(ladders=[ladder], solvers=["fake-nan"]))
    assert len(measured(path)) == 4


def test_ladders_are_climbed_in_order_after_the_instances(suite_of):
    ladders = [
        {"name": "a", "recipe": "tiny-{n}", "sizes": [1, 2, 3]},
        {"name": "b", "recipe": "tiny-1{n}", "sizes": [1], "solvers": ["fake-nan"]},
    ]
    plan = plan_suite(suite_of(instances=["lp"], ladders=ladders, solvers=TWO))
    both = tuple(TWO)
    assert plan.entries == (
        PlanEntry("", "lp", both),
        *(PlanEntry("a", f"tiny-{n}", both, "goods", n, climbs=True) for n in (1, 2, 3)),
        PlanEntry("b", "tiny-11", ("fake-nan",), "goods", 1, climbs=True),
    )
    narrowed = plan_suite(suite_of(instances=["lp"], ladders=ladders, solvers=TWO), ["fake-talks"])
    assert [c.solvers for c in narrowed.entries] == [
        ("fake-talks",), ("fake-talks",), ("fake-talks",), ("fake-talks",), ()
    ]  # fmt: skip


def test_the_order_of_solvers_is_shuffled_and_always_the_same():
    """A solver that always ran after a memory hog would pay for it."""
    solvers = tuple("abcdefgh")
    orders = {tuple(shuffled("s", PlanEntry("", f"i{n}", solvers), 0)) for n in range(20)}
    assert len(orders) == 20
    assert all(sorted(order) == sorted(solvers) for order in orders)
    entry = PlanEntry("", "i0", solvers)
    assert shuffled("s", entry, 0) == shuffled("s", entry, 0)
    assert shuffled("s", entry, 0) != shuffled("s", entry, 1)


def test_a_spent_budget_is_said_and_the_rest_is_made_later(run, fast, path, suite_of):
    """What does not fit must not vanish without a word."""
    now = [0.0]

    def clock():
        now[0] += 0.5
        return now[0]

    suite = suite_of(instances=["tiny-1", "tiny-2", "tiny-3"], solvers=TWO, budget_s=5.0)
    summary = run(suite, clock=clock)
    assert summary.budget_spent
    assert 0 < summary.measured < 6
    assert len(summary.left_out) == 6 - summary.measured
    assert {n.reason for n in summary.left_out} == {"budget of 5 s spent"}
    assert read_not_run(path) == list(summary.left_out)
    rest = run(suite)
    assert (rest.measured, rest.skipped) == (6 - summary.measured, summary.measured)
    assert read_not_run(path) == []
    # With no budget at all, what is on file is not called left out.
    nothing = run(suite, budget_s=0.0)
    assert (nothing.measured, nothing.left_out, nothing.budget_spent) == (0, (), False)


def test_a_higher_limit_makes_timeouts_again_and_nothing_else(run, fast, path, suite_of):
    fast.change = lambda i, s, r: {
        "wall_s": 0.1,
        "ended": "timeout" if s == "fake-nan" else "ok",
        "time_limit_s": 20.0,
    }
    run(suite_of(instances=["tiny-1"], solvers=TWO))
    assert run(suite_of(instances=["tiny-1"], solvers=TWO, time_limit_s=19.0)).measured == 0
    assert run(suite_of(instances=["tiny-1"], solvers=TWO, time_limit_s=21.0)).measured == 1
    assert measured(path).count(("tiny-1", "fake-nan", 0)) == 2


def test_a_run_somebody_killed_is_made_again(run, fast, suite_of):
    fast.change = lambda i, s, r: {"ended": "killed"}
    suite = suite_of(instances=["tiny-1"], solvers=["fake-nan"])
    run(suite)
    assert run(suite).measured == 1


@pytest.mark.parametrize(
    "change",
    [
        {"machine": {"id": "elsewhere"}},
        {"packages": {"planbench": "0.0.1"}},
        {"suite": "another"},
        {"group": "another"},
        {"key": "another"},
    ],
)
def test_what_was_measured_differently_does_not_count(run, fast, path, suite_of, change):
    """Rows of another machine or version must not stand in for this one's."""
    suite = suite_of(instances=["tiny-1"], solvers=["fake-nan"])
    run(suite)
    (row,) = read_records(path)
    path.unlink()
    with RecordStore(path) as store:
        store.append(row.model_copy(update=change))
    assert run(suite).measured == 1


def test_without_resume_everything_is_measured_again(run, fast, path, suite_of):
    suite = suite_of(instances=["tiny-1"], solvers=TWO)
    run(suite)
    assert run(suite, resume=False).measured == 2
    assert len(read_records(path)) == 4


def test_unknown_names_fail_before_anything_is_measured(run, fast, path, suite_of):
    with pytest.raises(InputError, match="unknown solver 'highs-dx'"):
        run(suite_of(instances=["tiny-1"], solvers=["fake-nan", "highs-dx"]))
    with pytest.raises(InputError, match="no instance nowhere"):
        run(suite_of(instances=["tiny-1", "nowhere"], solvers=TWO))
    ladder = {"name": "up", "recipe": "no-{n}", "sizes": [1]}
    with pytest.raises(InputError, match="no instance no-1"):
        run(suite_of(instances=["tiny-1"], ladders=[ladder], solvers=TWO))
    assert fast.asked == []


def test_an_instance_too_large_for_the_machine_is_left_out(run, fast, path, suite_of, load):
    def refuse_large(name):
        if name == "tiny-9":
            raise InputError("needs about 900 GiB")
        return load(name)

    ladder = {"name": "up", "recipe": "tiny-{n}", "sizes": [1, 9]}
    summary = run(suite_of(ladders=[ladder], solvers=["fake-nan"]), load=refuse_large)
    assert [n.reason for n in summary.left_out] == ["needs about 900 GiB"]


def test_solvers_that_cannot_run_or_lack_an_option_are_left_out_with_the_reason(
    run, fast, path, suite_of, monkeypatch
):
    monkeypatch.setattr(
        "planbench.solvers.registry.why_not_here",
        lambda spec: "needs moon dust" if spec.name == "cbc" else None,
    )
    suite = suite_of(
        instances=["tiny-1"], solvers=["fake-nan", "cbc", "null"], options={"tolerance": 1e-6}
    )
    summary = run(suite)
    reasons = {n.solver: n.reason for n in summary.left_out}
    assert "needs moon dust" in reasons["cbc"]
    assert "not applicable: solver null has no option 'tolerance'" in reasons["null"]
    assert measured(path) == [("tiny-1", "fake-nan", 0)]
    with pytest.raises(SolverUnavailableError, match=r"no solver can run: .*moon dust"):
        run(suite_of(instances=["tiny-1"], solvers=["cbc"]))


def test_optional_instances_not_at_hand_are_left_out_with_the_fix(
    run, fast, path, suite_of, monkeypatch, tmp_path
):
    """Who has no copy of a table must still be able to run the rest, and be told."""
    monkeypatch.delenv("PLANBENCH_TABLES", raising=False)
    suite = suite_of(
        instances=["tiny-1"], optional_instances=["table:wiod", "tiny-2"], solvers=TWO[:1]
    )
    summary = run(suite)
    (left,) = summary.left_out
    assert left.instance == "table:wiod"
    assert "set PLANBENCH_TABLES" in left.reason
    assert [name for name, _, _ in measured(path)] == ["tiny-1", "tiny-2"]
    (tmp_path / "wiod.npz").touch()
    monkeypatch.setenv("PLANBENCH_TABLES", str(tmp_path))
    entries = plan_suite(suite).entries
    assert [entry.instance for entry in entries] == ["tiny-1", "table:wiod", "tiny-2"]


def test_available_means_every_registered_solver_but_external_commands(suite_of):
    from planbench.solvers.registry import list_solvers

    plan = plan_suite(suite_of(instances=["tiny-1"]))
    named = set(plan.solvers) | {n.solver for n in plan.left_out}
    assert named == {spec.name for spec in list_solvers()} - {"cmd"}


def test_a_second_run_into_the_same_file_is_refused(run, fast, path, suite_of):
    suite = suite_of(instances=["tiny-1"], solvers=TWO)
    with RecordStore(path), pytest.raises(InputError, match="another planbench is writing"):
        run(suite)


def test_a_row_that_cannot_be_written_ends_the_run_with_one_line(
    run, fast, path, suite_of, monkeypatch
):
    def full(self, record):
        raise PlanbenchError("No space left on device")

    monkeypatch.setattr(RecordStore, "append", full)
    with pytest.raises(PlanbenchError, match="No space left"):
        run(suite_of(instances=["tiny-1"], solvers=TWO))


def test_an_interrupt_keeps_what_is_complete_and_says_what_is_not(run, path, suite_of):
    suite = suite_of(instances=["tiny-1", "tiny-2"], solvers=TWO)

    def interrupt_third(event):
        _, _, phase = event.what.partition(": ")
        if event.done == 2 and phase not in ("", "certify"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(suite, progress=interrupt_third)
    assert len(read_records(path)) == 2
    assert [n.reason for n in read_not_run(path)] == ["interrupted"] * 2
    rest = run(suite)
    assert (rest.measured, rest.skipped) == (2, 2)
    assert len(set(measured(path))) == 4
    assert read_not_run(path) == []


SCRIPT = """
    import sys
    from pathlib import Path
    sys.path.insert(0, {folder!r})
    from conftest import tiny
    from planbench.bench.runner import run_suite
    from planbench.bench.suite import make_suite
    suite = make_suite({suite!r}, "suite")
    def tell(event):
        if (record := event.record) is not None:
            print(record.instance.name, record.solver, record.repeat, flush=True)
    run_suite(suite, Path({path!r}), load=tiny, progress=tell)
"""


def killed_runs(path, suite, moments, kill):
    """Start the suite again and again, killing it after each of `moments` seconds."""
    script = textwrap.dedent(SCRIPT).format(
        folder=str(Path(__file__).parent), suite=suite, path=str(path)
    )
    said = []
    for seconds in [*moments, None]:
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        if seconds is not None:
            time.sleep(seconds)
            process.send_signal(kill)
        out, err = process.communicate(timeout=120)
        if seconds is None:
            assert process.returncode == 0, err.decode()
        said += [tuple(line.split()) for line in out.decode().splitlines()]
        rows = [(i, s, str(r)) for i, s, r in measured(path)] if path.exists() else []
        assert set(said) <= set(rows), "a completed measurement was lost"
        assert len(rows) == len(set(rows)), "something was measured twice"
    return rows


def no_worker_left(folder):
    marker = str(folder).encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "environ").read_bytes()
            except OSError:
                continue
            if marker in words and int(entry.name) != os.getpid():
                return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_kills_at_random_moments_lose_nothing_and_the_rest_is_made(
    path, tmp_path, kill, monkeypatch
):
    """Kill -9, Ctrl-C and a shutdown at any moment; every row once in the end, no orphans."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    suite = {
        "name": "mine", "budget_s": 100.0, "time_limit_s": 20.0, "memory_limit": "1 GiB",
        "repeats": 2, "polish": False, "rerun_disturbed": False,
        "instances": ["tiny-1", "tiny-2", "tiny-3"], "solvers": TWO,
    }  # fmt: skip
    rng = random.Random(int(kill))
    moments = [rng.uniform(0.6, 4.0) for _ in range(6 if FULL else 1)]
    rows = killed_runs(path, suite, moments, kill)
    assert len(rows) == 3 * 2 * 2
    until = time.monotonic() + 10
    while not no_worker_left(tmp_path) and time.monotonic() < until:
        time.sleep(0.1)
    assert no_worker_left(tmp_path)
