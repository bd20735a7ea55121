"""Two runs side by side, matched by instance, solver and options, and their page.

Seconds of unequal machines are shown and never divided; matrix passes, which take most of the
hardware out, are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from planbench import formatting as fmt
from planbench.errors import InputError
from planbench.records.schema import Record
from planbench.records.values import short_commit
from planbench.report.charts import ladder_chart
from planbench.report.headline import find_findings
from planbench.report.html import page, write_page
from planbench.report.instances import outcome_words
from planbench.report.ladders import Ladder, find_ladders, fit_ladder
from planbench.report.markup import Markup, charts, figure, folded, render, section, to_html
from planbench.report.results import (
    COST_FORMATS,
    AggregatedResult,
    Measure,
    configuration,
    machine_key,
    machine_names,
    require_results,
)
from planbench.report.sections import (
    findings,
    ladder_caption,
    machine_facts,
    rows_section,
    solver_version,
    values_by_name,
)
from planbench.report.style import in_order
from planbench.report.table import Column, Entry, Mark, Table, number, power_entry
from planbench.stats.aggregate import Ratio, geometric_ratio

#: What is compared, and what it is called.
_COSTS: dict[Measure, str] = {"seconds": "time", "passes": "matrix passes", "bytes": "memory"}
#: Ratios within this factor of 1 are not coloured.
QUIET = 1.1


@dataclass(frozen=True)
class MatchedResults:
    """One solver on one instance in both runs.

    Attributes
    ----------
    solver : str
        Name with its options.
    instance : str
    first, second : AggregatedResult or None
        None where that run has no such measurement.
    """

    solver: str
    instance: str
    first: AggregatedResult | None
    second: AggregatedResult | None

    def solved_costs(self, measure: Measure) -> tuple[float, float] | None:
        """Cost in both runs; None unless both solved it."""
        if self.first is None or self.second is None:
            return None
        if not (self.first.solved and self.second.solved):
            return None
        before, after = self.first.cost(measure), self.second.cost(measure)
        return (before, after) if before and after else None


def match_runs(first: Sequence[Record], second: Sequence[Record]) -> list[MatchedResults]:
    """Match the results of two runs, in order of first appearance.

    Where a run has several versions of a solver on an instance, the last one counts.

    Raises
    ------
    InputError
        When one of them is empty.
    """
    old, new = (
        {(c.sha256, configuration(c.record)): c for c in require_results(records)}
        for records in (first, second)
    )
    return [
        MatchedResults(
            place[1], (old.get(place) or new[place]).instance, old.get(place), new.get(place)
        )
        for place in dict.fromkeys([*old, *new])
    ]


def unequal_machines(first: Sequence[Record], second: Sequence[Record]) -> str:
    """Say how the machines differ; empty where both runs are of the same one."""
    keys = [{machine_key(r) for r in records} for records in (first, second)]
    if keys[0] == keys[1] and len(keys[0]) == 1:
        return ""
    return f"measured on different machines: {machine_names(first)} against {machine_names(second)}"


def differences(first: Sequence[Record], second: Sequence[Record]) -> list[str]:
    """List what else changed between the runs: packages, solvers, planbench, limits."""
    found = []
    for label, facts in (
        ("planbench commit", lambda r: {"": short_commit(r.commit)} if r.commit else {}),
        ("package", lambda r: r.packages),
        ("solver", solver_version),
        ("time limit", lambda r: {"": f"{r.time_limit_s:g} s"} if r.time_limit_s else {}),
    ):
        before, after = values_by_name(first, facts), values_by_name(second, facts)
        for name in sorted({*before, *after}):
            old = " and ".join(before.get(name, ["none"]))
            new = " and ".join(after.get(name, ["none"]))
            if old != new:
                found.append(f"{label} {name}: {old} → {new}".replace(" :", ":"))
    return found


def ratio_of(pair: MatchedResults, measure: Measure) -> float | None:
    """Second over first, where both solved it."""
    costs = pair.solved_costs(measure)
    return costs[1] / costs[0] if costs else None


def ratio_by_solver(pairs: Sequence[MatchedResults], measure: Measure) -> dict[str, Ratio | None]:
    """Geometric mean of the ratios of each solver over the instances solved in both runs."""
    return {
        solver: geometric_ratio(
            [c for p in pairs if p.solver == solver and (c := p.solved_costs(measure))]
        )
        for solver in dict.fromkeys(p.solver for p in pairs)
    }


def write_side_by_side(
    first: Sequence[Record],
    second: Sequence[Record],
    path: Path | str,
    *,
    names: tuple[str, str] = ("first", "second"),
) -> None:
    """Write two runs side by side as one self-contained HTML file.

    Parameters
    ----------
    first, second : sequence of Record
    path : path-like
    names : (str, str)
        What the runs are called.

    Raises
    ------
    InputError
        When a run is empty, nothing was measured in both, or the file cannot be written.
    SolverUnavailableError
        Without the packages of the ``report`` extra.
    """
    write_page(render_side_by_side(first, second, names=names), path)


def render_side_by_side(
    first: Sequence[Record], second: Sequence[Record], *, names: tuple[str, str]
) -> str:
    """Return the page as text; see :func:`write_side_by_side`."""
    pairs = match_runs(first, second)
    if not any(p.first and p.second for p in pairs):
        raise InputError(
            "have no instance and solver in common; nothing to compare", where=" and ".join(names)
        )
    unequal = unequal_machines(first, second)
    rows = [*first, *second]
    body = [
        _head(first, second, pairs, names, unequal),
        _findings(first, second, names),
        _solvers(pairs, unequal),
        _growth(first, second, names),
        _every_pair(pairs, names, unequal),
        _machines(first, second, names),
        rows_section(rows),
    ]
    links = [
        ("#solvers", "Solver by solver"),
        ("#growth", "Growth"),
        ("#cells", "Every pair"),
        ("#machine", "Machines and versions"),
        ("#raw", "Every measurement"),
    ]
    return page(f"{names[0]} against {names[1]}", rows, links, Markup("").join(body))


def _head(
    first: Sequence[Record],
    second: Sequence[Record],
    pairs: Sequence[MatchedResults],
    names: tuple[str, str],
    unequal: str,
) -> Markup:
    both = sum(1 for p in pairs if p.first and p.second)
    changed = [fmt.plain(line) for line in differences(first, second)]
    return render(
        "pair_head.html",
        both=both,
        first=names[0],
        second=names[1],
        only_first=sum(1 for p in pairs if p.second is None),
        only_second=sum(1 for p in pairs if p.first is None),
        unequal=unequal,
        changed=folded(f"What else differs: {len(changed)}", changed, opened=True)
        if changed
        else "",
    )


def _findings(first: Sequence[Record], second: Sequence[Record], names: tuple[str, str]) -> Markup:
    return findings(
        [
            f"{name}: {line}"
            for name, records in zip(names, (first, second), strict=True)
            for line in find_findings(require_results(records))
        ]
    )


def _solvers(pairs: Sequence[MatchedResults], unequal: str) -> Markup:
    ratios = {measure: ratio_by_solver(pairs, measure) for measure in _COSTS}
    if unequal:
        ratios["seconds"] = {}
    rows = []
    for solver in in_order([p.solver for p in pairs]):
        mine = [(p.first, p.second) for p in pairs if p.solver == solver]
        both = [(a.solved, b.solved) for a, b in mine if a and b]
        lost = both.count((True, False))
        rows.append(
            [
                Entry(solver),
                number(str(len(both)), len(both)),
                number(str(both.count((False, True))), both.count((False, True))),
                number(str(lost), lost, "bad" if lost else ""),
                *(_mean(ratios[measure].get(solver)) for measure in _COSTS),
            ]
        )
    table = Table(
        columns=(
            Column("solver", "solver"),
            Column("in both\nruns", "number"),
            Column("newly\nsolved", "number"),
            Column("no longer\nsolved", "number"),
            *(Column(f"{label}\nratio", "number") for label in _COSTS.values()),
        ),
        rows=rows,
    )
    return section(
        "solvers",
        "Solver by solver",
        to_html(table),
        note="Geometric means over the instances solved in both runs, with 95 % intervals "
        "(Student, over instances).",
    )


def _mean(ratio: Ratio | None) -> Entry:
    if ratio is None:
        return number("", None)
    # Coloured where the whole interval is on one side.
    low, high = ratio.low or 0.0, ratio.high or math.inf
    mark = "" if low <= 1 <= high else _mark(ratio.value)
    return Entry(f"{ratio.value:.2f}×", ratio.value, mark, note=fmt.interval(ratio.low, ratio.high))


def _mark(ratio: float) -> Mark:
    return "bad" if ratio > QUIET else "good" if ratio < 1 / QUIET else ""


def _growth(first: Sequence[Record], second: Sequence[Record], names: tuple[str, str]) -> Markup:
    """Charts and exponents of each ladder that both runs hold."""
    old, new = (
        {ladder.name: ladder for ladder in find_ladders(require_results(records))}
        for records in (first, second)
    )
    parts: list[Markup] = []
    for name in (name for name in old if name in new):
        pair = old[name], new[name]
        series = [s for s in in_order(list(pair[0].series)) if s in pair[1].series]
        if not series:
            continue
        table = Table(
            columns=(
                Column("solver", "solver"),
                *(
                    Column(f"{label},\n{run}", "number")
                    for label in _COSTS.values()
                    for run in names
                ),
            ),
            rows=[
                [
                    Entry(s),
                    *(
                        power_entry(fit_ladder(lad, s, measure))
                        for measure in _COSTS
                        for lad in pair
                    ),
                ]
                for s in series
            ],
        )
        parts += [
            Markup("<h3>Ladder {}</h3>").format(name),
            _charts(pair, names, "seconds"),
            _charts(pair, names, "bytes"),
            to_html(table),
        ]
    return section("growth", "How cost grows", *parts) if parts else Markup("")


def _charts(pair: tuple[Ladder, Ladder], names: tuple[str, str], measure: Measure) -> Markup:
    """Charts of one cost in both runs, on axes of equal length."""
    return charts(
        figure(
            f"{_COSTS[measure].capitalize()}, {name}",
            ladder_caption(ladder, measure),
            ladder_chart(ladder, measure, same_axes=pair),
            f"{measure}-{ladder.name}-{name}",
            ladder.series,
        )
        for ladder, name in zip(pair, names, strict=True)
    )


def _every_pair(pairs: Sequence[MatchedResults], names: tuple[str, str], unequal: str) -> Markup:
    table = Table(
        columns=(
            Column("instance", "long"),
            Column("solver", "solver"),
            *(Column(f"outcome,\n{name}") for name in names),
            *(
                Column(heading, "number")
                for label in _COSTS.values()
                for heading in (*(f"{label},\n{name}" for name in names), f"{label}\nratio")
            ),
            *(Column(f"raw gap,\n{name}", "number") for name in names),
        ),
        rows=[_pair_row(pair, unequal) for pair in pairs],
        tall=True,
    )
    return section("cells", "Every pair", to_html(table))


def _pair_row(pair: MatchedResults, unequal: str) -> list[Entry]:
    lost = pair.first is not None and pair.first.solved and not (pair.second and pair.second.solved)
    row = [
        Entry(pair.instance),
        Entry(pair.solver),
        Entry(outcome_words(pair.first) if pair.first else "not measured"),
        Entry(
            outcome_words(pair.second) if pair.second else "not measured",
            mark="bad" if lost else "",
        ),
    ]
    for measure in _COSTS:
        row += [_cost(result, measure) for result in (pair.first, pair.second)]
        ratio = None if unequal and measure == "seconds" else ratio_of(pair, measure)
        row.append(number(f"{ratio:.2f}×", ratio, _mark(ratio)) if ratio else number("", None))
    gaps = [result.raw_gap if result else None for result in (pair.first, pair.second)]
    return row + [number(fmt.gap(gap), gap) for gap in gaps]


def _cost(result: AggregatedResult | None, measure: Measure) -> Entry:
    """Write a cost, of a run that was stopped as more than this."""
    if result is None:
        return number("", None)
    more = "> " if result.record.ended != "ok" else ""
    return number(more + COST_FORMATS[measure](result.cost(measure)), result.cost(measure))


def _machines(first: Sequence[Record], second: Sequence[Record], names: tuple[str, str]) -> Markup:
    parts = [
        Markup("<h3>{}</h3>{}").format(name, machine_facts(records))
        for name, records in zip(names, (first, second), strict=True)
    ]
    return section("machine", "Machines and versions", *parts)
