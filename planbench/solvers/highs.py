"""HiGHS through highspy: dual simplex, IPX, HiPO, cuPDLP-C and HiPDLP, each by its own name.

HiGHS is always handed a minimisation: with a maximisation HiPDLP solves the wrong problem and
the interior point methods return negated duals. Every option-setting and every call is
checked, what HiGHS holds is compared with what was sent, and its log is read to see which
method really ran; a method that did not run as named is an error.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from planbench.errors import InputError, SolverError, SolverUnavailableError
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import (
    NativeValue,
    Phase,
    Solution,
    SolveOptions,
    SolverSpec,
    no_phase,
)
from planbench.solvers.common import (
    as_linear_program,
    convert_native,
    duals_in_stated_sense,
    import_solver,
    in_stated_sense,
    refuse_reserved,
    unsolved_shape,
    with_nearest,
)
from planbench.solvers.highs_log import method_that_ran, threads_of
from planbench.solvers.highs_methods import (
    CLAIMS,
    COMMON,
    FAILURES,
    FIRST_SHARE,
    LIMITS,
    METHODS,
    RESERVED,
    SCALING_FIRST,
    SCALING_SECOND,
    SOLVERS,
    Method,
)
from planbench.solvers.highs_model import (
    bounds_cross,
    compare_with_sent,
    pass_model,
    prove_by_simplex,
)
from planbench.solvers.logs import captured_stdout
from planbench.solvers.presolve_log import presolved_size

__all__ = ["METHODS", "SOLVERS", "Method", "solve", "unavailable"]


def unavailable(spec: SolverSpec) -> str | None:
    """Say when the extras are of another version than HiGHS itself, which then ignores them."""
    if spec.name == "highs-hipo":
        core = importlib.metadata.version("highspy")
        extras = importlib.metadata.version("highspy-extras")
        if core != extras:
            return (
                f"needs highspy-extras {core}, found {extras}; "
                f"pip install highspy=={core} highspy-extras=={core}"
            )
    return None


def solve(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase = no_phase,
) -> Solution:
    """Solve with the method of HiGHS that `spec` names.

    Raises
    ------
    InputError
        If a native option is unknown or has a value HiGHS refuses.
    SolverError
        If HiGHS changed the problem, ran another method, or ended in an error.
    SolverUnavailableError
        If this build of HiGHS lacks the method.
    """
    lp = as_linear_program(problem)
    method = METHODS[spec.name]
    highspy = import_solver("highspy")
    with phase("load"):
        highs = highspy.Highs()
        highspy.Highs.resetGlobalScheduler(True)  # or a changed `threads` makes run() fail
        used = _configure(highs, spec, method, options)
        passed = pass_model(highs, lp)
    with phase("check"):
        notes = compare_with_sent(highs, lp, options)
        if passed != "kOk" and not notes and not bounds_cross(lp):
            notes = [f"passModel returned {passed}"]
    # cuPDLP-C prints past HiGHS's own log, so standard output is what is read.
    with phase("solve"), captured_stdout() as log:
        notes += _run(highs, used, options)
    with phase("extract"):
        solution = _extract(highs, lp, log.text, spec, method, options)
    return replace(solution, options=used, notes=(*notes, *solution.notes))


def _set(highs: Any, key: str, value: NativeValue, *, user: bool) -> None:
    status = highs.setOptionValue(key, value)
    if status.name == "kOk":
        return
    if user:
        raise InputError(f"HiGHS refuses {key} = {value!r}", where="--set")
    if key == "solver":
        raise SolverUnavailableError(
            f"HiGHS {highs.version()} has no method {value!r}; "
            "pip install --upgrade highspy (HiPO also needs 'planbench[hipo]')"
        )
    raise SolverError(f"HiGHS {highs.version()} refuses {key} = {value!r}")


def _configure(
    highs: Any, spec: SolverSpec, method: Method, options: SolveOptions
) -> dict[str, NativeValue]:
    """Set every option and return what was set."""
    native = _typed_native(highs, options.native)
    wanted: dict[str, NativeValue] = dict(method.chosen)
    if not options.stock:
        wanted |= COMMON | dict(method.tuned)
    if options.threads is not None:
        wanted["threads"] = options.threads
        if spec.name == "highs-ds" and options.threads > 1:
            # PAMI (3): the serial dual simplex ignores threads, SIP (2) is many times slower.
            wanted |= {
                "parallel": "on",
                "simplex_strategy": 3,
                "simplex_max_concurrency": min(options.threads, 8),
            }
    if options.seed is not None:
        wanted["random_seed"] = options.seed
    if options.time_limit is not None:
        wanted["time_limit"] = float(options.time_limit)
    if options.tolerance is not None:
        # kkt_tolerance overrides all others, but only where it differs from its default.
        wanted["kkt_tolerance"] = options.tolerance
        if options.tolerance == 1e-7:
            wanted |= {"ipm_optimality_tolerance": 1e-7, "pdlp_optimality_tolerance": 1e-7}
        if options.tolerance < 1e-10:
            raise InputError(
                f"is {options.tolerance:g}; HiGHS goes down to 1e-10", where="tolerance"
            )
    for key, value in wanted.items():
        if key not in native:
            _set(highs, key, value, user=False)
    for key, value in native.items():
        _set(highs, key, value, user=True)
    return wanted | native


def _typed_native(highs: Any, native: Mapping[str, NativeValue]) -> dict[str, NativeValue]:
    refuse_reserved(native, RESERVED)
    typed: dict[str, NativeValue] = {}
    types: dict[str, type[bool] | type[int] | type[float] | type[str]] = {
        "kBool": bool,
        "kInt": int,
        "kDouble": float,
        "kString": str,
    }
    for key, value in native.items():
        status, kind = highs.getOptionType(key)
        if status.name != "kOk":
            known = [name for name in dir(highs.getOptions()) if not name.startswith("_")]
            raise InputError(
                f"HiGHS has no option {key!r}{with_nearest(key, known)}", where="--set"
            )
        typed[key] = convert_native(key, value, types[kind.name])
    return typed


def _run(highs: Any, used: dict[str, NativeValue], options: SolveOptions) -> list[str]:
    """Run; HiPDLP in planbench's configuration gets a second scaling if the first stalls."""
    limit = options.time_limit
    second = (
        used["solver"] == "hipdlp"
        and not options.stock
        and "pdlp_scaling_mode" not in options.native
        and limit is not None
    )
    if second and limit is not None:
        _set(highs, "time_limit", FIRST_SHARE * limit, user=False)
    _checked_run(highs)
    if not second or limit is None or highs.getModelStatus().name not in LIMITS:
        return []
    spent = highs.getRunTime()
    highs.clearSolver()
    _set(highs, "pdlp_scaling_mode", SCALING_SECOND, user=False)
    _set(highs, "time_limit", limit, user=False)  # HiGHS counts over all runs of one object
    used["pdlp_scaling_mode"] = SCALING_SECOND
    _checked_run(highs)
    return [
        f"pdlp_scaling_mode {SCALING_FIRST} had not converged after {spent:.3g} s; "
        f"{SCALING_SECOND} had the rest (iterations are those of {SCALING_SECOND})"
    ]


