"""Symmetric tables: labels that occur in rows and in columns are the industries."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

import planbench.tables.names as names
from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.model.products import total_requirements
from planbench.tables.grid import Grid
from planbench.tables.labels import Labels, Lines, match_labels, refuse_near_pair, stated_roles
from planbench.tables.options import ReadOptions
from planbench.tables.raw import RawTable, make_raw_table
from planbench.tables.roles import (
    Sheet,
    Side,
    decide_roles,
    find_totals,
    imports_of,
    make_side,
    refuse_misplaced,
    refuse_sums,
    report_roles,
    resolve_totals,
    row_sum,
    same,
    sums_by_figures,
    table_fields,
)

#: Roles of lines on one axis only.
_LOOSE = (
    "final use",
    "exports",
    "imports",
    "value added",
    "value added?",
    "compensation",
    "resource",
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
        rows.labels_of(i for i in rows.at(*_LOOSE) if i not in rows.stated),
        columns.labels_of(j for j in columns.at(*_LOOSE) if j not in columns.stated),
        grid.where,
    )
    refuse_misplaced(sheet, own_units)
    uses = _uses(sheet)
    balanced = _balances(sheet, uses)
    refuse_sums(columns, *_LOOSE)
    refuse_sums(rows, *_LOOSE)
    coefficients = entries == "coefficients"
    if entries == "auto":
        _refuse_small_figures(sheet, balanced or own_units)
    if coefficients and not balanced:
        own_units = not _adds_up_to_one(rows)
    if own_units:
        decide_roles(sheet, options, why, own_units)
    elif balanced:
        for i in rows.at("value added?"):
            rows.roles[i] = "value added", "with it costs equal uses"
    resolve_totals(sheet, uses, None, options.gross_outputs)
    fields = table_fields(sheet, balanced)
    totals = columns.at("total")
    if options.gross_outputs == "stated" and fields["output"] is None and totals:
        stated = [j for j in totals if names.is_output(columns.labels[j])] or totals
        fields["output"] = columns.cells[stated[-1]]
    for side in (columns, rows):
        for i in side.core:
            if side.labels[i] in sure:
                side.roles[i] = side.roles[i][0], "as --industry says"
    fields["roles"] = report_roles((sheet, ""))
    fields["entries"] = "quantities" if own_units else "money"
    block = grid.cells[sheet.core]
    if coefficients:
        block = _from_coefficients(block, fields, grid.where)
    if coefficients or options.gross_outputs != "auto" or sheet.leaves_out:
        fields["product_rounding"] = fields["industry_rounding"] = None
    if own_units:
        fields["industry_rounding"] = None
    return make_raw_table(name, labels, labels, block, **fields)


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
            "output? give --entries coefficients, money, or quantities (flows with a unit for each "
            "row)",
            where=sheet.grid.where,
        )


def _is_one(rows: Side, i: int) -> bool:
    return bool((np.abs(rows.cells[i] - 1.0) <= np.maximum(rows.half[i], 1e-9)).all())


def _adds_up_to_one(rows: Side) -> bool:
    if any(_is_one(rows, i) for i in rows.totals):
        return True
    parts = rows.at(*_COSTS)
    room = np.maximum(rows.half[parts].sum(axis=0), 1e-9)
    return bool((np.abs(rows.cells[parts].sum(axis=0) - 1.0) <= room).all())


def _uses(sheet: Sheet) -> FloatArray:
    """Add up what is used of each product, less imports: its output."""
    columns, rows = sheet.columns, sheet.rows
    used = columns.cells[columns.at("industry", "final use", "exports")].sum(axis=0)
    used = used + rows.cells[rows.at("final use")].sum(axis=0)
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


def _from_coefficients(block: FloatArray, fields: dict[str, Any], where: str) -> FloatArray:
    """Flows of a table of coefficients: outputs follow from final use."""
    asked = fields["final_use"].sum(axis=1)
    asked = asked + (0.0 if fields["exports"] is None else fields["exports"])
    asked = asked - (0.0 if fields["imports"] is None else fields["imports"])
    if not asked.any():
        raise InputError(
            "has coefficients and no final use, so nothing tells outputs; add a column or row of "
            "final demand",
            where=where,
        )
    if not _is_productive(block):
        raise InputError(
            "holds no input coefficients: with these no net output is possible; give --entries "
            "money or quantities if they are flows",
            where=where,
        )
    output = total_requirements(sp.csr_array(block), asked)
    if output is None or (output < 0).any():
        raise InputError(
            "needs almost all of its output as inputs, or has imports that make outputs negative, "
            "so that outputs do not follow from final use; check the coefficients and the imports",
            where=where,
        )
    for field in ("compensation", "value_added", "import_use", "resource_use"):
        if fields[field] is not None:
            fields[field] = fields[field] * output
    fields["output"] = output
    fields["remarks"] = (
        *fields["remarks"],
        "cells are inputs per unit of output: outputs are what final use requires",
    )
    return np.asarray(block * output)
