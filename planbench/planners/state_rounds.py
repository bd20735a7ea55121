"""A round of ``two-level`` as the sectors see it: rents come down, bounds go up.

``value-iteration`` is one such round, or a few with ever smaller tolerances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.planners import kernels, kernels_close, state_direct
from planbench.planners.state import BoolArray, Ended, Meter, State, list_techniques
from planbench.planners.state_sectors import (
    NEAR,
    Sectors,
    charge_rents,
    needs_of,
    open_sectors,
    settle_prices,
    settle_quantities,
    sweep_prices,
    use_shares,
)

if TYPE_CHECKING:
    from planbench.planners.master import Close
    from planbench.planners.master_bundle import Bundle

#: Width of the mixing of techniques in the first round, from nothing and from an old plan.
WIDTH, WIDTH_AGAIN = 0.1, 0.03
#: Prices this many times those with a margin mean that some good may not be makeable.
RUNAWAY = 1e9
#: Techniques in the model of the first round: those within this share of the cheapest.
FIRST_MARGIN = 0.3
#: Error bounds are counted this often, as whoever checks them adds up in another order: of the
#: endowments used, and of prices, whose error must fit into the margin p⁰ leaves.
SAFETY, SAFETY_OF_PRICES = 8.0, 32.0
#: Share of the spare that is left over in every balance, whatever else is: so that whoever
#: checks the plan finds it feasible beyond rounding.
LEFT_OVER = 1e-3
#: Where more than this many times what is left over for the plan is made, outputs are settled
#: again, this often at most, until a fresh count and this many sweeps confirm them.
BARELY, AGAIN, FEW = 100.0, 5, 2
#: What is left over then: beside so much that is made, more.
LEFT_OVER_BARELY = 0.1
#: Terms added one after the other at most in a resource's balance: the rest in blocks.
BLOCK = 4096


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
    direct : Listed or None
        What is factorised where sweeps are slow and the economy is small.
    rounding : float
        What adding up may be off by, as a share of what is added, for a technique.
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
    told: tuple[Close, FloatArray] | None = None
    kept_sigma: FloatArray | None = None
    kept_value: float = 0.0
    direct: state_direct.Listed | None = None
    factors: state_direct.Factors | None = None
    rounding: float = 0.0


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
        rounding=_rounding(economy),
    )  # fmt: skip
    if state is not None:
        value = np.maximum(state.rents * r, 0.0)[kept]
        old = value, state.prices, state.outputs
        if all(np.isfinite(part).all() for part in old) and value.sum() > 0:
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


def _rounding(economy: Economy) -> float:
    parts = (economy.inputs, economy.resource_use)
    terms = sum(int(np.diff(part.indptr).max(initial=0)) for part in parts)
    return (terms + 8) * 2.0**-53


def left_of_endowments(economy: Economy) -> float:
    """Share of the endowments left over, lest a plan use more of them by rounding."""
    m = economy.n_activities
    return SAFETY * (min(m, BLOCK) + m // BLOCK + 8) * 2.0**-53


def worth_of(rounds: Rounds, p: FloatArray) -> FloatArray:
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
    was no time for a plan, "unsettled" when some good may not be makeable, "stalled" when
    outputs do not settle all the same.
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
    theta, settled = _settle_prices(rounds, weight, tolerance)
    if not settled and rounds.meter.over():
        return "time-limit"
    if not rounds.thorough and (not settled or _runs_away(rounds)):
        return "unsettled"
    worth = worth_of(rounds, rounds.p)
    value = float(worth.min())
    if value <= 0:
        if (rounds.sigma <= 0).any():
            # What is free now may use a resource that is priced at nothing: price them all.
            rounds.sigma = 0.5 * rounds.sigma + 0.5 / rounds.sigma.size
            rounds.p, rounds.told = sectors.p0.copy(), None
            return answer(rounds, best, tolerance)
        return _unbounded(rounds, best, worth)
    mended = float(np.min(worth + theta * worth_of(rounds, sectors.p0)))
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
    if not _settle_quantities(rounds, demand, tolerance):
        if rounds.meter.over():
            return "time-limit"
        # A mix may need more of a good than it makes; what is cheapest at settled prices does not.
        kernels.shares_of(techniques.spans[0], sectors.costs, 0.0, sectors.share)
        rounds.y = np.zeros(economy.n_goods)
        use_shares(sectors)
        if not _settle_quantities(rounds, demand, tolerance):
            if rounds.thorough and rounds.direct is None and factorise(rounds):
                return answer(rounds, best, tolerance)
            return _gave_up(rounds)
    rounds.parts = parts
    needs = (needs_of(sectors, rounds.y) * sectors.scale)[rounds.kept]
    lower = (1.0 - left_of_endowments(economy)) / float(needs.max())
    if lower > best.lower:
        best.lower = lower
        best.y, best.share, best.parts = rounds.y.copy(), sectors.share.copy(), parts
    return needs, 1.0 / upper


def factorise(rounds: Rounds) -> bool:
    """Solve from now on where sweeps were slow; False where there are too many goods for it."""
    if rounds.meter.over() or not state_direct.fits(rounds.sectors):
        return False
    rounds.direct = state_direct.list_inputs(rounds.sectors)
    return True


def _settle_prices(rounds: Rounds, weight: FloatArray, tolerance: float) -> tuple[float, bool]:
    """Settle prices by sweeps or, where those are slow and goods few, by factorising.

    Returns
    -------
    theta : float
        (p, w) + θ(p⁰, w⁰) satisfies every technique, whatever rounding does.
    settled : bool
    """
    sectors, p = rounds.sectors, rounds.p
    theta, settled = np.inf, False
    if rounds.direct is None:
        theta, settled = settle_prices(sectors, p, weight, tolerance)
        if rounds.thorough and not settled:
            factorise(rounds)
    if rounds.direct is not None and not rounds.meter.over():
        settled = state_direct.cheapest_prices(sectors, rounds.direct, p)
        theta = sweep_prices(sectors, p, weight, NEAR)[0]
    dearest = float(np.max(p * sectors.per_p0, initial=0.0))
    return theta + SAFETY_OF_PRICES * rounds.rounding * dearest, settled


def _settle_quantities(rounds: Rounds, demand: FloatArray, tolerance: float) -> bool:
    """Settle outputs likewise; False where the techniques in use eat more than they make."""
    sectors, spare = rounds.sectors, spare_of(rounds)
    if rounds.direct is None:
        more = demand + LEFT_OVER * tolerance * spare
        for number in range(AGAIN):
            before = sectors.meter.work
            if not settle_quantities(sectors, rounds.y, more, spare, tolerance):
                return False
            steady = sectors.meter.work - before <= FEW * sectors.chosen[1].size
            gross, net = float(rounds.y @ rounds.p), float(demand @ rounds.p)
            if gross <= BARELY * net or (steady and number > 0):
                return True
            # What is short was added up step after step, and beside what is made it is dust: a
            # fresh start knows it to rounding.
            more = demand + LEFT_OVER_BARELY * tolerance * spare
        # What sweeps cannot confirm may be solved for; with more goods the plan is what it is.
        return not state_direct.fits(sectors)
    factors = state_direct.factor_shares(sectors, rounds.direct)
    if factors is None:
        return False
    rounds.factors = factors
    y = state_direct.outputs_for(rounds.direct, factors, demand, tolerance * spare)
    if y is None:
        return False
    rounds.y = y
    return True


def meet_fixed_demand(rounds: Rounds, tolerance: float) -> tuple[FloatArray, bool]:
    """Find outputs that meet f with the techniques in use; whether they do."""
    sectors, spare = rounds.sectors, spare_of(rounds)
    f = rounds.economy.fixed_demand
    y = np.zeros(f.size)
    if rounds.direct is None and settle_quantities(sectors, y, f.copy(), spare, tolerance):
        return y, True
    if rounds.direct is None and not factorise(rounds):
        return y, False
    assert rounds.direct is not None
    factors = rounds.factors or state_direct.factor_shares(sectors, rounds.direct)
    if factors is None:
        return y, False
    solved = state_direct.outputs_for(rounds.direct, factors, f, tolerance * spare)
    return (y, False) if solved is None else (solved, True)


def _runs_away(rounds: Rounds) -> bool:
    """Whether some price is out of all proportion to the one with a margin."""
    return bool(np.max(rounds.p * rounds.sectors.per_p0, initial=0.0) > RUNAWAY)


def _gave_up(rounds: Rounds) -> Ended:
    """How planning ends where outputs do not settle."""
    if rounds.meter.over():
        return "time-limit"
    return "stalled" if rounds.thorough else "unsettled"


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
    # Goods that are only used on the way are in no demand: their spare is a share of output.
    if not (
        settle_quantities(sectors, y, demand, demand, 1e-9)
        or settle_quantities(sectors, y, demand, y.copy(), 1e-9)
    ):
        return _gave_up(rounds)
    if (needs_of(sectors, y) > 0)[rounds.kept].any():
        return _gave_up(rounds)
    best.y, best.share, best.parts = y, sectors.share.copy(), parts
    return "unbounded"


def spare_of(rounds: Rounds) -> FloatArray:
    """Return a little of every good: half in proportion to output, half of equal value."""
    p, y = rounds.p, rounds.y
    n = p.size
    made = np.diff(rounds.sectors.techniques.first) > 0
    worth = float(worth_of(rounds, p).min())
    with np.errstate(divide="ignore", over="ignore"):
        equal = np.where(made & (p > 0), worth / n / np.where(p > 0, p, 1.0), 0.0)
    free = made & (p <= 0)
    if free.any():
        equal[free] = 1.0
    total = float(y @ p)
    if total > 0:
        return 0.5 * equal + (0.5 * worth / total) * y
    return equal


def _parts(worth: FloatArray, width: float) -> FloatArray:
    if width <= 0:
        return np.where(np.arange(worth.size) == int(np.argmin(worth)), 1.0, 0.0)
    mix = np.exp(-np.minimum((worth / worth.min() - 1) / width, 700.0))
    return np.asarray(mix / mix.sum())
