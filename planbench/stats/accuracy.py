"""Time to verified accuracy: what each solver was charged for a plan certified to a target gap.

A suite with target gaps drives each solver to each target in a chain of tries
(:mod:`planbench.bench.accuracy` makes them); here the chains are read back from the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from planbench.records.schema import Record
from planbench.records.values import canonical
from planbench.stats.aggregate import median_or_failure

#: Options that belong to a try, or say how long a solver may run, not which solver it is.
_NOT_CONFIGURATION = frozenset({"tolerance", "time_limit"})
#: End of a chain that no session has finished yet.
BROKEN_OFF = "broken off"
#: End where the raw gap met the target and there is no polished one.
NO_POLISH = "no polish"


@dataclass(frozen=True)
class TimeToAccuracy:
    """What one solver needs for one target gap on one instance.

    Attributes
    ----------
    solver : str
        As asked for, e.g. ``highs-pdlp:stock``.
    version : str
        Version of the code that ran.
    options : mapping
        Options asked for, without the tolerance that is driven.
    instance, sha256 : str
    goods : int or None
    group : str
        Ladder of the suite, or empty.
    variable : str
    value : int, float, str or None
        What the ladder varies and its value here.
    machine : str
        Identity of the machine.
    target : float
        Gap to be certified.
    seconds : float
        Wall seconds of all tries up to the one that reached the target, the failed ones
        included (and of polishing each, for polished gaps); median over repeats. Where the
        target was not reached: the seconds spent, so that the truth is *more* than that.
    reached : bool
        False marks a right-censored observation.
    end : str
        Why the chain ended, as in :class:`planbench.records.schema.AccuracyFacts`, or
        ``broken off`` (no session has finished it), or ``no polish`` (polished gaps only).
    limit_s : float or None
        Time limit the tries shared.
    gap : float or None
        Gap certified at the end.
    tries : int
        Tries charged.
    repeats : int
        Chains the median is over.
    disturbed : bool
        Every chain has a try made on a disturbed machine.
    """

    solver: str
    version: str
    options: Mapping[str, Any]
    instance: str
    sha256: str
    goods: int | None
    group: str
    variable: str
    value: int | float | str | None
    machine: str
    target: float
    seconds: float
    reached: bool
    end: str
    limit_s: float | None
    gap: float | None
    tries: int
    repeats: int
    disturbed: bool


@dataclass(frozen=True)
class _Outcome:
    """One chain read for one target."""

    seconds: float
    reached: bool
    end: str
    gap: float | None
    tries: int
    disturbed: bool
    limit_s: float | None
    last: Record


_Place = tuple[str, ...]


def time_to_accuracy(
    records: Iterable[Record], *, gap: Literal["raw", "polished"] = "raw"
) -> list[TimeToAccuracy]:
    """Seconds to each target gap, for each solver and instance.

    Parameters
    ----------
    records : iterable of Record
        In the order of the results file; rows of suites without target gaps are passed over.
    gap : {"raw", "polished"}
        Which certified gap must meet the target. ``polished`` charges the polishing of every
        try as well; rows where polish does not apply have none and reach nothing.

    Returns
    -------
    list of TimeToAccuracy
        In order of first appearance, targets from loose to tight.
    """
    rows = [record for record in records if record.accuracy is not None]
    versions = versions_of(rows)
    chains: dict[tuple[_Place, tuple[float, ...], int], list[Record]] = {}
    for record, version in zip(rows, versions, strict=True):
        assert record.accuracy is not None
        key = _place(record, version), tuple(record.accuracy.targets), record.repeat
        chain = chains.setdefault(key, [])
        # A try made again takes the place of the former one and of what followed it.
        del chain[record.accuracy.attempt :]
        if len(chain) == record.accuracy.attempt:
            chain.append(record)
    found: dict[tuple[_Place, float], list[_Outcome]] = {}
    for (place, targets, _), chain in chains.items():
        for target in targets:
            if chain:
                found.setdefault((place, target), []).append(_read(chain, target, gap))
    order = list(dict.fromkeys(place for place, _ in found))
    return [
        _combine(outcomes, target, place[1])
        for (place, target), outcomes in sorted(
            found.items(), key=lambda item: (order.index(item[0][0]), -item[0][1])
        )
    ]


def versions_of(rows: Sequence[Record]) -> list[str]:
    """Version of each row's solver; a run that failed takes that of its namesakes."""
    known = {
        (row.solver, canonical(row.packages)): row.solver_version
        for row in rows
        if row.solver_version
    }
    return [
        row.solver_version or known.get((row.solver, canonical(row.packages)), "") for row in rows
    ]


def _place(record: Record, version: str) -> _Place:
    """Say what a chain belongs to: solver, version, options, instance, ladder and machine."""
    return (
        record.solver,
        version,
        canonical(configuration(record)),
        record.instance.sha256,
        record.suite,
        record.group,
        str(record.value),
        str(record.machine.get("id", "")),
    )


def configuration(record: Record) -> dict[str, Any]:
    """Options of a try that make its solver another one: without the tolerance that is driven."""
    return {k: v for k, v in record.options.items() if k not in _NOT_CONFIGURATION}


def _read(chain: Sequence[Record], target: float, kind: Literal["raw", "polished"]) -> _Outcome:
    seconds, charged, disturbed = 0.0, 0.0, False
    limit = chain[0].time_limit_s
    for number, record in enumerate(chain, start=1):
        assert record.accuracy is not None
        # What the try itself was charged, whether or not it told its seconds.
        seconds += max(record.accuracy.charged_s - charged, 0.0)
        charged = record.accuracy.charged_s
        disturbed = disturbed or record.disturbed
        certified = record.raw_gap
        if kind == "polished":
            seconds += record.polish_s or 0.0
            certified = record.polished_gap
        if record.ended == "ok" and record.verdict != "wrong" and _meets(certified, target):
            return _Outcome(seconds, True, "reached", certified, number, disturbed, limit, record)
    end = chain[-1].accuracy.end if chain[-1].accuracy is not None else ""
    if end == "reached":
        end = NO_POLISH
    last = chain[-1].raw_gap if kind == "raw" else chain[-1].polished_gap
    return _Outcome(
        seconds, False, end or BROKEN_OFF, last, len(chain), disturbed, limit, chain[-1]
    )


def _meets(gap: float | None, target: float) -> bool:
    return gap is not None and gap <= target


def _combine(outcomes: Sequence[_Outcome], target: float, version: str) -> TimeToAccuracy:
    """Median over repeats, a chain that did not reach the target ranking last."""
    kept = [o for o in outcomes if not o.disturbed] or list(outcomes)
    middle = median_or_failure([o.seconds if o.reached else None for o in kept])
    if middle is None:
        shown = max((o for o in kept if not o.reached), key=lambda o: o.seconds)
        seconds = shown.seconds
    else:
        reached = [o for o in kept if o.reached]
        shown = max(reached, key=lambda o: (o.gap or 0.0, o.seconds))
        seconds = middle
    record = shown.last
    return TimeToAccuracy(
        solver=record.solver,
        version=version,
        options=configuration(record),
        instance=record.instance.name,
        sha256=record.instance.sha256,
        goods=record.instance.goods,
        group=record.group,
        variable=record.variable,
        value=record.value,
        machine=str(record.machine.get("id", "")),
        target=target,
        seconds=seconds,
        reached=middle is not None,
        end=shown.end,
        limit_s=shown.limit_s,
        gap=shown.gap,
        tries=shown.tries,
        repeats=len(kept),
        disturbed=all(o.disturbed for o in outcomes),
    )
