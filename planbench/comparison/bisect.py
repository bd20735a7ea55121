"""In which version of a list did a change come in: binary search between confirmed ends.

The ends are compared first; without a change between them there is nothing to find. Each
version tried is then compared with the first: it is like it, or changed like the last. What is
neither, or changed the other way, shows more than one change; it is kept and said. Times are
compared as in :mod:`planbench.comparison.ab`; iterations and objectives need no statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log
from pathlib import Path
from typing import Any, Literal

from planbench.bench.prepared import Load
from planbench.comparison.ab import PairedComparison, Progress, Settings, compare_sides
from planbench.comparison.paired import Measurement, PairedResult, iterations_text
from planbench.comparison.render import sentence
from planbench.comparison.sides import Side
from planbench.errors import InputError
from planbench.report.table import Column, Table

MEASURES = ("time", "cpu", "passes", "iterations", "objective")
#: A step is tried again so often before it is left undecided, with twice the pairs each time.
TRIES = 2

Direction = Literal["none", "up", "down", "other", "unknown"]


@dataclass(frozen=True)
class Probe:
    """One version compared with an earlier one of the list.

    Attributes
    ----------
    first, version : int
        Positions in the list.
    change : {"none", "up", "down", "other", "unknown"}
        From the first to the version: more time, iterations or objective; less; another
        answer or end; or not decided.
    ratio : float or None
        Version over first, where the measure is a number.
    words : str
        What was seen, in one line.
    """

    first: int
    version: int
    change: Direction
    ratio: float | None
    words: str


@dataclass(frozen=True)
class BisectResult:
    """What a search came to.

    Attributes
    ----------
    versions : tuple of str
        The list, as typed.
    steps : tuple of Probe
        In the order they were made; the first compares the ends.
    before, after : int or None
        Positions between which the change came in; neighbours when it was found, the ends of
        what is left when it was not decided, None when there is no change.
    decided : bool
        Whether the search came to an end.
    remarks : tuple of str
        Why it is not decided; signs of more than one change.
    """

    versions: tuple[str, ...]
    steps: tuple[Probe, ...]
    before: int | None
    after: int | None
    decided: bool
    remarks: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0: no change between the ends; 1: found; 2: not decided."""
        if not self.decided:
            return 2
        return 0 if self.before is None else 1


#: Compares two positions of the list; the third argument counts the tries from 0.
Compare = Callable[[int, int, int], Probe]


def search(versions: Sequence[str], compare: Compare) -> BisectResult:
    """Find the version in which a change came in.

    Parameters
    ----------
    versions : sequence of str
        At least two, in order.
    compare : callable
        ``compare(first, version, attempt)`` gives a :class:`Probe`; asked again with the next
        attempt while it gives ``unknown``.

    Returns
    -------
    BisectResult
    """
    steps: list[Probe] = []
    remarks: list[str] = []

    def step(first: int, version: int) -> Probe:
        for attempt in range(TRIES + 1):
            found = compare(first, version, attempt)
            if found.change != "unknown":
                break
        steps.append(found)
        return found

    def end(before: int | None, after: int | None, decided: bool) -> BisectResult:
        return BisectResult(tuple(versions), tuple(steps), before, after, decided, tuple(remarks))

    last = len(versions) - 1
    whole = step(0, last)
    if whole.change == "unknown":
        remarks.append(f"the ends can neither be distinguished nor called the same: {whole.words}")
        return end(0, last, False)
    if whole.change == "none":
        remarks.append("between the ends nothing is compared: changes that cancel stay unseen")
        return end(None, None, True)
    low, high = 0, last
    levels = {0: 0.0, last: _level(whole)}
    while high - low > 1:
        middle = (low + high) // 2
        found = step(0, middle)
        if found.change == "unknown":
            # Too near to the first to tell; how far is it from the other end?
            back = step(middle, high)
            if back.change == "unknown":
                remarks.append(
                    f"{versions[middle]} can be distinguished neither from {versions[0]} nor from "
                    f"{versions[high]}; raise --budget"
                )
                return end(low, high, False)
            low, high = (low, middle) if back.change == "none" else (middle, high)
            continue
        if found.change == "none":
            low = middle
            continue
        levels[middle] = _level(found)
        if found.change != whole.change:
            remarks.append(
                f"not monotone: {versions[middle]} changed the other way or in another manner "
                f"than {versions[last]} ({found.words}); there is more than one change, the "
                "first of them is searched for"
            )
        high = middle
    if high != last or low != 0:
        remarks += _confirm(versions, step(low, high), whole, levels.get(high))
    return end(low, high, True)


