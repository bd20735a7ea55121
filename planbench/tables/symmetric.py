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
from planbench.tables.published import (
    find_outputs,
    imports_of,
    leaves_out,
    refuse_chance_totals,
    refuse_lone_industries,
    refuse_misplaced,
    resolve_totals,
    signs,
    table_fields,
)
from planbench.tables.raw import RawTable, make_raw_table
from planbench.tables.roles import (
    Labels,
    Lines,
    Named,
    Sheet,
    Side,
    at,
    decide_roles,
    make_sheet,
    match_labels,
    refuse_near_pair,
    report_roles,
    stated_roles,
)
from planbench.tables.totals import (
    Axis,
    find_doubtful,
    find_totals,
    fits_without,
    make_axis,
    same,
)

#: An industry that is a sum in a single cell is one by chance.
_TWO = 2
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


def symmetric_table(
    grid: Grid, named: Named, name: str, entries: str = "auto", outputs: str = "auto"
) -> RawTable:
    """Read a symmetric table: the labels that occur in rows and in columns are its industries.

    Parameters
    ----------
    grid : Grid
    named : Named
    name : str
    entries : {"auto", "money", "quantities", "coefficients"}
        What the cells hold: flows in one unit, flows in which each row has a unit of its own,
        or inputs per unit of output.
    outputs : {"auto", "stated", "uses"}
        Which outputs count where those stated and the uses differ; ``auto`` refuses.

    Raises
    ------
    InputError
        When no label is on both axes, or the figures leave something open; the line says what, and
        the option that decides.
    """
    if grid.unlabelled:
        raise InputError(
            "has no labels of rows, so nothing tells industries from value added and figures from "
            "labels; add a first column with the labels of the columns, or give the make table of "
            "a use table",
            where=grid.where,
        )
    row_labels, column_labels = match_labels(grid.row_labels, grid.column_labels, grid.where)
    stated = stated_roles(named, column_labels, row_labels, grid.where)
    sheet, sure = _industries(grid, column_labels, row_labels, stated)
    columns, rows = sheet.columns, sheet.rows
    labels = columns.core_labels
    both = "has a row and a column"
    decide_roles(columns, both, only=bool(named.final))
    own_units = entries == "quantities" or (entries == "auto" and _own_units(labels))
    decide_roles(rows, both, only=bool(named.value_added), own_units=own_units)
    refuse_lone_industries(sheet)
    refuse_near_pair(
        (rows.label(i) for i in rows.at(*_LOOSE) if i not in rows.stated),
        (columns.label(j) for j in columns.at(*_LOOSE) if j not in columns.stated),
        ("row", "column"),
        grid.where,
    )
    refuse_misplaced(sheet, own_units)
    uses = _uses(sheet)

    def balances(more: FloatArray | float = 0.0) -> bool:
        return _balances(sheet, uses + more)

    balanced = balances()
    refuse_chance_totals(columns, rows, balances)
    refuse_chance_totals(rows, columns, balances)
    _refuse_coarse(grid, columns, rows, columns.at("final use"))
    _refuse_coarse(grid, rows, columns, rows.at("value added?"))
    block = grid.cells[sheet.core]
    if entries == "auto":
        entries = _entries(sheet, block, balanced or own_units)
    if entries == "coefficients" and not (_is_ones(rows) or balanced):
        own_units = not _adds_to_one(rows)
    if own_units:
        decide_roles(rows, both, only=bool(named.value_added), own_units=True)
    elif balanced:
        for i in rows.at("value added?"):
            rows.roles[i] = "value added", "with it costs equal uses"
    find_outputs(sheet, uses, outputs)
    costs = rows.cells[rows.at("product", "value added", "compensation", "imports")].sum(axis=0)
    resolve_totals(sheet, uses, costs, labels)
    fields = table_fields(sheet, balanced)
    if outputs == "stated" and fields["output"] is None:
        fields["output"] = _stated_column(columns)
    for side in (columns, rows):
        for i in side.at("product", "industry"):
            if side.label(i) in sure:
                side.roles[i] = side.roles[i][0], "as --industry says"
    fields["roles"] = report_roles((sheet, ""))
    fields["entries"] = "quantities" if own_units else "money"
    if entries == "coefficients":
        block = _from_coefficients(block, fields, grid.where)
    if outputs != "auto" or leaves_out(sheet):
        fields["product_rounding"] = fields["industry_rounding"] = None
    if own_units:
        fields["industry_rounding"] = None
    return make_raw_table(name, labels, labels, block, **fields)


