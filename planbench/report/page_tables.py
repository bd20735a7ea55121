"""Tables of the HTML report; every text that comes from a record is escaped here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from markupsafe import Markup

from planbench.records.schema import Record
from planbench.records.values import short_commit
from planbench.records.verdicts import verdict_words
from planbench.report import words
from planbench.report.brackets import bracket_words, instance_consensus
from planbench.report.cells import Cell, machine_key, machine_label
from planbench.report.comparison import comparison_notes, comparison_table, outcome_words
from planbench.report.disturbance import disturbance_words
from planbench.report.ladders import Ladder, fit_ladder, largest_solved, last_slope
from planbench.report.markup import render, to_html
from planbench.report.style import in_order, named
from planbench.report.table import Column, Entry, Mark, Table, number, power_entry
from planbench.stats.scaling import LocalSlope
from planbench.words import nouns

_MARKS: dict[str, Mark] = {"loose": "warn", "unproven": "warn", "wrong": "bad", "crash": "bad"}


def ladder_summary(ladder: Ladder) -> Table:
    """How far each solver got on a ladder and how its costs grow."""
    rows = []
    for series in in_order(list(ladder.series)):
        mine = [c for c in ladder.cells if c.series == series]
        top = largest_solved(ladder, series)
        goods, time, gap = (top.goods, top.seconds, top.raw_gap) if top else (None, None, None)
        failed = [c for c in mine if not c.solved and c.goods]
        first = min(failed, key=lambda c: c.goods or 0, default=None)
        time_fit, *fits = (fit_ladder(ladder, series, m) for m in ("seconds", "passes", "bytes"))
        rows.append(
            [
                Entry(series),
                number(words.count(goods), goods),
                number(words.seconds(time), time),
                number(words.gap(gap), gap),
                power_entry(time_fit),
                _slope(last_slope(ladder, series)),
                *map(power_entry, fits),
                _failure(first),
            ]
        )
    return Table(
        columns=(
            Column("solver", "solver"),
            Column("largest\nsolved", "number"),
            Column("time\nthere", "number"),
            Column("raw gap\nthere", "number"),
            Column("time\ngrows as", "number"),
            Column("over the\nlast step", "number"),
            Column("matrix passes\ngrow as", "number"),
            Column("memory\ngrows as", "number"),
            Column("first not solved"),
        ),
        rows=rows,
    )


def _slope(slope: LocalSlope | None) -> Entry:
    if slope is None:
        return number("", None)
    more = "≥ " if slope.at_least else ""
    span = f"{words.count(round(slope.smaller))} to {words.count(round(slope.larger))} goods"
    return Entry(more + words.exponent(slope.exponent), slope.exponent, hint=span)


def _failure(cell: Cell | None) -> Entry:
    if cell is None:
        return Entry(words.UNKNOWN, mark="none")
    what = f"{words.count(cell.goods)} goods: {outcome_words(cell)}"
    if cell.status == "loose":
        what += f", raw gap {words.gap(cell.raw_gap)}"
    return Entry(what, mark=_MARKS.get(cell.status, ""))


def apart_table(cells: Sequence[Cell]) -> Table:
    """Answers that prove next to nothing, a row per solver."""
    rows = []
    for series in in_order(list(dict.fromkeys(c.series for c in cells if c.apart))):
        mine = [c for c in cells if c.series == series and c.apart]
        top = max(mine, key=lambda c: c.goods or 0)
        gaps = [c.raw_gap for c in mine if c.raw_gap is not None]
        ends = dict.fromkeys(words.gap(g) for g in (min(gaps), max(gaps))) if gaps else {}
        said = " to ".join(ends)
        unproven = len(mine) - len(gaps)
        said += ("; " if said and unproven else "") + (f"none on {unproven}" if unproven else "")
        run = sum(c.series == series for c in cells)
        rows.append(
            [
                Entry(series),
                Entry(said, mark="warn"),
                Entry(f"{len(mine)} of {run}"),
                number(words.count(top.goods), top.goods),
                number(words.seconds(top.seconds), top.seconds),
            ]
        )
    return Table(
        columns=(
            Column("solver", "solver"),
            Column("proven gaps"),
            Column("of its\nresults", "plain number"),
            Column("largest,\ngoods", "number"),
            Column("time\nthere", "number"),
        ),
        rows=rows,
    )


def instance_section(cells: Sequence[Cell]) -> Markup:
    """One instance: what the certificates prove together, and each solver's answer."""
    facts = cells[0].record.instance
    found = instance_consensus(cells)
    bracket = bracket_words(found, 10)
    return render(
        "instance.html",
        name=cells[0].instance,
        size=(
            f"{words.count(facts.goods)} goods, {words.count(facts.activities)} activities"
            if facts.goods is not None
            else f"{words.count(facts.rows)} rows, {words.count(facts.columns)} columns"
        ),
        nonzeros=words.count(facts.nonzeros),
        solved=sum(c.solved for c in cells),
        results=len(cells),
        empty=found.empty,
        alarming=found.empty or bool(found.disagreeing) or any(c.status == "wrong" for c in cells),
        proved=f"optimum {bracket}" if bracket != words.UNKNOWN else "no certified bracket",
        table=to_html(comparison_table(cells)),
        notes=comparison_notes(cells, found),
        sha256=facts.sha256,
    )


