"""Laws of growth fitted to runs: observations, the laws, and intervals by a parametric bootstrap.

Observations are costs against sizes in logarithms; where only a bound of a cost is known it is
censored. A law has coefficients β (shape (k, p): a row per data set), a curve (log cost at log
sizes) and its slopes in β; sizes are measured from an origin, the smallest size observed.

Intervals are studentised: data are drawn from the fitted law, censored like the real ones and
fitted again; the quantiles of (estimate* − estimate)/error* are applied to the real standard error
(Efron & Tibshirani 1993, ch. 12). The same draws serve the exponent and the curve at any size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError
from planbench.stats import fixed_cost
from planbench.stats.censored import LEAST_SCATTER, BoolArray, Data, FloatArray, Maximum, maximise

Numbers = Sequence[float] | npt.NDArray[Any]
Flags = Sequence[bool] | npt.NDArray[Any]
#: One number for all runs, or one for each.
Bound = float | Sequence[float] | FloatArray


@dataclass(frozen=True, eq=False)
class Observations:
    """Costs of n runs in logarithms.

    Attributes
    ----------
    log_size : ndarray, shape (n,)
    data : Data
        One data set: log costs, at a bound where censored.
    log_top : ndarray, shape (n,)
        Log cost at which the run would have been stopped, infinite where nothing would.
    log_bottom : ndarray, shape (n,)
        Log cost below which only "at most" would be known, −infinite where everything is.
    """

    log_size: FloatArray
    data: Data
    log_top: FloatArray
    log_bottom: FloatArray

    @property
    def exact(self) -> BoolArray:
        """Runs whose cost is known, shape (n,)."""
        found: BoolArray = self.data.exact[0]
        return found

    @property
    def exact_sizes(self) -> FloatArray:
        """Distinct sizes with a known cost, ascending."""
        return np.unique(np.exp(self.log_size[self.exact]).round(9))


def checked(
    sizes: Numbers, costs: Numbers, at_least: Flags | None
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Sizes, costs and flags as arrays of one length.

    Raises
    ------
    InputError
        On unequal lengths or numbers that are not positive and finite.
    """
    try:
        n = np.asarray(sizes, dtype=np.float64).ravel()
        cost = np.asarray(costs, dtype=np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise InputError(f"not a list of numbers: {error}", where="sizes, costs") from None
    stopped = (
        np.zeros(n.size, dtype=bool) if at_least is None else np.asarray(at_least, bool).ravel()
    )
    if not n.size == cost.size == stopped.size:
        raise InputError(
            f"have {n.size}, {cost.size} and {stopped.size} entries; give one of each per run",
            where="sizes, costs, at_least",
        )
    for name, array in (("sizes", n), ("costs", cost)):
        if array.size and not (np.isfinite(array).all() and array.min() > 0):
            raise InputError("hold a number that is not positive and finite", where=name)
    return n, cost, stopped


def observe(
    sizes: Numbers,
    costs: Numbers,
    at_least: Flags | None = None,
    *,
    floor: Bound | None = None,
    limit: Bound | None = None,
) -> Observations:
    """Read runs as censored observations.

    Parameters
    ----------
    sizes, costs : array_like, shape (n,)
        Positive.
    at_least : array_like of bool, shape (n,), optional
        True where the run was stopped, so that the cost is this or more.
    floor : float or array_like, shape (n,), optional
        Costs below it are dominated by fixed overheads: they count as "at most `floor`".
        Stopped runs below it tell nothing and are left out.
    limit : float or array_like, shape (n,), optional
        Cost at which a run is stopped; by default the largest cost seen, where any run was
        stopped.

    Raises
    ------
    InputError
        On unequal lengths, numbers that are not positive and finite, negative bounds.
    """
    n, cost, stopped = checked(sizes, costs, at_least)
    bottom = _broadcast(floor, n.size, "floor", 0.0)
    top = _broadcast(limit, n.size, "limit", cost.max() if stopped.any() else np.inf)
    # "At least 3 ms" says nothing about a law of which only the part above 10 ms counts.
    keep = ~(stopped & (cost < bottom))
    n, cost, stopped, bottom, top = n[keep], cost[keep], stopped[keep], bottom[keep], top[keep]
    low_side = ~stopped & (cost < bottom)
    cost = np.where(low_side, bottom, cost)
    with np.errstate(divide="ignore"):
        return Observations(
            log_size=np.log(n),
            data=Data(np.log(cost)[None, :], stopped[None, :], low_side[None, :]),
            log_top=np.log(np.where(stopped, cost, np.maximum(top, cost))),
            log_bottom=np.log(bottom),
        )


def _broadcast(value: Bound | None, size: int, where: str, default: float) -> FloatArray:
    try:
        array = np.asarray(default if value is None else value, dtype=np.float64)
        out = np.broadcast_to(array, (size,))
    except (TypeError, ValueError):
        raise InputError(f"give one number, or one for each of {size} runs", where=where) from None
    if np.isnan(out).any() or (size and out.min() < 0):
        raise InputError("must not be negative", where=where)
    return out


@dataclass(frozen=True)
class Model:
    """A law of growth.

    Attributes
    ----------
    name : str
        As written in tables, e.g. ``n^b``.
    coefficients : int
        Entries of β; σ comes on top.
    exponent : int or None
        Place of b in β.
    fit : callable (log_size, origin, data, start, least_scatter) -> Maximum
        ``start`` is β of shape (p,), or None.
    curve : callable (beta, log_size, origin) -> ndarray, shape (k, n)
    slopes : callable (beta, log_size, origin) -> ndarray, shape (k, n, p)
    """

    name: str
    coefficients: int
    exponent: int | None
    fit: Callable[[FloatArray, float, Data, FloatArray | None, float], Maximum]
    curve: Callable[[FloatArray, FloatArray, float], FloatArray]
    slopes: Callable[[FloatArray, FloatArray, float], FloatArray]


def _power_design(log_size: FloatArray, origin: float) -> FloatArray:
    return np.column_stack([np.ones_like(log_size), log_size - origin])


def _fit_power(
    u: FloatArray, origin: float, data: Data, start: FloatArray | None, least: float
) -> Maximum:
    return maximise(_power_design(u, origin), data, least)


def _power_curve(beta: FloatArray, u: FloatArray, origin: float) -> FloatArray:
    return beta @ _power_design(u, origin).T


def _power_slopes(beta: FloatArray, u: FloatArray, origin: float) -> FloatArray:
    return np.broadcast_to(_power_design(u, origin), (len(beta), u.size, 2))


def _n_log_n(log_size: FloatArray) -> FloatArray:
    # n·log(n + 1) is n·log n for all practical sizes and positive for the tiniest.
    return log_size + np.log(np.logaddexp(log_size, 0.0))


def _fit_n_log_n(
    u: FloatArray, origin: float, data: Data, start: FloatArray | None, least: float
) -> Maximum:
    shifted = Data(data.y - _n_log_n(u), data.above, data.below)
    return maximise(np.ones((u.size, 1)), shifted, least)


def _n_log_n_curve(beta: FloatArray, u: FloatArray, origin: float) -> FloatArray:
    return beta + _n_log_n(u)


def _n_log_n_slopes(beta: FloatArray, u: FloatArray, origin: float) -> FloatArray:
    return np.ones((len(beta), u.size, 1))


def _fit_fixed(
    u: FloatArray, origin: float, data: Data, start: FloatArray | None, least: float
) -> Maximum:
    return fixed_cost.maximise(u - origin, data, start, least)


def _fixed_curve(beta: FloatArray, u: FloatArray, origin: float) -> FloatArray:
    return fixed_cost.mean(beta, u - origin)


def _fixed_slopes(beta: FloatArray, u: FloatArray, origin: float) -> FloatArray:
    return fixed_cost.jacobian(beta, u - origin)


#: cost = a·n^b.
POWER = Model("n^b", 2, 1, _fit_power, _power_curve, _power_slopes)
#: cost = a·n·log n, the growth claimed for sparse economies.
N_LOG_N = Model("n log n", 1, None, _fit_n_log_n, _n_log_n_curve, _n_log_n_slopes)
#: cost = c₀ + a·n^b: what is paid whatever the size.
FIXED_POWER = Model("fixed + n^b", 3, 1, _fit_fixed, _fixed_curve, _fixed_slopes)

#: In the order in which they are named where they fit alike.
MODELS = (POWER, N_LOG_N, FIXED_POWER)


def n_log_n_exponent(smallest: float, largest: float) -> float:
    """Exponent that n·log n shows between two sizes: log of the ratio of costs over that of sizes.

    Raises
    ------
    ZeroDivisionError
        Where the sizes are equal.
    """
    u = np.log(np.array([smallest, largest]))
    cost = _n_log_n(u)
    return float((cost[1] - cost[0]) / (u[1] - u[0]))


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
