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
import sys

from fresh import measured, median, median_ratio, run_in_turn

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
    from planbench.generators import generate, parse_inline

    recipe = parse_inline(recipe_text)
    generate(parse_inline("goods=10,years=2,regions=2"))
    economy, figures = measured(lambda: generate(recipe))
    return figures | {
        "goods": economy.n_goods,
        "entries": economy.nnz,
        "bytes": economy.nbytes,
    }


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
    runs = run_in_turn(
        __file__, {kind: ["--measure", recipe] for kind, recipe in asked.items()}, options.repeats
    )
    missed = False
    for kind, recipe in asked.items():
        mine = runs[kind]
        memory = median(mine, "peak") / median(mine, "bytes")
        times = median_ratio(mine, runs["plain"], "cpu")
        missed |= times > MOST_TIME or memory > MOST_MEMORY
        print(
            f"{kind:8s} {median(mine, 'goods'):9.0f} goods {median(mine, 'entries'):10.0f} entries "
            f"{median(mine, 'wall'):6.2f} s wall {median(mine, 'cpu'):6.2f} s cpu "
            f"({times:.2f} x plain), peak {median(mine, 'peak') / 2**20:5.0f} MiB "
            f"({memory:.2f} x finished)  gen:{recipe}"
        )
    print("targets missed" if missed else "targets met")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
