"""Profiles: the statistics of a real table, from which economies of any size are made.

A profile holds figures only, no table: sizes, laws and shares fitted by ``planbench calibrate``
(:mod:`planbench.generators.profile_fit`) and kept as TOML. docs/calibration.md says what each
figure is and what is made of it.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from planbench.errors import InputError
from planbench.generators.laws import parse_law
from planbench.io.shipped import instances_folder
from planbench.io.toml_file import read_toml

#: Density regimes: how many inputs a product has in an economy of n goods.
RegimeName = Literal["published", "log", "20", "100", "table"]
REGIMES: tuple[str, ...] = get_args(RegimeName)

#: Tail exponent of suppliers where a table is too small to tell (the detailed US table's is
#: 1.5, that of the world's regions and industries 2.1).
USUAL_TAIL = 1.55
#: The regime ``table``: inputs per product of the detailed US table, growing as n^0.2.
_TABLE_INPUTS, _TABLE_GOODS, _TABLE_EXPONENT = 122.0, 402.0, 0.2
#: Below its own size a table's inputs per product fall about as the root of n, as they do
#: from 405 to 73 to 15 industries of the United States.
_COARSE_EXPONENT = 0.5

Share = Annotated[float, Field(ge=0, le=1)]
# The bounds are wide of every real table, and within what arithmetic can bear.
#: Numbers of inputs or of goods.
Number = Annotated[float, Field(ge=0, le=1e9)]
#: Ratios to a mean of 1.
Ratio = Annotated[float, Field(ge=1e-6, le=1e6)]
Deviation = Annotated[float, Field(ge=0, le=1e3)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Inputs(_Section):
    """Inputs per product: how many, and how many of them matter."""

    mean: float = Field(ge=0.01, le=1e9)
    cv: float = Field(ge=0, le=2, description="coefficient of variation of their number")
    drawn_cv: float = Field(ge=0, le=2, description="the same, to draw with")
    above_1e_4: Number
    above_1e_3: Number
    above_1e_2: Number


class Coefficients(_Section):
    """Sizes of input coefficients, in value per value of output."""

    column_sum: float = Field(ge=1e-6, lt=0.95)
    column_sum_deviation: float = Field(ge=0, le=0.5)
    sigma: float = Field(ge=0, le=4, description="deviation of the logarithm")
    own_sigma: float = Field(ge=0.1, le=4, description="the same within a supplier")
    spectral_radius: float = Field(ge=0, le=1e3)


class Suppliers(_Section):
    """How unequal suppliers are.

    ``links`` are numbers of buyers per good, mean 1 over all goods: the mean of goods ranked
    between the shares 2^(−(k+1)/2) and 2^(−k/2) from the top, k = 0, 1, … Beyond the last band
    they grow like u^(−``steepness``) as the share u falls. ``tail_exponent`` is missing where
    a table is too small for one.
    """

    degree_cv: Deviation = Field(description="coefficient of variation of buyers per good")
    strength_cv: Deviation = Field(description="the same of the sum of coefficients")
    top_share: Share
    universal_share: Share
    tail_exponent: float | None = Field(default=None, ge=0.1, le=100)
    links: tuple[Ratio, ...] = Field(min_length=1, max_length=64)
    steepness: float = Field(ge=0, lt=1)
    size_slope: float = Field(ge=-1, le=2, description="of ln mean coefficient on ln links")
    size_sigma: float = Field(ge=0, le=4, description="deviation of suppliers around that slope")

    @property
    def tail(self) -> float:
        """Tail exponent, :data:`USUAL_TAIL` where the table has none."""
        return self.tail_exponent if self.tail_exponent is not None else USUAL_TAIL


class Communities(_Section):
    """Groups of goods that trade mostly with one another."""

    modularity: float = Field(ge=0, lt=1)
    inside: float = Field(ge=0, le=0.99, description="share of flows inside, to draw with")
    shares: tuple[Annotated[float, Field(ge=1e-6, le=1.001)], ...] = Field(
        min_length=1, max_length=64
    )

    @model_validator(mode="after")
    def _add_up(self) -> Communities:
        if abs(sum(self.shares) - 1.0) > 1e-3:
            raise ValueError(f"shares: add up to {sum(self.shares):g}; they must add up to 1")
        return self


class Order(_Section):
    """How nearly triangular the table is in its best order."""

    triangularity: float = Field(ge=0.5, le=1)
    upstream: float = Field(ge=0.5, le=0.995, description="share of flows upstream, to draw with")


class ValueAdded(_Section):
    """Compensation of employees as a share of value added, over activities."""

    labour: float = Field(ge=1e-6, lt=1)
    labour_deviation: float = Field(ge=0, le=0.5)


class FinalDemand(_Section):
    """Goods in final demand and how unequal their amounts are."""

    share: float = Field(ge=1e-6, le=1)
    sigma: float = Field(ge=0, le=4, description="deviation of the logarithm of amounts")


class TableProfile(_Section):
    """A profile; build it with :func:`make_profile`, read it with :func:`find_profile`.

    Own use of an industry is trade among its goods: figures are taken with the diagonal
    spread over the other inputs of its column.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    title: str
    source: str
    goods: int = Field(ge=2, le=10**9)
    activities: int = Field(ge=2, le=10**9)
    byproducts: float = Field(ge=0, le=0.5, description="share of output that is not the main good")
    inputs: Inputs
    coefficients: Coefficients
    suppliers: Suppliers
    communities: Communities
    order: Order
    final_demand: FinalDemand
    value_added: ValueAdded | None = None

    def mean_inputs(self, goods: int, regime: str) -> float:
        """Compute the inputs per product at `goods` goods in a regime, at most goods − 1.

        Parameters
        ----------
        goods : int
        regime : {"published", "log", "20", "100", "table"}
            The table's own number (falling as the root of n below its own size), ln n, 20,
            100, or 122 (n / 402)^0.2.
        """
        if regime == "published":
            mean = self.inputs.mean * min(1.0, goods / self.goods) ** _COARSE_EXPONENT
        elif regime == "log":
            mean = parse_law("log").mean(goods)
        elif regime == "table":
            mean = _TABLE_INPUTS * (goods / _TABLE_GOODS) ** _TABLE_EXPONENT
        else:
            mean = float(regime)
        return float(min(mean, goods - 1))

    @property
    def digest(self) -> str:
        """Twelve digits of the SHA-256 of every figure, without names and sources."""
        figures = self.model_dump(exclude={"name", "title", "source"}, exclude_none=True)
        return hashlib.sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()[:12]


