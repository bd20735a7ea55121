"""Options of an import: how a table is read, and how it becomes an economy."""

from __future__ import annotations

import math
from dataclasses import dataclass

from planbench.errors import InputError


@dataclass(frozen=True)
class ReadOptions:
    """How a table is read.

    Attributes
    ----------
    use, make : str or None
        File (or sheet of the one xlsx file) of the use and the make table.
    sheet : str or None
        Sheet of an xlsx file with a symmetric table.
    form : str or None
        One of :data:`planbench.tables.arrays.FORMATS`.
    year : int or None
    make_rows : {"auto", "products", "industries"}
    entries : {"auto", "money", "quantities"}
        What the cells of a symmetric table hold: flows in one unit, or flows in which each row has
        a unit of its own.
    gross_outputs : {"auto", "stated", "uses"}
        Which outputs count where those stated and the uses differ; ``auto`` refuses.
    name : str or None
        Name of the table; the name of its file if missing.
    unit : str or None
        Unit of its amounts, e.g. ``million USD``, where the files do not state it.
    final, exports, imports, value_added, compensation, resource, total, industry, drop : \
tuple of str
        Rows and columns by name; shell patterns are allowed.
    """

    use: str | None = None
    make: str | None = None
    sheet: str | None = None
    form: str | None = None
    year: int | None = None
    make_rows: str = "auto"
    entries: str = "auto"
    gross_outputs: str = "auto"
    name: str | None = None
    unit: str | None = None
    final: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    value_added: tuple[str, ...] = ()
    compensation: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    total: tuple[str, ...] = ()
    industry: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        refuse_unknown(
            self,
            make_rows=("auto", "products", "industries"),
            entries=("auto", "money", "quantities"),
            gross_outputs=("auto", "stated", "uses"),
        )


@dataclass(frozen=True)
class ImportSettings:
    """Choices of :func:`planbench.tables.import_table`.

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

    Raises
    ------
    InputError
        Naming the option and what it may be.
    """

    technology: str = "auto"
    trade: str = "activities"
    targets: str = "one"
    resources: str = "auto"
    trade_limit: float = 2.0
    prices: str = "auto"
    margins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        refuse_unknown(
            self,
            technology=("auto", "joint", "industry", "commodity"),
            trade=("activities", "net"),
            targets=("one", "columns", "regions"),
            resources=("auto", "regions", "pooled"),
            prices=("auto", "basic", "purchasers"),
        )
        if not (math.isfinite(self.trade_limit) and self.trade_limit >= 1):
            raise InputError(
                f"is {self.trade_limit:g}; give a number of at least 1, such as 2",
                where="--trade-limit",
            )


def refuse_unknown(options: object, **known: tuple[str, ...]) -> None:
    """Refuse options (fields of `options`) that are none of the values known.

    Raises
    ------
    InputError
        Naming the option and what it may be.
    """
    for option, values in known.items():
        given = getattr(options, option)
        if given not in values:
            raise InputError(
                f"is {given!r}; give {', '.join(values[:-1])} or {values[-1]}",
                where=f"--{option.replace('_', '-')}",
            )
