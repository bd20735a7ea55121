"""CSV tables written by hand or by a spreadsheet: strict about meaning, lenient about form.

Commas, semicolons or tabs separate; a byte-order mark, blank lines, quoted fields and a column
``note`` are accepted. Every fault is one line with file, line and column.
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.io.text import decimal, nearest, read_lines, shown
from planbench.model.arrays import FloatArray

#: Bytes of memory for a byte of text, in rows of two names and a number.
_GROWTH = 7.0


@dataclass(frozen=True)
class Table:
    """The data rows of a CSV file, as columns of stripped text; read it with :func:`read_table`.

    Attributes
    ----------
    path : Path
    columns : dict of str to list of str
    lines : sequence of int
        The line at which each row begins.
    """

    path: Path
    columns: dict[str, list[str]]
    lines: Sequence[int]

    def fault(self, row: int, column: str, message: str) -> InputError:
        """Make the error for the field in `row` and `column`."""
        return InputError(message, where=f"{self.path}:{self.lines[row]}: column '{column}'")

    def numbers(
        self,
        column: str,
        *,
        blank: float | None = None,
        least: float = -np.inf,
        infinite: bool = False,
    ) -> FloatArray:
        """Values of a column of decimal numbers.

        Parameters
        ----------
        column : str
        blank : float or None
            Value of an empty field, or of the whole column where it is absent; None refuses
            empty fields.
        least : float
            Smallest value that is allowed.
        infinite : bool
            Accept the words inf and infinity.

        Raises
        ------
        InputError
        """
        if column not in self.columns and blank is not None:
            return np.full(len(self.lines), blank)
        out = np.empty(len(self.lines))
        for i, text in enumerate(self.columns[column]):
            if not text and blank is not None:
                out[i] = blank
            elif infinite and text.lower().removeprefix("+") in ("inf", "infinity"):
                out[i] = np.inf
            elif not text:
                raise self.fault(i, column, "is empty; write a number")
            else:
                try:
                    out[i] = decimal(text)
                except InputError as error:
                    raise self.fault(i, column, str(error)) from None
        for i in np.flatnonzero(out < least).tolist():
            what = "be positive" if least > 0 else "not be negative"
            raise self.fault(i, column, f"is {out[i]:g}; it must {what}")
        return out

    def places(self, column: str, index: Mapping[str, int]) -> npt.NDArray[np.int64]:
        """Numbers of the names in a column.

        Raises
        ------
        InputError
            Naming the first unknown one and the nearest known.
        """
        names = self.columns[column]
        try:
            return np.fromiter(map(index.__getitem__, names), dtype=np.int64, count=len(names))
        except KeyError:
            i = next(i for i, name in enumerate(names) if name not in index)
        if not names[i]:
            raise self.fault(i, column, f"is empty; name a {column}")
        raise self.fault(
            i,
            column,
            f"unknown {column} {shown(names[i])}{nearest(names[i], index)}; "
            "correct it or declare it",
        )


def read_table(path: Path, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Table:
    """Read the CSV file `path`; its header may be in any order and case.

    Raises
    ------
    InputError
        When it cannot be read, is not UTF-8, a column is unknown, missing or repeated, a row
        has more fields than the header, or quotation is broken.
    """
    lines = read_lines(path, "a CSV file", growth=_GROWTH)
    first = next((found for found in enumerate(lines, 1) if found[1].strip(" ,;\t\n")), None)
    if first is None:
        raise InputError(
            f"is empty; its first line must be {','.join(required)}", where=f"{path}:1"
        )
    skipped, head = first[0] - 1, first[1]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(chain([head], lines), delimiter=delimiter, strict=True)
    begin = skipped + 1
    columns: dict[str, list[str]] = {}
    begins = array("q")
    try:
        header = [name.strip().lower() for name in next(reader)]
        while header and not header[-1]:
            header.pop()
        _check_header(header, required, optional, f"{path}:{begin}")
        columns = {name: [] for name in header}
        lists = list(columns.values())
        begin = skipped + reader.line_num + 1
        for row in reader:
            fields = list(map(str.strip, row))
            if any(fields):
                if any(fields[len(header) :]):
                    raise InputError(
                        f"has {len(row)} fields, the header {len(header)}; put names with "
                        f"{delimiter!r} in quotation marks and write a decimal point, not a comma",
                        where=f"{path}:{begin}",
                    )
                fields += [""] * (len(header) - len(fields))
                for values, field in zip(lists, fields, strict=False):
                    values.append(field)
                begins.append(begin)
            begin = skipped + reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{error}; check the quotation marks", where=f"{path}:{begin}") from None
    return Table(path, columns, begins)


def _check_header(
    header: list[str], required: tuple[str, ...], optional: tuple[str, ...], where: str
) -> None:
    known = (*required, *optional, "note")
    for name in header:
        if name not in known:
            raise InputError(
                f"unknown column {shown(name)}{nearest(name, known)}; "
                f"columns are {', '.join(known)}",
                where=where,
            )
    for name in required:
        if name not in header:
            raise InputError(f"there is no column '{name}'; add it", where=where)
    if len(set(header)) < len(header):
        raise InputError("a column occurs twice; delete one", where=where)
