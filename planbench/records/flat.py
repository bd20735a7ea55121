"""Records as rows of a table, for spreadsheets and data frames: CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel

from planbench.errors import InputError
from planbench.io.files import replacing, write_text
from planbench.records.schema import PhaseCost, Record

if TYPE_CHECKING:
    from pandas import DataFrame, Series


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


#: Type of a column by what its field holds; each takes a missing value.
_DTYPES: dict[type, str] = {bool: "boolean", int: "Int64", float: "float64", str: "string"}


def to_frame(records: Sequence[Record]) -> DataFrame:
    """Make a pandas frame: a row per measurement, columns named as by :func:`flat_row`.

    Parameters
    ----------
    records : sequence of Record

    Returns
    -------
    pandas.DataFrame
        Every column of the schema is there, of the same type whatever the records hold: whole
        numbers ``Int64``, others ``float64``, text ``string``, ``started_at`` a time in UTC.
        Phases, options, recipes and the like have columns where a record has any; values of
        several kinds in one column become text.
    """
    import pandas as pd

    found = columns(records)
    typed: dict[str, Any] = {}
    for name, dtype in _declared(Record).items():
        values = found.pop(name, [None] * len(records))
        typed[name] = _series(values, dtype)
    costs = _declared(PhaseCost)
    for name, values in found.items():
        if name in ("residuals", "accuracy"):
            continue  # of a record without any; their columns are there
        cost = next((cost for cost in costs if name.endswith(f"_{cost}")), "")
        typed[name] = _series(values, costs[cost] if name.startswith("phase_") else "")
    frame = pd.DataFrame(typed, index=pd.RangeIndex(len(records)))
    started = pd.to_datetime(frame["started_at"], utc=True, format="ISO8601")
    frame["started_at"] = started.astype("datetime64[us, UTC]")
    return frame


def _series(values: list[Any], dtype: str) -> Series:
    """`values` as a column of `dtype`; without one, of what they are."""
    import pandas as pd

    if not dtype:
        values = _of_one_kind(values)
        dtype = next((_DTYPES[type(v)] for v in values if v is not None), "string")
    return pd.Series(values, dtype=dtype)


def _declared(model: type[BaseModel], prefix: str = "") -> dict[str, str]:
    """Type of every column that the schema declares; "" where it may be of several."""
    declared: dict[str, str] = {}
    for field, facts in model.model_fields.items():
        kind, name = facts.annotation, prefix + field
        kinds = [kind] if get_origin(kind) is not UnionType else list(get_args(kind))
        model_of = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        if model_of:
            declared |= _declared(model_of[0], f"{name}_")
        elif field == "value":
            declared[name] = ""
        elif get_origin(kind) is not dict and name != "phases":
            declared[name] = next((_DTYPES[k] for k in kinds if k in _DTYPES), "string")
    return declared


def write_csv(records: Sequence[Record], path: Path) -> None:
    """Write a row per measurement; what is not known is left empty.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    table = columns(records)
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    write_text(path, file.getvalue())


def write_parquet(records: Sequence[Record], path: Path) -> None:
    """Write the frame of :func:`to_frame` as a Parquet file.

    Raises
    ------
    InputError
        When pyarrow is not installed, or the file cannot be written.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise InputError(
            "writing Parquet needs pyarrow; pip install 'planbench[parquet]', or write .csv",
            where=str(path),
        ) from None
    frame = to_frame(records)
    with replacing(path) as file:
        frame.to_parquet(file, engine="pyarrow", index=False)


def _of_one_kind(values: list[Any]) -> list[Any]:
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1:
        return values
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    return [None if value is None else str(value) for value in values]
