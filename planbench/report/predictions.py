"""What a ladder predicts: how large an economy in an hour, how long for 12 million goods.

The sizes are those of the debate: 12 million variables and a thousand times as many (Shalizi
2012).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from planbench.report import words
from planbench.report.ladders import Ladder, Measure, study_ladder
from planbench.stats.growth import FURTHEST, Estimate, Growth

#: Name and seconds of the spans for which the largest economy is predicted.
SPANS = (("second", 1.0), ("minute", 60.0), ("hour", 3600.0), ("day", 86400.0))
#: Numbers of goods at which costs are predicted.
SIZES = (12e6, 12e9)
#: Where the ends of an interval differ by more than this factor, it is printed without a value.
VAGUE = 1e3
#: Where they differ by more than this, the interval says nothing: it is not printed.
HOPELESS = 1e6
#: Stands for such a prediction.
UNTOLD = "cannot be told"


@dataclass(frozen=True)
class Outlook:
    """Predictions for one solver on one ladder.

    Attributes
    ----------
    series : str
    seconds, passes, memory : Growth
        How each cost grows.
    reach : tuple of Estimate or None
        Largest number of goods for each of :data:`SPANS`; None without an exponent.
    time, work, bytes : tuple of Estimate or None
        Seconds, matrix passes and bytes at each of :data:`SIZES`.
    """

    series: str
    seconds: Growth
    passes: Growth
    memory: Growth
    reach: tuple[Estimate | None, ...]
    time: tuple[Estimate | None, ...]
    work: tuple[Estimate | None, ...]
    bytes: tuple[Estimate | None, ...]


def outlook(ladder: Ladder, series: str) -> Outlook:
    """Predict for one solver what its runs on `ladder` allow to."""
    seconds, passes, memory = (
        study_ladder(ladder, series, measure) for measure in ("seconds", "passes", "bytes")
    )
    known = seconds.fit.exponent is not None
    return Outlook(
        series=series,
        seconds=seconds,
        passes=passes,
        memory=memory,
        reach=tuple(seconds.largest_for(span) if known else None for _, span in SPANS),
        time=_at_sizes(seconds),
        work=_at_sizes(passes),
        bytes=_at_sizes(memory),
    )


def _at_sizes(growth: Growth) -> tuple[Estimate | None, ...]:
    if growth.fit.exponent is None:
        return (None,) * len(SIZES)
    return tuple(growth.cost_at(size) for size in SIZES)


def growth_of(found: Outlook, measure: Measure) -> Growth:
    """Growth of one cost."""
    return {"seconds": found.seconds, "passes": found.passes, "bytes": found.memory}[measure]


def vague(estimate: Estimate) -> bool:
    """Whether the interval is open or spans more than :data:`VAGUE`: no figure can be named."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return True
    return estimate.high > VAGUE * estimate.low


def estimate_words(
    estimate: Estimate | None, shown: Callable[[float | None], str]
) -> tuple[str, str]:
    """Value and interval, with ``!`` where they extrapolate.

    Where the interval is vague it stands alone, for a value before it would be believed; where it
    is open or spans more than :data:`HOPELESS`, words stand for both.
    """
    if estimate is None:
        return words.UNKNOWN, ""
    mark = "!" if estimate.extrapolates else ""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return UNTOLD, ""
    spread = words.between(shown(estimate.low), shown(estimate.high))
    if estimate.high > HOPELESS * estimate.low:
        return UNTOLD, ""
    return (spread + mark, "") if vague(estimate) else (shown(estimate.value) + mark, spread)


def warnings(
    ladder: Ladder, outlooks: Sequence[Outlook], measure: Measure = "seconds"
) -> list[str]:
    """Say plainly what the predictions of a ladder rest on and how far they can be believed."""
    growths = {o.series: growth_of(o, measure) for o in outlooks}
    fitted = {name: g for name, g in growths.items() if g.fit.exponent is not None}
    said = []
    if fitted:
        largest = max(g.fit.largest or 0.0 for g in fitted.values())
        said.append(
            f"!: more than {FURTHEST:g} times the largest economy that the solver finished "
            f"({words.size(largest)} goods at most on this ladder). Intervals cover the scatter "
            "about the laws that are not excluded; they cover no change of regime beyond what was "
            "measured, such as memory that runs out or a method that breaks down."
        )
    hazy = [
        o.series
        for o in outlooks
        if o.series in fitted and any(vague(growths[o.series].cost_at(n)) for n in SIZES)
    ]
    if hazy:
        said.append(
            f"A range alone: the interval spans more than a factor of {VAGUE:,.0f}, so that no "
            f"figure can be named. “{UNTOLD}”: it spans more than a factor of {HOPELESS:,.0f}, or "
            "is open; too few runs finished."
        )
    alike = [name for name, g in fitted.items() if g.undecided]
    if alike:
        said.append(f"n log n and n^b cannot be told apart: {', '.join(alike)}.")
    unfit = [f"{name} ({g.fit.reason})" for name, g in growths.items() if name not in fitted]
    if unfit:
        said.append(f"No exponent: {', '.join(unfit)}.")
    return said
