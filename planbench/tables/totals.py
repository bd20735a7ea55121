"""Which lines of a table are totals: called so, and the sum of others within rounding.

Each axis is judged alone: its columns over the rows of the products, its rows over the columns
of the industries. A line is a sum when it is that of others in every one of these, within half a
unit of the last printed digit for each summand. Totals that were found are no summands of the
next, so that subtotals go first. A sum that is not called a total is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt

import planbench.tables.names as names
from planbench.model.arrays import FloatArray
from planbench.tables.grid import Grid
from planbench.tables.labels import Labels, Lines

#: Share of the summands' size that is noise of binary arithmetic (spreadsheets store it).
_NOISE = 1e-9
#: A sum that is not exact must be this many times as large as what rounding allows.
_CLEAR = 4.0
#: An exact sum in as many cells that are not 0 is clear whatever its size.
_CELLS = 3
#: Figures that a sum has which is not called so; a single one may be a sum by chance.
_FEWEST = 2
#: Cells that are compared before all of them are: a table may have thousands of lines.
_PROBED = 16
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

    A line is none where a total counts it in together with its summands.
    """
    for j in lines if side.kept.size else ():
        if j in side.stated or _is_named(side.labels[j]):
            continue
        found = total_at(side, j, side.totals)
        if found and not any(t.members >= {j, *found.members} for t in side.totals.values()):
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
    if np.count_nonzero(line) < (1 if named else _FEWEST):
        return None
    probe = kept[np.argsort(-np.abs(line), kind="stable")[:_PROBED]]
    seen: set[tuple[tuple[int, ...], tuple[float, ...]]] = set()
    for why, members in _readings(side, j, taken, sums):
        if len(members) < 2 and not (members and named):
            continue
        for parts, signs in _signed(side, members):
            key = tuple(parts), tuple(signs)
            if len(parts) < min(2, len(members)) or key in seen:
                continue
            seen.add(key)
            # The sums of all cells, then a few cells are compared first: that is quick.
            room = side.room[parts].sum() + side.room[j]
            if abs(np.dot(signs, sums[parts]) - sums[j]) > room:
                continue
            if _sum_fits(side, j, parts, signs, probe) is None:
                continue
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
