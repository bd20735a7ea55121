"""Convert published BEA use and make tables into the project's table folders, once.

    python convert_bea.py USE.csv MAKE.csv FOLDER

writes ``make.csv``, ``use.csv`` and ``value_added.csv`` (docs/tables.md)
with the figures as published; ``table.toml`` is written by hand. Empty cells of the source are
``---``. Imports are the total supply less what industries make, so they carry the CIF/FOB
adjustment and, in tables without a column of imports, rounding of a unit or two.
"""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

from planbench.errors import InputError, PlanbenchError
from planbench.io.files import write_text

#: Rows of value added kept, as the published tables name them.
VALUE_ADDED = (
    "Compensation of employees",
    "Other taxes on production",
    "Less: Other subsidies on production",
    "Gross operating surplus",
    "Total industry output (basic prices)",
)
_TOTAL_INTERMEDIATE = ("Total Intermediate", "T001")


def _read(path: Path) -> tuple[list[str], dict[str, list[int]]]:
    """Column labels, and whole numbers by row label; ``---`` is 0."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = [line for line in csv.reader(file) if line]
        header = lines[0][1:]
        # Some tables repeat the codes in a second header line without a label.
        rows = {
            line[0]: [0 if cell in ("", "---") else int(float(cell)) for cell in line[1:]]
            for line in lines[1:]
            if line[0]
        }
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"is not a BEA table: {error}", where=str(path)) from None
    return header, rows


def _write(path: Path, header: list[str], rows: list[tuple[str, list[int]]]) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["commodity", *header])
    for label, values in rows:
        writer.writerow([label, *("" if value == 0 else value for value in values)])
    write_text(path, file.getvalue())


def convert(use_path: Path, make_path: Path, folder: Path) -> None:
    """Write the three CSV files of a table folder from a use and a make table.

    Raises
    ------
    InputError
        When the files have not the layout described at the head of this module.
    """
    make_header, make = _read(make_path)
    use_header, use = _read(use_path)
    missing = [row for row in VALUE_ADDED if row not in use]
    intermediate = [name for name in _TOTAL_INTERMEDIATE if name in use_header]
    if missing or not intermediate or make_header[-1:] != ["Total Industry Output"]:
        raise InputError(
            f"lacks {missing[0] if missing else 'a column of totals'}", where=str(use_path)
        )
    industries_end = use_header.index(intermediate[0])
    industries = make_header[:industries_end]
    commodities = [row for row in make if row != "Total industry supply"]
    unlike = [row for row in commodities if row not in use]
    if unlike:
        raise InputError(f"has no row {unlike[0]!r} of the make table", where=str(use_path))

    folder.mkdir(parents=True, exist_ok=True)
    n = industries_end
    _write(
        folder / "make.csv",
        [*industries, "imports"],
        [(c, [*make[c][:n], make[c][-1] - sum(make[c][:n])]) for c in commodities],
    )
    _write(
        folder / "use.csv",
        [*industries, *use_header[n + 1 : -1]],
        [(c, use[c][:n] + use[c][n + 1 : -1]) for c in commodities],
    )
    _write(
        folder / "value_added.csv",
        industries,
        [(row, use[row][:n]) for row in VALUE_ADDED],
    )


def main(arguments: list[str]) -> int:
    """Run the conversion; exit code 2 on bad input."""
    if len(arguments) != 3:
        print("use: python convert_bea.py USE.csv MAKE.csv FOLDER")
        return 2
    try:
        convert(*(Path(argument) for argument in arguments))
    except PlanbenchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
