"""The same solve inside planbench's harness and in a bare script, interleaved.

Each figure comes from a fresh process with the same thread settings. The bare scripts below
call the solver's own interface as anybody would: highspy, OR-Tools, the CBC program. Bare and
harness runs alternate as ABBA, so that a drift of the machine hits both alike; the ratio is
that of the blocks' sums, its interval a bootstrap over the blocks. Aim: 1.00 ± 0.02 for time
and for memory.

    python benchmarks/bench_faithful.py --solvers highs-ds,glop --blocks 10
    python benchmarks/bench_faithful.py --instance gen:goods=1000,seed=1 --json
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SOLVERS = ("highs-ds", "highs-hipdlp", "cbc-mps", "glop")
#: An instance that keeps each solver busy for about a second.
INSTANCES = {
    "highs-ds": "gen:goods=800,resources=3,seed=1",
    "highs-hipdlp": "gen:goods=5000,resources=3,seed=1",
    "cbc-mps": "gen:goods=800,resources=3,seed=1",
    "glop": "gen:goods=800,resources=3,seed=1",
}
WHAT = ("seconds", "cpu", "bytes")
LIMIT_S = 120.0
LIMIT_BYTES = 4 << 30
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def memory(pid: str = "self", name: str = "VmHWM") -> int:
    """Resident bytes of a process: VmHWM, its peak, or VmRSS, its level now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def measured(solve: Callable[[], int]) -> dict[str, float]:
    """Seconds and peak bytes of `solve`, which returns the peak with a child it ran (or 0)."""
    ctypes.CDLL(None).malloc_trim(0)  # what reading the instance freed is not the solver's
    Path("/proc/self/clear_refs").write_text("5")
    level = memory(name="VmRSS")
    start, cpu = time.perf_counter(), cpu_seconds()
    child = solve()
    seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
    peak = max(memory(), child)
    return {"seconds": seconds, "cpu": cpu, "bytes": peak - level}


def cpu_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def bare_highs(lp: Any, options: dict[str, Any]) -> dict[str, float]:
    """Solve with highspy, as its documentation shows it."""
    import highspy

    def solve() -> int:
        highs = highspy.Highs()
        for name, value in options.items():
            highs.setOptionValue(name, value)
        m = lp.matrix
        highs.passModel(
            lp.n_cols, lp.n_rows, m.nnz, 1, 1, 0.0,
            -lp.cost, lp.col_lower, lp.col_upper, lp.row_lower, lp.row_upper,
            m.indptr, m.indices, m.data, np.zeros(lp.n_cols, dtype=np.int32),
        )  # fmt: skip
        highs.run()
        solution = highs.getSolution()
        np.array(solution.col_value), np.array(solution.row_dual)
        return 0

    return measured(solve)


def bare_glop(lp: Any, options: dict[str, Any]) -> dict[str, float]:
    """Solve with OR-Tools' model builder."""
    import scipy.sparse as sp
    from ortools.linear_solver.python import model_builder_helper

    def solve() -> int:
        model = model_builder_helper.ModelBuilderHelper()
        model.fill_model_from_sparse_data(
            lp.col_lower, lp.col_upper, -lp.cost, lp.row_lower, lp.row_upper,
            sp.csr_matrix(lp.matrix),
        )  # fmt: skip
        solver = model_builder_helper.ModelSolverHelper("glop")
        solver.set_time_limit_in_seconds(LIMIT_S)
        solver.enable_output(True)
        solver.solve(model)
        np.asarray(solver.variable_values()), np.asarray(solver.dual_values())
        return 0

    return measured(solve)


def bare_cbc(lp: Any, options: dict[str, Any]) -> dict[str, float]:
    """Write an MPS file, run the CBC program, read its solution file."""
    from dataclasses import replace

    from planbench.io.mps import write_mps
    from planbench.solvers.cbc import program_path, read_binary_solution

    program = program_path()
    least = replace(lp, cost=-lp.cost, maximise=False)
    with tempfile.TemporaryDirectory() as folder:
        mps, text, binary = (Path(folder) / name for name in ("p.mps", "s.txt", "s.bin"))
        command = [str(program), str(mps), "-seconds", str(LIMIT_S), "-timeMode", "elapsed"]
        command += ["-initialSolve", "-solution", str(text), "-saveSolution", str(binary)]

        def solve() -> int:
            write_mps(least, mps, numbered=True)
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            peak = _watched_peak(process.pid)
            process.wait()
            read_binary_solution(binary, lp.n_rows, lp.n_cols)
            return peak

        return measured(solve)


def _watched_peak(pid: int) -> int:
    """Most that this script and the program hold together until it ends.

    The kernel's own figure, asked for so seldom that it costs nothing; both at the same time, as
    the harness counts them: this script holds less meanwhile than when it has read the answer.
    """
    most = 0
    ended = select.poll()
    handle = os.pidfd_open(pid)
    ended.register(handle, select.POLLIN)
    while not ended.poll(50):  # ms; it answers at once when the program has ended
        most = max(most, memory(str(pid)) + memory(name="VmRSS"))
    os.close(handle)
    return most


