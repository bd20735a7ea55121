"""Programs leave nothing behind: at their end, at a kill, and when planbench itself is killed."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from planbench.supervised import run_supervised, supervised

#: Starts processes in every way that gets away from a process group, says who they are, and
#: goes on as told: ``sleep`` or ``exit``.
ESCAPER = """
    import os, subprocess, sys, time
    pids = [subprocess.Popen(["sleep", "600"], start_new_session=True).pid]
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write, str(os.getpid()).encode())
            time.sleep(600)
        os._exit(0)
    pids += [int(os.read(read, 20)), os.getpid()]
    with open(sys.argv[1] + ".part", "w") as file:
        file.write(" ".join(map(str, pids)))
    os.rename(sys.argv[1] + ".part", sys.argv[1])
    if sys.argv[2] == "sleep":
        time.sleep(600)
"""


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def pids_in(path):
    assert wait_until(path.exists)
    return [int(word) for word in path.read_text().split()]


@pytest.fixture
def escaper(tmp_path):
    script = tmp_path / "escaper.py"
    script.write_text(textwrap.dedent(ESCAPER))
    return [sys.executable, str(script), str(tmp_path / "pids")], tmp_path / "pids"


@pytest.fixture
def sink(tmp_path):
    with (tmp_path / "out").open("w+b") as file:
        yield file


@pytest.mark.parametrize(
    ("does", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", -9), ("kill -SEGV $$", -11)]
)
def test_the_end_of_a_program_is_told(sink, does, code):
    with supervised(["sh", "-c", does], stdout=sink, stderr=sink) as job:
        assert job.wait(20.0)
    assert job.returncode == code


def test_a_program_that_is_not_there_is_named(sink):
    with pytest.raises(FileNotFoundError, match="no-such-program-here"):  # noqa: SIM117
        with supervised(["no-such-program-here"], stdout=sink, stderr=sink) as job:
            job.wait(20.0)


def test_a_program_cut_short_is_killed(sink):
    with supervised(["sleep", "600"], stdout=sink, stderr=sink) as job:
        assert not job.wait(0.05)
        assert alive(job.pid)
    assert job.returncode == -signal.SIGKILL
    assert not alive(job.pid)


@pytest.mark.parametrize("then", ["sleep", "exit"])
def test_what_got_away_from_the_group_goes_too(escaper, sink, then):
    """``exit``: the program has ended well, and its daemons have another parent by then."""
    command, told = escaper
    with supervised([*command, then], stdout=sink, stderr=sink) as job:
        pids = pids_in(told)
        if then == "exit":
            assert job.wait(20.0)
    assert [pid for pid in pids if alive(pid)] == []


def test_exit_codes_are_known_where_the_end_of_children_is_ignored():
    """Some daemons start their children so; the kernel then throws exit codes away."""
    code = (
        "from planbench.supervised import run_supervised\n"
        "print(run_supervised(['sh', '-c', 'exit 3'], timeout_s=20).returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    )
    assert done.stdout == "3\n"


def test_a_killed_supervisor_takes_its_program_with_it(sink):
    with supervised(["sleep", "600"], stdout=sink, stderr=sink) as job:
        os.kill(job.supervisor, signal.SIGKILL)
        assert job.wait(20.0)
        assert wait_until(lambda: not alive(job.pid))
    assert job.returncode == -signal.SIGKILL


def test_output_is_captured_and_a_hanging_program_stopped(escaper):
    done = run_supervised(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_s=20.0)
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    command, told = escaper
    with pytest.raises(subprocess.TimeoutExpired):
        run_supervised([*command, "sleep"], timeout_s=2.0)
    assert [pid for pid in pids_in(told) if alive(pid)] == []


@pytest.mark.parametrize("sent", ["SIGKILL", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"])
def test_nothing_survives_planbench_killed_in_a_solve(escaper, tmp_path, sent):
    """It dies of the signal itself, so that whoever sent it sees that."""
    command, told = escaper
    number = signal.Signals[sent]
    words = " ".join([*command, "sleep", "{mps}", "{sol}"])
    planbench = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "planbench",
            "solve",
            "kantorovich-lathes",
            "--solver",
            f"cmd:{words}",
        ],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: [signal.signal(s, signal.SIG_DFL) for s in (1, 2, 3)],
    )
    pids = pids_in(told)
    planbench.send_signal(number)
    assert planbench.wait(20.0) == (130 if sent == "SIGINT" else -number)
    assert wait_until(lambda: not any(alive(pid) for pid in pids))
    if sent != "SIGKILL":  # that leaves no time to tidy up; the next run does
        assert list(tmp_path.glob("planbench-*")) == []


@pytest.mark.parametrize("sent", ["SIGKILL", "SIGTERM"])
def test_nothing_survives_an_installation_cut_short(escaper, sent):
    """As `planbench ab` runs pip."""
    command, told = escaper
    code = (
        "from planbench.solvers.environments import run_command\n"
        f"run_command({[*command, 'sleep']!r}, timeout_s=600)"
    )
    planbench = subprocess.Popen([sys.executable, "-c", code])
    pids = pids_in(told)
    planbench.send_signal(signal.Signals[sent])
    planbench.wait(20.0)
    assert wait_until(lambda: not any(alive(pid) for pid in pids))


def test_signals_that_somebody_ignores_stay_ignored(sink, escaper):
    """Under nohup a hang-up must not end the run."""
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with supervised(["sleep", "600"], stdout=sink, stderr=sink) as job:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not job.wait(0.05)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, previous)
