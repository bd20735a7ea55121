"""The one style of all tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.cells import cell_len
from rich.table import Column, Table
from rich.text import Text

#: Long words in columns that may be folded are broken before a table is split.
FOLDED = 7


def plain_table(title: Text | str, caption: str | None = None) -> Table:
    """Build an empty table: its title at the left, a rule under the headings, nothing else.

    Parameters
    ----------
    title : rich.text.Text or str
        A string is bold.
    caption : str, optional
        Stands below, at the left.
    """
    return Table(
        title=Text(title, style="bold") if isinstance(title, str) else title,
        title_style="",
        title_justify="left",
        caption=caption,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def fitting(tables: Iterable[Table], width: int) -> list[Table]:
    """Split tables that do not fit `width`, with the first column in each part.

    rich would shorten such a table until its first columns, which say whose row it is, are gone.

    Parameters
    ----------
    tables : iterable of rich.table.Table
        Of text only, made by :func:`plain_table`.
    width : int
        Columns of the terminal.
    """
    return [part for table in tables for part in _parts(table, width)]


def _parts(table: Table, width: int) -> list[Table]:
    _, right, _, left = table.padding
    # A column's edge or the gap before the next one takes one more, and so does the last edge.
    needed = [_least(column) + left + right + 1 for column in table.columns]
    width -= 1
    if len(needed) < 3 or sum(needed) <= width:
        return [table]
    blocks: list[list[int]] = []
    room = 0
    for place, size in enumerate(needed[1:], start=1):
        if not blocks or size > room:
            blocks.append([])
            room = width - needed[0]
        blocks[-1].append(place)
        room -= size
    if len(blocks) == 1:
        return [table]
    return [_part(table, block, number, len(blocks)) for number, block in enumerate(blocks)]


def _part(table: Table, block: list[int], number: int, count: int) -> Table:
    title = table.title
    heading = title.copy() if isinstance(title, Text) else Text(title or "")
    part = plain_table(heading.append(f" ({number + 1} of {count})"))
    part.padding = table.padding
    if number == count - 1:
        part.caption, part.caption_style = table.caption, table.caption_style
    chosen = [table.columns[place] for place in (0, *block)]
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


def _least(column: Column) -> int:
    """Width below which a word (unless it may be folded) or a line would be cut."""
    if column.width is not None:
        return column.width
    pieces: list[str] = []
    for cell in (column.header, *column.cells):
        text = cell.plain if isinstance(cell, Text) else str(cell)
        pieces += text.split("\n") if column.no_wrap else text.split()
    longest = max(map(cell_len, pieces), default=1)
    return min(longest, FOLDED) if column.overflow == "fold" else longest
