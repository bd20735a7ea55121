"""PDLP of OR-Tools, called directly with sparse arrays.

An infinite coefficient would abort the process, and a program whose bounds cross is refused
with an exception: the first cannot reach this module (:func:`make_linear_program` refuses it),
the second is answered before. Direct PDLP holds the interpreter lock for the whole solve, so
limits must be enforced from outside.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import SolverError
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
    as_linear_program,
    duals_in_stated_sense,
    import_solver,
    in_stated_sense,
    minimisation_offset,
    oriented_dual_ray,
    refuse_reserved,
    unsolved_shape,
)
from planbench.solvers.proto_options import set_fields

SOLVERS = (
    SolverSpec(
        name="pdlp",
        family="OR-Tools",
        method="first-order PDHG (PDLP)",
        module="planbench.solvers.ortools_pdlp",
        packages=("ortools",),
        supports=(Supported("ortools", "9.14", "9.15.6755"),),
        extra="ortools",
        takes=frozenset(("tolerance", "threads", "time_limit", "native")),
        phases=("load", "check", "solve", "extract"),
        default="min −c; one thread; every row held to 1e-6 (L_INF_COMPONENTWISE)",
        stock="min −c; PDLP's own defaults (L2 norm of all rows together, 1e-6)",
    ),
)

RESERVED = {
    "num_threads": "use the option threads",
    "termination_criteria.time_sec_limit": "use the option time_limit",
    "time_sec_limit": "use the option time_limit",
    "verbosity_level": "it is set to show the log",
}

#: A primal ray shows the dual infeasible: the program is unbounded if it is feasible at all.
_CLAIMS: dict[str, Claim] = {
    "OPTIMAL": "optimal",
    "PRIMAL_INFEASIBLE": "infeasible",
    "DUAL_INFEASIBLE": "infeasible-or-unbounded",
    "PRIMAL_OR_DUAL_INFEASIBLE": "infeasible-or-unbounded",
}
_LIMITS = ("TIME_LIMIT", "ITERATION_LIMIT", "KKT_MATRIX_PASS_LIMIT", "INTERRUPTED_BY_USER")
_UNKNOWN = ("NUMERICAL_ERROR", *_LIMITS)


def solve(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase = no_phase,
) -> Solution:
    """Solve with PDLP.

    Raises
    ------
    InputError
        If PDLP does not know a native option or refuses its value.
    SolverError
        If PDLP refuses the problem or its parameters, or holds another problem than was sent.
    """
    lp = as_linear_program(problem)
    answer = unsolved_shape(lp)
    if answer is not None:
        return answer
    pdlp = import_solver("ortools.pdlp.python.pdlp")
    solvers_pb2 = import_solver("ortools.pdlp.solvers_pb2")
    solve_log_pb2 = import_solver("ortools.pdlp.solve_log_pb2")
    with phase("load"):
        parameters = solvers_pb2.PrimalDualHybridGradientParams()
        used = _configure(parameters, options)
        program = pdlp.QuadraticProgram()
        program.resize_and_initialize(lp.n_cols, lp.n_rows)
        program.objective_vector = lp.minimisation_cost
        program.objective_offset = minimisation_offset(lp)
        program.variable_lower_bounds = lp.col_lower
        program.variable_upper_bounds = lp.col_upper
        program.constraint_lower_bounds = lp.row_lower
        program.constraint_upper_bounds = lp.row_upper
        program.constraint_matrix = sp.csc_matrix(lp.matrix)
    with phase("check"):
        _check_held(lp, program)
    with phase("solve"):
        try:
            result = pdlp.primal_dual_hybrid_gradient(program, parameters)
        except (ValueError, RuntimeError) as error:
            raise SolverError(f"PDLP refuses to run: {error}") from None
    with phase("extract"):
        reason = solve_log_pb2.TerminationReason.Name(result.solve_log.termination_reason)
        return _extract(lp, result, reason.removeprefix("TERMINATION_REASON_"), used)


def _configure(parameters: Any, options: SolveOptions) -> dict[str, NativeValue]:
    refuse_reserved(options.native, RESERVED)
    wanted: dict[str, NativeValue] = {"verbosity_level": 2}
    if not options.stock:
        wanted["termination_criteria.optimality_norm"] = "OPTIMALITY_NORM_L_INF_COMPONENTWISE"
        wanted["num_threads"] = 1
    if options.threads is not None:
        wanted["num_threads"] = options.threads
    if options.time_limit is not None:
        wanted["termination_criteria.time_sec_limit"] = float(options.time_limit)
    if options.tolerance is not None:
        # Both: with a relative tolerance of 0 PDLP calls z = 0 optimal at iteration 0.
        criteria = "termination_criteria.simple_optimality_criteria"
        wanted[f"{criteria}.eps_optimal_absolute"] = options.tolerance
        wanted[f"{criteria}.eps_optimal_relative"] = options.tolerance
    used = set_fields(parameters, wanted, "PDLP")
    return used | set_fields(parameters, options.native, "PDLP")


def _check_held(lp: LinearProgram, program: Any) -> None:
    held = program.constraint_matrix
    same = held.shape == lp.matrix.shape and held.nnz == lp.matrix.nnz
    if same:
        held = sp.csc_matrix(held)
        held.sort_indices()
        same = (
            np.array_equal(held.indptr, lp.matrix.indptr)
            and np.array_equal(held.indices, lp.matrix.indices)
            and np.array_equal(held.data, lp.matrix.data)
        )
    for have, want in (
        (program.objective_vector, lp.minimisation_cost),
        (program.variable_lower_bounds, lp.col_lower),
        (program.variable_upper_bounds, lp.col_upper),
        (program.constraint_lower_bounds, lp.row_lower),
        (program.constraint_upper_bounds, lp.row_upper),
    ):
        same = same and np.array_equal(have, want)
    if not same:
        raise SolverError("PDLP holds another problem than was sent")


def _extract(lp: LinearProgram, result: Any, reason: str, used: dict[str, NativeValue]) -> Solution:
    log = result.solve_log
    if reason not in _CLAIMS and reason not in _UNKNOWN:
        raise SolverError(f"PDLP ended with {reason}: {log.termination_string}")
    claim = _CLAIMS.get(reason, "unknown")
    x = np.array(result.primal_solution, dtype=np.float64)
    y = np.array(result.dual_solution, dtype=np.float64)
    primal_ray = dual_ray = value = None
    if claim in ("optimal", "unknown"):
        value = in_stated_sense(lp, float(lp.minimisation_cost @ x) + minimisation_offset(lp))
        if not np.isfinite(value):
            value = None
    elif claim == "infeasible":
        dual_ray = oriented_dual_ray(lp, y, tolerance=1e-6)
    elif reason == "DUAL_INFEASIBLE":
        primal_ray = x if x.size == lp.n_cols and np.isfinite(x).all() else None
    point = claim in ("optimal", "unknown")
    count = int(log.iteration_count)
    threads = used.get("num_threads", 1)
    return Solution(
        claim=claim,
        x=x if point else None,
        y=duals_in_stated_sense(lp, y) if point else None,
        objective=value,
        native_status=f"{reason} {log.termination_string}".strip(),
        iterations={"pdlp": count} if count else {},
        primal_ray=primal_ray,
        dual_ray=dual_ray,
        hit_limit=reason in _LIMITS,
        version=importlib.metadata.version("ortools"),
        method_run="PDLP",
        threads_used=int(threads),
        options=used,
    )
