"""Planning anew with ``primal-dual``: never much worse than from nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planbench.catalogue.resolve import load_instance
from planbench.debate.studies import cut_resource
from planbench.model import Economy

pytest.importorskip("numba")

from planbench.planners.pdhg import Process
from planbench.planners.planner import PlanOptions
from planbench.planners.price_adjustment import Adjustment, PriceState
from planbench.planners.primal_dual import plan
from planbench.planners.repair import find_makers

FAMILIES = (
    "techniques=2,resources=3",
    "techniques=2,resources=20,byproducts=0.09",
    "techniques=2,resources=20,byproducts=0.09,capacities=0.1",
)


def economy_of(recipe: str) -> Economy:
    economy = load_instance(f"gen:{recipe}").economy
    assert economy is not None
    return economy


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("left", [0.99, 0.8])
def test_an_old_plan_costs_little_where_it_does_not_help(family: str, left: float) -> None:
    """Old levels and step sizes kept after a large change took up to twice the rounds."""
    ratios = []
    for seed in range(4):
        economy = economy_of(f"goods=600,{family},seed={seed}")
        old = plan(economy, PlanOptions(tolerance=0.0001, rounds=50000))
        assert old.w is not None
        changed = cut_resource(economy, int(np.argmax(old.w * economy.endowment)), left)
        warm = plan(changed, PlanOptions(tolerance=0.0001, rounds=50000), old.state)
        cold = plan(changed, PlanOptions(tolerance=0.0001, rounds=50000))
        assert warm.ended == cold.ended == "optimal"
        ratios.append(warm.passes / cold.passes)
    assert float(np.exp(np.mean(np.log(ratios)))) < (0.95 if left > 0.9 else 1.15)
    assert max(ratios) < 2.0


def test_a_state_of_nonsense_ends_as_well() -> None:
    """Levels and step sizes of no use whatever must not be held on to."""
    economy = economy_of("goods=300,techniques=2,resources=3,seed=2")
    cold = plan(economy, PlanOptions(tolerance=0.0001, rounds=50000))
    x, z, p, w = map(np.ones_like, (cold.state.x, cold.state.z, cold.state.p, cold.state.w))
    state = PriceState(1e9 * x, 1e9 * z, p, w, 1e6)
    warm = plan(economy, PlanOptions(tolerance=0.0001, rounds=50000), state)
    assert warm.ended == "optimal"
    assert warm.rounds < 3 * cold.rounds


def test_a_state_of_another_shape_does_not_fit() -> None:
    """Not even one in which only the sums of goods and resources are the same."""
    economy = economy_of("goods=50,techniques=2,resources=3")
    state = PriceState(np.ones(100), np.ones(1), np.ones(50), np.ones(3), None)
    assert state.fits(economy)
    assert not replace(state, p=np.ones(51), w=np.ones(2)).fits(economy)


def test_without_an_interior_plan_nothing_is_dropped() -> None:
    """Half a start, old prices and no levels, would be worse than either."""
    economy = economy_of("goods=50,techniques=2,resources=3")
    impossible = replace(economy, fixed_demand=np.full(economy.n_goods, 1e9), interior=None)
    process = Process(impossible)
    makers = find_makers(process, impossible.n_goods, impossible.n_activities)
    before = process.x.copy()
    assert not Adjustment(impossible, process, makers, 1e-4, programs=False).start_from_interior()
    assert np.array_equal(process.x, before)
