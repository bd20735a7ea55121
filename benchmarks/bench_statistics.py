"""Cost of the statistics of an economy, figure by figure.

    python benchmarks/bench_statistics.py --goods 1e6 --inputs 10
    python benchmarks/bench_statistics.py --instance us-bea-71 --json

prints CPU seconds of each part and the same as passes: one pass is a product of the input
matrix with a vector and one of its transpose with a vector, halved, measured before and after.
On Linux each part tells its memory beyond that of the economy, as a multiple of the inputs' own.
The goals for 10^6 goods with 10^7 inputs: 60 CPU seconds in all, and twice the inputs' memory.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from planbench.catalogue.resolve import load_instance
from planbench.generators.statistics import (
    OF_GRAPH,
    OF_INPUTS,
    GoodsGraph,
    StudyLimits,
    goods_graph,
)
from planbench.generators.value import ValueInputs, value_inputs
from planbench.model import Economy
from planbench.model.arrays import Matrix


def measure(economy: Economy, limits: StudyLimits, seed: int) -> dict[str, dict[str, float]]:
    """CPU seconds, wall seconds and passes of every part."""
    passes = [pass_seconds(economy.inputs)]
    a = economy.inputs
    own = a.data.nbytes + a.indices.nbytes + a.indptr.nbytes
    gc.collect()
    before = memory("VmRSS")
    spent: dict[str, dict[str, float]] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        forget_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        spent[name] = {
            "cpu_s": time.process_time() - cpu,
            "wall_s": time.perf_counter() - wall,
            "memory": (memory("VmHWM") - before) / own,
        }
        print(f"{name}: {spent[name]['cpu_s']:.2f} s CPU", file=sys.stderr, flush=True)
        return result

    inputs: ValueInputs = timed("value", lambda: value_inputs(economy))
    for name, part in OF_INPUTS.items():
        timed(name, partial(part, inputs, limits, seed))
    graph: GoodsGraph = timed("graph", lambda: goods_graph(inputs))
    for name, of_graph in OF_GRAPH.items():
        timed(name, partial(of_graph, graph, limits, seed))
    passes.append(pass_seconds(economy.inputs))
    one = statistics.median(passes)
    for figure in spent.values():
        figure["passes"] = figure["cpu_s"] / one
    return spent


def forget_peak() -> None:
    """Let the largest memory so far be that of now; only Linux can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def memory(field: str) -> float:
    """Bytes of a field of /proc/self/status, not a number elsewhere than on Linux."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return math.nan
    return next((1024.0 * int(x.split()[1]) for x in lines if x.startswith(field)), math.nan)


def pass_seconds(matrix: Matrix) -> float:
    """CPU seconds of one pass: the mean of Av and A'y, median of 5."""
    x, y = np.ones(matrix.shape[1]), np.ones(matrix.shape[0])
    times = []
    for _ in range(5):
        start = time.process_time()
        matrix @ x
        matrix.T @ y
        times.append((time.process_time() - start) / 2)
    return statistics.median(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--goods", type=float, default=1e6)
    parser.add_argument("--inputs", default="10")
    parser.add_argument("--structure", default="powerlaw")
    parser.add_argument("--techniques", type=int, default=1)
    parser.add_argument("--instance", help="instead of a generated economy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    name = arguments.instance or (
        f"gen:goods={arguments.goods:.0f},inputs={arguments.inputs},"
        f"structure={arguments.structure},techniques={arguments.techniques},"
        f"seed={arguments.seed}"
    )
    economy = load_instance(name).economy
    if economy is None:
        parser.error(f"{name} is no economy")
    spent = measure(economy, StudyLimits(), arguments.seed)
    total = sum(figure["cpu_s"] for figure in spent.values())
    if arguments.json:
        facts = {"instance": name, "nonzeros": int(economy.inputs.nnz)}
        print(json.dumps({**facts, "parts": spent}))
        return 0
    print(f"{name}: {economy.n_goods:,} goods, {economy.inputs.nnz:,} inputs")
    print(f"{'part':<14}{'CPU s':>9}{'wall s':>9}{'passes':>9}{'memory/inputs':>15}")
    for part, figure in spent.items():
        print(
            f"{part:<14}{figure['cpu_s']:>9.2f}{figure['wall_s']:>9.2f}{figure['passes']:>9.0f}"
            f"{figure['memory']:>15.2f}"
        )
    largest = max(figure["memory"] for figure in spent.values())
    print(f"{'in all':<14}{total:>9.2f}{'':>18}{largest:>15.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
