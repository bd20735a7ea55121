"""The CBC program that PuLP bundles, fed with an MPS file of 17 digits, without PuLP's objects.

Writing the file is phase ``load``; the run of the program, reading included, is phase
``solve``. The solution comes back through CBC's binary file in full precision: its text file
has 8 digits.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from planbench.errors import SolverCrashError
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import Phase, Solution, SolveOptions, SolverSpec, no_phase
from planbench.solvers.cbc import command_options
from planbench.solvers.cbc_program import (
    check_log,
    check_size,
    claim_of,
    iterations_of,
    last_line,
    read_binary_solution,
    runnable_program,
    typed_parameters,
    version_of,
    why_unavailable,
)
from planbench.solvers.common import (
    as_linear_program,
    duals_in_stated_sense,
    in_stated_sense,
    minimisation_offset,
    unsolved_shape,
)
from planbench.solvers.logs import captured_stdout
from planbench.solvers.presolve_log import presolved_size
from planbench.solvers.programs import ending, run_program

SOLVERS = (
    SolverSpec(
        name="cbc-mps",
        family="CBC",
        method="dual simplex (Clp), fed by an MPS file",
        module="planbench.solvers.cbc_mps",
        packages=("pulp",),
        exact=True,
        takes=frozenset(("tolerance", "time_limit", "seed", "native")),
        default="min −c; solved as a linear program (-initialSolve)",
        stock="min −c; CBC's own call (-solve, as if there were integers)",
    ),
)


def unavailable(spec: SolverSpec) -> str | None:
    """Say why PuLP's CBC cannot run here."""
    return why_unavailable()


def solve(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase = no_phase,
) -> Solution:
    """Solve with the CBC program.

    Raises
    ------
    InputError
        If CBC does not know a native option or refuses its value.
    SolverError
        If CBC fails or read another problem than was written.
    """
    from planbench.io.mps import write_mps

    lp = as_linear_program(problem)
    native = typed_parameters(options.native)
    answer = unsolved_shape(lp)
    if answer is not None:
        return answer
    path = runnable_program()
    used = command_options(options) | native
    with tempfile.TemporaryDirectory(prefix="planbench-cbc-") as folder:
        mps, text = Path(folder) / "problem.mps", Path(folder) / "solution.txt"
        binary = Path(folder) / "solution.bin"
        with phase("load"):
            # The constant stays here: readers differ about its sign.
            plain = replace(lp, cost=lp.minimisation_cost, offset=0.0, maximise=False)
            notes = write_mps(plain, mps, numbered=True)
        command = [str(path), str(mps)]
        for key, value in used.items():
            command += [f"-{key}", str(value)]
        if "seconds" in used:
            command += ["-timeMode", "elapsed"]
        command += ["-solve" if options.stock else "-initialSolve"]
        command += ["-solution", str(text), "-saveSolution", str(binary)]
        with phase("solve"), captured_stdout() as log:
            code = run_program(command)
        if code < 0:
            died = f"cbc-mps: CBC {ending(code)}: {last_line(log.text)}"
            raise SolverCrashError(died, returncode=code)
        check_size(log.text, lp.n_rows, lp.n_cols, int(lp.matrix.nnz))
        check_log(log.text, native)
        if code != 0:
            raise SolverCrashError(f"cbc-mps: CBC {ending(code)}: {last_line(log.text)}")
        with phase("extract"):
            return replace(_extract(lp, text, binary, log.text), options=used, notes=notes)


def _extract(lp: LinearProgram, text: Path, binary: Path, log: str) -> Solution:
    try:
        with text.open() as file:
            status = file.readline().strip()
    except OSError:
        raise SolverCrashError(f"cbc-mps: CBC wrote no solution: {last_line(log)}") from None
    claim, hit_limit = claim_of(status)
    x = y = value = None
    if claim in ("optimal", "unknown"):
        x, y, least = read_binary_solution(binary, lp.n_rows, lp.n_cols)
        value = in_stated_sense(lp, least + minimisation_offset(lp))
    iterations = iterations_of(log)
    return Solution(
        claim=claim,
        x=x,
        y=None if y is None else duals_in_stated_sense(lp, y),
        objective=value,
        native_status=status,
        iterations=iterations,
        hit_limit=hit_limit,
        version=version_of(log),
        method_run="Clp dual simplex" if iterations else "Clp presolve or crash",
        threads_used=1,
        presolved=presolved_size(log),
    )
