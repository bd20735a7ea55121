"""A law fitted to runs, with intervals from a studentised parametric bootstrap.

Data are drawn from the fitted law, censored like the real ones and fitted again; the quantiles
of (estimate* − estimate)/error* are applied to the real standard error (Efron & Tibshirani
1993, ch. 12). The same draws serve the exponent and the curve at any size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planbench.stats.censored import LEAST_SCATTER, Data, FloatArray, Maximum
from planbench.stats.models import Model
from planbench.stats.observations import Observations

#: Distinct sizes with a finished run below which no exponent is given.
LEAST_SIZES = 3
#: Keeps the scatter of drawn data off zero without touching the tails of the pivots.
DRAWN_SCATTER = 1e-9
#: Share of the replicates that must allow a fit before quantiles are taken.
LEAST_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class Fitted:
    """A law fitted to one data set.

    Attributes
    ----------
    model : Model
    origin : float
        Log size that sizes are measured from.
    found : Maximum
        Of one data set.
    draws : Maximum or None
        Of the replicates that allowed a fit; None without enough of them.
    confidence : float
    aicc : float
        Akaike's criterion, corrected for few observations; infinite where these are too few.
    """

    model: Model
    origin: float
    found: Maximum
    draws: Maximum | None
    confidence: float
    aicc: float

    def curve(self, log_size: FloatArray) -> FloatArray:
        """Log cost at log sizes, shape (n,)."""
        values: FloatArray = self.model.curve(self.found.beta, log_size, self.origin)[0]
        return values

    def band(self, log_size: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Interval of the log cost at each log size; NaN without draws."""
        middle = self.curve(log_size)
        if self.draws is None:
            nothing = np.full_like(middle, np.nan)
            return nothing, nothing
        error = self._error(self.found, log_size)[0]
        drawn = self.model.curve(self.draws.beta, log_size, self.origin)
        return self._interval(middle, error, drawn, self._error(self.draws, log_size))

    def exponent(self) -> tuple[float | None, float | None, float | None]:
        """Exponent with its interval; None where the law has none, or without draws."""
        place = self.model.exponent
        if place is None:
            return None, None, None
        middle = self.found.beta[:, place]
        if self.draws is None:
            return float(middle[0]), None, None
        low, high = self._interval(
            middle,
            np.sqrt(self.found.covariance[:, place, place]),
            self.draws.beta[:, place : place + 1],
            np.sqrt(self.draws.covariance[:, place, place])[:, None],
        )
        return float(middle[0]), float(low[0]), float(high[0])

    def _error(self, found: Maximum, log_size: FloatArray) -> FloatArray:
        slopes = self.model.slopes(found.beta, log_size, self.origin)
        spread = np.einsum("kni,kij,knj->kn", slopes, found.covariance, slopes)
        error: FloatArray = np.sqrt(np.maximum(spread, 0.0))
        return error

    def _interval(
        self, middle: FloatArray, error: FloatArray, drawn: FloatArray, drawn_error: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            pivots = (drawn - middle) / drawn_error
        pivots = np.where(np.isfinite(pivots), pivots, 0.0)
        tail = (1 - self.confidence) / 2
        lower, upper = np.quantile(pivots, [tail, 1 - tail], axis=0)
        return middle - upper * error, middle - lower * error


def fit_model(
    model: Model,
    seen: Observations,
    *,
    confidence: float,
    replicates: int,
    seed: int,
) -> Fitted:
    """Fit one law; at least :data:`LEAST_SIZES` exact sizes must be there.

    Parameters
    ----------
    model : Model
    seen : Observations
    confidence : float
        Nominal coverage of the intervals, in (0, 1).
    replicates : int
        Bootstrap replicates; 0 gives no intervals.
    seed : int
    """
    origin = float(np.log(seen.exact_sizes[0]))
    found = model.fit(seen.log_size, origin, seen.data, None, LEAST_SCATTER)
    draws = _replicate(model, seen, origin, found, replicates, seed) if replicates > 0 else None
    return Fitted(model, origin, found, draws, confidence, _aicc(model, seen, found))


def _aicc(model: Model, seen: Observations, found: Maximum) -> float:
    """−2 log L + 2k + 2k(k+1)/(m − k − 1), m counting the exact observations only.

    A censored run tells less than an exact one; not counting it is the careful side.
    """
    k = model.coefficients + 1
    spare = int(seen.exact.sum()) - k - 1
    if spare < 1:
        return float("inf")
    return float(-2 * found.log_likelihood[0] + 2 * k + 2 * k * (k + 1) / spare)


def _replicate(
    model: Model, seen: Observations, origin: float, found: Maximum, replicates: int, seed: int
) -> Maximum | None:
    """Fits to data drawn from `found`; None where too few of them can be fitted."""
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    u = seen.log_size
    # Maximum likelihood forgets the degrees of freedom of the law; bounds bring hardly any.
    exact = int(seen.exact.sum())
    spread = found.sigma[0] * np.sqrt(exact / max(exact - model.coefficients, 1))
    y = model.curve(found.beta, u, origin) + spread * rng.standard_normal((replicates, u.size))
    above = y > seen.log_top
    y = np.where(above, seen.log_top, y)
    below = ~above & (y < seen.log_bottom)
    y = np.where(below, seen.log_bottom, y)
    data = Data(y, above, below)
    place = np.unique(u, return_inverse=True)[1]
    known = np.zeros((replicates, int(place.max()) + 1), dtype=bool)
    for point, size in enumerate(place):
        known[:, size] |= data.exact[:, point]
    usable = known.sum(axis=1) >= LEAST_SIZES
    if usable.sum() < LEAST_SHARE * replicates:
        return None
    return model.fit(u, origin, data.rows(usable), found.beta[0], DRAWN_SCATTER)
