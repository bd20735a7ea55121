"""Ladders of generated economies of growing size, the exponents fitted to them, and their tables.

In the tables failures stay in their place under their name, and wrong answers are red.

The economies of a ladder have the same recipe but for what grows: goods, years or regions. The
axes show the goods they come to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

import planbench.formatting as fmt
from planbench.records.schema import Record
from planbench.records.values import canonical
from planbench.report.results import (
    COSTS,
    TARGET_GAP,
    AggregatedResult,
    Measure,
    machine_key,
    median_result,
    require_results,
)
from planbench.report.style import in_order
from planbench.report.table import Column, Entry, Table
from planbench.stats.growth import Growth, PowerLawFit, study_growth

#: What makes an economy larger rather than another one.
GROWING = ("goods", "years", "regions")
#: What draws another economy of the same recipe.
_SEED = "seed"


def fixed_knobs(result: AggregatedResult) -> dict[str, str] | None:
    """Parts of the recipe that must be equal at all sizes of a ladder; None for other instances."""
    asked, variable = result.record.instance.asked, result.record.variable or "goods"
    if result.goods is None or variable not in GROWING or variable not in asked:
        return None
    return {k: v for k, v in asked.items() if k not in (variable, _SEED)}


def from_real_tables(knobs: dict[str, str]) -> bool:
    """Whether a ladder's economies are made from a real table or from figures fitted to one."""
    return "profile" in knobs or "of" in knobs


#: Seconds below which the clock and start-up dominate whatever the solver.
SECONDS_FLOOR = 0.01
#: Bytes below which the allocator's grain dominates a peak.
BYTES_FLOOR = 2.0**20
#: Where a solver's fixed cost is only known to be at most the least it ever had, a cost below
#: this many times that least is mostly fixed cost: such a run only says "at most this".
OVERHEAD_FACTOR = 4.0
#: Where the fixed cost is known and taken off, a rest below this many times it is within the
#: errors of that subtraction, and only says "at most this": seconds scatter by a tenth or more,
#: peaks of memory by a hundredth.
KNOWN_SECONDS, KNOWN_BYTES = 2.0, 0.5
#: Instances this many times smaller than a ladder's smallest size show the fixed cost itself.
TINY = 10
_FLOORS = {"seconds": (SECONDS_FLOOR, KNOWN_SECONDS), "bytes": (BYTES_FLOOR, KNOWN_BYTES)}

#: Answers x = 0, w = 1 whatever it is asked: shows what no effort is worth.
YARDSTICK = "null"


@dataclass(frozen=True)
class FixedCost:
    """The part of a cost that does not grow with size.

    Attributes
    ----------
    known : float
        Taken off every cost; 0 where the fixed part is not known.
    floor : float
        A growing part below it counts as "at most this".
    """

    known: float
    floor: float


def fixed_cost(
    lowest: float, tiny: float | None, least: float | None, factor: float = KNOWN_SECONDS
) -> FixedCost:
    """Say what is fixed of a cost.

    Parameters
    ----------
    lowest : float
        Below it the clock's or the allocator's grain dominates whatever the solver.
    tiny : float or None
        Least cost on instances at least :data:`TINY` times smaller than the ladder: the fixed
        cost itself.
        Scatter of the whole weighs on a small rest, hence its floor.
    least : float or None
        Least cost on anything: the fixed cost is at most this.
    factor : float
        Times `tiny`, below which a rest is not believed.
    """
    if tiny is not None:
        return FixedCost(tiny, max(lowest, factor * tiny))
    return FixedCost(0.0, max(lowest, OVERHEAD_FACTOR * least) if least is not None else lowest)


@dataclass(frozen=True)
class Ladder:
    """Generated economies that differ in size only, run on one machine.

    Attributes
    ----------
    name : str
        Name of the ladder, or its recipe where it has none.
    machine : str
    results : tuple of AggregatedResult
    sizes : tuple of int
        Numbers of goods, ascending.
    series : tuple of str
        Solvers, in the usual order.
    fixed : mapping of series to (FixedCost, FixedCost)
        What is fixed of each solver's seconds and bytes.
    real : bool
        Made from a real table, or by figures fitted to one.
    """

    name: str
    machine: str
    results: tuple[AggregatedResult, ...]
    sizes: tuple[int, ...]
    series: tuple[str, ...]
    fixed: Mapping[str, tuple[FixedCost, FixedCost]]
    real: bool = False

    def at(self, series: str, goods: int) -> list[AggregatedResult]:
        """Cells of a solver at a size (several where the ladder has several seeds)."""
        return [c for c in self.results if c.series == series and c.goods == goods]


