"""The two largest eigenvalues of the input matrix: how fast rounds of production die out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.generators.statistics.facts import Found, StudyLimits
from planbench.generators.statistics.goods_graph import GoodsGraph
from planbench.model.arrays import FloatArray, Matrix

#: Up to this many goods all eigenvalues are computed.
_DENSE = 300
_MOST_STEPS = 120
#: Goods times steps squared: what keeping the Arnoldi vectors orthogonal costs.
_ORTHOGONAL_WORK = 1.6e9
#: Up to this many goods Arnoldi vectors have double precision.
_DOUBLE = 100_000
#: Relative residuals up to which an eigenvalue counts as exact, and as found at all.
_EXACT, _FOUND = 1e-6, 0.2
_BOUND_CLOSE = 1e-6


def study_spectrum(graph: GoodsGraph, limits: StudyLimits, seed: int) -> Found:
    """Spectral radius with an upper bound, and the modulus of the second eigenvalue.

    Eigenvalues are sought inside strongly connected components, which have them all: densely
    where there are few goods, else as Ritz values of one Arnoldi iteration.
    """
    inside = cycles_of(graph, limits.links)
    n = inside.size
    if n == 0:
        return _figures(0.0, 0.0, 0.0), {}, {}
    affordable = limits.spectrum_work // inside.matrix.nnz
    products = int(np.clip(affordable, 2 * limits.spectrum_steps, 400))
    power, upper = power_bound(inside, products // 2)
    if int(graph.size.max()) == 1:
        # No cycle but goods that use themselves: the eigenvalues are on the diagonal.
        loops = np.append(np.sort(graph.matrix.diagonal())[::-1], 0.0)
        return _figures(float(loops[0]), upper, float(loops[1])), {}, {}
    if n <= _DENSE:
        eigenvalues = np.linalg.eigvals(inside.compact().toarray())
        moduli = np.append(np.sort(np.abs(eigenvalues))[::-1], 0.0)
        return _figures(float(moduli[0]), upper, float(moduli[1])), {}, {}

    orthogonal = max(limits.spectrum_steps, int((_ORTHOGONAL_WORK / n) ** 0.5))
    steps = min(products // 2, _MOST_STEPS, orthogonal)
    rng = np.random.default_rng(np.random.SeedSequence([seed, 3]))
    moduli, residual = ritz_moduli(inside, 0.5 + rng.random(n), steps)
    estimated: dict[str, str] = {}
    missing: dict[str, str] = {}
    # The Rayleigh quotient knows a largest eigenvalue that the iteration has yet to meet.
    radius, error = float(moduli[0]), float(residual[0] / moduli[0])
    if error > _EXACT:
        estimated["spectral_radius"] = f"Arnoldi iteration, residual {error:.0e}"
    if radius < (1 - _FOUND) * power:
        radius = power
        estimated["spectral_radius"] = "power iteration"
    second: float | None = float(moduli[1])
    error = float(residual[1] / moduli[1]) if moduli[1] > 0 else 0.0
    if error > _FOUND:
        second = None
        missing["second_eigenvalue"] = f"not converged after {steps} products"
    else:
        # However small the residual: far from normal, eigenvalues move a lot with little.
        estimated["second_eigenvalue"] = f"Arnoldi iteration, residual {error:.0e}"
    return _figures(radius, upper, second), estimated, missing


@dataclass(frozen=True, eq=False)
class Cycles:
    """Links among the goods that are in a cycle.

    Attributes
    ----------
    matrix : csc_array, shape (all goods, all goods)
    goods : ndarray of int, shape (size,), or None
        Those in a cycle, ascending; None where they all are. Links of others count as none.
    """

    matrix: Matrix
    goods: npt.NDArray[np.integer] | None = None

    @property
    def size(self) -> int:
        """Number of goods in a cycle."""
        return int(self.matrix.shape[0]) if self.goods is None else int(self.goods.size)

    def times(self, x: FloatArray) -> FloatArray:
        """Gx, shape (size,) like `x`."""
        return self._product(self.matrix, x)

    def transposed_times(self, x: FloatArray) -> FloatArray:
        """Gᵀx, shape (size,) like `x`."""
        return self._product(self.matrix.T, x)

    def _product(self, matrix: Any, x: FloatArray) -> FloatArray:
        everywhere = x
        if self.goods is not None:
            everywhere = np.zeros(self.matrix.shape[0])
            everywhere[self.goods] = x
        product: FloatArray = matrix @ everywhere
        return product if self.goods is None else product[self.goods]

    def compact(self) -> Matrix:
        """Shape (size, size)."""
        if self.goods is None:
            return self.matrix
        return sp.csc_array(self.matrix[:, self.goods][self.goods])


def cycles_of(graph: GoodsGraph, copied: int) -> Cycles:
    """Take the links that all eigenvalues but zeros are those of.

    Links from one strongly connected component to another change no eigenvalue. Up to `copied`
    links they are left out, because iterations converge sooner without them; beyond, the
    matrix would be too large to copy, and all are taken that lie among the goods in a cycle.
    """
    if graph.matrix.nnz <= copied:
        return Cycles(graph.inside())
    goods = np.flatnonzero(graph.cyclic())
    return Cycles(graph.matrix, None if goods.size == graph.matrix.shape[0] else goods)


def ritz_moduli(matrix: Cycles, start: FloatArray, steps: int) -> tuple[FloatArray, FloatArray]:
    """Moduli of the Ritz values of one Arnoldi iteration, the largest first, with residuals.

    A residual r means that the Ritz value is an eigenvalue of a matrix nearer than r in the
    Euclidean norm (Saad 2011, ch. 6).

    Parameters
    ----------
    matrix : Cycles
        Of n > 1 goods.
    start : ndarray, shape (n,)
    steps : int
        Products with `matrix`; fewer when a space closes on itself.

    Returns
    -------
    moduli, residuals : ndarray, shape (at least 2,)
    """
    n = matrix.size
    steps = min(steps, n)
    # Where the vectors are what takes the memory, half the digits do for an estimate.
    kind = np.float64 if n <= _DOUBLE else np.float32
    basis: npt.NDArray[np.floating] = np.empty((steps + 1, n), dtype=kind)
    basis[0] = start / np.linalg.norm(start)
    projected = np.zeros((steps + 1, steps))
    size = steps
    for k in range(steps):
        step: npt.NDArray[np.floating] = matrix.times(basis[k].astype(np.float64)).astype(kind)
        norm = float(np.linalg.norm(step))
        known = basis[: k + 1]
        for _ in range(2):  # the second time removes what rounding left
            along = known @ step
            step -= along @ known
            projected[: k + 1, k] += along
        rest = float(np.linalg.norm(step))
        projected[k + 1, k] = rest
        if rest <= 1e-12 * norm or norm == 0:
            projected[k + 1, k] = 0.0
            size = k + 1
            break
        basis[k + 1] = step / rest
    values, vectors = np.linalg.eig(projected[:size, :size])
    order = np.argsort(-np.abs(values))
    moduli = np.abs(values)[order]
    residuals = projected[size, size - 1] * np.abs(vectors[-1, order])
    if size == 1:
        return np.append(moduli, 0.0), np.append(residuals, 0.0)
    return moduli, residuals


def power_bound(matrix: Cycles, passes: int) -> tuple[float, float]:
    """Estimate of the spectral radius of a non-negative matrix, and an upper bound.

    The bound is Collatz and Wielandt's, ρ ≤ max over k of (xG)_k / x_k for any x > 0, with x
    from a power iteration of G + βI, in which nothing dies out and nothing oscillates.

    Parameters
    ----------
    matrix : Cycles
    passes : int
        Most products.

    Returns
    -------
    estimate : float
        Rayleigh quotient of the last x.
    upper : float
        The first is the largest column sum.
    """
    x: FloatArray = np.ones(matrix.size)
    upper = np.inf
    estimate = 0.0
    for _ in range(max(1, passes)):
        y = matrix.transposed_times(x)
        ratio = y / x
        upper = min(upper, float(ratio.max()))
        estimate = float(y @ x / (x @ x))
        if upper - float(ratio.min()) <= _BOUND_CLOSE * upper:
            break
        x *= 0.5 * upper
        x += y
        x /= x.max()
        # Bounded away from 0, where a good shrinks relative to others until it underflows.
        np.maximum(x, 1e-200, out=x)
    # Sums of up to n terms are rounded.
    return estimate, upper * (1 + 1e-12)


def _figures(radius: float, upper: float, second: float | None) -> dict[str, Any]:
    return {
        "spectral_radius": min(radius, upper),
        "spectral_upper": upper,
        "second_eigenvalue": second,
    }
