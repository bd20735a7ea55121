"""Simulated ladders with known growth: how often the intervals hold the truth.

A scenario draws ladders from a law with log-normal scatter, stops runs at a limit as the runner
would, and hands them to the same function as real runs. What is counted: the exponent, the cost
at a size beyond the ladder, and the largest size for a cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from planbench.report.ladders import FixedCost, fixed_cost
from planbench.stats.growth import study_growth

#: Sizes of a ladder: two and a half decades, as suites have them.
SIZES = (100.0, 300.0, 1000.0, 3000.0, 10000.0, 30000.0)
#: Four decades, for ladders whose lower half is mostly fixed cost.
LONG = (*SIZES, 100_000.0, 300_000.0, 1e6)
#: Size at which costs are predicted, one decade beyond the largest that any scenario finishes.
BEYOND = 300_000.0


@dataclass(frozen=True)
class Scenario:
    """A law, its scatter, and what is stopped.

    Attributes
    ----------
    name : str
    exponent : float
        b of c₀ + a·n^b.
    per_size : int
        Instances (seeds) of each size.
    scatter : float
        σ of the natural log.
    stopped : float
        Share of the points that the limit is set to stop (their expected cost is above it).
    fixed : float
        c₀ as a multiple of the growing cost at the smallest size.
    tiny : bool
        Whether tiny instances were run too, which show the fixed cost (with scatter).
    sizes : tuple of float
    """

    name: str
    exponent: float = 1.6
    per_size: int = 1
    scatter: float = 0.2
    stopped: float = 0.0
    fixed: float = 0.0
    tiny: bool = False
    sizes: tuple[float, ...] = SIZES


SCENARIOS = (
    Scenario("one seed a size, nothing stopped"),
    Scenario("one seed a size, a third stopped", stopped=1 / 3),
    Scenario("three seeds a size, nothing stopped", per_size=3),
    Scenario("three seeds a size, a third stopped", per_size=3, stopped=1 / 3),
    Scenario("nearly n log n, a third stopped", exponent=1.1, stopped=1 / 3),
    Scenario("four sizes, the last stopped", sizes=SIZES[:4], stopped=1 / 4),
    Scenario("four sizes, wide scatter", sizes=SIZES[:4], scatter=0.5),
    Scenario("fixed cost, a third stopped", fixed=3.0, stopped=1 / 3, scatter=0.1, sizes=LONG),
    Scenario(
        "fixed cost known from tiny instances, a third stopped",
        fixed=3.0, stopped=1 / 3, scatter=0.1, tiny=True, sizes=LONG,
    ),
)  # fmt: skip


def simulate(scenario: Scenario, simulations: int, seed: int = 2024) -> dict[str, Any]:
    """Share of simulated ladders whose 95 % intervals hold the truth.

    Parameters
    ----------
    scenario : Scenario
    simulations : int
    seed : int

    Returns
    -------
    dict
        Shares between 0 and 1 by figure; ``fitted`` counts the ladders on which an interval
        was given at all, over which the shares are taken.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, *scenario.name.encode()]))
    sizes = np.repeat(scenario.sizes, scenario.per_size)
    scale = 1e-5
    growing = scale * sizes**scenario.exponent
    fixed = scenario.fixed * growing[0]
    mean = fixed + growing
    distinct = np.unique(mean)
    keep = round(distinct.size * (1 - scenario.stopped))
    limit = np.sqrt(distinct[keep - 1] * distinct[keep]) if keep < distinct.size else np.inf
    # With the fixed cost taken off, predictions are of what grows.
    left = 0.0 if scenario.tiny else fixed
    truth_beyond = left + scale * BEYOND**scenario.exponent
    # Ten times the cost of the largest size that the limit lets finish.
    asked = 10.0 * distinct[keep - 1]
    truth_size = ((asked - left) / scale) ** (1 / scenario.exponent)
    counts = dict.fromkeys(("fitted", "exponent", "cost", "size", "n_log_n_alone", "decided"), 0)
    censored = 0
    for number in range(simulations):
        costs = mean * np.exp(scenario.scatter * rng.standard_normal(sizes.size))
        stopped = costs > limit
        least = fixed * np.exp(scenario.scatter * rng.standard_normal(3)).min()
        part = (
            fixed_cost(0.0, least if scenario.tiny else None, least)
            if fixed
            else FixedCost(0.0, 0.0)
        )
        growth = study_growth(
            sizes,
            np.maximum(np.minimum(costs, limit) - part.known, 1e-3 * part.floor),
            stopped,
            floor=part.floor,
            seed=number,
        )
        censored += int(stopped.sum())
        if growth.fit.low is None or growth.fit.high is None:
            continue
        counts["fitted"] += 1
        counts["exponent"] += growth.fit.low <= scenario.exponent <= growth.fit.high
        counts["cost"] += _holds(growth.cost_at(BEYOND), truth_beyond)
        counts["size"] += _holds(growth.largest_for(asked), truth_size)
        counts["n_log_n_alone"] += growth.supported == ("n log n",)
        counts["decided"] += not growth.undecided
    fitted = counts.pop("fitted")
    return {
        "simulations": simulations,
        "fitted": fitted,
        "share_stopped": censored / (simulations * sizes.size),
        **{name: count / fitted for name, count in counts.items()},
    }


def _holds(estimate: Any, truth: float) -> bool:
    low = 0.0 if estimate.low is None else estimate.low
    high = np.inf if estimate.high is None else estimate.high
    return bool(low <= truth <= high)
