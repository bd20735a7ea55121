"""``general`` on economies with by-products, capacities, stocks, regions and years.

    python benchmarks/bench_planner_general.py [--tolerance GAP] [--limit S] [INSTANCE[@GAP] ...]

One line per instance: certified gap, rounds, passes counted, CPU seconds, peak memory, and the
method that ended it. Every instance is planned in a process of its own, kernels compiled
beforehand. Tables that are not shipped are read from the folder that ``PLANBENCH_TABLES`` names.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

INSTANCES = (
    "split:us-bea-71,goods=10000",
    "split:us-bea-71,goods=100000",
    "split:us-bea-71,goods=1000000",
    "split:us-bea-71,goods=100000,techniques=2@1e-5",
    "gen:goods=10000,byproducts=0.09,resources=20,techniques=2,seed=1",
    "gen:goods=100000,byproducts=0.09,resources=20,techniques=2,seed=1",
    "gen:goods=10000,byproducts=0.09,capacities=0.1,resources=20,techniques=2,seed=1@1e-4",
    "years:us-bea-71,years=3@1e-4",
    "years:us-bea-71,years=5@1e-4",
    "regions:us-bea-71,regions=4@1e-4",
    "regions:us-bea-71,regions=8@1e-4",
)
TABLES = (
    "split:table:us-bea-2012-405,goods=5000,techniques=2,seed=1@1e-5",
    "split:table:us-bea-2012-405,goods=20000,techniques=2,seed=1@1e-5",
    "split:table:wiod-1995-1435,goods=20000,techniques=2,seed=1@1e-5",
    "split:table:us-bea-2017-73,goods=20000,techniques=2,seed=1@1e-5",
)


def measure(name: str, gap: float, limit: float) -> None:
    """Plan one instance in this process and print its line."""
    from planbench.catalogue.resolve import load_instance
    from planbench.planners import general
    from planbench.planners.planner import PlanOptions

    economy = load_instance(name).economy
    assert economy is not None
    assert general.PLANNER.compile is not None
    general.PLANNER.compile(economy)
    began = time.process_time()
    found = general.plan(economy, PlanOptions(tolerance=gap, time_limit=limit))
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    by = "`primal-dual`" if "adjustments" in found.iterations else "itself"
    print(
        f"| {name} | {found.gap:.1e} | {found.rounds} | {found.passes} | {seconds:.2f} | "
        f"{peak:.1f} | {found.ended}, {by} |",
        flush=True,
    )


def main() -> None:
    """Measure every instance named, or those of the documentation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("instances", nargs="*")
    parser.add_argument("--tables", action="store_true", help="those of tables not shipped, too")
    parser.add_argument("--tolerance", type=float, default=1e-6)
    parser.add_argument("--limit", type=float, default=120.0)
    parser.add_argument("--alone", action="store_true", help="plan in this process")
    asked = parser.parse_args()
    names = asked.instances or [*INSTANCES, *(TABLES if asked.tables else ())]
    if not asked.alone:
        print("| instance | gap | rounds | passes | CPU s | GiB | ended |")
        print("|---" * 7 + "|")
    for name in names:
        if asked.alone:
            spec, _, gap = name.partition("@")
            measure(spec, float(gap or asked.tolerance), asked.limit)
        else:
            common = ["--tolerance", str(asked.tolerance), "--limit", str(asked.limit)]
            subprocess.run([sys.executable, __file__, "--alone", *common, name], check=False)


if __name__ == "__main__":
    main()
