"""Symmetric tables, and use and make tables, out of sheets of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from planbench.errors import InputError
from planbench.io.tables import names
from planbench.io.tables.grid import Grid
from planbench.io.tables.raw import RawTable, make_raw_table
from planbench.io.tables.recognise import (
    TOTAL_TOLERANCE,
    Named,
    Roles,
    axis_labels,
    column_roles,
    is_sum,
    row_roles,
)
from planbench.model.arrays import FloatArray
from planbench.words import nouns

#: Columns of imports that miss the total supply by a larger share are remarked.
TOTAL_SUPPLY = 1e-3


def symmetric_table(grid: Grid, named: Named, name: str) -> RawTable:
    """Read a symmetric table: the labels that stand in rows and columns are its industries.

    Raises
    ------
    InputError
        When no label stands on both axes, or something cannot be told; the line says what.
    """
    if grid.unlabelled:
        raise InputError(
            "has no labels of rows, so nothing tells industries from value added and figures from "
            "labels; add a first column with the labels of the columns, or give the make table of "
            "a use table",
            where=grid.where,
        )
    rows, row_regions = axis_labels(grid.row_labels, grid.column_labels, grid.where)
    columns, column_regions = axis_labels(grid.column_labels, grid.row_labels, grid.where)
    apart = _named_apart(grid, rows, columns, named)
    at_row = {label: i for i, label in reversed(list(enumerate(rows)))}
    core = [
        j
        for j, label in enumerate(columns)
        if label and label in at_row and label not in apart and not names.is_total(label)
    ]
    core_rows = [at_row[columns[j]] for j in core]
    total = _total_among(grid.cells[np.ix_(core_rows, core)])
    if total is not None:
        del core[total], core_rows[total]
    if len(core) < 1:
        raise InputError(
            "no label stands both in its rows and its columns, so it is no symmetric table; "
            "give a use table with --use and a make table with --make",
            where=grid.where,
        )
    if len(set(core_rows)) < len(core):
        twice = next(columns[j] for j in core if columns.count(columns[j]) > 1)
        raise InputError(f"label {twice!r} stands twice; labels must differ", where=grid.where)
    body = replace(grid, cells=grid.cells[core_rows])
    across = column_roles(body, columns, core, named)
    down = row_roles(grid, rows, core_rows, core, named)
    fields = _fields(grid, core_rows, core, rows, columns, across, down)
    if row_regions and column_regions:
        regions = [column_regions[j] for j in core]
        fields["product_regions"] = fields["industry_regions"] = regions
        fields["final_regions"] = [column_regions[j] for j in across.final]
    labels = [columns[j] for j in core]
    return make_raw_table(name, labels, labels, grid.cells[np.ix_(core_rows, core)], **fields)


def _total_among(block: FloatArray) -> int | None:
    """Position of a label whose row and column are the sums of all others, or None.

    A total that has the same unknown name on both axes looks like one more industry.
    """
    sides = (block, block.sum(axis=0)), (block.T, block.sum(axis=1))
    if block.shape[0] < 3 or not all(np.any(sums) for _, sums in sides):
        return None
    # With the total itself among them, its line is half of the sums.
    worst = np.maximum(
        *(np.abs(2 * part - sums).sum(axis=1) / np.abs(sums).sum() for part, sums in sides)
    )
    at = int(np.argmin(worst))
    return at if worst[at] <= TOTAL_TOLERANCE else None


def _named_apart(grid: Grid, rows: list[str], columns: list[str], named: Named) -> set[str]:
    """Labels that the caller names as something else than an industry, or that say so."""
    out: set[str] = set()
    for option in ("final", "exports", "imports", "drop", "value_added", "compensation"):
        labels = rows if option in ("value_added", "compensation") else columns
        if option == "drop":
            labels = rows + columns
        patterns = getattr(named, option)
        found = names.chosen(patterns, labels, f"--{option.replace('_', '-')}", grid.where)
        out |= {labels[i] for i in found}
    out |= {label for label in set(rows) & set(columns) if names.is_import(label)}
    return out


def _fields(
    grid: Grid,
    core_rows: list[int],
    core: list[int],
    rows: list[str],
    columns: list[str],
    across: Roles,
    down: Roles,
) -> dict[str, Any]:
    """Fields of the table that the roles of rows and columns tell."""
    cells = grid.cells
    block = cells[core_rows]

    def row_sum(which: list[int], over: list[int]) -> FloatArray | None:
        return cells[np.ix_(which, over)].sum(axis=0) if which else None

    stated = [i for i in down.value_added if "value added" in rows[i].casefold()]
    items = stated[:1] or (down.value_added + down.compensation)
    return {
        "output": row_sum(down.output[:1], core),
        "final_use": block[:, across.final],
        "final_uses": [columns[j] for j in across.final],
        "exports": block[:, across.exports].sum(axis=1) if across.exports else None,
        "imports": _imports(block, across),
        "import_use": row_sum(down.imports, core),
        "final_import_use": row_sum(down.imports, across.final),
        "compensation": row_sum(down.compensation, core),
        "value_added": row_sum(items, core),
        "source": grid.short,
        "remarks": (*grid.remarks, *across.remarks, *down.remarks),
    }


def _imports(block: FloatArray, roles: Roles) -> FloatArray | None:
    """Add imports up as positive amounts; tables write them either way."""
    if not roles.imports:
        return None
    imports = np.asarray(block[:, roles.imports].sum(axis=1))
    return -imports if imports.sum() < 0 else imports


def supply_use_table(
    use: Grid, make: Grid, named: Named, name: str, make_rows: str = "auto"
) -> RawTable:
    """Read a use and a make (supply) table.

    Parameters
    ----------
    use, make : Grid
    named : Named
    name : str
    make_rows : {"auto", "products", "industries"}
        What the rows of the make table are. ``auto`` takes the axis whose labels are the rows
        of the use table; where both are, the way round in which fewer industries use more
        than they make.

    Raises
    ------
    InputError
        When the tables do not fit each other; the line says where.
    """
    remarks: list[str] = []
    turned = _transposed(use, make, make_rows, remarks)
    if turned:
        make = replace(
            make,
            row_labels=make.column_labels,
            column_labels=make.row_labels,
            cells=make.cells.T.copy(),
        )
    # Each axis is compared with its like, so that of codes and names both keep the same.
    use_rows, row_regions = axis_labels(use.row_labels, make.row_labels, use.where)
    products, _ = axis_labels(make.row_labels, use.row_labels, make.where)
    made_by, _ = axis_labels(make.column_labels, use.column_labels, make.where)
    use_columns, column_regions = axis_labels(use.column_labels, make.column_labels, use.where)
    if use.unlabelled:
        use_rows = _labels_in_order(use, products)

    everything = [*use_rows, *use_columns, *products, *made_by]
    dropped = {everything[i] for i in names.chosen(named.drop, everything, "--drop", use.where)}
    at_use = {label: i for i, label in reversed(list(enumerate(use_rows))) if label}
    core = [
        i
        for i, label in enumerate(products)
        if label in at_use and label not in dropped and not names.is_output(label)
    ]
    missing = [
        label
        for i, label in enumerate(products)
        if label
        and label not in at_use
        and not names.is_total(label)
        and label not in dropped
        and not is_sum(make.cells[i], make.cells[core])
    ]
    if missing or not core:
        raise InputError(
            f"product {missing[0] if missing else products[0]!r} of the make table is no row of "
            "the use table; give tables of the same classification, or --drop it",
            where=use.where,
        )
    industries, imports = _make_columns(make, made_by, core, dropped, remarks)
    core_use = [at_use[products[i]] for i in core]
    columns = _industry_columns(use, use_columns, core_use, [made_by[j] for j in industries])
    block = replace(use, cells=use.cells[core_use])
    across = column_roles(block, use_columns, columns, named)
    down = row_roles(use, use_rows, core_use, columns, named)
    fields = _fields(use, core_use, columns, use_rows, use_columns, across, down)
    if imports is not None:
        fields["imports"] = imports
    if row_regions and column_regions:
        fields["product_regions"] = [row_regions[i] for i in core_use]
        fields["industry_regions"] = [column_regions[j] for j in columns]
        fields["final_regions"] = [column_regions[j] for j in across.final]
    fields["source"] = f"{use.short} and {make.short}"
    fields["remarks"] = (*remarks, *make.remarks, *fields["remarks"])
    return make_raw_table(
        name,
        [products[i] for i in core],
        [made_by[j] for j in industries],
        use.cells[np.ix_(core_use, columns)],
        make=make.cells[np.ix_(core, industries)],
        **fields,
    )


def _labels_in_order(use: Grid, products: Sequence[str]) -> list[str]:
    """Labels for the rows of a use table without any: those of the products, in order."""
    wanted = [label for label in products if label and not names.is_total(label)]
    n = use.cells.shape[0]
    if len(wanted) < n and any(label for label in wanted):
        # Further rows would be value added, which nobody could tell apart.
        raise InputError(
            f"has {nouns(n, 'row')} without labels, and the make table "
            f"{nouns(len(wanted), 'product')}; "
            "add a column of labels",
            where=use.where,
        )
    return wanted[:n]


def _transposed(use: Grid, make: Grid, make_rows: str, remarks: list[str]) -> bool:
    """Whether the rows of the make table are industries."""
    if make_rows != "auto":
        return make_rows == "industries"
    known = {label for levels in use.row_labels for label in levels if label}
    rows = {label for levels in make.row_labels for label in levels if label}
    columns = {label for levels in make.column_labels for label in levels if label}
    in_rows, in_columns = len(known & rows), len(known & columns)
    if in_rows != in_columns:
        return in_columns > in_rows
    # The same labels on both axes: the wrong way round, industries use more than they make.
    n = min(in_rows, use.cells.shape[0], *make.cells.shape)
    used = use.cells[:n, :n].sum(axis=0)
    cells = make.cells[:n, :n]
    straight = float(np.maximum(used - cells.sum(axis=0), 0.0).sum())
    turned = float(np.maximum(used - cells.sum(axis=1), 0.0).sum())
    remarks.append(
        f"{make.short}: rows and columns have the same labels; with products as rows industries "
        f"use {straight:.6g} more than they make, with industries as rows {turned:.6g}: rows are "
        f"{'industries' if turned < straight else 'products'} (--make-rows says otherwise)"
    )
    return turned < straight


def _make_columns(
    make: Grid, labels: Sequence[str], core: list[int], dropped: set[str], remarks: list[str]
) -> tuple[list[int], FloatArray | None]:
    """Industries among the columns of a make table (products in rows), and imports if told."""
    block = make.cells[core]
    industries: list[int] = []
    imports: list[int] = []
    total: int | None = None
    for j, label in enumerate(labels):
        line = block[:, j]
        if label in dropped:
            remarks.append(f"column {label!r} of the make table left out as asked")
        elif names.is_import(label):
            imports.append(j)
        elif names.is_total(label) or not label or is_sum(line, block[:, industries].T):
            remarks.append(f"column {label!r} of the make table is a total: left out")
            total = j
        elif names.is_margin_or_tax(label):
            remarks.append(f"column {label!r} of the make table left out: it is no output")
        else:
            industries.append(j)
    if not industries:
        raise InputError("has no column of an industry", where=make.where)
    if not imports:
        return industries, None
    stated = block[:, imports].sum(axis=1)
    domestic = block[:, industries].sum(axis=1)
    if total is not None and total > max(imports):
        # The total supply tells imports even where one of their columns is missing.
        supply = block[:, total] - domestic
        if np.abs(supply - stated).sum() > TOTAL_SUPPLY * np.abs(supply).sum():
            remarks.append(
                f"imports are {labels[total]!r} less domestic output, {supply.sum():.6g}; "
                f"columns of imports hold {stated.sum():.6g}"
            )
        return industries, supply
    return industries, stated


def _industry_columns(
    use: Grid, labels: Sequence[str], core: list[int], industries: list[str]
) -> list[int]:
    """Columns of the use table that are the industries of the make table, in its order."""
    at = {label: j for j, label in reversed(list(enumerate(labels))) if label}
    found = [at[label] for label in industries if label in at]
    if len(found) == len(industries):
        return found
    # Other words for the same: as many columns before the first total.
    n = len(industries)
    sums = use.cells[core].T
    if not found and len(labels) >= n:
        early = [j for j in range(n) if names.is_total(labels[j]) or not labels[j]]
        closed = len(labels) == n or names.is_total(labels[n]) or is_sum(sums[n], sums[:n])
        if not early and closed:
            return list(range(n))
    lost = next(label for label in industries if label not in at)
    raise InputError(
        f"industry {lost!r} of the make table is no column of the use table; give tables of the "
        "same classification",
        where=use.where,
    )
