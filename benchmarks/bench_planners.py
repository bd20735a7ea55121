"""Structured planners against the fastest general adapters at the same certified gap.

    python benchmarks/bench_planners.py [--rows ROWS] [--only TEXT]
        [--largest GOODS] [--repeats N] [--seeds N] [--limit S] [--out FILE]

table (the default): one line per economy, gap and solver. Every run has a process of its own;
solvers take turns, so that a disturbance of the machine hits all of them. A general adapter
is asked for ever tighter tolerances of its own until its answer's ``raw_gap`` meets the
target; its failed tries are charged to it. Seconds are those of load and solve (wall, the
median of the repeats). Passes are products with the full matrix, twice: *timed*, seconds of the
solve over those of one product, measured in the same process right before and after; and
*counted* by the planner, non-zeros read over non-zeros of the matrix, the same on every machine.

general: ``general`` on split tables, by-products, capacities, years and regions, against the
fastest adapters and ``primal-dual``. Tables that are not shipped are read from the folder that
``PLANBENCH_TABLES`` names, and left out with a line where they are absent.

growth: ``two-level`` with 5 resources to 1e-6 on several seeds of each size from 10^3 on, and
the exponents fitted to passes counted, passes timed and seconds. split-growth: the same of
``general`` on the US table split into goods.

byproducts: ``primal-dual`` on economies with by-products and capacities, several seeds.

ten-million: 10^7 goods in one process that does everything, see bench_planner_at_scale.py.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planbench.bench.request import Conditions, make_request
from planbench.bench.single import solve_once
from planbench.catalogue.resolve import load_instance
from planbench.records.schema import Record
from planbench.solvers.base import SolveOptions
from planbench.stats.growth import fit_power_law
from planbench.tables.read import why_not_at_hand

COMMON = "inputs=10,techniques=2"
BYPRODUCTS = "inputs=10,techniques=2,byproducts=0.09,capacities=0.1,resources=20"
US = "split:us-bea-71,goods={n}"
CHOICE = "techniques=2,alternatives=tradeoffs,scarcity=0.1"
JOINT = "gen:goods={n},inputs=10,techniques=2,byproducts=0.09,resources=20"
#: What the planners of one good per activity, and ``general``, are compared with.
GENERAL = ("highs-hipdlp", "pdlp")
BESIDE_GENERAL = ("highs-hipdlp", "highs-ipm", "pdlp", "primal-dual")
#: Tolerances tried by general adapters, relative to the target.
TRIES = (1.0, 1e-1, 1e-2)
PLANNERS = ("two-level", "value-iteration", "primal-dual", "general")
#: GiB that the largest economy may take.
MOST_GIB = 24.0


@dataclass(frozen=True)
class Case:
    """An economy without its seed, the gap to reach, the planner meant for it, and others.

    In `name` ``{n}`` stands for the number of goods. What has no seed is planned as it is.
    """

    goods: int
    name: str
    gap: float
    planner: str = "two-level"
    others: tuple[str, ...] = GENERAL
    seeded: bool = True

    def instance(self, seed: int) -> str:
        """Return the name in full."""
        name = self.name.format(n=self.goods)
        return f"{name},seed={seed}" if self.seeded else name


def generated(goods: int, recipe: str, gap: float, planner: str = "two-level") -> Case:
    """Make a case of a generated economy."""
    return Case(goods, f"gen:goods={{n}},{recipe}", gap, planner)


def general(
    goods: int, name: str, gap: float, *, seeded: bool = True, choice: bool = False
) -> Case:
    """Make a case for ``general``, with a choice of techniques if asked for."""
    more = f",{CHOICE}" if choice else ""
    return Case(goods, name + more, gap, "general", BESIDE_GENERAL, seeded)


TABLE = (
    generated(10**3, f"{COMMON},resources=5", 1e-6),
    generated(10**4, f"{COMMON},resources=5", 1e-6),
    generated(10**4, f"{COMMON},resources=1000,resources_per_activity=3", 1e-4),
    generated(10**5, f"{COMMON},resources=5", 1e-6),
    generated(10**5, f"{COMMON},resources=20", 1e-6),
    generated(10**5, f"{COMMON},resources=20,resources_per_activity=3", 1e-6),
    generated(10**5, f"{COMMON},resources=100", 1e-6),
    generated(10**5, f"{COMMON},resources=100,resources_per_activity=3", 1e-6),
    generated(10**5, BYPRODUCTS, 1e-4, "primal-dual"),
    generated(10**6, "inputs=20,techniques=3,resources=1", 1e-9, "value-iteration"),
    generated(10**6, f"{COMMON},resources=5", 1e-6),
)
#: From 10^3 to 10^6 in steps of a half power of ten.
STEPS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
GROWTH = tuple(generated(goods, f"{COMMON},resources=5", 1e-6) for goods in STEPS)
SPLIT_GROWTH = tuple(general(goods, US, 1e-5, choice=True) for goods in STEPS)
MANY = tuple(generated(goods, BYPRODUCTS, 1e-4, "primal-dual") for goods in (10**4, 10**5))
GENERAL_CASES = (
    *(general(goods, US, 1e-6) for goods in (10**4, 10**5, 10**6)),
    *(general(goods, US, 1e-5, choice=True) for goods in (10**4, 10**5, 10**6)),
    *(
        general(goods, f"split:table:{table},goods={{n}}", 1e-5, choice=True)
        for table in ("us-bea-2017-73", "114_aus", "us-bea-2012-405", "wiod-1995-1435")
        for goods in (2 * 10**4, 10**5)
    ),
    *(general(goods, JOINT, gap) for goods, gap in ((10**5, 1e-6), (10**6, 1e-5))),
    general(10**5, f"{JOINT},binding=0.1", 1e-4),
    general(10**5, f"{JOINT},capacities=0.1", 1e-4),
    general(370, "years:us-bea-71,years=5", 1e-4, seeded=False),
    general(568, "regions:us-bea-71,regions=8", 1e-4, seeded=False),
    general(10**5, 'years:"split:us-bea-71,goods=20000,seed=1",years=5', 1e-4, seeded=False),
    general(10**5, "gen:goods=12500,byproducts=0.09,seed=1,regions=8", 1e-4, seeded=False),
)

HEADER = (
    f"{'economy':96} {'gap':>7} {'solver':16} {'ended':9} {'raw gap':>9} {'seconds':>9} "
    f"{'timed':>8} {'counted':>8} {'rounds':>6} {'peak/economy':>12}"
)


@dataclass(frozen=True)
class Result:
    """One solver on one economy: the last try, and the seconds of all tries."""

    record: Record
    seconds: float


@dataclass(frozen=True)
class Setting:
    """How runs are made: limits in seconds and bytes, the machine, how often."""

    limit: float
    memory: int
    repeats: int
    general_largest: int


def measure(case: Case, seed: int, solver: str, how: Setting) -> Result:
    """Run `solver` until its certified gap is at most the case's, or it runs out of tries."""
    instance = load_instance(case.instance(seed))
    seconds = 0.0
    for share in (1.0,) if solver in PLANNERS else TRIES:
        options = SolveOptions(tolerance=case.gap * share)
        conditions = Conditions(how.limit, how.memory, polish=False)
        record = solve_once(make_request(instance, solver, options, conditions)).record
        seconds += record.wall_s if record.wall_s is not None else how.limit
        met = record.raw_gap is not None and record.raw_gap <= case.gap
        if met or record.ended != "ok":
            break
    return Result(record, seconds)


