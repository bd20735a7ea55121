"""The HTML report: one file that needs no network, and its charts as files."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import planbench.formatting as fmt
import planbench.measure.calibrate as calibration_rules
import planbench.report.ladders as ladder_rules
import planbench.stats.growth as growth_rules
from planbench.errors import InputError
from planbench.formatting import plural
from planbench.io.files import replacing, write_text
from planbench.records.not_run import NotRun
from planbench.records.schema import Record
from planbench.records.values import short_commit
from planbench.records.verdicts import OLD_MARK, old_note, verdict_words
from planbench.report.charts import (
    accuracy_chart,
    effort_chart,
    ladder_chart,
    largest_driven,
    profile_chart,
    sweep_chart,
    vegalite_version,
)
from planbench.report.effort import effort_overall, effort_rules, effort_tables
from planbench.report.growth import (
    compare_real,
    growth_table,
    predict,
    predictions_tables,
    real_table,
    warnings,
)
from planbench.report.headline import (
    census_words,
    find_findings,
    find_largest_solved,
    largest_solved_words,
    standing_words,
)
from planbench.report.instances import (
    disturbance_words,
    instance_consensus,
    instance_notes,
    instance_table,
    proved_words,
    size_words,
)
from planbench.report.ladders import Ladder, find_ladders, headline_ladder, ladder_table
from planbench.report.markup import (
    Markup,
    Section,
    charts,
    figure,
    folded,
    render,
    section,
    to_json,
)
from planbench.report.results import (
    LOOSEST_GAP,
    TARGET_GAP,
    AggregatedResult,
    Measure,
    machine_key,
    machine_label,
    require_results,
)
from planbench.report.scores import scores_table
from planbench.report.style import in_order
from planbench.report.sweeps import find_sweeps
from planbench.report.table import Column, Entry, Kind, Table, number
from planbench.stats.accuracy import time_to_accuracy
from planbench.stats.fits import LEAST_SIZES


def instance_section(results: Sequence[AggregatedResult]) -> Markup:
    """One instance: what the certificates prove together, and each solver's answer."""
    found = instance_consensus(results)
    return render(
        "instance.html",
        name=results[0].instance,
        size=size_words(results[0].record.instance),
        solved=sum(c.solved for c in results),
        results=results,
        empty=found.empty,
        alarming=found.empty
        or bool(found.disagreeing)
        or any(c.status == "wrong" for c in results),
        proved=proved_words(found),
        table=instance_table(results),
        notes=instance_notes(results, found),
    )


def machine_facts(records: Sequence[Record]) -> Markup:
    """Machines, versions and dates of the rows."""
    lists = []
    for key in dict.fromkeys(machine_key(r) for r in records):
        mine = [r for r in records if machine_key(r) == key]
        facts = mine[-1].machine
        items = [
            ("machine", f"{machine_label(mine[-1])} ({plural(len(mine), 'row')})"),
            ("memory", fmt.size_bytes(_as_number(facts.get("memory_bytes")))),
            ("system", _joined(facts.get(k) for k in ("system", "kernel"))),
            ("Python", _joined([facts.get("python")])),
            ("CPU governor", _joined([facts.get("governor")])),
            ("memory read by", _joined(sorted({r.memory_method for r in mine if r.memory_method}))),
            ("measured", _span([r.started_at for r in mine if r.started_at])),
            ("planbench commit", _commits(mine)),
            ("packages", _versions(v for r in mine for v in r.packages.items())),
            ("solvers", _versions((r.solver, r.solver_version) for r in mine)),
        ]
        lists.append(items)
    return render("facts.html", lists=lists)


def _commits(records: Sequence[Record]) -> str:
    """Name the commits of planbench; of several each with the number of its rows."""
    rows = Counter(short_commit(r.commit) for r in records)
    if not any(r.commit for r in records):
        return fmt.UNKNOWN
    if len(rows) == 1:
        return next(iter(rows))
    return ", ".join(f"{commit} ({plural(number, 'row')})" for commit, number in rows.items())


