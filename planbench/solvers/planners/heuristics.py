"""What planners that count rounds share: their options, what they accept, units of prices."""

from __future__ import annotations

import numpy as np

from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import SolveOptions
from planbench.solvers.common import convert_native, with_nearest


def worth_their_weight(
    economy: Economy, p: FloatArray, w: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Express prices in the objective's units: every target is worth at least its weight.

    A heuristic's prices are only relative. They are returned as they are where a target is
    worth nothing.
    """
    worth = np.asarray(economy.assortment.T @ p)
    if not (np.isfinite(worth).all() and (worth > 0).all()):
        return p, w
    scale = float(np.max(economy.weights / worth))
    return p * scale, w * scale


def read_rounds(options: SolveOptions, name: str, default: int) -> tuple[int, float | None]:
    """Native options ``rounds`` and ``target`` of the planners that count rounds.

    Raises
    ------
    InputError
        For any other option or a value out of range.
    """
    rounds, target = default, None
    for key, value in options.native.items():
        if key == "rounds":
            rounds = int(convert_native(key, value, int))
            if rounds < 1:
                raise InputError(f"rounds is {rounds}; give 1 or more", where="--set")
        elif key == "target":
            target = float(convert_native(key, value, float))
            if not (0 < target < np.inf):
                raise InputError(f"target is {target:g}; give a number > 0", where="--set")
        else:
            raise InputError(
                f"{name} has no option {key!r}{with_nearest(key, ['rounds', 'target'])}; "
                "it has: rounds, target",
                where="--set",
            )
    return rounds, target


def economy_or_refuse(problem: LinearProgram | Economy, name: str) -> Economy:
    """Return `problem` if it is an economy.

    Raises
    ------
    InputError
        For a general linear program.
    """
    if not isinstance(problem, Economy):
        raise InputError(
            "plans economies and this is a general linear program; use a general solver",
            where=name,
        )
    return problem
