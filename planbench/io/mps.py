"""MPS files, plain or compressed: the one format every LP solver reads.

Free form is written; free and fixed form (names with blanks) are read. Where the format leaves
a choice, docs/formats.md says how it is taken. What a linear program cannot hold, and whatever
cannot be understood, is refused with its line; nothing is dropped but rows of type N beyond the
objective and what follows ENDATA.

Files are read in one pass, a line at a time: memory follows the entries, whatever the file holds
besides them, and every fault is found on its own line.
"""

from __future__ import annotations

import gzip
import math
import os
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.io.files import naming, replacing
from planbench.io.text import INFINITY, RELAX_HINT, decimal, nearest, read_lines, shown, stem
from planbench.model.arrays import index_type
from planbench.model.linear_program import LinearProgram, make_linear_program

_WHAT = "an MPS file"
#: Bytes of memory for a byte of text: 1 to 3 where columns have many entries, 15 where one.
_GROWTH = 5.0
_LONGEST_LINE = 1 << 20

#: Numbers of the objective and of the rows of type N that are left out, instead of a row's.
_OBJECTIVE, _DROPPED = -1, -2
_SENSE = re.compile(r"(?:(MAX)|MIN)(?:IMI[SZ]E|IMUM)?", re.IGNORECASE)
#: How PuLP writes the sense.
_SENSE_COMMENT = re.compile(r"\*\s*SENSE\s*:\s*(\w+)\s*", re.IGNORECASE)
_SECTIONS = ("NAME", "OBJSENSE", "OBJNAME", "ROWS", "COLUMNS", "RHS", "RANGES", "BOUNDS", "ENDATA")
_WITH_ARGUMENT = ("NAME", "OBJSENSE", "OBJNAME")
#: Sections that need another one before them.
_NEEDED = {
    "COLUMNS": "ROWS",
    "RHS": "ROWS",
    "RANGES": "ROWS",
    "BOUNDS": "COLUMNS",
    "ENDATA": "COLUMNS",
}
_INF = math.inf
#: Stands for the value of the line in the lower and upper bound that each type sets, if it does.
_GIVEN = math.nan
_BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "LO": (_GIVEN, None),
    "UP": (None, _GIVEN),
    "FX": (_GIVEN, _GIVEN),
    "FR": (-_INF, _INF),
    "MI": (-_INF, None),
    "PL": (None, _INF),
    "LI": (_GIVEN, None),
    "UI": (None, _GIVEN),
    "BV": (0.0, 1.0),
}
_INTEGER = ("LI", "UI", "BV")


def read_mps(path: str | os.PathLike[str], relax: bool = False) -> LinearProgram:
    """Read an MPS file in free or fixed form, plain or compressed (gzip, bzip2, xz, Zstandard).

    Parameters
    ----------
    path : path-like
    relax : bool
        Drop integrality instead of refusing integer columns.

    Raises
    ------
    InputError
        ``file:line: what is wrong; how to fix it``.
    """
    path = Path(path)
    free, fixed = _Reader(path, _free_form, relax), _Reader(path, _fixed_form, relax)
    try:
        return free.read()
    except InputError as error:
        if error.where == str(path):
            # It is about the file as a whole, in whatever form.
            raise
        fault = error
    # Names with blanks cannot be distinguished from several fields in free form.
    try:
        return fixed.read()
    except InputError as error:
        # The file is in the form in which more of it makes sense.
        raise (error if fixed.line > free.line else fault) from None


def _sense(word: str) -> bool | None:
    """Whether `word` says to maximise; None if it is no sense."""
    found = _SENSE.fullmatch(word)
    return None if found is None else found[1] is not None


def _free_form(line: str) -> list[str]:
    """Fields of a data line, separated by blanks; ``$`` before any but the first is a comment."""
    fields = line.split()
    if "$" in line:
        for i, field in enumerate(fields):
            if i and field[0] == "$":
                return fields[:i]
    return fields


