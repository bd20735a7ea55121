"""A use table and a make (supply) table: the make table distinguishes products from industries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import planbench.tables.names as names
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.text import nearest
from planbench.model.arrays import FloatArray
from planbench.tables.grid import Grid
from planbench.tables.published import (
    ENOUGH,
    find_outputs,
    leaves_out,
    refuse_chance_totals,
    refuse_lone_industries,
    refuse_misplaced,
    resolve_totals,
    signs,
    sum_or_none,
    table_fields,
)
from planbench.tables.raw import RawTable, make_raw_table
from planbench.tables.roles import (
    Labels,
    Lines,
    Named,
    Sheet,
    at,
    decide_roles,
    make_sheet,
    match_labels,
    report_roles,
    stated_roles,
)
from planbench.tables.totals import Total, find_totals, make_axis, same


def supply_use_table(
    use: Grid, make: Grid, named: Named, name: str, make_rows: str = "auto", outputs: str = "auto"
) -> RawTable:
    """Read a use and a make (supply) table.

    Parameters
    ----------
    use, make : Grid
    named : Named
    name : str
    make_rows : {"auto", "products", "industries"}
        What the rows of the make table are. ``auto`` takes the axis whose labels are the rows
        of the use table; where both are, the way round that gives the outputs which the use
        table states; without these, in which industries do not use more than they make.
    outputs : {"auto", "stated", "uses"}
        ``auto`` refuses stated outputs that are no sums; otherwise the cells of the make table
        count.

    Raises
    ------
    InputError
        When the tables do not fit each other; the line says where.
    """
    remarks: list[str] = []
    if _transposed(use, make, make_rows, remarks):
        make = make.turned()
    # Each axis is compared with its like, so that of codes and names both keep the same.
    use_rows, products = match_labels(use.row_labels, make.row_labels, use.where)
    made_by, use_columns = match_labels(make.column_labels, use.column_labels, make.where)
    (across, made_across), (down, made_down) = _stated_of_both(
        named, (use_columns, made_by), (use_rows, products), use.where
    )
    if use.unlabelled:
        totals = _make_totals(make, products, made_by, made_down)[1]
        use_rows = _labels_in_order(use, use_rows, products, totals)
    supply = _judge_make(
        make, (made_by, products), (made_across, made_down), set(use_rows.labels), use.where
    )
    at_use = {label: i for i, label in reversed(list(enumerate(use_rows.labels))) if label}
    core_use = [at_use[label] for label in supply.rows.core_labels]
    labels = supply.columns.core_labels
    industries, how = _industry_columns(use, use_columns.labels, core_use, labels, across)
    found = []
    for what, of, core, over, lines in (
        ("column", use_columns, industries, core_use, across),
        ("row", use_rows, core_use, industries, down),
    ):
        axis = make_axis(use, what, of.labels, core, over, ())
        free = [j for j in range(len(of.labels)) if j not in core and j not in lines]
        found.append(find_totals(axis, free, at(lines, "total")))
    sheet = make_sheet(
        use, (use_columns, use_rows), (industries, core_use), (across, down), (found[0], found[1])
    )
    columns, rows = sheet.columns, sheet.rows
    block = make.cells[supply.core]
    made, supplied = block.sum(axis=0), block.sum(axis=1)
    decide_roles(columns, how, only=bool(named.final))
    decide_roles(rows, "is a product of the make table", only=bool(named.value_added))
    refuse_lone_industries(sheet)
    refuse_misplaced(sheet)
    for i in rows.at("final use"):
        raise InputError(
            f"row {rows.label(i)!r} holds final use, which is a column of a use table; give "
            "--value-added, --resource or --drop",
            where=use.where,
        )
    refuse_chance_totals(columns)
    refuse_chance_totals(rows)
    find_outputs(sheet, made, outputs)
    used = columns.cells[columns.at("industry", "final use", "exports")].sum(axis=0)
    for j in columns.at("total?"):
        if same(columns.cells[j], supplied, columns.half[j] + make.half[supply.core].sum(axis=1)):
            columns.roles[j] = "total", "equals what is made"
    resolve_totals(sheet, used, made, supply.rows.core_labels)
    fields = table_fields(sheet, balanced=False)
    fields["industry_rounding"] = None
    imports = _supplied_imports(supply, sheet, outputs, remarks)
    if imports is not None:
        fields["imports"] = imports
    cells = make.half[np.ix_(supply.rows.core, supply.columns.at("industry", "imports"))]
    hidden = make.unknown[supply.rows.core].any(axis=1)
    fields["product_rounding"] = np.where(
        hidden, np.inf, fields["product_rounding"] + cells.sum(axis=1)
    )
    fields["output_rounding"] = np.where(
        make.unknown[:, supply.columns.core].any(axis=0),
        np.inf,
        make.half[supply.core].sum(axis=0)
        + use.half[np.ix_(rows.at("output"), industries)].max(axis=0, initial=0.0),
    )
    if outputs != "auto" or leaves_out(sheet):
        fields["product_rounding"] = fields["output_rounding"] = None
    fields["source"] = f"{use.short} and {make.short}"
    fields["remarks"] = (*remarks, *make.remarks, *fields["remarks"])
    fields["roles"] = report_roles((sheet, "use"), (supply, "make"))
    return make_raw_table(
        name, supply.rows.core_labels, labels, use.cells[sheet.core], make=block, **fields
    )


def _stated_of_both(
    named: Named, columns: tuple[Labels, Labels], rows: tuple[Labels, Labels], where: str
) -> tuple[tuple[Lines, Lines], tuple[Lines, Lines]]:
    """Stated roles of columns (use, make) and of rows (use, make)."""

    def joined(one: Labels, other: Labels) -> Labels:
        return Labels(one.labels + other.labels, None, one.levels + other.levels)

    def parted(lines: Lines, n: int) -> tuple[Lines, Lines]:
        return {i: r for i, r in lines.items() if i < n}, {
            i - n: r for i, r in lines.items() if i >= n
        }

    across, down = stated_roles(named, joined(*columns), joined(*rows), where)
    return parted(across, len(columns[0].labels)), parted(down, len(rows[0].labels))


def _labels_in_order(
    use: Grid, use_rows: Labels, products: Labels, totals: dict[int, Total]
) -> Labels:
    """Labels for the rows of a use table without any: those of the products, in order."""
    wanted = [
        label
        for i, label in enumerate(products.labels)
        if label and i not in totals and not names.is_total(label)
    ]
    n = use.cells.shape[0]
    if len(wanted) < n:
        # Further rows would be value added, which nobody could tell apart.
        raise InputError(
            f"has {plural(n, 'row')} without labels, and the make table "
            f"{plural(len(wanted), 'product')}; "
            "add a column of labels",
            where=use.where,
        )
    return Labels(wanted[:n], None, tuple((label,) for label in wanted[:n]))


def _make_totals(
    make: Grid, products: Labels, made_by: Labels, stated: Lines | None = None
) -> tuple[dict[int, Total], dict[int, Total]]:
    """Columns and rows of a make table that are sums of others."""
    out = []
    for what, of, other in (("column", made_by, products), ("row", products, made_by)):
        compared = [
            i for i, label in enumerate(other.labels) if label and not names.is_total(label)
        ]
        axis = make_axis(make, what, of.labels, range(len(of.labels)), compared, other.labels)
        free = [j for j in range(len(of.labels)) if what == "column" or j not in (stated or {})]
        out.append(find_totals(axis, free))
    return out[0], out[1]


def _transposed(use: Grid, make: Grid, make_rows: str, remarks: list[str]) -> bool:
    """Whether the rows of the make table are industries."""
    if make_rows != "auto":
        return make_rows == "industries"
    named_rows, named_columns = _levels(make.row_labels), _levels(make.column_labels)
    column_totals, row_totals = _make_totals(make, named_rows, named_columns)

    def known(levels: Sequence[tuple[str, ...]], totals: dict[int, Total]) -> set[str]:
        return {
            label
            for i, line in enumerate(levels)
            for label in line
            if label and i not in totals and not any(map(names.is_total, line))
        }

    wanted = known(use.row_labels, {})
    in_rows = len(wanted & known(make.row_labels, row_totals))
    in_columns = len(wanted & known(make.column_labels, column_totals))
    if in_rows != in_columns:
        return in_columns > in_rows
    # The same labels on both axes: outputs that the use table states decide.
    straight, turned = _states_outputs(use, make), _states_outputs(use, make.turned())
    if straight != turned:
        remarks.append(
            f"{make.short}: rows and columns have the same labels; by the outputs in "
            f"{use.short} rows are {'industries' if turned > straight else 'products'}"
        )
        return turned > straight
    # The wrong way round, industries use more than they make.
    n = min(in_rows, use.cells.shape[0], *make.cells.shape)
    used = use.cells[:n, :n].sum(axis=0)
    cells = make.cells[:n, :n]
    over_straight = float(np.maximum(used - cells.sum(axis=0), 0.0).sum())
    over_turned = float(np.maximum(used - cells.sum(axis=1), 0.0).sum())
    if over_straight == over_turned and in_rows and (cells != cells.T).any():
        raise InputError(
            "has the same labels on both axes, and nothing tells products from industries; give "
            "--make-rows products or industries",
            where=make.where,
        )
    remarks.append(
        f"{make.short}: rows and columns have the same labels; with products as rows industries "
        f"use {over_straight:.6g} more than they make, with industries as rows {over_turned:.6g}: "
        f"rows are {'industries' if over_turned < over_straight else 'products'} (--make-rows "
        "says otherwise)"
    )
    return over_turned < over_straight


def _levels(levels: Sequence[tuple[str, ...]]) -> Labels:
    """One label for each line before it is known which level counts: a total's, if any."""
    labels = [next(filter(names.is_total, line), next(filter(None, line), "")) for line in levels]
    return Labels(labels, None, tuple(levels))


