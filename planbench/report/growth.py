"""What ladders say of growth: exponents, predictions, and whether real structure differs.

*Predictions*: how large an economy in an hour, how long for 12 million goods. The sizes are those
of the debate: 12 million variables and a thousand times as many (Shalizi 2012).

*Real structure*: a ladder whose economies are split from a real table, or made by figures fitted
to one, is compared with each synthetic ladder of the same machine, solver by solver: how its cost
grows on both, and what it costs at the largest size that it solved on both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import planbench.formatting as fmt
from planbench.report.instances import outcome_words
from planbench.report.ladders import (
    Ladder,
    fit_ladder,
    largest_solved,
    study_ladder,
)
from planbench.report.results import COSTS, Measure, machine_key
from planbench.report.table import Column, Entry, Mark, Table, number
from planbench.stats.aggregate import median_or_failure
from planbench.stats.growth import (
    FURTHEST,
    SAME,
    Estimate,
    ExponentDifference,
    Growth,
    PowerLawFit,
    compare_exponents,
)

#: Sizes up to this factor apart are compared: goods are split into near-equal numbers.
NEAR_SIZE = 1.1


@dataclass(frozen=True)
class RealComparison:
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


def compare_real(ladders: Sequence[Ladder]) -> list[RealComparison]:
    """Compare each real ladder with the synthetic ones that overlap it in size."""
    found = []
    for real in (lad for lad in ladders if lad.real):
        for synthetic in _partners(real, ladders):
            for series in (s for s in real.series if s in synthetic.series):
                real_fit, other_fit = (
                    fit_ladder(ladder, series, "seconds") for ladder in (real, synthetic)
                )
                found.append(
                    RealComparison(
                        series,
                        real,
                        synthetic,
                        (real_fit, other_fit),
                        compare_exponents(real_fit, other_fit),
                        *_at_largest(series, real, synthetic),
                    )
                )
    return [f for f in found if f.difference.value is not None or f.ratio is not None]


def real_rules() -> str:
    """How the verdicts come about, in one paragraph."""
    return (
        "Difference: exponent of time on the real ladder less that on the synthetic one, with its "
        "95 % interval recovered from the two intervals (Zou & Donner 2008). Differs: the interval "
        f"excludes 0. Same: it lies within ±{SAME:g}. Else they are indistinguishable. The ratio "
        "is that of the times at the largest size solved on both."
    )


def _partners(real: Ladder, ladders: Sequence[Ladder]) -> list[Ladder]:
    """Synthetic ladders of the machine that overlap in size; those of the same suite first."""

    def suites(ladder: Ladder) -> set[str]:
        return {c.record.suite for c in ladder.results if c.record.suite}

    key = machine_key(real.results[0].record)
    fits = [
        lad
        for lad in ladders
        if not lad.real
        and machine_key(lad.results[0].record) == key
        and max(lad.sizes[0], real.sizes[0]) < min(lad.sizes[-1], real.sizes[-1]) * NEAR_SIZE
    ]
    return [lad for lad in fits if suites(lad) & suites(real)] or fits


def _at_largest(series: str, real: Ladder, synthetic: Ladder) -> tuple[int | None, float | None]:
    """Largest size solved on both, and the ratio of the seconds there."""

    def median_seconds(ladder: Ladder, size: int) -> float | None:
        results = ladder.at(series, size)
        return median_or_failure([c.seconds if c.solved else None for c in results])

    for size in reversed(real.sizes):
        closest = min(synthetic.sizes, key=lambda n: abs(math.log(n / size)))
        if abs(math.log(closest / size)) <= math.log(NEAR_SIZE):
            times, theirs = median_seconds(real, size), median_seconds(synthetic, closest)
            if times is not None and theirs:
                return size, times / theirs
    return None, None


#: Name and seconds of the spans for which the largest economy is predicted.
SPANS = (("second", 1.0), ("minute", 60.0), ("hour", 3600.0), ("day", 86400.0))
#: Numbers of goods at which costs are predicted.
SIZES = (12e6, 12e9)
#: Where the ends of an interval differ by more than this factor, no figure can be named.
VAGUE = 1e3
#: Shown instead of such a prediction.
TOO_UNCERTAIN = "too uncertain"


@dataclass(frozen=True)
class Predictions:
    """Predictions for one solver on one ladder.

    Attributes
    ----------
    series : str
    growths : mapping of Measure to Growth
        How each cost grows.
    reach : tuple of Estimate or None
        Largest number of goods for each of :data:`SPANS`; None without an exponent.
    costs : mapping of Measure to tuple of (Estimate or None)
        Each cost at each of :data:`SIZES`.
    """

    series: str
    growths: Mapping[Measure, Growth]
    reach: tuple[Estimate | None, ...]
    costs: Mapping[Measure, tuple[Estimate | None, ...]]


def predict(ladder: Ladder, series: str) -> Predictions:
    """Predict for one solver what its runs on `ladder` allow to."""
    growths = {measure: study_ladder(ladder, series, measure) for measure in COSTS}
    seconds = growths["seconds"]
    known = seconds.fit.exponent is not None
    return Predictions(
        series,
        growths,
        tuple(seconds.largest_for(span) if known else None for _, span in SPANS),
        {
            measure: tuple(
                growth.cost_at(size) if growth.fit.exponent is not None else None for size in SIZES
            )
            for measure, growth in growths.items()
        },
    )


def vague(estimate: Estimate) -> bool:
    """Whether the interval is open or spans more than :data:`VAGUE`: no figure can be named."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return True
    return estimate.high > VAGUE * estimate.low


