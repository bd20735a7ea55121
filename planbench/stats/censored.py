"""Likelihood of observations of which some are bounds only: the numerical kernel of the fits.

With ε standard normal,

    y = f(β) + σ ε,    some y known only as "at least" or "at most"  (Tobin 1958).

Where f is linear the log-likelihood is concave in Olsen's (1978) parameters θ = 1/σ, γ = θ β, so
Newton's method finds the one maximum. Otherwise it is climbed from several starts by damped
Gauss–Newton steps, which always go up because the censored terms are log-concave in the
residual. Rows of `y` are independent data sets: all bootstrap replicates are solved at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
#: Which data sets.
Places = npt.NDArray[np.intp]

#: Scatter (natural log) no timing is believed to stay below; keeps σ off zero on exact data.
LEAST_SCATTER = 0.002

_STEPS = 200
_HALVINGS = 40
_RIDGE = 1e-9


@dataclass(frozen=True, eq=False)
class Data:
    """k data sets on the same n places.

    Attributes
    ----------
    y : ndarray, shape (k, n)
        Observations; where censored, the bound.
    above : ndarray of bool, shape (k, n)
        The true value is this or more.
    below : ndarray of bool, shape (k, n)
        The true value is this or less.
    """

    y: FloatArray
    above: BoolArray
    below: BoolArray

    @property
    def exact(self) -> BoolArray:
        """Where the value itself is known, shape (k, n)."""
        return ~(self.above | self.below)

    def rows(self, chosen: BoolArray | Places) -> Data:
        """Return the data sets that `chosen`, a mask or a list of places, picks out."""
        return Data(self.y[chosen], self.above[chosen], self.below[chosen])


@dataclass(frozen=True, eq=False)
class Maximum:
    """Maximum of the likelihood for each of k data sets.

    Attributes
    ----------
    beta : ndarray, shape (k, p)
        Coefficients.
    sigma : ndarray, shape (k,)
        Scatter.
    covariance : ndarray, shape (k, p, p)
        Of β, from the information.
    log_likelihood : ndarray, shape (k,)
        Without the constant −½ log 2π per exact observation.
    """

    beta: FloatArray
    sigma: FloatArray
    covariance: FloatArray
    log_likelihood: FloatArray


def maximise(design: FloatArray, data: Data, least_scatter: float = LEAST_SCATTER) -> Maximum:
    """Maximise the censored likelihood of y = design · β + σ ε for each data set.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Its first column is ones.
    data : Data
    least_scatter : float
        Keeps σ off zero; must be far below the scatter of drawn data, whose extreme cases make
        the tails of a bootstrap.
    """
    middle = data.y.mean(axis=1, keepdims=True)
    y = data.y - middle
    # r = θ y − design · γ is linear in (θ, γ).
    z = np.concatenate([y[:, :, None], np.broadcast_to(-design, (len(y), *design.shape))], axis=2)
    count = data.exact.sum(axis=1).astype(np.float64)

    def value(psi: FloatArray, rows: Places) -> FloatArray:
        theta = psi[:, 0]
        safe = np.where(theta > 0, theta, 1.0)
        r = np.einsum("kni,ki->kn", z[rows], psi)
        total = log_terms(r, data.rows(rows)).sum(axis=1)
        total = total + count[rows] * np.log(safe) - 0.5 * (least_scatter * safe) ** 2
        return np.where(theta > 0, total, -np.inf)

    def derivatives(psi: FloatArray, rows: Places) -> tuple[FloatArray, FloatArray]:
        theta, seen, z_rows = psi[:, 0], count[rows], z[rows]
        first, second = term_slopes(np.einsum("kni,ki->kn", z_rows, psi), data.rows(rows))
        gradient = np.einsum("kn,kni->ki", first, z_rows)
        information = (z_rows * -second[:, :, None]).transpose(0, 2, 1) @ z_rows
        gradient[:, 0] += seen / theta - least_scatter**2 * theta
        information[:, 0, 0] += seen / theta**2 + least_scatter**2
        return gradient, information

    # Start from ordinary least squares through everything.
    start = np.linalg.lstsq(design, y.T, rcond=None)[0].T
    theta = 1.0 / _scatter(y - start @ design.T, least_scatter)
    psi = np.concatenate([theta[:, None], theta[:, None] * start], axis=1)
    psi, reached, information = _climb(psi, value, derivatives, 1e-12)
    theta = psi[:, 0]
    beta = psi[:, 1:] / theta[:, None]
    # Delta method for β = γ/θ.
    unit = np.broadcast_to(np.eye(beta.shape[1]), (len(y), *(2 * beta.shape[1:])))
    jacobian = np.concatenate([-beta[:, :, None], unit], axis=2) / theta[:, None, None]
    covariance = jacobian @ np.linalg.solve(information, jacobian.transpose(0, 2, 1))
    beta[:, 0] += middle[:, 0]
    return Maximum(beta, 1.0 / theta, covariance, reached)


def maximise_curve(
    curve: Callable[[FloatArray], FloatArray],
    slopes: Callable[[FloatArray], FloatArray],
    starts: Sequence[FloatArray],
    data: Data,
    last_bounds: tuple[float, float],
    least_scatter: float = LEAST_SCATTER,
) -> Maximum:
    """Maximise the censored likelihood of y = curve(β) + σ ε for each data set.

    Parameters
    ----------
    curve : callable (beta) -> ndarray, shape (k, n)
        For β of shape (k, p).
    slopes : callable (beta) -> ndarray, shape (k, n, p)
        Derivatives of the curve.
    starts : sequence of ndarray, shape (k, p)
        The best of what is reached from each is kept.
    data : Data
    last_bounds : (float, float)
        Range of the last coefficient.
    least_scatter : float
        As in :func:`maximise`.
    """
    count = data.exact.sum(axis=1).astype(np.float64)

    def value(psi: FloatArray, rows: Places) -> FloatArray:
        mine = data.rows(rows)
        theta = np.exp(np.clip(psi[:, 0], -50, 50))
        total = log_terms(theta[:, None] * (mine.y - curve(psi[:, 1:])), mine).sum(axis=1)
        total += count[rows] * psi[:, 0] - 0.5 * (least_scatter * theta) ** 2
        return np.where(np.isfinite(total), total, -np.inf)

    def derivatives(psi: FloatArray, rows: Places) -> tuple[FloatArray, FloatArray]:
        # A positive definite stand-in for minus the Hessian (Gauss–Newton).
        mine, theta = data.rows(rows), np.exp(psi[:, 0])
        r = theta[:, None] * (mine.y - curve(psi[:, 1:]))
        first, second = term_slopes(r, mine)
        all_slopes = np.concatenate(
            [r[:, :, None], -theta[:, None, None] * slopes(psi[:, 1:])], axis=2
        )
        gradient = np.einsum("kn,kni->ki", first, all_slopes)
        information = (all_slopes * -second[:, :, None]).transpose(0, 2, 1) @ all_slopes
        prior = (least_scatter * theta) ** 2
        gradient[:, 0] += count[rows] - prior
        information[:, 0, 0] += np.maximum((-first * r).sum(axis=1), 0.0) + 2 * prior
        # Nothing is learnt of what the data do not see: a ridge keeps the system regular.
        size = np.maximum(np.trace(information, axis1=1, axis2=2), 1e-300)
        information += (_RIDGE * size)[:, None, None] * np.eye(psi.shape[1])
        return gradient, information

    found: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    for start in starts:
        log_theta = -np.log(_scatter(data.y - curve(start), least_scatter))
        psi = np.column_stack([log_theta, start])
        found.append(_climb(psi, value, derivatives, 1e-9, 1e-7, last_bounds))
    best = np.argmax([reached for _, reached, _ in found], axis=0), np.arange(len(data.y))
    psi, reached, information = (np.stack(parts)[best] for parts in zip(*found, strict=True))
    covariance = np.linalg.inv(information)[:, 1:, 1:]
    return Maximum(psi[:, 1:].copy(), np.exp(-psi[:, 0]), covariance, reached)


def _scatter(rest: FloatArray, least: float) -> FloatArray:
    scatter: FloatArray = np.maximum(np.sqrt((rest**2).mean(axis=1)), least)
    return scatter


def _climb(
    psi: FloatArray,
    value: Callable[[FloatArray, Places], FloatArray],
    derivatives: Callable[[FloatArray, Places], tuple[FloatArray, FloatArray]],
    least_slope: float,
    least_gain: float = -1.0,
    last_bounds: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Maximum of each data set by damped Newton steps: its place, value and information.

    Most data sets are done in a few steps; only those that have `least_slope` and whose last
    step gained more than `least_gain` go on.
    """
    everything = open_ = np.arange(len(psi))
    reached = value(psi, open_)
    for _ in range(_STEPS):
        gradient, information = derivatives(psi[open_], open_)
        step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
        going = (gradient * step).sum(axis=1) > least_slope
        length = np.where(going, 1.0, 0.0)
        trial, new = psi[open_], reached[open_]
        for _ in range(_HALVINGS):
            trial = psi[open_] + length[:, None] * step
            trial[:, -1] = np.clip(trial[:, -1], *last_bounds)
            new = value(trial, open_)
            worse = (length > 0) & ~(new >= reached[open_])
            if not worse.any():
                break
            length = np.where(worse, length / 2, length)
        gained = new - reached[open_]
        better = going & (gained >= 0)
        chosen = open_[better]
        psi[chosen], reached[chosen] = trial[better], new[better]
        open_ = open_[better & (gained > least_gain)]
        if not open_.size:
            break
    return psi, reached, derivatives(psi, everything)[1]