def make_profile(values: Any, *, where: str = "profile") -> TableProfile:
    """Build a profile from nested names and values.

    Raises
    ------
    InputError
        In one line: the field and what it may be.
    """
    try:
        return TableProfile.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        text = first["msg"].removeprefix("Value error, ")
        if first["type"] == "missing":
            text = "is missing; add it, or make the profile again with planbench calibrate"
        elif first["type"] == "extra_forbidden":
            text = "is no figure of a profile; drop it"
        raise InputError(f"{field}: {text}" if field else text, where=where) from None


def profiles_folder() -> Path:
    """Folder of the profiles that ship with the package."""
    return instances_folder() / "profiles"


def profile_names() -> tuple[str, ...]:
    """Names of the profiles that ship with the package, sorted."""
    return tuple(sorted(path.stem for path in profiles_folder().glob("*.toml")))


def find_profile(name: str) -> TableProfile:
    """Profile of a name that ships with the package, or of a ``.toml`` file.

    Raises
    ------
    InputError
        When there is none, with the nearest name, or it is not a profile.
    """
    if name.endswith(".toml"):
        return read_profile(Path(name))
    names = profile_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
        raise InputError(f"no profile {name!r}; {hint} (or give a .toml file)", where="profile")
    return _shipped(name)


@lru_cache(maxsize=32)
def _shipped(name: str) -> TableProfile:
    return read_profile(profiles_folder() / f"{name}.toml")


def read_profile(path: Path) -> TableProfile:
    """Read a profile from TOML.

    Raises
    ------
    InputError
        Naming the file and the field.
    """
    values = read_toml(path, "a profile")
    return make_profile(values, where=str(path))


def profile_text(profile: TableProfile) -> str:
    """TOML of a profile; :func:`read_profile` gives the same profile back."""
    lines = [f"# Figures of {profile.title}, made by planbench calibrate."]
    values = profile.model_dump(exclude_none=True)
    for key, value in values.items():
        if not isinstance(value, dict):
            lines.append(f"{key} = {_toml(value)}")
    for key, value in values.items():
        if isinstance(value, dict):
            lines += ["", f"[{key}]"]
            lines += [f"{name} = {_toml(entry)}" for name, entry in value.items()]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(entry) for entry in value)}]"
    return repr(value)