def estimate_words(
    estimate: Estimate | None, shown: Callable[[float | None], str]
) -> tuple[str, str]:
    """Value and interval, with ``!`` where they extrapolate; words where it is vague."""
    if estimate is None:
        return fmt.UNKNOWN, ""
    if estimate.low is None or estimate.high is None or vague(estimate):
        return TOO_UNCERTAIN, ""
    mark = "!" if estimate.extrapolates else ""
    return shown(estimate.value) + mark, fmt.between(shown(estimate.low), shown(estimate.high))


def warnings(predictions: Sequence[Predictions], measure: Measure = "seconds") -> list[str]:
    """Say plainly what the predictions of a ladder rest on and how far they can be believed."""
    fitted = [g for o in predictions if (g := o.growths[measure]).fit.exponent is not None]
    if not fitted:
        return []
    largest = max(g.fit.largest or 0.0 for g in fitted)
    said = [
        f"!: more than {FURTHEST:g} times the largest economy that the solver finished "
        f"({fmt.size(largest)} goods at most on this ladder). Intervals cover the scatter "
        "about the laws that are not excluded; they cover no change of regime beyond what was "
        "measured, such as memory that runs out or a method that breaks down."
    ]
    if any(vague(g.cost_at(n)) for g in fitted for n in SIZES):
        said.append(
            f"“{TOO_UNCERTAIN}”: the interval is open or spans more than a factor of "
            f"{VAGUE:,.0f}; too few runs finished."
        )
    return said


def growth_table(
    ladder: Ladder, predictions: Sequence[Predictions], measure: Measure = "seconds"
) -> Table:
    """Supported laws, and exponents with intervals.

    On the terminal with the sizes and runs of the fit: sizes are those at which the cost is known
    exactly; runs that finished below a solver's fixed cost are counted among the bounds, as are
    stopped ones. On a page with the largest economy solved, and the smallest not solved.
    """
    shown: tuple[Measure, ...] = ("seconds", "passes") if measure == "seconds" else (measure,)
    rows = []
    for found in predictions:
        growth = found.growths[measure]
        fit = growth.fit
        top = largest_solved(ladder, found.series)
        goods, time, gap = (top.goods, top.seconds, top.raw_gap) if top else (None, None, None)
        rows.append(
            [
                Entry(found.series),
                number(fmt.count(goods), goods),
                number(fmt.seconds(time), time),
                number(fmt.gap(gap), gap),
                Entry(
                    fmt.size(fit.smallest),
                    note=f"to {fmt.size(fit.largest)}" if fit.smallest is not None else "",
                ),
                Entry(f"{fit.n_points}, {fit.n_censored}"),
                # Laws not excluded, or why there are none.
                Entry(growth.law or fit.reason.split(" (")[0], hint=fit.reason),
                *(power_entry(found.growths[kind].fit) for kind in shown),
                power_entry(found.growths["bytes"].fit),
                _failure(ladder, found.series),
            ]
        )
    return Table(
        title=f"Growth of {COSTS[measure].name} on the ladder {ladder.name}",
        columns=(
            Column("solver", "solver"),
            Column("largest\nsolved", "number", places="page"),
            Column("time\nthere", "number", places="page"),
            Column("raw gap\nthere", "number", places="page"),
            Column("goods,\nexact", "number", places="terminal"),
            Column("runs,\n≥, ≤", "number", places="terminal"),
            Column("laws not\nexcluded", "law"),
            *(Column(f"growth of\n{COSTS[kind].short}", "number") for kind in shown),
            Column("growth of\nmemory", "number", places="page"),
            Column("first not solved", places="page"),
        ),
        rows=rows,
    )


