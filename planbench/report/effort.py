"""Time to verified accuracy: solvers at the same certified gap, by instance and over all.

A suite with target gaps drives each solver to each of them. What misses the tightest gap is no
failure at the loose one, so such a run has tables of its own: seconds to each gap, failed runs
charged, with the ``null`` solver, which does nothing, as the floor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import planbench.formatting as fmt
from planbench.records.schema import Record
from planbench.records.values import canonical
from planbench.report.ladders import YARDSTICK
from planbench.report.results import series_labels
from planbench.report.scores import ScoredRun, Standing, is_planner, ranked
from planbench.report.table import Column, Entry, Mark, Table, number
from planbench.stats.accuracy import BROKEN_OFF, TimeToAccuracy, time_to_accuracy
from planbench.stats.aggregate import PENALTY

#: Ends of a chain that say how the run ended: in a word, and its mark.
_ENDED: dict[str, tuple[str, Mark]] = {
    "memory": ("mem", "stopped"),
    "crash": ("crash", "bad"),
    "killed": ("killed", "stopped"),
    "refused": ("refused", "none"),
}
_SOLVER = Column("solver", "solver")
#: One solver's chains on one instance, by target.
Chains = dict[float, TimeToAccuracy]


def targets_of(records: Sequence[Record]) -> list[float]:
    """All target gaps of `records`, from loose to tight."""
    return sorted({t for r in records if r.accuracy for t in r.accuracy.targets}, reverse=True)


def named_times(records: Sequence[Record]) -> list[tuple[str, TimeToAccuracy]]:
    """Read times to accuracy, each with the name of its solver as in the other tables."""
    times = time_to_accuracy(records)
    keys = [(t.solver, canonical(t.options), t.version) for t in times]
    labels = series_labels(keys)
    return [(labels[key], time) for key, time in zip(keys, times, strict=True)]


def _is_yardstick(series: str) -> bool:
    return series.split(" ")[0] == YARDSTICK


def effort_blocks(records: Sequence[Record]) -> list[dict[str, Chains]]:
    """Read the chains of tries in `records`: for each instance and machine those of each solver.

    Best first; ``null`` last, as the floor.
    """
    blocks: dict[tuple[str, str], dict[str, Chains]] = {}
    for series, one in named_times(records):
        block = blocks.setdefault((one.sha256, one.machine), {})
        block.setdefault(series, {})[one.target] = one

    def place(item: tuple[str, Chains]) -> tuple[bool, int, float, str]:
        series, chains = item
        reached = [t for t in chains.values() if t.reached]
        tightest = min(reached, key=lambda t: t.target, default=None)
        seconds = tightest.seconds if tightest is not None else 0.0
        return _is_yardstick(series), -len(reached), seconds, series

    return [dict(sorted(block.items(), key=place)) for block in blocks.values()]


def effort_entry(one: TimeToAccuracy | None, best: float | None = None) -> Entry:
    """Seconds with the tries charged, or what it came to instead: ``only 2e-3``, ``> 30 s``."""
    if one is None:
        return Entry(fmt.UNKNOWN, mark="none")
    seconds = fmt.seconds(one.seconds) + ("*" if one.disturbed else "")
    if one.reached:
        tries = f" ({one.tries})" if one.tries > 1 else ""
        return number(seconds + tries, one.seconds, "good" if one.seconds == best else "")
    said, mark = _ENDED.get(one.end, (f"> {seconds}", "stopped"))
    if one.end not in (*_ENDED, "timeout", BROKEN_OFF) and one.gap is not None:
        said, mark = f"only {fmt.gap(one.gap)}", "warn"
    return Entry(said, mark=mark, hint=one.end)


def effort_rules() -> str:
    """Say what the figures are, in one paragraph."""
    return (
        "Seconds until the raw gap was certified, failed tries charged; in brackets how many "
        "tries, where several. Only: no tolerance brought it closer than this gap. >: stopped, "
        "with the seconds spent. null answers with no effort: what it reaches is free."
    )


def effort_standings(records: Sequence[Record], target: float) -> list[Standing]:
    """Rank solvers by their time to one target gap over all instances driven to it."""
    return ranked(
        [
            ScoredRun(
                series=series,
                instance=f"{one.sha256} {one.machine}",
                ladder=(one.machine, one.record.group),
                goods=one.goods or 0,
                seconds=one.seconds if one.reached else None,
                limit_s=one.limit_s,
                stopped=not one.reached and one.end != "once",
                refused=one.end == "refused" and is_planner(one.solver),
            )
            for series, one in named_times(records)
            if one.target == target
        ]
    )


def effort_tables(records: Sequence[Record]) -> list[Table]:
    """Seconds to each target gap, a table per instance.

    Empty where no suite drove solvers to target gaps.
    """
    targets = targets_of(records)
    tables = []
    for block in effort_blocks(records):
        shown = next(one for chains in block.values() for one in chains.values())
        size = f"  {fmt.count(shown.goods)} goods" if shown.goods is not None else ""
        best = {}
        for target in targets:
            done = [c[target].seconds for c in block.values() if target in c and c[target].reached]
            best[target] = min(done) if len(done) > 1 else None
        tables.append(
            Table(
                title=f"{fmt.plain(shown.instance)}{size}",
                columns=(
                    _SOLVER,
                    *(Column(f"time to\n{fmt.gap(t)}", "number") for t in targets),
                ),
                rows=[
                    [Entry(series), *(effort_entry(chains.get(t), best[t]) for t in targets)]
                    for series, chains in block.items()
                ],
            )
        )
    if tables:
        tables[-1] = replace(tables[-1], caption=effort_rules())
    return tables


def effort_overall(records: Sequence[Record]) -> Table:
    """Solvers ranked at each target gap over all instances: the tightest first, then the next."""
    targets = targets_of(records)
    found = {t: {s.score.solver: s for s in effort_standings(records, t)} for t in targets}

    def place(series: str) -> tuple[bool, list[tuple[int, float]], str]:
        ranks = []
        for target in reversed(targets):
            if standing := found[target].get(series):
                score = standing.score
                ratio = math.inf if score.against_others is None else score.against_others
                ranks.append((-score.solved, ratio) if score.solved else (1, math.inf))
        return _is_yardstick(series), ranks, series

    rows = []
    for series in sorted({series for ranks in found.values() for series in ranks}, key=place):
        standings = [found[target].get(series) for target in targets]
        left_out = next((s.left_out for s in standings if s and s.left_out), "")
        row = [Entry(series), Entry(left_out, mark="none")]
        for standing in standings:
            if standing is None:
                row += [number("", None), number("", None)]
                continue
            score = standing.score
            row.append(number(f"{score.solved} of {score.attempted}", score.solved))
            row.append(number(fmt.seconds(score.mean_all), score.mean_all))
        rows.append(row)
    return Table(
        title="All instances, by target gap",
        caption=(
            "Reached, of those that count; shifted geometric mean of the time, where a gap that "
            f"was not reached is charged {PENALTY:g} times the time limit. What a planner "
            "refused (it plans no such economy) and what was not run is left out."
        ),
        columns=(
            _SOLVER,
            Column("left out"),
            *(
                Column(heading, "number")
                for target in targets
                for heading in (f"reached\n{fmt.gap(target)}", "mean\ntime")
            ),
        ),
        rows=rows,
    )
