"""What all planners of planbench promise besides a right answer: warm starts and progress lines."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace

import numpy as np
import pytest

from planbench.certificates import certify
from planbench.errors import InputError
from planbench.model import Economy, to_linear_program
from planbench.planners.planner import Planner, PlanOptions, Result
from planbench.solvers.base import SolveOptions
from planbench.solvers.conformance import EconomyCase, economy_cases
from planbench.solvers.registry import list_solvers
from planbench.solvers.scipy_highs import SOLVERS, solve

pytest.importorskip("numba")

PLANNERS = [spec.name for spec in list_solvers() if spec.accepts == "economy"]
#: The others always begin anew.
KEEPING = ["two-level", "value-iteration", "primal-dual", "general"]
OPTIONS = PlanOptions(tolerance=1e-5, time_limit=10.0)
#: Relative error allowed to the optimum that bounds are held against.
ERROR = 1e-7
BOUNDS = re.compile(r"^round (\d+): lower (\S+), upper (\S+?),", re.MULTILINE)
#: Times the endowments after the change that a plan is carried over.
CHANGE = (0.9, 1.05, 0.97)


def planner_of(name: str) -> Planner:
    found: Planner = importlib.import_module(f"planbench.planners.{name.replace('-', '_')}").PLANNER
    return found


def accepted(planner: Planner) -> list[EconomyCase]:
    """Cases of the kit that have an optimum above 0 and are in the planner's domain."""
    return [
        case
        for case in economy_cases()
        if case.ends == "optimum"
        and case.name != "nothing can be made"
        and planner.refusal(case.economy) is None
    ]


def optimum_of(economy: Economy) -> float:
    found = solve(economy, SOLVERS[0], SolveOptions())
    assert found.objective is not None
    return found.objective


def check(planner: Planner, economy: Economy, result: Result, name: str) -> None:
    """Assert that the certificate's bracket holds the optimum and closes where one is promised."""
    lp, solution = to_linear_program(economy), planner.solution(economy, result)
    found = certify(lp, economy, solution, claim_tolerance=OPTIONS.tolerance, polish=False)
    assert found.verdict != "wrong", (name, found.reasons)
    optimum, slack = optimum_of(economy), ERROR
    lower, upper = found.lower_bound, found.upper_bound
    assert lower is None or lower <= optimum * (1 + slack), name
    assert upper is None or upper >= optimum * (1 - slack), name
    if "tolerance" in planner.spec.takes:
        assert found.raw_gap is not None, name
        assert found.raw_gap <= 1.001 * OPTIONS.tolerance, name


@pytest.mark.parametrize("name", KEEPING)
def test_its_own_state_saves_work_and_is_not_changed(name: str) -> None:
    planner = planner_of(name)
    economy = max((case.economy for case in accepted(planner)), key=lambda e: e.nnz)
    first = planner.plan(economy, OPTIONS)
    again = planner.plan(economy, OPTIONS, first.state)
    check(planner, economy, again, name)
    for kind, count in again.iterations.items():
        assert count <= first.iterations.get(kind, 0), kind
    once_more = planner.plan(economy, OPTIONS, first.state)
    assert np.array_equal(again.x, once_more.x)


@pytest.mark.parametrize("name", KEEPING)
def test_plans_from_an_old_state_are_right(name: str) -> None:
    planner = planner_of(name)
    for case in accepted(planner):
        state = planner.plan(case.economy, OPTIONS).state
        factors = np.resize(CHANGE, case.economy.n_resources)
        changed = replace(case.economy, endowment=case.economy.endowment * factors)
        check(planner, changed, planner.plan(changed, OPTIONS, state), case.name)


@pytest.mark.parametrize("name", KEEPING)
def test_the_state_of_another_economy_is_refused(name: str) -> None:
    planner = planner_of(name)
    economies = {case.economy.n_goods: case.economy for case in accepted(planner)}
    assert len(economies) > 1
    small, large = economies[min(economies)], economies[max(economies)]
    state = planner.plan(small, OPTIONS).state
    with pytest.raises(InputError, match="of another shape"):
        planner.plan(large, OPTIONS, state)


@pytest.mark.parametrize("name", PLANNERS)
def test_bounds_reported_on_the_way_hold_and_never_get_worse(name: str) -> None:
    planner = planner_of(name)
    for case in accepted(planner):
        lines: list[str] = []
        planner.plan(case.economy, replace(OPTIONS, report=lines.append))
        optimum = optimum_of(case.economy)
        slack = ERROR * optimum
        last = -np.inf, np.inf
        for number, *texts in BOUNDS.findall("\n".join(lines)):
            lower, upper = (
                never if text == "none" else float(text)
                for text, never in zip(texts, (-np.inf, np.inf), strict=True)
            )
            assert lower <= optimum + slack, (case.name, number)
            assert upper >= optimum - slack, (case.name, number)
            assert lower >= last[0] - slack, (case.name, number)
            assert upper <= last[1] + slack, (case.name, number)
            last = lower, upper