def _level(step: Probe) -> float:
    return log(step.ratio) if step.ratio else 0.0


def _confirm(versions: Sequence[str], step: Probe, whole: Probe, level: float | None) -> list[str]:
    """Compare the neighbours that were found directly, and the change with that of the ends."""
    a, b = versions[step.first], versions[step.version]
    if step.change in ("none", "unknown"):
        return [
            f"{b} against {a} directly shows no sure change ({step.words}): the change comes in "
            "small steps over several versions"
        ]
    if level is None or whole.ratio is None or abs(level) >= abs(_level(whole)) / 2:
        return []
    return [f"{b} has only part of the change between the ends ({step.words}); more came in later"]


def bisect_versions(
    versions: Sequence[Side],
    case: Measurement,
    store_path: Path,
    settings: Settings,
    *,
    measure: str = "time",
    progress: Progress | None = None,
    load: Load | None = None,
    report: Callable[[Probe], None] | None = None,
) -> BisectResult:
    """Find the version of a list in which the cost or the answer of `case` changed.

    Parameters
    ----------
    versions : sequence of Side
        At least two, in order.
    case : Measurement
    store_path : Path
        Results file; comparisons that it holds already are taken over.
    settings : Settings
        ``budget_s`` is that of one step; ``measure`` is replaced.
    measure : {"time", "cpu", "passes", "iterations", "objective"}
    progress, load
        As in :func:`planbench.comparison.ab.compare_sides`.
    report : callable, optional
        Called with each comparison of two versions as it is made.

    Raises
    ------
    InputError
        Fewer than two versions, one twice, another measure; as ``compare_sides`` otherwise.
    """
    names = [side.text for side in versions]
    if len(names) < 2:
        raise InputError(f"{len(names)} given; give two or more, in order", where="versions")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{twice} is given twice; give each version once", where="versions")
    if measure not in MEASURES:
        raise InputError(f"is {measure!r}; give one of {', '.join(MEASURES)}", where="measure")

    def compare(first: int, version: int, attempt: int) -> Probe:
        made = compare_sides(
            versions[first],
            versions[version],
            [case],
            store_path,
            # Between the ends two versions may be the same: that is no change.
            replace(
                _for_attempt(settings, measure, attempt),
                may_be_same=(first, version) != (0, len(versions) - 1),
            ),
            progress=progress,
            load=load,
        )
        step = _read(made, first, version, measure)
        if report is not None:
            report(step)
        return step

    return search(names, compare)


def _for_attempt(settings: Settings, measure: str, attempt: int) -> Settings:
    """Set up one try: counted measures need no statistics, a repeated try gets more time."""
    if measure in ("iterations", "objective"):
        # Two pairs show whether the counts are the same from run to run.
        twice = replace(settings.schedule, looks=(2,))
        return replace(settings, schedule=twice, control=None, measure="time")
    looks = settings.schedule.looks
    most = looks[-1] << attempt
    longer = (*looks, *(most for _ in range(attempt > 0)))
    return replace(
        settings,
        measure=measure,
        schedule=replace(settings.schedule, looks=longer),
        budget_s=settings.budget_s * (attempt + 1),
    )


