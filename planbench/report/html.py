"""The HTML report: one file that needs no network, for screen, phone and paper."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from planbench.formatting import plural
from planbench.io.files import write_text
from planbench.records.not_run import NotRun
from planbench.records.schema import Record
from planbench.report import sections
from planbench.report.charts import vegalite_version
from planbench.report.headline import find_findings
from planbench.report.ladders import find_ladders
from planbench.report.markup import Markup, Section, render, to_json
from planbench.report.results import require_results

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
        sections.headline(results, ladders),
        sections.findings(find_findings(records)),
        *map(sections.ladder_section, ladders),
        sections.real_section(ladders),
        sections.effort_section(records),
        sections.sweeps_section(results),
        sections.overall_section(results),
        sections.instances_section(results),
        sections.machines_section(records, not_run),
        sections.reading_section(),
        sections.rows_section(records),
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
