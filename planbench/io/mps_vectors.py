"""Right-hand sides, ranges and bounds of an MPS file; the dialect is in :mod:`planbench.io.mps`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.io.mps_lines import Block, Floats, Ints, at, look_up, numbers, require_counts
from planbench.io.text import shown

#: Numbers that stand for the objective and for rows of type N that are left out.
OBJECTIVE, DROPPED = -1, -2
RELAX_HINT = "planbench solves linear programs; relax it (--relax) to drop the integrality"

_VALUED = ("LO", "UP", "FX", "LI", "UI")
_BOUNDS = (*_VALUED, "FR", "MI", "PL", "BV")
_CODE = {name.encode(): code for code, name in enumerate(_BOUNDS)}
_SETS_LOWER = np.array([name in ("LO", "FX", "LI", "FR", "MI", "BV") for name in _BOUNDS])
_SETS_UPPER = np.array([name in ("UP", "FX", "UI", "FR", "PL", "BV") for name in _BOUNDS])
_INTEGER = np.array([name in ("LI", "UI", "BV") for name in _BOUNDS])


def refuse_repeats(path: Path, major: Ints, minor: Ints, lines: Ints) -> None:
    """Refuse entries of which the same two numbers stand twice; `minor` is at least −2.

    Raises
    ------
    InputError
        Naming the line of the first repetition.
    """
    if not minor.size:
        return
    key = major * (int(minor.max()) + 3) + minor + 2
    if (key[1:] > key[:-1]).all():
        return
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    if same.any():
        i = int(order[1:][same].min())
        raise InputError(
            "the same entry stands here a second time; keep one of the two",
            where=at(path, int(lines[i])),
        )


def _pairs(
    path: Path, blocks: Iterator[Block], row_index: dict[bytes, int], section: str
) -> tuple[Ints, Floats, Ints]:
    """Row numbers, values and lines of RHS or RANGES."""
    rows: list[Ints] = [np.zeros(0, dtype=np.int64)]
    values: list[Floats] = [np.zeros(0)]
    lines: list[Ints] = [np.zeros(0, dtype=np.int64)]
    sets: dict[bytes, int] = {}
    for block in blocks:
        require_counts(path, block, (2, 3, 4, 5), "an optional set name and one or two pairs")
        named = block.counts % 2 == 1
        _one_set(path, sets, block.texts(block.first[named]), block.lines[named], section)
        pairs = block.counts // 2
        line = np.repeat(np.arange(block.first.size), pairs)
        later = np.zeros(line.size, dtype=np.int64)
        later[1:] = line[1:] == line[:-1]
        position = block.first[line] + named[line] + 2 * later
        where = block.lines[line]
        rows.append(look_up(path, row_index, block.texts(position), where, "row"))
        values.append(numbers(path, block.texts(position + 1), where, infinite=True))
        lines.append(where)
    row, value, line = np.concatenate(rows), np.concatenate(values), np.concatenate(lines)
    used = row != DROPPED
    row, value, line = row[used], value[used], line[used]
    refuse_repeats(path, row, np.zeros_like(row), line)
    return row, value, line


def _one_set(
    path: Path, sets: dict[bytes, int], names: list[bytes], lines: Ints, section: str
) -> None:
    """Only one set of right-hand sides, ranges or bounds makes a program unambiguous."""
    sets |= dict.fromkeys(names, 0)
    if len(sets) > 1:
        first = next(iter(sets))
        i = next((i for i, name in enumerate(names) if name != first), 0)
        raise InputError(
            f"a second {section} set {shown(names[i])} beside {shown(first)}; keep one set",
            where=at(path, int(lines[i])),
        )


def read_rhs(
    path: Path, blocks: Iterator[Block], row_index: dict[bytes, int], types: Ints
) -> tuple[Floats, float]:
    """Right-hand sides of the rows, and the constant of the objective.

    Raises
    ------
    InputError
        Naming the line.
    """
    row, value, line = _pairs(path, blocks, row_index, "RHS")
    rhs = np.zeros(types.size)
    inside = row >= 0
    rhs[row[inside]] = value[inside]
    kind = np.zeros(row.size, dtype=np.int64)
    kind[inside] = types[row[inside]]
    wrong = (
        (~inside & np.isinf(value))
        | (np.isinf(value) & (kind == ord("E")))
        | ((value == np.inf) & (kind == ord("G")))
        | ((value == -np.inf) & (kind == ord("L")))
    )
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"an infinite right-hand side ({value[i]}, or at least 1e20) that nothing can "
            "satisfy; give a finite number",
            where=at(path, int(line[i])),
        )
    constant = value[~inside]
    # The objective row reads c·x − rhs, so the constant is minus its right-hand side.
    return rhs, float(0.0 - constant[0]) if constant.size else 0.0


def apply_ranges(
    path: Path,
    blocks: Iterator[Block],
    row_index: dict[bytes, int],
    types: Ints,
    rhs: Floats,
    row_lower: Floats,
    row_upper: Floats,
) -> None:
    """Turn ranges into the second bound of their rows, in place.

    Raises
    ------
    InputError
        Naming the line.
    """
    row, value, line = _pairs(path, blocks, row_index, "RANGES")
    bad = (row < 0) | np.isinf(np.where(row < 0, 0.0, rhs[row] if rhs.size else 0.0))
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        raise InputError(
            "a range on an objective or on an infinite right-hand side; delete it",
            where=at(path, int(line[i])),
        )
    kind, width, base = types[row], np.abs(value), rhs[row]
    up = (kind == ord("G")) | ((kind == ord("E")) & (value >= 0))
    row_upper[row[up]] = base[up] + width[up]
    row_lower[row[~up]] = base[~up] - width[~up]


def read_bounds(
    path: Path,
    blocks: Iterator[Block],
    col_index: dict[bytes, int],
    integer: npt.NDArray[np.bool_],
    relax: bool,
) -> tuple[Floats, Floats]:
    """Lower and upper bounds of the columns.

    Parameters
    ----------
    integer : ndarray of bool, shape (columns,)
        Columns between integer markers.
    relax : bool
        Accept bounds that make a column integer.

    Raises
    ------
    InputError
        Naming the line.
    """
    codes: list[Ints] = [np.zeros(0, dtype=np.int64)]
    cols: list[Ints] = [np.zeros(0, dtype=np.int64)]
    values: list[Floats] = [np.zeros(0)]
    lines: list[Ints] = [np.zeros(0, dtype=np.int64)]
    sets: dict[bytes, int] = {}
    for block in blocks:
        require_counts(path, block, (2, 3, 4), "a type, an optional set name, a column, a value")
        code = _bound_codes(path, block)
        valued = code < len(_VALUED)
        short = valued & (block.counts == 2)
        if short.any():
            i = int(np.flatnonzero(short)[0])
            raise InputError(
                f"bound {_BOUNDS[int(code[i])]} has no value; add one",
                where=at(path, int(block.lines[i])),
            )
        named = block.counts == 4
        # Without a value, three fields are type, set and column, or type, column and a value.
        three = np.flatnonzero(~valued & (block.counts == 3))
        named[three] = list(map(col_index.__contains__, block.texts(block.first[three] + 2)))
        _one_set(path, sets, block.texts(block.first[named] + 1), block.lines[named], "BOUNDS")
        position = block.first + 1 + named
        cols.append(look_up(path, col_index, block.texts(position), block.lines, "column"))
        value = np.zeros(code.size)
        value[valued] = numbers(
            path, block.texts(position[valued] + 1), block.lines[valued], infinite=True
        )
        codes.append(code)
        values.append(value)
        lines.append(block.lines)
    code, col = np.concatenate(codes), np.concatenate(cols)
    value, line = np.concatenate(values), np.concatenate(lines)
    refuse_repeats(path, col, code, line)
    return _apply_bounds(path, code, col, value, line, integer, relax)


def _bound_codes(path: Path, block: Block) -> Ints:
    kinds = [kind.upper() for kind in block.texts(block.first)]
    try:
        return np.fromiter(map(_CODE.__getitem__, kinds), dtype=np.int64, count=len(kinds))
    except KeyError:
        i = next(i for i, kind in enumerate(kinds) if kind not in _CODE)
        mend = "write LO, UP, FX, FR, MI or PL"
        if kinds[i] in (b"SC", b"SI"):
            mend = "semicontinuous columns are not linear: write LO and UP"
        raise InputError(
            f"bound type {shown(kinds[i])}; {mend}", where=at(path, int(block.lines[i]))
        ) from None


def _apply_bounds(
    path: Path,
    code: Ints,
    col: Ints,
    value: Floats,
    line: Ints,
    integer: npt.NDArray[np.bool_],
    relax: bool,
) -> tuple[Floats, Floats]:
    """Bounds of every column; a later line of another type overrides an earlier one."""
    if not relax and _INTEGER[code].any():
        i = int(np.flatnonzero(_INTEGER[code])[0])
        raise InputError(
            f"bound {_BOUNDS[int(code[i])]} makes a column integer; {RELAX_HINT}",
            where=at(path, int(line[i])),
        )
    sets_lower, sets_upper = _SETS_LOWER[code], _SETS_UPPER[code]
    low, high = value.copy(), value.copy()
    low[np.isin(code, [_CODE[b"FR"], _CODE[b"MI"]])] = -np.inf
    high[np.isin(code, [_CODE[b"FR"], _CODE[b"PL"]])] = np.inf
    high[code == _CODE[b"BV"]] = 1.0
    wrong = (sets_lower & (low == np.inf)) | (sets_upper & (high == -np.inf))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"bound {_BOUNDS[int(code[i])]} of {value[i]} (or at least 1e20) that nothing can "
            "satisfy; give a finite number",
            where=at(path, int(line[i])),
        )
    lower, upper = np.zeros(integer.size), np.full(integer.size, np.inf)
    bounded = np.zeros(integer.size, dtype=np.bool_)
    bounded[col] = True
    upper[integer & ~bounded] = 1.0
    # Where an index is repeated, NumPy keeps the last value: the last line wins.
    lower[col[sets_lower]] = low[sets_lower]
    upper[col[sets_upper]] = high[sets_upper]
    has_lower = np.zeros(integer.size, dtype=np.bool_)
    has_lower[col[sets_lower]] = True
    lower[(upper < 0) & ~has_lower] = -np.inf
    return lower, upper
