"""Problems of the conformance kit: linear programs, and economies for planners.

The answers of the programs are known in closed form. The optimum of each economy is found by
scipy's HiGHS when the kit runs; a planner need not accept them all, but what it accepts it must
plan rightly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import SolverError
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy, make_economy
from planbench.model.linear_program import LinearProgram, make_linear_program
from planbench.solvers import scipy_highs
from planbench.solvers.base import SolveOptions

INF = np.inf


@dataclass(frozen=True, eq=False)
class ProgramCase:
    """A linear program and what may be said of it.

    Attributes
    ----------
    name : str
    lp : LinearProgram
    claims : tuple of str
        Claims that are right; a solver that claims nothing ("unknown") is judged elsewhere.
    x, y : ndarray or None
        The unique optimal point and row duals in the stated sense.
    objective : float or None
    may_refuse : bool
        The adapter may instead refuse the program with a SolverError.
    """

    name: str
    lp: LinearProgram
    claims: tuple[str, ...] = ("optimal",)
    x: FloatArray | None = None
    y: FloatArray | None = None
    objective: float | None = None
    may_refuse: bool = False


def _solved(
    name: str,
    x: list[float],
    y: list[float],
    objective: float,
    *,
    may_refuse: bool = False,
    **program: Any,
) -> ProgramCase:
    point, duals = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    lp = make_linear_program(name=name, **program)
    return ProgramCase(name, lp, ("optimal",), point, duals, objective, may_refuse)


def _unsolvable(name: str, *claims: str, **program: Any) -> ProgramCase:
    return ProgramCase(name, make_linear_program(name=name, **program), claims)


def ring(n: int, labour: float = 10.0) -> ProgramCase:
    """One good per activity; each uses half a unit of the next, and one unit of labour.

    A planning program that presolve does not solve.

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
    return _solved(
        f"ring of {n} goods",
        [*[2 * z] * n, z], [*[-2 * w] * n, w], z,
        matrix=matrix, cost=[*[0.0] * n, 1.0], maximise=True,
        row_lower=[*[0.0] * n, -INF], row_upper=[*[INF] * n, labour],
    )  # fmt: skip


