"""The state of a plan by ``two-level`` or ``value-iteration``, from which another can start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy


@dataclass(frozen=True, eq=False)
class State:
    """An old plan to start from.

    One whose rents, prices or outputs are not all finite is no start: planning is as from nothing.

    Attributes
    ----------
    rents : ndarray, shape (resources,)
        w, per unit of the objective.
    prices : ndarray, shape (goods,)
        p.
    outputs : ndarray, shape (goods,)
        Gross output of each good in units of the good.
    shares : ndarray, shape (activities,)
        Share of each activity in its good's output: the techniques chosen.
    levels : ndarray, shape (activities,)
        Activity levels x.
    requirements : ndarray of float32, shape (goods, resources), or None
        Units of each resource in a unit of each good with these techniques, direct and
        indirect: the centre predicts from them what new rents do to prices.
    width : float
        Width of the mixing of techniques.
    """

    rents: FloatArray
    prices: FloatArray
    outputs: FloatArray
    shares: FloatArray
    levels: FloatArray
    requirements: npt.NDArray[np.float32] | None
    width: float


def other_shape(economy: Economy, state: State) -> str | None:
    """Say why `state` is no plan of `economy`'s goods, activities and resources, or None."""
    n, m, k = economy.n_goods, economy.n_activities, economy.n_resources
    of = state.outputs.size, state.levels.size, state.rents.size
    if of == (n, m, k):
        return None
    return (
        f"is of an economy of another shape: {of[0]} goods, {of[1]} activities and {of[2]} "
        f"resources, this one has {n}, {m} and {k}"
    )
