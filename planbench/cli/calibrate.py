"""``planbench calibrate``: a real table becomes a profile to generate economies from."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Annotated

import typer

from planbench.cli import console, options, views
from planbench.cli.views import amount
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.generators.profile import TableProfile, profile_text
from planbench.generators.profile_fit import (
    CheckedFigure,
    check_profile,
    figures_of_economy,
    fit_profile,
)
from planbench.io.files import check_writable, write_text
from planbench.model.economy import Economy
from planbench.report.table import Entry
from planbench.tables import import_table

EXAMPLES = (
    "planbench calibrate us-bea-71 -o us-71.toml",
    "planbench calibrate use.csv make.csv -o mine.toml --title 'My table, 2020'",
    "planbench generate --profile mine.toml --goods 100000 --regime 20 -o large.npz",
)
_TABLES = (".csv", ".xlsx")


def calibrate(
    table: Annotated[
        list[str],
        typer.Argument(
            metavar="TABLE",
            help="An INSTANCE that is an economy, or the files of a published table.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The profile, .toml.")
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its name; that of FILE if missing.")
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the table is, in a few words.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Where its figures come from.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Of the economies it is corrected with.")
    ] = 0,
    json: options.JsonOption = False,
) -> None:
    """Fit a profile to a real table: figures from which economies of any size are made.

    The profile holds no cell of the table. At the end an economy of the table's own size is
    made from it and compared with the table, figure by figure.
    """
    path = Path(output)
    if path.suffix != ".toml":
        raise InputError("must end in .toml", where=output)
    check_writable(path)
    economy, origin = _load(table)
    called = name or re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._")
    profile = fit_profile(
        figures_of_economy(economy),
        name=called,
        title=title or economy.name,
        source=source or origin,
        seed=seed,
    )
    write_text(path, profile_text(profile))
    # Another seed than the ones it was corrected with.
    trial = seed + 1000
    checked = check_profile(profile, profile.goods, seed=trial)
    if json:
        console.print_json(
            {
                "file": str(path),
                "profile": profile.model_dump(exclude_none=True),
                "checked": [vars(figure) | {"holds": figure.holds} for figure in checked],
            }
        )
        return
    _show(path, profile, checked)


def _load(table: list[str]) -> tuple[Economy, str]:
    """Economy of an instance, or of a published table's files."""
    first = Path(table[0])
    published = (first.suffix.lower() in _TABLES and first.is_file()) or _foreign(table[0])
    if len(table) > 1 or published:
        economy, _ = import_table(table)
        return economy, f"published table {', '.join(Path(path).name for path in table)}"
    found = options.load(table[0])
    if found.economy is None:
        raise InputError("is a linear program; a profile needs an economy", where=table[0])
    return found.economy, str(found.recipe.get("source", found.source))


def _foreign(name: str) -> bool:
    """Whether a file is an npz archive that planbench did not write."""
    if not name.lower().endswith(".npz") or not zipfile.is_zipfile(name):
        return False
    with zipfile.ZipFile(name) as archive:
        return "meta.npy" not in archive.namelist()


def _show(path: Path, profile: TableProfile, checked: tuple[CheckedFigure, ...]) -> None:
    rows: views.Pairs = [
        ("wrote", str(path)),
        ("profile", f"{profile.name}, {profile.title}"),
        ("size", f"{plural(profile.goods, 'good')}, {plural(profile.activities, 'activity')}"),
    ]
    figures = [
        (
            figure.name,
            amount(figure.wanted, 3),
            amount(figure.found, 3),
            f"± {amount(figure.bound, 2)}",
            Entry(figure.says) if figure.holds else Entry("out of bounds", mark="warn"),
        )
        for figure in checked
    ]
    columns = views.label("figure"), "table", "made", "bound", views.label("")
    views.show([views.pairs(rows), views.listing("Figures", columns, figures)])
    beyond = [figure.name for figure in checked if not figure.holds]
    if beyond:
        console.note(
            f"economies made from this profile differ from the table in {', '.join(beyond)}; "
            "docs/calibration.md says what that means"
        )