def program_cases() -> tuple[ProgramCase, ...]:
    """Every case, solvable ones first."""
    two_by_three: dict[str, Any] = {
        "matrix": [[0, 1, 0], [1, 1, 1]], "row_lower": [1, -INF], "row_upper": [INF, 4],
    }  # fmt: skip
    mixed: dict[str, Any] = {
        "matrix": [[1, 1], [1, -1]], "row_lower": [4, 1], "row_upper": [INF, 1],
    }  # fmt: skip
    return (
        _solved(
            "maximise, ≥ and ≤", [3, 1, 0], [-1, 3], 16,
            cost=[3, 2, 1], maximise=True, offset=5.0, **two_by_three,
        ),
        _solved(
            "minimise, ≥ and ≤", [3, 1, 0], [1, -3], -16,
            cost=[-3, -2, -1], offset=-5.0, **two_by_three,
        ),
        _solved(
            "minimise, ≥ and =", [2.5, 1.5], [2.5, -0.5], 9.5,
            cost=[2, 3], **mixed,
        ),
        _solved(
            "maximise, ≥ and =", [2.5, 1.5], [-2.5, 0.5], -9.5,
            cost=[-2, -3], maximise=True, **mixed,
        ),
        _solved(
            "range at its lower side", [1.5, 0.5], [2], 2.5,
            matrix=[[1, 1]], cost=[1, 2], row_lower=[2], row_upper=[5], col_upper=[1.5, INF],
        ),
        _solved(
            "range at its upper side", [2, 3], [1.5, -0.5], 8,
            matrix=[[1, 1], [1, -1]], cost=[1, 2], maximise=True,
            row_lower=[2, -1], row_upper=[5, 7],
        ),
        _solved(
            "negative bounds", [2, -1], [0], 1,
            matrix=[[1, 1]], cost=[1, 1], maximise=True, row_lower=[-INF], row_upper=[10],
            col_lower=[-INF, -3], col_upper=[2, -1],
        ),
        _solved(
            "free columns", [-2, -1], [1.5, 0.5], -5,
            matrix=[[1, 1], [1, -1]], cost=[2, 1], row_lower=[-3, -1], row_upper=[INF, INF],
            col_lower=[-INF, -INF],
        ),
        _solved(
            "fixed column", [2, 3], [1], 5,
            matrix=[[1, 1]], cost=[1, 1], row_lower=[5], row_upper=[INF],
            col_lower=[2, 0], col_upper=[2, INF],
        ),
        _solved(
            "empty row, free row, empty column", [1, 2, 0], [1, 0, 0], 3,
            matrix=[[1, 0, 0], [0, 0, 0], [1, 0, 0]], cost=[1, 1, 0],
            row_lower=[1, -1, -INF], row_upper=[INF, 1, INF],
            col_lower=[0, 2, 0], col_upper=[INF, 9, 0],
        ),
        _solved(
            "no rows", [0, 5], [], -2,
            matrix=np.zeros((0, 2)), cost=[1, -1], offset=3.0, row_lower=[], row_upper=[],
            col_upper=[5, 5],
        ),
        _solved(
            "no columns", [], [0], 3,
            matrix=np.zeros((1, 0)), cost=[], offset=3.0, row_lower=[-1], row_upper=[1],
        ),
        # A solver that drops it in silence answers 1e12.
        _solved(
            "coefficient of 5e-10", [2e9], [2e9], 2e9, may_refuse=True,
            matrix=[[5e-10]], cost=[1], maximise=True, row_lower=[-INF], row_upper=[1],
            col_upper=[1e12],
        ),
        ring(60),
        _unsolvable(
            "infeasible", "infeasible", "infeasible-or-unbounded",
            matrix=[[1, 1], [1, 1]], cost=[1, 1], maximise=True,
            row_lower=[5, -INF], row_upper=[INF, 3],
        ),
        # 0 is feasible.
        _unsolvable(
            "unbounded", "unbounded", "infeasible-or-unbounded",
            matrix=[[1, -1]], cost=[1, 1], maximise=True, row_lower=[-INF], row_upper=[3],
        ),
        _unsolvable(
            "infeasible, and so is the dual", "infeasible", "infeasible-or-unbounded",
            matrix=[[1, -1], [1, -1]], cost=[1, 0], maximise=True,
            row_lower=[2, -INF], row_upper=[INF, 1],
        ),
        _unsolvable(
            "column bounds cross", "infeasible",
            matrix=[[1.0]], cost=[1], row_lower=[0], row_upper=[3], col_lower=[2], col_upper=[1],
        ),
        _unsolvable(
            "row bounds cross", "infeasible",
            matrix=[[1.0]], cost=[1], row_lower=[3], row_upper=[1],
        ),
        _unsolvable(
            "empty row excludes zero", "infeasible",
            matrix=np.zeros((1, 1)), cost=[1], row_lower=[1], row_upper=[2],
        ),
    )  # fmt: skip


# -- economies -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class EconomyCase:
    """An economy to be planned.

    Attributes
    ----------
    name : str
    economy : Economy
    ends : {"optimum", "infeasible", "unbounded"}
    """

    name: str
    economy: Economy
    ends: str = "optimum"


def random_economy(
    goods: int = 12, techniques: int = 2, resources: int = 3, seed: int = 1, **parts: Any
) -> Economy:
    """Random productive economy in which every activity uses some of the first resource.

    Parameters
    ----------
    goods, techniques, resources, seed : int
    **parts
        Fields of the economy to put in place of the drawn ones.
    """
    rng = np.random.default_rng(seed)
    m = goods * techniques
    inputs = rng.random((goods, m)) * (rng.random((goods, m)) < 4 / goods)
    inputs *= 0.6 * rng.random(m) / np.maximum(inputs.sum(axis=0), 1e-9)
    use = rng.uniform(0.1, 1.0, (resources, m)) * (rng.random((resources, m)) < 0.7)
    use[0] += 0.05
    drawn: dict[str, Any] = {
        "inputs": inputs,
        "outputs": np.tile(np.eye(goods), techniques),
        "resource_use": use,
        "endowment": rng.uniform(10.0, 20.0, resources),
        "assortment": rng.uniform(0.5, 1.5, goods),
    }
    return make_economy(**{**drawn, **parts})


