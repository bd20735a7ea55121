"""Sense checks of an economy at the boundary: can its targets be met at all.

:func:`planbench.model.economy.make_economy` checks shapes, numbers and signs; this module
checks sense. A *dead* activity has capacity 0, or uses a resource of which there is none, or a
good that can be neither made nor taken from a stock. A target is *unreachable* when not even
the smallest multiple of it can be delivered. An economy may hold dead activities and useless
techniques, which is remarked; a target out of reach is refused.

Where every activity makes one good, :func:`value_iteration` finds the goods that can be made.
Least-cost prices with every activity costing one unit besides its inputs,

    p_i = min over techniques j of good i of (1 + p·A_j) / B_ij,

iterated from p = 0, rise to a finite fixed point exactly for the goods that some productive
choice of techniques makes (Gale 1960, ch. 9; value iteration of Bellman). Two tests end it:

- if T(2p) ≤ 2p on a set of goods that needs nothing outside it, their prices stay below 2p;
- if min over j of p·A_j / B_ij ≥ p_i on a set of goods, with p taken as 0 outside it, then a
  rise of p in proportion reproduces itself, and the prices grow without bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Productivity:
    """What value iteration found.

    Attributes
    ----------
    makeable : ndarray of bool, shape (goods,)
        Goods with a bounded least-cost price.
    unmakeable : ndarray of bool, shape (goods,)
        Goods whose price grows without bound, or that nothing makes.
    iterations : int
    """

    makeable: BoolArray
    unmakeable: BoolArray
    iterations: int

    @property
    def decided(self) -> bool:
        """Whether every good is one or the other."""
        return bool((self.makeable | self.unmakeable).all())


def one_good_each(economy: Economy) -> bool:
    """Whether every activity makes exactly one good."""
    return bool((np.diff(economy.outputs.indptr) == 1).all())


def value_iteration(
    economy: Economy, usable: BoolArray, free: BoolArray, *, limit: int = 4096
) -> Productivity:
    """Decide which goods can be made.

    Parameters
    ----------
    economy : Economy
        Every activity makes one good.
    usable : ndarray of bool, shape (activities,)
        Activities that can run.
    free : ndarray of bool, shape (goods,)
        Goods that need not be made (there is a stock); their price is 0.
    limit : int
        Most iterations; goods still in doubt then are neither makeable nor unmakeable.
    """
    n = economy.n_goods
    made = economy.outputs.indices[usable]
    rate = economy.outputs.data[usable]
    used = economy.inputs[:, np.flatnonzero(usable)].T.tocsr()

    def cheapest(cost: FloatArray) -> FloatArray:
        out = np.full(n, np.inf)
        np.minimum.at(out, made, cost / rate)
        out[free] = 0.0
        return out

    # What nothing makes is infinitely dear, and so is all that cannot do without it.
    prices = np.zeros(n)
    makeable = unmakeable = np.zeros(n, dtype=bool)
    check_at, step = 8, 0
    with np.errstate(over="ignore"):
        for step in range(1, limit + 1):
            prices = cheapest(1.0 + used @ prices)
            if step in (check_at, limit):
                check_at *= 2
                makeable = _bounded(cheapest, used, prices)
                prices[_growing(cheapest, used, prices)] = np.inf
                unmakeable = np.isinf(prices)
                if (makeable | unmakeable).all():
                    break
    return Productivity(makeable=makeable, unmakeable=unmakeable, iterations=step)


_Cheapest = Callable[[FloatArray], FloatArray]


def _bounded(cheapest: _Cheapest, used: sp.csr_array, prices: FloatArray) -> BoolArray:
    """Largest set of goods with T(2p) ≤ 2p that needs nothing outside it."""
    ceiling = 2.0 * prices
    while True:
        held = np.isfinite(ceiling) & (cheapest(1.0 + used @ ceiling) <= ceiling)
        shrunk = np.where(held, ceiling, np.inf)
        if np.array_equal(shrunk, ceiling):
            return held
        ceiling = shrunk


def _growing(cheapest: _Cheapest, used: sp.csr_array, prices: FloatArray) -> BoolArray:
    """Largest set of goods on which a rise in proportion to p reproduces itself."""
    rise = prices
    while True:
        # A hair below 1, for a rate of exactly 1 must count as growth despite rounding.
        grows = (rise > 0) & (cheapest(used @ rise) >= rise * (1 - 1e-12))
        shrunk = np.where(grows, rise, 0.0)
        if np.array_equal(shrunk, rise):
            return grows
        rise = shrunk


#: Non-zeros above which the general test, a linear program, is left to the solvers.
LARGEST_LP = 300_000
_SECONDS = 60.0


def check_economy(economy: Economy, *, where: str | None = None) -> tuple[str, ...]:
    """Check that every target of `economy` can be reached.

    With f ≤ 0 a stock is as good as a free good for the smallest multiple, so the question is
    one of techniques only: value iteration decides it where every activity makes one good, the
    homogeneous program (B − A)x ≥ D1 over goods without a stock otherwise. With positive fixed
    demand it is max t subject to (B − A)x − t D1 ≥ f, Rx ≤ r, x ≤ u.

    Parameters
    ----------
    economy : Economy
    where : str, optional
        File or folder, for messages; the name of the economy if missing.

    Returns
    -------
    tuple of str
        Remarks on what is odd but allowed, and on what could not be decided.

    Raises
    ------
    InputError
        When a target or a fixed demand is out of reach; the line names the goods or targets.
    """
    place = where or economy.name
    remarks: list[str] = []
    usable, producible = live_activities(economy)
    wanted = _wanted(economy)
    lacking = wanted & ~producible & (economy.fixed_demand >= 0)
    if lacking.any():
        roots = ~producible & ~_made_by(economy, economy.capacity > 0) & _no_stock(economy)
        named = roots if roots.any() else lacking
        raise InputError(
            f"nobody can make {_names(economy, named)}, there is no stock of it, and "
            f"{_names(economy, lacking)} cannot be delivered without; "
            "add an activity that makes it, or a stock (negative fixed demand)",
            where=place,
        )
    if not usable.all():
        dead = np.flatnonzero(~usable)
        remarks.append(
            f"{dead.size} of {economy.n_activities} activities can never run, "
            f"the first is {economy.activity(int(dead[0]))!r}"
        )

    if one_good_each(economy):
        found = value_iteration(economy, usable, economy.fixed_demand < 0)
        if (found.unmakeable & wanted).any():
            raise InputError(
                "is not productive: making them uses up more of themselves than is made: "
                f"{_names(economy, _core(economy, found.unmakeable, producible))}; "
                "lower input amounts or raise outputs",
                where=place,
            )
        if found.unmakeable[producible].any():
            remarks.append(
                f"no productive technique makes {_names(economy, found.unmakeable & producible)}, "
                "which no target needs"
            )
        if found.makeable[wanted].all() and not (economy.fixed_demand > 0).any():
            return tuple(remarks)
    remarks += _check_by_program(economy, usable, place)
    return tuple(remarks)


def live_activities(economy: Economy) -> tuple[BoolArray, BoolArray]:
    """Activities that are not dead, and goods that one of them makes or a stock holds.

    Returns
    -------
    usable : ndarray of bool, shape (activities,)
    available : ndarray of bool, shape (goods,)
    """
    none_left = sp.csr_array(economy.endowment <= 0).astype(np.float64)
    usable = (economy.capacity > 0) & ~((none_left @ economy.resource_use).toarray().ravel() > 0)
    uses = economy.inputs
    while True:
        available = _made_by(economy, usable) | ~_no_stock(economy)
        missing = uses.T @ (~available).astype(np.float64) > 0
        if not (usable & missing).any():
            return usable, available
        usable = usable & ~missing


def _made_by(economy: Economy, usable: BoolArray) -> BoolArray:
    return np.asarray(economy.outputs @ usable.astype(np.float64) > 0)


def _no_stock(economy: Economy) -> BoolArray:
    return economy.fixed_demand >= 0


def _wanted(economy: Economy) -> BoolArray:
    asked = np.zeros(economy.n_goods, dtype=bool)
    asked[economy.assortment.indices] = True
    return asked | (economy.fixed_demand > 0)


def _core(economy: Economy, unmakeable: BoolArray, producible: BoolArray) -> BoolArray:
    """Keep the unmakeable goods that others of them need, not what only depends on them."""
    bad = unmakeable & producible
    makes_bad = economy.outputs.T @ bad.astype(np.float64) > 0
    while True:
        needed = np.asarray(economy.inputs @ makes_bad.astype(np.float64) > 0)
        shrunk = bad & needed
        if not shrunk.any() or np.array_equal(shrunk, bad):
            return bad
        bad = shrunk
        makes_bad = economy.outputs.T @ bad.astype(np.float64) > 0


def _check_by_program(economy: Economy, usable: BoolArray, place: str) -> list[str]:
    if economy.nnz > LARGEST_LP:
        return [
            f"whether the targets can be reached was not checked: {economy.nnz} non-zeros are "
            f"more than {LARGEST_LP}"
        ]
    everything = economy.assortment @ np.ones(economy.n_targets)
    verdict = _reachable(economy, usable, everything)
    if verdict == "yes":
        return []
    if verdict == "undecided":
        return ["whether the targets can be reached was not decided within the time limit"]
    if verdict == "demand":
        raise InputError(
            "the fixed demand cannot be met even without any target; lower it or raise the "
            "endowment, capacities or stocks",
            where=place,
        )
    bad = [
        k
        for k in range(economy.n_targets)
        if _reachable(economy, usable, economy.assortment[:, [k]].toarray().ravel()) == "no"
    ]
    names = [repr(economy.target(k)) for k in bad[:5]] or ["all targets together"]
    more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
    raise InputError(
        f"is not productive: no plan delivers any amount of {', '.join(names)}{more}; lower "
        "input amounts, raise outputs, or add a stock or a technique",
        where=place,
    )


def _reachable(economy: Economy, usable: BoolArray, bundle: npt.NDArray[np.float64]) -> str:
    """Whether a positive multiple of `bundle` can be delivered: yes, no, demand or undecided."""
    from scipy.optimize import linprog

    columns = np.flatnonzero(usable)
    net = sp.csr_array((economy.outputs - economy.inputs)[:, columns])
    options: dict[str, Any] = {"time_limit": _SECONDS}
    # Rows to unit size: amounts may be in tonnes here and grams there.
    size = np.maximum(np.maximum(abs(net).max(axis=1).toarray().ravel(), bundle), 1e-300)
    if not (economy.fixed_demand > 0).any():
        rows = np.flatnonzero(_no_stock(economy))
        scaled = sp.diags_array(1.0 / size[rows]) @ net[rows]
        answer = linprog(
            np.zeros(columns.size),
            A_ub=-scaled,
            b_ub=-(bundle[rows] / size[rows]),
            method="highs",
            options=options,
        )
        return {0: "yes", 2: "no"}.get(answer.status, "undecided")
    goods = sp.diags_array(1.0 / size) @ sp.hstack([-net, bundle[:, None]], format="csr")
    resources = sp.hstack(
        [economy.resource_use[:, columns], np.zeros((economy.n_resources, 1))], format="csr"
    )
    cost = np.zeros(columns.size + 1)
    cost[-1] = -1.0
    upper = np.append(economy.capacity[columns], np.inf)
    answer = linprog(
        cost,
        A_ub=sp.vstack([goods, resources], format="csr"),
        b_ub=np.concatenate([-economy.fixed_demand / size, economy.endowment]),
        bounds=np.column_stack([np.zeros(columns.size + 1), upper]),
        method="highs",
        options=options,
    )
    if answer.status == 3:
        return "yes"
    if answer.status == 2:
        return "demand"
    if answer.status != 0:
        return "undecided"
    return "yes" if -answer.fun > 0 else "no"


def _names(economy: Economy, which: BoolArray) -> str:
    """First five goods of a set, quoted, and how many there are."""
    at = np.flatnonzero(which)
    text = ", ".join(repr(economy.good(int(i))) for i in at[:5])
    return text if at.size <= 5 else f"{text} and {at.size - 5} more ({at.size} goods)"
