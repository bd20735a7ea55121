"""Add the goods of a split table up again, and compare with the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planbench.errors import InputError
from planbench.generators.draws import IntArray
from planbench.generators.observed import observed_plan
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy


@dataclass(frozen=True, eq=False)
class Aggregate:
    """Flows of a plan between commodities, industries and resources.

    Attributes
    ----------
    used, made : ndarray, shape (commodities, industries)
    resources : ndarray, shape (resources, industries)
    final : ndarray, shape (commodities, targets)
        Final goods for one unit of each target.
    fixed : ndarray, shape (commodities,)
    """

    used: FloatArray
    made: FloatArray
    resources: FloatArray
    final: FloatArray
    fixed: FloatArray


def aggregate(economy: Economy, plan: FloatArray) -> Aggregate:
    """Add up the flows of a split table at the activity levels `plan`.

    Parameters
    ----------
    economy : Economy
        Made by :func:`planbench.generators.disaggregate.disaggregate`; its recipe says which
        goods belong together.
    plan : ndarray, shape (activities,)

    Raises
    ------
    InputError
        When the economy is no split table.
    """
    try:
        goods = np.asarray(economy.recipe["goods_of_commodities"], dtype=np.int64)
        activities = np.asarray(economy.recipe["activities_of_industries"], dtype=np.int64)
        main = np.asarray(economy.recipe["main_commodities"], dtype=np.int64)
        techniques = int(economy.recipe["techniques"])
    except (KeyError, TypeError, ValueError):
        raise InputError(
            "is no split table; make one with planbench disaggregate", where=economy.name
        ) from None
    commodity = np.repeat(np.arange(goods.size), goods)
    by_main = np.argsort(main, kind="stable")
    industry = np.repeat(np.repeat(by_main, activities[by_main]), techniques)
    n, m = goods.size, activities.size
    if (commodity.size, industry.size) != economy.inputs.shape:
        raise InputError("its recipe does not fit its arrays; make it again", where=economy.name)

    def add_up(
        matrix: Matrix,
        rows: IntArray,
        columns: IntArray,
        shape: tuple[int, int],
        levels: FloatArray,
    ) -> FloatArray:
        column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
        place = rows[matrix.indices] * shape[1] + columns[column]
        flows = matrix.data * levels[column]
        total = np.bincount(place, weights=flows, minlength=shape[0] * shape[1])
        return total.astype(np.float64).reshape(shape)

    targets, resources = economy.n_targets, economy.n_resources
    return Aggregate(
        used=add_up(economy.inputs, commodity, industry, (n, m), plan),
        made=add_up(economy.outputs, commodity, industry, (n, m), plan),
        resources=add_up(
            economy.resource_use, np.arange(resources), industry, (resources, m), plan
        ),
        final=add_up(
            economy.assortment, commodity, np.arange(targets), (n, targets), np.ones(targets)
        ),
        fixed=np.bincount(commodity, weights=economy.fixed_demand, minlength=n).astype(np.float64),
    )


def aggregation_error(table: Economy, economy: Economy, plan: FloatArray | None = None) -> float:
    """Largest relative difference between a table and what its goods add up to.

    Parameters
    ----------
    table : Economy
    economy : Economy
        The table split into goods.
    plan : ndarray, shape (activities,), optional
        The observed plan if missing.

    Returns
    -------
    float
        Over all cells that are not zero in the table; infinite when a cell that is zero there
        is not zero here.
    """
    if plan is None:
        assert economy.interior is not None
        assert economy.interior.activities is not None
        plan = 2.0 * economy.interior.activities
    found = aggregate(economy, plan)
    levels = observed_plan(table).levels
    worst = 0.0
    for split, whole in (
        (found.used, table.inputs.toarray() * levels),
        (found.made, table.outputs.toarray() * levels),
        (found.resources, table.resource_use.toarray() * levels),
        (found.final, table.assortment.toarray()),
        (found.fixed, table.fixed_demand),
    ):
        here = whole != 0
        if (split[~here] != 0).any():
            return float("inf")
        if here.any():
            off = np.abs(split - whole)[here] / np.abs(whole[here])
            # A sum that is no number is no agreement.
            worst = max(worst, float(np.where(np.isnan(off), np.inf, off).max()))
    return worst
