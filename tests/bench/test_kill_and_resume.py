"""Real runs killed at any moment, and disks that fill up: no completed row is lost.

Four moments as a rule, two hundred with PLANBENCH_FULL=1.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from support.full import FULL

from planbench.records.not_run import not_run_path
from planbench.records.store import read_records

SOLVERS = ("null", "highs-ds", "cbc-mps")
INSTANCES = ("kantorovich-lathes", "kantorovich-excavators", "us-bea-15")
REPEATS = 4 if FULL else 2
EXPECTED = sorted((i, s, r) for i in INSTANCES for s in SOLVERS for r in range(REPEATS))
MOMENTS = 200 if FULL else 4


def suite_file(folder):
    path = folder / "suite.toml"
    path.write_text(
        textwrap.dedent(
            f"""
            name = "killed"
            budget_s = 600
            time_limit_s = 20
            memory_limit = "1 GiB"
            repeats = {REPEATS}
            repeat_below_s = 20
            rerun_disturbed = false
            polish = false
            solvers = {list(SOLVERS)}
            instances = {list(INSTANCES)}
            """
        )
    )
    return path


def start(suite, results, scratch, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "planbench", "bench", str(suite), "--out", str(results)],
        env={**os.environ, "TMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **more,
    )


def measured(results):
    return sorted((r.instance.name, r.solver, r.repeat) for r in read_records(results))


def whole_lines(results):
    data = results.read_bytes() if results.exists() else b""
    return data[: data.rfind(b"\n") + 1]


def workers_of(scratch):
    """Find the processes that work in folders below `scratch`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"TMPDIR={scratch}/".encode() in environment:
                found.append(int(entry.name))
    return found


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_run_killed_at_any_moment_loses_no_row_and_resumes_with_the_missing_ones(tmp_path):
    """Rows seen on disk before a kill -9 stay, byte for byte; in the end each is there once."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    suite = suite_file(tmp_path)
    rng = random.Random(7)
    kills, runs = 0, 0
    while kills < MOMENTS:
        runs += 1
        results = tmp_path / f"run-{runs}.jsonl"
        while kills < MOMENTS and (not results.exists() or measured(results) != EXPECTED):
            process = start(suite, results, scratch)
            until = time.monotonic() + rng.uniform(0.2, 6.0)
            seen = whole_lines(results)
            while time.monotonic() < until and process.poll() is None:
                seen = whole_lines(results)
                time.sleep(0.003)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += process.returncode == -signal.SIGKILL
            assert whole_lines(results).startswith(seen), "a completed row was lost"
            rows = measured(results) if results.exists() else []
            assert len(set(rows)) == len(rows), "something was measured twice"
            assert set(rows) <= set(EXPECTED)
        before = measured(results) if results.exists() else []
        process = start(suite, results, scratch)
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
        after = read_records(results)
        assert measured(results) == EXPECTED
        assert len(after) - len(before) == len(set(EXPECTED) - set(before))
    assert [p.name for p in scratch.iterdir()] == [], "folders of killed runs were left behind"
    until = time.monotonic() + 10
    while workers_of(scratch) and time.monotonic() < until:
        time.sleep(0.1)
    assert workers_of(scratch) == []


def can_mount():
    if shutil.which("unshare") is None:
        return False
    mount = "mount -t tmpfs -o size=64k tmpfs /tmp"
    tried = subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True)
    return tried.returncode == 0


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_the_run_with_a_line_and_an_intact_file(tmp_path):
    """A real file system of a few pages; then it is made larger and the run carried on."""
    if not can_mount():
        pytest.skip("this system lets nobody mount a small file system")
    disk, scratch = tmp_path / "disk", tmp_path / "scratch"
    disk.mkdir()
    scratch.mkdir()
    suite = suite_file(tmp_path)
    results = disk / "r.jsonl"
    run = f"{sys.executable} -m planbench bench {suite} --out {results}"
    script = f"""
        mount -t tmpfs -o size=32k tmpfs {disk} || exit 77
        {run} >/dev/null 2>{tmp_path}/first.err
        echo $? >{tmp_path}/first.code
        cp {results} {tmp_path}/first.jsonl
        mount -o remount,size=4m {disk} || exit 77
        {run} >/dev/null 2>{tmp_path}/second.err
        echo $? >{tmp_path}/second.code
        cp {results} {tmp_path}/second.jsonl
    """
    subprocess.run(
        ["unshare", "-rm", "sh", "-c", textwrap.dedent(script)],
        env={**os.environ, "TMPDIR": str(scratch)},
        check=True,
        timeout=200,
    )
    said = (tmp_path / "first.err").read_text()
    assert (tmp_path / "first.code").read_text().strip() == "2"
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    assert "No space left on device" in last
    assert "make room and run again" in last
    first = tmp_path / "first.jsonl"
    assert first.read_bytes().endswith(b"}\n")
    rows = measured(first)
    assert 0 < len(rows) < len(EXPECTED)
    assert (tmp_path / "second.code").read_text().strip() == "0", (
        tmp_path / "second.err"
    ).read_text()
    assert (tmp_path / "second.jsonl").read_bytes().startswith(first.read_bytes())
    assert measured(tmp_path / "second.jsonl") == EXPECTED
    assert list(scratch.iterdir()) == []


def test_two_runs_at_once_on_one_file_are_refused(tmp_path):
    """The second says so in one line and leaves the first, and its file, alone."""
    suite, results = suite_file(tmp_path), tmp_path / "r.jsonl"
    first = start(suite, results, tmp_path)
    try:
        until = time.monotonic() + 30
        while not whole_lines(results) and time.monotonic() < until:
            time.sleep(0.02)
        second = start(suite, results, tmp_path)
        _, said = second.communicate(timeout=60)
        assert second.returncode == 2
        assert "r.jsonl: another planbench is writing to it" in said
        assert "Traceback" not in said
        assert first.poll() is None
        assert not not_run_path(results).exists()
    finally:
        first.kill()
        first.communicate()
    assert measured(results)
