"""A comparison of two sides while it goes on: its runs, their order, and what was made before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from planbench.bench.prepared import InstanceCache, measurement_key
from planbench.bench.session import KEEP_BYTES, WARM_UP_S, Load, bytes_of
from planbench.bench.single import Elsewhere, Surroundings, require_solver, solve_once
from planbench.catalogue.instance import Instance
from planbench.comparison.ab_judge import Case, CaseVerdict, Pair, is_settled, judge_case
from planbench.comparison.ab_settings import Control, Settings
from planbench.comparison.environments import WORKER_PACKAGES, environment_for, installed_here
from planbench.comparison.sides import Side, packages_under_test
from planbench.errors import InputError
from planbench.measure.job import resolve_solver
from planbench.measure.machine import package_versions
from planbench.records.schema import AB, SIDE, Record
from planbench.records.store import RecordStore
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import distributions, uses
from planbench.stats.sequential import Schedule

#: Called with what goes on, pairs made, pairs foreseen at most, and the seconds of budget left.
Progress = Callable[[str, int, int, float], None]


def told_apart(a: str, b: str) -> tuple[str, str]:
    """Names of two sides, also when they are the same side twice."""
    return (f"{a} (a)", f"{b} (b)") if a == b else (a, b)


@dataclass(frozen=True)
class Prepared:
    """One side, ready to run.

    Attributes
    ----------
    side : Side
    letter : {"a", "b"}
    elsewhere : Elsewhere or None
        Its environment; None for planbench's own.
    packages : mapping of str to str
        Versions, as its records state them.
    contents : mapping of str to (str, str)
        Version, and hash of the files, of all that its solvers run on.
    """

    side: Side
    letter: str
    elsewhere: Elsewhere | None
    packages: dict[str, str]
    contents: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def environment(self) -> str:
        """Name of its environment in records; empty for planbench's own."""
        return self.elsewhere.name if self.elsewhere is not None else ""

    def solver(self, case: Case) -> str:
        """Return the solver it runs for `case`."""
        return self.side.solver or case.solver


def prepare_side(
    side: Side,
    letter: str,
    cases: Sequence[Case],
    settings: Settings,
    progress: Progress | None,
    cache: Path | None,
) -> Prepared:
    """Check what `side` asks for, and build its environment."""
    packages: dict[str, None] = {}
    needed = set(WORKER_PACKAGES)
    options = side.options(settings.options)
    for case in cases:
        solver = side.solver or case.solver
        spec, _ = require_solver(solver, options, settings.adapter, here=not side.is_elsewhere)
        packages.update(dict.fromkeys(distributions(spec)))
        needed |= uses(spec)
    if not side.is_elsewhere:
        return Prepared(side, letter, None, package_versions(packages), installed_here(needed))
    if progress is not None:
        progress(f"environment of {side.text}", 0, 0, settings.budget_s)
    elsewhere = environment_for(side, packages, cache=cache)
    contents = {
        name: (elsewhere.packages[name], files)
        for name, files in elsewhere.files.items()
        if name in needed
    }
    return Prepared(side, letter, elsewhere, dict(elsewhere.packages), contents)


def check_differ(
    a: Prepared, b: Prepared, cases: Sequence[Case], settings: Settings, commit: str | None
) -> None:
    """Refuse two sides that run the same: options, solvers, planbench, and files of packages.

    Parameters
    ----------
    a, b : Prepared
    cases : sequence of Case
    settings : Settings
    commit : str or None
        Of the planbench that runs here.

    Raises
    ------
    InputError
        Says what is the same.
    """
    if a.side.options(settings.options) != b.side.options(settings.options):
        return
    if any(a.solver(case) != b.solver(case) for case in cases):
        return
    # Where neither side is a commit, the code is that of this folder on both.
    if (a.side.ref or b.side.ref) and _commit(a, commit) != _commit(b, commit):
        return
    for name in a.contents.keys() | b.contents.keys():
        one, other = a.contents.get(name), b.contents.get(name)
        if one != other:
            return
        if one is not None and not one[1] and a.environment != b.environment:
            return  # not known to be the same
    named = packages_under_test([a.side, b.side])
    what = ", ".join(f"{name} {b.packages[name]}" for name in named) or b.environment
    raise InputError(
        f"{a.side.text} and {b.side.text} are the same{': ' + what if what else ''}, with the "
        "same options; there is nothing to compare",
        where="ab",
    )


def _commit(side: Prepared, here: str | None) -> str | None:
    return side.elsewhere.commit if side.elsewhere is not None else here


