"""Which lines of a table are totals: found by what they add up to, within rounding.

Each axis is judged alone: its columns over the rows of the products, its rows over the columns
of the industries. A line is a total when it is the sum of others in every one of these, within
half a unit of the last printed digit for each summand. Totals that were found are no summands of
the next, so that subtotals go first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt

import planbench.tables.names as names
from planbench.model.arrays import FloatArray
from planbench.tables.grid import Grid

#: Share of the summands' size that is noise of binary arithmetic (spreadsheets store it).
_NOISE = 1e-9
#: A sum that is not exact must be this many times as large as what rounding allows.
_CLEAR = 4.0
#: An exact sum in as many cells that are not 0 is clear whatever its size.
_CELLS = 3
#: Cells that are compared before all of them are.
_PROBED = 8


@dataclass(frozen=True)
class Total:
    """Why a line is a total.

    Attributes
    ----------
    members : frozenset of int
        Lines that it is the sum of.
    why : str
    filled : int
        In how many lines of the other axis the sum is more than rounding.
    clear : bool
        Whether the figures are large enough for rounding not to explain it.
    """

    members: frozenset[int]
    why: str
    filled: int
    clear: bool


@dataclass(frozen=True, eq=False)
class Axis:
    """The lines (columns or rows) of a table, seen over lines of the other axis.

    Attributes
    ----------
    what : {"column", "row"}
    labels : tuple of str
    lines, half : ndarray, shape (lines, lines of the other axis)
        Figures, and half a unit of their last digits.
    core : tuple of int
        Lines of the industries (products).
    own : ndarray of int, shape (lines,)
        Where each line crosses the line of the same label, which says nothing of it; −1: nowhere.
    """

    what: str
    labels: tuple[str, ...]
    lines: FloatArray
    half: FloatArray
    core: tuple[int, ...]
    own: npt.NDArray[np.int64]

    def _where(self, test: Callable[[str], bool]) -> frozenset[int]:
        return frozenset(k for k, label in enumerate(self.labels) if test(label))

    @cached_property
    def heaviest(self) -> npt.NDArray[np.int64]:
        """Lines of the other axis with the largest sums."""
        return np.argsort(-np.abs(self.lines).sum(axis=0), kind="stable")[:_PROBED]

    @cached_property
    def sums(self) -> FloatArray:
        """Sum of each line."""
        return np.asarray(self.lines.sum(axis=1))

    @cached_property
    def room(self) -> FloatArray:
        """By how much rounding may upset the sum of each line."""
        return np.asarray(self.half.sum(axis=1) + _NOISE * np.abs(self.lines).sum(axis=1))

    @cached_property
    def imports(self) -> frozenset[int]:
        """Lines of imports, by their names."""
        return self._where(names.is_import)

    @cached_property
    def exports(self) -> frozenset[int]:
        """Lines of exports, by their names."""
        return self._where(names.is_export)

    @cached_property
    def less(self) -> frozenset[int]:
        """Lines that are subtracted, by their names."""
        return self._where(names.is_less)

    @cached_property
    def counted(self) -> frozenset[int]:
        """Rows in units of their own, by their names: hours and persons are no money."""
        return self._where(names.is_counted) if self.what == "row" else frozenset()

    @cached_property
    def whole(self) -> frozenset[int]:
        """Lines of all value added, by their names."""
        return self._where(names.is_whole_value_added)

    @cached_property
    def wages(self) -> frozenset[int]:
        """Lines of compensation, which may be a part of another line of value added."""
        return self._where(names.is_compensation)


def make_axis(
    grid: Grid, what: str, labels: Sequence[str], core: Sequence[int], across: Sequence[int],
    across_labels: Sequence[str],
) -> Axis:  # fmt: skip
    """Take the columns (rows) of a sheet over the rows (columns) `across`.

    Parameters
    ----------
    grid : Grid
    what : {"column", "row"}
    labels : sequence of str
    core, across : sequence of int
    across_labels : sequence of str
        Labels of all lines of the other axis; none where no line has one of the same name.
    """
    over = list(across)
    if what == "column":
        lines, half, unknown = grid.cells[over].T, grid.half[over].T, grid.unknown[over].T
    else:
        lines, half, unknown = grid.cells[:, over], grid.half[:, over], grid.unknown[:, over]
    # Where a figure is not published nothing adds up.
    kept = ~unknown.any(axis=0)
    positions = np.array(over, dtype=int)[kept].tolist() if across_labels else []
    at = {across_labels[i]: k for k, i in enumerate(positions)}
    return Axis(
        what=what,
        labels=tuple(labels),
        lines=lines[:, kept],
        half=half[:, kept],
        core=tuple(core),
        own=np.array([at.get(label, -1) if label else -1 for label in labels], dtype=np.int64),
    )


def find_totals(
    axis: Axis, candidates: Collection[int] | None = None, known: Collection[int] = ()
) -> dict[int, Total]:
    """Find the lines that are sums of others.

    Parameters
    ----------
    axis : Axis
    candidates : collection of int, optional
        Lines that may be totals; all of them if missing.
    known : collection of int
        Lines that are known to be totals, so that they are no summands.
    """
    if candidates is None:
        candidates = range(len(axis.labels))
    found: dict[int, Total] = {}
    more = bool(axis.lines.shape[1])
    while more:
        more = False
        for j in candidates:
            total = None if j in found else _total_at(axis, j, {*found, *known})
            if total is not None and (total.clear or _named(axis.labels[j])):
                found[j] = total
                more = True
    return found


def find_doubtful(
    axis: Axis, candidates: Collection[int], totals: Collection[int]
) -> dict[int, Total]:
    """Find the lines that are sums of others only because the figures are so coarse.

    Parameters
    ----------
    axis : Axis
    candidates : collection of int
    totals : collection of int
        Lines that are totals, which are no summands.
    """
    found = {j: _total_at(axis, j, {*totals, j}) for j in candidates}
    return {j: total for j, total in found.items() if total is not None and not total.clear}


def fits_without(axis: Axis, total: int, totals: Collection[int], line: int) -> bool:
    """Whether a total is the sum of others even if `line` is none of them."""
    return _total_at(axis, total, {*totals, line} - {total}) is not None


def _named(label: str) -> bool:
    return names.is_total(label) or names.is_whole_value_added(label)


def _total_at(axis: Axis, j: int, found: Collection[int]) -> Total | None:
    amounts, room = axis.sums, axis.room
    kept = np.ones(axis.lines.shape[1], dtype=bool)
    own = int(axis.own[j])
    if own >= 0:
        kept[own] = False
        amounts = amounts - axis.lines[:, own]
    line, half = axis.lines[j, kept], axis.half[j, kept]
    if not line.any():
        return None
    seen: set[tuple[tuple[int, ...], tuple[float, ...]]] = set()
    probe = np.argsort(-np.abs(axis.lines[j]) * kept, kind="stable")[:_PROBED]
    probe = np.union1d(probe, axis.heaviest)
    probe = probe[kept[probe]]
    named = _named(axis.labels[j])
    for why, members in _readings(axis, j, found, amounts, room):
        if len(members) < 2 and not (members and named):
            continue
        for parts, signs in _signed(axis, members):
            key = (tuple(parts), tuple(signs))
            if len(parts) < min(2, len(members)) or key in seen:
                continue
            seen.add(key)
            sign = np.array(signs)
            # The sums of all cells are compared first: they are quick.
            if abs(sign @ amounts[parts] - amounts[j]) > room[parts].sum() + room[j]:
                continue
            if not _may_fit(axis, j, parts, sign, probe):
                continue
            figures, halves = axis.lines[parts][:, kept], axis.half[parts][:, kept]
            filled, clear = _sum_fits(line, half, sign @ figures, figures, halves)
            # Neighbours that make the sum within rounding are found by chance.
            if filled and (clear or named or not why.endswith(" it")):
                return Total(frozenset(parts), f"is the sum of {why}", filled, clear)
    return None


def _readings(
    axis: Axis, j: int, found: Collection[int], amounts: FloatArray, room: FloatArray
) -> Iterator[tuple[str, list[int]]]:
    """Yield sets of lines that line `j` may be the sum of, likeliest first."""
    leaves = [k for k in range(len(axis.labels)) if k != j and k not in found]
    core = set(axis.core)
    before = [k for k in leaves if k < j]
    last = max((k for k in found if k < j), default=-1)
    lines = f"{axis.what}s"
    kind = "industries" if axis.what == "column" else "products"
    yield f"all {kind}", [k for k in leaves if k in core]
    yield f"all {lines} before", before
    yield f"all other {lines}", leaves
    yield f"the {lines} since the last total", [k for k in before if k > last]
    yield f"the {lines} before that are no {kind}", [k for k in before if k not in core]
    yield f"all {lines} that are no {kind}", [k for k in leaves if k not in core]
    # A subtotal of its neighbours.
    for near, where in ((before[::-1], "before"), ([k for k in leaves if k > j], "after")):
        apart = np.abs(np.cumsum(amounts[near]) - amounts[j])
        for size in (np.flatnonzero(apart <= np.cumsum(room[near]) + room[j]) + 1).tolist():
            if size >= 2:
                yield f"the {size} {lines} {where} it", near[:size]


def _signed(axis: Axis, members: list[int]) -> Iterator[tuple[list[int], list[float]]]:
    """Yield `members` with signs: imports and exports may be left out, imports subtracted."""
    if axis.counted:
        members = [k for k in members if k not in axis.counted]
    inside = set(members)
    imports, exports, less = (sorted(k & inside) for k in (axis.imports, axis.exports, axis.less))
    parts = sorted(axis.wages & inside) if axis.whole & inside else []
    for of_parts in (1.0, 0.0) if parts else (1.0,):
        yield from _with_signs(members, imports, exports, less, parts, of_parts)


def _with_signs(
    members: list[int], imports: list[int], exports: list[int], less: list[int],
    parts: list[int], of_parts: float,
) -> Iterator[tuple[list[int], list[float]]]:  # fmt: skip
    for of_imports, of_exports, of_less in product(
        (1.0, -1.0, 0.0) if imports else (1.0,),
        (1.0, 0.0) if exports else (1.0,),
        (-1.0, 1.0) if less else (1.0,),
    ):
        sign = dict.fromkeys(members, 1.0)
        sign.update(dict.fromkeys(less, of_less))
        sign.update(dict.fromkeys(exports, of_exports))
        sign.update(dict.fromkeys(imports, of_imports))
        sign.update(dict.fromkeys(parts, of_parts) if not of_parts else {})
        kept = [k for k in members if sign[k]]
        yield kept, [sign[k] for k in kept]


def _may_fit(
    axis: Axis, j: int, parts: list[int], sign: FloatArray, probe: npt.NDArray[np.int64]
) -> bool:
    """Compare a few cells, the largest ones, which is quick in a table of thousands of lines."""
    cells = np.ix_(np.array(parts, dtype=np.int64), probe)
    figures = axis.lines[cells]
    room = axis.half[cells].sum(axis=0) + axis.half[j, probe] + _NOISE * np.abs(figures).sum(axis=0)
    return bool((np.abs(axis.lines[j, probe] - sign @ figures) <= room).all())


def _sum_fits(
    line: FloatArray, half: FloatArray, total: FloatArray, parts: FloatArray, halves: FloatArray
) -> tuple[int, bool]:
    """Count cells where the sum is more than rounding (0: no sum); say whether it is clear."""
    noise = _NOISE * np.abs(parts).sum(axis=0)
    room = halves.sum(axis=0) + half + noise
    apart = np.abs(line - total)
    size = np.abs(total)
    if not size.any() or (apart > room).any():
        return 0, False
    exact = (apart <= noise).all() and np.count_nonzero(total) >= min(_CELLS, total.size)
    clear = bool(exact or size.sum() >= _CLEAR * room.sum())
    return max(1, int((size > room).sum())), clear


def same(one: FloatArray, other: FloatArray, room: FloatArray | float = 0.0) -> bool:
    """Whether two lines agree within `room` and the noise of arithmetic, and are not empty."""
    size = np.abs(one) + np.abs(other)
    return bool(size.any() and (np.abs(one - other) <= room + _NOISE * size).all())
