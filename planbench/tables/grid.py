"""A sheet of cells from a CSV or xlsx file: labels separated from figures, blanks understood."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import sys
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import planbench.formatting as fmt
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import regular_file_size, require_memory
from planbench.io.text import nearest, read_bytes, shown
from planbench.model.arrays import FloatArray
from planbench.tables.raw import LARGEST

#: Cells that mean a figure which is not published, as tables write them (lower case).
UNKNOWN = frozenset({
    ".", "..", ":", "*", "x", "(x)", "(d)", "na", "(na)", "n/a", "n.a.", "#n/a", "nan", "n.p.",
    "np", "n.y.a.",
})  # fmt: skip
#: Cells that mean "nothing here".
BLANKS = UNKNOWN | {"-", "--", "---", "–", "—", "...", "…", "(z)", "nil", "null", "none"}
#: Blanks (also those that do not break a line) and apostrophes stand between thousands.
_GAPS = " \u00a0\u2009\u202f'\u2019"
#: Significant digits of a double that are not noise of its own arithmetic.
_SIGNIFICANT = 12
#: Cells as they are in the file; objects, since one long label would widen all of them.
Text = npt.NDArray[np.object_]


def _figure(decimal: str, thousands: str) -> re.Pattern[str]:
    """Make the pattern of a figure; no thousand begins with 0."""
    fraction = rf"(?:{decimal}\d*)?"
    grouped = rf"[1-9]\d{{0,2}}(?:[{thousands}{_GAPS}]\d{{3}})+{fraction}"
    return re.compile(rf"[+-]?(?:{grouped}|(?:\d+{fraction}|{decimal}\d+)(?:[eE][+-]?\d+)?)")


_FIGURES = {".": _figure(r"\.", ","), ",": _figure(",", ".")}
_STRIPPED = {
    ".": str.maketrans("", "", f",{_GAPS}"),
    ",": str.maketrans(",", ".", f".{_GAPS}"),
}


def number_text(cell: str, decimal: str = ".") -> str | None:
    """Plain text of a figure, if `cell` is one with this decimal mark.

    Accountants write negative amounts in brackets, and some files a minus sign of its own.
    """
    text = cell.replace("\u2212", "-")
    if text[:1] == "(" and text[-1:] == ")" and text[1:2].isdigit():
        text = f"-{text[1:-1]}"
    return text.translate(_STRIPPED[decimal]) if _FIGURES[decimal].fullmatch(text) else None


def kinds_of(text: Text, decimals: str = ".,") -> npt.NDArray[np.str_]:
    """Kind of each cell: E empty, B a mark for nothing, N number, T text.

    Parameters
    ----------
    text : ndarray of str
    decimals : str
        Decimal marks with which a figure may be written.
    """

    def kind(cell: str) -> str:
        if not cell:
            return "E"
        if cell.lower() in BLANKS:
            return "B"
        return "N" if any(number_text(cell, decimal) for decimal in decimals) else "T"

    return _each(text, kind, "U1")


def read_figures(
    text: Text, where: str, *, spare: bool
) -> tuple[npt.NDArray[np.str_], FloatArray, FloatArray, list[str]]:
    """Read cells of figures, without labels.

    Parameters
    ----------
    text : ndarray of str
    where : str
        File, for messages.
    spare : bool
        Whether commas separate no cells, so that ``1,234`` may be either.

    Returns
    -------
    kinds : ndarray of str
        As by :func:`kinds_of`.
    numbers : ndarray
        0 where there is no figure.
    half : ndarray
        Half a unit of the last printed digit: how far rounding may have moved a figure. A row
        (column) is printed with as many decimals as its finest figure has; of both the coarser
        one counts, as totals and rows in another unit may be rounded more. Empty cells are
        exact; a figure that is not published may be anything.
    remarks : list of str
        What was decided, one line each.

    Raises
    ------
    InputError
        When the figures leave it open whether ``1,234``, or ``1.234`` where commas separate no
        cells, is above a thousand or below two.
    """
    counts = Counter(text.ravel().tolist())
    decimal = _decimal_mark(sorted(counts), where, spare=spare)
    kinds = kinds_of(text, decimal)
    written = {cell: number_text(cell, decimal) or "0" for cell in counts}
    remarks = []
    for what, marks in (("thousands", _GAPS), ("decimal commas", ",." if decimal == "," else "")):
        changed = [c for c in sorted(counts) if written[c] != "0" and set(c) & set(marks)]
        if changed:
            figures = plural(sum(counts[cell] for cell in changed), "figure")
            example = max(changed, key=lambda cell: "," in cell)
            remarks.append(f"{what}: {figures} such as {example!r} read as {written[example]}")
    marks_for_nothing: Counter[str] = Counter()
    for cell, count in counts.items():
        marks_for_nothing[cell.lower()] += count if cell.lower() in BLANKS else 0
    remarks += [
        f"{plural(count, 'cell')} {mark!r} read as 0"
        for mark, count in sorted(marks_for_nothing.items())
        if count
    ]
    figures_at = kinds == "N"
    decimals = np.where(figures_at, _each(text, lambda c: _decimals(written[c]), np.int16), -999)
    by_row, by_column = decimals.max(axis=1, initial=-999), decimals.max(axis=0, initial=-999)
    shared = np.minimum(by_row[:, None], by_column[None, :]).astype(np.float64)
    half = np.where(kinds != "E", 0.5 * 10.0 ** -np.clip(shared, 0.0, 300.0), 0.0)
    half[_each(text, lambda cell: cell.lower() in UNKNOWN, np.bool_)] = np.inf
    return kinds, _each(text, lambda cell: float(written[cell]), np.float64), half, remarks


def _each(text: Text, function: Callable[[str], Any], dtype: Any) -> npt.NDArray[Any]:
    """Apply `function` to each cell, once for each different text: tables repeat themselves."""
    cells = text.ravel().tolist()
    found = {cell: function(cell) for cell in set(cells)}
    return np.array([found[cell] for cell in cells], dtype=dtype).reshape(text.shape)


def _decimals(number: str) -> int:
    """Digits printed after the point; digits beyond double precision are noise."""
    mantissa, _, exponent = number.lower().partition("e")
    if len(mantissa.strip("+-").replace(".", "").lstrip("0")) > _SIGNIFICANT:
        mantissa, _, exponent = format(float(number), f".{_SIGNIFICANT}g").partition("e")
    return len(mantissa.partition(".")[2]) - min(max(int(exponent or 0), -300), 300)


def _decimal_mark(cells: list[str], where: str, *, spare: bool) -> str:
    """Find the decimal mark that the figures show: ``10,5`` can only have a decimal comma."""
    point = {cell: number_text(cell) for cell in cells}
    comma = {cell: number_text(cell, ",") for cell in cells}
    only_point = [cell for cell in cells if point[cell] and not comma[cell]]
    if any("," in cell and comma[cell] and not point[cell] for cell in cells):
        return "." if only_point else ","
    either = [c for c in cells if (p := point[c]) and (q := comma[c]) and float(p) != float(q)]
    if not spare or only_point or not either:
        return "."
    for cell in either:
        if "," in cell:
            raise InputError(
                f"{shown(cell)} may have a decimal comma or one between thousands; write figures "
                "with a decimal point and nothing between thousands",
                where=where,
            )
    # A figure of four digits shows that nothing stands between thousands.
    others = [c.strip("()+-") for c in cells if (point[c] or comma[c]) and c not in either]
    if all(cell.isdigit() and len(cell) <= 3 for cell in others):
        raise InputError(
            f"{shown(either[0])} may have a decimal point or one between thousands; write one such "
            f"figure as {either[0].replace('.', '')} or with another decimal",
            where=where,
        )
    return "."


def advice_for(cell: str) -> str:
    """Say what to write instead of `cell`, which is no number."""
    if not number_text(cell, ","):
        return "give a number, or nothing"
    if "," in cell:
        return "write decimals with a point, as the others are"
    return "write nothing between thousands"


#: Content of the label columns of a row of codes.
_HEAD_WORD = re.compile(
    r"(\w+ )?(io)?codes?|(naics|nace|isic|sic|cpc|cpa)( codes?)?", re.IGNORECASE
)
#: What may separate the cells of a text file.
DELIMITERS = ",;\t"
#: Bytes of memory for a byte of CSV text.
_GROWTH = 12.0
#: Most cells of a sheet, and most bytes that an xlsx file may unpack to: its cells take far
#: more memory than the file, and a file of 7 MB can hold a thousand times as much.
MOST_CELLS, MOST_UNPACKED = 10_000_000, 500_000_000
#: Bytes of memory for a byte of an unpacked xlsx file.
_XLSX_GROWTH = 4.0


@dataclass(frozen=True, eq=False)
class Grid:
    """Figures of a sheet with the labels of its rows and columns.

    Attributes
    ----------
    where : str
        File, and sheet where there are several.
    row_labels, column_labels : tuple of tuple of str
        Labels by row (column); more than one where there are several label columns (rows).
    cells : ndarray, shape (rows, columns)
        Blanks are 0.
    half : ndarray, shape (rows, columns)
        Half a unit of the last printed digit of each cell, infinite where a figure is not
        published (in `cells` it is 0).
    unlabelled : bool
        The sheet has no labels of rows.
    ignored : tuple of str
        Titles and notes, which are no part of the table.
    remarks : tuple of str
    """

    where: str
    row_labels: tuple[tuple[str, ...], ...]
    column_labels: tuple[tuple[str, ...], ...]
    cells: FloatArray
    half: FloatArray
    unlabelled: bool = False
    ignored: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """File (and sheet) without its folder: recipes are passed on, and folders say nothing."""
        return Path(self.where).name

    def turned(self) -> Grid:
        """Swap rows and columns."""
        return replace(
            self,
            row_labels=self.column_labels,
            column_labels=self.row_labels,
            cells=self.cells.T.copy(),
            half=self.half.T.copy(),
        )


def read_grid(path: Path, sheet: str | None = None) -> Grid:
    """Read a CSV file (comma, semicolon or tab) or a sheet of an xlsx file.

    Raises
    ------
    InputError
        When the file cannot be read, holds no table or several, or a cell is neither a number
        nor blank.
    """
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        return _xlsx_grid(path, sheet)
    rows, delimiter = csv_rows(path)
    return make_grid(rows, str(path), commas_spare=delimiter != ",")


def csv_rows(path: Path) -> tuple[list[list[str]], str]:
    """Rows of a text file, and what separates their cells: comma, semicolon or tab.

    Raises
    ------
    InputError
        When the file cannot be read, or no row has two cells.
    """
    data = read_bytes(path, "a CSV table", growth=_GROWTH)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        # What Excel in Western Europe writes; each byte means something.
        text = data.decode("cp1252", "replace")
    try:
        split = {
            d: list(csv.reader(io.StringIO(text, newline=""), delimiter=d)) for d in DELIMITERS
        }
    except csv.Error as error:
        raise InputError(f"is no CSV table: {error}", where=str(path)) from None
    delimiter = max(split, key=lambda d: _evenness(split[d]))
    rows = split.pop(delimiter)
    split.clear()
    if max(map(len, rows), default=0) == 1 and text.strip():
        raise InputError(
            "holds no table: no row has two cells; put commas, semicolons or tabs between them",
            where=str(path),
        )
    return rows, delimiter


def _evenness(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """How well a delimiter suits: cells in rows of the commonest width, then the widest row.

    Commas within figures or titles make rows of other widths than those of the table.
    """
    widths = Counter(len(row) for row in rows if len(row) > 1)
    return max((w * c for w, c in widths.items()), default=0), max(widths, default=0)


def sheet_names(path: Path) -> list[str]:
    """Names of the sheets of an xlsx file.

    Raises
    ------
    InputError
    """
    book = _open_book(path)
    names = [str(name) for name in book.sheetnames]
    book.close()
    return names


def _open_book(path: Path) -> Any:
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            "is an xlsx file, which needs openpyxl; pip install 'planbench[tables]', "
            "or save the sheet as CSV",
            where=str(path),
        ) from None
    regular_file_size(path, "an xlsx file")
    with _xlsx_faults(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
        if unpacked > MOST_UNPACKED:
            raise InputError(
                f"unpacks to {fmt.large_bytes(unpacked)}, more than "
                f"{fmt.large_bytes(MOST_UNPACKED)}; save the sheet of the table as CSV",
                where=str(path),
            )
        require_memory(_XLSX_GROWTH * unpacked, str(path), "reading this xlsx file")
        return openpyxl.load_workbook(path, read_only=True, data_only=True)


@contextlib.contextmanager
def _xlsx_faults(path: Path) -> Iterator[None]:
    """Turn whatever openpyxl raises into one line; its warnings are about styles."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    # A damaged file fails in as many ways as zip and XML can.
    except Exception as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"is no xlsx file: {line}; save it again", where=str(path)) from None


