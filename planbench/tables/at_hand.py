"""Tables that do not ship with planbench, where somebody has them at hand.

``table:NAME`` is the published table NAME in the folder that the environment variable
``PLANBENCH_TABLES`` names, imported with the default rules (docs/tables.md). Suites may list such
instances as optional.
"""

from __future__ import annotations

import os
from pathlib import Path

from planbench.errors import InputError

PREFIX = "table:"
#: Environment variable that names the folder of tables.
FOLDER = "PLANBENCH_TABLES"
_ENDINGS = ("", ".npz", ".csv", ".xlsx")


def table_files(spec: str) -> list[Path]:
    """Find the file of a table, or its use and its make table (``use_NAME.csv``, …).

    Parameters
    ----------
    spec : str
        ``table:NAME``.

    Raises
    ------
    InputError
        Says why the table is not at hand.
    """
    name = spec.strip().removeprefix(PREFIX)
    if not name or Path(name).name != name:
        raise InputError(
            f"is no table; give {PREFIX}NAME, a file's name without folders", where=spec
        )
    named = os.environ.get(FOLDER, "")
    if not named:
        raise InputError(f"not at hand; set {FOLDER} to the folder that holds it", where=spec)
    folder = Path(named)
    for ending in _ENDINGS:
        if (folder / f"{name}{ending}").is_file():
            return [folder / f"{name}{ending}"]
    for ending in _ENDINGS[2:]:
        both = [folder / f"{kind}_{name}{ending}" for kind in ("use", "make")]
        if all(path.is_file() for path in both):
            return both
    raise InputError(
        f"not at hand; {FOLDER} names a folder without {name}.npz, {name}.csv, {name}.xlsx or "
        f"use_{name}.csv with make_{name}.csv",
        where=spec,
    )


def why_not_at_hand(spec: str) -> str:
    """Why an optional instance cannot be had here; empty where it can."""
    if not spec.startswith(PREFIX):
        return ""
    try:
        table_files(spec)
    except InputError as error:
        return str(error)
    return ""
