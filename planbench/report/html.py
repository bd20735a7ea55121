"""The HTML report: one file that needs no network, for screen, phone and paper."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from planbench.debate.claims import claims_ladder
from planbench.io.files import write_text
from planbench.records.not_run import NotRun
from planbench.records.schema import Record
from planbench.report import sections
from planbench.report.cells import settled
from planbench.report.charts import altair_module, vegalite_version
from planbench.report.ladders import find_ladders
from planbench.words import nouns

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

    Raises
    ------
    InputError
        Without any record, or when the file cannot be written.
    SolverUnavailableError
        Without the packages of the ``report`` extra.
    """
    write_page(render_report(records, title=title, not_run=not_run), path)


def write_page(text: str, path: Path | str) -> None:
    """Write a page.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    write_text(path, text, make_folder=True)


def render_report(
    records: Sequence[Record], *, title: str | None = None, not_run: Sequence[NotRun] = ()
) -> str:
    """Return the report as text; see :func:`write_report`."""
    cells = settled(records)
    if title is None:
        economies = any(cell.goods is not None for cell in cells)
        title = TITLE if economies else GENERAL_TITLE
    altair_module()
    ladders = sorted(find_ladders(cells), key=lambda ladder: ladder.name)
    specs: list[dict[str, Any]] = []
    body = [sections.headline(cells, ladders), sections.findings(cells)]
    body += [sections.ladder_section(ladder, specs) for ladder in ladders]
    real = sections.beside_section(ladders)
    told = sections.information_section(cells)
    effort = sections.effort_section(records, specs)
    sweeps = sections.sweeps_section(cells, specs)
    claims = sections.claims_section(records, cells, claims_ladder(ladders))
    body += [real, effort, sweeps, told, sections.overall_section(cells, specs), claims]
    body.append(sections.instances_section(cells))
    body.append(sections.machines_section(records, not_run))
    body.append(sections.reading_section())
    body.append(sections.rows_section(records))
    links = [(f"#{sections.anchor(lad.name)}", f"Ladder {lad.name}") for lad in ladders]
    links += [("#real", "Real beside synthetic")] if real else []
    links += [("#effort", "Accuracy")] if effort else []
    links += [("#sweeps", "Other economies")] if sweeps else []
    links += [("#information", "What must be told")] if told else []
    links += [("#overall", "All instances together")]
    links += [("#claims", "What was claimed")] if claims else []
    links += [
        ("#instances", "Instance by instance"),
        ("#machine", "Machine and versions"),
        ("#reading", "How to read this"),
        ("#raw", "Every measurement"),
    ]
    return page(title, records, links, "".join(body), specs)


def page(
    title: str,
    records: Sequence[Record],
    links: Sequence[tuple[str, str]],
    body: str,
    specs: Sequence[dict[str, Any]],
) -> str:
    """Put a page together: head, navigation, body, charts, data and scripts.

    Parameters
    ----------
    title : str
    records : sequence of Record
        All rows; they can be downloaded from the page.
    links : sequence of (str, str)
        Address and text of each entry of the navigation.
    body : str
        HTML.
    specs : sequence of dict
        Vega-Lite specifications, in the order in which the body refers to them.
    """
    bundle = _chart_library()
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
        f'<div class="soft">{when}{nouns(len(records), "measurement")} by planbench.</div>'
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
