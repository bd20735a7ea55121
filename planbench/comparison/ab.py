"""Which of two sides is slower, and how sure is it: interleaved runs on the same instances.

Runs come in blocks A B B A, so that a drift of the machine falls on both sides alike. Next to
each run a control runs that is the same on both sides, so that trouble of the machine can be
distinguished from a change. Instances take turns. Each stops at the first look at which its
verdict is clear; the others go on until their looks or the budget are spent. Every run is a row
of the results file, and a comparison that was interrupted carries on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import geometric_mean
from time import monotonic
from typing import Any

import numpy as np

import planbench.formatting as fmt
from planbench.bench.request import (
    Conditions,
    InstanceCache,
    Load,
    Place,
    Request,
    WorkerEnvironment,
    make_request,
)
from planbench.bench.runner import still_counts, warm_up
from planbench.bench.single import solve_once
from planbench.catalogue.resolve import load_instance
from planbench.comparison.findings import Comparison, Obstacle, in_order, sentence, summary
from planbench.comparison.match import Pair, pairs_of
from planbench.comparison.paired import (
    Measurement,
    PairedResult,
    is_decided,
    judge_case,
)
from planbench.comparison.sides import Side, check_use, environment_for, packages_under_test
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.scratch import scratch_folder
from planbench.measure.machine import describe_machine, git_commit, package_versions
from planbench.records.schema import AB, SIDE, Record
from planbench.records.store import RecordStore
from planbench.solvers.base import SolveOptions
from planbench.solvers.environments import WORKER_PACKAGES, installed_here
from planbench.solvers.registry import (
    choose_solver,
    distributions,
    find_solver,
    uses,
    why_not_here,
)
from planbench.stats.paired import PairedRatio, Schedule


@dataclass(frozen=True)
class PairedComparison:
    """What became of a comparison.

    Attributes
    ----------
    a, b : str
        Names of the sides, as typed.
    environments : tuple of (str, str)
        Their environments, commits in full; empty for planbench's own.
    versions : tuple of (mapping, mapping)
        Packages of either side that differ.
    settings : Settings
    results : tuple of PairedResult
        In the order of the cases.
    pairs_made, pairs_found : int
        Pairs run now, and pairs that were in the results file.
    elapsed_s : float
    budget_spent : bool
    store : Path
    repaired : str or None
        What was repaired in the results file.
    """

    a: str
    b: str
    environments: tuple[str, str]
    versions: tuple[dict[str, str], ...]
    settings: Settings
    results: tuple[PairedResult, ...]
    pairs_made: int
    pairs_found: int
    elapsed_s: float
    budget_spent: bool
    store: Path
    repaired: str | None

    @property
    def comparison(self) -> Comparison:
        """Give it as every comparison is given; what is undecided is an obstacle."""
        run = [result for result in self.results if result.pairs]
        findings = in_order([f for r in run for f in (*r.faults, r.finding)])
        undecided = [f"{f.where}: {f.note}" for f in findings if f.verdict == "unclear"]
        left = len(self.results) - len(run)
        if left:
            undecided.append(
                f"{plural(left, 'measurement')} not run within the budget; raise it with --budget"
            )
        return Comparison(
            findings,
            tuple(Obstacle(None, line) for line in undecided),
            tuple(f"{r.finding.where}: {line}" for r in run for line in r.remarks),
            sum(r.layer == "time" or r.verdict != "unclear" for r in run),
            "a",
            "b",
            self.about,
        )

    @property
    def mean_ratio(self) -> float | None:
        """Geometric mean of the ratios; None without any."""
        ratios = [found.ratio.ratio for found in self.results if found.ratio is not None]
        return geometric_mean(ratios) if ratios else None

    @property
    def about(self) -> tuple[str, ...]:
        """What the sides are and run on, how sure the verdicts are, and what was spent on them."""
        lines = []
        for letter, text, where, versions in zip(
            "ab", (self.a, self.b), self.environments, self.versions, strict=True
        ):
            installed = where or ", ".join(f"{n} {v}" for n, v in sorted(versions.items()))
            same = installed in ("", text)
            lines.append(f"{letter}: {text}" + ("" if same else f" = {installed}"))
        if (mean := self.mean_ratio) and len(self.results) > 1:
            lines.append(f"Geometric mean of all ratios: {mean:.2f}×.")
        found_too = f", {self.pairs_found} were there already" if self.pairs_found else ""
        lines.append(
            "Interleaved pairs of runs, b over a; at "
            f"{100 * self.settings.schedule.confidence:g} % confidence no verdict is wrong. "
            f"{plural(self.pairs_made, 'pair')} run{found_too}, {fmt.seconds(self.elapsed_s)}."
        )
        return tuple(lines)

    @property
    def exit_code(self) -> int:
        """0: nowhere slower; 1: slower, worse or other answers; 2: not decided somewhere."""
        return self.comparison.exit_code


def compare_sides(
    a: Side,
    b: Side,
    cases: Sequence[Measurement],
    store_path: Path,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
    load: Load | None = None,
    clock: Callable[[], float] = monotonic,
) -> PairedComparison:
    """Compare side `b` with side `a`.

    Parameters
    ----------
    a, b : Side
        Baseline and candidate.
    cases : sequence of Measurement
    store_path : Path
        Results file, ``.jsonl``; created or carried on.
    settings : Settings, optional
    progress : callable, optional
    load : callable, optional
        Turns an instance's name into the instance; by default the catalogue does.
    clock : callable, optional
        Seconds, for the budget.

    Returns
    -------
    PairedComparison

    Raises
    ------
    InputError
        No cases, an unknown solver or instance, a side that cannot be installed, a
        solver that uses no package under test, or sides between which nothing differs.
    PlanbenchError
        The results file or the cache cannot be written, or no package index answers.
    KeyboardInterrupt
        After the run going on has been killed; every completed row is in the file.
    """
    settings = settings or Settings()
    if not cases:
        raise InputError("names no instance; give at least one, or --suite", where="ab")
    check_use([a, b], list(dict.fromkeys(case.solver for case in cases)))
    sides = tuple(
        prepare_side(side, letter, cases, settings, progress)
        for side, letter in ((a, "a"), (b, "b"))
    )
    if not settings.may_be_same:
        check_differ(sides[0], sides[1], cases, settings, git_commit())
    versions = [side.packages for side in sides]
    both = sorted(versions[0].keys() & versions[1])
    differing = [name for name in both if versions[0][name] != versions[1][name]]
    with RecordStore(Path(store_path)) as store, scratch_folder() as folder:
        cache = InstanceCache(folder, load or load_instance)
        run = Runner(sides, tuple(cases), settings, store, cache, progress, clock, clock())
        run.go()
        return PairedComparison(
            a=a.text,
            b=b.text,
            environments=(sides[0].environment, sides[1].environment),
            versions=tuple({n: v[n] for n in differing} for v in versions),
            settings=settings,
            results=tuple(run.judge(case) for case in cases),
            pairs_made=run.made,
            pairs_found=run.found,
            elapsed_s=clock() - run.began,
            budget_spent=run.budget_spent,
            store=store.path,
            repaired=store.repaired,
        )


#: Runs unchanged with either side, in planbench's own environment; a few tenths of a second.
CONTROL = Measurement(
    "gen:goods=500,inputs=8,techniques=2,resources=4,seed=7", solver="scipy-highs-ds"
)


@dataclass(frozen=True)
class Settings:
    """How a comparison is made.

    Attributes
    ----------
    options : SolveOptions
        Of both sides.
    schedule : Schedule
        ``comparisons`` is set to the number of cases.
    measure : {"time", "cpu", "passes"}
        See :data:`planbench.comparison.paired.MEASURES`.
    time_limit_s : float
    memory_limit_bytes : int
    budget_s : float
        No pair begins after so many seconds.
    control : Measurement or None
        Run along with each run, the same on both sides.
    seed : int
        Of the order in which the sides begin.
    resume : bool
        Count the pairs that the results file holds already.
    warm_up : bool
        Run each side once unrecorded at first.
    may_be_same : bool
        Compare even sides between which nothing differs, to see the noise.
    cache : Path or None
        Folder of the environments; None for the user's.
    """

    options: SolveOptions = field(default_factory=SolveOptions)
    schedule: Schedule = field(default_factory=Schedule)
    measure: str = "time"
    time_limit_s: float = 60.0
    memory_limit_bytes: int = 4 << 30
    budget_s: float = 600.0
    control: Measurement | None = CONTROL
    seed: int = 0
    resume: bool = True
    warm_up: bool = True
    may_be_same: bool = False
    cache: Path | None = None


#: Called with what goes on, pairs made, pairs foreseen at most, and the seconds of budget left.
Progress = Callable[[str, int, int, float], None]


@dataclass(frozen=True)
class Prepared:
    """One side, ready to run.

    Attributes
    ----------
    side : Side
    letter : {"a", "b"}
    worker : WorkerEnvironment or None
        Its environment; None for planbench's own.
    packages : mapping of str to str
        Versions, as its records state them.
    contents : mapping of str to (str, str)
        Version, and hash of the files, of all that its solvers run on.
    """

    side: Side
    letter: str
    worker: WorkerEnvironment | None
    packages: dict[str, str]
    contents: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def environment(self) -> str:
        """Name of its environment in records; empty for planbench's own."""
        return self.worker.name if self.worker is not None else ""

    def solver(self, case: Measurement) -> str:
        """Return the solver it runs for `case`."""
        return self.side.solver or case.solver


