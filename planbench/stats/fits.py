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
from planbench.stats.censored import (
    LEAST_SCATTER,
    BoolArray,
    Data,
    FloatArray,
    Maximum,
    maximise,
    maximise_curve,
)

Numbers = Sequence[float] | npt.NDArray[Any]
Flags = Sequence[bool] | npt.NDArray[Any]


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


def positive(**columns: Numbers) -> list[FloatArray]:
    """Columns of numbers as arrays of one length.

    Raises
    ------
    InputError
        On unequal lengths or numbers that are not positive and finite.
    """
    where = ", ".join(columns)
    try:
        arrays = [np.asarray(column, dtype=np.float64).ravel() for column in columns.values()]
    except (TypeError, ValueError) as error:
        raise InputError(f"not lists of numbers: {error}", where=where) from None
    if len({array.size for array in arrays}) > 1:
        raise InputError("have unequal numbers of entries; give one of each per run", where=where)
    for name, array in zip(columns, arrays, strict=True):
        if not (np.isfinite(array) & (array > 0)).all():
            raise InputError("hold a number that is not positive and finite", where=name)
    return arrays


def observe(
    sizes: Numbers,
    costs: Numbers,
    at_least: Flags | None = None,
    *,
    floor: float | Numbers = 0.0,
) -> Observations:
    """Read runs as censored observations.

    Parameters
    ----------
    sizes, costs : array_like, shape (n,)
        Positive.
    at_least : array_like of bool, shape (n,), optional
        True where the run was stopped, so that the cost is this or more. Where any run was, one
        would have been stopped at the largest cost seen.
    floor : float or array_like, shape (n,)
        Costs below it are dominated by fixed overheads: they count as "at most `floor`".
        Stopped runs below it tell nothing and are left out.

    Raises
    ------
    InputError
        On unequal lengths, numbers that are not positive and finite, negative floors.
    """
    n, cost = positive(sizes=sizes, costs=costs)
    stopped = np.zeros(n.size, dtype=bool)
    try:
        stopped[:] = False if at_least is None else at_least
        bottom = np.broadcast_to(np.asarray(floor, dtype=np.float64), n.shape)
    except (TypeError, ValueError):
        raise InputError(f"give one for each of {n.size} runs", where="at_least, floor") from None
    if not (bottom >= 0).all():
        raise InputError("must not be negative", where="floor")
    top = cost.max() if stopped.any() else np.inf
    # "At least 3 ms" says nothing about a law of which only the part above 10 ms counts.
    keep = ~(stopped & (cost < bottom))
    n, cost, stopped, bottom = n[keep], cost[keep], stopped[keep], bottom[keep]
    low_side = ~stopped & (cost < bottom)
    cost = np.where(low_side, bottom, cost)
    with np.errstate(divide="ignore"):
        return Observations(
            log_size=np.log(n),
            data=Data(np.log(cost)[None, :], stopped[None, :], low_side[None, :]),
            log_top=np.log(np.where(stopped, cost, np.maximum(top, cost))),
            log_bottom=np.log(bottom),
        )


@dataclass(frozen=True)
class LinearLaw:
    """A law whose log cost is linear in its coefficients β.

    Attributes
    ----------
    name : str
        As written in tables, e.g. ``n^b``.
    parts : callable (log_size, origin) -> (offset, design)
        The curve is ``offset + design · β``; shapes (n,) and (n, p).
    coefficients : int
        Entries of β; σ comes on top.
    exponent : int or None
        Place of b in β.
    """

    name: str
    parts: Callable[[FloatArray, float], tuple[FloatArray, FloatArray]]
    coefficients: int
    exponent: int | None = None

    def fit(
        self, u: FloatArray, origin: float, data: Data, start: FloatArray | None, least: float
    ) -> Maximum:
        """Fit each data set; the maximum needs no start."""
        del start
        offset, design = self.parts(u, origin)
        return maximise(design, Data(data.y - offset, data.above, data.below), least)

    def curve(self, beta: FloatArray, u: FloatArray, origin: float) -> FloatArray:
        """Log costs, shape (k, n)."""
        offset, design = self.parts(u, origin)
        return offset + beta @ design.T

    def slopes(self, beta: FloatArray, u: FloatArray, origin: float) -> FloatArray:
        """Return the derivatives of the curve in β, shape (k, n, p)."""
        design = self.parts(u, origin)[1]
        return np.broadcast_to(design, (len(beta), *design.shape))


class FixedCostLaw:
    """A fixed cost plus a power law: cost = c₀ + c·n^b.

    Its coefficients are (log c·m^b, b, κ), with m the size at the origin and e^κ the fixed cost's
    share of the growing cost there.
    """

    name = "fixed + n^b"
    coefficients = 3
    exponent = 1
    #: Range of κ: below, no measurement sees the fixed cost; above, none sees the growth.
    shares = (-7.0, 9.0)
    #: Shares from which the fit is started.
    starts = (-4.0, -1.0, 1.0, 3.0)

    def fit(
        self, u: FloatArray, origin: float, data: Data, start: FloatArray | None, least: float
    ) -> Maximum:
        """Fit each data set, from β of shape (3,) if given."""
        if start is not None:
            starts = [np.tile(start, (len(data.y), 1))]
        else:
            # Power laws through the upper half of the sizes, with more or less of a fixed cost.
            upper = u >= np.median(u)
            line = np.linalg.lstsq(_line(u[upper], origin), data.y[:, upper].T, rcond=None)[0].T
            starts = [np.column_stack([line, np.full(len(line), share)]) for share in self.starts]
        return maximise_curve(
            lambda beta: self.curve(beta, u, origin),
            lambda beta: self.slopes(beta, u, origin),
            starts,
            data,
            self.shares,
            least,
        )

    def curve(self, beta: FloatArray, u: FloatArray, origin: float) -> FloatArray:
        """Log costs, shape (k, n)."""
        return beta[:, :1] + np.logaddexp(beta[:, 2:], beta[:, 1:2] * (u - origin))

    def slopes(self, beta: FloatArray, u: FloatArray, origin: float) -> FloatArray:
        """Return the derivatives of the curve in β, shape (k, n, 3)."""
        v = u - origin
        growing = 1.0 / (1.0 + np.exp(np.clip(beta[:, 2:] - beta[:, 1:2] * v, -700, 700)))
        return np.stack([np.ones_like(growing), v * growing, 1.0 - growing], axis=2)


