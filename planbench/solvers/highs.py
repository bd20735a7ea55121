"""HiGHS through highspy: dual simplex, IPX, HiPO, cuPDLP-C and HiPDLP, each by its own name.

HiGHS is always handed a minimisation: up to 1.15, with a maximisation HiPDLP solves the wrong
problem and the interior point methods return negated duals. Every option-setting and every call is
checked, what HiGHS holds is compared with what was sent, and its log is read to see which
method really ran; a method that did not run as named is an error.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    farkas_proof,
    import_solver,
)
from planbench.solvers.highs_log import method_that_ran, threads_of
from planbench.solvers.logs import captured_stdout, presolved_size


@dataclass(frozen=True)
class Method:
    """One method of HiGHS: how it is asked for, recognised and described.

    Attributes
    ----------
    engine : str
        Key of :data:`~planbench.solvers.highs_log.ENGINES` that its log must show.
    chosen : mapping
        Options that *are* the method; set for ``:stock`` as well.
    tuned : mapping
        Options of planbench's own configuration on top.
    helpers : frozenset of str
        Engines that belong to the method besides its own.
    title, default : str
        The method, and what is particular to planbench's configuration.
    takes : tuple of str
        Options it has besides tolerance, time limit and native ones.
    exact : bool
        As in :class:`SolverSpec`.
    """

    engine: str
    chosen: Mapping[str, NativeValue]
    tuned: Mapping[str, NativeValue] = field(default_factory=dict)
    helpers: frozenset[str] = frozenset()
    title: str = ""
    default: str = ""
    takes: tuple[str, ...] = ()
    exact: bool = False


_SIMPLEX = frozenset({"dual simplex", "primal simplex"})

#: HiPDLP's scalings: 7 (Ruiz, L2 and Pock-Chambolle) first; if it has not converged in this
#: share of the time limit, 6 (without Ruiz) has the rest: each stalls on programs the other solves.
SCALING_FIRST, SCALING_SECOND, FIRST_SHARE = 7, 6, 0.5

METHODS: dict[str, Method] = {
    "highs-ds": Method(
        "dual simplex",
        {"solver": "simplex", "simplex_strategy": 1},
        helpers=_SIMPLEX,
        title="dual simplex",
        default="presolve on",
        takes=("threads", "seed"),
        exact=True,
    ),
    "highs-ipm": Method(
        "IPX",
        {"solver": "ipx", "run_crossover": "off"},
        title="interior point (IPX), no crossover",
        default="presolve on, no crossover",
    ),
    "highs-ipm-crossover": Method(
        "IPX",
        {"solver": "ipx", "run_crossover": "on"},
        helpers=_SIMPLEX,
        title="interior point (IPX) with crossover",
        default="presolve on",
        exact=True,
    ),
    "highs-hipo": Method(
        "HiPO",
        {"solver": "hipo", "run_crossover": "off"},
        title="interior point (HiPO), no crossover",
        default="presolve on, no crossover",
        takes=("threads",),
    ),
    "highs-pdlp": Method(
        "cuPDLP-C",
        {"solver": "pdlp", "run_crossover": "off"},
        {"presolve": "off"},
        title="first-order PDHG (cuPDLP-C on the CPU)",
        default="presolve off (it removes next to nothing and ignores the time limit)",
    ),
    "highs-hipdlp": Method(
        "HiPDLP",
        {"solver": "hipdlp", "run_crossover": "off"},
        {"presolve": "off", "pdlp_scaling_mode": SCALING_FIRST},
        title="first-order PDHG with Halpern restarts (HiPDLP)",
        default="presolve off, pdlp_scaling_mode 7, then 6 after half of the time limit",
    ),
}

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
#: Versions of highspy that adapters are tested with.
HIGHSPY = Supported("highspy", "1.12", "1.16.0")
#: Releases that first know a method (an older one would refuse the option).
HIPDLP_SINCE, HIPO_SINCE = "1.14", "1.15"
#: Newest release that highspy-extras, which HiPO needs at the version of highspy, exists for.
EXTRAS = "1.15.1"

LIMITS = ("kTimeLimit", "kIterationLimit", "kMemoryLimit", "kInterrupt")
FAILURES = ("kLoadError", "kModelError", "kPresolveError", "kSolveError", "kPostsolveError")


def _spec(name: str, method: Method) -> SolverSpec:
    chosen = ", ".join(f"{key}={value}" for key, value in method.chosen.items())
    spec = SolverSpec(
        name=name,
        family="HiGHS",
        method=method.title,
        module="planbench.solvers.highs",
        packages=("highspy",),
        exact=method.exact,
        takes=frozenset(("tolerance", "time_limit", "native", *method.takes)),
        phases=("load", "check", "solve", "extract"),
        default=f"min −c; one thread; coefficients down to 1e-12 kept; {method.default}",
        stock=f"min −c; HiGHS's own options, {chosen}",
        supports=(HIGHSPY,),
    )
    if name == "highs-hipdlp":
        return replace(spec, supports=(replace(HIGHSPY, least=HIPDLP_SINCE),))
    if name == "highs-hipo":
        packages = ("highspy", "highspy-extras")
        return replace(
            spec,
            packages=packages,
            environment=tuple(f"{package}=={EXTRAS}" for package in packages),
            supports=tuple(Supported(package, HIPO_SINCE, EXTRAS) for package in packages),
        )
    return spec


SOLVERS = tuple(_spec(name, method) for name, method in METHODS.items())


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
    ran = method_that_ran(log, spec.name, method.engine, claim, iterations, helpers=method.helpers)
    value = float(info.objective_function_value)
    ray = None
    if claim in ("infeasible", "unbounded"):
        ray = prove_by_simplex(highs, lp, claim)
        found = "ray from HiGHS's simplex without presolve"
        notes = (f"no ray proves {claim}" if ray is None else found,)
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


# -- handing over, reading back, proofs ------------------------------------------------------

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
    status = highs.passModel(
        lp.n_cols,
        lp.n_rows,
        m.nnz,
        1,  # column-wise
        1,  # minimise
        lp.offset,
        lp.cost,
        lp.col_lower,
        lp.col_upper,
        lp.row_lower,
        lp.row_upper,
        m.indptr.astype(np.int32, copy=False),
        m.indices.astype(np.int32, copy=False),
        m.data,
        np.zeros(lp.n_cols, dtype=np.int32),
    )
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


def prove_by_simplex(highs: Any, lp: LinearProgram, claim: Claim) -> FloatArray | None:
    """Ask the simplex for a proof; the time limit counts on over all runs of one object."""
    for key, value in (("solver", "simplex"), ("presolve", "off"), ("threads", 1)):
        if highs.setOptionValue(key, value).name != "kOk":
            return None
    for attempt in range(2):
        if attempt:
            highs.clearSolver()
            if highs.run().name == "kError":
                return None
        unbounded = claim == "unbounded"
        status, exists, ray = highs.getPrimalRay() if unbounded else highs.getDualRay()
        if status.name == "kOk" and exists:
            found = np.array(ray, dtype=np.float64)
            proof = found if unbounded else farkas_proof(lp, found)
            if proof is not None:
                return proof
    return None
