"""Run a suite: every measurement in a process of its own, each row written as it completes.

The order spends the budget on breadth: first everything once (the instances, then one ladder
after the other, as the suite lists them), then repeats of what was short, last what was
measured while the machine was disturbed. Within one instance the order of the solvers is
shuffled, reproducibly, so that no solver always runs after the same other one.
A results file that holds measurements already is carried on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from planbench.bench.accuracy import Chain
from planbench.bench.plan import Plan, Task, plan_suite, tasks
from planbench.bench.request import (
    Conditions,
    InstanceCache,
    Load,
    Place,
    Request,
    bytes_of,
    make_request,
)
from planbench.bench.single import solve_once
from planbench.bench.suite import Suite
from planbench.catalogue.instance import Instance
from planbench.catalogue.resolve import load_instance
from planbench.errors import InputError, PlanbenchError
from planbench.formatting import plural
from planbench.io.scratch import scratch_folder
from planbench.measure.machine import describe_machine, git_commit, package_versions
from planbench.measure.memory import total_memory
from planbench.records.not_run import NotRun, read_not_run, write_not_run
from planbench.records.schema import Record
from planbench.records.store import RecordStore
from planbench.records.values import short_commit
from planbench.solvers.base import SolveOptions

#: Relative room for rounding where limits of tries are put together again.
ROUNDING = 1e-9
#: Ends that stop the climb at once.
FINAL = frozenset({"timeout", "memory", "refused"})
#: Failures of any other kind in a row that stop the climb.
FAILURES_IN_A_ROW = 2
#: How often a disturbed measurement is made again before it is left as it is, marked.
MOST_RERUNS = 2
#: Ends that a loaded machine may bring about; what failed otherwise would fail again.
MAY_BE_DISTURBED = frozenset({"ok", "timeout"})
#: Seconds a warm-up may take; it is not recorded.
WARM_UP_S = 5.0
#: Message of a measurement that was made once more, since the machine was disturbed.
AGAIN = "again"


@dataclass(frozen=True)
class Event:
    """What is going on, for whoever draws it.

    Attributes
    ----------
    what : str
        In words; with a record empty, or :data:`AGAIN`.
    done, total : int
        Measurements finished (made, skipped or left out), and the most there will be; it may
        shrink, and never grows. Those made again are no part of either.
    remaining_s : float
        Estimated seconds to the end, at most what is left of the budget.
    record : Record or None
        A measurement that has just been made.
    """

    what: str
    done: int
    total: int
    remaining_s: float
    record: Record | None = None


@dataclass(frozen=True)
class RunSummary:
    """Summary of a run of a suite.

    Attributes
    ----------
    store : Path
        The results file.
    measured : int
        Rows written.
    skipped : int
        Measurements found in the file already.
    left_out : tuple of NotRun
        What was meant to be measured and was not, with reasons; also kept in a file next to
        the results.
    budget_spent : bool
        Whether the budget ended the run.
    elapsed_s : float
    repaired : str or None
        What was repaired in the results file when it was opened.
    resumed : str
        Which rows of other commits are carried on; empty for none.
    """

    store: Path
    measured: int
    skipped: int
    left_out: tuple[NotRun, ...]
    budget_spent: bool
    elapsed_s: float
    repaired: str | None
    resumed: str = ""


def run_suite(
    suite: Suite,
    store_path: Path,
    *,
    resume: bool = True,
    solvers: Sequence[str] | None = None,
    budget_s: float | None = None,
    progress: Callable[[Event], None] | None = None,
    load: Load | None = None,
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
    plan_suite(suite, solvers)  # what is wrong with it is said before the file is touched
    memory_limit = suite.memory_limit_bytes(total_memory())
    with RecordStore(Path(store_path)) as store, scratch_folder() as folder:
        # Not before the results file is known to be usable: it may take a while.
        plan = plan_suite(suite, solvers, build=True)
        # Read before anything is measured: better a damaged list is found now than in an hour.
        # A run of some solvers says nothing of what the others were not run on.
        others = [
            entry
            for entry in read_not_run(store.path)
            if entry.suite != suite.name or (solvers is not None and entry.solver not in solvers)
        ]
        conditions = Conditions(suite.time_limit_s, memory_limit, suite.polish)
        run = _Run(
            suite=suite,
            plan=plan,
            store=store,
            conditions=conditions,
            cache=InstanceCache(folder, load or load_instance),
            done=Done(store.records if resume else (), suite.name, conditions),
            budget_s=suite.budget_s if budget_s is None else budget_s,
            progress=progress,
            clock=clock,
            began=clock(),
            left_out=list(plan.left_out),
        )
        resumed = run.done.mixes()
        try:
            run.go()
        except BaseException as stopped:
            if isinstance(stopped, KeyboardInterrupt):
                run.note_interrupt()
            try:
                write_not_run(store.path, [*others, *run.left_out])
            except InputError as error:
                # What stopped the run matters more than a list that could not be kept.
                stopped.add_note(str(error))
            raise
        write_not_run(store.path, [*others, *run.left_out])
        return RunSummary(
            store=store.path,
            measured=run.measured,
            skipped=run.skipped,
            left_out=tuple(run.left_out),
            budget_spent=run.budget_spent,
            elapsed_s=clock() - run.began,
            repaired=store.repaired,
            resumed=resumed,
        )


class Done:
    """Measurements found in a results file.

    One counts as made when suite, group, instance (by hash), solver, options and repeat are the
    same (and target and number of the try, for a try at a target gap), and so are the machine
    and the versions of planbench and of the solver's packages. A run that failed for want of
    time or memory counts unless the limit is higher now; one that somebody else killed does not
    count.

    Parameters
    ----------
    records : sequence of Record
    suite : str
    conditions : Conditions
        Of this run.
    """

    def __init__(self, records: Sequence[Record], suite: str, conditions: Conditions) -> None:
        self._conditions = conditions
        self._found: dict[tuple[str, int], list[Record]] = {}
        machine = describe_machine()["id"]
        for record in records:
            if record.suite == suite and record.machine.get("id") == machine:
                self.add(record)

    def add(self, record: Record) -> None:
        """Take in one more measurement."""
        self._found.setdefault((record.group, record.repeat), []).append(record)

    def mixes(self) -> str:
        """Say which rows another commit of the same version of planbench has measured.

        They count as made, for what they measured may well be the same; but nobody should have to
        find out from the rows that two commits are in one table. Empty where all rows are of this
        commit or of other versions.
        """
        commit, version = git_commit(), package_versions().get("planbench")
        rows = Counter(
            record.commit
            for records in self._found.values()
            for record in records
            if record.commit != commit and record.packages.get("planbench") == version
        )
        if not rows:
            return ""
        others = ", ".join(
            f"{plural(n, 'row')} of {short_commit(c)}" for c, n in rows.most_common()
        )
        return f"carries on with {others}, now at {short_commit(commit)}"

    def find(
        self, key: str, task: Task, packages: Mapping[str, str], attempt: int = 0
    ) -> list[Record]:
        """Return the measurements of `task` that make another one needless, oldest first."""
        return [
            record
            for record in self._valid(task)
            if record.key == key
            and (record.accuracy is None or record.accuracy.attempt == attempt)
            and packages.items() <= record.packages.items()
        ]

    def knows(self, task: Task) -> bool:
        """Whether `task` has been done, whatever the instance's hash: a chain, to its end."""
        entry = task.entry
        return any(
            record.instance.name == entry.instance
            and record.solver == task.solver
            # What the ladder varies need not show in the instance.
            and (not record.variable or record.value == entry.value)
            and (record.accuracy is None or record.accuracy.end)
            for record in self._valid(task)
        )

    def _valid(self, task: Task) -> list[Record]:
        """Measurements with the group, repeat and targets of `task` that still count."""
        found = self._found.get((task.entry.group, task.repeat), [])
        return [
            record
            for record in found
            if _targets(record) == task.targets and still_counts(record, self._conditions)
        ]


