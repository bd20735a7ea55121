"""What the paired runs of two sides say: worse, better, the same, or nothing yet.

Pure functions on records. How runs ended and whether the two sides give the same answer is judged
as between two runs of a suite (:mod:`planbench.comparison.judge`). Times are compared pair by pair,
where both sides came to an end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import planbench.formatting as fmt
from planbench.comparison.findings import Finding, Layer, Unit, Verdict, sentence
from planbench.comparison.judge import judge_objective, judge_outcome, refutation, slower_by
from planbench.comparison.match import Match, Pair, Sample
from planbench.formatting import plural
from planbench.records.schema import Record
from planbench.stats.paired import PairedRatio, Schedule, paired_log_ratio


def _less_waits(record: Record) -> float | None:
    """Wall seconds, less those the worker's main thread was ready to run and had no processor."""
    return None if record.wall_s is None else max(record.wall_s - (record.wait_s or 0.0), 1e-9)


#: What each measure is called, its unit, and its figure in a record, None where that has none:
#: of build, load, solve and extract, or (``passes``) of phase solve alone.
MEASURES: dict[str, tuple[str, Unit, Callable[[Record], float | None]]] = {
    "time": ("time", "seconds", _less_waits),
    "cpu": ("CPU time", "seconds", lambda record: record.cpu_s),
    "passes": ("matrix passes", "passes", lambda record: record.matrix_passes),
}

#: Pairs after which a side that never came to an end is given up.
GIVE_UP_AFTER = 2
#: Below so many seconds on both sides the time is that of starting things, not of solving.
LEAST_TIMED_S = 0.01
#: The control is judged once, with this confidence.
CONTROL_CONFIDENCE = 0.99


@dataclass(frozen=True)
class Measurement:
    """One instance and the solver that both sides run on it.

    Attributes
    ----------
    instance : str
    solver : str
        A side may name another for itself.
    """

    instance: str
    solver: str


@dataclass(frozen=True)
class PairedResult:
    """What was found on one measurement.

    Attributes
    ----------
    case : Measurement
        With the solver that ran, or those of both sides.
    verdict : Verdict
        Of the second side. ``skipped``: both take less than :data:`LEAST_TIMED_S`, so that only
        answers and iterations were compared.
    layer : {"time", "outcomes"}
        What the verdict is about. ``outcomes``: at least one side never came to an end; unclear
        where neither did, one refused, or nothing was run.
    measure : str
    ratio : PairedRatio or None
        Second over first; None without a pair in which both came to an end.
    control : PairedRatio or None
        The same of the control; None where there was none.
    pairs, disturbed : int
        Pairs run, and those in which the machine was disturbed.
    typical : tuple of (float or None, float or None)
        Median of the measure for either side.
    iterations : tuple of (mapping, mapping)
        Iterations by kind of the first run of either side that came to an end.
    ends : tuple of (mapping, mapping)
        How often runs of either side ended in which way.
    faults : tuple of Finding
        What is worse whatever the time: answers that differ, runs of the second side that died.
    remarks : tuple of str
        What is worth knowing besides.
    reason : str
        Why there is no verdict, where there is none.
    steady : bool
        All runs of either side that came to an end took the same iterations.
    least_effect : float
        From which on a difference counts.
    """

    case: Measurement
    verdict: Verdict = "unclear"
    layer: Layer = "time"
    measure: str = "time"
    ratio: PairedRatio | None = None
    control: PairedRatio | None = None
    pairs: int = 0
    disturbed: int = 0
    typical: tuple[float | None, ...] = (None, None)
    iterations: tuple[Mapping[str, int], ...] = ({}, {})
    ends: tuple[Mapping[str, int], ...] = ({}, {})
    faults: tuple[Finding, ...] = ()
    remarks: tuple[str, ...] = ()
    reason: str = ""
    steady: bool = True
    least_effect: float = 0.05

    @property
    def difference(self) -> str:
        """How the answers of the two sides contradict each other; empty when they do not."""
        return next((sentence(f) for f in self.faults if f.measure == "objective"), "")

    @property
    def finding(self) -> Finding:
        """The outcome, as a finding about the time or about how runs ended."""
        where = self.layer, self.case.solver, self.case.instance
        if self.layer == "outcomes":
            return Finding(*where, "outcome", self.verdict, note=self.reason)
        measure, unit, _ = MEASURES[self.measure]
        ratio = self.ratio
        return Finding(
            *where,
            measure,
            self.verdict,
            self.typical[0],
            self.typical[1],
            unit,
            ratio=None if ratio is None else ratio.ratio,
            low=None if ratio is None else ratio.low,
            high=None if ratio is None else ratio.high,
            rule="" if self.verdict == "skipped" else slower_by(self.least_effect),
            note="; ".join(filter(None, [plural(self.pairs, "pair"), self.reason])),
        )


