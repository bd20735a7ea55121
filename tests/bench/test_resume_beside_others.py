"""A results file may hold other suites, and rows of other commits: neither is passed over."""

from __future__ import annotations

import pytest

from planbench.bench import runner, single
from planbench.bench.runner import run_suite
from planbench.errors import InputError
from planbench.records.not_run import NotRun, not_run_path, read_not_run, write_not_run

ELSE = NotRun("another", "g", "gen:goods=9", "glop", 0, "the budget was spent")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "r.jsonl"


@pytest.fixture
def run(path, load):
    def start(suite, **more):
        return run_suite(suite, path, load=load, **more)

    return start


def at_commit(monkeypatch, commit):
    """Let runs believe that planbench is at `commit`."""
    for module in (runner, single):
        monkeypatch.setattr(module, "git_commit", lambda: commit)


def test_what_another_suite_left_out_stays_on_the_list(run, path, suite_of):
    """The second suite in a file would otherwise make the first one look complete."""
    write_not_run(path, [ELSE])
    suite = suite_of(instances=["tiny-1"], solvers=["fake-talks"])
    summary = run(suite, budget_s=0.0)
    assert read_not_run(path) == [ELSE, *summary.left_out]
    assert len(summary.left_out) == 1
    run(suite)
    assert read_not_run(path) == [ELSE]


def test_what_other_solvers_were_not_run_on_stays_on_the_list(run, path, suite_of):
    """A run of one solver would otherwise make the suite look complete."""
    solvers = ["fake-talks", "fake-once-slow"]
    suite = suite_of(instances=["tiny-1"], solvers=solvers)
    run(suite, budget_s=0.0)
    assert {entry.solver for entry in read_not_run(path)} == set(solvers)
    run(suite, solvers=["fake-talks"])
    assert [entry.solver for entry in read_not_run(path)] == ["fake-once-slow"]
    run(suite_of(instances=["tiny-1"], solvers=["fake-talks"]))
    assert read_not_run(path) == []


def test_a_damaged_list_is_told_before_anything_is_measured(run, path, suite_of):
    not_run_path(path).write_text("[]")
    events = []
    with pytest.raises(InputError, match="not a list of what was not run"):
        run(suite_of(instances=["tiny-1"], solvers=["fake-talks"]), progress=events.append)
    assert events == []


def test_a_list_that_cannot_be_written_hides_no_interrupt(run, suite_of, monkeypatch):
    """Ctrl-C on a full disk must end the run as an interrupt, and still name the trouble."""

    def full(results, left_out):
        raise InputError("cannot be written: No space left on device", where="r.not-run.json")

    def interrupt(event):
        if event.what == "fake-talks on tiny-1" and event.done == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(runner, "write_not_run", full)
    suite = suite_of(instances=["tiny-1"], solvers=["fake-talks"])
    with pytest.raises(KeyboardInterrupt) as stopped:
        run(suite, progress=interrupt)
    assert "No space left" in " ".join(stopped.value.__notes__)
    with pytest.raises(InputError, match="No space left"):
        run(suite)


def test_rows_of_another_commit_are_named_when_a_run_carries_on(run, path, suite_of, monkeypatch):
    """Two commits of one version in one table are nobody's business to find out from the rows."""
    suite = suite_of(instances=["tiny-1"], solvers=["fake-talks", "fake-nan"])
    at_commit(monkeypatch, "a" * 40)
    run(suite)
    assert run(suite).resumed == "", "the same commit is no news"
    at_commit(monkeypatch, "b" * 40 + "-dirty")
    resumed = run(suite).resumed
    assert resumed == "carries on with 2 rows of aaaaaaaaaaaa, now at bbbbbbbbbbbb-dirty"
    assert run(suite, resume=False).resumed == "", "nothing is carried on"
