"""What each row and column of a sheet is: product, industry, final use, value added, total.

Options of the caller come first, then names. Figures only confirm (:mod:`planbench.tables.totals`):
what is called a total and is no sum, or is a sum and not called so, is refused with both readings
and the option that decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import planbench.tables.names as names
from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.tables.grid import Grid
from planbench.tables.options import ReadOptions
from planbench.tables.raw import Role
from planbench.tables.totals import Side, same, sums_by_figures

#: A line called a total is one if it misses the sum in this share of its cells at most, and by
#: this share of the sum in all.
SLIPS, SLIP = 0.2, 1e-3


@dataclass(eq=False)
class Sheet:
    """A sheet of a table with its two sides.

    Attributes
    ----------
    grid : Grid
    columns, rows : Side
    """

    grid: Grid
    columns: Side
    rows: Side

    @property
    def core(self) -> tuple[Any, ...]:
        """Index of the block of products by industries."""
        return np.ix_(self.rows.core, self.columns.core)

    @property
    def leaves_out(self) -> bool:
        """Whether figures of the table are left out, so that nothing needs to add up."""
        return any(side.cells[side.at("left out")].any() for side in (self.columns, self.rows))


def decide_roles(
    sheet: Sheet, options: ReadOptions, core_why: tuple[str, str], own_units: bool
) -> None:
    """Decide what each line of a sheet is, as far as names and totals say it.

    Parameters
    ----------
    sheet : Sheet
        The roles of its sides are set.
    options : ReadOptions
    core_why : tuple of str
        How the industries, and the products, are known.
    own_units : bool
        Whether rows are in units of their own, so that primary inputs are resources.

    Raises
    ------
    InputError
        When a line has figures and no label.
    """
    for side, kind, why in (
        (sheet.columns, "industry", core_why[0]),
        (sheet.rows, "product", core_why[1]),
    ):
        core, side.roles = set(side.core), {}
        for i, label in enumerate(side.labels):
            if i in core:
                side.roles[i] = kind, why
            elif i in side.stated:
                side.roles[i] = side.stated[i]
            elif i in side.totals:
                side.roles[i] = "total", side.totals[i].why
            elif not side.cells[i].any() and (names.is_total(label) or not label):
                side.roles[i] = "left out", "is empty"
            elif not label:
                raise InputError(
                    f"{side.what} {i + 1} of the figures has no label and is no sum of others; "
                    "name it",
                    where=side.where,
                )
            elif names.is_total(label):
                side.roles[i] = "total?", "by its name"
            elif side.what == "column":
                side.roles[i] = _column_role(label, bool(options.final))
            else:
                side.roles[i] = _row_role(label, bool(options.value_added), own_units)


def _column_role(label: str, only_final: bool) -> tuple[str, str]:
    if names.is_export(label):
        return "exports", "by its name"
    if names.is_import(label):
        return "imports", "by its name"
    if only_final:
        return "left out", "is not among --final"
    return "final use", "is no industry and no total"


def _row_role(label: str, only_value_added: bool, own_units: bool) -> tuple[str, str]:
    if names.is_import(label):
        return "imports", "by its name"
    if names.is_final(label):
        return "final use", "by its name: what final users take of each product"
    if names.is_counted(label):
        return "resource", "by its name, in a unit of its own"
    if only_value_added:
        return "left out", "is not among --value-added"
    if own_units:
        return "resource", "is no product: a primary input in a unit of its own"
    if names.is_compensation(label):
        return "compensation", "by its name"
    if names.is_value_added(label):
        return "value added", "by its name"
    return "value added?", "is no product"


def refuse_misplaced(sheet: Sheet, own_units: bool = False) -> None:
    """Refuse lines that seem to be industries and are none by their names, and the reverse.

    Raises
    ------
    InputError
        Naming the line and the options that say what it is.
    """
    columns, rows = sheet.columns, sheet.rows
    for side in (columns, rows):
        for i in side.stated_as("industry"):
            if i not in side.core:
                raise InputError(
                    f"{side.what} {side.labels[i]!r} is named by --industry and is on one axis "
                    "only; give it the same name on both, or leave the option out",
                    where=side.where,
                )
    paid = [
        i
        for i in rows.at("value added", "compensation", "total")
        if names.is_compensation(rows.labels[i]) or names.is_whole_value_added(rows.labels[i])
    ]
    last = max(columns.core)
    for j in columns.at("final use"):
        if j not in columns.stated and (j < last or sheet.grid.cells[paid, j].any()):
            how = "is among the industries" if j < last else "pays wages"
            raise InputError(
                f"column {columns.labels[j]!r} {how} and is no industry by its name; give rows and "
                "columns the same names, or --final or --drop",
                where=columns.where,
            )
    last = max(rows.core)
    for i in rows.at("value added?", *(("resource",) if own_units else ())):
        if i < last:
            raise InputError(
                f"row {rows.labels[i]!r} is among the products and is none by its name; give "
                "rows and columns the same names, or --value-added, --resource or --drop",
                where=rows.where,
            )


def refuse_sums(side: Side, *roles: str) -> None:
    """Refuse lines with these roles that are sums of others and are not called so.

    Raises
    ------
    InputError
        With both readings.
    """
    for j, total in sums_by_figures(side, side.at(*roles)):
        role, option = side.loose
        raise InputError(
            f"{side.what} {side.labels[j]!r} {total.why}{'' if total.clear else ' within rounding'}"
            f": a total, or {role} that happens to be as much? give --total or {option}",
            where=side.where,
        )


def resolve_totals(sheet: Sheet, used: FloatArray, made: FloatArray | None, outputs: str) -> None:
    """Find the row of outputs, and decide about all lines whose role is open still.

    Parameters
    ----------
    sheet : Sheet
        Its roles are changed.
    used : ndarray, shape (products,)
        What the columns add up to.
    made : ndarray, shape (industries,), or None
        Outputs by a make table; in a symmetric table they are what is used.
    outputs : {"auto", "stated", "uses"}
        What is to count where a total adds up to nothing.

    Raises
    ------
    InputError
        Naming both readings and the options that decide.
    """
    columns, rows = sheet.columns, sheet.rows
    core = set(rows.core)
    counted = {k for t in rows.totals.values() if t.members >= core for k in t.members}
    for i in rows.at("value added?"):
        if i in counted:
            rows.roles[i] = "value added", "a total counts it in"
    for i in rows.at("total"):
        members = rows.totals[i].members if i in rows.totals else core
        if members > core and not names.is_value_added_as_such(rows.labels[i]):
            rows.roles[i] = "output", rows.roles[i][1]
    why = f"as --gross-outputs {outputs} says"
    for i in rows.at("total?"):
        if same(rows.cells[i], used if made is None else made, rows.half[i] + rows.half.sum(0)):
            rows.roles[i] = "output", "equals what is made"
        elif outputs != "auto":
            rows.roles[i] = ("output" if outputs == "stated" else "left out"), why
    if outputs != "auto":
        for j in columns.at("total?"):
            columns.roles[j] = ("total" if outputs == "stated" else "left out"), why
    if made is None:
        parts = rows.at("product", "value added", "compensation", "imports")
        made = rows.cells[parts].sum(axis=0)
    _accept_slips(columns, used, rows.labels_of(rows.core))
    _accept_slips(rows, made, columns.labels_of(columns.core))
    for i in rows.at("value added?"):
        raise InputError(
            f"row {rows.labels[i]!r} is no product, and no total counts it in: give "
            "--value-added, --resource (in a unit of its own), or --drop",
            where=rows.where,
        )


def _accept_slips(side: Side, sums: FloatArray, across: list[str]) -> None:
    """Decide about lines that are called totals and are not quite the sum of the others.

    A slip in a few cells of a published total leaves no doubt what it is; its reason names the
    slip. All else is refused.
    """
    for j in side.at("total?"):
        line = side.cells[j]
        apart = np.abs(line - sums)
        worst = int(apart.argmax())
        off = int((apart > side.half.sum(axis=0)).sum())
        if off > SLIPS * line.size or apart.sum() > SLIP * np.abs(sums).sum():
            other, option = side.loose
            raise InputError(
                f"{side.what} {side.labels[j]!r} is called a total and does not add up: "
                f"{line[worst]:.6g} at {across[worst]!r}, where the others make {sums[worst]:.6g}; "
                "correct the figures, or give --gross-outputs stated or uses (which of them "
                f"counts), --drop, or {option} (--industry) if it is {other} (an industry)",
                where=side.where,
            )
        side.roles[j] = (
            "total",
            f"is the sum of the others but for {off} of {line.size}, most "
            f"{line[worst]:.6g} for {sums[worst]:.6g} at {across[worst]!r}",
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
    final, final_rows = columns.at("final use"), rows.at("final use")
    imported, resources = rows.at("imports"), rows.at("resource")
    added, paid, outputs = rows.at("value added"), rows.at("compensation"), rows.at("output")
    output = [i for i in outputs if names.is_output(rows.labels[i])][:1] or outputs[-1:]
    whole = [i for i in (*added, *rows.at("total")) if names.is_whole_value_added(rows.labels[i])]
    counted = [rows.totals[i].members for i in outputs if i in rows.totals]
    parts = {*added, *paid}
    items = sorted(counted[0] & parts if counted else whole[:1] or parts)
    users = columns.at("industry", "final use", "exports", "imports")
    costs = rows.at("product", "value added", "compensation", "imports")
    product_rounding = columns.half[users].sum(axis=0)
    if output and len(columns.core) == len(rows.core):
        product_rounding = product_rounding + rows.half[output[0]]
    fields = {
        "output": row_sum(rows, output),
        "final_use": np.column_stack([columns.cells[final].T, rows.cells[final_rows].T])
        if final_rows
        else columns.cells[final].T,
        "final_uses": columns.labels_of(final) + rows.labels_of(final_rows),
        "exports": sum_or_none(columns, "exports"),
        "imports": imports_of(columns),
        "import_use": row_sum(rows, imported),
        "final_import_use": None
        if not imported
        else np.append(grid.cells[np.ix_(imported, final)].sum(axis=0), np.zeros(len(final_rows))),
        "compensation": row_sum(rows, paid),
        "value_added": row_sum(rows, items),
        "value_added_is_whole": bool(counted or whole or balanced),
        "resources": rows.labels_of(resources),
        "resource_use": rows.cells[resources] if resources else None,
        "product_rounding": product_rounding,
        "industry_rounding": rows.half[costs].sum(axis=0),
        "source": grid.short,
        "remarks": grid.remarks,
    }
    if rows.regions and columns.regions:
        fields["product_regions"] = [rows.regions[i] for i in rows.core]
        fields["industry_regions"] = [columns.regions[j] for j in columns.core]
        regions = [columns.regions[j] for j in final]
        fields["final_regions"] = regions + [""] * len(final_rows)
    return fields


def row_sum(rows: Side, which: list[int]) -> FloatArray | None:
    """Sum of some rows; those called *less* are subtracted. None where there are none."""
    if not which:
        return None
    # Subsidies are printed either way.
    lines = [
        -np.abs(rows.cells[i]) if names.is_less(rows.labels[i]) else rows.cells[i] for i in which
    ]
    return np.asarray(np.sum(lines, axis=0))


def sum_or_none(columns: Side, role: str) -> FloatArray | None:
    """Sum of the columns with a role by product; None where there are none."""
    lines = columns.at(role)
    return np.asarray(columns.cells[lines].sum(axis=0)) if lines else None


def imports_of(columns: Side) -> FloatArray | None:
    """Add imports up as positive amounts; tables write them either way."""
    imports = sum_or_none(columns, "imports")
    return -imports if imports is not None and imports.sum() < 0 else imports


def report_roles(*sheets: tuple[Sheet, str]) -> tuple[Role, ...]:
    """List the lines of sheets (each with its name) and what is outside of the tables."""
    lines = [
        Role(side.what, side.labels[i] or f"number {i + 1}", *side.roles[i], table=table)
        for sheet, table in sheets
        for side in (sheet.columns, sheet.rows)
        for i in sorted(side.roles)
    ]
    ignored = [
        Role("sheet", text, "left out", "is outside of the table", table)
        for sheet, table in sheets
        for text in sheet.grid.ignored
    ]
    return (*lines, *ignored)
