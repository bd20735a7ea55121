"""Symmetric tables, and use and make tables, out of sheets of cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.io.text import nearest
from planbench.model.arrays import FloatArray
from planbench.model.products import total_requirements
from planbench.tables import names
from planbench.tables.raw import RawTable, make_raw_table
from planbench.tables.roles import (
    Labels,
    Lines,
    Named,
    at,
    column_roles,
    explained,
    ignored_roles,
    match_labels,
    over,
    refuse_near_pair,
    report_roles,
    row_roles,
    settle_open_totals,
    stated_roles,
)
from planbench.tables.sheet import Grid
from planbench.tables.totals import (
    Total,
    find_doubtful,
    find_totals,
    fits_without,
    make_axis,
    same,
)
from planbench.words import nouns

ENTRIES = ("auto", "money", "quantities", "coefficients")
OUTPUTS = ("auto", "stated", "uses")
#: Columns of imports that miss the total supply by a larger share are remarked.
TOTAL_SUPPLY = 1e-3
#: A total without a name that says so needs sums in as many lines, or another sign.
_ENOUGH = 3
#: An industry that is a sum in a single cell is one by chance.
_TWO = 2


def symmetric_table(
    grid: Grid, named: Named, name: str, entries: str = "auto", outputs: str = "auto"
) -> RawTable:
    """Read a symmetric table: the labels that stand in rows and columns are its industries.

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
        When no label stands on both axes, or something cannot be told; the line says what, and
        the option that decides.
    """
    if grid.unlabelled:
        raise InputError(
            "has no labels of rows, so nothing tells industries from value added and figures from "
            "labels; add a first column with the labels of the columns, or give the make table of "
            "a use table",
            where=grid.where,
        )
    rows, columns = match_labels(grid.row_labels, grid.column_labels, grid.where)
    across, down = stated_roles(named, columns, rows, grid.where)
    core, core_rows, column_totals, row_totals, sure = _settled(grid, rows, columns, across, down)
    labels = [columns.labels[j] for j in core]
    body = over(grid, core_rows, None)
    lines = over(grid, None, core)
    both = "has a row and a column"
    columns_are = column_roles(
        body, columns.labels, core, both, across, column_totals, only_final=bool(named.final)
    )
    own_units = entries == "quantities" or (entries == "auto" and _own_units(labels))
    told: dict[str, Any] = {"only_value_added": bool(named.value_added)}
    rows_are = row_roles(
        lines, rows.labels, core_rows, both, down, row_totals, own_units=own_units, **told
    )
    refuse_near_pair(
        (rows.labels[i] for i in at(rows_are, *_LOOSE) if i not in down),
        (columns.labels[j] for j in at(columns_are, *_LOOSE) if j not in across),
        ("row", "column"),
        grid.where,
    )
    _refuse_misplaced(grid, columns_are, rows_are, columns.labels, rows.labels, across, own_units)
    uses = _uses(body, columns_are, rows_are, lines, core)

    def balances(more: FloatArray | float = 0.0) -> bool:
        return _balances(grid, uses + more, columns_are, rows_are, rows.labels)

    balanced = balances()
    column_totals = _confirmed(
        "column", columns, core, column_totals, row_totals, body, lines, balances, grid.where
    )
    row_totals = _confirmed(
        "row", rows, core_rows, row_totals, column_totals, lines, body, balances, grid.where
    )
    for axis, of, are, lines_of, totals_of, roles in (
        ("column", columns, columns_are, core, column_totals, ("final use",)),
        ("row", rows, rows_are, core_rows, row_totals, ("value added?",)),
    ):
        _refuse_coarse(grid, axis, of, rows if axis == "column" else columns, at(are, *roles),
                       lines_of, core_rows if axis == "column" else core, totals_of,
                       across if axis == "column" else down)  # fmt: skip
    is_ones = any(
        (np.abs(lines.cells[i] - 1.0) <= np.maximum(lines.half[i], 1e-9)).all() for i in row_totals
    )
    confirmed = (
        balanced
        or any(t.members >= set(core) for t in column_totals.values())
        or any(t.members > set(core_rows) for t in row_totals.values())
    )
    block = grid.cells[np.ix_(core_rows, core)]
    if entries == "auto" and is_ones:
        entries = "coefficients"
    if entries == "auto" and not confirmed and not own_units and _productive(block):
        raise InputError(
            "holds small figures that no total and no balance explains: flows, or inputs per unit "
            "of output? give --entries coefficients, money, or quantities (flows with a unit for "
            "each row)",
            where=grid.where,
        )
    if entries == "coefficients" and not (is_ones or balanced):
        own_units = not _adds_to_one(lines, rows_are, core_rows)
    if own_units:
        rows_are = row_roles(
            lines, rows.labels, core_rows, both, down, row_totals, own_units=True, **told
        )
    elif balanced:
        rows_are = {
            i: ("value added", "with it costs equal uses") if given[0] == "value added?" else given
            for i, given in rows_are.items()
        }
    rows_are = _outputs(
        explained(rows_are, row_totals, core_rows, "value added"),
        row_totals, lines, core_rows, rows.labels, uses, outputs,
    )  # fmt: skip
    if outputs != "auto":
        columns_are = {
            j: _by_outputs(outputs, "total") if role == "total?" else (role, told_why)
            for j, (role, told_why) in columns_are.items()
        }
    settle_open_totals(columns_are, columns.labels, body, "column", uses, labels)
    costs = lines.cells[at(rows_are, "product", "value added", "compensation", "imports")].sum(0)
    settle_open_totals(rows_are, rows.labels, lines, "row", costs, labels)
    _refuse_unknown_rows(rows_are, rows.labels, grid.where)
    fields = _fields(
        grid, core_rows, core, rows, columns, columns_are, rows_are, row_totals, balanced
    )
    if outputs == "stated" and fields["output"] is None:
        fields["output"] = _stated_column(body, columns_are, columns.labels)
    if rows.regions and columns.regions:
        regions = [columns.regions[j] for j in core]
        fields["product_regions"] = fields["industry_regions"] = regions
        fields["final_regions"] = [columns.regions[j] for j in at(columns_are, "final use")] + [
            "" for _ in at(rows_are, "final use")
        ]
    for lines_are, of in ((columns_are, columns), (rows_are, rows)):
        for i in at(lines_are, "product", "industry"):
            if of.labels[i] in sure:
                lines_are[i] = lines_are[i][0], "as --industry says"
    fields["roles"] = (
        *report_roles(columns_are, columns.labels, "column"),
        *report_roles(rows_are, rows.labels, "row"),
        *ignored_roles(grid),
    )
    fields["entries"] = "quantities" if own_units else "money"
    if entries == "coefficients":
        block = _from_coefficients(block, fields, grid.where)
    if outputs != "auto" or _leaves_out(grid, columns_are, rows_are) or own_units:
        fields["industry_rounding"] = None
    if outputs != "auto" or _leaves_out(grid, columns_are, rows_are):
        fields["product_rounding"] = None
    return make_raw_table(name, labels, labels, block, **fields)


#: Roles of lines that stand on one axis only.
_LOOSE = (
    "final use",
    "exports",
    "imports",
    "value added",
    "value added?",
    "compensation",
    "resource",
)


def _settled(
    grid: Grid, rows: Labels, columns: Labels, across: Lines, down: Lines
) -> tuple[list[int], list[int], dict[int, Total], dict[int, Total], set[str]]:
    """Columns and rows of the industries, totals of both axes, labels that must be industries.

    A total that has a row and a column of the same name looks like one more industry.
    """
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
    _refuse_twice(rows, columns, core, grid.where)
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
        # Where totals cross there is often nothing, in a table that has figures elsewhere.
        bare = {j for j, i in zip(core, core_rows, strict=True) if grid.half[i, j] == 0}
        tellers = [
            k
            for k, j in enumerate(core)
            if columns.labels[j] in sure
            or not (names.is_total(columns.labels[j]) or (j in bare and 2 * len(bare) < len(core)))
        ]
        totals = []
        for what, of, lines, crossing, other, stated in (
            ("column", columns, core, core_rows, rows, across),
            ("row", rows, core_rows, core, columns, down),
        ):
            axis = make_axis(
                grid, what, of.labels, lines, [crossing[k] for k in tellers], other.labels
            )
            free = [
                j for j, label in enumerate(of.labels) if j not in stated and label not in known
            ]
            totals.append(find_totals(axis, free, at(stated, "total")))
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
        raise InputError(
            "no label stands both in its rows and its columns, so it is no symmetric table; "
            "give a use table with --use and a make table with --make",
            where=grid.where,
        )
    for label in sorted(contested):
        # A total that counts it in says that it is an industry.
        if any(t.members >= set(core) for t in column_totals.values()) or any(
            t.members >= set(core_rows) for t in row_totals.values()
        ):
            continue
        raise _total_or_industry(label, grid.where)
    _refuse_coarse_industries(
        grid, rows, columns, core, core_rows, column_totals, row_totals, sure, tellers
    )
    return core, core_rows, column_totals, row_totals, sure


def _total_or_industry(label: str, where: str) -> InputError:
    return InputError(
        f"{label!r} may be a total, as it adds up on one axis or within rounding, or an "
        "industry; give --total or --industry",
        where=where,
    )


def _refuse_coarse_industries(
    grid: Grid, rows: Labels, columns: Labels, core: list[int], core_rows: list[int],
    column_totals: dict[int, Total], row_totals: dict[int, Total], sure: set[str],
    tellers: list[int],
) -> None:  # fmt: skip
    """Refuse lines that rounding allows to be totals on both axes, and that no total counts in."""
    over_rows, over_columns = [core_rows[k] for k in tellers], [core[k] for k in tellers]
    by_column = make_axis(grid, "column", columns.labels, core, over_rows, rows.labels)
    by_row = make_axis(grid, "row", rows.labels, core_rows, over_columns, columns.labels)
    down = find_doubtful(by_row, core_rows, row_totals)
    across = find_doubtful(by_column, core, column_totals) if down else {}
    for j, i in zip(core, core_rows, strict=True):
        if not (j in across and i in down) or columns.labels[j] in sure or len(core) <= _TWO:
            continue
        counted = any(
            t.members >= set(lines) and not fits_without(axis, k, totals, line)
            for axis, totals, lines, line in (
                (by_column, column_totals, core, j),
                (by_row, row_totals, core_rows, i),
            )
            for k, t in totals.items()
        )
        if not counted:
            raise _total_or_industry(columns.labels[j], grid.where)


def _refuse_twice(rows: Labels, columns: Labels, core: list[int], where: str) -> None:
    for label in (columns.labels[j] for j in core):
        if columns.labels.count(label) > 1 or rows.labels.count(label) > 1:
            raise InputError(f"label {label!r} stands twice; labels must differ", where=where)


def _alike(grid: Grid, j: int, i: int, core: list[int], core_rows: list[int]) -> bool:
    """Whether a column and the row of its name hold the same figures: outputs both ways."""
    others = [(r, c) for r, c in zip(core_rows, core, strict=True) if c != j]
    down, right = [r for r, _ in others], [c for _, c in others]
    room = grid.half[down, j] + grid.half[i, right]
    return same(grid.cells[down, j], grid.cells[i, right], room)


def _own_units(labels: Sequence[str]) -> bool:
    """Whether the labels of the products tell that each row is in a unit of its own."""
    units = {names.physical_unit(label) for label in labels}
    return bool(units - {""})


def _uses(body: Grid, columns: Lines, rows: Lines, lines: Grid, core: list[int]) -> FloatArray:
    """Add up what is used of each product, less imports: its output."""
    used = body.cells[:, [*core, *at(columns, "final use", "exports")]].sum(axis=1)
    used = used + lines.cells[at(rows, "final use")].sum(axis=0)
    imports = _imports(body.cells, columns)
    return np.asarray(used if imports is None else used - imports)


def _balances(grid: Grid, uses: FloatArray, columns: Lines, rows: Lines, labels: list[str]) -> bool:
    """Whether inputs and value added of each industry are what is used of its product."""
    core_rows, core = at(rows, "product"), at(columns, "industry")
    parts = at(rows, "value added", "value added?", "compensation", "imports")
    if not parts:
        return False
    sign = np.array([-1.0 if names.is_less(labels[i]) else 1.0 for i in parts])
    inputs = grid.cells[np.ix_(core_rows, core)].sum(axis=0)
    room = grid.half[np.ix_([*core_rows, *parts], core)].sum(axis=0)
    room = room + grid.half[np.ix_(core_rows, at(columns, "industry", "final use", "exports",
                                                 "imports"))].sum(axis=1)  # fmt: skip
    cells = grid.cells[np.ix_(parts, core)]
    whole = [k for k, i in enumerate(parts) if names.is_whole_value_added(labels[i])][:1]
    imported = [k for k, i in enumerate(parts) if rows[i][0] == "imports"]
    return any(
        same(inputs + added, uses, room)
        for added in (
            sign @ cells,
            cells.sum(axis=0),
            *([cells[whole + imported].sum(axis=0)] if whole else []),
        )
    )


def _confirmed(
    axis: str, labels: Labels, core: list[int], totals: dict[int, Total],
    others: dict[int, Total], lines: Grid, crossing: Grid,
    balances: Callable[[FloatArray | float], bool], where: str,
) -> dict[int, Total]:  # fmt: skip
    """Refuse lines that add up by chance as well as not: nothing else says that they are totals."""
    for j, total in totals.items():
        label = labels.labels[j]
        whole = total.members >= set(core)
        if names.is_total(label) or not label or (whole and total.filled >= _ENOUGH):
            continue
        line, half = _line(lines, axis, j)
        # The balance tells where it fails with the line as final use (value added).
        if balances(0.0) and not balances(line if axis == "column" else -line):
            continue
        twin = any(
            same(line, _line(crossing, "row" if axis == "column" else "column", i)[0], 2 * half)
            for i in others
        )
        above = any(
            other.clear and other.members >= set(core) | total.members and j not in other.members
            for k, other in totals.items()
            if k != j
        )
        if twin or above or names.is_value_added(label):
            continue
        role, option = (
            ("final use", "--final") if axis == "column" else ("value added", "--value-added")
        )
        raise InputError(
            f"{axis} {label!r} {total.why}: a total, or {role} that happens to be as much? give "
            f"--total or {option}",
            where=where,
        )
    return totals


def _refuse_coarse(
    grid: Grid, axis: str, labels: Labels, crossing: Labels, lines: list[int], core: list[int],
    over_lines: list[int], totals: dict[int, Total], stated: Lines,
) -> None:  # fmt: skip
    """Refuse lines that rounding allows to be totals, and that no total counts in."""
    seen = make_axis(grid, axis, labels.labels, core, over_lines, crossing.labels)
    open_lines = [j for j in lines if j not in stated]
    for j, total in find_doubtful(seen, open_lines, totals).items():
        whole = [k for k, t in totals.items() if t.members >= {*core, j}]
        if whole and not all(fits_without(seen, k, totals, j) for k in whole):
            continue
        role, option = (
            ("final use", "--final") if axis == "column" else ("value added", "--value-added")
        )
        raise InputError(
            f"{axis} {labels.labels[j]!r} {total.why} within rounding: a total, or {role}? give "
            f"--total or {option}",
            where=grid.where,
        )


def _line(grid: Grid, axis: str, j: int) -> tuple[FloatArray, FloatArray]:
    if axis == "column":
        return grid.cells[:, j], grid.half[:, j]
    return grid.cells[j], grid.half[j]


def _productive(block: FloatArray) -> bool:
    """Whether figures can be input coefficients: net output is possible (Hawkins–Simon)."""
    if (block < 0).any() or not block.any() or (block.sum(axis=0) >= 1).all():
        return False
    n = block.shape[0]
    try:
        return bool((np.linalg.solve(np.eye(n) - block, np.ones(n)) > 0).all())
    except np.linalg.LinAlgError:
        return False


def _adds_to_one(lines: Grid, rows: Lines, core_rows: list[int]) -> bool:
    parts = [*core_rows, *at(rows, "value added", "value added?", "compensation", "imports")]
    room = np.maximum(lines.half[parts].sum(axis=0), 1e-9)
    return bool((np.abs(lines.cells[parts].sum(axis=0) - 1.0) <= room).all())


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


def _by_outputs(outputs: str, role: str) -> tuple[str, str]:
    """Role of a total that adds up to nothing, where the caller decides about outputs."""
    return (role if outputs == "stated" else "left out"), f"as --gross-outputs {outputs} says"


def _outputs(
    rows: Lines, totals: dict[int, Total], lines: Grid, core_rows: Sequence[int],
    labels: list[str], made: FloatArray, outputs: str,
) -> Lines:  # fmt: skip
    """Find the row of outputs: it counts value added in, or is what is made."""
    out = dict(rows)
    for i in at(rows, "total"):
        members = totals[i].members if i in totals else set(core_rows)
        if members > set(core_rows) and not names.is_value_added_as_such(labels[i]):
            out[i] = "output", rows[i][1]
    for i in at(rows, "total?"):
        room = lines.half[i] + lines.half.sum(axis=0)
        if same(lines.cells[i], made, room):
            out[i] = "output", "equals what is made"
        elif outputs != "auto":
            out[i] = _by_outputs(outputs, "output")
    return out


def _stated_column(body: Grid, columns: Lines, labels: list[str]) -> FloatArray | None:
    totals = at(columns, "total")
    named = [j for j in totals if names.is_output(labels[j])] or totals
    return np.asarray(body.cells[:, named[-1]]) if named else None


def _refuse_unknown_rows(rows: Lines, labels: list[str], where: str) -> None:
    for i in at(rows, "value added?"):
        raise InputError(
            f"row {labels[i]!r} is no product, and no total counts it in: give --value-added, "
            "--resource (in a unit of its own), or --drop",
            where=where,
        )


def _refuse_misplaced(
    grid: Grid, columns_are: Lines, rows_are: Lines, columns: list[str], rows: list[str],
    stated: Lines, own_units: bool,
) -> None:  # fmt: skip
    """Refuse lines that look like industries whose name is another one on the other axis."""
    last = max(at(columns_are, "industry"))
    paid = [
        i
        for i in at(rows_are, "value added", "compensation", "total")
        if names.is_compensation(rows[i]) or names.is_whole_value_added(rows[i])
    ]
    for j in at(columns_are, "final use"):
        if j not in stated and (j < last or grid.cells[paid, j].any()):
            how = "stands among the industries" if j < last else "pays wages"
            raise InputError(
                f"column {columns[j]!r} {how} and is no industry by its name; give rows and "
                "columns the same names, or --final or --drop",
                where=grid.where,
            )
    last = max(at(rows_are, "product"))
    for i in at(rows_are, "value added?", *(("resource",) if own_units else ())):
        if i < last:
            raise InputError(
                f"row {rows[i]!r} stands among the products and is none by its name; give rows and "
                "columns the same names, or --value-added, --resource or --drop",
                where=grid.where,
            )


def _leaves_out(grid: Grid, columns: Lines, rows: Lines) -> bool:
    """Whether figures of the table are left out, so that nothing needs to add up."""
    core, core_rows = at(columns, "industry"), at(rows, "product")
    return bool(
        grid.cells[np.ix_(core_rows, at(columns, "left out"))].any()
        or grid.cells[np.ix_(at(rows, "left out"), core)].any()
    )


def _fields(
    grid: Grid, core_rows: list[int], core: list[int], rows: Labels, columns: Labels,
    columns_are: Lines, rows_are: Lines, row_totals: dict[int, Total], balanced: bool,
) -> dict[str, Any]:  # fmt: skip
    """Fields of the table that the roles of rows and columns tell."""
    cells = grid.cells
    block = cells[core_rows]
    final = at(columns_are, "final use")
    final_rows = at(rows_are, "final use")

    def row_sum(which: list[int], along: list[int]) -> FloatArray | None:
        if not which:
            return None
        sign = np.array([-1.0 if names.is_less(rows.labels[i]) else 1.0 for i in which])
        figures = cells[np.ix_(which, along)]
        # Subsidies are printed either way.
        return np.asarray(sign @ np.where(sign[:, None] < 0, np.abs(figures), figures))

    added, paid = at(rows_are, "value added"), at(rows_are, "compensation")
    outputs = at(rows_are, "output")
    named = [i for i in outputs if names.is_output(rows.labels[i])] or outputs[-1:]
    whole = [
        i for i in (*added, *at(rows_are, "total")) if names.is_whole_value_added(rows.labels[i])
    ]
    counted = [row_totals[i].members for i in outputs if i in row_totals]
    items = sorted(set(counted[0]) & {*added, *paid} if counted else whole[:1] or {*added, *paid})
    imported, resources = at(rows_are, "imports"), at(rows_are, "resource")
    used = [*core, *final, *at(columns_are, "exports", "imports")]
    product_rounding = np.where(
        grid.unknown[np.ix_(core_rows, used)].any(axis=1),
        np.inf,
        grid.half[np.ix_(core_rows, used)].sum(axis=1),
    )
    if named and len(core) == len(core_rows):
        product_rounding = product_rounding + grid.half[named[0], core]
    costs = [*core_rows, *added, *paid, *imported]
    industry_rounding = np.where(
        grid.unknown[np.ix_(costs, core)].any(axis=0),
        np.inf,
        grid.half[np.ix_(costs, core)].sum(axis=0),
    )
    return {
        "output": row_sum(named[:1], core),
        "final_use": np.column_stack([block[:, final], *(cells[i, core] for i in final_rows)]),
        "final_uses": [columns.labels[j] for j in final] + [rows.labels[i] for i in final_rows],
        "exports": row_or_none(block, at(columns_are, "exports")),
        "imports": _imports(block, columns_are),
        "import_use": row_sum(imported, core),
        "final_import_use": None
        if not imported
        else np.append(cells[np.ix_(imported, final)].sum(axis=0), np.zeros(len(final_rows))),
        "compensation": row_sum(paid, core),
        "value_added": row_sum(items, core),
        "value_added_is_whole": bool(counted or whole or balanced),
        "resources": tuple(rows.labels[i] for i in resources),
        "resource_use": cells[np.ix_(resources, core)] if resources else None,
        "product_rounding": product_rounding,
        "industry_rounding": industry_rounding,
        "source": grid.short,
        "remarks": grid.remarks,
    }


def row_or_none(block: FloatArray, columns: list[int]) -> FloatArray | None:
    """Sum of some columns by row; None where there are none."""
    return np.asarray(block[:, columns].sum(axis=1)) if columns else None


def _imports(block: FloatArray, columns: Lines) -> FloatArray | None:
    """Add imports up as positive amounts; tables write them either way."""
    imports = row_or_none(block, at(columns, "imports"))
    return -imports if imports is not None and imports.sum() < 0 else imports


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
    across, down = _stated_of_both(named, use_columns, use_rows, made_by, products, use.where)
    if use.unlabelled:
        totals = _make_totals(make, products, made_by, down[1])[1]
        use_rows = _labels_in_order(use, use_rows, products, totals)
    core, industries, make_columns_are, make_rows_are = _made(
        make, products, made_by, set(use_rows.labels), across[1], down[1], use.where
    )
    at_use = {label: i for i, label in reversed(list(enumerate(use_rows.labels))) if label}
    core_use = [at_use[products.labels[i]] for i in core]
    labels = [made_by.labels[j] for j in industries]
    columns, how = _industry_columns(use, use_columns.labels, core_use, labels, across[0])
    body, lines = over(use, core_use, None), over(use, None, columns)
    block = make.cells[np.ix_(core, industries)]
    made, supplied = block.sum(axis=0), block.sum(axis=1)

    column_axis = make_axis(use, "column", use_columns.labels, columns, core_use, ())
    row_axis = make_axis(use, "row", use_rows.labels, core_use, columns, ())
    column_totals = find_totals(
        column_axis,
        [j for j in range(len(use_columns.labels)) if j not in columns and j not in across[0]],
        at(across[0], "total"),
    )
    row_totals = find_totals(
        row_axis,
        [i for i in range(len(use_rows.labels)) if i not in core_use and i not in down[0]],
        at(down[0], "total"),
    )
    columns_are = column_roles(
        body, use_columns.labels, columns, how, across[0], column_totals,
        only_final=bool(named.final),
    )  # fmt: skip
    rows_are = row_roles(
        lines, use_rows.labels, core_use, "is a product of the make table", down[0], row_totals,
        only_value_added=bool(named.value_added),
    )  # fmt: skip
    _refuse_misplaced(grid=use, columns_are=columns_are, rows_are=rows_are,
                      columns=use_columns.labels, rows=use_rows.labels, stated=across[0],
                      own_units=False)  # fmt: skip
    for i in at(rows_are, "final use"):
        raise InputError(
            f"row {use_rows.labels[i]!r} holds final use, which is a column of a use table; give "
            "--value-added, --resource or --drop",
            where=use.where,
        )
    confirm: dict[str, Any] = {"balances": lambda _: False, "where": use.where}
    _confirmed("column", use_columns, columns, column_totals, {}, body, lines, **confirm)
    _confirmed("row", use_rows, core_use, row_totals, {}, lines, body, **confirm)
    rows_are = _outputs(
        explained(rows_are, row_totals, core_use, "value added"),
        row_totals, lines, core_use, use_rows.labels, made, outputs,
    )  # fmt: skip
    if outputs != "auto":
        columns_are = {
            j: _by_outputs(outputs, "total") if role == "total?" else (role, why)
            for j, (role, why) in columns_are.items()
        }
    used = body.cells[:, at(columns_are, "industry", "final use", "exports")].sum(axis=1)
    product_labels = [products.labels[i] for i in core]
    for j in at(columns_are, "total?"):
        room = body.half[:, j] + make.half[np.ix_(core, industries)].sum(axis=1)
        if same(body.cells[:, j], supplied, room):
            columns_are[j] = "total", "equals what is made"
    settle_open_totals(columns_are, use_columns.labels, body, "column", used, product_labels)
    settle_open_totals(rows_are, use_rows.labels, lines, "row", made, labels)
    _refuse_unknown_rows(rows_are, use_rows.labels, use.where)
    fields = _fields(
        use, core_use, columns, use_rows, use_columns, columns_are, rows_are, row_totals, False
    )
    fields["industry_rounding"] = None
    imports = _supplied_imports(
        make, made_by.labels, make_columns_are, core, industries, use, columns_are, rows_are,
        use_rows.labels, outputs, remarks,
    )  # fmt: skip
    if imports is not None:
        fields["imports"] = imports
    if use_rows.regions and use_columns.regions:
        fields["product_regions"] = [use_rows.regions[i] for i in core_use]
        fields["industry_regions"] = [use_columns.regions[j] for j in columns]
        fields["final_regions"] = [use_columns.regions[j] for j in at(columns_are, "final use")]
    cells = make.half[np.ix_(core, at(make_columns_are, "industry", "imports"))].sum(axis=1)
    hidden = make.unknown[core].any(axis=1)
    fields["product_rounding"] = np.where(hidden, np.inf, fields["product_rounding"] + cells)
    fields["output_rounding"] = np.where(
        make.unknown[:, industries].any(axis=0),
        np.inf,
        make.half[np.ix_(core, industries)].sum(axis=0)
        + use.half[np.ix_(at(rows_are, "output"), columns)].max(axis=0, initial=0.0),
    )
    if outputs != "auto" or _leaves_out(use, columns_are, rows_are):
        fields["product_rounding"] = fields["output_rounding"] = None
    fields["source"] = f"{use.short} and {make.short}"
    fields["remarks"] = (*remarks, *make.remarks, *fields["remarks"])
    fields["roles"] = (
        *report_roles(columns_are, use_columns.labels, "column", "use"),
        *report_roles(rows_are, use_rows.labels, "row", "use"),
        *report_roles(make_columns_are, made_by.labels, "column", "make"),
        *report_roles(make_rows_are, products.labels, "row", "make"),
        *ignored_roles(use, "use"),
        *ignored_roles(make, "make"),
    )
    return make_raw_table(
        name,
        product_labels,
        labels,
        use.cells[np.ix_(core_use, columns)],
        make=block,
        **fields,
    )


def _stated_of_both(
    named: Named, use_columns: Labels, use_rows: Labels, made_by: Labels, products: Labels,
    where: str,
) -> tuple[tuple[Lines, Lines], tuple[Lines, Lines]]:  # fmt: skip
    """Stated roles of columns (use, make) and of rows (use, make)."""

    def joined(one: Labels, other: Labels) -> Labels:
        return Labels(one.labels + other.labels, None, one.levels + other.levels)

    across, down = stated_roles(
        named, joined(use_columns, made_by), joined(use_rows, products), where
    )

    def parted(lines: Lines, n: int) -> tuple[Lines, Lines]:
        return {i: r for i, r in lines.items() if i < n}, {
            i - n: r for i, r in lines.items() if i >= n
        }

    return parted(across, len(use_columns.labels)), parted(down, len(use_rows.labels))


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
            f"has {nouns(n, 'row')} without labels, and the make table "
            f"{nouns(len(wanted), 'product')}; "
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
        tellers = [i for i, label in enumerate(other.labels) if label and not names.is_total(label)]
        axis = make_axis(make, what, of.labels, range(len(of.labels)), tellers, other.labels)
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


def _made(
    make: Grid, products: Labels, made_by: Labels, in_use: set[str], across: Lines, down: Lines,
    where: str,
) -> tuple[list[int], list[int], Lines, Lines]:  # fmt: skip
    """Rows of the products, columns of the industries, and the roles of all lines of make."""
    column_totals, row_totals = _make_totals(make, products, made_by, down)
    rows: Lines = {}
    for i, label in enumerate(products.labels):
        if i in down:
            rows[i] = down[i] if down[i][0] != "industry" else ("product", down[i][1])
        elif i in row_totals and (
            names.is_total(label) or label not in in_use or row_totals[i].filled >= _ENOUGH
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
    block = make.cells[core]
    for j, label in enumerate(made_by.labels):
        if j in across:
            columns[j] = across[j]
        elif names.is_import(label):
            columns[j] = "imports", "by its name"
        elif j in column_totals:
            columns[j] = "total", column_totals[j].why
        elif names.is_total(label):
            columns[j] = "total?", "by its name"
        elif not block[:, j].any() and not label:
            columns[j] = "left out", "is empty"
        elif names.is_margin_or_tax(label):
            columns[j] = "left out", "is no output: margins or taxes on products"
        else:
            columns[j] = "industry", "is a column of the make table"
    industries = at(columns, "industry")
    if not industries:
        raise InputError("has no column of an industry", where=make.where)
    return core, industries, columns, rows


def _supplied_imports(
    make: Grid, labels: list[str], columns: Lines, core: list[int], industries: list[int],
    use: Grid, use_columns: Lines, use_rows: Lines, use_labels: list[str], outputs: str,
    remarks: list[str],
) -> FloatArray | None:  # fmt: skip
    """Find imports in a make (supply) table; refuse totals that nothing explains."""
    block = make.cells[core]
    domestic = block[:, industries].sum(axis=1)
    stated = row_or_none(block, at(columns, "imports"))
    for j in at(columns, "total"):
        room = make.half[np.ix_(core, [*industries, *at(columns, "imports"), j])].sum(axis=1)
        if stated is not None and same(block[:, j], domestic + stated, room):
            # The total supply as published; its parts are rounded.
            return np.asarray(block[:, j] - domestic)
    for j in at(columns, "total?"):
        room = make.half[core, j] + make.half[np.ix_(core, industries)].sum(axis=1)
        supply = block[:, j] - domestic
        if same(block[:, j], domestic, room):
            columns[j] = "total", "is the sum of all industries"
        elif outputs != "auto":
            columns[j] = "left out", f"as --gross-outputs {outputs} says"
        elif stated is not None and _is_all_use(
            block[:, j], use, use_columns, use_rows, use_labels
        ):
            # Of imports one column is missing; the total supply tells them.
            columns[j] = "total", "with taxes on products it is all that is used: imports are in it"
            remarks.append(
                f"imports are {labels[j]!r} less domestic output, {supply.sum():.6g}; "
                f"columns of imports hold {stated.sum():.6g}"
            )
            return np.asarray(supply)
        else:
            worst = int(np.abs(supply).argmax())
            raise InputError(
                f"column {labels[j]!r} of the make table is called a total and does not add up: "
                f"off by {supply[worst]:.6g} in row {worst + 1}; mend the figures, or give --drop "
                "if it is to be left out, --industry if it is an industry",
                where=make.where,
            )
    return stated


def _is_all_use(
    supply: FloatArray, use: Grid, columns: Lines, rows: Lines, labels: list[str]
) -> bool:
    """Whether a column of supply adds up to all uses, but for taxes less subsidies on products."""
    core, industries = at(rows, "product"), at(columns, "industry")
    cells = np.ix_(core, at(columns, "industry", "final use", "exports"))
    used, room = use.cells[cells].sum(), use.half[cells].sum()
    taxes = [i for i in at(rows, "value added") if names.is_product_tax(labels[i])]
    sign = np.array([-1.0 if names.is_less(labels[i]) else 1.0 for i in taxes])
    paid = float(sign @ use.cells[np.ix_(taxes, industries)].sum(axis=1)) if taxes else 0.0
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
