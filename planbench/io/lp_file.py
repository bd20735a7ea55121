"""CPLEX LP files, read strictly: every token is part of the program, or its line is refused.

The dialect is described in docs/formats.md. HiGHS's reader and the parsers on PyPI drop what they
do not understand (constants on the left, ``Maximise``, a second row of one name), so this module
has its own: a tokenizer and a recursive descent that looks one token ahead.
"""

from __future__ import annotations

import math
import os
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.io.files import naming
from planbench.io.text import INFINITY, RELAX_HINT, decimal, nearest, read_lines, shown, stem
from planbench.model.arrays import index_type
from planbench.model.linear_program import LinearProgram, make_linear_program

_WHAT = "an .lp file"
#: Bytes of memory for a byte of text, measured on rows of a few terms.
_GROWTH = 5.0
_INF = math.inf

#: Section words; they begin a line.
_SECTION = re.compile(
    r"""(?P<maximise>max(?:imi[sz]e|imum)?)
    | (?P<minimise>min(?:imi[sz]e|imum)?)
    | (?P<rows>subject\s+to|such\s+that|st\.?|s\.\s*t\.?)
    | (?P<bounds>bounds?)
    | (?P<refused>general\s+constraints?|lazy\s+constraints?|user\s+cuts?|sos[12]?|pwlobj
        |semi(?:s|[\s-]*(?:continuous|integers?))?)
    | (?P<integer>gen(?:erals?)?|int(?:egers?)?)
    | (?P<binary>bin(?:ary|aries)?)
    | (?P<end>end)""",
    re.IGNORECASE | re.VERBOSE,
)
_AT_START = re.compile(rf"\s*(?:{_SECTION.pattern})(?=[\s:]|$)", re.IGNORECASE | re.VERBOSE)
# Possessive, so that no hostile line takes time that grows with its square.
_NAME = r"""[^\W\d](?:\w|[!"\#$%&?@'`{}~|.,;()\[\]])*+"""
_NUMBER = r"(?>[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+"
#: Characters of a name, as CPLEX and Gurobi allow.
_LONGEST_NAME = 255
_TOKEN = re.compile(
    rf"""(?P<unclear>0[xX][0-9a-fA-F]+|{_NUMBER}(?:[dD][+-]?[0-9]|_)\w*)
    | (?P<number>{_NUMBER})
    | (?P<label>{_NAME}\s*:)
    | (?P<name>{_NAME})
    | (?P<relation>[<>]=?|=[<>]?)
    | (?P<sign>[+-](?!>))
    | (?P<other>\S)""",
    re.VERBOSE,
)
_ALONE = re.compile(rf"\s*(?:{_NAME})\s*", re.VERBOSE)
_INFINITE = re.compile(r"inf(?:inity)?", re.IGNORECASE)
#: What may not be a name besides the section words.
_WORDS = ("free", "inf", "infinity", "infinite", "infty", "nan", "none", "null")
#: A part of a name in brackets, such as an index.
_INDEX = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")
_EXPONENT = re.compile(r"[eE][0-9]*")
_LP_SOLVE = (
    "this is lp_solve's LP format, not that of CPLEX; write it as MPS (lp_solve -parse -wfmps "
    "model.mps model.lp)"
)
_QUADRATIC = "a quadratic term, and planbench solves linear programs; drop it"
_OTHER = {
    ";": _LP_SOLVE,
    ",": "a comma; write a decimal point",
    "(": "a bracket; the format has none: multiply out",
    ")": "a bracket; the format has none: multiply out",
    "[": _QUADRATIC,
    "]": _QUADRATIC,
    "^": _QUADRATIC,
    "*": "a '*'; write '3 x' for a coefficient (products of variables are not linear)",
    "/": "a '/'; write the quotient as a decimal number (comments start with a backslash)",
    ":": "a ':' that follows no name; labels start with a letter (SOS sets are not linear)",
    "-": "an indicator constraint ('->'), which is not linear; take it out",
}


