"""The gate: two runs in, findings out, or the reasons why they cannot be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from planbench.comparison.costs import (
    comparable_times,
    judge_memory,
    judge_time,
    spoilt_by_machine,
    times_left_out,
)
from planbench.comparison.counters import judge_counters
from planbench.comparison.facts import Comparison, Obstacle, Rules, in_order
from planbench.comparison.growth import judge_growth
from planbench.comparison.match import Match, Sample, choose_machines, match, samples
from planbench.comparison.outcomes import judge_outcomes, missing, new_wrong_answers
from planbench.records.schema import STUDY, Record
from planbench.report.cells import machine_key
from planbench.words import nouns

_Samples = dict[tuple[str, str], Sample]


def compare_runs(
    baseline: Sequence[Record],
    candidate: Sequence[Record],
    rules: Rules | None = None,
    *,
    names: tuple[str, str] = ("baseline", "candidate"),
) -> Comparison:
    """Compare two runs layer by layer.

    Outcomes come first and are always judged; then counters, memory, time and exponents, as far
    as `rules` ask for them. Where an obstacle stands that `rules` do not allow, only new wrong
    answers are looked for: they are wrong whatever they are compared with.

    Parameters
    ----------
    baseline, candidate : sequence of Record
    rules : Rules, optional
    names : (str, str)
        What the runs are called in messages.

    Returns
    -------
    Comparison
    """
    rules = rules or Rules()
    old_machine, new_machine, unlike = choose_machines(baseline, candidate)
    old, new = samples(baseline, old_machine), samples(candidate, new_machine)
    matches = match(old, new)
    found = [*_obstacles(old, new, matches, unlike, rules, names)]
    stopping = [o for o in found if o.kind is None or o.kind not in rules.allow]
    notes = [f"{o.message} (allowed)" for o in found if o not in stopping]
    notes += _notes(baseline, old_machine, names[0]) + _notes(candidate, new_machine, names[1])
    lonely = [sample for place, sample in new.items() if place not in old]
    findings = new_wrong_answers(lonely)
    if stopping:
        findings += [f for f in judge_outcomes(matches) if f.candidate == "wrong"]
    else:
        gone = [sample for place, sample in old.items() if place not in new]
        findings += judge_outcomes(matches)
        findings += missing(gone, worse=rules.require_all)
        if "counters" in rules.layers:
            findings += judge_counters(matches)
        if "memory" in rules.layers:
            findings += judge_memory(matches)
        if "time" in rules.layers:
            findings += judge_time(matches, rules)
        if "scaling" in rules.layers:
            findings += judge_growth(_of(baseline, old_machine), _of(candidate, new_machine), rules)
        if gone:
            notes.append(
                f"{len(gone)} of {nouns(len(old), 'measurement')} of {names[0]} not found in "
                f"{names[1]}"
            )
        if any(not m.same_certificate for m in matches):
            notes.append(
                "the runs were judged by different versions of the certificate: verdicts are not "
                f"compared; measure {names[0]} again"
            )
        if lonely:
            notes.append(f"new in {names[1]}: {nouns(len(lonely), 'measurement')}")
        if "time" in rules.layers and (left_out := times_left_out(matches)):
            notes.append(left_out)
        stopping += _disturbed(matches, rules)
    return Comparison(
        findings=in_order(findings),
        obstacles=tuple(stopping),
        notes=tuple(notes),
        compared=0 if stopping and not findings else len(matches),
        baseline=names[0],
        candidate=names[1],
        counts=dict(Counter(f.verdict for f in findings)),
    )


def _obstacles(
    old: _Samples,
    new: _Samples,
    matches: Sequence[Match],
    unlike: str,
    rules: Rules,
    names: tuple[str, str],
) -> list[Obstacle]:
    found = []
    hashes: dict[str, str] = {s.instance: s.sha256 for s in old.values()}
    other = sorted(
        {s.instance for s in new.values() if hashes.get(s.instance, s.sha256) != s.sha256}
    )
    if other:
        found.append(
            Obstacle(
                "instances",
                f"{_some(other)} {'has' if len(other) == 1 else 'have'} other arrays in the two "
                "runs (other SHA-256); measure the baseline again, or leave them out with "
                "--allow instances",
            )
        )
    if not matches:
        found.append(
            Obstacle(
                None,
                f"{names[0]} and {names[1]} have no solver with the same options on the same "
                "instance; nothing to compare",
            )
        )
        return found
    if unlike:
        found.append(
            Obstacle(
                "machine",
                f"measured on different machines: {unlike}; measure both on one, or give "
                "--allow machine for wider bounds",
            )
        )
    changed = list(dict.fromkeys(line for m in matches for line in m.changed_versions))
    if changed:
        found.append(
            Obstacle(
                "versions",
                f"other versions: {_some(changed)}; give --allow versions to compare them with "
                "wider bounds",
            )
        )
    return found


def _disturbed(matches: Sequence[Match], rules: Rules) -> list[Obstacle]:
    """Say when times were asked for and every one is spoilt."""
    if "time" not in rules.layers or "disturbed" in rules.allow:
        return []
    ended = [m for m in matches if m.baseline.ended and m.candidate.ended]
    if not ended or comparable_times(matches):
        return []
    if not all(spoilt_by_machine(m) for m in ended):
        return []  # some tell no time for another reason
    return [
        Obstacle(
            "disturbed",
            f"the machine was disturbed in all {len(ended)} measurements that ended, so no time "
            "could be compared; measure again, or give --allow disturbed to go without",
        )
    ]


def _of(records: Sequence[Record], machine: str | None) -> list[Record]:
    return [r for r in records if machine is None or machine_key(r) == machine]


def _notes(records: Sequence[Record], machine: str | None, name: str) -> list[str]:
    left = len(records) - len(_of(records, machine))
    studies = sum(r.suite == STUDY for r in _of(records, machine))
    notes = [f"{nouns(left, 'row')} of {name}, of other machines, left out"] if left else []
    return notes + ([f"{nouns(studies, 'row')} of {name}, of studies, left out"] if studies else [])


def _some(items: Sequence[str], most: int = 3) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
