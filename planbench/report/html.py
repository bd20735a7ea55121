"""The HTML report: one file that needs no network, for screen, phone and paper."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from planbench.errors import InputError
from planbench.records.not_run import NotRun
from planbench.records.schema import Record
from planbench.report import page_tables, words
from planbench.report.cells import TARGET_GAP, Cell, settled
from planbench.report.charts import (
    accuracy_chart,
    altair_module,
    headline_ladder,
    ladder_chart,
    profile_chart,
    vegalite_version,
)
from planbench.report.headline import census_words, find_findings, find_summit, summit_words
from planbench.report.ladders import (
    BYTES_FLOOR,
    OVERHEAD_FACTOR,
    SECONDS_FLOOR,
    Ladder,
    find_ladders,
)
from planbench.report.tables import SUMMARY_PENALTY, SUMMARY_SHIFT
from planbench.stats.scaling import LEAST_SIZES

#: The page may run its own scripts and nothing else; the browser enforces "no network".
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; connect-src 'none'; form-action 'none'; base-uri 'none'"
)


def write_report(
    records: Sequence[Record],
    path: Path | str,
    *,
    title: str = "How hard is it to compute an optimal plan?",
    not_run: Sequence[NotRun] = (),
) -> None:
    """Write the report on `records` as one self-contained HTML file.

    Parameters
    ----------
    records : sequence of Record
    path : path-like
    title : str
    not_run : sequence of NotRun, optional
        What was meant to be measured and was not; listed with its reasons.

    Raises
    ------
    InputError
        Without any record, or when the file cannot be written.
    SolverUnavailableError
        Without the packages of the ``report`` extra.
    """
    page = render_report(records, title=title, not_run=not_run)
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from None


def render_report(records: Sequence[Record], *, title: str, not_run: Sequence[NotRun] = ()) -> str:
    """Return the report as text; see :func:`write_report`."""
    cells = settled(records)
    altair_module()
    ladders = sorted(find_ladders(cells), key=lambda ladder: ladder.name)
    specs: list[dict[str, Any]] = []
    body = [_headline(cells, ladders), _findings(cells)]
    body += [_ladder_section(ladder, specs) for ladder in ladders]
    body.append(_overall_section(cells, specs))
    body.append(_instances_section(cells))
    body.append(_machines_section(records, not_run))
    body.append(_reading_section())
    body.append(_rows_section(records))
    return _page(title, records, ladders, "".join(body), specs)


def _headline(cells: Sequence[Cell], ladders: Sequence[Ladder]) -> str:
    lines = []
    if ladders:
        first = headline_ladder(ladders)
        for ladder in [first, *[lad for lad in ladders if lad is not first]]:
            summit = find_summit(ladder)
            said = summit_words(summit) if summit else "no economy was solved."
            lead = ' class="lead"' if ladder is first else ""
            lines.append(f"<p{lead}><strong>{escape(ladder.name)}</strong>: {_raised(said)}</p>")
    lines.append(f"<p>{escape(census_words(cells))}</p>")
    return f'<section class="headline">{"".join(lines)}</section>'


def _raised(sentence: str) -> str:
    """Escape a sentence and set its exponents high."""
    return re.sub(r"\bn\^(-?[0-9.]*[0-9])", r"n<sup>\1</sup>", escape(sentence))


def _findings(cells: Sequence[Cell]) -> str:
    found = find_findings(cells)
    if not found:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in found)
    return (
        f'<section class="findings" id="findings"><h2>{len(found)} '
        f"finding{'s' if len(found) > 1 else ''}</h2><ul>{items}</ul></section>"
    )


def _ladder_section(ladder: Ladder, specs: list[dict[str, Any]]) -> str:
    time = _figure(
        "Time",
        "Log–log. Filled: certified; hollow: finished, less certain; ×: stopped or failed.",
        ladder_chart(ladder, "seconds"),
        specs,
        f"time-{ladder.name}",
        ladder.series,
    )
    memory = _figure(
        "Memory",
        "Peak of worker and children above the level before the solve.",
        ladder_chart(ladder, "bytes"),
        specs,
        f"memory-{ladder.name}",
        ladder.series,
    )
    return (
        f'<section id="{_anchor(ladder.name)}"><h2>Ladder {escape(ladder.name)}</h2>'
        f'<p class="soft">{words.count(ladder.sizes[0])} to {words.count(ladder.sizes[-1])} goods, '
        f"{len(ladder.series)} solvers, {escape(ladder.machine)}.</p>"
        f'<div class="charts">{time}{memory}</div>'
        f"<h3>How cost grows with the number of goods</h3>"
        f"{page_tables.ladder_summary(ladder)}"
        f"<details><summary>All times</summary>"
        f"{page_tables.ladder_grid(ladder, 'seconds')}</details>"
        f"<details><summary>All matrix passes</summary>"
        f"{page_tables.ladder_grid(ladder, 'passes')}</details>"
        f"<details><summary>All peaks of memory</summary>"
        f"{page_tables.ladder_grid(ladder, 'bytes')}</details></section>"
    )


def _overall_section(cells: Sequence[Cell], specs: list[dict[str, Any]]) -> str:
    series = [c.series for c in cells]
    accuracy = _figure(
        "Accuracy against time",
        "A point per solver and instance; low and to the left is good.",
        accuracy_chart(cells),
        specs,
        "accuracy",
    )
    profile = _figure(
        "Performance profile",
        "How often a solver is within a factor of the fastest one (Dolan & Moré 2002).",
        profile_chart(cells, height=380),
        specs,
        "profile",
    )
    charts = f'<div class="charts">{accuracy}{profile}</div>' if accuracy or profile else ""
    return (
        f'<section id="overall"><h2>All instances together</h2>{charts}'
        f"{page_tables.legend(series, always=True) if charts else ''}"
        f"{page_tables.scores_table(cells)}"
        f'<p class="note">Shifted geometric means (shift {SUMMARY_SHIFT:g} s). What a solver did '
        f"not solve, or was not run on, is charged {SUMMARY_PENALTY:g} times the time limit; "
        "“solved by all” is over the instances that every solver which solved any did solve."
        "</p></section>"
    )


def _instances_section(cells: Sequence[Cell]) -> str:
    shas = dict.fromkeys(c.sha256 for c in cells)
    parts = [page_tables.instance_section([c for c in cells if c.sha256 == sha]) for sha in shas]
    return f'<section id="instances"><h2>Instance by instance</h2>{"".join(parts)}</section>'


def _machines_section(records: Sequence[Record], not_run: Sequence[NotRun]) -> str:
    left = ""
    if not_run:
        items = "".join(
            f"<li>{escape(n.instance)}, {escape(n.solver)}: {escape(n.reason)}</li>"
            for n in not_run
        )
        left = f"<details><summary>{len(not_run)} runs left out</summary><ul>{items}</ul></details>"
    return (
        f'<section id="machine"><h2>Machine and versions</h2>'
        f"{page_tables.machines_section(records)}{left}</section>"
    )


def _reading_section() -> str:
    target = words.gap(TARGET_GAP)
    entries = [
        (
            "raw gap",
            "Relative width of the bracket lower ≤ optimum ≤ upper that the solver's own plan and "
            "prices prove, recomputed from the problem in at most five matrix passes. The solver "
            "is not believed in anything.",
        ),
        (
            "polished gap",
            "The same after planbench improved plan and prices at its own cost; it says what is "
            "known of the optimum, not how good the solver was.",
        ),
        (
            "solved",
            f"Ended by itself, and certified or with a raw gap of {target} or better. Only such "
            "runs are exact observations in the fits.",
        ),
        (
            "loose, unproven, wrong",
            "Certified to less than that; not certified at all; excluded by a certificate.",
        ),
        (
            "time",
            "Wall seconds of building, loading, solving and extracting, in a process of its own; "
            "medians over repeats, failures ranking last.",
        ),
        (
            "matrix passes",
            "Solve seconds divided by the seconds of one product with the LP matrix on the same "
            "machine at the same time: a unit that depends little on hardware.",
        ),
        (
            "grows as",
            "Exponent of cost = a·n^b with a 95 % bootstrap interval, from a censored fit: runs "
            "that were stopped or missed the target gap count as “at least”; costs below "
            f"{OVERHEAD_FACTOR:g} times the least the solver ever needed (or "
            f"{words.seconds(SECONDS_FLOOR)}, {words.size_bytes(BYTES_FLOOR)}) are mostly fixed "
            f"cost and count as “at most” that. At least {LEAST_SIZES} sizes must remain.",
        ),
        (
            "over the last step",
            "The exponent between the two largest sizes tried; ≥ where the larger one was stopped.",
        ),
        ("disturbed", "A matrix pass took clearly longer after the solve than before, or less."),
    ]
    items = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in entries)
    return f'<section id="reading"><h2>How to read this</h2><dl>{items}</dl></section>'


def _rows_section(records: Sequence[Record]) -> str:
    return (
        '<section id="raw" class="raw"><h2>Every measurement</h2>'
        '<div class="tools"><input id="filter" type="search" '
        'placeholder="filter, e.g. highs timeout" aria-label="filter rows">'
        '<button id="download" type="button">Download as JSON Lines</button>'
        f'<span id="shown" class="soft">{len(records)} of {len(records)} rows</span></div>'
        f"{page_tables.raw_rows(records)}</section>"
    )


def _figure(
    heading: str,
    caption: str,
    chart: Any,
    specs: list[dict[str, Any]],
    name: str,
    series: Sequence[str] = (),
) -> str:
    if chart is None:
        return ""
    spec = chart.to_dict()
    # The page names the mode itself; an address in it would only look like a request.
    spec.pop("$schema", None)
    specs.append(spec)
    number = len(specs) - 1
    safe = re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-")
    return (
        f"<figure><h3>{escape(heading)}</h3><figcaption>{escape(caption)}</figcaption>"
        f'<div class="chart" data-spec="chart-{number}" data-name="planbench-{safe}" role="img" '
        f'aria-label="{escape(heading)}: {escape(caption)}"></div>'
        f"{page_tables.legend(series) if series else ''}</figure>"
    )


def _page(
    title: str,
    records: Sequence[Record],
    ladders: Sequence[Ladder],
    body: str,
    specs: Sequence[dict[str, Any]],
) -> str:
    bundle = _chart_library()
    links = [(f"#{_anchor(ladder.name)}", f"Ladder {ladder.name}") for ladder in ladders]
    links += [
        ("#overall", "All instances together"),
        ("#instances", "Instance by instance"),
        ("#machine", "Machine and versions"),
        ("#reading", "How to read this"),
        ("#raw", "Every measurement"),
    ]
    nav = "".join(f'<a href="{escape(to)}">{escape(name)}</a>' for to, name in links)
    rows = [r.model_dump(mode="json") for r in records]
    data = "".join(
        f'<script type="application/json" id="chart-{number}">{_json(spec)}</script>'
        for number, spec in enumerate(specs)
    )
    dates = sorted(r.started_at for r in records if r.started_at)
    when = f"Measured {escape(dates[-1][:10])}. " if dates else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_asset('page.css')}</style></head><body>"
        f'<header class="top"><h1>{escape(title)}</h1>'
        f'<div class="soft">{when}{len(records)} measurements by planbench.</div>'
        f"<nav>{nav}</nav></header><main>{body}"
        "<noscript><p>Without scripts there are no charts; the tables hold the same figures.</p>"
        "</noscript></main><footer>Made by planbench. Every bracket was recomputed from the "
        "problem; no solver was believed.</footer>"
        f'<script type="application/json" id="records">{_json(rows)}</script>{data}'
        f"<script>{_script(bundle)}</script><script>{_script(_asset('page.js'))}</script>"
        "</body></html>\n"
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


def _json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _script(text: str) -> str:
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _anchor(name: str) -> str:
    return "ladder-" + re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower()
