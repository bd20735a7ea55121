"""Cost of generating an economy against ``scipy.sparse.random_array`` of the same shape.

Each figure comes from a fresh process: seconds of wall clock and CPU, and the peak of resident
memory (VmHWM, Linux) above the level before. The two are run in turn, so that a disturbance of
the machine hits both. Targets: time ratio about 1, peak below 5 times the finished arrays.

    python benchmarks/bench_generate.py --goods 1e6 --repeats 3
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path


def resident_peak(*, reset: bool) -> int:
    """Peak resident bytes of this process; `reset` starts it anew from the present level."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("no VmHWM in /proc/self/status: this benchmark needs Linux")


def measure(what: str, recipe_text: str) -> dict[str, float]:
    """Run one of the two in this process."""
    import numpy as np
    import scipy.sparse as sp

    from planbench.generate import generate, parse_inline

    recipe = parse_inline(recipe_text)
    n, m = recipe.goods, recipe.activities
    density = recipe.law.mean(n) / n
    rng = np.random.default_rng(recipe.seed)
    generate(parse_inline("goods=10"))
    baseline = resident_peak(reset=True)
    wall, cpu = time.perf_counter(), time.process_time()
    if what == "generate":
        economy = generate(recipe)
        entries, size = economy.inputs.nnz, economy.nbytes
    else:
        matrix = sp.random_array((n, m), density=density, format=what, rng=rng)
        entries, size = matrix.nnz, 0
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resident_peak(reset=False) - baseline
    return {"wall": wall, "cpu": cpu, "peak": peak, "entries": entries, "bytes": size}


def run_in_fresh_process(what: str, recipe: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", what, "--recipe", recipe]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--goods", type=float, default=1e6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--recipe", help="inline recipe instead of --goods")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    recipe = options.recipe or (
        f"goods={int(options.goods)},inputs=10,techniques=2,resources=5,seed=1"
    )
    if options.measure:
        print(json.dumps(measure(options.measure, recipe)))
        return
    kinds = ("generate", "coo", "csc")
    runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    for _ in range(options.repeats):
        for kind in kinds:
            runs[kind].append(run_in_fresh_process(kind, recipe))

    def median(kind: str, field: str) -> float:
        return statistics.median(run[field] for run in runs[kind])

    print(f"gen:{recipe}, median of {options.repeats}")
    names = {"generate": "planbench generate", "coo": "random_array", "csc": "random_array csc"}
    for kind in kinds:
        print(
            f"  {names[kind]:20s} {median(kind, 'wall'):8.2f} s wall {median(kind, 'cpu'):8.2f} s "
            f"cpu {median(kind, 'peak') / 2**20:9.0f} MiB peak {median(kind, 'entries'):12.0f} "
            "non-zeros"
        )
    for kind in kinds[1:]:
        print(
            f"time, generate / {names[kind]}:"
            f" {median('generate', 'wall') / median(kind, 'wall'):.2f} wall,"
            f" {median('generate', 'cpu') / median(kind, 'cpu'):.2f} cpu"
        )
    size = median("generate", "bytes")
    print(
        f"memory, peak / finished arrays ({size / 2**20:.0f} MiB): "
        f"{median('generate', 'peak') / size:.2f}"
    )


if __name__ == "__main__":
    main()