def raw_rows(records: Sequence[Record], runs: Sequence[str] = ()) -> Table:
    """All rows, as measured, before repeats are aggregated; with the run of each, if given."""
    names = [[Entry(run)] for run in runs] or [[]] * len(records)
    return Table(
        columns=(
            *([Column("run")] if runs else []),
            *(Column(heading, kind) for heading, kind, _ in _RAW),
        ),
        rows=[
            [*run, *(say(record) for _, _, say in _RAW)]
            for run, record in zip(names, records, strict=True)
        ],
        identity="rows",
        tall=True,
    )


def _verdict(r: Record) -> Entry:
    bad = r.verdict == "wrong" or r.ended == "crash"
    return Entry(verdict_words(r) if r.verdict else fmt.UNKNOWN, mark="bad" if bad else "")


#: Columns of all rows: heading, kind, and what they say of a row.
_RAW: tuple[tuple[str, Kind, Callable[[Record], Entry]], ...] = (
    ("instance", "long", lambda r: Entry(r.instance.name)),
    ("solver", "text", lambda r: Entry(r.solver)),
    ("group", "text", lambda r: Entry(r.group or r.suite or fmt.UNKNOWN)),
    ("goods", "number", lambda r: number(fmt.count(r.instance.goods), r.instance.goods)),
    ("repeat", "number", lambda r: number(str(r.repeat), r.repeat)),
    ("ended", "text", lambda r: Entry(r.ended, mark="bad" if r.ended == "crash" else "")),
    ("claim", "text", lambda r: Entry(r.claim or fmt.UNKNOWN)),
    ("verdict", "text", _verdict),
    ("time", "number", lambda r: number(fmt.seconds(r.wall_s), r.wall_s)),
    ("passes", "number", lambda r: number(fmt.passes(r.matrix_passes), r.matrix_passes)),
    ("peak memory", "number", lambda r: number(fmt.size_bytes(r.peak_bytes), r.peak_bytes)),
    ("objective", "number", lambda r: number(fmt.objective(r.objective, 10), r.objective)),
    ("raw gap", "number", lambda r: number(fmt.gap(r.raw_gap), r.raw_gap)),
    ("polished gap", "number", lambda r: number(fmt.gap(r.polished_gap), r.polished_gap)),
    ("disturbed", "long", lambda r: Entry(disturbance_words(r), mark="warn")),
    ("version", "text", lambda r: Entry(r.solver_version or fmt.UNKNOWN)),
    ("message", "long", lambda r: Entry(r.message)),
)


def _as_number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _joined(values: Iterable[object]) -> str:
    return " ".join(str(v) for v in values if v not in (None, "")) or fmt.UNKNOWN


def _span(dates: Sequence[str]) -> str:
    if not dates:
        return fmt.UNKNOWN
    first, last = min(dates)[:16], max(dates)[:16]
    return first if first == last else f"{first} to {last}"


def _versions(found: Iterable[tuple[str, str]]) -> str:
    """List names with all versions they have, those that are not known left out."""
    seen: dict[str, set[str]] = {}
    for name, version in found:
        if version:
            seen.setdefault(name, set()).add(version)
    said = (f"{name} {' and '.join(sorted(seen[name]))}" for name in in_order(list(seen)))
    return ", ".join(said) or fmt.UNKNOWN


#: Charts of a ladder, and its tables of all figures.
CHARTS: dict[str, Measure] = {"Time": "seconds", "Memory": "bytes"}
GRIDS: dict[str, Measure] = {
    "times": "seconds",
    "matrix passes": "passes",
    "peaks of memory": "bytes",
}


def headline(results: Sequence[AggregatedResult], ladders: Sequence[Ladder]) -> Section:
    """Answer in words, first of all."""
    first = headline_ladder(ladders) if ladders else None
    html = render(
        "headline.html",
        ladders=[
            (ladder.name, largest_solved_words(find_largest_solved(ladder)))
            for ladder in sorted(ladders, key=lambda ladder: ladder is not first)
        ],
        best="" if ladders else standing_words(results),
        census=census_words(results),
        note=old_note([c.record for c in results]),
    )
    return Section("headline", "", html)


