"""What each row and column of a sheet is: product, industry, final use, value added, total.

Names decide first, then adding up: a column that equals the sum of those before it is a total,
whatever it is called. Options of the caller come before both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from planbench.errors import InputError
from planbench.io.tables import names
from planbench.io.tables.grid import Grid
from planbench.model.arrays import FloatArray

#: A line is a total when it differs from the sum by no more than this share of it.
TOTAL_TOLERANCE = 1e-3
#: Columns of final use that a remark names.
_LISTED = 6


@dataclass(frozen=True)
class Named:
    """Names that the caller gives for rows and columns; shell patterns are allowed.

    Attributes
    ----------
    final, exports, imports, value_added, compensation, drop : tuple of str
    """

    final: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    value_added: tuple[str, ...] = ()
    compensation: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Roles:
    """Positions of the lines (rows or columns) of a sheet beside the core, by what they are.

    Attributes
    ----------
    final, exports, imports, value_added, compensation, output : list of int
        Final uses are columns, value added, compensation and output are rows.
    remarks : list of str
    """

    final: list[int] = field(default_factory=list)
    exports: list[int] = field(default_factory=list)
    imports: list[int] = field(default_factory=list)
    value_added: list[int] = field(default_factory=list)
    compensation: list[int] = field(default_factory=list)
    output: list[int] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def axis_labels(
    levels: Sequence[tuple[str, ...]], other: Sequence[tuple[str, ...]], where: str
) -> tuple[list[str], list[str] | None]:
    """One label for each line of an axis, and its region where there are two levels of them.

    Parameters
    ----------
    levels : sequence of tuple of str
        Labels by line.
    other : sequence of tuple of str
        Those of the other axis: of codes and names the one is kept that stands there too.
    where : str
        File, for messages.

    Returns
    -------
    labels : list of str
        ``region sector`` in a multi-region table.
    regions : list of str or None

    Raises
    ------
    InputError
        When there are more than two levels that tell lines apart.
    """
    table = [list(column) for column in zip(*levels, strict=True)]
    for column in table[:-1]:
        # Merged cells hold their text once.
        for i in range(1, len(column)):
            column[i] = column[i] or column[i - 1]
    # A level that says the same everywhere is a unit.
    told = [column for column in table if len({c for c in column if c}) > 1] or table[-1:]
    if len(told) == 1:
        return told[0], None
    elsewhere = {label for line in other for label in line if label}
    single = [column for column in told if len(set(column)) >= 0.9 * len(column)]
    if single:
        best = max(single, key=lambda column: sum(label in elsewhere for label in column))
        spare = [column for column in told if column is not best]
        return [a or next((c[i] for c in spare if c[i]), "") for i, a in enumerate(best)], None
    if len(told) > 2:
        raise InputError(
            f"has {len(told)} levels of labels; keep two, region and sector", where=where
        )
    region, sector = sorted(told, key=lambda column: len(set(column)))
    return [f"{r} {s}".strip() for r, s in zip(region, sector, strict=True)], region


def is_sum(line: FloatArray, others: FloatArray) -> bool:
    """Whether `line` is the sum of the rows of `others`, within :data:`TOTAL_TOLERANCE`."""
    if others.shape[0] < 2:
        return False
    total = others.sum(axis=0)
    size = np.abs(total).sum()
    return bool(size > 0 and np.abs(line - total).sum() <= TOTAL_TOLERANCE * size)


def column_roles(grid: Grid, labels: Sequence[str], core: Sequence[int], named: Named) -> Roles:
    """Tell final uses, exports, imports and totals apart among the columns beside the core.

    Parameters
    ----------
    grid : Grid
        Its rows must be the products only.
    labels : sequence of str
    core : sequence of int
        Columns of the industries.
    named : Named

    Raises
    ------
    InputError
        When an option names a column that is not there.
    """
    chosen = {
        option: names.chosen(getattr(named, option), labels, f"--{option}", grid.where)
        for option in ("final", "exports", "imports")
    }
    dropped = _dropped(grid, labels, named)
    roles, taken = Roles(), set(core)
    core_rows = grid.cells[:, list(core)].T
    since: list[int] = []
    used: list[int] = []
    for j, label in enumerate(labels):
        if j in taken:
            continue
        line = grid.cells[:, j]
        if j in dropped:
            roles.remarks.append(f"column {label!r} left out as asked")
        elif j in chosen["exports"]:
            roles.exports.append(j)
        elif j in chosen["imports"]:
            roles.imports.append(j)
        elif j in chosen["final"]:
            roles.final.append(j)
        elif names.is_total(label) or _adds_up(line, core_rows, grid.cells.T, used, since):
            how = "by its name" if names.is_total(label) else "as it is the sum of others"
            roles.remarks.append(f"column {label!r} is a total {how}: left out")
            since = []
            continue
        elif named.final:
            roles.remarks.append(f"column {label!r} is not among --final: left out")
            continue
        elif names.is_export(label):
            roles.exports.append(j)
        elif names.is_import(label):
            roles.imports.append(j)
        else:
            roles.final.append(j)
        used.append(j)
        since.append(j)
    if roles.final and not named.final:
        listed = ", ".join(repr(labels[j]) for j in roles.final[:_LISTED])
        more = len(roles.final) - _LISTED
        roles.remarks.append(f"final use: {listed}{f' and {more} more' if more > 0 else ''}")
    return roles


def row_roles(
    grid: Grid, labels: Sequence[str], core: Sequence[int], columns: Sequence[int], named: Named
) -> Roles:
    """Tell value added, imports, outputs and totals apart among the rows beside the core.

    Parameters
    ----------
    grid : Grid
    labels : sequence of str
    core : sequence of int
        Rows of the products.
    columns : sequence of int
        Columns of the industries.
    named : Named

    Raises
    ------
    InputError
        When an option names a row that is not there, or a row with figures has no label and is
        no sum of others.
    """
    chosen = {
        option: names.chosen(
            getattr(named, option), labels, f"--{option.replace('_', '-')}", grid.where
        )
        for option in ("value_added", "compensation")
    }
    dropped = _dropped(grid, labels, named)
    cells = grid.cells[:, list(columns)]
    roles, taken = Roles(), set(core)
    since: list[int] = []
    used: list[int] = []
    for i, label in enumerate(labels):
        if i in taken:
            continue
        line = cells[i]
        sums = _adds_up(line, cells[list(core)], cells, used, since)
        if i in dropped:
            roles.remarks.append(f"row {label!r} left out as asked")
            continue
        if i in chosen["compensation"]:
            roles.compensation.append(i)
        elif i in chosen["value_added"]:
            roles.value_added.append(i)
        elif names.is_output(label):
            roles.output.append(i)
            continue
        elif sums or names.is_total(label):
            roles.remarks.append(f"row {label!r} is a total: left out")
            since = []
            continue
        elif not label:
            raise InputError(
                f"row {i + 1} of the figures has no label and is no sum of others; name it",
                where=grid.where,
            )
        elif named.value_added or not (names.is_value_added(label) or names.is_import(label)):
            if not named.value_added:
                roles.value_added.append(i)
                roles.remarks.append(f"row {label!r} is taken as value added")
            else:
                roles.remarks.append(f"row {label!r} is not among --value-added: left out")
                continue
        elif names.is_compensation(label) and not named.compensation:
            roles.compensation.append(i)
        elif names.is_import(label):
            roles.imports.append(i)
        else:
            roles.value_added.append(i)
        used.append(i)
        since.append(i)
    return roles


def _adds_up(
    line: FloatArray, core: FloatArray, cells: FloatArray, used: list[int], since: list[int]
) -> bool:
    """Whether a line is the sum of the core, of all lines so far, or of those since a total."""
    return (
        is_sum(line, core)
        or is_sum(line, np.vstack([core, cells[used]]))
        or is_sum(line, cells[since])
        or is_sum(line, cells[used])
    )


def _dropped(grid: Grid, labels: Sequence[str], named: Named) -> set[int]:
    """Lines that the caller drops; a name may stand on the other axis only."""
    out: set[int] = set()
    for pattern in named.drop:
        try:
            out |= names.chosen([pattern], labels, "--drop", grid.where)
        except InputError:
            every = [label for levels in grid.row_labels + grid.column_labels for label in levels]
            names.chosen([pattern], every, "--drop", grid.where)
    return out
