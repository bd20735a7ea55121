"""Run a suite: every measurement in a process of its own, each row written as it completes.

The order spends the budget on breadth: first everything once (the instances, then one ladder
after the other, as the suite lists them), then repeats of what was short, last what was
measured while the machine was disturbed. Within one instance the order of the solvers is
shuffled, reproducibly, so that no solver always runs after the same other one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from planbench.bench.events import Event, EventKind, RunSummary
from planbench.bench.ladder import Climb
from planbench.bench.plan import Cell, Plan, plan_suite, shuffled
from planbench.bench.prepared import InstanceCache, measurement_key
from planbench.bench.resume import Done
from planbench.bench.single import (
    Surroundings,
    require_solver,
    solve_once,
    survey,
)
from planbench.bench.suite import Suite
from planbench.catalogue.instance import Instance
from planbench.errors import PlanbenchError
from planbench.measure.machine import package_versions
from planbench.measure.memory import total_memory
from planbench.records.not_run import NotRun, write_not_run
from planbench.records.schema import Record
from planbench.records.store import RecordStore

#: Instances up to so many bytes together are kept in memory between rounds.
KEEP_BYTES = 256 << 20
#: Seconds a warm-up may take; it is not recorded.
WARM_UP_S = 5.0

Load = Callable[[str], Instance]


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
        tempfile.TemporaryDirectory(prefix="planbench-", ignore_cleanup_errors=True) as folder,
    ):
        session = _Session(
            suite=suite,
            plan=plan,
            store=store,
            surroundings=surroundings,
            memory_limit=memory_limit,
            cache=InstanceCache(Path(folder)),
            load=load or _from_catalogue,
            adapter=adapter,
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
        try:
            _run_rounds(session)
        except KeyboardInterrupt:
            session.note_interrupt()
            raise
        finally:
            write_not_run(store.path, session.left_out)
        return RunSummary(
            store=store.path,
            measured=session.measured,
            skipped=session.skipped,
            left_out=tuple(session.left_out),
            budget_spent=session.budget_spent,
            elapsed_s=clock() - session.began,
            repaired=store.repaired,
        )


def _from_catalogue(name: str) -> Instance:
    from planbench.catalogue.resolve import load_instance

    return load_instance(name)


@dataclass
class _Session:
    """One run of a suite while it goes on."""

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
    warm_up_on: str = ""
    queue: list[tuple[Cell, str, int]] = field(default_factory=list)

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
        open_runs = max(0, self.foreseen - self.settled)
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

    def instance(self, cell: Cell) -> Instance:
        """Return the instance of `cell`, made or loaded unless it is still at hand."""
        found = self.kept.get(cell.instance)
        if found is None:
            self.tell("prepare", cell)
            found = self.load(cell.instance)
            self.kept[cell.instance] = found
            while sum(_bytes(i) for i in self.kept.values()) > KEEP_BYTES and len(self.kept) > 1:
                oldest = next(name for name in self.kept if name != cell.instance)
                del self.kept[oldest]
        return found

    def leave_out(self, cell: Cell, solver: str, repeat: int, reason: str) -> None:
        """Note that something is not measured, and why."""
        self.settled += 1
        self.left_out.append(
            NotRun(self.suite.name, cell.group, cell.instance, solver, repeat, reason)
        )
        self.tell("left-out", cell, solver, repeat, reason)

    def note_interrupt(self) -> None:
        """Note everything still to be done as left out by an interrupt."""
        for cell, solver, repeat in self.queue:
            if not self.done.knows(cell.instance, solver, cell.group, repeat):
                self.leave_out(cell, solver, repeat, "interrupted")

    def measure(self, cell: Cell, solver: str, repeat: int, *, again: bool = False) -> list[Record]:
        """Make one measurement unless it was made before.

        Returns
        -------
        list of Record
            Everything known of it, oldest first; empty when it was left out.
        """
        if self.clock() - self.began >= self.budget_s:
            if not again and not self.done.knows(cell.instance, solver, cell.group, repeat):
                self.budget_spent = True
                self.leave_out(cell, solver, repeat, f"budget of {self.budget_s:g} s spent")
            return []
        try:
            instance = self.instance(cell)
        except PlanbenchError as error:
            self.leave_out(cell, solver, repeat, str(error))
            return []
        spec = self.plan.specs[solver]
        options = self.suite.options.to_solve_options()
        _, asked = require_solver(solver, options, self.adapter)
        key = measurement_key(instance.sha256, solver, asked)
        versions = package_versions(spec.packages)
        wanted = {
            name: versions[name] for name in ("planbench", *spec.packages) if name in versions
        }
        found = self.done.find(key, cell.group, repeat, wanted)
        if found and not again:
            self.settled += 1
            self.skipped += 1
            self.tell("skipped", cell, solver, repeat, record=found[-1])
            return found
        self._warm_up(cell, solver)
        self.tell("start", cell, solver, repeat)
        start = self.clock()
        outcome = solve_once(
            instance,
            solver,
            options,
            time_limit_s=self.suite.time_limit_s,
            memory_limit_bytes=self.memory_limit,
            polish=self.suite.polish,
            cache=self.cache,
            adapter=self.adapter,
            surroundings=self.surroundings,
            suite=self.suite.name,
            group=cell.group,
            repeat=repeat,
            progress=lambda phase: self.tell("phase", cell, solver, repeat, phase),
        )
        self.store.append(outcome.record)
        self.done.add(outcome.record)
        self.measured += 1
        self.settled += 1
        self.spent_s += self.clock() - start
        self.tell("done", cell, solver, repeat, record=outcome.record)
        return [*found, outcome.record]

    def _warm_up(self, cell: Cell, solver: str) -> None:
        """Run `solver` once unrecorded on the smallest instance, so that its files are cached."""
        if solver in self.warm:
            return
        self.warm.add(solver)
        self.tell("warm-up", cell, solver)
        solve_once(
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


def _bytes(instance: Instance) -> int:
    return instance.economy.nbytes if instance.economy is not None else instance.lp.nbytes


def _run_rounds(session: _Session) -> None:
    """Everything once, then repeats of what was short, then what was disturbed."""
    suite, cells = session.suite, session.plan.cells
    _check_instances(session)
    climbs: dict[str, Climb] = {}
    first: dict[tuple[Cell, str], list[Record]] = {}
    session.queue = [(c, s, 0) for c in cells for s in shuffled(suite.name, c, 0)]
    session.foreseen = len(session.queue)
    while session.queue:
        cell, solver, _ = session.queue[0]
        climb = climbs.setdefault(cell.group, Climb()) if cell.group else Climb()
        if solver in climb.stopped:
            session.leave_out(cell, solver, 0, climb.stopped[solver])
        elif found := session.measure(cell, solver, 0):
            first[cell, solver] = found
            climb.note(found[-1])
        session.queue.pop(0)
    every: list[tuple[Cell, str, int, list[Record]]] = []
    session.queue = [
        (cell, solver, repeat)
        for repeat in range(1, suite.repeats)
        for cell in cells
        for solver in shuffled(suite.name, cell, repeat)
        if _is_short(first.get((cell, solver)), suite)
    ]
    session.foreseen = session.settled + len(session.queue)
    while session.queue:
        cell, solver, repeat = session.queue[0]
        every.append((cell, solver, repeat, session.measure(cell, solver, repeat)))
        session.queue.pop(0)
    if suite.rerun_disturbed:
        every += [(cell, solver, 0, records) for (cell, solver), records in first.items()]
        disturbed = [
            (cell, solver, repeat)
            for cell, solver, repeat, records in every
            if len(records) == 1 and records[0].disturbed and records[0].ended == "ok"
        ]
        session.foreseen = session.settled + len(disturbed)
        session.queue = list(disturbed)
        while session.queue:
            cell, solver, repeat = session.queue[0]
            session.measure(cell, solver, repeat, again=True)
            session.queue.pop(0)


def _is_short(records: list[Record] | None, suite: Suite) -> bool:
    if not records:
        return False
    record = records[-1]
    return (
        record.ended == "ok" and record.wall_s is not None and record.wall_s < suite.repeat_below_s
    )


def _check_instances(session: _Session) -> None:
    """Load what is named and the foot of each ladder, so that a bad name fails at once."""
    seen_groups: set[str] = set()
    smallest: tuple[int, str] | None = None
    for cell in session.plan.cells:
        if cell.group and cell.group in seen_groups:
            continue
        seen_groups.add(cell.group)
        size = _bytes(session.instance(cell))
        if smallest is None or size < smallest[0]:
            smallest = (size, cell.instance)
    session.warm_up_on = smallest[1] if smallest else ""
