"""Records as a pyperf file, for ``python -m pyperf stats``, ``hist`` and ``compare_to``.

Each solver with its options on each instance is one benchmark, each repeat a run of one value:
seconds, or peak memory in bytes (in a file of its own, since pyperf takes means over a file).
pyperf can hold nothing but values above zero, so runs that gave none are left out and counted,
and so are those not to be used: disturbed, or refuted by the certificate.

The format is written by hand: pyperf is needed to read such a file, not to write it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
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
    measure = _peak if memory else _seconds
    left_out: Counter[str] = Counter()
    series: dict[_Series, list[Record]] = {}
    for key, rows in _by_repeat(records).items():
        chosen, reasons = _choose(rows, measure)
        left_out.update(reasons)
        if chosen is not None:
            series.setdefault(key[:2], []).append(chosen)
    names = _names(series)
    unit = "byte" if memory else "second"
    benchmarks = [
        _benchmark(names[key], unit, [measure(row) for row in rows], rows)
        for key, rows in series.items()
    ]
    return PyperfSuite(
        {"version": FORMAT_VERSION, "metadata": {}, "benchmarks": benchmarks}, dict(left_out)
    )


#: What is measured, and the machine.
_Series = tuple[str, str]
_Measure = Callable[[Record], float | int | None]


def _seconds(row: Record) -> float | None:
    return row.wall_s


def _peak(row: Record) -> int | None:
    return row.peak_bytes


def _by_repeat(
    records: Iterable[Record],
) -> dict[tuple[str, str, str, str, int], list[Record]]:
    found: dict[tuple[str, str, str, str, int], list[Record]] = {}
    for r in records:
        key = (r.key, str(r.machine.get("id", "")), r.suite, r.group, r.repeat)
        found.setdefault(key, []).append(r)
    return found


def _choose(rows: Sequence[Record], measure: _Measure) -> tuple[Record | None, list[str]]:
    """Return the row of one repeat that counts, and why each of the others does not."""
    reasons: list[str] = []
    usable: list[Record] = []
    for row in rows:
        if row.ended != "ok":
            reasons.append(row.ended)
        elif row.verdict == "wrong":
            reasons.append("wrong answer")
        elif not measure(row):
            reasons.append("nothing to measure")
        else:
            usable.append(row)
    calm = [row for row in usable if not row.disturbed]
    reasons += ["disturbed"] * (len(usable) - len(calm))
    reasons += ["measured again"] * max(0, len(calm) - 1)
    return (calm[-1] if calm else None), reasons


def _names(series: dict[_Series, list[Record]]) -> dict[_Series, str]:
    """Name each series: solver and instance, the options and the machine where there are more."""
    names: dict[_Series, str] = {}
    machines = {machine for _, machine in series}
    for key, rows in series.items():
        options = json.dumps(rows[0].options, sort_keys=True) if rows[0].options else ""
        machine = f"on {key[1]}" if len(machines) > 1 else ""
        words = f"{rows[0].solver} {options} {rows[0].instance.name} {machine}"
        names[key] = " ".join(words.split())
    many = Counter(names.values())
    return {key: name if many[name] == 1 else f"{name} {key[0]}" for key, name in names.items()}


def _benchmark(
    name: str, unit: str, values: Sequence[float | int | None], rows: Sequence[Record]
) -> dict[str, Any]:
    first = rows[0]
    facts = {
        "name": name,
        "unit": unit,
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
            "values": [value],
        }
        for row, value in zip(rows, values, strict=True)
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
