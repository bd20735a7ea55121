"""What each row and column of a sheet is: product, industry, final use, value added, total.

Options of the caller come first, then adding up (:mod:`planbench.tables.totals`), then
names. A name alone makes nothing a total; what the figures leave open is refused with both
readings and the option that decides.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.tables import names
from planbench.tables.raw import Role
from planbench.tables.sheet import Grid
from planbench.tables.totals import Total

#: A line called a total is one if it misses the sum in this share of its cells at most, and by
#: this share of the sum in all.
SLIPS, SLIP = 0.2, 1e-3
#: Labels that are alike to this degree are one label with a slip of the pen.
_ALIKE = 0.85
#: Pairs of labels that are compared letter by letter at most.
_PAIRS = 250_000
#: Shorter labels are codes, which differ in few letters by design.
_SHORTEST = 5


@dataclass(frozen=True)
class Named:
    """Names that the caller gives for rows and columns; shell patterns are allowed.

    Attributes
    ----------
    final, exports, imports, value_added, compensation, resource, total, industry, drop : \
tuple of str
    """

    final: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    value_added: tuple[str, ...] = ()
    compensation: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    total: tuple[str, ...] = ()
    industry: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


#: Option, the role that it gives, and the axes on which it names lines.
_OPTIONS = (
    ("final", "final use", ("column", "row")),
    ("exports", "exports", ("column",)),
    ("imports", "imports", ("column", "row")),
    ("value_added", "value added", ("row",)),
    ("compensation", "compensation", ("row",)),
    ("resource", "resource", ("row",)),
    ("total", "total", ("column", "row")),
    ("industry", "industry", ("column", "row")),
    ("drop", "left out", ("column", "row")),
)
#: Lines of one axis by position: what they are, and why.
Lines = dict[int, tuple[str, str]]


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of one axis of a sheet.

    Attributes
    ----------
    labels : list of str
        One for each line; ``region sector`` in a multi-region table.
    regions : list of str or None
    levels : tuple of tuple of str
        All labels of each line, as options may name any.
    """

    labels: list[str]
    regions: list[str] | None
    levels: tuple[tuple[str, ...], ...]


def match_labels(
    one: Sequence[tuple[str, ...]], other: Sequence[tuple[str, ...]], where: str
) -> tuple[Labels, Labels]:
    """Of codes and names on two axes take the level that most labels share.

    Parameters
    ----------
    one, other : sequence of tuple of str
        Labels by line.
    where : str
        File, for messages.

    Raises
    ------
    InputError
        When there are more than two levels that tell lines apart.
    """
    pairs = [(a, b) for a in _levels(one, where) for b in _levels(other, where)]
    # The first of equals: max keeps it.
    first, second = max(pairs, key=lambda pair: len(_filled(pair[0]) & _filled(pair[1])))
    return first, second


def _filled(labels: Labels) -> set[str]:
    return {label for label in labels.labels if label}


def _levels(levels: Sequence[tuple[str, ...]], where: str) -> list[Labels]:
    """Ways to label the lines of an axis: each level that tells them apart, or two together."""
    kept = tuple(levels)
    table = [list(column) for column in zip(*levels, strict=True)]
    # A level that says the same everywhere is a unit.
    told = [column for column in table if len(_set(column)) > 1] or table[-1:]
    if len(told) == 1:
        return [Labels(told[0], None, kept)]
    single = [
        column
        for column in told
        if len(_set(column)) >= 0.9 * sum(map(bool, column))
        and sum(map(bool, column)) > len(column) / 2
    ]
    if single:
        return [
            Labels(
                [label or next((c[i] for c in told if c[i]), "") for i, label in enumerate(column)],
                None,
                kept,
            )
            for column in single
        ]
    if len(told) > 2:
        raise InputError(
            f"has {len(told)} levels of labels; keep two, region and sector", where=where
        )
    for column in table[:-1]:
        # Merged cells hold their text once.
        for i in range(1, len(column)):
            column[i] = column[i] or column[i - 1]
    region, sector = sorted(told, key=lambda column: len(set(column)))
    labels = [f"{r} {s}".strip() for r, s in zip(region, sector, strict=True)]
    return [Labels(labels, region, kept)]


def _set(column: Iterable[str]) -> set[str]:
    return {label for label in column if label}