def _entries(sheet: Sheet, block: FloatArray, explained: bool) -> str:
    """Find out what the cells hold: coefficients where rows add up to a stated 1."""
    columns, rows = sheet.columns, sheet.rows
    if _is_ones(rows):
        return "coefficients"
    confirmed = (
        explained
        or any(t.members >= set(columns.core) for t in columns.totals.values())
        or any(t.members > set(rows.core) for t in rows.totals.values())
    )
    if not confirmed and _productive(block):
        raise InputError(
            "holds small figures that no total and no balance explains: flows, or inputs per unit "
            "of output? give --entries coefficients, money, or quantities (flows with a unit for "
            "each row)",
            where=sheet.grid.where,
        )
    return "auto"


def _is_ones(rows: Side) -> bool:
    """Whether a total is 1 in every industry."""
    return any(
        (np.abs(rows.cells[i] - 1.0) <= np.maximum(rows.half[i], 1e-9)).all() for i in rows.totals
    )


def _industries(
    grid: Grid, columns: Labels, rows: Labels, stated: tuple[Lines, Lines]
) -> tuple[Sheet, set[str]]:
    """Find the columns and rows of the industries, and totals of both axes.

    A total that has a row and a column of the same name looks like one more industry. The second
    value holds the labels that must be industries.
    """
    across, down = stated
    at_row = {label: i for i, label in reversed(list(enumerate(rows.labels)))}
    sure = {columns.labels[j] for j in at(across, "industry")} | {
        rows.labels[i] for i in at(down, "industry")
    }
    apart = {columns.labels[j] for j in across} | {rows.labels[i] for i in down}
    core = [
        j
        for j, label in enumerate(columns.labels)
        if label and label in at_row
        and (label in sure or (label not in apart and not names.is_import(label)))
    ]  # fmt: skip
    for label in (columns.labels[j] for j in core):
        if columns.labels.count(label) > 1 or rows.labels.count(label) > 1:
            raise InputError(f"label {label!r} occurs twice; labels must differ", where=grid.where)
    for label in (columns.labels[j] for j in core):
        if label not in sure and names.is_value_added_as_such(label):
            raise InputError(
                f"{label!r} has a row and a column: an industry, or value added and final use? "
                "give --industry, or --value-added and --final, or --drop",
                where=grid.where,
            )
    contested: set[str] = set()
    by_chance: set[str] = set()
    while True:
        core_rows = [at_row[columns.labels[j]] for j in core]
        known = sure | contested | by_chance
        by_column, by_row = _axes(grid, columns, rows, core, core_rows, sure)
        totals = []
        for axis, lines in ((by_column, across), (by_row, down)):
            free = [
                j for j, label in enumerate(axis.labels) if j not in lines and label not in known
            ]
            totals.append(find_totals(axis, free, at(lines, "total")))
        column_totals, row_totals = totals
        gone: set[int] = set()
        for j, i in zip(core, core_rows, strict=True):
            label = columns.labels[j]
            held = [t[k] for t, k in ((column_totals, j), (row_totals, i)) if k in t]
            sums, clear = len(held), any(t.filled >= _TWO for t in held)
            if label in known or (not sums and not names.is_total(label)):
                continue
            if sums == 1 and not clear and not names.is_total(label):
                by_chance.add(label)
            elif (sums == 2 and (clear or names.is_total(label))) or (
                sums and (names.is_total(label) or _alike(grid, j, i, core, core_rows))
            ):
                gone.add(j)
            elif sums:
                contested.add(label)
            else:
                raise InputError(
                    f"{label!r} has a row and a column, is called a total and is the sum of "
                    "nothing; give --industry if it is an industry, --total if it is a total",
                    where=grid.where,
                )
        if gone:
            core = [j for j in core if j not in gone]
        elif not (contested | by_chance) - known:
            break
    if not core:
        refuse_near_pair(rows.labels, columns.labels, ("row", "column"), grid.where)
        raise InputError(
            "no label is in both its rows and its columns, so it is no symmetric table; "
            "give a use table with --use and a make table with --make",
            where=grid.where,
        )
    sheet = make_sheet(grid, (columns, rows), (core, core_rows), stated, (totals[0], totals[1]))
    # A total that counts it in says that a line is an industry.
    if contested and not any(
        t.members >= set(side.core)
        for side in (sheet.columns, sheet.rows)
        for t in side.totals.values()
    ):
        raise _total_or_industry(min(contested), grid.where)
    _refuse_coarse_industries(sheet, by_column, by_row, sure)
    return sheet, sure


