"""The recipe of a table split into goods: ``split:us-bea-71,goods=1000000,seed=1``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from planbench.errors import InputError
from planbench.generators.profile import profile_names
from planbench.generators.recipe_text import quoted, read_values, split_parts, validated

#: Raised whenever the same recipe gives other arrays than before.
SPLIT_VERSION = 2
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
        parts = [quoted(self.table), f"goods={self.goods}"]
        if self.techniques != 1:
            parts.append(f"techniques={self.techniques}")
        if self.inputs != 20.0:
            parts.append(f"inputs={self.inputs:.12g}")
        if self.profile is not None:
            parts.append(f"profile={quoted(self.profile)}")
        return ",".join([*parts, f"seed={self.seed}"])


def make_split(values: dict[str, Any], *, where: str = "recipe") -> SplitRecipe:
    """Build a recipe from names and values.

    Raises
    ------
    InputError
        In one line: the field and what it may be.
    """
    return validated(SplitRecipe, values, where=where)


def parse_split(text: str) -> SplitRecipe:
    """Read ``TABLE,goods=1000,seed=1``, with or without ``split:`` in front.

    A name that holds a comma or an equal sign stands in quotes.

    Raises
    ------
    InputError
        Naming the field and the mend.
    """
    table, rest = split_source(text.removeprefix(PREFIX), EXAMPLE)
    return make_split(read_values([("table", table), *rest], _INTEGERS))


def read_split(texts: Mapping[str, str]) -> SplitRecipe:
    """Build a recipe from names and texts, as a command line has them; names need no quotes.

    Raises
    ------
    InputError
        Naming the field and the mend.
    """
    return make_split(read_values(list(texts.items()), _INTEGERS))


_INTEGERS = ("goods", "techniques", "seed")


def split_source(text: str, example: str) -> tuple[str, list[tuple[str, str]]]:
    """Return what a recipe begins with (a table), and the parts after it.

    Raises
    ------
    InputError
        When it begins with something else.
    """
    parts = split_parts(text)
    if not parts or parts[0][0] or not parts[0][1]:
        raise InputError(
            f"begins with no table; write e.g. {example} (a name with a comma or an equal sign "
            "in quotes)",
            where="recipe",
        )
    return parts[0][1], parts[1:]
