"""Communities of goods that trade with one another more than chance would have it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.generate.statistics.facts import Limits
from planbench.generate.statistics.goods_graph import GoodsGraph, links_of
from planbench.generate.statistics.value import IntArray
from planbench.model.arrays import FloatArray

#: Up to this many links the best of several starts is taken, to a finer tolerance of gains.
_RESTART_LINKS, _RESTARTS = 300_000, 5
#: Beyond this many, the largest links that make this share of all input value are looked at.
_ALL_LINKS, _SHARE = 2_000_000, 0.99
_NAMES = ("communities", "modularity", "largest_community")


def study_communities(
    graph: GoodsGraph, limits: Limits, seed: int
) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """Communities by Louvain's method on directed links off the diagonal (Blondel et al. 2008).

    Needs the extra ``statistics``. The method is a heuristic: modularity is a lower estimate
    of the largest there is.

    Returns
    -------
    figures, estimated, missing : dict
    """
    rows, columns, flow = links_of(graph.matrix)
    if flow.size == 0:
        return {}, {}, dict.fromkeys(_NAMES, "no good is used for another")
    if flow.size > limits.community_links:
        why = f"too dear: {flow.size:,} links are more than {limits.community_links:,}"
        return {}, {}, dict.fromkeys(_NAMES, why)
    try:
        from sknetwork.clustering import Louvain
    except ImportError:
        why = "needs scikit-network: install planbench[statistics]"
        return {}, {}, dict.fromkeys(_NAMES, why)

    n = graph.matrix.shape[0]
    # Goods without a link are communities of their own to Louvain; they are left out.
    linked = np.zeros(n, dtype=bool)
    linked[rows] = True
    linked[columns] = True
    number = np.cumsum(linked) - 1
    rows, columns = number[rows], number[columns]
    count = int(linked.sum())
    how = "Louvain's method, a heuristic"
    kept = np.ones(flow.size, dtype=bool)
    if flow.size > _ALL_LINKS:
        kept = strongest(columns, flow, _SHARE)
        how += f", on the links that make {_SHARE:.0%} of input value"
    adjacency = sp.csr_matrix((flow[kept], (rows[kept], columns[kept])), shape=(count, count))
    small = flow.size <= _RESTART_LINKS
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
        value = modularity(labels, rows, columns, flow)
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


def strongest(columns: IntArray, flow: FloatArray, share: float) -> npt.NDArray[np.bool_]:
    """Which links are the largest that make `share` of the sum, or the largest of a column.

    Parameters
    ----------
    columns : ndarray of int, shape (links,)
        Ascending.
    flow : ndarray, shape (links,)
    share : float
        Between 0 and 1.
    """
    sizes = np.sort(flow)[::-1]
    least = sizes[np.searchsorted(np.cumsum(sizes), share * sizes.sum())]
    start = np.flatnonzero(np.diff(columns, prepend=-1))
    counts = np.diff(np.append(start, columns.size))
    own = flow == np.repeat(np.maximum.reduceat(flow, start), counts)
    kept: npt.NDArray[np.bool_] = (flow >= least) | own
    return kept


def modularity(labels: IntArray, rows: IntArray, columns: IntArray, flow: FloatArray) -> float:
    """Modularity of communities in a directed weighted graph (Leicht & Newman 2008).

    Q = Σ over communities of (w_cc / w − out_c in_c / w²), with w_cc the flow inside.
    """
    total = float(flow.sum())
    count = int(labels.max()) + 1
    inside = float(flow[labels[rows] == labels[columns]].sum())
    out = np.bincount(labels[rows], weights=flow, minlength=count)
    into = np.bincount(labels[columns], weights=flow, minlength=count)
    return inside / total - float(out @ into) / total**2
