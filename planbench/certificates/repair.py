"""Repair and polish: make nearly feasible answers feasible, so that the checker can bound them.

Nothing here is trusted: whatever comes out goes through :mod:`planbench.certificates.check`.
A repair of both sides costs four matrix passes as a rule and six at most: one to see what is
wrong with the plan, one to check what is promised to be best, one more where that fails, and as
many for the prices. What belongs to the interior is computed once for an economy.

Polish spends time on an answer to narrow its bracket, and is charged for. It can do a solver's work
(from w = 1/r it closes economies with one resource), so solvers are compared on the raw gap and
the polished one is shown as well, with its time. It applies where every activity makes one good.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from planbench.certificates.check import (
    LARGEST,
    SMALLEST,
    Limits,
    certified_lower,
    certified_upper,
    limits_of,
    plan_slack,
    price_surplus,
)
from planbench.certificates.interior import (
    cheapest_techniques,
    interior_of,
    least_cost_prices,
    make_what_is_short,
)
from planbench.model.arrays import FloatArray
from planbench.model.checks import one_good_each
from planbench.model.economy import Economy, Interior

#: Error bounds are counted this often when mixing, as mixing rounds once more.
SAFETY = 4.0

Prices = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, eq=False)
class Room:
    """What the interior of an economy leaves, rounding deducted.

    Attributes
    ----------
    margin : ndarray, shape (activities,)
        What each activity loses at the interior prices.
    goods, resources : ndarray or None
        Slack of the interior plan; None without one.
    """

    margin: FloatArray
    goods: FloatArray | None
    resources: FloatArray | None


#: By the identity of an interior, which is kept with it so that the identity stays unique.
_rooms: WeakKeyDictionary[Economy, dict[int, tuple[Interior, Room]]] = WeakKeyDictionary()


def room_of(economy: Economy, interior: Interior) -> Room:
    """Room the `interior` of `economy` leaves, computed once."""
    known = _rooms.setdefault(economy, {})
    if id(interior) not in known:
        lost = price_surplus(economy, interior.goods_prices, interior.resource_prices)
        margin = -(lost.activities + SAFETY * lost.activities_error)
        goods = resources = None
        if interior.activities is not None:
            inner = plan_slack(economy, interior.activities, np.zeros(economy.n_targets))
            goods = inner.goods - SAFETY * inner.goods_error
            resources = inner.resources - SAFETY * inner.resources_error
        known[id(interior)] = interior, Room(margin, goods, resources)
    return known[id(interior)][1]


def clean(values: FloatArray | None, size: int) -> FloatArray | None:
    """`values` clipped at 0 with dust flushed; None if of a wrong size, not finite or huge."""
    if values is None or values.shape != (size,) or not (np.abs(values) <= LARGEST).all():
        return None
    out = np.maximum(values, 0.0)
    return np.where(out < SMALLEST, 0.0, out)


def raw_upper(
    economy: Economy, p: FloatArray | None, w: FloatArray | None, *, programs: bool = True
) -> tuple[float | None, Prices | None]:
    """Certified upper bound from `p`, `w` by interior mixing and joint scaling.

    Parameters
    ----------
    economy : Economy
    p : ndarray, shape (goods,), or None
    w : ndarray, shape (resources,), or None
    programs : bool
        As for :func:`planbench.certificates.interior.interior_of`.

    Returns
    -------
    bound : float or None
    prices : tuple of ndarray or None
        The repaired prices that gave it.
    """
    p, w = clean(p, economy.n_goods), clean(w, economy.n_resources)
    if p is None or w is None or not limits_of(economy).in_range:
        return None, None
    interior = interior_of(economy, programs=programs)
    # The first to keep its promise will do: each check is a matrix pass.
    for _, candidate in sorted(_price_candidates(economy, p, w, interior), key=lambda c: c[0]):
        bound = certified_upper(economy, *candidate)
        if bound is not None:
            return bound, candidate
    return None, None


def _price_candidates(
    economy: Economy, p: FloatArray, w: FloatArray, interior: Interior | None
) -> Iterator[tuple[float, Prices]]:
    """Repaired prices, each with the bound it promises."""
    limits = limits_of(economy)
    surplus = price_surplus(economy, p, w)
    gain = surplus.activities + SAFETY * surplus.activities_error
    # Scaling alone is enough where every gain is paid out of a finite limit.
    unpaid = (gain > 0) & np.isinf(limits.activity)
    if not unpaid.any():
        yield _scaled_to_worth(economy, p, w, gain)
    if interior is None:
        return
    p0, w0 = interior.goods_prices, interior.resource_prices
    margin = room_of(economy, interior).margin
    must = (gain > 0) & np.isinf(economy.capacity)
    if (margin[must] <= 0).any():
        return
    theta = float(np.max(gain[must] / margin[must], initial=0.0)) * (1 + 1e-9)
    mixed = p + theta * p0, w + theta * w0
    if not (economy.assortment.T @ mixed[0] > 0).all():
        # Worthless prices (the null answer): the least of the interior that gives worth.
        yield _scaled_to_worth(economy, p0, w0, -margin)
    elif theta > 0 or unpaid.any():
        yield _scaled_to_worth(economy, *mixed, gain - theta * margin)


def _scaled_to_worth(
    economy: Economy, p: FloatArray, w: FloatArray, gain: FloatArray
) -> tuple[float, Prices]:
    """Prices scaled jointly to the lowest bound, and the bound they promise.

    All of U but the targets' shortfall is in proportion to the scale, so U is convex and
    piecewise linear in it, with a corner where a target is worth just its weight.
    """
    limits = limits_of(economy)
    worth = np.asarray(economy.assortment.T @ p)
    gains = gain > 0
    base = float(w @ economy.endowment - p @ economy.fixed_demand)
    base += float(limits.activity[gains] @ gain[gains])
    valued = worth > 0
    corners = np.unique(economy.weights[valued] / worth[valued])
    # A target without a limit must be worth its weight in full.
    least = np.max(
        economy.weights[valued & np.isinf(limits.target)] / worth[valued & np.isinf(limits.target)],
        initial=0.0,
    )
    corners = corners[corners >= least]
    if (~valued & np.isinf(limits.target)).any() or not np.isfinite([base, *corners]).all():
        return np.inf, (p, w)
    if not corners.size:
        return base + float(limits.target @ economy.weights), (p, w)
    scale = float(corners[np.argmin(_bounds_at(corners, base, worth, economy.weights, limits))])
    scale *= 1 + SAFETY * float(np.max(limits.targets.terms + 8)) * 2.0**-53
    promise = float(_bounds_at(np.array([scale]), base, worth, economy.weights, limits)[0])
    return promise, (p * scale, w * scale)


def _bounds_at(
    scales: FloatArray, base: float, worth: FloatArray, weights: FloatArray, limits: Limits
) -> FloatArray:
    """U at each of `scales`: scale·base and z̄ times what each target falls short by."""
    finite = np.isfinite(limits.target)
    at = np.argsort(weights[finite] / np.maximum(worth[finite], SMALLEST))
    corner = (weights[finite] / np.maximum(worth[finite], SMALLEST))[at]
    owed = np.append(np.cumsum((limits.target * weights)[finite][at][::-1])[::-1], 0.0)
    paid = np.append(np.cumsum((limits.target * worth)[finite][at][::-1])[::-1], 0.0)
    # Targets whose corner lies beyond the scale fall short.
    first = np.searchsorted(corner, scales, side="right")
    return np.asarray(scales * base + owed[first] - scales * paid[first])


def raw_lower(
    economy: Economy, x: FloatArray | None, z: FloatArray | None, *, programs: bool = True
) -> tuple[float | None, tuple[FloatArray, FloatArray] | None]:
    """Certified lower bound from `x`, `z` by clipping and interior mixing.

    Parameters
    ----------
    economy : Economy
    x : ndarray, shape (activities,), or None
    z : ndarray, shape (targets,), or None
    programs : bool
        As for :func:`planbench.certificates.interior.interior_of`.

    Returns
    -------
    bound : float or None
    plan : tuple of ndarray or None
        The repaired (x, z) that gave it.
    """
    x, z = clean(x, economy.n_activities), clean(z, economy.n_targets)
    if x is None or z is None or not limits_of(economy).in_range:
        return None, None
    x = np.minimum(x, np.minimum(economy.capacity, limits_of(economy).activity))
    interior = interior_of(economy, programs=programs)
    candidates = list(_plan_candidates(economy, x, z, interior))
    # The first to keep its promise will do: each check is a matrix pass.
    # Repair removed what rounding may hide; a plan that is feasible needs none.
    candidates = sorted(candidates, key=lambda c: -float(economy.weights @ c[1]))
    for candidate in [*candidates, (x, z)]:
        bound = certified_lower(economy, *candidate)
        if bound is not None:
            return bound, candidate
    return None, None


def _plan_candidates(
    economy: Economy, x: FloatArray, z: FloatArray, interior: Interior | None
) -> Iterator[tuple[FloatArray, FloatArray]]:
    x0 = interior.activities if interior is not None else None
    nothing = np.zeros_like(z)
    slack = plan_slack(economy, x, nothing)
    goods = slack.goods - SAFETY * slack.goods_error
    resources = slack.resources - SAFETY * slack.resources_error
    delivered = np.asarray(economy.assortment @ z)
    # The error of what is delivered is at most a few roundoffs of itself.
    terms = float(economy.n_targets + 16)
    with_z = goods - delivered * (1 + SAFETY * terms * 2.0**-53)
    room_goods = room_resources = room_with_z = None
    z0 = nothing
    if interior is not None:
        room = room_of(economy, interior)
        room_goods, room_resources = room.goods, room.resources
    if room_goods is not None:
        # The interior delivers half of what it could: mixing it in then costs less.
        z0 = 0.5 * deliverable(economy, np.maximum(room_goods, 0.0), z)
        room_with_z = room_goods - (economy.assortment @ z0) * (1 + SAFETY * terms * 2.0**-53)
    # Keep z and mix until everything fits.
    theta = _mixing(with_z, resources, room_with_z, room_resources)
    if theta is not None:
        mixed = x if x0 is None or theta == 0 else _mix(economy, x, x0, theta)
        yield mixed, (1 - theta) * z + theta * z0
    # Mix only until what is fixed fits, then deliver what is left.
    theta = _mixing(goods, resources, room_goods, room_resources)
    if theta is not None:
        left = goods
        mixed = x
        if x0 is not None and theta > 0:
            mixed = _mix(economy, x, x0, theta)
            assert room_goods is not None
            left = (1 - theta) * goods + theta * room_goods
        yield mixed, deliverable(economy, np.maximum(left, 0.0), z)


def _mix(economy: Economy, x: FloatArray, x0: FloatArray, theta: float) -> FloatArray:
    mixed = np.minimum((1 - theta) * x + theta * x0, economy.capacity)
    return np.where(mixed < SMALLEST, 0.0, mixed)


def _mixing(
    goods: FloatArray,
    resources: FloatArray,
    room_goods: FloatArray | None,
    room_resources: FloatArray | None,
) -> float | None:
    """Smallest θ in [0, 1) that makes (1 − θ)·slack + θ·room ≥ 0 everywhere; None if none."""
    short = np.concatenate([goods, resources])
    at = short < 0
    if not at.any():
        return 0.0
    if room_goods is None or room_resources is None:
        return None
    room = np.concatenate([room_goods, room_resources])
    if (room[at] <= 0).any():
        return None
    theta = float(np.max(-short[at] / (room[at] - short[at]))) * (1 + 1e-9) + 1e-16
    return theta if theta < 1 else None


def deliverable(economy: Economy, left: FloatArray, z: FloatArray) -> FloatArray:
    """Most of each target that the goods left over allow.

    First the largest common scale of `z`, then target after target what is still possible.

    Parameters
    ----------
    left : ndarray, shape (goods,)
        Goods left over, ≥ 0.
    z : ndarray, shape (targets,)
        Proportions wanted.
    """
    assortment = economy.assortment
    bundle = np.asarray(assortment @ z)
    wanted = bundle > 0
    shrink = 1 - 64 * 2.0**-53 * (1 + economy.n_targets)
    if wanted.any():
        z = z * (float(np.min(left[wanted] / bundle[wanted])) * shrink)
        left = np.maximum(left - assortment @ z, 0.0)
    else:
        z = np.zeros_like(z)
    order = np.argsort(-economy.weights, kind="stable")
    for k in order:
        span = slice(assortment.indptr[k], assortment.indptr[k + 1])
        goods, amount = assortment.indices[span], assortment.data[span]
        extra = float(np.min(left[goods] / amount)) * shrink
        if extra > 1e-15 * z[k]:
            z[k] += extra
            left[goods] = np.maximum(left[goods] - extra * amount, 0.0)
    return np.where(z < SMALLEST, 0.0, z)


#: Sweeps of value iteration and of "make what is short"; each is about one matrix pass.
SWEEPS = 40


def polish_applies(economy: Economy) -> bool:
    """Whether polish knows what to do with `economy`."""
    return limits_of(economy).in_range and one_good_each(economy)


def polished_upper(
    economy: Economy, p: FloatArray | None, w: FloatArray | None
) -> tuple[float | None, tuple[FloatArray, FloatArray] | None]:
    """Certified upper bound after replacing `p` by least-cost prices of `w`."""
    w = clean(w, economy.n_resources)
    if w is None:
        return None, None
    best, prices = raw_upper(economy, p, w)
    starts = [None] if prices is None else [prices[0], None]
    for start in starts:
        rents = w if start is None or prices is None else prices[1]
        swept = least_cost_prices(economy, rents, sweeps=SWEEPS, start=start)
        if swept is None:
            continue
        # A trifle lower, so that rounding cannot leave an activity with a gain.
        swept = swept * (1 - 1e-14)
        bound, repaired = raw_upper(economy, swept, rents)
        if bound is not None and (best is None or bound < best):
            best, prices = bound, repaired
        if certified_upper(economy, swept, rents) is not None:
            break
    return best, prices


def polished_lower(
    economy: Economy,
    x: FloatArray | None,
    z: FloatArray | None,
    prices: tuple[FloatArray, FloatArray] | None,
) -> float | None:
    """Certified lower bound after making what is short, cheapest technique first."""
    x, z = clean(x, economy.n_activities), clean(z, economy.n_targets)
    if x is None or z is None:
        return None
    best, repaired = raw_lower(economy, x, z)
    p, w = prices or (np.ones(economy.n_goods), np.ones(economy.n_resources))
    chosen = cheapest_techniques(economy, p, w)
    starts = [(x, z)]
    if repaired is not None:
        starts.append(repaired)
    starts.append((np.zeros_like(x), np.ones_like(z)))
    for levels, wanted in starts:
        if not wanted.any():
            continue
        need = np.asarray(economy.assortment @ wanted) + economy.fixed_demand
        made = make_what_is_short(economy, levels, need, chosen, SWEEPS)
        made, wanted = _within_limits(economy, made, wanted)
        bound, _ = raw_lower(economy, made, wanted)
        if bound is not None and (best is None or bound > best):
            best = bound
    return best


def _within_limits(economy: Economy, x: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Scale a plan down (or up) to the endowments, where nothing fixed must be met."""
    if (economy.fixed_demand > 0).any():
        return x, z
    spent = np.asarray(economy.resource_use @ x)
    with np.errstate(divide="ignore"):
        scale = float(np.where(spent > 0, economy.endowment / spent, np.inf).min(initial=np.inf))
        if (economy.fixed_demand < 0).any():
            scale = min(scale, 1.0)
        capacity = np.where(x > 0, economy.capacity / np.where(x > 0, x, 1.0), np.inf)
        scale = min(scale, float(capacity.min(initial=np.inf)))
    return (x * scale, z * scale) if 0 < scale < np.inf else (x, z)