def _fixed_form(line: str) -> list[str] | None:
    """Fields in columns 2-3, 5-12, 15-22, 25-36, 40-47, 50-61; None if something lies between.

    Names may hold blanks; ``$`` in columns 15 or 40 begins a comment.
    """
    line = line.rstrip()
    for start in (14, 39):
        if line[start : start + 1] == "$":
            line = line[:start]
    between = (line[0:1], line[3:4], line[12:14], line[22:24], line[36:39], line[47:49], line[61:])
    if "\t" in line or "".join(between).strip():
        return None
    spans = ((1, 3), (4, 12), (14, 22), (24, 36), (39, 47), (49, 61))
    return [field for a, b in spans if (field := line[a:b].strip())]


class _Reader:
    """One pass over a file, its lines taken apart by `fields`; `line` is the line it is at."""

    def __init__(self, path: Path, fields: Callable[[str], list[str] | None], relax: bool) -> None:
        self.path, self.fields, self.relax = path, fields, relax
        self.line = 0
        # The section, the line of its header, and those that came before.
        self.section, self.began, self.seen = "", 0, set[str]()
        # What is done with the fields of a line of the section.
        self.take: Callable[[list[str]], None] = self._name
        self.words: list[str] = []
        self.name = ""
        self.maximise: bool | None = None
        self.maximise_by_comment: bool | None = None
        self.objective: str | None = None
        self.sets: dict[str, str] = {}
        self.rows: dict[str, int] = {}
        self.kinds: list[str] = []
        self.columns: dict[str, int] = {}
        self.column, self.in_integers, self.integers = "", False, list[int]()
        self.starts, self.indices, self.values = array("q"), array("i"), array("d")
        self.cost = array("d")
        # Which rows (and last the objective, number −1) or columns a section or bound named.
        self.given: dict[str, bytearray] = {}

    def fault(self, message: str, line: int | None = None) -> InputError:
        """Make the error for the line at hand, or for another one."""
        return InputError(message, where=f"{self.path}:{max(1, line or self.line)}")

    def read(self) -> LinearProgram:
        """Read the file to its end."""
        lines = read_lines(self.path, _WHAT, growth=_GROWTH, longest=_LONGEST_LINE)
        for self.line, line in enumerate(lines, 1):
            if line[0].isspace():
                fields = self.fields(line)
                if fields is None:
                    raise self.fault(
                        "is not in fixed form (columns 2-3, 5-12, 15-22, 25-36, 40-47, 50-61), "
                        "nor in free form, where names hold no blanks; correct the columns"
                    )
                try:
                    if fields:
                        self.take(fields)
                except InputError as error:
                    # What is wrong with a number does not name its line.
                    raise error if error.where else self.fault(str(error)) from None
            elif line[0] == "*":
                comment = _SENSE_COMMENT.fullmatch(line)
                if comment and not self.rows:
                    self.maximise_by_comment = _sense(comment[1])
            elif self.section == "OBJSENSE" and _sense(line.strip()) is not None:
                # Some writers begin the sense's own line with it.
                self.words.append(line.strip())
            else:
                self._end_section()
                self._begin_section(*line.split(None, 1))
                if self.section == "ENDATA":
                    # What follows is not the program's, but a compressed file is to be whole.
                    for _ in lines:
                        pass
                    return self._program()
        self._end_section()
        raise self.fault(
            "there is no ENDATA line: the file is cut short, or not an MPS file; get it again"
        )

    def _begin_section(self, word: str, argument: str = "") -> None:
        section, argument = word.upper(), argument.strip()
        if section not in _SECTIONS:
            raise self.fault(
                f"section {shown(word)} is no part of a linear program, which has "
                f"{', '.join(_SECTIONS[:-1])} and ENDATA; take it out (data lines start with a "
                "blank)"
            )
        if section in self.seen:
            raise self.fault(f"a second {section} section; join the two")
        needed = _NEEDED.get(section)
        if needed and needed not in self.seen:
            raise self.fault(f"there is no {needed} section before {section}; add it or move it up")
        if section not in _WITH_ARGUMENT and argument and argument[0] != "$":
            raise self.fault(
                f"{shown(argument)} after {section}, which is alone on its line; "
                "start data lines with a blank"
            )
        if section == "NAME" and argument.isprintable():
            self.name = argument
        self.section, self.began = section, self.line
        self.take = getattr(self, f"_{section.lower()}", self._name)
        self.seen.add(section)
        self.words = [argument] if argument else []

    def _end_section(self) -> None:
        words = " ".join(self.words)
        if self.section == "OBJSENSE":
            self.maximise = _sense(words)
            if self.maximise is None:
                raise self.fault(f"OBJSENSE is {shown(words)}; write MAX or MIN", self.began)
            if self.maximise_by_comment not in (None, self.maximise):
                raise self.fault(
                    "OBJSENSE contradicts the comment *SENSE further up; delete one of the two",
                    self.began,
                )
        elif self.section == "OBJNAME":
            if len(self.words) != 1 or self.rows:
                raise self.fault(
                    "OBJNAME needs the name of one row, before ROWS; correct it", self.began
                )
            self.objective = words
        elif self.section == "ROWS":
            if _OBJECTIVE not in self.rows.values():
                name = "COST" if self.objective is None else self.objective
                raise self.fault(
                    f"there is no objective; add a row of type N, such as ' N  {name}'", self.began
                )
            m = len(self.kinds)
            self.rhs, self.width = array("d", [0.0]) * (m + 1), array("d", [math.nan]) * (m + 1)
            # The column in which each row was given last.
            self.latest = array("q", [-1]) * (m + 1)
            self.given |= {section: bytearray(m + 1) for section in ("RHS", "RANGES")}
        elif self.section == "COLUMNS":
            n = len(self.columns)
            self.starts.append(len(self.indices))
            self.lower, self.upper = array("d", [0.0]) * n, array("d", [_INF]) * n
            self.given |= {kind: bytearray(n) for kind in _BOUNDS}

    def _name(self, fields: list[str]) -> None:
        raise self.fault("data before any section; delete it")

    def _objsense(self, fields: list[str]) -> None:
        self.words += fields

    _objname = _objsense

    def _rows(self, fields: list[str]) -> None:
        self._require(fields, (2,), "a type and a name")
        kind, name = fields[0].upper(), fields[1]
        self._require_name(name, "row")
        if name in self.rows:
            raise self.fault(f"row {shown(name)} occurs twice; names must differ")
        if kind == "N":
            if self.objective is None:
                self.objective = name
            self.rows[name] = _OBJECTIVE if name == self.objective else _DROPPED
        elif kind in ("L", "G", "E"):
            self.rows[name] = len(self.kinds)
            self.kinds.append(kind)
        else:
            raise self.fault(f"row type {shown(fields[0])}; write N, L, G or E")

    def _columns(self, fields: list[str]) -> None:
        self._require(fields, (3, 5), "a column and one or two pairs of row and value")
        name = fields[0]
        if name != self.column:
            if fields[1] == "'MARKER'" and len(fields) == 3:
                self._marker(fields[2].strip("'").upper())
                return
            if name in self.columns:
                raise self.fault(
                    f"column {shown(name)} comes back; its entries must stand together"
                )
            self._require_name(name, "column")
            if self.in_integers:
                self.integers.append(len(self.columns))
            self.column = name
            self.columns[name] = len(self.columns)
            self.starts.append(len(self.indices))
            self.cost.append(0.0)
        col = len(self.columns) - 1
        # Most of the time goes here.
        for name, text in zip(fields[1::2], fields[2::2], strict=True):
            row = self.rows.get(name)
            if row is None:
                row = self._find(self.rows, name, "row")
            value = decimal(text)
            if row == _DROPPED:
                continue
            if self.latest[row] == col:
                raise self._twice()
            self.latest[row] = col
            if row == _OBJECTIVE:
                self.cost[col] = value
            else:
                self.indices.append(row)
                self.values.append(value)

    def _marker(self, kind: str) -> None:
        if kind != ("INTEND" if self.in_integers else "INTORG"):
            raise self.fault(
                f"marker {shown(kind)} is out of place; markers are 'INTORG' and 'INTEND', in turn"
            )
        if not self.relax:
            raise self.fault(f"integer columns; {RELAX_HINT}")
        self.in_integers = not self.in_integers

    def _rhs(self, fields: list[str]) -> None:
        for row, value in self._entries(fields):
            kind = "E" if row == _OBJECTIVE else self.kinds[row]
            if abs(value) == _INF and (kind == "E" or (kind == "G") == (value > 0)):
                raise self.fault(
                    f"an infinite right-hand side ({value}, or at least 1e20) that nothing can "
                    "satisfy; give a finite number"
                )
            self.rhs[row] = value

    def _ranges(self, fields: list[str]) -> None:
        for row, value in self._entries(fields):
            if row == _OBJECTIVE:
                raise self.fault("a range on the objective; delete it")
            self.width[row] = value

    def _entries(self, fields: list[str]) -> Iterator[tuple[int, float]]:
        """Row numbers and values of RHS or RANGES."""
        self._require(fields, (2, 3, 4, 5), "an optional set name and one or two pairs")
        named = len(fields) % 2
        if named:
            self._one_set(fields[0])
        for name, text in zip(fields[named::2], fields[named + 1 :: 2], strict=True):
            row, value = self._find(self.rows, name, "row"), decimal(text, infinite=True)
            if row != _DROPPED:
                self._once(self.section, row)
                yield row, value

    def _bounds(self, fields: list[str]) -> None:
        self._require(fields, (2, 3, 4), "a type, an optional set name, a column, a value")
        kind = fields[0].upper()
        if kind not in _BOUNDS:
            fix = "write LO, UP, FX, FR, MI or PL"
            if kind in ("SC", "SI"):
                fix = "semicontinuous columns are not linear: write LO and UP"
            raise self.fault(f"bound type {shown(fields[0])}; {fix}")
        lower, upper = _BOUNDS[kind]
        valued = _GIVEN in (lower, upper)
        if valued and len(fields) == 2:
            raise self.fault(f"bound {kind} has no value; add one")
        # Without a value, three fields are type, set and column, or type, column and a value.
        named = len(fields) == 4 or (len(fields) == 3 and not valued and fields[2] in self.columns)
        if named:
            self._one_set(fields[1])
        col = self._find(self.columns, fields[1 + named], "column")
        value = decimal(fields[2 + named], infinite=True) if len(fields) > 2 + named else 0.0
        if kind in _INTEGER and not self.relax:
            raise self.fault(f"bound {kind} makes a column integer; {RELAX_HINT}")
        self._once(kind, col)
        lower = value if lower is _GIVEN else lower
        upper = value if upper is _GIVEN else upper
        if lower == _INF or upper == -_INF:
            raise self.fault(
                f"bound {kind} of {value} (or at least 1e20) that nothing can satisfy; give a "
                "finite number"
            )
        if lower is not None:
            self.lower[col] = lower
        if upper is not None:
            self.upper[col] = upper

    # --- fields ---

    def _require(self, fields: list[str], counts: tuple[int, ...], shape: str) -> None:
        if len(fields) not in counts:
            raise self.fault(
                f"{len(fields)} fields, expected {shape}; separate the fields by blanks "
                "(names with blanks need fixed form, and $ begins a comment)"
            )

    def _require_name(self, name: str, kind: str) -> None:
        if not name.isprintable():
            raise self.fault(f"{kind} name {shown(name)} is not printable; rename it")
        if name[0] == "$" or (kind == "column" and name[0] == "*"):
            raise self.fault(f"{kind} name {shown(name)} starts like a comment; rename it")

    def _find(self, names: dict[str, int], name: str, kind: str) -> int:
        if name not in names:
            raise self.fault(
                f"unknown {kind} {shown(name)}{nearest(name, names)}; declare it or correct it"
            )
        return names[name]

    def _one_set(self, name: str) -> None:
        """Only one set of right-hand sides, ranges or bounds makes a program unambiguous."""
        first = self.sets.setdefault(self.section, name)
        if name != first:
            raise self.fault(
                f"a second {self.section} set {shown(name)} after {shown(first)}; keep one set"
            )

    def _once(self, kind: str, place: int) -> None:
        if self.given[kind][place]:
            raise self._twice()
        self.given[kind][place] = 1

    def _twice(self) -> InputError:
        return self.fault("the same entry occurs here a second time; keep one of the two")

    # --- the program ---

    def _program(self) -> LinearProgram:
        m, n = len(self.kinds), len(self.columns)
        kinds = np.array(self.kinds, dtype="<U1")
        rhs, width = np.array(self.rhs)[:m], np.array(self.width)[:m]
        row_lower = np.where(kinds == "L", -np.inf, rhs)
        row_upper = np.where(kinds == "G", np.inf, rhs)
        names = [name for name, number in self.rows.items() if number >= 0]
        ranged = ~np.isnan(width)
        for i in np.flatnonzero(ranged & np.isinf(rhs)).tolist():
            raise InputError(
                f"row {shown(names[i])} has a range and an infinite right-hand side; delete one",
                where=str(self.path),
            )
        up = ranged & ((kinds == "G") | ((kinds == "E") & (width >= 0)))
        down = ranged & ~up
        row_upper[up] = rhs[up] + np.abs(width[up])
        row_lower[down] = rhs[down] - np.abs(width[down])
        col_lower, col_upper = np.array(self.lower), np.array(self.upper)
        bounds = {kind: np.frombuffer(self.given[kind], np.bool_) for kind in _BOUNDS}
        bounded = np.any(list(bounds.values()), axis=0)
        low_given = [bounds[kind] for kind, (low, _) in _BOUNDS.items() if low is not None]
        has_lower = np.any(low_given, axis=0)
        # An integer column without bounds is binary.
        integers = np.zeros(n, dtype=np.bool_)
        integers[self.integers] = True
        col_upper[integers & ~bounded] = 1.0
        col_lower[(col_upper < 0) & ~has_lower] = -np.inf
        index = index_type(len(self.indices), m, n)
        # Entries of a column stand together, so they already are in compressed columns.
        parts = np.array(self.values), np.array(self.indices, index), np.array(self.starts, index)
        matrix = sp.csc_array(parts, shape=(m, n))
        matrix.sort_indices()
        maximise = self.maximise_by_comment if self.maximise is None else self.maximise
        with naming(self.path):
            return make_linear_program(
                matrix=matrix,
                cost=np.array(self.cost),
                row_lower=row_lower,
                row_upper=row_upper,
                col_lower=col_lower,
                col_upper=col_upper,
                maximise=bool(maximise),
                # The objective row reads c·x − rhs, so the constant is minus its right-hand side.
                offset=0.0 - self.rhs[_OBJECTIVE],
                row_names=names,
                col_names=list(self.columns),
                name=self.name or stem(self.path),
            )


