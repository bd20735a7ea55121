"""How near to triangular the inputs can be put by ordering the goods.

The linear ordering problem (Chenery & Watanabe 1958; Grötschel, Jünger & Reinelt 1984) asks
for the order of goods, suppliers first, with the largest share of links above the diagonal. It
is NP-hard; what is found is a lower estimate. Components come in the order of production,
which costs nothing; inside them goods start by trophic level (MacKay, Johnson & Sansom 2020) or
in a narrow band (Cuthill & McKee 1969) and are moved to where they are best, many at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.generators.statistics.blocks import blocks
from planbench.generators.statistics.facts import Found, StudyLimits
from planbench.generators.statistics.goods_graph import GoodsGraph, flow_ahead, strong_links
from planbench.generators.statistics.value import IntArray
from planbench.model.arrays import FloatArray, Matrix, index_type

_LEVEL_STEPS = 20
#: Share of very many links that is used: a search takes six times the memory of its links.
_LINKS_PART = 0.28
_FEWEST_SWEEPS, _MOST_SWEEPS = 6, 400
#: Sweeps after which the better of two starting orders is chosen.
_TRIAL_SWEEPS = 2
#: Shares of the goods that gain by moving that are moved at once, the largest first.
_LARGEST_PART, _SMALLEST_PART = 0.5, 1 / 256


def study_order(graph: GoodsGraph, limits: StudyLimits, seed: int) -> Found:
    """Largest strongly connected component and triangularity."""
    figures: dict[str, Any] = {"strong_component": int(graph.size.max())}
    order, how = best_order(graph, limits, seed)
    if order is None:
        return figures, {}, {"triangularity": "no good is used for another"}
    share = share_above(order, graph.matrix)
    how = f"best order found{how}; the best there is may be better"
    exact = share > 1 - 1e-12
    return figures | {"triangularity": share}, {} if exact else {"triangularity": how}, {}


def share_above(order: IntArray, matrix: Matrix) -> float:
    """Share of flow off the diagonal (row supplies column) forward in `order`, a list of goods."""
    ahead, total = flow_ahead(_inverse(order), matrix)
    return ahead / total


def best_order(graph: GoodsGraph, limits: StudyLimits, seed: int) -> tuple[IntArray | None, str]:
    """Find an order of the goods, suppliers first.

    Returns
    -------
    order : ndarray of int64, shape (goods,), or None
        Goods from the most upstream on; None where no good is used for another.
    how : str
        Which links were used; empty where all were.
    """
    strong = strong_links(graph.matrix, limits.links_kept(graph.matrix.nnz, _LINKS_PART), seed)
    if strong.flow.size == 0:
        return None, ""
    first, how = _along_production(graph), strong.how
    inside = graph.component[strong.rows] == graph.component[strong.columns]
    rows, columns, flow = strong.rows[inside], strong.columns[inside], strong.flow[inside]
    del strong, inside
    n = graph.matrix.shape[0]
    if flow.size == 0:
        return np.argsort(first, kind="stable"), how
    sweeps = int(np.clip(limits.order_work // flow.size, _FEWEST_SWEEPS, _MOST_SWEEPS))
    rng = np.random.default_rng(np.random.SeedSequence([seed, 4]))
    matrix = sp.csr_array((flow, (rows, columns)), shape=(n, n))
    level = trophic_levels(matrix)
    links = Links(rows, columns, flow, (matrix.T.tocsr() - matrix).tocsr())
    del matrix
    starts = []
    for rank in (level, band_ranks(links)):
        order = improve_order(np.lexsort((rank, first)), links, _TRIAL_SWEEPS, rng)
        starts.append((_ahead(_inverse(order), links), order))
    order = max(starts, key=lambda start: start[0])[1]
    return improve_order(order, links, sweeps - 2 * _TRIAL_SWEEPS, rng), how


def _along_production(graph: GoodsGraph) -> npt.NDArray[np.integer]:
    """Component of each good, numbered in the order of production.

    They are numbered so already, from one end or the other: all flow between them is ahead, or
    none.
    """
    ahead, _ = flow_ahead(graph.component, graph.matrix)
    return graph.component if ahead > 0 else -graph.component


@dataclass(frozen=True, eq=False)
class Links:
    """Links off the diagonal, inside components.

    Attributes
    ----------
    rows, columns : ndarray of int, shape (links,)
        Supplier and user of each link, different.
    flow : ndarray, shape (links,)
    partners : csr_array, shape (goods, goods)
        F' − F, with F the same as a matrix: entry (i, k) is what i gains when k comes before
        it.
    """

    rows: npt.NDArray[np.integer]
    columns: npt.NDArray[np.integer]
    flow: FloatArray
    partners: sp.csr_array


def _ahead(place: npt.NDArray[np.integer], links: Links) -> float:
    """Flow of the links that go forward."""
    return float(np.sum(links.flow, where=place[links.rows] < place[links.columns]))


def band_ranks(links: Links) -> npt.NDArray[np.integer]:
    """Ranks in a band of small width (reverse Cuthill–McKee), in the better direction.

    Finds long chains of production, along which levels would take as many steps as they have
    links to converge.
    """
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    band = reverse_cuthill_mckee(links.partners, symmetric_mode=True)
    rank = _inverse(band.astype(np.int64))
    return rank if 2 * _ahead(rank, links) >= float(links.flow.sum()) else -rank


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


def improve_order(order: IntArray, links: Links, sweeps: int, rng: np.random.Generator) -> IntArray:
    """Move goods to their best places, in sweeps over all links; never for the worse.

    In a sweep the best place of every good, the others standing still, is found from running
    sums over its partners in order. A random part of those that would gain is moved; where
    they get into each other's way the part is made smaller.

    Parameters
    ----------
    order : ndarray of int, shape (goods,)
    links : Links
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
            moves = _best_places(links.partners, place, 1e-12 * total)
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
    partners: sp.csr_array, place: npt.NDArray[np.integer], least: float
) -> tuple[FloatArray, FloatArray]:
    """Gain of every good by moving alone to its best place, and that place as a sort key."""
    gain = np.zeros(place.size)
    wanted = place.astype(np.float64)
    for goods, _ in blocks(partners.indptr):
        _best_of_block(partners, place, least, goods, gain[goods], wanted[goods])
    return gain, wanted


