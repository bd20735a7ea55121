"""Real structure beside synthetic: whether the synthetic ladder tells the truth of real tables.

A ladder whose economies are split from a real table, or made by figures fitted to one, is held
against each synthetic ladder of the same machine, solver by solver: how its cost grows on both,
and what it costs at the largest size that it solved on both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from planbench.report import words
from planbench.report.ladders import Ladder, Measure, fit_ladder
from planbench.stats.aggregate import median_or_failure
from planbench.stats.differences import SAME, ExponentDifference, compare_exponents
from planbench.stats.scaling import PowerLawFit

#: Sizes up to this factor apart stand beside each other: goods are split into near-equal numbers.
NEAR_SIZE = 1.1


@dataclass(frozen=True)
class RealBeside:
    """One solver on a real and on a synthetic ladder.

    Attributes
    ----------
    series : str
    real, synthetic : Ladder
    fits : tuple of PowerLawFit
        Of the real and of the synthetic ladder.
    difference : ExponentDifference
        Real less synthetic.
    goods : int or None
        Largest size solved on both.
    ratio : float or None
        Cost there, real over synthetic.
    """

    series: str
    real: Ladder
    synthetic: Ladder
    fits: tuple[PowerLawFit, PowerLawFit]
    difference: ExponentDifference
    goods: int | None
    ratio: float | None


def beside(ladders: Sequence[Ladder], measure: Measure = "seconds") -> list[RealBeside]:
    """Compare each real ladder with the synthetic ones that overlap it in size."""
    found = []
    for real in (lad for lad in ladders if lad.real):
        for synthetic in _partners(real, ladders):
            for series in real.series:
                if series in synthetic.series:
                    found.append(_compare(series, real, synthetic, measure))
    return [f for f in found if f.difference.value is not None or f.ratio is not None]


def beside_words(found: Sequence[RealBeside]) -> str:
    """Say in one sentence what the comparison comes to; empty without any."""
    told = [f for f in found if f.difference.likeness != "no exponent"]
    if not told:
        return ""
    parts = []
    for likeness, phrase in (
        ("same", "grows alike (within {same:g})"),
        ("differs", "grows otherwise"),
        ("cannot be told apart", "cannot be told apart"),
    ):
        named = dict.fromkeys(f.series for f in told if f.difference.likeness == likeness)
        if named:
            parts.append(f"{phrase.format(same=SAME)}: {', '.join(named)}")
    return "On real structure beside synthetic the cost " + "; ".join(parts) + "."


def difference_words(difference: ExponentDifference) -> str:
    """``+0.12 (−0.05 to 0.30)``; ``–`` without two exponents."""
    if difference.value is None:
        return words.UNKNOWN
    said = f"{difference.value:+.2f}".replace("-", words.MINUS)
    spread = words.interval(difference.low, difference.high)
    return f"{said} ({spread})" if spread else said


def beside_rules() -> str:
    """How the verdicts come about, in one paragraph."""
    return (
        "Difference: exponent of time on the real ladder less that on the synthetic one, with its "
        "95 % interval recovered from the two intervals (Zou & Donner 2008). Differs: the interval "
        f"excludes 0. Same: it lies within ±{SAME:g}. Else they cannot be told apart. The ratio is "
        "that of the times at the largest size solved on both."
    )


def _partners(real: Ladder, ladders: Sequence[Ladder]) -> list[Ladder]:
    """Synthetic ladders of the machine that overlap in size; those of the same suite first."""
    key = _machine(real)
    fits = [
        lad
        for lad in ladders
        if not lad.real
        and _machine(lad) == key
        and max(lad.sizes[0], real.sizes[0]) < min(lad.sizes[-1], real.sizes[-1]) * NEAR_SIZE
    ]
    own = [lad for lad in fits if _suites(lad) & _suites(real)]
    return own or fits


def _machine(ladder: Ladder) -> str:
    return str(ladder.cells[0].record.machine.get("id") or ladder.machine)


def _suites(ladder: Ladder) -> set[str]:
    return {c.record.suite for c in ladder.cells if c.record.suite}


def _compare(series: str, real: Ladder, synthetic: Ladder, measure: Measure) -> RealBeside:
    fits = fit_ladder(real, series, measure), fit_ladder(synthetic, series, measure)
    goods, ratio = _at_largest(series, real, synthetic)
    return RealBeside(
        series, real, synthetic, fits, compare_exponents(*fits), goods=goods, ratio=ratio
    )


def _at_largest(series: str, real: Ladder, synthetic: Ladder) -> tuple[int | None, float | None]:
    """Largest size solved on both, and the ratio of the seconds there."""
    for size in reversed(real.sizes):
        near = [n for n in synthetic.sizes if abs(math.log(n / size)) <= math.log(NEAR_SIZE)]
        times = _median_seconds(real, series, size)
        if times is None or not near:
            continue
        closest = min(near, key=lambda n: abs(math.log(n / size)))
        theirs = _median_seconds(synthetic, series, closest)
        if theirs:
            return size, times / theirs
    return None, None


def _median_seconds(ladder: Ladder, series: str, size: int) -> float | None:
    cells = ladder.at(series, size)
    return median_or_failure([c.seconds if c.solved else None for c in cells])
