"""Repair: make nearly feasible answers feasible, so that the checker can give them a bound.

Nothing here is trusted: whatever comes out goes through :mod:`planbench.certify.check`.
One repair costs at most five matrix passes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planbench.certify.check import (
    LARGEST,
    SMALLEST,
    certified_lower,
    certified_upper,
    limits_of,
    plan_slack,
    price_surplus,
)
from planbench.certify.interior import interior_of
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy

#: Error bounds are counted this often when mixing, as mixing rounds once more.
SAFETY = 4.0


def clean(values: FloatArray | None, size: int) -> FloatArray | None:
    """`values` clipped at 0 with dust flushed; None if of a wrong size, not finite or huge."""
    if values is None or values.shape != (size,) or not (np.abs(values) <= LARGEST).all():
        return None
    out = np.maximum(values, 0.0)
    return np.where(out < SMALLEST, 0.0, out)


def raw_upper(
    economy: Economy, p: FloatArray | None, w: FloatArray | None
) -> tuple[float | None, tuple[FloatArray, FloatArray] | None]:
    """Best certified upper bound from `p`, `w` by interior mixing and joint scaling.

    Returns
    -------
    bound : float or None
    prices : tuple of ndarray or None
        The repaired prices that gave it.
    """
    best: float | None = None
    best_prices = None
    p, w = clean(p, economy.n_goods), clean(w, economy.n_resources)
    if p is None or w is None or not limits_of(economy).in_range:
        return None, None
    for candidate in _price_candidates(economy, p, w):
        bound = certified_upper(economy, *candidate)
        if bound is not None and (best is None or bound < best):
            best, best_prices = bound, candidate
    return best, best_prices


def _price_candidates(
    economy: Economy, p: FloatArray, w: FloatArray
) -> Iterator[tuple[FloatArray, FloatArray]]:
    limits = limits_of(economy)
    surplus = price_surplus(economy, p, w)
    gain = surplus.activities + SAFETY * surplus.activities_error
    # Scaling alone is enough where every gain is paid out of a finite limit.
    unpaid = (gain > 0) & np.isinf(limits.activity)
    if not unpaid.any():
        yield _scaled_to_worth(economy, p, w)
    interior = interior_of(economy)
    if interior is None:
        return
    p0, w0 = interior.goods_prices, interior.resource_prices
    margin_surplus = price_surplus(economy, p0, w0)
    margin = -(margin_surplus.activities + SAFETY * margin_surplus.activities_error)
    must = (gain > 0) & np.isinf(economy.capacity)
    if (margin[must] <= 0).any():
        return
    theta = float(np.max(gain[must] / margin[must], initial=0.0)) * (1 + 1e-9)
    mixed = p + theta * p0, w + theta * w0
    if (economy.assortment.T @ mixed[0] > 0).all():
        yield _scaled_to_worth(economy, *mixed)
    else:
        # Worthless prices (the null answer): the least of the interior that gives worth.
        yield _scaled_to_worth(economy, p0, w0)


def _scaled_to_worth(
    economy: Economy, p: FloatArray, w: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Scale jointly so that every target is worth at least its weight."""
    worth = np.asarray(economy.assortment.T @ p)
    limits = limits_of(economy)
    must = np.isinf(limits.target) | (worth > 0.5 * economy.weights)
    with np.errstate(divide="ignore"):
        ratio = np.where(worth > 0, economy.weights / worth, np.inf)
    scale = float(np.max(ratio[must], initial=0.0)) or 1.0
    if not np.isfinite(scale):
        scale = 1.0
    scale *= 1 + SAFETY * float(np.max(limits.target_terms + 8)) * 2.0**-53
    return p * scale, w * scale


def raw_lower(
    economy: Economy, x: FloatArray | None, z: FloatArray | None
) -> tuple[float | None, tuple[FloatArray, FloatArray] | None]:
    """Best certified lower bound from `x`, `z` by clipping and interior mixing.

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
    best: float | None = None
    best_plan = None
    for candidate in _plan_candidates(economy, x, z):
        bound = certified_lower(economy, *candidate)
        if bound is not None and (best is None or bound > best):
            best, best_plan = bound, candidate
    return best, best_plan


def _plan_candidates(
    economy: Economy, x: FloatArray, z: FloatArray
) -> Iterator[tuple[FloatArray, FloatArray]]:
    interior = interior_of(economy)
    x0 = interior.activities if interior is not None else None
    nothing = np.zeros_like(z)
    slack = plan_slack(economy, x, nothing)
    goods = slack.goods - SAFETY * slack.goods_error
    resources = slack.resources - SAFETY * slack.resources_error
    delivered = np.asarray(economy.assortment @ z)
    # The error of what is delivered is at most a few roundoffs of itself.
    terms = float(np.max(limits_of(economy).target_terms, initial=1) + economy.n_targets + 16)
    with_z = goods - delivered * (1 + SAFETY * terms * 2.0**-53)
    room_goods = room_resources = room_with_z = None
    z0 = nothing
    if x0 is not None:
        inner = plan_slack(economy, x0, nothing)
        room_goods = inner.goods - SAFETY * inner.goods_error
        room_resources = inner.resources - SAFETY * inner.resources_error
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
