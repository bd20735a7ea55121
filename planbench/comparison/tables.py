"""The comparison on a terminal: worst first, and one line that sums it up."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from planbench.comparison.facts import Comparison, Finding, Verdict
from planbench.comparison.figures import WORDS, amount, because, change
from planbench.report import words

STYLES: dict[Verdict, str] = {
    "worse": "bold red",
    "better": "green",
    "same": "",
    "unclear": "yellow",
    "skipped": "dim",
}
#: Rows shown of each verdict unless all are asked for; what is worse is always shown.
MOST = 12


#: Columns of a narrow table but that of solver and instance, which takes what is left.
_WIDTHS = (8, 12, 18, 12)


def _left(width: int) -> int:
    return max(12, width - sum(_WIDTHS) - 7)


def shown_findings(comparison: Comparison, *, everything: bool = False) -> list[Finding]:
    """Choose what a person wants to see: all that is worse, some of the unclear and better."""
    if everything:
        return list(comparison.findings)
    shown = list(comparison.having("worse"))
    shown += comparison.having("unclear")[:MOST]
    shown += comparison.having("better")[:MOST]
    return shown


def left_out_words(comparison: Comparison, shown: Sequence[Finding]) -> str:
    """Say what is not shown; empty where everything is."""
    here = {id(f) for f in shown}
    rest = [f for f in comparison.findings if id(f) not in here]
    counts = {v: sum(f.verdict == v for f in rest) for v in WORDS}
    parts = [f"{count} {WORDS[v]}" for v, count in counts.items() if count]
    return f"Not shown: {', '.join(parts)}." if parts else ""


def comparison_table(
    comparison: Comparison, *, width: int = 100, everything: bool = False
) -> Table | None:
    """Lay out the findings as a table; None where there is nothing to show."""
    shown = shown_findings(comparison, everything=everything)
    if not shown:
        return None
    wide = width >= 110
    sides = [words.plain(name) for name in (comparison.baseline, comparison.candidate)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), caption_justify="left")
    table.add_column("verdict", no_wrap=True)
    if wide:
        table.add_column("layer", no_wrap=True)
    table.add_column("solver and instance", overflow="fold", width=None if wide else _left(width))
    table.add_column("what", overflow="fold", width=None if wide else _WIDTHS[1])
    for name in sides if wide else ["before → now"]:
        table.add_column(name, justify="right", overflow="fold", width=None if wide else _WIDTHS[2])
    table.add_column("change", justify="right", overflow="fold", width=None if wide else _WIDTHS[3])
    if wide:
        table.add_column("held to", overflow="fold")
    for finding in shown:
        figures = [amount(finding, value) for value in (finding.baseline, finding.candidate)]
        table.add_row(
            Text(WORDS[finding.verdict], style=STYLES[finding.verdict]),
            *([Text(finding.layer)] if wide else []),
            Text(words.plain(finding.where)),
            Text(finding.measure),
            *(Text(text) for text in (figures if wide else [" → ".join(figures)])),
            Text(
                change(finding) if wide else change(finding).replace(" (", "\n("),
                style=STYLES[finding.verdict],
            ),
            *([Text(because(finding))] if wide else []),
        )
    rest = left_out_words(comparison, shown)
    if rest:
        table.caption = Text(f"{rest} --all shows them.", style="dim")
    return table
