"""The statistics of an economy as plain numbers, each with its meaning.

The name of a figure, its meaning and the form it is shown in are metadata of its field:
the command line, its JSON and the page of documentation read it from there.

Matrices are read a block of columns at a time (:func:`blocks`), so that no copy of their entries
is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray, Matrix

#: Groups of figures in the order they are shown; the first four take a few passes over the
#: non-zeros, the others more.
CHEAP_GROUPS = ("size", "inputs", "coefficients", "links")
DEAR_GROUPS = ("spectrum", "order", "communities", "factor")
GROUPS = CHEAP_GROUPS + DEAR_GROUPS

#: Coefficients above these count in ``inputs_above_…``, as shares of the value of output.
THRESHOLDS = (1e-4, 1e-3, 1e-2)
#: Above is by more than rounding: a coefficient of exactly 1 % is not, in whatever unit.
ABOVE = 1 + 1e-9


def _figure(group: str, label: str, says: str, form: str = "number", *, default: Any = None) -> Any:
    """Declare a field with its group, its name in tables, one line of meaning and its form.

    Forms are ``count``, ``share`` (0 to 1, shown in per cent) and ``number``.
    """
    metadata = {"group": group, "label": label, "says": says, "form": form}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class EconomyStatistics:
    """Figures of an economy; None where a figure was not asked for, undefined or too dear.

    Attributes are documented by :func:`explain`, one line each. Coefficients are values of
    input per value of output; docs/statistics.md gives formulas and sources.

    Attributes
    ----------
    price_basis, level_basis : str
        What values and flows are computed with.
    estimates : mapping of str to str
        Figures that are estimates (≈) or bounds, with how they were got.
    missing : mapping of str to str
        Figures that were asked for and are None, with why.
    """

    goods: int = _figure("size", "goods", "rows of the input matrix", "count", default=MISSING)
    activities: int = _figure(
        "size", "activities", "columns of the input matrix", "count", default=MISSING
    )
    nonzeros: int = _figure(
        "size", "inputs in all", "non-zeros of the input matrix", "count", default=MISSING
    )
    density: float = _figure(
        "size", "density", "non-zeros over goods × activities", "share", default=MISSING
    )
    resources: int | None = _figure("size", "resources", "rows of the resource matrix", "count")
    byproduct_share: float | None = _figure(
        "size", "by-products", "share of output that is not its activity's main good", "share"
    )

    inputs_mean: float | None = _figure("inputs", "inputs", "mean number per activity, all")
    inputs_above_1e_4: float | None = _figure(
        "inputs", "inputs > 0.01 %", "mean number above 1e-4 of the value of output"
    )
    inputs_above_1e_3: float | None = _figure(
        "inputs", "inputs > 0.1 %", "mean number above 1e-3 of the value of output"
    )
    inputs_above_1e_2: float | None = _figure(
        "inputs", "inputs > 1 %", "mean number above 1e-2 of the value of output"
    )
    k50: float | None = _figure("inputs", "k50", "largest inputs that make 50 % of input cost")
    k90: float | None = _figure("inputs", "k90", "largest inputs that make 90 % of input cost")
    k99: float | None = _figure("inputs", "k99", "largest inputs that make 99 % of input cost")

    column_sum_mean: float | None = _figure(
        "coefficients", "column sum", "mean value of inputs per value of output"
    )
    column_sum_deviation: float | None = _figure(
        "coefficients", "its deviation", "standard deviation of the column sums"
    )
    column_sum_largest: float | None = _figure(
        "coefficients", "largest column sum", "1 or more: inputs are worth more than the output"
    )
    log_threshold: float | None = _figure(
        "coefficients", "log-normal above", "coefficients below this are left out of the fit"
    )
    log_mean: float | None = _figure(
        "coefficients", "log-normal μ", "mean of the logarithm of coefficients, fitted"
    )
    log_deviation: float | None = _figure(
        "coefficients", "log-normal σ", "deviation of the logarithm of coefficients, fitted"
    )
    log_ks: float | None = _figure(
        "coefficients", "log-normal KS", "largest distance of the two distributions (0 to 1)"
    )

    in_degree_cv: float | None = _figure(
        "links", "in-degree CV", "coefficient of variation of the number of suppliers"
    )
    out_degree_cv: float | None = _figure(
        "links", "out-degree CV", "coefficient of variation of the number of buyers"
    )
    out_strength_cv: float | None = _figure(
        "links", "weighted out-degree CV", "the same of the sum of coefficients of all buyers"
    )
    out_tail_exponent: float | None = _figure(
        "links", "tail exponent", "weighted out-degree of the largest suppliers, Hill"
    )
    out_tail_count: int | None = _figure(
        "links", "suppliers in the tail", "number of largest suppliers it is taken from", "count"
    )
    top_supplier_share: float | None = _figure(
        "links", "links of the top 10 %", "share of links of the 10 % with most buyers", "share"
    )
    universal_share: float | None = _figure(
        "links", "universal suppliers", "goods used by at least 9 of 10 activities", "share"
    )

    spectral_radius: float | None = _figure(
        "spectrum", "spectral radius", "largest eigenvalue of the input matrix, mean technique"
    )
    spectral_upper: float | None = _figure(
        "spectrum", "its upper bound", "Collatz–Wielandt bound: no eigenvalue is larger"
    )
    second_eigenvalue: float | None = _figure(
        "spectrum", "second eigenvalue", "modulus; a ratio near 1 to the first slows iterations"
    )

    strong_component: int | None = _figure(
        "order", "strong component", "goods that all need one another, the largest set", "count"
    )
    triangularity: float | None = _figure(
        "order", "triangularity", "share of input value on one side of the diagonal, best order",
        "share",
    )  # fmt: skip

    communities: int | None = _figure(
        "communities", "communities", "found by Louvain's method on input values", "count"
    )
    modularity: float | None = _figure(
        "communities", "modularity", "input value inside them beyond what chance would give"
    )
    largest_community: float | None = _figure(
        "communities", "largest community", "share of the goods in it", "share"
    )

    factor_nonzeros: int | None = _figure(
        "factor", "LU non-zeros", "of L + U of I − A, columns ordered by COLAMD", "count"
    )
    fill_in: float | None = _figure("factor", "fill-in", "non-zeros of L + U over those of I − A")
    fill_density: float | None = _figure(
        "factor", "LU density", "non-zeros of L + U over all of its places", "share"
    )

    price_basis: str = ""
    level_basis: str = ""
    estimates: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Every field in JSON values, in the order of this class."""
        facts = {f.name: getattr(self, f.name) for f in fields(self)}
        return facts | {"estimates": dict(self.estimates), "missing": dict(self.missing)}


