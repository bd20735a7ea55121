"""Arguments and options that several commands share, how their text is read, files they name."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import wraps
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

import typer

from planbench.cli import console
from planbench.errors import InputError
from planbench.formatting import SIZE_UNITS, plural, read_number
from planbench.io.files import check_writable
from planbench.measure.memory import default_limit
from planbench.records.schema import AB, SIDE, Record
from planbench.records.store import read_records
from planbench.solvers.base import NativeValue, SolveOptions

if TYPE_CHECKING:
    from planbench.catalogue.instance import Instance

_INSTANCE_HELP = (
    "A built-in name, a file (.npz .mps .mps.gz .lp .toml), a folder of CSV files, gen:goods=…, "
    "split:TABLE,goods=…, years:TABLE,years=…, regions:TABLE,regions=… or table:NAME"
)
_SOLVER = "Solver"
_Result = TypeVar("_Result")
DEFAULT_SOLVER = "highs-ipm"
#: Default of a time limit, read by the parser of the option.
ONE_MINUTE: Any = "60s"

_TIME_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SHARE_UNITS = {"": 1.0, "%": 0.01}
_NO_UNIT = {"": 1.0}
# Parsers of options. typer calls them with the text given, or with the default, and adds the name
# of the option to the error.


def _number(
    expected: str, accepts: Callable[[float], bool], units: Mapping[str, float] = _NO_UNIT
) -> Callable[[Any], float]:
    """Return a parser of non-negative numbers, with or without a unit."""

    def parse(text: Any) -> float:
        value = read_number(str(text), units)
        if not accepts(value):
            raise typer.BadParameter(f"is {str(text)!r}; give {expected}")
        return value

    return parse


def _above_0(value: float) -> bool:
    return 0 < value < math.inf


seconds = _number("a time above 0, e.g. 90, 10min or 2h", _above_0, _TIME_UNITS)
_bytes = _number("a size above 0, e.g. 500MB or 4GB", _above_0, SIZE_UNITS)
spread = _number("a share above 0, e.g. 5% or 0.05", _above_0, _SHARE_UNITS)
share = _number("a share between 0 and 1, e.g. 5% or 0.05", lambda v: 0 < v < 1, _SHARE_UNITS)


def size(text: Any) -> int:
    """Read a size such as ``500MB`` or ``4GiB``; in bytes."""
    return math.ceil(_bytes(text))


def between(low: float, high: float) -> Callable[[Any], float]:
    """Return a parser of numbers strictly between `low` and `high`."""
    return _number(f"a number between {low:g} and {high:g}", lambda value: low < value < high)


def check_destination(text: str) -> Path:
    """Check the name and place of an instance to be written, before anything is computed.

    Raises
    ------
    InputError
        On an ending of no known format, or a place that cannot be written.
    """
    path = Path(text)
    name = path.name.lower()
    if name.endswith((".npz", ".mps", ".mps.gz")):
        return check_writable(path)
    if "." in name.strip(".") and not text.endswith("/") and not path.is_dir():
        endings = ".npz, .mps, .mps.gz, or a folder (a name without ending)"
        raise InputError(f"is of no known format; give {endings}", where=text)
    return check_writable(path, folder=True)


def plan_file(text: str) -> Path:
    """Check the name and place of a plan to be written, before anything is computed.

    Raises
    ------
    InputError
        On another ending, or a place that cannot be written.
    """
    if not text.lower().endswith((".npz", ".csv")):
        raise InputError("the name of a plan ends in .npz or .csv", where=text)
    return check_writable(Path(text))


def parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """Make a parameter of a command whose options are listed as data."""
    kind = inspect.Parameter.KEYWORD_ONLY  # a required one may follow others
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def set_parameters(command: Any, parameters: Sequence[inspect.Parameter]) -> None:
    """Give a command that takes ``**given`` its parameters, where typer looks for them."""
    command.__signature__ = inspect.Signature(parameters)
    command.__annotations__ = {p.name: p.annotation for p in parameters}


def recipe_option(name: str, field: Any) -> inspect.Parameter:
    """Make the option for one field of a recipe; its text is read by the recipe itself."""
    flag = f"--{name.replace('_', '-')}"
    text = str(field.description)
    if field.annotation is bool:
        switch = typer.Option(flag, help=text, rich_help_panel="Recipe")
        return parameter(name, Annotated[bool, switch], False)
    if get_origin(field.annotation) is Literal:
        text += f": {', '.join(map(str, get_args(field.annotation)))}"
    text = text.replace("[", "\\[")
    if not field.is_required() and field.default is not None:
        text += f" [dim]\\[default: {field.default}][/dim]"
    value = typer.Option(flag, help=text, metavar="X", rich_help_panel="Recipe")
    return parameter(name, Annotated[str | None, value], None)


# Names that a shell completes. It waits for them: nothing is loaded but lists of names.


def instance_names(incomplete: str) -> list[str]:
    """Built-in instances that begin with `incomplete`."""
    from planbench.catalogue.builtin import builtin_names

    return [name for name in builtin_names() if name.startswith(incomplete)]


def suite_names(incomplete: str) -> list[str]:
    """Suites that ship with planbench."""
    from planbench.bench.suite import list_suites

    return [name for name in list_suites() if name.startswith(incomplete)]


def solver_names(incomplete: str) -> list[tuple[str, str]]:
    """Solvers with their method; ``:stock`` variants once the name is complete."""
    return [item for item in _solvers(":" in incomplete) if item[0].startswith(incomplete)]


def solver_lists(incomplete: str) -> list[tuple[str, str]]:
    """Solvers behind the last comma of a list."""
    done, comma, last = incomplete.rpartition(",")
    names = [("all", "every solver available here"), *_solvers(":" in last)]
    return [(done + comma + name, method) for name, method in names if name.startswith(last)]


def _solvers(stock: bool) -> Iterator[tuple[str, str]]:
    from planbench.solvers.registry import list_solvers

    for spec in list_solvers():
        yield spec.name, f"{spec.family} {spec.method}".strip()
        if stock and spec.stock:
            yield f"{spec.name}:stock", f"{spec.family}, own defaults"


_INSTANCE: Any = typer.Argument(
    metavar="INSTANCE", help=_INSTANCE_HELP, autocompletion=instance_names
)
InstanceArgument = Annotated[str, _INSTANCE]
InstancesArgument = Annotated[list[str], _INSTANCE]
ResultsArgument = Annotated[
    list[Path],
    typer.Argument(metavar="RESULTS", help="Results files of bench (.jsonl)."),
]
InstanceFileOption = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        parser=check_destination,
        metavar="FILE",
        help=".npz, .mps, .mps.gz, or a folder for CSV files.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
RelaxOption = Annotated[
    bool, typer.Option("--relax", help="Read integer variables as continuous ones.")
]
PolishOption = Annotated[
    bool, typer.Option("--polish/--no-polish", help="Also compute the polished gap.")
]
RepeatsOption = Annotated[
    int, typer.Option(min=1, max=1000, metavar="N", help="Runs of each; medians are shown.")
]
OnlySolversOption = Annotated[
    list[str] | None,
    typer.Option("--solver", "-s", metavar="NAME", help="Only this solver; may be repeated."),
]
LeastEffectOption = Annotated[
    float,
    typer.Option(parser=share, metavar="SHARE", help="Smallest change that matters: 5% or 0.05."),
]
SolverOption = Annotated[
    str,
    typer.Option(
        "--solver",
        "-s",
        metavar="NAME",
        help="NAME, NAME:stock for its own defaults, or cmd:'prog {mps} {sol}'.",
        autocompletion=solver_names,
        rich_help_panel=_SOLVER,
    ),
]
TimeLimitOption = Annotated[
    float,
    typer.Option(
        parser=seconds,
        metavar="TIME",
        help="For build, load, solve and extract: 30, 90s, 10min, 2h.",
        rich_help_panel="Limits",
    ),
]


# Groups of options that several commands take. See :func:`command`.


@dataclass(frozen=True)
class Solvers:
    """The solvers of a command.

    Attributes
    ----------
    listed : A,B,…
        Names with commas between them, or all: every one available here.
    more : NAME
        One more solver; for cmd:'…' with commas in it. May be repeated.
    """

    listed: Annotated[
        str | None, typer.Option("--solvers", autocompletion=solver_lists, rich_help_panel=_SOLVER)
    ] = None
    more: Annotated[
        list[str] | None,
        typer.Option("--solver", "-s", autocompletion=solver_names, rich_help_panel=_SOLVER),
    ] = None

    @property
    def names(self) -> list[str] | None:
        """Solvers of both options, in order, each once; None where neither is given.

        ``cmd:…`` may occur in a list as long as its quoted command holds the commas.

        Raises
        ------
        InputError
            When a list is empty.
        """
        if self.listed is None and not self.more:
            return None
        parts = re.findall(r"""(?:'[^']*'?|"[^"]*"?|[^,'"])+""", self.listed or "")
        names = [name.strip() for name in (*parts, *(self.more or ())) if name.strip()]
        if not names:
            raise InputError("is empty; give names such as highs-ds,glop or all", where="--solvers")
        return list(dict.fromkeys(names))


