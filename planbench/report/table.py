"""One table, drawn on the terminal, in HTML and in Markdown.

What a table says (columns, figures, marks, notes) is stated once, in a :class:`Table`;
:func:`fitting`, :func:`markdown_table` and :func:`planbench.report.markup.to_html` only draw it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box, cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Column as TerminalColumn
from rich.table import Table as TerminalTable
from rich.text import Text

import planbench.formatting as fmt
from planbench.stats.growth import PowerLawFit

Kind = Literal["text", "solver", "number", "plain number", "law", "long", "prose", "short"]
Mark = Literal["", "good", "warn", "bad", "stopped", "none", "strong", "bold bad"]

#: Styles of the terminal for each mark.
STYLES: dict[Mark, str] = {
    "": "",
    "good": "green",
    "warn": "yellow",
    "bad": "red",
    "bold bad": "bold red",
    "stopped": "magenta",
    "none": "dim",
    "strong": "bold",
}
#: Long words in columns that may be folded are broken before a table is split.
FOLDED = 7


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    heading : str
        Its lines parted by newlines.
    kind : {"text", "solver", "number", "plain number", "law", "long", "prose",
        "short"}
        Numbers are right-aligned, and sorted by value but for plain ones; a solver's name comes
        with its swatch on a page; long text may be broken, short text is kept narrow. Exponents
        are set high in numbers, laws, prose and short text.
    fold : bool
        Its words may be broken where a terminal is narrow.
    whole : bool
        Its lines are never broken.
    width : int, optional
        On a terminal.
    broken : int, optional
        On a terminal narrower than the table's `wide`: names are broken into lines of this width.
    series : str
        The heading is the name of this solver.
    places : {"both", "terminal", "page"}
        Where the column is drawn.
    on_page : str
        Heading on a page, where that is another one.
    """

    heading: str
    kind: Kind = "text"
    fold: bool = False
    whole: bool = False
    width: int | None = None
    broken: int | None = None
    series: str = ""
    places: Literal["both", "terminal", "page"] = "both"
    on_page: str = ""

    @property
    def left(self) -> bool:
        """Whether it holds text."""
        return self.kind not in ("number", "plain number")


@dataclass(frozen=True)
class Entry:
    """One place of a table.

    Attributes
    ----------
    text : str
    value : float, optional
        By which a column of numbers is sorted.
    mark : Mark
        ``good``, ``warn`` and ``bad`` are coloured; ``none`` is pale: nothing is there.
    note : str
        Shown after or below the text, smaller: an interval, a formula.
    hint : str
        Shown on a page when the pointer rests on it.
    below : bool
        On a page the note has a line of its own.
    """

    text: str
    value: float | None = None
    mark: Mark = ""
    note: str = ""
    hint: str = ""
    below: bool = False


@dataclass(frozen=True)
class Table:
    """A table with its title and caption.

    Attributes
    ----------
    columns : sequence of Column
    rows : sequence of sequence of Entry or str
        As many entries as columns.
    title : str or rich.text.Text
    caption : str
        Shown below.
    wide : int
        Columns of the terminal from which names are whole and notes share a line with figures.
    tight : bool
        Without a gap between columns on the terminal.
    sortable, tall, identity
        Of the table on a page.
    ruled : int, optional
        Row after which there is a rule on the terminal.
    keys : int
        First columns that together say whose row it is; each part of a table that is split
        begins with them.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Entry | str]]
    title: Text | str = ""
    caption: Text | str = ""
    wide: int = 120
    tight: bool = False
    sortable: bool = True
    tall: bool = False
    identity: str = ""
    ruled: int | None = None
    keys: int = 1

    def entries(self, place: Literal["terminal", "page"]) -> Iterable[list[tuple[Column, Entry]]]:
        """Rows as pairs of a column drawn at `place` and its entry."""
        for row in self.rows:
            yield [
                (column, entry if isinstance(entry, Entry) else Entry(entry))
                for column, entry in zip(self.columns, row, strict=True)
                if column.places in ("both", place)
            ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the table where rich prints it."""
        del console
        yield from fitting([self], options.max_width)

    def drawn(self, place: Literal["terminal", "page"]) -> list[Column]:
        """Columns that are drawn at `place`."""
        return [column for column in self.columns if column.places in ("both", place)]


def power_entry(fit: PowerLawFit) -> Entry:
    """Entry with a fitted exponent and its interval."""
    if fit.exponent is None:
        return Entry("too few sizes", mark="none", hint=fit.reason)
    spread = fmt.interval(fit.low, fit.high)
    return Entry(fmt.exponent(fit.exponent), fit.exponent, note=spread)


def number(shown: str, value: float | int | None, mark: Mark = "") -> Entry:
    """Entry that sorts by `value`; a dash where that is None."""
    if value is None:
        return Entry(fmt.UNKNOWN, mark=mark or "none")
    return Entry(shown, float(value), mark)


def fitting(tables: Iterable[Table], width: int) -> list[TerminalTable]:
    """Draw tables for a terminal; what does not fit goes on in a further table.

    Each part begins with the columns that say whose row it is. rich would shorten such a table
    until they are gone.

    Parameters
    ----------
    tables : iterable of Table
    width : int
        Columns of the terminal.
    """
    return [part for table in tables for part in _parts(_drawn(table, width), width, table.keys)]


