"""One table, drawn on the terminal, in HTML and in Markdown.

What a table says (columns, figures, marks, notes) is stated once, in a :class:`Table`. rich draws
it on the terminal, :func:`markdown_table` and :func:`planbench.report.markup.to_html` elsewhere.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table as TerminalTable
from rich.text import Text

import planbench.formatting as fmt

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

#: Characters to which texts may be narrowed on a terminal though that breaks words.
LEAST_WIDTHS: dict[Kind, int] = {"text": 12, "long": 16, "prose": 16}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    heading : str
        Its lines parted by newlines.
    kind : {"text", "solver", "number", "plain number", "law", "long", "prose",
        "short"}
        Numbers are right-aligned, and sorted by value but for plain ones; names of solvers are
        folded last on a terminal; long text may be broken, short text is kept narrow. Exponents
        are set high in numbers, laws, prose and short text.
    places : {"both", "terminal", "page"}
        Where the column is drawn.
    """

    heading: str
    kind: Kind = "text"
    places: Literal["both", "terminal", "page"] = "both"

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
        Shown below the text, smaller: an interval, a formula.
    hint : str
        Shown on a page when the pointer rests on it.
    """

    text: str
    value: float | None = None
    mark: Mark = ""
    note: str = ""
    hint: str = ""


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
    sortable, tall, identity
        Of the table on a page.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Entry | str]]
    title: Text | str = ""
    caption: Text | str = ""
    sortable: bool = True
    tall: bool = False
    identity: str = ""

    def entries(self, place: Literal["terminal", "page"]) -> Iterable[list[tuple[Column, Entry]]]:
        """Rows as pairs of a column drawn at `place` and its entry."""
        for row in self.rows:
            yield [
                (column, entry if isinstance(entry, Entry) else Entry(entry))
                for column, entry in zip(self.columns, row, strict=True)
                if column.places in ("both", place)
            ]

    def shown(self, place: Literal["terminal", "page"]) -> list[Column]:
        """Columns that are drawn at `place`."""
        return [column for column in self.columns if column.places in ("both", place)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the table for a terminal: what is too wide is folded, and nothing is cut off."""
        del console
        if self.title:
            yield Text(self.title, style="bold") if isinstance(self.title, str) else self.title
        columns = self.shown("terminal")
        rows = [[_text(entry) for _, entry in row] for row in self.entries("terminal")]
        gap, widths = _layout(columns, rows, options.max_width)
        drawn = TerminalTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, gap, 0, 0))
        for place, column in enumerate(columns):
            justify: Literal["left", "right"] = "left" if column.left else "right"
            width = widths[place] if widths else None
            drawn.add_column(Text(column.heading), justify=justify, overflow="fold", width=width)
            if width and column.kind == "solver":
                for row in rows:
                    lines = row[place].plain.split("\n")
                    row[place].plain = "\n".join("\n".join(textwrap.wrap(x, width)) for x in lines)
        for row in rows:
            drawn.add_row(*row)
        yield drawn
        if self.caption:
            caption = self.caption
            yield Text(caption, style="dim") if isinstance(caption, str) else caption
            yield ""


def number(shown: str, value: float | int | None, mark: Mark = "") -> Entry:
    """Entry that sorts by `value`; a dash where that is None."""
    if value is None:
        return Entry(fmt.UNKNOWN, mark=mark or "none")
    return Entry(shown, float(value), mark)


def _layout(
    columns: Sequence[Column], rows: Sequence[Sequence[Text]], room: int
) -> tuple[int, list[int]]:
    """Spaces between columns, and widths of the columns that break no word.

    A name of a solver is folded after other texts, but before a figure is broken.
    No widths where there is no need of them, or no room for the words.
    """
    cells = [[Text(c.heading), *(row[i] for row in rows)] for i, c in enumerate(columns)]
    most = [max(text.cell_len for cell in mine for text in cell.split()) for mine in cells]
    least = []
    for column, mine in zip(columns, cells, strict=True):
        parts = r"[^\s-]+-?" if column.kind == "solver" else r"\S+"
        words = [word for cell in mine for word in re.findall(parts, cell.plain)]
        longest = max(map(cell_len, words), default=0)
        least.append(min(longest, LEAST_WIDTHS.get(column.kind, longest)))
    for gap in (1, 0):
        left = room - 2 - (len(columns) - 1) * (1 + gap) - sum(least)
        if sum(most) - sum(least) <= left:
            return gap, []
        if left >= 0:
            break
    else:
        return 1, []
    widths = list(least)
    for _ in range(left):
        place = min(
            (i for i, width in enumerate(widths) if width < most[i]),
            key=lambda i: (columns[i].kind != "solver", widths[i]),
        )
        widths[place] += 1
    return gap, widths


def _text(entry: Entry) -> Text:
    text = Text(entry.text, style=STYLES[entry.mark])
    if entry.note:
        text.append("\n" + entry.note, style="dim")
    return text


def markdown_table(table: Table) -> str:
    """Draw a table in Markdown, headings in one line."""
    columns = table.shown("page")
    lines = [
        _markdown_row(column.heading.replace("\n", " ") for column in columns),
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
