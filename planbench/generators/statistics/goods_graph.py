"""The matrix of goods against goods that eigenvalues, the order of goods and fill-in speak of.

Activities are assigned to their main good; where several make it, their coefficients are
averaged by the value of their output (mean technique). By-products stay with the activity.

From it come:

*Fill-in* of a sparse LU of I − A, which is what solving for prices directly costs.

*Order.* How near to triangular the inputs can be put by ordering the goods. The linear ordering
problem (Chenery & Watanabe 1958; Grötschel, Jünger & Reinelt 1984) asks for the order of goods,
suppliers first, with the largest share of links above the diagonal. It is NP-hard; what is found
is a lower estimate. Components come in the order of production, which costs nothing; inside them
goods start by trophic level (MacKay, Johnson & Sansom 2020) or in a narrow band (Cuthill & McKee
1969) and are moved to where they are best, many at a time.

*Spectrum.* The two largest eigenvalues of the input matrix: how fast rounds of production die out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, reverse_cuthill_mckee
from scipy.sparse.linalg import splu

from planbench.generators.statistics.value import IntArray, ValueInputs
from planbench.model.arrays import FloatArray, Matrix, index_type

Indices = npt.NDArray[np.integer]
#: Figures by field name, how those that are estimates were got, and why others are missing.
Found = tuple[dict[str, Any], dict[str, str], dict[str, str]]


@dataclass(frozen=True)
class StudyLimits:
    """Up to where figures are exact; beyond, they are estimates or left out.

    Attributes
    ----------
    sample : int
        Non-zeros in the random sample of columns that represents all where sorting is needed.
    spectrum_work : int
        Links, times products with the input matrix, spent on eigenvalues.
    order_work : int
        Links, times sweeps over them, spent on better orders of goods.
    links : int
        Links up to which the order of goods is sought.
    factor_goods : int
        Goods up to which I − A is factorised.
    """

    sample: int = 2_000_000
    spectrum_work: int = 800_000_000
    order_work: int = 40_000_000
    links: int = 1_500_000
    factor_goods: int = 3_000


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
        goods = np.flatnonzero((self.size[self.component] > 1) | (self.matrix.diagonal() > 0))
        part = self.matrix[:, goods].tocoo()
        rows, columns = part.coords
        stays = self.component[rows] == self.component[goods[columns]]
        number = np.zeros(self.matrix.shape[0], dtype=part.coords[0].dtype)
        number[goods] = np.arange(goods.size, dtype=number.dtype)
        return sp.csc_array(
            (part.data[stays], (number[rows[stays]], columns[stays])),
            shape=(goods.size, goods.size),
        )


def goods_graph(inputs: ValueInputs) -> GoodsGraph:
    """Build the graph of goods.

    The matrix is that of the inputs itself, not a copy, where activity j alone makes good j.
    """
    n = inputs.n_goods
    matrix = inputs.coefficients
    if not np.array_equal(inputs.main, np.arange(n)):
        matrix = _by_good(inputs)
    # Columns are read as rows; transposed, the components are the same.
    _, component = connected_components(
        sp.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(n, n)),
        directed=True,
        connection="strong",
    )
    return GoodsGraph(matrix=matrix, component=component, size=np.bincount(component))


def _by_good(inputs: ValueInputs) -> Matrix:
    """Coefficients by the good that is made, averaged over its techniques."""
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
    return matrix


_OF_FACTOR = ("factor_nonzeros", "fill_in", "fill_density")


def study_factor(graph: GoodsGraph, limits: StudyLimits, seed: int) -> Found:
    """Non-zeros of L + U of I − G by SuperLU, columns ordered by COLAMD (Davis et al. 2004).

    Random structure fills in almost completely, at a cost that grows like the cube of the
    size, and no sample of goods shows by how much; so it is done in full or not at all.
    """
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


_LEVEL_STEPS = 20
_FEWEST_SWEEPS, _MOST_SWEEPS = 6, 400
#: Sweeps after which the better of two starting orders is chosen.
_TRIAL_SWEEPS = 2
#: Shares of the goods that gain by moving that are moved at once, the largest first.
_LARGEST_PART, _SMALLEST_PART = 0.5, 1 / 256


def study_order(graph: GoodsGraph, limits: StudyLimits, seed: int) -> Found:
    """Largest strongly connected component and triangularity."""
    figures: dict[str, Any] = {"strong_component": int(graph.size.max())}
    if graph.matrix.nnz > limits.links:
        why = f"too dear: {graph.matrix.nnz:,} inputs are more than {limits.links:,}"
        return figures, {}, {"triangularity": why}
    links = links_of(graph.matrix)
    if links.flow.size == 0:
        return figures, {}, {"triangularity": "no good is used for another"}
    share = share_ahead(_inverse(best_order(graph, links, limits, seed)), links)
    how = "best order found; the best there is may be better"
    exact = share > 1 - 1e-12
    return figures | {"triangularity": share}, {} if exact else {"triangularity": how}, {}


class Links(NamedTuple):
    """Links off the diagonal, by columns.

    Attributes
    ----------
    rows, columns : ndarray of int, shape (links,)
    flow : ndarray, shape (links,)
    """

    rows: Indices
    columns: Indices
    flow: FloatArray


def links_of(matrix: Matrix) -> Links:
    """Links off the diagonal of a matrix of goods against goods."""
    column = np.repeat(
        np.arange(matrix.shape[1], dtype=matrix.indices.dtype), np.diff(matrix.indptr)
    )
    off = matrix.indices != column
    return Links(matrix.indices[off], column[off], matrix.data[off])


def share_ahead(place: Indices, links: Links) -> float:
    """Share of the flow that goes from goods of lower place to goods of higher."""
    return _ahead(place, links) / float(links.flow.sum())


def best_order(graph: GoodsGraph, links: Links, limits: StudyLimits, seed: int) -> IntArray:
    """Find an order of the goods, suppliers first; shape (goods,)."""
    # Components are numbered in the order of production, from one end or the other.
    first = graph.component if _ahead(graph.component, links) > 0 else -graph.component
    inside = graph.component[links.rows] == graph.component[links.columns]
    links = Links(*(part[inside] for part in links))
    n = graph.matrix.shape[0]
    if links.flow.size == 0:
        return np.argsort(first, kind="stable")
    sweeps = int(np.clip(limits.order_work // links.flow.size, _FEWEST_SWEEPS, _MOST_SWEEPS))
    rng = np.random.default_rng(np.random.SeedSequence([seed, 4]))
    matrix = sp.csr_array((links.flow, (links.rows, links.columns)), shape=(n, n))
    # Entry (i, k): what i gains when k comes before it.
    partners = (matrix.T.tocsr() - matrix).tocsr()
    # A narrow band finds long chains, along which levels would take as many steps as they have
    # links to converge.
    band = _inverse(reverse_cuthill_mckee(partners, symmetric_mode=True).astype(np.int64))
    if 2 * _ahead(band, links) < float(links.flow.sum()):
        band = -band
    starts = []
    for rank in (trophic_levels(matrix), band):
        order = improve_order(np.lexsort((rank, first)), links, partners, _TRIAL_SWEEPS, rng)
        starts.append((_ahead(_inverse(order), links), order))
    order = max(starts, key=lambda start: start[0])[1]
    return improve_order(order, links, partners, sweeps - 2 * _TRIAL_SWEEPS, rng)


def _ahead(place: Indices, links: Links) -> float:
    """Flow of the links that go forward."""
    return float(np.sum(links.flow, where=place[links.rows] < place[links.columns]))


def trophic_levels(matrix: sp.csr_array) -> FloatArray:
    """Levels h with (deg − F − F')h = in − out, by damped Jacobi steps; suppliers are low."""
    out = np.asarray(matrix.sum(axis=1)).ravel()
    into = np.asarray(matrix.sum(axis=0)).ravel()
    total = np.where(out + into > 0, out + into, 1.0)
    balance = into - out
    level: FloatArray = balance / total
    for _ in range(_LEVEL_STEPS):
        step = (balance + matrix @ level + matrix.T @ level) / total
        level = 0.5 * (level + step)
    return level


def improve_order(
    order: IntArray, links: Links, partners: sp.csr_array, sweeps: int, rng: np.random.Generator
) -> IntArray:
    """Move goods to their best places, in sweeps over all links; never for the worse.

    In a sweep the best place of every good, the others standing still, is found from running
    sums over its partners in order. A random part of those that would gain is moved; where
    they get into each other's way the part is made smaller.

    Parameters
    ----------
    order : ndarray of int, shape (goods,)
    links : Links
    partners : csr_array, shape (goods, goods)
        F' − F, with F the links as a matrix.
    sweeps : int
    rng : Generator

    Returns
    -------
    ndarray of int64, shape (goods,)
    """
    order = order.astype(np.int64)
    place = _inverse(order)
    total = float(links.flow.sum())
    best = _ahead(place, links)
    part = _LARGEST_PART
    moves: tuple[FloatArray, FloatArray] | None = None
    for _ in range(sweeps):
        if moves is None:
            moves = _best_places(partners, place, 1e-12 * total)
        gain, wanted = moves
        gaining = np.flatnonzero(gain > 0)
        if gaining.size == 0:
            break
        chosen = gaining[rng.random(gaining.size) < part]
        if chosen.size == 0 or part < _SMALLEST_PART:
            chosen = gaining[[int(np.argmax(gain[gaining]))]]
        key = place.astype(np.float64)
        key[chosen] = wanted[chosen]
        candidate = np.argsort(key, kind="stable")
        where = _inverse(candidate)
        found = _ahead(where, links)
        if found > best:
            order, place, best, moves = candidate, where, found, None
            part = min(_LARGEST_PART, 1.5 * part)
        elif chosen.size == 1:
            break
        else:
            part /= 2
    return order


def _best_places(
    partners: sp.csr_array, own: npt.NDArray[np.integer], least: float
) -> tuple[FloatArray, FloatArray]:
    """Gain of every good by moving alone to its best place from `own`, and that place as a key."""
    ends = partners.indptr.astype(np.int64)
    n = own.size
    # Each good's partners in the order of their places.
    moved = sp.csr_array(
        (partners.data.copy(), own[partners.indices], partners.indptr), shape=partners.shape
    )
    moved.sort_indices()
    counts = np.diff(ends)
    has = np.flatnonzero(counts)
    owner = np.repeat(np.arange(n), counts)
    now_count = np.zeros(n, dtype=np.int64)
    now_count[has] = np.add.reduceat(moved.indices < own[owner], ends[has], dtype=np.int64)
    running = np.zeros(moved.nnz + 1)
    np.cumsum(moved.data, out=running[1:])
    start = running[ends[:-1]]
    now = running[ends[:-1] + now_count] - start
    # What a good gains by standing right after each of its partners, instead of first.
    after = running[1:]
    after -= start[owner]
    top = np.zeros(n)
    top[has] = np.maximum(np.maximum.reduceat(after, ends[has]), 0.0)
    gain = np.where(top - now > least, top - now, 0.0)
    # Number of partners that come before it at the best place; 0 where first is best.
    hit = np.flatnonzero(after == top[owner])
    hit = hit[top[owner[hit]] > 0]
    count = np.zeros(n, dtype=np.int64)
    count[owner[hit]] = hit - ends[owner[hit]] + 1
    down = np.flatnonzero((gain > 0) & (count < now_count))
    up = np.flatnonzero((gain > 0) & (count > now_count))
    wanted = own.astype(np.float64)
    wanted[down] = moved.indices[ends[down] + count[down]] - 0.5
    wanted[up] = moved.indices[ends[up] + count[up] - 1] + 0.5
    return gain, wanted


def _inverse(order: IntArray) -> npt.NDArray[np.integer]:
    place = np.empty(order.size, dtype=index_type(order.size))
    place[order] = np.arange(order.size, dtype=place.dtype)
    return place


#: Up to this many goods in cycles all eigenvalues are computed.
_DENSE = 500
#: Products with the matrix, at least and at most, however many links there are.
_FEWEST_PRODUCTS, _MOST_PRODUCTS = 50, 400
#: The spectral radius is exact where its bounds are no further apart than about this.
_BOUND_CLOSE = 1e-6


def study_spectrum(graph: GoodsGraph, limits: StudyLimits, seed: int) -> Found:
    """Spectral radius with an upper bound, and the modulus of the second eigenvalue.

    Up to a number of links eigenvalues are sought inside strongly connected components, which
    have them all. Where these hold many goods, there is the radius of a power iteration only.
    """
    matrix = graph.inside() if graph.matrix.nnz <= limits.links else graph.matrix
    n = matrix.shape[0]
    if int(graph.size.max()) == 1:
        # No cycle but goods that use themselves: the eigenvalues are on the diagonal.
        moduli = np.append(np.sort(graph.matrix.diagonal())[::-1], [0.0, 0.0])
        upper = moduli[0]
    else:
        products = limits.spectrum_work // matrix.nnz
        radius, lower, upper = power_bound(
            matrix, int(np.clip(products, _FEWEST_PRODUCTS, _MOST_PRODUCTS))
        )
        if n > _DENSE:
            close = lower >= (1 - 2 * _BOUND_CLOSE) * upper
            return (
                {"spectral_radius": min(radius, upper), "spectral_upper": upper},
                {} if close else {"spectral_radius": "power iteration"},
                {"second_eigenvalue": f"too dear: {n:,} goods are more than {_DENSE:,}"},
            )
        moduli = np.append(np.sort(np.abs(np.linalg.eigvals(matrix.toarray())))[::-1], 0.0)
    figures = {
        "spectral_radius": float(min(moduli[0], upper)),
        "spectral_upper": float(upper),
        "second_eigenvalue": float(moduli[1]),
    }
    return figures, {}, {}


def power_bound(matrix: Matrix, passes: int) -> tuple[float, float, float]:
    """Estimate of the spectral radius of a non-negative matrix, and bounds.

    The bounds are Collatz and Wielandt's, the least and the largest (xG)_k / x_k for any x > 0,
    with x from a power iteration of G + βI, in which nothing dies out and nothing oscillates.

    Parameters
    ----------
    matrix : csc_array, shape (goods, goods)
    passes : int
        Most products.

    Returns
    -------
    estimate : float
        Rayleigh quotient of the last x.
    lower, upper : float
        The first upper one is the largest column sum.
    """
    x: FloatArray = np.ones(matrix.shape[0])
    lower, upper = 0.0, np.inf
    estimate = 0.0
    for _ in range(max(1, passes)):
        y = matrix.T @ x
        ratio = y / x
        lower, upper = max(lower, float(ratio.min())), min(upper, float(ratio.max()))
        estimate = float(y @ x / (x @ x))
        if upper - lower <= _BOUND_CLOSE * upper:
            break
        x *= 0.5 * upper
        x += y
        x /= x.max()
        # Bounded away from 0, where a good shrinks relative to others until it underflows.
        np.maximum(x, 1e-200, out=x)
    # Sums of up to n terms are rounded.
    return estimate, lower * (1 - 1e-12), upper * (1 + 1e-12)
