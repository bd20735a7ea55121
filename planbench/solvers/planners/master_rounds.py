"""The rounds of ``two-level``: rents down, prices, techniques and needs up, until bounds meet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.solvers.planners import kernels, kernels_close, master
from planbench.solvers.planners.master_bundle import (
    Bundle,
    Offer,
    best_mix,
    mix_offers,
    next_sigma,
)
from planbench.solvers.planners.state import (
    BoolArray,
    Ended,
    Meter,
    Report,
    State,
    list_techniques,
)
from planbench.solvers.planners.state_sectors import (
    Sectors,
    charge_rents,
    needs_of,
    open_sectors,
    settle_contents,
    settle_prices,
    settle_quantities,
    use_shares,
)

#: Width of the mixing of techniques in the first round, from nothing and from an old plan.
WIDTH, WIDTH_AGAIN = 0.1, 0.03
MOST_ROUNDS = 300
#: Rounds in which the gap does not even halve after which planning stops.
STALL = 60
#: Memory for the techniques the centre's model knows: share of the economy's, and at least.
MODEL_SHARE, MODEL_LEAST = 0.5, 128 << 20
#: Proposals that may disappoint before the centre falls back on mixing whole plans.
FAILURES = 3
#: Prices this many times those with a margin mean that some good may not be makeable.
RUNAWAY = 1e9
#: Steps of the interior point method that solves the model.
STEPS = 40
#: Techniques within this share of the cheapest are always in the model.
LEAST_MARGIN = 1e-3
#: And within this multiple of the relative gap.
MARGIN_OF_GAP = 2.0
#: In the first round: those within this share.
FIRST_MARGIN = 0.3


@dataclass
class Best:
    """Best bounds so far and what gave them; outputs are per unit of the plan."""

    lower: float = 0.0
    upper: float = np.inf
    theta: float = 0.0
    p: FloatArray | None = None
    rents: FloatArray | None = None
    y: FloatArray | None = None
    share: FloatArray | None = None
    parts: FloatArray | None = None
    needs: float = np.inf

    @property
    def gap(self) -> float:
        """(upper − lower)/upper, 1 without bounds."""
        return (self.upper - self.lower) / self.upper if np.isfinite(self.upper) else 1.0


@dataclass
class Rounds:
    """Everything that changes from round to round.

    Attributes
    ----------
    sectors : Sectors
    kept : ndarray of int64
        Resources that are priced: available and used by something.
    targets : ndarray of bool, shape (targets,)
        Targets that can be reached.
    sigma : ndarray, shape (kept,)
        Value of each endowment, summing to 1.
    p, y : ndarray, shape (goods,)
        Prices at σ, outputs per unit of the plan.
    contents : ndarray of float32, shape (goods, resources)
        Share of each endowment in a unit of each good.
    width : float
        τ.
    """

    economy: Economy
    sectors: Sectors
    kept: npt.NDArray[np.int64]
    targets: BoolArray
    meter: Meter
    sigma: FloatArray
    p: FloatArray
    y: FloatArray
    contents: npt.NDArray[np.float32]
    width: float
    margin: float = FIRST_MARGIN
    expected: float = 1.0
    fresh: bool = True
    thorough: bool = False
    bundle: Bundle | None = None
    parts: FloatArray | None = None
    told: tuple[master.Close, FloatArray] | None = None
    kept_sigma: FloatArray | None = None
    kept_value: float = 0.0


def open_rounds(
    economy: Economy, usable: BoolArray | None, targets: BoolArray, meter: Meter,
    state: State | None,
) -> Rounds:  # fmt: skip
    """Prepare the first round, from an old plan's `state` where there is one."""
    r = economy.endowment
    used = np.bincount(economy.resource_use.indices, minlength=r.size) > 0
    kept = np.flatnonzero(used & (r > 0))
    scale = np.zeros(r.size)
    scale[kept] = 1.0 / r[kept]
    sectors = open_sectors(economy, list_techniques(economy, usable), scale, meter)
    n = economy.n_goods
    rounds = Rounds(
        economy, sectors, kept, targets, meter,
        sigma=np.full(kept.size, 1.0 / max(kept.size, 1)),
        p=sectors.p0.copy(),
        y=np.zeros(n),
        contents=np.zeros((n, r.size), dtype=np.float32),
        width=WIDTH,
    )  # fmt: skip
    if state is not None:
        value = np.maximum(state.rents * r, 0.0)[kept]
        if np.isfinite(value).all() and value.sum() > 0:
            total = float(value.sum())
            rounds.sigma = np.maximum(value / total, 1e-6 / kept.size)
            rounds.sigma /= rounds.sigma.sum()
            rounds.p = np.where(sectors.p0 > 0, state.prices / total, 0.0)
            rounds.y = state.outputs / total
            rounds.width, rounds.margin = WIDTH_AGAIN, 10 * WIDTH_AGAIN
            if state.contents is not None:
                rounds.contents = (state.contents * scale).astype(np.float32)
                rounds.fresh = False
    return rounds


def run_rounds(rounds: Rounds, gap: float, report: Report) -> tuple[Best, int, Ended]:
    """Go on until the bounds are within `gap` of one another.

    Returns
    -------
    Best
    rounds : int
    ended : {"optimal", "time-limit", "stalled", "unbounded"}
    """
    with threadpool_limits(limits=1, user_api="blas"):
        return _run(rounds, gap, report)


def _run(rounds: Rounds, gap: float, report: Report) -> tuple[Best, int, Ended]:
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


