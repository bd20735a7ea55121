"""Second layer: figures that do not depend on how busy a machine is.

Iterations, sizes of the linear program, the objective and the certified gap repeat exactly
where solver, packages, options and class of processor are the same; then any iteration more
is worse. Elsewhere rounding goes other ways, and stated bounds take the place of equality.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from planbench.certificates.verdict import CANCELLED
from planbench.comparison.facts import Finding, Verdict
from planbench.comparison.match import Match, Sample
from planbench.comparison.outcomes import OTHER_RULES
from planbench.records.self_results import INSTRUCTIONS
from planbench.stats.regression import Bound, moved

EXACT = Bound()
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
_SIZES = ("rows", "columns", "nonzeros")
_SIZE_WORDS = {"nonzeros": "non-zeros"}


def judge_counters(matches: Sequence[Match]) -> list[Finding]:
    """Compare every counter of every measurement that ended in both runs."""
    found: list[Finding] = []
    for match in matches:
        if counts_instructions(match):
            found += _instructions(match)
            continue
        found += _sizes(match)
        if match.baseline.complete and match.candidate.complete:
            found += _presolved(match)
            found += _iterations(match)
            found += _objective(match)
            found += _gap(match)
        elif match.baseline.ended and match.candidate.ended:
            note = "stopped at a time limit: how far it came depends on the machine"
            found.append(_finding(match, "iterations", "skipped", None, None, note=note))
    return found


def counts_instructions(match: Match) -> bool:
    """Whether it is a benchmark of planbench itself that counts instructions, not time."""
    return match.candidate.row.solver == INSTRUCTIONS


def _instructions(match: Match) -> list[Finding]:
    old, new = (
        [r.matrix_passes for r in s.complete if r.matrix_passes]
        for s in (match.baseline, match.candidate)
    )
    if not old or not new:
        return []
    before, now = median(old), median(new)
    verdict: Verdict = INSTRUCTIONS_BOUND.judge(before, now)
    if verdict == "worse" and match.why_not_exact:
        verdict = "unclear"
    rule = _bound_words(INSTRUCTIONS_BOUND, match.why_not_exact)
    return [_finding(match, "million instructions", verdict, before, now, rule)]


def _sizes(match: Match) -> list[Finding]:
    """Sizes of the program as assembled: the same arrays must make the same program."""
    old, new = match.baseline.row.instance, match.candidate.row.instance
    return [
        _finding(
            match,
            f"assembled {_SIZE_WORDS.get(name, name)}",
            EXACT.judge(getattr(old, name), getattr(new, name)),
            getattr(old, name),
            getattr(new, name),
            "exact",
        )
        for name in _SIZES
    ]


def _presolved(match: Match) -> list[Finding]:
    """Sizes after presolve, where both runs tell them."""
    old, new = match.baseline.row.presolved, match.candidate.row.presolved
    bound = PRESOLVED_ELSEWHERE if match.why_not_exact else EXACT
    return [
        _finding(
            match,
            f"presolved {_SIZE_WORDS.get(name, name)}",
            bound.judge(old[name], new[name]),
            old[name],
            new[name],
            _bound_words(bound, match.why_not_exact),
        )
        for name in _SIZES
        if name in old and name in new
    ]


def _iterations(match: Match) -> list[Finding]:
    before, now = ([r.iterations for r in s.complete] for s in (match.baseline, match.candidate))
    if not any(before) and not any(now):
        return []
    if not any(now):
        return [
            _finding(match, "iterations", "skipped", None, None, note="not told by the candidate")
        ]
    if not any(before):
        return [
            _finding(match, "iterations", "skipped", None, None, note="not told by the baseline")
        ]
    found = []
    for kind in dict.fromkeys(k for counts in (*before, *now) for k in counts):
        old, new = ([counts.get(kind, 0) for counts in side] for side in (before, now))
        why = match.why_not_exact
        if len(set(old)) > 1 or len(set(new)) > 1:
            why = ", ".join(filter(None, [why, "differs from repeat to repeat"]))
        bound = ITERATIONS_ELSEWHERE if why else EXACT
        found.append(
            _finding(
                match,
                f"{kind} iterations" if kind in _METHODS else kind,
                bound.judge(max(old), max(new)),
                max(old),
                max(new),
                _bound_words(bound, why),
            )
        )
    return found


def _objective(match: Match) -> list[Finding]:
    old, new = match.baseline.row, match.candidate.row
    if old.objective is None and new.objective is None:
        return []
    if old.objective is None or new.objective is None:
        verdict: Verdict = "better" if old.objective is None else "worse"
        return [_finding(match, "objective", verdict, old.objective, new.objective)]
    share, rule = OBJECTIVE_SHARE, f"within {OBJECTIVE_SHARE:g}"
    why = _why_elsewhere(match)
    if why:
        if old.raw_gap is None or new.raw_gap is None:
            note = "no certified gap says how far an objective may move"
            return [
                _finding(match, "objective", "skipped", old.objective, new.objective, note=note)
            ]
        share = old.raw_gap + new.raw_gap + OBJECTIVE_SHARE_ELSEWHERE
        rule = f"within both gaps and {OBJECTIVE_SHARE_ELSEWHERE:g} ({why})"
    # An optimum near 0 has no digits of its own: what flows through the objective scales it.
    room = share * CANCELLED * min((r.scale or 0.0) for r in (old, new))
    far = abs(new.objective - old.objective) > room
    verdict = "worse" if far and moved(old.objective, new.objective, share) else "same"
    return [_finding(match, "objective", verdict, old.objective, new.objective, rule)]


def _gap(match: Match) -> list[Finding]:
    old, new = (
        [r.raw_gap for r in s.complete if r.raw_gap is not None]
        for s in (match.baseline, match.candidate)
    )
    if not old and not new:
        return []
    measure = "certified gap"
    if not match.same_certificate and match.candidate.row.certificate != "exact":
        # Before certificate 2 gaps of general LPs held to a tolerance only.
        return [_finding(match, measure, "skipped", None, None, note=OTHER_RULES)]
    if len(new) < len(match.candidate.complete) and len(old) == len(match.baseline.complete):
        return [_finding(match, measure, "worse", max(old), None, note="no bracket any more")]
    if not old or not new:
        return [_finding(match, measure, "better" if new else "skipped", None, None)]
    why = _why_elsewhere(match)
    bound = GAP_ELSEWHERE if match.why_not_exact else GAP_OTHER_PATH if why else GAP
    verdict = bound.judge(max(old), max(new))
    rule = _bound_words(bound, why)
    return [_finding(match, measure, verdict, max(old), max(new), rule)]


def _why_elsewhere(match: Match) -> str:
    """Why an answer need not be the same to the last digit; empty where it must."""
    if match.why_not_exact:
        return match.why_not_exact
    counts = [{tuple(sorted(r.iterations.items())) for r in s.complete} for s in _sides(match)]
    return "other iterations" if counts[0] != counts[1] else ""


def _sides(match: Match) -> tuple[Sample, Sample]:
    return match.baseline, match.candidate


def _bound_words(bound: Bound, why: str) -> str:
    if bound.is_exact:
        return "exact"
    said = f"at most {bound.factor:g}×" + (f" + {bound.extra:g}" if bound.extra else "")
    return f"{said} ({why})" if why else said


def _finding(
    match: Match,
    measure: str,
    verdict: Verdict,
    before: float | None,
    now: float | None,
    rule: str = "",
    note: str = "",
) -> Finding:
    ratio = now / before if before is not None and now is not None and before > 0 else None
    return Finding(
        layer="counters",
        solver=match.solver,
        instance=match.instance,
        measure=measure,
        verdict=verdict,
        baseline=before,
        candidate=now,
        ratio=ratio if measure != "objective" else None,
        rule=rule,
        note=note,
    )
