"""What the sectors answer to given rents: prices, outputs, and total resource requirements.

Every bound comes from prices or plans that are feasible whatever the sweeps left undone:

- a sweep leaves prices p that exceed a technique's cost by at most drop·(p⁰A_j)/B_j, where p⁰
  are least-cost prices of the rents w⁰ if everything cost a share LOSS less. So (p, w) + θ(p⁰, w⁰)
  with θ = drop/LOSS satisfies every technique;
- outputs y are made for a demand with a spare ε·s on every good, until what is still short of
  each good is less than its spare.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.planners import kernels
from planbench.planners.extrapolation import Window
from planbench.planners.kernels import Arrays, InputsInUse
from planbench.planners.techniques import Meter, Techniques, unsigned

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


class Sectors:
    """The economy as the sectors see it, with the arrays they work in.

    Parameters
    ----------
    economy : Economy
    techniques : Techniques
    scale : ndarray, shape (resources,)
        1/r, 0 where the resource is left out of account.
    meter : Meter

    Attributes
    ----------
    arrays : Arrays
        Views of the economy's arrays for the kernels.
    p0, w0 : ndarray
        Prices and rents with a margin everywhere, which repair others.
    direct, costs, near, share : ndarray
        By activity (`direct`) or in the order of ``techniques.order``.
    used : InputsInUse
        A_s of the shares at the last :meth:`list_inputs`.
    """

    def __init__(
        self, economy: Economy, techniques: Techniques, scale: FloatArray, meter: Meter
    ) -> None:
        self.economy, self.techniques, self.scale, self.meter = economy, techniques, scale, meter
        self.arrays = Arrays.of(economy, techniques)
        listed = techniques.order.size
        self.costs, self.share = np.zeros(listed), np.zeros(listed)
        self.near = np.ones(listed, dtype=np.bool_)
        self.used = _no_inputs()
        self.w0 = scale / max(1, int(np.count_nonzero(scale)))
        self.p0 = p0 = np.zeros(economy.n_goods)
        self.per_p0 = np.ones(economy.n_goods)
        self.charge_rents(self.w0)
        cheaper = self.arrays._replace(per=techniques.per * (1.0 - LOSS))
        weight = np.asarray(economy.assortment @ economy.weights)
        positive = -1
        for _ in range(PATIENCE):
            _, flow, _ = self._sweep(cheaper, p0, weight, NEAR)
            # A good still free of cost after a sweep that gave none its first cost stays free.
            before, positive = positive, int(np.count_nonzero(p0))
            if positive == before and (flow <= 0.1 * float(weight @ p0) or meter.over()):
                break
        with np.errstate(divide="ignore"):
            self.per_p0 = np.where(p0 > 0, 1.0 / p0, 0.0)

    def charge_rents(self, rents: FloatArray) -> None:
        """Compute the cost of the resources of a unit of every activity."""
        self.direct = np.asarray(self.economy.resource_use.T @ rents)
        self.meter.work += self.economy.resource_use.nnz

    def sweep_prices(
        self, p: FloatArray, weight: FloatArray, margin: float | None
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
        drop, flow, missed = self._sweep(self.arrays, p, weight, margin)
        return drop / LOSS, flow, missed

    def _sweep(
        self, arrays: Arrays, p: FloatArray, weight: FloatArray, margin: float | None
    ) -> tuple[float, float, float]:
        """Do :func:`sweep_prices` with 1/B as given; drop, flow, missed."""
        drop, flow, missed, work = kernels.sweep_prices(
            arrays, self.direct, weight, self.per_p0, self.near,
            -1.0 if margin is None else margin, self.costs, p,
        )  # fmt: skip
        self.meter.work += work
        return drop, flow, missed

    # Prices of goods that cannot be made rise without end.
    @np.errstate(over="ignore")
    def solve_prices(
        self, p: FloatArray, weight: FloatArray, tolerance: float
    ) -> tuple[float, bool]:
        """Sweep until prices have converged to `tolerance`, relative to the value of `weight`.

        Returns
        -------
        theta : float
            (p, w) + θ(p⁰, w⁰) satisfies every technique.
        converged : bool
            False when the time or the sweeps ran out.
        """
        window = Window(self.per_p0)
        old = p.copy()
        margin, swept = NEAR, 0
        while True:
            theta, flow, missed = self.sweep_prices(p, weight, margin)
            swept += 1
            value = float(weight @ p)
            if theta <= 2 * tolerance and flow <= 2 * tolerance * value:
                return theta, True
            if swept >= PATIENCE or self.meter.over():
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
                if swept >= PATIENCE or self.meter.over():
                    return self.sweep_prices(p, weight, margin)[0], False
                if window.ready:
                    _extrapolate(window, p)
                np.copyto(old, p)
                theta, flow, _ = self.sweep_prices(p, weight, None)
                swept += 1
                window.add_step(old, p)
            if window.ready:
                _extrapolate(window, p)
            np.copyto(old, p)

    def list_inputs(self) -> None:
        """List the inputs of the techniques in use, so that sweeps over outputs read nothing else.

        That list is read three times as fast as the same techniques among all others.
        """
        arrays, share = self.arrays, self.share
        sizes = np.diff(self.economy.inputs.indptr)[self.techniques.order]
        ends = np.cumsum(np.where(share > 0, sizes, 0), dtype=np.int64)
        start = np.concatenate([[0], ends])[self.techniques.first]
        count = int(start[-1])
        self.forget_inputs()  # the old list makes room for the new one
        good, amount = np.empty(count, dtype=arrays.aind.dtype), np.empty(count)
        kernels.list_inputs(arrays, share, good, amount)
        self.used = InputsInUse(unsigned(start), good, amount)
        self.meter.work += count

    def forget_inputs(self) -> None:
        """Give back the memory of the list of :func:`list_inputs`, until the next."""
        self.used = _no_inputs()

    def solve_outputs(
        self, y: FloatArray, demand: FloatArray, spare: FloatArray, tolerance: float
    ) -> bool:
        """Change outputs `y` until they cover `demand` with the shares of :func:`list_inputs`.

        Returns
        -------
        bool
            True when (I − A_s) y ≥ demand holds for every good.
        """
        able = np.diff(self.techniques.first) > 0
        used, meter = self.used, self.meter
        extra = tolerance * spare
        short = demand + extra
        if y.any():
            meter.work += kernels.add_shortage(used, y, short)
        window = Window(self.p0)
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

    def levels(self, y: FloatArray) -> FloatArray:
        """Levels of the activities that make outputs `y`."""
        t = self.techniques
        x = np.zeros(self.economy.n_activities)
        x[t.order] = y[t.good] * self.share * t.per[t.order]
        return x

    def solve_requirements(
        self, requirements: npt.NDArray[np.float32], tolerance: float, most: int
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
                self.arrays, self.share, self.scale, self.used, number % 2 == 0,
                requirements, row,
            )  # fmt: skip
            self.meter.work += work * requirements.shape[1]
            if change <= tolerance or self.meter.over():
                return number + 1
        return most


def _extrapolate(window: Window, p: FloatArray) -> None:
    """Move prices to where they are heading."""
    gamma = window.mix()
    if gamma is not None:
        ahead = window.mixed(gamma)[0]
        np.copyto(p, ahead, where=ahead > 0)