def findings(found: Sequence[str]) -> Section:
    """Wrong answers and disagreements; empty without any."""
    return Section("findings", "", render("findings.html", found=found))


def ladder_section(ladder: Ladder) -> Section:
    """One ladder: charts, growth, predictions, all figures."""
    identity = "ladder-" + re.sub(r"[^A-Za-z0-9]+", "-", ladder.name).strip("-").lower()
    predictions = [predict(ladder, series) for series in ladder.series]
    html = render(
        "ladder.html",
        identity=identity,
        ladder=ladder,
        solvers=plural(len(ladder.series), "solver"),
        driven=any(c.record.accuracy is not None for c in ladder.results),
        charts=charts(
            figure(
                heading,
                ladder_caption(measure),
                ladder_chart(ladder, measure),
                f"{heading.lower()}-{ladder.name}",
            )
            for heading, measure in CHARTS.items()
        ),
        too_loose=_too_loose(ladder.results),
        growth=growth_table(ladder, predictions),
        predictions=predictions_tables(ladder, predictions),
        warnings=warnings(predictions),
        grids=[(name, ladder_table(ladder, measure)) for name, measure in GRIDS.items()],
    )
    return Section(identity, f"Ladder {ladder.name}", html)


def _too_loose(results: Sequence[AggregatedResult]) -> Markup:
    """Name what ended, proves next to nothing and is not drawn; empty without any."""
    counts = Counter(c.series for c in results)
    loose = Counter(c.series for c in results if c.too_loose)
    if not loose:
        return Markup("")
    said = ", ".join(f"{s} ({loose[s]} of {counts[s]})" for s in in_order(list(loose)))
    return Markup("<p class=soft>Not drawn, as they prove no better than {}: {}.</p>").format(
        fmt.gap(LOOSEST_GAP), said
    )


def ladder_caption(measure: Measure) -> str:
    """Say what a chart of a ladder shows, and what its marks and bars are."""
    first = {
        "seconds": "Log–log.",
        "passes": "Log–log; one pass is one product with the LP matrix.",
        "bytes": "Peak of worker and children above the level before the solve.",
    }[measure]
    return (
        f"{first} Filled: certified; hollow: finished, proven to {fmt.gap(LOOSEST_GAP)} at least "
        "(less is not drawn); ×: stopped or failed. Bars, where longer than their mark: lowest "
        "to highest of all repeats and seeds. Lines: medians."
    )


def real_section(ladders: Sequence[Ladder]) -> Section:
    """Hold ladders made from real tables against synthetic ones, where there are both."""
    table = real_table(compare_real(ladders))
    return section(
        "real",
        "Real and synthetic structure",
        table,
        link="Real and synthetic",
        note=str(table.caption),
    )


def sweeps_section(results: Sequence[AggregatedResult]) -> Section:
    """Cost against inputs per good and other knobs, where they were swept."""
    drawn = []
    for sweep in find_sweeps(results):
        drawn += [
            figure(
                f"Time against {sweep.title}",
                f"L{sweep.where[1:]}. Crosses: stopped or failed.",
                sweep_chart(sweep),
                f"{sweep.knob}-{sweep.name}",
            ),
            _too_loose([result for _, result in sweep.points]),
        ]
    return section("sweeps", "One size, other economies", charts(drawn), link="Other economies")


def effort_section(records: Sequence[Record]) -> Section:
    """Time to verified accuracy, where a suite drove solvers to target gaps."""
    times = time_to_accuracy(records)
    chosen = largest_driven(times)
    body = Markup("")
    if times:
        name = chosen[0].instance if chosen else ""
        drawn = figure(
            "Time to verified accuracy",
            f"On {fmt.plain(name)}: seconds until the gap was certified. Crosses: not reached.",
            effort_chart(times),
            "effort",
        )
        body = render(
            "effort.html",
            chart=drawn,
            overall=effort_overall(records),
            tables=effort_tables(records),
        )
    heading = "Is a good enough plan much cheaper?"
    return section("effort", heading, body, link="Accuracy", note=effort_rules())


