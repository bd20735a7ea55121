"""Sizes after presolve are read from the logs of each solver's code."""

from __future__ import annotations

import pytest

from planbench.solvers.logs import presolved_size

HIGHS = "Presolving model\nPresolve reductions: rows 60(-10); columns 87(-10); nonzeros 291(-9) \n"
FILLED = "Presolve reductions: rows 5(-1); columns 9(-2); nonzeros 40(+3) - Not reduced\n"
GONE = "Presolve reductions: rows 0(-3); columns 0(-4); nonzeros 0(-9) - Reduced to empty\n"
CBC = "Clp0\nPresolve 61 (-9) rows, 88 (-9) columns and 264 (-36) elements\nOptimal\n"
GLOP = "Presolved problem: 70 rows, 97 columns, 300 entries with magnitude in [1.7e-02, 1.0]\n"


@pytest.mark.parametrize(
    ("log", "size"),
    [
        (HIGHS, (60, 87, 291)),
        (HIGHS + FILLED, (5, 9, 40)),
        (GONE, (0, 0, 0)),
        (CBC, (61, 88, 264)),
        (GLOP, (70, 97, 300)),
    ],
)
def test_sizes_are_read(log: str, size: tuple[int, int, int]) -> None:
    assert tuple(presolved_size(log).values()) == size
    assert list(presolved_size(log)) == ["rows", "columns", "nonzeros"]


@pytest.mark.parametrize("log", ["", "Not presolved: solving the LP\n", "Presolve 0.00\n"])
def test_what_is_not_told_is_empty(log: str) -> None:
    assert presolved_size(log) == {}


@pytest.mark.parametrize("name", ["highs-ds", "scipy-highs-ds", "cbc-mps", "glop"])
def test_adapters_hand_on_what_presolve_left(name: str) -> None:
    """The gate compares sizes after presolve: a solver that presolves less must show."""
    from planbench.bench.request import Conditions, make_request
    from planbench.bench.single import solve_once
    from planbench.catalogue.resolve import load_instance
    from planbench.solvers.base import SolveOptions
    from planbench.solvers.registry import availability, find_solver

    reason = availability(find_solver(name).spec)
    if reason is not None:
        pytest.skip(reason)
    instance = load_instance("cockshott-five-year")
    request = make_request(instance, name, SolveOptions(), Conditions(20.0, 1 << 30))
    row = solve_once(request).record
    assert set(row.presolved) == {"rows", "columns", "nonzeros"}
    assert 0 < row.presolved["rows"] <= instance.lp.n_rows
    assert 0 < row.presolved["columns"] <= instance.lp.n_cols
