"""Economies in which little is scarce or can be made: how planning ends must be told right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from planbench.certificates import certify
from planbench.certificates.certificate import Certificate
from planbench.model import Economy, make_economy, to_linear_program
from planbench.solvers.base import Solution, SolveOptions
from planbench.solvers.registry import find_solver, load_adapter

pytest.importorskip("numba")

#: Long enough for any of these; without it a planner that never ends would hang.
LIMIT = 5.0
BOTH = pytest.mark.parametrize("name", ["two-level", "value-iteration"])


def two_goods(**changes: Any) -> Economy:
    fields: dict[str, Any] = {
        "inputs": [[0.0, 0.1], [0.1, 0.0]],
        "outputs": np.eye(2),
        "resource_use": [[0.0, 0.0]],
        "endowment": [1.0],
        "assortment": [1.0, 0.0],
    }
    return make_economy(**{**fields, **changes})


def planned(name: str, economy: Economy) -> tuple[Solution, Certificate]:
    spec = find_solver(name).spec
    solution = load_adapter(spec)(economy, spec, SolveOptions(time_limit=LIMIT))
    return solution, certify(to_linear_program(economy), economy, solution, polish=False)


@BOTH
def test_a_free_target_may_need_goods_in_no_demand(name: str) -> None:
    """The ray must make what is only used on the way, or planning ends without a claim."""
    solution, certificate = planned(name, two_goods(inputs=[[0.3, 0.6], [0.6, 0.3]]))
    assert solution.claim == "unbounded"
    assert certificate.verdict == "certified"


def test_free_at_the_rents_of_one_round_is_not_free() -> None:
    """All value on one resource: what uses only the other costs nothing, yet is no ray."""
    economy = make_economy(
        inputs=np.zeros((2, 2)),
        outputs=np.eye(2),
        resource_use=np.eye(2),
        endowment=[1.0, 3.0],
        assortment=np.eye(2),
    )
    from planbench.planners.decomposition import solve_sectors, start
    from planbench.planners.techniques import Meter

    rounds = start(economy, Meter(economy.nnz), None)
    rounds.sigma = np.array([1.0, 0.0])
    assert solve_sectors(rounds, 1e-3) != "unbounded"
    assert rounds.bounds.lower <= 4.0 <= rounds.bounds.upper


def test_nothing_productive_and_nothing_scarce() -> None:
    """Prices of 0 hold, yet nothing can be made: the optimum is 0, not a time limit."""
    solution, _ = planned("general", two_goods(inputs=[[0.0, 2.0], [2.0, 0.0]]))
    assert not solution.hit_limit
    assert solution.claim == "optimal"
    assert solution.objective == 0.0


def test_giving_up_is_no_time_limit() -> None:
    """Of two free techniques one is unproductive: what does not settle must end, and say so."""
    economy = make_economy(
        inputs=[[2.0, 0.1]],
        outputs=[[1.0, 1.0]],
        resource_use=[[0.0, 0.0]],
        endowment=[1.0],
        assortment=[1.0],
    )
    solution, certificate = planned("value-iteration", economy)
    assert not solution.hit_limit
    assert "time" not in solution.native_status
    assert certificate.verdict != "wrong"


def test_demand_for_what_nobody_makes_is_proved_impossible() -> None:
    """Prices of 0 prove nothing; those of the goods that cannot be made do."""
    economy = two_goods(
        inputs=[[0.1, 0.0], [0.0, 0.0]],
        outputs=[[1.0, 1.0], [0.0, 0.0]],
        resource_use=[[1.0, 1.0]],
        fixed_demand=[0.0, 0.5],
    )
    solution, certificate = planned("general", economy)
    assert solution.claim == "infeasible"
    assert certificate.verdict == "certified"
