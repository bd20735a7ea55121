"""What each row and column of a sheet is: product, industry, final use, value added, total.

Options of the caller come first, then adding up (:mod:`planbench.tables.totals`), then
names. A name alone makes nothing a total; what the figures leave open is refused with both
readings and the option that decides.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import planbench.tables.names as names
from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.tables.grid import Grid
from planbench.tables.raw import Role
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
    distinct = [column for column in table if len(_set(column)) > 1] or table[-1:]
    if len(distinct) == 1:
        return [Labels(distinct[0], None, kept)]
    single = [
        column
        for column in distinct
        if len(_set(column)) >= 0.9 * sum(map(bool, column))
        and sum(map(bool, column)) > len(column) / 2
    ]
    if single:
        return [
            Labels(
                [
                    label or next((c[i] for c in distinct if c[i]), "")
                    for i, label in enumerate(column)
                ],
                None,
                kept,
            )
            for column in single
        ]
    if len(distinct) > 2:
        raise InputError(
            f"has {len(distinct)} levels of labels; keep two, region and sector", where=where
        )
    for column in table[:-1]:
        # Merged cells hold their text once.
        for i in range(1, len(column)):
            column[i] = column[i] or column[i - 1]
    region, sector = sorted(distinct, key=lambda column: len(set(column)))
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


@dataclass(eq=False)
class Side:
    """The columns (rows) of a sheet, over the rows of its products (columns of its industries).

    Attributes
    ----------
    what : {"column", "row"}
    labels : Labels
    core : list of int
        Columns of the industries (rows of the products).
    stated : Lines
        What the caller says.
    totals : dict
        Lines that add up.
    cells, half : ndarray, shape (lines, lines of the other side's core)
        A column is a row here as well.
    where : str
        File, for messages.
    roles : Lines
        What each line is, as far as it is known.
    """

    what: str
    labels: Labels
    core: list[int]
    stated: Lines
    totals: dict[int, Total]
    cells: FloatArray
    half: FloatArray
    where: str
    roles: Lines = field(default_factory=dict)

    def at(self, *roles: str) -> list[int]:
        """Positions of the lines with one of these roles, in order."""
        return at(self.roles, *roles)

    def label(self, i: int) -> str:
        """Label of line `i`."""
        return self.labels.labels[i]

    @property
    def core_labels(self) -> list[str]:
        """Labels of the industries (products)."""
        return [self.labels.labels[i] for i in self.core]

    @property
    def loose(self) -> tuple[str, str]:
        """Role of a line that is neither core nor total, and the option that gives it."""
        if self.what == "column":
            return "final use", "--final"
        return "value added", "--value-added"


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


def make_sheet(
    grid: Grid,
    sides: tuple[Labels, Labels],
    core: tuple[list[int], list[int]],
    stated: tuple[Lines, Lines],
    totals: tuple[dict[int, Total], dict[int, Total]],
) -> Sheet:
    """Take a sheet with the columns (first) and rows (second) of its core.

    Parameters
    ----------
    grid : Grid
    sides, core, stated, totals
        See :class:`Side`.
    """
    columns = Side(
        "column", sides[0], core[0], stated[0], totals[0],
        grid.cells[core[1]].T, grid.half[core[1]].T, grid.where,
    )  # fmt: skip
    rows = Side(
        "row", sides[1], core[1], stated[1], totals[1],
        grid.cells[:, core[0]], grid.half[:, core[0]], grid.where,
    )  # fmt: skip
    return Sheet(grid, columns, rows)


def decide_roles(side: Side, core_why: str, *, only: bool, own_units: bool = False) -> None:
    """Tell what each line of a side is.

    Parameters
    ----------
    side : Side
        Its roles are set.
    core_why : str
        How the industries (products) are known.
    only : bool
        Whether the caller names all columns of final use (rows of value added).
    own_units : bool
        Whether rows are in units of their own, so that primary inputs are resources.

    Raises
    ------
    InputError
        When a line has figures and no label.
    """
    side.roles = {}
    for i, label in enumerate(side.labels.labels):
        if i in side.core:
            role = "industry" if side.what == "column" else "product", core_why
        elif i in side.stated:
            role = side.stated[i]
        elif i in side.totals:
            role = "total", side.totals[i].why
        elif not side.cells[i].any() and (names.is_total(label) or not label):
            role = "left out", "is empty"
        elif not label:
            raise InputError(
                f"{side.what} {i + 1} of the figures has no label and is no sum of others; name it",
                where=side.where,
            )
        elif names.is_total(label):
            role = "total?", "by its name"
        elif side.what == "column":
            role = _column_role(label, only)
        else:
            role = _row_role(label, only, own_units)
        side.roles[i] = role


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
    if own_units and not only_value_added:
        return "resource", "is no product: a primary input in a unit of its own"
    if only_value_added:
        return "left out", "is not among --value-added"
    if names.is_compensation(label):
        return "compensation", "by its name"
    if names.is_value_added(label):
        return "value added", "by its name"
    return "value added?", "is no product"


def at(lines: Lines, *roles: str) -> list[int]:
    """Positions of the lines with one of these roles, in order."""
    return [i for i in sorted(lines) if lines[i][0] in roles]


def explain_value_added(rows: Side) -> None:
    """Take rows for value added that a total counts in with all of the products."""
    counted = {k for t in rows.totals.values() if t.members >= set(rows.core) for k in t.members}
    for i in rows.at("value added?"):
        if i in counted:
            rows.roles[i] = "value added", "a total counts it in"


def resolve_open_totals(side: Side, sums: FloatArray, across: Sequence[str]) -> None:
    """Decide about lines that are called totals and are not quite the sum of the others.

    A slip in a few cells of a published total leaves no doubt what it is; its reason names the
    slip. All else is refused.

    Parameters
    ----------
    side : Side
        Its roles are changed.
    sums : ndarray
        What the other lines add up to.
    across : sequence of str
        Labels of the core of the other side.

    Raises
    ------
    InputError
        Naming both readings and the options that decide.
    """
    for j in side.at("total?"):
        line = side.cells[j]
        apart = np.abs(line - sums)
        worst = int(apart.argmax())
        off = int((apart > side.half.sum(axis=0)).sum())
        if off <= SLIPS * line.size and apart.sum() <= SLIP * np.abs(sums).sum():
            side.roles[j] = (
                "total",
                f"is the sum of the others but for {off} of {line.size}, most "
                f"{line[worst]:.6g} for {sums[worst]:.6g} at {across[worst]!r}",
            )
            continue
        other, option = side.loose
        raise InputError(
            f"{side.what} {side.label(j)!r} is called a total and does not add up: "
            f"{line[worst]:.6g} at {across[worst]!r}, where the others make {sums[worst]:.6g}; "
            "correct the figures, or give --gross-outputs stated or uses (which of them counts), "
            f"--drop, or {option} if it is {other}",
            where=side.where,
        )


def report_roles(*sheets: tuple[Sheet, str]) -> tuple[Role, ...]:
    """List the lines of sheets (each with its name) and what is outside of the tables."""
    lines = [
        Role(side.what, side.label(i) or f"number {i + 1}", *side.roles[i], table=table)
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
