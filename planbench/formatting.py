"""Numbers as a person reads them: three digits, the unit after them, "–" for unknown; plurals."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

UNKNOWN = "–"
#: U+2212, as wide as a plus; a hyphen before a digit is easily overlooked.
MINUS = "−"
#: Plurals that follow no rule.
_PLURALS = {"matrix": "matrices", "series": "series"}


def seconds(value: float | None) -> str:
    """Format seconds: ``0.4 ms``, ``12.5 s``, ``17 min``, ``3.2 h``; ``–`` for None."""
    if value is None:
        return UNKNOWN
    if value < 0.9995:
        return f"{_three(value * 1e3)} ms"
    if value < 600:
        return f"{_three(value)} s"
    if value < 6000:
        return f"{_three(value / 60)} min"
    if value < 48 * 3600:
        return f"{_three(value / 3600)} h"
    days = value / 86400
    return f"{_three(days)} days" if days < 730 else f"{_three(days / 365.25)} years"


def size_bytes(value: float | None) -> str:
    """Bytes in decimal units: ``512 kB``, ``1.2 GB``; ``–`` for None."""
    if value is None:
        return UNKNOWN
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(value) >= 0.9995 * scale:
            return f"{_three(value / scale)} {unit}"
    return f"{value:.0f} B"


def times(value: float | None) -> str:
    """Factor: ``0.42×``, ``17×``, ``5,300×``; ``–`` for None."""
    return UNKNOWN if value is None else f"{_three(value)}×"


def passes(value: float | None) -> str:
    """Matrix passes, with thousands separators; ``–`` for None."""
    if value is None:
        return UNKNOWN
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def gap(value: float | None) -> str:
    """Relative gap: ``0``, ``3.1e-7``; ``inf``, ``nan``; ``–`` for None."""
    if value is None:
        return UNKNOWN
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    mantissa, power = f"{value:.1e}".split("e")
    figure = mantissa.removesuffix(".0")
    return figure if int(power) == 0 else f"{figure}e{int(power)}"


def objective(value: float | None, digits: int = 8) -> str:
    """Objective value to `digits` significant digits; ``–`` for None."""
    return UNKNOWN if value is None else f"{value:.{digits}g}"


def count(value: int | None) -> str:
    """Whole number with thousands separators; ``–`` for None."""
    return UNKNOWN if value is None else f"{value:,}"


def signed(value: float, digits: int = 2) -> str:
    """Write a number with the sign that typographers use: ``−0.10``; a rounded −0.0 is ``0.00``."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", MINUS)


def exponent(value: float | None) -> str:
    """``n^1.92``, ``n^−0.10``; ``–`` for None."""
    return UNKNOWN if value is None else f"n^{signed(value)}"


def interval(low: float | None, high: float | None) -> str:
    """``1.70 to 2.21``, ``−0.41 to 0.22``; empty where there is none."""
    if low is None or high is None:
        return ""
    digits = 1 if high >= 10 else 2
    return between(signed(low, digits), signed(high, digits))


def between(low: str, high: str) -> str:
    """Both ends of an interval; a dash between them could be taken for a minus."""
    return f"{low} to {high}"


def size(value: float | None) -> str:
    """Size of an economy to two or three digits: ``840``, ``12,300``, ``1.2 million``."""
    if value is None:
        return UNKNOWN
    if value < 999.5:
        return f"{value:.0f}"
    if value < 999_500:
        digits = 10 ** (len(str(int(value))) - 3)
        return f"{round(value / digits) * digits:,.0f}"
    for unit, scale in (("million", 1e6), ("billion", 1e9), ("trillion", 1e12)):
        if value < 999.5 * scale:
            return (
                f"{value / scale:.2g} {unit}"
                if value < 99.5 * scale
                else (f"{value / scale:.0f} {unit}")
            )
    return power_of_ten(value)


def power_of_ten(value: float) -> str:
    """``10^17``, the nearest power."""
    return f"10^{math.log10(value):.0f}"


def long_seconds(value: float | None) -> str:
    """Seconds as in :func:`seconds`, with geological spans as a power of ten of years."""
    if value is not None and value > 1e5 * 365.25 * 86400:
        return f"{power_of_ten(value / (365.25 * 86400))} years"
    return seconds(value)


def large_bytes(value: float | None) -> str:
    """Bytes as in :func:`size_bytes`, going on to TB and PB."""
    if value is None:
        return UNKNOWN
    for unit, scale in (("PB", 1e15), ("TB", 1e12)):
        if value >= 1e7 * scale:
            return f"{power_of_ten(value / scale)} {unit}"
        if value >= 0.9995 * scale:
            return f"{_three(value / scale)} {unit}"
    return size_bytes(value)


def amount(value: float | None, digits: int = 5) -> str:
    """Format an amount: ``1,234.5``, ``0.0012346``, ``1.2346e-9``; ``–`` for None."""
    if value is None:
        return UNKNOWN
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
        return UNKNOWN
    if 0 < abs(share) < 0.0005:
        return "< 0.1 %"
    return f"{100 * share:.3g} %"


def counts(iterations: Mapping[str, int], none: str = UNKNOWN) -> str:
    """Format iterations by kind: ``1,234 simplex, 7 crossover``; `none` where unknown."""
    return ", ".join(f"{count(n)} {kind}" for kind, n in iterations.items()) or none


#: Factors of units, in bytes, by their names in lower case.
SIZE_UNITS = {
    "": 1.0,
    "b": 1.0,
    "k": 1e3,
    "kb": 1e3,
    "m": 1e6,
    "mb": 1e6,
    "g": 1e9,
    "gb": 1e9,
    "kib": 2.0**10,
    "mib": 2.0**20,
    "gib": 2.0**30,
}


def read_number(text: str, units: Mapping[str, float]) -> float:
    """Read a number of at least 0 and its unit, such as ``1.5 GB``; NaN where it is none."""
    number = r"((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([a-zA-Z%]*)"
    match = re.fullmatch(number, text.strip())
    return float(match[1]) * units.get(match[2].lower(), math.nan) if match else math.nan


def plain(text: str) -> str:
    """`text` in one line, with what no terminal should be sent replaced."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))


def _three(value: float) -> str:
    if value >= 99.95:
        return f"{value:,.0f}"
    if value >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}"


def plural(number: int, noun: str) -> str:
    """Write a number with its noun, in the plural but for 1.

    Parameters
    ----------
    number : int
    noun : str
        In the singular: ``good``, ``activity``, ``final use``.

    Returns
    -------
    str
        ``1 good``, ``1,000 goods``, ``0 activities``.
    """
    if number == 1:
        return f"1 {noun}"
    many = _PLURALS.get(noun) or (noun[:-1] + "ies" if noun.endswith("y") else noun + "s")
    return f"{number:,} {many}"
