"""CBC through PuLP, the way most Python users call it.

PuLP keeps one Python object per coefficient; building them is phase ``build``. It then writes
an MPS file with 13 digits, runs the CBC program it bundles, and reads back a text file with
about 8 digits: all of that is phase ``solve``, as PuLP does it in one call. Both roundings are
noted. PuLP calls a run that stopped at its limit "Optimal"; ``sol_status`` tells.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import SolverCrashError
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import (
    Claim,
    NativeValue,
    Phase,
    Solution,
    SolveOptions,
    SolverSpec,
    no_phase,
)
from planbench.solvers.cbc_program import (
    check_log,
    check_size,
    iterations_of,
    last_line,
    runnable_program,
    typed_parameters,
    version_of,
    why_unavailable,
)
from planbench.solvers.common import (
    as_linear_program,
    duals_in_stated_sense,
    import_solver,
    in_stated_sense,
    minimisation_offset,
    row_kinds,
    unsolved_shape,
)
from planbench.solvers.logs import captured_stdout
from planbench.solvers.presolve_log import presolved_size
from planbench.solvers.programs import ended, stand_in

SOLVERS = (
    SolverSpec(
        name="cbc",
        family="CBC",
        method="dual simplex (Clp), through PuLP",
        module="planbench.solvers.cbc",
        packages=("pulp",),
        exact=True,
        takes=frozenset(("tolerance", "time_limit", "seed", "native")),
        phases=("build", "check", "solve", "extract"),
        default="min −c; solved as a linear program (-initialSolve)",
        stock="min −c; PuLP's own call (-solve, as if there were integers)",
    ),
)


def unavailable(spec: SolverSpec) -> str | None:
    """Say why PuLP's CBC cannot run here."""
    return why_unavailable()


@dataclass(frozen=True)
class Built:
    """A PuLP problem and which of its objects stands for what.

    Attributes
    ----------
    problem : pulp.LpProblem
    columns : list of pulp.LpVariable
    sides : list of (row, pulp.LpConstraint)
        A range has two, a free or an empty row none.
    entries : int
        Coefficients handed over.
    """

    problem: Any
    columns: Sequence[Any]
    sides: Sequence[tuple[int, Any]]
    entries: int


def solve(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase = no_phase,
) -> Solution:
    """Solve with PuLP's bundled CBC.

    Raises
    ------
    InputError
        If CBC does not know a native option or refuses its value.
    SolverError
        If CBC fails or read another problem.
    """
    lp = as_linear_program(problem)
    native = typed_parameters(options.native)
    answer = unsolved_shape(lp) or _empty_rows(lp)
    if answer is not None:
        return answer
    path = runnable_program()
    used = command_options(options) | native
    pulp = import_solver("pulp")
    coin_api = import_solver("pulp.apis.coin_api")
    with phase("build"):
        built = _build(pulp, lp)
    with phase("check"):
        rounded = rounded_by_pulp(lp)
    with tempfile.TemporaryDirectory(prefix="planbench-cbc-") as folder:
        started = stand_in(path, Path(folder))
        with phase("solve"):
            program = coin_api.COIN_CMD(
                path=str(started),
                mip=options.stock,
                timeLimit=options.time_limit,
                options=[f"{key} {value}" for key, value in used.items() if key != "seconds"],
            )
            program.tmpDir = folder  # PuLP leaves its files there when CBC fails
            failed = False
            with captured_stdout() as log:
                try:
                    built.problem.solve(program)
                except pulp.PulpSolverError:
                    failed = True
            ended(started)
        check_log(log.text, native)
        if failed:
            raise SolverCrashError(f"cbc: PuLP says CBC failed: {last_line(log.text)}")
        check_size(log.text, len(built.sides), lp.n_cols, built.entries)
    with phase("extract"):
        return _extract(pulp, lp, built, log.text, used, rounded)


def command_options(options: SolveOptions) -> dict[str, NativeValue]:
    """CBC's parameters for the options of planbench."""
    used: dict[str, NativeValue] = {}
    if options.tolerance is not None:
        used |= {"primalTolerance": options.tolerance, "dualTolerance": options.tolerance}
    if options.seed is not None:
        used["randomSeed"] = options.seed
    if options.time_limit is not None:
        used["seconds"] = options.time_limit
    return used


