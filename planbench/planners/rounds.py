"""The rounds of ``general``: rows priced by the centre, goods by branches, plans back, until done.

A round has the branches answer the centre's prices of primary rows and cleared goods with prices
and outputs (:func:`price_goods`, :func:`plan_outputs`), which gives both bounds, and the centre
choose anew from a model of what can change nearby (:func:`choose_anew`). A good is *cleared* by
the centre, as the primary rows are, where it is left over at a price of 0, or where its techniques
have so little room that its price is not its cost.

Nothing says that this converges. Where it does not, :mod:`planbench.planners.general` goes on with
price adjustment.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from planbench.certificates.repair import raw_lower, raw_upper
from planbench.model.arrays import FloatArray
from planbench.planners import branch_kernels as kernels
from planbench.planners.branch_kernels import CLEARED, PRIMARY, Pricing
from planbench.planners.centre_model import correct, solve_model, trust
from planbench.planners.centre_rows import all_rows, clear_goods, update_requirements
from planbench.planners.course import SPARE, TINY, Course, least_flow, ratio, spare_share
from planbench.planners.extrapolation import Window
from planbench.planners.follow import follow, keep_techniques
from planbench.planners.mix import Candidate, best_mix
from planbench.planners.planner import Pair, Report

Ended = Literal["optimal", "time limit", "stalled"]

#: Most rounds; rounds in which the gap does not halve after which it is given up.
MOST_ROUNDS, PATIENCE = 60, 16
#: Most sweeps of each kind in a round; sweeps that only lower prices.
PRICE_SWEEPS, OUTPUT_SWEEPS, LOWERING = 60, 80, 4
#: Goods that are short by more than this share after half of the output sweeps are made by
#: their cheapest techniques.
LOOPING = 1e-2
#: A plan for so much less has slack everywhere. It is made where progress is below the second, and
#: goods outside the model keep their techniques.
LESS, NEAR_PLAN = 0.1, 0.01
#: Plans that are mixed.
PLANS = 8
#: Techniques one input of which alone costs more than the product by this share are not used.
COSTLY = 0.003
#: Widths of the mixing of techniques and of targets in the first round; shares below the last are
#: dropped.
WIDTH, TARGETS_WIDTH, LEAST_MIX = 0.1, 4.0, 1e-3
#: Most corrections of a plan; they are made where progress, or a gap that they can close, is below
#: so many times the tolerance.
CORRECTIONS, NEAR_END = 4, 10.0


def iterate(course: Course, report: Report) -> Ended:
    """Go on until the bracket is within the tolerance, the time is over or progress ends."""
    # What overflows is found out by its bounds, or by not being finite.
    with np.errstate(all="ignore"):
        return _iterate(course, report)


def _iterate(course: Course, report: Report) -> Ended:
    mark, nearer, since = 1.0, np.inf, 0
    while True:
        if not price_goods(course):
            return "time limit" if course.meter.over() else "stalled"
        if course.before < NEAR_PLAN:
            keep_techniques(course)
        if not plan_outputs(course):
            return "time limit" if course.meter.over() else "stalled"
        used, flow = row_balances(course)
        _bound_by_prices(course)
        _bound(course, used)
        if _worth_correcting(course):
            used, flow = _correct(course, used, flow)
        report(_line(course))
        if course.gap <= course.tolerance:
            return "optimal"
        if course.meter.over():
            return "time limit"
        since += 1
        if course.gap < 0.5 * mark or course.before < 0.5 * nearer:
            mark, nearer, since = course.gap, min(nearer, course.before), 0
        course.round += 1
        if since >= PATIENCE or course.round >= MOST_ROUNDS:
            return "stalled"
        if not choose_anew(course, used, flow):
            return "time limit" if course.meter.over() else "stalled"


def _worth_correcting(course: Course) -> bool:
    """Whether progress is near the end, or the gap is and closes once the plan is feasible."""
    near, most = NEAR_END * course.tolerance, course.bracket.upper or np.inf
    closes = most - course.z <= course.tolerance * most
    return course.before < near or (course.gap < near and closes)


def _correct(course: Course, used: FloatArray, flow: FloatArray) -> Pair:
    """Correct the choice by what the plan really uses, while that makes it less infeasible."""
    before = np.inf
    for _ in range(CORRECTIONS):
        if course.gap <= course.tolerance or course.meter.over() or course.chosen is None:
            break
        every, through = all_rows(course, used, flow)
        short = float(((every - course.rights()) / through).max())
        if not short < before:
            break
        before = short
        chosen = correct(course, course.chosen, every)
        if chosen is None:
            break
        course.chosen = chosen
        follow(course, chosen)
        keep_techniques(course)
        if not plan_outputs(course):
            break
        used, flow = row_balances(course)
        _bound(course, used)
    return used, flow


def _line(course: Course) -> str:
    def show(value: float | None) -> str:
        return "none" if value is None else f"{value:.12g}"

    bracket = course.bracket
    return (
        f"round {course.round + 1}: lower {show(bracket.lower)}, upper {show(bracket.upper)}, "
        f"gap {course.gap:.3g}, cleared goods {course.cleared.size}, "
        f"passes {course.meter.passes:.1f}, {course.meter.seconds:.2f} s"
    )


def price_goods(course: Course) -> bool:
    """Solve for prices of goods at the centre's prices; False if none make sense or time is up."""
    net, meter, tolerance = course.net, course.meter, course.tolerance
    e = course.branches.economy
    direct = np.empty(course.x.size)
    kernels.direct_costs(net, course.pi[: course.rows], direct)
    meter.work += net.use.size
    ceiling = np.zeros(e.n_goods)
    ceiling[course.cleared] = course.pi[course.rows :]
    pricing = Pricing(course.kinds, course.y, ceiling, direct)
    enough = max(0.01 * min(course.gap, course.expected, course.before), 0.01 * tolerance)
    weight = course.y if course.y.any() else course.demand()[0]
    window = Window(np.sqrt(weight / max(float(weight.max(initial=0.0)), TINY) + 1e-12))
    p = course.p
    for _ in range(PRICE_SWEEPS):
        old = p.copy()
        change, work = kernels.sweep_prices(net, pricing, False, course.costs, p)
        meter.work += work
        if change < enough:
            break
        if meter.over():
            return False
        window.add_step(old, p)
        gamma = window.mix() if window.ready else None
        if gamma is not None:
            np.maximum(window.mixed(gamma)[0], 0.0, out=p)
    # Prices a little too high are repaired at a hundred times what they are wrong by.
    for _ in range(LOWERING if course.round else 0):
        change, work = kernels.sweep_prices(net, pricing, True, course.costs, p)
        meter.work += work
        if change < 1e-3 * tolerance or meter.over():
            break
    full, _ = course.prices()
    worths = np.asarray(e.assortment.T @ full) / e.weights
    worth = float(worths.min(initial=np.inf))
    if not 0 < worth < np.inf:
        return False
    if course.round == 0 and worths.size > 1 and not course.z:
        mix = np.exp(-np.minimum((worths / worth - 1) / TARGETS_WIDTH, 700.0))
        course.mix = mix / mix.sum()
    p /= worth
    course.pi /= worth
    course.costs /= worth
    course.pi[course.rows :] = p[course.cleared]
    kernels.sort_by_cost(net.first, course.costs, course.supply.order)
    return bool(np.isfinite(p).all() and np.isfinite(course.pi).all())


