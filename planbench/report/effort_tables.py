"""Terminal tables of time to verified accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
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
from planbench.report.table import plain_table
from planbench.stats.accuracy import TimeToAccuracy

#: Columns of the terminal from which names are not broken.
WIDE = 110


def effort_tables(records: Sequence[Record], *, width: int = 100) -> list[Table]:
    """Seconds to each target gap: a table per instance, then one over all of them.

    Empty where no suite drove solvers to target gaps.
    """
    targets = targets_of(records)
    blocks = effort_blocks(records)
    tables = [_block_table(block, targets, width) for block in blocks]
    if not tables:
        return []
    tables[-1].caption = effort_rules()
    return [*tables, _overall_table(records, targets, width)]


def _block_table(block: EffortBlock, targets: Sequence[float], width: int) -> Table:
    size = f"  {words.count(block.goods)} goods" if block.goods is not None else ""
    table = plain_table(Text.assemble((block.instance, "bold"), size))
    table.add_column("solver", overflow="fold")
    for target in targets:
        table.add_column(f"time to\n{words.gap(target)}", justify="right", no_wrap=True)
    tightest = targets[-1]
    polished = any(row.polished for row in block.rows)
    if polished:
        head = f"polished,\nto {words.gap(tightest)}"
        table.add_column(head, justify="right", no_wrap=True)
    best = {target: _least(block.rows, target) for target in targets}
    for row in block.rows:
        cells = [_cell(row.raw.get(target), best[target]) for target in targets]
        if polished:
            cells.append(_cell(row.polished.get(tightest), None))
        table.add_row(Text(_name(row.series, width)), *cells)
    return table


def _least(rows: Sequence[EffortRow], target: float) -> float | None:
    done = [t.seconds for row in rows if (t := row.raw.get(target)) is not None and t.reached]
    return min(done) if len(done) > 1 else None


def _cell(one: TimeToAccuracy | None, best: float | None) -> Text:
    said = effort_words(one)
    if one is None or one.end == "refused":
        return Text(said, style="dim")
    if one.reached:
        return Text(said, style="green" if one.seconds == best else "")
    if one.end == "crash":
        return Text(said, style="red")
    return Text(said, style="yellow" if said.startswith("only") else "magenta")


def _overall_table(
    records: Sequence[Record],
    targets: Sequence[float],
    width: int,
) -> Table:
    table = plain_table("All instances, by target gap")
    table.caption = (
        "Reached, of those that count; shifted geometric mean of the time, where a gap that was "
        f"not reached is charged {SUMMARY_PENALTY:g} times the time limit. What a planner "
        "refused (it plans no such economy) and what was not run is left out."
    )
    table.add_column("solver", overflow="fold")
    table.add_column("left out", overflow="fold")
    for target in targets:
        table.add_column(f"reached\n{words.gap(target)}", justify="right", no_wrap=True)
        table.add_column("mean\ntime", justify="right", no_wrap=True)
    found = {t: {s.score.solver: s for s in effort_standings(records, t)} for t in targets}
    for series in ranked_series(records):
        cells = []
        left_out = ""
        for target in targets:
            standing = found[target].get(series)
            if standing is None:
                cells += [words.UNKNOWN, words.UNKNOWN]
                continue
            left_out = left_out or standing.left_out
            score = standing.score
            cells += [f"{score.solved} of {score.attempted}", words.seconds(score.mean_all)]
        table.add_row(Text(_name(series, width)), Text(left_out, style="dim"), *cells)
    return table


def _name(series: str, width: int) -> str:
    return series if width >= WIDE else words.broken(series, 20)
