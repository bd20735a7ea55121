"""Cost of the statistics of an economy, figure by figure.

    python benchmarks/bench_statistics.py --goods 1e6 --inputs 10
    python benchmarks/bench_statistics.py --instance us-bea-71 --json

prints CPU seconds of each part and the same as passes: one pass is a product of the input
matrix with a vector and one of its transpose with a vector, halved, measured before and after.
The goal is 60 CPU seconds in all for 10^6 goods with 10^7 inputs.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from planbench.catalogue.resolve import load_instance
from planbench.generate.statistics.facts import Limits
from planbench.generate.statistics.goods_graph import GoodsGraph, goods_graph
from planbench.generate.statistics.study import OF_GRAPH, OF_INPUTS
from planbench.generate.statistics.value import ValueInputs, value_inputs
from planbench.model import Economy
from planbench.model.arrays import Matrix


def measure(economy: Economy, limits: Limits, seed: int) -> dict[str, dict[str, float]]:
    """CPU seconds, wall seconds and passes of every part."""
    passes = [pass_seconds(economy.inputs)]
    spent: dict[str, dict[str, float]] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        spent[name] = {
            "cpu_s": time.process_time() - cpu,
            "wall_s": time.perf_counter() - wall,
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
    spent = measure(economy, Limits(), arguments.seed)
    total = sum(figure["cpu_s"] for figure in spent.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if arguments.json:
        facts = {"instance": name, "nonzeros": int(economy.inputs.nnz), "peak_bytes": peak}
        print(json.dumps({**facts, "parts": spent}))
        return 0
    print(f"{name}: {economy.n_goods:,} goods, {economy.inputs.nnz:,} inputs")
    print(f"{'part':<14}{'CPU s':>9}{'wall s':>9}{'passes':>9}")
    for part, figure in spent.items():
        print(f"{part:<14}{figure['cpu_s']:>9.2f}{figure['wall_s']:>9.2f}{figure['passes']:>9.0f}")
    print(f"{'in all':<14}{total:>9.2f}")
    print(f"largest memory: {peak / 1e9:.2f} GB, of it the economy {economy.nbytes / 1e9:.2f} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
