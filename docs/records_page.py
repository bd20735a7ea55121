"""docs/records.md, written from the schema: ``python docs/records_page.py > docs/records.md``."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from planbench.records.schema import (
    SCHEMA_VERSION,
    AccuracyFacts,
    InstanceFacts,
    PhaseCost,
    Record,
    ResidualFacts,
)

_HEAD = f"""# What a record holds

A results file (`.jsonl`) has one JSON object per line, one per measurement. This page is written
from `planbench/records/schema.py` by `python docs/records_page.py > docs/records.md`;
a test keeps the two equal. How each figure is measured is in [measurement.md](measurement.md),
what the certificate's figures mean in [certificate.md](certificate.md).

- `null` means "not known" or "does not apply". No number is ever NaN or infinite.
- A file is only ever appended to; each row is on disk (`fsync`) before the next run starts.
- This is schema version {SCHEMA_VERSION}. Rows of older versions are read; rows of a newer one are
  refused with a line that says so. Fields are added, never given another meaning.
- In `planbench export … -o FILE.csv` and `.parquet` nested fields are `outer_inner`, phases
  `phase_NAME_wall_s` and the like.
"""

_PARTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("A record", Record),
    ("`instance`", InstanceFacts),
    ("Each of `phases`", PhaseCost),
    ("`residuals`", ResidualFacts),
    ("`accuracy`", AccuracyFacts),
)


def describe_schema() -> str:
    """Return docs/records.md: every field with its type, unit, meaning and possible values."""
    return "\n".join([_HEAD, *(line for part in _PARTS for line in _table(*part))])


def _table(title: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| field | type | unit | meaning | values |"
    yield "|---|---|---|---|---|"
    for name, info in model.model_fields.items():
        extra = info.json_schema_extra
        assert isinstance(extra, dict)
        cells = (
            f"`{name}`",
            _type_words(info),
            str(extra["unit"]),
            str(info.description),
            str(extra["values"]),
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _type_words(info: FieldInfo) -> str:
    """Name the JSON type of a field, ``or null`` where it may be."""
    words = list(dict.fromkeys(_json_type(t) for t in _alternatives(info.annotation)))
    if "null" in words:
        words = [*(w for w in words if w != "null"), "null"]
    return " or ".join(words)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _json_type(annotation: Any) -> str:
    origin = typing.get_origin(annotation) or annotation
    if origin is typing.Literal:
        return "word"
    simple: dict[Any, str] = {
        str: "text",
        bool: "true or false",
        int: "whole number",
        float: "number",
        type(None): "null",
        dict: "object",
        list: "list",
    }
    return simple.get(origin, "object")


if __name__ == "__main__":
    print(describe_schema(), end="")
