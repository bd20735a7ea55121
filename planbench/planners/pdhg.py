"""Price adjustment on the planning LP: scaling, state and rounds of the primal–dual process.

The planning LP is held as min c·v with K v ≥ b, 0 ≤ v ≤ u, where v are activities and
targets, K = [[B − A, −D], [−R, 0]], b = (f, −r) and the multipliers (p, w) ≥ 0. A round is

    v⁺ = proj(v + τ (K'y − c))      every activity answers to its profit
    y⁺ = max(0, y + σ (b − K(2v⁺ − v)))   every price answers to excess demand

(Arrow, Hurwicz & Uzawa 1958; Chambolle & Pock 2011), taken in the reflected Halpern form with
restarts (Lu & Yang 2024) on equilibrated units of goods and activities.
"""

from __future__ import annotations

import numpy as np

from planbench.certificates.check import limits_of
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy
from planbench.model.planning_lp import planning_matrix
from planbench.planners import pdhg_kernels as kernels
from planbench.planners.techniques import Meter, unsigned

#: Iterations of the equilibration and of the power iteration.
RUIZ_ITERATIONS, POWER_ITERATIONS = 8, 20
#: How much more weight the plan is given than the classic balance of distances: the repaired
#: prices are good long before the repaired plan is.
BIAS = 2.0
#: The primal weight stays within this factor of where it began; of an old plan's weight. That is
#: the weight of one moment, which may be far off: where it could be left by a factor of ten only,
#: a cut of a resource took seven times the rounds of a plan from nothing.
REACH, REACH_AGAIN = 1e3, 100.0
#: Rounds that count as done when an old plan is started from. As restarts come by the share of
#: all rounds, they would otherwise follow one another at once, and each correct the primal
#: weight by what next to no movement tells: good prices are lost within 25 rounds.
PAST = 100.0


