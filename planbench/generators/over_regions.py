"""Placed goods: several regions as one ordinary economy.

A good in another place is another good (Debreu 1959, ch. 2). Every region has the activities
and a share of the resources; what links regions is

- *inputs from elsewhere*: a share of the input coefficients names a good of another region
  (interregional input-output coefficients, Isard 1951);
- *transport*: activities that turn a good here into the good there (Samuelson 1952);
- a *common target*, or resources that all regions share.

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
from planbench.generators.arguments import (
    array_of,
    check_kind,
    check_number,
    chosen_goods,
    whole_number,
)
from planbench.generators.draws import Purpose, below, choose, raw, stream
from planbench.generators.interior import strict_interior
from planbench.generators.staircase import pile, staircase
from planbench.io.files import require_memory
from planbench.model.arrays import (
    FloatArray,
    Matrix,
    canonical_matrix,
    canonical_vector,
    index_type,
)
from planbench.model.economy import Economy, Interior, make_economy

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Transport:
    """Transport activities; build it with :func:`make_transport`.

    Carrying a unit of a good over distance s takes the unit and s times its freight in the
    region it leaves, and delivers 1 − s·loss units where it arrives (at least 0).

    Attributes
    ----------
    carried : ndarray of int, shape (carried goods,)
        Which goods can be carried.
    freight : csc_array, shape (goods, carried goods)
        Goods (transport services, fuel) used per unit carried over distance 1.
    labour : csc_array, shape (resources, carried goods)
        Resources used likewise.
    loss : ndarray, shape (carried goods,)
        Share lost on the way over distance 1 (Samuelson's iceberg, 1954).
    distance : ndarray, shape (regions, regions)
        From row to column; infinite where there is no route. The diagonal does not count.
    """

    carried: IntArray
    freight: Matrix
    labour: Matrix
    loss: FloatArray
    distance: FloatArray

    @property
    def routes(self) -> list[tuple[int, int, float]]:
        """Routes by origin, then destination, each with its distance."""
        reaches = np.isfinite(self.distance)
        np.fill_diagonal(reaches, False)
        return [
            (int(a), int(b), float(self.distance[a, b]))
            for a, b in zip(*np.nonzero(reaches), strict=True)
        ]


def make_transport(
    economy: Economy,
    regions: int,
    *,
    carried: Any = None,
    freight: Any = None,
    labour: Any = None,
    loss: Any = 0.0,
    distance: Any = 1.0,
) -> Transport:
    """Check and build :class:`Transport` for `regions` regions of `economy`.

    Parameters
    ----------
    economy : Economy
    regions : int
    carried : array_like of int, optional
        All goods if missing.
    freight : array_like or sparse, shape (goods, carried goods), optional
        None is used if missing.
    labour : array_like or sparse, shape (resources, carried goods), optional
        None is used if missing.
    loss : array_like or float
    distance : array_like, shape (regions, regions), or float
        One number: every region is that far from every other; infinite: no route at all.

    Raises
    ------
    InputError
        Naming the field and what it may be.
    """
    regions = whole_number(regions, "regions", least=1)
    goods = chosen_goods(carried, economy.n_goods, "transport.carried")
    freight, labour = (
        canonical_matrix(
            sp.csc_array((rows, goods.size)) if given is None else given,
            (rows, goods.size),
            f"transport.{field}",
            nonnegative=True,
        )
        for given, rows, field in (
            (freight, economy.n_goods, "freight"),
            (labour, economy.n_resources, "labour"),
        )
    )
    lost = canonical_vector(loss, goods.size, "transport.loss", lower=0.0)
    allowed = "a number of at least 0 (or infinite) for all routes, or one for each pair of regions"
    far = array_of(distance, "transport.distance", allowed)
    if far.ndim == 0:
        far = np.full((regions, regions), float(far))
    far = array_of(far, "transport.distance", allowed, (regions, regions), lambda x: x >= 0)
    return Transport(goods, freight, labour, lost, far)


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
    pooled : bool
        Resources are shared by all regions (not placed) instead of divided.
    common_target : bool
        One target for all regions, each getting its share of the assortment, instead of one a
        region. Weights are the economy's.
    seed : int
        Draws which inputs come from other regions.
    """

    count: int
    cross_share: float = 0.0
    shares: Any = None
    pooled: bool = False
    common_target: bool = False
    seed: int = 0

    def check(self) -> None:
        """Refuse numbers out of their range; shares are checked against the economy later.

        Raises
        ------
        InputError
            Naming the field and what it may be.
        """
        whole_number(self.count, "regions", least=1)
        check_number(self.cross_share, "cross_share", "a share in [0, 1]", lambda x: 0 <= x <= 1)
        whole_number(self.seed, "seed", most=2**63 - 1)


def over_regions(
    economy: Economy,
    division: Regions,
    *,
    transport: Transport | None = None,
    name: str | None = None,
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
    name : str, optional

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
    check_kind(division, Regions, "division", "give Regions(count=…)")
    check_kind(transport, Transport, "transport", "give what make_transport returns")
    division.check()
    regions, pooled, common_target = division.count, division.pooled, division.common_target
    n, m, k = economy.n_goods, economy.n_activities, economy.n_resources
    if transport is not None and (transport.distance.shape[0], transport.freight.shape[0]) != (
        regions,
        n,
    ):
        raise InputError(
            "is of another economy or number of regions; make it from these", where="transport"
        )
    require_memory(
        float(economy.nbytes) * regions, "regions", f"an economy of {plural(regions, 'region')}"
    )
    divided, size = _shares(division.shares, regions, k)
    sent, got, labour, routes = _routes(transport, n)
    origins, targets = [a for a, _ in routes], [b for _, b in routes]
    carried = sum(block.shape[1] for block in sent)
    everywhere = range(regions)
    placed = 0 if pooled else k
    out = make_economy(
        inputs=staircase(
            [_inputs(economy, division), *sent], [0, *(n * a for a in origins)], n * regions
        ),
        outputs=staircase(
            [economy.outputs] * regions + got, [n * c for c in (*everywhere, *targets)], n * regions
        ),
        resource_use=staircase(
            [economy.resource_use] * regions + labour,
            [placed * c for c in (*everywhere, *origins)],
            k if pooled else k * regions,
        ),
        endowment=economy.endowment if pooled else (divided * economy.endowment).ravel(),
        capacity=np.concatenate(
            [np.outer(size, economy.capacity).ravel(), np.full(carried, np.inf)]
        ),
        assortment=_assortment(economy, regions, size, common_target),
        fixed_demand=np.outer(size, economy.fixed_demand).ravel(),
        weights=economy.weights if common_target else np.tile(economy.weights, regions),
        name=name or f"{economy.name} in {plural(regions, 'region')}",
        recipe={
            "over_regions": regions,
            "cross_share": division.cross_share,
            "seed": division.seed,
            "of": dict(economy.recipe),
        },
        **_labels(economy, division, transport, routes),
    )
    if economy.interior is None:
        return out
    proposed = _interior(economy.interior, division, divided, size, m * regions + carried)
    return replace(out, interior=strict_interior(out, proposed))


def _shares(given: Any, regions: int, resources: int) -> tuple[FloatArray, FloatArray]:
    """Shares by region and resource, and by region, each column adding up to 1."""
    if given is None:
        given = np.ones(regions)
    allowed = "a share of at least 0 for each region, or a row of them (one for each resource)"
    table = array_of(given, "shares", allowed)
    if table.ndim == 1:
        table = np.repeat(table[:, None], max(resources, 1), axis=1)
    shape = regions, max(resources, 1)
    table = array_of(table, "shares", allowed, shape, lambda x: np.isfinite(x) & (x >= 0))
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


def _routes(
    transport: Transport | None, goods: int
) -> tuple[list[Matrix], list[Matrix], list[Matrix], list[tuple[int, int]]]:
    """For every route goods sent, goods that arrive and resources used, per unit; and its ends.

    Routes of one distance share their matrices.
    """
    if transport is None:
        return [], [], [], []
    count = transport.carried.size
    unit = sp.csc_array(
        (np.ones(count), transport.carried, np.arange(count + 1)), shape=(goods, count)
    )
    by_distance = {
        distance: tuple(
            canonical_matrix(part, None, "transport")
            for part in (
                unit + distance * transport.freight,
                unit * np.maximum(1 - distance * transport.loss, 0),
                distance * transport.labour,
            )
        )
        for distance in {far for *_, far in transport.routes}
    }
    parts = [by_distance[far] for *_, far in transport.routes]
    sent, got, labour = ([part[i] for part in parts] for i in range(3))
    return sent, got, labour, [(a, b) for a, b, _ in transport.routes]


def _assortment(economy: Economy, regions: int, size: FloatArray, common_target: bool) -> Matrix:
    d, n = economy.assortment, economy.n_goods
    if common_target:
        return pile([sp.csc_array(d * share) for share in size])
    return staircase([d] * regions, [n * c for c in range(regions)], n * regions)


def _interior(
    given: Interior, division: Regions, divided: FloatArray, size: FloatArray, columns: int
) -> Interior:
    """Everywhere the prices of one region, and its plan as far as the poorest region can."""
    plan = None
    if given.activities is not None:
        least = float(size.min())
        if not division.pooled and divided.size:
            least = min(least, float(divided.min()))
        plan = np.zeros(columns)
        produced = np.tile(least * given.activities, division.count)
        plan[: produced.size] = produced
    return Interior(
        goods_prices=np.tile(given.goods_prices, division.count),
        resource_prices=np.tile(given.resource_prices, 1 if division.pooled else division.count),
        activities=plan,
    )


def _labels(
    economy: Economy,
    division: Regions,
    transport: Transport | None,
    routes: list[tuple[int, int]],
) -> dict[str, Any]:
    """Every name with its region; none where `economy` has none."""

    def placed(names: tuple[str, ...] | None) -> list[str]:
        regions = range(1, division.count + 1)
        return [f"{name} in region {c}" for c in regions for name in names or ()]

    activities = placed(economy.activities)
    if activities and transport is not None:
        activities += [
            f"carry {economy.good(i)} from region {a + 1} to region {b + 1}"
            for a, b in routes
            for i in transport.carried.tolist()
        ]
    return {
        "goods": placed(economy.goods) or None,
        "activities": activities or None,
        "resources": economy.resources if division.pooled else placed(economy.resources) or None,
        "targets": economy.targets if division.common_target else placed(economy.targets) or None,
        "units": economy.units * division.count if economy.units else None,
    }
