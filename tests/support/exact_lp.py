"""Linear programs solved in rational numbers: the oracle that brackets are held against."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from planbench.model import LinearProgram


def exact_optimum(lp: LinearProgram) -> Fraction | str:
    """Optimum of `lp` to the last bit, "infeasible" or "unbounded".

    Two phases of the simplex method with Bland's rule (1977) on a dense tableau of fractions.
    The floating-point data are taken as they stand. For a handful of rows and columns.
    """
    columns: list[tuple[list[Fraction], Fraction]] = []
    offset = Fraction(lp.offset)
    dense = [[Fraction(v) for v in row] for row in lp.matrix.toarray().tolist()]
    count = lp.n_rows
    shift = [Fraction(0)] * count
    extra: list[tuple[int, Fraction]] = []
    cost = [Fraction(v) for v in lp.minimisation_cost.tolist()]
    if (lp.row_lower > lp.row_upper).any() or (lp.col_lower > lp.col_upper).any():
        return "infeasible"
    minimum = Fraction(0)
    for j in range(lp.n_cols):
        entries = [row[j] for row in dense]
        low, high = lp.col_lower[j], lp.col_upper[j]
        if np.isfinite(low):
            at, sign = Fraction(low), 1
        elif np.isfinite(high):
            at, sign = Fraction(high), -1
        else:
            at, sign = Fraction(0), 1
            columns.append(([-e for e in entries], -cost[j]))
        if np.isfinite(low) and np.isfinite(high):
            extra.append((len(columns), Fraction(high) - Fraction(low)))
        minimum += cost[j] * at
        shift = [s + e * at for s, e in zip(shift, entries, strict=True)]
        columns.append(([sign * e for e in entries], sign * cost[j]))
    rows: list[tuple[dict[int, Fraction], str, Fraction]] = []
    for i in range(count):
        mine = {k: column[i] for k, (column, _) in enumerate(columns) if column[i]}
        if lp.row_lower[i] == lp.row_upper[i]:
            rows.append((mine, "=", Fraction(lp.row_lower[i]) - shift[i]))
            continue
        if np.isfinite(lp.row_lower[i]):
            rows.append((mine, ">", Fraction(lp.row_lower[i]) - shift[i]))
        if np.isfinite(lp.row_upper[i]):
            rows.append((mine, "<", Fraction(lp.row_upper[i]) - shift[i]))
    rows += [({k: Fraction(1)}, "<", width) for k, width in extra]
    n = len(columns)
    slacks = sum(kind != "=" for _, kind, _ in rows)
    total = n + slacks + len(rows)
    tableau, at = [], n
    for i, (mine, kind, right) in enumerate(rows):
        line = [Fraction(0)] * (total + 1)
        for k, value in mine.items():
            line[k] = value
        if kind != "=":
            line[at] = Fraction(1 if kind == "<" else -1)
            at += 1
        line[total] = right
        if right < 0:
            line = [-v for v in line]
        line[n + slacks + i] = Fraction(1)
        tableau.append(line)
    basis = [n + slacks + i for i in range(len(rows))]
    artificial = [Fraction(0)] * (n + slacks) + [Fraction(1)] * len(rows)
    value = _minimise(tableau, basis, artificial, total)
    if value is None or value > 0:
        return "infeasible"
    for i, b in enumerate(basis):
        if b >= n + slacks:
            column = next((k for k in range(n + slacks) if tableau[i][k]), None)
            if column is not None:
                _pivot(tableau, basis, i, column)
    keep = [i for i, b in enumerate(basis) if b < n + slacks]
    tableau, basis = [tableau[i] for i in keep], [basis[i] for i in keep]
    real = [c for _, c in columns] + [Fraction(0)] * (slacks + len(rows))
    value = _minimise(tableau, basis, real, n + slacks)
    if value is None:
        return "unbounded"
    value += minimum
    return (-value if lp.maximise else value) + offset


def _minimise(tableau, basis, cost, usable) -> Fraction | None:
    """Optimum by Bland's rule over the first `usable` columns; None if unbounded."""
    width = len(cost)
    reduced = [*cost, Fraction(0)]
    for line, b in zip(tableau, basis, strict=True):
        if cost[b]:
            reduced = [r - cost[b] * v for r, v in zip(reduced, line, strict=True)]
    while True:
        enter = next((k for k in range(usable) if reduced[k] < 0), None)
        if enter is None:
            return -reduced[width]
        ratios = [
            (line[width] / line[enter], basis[i], i)
            for i, line in enumerate(tableau)
            if line[enter] > 0
        ]
        if not ratios:
            return None
        leave = min(ratios)[2]
        _pivot(tableau, basis, leave, enter)
        times = reduced[enter]
        reduced = [r - times * v for r, v in zip(reduced, tableau[leave], strict=True)]


def _pivot(tableau, basis, row, column) -> None:
    scale = tableau[row][column]
    tableau[row] = [v / scale if v else v for v in tableau[row]]
    for i, line in enumerate(tableau):
        if i != row and line[column]:
            times = line[column]
            tableau[i] = [
                a - times * b if b else a for a, b in zip(line, tableau[row], strict=True)
            ]
    basis[row] = column
