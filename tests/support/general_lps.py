"""Small general LPs of many kinds, for holding brackets against exact optima."""

from __future__ import annotations

import numpy as np

from planbench.model import LinearProgram, make_linear_program

INF = np.inf

GENERAL_KINDS = (
    "inequalities",
    "box",
    "free",
    "equations",
    "ranges",
    "degenerate",
    "redundant",
    "fixed",
    "tiny and huge",
    "ill-conditioned",
    "implied",
    "network",
    "decimals",
    "infeasible by a hair",
    "unbounded",
)


def random_lp(kind: str, seed: int) -> LinearProgram:
    """LP with an optimum (but for the last two kinds), from a point and duals that fit.

    Complementary x and y are drawn, then bounds and costs are made to fit them: in integers, so
    that nothing is rounded, but for the kinds that are about rounding.
    """
    rng = np.random.default_rng([seed, GENERAL_KINDS.index(kind)])
    rows, cols = int(rng.integers(2, 7)), int(rng.integers(2, 8))
    matrix = rng.integers(-4, 5, (rows, cols)) * (rng.random((rows, cols)) < 0.7) * 1.0
    if kind == "network":
        matrix = np.zeros((rows, cols))
        for j in range(cols):
            a, b = rng.choice(rows, 2, replace=False)
            matrix[a, j], matrix[b, j] = 1.0, -1.0
    if kind in ("ill-conditioned", "decimals"):
        matrix = np.round(matrix * rng.random((rows, cols)), 2)
    if kind == "ill-conditioned":
        matrix[1] = matrix[0] + np.round(rng.normal(size=cols), 2) * 10.0 ** -rng.integers(3, 9)
    x = rng.integers(-5, 6, cols) * 1.0
    if kind == "decimals":
        x = np.round(x * rng.random(cols), 1)
    col_kind = rng.integers(0, 4, cols)  # at lower, at upper, between, free
    if kind in ("inequalities", "equations", "redundant", "implied"):
        col_kind = np.minimum(col_kind, 2)
        x = np.abs(x)
    if kind == "free":
        col_kind = np.where(rng.random(cols) < 0.5, 3, col_kind)
    width = rng.integers(1, 6, cols) * 1.0
    boxed = kind == "box" or kind == "tiny and huge"
    far = rng.random(cols) < (1.0 if boxed else 0.4)
    low = np.where(col_kind == 0, x, x - width)
    high = np.where(col_kind == 1, x, x + width)
    low = np.where((col_kind == 1) & ~far, -INF, low)
    high = np.where((col_kind == 0) & ~far, INF, high)
    high = np.where((col_kind == 2) & ~far, INF, high)
    low, high = np.where(col_kind == 3, -INF, low), np.where(col_kind == 3, INF, high)
    if kind == "fixed":
        fixed = rng.random(cols) < 0.4
        low, high = np.where(fixed, x, low), np.where(fixed, x, high)
    if kind in ("inequalities", "equations", "redundant", "implied"):
        low = np.where(col_kind == 0, 0.0, np.where(col_kind == 2, 0.0, low))
        x = np.where(col_kind == 0, 0.0, x)
    weights = {"equations": 0.8, "redundant": 0.8, "network": 1.0, "implied": 0.3}
    equal = rng.random(rows) < weights.get(kind, 0.25)
    value = matrix @ x
    row_kind = rng.integers(0, 3, rows)  # tight below, tight above, slack
    room = rng.integers(1, 6, rows) * 1.0
    below = np.where(row_kind == 0, value, value - room)
    above = np.where(row_kind == 1, value, value + room)
    ranged = rng.random(rows) < (1.0 if kind == "ranges" else 0.3)
    row_low = np.where((row_kind == 1) & ~ranged, -INF, below)
    row_high = np.where((row_kind == 0) & ~ranged, INF, above)
    row_low, row_high = np.where(equal, value, row_low), np.where(equal, value, row_high)
    y = rng.integers(0, 5, rows) * 1.0
    y = np.where(equal, rng.integers(-4, 5, rows), np.where(row_kind == 1, -y, y))
    y = np.where((row_kind == 2) & ~equal, 0.0, y)
    d = rng.integers(0, 5, cols) * 1.0
    d = np.where(col_kind == 1, -d, d)
    d = np.where(col_kind >= 2, 0.0, d)
    if kind == "degenerate":
        extra = rng.integers(-3, 4, (3, cols)) * 1.0
        matrix, y = np.vstack([matrix, extra]), np.append(y, [0.0, 0.0, 0.0])
        row_low = np.append(row_low, extra @ x)
        row_high = np.append(row_high, [INF] * 3)
        d = d * (rng.random(cols) < 0.5)
    if kind == "redundant":
        mix = rng.integers(-2, 3, (2, rows)) * equal
        matrix, y = np.vstack([matrix, mix @ matrix]), np.append(y, [1.0, 0.0])
        row_low = np.append(row_low, mix @ value)
        row_high = np.append(row_high, mix @ value)
    if kind == "implied":
        # Two rows, and a row with the columns' bounds, that leave no slack.
        total = matrix[0] + matrix[rows - 1]
        matrix = np.vstack([matrix, total, -total, (x == low) * (low == 0)])
        row_low = np.append(row_low, [total @ x, -(total @ x), -INF])
        row_high = np.append(row_high, [INF, INF, 0.0])
        y = np.append(y, [2.0, 0.0, 0.0])
    cost = matrix.T @ y + d
    if kind == "unbounded":
        cost = cost + np.where(np.arange(cols) == 0, 1.0, 0.0)
        low[0], high[0] = -INF, INF
        row_low, row_high = np.where(matrix[:, 0] > 0, -INF, row_low), row_high
        row_high = np.where(matrix[:, 0] < 0, INF, row_high)
    if kind == "infeasible by a hair":
        row = rng.integers(1, 5, cols) * 1.0
        matrix = np.vstack([matrix, row, row])
        hair = 2.0 ** -int(rng.integers(30, 45))
        row_low = np.append(row_low, [row @ x + hair, -INF])
        row_high = np.append(row_high, [INF, row @ x])
    if kind == "tiny and huge":
        # Powers of two: scaling rounds nothing.
        by_row = 2.0 ** rng.integers(-30, 31, matrix.shape[0])
        by_col = 2.0 ** rng.integers(-30, 31, cols)
        matrix = matrix * by_row[:, None] * by_col
        row_low, row_high = row_low * by_row, row_high * by_row
        low, high, cost = low / by_col, high / by_col, cost * by_col
    maximise = bool(seed % 2)
    return make_linear_program(
        matrix=matrix,
        cost=-cost if maximise else cost,
        row_lower=row_low,
        row_upper=row_high,
        col_lower=low,
        col_upper=high,
        maximise=maximise,
        offset=float(rng.integers(-3, 4)),
        name=f"{kind}-{seed}",
    )
