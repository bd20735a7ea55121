"""Why a measurement counts as made on a disturbed machine, in words."""

from __future__ import annotations

from planbench.measure.calibrate import is_disturbed
from planbench.records.schema import Record


def disturbance_words(record: Record) -> str:
    """Reasons for the mark ``disturbed``; empty where a row does not carry it.

    The two kinds of trouble show in different figures: a burst beside the solve in unequal
    matrix passes, a steady load in the time spent waiting for a processor.
    """
    if not record.disturbed:
        return ""
    reasons = []
    waited = record.wait_s
    if waited and record.wall_s and is_disturbed(None, None, waited, record.wall_s):
        reasons.append(f"waited {_percent(waited / record.wall_s)} of the time for a processor")
    before, after = record.pass_s_before, record.pass_s_after
    if before and after and is_disturbed(before, after):
        longer, when = (
            max(before, after) / min(before, after),
            "after" if after > before else "before",
        )
        reasons.append(f"a matrix pass took {longer:.2g} times as long {when} the solve")
    return "; ".join(reasons) or "marked when it was measured"


def _percent(share: float) -> str:
    return f"{min(100 * share, 100):.0f} %"
