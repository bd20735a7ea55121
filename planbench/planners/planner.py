"""What all planners have in common: options, results, and the adapter around them.

A planner is a few functions in a :class:`Planner`. From Python it is called as
``PLANNER.plan(economy, options, state) -> Result``, behind the solvers' interface as ``solve``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any, Literal

import numpy as np

from planbench.certificates.certificate import relative_gap
from planbench.errors import InputError, SolverError
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy, make_economy
from planbench.model.linear_program import LinearProgram
from planbench.solvers.base import (
    Claim,
    NativeValue,
    Phase,
    Solution,
    SolveOptions,
    SolverSpec,
    no_phase,
)
from planbench.solvers.common import Clock, OptionTable

#: Certified gap to stop at where none is asked for.
GAP = 1e-6

#: Share of a value by which adding up may be wrong.
ROUNDING = 1e-9

Report = Callable[[str], None]
Ended = Literal["optimal", "time limit", "stalled", "infeasible", "unbounded", "rounds done"]
#: Native options a planner may have, with their types.
NATIVE: Mapping[str, type[int] | type[float]] = {"rounds": int, "target": float}
CLAIMS: dict[str, Claim] = {
    "optimal": "optimal",
    "infeasible": "infeasible",
    "unbounded": "unbounded",
}


@dataclass(frozen=True)
class PlanOptions:
    """What is asked of a planner; each heeds what its description says.

    Attributes
    ----------
    tolerance : float
        Certified gap, (upper − lower)/upper, to stop at.
    time_limit : float or None
        Seconds.
    rounds : int or None
        Most iterations; None for the planner's own limit.
    target : float or None
        Sets of each assortment to plan for (heuristics).
    report : callable
        Progress callback, one line per iteration.
    """

    tolerance: float = GAP
    time_limit: float | None = None
    rounds: int | None = None
    target: float | None = None
    report: Report = lambda line: None


Pair = tuple[FloatArray, FloatArray]


@dataclass(eq=False)
class Bracket:
    """The best certified bounds so far, and the plan (x, z) and prices (p, w) that gave them."""

    lower: float | None = None
    upper: float | None = None
    plan: Pair | None = None
    prices: Pair | None = None

    @property
    def gap(self) -> float:
        """(upper − lower)/upper; 0 if equal, 1 without both."""
        gap = relative_gap(self.lower, self.upper)
        return 1.0 if gap is None else gap

    def add_plan(self, lower: float | None, plan: Pair | None) -> None:
        """Keep a better plan."""
        if lower is not None and (self.lower is None or lower > self.lower):
            self.lower, self.plan = lower, plan

    def add_prices(self, upper: float | None, prices: Pair | None) -> None:
        """Keep better prices; an infinite bound is none."""
        if upper is not None and upper < (np.inf if self.upper is None else self.upper):
            self.upper, self.prices = upper, prices


@dataclass(frozen=True, eq=False)
class Result:
    """A plan, prices, and how planning ended.

    Attributes
    ----------
    ended : Ended
    x, z : ndarray or None
        Activity levels and targets of the best plan.
    p, w : ndarray or None
        Prices and rents of the best upper bound; with ``infeasible`` the proof of it.
    lower, upper : float or None
        The planner's own bounds on the optimum, if it has any.
    iterations : mapping
        Counts by name: ``rounds``, ``passes`` and others.
    state : object
        To plan a changed economy from; its ``fits(economy)`` says whether the shape is the same.
        None of a planner that always begins anew.
    ray : tuple of ndarray or None
        With ``unbounded``: activities and targets that can grow without end.
    heuristic : bool
        It stops where it stops, and claims nothing of its plan.
    status : str
        How it ended, in words; `ended` and the gap if empty.
    message : str
        Why there is no optimum, or what else is to be noted.
    method : str
        What ran; the planner's usual method if empty.
    also : str
        What ran besides.
    """

    ended: Ended
    x: FloatArray | None
    z: FloatArray | None
    p: FloatArray | None
    w: FloatArray | None
    state: Any = None
    lower: float | None = None
    upper: float | None = None
    iterations: Mapping[str, int] = field(default_factory=dict)
    ray: tuple[FloatArray, FloatArray] | None = None
    heuristic: bool = False
    status: str = ""
    message: str = ""
    method: str = ""
    also: str = ""

    @property
    def gap(self) -> float:
        """(upper − lower)/upper; 0 if equal, 1 without both bounds."""
        return Bracket(self.lower, self.upper).gap

    @property
    def rounds(self) -> int:
        """Iterations done."""
        return self.iterations["rounds"]

    @property
    def passes(self) -> int:
        """Products with the full matrix, of planners that count them."""
        return self.iterations["passes"]

    @property
    def hit_limit(self) -> bool:
        """Whether the time ran out."""
        return self.ended == "time limit"


@dataclass(frozen=True)
class Planner:
    """A planner, and how it is run as a solver.

    Attributes
    ----------
    spec : SolverSpec
    refusal : callable
        Says why an economy is outside the domain, or None.
    run : callable
        ``run(economy, prepared, options, state) -> Result`` for an economy inside the domain.
    prepare : callable
        Presolves or sets up an economy, as the phase ``load``; what it returns is handed to
        `run`.
    compile : callable or None
        Compiles every kernel, or loads it from the cache, as the phase ``compile``.
    native : tuple of str
        Those of :data:`NATIVE` it has.
    rounds : int or None
        Most iterations where no number is asked for.
    version : str
        Of the method, for the record; planbench's (and numba's) own if empty.
    """

    spec: SolverSpec
    refusal: Callable[[Economy], str | None]
    run: Callable[[Economy, Any, PlanOptions, Any], Result]
    prepare: Callable[[Economy], Any] = lambda economy: None
    compile: Callable[[], None] | None = None
    native: tuple[str, ...] = ()
    rounds: int | None = None
    version: str = ""

    def plan(
        self,
        economy: Economy,
        options: PlanOptions | None = None,
        state: Any = None,
        phase: Phase = no_phase,
    ) -> Result:
        """Plan an economy.

        Parameters
        ----------
        economy : Economy
        options : PlanOptions, optional
        state : object, optional
            Of the result for an economy with the same goods, activities and resources, to
            start from.
        phase : callable, optional
            Measures the phases ``load`` and ``solve``.

        Raises
        ------
        SolverError
            If the economy is outside the planner's domain.
        InputError
            If the state is of another shape.
        """
        self._check(economy)
        if state is not None and not state.fits(economy):
            raise InputError("is of an economy of another shape; start without it", where="state")
        # Not at the top: the list of solvers needs none of it.
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        options = options or PlanOptions()
        clock = Clock(options.time_limit)
        # BLAS would otherwise wake other threads for every short product and let them spin.
        with threadpool_limits(limits=1, user_api="blas"):
            with phase("load"):
                prepared = self.prepare(economy)
            with phase("solve"):
                left = replace(options, time_limit=clock.remaining())
                return self.run(economy, prepared, left, state)

    def solve(
        self,
        problem: LinearProgram | Economy,
        spec: SolverSpec,
        options: SolveOptions,
        phase: Phase = no_phase,
    ) -> Solution:
        """Plan as a solver's adapter; the tolerance is the certified gap asked for.

        Raises
        ------
        SolverError
            For a general linear program or an economy outside the planner's domain.
        InputError
            For an unknown native option.
        """
        if not isinstance(problem, Economy):
            raise SolverError(
                f"{self.spec.name} plans economies; for a general linear program use a general "
                "solver"
            )
        native = self._native(options)
        self._check(problem)
        if self.compile is not None:
            with phase("compile"):
                self.compile()
        asked = PlanOptions(
            tolerance=GAP if options.tolerance is None else options.tolerance,
            time_limit=options.time_limit,
            rounds=native.get("rounds", self.rounds),
            target=native.get("target"),
            report=partial(print, flush=True),
        )
        result = self.plan(problem, asked, phase=phase)
        used: dict[str, NativeValue] = {} if self.rounds is None else {"rounds": self.rounds}
        with phase("extract"):
            return self.solution(problem, result, {**used, **native})

    def _check(self, economy: Economy) -> None:
        reason = self.refusal(economy)
        if reason is not None:
            raise SolverError(f"{self.spec.name}: {reason}")

    def _native(self, options: SolveOptions) -> dict[str, Any]:
        """Read the native options.

        Raises
        ------
        InputError
            For one the planner does not have, or a value out of range.
        """
        kinds = {name: NATIVE[name] for name in self.native}
        found: dict[str, Any] = OptionTable(self.spec.name, {}, {}).native(options.native, kinds)
        for key, number in found.items():
            if not 0 < number < np.inf:
                raise InputError(f"{key} is {number:g}; give a number > 0", where="--set")
        return found

    def solution(
        self, economy: Economy, result: Result, options: Mapping[str, NativeValue] | None = None
    ) -> Solution:
        """Translate; of an infeasible or unbounded economy only the proof is handed over."""
        x = y = None
        if result.x is not None and result.z is not None:
            x = np.concatenate([result.x, result.z])
        if result.p is not None and result.w is not None:
            y = np.concatenate([-result.p, _rents(economy, result.p, result.w)])
        claim: Claim = "unknown"
        if not result.heuristic:
            reached = result.z is not None and bool(result.z.any())
            claim = CLAIMS.get(result.ended, "feasible" if reached else "unknown")
        infeasible = claim == "infeasible"
        objective = None
        if result.z is not None and claim not in ("infeasible", "unbounded"):
            objective = float(economy.weights @ result.z)
        return Solution(
            claim=claim,
            x=None if infeasible else x,
            y=None if infeasible else y,
            objective=objective,
            native_status=result.status or f"{result.ended}, gap {result.gap:.3g}",
            iterations=dict(result.iterations),
            dual_ray=y if infeasible else None,
            primal_ray=None if result.ray is None else np.concatenate(result.ray),
            hit_limit=result.hit_limit,
            version=self.version or self._own_version(),
            method_run="; ".join(filter(None, (result.method or self.spec.method, result.also))),
            threads_used=1,
            options=dict(options or {}),
            notes=(result.message,) if result.message else (),
        )

    def _own_version(self) -> str:
        from planbench.version import __version__

        if "numba" not in self.spec.packages:
            return __version__
        import numba

        return f"{__version__} (numba {numba.__version__})"


def _rents(economy: Economy, p: FloatArray, w: FloatArray) -> FloatArray:
    """Give resources there are none of rents at which nobody gains by using them.

    They cost the dual objective nothing.
    """
    none = np.flatnonzero(economy.endowment <= 0)
    if not none.size:
        return w
    use = np.asarray(economy.resource_use[none, :].sum(axis=0))
    # Whoever checks this adds up in another order.
    revenue = economy.outputs.T @ p * (1 + ROUNDING)
    gain = np.asarray(revenue - economy.inputs.T @ p - economy.resource_use.T @ w)
    pays = (gain > 0) & (use > 0)
    rents = w.copy()
    rents[none] = np.maximum(w[none], 2.0 * np.max(gain[pays] / use[pays], initial=0.0))
    return rents


def lazily(module: str, name: str) -> Callable[..., Any]:
    """Return a function of a module that is imported when it is called.

    The list of solvers must not import numba.
    """
    return lambda *given: getattr(import_module(module), name)(*given)


def to_unit_value(economy: Economy, p: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Scale prices to the objective's units: every target is worth at least its weight.

    A heuristic's prices are only relative. They are returned as they are where a target is
    worth nothing.
    """
    worth = np.asarray(economy.assortment.T @ p)
    if not (np.isfinite(worth).all() and (worth > 0).all()):
        return p, w
    scale = float(np.max(economy.weights / worth))
    return p * scale, w * scale


def tiny_economy(*, byproducts: bool = False) -> Economy:
    """Six goods, twelve activities, two targets, to compile with.

    With `byproducts` there are also a capacity, a stock and a good that is only a by-product.
    """
    rng = np.random.default_rng(6)
    n, m = 6, 12
    inputs = 0.08 * rng.random((n, m))
    outputs = np.zeros((n, m))
    outputs[np.arange(m) % n, np.arange(m)] = 1.0
    general: dict[str, Any] = {}
    if byproducts:
        outputs[n - 1] = 0.02
        capacity = np.full(m, np.inf)
        capacity[0] = 0.01
        general = {"capacity": capacity, "fixed_demand": np.where(np.arange(n) == 1, -0.01, 0.0)}
    return make_economy(
        inputs=inputs,
        outputs=outputs,
        resource_use=rng.uniform(0.5, 1.0, (2, m)),
        endowment=np.ones(2),
        assortment=rng.uniform(0.5, 1.0, (n, 2)),
        **general,
    )
