"""Tables of the HTML report; every text that comes from a record is escaped here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from planbench.records.schema import Record
from planbench.records.values import short_commit
from planbench.records.verdicts import verdict_words
from planbench.report import words
from planbench.report.brackets import bracket_words, instance_consensus
from planbench.report.cells import Cell, machine_key, machine_label, middle_cell
from planbench.report.comparison import best_first, comparison_notes, outcome_words
from planbench.report.disturbance import disturbance_words
from planbench.report.ladders import Ladder, Measure, fit_ladder, largest_solved, last_slope
from planbench.report.page_parts import fitted, number, slope_cell, table, td
from planbench.report.scores import Standing
from planbench.report.style import in_order, named
from planbench.report.tables import cell_text
from planbench.words import nouns

_STYLES = {
    "solved": "",
    "loose": "warn",
    "unproven": "warn",
    "wrong": "bad",
    "crash": "bad",
}


def ladder_summary(ladder: Ladder) -> str:
    """How far each solver got on a ladder and how its costs grow."""
    rows = []
    for series in in_order(list(ladder.series)):
        mine = [c for c in ladder.cells if c.series == series]
        top = largest_solved(ladder, series)
        goods, time, gap = (top.goods, top.seconds, top.raw_gap) if top else (None, None, None)
        failed = [c for c in mine if not c.solved and c.goods]
        first = min(failed, key=lambda c: c.goods or 0, default=None)
        fits = [fit_ladder(ladder, series, m) for m in ("seconds", "passes", "bytes")]
        rows.append(
            [
                td(named(series)),
                number(words.count(goods), goods),
                number(words.seconds(time), time),
                number(words.gap(gap), gap),
                fitted(fits[0]),
                slope_cell(last_slope(ladder, series)),
                *[fitted(f) for f in fits[1:]],
                td(_failure(first), "left"),
            ]
        )
    return table(
        [
            "solver",
            "largest<br>solved",
            "time<br>there",
            "raw gap<br>there",
            "time<br>grows as",
            "over the<br>last step",
            "matrix passes<br>grow as",
            "memory<br>grows as",
            "<first not solved",
        ],
        rows,
    )


def ladder_grid(ladder: Ladder, measure: Measure) -> str:
    """Every cell of a ladder: rows are sizes, columns are solvers."""
    series = in_order(list(ladder.series))
    rows = []
    for size in ladder.sizes:
        row = [td(words.count(size))]
        for name in series:
            cell = middle_cell(ladder.at(name, size))
            if cell is None:
                row.append(td(words.UNKNOWN, "none"))
            else:
                style = _STYLES.get(cell.status, "none")
                row.append(td(escape(cell_text(cell, measure).plain), style))
        rows.append(row)
    return table(["goods", *[named(s) for s in series]], rows, sortable=False)


def apart_table(cells: Sequence[Cell]) -> str:
    """Answers that prove next to nothing, a row per solver; empty without any."""
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
                td(named(series)),
                td(escape(said), "left warn"),
                td(f"{len(mine)} of {run}"),
                number(words.count(top.goods), top.goods),
                number(words.seconds(top.seconds), top.seconds),
            ]
        )
    head = ["solver", "<proven gaps", "of its<br>results", "largest,<br>goods", "time<br>there"]
    return table(head, rows) if rows else ""


def instance_section(cells: Sequence[Cell]) -> str:
    """One instance: what the certificates prove together, and each solver's answer."""
    facts = cells[0].record.instance
    found = instance_consensus(cells)
    outside = dict(found.disagreeing)
    size = (
        f"{words.count(facts.goods)} goods, {words.count(facts.activities)} activities"
        if facts.goods is not None
        else f"{words.count(facts.rows)} rows, {words.count(facts.columns)} columns"
    )
    rows = []
    for cell in sorted(cells, key=best_first):
        record = cell.record
        red = cell.status == "wrong" or cell.series in outside
        more = "" if record.ended == "ok" else "&gt; "
        style = "bad" if red else "good" if cell.solved else _STYLES.get(cell.status, "none")
        rows.append(
            [
                td(named(cell.series)),
                td(escape(outcome_words(cell, outside)), f"left {style}"),
                number(more + words.seconds(cell.seconds), cell.seconds),
                number(more + words.passes(cell.passes), cell.passes),
                number(more + words.size_bytes(cell.peak_bytes), cell.peak_bytes),
                number(words.objective(record.objective, 10), record.objective, red),
                number(words.objective(record.lower_bound, 10), record.lower_bound),
                number(words.objective(record.upper_bound, 10), record.upper_bound),
                number(words.gap(cell.raw_gap), cell.raw_gap),
                number(words.gap(cell.polished_gap), cell.polished_gap),
                td(escape(record.certificate or words.UNKNOWN), "left"),
            ]
        )
    listed_table = table(
        [
            "solver",
            "<outcome",
            "time",
            "matrix<br>passes",
            "peak<br>memory",
            "objective<br>claimed",
            "lower<br>bound",
            "upper<br>bound",
            "raw<br>gap",
            "polished<br>gap",
            "<certificate",
        ],
        rows,
    )
    notes = comparison_notes(cells, found)
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    alarming = found.empty or bool(outside) or any(c.status == "wrong" for c in cells)
    solved = sum(c.solved for c in cells)
    bracket = bracket_words(found, 10)
    proved = f"optimum {bracket}" if bracket != words.UNKNOWN else "no certified bracket"
    return (
        f'<details class="instance"{" open" if alarming else ""}><summary>'
        f"<strong>{escape(cells[0].instance)}</strong> "
        f'<span class="soft">{size}, {words.count(facts.nonzeros)} non-zeros; '
        f"{solved} of {len(cells)} solved; "
        f"<span{' class=bad' if found.empty else ''}>{escape(proved)}</span></span></summary>"
        f"{listed_table}{f'<ul class=note>{listed}</ul>' if listed else ''}"
        f'<p class="note">SHA-256 {escape(facts.sha256)}</p></details>'
    )


