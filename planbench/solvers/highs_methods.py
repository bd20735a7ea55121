"""The methods of HiGHS as solvers: which options each is, what it takes, its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from planbench.solvers.base import Claim, NativeValue, SolverSpec, Supported


@dataclass(frozen=True)
class Method:
    """How one method of HiGHS is asked for and recognised.

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
    """

    engine: str
    chosen: Mapping[str, NativeValue]
    tuned: Mapping[str, NativeValue] = field(default_factory=dict)
    helpers: frozenset[str] = frozenset()


_SIMPLEX = frozenset({"dual simplex", "primal simplex"})

#: HiPDLP's scalings: 7 (Ruiz, L2 and Pock-Chambolle) first; if it has not converged in this
#: share of the time limit, 6 (without Ruiz) has the rest: each stalls on programs the other solves.
SCALING_FIRST, SCALING_SECOND, FIRST_SHARE = 7, 6, 0.5

METHODS: dict[str, Method] = {
    "highs-ds": Method(
        "dual simplex", {"solver": "simplex", "simplex_strategy": 1}, helpers=_SIMPLEX
    ),
    "highs-ipm": Method("IPX", {"solver": "ipx", "run_crossover": "off"}),
    "highs-ipm-crossover": Method(
        "IPX", {"solver": "ipx", "run_crossover": "on"}, helpers=_SIMPLEX
    ),
    "highs-hipo": Method("HiPO", {"solver": "hipo", "run_crossover": "off"}),
    "highs-pdlp": Method(
        "cuPDLP-C", {"solver": "pdlp", "run_crossover": "off"}, {"presolve": "off"}
    ),
    "highs-hipdlp": Method(
        "HiPDLP",
        {"solver": "hipdlp", "run_crossover": "off"},
        {"presolve": "off", "pdlp_scaling_mode": SCALING_FIRST},
    ),
}

#: In planbench's configuration always: by default HiGHS drops coefficients up to 1e-9.
COMMON: dict[str, NativeValue] = {"small_matrix_value": 1e-12, "threads": 1}

RESERVED = {
    "solver": "choose the adapter by name instead (planbench solvers lists them)",
    "run_crossover": "choose highs-ipm or highs-ipm-crossover instead",
    "simplex_strategy": "highs-ds is the dual simplex",
    "threads": "use the option threads",
    "time_limit": "use the option time_limit",
    "random_seed": "use the option seed",
    "output_flag": "the log shows which method ran",
    "log_file": "the log is kept by planbench",
    "log_to_console": "the log is kept by planbench",
}

CLAIMS: dict[str, Claim] = {
    "kOptimal": "optimal",
    "kInfeasible": "infeasible",
    "kUnbounded": "unbounded",
    "kUnboundedOrInfeasible": "infeasible-or-unbounded",
}
#: Versions of highspy that adapters are tested with.
HIGHSPY = Supported("highspy", "1.12", "1.15.1")
#: Releases that first know a method (an older one would refuse the option).
HIPDLP_SINCE, HIPO_SINCE = "1.14", "1.15"

LIMITS = ("kTimeLimit", "kIterationLimit", "kMemoryLimit", "kInterrupt")
FAILURES = ("kLoadError", "kModelError", "kPresolveError", "kSolveError", "kPostsolveError")

_MINIMISE = "min −c; one thread; coefficients down to 1e-12 kept"


def _spec(
    name: str,
    method: str,
    *takes: str,
    default: str,
    stock: str,
    exact: bool = False,
    packages: tuple[str, ...] = ("highspy",),
    extra: str | None = None,
    supports: tuple[Supported, ...] = (HIGHSPY,),
) -> SolverSpec:
    return SolverSpec(
        name=name,
        family="HiGHS",
        method=method,
        module="planbench.solvers.highs",
        packages=packages,
        extra=extra,
        exact=exact,
        takes=frozenset(("tolerance", "time_limit", "native", *takes)),
        phases=("load", "check", "solve", "extract"),
        default=f"{_MINIMISE}; {default}",
        stock=f"min −c; {stock}",
        supports=supports,
    )


SOLVERS = (
    _spec(
        "highs-ds",
        "dual simplex",
        "threads",
        "seed",
        exact=True,
        default="presolve on",
        stock="HiGHS's own options, solver=simplex",
    ),
    _spec(
        "highs-ipm",
        "interior point (IPX), no crossover",
        default="presolve on, no crossover",
        stock="HiGHS's own options, solver=ipx, run_crossover=off",
    ),
    _spec(
        "highs-ipm-crossover",
        "interior point (IPX) with crossover",
        exact=True,
        default="presolve on",
        stock="HiGHS's own options, solver=ipx",
    ),
    _spec(
        "highs-hipo",
        "interior point (HiPO), no crossover",
        "threads",
        packages=("highspy", "highspy-extras"),
        extra="hipo",
        supports=(
            replace(HIGHSPY, least=HIPO_SINCE),
            Supported("highspy-extras", HIPO_SINCE, HIGHSPY.tested),
        ),
        default="presolve on, no crossover",
        stock="HiGHS's own options, solver=hipo, run_crossover=off",
    ),
    _spec(
        "highs-pdlp",
        "first-order PDHG (cuPDLP-C on the CPU)",
        default="presolve off (it removes next to nothing and ignores the time limit)",
        stock="HiGHS's own options, solver=pdlp",
    ),
    _spec(
        "highs-hipdlp",
        "first-order PDHG with Halpern restarts (HiPDLP)",
        default="presolve off, pdlp_scaling_mode 7, then 6 after half of the time limit",
        stock="HiGHS's own options, solver=hipdlp",
        supports=(replace(HIGHSPY, least=HIPDLP_SINCE),),
    ),
)
