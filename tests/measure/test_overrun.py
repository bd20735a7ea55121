"""Limits are overrun by no more than is promised, whatever the solver does.

Time: the larger of 1 s and 5 %. Memory: the larger of 10 % of the limit and 120 MiB. Each run is
made from a fresh process, whose ``RUSAGE_CHILDREN`` afterwards tells what its largest child really
reached: the kernel's own figure, not the one planbench takes.
"""

import json
import subprocess
import sys
import textwrap
import time

import pytest
from support.full import full_only, full_param

from planbench.measure import watch

pytestmark = pytest.mark.alone

MIB = 1 << 20
#: Two cores touch some 12 GB/s; noticing and killing takes about ten milliseconds.
TOUCHED_PER_S = 12e9
TOUCHED_MEANWHILE = 120 * MIB

RUN = """
    import json, resource, sys, time
    from planbench.measure import watch
    from planbench.measure.protocol import Job
    from planbench.measure.launch import run_job
    from planbench.solvers.base import SolveOptions
    # Seconds the last sample came late because the watcher was given no processor: those that went
    # by since the sample before, less what was asked to wait and what was computed.
    late, before = 0.0, None
    sample, pause = watch.Watch.sample, watch.Watch.pause
    def timed_sample(self, job):
        global late, before
        began, computed = time.monotonic(), time.thread_time()
        sample(self, job)
        since, counted, asked = before or (began, computed, 0.0)
        late = time.monotonic() - since - asked - (time.thread_time() - counted)
        before = began, computed, 0.0
    def timed_pause(self):
        global before
        asked = pause(self)
        before = *before[:2], asked
        return asked
    watch.Watch.sample, watch.Watch.pause = timed_sample, timed_pause
    ballast = bytearray({ballast})
    ballast[::4096] = b"x" * len(ballast[::4096])
    job = Job({file!r}, {solver!r}, {folder!r}, calibrate={calibrate})
    began = []
    def progress(phase):
        if phase in ("load", "solve") and not began:
            began.append(time.monotonic())
    result = run_job(
        job, time_limit_s={time_limit}, memory_limit_bytes={memory_limit}, progress=progress
    )
    print(json.dumps({{
        "ended": result.ended,
        "message": result.message,
        "seconds": time.monotonic() - began[0] if began else None,
        "phases_s": result.seconds(),
        "peak": result.peak_bytes,
        "level": max((p.level for p in result.phases if p.solving and p.level), default=None),
        "largest": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        "method": result.memory_method,
        "late": max(0.0, late),
    }}))
"""


@pytest.fixture
def fresh(lp_file, tmp_path):
    """Run a fake solver from a small process of its own; what it found, as a dict."""

    def run(name, *, time_limit=20.0, memory_limit=2 << 30, ballast=0, calibrate=False, folder=""):
        work = tmp_path / (folder or "job")
        work.mkdir()
        script = textwrap.dedent(RUN).format(
            file=str(lp_file),
            solver=name if name == "null" else f"fake-{name}",
            folder=str(work),
            time_limit=time_limit,
            memory_limit=memory_limit,
            ballast=ballast,
            calibrate=calibrate,
        )
        out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        return json.loads(out.stdout)

    return run


@pytest.mark.parametrize("name", ["busy", "sleepy", "forks", "escapes", "stops-signals"])
def test_time_is_overrun_by_less_than_a_second(fresh, name):
    """Holding the interpreter lock, sleeping on, forking, a daemon, and deaf to signals."""
    found = fresh(name, time_limit=1.0)
    assert found["ended"] == "timeout"
    assert found["phases_s"] >= 1.0
    # From the first phase until worker and children are gone and the result is put together.
    assert found["seconds"] <= 1.0 + 1.0 + found["late"]


def test_the_grace_leaves_room_for_the_kill():
    """Up to 20 s a second may be overrun, beyond a twentieth; stopping takes some tenths."""
    for limit in (0.1, 1.0, 12.5, 20.0, 24.0, 600.0, 7200.0):
        grace = max(watch.GRACE_S, watch.GRACE_SHARE * limit)
        assert grace + 0.2 <= max(1.0, 0.05 * limit)


@full_only
def test_a_longer_limit_is_overrun_by_less_than_a_twentieth(fresh):
    """Here a second would be less than 5 %, so the grace must shrink to its share."""
    found = fresh("busy", time_limit=24.0)
    assert found["ended"] == "timeout"
    assert found["seconds"] <= 24.0 * 1.05 + found["late"]


@pytest.mark.parametrize("limit", [500 * MIB, full_param(1200 * MIB)])
@pytest.mark.parametrize(
    "name", ["hoards", "hoards-at-once", "hoards-in-jump", "hoards-in-threads"]
)
def test_memory_is_overrun_by_less_than_a_tenth_or_by_what_is_touched_meanwhile(fresh, name, limit):
    """Bit by bit, as fast as pages can be had, in one allocation, and from several threads."""
    found = fresh(name, memory_limit=limit)
    assert found["ended"] == "memory", found["message"]
    # On a crowded machine who watches gets no processor in time, and the solver has it.
    most = limit + max(0.1 * limit, TOUCHED_MEANWHILE) + TOUCHED_PER_S * found["late"]
    assert 0.5 * limit < found["largest"] <= most


def test_memory_of_children_is_overrun_by_less_than_a_tenth(fresh):
    """Four children that each stay far below the limit, and together go beyond it."""
    limit = 1200 * MIB
    found = fresh("hoards-in-children", memory_limit=limit)
    assert found["ended"] == "memory", found["message"]
    held = int(found["message"].split()[1]) * MIB
    assert limit <= held <= 1.1 * limit
    assert found["level"] + found["peak"] <= 1.1 * limit


def test_a_large_parent_does_not_show_in_what_a_solve_holds(fresh):
    """From a parent of 1 GB a solve that does nothing reports the same within 2 MB."""
    small = fresh("null", calibrate=True, folder="small")
    large = fresh("null", calibrate=True, ballast=1 << 30, folder="large")
    assert small["ended"] == large["ended"] == "ok"
    assert abs(large["peak"] - small["peak"]) <= 2_000_000
    assert abs(large["level"] - small["level"]) <= 2_000_000
    # The trap is there: the kernel's figure for the same worker holds all of the parent.
    assert large["largest"] > 1 << 30


def test_programs_too_short_to_be_seen_are_counted(launch):
    """Each lives for a few milliseconds, less than the time between two samples."""
    result = launch("short-programs")
    assert result.ended == "ok", result.message
    assert "children by wait4" in result.memory_method
    assert 95 * MIB < result.peak_bytes < 115 * MIB


def test_a_program_smaller_than_the_worker_is_not_reported_at_the_workers_size(launch):
    """``ru_maxrss`` of a child begins at what its parent holds; here the worker holds 200 MiB."""
    result = launch("small-program")
    assert result.ended == "ok", result.message
    assert result.peak_bytes < 200 * MIB + 20 * MIB


def test_looking_takes_little_of_a_core(launch):
    """Close to the limit samples come often; the solver must still have the machine."""
    began, spent = time.monotonic(), time.process_time()
    launch("near-limit", memory_limit_bytes=400 * MIB)
    assert time.process_time() - spent < 0.35 * (time.monotonic() - began)
