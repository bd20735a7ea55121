"""Price adjustment on the planning LP: scaling, state and rounds of the primal–dual process.

The planning LP is held as min c·v with K v ≥ b, 0 ≤ v ≤ u, where v are activities and
targets, K = [[B − A, −D], [−R, 0]], b = (f, −r) and the multipliers (p, w) ≥ 0. A round is

    v⁺ = proj(v + τ (K'y − c))      every activity answers to its profit
    y⁺ = max(0, y + σ (b − K(2v⁺ − v)))   every price answers to excess demand

(Arrow, Hurwicz & Uzawa 1958; Chambolle & Pock 2011), taken in the reflected Halpern form with
restarts (Lu & Yang 2024) on equilibrated units of goods and activities.

In the kernels all matrices are CSC with sorted indices. One round reads the matrix once: a column
gathers the prices of what it makes and uses, moves, and scatters its new level into the rows at
once. Price and excess supply of a row lie side by side in memory, so both cost one access.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numba
import numpy as np

from planbench.certificates.check import limits_of
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy
from planbench.model.planning_lp import planning_matrix
from planbench.planners.techniques import Meter, unsigned

#: Iterations of the equilibration and of the power iteration.
RUIZ_ITERATIONS, POWER_ITERATIONS = 8, 20
#: How much more weight the plan is given than the classic balance of distances: the repaired
#: prices are good long before the repaired plan is.
PLAN_BIAS = 2.0
#: The primal weight stays within this factor of where it began; of an old plan's weight. That is
#: the weight of one moment, which may be far off: where it could be left by a factor of ten only,
#: a cut of a resource took seven times the rounds of a plan from nothing.
REACH_COLD, REACH_AGAIN = 1e3, 100.0
#: Rounds that count as done when an old plan is started from. As restarts come by the share of
#: all rounds, they would otherwise follow one another at once, and each correct the primal
#: weight by what next to no movement tells: good prices are lost within 25 rounds.
PAST = 100.0

# -- kernels ---------------------------------------------------------------------------------

_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """Compile `function`; division by zero gives an infinity as in numpy."""
    made: _F = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return made


def fused(function: _F) -> _F:
    """Compile `function` with sums reordered where that is faster."""
    fast = {"reassoc", "contract", "nsz", "arcp"}
    made: _F = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=fast)(function)
    return made


class Csc(NamedTuple):
    """A matrix by columns; row numbers are unsigned.

    Attributes
    ----------
    indptr, indices, data : ndarray
    """

    indptr: Any
    indices: Any
    data: Any


class Program(NamedTuple):
    """min cost·x subject to K x ≥ need, 0 ≤ x ≤ upper, in scaled units."""

    cost: Any
    upper: Any
    need: Any


class Iterate(NamedTuple):
    """Where the process stands and where it last restarted; changed in place.

    Attributes
    ----------
    pair : ndarray, shape (rows, 2)
        Prices, and room for what the columns scatter.
    x, x_anchor : ndarray, shape (columns,)
    y_anchor, made, made_anchor : ndarray, shape (rows,)
        `made` is K x.
    """

    pair: Any
    x: Any
    x_anchor: Any
    y_anchor: Any
    made: Any
    made_anchor: Any


# Slots of the vector of scalars that a run takes and hands back.
(
    WEIGHT, STEP, LENGTH, FIRST, LAST, TOTAL, INTEGRAL, RESTARTS, SIZE, BIAS, FIRST_WEIGHT, REACH,
    AGE, READ, SLOTS,
) = range(15)  # fmt: skip


@compiled
def scale_lines(matrix: Csc, row_scale: Any, col_scale: Any, rounds: int) -> None:
    """Equilibrate (Ruiz 2001), then Pock & Chambolle's (2011) scaling with α = 1.

    Multiplies up what each row and column of `data` is to be multiplied by in `row_scale`
    and `col_scale`, and scales `data` in place.
    """
    n_cols, n_rows = col_scale.size, row_scale.size
    rows = np.zeros(n_rows)
    for step in range(rounds + 1):
        sums = step == rounds
        rows[:] = 0.0
        for j in range(n_cols):
            top = 0.0
            for k in range(matrix.indptr[j], matrix.indptr[j + 1]):
                i = matrix.indices[k]
                a = abs(matrix.data[k])
                if sums:
                    top += a
                    rows[i] += a
                else:
                    top = max(top, a)
                    rows[i] = max(rows[i], a)
            factor = 1.0 / np.sqrt(top) if top > 0 else 1.0
            col_scale[j] *= factor
            for k in range(matrix.indptr[j], matrix.indptr[j + 1]):
                matrix.data[k] *= factor
        for i in range(n_rows):
            rows[i] = 1.0 / np.sqrt(rows[i]) if rows[i] > 0 else 1.0
            row_scale[i] *= rows[i]
        for k in range(matrix.data.size):
            matrix.data[k] *= rows[matrix.indices[k]]


@fused
def columns_move(matrix: Csc, program: Program, at: Iterate, tau: float, keep: float) -> Any:
    """Let every activity answer to its profit; returns ‖x⁺ − x‖² and the entries multiplied.

    ``pair[i]`` holds the price of row i and, on return, row i of K(2x⁺ − x). ``x`` becomes
    keep·(2x⁺ − x) + (1 − keep)·anchor.
    """
    pair, x = at.pair, at.x
    moved = 0.0
    read = np.int64(matrix.indptr[x.size] - matrix.indptr[0])
    for j in range(x.size):
        start, stop = matrix.indptr[j], matrix.indptr[j + 1]
        gain = 0.0
        for k in range(start, stop):
            gain += matrix.data[k] * pair[matrix.indices[k], 0]
        old = x[j]
        new = min(max(old - tau * (program.cost[j] - gain), 0.0), program.upper[j])
        step = new - old
        moved += step * step
        far = new + step
        x[j] = keep * far + (1.0 - keep) * at.x_anchor[j]
        if far != 0.0:
            read += np.int64(stop - start)
            for k in range(start, stop):
                pair[matrix.indices[k], 1] += matrix.data[k] * far
    return moved, read


@fused
def rows_move(need: Any, at: Iterate, sigma: float, keep: float) -> tuple[float, float]:
    """Let every price answer to its row's excess; returns ‖dy‖² and dy'K dx.

    ``made`` is K x and is updated alongside, so that the cross term costs no matrix pass.
    """
    pair, made = at.pair, at.made
    moved = cross = 0.0
    for i in range(need.size):
        old, far_made = pair[i, 0], pair[i, 1]
        new = max(old + sigma * (need[i] - far_made), 0.0)
        step = new - old
        moved += step * step
        cross += step * 0.5 * (far_made - made[i])
        pair[i, 0] = keep * (new + step) + (1.0 - keep) * at.y_anchor[i]
        pair[i, 1] = 0.0
        made[i] = keep * far_made + (1.0 - keep) * at.made_anchor[i]
    return moved, cross


@compiled
def multiply(matrix: Csc, x: Any, out: Any) -> Any:
    """Out = K x; returns the entries multiplied."""
    out[:] = 0.0
    read = np.int64(0)
    for j in range(x.size):
        v = x[j]
        if v != 0.0:
            read += np.int64(matrix.indptr[j + 1] - matrix.indptr[j])
            for k in range(matrix.indptr[j], matrix.indptr[j + 1]):
                out[matrix.indices[k]] += matrix.data[k] * v
    return read


@compiled
def note_iteration(dx: float, dy: float, cross: float, tau: float, sigma: float, s: Any) -> bool:
    """Keep account of an iteration; returns whether to restart.

    Fixed-point residual and restart conditions (0.2 sufficient, 0.8 necessary, 0.36 of all
    iterations): Lu & Yang 2024.
    """
    squared = dx / tau + dy / sigma + 2.0 * cross
    s[TOTAL] += 1.0
    s[LENGTH] += 1.0
    if squared < 0.0 and squared < -1e-9 * (dx / tau + dy / sigma):
        s[STEP] *= 0.8  # longer than the norm of K allows: it was underestimated
    size = np.sqrt(max(squared, 0.0))
    if s[LENGTH] == 1.0:
        s[FIRST] = size
    due = (
        size <= 0.2 * s[FIRST]
        or (size <= 0.8 * s[FIRST] and size > s[LAST])
        or s[LENGTH] >= 0.36 * (s[TOTAL] + s[AGE])
    )
    s[LAST] = size
    s[SIZE] = size
    return bool(due and s[LENGTH] > 1.0)


@compiled
def restart(matrix: Csc, upper: Any, at: Iterate, s: Any) -> None:
    """Begin anew from here; corrects the primal weight by the controller of Lu et al. (2025)."""
    pair, x = at.pair, at.x
    far_x = far_y = 0.0
    for j in range(x.size):
        x[j] = min(max(x[j], 0.0), upper[j])
        far_x += (x[j] - at.x_anchor[j]) ** 2
        at.x_anchor[j] = x[j]
    for i in range(at.y_anchor.size):
        pair[i, 0] = max(pair[i, 0], 0.0)
        far_y += (pair[i, 0] - at.y_anchor[i]) ** 2
        at.y_anchor[i] = pair[i, 0]
    s[READ] += multiply(matrix, x, at.made)
    at.made_anchor[:] = at.made
    if far_x > 1e-20 and far_y > 1e-20:
        error = np.log(s[WEIGHT] * np.sqrt(far_x) / np.sqrt(far_y) / s[BIAS])
        s[INTEGRAL] += error
        weight = s[WEIGHT] * np.exp(-(0.99 * error + 0.01 * s[INTEGRAL]))
        # One side may stand still for a while: that says nothing of their distances.
        low, high = s[FIRST_WEIGHT] / s[REACH], s[FIRST_WEIGHT] * s[REACH]
        if weight < low or weight > high:
            s[INTEGRAL] = 0.0
        s[WEIGHT] = min(max(weight, low), high)
    s[LENGTH] = 0.0
    s[RESTARTS] += 1.0


@compiled
def iterate(matrix: Csc, program: Program, at: Iterate, s: Any, iterations: int) -> None:
    """Run reflected Halpern iterations with adaptive restarts."""
    for _ in range(iterations):
        tau, sigma = s[STEP] / s[WEIGHT], s[STEP] * s[WEIGHT]
        n = s[LENGTH]
        keep = (n + 1.0) / (n + 2.0)
        dx, read = columns_move(matrix, program, at, tau, keep)
        s[READ] += read
        dy, cross = rows_move(program.need, at, sigma, keep)
        if note_iteration(dx, dy, cross, tau, sigma, s):
            restart(matrix, program.upper, at, s)


# -- the process -----------------------------------------------------------------------------


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
        scale_lines(self.csc, self.row_scale, self.col_scale, RUIZ_ITERATIONS)
        need = np.concatenate([economy.fixed_demand, -economy.endowment])
        self.need = need * self.row_scale
        self.cost = np.concatenate([np.zeros(m), -economy.weights]) * self.col_scale
        # No target can exceed what the capacities let anybody make of its scarcest good. The
        # bound follows from the others, but as one of its own it spares the price of that good a
        # climb by powers of ten.
        upper = np.concatenate([economy.capacity, limits_of(economy).target])
        self.upper = upper / self.col_scale
        self.meter = Meter(max(1, matrix.nnz))
        self.iterate = Iterate(
            pair=np.zeros((rows, 2)),
            x=np.zeros(cols),
            x_anchor=np.zeros(cols),
            y_anchor=np.zeros(rows),
            made=np.zeros(rows),
            made_anchor=np.zeros(rows),
        )
        self.scalars = s = np.zeros(SLOTS)
        s[REACH], s[BIAS] = REACH_COLD, PLAN_BIAS
        norm = spectral_norm(matrix, np.random.default_rng(0).random(cols), POWER_ITERATIONS)
        s[STEP] = 0.99 / norm if norm > 0 else 1.0
        size_need, size_cost = np.linalg.norm(self.need), np.linalg.norm(self.cost)
        weight = float(size_cost / size_need) if size_need > 0 and size_cost > 0 else 1.0
        s[WEIGHT] = s[FIRST_WEIGHT] = weight

    @property
    def rounds(self) -> int:
        """Rounds done so far."""
        return int(self.scalars[TOTAL])

    @property
    def csc(self) -> Csc:
        """K for the kernels.

        Indices are read as unsigned: a negative one would count from the end, and testing for
        that doubles the time of an iteration.
        """
        m = self.matrix
        return Csc(unsigned(m.indptr), unsigned(m.indices), m.data)

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
        before = self.scalars[READ]
        program = Program(self.cost, self.upper, self.need)
        iterate(self.csc, program, self.iterate, self.scalars, iterations)
        self.meter.work += int(self.scalars[READ] - before)

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
        self.meter.work += multiply(self.csc, at.x, at.made)
        at.made_anchor[:] = at.made
        s[LENGTH] = 0.0
        if weight is None:
            far_x, far_y = np.linalg.norm(self.x), np.linalg.norm(self.pair[:, 0])
            weight = float(far_y / far_x) * PLAN_BIAS if far_x > 0 and far_y > 0 else None
        if weight is not None:
            s[WEIGHT] = s[FIRST_WEIGHT] = weight
            s[INTEGRAL] = 0.0
        s[AGE] = age
        s[REACH] = REACH_COLD if age == 0 else REACH_AGAIN


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
