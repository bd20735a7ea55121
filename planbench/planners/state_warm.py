"""A tiny economy with the array types of a large one, to compile the kernels beforehand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from planbench.model.arrays import Matrix
from planbench.model.economy import Economy, make_economy


def tiny_like(economy: Economy, resources: int = 2) -> Economy:
    """Six goods, twelve activities, two targets; index types as in `economy`."""
    rng = np.random.default_rng(6)
    n, m = 6, 12
    inputs = 0.08 * rng.random((n, m))
    outputs = np.zeros((n, m))
    outputs[np.arange(m) % n, np.arange(m)] = 1.0
    tiny = make_economy(
        inputs=inputs,
        outputs=outputs,
        resource_use=rng.uniform(0.5, 1.0, (resources, m)),
        endowment=np.ones(resources),
        assortment=rng.uniform(0.5, 1.0, (n, 2)),
    )
    return replace(
        tiny,
        inputs=_with_types_of(economy.inputs, tiny.inputs),
        outputs=_with_types_of(economy.outputs, tiny.outputs),
        resource_use=_with_types_of(economy.resource_use, tiny.resource_use),
    )


def _with_types_of(pattern: Matrix, matrix: Matrix) -> Matrix:
    out = sp.csc_array(matrix)
    out.indices = matrix.indices.astype(pattern.indices.dtype)
    out.indptr = matrix.indptr.astype(pattern.indptr.dtype)
    return out
