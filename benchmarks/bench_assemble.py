"""Economy → linear program: the time of assembly against one copy of the arrays.

    python benchmarks/bench_assemble.py [--goods 100000 1000000] [--rounds 7]

prints, for each number of goods, the medians of interleaved rounds and their ratio; the goal
is a ratio of at most 8. Exit code 1 when a ratio is above it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import numpy as np
import scipy.sparse as sp

from planbench.model import Economy, make_economy, to_linear_program

GOAL = 8.0


def random_arrays(
    goods: int, *, inputs: int = 10, techniques: int = 2, resources: int = 5
) -> Economy:
    """Arrays of the shape of a generated economy; nothing but their size and sparsity counts."""
    rng = np.random.default_rng(0)
    m = goods * techniques
    suppliers = rng.integers(0, goods, (m, inputs))
    suppliers.sort(axis=1)
    used = sp.csc_array(
        (rng.random(m * inputs), suppliers.ravel(), np.arange(0, m * inputs + 1, inputs)),
        shape=(goods, m),
    )
    made = sp.csc_array(
        (np.ones(m), np.repeat(np.arange(goods), techniques), np.arange(m + 1)), shape=(goods, m)
    )
    return make_economy(
        inputs=used,
        outputs=made,
        resource_use=sp.csc_array(rng.random((resources, m))),
        endowment=np.ones(resources),
        assortment=np.ones(goods),
    )


def copy_arrays(economy: Economy) -> list[object]:
    """One copy of A, B, R and D."""
    matrices = (economy.inputs, economy.outputs, economy.resource_use, economy.assortment)
    return [part.copy() for m in matrices for part in (m.data, m.indices, m.indptr)]


def measure(economy: Economy, rounds: int) -> tuple[float, float]:
    """Median seconds of a copy and of an assembly, interleaved."""
    copies: list[float] = []
    assemblies: list[float] = []
    for _ in range(rounds):
        for times, work in ((copies, copy_arrays), (assemblies, to_linear_program)):
            start = time.perf_counter()
            result = work(economy)
            times.append(time.perf_counter() - start)
            del result
    return statistics.median(copies), statistics.median(assemblies)


def main() -> int:
    """Print one line per number of goods."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--goods", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    worst = 0.0
    for goods in options.goods:
        economy = random_arrays(goods)
        copy_s, assembly_s = measure(economy, options.rounds)
        ratio = assembly_s / copy_s
        worst = max(worst, ratio)
        print(
            f"{goods:>9} goods {economy.nnz:>10} non-zeros: copy {copy_s:.4f} s, "
            f"assembly {assembly_s:.4f} s, ratio {ratio:.2f} (goal {GOAL:g})"
        )
    return 0 if worst <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
