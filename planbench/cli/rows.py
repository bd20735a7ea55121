"""A measurement in the form ``--json`` gives it: the fields everybody asks for come first."""

from __future__ import annotations

from typing import Any

from planbench.certificates.consensus import Consensus
from planbench.records.schema import Record

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
