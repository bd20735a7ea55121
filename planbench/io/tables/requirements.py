"""Total requirements: what a net output, or an input, takes directly and indirectly."""

from __future__ import annotations

import numpy as np

from planbench.model.arrays import FloatArray, Matrix

#: Terms of the series at most; with fewer than this many left out it has not converged.
_TERMS = 100_000


def total_requirements(coefficients: Matrix, first: FloatArray) -> FloatArray | None:
    """Solve x = first + coefficients · x, the sum of Leontief's series.

    The terms are added in order and without BLAS, so that every machine gets the same figures:
    they become part of an economy, which is known by its hash.

    Parameters
    ----------
    coefficients : csr_array, shape (n, n)
    first : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n,), or None
        None where the series does not converge.
    """
    x = first.copy()
    for _ in range(_TERMS):
        after = first + coefficients @ x
        if not np.isfinite(after).all():
            return None
        if (np.abs(after - x) <= 2 * np.finfo(np.float64).eps * np.abs(after)).all():
            return np.asarray(after)
        x = after
    return None
