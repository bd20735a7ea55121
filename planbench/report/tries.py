"""Chains of tries at a target gap as one result each.

Suites that state target gaps drive each solver to each target, tightening its tolerance until a
certificate reaches it. A chain is one result, with its failed tries charged; its tries are none.
What each target took is in :mod:`planbench.stats.accuracy`.
"""

from __future__ import annotations

from collections.abc import Sequence

from planbench.records.schema import Record


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