def scores_table(found: Sequence[Standing]) -> str:
    """Solvers ranked over all instances."""
    rows = [
        [
            td(named(s.score.solver)),
            number(f"{s.score.solved} of {s.score.attempted}", s.score.solved),
            td(escape(s.left_out), "left none"),
            number(words.seconds(s.score.mean_all), s.score.mean_all),
            number(words.times(s.score.against_others), s.score.against_others),
            number(words.seconds(s.score.mean_common), s.score.mean_common),
        ]
        for s in found
    ]
    head = [
        "solver",
        "solved",
        "<left out",
        "mean time,<br>failures charged",
        "over the<br>fastest other",
        "mean time,<br>solved by all",
    ]
    return table(head, rows)


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


def raw_rows(records: Sequence[Record]) -> str:
    """All rows, as measured, before repeats are settled."""
    rows = []
    for r in records:
        bad = r.verdict == "wrong" or r.ended == "crash"
        rows.append(
            [
                td(escape(r.instance.name), "wrap"),
                td(escape(r.solver), "left"),
                td(escape(r.group or r.suite or words.UNKNOWN), "left"),
                number(words.count(r.instance.goods), r.instance.goods),
                number(str(r.repeat), r.repeat),
                td(escape(r.ended), "left bad" if r.ended == "crash" else "left"),
                td(escape(r.claim or words.UNKNOWN), "left"),
                td(
                    escape(verdict_words(r) if r.verdict else words.UNKNOWN),
                    "left bad" if bad else "left",
                ),
                number(words.seconds(r.wall_s), r.wall_s),
                number(words.passes(r.matrix_passes), r.matrix_passes),
                number(words.size_bytes(r.peak_bytes), r.peak_bytes),
                number(words.objective(r.objective, 10), r.objective),
                number(words.gap(r.raw_gap), r.raw_gap),
                number(words.gap(r.polished_gap), r.polished_gap),
                td(escape(disturbance_words(r)), "wrap left warn"),
                td(escape(r.solver_version or words.UNKNOWN), "left"),
                td(escape(r.message), "wrap left"),
            ]
        )
    head = [
        "instance",
        "<solver",
        "<group",
        "goods",
        "repeat",
        "<ended",
        "<claim",
        "<verdict",
        "time",
        "passes",
        "peak memory",
        "objective",
        "raw gap",
        "polished gap",
        "<disturbed",
        "<version",
        "<message",
    ]
    return table(head, rows, identity="rows", tall=True)


def legend(series: Sequence[str], *, always: bool = False) -> str:
    """Swatches and names, under a chart."""
    kind = "legend always" if always else "legend"
    return f'<div class="{kind}">{"".join(named(s) for s in in_order(list(series)))}</div>'


def _failure(cell: Cell | None) -> str:
    if cell is None:
        return '<span class="none">–</span>'
    what = escape(outcome_words(cell))
    if cell.status == "loose":
        what += f", raw gap {words.gap(cell.raw_gap)}"
    style = _STYLES.get(cell.status, "")
    return f'{words.count(cell.goods)} goods: <span class="{style}">{what}</span>'


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
