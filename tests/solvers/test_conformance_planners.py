"""Every planner keeps what the kit holds it to; the kit catches those with one thing wrong."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from planbench.errors import InputError, SolverError
from planbench.model import Economy, to_linear_program
from planbench.solvers import conformance
from planbench.solvers.base import Phase, Solution, SolveOptions, SolverSpec, no_phase
from planbench.solvers.conformance import (
    Adapter,
    CheckResult,
    check_adapter,
    economy_cases,
    run_checks,
)
from planbench.solvers.registry import ChosenSolver, availability, list_solvers

PLANNERS = [spec for spec in list_solvers() if spec.accepts == "economy"]
CHECKS = len(economy_cases()) + 7


@pytest.mark.parametrize("spec", PLANNERS, ids=lambda spec: spec.name)
def test_planner_conforms(spec: SolverSpec) -> None:
    """Answers that are wrong or loose, plans that change, a limit that is not kept."""
    reason = availability(spec)
    if reason is not None:
        pytest.skip(reason)
    results = check_adapter(spec.name)
    failed = [f"{result.check}: {result.message}" for result in results if not result.passed]
    assert not failed, "\n".join(failed)
    assert len(results) == CHECKS


SPEC = SolverSpec(
    name="honest",
    family="test",
    method="an oracle",
    module="planbench_test_planner",
    packages=(),
    takes=frozenset(("tolerance", "time_limit")),
    accepts="economy",
)
CLAIMS: dict[int, Any] = {0: "optimal", 2: "infeasible", 3: "unbounded"}


def honest(
    problem: Any, spec: SolverSpec, options: SolveOptions, phase: Phase = no_phase
) -> Solution:
    """Plan by scipy's HiGHS."""
    from scipy.optimize import linprog

    if not isinstance(problem, Economy):
        raise InputError("plans economies")
    with phase("load"):
        lp, n = to_linear_program(problem), problem.n_goods
        rows = lp.matrix.toarray()
    with phase("solve"):
        found = linprog(
            -lp.cost,
            A_ub=np.vstack([-rows[:n], rows[n:]]),
            b_ub=np.concatenate([-problem.fixed_demand, problem.endowment]),
            bounds=np.column_stack([lp.col_lower, lp.col_upper]),
            method="highs-ds",
        )
    with phase("extract"):
        solved = found.status == 0
        y = None
        if solved:
            duals = found.ineqlin.marginals
            y = np.concatenate([duals[:n], -duals[n:]])
    return Solution(
        claim=CLAIMS.get(found.status, "unknown"),
        x=found.x if solved else None,
        y=y,
        objective=-found.fun if solved else None,
        native_status=found.message,
        iterations={"simplex": int(found.nit)},
        method_run="dual simplex",
    )