def _states_outputs(use: Grid, make: Grid) -> int:
    """How many of the outputs by industry and by product the use table states are those of make."""
    rows, products = match_labels(use.row_labels, make.row_labels, use.where)
    made_by, columns = match_labels(make.column_labels, use.column_labels, make.where)
    common = [p for p in products.labels if p and p in rows.labels and not names.is_total(p)]
    industries = [m for m in made_by.labels if m and m in columns.labels and not names.is_total(m)]
    at_make = np.ix_(
        [products.labels.index(p) for p in common], [made_by.labels.index(m) for m in industries]
    )
    core_rows = [rows.labels.index(p) for p in common]
    core = [columns.labels.index(m) for m in industries]
    block, half = make.cells[at_make], make.half[at_make]
    others_down = [i for i in range(len(rows.labels)) if i not in core_rows]
    others = [j for j in range(len(columns.labels)) if j not in core]
    return any(
        same(use.cells[i, core], block.sum(axis=0), half.sum(axis=0) + use.half[i, core])
        for i in others_down
    ) + any(
        same(use.cells[core_rows, j], block.sum(axis=1), half.sum(axis=1) + use.half[core_rows, j])
        for j in others
    )


def _judge_make(
    make: Grid, sides: tuple[Labels, Labels], stated: tuple[Lines, Lines], in_use: set[str],
    where: str,
) -> Sheet:  # fmt: skip
    """Tell what the columns and rows of the make table are.

    Parameters
    ----------
    make : Grid
    sides, stated
        Of columns and rows.
    in_use : set of str
        Labels of the rows of the use table.
    where : str
        For messages about products.
    """
    (made_by, products), (across, down) = sides, stated
    column_totals, row_totals = _make_totals(make, products, made_by, down)
    rows: Lines = {}
    for i, label in enumerate(products.labels):
        if i in down:
            rows[i] = down[i] if down[i][0] != "industry" else ("product", down[i][1])
        elif i in row_totals and (
            names.is_total(label) or label not in in_use or row_totals[i].filled >= ENOUGH
        ):
            rows[i] = "total", row_totals[i].why
        elif not label and not make.cells[i].any():
            rows[i] = "left out", "is empty"
        else:
            rows[i] = "product", "is a row of both tables"
    core = at(rows, "product")
    missing = [i for i in core if products.labels[i] not in in_use]
    if missing or not core:
        label = products.labels[missing[0]] if missing else products.labels[0]
        said = "is called a total, does not add up and" if names.is_total(label) else ""
        raise InputError(
            f"product {label!r} of the make table {said}is no row of the use table"
            f"{nearest(label, in_use)}; give tables of the same classification, or --drop it"
            + (", or give --total" if said else ""),
            where=where,
        )
    columns: Lines = {}
    for j, label in enumerate(made_by.labels):
        if j in across:
            columns[j] = across[j]
        elif names.is_import(label):
            columns[j] = "imports", "by its name"
        elif j in column_totals:
            columns[j] = "total", column_totals[j].why
        elif names.is_total(label):
            columns[j] = "total?", "by its name"
        elif not make.cells[core, j].any() and not label:
            columns[j] = "left out", "is empty"
        elif names.is_margin_or_tax(label):
            columns[j] = "left out", "is no output: margins or taxes on products"
        else:
            columns[j] = "industry", "is a column of the make table"
    industries = at(columns, "industry")
    if not industries:
        raise InputError("has no column of an industry", where=make.where)
    sheet = make_sheet(make, sides, (industries, core), stated, (column_totals, row_totals))
    sheet.columns.roles, sheet.rows.roles = columns, rows
    return sheet


