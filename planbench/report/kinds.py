"""What kind of thing a solver is: a planner that takes the economy, or a general LP code."""

from __future__ import annotations

from functools import cache

from planbench.report.cells import Cell


@cache
def planners() -> frozenset[str]:
    """Names of the solvers that are handed the economy instead of the linear program."""
    from planbench.solvers.registry import list_solvers

    return frozenset(spec.name for spec in list_solvers() if spec.accepts == "economy")


def is_planner(solver: str) -> bool:
    """Whether it is handed the economy instead of the linear program."""
    return solver.split(":")[0] in planners()


@cache
def interior_point() -> frozenset[str]:
    """Names of the solvers whose method is an interior-point one."""
    from planbench.solvers.registry import list_solvers

    return frozenset(spec.name for spec in list_solvers() if "interior point" in spec.method)


def is_interior_point(solver: str) -> bool:
    """Whether it solves by an interior-point method."""
    return solver.split(":")[0] in interior_point()


def not_applicable(cell: Cell) -> bool:
    """Whether a planner said that it plans no such economy.

    A general solver takes any linear program, so its refusal (of coefficients it would drop, of
    an option, of a method it did not run) is a failure like any other.
    """
    return cell.status == "refused" and is_planner(cell.solver)
