"""Gauss–Seidel sweeps over goods by several threads: stages one after another, parts side by side.

A sweep uses what it has just found out, so it cannot be cut into parts without some of them
using old values. Cut in two halves, a quarter of what a sweep over a random economy reads is old
that was new, and a third more sweeps are needed. Here the goods are cut into stages, and each
stage into a part per thread: old is only what other threads do in the same stage, an eighth of
that with eight stages. Threads wait for one another between stages.

Prices are read, so every thread has a copy of its own, and takes over what the others found in
the stage before. What is short of a good is added to by all who use it, so every thread has an
account of its own, and accounts are put together before the good's turn comes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.planners import kernels
from planbench.planners.team import Team, current

#: Stages of a sweep: at most, and at least for sharing it to be worth the further sweeps.
MOST_STAGES, LEAST_STAGES = 8, 4
#: Non-zeros a thread has in a stage, in grains of the team: waiting costs about a grain.
GRAINS = 4


@dataclass(frozen=True, eq=False)
class Lanes:
    """How sweeps are shared.

    Attributes
    ----------
    cuts : ndarray of int64, shape (stages, threads + 1)
        Goods at which parts begin and end.
    own : ndarray, shape (threads, goods)
        A thread's own prices, or account of what is short (nothing between sweeps).
    """

    cuts: npt.NDArray[np.int64]
    own: FloatArray

    def parts(self, stage: int) -> list[tuple[int, int]]:
        """Part of each thread."""
        return list(pairwise(self.cuts[stage].tolist()))


def open_lanes(reach: npt.NDArray[Any], team: Team) -> Lanes | None:
    """Share sweeps over prices and outputs; None where there is too little to read to share."""
    cuts = cut_stages(reach, team)
    return None if cuts is None else Lanes(cuts, np.empty((team.size, reach.size - 1)))


def cut_stages(
    reach: npt.NDArray[Any], team: Team, columns: int = 1
) -> npt.NDArray[np.int64] | None:
    """Cut the goods so that every thread reads as much in every stage.

    Parameters
    ----------
    reach : ndarray, shape (goods + 1,)
        Non-zeros of the techniques of all goods before each.
    team : Team
    columns : int
        Times each of them is read.

    Returns
    -------
    ndarray of int64, shape (stages, threads + 1), or None
        As in :class:`Lanes`; None where there is too little to read to share it.
    """
    n, total, threads = reach.size - 1, int(reach[-1]), team.size
    stages, least = min(MOST_STAGES, n // threads), 1
    if team.grain:
        stages = min(stages, total * columns // (threads * GRAINS * team.grain))
        least = LEAST_STAGES
    if threads < 2 or stages < least:
        return None
    wanted = np.arange(1, stages * threads) * (total / (stages * threads))
    inner = np.searchsorted(reach, wanted)
    edges = np.concatenate([[0], inner, [n]]).astype(np.int64)
    return np.stack([edges[s * threads : (s + 1) * threads + 1] for s in range(stages)])


def share_near(lanes: Lanes, head: tuple[Any, ...], p: FloatArray) -> tuple[float, float, int]:
    """Do :func:`kernels.sweep_near` with all threads."""
    found = _share_prices(lanes, kernels.near_part, (*head, p), p)
    drops, flows, works = zip(*found, strict=True)
    return max(drops), sum(flows), sum(works)


def share_all(
    lanes: Lanes, head: tuple[Any, ...], margin: float, costs: FloatArray, p: FloatArray
) -> tuple[float, float, float, int]:
    """Do :func:`kernels.sweep_all` with all threads."""
    found = _share_prices(lanes, kernels.all_part, (*head, margin, costs, p), p)
    drops, flows, missed, works = zip(*found, strict=True)
    return max(drops), sum(flows), sum(missed), sum(works)


def _share_prices(lanes: Lanes, kernel: Any, args: tuple[Any, ...], p: FloatArray) -> list[Any]:
    team, own = current(), lanes.own
    whole = [(0, p.size)] * own.shape[0]
    team.each(lambda k, a, b: np.copyto(own[k, a:b], p[a:b]), whole)
    found, seen = [], (0, 0)
    for stage in range(lanes.cuts.shape[0]):

        def sweep(k: int, a: int, b: int, seen: tuple[int, int] = seen) -> Any:
            return kernel(*args, own[k], *seen, a, b)

        found += team.each(sweep, lanes.parts(stage))
        seen = int(lanes.cuts[stage, 0]), int(lanes.cuts[stage, -1])
    return found


def share_quantities(
    lanes: Lanes, able: Any, chosen: tuple[Any, Any, Any], y: FloatArray, short: FloatArray
) -> int:
    """Do :func:`kernels.sweep_quantities` with all threads; non-zeros read.

    Accounts are empty before (:func:`clear_accounts`) and after.
    """
    team, own = current(), lanes.own
    stages = lanes.cuts.shape[0]
    work = 0

    def gather(_: int, a: int, b: int) -> None:
        kernels.gather_short(own, short, a, b)

    def sweep(k: int, a: int, b: int) -> int:
        found: int = kernels.quantities_part(able, *chosen, y, short, own[k], a, b)
        return found

    for stage in reversed(range(stages)):
        parts = lanes.parts(stage)
        if stage < stages - 1:
            team.each(gather, parts)
        work += sum(team.each(sweep, parts))
    _gather_all(lanes, short)
    return work


def share_shortage(
    lanes: Lanes, chosen: tuple[Any, Any, Any], y: FloatArray, short: FloatArray
) -> int:
    """Do :func:`kernels.shortage` with all threads, on empty accounts; non-zeros read."""
    own = lanes.own

    def add(k: int, a: int, b: int) -> int:
        found: int = kernels.shortage(*chosen, y, own[k], a, b)
        return found

    work = sum(current().each(add, _even(lanes)))
    _gather_all(lanes, short)
    return work


def clear_accounts(lanes: Lanes) -> None:
    """Empty what sweeps over prices left in the arrays that are accounts of quantities, too."""
    own = lanes.own
    current().each(lambda k, a, b: own[k, a:b].fill(0.0), [(0, own.shape[1])] * own.shape[0])


def _gather_all(lanes: Lanes, short: FloatArray) -> None:
    current().each(lambda _, a, b: kernels.gather_short(lanes.own, short, a, b), _even(lanes))


def _even(lanes: Lanes) -> list[tuple[int, int]]:
    threads, n = lanes.own.shape
    return [(k * n // threads, (k + 1) * n // threads) for k in range(threads)]
