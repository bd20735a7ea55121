"""What the sectors answer to the centre's rents: prices, techniques, outputs, needs.

Every bound comes from prices or plans that are feasible whatever the sweeps left undone:

- a sweep leaves prices p that exceed a technique's cost by at most drop·(p⁰A_j)/B_j, where p⁰
  are least-cost prices of the rents w⁰ if everything cost a share LOSS less. So (p, w) + θ(p⁰, w⁰)
  with θ = drop/LOSS satisfies every technique;
- outputs y are made for a demand with a spare ε·s on every good, until what is still short of
  each good is less than its spare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.solvers.planners import kernels
from planbench.solvers.planners.state import Meter, Techniques, unsigned

#: How much cheaper everything is in the prices p⁰ that mend p.
LOSS = 0.25
#: Share of the last change at which all techniques are looked at again.
IN_BETWEEN = 0.03
#: Sweeps after which slow convergence means that some good may not be makeable.
PATIENCE = 400


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
    charge_rents(sectors, w0)
    cheaper = techniques.per * (1.0 - LOSS)
    weight = np.asarray(economy.assortment @ economy.weights)
    p0 = sectors.p0
    positive = -1
    for _ in range(PATIENCE):
        _, flow, work = kernels.sweep_all(
            *sectors.matrix, cheaper, sectors.direct, weight, sectors.per_p0, sectors.near, sectors.costs, p0,
        )  # fmt: skip
        meter.work += work
        # A good still free of cost after a sweep that gave none its first cost stays free.
        before, positive = positive, int(np.count_nonzero(p0))
        if positive == before and (flow <= 0.1 * float(weight @ p0) or meter.over()):
            break
    with np.errstate(divide="ignore"):
        sectors.per_p0 = np.where(p0 > 0, 1.0 / p0, 0.0)
    return sectors


def charge_rents(sectors: Sectors, rents: FloatArray) -> None:
    """Work out what the resources of a unit of every activity cost."""
    kernels.direct_costs(*sectors.use, rents, sectors.direct)
    sectors.meter.work += sectors.economy.resource_use.nnz


def sweep_prices(
    sectors: Sectors, p: FloatArray, weight: FloatArray, *, everything: bool
) -> tuple[float, float]:
    """Sweep once over all techniques or those near the cheapest.

    Returns
    -------
    theta : float
        (p, w) + θ(p⁰, w⁰) satisfies every technique looked at.
    flow : float
        Σ weight |change of p|.
    """
    per = sectors.techniques.per
    head = *sectors.matrix, per, sectors.direct, weight, sectors.per_p0, sectors.near
    if everything:
        drop, flow, work = kernels.sweep_all(*head, sectors.costs, p)
    else:
        drop, flow, work = kernels.sweep_near(*head, p)
    sectors.meter.work += work
    return drop / LOSS, flow


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
    old = np.empty_like(p)
    swept = 0
    while True:
        theta, flow = sweep_prices(sectors, p, weight, everything=True)
        swept += 1
        enough = tolerance * float(weight @ p)
        if theta <= 2 * tolerance and flow <= 2 * enough:
            return theta, True
        # Which techniques are near changes as prices do: look at all of them from time to time.
        until = max(enough, IN_BETWEEN * flow)
        far = max(tolerance, IN_BETWEEN * theta, until / float(weight @ p))
        since, ratio = 0, 0.0
        while flow > until or theta > far:
            if swept >= PATIENCE or sectors.meter.over():
                return sweep_prices(sectors, p, weight, everything=True)[0], False
            np.copyto(old, p)
            before = flow
            theta, flow = sweep_prices(sectors, p, weight, everything=False)
            swept, since = swept + 1, since + 1
            last, ratio = ratio, flow / before if before > 0 else 0.0
            if since >= 4 and steady(last, ratio) and flow > until:
                p += ratio / (1 - ratio) * (p - old)
                np.maximum(p, 0.0, out=p)
                since = 0


def steady(last: float, ratio: float) -> bool:
    """Whether changes shrink at a steady rate, so that what they sum up to can be foreseen.

    Where one eigenvector dominates the error, changes c, λc, λ²c, … sum to c/(1 − λ)
    (Lyusternik's extrapolation).
    """
    return ratio < 0.9 and abs(ratio - last) <= 0.05 * ratio


def settle_quantities(
    sectors: Sectors, y: FloatArray, demand: FloatArray, spare: FloatArray, tolerance: float
) -> bool:
    """Change outputs `y` until they cover `demand` with the shares in use.

    Returns
    -------
    bool
        True when (I − A_s) y ≥ demand holds for every good.
    """
    head = (*sectors.matrix, sectors.techniques.per, sectors.share, y)
    extra = tolerance * spare
    short = demand + extra
    if y.any():
        sectors.meter.work += kernels.shortage(*head, short)
    old_y, old_short = np.empty_like(y), np.empty_like(y)
    left, ratio, since = np.inf, 0.0, 0
    for _ in range(PATIENCE):
        np.copyto(old_y, y)
        np.copyto(old_short, short)
        sectors.meter.work += kernels.sweep_quantities(*head, short)
        # Neither short of demand nor, by more than the spare, beyond it.
        if bool((np.abs(short) <= extra).all()):
            return True
        if sectors.meter.over():
            return False
        before, left = left, float(np.abs(short) @ sectors.p0)
        last, ratio, since = ratio, left / before if before > 0 else 0.0, since + 1
        if since >= 4 and steady(last, ratio):
            # What is short is linear in outputs, so it goes the same way.
            more = ratio / (1 - ratio)
            y += more * (y - old_y)
            short += more * (short - old_short)
            if (y < 0).any():
                np.maximum(y, 0.0, out=y)
                np.add(demand, extra, out=short)
                sectors.meter.work += kernels.shortage(*head, short)
            since = 0
    return False


def needs_of(sectors: Sectors, y: FloatArray) -> FloatArray:
    """Resources that outputs `y` use, in units of each resource."""
    t = sectors.techniques
    out = np.zeros(sectors.economy.n_resources)
    kernels.resource_needs(*t.spans, *sectors.use, t.per, sectors.share, y, out)
    sectors.meter.work += sectors.economy.resource_use.nnz // 2
    return out


def settle_contents(
    sectors: Sectors, contents: npt.NDArray[np.float32], tolerance: float, most: int
) -> int:
    """Sweep the table of resource contents until its mean relative change is small; sweeps."""
    t = sectors.techniques
    k = contents.shape[1]
    row = np.zeros(k, dtype=np.float32)
    for sweep in range(most):
        change, work = kernels.sweep_contents(
            *sectors.matrix, *sectors.use, t.per, sectors.share, sectors.scale,
            sweep % 2 == 0, contents, row,
        )  # fmt: skip
        sectors.meter.work += work * k
        if change <= tolerance or sectors.meter.over():
            return sweep + 1
    return most
