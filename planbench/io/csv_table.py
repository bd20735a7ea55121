"""CSV tables written by hand or by a spreadsheet: strict about meaning, lenient about form.

Commas, semicolons or tabs separate; a byte-order mark, blank lines, quoted fields and a column
``note`` are accepted. Every fault is one line with file, line and column.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.io.text import nearest, read_bytes, reads_as_zero, shown

#: Bytes of memory for a byte of text: the text itself, decoded, and a chunk of rows.
_GROWTH = 6.0
_CHUNK = 100_000
_NUMERIC = str.maketrans("", "", "0123456789eE.+-")
_INFINITE = frozenset({"inf", "infinity", "∞", "+inf", "+infinity", "+∞"})


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of a table, as columns of stripped text.

    Attributes
    ----------
    table : Table
    start : int
        Number of the first row, blank ones not counted.
    columns : mapping of str to list of str
    """

    table: Table
    start: int
    columns: Mapping[str, list[str]]

    def __len__(self) -> int:
        """Count the rows."""
        return len(next(iter(self.columns.values())))

    def fault(self, row: int, column: str, message: str) -> InputError:
        """Make the error for the field in `row` (of these rows) and `column`."""
        where = f"{self.table.path}:{self.table.line_of(self.start + row)}: column '{column}'"
        return InputError(message, where=where)

    def numbers(
        self, column: str, *, blank: float | None = None, infinite: bool = False
    ) -> npt.NDArray[np.float64]:
        """Values of a column of decimal numbers.

        Parameters
        ----------
        column : str
        blank : float or None
            Value of an empty field, or of the whole column where it is absent; None refuses
            empty fields.
        infinite : bool
            Accept the words inf and infinity.

        Raises
        ------
        InputError
        """
        if column not in self.columns and blank is not None:
            return np.full(len(self), blank)
        texts = self.columns[column]
        try:
            if "".join(texts).translate(_NUMERIC):
                raise ValueError
            out = np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
            wrong = ~np.isfinite(out)
        except ValueError:
            out = np.array([self._number(i, column, blank, infinite) for i in range(len(texts))])
            wrong = np.zeros(out.size, dtype=np.bool_)
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            raise self._too_large(i, column)
        for i in np.flatnonzero(out == 0).tolist():
            if reads_as_zero(texts[i]):
                raise self.fault(i, column, f"{shown(texts[i])} is too small; rescale the units")
        return out

    def _number(self, i: int, column: str, blank: float | None, infinite: bool) -> float:
        text = self.columns[column][i]
        if not text and blank is not None:
            return blank
        if infinite and text.lower() in _INFINITE:
            return float("inf")
        if not text:
            raise self.fault(i, column, "is empty; write a number")
        with contextlib.suppress(ValueError):
            if not text.translate(_NUMERIC):
                value = float(text)
                if np.isfinite(value):
                    return value
                raise self._too_large(i, column)
        if text.replace(",", "").translate(_NUMERIC) == "":
            raise self.fault(
                i, column, f"{shown(text)} has a comma; write a decimal point, without separators"
            )
        raise self.fault(i, column, f"{shown(text)} is not a number; write one such as 12.5")

    def _too_large(self, i: int, column: str) -> InputError:
        return self.fault(
            i, column, f"{shown(self.columns[column][i])} is too large; rescale the units"
        )

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


@dataclass(frozen=True)
class Table:
    """A CSV file whose header has been checked; make it with :func:`open_table`."""

    path: Path
    text: str
    delimiter: str
    header: tuple[str, ...]

    def _reader(self) -> Iterator[tuple[int, list[str]]]:
        """Yield line number and fields of every row that is not blank, header first."""
        reader = csv.reader(
            io.StringIO(self.text, newline=""), delimiter=self.delimiter, strict=True
        )
        begin = 1
        try:
            for row in reader:
                if any(map(str.strip, row)):
                    yield begin, row
                begin = reader.line_num + 1
        except csv.Error as error:
            raise InputError(
                f"{error}; check the quotation marks", where=f"{self.path}:{begin}"
            ) from None

    def line_of(self, row: int) -> int:
        """Line in the file of data row `row`, from 1."""
        return next(islice(self._reader(), row + 1, None))[0]

    def rows(self) -> Iterator[Rows]:
        """Yield the data rows, some at a time.

        Raises
        ------
        InputError
            On a row with more fields than the header, or broken quotation.
        """
        reader = islice(self._reader(), 1, None)
        width, start = len(self.header), 0
        while chunk := [row for _, row in islice(reader, _CHUNK)]:
            if any(len(row) != width for row in chunk):
                chunk = [self._fit(row, start + i) for i, row in enumerate(chunk)]
            columns = {
                name: list(map(str.strip, values))
                for name, values in zip(self.header, zip(*chunk, strict=True), strict=True)
            }
            yield Rows(self, start, columns)
            start += len(chunk)

    def whole(self) -> Rows:
        """All data rows at once; for the short tables."""
        columns: dict[str, list[str]] = {name: [] for name in self.header}
        for rows in self.rows():
            for name in columns:
                columns[name] += rows.columns[name]
        return Rows(self, 0, columns)

    def _fit(self, row: list[str], number: int) -> list[str]:
        width = len(self.header)
        if any(map(str.strip, row[width:])):
            raise InputError(
                f"has {len(row)} fields, the header {width}; put names with {self.delimiter!r} in "
                "quotation marks and write a decimal point, not a comma",
                where=f"{self.path}:{self.line_of(number)}",
            )
        return (row + [""] * width)[:width]


def open_table(path: Path, required: tuple[str, ...], optional: tuple[str, ...]) -> Table:
    """Read the CSV file `path` and check its header (any order, any case).

    Raises
    ------
    InputError
        When it cannot be read, is not UTF-8, or a column is unknown, missing or repeated.
    """
    data = read_bytes(path, "a CSV file", growth=_GROWTH)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            "is not UTF-8 text; save it as 'CSV UTF-8'", where=f"{path}:{line}"
        ) from None
    del data
    known = (*required, *optional, "note")
    tables = [_with_delimiter(path, text, delimiter, required) for delimiter in ",;\t"]
    # The separator is the one that makes most of the header known; a comma if none does.
    table = max(tables, key=lambda t: sum(name in known for name in t.header))
    line = next(table._reader())[0]
    for name in table.header:
        if name not in known:
            raise InputError(
                f"unknown column {shown(name)}{nearest(name, known)}; "
                f"columns are {', '.join(known)}",
                where=f"{path}:{line}",
            )
    for name in required:
        if name not in table.header:
            raise InputError(f"there is no column '{name}'; add it", where=f"{path}:{line}")
    if len(set(table.header)) < len(table.header):
        raise InputError("a column occurs twice; delete one", where=f"{path}:{line}")
    return table


def _with_delimiter(path: Path, text: str, delimiter: str, required: tuple[str, ...]) -> Table:
    first = next(Table(path, text, delimiter, ())._reader(), None)
    if first is None:
        raise InputError(
            f"is empty; its first line must be {','.join(required)}", where=f"{path}:1"
        )
    header = [name.strip().lower() for name in first[1]]
    while not header[-1]:
        header.pop()
    return Table(path, text, delimiter, tuple(header))