def prepare_side(
    side: Side,
    letter: str,
    cases: Sequence[Measurement],
    settings: Settings,
    progress: Progress | None,
) -> Prepared:
    """Check what `side` asks for, and build its environment."""
    packages: dict[str, None] = {}
    needed = set(WORKER_PACKAGES)
    options = side.options(settings.options)
    for case in cases:
        solver = side.solver or case.solver
        chosen = find_solver(solver) if side.is_elsewhere else choose_solver(solver)
        chosen.options(options)
        spec = chosen.spec
        if spec.environment and not side.packages and why_not_here(spec) is not None:
            # Only with packages named does a side stand for versions that rows are matched by.
            raise InputError(
                f"{spec.name} runs in an environment of its own; name its packages on both sides, "
                f"as {','.join(spec.environment)}",
                where=f"side {side.text}",
            )
        packages.update(dict.fromkeys(distributions(spec)))
        needed |= uses(spec)
    if not side.is_elsewhere:
        return Prepared(side, letter, None, package_versions(packages), installed_here(needed))
    if progress is not None:
        progress(f"environment of {side.text}", 0, 0, settings.budget_s)
    environment = environment_for(side, packages, cache=settings.cache)
    contents = {
        name: (environment.packages[name], files)
        for name, files in environment.files.items()
        if name in needed
    }
    return Prepared(side, letter, environment, dict(environment.packages), contents)


