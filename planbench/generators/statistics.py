"""Statistics of an economy: how dense, how connected, how near to triangular its inputs are.

:data:`FIGURES` has the name of each figure, its meaning and the form it is shown in: the command
line, its JSON and the page of documentation read it from there. :func:`study_economy` computes
every figure, exact or marked as an estimate.

*Inputs and links*: how many inputs, how large, and how the links spread over suppliers and buyers.
Means per activity are taken over the activities that have inputs. A link is an input of more than
1e-4 of the value of output: below that, real tables hold traces of rounding and balancing. Weighted
out-degrees and universal suppliers count all.

The others speak of the matrix of goods against goods (:class:`GoodsGraph`). Activities are assigned
to their main good; where several make it, their coefficients are averaged by the value of their
output (mean technique). By-products stay with the activity.

*Spectrum*: the two largest eigenvalues: how fast rounds of production die out.

*Order*: how near to triangular the inputs can be put by ordering the goods. The linear ordering
problem (Chenery & Watanabe 1958; Grötschel, Jünger & Reinelt 1984) asks for the order of goods,
suppliers first, with the largest share of links above the diagonal. It is NP-hard; what is found
is a lower estimate. Components come in the order of production, which costs nothing; inside them
goods start by trophic level (MacKay, Johnson & Sansom 2020) or in a narrow band (Cuthill & McKee
1969) and are moved to where they are best, many at a time.

*Fill-in* of a sparse LU of I − A, which is what solving for prices directly costs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, reverse_cuthill_mckee
from scipy.sparse.linalg import splu

from planbench.errors import InputError
from planbench.generators.value import IntArray, ValueInputs, value_inputs
from planbench.model.arrays import FloatArray, Matrix, index_type
from planbench.model.economy import Economy

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


#: Groups of figures in the order they are shown; the first four take a few passes over the
#: non-zeros, the others more.
CHEAP_GROUPS = ("size", "inputs", "coefficients", "links")
DEAR_GROUPS = ("spectrum", "order", "factor")
GROUPS = CHEAP_GROUPS + DEAR_GROUPS

#: Coefficients above these count in ``inputs_above_…``, as shares of the value of output.
THRESHOLDS = (1e-4, 1e-3, 1e-2)
#: Above is by more than rounding: a coefficient of exactly 1 % is not, in whatever unit.
ABOVE = 1 + 1e-9


class Figure(NamedTuple):
    """A figure: its group, its name in tables, one line of meaning and the form it is shown in.

    Forms are ``count``, ``share`` (0 to 1, shown in per cent) and ``number``.
    """

    group: str
    name: str
    label: str
    says: str
    form: str = "number"


#: Figures in the order they are shown. Coefficients are values of input per value of output;
#: docs/statistics.md has the formulas.
_BY_GROUP: dict[str, tuple[tuple[str, ...], ...]] = {
    "size": (
        ("goods", "goods", "rows of the input matrix", "count"),
        ("activities", "activities", "columns of the input matrix", "count"),
        ("nonzeros", "inputs in all", "non-zeros of the input matrix", "count"),
        ("density", "density", "non-zeros over goods × activities", "share"),
        ("resources", "resources", "rows of the resource matrix", "count"),
        ("byproduct_share", "by-products",
         "share of output that is not its activity's main good", "share"),
    ),
    "inputs": (
        ("inputs_mean", "inputs", "mean number per activity, all"),
        ("inputs_above_1e_4", "inputs > 0.01 %", "mean number above 1e-4 of the value of output"),
        ("inputs_above_1e_3", "inputs > 0.1 %", "mean number above 1e-3 of the value of output"),
        ("inputs_above_1e_2", "inputs > 1 %", "mean number above 1e-2 of the value of output"),
        ("k50", "k50", "largest inputs that make 50 % of input cost"),
        ("k90", "k90", "largest inputs that make 90 % of input cost"),
        ("k99", "k99", "largest inputs that make 99 % of input cost"),
    ),
    "coefficients": (
        ("column_sum_mean", "column sum", "mean value of inputs per value of output"),
        ("column_sum_deviation", "its deviation", "standard deviation of the column sums"),
        ("column_sum_largest", "largest column sum",
         "1 or more: inputs are worth more than the output"),
        ("log_threshold", "log-normal above", "coefficients below this are left out of the fit"),
        ("log_mean", "log-normal μ", "mean of the logarithm of coefficients, fitted"),
        ("log_deviation", "log-normal σ", "deviation of the logarithm of coefficients, fitted"),
        ("log_ks", "log-normal KS", "largest distance of the two distributions (0 to 1)"),
    ),
    "links": (
        ("in_degree_cv", "in-degree CV", "coefficient of variation of the number of suppliers"),
        ("out_degree_cv", "out-degree CV", "coefficient of variation of the number of buyers"),
        ("out_strength_cv", "weighted out-degree CV",
         "the same of the sum of coefficients of all buyers"),
        ("out_tail_exponent", "tail exponent",
         "weighted out-degree of the largest suppliers, Hill"),
        ("out_tail_count", "suppliers in the tail",
         "number of largest suppliers it is taken from", "count"),
        ("top_supplier_share", "links of the top 10 %",
         "share of links of the 10 % with most buyers", "share"),
        ("universal_share", "universal suppliers",
         "goods used by at least 9 of 10 activities", "share"),
    ),
    "spectrum": (
        ("spectral_radius", "spectral radius",
         "largest eigenvalue of the input matrix, mean technique"),
        ("spectral_upper", "its upper bound", "Collatz–Wielandt bound: no eigenvalue is larger"),
        ("second_eigenvalue", "second eigenvalue",
         "modulus; a ratio near 1 to the first slows iterations"),
    ),
    "order": (
        ("strong_component", "strong component",
         "goods that all need one another, the largest set", "count"),
        ("triangularity", "triangularity",
         "share of input value on one side of the diagonal, best order", "share"),
    ),
    "factor": (
        ("factor_nonzeros", "LU non-zeros",
         "of L + U of I − A, columns ordered by COLAMD", "count"),
        ("fill_in", "fill-in", "non-zeros of L + U over those of I − A"),
        ("fill_density", "LU density", "non-zeros of L + U over all of its places", "share"),
    ),
}  # fmt: skip
FIGURES = tuple(Figure(group, *row) for group, rows in _BY_GROUP.items() for row in rows)


@dataclass(frozen=True)
class EconomyStatistics:
    """Figures of an economy.

    Attributes
    ----------
    figures : mapping of str to number
        By name, those of :data:`FIGURES` that were asked for, are defined and not too dear.
    price_basis, level_basis : str
        What values and flows are computed with.
    estimates : mapping of str to str
        Figures that are estimates (≈) or bounds, with how they were got.
    missing : mapping of str to str
        Figures that were asked for and are not there, with why.
    """

    figures: Mapping[str, Any]
    price_basis: str
    level_basis: str
    estimates: Mapping[str, str]
    missing: Mapping[str, str]

    def __getitem__(self, name: str) -> Any:
        """Figure of that name, or None."""
        return self.figures.get(name)

    def as_dict(self) -> dict[str, Any]:
        """Every figure in JSON values, in the order of :data:`FIGURES`, and all else."""
        return {f.name: self[f.name] for f in FIGURES} | {
            "price_basis": self.price_basis,
            "level_basis": self.level_basis,
            "estimates": dict(self.estimates),
            "missing": dict(self.missing),
        }


def explain() -> dict[str, str]:
    """One line on every figure, by name."""
    return {figure.name: figure.says for figure in FIGURES}


Sizes = npt.NDArray[np.number[Any]]


LINK = THRESHOLDS[0]
#: Largest suppliers that are taken for the tail, as a share of the goods; fewest of them.
TAIL_SHARE = 0.2
_FEWEST_IN_TAIL = 5
_TOP_SHARE = 0.1
_UNIVERSAL = 0.9
_SHARES = (0.5, 0.9, 0.99)
#: Coefficients below this share of output are left out of log-normal fits: published tables have
#: none so small, and balancing a table leaves dust at 1e-10 and below.
LOG_THRESHOLD = 1e-7


def study_density(inputs: ValueInputs, limits: StudyLimits, seed: int) -> Found:
    """Count inputs per activity above each threshold, and k50, k90, k99.

    There must be an input. `seed` is that of the sample of activities.
    """
    matrix = inputs.coefficients
    columns = int(np.count_nonzero(np.diff(matrix.indptr)))
    figures: dict[str, Any] = {"inputs_mean": matrix.nnz / columns}
    for name, threshold in zip(
        ("inputs_above_1e_4", "inputs_above_1e_3", "inputs_above_1e_2"), THRESHOLDS, strict=True
    ):
        figures[name] = int(np.count_nonzero(matrix.data > ABOVE * threshold)) / columns
    part, how = sample_columns(matrix, limits.sample, seed)
    names = ("k50", "k90", "k99")
    figures |= zip(names, concentration(part, _SHARES), strict=True)
    return figures, dict.fromkeys(names, how) if how else {}, {}


def study_sizes(inputs: ValueInputs, limits: StudyLimits, seed: int) -> Found:
    """Study column sums and the log-normal law; there must be an input."""
    matrix = inputs.coefficients
    filled = np.flatnonzero(np.diff(matrix.indptr))
    sums = np.add.reduceat(matrix.data, matrix.indptr[filled])
    figures: dict[str, Any] = {
        "column_sum_mean": float(sums.mean()),
        "column_sum_deviation": float(sums.std()),
        "column_sum_largest": float(sums.max()),
        "log_threshold": LOG_THRESHOLD,
    }
    values = matrix.data
    how = None
    if values.size > limits.sample:
        rng = np.random.default_rng(np.random.SeedSequence([seed, 2]))
        values = values[rng.integers(0, values.size, limits.sample)]
        how = f"from a sample of {limits.sample:,} of {matrix.nnz:,} coefficients"
    fit = lognormal_fit(values[values > LOG_THRESHOLD])
    names = ("log_mean", "log_deviation", "log_ks")
    estimates = dict.fromkeys(names, how) if how else {}
    if fit is None:
        return figures, estimates, dict.fromkeys(names, "needs two different coefficients")
    return figures | dict(zip(names, fit, strict=True)), estimates, {}


def lognormal_fit(values: FloatArray) -> tuple[float, float, float] | None:
    """μ and σ of ln x by moments, and the Kolmogorov–Smirnov distance to N(μ, σ²).

    Returns None for fewer than two distinct values.
    """
    if values.size < 2:
        return None
    from scipy.special import ndtr

    logs = np.sort(np.log(values))
    mean, deviation = float(logs.mean()), float(logs.std())
    if deviation <= 1e-12 * max(1.0, abs(mean)):
        return None
    law = ndtr((logs - mean) / deviation)
    step = np.arange(logs.size + 1) / logs.size
    distance = max(float((step[1:] - law).max()), float((law - step[:-1]).max()))
    return mean, deviation, distance


def concentration(matrix: Matrix, shares: tuple[float, ...]) -> list[float]:
    """Mean number of largest inputs that make up each share of an activity's input cost.

    Columns are sorted by size in one go, by column and value together.
    """
    counts = np.diff(matrix.indptr)
    filled = np.flatnonzero(counts)
    column = np.repeat(np.arange(filled.size), counts[filled])
    order = np.lexsort((-matrix.data, column))
    running = np.cumsum(matrix.data[order])
    start = np.concatenate([[0], np.cumsum(counts[filled])])
    before = np.concatenate([[0.0], running])[start[:-1]]
    total = np.concatenate([[0.0], running])[start[1:]] - before
    found: list[float] = []
    for share in shares:
        # Inputs that do not reach the share yet, plus the one that does; a hair below it,
        # for three halves of a half may add up to a rounding less than the whole.
        goal = (before + (share - 1e-12) * total)[column]
        short = np.add.reduceat((running < goal).astype(np.int64), start[:-1])
        found.append(float((short + 1).mean()))
    return found


def sample_columns(matrix: Matrix, nonzeros: int, seed: int) -> tuple[Matrix, str | None]:
    """Columns drawn without repetition to hold about `nonzeros`, and how; all where they fit."""
    if matrix.nnz <= nonzeros:
        return matrix, None
    columns = matrix.shape[1]
    count = max(1, int(columns * nonzeros / matrix.nnz))
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    chosen = np.sort(rng.choice(columns, count, replace=False))
    return sp.csc_array(matrix[:, chosen]), f"from {count:,} of {columns:,} activities at random"


def study_links(inputs: ValueInputs, limits: StudyLimits, seed: int) -> Found:
    """Study in- and out-degrees; there must be an input, and all are counted."""
    matrix = inputs.coefficients
    goods = matrix.shape[0]
    counts = np.diff(matrix.indptr)
    filled = np.flatnonzero(counts)
    figures: dict[str, Any] = {}
    missing: dict[str, str] = {}
    suppliers = per_column(matrix, ABOVE * LINK)
    buyers = per_row(matrix, ABOVE * LINK)
    strength = matrix @ np.ones(matrix.shape[1])
    users = per_row(matrix)
    figures["out_strength_cv"] = _variation(strength)
    figures["universal_share"] = float(np.mean(users >= _UNIVERSAL * filled.size))
    if buyers.any():
        figures["in_degree_cv"] = _variation(suppliers)
        figures["out_degree_cv"] = _variation(buyers)
        figures["top_supplier_share"] = top_share(buyers, _TOP_SHARE)
    else:
        missing = dict.fromkeys(
            ("in_degree_cv", "out_degree_cv", "top_supplier_share"),
            f"no input is above {LINK:g} of the value of output",
        )
    count = round(TAIL_SHARE * goods)
    tail = hill(strength, count) if count >= _FEWEST_IN_TAIL else None
    if tail is None:
        missing["out_tail_exponent"] = missing["out_tail_count"] = (
            f"{TAIL_SHARE:.0%} of the goods are fewer than {_FEWEST_IN_TAIL} suppliers"
            if count < _FEWEST_IN_TAIL
            else "the largest suppliers are all alike"
        )
    else:
        figures["out_tail_exponent"], figures["out_tail_count"] = tail, count
    return figures, {}, missing


def hill(sizes: Sizes, count: int) -> float | None:
    """Exponent α of a tail P(X > x) ∝ x^−α by Hill (1975) from the `count` largest sizes.

    1/α is the mean of ln(X_(i) / X_(count + 1)) over the largest. None where there are not
    `count` + 1 positive sizes, or where those are all alike.
    """
    if count < 1 or sizes.size <= count:
        return None
    largest = np.partition(sizes, sizes.size - count - 1)[sizes.size - count - 1 :]
    least = largest[0]
    if not least > 0:
        return None
    mean = float(np.log(largest[1:] / least).mean())
    return 1.0 / mean if mean > 1e-9 else None


def top_share(sizes: Sizes, share: float) -> float:
    """Part of the sum of `sizes` that the largest `share` of them make, at least one."""
    count = max(1, round(share * sizes.size))
    largest = np.partition(sizes, sizes.size - count)[sizes.size - count :]
    return float(largest.sum() / sizes.sum())


def _variation(values: Sizes) -> float:
    return float(values.std() / values.mean())


def per_row(matrix: Matrix, above: float = 0.0) -> npt.NDArray[np.int64]:
    """Count the entries of each row that are larger than `above`, shape (rows,)."""
    return np.bincount(matrix.indices[matrix.data > above], minlength=matrix.shape[0])


def per_column(matrix: Matrix, above: float) -> npt.NDArray[np.int64]:
    """Count the entries larger than `above` of each column that has entries.

    Returns
    -------
    ndarray of int64, shape (columns with entries,)
    """
    filled = matrix.indptr[:-1][np.diff(matrix.indptr) > 0]
    if not filled.size:
        return np.zeros(0, dtype=np.int64)
    counts: npt.NDArray[np.int64] = np.add.reduceat(matrix.data > above, filled, dtype=np.int64)
    return counts


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


OF_INPUTS: dict[str, Callable[[ValueInputs, StudyLimits, int], Found]] = {
    "inputs": study_density,
    "coefficients": study_sizes,
    "links": study_links,
}
OF_GRAPH: dict[str, Callable[[GoodsGraph, StudyLimits, int], Found]] = {
    "spectrum": study_spectrum,
    "order": study_order,
    "factor": study_factor,
}

LIMITS = StudyLimits()


def study_economy(
    economy: Economy,
    *,
    seed: int = 0,
    limits: StudyLimits = LIMITS,
    groups: Collection[str] = GROUPS,
) -> EconomyStatistics:
    """Compute the statistics of an economy.

    Parameters
    ----------
    economy : Economy
    seed : int
        Of every sample and random start, at least 0.
    limits : StudyLimits
        Up to where figures are exact.
    groups : collection of str
        Groups of figures to compute, of ``GROUPS``; sizes always are.

    Returns
    -------
    EconomyStatistics

    Raises
    ------
    InputError
        On an unknown group.
    """
    return study_values(value_inputs(economy), seed=seed, limits=limits, groups=groups)


def study_values(
    inputs: ValueInputs,
    *,
    seed: int = 0,
    limits: StudyLimits = LIMITS,
    groups: Collection[str] = GROUPS,
) -> EconomyStatistics:
    """Compute the statistics of inputs in value; see :func:`study_economy`."""
    unknown = [group for group in groups if group not in GROUPS]
    if unknown:
        raise InputError(f"no group {unknown[0]!r}; known are {', '.join(GROUPS)}", where="groups")
    empty = inputs.coefficients.nnz == 0
    graph = goods_graph(inputs) if set(groups) & set(OF_GRAPH) and not empty else None
    figures: dict[str, Any] = {
        "goods": inputs.n_goods,
        "activities": inputs.n_activities,
        "nonzeros": inputs.nonzeros,
        "density": inputs.nonzeros / (inputs.n_goods * inputs.n_activities),
        "resources": inputs.resources,
        "byproduct_share": inputs.byproduct_share,
    }
    estimates: dict[str, str] = {}
    missing: dict[str, str] = {}
    for group in GROUPS:
        if group not in groups or group == "size":
            continue
        if empty:
            found = _nothing(group, "no activity has inputs")
        elif group in OF_INPUTS:
            found = OF_INPUTS[group](inputs, limits, seed)
        else:
            assert graph is not None
            found = OF_GRAPH[group](graph, limits, seed)
        figures |= found[0]
        estimates |= found[1]
        missing |= found[2]
    return EconomyStatistics(
        figures, inputs.price_basis, inputs.level_basis, estimates=estimates, missing=missing
    )


def _nothing(group: str, why: str) -> Found:
    return {}, {}, {figure.name: why for figure in FIGURES if figure.group == group}