def read_lp_format(path: str | os.PathLike[str], relax: bool = False) -> LinearProgram:
    """Read a linear program in CPLEX LP format, plain or compressed.

    Columns come in the order in which their names first occur in the file. Terms of one variable
    in a row or in the objective are added up; variables on the right are moved to the left.

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
    reader = _Reader(Path(path), relax)
    try:
        return reader.read()
    except InputError as error:
        # What is wrong with a number does not name its line.
        raise error if error.where else reader.fault(str(error)) from None


@dataclass
class _Side:
    """One side of a relation: Σ coefs·cols + constant."""

    cols: list[int] = field(default_factory=list)
    coefs: list[float] = field(default_factory=list)
    constants: list[float] = field(default_factory=list)


class _Reader:
    """The token at hand (`kind`, `text`, `line`, whether `first` on its line) and the program."""

    def __init__(self, path: Path, relax: bool) -> None:
        self.path, self.relax = path, relax
        self.kind = self.text = ""
        self.line, self.first, self.alone = 0, False, False
        # The last section as it is written in the file.
        self.word = ""
        self.tokens = self._tokens()
        self.maximise = self.bounding = False
        self.columns: dict[str, int] = {}
        self.cost = array("d")
        self.offset = 0.0
        self.rows: dict[str, int] = {}
        # Whether a row has no label, and the line in which the middle of a range went on.
        self.unlabelled, self.wrapped = False, 0
        self.starts, self.indices, self.values = array("q", [0]), array("i"), array("d")
        self.row_lower, self.row_upper = array("d"), array("d")
        self.lower: dict[int, float] = {}
        self.upper: dict[int, float] = {}
        self.binary: set[int] = set()

    def fault(self, message: str, line: int | None = None) -> InputError:
        """Make the error for the line at hand, or for another one."""
        return InputError(message, where=f"{self.path}:{max(1, line or self.line)}")

    # --- tokens ---

    def _tokens(self) -> Iterator[tuple[str, str, int, bool]]:
        for number, line in enumerate(read_lines(self.path, _WHAT, growth=_GROWTH), 1):
            if "\\" in line:
                line, comment = line.split("\\", 1)
                if comment.startswith("*") and comment.partition("*\\")[2].strip():
                    raise self.fault("text after a comment; put it on a line of its own", number)
            first, begin = True, 0
            found = _AT_START.match(line)
            if found:
                begin = found.end()
                self.word = found[0].strip()
                if line[begin:].lstrip().startswith(":"):
                    raise self.fault(
                        f"'{self.word}' is the name of a section, without a colon; rename it if it "
                        f"is a label; if not, {_LP_SOLVE}",
                        number,
                    )
                yield "section", found.lastgroup or "", number, True
            self.alone = not found and _ALONE.fullmatch(line) is not None
            for token in _TOKEN.finditer(line, begin):
                yield token.lastgroup or "", token[0], number, first
                first = False
        yield "end of file", "", self.line, True

    def _advance(self) -> None:
        self.kind, self.text, self.line, self.first = next(self.tokens)
        if self.kind == "other":
            what = _OTHER.get(
                self.text,
                "no part of the format here; names start with a letter, relations are <=, >= and =",
            )
            raise self.fault(f"{shown(self.text)}: {what}")
        if self.kind == "unclear":
            raise self.fault(
                f"{shown(self.text)} may be a number or a coefficient and a name; write a decimal "
                "number, or put a blank between the two"
            )

    def _found(self) -> str:
        if self.kind == "end of file":
            return "the end of the file"
        return f"section '{self.text}'" if self.kind == "section" else shown(self.text)

    # --- the file ---

    def read(self) -> LinearProgram:
        """Read the file to its end."""
        self._advance()
        if self.kind != "section" or self.text not in ("maximise", "minimise"):
            raise self.fault("does not start with 'maximize' or 'minimize'; add it")
        self.maximise = self.text == "maximise"
        self._advance()
        self._objective()
        seen: set[str] = set()
        statement = {
            "rows": self._row,
            "bounds": self._bound,
            "integer": self._integral,
            "binary": self._binary,
            "refused": self._refuse,
        }
        while self.kind == "section":
            section = self.text
            if section in ("maximise", "minimise"):
                raise self.fault("a second objective; delete one")
            if (section in seen and section != "refused") or (section == "rows" and seen):
                raise self.fault(f"the section of {section} occurs here a second time or too late")
            seen.add(section)
            self.bounding = section == "bounds"
            self._advance()
            if section == "end":
                if self.kind != "end of file":
                    raise self.fault(f"{self._found()} after 'end'; delete it or move it up")
                return self._program()
            while self.kind not in ("section", "end of file"):
                statement[section]()
        if self.kind == "end of file":
            raise self.fault("there is no 'end': the file is cut short; get it again or add it")
        raise self.fault(f"{self._found()} is not expected here; is 'subject to' missing?")

    def _refuse(self) -> None:
        raise self.fault(
            f"section '{self.word}' is not linear, and planbench solves linear programs; take it "
            "out"
        )

    def _objective(self) -> None:
        if self.kind == "label":
            self._advance()
        side = self._side()
        for col, coef in zip(side.cols, side.coefs, strict=True):
            self.cost[col] += coef
        self.offset = self._sum(side.constants)
        if math.isinf(self.offset):
            raise self.fault("an infinite constant in the objective; correct it")
        if self.kind == "label":
            raise self.fault(f"a second objective {shown(self.text)}; delete one")

    def _row(self) -> None:
        name, begin = "", self.line
        if self.kind == "label":
            name = self.text[:-1].rstrip()
            self._check_name(name, "row")
            if name in self.rows:
                raise self.fault(f"row {shown(name)} occurs twice; names must differ")
            self._advance()
        elif self.kind == "name" and self.alone:
            raise self.fault(
                f"{shown(self.text)} alone on its line: a misspelt section? "
                "(a row that starts so needs a label)"
            )
        if not name:
            self.unlabelled = True
            if self.wrapped:
                raise self._unclear(self.wrapped)
        sides, relations = self._relation("yes")
        empty = [not (side.cols or side.constants) for side in sides]
        # HiGHS writes a row without entries as 'c1: = 0'.
        if any(empty[1:]) or (empty[0] and not (name and len(sides) == 2)):
            raise self.fault("a relation with nothing on one side; write the number", begin)
        body, lower, upper = self._limits(sides, relations, begin)
        lower = -_INF if lower is None else lower
        upper = _INF if upper is None else upper
        if empty[0] and not lower <= 0 <= upper:
            raise self.fault("a relation with nothing on the left; complete the row", begin)
        if not name:
            name = f"c{len(self.rows) + 1}"
            while name in self.rows:
                name += "_"
        self.rows[name] = len(self.rows)
        self.indices.extend(body.cols)
        self.values.extend(body.coefs)
        self.starts.append(len(self.indices))
        self.row_lower.append(lower)
        self.row_upper.append(upper)

    def _bound(self) -> None:
        if not self.first:
            raise self.fault(f"{self._found()} after a bound; write each on a line of its own")
        begin = self.line
        sides, relations = self._relation("no")
        if relations:
            body, lower, upper = self._limits(sides, relations, begin)
        else:
            self._advance()
            body, lower, upper = sides[0], -_INF, _INF
        numbers = [side for side in sides if side.constants]
        single = all(len(side.constants) == 1 and not side.cols for side in numbers)
        if body.coefs != [1.0] or len(numbers) != len(relations) or not single:
            raise self.fault(
                "a bound is about one variable without a coefficient, with a number on the other "
                "side; what is more is a row",
                begin,
            )
        for bounds, value, what in ((self.lower, lower, "lower"), (self.upper, upper, "upper")):
            if value is not None and bounds.setdefault(body.cols[0], value) != value:
                name = list(self.columns)[body.cols[0]]
                raise self.fault(f"a second {what} bound of {shown(name)}; keep one", begin)

    def _relation(self, next_line: str) -> tuple[list[_Side], str]:
        """Read two sides and their relation, or three; in bounds also one that is 'free'."""
        sides, relations = [self._side(next_line)], ""
        while self.kind == "relation" and len(sides) < 3:
            relations += "<" if "<" in self.text else ">" if ">" in self.text else "="
            self._advance()
            # The right side ends with its line, since a row without label may begin in the next.
            # Only after a number on the left, as in 'c1: 1 <= x + y', it may be the middle one.
            complete = next_line == "no" or any(side.cols for side in sides)
            sides.append(self._side("no" if complete else "after variables"))
        if not relations and not (next_line == "no" and self._is_free()):
            known = "<=, >= or =" if next_line == "yes" else "<=, >=, = or 'free'"
            raise self.fault(f"expected {known} after the left side, found {self._found()}")
        return sides, relations

    def _is_free(self) -> bool:
        return self.kind == "name" and self.text.lower() == "free" and not self.first

    def _limits(
        self, sides: list[_Side], relations: str, line: int
    ) -> tuple[_Side, float | None, float | None]:
        """Bring a relation into the form lower ≤ Σ coefs·cols ≤ upper; None where not stated."""
        left, *rest = sides
        if len(sides) == 3 and (left.cols or rest[1].cols or relations not in ("<<", ">>")):
            raise self.fault(
                "two relations; a range is '1 <= x + y <= 5', with numbers outside", line
            )
        body = rest[0] if len(sides) == 3 or (rest[0].cols and not left.cols) else left
        lower, upper = None, None
        for relation, a, b in zip(relations, sides, rest, strict=False):
            other = b if body is a else a
            value = self._sum([*other.constants, *(-c for c in body.constants)])
            value = value if abs(value) < INFINITY else math.copysign(_INF, value)
            # As if the body stood on the left.
            if relation == "=" or (relation == "<") == (body is a):
                upper = value
            if relation == "=" or (relation == ">") == (body is a):
                lower = value
        if lower == _INF or upper == -_INF:
            raise self.fault("an infinite side that nothing can satisfy; correct it", line)
        if len(sides) == 2 and body is left:
            coefs = [*left.coefs, *(-coef for coef in rest[0].coefs)]
            body = _Side([*left.cols, *rest[0].cols], coefs, left.constants)
        return body, lower, upper

    def _sum(self, terms: list[float]) -> float:
        """Add up constants, rounded once."""
        try:
            return math.fsum(terms)
        except (ValueError, OverflowError):
            raise self.fault("constants that add up to no finite number; correct them") from None

    def _side(self, next_line: str = "yes") -> _Side:
        """Read a sum of terms and constants.

        Parameters
        ----------
        next_line : {"yes", "no", "after variables"}
            Whether it may go on in the next line: always, never, or where a sign follows
            variables in a file that labels all its rows.
        """
        out, items = _Side(), 0
        while self._goes_on(out, items, next_line):
            sign, signs = 1.0, 0
            while self.kind == "sign":
                sign, signs = -sign if self.text == "-" else sign, signs + 1
                self._advance()
            if self.kind not in ("number", "name"):
                raise self.fault("a sign with no term after it; complete or delete it")
            if items and not signs:
                raise self.fault(
                    f"{shown(self.text)} follows without an operator; write + or - (names hold no "
                    "blanks, and the words that start a section begin a line)"
                )
            items += 1
            if self.kind == "number":
                value = decimal(self.text)
                self._advance()
                if self.kind != "name" or (self.first and next_line == "no"):
                    out.constants.append(sign * value)
                    continue
                if self.first and next_line != "yes":
                    raise self._unclear()
                if _EXPONENT.fullmatch(self.text):
                    raise self.fault(
                        f"{shown(self.text)} after a number may be its exponent or a variable; "
                        "rename the variable"
                    )
                sign *= value
            elif _INFINITE.fullmatch(self.text):
                out.constants.append(sign * _INF)
                self._advance()
                continue
            out.cols.append(self._column(new=not self.bounding))
            out.coefs.append(sign)
            self._advance()
        if items > 1 and not all(map(math.isfinite, out.constants)):
            raise self.fault("infinity as part of a sum; correct it")
        return out

    def _goes_on(self, side: _Side, items: int, next_line: str) -> bool:
        if self.kind not in ("sign", "number", "name") or (items and self._is_free()):
            return False
        if not items or not self.first or next_line == "yes":
            return True
        if next_line == "no" or self.kind != "sign":
            return False
        self.wrapped = self.line
        if self.unlabelled or not side.cols:
            raise self._unclear()
        return True

    def _unclear(self, line: int | None = None) -> InputError:
        return self.fault(
            "this line may go on with the row above or start a new one; label all rows, or write "
            "each on one line",
            line,
        )

    def _check_name(self, name: str, kind: str) -> None:
        """Refuse names that other readers, or a typing error, would give another meaning."""
        if len(name) > _LONGEST_NAME:
            raise self.fault(
                f"{kind} name {shown(name)} has {len(name)} characters; the format allows "
                f"{_LONGEST_NAME}"
            )
        if not all(c.isascii() or c.isalpha() for c in name):
            # x² is no name, and ½x is none either.
            raise self.fault(f"{kind} name {shown(name)} holds more than letters; rename it")
        if _SECTION.fullmatch(name) or name.lower() in _WORDS:
            raise self.fault(
                f"{kind} name {shown(name)} is a word of the format or a number; rename it"
            )
        if name.endswith(";") and kind == "variable":
            raise self.fault(f"{shown(name)} ends in a semicolon: {_LP_SOLVE}")
        rest, found = name, 1
        while found:
            rest, found = _INDEX.subn("", rest)
        if not set(rest).isdisjoint("()[]{},"):
            raise self.fault(
                f"{kind} name {shown(name)} has a comma outside brackets or half a bracket; names "
                "hold no blanks, numbers no commas, and the format has no brackets around sums"
            )

    def _column(self, *, new: bool) -> int:
        """Return the number of the column at hand; a `new` one may be added."""
        if self.kind != "name":
            raise self.fault(f"expected the name of a variable, found {self._found()}")
        col = self.columns.get(self.text)
        if col is not None:
            return col
        if not new:
            raise self.fault(
                f"{shown(self.text)} is in no row and not in the objective"
                f"{nearest(self.text, self.columns)}; correct it, or add '0 {self.text}' there"
            )
        self._check_name(self.text, "variable")
        self.cost.append(0.0)
        return self.columns.setdefault(self.text, len(self.columns))

    # --- integrality ---

    def _binary(self) -> None:
        self.binary.add(self._integral())

    def _integral(self) -> int:
        col = self._column(new=False)
        if not self.relax:
            raise self.fault(f"integer columns; {RELAX_HINT}")
        self._advance()
        return col

    # --- the program ---

    def _program(self) -> LinearProgram:
        m, n = len(self.row_lower), len(self.columns)
        lower, upper = np.zeros(n), np.full(n, np.inf)
        lower[list(self.lower)] = list(self.lower.values())
        upper[list(self.upper)] = list(self.upper.values())
        binary = sorted(self.binary)
        lower[binary], upper[binary] = np.maximum(lower[binary], 0), np.minimum(upper[binary], 1)
        index = index_type(len(self.indices), m, n)
        parts = np.array(self.values), np.array(self.indices, index), np.array(self.starts, index)
        with naming(self.path):
            return make_linear_program(
                matrix=sp.csr_array(parts, shape=(m, n)),
                cost=np.array(self.cost),
                row_lower=np.array(self.row_lower),
                row_upper=np.array(self.row_upper),
                col_lower=lower,
                col_upper=upper,
                maximise=self.maximise,
                offset=self.offset,
                row_names=list(self.rows),
                col_names=list(self.columns),
                name=stem(self.path),
            )
