"""Terminal tables of ``planbench scaling``: growth, reach, predictions, means and profiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.table import Table
from rich.text import Text

from planbench.report import words
from planbench.report.cells import Cell
from planbench.report.ladders import Ladder, Measure, last_slope
from planbench.report.predictions import (
    SIZES,
    SPANS,
    Outlook,
    estimate_words,
    growth_of,
)
from planbench.report.real import RealBeside, beside_rules, difference_words
from planbench.report.scores import (
    SUMMARY_PENALTY,
    SUMMARY_SHIFT,
    profile_seconds,
    score_rules,
    standings,
)
from planbench.report.table import plain_table
from planbench.stats.growth import Estimate, Growth
from planbench.stats.profile import Profile, performance_profile
from planbench.stats.scaling import LocalSlope

_WHAT = {"seconds": "time", "passes": "matrix passes", "bytes": "peak memory"}
#: Columns of the terminal from which a figure and its interval stand on one line.
WIDE = 120
#: Factors of the fastest at which a performance profile is read off.
FACTORS = (1.0, 2.0, 10.0)


def growth_table(
    ladder: Ladder, outlooks: Sequence[Outlook], measure: Measure, width: int
) -> Table:
    """Sizes and runs of the fit, supported laws, exponents with intervals, the last local slope.

    Sizes are those that tell the cost exactly. Runs that finished below a solver's fixed cost stand
    among the bounds, as do stopped ones.
    """
    table = plain_table(f"Growth of {_WHAT[measure]} on the ladder {ladder.name}")
    table.add_column("solver", no_wrap=True)
    table.add_column("goods,\nexact", justify="right", no_wrap=True)
    table.add_column("runs,\n≥, ≤", justify="right", no_wrap=True)
    table.add_column("law", overflow="fold")
    for shown in _measures(measure):
        table.add_column(f"{_WHAT[shown].replace(' ', chr(10))}", justify="right", no_wrap=True)
    table.add_column("last\nstep", justify="right", no_wrap=True)
    for found in outlooks:
        growth = growth_of(found, measure)
        fit = growth.fit
        narrow = width < WIDE
        span = words.UNKNOWN
        if fit.smallest is not None:
            span = f"{words.size(fit.smallest)}–{chr(10) * narrow}{words.size(fit.largest)}"
        law = growth.law or fit.reason.split(" (")[0]
        if narrow:
            law = words.broken(law, 7)
        table.add_row(
            Text(_name(found.series, width)),
            span,
            f"{fit.n_points}, {fit.n_censored}",
            Text(law, style="" if growth.law else "dim"),
            *[_exponent(growth_of(found, m), width) for m in _measures(measure)],
            _slope(last_slope(ladder, found.series, measure)),
        )
    return table


def reach_table(ladder: Ladder, outlooks: Sequence[Outlook], width: int) -> Table:
    """Largest number of goods for a second, a minute, an hour and a day."""
    table = plain_table(f"Largest economy planned on the ladder {ladder.name}, in goods")
    table.add_column("solver", overflow="fold")
    for name, _ in SPANS:
        article = "an" if name == "hour" else "a"
        table.add_column(f"in {article} {name}", justify="right", overflow="fold")
    for found in outlooks:
        if found.seconds.fit.exponent is None:
            continue
        table.add_row(
            Text(_name(found.series, width)),
            *[_estimate(e, words.size, width) for e in found.reach],
        )
    return table


def prediction_table(
    ladder: Ladder, outlooks: Sequence[Outlook], measure: Measure, width: int
) -> Table:
    """Predicted cost at 12 million and 12 billion goods; for times the memory too."""
    table = plain_table(f"Predicted from the ladder {ladder.name}")
    table.add_column("solver", overflow="fold")
    shown: tuple[Measure, ...] = ("seconds", "bytes") if measure == "seconds" else (measure,)
    for kind in shown:
        for size in SIZES:
            label = {"seconds": "time", "passes": "passes", "bytes": "memory"}[kind]
            table.add_column(f"{label} for\n{words.size(size)}", justify="right", overflow="fold")
    for found in outlooks:
        if all(growth_of(found, kind).fit.exponent is None for kind in shown):
            continue
        row: list[Text] = []
        for kind in shown:
            estimates = {"seconds": found.time, "passes": found.work, "bytes": found.bytes}[kind]
            row += [_estimate(e, FORMATS[kind], width) for e in estimates]
        table.add_row(Text(_name(found.series, width)), *row)
    return table


def means_table(
    cells: Sequence[Cell],
    *,
    shift: float = SUMMARY_SHIFT,
    penalty: float = SUMMARY_PENALTY,
) -> Table:
    """Shifted geometric means in both modes, and the performance profile read at three factors."""
    found = standings(cells, shift=shift, penalty=penalty)
    profiles = {p.solver: p for p in performance_profile(profile_seconds(cells))}
    table = plain_table("All instances")
    common = found[0].score.n_common if found else 0
    table.caption = (
        f"{score_rules(common, shift, penalty)} Right: share of the instances it was run "
        "on, solved within this factor of the fastest solver (Dolan & Moré 2002)."
    )
    table.add_column("solver", overflow="fold")
    table.add_column("solved", justify="right", no_wrap=True)
    table.add_column("left out", overflow="fold")
    table.add_column("mean,\nfailures\ncharged", justify="right")
    table.add_column("over the\nfastest\nother", justify="right")
    table.add_column("mean,\nsolved\nby all", justify="right")
    for factor in FACTORS:
        table.add_column(f"within\n{factor:g}x", justify="right", no_wrap=True)
    for standing in found:
        score = standing.score
        table.add_row(
            Text(words.broken(score.solver, 17)),
            f"{score.solved} of {score.attempted}",
            Text(standing.left_out.replace(", ", "\n"), style="dim"),
            words.seconds(score.mean_all),
            words.times(score.against_others),
            words.seconds(score.mean_common),
            *[_share(profiles.get(score.solver), f) for f in FACTORS],
        )
    return table


def _share(profile: Profile | None, factor: float) -> str:
    """Share within a factor; nothing for who was run on nothing that is its task."""
    return words.UNKNOWN if profile is None else f"{100 * profile.share_within(factor):.0f} %"


def beside_table(found: Sequence[RealBeside], width: int) -> Table:
    """Growth on ladders made from real tables beside that on synthetic ones."""
    table = plain_table("Real structure beside synthetic")
    table.caption = beside_rules()
    table.add_column("solver", overflow="fold")
    table.add_column("real /\nsynthetic", overflow="fold")
    table.add_column("real", justify="right", no_wrap=True)
    table.add_column("synthetic", justify="right", no_wrap=True)
    table.add_column("difference", justify="right", overflow="fold")
    table.add_column("time over\nsynthetic", justify="right")
    table.add_column("verdict", overflow="fold")
    for one in found:
        at = f"\nat {words.size(one.goods)}" if one.goods is not None else ""
        table.add_row(
            Text(_name(one.series, width)),
            Text(f"{one.real.name} /\n{one.synthetic.name}"),
            *[Text(words.exponent(fit.exponent)) for fit in one.fits],
            Text(difference_words(one.difference).replace(" (", "\n(")),
            Text(words.times(one.ratio) + at),
            Text(one.difference.likeness),
        )
    return table


FORMATS: dict[str, Callable[[float | None], str]] = {
    "seconds": words.long_seconds,
    "passes": words.size,
    "bytes": words.large_bytes,
}


def _measures(measure: Measure) -> tuple[Measure, ...]:
    """Measures whose exponents stand side by side."""
    return ("seconds", "passes") if measure == "seconds" else (measure,)


def _name(series: str, width: int) -> str:
    return series if width >= WIDE else words.broken(series, 11)


def _exponent(growth: Growth, width: int) -> Text:
    fit = growth.fit
    if fit.exponent is None:
        return Text(words.UNKNOWN, style="dim")
    return _joined(words.exponent(fit.exponent), words.interval(fit.low, fit.high), width)


def _estimate(estimate: Estimate | None, shown: Callable[[float | None], str], width: int) -> Text:
    value, spread = estimate_words(estimate, shown)
    if not spread:
        return Text(value, style="dim")
    return _joined(value, spread, width)


def _joined(value: str, spread: str, width: int) -> Text:
    text = Text(value)
    if spread:
        text.append((" " if width >= WIDE else "\n") + spread, style="dim")
    return text


def _slope(slope: LocalSlope | None) -> str:
    if slope is None:
        return words.UNKNOWN
    return f"{'≥ ' if slope.at_least else ''}{words.exponent(slope.exponent)}"