def _read(made: PairedComparison, first: int, version: int, measure: str) -> Probe:
    (verdict,) = made.results
    if verdict.layer == "outcomes":
        change: Direction = "unknown" if verdict.verdict == "unclear" else "other"
        return Probe(first, version, change, None, verdict.reason)
    if measure == "iterations":
        return _counted(verdict, first, version)
    if measure == "objective":
        return _answered(verdict, first, version)
    changes: dict[str, Direction] = {"worse": "up", "better": "down", "same": "none"}
    ratio = verdict.ratio
    said = verdict.reason or verdict.verdict
    if ratio is None:
        return Probe(first, version, "unknown", None, said)
    said = f"{ratio.ratio:.3g} times the {measure}, {ratio.n} pairs, {verdict.verdict}"
    # Time is what was asked for, but another answer must not go unsaid.
    said = "; ".join((said, *(f"{f.measure} {sentence(f)}" for f in verdict.faults)))
    return Probe(first, version, changes.get(verdict.verdict, "unknown"), ratio.ratio, said)


def _counted(verdict: PairedResult, first: int, version: int) -> Probe:
    a, b = (dict(counts) for counts in verdict.iterations)
    before, after = sum(a.values()), sum(b.values())
    words = f"iterations {iterations_text(a)} and {iterations_text(b)}"
    if not verdict.steady:
        return Probe(first, version, "unknown", None, f"{words}, varying from run to run")
    if not a and not b:
        return Probe(first, version, "unknown", None, f"{words}: the solver does not report them")
    if a == b:
        return Probe(first, version, "none", 1.0, words)
    ratio = after / before if before and after else None
    change: Direction = "up" if after > before else "down" if after < before else "other"
    return Probe(first, version, change, ratio, words)


def _answered(verdict: PairedResult, first: int, version: int) -> Probe:
    if verdict.difference:
        return Probe(first, version, "other", None, verdict.difference)
    return Probe(first, version, "none", None, "the same answer")


def bisect_sentence(found: BisectResult, solver: str, instance: str, measure: str) -> str:
    """Say in one sentence what the search came to."""
    where = f"{measure} of {solver} on {instance}"
    first, last = found.versions[0], found.versions[-1]
    if not found.decided:
        assert found.before is not None
        assert found.after is not None
        return (
            f"{where}: not decided; a change, if there is one, lies between "
            f"{found.versions[found.before]} and {found.versions[found.after]}."
        )
    if found.before is None or found.after is None:
        return f"{where}: no change between {first} and {last}."
    return (
        f"{where}: changed in {found.versions[found.after]} "
        f"(the version before is {found.versions[found.before]})."
    )


_CHANGES: dict[Direction, str] = {
    "none": "no",
    "up": "more",
    "down": "less",
    "other": "differs",
    "unknown": "unclear",
}


def bisect_table(found: BisectResult) -> Table:
    """Lay out the comparisons of a search, a row each."""
    names = found.versions
    return Table(
        columns=[Column(name) for name in ("version", "against", "change", "seen")],
        rows=[
            [names[step.version], names[step.first], _CHANGES[step.change], step.words]
            for step in found.steps
        ],
    )


def bisect_document(
    found: BisectResult, solver: str, instance: str, measure: str
) -> dict[str, Any]:
    """Return the search in JSON's own types."""

    def name(position: int | None) -> str | None:
        return None if position is None else found.versions[position]

    return {
        "instance": instance,
        "solver": solver,
        "measure": measure,
        "versions": list(found.versions),
        "decided": found.decided,
        "changed_in": name(found.after) if found.decided else None,
        "between": [name(found.before), name(found.after)],
        "sentence": bisect_sentence(found, solver, instance, measure),
        "remarks": list(found.remarks),
        "steps": [
            {
                "version": name(step.version),
                "against": name(step.first),
                "change": step.change,
                "ratio": step.ratio,
                "seen": step.words,
            }
            for step in found.steps
        ],
        "exit_code": found.exit_code,
    }
