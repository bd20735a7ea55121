"""The two largest eigenvalues of the input matrix: how fast rounds of production die out."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.generate.statistics.facts import Limits
from planbench.generate.statistics.goods_graph import GoodsGraph
from planbench.model.arrays import FloatArray, Matrix

#: Up to this many goods all eigenvalues are computed.
_DENSE = 300
_LANCZOS_VECTORS = 20
#: Accuracy asked of ARPACK, relative; and of the bound.
_TOLERANCE = 1e-3
_BOUND_CLOSE = 1e-6


def study_spectrum(
    graph: GoodsGraph, limits: Limits, seed: int
) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """Spectral radius with an upper bound, and the modulus of the second eigenvalue.

    Eigenvalues are sought inside strongly connected components, which have them all. The
    bound is Collatz and Wielandt's, ρ ≤ max over k of (xG)_k / x_k for any x > 0, with x from
    a power iteration of G + ρI/2, in which nothing dies out and nothing oscillates.

    Returns
    -------
    figures, estimated, missing : dict
    """
    inside = graph.inside()
    n = inside.shape[0]
    if n == 0:
        return {"spectral_radius": 0.0, "spectral_upper": 0.0, "second_eigenvalue": 0.0}, {}, {}
    power, upper = power_bound(inside, limits.spectrum_passes // 4)
    if int(graph.size.max()) == 1:
        # No cycle but goods that use themselves: the eigenvalues stand on the diagonal.
        loops = np.append(np.sort(inside.diagonal())[::-1], 0.0)
        radius, second = float(loops[0]), float(loops[1])
        return _figures(radius, upper, second), {}, {}
    if n <= _DENSE:
        moduli = np.append(np.sort(np.abs(np.linalg.eigvals(inside.toarray())))[::-1], 0.0)
        return _figures(float(moduli[0]), upper, float(moduli[1])), {}, {}

    from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, eigs

    rng = np.random.default_rng(np.random.SeedSequence([seed, 3]))
    rounds = max(1, limits.spectrum_passes // _LANCZOS_VECTORS)
    operator = sp.csr_array((inside.data, inside.indices, inside.indptr), shape=inside.shape)
    try:
        found = eigs(
            operator,
            k=3,
            which="LM",
            v0=0.5 + rng.random(n),
            ncv=_LANCZOS_VECTORS,
            maxiter=rounds,
            tol=_TOLERANCE,
            return_eigenvectors=False,
        )
        moduli = np.sort(np.abs(found))[::-1]
    except ArpackNoConvergence as partly:
        moduli = np.sort(np.abs(partly.eigenvalues))[::-1]
    except ArpackError:
        moduli = np.empty(0)
    how = f"Arnoldi iteration to {_TOLERANCE:g}"
    estimated = {"spectral_radius": how}
    missing: dict[str, str] = {}
    radius = float(moduli[0]) if moduli.size else power
    if not moduli.size:
        estimated["spectral_radius"] = "power iteration"
    # What converges first need not be the largest, but the power iteration knows it.
    if radius < (1 - 10 * _TOLERANCE) * power:
        radius, moduli = power, np.concatenate([[power], moduli])
        estimated["spectral_radius"] = "power iteration"
    other: float | None = float(moduli[1]) if moduli.size > 1 else None
    if other is None:
        missing["second_eigenvalue"] = (
            f"not separated from others like it in {limits.spectrum_passes} products"
        )
    else:
        estimated["second_eigenvalue"] = how
    return _figures(min(radius, upper), upper, other), estimated, missing


def power_bound(matrix: Matrix, passes: int) -> tuple[float, float]:
    """Estimate of the spectral radius of a non-negative matrix, and an upper bound.

    Parameters
    ----------
    matrix : csc_array, shape (n, n), with n at least 1
    passes : int
        Most products.

    Returns
    -------
    estimate : float
        Growth of the sum in the last step.
    upper : float
        Collatz–Wielandt bound; the first is the largest column sum.
    """
    x: FloatArray = np.ones(matrix.shape[0])
    upper = np.inf
    estimate = 0.0
    for _ in range(max(1, passes)):
        y = matrix.T @ x
        ratio = y / x
        upper = min(upper, float(ratio.max()))
        estimate = float(y @ x / (x @ x))
        if upper - float(ratio.min()) <= _BOUND_CLOSE * upper:
            break
        x = y + 0.5 * upper * x
        x /= x.max()
        # Bounded away from 0, where a good shrinks beside others until it underflows.
        np.maximum(x, 1e-200, out=x)
    # Sums of up to n terms are rounded.
    return estimate, upper * (1 + 1e-12)


def _figures(radius: float, upper: float, second: float | None) -> dict[str, Any]:
    return {
        "spectral_radius": radius,
        "spectral_upper": max(radius, upper),
        "second_eigenvalue": second,
    }
