"""Limits hold and every way of ending is told apart, whatever the solver does."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from planbench.errors import InputError, PlanbenchError
from planbench.measure.launch import Interpreter, run_job
from planbench.measure.protocol import Job

pytestmark = pytest.mark.alone


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def wait_until(condition, seconds=10.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("name", ["busy", "sleepy"])
def test_a_solver_that_ignores_its_limit_is_killed(launch, name):
    """``busy`` holds the interpreter lock, so nothing inside the worker could stop it."""
    result = launch(name, time_limit_s=0.3)
    assert result.ended == "timeout"
    assert result.returncode == -signal.SIGKILL
    assert "not done after 0.3 s in phase solve" in result.message
    last = result.phases[-1]
    assert (last.name, last.complete, last.solving) == ("solve", False, True)
    assert last.cpu_s is None
    assert result.seconds() >= 0.3
    assert result.solution is None
    # What was done before the kill is kept: the phases and the calibration.
    assert [p.name for p in result.phases] == ["read", "calibrate", "import", "load", "solve"]
    assert result.pass_s_before > 0
    assert result.pass_s_after is None


def test_a_solver_that_stops_by_itself_at_its_limit_timed_out_but_its_answer_is_kept(launch):
    result = launch("own-limit")
    assert result.ended == "timeout"
    assert result.solution is not None
    assert result.solution.claim == "feasible"


def test_an_answer_after_the_limit_counts_as_a_timeout(launch):
    """Within the grace a late answer is still received, but the limit was overrun."""
    result = launch("once-slow", time_limit_s=0.2, native={"seconds": 0.4})
    assert result.ended == "timeout"
    assert result.solution is not None
    assert "limit 0.2 s" in result.message


def test_time_before_the_first_phase_is_not_the_solvers(launch):
    """Importing a solver package takes seconds on a cold disk and is not what is measured."""
    result = launch("slow-import", time_limit_s=0.2)
    assert result.ended == "ok", result.message
    assert result.seconds() < 0.2


def test_the_limit_is_on_the_seconds_that_are_reported(launch):
    """A comparison of what the solver holds with what was sent is planbench's own doing."""
    result = launch("slow-check", time_limit_s=0.2, native={"seconds": 1.0})
    assert result.ended == "ok", result.message
    assert result.seconds() < 0.2
    assert next(p.wall_s for p in result.phases if p.name == "check") >= 1.0


@pytest.mark.parametrize("name", ["forks", "escapes"])
def test_children_of_a_solver_are_killed_with_it(launch, tmp_path, name):
    """``escapes`` starts its child in a session of its own, as a daemon would."""
    result = launch(name, time_limit_s=0.5)
    assert result.ended == "timeout"
    child = int((tmp_path / "child.pid").read_text())
    assert not is_alive(child)
    assert "children sampled" in result.memory_method


@pytest.mark.parametrize("name", ["hoards", "hoards-in-child"])
def test_growing_memory_is_stopped_at_the_limit(launch, name):
    """``hoards-in-child`` holds nothing itself: its children's memory must count."""
    limit = 250 << 20
    result = launch(name, memory_limit_bytes=limit)
    assert result.ended == "memory"
    assert "more than the limit of 250 MiB" in result.message
    assert result.peak_bytes > 100 << 20


def test_pages_shared_with_a_forked_child_count_once(launch):
    """Resident sets of parent and child add up to 400 MiB here, of which half is the same."""
    result = launch("forks-sharing", memory_limit_bytes=300 << 20)
    assert result.ended == "ok", result.message
    assert "children sampled" in result.memory_method


def test_an_allocation_far_beyond_the_limit_fails_at_once(launch):
    result = launch("jumps", memory_limit_bytes=250 << 20)
    assert result.ended == "memory"
    assert "Unable to allocate" in result.message


def test_the_ceiling_on_private_memory_stops_a_jump_that_the_machine_could_serve(launch):
    """4 GiB of address space are handed out anywhere; with a limit of 250 MiB they must not be."""
    result = launch("jumps-a-little", memory_limit_bytes=250 << 20)
    assert result.ended == "memory"
    assert "MemoryError" in result.message


