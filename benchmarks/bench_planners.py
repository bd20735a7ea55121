"""Structured planners against the fastest general adapters at the same certified gap.

    python benchmarks/bench_planners.py [--largest GOODS] [--repeats N] [--limit S] [--out FILE]

Each row of the table is one economy and one target gap. Every run has a process of its own;
solvers take turns, so that a disturbance of the machine hits all of them. A general adapter
is asked for ever tighter tolerances of its own until its answer's ``raw_gap`` meets the
target; its failed tries are charged to it. Seconds are those of load and solve (wall, the
median of the repeats), passes those of the solve in products with the full matrix, timed in
the same process right before and after.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from planbench.bench.single import Surroundings, solve_once, survey
from planbench.catalogue.resolve import load_instance
from planbench.records.schema import Record
from planbench.solvers.base import SolveOptions

COMMON = "inputs=10,techniques=2"
#: Recipe, target gap and planner, smallest first.
CASES: tuple[tuple[str, float, str], ...] = (
    (f"goods=1000,{COMMON},resources=5", 1e-6, "two-level"),
    (f"goods=10000,{COMMON},resources=5", 1e-6, "two-level"),
    (f"goods=10000,{COMMON},resources=1000,resources_per_activity=3", 1e-4, "two-level"),
    (f"goods=100000,{COMMON},resources=5", 1e-6, "two-level"),
    (f"goods=100000,{COMMON},resources=20", 1e-6, "two-level"),
    (f"goods=100000,{COMMON},resources=20,resources_per_activity=3", 1e-6, "two-level"),
    (f"goods=100000,{COMMON},resources=100", 1e-6, "two-level"),
    (f"goods=100000,{COMMON},resources=100,resources_per_activity=3", 1e-6, "two-level"),
    ("goods=1000000,inputs=20,techniques=3,resources=1", 1e-9, "value-iteration"),
    (f"goods=1000000,{COMMON},resources=5", 1e-6, "two-level"),
    (f"goods=10000000,{COMMON},resources=5", 1e-4, "two-level"),
)
GENERAL = ("highs-hipdlp", "pdlp")
#: Tolerances tried by general adapters, relative to the target.
TRIES = (1.0, 1e-1, 1e-2)
HEADER = (
    f"{'economy':58} {'gap':>7} {'solver':16} {'ended':9} {'raw gap':>9} {'seconds':>9} "
    f"{'passes':>8} {'counted':>8} {'rounds':>6} {'peak/economy':>12}"
)


@dataclass(frozen=True)
class Result:
    """One solver on one economy: the last try, and the seconds of all tries."""

    record: Record
    seconds: float


def measure(
    recipe: str, gap: float, solver: str, limit: float, memory: int, around: Surroundings
) -> Result:
    """Run `solver` until its certified gap is at most `gap`, or it runs out of tries."""
    instance = load_instance("gen:" + recipe)
    seconds = 0.0
    for share in TRIES if solver in GENERAL else (1.0,):
        record = solve_once(
            instance,
            solver,
            SolveOptions(tolerance=gap * share),
            time_limit_s=limit,
            memory_limit_bytes=memory,
            polish=False,
            surroundings=around,
        ).record
        seconds += record.wall_s if record.wall_s is not None else limit
        met = record.raw_gap is not None and record.raw_gap <= gap
        if met or record.ended != "ok":
            break
    return Result(record, seconds)


def line(recipe: str, gap: float, solver: str, results: list[Result], nbytes: int) -> str:
    """One row of the table."""
    last = results[-1].record
    seconds = statistics.median(result.seconds for result in results)
    passes = [r.record.matrix_passes for r in results if r.record.matrix_passes is not None]
    peak = f"{last.peak_bytes / nbytes:12.2f}" if last.peak_bytes else f"{'-':>12}"
    disturbed = " disturbed" if any(r.record.disturbed for r in results) else ""
    raw = f"{last.raw_gap:9.1e}" if last.raw_gap is not None else f"{'-':>9}"
    timed = f"{statistics.median(passes):8.0f}" if passes else f"{'-':>8}"
    iterations = last.iterations
    return (
        f"{recipe:58} {gap:7.0e} {solver:16} {last.ended:9} {raw} {seconds:9.2f} {timed} "
        f"{iterations.get('passes', '-'):>8} {iterations.get('rounds', '-'):>6} {peak}{disturbed}"
    )


def main(argv: list[str]) -> int:
    """Run the cases and print (and write) the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=100_000, help="most goods")
    parser.add_argument("--general-largest", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds per run")
    parser.add_argument("--memory", type=float, default=16.0, help="GiB per run")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(argv)
    around, memory = survey(), int(options.memory * 2**30)
    lines = [HEADER]
    print(HEADER, flush=True)
    for recipe, gap, planner in CASES:
        goods = int(recipe.partition(",")[0].removeprefix("goods="))
        if goods > options.largest:
            continue
        solvers = [planner, *(GENERAL if goods <= options.general_largest else ())]
        found: dict[str, list[Result]] = {solver: [] for solver in solvers}
        for _ in range(options.repeats):
            for solver in solvers:
                before = found[solver]
                if before and before[-1].seconds > options.limit / 2:
                    continue  # long runs once
                before.append(measure(recipe, gap, solver, options.limit, memory, around))
        economy = load_instance("gen:" + recipe).economy
        assert economy is not None
        for solver in solvers:
            lines.append(line(recipe, gap, solver, found[solver], economy.nbytes))
            print(lines[-1], flush=True)
    if options.out is not None:
        options.out.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
