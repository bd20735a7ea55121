"""Findings: what makes the exit code of a comparison 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from planbench.cli import console

if TYPE_CHECKING:
    from planbench.certificates.consensus import Consensus
    from planbench.records.schema import Record


def opinions_of(records: Sequence[Record]) -> dict[str, Consensus]:
    """Consensus of all certificates by name of the instance, in order of first appearance.

    Raises
    ------
    InputError
        Without any record.
    """
    from planbench.report.instances import instance_consensus
    from planbench.report.results import require_results

    results = require_results(records)
    return {
        name: instance_consensus([c for c in results if c.instance == name])
        for name in dict.fromkeys(c.instance for c in results)
    }


def findings(records: Sequence[Record], opinions: Mapping[str, Consensus]) -> list[str]:
    """Say what was found, a line each: wrong answers, disagreements, crashes.

    A run stopped at a limit is no finding: how far a solver comes is what is measured.

    Parameters
    ----------
    records : sequence of Record
    opinions : mapping of str to Consensus
        By name of the instance.
    """
    found: dict[str, None] = {}
    for name, opinion in opinions.items():
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


def announce(records: Sequence[Record], opinions: Mapping[str, Consensus]) -> bool:
    """Say every finding on standard error; whether there is one."""
    found = findings(records, opinions)
    for line in found:
        console.finding(line)
    return bool(found)
