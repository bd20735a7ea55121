"""Values that JSON can hold: no NaN, no infinity, no numpy types."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_IN_QUOTES = re.compile(r""" "[^"]*" | '[^']*' """, re.VERBOSE)


def json_safe(value: Any) -> Any:
    """`value` with everything JSON has no form for turned into words.

    NaN and infinities become ``"nan"``, ``"inf"`` and ``"-inf"``; numpy scalars become Python
    numbers; tuples become lists; anything else unknown becomes its text.
    """
    if isinstance(value, Mapping):
        return {str(k): json_safe(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def canonical(value: Any) -> str:
    """One text for equal values, whatever the order of their keys."""
    return json.dumps(value, sort_keys=True, default=str)


def short_commit(commit: str | None) -> str:
    """First 12 digits of a commit, and ``-dirty`` where it is; ``unknown commit`` for None."""
    if not commit:
        return "unknown commit"
    digits, mark, rest = commit.partition("-")
    return digits[:12] + mark + rest


def recipe_parts(name: str) -> dict[str, str]:
    """Parts of the text of a recipe, such as ``split:us-bea-71,goods=1000,seed=1``.

    Returns
    -------
    dict of str to str
        ``maker``, ``of`` (what it is made from, if anything), and the knobs; empty for a name
        that is no recipe.
    """
    maker, colon, rest = name.partition(":")
    outside_quotes = _IN_QUOTES.sub("", rest)
    words = any(" " in part.strip() for part in re.split("[,=]", outside_quotes))
    if not colon or not maker.isidentifier() or words:
        return {}
    parts = {"maker": maker}
    for item in rest.split(","):
        knob, equals, value = (part.strip() for part in item.partition("="))
        if equals:
            parts[knob] = value
        elif knob:
            parts["of"] = f"{parts['of']},{knob}" if "of" in parts else knob
    return parts
