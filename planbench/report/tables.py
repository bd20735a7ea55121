"""Tables of a run: ladders, sweeps, known optima, ranking.

Failures stay in their place under their name, and wrong answers are red.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import planbench.formatting as fmt
from planbench.records.schema import Record
from planbench.report.instances import (
    bracket_words,
    excludes,
    instance_consensus,
)
from planbench.report.ladders import Ladder, find_ladders
from planbench.report.results import (
    COST_FORMATS,
    MEASURE_NAMES,
    TARGET_GAP,
    AggregatedResult,
    Measure,
    median_result,
    require_results,
)
from planbench.report.sweeps import Sweep, find_sweeps
from planbench.report.table import Column, Entry, Table


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


def golden_table(
    records: Sequence[Record], optima: Mapping[str, float | None] | None = None
) -> Table:
    """Certified values and known optima, a row per instance outside ladders and sweeps.

    Parameters
    ----------
    records : sequence of Record
    optima : mapping of instance name to float or None, optional
        Optimal values known from the literature or by construction.

    Raises
    ------
    InputError
        Without any record.
    """
    results = require_results(records)
    on_ladders = {c.sha256 for ladder in find_ladders(results) for c in ladder.results}
    # Of several seeds at a value the table shows one; the others are on the sweep too.
    sweeps = find_sweeps(results)
    on_ladders |= {c.sha256 for sweep in sweeps for _, c in sweep.points}
    swept = {(sweep.knob, sweep.name) for sweep in sweeps}
    on_ladders |= {c.sha256 for c in results if (c.record.variable, c.group) in swept}
    rows = []
    for sha in dict.fromkeys(c.sha256 for c in results if c.sha256 not in on_ladders):
        mine = [c for c in results if c.sha256 == sha]
        found = instance_consensus(mine)
        known = (optima or {}).get(mine[0].instance)
        solved = [c for c in mine if c.solved and c.seconds is not None]
        best = min(solved, key=lambda c: c.seconds or 0.0, default=None)
        wrong = known is not None and excludes(found, known)
        red = any(c.status == "wrong" for c in mine)
        rows.append(
            [
                Entry(mine[0].instance),
                Entry(fmt.objective(known), known, "bold bad" if wrong else ""),
                Entry(bracket_words(found), mark="bold bad" if found.empty else ""),
                Entry(
                    f"{sum(c.solved for c in mine)} of {len(mine)}",
                    mark="bold bad" if red else "",
                ),
                Entry(best.series if best else fmt.UNKNOWN),
                Entry(fmt.seconds(best.seconds) if best else fmt.UNKNOWN),
            ]
        )
    return Table(
        title="Instances with one size",
        caption=(
            "Bracket: intersection of what the certificates of all solvers prove. Solved: "
            f"certified to a raw gap of {fmt.gap(TARGET_GAP)} or better."
        ),
        columns=(
            Column("instance"),
            Column("known\noptimum", "number"),
            Column("certified\nbracket", "number"),
            Column("solved", "number"),
            Column("fastest"),
            Column("time", "number"),
        ),
        rows=rows,
    )


def ladder_table(ladder: Ladder, measure: Measure) -> Table:
    """Cost on a ladder: a row per solver, a column per size.

    Parameters
    ----------
    ladder : Ladder
    measure : {"seconds", "passes", "bytes"}
    """
    stop = "reached when stopped" if measure == "bytes" else "stopped at the limit"
    return Table(
        title=f"{MEASURE_NAMES[measure].capitalize()} on the ladder {ladder.name}, by goods",
        columns=(
            Column("solver", "solver"),
            *(Column(fmt.size(size), "plain number") for size in ladder.sizes),
        ),
        rows=[
            [
                Entry(s),
                *(cost_entry(median_result(ladder.at(s, n)), measure) for n in ladder.sizes),
            ]
            for s in ladder.series
        ],
        caption=(
            f">: {stop}; ~: certified no better than a raw gap of {fmt.gap(TARGET_GAP)}; "
            "*: on a disturbed machine."
        ),
    )


def cost_entry(result: AggregatedResult | None, measure: Measure) -> Entry:
    """One result of a ladder or sweep: its cost, or the failure by name."""
    if result is None:
        return Entry(fmt.UNKNOWN, mark="none")
    if result.status == "wrong":
        return Entry("wrong", mark="bold bad")
    cost = result.cost(measure)
    figure = COST_FORMATS[measure](cost)
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


def sweep_tables(records: Sequence[Record], measure: Measure = "seconds") -> list[Table]:
    """Cost against the knob of each sweep, a table per sweep.

    Raises
    ------
    InputError
        Without any record.
    """
    return [_sweep_table(sweep, measure) for sweep in find_sweeps(require_results(records))]


def _sweep_table(sweep: Sweep, measure: Measure) -> Table:
    what = MEASURE_NAMES[measure].capitalize()
    size = f", {fmt.count(sweep.goods)} goods" if sweep.goods is not None else ""
    return Table(
        title=f"{what} against {sweep.title} (ladder {sweep.name}{size})",
        caption=(
            f">: stopped at the limit; ~: certified no better than {fmt.gap(TARGET_GAP)}; "
            "*: on a disturbed machine; of several seeds the middle one."
        ),
        columns=(
            Column("solver", "solver"),
            *(Column(sweep.label(value), "plain number") for value in sweep.values),
        ),
        rows=[
            [Entry(s), *(cost_entry(sweep.at(s, value), measure) for value in sweep.values)]
            for s in sweep.series
        ],
    )
