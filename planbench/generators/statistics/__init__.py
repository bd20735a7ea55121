"""Statistics of an economy: how dense, how connected, how near to triangular its inputs are.

:data:`FIGURES` has the name of each figure, its meaning and the form it is shown in: the command
line, its JSON and the page of documentation read it from there.

:func:`study_economy` computes every figure of :class:`EconomyStatistics`, exact or marked as
an estimate: here how many inputs, how large, and how the links spread over suppliers and buyers;
in :mod:`goods_graph` eigenvalues, order and fill-in.

Means per activity are taken over the activities that have inputs.
A link is an input of more than 1e-4 of the value of output: below that, real tables hold
traces of rounding and balancing. Weighted out-degrees and universal suppliers count all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.generators.statistics.goods_graph import (
    Found,
    GoodsGraph,
    StudyLimits,
    goods_graph,
    study_factor,
    study_order,
    study_spectrum,
)
from planbench.generators.statistics.value import ValueInputs, value_inputs
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy

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
