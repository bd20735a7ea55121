"""Feasibility repair: what price adjustment has reached, made feasible to be certified early.

Value is right long before every balance holds. Prices are lowered where an activity would still
make a profit. Plans stop making what nobody wants, make what is short with the activity of least
loss, and where all of those are at capacity the users turn to techniques that need less. What then
keeps a plan from the optimum is that some resources are overdrawn and others left over: techniques
are changed, and plans mixed, until all are used alike. All are Gauss–Seidel sweeps over goods;
nothing here is trusted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.model.arrays import FloatArray
from planbench.planners import repair_kernels as kernels
from planbench.planners.pdhg import Process
from planbench.planners.repair_kernels import Draft, Makers, Users

IntArray = npt.NDArray[np.int64]

#: Most sweeps over prices.
PRICE_SWEEPS = 30
#: Columns of each draft of a plan, and its use of each resource over the endowment.
Drafts = list[tuple[FloatArray, FloatArray]]

#: Most sweeps of each kind, and most substitutions of techniques.
BALANCE_SWEEPS, SHORTAGE_SWEEPS, SUBSTITUTIONS = 30, 40, 6
#: Most times that resources are balanced.
BALANCES = 4
#: Plans that would be further than so many times the gap asked for, if resources were balanced,
#: are not balanced twice; nor are their resources.
FAR, NEAR = 10.0, 2.0
#: Drafts of plans kept to be mixed, and how many times the tolerated shortage they may have.
DRAFTS, WORTH_MIXING = 6, 10.0
#: Share that rents rise by when a resource is overdrawn by a share, per unit of it: enough for
#: techniques to change, and so little that what they lose is of second order.
SHARPNESS = 300.0
#: Worth that an overdrawn resource has at least, as a share of the mean.
LEAST_WORTH = 0.01


def find_makers(process: Process, n_goods: int, n_activities: int) -> Makers:
    """Find the main product of every activity and the makers of every good."""
    main, at = kernels.main_products(process.csc, n_goods, n_activities)
    makers = np.flatnonzero(main >= 0)
    makers = makers[np.argsort(main[makers], kind="stable")]
    return Makers(main, at, makers, np.searchsorted(main[makers], np.arange(n_goods + 1)))


def repair_prices(process: Process, makers: Makers, tolerance: float) -> FloatArray:
    """Prices and rents, in the units of the process, at which no open activity gains.

    Parameters
    ----------
    tolerance : float
        Profit, as a share of revenue, that is left to the repair of the certificate.
    """
    y = np.maximum(process.pair[:, 0], 0.0)
    process.meter.work += kernels.lower_prices(
        process.csc, process.upper, makers, y, PRICE_SWEEPS, tolerance
    )
    return y


def repair_plan(
    process: Process,
    makers: Makers,
    prices: FloatArray,
    tolerance: float,
    *,
    upper: float | None = None,
    goal: float = 1.0,
    drafts: Drafts | None = None,
) -> FloatArray:
    """Activities and targets, in the units of the process, that leave no good short.

    Targets stay as they are. Resources may be overdrawn; where nothing fixed must be met the
    whole plan is then scaled to them.

    Parameters
    ----------
    prices : ndarray, shape (rows,)
        From :func:`repair_prices`; they say which activity loses least.
    tolerance : float
        Shortage, as a share of what flows, that is left to the repair of the certificate.
    upper : float, optional
        Upper bound on the objective. Resources are balanced where that could bring the plan
        within `goal` (a share) of it, or where it is missing.
    goal : float
    drafts : list, optional
        Earlier drafts, to be mixed with this one; the new ones are added.

    Returns
    -------
    columns : ndarray, shape (columns,)
    """
    drafts = [] if drafts is None else drafts
    plan = _Repair(process, makers, prices, tolerance)
    plan.close_balances()
    if plan.within_reach(upper, FAR * goal):
        # Saving what nobody has room to make leaves other goods over.
        plan.close_balances()
    for _ in range(BALANCES):
        _, excess = plan.overdrawn()
        if excess.max(initial=0.0) <= 0.1 * goal or not plan.within_reach(upper, NEAR * goal):
            break
        plan.keep(drafts)
        plan.balance_resources(excess)
        plan.close_balances()
    plan.keep(drafts)
    x, n = plan.draft.x, plan.n
    if plan.short <= WORTH_MIXING * tolerance:
        fixed = bool(np.isfinite(process.upper[: makers.main.size]).any())
        x = mix_drafts(drafts, -process.cost, process.need[:n], fixed)
    return _within_endowments(process, x, n)


def warm_up(process: Process, makers: Makers) -> None:
    """Run every kernel of the repair once, so that it is compiled."""
    plan = _Repair(process, makers, np.zeros(process.need.size), 1e-9)
    plan.close_balances()
    plan.balance_resources(np.zeros(process.need.size - plan.n))
    short = np.zeros(1, dtype=np.int64)
    users = users_of(process, makers.main.size, short)
    kernels.substitute(process.csc, process.upper, makers, plan.draft, short, users)
    kernels.cut_users(process.csc, plan.draft, process.upper.copy(), short, users)


def users_of(process: Process, n_activities: int, goods: IntArray) -> Users:
    """List the activities that use each of some goods."""
    rows = sp.csr_array(process.matrix[goods, :n_activities])
    np.minimum(rows.data, 0.0, out=rows.data)
    rows.eliminate_zeros()
    process.meter.work += process.matrix.nnz
    return Users(rows.indptr.astype(np.int64), rows.indices.astype(np.int64), -rows.data)


class _Repair:
    """A plan under repair.

    Attributes
    ----------
    draft : Draft
        Columns, balances and profits, changed in place.
    short : float
        Largest shortage as a share of what flows.
    """

    def __init__(
        self, process: Process, makers: Makers, prices: FloatArray, tolerance: float
    ) -> None:
        self.process, self.makers, self.tolerance = process, makers, tolerance
        self.n = n = makers.first.size - 1
        self.prices, self.endowment = prices, -process.need[n:]
        self.worth = self.endowment * prices[n:]
        x = np.minimum(np.maximum(process.x, 0.0), process.upper)
        net, flow = kernels.balances(process.csc, x, process.need)
        process.meter.work += process.matrix.nnz
        self.draft = Draft(x, net, flow, process.profits(prices))
        self.short = np.inf

    # A shortage may be out of all proportion to what flows.
    @np.errstate(over="ignore")
    def close_balances(self) -> None:
        """Make less of what is left over and more of what is short; save what nobody can make.

        Users of a good that stays short turn to techniques that need less of it. Where they have
        none they are cut, and the same is tried with the users of what they made.
        """
        process, makers, draft = self.process, self.makers, self.draft
        csc, meter, room = process.csc, process.meter, process.upper
        worth = abs(float(np.sum(process.cost * draft.x)))
        meter.work += kernels.balance_goods(
            csc, room, makers, draft, self.prices[: self.n], BALANCE_SWEEPS, self.tolerance * worth
        )
        x, net, flow = draft.x, draft.net, np.maximum(draft.flow[: self.n], 1e-300)
        best = worst = np.inf
        for level in range(SUBSTITUTIONS + 1):
            meter.work += kernels.make_short(
                csc, room, makers, draft, SHORTAGE_SWEEPS, self.tolerance
            )
            able = np.zeros(self.n, dtype=bool)
            able[makers.main[makers.activity[x[makers.activity] < room[makers.activity]]]] = True
            short = -net[: self.n] / flow
            stuck = np.flatnonzero((short > self.tolerance) & ~able)
            worst = float(short.max(initial=0.0))
            if worst < best:
                best, kept = worst, (x.copy(), net.copy())
            if not stuck.size or level == SUBSTITUTIONS:
                break
            users = users_of(process, makers.main.size, stuck)
            meter.work += kernels.substitute(csc, room, makers, draft, stuck, users)
            if (net[stuck] < 0).any():
                if room is process.upper:
                    room = room.copy()
                meter.work += kernels.cut_users(csc, draft, room, stuck, users)
        if worst > best:
            x[:], net[:] = kept
        self.short = best

    def overdrawn(self) -> tuple[float, FloatArray]:
        """Mean of use over endowment, weighted by worth, and how far each resource is above it.

        Scaling the plan to the endowments costs the mean and the largest excess. The mean is what
        the plan loses in goods left over and in techniques; the excess is a matter of balance.
        """
        some, total = self.endowment > 0, float(self.worth.sum())
        use = 1.0 - self.draft.net[self.n :] / np.where(some, self.endowment, 1.0)
        if total <= 0:
            return 0.0, np.zeros(use.size)
        mean = float(self.worth @ np.where(some, use, 0.0)) / total
        return mean, np.where(some, use - mean, 0.0)

    def within_reach(self, upper: float | None, gap: float) -> bool:
        """Whether the plan would be within `gap` of the bound if resources were balanced."""
        value = -float(np.sum(self.process.cost * self.draft.x))
        return upper is None or value >= self.overdrawn()[0] * upper * (1 - gap)

    def balance_resources(self, excess: FloatArray) -> None:
        """Change techniques until no resource is overdrawn more than the others."""
        # One that is overdrawn counts even if its rent is 0 as yet.
        least = np.maximum(self.worth, LEAST_WORTH * self.worth.mean())
        worth = np.where(excess > 0, least, self.worth)
        self.process.meter.work += kernels.balance_resources(
            self.process.csc, self.process.upper, self.makers, self.draft, self.endowment, worth,
            excess, SHARPNESS,
        )  # fmt: skip

    def keep(self, drafts: Drafts) -> None:
        """Keep the plan to be mixed, unless some good is short: it stays short in a mixture."""
        if self.short <= WORTH_MIXING * self.tolerance:
            some = self.endowment > 0
            use = 1.0 - self.draft.net[self.n :][some] / self.endowment[some]
            drafts.append((self.draft.x.copy(), use))
            del drafts[:-DRAFTS]


def mix_drafts(drafts: Drafts, worth: FloatArray, need: FloatArray, limited: bool) -> FloatArray:
    """Mixture of drafts that delivers most within the endowments, the last draft if none does.

    What one overdraws another leaves over (Dantzig & Wolfe 1961). A mixture leaves no good
    shorter than its parts do.

    Parameters
    ----------
    drafts : list of tuple of ndarray
        Columns, and the use of each resource over its endowment.
    worth : ndarray, shape (columns,)
        Weight of each target, 0 for activities.
    need : ndarray, shape (goods,)
        Fixed demand.
    limited : bool
        There are capacities: the mixture may not be scaled up.
    """
    from scipy.optimize import linprog

    count = len(drafts)
    use = np.column_stack([use for _, use in drafts])
    value = np.array([float(worth @ x) for x, _ in drafts])
    if count == 1 or not use.size or not value.max() > 0 or not np.isfinite(use).all():
        return drafts[-1][0]
    rows, limits = use, np.ones(use.shape[0])
    one: dict[str, Any] = {}
    if (need > 0).any():
        one = {"A_eq": np.ones((1, count)), "b_eq": [1.0]}
    elif limited or (need < 0).any():
        rows, limits = np.vstack([use, np.ones(count)]), np.append(limits, 1.0)
    found = linprog(-value / value.max(), A_ub=rows, b_ub=limits, method="highs", **one)
    if found.x is None or not found.x.sum() > 0:
        return drafts[-1][0]
    shares = found.x / found.x.sum()
    out = np.zeros_like(drafts[-1][0])
    for share, (x, _) in zip(shares.tolist(), drafts, strict=True):
        if share > 0:
            out += share * x
    return out


def _within_endowments(process: Process, x: FloatArray, n_goods: int) -> FloatArray:
    """Scale the plan to endowments and capacities, where that breaks no fixed demand."""
    need = process.need
    if (need[:n_goods] > 0).any():
        return x
    spent = -(process.matrix @ x)[n_goods:]
    process.meter.work += process.matrix.nnz
    endowment = -need[n_goods:]
    # A stock (need < 0) does not grow with the plan, and neither does an exhausted capacity.
    scale = np.inf if not (need[:n_goods] < 0).any() else 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = min(scale, float(np.min((endowment / spent)[spent > 0], initial=np.inf)))
        scale = min(scale, float(np.min((process.upper / x)[x > 0], initial=np.inf)))
    if not 0 < scale < np.inf:
        return x
    return np.asarray(np.minimum(x * scale, process.upper))
