"""CBC's simplex (Clp): through PuLP, as most Python users call it, or fed with an MPS file.

``cbc`` goes through PuLP, which keeps one Python object per coefficient; building them is phase
``build``. PuLP writes an MPS file with 13 digits, CBC runs, and PuLP reads back a text file with
about 8 digits: all of that is phase ``solve``, as PuLP does it in one call. Only the program is
started here, as PuLP would, so that its memory is measured.
Both roundings are noted. PuLP calls a run that stopped at its limit "Optimal"; ``sol_status``
says how it ended.

``cbc-mps`` runs the same program without PuLP's objects. Writing an MPS file of 17 digits is phase
``load``; the run of the program, reading included, is phase ``solve``. The solution comes back
through CBC's binary file in full precision.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError, SolverCrashError, SolverError, SolverUnavailableError
from planbench.io.mps import write_mps
from planbench.model.arrays import FloatArray
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import (
    Claim,
    NativeValue,
    Phase,
    Solution,
    SolveOptions,
    SolverSpec,
)
from planbench.solvers.common import (
    Kind,
    OptionTable,
    as_minimisation,
    import_solver,
)
from planbench.solvers.logs import captured_stdout, presolved_size
from planbench.solvers.programs import ending, run_program
from planbench.supervised import run_supervised

_SHARED: dict[str, Any] = {
    "family": "CBC",
    "module": "planbench.solvers.cbc",
    "packages": ("pulp",),
    "exact": True,
    "takes": frozenset(("tolerance", "time_limit", "seed", "native")),
    "default": "min −c; solved as a linear program (-initialSolve)",
}

SOLVERS = (
    SolverSpec(
        name="cbc",
        method="dual simplex (Clp), through PuLP",
        phases=("build", "check", "solve", "extract"),
        stock="min −c; PuLP's own call (-solve, as if there were integers)",
        **_SHARED,
    ),
    SolverSpec(
        name="cbc-mps",
        method="dual simplex (Clp), fed by an MPS file",
        stock="min −c; CBC's own call (-solve, as if there were integers)",
        **_SHARED,
    ),
)

#: CBC's parameters that bear on a linear program, by CBC's own full names.
_PARAMETERS: dict[str, Kind] = {
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

_OPTIONS = OptionTable(
    "CBC, for linear programs,",
    {
        "tolerance": ("primalTolerance", "dualTolerance"),
        "seed": ("randomSeed",),
        "time_limit": ("seconds",),
    },
    {"threads": "CBC's simplex has one thread"},
)

_CLAIMS: dict[str, Claim] = {
    "Optimal": "optimal",
    "Infeasible": "infeasible",
    "Unbounded": "unbounded",
}


@as_minimisation
def solve(lp: LinearProgram, spec: SolverSpec, options: SolveOptions, phase: Phase) -> Solution:
    """Solve with the CBC program that PuLP bundles, called in the way that `spec` names.

    Raises
    ------
    InputError
        If CBC does not know a native option or refuses its value.
    SolverError
        If CBC fails or read another problem than was handed over.
    """
    native = _OPTIONS.native(options.native, _PARAMETERS)
    for key, value in native.items():
        if isinstance(value, str) and not re.fullmatch(r"\w+", value):
            raise InputError(f"{key}: {value!r} is no single word", where="--set")
    used = _OPTIONS.asked(options) | native
    by_pulp = spec.name == "cbc"
    path = program_path()
    with tempfile.TemporaryDirectory(prefix="planbench-cbc-") as folder:
        run = _solve_by_pulp if by_pulp else _solve_by_file
        solution = run(lp, path, Path(folder), options, used, phase)
    return replace(solution, options=used, threads_used=1)


def _from_log(log: str) -> dict[str, Any]:
    """Fields of a solution that CBC's log gives whichever way it was called."""
    version = _version_in(log)
    counts = re.findall(r"- (\d+) iterations time", log)
    iterations = {"simplex": int(counts[-1])} if counts and int(counts[-1]) else {}
    return {
        "version": f"CBC {version}" if version else "",
        "iterations": iterations,
        "method_run": "Clp dual simplex" if iterations else "Clp presolve or crash",
        "presolved": presolved_size(log),
    }


# -- through PuLP ----------------------------------------------------------------------------


