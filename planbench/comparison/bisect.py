"""In which version of a list did a change come in: binary search between confirmed ends.

The ends are compared first; without a change between them there is nothing to find. Each
version tried is then compared with the first: it is like it, or changed like the last. What is
neither, or changed the other way, shows more than one change; it is kept and said. Times are
compared as in :mod:`planbench.comparison.ab`; iterations and objectives need no statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import log
from pathlib import Path
from typing import Any, Literal

import planbench.formatting as fmt
from planbench.bench.request import Load
from planbench.comparison.ab import Progress, Settings, compare_sides
from planbench.comparison.findings import sentence
from planbench.comparison.paired import Measurement, PairedResult
from planbench.comparison.sides import Side
from planbench.errors import InputError
from planbench.report.table import Column, Table

#: What may change, and pairs of runs after which it is decided: counts need no statistics, and
#: two pairs show whether they are the same from run to run.
MEASURES: dict[str, tuple[int, ...]] = {
    "time": (),
    "cpu": (),
    "passes": (),
    "iterations": (2,),
    "objective": (2,),
}

Direction = Literal["none", "up", "down", "other", "unknown"]
_SHOWN: dict[Direction, str] = {
    "none": "no",
    "up": "more",
    "down": "less",
    "other": "differs",
    "unknown": "unclear",
}


@dataclass(frozen=True)
class Probe:
    """One version compared with an earlier one of the list.

    Attributes
    ----------
    version, against : str
    change : {"none", "up", "down", "other", "unknown"}
        More time, iterations or objective than the earlier one; less; another answer or end; or
        not decided.
    ratio : float or None
        Version over the earlier one, where the measure is a number.
    seen : str
        In one line.
    """

    version: str
    against: str
    change: Direction
    ratio: float | None
    seen: str


#: Compares the second version with the first.
Compare = Callable[[str, str], Probe]


@dataclass(frozen=True)
class BisectResult:
    """What a search came to.

    Attributes
    ----------
    versions : tuple of str
        The list, as typed.
    decided : bool
        Whether the search came to an end.
    between : tuple of (str or None, str or None)
        Versions between which the change came in; neighbours when it was found, the ends of what
        is left when it was not decided, None when there is no change.
    remarks : tuple of str
        Why it is not decided; signs of more than one change.
    steps : tuple of Probe
        In the order they were made; the first compares the ends.
    """

    versions: tuple[str, ...]
    decided: bool
    between: tuple[str | None, str | None]
    remarks: tuple[str, ...]
    steps: tuple[Probe, ...]

    @property
    def exit_code(self) -> int:
        """0: no change between the ends; 1: found; 2: not decided."""
        if not self.decided:
            return 2
        return 0 if self.between[0] is None else 1

    @property
    def sentence(self) -> str:
        """What the search came to."""
        before, after = self.between
        if not self.decided:
            return f"not decided; a change, if there is one, lies between {before} and {after}."
        if after is None:
            return f"no change between {self.versions[0]} and {self.versions[-1]}."
        return f"changed in {after} (the version before is {before})."

    def table(self) -> Table:
        """Lay out the comparisons, a row each."""
        return Table(
            columns=[Column(name) for name in ("version", "against", "change", "seen")],
            rows=[[s.version, s.against, _SHOWN[s.change], s.seen] for s in self.steps],
        )

    def document(self) -> dict[str, Any]:
        """Return the search for JSON."""
        changed_in = self.between[1] if self.decided else None
        return asdict(self) | {"changed_in": changed_in, "exit_code": self.exit_code}


def search(versions: Sequence[str], compare: Compare) -> BisectResult:
    """Find the version in which a change came in.

    Parameters
    ----------
    versions : sequence of str
        At least two, in order.
    compare : callable
        ``compare(first, version)`` gives a :class:`Probe`.
    """
    steps: list[Probe] = []
    remarks: list[str] = []

    def step(first: int, version: int) -> Probe:
        steps.append(compare(versions[first], versions[version]))
        return steps[-1]

    def end(low: int | None, high: int | None, decided: bool) -> BisectResult:
        before, after = (None if place is None else versions[place] for place in (low, high))
        return BisectResult(tuple(versions), decided, (before, after), tuple(remarks), tuple(steps))

    last = len(versions) - 1
    whole = step(0, last)
    if whole.change == "unknown":
        remarks.append(f"the ends can neither be distinguished nor called the same: {whole.seen}")
        return end(0, last, False)
    if whole.change == "none":
        remarks.append("between the ends nothing is compared: changes that cancel stay unseen")
        return end(None, None, True)
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) // 2
        found = step(0, middle)
        if found.change == "unknown":
            # Too near to the first to tell; how far is it from the other end?
            back = step(middle, high)
            if back.change == "unknown":
                remarks.append(
                    f"{versions[middle]} can be distinguished neither from {versions[0]} nor from "
                    f"{versions[high]}; raise --budget or --least-effect"
                )
                return end(low, high, False)
            low, high = (low, middle) if back.change == "none" else (middle, high)
            continue
        if found.change == "none":
            low = middle
            continue
        if found.change != whole.change:
            remarks.append(
                f"not monotone: {versions[middle]} changed the other way or in another manner "
                f"than {versions[last]} ({found.seen}); there is more than one change, the "
                "first of them is searched for"
            )
        high = middle
    if (low, high) != (0, last):
        remarks += _confirm(step(low, high), whole)
    return end(low, high, True)


def _confirm(step: Probe, whole: Probe) -> list[str]:
    """Compare the change between the neighbours that were found with that between the ends."""
    if step.change in ("none", "unknown"):
        return [
            f"{step.version} against {step.against} directly shows no sure change ({step.seen}): "
            "the change comes in small steps over several versions"
        ]
    if step.ratio and whole.ratio and abs(log(step.ratio)) < abs(log(whole.ratio)) / 2:
        return [
            f"{step.version} has only part of the change between the ends ({step.seen}); more "
            "came in elsewhere"
        ]
    return []


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
    sides = {side.text: side for side in versions}
    names = [side.text for side in versions]
    if len(names) < 2:
        raise InputError(f"{len(names)} given; give two or more, in order", where="versions")
    if len(sides) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{twice} is given twice; give each version once", where="versions")
    if measure not in MEASURES:
        raise InputError(f"is {measure!r}; give one of {', '.join(MEASURES)}", where="measure")
    if looks := MEASURES[measure]:
        settings = replace(settings, schedule=replace(settings.schedule, looks=looks), control=None)
    else:
        settings = replace(settings, measure=measure)

    def compare(first: str, version: str) -> Probe:
        # Between the ends two versions may be the same: that is no change.
        ends = (first, version) == (names[0], names[-1])
        made = compare_sides(
            sides[first],
            sides[version],
            [case],
            store_path,
            replace(settings, may_be_same=not ends),
            progress=progress,
            load=load,
        )
        probe = Probe(version, first, *_read(made.results[0], measure))
        if report is not None:
            report(probe)
        return probe

    return search(names, compare)


def _read(found: PairedResult, measure: str) -> tuple[Direction, float | None, str]:
    """Read off a comparison of two versions what changed, by how much, and what was seen."""
    if found.layer == "outcomes":
        return "unknown" if found.verdict == "unclear" else "other", None, found.reason
    if measure == "objective":
        said = found.difference
        return "other" if said else "none", None, said or "the same answer"
    if measure == "iterations":
        a, b = found.iterations
        seen = " and ".join(fmt.counts(counts, "not reported") for counts in (a, b))
        seen = f"iterations {seen}"
        if not found.steady:
            return "unknown", None, f"{seen}, varying from run to run"
        if not a and not b:
            return "unknown", None, f"{seen}: the solver does not report them"
        before, after = sum(a.values()), sum(b.values())
        change: Direction = "up" if after > before else "down" if after < before else "other"
        ratio = after / before if before and after else None
        return "none" if a == b else change, ratio, seen
    if found.ratio is None:
        return "unknown", None, found.reason or found.verdict
    seen = f"{found.ratio.ratio:.3g} times the {measure}, {found.ratio.n} pairs, {found.verdict}"
    # Time is what was asked for, but another answer must not go unsaid.
    seen = "; ".join((seen, *(f"{f.measure} {sentence(f)}" for f in found.faults)))
    changes: dict[str, Direction] = {"worse": "up", "better": "down", "same": "none"}
    return changes.get(found.verdict, "unknown"), found.ratio.ratio, seen
