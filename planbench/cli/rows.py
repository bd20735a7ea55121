"""Rows of results files: what commands read of them, and the form ``--json`` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from planbench.certificates.consensus import Consensus
from planbench.cli import console
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.records.schema import AB, SIDE, Record

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


def consensus_document(instance: str, found: Consensus) -> dict[str, Any]:
    """Return what all certificates of an instance prove together, for JSON."""
    return {
        "instance": instance,
        "lower_bound": found.lower_bound,
        "upper_bound": found.upper_bound,
        "empty": found.empty,
        "disagreeing": [{"solver": solver, "why": why} for solver, why in found.disagreeing],
        "remarks": [{"solver": solver, "what": what} for solver, what in found.remarks],
    }


def without_sides(records: Sequence[Record], path: Path, *, needed: bool = True) -> list[Record]:
    """Leave out the rows that ``planbench ab`` and ``bisect`` made, and say so.

    A side is no part of what tells measurements apart elsewhere, so the two would pass for repeats
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
