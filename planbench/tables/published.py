"""What symmetric tables and use tables share: doubtful lines are refused, the others read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import planbench.tables.names as names
from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.tables.roles import Sheet, Side, explain_value_added, resolve_open_totals
from planbench.tables.totals import same

ENTRIES = ("auto", "money", "quantities", "coefficients")
OUTPUTS = ("auto", "stated", "uses")
#: A total without a name that says so needs sums in as many lines, or another sign.
ENOUGH = 3


def refuse_chance_totals(
    side: Side,
    other: Side | None = None,
    balances: Callable[[FloatArray | float], bool] | None = None,
) -> None:
    """Refuse lines that add up by chance as well as not: nothing else says that they are totals.

    Parameters
    ----------
    side : Side
    other : Side, optional
        The other side of a symmetric table, where a line of the same figures is a sign.
    balances : callable, optional
        Whether the table balances with more final use.

    Raises
    ------
    InputError
        With both readings.
    """
    core = set(side.core)
    for j, total in side.totals.items():
        label = side.label(j)
        whole = total.members >= core
        if names.is_total(label) or not label or (whole and total.filled >= ENOUGH):
            continue
        line, half = side.cells[j], side.half[j]
        # The balance shows where it fails with the line as final use (value added).
        more = line if side.what == "column" else -line
        if balances is not None and balances(0.0) and not balances(more):
            continue
        twin = other is not None and any(same(line, other.cells[i], 2 * half) for i in other.totals)
        above = any(
            t.clear and t.members >= core | total.members and j not in t.members
            for k, t in side.totals.items()
            if k != j
        )
        if twin or above or names.is_value_added(label):
            continue
        role, option = side.loose
        raise InputError(
            f"{side.what} {label!r} {total.why}: a total, or {role} that happens to be as much? "
            f"give --total or {option}",
            where=side.where,
        )


def refuse_lone_industries(sheet: Sheet) -> None:
    """Refuse lines that the caller calls industries and that are none on the other axis.

    Raises
    ------
    InputError
    """
    for side in (sheet.columns, sheet.rows):
        for i in side.at("industry", "product"):
            if i not in side.core:
                raise InputError(
                    f"{side.what} {side.label(i)!r} is named by --industry and is on one axis "
                    "only; give it the same name on both, or leave the option out",
                    where=side.where,
                )


def refuse_misplaced(sheet: Sheet, own_units: bool = False) -> None:
    """Refuse lines that seem to be industries whose name is another one on the other axis.

    Raises
    ------
    InputError
    """
    columns, rows = sheet.columns, sheet.rows
    last = max(columns.at("industry"))
    paid = [
        i
        for i in rows.at("value added", "compensation", "total")
        if names.is_compensation(rows.label(i)) or names.is_whole_value_added(rows.label(i))
    ]
    for j in columns.at("final use"):
        if j not in columns.stated and (j < last or sheet.grid.cells[paid, j].any()):
            how = "is among the industries" if j < last else "pays wages"
            raise InputError(
                f"column {columns.label(j)!r} {how} and is no industry by its name; give rows and "
                "columns the same names, or --final or --drop",
                where=columns.where,
            )
    last = max(rows.at("product"))
    for i in rows.at("value added?", *(("resource",) if own_units else ())):
        if i < last:
            raise InputError(
                f"row {rows.label(i)!r} is among the products and is none by its name; give "
                "rows and columns the same names, or --value-added, --resource or --drop",
                where=rows.where,
            )


def find_outputs(sheet: Sheet, made: FloatArray, outputs: str) -> None:
    """Find the row of outputs: it counts value added in, or is what is made.

    Parameters
    ----------
    sheet : Sheet
        Its roles are changed.
    made : ndarray, shape (industries,)
    outputs : {"auto", "stated", "uses"}
        What is to count where a total adds up to nothing.
    """
    rows, columns = sheet.rows, sheet.columns
    explain_value_added(rows)
    core = set(rows.core)
    why = f"as --gross-outputs {outputs} says"
    for i in rows.at("total"):
        members = rows.totals[i].members if i in rows.totals else core
        if members > core and not names.is_value_added_as_such(rows.label(i)):
            rows.roles[i] = "output", rows.roles[i][1]
    for i in rows.at("total?"):
        if same(rows.cells[i], made, rows.half[i] + rows.half.sum(axis=0)):
            rows.roles[i] = "output", "equals what is made"
        elif outputs != "auto":
            rows.roles[i] = ("output" if outputs == "stated" else "left out"), why
    for j in columns.at("total?") if outputs != "auto" else ():
        columns.roles[j] = ("total" if outputs == "stated" else "left out"), why


def resolve_totals(sheet: Sheet, used: FloatArray, paid: FloatArray, labels: list[str]) -> None:
    """Decide about what is called a total still, and refuse rows that nothing explains.

    Parameters
    ----------
    sheet : Sheet
        Its roles are changed.
    used, paid : ndarray, shape (products,), (industries,)
        What the columns, and the rows, add up to.
    labels : list of str
        Of the products.

    Raises
    ------
    InputError
    """
    resolve_open_totals(sheet.columns, used, labels)
    resolve_open_totals(sheet.rows, paid, sheet.columns.core_labels)
    for i in sheet.rows.at("value added?"):
        raise InputError(
            f"row {sheet.rows.label(i)!r} is no product, and no total counts it in: give "
            "--value-added, --resource (in a unit of its own), or --drop",
            where=sheet.rows.where,
        )


def leaves_out(sheet: Sheet) -> bool:
    """Whether figures of the table are left out, so that nothing needs to add up."""
    columns, rows = sheet.columns, sheet.rows
    return bool(
        columns.cells[columns.at("left out")].any() or rows.cells[rows.at("left out")].any()
    )


def table_fields(sheet: Sheet, balanced: bool) -> dict[str, Any]:
    """Fields of a :class:`RawTable` that follow from the roles of rows and columns.

    Parameters
    ----------
    sheet : Sheet
    balanced : bool
        Whether costs are uses, so that value added is whole.
    """
    grid, columns, rows = sheet.grid, sheet.columns, sheet.rows
    cells, core, core_rows = grid.cells, columns.core, rows.core
    block = cells[core_rows]
    final, final_rows = columns.at("final use"), rows.at("final use")

    def row_sum(which: list[int]) -> FloatArray | None:
        if not which:
            return None
        sign = signs(rows, which)
        figures = cells[np.ix_(which, core)]
        # Subsidies are printed either way.
        return np.asarray(sign @ np.where(sign[:, None] < 0, np.abs(figures), figures))

    added, paid = rows.at("value added"), rows.at("compensation")
    outputs = rows.at("output")
    named = [i for i in outputs if names.is_output(rows.label(i))] or outputs[-1:]
    whole = [i for i in (*added, *rows.at("total")) if names.is_whole_value_added(rows.label(i))]
    counted = [rows.totals[i].members for i in outputs if i in rows.totals]
    items = sorted(set(counted[0]) & {*added, *paid} if counted else whole[:1] or {*added, *paid})
    imported, resources = rows.at("imports"), rows.at("resource")
    used = np.ix_(core_rows, [*core, *final, *columns.at("exports", "imports")])
    product_rounding = np.where(grid.unknown[used].any(axis=1), np.inf, grid.half[used].sum(axis=1))
    if named and len(core) == len(core_rows):
        product_rounding = product_rounding + grid.half[named[0], core]
    costs = np.ix_([*core_rows, *added, *paid, *imported], core)
    industry_rounding = np.where(
        grid.unknown[costs].any(axis=0), np.inf, grid.half[costs].sum(axis=0)
    )
    fields = {
        "output": row_sum(named[:1]),
        "final_use": np.column_stack([block[:, final], *(cells[i, core] for i in final_rows)]),
        "final_uses": [columns.label(j) for j in final] + [rows.label(i) for i in final_rows],
        "exports": sum_or_none(block, columns.at("exports")),
        "imports": imports_of(block, columns),
        "import_use": row_sum(imported),
        "final_import_use": None
        if not imported
        else np.append(cells[np.ix_(imported, final)].sum(axis=0), np.zeros(len(final_rows))),
        "compensation": row_sum(paid),
        "value_added": row_sum(items),
        "value_added_is_whole": bool(counted or whole or balanced),
        "resources": tuple(rows.label(i) for i in resources),
        "resource_use": cells[np.ix_(resources, core)] if resources else None,
        "product_rounding": product_rounding,
        "industry_rounding": industry_rounding,
        "source": grid.short,
        "remarks": grid.remarks,
    }
    row_regions, column_regions = rows.labels.regions, columns.labels.regions
    if row_regions and column_regions:
        fields["product_regions"] = [row_regions[i] for i in core_rows]
        fields["industry_regions"] = [column_regions[j] for j in core]
        fields["final_regions"] = [column_regions[j] for j in final] + [""] * len(final_rows)
    return fields


def signs(rows: Side, which: list[int]) -> FloatArray:
    """Give −1 for the rows that are subtracted by their names, else 1."""
    return np.array([-1.0 if names.is_less(rows.label(i)) else 1.0 for i in which])


def sum_or_none(block: FloatArray, columns: list[int]) -> FloatArray | None:
    """Sum of some columns by row; None where there are none."""
    return np.asarray(block[:, columns].sum(axis=1)) if columns else None


def imports_of(block: FloatArray, columns: Side) -> FloatArray | None:
    """Add imports up as positive amounts; tables write them either way."""
    imports = sum_or_none(block, columns.at("imports"))
    return -imports if imports is not None and imports.sum() < 0 else imports
