"""From purchasers' to basic prices: trade and transport margins and product taxes taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planbench.errors import InputError
from planbench.model.arrays import FloatArray


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
        margins = np.outer(self.split, self.paid_as_margin @ purchases)
        return np.asarray(self.kept[:, None] * purchases + margins)


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
    rate = margin.sum() / marked_up.sum() if marked_up.sum() > 0 else 0.0
    if rate > 1 or (margin.sum() > 0 and marked_up.sum() == 0):
        raise InputError(
            f"margins of {margin.sum():g} exceed the {marked_up.sum():g} that purchasers pay "
            "above basic prices; check which commodities are named as margins",
            where=where,
        )
    moved.append(
        f"margins: {margin.sum():.0f} of {marked_up.sum():.0f} paid above basic prices is bought "
        f"from {int(carrier.sum())} trade and transport commodities, the rest is product tax"
    )
    for i in np.flatnonzero(~carrier & (above < 0)).tolist():
        moved.append(
            f"subsidy: purchases of {commodities[i]} scaled by {kept[i]:.6f} to basic prices"
        )
    return BasicPrices(
        kept=kept,
        paid_as_margin=np.maximum(1.0 - kept, 0.0) * rate,
        split=margin / margin.sum() if margin.sum() > 0 else margin,
        moved=tuple(moved),
    )
