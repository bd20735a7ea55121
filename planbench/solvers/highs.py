"""HiGHS through highspy: dual simplex, IPX, HiPO, cuPDLP-C and HiPDLP, each by its own name.

HiGHS is always handed a minimisation: up to 1.15, with a maximisation HiPDLP solves the wrong
problem and the interior point methods return negated duals. Every option-setting and every call is
checked, what HiGHS holds is compared with what was sent, and its log is read to see which
method really ran; a method that did not run as named is an error.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from planbench.errors import InputError, SolverError, SolverUnavailableError
from planbench.model.arrays import FloatArray
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
    Kind,
    OptionTable,
    as_minimisation,
    changed_problem,
    import_solver,
)
from planbench.solvers.logs import captured_stdout, presolved_size

_SIMPLEX = frozenset({"dual simplex", "primal simplex"})

#: Versions of highspy that adapters are tested with.
HIGHSPY = Supported("highspy", "1.12", "1.16.0")
#: Newest release that highspy-extras, which HiPO needs at the version of highspy, exists for.
EXTRAS = "1.15.1"
HIPO_PACKAGES = ("highspy", "highspy-extras")

#: HiPDLP's scalings: 7 (Ruiz, L2 and Pock-Chambolle) first; if it has not converged in this
#: share of the time limit, 6 (without Ruiz) has the rest: each stalls on programs the other solves.
SCALING_FIRST, SCALING_SECOND, FIRST_SHARE = 7, 6, 0.5


@dataclass(frozen=True)
class Method:
    """One method of HiGHS.

    Attributes
    ----------
    spec : SolverSpec
    engine : str
        Key of :data:`ENGINES` that its log must show.
    chosen : mapping
        Options that *are* the method; set for ``:stock`` as well.
    tuned : mapping
        Options of planbench's own configuration on top.
    """

    spec: SolverSpec
    engine: str
    chosen: Mapping[str, NativeValue]
    tuned: Mapping[str, NativeValue]


def _method(
    name: str,
    title: str,
    engine: str,
    chosen: Mapping[str, NativeValue],
    tuned: Mapping[str, NativeValue] | None = None,
    *,
    default: str,
    takes: tuple[str, ...] = (),
    **facts: Any,
) -> Method:
    """Describe a method; `takes` are options besides tolerance, time limit and native ones."""
    described = ", ".join(f"{key}={value}" for key, value in chosen.items())
    given: dict[str, Any] = {"packages": ("highspy",), "supports": (HIGHSPY,), **facts}
    spec = SolverSpec(
        name=name,
        family="HiGHS",
        method=title,
        module="planbench.solvers.highs",
        takes=frozenset(("tolerance", "time_limit", "native", *takes)),
        phases=("load", "check", "solve", "extract"),
        default=f"min −c; one thread; coefficients down to 1e-12 kept; {default}",
        stock=f"min −c; HiGHS's own options, {described}",
        **given,
    )
    return Method(spec, engine, chosen, tuned or {})


METHODS = {
    method.spec.name: method
    for method in (
        _method(
            "highs-ds",
            "dual simplex",
            "dual simplex",
            {"solver": "simplex", "simplex_strategy": 1},
            default="presolve on",
            takes=("threads", "seed"),
            exact=True,
        ),
        _method(
            "highs-ipm",
            "interior point (IPX), no crossover",
            "IPX",
            {"solver": "ipx", "run_crossover": "off"},
            default="presolve on, no crossover",
        ),
        _method(
            "highs-ipm-crossover",
            "interior point (IPX) with crossover",
            "IPX",
            {"solver": "ipx", "run_crossover": "on"},
            default="presolve on",
            exact=True,
        ),
        _method(
            "highs-hipo",
            "interior point (HiPO), no crossover",
            "HiPO",
            {"solver": "hipo", "run_crossover": "off"},
            default="presolve on, no crossover",
            takes=("threads",),
            packages=HIPO_PACKAGES,
            environment=tuple(f"{package}=={EXTRAS}" for package in HIPO_PACKAGES),
            supports=tuple(Supported(package, "1.15", EXTRAS) for package in HIPO_PACKAGES),
        ),
        _method(
            "highs-pdlp",
            "first-order PDHG (cuPDLP-C on the CPU)",
            "cuPDLP-C",
            {"solver": "pdlp", "run_crossover": "off"},
            {"presolve": "off"},
            default="presolve off (it removes next to nothing and ignores the time limit)",
        ),
        _method(
            "highs-hipdlp",
            "first-order PDHG with Halpern restarts (HiPDLP)",
            "HiPDLP",
            {"solver": "hipdlp", "run_crossover": "off"},
            {"presolve": "off", "pdlp_scaling_mode": SCALING_FIRST},
            default="presolve off, pdlp_scaling_mode 7, then 6 after half of the time limit",
            supports=(replace(HIGHSPY, least="1.14"),),  # an older one refuses the option
        ),
    )
}
SOLVERS = tuple(method.spec for method in METHODS.values())

#: Tightest tolerance that HiGHS takes.
TIGHTEST = 1e-10
#: In planbench's configuration always: by default HiGHS drops coefficients up to 1e-9.
COMMON: dict[str, NativeValue] = {"small_matrix_value": 1e-12, "threads": 1}

OPTIONS = OptionTable(
    "HiGHS",
    {
        # kkt_tolerance overrides all others, but only where it differs from its default.
        "tolerance": ("kkt_tolerance",),
        "threads": ("threads",),
        "time_limit": ("time_limit",),
        "seed": ("random_seed",),
    },
    {
        "solver": "choose the adapter by name instead (planbench solvers lists them)",
        "run_crossover": "choose highs-ipm or highs-ipm-crossover instead",
        "simplex_strategy": "highs-ds is the dual simplex",
        "output_flag": "the log shows which method ran",
        "log_file": "the log is kept by planbench",
        "log_to_console": "the log is kept by planbench",
    },
)
KINDS: dict[str, Kind] = {"kBool": bool, "kInt": int, "kDouble": float, "kString": str}

CLAIMS: dict[str, Claim] = {
    "kOptimal": "optimal",
    "kInfeasible": "infeasible",
    "kUnbounded": "unbounded",
    "kUnboundedOrInfeasible": "infeasible-or-unbounded",
}
LIMITS = ("kTimeLimit", "kIterationLimit", "kMemoryLimit", "kInterrupt")
FAILURES = ("kLoadError", "kModelError", "kPresolveError", "kSolveError", "kPostsolveError")


def unavailable(spec: SolverSpec) -> str | None:
    """Say when the extras are of another version than HiGHS itself, which then ignores them."""
    if spec.name == "highs-hipo":
        core = importlib.metadata.version("highspy")
        extras = importlib.metadata.version("highspy-extras")
        if core != extras:
            return (
                f"highspy-extras {extras} needs highspy {extras}, found {core}; "
                f"pip install highspy=={extras} highspy-extras=={extras}"
            )
    return None


@as_minimisation
def solve(lp: LinearProgram, spec: SolverSpec, options: SolveOptions, phase: Phase) -> Solution:
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
    method = METHODS[spec.name]
    highspy = import_solver("highspy")
    with phase("load"):
        highs = highspy.Highs()
        highspy.Highs.resetGlobalScheduler(True)  # or a changed `threads` makes run() fail
        used = _configure(highs, spec, method, options)
        passed = pass_model(highs, lp)
    with phase("check"):
        notes = compare_with_sent(highs, lp, options)
        if passed != "kOk" and not notes:
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
            "pip install --upgrade highspy (HiPO also needs highspy-extras of its version)"
        )
    raise SolverError(f"HiGHS {highs.version()} refuses {key} = {value!r}")


def _configure(
    highs: Any, spec: SolverSpec, method: Method, options: SolveOptions
) -> dict[str, NativeValue]:
    """Set every option and return what was set."""
    found = {key: highs.getOptionType(key) for key in options.native}
    kinds = {key: KINDS[kind.name] for key, (status, kind) in found.items() if status.name == "kOk"}
    known = (name for name in dir(highs.getOptions()) if not name.startswith("_"))
    native = OPTIONS.native(options.native, kinds, known)
    if options.tolerance is not None and options.tolerance < TIGHTEST:
        raise InputError(f"is {options.tolerance:g}; HiGHS goes down to 1e-10", where="tolerance")
    wanted: dict[str, NativeValue] = dict(method.chosen)
    if not options.stock:
        wanted |= COMMON | dict(method.tuned)
    wanted |= OPTIONS.asked(options)
    if options.tolerance == 1e-7:
        wanted |= {"ipm_optimality_tolerance": 1e-7, "pdlp_optimality_tolerance": 1e-7}
    if spec.name == "highs-ds" and options.threads is not None and options.threads > 1:
        # PAMI (3): the serial dual simplex ignores threads, SIP (2) is many times slower.
        wanted |= {
            "parallel": "on",
            "simplex_strategy": 3,
            "simplex_max_concurrency": min(options.threads, 8),
        }
    for key, value in wanted.items():
        if key not in native:
            _set(highs, key, value, user=False)
    for key, value in native.items():
        _set(highs, key, value, user=True)
    return wanted | native


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
    if claim == "unknown" and x is not None and info.primal_solution_status == 2:
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
    ran = method_that_ran(log, spec, method.engine, claim, iterations)
    value = float(info.objective_function_value)
    ray = None
    if claim in ("infeasible", "unbounded"):
        ray = ray_by_simplex(highs, claim)
        found = "ray from HiGHS's simplex without presolve"
        notes = (f"no ray for {claim}" if ray is None else found,)
    return Solution(
        claim=claim,
        x=x,
        y=y,
        objective=value if x is not None and np.isfinite(value) else None,
        native_status=word,
        iterations=iterations,
        primal_ray=ray if claim == "unbounded" else None,
        dual_ray=ray if claim == "infeasible" else None,
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


# -- handing over, reading back, rays --------------------------------------------------------

#: HiGHS's wheels count rows, columns and non-zeros in int32.
LARGEST_INDEX = int(np.iinfo(np.int32).max)
#: Columns whose coefficients are compared at once.
COMPARED_AT_ONCE = 100_000


def pass_model(highs: Any, lp: LinearProgram) -> str:
    """Pass a minimisation as arrays and return HiGHS's word for how it went.

    Raises
    ------
    SolverError
        If HiGHS refuses it, or cannot count its non-zeros in 32 bits.
    """
    m = lp.matrix
    if max(m.nnz, *m.shape) > LARGEST_INDEX:
        raise SolverError(f"HiGHS counts with 32 bits; {m.nnz} non-zeros are too many")
    status = highs.passModel(*lp.for_highs())
    if status.name == "kError":
        # run() would go on with an empty or an older model.
        raise SolverError("HiGHS refuses the model (passModel returned kError)")
    return str(status.name)


def compare_with_sent(highs: Any, lp: LinearProgram, options: SolveOptions) -> list[str]:
    """Compare costs, bounds and every coefficient HiGHS holds with those that were sent."""
    changes = []
    sent = (lp.n_cols, lp.n_rows, int(lp.matrix.nnz))
    held = (highs.getNumCol(), highs.getNumRow(), highs.getNumNz())
    if held[:2] != sent[:2]:
        raise SolverError(f"HiGHS holds {held[1]} x {held[0]}, sent were {sent[1]} x {sent[0]}")
    if held[2] != sent[2]:
        changes.append(f"{sent[2] - held[2]} coefficients were dropped")
    columns = np.arange(lp.n_cols, dtype=np.int32)
    pairs: dict[str, tuple[FloatArray, FloatArray]] = {}
    if lp.n_cols:
        _, _, cost, lower, upper, _ = highs.getCols(lp.n_cols, columns)
        pairs["costs"] = cost, lp.cost
        pairs["column lower bounds"] = lower, lp.col_lower
        pairs["column upper bounds"] = upper, lp.col_upper
    if lp.n_rows:
        _, _, lower, upper, _ = highs.getRows(lp.n_rows, np.arange(lp.n_rows, dtype=np.int32))
        pairs["row lower bounds"] = lower, lp.row_lower
        pairs["row upper bounds"] = upper, lp.row_upper
    for what, (have, want) in pairs.items():
        if differ := int(np.count_nonzero(have != want)):
            changes.append(f"{differ} {what} differ")
    for start in range(0, lp.n_cols if held[2] == sent[2] > 0 else 0, COMPARED_AT_ONCE):
        chosen = columns[start : start + COMPARED_AT_ONCE]
        _, begins, index, value = highs.getColsEntries(chosen.size, chosen)
        first, last = lp.matrix.indptr[[start, start + chosen.size]]
        if not (
            np.array_equal(begins, lp.matrix.indptr[start : start + chosen.size] - first)
            and np.array_equal(index, lp.matrix.indices[first:last])
            and np.array_equal(value, lp.matrix.data[first:last])
        ):
            changes.append("coefficients differ from those sent")
            break
    return [changed_problem(change, options) for change in changes]


def ray_by_simplex(highs: Any, claim: Claim) -> FloatArray | None:
    """Ask the simplex for a ray; the time limit counts on over all runs of one object."""
    for key, value in (("solver", "simplex"), ("presolve", "off"), ("threads", 1)):
        if highs.setOptionValue(key, value).name != "kOk":
            return None
    for attempt in range(2):
        if attempt:
            highs.clearSolver()
            if highs.run().name == "kError":
                return None
        status, exists, ray = highs.getPrimalRay() if claim == "unbounded" else highs.getDualRay()
        if status.name == "kOk" and exists and np.any(ray):
            return np.array(ray, dtype=np.float64)
    return None


# -- the log, whatever interface called HiGHS ------------------------------------------------

#: What the log says when a method starts (HiGHS 1.12 to 1.16).
ENGINES = {
    "dual simplex": re.compile(r"^Using (?:EKK )?(?:parallel )?dual simplex solver", re.MULTILINE),
    "primal simplex": re.compile(r"^Using (?:EKK )?primal simplex solver", re.MULTILINE),
    "IPX": re.compile(r"^IPX version", re.MULTILINE),
    "HiPO": re.compile(r"^Running HiPO", re.MULTILINE),
    "cuPDLP-C": re.compile(r"^Solving with cuPDLP-C", re.MULTILINE),
    "HiPDLP": re.compile(r"^(?:Using|Solving with) HiPDLP", re.MULTILINE),
}
_NO_OPTIMUM = ("infeasible", "unbounded", "infeasible-or-unbounded")


def version_of(log: str) -> str:
    """Version in the banner, or an empty string."""
    found = re.search(r"Running HiGHS (\S+)", log)
    return found[1] if found else ""


def iterations_of(log: str) -> dict[str, int]:
    """Read iteration counts by kind from the report at the end of a run."""
    words = {"Simplex": "simplex", "IPM": "ipm", "Crossover": "crossover", "PDLP": "pdlp"}
    found = re.findall(r"^(\w+)\s+iterations: (\d+)", log, re.MULTILINE)
    return {words[word]: int(count) for word, count in found if word in words and int(count)}


def threads_of(log: str) -> int | None:
    """Threads the log speaks of (HiPO and the parallel simplex do), or None."""
    found = re.search(r"^Threads:\s+(\d+)", log, re.MULTILINE) or re.search(
        r"^Using .*dual simplex solver.* concurrency of (\d+)", log, re.MULTILINE
    )
    return int(found[1]) if found else None


def method_that_ran(
    log: str, spec: SolverSpec, engine: str, claim: Claim, iterations: Mapping[str, int]
) -> str:
    """Read from the log which method ran, and refuse any but the one asked for.

    Parameters
    ----------
    log : str
        HiGHS's log of the run.
    spec : SolverSpec
        Simplex belongs to methods that are exact.
    engine : str
        Key of :data:`ENGINES` that was asked for.
    claim : Claim
        HiGHS decides "infeasible or unbounded" by its primal simplex whatever the method.
    iterations : mapping
        Iteration counts by kind.

    Returns
    -------
    str
        The methods in words, e.g. ``"IPX"``, ``"presolve"``, ``"none (no rows)"``.

    Raises
    ------
    SolverError
        If another method ran in its place, or went on where it had stopped.
    """
    found = [e for e, pattern in ENGINES.items() if pattern.search(log)]
    parallel = " (PAMI)" if "dual simplex solver - PAMI" in log else ""
    if engine in found:
        others = [e for e in found if e != engine]
        allowed = _SIMPLEX if spec.exact or claim in _NO_OPTIMUM else frozenset()
        for other in others:
            if other not in allowed and (other not in _SIMPLEX or iterations.get("simplex")):
                raise SolverError(f"{spec.name}: HiGHS went on with {other} after {engine}")
        return " + ".join([engine + parallel, *others])
    if "Problem status detected on presolve" in log or "Reduced to empty" in log:
        # What is left to do after presolve is a clean-up that HiGHS does by simplex.
        return " + ".join(["presolve", *found])
    if found:
        raise SolverError(f"{spec.name}: asked for {engine}, but HiGHS ran {found[0]}")
    if "Solving an unconstrained LP" in log:
        return "none (no rows)"
    raise SolverError(f"{spec.name}: HiGHS's log does not show that {engine} ran")