def _empty_rows(lp: LinearProgram) -> Solution | None:
    """PuLP raises on a row without coefficients that 0 does not satisfy."""
    empty = np.bincount(lp.matrix.indices, minlength=lp.n_rows) == 0
    violated = np.flatnonzero(empty & ((lp.row_lower > 0) | (lp.row_upper < 0)))
    if not violated.size:
        return None
    at = int(violated[0])
    ray = np.zeros(lp.n_rows)
    ray[at] = 1.0 if lp.row_lower[at] > 0 else -1.0
    return Solution(
        claim="infeasible",
        x=None,
        y=None,
        objective=None,
        native_status=f"not handed over: row {lp.row(at)} is empty and excludes 0",
        method_run="none (an empty row is violated)",
        dual_ray=ray,
        notes=("PuLP refuses to hold such a row; CBC was not run",),
    )


def _build(pulp: Any, lp: LinearProgram) -> Built:
    problem = pulp.LpProblem("planbench", pulp.LpMinimize)
    lower = [None if v == -np.inf else v for v in lp.col_lower.tolist()]
    upper = [None if v == np.inf else v for v in lp.col_upper.tolist()]
    if hasattr(problem, "add_variable"):  # PuLP 3.3 and later
        columns = [
            problem.add_variable(f"c{j}", low, up)
            for j, (low, up) in enumerate(zip(lower, upper, strict=True))
        ]
    else:
        columns = [
            pulp.LpVariable(f"c{j}", low, up)
            for j, (low, up) in enumerate(zip(lower, upper, strict=True))
        ]
    cost = lp.minimisation_cost
    # A column without any entry must stand in the objective, or PuLP's MPS file lacks it.
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
    entries = 0
    kinds = row_kinds(lp).tolist()
    low, up = lp.row_lower.tolist(), lp.row_upper.tolist()
    for i, kind in enumerate(kinds):
        first, last = starts[i], starts[i + 1]
        if kind == 0 or first == last:
            continue
        terms = [(columns[indices[k]], values[k]) for k in range(first, last)]
        wanted = {
            1: [("l", pulp.LpConstraintGE, low[i])],
            2: [("u", pulp.LpConstraintLE, up[i])],
            3: [("l", pulp.LpConstraintGE, low[i]), ("u", pulp.LpConstraintLE, up[i])],
            4: [("e", pulp.LpConstraintEQ, low[i])],
        }[kind]
        for suffix, sense, rhs in wanted:
            side = pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, f"r{i}{suffix}", rhs)
            problem.addConstraint(side)
            sides.append((i, side))
            entries += last - first
    return Built(problem, columns, sides, entries)


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


def _extract(
    pulp: Any,
    lp: LinearProgram,
    built: Built,
    log: str,
    used: dict[str, NativeValue],
    rounded: int,
) -> Solution:
    status, sol_status = built.problem.status, built.problem.sol_status
    claims: dict[int, Claim] = {
        pulp.LpSolutionOptimal: "optimal",
        pulp.LpSolutionInfeasible: "infeasible",
        pulp.LpSolutionUnbounded: "unbounded",
    }
    claim = claims.get(sol_status, "unknown")
    values = [column.varValue for column in built.columns]
    x = None if None in values else np.array(values, dtype=np.float64)
    y = np.zeros(lp.n_rows)
    missing = False
    for i, side in built.sides:
        if side.pi is None:
            missing = True
            break
        y[i] += side.pi
    notes = ["PuLP reads CBC's solution with about 8 digits"]
    if rounded:
        notes.append(f"PuLP's MPS file rounds {rounded} numbers to 13 digits")
    # PuLP keeps no objective constant and reads no objective value: it recomputes c·x.
    value = None
    if x is not None and claim in ("optimal", "unknown"):
        value = in_stated_sense(lp, float(lp.minimisation_cost @ x) + minimisation_offset(lp))
    return Solution(
        claim=claim,
        x=x if claim in ("optimal", "unknown") else None,
        y=duals_in_stated_sense(lp, y) if claim == "optimal" and not missing else None,
        objective=value,
        native_status=f"{pulp.LpStatus[status]} (sol_status {pulp.LpSolution[sol_status]})",
        iterations=iterations_of(log),
        hit_limit=sol_status == pulp.LpSolutionIntegerFeasible,  # whatever `status` says
        version=f"{version_of(log)}, PuLP {pulp.__version__}",
        method_run="Clp dual simplex" if iterations_of(log) else "Clp presolve or crash",
        threads_used=1,
        options=used,
        notes=tuple(notes),
        presolved=presolved_size(log),
    )
