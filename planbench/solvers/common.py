"""What several adapters need: senses, degenerate shapes, and reading option values."""

from __future__ import annotations

import difflib
import functools
import importlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from planbench.errors import InputError, SolverError, SolverUnavailableError
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.planning_lp import to_linear_program
from planbench.solvers.base import (
    NativeValue,
    Phase,
    Solution,
    SolveFunction,
    SolveOptions,
    SolverSpec,
    no_phase,
)


def import_solver(module: str) -> Any:
    """Import a solver's package; adapters do so before their first phase, so it is not charged.

    Raises
    ------
    SolverUnavailableError
        If it cannot be imported, as highspy up to 1.15 and OR-Tools cannot be in one process.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        others = [name for name in ("highspy", "ortools") if name in sys.modules]
        clash = [name for name in others if name != module.partition(".")[0]]
        reason = " ".join(str(error).split())
        hint = f"; {clash[0]} is in this process already and the two clash" if clash else ""
        raise SolverUnavailableError(f"cannot import {module}{hint}: {reason}") from None


def as_linear_program(problem: LinearProgram | Economy) -> LinearProgram:
    """Return `problem` itself, or the planning LP of an economy."""
    return to_linear_program(problem) if isinstance(problem, Economy) else problem


def minimisation(lp: LinearProgram) -> LinearProgram:
    """Return the equivalent minimisation: min −c·x − c₀ of a maximisation."""
    if not lp.maximise:
        return lp
    return replace(lp, cost=-lp.cost, offset=-lp.offset, maximise=False)


def as_minimisation(
    solve: Callable[[LinearProgram, SolverSpec, SolveOptions, Phase], Solution],
) -> SolveFunction:
    """Make an adapter's ``solve`` of a function that solves minimisations.

    The function is handed the equivalent minimisation (several solvers treat a maximisation
    incorrectly) and answers that: duals ∂(minimum)/∂rhs, and its objective. Programs without
    columns or with a contradiction are answered here (:func:`unsolved_shape`).
    """

    @functools.wraps(solve)
    def adapter(
        problem: LinearProgram | Economy,
        spec: SolverSpec,
        options: SolveOptions,
        phase: Phase = no_phase,
    ) -> Solution:
        lp = as_linear_program(problem)
        answer = unsolved_shape(lp)
        if answer is not None:
            return answer
        found = solve(minimisation(lp), spec, options, phase)
        if not lp.maximise:
            return found
        y, objective = found.y, found.objective
        return replace(
            found,
            y=None if y is None else 0.0 - y,
            objective=None if objective is None else 0.0 - objective,
        )

    return adapter


def with_nearest(name: str, known: Iterable[str]) -> str:
    """Name the known name nearest to `name`, as the tail of a message, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


@dataclass
class Clock:
    """How much of a time limit is left, for adapters that run more than one step."""

    limit: float | None
    started: float = field(default_factory=time.monotonic)

    def remaining(self) -> float | None:
        """Seconds left (never negative), or None without a limit."""
        if self.limit is None:
            return None
        return max(0.0, self.limit - (time.monotonic() - self.started))


def _contradiction(lp: LinearProgram) -> tuple[str, FloatArray | None] | None:
    """Find bounds that cross, or an empty row that excludes 0; what it is, and the dual ray."""
    for name, lower, upper in (
        (lp.column, lp.col_lower, lp.col_upper),
        (lp.row, lp.row_lower, lp.row_upper),
    ):
        for at in np.flatnonzero(lower > upper)[:1].tolist():
            bounds = f"lower bound {lower[at]:g} above upper bound {upper[at]:g}"
            return f"{name.__name__} {name(at)} has {bounds}", None
    empty = np.bincount(lp.matrix.indices, minlength=lp.n_rows) == 0
    for at in np.flatnonzero(empty & ((lp.row_lower > 0) | (lp.row_upper < 0)))[:1].tolist():
        ray = np.zeros(lp.n_rows)
        ray[at] = 1.0 if lp.row_lower[at] > 0 else -1.0
        return f"row {lp.row(at)} is empty and excludes 0", ray
    return None


