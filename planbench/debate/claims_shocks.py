"""Claims on what disturbs a plan: coupled regions, shocks, wrong data.

Their rules are those of :mod:`planbench.debate.claims`; a run that was stopped tells of a factor
"at least".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from planbench.debate.finding import FAR, NEAR, UNKNOWN, UNMEASURED, Finding, Verdict
from planbench.debate.study_tables import NoiseLoss, Replanned, noise_losses, replanned
from planbench.records.schema import Record
from planbench.report import words
from planbench.report.cells import TARGET_GAP, Cell
from planbench.report.kinds import is_planner
from planbench.report.sweeps import Sweep, find_sweeps

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


def judge_coupling(cells: Sequence[Cell]) -> Finding:
    """Judge what planning regions together costs where much of their inputs crosses."""
    claim = "Parts that trade little can be planned in parallel; coupling destroys it"
    who = "Kornai & Lipták; a critic"
    predicted = f"at least {FAR:g} times the time where most inputs cross regions"
    found: list[tuple[str, float, bool, Sweep]] = []
    for sweep in find_sweeps(cells):
        # Without a point at which most inputs cross, coupling was not put to the test.
        if sweep.knob != COUPLING or sweep.values[-1] < MOST:
            continue
        for series in sweep.series:
            costs = _ends(sweep, series)
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
    shares = sweep.values
    said = (
        f"{series}: {'at least ' if more else ''}{ratio:.2g} times as long where "
        f"{100 * shares[-1]:g} % of the inputs cross regions as where {100 * shares[0]:g} % do "
        f"({words.count(sweep.goods)} goods, one solver for all regions at once)"
    )
    return Finding(claim, who, predicted, said, each, _coupled(ratio, more))


def _ends(sweep: Sweep, series: str) -> tuple[float, bool] | None:
    """Seconds at the greatest share over those at the least; whether it is only known as more."""
    first, last = (sweep.at(series, value) for value in (sweep.values[0], sweep.values[-1]))
    if first is None or last is None or not first.solved or not first.seconds or not last.seconds:
        return None
    if not last.solved and last.status not in ("timeout", "memory", "loose"):
        return None
    return last.seconds / first.seconds, not last.solved


def _coupled(ratio: float, more: bool) -> Verdict:
    if ratio >= FAR:
        return "supported"
    return "contradicted" if ratio <= NEAR and not more else UNKNOWN


def _seconds_at_top(series: str, sweep: Sweep) -> float:
    cell = sweep.at(series, sweep.values[-1])
    return (cell.seconds if cell is not None else None) or math.inf


def judge_replanning(records: Sequence[Record]) -> Finding:
    """Judge how soon there is a fresh plan after a shock."""
    claim = "A shock (tin becomes scarce) needs a fresh plan before it is stale"
    who, predicted = "Hayek", f"a fresh plan takes more than {words.seconds(STALE)}"
    found = replanned(records, TARGET_GAP)
    if not found:
        return Finding(claim, who, predicted, "", (), UNMEASURED)
    each = tuple(
        (
            r.solver,
            f"{words.count(r.goods)} goods: {words.seconds(r.warm)} from the old plan, "
            f"{words.seconds(r.cold)} from nothing",
            _fresh(r),
        )
        for r in found
    )
    largest = max(r.goods or 0 for r in found)
    best = min((r for r in found if (r.goods or 0) == largest), key=_soonest)
    counted = "; ".join(f"{kind} {warm:,} and {cold:,}" for kind, cold, warm in best.counts)
    said = (
        f"{best.solver}, {words.plain(best.instance)}: {words.seconds(best.warm)} from the old "
        f"plan, {words.seconds(best.cold)} from nothing" + (f" ({counted})" if counted else "")
    )
    saving = max(found, key=lambda r: r.saving)
    if saving.saving > NEAR:
        said += (
            f"; most is saved by {saving.solver} at {words.count(saving.goods)} goods: "
            f"{saving.saving:,.3g} times faster from the old plan"
        )
    return Finding(claim, who, predicted, said, each, _fresh(best))


def _soonest(one: Replanned) -> float:
    return min(one.cold, one.warm)


def _fresh(one: Replanned) -> Verdict:
    """Judge the sooner of the two plans, where the economy is large enough to tell."""
    if (one.goods or 0) < LEAST_GOODS:
        return UNKNOWN
    if _soonest(one) <= FRESH:
        return "contradicted"
    return "supported" if _soonest(one) > STALE else UNKNOWN


def judge_bad_data(records: Sequence[Record]) -> Finding:
    """Judge what plans made from wrong coefficients lose in the true economy."""
    claim, who = "Planning with bad data is worthless", "several"
    predicted = (
        f"with coefficients off by {100 * NOISE:g} % at least {100 * WORTHLESS:g} % of the value "
        "is lost"
    )
    losses = noise_losses(records)
    told = [x for x in losses if x.noise > 0 and x.kept is not None]
    if not told:
        return Finding(claim, who, predicted, "", (), UNMEASURED)
    each = tuple(
        (
            x.solver,
            f"{words.plain(x.instance)}, off by {100 * x.noise:g} %: {_lost(x)}",
            _worth(x) if x.noise == NOISE else UNKNOWN,
        )
        for x in told
    )
    judged = [x for x in told if x.noise == NOISE]
    if not judged:
        return Finding(claim, who, predicted, "", each, UNMEASURED)
    worst = max(judged, key=lambda x: x.kept or 0.0)
    said = (
        f"off by {100 * NOISE:g} %, {words.plain(worst.instance)} ({worst.solver}, median of "
        f"{worst.plans}): {_lost(worst)}"
    )
    return Finding(claim, who, predicted, said, each, _worth(worst))


def _lost(loss: NoiseLoss) -> str:
    said = []
    if loss.techniques is not None:
        said.append(
            f"at most {100 * loss.techniques:.2g} % of the value lost where goods are made by the "
            "techniques planned"
        )
    if loss.levels is not None:
        said.append(
            f"at most {100 * loss.levels:.2g} % where every activity runs at the level planned, "
            "cut until nothing is short"
        )
    return "; ".join(said)


def _worth(loss: NoiseLoss) -> Verdict:
    lost = loss.kept or 0.0
    if lost >= WORTHLESS:
        return "supported"
    return "contradicted" if lost <= loss.noise else UNKNOWN
