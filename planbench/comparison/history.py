"""Figures over many runs: a series per solver, instance and measure, and the steps in it.

Runs of one machine only are put into a series: a change of machine would be taken for a step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, get_args

import planbench.formatting as fmt
from planbench.comparison.findings import in_unit
from planbench.comparison.match import Sample, changed_versions, split_runs
from planbench.errors import InputError
from planbench.formatting import plain, plural
from planbench.records.schema import Record
from planbench.records.values import short_commit
from planbench.report.results import machine_key, machine_label, machine_names
from planbench.report.table import Column, Table, number
from planbench.stats.steps import Step, find_steps

Measure = Literal["passes", "seconds", "bytes", "iterations"]
MEASURES: tuple[Measure, ...] = get_args(Measure)

#: Name of a file, and its rows in the order of the file.
Files = Sequence[tuple[str, Sequence[Record]]]


@dataclass(frozen=True)
class Point:
    """One figure of one run.

    Attributes
    ----------
    started_at : str
        ISO 8601.
    file : str
        Results file it comes from.
    commit : str
        Of planbench; empty where it is not known.
    packages : mapping of str to str
        Versions of packages, planbench apart.
    value : float
        In the unit of the measure.
    """

    started_at: str
    file: str
    commit: str
    packages: dict[str, str]
    value: float


@dataclass(frozen=True)
class ChangePoint:
    """A change of level in a series.

    Attributes
    ----------
    when : str
        Start of the first run at the new level.
    before, after : float
        The levels.
    ratio : float or None
        None from 0.
    from_commit, to_commit : str
        Of the last run at the old level, and the first at the new one.
    changed : str
        Commit and versions that changed with it; empty where nothing recorded did.
    """

    when: str
    before: float
    after: float
    ratio: float | None
    from_commit: str
    to_commit: str
    changed: str

    @property
    def times(self) -> str:
        """By how much the level changed."""
        return fmt.UNKNOWN if self.ratio is None else f"{self.ratio:.2f}×"


@dataclass(frozen=True)
class Series:
    """One solver on one instance, over runs.

    Attributes
    ----------
    solver, instance, sha256 : str
    measure : Measure
    points : tuple of Point
        In order of time.
    steps : tuple of ChangePoint
    """

    solver: str
    instance: str
    sha256: str
    measure: Measure
    points: tuple[Point, ...]
    steps: tuple[ChangePoint, ...]


@dataclass(frozen=True)
class History:
    """All series of one machine.

    Attributes
    ----------
    machine : str
    machine_id : str
    runs : int
        Runs that went into it.
    notes : tuple of str
        What was left out.
    series : tuple of Series
    """

    machine: str
    machine_id: str
    runs: int
    notes: tuple[str, ...]
    series: tuple[Series, ...]


def read_history(
    files: Files,
    *,
    measures: Iterable[Measure] = ("passes", "bytes", "iterations"),
    machine: str | None = None,
    least_effect: float = 0.05,
) -> History:
    """Put runs into series and find steps.

    Parameters
    ----------
    files : sequence of (str, sequence of Record)
        Results files.
    measures : iterable of Measure
    machine : str, optional
        Beginning of the machine's identity; the one with most rows if not given.
    least_effect : float
        Relative changes below it are no steps; every change of iterations is one.

    Raises
    ------
    InputError
        Without any row, or of that machine.
    SolverUnavailableError
        Without the package ruptures.
    """
    rows = [r for _, records in files for r in records]
    if not rows:
        raise InputError("hold no measurements; run `planbench bench` first", where="results")
    chosen, notes = _choose(rows, machine)
    label = next(machine_label(r) for r in rows if machine_key(r) == chosen)
    runs = [run for name, records in files for run in split_runs(name, records, chosen)]
    runs.sort(key=lambda run: run[0])
    places: dict[tuple[str, str], list[tuple[str, str, Sample]]] = {}
    for started, name, found in runs:
        for place, sample in found.items():
            places.setdefault(place, []).append((started, name, sample))
    series = [
        made
        for place, seen in places.items()
        for measure in measures
        if (made := _series(place, seen, measure, least_effect)) is not None
    ]
    if not series:
        notes.append("no measurement was made in two runs; a series needs that")
    return History(label, chosen, len(runs), tuple(notes), tuple(series))


def _choose(rows: Sequence[Record], asked: str | None) -> tuple[str, list[str]]:
    counts = Counter(machine_key(r) for r in rows)
    if asked is not None:
        found = [key for key in counts if key.startswith(asked)]
        if len(found) != 1:
            known = ", ".join(key[:6] for key in counts)
            raise InputError(f"is {asked!r}; the results are of {known}", where="--machine")
        chosen = found[0]
    else:
        chosen = counts.most_common(1)[0][0]
    others = [r for r in rows if machine_key(r) != chosen]
    if not others:
        return chosen, []
    return chosen, [
        f"{plural(len(others), 'row')} of other machines left out: {machine_names(others)}"
    ]


def _series(
    place: tuple[str, str],
    seen: Sequence[tuple[str, str, Sample]],
    measure: Measure,
    least_effect: float,
) -> Series | None:
    points = []
    for started, name, sample in seen:
        value = _VALUES[measure](sample)
        if value is not None:
            row = sample.row
            packages = {k: v for k, v in sorted(row.packages.items()) if k != "planbench"}
            points.append(Point(started, name, row.commit or "", packages, value))
    if len(points) < 2:
        return None
    steps = find_steps(
        [p.value for p in points], least_effect=least_effect, exact=measure == "iterations"
    )
    changes = tuple(_change(points[s.at - 1], points[s.at], s) for s in steps)
    return Series(place[0], seen[-1][2].instance, place[1], measure, tuple(points), changes)


def _change(last: Point, first: Point, step: Step) -> ChangePoint:
    """Say of a step what changed between the last run before it and the first after it."""
    commits = short_commit(last.commit), short_commit(first.commit)
    changed = changed_versions(last.packages, first.packages)
    if commits[0] != commits[1]:
        changed = f"planbench {commits[0]} → {commits[1]}", *changed
    return ChangePoint(
        first.started_at,
        step.before,
        step.after,
        step.ratio,
        last.commit,
        first.commit,
        ", ".join(changed),
    )


def _iterations(sample: Sample) -> float | None:
    counts = [sum(r.iterations.values()) for r in sample.complete if r.iterations]
    return float(max(counts)) if counts else None


def _median(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v]
    return float(median(known)) if known else None


_VALUES: dict[Measure, Callable[[Sample], float | None]] = {
    "passes": lambda sample: _median([r.matrix_passes for r in sample.timed]),
    "seconds": lambda sample: _median([r.wall_s for r in sample.timed]),
    "bytes": lambda sample: _median([r.peak_bytes for r in sample.ended]),
    "iterations": _iterations,
}


HISTORY_TITLES: dict[Measure, str] = {
    "passes": "matrix passes",
    "seconds": "seconds",
    "bytes": "peak memory",
    "iterations": "iterations",
}


def steps_table(history: History) -> Table:
    """Lay out all steps, latest first."""
    found = [(series, step) for series in history.series for step in series.steps]
    found.sort(key=lambda pair: (pair[1].when, pair[0].solver), reverse=True)
    return Table(
        columns=(
            Column("when"),
            Column("solver", "solver"),
            Column("instance", "long"),
            Column("measure"),
            Column("before", "number"),
            Column("after", "number"),
            Column("ratio", "number"),
            Column("changed", "long"),
        ),
        rows=[
            [
                step.when[:16].replace("T", " "),
                series.solver,
                series.instance,
                HISTORY_TITLES[series.measure],
                number(in_unit(step.before, series.measure), step.before),
                number(in_unit(step.after, series.measure), step.after),
                number(step.times, step.ratio, "bad" if step.after > step.before else "good"),
                plain(step.changed or "nothing recorded"),
            ]
            for series, step in found
        ],
    )
