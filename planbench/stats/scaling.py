"""How cost grows with size: power laws fitted to runs of which some hit a limit.

A run that was stopped tells that its cost is *at least* what it had used. Dropping such runs
makes a slow method look fast, so they enter the likelihood as right-censored observations
(Tobin 1958). With ε normal,

    log cost = log a + b · log n + σ ε,

and in Olsen's (1978) parameters θ = 1/σ, γ = θ·(log a, b) the log-likelihood is concave, so
Newton's method finds the one maximum; all bootstrap replicates are solved at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.errors import InputError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

#: Distinct sizes with a finished run below which no exponent is given.
LEAST_SIZES = 3
#: Scatter (natural log) no timing is believed to stay below; keeps σ off zero on exact data.
LEAST_SCATTER = 0.002

_NEWTON_STEPS = 200
_HALVINGS = 40


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
    sizes: Sequence[float] | npt.NDArray[Any],
    costs: Sequence[float] | npt.NDArray[Any],
    at_least: Sequence[bool] | npt.NDArray[Any] | None = None,
    *,
    floor: float | Sequence[float] | FloatArray | None = None,
    limit: float | Sequence[float] | FloatArray | None = None,
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
    n, cost, stopped = _checked(sizes, costs, at_least)
    if not 0 < confidence < 1:
        raise InputError(f"is {confidence}; give a number between 0 and 1", where="confidence")
    bottom = _broadcast(floor, n.size, "floor", 0.0)
    top = _broadcast(limit, n.size, "limit", cost.max() if stopped.any() else np.inf)
    # "At least 3 ms" says nothing about a law of which only the part above 10 ms counts.
    keep = ~(stopped & (cost < bottom))
    n, cost, stopped, bottom, top = n[keep], cost[keep], stopped[keep], bottom[keep], top[keep]
    low_side = ~stopped & (cost < bottom)
    cost = np.where(low_side, bottom, cost)
    exact = ~(stopped | low_side)
    distinct = np.unique(n[exact])
    facts: dict[str, Any] = {
        "confidence": confidence,
        "n_points": int(n.size),
        "n_censored": int(n.size - exact.sum()),
        "n_sizes": int(distinct.size),
        "smallest": float(distinct[0]) if distinct.size else None,
        "largest": float(distinct[-1]) if distinct.size else None,
    }
    if distinct.size < LEAST_SIZES:
        return PowerLawFit(
            exponent=None,
            low=None,
            high=None,
            prefactor=None,
            scatter=None,
            reason=f"too few sizes ({distinct.size} of {LEAST_SIZES})",
            **facts,
        )
    centre = float(np.log(n).mean())
    x, y = np.log(n) - centre, np.log(cost)
    theta, gamma, error = _maximise(x, y[None, :], stopped[None, :], low_side[None, :])
    sigma = float(1.0 / theta[0])
    level, slope = (float(g) for g in gamma[0] / theta[0])
    low = high = None
    if replicates > 0:
        upper = np.where(stopped, cost, np.maximum(top, cost))
        draws = _replicate(x, level, slope, sigma, upper, bottom, replicates, seed)
        pivots = draws[np.isfinite(draws)]
        if pivots.size >= replicates // 4:
            tail = (1 - confidence) / 2
            lower_t, upper_t = np.quantile(pivots, [tail, 1 - tail])
            low = slope - float(upper_t * error[0])
            high = slope - float(lower_t * error[0])
    return PowerLawFit(
        exponent=slope,
        low=low,
        high=high,
        prefactor=float(np.exp(level - slope * centre)),
        scatter=sigma,
        **facts,
    )


def local_slopes(
    sizes: Sequence[float] | npt.NDArray[Any],
    costs: Sequence[float] | npt.NDArray[Any],
    at_least: Sequence[bool] | npt.NDArray[Any] | None = None,
) -> list[LocalSlope]:
    """Exponents between neighbouring sizes; several observations of a size: their median.

    A size where any run was stopped closes the list with an "at least".

    Raises
    ------
    InputError
        As :func:`fit_power_law`.
    """
    n, cost, stopped = _checked(sizes, costs, at_least)
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


def _checked(sizes: Any, costs: Any, at_least: Any) -> tuple[FloatArray, FloatArray, BoolArray]:
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


def _broadcast(value: Any, size: int, where: str, default: float) -> FloatArray:
    try:
        array = np.asarray(default if value is None else value, dtype=np.float64)
        out = np.broadcast_to(array, (size,))
    except (TypeError, ValueError):
        raise InputError(f"give one number, or one for each of {size} runs", where=where) from None
    if np.isnan(out).any() or (size and out.min() < 0):
        raise InputError("must not be negative", where=where)
    return out


def _replicate(
    x: FloatArray,
    level: float,
    slope: float,
    sigma: float,
    upper: FloatArray,
    bottom: FloatArray,
    replicates: int,
    seed: int,
) -> FloatArray:
    """Pivots (b* − b)/se* of data drawn from the fit; NaN where no fit would be given."""
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    # Maximum likelihood forgets the two degrees of freedom of the line.
    spread = sigma * np.sqrt(x.size / max(x.size - 2, 1))
    y = level + slope * x + spread * rng.standard_normal((replicates, x.size))
    stopped = y > np.log(upper)
    y = np.where(stopped, np.log(upper), y)
    with np.errstate(divide="ignore"):
        lowest = np.log(bottom)
    low_side = ~stopped & (y < lowest)
    y = np.where(low_side, lowest, y)
    exact = ~(stopped | low_side)
    index = np.unique(x, return_inverse=True)[1]
    seen = np.zeros((replicates, int(index.max()) + 1), dtype=bool)
    for point, size in enumerate(index):
        seen[:, size] |= exact[:, point]
    usable = seen.sum(axis=1) >= LEAST_SIZES
    pivots = np.full(replicates, np.nan)
    if usable.any():
        theta, gamma, error = _maximise(x, y[usable], stopped[usable], low_side[usable])
        pivots[usable] = (gamma[:, 1] / theta - slope) / error
    return pivots


def _maximise(
    x: FloatArray, y: FloatArray, stopped: BoolArray, low_side: BoolArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Maximum of the censored likelihood for each row of `y`.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Centred log sizes.
    y : ndarray, shape (k, n)
        Log costs; where censored, the bound.
    stopped, low_side : ndarray of bool, shape (k, n)
        The cost is at least, at most this.

    Returns
    -------
    theta : ndarray, shape (k,)
    gamma : ndarray, shape (k, 2)
    error : ndarray, shape (k,)
        Standard error of the slope γ₁/θ from the observed information (delta method).
    """
    middle = y.mean(axis=1, keepdims=True)
    z = np.stack([y - middle, np.full_like(y, -1.0), np.broadcast_to(-x, y.shape)], axis=2)
    exact = ~(stopped | low_side)
    count = exact.sum(axis=1).astype(np.float64)
    # Start from ordinary least squares through everything; the likelihood is concave.
    sxx = float(x @ x)
    slope = (y - middle) @ x / sxx
    rest = (y - middle) - slope[:, None] * x
    theta = 1.0 / np.maximum(np.sqrt((rest**2).mean(axis=1)), 0.05)
    psi = np.stack([theta, np.zeros_like(theta), theta * slope], axis=1)
    value = _likelihood(psi, z, exact, stopped, low_side, count)
    for _ in range(_NEWTON_STEPS):
        gradient, hessian = _derivatives(psi, z, exact, stopped, low_side, count)
        step = np.linalg.solve(-hessian, gradient[:, :, None])[:, :, 0]
        open_ = (gradient * step).sum(axis=1) > 1e-12
        if not open_.any():
            break
        length = np.where(open_, 1.0, 0.0)
        for _ in range(_HALVINGS):
            trial = psi + length[:, None] * step
            new = _likelihood(trial, z, exact, stopped, low_side, count)
            worse = (length > 0) & ~(new >= value)
            if not worse.any():
                break
            length = np.where(worse, length / 2, length)
        better = (length > 0) & (new >= value)
        psi = np.where(better[:, None], trial, psi)
        value = np.where(better, new, value)
        if not better.any():
            break
    _, hessian = _derivatives(psi, z, exact, stopped, low_side, count)
    theta = psi[:, 0]
    weights = np.stack([-psi[:, 2] / theta**2, np.zeros_like(theta), 1.0 / theta], axis=1)
    solved = np.linalg.solve(-hessian, weights[:, :, None])[:, :, 0]
    error = np.sqrt(np.maximum((weights * solved).sum(axis=1), 0.0))
    gamma = psi[:, 1:].copy()
    gamma[:, 0] += theta * middle[:, 0]
    return theta, gamma, error


