"""A power law fitted by itself, without other laws to choose from."""

from __future__ import annotations

from planbench.stats.fits import LEAST_SIZES, POWER, fit_law, observe
from planbench.stats.growth import PowerLawFit, power_law


def fit_power_law(sizes, costs, at_least=None, *, floor=0.0, replicates=999, seed=0) -> PowerLawFit:
    """Fit cost = a·n^b; the arguments are those of :func:`planbench.stats.growth.study_growth`."""
    seen = observe(sizes, costs, at_least, floor=floor)
    if seen.exact_sizes.size < LEAST_SIZES:
        return power_law(seen)
    return power_law(seen, fit_law(POWER, seen, replicates=replicates, seed=seed))
