"""Pieces of the report's HTML tables; text that comes from records is escaped by the caller."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from planbench.report import words
from planbench.stats.scaling import LocalSlope, PowerLawFit


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    sortable: bool = True,
    identity: str = "",
    tall: bool = False,
) -> str:
    """HTML table; headings that begin with ``<`` stand over text, the others over numbers.

    `rows` hold finished cells (:func:`td`, :func:`number`); headings are HTML.
    """
    cells = "".join(
        f'<th scope="col"{aligned(h)}><button type="button">{h.removeprefix("<")}</button></th>'
        if sortable
        else f'<th scope="col"{aligned(h)}>{h.removeprefix("<") if aligned(h) else h}</th>'
        for h in head
    )
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    named_as = f' id="{identity}"' if identity else ""
    return (
        f'<div class="scroll{" tall" if tall else ""}" tabindex="0">'
        f"<table{named_as}{' class=sortable' if sortable else ''}>"
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def aligned(heading: str) -> str:
    """Headings that begin with ``<`` stand over text, the others over numbers."""
    # A heading that begins with an element, such as a swatch, is no such mark.
    marked = heading.startswith("<") and not heading.endswith(">")
    return ' class="left"' if marked else ""


def td(content: str, style: str = "") -> str:
    """Cell with HTML content."""
    return f'<td class="{style}">{content}</td>' if style else f"<td>{content}</td>"


def number(shown: str, value: float | int | None, red: bool = False) -> str:
    """Cell that sorts by `value`; red on request."""
    key = "" if value is None else repr(float(value))
    if value is None:
        shown = words.UNKNOWN
    style = ' class="bad"' if red else ' class="none"' if value is None else ""
    return f'<td data-sort="{key}"{style}>{shown}</td>'


def fitted(fit: PowerLawFit) -> str:
    """Cell with an exponent and its interval."""
    if fit.exponent is None:
        return f'<td data-sort="" class="none" title="{escape(fit.reason)}">too few sizes</td>'
    return (
        f'<td data-sort="{fit.exponent!r}">{power(fit.exponent)} '
        f"<small>{escape(words.interval(fit.low, fit.high))}</small></td>"
    )


def slope_cell(slope: LocalSlope | None) -> str:
    """Cell with a local slope."""
    if slope is None:
        return '<td data-sort="" class="none">–</td>'
    more = "≥ " if slope.at_least else ""
    span = f"{words.count(round(slope.smaller))} to {words.count(round(slope.larger))} goods"
    return f'<td data-sort="{slope.exponent!r}" title="{span}">{more}{power(slope.exponent)}</td>'


def power(exponent: float) -> str:
    """``n`` with a raised exponent."""
    return f"n<sup>{words.signed(exponent)}</sup>"


def raised(sentence: str) -> str:
    """Escape a sentence and set its exponents high."""
    return re.sub(r"(\bn|\b10|n\))\^([-−]?[0-9.]*[0-9]|b\b)", r"\1<sup>\2</sup>", escape(sentence))
