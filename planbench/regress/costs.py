"""Third and fourth layer: memory against a bound, time by the log ratios of pairs.

Time is counted in matrix passes of the machine, taken in the same process right before and
after, so that a processor that runs slower today is no regression. Disturbed rows are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import median

from planbench.records.schema import Record
from planbench.regress.counters import counts_instructions
from planbench.regress.facts import Finding, Rules, Verdict
from planbench.regress.match import Match
from planbench.stats.paired import LEAST_PAIRS, PairedRatio, paired_log_ratio
from planbench.stats.regression import Bound, shared_confidence

#: Peaks of equal runs differ by up to a tenth, small ones by the grain of allocators and pages.
MEMORY = Bound(factor=1.10, extra=2.0**20)
MEMORY_ELSEWHERE = Bound(factor=1.5, extra=4 * 2.0**20)
#: Runs below it are mostly start-up and clock.
LEAST_SECONDS = 0.01
#: Least effect on times across machines, even in matrix passes.
LEAST_EFFECT_ELSEWHERE = 0.5


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
    samples: list[tuple[str, str, str, list[float], list[float], bool]] = []
    for measure, of in _MEASURES:
        singles = {id(m): pair for m in matches if (pair := _pairs(m, of)) is not None}
        for match in matches:
            pair = singles.get(id(match))
            if pair is not None and min(map(len, pair)) >= LEAST_PAIRS:
                size = min(map(len, pair))
                old, new = (side[:size] for side in pair)
                place = (match.solver, match.instance, measure)
                samples.append((*place, old, new, match.same_machine))
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
    return _once([_time_finding(*sample, rules, confidence) for sample in samples])


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
        note=f"{found.n} pairs" + ("" if same_machine else ", other machine"),
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