def _share_out(course: Course) -> None:
    """Mix techniques that cost about the same, in the first round."""
    b, net, supply = course.branches, course.net, course.supply
    p = course.p[b.good]
    excess = np.where(p > 0, np.maximum(ratio(course.costs, p) - 1.0, 0.0), 0.0)
    share = np.exp(-np.minimum(excess / WIDTH, 700.0))
    share[share < LEAST_MIX] = 0.0
    total = b.by_good(share)
    several = np.diff(net.first) > 1
    supply.share[:] = ratio(share, total[b.good])
    supply.given[:] = several & (total > 0)


def plan_outputs(course: Course, more: float = 0.0) -> bool:
    """Solve for outputs of the plan; False if time is up or they are without bound.

    The spare is `more` than it need be, as a share of outputs.
    """
    e, net, meter = course.branches.economy, course.net, course.meter
    tolerance, y, p = course.tolerance, course.y, course.p
    made = course.kinds != PRIMARY
    if not course.z:
        value = course.estimate()
        course.z = 0.95 * value if 0 < value < np.inf else 1.0
        _share_out(course)
    price = np.where(course.kinds == CLEARED, np.inf, (1 + COSTLY) * p)[course.branches.good]
    kernels.drop_costly(net, p, price, course.supply.share)
    z = course.z
    goods, _ = course.demand()
    wanted = z * goods
    fixed = np.where(made, e.fixed_demand, 0.0)
    equal = np.zeros(y.size)
    if y.any():
        equal = ratio(np.full(y.size, z / max(int(made.sum()), 1)), p)
        equal = np.minimum(equal, 10 * y + wanted + 1e-6 * equal)
    enough = max(
        min(0.003 * min(course.gap, course.expected, course.before), 1e-3), 0.003 * tolerance
    )
    # What the sweeps may leave short is made good by the spare.
    share = spare_share(enough, tolerance) + more
    spare = share * (0.5 * equal + 0.5 * np.maximum(y, wanted))
    course.spare, course.spare_share = spare, share
    demand = wanted + fixed + spare + course.disposal
    window, short = Window(p / max(float(p.max(initial=0.0)), TINY) + 1e-15), np.zeros(y.size)
    _recount(course, demand)
    for number in range(OUTPUT_SWEEPS):
        if number == OUTPUT_SWEEPS // 2:
            # Two goods may be made of one another in the shares given; the cheapest never are.
            course.supply.given[np.abs(short) > LOOPING * y] = False
            window.clear()
            _recount(course, demand)
        meter.work += kernels.sweep_outputs(
            net, course.supply, course.floor, course.need, y, course.x
        )
        lacks, made_in_all, covered = kernels.find_shortages(
            made, course.need, course.floor, y, p, spare, 0.04 * enough, short
        )
        size = max(z, 0.2 * made_in_all)
        if not np.isfinite(size):
            return False
        if lacks < enough * size and covered:
            break
        if meter.over():
            return False
        window.add(y, short)
        gamma = window.mix() if window.ready else None
        if gamma is not None:
            y[:] = np.where(made, np.maximum(window.mixed(gamma)[0], 0.0), 0.0)
            _recount(course, demand)
    return True


