"""A suite: which solvers on which instances, up to which limits, in how much time.

Suites are TOML files; those that ship with planbench go by name (``quick``, ``smoke``).
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from planbench.errors import InputError
from planbench.formatting import SIZE_UNITS, read_number
from planbench.io.files import instances_folder
from planbench.io.text import known_names, read_toml
from planbench.solvers.base import NativeValue, SolveOptions

#: What ``solvers`` may say instead of a list.
AVAILABLE = "available"
#: Variables of a ladder that are options of the solvers, not part of the instance.
OPTION_VARIABLES = ("threads",)
#: Value of what a ladder varies.
Value = int | float | str


def _each_once(values: Any) -> Any:
    """Check that a list holds no value twice."""
    if isinstance(values, list) and len(set(map(str, values))) != len(values):
        raise ValueError("holds a value twice")
    return values


EachOnce = AfterValidator(_each_once)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Options(_Table):
    """Options every solver of the suite is given."""

    tolerance: float | None = Field(default=None, gt=0, lt=1, description="the solver's own")
    threads: int | None = Field(default=None, ge=1, description="threads of a solver")
    seed: int | None = Field(default=None, ge=0, description="seed of a solver")
    native: dict[str, NativeValue] = Field(default_factory=dict, description="native options")

    def to_solve_options(self) -> SolveOptions:
        """Return them as a solver takes them."""
        return SolveOptions(**self.model_dump())


Solvers = Annotated[list[str], Field(min_length=1), EachOnce]


class LadderTable(_Table):
    """One family of instances along one variable, climbed by each solver until it fails.

    The variable is the number of goods (``sizes``, ``{n}`` in the recipe), another part of the
    recipe (``values``, ``{v}``), or an option of the solvers (``values``, no placeholder).
    """

    name: str = Field(min_length=1, description="name of the ladder")
    recipe: str = Field(
        description="instance with {n} for the size or {v} for the value, e.g. gen:goods={n},seed=1"
    )
    sizes: Annotated[list[PositiveInt], Field(min_length=1)] | None = Field(
        default=None, description="numbers of goods, growing"
    )
    values: Annotated[list[Value], Field(min_length=1), EachOnce] | None = Field(
        default=None, description="values of the variable, e.g. 1, 10, 100 or uniform, sectors"
    )
    variable: str = Field(
        default="goods", min_length=1, description="what is varied: goods, inputs, threads, ..."
    )
    seeds: Annotated[list[NonNegativeInt], EachOnce] = Field(
        default_factory=list, description="seeds for {seed} in the recipe, each at every size"
    )
    climb: bool | None = Field(
        default=None,
        description="true: a solver that fails skips what comes after; false: it goes on "
        "(default: true for growing numbers, false for words)",
    )
    solvers: Literal["all"] | Solvers = Field(
        default="all", description="all (the suite's), or a list of solvers"
    )

    @field_validator("sizes")
    @classmethod
    def _grow(cls, value: list[int] | None) -> list[int] | None:
        if value is not None and any(b <= a for a, b in pairwise(value)):
            raise ValueError("must grow from each to the next")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> LadderTable:
        if (self.sizes is None) == (self.values is None):
            raise ValueError("sizes: give either sizes or values")
        if self.sizes is not None and self.variable != "goods":
            raise ValueError(f"sizes: are goods; give values for the variable {self.variable}")
        holder = "{n}" if self.sizes is not None else "{v}"
        expected = {"{seed}": "the seed"} if self.seeds else {}
        if not self.varies_option:
            expected[holder] = f"the value of {self.variable}"
        if set(re.findall(r"{[^}]*}", self.recipe)) != set(expected):
            holds = " and ".join(f"{name} for {what}" for name, what in sorted(expected.items()))
            raise ValueError(f"recipe: must hold {holds or 'no braces'}, and no other braces")
        at = rf"(?:^gen:|,)\s*{re.escape(self.variable)}\s*=[^,]*{re.escape(holder)}"
        if self.recipe.startswith("gen:") and holder in expected and not re.search(at, self.recipe):
            raise ValueError(f"variable: {holder} is not at {self.variable}= in the recipe")
        if self.variable == "threads" and not all(isinstance(v, int) and v > 0 for v in self.steps):
            raise ValueError("values: threads are whole numbers of at least 1")
        if self.climb and not self._grows:
            raise ValueError("climb: only growing numbers can be climbed; use false")
        return self

    @property
    def steps(self) -> list[Value]:
        """Values of the variable, in order."""
        return list(self.sizes or self.values or [])

    @property
    def _grows(self) -> bool:
        numbers = [v for v in self.steps if not isinstance(v, str)]
        return len(numbers) == len(self.steps) and all(b > a for a, b in pairwise(numbers))

    @property
    def climbs(self) -> bool:
        """Whether a solver that fails skips what comes after."""
        return self._grows if self.climb is None else self.climb

    @property
    def varies_option(self) -> bool:
        """Whether the variable is an option of the solvers rather than part of the instance."""
        return self.variable in OPTION_VARIABLES

    def instance(self, value: Value, seed: int | None = None) -> str:
        """Name the instance at `value`."""
        name = self.recipe.replace("{n}", str(value)).replace("{v}", str(value))
        return name if seed is None else name.replace("{seed}", str(seed))


class Suite(_Table):
    """A suite as its file says it; see docs/measurement.md for every field."""

    name: str = Field(min_length=1, description="name, kept in every record")
    description: str = Field(default="", description="what it is for")
    budget_s: float = Field(gt=0, description="seconds after which no further run begins")
    time_limit_s: float = Field(gt=0, description="wall seconds per run")
    memory_limit: float | str = Field(
        default=0.7, description="share of the memory (0.7), bytes, or text such as 4 GiB"
    )
    repeats: int = Field(default=3, ge=1, le=1000, description="runs of each short measurement")
    repeat_below_s: float = Field(
        default=1.0, ge=0, description="only runs shorter than this are repeated"
    )
    rerun_disturbed: bool = Field(default=True, description="repeat a disturbed run once")
    warm_up: bool = Field(default=True, description="run each solver once unrecorded at first")
    polish: bool = Field(default=True, description="also compute the polished gap")
    target_gaps: list[Annotated[float, Field(gt=0, lt=1)]] = Field(
        default_factory=list,
        description="raw gaps each solver is driven to, from loose to tight, e.g. 1e-2, 1e-6",
    )
    solvers: Literal["available"] | Solvers = Field(
        default="available", description="available, or a list of solvers"
    )
    instances: list[str] = Field(default_factory=list, description="instances, in this order")
    optional_instances: list[str] = Field(
        default_factory=list,
        description="instances that are left out, with a note, where they are not at hand",
    )
    ladders: list[LadderTable] = Field(default_factory=list, description="ladders")
    options: Options = Field(default_factory=Options, description="options for every solver")

    @field_validator("memory_limit")
    @classmethod
    def _is_memory(cls, value: float | str) -> float | str:
        parse_memory(value, total=1 << 40)
        return value

    @field_validator("target_gaps")
    @classmethod
    def _tighten(cls, value: list[float]) -> list[float]:
        if any(b >= a for a, b in pairwise(value)):
            raise ValueError("must go from loose to tight")
        return value

    @model_validator(mode="after")
    def _has_work(self) -> Suite:
        if self.target_gaps and self.options.tolerance is not None:
            raise ValueError(
                "has both target_gaps and options.tolerance; target gaps set the tolerance"
            )
        if not self.instances and not self.ladders:
            raise ValueError("has neither instances nor ladders; nothing would be measured")
        twice = set(self.instances) & set(self.optional_instances)
        if twice:
            raise ValueError(f"optional_instances: {min(twice)} is one of the instances already")
        names = [ladder.name for ladder in self.ladders]
        if len(set(names)) != len(names):
            raise ValueError("has two ladders of one name")
        return self

    def memory_limit_bytes(self, total: int) -> int:
        """Return the memory limit in bytes on a machine with `total` bytes."""
        return parse_memory(self.memory_limit, total)


_TABLES: dict[str, type[BaseModel]] = {"ladders": LadderTable, "options": Options}


def parse_memory(value: float | str, total: int) -> int:
    """Read a memory limit: a share of `total` (at most 1), bytes, or text such as ``4 GiB``.

    Raises
    ------
    ValueError
        Says what it may be.
    """
    expected = "must be a share in (0, 1], a number of bytes of at least 2^20, or e.g. '4 GiB'"
    if isinstance(value, str):
        value = read_number(value, SIZE_UNITS)
    elif 0 < value <= 1:
        return int(value * total)
    if not 2**20 <= value < 2**60:
        raise ValueError(expected)
    return int(value)


def suites_folder() -> Path:
    """Return the folder of the suites that ship with planbench."""
    return instances_folder() / "suites"


def list_suites() -> tuple[str, ...]:
    """Names of the suites that ship with planbench."""
    return tuple(sorted(path.stem for path in suites_folder().glob("*.toml")))


def load_suite(name_or_path: str | Path) -> Suite:
    """Load a suite by name or from a TOML file.

    Raises
    ------
    InputError
        No such suite (with the nearest name), or a bad file: names file, field and fix.
    """
    path = Path(name_or_path)
    text_name = str(name_or_path)
    if path.suffix != ".toml" and "/" not in text_name:
        known = list_suites()
        if text_name not in known:
            hint = known_names(text_name, known)
            raise InputError(f"unknown suite {text_name!r}; {hint} (or give a .toml file)")
        path = suites_folder() / f"{text_name}.toml"
    data = read_toml(path, "a suite")
    return make_suite(data, str(path))


def make_suite(data: dict[str, Any], where: str) -> Suite:
    """Check `data` and make a suite of it.

    Raises
    ------
    InputError
        Names `where`, the field at fault and what it may be.
    """
    try:
        return Suite.model_validate(data)
    except ValidationError as error:
        # The most specific complaint: unions report one per alternative.
        first = min(error.errors(), key=_rank)
        raise InputError(_explain(first), where=where) from None


def _rank(problem: Any) -> tuple[int, int]:
    order = ["extra_forbidden", "missing", "value_error"]
    kind = problem["type"]
    return (order.index(kind) if kind in order else len(order), -len(problem["loc"]))


def _explain(problem: Any) -> str:
    """One pydantic complaint in the words of the suite file."""
    table: type[BaseModel] = Suite
    path: list[str] = []
    for part in problem["loc"]:
        if isinstance(part, int):
            path[-1] += f"[{part + 1}]"
            continue
        # Union alternatives appear in the location under the names of their types.
        if not (part in table.model_fields or problem["type"] == "extra_forbidden" or not path):
            break
        path.append(part)
        table = _TABLES.get(part, table)
    field = ".".join(path)
    if problem["type"] == "extra_forbidden":
        return f"unknown field {field}; {known_names(path[-1], table.model_fields)}"
    if problem["type"] == "missing":
        info = table.model_fields.get(path[-1])
        return f"field {field} is missing: {info.description if info else 'it is required'}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    named, colon, rest = message.partition(": ")
    if colon and named in table.model_fields:
        # Fields that do not fit together: the message begins with the one to fix.
        return f"field {'.'.join([*path, named])}: {rest}"
    if not path:
        return message
    info = table.model_fields.get(path[-1].split("[")[0])
    said = repr(problem["input"])
    said = said if len(said) <= 60 else said[:57] + "..."
    allowed = f"; it is {info.description}" if info and info.description else ""
    return f"field {field}: {message}, got {said}{allowed}"
