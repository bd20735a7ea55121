"""Following the centre: its choice becomes the shares, targets, disposal and prices to plan by."""

from __future__ import annotations

import numpy as np

from planbench.planners.branch_centre import Chosen
from planbench.planners.branch_kernels import CAPPED, FREE
from planbench.planners.course import Course, ratio, sums

#: Techniques that the centre fills make what they can, before all others: what stands for all of
#: the output.
FIRST = 1e6


def follow(course: Course, chosen: Chosen) -> None:
    """Take over what the centre chose."""
    b, supply, y = course.branches, course.supply, course.y
    n, cleared, columns = y.size, course.cleared, chosen.columns
    shares, mix, thrown, made, _ = np.split(chosen.s, columns.starts)
    full, _, _, own_full, _ = np.split(chosen.full, columns.starts)
    course.disposal[:] = 0.0
    course.disposal[columns.disposed] = thrown * columns.disposed_unit
    course.disposal[course.disposal < 1e-9 * course.tolerance * y] = 0.0
    course.floor[:] = 0.0
    supply.given[:] = False
    supply.share[:] = 0.0
    which, good = columns.techniques, b.good[columns.techniques]
    total = sums(good, shares, n)
    supply.share[which] = ratio(shares, total[good])
    supply.share[which[full]] = FIRST
    supply.given[good] = total[good] > 0
    if cleared.size:
        own, amount = columns.own, made * columns.own_unit
        total = sums(b.good[own], amount, n)
        y[cleared] = total[cleared] / chosen.scale
        surplus = chosen.solution.left[course.rows :] > 1e-9 * course.tolerance
        course.floor[cleared] = np.where(surplus, y[cleared], 0.0)
        supply.share[own] = ratio(amount, total[b.good[own]])
        supply.share[own[own_full]] = FIRST
        supply.given[cleared] = total[cleared] > 0
    if mix.size:
        mix = np.where(mix > 1e-9, mix, 0.0)
        course.mix = mix / mix.sum()
    course.pi = chosen.pi
    # A model that is far off may shrink the plan to nothing, or blow it up.
    least, most = 0.5 * (course.bracket.lower or 0.0), 2 * (course.bracket.upper or np.inf)
    scale = min(max(course.z * chosen.scale, least), max(most, course.z)) / course.z
    course.z *= scale
    y *= scale
    course.floor *= scale


def keep_techniques(course: Course) -> None:
    """Have goods outside the centre's model keep their techniques, even if others are cheaper now.

    The change is not in the model, and scarce goods would have to follow it. The next model has
    the cheaper ones.
    """
    b, supply, y, x = course.branches, course.supply, course.y, course.x
    outside = ((course.kinds == FREE) | (course.kinds == CAPPED)) & ~supply.given & (y > 0)
    dearer = (x > 0) & (course.costs > course.p[b.good])
    kept = outside & (sums(b.good, np.where(dearer, 1.0, 0.0), y.size) > 0)
    techniques = np.flatnonzero(kept[b.good])
    # Of what was made: outputs are scaled already, and what the shares leave the cheapest makes.
    supply.share[techniques] = x[techniques] / b.by_good(x)[b.good[techniques]]
    supply.given[kept] = True
