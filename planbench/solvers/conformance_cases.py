"""Problems of the conformance kit: linear programs, and economies for planners.

The answers of the programs are known in closed form. The optimum of each economy is found by
scipy's HiGHS when the kit runs; a planner need not accept them all, but what it accepts it must
plan rightly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from planbench.errors import SolverError
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy, make_economy
from planbench.model.linear_program import LinearProgram, make_linear_program
from planbench.model.planning_lp import to_linear_program
from planbench.solvers.base import Claim

INF = np.inf
#: Times the endowments after the change that a plan is carried over.
CHANGE = (0.9, 1.05, 0.97)

_INFEASIBLE: frozenset[Claim] = frozenset({"infeasible", "infeasible-or-unbounded"})
_UNBOUNDED: frozenset[Claim] = frozenset({"unbounded", "infeasible-or-unbounded"})


@dataclass(frozen=True, eq=False)
class ProgramCase:
    """A linear program and what may be said of it.

    Attributes
    ----------
    name : str
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
    lp: LinearProgram
    claims: frozenset[Claim]
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
    return ProgramCase(
        name,
        make_linear_program(name=name, **program),
        frozenset({"optimal"}),
        np.array(x, dtype=np.float64),
        np.array(y, dtype=np.float64),
        objective,
        may_refuse,
    )


