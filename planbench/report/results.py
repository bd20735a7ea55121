"""One result per solver and instance: repeats, reruns and disturbed rows aggregated.

Every table, chart and sentence of the report reads these, so that all of them agree on what
"solved" means.

Suites that state target gaps drive each solver to each target, tightening its tolerance until a
certificate reaches it. Such a chain of runs is one result, with its failed runs charged; the runs
are none. What each target took is in :mod:`planbench.stats.accuracy`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import planbench.formatting as fmt
from planbench.errors import InputError
from planbench.records.schema import STUDY, Record
from planbench.records.values import canonical
from planbench.records.verdicts import is_old, is_proven
from planbench.stats.accuracy import facts_of, read_chains
from planbench.stats.aggregate import median_or_failure


def chains_as_results(records: Sequence[Record]) -> list[Record]:
    """Replace tries by one row per chain: its last try, for the tightest target, all charged.

    Of several chains of one solver (in one version, with the same options) at the tightest target
    the last undisturbed one counts, else the last. Rows that are no tries stay as they are.
    """
    chosen: dict[tuple[object, ...], tuple[list[float], Record, Record]] = {}
    for key, chain in read_chains(records):
        if not facts_of(chain[-1]).end:
            continue
        place = key._replace(suite="", group="", value="", targets=())
        targets, row = facts_of(chain[-1]).targets, _charged(chain)
        before = chosen.get(place)
        if before is not None:
            if targets > before[0]:
                continue
            if targets == before[0] and row.disturbed and not before[1].disturbed:
                continue
        chosen[place] = targets, row, chain[-1]
    charged = {id(last): row for _, row, last in chosen.values()}
    return [
        charged.get(id(record), record)
        for record in records
        if record.accuracy is None or id(record) in charged
    ]


def _charged(chain: Sequence[Record]) -> Record:
    """Last try of a chain, with the work and the peaks of all; null where one is not known."""
    record = chain[-1]
    charged = facts_of(record).charged_s
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


#: What is compared: wall seconds, matrix passes, peak bytes.
Measure = Literal["seconds", "passes", "bytes"]


@dataclass(frozen=True)
class Cost:
    """A measure in words and figures.

    Attributes
    ----------
    name, short : str
        In titles and in headings.
    field : str
        Of a record.
    shown, predicted : callable (float or None) -> str
        How it is written, and where it may be huge.
    """

    name: str
    short: str
    field: str
    shown: Callable[[float | None], str]
    predicted: Callable[[float | None], str]


COSTS: dict[Measure, Cost] = {
    "seconds": Cost("time", "time", "wall_s", fmt.seconds, fmt.long_seconds),
    "passes": Cost("matrix passes", "passes", "matrix_passes", fmt.passes, fmt.size),
    "bytes": Cost("peak memory", "memory", "peak_bytes", fmt.size_bytes, fmt.large_bytes),
}

Status = Literal[
    "solved", "loose", "unproven", "wrong", "timeout", "memory", "crash", "killed", "refused"
]

#: A run counts as solved when its certified raw gap is at most this (or its verdict is
#: "certified"): four digits of the plan's value.
TARGET_GAP = 1e-4

#: An answer proven to no better than this is another task than planning: its time is not drawn
#: among the times of plans.
LOOSEST_GAP = 1e-2

#: Options that do not change what a solver is, only how long it may run.
_NOT_CONFIGURATION = frozenset({"time_limit"})


@dataclass(frozen=True)
class AggregatedResult:
    """What came out of one solver on one instance.

    Attributes
    ----------
    series : str
        Solver name, with the options, version and machine that distinguish it from its namesakes.
    solver, instance, sha256, group, machine : str
    goods : int or None
    status : Status
    seconds : float or None
        Median wall seconds of build + load + solve + extract; at a failure the seconds it had
        used (the limit, for a timeout).
    passes : float or None
        Median matrix passes; at a failure those it had used.
    peak_bytes : float or None
        Largest peak; at a failure what it had reached.
    raw_gap, polished_gap : float or None
        Largest of the repeats.
    record : Record
        The row that represents the result.
    rows : tuple of Record
        What the figures are over: one for each repeat that counts.
    disturbed : bool
        Every row was taken on a disturbed machine.
    """

    series: str
    solver: str
    instance: str
    sha256: str
    group: str
    machine: str
    goods: int | None
    status: Status
    seconds: float | None
    passes: float | None
    peak_bytes: float | None
    raw_gap: float | None
    polished_gap: float | None
    record: Record
    rows: tuple[Record, ...]
    disturbed: bool

    @property
    def repeats(self) -> int:
        """Rows that the medians are over."""
        return len(self.rows)

    def cost(self, measure: Measure) -> float | None:
        """Read off one cost; at a failure what was used until then."""
        return {"seconds": self.seconds, "passes": self.passes, "bytes": self.peak_bytes}[measure]

    @property
    def solved(self) -> bool:
        """The answer is certified to the target gap."""
        return self.status == "solved"

    @property
    def too_loose(self) -> bool:
        """It ended, and proves so little that its time compares with no other."""
        loose = self.raw_gap is None or self.raw_gap > LOOSEST_GAP
        return self.finished and not self.solved and loose

    @property
    def finished(self) -> bool:
        """It ran to its end and its answer is not known to be wrong."""
        return self.status in ("solved", "loose", "unproven")


def machine_label(record: Record) -> str:
    """CPU and cores of the machine of `record`, in one short phrase."""
    machine = record.machine
    cpu = " ".join(str(machine.get("cpu") or "unnamed machine").split())
    cores = machine.get("threads") or machine.get("cores")
    return f"{cpu}, {cores} threads" if cores else cpu


def machine_key(record: Record) -> str:
    """Identity of the machine: rows of different machines are never averaged."""
    return str(record.machine.get("id") or machine_label(record))


def machine_names(records: Iterable[Record]) -> str:
    """CPU and identity of every machine of `records`."""
    names = (f"{machine_label(r)} ({machine_key(r)[:6]})" for r in records)
    return " and ".join(dict.fromkeys(names))


def status_of(record: Record) -> Status:
    """Judge one row: how the run ended, then what its certificate is worth."""
    if record.ended != "ok":
        return record.ended
    if record.verdict == "wrong":
        return "wrong"
    if is_proven(record):
        return "solved"
    if record.raw_gap is None:
        return "unproven"
    # Before certificate 2 the repaired answer was judged, and so are these rows for ever.
    own = record.residuals if not is_old(record) else None
    violations = [] if own is None else [own.primal_scaled or 0.0, own.dual_scaled or 0.0]
    return "solved" if max(record.raw_gap, *violations, 0.0) <= TARGET_GAP else "loose"


#: Solver, options that count (as sorted JSON) and version.
SeriesKey = tuple[str, str, str]


def series_keys(records: Sequence[Record]) -> list[SeriesKey]:
    """Say for each row which series it belongs to.

    A run that failed often could not say its version: it takes that of a row of the same solver
    with the same packages, or else the last version seen.
    """
    by_packages: dict[tuple[str, str], str] = {}
    last: dict[str, str] = {}
    for record in records:
        if record.solver_version:
            by_packages[(record.solver, canonical(record.packages))] = record.solver_version
            last[record.solver] = record.solver_version
    keys = []
    for record in records:
        version = record.solver_version or by_packages.get(
            (record.solver, canonical(record.packages)), last.get(record.solver, "")
        )
        keys.append((record.solver, canonical(_options(record)), version))
    return keys


def configuration(record: Record) -> str:
    """Solver with all options that count, whatever its version, e.g. ``pdlp tolerance=1e-08``."""
    options = sorted(_options(record).items())
    return fmt.plain(
        " ".join([record.solver, *(f"{name}={_plain(value)}" for name, value in options)])
    )


def _options(record: Record) -> dict[str, Any]:
    """Options that make a solver another one."""
    return {
        name: value
        for name, value in record.options.items()
        if name not in _NOT_CONFIGURATION and value not in (None, {}, False)
    }


def series_labels(keys: Sequence[SeriesKey]) -> dict[SeriesKey, str]:
    """Label of each series: the solver's name, and only what distinguishes namesakes."""
    by_solver: dict[str, list[SeriesKey]] = {}
    for key in dict.fromkeys(keys):
        by_solver.setdefault(key[0], []).append(key)
    labels: dict[SeriesKey, str] = {}
    for solver, kinds in by_solver.items():
        options_seen = [json.loads(options) for _, options, _ in kinds]
        names = sorted({name for options in options_seen for name in options})
        differing = [n for n in names if len({canonical(o.get(n)) for o in options_seen}) > 1]
        several_versions = len({version for _, _, version in kinds}) > 1
        for key, found in zip(kinds, options_seen, strict=True):
            parts = [solver]
            parts += [f"{name}={_plain(found[name])}" for name in differing if name in found]
            if several_versions:
                parts.append(key[2] or "unknown version")
            labels[key] = fmt.plain(" ".join(parts))
    return labels


