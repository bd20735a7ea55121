"""The laws of growth that are weighed against each other, in logarithms of size and cost.

Each has coefficients β (shape (k, p): a row per data set), a curve (log cost at log sizes) and
its slopes in β. Sizes are measured from an origin, the smallest size observed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planbench.stats import fixed_cost
from planbench.stats.censored import Data, FloatArray, Maximum, maximise


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
