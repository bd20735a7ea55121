"""A planner on one economy in one process: seconds and peak memory of every stage.

    python benchmarks/bench_planner_at_scale.py [--recipe RECIPE] [--planner NAME] [--gap GAP]
        [--memory GIB]

For economies so large that two processes cannot hold them: nothing is written to disk, the
economy is generated, planned and certified in this process, and the planning LP is never
assembled. Each stage's peak is the high-water mark of resident memory during the stage (Linux),
reported as bytes and as a multiple of the economy's own. A pass is the mean of a product with
A, B, R and D and one with their transposes, in CPU seconds, before and after planning. With
``--memory`` the process is given no more address space than that, so that a stage that needs
more fails instead of swapping. The last line is the result as JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import numpy as np

from planbench.certificates import certify_plan
from planbench.generators import generate, parse_inline
from planbench.generators.recipe import estimate_bytes
from planbench.measure.memory import give_back_free_memory, own_peak, reset_peak
from planbench.model import Economy
from planbench.model.plan import Plan
from planbench.planners.planner import PlanOptions

RECIPE = "goods=1e7,inputs=10,techniques=2,resources=5"
MODULES = {"two-level": "two_level", "value-iteration": "value_iteration"}


@dataclass
class Stages:
    """Seconds and peaks by stage, printed as they end."""

    rows: dict[str, dict[str, float]] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what happens in the block."""
        give_back_free_memory()
        if not reset_peak():
            raise SystemExit("peaks cannot be reset here: this benchmark needs Linux")
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        row = {
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "peak": float(own_peak()[0]),
        }
        self.rows[name] = row
        print(
            f"{name:10} {row['wall']:8.1f} s  {row['cpu']:8.1f} CPU s  "
            f"peak {row['peak'] / 2**30:6.2f} GiB",
            flush=True,
        )


def pass_seconds(economy: Economy, repeats: int = 3) -> float:
    """CPU seconds of a pass (one thread, so disturbed less than the wall clock), the median."""
    parts = (economy.inputs, economy.outputs, economy.resource_use, economy.assortment)
    found = []
    for _ in range(repeats):
        took = 0.0
        for part in parts:
            columns, rows = np.ones(part.shape[1]), np.ones(part.shape[0])
            began = time.process_time()
            part @ columns
            part.T @ rows
            took += (time.process_time() - began) / 2
        found.append(took)
    return statistics.median(found)


def measure(recipe_text: str, planner: str, gap: float) -> dict[str, Any]:
    """Generate, plan and certify; every stage measured."""
    module = import_module(f"planbench.planners.{MODULES[planner]}")
    recipe, stages = parse_inline(recipe_text), Stages()
    with stages.stage("generate"):
        economy = generate(recipe)
    with stages.stage("compile"):
        module.PLANNER.compile()
    before = pass_seconds(economy)
    with stages.stage("plan"):
        found = module.plan(
            economy,
            PlanOptions(tolerance=gap, report=lambda line: print(f"  {line}", flush=True)),
        )
    found = replace(found, state=None)
    after = pass_seconds(economy)
    with stages.stage("certify"):
        plan = Plan(found.x, found.z, found.p, found.w)
        certificate = certify_plan(economy, plan, tolerance=gap, polish=False)
    one_pass = (before + after) / 2
    size = economy.nbytes
    result = {
        "recipe": recipe.canonical(),
        "planner": planner,
        "gap asked": gap,
        "ended": found.ended,
        "raw gap": certificate.raw_gap,
        "verdict": certificate.verdict,
        "rounds": found.rounds,
        "passes counted": found.passes,
        "passes timed": round(stages.rows["plan"]["cpu"] / one_pass, 1),
        "pass seconds": one_pass,
        "disturbance": max(before, after) / min(before, after) - 1,
        "nonzeros": economy.nnz,
        "economy bytes": size,
        "estimated bytes of generation": estimate_bytes(recipe),
        "stages": stages.rows,
    }
    for row in stages.rows.values():
        row["peak/economy"] = round(row["peak"] / size, 2)
    print(
        f"{planner}: {found.ended}, certified gap {certificate.raw_gap}, {found.rounds} "
        f"rounds, {result['passes counted']} passes counted, {result['passes timed']} timed; "
        f"peak over economy: "
        + ", ".join(f"{name} {row['peak/economy']:.2f}" for name, row in stages.rows.items())
    )
    return result


def main(argv: list[str]) -> int:
    """Run one economy; 1 if it was not planned to the gap asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default=RECIPE)
    parser.add_argument("--planner", default="two-level", choices=sorted(MODULES))
    parser.add_argument("--gap", type=float, default=1e-4)
    parser.add_argument("--memory", type=float, help="GiB of address space")
    options = parser.parse_args(argv)
    if options.memory is not None:
        most = int(options.memory * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    result = measure(options.recipe, options.planner, options.gap)
    print(json.dumps(result))
    return 0 if result["verdict"] == "certified" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
