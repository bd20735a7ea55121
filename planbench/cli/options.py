"""Arguments and options that several commands share, and how their text is read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from planbench.catalogue.instance import Instance
from planbench.catalogue.resolve import load_instance
from planbench.cli import completion
from planbench.errors import InputError
from planbench.io.files import check_writable
from planbench.measure.memory import default_limit
from planbench.solvers.base import NativeValue, SolveOptions

_INSTANCE_HELP = (
    "A built-in name, a file (.npz .mps .mps.gz .lp .toml), a folder of CSV files, gen:goods=…, "
    "split:TABLE,goods=…, years:TABLE,years=…, regions:TABLE,regions=… or table:NAME"
)
_LIMITS = "Limits"
_SOLVER = "Solver"

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
    str | None,
    typer.Option(
        metavar="T",
        help="The solver's own tolerance, e.g. 1e-8.",
        show_default=False,
        rich_help_panel=_SOLVER,
    ),
]
ThreadsOption = Annotated[
    str | None,
    typer.Option(metavar="N", help="Threads; one if not given.", rich_help_panel=_SOLVER),
]
SeedOption = Annotated[
    str | None,
    typer.Option(metavar="N", help="The solver's random seed.", rich_help_panel=_SOLVER),
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
    str,
    typer.Option(
        metavar="TIME",
        help="For build, load, solve and extract: 30, 90s, 10min, 2h.",
        rich_help_panel=_LIMITS,
    ),
]
MemoryLimitOption = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="For the solver's processes: 500MB, 4GB. Most of what is free if not given.",
        rich_help_panel=_LIMITS,
    ),
]

_TIME_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE_UNITS = {
    "": 1, "b": 1,
    "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9,
    "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip


def parse_seconds(text: str, option: str = "--time-limit") -> float:
    """Read a time such as ``90``, ``90s``, ``1.5min``; in seconds.

    Raises
    ------
    InputError
    """
    return _quantity(text, option, _TIME_UNITS, "a time above 0, e.g. 90, 10min or 2h")


def parse_bytes(text: str, option: str = "--memory-limit") -> int:
    """Read a size such as ``500MB`` or ``4GiB``; in bytes.

    Raises
    ------
    InputError
    """
    units = {unit: float(scale) for unit, scale in _SIZE_UNITS.items()}
    return math.ceil(_quantity(text, option, units, "a size above 0, e.g. 500MB or 4GB"))


def _quantity(text: str, option: str, units: dict[str, float], expected: str) -> float:
    match = re.fullmatch(r"\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*([a-zA-Z]*)\s*", text)
    try:
        value = float(match[1]) * units[match[2].lower()] if match else math.nan
    except (KeyError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"is {text!r}; give {expected}", where=option)
    return value


def parse_number(text: str | None, option: str, low: float, high: float) -> float | None:
    """Read a number strictly between `low` and `high`; None stays None.

    Raises
    ------
    InputError
    """
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low < value < high:
        raise InputError(f"is {text!r}; give a number between {low:g} and {high:g}", where=option)
    return value


def parse_count(text: str | None, option: str, least: int) -> int | None:
    """Read a whole number of at least `least`; None stays None.

    Raises
    ------
    InputError
    """
    if text is None:
        return None
    if not re.fullmatch(r"\s*[+-]?\d{1,18}\s*", text) or int(text) < least:
        raise InputError(f"is {text!r}; give a whole number of at least {least}", where=option)
    return int(text)


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
    tolerance: str | None = None,
    threads: str | None = None,
    seed: str | None = None,
    settings: Sequence[str] | None = None,
) -> SolveOptions:
    """Put the options of a command line together.

    Raises
    ------
    InputError
        Naming the option.
    """
    return SolveOptions(
        tolerance=parse_number(tolerance, "--tolerance", 0.0, 1.0),
        threads=parse_count(threads, "--threads", 1),
        seed=parse_count(seed, "--seed", 0),
        native=parse_settings(settings),
    )


def memory_limit(text: str | None) -> int:
    """Bytes a run may take: what was asked for, else most of what is free now.

    Raises
    ------
    InputError
    """
    if text is not None:
        return parse_bytes(text)
    return default_limit()


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
