"""What each row and column of a sheet is: product, industry, final use, value added, total.

Options of the caller come first, then names. Figures only confirm: a total is what is called so and
is the sum of others within rounding. What is called a total and is no sum, or is a sum and not
called a total, is refused with both readings and the option that decides.

Each axis is judged alone: its columns over the rows of the products, its rows over the columns
of the industries. A line is a sum when it is that of others in every one of these, within half a
unit of the last printed digit for each summand. Totals that were found are no summands of the
next, so that subtotals go first.

Labels of the lines of a table: their levels, what options name, and misprints.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

import planbench.tables.names as names
from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.tables.grid import Grid
from planbench.tables.options import ReadOptions
from planbench.tables.raw import Role

#: Labels that are alike to this degree are one label with a misprint.
_ALIKE = 0.85
#: Pairs of labels that are compared letter by letter at most.
_PAIRS = 250_000
#: Shorter labels are codes, which differ in few letters by design.
_SHORTEST = 5


_BOTH, _COLUMNS, _ROWS = ("column", "row"), ("column",), ("row",)
#: Option, the role that it gives, and the axes on which it names lines.
LINE_OPTIONS = (
    ("final", "final use", _COLUMNS),
    ("exports", "exports", _COLUMNS),
    ("imports", "imports", _BOTH),
    ("value_added", "value added", _ROWS),
    ("compensation", "compensation", _ROWS),
    ("resource", "resource", _ROWS),
    ("total", "total", _BOTH),
    ("industry", "industry", _BOTH),
    ("drop", "left out", _BOTH),
)
#: Roles of lines on one axis only.
LOOSE = (
    *("final use", "exports", "imports", "compensation", "resource"),
    *("value added", "value added?"),
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
    levels : tuple of tuple of str
        All labels of each line, as options may name any.
    regions : list of str or None
    """

    labels: list[str]
    levels: tuple[tuple[str, ...], ...]
    regions: list[str] | None = None


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
    return max(pairs, key=lambda pair: len(_filled(pair[0].labels) & _filled(pair[1].labels)))


