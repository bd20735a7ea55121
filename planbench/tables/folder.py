"""Economies from supply and use tables of national accounts.

A table is a folder with

- ``table.toml``: name, title, year, unit, source, which rows are what;
- ``make.csv``: commodities × industries, what each industry makes (basic prices), and a
  column of imports;
- ``use.csv``: commodities × industries and final uses (purchasers' prices);
- ``value_added.csv``: compensation of employees (and more) by industry.

The treatment is simple on purpose and every figure it moves is listed. All amounts are worth
one price unit, so quantities are in the table's money unit at the table's prices.

1. *From purchasers' to basic prices* (uniform margin rates; Miller & Blair 2009, ch. 4).
   Commodity c is supplied for S_c (domestic output and imports at basic prices) and bought
   for U_c. The difference T_c = U_c − S_c is trade and transport margins and product taxes.
   For the trade and transport commodities m named in ``table.toml`` that have T_m < 0 it is
   the margin they deliver inside other goods, M = Σ|T_m|. A purchase of another commodity
   with T_c > 0 is split: S_c/U_c stays with c, a share μ = M/ΣT_c⁺ of the rest is bought from
   the margin commodities in proportion to |T_m|, what remains is product tax. Where T_c < 0
   otherwise (subsidised), purchases are scaled up to basic prices.
2. *Signs*. A negative use by an industry becomes an output of it, a negative output an input.
3. *Value added*. With activity levels in units of an industry's output, resources are labour
   (compensation of employees) and capital (all the rest: operating surplus and taxes less
   subsidies on production and on the products used), so that cost equals revenue.
4. *Final use* net of imports is y = Vi − Ui (make less intermediate use): where positive it is
   the assortment D, where negative (net imports: foreign supply) the fixed demand f = y.

With ω = ΣD the observed outputs x with z = 1, the prices p = 1 of every good and w = 1 of
value added are a pair of optimal solutions: goods and resources balance exactly, every
industry breaks even by 3, D'p = ω, and by duality ω z = w·r − p·f, for Σr = Σy = ΣD + Σf.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from planbench.errors import InputError
from planbench.io.shipped import instances_folder
from planbench.io.toml_file import read_toml
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy, Interior, make_economy
from planbench.model.plan import Plan
from planbench.model.products import column_sums, row_sums
from planbench.tables.flows import basic_prices
from planbench.words import nouns


@dataclass(frozen=True, eq=False)
class SupplyUseTable:
    """A supply and use table as published, in its money unit a year.

    Attributes
    ----------
    make : ndarray, shape (commodities, industries)
        Output at basic prices; may hold small negative entries.
    imports : ndarray, shape (commodities,)
        Imports with the CIF/FOB adjustment.
    use : ndarray, shape (commodities, industries)
        Intermediate use at purchasers' prices.
    final_use : ndarray, shape (commodities, final uses)
        At purchasers' prices, before imports are taken off.
    compensation : ndarray, shape (industries,)
    commodities, industries, final_uses : tuple of str
    margins : tuple of int
        Rows of trade and transport commodities.
    facts : mapping
        ``table.toml``.
    """

    make: FloatArray
    imports: FloatArray
    use: FloatArray
    final_use: FloatArray
    compensation: FloatArray
    commodities: tuple[str, ...]
    industries: tuple[str, ...]
    final_uses: tuple[str, ...]
    margins: tuple[int, ...]
    facts: dict[str, Any]


_FIELDS: dict[str, type] = {
    "name": str,
    "title": str,
    "source": str,
    "unit": str,
    "year": int,
    "compensation": str,
    "margins": list,
}
_KINDS: dict[type, str] = {str: "text", int: "whole number", list: "list of names"}
#: Larger amounts are refused: their sums would leave the range of the arithmetic.
_LARGEST = 1e100


def tables_folder() -> Path:
    """Folder of the tables that ship with the package."""
    return instances_folder() / "tables"


def read_table(folder: Path) -> SupplyUseTable:
    """Read a supply and use table from its folder.

    Raises
    ------
    InputError
        When a file is missing, a cell is no number, or labels of the files differ; the
        message names file and line.
    """
    facts = _read_facts(folder / "table.toml")
    rows, columns, make = _read_cells(folder / "make.csv")
    if columns[-1:] != ("imports",):
        raise InputError("the last column must be 'imports'", where=str(folder / "make.csv"))
    industries = columns[:-1]
    use_rows, use_columns, use = _read_cells(folder / "use.csv")
    if use_rows != rows:
        raise InputError("has other commodities than make.csv", where=str(folder / "use.csv"))
    n = len(industries)
    if use_columns[:n] != industries:
        raise InputError(
            "its first columns are not the industries of make.csv", where=str(folder / "use.csv")
        )
    va_rows, va_columns, value_added = _read_cells(folder / "value_added.csv")
    if va_columns != industries:
        raise InputError(
            "has other industries than make.csv", where=str(folder / "value_added.csv")
        )
    if facts["compensation"] not in va_rows:
        raise InputError(
            f"has no row {facts['compensation']!r} (field compensation of table.toml)",
            where=str(folder / "value_added.csv"),
        )
    unknown = [name for name in facts["margins"] if name not in rows]
    if unknown:
        raise InputError(
            f"field margins names {unknown[0]!r}, which is no commodity",
            where=str(folder / "table.toml"),
        )
    return SupplyUseTable(
        make=make[:, :n],
        imports=make[:, n],
        use=use[:, :n],
        final_use=use[:, n:],
        compensation=value_added[va_rows.index(facts["compensation"])],
        commodities=rows,
        industries=industries,
        final_uses=use_columns[n:],
        margins=tuple(rows.index(name) for name in facts["margins"]),
        facts=facts,
    )


def _read_facts(path: Path) -> dict[str, Any]:
    facts = read_toml(path, "the description of a table")
    for key, kind in _FIELDS.items():
        if key not in facts:
            raise InputError(f"has no field {key!r}; add it", where=str(path))
        if not isinstance(facts[key], kind):
            raise InputError(
                f"field {key!r} is {facts[key]!r}; give a {_KINDS[kind]}", where=str(path)
            )
    for name in facts["margins"]:
        if not isinstance(name, str):
            raise InputError(f"field margins holds {name!r}; give names", where=str(path))
    return facts


def _read_cells(path: Path) -> tuple[tuple[str, ...], tuple[str, ...], FloatArray]:
    """Row labels, column labels and numbers of a table; an empty cell is 0."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot be read: {error}", where=str(path)) from None
    if len(lines) < 2 or len(lines[0]) < 2:
        raise InputError("holds no table; give a header and rows", where=str(path))
    header = lines[0]
    cells = np.zeros((len(lines) - 1, len(header) - 1))
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(header):
            raise InputError(
                f"has {nouns(len(line), 'cell')}, expected {len(header)}", where=f"{path}:{number}"
            )
        for column, text in enumerate(line[1:]):
            try:
                value = float(text) if text.strip() else 0.0
            except ValueError:
                value = np.nan
            if not abs(value) <= _LARGEST:
                raise InputError(
                    f"column {header[column + 1]!r} holds {text!r}; give a number of at most "
                    f"{_LARGEST:g}, or nothing",
                    where=f"{path}:{number}",
                )
            cells[number - 2, column] = value
    labels = tuple(line[0] for line in lines[1:])
    for names in (labels, tuple(header[1:])):
        if len(set(names)) != len(names):
            raise InputError("a row or column label stands twice", where=str(path))
    return labels, tuple(header[1:]), cells


