"""From facts to HTML: jinja2 templates that escape whatever is put into them, and tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import planbench.formatting as fmt
from planbench.errors import SolverUnavailableError
from planbench.report.table import Column, Entry, Table

try:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup as Markup
    from markupsafe import escape
except ImportError as error:
    raise SolverUnavailableError(
        f"pages need {error.name or 'jinja2'}; pip install 'planbench[report]'"
    ) from None


#: Classes of the style sheet for marks that have none of their own.
_CLASSES = {"bold bad": "bad", "stopped": "none", "strong": ""}


@cache
def templates() -> Environment:
    """Templates of this package; whatever is put into one is escaped."""
    made = Environment(
        loader=PackageLoader("planbench.report"), autoescape=True, undefined=StrictUndefined
    )
    made.filters |= {"raised": raised, "table": to_html, "count": fmt.count, "gap": fmt.gap}
    return made


def render(template: str, **facts: Any) -> Markup:
    """Fill in a template of this package."""
    return Markup(templates().get_template(template).render(**facts))


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes
    ----------
    identity : str
        Its address within the page.
    link : str
        What the navigation calls it; empty for a section without an entry there.
    html : Markup
        Empty where there is nothing to show.
    before : str
        Of a section that is added to the report's own: the address of the one it precedes.
    """

    identity: str
    link: str
    html: Markup
    before: str = ""


def section(
    identity: str,
    heading: str,
    *parts: Markup | Table,
    link: str = "",
    text: str = "",
    note: str = "",
    before: str = "",
) -> Section:
    """Section with a heading, a paragraph of `text`, the `parts`, and a note below.

    It is empty where all parts are, and there is no text.
    """
    drawn = (to_html(part) if isinstance(part, Table) else part for part in parts)
    body = Markup("").join(drawn)
    html = Markup("")
    if body or (text and not parts):
        html = render(
            "section.html", identity=identity, heading=heading, body=body, text=text, note=note
        )
    return Section(identity, link or heading, html, before)


def folded(summary: str, items: Iterable[str], *, opened: bool = False) -> Markup:
    """List that is unfolded by a click on its summary."""
    return render("list.html", summary=summary, items=list(items), open=opened)


def charts(figures: Iterable[Markup]) -> Markup:
    """Figures side by side where there is room; empty without any."""
    drawn = Markup("").join(figures)
    return Markup('<div class="charts">{}</div>').format(drawn) if drawn else drawn


def figure(heading: str, caption: str, chart: Any, name: str) -> Markup:
    """Heading, caption and chart; empty without a chart.

    Parameters
    ----------
    heading, caption : str
    chart : altair chart or None
    name : str
        Of the file that a reader may save the chart as.
    """
    if chart is None:
        return Markup("")
    spec = chart.to_dict()
    # The page names the mode itself; an address in it would only look like a request.
    spec.pop("$schema", None)
    return render(
        "figure.html",
        heading=heading,
        caption=caption,
        spec=to_json(spec),
        name=re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.") or "figure",
    )


def to_json(value: Any) -> Markup:
    """JSON that cannot end the script element it is in."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return Markup(
        text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    )


def to_html(table: Table) -> Markup:
    """Draw a table for a page; every text is escaped. Empty without rows."""
    if not table.rows:
        return Markup("")
    rows = [
        [_html_cell(column, entry, first=not place) for place, (column, entry) in enumerate(row)]
        for row in table.entries("page")
    ]
    shown = replace(table, columns=table.shown("page"))
    return render("table.html", table=shown, rows=rows)


def _html_cell(column: Column, entry: Entry, *, first: bool) -> dict[str, Any]:
    aligned = {
        "text": "left",
        "solver": "left",
        "law": "left",
        "long": "wrap left",
        "prose": "wrap left",
        "short": "short left",
    }
    style = aligned.get(column.kind, "")
    if first:  # the first column is left-aligned by the style sheet
        style = style.removesuffix("left").strip()
    style = f"{style} {_CLASSES.get(entry.mark, entry.mark)}".strip()
    raised_too = column.kind in ("number", "plain number", "law", "prose", "short")
    content = raised(entry.text) if raised_too else escape(entry.text)
    if entry.note:
        content += Markup("<br><small>{}</small>").format(raised(entry.note))
    key = None
    if column.kind == "number":
        key = "" if entry.value is None else repr(entry.value)
    return {"content": content, "style": style, "key": key, "hint": entry.hint}


def raised(sentence: str) -> Markup:
    """Escape a sentence and set its exponents high."""
    pattern = r"(\bn|\b10|n\))\^([-−]?[0-9.]*[0-9]|b\b)"
    return Markup(re.sub(pattern, r"\1<sup>\2</sup>", str(escape(sentence))))
