"""How much of an old plan price adjustment starts from, once it is known what it is worth.

An old plan that mends to within a hundredth of its bound is a better start than any other: half
of the rounds, as a rule. One that is further off is not: levels that no longer fit take as long
to unwind as new ones to build, and step sizes that were balanced for the end of the old process
are wrong for the beginning of a new one. What keeps its worth are prices, unless their bound is
no better than that of the interior prices.
"""

from __future__ import annotations

import numpy as np

from planbench.certificates.interior import interior_of
from planbench.certificates.repair import raw_lower, raw_upper
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.planners.pdhg import Process

#: Gap of an old plan and old prices, mended, up to which both are kept.
WORTH_KEEPING = 1e-2


def keep_prices_only(
    economy: Economy,
    process: Process,
    prices: tuple[FloatArray, FloatArray] | None,
    upper: float | None,
    *,
    programs: bool,
) -> bool:
    """Go on from the interior plan at old prices, as if there had been no round before.

    Where the bound of the old prices is no better than that of the interior prices, these are
    what is gone on from, as if there had been no old plan.

    Parameters
    ----------
    prices : tuple of ndarray, or None
        Old prices and rents, mended.
    upper : float or None
        The upper bound they give.
    programs : bool
        As for :func:`planbench.certificates.interior.interior_of`.

    Returns
    -------
    bool
        False where there is no interior plan, and nothing was changed.
    """
    interior = interior_of(economy, programs=programs)
    if interior is None or interior.activities is None:
        return False
    idle = np.zeros(economy.n_targets)
    _, found = raw_lower(economy, interior.activities, idle, programs=programs)
    if found is None:
        return False
    bound, own = raw_upper(
        economy, interior.goods_prices, interior.resource_prices, programs=programs
    )
    better = bound is not None and (upper is None or bound <= upper)
    if better or prices is None or not prices[1].any():
        prices = own
    if prices is None:
        return False
    process.move_to(np.concatenate(found), np.concatenate(prices))
    return True
