"""Reduced rank extrapolation: where a linear iteration is heading, from its last few steps.

Iterates x₁, …, xₘ of a nearly linear iteration leave r₁, …, rₘ (residuals or last changes). Of
all mixes Σ γᵢ xᵢ with Σ γᵢ = 1 the one whose mixed residual Σ γᵢ rᵢ is least is much nearer to
the fixed point than xₘ where few eigenvectors dominate the error, as they do in economies
(Eddy 1979; Mešina 1977; Sidi, *Vector Extrapolation Methods*, 2017, ch. 2).
"""

from __future__ import annotations

import numpy as np

from planbench.model.arrays import FloatArray
from planbench.planners import kernels

#: Steps that are combined.
DEPTH = 3
#: Mixes that made things worse after which no more are tried.
FAILURES = 2


#: Keeps the system of a mix from being singular; its right side.
RIDGE, ONES = 1e-13 * np.eye(DEPTH), np.ones(DEPTH)


class Window:
    """The last steps of an iteration.

    Parameters
    ----------
    weight : ndarray, shape (size,)
        Entries of residuals count in units of 1/`weight`.
    """

    def __init__(self, weight: FloatArray) -> None:
        self._square = weight**2
        self._points = np.empty((DEPTH, weight.size))
        self._residuals = np.empty((DEPTH, weight.size))
        self._gram = np.zeros((DEPTH, DEPTH))
        self._count = 0
        self._failures = 0
        self._before: float | None = None

    def add(self, point: FloatArray, left: FloatArray) -> None:
        """Remember an iterate and what it leaves; the first after a mix judges the mix."""
        self._residuals[self._count % DEPTH] = left
        self._remember(point)

    def add_step(self, old: FloatArray, point: FloatArray) -> None:
        """Remember an iterate; its change from `old` is what it leaves."""
        np.subtract(point, old, out=self._residuals[self._count % DEPTH])
        self._remember(point)

    def _remember(self, point: FloatArray) -> None:
        at = self._count % DEPTH
        self._count += 1
        self._points[at] = point
        kernels.add_to_gram(self._residuals, self._square, at, self._gram)
        size = float(self._gram[at, at])
        if self._before is not None and size > self._before:
            self._failures += 1
        self._before = None

    def clear(self) -> None:
        """Forget the steps so far: the iteration is another one now."""
        self._count = 0
        self._before = None

    @property
    def ready(self) -> bool:
        """Whether there are steps enough for a mix and mixes do help."""
        return self._count >= DEPTH and self._failures < FAILURES

    def mix(self) -> FloatArray | None:
        """Weights γ of the iterates, None where they are not defined; forgets the iterates.

        Returns
        -------
        ndarray, shape (DEPTH,) or None
        """
        from scipy.linalg import lapack

        size = float(self._gram.trace())
        latest = (self._count - 1) % DEPTH
        before = float(self._gram[latest, latest])
        self.clear()
        if not 0 < size < np.inf:
            return None
        system = self._gram / size + RIDGE
        gamma, failed = lapack.dgesv(system, ONES, overwrite_a=1)[2:]
        total = float(gamma.sum())
        if failed or not 0 < total < np.inf:
            return None
        self._before = before
        return np.asarray(gamma / total)

    def mixed(self, gamma: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return Σ γᵢ xᵢ and Σ γᵢ rᵢ."""
        return gamma @ self._points, gamma @ self._residuals
