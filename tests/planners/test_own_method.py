"""What a planner is called is what it does: none of them starts from another solver's plan."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from planbench.catalogue.resolve import load_instance
from planbench.certificates.interior import LAST_RESORT_NONZEROS, LP_NONZEROS, interior_of
from planbench.errors import InputError
from planbench.model import make_economy
from planbench.planners import price_adjustment, primal_dual
from planbench.planners.planner import PlanOptions
from planbench.planners.price_adjustment import WITH_PROGRAMS, growth_without_end, needs_programs
from planbench.planners.repair import DRAFTS
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import check_options, find_solver, load_adapter

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
    """Its start and its repair would otherwise be HiGHS's plan of a neighbouring economy.

    Finding the shares of a handful of its own plans in a mixture is not meant.
    """
    import scipy.optimize

    linprog = scipy.optimize.linprog

    def only_tiny(cost: Any, *rest: Any, **options: Any) -> Any:
        assert len(cost) <= DRAFTS, "primal-dual asked another solver for a plan"
        return linprog(cost, *rest, **options)

    monkeypatch.setattr(scipy.optimize, "linprog", only_tiny)
    spec = find_solver("primal-dual").spec
    economy = load_instance(name).economy
    assert economy is not None
    solution = load_adapter(spec)(economy, spec, SolveOptions(tolerance=1e-4))
    assert solution.claim == "optimal"


def test_an_interior_from_another_solver_is_noted() -> None:
    """Without by-products' own interior HiGHS finds one, which the record must not hide."""
    spec = find_solver("primal-dual").spec
    methods = {}
    for name in ("cockshott-five-year", "gen:goods=60,seed=1"):
        economy = load_instance(name).economy
        assert economy is not None
        methods[name] = load_adapter(spec)(economy, spec, SolveOptions()).method_run
    assert WITH_PROGRAMS in methods["cockshott-five-year"]
    assert WITH_PROGRAMS not in methods["gen:goods=60,seed=1"]


def no_programs(*_: Any, **__: Any) -> Any:
    raise AssertionError("a linear program was solved by another solver")


def test_no_linear_programs_are_noted_where_none_were_solved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Too large for linear programs and too barely productive for sweeps: there is no interior."""
    import scipy.optimize

    monkeypatch.setattr(scipy.optimize, "linprog", no_programs)
    n, each = 15_000, 8
    rows = np.random.default_rng(0).integers(0, n, n * each)
    used = np.full(n * each, 0.999 / each), (rows, np.repeat(np.arange(n), each))
    economy = make_economy(
        inputs=sp.csc_array(used, shape=(n, n)),
        outputs=sp.eye_array(n, format="csc"),
        resource_use=np.ones((1, n)),
        endowment=[1.0],
        assortment=np.ones(n),
    )
    assert economy.nnz > LAST_RESORT_NONZEROS
    interior = interior_of(economy)
    assert interior is None or interior.activities is None
    assert not needs_programs(economy)


def test_an_interior_by_sweeps_is_not_noted_as_from_linear_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By-products and capacities alone do not mean that HiGHS was asked."""
    import scipy.optimize

    monkeypatch.setattr(scipy.optimize, "linprog", no_programs)
    economy = load_instance("gen:goods=1000,byproducts=0.09,capacities=0.1,resources=3").economy
    assert economy is not None
    economy = replace(economy, interior=None)
    assert LP_NONZEROS < economy.nnz <= LAST_RESORT_NONZEROS
    assert interior_of(economy) is not None
    assert not needs_programs(economy)


def test_growth_without_end_is_found_without_linear_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The repair takes an interior of an economy of its own, which must not be HiGHS's either."""
    import scipy.optimize

    monkeypatch.setattr(scipy.optimize, "linprog", no_programs)
    economy = make_economy(
        inputs=[[0.0, 0.5]],
        outputs=[[1.0, 1.0]],
        resource_use=[[1.0, 0.0]],
        endowment=[1.0],
        assortment=[1.0],
    )
    ray = growth_without_end(economy, np.array([1.0, 9.0, 3.0]), (np.zeros(2), np.zeros(1)))
    assert ray is not None
    assert ray[0][0] == 0
    assert ray[1][0] > 0


def test_no_check_begins_that_would_end_after_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks of a large economy take half a minute: one more, and nothing is handed back."""
    economy = load_instance("us-bea-15").economy
    assert economy is not None
    checks = []
    check = price_adjustment._check

    def slow(*arguments: Any, **options: Any) -> Any:
        checks.append(1)
        time.sleep(0.4)
        return check(*arguments, **options)

    monkeypatch.setattr(price_adjustment, "_check", slow)
    found = primal_dual.plan(economy, PlanOptions(tolerance=1e-09, time_limit=0.6))
    assert found.ended == "time limit"
    assert len(checks) == 1
    assert found.lower is not None
    assert found.upper is not None


@pytest.mark.parametrize(
    "name", ["two-level", "value-iteration", "primal-dual", "material-balances", "harmony"]
)
def test_threads_are_refused(name: str) -> None:
    """Planners have one thread: an option taken in silence would promise more."""
    with pytest.raises(InputError, match="no option 'threads'"):
        check_options(find_solver(name).spec, SolveOptions(threads=2))