def power_entry(fit: PowerLawFit) -> Entry:
    """Entry with a fitted exponent and its interval, or why there is none."""
    if fit.exponent is None:
        return Entry(fit.reason.split(" (")[0], mark="none", hint=fit.reason)
    return Entry(fmt.exponent(fit.exponent), fit.exponent, note=fmt.interval(fit.low, fit.high))


def _failure(ladder: Ladder, series: str) -> Entry:
    """Smallest economy not solved, and how it ended."""
    failed = [c for c in ladder.results if c.series == series and not c.solved and c.goods]
    result = min(failed, key=lambda c: c.goods or 0, default=None)
    if result is None:
        return Entry(fmt.UNKNOWN, mark="none")
    what = f"{fmt.count(result.goods)} goods: {outcome_words(result)}"
    if result.status == "loose":
        what += f", raw gap {fmt.gap(result.raw_gap)}"
    marks: dict[str, Mark] = {"wrong": "bad", "crash": "bad", "loose": "warn", "unproven": "warn"}
    return Entry(what, mark=marks.get(result.status, ""))


def predictions_tables(
    ladder: Ladder, predictions: Sequence[Predictions], measure: Measure = "seconds"
) -> list[Table]:
    """Costs at 12 million and 12 billion goods; a row for each solver with an exponent.

    Of seconds, first the largest economies for a second to a day, and the memory too.
    """
    kinds: tuple[Measure, ...] = ("seconds", "bytes") if measure == "seconds" else (measure,)

    def table(
        what: str, headings: list[str], found: Callable[[Predictions], list[Entry | None]]
    ) -> Table:
        rows = [(Entry(solver.series), found(solver)) for solver in predictions]
        return Table(
            title=f"{what} predicted from the ladder {ladder.name}",
            columns=(Column("solver", "solver"), *(Column(name, "number") for name in headings)),
            rows=[
                [solver, *(entry or number("", None) for entry in entries)]
                for solver, entries in rows
                if any(entries)
            ],
        )

    costs = table(
        "Costs",
        [f"{COSTS[kind].short} for\n{fmt.size(size)}" for kind in kinds for size in SIZES],
        lambda one: [
            _estimate(e, COSTS[kind].predicted) for kind in kinds for e in one.costs[kind]
        ],
    )
    reach = table(
        "Largest economies",
        [f"goods in\na{'n' if name == 'hour' else ''} {name}" for name, _ in SPANS],
        lambda one: [_estimate(e, fmt.size) for e in one.reach if measure == "seconds"],
    )
    return [table for table in (reach, costs) if table.rows]


def real_table(found: Sequence[RealComparison]) -> Table:
    """Growth on ladders made from real tables against that on synthetic ones."""
    marks: dict[str, Mark] = {"differs": "warn", "same": "good"}
    return Table(
        title="Real and synthetic structure",
        caption=real_rules(),
        columns=(
            Column("solver", "solver"),
            Column("real", "short"),
            Column("synthetic", "short"),
            Column("real\ngrows as", "number"),
            Column("synthetic\ngrows as", "number"),
            Column("difference", "number"),
            Column("time over\nsynthetic", "number"),
            Column("verdict"),
        ),
        rows=[
            [
                Entry(one.series),
                Entry(one.real.name),
                Entry(one.synthetic.name),
                *(power_entry(fit) for fit in one.fits),
                _difference(one.difference),
                Entry(
                    fmt.times(one.ratio),
                    one.ratio,
                    note="" if one.goods is None else f"at {fmt.size(one.goods)}",
                ),
                Entry(one.difference.likeness, mark=marks.get(one.difference.likeness, "none")),
            ]
            for one in found
        ],
    )


def _difference(difference: ExponentDifference) -> Entry:
    """``+0.12``, noted ``−0.05 to 0.30``; ``–`` without two exponents."""
    if difference.value is None:
        return number("", None)
    said = f"{difference.value:+.2f}".replace("-", fmt.MINUS)
    return Entry(said, difference.value, note=fmt.interval(difference.low, difference.high))


def _estimate(estimate: Estimate | None, shown: Callable[[float | None], str]) -> Entry | None:
    """Prediction with its interval; where it is vague, it does not count in sorting."""
    if estimate is None:
        return None
    value, spread = estimate_words(estimate, shown)
    if not spread:
        return Entry(value, mark="none")
    return Entry(value, estimate.value, note=spread)