def machines_section(records: Sequence[Record]) -> str:
    """Machines, versions and dates of the rows."""
    parts = []
    for key in dict.fromkeys(machine_key(r) for r in records):
        mine = [r for r in records if machine_key(r) == key]
        facts = mine[-1].machine
        items = [
            ("machine", f"{machine_label(mine[-1])} ({nouns(len(mine), 'row')})"),
            ("memory", words.size_bytes(_as_number(facts.get("memory_bytes")))),
            ("system", _joined(facts.get(k) for k in ("system", "kernel"))),
            ("Python", _joined([facts.get("python")])),
            ("CPU governor", _joined([facts.get("governor")])),
            ("memory read by", _joined(sorted({r.memory_method for r in mine if r.memory_method}))),
            ("measured", _span([r.started_at for r in mine if r.started_at])),
            ("planbench commit", _commits(mine)),
            ("packages", _packages(mine)),
            ("solvers", _versions(mine)),
        ]
        parts.append(
            "<dl>"
            + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in items)
            + "</dl>"
        )
    return "".join(parts)


def _commits(records: Sequence[Record]) -> str:
    """Name the commits of planbench; of several each with the number of its rows."""
    rows = Counter(short_commit(r.commit) for r in records)
    if not any(r.commit for r in records):
        return words.UNKNOWN
    if len(rows) == 1:
        return next(iter(rows))
    return ", ".join(f"{commit} ({nouns(number, 'row')})" for commit, number in rows.items())


def raw_rows(records: Sequence[Record]) -> Table:
    """All rows, as measured, before repeats are aggregated."""
    return Table(
        columns=(
            Column("instance", "long"),
            Column("solver"),
            Column("group"),
            Column("goods", "number"),
            Column("repeat", "number"),
            Column("ended"),
            Column("claim"),
            Column("verdict"),
            Column("time", "number"),
            Column("passes", "number"),
            Column("peak memory", "number"),
            Column("objective", "number"),
            Column("raw gap", "number"),
            Column("polished gap", "number"),
            Column("disturbed", "long"),
            Column("version"),
            Column("message", "long"),
        ),
        rows=[_raw_row(record) for record in records],
        identity="rows",
        tall=True,
    )


def _raw_row(r: Record) -> list[Entry]:
    crashed = r.ended == "crash"
    bad = r.verdict == "wrong" or crashed
    return [
        Entry(r.instance.name),
        Entry(r.solver),
        Entry(r.group or r.suite or words.UNKNOWN),
        number(words.count(r.instance.goods), r.instance.goods),
        number(str(r.repeat), r.repeat),
        Entry(r.ended, mark="bad" if crashed else ""),
        Entry(r.claim or words.UNKNOWN),
        Entry(verdict_words(r) if r.verdict else words.UNKNOWN, mark="bad" if bad else ""),
        number(words.seconds(r.wall_s), r.wall_s),
        number(words.passes(r.matrix_passes), r.matrix_passes),
        number(words.size_bytes(r.peak_bytes), r.peak_bytes),
        number(words.objective(r.objective, 10), r.objective),
        number(words.gap(r.raw_gap), r.raw_gap),
        number(words.gap(r.polished_gap), r.polished_gap),
        Entry(disturbance_words(r), mark="warn"),
        Entry(r.solver_version or words.UNKNOWN),
        Entry(r.message),
    ]


def legend(series: Sequence[str], *, always: bool = False) -> str:
    """Swatches and names, under a chart."""
    kind = "legend always" if always else "legend"
    return f'<div class="{kind}">{"".join(named(s) for s in in_order(list(series)))}</div>'


def _as_number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _joined(values: Iterable[object]) -> str:
    return " ".join(str(v) for v in values if v not in (None, "")) or words.UNKNOWN


def _span(dates: Sequence[str]) -> str:
    if not dates:
        return words.UNKNOWN
    first, last = min(dates)[:16], max(dates)[:16]
    return first if first == last else f"{first} to {last}"


def _packages(records: Sequence[Record]) -> str:
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, version in record.packages.items():
            found.setdefault(name, {})[version] = None
    return ", ".join(f"{name} {' and '.join(v)}" for name, v in sorted(found.items())) or (
        words.UNKNOWN
    )


def _versions(records: Sequence[Record]) -> str:
    found: dict[str, dict[str, None]] = {}
    for record in records:
        if record.solver_version:
            found.setdefault(record.solver, {})[record.solver_version] = None
    return ", ".join(f"{s} {' and '.join(found[s])}" for s in in_order(list(found))) or (
        words.UNKNOWN
    )