def _axes(
    grid: Grid, columns: Labels, rows: Labels, core: list[int], core_rows: list[int], sure: set[str]
) -> tuple[Axis, Axis]:
    """Columns over the rows of the industries, and rows over their columns, but for totals."""
    # Where totals cross there is often nothing, in a table that has figures elsewhere.
    bare = {j for j, i in zip(core, core_rows, strict=True) if grid.half[i, j] == 0}
    compared = [
        k
        for k, j in enumerate(core)
        if columns.labels[j] in sure
        or not (names.is_total(columns.labels[j]) or (j in bare and 2 * len(bare) < len(core)))
    ]
    over_rows, over_columns = [core_rows[k] for k in compared], [core[k] for k in compared]
    return (
        make_axis(grid, "column", columns.labels, core, over_rows, rows.labels),
        make_axis(grid, "row", rows.labels, core_rows, over_columns, columns.labels),
    )


def _total_or_industry(label: str, where: str) -> InputError:
    return InputError(
        f"{label!r} may be a total, as it adds up on one axis or within rounding, or an "
        "industry; give --total or --industry",
        where=where,
    )


def _refuse_coarse_industries(sheet: Sheet, by_column: Axis, by_row: Axis, sure: set[str]) -> None:
    """Refuse lines that rounding allows to be totals on both axes, and that no total counts in."""
    columns, rows = sheet.columns, sheet.rows
    down = find_doubtful(by_row, rows.core, rows.totals)
    across = find_doubtful(by_column, columns.core, columns.totals) if down else {}
    for j, i in zip(columns.core, rows.core, strict=True):
        label = columns.label(j)
        if not (j in across and i in down) or label in sure or len(rows.core) <= _TWO:
            continue
        counted = any(
            t.members >= set(side.core) and not fits_without(axis, k, side.totals, line)
            for axis, side, line in ((by_column, columns, j), (by_row, rows, i))
            for k, t in side.totals.items()
        )
        if not counted:
            raise _total_or_industry(label, sheet.grid.where)


def _alike(grid: Grid, j: int, i: int, core: list[int], core_rows: list[int]) -> bool:
    """Whether a column and the row of its name hold the same figures: outputs both ways."""
    others = [(r, c) for r, c in zip(core_rows, core, strict=True) if c != j]
    down, right = [r for r, _ in others], [c for _, c in others]
    room = grid.half[down, j] + grid.half[i, right]
    return same(grid.cells[down, j], grid.cells[i, right], room)


def _own_units(labels: list[str]) -> bool:
    """Whether the labels of the products say that each row is in a unit of its own."""
    units = {names.physical_unit(label) for label in labels}
    return bool(units - {""})