def _xlsx_grid(path: Path, sheet: str | None) -> Grid:
    """Read the sheet that is named, or the only one."""
    book = _open_book(path)
    try:
        names = [str(name) for name in book.sheetnames]
        listed = ", ".join(names[:8])
        if sheet is None and len(names) > 1:
            raise InputError(
                f"has {len(names)} sheets ({listed}); name the one with the table with --sheet",
                where=str(path),
            )
        name = names[0] if sheet is None else sheet
        if name not in names:
            raise InputError(
                f"has no sheet {name!r}{nearest(name, names)}; it has {listed}", where=str(path)
            )
        rows = _sheet_rows(book, name, path)
    finally:
        book.close()
    return make_grid(rows, f"{path}[{name}]")


def _sheet_rows(book: Any, name: str, path: Path) -> list[list[str]]:
    """Cells of a sheet as text, read row by row up to :data:`MOST_CELLS`."""
    rows: list[list[str]] = []
    count = 0
    with _xlsx_faults(path):
        sheet = book[name]
        if hasattr(sheet, "reset_dimensions"):
            # Programs write wrong ones, and what lies beyond would be lost.
            sheet.reset_dimensions()
        # A sheet of charts has no rows.
        for row in getattr(sheet, "iter_rows", _no_rows)(values_only=True):
            # Figures are short and mostly alike: each text is kept once.
            rows.append(["" if cell is None else sys.intern(str(cell)) for cell in row])
            count += len(row) + 1
            if count > MOST_CELLS:
                raise InputError(
                    f"has more than {MOST_CELLS:,} cells in sheet {name!r}; save the table as CSV",
                    where=str(path),
                )
    return rows


