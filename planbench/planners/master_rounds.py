"""The rounds of ``two-level``: rents down, prices, techniques and needs up, until bounds meet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.planners import kernels_close, master, state_direct
from planbench.planners.master_bundle import (
    Bundle,
    Offer,
    best_mix,
    mix_offers,
    next_sigma,
)
from planbench.planners.state import Ended, Report
from planbench.planners.state_rounds import (
    Best,
    Rounds,
    answer,
    factorise,
    left_of_endowments,
    worth_of,
)
from planbench.planners.state_sectors import forget_shares, settle_contents

MOST_ROUNDS = 300
#: Rounds in which the gap does not even halve after which planning stops.
STALL = 60
#: Memory for the techniques the centre's model knows: share of the economy's, and at least.
MODEL_SHARE, MODEL_LEAST = 0.5, 128 << 20
#: Proposals that may disappoint before the centre falls back on mixing whole plans.
FAILURES = 3
#: Sweeps a round over the table of resource contents, at most. More make the model truer than it
#: need be: with two, rounds are as many as with eight, and each sweep costs a product per resource.
SWEEPS = 2
#: Prices this many tolerances below what the cheapest techniques cost were swept too slowly.
SLOW = 30.0
#: Steps of the interior point method that solves the model.
STEPS = 40
#: Techniques within this share of the cheapest are always in the model.
LEAST_MARGIN = 1e-3
#: And within this multiple of the relative gap.
MARGIN_OF_GAP = 2.0


def run_rounds(rounds: Rounds, gap: float, report: Report) -> tuple[Best, int, Ended]:
    """Go on until the bounds are within `gap` of one another.

    Returns
    -------
    Best
    rounds : int
    ended : {"optimal", "time-limit", "stalled", "unbounded"}
    """
    best = Best()
    since, mark, marked = 0, 1.0, 0
    for number in range(1, MOST_ROUNDS + 1):
        before = best.gap
        tolerance = max(gap / 20, min(1e-2, 0.02 * rounds.expected))
        answered = answer(rounds, best, tolerance)
        if isinstance(answered, str):
            return best, number, answered
        needs, value = answered
        average = float(rounds.sigma @ needs)
        report(
            f"round {number}: lower {best.lower:.12g}, upper {best.upper:.12g}, "
            f"gap {best.gap:.3g}, mixing {average / value - 1:.1e}, "
            f"imbalance {(needs.max() - average) / value:.1e}, width {rounds.width:.1e}, "
            f"passes {rounds.meter.passes:.1f}, {rounds.meter.seconds:.2f} s"
        )
        if best.gap <= gap:
            return best, number, "optimal"
        if rounds.meter.over():
            return best, number, "time-limit"
        # The bundle's plans are of the cheapest techniques: what they cost is what prices say.
        swept = rounds.bundle is not None and rounds.direct is None
        if swept and average > value * (1.0 + SLOW * tolerance) and factorise(rounds):
            mark, marked = best.gap, number
        since = 0 if best.gap < 0.8 * before else since + 1
        if best.gap < 0.5 * mark:
            mark, marked = best.gap, number
        if number - marked >= STALL:
            break
        if rounds.bundle is not None or since > FAILURES:
            if mix(rounds, best, needs, value, gap):
                return best, number, "optimal"
        else:
            if since:
                rounds.margin *= 4.0
            propose(rounds, needs, value, gap)
    return best, number, "stalled"


def mix(rounds: Rounds, best: Best, needs: FloatArray, value: float, gap: float) -> bool:
    """Mix the plans offered so far and choose rents by the level bundle; True when done."""
    sectors = rounds.sectors
    counts = np.diff(sectors.techniques.first)
    if rounds.bundle is None:
        rounds.bundle = Bundle(most=2 * needs.size + 20)
    bundle = rounds.bundle
    assert rounds.parts is not None
    weights = best_mix(bundle.needs)[0] if bundle.offers else None
    bundle.add(Offer(needs, rounds.y.copy(), sectors.share.copy(), rounds.parts), weights)
    if value >= rounds.kept_value:
        rounds.kept_sigma, rounds.kept_value = rounds.sigma, value
    weights, bound = best_mix(bundle.needs)
    lower = (1.0 - left_of_endowments(rounds.economy)) / bound
    if lower > best.lower:
        best.lower = lower
        best.y, best.share, best.parts = mix_offers(bundle.offers, weights, counts)
        if best.gap <= gap:
            return True
    assert rounds.kept_sigma is not None
    rounds.sigma = next_sigma(bundle.needs, rounds.kept_sigma, rounds.kept_value, bound)
    rounds.expected = 0.01 * best.gap
    rounds.width = 0.0
    return False


def propose(rounds: Rounds, needs: FloatArray, value: float, gap: float) -> None:
    """Choose new rents, the mix of close techniques, and the prices they should give."""
    sectors = rounds.sectors
    present = float(needs.max()) / value - 1
    exact = max(0.003, min(0.03, 0.1 * present))
    if rounds.fresh:
        # As if every unit of cost were spent on resources as the plan spends it on the whole.
        each = needs / float(rounds.sigma @ needs)
        rounds.contents[:, rounds.kept] = np.multiply.outer(
            rounds.p.astype(np.float32), each.astype(np.float32)
        )
    if rounds.direct is not None and rounds.factors is not None:
        state_direct.settled_contents(sectors, rounds.direct, rounds.factors, rounds.contents)
    else:
        settle_contents(sectors, rounds.contents, exact, SWEEPS)
    rounds.fresh = False
    forget_shares(sectors)
    # What was misjudged must be put right with techniques about as far from the cheapest.
    rounds.margin = max(rounds.margin, MARGIN_OF_GAP * min(present, 1.0))
    close = _close(rounds)
    if close is None:
        # No choice of technique: what is scarcest has all the value.
        sigma = np.where(np.arange(needs.size) == int(np.argmax(needs)), 1.0, 0.0)
        rounds.expected = gap
    else:
        # What the model cannot foresee is of the order of the square of what moves.
        enough = max(0.2 * gap, 1e-3 * present, 0.05 * min(present, 1.0) ** 2)
        found = master.improve(
            close, needs, value, rounds.sigma, margin=rounds.margin, gap=enough, steps=STEPS
        )
        sigma = found.sigma
        rounds.told = close, found.part
        rounds.margin = max(LEAST_MARGIN, min(rounds.margin, 2 * found.shift))
        rounds.expected = max(found.gap, found.shift**2)
    rounds.width = 0.0
    moved = np.zeros(rounds.economy.n_resources, dtype=np.float32)
    moved[rounds.kept] = sigma - rounds.sigma
    foreseen = rounds.p + rounds.contents @ moved
    sensible = np.isfinite(foreseen) & (foreseen > 0.2 * rounds.p)
    np.copyto(rounds.p, foreseen, where=sensible & (sectors.p0 > 0))
    rounds.sigma = sigma


def _target_rows(rounds: Rounds) -> tuple[FloatArray, npt.NDArray[np.float32]]:
    """Costs of a unit of the objective by target, and what it uses in all."""
    economy = rounds.economy
    each = economy.assortment.T @ rounds.contents
    rows = np.asarray(each / economy.weights[:, None])[rounds.targets]
    return worth_of(rounds, rounds.p), rows.astype(np.float32)


def _close(rounds: Rounds) -> master.Close | None:
    """Techniques close to the cheapest, as many as there is room for; None without any."""
    sectors, economy = rounds.sectors, rounds.economy
    t, k = sectors.techniques, economy.n_resources
    room = max(MODEL_LEAST, MODEL_SHARE * economy.nbytes) / (8 * k)
    margin = rounds.margin
    while True:
        goods, techniques = kernels_close.count_close(
            t.spans[0], sectors.costs, sectors.share, rounds.y, margin
        )
        if techniques <= room or margin < LEAST_MARGIN:
            break
        margin = min(1.0, 0.5 * margin)
    targets = int(rounds.targets.sum())
    several = targets if targets > 1 else 0
    starts = np.empty(goods + (several > 0) + 1, dtype=np.int64)
    which = np.full(starts.size - 1, economy.n_goods)
    where = np.zeros(techniques + several, dtype=np.int64)
    outputs = np.empty(starts.size - 1)
    cost, part = np.empty(techniques + several), np.empty(techniques + several)
    rows = np.empty((techniques + several, k), dtype=np.float32)
    kernels_close.close_techniques(
        0, *sectors.matrix, *sectors.use, t.per, sectors.scale, rounds.contents,
        sectors.costs, sectors.share, rounds.y, margin,
        which, starts, outputs, where, cost, part, rows,
    )  # fmt: skip
    starts[goods] = techniques
    if several:
        assert rounds.parts is not None
        cost[techniques:], rows[techniques:] = _target_rows(rounds)
        outputs[goods] = 1.0
        starts[goods + 1] = techniques + several
        part[techniques:] = rounds.parts[rounds.targets] * economy.weights[rounds.targets]
    if rounds.kept.size < k:
        rows = np.ascontiguousarray(rows[:, rounds.kept])
    if starts.size == 1:
        return None
    return master.Close(which, starts, outputs, where, cost, part, rows)
