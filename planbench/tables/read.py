"""Which reader a path asks for: CSV, xlsx, npz, or a folder that pymrio knows.

``table:NAME`` is the published table NAME in the folder that the environment variable
``PLANBENCH_TABLES`` names (docs/tables.md). Suites may list such instances as optional.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from planbench.errors import InputError
from planbench.generators.recipe import PREFIXES, SPLIT_PREFIX
from planbench.tables.grid import Grid, read_grid, sheet_names
from planbench.tables.labels import Named
from planbench.tables.mrio import FORMATS, read_pymrio_folder
from planbench.tables.npz import read_npz_table
from planbench.tables.raw import RawTable
from planbench.tables.roles import ENTRIES, OUTPUTS
from planbench.tables.supply_use import supply_use_table
from planbench.tables.symmetric import symmetric_table

_USE = re.compile(r"(^|[^a-z]|io)use([^a-z]|$)", re.IGNORECASE)
_MAKE = re.compile(r"(^|[^a-z]|io)(make|supply)([^a-z]|$)", re.IGNORECASE)
MAKE_ROWS = ("auto", "products", "industries")
_SHEETS = (".xlsx", ".xlsm")
_TEXT = (".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class ReadOptions:
    """How a table is read.

    Attributes
    ----------
    use, make : str or None
        File (or sheet of the one xlsx file) of the use and the make table.
    sheet : str or None
        Sheet of an xlsx file with a symmetric table.
    form : str or None
        One of :data:`planbench.tables.mrio.FORMATS`.
    year : int or None
    make_rows : {"auto", "products", "industries"}
    entries : {"auto", "money", "quantities", "coefficients"}
        What the cells of a symmetric table hold.
    gross_outputs : {"auto", "stated", "uses"}
        Which outputs count where those stated and the uses differ; ``auto`` refuses.
    named : Named
        Rows and columns by name.
    name : str or None
        Name of the table; the name of its file if missing.
    unit : str or None
        Unit of its amounts, e.g. ``million USD``, where the files do not state it.
    """

    use: str | None = None
    make: str | None = None
    sheet: str | None = None
    form: str | None = None
    year: int | None = None
    make_rows: str = "auto"
    entries: str = "auto"
    gross_outputs: str = "auto"
    named: Named = field(default_factory=Named)
    name: str | None = None
    unit: str | None = None


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
    for option, known in (
        ("make_rows", MAKE_ROWS),
        ("entries", ENTRIES),
        ("gross_outputs", OUTPUTS),
    ):
        if getattr(options, option) not in known:
            raise InputError(
                f"is {getattr(options, option)!r}; give {', '.join(known[:-1])} or {known[-1]}",
                where=f"--{option.replace('_', '-')}",
            )
    files = [Path(path) for path in paths]
    if options.form is not None:
        return _by_format(files, options)
    use, make, rest = _use_and_make(files, options)
    if use is not None and make is not None:
        if rest:
            raise InputError(
                "is one file too many, after a use and a make table", where=str(rest[0])
            )
        name = options.name or _stem(use[0])
        used, made = (_grid(path, page or options.sheet) for path, page in (use, make))
        if options.entries not in ("auto", "money"):
            raise InputError("is for symmetric tables; leave it out", where="--entries")
        return supply_use_table(
            used, made, options.named, name, options.make_rows, options.gross_outputs
        )
    if use is not None or make is not None:
        single, other = (use, "--make") if use is not None else (make, "--use")
        assert single is not None
        if not rest and single[0].suffix.lower() in (*_TEXT, *_SHEETS) and other == "--make":
            # A file may be called use and be symmetric.
            return _symmetric(read_grid(*single), options, single[0])
        raise InputError(
            f"a use and a make table belong together; give {other}", where=str(single[0])
        )
    if len(rest) != 1:
        raise InputError(
            "give one file, or a use and a make table (with --use and --make where their names "
            "do not say so)",
            where=" ".join(map(str, rest)) or "PATH",
        )
    return _one_file(rest[0], options)


def _one_file(path: Path, options: ReadOptions) -> RawTable:
    name = _named(options, path)
    if path.is_dir():
        raise InputError(
            f"is a folder; give --format ({', '.join(FORMATS)}), or the files in it",
            where=str(path),
        )
    if path.suffix.lower() == ".npz":
        _refuse_sheet_options(options, str(path))
        return read_npz_table(path, name, options.make_rows)
    if path.suffix.lower() not in (*_TEXT, *_SHEETS) and path.exists():
        raise InputError(
            "is no table: its name must end in .csv, .tsv, .txt, .xlsx or .npz; "
            f"or give --format ({', '.join(FORMATS)})",
            where=str(path),
        )
    return _symmetric(_grid(path, options.sheet), options, path)


def _refuse_sheet_options(options: ReadOptions, where: str) -> None:
    """Refuse options that say what the lines of a sheet are, where arrays have names."""
    given = [f.name for f in fields(Named) if getattr(options.named, f.name)]
    given += [o for o in ("entries", "gross_outputs") if getattr(options, o) != "auto"]
    if given:
        raise InputError(
            f"option --{given[0].replace('_', '-')} is for CSV and xlsx files; its arrays say what "
            "they are by their names",
            where=where,
        )


def _symmetric(grid: Grid, options: ReadOptions, path: Path) -> RawTable:
    name = _named(options, path)
    return symmetric_table(grid, options.named, name, options.entries, options.gross_outputs)


def _grid(path: Path, sheet: str | None) -> Grid:
    if sheet is not None and path.suffix.lower() not in _SHEETS:
        raise InputError("option --sheet is for xlsx files", where=str(path))
    return read_grid(path, sheet)


def _by_format(files: list[Path], options: ReadOptions) -> RawTable:
    if options.form not in FORMATS:
        raise InputError(f"is {options.form!r}; give {', '.join(FORMATS)}", where="--format")
    if len(files) != 1 or options.use or options.make:
        raise InputError("give the one folder or archive of the format", where="--format")
    _refuse_sheet_options(options, str(files[0]))
    return read_pymrio_folder(files[0], options.form, _named(options, files[0]), options.year)


_Place = tuple[Path, str | None]


def _use_and_make(
    files: list[Path], options: ReadOptions
) -> tuple[_Place | None, _Place | None, list[Path]]:
    """Files (and sheets) of the use and the make table, and the other files."""
    rest = list(files)
    book = files[0] if len(files) == 1 and files[0].suffix.lower() in _SHEETS else None
    if book is not None and options.sheet is None:
        sheets = sheet_names(book)
        sheets_found = (
            _find_sheet(options.use, sheets, _USE, book, "--use"),
            _find_sheet(options.make, sheets, _MAKE, book, "--make"),
        )
        if all(sheets_found):
            return (book, sheets_found[0]), (book, sheets_found[1]), []
    use = (Path(options.use), None) if options.use is not None else None
    make = (Path(options.make), None) if options.make is not None else None
    for path in files if len(files) > 1 or use or make else []:
        if use is None and _USE.search(path.stem):
            use = (path, None)
        elif make is None and _MAKE.search(path.stem):
            make = (path, None)
        else:
            continue
        rest.remove(path)
    return use, make, rest


def _find_sheet(
    given: str | None, sheets: list[str], pattern: re.Pattern[str], book: Path, option: str
) -> str | None:
    if given is not None:
        return given if given in sheets else None
    found = [name for name in sheets if pattern.search(name)]
    if len(found) > 1:
        raise InputError(
            f"has sheets {', '.join(map(repr, found[:6]))}; name one with {option}", where=str(book)
        )
    return found[0] if found else None


def _named(options: ReadOptions, path: Path) -> str:
    return options.name or _stem(path)


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
