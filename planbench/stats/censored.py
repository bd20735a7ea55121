"""Likelihood of observations of which some are bounds only: the numerical kernel of the fits.

With ε standard normal and X known,

    y = X β + σ ε,    some y known only as "at least" or "at most"  (Tobin 1958).

In Olsen's (1978) parameters θ = 1/σ, γ = θ β the log-likelihood is concave, so Newton's method
finds the one maximum. Rows of `y` are independent data sets: all bootstrap replicates are
solved at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

#: Scatter (natural log) no timing is believed to stay below; keeps σ off zero on exact data.
LEAST_SCATTER = 0.002

_NEWTON_STEPS = 200
_HALVINGS = 40


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

    def rows(self, chosen: BoolArray | npt.NDArray[np.intp]) -> Data:
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

    Returns
    -------
    Maximum
    """
    middle = data.y.mean(axis=1, keepdims=True)
    y = data.y - middle
    k = len(y)
    z = np.concatenate([y[:, :, None], np.broadcast_to(-design, (k, *design.shape))], axis=2)
    count = data.exact.sum(axis=1).astype(np.float64)
    # Start from ordinary least squares through everything.
    start = np.linalg.lstsq(design, y.T, rcond=None)[0].T
    rest = y - start @ design.T
    theta = 1.0 / np.maximum(np.sqrt((rest**2).mean(axis=1)), least_scatter)
    psi = np.concatenate([theta[:, None], theta[:, None] * start], axis=1)
    value = _likelihood(psi, z, data, count, least_scatter)
    open_ = np.arange(k)
    for _ in range(_NEWTON_STEPS):
        # Most data sets are done in a few steps; only the others go on.
        z_open, data_open, count_open = z[open_], data.rows(open_), count[open_]
        gradient, hessian = _derivatives(psi[open_], z_open, data_open, count_open, least_scatter)
        step = np.linalg.solve(-hessian, gradient[:, :, None])[:, :, 0]
        going = (gradient * step).sum(axis=1) > 1e-12
        length = np.where(going, 1.0, 0.0)
        trial, new = psi[open_], value[open_]
        for _ in range(_HALVINGS):
            trial = psi[open_] + length[:, None] * step
            new = _likelihood(trial, z_open, data_open, count_open, least_scatter)
            worse = (length > 0) & ~(new >= value[open_])
            if not worse.any():
                break
            length = np.where(worse, length / 2, length)
        better = going & (new >= value[open_])
        open_ = open_[better]
        psi[open_], value[open_] = trial[better], new[better]
        if not open_.size:
            break
    _, hessian = _derivatives(psi, z, data, count, least_scatter)
    theta = psi[:, 0]
    beta = psi[:, 1:] / theta[:, None]
    # Delta method for β = γ/θ.
    jacobian = np.concatenate(
        [-beta[:, :, None], np.broadcast_to(np.eye(beta.shape[1]), (k, *(2 * beta.shape[1:])))],
        axis=2,
    )
    jacobian = jacobian / theta[:, None, None]
    covariance = jacobian @ np.linalg.solve(-hessian, jacobian.transpose(0, 2, 1))
    beta[:, 0] += middle[:, 0]
    return Maximum(beta, 1.0 / theta, covariance, value)


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


def _likelihood(
    psi: FloatArray, z: FloatArray, data: Data, count: FloatArray, least_scatter: float
) -> FloatArray:
    theta = psi[:, 0]
    r = np.einsum("kni,ki->kn", z, psi)
    total = log_terms(r, data).sum(axis=1)
    safe = np.where(theta > 0, theta, 1.0)
    total = total + count * np.log(safe) - 0.5 * (least_scatter * safe) ** 2
    return np.where(theta > 0, total, -np.inf)


def _derivatives(
    psi: FloatArray, z: FloatArray, data: Data, count: FloatArray, least_scatter: float
) -> tuple[FloatArray, FloatArray]:
    theta = psi[:, 0]
    r = np.einsum("kni,ki->kn", z, psi)
    first, second = term_slopes(r, data)
    gradient = np.einsum("kn,kni->ki", first, z)
    hessian = (z * second[:, :, None]).transpose(0, 2, 1) @ z
    gradient[:, 0] += count / theta - least_scatter**2 * theta
    hessian[:, 0, 0] -= count / theta**2 + least_scatter**2
    return gradient, hessian