def amount(record: Record, measure: str) -> float | None:
    """Read one of :data:`MEASURES` off a record; None where it does not hold it."""
    return MEASURES[measure][2](record)


def judge_case(
    case: Measurement,
    pairs: Sequence[Pair],
    controls: Sequence[Pair],
    schedule: Schedule,
    *,
    measure: str = "time",
    names: tuple[str, str] = ("a", "b"),
) -> PairedResult:
    """Say what the pairs made so far mean.

    Parameters
    ----------
    case : Measurement
    pairs, controls : sequence of Pair
        In the order they were made.
    schedule : Schedule
    measure : {"time", "cpu", "passes"}
    names : tuple of str
        What the sides are called in sentences.
    """
    a, b = _sample(case, [p.a for p in pairs]), _sample(case, [p.b for p in pairs])
    unchanged, control = _times(controls, "time"), None
    if unchanged[0]:
        effect = schedule.least_effect
        control = paired_log_ratio(*unchanged, least_effect=effect, confidence=CONTROL_CONFIDENCE)
    found = PairedResult(
        case,
        measure=measure,
        control=control,
        pairs=len(pairs),
        disturbed=sum(p.a.disturbed or p.b.disturbed for p in pairs),
        typical=tuple(_typical(s.ended, measure) for s in (a, b)),
        iterations=tuple(dict(s.ended[0].iterations) if s.ended else {} for s in (a, b)),
        ends=tuple(Counter(r.ended for r in s.rows) for s in (a, b)),
        least_effect=schedule.least_effect,
    )
    if not pairs:
        return replace(found, layer="outcomes", reason="not run within the budget")
    outcome = judge_outcome(Match(a, b))
    if not (a.ended and b.ended):
        refused = any(r.ended == "refused" for side in (a, b) if not side.ended for r in side.rows)
        verdict: Verdict = outcome.verdict
        if refused or verdict in ("same", "skipped"):
            verdict = "unclear"
        return replace(found, layer="outcomes", verdict=verdict, reason=_both_ends(outcome, a, b))
    if outcome.verdict == "unclear" and b.complete and len(b.ended) == len(b.rows):
        # Loose in place of certified: for `regress` the gap decides, here the outcome is reported.
        gap = max((r.raw_gap for r in b.ended if r.raw_gap is not None), default=None)
        outcome = replace(outcome, note=f"raw gap {fmt.gap(gap)}")
    answers = [outcome, *judge_objective(Match(a, b))]
    remarks = []
    if found.iterations[0] != found.iterations[1]:
        old, new = (fmt.counts(counts, "not reported") for counts in found.iterations)
        remarks.append(f"iterations {old} with {names[0]}, {new} with {names[1]}")
    unsteady = [
        f"{name}: iterations vary from run to run"
        for side, name in zip((a, b), names, strict=True)
        if any(r.iterations != side.ended[0].iterations for r in side.ended)
    ]
    # Runs alternate on one machine: where it is not sure that all is as before, it is not.
    lost = [replace(f, verdict="worse") for f in answers if f.verdict in ("worse", "unclear")]
    found = replace(
        found,
        faults=tuple(lost),
        remarks=(*remarks, *unsteady, *(f.note for f in answers if f.verdict == "skipped")),
        steady=not unsteady,
    )
    times = _times(pairs, measure)
    walls = [_typical(side.ended, "time") for side in (a, b)]
    if len(times[0]) >= GIVE_UP_AFTER and all(w is not None and w < LEAST_TIMED_S for w in walls):
        reason = f"runs below {1000 * LEAST_TIMED_S:g} ms are too short to be timed"
        return replace(found, verdict="skipped", reason=reason)
    if not times[0]:
        reason = f"no pair of runs in which both came to an end and {measure} is known"
        return replace(found, reason=reason)
    ratio = schedule.look(*times)
    if control is not None and control.verdict in ("worse", "better"):
        reason = (
            f"the control, the same on both sides, took {control.ratio:.3g} times as long with "
            f"{names[1]}: the machine changed, not the solver"
        )
        return replace(found, ratio=ratio, reason=reason)
    late = _late(pairs)
    if (late[1] and ratio.verdict in ("same", "better")) or (late[0] and ratio.verdict == "worse"):
        reason = (
            f"the time limit cut off {plural(late[0], 'run')} of {names[0]} and {late[1]} of "
            f"{names[1]}, whose times are not known; raise --time-limit"
        )
        return replace(found, ratio=ratio, reason=reason)
    reason = "too few or too uneven pairs" if ratio.verdict == "unclear" else ""
    return replace(found, ratio=ratio, verdict=ratio.verdict, reason=reason)


