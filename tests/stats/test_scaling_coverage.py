"""Intervals hold the truth as often as they say, over simulated ladders with known growth.

The full simulation (``make test-full``) writes ``results/verification/scaling-coverage.json``;
a tenth of it runs always.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np
import pytest
from support.coverage import SCENARIOS, simulate
from support.full import few, full_only

RECORD = Path(__file__).resolve().parents[2] / "results/verification/scaling-coverage.json"
SIMULATIONS = 1000
FIGURES = ("exponent", "cost", "size")
#: Bounds for 95 % intervals over 1,000 ladders: the ends of what is called honest here.
FULL_BOUNDS = (0.92, 0.98)
#: For 100 ladders: 0.95 less 3.2, and plus all, of its standard errors of 0.022.
TENTH_BOUNDS = (0.88, 1.0)
TENTH = ("one seed a size, a third stopped", "four sizes, the last stopped",
         "fixed cost, a third stopped")  # fmt: skip


def check(name, found, bounds):
    assert found["fitted"] >= 0.97 * found["simulations"], name
    for figure in FIGURES:
        assert bounds[0] <= found[figure] <= bounds[1], (name, figure, found)
    assert found["n_log_n_alone"] <= 0.01, f"{name}: another law is true"


@pytest.mark.slow
@pytest.mark.parametrize("name", few(TENTH, lambda name: name.startswith("one seed")))
def test_intervals_cover_in_a_tenth_of_the_simulations(name):
    """Too narrow intervals would make the verdicts on published claims worthless."""
    (scenario,) = (s for s in SCENARIOS if s.name == name)
    check(name, simulate(scenario, SIMULATIONS // 10), TENTH_BOUNDS)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@full_only
def test_intervals_cover_in_the_full_simulation():
    """The same at full length; its record is committed."""
    found = {s.name: simulate(s, SIMULATIONS) for s in SCENARIOS}
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "what": "share of simulated ladders whose 95 % intervals hold the true figure",
        "figures": {
            "exponent": "b of the law that was drawn from",
            "cost": "cost at 300,000 goods",
            "size": "largest size for ten times the cost of the largest size that may finish",
            "decided": "n log n and n^b were distinguished",
            "n_log_n_alone": "n log n was named as the only law, which is never true here",
        },
        "bounds": FULL_BOUNDS,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scenarios": [
            {
                "name": s.name,
                "exponent": s.exponent,
                "scatter": s.scatter,
                "sizes": s.sizes,
                "per_size": s.per_size,
                "fixed": s.fixed,
                "share": {k: round(v, 4) for k, v in found[s.name].items()},
            }
            for s in SCENARIOS
        ],
    }
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    for name, shares in found.items():
        check(name, shares, FULL_BOUNDS)


def test_committed_record_is_of_these_scenarios_and_within_the_bounds():
    """A record of another simulation, or one that fell short, must not stay."""
    record = json.loads(RECORD.read_text())
    assert [s["name"] for s in record["scenarios"]] == [s.name for s in SCENARIOS]
    for scenario in record["scenarios"]:
        share = scenario["share"]
        assert share["simulations"] == SIMULATIONS
        check(scenario["name"], share, FULL_BOUNDS)
