"""Which reader a path asks for: CSV, xlsx, npz, or a folder that pymrio knows.

``table:NAME`` is the published table NAME in the folder that the environment variable
``PLANBENCH_TABLES`` names (docs/tables.md). Suites may list such instances as optional.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from planbench.errors import InputError
from planbench.generators.recipe import PREFIXES, SPLIT_PREFIX
from planbench.tables.arrays import FORMATS, read_npz_table, read_pymrio_folder
from planbench.tables.grid import Grid, read_grid, sheet_names
from planbench.tables.options import ReadOptions
from planbench.tables.raw import RawTable
from planbench.tables.roles import LINE_OPTIONS
from planbench.tables.sheets import supply_use_table, symmetric_table

#: What names of files and sheets say of a table.
_NAMED = {
    "use": re.compile(r"(^|[^a-z]|io)use([^a-z]|$)", re.IGNORECASE),
    "make": re.compile(r"(^|[^a-z]|io)(make|supply)([^a-z]|$)", re.IGNORECASE),
}
_SHEETS = (".xlsx", ".xlsm")
_TEXT = (".csv", ".tsv", ".txt")


def read_raw_table(paths: Sequence[str | Path], options: ReadOptions | None = None) -> RawTable:
    """Read one table from its file or files.

    Parameters
    ----------
    paths : sequence of path-like
        One file of a symmetric table or npz; a use and a make table, distinguished by their names
        or by the options; or a folder in one of pymrio's formats.
    options : ReadOptions, optional

    Raises
    ------
    InputError
        In one line with the file and what to do.
    """
    options = options or ReadOptions()
    raw = _read(paths, options)
    return raw if options.unit is None else replace(raw, unit=options.unit)


def _read(paths: Sequence[str | Path], options: ReadOptions) -> RawTable:
    files = [Path(path) for path in paths]
    if options.form is not None:
        if options.form not in FORMATS:
            raise InputError(f"is {options.form!r}; give {', '.join(FORMATS)}", where="--format")
        if len(files) != 1 or options.use or options.make:
            raise InputError("give the one folder or archive of the format", where="--format")
        _refuse_sheet_options(options, files[0])
        name = options.name or _stem(files[0])
        return read_pymrio_folder(files[0], options.form, name, options.year)
    found, rest = _use_and_make(files, options)
    if not found:
        if len(rest) != 1:
            raise InputError(
                "give one file, or a use and a make table (with --use and --make where their "
                "names do not say so)",
                where=" ".join(map(str, rest)) or "PATH",
            )
        return _one_file(rest[0], options)
    for kind, other in (("use", "make"), ("make", "use")):
        if kind not in found:
            message = f"a use and a make table belong together; give --{kind}"
            raise InputError(message, where=str(found[other][0]))
    if rest:
        raise InputError("is one file too many, after a use and a make table", where=str(rest[0]))
    if options.entries not in ("auto", "money"):
        raise InputError("is for symmetric tables; leave it out", where="--entries")
    used, made = (
        _grid(path, sheet or options.sheet) for path, sheet in (found[kind] for kind in _NAMED)
    )
    return supply_use_table(used, made, options, options.name or _stem(found["use"][0]))


def _one_file(path: Path, options: ReadOptions) -> RawTable:
    name = options.name or _stem(path)
    if path.is_dir():
        raise InputError(
            f"is a folder; give --format ({', '.join(FORMATS)}), or the files in it",
            where=str(path),
        )
    if path.suffix.lower() == ".npz":
        _refuse_sheet_options(options, path)
        return read_npz_table(path, name, options.make_rows)
    if path.suffix.lower() not in (*_TEXT, *_SHEETS) and path.exists():
        raise InputError(
            "is no table: its name must end in .csv, .tsv, .txt, .xlsx or .npz; "
            f"or give --format ({', '.join(FORMATS)})",
            where=str(path),
        )
    return symmetric_table(_grid(path, options.sheet), options, name)


def _refuse_sheet_options(options: ReadOptions, path: Path) -> None:
    """Refuse options that say what the lines of a sheet are, where arrays have names."""
    given = [option for option, *_ in LINE_OPTIONS if getattr(options, option)]
    given += [o for o in ("entries", "gross_outputs") if getattr(options, o) != "auto"]
    if given:
        raise InputError(
            f"option --{given[0].replace('_', '-')} is for CSV and xlsx files; its arrays say what "
            "they are by their names",
            where=str(path),
        )


def _grid(path: Path, sheet: str | None) -> Grid:
    if sheet is not None and path.suffix.lower() not in _SHEETS:
        raise InputError("option --sheet is for xlsx files", where=str(path))
    return read_grid(path, sheet)


def _use_and_make(
    files: list[Path], options: ReadOptions
) -> tuple[dict[str, tuple[Path, str | None]], list[Path]]:
    """Files (and sheets) of the use and the make table, and the other files."""
    book = files[0] if len(files) == 1 and files[0].suffix.lower() in _SHEETS else None
    sheets = sheet_names(book) if book is not None and options.sheet is None else []
    named = options.use is not None or options.make is not None
    found: dict[str, tuple[Path, str | None]] = {}
    for kind, pattern in _NAMED.items():
        given = getattr(options, kind)
        fits = [n for n in sheets if n == given or (given is None and pattern.search(n))]
        if len(fits) > 1:
            raise InputError(
                f"has sheets {', '.join(map(repr, fits[:6]))}; name one with --{kind}",
                where=str(book),
            )
        by_name = [path for path in files if pattern.search(path.stem)]
        if book is not None and fits:
            found[kind] = book, fits[0]
        elif given is not None:
            found[kind] = Path(given), None
        elif by_name and (named or len(files) > 1):
            found[kind] = by_name[0], None
    if len(found) < len(_NAMED) and not named and len(files) == 1:
        # One file, or the one sheet of a workbook, may be called use and be symmetric.
        return {}, files
    taken = [path for path, _ in found.values()]
    return found, [path for path in files if path not in taken]


def _stem(path: Path) -> str:
    return path.stem or path.resolve().name or "table"


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
    """Why an optional instance, or the table it is made from, is not at hand; empty where it is."""
    table = spec
    for expansion in (*PREFIXES, SPLIT_PREFIX):
        table = table.removeprefix(expansion)
    if not table.startswith(PREFIX):
        return ""
    try:
        table_files(table.partition(",")[0])
    except InputError as error:
        return f"{spec}: {str(error).removeprefix(f'{error.where}: ')}"
    return ""
