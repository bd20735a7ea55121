"""``planbench ab`` alone distinguishes rows of two sides: what else reads results leaves them out.

A side is no part of what tells measurements apart elsewhere, so the two would pass for repeats of
one solver, and their control for one more.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from planbench.cli import console
from planbench.errors import InputError
from planbench.records.schema import AB, SIDE, Record
from planbench.words import nouns


def without_sides(records: Sequence[Record], path: Path, *, needed: bool = True) -> list[Record]:
    """Leave out the rows that ``planbench ab`` and ``bisect`` made, and say so.

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
        console.note(f"{path}: {nouns(left, 'row')} of planbench ab, of two sides, left out")
    return kept
