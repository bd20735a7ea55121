"""Cost of a call in a fresh process: seconds of wall clock and CPU, peak of resident memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

_Made = TypeVar("_Made")
Figures = dict[str, float]


def resident_peak(*, reset: bool) -> int:
    """Peak resident bytes of this process; `reset` starts it anew from the present level."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("no VmHWM in /proc/self/status: this benchmark needs Linux")


def measured(make: Callable[[], _Made]) -> tuple[_Made, Figures]:
    """Return what `make` makes, with its seconds and its peak above the level before, in bytes."""
    baseline = resident_peak(reset=True)
    wall, cpu = time.perf_counter(), time.process_time()
    made = make()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return made, {"wall": wall, "cpu": cpu, "peak": resident_peak(reset=False) - baseline}


def run_fresh(script: str, arguments: Sequence[str]) -> Figures:
    """Figures that `script`, run in a process of its own, prints as JSON."""
    command = [sys.executable, script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: Figures = json.loads(done.stdout)
    return result


def run_in_turn(
    script: str, asked: Mapping[str, Sequence[str]], repeats: int
) -> dict[str, list[Figures]]:
    """Run each kind `repeats` times in turn, so that a disturbance of the machine hits all."""
    runs: dict[str, list[Figures]] = {kind: [] for kind in asked}
    for _ in range(repeats):
        for kind, arguments in asked.items():
            runs[kind].append(run_fresh(script, arguments))
    return runs


def median(runs: Sequence[Figures], field: str) -> float:
    """Median of one figure over the runs of a kind."""
    return statistics.median(run[field] for run in runs)


def median_ratio(runs: Sequence[Figures], others: Sequence[Figures], field: str) -> float:
    """Median of the ratios of one figure, run by run."""
    return statistics.median(a[field] / b[field] for a, b in zip(runs, others, strict=True))