def warm_up(request: Request, cache: InstanceCache) -> str:
    """Make a short run that is not recorded, so that a solver's files are cached; how it ended."""
    limit_s = min(WARM_UP_S, request.conditions.time_limit_s)
    conditions = replace(request.conditions, time_limit_s=limit_s, polish=False)
    return solve_once(replace(request, conditions=conditions), cache=cache).record.ended


def still_counts(record: Record, conditions: Conditions) -> bool:
    """Whether a run would end like `record` again: not killed, or stopped at a lower limit."""
    if record.ended == "timeout" or (record.accuracy and record.accuracy.end == "timeout"):
        return _time_limit(record) >= conditions.time_limit_s * (1 - ROUNDING)
    if record.ended == "memory":
        return (record.memory_limit_bytes or 0) >= conditions.memory_limit_bytes
    return record.ended != "killed"


def _time_limit(record: Record) -> float:
    """Limit of the run; of the whole chain for a try, whose own is what was left of it."""
    limit = record.time_limit_s or 0.0
    if record.accuracy is None:
        return limit
    own = record.wall_s if record.wall_s is not None else limit
    return limit + record.accuracy.charged_s - own


def _targets(record: Record) -> tuple[float, ...]:
    return () if record.accuracy is None else tuple(record.accuracy.targets)


