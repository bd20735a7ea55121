"""What the sectors answer to the centre's rents: prices, techniques, outputs, needs.

Every bound comes from prices or plans that are feasible whatever the sweeps left undone:

- a sweep leaves prices p that exceed a technique's cost by at most drop·(p⁰A_j)/B_j, where p⁰
  are least-cost prices of the rents w⁰ if everything cost a share LOSS less. So (p, w) + θ(p⁰, w⁰)
  with θ = drop/LOSS satisfies every technique;
- outputs y are made for a demand with a spare ε·s on every good, until what is still short of
  each good is less than its spare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.planners import kernels
from planbench.planners.extrapolation import Window
from planbench.planners.lanes import (
    Lanes,
    clear_accounts,
    open_lanes,
    share_all,
    share_near,
    share_quantities,
    share_shortage,
)
from planbench.planners.state import IndexArray, Meter, Techniques, unsigned
from planbench.planners.state_contents import open_table, sweep_table
from planbench.planners.team import current

#: How much cheaper everything is in the prices p⁰ that mend p.
LOSS = 0.25
#: All techniques are looked at again when changes are down to this share of what the techniques
#: looked at in between missed, or to this share of the last change of all.
IN_BETWEEN, LEAST_STAGE = 0.1, 1e-4
#: Techniques dearer than the cheapest by more than this share are passed over in between: at
#: most and at least.
NEAR, LEAST_NEAR = 0.05, 1e-5
#: Sweeps after which slow convergence means that some good may not be makeable.
PATIENCE = 400


_NOTHING: tuple[Any, Any, Any] = (np.zeros(1, dtype=np.uint32),) * 2 + (np.zeros(0),)


@dataclass
class Sectors:
    """The economy as the sectors see it, with the arrays they work in.

    Attributes
    ----------
    economy : Economy
    techniques : Techniques
    scale : ndarray, shape (resources,)
        1/r, 0 where the resource is left out of account.
    meter : Meter
    p0, w0 : ndarray
        Prices and rents with a margin everywhere.
    direct, costs, near, share : ndarray
        By activity (`direct`) or in the order of ``techniques.order``.
    chosen : tuple of ndarray
        A_s of the shares at the last :func:`use_shares`: where each good's inputs begin, which
        goods they are, and how much of each a unit of the good uses.
    lanes : Lanes or None
        How sweeps over goods are shared among threads, if they are.
    """

    economy: Economy
    techniques: Techniques
    scale: FloatArray
    meter: Meter
    w0: FloatArray
    p0: FloatArray
    per_p0: FloatArray
    direct: FloatArray
    costs: FloatArray
    near: npt.NDArray[np.bool_]
    share: FloatArray
    chosen: tuple[Any, Any, Any] = field(default=_NOTHING)
    lanes: Lanes | None = None

    @property
    def matrix(self) -> tuple[Any, Any, Any, Any, Any]:
        """Arguments that describe A by technique."""
        a = self.economy.inputs
        return *self.techniques.spans, unsigned(a.indptr), unsigned(a.indices), a.data

    @property
    def use(self) -> tuple[Any, Any, Any]:
        """Arguments that describe R."""
        r = self.economy.resource_use
        return unsigned(r.indptr), unsigned(r.indices), r.data


def open_sectors(
    economy: Economy, techniques: Techniques, scale: FloatArray, meter: Meter
) -> Sectors:
    """Allocate what the sectors need and compute the prices p⁰ that mend others."""
    n, m = economy.n_goods, economy.n_activities
    k = max(1, int(np.count_nonzero(scale)))
    listed = techniques.order.size
    w0 = scale / k
    sectors = Sectors(
        economy, techniques, scale, meter, w0, np.zeros(n), np.ones(n), np.empty(m),
        np.zeros(listed), np.ones(listed, dtype=np.bool_), np.zeros(listed),
    )  # fmt: skip
    sectors.lanes = _lanes_of(sectors)
    charge_rents(sectors, w0)
    cheaper = techniques.per * (1.0 - LOSS)
    weight = np.asarray(economy.assortment @ economy.weights)
    p0 = sectors.p0
    positive = -1
    for _ in range(PATIENCE):
        _, flow, _ = _sweep(sectors, cheaper, p0, weight, NEAR)
        # A good still free of cost after a sweep that gave none its first cost stays free.
        before, positive = positive, int(np.count_nonzero(p0))
        if positive == before and (flow <= 0.1 * float(weight @ p0) or meter.over()):
            break
    with np.errstate(divide="ignore"):
        sectors.per_p0 = np.where(p0 > 0, 1.0 / p0, 0.0)
    return sectors


def charge_rents(sectors: Sectors, rents: FloatArray) -> None:
    """Work out what the resources of a unit of every activity cost."""
    threads, nnz = current(), sectors.economy.resource_use.nnz
    threads.each(
        lambda _, a, b: kernels.direct_costs(*sectors.use, rents, sectors.direct, a, b),
        threads.parts(sectors.direct.size, nnz),
    )
    sectors.meter.work += nnz


def sweep_prices(
    sectors: Sectors, p: FloatArray, weight: FloatArray, margin: float | None
) -> tuple[float, float, float]:
    """Sweep once over all techniques, or over those marked as near the cheapest.

    Parameters
    ----------
    margin : float or None
        Sweep over all, and mark those within this share of the cheapest; None sweeps over
        those marked.

    Returns
    -------
    theta : float
        (p, w) + θ(p⁰, w⁰) satisfies every technique looked at.
    flow : float
        Σ weight |change of p|.
    missed : float
        What the cheapest techniques cost less than the marked ones, by `weight`.
    """
    drop, flow, missed = _sweep(sectors, sectors.techniques.per, p, weight, margin)
    return drop / LOSS, flow, missed


def _sweep(
    sectors: Sectors, per: FloatArray, p: FloatArray, weight: FloatArray, margin: float | None
) -> tuple[float, float, float]:
    """Do :func:`sweep_prices` with 1/B as given; drop, flow, missed."""
    head = *sectors.matrix, per, sectors.direct, weight, sectors.per_p0, sectors.near
    lanes, missed = sectors.lanes, 0.0
    if margin is None:
        if lanes is None:
            drop, flow, work = kernels.sweep_near(*head, p, 0, p.size)
        else:
            drop, flow, work = share_near(lanes, head, p)
    elif lanes is None:
        drop, flow, missed, work = kernels.sweep_all(
            *head, margin, sectors.costs, p, 0, p.size
        )  # fmt: skip
    else:
        drop, flow, missed, work = share_all(lanes, head, margin, sectors.costs, p)
    sectors.meter.work += work
    return drop, flow, missed


def reach_of(sectors: Sectors) -> IndexArray:
    """Count the non-zeros of the techniques of all goods before each, and of all."""
    first, order, aptr, _, _ = sectors.matrix
    total = np.concatenate([[0], np.cumsum(np.diff(aptr)[order], dtype=np.int64)])
    return np.asarray(total[first])


def _lanes_of(sectors: Sectors) -> Lanes | None:
    threads = current()
    return None if threads.size == 1 else open_lanes(reach_of(sectors), threads)


def settle_prices(
    sectors: Sectors, p: FloatArray, weight: FloatArray, tolerance: float
) -> tuple[float, bool]:
    """Sweep until prices are settled to `tolerance`, relative to the value of `weight`.

    Returns
    -------
    theta : float
        (p, w) + θ(p⁰, w⁰) satisfies every technique.
    settled : bool
        False when the time or the patience ran out.
    """
    window = Window(sectors.per_p0)
    old = p.copy()
    margin, swept = NEAR, 0
    while True:
        theta, flow, missed = sweep_prices(sectors, p, weight, margin)
        swept += 1
        value = float(weight @ p)
        if theta <= 2 * tolerance and flow <= 2 * tolerance * value:
            return theta, True
        if swept >= PATIENCE or sectors.meter.over():
            return theta, False
        if missed > 0.1 * flow:
            window.clear()
        else:
            window.add_step(old, p)
        # What the marks miss is of the order of what they missed; nothing is gained by going on
        # far below that. Prices yet to come differ little, so fewer techniques can be cheapest.
        enough = tolerance * value
        until = max(enough, IN_BETWEEN * (missed if swept > 1 else flow), LEAST_STAGE * flow)
        far = tolerance if until == enough else np.inf
        margin = min(NEAR, max(LEAST_NEAR, 10.0 * flow / value)) if value > 0 else NEAR
        while flow > until or theta > far:
            if swept >= PATIENCE or sectors.meter.over():
                return sweep_prices(sectors, p, weight, margin)[0], False
            if window.ready:
                _jump(window, p)
            np.copyto(old, p)
            theta, flow, _ = sweep_prices(sectors, p, weight, None)
            swept += 1
            window.add_step(old, p)
        if window.ready:
            _jump(window, p)
        np.copyto(old, p)


def _jump(window: Window, p: FloatArray) -> None:
    """Move prices to where they are heading."""
    gamma = window.mix()
    if gamma is not None:
        ahead = window.mixed(gamma)[0]
        np.copyto(p, ahead, where=ahead > 0)


def use_shares(sectors: Sectors) -> None:
    """List what the techniques in use need, so that sweeps over quantities read nothing else.

    That list is read three times as fast as the same techniques among all others.
    """
    first, order, aptr, aind, aval = sectors.matrix
    threads, share = current(), sectors.share
    parts = threads.parts(first.size - 1, aind.size)
    start = np.zeros(first.size, dtype=np.int64)
    counts = threads.each(
        lambda _, a, b: kernels.count_chosen(first, order, aptr, share, start, a, b), parts
    )
    before = np.cumsum([0, *counts]).tolist()
    forget_shares(sectors)  # the old list makes room for the new one
    which, amount = np.empty(before[-1], dtype=aind.dtype), np.empty(before[-1])

    def write(number: int, a: int, b: int) -> None:
        if number:
            start[a + 1 : b + 1] += before[number]
        kernels.list_chosen(
            first, order, aptr, aind, aval, sectors.techniques.per, share, which, amount,
            a, b, before[number],
        )  # fmt: skip

    threads.each(write, parts)
    sectors.chosen = unsigned(start), which, amount
    sectors.meter.work += int(start[-1])


def forget_shares(sectors: Sectors) -> None:
    """Give back the memory of the list of :func:`use_shares`, until the next."""
    sectors.chosen = _NOTHING


def settle_quantities(
    sectors: Sectors, y: FloatArray, demand: FloatArray, spare: FloatArray, tolerance: float
) -> bool:
    """Change outputs `y` until they cover `demand` with the shares of :func:`use_shares`.

    Returns
    -------
    bool
        True when (I − A_s) y ≥ demand holds for every good.
    """
    able = np.diff(sectors.techniques.first) > 0
    if sectors.lanes is not None:
        clear_accounts(sectors.lanes)
    extra = tolerance * spare
    short = demand + extra
    if y.any():
        _add_shortage(sectors, y, short)
    window = Window(sectors.p0)
    for _ in range(PATIENCE):
        if sectors.lanes is None:
            work = kernels.sweep_quantities(able, *sectors.chosen, y, short)
        else:
            work = share_quantities(sectors.lanes, able, sectors.chosen, y, short)
        sectors.meter.work += work
        # Neither short of demand nor, by more than the spare, beyond it.
        if bool((np.abs(short) <= extra).all()):
            return True
        if sectors.meter.over():
            return False
        window.add(y, short)
        gamma = window.mix() if window.ready else None
        if gamma is not None:
            # What is short is linear in outputs, so it goes the same way.
            y[:], short[:] = window.mixed(gamma)
            if (y < 0).any():
                np.maximum(y, 0.0, out=y)
                np.add(demand, extra, out=short)
                _add_shortage(sectors, y, short)
    return False


def _add_shortage(sectors: Sectors, y: FloatArray, short: FloatArray) -> None:
    if sectors.lanes is None:
        work = kernels.shortage(*sectors.chosen, y, short, 0, y.size)
    else:
        work = share_shortage(sectors.lanes, sectors.chosen, y, short)
    sectors.meter.work += work


def needs_of(sectors: Sectors, y: FloatArray) -> FloatArray:
    """Resources that outputs `y` use, in units of each resource."""
    t, threads = sectors.techniques, current()
    parts = threads.parts(y.size, sectors.economy.resource_use.nnz)
    out = np.zeros((len(parts), sectors.economy.n_resources))
    threads.each(
        lambda k, a, b: kernels.resource_needs(
            *t.spans, *sectors.use, t.per, sectors.share, y, out[k], a, b
        ),
        parts,
    )
    sectors.meter.work += sectors.economy.resource_use.nnz // 2
    return np.asarray(out.sum(axis=0))


def settle_contents(
    sectors: Sectors, contents: npt.NDArray[np.float32], tolerance: float, most: int
) -> int:
    """Sweep the table of resource contents until its mean relative change is small; sweeps."""
    t = sectors.techniques
    given = *t.spans, *sectors.use, t.per, sectors.share, sectors.scale, *sectors.chosen
    table = open_table(given, contents, sectors.chosen[1].size, lambda: reach_of(sectors))
    for number in range(most):
        change, work = sweep_table(table, number % 2 == 0)
        sectors.meter.work += work * contents.shape[1]
        if change <= tolerance or sectors.meter.over():
            return number + 1
    return most