def aggregate(records: Iterable[Record]) -> list[AggregatedResult]:
    """Turn rows into results, in order of first appearance.

    Rules, in order: of rows with the same key and repeat the last undisturbed one counts, else
    the last; disturbed rows are dropped where undisturbed ones exist; a timeout under a shorter
    limit is dropped where a longer limit was tried; a wrong answer in any repeat makes the result
    wrong; otherwise the median over repeats counts, failures ranking last. Tries at a target
    gap come in as one row per chain. Rows of studies are no results of this kind.
    """
    rows = chains_as_results([r for r in records if r.suite != STUDY])
    keys = series_keys(rows)
    labels = series_labels(keys)
    latest: dict[tuple[str, ...], tuple[SeriesKey, Record]] = {}
    for key, record in zip(keys, rows, strict=True):
        place = (
            *key,
            record.key,
            str(record.repeat),
            machine_key(record),
        )
        before = latest.get(place)
        if before is None or not record.disturbed or before[1].disturbed:
            latest[place] = key, record
    several_machines = len({machine_key(r) for r in rows}) > 1
    results: dict[tuple[str, ...], list[Record]] = {}
    for key, record in latest.values():
        machine = f" @{machine_key(record)[:6]}" if several_machines else ""
        home = (fmt.plain(labels[key] + machine), record.instance.sha256)
        results.setdefault(home, []).append(record)
    return [_aggregated(home[0], group) for home, group in results.items()]


