"""GLOP, the simplex code of OR-Tools, through its model-builder helper (arrays, no objects).

The helper calls an unbounded program "infeasible" and tells no iterations; GLOP's own log
does, so the claim is read there. OR-Tools and highspy cannot be imported into one process
(both bring a ``libhighs.so.1``): a worker runs one solver only.
"""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError, SolverError
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import (
    Claim,
    NativeValue,
    Phase,
    Solution,
    SolveOptions,
    SolverSpec,
    Supported,
    no_phase,
)
from planbench.solvers.common import (
    Clock,
    as_linear_program,
    changed_problem,
    duals_in_stated_sense,
    huge_bounds,
    import_solver,
    in_stated_sense,
    minimisation_offset,
    refuse_reserved,
    unsolved_shape,
)
from planbench.solvers.logs import captured_stdout, presolved_size
from planbench.solvers.proto_options import set_fields

SOLVERS = (
    SolverSpec(
        name="glop",
        family="OR-Tools",
        method="primal simplex (GLOP)",
        module="planbench.solvers.ortools_glop",
        packages=("ortools",),
        supports=(Supported("ortools", "9.14", "9.15.6755"),),
        extra="ortools",
        exact=True,
        takes=frozenset(("tolerance", "time_limit", "seed", "native")),
        default="min −c; GLOP's own defaults, which serve planning LPs as well as any tried",
        stock="the same",
    ),
)

#: GLOP takes magnitudes from here on as infinite (its max_valid_magnitude).
INFINITE = 1e30

RESERVED = {
    "max_time_in_seconds": "use the option time_limit",
    "random_seed": "use the option seed",
    "primal_feasibility_tolerance": "use the option tolerance",
    "dual_feasibility_tolerance": "use the option tolerance",
    "log_search_progress": "the log tells what GLOP found",
    "log_to_stdout": "the log tells what GLOP found",
    "num_omp_threads": "GLOP has one thread",
}

#: GLOP's own status, from its log. A dual that is infeasible leaves both possible.
_CLAIMS: dict[str, Claim] = {
    "OPTIMAL": "optimal",
    "PRIMAL_INFEASIBLE": "infeasible",
    "DUAL_UNBOUNDED": "infeasible",
    "PRIMAL_UNBOUNDED": "unbounded",
    "DUAL_INFEASIBLE": "infeasible-or-unbounded",
    "INFEASIBLE_OR_UNBOUNDED": "infeasible-or-unbounded",
    "PRIMAL_FEASIBLE": "feasible",
}


def solve(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase = no_phase,
) -> Solution:
    """Solve with GLOP.

    Raises
    ------
    InputError
        If GLOP does not know a native option or refuses its value.
    SolverError
        If GLOP refuses the model or holds another than was sent.
    """
    lp = as_linear_program(problem)
    answer = unsolved_shape(lp)
    if answer is not None:
        return answer
    notes = []
    huge = huge_bounds(lp, INFINITE)
    if huge:
        notes.append(changed_problem(f"{huge} finite bounds ≥ 1e30 are infinite to GLOP", options))
    helper = import_solver("ortools.linear_solver.python.model_builder_helper")
    parameters_pb2 = import_solver("ortools.glop.parameters_pb2")
    text_format = import_solver("google.protobuf.text_format")
    with phase("load"):
        parameters = parameters_pb2.GlopParameters()
        used = _configure(parameters, options)
        model = helper.ModelBuilderHelper()
        model.fill_model_from_sparse_data(
            lp.col_lower,
            lp.col_upper,
            lp.minimisation_cost,
            lp.row_lower,
            lp.row_upper,
            sp.csr_matrix(lp.matrix),
        )
        model.set_objective_offset(minimisation_offset(lp))
        solver = helper.ModelSolverHelper("glop")
        solver.set_solver_specific_parameters(text_format.MessageToString(parameters))
        if options.time_limit is not None:
            solver.set_time_limit_in_seconds(options.time_limit)
        solver.enable_output(True)
    clock = Clock(options.time_limit)
    with phase("solve"), captured_stdout() as log:
        solver.solve(model)
    left = clock.remaining()
    with phase("extract"):
        solution = _extract(lp, solver, log.text, used, tuple(notes))
    # GLOP says that it is not done, never why.
    stopped = solution.claim in ("unknown", "feasible") and left is not None and left <= 0
    return replace(solution, hit_limit=stopped)