@dataclass(frozen=True, eq=False)
class BasicTable:
    """The table at basic prices with every sign mended, and what that moved.

    Attributes
    ----------
    inputs, outputs : ndarray, shape (commodities, industries)
        ≥ 0, money units a year.
    level : ndarray, shape (industries,)
        Observed output of each industry, money units a year.
    labour, capital : ndarray, shape (industries,)
    net_final_use : ndarray, shape (commodities,)
        Final use less imports; negative where imports exceed final use.
    moved : tuple of str
        One line for each treatment that moved a figure.
    """

    inputs: FloatArray
    outputs: FloatArray
    level: FloatArray
    labour: FloatArray
    capital: FloatArray
    net_final_use: FloatArray
    moved: tuple[str, ...]


def basic_table(table: SupplyUseTable) -> BasicTable:
    """Bring a table to basic prices and mend signs; see the head of this module.

    Raises
    ------
    InputError
        When margins exceed what purchasers pay above basic prices, when an industry makes
        nothing, or when its value added besides compensation is negative.
    """
    where = table.facts["name"]
    supply = row_sums(np.column_stack([table.make, table.imports]))
    bought = row_sums(np.column_stack([table.use, table.final_use]))
    prices = basic_prices(supply, bought, table.margins, table.commodities, where)
    use = prices.of(table.use)
    moved = list(prices.moved)

    outputs, inputs = np.maximum(table.make, 0.0), np.maximum(use, 0.0)
    for i, j in zip(*np.nonzero(use < 0), strict=True):
        outputs[i, j] -= use[i, j]
        moved.append(
            f"negative use: {table.industries[j]} used {table.use[i, j]:.0f} of "
            f"{table.commodities[i]}; made an output of {-use[i, j]:.1f}"
        )
    for i, j in zip(*np.nonzero(table.make < 0), strict=True):
        inputs[i, j] -= table.make[i, j]
        moved.append(
            f"negative output: {table.industries[j]} made {table.make[i, j]:.0f} of "
            f"{table.commodities[i]}; made an input"
        )

    level = column_sums(table.make)
    if (level <= 0).any():
        at = int(np.flatnonzero(level <= 0)[0])
        raise InputError(f"{table.industries[at]!r} makes nothing; drop the column", where=where)
    capital = column_sums(np.vstack([outputs, -inputs, -table.compensation]))
    if capital.min() < 0 or table.compensation.min() < 0:
        at = int(np.argmin(np.minimum(capital, table.compensation)))
        raise InputError(
            f"{table.industries[at]!r} has a negative compensation or other value added; "
            "merge it with another industry",
            where=where,
        )
    net = row_sums(np.hstack([outputs, -inputs]))
    for i in np.flatnonzero(net < 0):
        moved.append(
            f"net imports: {table.commodities[i]} has a net final use of {net[i]:.0f} "
            f"(imports {table.imports[i]:.0f}); made a fixed foreign supply"
        )
    return BasicTable(
        inputs=inputs,
        outputs=outputs,
        level=level,
        labour=table.compensation,
        capital=capital,
        net_final_use=net,
        moved=tuple(moved),
    )


