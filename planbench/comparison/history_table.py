"""Steps of a history on a terminal, in order of time."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from planbench.comparison.history import Change, History, Measure, Series
from planbench.report import words

TITLES: dict[Measure, str] = {
    "passes": "matrix passes",
    "seconds": "seconds",
    "bytes": "peak memory",
    "iterations": "iterations",
}


def amount(measure: Measure, value: float) -> str:
    """Write a figure in the unit of its measure."""
    if measure == "bytes":
        return words.size_bytes(value)
    if measure == "seconds":
        return words.seconds(value)
    return words.passes(value) if measure == "passes" else f"{value:,.0f}"


def ratio(change: Change) -> str:
    """Write by how much a level changed."""
    return words.UNKNOWN if change.ratio is None else f"{change.ratio:.2f}×"


def when(change: Change) -> str:
    """Day and minute of the first run at the new level."""
    return change.after.started_at[:16].replace("T", " ")


def in_time_order(history: History) -> list[tuple[Series, Change]]:
    """All steps, latest first."""
    found = [(series, change) for series in history.series for change in series.changes]
    found.sort(key=lambda pair: (pair[1].after.started_at, pair[0].solver), reverse=True)
    return found


def steps_table(history: History) -> Table | None:
    """Lay out all steps as a table, latest first; None without any."""
    found = in_time_order(history)
    if not found:
        return None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("when", "solver and instance", "measure"):
        table.add_column(name, overflow="fold")
    for name in ("before", "after", "ratio"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("changed with it", overflow="fold")
    for series, change in found:
        worse = change.level_after > change.level_before
        table.add_row(
            when(change),
            Text(words.plain(f"{series.solver} on {series.instance}")),
            TITLES[series.measure],
            amount(series.measure, change.level_before),
            amount(series.measure, change.level_after),
            Text(ratio(change), style="red" if worse else "green"),
            Text(words.plain(change.what_changed or "nothing recorded")),
        )
    return table