def _solve_by_pulp(
    lp: LinearProgram,
    path: Path,
    folder: Path,
    options: SolveOptions,
    used: dict[str, NativeValue],
    phase: Phase,
) -> Solution:
    pulp = import_solver("pulp")
    coin_api = import_solver("pulp.apis.coin_api")
    mps, text = folder / "problem.mps", folder / "solution.txt"
    with phase("build"):
        problem, columns, sides = _build(pulp, lp)
    with phase("check"):
        rounded = rounded_by_pulp(lp)
    row_sizes = np.bincount(lp.matrix.indices, minlength=lp.n_rows)
    entries = int(row_sizes[[row for row, _ in sides]].sum())
    with phase("solve"):
        # What PuLP's own call does, but for starting the program, whose memory is measured.
        held = problem.writeMPS(str(mps), rename=1)[:3]
        command = _command(path, mps, used, options, "-printingOptions", "all", "-solution", text)
        log = _run("cbc", command, options, (len(sides), lp.n_cols, entries))
        _first_line(text, log)
        found = coin_api.COIN_CMD(path=str(path)).readsol_MPS(str(text), problem, *held)
    with phase("extract"):
        status, values, _, prices, _, sol_status = found
        claims: dict[int, Claim] = {
            pulp.LpSolutionOptimal: "optimal",
            pulp.LpSolutionInfeasible: "infeasible",
            pulp.LpSolutionUnbounded: "unbounded",
        }
        claim = claims.get(sol_status, "unknown")
        x = y = None
        if claim in ("optimal", "unknown"):
            x = np.array([values[column.name] for column in columns], dtype=np.float64)
        duals = [prices.get(side.name) for _, side in sides]
        if claim == "optimal" and None not in duals:
            rows = np.array([row for row, _ in sides], dtype=np.intp)
            y = np.bincount(rows, weights=duals, minlength=lp.n_rows).astype(np.float64)
        notes = ["PuLP reads CBC's solution with about 8 digits"]
        if rounded:
            notes.append(f"PuLP's MPS file rounds {rounded} numbers to 13 digits")
        facts = _from_log(log)
        facts["version"] += f", PuLP {pulp.__version__}"
        return Solution(
            claim=claim,
            x=x,
            y=y,
            # PuLP keeps no objective constant and reads no objective value: it recomputes c·x.
            objective=None if x is None else float(lp.cost @ x) + lp.offset,
            native_status=f"{pulp.LpStatus[status]} (sol_status {pulp.LpSolution[sol_status]})",
            hit_limit=sol_status == pulp.LpSolutionIntegerFeasible,  # whatever `status` says
            notes=tuple(notes),
            **facts,
        )


def _build(pulp: Any, lp: LinearProgram) -> tuple[Any, list[Any], list[tuple[int, Any]]]:
    """Return PuLP's problem, its variables, and its constraints each with its row.

    A range has two constraints, a free or an empty row none.
    """
    problem = pulp.LpProblem("planbench", pulp.LpMinimize)
    lower = [None if v == -np.inf else v for v in lp.col_lower.tolist()]
    upper = [None if v == np.inf else v for v in lp.col_upper.tolist()]
    variable = getattr(problem, "add_variable", pulp.LpVariable)  # the former from PuLP 3.3 on
    columns = [
        variable(f"c{j}", low, up) for j, (low, up) in enumerate(zip(lower, upper, strict=True))
    ]
    cost = lp.cost
    # A column without any entry must be in the objective, or PuLP's MPS file lacks it.
    named = (cost != 0) | (np.diff(lp.matrix.indptr) == 0)
    if not named.any():
        named[0] = True  # or PuLP adds a column of its own
    problem.setObjective(
        pulp.LpAffineExpression(
            [(columns[j], cost[j].item()) for j in np.flatnonzero(named).tolist()]
        )
    )
    by_row = sp.csr_array(lp.matrix)
    starts, indices, values = by_row.indptr.tolist(), by_row.indices.tolist(), by_row.data.tolist()
    sides: list[tuple[int, Any]] = []
    for i, (low, up) in enumerate(zip(lp.row_lower.tolist(), lp.row_upper.tolist(), strict=True)):
        first, last = starts[i], starts[i + 1]
        if first == last:
            continue
        terms = [(columns[indices[k]], values[k]) for k in range(first, last)]
        wanted = [("l", pulp.LpConstraintGE, low)] if np.isfinite(low) else []
        wanted += [("u", pulp.LpConstraintLE, up)] if np.isfinite(up) else []
        if low == up:
            wanted = [("e", pulp.LpConstraintEQ, low)]
        for suffix, sense, rhs in wanted:
            side = pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, f"r{i}{suffix}", rhs)
            problem.addConstraint(side)
            sides.append((i, side))
    return problem, columns, sides


def rounded_by_pulp(lp: LinearProgram) -> int:
    """Count the numbers that PuLP's MPS format (13 digits) changes."""
    total = 0
    for array in (
        lp.matrix.data,
        lp.cost,
        lp.row_lower,
        lp.row_upper,
        lp.col_lower,
        lp.col_upper,
    ):
        values, counts = np.unique(array[np.isfinite(array)], return_counts=True)
        written = np.char.mod("%.12e", values).astype(np.float64)
        total += int(counts[written != values].sum())
    return total


# -- with an MPS file ------------------------------------------------------------------------