@dataclass(frozen=True)
class CommonOptions:
    """Options that most solvers have.

    Attributes
    ----------
    tolerance : T
        The solver's own tolerance, e.g. 1e-8.
    threads : N
        Threads; one if not given.
    seed : N
        The solver's random seed.
    """

    tolerance: Annotated[
        float | None, typer.Option(parser=between(0.0, 1.0), rich_help_panel=_SOLVER)
    ] = None
    threads: Annotated[int | None, typer.Option(min=1, rich_help_panel=_SOLVER)] = None
    seed: Annotated[int | None, typer.Option(min=0, rich_help_panel=_SOLVER)] = None

    def solve_options(self) -> SolveOptions:
        """Return them as solvers take them."""
        return SolveOptions(self.tolerance, self.threads, None, self.seed)


@dataclass(frozen=True)
class SolverOptions(CommonOptions):
    """Options of one solver, its own too.

    Attributes
    ----------
    settings : KEY=VALUE
        A native option of the solver. May be repeated.
    """

    settings: Annotated[list[str] | None, typer.Option("--set", rich_help_panel=_SOLVER)] = None

    def solve_options(self) -> SolveOptions:
        """Return them as solvers take them; an adapter gives native ones the types they have.

        Raises
        ------
        InputError
            On a pair without a key or a value, or a key given twice.
        """
        native: dict[str, NativeValue] = {}
        for setting in self.settings or ():
            key, sign, value = (part.strip() for part in setting.partition("="))
            if not key or not sign or not value:
                raise InputError(
                    f"{setting!r} is not KEY=VALUE; write e.g. --set presolve=off", where="--set"
                )
            if key in native:
                raise InputError(f"{key} occurs twice; give it once", where="--set")
            native[key] = value
        return replace(super().solve_options(), native=native)


