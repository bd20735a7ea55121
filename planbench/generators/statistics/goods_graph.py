"""The matrix of goods against goods that eigenvalues, orders and communities speak of.

Activities are assigned to their main good; where several make it, their coefficients are
averaged by the value of their output (mean technique). By-products stay with the activity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.generators.statistics.blocks import blocks, off_diagonal, owners
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