def _levels(levels: Sequence[tuple[str, ...]], where: str) -> list[Labels]:
    """Ways to label the lines of an axis: each level that tells them apart, or two together."""
    kept = tuple(levels)
    table = [list(column) for column in zip(*levels, strict=True)]
    # A level that says the same everywhere is a unit.
    distinct = [column for column in table if len(_filled(column)) > 1] or table[-1:]
    filled = [sum(map(bool, column)) for column in distinct]
    single = [
        column
        for column, count in zip(distinct, filled, strict=True)
        if len(_filled(column)) >= 0.9 * count and 2 * count > len(column)
    ]
    if single or len(distinct) == 1:
        others = [next(filter(None, line), "") for line in zip(*distinct, strict=True)]
        return [
            Labels([label or other for label, other in zip(column, others, strict=True)], kept)
            for column in single or distinct
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
    return [Labels(labels, kept, region)]


def _filled(labels: Iterable[str]) -> set[str]:
    return {label for label in labels if label}


def stated_roles(
    options: ReadOptions, columns: Sequence[Labels], rows: Sequence[Labels], where: str
) -> tuple[list[Lines], list[Lines]]:
    """Roles of columns and of rows that the caller states, for each sheet.

    Raises
    ------
    InputError
        When an option names what is not there.
    """
    found: dict[str, list[Lines]] = {"column": [{} for _ in columns], "row": [{} for _ in rows]}
    for option, role, axes in LINE_OPTIONS:
        lines = [
            (of, i, text)
            for axis, sheets in (("column", columns), ("row", rows))
            if axis in axes
            for of, labels in zip(found[axis], sheets, strict=True)
            for i, (label, levels) in enumerate(zip(labels.labels, labels.levels, strict=True))
            for text in _filled((label, *levels))
        ]
        flag = f"--{option.replace('_', '-')}"
        for k in names.chosen(getattr(options, option), [text for *_, text in lines], flag, where):
            of, i, _ = lines[k]
            of[i] = (role, f"as {flag} says")
    return found["column"], found["row"]


def refuse_near_pair(rows: Sequence[str], columns: Sequence[str], where: str) -> None:
    """Refuse a row and a column whose labels differ by a misprint.

    Raises
    ------
    InputError
        Naming both.
    """
    pair = near_pair(rows, columns)
    if pair is not None:
        raise InputError(
            f"row {pair[0]!r} and column {pair[1]!r} differ a little; spell them alike "
            "where they are the same, else say what they are (--final, --value-added, --drop)",
            where=where,
        )


def near_pair(rows: Sequence[str], columns: Sequence[str]) -> tuple[str, str] | None:
    """Find a row and a column whose labels differ by a misprint: letters, case, blanks, points."""
    by_letters = {_bare(label): label for label in columns}
    few = len(rows) * len(columns) <= _PAIRS
    long = [text for text in by_letters if len(text) >= _SHORTEST]
    for label in rows:
        text = _bare(label)
        if text and by_letters.get(text, label) != label:
            return label, by_letters[text]
        if few and len(text) >= _SHORTEST and text not in by_letters:
            for near in difflib.get_close_matches(text, long, cutoff=_ALIKE):
                # Two codes or years of one series differ in digits only.
                if _letters(text) != _letters(near) or _letters(text) == text:
                    return label, by_letters[near]
    return None


def _bare(label: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", label).casefold()))


def _letters(text: str) -> str:
    return "".join(character for character in text if not character.isdigit())


#: Share of the summands' size that is noise of binary arithmetic (spreadsheets store it).
_NOISE = 1e-9
#: A sum that is not exact must be this many times as large as what rounding allows.
_CLEAR = 4.0
#: An exact sum in as many cells that are not 0 is clear whatever its size.
_CELLS = 3
#: Figures that an industry (a product) has which may be a total and is not called so; a single
#: one may be a sum by chance.
_FEWEST = 2
#: Signs with which a line may count in a sum, by what its name says.
_SIGNS = {
    "": (1.0,),
    # Hours and persons are no money.
    "counted": (0.0,),
    "import": (1.0, -1.0, 0.0),
    "less": (-1.0, 1.0),
    # Wages may be a part of another line of value added.
    "wages": (1.0, 0.0),
}


@dataclass(frozen=True)
class Total:
    """Why a line is a total.

    Attributes
    ----------
    members : frozenset of int
        Lines that it is the sum of.
    why : str
    clear : bool
        Whether the figures are large enough for rounding not to explain it.
    """

    members: frozenset[int]
    why: str
    clear: bool


@dataclass(eq=False)
class Side:
    """The columns (rows) of a sheet, over the rows of its products (columns of its industries).

    Attributes
    ----------
    what : {"column", "row"}
    labels : list of str
    regions : list of str or None
    cells, half : ndarray, shape (lines, lines of the other side's core)
        Figures, and half a unit of their last digits. A column is a row here as well.
    core : list of int
        Columns of the industries (rows of the products).
    own : ndarray of int, shape (lines,)
        Where each line crosses the line of the same label, which says nothing of it; −1: nowhere.
    where : str
        File, for messages.
    stated : Lines
        What the caller says.
    totals : dict
        Lines that add up.
    roles : Lines
        What each line is, as far as it is known.
    """

    what: str
    labels: list[str]
    regions: list[str] | None
    cells: FloatArray
    half: FloatArray
    core: list[int]
    own: npt.NDArray[np.int64]
    where: str
    stated: Lines
    totals: dict[int, Total] = field(default_factory=dict)
    roles: Lines = field(default_factory=dict)

    def at(self, *roles: str) -> list[int]:
        """Positions of the lines with one of these roles, in order."""
        return [i for i in sorted(self.roles) if self.roles[i][0] in roles]

    def stated_as(self, role: str) -> list[int]:
        """Positions of the lines of which the caller says that they have this role."""
        return [i for i, (given, _) in self.stated.items() if given == role]

    def labels_of(self, lines: Iterable[int]) -> list[str]:
        """Labels of some lines."""
        return [self.labels[i] for i in lines]

    @property
    def loose(self) -> tuple[str, str]:
        """Role of a line that is neither core nor total, and the option that gives it."""
        if self.what == "column":
            return "final use", "--final"
        return "value added", "--value-added"

    @cached_property
    def kept(self) -> npt.NDArray[np.int64]:
        """Cells that are compared: where a figure is not published nothing adds up."""
        return np.flatnonzero(np.isfinite(self.half).all(axis=0))

    @cached_property
    def sums(self) -> FloatArray:
        """Sum of each line."""
        return np.asarray(self.cells[:, self.kept].sum(axis=1))

    @cached_property
    def room(self) -> FloatArray:
        """By how much rounding may upset the sum of each line."""
        noise = _NOISE * np.abs(self.cells[:, self.kept]).sum(axis=1)
        return np.asarray(self.half[:, self.kept].sum(axis=1) + noise)

    @cached_property
    def kinds(self) -> list[str]:
        """How each line may count in a sum, a key of :data:`_SIGNS`."""
        return [_kind(label, self.what) for label in self.labels]


def make_side(
    grid: Grid, what: str, labels: Labels, core: Sequence[int], across: Sequence[int],
    stated: Lines, other: Labels | None = None,
) -> Side:  # fmt: skip
    """Take the columns (rows) of a sheet over the rows (columns) `across`.

    Parameters
    ----------
    grid : Grid
    what : {"column", "row"}
    labels : Labels
    core, across : sequence of int
    stated : Lines
    other : Labels, optional
        Of the other axis, where a line has the label of one of its own.
    """
    cells, half = (grid.cells, grid.half) if what == "row" else (grid.cells.T, grid.half.T)
    over = list(across)
    at = {} if other is None else {other.labels[i]: k for k, i in enumerate(over)}
    return Side(
        what=what,
        labels=labels.labels,
        regions=labels.regions,
        cells=cells[:, over],
        half=half[:, over],
        core=list(core),
        own=np.array([at.get(label, -1) if label else -1 for label in labels.labels]),
        where=grid.where,
        stated=stated,
    )


def _kind(label: str, what: str) -> str:
    if what == "row" and names.is_counted(label):
        return "counted"
    if names.is_import(label):
        return "import"
    if names.is_less(label):
        return "less"
    return "wages" if names.is_compensation(label) else ""


def _is_named(label: str) -> bool:
    return names.is_total(label) or names.is_whole_value_added(label)


def find_totals(side: Side) -> dict[int, Total]:
    """Find the lines outside of the core that are called totals, or nothing, and are sums."""
    stated = side.stated_as("total")
    called = [
        j
        for j, label in enumerate(side.labels)
        if j in stated
        or (j not in side.core and j not in side.stated and (not label or _is_named(label)))
    ]
    found: dict[int, Total] = {}
    more = bool(side.kept.size)
    while more:
        more = False
        for j in called:
            total = None if j in found else total_at(side, j, found)
            if total is not None and (total.clear or side.labels[j]):
                found[j] = total
                more = True
    return found


def sums_by_figures(side: Side, lines: Iterable[int]) -> Iterator[tuple[int, Total]]:
    """Yield those of some `lines` that are sums though not called so.

    A line is none where a total counts it in together with its summands, and is no sum without it.
    """

    def counts_in(k: int, j: int, lines: frozenset[int]) -> bool:
        others = {*side.totals, j} - {k}
        return side.totals[k].members >= {j, *lines} and total_at(side, k, others) is None

    for j in lines if side.kept.size else ():
        if j in side.stated or _is_named(side.labels[j]):
            continue
        found = total_at(side, j, side.totals)
        if found and not any(counts_in(k, j, found.members) for k in side.totals):
            yield j, found


def total_at(side: Side, j: int, found: Collection[int]) -> Total | None:
    """Judge whether line `j` is the sum of lines that are no totals `found` or stated."""
    taken = {*found, *side.stated_as("total")}
    kept, sums, own = side.kept, side.sums, int(side.own[j])
    if own in kept:
        kept = kept[kept != own]
        sums = sums - side.cells[:, own]
    line = side.cells[j, kept]
    named = _is_named(side.labels[j])
    few = not named and np.count_nonzero(line) < _FEWEST
    if not line.any() or (few and j in side.core):
        return None
    for why, members in _readings(side, j, taken, sums):
        if len(members) < 2 and not (members and named):
            continue
        for parts, signs in _signed(side, members):
            # The sums of all cells are compared first: that is quick.
            room = side.room[parts].sum() + side.room[j]
            off = abs(np.dot(signs, sums[parts]) - sums[j])
            if len(parts) < min(2, len(members)) or off > room:
                continue
            if few and np.count_nonzero(side.cells[parts][:, kept].any(axis=1)) < 2:
                continue  # the same figure twice is no sum
            clear = _sum_fits(side, j, parts, signs, kept)
            # Neighbours that make the sum within rounding are found by chance.
            if clear or (clear is False and (named or not why.endswith(" it"))):
                return Total(frozenset(parts), f"is the sum of {why}", clear)
    return None


def _readings(
    side: Side, j: int, taken: Collection[int], sums: FloatArray
) -> Iterator[tuple[str, list[int]]]:
    """Yield sets of lines that line `j` may be the sum of, likeliest first."""
    leaves = [k for k in range(len(side.labels)) if k != j and k not in taken]
    core = set(side.core)
    before = [k for k in leaves if k < j]
    last = max((k for k in taken if k < j), default=-1)
    lines = f"{side.what}s"
    kind = "industries" if side.what == "column" else "products"
    yield f"all {kind}", [k for k in leaves if k in core]
    yield f"all {lines} before", before
    yield f"all other {lines}", leaves
    yield f"the {lines} since the last total", [k for k in before if k > last]
    yield f"the {lines} before that are no {kind}", [k for k in before if k not in core]
    yield f"all {lines} that are no {kind}", [k for k in leaves if k not in core]
    # A subtotal of its neighbours.
    for near, where in ((before[::-1], "before"), ([k for k in leaves if k > j], "after")):
        apart = np.abs(np.cumsum(sums[near]) - sums[j])
        for size in (
            np.flatnonzero(apart <= np.cumsum(side.room[near]) + side.room[j]) + 1
        ).tolist():
            if size >= 2:
                yield f"the {size} {lines} {where} it", near[:size]


def _signed(side: Side, members: list[int]) -> Iterator[tuple[list[int], list[float]]]:
    """Yield `members` with the signs that their names allow; lines of one kind have one sign."""
    whole = any(names.is_whole_value_added(side.labels[k]) for k in members)
    kinds = ["" if side.kinds[k] == "wages" and not whole else side.kinds[k] for k in members]
    present = sorted(set(kinds))
    for choice in product(*(_SIGNS[kind] for kind in present)):
        sign = dict(zip(present, choice, strict=True))
        parts = [k for k, kind in zip(members, kinds, strict=True) if sign[kind]]
        yield parts, [sign[kind] for kind in kinds if sign[kind]]


def _sum_fits(
    side: Side, j: int, parts: list[int], signs: list[float], kept: npt.NDArray[np.int64]
) -> bool | None:
    """Whether it is a sum that rounding does not explain; None if it is no sum."""
    cells = np.ix_(np.array(parts), kept)
    figures, line = side.cells[cells], side.cells[j, kept]
    total = np.asarray(signs) @ figures
    noise = _NOISE * np.abs(figures).sum(axis=0)
    room = side.half[cells].sum(axis=0) + side.half[j, kept] + noise
    apart, size = np.abs(line - total), np.abs(total)
    if not size.any() or (apart > room).any():
        return None
    exact = (apart <= noise).all() and np.count_nonzero(total) >= min(_CELLS, total.size)
    return bool(exact or size.sum() >= _CLEAR * room.sum())


def same(one: FloatArray, other: FloatArray, room: FloatArray | float = 0.0) -> bool:
    """Whether two lines agree within `room` and the noise of arithmetic, and are not empty.

    Figures that are not published, where `room` is infinite, count as 0.
    """
    size = np.abs(one) + np.abs(other)
    room = np.where(np.isfinite(room), room, 0.0)
    return bool(size.any() and (np.abs(one - other) <= room + _NOISE * size).all())


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
        When a line has figures and no label, or a row is final use by its name.
    """
    for side, kind, why in (
        (sheet.columns, "industry", core_why[0]),
        (sheet.rows, "product", core_why[1]),
    ):
        core, side.roles = set(side.core), {}
        for i, label in enumerate(side.labels):
            if i in core:
                side.roles[i] = kind, side.stated[i][1] if i in side.stated else why
            elif i in side.stated:
                side.roles[i] = side.stated[i]
            elif i in side.totals:
                side.roles[i] = "total", side.totals[i].why
            elif _is_empty(sheet, side, i):
                side.roles[i] = "left out", "is empty"
            elif not label:
                raise InputError(
                    f"{side.what} {i + 1} of the figures has no label and is no sum of others; "
                    "name it",
                    where=side.where,
                )
            elif names.is_total(label):
                side.roles[i] = "total?", "by its name"
            elif side.what == "row" and names.is_final(label):
                raise InputError(
                    f"row {label!r} holds final use by its name, which is a column of a table; "
                    "transpose the table, or give --value-added, --resource or --drop; inputs per "
                    "unit of output go into a folder of CSV files",
                    where=side.where,
                )
            elif side.what == "column":
                side.roles[i] = _column_role(label, bool(options.final))
            else:
                side.roles[i] = _row_role(label, bool(options.value_added), own_units)


def _is_empty(sheet: Sheet, side: Side, i: int) -> bool:
    """Whether a line holds nothing: one without a label nowhere, a total not of the industries."""
    if side.labels[i]:
        return names.is_total(side.labels[i]) and not side.cells[i].any()
    cells = sheet.grid.cells
    return not (cells[:, i] if side.what == "column" else cells[i]).any()


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


def refuse_doubtful(sheet: Sheet, own_units: bool = False) -> None:
    """Refuse lines that are misplaced by their names, and sums that are not called so.

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
    for side in (columns, rows):
        for j, total in sums_by_figures(side, side.at(*LOOSE)):
            role, option = side.roles[j][0], f"--{side.roles[j][0]}"
            if role not in ("exports", "imports", "compensation", "resource"):
                role, option = side.loose
            elif not total.clear:
                continue  # coarse figures do not outweigh a name
            why = total.why if total.clear else f"{total.why} within rounding"
            raise InputError(
                f"{side.what} {side.labels[j]!r} {why}: a total, or {role} that happens to be as "
                f"much? give --total or {option}",
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
    final = columns.at("final use")
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
        "final_use": columns.cells[final].T,
        "final_uses": columns.labels_of(final),
        "exports": sum_or_none(columns, "exports"),
        "imports": imports_of(columns),
        "import_use": row_sum(rows, imported),
        "final_import_use": grid.cells[np.ix_(imported, final)].sum(axis=0) if imported else None,
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
        fields["final_regions"] = [columns.regions[j] for j in final]
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