def _sample(case: Measurement, rows: Sequence[Record]) -> Sample:
    """Take the runs of one side as repeats of one measurement."""
    undisturbed = tuple(row for row in rows if not row.disturbed)
    return Sample(case.solver, case.instance, "", tuple(rows), undisturbed)


def _both_ends(outcome: Finding, a: Sample, b: Sample) -> str:
    """Say how the runs of both sides ended, and why."""
    why = dict.fromkeys(
        note
        for side in (a, b)
        for row in side.rows
        if row.ended != "ok" or row.verdict == "wrong"
        if (note := refutation(row) if row.verdict == "wrong" else row.message)
    )
    return "; ".join([f"{outcome.baseline} → {outcome.candidate}", *why])


def is_decided(verdict: PairedResult, schedule: Schedule) -> bool:
    """Whether more runs could not change the verdict, or are not foreseen."""
    if verdict.layer == "outcomes" or verdict.verdict == "skipped":
        return verdict.pairs >= GIVE_UP_AFTER
    usable = verdict.ratio.n if verdict.ratio is not None else 0
    # Pairs without a ratio do not count as looks; at some point they are enough, too.
    if usable >= schedule.most_pairs or verdict.pairs >= 2 * schedule.most_pairs:
        return True
    return usable in schedule.looks and verdict.verdict != "unclear"


def _times(pairs: Sequence[Pair], measure: str) -> tuple[list[float], list[float]]:
    """Figures of both sides, of pairs in which both runs came to an end and have one."""
    times: tuple[list[float], list[float]] = [], []
    for pair in pairs:
        runs = pair.a, pair.b
        if pair.a.ended == pair.b.ended == "ok":
            a, b = (amount(r, measure) for r in runs)
            if measure == "time" and any(r.wait_s is None for r in runs):
                # Workers of early commits do not report their waits: these count on neither side.
                a, b = pair.a.wall_s, pair.b.wall_s
            if a and b and a > 0 and b > 0:
                times[0].append(a)
                times[1].append(b)
    return times


def _late(pairs: Sequence[Pair]) -> tuple[int, int]:
    """Count the pairs in which only the first side, only the second hit the time limit."""
    ends = [(p.a.ended, p.b.ended) for p in pairs]
    return ends.count(("timeout", "ok")), ends.count(("ok", "timeout"))


def _typical(records: Sequence[Record], measure: str) -> float | None:
    known = [v for r in records if (v := amount(r, measure)) is not None]
    return median(known) if known else None
