"""Time to verified accuracy: solvers at the same certified gap, by instance and over all.

A suite with target gaps drives each solver to each of them. What misses the tightest gap is no
failure at the loose one, so such a run has tables of its own: seconds to each gap, failed runs
charged, with the ``null`` solver, which does nothing, as the floor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import planbench.formatting as fmt
from planbench.records.schema import Record
from planbench.records.values import canonical
from planbench.report.ladders import YARDSTICK
from planbench.report.results import SeriesKey, series_labels
from planbench.report.scores import SUMMARY_PENALTY, ScoredRun, Standing, is_planner, ranked
from planbench.report.table import Column, Entry, Table, number
from planbench.stats.accuracy import BROKEN_OFF, NO_POLISH, TimeToAccuracy, time_to_accuracy

#: Ends of a chain that say how the run ended, in a word.
_ENDED = {"memory": "mem", "crash": "crash", "killed": "killed", "refused": "refused"}


@dataclass(frozen=True)
class EffortRow:
    """One solver on one instance.

    Attributes
    ----------
    series : str
        Solver, with what tells it from its namesakes.
    raw, polished : mapping of float to TimeToAccuracy
        By target; polished empty where no row has a polished gap.
    """

    series: str
    raw: Mapping[float, TimeToAccuracy]
    polished: Mapping[float, TimeToAccuracy]


@dataclass(frozen=True)
class EffortBlock:
    """All solvers on one instance and machine.

    Attributes
    ----------
    instance : str
    goods : int or None
    rows : tuple of EffortRow
        Best first; ``null`` last, as the floor.
    """

    instance: str
    goods: int | None
    rows: tuple[EffortRow, ...]


def targets_of(records: Sequence[Record]) -> list[float]:
    """All target gaps of `records`, from loose to tight."""
    return sorted({t for r in records if r.accuracy for t in r.accuracy.targets}, reverse=True)


def effort_blocks(records: Sequence[Record]) -> list[EffortBlock]:
    """Read the chains of tries in `records`, one block per instance and machine."""
    raw = time_to_accuracy(records)
    polished = [t for t in time_to_accuracy(records, gap="polished") if t.end != NO_POLISH]
    if not any(t.reached for t in polished):
        polished = []
    labels = effort_names(raw)
    blocks = []
    for place in dict.fromkeys((t.sha256, t.machine) for t in raw):
        here = [t for t in raw if (t.sha256, t.machine) == place]
        rows = [
            EffortRow(
                labels[key],
                {t.target: t for t in here if effort_key(t) == key},
                {
                    t.target: t
                    for t in polished
                    if (t.sha256, t.machine) == place and effort_key(t) == key
                },
            )
            for key in dict.fromkeys(map(effort_key, here))
        ]
        rows.sort(key=_best_first)
        blocks.append(EffortBlock(fmt.plain(here[0].instance), here[0].goods, tuple(rows)))
    return blocks


def effort_words(one: TimeToAccuracy | None) -> str:
    """Seconds with the tries charged, or what it came to instead: ``only 2e-3``, ``> 30 s``."""
    if one is None:
        return fmt.UNKNOWN
    mark = "*" if one.disturbed else ""
    if one.reached:
        tries = f" ({one.tries})" if one.tries > 1 else ""
        return f"{fmt.seconds(one.seconds)}{mark}{tries}"
    if one.end in _ENDED:
        return _ENDED[one.end]
    if one.end in ("timeout", BROKEN_OFF) or one.gap is None:
        return f"> {fmt.seconds(one.seconds)}{mark}"
    return f"only {fmt.gap(one.gap)}"


def effort_rules() -> str:
    """Say what the figures are, in one paragraph."""
    return (
        "Seconds until the raw gap was certified, failed tries charged; in brackets how many "
        "tries, where several. Only: no tolerance brought it closer than this gap. >: stopped, "
        "with the seconds spent. Polished: planbench improves plan and prices after each try and "
        "its seconds are charged too. null answers with no effort: what it reaches is free."
    )


def effort_standings(records: Sequence[Record], target: float) -> list[Standing]:
    """Rank solvers by their time to one target gap over all instances driven to it."""
    every = time_to_accuracy(records)
    labels = effort_names(every)
    mine = [t for t in every if t.target == target]
    times: dict[str, dict[str, float | None]] = {}
    limits: dict[str, float | None] = {}
    runs = []
    for one in mine:
        series = labels[effort_key(one)]
        where = f"{one.sha256} {one.machine}"
        times.setdefault(series, {})[where] = one.seconds if one.reached else None
        limits[where] = max(limits.get(where) or 0.0, one.limit_s or 0.0) or None
        runs.append(
            ScoredRun(
                series=series,
                sha256=where,
                ladder=(one.machine, one.group),
                goods=one.goods or 0,
                stopped=not one.reached and one.end != "once",
                refused=one.end == "refused" and is_planner(one.solver),
            )
        )
    return ranked(times, limits, runs)


def ranked_series(records: Sequence[Record]) -> list[str]:
    """Solvers by their standing at the tightest target, then the next; ``null`` last."""
    places: dict[str, list[tuple[int, float]]] = {}
    for target in reversed(targets_of(records)):
        for standing in effort_standings(records, target):
            score = standing.score
            ratio = score.against_others if score.against_others is not None else math.inf
            mine = places.setdefault(score.solver, [])
            mine.append((-score.solved, ratio) if score.solved else (1, math.inf))
    return sorted(places, key=lambda s: (s.split(" ")[0] == YARDSTICK, places[s], s))


def _best_first(row: EffortRow) -> tuple[bool, int, float, str]:
    reached = [t for t in row.raw.values() if t.reached]
    tightest = min(reached, key=lambda t: t.target, default=None)
    seconds = tightest.seconds if tightest is not None else 0.0
    return row.series.split(" ")[0] == YARDSTICK, -len(reached), seconds, row.series


def effort_key(one: TimeToAccuracy) -> SeriesKey:
    """Solver, options that count, and version: what is one solver among results like this."""
    return one.solver, canonical(one.options), one.version


def effort_names(times: Sequence[TimeToAccuracy]) -> dict[SeriesKey, str]:
    """Name of each solver, as in the other tables."""
    return series_labels(list(map(effort_key, times)))


#: Columns of the terminal from which names are not broken.
WIDE = 110


_SOLVER = Column("solver", "solver", fold=True, broken=20)


def effort_tables(records: Sequence[Record]) -> list[Table]:
    """Seconds to each target gap, raw and polished, a table per instance.

    Empty where no suite drove solvers to target gaps.
    """
    blocks = effort_blocks(records)
    targets = targets_of(records)
    polished = targets if any(row.polished for block in blocks for row in block.rows) else []
    tables = []
    for block in blocks:
        size = f"  {fmt.count(block.goods)} goods" if block.goods is not None else ""
        best = {target: _least(block.rows, target) for target in targets}
        tables.append(
            Table(
                title=f"{block.instance}{size}",
                caption=effort_rules() if block is blocks[-1] else "",
                wide=WIDE,
                columns=(
                    _SOLVER,
                    *(Column(f"time to\n{fmt.gap(t)}", "number", whole=True) for t in targets),
                    *(
                        Column(f"polished,\nto {fmt.gap(t)}", "number", whole=True)
                        for t in polished
                    ),
                ),
                rows=[
                    [
                        Entry(row.series),
                        *(_entry(row.raw.get(t), best[t]) for t in targets),
                        *(_entry(row.polished.get(t)) for t in polished),
                    ]
                    for row in block.rows
                ],
            )
        )
    return tables


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
            entries.append(number(fmt.seconds(score.mean_all), score.mean_all))
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
            _SOLVER,
            Column("left out", fold=True),
            *(
                Column(heading, "number", whole=True)
                for target in targets
                for heading in (f"reached\n{fmt.gap(target)}", "mean\ntime")
            ),
        ),
        rows=rows,
    )
