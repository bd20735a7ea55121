"""First layer: answers that turned wrong, runs that no longer end, answers worth less."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from planbench.comparison.facts import Finding, Verdict
from planbench.comparison.match import Match, Sample
from planbench.records.schema import Record

#: A timeout on another or a disturbed machine counts where the limit is at least this many
#: times what the baseline needed: no two machines of today differ more.
TIMEOUT_MARGIN = 4.0
#: Why verdicts are not compared.
OTHER_RULES = "judged by other versions of the certificate; verdicts are not compared"


def judge_outcomes(matches: Sequence[Match]) -> list[Finding]:
    """Compare how the runs of each measurement ended, a finding per measurement."""
    return [_outcome(match) for match in matches]


def new_wrong_answers(samples: Iterable[Sample]) -> list[Finding]:
    """Wrong answers of measurements that the baseline has not: red all the same."""
    return [
        _finding(s.solver, s.instance, "worse", "not measured", "wrong", note=_reason(wrong[0]))
        for s in samples
        if (wrong := _wrong(s))
    ]


def missing(samples: Iterable[Sample], *, worse: bool) -> list[Finding]:
    """Measurements that only the baseline has."""
    return [
        _finding(
            s.solver,
            s.instance,
            "worse" if worse else "skipped",
            _words(s),
            "not measured",
            rule="must be measured" if worse else "",
        )
        for s in samples
    ]


def _outcome(match: Match) -> Finding:
    old, new = match.baseline, match.candidate
    before, now = _words(old), _words(new)
    verdict: Verdict
    note = ""
    if wrong := _wrong(new):
        # Wrong stands for itself, whatever rules the baseline was judged by.
        verdict = "same" if _wrong(old) else "worse"
        note = _reason(wrong[0])
    elif _wrong(old):
        # What replaces a wrong answer, even no answer, is no loss.
        verdict = "better" if match.same_certificate else "skipped"
        note = "" if match.same_certificate else OTHER_RULES
    elif old.ended and (not new.ended or (len(new.ended) < len(new.rows) and _all_ended(old))):
        verdict, note = _lost(match)
    elif _all_ended(new) and not _all_ended(old):
        verdict = "better"
    elif old.ended and new.ended:
        verdict, note = _worth(match)
    else:
        verdict = "same"
    return _finding(match.solver, match.instance, verdict, before, now, note=note)


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
    old, new = (
        max(order.get(r.verdict or "unproven", 2) for r in s.ended)
        for s in (match.baseline, match.candidate)
    )
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


def _all_ended(sample: Sample) -> bool:
    return len(sample.ended) == len(sample.rows)


def _wrong(sample: Sample) -> list[Record]:
    return [r for r in sample.rows if r.verdict == "wrong"]


def _reason(row: Record) -> str:
    return row.reasons[-1] if row.reasons else "refuted by its certificate"


def _words(sample: Sample) -> str:
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


def _finding(
    solver: str,
    instance: str,
    verdict: Verdict,
    before: str,
    now: str,
    *,
    rule: str = "must not get worse",
    note: str = "",
) -> Finding:
    return Finding(
        layer="outcomes",
        solver=solver,
        instance=instance,
        measure="outcome",
        verdict=verdict,
        baseline=before,
        candidate=now,
        rule=rule,
        note=note,
    )
