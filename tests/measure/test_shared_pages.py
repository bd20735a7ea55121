"""Pages that processes share count once, for the limit and for the peak."""

import ctypes
import os
import signal
import sys
import textwrap
import time

import pytest

from planbench.measure import watch
from planbench.measure.launch import run_job
from planbench.measure.memory import same_memory
from planbench.measure.protocol import Job

pytestmark = pytest.mark.alone

MIB = 1 << 20

#: Of the program itself; `fork` starts children that each call `child` and wait to be ended, and
#: returns when they have been sampled, however fast the machine is.
PROGRAM = """
    import mmap, os, sys, time
    def samples():
        return os.stat("SAMPLES").st_size
    def wait_for_samples():
        # The first may have begun before; a copy counts from the second on.
        enough = samples() + 4
        while samples() < enough:
            time.sleep(0.01)
    def fork(number, child=lambda: None):
        read, write = os.pipe()
        pids = []
        for _ in range(number):
            pid = os.fork()
            if pid == 0:
                held = child()
                os.write(write, b".")
                time.sleep(600)
            pids.append(pid)
        ready = 0
        while ready < number:
            ready += len(os.read(read, number))
        wait_for_samples()
        return pids
    def end(pids):
        for pid in pids:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    def fill(size):
        held = bytearray(size << 20)
        held[::4096] = b"x" * len(held[::4096])
        return held
"""
END = """
    open(sys.argv[2], "w").write("status unknown")
"""


@pytest.fixture
def run(lp_file, tmp_path, monkeypatch):
    samples, sample = tmp_path / "samples", watch.Watch.sample
    samples.touch()

    def counted(self, job):
        sample(self, job)
        with samples.open("a") as file:  # as many bytes as there were samples
            file.write(".")

    monkeypatch.setattr(watch.Watch, "sample", counted)
    # Every sample asks what is shared, however long the last answer took.
    monkeypatch.setattr(watch, "PEAK_SHARE", 0)
    monkeypatch.setattr(watch, "SAMPLE_SHARE", 0)

    def start(script, limit):
        file = tmp_path / "program.py"
        text = "\n".join(map(textwrap.dedent, (PROGRAM, script, END)))
        file.write_text(text.replace("SAMPLES", str(samples)))
        folder = tmp_path / "job"
        folder.mkdir()
        job = Job(str(lp_file), f"cmd:{sys.executable} -S {file} {{mps}} {{sol}}", str(folder))
        return run_job(job, time_limit_s=60, memory_limit_bytes=limit * MIB)

    return start


def test_what_forked_processes_share_counts_once(run):
    """Resident sets add up to 1,200 MiB, of which there are 200."""
    result = run("held = fill(200); end(fork(5))", 500)
    assert result.ended == "ok", result.message
    assert 200 * MIB < result.peak_bytes < 260 * MIB


def test_what_forked_processes_hold_alone_counts(run):
    """60 MiB each beside the 100 they share; the kernel tells the largest alone: 160."""
    result = run("held = fill(100); end(fork(4, lambda: fill(60)))", 800)
    assert result.ended == "ok", result.message
    assert 340 * MIB < result.peak_bytes < 420 * MIB


def test_pages_that_stop_being_shared_count(run):
    """Children that write to what they were given have copies of their own, at no new size."""
    result = run(
        "held = fill(100)\n"
        "def write():\n    held[::4096] = b'y' * len(held[::4096])\n"
        "end(fork(2, write))",
        800,
    )
    assert result.ended == "ok", result.message
    assert 300 * MIB < result.peak_bytes < 360 * MIB


def test_children_of_an_ended_parent_share_as_well(run):
    """A daemon's processes have no parent of their program left."""
    script = """
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            held = fill(150)
            if os.fork() == 0:
                pids = fork(4)
                end(pids)
                os._exit(0)
            os._exit(0)
        os.waitpid(pid, 0)
        os.close(write)
        os.read(read, 1)  # nothing, when all of them have ended
    """
    result = run(textwrap.dedent(script), 500)
    assert result.ended == "ok", result.message
    assert result.peak_bytes < 260 * MIB


def test_shared_memory_of_other_programs_counts_once(run):
    """Programs of their own, not copies, that map the same memory."""
    result = run(
        "import subprocess\n"
        "shared = os.memfd_create('x'); os.truncate(shared, 150 << 20)\n"
        "code = 'import mmap, sys; m = mmap.mmap(int(sys.argv[1]), 0); '\\\n"
        "       'm[::4096] = bytes(len(m[::4096])); print(flush=True); sys.stdin.read()'\n"
        "def start():\n"
        "    return subprocess.Popen([sys.executable, '-S', '-c', code, str(shared)],\n"
        "        pass_fds=(shared,), stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "running = [start() for _ in range(4)]\n"
        "for child in running: child.stdout.readline()\n"
        "wait_for_samples()\n"
        # Killed, so that none is seen giving memory back that its high-water mark still holds.
        "for child in running: child.kill(); child.communicate()",
        500,
    )
    assert result.ended == "ok", result.message
    assert 150 * MIB < result.peak_bytes < 260 * MIB


def test_many_small_forks_are_small(run):
    """Sixty copies of ten MiB hold little; 2,000 of them had a peak of 18 GB."""
    result = run("held = fill(100); end(fork(60))", 1000)
    assert result.ended == "ok", result.message
    assert 100 * MIB < result.peak_bytes < 200 * MIB


def test_forked_processes_that_fill_memory_are_stopped(run):
    """Each stays far below the limit; together they go beyond it."""
    # One after the other: each is there for several samples, so that the fourth is the last.
    result = run(
        "held = fill(50)\npids = []\n"
        "for _ in range(6): pids += fork(1, lambda: fill(100))\nend(pids)",
        400,
    )
    assert result.ended == "memory", result.message
    assert 400 <= int(result.message.split()[1]) < 660


def test_memory_is_the_same_only_between_vfork_and_exec():
    """There a child of a large process is no copy: it would count twice, even by shares."""
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    try:
        assert not same_memory(os.getpid(), child)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if not same_memory(os.getpid(), os.getpid()):
        pytest.skip("this kernel has no kcmp")
    # vfork is clone with CLONE_VM; this child shares the memory as long as it waits.
    library = ctypes.CDLL(None, use_errno=True)
    stack = ctypes.create_string_buffer(1 << 16)
    top = ctypes.c_void_p(ctypes.addressof(stack) + (1 << 16) - 64)
    pause = ctypes.cast(library.pause, ctypes.c_void_p)
    shared = library.clone(pause, top, 0x100 | signal.SIGCHLD, None)
    assert shared > 0
    try:
        assert same_memory(os.getpid(), shared)
    finally:
        os.kill(shared, signal.SIGKILL)
        os.waitpid(shared, 0)