def _best_of_block(
    partners: sp.csr_array,
    place: npt.NDArray[np.integer],
    least: float,
    goods: slice,
    gain: FloatArray,
    wanted: FloatArray,
) -> None:
    """Set gains and wanted places, shape (goods of the block,), of a block of goods."""
    indptr = partners.indptr[goods.start : goods.stop + 1].astype(np.int64)
    entries = slice(int(indptr[0]), int(indptr[-1]))
    ends = indptr - indptr[0]
    n = ends.size - 1
    own = place[goods]
    # Each good's partners in the order of their places.
    moved = sp.csr_array(
        (partners.data[entries].copy(), place[partners.indices[entries]], ends),
        shape=(n, place.size),
    )
    moved.sort_indices()
    counts = np.diff(ends)
    has = np.flatnonzero(counts)
    owner = np.repeat(np.arange(n), counts)
    before_it = moved.indices < own[owner]
    now_count = np.zeros(n, dtype=np.int64)
    now_count[has] = np.add.reduceat(before_it, ends[has], dtype=np.int64)
    running = np.zeros(moved.nnz + 1)
    np.cumsum(moved.data, out=running[1:])
    start = running[ends[:-1]]
    now = running[ends[:-1] + now_count] - start
    # What a good gains by standing right after each of its partners, instead of first.
    after = running[1:]
    after -= start[owner]
    top = np.zeros(n)
    top[has] = np.maximum(np.maximum.reduceat(after, ends[has]), 0.0)
    gain[:] = np.where(top - now > least, top - now, 0.0)
    # Number of partners that come before it at the best place; 0 where first is best.
    hit = np.flatnonzero((after == top[owner]) & (top[owner] > 0))
    count = np.zeros(n, dtype=np.int64)
    count[owner[hit]] = hit - ends[owner[hit]] + 1
    down = np.flatnonzero((gain > 0) & (count < now_count))
    up = np.flatnonzero((gain > 0) & (count > now_count))
    wanted[down] = moved.indices[ends[down] + count[down]] - 0.5
    wanted[up] = moved.indices[ends[up] + count[up] - 1] + 0.5


def _inverse(order: IntArray) -> npt.NDArray[np.integer]:
    place = np.empty(order.size, dtype=index_type(order.size))
    place[order] = np.arange(order.size, dtype=place.dtype)
    return place
