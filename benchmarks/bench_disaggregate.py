"""Cost of economies with real structure against the plain generator, per non-zero and in memory.

``generate --profile`` and ``disaggregate`` are compared with ``gen:`` at the same number of
goods and about the same number of non-zeros. Each figure comes from a fresh process: seconds of
CPU, and the peak of resident memory (VmHWM, Linux) above the level before, over the bytes of the
finished arrays. The three are run in turn. Targets: time ratio below 3, peak below 6.

    python benchmarks/bench_disaggregate.py --goods 1e6 --repeats 3
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

KINDS = ("gen", "profile", "split")


def resident_peak(*, reset: bool) -> int:
    """Peak resident bytes of this process; `reset` starts it anew from the present level."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("no VmHWM in /proc/self/status: this benchmark needs Linux")


def spec_of(kind: str, goods: int) -> str:
    """Instance of about 20 inputs per good, one technique, two resources."""
    return {
        "gen": f"gen:goods={goods},inputs=20,techniques=1,resources=2,resources_per_activity=all,"
        "seed=1",
        "profile": f"gen:profile=us-bea-2012,regime=20,goods={goods},techniques=1,resources=2,"
        "resources_per_activity=all,seed=1",
        "split": f"split:us-bea-71,goods={goods},inputs=20,seed=1",
    }[kind]


def measure(kind: str, goods: int) -> dict[str, float]:
    """Make one economy in this process."""
    from planbench.catalogue.resolve import load_instance

    # Tables of draws, imports and the table itself are made once.
    load_instance(spec_of(kind, 1000))
    baseline = resident_peak(reset=True)
    wall, cpu = time.perf_counter(), time.process_time()
    economy = load_instance(spec_of(kind, goods)).economy
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert economy is not None
    return {
        "wall": wall,
        "cpu": cpu,
        "peak": resident_peak(reset=False) - baseline,
        "entries": economy.nnz,
        "bytes": economy.nbytes,
    }


def run_in_fresh_process(kind: str, goods: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", kind, "--goods", str(goods)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--goods", type=float, default=1e6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    goods = int(options.goods)
    if options.measure:
        print(json.dumps(measure(options.measure, goods)))
        return
    runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for _ in range(options.repeats):
        for kind in KINDS:
            runs[kind].append(run_in_fresh_process(kind, goods))

    def median(kind: str, field: str) -> float:
        return statistics.median(run[field] for run in runs[kind])

    print(f"{goods:,} goods, median of {options.repeats}")
    for kind in KINDS:
        ratios = [a["cpu"] / b["cpu"] for a, b in zip(runs[kind], runs["gen"], strict=True)]
        print(
            f"  {spec_of(kind, goods).split(',goods')[0]:44s} {median(kind, 'cpu'):7.2f} s cpu "
            f"{median(kind, 'wall'):7.2f} s wall {median(kind, 'entries'):12.0f} non-zeros  "
            f"time / gen {statistics.median(ratios):5.2f}  "
            f"peak / arrays {median(kind, 'peak') / median(kind, 'bytes'):5.2f}"
        )


if __name__ == "__main__":
    main()
