"""How cost grows with size: which law, what exponent, and what it predicts.

Three laws are fitted to the same observations: a·n^b, c·n·log n, and c₀ + a·n^b. A fixed cost is
believed where Akaike's criterion, corrected for few observations (AICc, Hurvich & Tsai 1989), is
better with it by more than :data:`ALIKE` units (Burnham & Anderson 2002). n log n and n^b are not
distinguished where the interval of b holds the exponent that n log n shows over the sizes measured:
with a handful of sizes the criterion's penalty alone would decide for n log n, while the interval
keeps its coverage. Intervals of predictions span all laws that are not excluded.

A run that was stopped costs *at least* what it had used. Dropping such runs makes a slow method
look fast, so they enter the likelihood as right-censored observations; the fit itself is in
:mod:`planbench.stats.censored`, its intervals in :mod:`planbench.stats.fits`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from planbench.errors import InputError
from planbench.stats.censored import FloatArray
from planbench.stats.fits import (
    CONFIDENCE,
    FIXED_POWER,
    LAWS,
    LEAST_SIZES,
    N_LOG_N,
    POWER,
    Fitted,
    Flags,
    Law,
    Numbers,
    Observations,
    fit_law,
    n_log_n_exponent,
    observe,
)


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


def _power_law(seen: Observations, fitted: Fitted | None = None) -> PowerLawFit:
    """Facts of a fitted law that has an exponent; without one, the reason why there is none."""
    distinct = seen.exact_sizes
    exponent = low = high = prefactor = scatter = None
    if fitted is not None:
        exponent, low, high = fitted.exponent()
        assert exponent is not None
        prefactor = math.exp(float(fitted.found.beta[0, 0]) - exponent * fitted.origin)
        scatter = float(fitted.found.sigma[0])
    return PowerLawFit(
        exponent=exponent,
        low=low,
        high=high,
        prefactor=prefactor,
        scatter=scatter,
        confidence=CONFIDENCE,
        n_points=int(seen.log_size.size),
        n_censored=int(seen.log_size.size - seen.exact.sum()),
        n_sizes=int(distinct.size),
        smallest=float(distinct[0]) if distinct.size else None,
        largest=float(distinct[-1]) if distinct.size else None,
        reason="" if fitted else f"too few sizes ({distinct.size} of {LEAST_SIZES})",
    )


def fit_power_law(
    sizes: Numbers,
    costs: Numbers,
    at_least: Flags | None = None,
    *,
    floor: float | Numbers = 0.0,
    replicates: int = 999,
    seed: int = 0,
) -> PowerLawFit:
    """Fit cost = a·n^b, without other laws to choose from; arguments as in :func:`study_growth`.

    Raises
    ------
    InputError
        As :func:`study_growth`.
    """
    seen = observe(sizes, costs, at_least, floor=floor)
    if seen.exact_sizes.size < LEAST_SIZES:
        return _power_law(seen)
    return _power_law(seen, fit_law(POWER, seen, replicates=replicates, seed=seed))


#: Units of AICc within which two laws are indistinguishable.
ALIKE = 2.0
#: Units of AICc by which a law must be better for the other to be excluded.
EXCLUDED = 6.0
#: Predictions for sizes beyond this many times the largest finished run (or, in the other
#: direction, for costs that lead there) extrapolate past what the data can bear.
FURTHEST = 10.0

#: Largest size (natural log) that is looked at: 10^30.
_END = 30 * math.log(10)
_GRID = 301


@dataclass(frozen=True)
class Candidate:
    """A law in the comparison.

    Attributes
    ----------
    law : str
        ``n^b``, ``n log n`` or ``fixed + n^b``.
    aicc : float or None
        None where there are too few exact observations for this law.
    behind : float or None
        AICc above that of the best.
    """

    law: str
    aicc: float | None
    behind: float | None


@dataclass(frozen=True)
class Estimate:
    """A predicted figure with its interval.

    Attributes
    ----------
    value : float or None
        By the best law; None where it is beyond every number (a cost that never grows so far).
    low, high : float or None
        Interval over all supported laws; None where it is open on that side.
    decades : float
        log10 of how far the size lies beyond the largest finished run; negative within.
    """

    value: float | None
    low: float | None
    high: float | None
    decades: float

    @property
    def extrapolates(self) -> bool:
        """The size lies further out than the data can bear (:data:`FURTHEST`)."""
        return self.decades > math.log10(FURTHEST)


@dataclass(frozen=True, eq=False)
class Growth:
    """How one cost of one solver grows.

    Attributes
    ----------
    fit : PowerLawFit
        Exponent with interval: of ``n^b``, or of ``fixed + n^b`` where only that is supported.
    candidates : tuple of Candidate
        Best first; empty where there is no fit.
    supported : tuple of str
        Laws that are not excluded; that which point predictions follow comes first.
    """

    fit: PowerLawFit
    candidates: tuple[Candidate, ...]
    supported: tuple[str, ...]
    _fitted: tuple[Fitted, ...]

    @property
    def law(self) -> str:
        """The supported laws, e.g. ``n^b or n log n``; empty without a fit."""
        return " or ".join(self.supported)

    @property
    def undecided(self) -> bool:
        """Whether n log n and n^b (with or without a fixed cost) are indistinguishable."""
        fit = self.fit
        if fit.low is None or fit.high is None:
            return N_LOG_N.name in self.supported and len(self.supported) > 1
        return _holds_n_log_n(fit)

    def cost_at(self, size: float) -> Estimate:
        """Predict the cost at a size.

        Raises
        ------
        InputError
            Without a fit, or for a size that is not positive.
        """
        self._need_fit()
        if not (size > 0 and math.isfinite(size)):
            raise InputError(f"is {size}; give a positive number", where="size")
        u = np.array([math.log(size)])
        low, high = self._band(u)
        return Estimate(
            _exp(float(self._fitted[0].curve(u)[0])),
            _exp(float(low[0])),
            _exp(float(high[0])),
            self._decades(u[0]),
        )

    def largest_for(self, cost: float) -> Estimate:
        """Predict the largest size whose cost is at most `cost`.

        The interval holds the sizes at which `cost` lies within the interval of
        :meth:`cost_at`.

        Raises
        ------
        InputError
            Without a fit, or for a cost that is not positive.
        """
        self._need_fit()
        if not (cost > 0 and math.isfinite(cost)):
            raise InputError(f"is {cost}; give a positive number", where="cost")
        u, middle, low, high = self._curves
        y = math.log(cost)
        at = _crossing(u, middle, y, self._start)
        return Estimate(
            _exp(at),
            _exp(_crossing(u, high, y, self._start)),
            _exp(_crossing(u, low, y, self._start)),
            self._decades(at),
        )

    @cached_property
    def _curves(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        u = np.linspace(0.0, _END, _GRID)
        low, high = self._band(u)
        return u, self._fitted[0].curve(u), low, high

    @property
    def _start(self) -> float:
        assert self.fit.smallest is not None
        assert self.fit.largest is not None
        return 0.5 * (math.log(self.fit.smallest) + math.log(self.fit.largest))

    def _band(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        bands = [fitted.band(u) for fitted in self._fitted]
        return (
            np.min([low for low, _ in bands], axis=0),
            np.max([high for _, high in bands], axis=0),
        )

    def _decades(self, u: float) -> float:
        assert self.fit.largest is not None
        return float((u - math.log(self.fit.largest)) / math.log(10))

    def _need_fit(self) -> None:
        if self.fit.exponent is None:
            raise InputError(f"no prediction: {self.fit.reason}", where="growth")


def study_growth(
    sizes: Numbers,
    costs: Numbers,
    at_least: Flags | None = None,
    *,
    floor: float | Numbers = 0.0,
    replicates: int = 999,
    seed: int = 0,
) -> Growth:
    """Fit the laws of growth, weigh them, and make ready to predict.

    The intervals are from a studentised parametric bootstrap (Efron & Tibshirani 1993, ch. 12).
    With few sizes they are wide, as they should be.

    Parameters
    ----------
    sizes : array_like, shape (n,)
        Positive sizes.
    costs : array_like, shape (n,)
        Positive costs (seconds, passes, bytes); one per size and instance, not per repeat.
    at_least : array_like of bool, shape (n,), optional
        True where the run was stopped, so that the cost is this or more.
    floor : float or array_like, shape (n,)
        Costs below it are dominated by fixed overheads: they count as "at most `floor`".
    replicates : int
        Bootstrap replicates; 0 gives no intervals.
    seed : int

    Returns
    -------
    Growth
        Without laws, and with the reason in ``fit``, below :data:`LEAST_SIZES` distinct sizes
        that finished above the floor.

    Raises
    ------
    InputError
        On unequal lengths, numbers that are not positive and finite, or a negative floor.
    """
    seen = observe(sizes, costs, at_least, floor=floor)
    if seen.exact_sizes.size < LEAST_SIZES:
        return Growth(_power_law(seen), (), (), ())
    exact = int(seen.exact.sum())

    def fitted(law: Law, draws: int) -> Fitted:
        return fit_law(law, seen, replicates=draws, seed=seed)

    # Runs of the same size tell of scatter, not of the shape of a curve.
    spread_out = min(exact, seen.exact_sizes.size + 1)
    tried = {law.name: fitted(law, 0) for law in LAWS if spread_out > law.coefficients + 1}
    candidates = _candidates(tried)
    power = fitted(POWER, replicates)
    supported = {POWER.name: power}
    gain = _gain(tried, FIXED_POWER, POWER)
    if gain >= -ALIKE:
        supported[FIXED_POWER.name] = fitted(FIXED_POWER, replicates)
    if gain > EXCLUDED:
        del supported[POWER.name]
    fit = _power_law(seen, next(iter(supported.values())))
    for other in list(supported.values())[1:]:
        # The exponent's interval spans the laws that have one and are not excluded.
        _, low, high = other.exponent()
        if fit.low is not None and fit.high is not None and low is not None and high is not None:
            fit = replace(fit, low=min(fit.low, low), high=max(fit.high, high))
    if POWER.name in supported:
        far = _gain(tried, N_LOG_N, POWER) > EXCLUDED and _fits_better(tried, N_LOG_N, POWER)
        if far or _holds_n_log_n(fit):
            supported[N_LOG_N.name] = fitted(N_LOG_N, replicates)
        if far:
            del supported[POWER.name]
    return Growth(fit, candidates, tuple(supported), tuple(supported.values()))


def _candidates(tried: dict[str, Fitted]) -> tuple[Candidate, ...]:
    """All laws with their criterion, best first; those it cannot judge come last."""
    known = {name: f.aicc for name, f in tried.items() if math.isfinite(f.aicc)}
    best = min(known.values(), default=0.0)
    order = sorted((law.name for law in LAWS), key=lambda name: known.get(name, math.inf))
    return tuple(
        Candidate(name, known[name], known[name] - best)
        if name in known
        else Candidate(name, None, None)
        for name in order
    )


def _gain(tried: dict[str, Fitted], law: Law, other: Law) -> float:
    """Units of AICc by which `law` is better than `other`; −∞ where it cannot be judged."""
    if law.name not in tried or not math.isfinite(tried[law.name].aicc):
        return -math.inf
    against = tried[other.name].aicc if other.name in tried else math.inf
    return against - tried[law.name].aicc if math.isfinite(against) else -math.inf


def _fits_better(tried: dict[str, Fitted], law: Law, other: Law) -> bool:
    """Whether `law` is ahead in likelihood too, not only for having fewer coefficients."""
    ahead = tried[law.name].found.log_likelihood[0] - tried[other.name].found.log_likelihood[0]
    return bool(2 * ahead > EXCLUDED)


def _holds_n_log_n(fit: PowerLawFit) -> bool:
    """Whether the interval of b holds what n log n shows between the smallest and largest size."""
    if fit.low is None or fit.high is None or fit.smallest is None or fit.largest is None:
        return True
    return fit.low <= n_log_n_exponent(fit.smallest, fit.largest) <= fit.high


def _exp(u: float) -> float | None:
    """e^u, or None where that is no number a float can hold."""
    return math.exp(u) if abs(u) < 700 else None


def _crossing(u: FloatArray, curve: FloatArray, level: float, start: float) -> float:
    """Where a curve reaches `level`, looking up from `start` if it lies below there, else down."""
    if np.isnan(curve).any():
        return math.nan
    at = int(np.searchsorted(u, start))
    over = curve > level
    if over[at]:
        below = np.flatnonzero(~over[:at])
        if not below.size:
            return -math.inf
        left = int(below[-1])
    else:
        above = np.flatnonzero(over[at:])
        if not above.size:
            return math.inf
        left = at + int(above[0]) - 1
    share = (level - curve[left]) / (curve[left + 1] - curve[left])
    return float(u[left] + share * (u[left + 1] - u[left]))


#: Two exponents whose difference is known to lie within this are the same for any practical
#: purpose: over a decade of sizes it is worth a factor of 1.6.
SAME = 0.2

Likeness = Literal["same", "differs", "indistinguishable", "no exponent"]


@dataclass(frozen=True)
class ExponentDifference:
    """One exponent less another.

    Attributes
    ----------
    value, low, high : float or None
        None without two exponents; the ends also without two intervals.
    likeness : str
        ``differs``: the interval excludes 0. ``same``: it lies within ± :data:`SAME`.
        Otherwise ``indistinguishable``, or ``no exponent``.
    """

    value: float | None
    low: float | None
    high: float | None
    likeness: Likeness


def compare_exponents(first: PowerLawFit, second: PowerLawFit) -> ExponentDifference:
    """Exponent of `first` less that of `second`, with its interval.

    The ends are recovered from the two intervals (MOVER: Zou & Donner, *Statistics in Medicine*
    27, 2008, eq. 5–6), which need not be symmetric:

        low  = d − √((b₁ − l₁)² + (u₂ − b₂)²),  high = d + √((u₁ − b₁)² + (b₂ − l₂)²)

    The two must come from different runs, so that they are independent. An interval that
    excludes 0 counts as a difference however small it is.
    """
    b1, b2 = first.exponent, second.exponent
    if b1 is None or b2 is None:
        return ExponentDifference(None, None, None, "no exponent")
    value = b1 - b2
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return ExponentDifference(value, None, None, "indistinguishable")
    low = value - math.hypot(b1 - first.low, second.high - b2)
    high = value + math.hypot(first.high - b1, b2 - second.low)
    likeness: Likeness = "indistinguishable"
    if low > 0 or high < 0:
        likeness = "differs"
    elif low >= -SAME and high <= SAME:
        likeness = "same"
    return ExponentDifference(value, low, high, likeness)