def differing_versions(a: Prepared, b: Prepared) -> tuple[dict[str, str], dict[str, str]]:
    """Versions of the packages both sides have, where they differ."""
    names = [n for n in a.packages.keys() & b.packages if a.packages[n] != b.packages[n]]
    return {n: a.packages[n] for n in sorted(names)}, {n: b.packages[n] for n in sorted(names)}


@dataclass
class Run:
    """A comparison while it goes on."""

    sides: tuple[Prepared, ...]
    cases: tuple[Case, ...]
    settings: Settings
    schedule: Schedule
    store: RecordStore
    surroundings: Surroundings
    cache: InstanceCache
    load: Load
    progress: Progress | None
    clock: Callable[[], float]
    began: float
    made: int = 0
    found: int = 0
    budget_spent: bool = False
    pairs: dict[Case, list[Pair]] = field(default_factory=dict)
    controls: dict[Case, list[Pair]] = field(default_factory=dict)
    next_repeat: dict[Case, int] = field(default_factory=dict)
    kept: dict[str, Instance] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """What the rows of this comparison have in common."""
        return " vs ".join(s.side.text for s in self.sides)

    def control_group(self, case: Case) -> str:
        """Return the group of the control's rows beside the runs of `case`."""
        return f"control of {self.group}: {case.solver} on {case.instance}"

    def judge(self, case: Case) -> CaseVerdict:
        """Judge the pairs of `case` made so far."""
        names = [s.side.text for s in self.sides]
        specs = [resolve_solver(s.solver(case), self.settings.adapter)[0] for s in self.sides]
        return judge_case(
            case,
            self.pairs[case],
            self.controls[case],
            self.schedule,
            measure=self.settings.measure,
            exact=all(spec.exact for spec in specs),
            names=told_apart(names[0], names[1]),
        )

    def go(self) -> None:
        """Run pairs until every case is settled or the budget is spent."""
        for case in self.cases:
            self.instance(case.instance)  # a bad name must not show after an hour
            self._find(case)
        order = {
            case: np.random.default_rng(np.random.SeedSequence([self.settings.seed, number]))
            for number, case in enumerate(self.cases)
        }
        open_cases = [c for c in self.cases if not is_settled(self.judge(c), self.schedule)]
        if open_cases and self.settings.warm_up:
            self._warm_up(open_cases)
        while open_cases:
            for case in list(open_cases):
                first = int(order[case].integers(2))
                for start in (first, 1 - first):
                    if self._over():
                        self.budget_spent = True
                        return
                    self._pair(case, start)
                    if is_settled(self.judge(case), self.schedule):
                        open_cases.remove(case)
                        break

    def _over(self) -> bool:
        return self.clock() - self.began >= self.settings.budget_s

    def instance(self, name: str) -> Instance:
        """Return the instance called `name`, made or loaded unless it is still at hand."""
        found = self.kept.pop(name, None)
        if found is None:
            self._tell(f"preparing {name}")
            found = self.load(name)
        self.kept[name] = found
        while sum(bytes_of(i) for i in self.kept.values()) > KEEP_BYTES and len(self.kept) > 1:
            self.cache.drop(self.kept.pop(next(iter(self.kept))))
        return found

    def _tell(self, what: str) -> None:
        if self.progress is not None:
            left = self.settings.budget_s - (self.clock() - self.began)
            most = self.schedule.most_pairs * len(self.cases)
            self.progress(what, self.made + self.found, most, max(0.0, left))

    def _pair(self, case: Case, start: int) -> None:
        """Run one pair of `case` with its control, side `start` first."""
        repeat = self.next_repeat[case]
        rows: dict[int, Record] = {}
        beside: dict[int, Record] = {}
        control = self.settings.control
        for which in (start, 1 - start):
            side = self.sides[which]
            rows[which] = self._solve(
                case.instance,
                side.solver(case),
                side.side.options(self.settings.options),
                side,
                self.group,
                repeat,
            )
            if control is not None:
                beside[which] = self._solve(
                    control.instance,
                    control.solver,
                    SolveOptions(),
                    side,
                    self.control_group(case),
                    repeat,
                    here=True,
                )
        self.pairs[case].append(Pair(rows[0], rows[1]))
        if beside:
            self.controls[case].append(Pair(beside[0], beside[1]))
        self.next_repeat[case] = repeat + 1
        self.made += 1

    def _solve(
        self,
        instance: str,
        solver: str,
        options: SolveOptions,
        side: Prepared,
        group: str,
        repeat: int,
        *,
        here: bool = False,
    ) -> Record:
        what = f"{side.side.text}: {solver} on {instance}" if not here else "control"
        self._tell(what)
        record = solve_once(
            self.instance(instance),
            solver,
            options,
            time_limit_s=self.settings.time_limit_s,
            memory_limit_bytes=self.settings.memory_limit_bytes,
            polish=False,
            cache=self.cache,
            adapter=None if here else self.settings.adapter,
            surroundings=self.surroundings,
            elsewhere=None if here else side.elsewhere,
            suite=AB,
            group=group,
            repeat=repeat,
        ).record.model_copy(update={"variable": SIDE, "value": side.letter})
        self.store.append(record)
        return record

    def _warm_up(self, cases: Sequence[Case]) -> None:
        """Run each solver of either side once, unrecorded, so that its files are cached."""
        small = (self.settings.control or Control()).instance
        runs = [
            (side.elsewhere, side.side.options(self.settings.options), solver)
            for side in self.sides
            for solver in dict.fromkeys(side.solver(case) for case in cases)
        ]
        for elsewhere, options, solver in runs:
            self._tell(f"warming up {solver}")
            solve_once(
                self.instance(small),
                solver,
                options,
                time_limit_s=min(WARM_UP_S, self.settings.time_limit_s),
                memory_limit_bytes=self.settings.memory_limit_bytes,
                polish=False,
                cache=self.cache,
                adapter=self.settings.adapter,
                surroundings=self.surroundings,
                elsewhere=elsewhere,
            )

    # -- what the results file holds already -------------------------------------------------

    def _find(self, case: Case) -> None:
        """Take over the pairs of `case` that an earlier run of this comparison completed."""
        self.pairs[case], self.controls[case] = [], []
        mine = self._rows(self.group, case, None)
        self.next_repeat[case] = 1 + max((r.repeat for r in mine), default=-1)
        if not self.settings.resume:
            return
        self.pairs[case] = _complete(mine)
        self.found += len(self.pairs[case])
        if self.settings.control is not None and self.pairs[case]:
            kept = {p.a.repeat for p in self.pairs[case]}
            beside = self._rows(self.control_group(case), case, self.settings.control)
            self.controls[case] = [p for p in _complete(beside) if p.a.repeat in kept]

    def _rows(self, group: str, case: Case, control: Control | None) -> list[Record]:
        """Rows of this machine that measured the same with the same versions."""
        rows = [
            r
            for r in self.store.records
            if r.suite == AB
            and r.group == group
            and r.machine.get("id") == self.surroundings.machine["id"]
        ]
        if not rows:
            return []
        keys: dict[str, str] = {}
        for side in self.sides:
            if control is not None:
                name, solver, options = control.instance, control.solver, SolveOptions()
            else:
                name, solver = case.instance, side.solver(case)
                options = side.side.options(self.settings.options)
            _, asked = require_solver(solver, options, self.settings.adapter, here=False)
            keys[side.letter] = measurement_key(self.instance(name).sha256, solver, asked)
        return [
            r
            for r in rows
            if keys.get(str(r.value)) == r.key and (control is not None or self._same_versions(r))
        ]

    def _same_versions(self, row: Record) -> bool:
        side = next(s for s in self.sides if s.letter == row.value)
        limited = row.ended == "timeout" and (row.time_limit_s or 0) < self.settings.time_limit_s
        return (
            row.environment == side.environment
            and not limited
            and row.ended != "killed"
            and all(row.packages.get(n) == v for n, v in side.packages.items())
            and self._same_code(row, side)
        )

    def _same_code(self, row: Record, side: Prepared) -> bool:
        """Where planbench itself is compared: a row made by the code that `side` stands for now.

        Uncommitted code may have changed since, and nothing would tell.
        """
        if all(s.side.ref is None for s in self.sides):
            return True
        now = side.elsewhere.commit if side.elsewhere is not None else self.surroundings.commit
        return row.commit == now and not (now or "").endswith("-dirty")


def _complete(rows: Sequence[Record]) -> list[Pair]:
    """Pairs of which both runs are there, in the order they were made."""
    by_repeat: dict[int, dict[str, Record]] = {}
    for row in rows:
        by_repeat.setdefault(row.repeat, {})[str(row.value)] = row
    return [
        Pair(found["a"], found["b"])
        for _, found in sorted(by_repeat.items())
        if found.keys() >= {"a", "b"}
    ]
