"""Records of results files: which of them a command uses, what they show, and their JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from planbench.cli import console
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.records.schema import AB, SIDE, Record
from planbench.report.headline import consensus_of, find_findings
from planbench.report.results import require_results


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
    facts = data.pop("instance")
    return {"instance": record.instance.name, **data, "instance_facts": facts}


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
            for instance, found in consensus_of(require_results(records)).items()
        ],
        "findings": find_findings(records),
    }


def announce(records: Sequence[Record]) -> bool:
    """Print every finding on standard error; whether there is one."""
    found = find_findings(records)
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
