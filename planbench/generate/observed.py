"""The observed plan of an economy that was made from a table.

Such an economy carries a fraction of its observed activities as its interior plan, the prices
of its year, and value added dearer than it was. The observed plan is got back from them and
checked: it must use up what it makes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy

#: Goods with these words in their names are means of payment.
MONEY = ("foreign exchange",)
#: Largest relative imbalance of a table that is taken as rounding.
_BALANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Observed:
    """What was observed.

    Attributes
    ----------
    levels : ndarray, shape (activities,)
        Activity levels x > 0, with every target fulfilled once.
    prices : ndarray, shape (goods,)
        > 0.
    rents : ndarray, shape (resources,)
        Prices of resources, > 0.
    breaks_even : bool
        Whether every activity earns just what it costs; then the plan is optimal.
    """

    levels: FloatArray
    prices: FloatArray
    rents: FloatArray
    breaks_even: bool


def observed_plan(economy: Economy) -> Observed:
    """Find the observed plan of a table's economy.

    Raises
    ------
    InputError
        When the economy carries no plan whose multiple balances every good, as economies of
        tables do.
    """
    where = economy.name
    interior = economy.interior
    if interior is None or interior.activities is None:
        raise InputError(
            "carries no observed plan; give a table (us-bea-71, or one read by planbench import)",
            where=where,
        )
    x, p, w = interior.activities, interior.goods_prices, interior.resource_prices
    if x.min() <= 0 or p.min() <= 0 or w.min(initial=1.0) <= 0:
        raise InputError(
            "has an activity, a price or a rent of zero in its observed plan; drop it first",
            where=where,
        )
    wanted = np.asarray(economy.assortment.sum(axis=1)).ravel() + economy.fixed_demand
    made, used = economy.outputs @ x, economy.inputs @ x
    # Tables whose trade nets out have no imbalance to scale by, so each good counts its worth.
    value = p * (made - used)
    scale = float(value @ (p * wanted)) / float(value @ value) if value.any() else 0.0
    if scale <= 0:
        raise InputError("its plan makes nothing for final use", where=where)
    off = np.abs(scale * (made - used) - wanted)
    bad = off > _BALANCE * (scale * (made + used) + np.abs(wanted))
    if bad.any():
        worst = int(np.argmax(np.where(bad, off * p, 0.0)))
        raise InputError(
            f"its plan does not balance {economy.good(worst)!r} (off by {off[worst]:g}); "
            "only economies made from a table can be split",
            where=where,
        )
    cost = economy.inputs.T @ p
    earned = economy.outputs.T @ p - cost
    use = economy.resource_use.T @ w
    rent = float(earned @ (scale * x)) / max(float(use @ (scale * x)), 1e-300)
    even = np.abs(earned - rent * use) <= 1e-9 * (earned + cost)
    return Observed(
        levels=scale * x, prices=p, rents=rent * w, breaks_even=bool(even.all() and rent > 0)
    )