def check_differ(
    a: Prepared, b: Prepared, cases: Sequence[Measurement], settings: Settings, commit: str | None
) -> None:
    """Refuse two sides that run the same: options, solvers, planbench, and files of packages.

    Parameters
    ----------
    a, b : Prepared
    cases : sequence of Measurement
    settings : Settings
    commit : str or None
        Of the planbench that runs here.

    Raises
    ------
    InputError
        Says what is the same.
    """
    if (
        a.side.options(settings.options) != b.side.options(settings.options)
        or any(a.solver(case) != b.solver(case) for case in cases)
        or a.contents != b.contents
        # Where neither side is a commit, the code is that of this folder on both.
        or ((a.side.ref or b.side.ref) and _commit(a, commit) != _commit(b, commit))
        # What has no hash is not known to be the same.
        or (a.environment != b.environment and not all(h for _, h in a.contents.values()))
    ):
        return
    named = packages_under_test([a.side, b.side])
    what = ", ".join(f"{name} {b.packages[name]}" for name in named) or b.environment
    raise InputError(
        f"{a.side.text} and {b.side.text} are the same{': ' + what if what else ''}, with the "
        "same options; there is nothing to compare",
        where="ab",
    )


def _commit(side: Prepared, here: str | None) -> str | None:
    return side.worker.commit if side.worker is not None else here


