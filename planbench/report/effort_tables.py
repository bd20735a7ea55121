"""Tables of time to verified accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from planbench.records.schema import Record
from planbench.report import words
from planbench.report.effort import (
    EffortBlock,
    EffortRow,
    effort_blocks,
    effort_rules,
    effort_standings,
    effort_words,
    ranked_series,
    targets_of,
)
from planbench.report.scores import SUMMARY_PENALTY
from planbench.report.table import Column, Entry, Table, number
from planbench.stats.accuracy import TimeToAccuracy

#: Columns of the terminal from which names are not broken.
WIDE = 110


def effort_tables(records: Sequence[Record]) -> list[Table]:
    """Seconds to each target gap: a table per instance, then one over all of them.

    Empty where no suite drove solvers to target gaps.
    """
    blocks = effort_blocks(records)
    if not blocks:
        return []
    targets = targets_of(records)
    tables = [
        _block_table(block, targets, effort_rules() if block is blocks[-1] else "")
        for block in blocks
    ]
    return [*tables, effort_overall(records)]


def _block_table(block: EffortBlock, targets: Sequence[float], caption: str) -> Table:
    size = f"  {words.count(block.goods)} goods" if block.goods is not None else ""
    tightest = targets[-1]
    polished = any(row.polished for row in block.rows)
    head = [Column(f"time to\n{words.gap(t)}", "number", whole=True) for t in targets]
    if polished:
        head.append(Column(f"polished,\nto {words.gap(tightest)}", "number", whole=True))
    best = {target: _least(block.rows, target) for target in targets}
    return Table(
        title=Text.assemble((block.instance, "bold"), size),
        caption=caption,
        wide=WIDE,
        columns=(Column("solver", "solver", fold=True, broken=20), *head),
        rows=[
            [
                Entry(row.series),
                *(_entry(row.raw.get(target), best[target]) for target in targets),
                *([_entry(row.polished.get(tightest))] if polished else []),
            ]
            for row in block.rows
        ],
    )


def effort_table(records: Sequence[Record]) -> Table:
    """Seconds to each target gap, raw and polished, a row per solver and instance."""
    targets = targets_of(records)
    blocks = effort_blocks(records)
    polished = any(row.polished for block in blocks for row in block.rows)
    shown = targets if polished else []
    return Table(
        columns=(
            Column("instance", "long"),
            Column("solver", "solver"),
            *(Column(f"to\n{words.gap(t)}", "number") for t in targets),
            *(Column(f"polished,\nto {words.gap(t)}", "number") for t in shown),
        ),
        rows=[
            [
                Entry(block.instance),
                Entry(row.series),
                *(_entry(row.raw.get(target)) for target in targets),
                *(_entry(row.polished.get(target)) for target in shown),
            ]
            for block in blocks
            for row in block.rows
        ],
    )


def _least(rows: Sequence[EffortRow], target: float) -> float | None:
    done = [t.seconds for row in rows if (t := row.raw.get(target)) is not None and t.reached]
    return min(done) if len(done) > 1 else None


def _entry(one: TimeToAccuracy | None, best: float | None = None) -> Entry:
    said = effort_words(one)
    if one is None:
        return Entry(said, mark="none")
    if one.reached:
        return number(said, one.seconds, "good" if one.seconds == best else "")
    if one.end == "refused":
        return Entry(said, mark="none", hint=one.end)
    if one.end == "crash":
        return Entry(said, mark="bad", hint=one.end)
    return Entry(said, mark="warn" if said.startswith("only") else "stopped", hint=one.end)


def effort_overall(records: Sequence[Record]) -> Table:
    """Solvers ranked at each target gap over all instances."""
    targets = targets_of(records)
    found = {t: {s.score.solver: s for s in effort_standings(records, t)} for t in targets}
    rows = []
    for series in ranked_series(records):
        entries = []
        left_out = ""
        for target in targets:
            standing = found[target].get(series)
            if standing is None:
                entries += [number("", None), number("", None)]
                continue
            left_out = left_out or standing.left_out
            score = standing.score
            entries.append(number(f"{score.solved} of {score.attempted}", score.solved))
            entries.append(number(words.seconds(score.mean_all), score.mean_all))
        rows.append([Entry(series), Entry(left_out, mark="none"), *entries])
    return Table(
        title="All instances, by target gap",
        caption=(
            "Reached, of those that count; shifted geometric mean of the time, where a gap that "
            f"was not reached is charged {SUMMARY_PENALTY:g} times the time limit. What a planner "
            "refused (it plans no such economy) and what was not run is left out."
        ),
        wide=WIDE,
        columns=(
            Column("solver", "solver", fold=True, broken=20),
            Column("left out", fold=True),
            *(
                Column(heading, "number", whole=True)
                for target in targets
                for heading in (f"reached\n{words.gap(target)}", "mean\ntime")
            ),
        ),
        rows=rows,
    )
