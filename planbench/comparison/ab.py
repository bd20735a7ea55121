"""Which of two sides is slower, and is it sure: their runs on the same instances, interleaved.

Runs come in blocks A B B A, so that a drift of the machine falls on both sides alike; beside
each run a control runs that is the same on both sides, so that trouble of the machine can be
told from a change. Instances take turns. Each stops at the first look at which its verdict is
clear; the others go on until their looks or the budget are spent. Every run is a row of the
results file, and a comparison that was interrupted carries on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from planbench.bench.prepared import InstanceCache
from planbench.bench.session import Load
from planbench.bench.single import survey
from planbench.catalogue.instance import Instance
from planbench.comparison.ab_judge import MEASURES, Case, CaseVerdict
from planbench.comparison.ab_run import (
    Progress,
    Run,
    check_differ,
    differing_versions,
    prepare_side,
)
from planbench.comparison.ab_settings import Settings
from planbench.comparison.sides import Side, check_use
from planbench.errors import InputError
from planbench.io.scratch import scratch_folder
from planbench.records.store import RecordStore
from planbench.stats.sequential import Schedule


@dataclass(frozen=True)
class Comparison:
    """What became of a comparison.

    Attributes
    ----------
    a, b : str
        Names of the sides, as typed.
    environments : tuple of (str, str)
        Environments they stand for, commits in full; empty for planbench's own.
    versions : tuple of (mapping, mapping)
        Packages of either side that differ.
    measure : str
    least_effect, confidence : float
    verdicts : tuple of CaseVerdict
        In the order of the cases.
    pairs_made, pairs_found : int
        Pairs run now, and pairs that were in the results file.
    elapsed_s : float
    budget_spent : bool
    store : Path
    repaired : str or None
        What was repaired in the results file.
    solvers : tuple of (str or None, str or None)
        Solver that a side names for itself.
    """

    a: str
    b: str
    environments: tuple[str, str]
    versions: tuple[dict[str, str], dict[str, str]]
    measure: str
    least_effect: float
    confidence: float
    verdicts: tuple[CaseVerdict, ...]
    pairs_made: int
    pairs_found: int
    elapsed_s: float
    budget_spent: bool
    store: Path
    repaired: str | None
    solvers: tuple[str | None, str | None] = (None, None)

    @property
    def exit_code(self) -> int:
        """0: nowhere slower; 1: slower, worse or other answers; 2: not decided somewhere."""
        if any(v.findings or v.outcome in ("slower", "worse") for v in self.verdicts):
            return 1
        if any(v.outcome in ("ambiguous", "not-compared") for v in self.verdicts):
            return 2
        return 0


def compare_sides(
    a: Side,
    b: Side,
    cases: Sequence[Case],
    store_path: Path,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
    load: Load | None = None,
    cache: Path | None = None,
    clock: Callable[[], float] = monotonic,
) -> Comparison:
    """Compare side `b` with side `a`.

    Parameters
    ----------
    a, b : Side
        Baseline and candidate.
    cases : sequence of Case
    store_path : Path
        Results file, ``.jsonl``; created or carried on.
    settings : Settings, optional
    progress : callable, optional
    load : callable, optional
        Turns an instance's name into the instance; by default the catalogue does.
    cache : Path, optional
        Folder of the environments instead of the user's.
    clock : callable, optional
        Seconds, for the budget.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        No cases, an unknown solver, instance or measure, a side that cannot be installed, a
        solver that uses no package under test, or sides between which nothing differs.
    PlanbenchError
        The results file or the cache cannot be written, or no package index answers.
    KeyboardInterrupt
        After the run going on has been killed; every completed row is in the file.
    """
    settings = settings or Settings()
    if not cases:
        raise InputError("names no instance; give at least one, or --suite", where="ab")
    if settings.measure not in MEASURES:
        raise InputError(
            f"is {settings.measure!r}; give one of {', '.join(MEASURES)}", where="measure"
        )
    if settings.adapter is None:
        check_use([a, b], list(dict.fromkeys(case.solver for case in cases)))
    sides = tuple(
        prepare_side(side, letter, cases, settings, progress, cache)
        for side, letter in ((a, "a"), (b, "b"))
    )
    surroundings = survey()
    if not settings.may_be_same:
        check_differ(sides[0], sides[1], cases, settings, surroundings.commit)
    with RecordStore(Path(store_path)) as store, scratch_folder() as folder:
        run = Run(
            sides=sides,
            cases=tuple(cases),
            settings=settings,
            schedule=Schedule(
                settings.schedule.least_effect,
                settings.schedule.confidence,
                len(cases),
                settings.schedule.looks,
            ),
            store=store,
            surroundings=surroundings,
            cache=InstanceCache(folder),
            load=load or _from_catalogue,
            progress=progress,
            clock=clock,
            began=clock(),
        )
        run.go()
        return Comparison(
            a=a.text,
            b=b.text,
            environments=(sides[0].environment, sides[1].environment),
            versions=differing_versions(sides[0], sides[1]),
            solvers=(a.solver, b.solver),
            measure=settings.measure,
            least_effect=settings.schedule.least_effect,
            confidence=settings.schedule.confidence,
            verdicts=tuple(run.judge(case) for case in cases),
            pairs_made=run.made,
            pairs_found=run.found,
            elapsed_s=clock() - run.began,
            budget_spent=run.budget_spent,
            store=store.path,
            repaired=store.repaired,
        )


def _from_catalogue(name: str) -> Instance:
    from planbench.catalogue.resolve import load_instance

    return load_instance(name)