@dataclass
class Runner:
    """A comparison while it goes on."""

    sides: tuple[Prepared, ...]
    cases: tuple[Measurement, ...]
    settings: Settings
    store: RecordStore
    cache: InstanceCache
    progress: Progress | None
    clock: Callable[[], float]
    began: float
    made: int = 0
    found: int = 0
    budget_spent: bool = False
    pairs: dict[Measurement, list[Pair]] = field(default_factory=dict)
    controls: dict[Measurement, list[Pair]] = field(default_factory=dict)
    next_repeat: dict[Measurement, int] = field(default_factory=dict)

    @property
    def schedule(self) -> Schedule:
        """Schedule of looks, whose error all cases share."""
        return replace(self.settings.schedule, comparisons=len(self.cases))

    def judge(self, case: Measurement) -> PairedResult:
        """Judge the pairs of `case` made so far."""
        a, b = (s.side.text for s in self.sides)
        solvers = [s.solver(case) for s in self.sides]
        return judge_case(
            replace(case, solver=" / ".join(dict.fromkeys(solvers))),
            self.pairs[case],
            self.controls[case],
            self.schedule,
            measure=self.settings.measure,
            names=(f"{a} (a)", f"{b} (b)") if a == b else (a, b),
        )

    def go(self) -> None:
        """Run pairs until every case is decided or the budget is spent."""
        for case in self.cases:
            self.cache.instance(case.instance, self._send)  # a bad name must not show after an hour
            self._find(case)
        order = {
            case: np.random.default_rng(np.random.SeedSequence([self.settings.seed, number]))
            for number, case in enumerate(self.cases)
        }
        open_cases = [c for c in self.cases if not is_decided(self.judge(c), self.schedule)]
        if open_cases and self.settings.warm_up:
            self._warm_up(open_cases)
        while open_cases:
            for case in list(open_cases):
                first = int(order[case].integers(2))
                for start in (first, 1 - first):
                    if self.clock() - self.began >= self.settings.budget_s:
                        self.budget_spent = True
                        return
                    self._pair(case, start)
                    if is_decided(self.judge(case), self.schedule):
                        open_cases.remove(case)
                        break

    def _send(self, what: str) -> None:
        if self.progress is not None:
            left = self.settings.budget_s - (self.clock() - self.began)
            most = self.schedule.most_pairs * len(self.cases)
            self.progress(what, self.made + self.found, most, max(0.0, left))

    def _request(
        self, case: Measurement, side: Prepared, control: Measurement | None, repeat: int = 0
    ) -> Request:
        """Request a run of `case` by `side`, or of its control in planbench's own environment."""
        settings = self.settings
        run, options = Measurement(case.instance, side.solver(case)), settings.options
        group, worker = " vs ".join(s.side.text for s in self.sides), side.worker
        if control is not None:
            run, options, worker = control, SolveOptions(), None
            group = f"control of {group}: {case.solver} on {case.instance}"
        return make_request(
            self.cache.instance(run.instance, self._send),
            run.solver,
            options if control is not None else side.side.options(options),
            Conditions(
                settings.time_limit_s,
                settings.memory_limit_bytes,
                polish=False,
                environment=worker,
            ),
            Place(AB, group, repeat, SIDE, side.letter),
        )

    def _pair(self, case: Measurement, start: int) -> None:
        """Run one pair of `case` with its control, side `start` first."""
        repeat, control = self.next_repeat[case], self.settings.control
        rows: list[Record] = []
        controls: list[Record] = []
        for side in (self.sides[start], self.sides[1 - start]):
            rows.append(self._run(side, self._request(case, side, None, repeat)))
            if control is not None:
                controls.append(self._run(side, self._request(case, side, control, repeat)))
        self.pairs[case] += pairs_of(rows)
        self.controls[case] += pairs_of(controls)
        self.next_repeat[case] = repeat + 1
        self.made += 1

    def _run(self, side: Prepared, request: Request) -> Record:
        self._send(f"{side.side.text}: {request.solver.name} on {request.instance.name}")
        record = solve_once(request, cache=self.cache).record
        self.store.append(record)
        return record

    def _warm_up(self, cases: Sequence[Measurement]) -> None:
        """Run each solver of either side once, unrecorded, so that its files are cached."""
        small = self.cache.instance((self.settings.control or CONTROL).instance, self._send)
        runs = {(s.letter, s.solver(case)): (case, s) for s in self.sides for case in cases}
        for case, side in runs.values():
            self._send(f"warming up {side.solver(case)}")
            warm_up(replace(self._request(case, side, None), instance=small), self.cache)

    # -- what the results file holds already -------------------------------------------------

    def _find(self, case: Measurement) -> None:
        """Take over the pairs of `case` that an earlier run of this comparison completed."""
        self.pairs[case], self.controls[case] = [], []
        mine = self._rows(case, None)
        self.next_repeat[case] = 1 + max((r.repeat for r in mine), default=-1)
        if not self.settings.resume:
            return
        self.pairs[case] = pairs_of(mine)
        self.found += len(self.pairs[case])
        if self.settings.control is not None and self.pairs[case]:
            kept = {p.a.repeat for p in self.pairs[case]}
            controls = pairs_of(self._rows(case, self.settings.control))
            self.controls[case] = [p for p in controls if p.a.repeat in kept]

    def _rows(self, case: Measurement, control: Measurement | None) -> list[Record]:
        """Rows of this machine that measured the same with the same versions."""
        here = describe_machine()["id"]
        found: list[Record] = []
        for side in self.sides:
            request = self._request(case, side, control)
            where = AB, request.place.group, side.letter, request.key, here
            found += [
                r
                for r in self.store.records
                if (r.suite, r.group, r.value, r.key, r.machine.get("id")) == where
                and (
                    control
                    or (
                        still_counts(r, request.conditions)
                        and request.packages.items() <= r.packages.items()
                        and self._is_same(r, side)
                    )
                )
            ]
        return found

    def _is_same(self, row: Record, side: Prepared) -> bool:
        """Whether a row was made in the environment, and by the code, that `side` means now.

        Uncommitted code of planbench may have changed since, and nothing would show it; that
        matters where planbench itself is compared.
        """
        if row.environment != side.environment:
            return False
        if all(s.side.ref is None for s in self.sides):
            return True
        now = _commit(side, git_commit())
        return row.commit == now and not (now or "").endswith("-dirty")


