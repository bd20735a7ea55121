"""scipy.optimize.linprog: the HiGHS inside scipy, called as most people call it first.

linprog takes rows as A_ub x ≤ b_ub and A_eq x = b_eq, so lower sides are negated and ranges
become two rows; that splitting is phase ``load``. linprog loads, solves and reads back in one
call, which is phase ``solve``. Its HiGHS drops coefficients of magnitude ≤ 1e-9 and there is no
option against it, so such programs are refused.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy
import scipy.sparse as sp

from planbench.errors import InputError, SolverError
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
    changed_problem,
    huge_bounds,
    import_solver,
)
from planbench.solvers.highs import iterations_of, method_that_ran, version_of
from planbench.solvers.logs import captured_stdout, presolved_size

#: HiGHS's defaults, which scipy offers no option to change.
SMALL_MATRIX_VALUE = 1e-9
INFINITE_BOUND = 1e20

_KINDS: dict[str, dict[str, Kind]] = {
    "scipy-highs-ds": {
        "presolve": bool, "maxiter": int, "simplex_dual_edge_weight_strategy": str,
    },
    "scipy-highs-ipm": {"presolve": bool, "maxiter": int},
}  # fmt: skip
_TOLERANCES = ("primal_feasibility_tolerance", "dual_feasibility_tolerance")


def _table(spec: SolverSpec) -> OptionTable:
    ipm = ("ipm_optimality_tolerance",) if spec.name == "scipy-highs-ipm" else ()
    return OptionTable(
        f"linprog with {spec.name.removeprefix('scipy-')}",
        {"tolerance": (*_TOLERANCES, *ipm), "time_limit": ("time_limit",)},
        {"disp": "the log shows which method ran"},
    )


#: HiGHS's model status number, which scipy keeps in its message.
_CLAIMS: dict[int, Claim] = {
    7: "optimal",
    8: "infeasible",
    9: "infeasible-or-unbounded",
    10: "unbounded",
}
_LIMITS = (13, 14)  # time, iterations
_UNKNOWN = (11, 12, 15)  # objective bound, objective target, unknown

SOLVERS = tuple(
    SolverSpec(
        name=f"scipy-{kind}",
        family="scipy",
        method=method,
        module="planbench.solvers.scipy_highs",
        packages=("scipy",),
        exact=True,
        takes=frozenset(("tolerance", "time_limit", "native")),
        default="min −c; linprog's own defaults (it has nothing planning LPs would gain from)",
        stock="the same; coefficients ≤ 1e-9 are flagged instead of refused",
    )
    for kind, method in (
        ("highs-ds", "dual simplex, through linprog"),
        ("highs-ipm", "interior point (IPX) with crossover, through linprog"),
    )
)


@as_minimisation
def solve(lp: LinearProgram, spec: SolverSpec, options: SolveOptions, phase: Phase) -> Solution:
    """Solve with ``linprog(method="highs-ds")`` or ``"highs-ipm"``.

    Raises
    ------
    InputError
        If a native option is unknown or refused.
    SolverError
        If linprog would drop coefficients, reports an error, or ran another method.
    """
    settings = _settings(spec, options)
    notes = _would_change(lp, options)
    optimize = import_solver("scipy.optimize")
    with phase("load"):
        arguments = _linprog_form(lp)
    with phase("solve"), warnings.catch_warnings(), captured_stdout() as log:
        # linprog only warns of an option it does not use.
        warnings.simplefilter("error", optimize.OptimizeWarning)
        try:
            result = optimize.linprog(
                method=spec.name.removeprefix("scipy-"),
                options={**settings, "disp": True},
                **arguments,
            )
        except optimize.OptimizeWarning as warning:
            raise InputError(f"linprog: {warning}", where="--set") from None
    with phase("extract"):
        return _extract(lp, spec, result, log.text, settings, notes)


def _settings(spec: SolverSpec, options: SolveOptions) -> dict[str, NativeValue]:
    table = _table(spec)
    native = table.native(options.native, _KINDS[spec.name])
    if options.tolerance is not None and options.tolerance < 1e-10:
        raise InputError(f"is {options.tolerance:g}; HiGHS goes down to 1e-10", where="tolerance")
    return table.asked(options) | native


def _would_change(lp: LinearProgram, options: SolveOptions) -> tuple[str, ...]:
    notes = []
    small = int(np.count_nonzero(np.abs(lp.matrix.data) <= SMALL_MATRIX_VALUE))
    if small:
        notes.append(
            changed_problem(f"{small} coefficients of magnitude ≤ 1e-9 would be dropped", options)
        )
    huge = huge_bounds(lp, INFINITE_BOUND)
    if huge:
        notes.append(
            changed_problem(f"{huge} finite bounds ≥ 1e20 would be taken as infinite", options)
        )
    return tuple(notes)


def _sides(lp: LinearProgram) -> tuple[npt.NDArray[np.bool_], ...]:
    """Rows with an upper side, with a lower side, and equations, which count as neither."""
    equal = lp.row_lower == lp.row_upper
    return np.isfinite(lp.row_upper) & ~equal, np.isfinite(lp.row_lower) & ~equal, equal


def _linprog_form(lp: LinearProgram) -> dict[str, Any]:
    by_row = sp.csr_array(lp.matrix)
    upper, lower, equal = _sides(lp)
    arguments: dict[str, Any] = {
        "c": lp.cost,
        "bounds": np.column_stack([lp.col_lower, lp.col_upper]),
    }
    if upper.any() or lower.any():
        arguments["A_ub"] = sp.vstack([by_row[upper], -by_row[lower]], format="csr")
        arguments["b_ub"] = np.concatenate([lp.row_upper[upper], -lp.row_lower[lower]])
    if equal.any():
        arguments["A_eq"] = by_row[equal]
        arguments["b_eq"] = lp.row_lower[equal]
    return arguments


def _row_duals(lp: LinearProgram, result: Any) -> FloatArray | None:
    """∂(minimum)/∂rhs of each row, from the marginals of its upper, lower or equal side."""
    upper, lower, equal = _sides(lp)
    sides, equations = result.ineqlin.marginals, result.eqlin.marginals
    if sides is None or equations is None:
        return None
    y = np.zeros(lp.n_rows)
    count = int(upper.sum())
    y[upper] += sides[:count]
    y[lower] -= sides[count:]
    y[equal] = equations
    return y


def _extract(
    lp: LinearProgram,
    spec: SolverSpec,
    result: Any,
    log: str,
    settings: dict[str, NativeValue],
    notes: tuple[str, ...],
) -> Solution:
    found = re.search(r"HiGHS Status (-?\d+)", result.message)
    status = int(found[1]) if found else None
    word = " ".join(str(result.message).split())
    if status is None or not (status in _CLAIMS or status in _LIMITS or status in _UNKNOWN):
        # linprog calls a model HiGHS could not read "infeasible" (its status 2).
        raise SolverError(f"{spec.name}: linprog failed: {word}")
    claim = _CLAIMS.get(status, "unknown")
    x = None if result.x is None else np.asarray(result.x, dtype=np.float64)
    # linprog's `nit` is one number whose meaning depends on what ran; the log names each.
    iterations = iterations_of(log)
    ran = method_that_ran(
        log, spec, "IPX" if spec.name.endswith("ipm") else "dual simplex", claim, iterations
    )
    return Solution(
        claim=claim,
        x=x,
        y=None if x is None else _row_duals(lp, result),
        objective=None if result.fun is None else float(result.fun) + lp.offset,
        native_status=word,
        iterations=iterations,
        hit_limit=status in _LIMITS,
        version=f"scipy {scipy.__version__}, HiGHS {version_of(log)}",
        method_run=ran,
        threads_used=1,
        options=settings,
        notes=notes,
        presolved=presolved_size(log),
    )
