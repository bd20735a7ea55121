"""The iterations of ``two-level``: rents down, prices, techniques and needs up, until bounds meet.

An iteration has the sectors solve for prices and outputs at the present rents
(:func:`solve_sectors`), which gives both bounds, and the centre choose the next rents:
from a restricted master problem (:func:`choose_rents`) or, where that does not help, from a
mixture of whole plans (:func:`mix_whole_plans`). With one resource there is nothing to choose: the
best techniques do not depend on what is demanded (the non-substitution theorem; Samuelson 1951,
Gale 1960 ch. 9), and the sectors only have to be solved exactly enough. That is
``value-iteration``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.planners import kernels
from planbench.planners.branch_kernels import add_up_rows
from planbench.planners.planner import (
    Bracket,
    Ended,
    Pair,
    PlanOptions,
    Report,
    Result,
    tiny_economy,
)
from planbench.planners.restricted_master import (
    ALONE,
    OPEN,
    Columns,
    MasterSolution,
    add_cost_changes,
    add_use,
    choose_columns,
    largest_shift,
    mix_plans,
    solve_master,
    write_rows,
)
from planbench.planners.sectors import NEAR, PolicyIteration, Sectors, can_factorise
from planbench.planners.techniques import Meter, list_techniques

IntArray = npt.NDArray[np.int64]
#: Width of the mixing of techniques in the first iteration, from nothing and from an old plan.
WIDTH, WIDTH_AGAIN = 0.1, 0.03
#: Columns of the first master problem: techniques within this share of the cheapest.
FIRST_MARGIN = 0.3
#: Error bounds are counted this often, as whoever checks them adds up in another order: of the
#: endowments used, and of prices, whose error must fit into the margin p⁰ leaves.
SAFETY, SAFETY_OF_PRICES = 8.0, 32.0
#: Share of the spare that is left over in every balance, whatever else is: so that whoever
#: checks the plan finds it feasible beyond rounding.
LEFT_OVER = 1e-3
#: Where more than this many times the plan is made on the way, outputs are solved for.
BARELY = 100.0
#: Terms added one after the other at most in a resource's balance: the rest in blocks.
BLOCK = 4096
#: Most iterations.
MOST_ROUNDS = 300
#: With one resource the sweeps' first tolerance is the gap over this, their errors adding up to
#: about the gap; it is made smaller by a factor so many times before planning stops.
SHARE, TIGHTER, MOST_TRIES = 5.0, 0.2, 12
#: Iterations in which the gap does not even halve after which planning stops.
STALL = 60
#: Memory for the columns of the master problem: share of the economy's, and at least.
MODEL_SHARE, MODEL_LEAST = 0.5, 128 << 20
#: Iterations without progress after which the centre falls back on mixing whole plans.
FAILURES = 3
#: Most sweeps an iteration over the resource requirements. With two there are as many iterations
#: as with eight, and each sweep costs a product per resource.
SWEEPS = 2
#: A plan is corrected where its gap, and the one expected of it, are less than so many times that
#: required, if there are so many goods to a resource: of fewer, one shifts the balance too far.
NEAR_END, MANY_GOODS = 30.0, 20
#: Prices this many tolerances below what the cheapest techniques cost were swept too slowly.
SLOW = 30.0
#: Techniques within this share of the cheapest are always in the model.
LEAST_MARGIN = 1e-3
#: And within this multiple of the relative gap.
MARGIN_OF_GAP = 2.0
#: Said of a run in which sweeps did not converge, and of one that mixed whole plans.
FACTORISED = "policy iteration with sparse LU, as sweeps were slow"
MIXED = "whole plans mixed by linear programs (HiGHS)"


@dataclass(frozen=True, eq=False)
class State:
    """An old plan to start from.

    One whose rents, prices or outputs are not all finite is no start: planning is as from nothing.

    Attributes
    ----------
    rents : ndarray, shape (resources,)
        w, per unit of the objective.
    prices : ndarray, shape (goods,)
        p.
    outputs : ndarray, shape (goods,)
        Gross output of each good in units of the good.
    requirements : ndarray of float32, shape (goods, resources), or None
        Units of each resource in a unit of each good with these techniques, direct and
        indirect: the centre predicts from them what new rents do to prices.
    """

    rents: FloatArray
    prices: FloatArray
    outputs: FloatArray
    requirements: npt.NDArray[np.float32] | None

    def fits(self, economy: Economy) -> bool:
        """Whether it is of an economy of the same shape."""
        return (self.outputs.size, self.rents.size) == (economy.n_goods, economy.n_resources)


@dataclass(frozen=True, eq=False)
class Imposed:
    """Shares of techniques, other techniques of their goods having none, and of targets or None."""

    technique: IntArray
    share: FloatArray
    mix: FloatArray | None


@dataclass
class Decomposition:
    """Everything that changes from iteration to iteration.

    Attributes
    ----------
    sectors : Sectors
    kept : ndarray of int64
        Resources that are priced: available and used by something.
    sigma : ndarray, shape (kept,)
        Value of each endowment, summing to 1.
    p, y : ndarray, shape (goods,)
        Prices at σ, outputs per unit of the plan.
    requirements : ndarray of float32, shape (goods, resources)
        Share of each endowment in a unit of each good.
    width : float
        τ, width of the mixing of techniques.
    margin : float
        Techniques within this share of the cheapest are columns of the master problem.
    expected : float
        Gap that is expected after the next iteration.
    first : bool
        No resource requirements are known yet.
    z : ndarray, shape (targets,)
        Units of each target in a unit of the plan.
    imposed : Imposed or None
        What the centre's solution imposes on techniques and targets.
    plans : list of tuple of ndarray
        Once whole plans are mixed: the needs, x and z of each, per unit of the plan.
    direct : PolicyIteration or None
        Solves for prices and outputs where sweeps are slow and the economy is small.
    master : MasterSolution or None
        What the imposed shares are of, where the plan may be corrected by it.
    bounds : Bracket
    ray : tuple of ndarray or None
        Activities and targets that can grow without end.
    """

    sectors: Sectors
    kept: npt.NDArray[np.int64]
    sigma: FloatArray
    p: FloatArray
    y: FloatArray
    requirements: npt.NDArray[np.float32]
    width: float
    z: FloatArray
    margin: float = FIRST_MARGIN
    expected: float = 1.0
    first: bool = True
    imposed: Imposed | None = None
    plans: list[tuple[FloatArray, FloatArray, FloatArray]] = field(default_factory=list)
    direct: PolicyIteration | None = None
    master: MasterSolution | None = None
    bounds: Bracket = field(default_factory=Bracket)
    ray: Pair | None = None

    @property
    def economy(self) -> Economy:
        """The economy that is planned."""
        return self.sectors.economy

    @property
    def meter(self) -> Meter:
        """Counts work and time."""
        return self.sectors.meter


def run(economy: Economy, _: None, options: PlanOptions, state: State | None) -> Result:
    """Plan an economy in the domain of ``two-level``."""
    course = start(economy, Meter(economy.nnz, options.time_limit), state)
    rounds, ended = iterate(course, options.tolerance, options.report)
    return _finish(course, rounds, ended)


def compile_kernels() -> None:
    """Compile every kernel (or load it from numba's cache) on a tiny economy."""
    run(tiny_economy(), None, PlanOptions(), None)


def start(economy: Economy, meter: Meter, state: State | None) -> Decomposition:
    """Prepare the first iteration, from an old plan's `state` where there is one."""
    r = economy.endowment
    kept = np.flatnonzero(np.bincount(economy.resource_use.indices, minlength=r.size) > 0)
    scale = np.zeros(r.size)
    scale[kept] = 1.0 / r[kept]
    sectors = Sectors(economy, list_techniques(economy), scale, meter)
    n = economy.n_goods
    run = Decomposition(
        sectors, kept,
        sigma=np.full(kept.size, 1.0 / max(kept.size, 1)),
        p=sectors.p0.copy(),
        y=np.zeros(n),
        requirements=np.zeros((n, r.size), dtype=np.float32),
        width=WIDTH if kept.size > 1 else 0.0,
        z=np.zeros(economy.n_targets),
    )  # fmt: skip
    if state is None:
        return run
    value = np.maximum(state.rents * r, 0.0)[kept]
    total = float(value.sum())
    if 0 < total < np.inf and np.isfinite(state.prices).all() and np.isfinite(state.outputs).all():
        run.sigma = np.maximum(value / total, 1e-6 / kept.size)
        run.sigma /= run.sigma.sum()
        run.p = np.where(sectors.p0 > 0, state.prices / total, 0.0)
        run.y = state.outputs / total
        run.width, run.margin = min(run.width, WIDTH_AGAIN), 10 * WIDTH_AGAIN
        if state.requirements is not None:
            run.requirements = (state.requirements * scale).astype(np.float32)
            run.first = False
    return run


def unused_share(economy: Economy) -> float:
    """Share of the endowments left over, lest a plan use more of them by rounding."""
    m = economy.n_activities
    return SAFETY * (min(m, BLOCK) + m // BLOCK + 8) * 2.0**-53


def worth_of(run: Decomposition, p: FloatArray) -> FloatArray:
    """Cost of a unit of the objective by each target."""
    return np.asarray(np.asarray(run.economy.assortment.T @ p) / run.economy.weights)


def iterate(run: Decomposition, gap: float, report: Report) -> tuple[int, Ended]:
    """Go on until the bounds are within `gap` of one another.

    Returns
    -------
    rounds : int
    ended : {"optimal", "time limit", "stalled", "unbounded"}
    """
    bounds, single = run.bounds, run.kept.size <= 1
    since, mark, marked = 0, 1.0, 0
    for number in range(1, (MOST_TRIES if single else MOST_ROUNDS) + 1):
        before = bounds.gap
        tolerance = max(gap / 20, min(1e-2, 0.02 * run.expected))
        if single:
            tolerance = gap / SHARE * TIGHTER ** (number - 1)
        answered = solve_sectors(run, tolerance)
        if isinstance(answered, str):
            return number, answered
        needs, value = answered
        average, master, run.master = float(run.sigma @ needs), run.master, None
        # What these rents say is least is so near the plan's cost that only the balance is wrong.
        least = (1.0 - 0.5 * gap) / (bounds.upper or np.inf)
        balance = least < value and average < value * (1.0 + 0.5 * gap) and not run.meter.over()
        if master is not None and balance and gap < bounds.gap < NEAR_END * gap:
            corrected = _correct(run, master, needs, tolerance)
            if corrected is None:
                return number, "time limit" if run.meter.over() else "stalled"
            needs, average = corrected, float(run.sigma @ corrected)
        master = None
        report(
            f"round {number}: lower {bounds.lower or 0.0:.12g}, upper {bounds.upper:.12g}, "
            f"gap {bounds.gap:.3g}, mixing {average / value - 1:.1e}, "
            f"imbalance {(needs.max() - average) / value:.1e}, width {run.width:.1e}, "
            f"passes {run.meter.passes:.1f}, {run.meter.seconds:.2f} s"
        )
        if bounds.gap <= gap:
            return number, "optimal"
        if run.meter.over():
            return number, "time limit"
        if single:
            continue
        # Whole plans are of the cheapest techniques: what they cost is what prices say.
        swept = bool(run.plans) and run.direct is None
        if swept and average > value * (1.0 + SLOW * tolerance) and factorise(run):
            mark, marked = bounds.gap, number
        since = 0 if bounds.gap < 0.8 * before else since + 1
        if bounds.gap < 0.5 * mark:
            mark, marked = bounds.gap, number
        if number - marked >= STALL:
            break
        if run.plans or since > FAILURES:
            mix_whole_plans(run, needs)
            if bounds.gap <= gap:
                return number, "optimal"
        else:
            if since:
                run.margin *= 4.0
            choose_rents(run, needs, value, gap)
    return number, "stalled"


def solve_sectors(run: Decomposition, tolerance: float) -> tuple[FloatArray, float] | Ended:
    """Solve for prices and outputs at the present rents; improve the bounds.

    Returns
    -------
    needs : ndarray, shape (kept,)
        Share of each endowment that a unit of the plan uses.
    value : float
        Least cost of a unit of the plan, rounded down to what is certain.
    Or how planning ends: "unbounded" when a target costs nothing, "time limit" when there
    was no time for a plan, "stalled" when outputs do not converge.
    """
    economy, sectors = run.economy, run.sectors
    rents = np.zeros(economy.n_resources)
    rents[run.kept] = run.sigma
    rents *= sectors.scale
    sectors.charge_rents(rents)
    weight = run.y
    if not weight.any():
        weight = np.asarray(economy.assortment @ (1.0 / economy.weights))
    theta, converged = _solve_prices(run, weight, tolerance)
    if not converged and run.meter.over():
        return "time limit"
    worth = worth_of(run, run.p)
    value = float(worth.min())
    if value <= 0:
        if (run.sigma <= 0).any():
            # What is free now may use a resource that is priced at nothing: price them all.
            run.sigma = 0.5 * run.sigma + 0.5 / run.sigma.size
            run.p, run.imposed, run.master = sectors.p0.copy(), None, None
            return solve_sectors(run, tolerance)
        return _unbounded(run, worth)
    repaired = float(np.min(worth + theta * worth_of(run, sectors.p0)))
    upper = (1 + theta) / repaired
    if run.bounds.upper is None or upper < run.bounds.upper:
        pair = (run.p + theta * sectors.p0) / repaired, (rents + theta * sectors.w0) / repaired
        run.bounds.add_prices(upper, pair)
    kernels.shares_of(sectors.arrays.first, sectors.costs, run.width, sectors.share)
    mix = _parts(worth, run.width)
    if run.imposed is not None:
        _impose(sectors, run.imposed)
        if run.imposed.mix is not None:
            mix = run.imposed.mix
        run.imposed = None
    needs = _plan(run, mix, tolerance)
    if needs is None and not run.meter.over():
        # A mix may need more of a good than it makes; the cheapest at converged prices do not.
        kernels.shares_of(sectors.arrays.first, sectors.costs, 0.0, sectors.share)
        run.y, run.master = np.zeros(economy.n_goods), None
        needs = _plan(run, mix, tolerance)
        if needs is None and run.direct is None and factorise(run):
            return solve_sectors(run, tolerance)
    if needs is None:
        return "time limit" if run.meter.over() else "stalled"
    return needs, 1.0 / upper


def _plan(run: Decomposition, mix: FloatArray, tolerance: float) -> FloatArray | None:
    """Plan with these parts of targets and the shares as they are; improve the lower bound.

    Returns the needs, None where outputs do not converge.
    """
    economy, sectors = run.economy, run.sectors
    z = mix / economy.weights
    sectors.list_inputs()
    if not _solve_outputs(run, np.asarray(economy.assortment @ z), tolerance):
        return None
    run.z = z
    x = sectors.levels(run.y)
    needs = _needs(run, x)
    lower = (1.0 - unused_share(economy)) / float(needs.max())
    run.bounds.add_plan(lower, (x * lower, z * lower))
    return needs


def _correct(
    run: Decomposition, master: MasterSolution, needs: FloatArray, tolerance: float
) -> FloatArray | None:
    """Correct shares by how the plan's needs differ from the model's.

    Returns the needs of the better plan of the two, None where neither can be made.
    """
    sectors, technique = run.sectors, master.columns.technique
    share = master.corrected(needs)
    if share is None:
        return needs
    kept, y, z = sectors.share[technique], run.y.copy(), run.z
    sectors.share[technique] = share[: technique.size]
    mix = share[technique.size :] if share.size > technique.size else np.ones(1)
    found = _plan(run, mix, tolerance)
    if found is not None and found.max() < needs.max():
        return found
    sectors.share[technique], run.y = kept, y
    return _plan(run, z * run.economy.weights, tolerance)


def _needs(run: Decomposition, x: FloatArray) -> FloatArray:
    """Share of each endowment that activities use."""
    use = np.zeros(run.economy.n_resources)
    run.meter.work += kernels.add_resource_use(run.sectors.arrays, x, use)
    return (use * run.sectors.scale)[run.kept]


def _impose(sectors: Sectors, imposed: Imposed) -> None:
    good = sectors.techniques.good
    chosen = np.zeros(sectors.economy.n_goods, dtype=bool)
    chosen[good[imposed.technique]] = True
    sectors.share[chosen[good]] = 0.0
    sectors.share[imposed.technique] = imposed.share


def factorise(run: Decomposition) -> bool:
    """Solve from now on where sweeps were slow; False where there are too many goods for it."""
    if run.meter.over() or not can_factorise(run.sectors):
        return False
    run.direct = PolicyIteration(run.sectors)
    return True


def _solve_prices(run: Decomposition, weight: FloatArray, tolerance: float) -> tuple[float, bool]:
    """Solve for prices by sweeps or, where those are slow and goods few, by factorising.

    Returns
    -------
    theta : float
        (p, w) + θ(p⁰, w⁰) satisfies every technique, whatever rounding does.
    converged : bool
    """
    sectors, p = run.sectors, run.p
    theta, converged = np.inf, False
    if run.direct is None:
        theta, converged = sectors.solve_prices(p, weight, tolerance)
        if not converged:
            factorise(run)
    if run.direct is not None and not run.meter.over():
        converged = run.direct.solve_prices(p)
        theta = sectors.sweep_prices(p, weight, NEAR)[0]
    dearest = float(np.max(p * sectors.per_p0, initial=0.0))
    parts = run.economy.inputs, run.economy.resource_use
    terms = sum(int(np.diff(part.indptr).max(initial=0)) for part in parts)
    rounding = (terms + 8) * 2.0**-53
    return theta + SAFETY_OF_PRICES * rounding * dearest, converged


def _solve_outputs(run: Decomposition, demand: FloatArray, tolerance: float) -> bool:
    """Solve for outputs likewise; False where the techniques in use eat more than they make."""
    sectors, spare = run.sectors, spare_of(run)
    if run.direct is None:
        more = demand + LEFT_OVER * tolerance * spare
        if not sectors.solve_outputs(run.y, more, spare, tolerance):
            return False
        # The residual was updated step by step, and rounding may exceed it.
        barely = float(run.y @ run.p) > BARELY * float(demand @ run.p)
        return not barely or not can_factorise(sectors)
    y = run.direct.solve_outputs(demand, tolerance * spare)
    if y is not None:
        run.y = y
    return y is not None


def _unbounded(run: Decomposition, worth: FloatArray) -> Ended:
    """Make one unit of a target that costs nothing; the plan grows without bound."""
    economy, sectors = run.economy, run.sectors
    kernels.shares_of(sectors.arrays.first, sectors.costs, 0.0, sectors.share)
    z = np.zeros(economy.n_targets)
    chosen = int(np.argmin(worth))
    z[chosen] = 1.0 / economy.weights[chosen]
    y = np.zeros(economy.n_goods)
    demand = np.asarray(economy.assortment @ z)
    sectors.list_inputs()
    # Goods that are only used on the way are in no demand: their spare is a share of output.
    if not (
        sectors.solve_outputs(y, demand, demand, 1e-9)
        or sectors.solve_outputs(y, demand, y.copy(), 1e-9)
    ):
        return "time limit" if run.meter.over() else "stalled"
    x = sectors.levels(y)
    if _needs(run, x).any():
        return "time limit" if run.meter.over() else "stalled"
    run.ray = x, z
    return "unbounded"


def spare_of(run: Decomposition) -> FloatArray:
    """Return a little of every good: half in proportion to output, half of equal value."""
    p, y = run.p, run.y
    made = np.diff(run.sectors.techniques.first) > 0
    worth = float(worth_of(run, p).min())
    with np.errstate(divide="ignore", over="ignore"):
        equal = np.where(p > 0, worth / p.size / p, 1.0)
    equal[~made] = 0.0
    total = float(y @ p)
    if total > 0:
        return 0.5 * equal + (0.5 * worth / total) * y
    return equal


def _parts(worth: FloatArray, width: float) -> FloatArray:
    if width <= 0:
        return np.where(np.arange(worth.size) == int(np.argmin(worth)), 1.0, 0.0)
    mix = np.exp(-np.minimum((worth / worth.min() - 1) / width, 700.0))
    return np.asarray(mix / mix.sum())


def mix_whole_plans(run: Decomposition, needs: FloatArray) -> None:
    """Mix the plans so far, and move the rents half of the way to the mixture's.

    A plan needs c_i of the endowments per unit, and no prices can make it cheaper than it is:
    φ(σ) ≤ σ·c_i. The best mixture's dual bounds φ from above. Either the next plan costs less at
    that dual than the mixture, or φ halfway between it and the best σ is an improvement
    (in-out separation, Ben-Ameur & Neto 2007): as there are finitely many choices of techniques,
    this ends.
    """
    plans, bounds = run.plans, run.bounds
    assert bounds.plan is not None
    assert bounds.prices is not None
    x, z = bounds.plan
    if not plans:
        scale = 1.0 / float(run.economy.weights @ z)
        plans.append((_needs(run, x) * scale, x * scale, z * scale))
    if len(plans) >= 2 * needs.size + 20:
        idle = np.flatnonzero(mix_plans(np.array([plan[0] for plan in plans]))[0] <= 0)
        if idle.size:
            del plans[idle[0]]
    plans.append((needs, run.sectors.levels(run.y), run.z))
    weights, sigma, needed = mix_plans(np.array([plan[0] for plan in plans]))
    lower = (1.0 - unused_share(run.economy)) / needed
    if lower > (bounds.lower or 0.0):
        x, z = np.zeros(x.size), np.zeros(z.size)
        for weight, plan in zip(weights, plans, strict=True):
            if weight > 0:
                x += lower * weight * plan[1]
                z += lower * weight * plan[2]
        bounds.add_plan(lower, (x, z))
    best = (bounds.prices[1] * run.economy.endowment)[run.kept]
    run.sigma = 0.5 * (best / best.sum() + sigma)
    run.expected = 0.01 * bounds.gap
    run.width = 0.0


def choose_rents(run: Decomposition, needs: FloatArray, value: float, gap: float) -> None:
    """Choose new rents and shares by the restricted master problem, and predict the prices."""
    sectors = run.sectors
    present = float(needs.max()) / value - 1
    exact = max(0.003, min(0.03, 0.1 * present))
    if run.first:
        # As if every unit of cost were spent on resources as the plan spends it on the whole.
        each = needs / float(run.sigma @ needs)
        run.requirements[:, run.kept] = np.multiply.outer(
            run.p.astype(np.float32), each.astype(np.float32)
        )
    if run.direct is not None:
        run.direct.write_requirements(run.requirements)
    else:
        sectors.solve_requirements(run.requirements, exact, SWEEPS)
    run.first = False
    sectors.forget_inputs()
    # An imbalance is corrected with techniques about as far from the cheapest.
    run.margin = max(run.margin, MARGIN_OF_GAP * min(present, 1.0))
    mark = _choices(run)
    columns, needs = _columns(run, mark, needs, value)
    moved = np.zeros(run.economy.n_resources)
    if columns is None:
        # No choice of technique: what is scarcest has all the value.
        sigma = np.where(np.arange(needs.size) == int(np.argmax(needs)), 1.0, 0.0)
        run.expected = gap
        moved[run.kept] = sigma - run.sigma
        change = _price_changes(run, moved)
    else:
        # What the model leaves out is of the order of the square of the change in costs.
        enough = max(0.2 * gap, 1e-3 * present, 0.05 * min(present, 1.0) ** 2)
        found = solve_master(columns, needs, value, run.sigma, gap=enough, over=run.meter.over)
        share = columns.share if found is None else found.share
        sigma = run.sigma if found is None else found.sigma
        moved[run.kept] = sigma - run.sigma
        change = _price_changes(run, moved)
        shift = largest_shift(_cost_changes(run, columns, moved, change), columns.cost)
        alone, count = np.flatnonzero(mark == ALONE), columns.technique.size
        run.imposed = Imposed(
            np.concatenate([columns.technique, alone]),
            np.concatenate([share[:count], np.ones(alone.size)]),
            share[count:] if share.size > count else None,
        )
        run.margin = max(LEAST_MARGIN, min(run.margin, 2 * shift))
        run.expected = max(1.0 if found is None else found.gap, shift**2)
        many = run.p.size > MANY_GOODS * run.sigma.size
        run.master = found if many and run.expected < NEAR_END * gap else None
    run.width = 0.0
    predicted = run.p + change
    sensible = np.isfinite(predicted) & (predicted > 0.2 * run.p)
    np.copyto(run.p, predicted, where=sensible & (sectors.p0 > 0))
    run.sigma = sigma


def _price_changes(run: Decomposition, moved: FloatArray) -> FloatArray:
    """Predict what changes of the endowments' values change prices by."""
    return np.asarray(run.requirements @ moved.astype(np.float32), dtype=np.float64)


def _cost_changes(
    run: Decomposition, columns: Columns, moved: FloatArray, prices: FloatArray
) -> FloatArray:
    """Predict what changes of the endowments' values, and of prices, change columns' costs by."""
    out = np.empty(columns.cost.size)
    sectors, count = run.sectors, columns.technique.size
    add_cost_changes(sectors.arrays, moved * sectors.scale, prices, columns.technique, out[:count])
    if count < out.size:
        out[count:] = worth_of(run, prices)
    return out


def _choices(run: Decomposition) -> npt.NDArray[np.uint8]:
    """Mark techniques in use, and others near the cheapest of their good while there is room."""
    sectors, economy, margin = run.sectors, run.economy, run.margin
    room = max(MODEL_LEAST, MODEL_SHARE * economy.nbytes) / (4 * economy.n_resources)
    while True:
        mark = choose_columns(
            sectors.techniques, sectors.costs, sectors.share, run.y, margin, run.margin
        )
        if margin < LEAST_MARGIN or np.count_nonzero(mark == OPEN) <= room:
            return mark
        margin = min(1.0, 0.5 * margin)


def _columns(
    run: Decomposition, mark: npt.NDArray[np.uint8], needs: FloatArray, value: float
) -> tuple[Columns | None, FloatArray]:
    """Columns of what is open, None without any, and the needs of a plan that is made so.

    The choice of target comes last, as techniques of one more good.
    """
    sectors, economy, k = run.sectors, run.economy, run.economy.n_resources
    technique = np.flatnonzero(mark == OPEN)
    good = sectors.techniques.good[technique]
    starts = np.flatnonzero(np.diff(good, prepend=-1))
    several = economy.n_targets if economy.n_targets > 1 else 0
    if not technique.size + several:
        return None, needs
    outputs, cost, share = run.y[good[starts]], sectors.costs[technique], sectors.share[technique]
    ends = np.append(starts, technique.size)
    # What others gave up, the first of a choice takes over.
    lack = 1.0 - np.add.reduceat(share, starts) if starts.size else np.zeros(0)
    share[starts] += lack
    rest = np.flatnonzero(mark > OPEN)
    left = np.where(mark[rest] == ALONE, 1.0, 0.0) - sectors.share[rest]
    changed = np.concatenate([technique[starts], rest])
    amount = np.concatenate([lack * outputs, left * run.y[sectors.techniques.good[rest]]])
    rows = np.empty((technique.size - starts.size + max(several - 1, 0), k), dtype=np.float32)
    run.meter.work += write_rows(
        sectors.arrays, sectors.scale, run.requirements, technique, ends, outputs / value, rows
    )
    goods, use = np.zeros(economy.n_goods), np.zeros(k)
    add_use(sectors.arrays, sectors.scale, changed, amount, goods, use)
    needs = needs + (use + add_up_rows(run.requirements, goods))[run.kept]
    if several:
        each = (economy.assortment.T @ run.requirements) / economy.weights[:, None]
        rows[technique.size - starts.size :] = (each[1:] - each[0]) / value
        ends, outputs = np.append(ends, technique.size + several), np.append(outputs, 1.0)
        cost = np.append(cost, worth_of(run, run.p))
        share = np.append(share, run.z * economy.weights)
    if run.kept.size < k:
        rows = np.ascontiguousarray(rows[:, run.kept])
    return Columns(technique, ends, outputs, cost, share, rows), needs


def _finish(run: Decomposition, rounds: int, ended: Ended) -> Result:
    """Plan, prices and state of the best bounds; of an unbounded economy only the ray."""
    economy, bounds = run.economy, run.bounds
    x, z = bounds.plan or (np.zeros(economy.n_activities), np.zeros(economy.n_targets))
    p, w = (None, None) if run.ray is not None else bounds.prices or (None, None)
    state = State(
        np.zeros(economy.n_resources) if w is None else w,
        run.p if p is None else p,
        run.y if bounds.plan is None else np.asarray(economy.outputs @ x),
        run.requirements,
    )
    run.requirements *= economy.endowment
    ran = {FACTORISED: run.direct is not None, MIXED: bool(run.plans)}
    also = "; ".join(name for name, did in ran.items() if did)
    return Result(
        ended=ended,
        x=x,
        z=z,
        p=p,
        w=w,
        lower=bounds.lower or 0.0,
        upper=bounds.upper,
        iterations={"rounds": rounds, "passes": round(run.meter.passes)},
        state=state,
        ray=run.ray,
        status="" if run.ray is None else "a target costs nothing",
        message=also,
        also=also,
    )