def _uses(sheet: Sheet) -> FloatArray:
    """Add up what is used of each product, less imports: its output."""
    columns, rows = sheet.columns, sheet.rows
    used = columns.cells[[*columns.core, *columns.at("final use", "exports")]].sum(axis=0)
    used = used + rows.cells[rows.at("final use")].sum(axis=0)
    imports = imports_of(columns.cells.T, columns)
    return np.asarray(used if imports is None else used - imports)


def _balances(sheet: Sheet, uses: FloatArray) -> bool:
    """Whether inputs and value added of each industry are what is used of its product."""
    columns, rows = sheet.columns, sheet.rows
    parts = rows.at("value added", "value added?", "compensation", "imports")
    if not parts:
        return False
    inputs = rows.cells[rows.core].sum(axis=0)
    users = columns.at("industry", "final use", "exports", "imports")
    room = rows.half[[*rows.core, *parts]].sum(axis=0) + columns.half[users].sum(axis=0)
    cells = rows.cells[parts]
    whole = [k for k, i in enumerate(parts) if names.is_whole_value_added(rows.label(i))][:1]
    imported = [k for k, i in enumerate(parts) if rows.roles[i][0] == "imports"]
    return any(
        same(inputs + added, uses, room)
        for added in (
            signs(rows, parts) @ cells,
            cells.sum(axis=0),
            *([cells[whole + imported].sum(axis=0)] if whole else []),
        )
    )


def _refuse_coarse(grid: Grid, side: Side, other: Side, lines: list[int]) -> None:
    """Refuse lines that rounding allows to be totals, and that no total counts in."""
    axis = make_axis(
        grid, side.what, side.labels.labels, side.core, other.core, other.labels.labels
    )
    open_lines = [j for j in lines if j not in side.stated]
    for j, total in find_doubtful(axis, open_lines, side.totals).items():
        whole = [k for k, t in side.totals.items() if t.members >= {*side.core, j}]
        if whole and not all(fits_without(axis, k, side.totals, j) for k in whole):
            continue
        role, option = side.loose
        raise InputError(
            f"{side.what} {side.label(j)!r} {total.why} within rounding: a total, or {role}? give "
            f"--total or {option}",
            where=grid.where,
        )


def _productive(block: FloatArray) -> bool:
    """Whether figures can be input coefficients: net output is possible (Hawkins–Simon)."""
    if (block < 0).any() or not block.any() or (block.sum(axis=0) >= 1).all():
        return False
    n = block.shape[0]
    try:
        return bool((np.linalg.solve(np.eye(n) - block, np.ones(n)) > 0).all())
    except np.linalg.LinAlgError:
        return False


def _adds_to_one(rows: Side) -> bool:
    parts = [*rows.core, *rows.at("value added", "value added?", "compensation", "imports")]
    room = np.maximum(rows.half[parts].sum(axis=0), 1e-9)
    return bool((np.abs(rows.cells[parts].sum(axis=0) - 1.0) <= room).all())


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
    if not _productive(block):
        raise InputError(
            "holds no input coefficients: with these no net output is possible; give --entries "
            "money or quantities if they are flows",
            where=where,
        )
    output = total_requirements(sp.csr_array(block), asked)
    if output is None:
        raise InputError(
            "needs almost all of its output as inputs, so that outputs cannot be told from final "
            "use; check the coefficients",
            where=where,
        )
    if (output < 0).any():
        raise InputError(
            "has imports that make outputs negative; check them, or --drop them", where=where
        )
    for field in ("compensation", "value_added", "import_use"):
        if fields[field] is not None:
            fields[field] = fields[field] * output
    if fields["resource_use"] is not None:
        fields["resource_use"] = fields["resource_use"] * output
    fields["output"] = output
    fields["product_rounding"] = fields["industry_rounding"] = None
    fields["remarks"] = (
        *fields["remarks"],
        "cells are inputs per unit of output: outputs are what final use requires",
    )
    return np.asarray(block * output)


def _stated_column(columns: Side) -> FloatArray | None:
    totals = columns.at("total")
    named = [j for j in totals if names.is_output(columns.label(j))] or totals
    return np.asarray(columns.cells[named[-1]]) if named else None
