"""Chains of tries at a target gap as one result each.

Suites that state target gaps drive each solver to each target, tightening its tolerance until a
certificate reaches it. A chain is one result, with its failed tries charged; its tries are none.
What each target took is in :mod:`planbench.stats.accuracy`.
"""

from __future__ import annotations

from collections.abc import Sequence

from planbench.records.schema import AccuracyFacts, Record
from planbench.records.values import canonical
from planbench.stats.accuracy import configuration, versions_of

#: Solver, version, options, instance, machine and repeat: what chains are compared within.
_Place = tuple[str, str, str, str, str, int]


def chains_as_results(records: Sequence[Record]) -> list[Record]:
    """Replace tries by one row per chain: its last try, for the tightest target, all charged.

    Of several chains of one solver (in one version, with the same options) at the tightest target
    the last undisturbed one counts, else the last. Rows that are no tries stay as they are.
    """
    tries = [r for r in records if r.accuracy is not None]
    version = {id(r): v for r, v in zip(tries, versions_of(tries), strict=True)}
    chains: dict[tuple[_Place, str, str, tuple[float, ...]], list[Record]] = {}
    tightest: dict[_Place, tuple[list[float], Record]] = {}
    last: dict[_Place, int] = {}
    for record in tries:
        facts = _facts(record)
        place = _place(record, version[id(record)])
        home = place, record.suite, f"{record.group} {record.value}", tuple(facts.targets)
        chain = chains.setdefault(home, [])
        # A try made again takes the place of the former one and of what followed it.
        del chain[facts.attempt :]
        chain.append(record)
        if not facts.end:
            continue
        row = _charged(chain)
        before = tightest.get(place)
        if before is not None:
            if facts.targets > before[0]:
                continue
            if facts.targets == before[0] and row.disturbed and not before[1].disturbed:
                continue
        tightest[place] = facts.targets, row
        last[place] = id(record)
    chosen = {last[place]: row for place, (_, row) in tightest.items()}
    rows = []
    for record in records:
        if record.accuracy is None:
            rows.append(record)
        elif id(record) in chosen:
            rows.append(chosen[id(record)])
    return rows


def _facts(record: Record) -> AccuracyFacts:
    assert record.accuracy is not None
    return record.accuracy


def _place(record: Record, version: str) -> _Place:
    return (
        record.solver,
        version,
        canonical(configuration(record)),
        record.instance.sha256,
        str(record.machine.get("id")),
        record.repeat,
    )


def _charged(chain: Sequence[Record]) -> Record:
    """Last try of a chain, with the work and the peaks of all; null where one is not known."""
    record = chain[-1]
    charged = _facts(record).charged_s
    passes = [r.matrix_passes for r in chain]
    known = [p for p in passes if p is not None]
    peaks = [r.peak_bytes for r in chain if r.peak_bytes is not None]
    options = {name: value for name, value in record.options.items() if name != "tolerance"}
    changes: dict[str, object] = {
        "options": options,
        "key": f"{record.solver}|{record.instance.sha256}|chain",
        "disturbed": any(r.disturbed for r in chain),
        "matrix_passes": sum(known) if len(known) == len(passes) else None,
        "peak_bytes": max(peaks, default=None),
    }
    if record.ended == "ok":
        changes["wall_s"] = charged
    elif record.ended == "timeout":
        changes["time_limit_s"] = charged
    return record.model_copy(update=changes)
