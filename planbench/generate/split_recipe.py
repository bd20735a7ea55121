"""The recipe of a table split into goods: ``split:us-bea-71,goods=1000000,seed=1``."""

from __future__ import annotations

import difflib
import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from planbench.errors import InputError
from planbench.generate.profile import profile_names

#: Raised whenever the same recipe gives other arrays than before.
SPLIT_VERSION = 1
PREFIX = "split:"
#: Profile for tables that have none of their own.
DEFAULT_PROFILE = "us-bea-2012"
EXAMPLE = "split:us-bea-71,goods=1000,seed=1"


class SplitRecipe(BaseModel):
    """A recipe; build it with :func:`parse_split` or :func:`make_split`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    table: str = Field(min_length=1, description="a built-in table or the file of one")
    goods: int = Field(ge=2, le=2**31 - 1, description="number of goods")
    techniques: int = Field(default=1, ge=1, le=100, description="techniques per good")
    inputs: float = Field(default=20.0, ge=2, le=10_000, description="mean inputs per technique")
    profile: str | None = Field(default=None, description="profile for what is below the table")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="seed")

    @property
    def profile_name(self) -> str:
        """The profile given, or the table's own, or that of the detailed US table."""
        if self.profile is not None:
            return self.profile
        return self.table if self.table in profile_names() else DEFAULT_PROFILE

    def canonical(self) -> str:
        """Text that :func:`parse_split` reads back, without the prefix."""
        parts = [self.table, f"goods={self.goods}"]
        if self.techniques != 1:
            parts.append(f"techniques={self.techniques}")
        if self.inputs != 20.0:
            parts.append(f"inputs={self.inputs:.12g}")
        if self.profile is not None:
            parts.append(f"profile={self.profile}")
        return ",".join([*parts, f"seed={self.seed}"])


def make_split(values: dict[str, Any], *, where: str = "recipe") -> SplitRecipe:
    """Build a recipe from names and values.

    Raises
    ------
    InputError
        In one line: the field and what it may be.
    """
    known = list(SplitRecipe.model_fields)
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise InputError(f"no field {name!r}; {hint}", where=where)
    try:
        return SplitRecipe.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        info = SplitRecipe.model_fields[field].description
        if first["type"] == "missing":
            raise InputError(f"{field}: is missing ({info})", where=where) from None
        text = first["msg"][0].lower() + first["msg"][1:]
        raise InputError(f"{field}: {text}, not {first['input']!r} ({info})", where=where) from None


def parse_split(text: str) -> SplitRecipe:
    """Read ``TABLE,goods=1000,seed=1``, with or without ``split:`` in front.

    Raises
    ------
    InputError
        Naming the field and the mend.
    """
    table, *rest = text.removeprefix(PREFIX).split(",")
    values: dict[str, Any] = {"table": table.strip()}
    if not table.strip() or "=" in table:
        raise InputError(f"begins with no table; write e.g. {EXAMPLE}", where="recipe")
    for part in rest:
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or not name or not value:
            raise InputError(f"{part.strip()!r} is not name=value", where="recipe")
        if name in values:
            raise InputError(f"{name}: stands twice", where="recipe")
        match = re.fullmatch(r"(\d+)[eE]\+?(\d{1,2})", value)
        values[name] = int(match[1]) * 10 ** int(match[2]) if match else value
    return make_split(values)
