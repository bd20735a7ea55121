"""What a worker measures, hands back and refrains from importing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from planbench.errors import InputError
from planbench.measure.protocol import Job, job_from_json
from planbench.solvers.base import SolveOptions

pytestmark = pytest.mark.alone

MIB = 1 << 20


def test_the_solution_comes_back_bit_for_bit(launch):
    """Losing a digit on the way would be charged to the solver by the certificate."""
    result = launch("exact-bits")
    assert result.ended == "ok", result.message
    solution = result.solution
    x, y = np.array([1 / 3, -0.0, 5e-324]), np.array([np.nan, 1e308])
    assert solution.x.tobytes() == x.tobytes()
    assert solution.y.tobytes() == y.tobytes()
    assert solution.primal_ray.tobytes() == (-x).tobytes()
    assert solution.dual_ray.tobytes() == y[::-1].tobytes()
    assert solution.objective == 0.1 + 0.2
    assert solution.options == {"limit": "inf", "presolve": "off", "crash": True}
    assert (solution.claim, solution.native_status) == ("unbounded", "fine")
    assert (solution.version, solution.method_run) == ("1.2.3", "dual simplex")
    assert (solution.iterations, solution.threads_used) == ({"simplex": 3}, 1)
    assert solution.notes == ("rounded",)


def test_nan_and_infinite_answers_reach_the_judge_as_they_are(launch):
    """A NaN that became null, or a crash, on the way would hide a wrong answer."""
    solution = launch("nan").solution
    assert np.isnan(solution.objective)
    assert np.isnan(solution.x).all()
    assert np.isnan(solution.y).all()


def test_phases_are_in_order_and_only_the_solvers_own_count(launch):
    result = launch("good")
    assert [(p.name, p.solving) for p in result.phases] == [
        ("read", False),
        ("calibrate", False),
        ("import", False),
        ("load", True),
        ("solve", True),
        ("extract", True),
        ("calibrate", False),
    ]
    assert result.seconds() == pytest.approx(sum(p.wall_s for p in result.phases[3:6]))
    assert result.seconds("solve") == result.phases[4].wall_s
    assert all(p.complete and p.wall_s >= 0 and p.cpu_s >= 0 for p in result.phases)
    assert result.pass_s_before > 0
    assert result.pass_s_after > 0


@pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="the kernel does not tell waiting times"
)
def test_time_without_a_processor_is_told(launch):
    """Two busy processes on one processor: each waits about half of the time."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    rival = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    try:
        result = launch("computes", native={"seconds": 0.5})
    finally:
        os.sched_setaffinity(0, before)
        rival.kill()
        rival.wait()
    assert result.ended == "ok", result.message
    assert result.wait_s > 0.15 * result.seconds()


def test_phases_of_other_names_are_listed_but_not_counted(launch):
    """Importing a package and checking what a solver holds are not what the solver costs."""
    result = launch("imports-and-checks")
    assert result.ended == "ok", result.message
    names = [(p.name, p.solving) for p in result.phases if p.name in ("check", "solve", "import")]
    assert names == [("import", False), ("import", False), ("check", False), ("solve", True)]
    assert result.seconds() == result.phases[-2].wall_s


def test_an_economy_is_handed_to_a_planner_and_assembled_for_an_lp_solver(launch, economy_file):
    planner = launch("good-economy", file=economy_file)
    assert planner.solution is not None, planner.message
    assert planner.solution.native_status == "an economy was handed over"
    assert "assemble" in [p.name for p in planner.phases]
    solver = launch("good", file=economy_file)
    assert solver.ended == "ok", solver.message
    assert "assemble" in [p.name for p in solver.phases]


def test_peak_memory_is_the_solvers_own(launch):
    """150 MB held for a moment and given back must show; the interpreter's 50 MB must not."""
    result = launch("peaks")
    assert result.ended == "ok", result.message
    assert 145 * MIB < result.peak_bytes < 165 * MIB
    by_name = {p.name: p.peak_bytes for p in result.phases if p.solving}
    assert by_name["solve"] - by_name["extract"] > 140 * MIB
    assert result.memory_method.startswith("VmHWM")


def test_peak_memory_does_not_come_down_from_a_large_parent(launch):
    """``ru_maxrss`` of a child starts at its parent's size; this measure must not."""
    ballast = np.ones(400 * MIB // 8)
    result = launch("talks")
    levels = [p.level for p in result.phases if p.solving]
    assert levels
    assert max(levels) < 200 * MIB
    assert all(p.peak_bytes < 200 * MIB for p in result.phases)
    assert ballast.size


def test_peak_memory_of_children_counts(launch):
    """CBC runs as a child of the worker."""
    result = launch("child-peak")
    assert result.ended == "ok", result.message
    assert 150 * MIB < result.peak_bytes < 190 * MIB
    assert "children sampled" in result.memory_method


def test_everything_a_solver_prints_is_in_the_log(launch):
    """Solver libraries write to the file descriptors, past Python's sys.stdout."""
    log = launch("talks").log.read_text()
    assert log.splitlines() == ["iteration 1", "warning: slow", "python says done"]


def test_a_worker_is_thin(launch):
    """What the worker imports is memory and time that every solver would be charged with."""
    loaded = set(launch("modules").solution.notes)
    heavy = {"pydantic", "typer", "rich", "filelock", "highspy", "ortools", "pulp"}
    assert not heavy & loaded
    assert "scipy.optimize" not in loaded
    assert not [m for m in loaded if m.startswith(("planbench.bench", "planbench.certificates"))]
    assert "planbench.records.schema" not in loaded


@pytest.mark.parametrize(("asked", "expected"), [({}, "1"), ({"threads": 2}, "2")])
def test_libraries_use_the_threads_that_were_asked_for(launch, monkeypatch, asked, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    notes = launch("environment", **asked).solution.notes
    assert len(notes) == 4
    assert all(note.endswith(f"={expected}") for note in notes)


def test_progress_names_the_phase_going_on(launch):
    seen = []
    launch("once-slow", native={"seconds": 0.3}, progress=seen.append)
    assert seen.count("solve") == 1


def test_a_truncated_instance_is_refused_with_its_name(launch, lp_file, tmp_path):
    bad = tmp_path / "bad.npz"
    bad.write_bytes(lp_file.read_bytes()[:200])
    result = launch("talks", file=bad)
    assert result.ended == "refused"
    assert "bad.npz" in result.message


def test_a_job_survives_json():
    options = SolveOptions(
        tolerance=1e-8, threads=2, seed=3, native={"presolve": "off", "n": 1, "t": 0.5, "b": True}
    )
    job = Job("i.npz", "highs-ds:stock", "folder", options, data_limit_bytes=5)
    assert job_from_json(job.to_json()) == job


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"protocol": 2}, "protocol 2, this planbench speaks 1"),
        ({"colour": 1}, "unexpected keyword argument 'colour'"),
        ({"options": {"toleranz": 1}}, "toleranz"),
    ],
)
def test_a_job_of_another_planbench_is_refused(change, words):
    data = json.loads(Job("i.npz", "null", "folder").to_json()) | change
    with pytest.raises(InputError, match=words):
        job_from_json(json.dumps(data))


@pytest.mark.parametrize("text", ["", "[]", "{", "{}"])
def test_a_malformed_job_is_refused(text):
    with pytest.raises(InputError):
        job_from_json(text)


def test_the_worker_says_how_it_is_called():
    out = subprocess.run(
        [sys.executable, "-m", "planbench.measure.worker"], capture_output=True, text=True
    )
    assert out.returncode == 2
    assert "job.json" in out.stderr