class Process:
    """The process under way, in scaled units; the arrays are changed in place.

    It is set up from an economy: K is assembled and brought to comparable units, and the longest
    safe step is found.

    Attributes
    ----------
    matrix : csc_array, shape (rows, columns)
        K after scaling.
    cost, upper : ndarray, shape (columns,)
    need : ndarray, shape (rows,)
        b after scaling.
    row_scale, col_scale : ndarray
        y = row_scale·ỹ and v = col_scale·ṽ.
    iterate : Iterate
        Where the process stands and where it last restarted.
    scalars : ndarray
        Primal weight, step and counters, by the slots of the kernels.
    meter : Meter
        Counts entries of the matrix read: in iterations, repair and termination checks.
    """

    def __init__(self, economy: Economy) -> None:
        n, m = economy.n_goods, economy.n_activities
        self.matrix = matrix = planning_matrix(economy)
        rows, cols = matrix.shape
        # planning_matrix hands over arrays of its own, so they may be changed.
        matrix.data[matrix.indices >= n] *= -1.0
        self.row_scale, self.col_scale = np.ones(rows), np.ones(cols)
        kernels.scale_lines(self.csc, self.row_scale, self.col_scale, RUIZ_ITERATIONS)
        need = np.concatenate([economy.fixed_demand, -economy.endowment])
        self.need = need * self.row_scale
        self.cost = np.concatenate([np.zeros(m), -economy.weights]) * self.col_scale
        # No target can exceed what the capacities let anybody make of its scarcest good. The
        # bound follows from the others, but as one of its own it spares the price of that good a
        # climb by powers of ten.
        upper = np.concatenate([economy.capacity, limits_of(economy).target])
        self.upper = upper / self.col_scale
        self.meter = Meter(max(1, matrix.nnz))
        self.iterate = kernels.Iterate(
            pair=np.zeros((rows, 2)),
            x=np.zeros(cols),
            x_anchor=np.zeros(cols),
            y_anchor=np.zeros(rows),
            made=np.zeros(rows),
            made_anchor=np.zeros(rows),
        )
        self.scalars = s = np.zeros(kernels.SLOTS)
        s[kernels.REACH], s[kernels.BIAS] = REACH, BIAS
        norm = spectral_norm(matrix, np.random.default_rng(0).random(cols), POWER_ITERATIONS)
        s[kernels.STEP] = 0.99 / norm if norm > 0 else 1.0
        size_need, size_cost = np.linalg.norm(self.need), np.linalg.norm(self.cost)
        weight = float(size_cost / size_need) if size_need > 0 and size_cost > 0 else 1.0
        s[kernels.WEIGHT] = s[kernels.FIRST_WEIGHT] = weight

    @property
    def rounds(self) -> int:
        """Rounds done so far."""
        return int(self.scalars[kernels.TOTAL])

    @property
    def csc(self) -> kernels.Csc:
        """K for the kernels.

        Indices are read as unsigned: a negative one would count from the end, and testing for
        that doubles the time of an iteration.
        """
        m = self.matrix
        return kernels.Csc(unsigned(m.indptr), unsigned(m.indices), m.data)

    @property
    def pair(self) -> FloatArray:
        """Prices and rents, and room for what the columns scatter, shape (rows, 2)."""
        return np.asarray(self.iterate.pair)

    @property
    def x(self) -> FloatArray:
        """Scaled activities and targets."""
        return np.asarray(self.iterate.x)

    def columns(self) -> FloatArray:
        """Activities and targets in the economy's units, clipped to their bounds."""
        return np.asarray(np.minimum(np.maximum(self.x, 0.0), self.upper) * self.col_scale)

    def prices(self) -> FloatArray:
        """Prices and rents in the economy's units, clipped at 0."""
        return np.asarray(np.maximum(self.pair[:, 0], 0.0) * self.row_scale)

    def advance(self, iterations: int) -> None:
        """Run so many iterations."""
        before = self.scalars[kernels.READ]
        program = kernels.Program(self.cost, self.upper, self.need)
        kernels.iterate(self.csc, program, self.iterate, self.scalars, iterations)
        self.meter.work += int(self.scalars[kernels.READ] - before)

    def profits(self, prices: FloatArray) -> FloatArray:
        """K'y − c at scaled prices: what a unit of each activity and target gains."""
        self.meter.work += self.matrix.nnz
        return np.asarray(self.matrix.T @ prices - self.cost)

    def move_to(
        self,
        columns: FloatArray,
        prices: FloatArray,
        weight: float | None = None,
        age: float = 0.0,
    ) -> None:
        """Restart from a plan and prices in the economy's units.

        Parameters
        ----------
        columns, prices : ndarray
        weight : float, optional
            Primal weight; from the distances to 0 if missing.
        age : float
            Rounds that count as done: > 0 for an old plan.
        """
        s, at = self.scalars, self.iterate
        np.divide(columns, self.col_scale, out=at.x)
        np.divide(prices, self.row_scale, out=at.pair[:, 0])
        at.x_anchor[:], at.y_anchor[:] = at.x, at.pair[:, 0]
        self.meter.work += kernels.multiply(self.csc, at.x, at.made)
        at.made_anchor[:] = at.made
        s[kernels.LENGTH] = 0.0
        if weight is None:
            far_x, far_y = np.linalg.norm(self.x), np.linalg.norm(self.pair[:, 0])
            weight = float(far_y / far_x) * BIAS if far_x > 0 and far_y > 0 else None
        if weight is not None:
            s[kernels.WEIGHT] = s[kernels.FIRST_WEIGHT] = weight
            s[kernels.INTEGRAL] = 0.0
        s[kernels.AGE] = age
        s[kernels.REACH] = REACH if age == 0 else REACH_AGAIN


def spectral_norm(matrix: Matrix, x: FloatArray, iterations: int) -> float:
    """Largest singular value by power iteration from `x`."""
    norm = 0.0
    for _ in range(iterations):
        size = float(np.linalg.norm(x))
        if size == 0:
            break
        x = matrix.T @ (matrix @ (x / size))
        norm = float(np.sqrt(np.linalg.norm(x)))
    return norm
