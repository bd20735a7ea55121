"""Small random economies of every kind, feasible and bounded by construction."""

from __future__ import annotations

import numpy as np

from planbench.model import Economy, LinearProgram, make_economy, make_linear_program

KINDS = ("plain", "joint", "capacities", "storage", "targets", "stocks", "demand")


def random_small(kind: str, seed: int) -> Economy:
    """Economy with 3 to 9 goods; `kind` adds one thing the plain case lacks.

    plain: two techniques a good, every activity uses some resource. joint: by-products.
    capacities: finite capacities. storage: activities that use no resource, one good into
    another. targets: three targets. stocks: f < 0. demand: f > 0.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    n, k = int(rng.integers(3, 10)), int(rng.integers(1, 4))
    m = 2 * n
    good = np.arange(m) % n
    inputs = rng.random((n, m)) * (rng.random((n, m)) < 0.4)
    inputs *= 0.6 * rng.random(m) / np.maximum(inputs.sum(axis=0), 1e-9)
    outputs = np.zeros((n, m))
    outputs[good, np.arange(m)] = 1.0
    use = rng.uniform(0.1, 1.0, (k, m)) * (rng.random((k, m)) < 0.7)
    use[0] += 0.05
    targets = 3 if kind == "targets" else 1
    assortment = rng.random((n, targets)) * (rng.random((n, targets)) < 0.6)
    assortment[rng.integers(n), :] += 0.5
    endowment = rng.uniform(1.0, 5.0, k)
    capacity = np.full(m, np.inf)
    fixed = np.zeros(n)
    if kind == "joint":
        outputs += 0.2 * rng.random((n, m)) * (rng.random((n, m)) < 0.2)
    if kind == "capacities":
        capacity = np.where(rng.random(m) < 0.5, rng.uniform(0.05, 2.0, m), np.inf)
        capacity[0] = 0.0
    if kind == "storage":
        # Good i keeps into good i + 1 with a loss, and uses nothing else.
        keep_in, keep_out = np.eye(n)[:, : n - 1], np.eye(n)[:, 1:] * 0.95
        inputs, outputs = np.hstack([inputs, keep_in]), np.hstack([outputs, keep_out])
        use = np.hstack([use, np.zeros((k, n - 1))])
        capacity = np.full(m + n - 1, np.inf)
    if kind == "stocks":
        fixed = -rng.random(n) * (rng.random(n) < 0.5)
    if kind == "demand":
        fixed = 0.01 * rng.random(n)
    scale = 10.0 ** rng.integers(-3, 4, n)
    return make_economy(
        inputs=inputs * scale[:, None],
        outputs=outputs * scale[:, None],
        resource_use=use,
        endowment=endowment,
        capacity=capacity,
        assortment=assortment * scale[:, None],
        fixed_demand=fixed * scale,
        weights=rng.uniform(0.5, 2.0, targets),
        name=f"{kind}-{seed}",
    )


def random_general(seed: int) -> LinearProgram:
    """General LP with every kind of row and bound, feasible, bounded by a box on most columns."""
    rng = np.random.default_rng([seed, 99])
    rows, cols = int(rng.integers(2, 8)), int(rng.integers(3, 9))
    matrix = np.round(rng.normal(size=(rows, cols)), 2) * (rng.random((rows, cols)) < 0.7)
    inside = rng.normal(size=cols)
    value = matrix @ inside
    kind = rng.integers(0, 5, rows)
    lower = np.where(kind == 1, -np.inf, value - rng.random(rows))
    upper = np.where(kind == 0, np.inf, value + rng.random(rows))
    lower, upper = (
        np.where(kind == 2, value, np.where(kind == 4, -np.inf, lower)),
        np.where(kind == 2, value, np.where(kind == 4, np.inf, upper)),
    )
    return make_linear_program(
        matrix=matrix,
        cost=rng.normal(size=cols),
        row_lower=lower,
        row_upper=upper,
        col_lower=inside - rng.uniform(0.1, 3.0, cols),
        col_upper=inside + rng.uniform(0.1, 3.0, cols),
        maximise=bool(seed % 2),
        offset=float(rng.normal()),
    )
