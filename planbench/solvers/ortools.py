"""OR-Tools: GLOP (simplex) through its model-builder helper, and PDLP called directly; as arrays.

The helper calls an unbounded program "infeasible" and reports no iterations; GLOP's own log does,
so the claim is read there.

An infinite coefficient would make PDLP abort the process, and a program whose bounds cross is
refused with an exception: the first cannot reach this module (:func:`make_linear_program` refuses
it), the second is answered before. Direct PDLP holds the interpreter lock for the whole solve, so
limits must be enforced from outside.

OR-Tools and highspy up to 1.15 cannot be imported into one process (both bring a
``libhighs.so.1``): a worker runs one solver only.

Native options are fields of a protocol buffer, addressed by name: nested ones with dots
(``termination_criteria.iteration_limit``), a name that is unique among the leaves without prefix.
"""

from __future__ import annotations

import functools
import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.errors import InputError, SolverError
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import (
    Claim,
    NativeValue,
    Phase,
    Solution,
    SolveOptions,
    SolverSpec,
    Supported,
)
from planbench.solvers.common import (
    Clock,
    Kind,
    OptionTable,
    as_minimisation,
    changed_problem,
    huge_bounds,
    import_solver,
)
from planbench.solvers.logs import captured_stdout, presolved_size

_ORTOOLS = Supported("ortools", "9.14", "9.15.6755")

SOLVERS = (
    SolverSpec(
        name="glop",
        family="OR-Tools",
        method="primal simplex (GLOP)",
        module="planbench.solvers.ortools",
        packages=("ortools",),
        supports=(_ORTOOLS,),
        extra="ortools",
        exact=True,
        takes=frozenset(("tolerance", "time_limit", "seed", "native")),
        default="min −c; GLOP's own defaults, which serve planning LPs as well as any tried",
        stock="the same",
    ),
    SolverSpec(
        name="pdlp",
        family="OR-Tools",
        method="first-order PDHG (PDLP)",
        module="planbench.solvers.ortools",
        packages=("ortools",),
        supports=(_ORTOOLS,),
        extra="ortools",
        takes=frozenset(("tolerance", "threads", "time_limit", "native")),
        phases=("load", "check", "solve", "extract"),
        default="min −c; one thread; every row held to 1e-6 (L_INF_COMPONENTWISE)",
        stock="min −c; PDLP's own defaults (L2 norm of all rows together, 1e-6)",
    ),
)


@as_minimisation
def solve(lp: LinearProgram, spec: SolverSpec, options: SolveOptions, phase: Phase) -> Solution:
    """Solve with the solver of OR-Tools that `spec` names.

    Raises
    ------
    InputError
        If it does not know a native option or refuses its value.
    SolverError
        If it refuses the problem or its parameters, or holds another problem than was sent.
    """
    solution = (_solve_glop if spec.name == "glop" else _solve_pdlp)(lp, options, phase)
    return replace(solution, version=importlib.metadata.version("ortools"))


# -- GLOP ---------------------------------------------------------------------------------

#: GLOP takes magnitudes from here on as infinite (its max_valid_magnitude).
GLOP_INFINITE = 1e30

_GLOP_OPTIONS = OptionTable(
    "GLOP",
    {
        # GLOP checks its answer against the last one at the end.
        "tolerance": (
            "primal_feasibility_tolerance",
            "dual_feasibility_tolerance",
            "solution_feasibility_tolerance",
        ),
        "seed": ("random_seed",),
        "time_limit": ("max_time_in_seconds",),
    },
    {
        "log_search_progress": "the log says what GLOP found",
        "log_to_stdout": "the log says what GLOP found",
        "num_omp_threads": "GLOP has one thread",
    },
)

#: GLOP's own status, from its log. A dual that is infeasible leaves both possible.
_GLOP_CLAIMS: dict[str, Claim] = {
    "OPTIMAL": "optimal",
    "PRIMAL_INFEASIBLE": "infeasible",
    "DUAL_UNBOUNDED": "infeasible",
    "PRIMAL_UNBOUNDED": "unbounded",
    "DUAL_INFEASIBLE": "infeasible-or-unbounded",
    "INFEASIBLE_OR_UNBOUNDED": "infeasible-or-unbounded",
    "PRIMAL_FEASIBLE": "feasible",
}


def _solve_glop(lp: LinearProgram, options: SolveOptions, phase: Phase) -> Solution:
    notes = []
    huge = huge_bounds(lp, GLOP_INFINITE)
    if huge:
        notes.append(changed_problem(f"{huge} finite bounds ≥ 1e30 are infinite to GLOP", options))
    helper = import_solver("ortools.linear_solver.python.model_builder_helper")
    parameters_pb2 = import_solver("ortools.glop.parameters_pb2")
    text_format = import_solver("google.protobuf.text_format")
    with phase("load"):
        parameters = parameters_pb2.GlopParameters()
        used = _set_parameters(parameters, _GLOP_OPTIONS, {}, options)
        model = helper.ModelBuilderHelper()
        model.fill_model_from_sparse_data(
            lp.col_lower,
            lp.col_upper,
            lp.cost,
            lp.row_lower,
            lp.row_upper,
            sp.csr_matrix(lp.matrix),
        )
        model.set_objective_offset(lp.offset)
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
        solution = _extract_glop(lp, solver, log.text, used, tuple(notes))
    # GLOP says that it is not done, never why.
    stopped = solution.claim in ("unknown", "feasible") and left is not None and left <= 0
    return replace(solution, hit_limit=stopped)


