"""Cost of economies told apart by date and place against as many plain goods.

Each figure comes from a fresh process: seconds of wall clock and CPU, and the peak of resident
memory (VmHWM, Linux) above the level before. The three are run in turn, so that a disturbance of
the machine hits all. Targets: at most 3 times the plain generator's time, peak below 6 times the
finished arrays.

    python benchmarks/bench_expand.py --goods 1e6 --repeats 3
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

from bench_generate import resident_peak

YEARS, REGIONS = 5, 4
MOST_TIME, MOST_MEMORY = 3.0, 6.0


def recipes(goods: int) -> dict[str, str]:
    """Recipes with about `goods` goods in the end."""
    # A tenth of the goods are capital too, in every year and at the end.
    dated = round(goods / (YEARS + 0.1 * (YEARS + 1)))
    return {
        "plain": f"goods={goods},seed=1",
        "years": f"goods={dated},years={YEARS},seed=1",
        "regions": f"goods={goods // REGIONS},regions={REGIONS},seed=1",
    }


def measure(recipe_text: str) -> dict[str, float]:
    """Generate in this process."""
    from planbench.generate import generate, parse_inline

    recipe = parse_inline(recipe_text)
    generate(parse_inline("goods=10,years=2,regions=2"))
    baseline = resident_peak(reset=True)
    wall, cpu = time.perf_counter(), time.process_time()
    economy = generate(recipe)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resident_peak(reset=False) - baseline
    return {
        "wall": wall,
        "cpu": cpu,
        "peak": peak,
        "goods": economy.n_goods,
        "entries": economy.nnz,
        "bytes": economy.nbytes,
    }


def run_in_fresh_process(recipe: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", recipe]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--goods", type=float, default=1e6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return 0
    asked = recipes(int(options.goods))
    runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in asked}
    for _ in range(options.repeats):
        for kind, recipe in asked.items():
            runs[kind].append(run_in_fresh_process(recipe))

    def median(kind: str, field: str) -> float:
        return statistics.median(run[field] for run in runs[kind])

    def ratio(kind: str, field: str) -> float:
        pairs = zip(runs[kind], runs["plain"], strict=True)
        return statistics.median(run[field] / plain[field] for run, plain in pairs)

    missed = False
    for kind, recipe in asked.items():
        memory = median(kind, "peak") / median(kind, "bytes")
        times = ratio(kind, "cpu")
        missed |= times > MOST_TIME or memory > MOST_MEMORY
        print(
            f"{kind:8s} {median(kind, 'goods'):9.0f} goods {median(kind, 'entries'):10.0f} entries "
            f"{median(kind, 'wall'):6.2f} s wall {median(kind, 'cpu'):6.2f} s cpu "
            f"({times:.2f} x plain), peak {median(kind, 'peak') / 2**20:5.0f} MiB "
            f"({memory:.2f} x finished)  gen:{recipe}"
        )
    print("targets missed" if missed else "targets met")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
