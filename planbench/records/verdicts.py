"""Verdicts of records in words: what was proven, and by which rules."""

from __future__ import annotations

from planbench.certificates.certificate import CERTIFICATE_VERSION
from planbench.certificates.verdict import RESIDUAL
from planbench.records.schema import Record

#: Behind verdicts made by older rules than today's.
OLD_MARK = "†"


def is_old(record: Record) -> bool:
    """Whether the verdict of `record` was made by an older certificate than today's."""
    return record.verdict is not None and record.certificate_version < CERTIFICATE_VERSION


def old_note(records: list[Record]) -> str:
    """Return the footnote that explains :data:`OLD_MARK`; empty where no record has one."""
    if not any(is_old(r) for r in records):
        return ""
    return (
        f"{OLD_MARK}: verdict of certificate 1, which judged the repaired answer; "
        "measure again for one of the answer itself"
    )


def residuals_only(record: Record) -> bool:
    """Whether the optimum claimed rests on residuals alone, and these fit."""
    if record.certificate != "residual-only" or record.claim not in (None, "optimal"):
        return False
    if record.verdict == "certified":
        return True  # what certificate 1 called so
    found = record.residuals
    if record.verdict != "unproven" or found is None:
        return False
    parts = (found.primal_scaled, found.dual_scaled, found.complementarity)
    return all(part is not None and part <= RESIDUAL for part in parts)


def is_proven(record: Record) -> bool:
    """Whether `record` is certified by proof: residuals alone are none."""
    return record.verdict == "certified" and not residuals_only(record)


def verdict_words(record: Record) -> str:
    """Verdict in few words, such as ``certified``, ``unproven, residuals fit`` or ``loose †``."""
    said: str = record.verdict or "unproven"
    if residuals_only(record):
        said = "unproven, residuals fit"
    return f"{said} {OLD_MARK}" if is_old(record) else said