@dataclass(frozen=True)
class Limits:
    """Limits of each run.

    Attributes
    ----------
    memory_limit : SIZE
        For the solver's processes: 500MB, 4GB. Most of what is free if not given.
    """

    time_limit: TimeLimitOption = ONE_MINUTE
    memory_limit: Annotated[int | None, typer.Option(parser=size, rich_help_panel="Limits")] = None

    @property
    def memory(self) -> int:
        """Memory limit in bytes."""
        return self.memory_limit or default_limit()


def command(function: Callable[..., _Result]) -> Callable[..., _Result]:
    """Make a command of a function: its docstring says what its options are.

    The sections Parameters and Attributes give the metavariable and the help of each option. A
    parameter that is a dataclass is a group of options: each of its fields is one.
    """
    hints = get_type_hints(function, include_extras=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, tuple[Any, list[str]]] = {}
    for name, given in inspect.signature(function).parameters.items():
        group = hints[name]
        if not is_dataclass(group):
            parameters.append(_described(name, group, given.default, function.__doc__))
            continue
        types = get_type_hints(group, include_extras=True)
        groups[name] = group, [field.name for field in fields(group)]
        parameters += [
            _described(f.name, types[f.name], f.default, _doc_of(group, f.name))
            for f in fields(group)
        ]

    @wraps(function)
    def run(**given: Any) -> _Result:
        made = {
            name: group(**{n: given.pop(n) for n in names})
            for name, (group, names) in groups.items()
        }
        return function(**given, **made)

    set_parameters(run, parameters)
    return run


