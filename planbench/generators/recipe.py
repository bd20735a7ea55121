"""The recipe of a generated economy: every knob, its range, and its text form.

People type recipes as ``gen:goods=1000,inputs=10,techniques=2,resources=5,seed=1`` or write
them as TOML files with the same names.

Knobs of years and regions are defined first: the recipes of tables have them too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from planbench.errors import InputError
from planbench.generators.laws import InputsLaw, parse_law
from planbench.generators.profile import REGIMES, RegimeName, TableProfile, find_profile
from planbench.generators.recipe_text import read_values, split_parts, text_of, validated
from planbench.io.toml_file import read_toml

# What a knob may be; None stands for its default.
CapitalKnob = Annotated[
    float | None,
    Field(ge=0, le=20, description="years of value added held as capital (default: 2)"),
]
DepreciationKnob = Annotated[
    float | None, Field(ge=0.01, le=1, description="share of capital lost in a year (default: 0.1)")
]
TerminalKnob = Annotated[
    float | None, Field(ge=0, le=1, description="share of the first stocks to be left (default: 1)")
]
StorableKnob = Annotated[
    float | None, Field(ge=0, le=1, description="share of goods that keep (default: 0.3)")
]
SpoilageKnob = Annotated[
    float | None, Field(ge=0, le=0.99, description="share lost in a year of store (default: 0.05)")
]
GrowthKnob = Annotated[
    float | None,
    Field(ge=-0.5, le=1, description="growth of the endowments a year (default: 0.02)"),
]
CrossShareKnob = Annotated[
    float | None, Field(ge=0, le=1, description="share of inputs from other regions (default: 0.1)")
]
TradableKnob = Annotated[
    float | None, Field(ge=0, le=1, description="share of goods that can be carried (default: 0.1)")
]
#: Knobs that go with ``years``, with their defaults.
OF_YEARS: dict[str, Any] = {
    "capital": 2.0,
    "depreciation": 0.1,
    "terminal": 1.0,
    "storable": 0.3,
    "spoilage": 0.05,
    "growth": 0.02,
}
#: Knobs that go with ``regions``, with their defaults.
OF_REGIONS: dict[str, Any] = {"cross_share": 0.1, "tradable": 0.1, "transport": 0.05}
#: Shares of regions in a resource are 1 plus or minus this before they are divided by their sum.
SPREAD = 0.5
#: Values to suggest.
_EXAMPLE = {"years": 5, "regions": 4}
#: Replacing capital takes at most this share of value added.
MOST_WORN = 0.3
#: What a recipe without years and regions has instead.
WITHOUT: dict[str, Any] = {
    **dict.fromkeys(("years", "regions", *OF_YEARS, *OF_REGIONS)),
    "common_target": False,
}


@dataclass(frozen=True)
class YearKnobs:
    """Knobs of a recipe over years, none left out; the recipes describe them."""

    years: int
    capital: float
    depreciation: float
    terminal: float
    storable: float
    spoilage: float
    growth: float
    discount: float = 1.0


@dataclass(frozen=True)
class RegionKnobs:
    """Knobs of a recipe in regions, none left out; the recipes describe them."""

    regions: int
    cross_share: float
    tradable: float
    transport: float = 0.0
    loss: float = 0.0
    spread: float = SPREAD


def year_knobs(recipe: Any) -> YearKnobs | None:
    """Knobs of the years of a recipe; None for one year."""
    return None if recipe.years is None else YearKnobs(**_values(YearKnobs, recipe))


def region_knobs(recipe: Any) -> RegionKnobs | None:
    """Knobs of the regions of a recipe; None for one undivided economy."""
    return None if recipe.regions is None else RegionKnobs(**_values(RegionKnobs, recipe))


def _values(kind: type[YearKnobs] | type[RegionKnobs], recipe: BaseModel) -> dict[str, Any]:
    """Values of those fields of `kind` that the recipe has; for others the default holds."""
    known = type(recipe).model_fields
    return {f.name: getattr(recipe, f.name) for f in fields(kind) if f.name in known}


def check_expansion(recipe: Any) -> dict[str, Any]:
    """Defaults of the knobs that are left out.

    Parameters
    ----------
    recipe : GeneratorRecipe

    Raises
    ------
    ValueError
        ``field: what is wrong and what to do``, where knobs do not go together.
    """
    filled = fill_knobs(recipe, {"years": OF_YEARS, "regions": OF_REGIONS})
    if recipe.years is None and recipe.regions is None:
        if recipe.common_target:
            raise ValueError("common_target: belongs to years or regions; add years=5")
        return filled
    if recipe.planted:
        raise ValueError("planted: goes with neither years nor regions; drop it")
    if recipe.years is not None:
        check_capital(recipe, filled)
    return filled


def fill_knobs(recipe: Any, owners: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Defaults of the knobs of years and of regions that are left out.

    Raises
    ------
    ValueError
        When a knob is given whose owner is not.
    """
    filled: dict[str, Any] = {}
    for owner, knobs in owners.items():
        for knob, default in knobs.items():
            given = getattr(recipe, knob)
            if getattr(recipe, owner) is None:
                if given is not None:
                    raise ValueError(f"{knob}: belongs to {owner}; add {owner}={_EXAMPLE[owner]}")
            elif given is None:
                filled[knob] = default
    return filled