def _checked_run(highs: Any) -> None:
    if highs.run().name == "kError":
        raise SolverError(
            f"HiGHS's run failed: {highs.modelStatusToString(highs.getModelStatus())}"
        )


def _extract(
    highs: Any,
    lp: LinearProgram,
    log: str,
    spec: SolverSpec,
    method: Method,
    options: SolveOptions,
) -> Solution:
    status = highs.getModelStatus()
    info = highs.getInfo()
    held = highs.getSolution()
    word = str(highs.modelStatusToString(status))
    if status.name in FAILURES:
        raise SolverError(f"HiGHS ended with {word!r}")
    claim = CLAIMS.get(status.name, "unknown")
    x = np.array(held.col_value, dtype=np.float64) if held.value_valid else None
    y = np.array(held.row_dual, dtype=np.float64) if held.dual_valid else None
    notes: tuple[str, ...] = ()
    if status.name == "kModelEmpty":
        # HiGHS says "empty" whether or not 0 satisfies the rows.
        answer = unsolved_shape(lp)
        if answer is not None:
            return replace(answer, native_status=word, version=str(highs.version()))
    elif claim == "unknown" and x is not None and info.primal_solution_status == 2:
        claim = "feasible"
    iterations = {
        kind: int(count)
        for kind, count in (
            ("simplex", info.simplex_iteration_count),
            ("ipm", info.ipm_iteration_count),
            ("crossover", info.crossover_iteration_count),
            ("pdlp", info.pdlp_iteration_count),
        )
        if count > 0
    }
    ran = method_that_ran(log, spec.name, method.engine, claim, iterations, helpers=method.helpers)
    objective = None
    if x is not None:
        objective = in_stated_sense(
            lp,
            float(info.objective_function_value),
        )
        if not np.isfinite(objective):
            objective = None
    primal_ray = dual_ray = None
    if claim in ("infeasible", "unbounded"):
        primal_ray, dual_ray = prove_by_simplex(highs, lp, claim)
        if primal_ray is None and dual_ray is None:
            notes += (f"no ray proves {claim}",)
        else:
            notes += ("ray from HiGHS's simplex without presolve",)
    return Solution(
        claim=claim,
        x=x,
        y=None if y is None else duals_in_stated_sense(lp, y),
        objective=objective,
        native_status=word,
        iterations=iterations,
        primal_ray=primal_ray,
        dual_ray=dual_ray,
        hit_limit=status.name in LIMITS,
        version=str(highs.version()),
        method_run=ran,
        threads_used=_threads_used(spec, options, threads_of(log)),
        notes=notes,
        presolved=presolved_size(log),
    )


def _threads_used(spec: SolverSpec, options: SolveOptions, logged: int | None) -> int | None:
    if logged is not None:
        return logged
    if "threads" not in spec.takes:
        return 1  # these methods are serial code on a CPU
    if options.threads is not None:
        return options.threads
    return None if options.stock else 1
