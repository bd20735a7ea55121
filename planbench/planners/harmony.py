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

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.productivity import one_good_each
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


@dataclass(frozen=True, eq=False)
class HarmonyState:
    """What a later plan starts from.

    Attributes
    ----------
    intensities : ndarray, shape (activities,)
    """

    intensities: FloatArray

    def fits(self, economy: Economy) -> bool:
        """Whether it is of an economy of the same shape."""
        return self.intensities.size == economy.n_activities


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


@dataclass(frozen=True, eq=False)
class _Workshop:
    """Arrays of an economy in the order the rounds need them."""

    economy: Economy
    good: npt.NDArray[np.int64]
    rate: FloatArray
    uses: sp.csr_array
    activity: npt.NDArray[np.int64]
    amount: FloatArray
    first: npt.NDArray[np.int64]
    used_rows: npt.NDArray[np.int64]
    bundle: FloatArray
    final: npt.NDArray[np.bool_]


def _open(economy: Economy) -> _Workshop:
    uses = sp.vstack([economy.inputs, economy.resource_use], format="csr")
    used = np.flatnonzero(np.diff(uses.indptr))
    bundle = np.asarray(economy.assortment @ np.ones(economy.n_targets))
    return _Workshop(
        economy=economy,
        good=economy.outputs.indices.astype(np.int64),
        rate=economy.outputs.data,
        uses=uses,
        activity=uses.indices.astype(np.int64),
        amount=uses.data,
        first=uses.indptr[:-1][used].astype(np.int64),
        used_rows=used,
        bundle=bundle,
        final=bundle > 0,
    )


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _run(
    economy: Economy, prepared: None, options: PlanOptions, state: HarmonyState | None
) -> Result:
    rounds = ROUNDS if options.rounds is None else options.rounds
    shop, clock = _open(economy), Clock(options.time_limit)
    n = economy.n_goods
    x = _to_resources(economy, np.ones(economy.n_activities))
    least = LEAST * x
    if state is not None:
        x = _to_resources(economy, state.intensities)
    made, net = _balances(shop, x)
    sets = _first_target(shop, net) if options.target is None else options.target
    wanted = sets * shop.bundle
    best_z, best_x, done, mean = -np.inf, x, 0, 0.0
    late = overflowed = False
    for done in range(1, rounds + 1):
        worth = _delivers(shop, net)
        if worth > best_z:
            best_z, best_x = worth, x
        moved, mean = _iteration(shop, x, least, made, net, wanted)
        if not np.isfinite(moved).all():
            overflowed = True
            break
        x = moved
        made, net = _balances(shop, x)
        if done % max(1, rounds // 10) == 0:
            options.report(
                f"round {done}: {_delivers(shop, net):.9g} sets, mean harmony {mean:.6g}"
            )
        left = clock.remaining()
        if left is not None and left <= 0:
            late = done < rounds
            break
    if _delivers(shop, net) > best_z:
        best_z, best_x = _delivers(shop, net), x
    z = np.full(economy.n_targets, max(best_z, 0.0))
    # The reserve in the resources is for the rounds; the finished plan may use it.
    grown = best_x / USED if not (economy.fixed_demand < 0).any() else best_x
    if (grown <= economy.capacity).all():
        best_x, z = grown, z * (1 / USED if grown is not best_x else 1.0)
    aim = _targets(shop, made, net, wanted)
    product = _values(shop, harmony_of(net, np.where(aim > 0, aim, 1.0))[1], aim)[:n]
    # All there is of a good is worth no more than all that is wanted of the final goods.
    whole = float((product * wanted)[shop.final].sum())
    most = np.where(shop.final | (made <= 0), np.inf, whole / made)
    product = np.minimum(product, most)
    product, rents = to_unit_value(economy, product, _best_user(shop, product)[n:])
    ended: Ended = "time limit" if late else "stalled" if overflowed else "rounds done"
    if late:
        status = "time limit"
    elif overflowed:
        status = f"stopped in round {done}: the next plan is not finite"
    else:
        fails = "" if z.max(initial=0.0) > 0 else ", and no plan among them meets every balance"
        status = f"{done} rounds done{fails}"
    return Result(
        ended=ended,
        x=best_x,
        z=z,
        p=product,
        w=rents,
        iterations={"rounds": done},
        state=HarmonyState(x),
        heuristic=True,
        status=status,
        method="harmony, own reading",
    )


def _to_resources(economy: Economy, x: FloatArray) -> FloatArray:
    """Scale each activity to :data:`USED` of the tightest resource it uses, within capacities."""
    x = np.minimum(x, economy.capacity)
    use = economy.resource_use
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


def _balances(shop: _Workshop, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Made, and net of what the plan uses itself, stocks included."""
    economy = shop.economy
    made = np.asarray(economy.outputs @ x) - economy.fixed_demand
    return made, made - economy.inputs @ x


def _first_target(shop: _Workshop, net: FloatArray) -> float:
    """Count the sets of the assortment that the final goods' net output makes up on average."""
    bundle = shop.bundle[shop.final]
    ratio = np.maximum(net[shop.final], 0.0) / bundle
    mean = float(ratio.mean())
    if mean > 0:
        return mean
    made = np.asarray(shop.economy.outputs @ np.ones(shop.economy.n_activities))
    return float((made[shop.final] / bundle).mean()) or 1.0


def _delivers(shop: _Workshop, net: FloatArray) -> float:
    """Count the sets of the assortments that net output covers; negative where a good is short."""
    ratio = net[shop.final] / shop.bundle[shop.final]
    others = net[~shop.final]
    short = float(np.minimum(others, 0.0).sum())
    return float(ratio.min()) if short >= 0 else min(float(ratio.min()), short)


def _best_user(shop: _Workshop, product: FloatArray) -> FloatArray:
    """Value of a unit of each good and resource to whoever makes most of it.

    Parameters
    ----------
    product : ndarray, shape (goods,)
        Value of a unit of each good as a product.
    """
    value = np.zeros(shop.uses.shape[0])
    offer = (product[shop.good] * shop.rate)[shop.activity] / shop.amount
    np.minimum(offer, MOST, out=offer)
    if offer.size:
        value[shop.used_rows] = np.maximum.reduceat(offer, shop.first)
    return value


def _targets(shop: _Workshop, made: FloatArray, net: FloatArray, wanted: FloatArray) -> FloatArray:
    """Targets of all goods: what is wanted of final goods, a reserve of what is used of others."""
    return np.where(shop.final, wanted, RESERVE * (made - net))


def _values(shop: _Workshop, slope: FloatArray, target: FloatArray) -> FloatArray:
    """Value goods and resources, shape (goods + resources,).

    Final goods are worth their marginal harmony; others that of their reserve and, for the
    most part, what their best user makes of them; resources what their best user does.
    """
    n = shop.economy.n_goods
    own = np.where(target > 0, slope, 0.0)
    value = own
    for _ in range(STAGES):
        best = _best_user(shop, value)[:n]
        value = np.where(shop.final, own, (own + 5.0 * best) / 6.0)
    return np.concatenate([value, _best_user(shop, value)[n:]])


def _iteration(
    shop: _Workshop,
    x: FloatArray,
    least: FloatArray,
    made: FloatArray,
    net: FloatArray,
    wanted: FloatArray,
) -> tuple[FloatArray, float]:
    target = _targets(shop, made, net, wanted)
    counted = target > 0
    aim = np.where(counted, target, 1.0)
    harmony, slope = harmony_of(net, aim)
    mean = float(harmony[shop.final].mean())
    # A step is a share of what is made. As a share of the net output it would be without bound
    # where most of a good is used by industries.
    size = np.maximum(made, 1e-9 * aim)
    answer = squash(PACE * (harmony - mean) / (slope * size))
    factor = np.where(counted, 1.0 - answer, 1.0)

    values = _values(shop, slope, target)
    gain = values[shop.good] * shop.rate
    cost = np.asarray(shop.uses.T @ values)
    costly = cost > 0
    better = squash(np.where(costly, (gain - cost) / np.where(costly, cost, 1.0), 0.0))
    moved = x * factor[shop.good] * (1.0 + 0.4 * PACE * better)
    moved = np.where(moved > 0, np.maximum(moved, least), moved)
    return _to_resources(shop.economy, moved), mean


PLANNER = Planner(
    spec=SPEC,
    refusal=refusal,
    run=_run,
    native=("rounds", "target"),
    rounds=ROUNDS,
)
plan, solve, replan = PLANNER.plan, PLANNER.solve, PLANNER.replan
