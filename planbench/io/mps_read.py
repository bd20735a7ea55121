"""Reading MPS files; the dialect is described in :mod:`planbench.io.mps`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.io.mps_lines import (
    Block,
    Floats,
    Ints,
    Layout,
    Section,
    at,
    decode_names,
    find_sections,
    fixed_form,
    free_form,
    look_up,
    numbers,
    require_counts,
)
from planbench.io.mps_vectors import (
    DROPPED,
    OBJECTIVE,
    RELAX_HINT,
    apply_ranges,
    read_bounds,
    read_rhs,
    refuse_repeats,
)
from planbench.io.text import read_bytes, shown
from planbench.model.arrays import index_type
from planbench.model.linear_program import LinearProgram, make_linear_program

_WHAT = "an MPS file"
#: Bytes of memory for a byte of text, measured on files of short lines.
_GROWTH = 5.0


def read(path: Path, *, relax: bool) -> LinearProgram:
    """Read the MPS file `path`; see :func:`planbench.io.mps.read_mps`."""
    data = read_bytes(path, _WHAT, growth=_GROWTH)
    try:
        sections = find_sections(path, data)
        try:
            return _parse(path, data, sections, free_form, relax)
        except InputError as error:
            # Names with blanks cannot be told from several fields in free form.
            try:
                return _parse(path, data, sections, fixed_form, relax)
            except InputError:
                raise error from None
    except MemoryError:
        raise InputError(
            "does not fit into memory; use a smaller instance or a larger machine", where=str(path)
        ) from None


@dataclass
class _Columns:
    """What the COLUMNS section says."""

    index: dict[bytes, int] = field(default_factory=dict)
    rows: list[Ints] = field(default_factory=list)
    cols: list[Ints] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)
    lines: list[Ints] = field(default_factory=list)
    integer: list[tuple[int, int]] = field(default_factory=list)


def _parse(
    path: Path, data: bytes, sections: dict[str, Section], layout: Layout, relax: bool
) -> LinearProgram:
    def blocks(name: str) -> Iterator[Block]:
        return layout(data, sections[name]) if name in sections else iter(())

    for needed in ("ROWS", "COLUMNS"):
        if needed not in sections:
            raise InputError(f"there is no {needed} section; add it", where=str(path))
    if sections["COLUMNS"].line < sections["ROWS"].line:
        raise InputError(
            "COLUMNS stands before ROWS; put ROWS first", where=at(path, sections["COLUMNS"].line)
        )
    row_index, types = _read_rows(path, blocks("ROWS"), sections["ROWS"])
    columns = _read_columns(path, blocks("COLUMNS"), row_index, relax)
    n_rows, n_cols = types.size, len(columns.index)
    rows, cols, lines = (_joined(part) for part in (columns.rows, columns.cols, columns.lines))
    values = np.concatenate([np.zeros(0), *columns.values])
    columns.rows, columns.cols, columns.values, columns.lines = [], [], [], []
    refuse_repeats(path, cols, rows, lines)
    costed, inside = rows == OBJECTIVE, rows >= 0
    cost = np.zeros(n_cols)
    cost[cols[costed]] = values[costed]
    if not inside.all():
        rows, cols, values = rows[inside], cols[inside], values[inside]
    index = index_type(rows.size, n_rows, n_cols)
    indptr = np.zeros(n_cols + 1, dtype=index)
    np.cumsum(np.bincount(cols, minlength=n_cols), out=indptr[1:])
    # Entries of a column stand together, so they already are in compressed columns.
    matrix = sp.csc_array((values, rows.astype(index), indptr), shape=(n_rows, n_cols))
    matrix.sort_indices()

    rhs, offset = read_rhs(path, blocks("RHS"), row_index, types)
    row_lower = np.where(types == ord("L"), -np.inf, rhs)
    row_upper = np.where(types == ord("G"), np.inf, rhs)
    apply_ranges(path, blocks("RANGES"), row_index, types, rhs, row_lower, row_upper)
    integer = np.zeros(n_cols, dtype=np.bool_)
    for begin, end in columns.integer:
        integer[begin:end] = True
    col_lower, col_upper = read_bounds(path, blocks("BOUNDS"), columns.index, integer, relax)
    row_names = [name for name, number in row_index.items() if number >= 0]
    try:
        return make_linear_program(
            matrix=matrix,
            cost=cost,
            row_lower=row_lower,
            row_upper=row_upper,
            col_lower=col_lower,
            col_upper=col_upper,
            maximise=_read_sense(path, blocks("OBJSENSE"), sections),
            offset=offset,
            row_names=decode_names(path, row_names, sections["ROWS"], "row"),
            col_names=decode_names(path, list(columns.index), sections["COLUMNS"], "column"),
            name=_name(path, sections),
        )
    except InputError as error:
        if str(error).startswith(str(path)):
            raise
        raise InputError(str(error), where=str(path)) from None


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])


def _name(path: Path, sections: dict[str, Section]) -> str:
    name = sections["NAME"].argument if "NAME" in sections else ""
    if name and name.isprintable() and "\N{REPLACEMENT CHARACTER}" not in name:
        return name
    return path.name.removesuffix(".gz").removesuffix(".mps")


def _read_sense(path: Path, blocks: Iterator[Block], sections: dict[str, Section]) -> bool:
    if "OBJSENSE" not in sections:
        return False
    section = sections["OBJSENSE"]
    words = [section.argument] if section.argument else []
    for block in blocks:
        words += [token.decode("utf-8", "replace") for token in block.tokens[:3]]
    sense = words[0].upper() if len(words) == 1 else ""
    if sense in ("MAX", "MAXIMIZE", "MAXIMISE"):
        return True
    if sense in ("MIN", "MINIMIZE", "MINIMISE"):
        return False
    raise InputError(
        f"OBJSENSE is {shown(' '.join(words))}; write MAX or MIN", where=at(path, section.line)
    )


def _read_rows(
    path: Path, blocks: Iterator[Block], section: Section
) -> tuple[dict[bytes, int], Ints]:
    """Row numbers by name, and the type (L, G or E) of each row that is kept."""
    names: list[bytes] = []
    kinds: list[bytes] = []
    lines: list[Ints] = []
    for block in blocks:
        require_counts(path, block, (2,), "a type and a name")
        kinds += block.texts(block.first)
        names += block.texts(block.first + 1)
        lines.append(block.lines)
    where = np.concatenate(lines) if lines else np.zeros(0, dtype=np.int64)
    codes = {k: k.upper()[0] for k in (b"N", b"L", b"G", b"E", b"n", b"l", b"g", b"e")}
    try:
        types = np.fromiter(map(codes.__getitem__, kinds), dtype=np.int64, count=len(kinds))
    except KeyError:
        i = next(i for i, kind in enumerate(kinds) if kind not in codes)
        raise InputError(
            f"row type {shown(kinds[i])}; write N, L, G or E", where=at(path, int(where[i]))
        ) from None
    free = types == ord("N")
    if not free.any():
        raise InputError(
            "there is no objective; add a row of type N, such as ' N  COST'",
            where=at(path, section.line),
        )
    number = np.cumsum(~free) - 1
    number[free] = DROPPED
    number[int(np.argmax(free))] = OBJECTIVE
    index = dict(zip(names, number.tolist(), strict=True))
    if len(index) < len(names):
        i = _first_repeat(names)
        raise InputError(
            f"row {shown(names[i])} stands twice; names must differ", where=at(path, int(where[i]))
        )
    return index, types[~free]


def _first_repeat(names: list[bytes]) -> int:
    seen: set[bytes] = set()
    for i, name in enumerate(names):
        if name in seen:
            return i
        seen.add(name)
    raise AssertionError("no repeated name")


def _read_columns(
    path: Path, blocks: Iterator[Block], row_index: dict[bytes, int], relax: bool
) -> _Columns:
    out = _Columns()
    last = b""
    integer_from: int | None = None
    for block in blocks:
        require_counts(path, block, (3, 5), "a column and one or two pairs of row and value")
        first, lines, five = block.first, block.lines, block.counts == 5
        second = block.tokens[first + 1]
        markers = np.flatnonzero((second == b"'MARKER'") & ~five)
        # Kept aside: [line index in the block] of what is not a marker.
        keep = np.ones(first.size, dtype=np.bool_)
        keep[markers] = False
        names = block.tokens[first[keep]]
        change = np.ones(names.size, dtype=np.bool_)
        if names.size:
            change[0] = names[0] != last
            change[1:] = names[1:] != names[:-1]
            last = names[-1]
        before = len(out.index)
        new = names[change].tolist()
        out.index.update(zip(new, range(before, before + len(new)), strict=True))
        if len(out.index) != before + len(new):
            known = set(list(out.index)[:before])
            i = next(i for i, n in enumerate(new) if n in known or n in new[:i])
            raise InputError(
                f"column {shown(new[i])} comes back; its entries must stand together",
                where=at(path, int(lines[keep][np.flatnonzero(change)[i]])),
            )
        col = before - 1 + np.cumsum(change)
        for i in markers.tolist():
            integer_from = _marker(
                path, out, block, i, integer_from, before + int(change[: int(keep[:i].sum())].sum())
            )
            if not relax:
                raise InputError(f"integer columns; {RELAX_HINT}", where=at(path, int(lines[i])))
        pairs = np.where(five[keep], 2, 1)
        line = np.repeat(np.flatnonzero(keep), pairs)
        later = np.zeros(line.size, dtype=np.int64)
        later[1:] = line[1:] == line[:-1]
        position = first[line] + 1 + 2 * later
        row = look_up(path, row_index, block.texts(position), lines[line], "row")
        value = numbers(path, block.texts(position + 1), lines[line])
        used = row != DROPPED
        out.rows.append(row[used])
        out.values.append(value[used])
        out.cols.append(np.repeat(col, pairs)[used])
        out.lines.append(lines[line][used])
    if integer_from is not None:
        out.integer.append((integer_from, len(out.index)))
    return out


def _marker(
    path: Path, out: _Columns, block: Block, i: int, since: int | None, now: int
) -> int | None:
    """Note an integer marker; returns the column since which columns are integer, or None."""
    kind = block.tokens[block.first[i] + 2].strip(b"'").upper()
    if kind == b"INTORG" and since is None:
        return now
    if kind == b"INTEND" and since is not None:
        out.integer.append((since, now))
        return None
    raise InputError(
        f"marker {shown(kind)} is out of place; markers are 'INTORG' and 'INTEND', in turn",
        where=at(path, int(block.lines[i])),
    )
