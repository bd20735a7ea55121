"""The recipe of a generated economy: every knob, its range, and its text form.

People type recipes as ``gen:goods=1000,inputs=10,techniques=2,resources=5,seed=1`` or write
them as TOML files with the same names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from planbench.errors import InputError
from planbench.generators import expansion_knobs as knobs
from planbench.generators.expansion_knobs import WITHOUT, settle_expansion
from planbench.generators.laws import InputsLaw, parse_law
from planbench.generators.profile import REGIMES, Profile, RegimeName, find_profile
from planbench.generators.recipe_text import (
    read_values,
    split_parts,
    text_of,
    validated,
)
from planbench.io.toml_file import read_toml

StructureName = Literal["uniform", "powerlaw", "sectors", "layered"]

#: Raised whenever the same recipe gives other arrays than before.
GENERATOR_VERSION = 1
#: What stands in a generated economy's recipe besides knobs.
_MADE = ("generator", "planted_optimum", "profile_digest")
#: Largest number of goods: rows must fit into 31 bits.
MAX_GOODS = 2**31 - 1
_FEWEST_BAND = 30
_MOST_SECTORS = 10
#: Knobs that only one structure has, with that structure.
_OWN_KNOBS = {
    "sectors": "sectors",
    "within": "sectors",
    "band": "layered",
    "backflow": "layered",
    "exponent": "powerlaw",
}
#: Knobs that a profile decides.
_PROFILE_DECIDES = (
    "inputs",
    "inputs_cv",
    "structure",
    "column_sum",
    "sigma",
    "byproducts",
    "final_share",
)


class GeneratorRecipe(BaseModel):
    """A recipe; the same recipe gives the same economy, bit for bit.

    Build it with :func:`make_recipe`, :func:`parse_inline` or :func:`read_toml_recipe`, which
    explain what is wrong in one line. Knobs of the chosen structure that are left out are
    filled in, so equal recipes are equal objects with equal text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    goods: int = Field(ge=2, le=MAX_GOODS, description="number of goods")
    inputs: str = Field(
        default="10",
        description="mean inputs per technique: 10, log, 2*log, 1.5*n^0.3 or density:0.01",
    )
    inputs_cv: float = Field(
        default=0.25, ge=0, le=0.25, description="coefficient of variation of the inputs' number"
    )
    structure: StructureName = Field(default="uniform", description="who buys from whom")
    sectors: int | None = Field(default=None, ge=1, description="number of sectors")
    within: float | None = Field(
        default=None, ge=0, le=1, description="share of inputs from the own sector"
    )
    band: int | None = Field(
        default=None, ge=1, description="how far up- or downstream a layered supplier stands"
    )
    backflow: float | None = Field(
        default=None, ge=0, le=1, description="share of layered inputs from downstream"
    )
    exponent: float | None = Field(
        default=None, ge=1.1, le=20, description="tail exponent of the number of buyers"
    )
    techniques: int = Field(default=2, ge=1, le=1000, description="techniques per good")
    resources: int = Field(default=5, ge=1, le=100_000, description="scarce resources")
    resources_per_activity: Literal["all", "half"] | int = Field(
        default="half", description="resources an activity uses: all, half, or at most a number"
    )
    tightness: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="1: every resource as scarce as the others; t: endowments up to 1/t ampler",
    )
    byproducts: float = Field(
        default=0.0, ge=0, le=1, description="share of activities with a by-product"
    )
    capacities: float = Field(
        default=0.0, ge=0, le=1, description="share of activities with a finite capacity"
    )
    unit_spread: float = Field(
        default=0.0, ge=0, le=16, description="powers of ten spanned by the physical units"
    )
    final_share: float = Field(
        default=1.0, gt=0, le=1, description="share of goods in final demand"
    )
    targets: int = Field(default=1, ge=1, description="number of plan targets")
    column_sum: float = Field(
        default=0.53, gt=0, le=0.9, description="mean cost of inputs per unit of output, in value"
    )
    sigma: float = Field(
        default=2.0, ge=0, le=3, description="deviation of the logarithm of coefficients"
    )
    profile: str | None = Field(
        default=None, description="statistics of a real table: a profile's name or .toml file"
    )
    regime: RegimeName | None = Field(
        default=None, description=f"inputs per product: {', '.join(REGIMES)} (with a profile)"
    )
    years: int | None = Field(
        default=None, ge=1, le=1000, description="years planned: goods are told apart by date"
    )
    capital: knobs.Capital = None
    depreciation: knobs.Depreciation = None
    terminal: knobs.Terminal = None
    storable: knobs.Storable = None
    spoilage: knobs.Spoilage = None
    growth: knobs.Growth = None
    regions: int | None = Field(
        default=None, ge=1, le=10_000, description="regions: goods are told apart by place"
    )
    cross_share: knobs.CrossShare = None
    tradable: knobs.Tradable = None
    transport: float | None = Field(
        default=None,
        ge=0.001,
        le=10,
        description="cost of carrying to the next region, share of value (default: 0.05)",
    )
    common_target: bool = Field(
        default=False, description="one target for all years and regions, not one for each"
    )
    planted: bool = Field(default=False, description="plant an optimum that is known")
    closed: bool = Field(
        default=False, description="planted without fixed demand and stocks (f = 0)"
    )
    seed: int = Field(default=0, ge=0, le=2**63 - 1, description="seed")

    @field_validator("inputs", mode="before")
    @classmethod
    def _read_law(cls, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError("must be a number or a law such as 2*log")
        return str(parse_law(str(value)))

    @field_validator("regime", mode="before")
    @classmethod
    def _read_regime(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("resources_per_activity", mode="before")
    @classmethod
    def _read_count(cls, value: Any) -> Any:
        text = str(value).strip().lower()
        if text in ("all", "half"):
            return text
        if isinstance(value, bool) or not re.fullmatch(r"\d+", text) or int(text) < 1:
            raise ValueError(f"must be all, half or a number of at least 1, not {value!r}")
        return int(text)

    @model_validator(mode="after")
    def _settle(self) -> GeneratorRecipe:
        if self.profile is not None:
            self._settle_profile(find_profile(self.profile))
        elif self.regime is not None:
            raise ValueError("regime: belongs to a profile; give profile=NAME or use inputs")
        for knob, structure in _OWN_KNOBS.items():
            if getattr(self, knob) is not None and self.structure != structure:
                raise ValueError(
                    f"{knob}: belongs to structure={structure}, not {self.structure}; drop it "
                    f"or set structure={structure}"
                )
        if self.closed and not (self.planted and self.final_share == 1.0):
            raise ValueError("closed: goes with planted=true and final_share=1 only")
        if self.targets > self.goods:
            raise ValueError(f"targets: at most one per good, {self.goods} here")
        mean = self.law.mean(self.goods)
        if self.structure == "sectors":
            roomy = max(1, int(self.goods / (2 * max(mean, 1.0))))
            self._fill("sectors", max(1, min(_MOST_SECTORS, roomy // 2)))
            self._fill("within", 0.9)
            assert self.sectors is not None
            if self.sectors > roomy:
                raise ValueError(
                    f"sectors: {self.sectors} leave fewer goods in a sector than twice the "
                    f"{mean:g} inputs; use at most {roomy}"
                )
        elif self.structure == "layered":
            self._fill("band", max(_FEWEST_BAND, int(4 * mean)))
            self._fill("backflow", 0.08)
            assert self.band is not None
            least = min(int(2 * mean) + 1, self.goods - 1)
            if self.band < least:
                raise ValueError(
                    f"band: {self.band} leaves too few suppliers for {mean:g} inputs; "
                    f"use at least {least}"
                )
            object.__setattr__(self, "band", min(self.band, self.goods - 1))
        elif self.structure == "powerlaw":
            self._fill("exponent", 1.55)
        for knob, value in settle_expansion(self).items():
            object.__setattr__(self, knob, value)
        return self

    def _settle_profile(self, profile: Profile) -> None:
        from planbench.generators.technology import BYPRODUCT_VALUE

        for knob in _PROFILE_DECIDES:
            if knob in self.model_fields_set:
                raise ValueError(f"{knob}: the profile decides it; drop it, or drop profile")
        if self.planted:
            raise ValueError("planted: goes with no profile; drop one of the two")
        self._fill("regime", "published")
        made = sum(BYPRODUCT_VALUE) / 2
        share = profile.byproducts
        decided = {
            "inputs": str(parse_law(str(profile.mean_inputs(self.goods, str(self.regime))))),
            "column_sum": profile.coefficients.column_sum,
            "sigma": profile.coefficients.sigma,
            "byproducts": min(1.0, share / (1.0 - share) / made),
            "final_share": profile.final_demand.share,
        }
        for knob, value in decided.items():
            object.__setattr__(self, knob, value)

    def _fill(self, knob: str, value: float | str) -> None:
        if getattr(self, knob) is None:
            object.__setattr__(self, knob, value)

    @property
    def law(self) -> InputsLaw:
        """Law for the number of inputs."""
        return parse_law(self.inputs)

    @property
    def expands(self) -> bool:
        """Whether goods are told apart by date or place."""
        return self.years is not None or self.regions is not None

    @property
    def of_one_year_and_region(self) -> GeneratorRecipe:
        """The same recipe without years and regions."""
        return self.model_copy(update=WITHOUT)

    @property
    def activities(self) -> int:
        """Number of activities."""
        return self.goods * self.techniques

    @property
    def resources_each(self) -> int:
        """Number of resources an activity uses."""
        if self.resources_per_activity == "all":
            return self.resources
        if self.resources_per_activity == "half":
            return (self.resources + 1) // 2
        return min(self.resources_per_activity, self.resources)

    def to_dict(self) -> dict[str, Any]:
        """Every knob that applies, in JSON values; :func:`make_recipe` reads it back."""
        decided = set(_PROFILE_DECIDES) if self.profile is not None else None
        return self.model_dump(exclude_none=True, exclude=decided)

    def facts(self) -> dict[str, Any]:
        """Say how the economy is made: the generator's version and every knob."""
        facts = {"generator": GENERATOR_VERSION, **self.to_dict()}
        if self.profile is not None:
            facts["profile_digest"] = find_profile(self.profile).digest
        return facts

    def canonical(self) -> str:
        """Text that :func:`parse_inline` reads back; equal recipes have equal text.

        Goods and seed always stand in it, other knobs where they differ from the default.
        """
        facts = []
        for name, value in self.to_dict().items():
            default = type(self).model_fields[name].default
            if name in ("goods", "seed") or value != default:
                facts.append(f"{name}={text_of(value)}")
        return ",".join(facts)

    def short_name(self) -> str:
        """Short name for tables and files, e.g. ``n1000-uniform-s1``.

        Other knobs than goods, structure and seed stand as eight digits of a hash.
        """
        law: tuple[str, str] = ("structure", self.structure)
        if self.profile is not None:
            law = ("profile", self.profile)
        plain = {"goods": self.goods, law[0]: law[1], "seed": self.seed}
        name = f"n{self.goods}-{Path(law[1]).stem}-s{self.seed}"
        if self == GeneratorRecipe.model_validate(plain):
            return name
        return f"{name}-{hashlib.sha256(self.canonical().encode()).hexdigest()[:8]}"


def make_recipe(values: Mapping[str, Any], *, where: str = "recipe") -> GeneratorRecipe:
    """Build a recipe from names and values.

    Raises
    ------
    InputError
        In one line: the field, what it may be, and for an unknown field the nearest name.
    """
    return validated(GeneratorRecipe, values, where=where)


def recipe_of(facts: Mapping[str, Any]) -> GeneratorRecipe:
    """Read back the recipe that a generated economy carries in ``economy.recipe``.

    Raises
    ------
    InputError
        If it is not one, or of another version of the generator.
    """
    if facts.get("generator") != GENERATOR_VERSION:
        raise InputError(
            f"is not from generator version {GENERATOR_VERSION}; generate the economy again",
            where="recipe",
        )
    return make_recipe({k: v for k, v in facts.items() if k not in _MADE})


def parse_inline(text: str) -> GeneratorRecipe:
    """Read the part after ``gen:``, e.g. ``goods=1000,inputs=10,seed=1``.

    Whole numbers may be written ``1e6`` or ``1_000_000``.

    Raises
    ------
    InputError
        Naming the field and the mend.
    """
    values = read_values(split_parts(text.removeprefix("gen:")), _INTEGERS)
    if not values:
        raise InputError("is empty; write e.g. gen:goods=1000,inputs=10,seed=1", where="recipe")
    return make_recipe(values)


_INTEGERS = (
    *("goods", "sectors", "band", "techniques", "resources", "targets", "seed"),
    *("years", "regions"),
)


def read_toml_recipe(path: str | Path) -> GeneratorRecipe:
    """Read a recipe from a TOML file whose top-level keys are the fields.

    Raises
    ------
    InputError
        Naming the file and the field.
    """
    return make_recipe(read_toml(Path(path), "a recipe"), where=str(path))
