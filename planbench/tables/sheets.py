"""Symmetric tables: labels that occur in rows and in columns are the industries.

A use table and a make (supply) table: the make table distinguishes products from industries.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import planbench.tables.names as names
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.text import nearest
from planbench.model.arrays import FloatArray
from planbench.tables.grid import Grid
from planbench.tables.options import ReadOptions
from planbench.tables.raw import RawTable, make_raw_table
from planbench.tables.roles import (
    LOOSE,
    Labels,
    Lines,
    Sheet,
    Side,
    decide_roles,
    find_totals,
    imports_of,
    make_side,
    match_labels,
    refuse_doubtful,
    refuse_near_pair,
    report_roles,
    resolve_totals,
    row_sum,
    same,
    stated_roles,
    sum_or_none,
    sums_by_figures,
    table_fields,
)

_COSTS = ("product", "value added", "value added?", "compensation", "imports")


def symmetric_table(grid: Grid, options: ReadOptions, name: str) -> RawTable:
    """Read a symmetric table: the labels that occur in rows and in columns are its industries.

    Parameters
    ----------
    grid : Grid
    options : ReadOptions
    name : str

    Raises
    ------
    InputError
        When no label is on both axes, or the figures leave something open; the line says what, and
        the option that decides.
    """
    entries = options.entries
    if grid.unlabelled:
        raise InputError(
            "has no labels of rows, so nothing tells industries from value added and figures from "
            "labels; add a first column with the labels of the columns, or give the make table of "
            "a use table",
            where=grid.where,
        )
    row_labels, column_labels = match_labels(grid.row_labels, grid.column_labels, grid.where)
    (across,), (down,) = stated_roles(options, [column_labels], [row_labels], grid.where)
    sure = {column_labels.labels[j] for j, role in across.items() if role[0] == "industry"}
    sure |= {row_labels.labels[i] for i, role in down.items() if role[0] == "industry"}
    sheet = _industries(grid, column_labels, row_labels, across, down, sure)
    columns, rows = sheet.columns, sheet.rows
    labels = columns.labels_of(columns.core)
    why = "has a row and a column", "has a row and a column"
    own_units = entries == "quantities" or (
        entries == "auto" and any(map(names.physical_unit, labels))
    )
    decide_roles(sheet, options, why, own_units)
    refuse_near_pair(
        rows.labels_of(i for i in rows.at(*LOOSE) if i not in rows.stated),
        columns.labels_of(j for j in columns.at(*LOOSE) if j not in columns.stated),
        grid.where,
    )
    refuse_doubtful(sheet, own_units)
    uses = _uses(sheet)
    balanced = _balances(sheet, uses)
    if entries == "auto":
        _refuse_small_figures(sheet, balanced or own_units)
    if balanced and not own_units:
        for i in rows.at("value added?"):
            rows.roles[i] = "value added", "with it costs equal uses"
    resolve_totals(sheet, uses, None, options.gross_outputs)
    fields = table_fields(sheet, balanced)
    totals = columns.at("total")
    if options.gross_outputs == "stated" and fields["output"] is None and totals:
        stated = [j for j in totals if names.is_output(columns.labels[j])] or totals
        fields["output"] = columns.cells[stated[-1]]
    fields["roles"] = report_roles((sheet, ""))
    fields["entries"] = "quantities" if own_units else "money"
    if options.gross_outputs != "auto" or sheet.leaves_out:
        fields["product_rounding"] = fields["industry_rounding"] = None
    if own_units:
        fields["industry_rounding"] = None
    return make_raw_table(name, labels, labels, grid.cells[sheet.core], **fields)


def _industries(
    grid: Grid, columns: Labels, rows: Labels, across: Lines, down: Lines, sure: set[str]
) -> Sheet:
    """Find the columns and rows of the industries, and totals of both axes.

    `sure` are the labels that the caller calls industries; others that are called totals are none.
    """
    at_row = {label: i for i, label in reversed(list(enumerate(rows.labels)))}
    apart = {columns.labels[j] for j in across} | {rows.labels[i] for i in down}
    core = [
        j
        for j, label in enumerate(columns.labels)
        if label in sure.intersection(at_row)
        or (label in at_row and label and label not in apart
            and not names.is_import(label) and not names.is_total(label))
    ]  # fmt: skip
    for label in (columns.labels[j] for j in core):
        if columns.labels.count(label) > 1 or rows.labels.count(label) > 1:
            raise InputError(f"label {label!r} occurs twice; labels must differ", where=grid.where)
        if label not in sure and names.is_value_added_as_such(label):
            raise InputError(
                f"{label!r} has a row and a column: an industry, or value added and final use? "
                "give --industry, or --value-added and --final, or --drop",
                where=grid.where,
            )
    if not core:
        refuse_near_pair(rows.labels, columns.labels, grid.where)
        raise InputError(
            "no label is in both its rows and its columns, so it is no symmetric table; "
            "give a use table with --use and a make table with --make",
            where=grid.where,
        )
    core_rows = [at_row[columns.labels[j]] for j in core]
    sheet = Sheet(
        grid,
        make_side(grid, "column", columns, core, core_rows, across, rows),
        make_side(grid, "row", rows, core_rows, core, down, columns),
    )
    sums: list[dict[str, bool]] = []
    for side in (sheet.columns, sheet.rows):
        side.totals = find_totals(side)
    _refuse_called_total(sheet, at_row, apart)
    for side in (sheet.columns, sheet.rows):
        found = sums_by_figures(side, side.core)
        sums.append({side.labels[j]: total.clear for j, total in found})
    one, other = sums
    for label in {**one, **other}:
        # Coarse figures of a single axis show nothing.
        if one.get(label) or other.get(label) or (label in one and label in other):
            raise InputError(
                f"{label!r} may be a total, as it is the sum of others, or an industry; give "
                "--total or --industry",
                where=grid.where,
            )
    return sheet


def _refuse_called_total(sheet: Sheet, at_row: dict[str, int], apart: set[str]) -> None:
    """Refuse what looks like an industry and is called a total, where the figures do not say so.

    That is a label on both axes which is no sum, and is among the industries or has figures outside
    of them only.
    """
    columns, rows, cells = sheet.columns, sheet.rows, sheet.grid.cells
    for j, label in enumerate(columns.labels):
        i = at_row.get(label, -1)
        if i < 0 or not label or label in apart or not names.is_total(label):
            continue
        if j in columns.core or j in columns.totals or i in rows.totals:
            continue
        within = j < max(columns.core) and i < max(rows.core)
        bare = not columns.cells[j].any() or not rows.cells[i].any()
        if within or (bare and (cells[i].any() or cells[:, j].any())):
            raise InputError(
                f"{label!r} has a row and a column, is called a total and is the sum of nothing; "
                "give --industry if it is an industry, --total if it is a total",
                where=sheet.grid.where,
            )


def _refuse_small_figures(sheet: Sheet, explained: bool) -> None:
    """Refuse what may be coefficients: columns that add up to 1, and what nothing explains."""
    columns, rows = sheet.columns, sheet.rows
    confirmed = (
        explained
        or any(t.members >= set(columns.core) for t in columns.totals.values())
        or any(t.members > set(rows.core) for t in rows.totals.values())
    )
    ones = any(_is_one(rows, i) for i in rows.totals)
    if ones or (not confirmed and _is_productive(sheet.grid.cells[sheet.core])):
        small = "small figures that no total and no balance explains"
        raise InputError(
            f"holds {'columns that add up to 1' if ones else small}: flows, or inputs per unit of "
            "output? give --entries money or quantities (a unit for each row) if they are flows; "
            "coefficients go into a folder of CSV files",
            where=sheet.grid.where,
        )


def _is_one(rows: Side, i: int) -> bool:
    return bool((np.abs(rows.cells[i] - 1.0) <= np.maximum(rows.half[i], 1e-9)).all())


def _uses(sheet: Sheet) -> FloatArray:
    """Add up what is used of each product, less imports: its output."""
    columns = sheet.columns
    used = columns.cells[columns.at("industry", "final use", "exports")].sum(axis=0)
    imports = imports_of(columns)
    return np.asarray(used if imports is None else used - imports)


def _balances(sheet: Sheet, uses: FloatArray) -> bool:
    """Whether inputs and value added of each industry are what is used of its product."""
    columns, rows = sheet.columns, sheet.rows
    inputs, parts = rows.cells[rows.core].sum(axis=0), rows.at(*_COSTS[1:])
    users = columns.at("industry", "final use", "exports", "imports")
    room = rows.half[[*rows.core, *parts]].sum(axis=0) + columns.half[users].sum(axis=0)
    readings = [parts]
    whole = [i for i in parts if names.is_whole_value_added(rows.labels[i])][:1]
    if whole:
        # Its parts stand next to it.
        readings.append([*whole, *rows.at("imports")])
    added = [row_sum(rows, reading) for reading in readings]
    return any(line is not None and same(inputs + line, uses, room) for line in added)


def _is_productive(block: FloatArray) -> bool:
    """Whether figures can be input coefficients: net output is possible (Hawkins–Simon)."""
    if (block < 0).any() or not block.any() or (block.sum(axis=0) >= 1).all():
        return False
    n = block.shape[0]
    try:
        return bool((np.linalg.solve(np.eye(n) - block, np.ones(n)) > 0).all())
    except np.linalg.LinAlgError:
        return False


def supply_use_table(use: Grid, make: Grid, options: ReadOptions, name: str) -> RawTable:
    """Read a use and a make (supply) table.

    Products are the axis of the make table which gives the outputs that the use table states;
    without these, the axis whose labels are the rows of the use table; where both are, the one
    with which industries do not use more than they make (``make_rows`` says otherwise).

    Parameters
    ----------
    use, make : Grid
    options : ReadOptions
    name : str

    Raises
    ------
    InputError
        When the tables do not fit each other; the line says where.
    """
    remarks: list[str] = []
    outputs = options.gross_outputs
    if _is_transposed(use, make, options.make_rows, remarks):
        make = make.turned()
    # Each axis is compared with its like, so that of codes and names both keep the same.
    use_rows, products = match_labels(use.row_labels, make.row_labels, use.where)
    made_by, use_columns = match_labels(make.column_labels, use.column_labels, make.where)
    (across, made_across), (down, made_down) = stated_roles(
        options, (use_columns, made_by), (use_rows, products), use.where
    )
    if use.unlabelled:
        use_rows = _labels_in_order(use, products)
    supply = _supply_sheet(make, made_by, products, made_across, made_down, use_rows, use.where)
    labels = supply.columns.labels_of(supply.columns.core)
    at_use = {label: i for i, label in reversed(list(enumerate(use_rows.labels))) if label}
    core_rows = [at_use[label] for label in supply.rows.labels_of(supply.rows.core)]
    core, how = _industry_columns(use, use_columns, core_rows, labels, across)
    sheet = Sheet(
        use,
        make_side(use, "column", use_columns, core, core_rows, across),
        make_side(use, "row", use_rows, core_rows, core, down),
    )
    columns, rows = sheet.columns, sheet.rows
    for side in (columns, rows):
        side.totals = find_totals(side)
    block, half = make.cells[supply.core], make.half[supply.core]
    made, supplied = block.sum(axis=0), block.sum(axis=1)
    decide_roles(sheet, options, (how, "is a product of the make table"), own_units=False)
    refuse_doubtful(sheet)
    for j in columns.at("total?"):
        if same(columns.cells[j], supplied, columns.half[j] + half.sum(axis=1)):
            columns.roles[j] = "total", "equals what is made"
    used = columns.cells[columns.at("industry", "final use", "exports")].sum(axis=0)
    resolve_totals(sheet, used, made, outputs)
    fields = table_fields(sheet, balanced=False)
    imports = _supplied_imports(supply, sheet, outputs, remarks)
    if imports is not None:
        fields["imports"] = imports
    stated = rows.half[rows.at("output")].max(axis=0, initial=0.0)
    supplied_by = supply.columns.at("industry", "imports")
    fields["product_rounding"] += supply.columns.half[supplied_by].sum(axis=0)
    fields["output_rounding"] = half.sum(axis=0) + stated
    fields["industry_rounding"] = None
    if outputs != "auto" or sheet.leaves_out:
        fields["product_rounding"] = fields["output_rounding"] = None
    fields["source"] = f"{use.short} and {make.short}"
    fields["remarks"] = (*remarks, *make.remarks, *fields["remarks"])
    fields["roles"] = report_roles((sheet, "use"), (supply, "make"))
    return make_raw_table(
        name,
        supply.rows.labels_of(supply.rows.core),
        labels,
        use.cells[sheet.core],
        make=block,
        **fields,
    )


def _is_transposed(use: Grid, make: Grid, make_rows: str, remarks: list[str]) -> bool:
    """Whether the rows of the make table are industries."""
    if make_rows != "auto":
        return make_rows == "industries"
    (straight, block), (turned, block_turned) = (
        _evidence(use, grid) for grid in (make, make.turned())
    )
    if straight == turned:
        if np.array_equal(block, block_turned):
            return False
        raise InputError(
            "has the same labels on both axes, and nothing tells products from industries; "
            "give --make-rows products or industries",
            where=make.where,
        )
    transposed = turned > straight
    if straight[1] == turned[1]:
        stated = straight[0] != turned[0]
        by = f"the outputs in {use.short}" if stated else "what industries use and make"
        remarks.append(
            f"{make.short}: rows and columns have the same labels; by {by} rows are "
            f"{'industries' if transposed else 'products'} (--make-rows says otherwise)"
        )
    return transposed


def _evidence(use: Grid, make: Grid) -> tuple[tuple[int, int, float], FloatArray]:
    """Find what says that the rows of a make table are products, the strongest first.

    How many of the outputs, by industry and by product, that the use table states it gives; how
    many labels its rows share with those of the use table; and (less) what industries use beyond
    what they make. Also the block of the make table that these labels name.
    """
    rows, products = match_labels(use.row_labels, make.row_labels, use.where)
    made_by, columns = match_labels(make.column_labels, use.column_labels, make.where)

    def shared(one: Labels, other: Labels) -> tuple[list[int], list[int]]:
        """Positions of the common labels."""
        there = {label: i for i, label in reversed(list(enumerate(other.labels)))}
        found = {
            label: i
            for i, label in reversed(list(enumerate(one.labels)))
            if label and label in there and not names.is_total(label)
        }
        return list(found.values()), [there[label] for label in found]

    of_make, core_rows = shared(products, rows)
    by, core = shared(made_by, columns)
    block, half = make.cells[np.ix_(of_make, by)], make.half[np.ix_(of_make, by)]
    stated = any(
        same(use.cells[i, core], block.sum(axis=0), half.sum(axis=0) + use.half[i, core])
        for i in set(range(use.cells.shape[0])) - set(core_rows)
    ) + any(
        same(use.cells[core_rows, j], block.sum(axis=1), half.sum(axis=1) + use.half[core_rows, j])
        for j in set(range(use.cells.shape[1])) - set(core)
    )
    used = use.cells[np.ix_(core_rows, core)].sum(axis=0)
    excess = float(np.maximum(used - block.sum(axis=0), 0.0).sum())
    return (stated, len(of_make), -excess), block


def _labels_in_order(use: Grid, products: Labels) -> Labels:
    """Labels for the rows of a use table without any: those of the products, in order."""
    wanted = [label for label in products.labels if label and not names.is_total(label)]
    n = use.cells.shape[0]
    if len(wanted) < n:
        # Further rows would be value added, which nobody could tell apart.
        raise InputError(
            f"has {plural(n, 'row')} without labels, and the make table "
            f"{plural(len(wanted), 'product')}; "
            "add a column of labels",
            where=use.where,
        )
    return Labels(wanted[:n], tuple((label,) for label in wanted[:n]))


def _supply_sheet(
    make: Grid, made_by: Labels, products: Labels, across: Lines, down: Lines, use_rows: Labels,
    where: str,
) -> Sheet:  # fmt: skip
    """Decide what the columns and rows of the make table are; `where` is the use table."""

    def named(labels: Labels, stated: Lines, *others: Callable[[str], bool]) -> list[int]:
        """Lines that are stated to be industries, or have a label of none of the others."""
        return [
            i
            for i, label in enumerate(labels.labels)
            if (stated[i][0] == "industry" if i in stated else label)
            and (i in stated or not any(is_other(label) for is_other in others))
        ]

    core_rows = named(products, down, names.is_total)
    labels = [products.labels[i] for i in core_rows]
    missing = [label for label in labels if label not in use_rows.labels]
    if missing or not core_rows:
        label = missing[0] if missing else products.labels[0]
        raise InputError(
            f"product {label!r} of the make table is no row of the use table"
            f"{nearest(label, use_rows.labels)}; give tables of the same classification, or "
            "--drop it",
            where=where,
        )
    core = named(made_by, across, names.is_total, names.is_import, names.is_margin_or_tax)
    if not core:
        raise InputError("has no column of an industry", where=make.where)
    sheet = Sheet(
        make,
        make_side(make, "column", made_by, core, core_rows, across, products),
        make_side(make, "row", products, core_rows, core, down, made_by),
    )
    for side in (sheet.columns, sheet.rows):
        side.totals = find_totals(side)
        for j, total in sums_by_figures(side, side.core):
            raise InputError(
                f"{side.what} {side.labels[j]!r} {total.why}: give --total if it is one, "
                "--industry if it is not",
                where=make.where,
            )
    why = "is a column of the make table", "is a row of both tables"
    decide_roles(sheet, ReadOptions(), why, own_units=False)
    for j in sheet.columns.at("final use", "total?"):
        if names.is_import(sheet.columns.labels[j]):
            sheet.columns.roles[j] = "imports", "by its name"
        elif sheet.columns.roles[j][0] == "final use":
            sheet.columns.roles[j] = "left out", "is no output: margins or taxes on products"
    for i in sheet.rows.at("total?"):
        raise InputError(
            f"row {sheet.rows.labels[i]!r} is called a total and does not add up; correct the "
            "figures, or give --drop, or --industry if it is a product",
            where=make.where,
        )
    return sheet


def _supplied_imports(
    supply: Sheet, use: Sheet, outputs: str, remarks: list[str]
) -> FloatArray | None:
    """Find imports in a make (supply) table; refuse totals that nothing explains."""
    columns = supply.columns
    domestic = columns.cells[columns.core].sum(axis=0)
    stated = sum_or_none(columns, "imports")
    room = columns.half[columns.at("industry", "imports")].sum(axis=0)
    for j in columns.at("total"):
        line = columns.cells[j]
        if stated is not None and same(line, domestic + stated, room + columns.half[j]):
            # The total supply as published; its parts are rounded.
            return np.asarray(line - domestic)
    for j in columns.at("total?"):
        line, label = columns.cells[j], columns.labels[j]
        rest = line - domestic
        if same(line, domestic, columns.half[j] + columns.half[columns.core].sum(axis=0)):
            columns.roles[j] = "total", "is the sum of all industries"
        elif outputs != "auto":
            columns.roles[j] = "left out", f"as --gross-outputs {outputs} says"
        elif stated is not None and _is_all_use(line, use):
            # Of imports one column is missing; the total supply gives them.
            columns.roles[j] = (
                "total", "with taxes on products it is all that is used: imports are in it",
            )  # fmt: skip
            remarks.append(
                f"imports are {label!r} less domestic output, {rest.sum():.6g}; "
                f"columns of imports hold {stated.sum():.6g}"
            )
            return np.asarray(rest)
        else:
            worst = int(np.abs(rest).argmax())
            raise InputError(
                f"column {label!r} of the make table is called a total and does not add "
                f"up: off by {rest[worst]:.6g} in row {worst + 1}; correct the figures, or give "
                "--drop if it is to be left out, --industry if it is an industry",
                where=columns.where,
            )
    return stated


def _is_all_use(supply: FloatArray, use: Sheet) -> bool:
    """Whether a column of supply adds up to all uses, but for taxes less subsidies on products."""
    columns, rows = use.columns, use.rows
    users = columns.at("industry", "final use", "exports")
    used, room = columns.cells[users].sum(), columns.half[users].sum()
    taxes = [i for i in rows.at("value added") if names.is_product_tax(rows.labels[i])]
    paid = row_sum(rows, taxes)
    rest = supply.sum() - used
    return bool(abs(rest) <= room or (paid is not None and abs(rest + paid.sum()) <= room))


def _industry_columns(
    use: Grid, columns: Labels, core_rows: list[int], industries: list[str], stated: Lines
) -> tuple[list[int], str]:
    """Columns of the use table that are the industries of the make table, in its order."""
    labels = columns.labels
    place = {label: j for j, label in reversed(list(enumerate(labels))) if label}
    found = [place[label] for label in industries if label in place]
    n = len(industries)
    if len(found) == n:
        return found, "is an industry of the make table"
    # Other words for the same: as many columns before the first total.
    if not found and len(labels) >= n and not any(j in stated for j in range(n)):
        side = make_side(use, "column", columns, range(n), core_rows, stated)
        totals = find_totals(side)
        early = [j for j in range(n) if j in totals or names.is_total(labels[j]) or not labels[j]]
        if not early and (len(labels) == n or n in {*totals, *side.stated_as("total")}):
            return list(range(n)), "has the place of an industry of the make table"
    lost = next(label for label in industries if label not in place)
    raise InputError(
        f"industry {lost!r} of the make table is no column of the use table"
        f"{nearest(lost, labels)}; give tables of the same classification, or name the first total "
        "of the use table with --total if its industries have other labels",
        where=use.where,
    )