def _likelihood(
    psi: FloatArray,
    z: FloatArray,
    exact: BoolArray,
    stopped: BoolArray,
    low_side: BoolArray,
    count: FloatArray,
) -> FloatArray:
    from scipy.special import log_ndtr

    theta = psi[:, 0]
    r = np.einsum("kni,ki->kn", z, psi)
    terms = np.where(exact, -0.5 * r * r, 0.0)
    terms += np.where(stopped, log_ndtr(-r), 0.0) + np.where(low_side, log_ndtr(r), 0.0)
    safe = np.where(theta > 0, theta, 1.0)
    total = count * np.log(safe) + terms.sum(axis=1) - 0.5 * (LEAST_SCATTER * safe) ** 2
    return np.where(theta > 0, total, -np.inf)


def _derivatives(
    psi: FloatArray,
    z: FloatArray,
    exact: BoolArray,
    stopped: BoolArray,
    low_side: BoolArray,
    count: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    from scipy.special import log_ndtr

    theta = psi[:, 0]
    r = np.einsum("kni,ki->kn", z, psi)
    # d/dt log Φ(t) = λ(t), d²/dt² = −λ(t)(t + λ(t)), with t = −r above a limit, r below a floor.
    t = np.where(stopped, -r, r)
    mills = np.exp(-0.5 * t * t - 0.5 * np.log(2 * np.pi) - log_ndtr(t))
    first = np.where(exact, -r, np.where(stopped, -mills, mills))
    second = np.where(exact, -1.0, -mills * (t + mills))
    gradient = np.einsum("kn,kni->ki", first, z)
    hessian = np.einsum("kn,kni,knj->kij", second, z, z)
    gradient[:, 0] += count / theta - LEAST_SCATTER**2 * theta
    hessian[:, 0, 0] -= count / theta**2 + LEAST_SCATTER**2
    return gradient, hessian
