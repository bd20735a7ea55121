"""What parallel sweeps would cost the planners: sweeps until prices settle, by number of blocks.

    python benchmarks/bench_planner_blocks.py [--goods N] [--gap GAP]

A Gauss–Seidel sweep uses each new price at once, so it cannot be cut into parts that run at the
same time without using old prices of the other parts. Goods are cut into B blocks here, each
swept in order with old prices of the others, as B threads would do it with the same answer every
time: all at once, or in stages one after another, each cut into B blocks. Sweeps are counted, not
timed, so the figures hold on every machine. The most that B cores can gain is B times the sweeps
of one block over those of B; ``--threads`` of ``bench_planner_threads.py`` times them.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np

from planbench.catalogue.resolve import load_instance
from planbench.model import Economy
from planbench.planners import kernels
from planbench.planners.kernels import compiled
from planbench.planners.lanes import MOST_STAGES
from planbench.planners.state import Meter, list_techniques
from planbench.planners.state_sectors import (
    charge_rents,
    open_sectors,
    settle_prices,
    use_shares,
)

RECIPES = (
    "inputs=10,techniques=2,resources=5",
    "inputs=20,techniques=3,resources=1",
    "inputs=10,techniques=2,resources=5,structure=powerlaw",
    "inputs=10,techniques=2,resources=5,structure=sectors",
    "inputs=10,techniques=2,resources=5,structure=layered",
)


@compiled
def sweep(
    start: Any, which: Any, amount: Any, direct: Any, p: Any, old: Any, blocks: int, stages: int
) -> float:
    """Sweep once over p = direct + p A, with `old` prices across blocks of a stage; Σ|change|."""
    flow, n = 0.0, p.size
    parts = blocks * stages
    for part in range(parts):
        lo, hi = part * n // parts, (part + 1) * n // parts
        for good in range(lo, hi):
            cost = direct[good]
            for q in range(start[good], start[good + 1]):
                other = which[q]
                cost += amount[q] * (p[other] if lo <= other < hi else old[other])
            flow += abs(cost - p[good])
            p[good] = cost
        if (part + 1) % blocks == 0:
            for good in range((part + 1 - blocks) * n // parts, hi):
                old[good] = p[good]
    return flow


def count(economy: Economy, gap: float) -> dict[tuple[int, int], int]:
    """Sweeps from zero until prices of the cheapest techniques change by `gap` in all.

    By (blocks, stages).
    """
    sectors = open_sectors(
        economy, list_techniques(economy), 1.0 / economy.endowment, Meter(economy.nnz)
    )
    charge_rents(sectors, 1.0 / economy.endowment / economy.n_resources)
    p = sectors.p0.copy()
    settle_prices(sectors, p, np.ones(p.size), 1e-10)
    listed = sectors.techniques
    kernels.shares_of(listed.spans[0], sectors.costs, 0.0, sectors.share)
    use_shares(sectors)
    chosen = listed.order[sectors.share > 0]
    direct = sectors.direct[chosen] * listed.per[chosen]
    found = {}
    cuts = [(b, 1) for b in (1, 2, 4, economy.n_goods)]
    for blocks, stages in (*cuts, (2, MOST_STAGES), (4, MOST_STAGES), (16, MOST_STAGES)):
        p = np.zeros(economy.n_goods)
        sweeps, flow = 0, np.inf
        while flow > gap * p.sum():
            flow = sweep(*sectors.chosen, direct, p, p.copy(), blocks, stages)
            sweeps += 1
        found[blocks, stages] = sweeps
    return found


def main(argv: list[str]) -> int:
    """Print a row per economy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--goods", type=int, default=100_000)
    parser.add_argument("--gap", type=float, default=1e-8)
    options = parser.parse_args(argv)
    print(f"{'economy':62} {'blocks (x stages): sweeps':66} most gained on 2, 4 cores in stages")
    for recipe in RECIPES:
        text = f"goods={options.goods},{recipe}"
        economy = load_instance("gen:" + text).economy
        assert economy is not None
        found = count(economy, options.gap)
        each = ", ".join(
            f"{blocks}{f'x{stages}' if stages > 1 else ''}: {sweeps}"
            for (blocks, stages), sweeps in found.items()
        )
        alone = found[1, 1]
        gains = ", ".join(f"{b * alone / found[b, MOST_STAGES]:.2f}" for b in (2, 4))
        print(f"{text:62} {each:66} {gains}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