def write_mps(
    lp: LinearProgram, path: str | os.PathLike[str], *, numbered: bool = False
) -> tuple[str, ...]:
    """Write `lp` as free MPS, gzipped when `path` ends in ``.gz``.

    Parameters
    ----------
    lp : LinearProgram
    path : path-like
    numbered : bool
        Write R0000001… and C0000001… instead of the program's names.

    Returns
    -------
    tuple of str
        What the file cannot hold exactly, one line each: rows whose two bounds no base and
        width give back (RANGES holds the difference). Empty when the file reads back as the
        same program, bit for bit.

    Raises
    ------
    InputError
        When a finite bound is 1e20 or more, a row's bounds cross, or the file cannot be written.
    """
    path = Path(path)
    _refuse_bounds(lp, path)
    rows, cols = written_names(lp, numbered=numbered)
    # Adding 0.0 turns −0.0 into 0.0.
    bounds = zip((lp.row_lower + 0.0).tolist(), (lp.row_upper + 0.0).tolist(), strict=True)
    forms = [_row_form(low, high) for low, high in bounds]
    lines = _lines(lp, rows, cols, forms)
    with replacing(path) as stream:
        if path.name.endswith(".gz"):
            # No name and no time inside: the same program gives the same bytes.
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=stream, mtime=0) as zipped:
                _write(zipped, lines)
        else:
            _write(stream, lines)
    return tuple(
        f"row {lp.row(i)}: RANGES holds a difference and cannot hold {float(lp.row_lower[i])!r} to "
        f"{float(lp.row_upper[i])!r} exactly; rounded to the nearest"
        for i, (_, _, _, exact) in enumerate(forms)
        if not exact
    )


