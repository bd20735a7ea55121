"""Native options of OR-Tools: fields of a protocol buffer, addressed by name.

Nested fields are written with dots (``termination_criteria.iteration_limit``); a name that is
unique among the leaves needs no prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planbench.errors import InputError
from planbench.solvers.base import NativeValue
from planbench.solvers.common import convert_native, with_nearest


def leaf_fields(descriptor: Any, prefix: str = "") -> dict[str, Any]:
    """Scalar fields of a message type by dotted name; repeated fields are left out."""
    leaves: dict[str, Any] = {}
    for field in descriptor.fields:
        name = f"{prefix}{field.name}"
        if getattr(field, "is_repeated", False):
            continue
        if field.message_type is not None:
            leaves |= leaf_fields(field.message_type, f"{name}.")
        else:
            leaves[name] = field
    return leaves


def set_fields(
    message: Any, native: Mapping[str, NativeValue], software: str
) -> dict[str, NativeValue]:
    """Set native options on `message` and return them by full name, typed.

    Raises
    ------
    InputError
        Unknown name (with the nearest), or a value the field cannot hold.
    """
    leaves = leaf_fields(message.DESCRIPTOR)
    done: dict[str, NativeValue] = {}
    for key, value in native.items():
        full = _full_name(key, leaves, software)
        field = leaves[full]
        typed = _typed(key, value, field)
        target = message
        *path, last = full.split(".")
        for part in path:
            target = getattr(target, part)
        try:
            if field.enum_type is not None:
                setattr(target, last, field.enum_type.values_by_name[str(typed)].number)
            else:
                setattr(target, last, typed)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(
                f"{key}: {software} refuses {value!r}: {error}", where="--set"
            ) from None
        done[full] = typed
    return done


def _full_name(key: str, leaves: Mapping[str, Any], software: str) -> str:
    if key in leaves:
        return key
    matches = [name for name in leaves if name.rsplit(".", 1)[-1] == key]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise InputError(
            f"{software} has several {key!r}: {', '.join(sorted(matches))}", where="--set"
        )
    short = {name.rsplit(".", 1)[-1] for name in leaves}
    raise InputError(
        f"{software} has no option {key!r}{with_nearest(key, {*leaves, *short})}", where="--set"
    )


def _typed(key: str, value: NativeValue, field: Any) -> NativeValue:
    if field.enum_type is not None:
        names = list(field.enum_type.values_by_name)
        text = str(value).strip().upper()
        if text not in names:
            raise InputError(f"{key} is one of {', '.join(names)}", where="--set")
        return text
    if field.cpp_type == field.CPPTYPE_BOOL:
        return convert_native(key, value, bool)
    if field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return convert_native(key, value, float)
    if field.cpp_type == field.CPPTYPE_STRING:
        return convert_native(key, value, str)
    return convert_native(key, value, int)
