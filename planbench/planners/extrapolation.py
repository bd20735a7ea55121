"""Reduced rank extrapolation: where a linear iteration is heading, from its last few steps.

Iterates x₁, …, xₘ of a nearly linear iteration leave r₁, …, rₘ (residuals or last changes). Of
all mixes Σ γᵢ xᵢ with Σ γᵢ = 1 the one whose mixed residual Σ γᵢ rᵢ is least is much nearer to
the fixed point than xₘ where few eigenvectors dominate the error, as they do in economies
(Eddy 1979; Mešina 1977; Sidi, *Vector Extrapolation Methods*, 2017, ch. 2).
"""

from __future__ import annotations

import numpy as np

from planbench.model.arrays import FloatArray

#: Steps that are combined.
DEPTH = 3
#: Mixes that made things worse after which no more are tried.
FAILURES = 2


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
        self._room = np.empty(weight.size)
        self._count = 0
        self._failures = 0
        self._before: float | None = None

    def add(self, point: FloatArray, left: FloatArray) -> None:
        """Remember an iterate and what it leaves; the first after a mix judges the mix."""
        at = self._count % DEPTH
        np.copyto(self._residuals[at], left)
        self._remember(at, point)

    def add_step(self, old: FloatArray, point: FloatArray) -> None:
        """Remember an iterate; its change from `old` is what it leaves."""
        at = self._count % DEPTH
        np.subtract(point, old, out=self._residuals[at])
        self._remember(at, point)

    def _remember(self, at: int, point: FloatArray) -> None:
        self._count += 1
        held = min(self._count, DEPTH)
        np.copyto(self._points[at], point)
        # Infinite weights (nothing is productive) leave a size that is not a number; no
        # extrapolation then.
        with np.errstate(invalid="ignore", over="ignore"):
            np.multiply(self._residuals[at], self._square, out=self._room)
            found = self._residuals[:held] @ self._room
        self._gram[at, :held] = self._gram[:held, at] = found
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
        size = float(np.trace(self._gram))
        latest = (self._count - 1) % DEPTH
        before = float(self._gram[latest, latest])
        self.clear()
        if not 0 < size < np.inf:
            return None
        system = self._gram / size + 1e-13 * np.eye(DEPTH)
        try:
            gamma = np.linalg.solve(system, np.ones(DEPTH))
        except np.linalg.LinAlgError:
            return None
        total = float(gamma.sum())
        if not np.isfinite(gamma).all() or total <= 0:
            return None
        self._before = before
        return np.asarray(gamma / total)

    def mixed(self, gamma: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return Σ γᵢ xᵢ and Σ γᵢ rᵢ."""
        return gamma @ self._points, gamma @ self._residuals
