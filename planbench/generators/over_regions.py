"""Placed goods: several regions as one ordinary economy.

A good in another place is another good (Debreu 1959, ch. 2). Every region has the activities
and a share of the resources; what links regions is

- *inputs from elsewhere*: a share of the input coefficients names a good of another region
  (interregional input-output coefficients, Isard 1951);
- *transport*: activities that turn a good here into the good there (Samuelson 1952);
- a *common target*.

The inputs from other regions are shifted in a circle: an input that region 1 takes from region 2,
region 2 takes from region 3, and so on. So every good of every region is asked for as much as in
the one-region economy when all regions do the same, and that remains a feasible plan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.generators.draws import Purpose, below, choose, raw, stream
from planbench.generators.interior import strict_interior
from planbench.generators.staircase import pile, staircase
from planbench.io.files import require_memory
from planbench.model.arrays import (
    FloatArray,
    Matrix,
    canonical_matrix,
    canonical_places,
    canonical_vector,
    index_type,
    is_whole,
)
from planbench.model.economy import Economy, Interior, make_economy


@dataclass(frozen=True, eq=False)
class Transport:
    """Transport between neighbours in a ring of regions.

    Carrying a unit of a good takes the unit and its freight in the region it leaves, and delivers
    1 − loss units where it arrives (at least 0).

    Attributes
    ----------
    carried : array_like of int or None
        Which goods can be carried; None for all.
    freight : array_like or sparse, shape (goods, carried goods), optional
        Goods (transport services, fuel) used per unit carried; none if missing.
    loss : array_like or float
        Share lost on the way (Samuelson's iceberg, 1954), for each of them or one for all.
    """

    carried: Any = None
    freight: Any = None
    loss: Any = 0.0


_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Regions:
    """How an economy is divided.

    Attributes
    ----------
    count : int
        Number of regions, at least 1.
    cross_share : float
        Share of the input coefficients, in [0, 1], that name a good of another region.
    shares : array_like, shape (regions,) or (regions, resources), optional
        Share of each region in the economy, or in each resource; equal if missing. They are
        divided by their sum. Capacities and fixed demand follow a region's mean share.
    common_target : bool
        One target for all regions, each getting its share of the assortment, instead of one a
        region. Weights are the economy's.
    seed : int
        Draws which inputs come from other regions.
    """

    count: int
    cross_share: float = 0.0
    shares: Any = None
    common_target: bool = False
    seed: int = 0

    def check(self) -> None:
        """Refuse numbers out of their range; shares are checked against the economy later.

        Raises
        ------
        InputError
            Naming the field and what it may be.
        """
        if not is_whole(self.count, 1):
            raise InputError(f"is {self.count}; give a whole number of at least 1", where="regions")
        if not 0 <= self.cross_share <= 1:
            raise InputError(f"is {self.cross_share}; give a share in [0, 1]", where="cross_share")


def over_regions(
    economy: Economy,
    division: Regions,
    *,
    transport: Transport | None = None,
) -> Economy:
    """Divide `economy` among several regions.

    Goods, activities and resources are ordered by region; transport follows the activities of
    all regions, by route. Endowments, capacities and fixed demand add up to those of `economy`.

    Parameters
    ----------
    economy : Economy
    division : Regions
        One region gives back the economy, array by array.
    transport : Transport, optional
        Without it goods stay where they are made, except the inputs from other regions.

    Returns
    -------
    Economy
        Labels carry the region. The interior is derived from that of `economy` and checked; it
        is None, or without a plan, where that fails (transport that costs nothing).

    Raises
    ------
    InputError
        Naming the argument and what to give instead.
    """
    division.check()
    regions, common_target = division.count, division.common_target
    n, m, k = economy.n_goods, economy.n_activities, economy.n_resources
    require_memory(
        float(economy.nbytes) * regions, "regions", f"an economy of {plural(regions, 'region')}"
    )
    divided, size = _shares(division.shares, regions, k)
    routes = _routes(regions) if transport is not None else []
    carried, sent, got = _carrying(transport, n)
    moved = carried.size * len(routes)
    everywhere = range(regions)
    out = make_economy(
        inputs=staircase(
            [_inputs(economy, division), *[sent] * len(routes)],
            [0, *(n * a for a, _ in routes)],
            n * regions,
        ),
        outputs=staircase(
            [economy.outputs] * regions + [got] * len(routes),
            [n * c for c in (*everywhere, *(b for _, b in routes))],
            n * regions,
        ),
        resource_use=staircase(
            [economy.resource_use] * regions + [sp.csc_array((k, moved))],
            [*(k * c for c in everywhere), 0],
            k * regions,
        ),
        endowment=(divided * economy.endowment).ravel(),
        capacity=np.concatenate([np.outer(size, economy.capacity).ravel(), np.full(moved, np.inf)]),
        assortment=_assortment(economy, regions, size, common_target),
        fixed_demand=np.outer(size, economy.fixed_demand).ravel(),
        weights=economy.weights if common_target else np.tile(economy.weights, regions),
        name=f"{economy.name} in {plural(regions, 'region')}",
        recipe={
            "over_regions": regions,
            "cross_share": division.cross_share,
            "seed": division.seed,
            "of": dict(economy.recipe),
        },
        **_labels(economy, division, carried, routes),
    )
    if economy.interior is None:
        return out
    proposed = _interior(economy.interior, divided, size, m * regions + moved)
    return replace(out, interior=strict_interior(out, proposed))


def _shares(given: Any, regions: int, resources: int) -> tuple[FloatArray, FloatArray]:
    """Shares by region and resource, and by region, each column adding up to 1."""
    columns = max(resources, 1)
    rows = np.ones(regions) if given is None else given
    if len(rows) != regions:
        raise InputError(
            f"give {regions} shares, or rows of them (one for each resource)", where="shares"
        )
    table = np.array([canonical_vector(row, columns, "shares", lower=0.0) for row in rows])
    total = table.sum(axis=0)
    if not (table.sum(axis=1) > 0).all() or not (total > 0).all():
        raise InputError("leaves a region or a resource with nothing", where="shares")
    table = table / total
    # Added up exactly: the result must not depend on who adds.
    size = np.array([math.fsum(row) for row in table.tolist()]) / table.shape[1]
    return table[:, :resources], size


def _inputs(economy: Economy, division: Regions) -> Matrix:
    """Place A in all regions, the same entries of each from other regions."""
    a, n, regions = economy.inputs, economy.n_goods, division.count
    count = round(division.cross_share * a.nnz)
    if regions == 1 or count == 0:
        return staircase([a] * regions, [n * c for c in range(regions)], n * regions)
    shape = n * regions, economy.n_activities * regions
    source = stream(division.seed, Purpose.REGIONS)
    away = np.zeros(a.nnz, dtype=np.int32)
    chosen = choose(raw(source, a.nnz), count)
    away[chosen] = 1 + below(raw(source, int(chosen.sum())), regions - 1)
    index = index_type(a.nnz * regions, *shape)
    data = np.tile(a.data, regions)
    indices = np.empty(a.nnz * regions, dtype=index)
    for c in range(regions):
        for start in range(0, a.nnz, _CHUNK):
            end = min(start + _CHUNK, a.nnz)
            place = ((away[start:end] + c) % regions).astype(np.int64) * n
            indices[c * a.nnz + start : c * a.nnz + end] = place + a.indices[start:end]
    ends = [a.indptr[1:].astype(index) + index(a.nnz * c) for c in range(regions)]
    out = sp.csc_array((data, indices, np.concatenate([np.zeros(1, index), *ends])), shape=shape)
    # No two entries of a column meet: their goods differ wherever they are from.
    out.sort_indices()
    out.has_canonical_format = True
    return out


def _routes(regions: int) -> list[tuple[int, int]]:
    """Both ways between neighbours in a ring, by origin, then destination."""
    ends = {(a, (a + step) % regions) for a in range(regions) for step in (-1, 1)}
    return sorted((a, b) for a, b in ends if a != b)


def _carrying(
    transport: Transport | None, goods: int
) -> tuple[npt.NDArray[np.int64], Matrix, Matrix]:
    """Return the goods that can be carried, and what carrying a unit of each takes and delivers."""
    if transport is None:
        transport = Transport(carried=np.zeros(0, dtype=np.int64))
    carried = canonical_places(transport.carried, goods, "transport.carried")
    count = carried.size
    unit = sp.csc_array((np.ones(count), carried, np.arange(count + 1)), shape=(goods, count))
    sent, loss = unit, canonical_vector(transport.loss, count, "transport.loss", lower=0.0)
    if transport.freight is not None:
        sent = unit + canonical_matrix(
            transport.freight, (goods, count), "transport.freight", nonnegative=True
        )
    got = sp.csc_array((np.maximum(1.0 - loss, 0.0), unit.indices, unit.indptr), shape=unit.shape)
    return carried, canonical_matrix(sent, None, "transport"), canonical_matrix(got, None, "loss")


def _assortment(economy: Economy, regions: int, size: FloatArray, common_target: bool) -> Matrix:
    d, n = economy.assortment, economy.n_goods
    if common_target:
        return pile([sp.csc_array(d * share) for share in size])
    return staircase([d] * regions, [n * c for c in range(regions)], n * regions)


def _interior(given: Interior, divided: FloatArray, size: FloatArray, columns: int) -> Interior:
    """Everywhere the prices of one region, and its plan as far as the poorest region can."""
    plan = None
    if given.activities is not None:
        least = min(float(size.min()), float(divided.min(initial=np.inf)))
        plan = np.zeros(columns)
        produced = np.tile(least * given.activities, size.size)
        plan[: produced.size] = produced
    return Interior(
        goods_prices=np.tile(given.goods_prices, size.size),
        resource_prices=np.tile(given.resource_prices, size.size),
        activities=plan,
    )


def _labels(
    economy: Economy,
    division: Regions,
    carried: npt.NDArray[np.int64],
    routes: list[tuple[int, int]],
) -> dict[str, Any]:
    """Every name with its region; none where `economy` has none."""

    def placed(names: tuple[str, ...] | None) -> list[str]:
        regions = range(1, division.count + 1)
        return [f"{name} in region {c}" for c in regions for name in names or ()]

    activities = placed(economy.activities)
    if activities:
        activities += [
            f"carry {economy.good(i)} from region {a + 1} to region {b + 1}"
            for a, b in routes
            for i in carried.tolist()
        ]
    return {
        "goods": placed(economy.goods) or None,
        "activities": activities or None,
        "resources": placed(economy.resources) or None,
        "targets": economy.targets if division.common_target else placed(economy.targets) or None,
        "units": economy.units * division.count if economy.units else None,
    }
