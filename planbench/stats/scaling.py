"""How cost grows with size: power laws fitted to runs of which some hit a limit.

A run that was stopped tells that its cost is *at least* what it had used. Dropping such runs
makes a slow method look fast, so they enter the likelihood as right-censored observations; the
fit itself is in :mod:`planbench.stats.censored`, its intervals in :mod:`planbench.stats.fitted`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from planbench.errors import InputError
from planbench.stats.censored import LEAST_SCATTER
from planbench.stats.fitted import LEAST_SIZES, Fitted, fit_model
from planbench.stats.models import POWER
from planbench.stats.observations import Bound, Flags, Numbers, Observations, checked, observe

__all__ = [
    "LEAST_SCATTER",
    "LEAST_SIZES",
    "LocalSlope",
    "PowerLawFit",
    "fit_power_law",
    "local_slopes",
    "power_law",
]


@dataclass(frozen=True)
class PowerLawFit:
    """cost ≈ prefactor · n^exponent, or the reason why there is no such fit.

    Attributes
    ----------
    exponent : float or None
        b; None when there were too few sizes.
    low, high : float or None
        Bootstrap interval of b.
    prefactor : float or None
        a, in units of cost.
    scatter : float or None
        σ, standard deviation of the natural log about the line.
    confidence : float
        Nominal coverage of the interval.
    n_points : int
        Observations, censored ones included.
    n_censored : int
        Of these, known only as "at least" or "at most".
    n_sizes : int
        Distinct sizes with an exact observation.
    smallest, largest : float or None
        Range of these sizes.
    reason : str
        Why there is no exponent; empty where there is one.
    """

    exponent: float | None
    low: float | None
    high: float | None
    prefactor: float | None
    scatter: float | None
    confidence: float
    n_points: int
    n_censored: int
    n_sizes: int
    smallest: float | None
    largest: float | None
    reason: str = ""

    def predict(self, n: float) -> float | None:
        """Cost at size `n` on the fitted line; None without a fit."""
        if self.exponent is None or self.prefactor is None:
            return None
        return float(self.prefactor * n**self.exponent)


@dataclass(frozen=True)
class LocalSlope:
    """Exponent between two neighbouring sizes.

    Attributes
    ----------
    smaller, larger : float
        The two sizes.
    exponent : float
        log(cost ratio) / log(size ratio).
    at_least : bool
        The larger size was stopped (or the smaller one was below the floor): the true
        exponent is this or more.
    """

    smaller: float
    larger: float
    exponent: float
    at_least: bool


def fit_power_law(
    sizes: Numbers,
    costs: Numbers,
    at_least: Flags | None = None,
    *,
    floor: Bound | None = None,
    limit: Bound | None = None,
    confidence: float = 0.95,
    replicates: int = 999,
    seed: int = 0,
) -> PowerLawFit:
    """Fit cost = a·n^b by censored maximum likelihood, with a bootstrap interval for b.

    The interval is the studentised parametric bootstrap (Efron & Tibshirani 1993, ch. 12):
    data are drawn from the fitted line, censored like the real ones, fitted again, and the
    quantiles of (b* − b)/se* are applied to the real standard error. With few sizes it is
    wide, as it should be.

    Parameters
    ----------
    sizes : array_like, shape (n,)
        Positive sizes.
    costs : array_like, shape (n,)
        Positive costs (seconds, passes, bytes); one per size and instance, not per repeat.
    at_least : array_like of bool, shape (n,), optional
        True where the run was stopped, so that the cost is this or more.
    floor : float or array_like, shape (n,), optional
        Costs below it are dominated by fixed overheads: they count as "at most `floor`".
    limit : float or array_like, shape (n,), optional
        Cost at which a run is stopped; by default the largest cost seen, where any run was
        stopped.
    confidence : float
        Nominal coverage, in (0, 1).
    replicates : int
        Bootstrap replicates; 0 gives no interval.
    seed : int

    Returns
    -------
    PowerLawFit
        Without exponent, and with the reason, below :data:`LEAST_SIZES` distinct sizes that
        finished above the floor.

    Raises
    ------
    InputError
        On unequal lengths or numbers that are not positive and finite.
    """
    seen = observe(sizes, costs, at_least, floor=floor, limit=limit)
    check_confidence(confidence)
    if seen.exact_sizes.size < LEAST_SIZES:
        return power_law(seen, None, confidence)
    fitted = fit_model(POWER, seen, confidence=confidence, replicates=replicates, seed=seed)
    return power_law(seen, fitted, confidence)


def check_confidence(confidence: float) -> None:
    """Refuse what is no probability.

    Raises
    ------
    InputError
        Outside (0, 1).
    """
    if not 0 < confidence < 1:
        raise InputError(f"is {confidence}; give a number between 0 and 1", where="confidence")


def power_law(seen: Observations, fitted: Fitted | None, confidence: float) -> PowerLawFit:
    """Facts of a fitted law that has an exponent; without one, the reason why there is none."""
    distinct = seen.exact_sizes
    facts: dict[str, Any] = {
        "confidence": confidence,
        "n_points": int(seen.log_size.size),
        "n_censored": int(seen.log_size.size - seen.exact.sum()),
        "n_sizes": int(distinct.size),
        "smallest": float(distinct[0]) if distinct.size else None,
        "largest": float(distinct[-1]) if distinct.size else None,
    }
    if fitted is None:
        return PowerLawFit(
            exponent=None,
            low=None,
            high=None,
            prefactor=None,
            scatter=None,
            reason=f"too few sizes ({distinct.size} of {LEAST_SIZES})",
            **facts,
        )
    exponent, low, high = fitted.exponent()
    assert exponent is not None
    level = float(fitted.found.beta[0, 0])
    return PowerLawFit(
        exponent=exponent,
        low=low,
        high=high,
        prefactor=float(np.exp(level - exponent * fitted.origin)),
        scatter=float(fitted.found.sigma[0]),
        **facts,
    )


def local_slopes(
    sizes: Numbers,
    costs: Numbers,
    at_least: Flags | None = None,
) -> list[LocalSlope]:
    """Exponents between neighbouring sizes; several observations of a size: their median.

    A size where any run was stopped closes the list with an "at least".

    Raises
    ------
    InputError
        As :func:`fit_power_law`.
    """
    n, cost, stopped = checked(sizes, costs, at_least)
    points: list[tuple[float, float, bool]] = []
    for size in np.unique(n):
        here = n == size
        points.append((float(size), float(np.median(cost[here])), bool(stopped[here].any())))
        if stopped[here].any():
            break
    return [
        LocalSlope(n0, n1, float(np.log(c1 / c0) / np.log(n1 / n0)), stop)
        for (n0, c0, _), (n1, c1, stop) in pairwise(points)
    ]
