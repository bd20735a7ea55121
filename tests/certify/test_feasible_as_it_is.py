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
