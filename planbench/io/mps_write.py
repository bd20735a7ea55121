"""Writing MPS files; the dialect is described in docs/formats.md."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.io.files import replacing
from planbench.io.text import INFINITY
from planbench.model.arrays import FloatArray
from planbench.model.linear_program import LinearProgram

_ENTRIES = 1 << 11


def write(lp: LinearProgram, path: Path, *, numbered: bool) -> tuple[str, ...]:
    """Write `lp` to `path`; see :func:`planbench.io.mps.write_mps`."""
    _refuse_large_bounds(lp, path)
    rows, cols = written_names(lp, numbered=numbered)
    objective = _unused("OBJ", rows)
    _refuse_crossing_rows(lp, path)
    kinds, rhs, width, notes = _row_forms(lp)
    with replacing(path) as stream:
        if path.name.endswith(".gz"):
            # No name and no time inside: the same program gives the same bytes.
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as zipped:
                out = cast(BinaryIO, zipped)
                _write_all(out, lp, rows, cols, objective, kinds, rhs, width)
        else:
            _write_all(stream, lp, rows, cols, objective, kinds, rhs, width)
    return notes


def _write_all(
    out: BinaryIO,
    lp: LinearProgram,
    rows: Sequence[str],
    cols: Sequence[str],
    objective: str,
    kinds: Sequence[str],
    rhs: FloatArray,
    width: FloatArray,
) -> None:
    def put(lines: Iterable[str]) -> None:
        text = "\n".join(lines)
        if text:
            out.write(text.encode() + b"\n")

    name = "_".join(lp.name.split()) or "lp"
    put([f"NAME {name}" if name.isprintable() else "NAME lp"])
    if lp.maximise:
        put(["OBJSENSE", "    MAX"])
    put(["ROWS", f" N  {objective}"])
    put(map(" {}  {}".format, kinds, rows))
    put(["COLUMNS"])
    for lines in _column_lines(lp, [*rows, objective], cols):
        put(lines)
    put(["RHS"])
    if lp.offset:
        put([f" RHS  {objective}  {-lp.offset!r}"])
    given = np.flatnonzero(rhs)
    put(map(" RHS  {}  {!r}".format, _pick(rows, given), rhs[given].tolist()))
    given = np.flatnonzero(width)
    if given.size:
        put(["RANGES"])
        put(map(" RNG  {}  {!r}".format, _pick(rows, given), width[given].tolist()))
    bounds = [line for lines in _bound_lines(lp, cols) for line in lines]
    if bounds:
        put(["BOUNDS"])
        put(bounds)
    put(["ENDATA"])


def _pick(names: Sequence[str], which: npt.NDArray[np.int64]) -> list[str]:
    return [names[i] for i in which.tolist()]


def written_names(lp: LinearProgram, *, numbered: bool) -> tuple[Sequence[str], Sequence[str]]:
    """Names of rows and columns as they stand in the file."""
    return (
        _names(lp.row_names, lp.n_rows, "R", numbered),
        _names(lp.col_names, lp.n_cols, "C", numbered),
    )


def _names(names: Sequence[str] | None, size: int, letter: str, numbered: bool) -> Sequence[str]:
    """Names fit for free form: blanks become underscores; all are numbered if that fails."""
    if names is not None and not numbered:
        out = ["_".join(name.split()) for name in names]
        awkward = any(name[:1] in "$*'" or not name.isprintable() for name in out)
        if not awkward and len(set(out)) == size:
            return out
    return list(map(f"{letter}{{:07d}}".format, range(1, size + 1)))


def _unused(name: str, taken: Sequence[str]) -> str:
    names = set(taken)
    while name in names:
        name += "_"
    return name


def _refuse_large_bounds(lp: LinearProgram, path: Path) -> None:
    ranged = np.isfinite(lp.row_lower) & np.isfinite(lp.row_upper)
    width = np.zeros(lp.n_rows)
    with np.errstate(over="ignore"):
        width[ranged] = lp.row_upper[ranged] - lp.row_lower[ranged]
    for what, array, name in (
        ("row_lower", lp.row_lower, lp.row),
        ("row_upper", lp.row_upper, lp.row),
        ("range", width, lp.row),
        ("col_lower", lp.col_lower, lp.column),
        ("col_upper", lp.col_upper, lp.column),
    ):
        large = np.isfinite(array) & (np.abs(array) >= INFINITY)
        if large.any():
            i = int(np.flatnonzero(large)[0])
            raise InputError(
                f"{what} of {name(i)} is {array[i]:g}, and MPS readers take 1e20 and more for "
                "infinite; rescale it or save as .npz",
                where=str(path),
            )


def _refuse_crossing_rows(lp: LinearProgram, path: Path) -> None:
    crossing = lp.row_lower > lp.row_upper
    if crossing.any():
        i = int(np.flatnonzero(crossing)[0])
        raise InputError(
            f"row {lp.row(i)} is to lie between {lp.row_lower[i]:g} and {lp.row_upper[i]:g}, "
            "bounds that cross, which MPS cannot hold; save as .npz",
            where=str(path),
        )


def _row_forms(lp: LinearProgram) -> tuple[list[str], FloatArray, FloatArray, tuple[str, ...]]:
    """Type, right-hand side and range width of every row, and notes on inexact ones."""
    # Adding 0.0 turns −0.0 into 0.0.
    lower, upper = lp.row_lower + 0.0, lp.row_upper + 0.0
    has_lower, has_upper = np.isfinite(lower), np.isfinite(upper)
    kinds = np.full(lp.n_rows, "G", dtype="<U1")
    kinds[has_upper] = "L"
    kinds[has_lower & (lower == upper)] = "E"
    rhs = np.where(has_upper, upper, lower)
    # A free row is "at most infinity": readers drop rows of type N.
    free = ~has_lower & ~has_upper
    kinds[free], rhs[free] = "L", 1e30
    width = np.zeros(lp.n_rows)
    ranged = np.flatnonzero(has_lower & has_upper & (lower != upper))
    notes: list[str] = []
    if ranged.size:
        low, high = lower[ranged], upper[ranged]
        form, base, size, exact = _range_forms(low, high)
        kinds[ranged], rhs[ranged], width[ranged] = form, base, size
        notes = [
            f"row {lp.row(i)}: RANGES holds a difference and cannot hold "
            f"{float(lower[i])!r} to {float(upper[i])!r} exactly; rounded to the nearest"
            for i in ranged[~exact].tolist()
        ]
    return kinds.tolist(), rhs, width, tuple(notes)


def _range_forms(
    low: FloatArray, high: FloatArray
) -> tuple[npt.NDArray[np.str_], FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Write low ≤ row ≤ high as a base and a width that give both back exactly, if any do."""
    width = high - low
    form = np.full(low.size, "G", dtype="<U1")
    base, size = low.copy(), width.copy()
    exact = np.zeros(low.size, dtype=np.bool_)
    for candidate in (width, np.nextafter(width, np.inf), np.nextafter(width, 0.0)):
        for kind, start, back, goal in (
            ("G", low, low + candidate, high),
            ("L", high, high - candidate, low),
        ):
            fits = ~exact & (back == goal) & (candidate > 0)
            form[fits], base[fits], size[fits] = kind, start[fits], candidate[fits]
            exact |= fits
    return form, base, size, exact