def find_ladders(results: Sequence[AggregatedResult]) -> list[Ladder]:
    """Ladders in `results`: generated economies of two sizes or more by one recipe and group.

    The ``null`` solver, a yardstick of accuracy that solves nothing, climbs no ladder here.
    """
    groups: dict[tuple[str, str, str], list[AggregatedResult]] = {}
    for result in results:
        knobs = fixed_knobs(result)
        if knobs is None or result.solver == YARDSTICK:
            continue
        rest = canonical(knobs)
        groups.setdefault((result.group, rest, machine_key(result.record)), []).append(result)
    found = [
        (group, key, members)
        for (group, _, key), members in groups.items()
        if len({c.goods for c in members}) > 1
    ]
    names = _names([(group, members[0]) for group, _, members in found])
    several = len({key for _, key, _ in found}) > 1
    return [
        Ladder(
            name=f"{name} ({members[0].machine}, {key[:6]})" if several else name,
            machine=members[0].machine,
            results=tuple(members),
            sizes=tuple(sorted({c.goods for c in members if c.goods is not None})),
            series=tuple(in_order([c.series for c in members])),
            fixed=_fixed_costs(results, key, min(c.goods for c in members if c.goods)),
            real=from_real_tables(fixed_knobs(members[0]) or {}),
        )
        for name, (_, key, members) in zip(names, found, strict=True)
    ]


def largest_solved(ladder: Ladder, series: str) -> AggregatedResult | None:
    """Find the result of a solver on the largest economy it solved; None where it solved none.

    Of several seeds the middle one represents a size, as in the tables: neither the luckiest seed
    nor the first decides what a solver needs there, or that it got so far.
    """
    for size in reversed(ladder.sizes):
        result = median_result(ladder.at(series, size))
        if result is not None and result.solved and result.seconds is not None:
            return result
    return None


def headline_ladder(ladders: Sequence[Ladder]) -> Ladder:
    """Ladder on which the largest economy was solved; of equals the one with more solvers."""
    return max(
        ladders,
        key=lambda lad: (
            max((c.goods or 0 for c in lad.results if c.solved), default=0),
            len(lad.series),
        ),
    )


def _names(ladders: Sequence[tuple[str, AggregatedResult]]) -> list[str]:
    """Names of ladders; of namesakes (from several suites) with the knobs that differ."""
    names = [group or "generated economies" for group, _ in ladders]
    knobs = [fixed_knobs(result) or {} for _, result in ladders]
    out = []
    for name, mine in zip(names, knobs, strict=True):
        alike = [other for twin, other in zip(names, knobs, strict=True) if twin == name]
        telling = [k for k in sorted(mine) if any(other.get(k) != mine[k] for other in alike)]
        suffix = ", ".join(f"{k}={mine[k]}" for k in telling)
        out.append(fmt.plain(f"{name} ({suffix})") if suffix else name)
    return out


#: Statuses of results that say something of cost.
_TELLING = ("solved", "loose", "unproven", "timeout", "memory")


def _costs(
    ladder: Ladder, series: str, measure: Measure
) -> list[tuple[AggregatedResult, float, FixedCost]]:
    """Costs of a solver on a ladder, and what is fixed of each."""
    pass_seconds = _pass_seconds(ladder)
    found = []
    for result in ladder.results:
        if result.series != series or result.status not in _TELLING or not result.goods:
            continue
        cost, fixed = result.cost(measure), ladder.fixed[series][measure == "bytes"]
        if measure == "passes":
            one_pass = pass_seconds.get(result.sha256)
            if not one_pass:
                continue
            fixed = FixedCost(fixed.known / one_pass, fixed.floor / one_pass)
            if cost is None and not result.solved and result.seconds is not None:
                cost = result.seconds / one_pass
        if cost is not None:
            found.append((result, cost, fixed))
    return found


def study_ladder(ladder: Ladder, series: str, measure: Measure) -> Growth:
    """Laws of growth of a solver's cost on a ladder, weighed against each other.

    Solved runs are exact observations. Timeouts, runs out of memory and answers that miss the
    target gap are "at least". Crashes, refusals and wrong answers say nothing of cost and are
    left out. Costs below the solver's floor count as "at most the floor".
    """
    runs: list[tuple[float, float, bool, float]] = []
    for result, cost, fixed in _costs(ladder, series, measure):
        growing = max(cost - fixed.known, 0.0)
        if growing > 0 or result.solved:
            # A peak is known exactly once a run has ended, however loose its answer.
            stopped = not (result.finished if measure == "bytes" else result.solved)
            known = growing or fixed.floor / 2
            runs.append((float(result.goods or 0), known, stopped, fixed.floor))
    return _study(tuple(runs))


