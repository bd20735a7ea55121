"""Tables of growth: exponents, reach, predictions, and real structure against synthetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from planbench.report import words
from planbench.report.ladders import Ladder, Measure, last_slope
from planbench.report.predictions import (
    SIZES,
    SPANS,
    Outlook,
    estimate_words,
    growth_of,
    outlook,
    vague,
)
from planbench.report.real import RealBeside, beside_rules, difference_words
from planbench.report.style import in_order
from planbench.report.table import Column, Entry, Mark, Table, number, power_entry
from planbench.stats.growth import Estimate, Growth
from planbench.stats.scaling import LocalSlope

_WHAT = {"seconds": "time", "passes": "matrix passes", "bytes": "peak memory"}
_SOLVER = Column("solver", "solver", fold=True, broken=11)

FORMATS: dict[str, Callable[[float | None], str]] = {
    "seconds": words.long_seconds,
    "passes": words.size,
    "bytes": words.large_bytes,
}


def growth_table(
    ladder: Ladder, outlooks: Sequence[Outlook], measure: Measure, width: int
) -> Table:
    """Sizes and runs of the fit, supported laws, exponents with intervals, the last local slope.

    Sizes are those that tell the cost exactly. Runs that finished below a solver's fixed cost stand
    among the bounds, as do stopped ones.
    """
    measures: tuple[Measure, ...] = ("seconds", "passes") if measure == "seconds" else (measure,)
    narrow = width < Table.wide
    rows = []
    for found in outlooks:
        growth = growth_of(found, measure)
        fit = growth.fit
        span = words.UNKNOWN
        if fit.smallest is not None:
            end = "\n" if narrow else ""
            span = f"{words.size(fit.smallest)}–{end}{words.size(fit.largest)}"
        rows.append(
            [
                Entry(found.series),
                Entry(span),
                Entry(f"{fit.n_points}, {fit.n_censored}"),
                Entry(growth.law or fit.reason.split(" (")[0], mark="" if growth.law else "none"),
                *(_exponent(growth_of(found, shown)) for shown in measures),
                _slope(last_slope(ladder, found.series, measure)),
            ]
        )
    return Table(
        title=f"Growth of {_WHAT[measure]} on the ladder {ladder.name}",
        columns=(
            Column("solver", "solver", whole=True, broken=11),
            Column("goods,\nexact", "number", whole=True),
            Column("runs,\n≥, ≤", "number", whole=True),
            Column("law", fold=True, broken=7),
            *(Column(_WHAT[shown].replace(" ", "\n"), "number", whole=True) for shown in measures),
            Column("last\nstep", "number", whole=True),
        ),
        rows=rows,
    )


def reach_table(ladder: Ladder, outlooks: Sequence[Outlook]) -> Table:
    """Largest number of goods for a second, a minute, an hour and a day."""
    return Table(
        title=f"Largest economy planned on the ladder {ladder.name}, in goods",
        columns=(
            _SOLVER,
            *(Column(f"in {_article(name)} {name}", "number", fold=True) for name, _ in SPANS),
        ),
        rows=[
            [Entry(found.series), *(_estimate(e, words.size) for e in found.reach)]
            for found in outlooks
            if found.seconds.fit.exponent is not None
        ],
    )


def prediction_table(ladder: Ladder, outlooks: Sequence[Outlook], measure: Measure) -> Table:
    """Predicted cost at 12 million and 12 billion goods; for times the memory too."""
    kinds: tuple[Measure, ...] = ("seconds", "bytes") if measure == "seconds" else (measure,)
    label = {"seconds": "time", "passes": "passes", "bytes": "memory"}
    return Table(
        title=f"Predicted from the ladder {ladder.name}",
        columns=(
            _SOLVER,
            *(
                Column(f"{label[kind]} for\n{words.size(size)}", "number", fold=True)
                for kind in kinds
                for size in SIZES
            ),
        ),
        rows=[
            [
                Entry(found.series),
                *(_estimate(e, FORMATS[kind]) for kind in kinds for e in _at_sizes(found, kind)),
            ]
            for found in outlooks
            if any(growth_of(found, kind).fit.exponent is not None for kind in kinds)
        ],
    )


def predictions_table(ladder: Ladder) -> Table:
    """Laws, reach and predicted costs on a ladder, for a page."""
    outlooks = [outlook(ladder, series) for series in in_order(list(ladder.series))]
    return Table(
        columns=(
            Column("solver", "solver"),
            Column("laws not\nexcluded", "law"),
            *(Column(f"goods in\n{_article(name)} {name}", "number") for name, _ in SPANS),
            *(Column(f"time for\n{words.size(size)}", "number") for size in SIZES),
            *(Column(f"memory for\n{words.size(size)}", "number") for size in SIZES),
        ),
        rows=[
            [
                Entry(found.series),
                Entry(
                    found.seconds.law or found.seconds.fit.reason,
                    mark="" if found.seconds.law else "none",
                ),
                *(_estimate(e, words.size) for e in found.reach),
                *(_estimate(e, words.long_seconds) for e in found.time),
                *(_estimate(e, words.large_bytes) for e in found.bytes),
            ]
            for found in outlooks
            if found.seconds.fit.exponent is not None or found.memory.fit.exponent is not None
        ],
    )


def beside_table(found: Sequence[RealBeside]) -> Table:
    """Growth on ladders made from real tables against that on synthetic ones."""
    marks: dict[str, Mark] = {"differs": "warn", "same": "good"}
    rows = []
    for one in found:
        difference = one.difference
        said = difference_words(difference)
        at = f"\nat {words.size(one.goods)}" if one.goods is not None else ""
        rows.append(
            [
                Entry(one.series),
                Entry(f"{one.real.name} /\n{one.synthetic.name}"),
                Entry(one.real.name),
                Entry(one.synthetic.name),
                *(Entry(words.exponent(fit.exponent)) for fit in one.fits),
                *(power_entry(fit) for fit in one.fits),
                Entry(said.replace(" (", "\n(")),
                number(said, difference.value),
                Entry(words.times(one.ratio) + at),
                number(words.count(one.goods), one.goods),
                number(words.times(one.ratio), one.ratio),
                Entry(difference.likeness, mark=marks.get(difference.likeness, "none")),
            ]
        )
    return Table(
        title="Real structure beside synthetic",
        caption=beside_rules(),
        columns=(
            _SOLVER,
            Column("real /\nsynthetic", fold=True, places="terminal"),
            Column("real", "short", places="page"),
            Column("synthetic", "short", places="page"),
            Column("real", "number", whole=True, places="terminal"),
            Column("synthetic", "number", whole=True, places="terminal"),
            Column("real\ngrows as", "number", places="page"),
            Column("synthetic\ngrows as", "number", places="page"),
            Column("difference", "number", fold=True, places="terminal"),
            Column("difference", "number", places="page"),
            Column("time over\nsynthetic", "number", places="terminal"),
            Column("goods", "number", places="page"),
            Column("time, real\nover synthetic", "number", places="page"),
            Column("verdict", fold=True),
        ),
        rows=rows,
    )


def _article(span: str) -> str:
    return "an" if span == "hour" else "a"


def _at_sizes(found: Outlook, kind: Measure) -> tuple[Estimate | None, ...]:
    return {"seconds": found.time, "passes": found.work, "bytes": found.bytes}[kind]


def _exponent(growth: Growth) -> Entry:
    fit = growth.fit
    if fit.exponent is None:
        return Entry(words.UNKNOWN, mark="none")
    spread = words.interval(fit.low, fit.high)
    return Entry(words.exponent(fit.exponent), fit.exponent, note=spread)


def _estimate(estimate: Estimate | None, shown: Callable[[float | None], str]) -> Entry:
    """Prediction with its interval; where it is vague, it does not count in sorting."""
    value, spread = estimate_words(estimate, shown)
    if estimate is None or estimate.value is None or vague(estimate):
        return Entry(value, mark="none")
    return Entry(value, estimate.value, note=spread, below=True)


def _slope(slope: LocalSlope | None) -> Entry:
    if slope is None:
        return Entry(words.UNKNOWN)
    return Entry(f"{'≥ ' if slope.at_least else ''}{words.exponent(slope.exponent)}")
