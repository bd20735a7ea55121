"""Third and fourth layer: memory against a bound, time by the log ratios of pairs.

Time is counted in matrix passes of the machine, taken in the same process right before and
after, so that a processor that runs slower today is no regression. Disturbed rows are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median

from planbench.comparison.counters import counts_instructions
from planbench.comparison.facts import Finding, Rules, Verdict
from planbench.comparison.match import Match
from planbench.records.schema import Record
from planbench.stats.paired import LEAST_PAIRS, PairedRatio, paired_log_ratio
from planbench.stats.regression import Bound, shared_confidence
from planbench.words import nouns

#: Peaks of equal runs differ by up to a tenth, small ones by the grain of allocators and pages.
MEMORY = Bound(factor=1.10, extra=2.0**20)
MEMORY_ELSEWHERE = Bound(factor=1.5, extra=4 * 2.0**20)
#: Runs below it are mostly start-up and clock.
LEAST_SECONDS = 0.01
#: Least effect on times across machines, even in matrix passes.
LEAST_EFFECT_ELSEWHERE = 0.5
#: Solver, instance, measure, times of both sides, whether they are of one machine.
_TimeSample = tuple[str, str, str, list[float], list[float], bool]


def judge_memory(matches: Sequence[Match]) -> list[Finding]:
    """Compare the median peak of every measurement that ended in both runs."""
    found = []
    for match in matches:
        old, new = (
            [float(r.peak_bytes) for r in s.ended if r.peak_bytes is not None]
            for s in (match.baseline, match.candidate)
        )
        if not old or not new:
            continue
        bound = MEMORY if match.same_machine else MEMORY_ELSEWHERE
        before, now = median(old), median(new)
        mebibytes = bound.extra / 2**20
        found.append(
            Finding(
                layer="memory",
                solver=match.solver,
                instance=match.instance,
                measure="peak memory",
                verdict=bound.judge(before, now),
                baseline=before,
                candidate=now,
                ratio=now / before if before > 0 else None,
                rule=f"at most {bound.factor:g}× + {mebibytes:g} MiB"
                + ("" if match.same_machine else " (other machine)"),
            )
        )
    return found


def solve_passes(row: Record) -> float | None:
    """Matrix passes the solve alone took."""
    return row.matrix_passes


def counted_passes(row: Record) -> float | None:
    """Matrix passes the counted phases (build, load, solve, extract) took."""
    if row.wall_s is None or not row.pass_s_before or not row.pass_s_after:
        return None
    return row.wall_s / ((row.pass_s_before + row.pass_s_after) / 2)


#: What is compared, from the part to the whole.
_MEASURES: tuple[tuple[str, Callable[[Record], float | None]], ...] = (
    ("time of solve", solve_passes),
    ("time", counted_passes),
)


def judge_time(matches: Sequence[Match], rules: Rules) -> list[Finding]:
    """Compare times: of each measurement with repeats enough, and of each solver over instances.

    A solver slower by a fifth everywhere shows over its instances even where no single one has
    repeats enough for a verdict. The interval of each is so much wider that all of them
    together keep the confidence asked for.
    """
    matches = [m for m in matches if not counts_instructions(m)]
    samples: list[_TimeSample] = []
    too_few: list[_TimeSample] = []
    for measure, of in _MEASURES:
        singles = {id(m): pair for m in matches if (pair := _pairs(m, of)) is not None}
        for match in matches:
            pair = singles.get(id(match))
            if pair is None:
                continue
            size = min(map(len, pair))
            old, new = (side[:size] for side in pair)
            sample = (match.solver, match.instance, measure, old, new, match.same_machine)
            if size >= LEAST_PAIRS:
                samples.append(sample)
            elif sum(m.solver == match.solver and id(m) in singles for m in matches) < LEAST_PAIRS:
                too_few.append(sample)  # shown as unclear where it moved far, but never decided
        for solver in dict.fromkeys(m.solver for m in matches):
            mine = [m for m in matches if m.solver == solver and id(m) in singles]
            if len(mine) >= LEAST_PAIRS:
                medians = [[median(side) for side in singles[id(m)]] for m in mine]
                samples.append(
                    (
                        solver,
                        f"{len(mine)} instances",
                        measure,
                        [old for old, _ in medians],
                        [new for _, new in medians],
                        all(m.same_machine for m in mine),
                    )
                )
    confidence = shared_confidence(rules.confidence, len(samples))
    shown = [f for s in too_few if _is_far(f := _time_finding(*s, rules, confidence), rules)]
    return _once([*(_time_finding(*sample, rules, confidence) for sample in samples), *shown])


def _is_far(finding: Finding, rules: Rules) -> bool:
    """Whether a time that nobody can judge moved so far that it must not pass in silence."""
    ratio = finding.ratio or 1.0
    return max(ratio, 1 / ratio) >= 1 + rules.least_effect


def times_left_out(matches: Sequence[Match]) -> str:
    """Say how many measurements that ended have no time to compare, and why; empty for none."""
    ended = [
        m for m in matches if m.baseline.ended and m.candidate.ended and not counts_instructions(m)
    ]
    without = [m for m in ended if _pairs(m, counted_passes) is None]
    if not without:
        return ""
    spoilt = sum(spoilt_by_machine(m) for m in without)
    reasons = [
        f"{count} {why}"
        for count, why in (
            (spoilt, "where the machine was disturbed"),
            (
                len(without) - spoilt,
                f"below {1000 * LEAST_SECONDS:g} ms, cut short or without matrix passes",
            ),
        )
        if count
    ]
    return (
        f"times not compared: {len(without)} of {nouns(len(ended), 'measurement')}: "
        + ", ".join(reasons)
    )


def spoilt_by_machine(match: Match) -> bool:
    """Whether one of the two runs has no undisturbed row of the measurement that ended."""
    return any(all(r.disturbed for r in s.ended) for s in (match.baseline, match.candidate))


def comparable_times(matches: Sequence[Match]) -> int:
    """Count the measurements whose time both runs tell and no disturbance spoils."""
    return sum(
        1
        for m in matches
        if any(counted_passes(r) for r in m.baseline.calm)
        and any(counted_passes(r) for r in m.candidate.calm)
    )


def _pairs(
    match: Match, of: Callable[[Record], float | None]
) -> tuple[list[float], list[float]] | None:
    """Give the times of both sides by repeat; None where there is nothing to trust."""
    sides = []
    for sample in (match.baseline, match.candidate):
        rows = sorted(sample.calm, key=lambda r: (r.group, r.repeat))
        sides.append([(value, r.wall_s or 0.0) for r in rows if (value := of(r))])
    if not all(sides):
        return None
    walls = [median(wall for _, wall in side) for side in sides]
    # The mean of both, so that neither side's luck decides what is looked at.
    if min(walls) <= 0 or math.sqrt(walls[0] * walls[1]) < LEAST_SECONDS:
        return None
    old, new = ([value for value, _ in side] for side in sides)
    return old, new


def _time_finding(
    solver: str,
    instance: str,
    measure: str,
    old: list[float],
    new: list[float],
    same_machine: bool,
    rules: Rules,
    confidence: float,
) -> Finding:
    effect = rules.least_effect
    if not same_machine:
        effect = max(effect, LEAST_EFFECT_ELSEWHERE)
    found = paired_log_ratio(old, new, least_effect=effect, confidence=confidence)
    return Finding(
        layer="time",
        solver=solver,
        instance=instance,
        measure=measure,
        verdict=_verdict(found),
        baseline=median(old),
        candidate=median(new),
        ratio=found.ratio,
        low=found.low,
        high=found.high,
        rule=f"slower by {effect:.0%} or more, beyond doubt",
        note=nouns(found.n, "pair") + ("" if same_machine else ", other machine"),
    )


def _verdict(found: PairedRatio) -> Verdict:
    verdicts: dict[str, Verdict] = {
        "slower": "worse",
        "faster": "better",
        "same": "same",
        "ambiguous": "unclear",
    }
    return verdicts[found.verdict]


def _once(findings: list[Finding]) -> list[Finding]:
    """Drop the whole where its part, the solve, already tells the same."""
    told = {(f.solver, f.instance, f.verdict) for f in findings if f.measure == _MEASURES[0][0]}
    return [
        f
        for f in findings
        if f.measure == _MEASURES[0][0] or (f.solver, f.instance, f.verdict) not in told
    ]
