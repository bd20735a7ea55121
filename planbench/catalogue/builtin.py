"""The instances that ship with planbench, by name.

Among them are Leontief economies: one technique per good and one resource, solved in closed form.

With inputs A, labour l, assortment d and L hours of labour (Leontief 1941; Gale 1960, ch. 9)

    x = z (I − A)⁻¹ d,    p = w l (I − A)⁻¹,    z = L / (l (I − A)⁻¹ d),    w = z / L,

which iteration gives at any size: an oracle for every solver.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from planbench.catalogue.golden import golden_cases
from planbench.catalogue.instance import Instance
from planbench.errors import InputError
from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.plan import Plan
from planbench.model.products import dot, total_requirements
from planbench.tables.folder import economy_of_table, read_table, table_names, tables_folder


def three_goods() -> Economy:
    """Build a Leontief economy of three goods, small enough to be solved by hand."""
    return make_economy(
        inputs=[[0.25, 0.25, 0.0], [0.25, 0.0, 0.5], [0.0, 0.25, 0.25]],
        outputs=np.eye(3),
        resource_use=[[0.5, 0.25, 1.0]],
        endowment=[100.0],
        assortment=np.array([4.0, 2.0, 1.0]),
        goods=["grain", "tools", "cloth"],
        activities=["grow grain", "make tools", "weave cloth"],
        resources=["labour"],
        targets=["assortment"],
        name="leontief-3",
        recipe={"builtin": "leontief-3"},
    )


def random_leontief(goods: int, *, inputs: int = 8, seed: int = 0) -> Economy:
    """Draw a Leontief economy with `inputs` suppliers per good, drawn uniformly.

    Every coefficient is a whole multiple of 2⁻¹¹ / `inputs` and a column of A sums to less
    than 1/2, so the economy is productive; draws are raw PCG64 integers, which numpy keeps.

    Parameters
    ----------
    goods : int
        At least 1.
    inputs : int
        Draws per good, a power of two so that coefficients are exact; repeated suppliers add.
    seed : int

    Raises
    ------
    InputError
        On fewer than one good or a number of inputs that is no power of two.
    """
    if goods < 1:
        raise InputError(f"is {goods}; give at least 1", where="goods")
    if inputs < 1 or inputs & (inputs - 1):
        raise InputError(f"is {inputs}; give a power of two", where="inputs")
    bits = np.random.PCG64(seed)
    # A remainder of 64 bits by at most 2³¹ is uniform to 2⁻³³.
    suppliers = (bits.random_raw(goods * inputs) % np.uint64(goods)).astype(np.int64)
    eleventh = np.uint64(1 << 10)
    amounts = (bits.random_raw(goods * inputs) % eleventh).astype(np.float64) / (2048 * inputs)
    indptr = np.arange(0, goods * inputs + 1, inputs)
    labour = 1.0 + (bits.random_raw(goods) % eleventh).astype(np.float64) / 1024
    wanted = 1.0 + (bits.random_raw(goods) % eleventh).astype(np.float64) / 1024
    ones = np.ones(goods)
    return make_economy(
        inputs=sp.csc_array((amounts, suppliers, indptr), shape=(goods, goods)),
        outputs=sp.eye_array(goods, format="csc"),
        resource_use=sp.csc_array(labour[None, :]),
        endowment=[float(goods)],
        assortment=wanted,
        name=f"leontief-{goods}",
        recipe={"builtin": f"leontief-{goods}", "inputs": inputs, "seed": seed},
        # A column of A sums to less than 1/2, so at p = 1 labour at 1 makes all lose.
        interior=Interior(goods_prices=ones, resource_prices=np.ones(1), activities=None),
    )


def solve_leontief(economy: Economy) -> Plan:
    """Solve a Leontief economy by iteration; the optimal plan and its prices.

    Parameters
    ----------
    economy : Economy
        One activity per good making that good only, one resource, one target, no stocks, no
        fixed demand, no capacities.

    Raises
    ------
    InputError
        When the economy is of another kind, or not productive (the iteration grows).
    """
    n = economy.n_goods
    made = economy.outputs
    if (
        economy.n_activities != n
        or economy.n_resources != 1
        or economy.n_targets != 1
        or made.nnz != n
        or not np.array_equal(made.indices, np.arange(n))
        or economy.fixed_demand.any()
        or np.isfinite(economy.capacity).any()
    ):
        raise InputError(
            "is no Leontief economy: one activity per good, one resource, one target, no "
            "stocks, fixed demand or capacities",
            where=economy.name,
        )
    # In units of gross output: A B⁻¹ and l B⁻¹.
    scale = 1.0 / made.data
    used = sp.csc_array(economy.inputs * scale[None, :])
    labour = np.asarray(economy.resource_use.todense()).ravel() * scale
    wanted = np.asarray(economy.assortment.todense()).ravel()
    gross = total_requirements(used, wanted)
    values = total_requirements(sp.csr_array(used.T), labour)
    if gross is None or values is None:
        raise InputError(
            "is not productive: the inputs of inputs never die out", where=economy.name
        )
    z = float(economy.endowment[0]) / dot(labour, gross)
    w = economy.weights[0] * z / float(economy.endowment[0])
    return Plan(x=z * gross * scale, z=np.array([z]), p=w * values, w=np.array([w]))


def table_instance(folder: Path) -> Instance:
    """Instance of the supply and use table in a folder.

    Where no industry makes a loss its observed plan is optimal by duality (see
    :mod:`planbench.tables.folder`), so its value is the optimum.

    Raises
    ------
    InputError
        When the folder holds no such table.
    """
    table = read_table(folder)
    economy, observed = economy_of_table(table)
    description = f"{table.title}: observed use and make table, labour and capital"
    return Instance(
        name=economy.name,
        economy=economy,
        recipe=dict(economy.recipe),
        optimum=observed.value if observed.optimal else None,
        source=table.table.source,
        description=description,
    )


_LEONTIEF = {
    "leontief-3": "three goods, one technique, one resource",
    "leontief-1000": "a thousand goods with random suppliers, one technique",
}


@cache
def _made(name: str) -> Instance:
    if name in table_names():
        return replace(table_instance(tables_folder() / name), name=name)
    if name in golden_cases():
        return golden_cases()[name]
    economy = three_goods() if name == "leontief-3" else random_leontief(1000, seed=1)
    return Instance(
        name=name,
        economy=economy,
        recipe=dict(economy.recipe),
        optimum=float(economy.weights @ solve_leontief(economy).z),
        source="closed form of W. Leontief, The Structure of American Economy (1941)",
        description=_LEONTIEF[name],
    )


@cache
def builtin_names() -> tuple[str, ...]:
    """Names of all built-in instances, sorted."""
    return tuple(sorted([*_LEONTIEF, *golden_cases(), *table_names()]))


def list_builtin() -> tuple[Instance, ...]:
    """All built-in instances, sorted by name."""
    return tuple(_made(name) for name in builtin_names())


def load_builtin(name: str) -> Instance:
    """Built-in instance `name`.

    Raises
    ------
    InputError
        When no built-in instance has that name.
    """
    if name not in builtin_names():
        raise InputError(f"no built-in instance {name!r}; choose from {', '.join(builtin_names())}")
    # A copy: what is computed at first use is not kept for ever.
    return replace(_made(name))