def log_terms(r: FloatArray, data: Data) -> FloatArray:
    """Log-likelihood of scaled residuals r = (y − mean)/σ.

    Parameters
    ----------
    r : ndarray, shape (k, n)
    data : Data

    Returns
    -------
    ndarray, shape (k, n)
        −r²/2 where exact, log Φ(−r) where "at least", log Φ(r) where "at most".
    """
    from scipy.special import log_ndtr

    censored = ~data.exact
    value = -0.5 * r * r
    # Tails are dear; they are computed where they are needed.
    value[censored] = log_ndtr(np.where(data.above, -r, r)[censored])
    return value


def term_slopes(r: FloatArray, data: Data) -> tuple[FloatArray, FloatArray]:
    """First and second derivatives of :func:`log_terms` in r, each of shape (k, n)."""
    from scipy.special import log_ndtr

    censored = ~data.exact
    sign = np.where(data.above, -1.0, 1.0)[censored]
    t = sign * r[censored]
    # d/dt log Φ(t) = λ(t), d²/dt² = −λ(t)(t + λ(t)).
    mills = np.exp(-0.5 * t * t - log_ndtr(t) - 0.5 * np.log(2 * np.pi))
    first, second = -r, np.full_like(r, -1.0)
    first[censored] = sign * mills
    second[censored] = -mills * (t + mills)
    return first, second
