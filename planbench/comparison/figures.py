"""Figures of findings in words, the same in tables, Markdown, JUnit and JSON."""

from __future__ import annotations

from planbench.comparison.facts import Comparison, Finding
from planbench.report import words
from planbench.words import nouns

WORDS = {
    "worse": "worse",
    "better": "better",
    "same": "same",
    "unclear": "unclear",
    "skipped": "skipped",
}


def amount(finding: Finding, value: float | str | None) -> str:
    """Write one of the two figures of a finding in its unit."""
    if value is None:
        return words.UNKNOWN
    if isinstance(value, str):
        return words.plain(value)
    if finding.layer == "memory":
        return words.size_bytes(value)
    if finding.layer == "time":
        return f"{words.passes(value)} passes"
    if finding.layer == "scaling":
        return words.exponent(value)
    if finding.measure == "objective":
        return words.objective(value, 12)
    if finding.measure == "certified gap":
        return words.gap(value)
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.6g}"


def change(finding: Finding) -> str:
    """Write how a figure changed: a ratio with its interval, or a difference."""
    if finding.layer == "scaling":
        if isinstance(finding.baseline, float) and isinstance(finding.candidate, float):
            middle = f"{finding.candidate - finding.baseline:+.2f}"
            return middle + _interval(finding.low, finding.high, signed=True)
        return ""
    if finding.measure == "objective":
        old, new = finding.baseline, finding.candidate
        if isinstance(old, str) or isinstance(new, str) or old is None or new is None:
            return ""
        scale = max(abs(old), abs(new))
        return f"{(new - old) / scale:+.1e}" if old != new else "0"
    if finding.ratio is None:
        return ""
    if finding.verdict == "same" and finding.ratio == 1.0:
        return "1×"
    digits = 2 if abs(finding.ratio - 1) >= 0.005 else 4
    shown = f"{finding.ratio:.{digits}f}×" if finding.ratio < 1e4 else f"{finding.ratio:.1e}×"
    return shown + _interval(finding.low, finding.high)


def _interval(low: float | None, high: float | None, *, signed: bool = False) -> str:
    if low is None or high is None:
        return ""
    if signed:
        return f" ({low:+.2f} to {high:+.2f})"
    return f" ({low:.2f} to {high:.2f})" if high < 1e4 else ""


def because(finding: Finding) -> str:
    """Say what a finding was held to, and why it is what it is."""
    return words.plain("; ".join(part for part in (finding.rule, finding.note) if part))


def summary(comparison: Comparison) -> str:
    """Say in one line what a comparison came to."""
    worse = comparison.having("worse")
    if comparison.obstacles and not worse:
        return f"could not compare: {comparison.obstacles[0].message}"
    count = comparison.counts
    parts = [f"{nouns(comparison.compared, 'measurement')} compared"]
    parts += [f"{count[v]} {WORDS[v]}" for v in ("unclear", "better") if count.get(v)]
    tail = f" ({', '.join(parts)})"
    if not worse:
        return f"nothing worse{tail}"
    first = worse[0]
    moved = change(first) or f"{amount(first, first.baseline)} → {amount(first, first.candidate)}"
    return words.plain(f"{len(worse)} worse, first {first.where}: {first.measure} {moved}{tail}")
