"""Run a suite: every measurement in a process of its own, each row written as it completes.

The order spends the budget on breadth: first everything once (the instances, then one ladder
after the other, as the suite lists them), then repeats of what was short, last what was
measured while the machine was disturbed. Within one instance the order of the solvers is
shuffled, reproducibly, so that no solver always runs after the same other one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from planbench.bench.events import Event, RunSummary
from planbench.bench.plan import Task, plan_suite, tasks, with_environments
from planbench.bench.prepared import InstanceCache, Load, bytes_of
from planbench.bench.request import Conditions
from planbench.bench.resume import Done
from planbench.bench.session import MOST_RERUNS, Session, only_disturbed
from planbench.bench.single import survey
from planbench.bench.suite import Suite
from planbench.catalogue.resolve import load_instance
from planbench.errors import InputError
from planbench.io.scratch import scratch_folder
from planbench.measure.machine import package_versions
from planbench.measure.memory import total_memory
from planbench.records.not_run import read_not_run, write_not_run
from planbench.records.schema import Record
from planbench.records.store import RecordStore

#: Ends that stop the climb at once.
FINAL = frozenset({"timeout", "memory", "refused"})
#: Failures of any other kind in a row that stop the climb.
FAILURES_IN_A_ROW = 2

_Climber = tuple[str, tuple[float, ...]]


def run_suite(
    suite: Suite,
    store_path: Path,
    *,
    resume: bool = True,
    solvers: Sequence[str] | None = None,
    budget_s: float | None = None,
    progress: Callable[[Event], None] | None = None,
    load: Load | None = None,
    adapter: str | None = None,
    clock: Callable[[], float] = monotonic,
) -> RunSummary:
    """Measure everything in `suite` that is not in the results file yet.

    Parameters
    ----------
    suite : Suite
    store_path : Path
        Results file, ``.jsonl``; created, or carried on.
    resume : bool
        False measures everything again and appends.
    solvers : sequence of str, optional
        Only these, instead of the suite's.
    budget_s : float, optional
        Instead of the suite's budget.
    progress : callable, optional
        Called with an :class:`Event` whenever something happens.
    load : callable, optional
        Turns an instance's name into the instance; by default the catalogue does.
    adapter : str, optional
        Adapter that is not in the registry, as in :class:`planbench.measure.job.Job`.
    clock : callable, optional
        Seconds for the budget.

    Returns
    -------
    RunSummary

    Raises
    ------
    InputError
        Unknown solver or instance, or a results file that cannot be used.
    SolverUnavailableError
        None of the solvers can run here.
    KeyboardInterrupt
        After the run going on has been killed; every completed row is in the file.
    """
    plan = plan_suite(suite, solvers, adapter)
    surroundings = survey()
    memory_limit = suite.memory_limit_bytes(total_memory())
    with (
        RecordStore(Path(store_path)) as store,
        scratch_folder() as folder,
    ):
        if adapter is None:
            # Not before the results file is known to be usable: it may take a while.
            plan = with_environments(plan, suite.name)
        # Read before anything is measured: better a damaged list is found now than in an hour.
        others = [entry for entry in read_not_run(store.path) if entry.suite != suite.name]
        version = package_versions(("planbench",)).get("planbench")
        session = Session(
            suite=suite,
            plan=plan,
            store=store,
            surroundings=surroundings,
            conditions=Conditions(suite.time_limit_s, memory_limit, suite.polish, adapter=adapter),
            cache=InstanceCache(folder, load or load_instance),
            budget_s=suite.budget_s if budget_s is None else budget_s,
            clock=clock,
            began=clock(),
            progress=progress,
            done=Done(
                store.records if resume else (),
                suite=suite.name,
                machine=str(surroundings.machine["id"]),
                time_limit_s=suite.time_limit_s,
                memory_limit_bytes=memory_limit,
            ),
            left_out=list(plan.left_out),
        )
        session.send_mixture(session.done.mixes(surroundings.commit, version))
        try:
            _run_rounds(session)
        except BaseException as stopped:
            if isinstance(stopped, KeyboardInterrupt):
                session.note_interrupt()
            try:
                write_not_run(store.path, [*others, *session.left_out])
            except InputError as error:
                # What stopped the run matters more than a list that could not be kept.
                stopped.add_note(str(error))
            raise
        write_not_run(store.path, [*others, *session.left_out])
        return RunSummary(
            store=store.path,
            measured=session.measured,
            skipped=session.skipped,
            left_out=tuple(session.left_out),
            budget_spent=session.budget_spent,
            elapsed_s=clock() - session.began,
            repaired=store.repaired,
        )


@dataclass
class Climb:
    """How far each solver has come on one ladder.

    A solver climbs until it first runs out of time or memory, or refuses; what lies above would
    only repeat that, at the price of the limit each. Other failures may be an accident of one
    size, so two sizes in a row must fail that way. What is not climbed is a right-censored
    observation in the fits. Solvers driven to target gaps climb for each target by itself.
    """

    _stopped: dict[_Climber, str] = field(default_factory=dict)
    _failures: dict[_Climber, int] = field(default_factory=dict)

    def why_stopped(self, solver: str, targets: Sequence[float] = ()) -> str | None:
        """Why `solver` climbs no further (for these target gaps); None while it does."""
        return self._stopped.get((solver, tuple(targets)))

    def note(self, record: Record) -> None:
        """Take the outcome at the next size into account."""
        if record.accuracy is not None and not record.accuracy.end:
            return  # the chain was broken off; that says nothing of the solver
        climber = record.solver, () if record.accuracy is None else tuple(record.accuracy.targets)
        outcome = _outcome(record)
        if outcome == "ok":
            self._failures[climber] = 0
            return
        self._failures[climber] = self._failures.get(climber, 0) + 1
        if outcome in FINAL or self._failures[climber] >= FAILURES_IN_A_ROW:
            self._stopped.setdefault(
                climber, f"climbs no further: {outcome} at {record.instance.name}"
            )


def _outcome(record: Record) -> str:
    """How the run ended; for a chain of tries, how the chain did."""
    if record.accuracy is None or record.ended != "ok":
        return record.ended
    # A single run that misses its target shows its accuracy at every size.
    return "ok" if record.accuracy.end in ("reached", "once") else record.accuracy.end


def _run_rounds(session: Session) -> None:
    """Everything once, then repeats of what was short, then what was disturbed."""
    suite, plan = session.suite, session.plan
    _check_instances(session)
    climbs: dict[str, Climb] = {}
    first: dict[Task, list[Record]] = {}
    session.queue = tasks(plan, plan.entries, suite.name, 0)
    # Every repeat is foreseen until it shows that there need be none: a total that grew while it
    # is counted towards would say nothing.
    session.foreseen = len(session.queue) * suite.repeats
    while session.queue:
        task = session.queue[0]
        climb = climbs.setdefault(task.entry.group, Climb()) if task.entry.climbs else Climb()
        if reason := climb.why_stopped(task.solver, task.targets):
            session.leave_out(task, reason)
        elif found := session.measure(task):
            first[task] = found
            climb.note(found[-1])
        if not _is_short(first.get(task), suite):
            session.foreseen -= suite.repeats - 1
        session.queue.pop(0)
    repeats: dict[Task, list[Record]] = {}
    session.queue = [
        task
        for repeat in range(1, suite.repeats)
        for task in tasks(plan, plan.entries, suite.name, repeat)
        if _is_short(first.get(replace(task, repeat=0)), suite)
    ]
    while session.queue:
        repeats[session.queue[0]] = session.measure(session.queue[0])
        session.queue.pop(0)
    if suite.rerun_disturbed:
        _run_disturbed_again(session, repeats | first)


def _run_disturbed_again(session: Session, every: dict[Task, list[Record]]) -> None:
    """Measure again what was only measured disturbed; it stays marked when it is to no avail."""
    session.rerunning = True
    for _ in range(MOST_RERUNS):
        # Rows of an earlier session count as reruns too: a run carried on has the same limit.
        again = [t for t, rows in every.items() if not t.targets and only_disturbed(rows)]
        session.queue = list(again)
        while session.queue:
            if rows := session.measure(session.queue[0], again=True):
                every[session.queue[0]] = rows
            session.queue.pop(0)


def _is_short(records: list[Record] | None, suite: Suite) -> bool:
    if not records:
        return False
    last = records[-1]
    seconds = last.wall_s if last.accuracy is None else last.accuracy.charged_s
    return last.ended == "ok" and seconds is not None and seconds < suite.repeat_below_s


def _check_instances(session: Session) -> None:
    """Load what is named and the foot of each ladder, so that a bad name fails at once."""
    seen_groups: set[str] = set()
    smallest: tuple[int, str] | None = None
    for entry in session.plan.entries:
        if entry.group and entry.group in seen_groups:
            continue
        seen_groups.add(entry.group)
        size = bytes_of(session.instance(entry))
        if smallest is None or size < smallest[0]:
            smallest = (size, entry.instance)
    session.warm_up_on = smallest[1] if smallest else ""