def _no_rows(*, values_only: bool) -> Iterator[tuple[object, ...]]:
    yield from ()


def make_grid(rows: Sequence[Sequence[str]], where: str, *, commas_spare: bool = False) -> Grid:
    """Tell labels from figures in the cells of a sheet.

    Titles above the table (rows with one cell), rows and columns that are empty, and notes
    below it are left out. Header rows are the first one and those after it that hold text
    beyond the label columns.

    Parameters
    ----------
    rows : sequence of sequence of str
    where : str
        File, and sheet where there are several.
    commas_spare : bool
        Whether commas separate no cells, so that they may be decimal ones.

    Raises
    ------
    InputError
    """
    stripped = [[cell.strip() for cell in row] for row in rows]
    lines = [i for i, row in enumerate(stripped) if any(row)]
    columns_kept = sorted({j for i in lines for j, cell in enumerate(stripped[i]) if cell})
    text = np.empty((len(lines), len(columns_kept)), dtype=object)
    for k, i in enumerate(lines):
        row = stripped[i]
        text[k] = [row[j] if j < len(row) else "" for j in columns_kept]
    titles = 0
    while titles < len(lines) and text.shape[1] > 2 and (text[titles] != "").sum() < 2:
        titles += 1
    ignored = [f"title {shown(next(filter(None, row)))}" for row in text[:titles]]
    text, lines = text[titles:], lines[titles:]
    if text.shape[0] < 2 or text.shape[1] < 2:
        raise InputError("holds no table; give a header and rows of figures", where=where)
    any_kinds = kinds_of(text)
    labels, unlabelled = _label_columns(text, any_kinds)
    heads = 1
    while heads < text.shape[0] and _is_header(text[heads], any_kinds[heads], labels):
        heads += 1
    # Codes such as 44,45 are labels; they say nothing of how figures are written.
    body = text[heads:, labels:]
    kinds, numbers, half, remarks = read_figures(body, where, spare=commas_spare)
    if not (kinds == "N").any():
        raise InputError("holds no table; give a header and rows of figures", where=where)
    for wrong, message in (
        (kinds == "T", ""),
        (~(np.abs(numbers) <= LARGEST), "is too large; rescale the units"),
    ):
        if wrong.any():
            i, j = (int(k) for k in np.argwhere(wrong)[0])
            cell = str(body[i, j])
            head = str(text[0, labels + j]) or f"number {columns_kept[labels + j] + 1}"
            raise InputError(
                f"{shown(cell)} {message}"
                if message
                else f"column {head!r} holds {shown(cell)}; {advice_for(cell)}",
                where=f"{where}:{lines[heads + i] + 1}",
            )
    column_labels = _tuples(text[:heads, labels:].T)
    row_labels = _tuples(text[heads:, :labels])
    empty = (kinds == "E").all(axis=1)
    if unlabelled:
        nameless = (("",) * heads,) * max(0, len(row_labels) - len(column_labels))
        row_labels = (column_labels + nameless)[: len(row_labels)]
        remarks.append("rows have no labels; they take those of the columns, in order")
    else:
        # A row without any figure is a note, unless it has the label of a column.
        known = {label for levels in column_labels for label in levels}
        empty &= np.array([not known & set(levels) for levels in row_labels])
        ignored += [
            f"note {shown(next(filter(None, levels)))}"
            for levels, gone in zip(row_labels, empty, strict=True)
            if gone and any(levels)
        ]
    short = Path(where).name
    return Grid(
        where=where,
        row_labels=tuple(r for r, gone in zip(row_labels, empty, strict=True) if not gone),
        column_labels=column_labels,
        cells=numbers[~empty],
        half=half[~empty],
        unlabelled=unlabelled,
        ignored=tuple(ignored),
        remarks=tuple(f"{short}: {remark}" for remark in remarks),
    )