def ab_document(made: PairedComparison) -> dict[str, Any]:
    """Return the comparison of two sides in JSON's own types, an entry per instance."""

    def sides(values: Iterable[Any]) -> dict[str, Any]:
        return dict(zip("ab", values, strict=True))

    def ratio(found: PairedRatio | None) -> dict[str, Any] | None:
        if found is None:
            return None
        facts = asdict(found)
        return facts | {"pairs": facts.pop("n")}

    kept = ("pairs_made", "pairs_found", "budget_spent", "elapsed_s", "mean_ratio", "exit_code")
    return {
        **sides((made.a, made.b)),
        "environments": sides(made.environments),
        "versions": sides(made.versions),
        "measure": made.settings.measure,
        "least_effect": made.settings.schedule.least_effect,
        "confidence": made.settings.schedule.confidence,
        "overall": summary(made.comparison),
        **{name: getattr(made, name) for name in kept},
        "results": str(made.store),
        "instances": [
            {
                **asdict(found.case),
                **{n: getattr(found, n) for n in ("layer", "verdict", "pairs", "reason")},
                "sentence": sentence(found.finding),
                "ratio": ratio(found.ratio),
                "control": ratio(found.control),
                "disturbed_pairs": found.disturbed,
                "typical": sides(found.typical),
                "iterations": sides(found.iterations),
                "ends": sides(found.ends),
                "findings": [sentence(f) for f in found.faults],
                "remarks": list(found.remarks),
            }
            for found in made.results
        ],
    }