def stated_roles(named: Named, columns: Labels, rows: Labels, where: str) -> tuple[Lines, Lines]:
    """Roles of columns and of rows that the caller states.

    Raises
    ------
    InputError
        When an option names what is not there.
    """
    across: Lines = {}
    down: Lines = {}
    for option, role, axes in _OPTIONS:
        lines = [
            (of, i, text)
            for axis, of, labels in (("column", across, columns), ("row", down, rows))
            if axis in axes
            for i, (label, levels) in enumerate(zip(labels.labels, labels.levels, strict=True))
            for text in {label, *levels}
            if text
        ]
        flag = f"--{option.replace('_', '-')}"
        every = [text for _, _, text in lines]
        for k in names.chosen(getattr(named, option), every, flag, where):
            of, i, _ = lines[k]
            of[i] = (role, f"as {flag} says")
    return across, down


def near_pair(rows: Iterable[str], columns: Iterable[str]) -> tuple[str, str] | None:
    """Find a row and a column whose labels differ by a slip: letters, case, blanks, points."""
    left = [(label, _bare(label)) for label in rows if label]
    right = [(label, _bare(label)) for label in columns if label]
    bare = {text: label for label, text in right if text}
    for label, text in left:
        if text in bare and bare[text] != label:
            return label, bare[text]
    if len(left) * len(right) > _PAIRS:
        return None
    for label, text in left:
        for other, near in right:
            if label == other or min(len(text), len(near)) < _SHORTEST:
                continue
            if _letters(text) == _letters(near) and _letters(text) != text:
                # Two codes or years of one series.
                continue
            match = difflib.SequenceMatcher(None, text, near, autojunk=False)
            if match.real_quick_ratio() >= _ALIKE and match.ratio() >= _ALIKE:
                return label, other
    return None


def _bare(label: str) -> str:
    text = unicodedata.normalize("NFKD", label).casefold()
    return "".join(character for character in text if character.isalnum())


def _letters(text: str) -> str:
    return "".join(character for character in text if not character.isdigit())


def refuse_near_pair(
    rows: Iterable[str], columns: Iterable[str], what: tuple[str, str], where: str
) -> None:
    """Refuse two labels that differ by a slip.

    Raises
    ------
    InputError
        Naming both.
    """
    pair = near_pair(rows, columns)
    if pair is not None:
        raise InputError(
            f"{what[0]} {pair[0]!r} and {what[1]} {pair[1]!r} differ a little; spell them alike "
            "where they are the same, else say what they are (--final, --value-added, --drop)",
            where=where,
        )


def column_roles(
    grid: Grid,
    labels: Sequence[str],
    core: Collection[int],
    core_why: str,
    stated: Lines,
    totals: dict[int, Total],
    *,
    only_final: bool,
) -> Lines:
    """Tell what each column is; the rows of `grid` must be the products only.

    Parameters
    ----------
    grid : Grid
    labels : sequence of str
    core : collection of int
        Columns of the industries.
    core_why : str
        How these are known.
    stated : Lines
        What the caller says.
    totals : dict
        Columns that add up.
    only_final : bool
        Whether the caller names all columns of final use.

    Raises
    ------
    InputError
        When a column is called a total and is none, or has figures and no label.
    """
    out: Lines = {}
    for j, label in enumerate(labels):
        line = grid.cells[:, j]
        if j in core:
            out[j] = "industry", core_why
        elif j in stated:
            out[j] = stated[j]
        elif j in totals:
            out[j] = "total", totals[j].why
        elif not line.any() and (names.is_total(label) or not label):
            out[j] = "left out", "is empty"
        elif not label:
            raise InputError(
                f"column {j + 1} of the figures has no label and is no sum of others; name it",
                where=grid.where,
            )
        elif names.is_total(label):
            out[j] = "total?", "by its name"
        elif names.is_export(label):
            out[j] = "exports", "by its name"
        elif names.is_import(label):
            out[j] = "imports", "by its name"
        elif only_final:
            out[j] = "left out", "is not among --final"
        else:
            out[j] = "final use", "is no industry and no total"
    return out


def row_roles(
    grid: Grid,
    labels: Sequence[str],
    core: Collection[int],
    core_why: str,
    stated: Lines,
    totals: dict[int, Total],
    *,
    only_value_added: bool,
    own_units: bool = False,
) -> Lines:
    """Tell what each row is; the columns of `grid` must be the industries only.

    Parameters
    ----------
    grid, labels, core, core_why, stated, totals
        As in :func:`column_roles`.
    only_value_added : bool
        Whether the caller names all rows of value added.
    own_units : bool
        Whether rows are in units of their own, so that primary inputs are resources.

    Raises
    ------
    InputError
        When a row has figures and no label.
    """
    out: Lines = {}
    for i, label in enumerate(labels):
        line = grid.cells[i]
        if i in core:
            out[i] = "product", core_why
        elif i in stated:
            out[i] = stated[i]
        elif i in totals:
            out[i] = "total", totals[i].why
        elif not line.any() and (names.is_total(label) or not label):
            out[i] = "left out", "is empty"
        elif not label:
            raise InputError(
                f"row {i + 1} of the figures has no label and is no sum of others; name it",
                where=grid.where,
            )
        elif names.is_total(label):
            out[i] = "total?", "by its name"
        elif names.is_import(label):
            out[i] = "imports", "by its name"
        elif names.is_final(label):
            out[i] = "final use", "by its name: what final users take of each product"
        elif names.is_counted(label):
            out[i] = "resource", "by its name, in a unit of its own"
        elif own_units and not only_value_added:
            out[i] = "resource", "is no product: a primary input in a unit of its own"
        elif only_value_added:
            out[i] = "left out", "is not among --value-added"
        elif names.is_compensation(label):
            out[i] = "compensation", "by its name"
        elif names.is_value_added(label):
            out[i] = "value added", "by its name"
        else:
            out[i] = "value added?", "is no product"
    return out


