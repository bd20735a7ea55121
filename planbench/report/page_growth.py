"""HTML tables of growth: predictions, real structure, time to verified accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from planbench.records.schema import Record
from planbench.report import words
from planbench.report.effort import (
    effort_blocks,
    effort_standings,
    effort_words,
    ranked_series,
    targets_of,
)
from planbench.report.ladders import Ladder
from planbench.report.page_parts import fitted, number, raised, table, td
from planbench.report.predictions import (
    SIZES,
    SPANS,
    estimate_words,
    outlook,
    vague,
    warnings,
)
from planbench.report.real import RealBeside, difference_words
from planbench.report.style import in_order, named
from planbench.stats.accuracy import TimeToAccuracy
from planbench.stats.growth import Estimate


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
        return f'<td data-sort="" class="none">{raised(value)}</td>'
    return f'<td data-sort="{key!r}">{raised(value)}<br><small>{raised(spread)}</small></td>'


def beside_table(found: Sequence[RealBeside]) -> str:
    """Growth on ladders made from real tables beside that on synthetic ones."""
    rows = []
    for one in found:
        difference = one.difference
        style = {"differs": "warn", "same": "good"}.get(difference.likeness, "none")
        rows.append(
            [
                td(named(one.series)),
                td(escape(one.real.name), "short left"),
                td(escape(one.synthetic.name), "short left"),
                *[fitted(fit) for fit in one.fits],
                number(escape(difference_words(difference)), difference.value),
                number(words.count(one.goods), one.goods),
                number(words.times(one.ratio), one.ratio),
                td(escape(difference.likeness), f"left {style}"),
            ]
        )
    head = ["solver", "<real", "<synthetic", "real<br>grows as", "synthetic<br>grows as"]
    head += ["difference", "goods", "time, real<br>over synthetic", "<verdict"]
    return table(head, rows)


def effort_table(records: Sequence[Record]) -> str:
    """Seconds to each target gap, raw and polished, a row per solver and instance."""
    targets = targets_of(records)
    blocks = effort_blocks(records)
    polished = any(row.polished for block in blocks for row in block.rows)
    rows = []
    for block in blocks:
        for row in block.rows:
            cells = [_effort(row.raw.get(target)) for target in targets]
            if polished:
                cells += [_effort(row.polished.get(target)) for target in targets]
            rows.append([td(escape(block.instance), "wrap"), td(named(row.series), "left"), *cells])
    head = ["instance", "<solver", *[f"to<br>{words.gap(t)}" for t in targets]]
    head += [f"polished,<br>to {words.gap(t)}" for t in targets] if polished else []
    return table(head, rows)


def _effort(one: TimeToAccuracy | None) -> str:
    if one is None:
        return number("", None)
    said = escape(effort_words(one))
    if one.reached:
        return number(said, one.seconds)
    style = "none" if one.end == "refused" else "warn"
    return f'<td data-sort="" class="{style}" title="{escape(one.end)}">{said}</td>'


def effort_overall(records: Sequence[Record]) -> str:
    """Solvers ranked at each target gap over all instances."""
    targets = targets_of(records)
    found = {t: {s.score.solver: s for s in effort_standings(records, t)} for t in targets}
    rows = []
    for series in ranked_series(records):
        cells = []
        left_out = ""
        for target in targets:
            standing = found[target].get(series)
            if standing is None:
                cells += [number("", None), number("", None)]
                continue
            score, left_out = standing.score, left_out or standing.left_out
            cells.append(number(f"{score.solved} of {score.attempted}", score.solved))
            cells.append(number(words.seconds(score.mean_all), score.mean_all))
        rows.append([td(named(series)), td(escape(left_out), "left none"), *cells])
    head = ["solver", "<left out"]
    for target in targets:
        head += [f"reached<br>{words.gap(target)}", "mean<br>time"]
    return table(head, rows)