@lru_cache(maxsize=4096)
def _study(runs: tuple[tuple[float, float, bool, float], ...]) -> Growth:
    """Fit once what tables, charts and sentences all ask for."""
    return study_growth(
        [size for size, _, _, _ in runs],
        [cost for _, cost, _, _ in runs],
        [stopped for _, _, stopped, _ in runs],
        floor=[floor for _, _, _, floor in runs],
    )


def fit_ladder(ladder: Ladder, series: str, measure: Measure) -> PowerLawFit:
    """Exponent of a solver's cost on a ladder; see :func:`study_ladder`."""
    return study_ladder(ladder, series, measure).fit


def _fixed_costs(
    results: Sequence[AggregatedResult], machine: str, smallest: int
) -> dict[str, tuple[FixedCost, FixedCost]]:
    """Say what is fixed of each solver's costs, from all it did on this machine."""
    seen: dict[str, list[AggregatedResult]] = {}
    for result in results:
        if machine_key(result.record) == machine:
            seen.setdefault(result.series, []).append(result)

    def fixed(mine: Sequence[AggregatedResult], measure: Measure) -> FixedCost:
        costs = [(c, c.cost(measure)) for c in mine if c.finished]
        known = [(c, cost) for c, cost in costs if cost is not None]
        tiny = [cost for c, cost in known if c.goods is not None and c.goods * TINY <= smallest]
        least = min((cost for _, cost in known), default=None)
        lowest, factor = _FLOORS[measure]
        return fixed_cost(lowest, min(tiny, default=None), least, factor)

    return {series: (fixed(mine, "seconds"), fixed(mine, "bytes")) for series, mine in seen.items()}


def _pass_seconds(ladder: Ladder) -> dict[str, float]:
    """Seconds of one matrix pass per instance: a fact of instance and machine, not of solver."""
    seen: dict[str, list[float]] = {}
    for result in ladder.results:
        for value in (result.record.pass_s_before, result.record.pass_s_after):
            if value:
                seen.setdefault(result.sha256, []).append(value)
    return {sha: float(np.median(values)) for sha, values in seen.items()}


def ladder_tables(records: Sequence[Record], measure: Measure = "seconds") -> list[Table]:
    """Cost against goods, a table per ladder.

    Parameters
    ----------
    records : sequence of Record
    measure : {"seconds", "passes", "bytes"}

    Returns
    -------
    list of Table
        Empty where the records hold no ladder.

    Raises
    ------
    InputError
        Without any record.
    """
    return [ladder_table(ladder, measure) for ladder in find_ladders(require_results(records))]


def ladder_table(ladder: Ladder, measure: Measure) -> Table:
    """Cost on a ladder: a row per solver, a column per size.

    Parameters
    ----------
    ladder : Ladder
    measure : {"seconds", "passes", "bytes"}
    """
    stop = "reached when stopped" if measure == "bytes" else "stopped at the limit"
    return Table(
        title=f"{COSTS[measure].name.capitalize()} on the ladder {ladder.name}, by goods",
        caption=(
            f">: {stop}; ~: certified no better than a raw gap of {fmt.gap(TARGET_GAP)}; "
            "*: on a disturbed machine."
        ),
        columns=solver_columns(map(fmt.size, ladder.sizes)),
        rows=[
            [
                Entry(s),
                *(cost_entry(median_result(ladder.at(s, n)), measure) for n in ladder.sizes),
            ]
            for s in ladder.series
        ],
    )


def solver_columns(values: Iterable[str]) -> list[Column]:
    """Columns of the solver and of its costs at each of `values`."""
    return [Column("solver", "solver"), *(Column(value, "plain number") for value in values)]


def cost_entry(result: AggregatedResult | None, measure: Measure) -> Entry:
    """One result of a ladder or sweep: its cost, or the failure by name."""
    if result is None:
        return Entry(fmt.UNKNOWN, mark="none")
    if result.status == "wrong":
        return Entry("wrong", mark="bold bad")
    cost = result.cost(measure)
    figure = COSTS[measure].shown(cost)
    mark = "*" if result.disturbed else ""
    if result.status == "solved":
        return Entry(figure + mark)
    if result.finished:
        return Entry(f"~{figure}{mark}", mark="warn")
    if result.status == "timeout":
        return Entry("timeout" if cost is None else f"> {figure}", mark="stopped")
    return Entry(
        "mem" if result.status == "memory" else result.status,
        mark="bad" if result.status == "crash" else "stopped",
    )
