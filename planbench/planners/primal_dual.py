"""``primal-dual``: plans by price adjustment, for every economy there is.

Activities expand while they make a profit and contract while they make a loss; prices rise
with excess demand and fall with excess supply. Left alone that tâtonnement circles; looking
one step ahead, and pulling back to where the last round of bargaining began, makes it
converge (Arrow, Hurwicz & Uzawa 1958; Chambolle & Pock 2011; Applegate et al. 2021; Lu & Yang
2024). Every so often prices and plan are mended and put to the certificate's own bounds;
the process ends when the certified bracket is as narrow as was asked for.
"""

from __future__ import annotations

import numpy as np

from planbench.errors import InputError
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.planners.pdhg import set_up
from planbench.planners.pdhg_mend import find_makers
from planbench.planners.pdhg_mend_plan import warm_up
from planbench.planners.primal_dual_plan import (
    LIMIT,
    TOLERANCE,
    PriceResult,
    PriceState,
    plan,
)
from planbench.solvers.base import Claim, Phase, Solution, SolveOptions, SolverSpec, no_phase
from planbench.solvers.common import Clock, convert_native, import_solver, with_nearest

__all__ = ["SOLVERS", "PriceResult", "PriceState", "plan", "solve"]

SOLVERS = (
    SolverSpec(
        name="primal-dual",
        family="planbench",
        method="price adjustment (restarted primal–dual hybrid gradient)",
        module="planbench.planners.primal_dual",
        packages=("numba", "scipy"),
        extra="planners",
        takes=frozenset(("tolerance", "threads", "time_limit", "native")),
        phases=("compile", "load", "solve", "extract"),
        default="until the certified gap is 1e-6 (the option tolerance); one thread",
        accepts="economy",
    ),
)


#: Said of a run whose answers are mended with an interior that is not the economy's own.
WITH_PROGRAMS = "mended with an interior from linear programs (HiGHS)"


def compile_kernels(threads: int = 1) -> None:
    """Compile every kernel (or load it from numba's cache) on a tiny economy."""
    import scipy.optimize  # noqa: F401 - its import is not what planning costs

    from planbench.model.economy import make_economy

    tiny = make_economy(
        inputs=[[0.0, 0.1], [0.1, 0.0]],
        outputs=[[1.0, 0.0], [0.0, 1.0]],
        resource_use=[[1.0, 1.0]],
        endowment=[1.0],
        capacity=[1.0, 0.5],
        assortment=[1.0, 1.0],
    )
    plan(tiny, rounds=20)
    if threads > 1:  # kernels that only threads use
        plan(tiny, rounds=20, tolerance=1e-15, threads=2, grain=0)
    process = set_up(tiny)
    warm_up(process, find_makers(process, tiny.n_goods, tiny.n_activities))


def solve(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase = no_phase,
) -> Solution:
    """Plan an economy by price adjustment.

    Raises
    ------
    InputError
        For a general linear program, or a native option there is none of.
    """
    return _run(problem, spec, options, phase, None)[0]


def replan(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    state: PriceState | None = None,
) -> tuple[Solution, PriceState]:
    """Plan as :func:`solve` does, from the state of an old plan; the new state comes back too."""
    return _run(problem, spec, options, no_phase, state)


def _run(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase,
    state: PriceState | None,
) -> tuple[Solution, PriceState]:
    if not isinstance(problem, Economy):
        raise InputError(
            "plans economies and this is a general linear program; use a general solver",
            where=spec.name,
        )
    most = LIMIT
    for key, value in options.native.items():
        if key != "rounds":
            raise InputError(
                f"{spec.name} has no option {key!r}{with_nearest(key, ['rounds'])}; it has: rounds",
                where="--set",
            )
        most = int(convert_native(key, value, int))
        if most < 1:
            raise InputError(f"rounds is {most}; give 1 or more", where="--set")
    threads = options.threads or 1
    numba = import_solver("numba")
    with phase("compile"):
        compile_kernels(threads)
    clock = Clock(options.time_limit)
    with phase("load"):
        process = set_up(problem)
    with phase("solve"):
        result = plan(
            problem,
            tolerance=options.tolerance or TOLERANCE,
            time_limit=clock.remaining(),
            rounds=most,
            state=state,
            process=process,
            log=True,
            threads=threads,
        )
    with phase("extract"):
        return _solution(result, numba.__version__, most), result.state


def _solution(result: PriceResult, version: str, most: int) -> Solution:
    from planbench.version import __version__

    claims: dict[str, Claim] = {
        "closed": "optimal",
        "infeasible": "infeasible",
        "unbounded": "unbounded",
    }
    x = y = None
    if result.x is not None and result.z is not None:
        x = np.concatenate([result.x, result.z])
    if result.p is not None and result.w is not None:
        y = np.concatenate([-result.p, result.w])
    infeasible = result.ended == "infeasible"
    fallback: Claim = "unknown" if x is None else "feasible"
    return Solution(
        claim=claims.get(result.ended, fallback),
        x=None if infeasible else x,
        y=None if infeasible else y,
        objective=None if infeasible else result.lower,
        native_status=f"{result.ended} after {result.rounds} rounds",
        iterations={
            "rounds": result.rounds,
            "restarts": result.restarts,
            "checks": result.checks,
            "passes": round(result.passes),
        },
        dual_ray=y if infeasible else None,
        primal_ray=None if result.ray is None else np.concatenate(result.ray),
        hit_limit=result.ended == "time limit",
        version=f"{__version__} (numba {version})",
        method_run="restarted reflected Halpern primal–dual hybrid gradient"
        + (f", {WITH_PROGRAMS}" if result.programs else ""),
        threads_used=result.threads,
        options={"rounds": most} if most != LIMIT else {},
    )