def line(case: Case, seed: int, solver: str, results: list[Result]) -> str:
    """One row of the table."""
    last = results[-1].record
    seconds = statistics.median(result.seconds for result in results)
    passes = [r.record.matrix_passes for r in results if r.record.matrix_passes is not None]
    nbytes = economy_bytes(case, seed)
    peak = f"{last.peak_bytes / nbytes:12.2f}" if last.peak_bytes else f"{'-':>12}"
    disturbed = " disturbed" if any(r.record.disturbed for r in results) else ""
    raw = f"{last.raw_gap:9.1e}" if last.raw_gap is not None else f"{'-':>9}"
    timed = f"{statistics.median(passes):8.0f}" if passes else f"{'-':>8}"
    iterations = last.iterations
    return (
        f"{case.instance(seed):96} {case.gap:7.0e} {solver:16} {last.ended:9} {raw} {seconds:9.2f} "
        f"{timed} {iterations.get('passes', '-'):>8} {iterations.get('rounds', '-'):>6} "
        f"{peak}{disturbed}"
    )


def economy_bytes(case: Case, seed: int) -> int:
    """Bytes of the economy's own arrays."""
    economy = load_instance(case.instance(seed)).economy
    assert economy is not None
    return economy.nbytes


def compare(cases: tuple[Case, ...], seeds: int, how: Setting) -> Iterator[str]:
    """Lines of the table: every solver on every economy, in turns."""
    yield HEADER
    for case in cases:
        if why := why_not_at_hand(case.instance(1)):
            yield why
            continue
        for seed in range(seeds if case.seeded else 1):
            others = case.others if case.goods <= how.general_largest else ()
            solvers = [case.planner, *others]
            found: dict[str, list[Result]] = {solver: [] for solver in solvers}
            for _ in range(how.repeats):
                for solver in solvers:
                    before = found[solver]
                    if before and before[-1].seconds > how.limit / 2:
                        continue  # long runs once
                    before.append(measure(case, seed, solver, how))
            for solver in solvers:
                yield line(case, seed, solver, found[solver])