def _check_glop_holds(lp: LinearProgram, log: str) -> None:
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


def _extract_glop(
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
    _check_glop_holds(lp, log)
    # The last of each: GLOP reports again after it has moved values to their bounds.
    statuses = re.findall(r"^status: (\w+)", log, re.MULTILINE)
    counts = re.findall(r"^iterations: (\d+)", log, re.MULTILINE)
    own = statuses[-1] if statuses else ""
    claim = _GLOP_CLAIMS.get(own, "unknown")  # OR-Tools' own word may be wrong
    x = y = value = None
    if solver.has_solution() and claim in ("optimal", "feasible", "unknown"):
        x = np.array(solver.variable_values(), dtype=np.float64)
        y = np.array(solver.dual_values(), dtype=np.float64)
        value = float(solver.objective_value())
    iterations = {"simplex": int(counts[-1])} if counts and int(counts[-1]) else {}
    return Solution(
        claim=claim,
        x=x,
        y=y,
        objective=value,
        native_status=f"{own or 'no status'} ({outer})",
        iterations=iterations,
        method_run="GLOP" if iterations else "GLOP presolve",
        threads_used=1,
        options=used,
        presolved=presolved_size(log),
        notes=notes,
    )


# -- PDLP ---------------------------------------------------------------------------------

_CRITERIA = "termination_criteria.simple_optimality_criteria"
_PDLP_OPTIONS = OptionTable(
    "PDLP",
    {
        # Both: with a relative tolerance of 0 PDLP calls z = 0 optimal at iteration 0.
        "tolerance": (f"{_CRITERIA}.eps_optimal_absolute", f"{_CRITERIA}.eps_optimal_relative"),
        "threads": ("num_threads",),
        "time_limit": ("termination_criteria.time_sec_limit",),
    },
    {"verbosity_level": "it is set to show the log"},
)

#: A primal ray shows the dual infeasible: the program is unbounded if it is feasible at all.
_PDLP_CLAIMS: dict[str, Claim] = {
    "OPTIMAL": "optimal",
    "PRIMAL_INFEASIBLE": "infeasible",
    "DUAL_INFEASIBLE": "infeasible-or-unbounded",
    "PRIMAL_OR_DUAL_INFEASIBLE": "infeasible-or-unbounded",
}
_PDLP_LIMITS = ("TIME_LIMIT", "ITERATION_LIMIT", "KKT_MATRIX_PASS_LIMIT", "INTERRUPTED_BY_USER")
_PDLP_UNKNOWN = ("NUMERICAL_ERROR", *_PDLP_LIMITS)
#: Multipliers of a ray below this share of the largest are what PDLP's tolerance leaves.
RAY_DUST = 1e-6


def _solve_pdlp(lp: LinearProgram, options: SolveOptions, phase: Phase) -> Solution:
    pdlp = import_solver("ortools.pdlp.python.pdlp")
    solvers_pb2 = import_solver("ortools.pdlp.solvers_pb2")
    solve_log_pb2 = import_solver("ortools.pdlp.solve_log_pb2")
    with phase("load"):
        parameters = solvers_pb2.PrimalDualHybridGradientParams()
        wanted: dict[str, NativeValue] = {"verbosity_level": 2}
        if not options.stock:
            wanted["termination_criteria.optimality_norm"] = "OPTIMALITY_NORM_L_INF_COMPONENTWISE"
            wanted["num_threads"] = 1
        used = _set_parameters(parameters, _PDLP_OPTIONS, wanted, options)
        program = pdlp.QuadraticProgram()
        program.resize_and_initialize(lp.n_cols, lp.n_rows)
        program.objective_vector = lp.cost
        program.objective_offset = lp.offset
        program.variable_lower_bounds = lp.col_lower
        program.variable_upper_bounds = lp.col_upper
        program.constraint_lower_bounds = lp.row_lower
        program.constraint_upper_bounds = lp.row_upper
        program.constraint_matrix = sp.csc_matrix(lp.matrix)
    with phase("check"):
        _check_pdlp_holds(lp, program)
    with phase("solve"):
        try:
            result = pdlp.primal_dual_hybrid_gradient(program, parameters)
        except (ValueError, RuntimeError) as error:
            raise SolverError(f"PDLP refuses to run: {error}") from None
    with phase("extract"):
        reason = solve_log_pb2.TerminationReason.Name(result.solve_log.termination_reason)
        return _extract_pdlp(lp, result, reason.removeprefix("TERMINATION_REASON_"), used)


def _check_pdlp_holds(lp: LinearProgram, program: Any) -> None:
    held = sp.csc_matrix(program.constraint_matrix)
    held.sort_indices()
    pairs = (
        (held.shape, lp.matrix.shape),
        (held.indptr, lp.matrix.indptr),
        (held.indices, lp.matrix.indices),
        (held.data, lp.matrix.data),
        (program.objective_vector, lp.cost),
        (program.variable_lower_bounds, lp.col_lower),
        (program.variable_upper_bounds, lp.col_upper),
        (program.constraint_lower_bounds, lp.row_lower),
        (program.constraint_upper_bounds, lp.row_upper),
    )
    if not all(np.array_equal(have, sent) for have, sent in pairs):
        raise SolverError("PDLP holds another problem than was sent")


def _extract_pdlp(
    lp: LinearProgram, result: Any, reason: str, used: dict[str, NativeValue]
) -> Solution:
    log = result.solve_log
    if reason not in _PDLP_CLAIMS and reason not in _PDLP_UNKNOWN:
        raise SolverError(f"PDLP ended with {reason}: {log.termination_string}")
    claim = _PDLP_CLAIMS.get(reason, "unknown")
    x = np.array(result.primal_solution, dtype=np.float64)
    y = np.array(result.dual_solution, dtype=np.float64)
    primal_ray = dual_ray = value = None
    if claim in ("optimal", "unknown"):
        value = float(lp.cost @ x) + lp.offset
        if not np.isfinite(value):
            value = None
    elif claim == "infeasible":
        dual_ray = np.where(np.abs(y) <= RAY_DUST * np.abs(y).max(initial=0.0), 0.0, y)
    elif reason == "DUAL_INFEASIBLE":
        primal_ray = x if x.size == lp.n_cols and np.isfinite(x).all() else None
    point = claim in ("optimal", "unknown")
    count = int(log.iteration_count)
    threads = used.get("num_threads", 1)
    return Solution(
        claim=claim,
        x=x if point else None,
        y=y if point else None,
        objective=value,
        native_status=f"{reason} {log.termination_string}".strip(),
        iterations={"pdlp": count} if count else {},
        primal_ray=primal_ray,
        dual_ray=dual_ray,
        hit_limit=reason in _PDLP_LIMITS,
        method_run="PDLP",
        threads_used=int(threads),
        options=used,
    )


# -- native options -----------------------------------------------------------------------


def _leaf_fields(descriptor: Any, prefix: str = "") -> dict[str, Any]:
    """Scalar fields of a message type by dotted name; repeated fields are left out."""
    leaves: dict[str, Any] = {}
    for field in descriptor.fields:
        name = f"{prefix}{field.name}"
        if getattr(field, "is_repeated", False):
            continue
        if field.message_type is not None:
            leaves |= _leaf_fields(field.message_type, f"{name}.")
        else:
            leaves[name] = field
    return leaves


def _set_parameters(
    message: Any,
    table: OptionTable,
    wanted: Mapping[str, NativeValue],
    options: SolveOptions,
) -> dict[str, NativeValue]:
    """Set fields of `message`: what is wanted and asked for, then native options; return them.

    Raises
    ------
    InputError
        An unknown or ambiguous name, one that planbench sets, or a value the field cannot hold.
    """
    leaves = _leaf_fields(message.DESCRIPTOR)
    native: dict[str, NativeValue] = {}
    for key, value in options.native.items():
        matches = [key] if key in leaves else [n for n in leaves if n.endswith(f".{key}")]
        if len(matches) > 1:
            several = ", ".join(sorted(matches))
            raise InputError(f"{table.software} has several {key!r}: {several}", where="--set")
        native[matches[0] if matches else key] = value
    kinds = {name: _kind(field) for name, field in leaves.items()}
    known = {*leaves, *(name.rpartition(".")[2] for name in leaves)}
    typed = table.native(native, kinds, known)
    done = {**wanted, **table.asked(options), **typed}
    for key, value in done.items():
        field = leaves[key]
        if field.enum_type is not None:
            done[key] = value = str(value).upper()
        *path, last = key.split(".")
        try:
            setattr(functools.reduce(getattr, path, message), last, value)
        except (TypeError, ValueError, OverflowError) as error:
            why = str(error)
            if field.enum_type is not None:
                why = f"it is one of {', '.join(field.enum_type.values_by_name)}"
            raise InputError(
                f"{key}: {table.software} refuses {value!r}: {why}", where="--set"
            ) from None
    return done


def _kind(field: Any) -> Kind:
    if field.enum_type is not None or field.cpp_type == field.CPPTYPE_STRING:
        return str
    if field.cpp_type in (field.CPPTYPE_DOUBLE, field.CPPTYPE_FLOAT):
        return float
    return bool if field.cpp_type == field.CPPTYPE_BOOL else int