_Climber = tuple[str, tuple[float, ...]]


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
        climber = record.solver, _targets(record)
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


def only_disturbed(rows: list[Record], reruns: int = MOST_RERUNS) -> bool:
    """Whether a measurement was only ever made disturbed, and not too often to try again."""
    return 0 < len(rows) <= reruns and all(
        row.disturbed and row.ended in MAY_BE_DISTURBED for row in rows
    )


@dataclass
class _Run:
    """A run of a suite: what is done, what is left, and how one task is done."""

    suite: Suite
    plan: Plan
    store: RecordStore
    conditions: Conditions
    cache: InstanceCache
    done: Done
    budget_s: float
    progress: Callable[[Event], None] | None
    clock: Callable[[], float]
    began: float
    left_out: list[NotRun]
    measured: int = 0
    skipped: int = 0
    finished: int = 0
    foreseen: int = 0
    budget_spent: bool = False
    spent_s: float = 0.0
    warm: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    smallest: str = ""
    queue: list[Task] = field(default_factory=list)
    rerunning: bool = False

    def go(self) -> None:
        """Everything once, then repeats of what was short, then what was disturbed."""
        self._load_smallest()
        suite, plan = self.suite, self.plan
        climbs: dict[str, Climb] = defaultdict(Climb)
        every: dict[Task, list[Record]] = {}
        first = tasks(plan, suite.name, 0)
        # Every repeat is foreseen until it shows that there need be none: a total that grew while
        # it is counted towards would say nothing.
        self.foreseen = len(first) * suite.repeats
        for task in self._queued(first):
            climb = climbs[task.entry.group] if task.entry.climbs else Climb()
            if reason := climb.why_stopped(task.solver, task.targets):
                self._leave_out(task, reason)
            elif found := self._measure(task):
                every[task] = found
                climb.note(found[-1])
            if not self._is_short(task, every):
                self.foreseen -= suite.repeats - 1
        repeats = [
            task
            for repeat in range(1, suite.repeats)
            for task in tasks(plan, suite.name, repeat)
            if self._is_short(replace(task, repeat=0), every)
        ]
        for task in self._queued(repeats):
            every[task] = self._measure(task)
        self.rerunning = True
        for _ in range(MOST_RERUNS if suite.rerun_disturbed else 0):
            # Rows of an earlier session count as reruns too: a run carried on has the same limit.
            again = [t for t, rows in every.items() if not t.targets and only_disturbed(rows)]
            for task in self._queued(again):
                every[task] = self._measure(task, again=True) or every[task]

    def note_interrupt(self) -> None:
        """Note everything still to be done as left out by an interrupt."""
        for task in self.queue:
            if not self.done.knows(task):
                self._leave_out(task, "interrupted")

    def _queued(self, queue: list[Task]) -> Iterator[Task]:
        """Tasks of `queue`, each of which leaves it when it is done."""
        self.queue = queue
        while queue:
            yield queue[0]
            queue.pop(0)

    def _load_smallest(self) -> None:
        """Load what is named and the foot of each ladder, so that a bad name fails at once."""
        sizes: dict[str, int] = {}
        seen: set[str] = set()
        for entry in self.plan.entries:
            if not entry.group or entry.group not in seen:
                seen.add(entry.group)
                sizes[entry.instance] = bytes_of(self.cache.instance(entry.instance, self._send))
        self.smallest = min(sizes, key=sizes.__getitem__, default="")

    def _is_short(self, task: Task, every: dict[Task, list[Record]]) -> bool:
        if not every.get(task):
            return False
        last = every[task][-1]
        seconds = last.wall_s if last.accuracy is None else last.accuracy.charged_s
        return last.ended == "ok" and seconds is not None and seconds < self.suite.repeat_below_s

    def _send(self, what: str, record: Record | None = None) -> None:
        """Send an event to whoever draws the progress."""
        if self.progress is None:
            return
        # What is measured again is no part of the total.
        open_runs = len(self.queue) if self.rerunning else max(0, self.foreseen - self.finished)
        each = self.spent_s / self.measured if self.measured else self.suite.time_limit_s / 4
        left = self.budget_s - (self.clock() - self.began)
        total = max(self.foreseen, self.finished)
        remaining = max(0.0, min(left, open_runs * each))
        self.progress(Event(what, self.finished, total, remaining, record))

    def _leave_out(self, task: Task, reason: str) -> None:
        """Note that something is not measured, and why."""
        self.finished += 1
        entry = task.entry
        self.left_out.append(
            NotRun(self.suite.name, entry.group, entry.instance, task.solver, task.repeat, reason)
        )
        self._send(str(task))

    def _out_of_budget(self) -> bool:
        return self.clock() - self.began >= self.budget_s

    def _stop_for_budget(self, task: Task) -> None:
        self.budget_spent = True
        self._leave_out(task, f"budget of {self.budget_s:g} s spent")

    def _measure(self, task: Task, *, again: bool = False) -> list[Record]:
        """Do one task unless it was done before.

        Parameters
        ----------
        task : Task
        again : bool
            Make a measurement once more; a chain of tries sees to that by itself.

        Returns
        -------
        list of Record
            Everything known of it, oldest first (of a chain its tries); empty when it was left
            out.
        """
        if self._out_of_budget():
            if not again and not self.done.knows(task):
                self._stop_for_budget(task)
            return []
        try:
            instance = self.cache.instance(task.entry.instance, self._send)
        except PlanbenchError as error:
            self._leave_out(task, str(error))
            return []
        options = task.entry.solve_options(self.suite)
        if task.targets:
            return self._pursue(instance, task, options)
        request = self._request(instance, task, options)
        rows = self._found(request, task)
        if rows and not again:
            self._finish(task, rows[-1], skipped=True)
            return rows
        return [*rows, self._run(request, task, again=again)]

    def _request(
        self, instance: Instance, task: Task, options: SolveOptions, limit_s: float | None = None
    ) -> Request:
        entry = task.entry
        return make_request(
            instance,
            self.plan.solvers[task.solver],
            options,
            self.conditions if limit_s is None else replace(self.conditions, time_limit_s=limit_s),
            Place(self.suite.name, entry.group, task.repeat, entry.variable, entry.value),
        )

    def _pursue(self, instance: Instance, task: Task, options: SolveOptions) -> list[Record]:
        """Do a chain of tries."""
        chain = Chain(task.targets, self.plan.solvers[task.solver].spec, self.suite.time_limit_s)
        records: list[Record] = []
        while not chain.end:
            asked = replace(options, tolerance=chain.tolerance)
            request = self._request(instance, task, asked, chain.allowed_s)
            rows = self._found(request, task, len(chain.tries))
            if rows and not self._may_repeat(rows):
                self._finish(task, rows[-1], skipped=True)
            while not rows or self._may_repeat(rows):
                if self._out_of_budget():
                    if rows:
                        break
                    self._stop_for_budget(task)
                    return records
                again = bool(rows and rows[-1].accuracy is not None and rows[-1].accuracy.end)
                rows.append(self._run(request, task, chain, again=again))
            records.append(rows[-1])
            chain.add(rows[-1])
        return records

    def _may_repeat(self, rows: list[Record]) -> bool:
        # At once, so once: what disturbs the machine now is not over yet.
        return self.suite.rerun_disturbed and only_disturbed(rows, 1)

    def _found(self, request: Request, task: Task, attempt: int = 0) -> list[Record]:
        """Measurements in the results file that make this one needless."""
        wanted = ("planbench", *request.solver.spec.packages)
        versions = {name: v for name, v in request.packages.items() if name in wanted}
        return self.done.find(request.key, task, versions, attempt)

    def _run(
        self, request: Request, task: Task, chain: Chain | None = None, *, again: bool = False
    ) -> Record:
        """Make one measurement and write it down; one made again has been counted already."""
        self._warm_up(task)
        self._send(str(task))
        start = self.clock()
        record = solve_once(
            request, cache=self.cache, progress=lambda phase: self._send(f"{task}: {phase}")
        ).record
        if chain is not None:
            # What a try is worth to its chain follows from what was measured.
            record = record.model_copy(update={"accuracy": chain.facts(record)})
        self.store.append(record)
        self.done.add(record)
        self.measured += 1
        self.spent_s += self.clock() - start
        self._finish(task, record, skipped=False, again=again)
        return record

    def _finish(self, task: Task, record: Record, *, skipped: bool, again: bool = False) -> None:
        """Count, and send, the outcome of (one try of) a task."""
        self.skipped += skipped
        self.finished += not again and (record.accuracy is None or bool(record.accuracy.end))
        if skipped:
            self._send(str(task))
        else:
            self._send(AGAIN if again else "", record)

    def _warm_up(self, task: Task) -> None:
        """Run a solver once unrecorded, so that its files are cached.

        On the smallest instance; a solver that refuses that, on the one it is to be measured on.
        """
        solver = task.solver
        if solver in self.warm or not self.suite.warm_up:
            return
        self._send(f"warming up {solver}")
        request = make_request(
            self.cache.instance(task.entry.instance if solver in self.refused else self.smallest),
            self.plan.solvers[solver],
            self.suite.options.to_solve_options(),
            self.conditions,
        )
        ended = warm_up(request, self.cache)
        (self.refused if ended == "refused" else self.warm).add(solver)
