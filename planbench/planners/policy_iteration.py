"""Policy iteration for prices, and factorised systems, where sweeps converge too slowly.

A sweep leaves about ρ of the error, ρ the largest growth factor of A_s for the techniques in
use. Where an economy barely reproduces itself, ρ is so near 1 that no number of sweeps will
do. Then prices are found by policy iteration (Howard 1960): those of a choice s of techniques
solve p(I − A_s) = w R_s; a cheaper technique at these prices takes the place of the one in use;
prices fall until none is cheaper. The choice to begin with is that of the sweeps so far. Every
system is factorised (sparse LU), which random networks of many goods do not permit.
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
#: Times the rounding of its balance that is left over of every good.
SAFETY = 10.0


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


def fits(sectors: Sectors) -> bool:
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