def _write(out: BinaryIO | gzip.GzipFile, lines: Iterator[str]) -> None:
    while some := list(islice(lines, 10_000)):
        out.write(("\n".join(some) + "\n").encode())


def written_names(
    lp: LinearProgram, *, numbered: bool = False
) -> tuple[Sequence[str], Sequence[str]]:
    """Names of the rows and of the columns as :func:`write_mps` writes them.

    They are what an external solver's answer is to be matched by.
    """
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


def _refuse_bounds(lp: LinearProgram, path: Path) -> None:
    """Refuse bounds that MPS cannot hold."""
    with np.errstate(over="ignore"):
        width = lp.row_upper - lp.row_lower
    for what, values, name in (
        ("row_lower", lp.row_lower, lp.row),
        ("row_upper", lp.row_upper, lp.row),
        ("range", width, lp.row),
        ("col_lower", lp.col_lower, lp.column),
        ("col_upper", lp.col_upper, lp.column),
    ):
        for i in np.flatnonzero(np.isfinite(values) & (np.abs(values) >= INFINITY)).tolist():
            raise InputError(
                f"{what} of {name(i)} is {values[i]:g}, and MPS readers take 1e20 and more for "
                "infinite; rescale it or save as .npz",
                where=str(path),
            )
    for i in np.flatnonzero(width < 0).tolist():
        raise InputError(
            f"row {lp.row(i)} is to lie between {lp.row_lower[i]:g} and {lp.row_upper[i]:g}, "
            "bounds that cross, which MPS cannot hold; save as .npz",
            where=str(path),
        )


