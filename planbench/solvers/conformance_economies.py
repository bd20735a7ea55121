"""Small economies of every kind, for the conformance kit of planners.

A planner need not accept them all; what it accepts it must plan rightly. The optimum of each
is found by scipy's HiGHS when the kit runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from planbench.errors import SolverError
from planbench.model.economy import Economy, make_economy
from planbench.model.planning_lp import to_linear_program

#: Times the endowments after the change that a plan is carried over.
CHANGE = (0.9, 1.05, 0.97)


@dataclass(frozen=True, eq=False)
class EconomyCase:
    """An economy and what a planner gets wrong that fails it.

    Attributes
    ----------
    name, shows : str
    economy : Economy
    ends : {"optimum", "infeasible", "unbounded"}
    """

    name: str
    shows: str
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
    return (*_plain(), *_general(), *_degenerate(), *_without_optimum())


def _plain() -> tuple[EconomyCase, ...]:
    n = 30
    ring = np.roll(np.eye(n), 1, axis=0) * 0.5
    return (
        EconomyCase(
            "ring of goods, one resource",
            "prices and outputs that go round (x = 2z, z = r/2n)",
            make_economy(
                inputs=ring, outputs=np.eye(n), resource_use=np.ones((1, n)),
                endowment=[10.0], assortment=np.ones(n),
            ),
        ),
        EconomyCase(
            "one resource",
            "choice of techniques by price alone",
            random_economy(resources=1, techniques=3),
        ),
        EconomyCase(
            "three resources", "rents of several resources, mixed techniques", random_economy()
        ),
        EconomyCase(
            "units of all sizes",
            "goods measured in grams and in megatons",
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
            "targets that share resources by their weights",
            random_economy(
                assortment=rng.uniform(0.5, 1.5, (goods, 3)) * (rng.random((goods, 3)) < 0.7),
                weights=[1.0, 2.0, 0.5],
            ),
        ),
        EconomyCase(
            "fixed demand", "final use that must be met whatever the rest",
            random_economy(fixed_demand=0.2 * rng.random(goods)),
        ),
        EconomyCase(
            "stocks", "goods there are at the start",
            random_economy(fixed_demand=-rng.random(goods) * (rng.random(goods) < 0.5)),
        ),
        EconomyCase(
            "by-products", "activities that make several goods",
            random_economy(outputs=by_products),
        ),
        EconomyCase(
            "capacities", "activities with an upper limit", random_economy(capacity=capacity)
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
            "every technique twice", "ties between techniques",
            random_economy(
                techniques=2,
                inputs=np.tile(base.inputs.toarray()[:, :12], 2),
                resource_use=np.tile(use[:, :12], 2),
            ),
        ),
        EconomyCase(
            "a resource there is none of", "activities that cannot run",
            random_economy(resource_use=none_of, endowment=[15.0, 12.0, 0.0]),
        ),
        EconomyCase(
            "a resource nobody uses and goods nobody wants", "rows without entries, rents of 0",
            random_economy(resource_use=idle, assortment=few),
        ),
        EconomyCase(
            "a target out of reach", "a good that nobody makes",
            random_economy(outputs=lost, inputs=needs, assortment=two),
        ),
        EconomyCase(
            "nothing can be made", "an optimum of 0",
            random_economy(endowment=[0.0, 0.0, 0.0]),
        ),
    )  # fmt: skip


def _without_optimum() -> tuple[EconomyCase, ...]:
    return (
        EconomyCase(
            "fixed demand that cannot be met", "a claim of infeasibility without proof",
            random_economy(fixed_demand=np.full(12, 1e3)), "infeasible",
        ),
        EconomyCase(
            "a target that costs nothing", "plans without end",
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
    return make_economy(
        inputs=economy.inputs,
        outputs=economy.outputs,
        resource_use=economy.resource_use,
        endowment=economy.endowment * factor,
        assortment=economy.assortment,
        capacity=economy.capacity,
        fixed_demand=economy.fixed_demand,
        weights=economy.weights,
    )


def optimum_of(economy: Economy) -> float:
    """Optimum by scipy's HiGHS.

    Raises
    ------
    SolverError
        If HiGHS finds none.
    """
    from scipy.optimize import linprog

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
