"""One run of a suite while it goes on: what is done, what is left, and how one task is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from planbench.bench.accuracy import pursue
from planbench.bench.events import AGAIN, Event, EventKind
from planbench.bench.plan import Cell, Plan, Task
from planbench.bench.prepared import InstanceCache, measurement_key
from planbench.bench.resume import Done
from planbench.bench.single import Surroundings, elsewhere_of, require_solver, solve_once
from planbench.bench.suite import Suite
from planbench.catalogue.instance import Instance
from planbench.errors import PlanbenchError
from planbench.measure.machine import package_versions
from planbench.records.not_run import NotRun
from planbench.records.schema import AccuracyFacts, Record
from planbench.records.store import RecordStore
from planbench.solvers.base import SolveOptions

#: Instances up to so many bytes together are kept in memory between rounds.
KEEP_BYTES = 256 << 20
#: How often a disturbed measurement is made again before it is left as it is, marked.
MOST_RERUNS = 2
#: Ends that a loaded machine may bring about; what failed otherwise would fail again.
MAY_BE_DISTURBED = frozenset({"ok", "timeout"})
#: Seconds a warm-up may take; it is not recorded.
WARM_UP_S = 5.0

Load = Callable[[str], Instance]


@dataclass
class Session:
    """One run of a suite while it goes on; see :func:`planbench.bench.runner.run_suite`."""

    suite: Suite
    plan: Plan
    store: RecordStore
    surroundings: Surroundings
    memory_limit: int
    cache: InstanceCache
    load: Load
    adapter: str | None
    budget_s: float
    clock: Callable[[], float]
    began: float
    progress: Callable[[Event], None] | None
    done: Done
    left_out: list[NotRun]
    measured: int = 0
    skipped: int = 0
    settled: int = 0
    foreseen: int = 0
    budget_spent: bool = False
    spent_s: float = 0.0
    kept: dict[str, Instance] = field(default_factory=dict)
    warm: set[str] = field(default_factory=set)
    cold: set[str] = field(default_factory=set)
    warm_up_on: str = ""
    queue: list[Task] = field(default_factory=list)
    rerunning: bool = False

    def tell(
        self,
        kind: EventKind,
        cell: Cell,
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
        open_runs = len(self.queue) if self.rerunning else max(0, self.foreseen - self.settled)
        each = self.spent_s / self.measured if self.measured else self.suite.time_limit_s / 4
        self.progress(
            Event(
                kind=kind,
                instance=cell.instance,
                solver=solver,
                repeat=repeat,
                done=self.settled,
                total=max(self.foreseen, self.settled),
                elapsed_s=elapsed,
                remaining_s=max(0.0, min(self.budget_s - elapsed, open_runs * each)),
                message=message,
                record=record,
            )
        )

    def tell_mixture(self, message: str) -> None:
        """Send word that rows of other commits are carried on; nothing where `message` is empty."""
        if message:
            self.tell("resume", Cell("", "", ()), message=message)

    def instance(self, cell: Cell) -> Instance:
        """Return the instance of `cell`, made or loaded unless it is still at hand."""
        found = self.kept.get(cell.instance)
        if found is None:
            self.tell("prepare", cell)
            found = self.load(cell.instance)
            self.kept[cell.instance] = found
            while sum(bytes_of(i) for i in self.kept.values()) > KEEP_BYTES and len(self.kept) > 1:
                oldest = next(name for name in self.kept if name != cell.instance)
                del self.kept[oldest]
        return found

    def leave_out(self, task: Task, reason: str) -> None:
        """Note that something is not measured, and why."""
        self.settled += 1
        cell, solver, repeat = task.cell, task.solver, task.repeat
        self.left_out.append(
            NotRun(self.suite.name, cell.group, cell.instance, solver, repeat, reason)
        )
        self.tell("left-out", cell, solver, repeat, reason)

    def note_interrupt(self) -> None:
        """Note everything still to be done as left out by an interrupt."""
        for task in self.queue:
            if not self._knows(task):
                self.leave_out(task, "interrupted")

    def _knows(self, task: Task) -> bool:
        cell = task.cell
        return self.done.knows(
            cell.instance, task.solver, cell.group, task.repeat, task.targets, cell.value
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
            instance = self.instance(task.cell)
        except PlanbenchError as error:
            self.leave_out(task, str(error))
            return []
        options = task.cell.solve_options(self.suite)
        if task.targets:
            return self._pursue(instance, task, options)
        limit = self.suite.time_limit_s
        rows = self._found(instance, task, options)
        if rows and not again:
            self._settle(task, rows[-1], skipped=True)
            return rows
        return [*rows, self._run(instance, task, options, limit, again=again)]

    def _pursue(self, instance: Instance, task: Task, options: SolveOptions) -> list[Record]:
        def attempt(
            tolerance: float | None,
            allowed_s: float,
            number: int,
            facts: Callable[[Record], AccuracyFacts],
        ) -> Record | None:
            asked = replace(options, tolerance=tolerance)
            rows = self._found(instance, task, asked, number)
            if rows and not self._may_repeat(rows):
                self._settle(task, rows[-1], skipped=True)
                return rows[-1]
            while not rows or self._may_repeat(rows):
                if self._budget_spent():
                    if rows:
                        break
                    self.budget_spent = True
                    self.leave_out(task, f"budget of {self.budget_s:g} s spent")
                    return None
                again = bool(rows and rows[-1].accuracy is not None and rows[-1].accuracy.end)
                rows.append(self._run(instance, task, asked, allowed_s, facts, again=again))
            return rows[-1]

        spec = self.plan.specs[task.solver]
        return pursue(task.targets, spec, self.suite.time_limit_s, attempt)

    def _may_repeat(self, rows: list[Record]) -> bool:
        # At once, so once: what disturbs the machine now is not over yet.
        return self.suite.rerun_disturbed and only_disturbed(rows, 1)

    def _found(
        self, instance: Instance, task: Task, options: SolveOptions, attempt: int = 0
    ) -> list[Record]:
        """Measurements in the results file that make this one needless."""
        spec = self.plan.specs[task.solver]
        _, asked = require_solver(task.solver, options, self.adapter)
        own = elsewhere_of(spec, self.surroundings)
        versions = package_versions(spec.packages) if own is None else own.packages
        wanted = {
            name: versions[name] for name in ("planbench", *spec.packages) if name in versions
        }
        key = measurement_key(instance.sha256, task.solver, asked)
        return self.done.find(key, task.cell.group, task.repeat, wanted, task.targets, attempt)

    def _run(
        self,
        instance: Instance,
        task: Task,
        options: SolveOptions,
        limit_s: float,
        facts: Callable[[Record], AccuracyFacts] | None = None,
        *,
        again: bool = False,
    ) -> Record:
        """Make one measurement and write it down; one made again has been counted already."""
        cell, solver, repeat = task.cell, task.solver, task.repeat
        self._warm_up(cell, solver)
        self.tell("start", cell, solver, repeat)
        start = self.clock()

        def solve() -> Record:
            return solve_once(
                instance,
                solver,
                options,
                time_limit_s=limit_s,
                memory_limit_bytes=self.memory_limit,
                polish=self.suite.polish,
                cache=self.cache,
                adapter=self.adapter,
                surroundings=self.surroundings,
                suite=self.suite.name,
                group=cell.group,
                repeat=repeat,
                progress=lambda phase: self.tell("phase", cell, solver, repeat, phase),
            ).record

        record = solve()
        if solver in self.cold and record.ended != "refused":
            # The warm-up was refused, so this was the first real run: it warms up for the next.
            self.cold.discard(solver)
            if (record.wall_s or limit_s) < min(WARM_UP_S, limit_s):
                record = solve()
        record = record.model_copy(update={"variable": cell.variable, "value": cell.value})
        if facts is not None:
            record = record.model_copy(update={"accuracy": facts(record)})
        self.store.append(record)
        self.done.add(record)
        self.measured += 1
        self.spent_s += self.clock() - start
        self._settle(task, record, skipped=False, again=again)
        return record

    def _settle(self, task: Task, record: Record, *, skipped: bool, again: bool = False) -> None:
        """Count and tell what has come of (one try of) a task."""
        self.skipped += skipped
        self.settled += not again and (record.accuracy is None or bool(record.accuracy.end))
        kind: EventKind = "skipped" if skipped else "done"
        message = AGAIN if again else ""
        self.tell(kind, task.cell, task.solver, task.repeat, message, record=record)

    def _warm_up(self, cell: Cell, solver: str) -> None:
        """Run `solver` once unrecorded on the smallest instance, so that its files are cached."""
        if solver in self.warm or not self.suite.warm_up:
            return
        self.warm.add(solver)
        self.tell("warm-up", cell, solver)
        outcome = solve_once(
            self.instance(Cell("", self.warm_up_on or cell.instance, ())),
            solver,
            self.suite.options.to_solve_options(),
            time_limit_s=min(WARM_UP_S, self.suite.time_limit_s),
            memory_limit_bytes=self.memory_limit,
            polish=False,
            cache=self.cache,
            adapter=self.adapter,
            surroundings=self.surroundings,
        )
        if outcome.record.ended == "refused":
            self.cold.add(solver)


def only_disturbed(rows: list[Record], reruns: int = MOST_RERUNS) -> bool:
    """Whether a measurement was only ever made disturbed, and not too often to try again."""
    return 0 < len(rows) <= reruns and all(
        row.disturbed and row.ended in MAY_BE_DISTURBED for row in rows
    )


def bytes_of(instance: Instance) -> int:
    """Bytes of the arrays of `instance`."""
    return instance.economy.nbytes if instance.economy is not None else instance.lp.nbytes
