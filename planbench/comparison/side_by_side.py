"""Two runs side by side, matched by instance, solver and options, and their page.

Seconds of unequal machines are shown and never divided; matrix passes, which take most of the
hardware out, are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planbench import formatting as fmt
from planbench.errors import InputError
from planbench.records.schema import Record
from planbench.records.values import short_commit
from planbench.report.charts import ladder_chart
from planbench.report.headline import find_findings
from planbench.report.html import page, write_page
from planbench.report.instances import outcome_words
from planbench.report.ladders import Ladder, find_ladders, fit_ladder
from planbench.report.markup import Markup, charts, folded, render, section, to_html
from planbench.report.results import (
    AggregatedResult,
    Measure,
    configuration,
    machine_key,
    machine_names,
    require_results,
)
from planbench.report.sections import (
    figure,
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


@dataclass(frozen=True)
class MatchedResults:
    """One solver on one instance in both runs.

    Attributes
    ----------
    solver : str
        Name with its options.
    instance, sha256 : str
    goods : int or None
    first, second : AggregatedResult or None
        None where that run has no such measurement.
    """

    solver: str
    instance: str
    sha256: str
    goods: int | None
    first: AggregatedResult | None
    second: AggregatedResult | None


def match_runs(first: Sequence[Record], second: Sequence[Record]) -> list[MatchedResults]:
    """Match the results of two runs, in order of first appearance.

    Where a run has several versions of a solver on an instance, the last one counts.

    Raises
    ------
    InputError
        When one of them is empty.
    """
    sides = []
    for records in (first, second):
        sides.append({(c.sha256, configuration(c.record)): c for c in require_results(records)})
    pairs = []
    for place in dict.fromkeys([*sides[0], *sides[1]]):
        results = [side.get(place) for side in sides]
        shown = next(c for c in results if c is not None)
        pairs.append(
            MatchedResults(
                place[1], shown.instance, shown.sha256, shown.goods, results[0], results[1]
            )
        )
    return pairs


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


def cost_of(result: AggregatedResult | None, measure: Measure) -> float | None:
    """Cost of a solved result; None otherwise."""
    return result.cost(measure) if result is not None and result.solved else None


def ratio_of(pair: MatchedResults, measure: Measure) -> float | None:
    """Second over first, where both solved it."""
    before, after = cost_of(pair.first, measure), cost_of(pair.second, measure)
    return after / before if before and after else None


def ratio_by_solver(pairs: Sequence[MatchedResults], measure: Measure) -> dict[str, Ratio | None]:
    """Geometric mean of the ratios of each solver over the instances solved in both runs."""
    out = {}
    for solver in dict.fromkeys(p.solver for p in pairs):
        both = [
            (before, after)
            for p in pairs
            if p.solver == solver
            and (before := cost_of(p.first, measure))
            and (after := cost_of(p.second, measure))
        ]
        out[solver] = geometric_ratio(both)
    return out


#: Ratios within this factor of 1 are not coloured.
QUIET = 1.1
#: Costs that are drawn for each ladder that both runs hold.
_CHARTS: tuple[tuple[Measure, str], ...] = (("seconds", "Time"), ("bytes", "Memory"))


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
    body = [_head(first, second, pairs, names, unequal), _findings(first, second, names)]
    body.append(_solvers(pairs, unequal))
    specs: list[dict[str, Any]] = []
    body.append(_growth(first, second, names, specs))
    body.append(_cells(pairs, names, unequal))
    body.append(_machines(first, second, names))
    rows = [*first, *second]
    body.append(rows_section(rows))
    links = [
        ("#solvers", "Solver by solver"),
        ("#growth", "Growth"),
        ("#cells", "Every pair"),
        ("#machine", "Machines and versions"),
        ("#raw", "Every measurement"),
    ]
    return page(f"{names[0]} against {names[1]}", rows, links, "".join(body), specs)


def _head(
    first: Sequence[Record],
    second: Sequence[Record],
    pairs: Sequence[MatchedResults],
    names: tuple[str, str],
    unequal: str,
) -> str:
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


def _findings(first: Sequence[Record], second: Sequence[Record], names: tuple[str, str]) -> str:
    return findings(
        [
            f"{name}: {line}"
            for name, records in zip(names, (first, second), strict=True)
            for line in find_findings(require_results(records))
        ]
    )


def _solvers(pairs: Sequence[MatchedResults], unequal: str) -> str:
    times = {} if unequal else ratio_by_solver(pairs, "seconds")
    passes, memory = ratio_by_solver(pairs, "passes"), ratio_by_solver(pairs, "bytes")
    rows = []
    for solver in in_order([p.solver for p in pairs]):
        mine = [p for p in pairs if p.solver == solver and p.first and p.second]
        if not mine:
            continue
        lost = sum(1 for p in mine if p.first and p.second and p.first.solved > p.second.solved)
        won = sum(1 for p in mine if p.first and p.second and p.first.solved < p.second.solved)
        rows.append(
            [
                Entry(solver),
                number(str(len(mine)), len(mine)),
                number(str(won), won),
                number(str(lost), lost, "bad" if lost else ""),
                _mean(times.get(solver)),
                _mean(passes[solver]),
                _mean(memory[solver]),
            ]
        )
    table = Table(
        columns=(
            Column("solver", "solver"),
            Column("in both\nruns", "number"),
            Column("newly\nsolved", "number"),
            Column("no longer\nsolved", "number"),
            Column("time\nratio", "number"),
            Column("matrix passes\nratio", "number"),
            Column("memory\nratio", "number"),
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
    mark: Mark = ""
    spread = ""
    if ratio.low is not None and ratio.high is not None:
        spread = fmt.interval(ratio.low, ratio.high)
        if ratio.low > 1 and ratio.value > QUIET:
            mark = "bad"
        elif ratio.high < 1 and ratio.value < 1 / QUIET:
            mark = "good"
    return Entry(f"{ratio.value:.2f}×", ratio.value, mark, note=spread)


def _growth(
    first: Sequence[Record],
    second: Sequence[Record],
    names: tuple[str, str],
    specs: list[dict[str, Any]],
) -> str:
    ladders = [
        {lad.name: lad for lad in find_ladders(require_results(records))}
        for records in (first, second)
    ]
    parts: list[Markup] = []
    for name in ladders[0]:
        if name not in ladders[1]:
            continue
        pair = ladders[0][name], ladders[1][name]
        series = [s for s in in_order(list(pair[0].series)) if s in pair[1].series]
        if series:
            table = Table(
                columns=(
                    Column("solver", "solver"),
                    *(
                        Column(f"{what},\n{run}", "number")
                        for what in ("time", "matrix passes", "memory")
                        for run in names
                    ),
                ),
                rows=[[Entry(s), *_exponents(pair, s)] for s in series],
            )
            drawn = (_charts(pair, names, measure, specs) for measure, _ in _CHARTS)
            heading = Markup("<h3>Ladder {}</h3>").format(name)
            parts += [heading, *drawn, to_html(table)]
    if not parts:
        return ""
    return section("growth", "How cost grows", *parts)


def _charts(
    pair: tuple[Ladder, Ladder],
    names: tuple[str, str],
    measure: Measure,
    specs: list[dict[str, Any]],
) -> Markup:
    """Charts of one cost in both runs, on axes of equal length."""
    return charts(
        figure(
            f"{dict(_CHARTS)[measure]}, {name}",
            ladder_caption(ladder, measure),
            ladder_chart(ladder, measure, same_axes=pair),
            specs,
            f"{measure}-{ladder.name}-{name}",
            ladder.series,
        )
        for ladder, name in zip(pair, names, strict=True)
    )


def _exponents(pair: tuple[Ladder, Ladder], series: str) -> list[Entry]:
    return [
        power_entry(fit_ladder(ladder, series, measure))
        for measure in ("seconds", "passes", "bytes")
        for ladder in pair
    ]


def _cells(pairs: Sequence[MatchedResults], names: tuple[str, str], unequal: str) -> str:
    rows = []
    for pair in pairs:
        results = (pair.first, pair.second)
        row = [Entry(pair.instance), Entry(pair.solver)]
        for result in results:
            said = outcome_words(result) if result else "not measured"
            worse = result is pair.second and bool(pair.first and pair.first.solved)
            row.append(Entry(said, mark="bad" if worse and not (result and result.solved) else ""))
        for result in results:
            seconds = result.seconds if result else None
            more = "> " if result and result.record.ended != "ok" else ""
            row.append(number(more + fmt.seconds(seconds), seconds))
        row.append(_ratio(None if unequal else ratio_of(pair, "seconds")))
        row.append(_ratio(ratio_of(pair, "passes")))
        row += [
            number(fmt.size_bytes(result.peak_bytes), result.peak_bytes)
            if result
            else number("", None)
            for result in results
        ]
        row.append(_ratio(ratio_of(pair, "bytes")))
        row += [
            number(fmt.gap(result.raw_gap), result.raw_gap) if result else number("", None)
            for result in results
        ]
        rows.append(row)
    table = Table(
        columns=(
            Column("instance", "long"),
            Column("solver", "solver"),
            *(Column(f"outcome,\n{name}") for name in names),
            *(Column(f"time,\n{name}", "number") for name in names),
            Column("time\nratio", "number"),
            Column("passes\nratio", "number"),
            *(Column(f"memory,\n{name}", "number") for name in names),
            Column("memory\nratio", "number"),
            *(Column(f"raw gap,\n{name}", "number") for name in names),
        ),
        rows=rows,
        tall=True,
    )
    return section("cells", "Every pair", to_html(table))


def _ratio(value: float | None) -> Entry:
    if value is None:
        return number("", None)
    mark: Mark = "bad" if value > QUIET else "good" if value < 1 / QUIET else ""
    return number(f"{value:.2f}×", value, mark)


def _machines(first: Sequence[Record], second: Sequence[Record], names: tuple[str, str]) -> str:
    parts = [
        Markup("<h3>{}</h3>{}").format(name, machine_facts(records))
        for name, records in zip(names, (first, second), strict=True)
    ]
    return section("machine", "Machines and versions", *parts)
