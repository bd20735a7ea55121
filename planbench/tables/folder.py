"""The folder of a supply and use table, as the built-in tables are kept (docs/tables.md).

- ``table.toml``: name, title, year, unit, source, which rows are what;
- ``make.csv``: commodities × industries, what each industry makes (basic prices), and a
  column of imports;
- ``use.csv``: commodities × industries and final uses (purchasers' prices);
- ``value_added.csv``: compensation of employees (and more) by industry.

The figures are put in order as those of every table are (:mod:`planbench.tables.flows`), with
trade netted. Then y = Vi − Ui (make less intermediate use) is final use net of imports: where
positive it is the assortment D, where negative the fixed demand f. With ω = ΣD the observed
outputs x with z = 1, the prices p = 1 of every good and w = 1 of value added are a pair of
optimal solutions: goods and resources balance exactly, every industry breaks even, D'p = ω, and
by duality ω z = w·r − p·f, for Σr = Σy = ΣD + Σf.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.shipped import instances_folder
from planbench.io.toml_file import read_toml
from planbench.model.economy import Economy
from planbench.model.plan import Plan
from planbench.tables.flows import recipe_lines
from planbench.tables.grid import Grid, csv_rows, make_grid
from planbench.tables.importer import import_raw
from planbench.tables.options import ImportSettings
from planbench.tables.raw import RawTable, make_raw_table

_FIELDS: dict[str, type] = {
    "name": str,
    "title": str,
    "source": str,
    "unit": str,
    "year": int,
    "compensation": str,
    "margins": list,
}
_NEGATIVE = "has a negative compensation or other value added; merge it with another industry"
#: Rules of an import that a table kept in this form must not need.
_REFUSED = {
    "no output": "makes nothing; drop the column",
    "negative compensation": _NEGATIVE,
    "loss": _NEGATIVE,
}
_KINDS: dict[type, str] = {str: "text", int: "whole number", list: "list of names"}


@dataclass(frozen=True, eq=False)
class TableFolder:
    """What the folder of a table holds.

    Attributes
    ----------
    table : RawTable
        As published: purchases at purchasers' prices, compensation of employees.
    title : str
    year : int
    margins : tuple of str
        Trade and transport commodities.
    """

    table: RawTable
    title: str
    year: int
    margins: tuple[str, ...]

    @property
    def settings(self) -> ImportSettings:
        """How the table becomes an economy."""
        return ImportSettings(prices="purchasers", trade="net", margins=self.margins)


def tables_folder() -> Path:
    """Folder of the tables that ship with the package."""
    return instances_folder() / "tables"


def table_names() -> tuple[str, ...]:
    """Names of the tables that ship with the package."""
    return tuple(sorted(path.parent.name for path in tables_folder().glob("*/table.toml")))


def read_table(folder: Path) -> TableFolder:
    """Read a supply and use table from its folder.

    Raises
    ------
    InputError
        When a file is missing, a cell is no number, or labels of the files differ; the
        message names file and line.
    """
    facts = _read_facts(folder / "table.toml")
    make, use, value_added = (
        _read_cells(folder / f"{part}.csv") for part in ("make", "use", "value_added")
    )
    rows, columns = _labels(make.row_labels), _labels(make.column_labels)
    if columns[-1:] != ["imports"]:
        raise InputError("the last column must be 'imports'", where=make.where)
    industries, n = columns[:-1], len(columns) - 1
    if _labels(use.row_labels) != rows:
        raise InputError("has other commodities than make.csv", where=use.where)
    if _labels(use.column_labels)[:n] != industries:
        raise InputError("its first columns are not the industries of make.csv", where=use.where)
    if _labels(value_added.column_labels) != industries:
        raise InputError("has other industries than make.csv", where=value_added.where)
    paid = _labels(value_added.row_labels)
    if facts["compensation"] not in paid:
        raise InputError(
            f"has no row {facts['compensation']!r} (field compensation of table.toml)",
            where=value_added.where,
        )
    unknown = [name for name in facts["margins"] if name not in rows]
    if unknown:
        raise InputError(
            f"field margins names {unknown[0]!r}, which is no commodity",
            where=str(folder / "table.toml"),
        )
    table = make_raw_table(
        facts["name"],
        rows,
        industries,
        use.cells[:, :n],
        make=make.cells[:, :n],
        imports=make.cells[:, n],
        final_use=use.cells[:, n:],
        final_uses=_labels(use.column_labels)[n:],
        compensation=value_added.cells[paid.index(facts["compensation"])],
        unit=facts["unit"],
        source=facts["source"],
    )
    return TableFolder(table, facts["title"], facts["year"], tuple(facts["margins"]))


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


def _read_cells(path: Path) -> Grid:
    """Read a file of the folder: one row and one column of labels, every figure known."""
    rows, delimiter = csv_rows(path)
    for number, row in enumerate(rows, start=1):
        where = f"{path}:{number}"
        if row and len(row) != len(rows[0]):
            raise InputError(
                f"has {plural(len(row), 'cell')}, expected {len(rows[0])}", where=where
            )
    grid = make_grid(rows, str(path), commas_spare=delimiter != ",")
    for labels in (grid.row_labels, grid.column_labels):
        if grid.unlabelled or any(len(levels) != 1 for levels in labels):
            raise InputError("give one row and one column of labels", where=str(path))
        if len(set(labels)) != len(labels):
            raise InputError("a row or column label occurs twice", where=str(path))
    if grid.ignored:
        message = f"holds {grid.ignored[0]} without any figure; drop the row, or write 0"
        raise InputError(message, where=str(path))
    if grid.remarks:
        remark = grid.remarks[0].removeprefix(f"{path.name}: ")
        message = f"is not plain numbers ({remark}); give numbers, or nothing"
        raise InputError(message, where=str(path))
    return grid


def _labels(levels: tuple[tuple[str, ...], ...]) -> list[str]:
    return [" ".join(level[0].split()) for level in levels]


def economy_of_table(folder: TableFolder) -> tuple[Economy, Plan]:
    """Economy of a table, and its observed plan with the observed prices.

    Returns
    -------
    economy : Economy
        Goods are commodities, activities industries (unit: one money unit of output a year),
        resources labour and capital, one target, the net final use, weighted by its value.
        The recipe lists everything that was moved.
    plan : Plan
        x the observed outputs, z = 1, p = 1, w = 1: optimal by construction.

    Raises
    ------
    InputError
        When margins exceed what purchasers pay above basic prices, or an industry makes
        nothing, or less than it uses and pays.
    """
    economy, report = import_raw(folder.table, folder.settings)
    for figure in report.moved:
        if figure.rule in _REFUSED:
            message = f"{figure.place!r} {_REFUSED[figure.rule]}"
            raise InputError(message, where=folder.table.name)
    # Final use is what the balances leave; that its columns add up to it but for rounding shows
    # nothing.
    moved = [figure for figure in report.moved if figure.rule != "discrepancy"]
    recipe = {
        "builtin": folder.table.name,
        "year": folder.year,
        "source": folder.table.source,
        "remarks": list(report.remarks),
        "moved": recipe_lines(moved),
    }
    plan = report.observed.plan
    assert economy.interior is not None
    # Half of the observed plan, from which `split:` recipes recover all of it.
    interior = replace(economy.interior, activities=0.5 * plan.x)
    return replace(economy, recipe=recipe, interior=interior), plan


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
