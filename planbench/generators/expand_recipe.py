"""The recipe of a table over years and regions: ``years:us-bea-71,years=5``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from planbench.errors import InputError
from planbench.generators import expansion_knobs as knobs
from planbench.generators.expansion_draws import SPREAD
from planbench.generators.expansion_knobs import OF_YEARS, fill_knobs, settle_capital
from planbench.generators.recipe_text import quoted, read_values, text_of, validated
from planbench.generators.split_recipe import split_source

#: Raised whenever the same recipe gives other arrays than before.
EXPAND_VERSION = 2
YEARS_PREFIX, REGIONS_PREFIX = "years:", "regions:"
PREFIXES = (YEARS_PREFIX, REGIONS_PREFIX)
_EXAMPLES = {
    YEARS_PREFIX: "years:us-bea-71,years=5",
    REGIONS_PREFIX: "regions:us-bea-71,regions=4",
}
_OWNED: dict[str, dict[str, Any]] = {
    "years": OF_YEARS | {"discount": 1.0},
    "regions": {"cross_share": 0.1, "tradable": 0.1, "loss": 0.05, "spread": SPREAD},
}
#: Recipes that a table may be in quotes; others have years and regions of their own.
_SPLIT = "split:"


class ExpandRecipe(BaseModel):
    """A recipe; build it with :func:`parse_expand`.

    Knobs that are left out are filled in, so equal recipes are equal objects with equal text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    table: str = Field(min_length=1, description="a table, or a recipe split:… in quotes")
    years: int | None = Field(default=None, ge=1, le=1000, description="years planned")
    capital: knobs.Capital = None
    depreciation: knobs.Depreciation = None
    terminal: knobs.Terminal = None
    storable: knobs.Storable = None
    spoilage: knobs.Spoilage = None
    growth: knobs.Growth = None
    discount: float | None = Field(
        default=None, ge=0.01, le=1, description="weight of a year over the last (default: 1)"
    )
    regions: int | None = Field(default=None, ge=1, le=10_000, description="number of regions")
    cross_share: knobs.CrossShare = None
    tradable: knobs.Tradable = None
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
    def _settle(self) -> ExpandRecipe:
        if self.years is None and self.regions is None:
            raise ValueError("years: is missing; add years=5 (or regions=4 in a recipe regions:…)")
        filled = fill_knobs(self, _OWNED)
        if self.years is not None:
            settle_capital(self, filled)
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

    Either may hold the knobs of both. A table that holds commas stands in quotes.

    Raises
    ------
    InputError
        Naming the field and the mend.
    """
    prefix = next(prefix for prefix in PREFIXES if text.startswith(prefix))
    _check_source(text.removeprefix(prefix).lstrip(), prefix)
    table, rest = split_source(text.removeprefix(prefix), _EXAMPLES[prefix])
    values = read_values([("table", table), *rest], _INTEGERS)
    owner = prefix.removesuffix(":")
    recipe = validated(ExpandRecipe, values, where="recipe")
    if getattr(recipe, owner) is None:
        raise InputError(f"{owner}: is missing; write e.g. {_EXAMPLES[prefix]}", where="recipe")
    return recipe


_INTEGERS = ("years", "regions", "seed")


def _check_source(text: str, prefix: str) -> None:
    """Refuse other recipes behind `prefix`, unless they stand in quotes and make a table."""
    if text.startswith(_SPLIT):
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
