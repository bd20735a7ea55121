"""Published claims on the difficulty of planning, held against what was measured.

Rules of the verdicts, the same for every claim of a kind:

*Exponents.* ``contradicted``: the 95 % interval of the exponent of the best general solver (that
which solved the largest economy fastest) excludes what the claim predicts. ``supported``: it
holds the prediction and is at most :data:`NARROW` wide. Else ``cannot be told``. Without an
exponent: ``not measured``.

*Factors.* ``supported`` from :data:`FAR` times, ``contradicted`` up to :data:`NEAR` times, else
``cannot be told``. A run that was stopped tells of a factor "at least".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from planbench.records.schema import Record
from planbench.report import words
from planbench.report.cells import TARGET_GAP, Cell
from planbench.report.headline import find_summit
from planbench.report.kinds import is_planner
from planbench.report.ladders import Ladder, fit_ladder
from planbench.report.predictions import SIZES, estimate_words, outlook
from planbench.report.sweeps import Sweep, find_sweeps
from planbench.stats.accuracy import TimeToAccuracy, time_to_accuracy
from planbench.stats.models import n_log_n_exponent
from planbench.stats.scaling import PowerLawFit

Verdict = Literal[
    "contradicted",
    "supported",
    "cannot be told with these data",
    "not measured in this run",
]

#: Width of the interval of an exponent up to which it supports a claim that it holds.
NARROW = 0.5
#: "Far cheaper" is at least this factor; at most the other is no difference to speak of.
FAR, NEAR = 10.0, 2.0
#: Knob of the suites that says what share of the inputs crosses regions.
COUPLING = "cross_share"
#: Rounds that are said to give four digits.
ROUNDS = 15.0

UNKNOWN: Verdict = "cannot be told with these data"
UNMEASURED: Verdict = "not measured in this run"


@dataclass(frozen=True)
class Finding:
    """A claim and what the records say of it.

    Attributes
    ----------
    claim, who, predicted : str
    measured : str
        In words, of the best general solver.
    each : tuple of (str, str, Verdict)
        Solver, its figure, and the verdict by it alone.
    verdict : Verdict
    """

    claim: str
    who: str
    predicted: str
    measured: str
    each: tuple[tuple[str, str, Verdict], ...]
    verdict: Verdict


def judge_claims(
    records: Sequence[Record], cells: Sequence[Cell], ladder: Ladder | None
) -> list[Finding]:
    """Judge every claim of the debate, tested or not.

    Parameters
    ----------
    records : sequence of Record
    cells : sequence of Cell
        Of these records.
    ladder : Ladder or None
        The ladder whose exponents count.
    """
    top = _top_exponent(ladder)
    return [
        _square(ladder),
        _growth(
            ladder,
            "The cost of interior-point methods, (m+n)^1.5 n^2 log(1/h), grows with about the "
            "power 3.5 of size: 12 million variables in a second mean 1,000 years for 12 billion",
            "Shalizi 2012",
            "n^3.5",
            (3.5, 3.5),
            predict=True,
        ),
        _growth(
            ladder,
            "Inputs per product are few, so a plan costs about n log n",
            "Cockshott & Cottrell",
            f"n log n, here like n^{top:.2f}" if top else "n log n",
            (1.0, top or 1.0),
        ),
        _rounds(cells),
        _growth(
            ladder,
            "Ten thousand times more choices cost 100 million times more computation",
            "a critic",
            "n^2",
            (2.0, 2.0),
        ),
        _good_enough(records),
        _coupling(cells),
        Finding(
            "A shock (tin becomes scarce) needs a fresh plan before it is stale",
            "Hayek",
            "re-planning from the old plan takes as long as planning",
            "",
            (),
            UNMEASURED,
        ),
        _prices(cells),
        Finding(
            "Planning with bad data is worthless",
            "several",
            "noise in the coefficients destroys the value of the plan",
            "",
            (),
            UNMEASURED,
        ),
    ]


def exponent_verdict(fit: PowerLawFit, low: float, high: float) -> Verdict:
    """Hold a predicted exponent (or a range of them) against a fitted one."""
    if fit.exponent is None:
        return UNMEASURED if fit.n_sizes == 0 else UNKNOWN
    if fit.low is None or fit.high is None:
        return UNKNOWN
    if fit.high < low or fit.low > high:
        return "contradicted"
    return "supported" if fit.high - fit.low <= NARROW else UNKNOWN


def _growth(
    ladder: Ladder | None,
    claim: str,
    who: str,
    predicted: str,
    exponents: tuple[float, float],
    *,
    predict: bool = False,
) -> Finding:
    best = best_general(ladder)
    if ladder is None or best is None:
        return Finding(claim, who, predicted, "", (), UNMEASURED)
    each = []
    for series in ladder.series:
        fit = fit_ladder(ladder, series, "seconds")
        if fit.exponent is not None:
            each.append((series, _power(fit), exponent_verdict(fit, *exponents)))
    fit = fit_ladder(ladder, best, "seconds")
    said = f"{best}: {_power(fit)}"
    passes = fit_ladder(ladder, best, "passes")
    if passes.exponent is not None:
        said += f"; in matrix passes {_power(passes)}"
    if predict and fit.exponent is not None:
        times = outlook(ladder, best).time
        for size, estimate in zip(SIZES, times, strict=True):
            value, spread = estimate_words(estimate, words.long_seconds)
            said += f"; at {words.size(size)} goods {value}" + (f" ({spread})" if spread else "")
    return Finding(claim, who, predicted, said, tuple(each), exponent_verdict(fit, *exponents))


def best_general(ladder: Ladder | None) -> str | None:
    """Series of the general LP solver that solved the largest economy of a ladder fastest."""
    if ladder is None:
        return None
    general = tuple(c for c in ladder.cells if not is_planner(c.solver))
    summit = find_summit(
        Ladder(ladder.name, ladder.machine, general, ladder.sizes, ladder.series, ladder.fixed)
    )
    return summit.cell.series if summit else None


def _square(ladder: Ladder | None) -> Finding:
    measured = ""
    if ladder is not None:
        facts = max((c.record.instance for c in ladder.cells), key=lambda f: f.goods or 0)
        filled = facts.nonzeros / (facts.rows * facts.columns)
        measured = (
            f"{words.count(facts.goods)} goods are {words.count(facts.rows)} rows and "
            f"{words.count(facts.columns)} columns, {100 * filled:.2g} % of them filled; how "
            "sparse generated economies are is up to their recipe"
        )
    return Finding(
        "The problem is a linear program over an enormous square matrix, a row and a column per "
        "product",
        "common",
        "n^2 entries",
        measured,
        (),
        UNKNOWN if measured else UNMEASURED,
    )


def _rounds(cells: Sequence[Cell]) -> Finding:
    claim = "Four digits of the optimum take about 15 rounds over the matrix"
    who, predicted = "Cockshott & Cottrell", f"{ROUNDS:g} matrix passes"
    done = [c for c in cells if c.solved and c.passes and c.raw_gap is not None and c.goods]
    done = [c for c in done if (c.raw_gap or 0.0) <= TARGET_GAP]
    if not done:
        return Finding(claim, who, predicted, "", (), UNMEASURED)
    largest = max(c.goods or 0 for c in done)
    there = [c for c in done if c.goods == largest]
    best = min(there, key=lambda c: c.passes or math.inf)
    factor = (best.passes or 0.0) / ROUNDS
    there = [c for c in there if c.sha256 == best.sha256]
    each = tuple(
        (c.series, f"{words.passes(c.passes)} passes", _factor_verdict((c.passes or 0.0) / ROUNDS))
        for c in there
    )
    said = f"{best.series}: {words.passes(best.passes)} passes at {words.count(largest)} goods"
    return Finding(claim, who, predicted, said, each, _factor_verdict(factor))


def _factor_verdict(factor: float) -> Verdict:
    """Whether a predicted figure is met within :data:`NEAR`, or missed by :data:`FAR`."""
    if 1 / NEAR <= factor <= NEAR:
        return "supported"
    return "contradicted" if factor >= FAR or factor <= 1 / FAR else UNKNOWN


def _good_enough(records: Sequence[Record]) -> Finding:
    claim = "A good enough approximation is far cheaper than the optimum"
    who, predicted = "writers on platform socialism", f"at least {FAR:g} times less time"
    reached = [t for t in time_to_accuracy(records) if t.reached]
    targets = sorted({t.target for t in reached}, reverse=True)
    if len(targets) < 2:
        return Finding(claim, who, predicted, "", (), UNMEASURED)
    loose, tight = targets[0], targets[-1]
    best = _ratios(_fastest(reached), loose, tight)
    if not best:
        return Finding(claim, who, predicted, "", (), UNMEASURED)
    each = []
    for solver in dict.fromkeys(t.solver for t in reached):
        own = _ratios([t for t in reached if t.solver == solver], loose, tight)
        if own:
            ratio = float(np.exp(np.mean(np.log(own))))
            each.append((solver, f"{ratio:.1f} times", _saving(ratio)))
    ratio = float(np.exp(np.mean(np.log(best))))
    said = (
        f"a gap of {words.gap(tight)} takes {ratio:.1f} times as long as {words.gap(loose)}, each "
        f"by the fastest solver (geometric mean over {len(best)} instances)"
    )
    return Finding(claim, who, predicted, said, tuple(each), _saving(ratio))


def _saving(ratio: float) -> Verdict:
    if ratio >= FAR:
        return "supported"
    return "contradicted" if ratio <= NEAR else UNKNOWN


def _fastest(reached: Sequence[TimeToAccuracy]) -> list[TimeToAccuracy]:
    best: dict[tuple[str, str, float], TimeToAccuracy] = {}
    for one in reached:
        place = one.sha256, one.machine, one.target
        if place not in best or one.seconds < best[place].seconds:
            best[place] = one
    return list(best.values())


def _ratios(reached: Sequence[TimeToAccuracy], loose: float, tight: float) -> list[float]:
    """Seconds at the tight target over those at the loose one, per instance that has both."""
    at = {(t.sha256, t.machine, t.target): t.seconds for t in reached}
    places = dict.fromkeys((t.sha256, t.machine) for t in reached)
    pairs = [(at.get((*p, tight)), at.get((*p, loose))) for p in places]
    return [slow / fast for slow, fast in pairs if slow and fast]


def _coupling(cells: Sequence[Cell]) -> Finding:
    """Cost of planning regions together where much of their inputs crosses, over where little."""
    claim = "Parts that trade little can be planned in parallel; coupling destroys it"
    who = "Kornai & Lipták; a critic"
    predicted = f"at least {FAR:g} times the time where most inputs cross regions"
    found: list[tuple[str, float, bool, Sweep]] = []
    for sweep in find_sweeps(cells):
        if sweep.knob == COUPLING:
            for series in dict.fromkeys(c.series for _, c in sweep.points):
                costs = _ends([(v, c) for v, c in sweep.points if c.series == series])
                if costs is not None:
                    found.append((series, *costs, sweep))
    if not found:
        return Finding(claim, who, predicted, "", (), UNMEASURED)
    each = tuple(
        (series, f"{'at least ' if more else ''}{ratio:.2g} times", _coupled(ratio, more))
        for series, ratio, more, _ in found
    )
    general = [f for f in found if not is_planner(f[0].split(" ")[0])] or found
    # Who solved the most coupled economy fastest, as with the exponents.
    series, ratio, more, sweep = min(general, key=lambda f: (f[2], _seconds_at_top(f[0], f[3])))
    shares = sorted({v for v, _ in sweep.points})
    said = (
        f"{series}: {'at least ' if more else ''}{ratio:.2g} times as long where "
        f"{100 * shares[-1]:g} % of the inputs cross regions as where {100 * shares[0]:g} % do "
        f"({words.count(sweep.goods)} goods, one solver for all regions at once)"
    )
    return Finding(claim, who, predicted, said, each, _coupled(ratio, more))


def _ends(points: Sequence[tuple[float, Cell]]) -> tuple[float, bool] | None:
    """Seconds at the greatest share over those at the least; whether it is only known as more."""
    if len(points) < 2:
        return None
    (_, first), (_, last) = points[0], points[-1]
    if not first.solved or not first.seconds or not last.seconds:
        return None
    if not last.solved and last.status not in ("timeout", "memory", "loose"):
        return None
    return last.seconds / first.seconds, not last.solved


def _coupled(ratio: float, more: bool) -> Verdict:
    if ratio >= FAR:
        return "supported"
    return "contradicted" if ratio <= NEAR and not more else UNKNOWN


def _seconds_at_top(series: str, sweep: Sweep) -> float:
    own = [c.seconds for _, c in sweep.points if c.series == series]
    return own[-1] or math.inf


def _prices(cells: Sequence[Cell]) -> Finding:
    claim = "What planning lacks is prices, so opportunity costs cannot be known"
    who, predicted = "Mises; Hayek", "no plan comes with prices that prove it"
    finished = [c for c in cells if c.finished and c.goods is not None and c.solver != "null"]
    if not finished:
        return Finding(claim, who, predicted, "", (), UNMEASURED)
    each = []
    for series in dict.fromkeys(c.series for c in finished):
        mine = [c for c in finished if c.series == series]
        good = sum(_proven(c) for c in mine)
        share: Verdict = "contradicted" if 2 * good >= len(mine) else UNKNOWN
        each.append((series, f"{good} of {len(mine)}", share))
    good = sum(map(_proven, finished))
    said = (
        f"{good} of {len(finished)} plans came with prices (the duals) which prove them within "
        f"{words.gap(TARGET_GAP)} of the optimum"
    )
    verdict: Verdict = "contradicted" if 2 * good >= len(finished) else UNKNOWN
    return Finding(claim, who, predicted, said, tuple(each), verdict)


def _proven(cell: Cell) -> bool:
    return cell.raw_gap is not None and cell.raw_gap <= TARGET_GAP


def _top_exponent(ladder: Ladder | None) -> float | None:
    """Exponent n log n shows over the sizes that the best general solver finished."""
    best = best_general(ladder)
    if ladder is None or best is None:
        return None
    fit = fit_ladder(ladder, best, "seconds")
    if fit.smallest is None or fit.largest is None or fit.smallest == fit.largest:
        return None
    return n_log_n_exponent(fit.smallest, fit.largest)


def _power(fit: PowerLawFit) -> str:
    if fit.exponent is None:
        return fit.reason
    spread = words.interval(fit.low, fit.high)
    return words.exponent(fit.exponent) + (f" ({spread})" if spread else "")
