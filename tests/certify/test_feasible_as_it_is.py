"""A plan that is feasible as it is proves what it delivers, whatever repair can do with it."""

from __future__ import annotations

import numpy as np
import pytest

from planbench.certificates import repair
from planbench.certificates.check import certified_lower
from planbench.model import make_economy


def test_a_feasible_plan_too_tight_to_be_repaired_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a planner proved by the same check would otherwise be without any bound."""
    economy = make_economy(
        inputs=[[0.0]], outputs=[[1.0]], resource_use=[[1.0]], endowment=[1.0], assortment=[1.0]
    )
    monkeypatch.setattr(repair, "interior_of", lambda *given, **named: None)
    plans = [(np.array([1 - k * 2.0**-53]), np.array([0.5])) for k in range(100)]
    x, z = next(plan for plan in plans if certified_lower(economy, *plan) is not None)
    bound, found = repair.raw_lower(economy, x, z)
    assert bound == certified_lower(economy, x, z)
    assert found is not None
    assert found[0] == x


def test_a_plan_for_less_repairs_what_is_short_by_next_to_nothing() -> None:
    """Goods whose makers are full have no interior; a plan with slack for less has."""
    # Good 1 is made by one activity of limited capacity, and used by the other alone.
    economy = make_economy(
        inputs=[[0.0, 0.0], [0.0, 0.5]],
        outputs=[[0.0, 1.0], [1.0, 0.0]],
        resource_use=[[1.0, 1.0]],
        endowment=[10.0],
        assortment=[[1.0], [0.0]],
        capacity=[1.0, np.inf],
    )
    short = np.array([1.0, 2.0 + 1e-8]), np.array([2.0 + 1e-8])
    without, _ = repair.raw_lower(economy, *short, programs=False, inner=np.zeros(2))
    lower, plan = repair.raw_lower(economy, *short, programs=False, inner=np.array([1.0, 1.5]))
    assert without is None
    assert plan is not None
    assert 2.0 - 1e-7 < lower < 2.0
