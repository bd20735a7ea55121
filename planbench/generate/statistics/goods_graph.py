"""The matrix of goods against goods that eigenvalues, orders and communities speak of.

Activities are assigned to their main good; where several make it, their coefficients are
averaged by the value of their output (mean technique). By-products stay with the activity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from planbench.generate.statistics.value import IntArray, ValueInputs
from planbench.model.arrays import Matrix


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

    def inside(self) -> Matrix:
        """Links inside strongly connected components, on the goods of those with a cycle.

        All eigenvalues but zeros are those of this matrix: the rest is triangular in blocks.
        """
        rows, columns = _places(self.matrix)
        stays = self.component[rows] == self.component[columns]
        rows, columns, data = rows[stays], columns[stays], self.matrix.data[stays]
        used = np.zeros(self.matrix.shape[0], dtype=bool)
        used[rows] = True
        number = np.cumsum(used) - 1
        count = int(used.sum())
        return sp.csc_array((data, (number[rows], number[columns])), shape=(count, count))


def goods_graph(inputs: ValueInputs) -> GoodsGraph | None:
    """Build the graph of goods; None where it is not known which good an activity makes."""
    if inputs.main is None:
        return None
    n = inputs.n_goods
    made = np.flatnonzero(inputs.main >= 0)
    main = inputs.main[made]
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
    from scipy.sparse.csgraph import connected_components

    # Columns are read as rows; transposed, the components are the same.
    _, component = connected_components(
        sp.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(n, n)),
        directed=True,
        connection="strong",
    )
    return GoodsGraph(matrix=matrix, component=component, size=np.bincount(component))


def links_of(matrix: Matrix) -> tuple[IntArray, IntArray, np.ndarray]:
    """Rows, columns and values off the diagonal."""
    rows, columns = _places(matrix)
    off = rows != columns
    return rows[off], columns[off], matrix.data[off]


def _places(matrix: Matrix) -> tuple[IntArray, IntArray]:
    columns = np.repeat(
        np.arange(matrix.shape[1], dtype=matrix.indices.dtype), np.diff(matrix.indptr)
    )
    return matrix.indices, columns
