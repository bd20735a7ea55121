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
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.io.files import replacing
from planbench.io.text import INFINITY, RELAX_HINT, decimal, nearest, read_lines, shown, stem
from planbench.model.arrays import FloatArray, index_type
from planbench.model.linear_program import LinearProgram, make_linear_program

_WHAT = "an MPS file"
#: Bytes of memory for a byte of text: 1 to 3 where columns have many entries, 15 where one.
_GROWTH = 5.0
_LONGEST_LINE = 1 << 20
#: Entries that are written as text at a time, about; a column longer than that stays whole.
_ENTRIES = 1 << 11

#: Numbers of the objective and of the rows of type N that are left out, instead of a row's.
_OBJECTIVE, _DROPPED = -1, -2
_SENSE = re.compile(r"(?:(MAX)|MIN)(?:IMI[SZ]E|IMUM)?", re.IGNORECASE)
#: How PuLP writes the sense.
_SENSE_COMMENT = re.compile(r"\*\s*SENSE\s*:\s*(\w+)\s*", re.IGNORECASE)
_SECTIONS = ("NAME", "OBJSENSE", "OBJNAME", "ROWS", "COLUMNS", "RHS", "RANGES", "BOUNDS", "ENDATA")
_NOT_LINEAR = {
    "QUADOBJ": "quadratic terms",
    "QMATRIX": "quadratic terms",
    "QSECTION": "quadratic terms",
    "QCMATRIX": "quadratic terms",
    "CSECTION": "cones",
    "SOS": "special ordered sets",
    "SOS1": "special ordered sets",
    "SOS2": "special ordered sets",
    "SETS": "special ordered sets",
    "INDICATORS": "indicator constraints",
    "GENCONS": "general constraints",
    "PWLOBJ": "a piecewise linear objective",
}
_WITH_ARGUMENT = ("NAME", "OBJSENSE", "OBJNAME")
#: Sections that need another one before them.
_BEFORE = {"COLUMNS": "ROWS", "RHS": "ROWS", "RANGES": "ROWS", "BOUNDS": "COLUMNS"}
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
_INTEGER = frozenset(("LI", "UI", "BV"))


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
    except MemoryError:
        raise InputError(
            "does not fit into memory; use a smaller instance or a larger machine", where=str(path)
        ) from None


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
        self.section = self.header = self.name = ""
        self.maximise: bool | None = None
        self.maximise_by_comment: bool | None = None
        self.objective: tuple[str, int] | None = None
        self.sets: dict[str, str] = {}
        self.rows: dict[str, int] = {}
        self.kinds: list[str] = []
        # Of the rows, and last the objective, whose number is −1.
        self.rhs, self.width = array("d"), array("d")
        self.columns: dict[str, int] = {}
        self.starts, self.indices, self.values = array("q"), array("i"), array("d")
        self.cost, self.lower, self.upper = array("d"), array("d"), array("d")
        self.integer = bytearray()

    def fault(self, message: str) -> InputError:
        """Make the error for the line at hand."""
        return InputError(message, where=f"{self.path}:{max(1, self.line)}")

    def read(self) -> LinearProgram:
        """Read the file to its end."""
        lines = read_lines(self.path, _WHAT, growth=_GROWTH, longest=_LONGEST_LINE)
        numbered = enumerate(lines, 1)
        seen: set[str] = set()
        for _ in self._data(numbered):
            raise self.fault("data before any section; delete it")
        while self.header:
            word, *rest = self.header.split(None, 1)
            self.section = word.upper()
            self._check_section(word, seen)
            seen.add(self.section)
            argument = rest[0].strip() if rest else ""
            if argument and self.section not in _WITH_ARGUMENT and argument[0] != "$":
                raise self.fault(
                    f"{shown(argument)} after {self.section}, which is alone on its line; "
                    "start data lines with a blank"
                )
            if self.section == "ENDATA":
                # What follows is not the program's, but a compressed file is to be whole.
                for _ in numbered:
                    pass
                return self._program()
            getattr(self, f"_{self.section.lower()}")(self._data(numbered), argument)
        raise self.fault(
            "there is no ENDATA line: the file is cut short, or not an MPS file; get it again"
        )

    def _data(self, numbered: Iterator[tuple[int, str]]) -> Iterator[list[str]]:
        """Fields of the data lines up to the next header, which is left in `header`."""
        fields_of = self.fields
        for self.line, line in numbered:
            if not line or line[0].isspace():
                if fields := fields_of(line):
                    yield fields
                elif fields is None:
                    raise self.fault(
                        "is not in fixed form (columns 2-3, 5-12, 15-22, 25-36, 40-47, 50-61), "
                        "nor in free form, where names hold no blanks; correct the columns"
                    )
            elif line[0] == "*":
                said = _SENSE_COMMENT.fullmatch(line)
                if said and not self.rows:
                    self.maximise_by_comment = _sense(said[1])
            elif self.section == "OBJSENSE" and _sense(line.strip()) is not None:
                # Some writers begin the sense's own line with it.
                yield [line.strip()]
            else:
                self.header = line
                return
        self.header = ""

    def _check_section(self, word: str, seen: set[str]) -> None:
        section = self.section
        if section in _NOT_LINEAR:
            raise self.fault(
                f"section {section} holds {_NOT_LINEAR[section]}, and planbench solves linear "
                "programs; take it out"
            )
        if section not in _SECTIONS:
            raise self.fault(
                f"unknown section {shown(word)}; a linear program has "
                f"{', '.join(_SECTIONS[:-1])} and ENDATA (data lines start with a blank)"
            )
        if section in seen:
            raise self.fault(f"a second {section} section; join the two")
        needed = _BEFORE.get(section)
        if needed and needed not in seen:
            raise self.fault(f"{section} comes before {needed}; put {needed} first")
        if section == "ENDATA":
            for needed in ("ROWS", "COLUMNS"):
                if needed not in seen:
                    raise self.fault(f"there is no {needed} section; add it")

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
        try:
            return names[name]
        except KeyError:
            raise self.fault(
                f"unknown {kind} {shown(name)}{nearest(name, names)}; declare it or correct it"
            ) from None

    def _number(self, text: str, infinite: bool = False) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        # Python also reads 1_0 and nan; whatever is large, zero or odd is checked again.
        if (0 < value < INFINITY or 0 > value > -INFINITY) and "_" not in text and text.isascii():
            return value
        try:
            return decimal(text, infinite=infinite)
        except InputError as error:
            raise self.fault(str(error)) from None

    def _one_set(self, name: str) -> None:
        """Only one set of right-hand sides, ranges or bounds makes a program unambiguous."""
        first = self.sets.setdefault(self.section, name)
        if name != first:
            raise self.fault(
                f"a second {self.section} set {shown(name)} after {shown(first)}; keep one set"
            )

    def _name(self, data: Iterator[list[str]], argument: str) -> None:
        if argument.isprintable():
            self.name = argument
        for _ in data:
            raise self.fault("data before any section; delete it")

    def _objsense(self, data: Iterator[list[str]], argument: str) -> None:
        words = [argument] if argument else []
        where = self.line
        for fields in data:
            words += fields
        self.maximise = _sense(" ".join(words))
        if self.maximise is None:
            raise InputError(
                f"OBJSENSE is {shown(' '.join(words))}; write MAX or MIN",
                where=f"{self.path}:{where}",
            )
        if self.maximise_by_comment not in (None, self.maximise):
            raise InputError(
                "OBJSENSE contradicts the comment *SENSE further up; delete one of the two",
                where=f"{self.path}:{where}",
            )

    def _objname(self, data: Iterator[list[str]], argument: str) -> None:
        if self.rows:
            raise self.fault("OBJNAME comes after ROWS; put it before them")
        words, where = [argument] if argument else [], self.line
        for fields in data:
            words += fields
        if len(words) != 1:
            raise InputError(
                "OBJNAME needs the name of one row; write it on the next line",
                where=f"{self.path}:{where}",
            )
        self.objective = words[0], where

    def _rows(self, data: Iterator[list[str]], _: str) -> None:
        section, found = self.line, False
        for fields in data:
            self._require(fields, (2,), "a type and a name")
            kind, name = fields[0].upper(), fields[1]
            self._require_name(name, "row")
            if name in self.rows:
                raise self.fault(f"row {shown(name)} occurs twice; names must differ")
            if kind == "N":
                wanted = name == self.objective[0] if self.objective else not found
                self.rows[name] = _OBJECTIVE if wanted else _DROPPED
                found |= wanted
            elif kind in ("L", "G", "E"):
                self.rows[name] = len(self.kinds)
                self.kinds.append(kind)
            else:
                raise self.fault(f"row type {shown(fields[0])}; write N, L, G or E")
        if not found and self.objective:
            raise InputError(
                f"OBJNAME is {shown(self.objective[0])}, and no row of type N has that name",
                where=f"{self.path}:{self.objective[1]}",
            )
        if not found:
            raise InputError(
                "there is no objective; add a row of type N, such as ' N  COST'",
                where=f"{self.path}:{section}",
            )
        self.rhs = array("d", [0.0]) * (len(self.kinds) + 1)
        self.width = array("d", [math.nan]) * (len(self.kinds) + 1)

    def _columns(self, data: Iterator[list[str]], _: str) -> None:
        # Names of the loop's own: this is where most of the time goes.
        rows, columns, number = self.rows, self.columns, self._number
        indices, values = self.indices, self.values
        # The column in which each row, and last the objective, was given last.
        latest = array("q", [-1]) * (len(self.kinds) + 1)
        last, col, integer = "", -1, 0
        for fields in data:
            n = len(fields)
            if n != 3 and n != 5:
                self._require(fields, (3, 5), "a column and one or two pairs of row and value")
            name = fields[0]
            if name != last:
                if fields[1] == "'MARKER'" and n == 3:
                    integer = self._marker(fields[2], integer)
                    continue
                if name in columns:
                    raise self.fault(
                        f"column {shown(name)} comes back; its entries must stand together"
                    )
                self._require_name(name, "column")
                last, col = name, len(columns)
                columns[name] = col
                self.starts.append(len(indices))
                self.cost.append(0.0)
                self.integer.append(integer)
            for i in range(1, n, 2):
                row = rows.get(fields[i])
                if row is None:
                    row = self._find(rows, fields[i], "row")
                value = number(fields[i + 1])
                if row == _DROPPED:
                    continue
                if latest[row] == col:
                    raise self._twice()
                latest[row] = col
                if row == _OBJECTIVE:
                    self.cost[col] = value
                else:
                    indices.append(row)
                    values.append(value)
        self.starts.append(len(indices))
        self.lower = array("d", [0.0]) * len(columns)
        # An integer column without bounds is binary, until BOUNDS names it.
        self.upper.extend(1.0 if integer else _INF for integer in self.integer)

    def _twice(self) -> InputError:
        return self.fault("the same entry occurs here a second time; keep one of the two")

    def _marker(self, text: str, integer: int) -> int:
        kind = text.strip("'").upper()
        if (kind, integer) not in (("INTORG", 0), ("INTEND", 1)):
            raise self.fault(
                f"marker {shown(kind)} is out of place; markers are 'INTORG' and 'INTEND', in turn"
            )
        if not self.relax:
            raise self.fault(f"integer columns; {RELAX_HINT}")
        return 1 - integer

    def _entries(self, data: Iterator[list[str]]) -> Iterator[tuple[int, float]]:
        """Row numbers and values of RHS or RANGES."""
        given = bytearray(len(self.kinds) + 1)
        for fields in data:
            self._require(fields, (2, 3, 4, 5), "an optional set name and one or two pairs")
            named = len(fields) % 2
            if named:
                self._one_set(fields[0])
            for i in range(named, len(fields), 2):
                row = self._find(self.rows, fields[i], "row")
                value = self._number(fields[i + 1], infinite=True)
                if row == _DROPPED:
                    continue
                if given[row]:
                    raise self._twice()
                given[row] = 1
                yield row, value

    def _rhs(self, data: Iterator[list[str]], _: str) -> None:
        for row, value in self._entries(data):
            kind = "E" if row == _OBJECTIVE else self.kinds[row]
            if abs(value) == _INF and (kind == "E" or (kind == "G") == (value > 0)):
                raise self.fault(
                    f"an infinite right-hand side ({value}, or at least 1e20) that nothing can "
                    "satisfy; give a finite number"
                )
            self.rhs[row] = value

    def _ranges(self, data: Iterator[list[str]], _: str) -> None:
        for row, value in self._entries(data):
            if row == _OBJECTIVE:
                raise self.fault("a range on the objective; delete it")
            self.width[row] = value

    def _bounds(self, data: Iterator[list[str]], _: str) -> None:
        n = len(self.columns)
        given = {kind: bytearray(n) for kind in _BOUNDS}
        bounded, has_lower = bytearray(n), bytearray(n)
        for fields in data:
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
            named = len(fields) == 4 or (
                len(fields) == 3 and not valued and fields[2] in self.columns
            )
            if named:
                self._one_set(fields[1])
            col = self._find(self.columns, fields[1 + named], "column")
            value = self._number(fields[2 + named], True) if len(fields) > 2 + named else 0.0
            if kind in _INTEGER and not self.relax:
                raise self.fault(f"bound {kind} makes a column integer; {RELAX_HINT}")
            if given[kind][col]:
                raise self._twice()
            given[kind][col] = 1
            if self.integer[col] and not bounded[col]:
                self.upper[col] = _INF
            bounded[col] = 1
            lower = value if lower is _GIVEN else lower
            upper = value if upper is _GIVEN else upper
            if lower == _INF or upper == -_INF:
                raise self.fault(
                    f"bound {kind} of {value} (or at least 1e20) that nothing can satisfy; give a "
                    "finite number"
                )
            if lower is not None:
                self.lower[col], has_lower[col] = lower, 1
            if upper is not None:
                self.upper[col] = upper
        for col in np.flatnonzero(np.array(self.upper) < 0).tolist():
            if not has_lower[col]:
                self.lower[col] = -_INF

    # --- the program ---

    def _program(self) -> LinearProgram:
        m, n = len(self.kinds), len(self.columns)
        kinds = np.array(self.kinds, dtype="<U1")
        rhs, width = np.array(self.rhs)[:m], np.array(self.width)[:m]
        row_lower = np.where(kinds == "L", -np.inf, rhs)
        row_upper = np.where(kinds == "G", np.inf, rhs)
        names = [name for name, number in self.rows.items() if number >= 0]
        ranged = ~np.isnan(width)
        if (ranged & np.isinf(rhs)).any():
            i = int(np.flatnonzero(ranged & np.isinf(rhs))[0])
            raise InputError(
                f"row {shown(names[i])} has a range and an infinite right-hand side; delete one",
                where=str(self.path),
            )
        up = ranged & ((kinds == "G") | ((kinds == "E") & (width >= 0)))
        down = ranged & ~up
        row_upper[up] = rhs[up] + np.abs(width[up])
        row_lower[down] = rhs[down] - np.abs(width[down])
        index = index_type(len(self.indices), m, n)
        # Entries of a column stand together, so they already are in compressed columns.
        parts = np.array(self.values), np.array(self.indices, index), np.array(self.starts, index)
        matrix = sp.csc_array(parts, shape=(m, n))
        matrix.sort_indices()
        maximise = self.maximise_by_comment if self.maximise is None else self.maximise
        try:
            return make_linear_program(
                matrix=matrix,
                cost=np.array(self.cost),
                row_lower=row_lower,
                row_upper=row_upper,
                col_lower=np.array(self.lower),
                col_upper=np.array(self.upper),
                maximise=bool(maximise),
                # The objective row reads c·x − rhs, so the constant is minus its right-hand side.
                offset=0.0 - self.rhs[_OBJECTIVE],
                row_names=names,
                col_names=list(self.columns),
                name=self.name or stem(self.path),
            )
        except InputError as error:
            raise InputError(str(error), where=str(self.path)) from None


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
    for what, values, name in (
        ("row_lower", lp.row_lower, lp.row),
        ("row_upper", lp.row_upper, lp.row),
        ("range", width, lp.row),
        ("col_lower", lp.col_lower, lp.column),
        ("col_upper", lp.col_upper, lp.column),
    ):
        large = np.isfinite(values) & (np.abs(values) >= INFINITY)
        if large.any():
            i = int(np.flatnonzero(large)[0])
            raise InputError(
                f"{what} of {name(i)} is {values[i]:g}, and MPS readers take 1e20 and more for "
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