def at(lines: Lines, *roles: str) -> list[int]:
    """Positions of the lines with one of these roles, in order."""
    return [i for i in sorted(lines) if lines[i][0] in roles]


def explained(lines: Lines, totals: dict[int, Total], core: Collection[int], role: str) -> Lines:
    """Give `role` to the lines that may have it where a total counts them in.

    Parameters
    ----------
    lines : Lines
    totals : dict
        Lines of the axis that add up.
    core : collection of int
    role : str
        Lines marked ``role?`` get it if they are summands of a total that is the sum of the
        core as well.
    """
    whole = [t for t in totals.values() if t.members >= set(core)]
    counted = {k for t in whole for k in t.members}
    return {
        i: (role, "a total counts it in") if given == f"{role}?" and i in counted else (given, why)
        for i, (given, why) in lines.items()
    }


def settle_open_totals(
    lines: Lines,
    labels: Sequence[str],
    grid: Grid,
    axis: str,
    sums: FloatArray,
    across_labels: Sequence[str],
) -> None:
    """Decide about lines that are called totals and are not quite the sum of the others.

    A slip in a few cells of a published total leaves no doubt what it is, and is told; all else
    is refused.

    Parameters
    ----------
    lines : Lines
        Changed in place.
    labels : sequence of str
    grid : Grid
        With the lines of the core only on the other axis.
    axis : {"column", "row"}
    sums : ndarray
        What the other lines of the axis add up to.
    across_labels : sequence of str
        Labels of the lines of the other axis.

    Raises
    ------
    InputError
        Naming both readings and the options that decide.
    """
    for j in at(lines, "total?"):
        line = grid.cells[:, j] if axis == "column" else grid.cells[j]
        room = grid.half.sum(axis=1 if axis == "column" else 0)
        apart = np.abs(line - sums)
        worst = int(apart.argmax())
        off = int((apart > room).sum())
        if off <= SLIPS * line.size and apart.sum() <= SLIP * np.abs(sums).sum():
            lines[j] = (
                "total",
                f"is the sum of the others but for {off} of {line.size}, most "
                f"{line[worst]:.6g} for {sums[worst]:.6g} at {across_labels[worst]!r}",
            )
            continue
        other = "final use" if axis == "column" else "value added"
        option = "--final" if axis == "column" else "--value-added"
        raise InputError(
            f"{axis} {labels[j]!r} is called a total and does not add up: {line[worst]:.6g} at "
            f"{across_labels[worst]!r}, where the others make {sums[worst]:.6g}; mend the figures, "
            "or give --gross-outputs stated or uses (which of them counts), --drop, or "
            f"{option} if it is {other}",
            where=grid.where,
        )


def report_roles(lines: Lines, labels: Sequence[str], axis: str, table: str = "") -> list[Role]:
    """List the lines of an axis with their roles."""
    return [
        Role(axis, labels[i] or f"number {i + 1}", *lines[i], table=table) for i in sorted(lines)
    ]


def ignored_roles(grid: Grid, table: str = "") -> list[Role]:
    """List titles, notes and other sheets of a file as left out."""
    return [
        Role("sheet", text, "left out", "is outside of the table", table) for text in grid.ignored
    ]


def over(grid: Grid, rows: Sequence[int] | None, columns: Sequence[int] | None) -> Grid:
    """Keep the given rows (columns) of a sheet, all where None is given."""
    cells, half, unknown = grid.cells, grid.half, grid.unknown
    if rows is not None:
        cells, half, unknown = cells[list(rows)], half[list(rows)], unknown[list(rows)]
    if columns is not None:
        keep = list(columns)
        cells, half, unknown = cells[:, keep], half[:, keep], unknown[:, keep]
    return replace(grid, cells=cells, half=half, unknown=unknown)
