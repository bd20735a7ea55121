"""How many inputs, how large: density, concentration, column sums, the log-normal law.

Means per activity are taken over the activities that have inputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.generators.statistics.blocks import BLOCK
from planbench.generators.statistics.facts import ABOVE, THRESHOLDS, Limits
from planbench.model.arrays import FloatArray, Matrix

#: Coefficients below this share of output are left out of the log-normal fit: published
#: tables have none so small, and balancing a table leaves dust at 1e-10 and below.
LOG_THRESHOLD = 1e-7
_SHARES = (0.5, 0.9, 0.99)


def study_density(matrix: Matrix, limits: Limits, seed: int) -> tuple[dict[str, Any], str | None]:
    """Count inputs per activity above each threshold, and k50, k90, k99.

    Parameters
    ----------
    matrix : csc_array, shape (goods, activities)
        Input coefficients in value, at least one.
    limits : Limits
    seed : int
        Of the sample of activities.

    Returns
    -------
    figures : dict
    estimated : str or None
        How k50, k90 and k99 were estimated, None where they are exact.
    """
    columns = int(np.count_nonzero(np.diff(matrix.indptr)))
    figures: dict[str, Any] = {"inputs_mean": matrix.nnz / columns}
    for name, threshold in zip(
        ("inputs_above_1e_4", "inputs_above_1e_3", "inputs_above_1e_2"), THRESHOLDS, strict=True
    ):
        figures[name] = _above(matrix.data, ABOVE * threshold) / columns
    part, how = sample_columns(matrix, limits.sample, seed)
    for name, mean in zip(("k50", "k90", "k99"), concentration(part, _SHARES), strict=True):
        figures[name] = mean
    return figures, how


def _above(values: FloatArray, threshold: float) -> int:
    """Count the values above a threshold, block by block."""
    starts = range(0, values.size, BLOCK)
    return sum(int(np.count_nonzero(values[s : s + BLOCK] > threshold)) for s in starts)


def study_sizes(matrix: Matrix, limits: Limits, seed: int) -> tuple[dict[str, Any], str | None]:
    """Study column sums and the log-normal law; returned as by :func:`study_density`."""
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
    if fit is not None:
        figures["log_mean"], figures["log_deviation"], figures["log_ks"] = fit
    return figures, how


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