@pytest.mark.parametrize(
    ("name", "ended", "words"),
    [
        ("segfault", "crash", "SIGSEGV"),
        ("real-segfault", "crash", "SIGSEGV"),
        ("abort", "crash", "SIGABRT"),
        ("exit", "crash", "exited with code 3 without a result in phase solve: licence not found"),
        ("sys-exit", "crash", "SystemExit: 3"),
        ("raises", "crash", "ValueError: singular basis"),
        ("raises-memory", "memory", "no room for the factors"),
        ("kills-itself", "killed", "SIGKILL"),
        ("wrong-shape", "crash", "x of shape (4,), expected (3,)"),
        ("not-a-solution", "crash", "NoneType, not a Solution"),
        ("nests", "crash", "phase 'solve' begins inside phase 'load'"),
        ("refuses", "refused", "has no option presolve"),
    ],
)
def test_every_way_of_dying_is_told_apart(launch, name, ended, words):
    result = launch(name)
    assert result.ended == ended
    assert words in result.message
    assert "\n" not in result.message
    assert result.solution is None


def test_a_worker_that_hangs_after_its_result_does_not_lose_it(launch, monkeypatch):
    monkeypatch.setattr("planbench.measure.launch.LEAVE_S", 0.2)
    result = launch("quick-then-hangs")
    assert result.ended == "ok"
    assert result.solution.objective == 1.0


def test_a_log_without_end_is_stopped(launch, monkeypatch):
    """A solver in a printing loop would fill the disk long before its time limit."""
    monkeypatch.setattr("planbench.measure.watch.LOG_LIMIT_BYTES", 1 << 20)
    result = launch("prints-forever")
    assert result.ended == "killed"
    assert "1 MiB log" in result.message


def test_a_worker_that_never_gets_to_solving_is_stopped(launch, monkeypatch):
    monkeypatch.setattr("planbench.measure.launch.OVERHEAD_S", 1.0)
    result = launch("never-begins")
    assert result.ended == "killed"
    assert "overhead" in result.message
    assert result.seconds() is None


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_killed_by_somebody_else_is_no_timeout(launch, sent, tmp_path):
    def kill_when_solving(phase):
        if phase == "solve":
            worker = int((tmp_path / "worker.pid").read_text())
            os.kill(worker, sent)

    result = launch("sleepy-with-pid", progress=kill_when_solving)
    assert result.ended == "killed"
    assert sent.name in result.message


def test_a_sigkill_near_the_memory_limit_is_taken_for_the_kernels(launch):
    """The kernel's out-of-memory killer sends the same signal as a person."""
    result = launch("grows-and-dies", memory_limit_bytes=300 << 20)
    assert result.ended == "memory"


def test_impossible_limits_are_refused(launch):
    with pytest.raises(InputError, match="time limit: is 0; give seconds above 0"):
        launch("talks", time_limit_s=0.0)
    with pytest.raises(InputError, match="memory limit: is -1; give bytes above 0"):
        launch("talks", memory_limit_bytes=-1)


def test_an_interrupt_kills_worker_and_children(launch, tmp_path):
    """Ctrl-C reaches only the parent, since the worker has a session of its own."""

    def interrupt(phase):
        if phase == "solve":
            assert wait_until(lambda: (tmp_path / "child.pid").exists())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        launch("forks", progress=interrupt)
    assert not is_alive(int((tmp_path / "child.pid").read_text()))


def test_nothing_survives_a_parent_that_is_killed(lp_file, tmp_path):
    """A kill -9 of the parent leaves no chance to clean up; worker and its child must still go."""
    script = textwrap.dedent(
        f"""
        from planbench.measure.protocol import Job
        from planbench.measure.launch import run_job
        job = Job({str(lp_file)!r}, "fake-forks", {str(tmp_path)!r})
        run_job(job, time_limit_s=600, memory_limit_bytes=2 << 30)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    try:
        assert wait_until(lambda: (tmp_path / "child.pid").exists())
        child = int((tmp_path / "child.pid").read_text())
        worker = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
        assert is_alive(worker)
    finally:
        parent.kill()
        parent.wait()
    assert wait_until(lambda: not is_alive(worker))
    assert wait_until(lambda: not is_alive(child))


@pytest.mark.parametrize("kind", ["missing", "not-executable"])
def test_a_python_that_cannot_be_started_is_named(lp_file, tmp_path, kind):
    """The environment of a comparison may have been broken since it was made."""
    python = tmp_path / kind
    if kind == "not-executable":
        python.touch()
    with pytest.raises(PlanbenchError, match=f"{kind}: the worker cannot be started"):
        run_job(
            Job(str(lp_file), "null", str(tmp_path)),
            time_limit_s=1.0,
            memory_limit_bytes=1 << 30,
            interpreter=Interpreter(str(python)),
        )


@pytest.mark.parametrize("name", ["fills-disk", "fills-disk-wholly"])
def test_a_full_disk_is_not_charged_to_the_solver(launch, name):
    """A crash row would say that the solver failed; the run must end with a line instead."""
    with pytest.raises(PlanbenchError, match=r"could not write its files .*TMPDIR"):
        launch(name)