Law = LinearLaw | FixedCostLaw


def _line(u: FloatArray, origin: float) -> FloatArray:
    return np.column_stack([np.ones_like(u), u - origin])


def _n_log_n(u: FloatArray) -> FloatArray:
    # n·log(n + 1) is n·log n for all practical sizes and positive for the tiniest.
    return u + np.log(np.logaddexp(u, 0.0))


#: cost = a·n^b.
POWER = LinearLaw("n^b", lambda u, origin: (np.zeros_like(u), _line(u, origin)), 2, exponent=1)
#: cost = a·n·log n, the growth claimed for sparse economies.
N_LOG_N = LinearLaw("n log n", lambda u, _: (_n_log_n(u), np.ones((u.size, 1))), 1)
#: cost = c₀ + a·n^b: what is paid whatever the size.
FIXED_POWER = FixedCostLaw()

#: In the order in which they are named where they fit alike.
LAWS: tuple[Law, ...] = (POWER, N_LOG_N, FIXED_POWER)


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


#: Nominal coverage of all intervals.
CONFIDENCE = 0.95
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
    law : Law
    origin : float
        Log size that sizes are measured from.
    found : Maximum
        Of one data set.
    draws : Maximum or None
        Of the replicates that allowed a fit; None without enough of them.
    aicc : float
        Akaike's criterion, corrected for few observations; infinite where these are too few.
    """

    law: Law
    origin: float
    found: Maximum
    draws: Maximum | None
    aicc: float

    def curve(self, log_size: FloatArray) -> FloatArray:
        """Log cost at log sizes, shape (n,)."""
        values: FloatArray = self.law.curve(self.found.beta, log_size, self.origin)[0]
        return values

    def band(self, log_size: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Interval of the log cost at each log size; NaN without draws."""
        middle = self.curve(log_size)
        if self.draws is None:
            nothing = np.full_like(middle, np.nan)
            return nothing, nothing
        error = self._error(self.found, log_size)[0]
        drawn = self.law.curve(self.draws.beta, log_size, self.origin)
        return self._interval(middle, error, drawn, self._error(self.draws, log_size))

    def exponent(self) -> tuple[float | None, float | None, float | None]:
        """Exponent with its interval; None where the law has none, or without draws."""
        place = self.law.exponent
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
        slopes = self.law.slopes(found.beta, log_size, self.origin)
        spread = np.einsum("kni,kij,knj->kn", slopes, found.covariance, slopes)
        error: FloatArray = np.sqrt(np.maximum(spread, 0.0))
        return error

    def _interval(
        self, middle: FloatArray, error: FloatArray, drawn: FloatArray, drawn_error: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            pivots = (drawn - middle) / drawn_error
        pivots = np.where(np.isfinite(pivots), pivots, 0.0)
        tail = (1 - CONFIDENCE) / 2
        lower, upper = np.quantile(pivots, [tail, 1 - tail], axis=0)
        return middle - upper * error, middle - lower * error


def fit_law(law: Law, seen: Observations, *, replicates: int, seed: int) -> Fitted:
    """Fit one law; at least :data:`LEAST_SIZES` exact sizes must be there.

    Parameters
    ----------
    law : Law
    seen : Observations
    replicates : int
        Bootstrap replicates; 0 gives no intervals.
    seed : int
    """
    origin = float(np.log(seen.exact_sizes[0]))
    found = law.fit(seen.log_size, origin, seen.data, None, LEAST_SCATTER)
    draws = _replicate(law, seen, origin, found, replicates, seed) if replicates > 0 else None
    return Fitted(law, origin, found, draws, _aicc(law, seen, found))


def _aicc(law: Law, seen: Observations, found: Maximum) -> float:
    """−2 log L + 2k + 2k(k+1)/(m − k − 1), m counting the exact observations only.

    A censored run tells less than an exact one; not counting it is the careful side.
    """
    k = law.coefficients + 1
    spare = int(seen.exact.sum()) - k - 1
    if spare < 1:
        return float("inf")
    return float(-2 * found.log_likelihood[0] + 2 * k + 2 * k * (k + 1) / spare)


def _replicate(
    law: Law, seen: Observations, origin: float, found: Maximum, replicates: int, seed: int
) -> Maximum | None:
    """Fits to data drawn from `found`; None where too few of them can be fitted."""
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    u = seen.log_size
    # Maximum likelihood forgets the degrees of freedom of the law; bounds bring hardly any.
    exact = int(seen.exact.sum())
    spread = found.sigma[0] * np.sqrt(exact / max(exact - law.coefficients, 1))
    y = law.curve(found.beta, u, origin) + spread * rng.standard_normal((replicates, u.size))
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
    return law.fit(u, origin, data.rows(usable), found.beta[0], DRAWN_SCATTER)
