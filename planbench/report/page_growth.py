"""HTML tables of what was measured against the debate: claims, predictions, effort."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from planbench.report import words
from planbench.report.claims import FAR, NARROW, NEAR, Finding
from planbench.report.ladders import Ladder
from planbench.report.page_parts import number, raised, table, td
from planbench.report.predictions import (
    SIZES,
    SPANS,
    estimate_words,
    outlook,
    vague,
    warnings,
)
from planbench.report.style import in_order, named
from planbench.stats.accuracy import TimeToAccuracy
from planbench.stats.growth import Estimate

_VERDICT_STYLES = {"contradicted": "bad", "supported": "good"}


def claims_table(findings: Sequence[Finding]) -> str:
    """Each claim with who says it, what it predicts, what was measured, and a verdict."""
    rows = []
    for finding in findings:
        each = "".join(
            f"<li>{named(series)} {raised(figure)} "
            f'<span class="{_VERDICT_STYLES.get(verdict, "none")}">{escape(verdict)}</span></li>'
            for series, figure, verdict in finding.each
        )
        shown = raised(finding.measured) or '<span class="none">–</span>'
        if each:
            shown += f"<details><summary>each solver</summary><ul>{each}</ul></details>"
        rows.append(
            [
                td(raised(finding.claim), "wrap left"),
                td(escape(finding.who), "short left"),
                td(raised(finding.predicted), "short left"),
                td(shown, "wrap left"),
                td(
                    f"<strong>{escape(finding.verdict)}</strong>",
                    f"short left {_VERDICT_STYLES.get(finding.verdict, 'none')}",
                ),
            ]
        )
    head = ["claim", "<who", "<predicted", "<measured", "<verdict"]
    return table(head, rows, sortable=False)


def claims_rules() -> str:
    """How the verdicts come about, in one paragraph of text."""
    return (
        "Exponents: contradicted where the 95 % interval of the best general solver (that which "
        "solved the largest economy of the headline ladder fastest) excludes the prediction; "
        f"supported where it holds it and is at most {NARROW:g} wide; else it cannot be told. "
        f"“Far cheaper” is supported from {FAR:g} times and contradicted up to {NEAR:g} times; a "
        f"count is supported within a factor of {NEAR:g} and contradicted beyond {FAR:g}. Prices: "
        "contradicted where at least half of the finished plans came with duals that prove them. "
        "Each verdict is on these generated economies, this machine and these solvers."
    )


def predictions_table(ladder: Ladder) -> str:
    """Laws, reach and predicted costs on a ladder, with its warnings below."""
    outlooks = [outlook(ladder, series) for series in in_order(list(ladder.series))]
    rows = []
    for found in outlooks:
        if found.seconds.fit.exponent is None and found.memory.fit.exponent is None:
            continue
        law = found.seconds.law or found.seconds.fit.reason
        rows.append(
            [
                td(named(found.series)),
                td(raised(law), "left" if found.seconds.law else "left none"),
                *[_estimate(e, "goods") for e in found.reach],
                *[_estimate(e, "seconds") for e in found.time],
                *[_estimate(e, "bytes") for e in found.bytes],
            ]
        )
    if not rows:
        return ""
    head = ["solver", "<laws not<br>excluded"]
    head += [f"goods in<br>{'an' if name == 'hour' else 'a'} {name}" for name, _ in SPANS]
    head += [f"time for<br>{words.size(size)}" for size in SIZES]
    head += [f"memory for<br>{words.size(size)}" for size in SIZES]
    notes = "".join(f"<li>{raised(line)}</li>" for line in warnings(ladder, outlooks))
    return f'{table(head, rows)}<ul class="note">{notes}</ul>'


def _estimate(estimate: Estimate | None, kind: str) -> str:
    shown = {"goods": words.size, "seconds": words.long_seconds, "bytes": words.large_bytes}[kind]
    value, spread = estimate_words(estimate, shown)
    known = estimate is not None and not vague(estimate)
    key = estimate.value if estimate is not None and known else None
    if key is None:
        return f'<td data-sort="" class="none">{escape(value)}</td>'
    return f'<td data-sort="{key!r}">{raised(value)}<br><small>{raised(spread)}</small></td>'


def effort_table(times: Sequence[TimeToAccuracy]) -> str:
    """Seconds to each target gap, a row per solver and instance."""
    targets = sorted({t.target for t in times}, reverse=True)
    places = dict.fromkeys((t.sha256, t.machine, t.solver) for t in times)
    rows = []
    for sha, machine, solver in places:
        mine = [t for t in times if (t.sha256, t.machine, t.solver) == (sha, machine, solver)]
        cells = []
        for target in targets:
            one = next((t for t in mine if t.target == target), None)
            if one is None:
                cells.append(number("", None))
            elif one.reached:
                cells.append(number(escape(words.seconds(one.seconds)), one.seconds))
            else:
                cells.append(
                    f'<td data-sort="" class="warn" title="{escape(one.end)}">'
                    f"&gt; {escape(words.seconds(one.seconds))}</td>"
                )
        rows.append(
            [td(escape(words.plain(mine[0].instance)), "wrap"), td(named(solver), "left"), *cells]
        )
    return table(["instance", "<solver", *[words.gap(t) for t in targets]], rows)
