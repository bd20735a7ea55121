"""Recipes made from a table: split into goods, or expanded over years and regions.

``split:us-bea-71,goods=1000000,seed=1`` and ``years:us-bea-71,years=5,regions=4``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from planbench.errors import InputError
from planbench.generators.profile import profile_names
from planbench.generators.recipe import (
    OF_YEARS,
    SPREAD,
    CapitalKnob,
    CrossShareKnob,
    DepreciationKnob,
    GrowthKnob,
    SpoilageKnob,
    StorableKnob,
    TerminalKnob,
    TradableKnob,
    check_capital,
    fill_knobs,
)
from planbench.generators.recipe_text import quoted, read_values, split_parts, text_of, validated

#: Raised whenever the same recipe gives other arrays than before.
SPLIT_VERSION = 2
SPLIT_PREFIX = "split:"
#: Profile for tables that have none of their own.
DEFAULT_PROFILE = "us-bea-2012"
SPLIT_EXAMPLE = "split:us-bea-71,goods=1000,seed=1"


class SplitRecipe(BaseModel):
    """A recipe; build it with :func:`parse_split` or :func:`make_split`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    table: str = Field(min_length=1, description="a built-in table or the file of one")
    goods: int = Field(ge=2, le=2**31 - 1, description="number of goods")
    techniques: int = Field(default=1, ge=1, le=100, description="techniques per good")
    inputs: float = Field(default=20.0, ge=2, le=10_000, description="mean inputs per technique")
    alternatives: Literal["dearer", "tradeoffs"] = Field(
        default="dearer", description="further techniques: dearer, or better at some rents"
    )
    scarcity: float = Field(
        default=0.0,
        ge=0,
        le=0.4,
        description="resources, limits of trade and stocks are moved by up to this share",
    )
    profile: str | None = Field(default=None, description="profile for what is below the table")
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="seed")

    @model_validator(mode="after")
    def _check(self) -> SplitRecipe:
        if self.alternatives != "dearer" and self.techniques == 1:
            raise ValueError("alternatives: belongs to several techniques; add techniques=2")
        return self

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
        if self.alternatives != "dearer":
            parts.append(f"alternatives={self.alternatives}")
        if self.scarcity:
            parts.append(f"scarcity={self.scarcity:.12g}")
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

    A name that holds a comma or an equal sign must be quoted.

    Raises
    ------
    InputError
        Naming the field and what it may be.
    """
    table, rest = split_source(text.removeprefix(SPLIT_PREFIX), SPLIT_EXAMPLE)
    return make_split(read_values([("table", table), *rest], _SPLIT_INTEGERS))


def read_split(texts: Mapping[str, str]) -> SplitRecipe:
    """Build a recipe from names and texts, as a command line has them; names need no quotes.

    Raises
    ------
    InputError
        Naming the field and what it may be.
    """
    return make_split(read_values(list(texts.items()), _SPLIT_INTEGERS))


_SPLIT_INTEGERS = ("goods", "techniques", "seed")


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


#: Raised whenever the same recipe gives other arrays than before.
EXPAND_VERSION = 2
YEARS_PREFIX, REGIONS_PREFIX = "years:", "regions:"
PREFIXES = (YEARS_PREFIX, REGIONS_PREFIX)
_EXPAND_EXAMPLES = {
    YEARS_PREFIX: "years:us-bea-71,years=5",
    REGIONS_PREFIX: "regions:us-bea-71,regions=4",
}
_OWNED: dict[str, dict[str, Any]] = {
    "years": OF_YEARS | {"discount": 1.0},
    "regions": {"cross_share": 0.1, "tradable": 0.1, "loss": 0.05, "spread": SPREAD},
}


class ExpandRecipe(BaseModel):
    """A recipe; build it with :func:`parse_expand`.

    Knobs that are left out are filled in, so equal recipes are equal objects with equal text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    table: str = Field(min_length=1, description="a table, or a recipe split:… in quotes")
    years: int | None = Field(default=None, ge=1, le=1000, description="years planned")
    capital: CapitalKnob = None
    depreciation: DepreciationKnob = None
    terminal: TerminalKnob = None
    storable: StorableKnob = None
    spoilage: SpoilageKnob = None
    growth: GrowthKnob = None
    discount: float | None = Field(
        default=None, ge=0.01, le=1, description="weight of a year over the last (default: 1)"
    )
    regions: int | None = Field(default=None, ge=1, le=10_000, description="number of regions")
    cross_share: CrossShareKnob = None
    tradable: TradableKnob = None
    loss: float | None = Field(
        default=None, ge=0.001, le=0.99, description="share lost on the way (default: 0.05)"
    )
    spread: float | None = Field(
        default=None, ge=0, le=0.9, description="how unequal regions are; 0: equal (default: 0.5)"
    )
    common_target: bool = Field(
        default=False, description="one target for all years and regions, not one for each"
    )
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="seed")

    @model_validator(mode="after")
    def _fill_in(self) -> ExpandRecipe:
        if self.years is None and self.regions is None:
            raise ValueError("years: is missing; add years=5 (or regions=4 in a recipe regions:…)")
        filled = fill_knobs(self, _OWNED)
        if self.years is not None:
            check_capital(self, filled)
        for knob, value in filled.items():
            object.__setattr__(self, knob, value)
        return self

    @property
    def prefix(self) -> str:
        """``years:``, or ``regions:`` where no years are planned."""
        return YEARS_PREFIX if self.years is not None else REGIONS_PREFIX

    def canonical(self) -> str:
        """Text that :func:`parse_expand` reads back, with its prefix."""
        usual = {knob: value for knobs in _OWNED.values() for knob, value in knobs.items()}
        if self.capital == 0:
            usual["terminal"] = 0.0
        parts = [quoted(self.table)]
        for name, value in self.model_dump(exclude={"table"}, exclude_none=True).items():
            if name == "seed" or value != usual.get(name, False):
                parts.append(f"{name}={text_of(value)}")
        return self.prefix + ",".join(parts)