def small_only(economy: Economy) -> str | None:
    return "takes up to 100 goods" if economy.n_goods > 100 else None


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Run the kit on an adapter module made of the given functions; failed checks."""

    def check(spec: SolverSpec = SPEC, **functions: Any) -> list[str]:
        module = ModuleType(spec.module)
        given = {"solve": honest, "refusal": small_only, **functions}
        for name, function in given.items():
            if function is not None:
                setattr(module, name, function)
        monkeypatch.setitem(sys.modules, spec.module, module)
        results = list(run_checks(Adapter(ChosenSolver(spec.name, spec))))
        return [
            f"{result.check}: {result.message}"
            for result in results
            if isinstance(result, CheckResult) and not result.passed
        ]

    return check


def test_honest_planner_passes(failures: Callable[..., list[str]]) -> None:
    """Else what follows shows nothing."""
    assert failures() == []


def lying(change: Callable[[Solution], Solution]) -> Callable[..., Solution]:
    def solve(*arguments: Any) -> Solution:
        return change(honest(*arguments))

    return solve


def test_negated_prices_are_caught(failures: Callable[..., list[str]]) -> None:
    """A claim of optimality rests on prices as much as on the plan."""
    solve = lying(lambda s: s if s.y is None else replace(s, y=0.0 - s.y))
    assert any(line.startswith("three resources: ") for line in failures(solve=solve))


def test_loose_plans_are_caught(failures: Callable[..., list[str]]) -> None:
    """A gap of 1 % that is called optimal at 1e-5."""
    solve = lying(lambda s: s if s.x is None else replace(s, x=0.99 * s.x, objective=None))
    assert any("claims a gap of 1e-05" in line for line in failures(solve=solve))


def test_wrong_claims_are_caught(failures: Callable[..., list[str]]) -> None:
    """An optimum of what has none."""

    def solve(problem: Any, *rest: Any) -> Solution:
        found = honest(problem, *rest)
        if found.x is not None:
            return found
        lp = to_linear_program(problem)
        zeros = np.zeros(lp.n_cols), np.zeros(lp.n_rows)
        return replace(found, claim="optimal", x=zeros[0], y=zeros[1], objective=0.0)

    caught = failures(solve=solve)
    assert any(line.startswith("fixed demand that cannot be met: ") for line in caught)
    assert any(line.startswith("a target that costs nothing: ") for line in caught)


def test_unreasoned_refusals_are_caught(failures: Callable[..., list[str]]) -> None:
    def solve(problem: Any, *rest: Any) -> Solution:
        raise SolverError("")

    caught = failures(solve=solve)
    assert any("refuses without a reason" in line for line in caught)
    assert any(line.startswith("some economy is accepted") for line in caught)


def test_refusal_must_foretell(failures: Callable[..., list[str]]) -> None:
    """It is what suites and people go by before anything is loaded."""
    caught = failures(refusal=lambda economy: "takes nothing")
    assert any("plans what its refusal() refuses" in line for line in caught)

    def picky(problem: Any, *rest: Any) -> Solution:
        if isinstance(problem, Economy) and problem.n_targets > 1:
            raise SolverError("takes one target")
        return honest(problem, *rest)

    caught = failures(solve=picky)
    assert any("refuses what its refusal() lets through" in line for line in caught)


def test_refusal_after_planning_is_caught(failures: Callable[..., list[str]]) -> None:
    def solve(problem: Any, spec: SolverSpec, options: Any, phase: Phase = no_phase) -> Solution:
        with phase("solve"):
            raise SolverError("found no plan")

    caught = failures(solve=solve, refusal=None)
    assert any("refuses only after planning" in line for line in caught)


def test_changed_economy_is_caught(failures: Callable[..., list[str]]) -> None:
    def solve(problem: Any, *rest: Any) -> Solution:
        found = honest(problem, *rest)
        np.multiply(problem.endowment, 2.0, out=problem.endowment)
        return found

    assert any("changes the economy" in line for line in failures(solve=solve))


def test_chance_is_caught(failures: Callable[..., list[str]]) -> None:
    rng = np.random.default_rng(1)
    solve = lying(lambda s: s if s.x is None else replace(s, x=s.x * (1 - 1e-9 * rng.random())))
    assert any(line.startswith("the same plan every time: ") for line in failures(solve=solve))


def test_general_programs_must_be_refused(failures: Callable[..., list[str]]) -> None:
    def solve(problem: Any, *rest: Any) -> Solution:
        if not isinstance(problem, Economy):
            return Solution("unknown", None, None, None, "")
        return honest(problem, *rest)

    caught = failures(solve=solve)
    assert any(line.startswith("a general linear program is refused: ") for line in caught)


def test_late_planner_is_caught(
    failures: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def solve(problem: Any, *rest: Any) -> Solution:
        if isinstance(problem, Economy) and problem.n_goods > 100:
            time.sleep(0.4)
            return Solution("unknown", None, None, None, "")
        return honest(problem, *rest)

    monkeypatch.setattr(conformance, "GRACE", 0.1)
    caught = failures(solve=solve, refusal=None)
    assert any(line.startswith("the time limit is kept: ") for line in caught)