def overall_section(results: Sequence[AggregatedResult]) -> Section:
    """Everything together: accuracy, profile, means."""
    # Solvers driven to target gaps are ranked at each of them, in a section of their own.
    plain = [c for c in results if c.record.accuracy is None]
    accuracy = figure(
        "Accuracy against time",
        "A point per solver and instance; low and to the left is good.",
        accuracy_chart(results),
        "accuracy",
    )
    profile = figure(
        "Performance profile",
        "How often a solver is within a factor of the fastest one (Dolan & Moré 2002), of the "
        "instances it was run on: failures are part of it, what was never run and what a planner "
        "refused are not.",
        profile_chart(plain),
        "profile",
    )
    table = scores_table(plain)
    note = str(table.caption) if table.rows else ""
    return section(
        "overall", "All instances together", charts([accuracy, profile]), table, note=note
    )


def instances_section(results: Sequence[AggregatedResult]) -> Section:
    """Each instance with every solver's answer."""
    shas = dict.fromkeys(c.sha256 for c in results)
    parts = (instance_section([c for c in results if c.sha256 == sha]) for sha in shas)
    return section("instances", "Instance by instance", *parts)


def machines_section(records: Sequence[Record], not_run: Sequence[NotRun]) -> Section:
    """Machines, versions, and what was left out."""
    left = Markup("")
    if not_run:
        runs = (f"{n.instance}, {n.solver}: {n.reason}" for n in not_run)
        left = folded(f"{plural(len(not_run), 'run')} left out", runs)
    return section("machine", "Machine and versions", machine_facts(records), left)


def reading_section() -> Section:
    """Say what the words and marks mean."""
    body = render(
        "reading.html",
        old=OLD_MARK,
        target=TARGET_GAP,
        ladders=ladder_rules,
        least_seconds=fmt.seconds(ladder_rules.SECONDS_FLOOR),
        least_bytes=fmt.size_bytes(ladder_rules.BYTES_FLOOR),
        growth=growth_rules,
        least_sizes=LEAST_SIZES,
        calibrate=calibration_rules,
    )
    return section("reading", "How to read this", body)


def rows_section(records: Sequence[Record], runs: Sequence[str] = ()) -> Section:
    """All rows, searchable and to be downloaded; `runs` as in :func:`raw_rows`."""
    html = render("rows.html", count=len(records), rows=raw_rows(records, runs))
    return Section("raw", "Every measurement", html)


#: The page may run its own scripts and nothing else; the browser enforces "no network".
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; connect-src 'none'; form-action 'none'; base-uri 'none'"
)


#: Heading of a page, and of one on linear programs that are no economies.
TITLE = "How hard is it to compute an optimal plan?"
GENERAL_TITLE = "How do solvers do on these linear programs?"


def write_report(
    records: Sequence[Record],
    path: Path | str,
    *,
    title: str | None = None,
    not_run: Sequence[NotRun] = (),
    extra: Sequence[Section] = (),
) -> None:
    """Write the report on `records` as one self-contained HTML file.

    Parameters
    ----------
    records : sequence of Record
    path : path-like
    title : str, optional
        By default what the records are about.
    not_run : sequence of NotRun, optional
        What was meant to be measured and was not; listed with its reasons.
    extra : sequence of Section, optional
        Sections to be added to the report's own, such as those of
        :func:`planbench.debate.page.debate_sections`.

    Raises
    ------
    InputError
        Without any record, or when the file cannot be written.
    SolverUnavailableError
        Without the packages of the ``report`` extra.
    """
    text = render_report(records, title=title, not_run=not_run, extra=extra)
    write_text(path, text, make_folder=True)