def grow(cases: tuple[Case, ...], seeds: int, how: Setting) -> Iterator[str]:
    """Lines of the growth of passes and seconds, and the exponents fitted to them."""
    yield HEADER
    sizes: list[int] = []
    costs: dict[str, list[float]] = {"passes counted": [], "passes timed": [], "seconds": []}
    for case in cases:
        for seed in range(seeds):
            found = [measure(case, seed, case.planner, how) for _ in range(how.repeats)]
            yield line(case, seed, case.planner, found)
            last = found[-1].record
            timed = [r.record.matrix_passes for r in found if r.record.matrix_passes is not None]
            if last.raw_gap is None or last.raw_gap > case.gap or not timed:
                yield f"  left out of the fit: {last.ended}, raw gap {last.raw_gap}"
                continue
            sizes.append(case.goods)
            costs["passes counted"].append(float(last.iterations["passes"]))
            costs["passes timed"].append(statistics.median(timed))
            costs["seconds"].append(statistics.median(result.seconds for result in found))
    for name, values in costs.items():
        fit = fit_power_law(sizes, values)
        if fit.exponent is None:
            yield f"{name}: no exponent, {fit.reason}"
            continue
        yield (
            f"{name}: about n^{fit.exponent:.3f} (95 % interval {fit.low:.3f} to {fit.high:.3f}; "
            f"{fit.n_points} runs of {fit.n_sizes} sizes, {fit.smallest:g} to {fit.largest:g})"
        )


def ten_million() -> int:
    """Hand the largest economy to a process of its own that does everything."""
    script = Path(__file__).with_name("bench_planner_at_scale.py")
    command = [sys.executable, str(script), "--memory", f"{MOST_GIB:g}"]
    return subprocess.run(command, check=False).returncode


def main(argv: list[str]) -> int:
    """Run the rows asked for and print (and write) them."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = {
        "table": TABLE,
        "general": GENERAL_CASES,
        "byproducts": MANY,
        "growth": GROWTH,
        "split-growth": SPLIT_GROWTH,
    }
    parser.add_argument("--rows", choices=[*kinds, "ten-million"], default="table")
    parser.add_argument("--only", default="", help="economies with this text in their name")
    parser.add_argument("--largest", type=int, default=100_000, help="most goods")
    parser.add_argument("--general-largest", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seeds", type=int, help="1 for table and general, else 3")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds per run")
    parser.add_argument("--memory", type=float, default=16.0, help="GiB per run")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(argv)
    if options.rows == "ten-million":
        return ten_million()
    how = Setting(
        limit=options.limit,
        memory=int(options.memory * 2**30),
        repeats=options.repeats,
        general_largest=options.general_largest,
    )
    cases = tuple(
        case
        for case in kinds[options.rows]
        if case.goods <= options.largest and options.only in case.instance(1)
    )
    seeds = options.seeds or (1 if options.rows in ("table", "general") else 3)
    run = grow if "growth" in options.rows else compare
    lines = []
    for text in run(cases, seeds, how):
        lines.append(text)
        print(text, flush=True)
    if options.out is not None:
        options.out.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
