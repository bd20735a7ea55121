"""Polish: spend time on an answer to narrow its bracket; untrusted, and charged for.

Polish can do a solver's work (from w = 1/r it closes economies with one resource), so solvers
are compared on the raw gap and the polished one is shown as well, with its time.
It applies where every activity makes one good; elsewhere nothing is done.
"""

from __future__ import annotations

import numpy as np

from planbench.certificates.check import certified_upper, limits_of
from planbench.certificates.interior import (
    cheapest_techniques,
    least_cost_prices,
    make_what_is_short,
    single_product,
)
from planbench.certificates.repair import clean, raw_lower, raw_upper
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy

#: Sweeps of value iteration and of "make what is short"; each is about one matrix pass.
SWEEPS = 40


def applies(economy: Economy) -> bool:
    """Whether polish knows what to do with `economy`."""
    return limits_of(economy).in_range and single_product(economy)


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
