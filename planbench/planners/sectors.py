"""What the sectors answer to given rents: prices, outputs, and total resource requirements.

Every bound comes from prices or plans that are feasible whatever the sweeps left undone:

- a sweep leaves prices p that exceed a technique's cost by at most drop·(p⁰A_j)/B_j, where p⁰
  are least-cost prices of the rents w⁰ if everything cost a share LOSS less. So (p, w) + θ(p⁰, w⁰)
  with θ = drop/LOSS satisfies every technique;
- outputs y are made for a demand with a spare ε·s on every good, until what is still short of
  each good is less than its spare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.planners import kernels
from planbench.planners.extrapolation import Window
from planbench.planners.kernels import Arrays, InputsInUse, PriceWeights
from planbench.planners.techniques import BoolArray, Meter, Techniques, unsigned

#: How much cheaper everything is in the prices p⁰ that repair p.
LOSS = 0.25
#: The next sweep over all techniques comes when changes are down to this share of what the last
#: one found missing from the marks, or to this share of its own change.
IN_BETWEEN, LEAST_STAGE = 0.1, 1e-4
#: Techniques dearer than the cheapest by more than this share are left out of the sweeps in
#: between: at most and at least.
NEAR, LEAST_NEAR = 0.05, 1e-5
#: Sweeps after which slow convergence means that some good may not be makeable.
PATIENCE = 400


def _no_inputs() -> InputsInUse:
    return InputsInUse(np.zeros(1, np.uint32), np.zeros(1, np.uint32), np.zeros(0))


@dataclass
class Sectors:
    """The economy as the sectors see it, with the arrays they work in.

    Attributes
    ----------
    economy : Economy
    techniques : Techniques
    arrays : Arrays
        Views of the economy's arrays for the kernels.
    scale : ndarray, shape (resources,)
        1/r, 0 where the resource is left out of account.
    meter : Meter
    p0, w0 : ndarray
        Prices and rents with a margin everywhere.
    direct, costs, near, share : ndarray
        By activity (`direct`) or in the order of ``techniques.order``.
    used : InputsInUse
        A_s of the shares at the last :func:`list_inputs`.
    """

    economy: Economy
    techniques: Techniques
    arrays: Arrays
    scale: FloatArray
    meter: Meter
    w0: FloatArray
    p0: FloatArray
    per_p0: FloatArray
    direct: FloatArray
    costs: FloatArray
    near: BoolArray
    share: FloatArray
    used: InputsInUse


def open_sectors(
    economy: Economy, techniques: Techniques, scale: FloatArray, meter: Meter
) -> Sectors:
    """Allocate what the sectors need and compute the prices p⁰ that repair others."""
    n, m = economy.n_goods, economy.n_activities
    k = max(1, int(np.count_nonzero(scale)))
    listed = techniques.order.size
    w0 = scale / k
    sectors = Sectors(
        economy=economy,
        techniques=techniques,
        arrays=Arrays.of(economy, techniques),
        scale=scale,
        meter=meter,
        w0=w0,
        p0=np.zeros(n),
        per_p0=np.ones(n),
        direct=np.empty(m),
        costs=np.zeros(listed),
        near=np.ones(listed, dtype=np.bool_),
        share=np.zeros(listed),
        used=_no_inputs(),
    )
    charge_rents(sectors, w0)
    cheaper = sectors.arrays._replace(per=techniques.per * (1.0 - LOSS))
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
    """Compute the cost of the resources of a unit of every activity."""
    sectors.direct[:] = sectors.economy.resource_use.T @ rents
    sectors.meter.work += sectors.economy.resource_use.nnz


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
        (p, w) + θ(p⁰, w⁰) satisfies every technique that was swept.
    flow : float
        Σ weight |change of p|.
    missed : float
        What the cheapest techniques cost less than the marked ones, by `weight`.
    """
    drop, flow, missed = _sweep(sectors, sectors.arrays, p, weight, margin)
    return drop / LOSS, flow, missed


def _sweep(
    sectors: Sectors, arrays: Arrays, p: FloatArray, weight: FloatArray, margin: float | None
) -> tuple[float, float, float]:
    """Do :func:`sweep_prices` with 1/B as given; drop, flow, missed."""
    drop, flow, missed, work = kernels.sweep_prices(
        arrays, sectors.direct, PriceWeights(weight, sectors.per_p0), sectors.near,
        -1.0 if margin is None else margin, sectors.costs, p,
    )  # fmt: skip
    sectors.meter.work += work
    return drop, flow, missed


