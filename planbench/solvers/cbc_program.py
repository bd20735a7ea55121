"""The CBC program that PuLP bundles: where it is, its options, its log and its solutions."""

from __future__ import annotations

import importlib.metadata
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from planbench.errors import InputError, SolverCrashError, SolverError, SolverUnavailableError
from planbench.model.arrays import FloatArray
from planbench.solvers.base import Claim, NativeValue
from planbench.solvers.common import convert_native, refuse_reserved, with_nearest

Kind = type[bool] | type[int] | type[float] | type[str]

#: CBC's parameters that bear on a linear program, by CBC's own full names.
PARAMETERS: dict[str, Kind] = {
    "dualBound": float,
    "primalWeight": float,
    "psi": float,
    "zeroTolerance": float,
    "idiotCrash": int,
    "sprintCrash": int,
    "maxFactor": int,
    "maxIterations": int,
    "logLevel": int,
    "slogLevel": int,
    "crash": str,
    "errorsAllowed": str,
    "factorization": str,
    "perturbation": str,
    "presolve": str,
    "scaling": str,
}

RESERVED = {
    "dualTolerance": "use the option tolerance",
    "primalTolerance": "use the option tolerance",
    "seconds": "use the option time_limit",
    "randomSeed": "use the option seed",
    "threads": "CBC's simplex has one thread",
}

_CLAIMS: tuple[tuple[str, Claim], ...] = (
    ("Optimal", "optimal"),
    ("Infeasible", "infeasible"),
    ("Unbounded", "unbounded"),
)


def program_path() -> Path | None:
    """Path of the bundled program for this platform, or None; PuLP is not imported."""
    for file in importlib.metadata.files("pulp") or ():
        parts = file.parts
        if "solverdir" in parts and parts[-1] in ("cbc", "cbc.exe"):
            if not _for_this_platform(parts):
                continue
            path = Path(str(file.locate()))
            if path.is_file():
                return path
    return None


def runnable_program() -> Path:
    """Path of the bundled program, made executable if its wheel was unpacked without the bit.

    Raises
    ------
    SolverUnavailableError
        If there is none, or it cannot be made executable.
    """
    path = program_path()
    if path is None:
        raise SolverUnavailableError(str(why_unavailable()))
    if not os.access(path, os.X_OK):
        try:  # as PuLP does when it is imported
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        except OSError as error:
            raise SolverUnavailableError(
                f"{path} is not executable: {error.strerror}; chmod +x it"
            ) from None
    return path


def _for_this_platform(parts: tuple[str, ...]) -> bool:
    import platform
    import sys

    system = {"linux": "linux", "darwin": "osx", "win32": "win"}.get(sys.platform, "")
    machine = platform.machine().lower()
    arm = machine in ("arm64", "aarch64") and system == "linux"
    # "64" in PuLP 3.0, "i64" since.
    return parts[-3] == system and parts[-2] in (("arm64",) if arm else ("i64", "64"))


def why_unavailable() -> str | None:
    """One line if there is no bundled program that can run here."""
    if program_path() is None:
        return "PuLP bundles no CBC program for this platform; pip install 'pulp>=3,<4'"
    return None


def typed_parameters(native: Mapping[str, NativeValue]) -> dict[str, NativeValue]:
    """Check native options against :data:`PARAMETERS`.

    Raises
    ------
    InputError
        Unknown name (with the nearest) or a value of the wrong kind.
    """
    refuse_reserved(native, RESERVED)
    typed: dict[str, NativeValue] = {}
    for key, value in native.items():
        if key not in PARAMETERS:
            raise InputError(
                f"CBC has no option {key!r} for linear programs{with_nearest(key, PARAMETERS)}",
                where="--set",
            )
        typed[key] = convert_native(key, value, PARAMETERS[key])
        if isinstance(typed[key], str) and not re.fullmatch(r"\w+", str(typed[key])):
            raise InputError(f"{key}: {value!r} is no single word", where="--set")
    return typed


def check_log(log: str, user: Mapping[str, NativeValue]) -> None:
    """Refuse a run whose log shows that CBC ignored an option: it warns and goes on.

    Raises
    ------
    InputError
        If it was one of `user`'s native options.
    SolverError
        If it was one of planbench's.
    """
    for line in log.splitlines():
        refused = re.match(r"(No match for|<Possible options for|.*valid range is)", line)
        if refused and not line.startswith("command line"):
            text = f"CBC: {line.strip()}"
            if user:
                raise InputError(text, where="--set")
            raise SolverError(text)


def version_of(log: str) -> str:
    """Version in the banner, or an empty string."""
    found = re.search(r"^Version:\s*(\S+)", log, re.MULTILINE)
    return f"CBC {found[1]}" if found else ""


def iterations_of(log: str) -> dict[str, int]:
    """Simplex iterations of the last report line, or nothing."""
    found = re.findall(r"- (\d+) iterations time", log)
    return {"simplex": int(found[-1])} if found and int(found[-1]) else {}


def check_size(log: str, rows: int, columns: int, entries: int) -> None:
    """Compare the size of the problem CBC read with what was written.

    Raises
    ------
    SolverError
        If they differ, or the log does not say.
    """
    found = re.search(r"has (\d+) rows, (\d+) columns and (\d+) elements", log)
    if found is None:
        raise SolverError(f"CBC did not read the problem: {last_line(log)}")
    read = tuple(int(word) for word in found.groups())
    if read != (rows, columns, entries):
        raise SolverError(
            f"CBC read {read[0]} x {read[1]} with {read[2]} non-zeros, "
            f"written were {rows} x {columns} with {entries}"
        )
    errors = re.search(r"read with (\d+) errors", log)
    if errors and int(errors[1]):
        raise SolverError(f"CBC read the problem with {errors[1]} errors")


def last_line(log: str) -> str:
    """Last line that says something."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "(no log)"


def claim_of(status_line: str) -> tuple[Claim, bool]:
    """Claim and whether a limit was hit, from the first line of a solution file."""
    for word, claim in _CLAIMS:
        if status_line.startswith(word):
            return claim, False
    return "unknown", status_line.startswith("Stopped")


def read_binary_solution(
    path: Path, rows: int, columns: int
) -> tuple[FloatArray, FloatArray, float]:
    """Read columns, row duals and the objective that ``-saveSolution`` wrote, to the last bit.

    Layout: two int32 counts, the objective, then row activities, row duals, columns and
    reduced costs as float64, in native byte order.

    Raises
    ------
    SolverError
        If the file is missing, short, or of another size.
    """
    try:
        content = path.read_bytes()
    except OSError:
        raise SolverCrashError("CBC wrote no solution file") from None
    if len(content) != 16 + 16 * (rows + columns):
        raise SolverCrashError(f"CBC's solution file has {len(content)} bytes, not as expected")
    counts = np.frombuffer(content, dtype=np.int32, count=2)
    if (int(counts[0]), int(counts[1])) != (rows, columns):
        raise SolverError(f"CBC's solution is for {counts[0]} x {counts[1]}")
    objective = float(np.frombuffer(content, dtype=np.float64, count=1, offset=8)[0])
    values = np.frombuffer(content, dtype=np.float64, offset=16)
    y = values[rows : 2 * rows].copy()
    x = values[2 * rows : 2 * rows + columns].copy()
    return x, y, objective