def _configure(parameters: Any, options: SolveOptions) -> dict[str, NativeValue]:
    refuse_reserved(options.native, RESERVED)
    wanted: dict[str, NativeValue] = {}
    if options.tolerance is not None:
        wanted["primal_feasibility_tolerance"] = options.tolerance
        wanted["dual_feasibility_tolerance"] = options.tolerance
        # GLOP checks its answer against this one at the end.
        wanted["solution_feasibility_tolerance"] = options.tolerance
    if options.seed is not None:
        wanted["random_seed"] = options.seed
    used = set_fields(parameters, wanted | dict(options.native), "GLOP")
    if options.time_limit is not None:
        used["max_time_in_seconds"] = options.time_limit
    return used


def _check_held(lp: LinearProgram, log: str) -> None:
    """Compare what GLOP's log says it holds with what was sent."""
    found = re.search(
        r"Initial problem: (\d+) rows, (\d+) columns, (\d+) entries with magnitude in "
        r"\[([^,]+), ([^\]]+)\]",
        log,
    )
    if found is None:
        raise SolverError("glop: its log does not say what problem it holds")
    held = tuple(int(found[k]) for k in (1, 2, 3))
    sent = (lp.n_rows, lp.n_cols, int(lp.matrix.nnz))
    if held != sent:
        raise SolverError(
            f"GLOP holds {held[0]} x {held[1]} with {held[2]} non-zeros, "
            f"sent were {sent[0]} x {sent[1]} with {sent[2]}"
        )
    if lp.matrix.nnz:
        size = np.abs(lp.matrix.data)
        for what, have, want in (
            ("smallest", float(found[4]), float(size.min())),
            ("largest", float(found[5]), float(size.max())),
        ):
            if abs(have - want) > 1e-5 * want:
                raise SolverError(f"GLOP's {what} coefficient is {have:g}, sent was {want:g}")


def _extract(
    lp: LinearProgram,
    solver: Any,
    log: str,
    used: dict[str, NativeValue],
    notes: tuple[str, ...],
) -> Solution:
    outer = solver.status().name
    if outer == "INVALID_SOLVER_PARAMETERS":
        raise InputError(f"GLOP: {solver.status_string()}", where="--set")
    if outer in ("MODEL_INVALID", "INCOMPATIBLE_OPTIONS", "SOLVER_TYPE_UNAVAILABLE"):
        raise SolverError(f"GLOP ended with {outer}: {solver.status_string()}")
    _check_held(lp, log)
    # The last of each: GLOP reports again after it has moved values to their bounds.
    statuses = re.findall(r"^status: (\w+)", log, re.MULTILINE)
    counts = re.findall(r"^iterations: (\d+)", log, re.MULTILINE)
    own = statuses[-1] if statuses else ""
    if own:
        claim = _CLAIMS.get(own, "unknown")
    else:
        guesses: dict[str, Claim] = {
            "OPTIMAL": "optimal",
            "INFEASIBLE": "infeasible-or-unbounded",
            "UNBOUNDED": "infeasible-or-unbounded",
        }
        claim = guesses.get(outer, "unknown")
        notes = (*notes, "GLOP's log shows no status; the claim is OR-Tools' word, weakened")
    x = y = value = None
    if solver.has_solution() and claim in ("optimal", "feasible", "unknown"):
        x = np.array(solver.variable_values(), dtype=np.float64)
        y = duals_in_stated_sense(lp, np.array(solver.dual_values(), dtype=np.float64))
        value = in_stated_sense(lp, float(solver.objective_value()))
    iterations = {"simplex": int(counts[-1])} if counts and int(counts[-1]) else {}
    return Solution(
        claim=claim,
        x=x,
        y=y,
        objective=value,
        native_status=f"{own or 'no status'} ({outer})",
        iterations=iterations,
        version=importlib.metadata.version("ortools"),
        method_run="GLOP" if iterations else "GLOP presolve",
        threads_used=1,
        options=used,
        presolved=presolved_size(log),
        notes=notes,
    )
