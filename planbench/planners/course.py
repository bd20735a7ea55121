"""The state of ``general`` from round to round."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.model.arrays import FloatArray
from planbench.planners.branch_centre import Chosen
from planbench.planners.branch_kernels import CAPPED, CLEARED, PRIMARY, Net, Supply
from planbench.planners.branches import Branches
from planbench.planners.mix import Candidate
from planbench.planners.planner import Bracket, Pair
from planbench.planners.techniques import Meter

IntArray = npt.NDArray[np.int64]

#: Spare output, as a share of the tolerance.
SPARE = 0.05
#: Share of the plan's value below which the flow of a good is next to nothing.
LEAST_FLOW = 1e-9
#: With more cleared goods, and more than this share of all, the centre is not worth its work.
MANY_CLEARED, CLEARED_SHARE = 400, 0.08
TINY = 1e-300


@dataclass(eq=False)
class Course:
    """Everything that changes from round to round.

    Attributes
    ----------
    branches : Branches
    tolerance : float
    kinds : ndarray of int8, shape (goods,)
        How each good gets its price.
    pi : ndarray, shape (primary rows + cleared goods,)
        Prices by the centre.
    p, y : ndarray, shape (goods,)
        Prices by the branches (0 for primary goods) and outputs.
    costs, x : ndarray, shape (techniques,)
        Cost of a net unit, and units made.
    need : ndarray, shape (goods,)
        Demand and use less by-products.
    marginal : ndarray, shape (techniques,)
        Shares by which a further unit of each good is made.
    supply : Supply
    mix : ndarray, shape (targets,)
        Parts of each target in a unit of the plan.
    z : float
        Units of the plan.
    disposal : ndarray, shape (goods,)
        Made over and above what is used, for the by-products.
    floor : ndarray, shape (goods,)
        Outputs of cleared goods that are made for their by-products, whatever is used.
    spare : ndarray, shape (goods,)
        Demand added so that no good is short; `spare_share` is about its share of outputs.
    highest : ndarray, shape (goods,)
        Highest price by the centre so far, of primary and cleared goods.
    cleared : ndarray of int64
        Goods priced by the centre.
    requirements : ndarray, shape (goods, primary rows)
        Total requirements of each good at the margin; empty in the first round.
    in_cleared : csr_array, shape (goods, cleared goods), or None
        The same of cleared goods, where they are many.
    in_all : ndarray, shape (goods, primary rows + cleared goods), or None
        Requirements of both, where cleared goods are few.
    before, expected : float
        The progress so far, and the gap that is expected.
    hold, finer : float
        How many times stronger the proximal terms are, and how many times more accurate the
        requirements, as progress was slow.
    moved : float
        Share by which all costs but a hundredth changed at most, against one another.
    fit : float
        Factor by which the plan must be scaled to fit what is available.
    inner : Candidate or None
        A plan for less, with slack everywhere, if it was needed.
    plans : list of Candidate
        The last plans that were short of something.
    chosen : Chosen or None
        The centre's last choice.
    priced_at : ndarray, shape (goods,)
        Outputs at which goods with capacities were priced.
    """

    branches: Branches
    meter: Meter
    tolerance: float
    kinds: npt.NDArray[np.int8]
    pi: FloatArray
    p: FloatArray
    y: FloatArray
    costs: FloatArray
    x: FloatArray
    need: FloatArray
    marginal: FloatArray
    supply: Supply
    mix: FloatArray
    z: float = 0.0
    round: int = 0
    inner: Candidate | None = None
    plans: list[Candidate] = field(default_factory=list)
    disposal: FloatArray = field(default_factory=lambda: np.zeros(0))
    floor: FloatArray = field(default_factory=lambda: np.zeros(0))
    spare: FloatArray = field(default_factory=lambda: np.zeros(0))
    spare_share: float = 1.0
    highest: FloatArray = field(default_factory=lambda: np.zeros(0))
    cleared: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    requirements: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    in_cleared: sp.csr_array | None = None
    in_all: FloatArray | None = None
    before: float = np.inf
    expected: float = 1.0
    moved: float = np.inf
    fit: float = 1.0
    hold: float = 1.0
    finer: float = 1.0
    priced_at: FloatArray = field(default_factory=lambda: np.zeros(0))
    chosen: Chosen | None = None
    bracket: Bracket = field(default_factory=Bracket)

    @property
    def net(self) -> Net:
        """Techniques."""
        return self.branches.net

    @property
    def rows(self) -> int:
        """Primary rows."""
        return self.branches.rights.size

    @property
    def gap(self) -> float:
        """Of the bracket, at most 1."""
        return self.bracket.gap

    def rights(self) -> FloatArray:
        """Return what is available of each row, with those of cleared goods."""
        return np.concatenate([self.branches.rights, np.zeros(self.cleared.size)])

    def demand(self) -> tuple[FloatArray, FloatArray]:
        """Goods with techniques, and primary rows, in a unit of the plan."""
        e, b = self.branches.economy, self.branches
        goods = np.asarray(e.assortment @ (self.mix / e.weights))
        rows = np.zeros(self.rows)
        rows[b.resources.size :] = goods[b.primary]
        goods[b.primary] = 0.0
        return goods, rows

    def prices(self) -> Pair:
        """Prices of goods and rents, as the economy counts them."""
        b = self.branches
        p, w = self.p.copy(), np.zeros(b.economy.n_resources)
        p[b.primary] = self.pi[b.resources.size : self.rows]
        w[b.resources] = self.pi[: b.resources.size]
        return p, w

    def estimate(self) -> float:
        """Value of endowments, stocks and capacities, which bounds the plan if prices are right."""
        b, limit = self.branches, self.net.limit
        e, limited = b.economy, np.isfinite(limit)
        p, w = self.prices()
        profit = np.maximum(self.p[b.good[limited]] - self.costs[limited], 0.0)
        return float(w @ e.endowment - p @ e.fixed_demand + profit @ limit[limited])


def begin(branches: Branches, meter: Meter, tolerance: float, bracket: Bracket) -> Course:
    """Prepare the first round; `bracket` takes the bounds."""
    e, net = branches.economy, branches.net
    n, m = e.n_goods, branches.activity.size
    made = branches.kinds != PRIMARY
    kinds = branches.kinds.copy()
    kinds[branches.good[np.isfinite(net.limit)]] = CAPPED
    # No price by costs and no output by need follows for what is carried in circles.
    circling = branches.circling
    if circling.size > most_cleared(n):
        circling = circling[:0]
    kinds[circling] = CLEARED
    p = np.where(made, branches.rough, 0.0)
    worth = 1.0 / e.endowment[branches.resources]
    most = int(np.diff(net.first).max(initial=1))
    return Course(
        branches=branches,
        meter=meter,
        tolerance=tolerance,
        kinds=kinds,
        pi=np.concatenate([worth, branches.rough[branches.primary], branches.rough[circling]]),
        p=p,
        y=np.zeros(n),
        costs=np.zeros(m),
        x=np.zeros(m),
        need=np.zeros(n),
        marginal=np.zeros(m),
        supply=Supply(np.zeros(m), np.zeros(n, dtype=bool), np.arange(m), np.empty(most)),
        mix=np.full(e.n_targets, 1.0 / max(e.n_targets, 1)),
        disposal=np.zeros(n),
        floor=np.zeros(n),
        spare=np.zeros(n),
        highest=branches.rough.copy(),
        bracket=bracket,
        cleared=circling,
    )


def most_cleared(goods: int) -> float:
    """Most of so many goods that are cleared."""
    return max(MANY_CLEARED, CLEARED_SHARE * goods)


def spare_share(enough: float, tolerance: float) -> float:
    """Share of outputs that is made over and above, if balances are solved to `enough`."""
    return max(SPARE * tolerance, 0.1 * enough)


def least_flow(course: Course, goods: IntArray) -> FloatArray:
    """Amounts of goods that are next to nothing in the plan, by their rough prices."""
    e, rough = course.branches.economy, course.branches.rough
    unit = float(rough @ (e.assortment @ (course.mix / e.weights)))
    return LEAST_FLOW * course.z * unit / np.maximum(rough[goods], TINY)


def ratio(values: FloatArray, of: FloatArray) -> FloatArray:
    """`values` over `of`, 0 where that is 0."""
    return np.divide(values, of, out=np.zeros(values.size), where=of > 0)


def sums(good: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Add up `values` by good."""
    return np.bincount(good, weights=values, minlength=size).astype(np.float64)