def _recount(course: Course, demand: FloatArray) -> None:
    """Levels of techniques at the outputs, and the need of goods at these levels."""
    kernels.set_levels(course.net, course.supply, course.y, course.x)
    course.need[:] = demand
    course.meter.work += kernels.add_needs(course.net, course.x, course.need)


def row_balances(course: Course) -> Pair:
    """Return what the plan uses of the primary rows, and what flows through each."""
    b = course.branches
    _, rows = course.demand()
    used = course.z * rows
    flow = used + np.abs(b.rights)
    gross = np.zeros(course.rows)
    kernels.row_use(course.net, course.x, used, gross)
    course.meter.work += course.net.use.size
    flow += gross
    k = b.resources.size
    flow[:k] = b.rights[:k]
    flow[k:] = np.maximum(flow[k:], least_flow(course, b.primary))
    return used, flow


def _bound_by_prices(course: Course) -> None:
    """Improve the upper bound."""
    e = course.branches.economy
    course.bracket.add_prices(*raw_upper(e, *course.prices(), programs=False))
    course.meter.work += 2 * e.nnz


def _bound(course: Course, used: FloatArray) -> None:
    """Improve the lower bound; the plan is scaled to what is available."""
    b, e = course.branches, course.branches.economy
    over = (used > b.rights) & (b.rights > 0)
    course.fit = float(np.min(b.rights[over] / used[over], initial=1.0))
    if course.fit < 1 and (e.fixed_demand > 0).any():
        _bound_with_less(course, used)
    else:
        _bound_plan(course, course.fit)


