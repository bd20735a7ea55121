"""The frame of the planners that know techniques: domain, limits, compile phase, hand-over.

``two-level`` and ``value-iteration`` differ in what happens between rounds; what stands around
the rounds is the same and stands here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from planbench.errors import InputError, SolverError
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.plan import Plan
from planbench.planners.state import Meter, Progress, Report, State
from planbench.planners.state_domain import Domain, settle_domain
from planbench.planners.state_solution import to_solution
from planbench.planners.team import GRAIN, share
from planbench.solvers.base import Phase, Solution, SolveOptions, SolverSpec, no_phase

#: Certified gap where none is asked for.
GAP = 1e-6

Outcome = tuple[Plan, State, Progress]


@dataclass(frozen=True)
class Task:
    """What is asked of a planner.

    Attributes
    ----------
    gap : float
        (upper − lower)/upper to end with.
    state : State or None
        Of an old plan to start from.
    meter : Meter
        Counts work, and knows the time limit.
    tell : callable
        Is told a line a round.
    threads : int
        The work is shared among so many where there is enough of it (the team of
        :mod:`planbench.planners.team` is open while planning).
    """

    gap: float
    state: State | None
    meter: Meter
    tell: Report
    threads: int = 1


@dataclass(frozen=True)
class Planner:
    """What tells one planner from another.

    Attributes
    ----------
    refusal : callable
        Says why an economy is outside the domain, or None.
    rounds : callable
        Plans an economy inside the domain that was settled for it.
    warm_up : callable
        Compiles every kernel for arrays of an economy's types, for a number of threads.
    version : str
    """

    refusal: Callable[[Economy], str | None]
    rounds: Callable[[Economy, Domain, Task], Outcome]
    warm_up: Callable[[Economy, int], object]
    version: str


def plan_economy(
    name: str,
    planner: Planner,
    economy: Economy,
    gap: float,
    state: State | None,
    time_limit: float | None,
    report: Report | None,
    threads: int = 1,
    grain: int = GRAIN,
) -> Outcome:
    """Plan from Python; with `grain` 0 everything is shared among the threads, however small.

    Raises
    ------
    InputError
        For fewer threads than one.
    SolverError
        Outside the planner's domain.
    """
    if threads < 1:
        raise InputError(f"is {threads}; give 1 or more", where="threads")
    _refuse(name, planner, economy, state)
    meter = Meter(economy.nnz, time_limit)
    task = Task(gap, state, meter, report or (lambda line: None), threads)
    with _one_thread(), share(threads, grain) as team:
        plan, after, progress = planner.rounds(economy, settle_domain(economy), task)
    return plan, after, replace(progress, threads=team.used)


def solve_economy(
    planner: Planner,
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase = no_phase,
    state: State | None = None,
) -> tuple[Solution, State]:
    """Plan as an adapter: the tolerance is the certified gap asked for.

    Returns
    -------
    Solution
    State
        To plan a changed economy from.

    Raises
    ------
    SolverError
        For a general linear program, an economy outside the domain, or a state of another shape.
    """
    if not isinstance(problem, Economy):
        raise SolverError(
            f"{spec.name} plans economies; for a general linear program use a general solver"
        )
    _refuse(spec.name, planner, problem, state)
    threads = options.threads or 1
    with phase("compile"):
        planner.warm_up(problem, threads)
    gap = GAP if options.tolerance is None else options.tolerance
    with phase("load"):
        domain = settle_domain(problem)
    with phase("solve"), _one_thread(), share(threads) as team:
        task = Task(gap, state, Meter(problem.nnz, options.time_limit), _say, threads)
        plan, after, progress = planner.rounds(problem, domain, task)
    progress = replace(progress, threads=team.used)
    with phase("extract"):
        return to_solution(problem, plan, progress, spec.method, planner.version), after


def _refuse(name: str, planner: Planner, economy: Economy, state: State | None) -> None:
    reason = planner.refusal(economy)
    if reason is None and state is not None:
        reason = other_shape(economy, state)
    if reason is not None:
        raise SolverError(f"{name} {reason}")


def other_shape(economy: Economy, state: State) -> str | None:
    """Say why `state` is no plan of `economy`'s goods, activities and resources, or None."""
    n, m, k = economy.n_goods, economy.n_activities, economy.n_resources
    of = state.outputs.size, state.levels.size, state.rents.size
    if of == (n, m, k):
        return None
    return (
        f"takes the state of an economy of {n} goods, {m} activities and {k} resources; this one "
        f"is of {of[0]}, {of[1]} and {of[2]}: start without it"
    )


def _say(line: str) -> None:
    print(line, flush=True)


def _one_thread() -> AbstractContextManager[object]:
    """BLAS would otherwise wake a second thread for every short product and let it spin."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