def figure_fields() -> tuple[Field[Any], ...]:
    """Fields that hold a figure, with ``metadata`` group, label, says and form."""
    return tuple(f for f in fields(EconomyStatistics) if "group" in f.metadata)


def explain() -> dict[str, str]:
    """One line on every figure, by field name."""
    return {f.name: f.metadata["says"] for f in figure_fields()}


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
        Links up to which orders and communities are sought on all; beyond, on the largest.
    factor_goods : int
        Goods up to which I − A is factorised.
    """

    sample: int = 2_000_000
    spectrum_work: int = 800_000_000
    order_work: int = 40_000_000
    links: int = 1_500_000
    factor_goods: int = 3_000


#: Non-zeros of a block; one column at least.
BLOCK = 1 << 20

Indices = npt.NDArray[np.integer]


def blocks(indptr: Indices, entries: int = BLOCK) -> Iterator[tuple[slice, slice]]:
    """Columns in blocks that hold about `entries` non-zeros, with the places of those.

    Parameters
    ----------
    indptr : ndarray of int, shape (columns + 1,)
    entries : int
    """
    count = indptr.size - 1
    start = 0
    while start < count:
        upto = int(np.searchsorted(indptr, int(indptr[start]) + entries, side="right")) - 1
        end = min(max(upto, start + 1), count)
        yield slice(start, end), slice(int(indptr[start]), int(indptr[end]))
        start = end


def off_diagonal(matrix: Matrix) -> Iterator[tuple[Indices, Indices, FloatArray]]:
    """Rows, columns and values off the diagonal, block by block, columns ascending."""
    for columns, entries in blocks(matrix.indptr):
        counts = np.diff(matrix.indptr[columns.start : columns.stop + 1])
        row = matrix.indices[entries]
        column = np.repeat(np.arange(columns.start, columns.stop, dtype=row.dtype), counts)
        off = row != column
        yield row[off], column[off], matrix.data[entries][off]


def per_row(matrix: Matrix, above: float | None = None) -> npt.NDArray[np.int64]:
    """Count the non-zeros of each row, or those larger than `above`.

    Returns
    -------
    ndarray of int64, shape (rows,)
    """
    rows = int(matrix.shape[0])
    found = np.zeros(rows, dtype=np.int64)
    # A block is as long as the result, or adding up the blocks would take longer than counting.
    for _, entries in blocks(matrix.indptr, max(BLOCK, rows)):
        row = matrix.indices[entries]
        if above is not None:
            row = row[matrix.data[entries] > above]
        found += np.bincount(row, minlength=rows)
    return found


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
