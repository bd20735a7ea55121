"""Which goods can be made at all, when every activity makes one good.

Least-cost prices with every activity costing one unit besides its inputs,

    p_i = min over techniques j of good i of (1 + p·A_j) / B_ij,

iterated from p = 0, rise to a finite fixed point exactly for the goods that some productive
choice of techniques makes (Gale 1960, ch. 9; value iteration of Bellman). Two tests end it:

- if T(2p) ≤ 2p on a set of goods that needs nothing outside it, their prices stay below 2p;
- if min over j of p·A_j / B_ij ≥ p_i on a set of goods, with p taken as 0 outside it, then a
  rise of p in proportion reproduces itself, and the prices grow without bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Productivity:
    """What value iteration found.

    Attributes
    ----------
    makeable : ndarray of bool, shape (goods,)
        Goods with a bounded least-cost price.
    unmakeable : ndarray of bool, shape (goods,)
        Goods whose price grows without bound, or that nothing makes.
    iterations : int
    """

    makeable: BoolArray
    unmakeable: BoolArray
    iterations: int

    @property
    def decided(self) -> bool:
        """Whether every good is one or the other."""
        return bool((self.makeable | self.unmakeable).all())


def one_good_each(economy: Economy) -> bool:
    """Whether every activity makes exactly one good."""
    return bool((np.diff(economy.outputs.indptr) == 1).all())


def value_iteration(
    economy: Economy, usable: BoolArray, free: BoolArray, *, limit: int = 4096
) -> Productivity:
    """Decide which goods can be made.

    Parameters
    ----------
    economy : Economy
        Every activity makes one good.
    usable : ndarray of bool, shape (activities,)
        Activities that can run.
    free : ndarray of bool, shape (goods,)
        Goods that need not be made (there is a stock); their price is 0.
    limit : int
        Most iterations; goods still in doubt then are neither makeable nor unmakeable.
    """
    n = economy.n_goods
    made = economy.outputs.indices[usable]
    rate = economy.outputs.data[usable]
    used = economy.inputs[:, np.flatnonzero(usable)].T.tocsr()

    def cheapest(cost: FloatArray) -> FloatArray:
        out = np.full(n, np.inf)
        np.minimum.at(out, made, cost / rate)
        out[free] = 0.0
        return out

    # What nothing makes is infinitely dear, and so is all that cannot do without it.
    prices = np.zeros(n)
    makeable = unmakeable = np.zeros(n, dtype=bool)
    check_at, step = 8, 0
    with np.errstate(over="ignore"):
        for step in range(1, limit + 1):
            prices = cheapest(1.0 + used @ prices)
            if step in (check_at, limit):
                check_at *= 2
                makeable = _bounded(cheapest, used, prices)
                prices[_growing(cheapest, used, prices)] = np.inf
                unmakeable = np.isinf(prices)
                if (makeable | unmakeable).all():
                    break
    return Productivity(makeable=makeable, unmakeable=unmakeable, iterations=step)


_Cheapest = Callable[[FloatArray], FloatArray]


def _bounded(cheapest: _Cheapest, used: sp.csr_array, prices: FloatArray) -> BoolArray:
    """Largest set of goods with T(2p) ≤ 2p that needs nothing outside it."""
    ceiling = 2.0 * prices
    while True:
        held = np.isfinite(ceiling) & (cheapest(1.0 + used @ ceiling) <= ceiling)
        shrunk = np.where(held, ceiling, np.inf)
        if np.array_equal(shrunk, ceiling):
            return held
        ceiling = shrunk


def _growing(cheapest: _Cheapest, used: sp.csr_array, prices: FloatArray) -> BoolArray:
    """Largest set of goods on which a rise in proportion to p reproduces itself."""
    rise = prices
    while True:
        # A hair below 1, for a rate of exactly 1 must count as growth despite rounding.
        grows = (rise > 0) & (cheapest(used @ rise) >= rise * (1 - 1e-12))
        shrunk = np.where(grows, rise, 0.0)
        if np.array_equal(shrunk, rise):
            return grows
        rise = shrunk