def _supplied_imports(
    supply: Sheet, use: Sheet, outputs: str, remarks: list[str]
) -> FloatArray | None:
    """Find imports in a make (supply) table; refuse totals that nothing explains."""
    columns, half = supply.columns, supply.columns.half
    block = supply.grid.cells[supply.rows.core]
    domestic = block[:, columns.core].sum(axis=1)
    stated = sum_or_none(block, columns.at("imports"))
    for j in columns.at("total"):
        room = half[[*columns.core, *columns.at("imports"), j]].sum(axis=0)
        if stated is not None and same(block[:, j], domestic + stated, room):
            # The total supply as published; its parts are rounded.
            return np.asarray(block[:, j] - domestic)
    for j in columns.at("total?"):
        rest = block[:, j] - domestic
        if same(block[:, j], domestic, half[j] + half[columns.core].sum(axis=0)):
            columns.roles[j] = "total", "is the sum of all industries"
        elif outputs != "auto":
            columns.roles[j] = "left out", f"as --gross-outputs {outputs} says"
        elif stated is not None and _is_all_use(block[:, j], use):
            # Of imports one column is missing; the total supply gives them.
            columns.roles[j] = (
                "total", "with taxes on products it is all that is used: imports are in it",
            )  # fmt: skip
            remarks.append(
                f"imports are {columns.label(j)!r} less domestic output, {rest.sum():.6g}; "
                f"columns of imports hold {stated.sum():.6g}"
            )
            return np.asarray(rest)
        else:
            worst = int(np.abs(rest).argmax())
            raise InputError(
                f"column {columns.label(j)!r} of the make table is called a total and does not add "
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
    taxes = [i for i in rows.at("value added") if names.is_product_tax(rows.label(i))]
    paid = float(signs(rows, taxes) @ rows.cells[taxes].sum(axis=1)) if taxes else 0.0
    return bool(abs(supply.sum() + paid - used) <= room or abs(supply.sum() - used) <= room)


def _industry_columns(
    use: Grid, labels: Sequence[str], core: list[int], industries: list[str], stated: Lines
) -> tuple[list[int], str]:
    """Columns of the use table that are the industries of the make table, in its order."""
    place = {label: j for j, label in reversed(list(enumerate(labels))) if label}
    found = [place[label] for label in industries if label in place]
    if len(found) == len(industries):
        return found, "is an industry of the make table"
    # Other words for the same: as many columns before the first total.
    n = len(industries)
    if not found and len(labels) >= n and not any(j in stated for j in range(n)):
        axis = make_axis(use, "column", labels, range(n), core, ())
        totals = find_totals(axis)
        early = [j for j in range(n) if j in totals or names.is_total(labels[j]) or not labels[j]]
        if not early and (len(labels) == n or n in totals):
            return list(range(n)), "has the place of an industry of the make table"
    lost = next(label for label in industries if label not in place)
    raise InputError(
        f"industry {lost!r} of the make table is no column of the use table"
        f"{nearest(lost, labels)}; give tables of the same classification",
        where=use.where,
    )
