"""``harmony``: the heuristic planner of Cockshott and Cottrell, in this project's reading.

Each final good has a target and a *harmony* h of how well it is met, with
s = (net − target)/target,

    h = s − s²/2 for s < 0,   h = ln(1 + s) otherwise,

and a round moves activity towards goods whose harmony is below the mean and towards techniques
whose product is worth more, at marginal harmony, than what they use (Cockshott & Cottrell,
*Towards a New Socialism*, 1993, ch. 6; Cockshott 1990). How the description was read where it
leaves a choice stands in ``docs/planners-heuristics.md``. The planner knows no optimum: the
certificate says how far it is from one.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from planbench.model.arrays import FloatArray
from planbench.model.checks import one_good_each
from planbench.model.economy import Economy
from planbench.planners.planner import Ended, Planner, PlanOptions, Result, to_unit_value
from planbench.solvers.base import SolverSpec
from planbench.solvers.common import Clock

SPEC = SolverSpec(
    name="harmony",
    family="planbench",
    method="harmony heuristic (Cockshott & Cottrell)",
    module="planbench.planners.harmony",
    packages=("scipy",),
    takes=frozenset(("time_limit", "native")),
    phases=("load", "solve", "extract"),
    default="100 rounds (--set rounds=N), targets of what the first plan delivers on average",
    accepts="economy",
)
SOLVERS = (SPEC,)

ROUNDS = 100
#: T of the description: how strongly a round answers.
PACE = 0.23
#: Share of the tightest resource that the plan uses.
USED = 0.98
#: Stages through which the value of a product passes to its inputs in a round. Without end, a
#: good that goes into itself by a detour would be worth more every time it passes.
STAGES = 3
#: Largest value of a unit; reached only where amounts lie more than a hundred decades apart.
MOST = 1e150
#: Reserve of a good that is no final good, as a share of what is used of it.
RESERVE = 0.05
#: An activity that runs does not fall below this share of its first level: so it can come back,
#: and what its product is worth stays finite.
LEAST = 1e-9


def refusal(economy: Economy) -> str | None:
    """Say why harmony cannot plan `economy`, or None."""
    if not one_good_each(economy):
        return "an activity makes several goods or none; harmony takes one each (see primal-dual)"
    if (economy.fixed_demand > 0).any():
        return (
            "there is fixed demand; harmony weighs targets and can guarantee none (see primal-dual)"
        )
    if not (economy.resource_use.data > 0).any():
        return "no activity uses a resource; harmony scales its plan to them"
    return None


def squash(d: FloatArray) -> FloatArray:
    """σ(d) = d/(1 + |d|), in (−1, 1)."""
    return np.asarray(d / (1.0 + np.abs(d)))


def harmony_of(net: FloatArray, target: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Harmony of net outputs and its derivative by net output.

    Parameters
    ----------
    net, target : ndarray
        Units of the goods; targets are positive.
    """
    s = (net - target) / target
    above = np.maximum(s, 0.0)
    value = np.where(s < 0, s - 0.5 * s * s, np.log1p(above))
    slope = np.where(s < 0, 1.0 - s, 1.0 / (1.0 + above)) / target
    return value, slope


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _run(economy: Economy, prepared: None, options: PlanOptions, state: None) -> Result:
    rounds = options.rounds or ROUNDS
    shop, clock = _Workshop(economy), Clock(options.time_limit)
    x = shop.to_resources(np.ones(economy.n_activities))
    least = LEAST * x
    made, net = shop.balances(x)
    sets = shop.first_target(net) if options.target is None else options.target
    wanted = sets * shop.bundle
    best_z, best_x, done = shop.delivers(net), x, 0
    ended: Ended = "rounds done"
    for done in range(1, rounds + 1):
        moved, mean = shop.iteration(x, least, made, net, wanted)
        if not np.isfinite(moved).all():
            ended = "stalled"
            break
        x = moved
        made, net = shop.balances(x)
        worth = shop.delivers(net)
        if worth > best_z:
            best_z, best_x = worth, x
        if done % max(1, rounds // 10) == 0:
            options.report(f"round {done}: {worth:.9g} sets, mean harmony {mean:.6g}")
        if clock.remaining() == 0 and done < rounds:
            ended = "time limit"
            break
    z = np.full(economy.n_targets, max(best_z, 0.0))
    # The reserve in the resources is for the rounds; the finished plan may use it.
    if not (economy.fixed_demand < 0).any() and (best_x / USED <= economy.capacity).all():
        best_x, z = best_x / USED, z / USED
    p, w = to_unit_value(economy, *shop.prices(made, net, wanted))
    fails = "" if z.max(initial=0.0) > 0 else ", and no plan among them meets every balance"
    status = {
        "time limit": "time limit",
        "stalled": f"stopped in round {done}: the next plan is not finite",
        "rounds done": f"{done} rounds done{fails}",
    }[ended]
    return Result(
        ended=ended,
        x=best_x,
        z=z,
        p=p,
        w=w,
        iterations={"rounds": done},
        heuristic=True,
        status=status,
        method="harmony, own reading",
    )


class _Workshop:
    """An economy in the order the rounds need it."""

    def __init__(self, economy: Economy) -> None:
        self.economy = economy
        self.good = economy.outputs.indices.astype(np.int64)
        self.rate = economy.outputs.data
        self.uses = sp.vstack([economy.inputs, economy.resource_use], format="csr")
        self.used_rows = np.flatnonzero(np.diff(self.uses.indptr))
        self.bundle = np.asarray(economy.assortment @ np.ones(economy.n_targets))
        self.final = self.bundle > 0

    def to_resources(self, x: FloatArray) -> FloatArray:
        """Scale each activity to :data:`USED` of the tightest resource it uses, within limits."""
        economy, use = self.economy, self.economy.resource_use
        x = np.minimum(x, economy.capacity)
        spent = np.asarray(use @ x)
        room = np.where(spent > 0, USED * economy.endowment / spent, np.inf)
        # What needs a resource there is none of cannot run at all.
        room[economy.endowment == 0] = 0.0
        scale = np.full(x.size, np.inf)
        busy = np.flatnonzero(np.diff(use.indptr))
        scale[busy] = np.minimum.reduceat(room[use.indices], use.indptr[:-1][busy])
        # An activity without a resource of its own moves with the plan as a whole.
        finite = np.isfinite(scale)
        scale[~finite] = float(np.min(scale[finite & (scale > 0)], initial=np.inf))
        scale[~np.isfinite(scale)] = 1.0
        return np.asarray(np.minimum(x * scale, economy.capacity))

    def balances(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Made, and net of what the plan uses itself, stocks included."""
        made = np.asarray(self.economy.outputs @ x) - self.economy.fixed_demand
        return made, made - self.economy.inputs @ x

    def first_target(self, net: FloatArray) -> float:
        """Count the sets of the assortment that the final goods' net output is worth on average."""
        bundle = self.bundle[self.final]
        mean = float((np.maximum(net[self.final], 0.0) / bundle).mean())
        if mean > 0:
            return mean
        made = np.asarray(self.economy.outputs @ np.ones(self.economy.n_activities))
        return float((made[self.final] / bundle).mean()) or 1.0

    def delivers(self, net: FloatArray) -> float:
        """Count the sets of the assortments net output covers; negative where a good is short."""
        covers = float((net[self.final] / self.bundle[self.final]).min())
        short = float(np.minimum(net[~self.final], 0.0).sum())
        return covers if short >= 0 else min(covers, short)

    def best_user(self, product: FloatArray) -> FloatArray:
        """Value of a unit of each good and resource to whoever makes most of it.

        Parameters
        ----------
        product : ndarray, shape (goods,)
            Value of a unit of each good as a product.
        """
        value = np.zeros(self.uses.shape[0])
        offer = (product[self.good] * self.rate)[self.uses.indices] / self.uses.data
        np.minimum(offer, MOST, out=offer)
        if offer.size:
            first = self.uses.indptr[:-1][self.used_rows]
            value[self.used_rows] = np.maximum.reduceat(offer, first)
        return value

    def targets(self, made: FloatArray, net: FloatArray, wanted: FloatArray) -> FloatArray:
        """Targets: what is wanted of final goods, a reserve of what is used of others."""
        return np.where(self.final, wanted, RESERVE * (made - net))

    def values(self, slope: FloatArray, target: FloatArray) -> FloatArray:
        """Value goods and resources, shape (goods + resources,).

        Final goods are worth their marginal harmony; others that of their reserve and, for the
        most part, what their best user makes of them; resources what their best user does.
        """
        n = self.economy.n_goods
        value = own = np.where(target > 0, slope, 0.0)
        for _ in range(STAGES):
            value = np.where(self.final, own, (own + 5.0 * self.best_user(value)[:n]) / 6.0)
        return np.concatenate([value, self.best_user(value)[n:]])

    def prices(
        self, made: FloatArray, net: FloatArray, wanted: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Prices and rents at the end: the last values."""
        n, aim = self.economy.n_goods, self.targets(made, net, wanted)
        product = self.values(harmony_of(net, np.where(aim > 0, aim, 1.0))[1], aim)[:n]
        # All there is of a good is worth no more than all that is wanted of the final goods.
        whole = float((product * wanted)[self.final].sum())
        product = np.minimum(product, np.where(self.final | (made <= 0), np.inf, whole / made))
        return product, self.best_user(product)[n:]

    def iteration(
        self, x: FloatArray, least: FloatArray, made: FloatArray, net: FloatArray,
        wanted: FloatArray,
    ) -> tuple[FloatArray, float]:  # fmt: skip
        """Do a round: the next plan, and the mean harmony of this one."""
        target = self.targets(made, net, wanted)
        counted = target > 0
        aim = np.where(counted, target, 1.0)
        harmony, slope = harmony_of(net, aim)
        mean = float(harmony[self.final].mean())
        # A step is a share of what is made. As a share of the net output it would be without bound
        # where most of a good is used by industries.
        size = np.maximum(made, 1e-9 * aim)
        factor = np.where(counted, 1.0 - squash(PACE * (harmony - mean) / (slope * size)), 1.0)
        values = self.values(slope, target)
        gain = values[self.good] * self.rate
        cost = np.asarray(self.uses.T @ values)
        better = squash(np.divide(gain - cost, cost, out=np.zeros(cost.size), where=cost > 0))
        moved = x * factor[self.good] * (1.0 + 0.4 * PACE * better)
        moved = np.where(moved > 0, np.maximum(moved, least), moved)
        return self.to_resources(moved), mean


PLANNER = Planner(
    spec=SPEC,
    refusal=refusal,
    run=_run,
    native=("rounds", "target"),
    rounds=ROUNDS,
)
plan, solve = PLANNER.plan, PLANNER.solve
