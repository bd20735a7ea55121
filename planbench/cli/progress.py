"""What is going on, on standard error: a live line on a terminal, plain lines elsewhere.

The commands hand over what happens; whether anybody watches is decided here alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column
from rich.text import Text

import planbench.formatting as fmt
from planbench.bench.runner import Event
from planbench.cli import console
from planbench.records.schema import Record
from planbench.records.verdicts import verdict_words

#: In a log, a line on what is going on comes no more often than this.
QUIET_S = 20.0


class Bar:
    """A progress bar over measurements: what is running, how many are done, time left.

    Parameters
    ----------
    total : int
        Measurements foreseen.

    Attributes
    ----------
    done : int
        Measurements that are done, as far as they were shown.
    """

    def __init__(self, total: int = 0) -> None:
        self._live = sys.stderr.isatty()
        self._said = time.monotonic()
        self.done = 0
        self._progress = Progress(
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}", markup=False, table_column=Column(no_wrap=True)),
            # A long name is cut, rather than squeezing the bar.
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
            ),
            expand=True,
            console=Console(stderr=True, highlight=False),
            transient=True,
            disable=not self._live,
        )
        self._task = self._progress.add_task("preparing", total=total or None, left="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live:
            self._progress.stop()

    def update(self, what: str, done: int, total: int, remaining_s: float | None) -> None:
        """Show what is running now.

        Parameters
        ----------
        what : str
        done, total : int
        remaining_s : float or None
            Estimate of the seconds left.
        """
        self.done = done
        known = remaining_s is not None and remaining_s >= 1
        left = f"~{fmt.seconds(remaining_s)} left" if known else ""
        self._progress.update(
            self._task, description=fmt.plain(what), completed=done, total=total or None, left=left
        )
        now = time.monotonic()
        if not self._live and now - self._said >= QUIET_S:
            self._said = now
            console.say(f"[{done}/{total}] {what}{', ' + left if left else ''}")

    def phases_of(self, run: str) -> Callable[[str], None]:
        """Return a function that shows each phase of a single `run` as it begins."""
        return lambda phase: self.update(f"{run}: {phase}", 0, 1, None)

    def record(self, record: Record, done: int, total: int, note: str = "") -> None:
        """Say how a measurement ended; on a terminal only what went wrong scrolls by."""
        ended = record.ended if record.ended != "ok" else verdict_words(record)
        line = (
            f"[{done}/{total}] {record.solver} on {record.instance.name}: {ended}, "
            f"{fmt.seconds(record.wall_s)}{', ' + note if note else ''}"
        )
        if not self._live:
            self._said = time.monotonic()
            console.say(line)
        elif record.ended in ("crash", "killed") or record.verdict == "wrong":
            self._progress.console.print(Text(line, style="red"))

    def event(self, event: Event) -> None:
        """Take an event of a suite's run."""
        if event.record is not None:
            self.record(event.record, event.done, event.total, event.what)
        else:
            self.update(event.what, event.done, event.total, event.remaining_s)