def _drawn(table: Table, width: int) -> TerminalTable:
    wide = width >= table.wide
    drawn = plain_table(table.title, table.caption or None)
    if isinstance(table.caption, Text):
        drawn.caption_style = ""
    if table.tight:
        drawn.padding = (0, 0, 0, 0)
    for column in table.drawn("terminal"):
        heading = column.heading
        if column.series:
            heading = fmt.broken(column.series, column.width or column.broken or 10)
        drawn.add_column(
            Text(heading),
            justify="left" if column.left else "right",
            overflow="fold" if column.fold else "ellipsis",
            no_wrap=column.whole,
            width=column.width,
        )
    for place, row in enumerate(table.entries("terminal")):
        drawn.add_row(
            *(_text(column, entry, wide) for column, entry in row),
            end_section=place == table.ruled,
        )
    return drawn


def _text(column: Column, entry: Entry, wide: bool) -> Text:
    shown = entry.text
    if column.broken and not wide:
        shown = fmt.broken(shown, column.broken)
    text = Text(shown, style=STYLES[entry.mark])
    if entry.note:
        text.append((" " if wide else "\n") + entry.note, style="dim")
    return text


def markdown_table(table: Table) -> str:
    """Draw a table in Markdown, headings in one line."""
    columns = table.drawn("page")
    lines = [
        _markdown_row((column.on_page or column.heading).replace("\n", " ") for column in columns),
        "|" + "|".join("---" if column.left else "--:" for column in columns) + "|",
    ]
    for row in table.entries("page"):
        lines.append(
            _markdown_row(
                markdown_code(entry.text)
                if column.kind == "solver"
                else safe_markdown(entry.text + (f" ({entry.note})" if entry.note else ""))
                for column, entry in row
            )
        )
    return "\n".join(lines)


def _markdown_row(texts: Iterable[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def safe_markdown(text: str) -> str:
    """`text` as Markdown shows it: no cell, tag or emphasis begins in it."""
    out = fmt.plain(text).replace("\\", "\\\\")
    for mark in "|*_<>`[]{}#~":
        out = out.replace(mark, "\\" + mark)
    return out


def markdown_code(text: str) -> str:
    """`text` as code in Markdown."""
    return "`" + fmt.plain(text).replace("`", "'").replace("|", "\\|") + "`"


def plain_table(title: Text | str, caption: Text | str | None = None) -> TerminalTable:
    """Build an empty table: its title at the left, a rule under the headings, nothing else.

    Parameters
    ----------
    title : rich.text.Text or str
        A string is bold.
    caption : rich.text.Text or str, optional
        Shown below, at the left.
    """
    return TerminalTable(
        title=Text(title, style="bold") if isinstance(title, str) else title,
        title_style="",
        title_justify="left",
        caption=caption,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def _parts(table: TerminalTable, width: int, keys: int) -> list[TerminalTable]:
    _, right, _, left = table.padding
    # A column's edge or the gap before the next one takes one more, and so does the last edge.
    needed = [_least(column) + left + right + 1 for column in table.columns]
    width -= 1
    if len(needed) < 3 or sum(needed) <= width:
        return [table]
    if sum(needed[:keys]) + max(needed[keys:], default=width) > width:
        keys = 1
    blocks = _blocks(needed, width, keys)
    if len(blocks) == 1:
        return [table]
    return [
        _part(table, [*range(keys), *block], number, len(blocks))
        for number, block in enumerate(blocks)
    ]


def _blocks(needed: Sequence[int], width: int, keys: int) -> list[list[int]]:
    """Columns that fit next to the first `keys`, in as few equally wide blocks as can be."""

    def fill(room: int) -> list[list[int]]:
        blocks: list[list[int]] = []
        left = 0
        for place, size in enumerate(needed[keys:], start=keys):
            if not blocks or size > left:
                blocks.append([])
                left = room
            blocks[-1].append(place)
            left -= size
        return blocks

    most = max(width - sum(needed[:keys]), 0)
    fewest = len(fill(most))
    return next(blocks for room in range(most + 1) if len(blocks := fill(room)) <= fewest)


def _part(table: TerminalTable, places: list[int], number: int, count: int) -> TerminalTable:
    title = table.title
    heading = title.copy() if isinstance(title, Text) else Text(title or "")
    part = plain_table(heading.append(f"{' ' if heading else ''}({number + 1} of {count})"))
    part.padding = table.padding
    if number == count - 1:
        part.caption, part.caption_style = table.caption, table.caption_style
    chosen = [table.columns[place] for place in places]
    for column in chosen:
        part.add_column(
            column.header,
            justify=column.justify,
            overflow=column.overflow,
            no_wrap=column.no_wrap,
            width=column.width,
        )
    cells = zip(*(column.cells for column in chosen), strict=True)
    for row, shown in zip(table.rows, cells, strict=True):
        part.add_row(*shown, style=row.style, end_section=row.end_section)
    return part


def _least(column: TerminalColumn) -> int:
    """Width below which a word (unless it may be folded) or a line would be cut."""
    if column.width is not None:
        return column.width
    pieces: list[str] = []
    for cell in (column.header, *column.cells):
        text = cell.plain if isinstance(cell, Text) else str(cell)
        pieces += text.split("\n") if column.no_wrap else text.split()
    longest = max(map(cells.cell_len, pieces), default=1)
    return min(longest, FOLDED) if column.overflow == "fold" else longest
