"""Censored maximum likelihood for a fixed cost that does not grow, plus a power law.

    log cost = log(c₀ + c·n^b) + σ ε

in the parameters (log c·m^b, b, κ) with m a reference size and e^κ the fixed cost's share of
the growing cost there. The likelihood is not concave, so it is climbed from several starts by
damped Gauss–Newton steps, which always go up because the censored terms are log-concave in the
residual.
"""

from __future__ import annotations

import numpy as np

from planbench.stats.censored import (
    LEAST_SCATTER,
    Data,
    FloatArray,
    Maximum,
    log_terms,
    term_slopes,
)

#: Range of κ: below, no measurement sees the fixed cost; above, none sees the growth.
SHARES = (-7.0, 9.0)
_STARTS = (-4.0, -1.0, 1.0, 3.0)
_STEPS = 60
_HALVINGS = 20
_RIDGE = 1e-9


def mean(beta: FloatArray, v: FloatArray) -> FloatArray:
    """Log cost at log n − log m = `v`.

    Parameters
    ----------
    beta : ndarray, shape (k, 3)
    v : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (k, n)
    """
    return beta[:, :1] + np.logaddexp(beta[:, 2:], beta[:, 1:2] * v)


def jacobian(beta: FloatArray, v: FloatArray) -> FloatArray:
    """Return the derivatives of :func:`mean` in `beta`, shape (k, n, 3)."""
    growing = 1.0 / (1.0 + np.exp(np.clip(beta[:, 2:] - beta[:, 1:2] * v, -700, 700)))
    return np.stack([np.ones_like(growing), v * growing, 1.0 - growing], axis=2)


def maximise(
    v: FloatArray,
    data: Data,
    start: FloatArray | None = None,
    least_scatter: float = LEAST_SCATTER,
) -> Maximum:
    """Fit a fixed cost and a power law to each data set.

    Parameters
    ----------
    v : ndarray, shape (n,)
        log n − log m.
    data : Data
    start : ndarray, shape (3,), optional
        Where to start; by default from several places, the best of which is kept.
    least_scatter : float
        As in :func:`planbench.stats.censored.maximise`.

    Returns
    -------
    Maximum
        Coefficients as in :func:`mean`.
    """
    k = data.y.shape[0]
    begins = [np.tile(start, (k, 1))] if start is not None else _begins(v, data)
    best: Maximum | None = None
    for begin in begins:
        found = _climb(v, data, begin, least_scatter)
        if best is None:
            best = found
            continue
        better = found.log_likelihood > best.log_likelihood
        best = Maximum(
            np.where(better[:, None], found.beta, best.beta),
            np.where(better, found.sigma, best.sigma),
            np.where(better[:, None, None], found.covariance, best.covariance),
            np.maximum(found.log_likelihood, best.log_likelihood),
        )
    assert best is not None
    return best


def _begins(v: FloatArray, data: Data) -> list[FloatArray]:
    """Power laws through the upper half of the sizes, with more or less of a fixed cost."""
    upper = v >= np.median(v)
    design = np.column_stack([np.ones(int(upper.sum())), v[upper]])
    line = np.linalg.lstsq(design, data.y[:, upper].T, rcond=None)[0].T
    return [np.column_stack([line, np.full(len(line), share)]) for share in _STARTS]


def _climb(v: FloatArray, data: Data, beta: FloatArray, least_scatter: float) -> Maximum:
    count = data.exact.sum(axis=1).astype(np.float64)
    rest = data.y - mean(beta, v)
    log_theta = -np.log(np.maximum(np.sqrt((rest**2).mean(axis=1)), least_scatter))
    psi = np.column_stack([log_theta, beta])
    value = _likelihood(psi, v, data, count, least_scatter)
    open_ = np.arange(len(psi))
    for _ in range(_STEPS):
        data_open, count_open = data.rows(open_), count[open_]
        gradient, information = _derivatives(psi[open_], v, data_open, count_open, least_scatter)
        step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
        going = (gradient * step).sum(axis=1) > 1e-9
        length = np.where(going, 1.0, 0.0)
        trial, new = psi[open_], value[open_]
        for _ in range(_HALVINGS):
            trial = psi[open_] + length[:, None] * step
            trial[:, 3] = np.clip(trial[:, 3], *SHARES)
            new = _likelihood(trial, v, data_open, count_open, least_scatter)
            worse = (length > 0) & ~(new >= value[open_])
            if not worse.any():
                break
            length = np.where(worse, length / 2, length)
        # A step that gains nothing to speak of ends the climb.
        gained = new - value[open_]
        better = going & (gained >= 0)
        chosen = open_[better]
        psi[chosen], value[chosen] = trial[better], new[better]
        open_ = open_[better & (gained > 1e-7)]
        if not open_.size:
            break
    _, information = _derivatives(psi, v, data, count, least_scatter)
    covariance: FloatArray = np.linalg.inv(information)[:, 1:, 1:].astype(np.float64)
    sigma: FloatArray = np.exp(-psi[:, 0])
    return Maximum(psi[:, 1:].copy(), sigma, covariance, value)


def _likelihood(
    psi: FloatArray, v: FloatArray, data: Data, count: FloatArray, least_scatter: float
) -> FloatArray:
    theta = np.exp(np.clip(psi[:, 0], -50, 50))
    r = theta[:, None] * (data.y - mean(psi[:, 1:], v))
    total = log_terms(r, data).sum(axis=1) + count * psi[:, 0] - 0.5 * (least_scatter * theta) ** 2
    return np.where(np.isfinite(total), total, -np.inf)


def _derivatives(
    psi: FloatArray, v: FloatArray, data: Data, count: FloatArray, least_scatter: float
) -> tuple[FloatArray, FloatArray]:
    """Gradient, and a positive definite stand-in for minus the Hessian (Gauss–Newton)."""
    theta = np.exp(psi[:, 0])
    r = theta[:, None] * (data.y - mean(psi[:, 1:], v))
    first, second = term_slopes(r, data)
    slopes = np.concatenate(
        [r[:, :, None], -theta[:, None, None] * jacobian(psi[:, 1:], v)], axis=2
    )
    gradient = np.einsum("kn,kni->ki", first, slopes)
    information = (slopes * -second[:, :, None]).transpose(0, 2, 1) @ slopes
    prior = (least_scatter * theta) ** 2
    gradient[:, 0] += count - prior
    information[:, 0, 0] += np.maximum((-first * r).sum(axis=1), 0.0) + 2 * prior
    # Nothing is learnt of a share that the data do not see: a ridge keeps the system regular.
    size = np.trace(information, axis1=1, axis2=2)
    information += (_RIDGE * np.maximum(size, 1e-300))[:, None, None] * np.eye(4)
    return gradient, information
