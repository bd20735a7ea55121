"""What a suite means here: which instances, in which order, with which solvers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planbench.bench.accuracy import runs_once
from planbench.bench.suite import AVAILABLE, LadderTable, Suite, Value
from planbench.errors import InputError, SolverUnavailableError
from planbench.records.not_run import NotRun
from planbench.solvers.base import NativeValue, SolveOptions
from planbench.solvers.registry import (
    ChosenSolver,
    find_solver,
    list_solvers,
    own_environment,
    require_runnable,
)
from planbench.tables.read import why_not_at_hand


@dataclass(frozen=True)
class PlanEntry:
    """One instance and the solvers to be measured on it.

    Attributes
    ----------
    group : str
        Ladder it belongs to, or empty.
    instance : str
    solvers : tuple of str
    variable : str
        What the ladder varies, or empty.
    value : int, float, str or None
        The value of it here.
    options : tuple of (str, value)
        Options of this entry on top of the suite's.
    climbs : bool
        Whether a solver that fails here skips what comes after.
    """

    group: str
    instance: str
    solvers: tuple[str, ...]
    variable: str = ""
    value: Value | None = None
    options: tuple[tuple[str, NativeValue], ...] = ()
    climbs: bool = False

    def solve_options(self, suite: Suite) -> SolveOptions:
        """Options a solver is given here."""
        own: dict[str, NativeValue] = dict(self.options)
        return replace(suite.options.to_solve_options(), **own)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Task:
    """One solver on one instance: a measurement, or a chain of tries at a target gap.

    Attributes
    ----------
    entry : PlanEntry
    solver : str
    repeat : int
    targets : tuple of float
        Empty for a plain measurement; several, loose to tight, for a solver that runs once.
    """

    entry: PlanEntry
    solver: str
    repeat: int = 0
    targets: tuple[float, ...] = ()

    def __str__(self) -> str:
        return f"{self.solver} on {self.entry.instance}"


@dataclass(frozen=True)
class Plan:
    """Everything to be measured once, and the solvers that take no part.

    Attributes
    ----------
    entries : tuple of PlanEntry
        Instances first, then one ladder after the other, from small to large.
    solvers : dict of str to ChosenSolver
        Solvers that can run, by the names they were asked for.
    left_out : tuple of NotRun
        Solvers that cannot, with the reason.
    target_gaps : tuple of float
        As in the suite.
    """

    entries: tuple[PlanEntry, ...]
    solvers: dict[str, ChosenSolver]
    left_out: tuple[NotRun, ...]
    target_gaps: tuple[float, ...] = ()


def plan_suite(suite: Suite, only: Sequence[str] | None = None, *, build: bool = False) -> Plan:
    """Work out what `suite` means here.

    Parameters
    ----------
    suite : Suite
    only : sequence of str, optional
        Solvers instead of the suite's; a ladder's own list is narrowed to them.
    build : bool
        Build the environments that solvers need, which may take a while.

    Raises
    ------
    InputError
        A solver that does not exist.
    SolverUnavailableError
        Not one of them can run here.
    """
    if only is not None:
        base = tuple(dict.fromkeys(only))
    elif suite.solvers == AVAILABLE:
        # An external command runs only when it is given.
        base = tuple(spec.name for spec in list_solvers() if spec.name != "cmd")
    else:
        base = tuple(suite.solvers)

    def of_ladder(ladder: LadderTable) -> tuple[str, ...]:
        if isinstance(ladder.solvers, str):
            return base
        return tuple(s for s in ladder.solvers if only is None or s in base)

    on_ladder = {ladder.name: of_ladder(ladder) for ladder in suite.ladders}
    wanted = dict.fromkeys([*base, *(s for solvers in on_ladder.values() for s in solvers)])
    chosen, left_out = _check(suite, tuple(wanted), build)
    entries = [PlanEntry("", instance, base) for instance in suite.instances]
    for instance in suite.optional_instances:
        if why := why_not_at_hand(instance):
            left_out.append(NotRun(suite.name, "", instance, "", 0, why))
        else:
            entries.append(PlanEntry("", instance, base))
    # One ladder after the other: should the budget end early, the first is complete to its top.
    for ladder in suite.ladders:
        entries += _ladder_entries(ladder, on_ladder[ladder.name])
    runnable = []
    for entry in entries:
        fits = []
        for name in entry.solvers:
            if name not in chosen:
                continue
            if why := _why_not(chosen[name], entry, suite):
                left_out.append(NotRun(suite.name, entry.group, entry.instance, name, 0, why))
            else:
                fits.append(name)
        runnable.append(replace(entry, solvers=tuple(fits)))
    # What is not applicable at one size is so at all: say it once.
    said_once = tuple(dict.fromkeys(left_out))
    return Plan(tuple(runnable), chosen, said_once, tuple(suite.target_gaps))


def _ladder_entries(ladder: LadderTable, solvers: tuple[str, ...]) -> list[PlanEntry]:
    return [
        PlanEntry(
            group=ladder.name,
            instance=ladder.instance(value, seed),
            solvers=solvers,
            variable=ladder.variable,
            value=value,
            options=((ladder.variable, value),) if ladder.varies_option else (),
            climbs=ladder.climbs,
        )
        for value in ladder.steps
        for seed in (ladder.seeds or (None,))
    ]


def _check(
    suite: Suite, wanted: tuple[str, ...], build: bool
) -> tuple[dict[str, ChosenSolver], list[NotRun]]:
    options = suite.options.to_solve_options()
    chosen: dict[str, ChosenSolver] = {}
    left_out: list[NotRun] = []
    for name in wanted:
        solver = find_solver(name)  # a name nobody knows is an error, not something left out
        try:
            require_runnable(solver.spec)
            why = _misfit(solver, options)
            if build and not why:
                own_environment(solver.spec)
        except SolverUnavailableError as error:
            why = str(error)
        if why:
            left_out.append(NotRun(suite.name, "", "", name, 0, why))
        else:
            chosen[name] = solver
    if not chosen:
        why = left_out[0].reason if left_out else "none is named"
        raise SolverUnavailableError(f"suite {suite.name}: no solver can run: {why}")
    return chosen, left_out


def _misfit(solver: ChosenSolver, options: SolveOptions) -> str:
    """Why a solver cannot be given these options; empty if it can."""
    try:
        solver.options(options)
    except InputError as error:
        return f"not applicable: {error}"
    return ""


def _why_not(solver: ChosenSolver, entry: PlanEntry, suite: Suite) -> str:
    """Why a solver cannot be given the options of an entry; empty if it can, or there are none."""
    if not entry.options:
        return ""
    options = entry.solve_options(suite)
    why = _misfit(solver, options)
    if not why and entry.variable == "threads" and (options.threads or 1) > processors():
        why = f"{options.threads} threads: this machine lets planbench use {processors()}"
    return why


def processors() -> int:
    """Processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def tasks(plan: Plan, suite: str, repeat: int) -> list[Task]:
    """Everything to be done in one round, the solvers of each entry shuffled."""
    return [
        Task(entry, solver, repeat, targets)
        for entry in plan.entries
        for solver in shuffled(suite, entry, repeat)
        for targets in _chains(plan, solver)
    ]


def _chains(plan: Plan, solver: str) -> list[tuple[float, ...]]:
    """Targets of each chain of tries of `solver`: one chain, or one for each target."""
    if not plan.target_gaps or runs_once(plan.solvers[solver].spec):
        return [plan.target_gaps]
    return [(target,) for target in plan.target_gaps]


def shuffled(suite: str, entry: PlanEntry, repeat: int) -> list[str]:
    """Return the solvers of `entry` in an order that looks random and is always the same."""
    text = f"{suite}|{entry.group}|{entry.instance}|{repeat}"
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    order = np.random.default_rng(seed).permutation(len(entry.solvers))
    return [entry.solvers[i] for i in order]
