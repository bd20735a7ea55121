"""What the sectors answer to given rents: prices, outputs, and total resource requirements.

Every bound comes from prices or plans that are feasible whatever the sweeps left undone:

- a sweep leaves prices p that exceed a technique's cost by at most drop·(p⁰A_j)/B_j, where p⁰
  are least-cost prices of the rents w⁰ if everything cost a share LOSS less. So (p, w) + θ(p⁰, w⁰)
  with θ = drop/LOSS satisfies every technique;
- outputs y are made for a demand with a spare ε·s on every good, until what is still short of
  each good is less than its spare.

A sweep leaves about ρ of the error, ρ the largest growth factor of A_s for the techniques in
use. Where an economy barely reproduces itself, ρ is so near 1 that no number of sweeps will
do. Then prices are found by policy iteration (:class:`PolicyIteration`; Howard 1960): those of a
choice s of techniques solve p(I − A_s) = w R_s; a cheaper technique at these prices takes the
place of the one in use; prices fall until none is cheaper. The choice to begin with is that of
the sweeps so far. Every system is factorised (sparse LU), which random networks of many goods do
not permit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

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
#: More goods than this are not factorised: the factors of a random network fill up.
LARGEST = 3000
#: Factorisations after which the search for the cheapest techniques is given up.
MOST = 120
#: A technique takes over when it is cheaper by more than this share.
CHEAPER = 1e-13
#: Times the rounding of its balance that is left over of every good.
SAFETY = 10.0


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


IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Factors:
    """I − A_s factorised."""

    matrix: Any
    lu: Any

    def prices(self, costs: FloatArray) -> FloatArray:
        """Solve p(I − A_s) = costs; costs of shape (able goods,) or (able goods, k)."""
        out = self.lu.solve(costs, "T")
        return np.asarray(out + self.lu.solve(costs - self.matrix.T @ out, "T"))

    def outputs(self, demand: FloatArray) -> FloatArray:
        """Solve (I − A_s) y = demand."""
        out = self.lu.solve(demand)
        return np.asarray(out + self.lu.solve(demand - self.matrix @ out))


def can_factorise(sectors: Sectors) -> bool:
    """Whether the economy is small enough to be factorised."""
    return sectors.economy.n_goods <= LARGEST


class PolicyIteration:
    """Solves for prices and outputs of a small economy by factorising.

    Only goods that have techniques count, in units that make the prices with a margin 1;
    techniques are counted per unit of their good.

    Parameters
    ----------
    sectors : Sectors
    """

    def __init__(self, sectors: Sectors) -> None:
        self.sectors = sectors
        t = sectors.techniques
        counts = np.diff(t.first).astype(np.int64)
        self._goods = np.flatnonzero(counts > 0)
        self._count = counts[self._goods]
        self._begin = t.first[:-1][self._goods].astype(np.int64)
        self._row = np.repeat(np.arange(self._goods.size), self._count)
        p0 = sectors.p0[self._goods]
        self._unit = np.where(p0 > 0, p0, 1.0)
        self._per = t.per[t.order] / self._unit[self._row]
        inputs = sp.csc_array(sectors.economy.inputs[:, t.order][self._goods, :])
        scaled = sp.diags_array(self._unit) @ inputs @ sp.diags_array(self._per)
        self._inputs = sp.csc_array(scaled)
        #: A technique of every good that together are productive, once some were found.
        self._choice: IntArray | None = None
        self._in_use: _Factors | None = None

    def solve_prices(self, p: FloatArray) -> bool:
        """Change `p` to the least-cost prices of ``sectors.direct``; False if they are not found.

        Parameters
        ----------
        p : ndarray, shape (goods,)
            Prices whose cheapest techniques are tried first.
        """
        direct = self.sectors.direct[self.sectors.techniques.order] * self._per
        choice = self._cheapest(direct + (p[self._goods] / self._unit) @ self._inputs)
        found = self._improve(direct, choice)
        if found is None and self._choice is not None:
            # What was productive once is so at all rents.
            found = self._improve(direct, self._choice)
        if found is None:
            return False
        self._choice = found[0]
        prices = np.maximum(found[1], 0.0) * self._unit
        p[self._goods] = np.where(self.sectors.p0[self._goods] > 0, prices, 0.0)
        return True

    def solve_outputs(self, demand: FloatArray, spare: FloatArray) -> FloatArray | None:
        """Return outputs that meet `demand` and about leave `spare`, with the shares in use.

        None where these techniques eat more than they make, or rounding forbids it.
        """
        mixed = self._by_good(self.sectors.share)
        self._in_use = factors = self._factorise(sp.csc_array(self._inputs @ mixed))
        if factors is None:
            return None
        least = demand[self._goods] * self._unit
        wanted = least + spare[self._goods] * self._unit
        y = factors.outputs(wanted)
        # A hair of every output is left over, lest rounding make balances fall short.
        users = np.bincount(self._inputs.indices, minlength=y.size) + self._count
        hair = SAFETY * (users + 16) * 2.0**-53
        y = np.maximum(factors.outputs(wanted + hair * np.maximum(y, 0.0)), 0.0)
        if (factors.matrix @ y < least).any():
            return None
        out = np.zeros(demand.size)
        out[self._goods] = y / self._unit
        return out

    def write_requirements(self, requirements: npt.NDArray[np.float32]) -> None:
        """Write what a unit of each good uses of every endowment in all, with these techniques."""
        assert self._in_use is not None
        sectors = self.sectors
        mixed = self._by_good(sectors.share * self._per)
        use = sectors.economy.resource_use[:, sectors.techniques.order]
        use = sp.diags_array(sectors.scale) @ use @ mixed
        rows = self._in_use.prices(np.ascontiguousarray(use.toarray().T))
        requirements[self._goods] = np.maximum(rows, 0.0) * self._unit[:, None]

    def _by_good(self, weight: FloatArray) -> sp.csc_array:
        """Matrix that adds up techniques, each by its weight, to their goods."""
        shape = weight.size, self._goods.size
        return sp.csc_array((weight, (np.arange(weight.size), self._row)), shape=shape)

    def _cheapest(self, costs: FloatArray) -> IntArray:
        """Cheapest technique of every good, the first of equals."""
        least = np.minimum.reduceat(costs, self._begin)
        at = np.flatnonzero(costs <= least[self._row])
        return np.asarray(at[np.unique(self._row[at], return_index=True)[1]])

    def _factorise(self, inputs: Any) -> _Factors | None:
        """Factorise I − inputs if that is productive: a unit of every good can be made."""
        from scipy.sparse.linalg import splu

        n = inputs.shape[0]
        matrix = sp.csc_array(sp.eye_array(n, format="csc") - inputs)
        try:
            # No other pivots than the diagonal are needed where more is made than eaten.
            lu = splu(matrix, diag_pivot_thresh=0.0)
        except RuntimeError:  # exactly singular
            return None
        below = np.diff(lu.L.indptr).astype(np.float64)
        right = np.bincount(lu.U.indices, minlength=n).astype(np.float64)
        self.sectors.meter.work += int(below @ right)
        factors = _Factors(matrix, lu)
        ones = np.ones(n)
        values = factors.prices(ones)
        # Hawkins and Simon (1949): productive just if a positive surplus has positive prices.
        if not np.isfinite(values).all() or (values < 0.5).any():
            return None
        left = np.abs(ones - matrix.T @ values)
        return factors if bool((left < 0.5).all()) else None

    def _improve(self, direct: FloatArray, choice: IntArray) -> tuple[IntArray, FloatArray] | None:
        """Policy iteration from a productive choice; None where one on the way is not."""
        before = np.inf
        for _ in range(MOST):
            factors = self._factorise(self._inputs[:, choice])
            if factors is None:
                return None
            prices = factors.prices(direct[choice])
            total = float(prices.sum())
            costs = direct + prices @ self._inputs
            better = self._cheapest(costs)
            # The technique in use stays where the others are cheaper by rounding only.
            better = np.where(costs[better] < prices * (1.0 - CHEAPER), better, choice)
            done = bool((better == choice).all()) or not total < before * (1.0 - CHEAPER)
            if done or self.sectors.meter.over():
                break
            choice, before = better, total
        return choice, prices