def unsolved_shape(lp: LinearProgram) -> Solution | None:
    """Answer for a program whose shape alone gives it: no columns, or a contradiction.

    Interfaces raise on such programs, or warn and go on.
    """
    found = _contradiction(lp)
    if found is None and lp.n_cols:
        return None
    optimal = found is None
    why, ray = found or ("no columns", None)
    return Solution(
        claim="optimal" if optimal else "infeasible",
        x=np.zeros(0) if optimal else None,
        y=np.zeros(lp.n_rows) if optimal else None,
        objective=lp.offset if optimal else None,
        native_status=f"not handed over: {why}",
        method_run="none (the shape gives the answer)",
        dual_ray=ray,
        notes=(f"the adapter answered for the program's shape ({why}); the solver was not run",),
    )


#: Type of a native option.
Kind = type[bool] | type[int] | type[float] | type[str]


def convert_native(key: str, value: NativeValue, kind: Kind) -> NativeValue:
    """Turn the value of ``--set key=value`` into the type the solver's option has.

    Raises
    ------
    InputError
        If the text is not a value of that type.
    """
    text = str(value).strip()
    if kind is bool:
        truth = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
        if isinstance(value, bool):
            return value
        if text.lower() in truth:
            return truth[text.lower()]
        raise InputError(f"{key} is a switch; give true or false, not {text!r}", where="--set")
    if kind is str:
        return text
    try:
        if kind is int:
            number = float(text)
            if isinstance(value, bool) or number != int(number):
                raise ValueError
            return int(number)
        return float(text)
    except (ValueError, OverflowError):
        word = "a whole number" if kind is int else "a number"
        raise InputError(f"{key} is {word}; {text!r} is not", where="--set") from None


@dataclass(frozen=True)
class OptionTable:
    """Which of a solver's own options planbench sets, and how.

    Attributes
    ----------
    software : str
        As it is called in messages.
    names : mapping of str to tuple of str
        The solver's names for each option of planbench that it has.
    reserved : mapping of str to str
        Other options planbench sets, each with what to do instead.
    """

    software: str
    names: Mapping[str, tuple[str, ...]]
    reserved: Mapping[str, str]

    def asked(self, options: SolveOptions) -> dict[str, NativeValue]:
        """Return the options of planbench that are set, by the solver's own names."""
        return {
            own: float(value) if option == "time_limit" else value
            for option, own_names in self.names.items()
            if (value := getattr(options, option)) is not None
            for own in own_names
        }

    def native(
        self,
        native: Mapping[str, NativeValue],
        kinds: Mapping[str, Kind],
        known: Iterable[str] = (),
    ) -> dict[str, NativeValue]:
        """Check native options against those there are, and give each value its type.

        Parameters
        ----------
        native : mapping
        kinds : mapping of str to type
            Options there are.
        known : iterable of str
            Names to suggest, where they are others.

        Raises
        ------
        InputError
            Reserved or unknown name (with the nearest), or a value of the wrong type.
        """
        typed = {}
        for key, value in native.items():
            fix = self.reserved.get(key) or next(
                (f"use the option {option}" for option, own in self.names.items() if key in own), ""
            )
            if fix:
                raise InputError(f"{key} is set by planbench; {fix}", where="--set")
            if key not in kinds:
                near = with_nearest(key, known or kinds)
                raise InputError(f"{self.software} has no option {key!r}{near}", where="--set")
            typed[key] = convert_native(key, value, kinds[key])
        return typed


def huge_bounds(lp: LinearProgram, threshold: float) -> int:
    """Count finite bounds of magnitude ≥ `threshold` (which a solver takes as infinite)."""
    total = 0
    for bound in (lp.row_lower, lp.row_upper, lp.col_lower, lp.col_upper):
        total += int(np.count_nonzero(np.isfinite(bound) & (np.abs(bound) >= threshold)))
    return total


def changed_problem(message: str, options: SolveOptions) -> str:
    """Report that a solver would solve another problem than it was sent.

    In planbench's configuration that is an error; ``:stock`` is the solver as it comes, so
    there it is a note for the record.

    Raises
    ------
    SolverError
        Unless ``options.stock``.
    """
    if not options.stock:
        raise SolverError(f"{message}; what was sent would not be what is solved")
    return f"problem changed by the solver: {message}"