def _unsolvable(name: str, claims: frozenset[Claim], **program: Any) -> ProgramCase:
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
    return ProgramCase(
        f"ring of {n} goods",
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


def program_cases() -> tuple[ProgramCase, ...]:
    """Every case, solvable ones first."""
    return (*_duals(), *_shapes(), ring(60), *_programs_without_optimum())


def _duals() -> tuple[ProgramCase, ...]:
    two_by_three: dict[str, Any] = {
        "matrix": [[0, 1, 0], [1, 1, 1]], "row_lower": [1, -INF], "row_upper": [INF, 4],
    }  # fmt: skip
    mixed: dict[str, Any] = {
        "matrix": [[1, 1], [1, -1]], "row_lower": [4, 1], "row_upper": [INF, 1],
    }  # fmt: skip
    return (
        _solved(
            "maximise, ≥ and ≤",
            [3, 1, 0], [-1, 3], 16,
            cost=[3, 2, 1], maximise=True, offset=5.0, **two_by_three,
        ),
        _solved(
            "minimise, ≥ and ≤",
            [3, 1, 0], [1, -3], -16,
            cost=[-3, -2, -1], offset=-5.0, **two_by_three,
        ),
        _solved(
            "minimise, ≥ and =",
            [2.5, 1.5], [2.5, -0.5], 9.5,
            cost=[2, 3], **mixed,
        ),
        _solved(
            "maximise, ≥ and =",
            [2.5, 1.5], [-2.5, 0.5], -9.5,
            cost=[-2, -3], maximise=True, **mixed,
        ),
        _solved(
            "range at its lower side",
            [1.5, 0.5], [2], 2.5,
            matrix=[[1, 1]], cost=[1, 2], row_lower=[2], row_upper=[5], col_upper=[1.5, INF],
        ),
        _solved(
            "range at its upper side",
            [2, 3], [1.5, -0.5], 8,
            matrix=[[1, 1], [1, -1]], cost=[1, 2], maximise=True,
            row_lower=[2, -1], row_upper=[5, 7],
        ),
    )  # fmt: skip


def _shapes() -> tuple[ProgramCase, ...]:
    return (
        _solved(
            "negative bounds",
            [2, -1], [0], 1,
            matrix=[[1, 1]], cost=[1, 1], maximise=True, row_lower=[-INF], row_upper=[10],
            col_lower=[-INF, -3], col_upper=[2, -1],
        ),
        _solved(
            "free columns",
            [-2, -1], [1.5, 0.5], -5,
            matrix=[[1, 1], [1, -1]], cost=[2, 1], row_lower=[-3, -1], row_upper=[INF, INF],
            col_lower=[-INF, -INF],
        ),
        _solved(
            "fixed column",
            [2, 3], [1], 5,
            matrix=[[1, 1]], cost=[1, 1], row_lower=[5], row_upper=[INF],
            col_lower=[2, 0], col_upper=[2, INF],
        ),
        _solved(
            "empty row, free row, empty column",
            [1, 2, 0], [1, 0, 0], 3,
            matrix=[[1, 0, 0], [0, 0, 0], [1, 0, 0]], cost=[1, 1, 0],
            row_lower=[1, -1, -INF], row_upper=[INF, 1, INF],
            col_lower=[0, 2, 0], col_upper=[INF, 9, 0],
        ),
        _solved(
            "no rows",
            [0, 5], [], -2,
            matrix=np.zeros((0, 2)), cost=[1, -1], offset=3.0, row_lower=[], row_upper=[],
            col_upper=[5, 5],
        ),
        _solved(
            "no columns",
            [], [0], 3,
            matrix=np.zeros((1, 0)), cost=[], offset=3.0, row_lower=[-1], row_upper=[1],
        ),
        # A solver that drops it in silence answers 1e12.
        _solved(
            "coefficient of 5e-10",
            [2e9], [2e9], 2e9,
            may_refuse=True,
            matrix=[[5e-10]], cost=[1], maximise=True, row_lower=[-INF], row_upper=[1],
            col_upper=[1e12],
        ),
    )  # fmt: skip


def _programs_without_optimum() -> tuple[ProgramCase, ...]:
    only_infeasible: frozenset[Claim] = frozenset({"infeasible"})
    return (
        _unsolvable(
            "infeasible", _INFEASIBLE,
            matrix=[[1, 1], [1, 1]], cost=[1, 1], maximise=True,
            row_lower=[5, -INF], row_upper=[INF, 3],
        ),
        _unsolvable(
            "unbounded",
            _UNBOUNDED,
            matrix=[[1, -1]], cost=[1, 1], maximise=True, row_lower=[-INF], row_upper=[3],
        ),
        _unsolvable(
            "infeasible, and so is the dual",
            _INFEASIBLE,
            matrix=[[1, -1], [1, -1]], cost=[1, 0], maximise=True,
            row_lower=[2, -INF], row_upper=[INF, 1],
        ),
        _unsolvable(
            "column bounds cross", only_infeasible,
            matrix=[[1.0]], cost=[1], row_lower=[0], row_upper=[3],
            col_lower=[2], col_upper=[1],
        ),
        _unsolvable(
            "row bounds cross", only_infeasible,
            matrix=[[1.0]], cost=[1], row_lower=[3], row_upper=[1],
        ),
        _unsolvable(
            "empty row excludes zero", only_infeasible,
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
    return (*_plain(), *_general(), *_degenerate(), *_economies_without_optimum())


def _plain() -> tuple[EconomyCase, ...]:
    n = 30
    ring = np.roll(np.eye(n), 1, axis=0) * 0.5
    return (
        EconomyCase(
            "ring of goods, one resource",
            make_economy(
                inputs=ring, outputs=np.eye(n), resource_use=np.ones((1, n)),
                endowment=[10.0], assortment=np.ones(n),
            ),
        ),
        EconomyCase(
            "one resource",
            random_economy(resources=1, techniques=3),
        ),
        EconomyCase(
            "three resources", random_economy()
        ),
        EconomyCase(
            "units of all sizes",
            _in_other_units(random_economy()),
        ),
    )  # fmt: skip


def _in_other_units(economy: Economy) -> Economy:
    """Return the same economy with goods measured in units from 10⁻⁴ to 10⁴ of the old."""
    powers = np.random.default_rng(2).integers(-4, 5, economy.n_goods)
    unit = 10.0 ** powers.astype(np.float64)
    return make_economy(
        inputs=economy.inputs.toarray() * unit[:, None],
        outputs=economy.outputs.toarray() * unit[:, None],
        resource_use=economy.resource_use,
        endowment=economy.endowment,
        assortment=economy.assortment.toarray() * unit[:, None],
    )


def _general() -> tuple[EconomyCase, ...]:
    rng = np.random.default_rng(4)
    goods, m = 12, 24
    by_products = np.tile(np.eye(goods), 2)
    by_products[rng.integers(0, goods, 6), rng.integers(0, m, 6)] += 0.2
    capacity = np.where(rng.random(m) < 0.4, rng.uniform(0.5, 3.0, m), np.inf)
    return (
        EconomyCase(
            "three targets",
            random_economy(
                assortment=rng.uniform(0.5, 1.5, (goods, 3)) * (rng.random((goods, 3)) < 0.7),
                weights=[1.0, 2.0, 0.5],
            ),
        ),
        EconomyCase(
            "fixed demand",
            random_economy(fixed_demand=0.2 * rng.random(goods)),
        ),
        EconomyCase(
            "stocks",
            random_economy(fixed_demand=-rng.random(goods) * (rng.random(goods) < 0.5)),
        ),
        EconomyCase(
            "by-products",
            random_economy(outputs=by_products),
        ),
        EconomyCase(
            "capacities", random_economy(capacity=capacity)
        ),
    )  # fmt: skip


def _degenerate() -> tuple[EconomyCase, ...]:
    base = random_economy()
    use = base.resource_use.toarray()
    none_of = use.copy()
    none_of[2, :12] = 0.0
    idle = use.copy()
    idle[2] = 0.0
    few = np.zeros(12)
    few[:2] = 1.0
    lost = base.outputs.toarray()
    lost[1, [1, 13]], lost[2, [1, 13]] = 0.0, 1.0
    needs = base.inputs.toarray()
    needs[1, :] = 0.0
    two = np.zeros((12, 2))
    two[2:8, 0], two[:2, 1] = 1.0, 1.0
    return (
        EconomyCase(
            "every technique twice",
            random_economy(
                techniques=2,
                inputs=np.tile(base.inputs.toarray()[:, :12], 2),
                resource_use=np.tile(use[:, :12], 2),
            ),
        ),
        EconomyCase(
            "a resource there is none of",
            random_economy(resource_use=none_of, endowment=[15.0, 12.0, 0.0]),
        ),
        EconomyCase(
            "a resource nobody uses and goods nobody wants",
            random_economy(resource_use=idle, assortment=few),
        ),
        EconomyCase(
            "a target out of reach",
            random_economy(outputs=lost, inputs=needs, assortment=two),
        ),
        EconomyCase(
            "nothing can be made",
            random_economy(endowment=[0.0, 0.0, 0.0]),
        ),
    )  # fmt: skip


def _economies_without_optimum() -> tuple[EconomyCase, ...]:
    return (
        EconomyCase(
            "fixed demand that cannot be met",
            random_economy(fixed_demand=np.full(12, 1e3)), "infeasible",
        ),
        EconomyCase(
            "a target that costs nothing",
            make_economy(
                inputs=np.zeros((2, 2)), outputs=np.eye(2), resource_use=[[0.0, 1.0]],
                endowment=[1.0], assortment=[1.0, 0.0],
            ),
            "unbounded",
        ),
    )  # fmt: skip


def with_changed_endowments(economy: Economy) -> Economy:
    """Return the economy after a change of what there is of each resource."""
    factor = np.resize(np.array(CHANGE), economy.n_resources)
    return replace(economy, endowment=economy.endowment * factor)


def optimum_of(economy: Economy) -> float:
    """Optimum by scipy's HiGHS.

    Raises
    ------
    SolverError
        If HiGHS finds none.
    """
    lp, goods = to_linear_program(economy), economy.n_goods
    rows = lp.matrix.toarray()
    found = linprog(
        -lp.cost,
        A_ub=np.vstack([-rows[:goods], rows[goods:]]),
        b_ub=np.concatenate([-economy.fixed_demand, economy.endowment]),
        bounds=np.column_stack([lp.col_lower, lp.col_upper]),
        method="highs-ds",
    )
    if found.status != 0:
        raise SolverError(f"HiGHS finds no optimum of {economy.name}: {found.message}")
    return float(-found.fun)
