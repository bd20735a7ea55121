"""``primal-dual``: planning anew from the old plan against planning from nothing.

    python benchmarks/bench_replanning.py [--seeds N] [--goods N] [--gap G]

The scarcest resource of each economy is cut to 99, 90 and 80 %, and the changed economy is planned
from the state of the old plan (warm) and from the interior (cold). Printed are warm over cold, in
rounds and in matrix passes (both counted, the same on every machine): geometric mean over the
seeds, and the largest.
"""

from __future__ import annotations

import argparse

import numpy as np

from planbench.catalogue.resolve import load_instance
from planbench.debate.studies import cut_resource
from planbench.planners.planner import PlanOptions
from planbench.planners.primal_dual import plan

FAMILIES = (
    "techniques=2,resources=3",
    "techniques=2,resources=20,byproducts=0.09",
    "techniques=2,resources=20,byproducts=0.09,capacities=0.1",
)
LEFT = (0.99, 0.9, 0.8)
#: Far more than any of them takes.
LIMIT = 200_000


def ratios(recipe: str, left: float, gap: float) -> tuple[float, float]:
    """Warm over cold, rounds and passes."""
    economy = load_instance(f"gen:{recipe}").economy
    assert economy is not None
    old = plan(economy, PlanOptions(tolerance=gap, rounds=LIMIT))
    assert old.w is not None
    changed = cut_resource(economy, int(np.argmax(old.w * economy.endowment)), left)
    cold = plan(changed, PlanOptions(tolerance=gap, rounds=LIMIT))
    warm = plan(changed, PlanOptions(tolerance=gap, rounds=LIMIT), old.state)
    assert cold.ended == warm.ended == "optimal"
    return max(warm.rounds, 1) / cold.rounds, warm.passes / cold.passes


def main() -> None:
    """Print a line per family and cut."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--goods", type=int, default=1000)
    parser.add_argument("--gap", type=float, default=1e-4)
    chosen = parser.parse_args()
    print(f"{'family':58} {'left':>5} {'rounds':>7} {'most':>6} {'passes':>7} {'most':>6}")
    for family in FAMILIES:
        for left in LEFT:
            recipes = [f"goods={chosen.goods},{family},seed={s}" for s in range(chosen.seeds)]
            found = np.array([ratios(recipe, left, chosen.gap) for recipe in recipes])
            mean, most = np.exp(np.log(found).mean(axis=0)), found.max(axis=0)
            print(
                f"{family:58} {left:5.0%} {mean[0]:7.2f} {most[0]:6.2f} {mean[1]:7.2f} "
                f"{most[1]:6.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