def _doc_of(group: Any, field: str) -> str | None:
    """Docstring of the class that defines a field."""
    return next((str(c.__doc__) for c in group.__mro__ if field in c.__annotations__), None)


def _described(name: str, kind: Any, default: Any, documentation: str | None) -> inspect.Parameter:
    """Make a parameter with its metavariable and help; a ``flag`` has no metavariable."""
    if get_origin(kind) is Annotated:
        kind, info = kind.__origin__, copy(kind.__metadata__[0])
    else:
        info = typer.Argument() if default is inspect.Parameter.empty else typer.Option()
    text = inspect.cleandoc(documentation or "")
    if found := re.search(rf"^{name} : (.+)\n((?: +.*\n?)+)", text, re.MULTILINE):
        info.metavar = None if found[1] == "flag" else found[1]
        info.help = " ".join(found[2].split())
    return parameter(name, Annotated[kind, info], default)


def check_known(
    where: str, asked: Iterable[str] | None, known: Iterable[str], kind: str = "the results hold"
) -> None:
    """Check that all of `asked` is in `known`.

    Raises
    ------
    InputError
        Naming the option `where`, and what is known.
    """
    found = sorted(known) if isinstance(known, set) else list(known)
    for name in asked or ():
        if name not in found:
            raise InputError(f"is {name!r}; {kind} {', '.join(found) or 'nothing'}", where=where)


def load(spec: str, relax: bool = False) -> Instance:
    """Instance called `spec`, with a line on standard error if memory runs out."""
    from planbench.catalogue.resolve import (
        load_instance,
    )  # half a second, which --help need not take

    try:
        return load_instance(spec, relax=relax)
    except MemoryError:
        raise InputError("does not fit into memory; use a smaller one", where=spec) from None


def page_for(path: Path) -> Path:
    """Name of the page about `path` where none is given: the same, ending in ``.html``.

    Raises
    ------
    InputError
        Where `path` has no name, as ``/``.
    """
    if not path.name:
        raise InputError("has no name; say where the page goes with -o", where=str(path))
    return path.with_suffix(".html")


def without_sides(records: Sequence[Record], path: Path, *, needed: bool = True) -> list[Record]:
    """Leave out the rows that ``planbench ab`` and ``bisect`` made, with a note.

    A side does not distinguish measurements elsewhere, so the two would pass for repeats
    of one solver, and their control for one more.

    Parameters
    ----------
    records : sequence of Record
    path : Path
        Where they come from.
    needed : bool
        Whether something else must be there.

    Returns
    -------
    list of Record

    Raises
    ------
    InputError
        When nothing else is there.
    """
    kept = [r for r in records if (r.suite, r.variable) != (AB, SIDE)]
    left = len(records) - len(kept)
    if left and not kept and needed:
        raise InputError(
            "holds only rows of planbench ab, whose two sides would pass for repeats of one "
            "solver; the same `planbench ab` shows its verdicts again, --markdown and --json "
            "write them",
            where=str(path),
        )
    if left:
        console.note(f"{path}: {plural(left, 'row')} of planbench ab, of two sides, left out")
    return kept


def read_measurements(path: Path, *, needed: bool = True) -> list[Record]:
    """Read a results file, without rows of ``planbench ab`` and ``bisect``.

    Raises
    ------
    InputError
        When it cannot be read, or (where `needed`) nothing else is there.
    """
    return without_sides(read_records(path), path, needed=needed)


def write_instance(instance: Instance, path: Path) -> None:
    """Write `instance` in the format that the name of `path` asks for.

    Raises
    ------
    InputError
        When the format cannot hold it, or the file cannot be written.
    """
    from planbench.io import csv_folder, mps, npz

    name = path.name.lower()
    economy = instance.economy
    if name.endswith(".npz"):
        npz.save_npz(economy or instance.lp, path)
    elif name.endswith((".mps", ".mps.gz")):
        for remark in mps.write_mps(instance.lp, path):
            console.note(f"{path}: {remark}")
    elif economy is not None:
        csv_folder.save_economy(economy, path)
    else:
        raise InputError(
            "a folder of CSV files holds an economy, and this is a general linear program; "
            "give .npz or .mps",
            where=str(path),
        )
