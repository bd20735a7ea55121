"""Time to verified accuracy: chains of tries at a target gap, with the failed ones charged.

Suites that state target gaps drive each solver to each target, tightening its tolerance until a
certificate reaches it. Such a chain is one result; its tries are not results of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planbench.records.schema import Record
from planbench.report import words
from planbench.stats.aggregate import median_or_failure


@dataclass(frozen=True)
class Reached:
    """What it took one solver to certify a target gap on one instance.

    Attributes
    ----------
    solver, instance, sha256 : str
    goods : int or None
    target : float
        Raw gap asked for.
    seconds : float or None
        Median seconds with the failed tries charged; None where it was not reached.
    spent : float
        Seconds spent, reached or not.
    end : str
        ``reached``, or why not.
    """

    solver: str
    instance: str
    sha256: str
    goods: int | None
    target: float
    seconds: float | None
    spent: float
    end: str


def time_to_gaps(records: Sequence[Record]) -> list[Reached]:
    """Seconds to each target gap, for every solver and instance that was driven to one.

    Disturbed rows count only where there are no others.
    """
    chains: dict[tuple[str, str, float], dict[tuple[str, int], list[Record]]] = {}
    for record in records:
        if record.accuracy is None:
            continue
        for target in record.accuracy.targets:
            place = record.solver, record.instance.sha256, target
            run = str(record.machine.get("id")), record.repeat
            chains.setdefault(place, {}).setdefault(run, []).append(record)
    return [
        _reached(solver, target, list(runs.values()))
        for (solver, _, target), runs in chains.items()
    ]


def _reached(solver: str, target: float, runs: list[list[Record]]) -> Reached:
    calm = [run for run in runs if not any(r.disturbed for r in run)] or runs
    times: list[float | None] = []
    ends: list[str] = []
    spent: list[float] = []
    for run in calm:
        hits = [r for r in run if _certifies(r, target)]
        facts = [r.accuracy for r in (hits or run) if r.accuracy is not None]
        charged = min(f.charged_s for f in facts) if hits else max(f.charged_s for f in facts)
        times.append(charged if hits else None)
        spent.append(charged)
        ends.append("reached" if hits else next((f.end for f in reversed(facts) if f.end), ""))
    shown = calm[0][0].instance
    middle = median_or_failure(times)
    return Reached(
        solver=words.plain(solver),
        instance=words.plain(shown.name),
        sha256=shown.sha256,
        goods=shown.goods,
        target=target,
        seconds=middle,
        spent=max(spent),
        end="reached" if middle is not None else next((e for e in ends if e != "reached"), ""),
    )


def _certifies(record: Record, target: float) -> bool:
    gap = record.raw_gap
    return record.ended == "ok" and record.verdict != "wrong" and gap is not None and gap <= target


def chains_as_results(records: Sequence[Record]) -> list[Record]:
    """Replace tries by one row per chain: its last try, for the tightest target, all charged.

    Rows that are no tries stay as they are.
    """
    tightest: dict[tuple[str, str, str, int], Record] = {}
    for record in records:
        facts = record.accuracy
        if facts is None or not facts.end:
            continue
        place = (
            record.solver,
            record.instance.sha256,
            str(record.machine.get("id")),
            record.repeat,
        )
        before = tightest.get(place)
        if before is None or before.accuracy is None or facts.targets <= before.accuracy.targets:
            tightest[place] = record
    chosen = {id(record) for record in tightest.values()}
    rows = []
    for record in records:
        if record.accuracy is None:
            rows.append(record)
        elif id(record) in chosen:
            rows.append(_charged(record))
    return rows


def _charged(record: Record) -> Record:
    assert record.accuracy is not None
    charged = record.accuracy.charged_s
    options = {name: value for name, value in record.options.items() if name != "tolerance"}
    changes: dict[str, object] = {
        "options": options,
        "key": f"{record.solver}|{record.instance.sha256}|chain",
    }
    if record.ended == "ok":
        changes["wall_s"] = charged
    elif record.ended == "timeout":
        changes["time_limit_s"] = charged
    return record.model_copy(update=changes)