def _tuples(text: Text) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(str(cell) for cell in row) for row in text)


def _label_columns(text: Text, kinds: npt.NDArray[np.str_]) -> tuple[int, bool]:
    """Count the leading columns of labels; the second value is true where there are none."""
    body = kinds[1:]
    worded = (body == "T").sum(axis=0) * 2 > (body != "E").sum(axis=0)
    headed = np.array([any(_HEAD_WORD.fullmatch(str(c)) for c in text[:2, j]) for j in range(2)])
    count = 0
    while count < text.shape[1] - 1 and worded[count]:
        count += 1
    # Codes that are numbers precede names, or come after them under a word that says so.
    if text.shape[1] > 2 and ((count == 0 and worded[1]) or (count == 1 and headed[1])):
        count = 2
    if count:
        return count, False
    head = kinds[0]
    corner_apart = head[0] in "EB" or (head[0] == "T" and (head[1:] == "N").all())
    first = [str(cell) for cell in text[1:, 0] if cell]
    named = len(set(first)) == len(first) and set(first) <= set(map(str, text[0, 1:]))
    # Codes may be numbers, but a figure is never text.
    some_text = bool((body[:, 0] == "T").any()) and head[0] == "T"
    if corner_apart or named or some_text or (text.shape[0] < text.shape[1] and head[0] == "T"):
        return 1, False
    return 0, True


def _is_header(text: Text, kinds: npt.NDArray[np.str_], labels: int) -> bool:
    """Whether a row after the first is one more row of column labels (codes under names)."""
    if any(_HEAD_WORD.fullmatch(str(cell)) for cell in text[:labels]):
        return True
    words, figures = (kinds[labels:] == "T").sum(), (kinds[labels:] == "N").sum()
    return bool(words > figures or (words and not (kinds[:labels] == "T").any()))
