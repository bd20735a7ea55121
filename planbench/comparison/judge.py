"""What became better or worse between two runs, in five layers.

Outcomes: answers that turned wrong, runs that no longer end, answers worth less.

Counters do not depend on how busy a machine is. Iterations, sizes of the linear program, the
objective and the certified gap repeat exactly where solver, packages, options and class of
processor are the same; then any iteration more is worse. Elsewhere rounding goes other ways, and
stated bounds take the place of equality.

Memory is held to a bound, time is judged by the log ratios of pairs. Time is counted in matrix
passes of the machine, taken in the same process right before and after, so that a processor that
runs slower today is no regression. Disturbed rows are left out.

Growth: whether cost grows faster with size than it did. Ladders of both runs are matched instance
by instance, and the change of each exponent is judged from the ratios, where what is particular
to an instance cancels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any, NamedTuple

from planbench.certificates.verdict import CANCELLED
from planbench.comparison.findings import Finding, Layer, Rules, Unit, Verdict
from planbench.comparison.match import Match, Sample
from planbench.formatting import plural
from planbench.records.schema import Record
from planbench.report.ladders import BYTES_FLOOR, SECONDS_FLOOR, find_ladders
from planbench.report.results import AggregatedResult, Measure, aggregate, configuration
from planbench.stats.paired import (
    LEAST_PAIRS,
    Bound,
    compare_slopes,
    paired_log_ratio,
    shared_confidence,
)


def _finding(
    of: Match | Sample,
    layer: Layer,
    measure: str,
    verdict: Verdict,
    figures: tuple[float | str | None, float | str | None] = (None, None),
    rule: str = "",
    note: str = "",
    unit: Unit = "",
) -> Finding:
    """Make a finding of two figures, with their ratio where it means something."""
    before, now = figures
    ratio = None
    if isinstance(before, int | float) and isinstance(now, int | float) and before > 0:
        ratio = now / before if unit != "objective" else None
    where = layer, of.solver, of.instance
    return Finding(*where, measure, verdict, before, now, unit, ratio, rule=rule, note=note)


# -- outcomes ---------------------------------------------------------------------------------

#: A timeout on another or a disturbed machine counts where the limit is at least this many
#: times what the baseline needed: no two machines of today differ more.
TIMEOUT_MARGIN = 4.0
#: Why verdicts are not compared.
OTHER_RULES = "judged by other versions of the certificate; verdicts are not compared"


def new_wrong_answers(samples: Iterable[Sample]) -> list[Finding]:
    """Wrong answers of measurements that the baseline has not: red all the same."""
    return [
        _outcome_finding(s, "worse", "not measured", "wrong", note=refutation(wrong[0]))
        for s in samples
        if (wrong := _wrong(s))
    ]


def missing(samples: Iterable[Sample], *, worse: bool) -> list[Finding]:
    """Measurements that only the baseline has."""
    return [
        _outcome_finding(
            s,
            "worse" if worse else "skipped",
            _outcome_words(s),
            "not measured",
            rule="must be measured" if worse else "",
        )
        for s in samples
    ]


def judge_outcome(match: Match) -> Finding:
    """Compare how the runs of a measurement ended."""
    old, new = match.baseline, match.candidate
    before, now = _outcome_words(old), _outcome_words(new)
    verdict: Verdict
    note = ""
    if wrong := _wrong(new):
        # Wrong is wrong, whatever rules the baseline was judged by.
        verdict = "same" if _wrong(old) else "worse"
        note = refutation(wrong[0])
    elif _wrong(old):
        # What replaces a wrong answer, even no answer, is no loss.
        verdict = "better" if match.same_certificate else "skipped"
        note = "" if match.same_certificate else OTHER_RULES
    elif old.ended and (not new.ended or (len(new.ended) < len(new.rows) and _all_ended(old))):
        verdict, note = _lost(match)
    elif _died(new) and not _died(old):
        verdict, note = "worse", _died(new)[-1].message
    elif new.ended and (not old.ended or (_all_ended(new) and not _all_ended(old))):
        verdict = "better"
    elif old.ended and new.ended:
        verdict, note = _worth(match)
    else:
        verdict = "same"
    return _outcome_finding(match, verdict, before, now, note=note)


def _lost(match: Match) -> tuple[Verdict, str]:
    """Every repeat of the baseline ended and not every one of the candidate, or none does now."""
    new = match.candidate
    failed = [r for r in new.rows if r.ended != "ok"]
    note = next((r.message for r in failed if r.message), "")
    stopped = [r for r in failed if r.ended in ("timeout", "memory")]
    if len(stopped) < len(failed):
        return "worse", note
    if 2 * len(failed) < len(new.rows):
        return "unclear", f"{len(failed)} of {len(new.rows)} repeats; {note}"
    late = [r for r in failed if r.ended == "timeout"]
    if late:
        return _timeout(match, late[-1], note)
    needed = max((r.peak_bytes or 0 for r in match.baseline.ended), default=0)
    limit = failed[-1].memory_limit_bytes
    if limit is not None and limit < needed:
        return "unclear", "the limit is below what the baseline needed"
    return "worse", note


def _timeout(match: Match, row: Record, note: str) -> tuple[Verdict, str]:
    needed = max((r.wall_s or 0.0 for r in match.baseline.ended), default=0.0)
    limit = row.time_limit_s
    if limit is None:
        return "worse", note
    shaky = not match.same_machine or row.disturbed
    if limit < (TIMEOUT_MARGIN if shaky else 1.0) * needed:
        where = " on this machine" if shaky else ""
        return "unclear", f"the limit of {limit:g} s is little{where}: {needed:.3g} s were needed"
    return "worse", note


def _worth(match: Match) -> tuple[Verdict, str]:
    """Both gave answers: compare what their certificates say."""
    if not match.same_certificate:
        return "skipped", OTHER_RULES
    order = {"certified": 0, "loose": 1, "unproven": 2}
    old, new = (max(order.get(r.verdict or "unproven", 2) for r in s.ended) for s in _sides(match))
    if claims := _other_claims(match):
        return "worse", claims
    if new < old:
        return "better", ""
    if new == old:
        return "same", ""
    if match.baseline.complete and not match.candidate.complete:
        return _timeout(match, match.candidate.ended[-1], "stopped at its time limit")
    if new == 1 and match.why_not_exact:
        # Near the line between certified and loose, rounding may decide; the gap is judged.
        return "unclear", f"{match.why_not_exact}: the certified gap is held to its own bound"
    return "worse", ""


def _other_claims(match: Match) -> str:
    """How the claims of both sides exclude each other; empty where they do not."""
    old, new = (
        {str(r.claim) for r in s.ended if r.claim not in (None, "feasible", "unknown")}
        for s in _sides(match)
    )
    # "infeasible-or-unbounded" leaves both possible.
    known = {part for claim in old for part in (claim, *claim.split("-or-"))}
    other = sorted(claim for claim in new if known.isdisjoint((claim, *claim.split("-or-"))))
    if not old or not other:
        return ""
    return f"answers differ: {', '.join(sorted(old))} before, {', '.join(other)} now"


def _died(sample: Sample) -> list[Record]:
    return [r for r in sample.rows if r.ended in ("crash", "killed")]


def _all_ended(sample: Sample) -> bool:
    return len(sample.ended) == len(sample.rows)


def _wrong(sample: Sample) -> list[Record]:
    return [r for r in sample.rows if r.verdict == "wrong"]


def refutation(row: Record) -> str:
    """Why the certificate calls an answer wrong."""
    return row.reasons[-1] if row.reasons else "refuted by its certificate"


def _outcome_words(sample: Sample) -> str:
    if _wrong(sample):
        return "wrong"
    failed = [r.ended for r in sample.rows if r.ended != "ok"]
    if failed:
        return max(dict.fromkeys(failed), key=failed.count)
    worst = max(
        sample.rows,
        key=lambda r: ["certified", "loose", "unproven"].index(r.verdict or "unproven"),
    )
    claim = f"{worst.claim}, " if worst.claim not in (None, "optimal") else ""
    return claim + (worst.verdict or "unproven")


def _outcome_finding(
    of: Match | Sample,
    verdict: Verdict,
    before: str,
    now: str,
    rule: str = "must not get worse",
    note: str = "",
) -> Finding:
    return _finding(of, "outcomes", "outcome", verdict, (before, now), rule, note)


# -- counters ---------------------------------------------------------------------------------

EXACT = Bound()
#: Solver of rows that count planbench's own instructions (benchmarks/self_results.py).
INSTRUCTIONS = "planbench (million instructions)"
#: Instructions of equal code differ by hashing, the allocator and the length of paths.
INSTRUCTIONS_BOUND = Bound(factor=1.02)
#: Iterations where rounding differs: first-order methods check for their end every 40 to 100.
ITERATIONS_ELSEWHERE = Bound(factor=2.0, extra=100.0)
#: Sizes after presolve where versions differ: other reductions, not no reductions.
PRESOLVED_ELSEWHERE = Bound(factor=1.1, extra=10.0)
#: Relative change of an objective that is none, where everything is the same.
OBJECTIVE_SHARE = 1e-9
#: The same elsewhere, on top of both certified gaps.
OBJECTIVE_SHARE_ELSEWHERE = 1e-6
#: Gaps that repeat: their last digits, and what is below any use.
GAP = Bound(factor=1.001, extra=1e-10)
GAP_ELSEWHERE = Bound(factor=10.0, extra=1e-6)
#: Gaps of a method that now takes another number of iterations: it stops elsewhere within what
#: it was asked for. An answer is certified up to 1e-6.
GAP_OTHER_PATH = Bound(factor=2.0, extra=1e-6)

#: Kinds of iterations that are named after a method; others (rounds, passes) are words already.
_METHODS = ("simplex", "ipm", "crossover", "pdlp")
#: Sizes of a linear program, with what they are called.
_SIZES = {"rows": "rows", "columns": "columns", "nonzeros": "non-zeros"}
CERTIFIED_GAP = "certified gap"


def judge_counters(matches: Sequence[Match]) -> list[Finding]:
    """Compare every counter of every measurement that ended in both runs."""
    found: list[Finding] = []
    for match in matches:
        if counts_instructions(match):
            found += _instructions(match)
            continue
        old, new = match.baseline.row.instance, match.candidate.row.instance
        # The same arrays must make the same program.
        found += _sizes(match, "assembled", dict(old), dict(new), EXACT, "")
        if match.baseline.complete and match.candidate.complete:
            before, now = match.baseline.row.presolved, match.candidate.row.presolved
            why = match.why_not_exact
            found += _sizes(
                match, "presolved", before, now, PRESOLVED_ELSEWHERE if why else EXACT, why
            )
            found += _iterations(match)
            found += judge_objective(match)
            found += _gap(match)
        elif match.baseline.ended and match.candidate.ended:
            note = "stopped at a time limit: how far it came depends on the machine"
            found.append(_finding(match, "counters", "iterations", "skipped", note=note))
    return found


def counts_instructions(match: Match) -> bool:
    """Whether it is a benchmark of planbench itself that counts instructions, not time."""
    return match.candidate.row.solver == INSTRUCTIONS


def _instructions(match: Match) -> list[Finding]:
    old, new = ([r.matrix_passes for r in s.complete if r.matrix_passes] for s in _sides(match))
    if not old or not new:
        return []
    why = match.why_not_exact
    found = _bounded(
        match, "million instructions", (median(old), median(new)), INSTRUCTIONS_BOUND, why
    )
    return [replace(found, verdict="unclear") if found.verdict == "worse" and why else found]


def _sizes(
    match: Match,
    which: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    bound: Bound,
    why: str,
) -> list[Finding]:
    """Sizes of the program, as assembled or after presolve, where both runs report them."""
    return [
        _bounded(match, f"{which} {shown}", (old[name], new[name]), bound, why)
        for name, shown in _SIZES.items()
        if name in old and name in new
    ]


def _iterations(match: Match) -> list[Finding]:
    before, now = ([r.iterations for r in s.complete] for s in _sides(match))
    if not any(before) and not any(now):
        return []
    for side, counts in (("candidate", now), ("baseline", before)):
        if not any(counts):
            note = f"not reported by the {side}"
            return [_finding(match, "counters", "iterations", "skipped", note=note)]
    found = []
    for kind in dict.fromkeys(k for counts in (*before, *now) for k in counts):
        old, new = ([counts.get(kind, 0) for counts in side] for side in (before, now))
        why = match.why_not_exact
        if len(set(old)) > 1 or len(set(new)) > 1:
            why = ", ".join(filter(None, [why, "differs from repeat to repeat"]))
        measure = f"{kind} iterations" if kind in _METHODS else kind
        bound = ITERATIONS_ELSEWHERE if why else EXACT
        found.append(_bounded(match, measure, (max(old), max(new)), bound, why))
    return found


def judge_objective(match: Match) -> list[Finding]:
    """Compare objectives: that of the later runs which is furthest from all of the earlier."""
    found = partial(_finding, match, "counters", "objective", unit="objective")
    known = [[r for r in s.complete if r.objective is not None] for s in _sides(match)]
    if not all(known):
        last = [side[-1].objective if side else None for side in known]
        figures = last[0], last[1]
        return [found("worse" if known[0] else "better", figures)] if any(known) else []
    nearest = [min(((old, new) for old in known[0]), key=_apart) for new in known[1]]
    old, new = max(nearest, key=_apart)
    figures = old.objective, new.objective
    share, rule = OBJECTIVE_SHARE, f"within {OBJECTIVE_SHARE:g}"
    if why := _why_elsewhere(match):
        if old.raw_gap is None or new.raw_gap is None:
            note = "no certified gap says how far an objective may move"
            return [found("skipped", figures, note=note)]
        share = old.raw_gap + new.raw_gap + OBJECTIVE_SHARE_ELSEWHERE
        rule = f"within both gaps and {OBJECTIVE_SHARE_ELSEWHERE:g} ({why})"
    return [found("worse" if _apart((old, new)) > share else "same", figures, rule)]


def _apart(pair: tuple[Record, Record]) -> float:
    """How far two objectives are apart, as a share of the larger.

    An optimum near 0 has no digits of its own: what flows through the objective scales it.
    """
    old, new = (r.objective or 0.0 for r in pair)
    flows = CANCELLED * min((r.scale or 0.0) for r in pair)
    scale = max(abs(old), abs(new), flows)
    return abs(new - old) / scale if scale else 0.0


def _gap(match: Match) -> list[Finding]:
    found = partial(_finding, match, "counters", CERTIFIED_GAP, unit="gap")
    old, new = ([r.raw_gap for r in s.complete if r.raw_gap is not None] for s in _sides(match))
    if not old and not new:
        return []
    if not match.same_certificate and match.candidate.row.certificate != "exact":
        # Before certificate 2 gaps of general LPs held to a tolerance only.
        return [found("skipped", note=OTHER_RULES)]
    if len(new) < len(match.candidate.complete) and len(old) == len(match.baseline.complete):
        return [found("worse", (max(old), None), note="no bracket any more")]
    if not old or not new:
        return [found("better" if new else "skipped")]
    why = _why_elsewhere(match)
    bound = GAP_ELSEWHERE if match.why_not_exact else GAP_OTHER_PATH if why else GAP
    return [_bounded(match, CERTIFIED_GAP, (max(old), max(new)), bound, why, "gap")]


def _why_elsewhere(match: Match) -> str:
    """Why an answer need not be the same to the last digit; empty where it must."""
    if match.why_not_exact:
        return match.why_not_exact
    counts = [{tuple(sorted(r.iterations.items())) for r in s.complete} for s in _sides(match)]
    return "other iterations" if counts[0] != counts[1] else ""


def _sides(match: Match) -> tuple[Sample, Sample]:
    return match.baseline, match.candidate


def _bounded(
    match: Match,
    measure: str,
    figures: tuple[float, float],
    bound: Bound,
    why: str,
    unit: Unit = "count",
) -> Finding:
    """Hold a counter to a bound, which is not exact for the reason `why`."""
    rule = "exact"
    if not bound.is_exact:
        rule = f"at most {bound.factor:g}×" + (f" + {bound.extra:g}" if bound.extra else "")
        rule += f" ({why})" if why else ""
    return _finding(
        match, "counters", measure, bound.judge(*figures), figures, rule=rule, unit=unit
    )


# -- memory and time -------------------------------------------------------------------------

#: Peaks of equal runs differ by up to a tenth, small ones by the grain of allocators and pages.
MEMORY = Bound(factor=1.10, extra=2.0**20)
MEMORY_ELSEWHERE = Bound(factor=1.5, extra=4 * 2.0**20)
#: Runs below it are mostly start-up and clock.
LEAST_SECONDS = 0.01
#: Least effect on times across machines, even in matrix passes.
LEAST_EFFECT_ELSEWHERE = 0.5


class _Times(NamedTuple):
    """Times of both sides, to be judged together: pair by pair, as far as both have some."""

    solver: str
    instance: str
    old: Sequence[float]
    new: Sequence[float]
    same_machine: bool

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return min(len(self.old), len(self.new))


def judge_memory(matches: Sequence[Match]) -> list[Finding]:
    """Compare the median peak of every measurement that ended in both runs."""
    found = []
    for match in matches:
        old, new = (
            [float(r.peak_bytes) for r in s.ended if r.peak_bytes is not None]
            for s in _sides(match)
        )
        if not old or not new:
            continue
        bound = MEMORY if match.same_machine else MEMORY_ELSEWHERE
        rule = f"at most {bound.factor:g}× + {bound.extra / 2**20:g} MiB"
        rule += "" if match.same_machine else " (other machine)"
        figures = median(old), median(new)
        verdict = bound.judge(*figures)
        found.append(_finding(match, "memory", "peak memory", verdict, figures, rule, unit="bytes"))
    return found


def counted_passes(row: Record) -> float | None:
    """Matrix passes the counted phases (build, load, solve, extract) took."""
    if row.wall_s is None or not row.pass_s_before or not row.pass_s_after:
        return None
    return row.wall_s / ((row.pass_s_before + row.pass_s_after) / 2)


def judge_time(matches: Sequence[Match], rules: Rules) -> list[Finding]:
    """Compare times: of each measurement with repeats enough, and of each solver over instances.

    A solver slower by a fifth everywhere shows over its instances even where no single one has
    repeats enough for a verdict. The interval of each is so much wider that all of them
    together keep the confidence asked for.
    """
    samples: list[_Times] = []
    too_few: list[_Times] = []  # shown as unclear where it moved far, but never decided
    by_solver: dict[str, list[_Times]] = {}
    for match in matches:
        if not counts_instructions(match) and (times := _times(match)):
            by_solver.setdefault(match.solver, []).append(times)
    for solver, mine in by_solver.items():
        samples += [times for times in mine if times.pairs >= LEAST_PAIRS]
        if len(mine) < LEAST_PAIRS:
            too_few += [times for times in mine if times.pairs < LEAST_PAIRS]
            continue
        old, new = [median(t.old) for t in mine], [median(t.new) for t in mine]
        same = all(times.same_machine for times in mine)
        samples.append(_Times(solver, f"{len(mine)} instances", old, new, same))
    confidence = shared_confidence(rules.confidence, len(samples))
    shown = [f for s in too_few if _is_far(f := _time_finding(s, rules, confidence), rules)]
    return [*(_time_finding(sample, rules, confidence) for sample in samples), *shown]


def _is_far(finding: Finding, rules: Rules) -> bool:
    """Whether a time that nobody can judge moved so far that it must not pass in silence."""
    ratio = finding.ratio or 1.0
    return max(ratio, 1 / ratio) >= 1 + rules.least_effect


def times_left_out(matches: Sequence[Match]) -> str:
    """Say how many measurements that ended have no time to compare; empty for none."""
    ended = [
        m for m in matches if m.baseline.ended and m.candidate.ended and not counts_instructions(m)
    ]
    without = [m for m in ended if _times(m) is None]
    if not without:
        return ""
    return (
        f"times not compared: {len(without)} of {plural(len(ended), 'measurement')} (disturbed, "
        f"below {1000 * LEAST_SECONDS:g} ms, cut short or without matrix passes)"
    )


def _times(match: Match) -> _Times | None:
    """Give the times of both sides by repeat; None where there is nothing to trust."""
    sides = []
    for sample in (match.baseline, match.candidate):
        rows = sorted(sample.timed, key=lambda r: (r.group, r.repeat))
        sides.append([(value, r.wall_s or 0.0) for r in rows if (value := counted_passes(r))])
    if not all(sides):
        return None
    walls = [median(wall for _, wall in side) for side in sides]
    # The mean of both, so that neither side's luck decides what is compared.
    if min(walls) <= 0 or math.sqrt(walls[0] * walls[1]) < LEAST_SECONDS:
        return None
    old, new = ([value for value, _ in side] for side in sides)
    return _Times(match.solver, match.instance, old, new, match.same_machine)


def slower_by(effect: float) -> str:
    """Say when a time is worse."""
    return f"slower by {100 * effect:g} % or more, beyond doubt"


def _time_finding(times: _Times, rules: Rules, confidence: float) -> Finding:
    effect = rules.least_effect
    if not times.same_machine:
        effect = max(effect, LEAST_EFFECT_ELSEWHERE)
    old, new = times.old[: times.pairs], times.new[: times.pairs]
    found = paired_log_ratio(old, new, least_effect=effect, confidence=confidence)
    return Finding(
        layer="time",
        solver=times.solver,
        instance=times.instance,
        measure="time",
        verdict=found.verdict,
        baseline=median(old),
        candidate=median(new),
        unit="passes",
        ratio=found.ratio,
        low=found.low,
        high=found.high,
        rule=slower_by(effect),
        note=plural(found.n, "pair") + ("" if times.same_machine else ", other machine"),
    )


# -- growth -----------------------------------------------------------------------------------

_EXPONENTS: dict[Measure, str] = {"passes": "exponent of time", "bytes": "exponent of memory"}


def judge_growth(
    baseline: Sequence[Record], candidate: Sequence[Record], rules: Rules
) -> list[Finding]:
    """Compare the exponents of every solver on every ladder that both runs climbed.

    Parameters
    ----------
    baseline, candidate : sequence of Record
        Rows of one machine each.
    rules : Rules
    """
    before = {(configuration(c.record), c.sha256): c for c in aggregate(baseline)}
    # Costs by size in both runs, of each solver on each ladder.
    samples: dict[tuple[str, str, str, Measure], list[tuple[float, float, float]]] = {}
    for ladder in find_ladders(aggregate(candidate)):
        for new in ladder.results:
            solver = configuration(new.record)
            old = before.get((solver, new.sha256))
            for measure in _EXPONENTS:
                if old is not None and (costs := _sized_costs(old, new, measure)) is not None:
                    place = solver, new.series, ladder.name, measure
                    samples.setdefault(place, []).append(costs)
    enough = {k: v for k, v in samples.items() if len({size for size, _, _ in v}) > 2}
    confidence = shared_confidence(rules.confidence, len(enough))
    found = []
    for (solver, _, ladder_name, measure), costs_by_size in enough.items():
        change = compare_slopes(
            *(list(column) for column in zip(*costs_by_size, strict=True)),
            least_effect=rules.least_exponent,
            confidence=confidence,
        )
        if change is not None:
            found.append(
                Finding(
                    layer="scaling",
                    solver=solver,
                    instance=f"ladder {ladder_name}",
                    measure=_EXPONENTS[measure],
                    verdict=change.verdict,
                    baseline=change.baseline,
                    candidate=change.candidate,
                    unit="exponent",
                    low=change.low,
                    high=change.high,
                    rule=f"higher by {rules.least_exponent:g} or more, beyond doubt",
                    note=f"change {change.change:+.2f} over {change.n} instances",
                )
            )
    return found


def _sized_costs(
    old: AggregatedResult, new: AggregatedResult, measure: Measure
) -> tuple[float, float, float] | None:
    """Size and both costs; None for disturbed runs, and below the floor where cost is noise."""
    before, after = old.cost(measure), new.cost(measure)
    if not (old.finished and new.finished and new.goods and before and after):
        return None
    floor, compared = BYTES_FLOOR, (before, after)
    if measure == "passes":
        floor, compared = SECONDS_FLOOR, (old.seconds or 0.0, new.seconds or 0.0)
        if old.disturbed or new.disturbed:
            return None
    # The mean of both, so that neither side's luck decides what is compared.
    if math.sqrt(compared[0] * compared[1]) < floor:
        return None
    return float(new.goods), before, after
