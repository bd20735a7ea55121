"""``value-iteration``: ``two-level`` with one scarce resource, where there is nothing to decide.

With one resource the best techniques do not depend on what is demanded (the non-substitution
theorem; Samuelson 1951, Gale 1960 ch. 9): they are the cheapest at prices
p = min over techniques (wR + pA)/B, found by value iteration. What is made follows from
(I − A_π) y = demand.
"""

from __future__ import annotations

from dataclasses import replace

from planbench.model.economy import Economy
from planbench.planners import two_level

SPEC = replace(
    two_level.SPEC,
    name="value-iteration",
    method="value iteration on prices, Gauss-Seidel on quantities (one resource)",
    module="planbench.planners.value_iteration",
)
SOLVERS = (SPEC,)


def refusal(economy: Economy) -> str | None:
    """Say why `economy` is outside the domain, or None."""
    if economy.n_resources != 1:
        return f"takes one resource; this economy has {economy.n_resources} (see two-level)"
    return two_level.refusal(economy)


PLANNER = replace(two_level.PLANNER, spec=SPEC, refusal=refusal)
plan, solve = PLANNER.plan, PLANNER.solve
