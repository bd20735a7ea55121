"""Small linear programs whose answers are known in closed form, and one of any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.model.arrays import FloatArray
from planbench.model.linear_program import LinearProgram, make_linear_program
from planbench.solvers.base import Claim

INF = np.inf

_INFEASIBLE: frozenset[Claim] = frozenset({"infeasible", "infeasible-or-unbounded"})
_UNBOUNDED: frozenset[Claim] = frozenset({"unbounded", "infeasible-or-unbounded"})


@dataclass(frozen=True, eq=False)
class Case:
    """A program and what may be said of it.

    Attributes
    ----------
    name : str
    shows : str
        What an adapter gets wrong that fails it.
    lp : LinearProgram
    claims : frozenset of Claim
        Claims that are right; a solver that claims nothing ("unknown") is judged elsewhere.
    x, y : ndarray or None
        The unique optimal point and row duals in the stated sense.
    objective : float or None
    may_refuse : bool
        The adapter may instead refuse the program with a SolverError.
    """

    name: str
    shows: str
    lp: LinearProgram
    claims: frozenset[Claim]
    x: FloatArray | None = None
    y: FloatArray | None = None
    objective: float | None = None
    may_refuse: bool = False


def _solved(
    name: str,
    shows: str,
    x: list[float],
    y: list[float],
    objective: float,
    *,
    may_refuse: bool = False,
    **program: Any,
) -> Case:
    return Case(
        name,
        shows,
        make_linear_program(name=name, **program),
        frozenset({"optimal"}),
        np.array(x, dtype=np.float64),
        np.array(y, dtype=np.float64),
        objective,
        may_refuse,
    )


def _unsolvable(name: str, shows: str, claims: frozenset[Claim], **program: Any) -> Case:
    return Case(name, shows, make_linear_program(name=name, **program), claims)


def ring(n: int, labour: float = 10.0) -> Case:
    """One good per activity; each uses half a unit of the next, and one unit of labour.

    (I − A)x = z·1 gives x = 2z, labour 2zn ≤ r gives z = r/2n; prices are p = 2w and
    D'p = 1 gives w = 1/2n.
    """
    step = sp.csc_array((np.full(n, 0.5), ((np.arange(n) + 1) % n, np.arange(n))), shape=(n, n))
    matrix = sp.block_array(
        [
            [sp.eye_array(n) - step, sp.csc_array(-np.ones((n, 1)))],
            [sp.csc_array(np.ones((1, n))), None],
        ],
        format="csc",
    )
    z, w = labour / (2 * n), 1 / (2 * n)
    return Case(
        f"ring of {n} goods",
        "a planning program that presolve does not solve",
        make_linear_program(
            matrix=matrix,
            cost=np.append(np.zeros(n), 1.0),
            row_lower=np.append(np.zeros(n), -INF),
            row_upper=np.append(np.full(n, INF), labour),
            maximise=True,
            name="ring",
        ),
        frozenset({"optimal"}),
        np.append(np.full(n, 2 * z), z),
        np.append(np.full(n, -2 * w), w),
        z,
    )


def cases() -> tuple[Case, ...]:
    """Every case, solvable ones first."""
    return (*_duals(), *_shapes(), ring(60), *_without_optimum())


def _duals() -> tuple[Case, ...]:
    two_by_three: dict[str, Any] = {
        "matrix": [[0, 1, 0], [1, 1, 1]],
        "row_lower": [1, -INF],
        "row_upper": [INF, 4],
    }
    mixed: dict[str, Any] = {
        "matrix": [[1, 1], [1, -1]],
        "row_lower": [4, 1],
        "row_upper": [INF, 1],
    }
    return (
        _solved(
            "maximise, ≥ and ≤",
            "signs of duals when maximising, and the constant",
            [3, 1, 0],
            [-1, 3],
            16,
            cost=[3, 2, 1],
            maximise=True,
            offset=5.0,
            **two_by_three,
        ),
        _solved(
            "minimise, ≥ and ≤",
            "signs of duals when minimising, and the constant",
            [3, 1, 0],
            [1, -3],
            -16,
            cost=[-3, -2, -1],
            offset=-5.0,
            **two_by_three,
        ),
        _solved(
            "minimise, ≥ and =",
            "dual of an equation",
            [2.5, 1.5],
            [2.5, -0.5],
            9.5,
            cost=[2, 3],
            **mixed,
        ),
        _solved(
            "maximise, ≥ and =",
            "dual of an equation when maximising",
            [2.5, 1.5],
            [-2.5, 0.5],
            -9.5,
            cost=[-2, -3],
            maximise=True,
            **mixed,
        ),
        _solved(
            "range at its lower side",
            "ranges and their duals",
            [1.5, 0.5],
            [2],
            2.5,
            matrix=[[1, 1]],
            cost=[1, 2],
            row_lower=[2],
            row_upper=[5],
            col_upper=[1.5, INF],
        ),
        _solved(
            "range at its upper side",
            "ranges and their duals when maximising",
            [2, 3],
            [1.5, -0.5],
            8,
            matrix=[[1, 1], [1, -1]],
            cost=[1, 2],
            row_lower=[2, -1],
            row_upper=[5, 7],
            maximise=True,
        ),
    )


def _shapes() -> tuple[Case, ...]:
    return (
        _solved(
            "negative bounds",
            "column bounds below zero",
            [2, -1],
            [0],
            1,
            matrix=[[1, 1]],
            cost=[1, 1],
            row_lower=[-INF],
            row_upper=[10],
            col_lower=[-INF, -3],
            col_upper=[2, -1],
            maximise=True,
        ),
        _solved(
            "free columns",
            "columns without bounds",
            [-2, -1],
            [1.5, 0.5],
            -5,
            matrix=[[1, 1], [1, -1]],
            cost=[2, 1],
            row_lower=[-3, -1],
            row_upper=[INF, INF],
            col_lower=[-INF, -INF],
        ),
        _solved(
            "fixed column",
            "columns with equal bounds",
            [2, 3],
            [1],
            5,
            matrix=[[1, 1]],
            cost=[1, 1],
            row_lower=[5],
            row_upper=[INF],
            col_lower=[2, 0],
            col_upper=[2, INF],
        ),
        _solved(
            "empty row, free row, empty column",
            "rows and columns without coefficients or bounds",
            [1, 2, 0],
            [1, 0, 0],
            3,
            matrix=[[1, 0, 0], [0, 0, 0], [1, 0, 0]],
            cost=[1, 1, 0],
            row_lower=[1, -1, -INF],
            row_upper=[INF, 1, INF],
            col_lower=[0, 2, 0],
            col_upper=[INF, 9, 0],
        ),
        _solved(
            "no rows",
            "programs without rows",
            [0, 5],
            [],
            -2,
            matrix=np.zeros((0, 2)),
            cost=[1, -1],
            row_lower=[],
            row_upper=[],
            col_upper=[5, 5],
            offset=3.0,
        ),
        _solved(
            "no columns",
            "programs without columns",
            [],
            [0],
            3,
            matrix=np.zeros((1, 0)),
            cost=[],
            row_lower=[-1],
            row_upper=[1],
            offset=3.0,
        ),
        _solved(
            "coefficient of 5e-10",
            "coefficients that are dropped in silence (then the answer is 1e12)",
            [2e9],
            [2e9],
            2e9,
            may_refuse=True,
            matrix=[[5e-10]],
            cost=[1],
            row_lower=[-INF],
            row_upper=[1],
            col_upper=[1e12],
            maximise=True,
        ),
    )


def _without_optimum() -> tuple[Case, ...]:
    only_infeasible: frozenset[Claim] = frozenset({"infeasible"})
    return (
        _unsolvable(
            "infeasible",
            "programs without a feasible point",
            _INFEASIBLE,
            matrix=[[1, 1], [1, 1]],
            cost=[1, 1],
            row_lower=[5, -INF],
            row_upper=[INF, 3],
            maximise=True,
        ),
        _unsolvable(
            "unbounded",
            "programs without a finite optimum, called infeasible by some",
            _UNBOUNDED,
            matrix=[[1, -1]],
            cost=[1, 1],
            row_lower=[-INF],
            row_upper=[3],
            maximise=True,
        ),
        _unsolvable(
            "infeasible, and so is the dual",
            "programs whose dual has no feasible point either, called unbounded by some",
            _INFEASIBLE,
            matrix=[[1, -1], [1, -1]],
            cost=[1, 0],
            row_lower=[2, -INF],
            row_upper=[INF, 1],
            maximise=True,
        ),
        _unsolvable(
            "column bounds cross",
            "lower bounds above upper bounds",
            only_infeasible,
            matrix=[[1.0]],
            cost=[1],
            row_lower=[0],
            row_upper=[3],
            col_lower=[2],
            col_upper=[1],
        ),
        _unsolvable(
            "row bounds cross",
            "rows whose lower side is above the upper",
            only_infeasible,
            matrix=[[1.0]],
            cost=[1],
            row_lower=[3],
            row_upper=[1],
        ),
        _unsolvable(
            "empty row excludes zero",
            "violated rows without coefficients",
            only_infeasible,
            matrix=np.zeros((1, 1)),
            cost=[1],
            row_lower=[1],
            row_upper=[2],
        ),
    )
