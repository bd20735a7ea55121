"""Following the centre: its choice becomes the shares, targets, disposal and prices to plan by."""

from __future__ import annotations

import numpy as np

from planbench.planners.centre_model import Chosen
from planbench.planners.course import Course, ratio, sums

#: Techniques that the centre fills but for this share make what they can, before all others:
#: what stands for all of the output.
FULL, FIRST = 1e-3, 1e6


def follow(course: Course, chosen: Chosen, exact=False) -> None:
    """Take over what the centre chose."""
    FULL = 1e-12 if exact else 1e-3
    b, net, supply, y = course.branches, course.net, course.supply, course.y
    n, cleared = y.size, course.cleared
    course.disposal[:] = 0.0
    course.disposal[chosen.disposed] = chosen.disposal
    course.disposal[course.disposal < 1e-9 * course.tolerance * y] = 0.0
    course.floor[:] = 0.0
    supply.given[:] = False
    supply.share[:] = 0.0
    # Their change to it is not in the model, and scarce goods would have to follow it.
    waits = np.zeros(n, dtype=bool)
    waits[chosen.waiting] = True
    techniques = np.flatnonzero(waits[b.good] & (course.x > 0))
    supply.share[techniques] = course.x[techniques] / y[b.good[techniques]]
    supply.given[chosen.waiting] = True
    which, good = chosen.techniques, b.good[chosen.techniques]
    kept = chosen.shares > np.maximum(1e-7, 0.1 * chosen.dearer)
    if exact: kept = chosen.shares > 0
    shares = np.where(kept, chosen.shares, 0.0)
    total = sums(good, shares, n)
    supply.share[which] = ratio(shares, total[good])
    full = shares > (1 - FULL) * net.limit[which] / y[good]
    supply.share[which[full]] = FIRST
    supply.given[good] = total[good] > 0
    if cleared.size:
        own, made = chosen.own, chosen.made
        total = sums(b.good[own], made, n)
        y[cleared] = total[cleared] / chosen.zeta
        surplus = chosen.left[course.rows :] > 1e-9 * course.tolerance
        course.floor[cleared] = np.where(surplus, y[cleared], 0.0)
        supply.share[own] = ratio(made, total[b.good[own]])
        supply.share[own[made > (1 - FULL) * net.limit[own]]] = FIRST
        supply.given[cleared] = total[cleared] > 0
    if chosen.mix.size:
        mix = np.where(chosen.mix > 1e-9, chosen.mix, 0.0)
        course.mix = mix / mix.sum()
    course.pi = chosen.pi
    # A model that is far off may shrink the plan to nothing, or blow it up.
    least, most = 0.5 * (course.bracket.lower or 0.0), 2 * (course.bracket.upper or np.inf)
    scale = min(max(course.z * chosen.zeta, least), max(most, course.z)) / course.z
    course.z *= scale
    y *= scale
    course.floor *= scale
