"""Benchmarks of planbench itself in the gate: JSON files of pytest-benchmark and of pyperf.

Their values are held against each other like times of solvers: a benchmark is slower when the
interval of its ratio lies above 1 and the ratio exceeds the least effect. Counts of
instructions, where a benchmark carries them, hardly depend on the machine's load and are held
to a bound.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from planbench.errors import InputError
from planbench.regress.costs import LEAST_EFFECT_ELSEWHERE, verdict_of
from planbench.regress.facts import Comparison, Finding, Obstacle, Rules, in_order
from planbench.stats.paired import LEAST_PAIRS, paired_log_ratio
from planbench.stats.regression import Bound, shared_confidence

#: Values of one benchmark are gathered into at most so many medians, in the order they were
#: taken: neighbours within one process are no independent runs.
MOST_BLOCKS = 20
#: Instructions of equal code differ by hashing, the allocator and the length of paths.
COUNTS = Bound(factor=1.02)
#: Keys of a benchmark's extra information that are counts to compare.
COUNTED = ("instructions",)

_UNITS = {"second": "s", "byte": "bytes", "integer": ""}


@dataclass(frozen=True)
class Timing:
    """One benchmark.

    Attributes
    ----------
    name : str
    values : tuple of float
        In the order they were taken, > 0.
    unit : str
        ``s``, ``bytes`` or empty.
    counts : mapping of str to float
    """

    name: str
    values: tuple[float, ...]
    unit: str = "s"
    counts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Timings:
    """A file of benchmarks.

    Attributes
    ----------
    machine : str
        Host and processor in words, empty where they are not told.
    timings : mapping of str to Timing
    """

    machine: str
    timings: Mapping[str, Timing]


def read_timings(path: Path) -> Timings:
    """Read a JSON file of pytest-benchmark or pyperf.

    Raises
    ------
    InputError
        When it is neither, or holds no benchmark.
    """
    where = str(path)
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError("no such file", where=where) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=where) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no JSON ({error}); was it cut off?", where=where) from None
    benchmarks = document.get("benchmarks") if isinstance(document, dict) else None
    if not isinstance(benchmarks, list):
        raise InputError(
            "holds no benchmarks; give JSON of pytest-benchmark or pyperf, or results (.jsonl)",
            where=where,
        )
    try:
        if "machine_info" in document:
            found = [_pytest_benchmark(entry) for entry in benchmarks]
            machine = _machine(document["machine_info"])
        else:
            shared = document.get("metadata", {})
            found = [_pyperf(entry, shared) for entry in benchmarks]
            machine = " ".join(
                str(shared[k]) for k in ("hostname", "cpu_model_name") if shared.get(k)
            )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(
            f"is not as pytest-benchmark or pyperf writes it ({type(error).__name__}: {error})",
            where=where,
        ) from None
    timings = {t.name: t for t in found if t.values}
    if not timings:
        raise InputError("holds no measurements", where=where)
    return Timings(machine, timings)


def compare_timings(
    baseline: Timings,
    candidate: Timings,
    rules: Rules,
    *,
    names: tuple[str, str] = ("baseline", "candidate"),
) -> Comparison:
    """Compare two files of benchmarks, as :func:`planbench.regress.gate.compare_runs` does runs."""
    shared = [name for name in candidate.timings if name in baseline.timings]
    obstacles = []
    if not shared:
        text = f"{names[0]} and {names[1]} have no benchmark in common; nothing to compare"
        obstacles.append(Obstacle(None, text))
    alike = baseline.machine == candidate.machine
    if shared and not alike:
        obstacles.append(
            Obstacle(
                "machine",
                f"measured on different machines: {baseline.machine or 'unknown'} against "
                f"{candidate.machine or 'unknown'}; give --allow machine for wider bounds",
            )
        )
    stopping = [o for o in obstacles if o.kind is None or o.kind not in rules.allow]
    notes = [f"{o.message} (allowed)" for o in obstacles if o not in stopping]
    findings: list[Finding] = []
    gone = [name for name in baseline.timings if name not in candidate.timings]
    if not stopping:
        findings = [_missing(name, rules) for name in gone]
        pairs = [(baseline.timings[name], candidate.timings[name]) for name in shared]
        if "counters" in rules.layers:
            findings += [f for old, new in pairs for f in _counts(old, new)]
        if "time" in rules.layers:
            enough = sum(min(len(o.values), len(n.values)) >= LEAST_PAIRS for o, n in pairs)
            level = shared_confidence(rules.confidence, enough)
            findings += [_time(old, new, rules, level, alike) for old, new in pairs]
    return Comparison(
        findings=in_order(findings),
        obstacles=tuple(stopping),
        notes=tuple(notes),
        compared=0 if stopping else len(shared),
        baseline=names[0],
        candidate=names[1],
        counts=dict(Counter(f.verdict for f in findings)),
    )


def _time(old: Timing, new: Timing, rules: Rules, confidence: float, alike: bool) -> Finding:
    size = min(len(old.values), len(new.values), MOST_BLOCKS)
    before, after = (_blocks(t.values, size) for t in (old, new))
    effect = rules.least_effect if alike else max(rules.least_effect, LEAST_EFFECT_ELSEWHERE)
    found = paired_log_ratio(before, after, least_effect=effect, confidence=confidence)
    return Finding(
        layer="time",
        solver="",
        instance=new.name,
        measure="time" if new.unit == "s" else new.unit or "value",
        verdict=verdict_of(found),
        baseline=median(before),
        candidate=median(after),
        ratio=found.ratio,
        low=found.low,
        high=found.high,
        rule=f"slower by {effect:.0%} or more, beyond doubt",
        note=f"{len(old.values)} and {len(new.values)} values",
        unit=new.unit,
    )


def _blocks(values: Sequence[float], size: int) -> list[float]:
    """Medians of `size` blocks of neighbouring values."""
    return [float(np.median(block)) for block in np.array_split(np.asarray(values), size)]


def _counts(old: Timing, new: Timing) -> list[Finding]:
    return [
        Finding(
            layer="counters",
            solver="",
            instance=new.name,
            measure=name,
            verdict=COUNTS.judge(before, after),
            baseline=before,
            candidate=after,
            ratio=after / before if before > 0 else None,
            rule=f"at most {COUNTS.factor:g}×",
        )
        for name in COUNTED
        if (before := old.counts.get(name)) is not None
        and (after := new.counts.get(name)) is not None
    ]


def _missing(name: str, rules: Rules) -> Finding:
    return Finding(
        layer="outcomes",
        solver="",
        instance=name,
        measure="outcome",
        verdict="worse" if rules.require_all else "skipped",
        baseline="measured",
        candidate="not measured",
    )


def _pytest_benchmark(entry: Mapping[str, Any]) -> Timing:
    stats = entry["stats"]
    extra = entry.get("extra_info") or {}
    counts = {k: float(extra[k]) for k in COUNTED if isinstance(extra.get(k), int | float)}
    values = stats.get("data") or [stats["median"]]
    return Timing(str(entry.get("fullname") or entry["name"]), _positive(values), "s", counts)


def _pyperf(entry: Mapping[str, Any], shared: Mapping[str, Any]) -> Timing:
    facts = {**shared, **(entry.get("metadata") or {})}
    values = [value for run in entry["runs"] for value in run.get("values", ())]
    unit = str(facts.get("unit", "second"))
    return Timing(str(facts["name"]), _positive(values), _UNITS.get(unit, unit))


def _positive(values: Sequence[float]) -> tuple[float, ...]:
    found = tuple(float(value) for value in values)
    if any(not (0 < value < float("inf")) for value in found):
        raise ValueError("a value is not positive and finite")
    return found


def _machine(facts: Mapping[str, Any]) -> str:
    processor = facts.get("cpu")
    brand = processor.get("brand_raw") if isinstance(processor, Mapping) else processor
    return " ".join(str(part) for part in (facts.get("node"), brand) if part)
