"""Figures of a plan in the form a person reads; units and times are in ``report.words``."""

from __future__ import annotations

from collections.abc import Mapping

from planbench.report import words
from planbench.words import nouns as nouns


def amount(value: float | None, digits: int = 5) -> str:
    """Format an amount: ``1,234.5``, ``0.0012346``, ``1.2346e-9``; ``–`` for None."""
    if value is None:
        return words.UNKNOWN
    if value == 0:
        return "0"
    if value != value or value in (float("inf"), float("-inf")):
        return {"inf": "∞", "-inf": "−∞"}.get(repr(value), "NaN")
    if not 1e-4 <= abs(value) < 1e12:
        mantissa, power = f"{value:.{max(digits - 1, 0)}e}".split("e")
        return f"{_bare(mantissa)}e{int(power)}"
    whole = len(str(int(abs(value))))
    decimals = max(0, digits - whole) if abs(value) >= 1 else digits
    text = f"{value:,.{decimals}f}" if abs(value) >= 1 else f"{value:.{digits}g}"
    return _bare(text)


def _bare(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float | None) -> str:
    """Format a share: ``53 %``, ``0.4 %``; ``–`` for None."""
    if share is None or share != share:
        return words.UNKNOWN
    if 0 < abs(share) < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.3g} %"


def counts(iterations: Mapping[str, int]) -> str:
    """Format iterations by kind: ``1,234 simplex, 7 crossover``; ``–`` where not told."""
    told = [f"{words.count(n)} {kind}" for kind, n in iterations.items()]
    return ", ".join(told) or words.UNKNOWN