def require_results(records: Sequence[Record]) -> list[AggregatedResult]:
    """Cells of `records`, for those who need at least one.

    Raises
    ------
    InputError
        Without any record.
    """
    results = aggregate(records)
    if not results:
        raise InputError("no measurements to show; run `planbench bench` first", where="records")
    return results


def median_result(results: Sequence[AggregatedResult]) -> AggregatedResult | None:
    """Of several seeds of one size the middle one, failures ranking last; None of none."""
    if not results:
        return None
    ranked = sorted(results, key=lambda c: (not c.solved, not c.finished, c.seconds or 0.0))
    return ranked[len(ranked) // 2]


def _aggregated(series: str, rows: list[Record]) -> AggregatedResult:
    undisturbed = [r for r in rows if not r.disturbed]
    kept = undisturbed or rows
    longest = max((r.time_limit_s or 0.0) for r in kept)
    tried = [r for r in kept if r.ended != "timeout" or (r.time_limit_s or 0.0) >= longest]
    kept = tried or kept
    wrong = [r for r in kept if status_of(r) == "wrong"]
    failed = [r for r in kept if r.ended != "ok"]
    middle = median_or_failure([r.wall_s if r.ended == "ok" else None for r in kept])
    if wrong:
        shown, value = wrong[0], wrong[0].wall_s
        used = [shown]
    elif middle is None and failed:
        shown, value = failed[-1], _seconds_used(failed[-1])
        used = [shown]
    else:
        used = [r for r in kept if r.ended == "ok"]
        # The loosest answer represents the result: a solver is as good as its worst repeat.
        shown = max(used, key=_looseness)
        value = middle
    passes = [p for r in used if (p := _passes_used(r)) is not None]
    peaks = [r.peak_bytes for r in used if r.peak_bytes is not None]
    gaps = [r.raw_gap for r in used if r.raw_gap is not None]
    polished = [r.polished_gap for r in used if r.polished_gap is not None]
    return AggregatedResult(
        series=series,
        solver=shown.solver,
        instance=fmt.plain(shown.instance.name),
        sha256=shown.instance.sha256,
        group=fmt.plain(next((r.group for r in rows if r.group), "")),
        machine=machine_label(shown),
        goods=shown.instance.goods,
        status=status_of(shown),
        seconds=value,
        passes=median_or_failure(passes),
        peak_bytes=float(max(peaks)) if peaks else None,
        raw_gap=max(gaps) if len(gaps) == len(used) else None,
        polished_gap=max(polished) if len(polished) == len(used) else None,
        record=shown,
        rows=tuple(used),
        disturbed=all(r.disturbed for r in used),
    )


def _looseness(record: Record) -> tuple[int, float]:
    order = {"solved": 0, "loose": 1, "unproven": 2}
    return order.get(status_of(record), 3), record.raw_gap or 0.0


def _seconds_used(record: Record) -> float | None:
    if record.ended == "timeout":
        limits = [record.time_limit_s, record.options.get("time_limit")]
        known = [float(limit) for limit in limits if isinstance(limit, int | float)]
        if known:
            return min(known)
    if record.wall_s is not None:
        return record.wall_s
    spent = [p.wall_s for p in record.phases if p.name in ("build", "load", "solve", "extract")]
    return sum(spent) if spent else None


def _passes_used(record: Record) -> float | None:
    """Matrix passes of a row; of a run stopped at its limit those that it had the time for."""
    if record.matrix_passes is not None:
        return record.matrix_passes
    if record.ended != "timeout" or not record.pass_s_before:
        return None
    # A run stopped while solving had this many passes' time; what it loaded does not count.
    solving = [p.wall_s for p in record.phases if p.name == "solve"]
    if solving:
        return sum(solving) / record.pass_s_before
    before = sum(p.wall_s for p in record.phases if p.name in ("build", "load"))
    left = (record.time_limit_s or record.wall_s or 0.0) - before
    return left / record.pass_s_before if left > 0 else None


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{k}={v}" for k, v in sorted(value.items()))
    return f"{value:g}" if isinstance(value, float) else str(value)