def check_capital(recipe: Any, filled: dict[str, Any]) -> None:
    """Check the knobs of capital; without any, nothing of it is left at the end.

    Raises
    ------
    ValueError
        Where stocks are to be left of none, or more wears out than can be replaced.
    """
    if recipe.capital == 0:
        if recipe.terminal:
            raise ValueError("terminal: is a share of the capital, and capital=0; drop one of them")
        filled["terminal"] = 0.0
    worn = filled.get("capital", recipe.capital) * filled.get("depreciation", recipe.depreciation)
    if worn > MOST_WORN * (1 + 1e-12):
        raise ValueError(
            f"capital: replacing it takes capital × depreciation = {worn:g} of value added; "
            f"at most {MOST_WORN:g}"
        )


StructureName = Literal["uniform", "powerlaw", "sectors", "layered"]

#: Raised whenever the same recipe gives other arrays than before.
GENERATOR_VERSION = 1
#: Entries of a generated economy's recipe that are no knobs.
_MADE = ("generator", "planted_optimum", "profile_digest")
#: Largest number of goods: rows must fit into 31 bits.
MAX_GOODS = 2**31 - 1
_FEWEST_BAND = 30
_MOST_SECTORS = 10
#: A by-product is worth between these shares of the main product.
BYPRODUCT_VALUE = (0.1, 0.5)
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
        default=None,
        ge=1,
        description="largest distance of a layered supplier up- or downstream",
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
    binding: float = Field(
        default=0.0, ge=0, le=1, description="share of activities whose capacity is meant to bind"
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
        default=None,
        ge=1,
        le=1000,
        description="years planned; goods are dated",
    )
    capital: CapitalKnob = None
    depreciation: DepreciationKnob = None
    terminal: TerminalKnob = None
    storable: StorableKnob = None
    spoilage: SpoilageKnob = None
    growth: GrowthKnob = None
    regions: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="number of regions; goods are placed",
    )
    cross_share: CrossShareKnob = None
    tradable: TradableKnob = None
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
    def _fill_in(self) -> GeneratorRecipe:
        if self.profile is not None:
            self._fill_in_from_profile(find_profile(self.profile))
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
        if self.binding > 0 and (self.planted or self.capacities > 0):
            raise ValueError("binding: goes with neither planted nor capacities; drop one of them")
        if self.binding > 0 and not self.binding * self.techniques <= 1 < self.techniques:
            room = f"at most {1 / self.techniques:g}" if self.techniques > 1 else "add techniques=2"
            raise ValueError(f"binding: limits one of a good's techniques, never all; {room}")
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
        for knob, value in check_expansion(self).items():
            object.__setattr__(self, knob, value)
        return self

    def _fill_in_from_profile(self, profile: TableProfile) -> None:
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
        """Whether goods are dated or placed."""
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
        left_out = set(_PROFILE_DECIDES) if self.profile is not None else set()
        if not self.binding:
            left_out.add("binding")
        return self.model_dump(exclude_none=True, exclude=left_out)

    def facts(self) -> dict[str, Any]:
        """Say how the economy is made: the generator's version and every knob."""
        facts = {"generator": GENERATOR_VERSION, **self.to_dict()}
        if self.profile is not None:
            facts["profile_digest"] = find_profile(self.profile).digest
        return facts

    def canonical(self) -> str:
        """Text that :func:`parse_inline` reads back; equal recipes have equal text.

        Goods and seed are always in it, other knobs where they differ from the default.
        """
        facts = []
        for name, value in self.to_dict().items():
            default = type(self).model_fields[name].default
            if name in ("goods", "seed") or value != default:
                facts.append(f"{name}={text_of(value)}")
        return ",".join(facts)

    def short_name(self) -> str:
        """Short name for tables and files, e.g. ``n1000-uniform-s1``.

        Knobs other than goods, structure and seed are in it as eight digits of a hash.
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
        Naming the field and what it may be.
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