def solve_prices(
    sectors: Sectors, p: FloatArray, weight: FloatArray, tolerance: float
) -> tuple[float, bool]:
    """Sweep until prices have converged to `tolerance`, relative to the value of `weight`.

    Returns
    -------
    theta : float
        (p, w) + θ(p⁰, w⁰) satisfies every technique.
    converged : bool
        False when the time or the sweeps ran out.
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
        # The marks will miss about as much as they missed this time: converging far below that
        # gains nothing. Later prices differ little, so fewer techniques can be cheapest.
        enough = tolerance * value
        until = max(enough, IN_BETWEEN * (missed if swept > 1 else flow), LEAST_STAGE * flow)
        far = tolerance if until == enough else np.inf
        margin = min(NEAR, max(LEAST_NEAR, 10.0 * flow / value)) if value > 0 else NEAR
        while flow > until or theta > far:
            if swept >= PATIENCE or sectors.meter.over():
                return sweep_prices(sectors, p, weight, margin)[0], False
            if window.ready:
                _extrapolate(window, p)
            np.copyto(old, p)
            theta, flow, _ = sweep_prices(sectors, p, weight, None)
            swept += 1
            window.add_step(old, p)
        if window.ready:
            _extrapolate(window, p)
        np.copyto(old, p)


def _extrapolate(window: Window, p: FloatArray) -> None:
    """Move prices to where they are heading."""
    gamma = window.mix()
    if gamma is not None:
        ahead = window.mixed(gamma)[0]
        np.copyto(p, ahead, where=ahead > 0)


def list_inputs(sectors: Sectors) -> None:
    """List the inputs of the techniques in use, so that sweeps over outputs read nothing else.

    That list is read three times as fast as the same techniques among all others.
    """
    arrays, share = sectors.arrays, sectors.share
    start = np.zeros(arrays.first.size, dtype=np.int64)
    count = kernels.count_inputs(arrays, share, start)
    forget_inputs(sectors)  # the old list makes room for the new one
    good, amount = np.empty(count, dtype=arrays.aind.dtype), np.empty(count)
    kernels.list_inputs(arrays, share, good, amount)
    sectors.used = InputsInUse(unsigned(start), good, amount)
    sectors.meter.work += count


def forget_inputs(sectors: Sectors) -> None:
    """Give back the memory of the list of :func:`list_inputs`, until the next."""
    sectors.used = _no_inputs()


def solve_outputs(
    sectors: Sectors, y: FloatArray, demand: FloatArray, spare: FloatArray, tolerance: float
) -> bool:
    """Change outputs `y` until they cover `demand` with the shares of :func:`list_inputs`.

    Returns
    -------
    bool
        True when (I − A_s) y ≥ demand holds for every good.
    """
    able = np.diff(sectors.techniques.first) > 0
    used, meter = sectors.used, sectors.meter
    extra = tolerance * spare
    short = demand + extra
    if y.any():
        meter.work += kernels.add_shortage(used, y, short)
    window = Window(sectors.p0)
    for _ in range(PATIENCE):
        meter.work += kernels.sweep_outputs(able, used, y, short)
        # Neither short of demand nor, by more than the spare, beyond it.
        if bool((np.abs(short) <= extra).all()):
            return True
        if meter.over():
            return False
        window.add(y, short)
        gamma = window.mix() if window.ready else None
        if gamma is not None:
            # What is short is linear in outputs, so it is extrapolated alike.
            y[:], short[:] = window.mixed(gamma)
            if (y < 0).any():
                np.maximum(y, 0.0, out=y)
                np.add(demand, extra, out=short)
                meter.work += kernels.add_shortage(used, y, short)
    return False


def levels(sectors: Sectors, y: FloatArray) -> FloatArray:
    """Levels of the activities that make outputs `y`."""
    t = sectors.techniques
    x = np.zeros(sectors.economy.n_activities)
    x[t.order] = y[t.good] * sectors.share * t.per[t.order]
    return x


def resource_use(sectors: Sectors, y: FloatArray) -> FloatArray:
    """Resources that outputs `y` use, in units of each resource."""
    out = np.zeros(sectors.economy.n_resources)
    kernels.resource_use(sectors.arrays, sectors.share, y, out)
    sectors.meter.work += sectors.economy.resource_use.nnz // 2
    return out


def solve_requirements(
    sectors: Sectors, requirements: npt.NDArray[np.float32], tolerance: float, most: int
) -> int:
    """Sweep the resource requirements until their mean relative change is small.

    Parameters
    ----------
    requirements : ndarray of float32, shape (goods, resources)
        Share of each endowment in a unit of each good, direct and indirect; changed in place.
    tolerance : float
    most : int
        Most sweeps.

    Returns
    -------
    int
        Sweeps done.
    """
    row = np.zeros(requirements.shape[1], np.float32)
    for number in range(most):
        change, work = kernels.sweep_requirements(
            sectors.arrays, sectors.share, sectors.scale, sectors.used, number % 2 == 0,
            requirements, row,
        )  # fmt: skip
        sectors.meter.work += work * requirements.shape[1]
        if change <= tolerance or sectors.meter.over():
            return number + 1
    return most
