"""The fit of n^b alone, without the other laws that :func:`study_growth` weighs it against."""

from __future__ import annotations

from typing import Any

from planbench.stats.fits import POWER, fit_model, observe
from planbench.stats.growth import LEAST_SIZES, PowerLawFit, check_confidence, power_law


def fit_power_law(
    sizes: Any,
    costs: Any,
    at_least: Any = None,
    *,
    floor: Any = None,
    limit: Any = None,
    confidence: float = 0.95,
    replicates: int = 999,
    seed: int = 0,
) -> PowerLawFit:
    """Fit cost = a·n^b by censored maximum likelihood, with a bootstrap interval for b."""
    seen = observe(sizes, costs, at_least, floor=floor, limit=limit)
    check_confidence(confidence)
    if seen.exact_sizes.size < LEAST_SIZES:
        return power_law(seen, None, confidence)
    fitted = fit_model(POWER, seen, confidence=confidence, replicates=replicates, seed=seed)
    return power_law(seen, fitted, confidence)
