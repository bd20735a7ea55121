"""Cost of generating an economy against ``scipy.sparse.random_array`` of the same shape.

Each figure comes from a fresh process: seconds of wall clock and CPU, and the peak of resident
memory (VmHWM, Linux) above the level before. The two are run in turn, so that a disturbance of
the machine hits both. Targets: time ratio about 1, peak below 5 times the finished arrays.

    python benchmarks/bench_generate.py --goods 1e6 --repeats 3
"""

from __future__ import annotations

import argparse
import json

from fresh import measured, run_in_turn
from fresh import median as median_of


def measure(what: str, recipe_text: str) -> dict[str, float]:
    """Run one of the two in this process."""
    import numpy as np
    import scipy.sparse as sp

    from planbench.generators import generate, parse_inline

    recipe = parse_inline(recipe_text)
    n, m = recipe.goods, recipe.activities
    density = recipe.law.mean(n) / n
    rng = np.random.default_rng(recipe.seed)
    generate(parse_inline("goods=10"))
    if what == "generate":
        economy, figures = measured(lambda: generate(recipe))
        return figures | {"entries": economy.inputs.nnz, "bytes": economy.nbytes}
    matrix, figures = measured(
        lambda: sp.random_array((n, m), density=density, format=what, rng=rng)
    )
    return figures | {"entries": matrix.nnz, "bytes": 0}


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
    runs = run_in_turn(
        __file__,
        {kind: ["--measure", kind, "--recipe", recipe] for kind in kinds},
        options.repeats,
    )

    def median(kind: str, field: str) -> float:
        return median_of(runs[kind], field)

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