def _worth(rounds: Rounds, p: FloatArray) -> FloatArray:
    """Cost of a unit of the objective by each target that can be reached."""
    economy = rounds.economy
    worth = np.asarray(economy.assortment.T @ p) / economy.weights
    return np.asarray(worth[rounds.targets])


def answer(rounds: Rounds, best: Best, tolerance: float) -> tuple[FloatArray, float] | Ended:
    """Have the sectors answer the present rents; improve the bounds.

    Returns
    -------
    needs : ndarray, shape (kept,)
        Share of each endowment that a unit of the plan uses.
    value : float
        Least cost of a unit of the plan, rounded down to what is certain.
    Or how planning ends: "unbounded" when a target costs nothing, "time-limit" when there
    was no time for a plan, "unsettled" when some good may not be makeable.
    """
    economy, sectors = rounds.economy, rounds.sectors
    rents = np.zeros(economy.n_resources)
    rents[rounds.kept] = rounds.sigma
    rents *= sectors.scale
    charge_rents(sectors, rents)
    weight = rounds.y
    if not weight.any():
        weight = np.asarray(economy.assortment @ (rounds.targets / economy.weights))
    fixed = economy.fixed_demand
    if fixed.any():
        weight = weight + fixed * (weight.sum() / fixed.sum())
    theta, settled = settle_prices(sectors, rounds.p, weight, tolerance)
    if not settled and rounds.meter.over():
        return "time-limit"
    if not rounds.thorough and (not settled or _runs_away(rounds)):
        return "unsettled"
    worth = _worth(rounds, rounds.p)
    value = float(worth.min())
    if value <= 0:
        return _unbounded(rounds, best, worth)
    mended = float(np.min(worth + theta * _worth(rounds, sectors.p0)))
    upper = (1 + theta) / mended
    if upper < best.upper:
        best.upper, best.theta = upper, theta
        best.p, best.rents = rounds.p.copy(), rents
    techniques = sectors.techniques
    kernels.shares_of(techniques.spans[0], sectors.costs, rounds.width, sectors.share)
    mix = _parts(worth, rounds.width)
    if rounds.told is not None:
        close, part = rounds.told
        known = int(np.searchsorted(close.which, economy.n_goods))
        kernels_close.impose(
            techniques.spans[0], close.which[:known], close.starts, close.where, part, sectors.share
        )
        if known < close.which.size:
            mix = part[close.starts[known] :]
        rounds.told = None
    parts = np.zeros(economy.n_targets)
    parts[rounds.targets] = mix / economy.weights[rounds.targets]
    demand = np.asarray(economy.assortment @ parts)
    use_shares(sectors)
    if not settle_quantities(sectors, rounds.y, demand, spare_of(rounds), tolerance):
        return "time-limit"
    rounds.parts = parts
    needs = (needs_of(sectors, rounds.y) * sectors.scale)[rounds.kept]
    lower = 1.0 / float(needs.max())
    if lower > best.lower:
        best.lower = lower
        best.y, best.share, best.parts = rounds.y.copy(), sectors.share.copy(), parts
    return needs, 1.0 / upper


def _runs_away(rounds: Rounds) -> bool:
    """Whether some price is out of all proportion to the one with a margin."""
    return bool(np.max(rounds.p * rounds.sectors.per_p0, initial=0.0) > RUNAWAY)


def _unbounded(rounds: Rounds, best: Best, worth: FloatArray) -> Ended:
    """Make one unit of a target that costs nothing; the plan grows without bound."""
    economy, sectors = rounds.economy, rounds.sectors
    techniques = sectors.techniques
    kernels.shares_of(techniques.spans[0], sectors.costs, 0.0, sectors.share)
    parts = np.zeros(economy.n_targets)
    chosen = np.flatnonzero(rounds.targets)[int(np.argmin(worth))]
    parts[chosen] = 1.0 / economy.weights[chosen]
    y = np.zeros(economy.n_goods)
    demand = np.asarray(economy.assortment @ parts)
    use_shares(sectors)
    if not settle_quantities(sectors, y, demand, demand, 1e-9):
        return "time-limit"
    best.y, best.share, best.parts = y, sectors.share.copy(), parts
    return "unbounded"


def spare_of(rounds: Rounds) -> FloatArray:
    """Return a little of every good: half in proportion to output, half of equal value."""
    p, y = rounds.p, rounds.y
    n = p.size
    made = np.diff(rounds.sectors.techniques.first) > 0
    worth = float(_worth(rounds, p).min())
    with np.errstate(divide="ignore", over="ignore"):
        equal = np.where(made & (p > 0), worth / n / np.where(p > 0, p, 1.0), 0.0)
    free = made & (p <= 0)
    if free.any():
        equal[free] = 1.0
    total = float(y @ p)
    if total > 0:
        return 0.5 * equal + (0.5 * worth / total) * y
    return equal


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
    if 1.0 / bound > best.lower:
        best.lower = 1.0 / bound
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
    settle_contents(sectors, rounds.contents, exact, 8 if rounds.fresh else 4)
    rounds.fresh = False
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
    return _worth(rounds, rounds.p), rows.astype(np.float32)


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


def _parts(worth: FloatArray, width: float) -> FloatArray:
    if width <= 0:
        return np.where(np.arange(worth.size) == int(np.argmin(worth)), 1.0, 0.0)
    mix = np.exp(-np.minimum((worth / worth.min() - 1) / width, 700.0))
    return np.asarray(mix / mix.sum())
