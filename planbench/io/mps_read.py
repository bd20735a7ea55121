"""Reading MPS files; the dialect is described in docs/formats.md.

One pass over the lines, held one at a time: memory follows the entries, whatever the file
holds besides them, and every fault is found on its own line.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
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


def read(path: Path, *, relax: bool) -> LinearProgram:
    """Read the MPS file `path`; see :func:`planbench.io.mps.read_mps`."""
    free, fixed = _Reader(path, _free_form, relax), _Reader(path, _fixed_form, relax)
    try:
        try:
            return free.read()
        except InputError as error:
            if error.where == str(path):
                # It is about the file as a whole, in whatever form.
                raise
            fault = error
        # Names with blanks cannot be told from several fields in free form.
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
    """One pass over a file, its lines taken apart by `fields`; `line` is where it stands."""

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
                    f"{shown(argument)} after {self.section}, which stands alone on its line; "
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
            raise self.fault(f"{section} stands before {needed}; put {needed} first")
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
        # Python also reads 1_0 and nan; whatever is large, zero or odd is looked at closely.
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
                f"a second {self.section} set {shown(name)} beside {shown(first)}; keep one set"
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
            raise self.fault("OBJNAME stands after ROWS; put it before them")
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
                raise self.fault(f"row {shown(name)} stands twice; names must differ")
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
        return self.fault("the same entry stands here a second time; keep one of the two")

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
