"""Time to verified accuracy: what each solver was charged for a plan certified to a target gap.

A suite with target gaps drives each solver to each target in a chain of tries
(:mod:`planbench.bench.accuracy` makes them); here the chains are read back from the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from planbench.records.schema import AccuracyFacts, Record
from planbench.records.values import canonical
from planbench.stats.aggregate import median_or_failure

#: Options that belong to a try, or say how long a solver may run, not which solver it is.
_NOT_CONFIGURATION = frozenset({"tolerance", "time_limit"})
#: End of a chain that no session has finished yet.
BROKEN_OFF = "broken off"


class ChainKey(NamedTuple):
    """What the tries of one chain have in common; ``options`` are canonical text."""

    solver: str
    version: str
    options: str
    sha256: str
    suite: str
    group: str
    value: str
    machine: str
    targets: tuple[float, ...]
    repeat: int


@dataclass(frozen=True)
class TimeToAccuracy:
    """What one solver needs for one target gap on one instance.

    Attributes
    ----------
    record : Record
        The last try that is charged.
    version : str
        Version of the code that ran.
    target : float
        Gap to be certified.
    seconds : float
        Wall seconds of all tries up to the one that reached the target, the failed ones
        included; median over repeats. Where the target was not reached: the seconds spent, so
        that the truth is *more* than that.
    reached : bool
        False marks a right-censored observation.
    end : str
        Why the chain ended, as in :class:`planbench.records.schema.AccuracyFacts`, or
        ``broken off`` (no session has finished it).
    limit_s : float or None
        Time limit the tries shared.
    tries : int
        Tries charged.
    disturbed : bool
        Every chain has a try made on a disturbed machine.
    repeats : int
        Chains the median is over.
    """

    record: Record
    version: str
    target: float
    seconds: float
    reached: bool
    end: str
    limit_s: float | None
    tries: int
    disturbed: bool
    repeats: int = 1

    @property
    def solver(self) -> str:
        """Solver as asked for, e.g. ``highs-pdlp:stock``."""
        return self.record.solver

    @property
    def options(self) -> Mapping[str, Any]:
        """Options asked for, without the tolerance that is driven."""
        return configuration(self.record)

    @property
    def instance(self) -> str:
        """Name of the instance."""
        return self.record.instance.name

    @property
    def sha256(self) -> str:
        """Hash of the instance."""
        return self.record.instance.sha256

    @property
    def goods(self) -> int | None:
        """Goods of the instance; None for a general LP."""
        return self.record.instance.goods

    @property
    def machine(self) -> str:
        """Identity of the machine."""
        return str(self.record.machine.get("id", ""))

    @property
    def gap(self) -> float | None:
        """Raw gap certified at the end."""
        return self.record.raw_gap


def facts_of(record: Record) -> AccuracyFacts:
    """Say what chain a try is part of."""
    assert record.accuracy is not None
    return record.accuracy


def read_chains(records: Iterable[Record]) -> Iterator[tuple[ChainKey, list[Record]]]:
    """Put tries into chains; rows of suites without target gaps are passed over.

    Parameters
    ----------
    records : iterable of Record
        In the order of the results file: a try made again takes the place of the former one and
        of what followed it.

    Yields
    ------
    key : ChainKey
    chain : list of Record
        After each try the chain that it belongs to, as it is then; one list for each chain.
    """
    rows = [record for record in records if record.accuracy is not None]
    # A run that failed often could not say its version: it takes that of its namesakes.
    known = {(r.solver, canonical(r.packages)): r.solver_version for r in rows if r.solver_version}
    chains: dict[ChainKey, list[Record]] = {}
    for row in rows:
        facts = facts_of(row)
        key = ChainKey(
            row.solver,
            row.solver_version or known.get((row.solver, canonical(row.packages)), ""),
            canonical(configuration(row)),
            row.instance.sha256,
            row.suite,
            row.group,
            str(row.value),
            str(row.machine.get("id", "")),
            tuple(facts.targets),
            row.repeat,
        )
        chain = chains.setdefault(key, [])
        del chain[facts.attempt :]
        if len(chain) == facts.attempt:
            chain.append(row)
            yield key, chain


def time_to_accuracy(records: Iterable[Record]) -> list[TimeToAccuracy]:
    """Seconds to each target gap, for each solver and instance.

    Parameters
    ----------
    records : iterable of Record
        As in :func:`read_chains`.

    Returns
    -------
    list of TimeToAccuracy
        In order of first appearance, targets from loose to tight.
    """
    found: dict[tuple[ChainKey, float], list[TimeToAccuracy]] = {}
    for key, chain in dict(read_chains(records)).items():
        for target in key.targets:
            place = key._replace(targets=(), repeat=0)
            found.setdefault((place, target), []).append(_read(chain, target, key.version))
    order = {place: number for number, place in enumerate(dict.fromkeys(p for p, _ in found))}
    ranked = sorted(found.items(), key=lambda item: (order[item[0][0]], -item[0][1]))
    return [_combine(outcomes) for _, outcomes in ranked]


def configuration(record: Record) -> dict[str, Any]:
    """Options of a try that make its solver another one: without the tolerance that is driven."""
    return {k: v for k, v in record.options.items() if k not in _NOT_CONFIGURATION}


def _read(chain: Sequence[Record], target: float, version: str) -> TimeToAccuracy:
    """Read one chain for one target."""
    reached = [
        number
        for number, r in enumerate(chain, start=1)
        if r.ended == "ok" and r.verdict != "wrong" and r.raw_gap is not None
        if r.raw_gap <= target
    ]
    tries = reached[0] if reached else len(chain)
    last = facts_of(chain[tries - 1])
    return TimeToAccuracy(
        record=chain[tries - 1],
        version=version,
        target=target,
        seconds=last.charged_s,
        reached=bool(reached),
        end="reached" if reached else last.end or BROKEN_OFF,
        limit_s=chain[0].time_limit_s,
        tries=tries,
        disturbed=any(r.disturbed for r in chain[:tries]),
    )


def _combine(outcomes: Sequence[TimeToAccuracy]) -> TimeToAccuracy:
    """Median over repeats, a chain that did not reach the target ranking last."""
    kept = [o for o in outcomes if not o.disturbed] or list(outcomes)
    middle = median_or_failure([o.seconds if o.reached else None for o in kept])
    if middle is None:
        shown = max((o for o in kept if not o.reached), key=lambda o: o.seconds)
        middle = shown.seconds
    else:
        reached = [o for o in kept if o.reached]
        shown = max(reached, key=lambda o: (o.gap or 0.0, o.seconds))
    disturbed = all(o.disturbed for o in outcomes)
    return replace(shown, seconds=middle, repeats=len(kept), disturbed=disturbed)
