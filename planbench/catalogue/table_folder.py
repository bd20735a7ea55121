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

from planbench.catalogue.instance import Instance
from planbench.errors import InputError
from planbench.io.files import instances_folder
from planbench.io.text import read_toml
from planbench.model.economy import Economy
from planbench.tables.flows import recipe_lines
from planbench.tables.grid import Grid, read_grid
from planbench.tables.importer import Observed, import_raw
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
    settings : ImportSettings
        How the table becomes an economy.
    """

    table: RawTable
    title: str
    year: int
    settings: ImportSettings


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
        read_grid(folder / f"{part}.csv") for part in ("make", "use", "value_added")
    )
    rows, columns = _labels(make)
    use_rows, use_columns = _labels(use)
    paid, payers = _labels(value_added)
    n = len(columns) - 1
    for wrong, message, grid in (
        (columns[n:] != ["imports"], "the last column must be 'imports'", make),
        (use_rows != rows, "has other commodities than make.csv", use),
        (use_columns[:n] != columns[:n], "its first columns are not those of make.csv", use),
        (payers != columns[:n], "has other industries than make.csv", value_added),
        (
            facts["compensation"] not in paid,
            f"has no row {facts['compensation']!r} (field compensation of table.toml)",
            value_added,
        ),
    ):
        if wrong:
            raise InputError(message, where=grid.where)
    table = make_raw_table(
        facts["name"],
        rows,
        columns[:n],
        use.cells[:, :n],
        make=make.cells[:, :n],
        imports=make.cells[:, n],
        final_use=use.cells[:, n:],
        final_uses=use_columns[n:],
        compensation=value_added.cells[paid.index(facts["compensation"])],
        unit=facts["unit"],
        source=facts["source"],
        remarks=(*make.remarks, *use.remarks, *value_added.remarks),
    )
    settings = ImportSettings(prices="purchasers", trade="net", margins=tuple(facts["margins"]))
    return TableFolder(table, facts["title"], facts["year"], settings)


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


def _labels(grid: Grid) -> tuple[list[str], list[str]]:
    """Labels of rows and columns, of which there must be one each, and no other text."""
    both = grid.row_labels, grid.column_labels
    if grid.unlabelled or any(len(levels) != 1 for labels in both for levels in labels):
        raise InputError("give one row and one column of labels", where=grid.where)
    if any(len(set(labels)) < len(labels) for labels in both):
        raise InputError("a row or column label occurs twice", where=grid.where)
    if grid.ignored:
        message = f"holds {grid.ignored[0]} without any figure; drop the row, or write 0"
        raise InputError(message, where=grid.where)
    rows, columns = ([" ".join(level[0].split()) for level in labels] for labels in both)
    return rows, columns


def economy_of_table(folder: TableFolder) -> tuple[Economy, Observed]:
    """Economy of a table, and its observed plan with the observed prices.

    Returns
    -------
    economy : Economy
        Goods are commodities, activities industries (unit: one money unit of output a year),
        resources labour and capital, one target, the net final use, weighted by its value.
        The recipe lists everything that was moved.
    observed : Observed
        x the observed outputs, z = 1, p = 1, w = 1: optimal where no industry makes a loss.

    Raises
    ------
    InputError
        When margins exceed what purchasers pay above basic prices.
    """
    economy, report = import_raw(folder.table, folder.settings)
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
    assert economy.interior is not None
    # Half of the observed plan, from which `split:` recipes recover all of it.
    interior = replace(economy.interior, activities=0.5 * report.observed.plan.x)
    return replace(economy, recipe=recipe, interior=interior), report.observed


def table_instance(folder: Path) -> Instance:
    """Instance of the supply and use table in a folder.

    Where no industry makes a loss its observed plan is optimal by duality (see
    the head of this module), so its value is the optimum.

    Raises
    ------
    InputError
        When the folder holds no such table.
    """
    table = read_table(folder)
    economy, observed = economy_of_table(table)
    description = f"{table.title}: observed use and make table, labour and capital"
    return Instance(
        name=economy.name,
        economy=economy,
        recipe=dict(economy.recipe),
        optimum=observed.value if observed.optimal else None,
        source=table.table.source,
        description=description,
    )