def _bound_plan(course: Course, factor: float) -> None:
    b, e, meter = course.branches, course.branches.economy, course.meter
    value = course.z * factor * (1 - 1e-12)
    plan = b.levels(course.x) * factor, value * course.mix / e.weights
    enough = (1 - max(0.1 * course.tolerance, course.before)) * value

    def bound(plan: Pair) -> bool:
        lower, found = raw_lower(e, *plan, programs=False)
        course.bracket.add_plan(lower, found)
        meter.work += 2 * e.nnz
        return lower is not None and lower > enough

    # Where makers are full, a good may be short by next to nothing: the economy's interior repairs
    # that dearly or not at all, other plans at little cost.
    if bound(plan) or course.before > NEAR_PLAN:
        return
    course.plans = [*course.plans[1 - PLANS :], Candidate.of(e, plan)]
    if course.inner is None:
        course.inner = Candidate.of(e, _inner_plan(course))
        meter.work += e.nnz
    meter.work += e.nnz
    mixed = best_mix(e, [*course.plans, course.inner])
    if mixed is None:
        course.inner = None
    else:
        bound(mixed)


def _inner_plan(course: Course) -> Pair:
    """Return a plan for less, with more made of every good than is used."""
    supply = course.supply
    changing = course.y, course.x, course.need, supply.share, supply.given, supply.order
    kept = [part.copy() for part in changing]
    z, spare, share = course.z, course.spare, course.spare_share
    course.z *= 1 - LESS
    plan_outputs(course, more=0.1 * LESS)
    value, fit = course.z * (1 - 1e-12), min(course.fit, 1.0)
    b = course.branches
    plan = b.levels(course.x) * fit, fit * value * course.mix / b.economy.weights
    for part, old in zip(changing, kept, strict=True):
        part[:] = old
    course.z, course.spare, course.spare_share = z, spare, share
    return plan


def _bound_with_less(course: Course, used: FloatArray) -> None:
    """Plan for so much less as brings the use of every row within what is available.

    A plan that must meet fixed demand cannot be scaled.
    """
    lower = course.bracket.lower or 0.0
    if not course.requirements.size or course.z <= lower:
        return
    goods, rows = course.demand()
    each = goods @ course.requirements + rows
    over = (used > course.branches.rights) & (each > 0)
    less = float(np.max((used - course.branches.rights)[over] / each[over], initial=0.0))
    kept = course.z, course.y.copy(), course.x.copy(), course.need.copy()
    course.z -= 2 * less + SPARE * course.tolerance * course.z
    if course.z > lower and plan_outputs(course):
        _bound_plan(course, 1.0)
    course.z = kept[0]
    for now, old in zip((course.y, course.x, course.need), kept[1:], strict=True):
        now[:] = old


def choose_anew(course: Course, used: FloatArray, flow: FloatArray) -> bool:
    """Have the centre choose prices of rows, shares, targets and disposal anew."""
    found = clear_goods(course, used, flow)
    if found is None:
        return False
    used, flow = found
    # First, so that where progress is slow, requirements are finer in this round already.
    error, stay = trust(course, used, flow)
    update_requirements(course, used)
    chosen = solve_model(course, used, flow, error, stay)
    if chosen is None:
        return False
    follow(course, chosen)
    course.chosen = chosen
    return True