def economy_of_table(table: SupplyUseTable) -> tuple[Economy, Plan]:
    """Economy of a table, and its observed plan with the observed prices.

    Returns
    -------
    economy : Economy
        Goods are commodities, activities industries (unit: one money unit of output a year),
        resources labour and capital, one target, the net final use, weighted by its value.
        The recipe lists everything that was moved.
    plan : Plan
        x the observed outputs, z = 1, p = 1, w = 1: optimal by construction.
    """
    basic = basic_table(table)
    assortment = np.maximum(basic.net_final_use, 0.0)
    economy = make_economy(
        inputs=basic.inputs / basic.level,
        outputs=basic.outputs / basic.level,
        resource_use=np.vstack([basic.labour, basic.capital]) / basic.level,
        endowment=row_sums(np.vstack([basic.labour, basic.capital])),
        assortment=assortment,
        fixed_demand=np.minimum(basic.net_final_use, 0.0),
        weights=row_sums(assortment[None, :]),
        goods=table.commodities,
        activities=table.industries,
        resources=["labour", "capital"],
        targets=["net final use"],
        units=[str(table.facts["unit"])] * len(table.commodities),
        name=table.facts["name"],
        recipe={
            "builtin": table.facts["name"],
            "year": table.facts["year"],
            "source": table.facts["source"],
            "moved": list(basic.moved),
        },
        # Value added dearer than it is makes every industry lose; half of the observed plan
        # leaves half of everything over.
        interior=Interior(
            goods_prices=np.ones(len(table.commodities)),
            resource_prices=np.full(2, 2.0),
            activities=0.5 * basic.level,
        ),
    )
    plan = Plan(
        x=basic.level,
        z=np.ones(1),
        p=np.ones(len(table.commodities)),
        w=np.ones(2),
    )
    return economy, plan


def table_names() -> tuple[str, ...]:
    """Names of the tables that ship with the package."""
    return tuple(sorted(path.parent.name for path in tables_folder().glob("*/table.toml")))


def observed_plan(name: str) -> Plan:
    """Observed plan and prices of a shipped table: x, z = 1, p = 1, w = 1.

    Raises
    ------
    InputError
        When no table has that name.
    """
    if name not in table_names():
        raise InputError(f"no table {name!r}; choose from {', '.join(table_names())}")
    return economy_of_table(read_table(tables_folder() / name))[1]
