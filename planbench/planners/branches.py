"""Main products: what makes an economy with by-products look like one without.

Every activity is counted by one product of which it makes more than it uses; its other products
are negative inputs. Goods that no activity mainly makes (by-products and stocks) are *primary*,
as the resources are: the centre prices them. What a main product is depends on prices, so
rough ones come first, at which each activity's cost is apportioned to its products by sales value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.certificates.check import limits_of
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.planners import branch_kernels as kernels
from planbench.planners.branch_kernels import FREE, PRIMARY, Net
from planbench.planners.techniques import Meter, unsigned

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

#: Sweeps for the rough prices.
ROUGH = 8
#: More goods without a main maker than this: another way to choose is tried, so many times.
MANY_PRIMARY, BALANCING = 20, 4
#: Products below this share of an activity's largest are never its main product.
LEAST_SHARE = 0.02
#: An activity carries a good if it is worth more than this share of the product.
CARRIED = 0.7


@dataclass(frozen=True, eq=False)
class Branches:
    """The usable activities of an economy, listed by main product.

    Attributes
    ----------
    economy : Economy
    main : ndarray of int64, shape (activities,)
        Main product of each activity, −1 for those that cannot run or make nothing.
    activity, good : ndarray of int64, shape (techniques,)
        Activity and main product of each technique.
    unit : ndarray, shape (techniques,)
        Net output of the main product per unit of the activity.
    net : Net
    resources : ndarray of int64
        Resources that are available and used: the first primary rows.
    primary : ndarray of int64
        Goods without techniques that somebody uses: the other primary rows.
    rights : ndarray, shape (primary rows,)
        What is available of each: endowments, and stocks less fixed demand.
    kinds : ndarray of int8, shape (goods,)
        FREE or PRIMARY.
    rough : ndarray, shape (goods,)
        Rough prices.
    circling : ndarray of int64
        Goods that are only carried in circles.
    """

    economy: Economy
    main: IntArray
    activity: IntArray
    good: IntArray
    unit: FloatArray
    net: Net
    resources: IntArray
    primary: IntArray
    rights: FloatArray
    kinds: npt.NDArray[np.int8]
    rough: FloatArray
    circling: IntArray

    def levels(self, x: FloatArray) -> FloatArray:
        """Activity levels of the outputs `x` of techniques."""
        out = np.zeros(self.economy.n_activities)
        out[self.activity] = x / self.unit
        return np.minimum(out, self.economy.capacity)

    def by_good(self, values: FloatArray) -> FloatArray:
        """Add up over the techniques of each good."""
        n = self.economy.n_goods
        return np.bincount(self.good, weights=values, minlength=n).astype(np.float64)


def sort_by_main_product(economy: Economy, meter: Meter, main: IntArray | None = None) -> Branches:
    """List the activities by main product.

    Parameters
    ----------
    economy : Economy
    meter : Meter
    main : ndarray of int64, shape (activities,), optional
        From an earlier plan; kept where the activity still makes more of it than it uses. Others
        are chosen as if there were none.
    """
    a, b, r = economy.inputs, economy.outputs, economy.resource_use
    n = economy.n_goods
    produced = np.empty(b.nnz)
    kernels.net_outputs(a.indptr, a.indices, a.data, b.indptr, b.indices, b.data, produced)
    meter.work += a.nnz + b.nnz
    allowed = (produced > 0) & np.repeat(limits_of(economy).activity > 0, np.diff(b.indptr))
    rough, share = _rough_prices(economy, meter)
    share = np.where(allowed, share, 0.0)
    column = np.repeat(np.arange(economy.n_activities), np.diff(b.indptr))
    if main is None:
        main = np.full(economy.n_activities, -1)
    kept = np.zeros(economy.n_activities, dtype=bool)
    kept[column[allowed & (main[column] == b.indices)]] = True
    if kept[column[share > 0]].all():
        main = np.where(kept, main, -1)
        circling = _circling(economy, main, rough)
    else:
        found, circling = _main_products(economy, share, rough, meter)
        if kept.any():
            found = np.where(kept, main, found)
            circling = _circling(economy, found, rough)
        main = found
    activity = np.flatnonzero(main >= 0)
    activity = activity[np.argsort(main[activity], kind="stable")]
    good = main[activity]
    first = np.searchsorted(good, np.arange(n + 1))
    unmade = np.diff(first) == 0
    wanted = np.bincount(a.indices, minlength=n) + np.bincount(
        economy.assortment.indices, minlength=n
    )
    primary = np.flatnonzero(unmade & ((wanted > 0) | (economy.fixed_demand > 0)))
    used = np.bincount(r.indices, minlength=economy.n_resources) > 0
    resources = np.flatnonzero(used & (economy.endowment > 0))
    kinds = np.where(unmade, PRIMARY, FREE).astype(np.int8)
    place = np.where(unmade, kernels.IGNORED, -1)
    place[primary] = resources.size + np.arange(primary.size)
    net, unit = _net_columns(economy, activity, good, place, resources, first)
    meter.work += 2 * economy.nnz
    return Branches(
        economy=economy,
        main=main,
        activity=activity,
        good=good,
        unit=unit,
        net=net,
        resources=resources,
        primary=primary,
        rights=np.concatenate([economy.endowment[resources], -economy.fixed_demand[primary]]),
        kinds=kinds,
        rough=rough,
        circling=np.flatnonzero(circling & (kinds == FREE)),
    )


def _rough_prices(economy: Economy, meter: Meter) -> tuple[FloatArray, FloatArray]:
    """Rough prices, and the share of each output in the revenue of its activity."""
    a, b, r = economy.inputs, economy.outputs, economy.resource_use
    n = economy.n_goods
    with np.errstate(divide="ignore"):
        worth = np.where(economy.endowment > 0, 1.0 / economy.endowment, 0.0)
    direct = np.asarray(r.T @ worth)
    used, made = a.T, b.T
    column = np.repeat(np.arange(economy.n_activities), np.diff(b.indptr))
    p = np.full(n, max(float(direct.mean()), 1e-300))
    for step in range(ROUGH + 1):
        revenue = np.asarray(made @ p)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(revenue[column] > 0, b.data * p[b.indices] / revenue[column], 0.0)
            markup = np.where(revenue > 0, (used @ p + direct) / revenue, 0.0)
        meter.work += a.nnz + 3 * b.nnz
        if step == ROUGH:
            break
        total = np.bincount(b.indices, weights=share, minlength=n)
        raised = np.bincount(b.indices, weights=share * markup[column], minlength=n)
        np.divide(p * raised, total, out=p, where=(total > 0) & (raised > 0))
    return p, share


def _main_products(
    economy: Economy, share: FloatArray, rough: FloatArray, meter: Meter
) -> tuple[IntArray, BoolArray]:
    """Choose main products by shares of revenue, 0 where an output may not be one.

    A share counts times its part in those of all makers of the good. The goods that are only
    carried in circles are returned as well.
    """
    b = economy.outputs
    column = np.repeat(np.arange(economy.n_activities), np.diff(b.indptr))
    largest = np.zeros(economy.n_activities)
    np.maximum.at(largest, column, share)
    # What very many make, as capital that all give back, is nobody's main product.
    of_good = np.bincount(b.indices, weights=share, minlength=economy.n_goods)[b.indices]
    of_good[of_good <= 0] = 1.0
    with np.errstate(divide="ignore"):
        merit = np.log(np.where(share >= LEAST_SHARE * largest[column], share**2 / of_good, 0.0))
    counts = np.ones(economy.n_activities, dtype=bool)
    found = _bid_for_makers(economy, column, merit, counts, meter)
    circling = _circling(economy, found, rough)
    if circling.any():
        # Goods that are only carried in circles bid for makers of their own.
        counts[(found >= 0) & circling[found]] = False
        found = _bid_for_makers(economy, column, merit, counts, meter)
        circling = _circling(economy, found, rough)
    made = np.unique(found[found >= 0]).size
    if economy.n_goods - made <= MANY_PRIMARY:
        return found, circling
    # Where whole groups of goods outbid one another, more of them get a maker from balance.
    balanced = _largest(economy, column, _balance(economy, column, share, meter))
    others = _circling(economy, balanced, rough)
    more = np.unique(balanced[balanced >= 0]).size - np.count_nonzero(others)
    if more > made - np.count_nonzero(circling):
        return balanced, others
    return found, circling


def _balance(economy: Economy, column: IntArray, share: FloatArray, meter: Meter) -> FloatArray:
    """Scale shares until they sum to one over the makers of a good and over an activity."""
    goods, n, m = economy.outputs.indices, economy.n_goods, economy.n_activities
    for _ in range(BALANCING):
        for index, size in ((goods, n), (column, m)):
            total = np.bincount(index, weights=share, minlength=size)[index]
            share = np.divide(share, total, out=np.zeros(share.size), where=total > 0)
        meter.work += 2 * share.size
    return share


def _largest(economy: Economy, column: IntArray, share: FloatArray) -> IntArray:
    """Return the output of greatest share of each activity, −1 without any."""
    most = np.zeros(economy.n_activities)
    np.maximum.at(most, column, share)
    main = np.full(economy.n_activities, -1, dtype=np.int64)
    at = np.flatnonzero((share > 0) & (share >= most[column]))[::-1]
    main[column[at]] = economy.outputs.indices[at]
    return main


def _bid_for_makers(
    economy: Economy, column: IntArray, merit: FloatArray, counts: BoolArray, meter: Meter
) -> IntArray:
    b = economy.outputs
    by_good = np.argsort(b.indices, kind="stable")
    starts = np.searchsorted(b.indices[by_good], np.arange(economy.n_goods + 1))
    main = np.empty(economy.n_activities, dtype=np.int64)
    meter.work += 2 * b.nnz + kernels.choose_main_products(
        b.indptr, b.indices, merit, starts, column[by_good], by_good, counts,
        np.zeros(economy.n_goods), main,
    )  # fmt: skip
    return main


def _circling(economy: Economy, main: IntArray, rough: FloatArray) -> BoolArray:
    """Goods that are only carried, or stored, from one to the other in circles.

    An activity carries if one input, not of the product itself, is worth nearly as much as that. A
    good circles if all its makers carry goods that circle.
    """
    a, b, n, m = economy.inputs, economy.outputs, economy.n_goods, economy.n_activities
    maker = np.repeat(np.arange(m), np.diff(b.indptr))
    user = np.repeat(np.arange(m), np.diff(a.indptr))
    product = main[maker] == b.indices
    worth = np.full(m, np.inf)
    worth[maker[product]] = b.data[product] * rough[b.indices[product]]
    carries = (a.data * rough[a.indices] > CARRIED * worth[user]) & (a.indices != main[user])
    good, by = a.indices[carries], user[carries]
    count = np.bincount(by, minlength=m)
    circling = np.zeros(n, dtype=bool)
    circling[main[by]] = True
    circling[main[(main >= 0) & (count == 0)]] = False
    order = np.argsort(good, kind="stable")
    starts = np.searchsorted(good[order], np.arange(n + 1))
    kernels.drop_grounded(main, starts, by[order], count, circling)
    return circling


def _net_columns(
    economy: Economy, activity: IntArray, good: IntArray, place: IntArray, resources: IntArray,
    first: npt.NDArray[Any],
) -> tuple[Net, FloatArray]:  # fmt: skip
    """Columns of the techniques per net unit of the main product, and those units."""
    a, b, r = economy.inputs, economy.outputs, economy.resource_use
    m = activity.size
    ptr, extra, unit = np.zeros(m + 1, np.int64), np.zeros(m + 1, np.int64), np.ones(m)
    matrices = a.indptr, a.indices, a.data, b.indptr, b.indices, b.data
    none, void = np.zeros(0, np.int32), np.zeros(0)
    kernels.count_net(
        activity, good, place, *matrices, ptr, extra, none, void, none, void, unit, False
    )
    index, amount = np.empty(int(ptr[-1]), np.int32), np.empty(int(ptr[-1]))
    row, use = np.empty(int(extra[-1]), np.int32), np.empty(int(extra[-1]))
    kernels.count_net(
        activity, good, place, *matrices, ptr, extra, index, amount, row, use, unit, True
    )
    rank = np.full(economy.n_resources, -1, dtype=np.int32)
    rank[resources] = np.arange(resources.size)
    mine = r[:, activity]
    rptr, rows, uses = kernels.join_rows(
        mine.indptr, rank[mine.indices], mine.data, unit, extra, row, use
    )
    net = Net(
        first=first.astype(np.int64), ptr=ptr, good=unsigned(index), amount=amount,
        rptr=rptr, row=rows, use=uses, limit=economy.capacity[activity] * unit,
    )  # fmt: skip
    return net, unit