def _solve_by_file(
    lp: LinearProgram,
    path: Path,
    folder: Path,
    options: SolveOptions,
    used: dict[str, NativeValue],
    phase: Phase,
) -> Solution:
    mps, text, binary = (folder / name for name in ("problem.mps", "solution.txt", "solution.bin"))
    with phase("load"):
        # The constant stays here: readers differ about its sign.
        notes = write_mps(replace(lp, offset=0.0), mps, numbered=True)
    command = _command(path, mps, used, options, "-solution", text, "-saveSolution", binary)
    with phase("solve"):
        log = _run("cbc-mps", command, options, (lp.n_rows, lp.n_cols, int(lp.matrix.nnz)))
    with phase("extract"):
        status = _first_line(text, log)
        word = status.partition(" ")[0]
        claim = _CLAIMS.get(word, "unknown")
        x = y = value = None
        if claim in ("optimal", "unknown"):
            x, y, value = read_binary_solution(binary, lp.n_rows, lp.n_cols)
            value += lp.offset
        return Solution(
            claim=claim,
            x=x,
            y=y,
            objective=value,
            native_status=status,
            hit_limit=word == "Stopped",
            notes=notes,
            **_from_log(log),
        )


# -- the program, its log and its solutions --------------------------------------------------


def _command(
    path: Path,
    mps: Path,
    used: Mapping[str, NativeValue],
    options: SolveOptions,
    *outputs: str | Path,
) -> list[str]:
    command = [str(path), str(mps)]
    for key, value in used.items():
        command += [f"-{key}", str(value)]
    if "seconds" in used:
        command += ["-timeMode", "elapsed"]
    return [*command, "-solve" if options.stock else "-initialSolve", *map(str, outputs)]


def _run(
    name: str, command: Sequence[str], options: SolveOptions, size: tuple[int, int, int]
) -> str:
    """Run CBC and return its log, which shows that it read and did what was asked.

    Raises
    ------
    InputError, SolverError
        If it did not.
    SolverCrashError
        If it died or failed.
    """
    with captured_stdout() as log:
        code = run_program(command)
    if code < 0:
        died = f"{name}: CBC {ending(code)}: {_last_line(log.text)}"
        raise SolverCrashError(died, returncode=code)
    _check_options_taken(log.text, options.native)
    _check_size(log.text, *size)
    if code != 0:
        raise SolverCrashError(f"{name}: CBC {ending(code)}: {_last_line(log.text)}")
    return log.text


def _first_line(solution: Path, log: str) -> str:
    """First line of a solution file, which says how CBC ended."""
    try:
        with solution.open() as file:
            return file.readline().strip()
    except OSError:
        raise SolverCrashError(f"CBC wrote no solution: {_last_line(log)}") from None


def program_path() -> Path:
    """Path of the program that PuLP bundles, which importing PuLP has made executable.

    Raises
    ------
    SolverUnavailableError
        If there is none for this platform, or it cannot be run.
    """
    path = Path(import_solver("pulp.apis.coin_api").pulp_cbc_path)
    if not path.is_file():
        raise SolverUnavailableError(
            "PuLP bundles no CBC program for this platform; pip install 'pulp>=3,<4'"
        )
    if not os.access(path, os.X_OK):
        raise SolverUnavailableError(f"{path} is not executable; chmod +x it")
    return path


def program_versions() -> dict[str, str | None]:
    """Version of the program, for the list of solvers; None where it does not run."""
    try:
        done = run_supervised([str(program_path()), "-stop"], timeout_s=10.0)
    except (SolverUnavailableError, OSError, subprocess.TimeoutExpired):
        return {"CBC": None}
    return {"CBC": _version_in(done.stdout)}


def _version_in(log: str) -> str:
    found = re.search(r"^Version:\s*(\S+)", log, re.MULTILINE)
    return found[1] if found else ""


def _check_options_taken(log: str, user: Mapping[str, NativeValue]) -> None:
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


def _check_size(log: str, rows: int, columns: int, entries: int) -> None:
    """Compare the size of the problem CBC read with what was written.

    Raises
    ------
    SolverError
        If they differ, or the log does not say.
    """
    found = re.search(r"has (\d+) rows, (\d+) columns and (\d+) elements", log)
    if found is None:
        raise SolverError(f"CBC did not read the problem: {_last_line(log)}")
    read = tuple(int(word) for word in found.groups())
    if read != (rows, columns, entries):
        raise SolverError(
            f"CBC read {read[0]} x {read[1]} with {read[2]} non-zeros, "
            f"written were {rows} x {columns} with {entries}"
        )
    errors = re.search(r"read with (\d+) errors", log)
    if errors and int(errors[1]):
        raise SolverError(f"CBC read the problem with {errors[1]} errors")


def _last_line(log: str) -> str:
    """Last line that says something."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "(no log)"


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