def parse_expand(text: str) -> ExpandRecipe:
    """Read ``years:TABLE,years=5,…`` or ``regions:TABLE,regions=4,…``.

    Either may hold the knobs of both. A table that holds commas must be quoted.

    Raises
    ------
    InputError
        Naming the field and what it may be.
    """
    prefix = next(prefix for prefix in PREFIXES if text.startswith(prefix))
    _check_source(text.removeprefix(prefix).lstrip(), prefix)
    table, rest = split_source(text.removeprefix(prefix), _EXPAND_EXAMPLES[prefix])
    values = read_values([("table", table), *rest], _EXPAND_INTEGERS)
    owner = prefix.removesuffix(":")
    recipe = validated(ExpandRecipe, values, where="recipe")
    if getattr(recipe, owner) is None:
        raise InputError(
            f"{owner}: is missing; write e.g. {_EXPAND_EXAMPLES[prefix]}", where="recipe"
        )
    return recipe


_EXPAND_INTEGERS = ("years", "regions", "seed")


def _check_source(text: str, prefix: str) -> None:
    """Refuse other recipes behind `prefix`, unless they are quoted and make a table."""
    if text.startswith(SPLIT_PREFIX):
        raise InputError(
            "is a recipe of its own and stands in quotes, e.g. "
            f'{prefix}"split:us-bea-71,goods=1000",{prefix.removesuffix(":")}=4',
            where=text[:60],
        )
    if text.lstrip("\"'").startswith("gen:"):
        raise InputError(
            "has years and regions of its own; write e.g. gen:goods=1000,years=5,regions=4",
            where=text[:60],
        )
    if text.lstrip("\"'").startswith(PREFIXES):
        raise InputError(
            "has years or regions already; give both in one recipe, e.g. "
            "years:us-bea-71,years=5,regions=4",
            where=text[:60],
        )