def bare(solver: str, instance: Path, options: dict[str, Any]) -> dict[str, float]:
    """Run the bare script of `solver` in this process."""
    from planbench.io.npz import load_any
    from planbench.model.economy import Economy
    from planbench.model.planning_lp import to_linear_program

    problem = load_any(instance)
    lp = to_linear_program(problem) if isinstance(problem, Economy) else problem
    if solver.startswith("highs"):
        return bare_highs(lp, options)
    return bare_glop(lp, options) if solver == "glop" else bare_cbc(lp, options)


def run_bare(solver: str, instance: Path, options: dict[str, Any]) -> dict[str, float]:
    """Run the bare script in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        with (Path(folder) / "log.txt").open("wb") as log:
            subprocess.run(
                [sys.executable, __file__, "--bare", solver, str(instance), str(out)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    **dict.fromkeys(THREAD_VARIABLES, "1"),
                    "BARE_OPTIONS": json.dumps(options),
                },
                check=True,
            )
        found: dict[str, float] = json.loads(out.read_text())
        return found


def run_harness(solver: str, instance: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """Run the same inside planbench; also return the native options it set."""
    from planbench.measure.launch import run_job
    from planbench.measure.protocol import Job
    from planbench.solvers.base import SolveOptions

    with tempfile.TemporaryDirectory() as folder:
        job = Job(str(instance), solver, folder, SolveOptions(time_limit=LIMIT_S))
        result = run_job(job, time_limit_s=LIMIT_S, memory_limit_bytes=LIMIT_BYTES)
    seconds = result.seconds()
    if result.ended != "ok" or seconds is None or result.peak_bytes is None or not result.solution:
        raise SystemExit(f"{solver}: {result.ended}: {result.message}")
    found = {"seconds": seconds, "cpu": result.cpu_s or 0.0, "bytes": result.peak_bytes}
    return found, dict(result.solution.options)


def ratio(harness: list[float], plain: list[float], seed: int = 0) -> tuple[float, float, float]:
    """Ratio of the sums over blocks, with a 95 % bootstrap interval."""
    a, b = np.array(harness), np.array(plain)
    pick = np.random.default_rng(seed).integers(0, a.size, (2000, a.size))
    low, high = np.quantile(a[pick].sum(axis=1) / b[pick].sum(axis=1), [0.025, 0.975])
    return float(a.sum() / b.sum()), float(low), float(high)


def compare(solver: str, instance_name: str, blocks: int) -> dict[str, Any]:
    """Interleave `blocks` times harness, bare, bare, harness (every other block the reverse)."""
    from planbench.bench.request import InstanceCache
    from planbench.catalogue.resolve import load_instance

    with tempfile.TemporaryDirectory() as folder:
        path = InstanceCache(Path(folder)).path(load_instance(instance_name))
        _, options = run_harness(solver, path)  # warms up the files, and tells the options
        run_bare(solver, path, options)
        inside: dict[str, list[float]] = {what: [] for what in WHAT}
        outside: dict[str, list[float]] = {what: [] for what in WHAT}
        for block in range(blocks):
            sums = {which: dict.fromkeys(WHAT, 0.0) for which in "hb"}
            for which in "hbbh" if block % 2 == 0 else "bhhb":
                found = (
                    run_harness(solver, path)[0]
                    if which == "h"
                    else run_bare(solver, path, options)
                )
                for what, value in found.items():
                    sums[which][what] += value / 2
            for what in inside:
                inside[what].append(sums["h"][what])
                outside[what].append(sums["b"][what])
    return {
        "solver": solver,
        "instance": instance_name,
        "blocks": blocks,
        **{
            what: {
                "harness": float(np.median(inside[what])),
                "bare": float(np.median(outside[what])),
                "ratio": ratio(inside[what], outside[what]),
            }
            for what in inside
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--solvers", default=",".join(SOLVERS))
    parser.add_argument("--instance", help="for all; by default one that takes about a second")
    parser.add_argument("--blocks", type=int, default=6, help="ABBA blocks of each solver")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bare", nargs=3, metavar=("SOLVER", "INSTANCE", "OUT"))
    arguments = parser.parse_args()
    if arguments.bare:
        solver, instance, out = arguments.bare
        found = bare(solver, Path(instance), json.loads(os.environ["BARE_OPTIONS"]))
        Path(out).write_text(json.dumps(found))
        return
    for solver in arguments.solvers.split(","):
        if not solver.startswith("highs") and solver not in INSTANCES:
            raise SystemExit(f"no bare script for {solver}")
        row = compare(solver, arguments.instance or INSTANCES[solver], arguments.blocks)
        if arguments.json:
            print(json.dumps(row), flush=True)
            continue
        print(f"{solver} on {row['instance']}, {arguments.blocks} blocks")
        for what, name, unit in zip(
            WHAT, ("seconds", "CPU s", "peak MB"), (1, 1, 1e6), strict=True
        ):
            found = row[what]
            print(
                f"  {name:8} harness {found['harness'] / unit:8.4f}  "
                f"bare {found['bare'] / unit:8.4f}  ratio {_words(found['ratio'])}",
                flush=True,
            )


def _words(values: tuple[float, float, float]) -> str:
    return f"{values[0]:.3f} [{values[1]:.3f}, {values[2]:.3f}]"


if __name__ == "__main__":
    main()
