"""Records as rows of a table, for spreadsheets and data frames: CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from planbench.errors import InputError
from planbench.io.files import replacing, write_text
from planbench.records.schema import Record


def flat_row(record: Record) -> dict[str, Any]:
    """One measurement as one row of a spreadsheet; nested fields become ``outer_inner``.

    Parameters
    ----------
    record : Record

    Returns
    -------
    dict
        Phases become ``phase_NAME_wall_s`` and the like, a second one of the same name
        ``phase_NAME_again_wall_s``, a third ``phase_NAME_3_wall_s``; lists are joined with "; ".
    """
    data = record.model_dump(mode="json")
    seen: Counter[str] = Counter()
    for phase in data.pop("phases"):
        name = f"phase_{phase.pop('name')}"
        # Some phases occur twice, such as the calibration before and after the solve.
        seen[name] += 1
        data[name + {1: "", 2: "_again"}.get(seen[name], f"_{seen[name]}")] = phase
    row: dict[str, Any] = {}
    _flatten(data, "", row)
    return row


def _flatten(data: dict[str, Any], prefix: str, row: dict[str, Any]) -> None:
    for name, value in data.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{name}_", row)
        elif isinstance(value, list):
            row[prefix + name] = "; ".join(map(str, value))
        else:
            row[prefix + name] = value


def columns(records: Sequence[Record]) -> dict[str, list[Any]]:
    """Every column of the table with a value, or None, for each record."""
    rows = [flat_row(record) for record in records]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def write_csv(records: Sequence[Record], path: Path) -> None:
    """Write a row per measurement; what is not known is left empty.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    rows = [flat_row(record) for record in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, names, restval="")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, file.getvalue())


def write_parquet(records: Sequence[Record], path: Path) -> None:
    """Write a Parquet file: a row per measurement, columns of one type each.

    A column whose values are of several kinds (a native option that is a number for one solver
    and a word for another) becomes text.

    Raises
    ------
    InputError
        When polars is not installed, or the file cannot be written.
    """
    try:
        import polars
    except ImportError:
        raise InputError(
            "writing Parquet needs polars; pip install 'planbench[parquet]', or write .csv",
            where=str(path),
        ) from None
    frame = polars.DataFrame({name: _of_one_kind(v) for name, v in columns(records).items()})
    with replacing(path) as file:
        frame.write_parquet(file)


def _of_one_kind(values: list[Any]) -> list[Any]:
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1:
        return values
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    return [None if value is None else str(value) for value in values]
