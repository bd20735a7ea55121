"""Arguments and options that several commands share, and how their text is read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from planbench.catalogue.instance import Instance
from planbench.catalogue.resolve import load_instance
from planbench.cli import completion
from planbench.errors import InputError
from planbench.io.files import check_writable
from planbench.solvers.base import NativeValue, SolveOptions

_INSTANCE_HELP = (
    "A built-in name, a file (.npz .mps .mps.gz .lp .toml), a folder of CSV files, gen:goods=…, "
    "split:TABLE,goods=…, years:TABLE,years=…, regions:TABLE,regions=… or table:NAME"
)
_LIMITS = "Limits"
_SOLVER = "Solver"

_TIME_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE_UNITS = {
    "": 1.0, "b": 1.0,
    "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9,
    "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30,
}  # fmt: skip


# Parsers of options. typer calls them with the text given, or with the default, and puts the name
# of the option to the error.


def seconds(text: str) -> float:
    """Read a time such as ``90``, ``90s``, ``1.5min``; in seconds."""
    return _quantity(text, _TIME_UNITS, "a time above 0, e.g. 90, 10min or 2h")


def size(text: str) -> int:
    """Read a size such as ``500MB`` or ``4GiB``; in bytes."""
    return math.ceil(_quantity(text, _SIZE_UNITS, "a size above 0, e.g. 500MB or 4GB"))


def _quantity(text: str, units: dict[str, float], expected: str) -> float:
    match = re.fullmatch(r"\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*([a-zA-Z]*)\s*", text)
    unit = units.get(match[2].lower(), math.nan) if match else math.nan
    value = _number(match[1]) * unit if match else math.nan
    if not 0 < value < math.inf:
        raise typer.BadParameter(f"is {text!r}; give {expected}")
    return value


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return math.nan


def share(text: str) -> float:
    """Read a share above 0 and below 1, such as ``5%`` or ``0.05``."""
    value = spread(text)
    if not value < 1:
        raise typer.BadParameter(f"is {text!r}; give a share between 0 and 1, e.g. 5% or 0.05")
    return value


def spread(text: str) -> float:
    """Read a share above 0, such as ``5%``, ``0.05`` or ``150%``."""
    bare = text.strip()
    value = _number(bare.removesuffix("%")) / (100 if bare.endswith("%") else 1)
    if not 0 < value < math.inf:
        raise typer.BadParameter(f"is {text!r}; give a share above 0, e.g. 5% or 0.05")
    return value


def between(low: float, high: float) -> Callable[[Any], float]:
    """Return a parser of numbers strictly between `low` and `high`."""

    def parse(text: Any) -> float:
        value = _number(text)
        if not low < value < high:
            raise typer.BadParameter(f"is {text!r}; give a number between {low:g} and {high:g}")
        return value

    return parse


def at_least(least: float) -> Callable[[Any], float]:
    """Return a parser of finite numbers of at least `least`."""

    def parse(text: Any) -> float:
        value = _number(text)
        if not least <= value < math.inf:
            raise typer.BadParameter(f"is {text!r}; give a number of at least {least:g}")
        return value

    return parse


InstanceArgument = Annotated[
    str,
    typer.Argument(
        metavar="INSTANCE",
        help=_INSTANCE_HELP,
        autocompletion=completion.instance_names,
        show_default=False,
    ),
]
InstancesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="INSTANCE",
        help=_INSTANCE_HELP,
        autocompletion=completion.instance_names,
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
RelaxOption = Annotated[
    bool, typer.Option("--relax", help="Read integer variables as continuous ones.")
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
    typer.Option(
        min=1,
        metavar="N",
        help="Threads; one if not given.",
        rich_help_panel=_SOLVER,
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="The solver's random seed.",
        rich_help_panel=_SOLVER,
    ),
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
    *,
    tolerance: float | None = None,
    threads: int | None = None,
    seed: int | None = None,
    settings: Sequence[str] | None = None,
) -> SolveOptions:
    """Put the options of a command line together.

    Raises
    ------
    InputError
        Naming the option.
    """
    return SolveOptions(
        tolerance=tolerance, threads=threads, seed=seed, native=parse_settings(settings)
    )


def split_solvers(listed: str | None, more: Sequence[str] | None) -> list[str] | None:
    """Solvers of ``--solvers`` and ``--solver``, in order, each once; None where neither is given.

    ``cmd:…`` may stand in a list as long as its quoted command holds the commas.

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


def load(spec: str, relax: bool = False) -> Instance:
    """Instance called `spec`, with a line on standard error if memory runs out."""
    try:
        return load_instance(spec, relax=relax)
    except MemoryError:
        raise InputError("does not fit into memory; use a smaller one", where=spec) from None


def page_beside(path: Path) -> Path:
    """Name of the page about `path` where none is given: the same, ending in ``.html``.

    Raises
    ------
    InputError
        Where `path` has no name, as ``/``.
    """
    if not path.name:
        raise InputError("has no name; say where the page goes with -o", where=str(path))
    return path.with_suffix(".html")


def writable(path: Path, *, folder: bool = False) -> Path:
    """Check early that `path` can be written; see :func:`planbench.io.files.check_writable`."""
    return check_writable(path, folder=folder)
