"""What a planner is called is what it does: none of them starts from another solver's plan."""

from __future__ import annotations

from typing import Any

import pytest

from planbench.catalogue.resolve import load_instance
from planbench.solvers.base import SolveOptions
from planbench.solvers.planners.pdhg_mend_plan import DRAFTS
from planbench.solvers.planners.primal_dual import WITH_PROGRAMS
from planbench.solvers.registry import find_solver, load_adapter

SMALL = (
    "gen:goods=60,seed=1",
    "gen:goods=60,structure=powerlaw,years=1,seed=1",
    "us-bea-15",
    "kantorovich-excavators",
)


@pytest.mark.parametrize("name", SMALL)
def test_primal_dual_solves_no_linear_program_by_other_means(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its start and its mending would otherwise be HiGHS's plan of a neighbouring economy.

    Finding the shares of a handful of its own plans in a mixture is not meant.
    """
    import scipy.optimize

    linprog = scipy.optimize.linprog

    def only_tiny(cost: Any, *rest: Any, **options: Any) -> Any:
        assert len(cost) <= DRAFTS, "primal-dual asked another solver for a plan"
        return linprog(cost, *rest, **options)

    monkeypatch.setattr(scipy.optimize, "linprog", only_tiny)
    spec = find_solver("primal-dual")[0]
    economy = load_instance(name).economy
    assert economy is not None
    solution = load_adapter(spec)(economy, spec, SolveOptions(tolerance=1e-4))
    assert solution.claim == "optimal"


def test_an_interior_from_another_solver_is_told() -> None:
    """Without by-products' own interior HiGHS finds one, which the record must not hide."""
    spec = find_solver("primal-dual")[0]
    told = {}
    for name in ("cockshott-five-year", "gen:goods=60,seed=1"):
        economy = load_instance(name).economy
        assert economy is not None
        told[name] = load_adapter(spec)(economy, spec, SolveOptions()).method_run
    assert WITH_PROGRAMS in told["cockshott-five-year"]
    assert WITH_PROGRAMS not in told["gen:goods=60,seed=1"]
