"""From purchasers' to basic prices: trade and transport margins and product taxes taken out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.model.products import column_sums


@dataclass(frozen=True, eq=False)
class BasicPrices:
    """How purchases at purchasers' prices become purchases at basic prices.

    Attributes
    ----------
    kept : ndarray, shape (commodities,)
        Share of a purchase that stays with the commodity; above 1 where it is subsidised.
    paid_as_margin : ndarray, shape (commodities,)
        Share that is bought from the trade and transport commodities instead.
    split : ndarray, shape (commodities,)
        Shares of these in it, together 1, or all 0 where there are none.
    moved : tuple of str
        What that moves, one line each.
    """

    kept: FloatArray
    paid_as_margin: FloatArray
    split: FloatArray
    moved: tuple[str, ...]

    def of(self, purchases: FloatArray) -> FloatArray:
        """Purchases at basic prices, shape (commodities, buyers)."""
        paid = column_sums(self.paid_as_margin[:, None] * purchases)
        return np.asarray(self.kept[:, None] * purchases + np.multiply.outer(self.split, paid))


def basic_prices(
    supply: FloatArray,
    bought: FloatArray,
    margins: Sequence[int],
    commodities: Sequence[str],
    where: str,
) -> BasicPrices:
    """Uniform rates of margins and product taxes (rule 1 of :mod:`planbench.catalogue.io_table`).

    Parameters
    ----------
    supply : ndarray, shape (commodities,)
        Domestic output and imports at basic prices.
    bought : ndarray, shape (commodities,)
        All purchases at purchasers' prices.
    margins : sequence of int
        Trade and transport commodities.
    commodities : sequence of str
    where : str
        For messages.

    Raises
    ------
    InputError
        When nobody buys a commodity, or margins exceed what is paid above basic prices.
    """
    moved: list[str] = []
    above = bought - supply
    carrier = np.zeros(len(commodities), dtype=bool)
    carrier[list(margins)] = True
    carrier &= above < 0
    margin = np.where(carrier, -above, 0.0)
    if (bought[~carrier] <= 0).any():
        at = int(np.flatnonzero(~carrier & (bought <= 0))[0])
        raise InputError(f"nobody buys {commodities[at]!r}; drop the row", where=where)
    kept = np.where(carrier, 1.0, supply / np.where(carrier, 1.0, bought))
    marked_up = np.where(~carrier & (above > 0), above, 0.0)
    delivered, paid = math.fsum(margin.tolist()), math.fsum(marked_up.tolist())
    rate = delivered / paid if paid > 0 else 0.0
    if rate > 1 or (delivered > 0 and paid == 0):
        raise InputError(
            f"margins of {delivered:g} exceed the {paid:g} that purchasers pay "
            "above basic prices; check which commodities are named as margins",
            where=where,
        )
    moved.append(
        f"margins: {delivered:.0f} of {paid:.0f} paid above basic prices is bought "
        f"from {int(carrier.sum())} trade and transport commodities, the rest is product tax"
    )
    for i in np.flatnonzero(~carrier & (above < 0)).tolist():
        moved.append(
            f"subsidy: purchases of {commodities[i]} scaled by {kept[i]:.6f} to basic prices"
        )
    return BasicPrices(
        kept=kept,
        paid_as_margin=np.maximum(1.0 - kept, 0.0) * rate,
        split=margin / delivered if delivered > 0 else margin,
        moved=tuple(moved),
    )