def economy_cases() -> tuple[EconomyCase, ...]:
    """Every case; the first ones are accepted by most planners."""
    n = 30
    ring_of_goods = make_economy(
        inputs=np.roll(np.eye(n), 1, axis=0) * 0.5,
        outputs=np.eye(n),
        resource_use=np.ones((1, n)),
        endowment=[10.0],
        assortment=np.ones(n),
    )
    costless = make_economy(
        inputs=np.zeros((2, 2)),
        outputs=np.eye(2),
        resource_use=[[0.0, 1.0]],
        endowment=[1.0],
        assortment=[1.0, 0.0],
    )
    base = random_economy()
    inputs, outputs, use = (m.toarray() for m in (base.inputs, base.outputs, base.resource_use))
    unit = 10.0 ** np.random.default_rng(2).integers(-4, 5, 12)[:, None]
    rng = np.random.default_rng(4)
    by_products = outputs.copy()
    by_products[rng.integers(0, 12, 6), rng.integers(0, 24, 6)] += 0.2
    capacity = np.where(rng.random(24) < 0.4, rng.uniform(0.5, 3.0, 24), np.inf)
    targets = rng.uniform(0.5, 1.5, (12, 3)) * (rng.random((12, 3)) < 0.7)
    demand, stocks = 0.2 * rng.random(12), -rng.random(12) * (rng.random(12) < 0.5)
    # Of the last resource there is none, and only half of the activities do without; or nobody
    # uses it. Of the second good nobody makes any.
    none_of, idle, lost, needs = use.copy(), use.copy(), outputs.copy(), inputs.copy()
    none_of[2, :12], idle[2], needs[1] = 0.0, 0.0, 0.0
    lost[1, [1, 13]], lost[2, [1, 13]] = 0.0, 1.0
    two = np.zeros((12, 2))
    two[2:8, 0], two[:2, 1] = 1.0, 1.0
    economies = {
        "ring of goods, one resource": ring_of_goods,
        "one resource": random_economy(resources=1, techniques=3),
        "three resources": base,
        "units of all sizes": random_economy(
            inputs=inputs * unit, outputs=outputs * unit, assortment=base.assortment * unit
        ),
        "three targets": random_economy(assortment=targets, weights=[1.0, 2.0, 0.5]),
        "fixed demand": random_economy(fixed_demand=demand),
        "stocks": random_economy(fixed_demand=stocks),
        "by-products": random_economy(outputs=by_products),
        "capacities": random_economy(capacity=capacity),
        "every technique twice": random_economy(
            inputs=np.tile(inputs[:, :12], 2), resource_use=np.tile(use[:, :12], 2)
        ),
        "a resource there is none of": random_economy(
            resource_use=none_of, endowment=[15.0, 12.0, 0.0]
        ),
        "a resource nobody uses and goods nobody wants": random_economy(
            resource_use=idle, assortment=[1.0, 1.0, *[0.0] * 10]
        ),
        "a target out of reach": random_economy(outputs=lost, inputs=needs, assortment=two),
        "nothing can be made": random_economy(endowment=[0.0, 0.0, 0.0]),
        "fixed demand that cannot be met": random_economy(fixed_demand=np.full(12, 1e3)),
        "a target that costs nothing": costless,
    }
    ends = {
        "fixed demand that cannot be met": "infeasible",
        "a target that costs nothing": "unbounded",
    }
    return tuple(EconomyCase(k, e, ends.get(k, "optimum")) for k, e in economies.items())


def optimum_of(economy: Economy) -> float:
    """Optimum by scipy's HiGHS.

    Raises
    ------
    SolverError
        If HiGHS finds none.
    """
    found = scipy_highs.solve(economy, scipy_highs.SOLVERS[0], SolveOptions())
    if found.claim != "optimal" or found.objective is None:
        raise SolverError(f"HiGHS finds no optimum of {economy.name}: {found.native_status}")
    return found.objective
