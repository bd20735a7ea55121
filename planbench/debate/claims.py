"""Published claims on the difficulty of planning, held against what was measured.

Rules of the verdicts, the same for every claim of a kind:

*Exponents.* ``contradicted``: the 95 % interval of the exponent of the best general solver (that
which solved the largest economy fastest) excludes what the claim predicts. ``supported``: it
holds the prediction and is at most :data:`NARROW` wide. Else ``undecided``. Without an
exponent: ``not measured``. That planning *can* be done in n log n is a claim that one way of doing
it is enough for: it is judged by the best solver of all, planners among them. What is claimed of
interior-point methods is judged by the best of these.

A ladder bears a claim only with economies of :data:`LEAST_SIZES` sizes or more that were solved,
the largest at least :data:`SPREAD` times the smallest: otherwise nothing is said of growth, rounds,
accuracy or prices. Replanning is judged from :data:`LEAST_GOODS`
goods on.

*Factors.* ``supported`` from :data:`FAR` times, ``contradicted`` up to :data:`NEAR` times, else
``undecided``; a run that was stopped bounds a factor from below.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import planbench.formatting as fmt
from planbench.debate.studies import noise_losses, replanned
from planbench.formatting import plural
from planbench.records.schema import Record
from planbench.report.growth import SIZES, estimate_words, predict
from planbench.report.headline import find_largest_solved, power_words
from planbench.report.ladders import YARDSTICK, Ladder, fit_ladder, headline_ladder
from planbench.report.results import TARGET_GAP, AggregatedResult
from planbench.report.scores import is_interior_point, is_planner
from planbench.report.sweeps import Sweep, find_sweeps
from planbench.stats.accuracy import TimeToAccuracy, time_to_accuracy
from planbench.stats.fits import LEAST_SIZES, n_log_n_exponent
from planbench.stats.growth import PowerLawFit

Verdict = Literal[
    "contradicted", "supported", "undecided by these data", "not measured in this run"
]

#: Width of the interval of an exponent up to which it supports a claim that it holds.
NARROW = 0.5
#: "Far cheaper" is at least this factor; at most the other is no difference to speak of.
FAR, NEAR = 10.0, 2.0

UNKNOWN: Verdict = "undecided by these data"
UNMEASURED: Verdict = "not measured in this run"


@dataclass(frozen=True)
class JudgedClaim:
    """A claim and what the records say of it.

    Attributes
    ----------
    claim, who, predicted : str
    measured : str
        In words, of the solver that is judged.
    verdict : Verdict
    """

    claim: str
    who: str
    predicted: str
    measured: str = ""
    verdict: Verdict = "not measured in this run"


@dataclass(frozen=True)
class Evidence:
    """What claims are judged by: records, results, and the ladder that counts, if any."""

    records: Sequence[Record]
    results: Sequence[AggregatedResult]
    ladder: Ladder | None


#: Knob of the suites that says what share of the inputs crosses regions.
COUPLING = "cross_share"
#: Seconds up to which a fresh plan is in time, and beyond which it is stale.
FRESH, STALE = 3600.0, 86400.0
#: Goods from which on replanning is judged: an economy of a handful is replanned by hand.
LEAST_GOODS = 1000
#: Share of the inputs from which on most of them cross.
MOST = 0.5
#: Errors at which plans from bad data are judged, and the loss from which one is worthless.
NOISE, WORTHLESS = 0.1, 0.5
#: Largest over smallest economy solved on a ladder that bears a claim.
SPREAD = 10.0
#: Rounds that are said to give four digits.
ROUNDS = 15.0

#: What was measured, in words, and the verdict.
Judgement: TypeAlias = tuple[str, Verdict]
#: Judges a claim; None where it was not put to the test.
Judge: TypeAlias = Callable[[Evidence], Judgement | None]
#: What is said, who says it, what it predicts, and how it is judged; in the order of the page.
CLAIMS: list[tuple[str, str, str, Judge]] = []


def _claim(claim: str, who: str, predicted: str) -> Callable[[Judge], Judge]:
    """Register how a claim is judged."""

    def register(judge: Judge) -> Judge:
        CLAIMS.append((claim, who, predicted, judge))
        return judge

    return register


def judge_claims(
    records: Sequence[Record], results: Sequence[AggregatedResult], ladder: Ladder | None
) -> list[JudgedClaim]:
    """Judge every claim of the debate, tested or not.

    Parameters
    ----------
    records : sequence of Record
    results : sequence of AggregatedResult
        Of these records.
    ladder : Ladder or None
        The ladder that counts; None, or one that bears no claims, leaves them untested.
    """
    able = ladder if ladder is not None and bears_claims(ladder) else None
    evidence = Evidence(records, results, able)
    return [
        JudgedClaim(claim, who, predicted, *(judge(evidence) or ()))
        for claim, who, predicted, judge in CLAIMS
    ]


def bears_claims(ladder: Ladder) -> bool:
    """Whether economies of enough sizes, far enough apart, were solved on a ladder."""
    sizes = {c.goods for c in ladder.results if c.solved and c.goods}
    return len(sizes) >= LEAST_SIZES and max(sizes) >= SPREAD * min(sizes)


def claims_ladder(ladders: Sequence[Ladder]) -> Ladder | None:
    """Choose the ladder by which claims are judged; None where none can bear it."""
    able = [ladder for ladder in ladders if bears_claims(ladder)]
    return headline_ladder(able) if able else None


def best_general(ladder: Ladder | None) -> str | None:
    """Series of the general LP solver that solved the largest economy of a ladder fastest."""
    return _best(ladder, lambda solver: not is_planner(solver))


def _best(ladder: Ladder | None, kind: Callable[[str], bool] = lambda _: True) -> str | None:
    """Series of the solver of one kind that solved the largest economy of a ladder fastest."""
    if ladder is None:
        return None
    results = tuple(c for c in ladder.results if kind(c.solver))
    largest = find_largest_solved(replace(ladder, results=results))
    return largest.result.series if largest else None


def exponent_verdict(fit: PowerLawFit, low: float, high: float) -> Verdict:
    """Hold a predicted exponent (or a range of them) against a fitted one."""
    if fit.exponent is None:
        return UNMEASURED if fit.n_sizes == 0 else UNKNOWN
    if fit.low is None or fit.high is None:
        return UNKNOWN
    if fit.high < low or fit.low > high:
        return "contradicted"
    return "supported" if fit.high - fit.low <= NARROW else UNKNOWN


def _growth_words(ladder: Ladder, series: str) -> str:
    said = f"{series}: {power_words(fit_ladder(ladder, series, 'seconds'))}"
    passes = fit_ladder(ladder, series, "passes")
    return said + (
        f"; in matrix passes {power_words(passes)}" if passes.exponent is not None else ""
    )


def _proven(result: AggregatedResult) -> bool:
    return result.raw_gap is not None and result.raw_gap <= TARGET_GAP


def _at_least(more: bool) -> str:
    return "at least " if more else ""


def _far(ratio: float, more: bool) -> Verdict:
    """Judge "at least :data:`FAR` times" by a ratio, which may be a lower bound only."""
    if ratio >= FAR:
        return "supported"
    return "contradicted" if ratio <= NEAR and not more else UNKNOWN


# Judges.


@_claim(
    "The problem is a linear program over an enormous square matrix, a row and a column per "
    "product",
    "common",
    "n^2 entries",
)
def _square(evidence: Evidence) -> Judgement | None:
    if evidence.ladder is None:
        return None
    facts = max((c.record.instance for c in evidence.ladder.results), key=lambda f: f.goods or 0)
    filled = facts.nonzeros / (facts.rows * facts.columns)
    said = (
        f"{fmt.count(facts.goods)} goods are {fmt.count(facts.rows)} rows and "
        f"{fmt.count(facts.columns)} columns, {100 * filled:.2g} % of them filled; how "
        "sparse generated economies are is up to their recipe"
    )
    return said, UNKNOWN


@_claim(
    "The cost of interior-point methods, (m+n)^1.5 n^2 log(1/h), grows with about the power 3.5 "
    "of size: 12 million variables in a second mean 1,000 years for 12 billion",
    "Shalizi 2012",
    "n^3.5",
)
def _interior_point(evidence: Evidence) -> Judgement | None:
    """Judge the cost of interior-point methods by these, and say what others need."""
    ladder, general = evidence.ladder, best_general(evidence.ladder)
    if ladder is None or general is None:
        return None
    best = _best(ladder, is_interior_point)
    said = "no interior-point solver solved any"
    verdict: Verdict = UNMEASURED
    if best is not None:
        said = _growth_words(ladder, best)
        verdict = exponent_verdict(fit_ladder(ladder, best, "seconds"), 3.5, 3.5)
    if general != best:
        said += f"; any general method: {_growth_words(ladder, general)}"
    if fit_ladder(ladder, general, "seconds").exponent:
        for size, estimate in zip(SIZES, predict(ladder, general).costs["seconds"], strict=True):
            value, spread = estimate_words(estimate, fmt.long_seconds)
            said += f"; at {fmt.size(size)} goods {value}" + (f" ({spread})" if spread else "")
    return said, verdict


@_claim(
    "Inputs per product are few, so a plan costs about n log n", "Cockshott & Cottrell", "n log n"
)
def _log_linear(evidence: Evidence) -> Judgement | None:
    """Judge n log n by whoever is best: one way to do it is enough."""
    ladder, best = evidence.ladder, _best(evidence.ladder)
    if ladder is None or best is None:
        return None
    fit = fit_ladder(ladder, best, "seconds")
    said, top = _growth_words(ladder, best), 1.0
    if fit.smallest is not None and fit.largest is not None and fit.smallest != fit.largest:
        top = n_log_n_exponent(fit.smallest, fit.largest)
        said += f"; n log n grows like n^{top:.2f} here"
    return said, exponent_verdict(fit, 1.0, top)


@_claim(
    "Four digits of the optimum take about 15 rounds over the matrix",
    "Cockshott & Cottrell",
    f"{ROUNDS:g} matrix passes",
)
def _rounds(evidence: Evidence) -> Judgement | None:
    results = evidence.ladder.results if evidence.ladder is not None else ()
    done = [c for c in results if c.solved and c.passes and c.goods and _proven(c)]
    if not done:
        return None
    largest = max(c.goods or 0 for c in done)
    best = min((c for c in done if c.goods == largest), key=lambda c: c.passes or math.inf)
    said = f"{best.series}: {fmt.passes(best.passes)} passes at {fmt.count(largest)} goods"
    factor = (best.passes or 0.0) / ROUNDS
    if 1 / NEAR <= factor <= NEAR:
        return said, "supported"
    return said, "contradicted" if factor >= FAR or factor <= 1 / FAR else UNKNOWN


@_claim(
    "Ten thousand times more choices cost 100 million times more computation", "a critic", "n^2"
)
def _quadratic(evidence: Evidence) -> Judgement | None:
    ladder, best = evidence.ladder, best_general(evidence.ladder)
    if ladder is None or best is None:
        return None
    verdict = exponent_verdict(fit_ladder(ladder, best, "seconds"), 2.0, 2.0)
    return _growth_words(ladder, best), verdict


@_claim(
    "A good enough approximation is far cheaper than the optimum",
    "writers on platform socialism",
    f"at least {FAR:g} times less time",
)
def _good_enough(evidence: Evidence) -> Judgement | None:
    """Compare the least seconds to the tightest target with those to the loosest.

    Where all who could have reached the tight target were stopped at the time limit, the least
    of the seconds they had spent is a bound: to leave such instances out would leave the easy
    ones only.
    """
    on_ladder = {c.sha256 for c in evidence.ladder.results} if evidence.ladder else set()
    places: dict[tuple[str, str], list[TimeToAccuracy]] = {}
    targets: set[float] = set()
    for one in time_to_accuracy(evidence.records):
        if one.solver != YARDSTICK and one.sha256 in on_ladder:
            targets.add(one.target)
            if one.seconds > 0:
                places.setdefault((one.sha256, one.machine), []).append(one)
    loose, tight = max(targets, default=0.0), min(targets, default=0.0)
    logs: list[float] = []
    more = False
    for here in places.values():
        fast = [t.seconds for t in here if t.target == loose and t.reached]
        slow = [t.seconds for t in here if t.target == tight and t.reached]
        stopped = [t.seconds for t in here if t.target == tight and t.end == "timeout"]
        if fast and (slow or stopped):
            more = more or not slow
            logs.append(math.log(min(slow or stopped) / min(fast)))
    if loose == tight or not logs:
        return None
    ratio = math.exp(sum(logs) / len(logs))
    said = (
        f"a gap of {fmt.gap(tight)} takes {_at_least(more)}{ratio:.1f} times as long "
        f"as {fmt.gap(loose)}, each by the fastest solver (geometric mean over "
        f"{plural(len(logs), 'instance')})"
    )
    return said, _far(ratio, more)


@_claim(
    "Parts that trade little can be planned in parallel; coupling destroys it",
    "Kornai & Lipták; a critic",
    f"at least {FAR:g} times the time where most inputs cross regions",
)
def _coupling(evidence: Evidence) -> Judgement | None:
    """Judge what planning regions together costs where much of their inputs crosses."""
    found: list[tuple[bool, bool, float, str, float, Sweep]] = []
    for sweep in find_sweeps(evidence.results):
        low, high = sweep.values[0], sweep.values[-1]
        # Without a point at which most inputs cross, coupling was not put to the test.
        if sweep.knob != COUPLING or high < MOST:
            continue
        for series in sweep.series:
            first, last = sweep.at(series, low), sweep.at(series, high)
            if first is None or last is None or not first.solved:
                continue
            known = last.solved or last.status in ("timeout", "memory", "loose")
            if known and first.seconds and last.seconds:
                planner = is_planner(series.split(" ")[0])
                ratio = last.seconds / first.seconds
                found.append((planner, not last.solved, last.seconds, series, ratio, sweep))
    if not found:
        return None
    # General solvers first; of these who solved the most coupled economy fastest.
    _, more, _, series, ratio, sweep = min(found, key=lambda f: f[:3])
    said = (
        f"{series}: {_at_least(more)}{ratio:.2g} times as long where "
        f"{100 * sweep.values[-1]:g} % of the inputs cross regions as where "
        f"{100 * sweep.values[0]:g} % do "
        f"({fmt.count(sweep.goods)} goods, one solver for all regions at once)"
    )
    return said, _far(ratio, more)


@_claim(
    "A shock (tin becomes scarce) needs a fresh plan before it is stale",
    "Hayek",
    f"a fresh plan takes more than {fmt.seconds(STALE)}",
)
def _replanning(evidence: Evidence) -> Judgement | None:
    """Judge how soon there is a fresh plan after a shock."""
    found = replanned(evidence.records, TARGET_GAP)
    if not found:
        return None
    best = min(found, key=lambda r: (-(r.goods or 0), min(r.cold, r.warm)))
    counted = "; ".join(f"{kind} {warm:,} and {cold:,}" for kind, cold, warm in best.counts)
    said = (
        f"{best.solver}, {fmt.plain(best.instance)}: {fmt.seconds(best.warm)} from the old "
        f"plan, {fmt.seconds(best.cold)} from nothing" + (f" ({counted})" if counted else "")
    )
    saving = max(found, key=lambda r: r.saving)
    if saving.saving > NEAR:
        said += (
            f"; most is saved by {saving.solver} at {fmt.count(saving.goods)} goods: "
            f"{saving.saving:,.3g} times faster from the old plan"
        )
    seconds = min(best.cold, best.warm)
    if (best.goods or 0) < LEAST_GOODS or FRESH < seconds <= STALE:
        return said, UNKNOWN
    return said, "contradicted" if seconds <= FRESH else "supported"


@_claim(
    "What planning lacks is prices, so opportunity costs cannot be known",
    "Mises; Hayek",
    "no plan comes with prices that prove it",
)
def _prices(evidence: Evidence) -> Judgement | None:
    ladder = evidence.ladder
    finished = [c for c in ladder.results if c.finished] if ladder is not None else []
    if not finished:
        return None
    proven = sum(map(_proven, finished))
    said = (
        f"{proven} of {len(finished)} plans came with prices (the duals) which prove them within "
        f"{fmt.gap(TARGET_GAP)} of the optimum"
    )
    return said, "contradicted" if 2 * proven >= len(finished) else UNKNOWN


@_claim(
    "Planning with bad data is worthless",
    "several",
    f"with coefficients off by {100 * NOISE:g} % at least {100 * WORTHLESS:g} % of the value is "
    "lost",
)
def _bad_data(evidence: Evidence) -> Judgement | None:
    """Judge what plans made from wrong coefficients lose in the true economy."""
    losses = [x for x in noise_losses(evidence.records) if x.noise == NOISE and x.kept is not None]
    if not losses:
        return None
    worst = max(losses, key=lambda x: x.kept or 0.0)
    lost = worst.kept or 0.0
    said = []
    if worst.techniques is not None:
        said.append(
            f"at most {100 * worst.techniques:.2g} % of the value lost where goods are made by "
            "the techniques planned"
        )
    if worst.levels is not None:
        said.append(
            f"at most {100 * worst.levels:.2g} % where every activity runs at the level planned, "
            "cut until nothing is short"
        )
    measured = (
        f"off by {100 * NOISE:g} %, {fmt.plain(worst.instance)} ({worst.solver}, median of "
        f"{worst.plans}): {'; '.join(said)}"
    )
    if lost >= WORTHLESS:
        return measured, "supported"
    return measured, "contradicted" if lost <= worst.noise else UNKNOWN
