"""What a person may choose when a table becomes an economy."""

from __future__ import annotations

import math
from dataclasses import dataclass

from planbench.errors import InputError

TECHNOLOGIES = ("auto", "joint", "industry", "commodity")
TRADES = ("activities", "net")
TARGETS = ("one", "columns", "regions")
RESOURCES = ("auto", "regions", "pooled")
PRICES = ("auto", "basic", "purchasers")


@dataclass(frozen=True)
class ImportSettings:
    """Choices of :func:`planbench.catalogue.imports.import_table`.

    Attributes
    ----------
    technology : {"auto", "joint", "industry", "commodity"}
        ``joint``: activities are industries and by-products joint outputs (``auto`` for a
        supply and use table). ``industry`` and ``commodity``: an activity for each product, by
        industry- or commodity-technology. A symmetric table has an activity for each industry.
    trade : {"activities", "net"}
        Exports and imports as activities that earn and spend foreign exchange, or final use
        net of imports.
    targets : {"one", "columns", "regions"}
        One target, one for each column of final use, or one for each region.
    resources : {"auto", "regions", "pooled"}
        Whether labour and capital stay in their region; ``auto`` is ``regions`` for a
        multi-region table.
    trade_limit : float
        Exports and imports of each product are at most this many times the observed ones.
    prices : {"auto", "basic", "purchasers"}
        Whether purchases are at purchasers' prices; ``auto`` compares use with supply.
    margins : tuple of str
        Trade and transport products of a table at purchasers' prices, by name or shell
        pattern; found by their figures if missing.
    """

    technology: str = "auto"
    trade: str = "activities"
    targets: str = "one"
    resources: str = "auto"
    trade_limit: float = 2.0
    prices: str = "auto"
    margins: tuple[str, ...] = ()

    def checked(self) -> ImportSettings:
        """Return the settings themselves if they make sense.

        Raises
        ------
        InputError
            Naming the option and what it may be.
        """
        choices = (
            ("technology", TECHNOLOGIES),
            ("trade", TRADES),
            ("targets", TARGETS),
            ("resources", RESOURCES),
            ("prices", PRICES),
        )
        for option, known in choices:
            if getattr(self, option) not in known:
                raise InputError(
                    f"is {getattr(self, option)!r}; give {', '.join(known[:-1])} or {known[-1]}",
                    where=f"--{option}",
                )
        if not (math.isfinite(self.trade_limit) and self.trade_limit >= 1):
            raise InputError(
                f"is {self.trade_limit:g}; give a number of at least 1, such as 2",
                where="--trade-limit",
            )
        return self
