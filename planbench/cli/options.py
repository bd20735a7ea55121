"""Arguments and options that several commands share, how their text is read, files they name."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

from planbench.cli import completion, console
from planbench.errors import InputError
from planbench.io.files import check_writable
from planbench.solvers.base import NativeValue, SolveOptions

if TYPE_CHECKING:
    from planbench.catalogue.instance import Instance

_INSTANCE_HELP = (
    "A built-in name, a file (.npz .mps .mps.gz .lp .toml), a folder of CSV files, gen:goods=…, "
    "split:TABLE,goods=…, years:TABLE,years=…, regions:TABLE,regions=… or table:NAME"
)
_LIMITS = "Limits"
_SOLVER = "Solver"

_TIME_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SHARE_UNITS = {"": 1.0, "%": 0.01}
_NO_UNIT = {"": 1.0}
#: A number and its unit.
_NUMBER = r"((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([a-zA-Z%]*)"
_SIZE_UNITS = {
    "": 1.0, "b": 1.0,
    "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9,
    "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30,
}  # fmt: skip


# Parsers of options. typer calls them with the text given, or with the default, and adds the name
# of the option to the error.


def _number(
    expected: str, accepts: Callable[[float], bool], units: Mapping[str, float] = _NO_UNIT
) -> Callable[[Any], float]:
    """Return a parser of non-negative numbers, with or without a unit."""

    def parse(text: Any) -> float:
        match = re.fullmatch(_NUMBER, str(text).strip())
        unit = units.get(match[2].lower(), math.nan) if match else math.nan
        value = float(match[1]) * unit if match else math.nan
        if not accepts(value):
            raise typer.BadParameter(f"is {str(text)!r}; give {expected}")
        return value

    return parse


def _above_0(value: float) -> bool:
    return 0 < value < math.inf


seconds = _number("a time above 0, e.g. 90, 10min or 2h", _above_0, _TIME_UNITS)
_bytes = _number("a size above 0, e.g. 500MB or 4GB", _above_0, _SIZE_UNITS)
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
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
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
        switch = typer.Option(flag, help=text, rich_help_panel="Recipe", show_default=False)
        return parameter(name, Annotated[bool, switch], False)
    if get_origin(field.annotation) is Literal:
        text += f": {', '.join(map(str, get_args(field.annotation)))}"
    text = text.replace("[", "\\[")
    if not field.is_required() and field.default is not None:
        text += f" [dim]\\[default: {field.default}][/dim]"
    value = typer.Option(flag, help=text, metavar="X", rich_help_panel="Recipe", show_default=False)
    return parameter(name, Annotated[str | None, value], None)


_INSTANCE: Any = typer.Argument(
    metavar="INSTANCE",
    help=_INSTANCE_HELP,
    autocompletion=completion.instance_names,
    show_default=False,
)
InstanceArgument = Annotated[str, _INSTANCE]
InstancesArgument = Annotated[list[str], _INSTANCE]
ResultsArgument = Annotated[
    list[Path],
    typer.Argument(metavar="RESULTS", help="Results files of bench (.jsonl).", show_default=False),
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
        autocompletion=completion.solver_names,
        rich_help_panel=_SOLVER,
    ),
]
SolversOption = Annotated[
    str | None,
    typer.Option(
        "--solvers",
        metavar="A,B,…",
        help="Names with commas between them, or all: every one available here.",
        autocompletion=completion.solver_lists,
        rich_help_panel=_SOLVER,
    ),
]
MoreSolversOption = Annotated[
    list[str] | None,
    typer.Option(
        "--solver",
        "-s",
        metavar="NAME",
        help="One more solver; for cmd:'…' with commas in it. May be repeated.",
        autocompletion=completion.solver_names,
        rich_help_panel=_SOLVER,
    ),
]
ToleranceOption = Annotated[
    float | None,
    typer.Option(
        parser=between(0.0, 1.0),
        metavar="T",
        help="The solver's own tolerance, e.g. 1e-8.",
        show_default=False,
        rich_help_panel=_SOLVER,
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Threads; one if not given.", rich_help_panel=_SOLVER),
]
SeedOption = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="The solver's random seed.", rich_help_panel=_SOLVER),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A native option of the solver. May be repeated.",
        rich_help_panel=_SOLVER,
    ),
]
TimeLimitOption = Annotated[
    float,
    typer.Option(
        parser=seconds,
        metavar="TIME",
        help="For build, load, solve and extract: 30, 90s, 10min, 2h.",
        rich_help_panel=_LIMITS,
    ),
]
MemoryLimitOption = Annotated[
    int | None,
    typer.Option(
        parser=size,
        metavar="SIZE",
        help="For the solver's processes: 500MB, 4GB. Most of what is free if not given.",
        rich_help_panel=_LIMITS,
    ),
]


def parse_settings(settings: Sequence[str] | None) -> dict[str, NativeValue]:
    """Read ``KEY=VALUE`` pairs; the adapter turns the text into the type its option has.

    Raises
    ------
    InputError
        On a pair without a key or a value, or a key given twice.
    """
    native: dict[str, NativeValue] = {}
    for setting in settings or ():
        key, sign, value = (part.strip() for part in setting.partition("="))
        if not key or not sign or not value:
            raise InputError(
                f"{setting!r} is not KEY=VALUE; write e.g. --set presolve=off", where="--set"
            )
        if key in native:
            raise InputError(f"{key} occurs twice; give it once", where="--set")
        native[key] = value
    return native


def solve_options(
    tolerance: float | None,
    threads: int | None,
    seed: int | None,
    settings: Sequence[str] | None = None,
) -> SolveOptions:
    """Make a solver's options of those of the command line."""
    native = parse_settings(settings)
    return SolveOptions(tolerance=tolerance, threads=threads, seed=seed, native=native)


def split_solvers(listed: str | None, more: Sequence[str] | None) -> list[str] | None:
    """Solvers of ``--solvers`` and ``--solver``, in order, each once; None where neither is given.

    ``cmd:…`` may occur in a list as long as its quoted command holds the commas.

    Raises
    ------
    InputError
        When a list is empty.
    """
    if listed is None and not more:
        return None
    names = [*_split_outside_quotes(listed or ""), *(more or ())]
    names = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not names:
        raise InputError("is empty; give names such as highs-ds,glop or all", where="--solvers")
    return names


def _split_outside_quotes(text: str) -> list[str]:
    pieces, quote = [""], ""
    for character in text:
        if character == "," and not quote:
            pieces.append("")
            continue
        if character in "'\"" and quote in ("", character):
            quote = "" if quote else character
        pieces[-1] += character
    return pieces


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
