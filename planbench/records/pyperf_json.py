"""Records as a pyperf file, for ``python -m pyperf stats``, ``hist`` and ``compare_to``.

Each solver with its options on each instance is one benchmark (each version of it, where a file
holds several), each repeat a run of one value: seconds, or peak memory in bytes (in a file of its
own, since pyperf takes means over a file). pyperf can hold nothing but values above zero, so runs
that gave none are left out and counted, and so are those not to be used: disturbed, or refuted by
the certificate.

The format is written by hand: pyperf is needed to read such a file, not to write it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from planbench.records.schema import Record

FORMAT_VERSION = "1.0"


@dataclass(frozen=True)
class PyperfSuite:
    """A pyperf file and what did not go into it.

    Attributes
    ----------
    document : dict
        As pyperf reads it; without benchmarks when no run can be used.
    left_out : dict of str to int
        How many rows are not in it, by reason.
    """

    document: dict[str, Any]
    left_out: dict[str, int]


def to_pyperf(records: Iterable[Record], *, memory: bool = False) -> PyperfSuite:
    """Make a pyperf suite of `records`.

    Parameters
    ----------
    records : iterable of Record
        Oldest first, as in a results file.
    memory : bool
        Peak memory (``peak_bytes``) instead of seconds (``wall_s``).
    """
    field = "peak_bytes" if memory else "wall_s"
    left_out: Counter[str] = Counter()
    repeats: dict[tuple[_Series, str, str, int], list[Record]] = {}
    for r in records:
        key = _Series(r.key, str(r.machine.get("id", "")), r.solver_version, r.environment)
        repeats.setdefault((key, r.suite, r.group, r.repeat), []).append(r)
    series: dict[_Series, list[Record]] = {}
    for (key, *_), rows in repeats.items():
        chosen, reasons = _choose(rows, field)
        left_out.update(reasons)
        if chosen is not None:
            series.setdefault(key, []).append(chosen)
    names = _names(series)
    benchmarks = [_benchmark(names[key], field, rows) for key, rows in series.items()]
    return PyperfSuite(
        {"version": FORMAT_VERSION, "metadata": {}, "benchmarks": benchmarks}, dict(left_out)
    )


@dataclass(frozen=True)
class _Series:
    """What one benchmark holds: one version of a solver, of one environment, on one machine."""

    key: str
    machine: str
    version: str
    environment: str


def _choose(rows: Sequence[Record], field: str) -> tuple[Record | None, list[str]]:
    """Return the row of one repeat that counts, and why each of the others does not."""
    reasons: list[str] = []
    usable: list[Record] = []
    for row in rows:
        if row.ended != "ok":
            reasons.append(row.ended)
        elif row.verdict == "wrong":
            reasons.append("wrong answer")
        elif not getattr(row, field):
            reasons.append("nothing to measure")
        else:
            usable.append(row)
    undisturbed = [row for row in usable if not row.disturbed]
    reasons += ["disturbed"] * (len(usable) - len(undisturbed))
    reasons += ["measured again"] * max(0, len(undisturbed) - 1)
    return (undisturbed[-1] if undisturbed else None), reasons


def _names(series: dict[_Series, list[Record]]) -> dict[_Series, str]:
    """Name each series: solver and instance, and what else distinguishes it."""
    names: dict[_Series, str] = {}
    several_machines = len({s.machine for s in series}) > 1
    versions: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for one in series:
        versions.setdefault((one.key, one.machine), set()).add((one.version, one.environment))
    for one, rows in series.items():
        words = [rows[0].solver]
        if len(versions[one.key, one.machine]) > 1:
            words += [one.version or "unknown version", one.environment]
        words.append(json.dumps(rows[0].options, sort_keys=True) if rows[0].options else "")
        words.append(rows[0].instance.name)
        if several_machines:
            words.append(f"on {one.machine}")
        names[one] = " ".join(" ".join(words).split())
    many = Counter(names.values())
    return {one: name if many[name] == 1 else f"{name} {one.key}" for one, name in names.items()}


def _benchmark(name: str, field: str, rows: Sequence[Record]) -> dict[str, Any]:
    first = rows[0]
    facts = {
        "name": name,
        "unit": "byte" if field == "peak_bytes" else "second",
        "loops": 1,
        "inner_loops": 1,
        "solver": first.solver,
        "solver_version": first.solver_version,
        "instance": first.instance.name,
        "instance_sha256": first.instance.sha256,
        "goods": first.instance.goods,
        "cpu_model_name": first.machine.get("cpu"),
        "planbench_version": first.packages.get("planbench"),
        "planbench_commit": first.commit,
        "python_version": first.machine.get("python"),
    }
    runs = [
        {
            "metadata": _scalars(
                {
                    "date": row.started_at,
                    "verdict": row.verdict,
                    "objective": row.objective,
                    "raw_gap": row.raw_gap,
                    "load_avg_1min": row.machine.get("load"),
                }
            ),
            "values": [getattr(row, field)],
        }
        for row in rows
    ]
    return {"metadata": _scalars(facts), "runs": runs}


def _scalars(facts: dict[str, Any]) -> dict[str, Any]:
    """Keep what pyperf takes as metadata: numbers, and text in one line that is not empty."""
    kept: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, str):
            value = " ".join(value.split())
        if value is not None and value != "":
            kept[name] = value
    return kept