def render_report(
    records: Sequence[Record],
    *,
    title: str | None = None,
    not_run: Sequence[NotRun] = (),
    extra: Sequence[Section] = (),
) -> str:
    """Return the report as text; see :func:`write_report`."""
    results = require_results(records)
    if title is None:
        economies = any(result.goods is not None for result in results)
        title = TITLE if economies else GENERAL_TITLE
    ladders = sorted(find_ladders(results), key=lambda ladder: ladder.name)
    own = [
        headline(results, ladders),
        findings(find_findings(records)),
        *map(ladder_section, ladders),
        real_section(ladders),
        effort_section(records),
        sweeps_section(results),
        overall_section(results),
        instances_section(results),
        machines_section(records, not_run),
        reading_section(),
        rows_section(records),
    ]
    shown = [
        section
        for place in own
        for section in (*(e for e in extra if e.before == place.identity), place)
    ]
    return page(title, records, shown)


def page(title: str, records: Sequence[Record], shown: Sequence[Section]) -> str:
    """Put a page together: head, navigation, sections, data and scripts.

    Parameters
    ----------
    title : str
    records : sequence of Record
        All rows; they can be downloaded from the page.
    shown : sequence of Section
        Those that are empty are left out.
    """
    shown = [section for section in shown if section.html]
    dates = sorted(r.started_at for r in records if r.started_at)
    return render(
        "page.html",
        policy=Markup(_POLICY),
        title=title,
        style=Markup(_asset("page.css")),
        measured=dates[-1][:10] if dates else "",
        count=plural(len(records), "measurement"),
        links=[(f"#{section.identity}", section.link) for section in shown if section.link],
        body=Markup("").join(section.html for section in shown),
        rows=to_json([r.model_dump(mode="json") for r in records]),
        bundle=_script(_chart_library()),
        script=_script(_asset("page.js")),
    )


@cache
def _chart_library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script; bundling takes seconds."""
    import vl_convert

    return vl_convert.javascript_bundle(
        "window.vegaEmbed = vegaEmbed;", vl_version=vegalite_version()
    )


def _asset(name: str) -> str:
    return files("planbench.report").joinpath(name).read_text(encoding="utf-8")


def _script(text: str) -> Markup:
    return Markup(text.replace("</script", "<\\/script").replace("<!--", "<\\!--"))


#: Functions of vl-convert by the ending of a chart's file.
_CONVERTERS = {
    ".svg": "vegalite_to_svg",
    ".png": "vegalite_to_png",
    ".pdf": "vegalite_to_pdf",
}
#: Name and specification of each chart in a page, as ``templates/figure.html`` writes them.
_CHART = re.compile(
    r'data-name="planbench-([^"]*)".*?<script type="application/json">(.*?)</script>', re.DOTALL
)


def write_figures(page: str, folder: Path | str) -> list[Path]:
    """Write every chart of a page into `folder`, as SVG, PNG and PDF.

    Captions are left to the paper.

    Parameters
    ----------
    page : str
        HTML, as :func:`planbench.report.html.render_report` returns it.
    folder : path-like

    Returns
    -------
    list of Path
        The files, charts in the order of the page.

    Raises
    ------
    InputError
        When a file cannot be written.
    """
    written: list[Path] = []
    seen: Counter[str] = Counter()
    for name, text in _CHART.findall(page):
        chart = json.loads(text) | {"width": 560, "background": "white", "padding": 10}
        seen[name] += 1
        stem = name if seen[name] == 1 else f"{name}--{seen[name]}"
        for ending in _CONVERTERS:
            path = Path(folder) / f"{stem}{ending}"
            save_figure(chart, path)
            written.append(path)
    return written


def save_figure(chart: dict[str, Any], path: Path | str, *, scale: float = 2.0) -> None:
    """Write a Vega-Lite chart as SVG, PNG or PDF, by the ending of `path`; no browser needed.

    Raises
    ------
    InputError
        For another ending, or a file that cannot be written.
    """
    import vl_convert

    ending = Path(path).suffix
    if ending not in _CONVERTERS:
        raise InputError(f"ends in {ending or 'nothing'}; use .svg, .png or .pdf", where=str(path))
    settings = {"scale": scale} if ending == ".png" else {}
    convert = getattr(vl_convert, _CONVERTERS[ending])
    content = convert(json.dumps(chart), vl_version=vegalite_version(), **settings)
    with replacing(Path(path), make_folder=True) as file:
        file.write(content.encode() if isinstance(content, str) else content)
