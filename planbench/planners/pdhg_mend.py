"""Mend the prices that price adjustment has reached, so that they can be certified early.

They are near the optimum in value long before every balance holds. Prices are lowered where an
activity would still make a profit, in Gauss–Seidel sweeps; nothing here is trusted. Plans are
mended by ``pdhg_mend_plan``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.planners.pdhg import Process

IntArray = npt.NDArray[np.int64]

#: Most sweeps.
PRICE_SWEEPS = 30
#: Most scarce goods whose prices are searched, and the factors tried, each as long as it helps.
SCARCE, FACTORS, CLIMB = 3, (8.0, 2.0, 1.2), 8


@dataclass(frozen=True, eq=False)
class Makers:
    """Who makes what, in the units of the process.

    Attributes
    ----------
    main : ndarray, shape (activities,)
        Row of the largest output of each activity, −1 where it makes nothing on balance.
    at : ndarray, shape (activities,)
        Position of that entry in the matrix.
    makers, first : ndarray
        ``makers[first[i]:first[i + 1]]`` are the activities whose main product is good i.
    """

    main: IntArray
    at: IntArray
    makers: IntArray
    first: IntArray


def find_makers(process: Process, n_goods: int, n_activities: int) -> Makers:
    """Find the main product of every activity and the makers of every good."""
    from planbench.planners import pdhg_mend_kernels as kernels

    main, at = kernels.main_products(*process.arrays, n_goods, n_activities)
    makers = np.flatnonzero(main >= 0)
    makers = makers[np.argsort(main[makers], kind="stable")]
    return Makers(main, at, makers, np.searchsorted(main[makers], np.arange(n_goods + 1)))


def mended_prices(process: Process, makers: Makers, tolerance: float) -> FloatArray:
    """Prices and rents, in the units of the process, at which no open activity gains.

    Parameters
    ----------
    tolerance : float
        Profit, as a share of revenue, that is left to the repair of the certificate.
    """
    from planbench.planners import pdhg_mend_kernels as kernels

    y = np.maximum(process.pair[:, 0], 0.0)
    process.meter.work += kernels.lower_prices(
        *process.arrays, process.upper, makers.main, makers.at, y, PRICE_SWEEPS, tolerance
    )
    return y


def price_scarce_goods(
    process: Process, makers: Makers, prices: FloatArray, scarce: IntArray, tolerance: float
) -> tuple[FloatArray, bool]:
    """Raise the prices of goods that stay short for as long as the upper bound falls.

    A good nobody has room to make may have to be dearer by powers of ten than what the process
    has reached, and steps of a fixed length take as many rounds. One good after the other,
    by factors, is a line search.

    Parameters
    ----------
    prices : ndarray, shape (rows,)
        From :func:`mended_prices`.
    scarce : ndarray of int
        Goods, the scarcest first.

    Returns
    -------
    prices : ndarray, shape (rows,)
        Mended as well.
    changed : bool
    """
    from planbench.planners import pdhg_mend_kernels as kernels

    best, value, changed = prices, _upper_estimate(process, prices), False
    typical = float(np.mean(prices[prices > 0])) if (prices > 0).any() else 1.0
    for good in scarce[:SCARCE].tolist():
        for factor in FACTORS:
            for _ in range(CLIMB):
                trial = best.copy()
                trial[good] = max(trial[good], 1e-3 * typical) * factor
                process.meter.work += kernels.lower_prices(
                    *process.arrays,
                    process.upper,
                    makers.main,
                    makers.at,
                    trial,
                    PRICE_SWEEPS,
                    tolerance,
                )
                found = _upper_estimate(process, trial)
                # Weakly better will not do: it would go on for ever.
                if not found < value * (1 - 1e-2 * tolerance) - 1e-300:
                    break
                best, value, changed = trial, found, True
    return best, changed


def _upper_estimate(process: Process, prices: FloatArray) -> float:
    """Upper bound of mended prices, rounding left aside.

    Either all is scaled until every target is worth its weight, or what a target is short of
    it is paid at its limit, if it has one.
    """
    gain = process.profits(prices)
    target = process.cost < 0
    capped = np.isfinite(process.upper) & ~target
    paid = float(process.upper[capped] @ np.maximum(gain[capped], 0.0))
    paid -= float(process.need @ prices)
    worth = -process.cost[target] - gain[target]
    short = np.maximum(gain[target], 0.0)
    limit = process.upper[target]
    as_it_is = paid + float(limit[short > 0] @ short[short > 0])
    scaled = paid * float(np.max(-process.cost[target] / worth)) if (worth > 0).all() else np.inf
    return min(as_it_is, scaled)
