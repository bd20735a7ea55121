"""Any program that reads an MPS file and writes a solution: ``cmd:'mysolver {mps} {sol}'``.

The program is started without a shell, with these words replaced in its arguments:

=========== =====================================================================
``{mps}``   path of the problem: free MPS, a **minimisation**, rows R0000001 …,
            columns C0000001 …, no objective constant
``{sol}``   path of the solution the program must write
``{time}``  the time limit in seconds (also in the variable PLANBENCH_TIME_LIMIT)
=========== =====================================================================

The solution is text, one ``name value`` (or ``name,value``) per line; ``#`` starts a comment:

- a column name gives its value (columns that are not named are 0);
- a row name gives its dual, ∂(minimum)/∂(right-hand side) of the problem in the file; duals
  are optional, but if one is given those not named are 0;
- ``status`` gives the claim: optimal, infeasible, unbounded, infeasible-or-unbounded,
  feasible or unknown (the default);
- ``objective`` gives the minimum the program claims; ``iterations`` a count; ``version`` a word.

A program that fails ends with a code other than 0; the last line it wrote to standard error
is the message. The run is then a ``crash``, as after a signal, without a solution file, or with
one that cannot be read or is larger than 64 MiB and 256 bytes for each row and column.
"""

from __future__ import annotations

import io
import os
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from planbench.errors import InputError, SolverCrashError
from planbench.io.mps import write_mps, written_names
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import Claim, Phase, Solution, SolveOptions, SolverSpec
from planbench.solvers.common import as_minimisation
from planbench.solvers.logs import captured, open_regular
from planbench.solvers.programs import ending, run_program

#: A solution file may take so much, and so much for each row and column.
SOLUTION_BYTES = 64 << 20
LINE_BYTES = 256
#: Of a line in a message.
LINE_SHOWN = 300
#: Digits of a count of iterations.
COUNT_DIGITS = 18

SOLVERS = (
    SolverSpec(
        name="cmd",
        family="external",
        method="any program that reads MPS and writes a solution",
        module="planbench.solvers.command",
        packages=(),
        takes=frozenset(("time_limit",)),
        default="min −c; written as cmd:'mysolver {mps} {sol}'",
    ),
)


@as_minimisation
def solve(lp: LinearProgram, spec: SolverSpec, options: SolveOptions, phase: Phase) -> Solution:
    """Run the program of ``options.command``.

    Raises
    ------
    InputError
        If there is no such program, or ``{time}`` without a time limit.
    SolverCrashError
        If it dies, ends with a code other than 0 or writes no readable solution.
    """
    with tempfile.TemporaryDirectory(prefix="planbench-cmd-") as folder:
        mps, sol = Path(folder) / "problem.mps", Path(folder) / "solution.txt"
        command = _arguments(options, mps, sol)
        with phase("load"):
            notes = write_mps(replace(lp, offset=0.0), mps, numbered=True)
        with phase("solve"):
            _run(command, options)
        with phase("extract"):
            rows, columns = written_names(lp, numbered=True)
            read = read_solution(sol, list(rows), list(columns))
    return replace(
        read,
        objective=None if read.objective is None else read.objective + lp.offset,
        method_run=Path(command[0]).name,
        options={"command": options.command or ""},
        notes=notes,
    )


def _arguments(options: SolveOptions, mps: Path, sol: Path) -> list[str]:
    command = options.command or ""  # as find_solver has checked it
    if "{time}" in command and options.time_limit is None:
        raise InputError("the command asks for {time}; give a time limit")
    limit = "" if options.time_limit is None else f"{options.time_limit:g}"
    words = shlex.split(command)
    places = {"{mps}": str(mps), "{sol}": str(sol), "{time}": limit}
    for place, value in places.items():
        words = [word.replace(place, value) for word in words]
    return words


def _run(command: list[str], options: SolveOptions) -> None:
    environment = dict(os.environ)
    if options.time_limit is not None:
        environment["PLANBENCH_TIME_LIMIT"] = f"{options.time_limit:g}"
    with captured(2) as log:
        try:
            code = run_program(command, env=environment)
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(f"cannot start {command[0]!r}: {reason}", where="cmd") from None
    if code != 0:
        lines = [line.strip() for line in log.text.splitlines() if line.strip()]
        said = lines[-1][:LINE_SHOWN] if lines else "it said nothing"
        raise SolverCrashError(f"{command[0]} {ending(code)}: {said}", returncode=code)


def read_solution(path: Path, rows: list[str], columns: list[str]) -> Solution:
    """Read a solution file; the format is that of the module's docstring.

    Raises
    ------
    SolverCrashError
        Names the line that cannot be read.
    """
    row_at = {name: i for i, name in enumerate(rows)}
    column_at = {name: j for j, name in enumerate(columns)}
    seen: set[str] = set()
    facts: dict[str, Any] = {"claim": "unknown", "objective": None}
    x, y = np.zeros(len(columns)), np.zeros(len(rows))
    for number, line in enumerate(_lines(path, len(rows) + len(columns)), start=1):
        words = line.split("#", 1)[0].replace(",", " ").split()
        if not words or words == ["name", "value"]:
            continue
        if len(words) != 2:
            raise _wrong(number, f"{line.strip()[:60]!r} is not 'name value'")
        name, value = words
        if name in seen:
            raise _wrong(number, f"{name[:40]} is given a second time")
        seen.add(name)
        if name in column_at:
            x[column_at[name]] = _number(number, value)
        elif name in row_at:
            y[row_at[name]] = _number(number, value)
        else:
            facts |= _header(number, name, value)
    has_point = facts["claim"] == "optimal" or not seen.isdisjoint(column_at)
    return Solution(
        x=x if has_point else None,
        y=None if seen.isdisjoint(row_at) else y,
        native_status="exit code 0",
        **facts,
    )


def _lines(path: Path, names: int) -> Iterator[str]:
    """Lines of a solution file; of one that is far too long, or no file at all, none."""
    try:
        file = open_regular(path)
    except FileNotFoundError:
        raise SolverCrashError("the program ended with code 0 but wrote no {sol} file") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise SolverCrashError(f"the {{sol}} file cannot be read: {reason}") from None
    with io.TextIOWrapper(file, encoding="utf-8", errors="replace") as text:
        size, most = os.fstat(text.fileno()).st_size, SOLUTION_BYTES + LINE_BYTES * names
        if size > most:
            raise SolverCrashError(
                f"the {{sol}} file has {size >> 20} MiB; {names} names and values may take "
                f"{most >> 20} MiB"
            )
        yield from text


def _wrong(line: int, what: str) -> SolverCrashError:
    return SolverCrashError(f"solution line {line}: {what}")


def _number(line: int, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise _wrong(line, f"{value[:40]!r} is no number") from None


def _header(line: int, name: str, value: str) -> dict[str, Any]:
    """Fields of a solution that a line gives which names no row and no column."""
    if name == "status":
        if value.lower() not in get_args(Claim):
            raise _wrong(line, f"status {value[:40]!r} is none of {', '.join(get_args(Claim))}")
        return {"claim": value.lower()}
    if name == "objective":
        objective = _number(line, value)
        return {"objective": objective if np.isfinite(objective) else None}
    if name == "iterations":
        if not value.isdecimal():
            raise _wrong(line, f"{value[:40]!r} is no whole number")
        if len(value) > COUNT_DIGITS:
            raise _wrong(line, f"{value[:40]!r}… iterations are no count")
        return {"iterations": {"reported": int(value)}}
    if name == "version":
        return {"version": value}
    raise _wrong(line, f"{name[:40]!r} names no row and no column")
