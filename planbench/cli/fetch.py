"""``planbench fetch``: tables from their official source, where there is internet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planbench.cli import console, options, views
from planbench.errors import InputError
from planbench.tables.fetch import SOURCES, fetch_table, find_source

EXAMPLES = (
    "planbench fetch --list",
    "planbench fetch exiobase3 --year 2019",
    "planbench fetch us-bea --to tables/bea",
)


def fetch(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A source, see --list.", show_default=False)
    ] = None,
    sources: Annotated[bool, typer.Option("--list", help="List the sources.")] = False,
    year: Annotated[
        int | None,
        typer.Option(min=1900, metavar="YEAR", help="Where there is a download for each year."),
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where to; a cache folder if not given.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Download again what is there already.")
    ] = False,
    json: options.JsonOption = False,
) -> None:
    """Download published input-output tables from their official source.

    What was downloaded is then read by ``planbench import``. The publisher's terms apply; they
    are shown, and kept with the files.
    """
    if sources or name is None:
        if name is None and not sources:
            raise InputError("name a source; planbench fetch --list shows them", where="fetch")
        _list(json)
        return
    source = find_source(name)
    if source.how != "by hand" and not json:
        console.note(f"{source.name}: {source.licence}; {source.size}")
    got = fetch_table(name, year=year, folder=Path(to) if to is not None else None, fresh=fresh)
    command = source.command(str(got.folder))
    if json:
        console.print_json(
            {
                "source": source.name,
                "folder": str(got.folder),
                "files": [str(path) for path in got.files],
                "already_there": got.already_there,
                "licence": source.licence,
                "import": command,
            }
        )
        return
    shown = [path.name for path in got.files[:6]]
    more = len(got.files) - len(shown)
    rows = [
        ("is there" if got.already_there else "fetched", str(got.folder)),
        ("files", ", ".join(shown) + (f" and {more} more" if more else "")),
        ("terms", source.licence),
        ("import with", command),
    ]
    console.out().print(views.pairs(rows))


def _list(as_json: bool) -> None:
    if as_json:
        console.print_json({"sources": SOURCES})
        return
    rows = [
        (
            source.name,
            source.title,
            "–" if source.years is None else f"{source.years[0]}–{source.years[1]}",
            source.licence,
            "by hand" if source.how == "by hand" else source.size,
        )
        for source in SOURCES
    ]
    label = views.label
    columns = label("name"), label("what"), "years", label("terms"), label("download")
    views.show([views.listing("Sources of published tables", columns, rows)])
