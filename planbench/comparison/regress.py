"""The gate: two runs in, findings out, or the reasons why they cannot be compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from planbench.comparison.findings import Comparison, Obstacle, Rules, in_order
from planbench.comparison.judge import (
    judge_counters,
    judge_growth,
    judge_memory,
    judge_outcome,
    judge_time,
    missing,
    new_wrong_answers,
    times_left_out,
)
from planbench.comparison.match import Match, choose_machines, find_obstacles, match, samples
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import replacing
from planbench.records.schema import STUDY, Record
from planbench.records.store import read_records, to_line
from planbench.report.results import machine_key


def compare_runs(
    baseline: Sequence[Record],
    candidate: Sequence[Record],
    rules: Rules | None = None,
    *,
    names: tuple[str, str] = ("baseline", "candidate"),
) -> Comparison:
    """Compare two runs layer by layer.

    Outcomes come first and are always judged; then counters, memory, time and exponents, as far
    as `rules` ask for them. Where `rules` do not allow an obstacle, only new wrong
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
    found = [*find_obstacles(old, new, matches, unlike, names)]
    stopping = [o for o in found if o.kind is None or o.kind not in rules.allow]
    notes = [f"{o.message} (allowed)" for o in found if o not in stopping]
    notes += _notes(baseline, old_machine, names[0]) + _notes(candidate, new_machine, names[1])
    unmatched = [sample for place, sample in new.items() if place not in old]
    findings = new_wrong_answers(unmatched)
    if stopping:
        findings += [f for f in map(judge_outcome, matches) if f.candidate == "wrong"]
    else:
        gone = [sample for place, sample in old.items() if place not in new]
        findings += map(judge_outcome, matches)
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
                f"{len(gone)} of {plural(len(old), 'measurement')} of {names[0]} not found in "
                f"{names[1]}"
            )
        if any(not m.same_certificate for m in matches):
            notes.append(
                "the runs were judged by different versions of the certificate: verdicts are not "
                f"compared; measure {names[0]} again"
            )
        if unmatched:
            notes.append(f"new in {names[1]}: {plural(len(unmatched), 'measurement')}")
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
    )


def _disturbed(matches: Sequence[Match], rules: Rules) -> list[Obstacle]:
    """Say when times were asked for and every one is noisy."""
    if "time" not in rules.layers or "disturbed" in rules.allow:
        return []
    ended = [m for m in matches if m.baseline.ended and m.candidate.ended]
    if not ended or not all(m.noisy for m in ended):
        return []
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
    notes = [f"{plural(left, 'row')} of {name}, of other machines, left out"] if left else []
    return notes + (
        [f"{plural(studies, 'row')} of {name}, of studies, left out"] if studies else []
    )


def read_side(path: Path) -> list[Record]:
    """Read all measurements of a results file, or of every ``.jsonl`` file in a folder.

    Raises
    ------
    InputError
        When there is nothing to read, a row is not a record of this planbench or an older one,
        or the last line was torn; names file and line.
    """
    records = []
    for file in results_files(path):
        found = read_records(file)
        with file.open("rb") as lines:
            if sum(1 for line in lines if line.strip()) > len(found):
                raise InputError(
                    "the last line is torn: the run that wrote it was cut off; run `planbench "
                    "bench` on it again, which carries on",
                    where=str(file),
                )
        records += found
    if not records:
        raise InputError("holds no measurements; run `planbench bench` first", where=str(path))
    return records


def results_files(path: Path, *, deep: bool = False) -> list[Path]:
    """List the results files that `path` means.

    Parameters
    ----------
    path : Path
    deep : bool
        Also of the folders within.

    Raises
    ------
    InputError
        When a folder has none.
    """
    if not path.is_dir():
        return [path]
    files = sorted(path.rglob("*.jsonl") if deep else path.glob("*.jsonl"))
    if not files:
        raise InputError("has no results files (*.jsonl)", where=str(path))
    return files


def check_two_sides(baseline: Path, candidate: Path) -> None:
    """Refuse to compare a file with itself.

    Raises
    ------
    InputError
    """
    old, new = (results_files(path) if path.exists() else [] for path in (baseline, candidate))
    if any(a.samefile(b) for a in old for b in new):
        raise InputError(
            "is on both sides; give the results of another run as CANDIDATE", where=str(candidate)
        )


def write_baseline(records: Iterable[Record], path: Path) -> None:
    """Replace the file `path` by `records`, whole or not at all.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    with replacing(path, make_folder=True) as file:
        file.writelines(map(to_line, records))
