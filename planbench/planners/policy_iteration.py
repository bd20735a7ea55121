"""Policy iteration for prices, and factorised systems, where sweeps converge too slowly.

A sweep leaves about ρ of the error, ρ the largest growth factor of A_s for the techniques in
use. Where an economy barely reproduces itself, ρ is so near 1 that no number of sweeps will
do. Then prices are found by policy iteration (Howard 1960): those of a choice s of techniques
solve p(I − A_s) = w R_s; a cheaper technique at these prices takes the place of the one in use;
prices fall until none is cheaper. A choice to begin with, one that makes more than it eats, is
found by counting inputs at a share β < 1 of what they are and letting β rise. Every system is
factorised (sparse LU), which random networks of many goods do not permit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.model.arrays import FloatArray
from planbench.planners.sectors import Sectors

IntArray = npt.NDArray[np.int64]

#: More goods than this are not factorised: the factors of a random network fill up.
LARGEST = 3000
#: Factorisations after which the search for the cheapest techniques is given up.
MOST = 120
#: A technique takes over when it is cheaper by more than this share.
CHEAPER = 1e-13
#: Cost of a technique that decides between free ones, as a share of an average cost.
TRIFLE = 1e-9
#: Times the rounding of its balance that is left over of every good.
SAFETY = 10.0


@dataclass(eq=False)
class Listed:
    """Techniques per unit of their good, in units that make prices with a margin 1.

    Attributes
    ----------
    goods : ndarray of int64, shape (able goods,)
        Goods that have techniques.
    unit : ndarray, shape (able goods,)
        p⁰ of these goods, 1 where it is 0.
    begin, count : ndarray of int64, shape (able goods,)
        Where each good's techniques begin, and how many they are.
    inputs : csc_array, shape (able goods, techniques)
    choice : ndarray of int64, shape (able goods,), or None
        A technique of every good that together are productive, once some were found.
    """

    goods: IntArray
    unit: FloatArray
    begin: IntArray
    count: IntArray
    inputs: Any
    choice: IntArray | None = None

    @property
    def row(self) -> IntArray:
        """Good of each technique, as its place in `goods`."""
        return np.repeat(np.arange(self.goods.size), self.count)


@dataclass(frozen=True, eq=False)
class Factors:
    """I − A_s factorised, in the units of :class:`Listed`."""

    matrix: Any
    lu: Any

    def prices(self, costs: FloatArray) -> FloatArray:
        """Solve p(I − A_s) = costs; costs of shape (able goods,) or (able goods, k)."""
        return self._solved(costs, "T")

    def outputs(self, demand: FloatArray) -> FloatArray:
        """Solve (I − A_s) y = demand."""
        return self._solved(demand, "N")

    def _solved(self, right: FloatArray, trans: str) -> FloatArray:
        matrix = self.matrix.T if trans == "T" else self.matrix
        out = self.lu.solve(right, trans)
        return np.asarray(out + self.lu.solve(right - matrix @ out, trans))


def fits(sectors: Sectors) -> bool:
    """Whether the economy is small enough to be factorised."""
    return sectors.economy.n_goods <= LARGEST


def list_inputs(sectors: Sectors) -> Listed:
    """List the techniques of `sectors` per unit of value."""
    t = sectors.techniques
    counts = np.diff(t.first).astype(np.int64)
    goods = np.flatnonzero(counts > 0)
    p0 = sectors.p0[goods]
    unit = np.where(p0 > 0, p0, 1.0)
    per = np.repeat(1.0 / unit, counts[goods]) * t.per[t.order]
    inputs = sp.csc_array(sectors.economy.inputs[:, t.order][goods, :])
    scaled = sp.csc_array(sp.diags_array(unit) @ inputs @ sp.diags_array(per))
    return Listed(goods, unit, t.first[:-1][goods].astype(np.int64), counts[goods], scaled)


def cheapest_prices(sectors: Sectors, listed: Listed, p: FloatArray) -> bool:
    """Change `p` to the least-cost prices of ``sectors.direct``; False where they are not found.

    Parameters
    ----------
    p : ndarray, shape (goods,)
        Prices whose cheapest techniques are tried first.
    """
    t = sectors.techniques
    direct = sectors.direct[t.order] * t.per[t.order] / np.repeat(listed.unit, listed.count)
    budget = [MOST]
    choice = _choose(listed, direct + (p[listed.goods] / listed.unit) @ listed.inputs)
    found = _improve(sectors, listed, direct, choice, 1.0, budget)
    if found is None:
        # What was productive once is so at all rents.
        start = listed.choice
        if start is None:
            start = _productive_choice(sectors, listed, direct, choice, budget)
        if start is not None:
            found = _improve(sectors, listed, direct, start, 1.0, budget)
    if found is None:
        return False
    listed.choice = found[0]
    prices = np.maximum(found[1], 0.0) * listed.unit
    p[listed.goods] = np.where(sectors.p0[listed.goods] > 0, prices, 0.0)
    return True


def factor_shares(sectors: Sectors, listed: Listed) -> Factors | None:
    """Factorise I − A_s of the shares in use; None where s eats more than it makes."""
    columns = sp.csc_array(
        (sectors.share, (np.arange(sectors.share.size), listed.row)),
        shape=(sectors.share.size, listed.goods.size),
    )
    return _factorise(sectors, sp.csc_array(listed.inputs @ columns))


def outputs_for(
    listed: Listed, factors: Factors, demand: FloatArray, spare: FloatArray
) -> FloatArray | None:
    """Return outputs that meet `demand` and about leave `spare`, None where rounding forbids."""
    least = demand[listed.goods] * listed.unit
    wanted = least + spare[listed.goods] * listed.unit
    y = factors.outputs(wanted)
    # A hair of every output is left over, lest rounding make balances fall short.
    users = np.bincount(listed.inputs.indices, minlength=y.size) + listed.count
    hair = SAFETY * (users + 16) * 2.0**-53
    y = np.maximum(factors.outputs(wanted + hair * np.maximum(y, 0.0)), 0.0)
    if (factors.matrix @ y < least).any():
        return None
    out = np.zeros(demand.size)
    out[listed.goods] = y / listed.unit
    return out


def write_requirements(
    sectors: Sectors, listed: Listed, factors: Factors, requirements: npt.NDArray[np.float32]
) -> None:
    """Write what a unit of each good uses of every endowment in all to `requirements`."""
    t = sectors.techniques
    weight = sectors.share * t.per[t.order] / np.repeat(listed.unit, listed.count)
    mixed = sp.csc_array(
        (weight, (np.arange(weight.size), listed.row)), shape=(weight.size, listed.goods.size)
    )
    use = sp.diags_array(sectors.scale) @ sectors.economy.resource_use[:, t.order] @ mixed
    rows = factors.prices(np.ascontiguousarray(use.toarray().T))
    requirements[listed.goods] = np.maximum(rows, 0.0) * listed.unit[:, None]


def _choose(listed: Listed, costs: FloatArray) -> IntArray:
    """Cheapest technique of every good, the first of equals."""
    least = np.minimum.reduceat(costs, listed.begin)
    at = np.flatnonzero(costs <= np.repeat(least, listed.count))
    return np.asarray(at[np.unique(listed.row[at], return_index=True)[1]])


def _factorise(sectors: Sectors, inputs: Any) -> Factors | None:
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
    sectors.meter.work += int(below @ right)
    factors = Factors(matrix, lu)
    ones = np.ones(n)
    values = factors.prices(ones)
    # Hawkins and Simon (1949): productive just if a positive surplus has positive prices.
    if not np.isfinite(values).all() or (values < 0.5).any():
        return None
    left = np.abs(ones - matrix.T @ values)
    return factors if bool((left < 0.5).all()) else None


def _spent(sectors: Sectors, budget: list[int]) -> bool:
    return budget[0] <= 0 or sectors.meter.over()


def _productive(
    sectors: Sectors, listed: Listed, choice: IntArray, beta: float, budget: list[int]
) -> Factors | None:
    budget[0] -= 1
    return _factorise(sectors, beta * listed.inputs[:, choice])


def _improve(
    sectors: Sectors, listed: Listed, direct: FloatArray, choice: IntArray, beta: float,
    budget: list[int],
) -> tuple[IntArray, FloatArray] | None:  # fmt: skip
    """Policy iteration from a productive choice; None where one on the way is not."""
    before = np.inf
    prices = np.zeros(0)
    while True:
        factors = _productive(sectors, listed, choice, beta, budget)
        if factors is None:
            return None
        prices = factors.prices(direct[choice])
        total = float(prices.sum())
        costs = direct + beta * (prices @ listed.inputs)
        better = _choose(listed, costs)
        # The technique in use stays where the others are cheaper by rounding only.
        better = np.where(costs[better] < prices * (1.0 - CHEAPER), better, choice)
        done = bool((better == choice).all()) or not total < before * (1.0 - CHEAPER)
        if done or _spent(sectors, budget):
            return choice, prices
        choice, before = better, total


def _productive_choice(
    sectors: Sectors, listed: Listed, direct: FloatArray, choice: IntArray, budget: list[int]
) -> IntArray | None:
    """Find a choice that is productive, inputs counted less than in full at first."""
    # Between techniques that cost nothing the shorter way decides.
    direct = direct + TRIFLE * max(float(direct.mean()), 1e-300)
    beta = 0.5
    while _productive(sectors, listed, choice, beta, budget) is None:
        beta *= 0.5
        if _spent(sectors, budget) or beta < 1e-12:
            return None
    while not _spent(sectors, budget):
        found = _improve(sectors, listed, direct, choice, beta, budget)
        if found is None:
            return None
        choice = found[0]
        step = 1.0 - beta
        while not _spent(sectors, budget) and step > 1e-14:
            if _productive(sectors, listed, choice, beta + step, budget) is not None:
                break
            step *= 0.5
        if step == 1.0 - beta:
            return choice
        beta += step
    return None
