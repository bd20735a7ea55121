"""Fill-in of a sparse LU of I − A: what a direct solution of one round of planning costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.generators.statistics.facts import Limits
from planbench.generators.statistics.goods_graph import GoodsGraph

_NAMES = ("factor_nonzeros", "fill_in", "fill_density")


def study_factor(
    graph: GoodsGraph, limits: Limits, seed: int
) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """Non-zeros of L + U of I − G by SuperLU, columns ordered by COLAMD (Davis et al. 2004).

    Random structure fills in almost completely, at a cost that grows like the cube of the
    size, and no sample of goods tells by how much; so it is done in full or not at all.

    Returns
    -------
    figures, estimated, missing : dict
    """
    from scipy.sparse.linalg import splu

    n = graph.matrix.shape[0]
    if n > limits.factor_goods:
        why = f"too dear: {n:,} goods are more than {limits.factor_goods:,}"
        return {}, {}, dict.fromkeys(_NAMES, why)
    matrix = sp.csc_matrix(sp.eye_array(n, format="csc") - graph.matrix)
    try:
        factors = splu(matrix, permc_spec="COLAMD")
    except RuntimeError:
        return {}, {}, dict.fromkeys(_NAMES, "I − A is singular")
    nonzeros = int(factors.L.nnz + factors.U.nnz - n)
    return (
        {
            "factor_nonzeros": nonzeros,
            "fill_in": nonzeros / int(np.count_nonzero(matrix.data)),
            "fill_density": nonzeros / n**2,
        },
        {},
        {},
    )
