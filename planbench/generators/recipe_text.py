"""How recipes are written: ``name=value`` between commas, or TOML; what is wrong in one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from planbench.errors import InputError

_Recipe = TypeVar("_Recipe", bound=BaseModel)
_QUOTES = "\"'"
#: One part: perhaps ``name =``, then text in quotes (doubled inside it) or text without commas.
_PART = re.compile(
    r"""\s*(?:(?P<name>[^,="']+?)\s*=\s*)?"""
    r"""(?:"(?P<double>(?:[^"]|"")*)"|'(?P<single>(?:[^']|'')*)'|(?P<plain>[^,]*))\s*(?:,|$)"""
)


def split_parts(text: str, *, where: str = "recipe") -> list[tuple[str, str]]:
    """Split the text of a recipe at its commas.

    A value, or a part without a name, may be in double or single quotes; then it may hold
    commas, equal signs, and its own quotes doubled.

    Returns
    -------
    list of tuple of str
        Name (empty where a part has none) and value; empty parts are left out.

    Raises
    ------
    InputError
        On a quote that is not closed, or text behind a closing one.
    """
    out: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _PART.match(text, at)
        plain = match["plain"] if match else None
        if match is None or (plain is not None and plain.strip()[:1] in tuple(_QUOTES)):
            raise InputError(
                f"{text[at:].strip()!r} has a quote that is not closed, or text behind it",
                where=where,
            )
        at = match.end()
        name = (match["name"] or "").strip()
        if plain is not None:
            value = plain.strip()
        else:
            quote = '"' if match["double"] is not None else "'"
            value = (match["double"] or match["single"] or "").replace(quote * 2, quote)
        if name or value:
            out.append((name, value))
    return out


def quoted(value: str) -> str:
    """`value` as :func:`split_parts` reads it back: in quotes where it needs them."""
    plain = "," not in value and "=" not in value and value[:1] not in tuple(_QUOTES)
    return value if plain and value == value.strip() else '"' + value.replace('"', '""') + '"'


def read_values(
    parts: list[tuple[str, str]], integers: Collection[str], *, where: str = "recipe"
) -> dict[str, Any]:
    """Values by name; those named in `integers` may be written ``1e6``.

    Raises
    ------
    InputError
        On a part that is not ``name=value``, or a name given twice.
    """
    values: dict[str, Any] = {}
    for name, value in parts:
        if not name or not value:
            said = f"{name}=" if name else value
            hint = "" if name else '; text that holds a comma goes in quotes: "a,b"'
            raise InputError(f"{said!r} is not name=value{hint}", where=where)
        if name in values:
            raise InputError(f"{name}: occurs twice", where=where)
        values[name] = _whole_number(value) if name in integers else value
    return values


def _whole_number(text: str) -> int | str:
    """1e6 → 1000000; text that is no whole number is left for validation to refuse."""
    match = re.fullmatch(r"(\d+)[eE]\+?(\d{1,2})", text)
    return int(match[1]) * 10 ** int(match[2]) if match else text


def validated(model: type[_Recipe], values: Mapping[str, Any], *, where: str) -> _Recipe:
    """Build a recipe from names and values.

    Raises
    ------
    InputError
        In one line: the field, what it may be, and for an unknown field the nearest name.
    """
    known = list(model.model_fields)
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise InputError(f"no field {name!r}; {hint}", where=where)
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise InputError(_explain(model, error), where=where) from None


def _explain(model: type[BaseModel], error: ValidationError) -> str:
    first = error.errors()[0]
    text = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return text
    field = str(first["loc"][0])
    info = model.model_fields[field]
    if first["type"] == "missing":
        return f"{field}: is missing ({info.description})"
    if first["type"] == "literal_error":
        choices = _words_of(info.annotation)
        text = f"must be {', '.join(choices)}"
        near = difflib.get_close_matches(str(first["input"]), choices, n=1)
        text += f" (did you mean {near[0]!r}?)" if near else ""
    if first["type"] == "value_error":
        return f"{field}: {text}"
    return f"{field}: {text[0].lower()}{text[1:]}, not {first['input']!r} ({info.description})"


def _words_of(annotation: Any) -> list[str]:
    """Words that an annotation such as ``Literal["a", "b"] | None`` allows."""
    if isinstance(annotation, str):
        return [annotation]
    return [word for part in get_args(annotation) for word in _words_of(part)]


def text_of(value: object) -> str:
    """`value` in the text of a recipe: ``true``, ``5`` for 5.0, quotes where they are needed."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return quoted(text.removesuffix(".0") if isinstance(value, float) else text)