def _row_form(low: float, high: float) -> tuple[str, float, float, bool]:
    """Type, right-hand side and range of a row, and whether they give both bounds back exactly."""
    if low == high:
        return "E", low, 0.0, True
    if high == _INF:
        # A free row is "at most infinity": readers drop rows of type N.
        return ("L", 1e30, 0.0, True) if low == -_INF else ("G", low, 0.0, True)
    if low == -_INF:
        return "L", high, 0.0, True
    width = high - low
    for candidate in (width, math.nextafter(width, _INF), math.nextafter(width, 0.0)):
        if candidate > 0 and low + candidate == high:
            return "G", low, candidate, True
        if candidate > 0 and high - candidate == low:
            return "L", high, candidate, True
    return "G", low, width, False


def _lines(
    lp: LinearProgram,
    rows: Sequence[str],
    cols: Sequence[str],
    forms: Sequence[tuple[str, float, float, bool]],
) -> Iterator[str]:
    name = "_".join(lp.name.split())
    yield f"NAME {name if name and name.isprintable() else 'lp'}"
    if lp.maximise:
        yield "OBJSENSE"
        yield "    MAX"
    objective, taken = "OBJ", set(rows)
    while objective in taken:
        objective += "_"
    yield "ROWS"
    yield f" N  {objective}"
    for row, (kind, _, _, _) in zip(rows, forms, strict=True):
        yield f" {kind}  {row}"
    yield "COLUMNS"
    matrix = lp.matrix
    for j, (col, cost) in enumerate(zip(cols, (lp.cost + 0.0).tolist(), strict=True)):
        part = slice(matrix.indptr[j], matrix.indptr[j + 1])
        # A column with no entry at all must be named once, or it would be lost.
        if cost or part.start == part.stop:
            yield f" {col}  {objective}  {cost!r}"
        for i, value in zip(matrix.indices[part].tolist(), matrix.data[part].tolist(), strict=True):
            yield f" {col}  {rows[i]}  {value!r}"
    yield "RHS"
    if lp.offset:
        yield f" RHS  {objective}  {-lp.offset!r}"
    for row, (_, rhs, _, _) in zip(rows, forms, strict=True):
        if rhs:
            yield f" RHS  {row}  {rhs!r}"
    if any(width for _, _, width, _ in forms):
        yield "RANGES"
    for row, (_, _, width, _) in zip(rows, forms, strict=True):
        if width:
            yield f" RNG  {row}  {width!r}"
    yield "BOUNDS"
    lower, upper = (lp.col_lower + 0.0).tolist(), (lp.col_upper + 0.0).tolist()
    for col, low, high in zip(cols, lower, upper, strict=True):
        if low == high:
            yield f" FX BND  {col}  {low!r}"
        elif low == -_INF and high == _INF:
            yield f" FR BND  {col}"
        else:
            # No upper bound below zero is left without a lower one.
            if low == -_INF:
                yield f" MI BND  {col}"
            elif low or high < 0:
                yield f" LO BND  {col}  {low!r}"
            if high < _INF:
                yield f" UP BND  {col}  {high!r}"
    yield "ENDATA"
