"""The one style of all tables on the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text


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