def _column_lines(
    lp: LinearProgram, rows: Sequence[str], cols: Sequence[str]
) -> Iterator[Iterator[str]]:
    """Yield lines ``column row value``, the objective first, some columns at a time."""
    m = lp.matrix
    objective = len(rows) - 1
    empty = np.diff(m.indptr) == 0
    # A column with no entry at all must be named once, or it would be lost.
    costed = (lp.cost != 0) | empty
    row_array = np.array(rows, dtype=object)
    col_array = np.array(cols, dtype=object)
    begin = 0
    while begin < lp.n_cols:
        reach = int(m.indptr[begin]) + _ENTRIES
        end = max(begin + 1, int(np.searchsorted(m.indptr, reach, side="right")) - 1)
        end = min(end, begin + _ENTRIES, lp.n_cols)
        start, stop = int(m.indptr[begin]), int(m.indptr[end])
        own = np.flatnonzero(costed[begin:end]) + begin
        where = m.indptr[own] - start
        row = np.insert(m.indices[start:stop].astype(np.int64), where, objective)
        value = np.insert(m.data[start:stop], where, lp.cost[own] + 0.0)
        col = np.repeat(np.arange(begin, end), np.diff(m.indptr[begin : end + 1]))
        col = np.insert(col, where, own)
        yield map(
            " {}  {}  {!r}".format,
            col_array[col].tolist(),
            row_array[row].tolist(),
            value.tolist(),
        )
        begin = end


def _bound_lines(lp: LinearProgram, cols: Sequence[str]) -> Iterator[Iterator[str]]:
    """Yield bounds by type; no upper bound below zero is left without a lower one."""
    lower, upper = lp.col_lower + 0.0, lp.col_upper + 0.0
    no_lower, no_upper = np.isneginf(lower), np.isposinf(upper)
    fixed = lower == upper
    for kind, chosen, value in (
        ("FR", no_lower & no_upper, None),
        ("FX", fixed, lower),
        ("MI", no_lower & ~no_upper, None),
        ("LO", ~no_lower & ~fixed & ((lower != 0) | (upper < 0)), lower),
        ("UP", ~no_upper & ~fixed, upper),
    ):
        which = np.flatnonzero(chosen)
        names = _pick(cols, which)
        if value is None:
            yield map(f" {kind} BND  {{}}".format, names)
        else:
            yield map(f" {kind} BND  {{}}  {{!r}}".format, names, value[which].tolist())
