"""The matrix of goods against goods that eigenvalues, orders and communities speak of.

Activities are assigned to their main good; where several make it, their coefficients are
averaged by the value of their output (mean technique). By-products stay with the activity.

From it come the largest links (for searches that cannot afford all), the communities of goods
that trade with one another more than chance would have it, and the fill-in of a sparse LU of
I − A, which is what solving for prices directly costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.generators.statistics.blocks import Indices, blocks, off_diagonal, owners
from planbench.generators.statistics.facts import Found, StudyLimits
from planbench.generators.statistics.value import IntArray, ValueInputs
from planbench.model.arrays import FloatArray, Matrix


@dataclass(frozen=True, eq=False)
class GoodsGraph:
    """Goods, and what one unit of value of each takes.

    Attributes
    ----------
    matrix : csc_array, shape (goods, goods)
        Entry (i, k): value of good i per value of good k, mean technique.
    component : ndarray of int32, shape (goods,)
        Strongly connected component of each good.
    size : ndarray of int64, shape (components,)
        Goods in each component.
    """

    matrix: Matrix
    component: IntArray
    size: IntArray

    def cyclic(self) -> npt.NDArray[np.bool_]:
        """Which goods are in a cycle: with others of their component, or alone with themselves."""
        found: npt.NDArray[np.bool_] = self.size[self.component] > 1
        found |= self.matrix.diagonal() > 0
        return found

    def inside(self) -> Matrix:
        """Links inside strongly connected components, on the goods of those with a cycle.

        All eigenvalues but zeros are those of this matrix: the rest is triangular in blocks.
        """
        goods = np.flatnonzero(self.cyclic())
        part = self.matrix[:, goods].tocoo()
        rows, columns = part.coords
        stays = self.component[rows] == self.component[goods[columns]]
        number = np.zeros(self.matrix.shape[0], dtype=part.coords[0].dtype)
        number[goods] = np.arange(goods.size, dtype=number.dtype)
        return sp.csc_array(
            (part.data[stays], (number[rows[stays]], columns[stays])),
            shape=(goods.size, goods.size),
        )


def goods_graph(inputs: ValueInputs) -> GoodsGraph | None:
    """Build the graph of goods; None where it is not known which good an activity makes.

    The matrix is that of the inputs itself, not a copy, where activity j alone makes good j.
    """
    if inputs.main is None:
        return None
    n = inputs.n_goods
    matrix = inputs.coefficients
    if not np.array_equal(inputs.main, np.arange(n)):
        matrix = _by_good(inputs, inputs.main)
    from scipy.sparse.csgraph import connected_components

    # Columns are read as rows; transposed, the components are the same.
    _, component = connected_components(
        sp.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(n, n)),
        directed=True,
        connection="strong",
    )
    return GoodsGraph(matrix=matrix, component=component, size=np.bincount(component))


def _by_good(inputs: ValueInputs, makes: IntArray) -> Matrix:
    """Coefficients by the good that is made, averaged over its techniques."""
    n = inputs.n_goods
    made = np.flatnonzero(makes >= 0)
    main = makes[made]
    weight = inputs.output[made]
    total = np.bincount(main, weights=weight, minlength=n)
    # Techniques of a good of which none runs count equally.
    idle = total[main] <= 0
    count = np.bincount(main, minlength=n)
    share = np.where(idle, 1.0 / count[main], weight / np.where(idle, 1.0, total[main]))
    assign = sp.csc_array((share, (made, main)), shape=(inputs.n_activities, n))
    matrix = sp.csc_array(inputs.coefficients @ assign)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def flow_ahead(rank: npt.NDArray[np.number], matrix: Matrix) -> tuple[float, float]:
    """Flow off the diagonal from goods of lower rank to goods of higher, and all of it."""
    ahead = total = 0.0
    for rows, columns, flow in off_diagonal(matrix):
        ahead += float(np.sum(flow, where=rank[rows] < rank[columns]))
        total += float(flow.sum())
    return ahead, total


def flow_between(labels: IntArray, matrix: Matrix) -> tuple[float, FloatArray, FloatArray]:
    """Flow off the diagonal inside the groups of goods, and out of and into each group.

    Parameters
    ----------
    labels : ndarray of int, shape (goods,)
        Group of each good, from 0 on.
    matrix : csc_array, shape (goods, goods)

    Returns
    -------
    inside : float
    out, into : ndarray, shape (groups,)
    """
    goods = int(matrix.shape[0])
    inside = 0.0
    out, into = np.zeros(goods), np.zeros(goods)
    for columns, entries in blocks(matrix.indptr, max(1 << 20, goods)):
        row, column = matrix.indices[entries], owners(matrix.indptr, columns)
        flow = np.where(row != column, matrix.data[entries], 0.0)
        inside += float(np.sum(flow, where=labels[row] == labels[column]))
        out += np.bincount(row, weights=flow, minlength=goods)
        into[columns] = np.bincount(
            column - columns.start, weights=flow, minlength=columns.stop - columns.start
        )
    count = int(labels.max()) + 1
    out = np.bincount(labels, weights=out, minlength=count).astype(np.float64)
    into = np.bincount(labels, weights=into, minlength=count).astype(np.float64)
    return inside, out, into


#: Bits of a float64 that are cut off to sort values into bins 2^(1/256) wide or narrower.
_CUT = 44
_BINS = 1 << (63 - _CUT)


@dataclass(frozen=True, eq=False)
class StrongLinks:
    """Links off the diagonal, by columns.

    Attributes
    ----------
    rows, columns : ndarray of int, shape (links,)
    flow : ndarray, shape (links,)
    all_links : int
        How many the matrix has off the diagonal.
    share : float
        Part of all flow off the diagonal that these make; 1 where they are all.
    """

    rows: Indices
    columns: Indices
    flow: FloatArray
    all_links: int
    share: float

    @property
    def how(self) -> str:
        """Which links these are, to go after the name of a method; empty where all."""
        if self.flow.size == self.all_links:
            return ""
        return (
            f", on {self.flow.size:,} of {self.all_links:,} links, {self.share:.0%} of input value"
        )


def strong_links(matrix: Matrix, most: int, seed: int) -> StrongLinks:
    """Pick the `most` largest links, and also the largest of every row and column.

    Of links within half a per cent of the smallest that are picked, a random part is taken.

    Parameters
    ----------
    matrix : csc_array, shape (goods, goods)
        Entries > 0.
    most : int
    seed : int
    """
    if matrix.nnz <= most:
        return _gathered(list(off_diagonal(matrix)))
    counts = np.zeros(_BINS, dtype=np.int64)
    top = np.zeros(matrix.shape[0])
    for row, _, flow in off_diagonal(matrix):
        counts += np.bincount(_bin(flow), minlength=_BINS)
        np.maximum.at(top, row, flow)
    # From the largest bin down: all of the bins above `least`, a part of that one.
    upto = np.cumsum(counts[::-1])
    at = int(np.searchsorted(upto, most))
    if at == _BINS:
        return _gathered(list(off_diagonal(matrix)))
    least = _BINS - 1 - at
    part = (most - (int(upto[at]) - int(counts[least]))) / int(counts[least])
    rng = np.random.default_rng(np.random.SeedSequence([seed, 5]))
    found: list[tuple[Indices, Indices, FloatArray]] = []
    total, links = 0.0, 0
    for row, column, flow in off_diagonal(matrix):
        if flow.size == 0:
            continue
        size = _bin(flow)
        kept = size > least
        equal = np.flatnonzero(size == least)
        kept[equal[rng.random(equal.size) < part]] = True
        kept[_largest_of_columns(column, flow)] = True
        # The first largest link of each supplier; -1 marks those that have it.
        first = np.flatnonzero(flow == top[row])
        _, which = np.unique(row[first], return_index=True)
        kept[first[which]] = True
        top[row[first]] = -1.0
        found.append((row[kept], column[kept], flow[kept]))
        total += float(flow.sum())
        links += flow.size
    return _gathered(found, links, total)


def _largest_of_columns(column: Indices, flow: FloatArray) -> Indices:
    """Place of the first largest link of every column; columns ascend."""
    start = np.flatnonzero(np.diff(column, prepend=-1))
    counts = np.diff(np.append(start, column.size))
    at = np.flatnonzero(flow == np.repeat(np.maximum.reduceat(flow, start), counts))
    first: Indices = at[np.diff(column[at], prepend=-1) > 0]
    return first


def _bin(flow: FloatArray) -> npt.NDArray[np.int64]:
    # Positive floats order like their bits.
    return flow.view(np.int64) >> _CUT


def _gathered(
    found: list[tuple[Indices, Indices, FloatArray]],
    all_links: int | None = None,
    total: float | None = None,
) -> StrongLinks:
    rows = np.concatenate([part[0] for part in found])
    columns = np.concatenate([part[1] for part in found])
    flow = np.concatenate([part[2] for part in found])
    return StrongLinks(
        rows=rows,
        columns=columns,
        flow=flow,
        all_links=flow.size if all_links is None else all_links,
        share=1.0 if not total else float(flow.sum()) / total,
    )


#: Up to this many links the best of several starts is taken, to a finer tolerance of gains.
_RESTART_LINKS, _RESTARTS = 300_000, 5
#: Share of very many links that is used: Louvain takes eight times the memory of its links.
_LINKS_PART = 0.18
_OF_COMMUNITIES = ("communities", "modularity", "largest_community")


def study_communities(graph: GoodsGraph, limits: StudyLimits, seed: int) -> Found:
    """Communities by Louvain's method on directed links off the diagonal (Blondel et al. 2008).

    Needs the extra ``statistics``. The method is a heuristic: modularity is a lower estimate
    of the largest there is. Where there are too many links only the largest are used, but
    modularity is that of all.
    """
    links = strong_links(graph.matrix, limits.links_kept(graph.matrix.nnz, _LINKS_PART), seed)
    if links.flow.size == 0:
        return {}, {}, dict.fromkeys(_OF_COMMUNITIES, "no good is used for another")
    try:
        from sknetwork.clustering import Louvain
    except ImportError:
        why = "needs scikit-network: install planbench[statistics]"
        return {}, {}, dict.fromkeys(_OF_COMMUNITIES, why)

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
    return figures, dict.fromkeys(_OF_COMMUNITIES, how), {}


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


_OF_FACTOR = ("factor_nonzeros", "fill_in", "fill_density")


def study_factor(graph: GoodsGraph, limits: StudyLimits, seed: int) -> Found:
    """Non-zeros of L + U of I − G by SuperLU, columns ordered by COLAMD (Davis et al. 2004).

    Random structure fills in almost completely, at a cost that grows like the cube of the
    size, and no sample of goods shows by how much; so it is done in full or not at all.
    """
    from scipy.sparse.linalg import splu

    n = graph.matrix.shape[0]
    if n > limits.factor_goods:
        why = f"too dear: {n:,} goods are more than {limits.factor_goods:,}"
        return {}, {}, dict.fromkeys(_OF_FACTOR, why)
    matrix = sp.csc_matrix(sp.eye_array(n, format="csc") - graph.matrix)
    try:
        factors = splu(matrix, permc_spec="COLAMD")
    except RuntimeError:
        return {}, {}, dict.fromkeys(_OF_FACTOR, "I − A is singular")
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
