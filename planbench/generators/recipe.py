"""Recipes: from a line of text or a TOML file to the checked knobs of an economy.

Three kinds: ``gen:goods=1000,inputs=10,techniques=2,resources=5,seed=1`` draws an economy
(:class:`GeneratorRecipe`), ``split:us-bea-71,goods=1000000,seed=1`` splits a table into goods
(:class:`SplitRecipe`), ``years:us-bea-71,years=5,regions=4`` expands one over years and regions
(:class:`ExpandRecipe`). All are ``name=value`` between commas; what is wrong is said in one line.

How much memory an economy needs is known before anything is drawn (:func:`estimate_bytes`).
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from planbench.errors import InputError
from planbench.io.files import require_memory
from planbench.io.text import known_names, read_toml

_QUOTES = "\"'"
#: One part: perhaps ``name =``, then text in quotes (doubled inside it) or text without commas.
_PART = re.compile(
    r"""\s*(?:(?P<name>[^,="']+?)\s*=\s*)?"""
    r"""(?:"(?P<double>(?:[^"]|"")*)"|'(?P<single>(?:[^']|'')*)'|(?P<plain>[^,]*))\s*(?:,|$)"""
)


def split_parts(text: str) -> list[tuple[str, str]]:
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
                where="recipe",
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


def read_values(parts: list[tuple[str, str]]) -> dict[str, str]:
    """Values by name; whole numbers may be written ``1e6``.

    Raises
    ------
    InputError
        On a part that is not ``name=value``, or a name given twice.
    """
    values: dict[str, str] = {}
    for name, value in parts:
        if not name or not value:
            said = f"{name}=" if name else value
            hint = "" if name else '; text that holds a comma goes in quotes: "a,b"'
            raise InputError(f"{said!r} is not name=value{hint}", where="recipe")
        if name in values:
            raise InputError(f"{name}: occurs twice", where="recipe")
        short = re.fullmatch(r"(\d+)[eE]\+?(\d{1,2})", value) if name != "table" else None
        values[name] = short[1] + "0" * int(short[2]) if short else value
    return values


def text_of(value: object) -> str:
    """`value` in the text of a recipe: ``true``, ``5`` for 5.0, quotes where they are needed."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return quoted(text.removesuffix(".0") if isinstance(value, float) else text)


_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_LAW = re.compile(
    rf"(?P<constant>{_NUMBER})|density:(?P<density>{_NUMBER})"
    rf"|(?:(?P<factor>{_NUMBER})\*?)?(?:log(?:\(?n\)?)?|n\^(?P<exponent>{_NUMBER}))"
)
_LAW_EXAMPLES = "10, log, 2*log, 1.5*n^0.3 or density:0.01"


class InputsLaw(NamedTuple):
    """Mean number of inputs per technique as a function of the number of goods n.

    Attributes
    ----------
    text : str
        As people type it, the shortest that reads back as the same law.
    factor : float
        c > 0.
    exponent : float or None
        c·n^a with a in [0, 1], c·ln n for None.
    """

    text: str
    factor: float
    exponent: float | None

    def mean(self, goods: int) -> float:
        """Mean number of inputs at `goods` goods, at most goods − 1, in steps of 2⁻¹⁰.

        The steps keep a last-digit difference between mathematical libraries out of the
        generated arrays.
        """
        grown = math.log(goods) if self.exponent is None else float(goods) ** self.exponent
        return min(round(self.factor * grown * 1024) / 1024, float(goods - 1))


def parse_law(text: str) -> InputsLaw:
    """Read a law.

    Raises
    ------
    ValueError
        With one line naming the allowed forms.
    """
    match = _LAW.fullmatch(text.replace(" ", "").replace("·", "*").replace("**", "^").lower())
    if match is None:
        raise ValueError(
            f"{text!r} is no law for the number of inputs; write it as {_LAW_EXAMPLES}"
        )
    constant, density, factor, power = match.group("constant", "density", "factor", "exponent")
    size = float(constant or density or factor or 1)
    if not 0 < size < math.inf:
        raise ValueError(f"must be above 0, not {text!r}; write it as {_LAW_EXAMPLES}")
    if density and size > 1:
        raise ValueError(f"a density is a share of all goods, at most 1, not {size:g}")
    if constant:
        return InputsLaw(f"{size:.12g}", size, 0.0)
    if density:
        return InputsLaw(f"density:{size:.12g}", size, 1.0)
    exponent = float(power) if power else None
    if exponent is not None and exponent > 1:
        raise ValueError(f"inputs cannot grow faster than n; {text!r} has exponent above 1")
    term = "log" if exponent is None else f"n^{exponent:.12g}"
    return InputsLaw(term if size == 1 else f"{size:.12g}*{term}", size, exponent)


class _Recipe(BaseModel):
    """Fields of a recipe; equal recipes are equal objects with equal text."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def _text(self, values: Mapping[str, Any], always: Collection[str] = ()) -> str:
        """Write goods, seed and what is in `always` or differs from its default."""
        return ",".join(
            f"{name}={text_of(value)}"
            for name, value in values.items()
            if name in ("goods", "seed", *always) or value != type(self).model_fields[name].default
        )


_Kind = TypeVar("_Kind", bound=_Recipe)


def validated(model: type[_Kind], values: Mapping[str, Any], *, where: str) -> _Kind:
    """Build a recipe from names and values.

    Raises
    ------
    InputError
        In one line: the field, what it may be, and for an unknown field the nearest name.
    """
    known = list(model.model_fields)
    for name in values:
        if name not in known:
            raise InputError(f"no field {name!r}; {known_names(str(name), known)}", where=where)
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
        choices = list(map(str, get_args(info.annotation)))
        text = f"must be {', '.join(choices)}"
        near = difflib.get_close_matches(str(first["input"]), choices, n=1)
        text += f" (did you mean {near[0]!r}?)" if near else ""
    if first["type"] == "value_error":
        return f"{field}: {text}"
    return f"{field}: {text[0].lower()}{text[1:]}, not {first['input']!r} ({info.description})"


Share = Annotated[float, Field(ge=0, le=1)]

# Knobs that several kinds of recipes have.
SeedKnob = Annotated[int, Field(ge=0, le=2**63 - 1, description="seed")]
CommonTargetKnob = Annotated[
    bool, Field(description="one target for all years and regions, not one for each")
]
CapitalKnob = Annotated[
    float, Field(ge=0, le=20, description="years of value added held as capital")
]
DepreciationKnob = Annotated[
    float, Field(ge=0.01, le=1, description="share of capital lost in a year")
]
TerminalKnob = Annotated[
    float, Field(ge=0, le=1, description="share of the first stocks to be left")
]
StorableKnob = Annotated[Share, Field(description="share of goods that keep")]
SpoilageKnob = Annotated[float, Field(ge=0, le=0.99, description="share lost in a year of store")]
GrowthKnob = Annotated[float, Field(ge=-0.5, le=1, description="growth of the endowments a year")]
CrossShareKnob = Annotated[
    float, Field(ge=0, le=1, description="share of inputs from other regions")
]
TradableKnob = Annotated[float, Field(ge=0, le=1, description="share of goods that can be carried")]
#: Knobs that apply only where another has a value, or the one named.
_BELONG: dict[str, tuple[str, str | None]] = {
    "sectors": ("structure", "sectors"),
    "within": ("structure", "sectors"),
    "band": ("structure", "layered"),
    "backflow": ("structure", "layered"),
    "exponent": ("structure", "powerlaw"),
    **dict.fromkeys(
        ("capital", "depreciation", "terminal", "storable", "spoilage", "growth", "discount"),
        ("years", None),
    ),
    **dict.fromkeys(("cross_share", "tradable", "transport", "loss", "spread"), ("regions", None)),
}
_EXAMPLE = {"years": "years=5", "regions": "regions=4"}
#: Shares of regions in a resource are 1 plus or minus this before they are divided by their sum.
SPREAD = 0.5
#: Replacing capital takes at most this share of value added.
MOST_WORN = 0.3


def _idle(recipe: _Recipe) -> dict[str, str]:
    """Knobs that do not apply, with what they belong to."""
    return {
        knob: owner if value is None else f"{owner}={value}"
        for knob, (owner, value) in _BELONG.items()
        if (found := getattr(recipe, owner, None)) is None or value not in (None, found)
    }


def _check_knobs(recipe: GeneratorRecipe | ExpandRecipe) -> None:
    """Check what knobs belong to, and capital; without capital none of it is left at the end.

    Raises
    ------
    ValueError
        When a knob is given without its owner, stocks are to be left of none, or more wears out
        than can be replaced: ``field: what is wrong and what to do``.
    """
    given = recipe.model_fields_set
    for knob, owner in _idle(recipe).items():
        if knob in given:
            raise ValueError(f"{knob}: belongs to {owner}; add {_EXAMPLE.get(owner, owner)}")
    if recipe.years is None:
        return
    if recipe.capital == 0:
        if "terminal" in given and recipe.terminal:
            raise ValueError("terminal: is a share of the capital, and capital=0; drop one of them")
        object.__setattr__(recipe, "terminal", 0.0)
    worn = recipe.capital * recipe.depreciation
    if worn > MOST_WORN * (1 + 1e-12):
        raise ValueError(
            f"capital: replacing it takes capital × depreciation = {worn:g} of value added; "
            f"at most {MOST_WORN:g}"
        )


StructureName = Literal["uniform", "powerlaw", "sectors", "layered"]

#: Raised whenever the same recipe gives other arrays than before.
GENERATOR_VERSION = 1
#: Largest number of goods: rows must fit into 31 bits.
MAX_GOODS = 2**31 - 1
_FEWEST_BAND = 30
_MOST_SECTORS = 10
#: A by-product is worth between these shares of the main product.
BYPRODUCT_VALUE = (0.1, 0.5)


class GeneratorRecipe(_Recipe):
    """A recipe; the same recipe gives the same economy, bit for bit.

    Build it with :func:`make_recipe`, :func:`parse_inline` or :func:`read_toml_recipe`, which
    explain what is wrong in one line. Knobs of the chosen structure that are left out are
    filled in.
    """

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
    within: Share = Field(default=0.9, description="share of inputs from the own sector")
    band: int | None = Field(
        default=None, ge=1, description="largest distance of a layered supplier up- or downstream"
    )
    backflow: Share = Field(default=0.08, description="share of layered inputs from downstream")
    exponent: float = Field(
        default=1.55, ge=1.1, le=20, description="tail exponent of the number of buyers"
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
    byproducts: Share = Field(default=0.0, description="share of activities with a by-product")
    capacities: Share = Field(default=0.0, description="share of activities with a finite capacity")
    binding: Share = Field(
        default=0.0, description="share of activities whose capacity is meant to bind"
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
    years: int | None = Field(
        default=None, ge=1, le=1000, description="years planned; goods are dated"
    )
    capital: CapitalKnob = 2.0
    depreciation: DepreciationKnob = 0.1
    terminal: TerminalKnob = 1.0
    storable: StorableKnob = 0.3
    spoilage: SpoilageKnob = 0.05
    growth: GrowthKnob = 0.02
    regions: int | None = Field(
        default=None, ge=1, le=10_000, description="number of regions; goods are placed"
    )
    cross_share: CrossShareKnob = 0.1
    tradable: TradableKnob = 0.1
    transport: float = Field(
        default=0.05,
        ge=0.001,
        le=10,
        description="cost of carrying to the next region, share of value",
    )
    common_target: CommonTargetKnob = False
    planted: bool = Field(default=False, description="plant an optimum that is known")
    closed: bool = Field(
        default=False, description="planted without fixed demand and stocks (f = 0)"
    )
    seed: SeedKnob = 0

    @field_validator("inputs", mode="before")
    @classmethod
    def _read_law(cls, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError("must be a number or a law such as 2*log")
        return parse_law(str(value)).text

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
        _check_knobs(self)
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
            assert self.sectors is not None
            if self.sectors > roomy:
                raise ValueError(
                    f"sectors: {self.sectors} leave fewer goods in a sector than twice the "
                    f"{mean:g} inputs; use at most {roomy}"
                )
        elif self.structure == "layered":
            self._fill("band", max(_FEWEST_BAND, int(4 * mean)))
            assert self.band is not None
            least = min(int(2 * mean) + 1, self.goods - 1)
            if self.band < least:
                raise ValueError(
                    f"band: {self.band} leaves too few suppliers for {mean:g} inputs; "
                    f"use at least {least}"
                )
            object.__setattr__(self, "band", min(self.band, self.goods - 1))
        if self.common_target and not self.expands:
            raise ValueError("common_target: belongs to years or regions; add years=5")
        if self.planted and self.expands:
            raise ValueError("planted: goes with neither years nor regions; drop it")
        return self

    def _fill(self, knob: str, value: float) -> None:
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
        return self.model_copy(update={"years": None, "regions": None, "common_target": False})

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
        left_out = set(_idle(self))
        if not self.binding:
            left_out.add("binding")
        return self.model_dump(exclude_none=True, exclude=left_out)

    def facts(self) -> dict[str, Any]:
        """Say how the economy is made: the generator's version and every knob."""
        return {"generator": GENERATOR_VERSION, **self.to_dict()}

    def canonical(self) -> str:
        """Text that :func:`parse_inline` reads back; equal recipes have equal text.

        Goods, seed and what belongs to a structure, to years or to regions are always in it,
        other knobs where they differ from the default.
        """
        return self._text(self.to_dict(), always=_BELONG)


def make_recipe(values: Mapping[str, Any], *, where: str = "recipe") -> GeneratorRecipe:
    """Build a recipe from names and values.

    Raises
    ------
    InputError
        In one line: the field, what it may be, and for an unknown field the nearest name.
    """
    return validated(GeneratorRecipe, values, where=where)


def parse_inline(text: str) -> GeneratorRecipe:
    """Read the part after ``gen:``, e.g. ``goods=1000,inputs=10,seed=1``.

    Whole numbers may be written ``1e6`` or ``1_000_000``.

    Raises
    ------
    InputError
        Naming the field and what it may be.
    """
    parts = split_parts(text.removeprefix("gen:"))
    if not parts:
        raise InputError("is empty; write e.g. gen:goods=1000,inputs=10,seed=1", where="recipe")
    return validated(GeneratorRecipe, read_values(parts), where="recipe")


def read_toml_recipe(path: str | Path) -> GeneratorRecipe:
    """Read a recipe from a TOML file whose top-level keys are the fields.

    Raises
    ------
    InputError
        Naming the file and the field.
    """
    return make_recipe(read_toml(Path(path), "a recipe"), where=str(path))


#: Raised whenever the same recipe gives other arrays than before.
SPLIT_VERSION = 2
SPLIT_PREFIX = "split:"
SPLIT_EXAMPLE = "split:us-bea-71,goods=1000,seed=1"


class SplitRecipe(_Recipe):
    """A recipe; build it with :func:`parse_split` or :func:`read_split`."""

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
    seed: SeedKnob = 0

    @model_validator(mode="after")
    def _check(self) -> SplitRecipe:
        if self.alternatives != "dearer" and self.techniques == 1:
            raise ValueError("alternatives: belongs to several techniques; add techniques=2")
        return self

    def canonical(self) -> str:
        """Text that :func:`parse_split` reads back, without the prefix."""
        values = self.model_dump(exclude={"table"}, exclude_none=True)
        return f"{quoted(self.table)},{self._text(values)}"


def parse_split(text: str) -> SplitRecipe:
    """Read ``TABLE,goods=1000,seed=1``, with or without ``split:`` in front.

    A name that holds a comma or an equal sign must be quoted.

    Raises
    ------
    InputError
        Naming the field and what it may be.
    """
    table, rest = split_source(text.removeprefix(SPLIT_PREFIX), SPLIT_EXAMPLE)
    return validated(SplitRecipe, read_values([("table", table), *rest]), where="recipe")


def read_split(texts: Mapping[str, str]) -> SplitRecipe:
    """Build a recipe from names and texts, as a command line has them; names need no quotes.

    Raises
    ------
    InputError
        Naming the field and what it may be.
    """
    return validated(SplitRecipe, read_values(list(texts.items())), where="recipe")


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


class ExpandRecipe(_Recipe):
    """A recipe; build it with :func:`parse_expand`."""

    table: str = Field(min_length=1, description="a table, or a recipe split:… in quotes")
    years: int | None = Field(default=None, ge=1, le=1000, description="years planned")
    capital: CapitalKnob = 2.0
    depreciation: DepreciationKnob = 0.1
    terminal: TerminalKnob = 1.0
    storable: StorableKnob = 0.3
    spoilage: SpoilageKnob = 0.05
    growth: GrowthKnob = 0.02
    discount: float = Field(
        default=1.0, ge=0.01, le=1, description="weight of a year over the last"
    )
    regions: int | None = Field(default=None, ge=1, le=10_000, description="number of regions")
    cross_share: CrossShareKnob = 0.1
    tradable: TradableKnob = 0.1
    loss: float = Field(default=0.05, ge=0.001, le=0.99, description="share lost on the way")
    spread: float = Field(
        default=SPREAD, ge=0, le=0.9, description="how unequal regions are; 0: equal"
    )
    common_target: CommonTargetKnob = False
    seed: SeedKnob = 0

    @model_validator(mode="after")
    def _fill_in(self) -> ExpandRecipe:
        if self.years is None and self.regions is None:
            raise ValueError("years: is missing; add years=5 (or regions=4 in a recipe regions:…)")
        _check_knobs(self)
        return self

    @property
    def prefix(self) -> str:
        """``years:``, or ``regions:`` where no years are planned."""
        return YEARS_PREFIX if self.years is not None else REGIONS_PREFIX

    def canonical(self) -> str:
        """Text that :func:`parse_expand` reads back, with its prefix."""
        left_out = {"table", *_idle(self), *(() if self.capital else ("terminal",))}
        values = self.model_dump(exclude=left_out, exclude_none=True)
        return f"{self.prefix}{quoted(self.table)},{self._text(values)}"


def parse_expand(text: str) -> ExpandRecipe:
    """Read ``years:TABLE,years=5,…`` or ``regions:TABLE,regions=4,…``.

    Either may hold the knobs of both. A table that holds commas must be quoted.

    Raises
    ------
    InputError
        Naming the field and what it may be.
    """
    prefix = next(prefix for prefix in PREFIXES if text.startswith(prefix))
    table, rest = split_source(text.removeprefix(prefix), _EXPAND_EXAMPLES[prefix])
    owner = prefix.removesuffix(":")
    quotes = text.removeprefix(prefix).lstrip()[:1] in tuple(_QUOTES)
    if table.startswith(("gen:", *PREFIXES)) or (table.startswith(SPLIT_PREFIX) and not quotes):
        raise InputError(
            "is no table: give a table, or a recipe in quotes such as "
            '"split:us-bea-71,goods=1000"; '
            "years and regions both go into one recipe, and a recipe gen:… has its own",
            where=table[:60],
        )
    recipe = validated(ExpandRecipe, read_values([("table", table), *rest]), where="recipe")
    if getattr(recipe, owner) is None:
        raise InputError(
            f"{owner}: is missing; write e.g. {_EXPAND_EXAMPLES[prefix]}", where="recipe"
        )
    return recipe


#: Share of goods that serve as capital, and kinds of capital an activity holds.
CAPITAL_GOODS = 0.1
CAPITAL_KINDS = 2


def finished_bytes(recipe: GeneratorRecipe) -> int:
    """Bytes of the finished arrays, as :attr:`Economy.nbytes`, to the means of what is drawn."""
    regions, years = recipe.regions or 1, recipe.years or 1
    n, made = recipe.goods, recipe.activities * regions
    carried = regions * min(regions - 1, 2) * round(recipe.tradable * n)
    capital = kept = stored = 0
    if recipe.years is not None:
        stored = (years - 1) * round(recipe.storable * n) * regions
        if recipe.capital:
            capital = max(1, round(CAPITAL_GOODS * n)) * regions
            # Capital is kept and built in the last year only where some must be left.
            kept = years if recipe.terminal else years - 1
    held = float(min(CAPITAL_KINDS, capital)) * made
    durable = 2 * capital * kept
    goods = (n * regions + capital) * years + (capital if recipe.terminal else 0)
    activities = (made + carried) * years + durable + stored
    targets = recipe.targets * (1 if recipe.common_target else regions * years)
    inputs = (recipe.law.mean(n) * made + 2.0 * carried + held) * years + durable + stored
    outputs = ((1.0 + recipe.byproducts) * made + carried) * years + held * kept + durable + stored
    resource_use = float(recipe.resources_each) * made * years
    assortment = max(float(recipe.targets), recipe.final_share * n) * regions * years
    total = 8.0 * (goods + activities + recipe.resources * regions * years + targets)
    for entries, columns in (
        *((entries, activities) for entries in (inputs, outputs, resource_use)),
        (assortment, targets),
    ):
        index = 4 if max(entries, goods, activities) < 2**31 else 8
        total += entries * (8 + index) + columns * index
    return int(total)


#: Chunk buffers, look-up tables and other memory of numpy, whatever the size.
_FIXED = 96 << 20
#: Vectors of one float64 per activity and per good alive at the same time, at most.
_ACTIVITY_VECTORS, _GOOD_VECTORS = 9, 8
#: Times a year's share of the finished arrays alive while the years are put together, at most.
_YEARS_ALIVE = 4


def estimate_bytes(recipe: GeneratorRecipe) -> int:
    """Peak bytes while the recipe is generated, the finished arrays included."""
    vectors = 8 * (_ACTIVITY_VECTORS * recipe.activities + _GOOD_VECTORS * recipe.goods)
    widest = 8 * 8 * max(recipe.goods, recipe.resources)
    if recipe.planted:
        # Sums are added up in a fixed order with one good and one product per entry.
        vectors += 8 * 6 * recipe.activities
    if recipe.expands:
        # Also alive: the economy of one year and region, and those of a year being built.
        base = finished_bytes(recipe.of_one_year_and_region)
        parts = 0 if recipe.years is None else _YEARS_ALIVE * finished_bytes(recipe) // recipe.years
        vectors += base + parts
    return finished_bytes(recipe) + vectors + widest + _FIXED


def refuse_if_too_large(recipe: GeneratorRecipe) -> None:
    """Refuse a recipe that does not fit into the memory that is free.

    Raises
    ------
    InputError
        With the estimate and what is available.
    """
    require_memory(
        estimate_bytes(recipe),
        f"gen:{recipe.canonical()}",
        "this economy",
        "use fewer goods or inputs",
    )
