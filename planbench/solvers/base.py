"""The interface that every solver has.

An adapter is a module with two things: ``SOLVERS``, a tuple of :class:`SolverSpec` (facts,
no import of the solver package), and a function ``solve(problem, spec, options, phase)``
that loads, solves and extracts, each inside ``with phase(name):`` so that the worker can
measure it. Nothing an adapter says is trusted; the certificate judges what it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Literal, Protocol

from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram

Claim = Literal[
    "optimal", "infeasible", "unbounded", "infeasible-or-unbounded", "feasible", "unknown"
]
NativeValue = str | int | float | bool
Phase = Callable[[str], AbstractContextManager[object]]

#: Options a solver may or may not have; a missing one is refused, never ignored.
OPTION_NAMES = ("tolerance", "threads", "time_limit", "seed", "native")


def no_phase(name: str) -> AbstractContextManager[object]:
    """Phase that measures nothing, for calling an adapter by hand."""
    return nullcontext()


@dataclass(frozen=True)
class Supported:
    """Versions of a package that an adapter supports.

    Attributes
    ----------
    package : str
        Distribution name.
    least : str
        Oldest version that works; an older one is refused.
    tested : str
        Newest version it has been tested with; a newer one is tried.
    """

    package: str
    least: str
    tested: str

    def __str__(self) -> str:
        return f"{self.package} {self.least} or later, tested up to {self.tested}"


@dataclass(frozen=True)
class SolverSpec:
    """What is known of a solver without importing it.

    Attributes
    ----------
    name : str
        Name on the command line, e.g. ``highs-ds``.
    family : str
        Software it belongs to, e.g. ``HiGHS``.
    method : str
        Algorithm in one phrase, e.g. ``dual simplex``.
    module : str
        Import path of the adapter module holding ``solve``.
    packages : tuple of str
        Distribution names that must be installed, e.g. ``("highspy",)``.
    extra : str or None
        Extra of planbench that installs them; None for a core dependency.
    exact : bool
        Simplex, or interior point with crossover: reaches a vertex to working precision.
    takes : frozenset of str
        Subset of :data:`OPTION_NAMES` it has.
    phases : tuple of str
        Phases it reports, in order.
    default : str
        One line: the configuration it runs in by default, and why.
    stock : str
        One line: what ``NAME:stock`` runs instead (the solver's own defaults).
    accepts : {"lp", "economy"}
        Whether ``solve`` is handed the linear program or the economy.
    supports : tuple of Supported
        Versions of its packages; one that is not named may be any.
    environment : tuple of str
        Packages, as ``NAME==VERSION``, of an environment of its own in which it runs where this
        one does not have what it needs; planbench builds it when the solver is first used.
    """

    name: str
    family: str
    method: str
    module: str
    packages: tuple[str, ...]
    extra: str | None = None
    exact: bool = False
    takes: frozenset[str] = frozenset()
    phases: tuple[str, ...] = ("load", "solve", "extract")
    default: str = ""
    stock: str = ""
    accepts: Literal["lp", "economy"] = "lp"
    supports: tuple[Supported, ...] = ()
    environment: tuple[str, ...] = ()


@dataclass(frozen=True)
class SolveOptions:
    """What is asked of a solver.

    Attributes
    ----------
    tolerance : float or None
        The solver's own optimality and feasibility tolerance (its own meaning); None keeps
        the configuration's.
    threads : int or None
        None keeps the configuration's (one thread).
    time_limit : float or None
        Seconds, passed to the solver where it has such an option; enforced from outside too.
    seed : int or None
    native : mapping
        Native options by their own names, each checked when set.
    stock : bool
        The solver's own defaults instead of planbench's configuration.
    command : str or None
        For the external-command adapter: the command with ``{mps}`` and ``{sol}``.
    """

    tolerance: float | None = None
    threads: int | None = None
    time_limit: float | None = None
    seed: int | None = None
    native: Mapping[str, NativeValue] = field(default_factory=dict)
    stock: bool = False
    command: str | None = None


@dataclass(frozen=True, eq=False)
class Solution:
    """What a solver returned, translated but not judged.

    Attributes
    ----------
    claim : Claim
        What the solver says of the problem.
    x : ndarray, shape (columns,) or None
    y : ndarray, shape (rows,) or None
        Row duals, ∂objective/∂rhs in the stated sense.
    objective : float or None
        The objective value the solver claims, in the stated sense, with the offset.
    native_status : str
        The solver's own name for how it ended.
    iterations : mapping of str to int
        Iteration counts by kind, e.g. ``{"simplex": 120}``; empty where not reported.
    primal_ray : ndarray, shape (columns,) or None
        Direction of unboundedness.
    dual_ray : ndarray, shape (rows,) or None
        Farkas multipliers of infeasibility.
    hit_limit : bool
        The solver stopped on its own time limit.
    version : str
        Version of the solver (the code that ran, not only the wrapper).
    method_run : str
        The method that really ran, as the solver reports it.
    threads_used : int or None
        Threads the solver says it used; None where it does not say.
    options : mapping
        Every native option set, with its value.
    notes : tuple of str
        Flags for the record, e.g. what could not be passed on.
    presolved : mapping of str to int
        ``rows``, ``columns`` and ``nonzeros`` after presolve; empty where not reported.
    """

    claim: Claim
    x: FloatArray | None
    y: FloatArray | None
    objective: float | None
    native_status: str
    iterations: Mapping[str, int] = field(default_factory=dict)
    primal_ray: FloatArray | None = None
    dual_ray: FloatArray | None = None
    hit_limit: bool = False
    version: str = ""
    method_run: str = ""
    threads_used: int | None = None
    options: Mapping[str, NativeValue] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    presolved: Mapping[str, int] = field(default_factory=dict)


class SolveFunction(Protocol):
    """Signature of the ``solve`` function of an adapter module."""

    def __call__(
        self,
        problem: LinearProgram | Economy,
        spec: SolverSpec,
        options: SolveOptions,
        phase: Phase = no_phase,
    ) -> Solution:
        """Solve `problem`; solver logs go to standard output."""
        ...
