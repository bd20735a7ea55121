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
from planbench.report.scores import SUMMARY_PENALTY, ScoredRun, Standing, is_planner, ranked
from planbench.report.table import Column, Entry, Table, number
from planbench.stats.accuracy import BROKEN_OFF, TimeToAccuracy, time_to_accuracy

#: Ends of a chain that say how the run ended, in a word.
_ENDED = {"memory": "mem", "crash": "crash", "killed": "killed", "refused": "refused"}


def targets_of(records: Sequence[Record]) -> list[float]:
    """All target gaps of `records`, from loose to tight."""
    return sorted({t for r in records if r.accuracy for t in r.accuracy.targets}, reverse=True)


#: One solver's chains on one instance, by target.
Chains = dict[float, TimeToAccuracy]


def effort_blocks(records: Sequence[Record]) -> list[dict[str, Chains]]:
    """Read the chains of tries in `records`: for each instance and machine those of each solver.

    Best first; ``null`` last, as the floor.
    """
    times = time_to_accuracy(records)
    blocks: dict[tuple[str, str], dict[str, Chains]] = {}
    for one, series in zip(times, _labels(times), strict=True):
        block = blocks.setdefault((one.sha256, one.machine), {})
        block.setdefault(series, {})[one.target] = one
    return [
        dict(sorted(block.items(), key=lambda item: _best_first(*item)))
        for block in blocks.values()
    ]


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
        "with the seconds spent. null answers with no effort: what it reaches is free."
    )


def effort_standings(records: Sequence[Record], target: float) -> list[Standing]:
    """Rank solvers by their time to one target gap over all instances driven to it."""
    every = time_to_accuracy(records)
    times: dict[str, dict[str, float | None]] = {}
    limits: dict[str, float | None] = {}
    runs = []
    for one, series in zip(every, _labels(every), strict=True):
        if one.target != target:
            continue
        where = f"{one.sha256} {one.machine}"
        times.setdefault(series, {})[where] = one.seconds if one.reached else None
        limits[where] = max(limits.get(where) or 0.0, one.limit_s or 0.0) or None
        runs.append(
            ScoredRun(
                series=series,
                sha256=where,
                ladder=(one.machine, one.record.group),
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


def _best_first(series: str, chains: Chains) -> tuple[bool, int, float, str]:
    reached = [t for t in chains.values() if t.reached]
    tightest = min(reached, key=lambda t: t.target, default=None)
    seconds = tightest.seconds if tightest is not None else 0.0
    return series.split(" ")[0] == YARDSTICK, -len(reached), seconds, series


def _labels(times: Sequence[TimeToAccuracy]) -> list[str]:
    """Name of the solver of each, as in the other tables."""
    keys = [(t.solver, canonical(t.options), t.version) for t in times]
    named = series_labels(keys)
    return [named[key] for key in keys]


_SOLVER = Column("solver", "solver")


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
                    [Entry(series), *(_entry(chains.get(t), best[t]) for t in targets)]
                    for series, chains in block.items()
                ],
            )
        )
    if tables:
        tables[-1] = replace(tables[-1], caption=effort_rules())
    return tables


def _entry(one: TimeToAccuracy | None, best: float | None) -> Entry:
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
