"""Figures over many runs: a series per solver, instance and measure, and the steps in it.

Runs of one machine only are put into a series: a change of machine would be taken for a step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal, get_args

import planbench.formatting as fmt
from planbench.comparison.match import Sample, split_runs
from planbench.comparison.render import in_unit
from planbench.errors import InputError
from planbench.formatting import plain, plural
from planbench.records.schema import Record
from planbench.records.values import short_commit
from planbench.report.results import machine_key, machine_label, machine_names
from planbench.report.table import Column, Entry, Table, number
from planbench.stats.steps import find_steps

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
    packages : tuple of (str, str)
        Packages and their versions, sorted.
    value : float
        In the unit of the measure.
    """

    started_at: str
    file: str
    commit: str
    packages: tuple[tuple[str, str], ...]
    value: float


@dataclass(frozen=True)
class ChangePoint:
    """A step of a series.

    Attributes
    ----------
    before, after : Point
        The last run at the old level, the first at the new one.
    level_before, level_after : float
    ratio : float or None
        None from 0.
    """

    before: Point
    after: Point
    level_before: float
    level_after: float
    ratio: float | None

    @property
    def what_changed(self) -> str:
        """Commit and versions that changed with it; empty where nothing recorded did."""
        parts = []
        if self.before.commit != self.after.commit:
            old, new = (short_commit(p.commit) for p in (self.before, self.after))
            parts.append(f"planbench {old} → {new}")
        old_versions, new_versions = dict(self.before.packages), dict(self.after.packages)
        parts += [
            f"{name} {old_versions.get(name, 'none')} → {new_versions.get(name, 'none')}"
            for name in sorted({*old_versions, *new_versions})
            if old_versions.get(name) != new_versions.get(name)
        ]
        return ", ".join(parts)


@dataclass(frozen=True)
class Series:
    """One solver on one instance, over runs.

    Attributes
    ----------
    solver, instance, sha256 : str
    measure : Measure
    points : tuple of Point
        In order of time.
    changes : tuple of ChangePoint
    """

    solver: str
    instance: str
    sha256: str
    measure: Measure
    points: tuple[Point, ...]
    changes: tuple[ChangePoint, ...]


@dataclass(frozen=True)
class History:
    """All series of one machine.

    Attributes
    ----------
    machine : str
    machine_id : str
    runs : int
        Runs that went into it.
    series : tuple of Series
    notes : tuple of str
        What was left out.
    """

    machine: str
    machine_id: str
    runs: int
    series: tuple[Series, ...]
    notes: tuple[str, ...]


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
    return History(label, chosen, len(runs), tuple(series), tuple(notes))


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
            packages = tuple(sorted((k, v) for k, v in row.packages.items() if k != "planbench"))
            points.append(Point(started, name, row.commit or "", packages, value))
    if len(points) < 2:
        return None
    steps = find_steps(
        [p.value for p in points], least_effect=least_effect, exact=measure == "iterations"
    )
    changes = tuple(
        ChangePoint(points[s.at - 1], points[s.at], s.before, s.after, s.ratio) for s in steps
    )
    return Series(place[0], seen[-1][2].instance, place[1], measure, tuple(points), changes)


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


def change_ratio(change: ChangePoint) -> str:
    """Write by how much a level changed."""
    return fmt.UNKNOWN if change.ratio is None else f"{change.ratio:.2f}×"


def changes_in_order(history: History) -> list[tuple[Series, ChangePoint]]:
    """All steps, latest first."""
    found = [(series, change) for series in history.series for change in series.changes]
    found.sort(key=lambda pair: (pair[1].after.started_at, pair[0].solver), reverse=True)
    return found


def steps_table(history: History) -> Table:
    """Lay out all steps, latest first."""
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
                Entry(change.after.started_at[:16].replace("T", " ")),
                Entry(series.solver),
                Entry(series.instance),
                Entry(HISTORY_TITLES[series.measure]),
                number(in_unit(change.level_before, series.measure), change.level_before),
                number(in_unit(change.level_after, series.measure), change.level_after),
                number(
                    change_ratio(change),
                    change.ratio,
                    "bad" if change.level_after > change.level_before else "good",
                ),
                Entry(plain(change.what_changed or "nothing recorded")),
            ]
            for series, change in changes_in_order(history)
        ],
    )


def history_document(found: History) -> dict[str, Any]:
    """Return the series and their steps in JSON's own types."""
    return {
        "machine": found.machine,
        "machine_id": found.machine_id,
        "runs": found.runs,
        "notes": list(found.notes),
        "series": [
            {
                "solver": s.solver,
                "instance": s.instance,
                "sha256": s.sha256,
                "measure": s.measure,
                "points": [asdict(p) | {"packages": dict(p.packages)} for p in s.points],
                "steps": [
                    {
                        "when": c.after.started_at,
                        "before": c.level_before,
                        "after": c.level_after,
                        "ratio": c.ratio,
                        "from_commit": c.before.commit,
                        "to_commit": c.after.commit,
                        "changed": c.what_changed,
                    }
                    for c in s.changes
                ],
            }
            for s in found.series
        ],
    }
