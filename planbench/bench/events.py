"""Events of a run of a suite while it goes on, and its summary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from planbench.records.not_run import NotRun
from planbench.records.schema import Record

EventKind = Literal["prepare", "warm-up", "start", "phase", "done", "skipped", "left-out", "resume"]


#: Message of a measurement that was made once more, since the machine was disturbed.
AGAIN = "again"


@dataclass(frozen=True)
class Event:
    """What is going on, for whoever draws it.

    Attributes
    ----------
    kind : str
        ``prepare`` (an instance is made), ``warm-up``, ``start``, ``phase``, ``done``,
        ``skipped`` (measured before), ``left-out``, or ``resume`` (rows of other commits are
        carried on).
    instance, solver : str
    repeat : int
    done, total : int
        Measurements finished (made, skipped or left out), and the most there will be; it may
        shrink, and never grows. Those made again are no part of either.
    elapsed_s : float
        Seconds since the run began.
    remaining_s : float
        Estimated seconds to the end, at most what is left of the budget.
    message : str
        Phase, reason for leaving out, what is carried on, or :data:`AGAIN`.
    record : Record or None
        With ``done`` and ``skipped``.
    """

    kind: EventKind
    instance: str
    solver: str
    repeat: int
    done: int
    total: int
    elapsed_s: float
    remaining_s: float
    message: str = ""
    record: Record | None = None


@dataclass(frozen=True)
class RunSummary:
    """Summary of a run of a suite.

    Attributes
    ----------
    store : Path
        The results file.
    measured : int
        Rows written.
    skipped : int
        Measurements found in the file already.
    left_out : tuple of NotRun
        What was meant to be measured and was not, with reasons; also kept in a file next to
        the results.
    budget_spent : bool
        Whether the budget ended the run.
    elapsed_s : float
    repaired : str or None
        What was repaired in the results file when it was opened.
    """

    store: Path
    measured: int
    skipped: int
    left_out: tuple[NotRun, ...]
    budget_spent: bool
    elapsed_s: float
    repaired: str | None
