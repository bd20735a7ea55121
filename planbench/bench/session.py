"""One run of a suite while it goes on: what is done, what is left, and how one task is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from planbench.bench.accuracy import Chain
from planbench.bench.events import AGAIN, Event, EventKind
from planbench.bench.plan import Plan, PlanEntry, Task
from planbench.bench.prepared import InstanceCache
from planbench.bench.request import Conditions, Place, Request, make_request
from planbench.bench.resume import Done
from planbench.bench.single import Surroundings, solve_once
from planbench.bench.suite import Suite
from planbench.catalogue.instance import Instance
from planbench.errors import PlanbenchError
from planbench.measure.machine import package_versions
from planbench.records.not_run import NotRun
from planbench.records.schema import Record
from planbench.records.store import RecordStore
from planbench.solvers.base import SolveOptions

#: How often a disturbed measurement is made again before it is left as it is, marked.
MOST_RERUNS = 2
#: Ends that a loaded machine may bring about; what failed otherwise would fail again.
MAY_BE_DISTURBED = frozenset({"ok", "timeout"})
#: Seconds a warm-up may take; it is not recorded.
WARM_UP_S = 5.0


@dataclass
class Session:
    """One run of a suite while it goes on; see :func:`planbench.bench.runner.run_suite`."""

    suite: Suite
    plan: Plan
    store: RecordStore
    surroundings: Surroundings
    conditions: Conditions
    cache: InstanceCache
    budget_s: float
    clock: Callable[[], float]
    began: float
    progress: Callable[[Event], None] | None
    done: Done
    left_out: list[NotRun]
    measured: int = 0
    skipped: int = 0
    finished: int = 0
    foreseen: int = 0
    budget_spent: bool = False
    spent_s: float = 0.0
    warm: set[str] = field(default_factory=set)
    cold: set[str] = field(default_factory=set)
    warm_up_on: str = ""
    queue: list[Task] = field(default_factory=list)
    rerunning: bool = False

    def send(
        self,
        kind: EventKind,
        entry: PlanEntry,
        solver: str = "",
        repeat: int = 0,
        message: str = "",
        record: Record | None = None,
    ) -> None:
        """Send an event to whoever draws the progress."""
        if self.progress is None:
            return
        elapsed = self.clock() - self.began
        # What is measured again is no part of the total.
        open_runs = len(self.queue) if self.rerunning else max(0, self.foreseen - self.finished)
        each = self.spent_s / self.measured if self.measured else self.suite.time_limit_s / 4
        self.progress(
            Event(
                kind=kind,
                instance=entry.instance,
                solver=solver,
                repeat=repeat,
                done=self.finished,
                total=max(self.foreseen, self.finished),
                elapsed_s=elapsed,
                remaining_s=max(0.0, min(self.budget_s - elapsed, open_runs * each)),
                message=message,
                record=record,
            )
        )

    def send_mixture(self, message: str) -> None:
        """Send word that rows of other commits are carried on; nothing where `message` is empty."""
        if message:
            self.send("resume", PlanEntry("", "", ()), message=message)

    def instance(self, entry: PlanEntry) -> Instance:
        """Return the instance of `entry`."""
        if entry.instance not in self.cache:
            self.send("prepare", entry)
        return self.cache.instance(entry.instance)

    def leave_out(self, task: Task, reason: str) -> None:
        """Note that something is not measured, and why."""
        self.finished += 1
        entry, solver, repeat = task.entry, task.solver, task.repeat
        self.left_out.append(
            NotRun(self.suite.name, entry.group, entry.instance, solver, repeat, reason)
        )
        self.send("left-out", entry, solver, repeat, reason)

    def note_interrupt(self) -> None:
        """Note everything still to be done as left out by an interrupt."""
        for task in self.queue:
            if not self._knows(task):
                self.leave_out(task, "interrupted")

    def _knows(self, task: Task) -> bool:
        entry = task.entry
        return self.done.knows(
            entry.instance, task.solver, entry.group, task.repeat, task.targets, entry.value
        )

    def _budget_spent(self) -> bool:
        return self.clock() - self.began >= self.budget_s

    def measure(self, task: Task, *, again: bool = False) -> list[Record]:
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
        if self._budget_spent():
            if not again and not self._knows(task):
                self.budget_spent = True
                self.leave_out(task, f"budget of {self.budget_s:g} s spent")
            return []
        try:
            instance = self.instance(task.entry)
        except PlanbenchError as error:
            self.leave_out(task, str(error))
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
        spec = self.plan.solvers[task.solver].spec
        chain = Chain(task.targets, spec, self.suite.time_limit_s)
        records: list[Record] = []
        while not chain.end:
            asked = replace(options, tolerance=chain.tolerance)
            request = self._request(instance, task, asked, chain.allowed_s)
            rows = self._found(request, task, len(chain.tries))
            if rows and not self._may_repeat(rows):
                self._finish(task, rows[-1], skipped=True)
            while not rows or self._may_repeat(rows):
                if self._budget_spent():
                    if rows:
                        break
                    self.budget_spent = True
                    self.leave_out(task, f"budget of {self.budget_s:g} s spent")
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
        packages, environment = request.solver.spec.packages, request.conditions.environment
        versions = package_versions(packages) if environment is None else environment.packages
        wanted = {name: versions[name] for name in ("planbench", *packages) if name in versions}
        return self.done.find(
            request.key, task.entry.group, task.repeat, wanted, task.targets, attempt
        )

    def _run(
        self,
        request: Request,
        task: Task,
        chain: Chain | None = None,
        *,
        again: bool = False,
    ) -> Record:
        """Make one measurement and write it down; one made again has been counted already."""
        entry, solver, repeat = task.entry, task.solver, task.repeat
        self._warm_up(entry, solver)
        self.send("start", entry, solver, repeat)
        start = self.clock()

        def solve() -> Record:
            return solve_once(
                request,
                cache=self.cache,
                surroundings=self.surroundings,
                progress=lambda phase: self.send("phase", entry, solver, repeat, phase),
            ).record

        record = solve()
        limit_s = request.conditions.time_limit_s
        if solver in self.cold and record.ended != "refused":
            # The warm-up was refused, so this was the first real run: it warms up for the next.
            self.cold.discard(solver)
            if (record.wall_s or limit_s) < min(WARM_UP_S, limit_s):
                record = solve()
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
        kind: EventKind = "skipped" if skipped else "done"
        message = AGAIN if again else ""
        self.send(kind, task.entry, task.solver, task.repeat, message, record=record)

    def _warm_up(self, entry: PlanEntry, solver: str) -> None:
        """Run `solver` once unrecorded on the smallest instance, so that its files are cached."""
        if solver in self.warm or not self.suite.warm_up:
            return
        self.warm.add(solver)
        self.send("warm-up", entry, solver)
        limit_s = min(WARM_UP_S, self.suite.time_limit_s)
        request = make_request(
            self.instance(PlanEntry("", self.warm_up_on or entry.instance, ())),
            self.plan.solvers[solver],
            self.suite.options.to_solve_options(),
            replace(self.conditions, time_limit_s=limit_s, polish=False),
        )
        outcome = solve_once(request, cache=self.cache, surroundings=self.surroundings)
        if outcome.record.ended == "refused":
            self.cold.add(solver)


def only_disturbed(rows: list[Record], reruns: int = MOST_RERUNS) -> bool:
    """Whether a measurement was only ever made disturbed, and not too often to try again."""
    return 0 < len(rows) <= reruns and all(
        row.disturbed and row.ended in MAY_BE_DISTURBED for row in rows
    )
