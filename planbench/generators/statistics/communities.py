"""Communities of goods that trade with one another more than chance would have it."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.generators.statistics.facts import Limits
from planbench.generators.statistics.goods_graph import GoodsGraph, flow_between
from planbench.generators.statistics.strong_links import strong_links
from planbench.generators.statistics.value import IntArray
from planbench.model.arrays import Matrix

#: Up to this many links the best of several starts is taken, to a finer tolerance of gains.
_RESTART_LINKS, _RESTARTS = 300_000, 5
#: Part of very many links that is looked at: Louvain takes eight times the memory of its links.
_LINKS_PART = 0.18
_NAMES = ("communities", "modularity", "largest_community")


def study_communities(
    graph: GoodsGraph, limits: Limits, seed: int
) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """Communities by Louvain's method on directed links off the diagonal (Blondel et al. 2008).

    Needs the extra ``statistics``. The method is a heuristic: modularity is a lower estimate
    of the largest there is. Where there are too many links it looks at the largest, and
    modularity is that of all.

    Returns
    -------
    figures, estimated, missing : dict
    """
    links = strong_links(graph.matrix, limits.links_kept(graph.matrix.nnz, _LINKS_PART), seed)
    if links.flow.size == 0:
        return {}, {}, dict.fromkeys(_NAMES, "no good is used for another")
    try:
        from sknetwork.clustering import Louvain
    except ImportError:
        why = "needs scikit-network: install planbench[statistics]"
        return {}, {}, dict.fromkeys(_NAMES, why)

    n = graph.matrix.shape[0]
    # Goods without a link are communities of their own to Louvain; they are left out.
    linked = np.zeros(n, dtype=bool)
    linked[links.rows] = True
    linked[links.columns] = True
    number = np.cumsum(linked, dtype=np.int32 if n < 2**31 else np.int64) - 1
    count = int(linked.sum())
    how = f"Louvain's method, a heuristic{links.how}"
    small = links.flow.size <= _RESTART_LINKS
    adjacency = sp.csr_matrix(
        (links.flow, (number[links.rows], number[links.columns])), shape=(count, count)
    )
    del links
    best: tuple[float, IntArray] | None = None
    for start in range(_RESTARTS if small else 1):
        labels = Louvain(
            modularity="dugue",
            shuffle_nodes=True,
            tol_optimization=1e-3 if small else 1e-2,
            return_probs=False,
            return_aggregate=False,
            random_state=(seed + start) % 2**32,
        ).fit_predict(adjacency)
        # Goods without a link are in none; as they have no flow, any does.
        everywhere = np.zeros(n, dtype=np.int64)
        everywhere[linked] = labels
        value = modularity(everywhere, graph.matrix)
        if best is None or value > best[0]:
            best = value, labels
    assert best is not None
    value, labels = best
    sizes = np.bincount(labels)
    figures = {
        "communities": int(sizes.size),
        "modularity": value,
        "largest_community": float(sizes.max() / count),
    }
    return figures, dict.fromkeys(_NAMES, how), {}


def modularity(labels: IntArray, matrix: Matrix) -> float:
    """Modularity of communities in a directed weighted graph (Leicht & Newman 2008).

    Q = Σ over communities of (w_cc / w − out_c in_c / w²), with w_cc the flow inside and
    nothing on the diagonal.

    Parameters
    ----------
    labels : ndarray of int, shape (goods,)
        Community of each good, from 0 on.
    matrix : csc_array, shape (goods, goods)
        With flow off the diagonal.
    """
    inside, out, into = flow_between(labels, matrix)
    total = float(out.sum())
    # Shares before products: the square of a total may underflow.
    return inside / total - float((out / total) @ (into / total))
