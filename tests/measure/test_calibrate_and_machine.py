"""Matrix passes, the description of the machine, and reading memory from /proc."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import scipy.sparse as sp

from planbench.measure import calibrate, machine, memory

MIB = 1 << 20


def test_a_pass_is_the_median_of_enough_samples(monkeypatch):
    """One slow sample (another process ran) must not change the unit everything is told in."""
    ticks = iter([0.0, 1.0, 10.0, 11.0, 20.0, 29.0, 30.0, 31.0, 40.0, 41.0])
    monkeypatch.setattr(calibrate, "perf_counter", lambda: next(ticks))
    assert calibrate.matrix_pass_seconds(sp.csc_array(np.eye(3))) == 0.5


def test_a_pass_goes_on_for_its_least_time(monkeypatch):
    now = [0.0]

    def tick():
        now[0] += 0.001
        return now[0]

    monkeypatch.setattr(calibrate, "perf_counter", tick)
    calibrate.matrix_pass_seconds(sp.csc_array(np.eye(3)))
    assert now[0] >= 2 * calibrate.LEAST_SECONDS


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (4, 0), (3, 2)])
def test_a_pass_of_an_empty_matrix_can_be_measured(shape):
    assert calibrate.matrix_pass_seconds(sp.csc_array(shape)) > 0


def test_disturbed_means_a_quarter_either_way():
    assert not calibrate.is_disturbed(1.0, 1.25)
    assert calibrate.is_disturbed(1.0, 1.26)
    assert calibrate.is_disturbed(1.26, 1.0)
    assert not calibrate.is_disturbed(1.0, None)


def test_disturbed_means_a_tenth_of_the_time_without_a_processor():
    """Under a steady load both calibrations are slow alike."""
    assert not calibrate.is_disturbed(1.0, 1.0, 0.10, 1.0)
    assert calibrate.is_disturbed(1.0, 1.0, 0.11, 1.0)
    assert calibrate.is_disturbed(None, None, 0.11, 1.0)
    assert not calibrate.is_disturbed(1.0, 1.0, 0.001, 0.002)
    assert not calibrate.is_disturbed(1.0, 1.0, None, 1.0)


def test_passes_are_solve_seconds_over_the_mean_pass():
    assert calibrate.passes(6.0, 1.0, 2.0) == pytest.approx(4.0)
    assert calibrate.passes(None, 1.0, 2.0) is None
    assert calibrate.passes(6.0, 1.0, None) is None


def test_the_peak_can_be_reset():
    """Without the reset every phase would report the peak of the whole run."""
    assert memory.reset_peak()
    before = memory.own_resident()
    held = np.ones(100 * MIB // 8)
    del held
    peak, method = memory.own_peak()
    assert method == memory.RESET
    assert peak - before > 90 * MIB
    assert memory.reset_peak()
    assert memory.own_peak()[0] - before < 50 * MIB


def test_without_proc_the_peak_is_said_to_be_another_one(monkeypatch):
    """A peak that cannot be reset must not pass for one that was."""
    monkeypatch.setattr(memory, "process_level", lambda pid="self": None)
    peak, method = memory.own_peak()
    assert method == memory.MAXRSS
    assert peak > 10 * MIB
    assert memory.own_resident() == peak


def test_a_tree_is_a_process_with_all_its_descendants():
    code = (
        "import subprocess, sys, time;"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        process.stdout.readline()
        time.sleep(0.1)
        level = memory.tree_level(process.pid)
        assert len(level.children) == 1
        assert level.resident > memory.process_level(process.pid).resident
        shared_once = memory.proportional_bytes([process.pid, *level.children])
        assert 0 < shared_once <= level.resident
    finally:
        os.killpg(process.pid, 9)
        process.wait()
        process.stdout.close()
    gone = memory.tree_level(process.pid)
    assert (gone.resident, gone.children) == (0, ())


def test_the_machine_is_described_without_naming_it():
    import socket

    facts = machine.describe_machine()
    assert set(facts) == {
        "id", "cpu", "cpu_class", "cores", "threads", "usable_threads", "memory_bytes", "kernel",
        "system", "python", "governor", "load",
    }  # fmt: skip
    assert facts["memory_bytes"] > 1 << 28
    assert len(facts["id"]) == 12
    assert facts["id"] == machine.describe_machine.__wrapped__()["id"]
    text = json.dumps(facts, allow_nan=False)
    assert len(socket.gethostname()) < 4 or socket.gethostname() not in text


def test_processors_that_round_differently_are_of_other_classes(tmp_path):
    """Exact counters may only be asked of processors that sum in the same order."""
    text = "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\nflags\t\t: fpu {}\n"
    path = tmp_path / "cpuinfo"
    found = []
    for flags in ("avx avx2 fma avx512f", "avx avx2 fma"):
        path.write_text(f"processor\t: 0\n{text}\nprocessor\t: 1\n{text}\n".format(flags, flags))
        found.append(machine.cpu_class(path))
    assert found == ["GenuineIntel 6 143 avx fma avx2 avx512f", "GenuineIntel 6 143 avx fma avx2"]
    assert machine.cpu_class(tmp_path / "none") is None


def test_another_host_of_the_same_kind_is_another_machine(monkeypatch):
    """Resuming must not mix the rows of two machines."""
    here = machine.describe_machine.__wrapped__()["id"]
    monkeypatch.setattr(machine.socket, "gethostname", lambda: "elsewhere")
    assert machine.describe_machine.__wrapped__()["id"] != here


def test_versions_are_those_installed():
    import numpy

    versions = machine.package_versions(["no-such-distribution"])
    assert versions["numpy"] == numpy.__version__
    assert "planbench" in versions
    assert "no-such-distribution" not in versions


def test_the_commit_is_told_only_in_a_checkout(tmp_path, monkeypatch):
    folder = tmp_path / "planbench" / "measure"
    folder.mkdir(parents=True)
    monkeypatch.setattr(machine, "__file__", str(folder / "machine.py"))
    assert machine.git_commit.__wrapped__() is None

    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True
        )

    (folder / "machine.py").write_text("one")
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    commit = machine.git_commit.__wrapped__()
    assert len(commit) == 40
    (folder / "machine.py").write_text("two")
    assert machine.git_commit.__wrapped__() == f"{commit}-dirty"
