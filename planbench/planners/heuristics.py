"""What planners that count rounds share: the frame of an adapter, options, units of prices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from planbench.errors import InputError
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import Phase, Solution, SolveOptions, SolverSpec
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


class Result(Protocol):
    """What every such planner hands back."""

    @property
    def x(self) -> FloatArray:
        """Activity levels."""

    @property
    def z(self) -> FloatArray:
        """Targets."""

    @property
    def p(self) -> FloatArray:
        """Prices; not finite where there are none."""

    @property
    def w(self) -> FloatArray:
        """Rents."""

    @property
    def rounds(self) -> int:
        """Rounds done."""

    @property
    def hit_limit(self) -> bool:
        """Whether the time ran out."""

    @property
    def state(self) -> Any:
        """What a later plan starts from."""


def solve_by_rounds(
    problem: LinearProgram | Economy,
    spec: SolverSpec,
    options: SolveOptions,
    phase: Phase,
    state: Any,
    *,
    refusal: Callable[[Economy], str | None],
    plan: Callable[..., Result],
    rounds: int,
    method: str,
    status: Callable[[Any], str],
) -> tuple[Solution, Any]:
    """Plan as an adapter.

    Parameters
    ----------
    state : object or None
        Of an old plan.
    refusal, plan : callable
        The planner's own.
    rounds : int
        Rounds where none are asked for.
    method : str
        What ran, for the record.
    status : callable
        Says how a result ended.

    Raises
    ------
    InputError
        For a general linear program, an economy the planner refuses, or an unknown option.
    """
    from planbench.version import __version__

    economy = economy_or_refuse(problem, spec.name)
    most, target = read_rounds(options, spec.name, rounds)
    with phase("load"):
        reason = refusal(economy)
        if reason is not None:
            raise InputError(reason, where=spec.name)
    with phase("solve"):
        result = plan(
            economy, rounds=most, target=target, time_limit=options.time_limit, state=state,
            log=True,
        )  # fmt: skip
    with phase("extract"):
        x = np.concatenate([result.x, result.z])
        priced = bool(np.isfinite(result.p).all() and np.isfinite(result.w).all())
        y = np.concatenate([-result.p, result.w]) if priced else None
    used: dict[str, str | int | float | bool] = {"rounds": most}
    if target is not None:
        used["target"] = target
    solution = Solution(
        claim="unknown",
        x=x,
        y=y,
        objective=float(economy.weights @ result.z),
        native_status=status(result),
        iterations={"rounds": result.rounds},
        hit_limit=result.hit_limit,
        version=__version__,
        method_run=method,
        threads_used=1,
        options=used,
    )
    return solution, result.state
