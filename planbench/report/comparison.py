"""How the solvers did on one instance: the table of ``planbench compare``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from planbench.certify.consensus import Consensus
from planbench.records.schema import Record
from planbench.records.verdicts import is_proven, old_note, verdict_words
from planbench.report import words
from planbench.report.brackets import bracket_words, instance_consensus
from planbench.report.cells import Cell, settled
from planbench.report.disturbance import disturbance_words
from planbench.report.table import plain_table


def comparison_tables(records: Sequence[Record], *, width: int = 100) -> list[Table]:
    """How the solvers did on each instance, a table per instance; findings in red.

    Raises
    ------
    InputError
        Without any record.
    """
    cells = settled(records)
    tables = []
    for sha in dict.fromkeys(c.sha256 for c in cells):
        tables.append(_comparison_table([c for c in cells if c.sha256 == sha], width))
    return tables


def _comparison_table(cells: list[Cell], width: int) -> Table:
    facts = cells[0].record.instance
    found = instance_consensus(cells)
    outside = dict(found.disagreeing)
    size = (
        f"{words.count(facts.goods)} goods, {words.count(facts.nonzeros)} non-zeros"
        if facts.goods is not None
        else f"{words.count(facts.rows)} rows, {words.count(facts.columns)} columns"
    )
    narrow = width < 96
    table = plain_table(
        Text.assemble((cells[0].instance, "bold"), f"  {size}\n", _bracket_line(found))
    )
    if narrow:
        table.padding = (0, 0, 0, 0)
    table.add_column("solver", overflow="fold")
    table.add_column("outcome", overflow="fold", no_wrap=not narrow)
    for header in ("time", "passes", "peak\nmemory", "objective", "raw\ngap", "polished\ngap"):
        table.add_column(header, justify="right", no_wrap=True)
    solved = [c.seconds for c in cells if c.solved and c.seconds is not None]
    best = min(solved, default=None)
    for cell in sorted(cells, key=best_first):
        red = cell.status == "wrong" or cell.series in outside
        record = cell.record
        more = "" if record.ended == "ok" else "> "
        # What refused to run cost nothing worth a figure.
        ran = record.ended != "refused"
        time = f"{more}{words.seconds(cell.seconds)}{'*' if cell.disturbed else ''}"
        fastest = "green" if cell.solved and cell.seconds == best and len(solved) > 1 else ""
        table.add_row(
            Text(words.broken(cell.series, 12) if narrow else cell.series),
            Text(outcome_words(cell, outside), style=_outcome_style(cell, red)),
            Text(time if ran and cell.seconds is not None else words.UNKNOWN, style=fastest),
            more + words.passes(cell.passes) if cell.passes is not None else words.UNKNOWN,
            more + words.size_bytes(cell.peak_bytes)
            if ran and cell.peak_bytes is not None
            else words.UNKNOWN,
            Text(
                words.objective(record.objective, 7 if narrow else 10),
                style="bold red" if red else "",
            ),
            words.gap(cell.raw_gap),
            words.gap(cell.polished_gap),
        )
    notes = comparison_notes(cells, found)
    if notes:
        table.caption = Text("\n".join(notes))
        table.caption_style = ""
    return table


def best_first(cell: Cell) -> tuple[bool, bool, bool, float, str]:
    """Sort key: solved by time, then finished, then failed."""
    return (
        not cell.solved,
        not cell.finished,
        cell.seconds is None,
        cell.seconds or 0.0,
        cell.series,
    )


def outcome_words(cell: Cell, outside: Mapping[str, str] | None = None) -> str:
    """``certified``, ``timeout``, ``wrong``…; what a run came to, in one or two words."""
    if outside and cell.series in outside and cell.status != "wrong":
        return "disagrees"
    record = cell.record
    if record.ended != "ok":
        return {"memory": "out of memory", "timeout": "time limit"}.get(record.ended, record.ended)
    verdict = verdict_words(record)
    if record.claim not in (None, "optimal"):
        return f"{record.claim}, {verdict}"
    return verdict


def _outcome_style(cell: Cell, red: bool) -> str:
    if red or cell.status == "crash":
        return "bold red"
    if cell.status == "solved":
        return "green" if is_proven(cell.record) else ""
    return "yellow" if cell.finished else "magenta"


def comparison_notes(cells: Sequence[Cell], found: Consensus) -> list[str]:
    """Lines under a comparison: findings first, then why something is not solved."""
    notes = []
    if found.empty:
        notes.append("The certified brackets exclude each other: this is a bug of planbench.")
    outside = dict(found.disagreeing)
    notes += [f"{series}: {why}" for series, why in outside.items()]
    notes += [f"{series}: {what}" for series, what in found.remarks]
    for cell in cells:
        remark = cell.record.message or (cell.record.reasons[0] if cell.record.reasons else "")
        fine = cell.solved and cell.record.verdict == "certified"
        if remark and not fine and cell.series not in outside:
            notes.append(f"{cell.series}: {remark}")
    if old := old_note([c.record for c in cells]):
        notes.append(old)
    why = dict.fromkeys(f"{c.series} {disturbance_words(c.record)}" for c in cells if c.disturbed)
    if why:
        notes.append(f"*: measured on a disturbed machine ({', '.join(why)})")
    return [words.plain(note) for note in notes]


def _bracket_line(found: Consensus) -> Text:
    text = bracket_words(found, 10)
    return Text(
        f"certified optimum {text}" if text != words.UNKNOWN else "no certified bracket",
        style="bold red" if found.empty else "dim",
    )
