"""What threads are worth to the planners: seconds with one thread and with more, in turns.

    python benchmarks/bench_planner_threads.py [--recipe RECIPE ...] [--threads N ...]
        [--gap GAP] [--repeats N]

Each economy is planned with each number of threads in turn, in one process, several times over.
Printed are the medians of wall seconds and of the *critical path*: the CPU seconds of what only
one thread does, and of the slowest thread wherever work is shared. On a machine with idle cores
the two agree but for waking threads and for memory they have to share; on a busy one the
critical path still tells what is to be gained. Rounds and passes counted are the same on every
machine, and the plan must be the same every time.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from planbench.generators import generate, parse_inline
from planbench.model import Economy
from planbench.planners import team, two_level, value_iteration

COMMON = "inputs=10,techniques=2"
#: Recipe and gap.
ROWS = (
    (f"goods=1e5,{COMMON},resources=5", 1e-6),
    (f"goods=1e5,{COMMON},resources=20", 1e-6),
    (f"goods=1e5,{COMMON},resources=100", 1e-6),
    (f"goods=1e4,{COMMON},resources=1000,resources_per_activity=3", 1e-4),
    ("goods=3e5,inputs=20,techniques=3,resources=1", 1e-9),
)


class ClockedTeam(team.Team):
    """A team that adds up the CPU seconds of the slowest part.

    Attributes
    ----------
    slowest : float
        Of every shared piece of work, in all.
    here : float
        Of the parts of the thread that plans.
    """

    def __init__(self, size: int, grain: int = team.GRAIN) -> None:
        super().__init__(size, grain)
        self.slowest = self.here = 0.0

    def each(
        self, task: Callable[[int, int, int], Any], parts: Sequence[tuple[int, int]]
    ) -> list[Any]:
        """Run and time every part."""

        def clocked(number: int, begin: int, end: int) -> tuple[Any, float]:
            started = time.thread_time()
            return task(number, begin, end), time.thread_time() - started

        found = super().each(clocked, parts)
        self.slowest += max(seconds for _, seconds in found)
        self.here += found[0][1]
        return [value for value, _ in found]


@dataclass(frozen=True)
class Run:
    """One plan."""

    wall: float
    path: float
    passes: float
    rounds: int
    threads: int
    gap: float
    plan: str


def plan_once(economy: Economy, gap: float, threads: int) -> Run:
    """Plan with so many threads."""
    module = value_iteration if economy.n_resources == 1 else two_level
    teams: list[ClockedTeam] = []

    class Watched(ClockedTeam):
        def __init__(self, size: int, grain: int = team.GRAIN) -> None:
            super().__init__(size, grain)
            teams.append(self)

    plain, team.Team = team.Team, Watched  # type: ignore[misc]
    try:
        wall, here = time.perf_counter(), time.thread_time()
        plan, _, progress = module.plan(economy, gap=gap, threads=threads)
        wall, here = time.perf_counter() - wall, time.thread_time() - here
    finally:
        team.Team = plain  # type: ignore[misc]
    (used,) = teams
    if progress.ended != "optimal":
        raise SystemExit(f"ended {progress.ended} with {threads} threads")
    arrays = b"".join(a.tobytes() for a in (plan.x, plan.z, plan.p, plan.w) if a is not None)
    return Run(
        wall, here - used.here + used.slowest, progress.passes, progress.rounds,
        progress.threads, progress.gap, hashlib.sha256(arrays).hexdigest(),
    )  # fmt: skip


def main(argv: list[str]) -> int:
    """Print a table; 1 if some plan was not the same every time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", nargs="+", help="economies in place of the usual ones")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--gap", type=float, help="in place of those of the usual economies")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(argv)
    rows = ROWS if options.recipe is None else tuple((text, 1e-6) for text in options.recipe)
    same = True
    print(f"{'economy':62} threads used rounds   passes   wall s   path s  wall ×  path ×  same")
    for text, usual in rows:
        economy = generate(parse_inline(text))
        gap = usual if options.gap is None else options.gap
        warm = value_iteration if economy.n_resources == 1 else two_level
        warm.warm_up(economy, max(options.threads))
        runs: dict[int, list[Run]] = {threads: [] for threads in options.threads}
        for _ in range(options.repeats):
            for threads, found in runs.items():
                found.append(plan_once(economy, gap, threads))
        first = runs[options.threads[0]]
        for threads, found in runs.items():
            wall, path = (statistics.median(getattr(r, a) for r in found) for a in ("wall", "path"))
            walls, paths = (
                statistics.median(
                    getattr(r, a) / getattr(q, a) for r, q in zip(first, found, strict=True)
                )
                for a in ("wall", "path")
            )
            alike = len({r.plan for r in found}) == 1
            same &= alike
            print(
                f"{text:62} {threads:7} {found[0].threads:4} {found[0].rounds:6} "
                f"{found[0].passes:8.1f} {wall:8.3f} {path:8.3f}  {walls:6.2f}  {paths:6.2f}  "
                f"{'yes' if alike else 'NO'}",
                flush=True,
            )
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
