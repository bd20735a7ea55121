"""Records of results files: which of them a command uses, what they show, and their JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from planbench.certificates.consensus import Consensus
from planbench.cli import console
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.records.schema import AB, SIDE, Record
from planbench.report.instances import instance_consensus
from planbench.report.results import require_results

_FIRST = (
    "instance",
    "solver",
    "ended",
    "claim",
    "verdict",
    "plan_verdict",
    "prices_verdict",
    "claim_verdict",
    "objective",
    "lower_bound",
    "upper_bound",
    "raw_gap",
    "polished_gap",
    "iterations",
    "wall_s",
    "peak_bytes",
    "phases",
)


def row_document(record: Record) -> dict[str, Any]:
    """Return `record` for JSON: ``instance`` is its name, ``instance_facts`` all about it.

    Parameters
    ----------
    record : Record

    Returns
    -------
    dict
        Every field of the record, times in seconds and sizes in bytes.
    """
    data = record.model_dump(mode="json")
    data["instance_facts"] = data["instance"]
    data["instance"] = record.instance.name
    return {name: data[name] for name in _FIRST} | data


def consensus_of(records: Sequence[Record]) -> dict[str, Consensus]:
    """Consensus of all certificates by name of the instance, in order of first appearance."""
    results = require_results(records)
    return {
        name: instance_consensus([c for c in results if c.instance == name])
        for name in dict.fromkeys(c.instance for c in results)
    }


def run_document(records: Sequence[Record]) -> dict[str, Any]:
    """Return several runs for JSON: rows, what their certificates prove together, findings."""
    return {
        "rows": [row_document(record) for record in records],
        "consensus": [
            {
                "instance": instance,
                "lower_bound": found.lower_bound,
                "upper_bound": found.upper_bound,
                "empty": found.empty,
                "disagreeing": [{"solver": name, "why": why} for name, why in found.disagreeing],
                "remarks": [{"solver": name, "what": what} for name, what in found.remarks],
            }
            for instance, found in consensus_of(records).items()
        ],
        "findings": findings(records),
    }


def findings(records: Sequence[Record]) -> list[str]:
    """List what makes the exit code 1, a line each: wrong answers, disagreements, crashes.

    A run stopped at a limit is no finding: how far a solver comes is what is measured.

    Raises
    ------
    InputError
        Without any record.
    """
    found: dict[str, None] = {}
    for name, opinion in consensus_of(records).items():
        if opinion.empty:
            found[f"{name}: the certified brackets exclude each other: a bug of planbench"] = None
        for solver, why in opinion.disagreeing:
            found[f"{name}: {solver} {why}"] = None
    for record in records:
        where = f"{record.instance.name}: {record.solver}"
        if record.verdict == "wrong":
            reason = record.reasons[-1] if record.reasons else "gave a wrong answer"
            found[f"{where} {reason}"] = None
        elif record.ended in ("crash", "killed"):
            found[f"{where} {record.ended}: {record.message}"] = None
    return list(found)


def announce(records: Sequence[Record]) -> bool:
    """Print every finding on standard error; whether there is one."""
    found = findings(records)
    for line in found:
        console.finding(line)
    return bool(found)


def without_sides(records: Sequence[Record], path: Path, *, needed: bool = True) -> list[Record]:
    """Leave out the rows that ``planbench ab`` and ``bisect`` made, with a note.

    A side does not distinguish measurements elsewhere, so the two would pass for repeats
    of one solver, and their control for one more.

    Parameters
    ----------
    records : sequence of Record
    path : Path
        Where they come from.
    needed : bool
        Whether something else must be there.

    Returns
    -------
    list of Record

    Raises
    ------
    InputError
        When nothing else is there.
    """
    kept = [r for r in records if (r.suite, r.variable) != (AB, SIDE)]
    left = len(records) - len(kept)
    if left and not kept and needed:
        raise InputError(
            "holds only rows of planbench ab, whose two sides would pass for repeats of one "
            "solver; the same `planbench ab` shows its verdicts again, --markdown and --json "
            "write them",
            where=str(path),
        )
    if left:
        console.note(f"{path}: {plural(left, 'row')} of planbench ab, of two sides, left out")
    return kept
