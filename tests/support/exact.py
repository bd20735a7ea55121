"""Exact optima of small linear programs: a basis from HiGHS, solved and checked in rationals."""

from __future__ import annotations

from fractions import Fraction

import highspy
import numpy as np

from planbench.model import Economy, LinearProgram

Rows = list[list[Fraction]]


def exact_matrix(lp: LinearProgram, economy: Economy | None) -> Rows:
    """Matrix of `lp`; of an economy B − A without the rounding of a difference."""
    dense = lp.matrix.toarray()
    rows = [[Fraction(float(v)) for v in row] for row in dense]
    if economy is not None:
        a, b = economy.inputs.toarray(), economy.outputs.toarray()
        for i, j in zip(*np.nonzero(a), strict=True):
            rows[i][j] = Fraction(float(b[i, j])) - Fraction(float(a[i, j]))
    return rows


def exact_optimum(lp: LinearProgram, economy: Economy | None = None) -> Fraction | None:
    """Optimal objective in exact arithmetic; None where HiGHS's last basis is not optimal.

    Parameters
    ----------
    lp : LinearProgram
        Small: the basis is solved by elimination on dense rational rows.
    economy : Economy, optional
        The economy behind it, for its unrounded matrix.
    """
    status = _basis(lp)
    if status is None:
        return None
    matrix = exact_matrix(lp, economy)
    n, m = lp.n_cols, lp.n_rows
    for i, row in enumerate(matrix):
        row.extend(Fraction(-int(k == i)) for k in range(m))
    lower = np.concatenate([lp.col_lower, lp.row_lower])
    upper = np.concatenate([lp.col_upper, lp.row_upper])
    cost = [Fraction(float(v)) for v in lp.minimisation_cost] + [Fraction(0)] * m
    basic = [j for j in range(n + m) if status[j] == "basic"]
    value = [Fraction(0)] * (n + m)
    for j in range(n + m):
        if status[j] != "basic":
            at = lower[j] if status[j] == "lower" else upper[j]
            value[j] = Fraction(float(at)) if np.isfinite(at) else Fraction(0)
    if len(basic) != m:
        return None
    right = [
        -sum((row[j] * value[j] for j in range(n + m) if value[j]), Fraction(0)) for row in matrix
    ]
    solved = _solve([[row[j] for j in basic] for row in matrix], right)
    duals = _solve([[row[j] for row in matrix] for j in basic], [cost[j] for j in basic])
    if solved is None or duals is None:
        return None
    for j, at in zip(basic, solved, strict=True):
        value[j] = at
        if not (lower[j] <= at <= upper[j]):
            return None
    for j in range(n + m):
        reduced = cost[j] - sum(
            (y * row[j] for y, row in zip(duals, matrix, strict=True)), Fraction(0)
        )
        free_up, free_down = value[j] < upper[j], value[j] > lower[j]
        if status[j] != "basic" and ((reduced < 0 and free_up) or (reduced > 0 and free_down)):
            return None
    total = sum((c * v for c, v in zip(cost, value, strict=True)), Fraction(0))
    return (-total if lp.maximise else total) + Fraction(float(lp.offset))


def _basis(lp: LinearProgram) -> list[str] | None:
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("presolve", "off")
    model.setOptionValue("solver", "simplex")
    passed = highspy.HighsLp()
    passed.num_col_, passed.num_row_ = lp.n_cols, lp.n_rows
    passed.col_cost_ = lp.minimisation_cost
    passed.col_lower_, passed.col_upper_ = lp.col_lower, lp.col_upper
    passed.row_lower_, passed.row_upper_ = lp.row_lower, lp.row_upper
    passed.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    passed.a_matrix_.start_ = lp.matrix.indptr
    passed.a_matrix_.index_ = lp.matrix.indices
    passed.a_matrix_.value_ = lp.matrix.data
    model.passModel(passed)
    model.run()
    if model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    basis = model.getBasis()
    kinds = {
        highspy.HighsBasisStatus.kBasic: "basic",
        highspy.HighsBasisStatus.kLower: "lower",
        highspy.HighsBasisStatus.kUpper: "upper",
    }
    return [kinds.get(s, "lower") for s in [*basis.col_status, *basis.row_status]]


def _solve(rows: Rows, right: list[Fraction]) -> list[Fraction] | None:
    """Gauss–Jordan elimination; None for a singular matrix."""
    work = [[*row, b] for row, b in zip(rows, right, strict=True)]
    size = len(work)
    for k in range(size):
        pivot = next((i for i in range(k, size) if work[i][k]), None)
        if pivot is None:
            return None
        work[k], work[pivot] = work[pivot], work[k]
        scale = work[k][k]
        work[k] = [v / scale for v in work[k]]
        for i in range(size):
            factor = work[i][k]
            if i != k and factor:
                work[i] = [
                    v - factor * w if w else v for v, w in zip(work[i], work[k], strict=True)
                ]
    return [row[-1] for row in work]
