"""Planbench from Python: load or make an economy, plan it, certify a plan, compare solvers.

>>> import planbench as pb
>>> economy = pb.load("us-bea-71")
>>> result = pb.solve(economy, solver="highs-ds")
>>> result.verdict
'certified'
>>> result.prices.nlargest(3)                                               # doctest: +SKIP

Everything here is available as ``planbench.NAME`` and is imported when it is first used. What is
wrong with an input is raised as an :class:`~planbench.InputError` whose message is one line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from planbench.bench.request import Conditions, make_request
from planbench.bench.single import RunOutcome, options_by_solver, run_grid, solve_once
from planbench.catalogue.instance import Instance
from planbench.catalogue.resolve import instance_of, load_instance
from planbench.certificates import Certificate, certify_plan
from planbench.certificates import certify as certify_answer
from planbench.errors import InputError, PlanbenchError, SolverError, SolverUnavailableError
from planbench.io.plan_file import read_plan
from planbench.measure.memory import default_limit
from planbench.model import Economy, LinearProgram, Plan, make_economy, make_linear_program
from planbench.model.arrays import FloatArray
from planbench.model.plan import LpPoint
from planbench.records.flat import to_frame
from planbench.records.not_run import NotRun
from planbench.records.schema import Record
from planbench.records.store import read_records
from planbench.solvers.base import NativeValue, SolveOptions
from planbench.solvers.registry import available_solvers, choose_solver

__all__ = [
    "Bracket",
    "Certificate",
    "Comparison",
    "Economy",
    "InputError",
    "Instance",
    "LinearProgram",
    "LpPoint",
    "Plan",
    "PlanbenchError",
    "Record",
    "Result",
    "SolverError",
    "SolverUnavailableError",
    "certify",
    "compare",
    "generate",
    "load",
    "make_economy",
    "make_linear_program",
    "read_results",
    "run_suite",
    "solve",
]

#: What can be solved: a name, path or recipe as on the command line, or the thing itself.
Problem: TypeAlias = str | os.PathLike[str] | Economy | LinearProgram | Instance

#: Name, recipe and known optimum of what was loaded, as long as it lives. Nothing in an entry
#: refers to its key, which would otherwise be kept for ever.
_loaded: WeakKeyDictionary[Economy | LinearProgram, Instance] = WeakKeyDictionary()


class Bracket(NamedTuple):
    """Proven bounds on the optimum, in units of the objective; None: no bound.

    Attributes
    ----------
    lower, upper : float or None
    """

    lower: float | None
    upper: float | None


class Result(RunOutcome):
    """What :func:`solve` gives back.

    Attributes
    ----------
    instance : Instance
        What was solved, with its name and, where known, its optimum.
    record : Record
        The measurement, as a row of a results file.
    certificate : Certificate or None
        None when the solver handed back nothing to judge.
    solution : Solution or None
        What the solver handed back, translated but not judged.
    plan : Plan or None
        Activity and target levels with prices and rents; None for a general linear program, or
        without an answer.
    x : ndarray, shape (columns,) or None
        Columns of the linear program.
    row_duals : ndarray, shape (rows,) or None
        ∂(optimal objective)/∂(right-hand side), in the stated sense.
    log : str
        What the solver printed, at most the last 4 MiB.
    """

    @property
    def verdict(self) -> str | None:
        """Verdict of the certificate, e.g. ``certified``; None without an answer."""
        return self.record.verdict

    @property
    def bracket(self) -> Bracket:
        """Proven bounds on the optimum."""
        return Bracket(self.record.lower_bound, self.record.upper_bound)

    @property
    def prices(self) -> pd.Series | None:
        """Prices of the goods by name, units of objective per unit; row duals for a general LP.

        None where the solver gave no prices.
        """
        economy = self.instance.economy
        if economy is None:
            if self.row_duals is None:
                return None
            lp = self.instance.lp
            return pd.Series(self.row_duals, _labels(lp.row, lp.n_rows, "row"), name="dual")
        if self.plan is None or self.plan.p is None:
            return None
        return pd.Series(self.plan.p, _labels(economy.good, economy.n_goods, "good"), name="price")

    def to_frame(self) -> pd.DataFrame:
        """Amounts and prices of everything in the plan, indexed by kind and name.

        Returns
        -------
        pandas.DataFrame
            For an economy, with the columns ``amount``, ``limit``, ``price`` and ``value``
            (amount × price); NaN where there is none or it is not known:

            ============ ==================== ============ ==============================
            kind         amount               limit        price
            ============ ==================== ============ ==============================
            ``good``     gross output                      price
            ``activity`` level                capacity     rent of the capacity
            ``resource`` use                  endowment    rent
            ``target``   units delivered                   weight in the objective
            ============ ==================== ============ ==============================

            For a general linear program ``column`` and ``row``, with ``amount`` (value, row
            activity), ``lower``, ``upper`` and ``dual`` (reduced cost, row dual).

        Raises
        ------
        SolverError
            When the solver handed back no plan.
        """
        if self.instance.economy is not None and self.plan is not None:
            return _frame_of_plan(self.instance.economy, self.plan)
        if self.x is not None and self.instance.economy is None:
            return _frame_of_point(self.instance.lp, self.x, self.row_duals)
        why = self.record.message or self.record.native_status or self.record.ended
        raise SolverError(f"{self.record.solver} handed back no plan: {why}")


@dataclass(frozen=True, eq=False)
class Comparison:
    """What :func:`compare` and :func:`run_suite` give back.

    Attributes
    ----------
    records : tuple of Record
        A measurement each.
    findings : tuple of str
        Wrong answers, disagreements and crashes, a line each; empty when all is well.
    not_run : tuple of NotRun
        What a suite was to measure and did not, with reasons.
    """

    records: tuple[Record, ...]
    findings: tuple[str, ...]
    not_run: tuple[NotRun, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return the measurements, a row each, with columns as in :func:`read_results`."""
        return to_frame(self.records)


def load(problem: Problem, *, relax: bool = False) -> Economy | LinearProgram:
    """Load an economy or a linear program.

    Parameters
    ----------
    problem : str or path
        A built-in name (``us-bea-71``; ``planbench instances`` lists them), a recipe
        (``gen:goods=1000,seed=1``), or a file or folder, as on the command line.
    relax : bool
        Read integer variables of MPS and LP files as continuous instead of refusing them.

    Returns
    -------
    Economy or LinearProgram
        Functions of this module know it by the name it was loaded under.

    Raises
    ------
    InputError
        When nothing has that name, or it cannot be used.
    """
    instance = _instance(problem, relax=relax)
    return instance.economy if instance.economy is not None else instance.lp


def generate(**knobs: Any) -> Economy:
    """Generate an economy; the same knobs give the same economy, bit for bit.

    Parameters
    ----------
    **knobs
        Fields of a recipe, such as ``goods``, ``structure``, ``techniques``, ``resources`` and
        ``seed``: docs/generators.md.

    Raises
    ------
    InputError
        On an unknown knob or a value out of range.
    """
    from planbench.generators.recipe import make_recipe

    recipe = make_recipe(knobs)
    economy = load(f"gen:{recipe.canonical()}")
    assert isinstance(economy, Economy)
    return economy


def solve(
    problem: Problem,
    solver: str = "highs-ipm",
    *,
    tolerance: float | None = None,
    threads: int | None = None,
    seed: int | None = None,
    native: Mapping[str, NativeValue] | None = None,
    time_limit: float = 600.0,
    memory_limit: int | None = None,
    polish: bool = True,
    in_process: bool = False,
) -> Result:
    """Compute a plan with one solver and certify it.

    The solver runs in a process of its own, as on the command line: its time, memory and threads
    are measured, and limits are enforced. With ``in_process=True`` it runs in this one, which
    starts at once but measures times alone, enforces no memory limit, leaves the time limit to
    the solver, and dies with a solver that crashes; the record says so.

    Parameters
    ----------
    problem : str, path, Economy, LinearProgram or Instance
    solver : str
        ``NAME``, ``NAME:stock`` or ``cmd:'…'``; ``planbench solvers`` lists them.
    tolerance : float, optional
        The solver's own tolerance; its configuration's if not given.
    threads : int, optional
        One if not given.
    seed : int, optional
    native : mapping, optional
        The solver's own options by name.
    time_limit : float
        Wall seconds.
    memory_limit : int, optional
        Bytes; four fifths of the memory free now if not given.
    polish : bool
        Also compute the polished gap.
    in_process : bool

    Returns
    -------
    Result
        Also where the solver was stopped at a limit or crashed: ``result.record.ended`` says so.

    Raises
    ------
    InputError
        Unknown problem, solver or option, or an impossible limit.
    SolverUnavailableError
        The solver cannot run here; the message says what to install.
    SolverError
        The solver refused to run.
    """
    asked = SolveOptions(tolerance, threads, None, seed, dict(native or {}))
    # A solver's name is looked up before the problem, which may take long to load.
    chosen = choose_solver(solver, in_process=in_process)
    chosen.options(asked)
    instance = _instance(problem)
    conditions = _conditions(time_limit, memory_limit, polish, in_process)
    outcome = solve_once(make_request(instance, chosen, asked, conditions))
    if outcome.record.ended == "refused":
        raise SolverError(outcome.record.message or f"{solver} refused to run")
    return Result(**vars(outcome))


def certify(
    problem: Problem,
    plan: Plan | LpPoint | Result | str | os.PathLike[str],
    *,
    tolerance: float = 1e-6,
    polish: bool = True,
    known: tuple[float | None, float | None] = (None, None),
) -> Certificate:
    """Judge a plan made by anyone, from the problem alone.

    Parameters
    ----------
    problem : str, path, Economy, LinearProgram or Instance
    plan : Plan, LpPoint, Result or path
        For an economy a :class:`Plan`; for a linear program an :class:`LpPoint` (``x`` and, where
        known, ``y``); or a plan file. Prices in it are used for the bound, not trusted.
    tolerance : float
        Up to which the verdict is ``certified``, in (0, 1): scaled violations, and the relative
        distance from the optimum.
    polish : bool
        Also compute the polished gap.
    known : Bracket or tuple of (float or None, float or None)
        Proven bounds from elsewhere, such as ``result.bracket``: a plan without prices proves no
        upper bound itself.

    Returns
    -------
    Certificate
        With verdicts on plan and prices, bounds on the optimum, gaps and residuals.

    Raises
    ------
    InputError
        When the problem or the plan cannot be read, or do not belong together.
    """
    if not 0 < tolerance < 1:
        raise InputError(f"is {tolerance:g}; give a number between 0 and 1", where="tolerance")
    instance = _instance(problem)
    economy, lp = instance.economy, instance.lp
    if isinstance(plan, Result):
        if plan.x is None:
            raise InputError("holds no plan", where="the result")
        plan = plan.plan or LpPoint(plan.x, plan.row_duals)
    if isinstance(plan, str | os.PathLike):
        plan = read_plan(plan, economy) if economy is not None else read_plan(plan, lp)
    if economy is not None and isinstance(plan, Plan):
        _check_sizes(
            {
                "x": (plan.x, economy.n_activities),
                "z": (plan.z, economy.n_targets),
                "p": (plan.p, economy.n_goods),
                "w": (plan.w, economy.n_resources),
            }
        )
        return certify_plan(economy, plan, tolerance=tolerance, polish=polish, known=known, lp=lp)
    if economy is None and isinstance(plan, LpPoint):
        _check_sizes({"x": (plan.x, lp.n_cols), "y": (plan.y, lp.n_rows)})
        return certify_answer(
            lp,
            None,
            replace(plan, claim="feasible"),
            tolerance=tolerance,
            polish=polish,
            known=known,
            delivers=True,
        )
    wanted = "Plan" if economy is not None else "LpPoint"
    raise InputError(f"is {type(plan).__name__}; give a {wanted} or a plan file", where="plan")


def compare(
    problems: Problem | Sequence[Problem],
    solvers: str | Sequence[str] = "all",
    *,
    tolerance: float | None = None,
    threads: int | None = None,
    seed: int | None = None,
    time_limit: float = 60.0,
    memory_limit: int | None = None,
    repeats: int = 1,
    polish: bool = True,
    in_process: bool = False,
    progress: Callable[[str, str, str], None] | None = None,
) -> Comparison:
    """Run several solvers on the same problems.

    Parameters
    ----------
    problems : one or a sequence of str, path, Economy, LinearProgram or Instance
    solvers : str or sequence of str
        ``all`` is every solver available here. A solver without the tolerance, threads or seed
        asked for runs without.
    tolerance, threads, seed, time_limit, memory_limit, polish, in_process
        As in :func:`solve`, for each run.
    repeats : int
        Runs of each.
    progress : callable, optional
        Called with solver, name of the problem, and phase.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError, SolverUnavailableError
        As :func:`solve`.
    """
    if repeats < 1:
        raise InputError(f"is {repeats}; give at least 1", where="repeats")
    named = [solvers] if isinstance(solvers, str) else solvers
    chosen = available_solvers(named, in_process=in_process)
    given, _ = options_by_solver(chosen, SolveOptions(tolerance, threads, None, seed))
    one = isinstance(problems, str | os.PathLike | Economy | LinearProgram | Instance)
    listed: Sequence[Any] = [problems] if one else list(problems)  # type: ignore[arg-type]
    instances = {found.sha256: found for found in map(_instance, listed)}
    records = run_grid(
        list(instances.values()),
        given,
        _conditions(time_limit, memory_limit, polish, in_process),
        repeats=repeats,
        progress=progress,
    )
    return _comparison(list(records))


def run_suite(
    suite: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    solvers: Sequence[str] | None = None,
    budget: float | None = None,
    resume: bool = True,
) -> Comparison:
    """Run a suite; every measurement is appended to the results file as it completes.

    Parameters
    ----------
    suite : str or path
        A name (``planbench suites`` lists them) or a ``.toml`` file.
    out : path
        Results file, ``.jsonl``; the same call carries on where it stopped.
    solvers : sequence of str, optional
        Only these, instead of the suite's.
    budget : float, optional
        Seconds after which no run begins; the suite's own if not given.
    resume : bool
        False measures everything again.

    Returns
    -------
    Comparison
        All measurements of the suite in the file, also earlier ones.

    Raises
    ------
    InputError
        Unknown suite or solver, or a results file that cannot be used.
    KeyboardInterrupt
        What was measured is kept in the file.
    """
    from planbench.bench.runner import run_suite as run
    from planbench.bench.suite import load_suite

    chosen = load_suite(os.fspath(suite))
    path = Path(out)
    if path.suffix != ".jsonl":
        raise InputError("the name of a results file ends in .jsonl", where=str(path))
    summary = run(
        chosen,
        path,
        resume=resume,
        solvers=None if solvers is None else available_solvers(solvers),
        budget_s=budget,
    )
    mine = [record for record in read_records(path) if record.suite == chosen.name]
    return _comparison(mine, summary.left_out)


def read_results(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a results file into a frame, a row per measurement.

    Parameters
    ----------
    path : path
        ``.jsonl``, as ``planbench bench`` and :func:`run_suite` write it.

    Returns
    -------
    pandas.DataFrame
        Columns are the fields of docs/records.md, nested ones as ``outer_inner``
        (``instance_goods``), phases as ``phase_NAME_wall_s``. Types do not depend on what is in
        the file: whole numbers ``Int64``, others ``float64``, text ``string``.

    Raises
    ------
    InputError
        When the file cannot be read or a row is no record; names file and line.
    """
    return to_frame(read_records(Path(path)))


def _conditions(
    time_limit: float, memory_limit: int | None, polish: bool, in_process: bool
) -> Conditions:
    return Conditions(
        time_limit_s=time_limit,
        memory_limit_bytes=default_limit() if memory_limit is None else memory_limit,
        polish=polish,
        in_process=in_process,
    )


def _instance(problem: Problem, *, relax: bool = False) -> Instance:
    """Return `problem` as an instance; what was loaded before keeps its name and recipe."""
    if isinstance(problem, Instance):
        return problem
    if isinstance(problem, str | os.PathLike):
        try:
            found = load_instance(os.fspath(problem), relax=relax)
        except MemoryError:
            raise InputError("does not fit into memory", where=os.fspath(problem)) from None
        key = found.economy if found.economy is not None else found.lp
        _loaded[key] = replace(found, economy=None, general=None)
        return found
    if not isinstance(problem, Economy | LinearProgram):
        raise InputError(
            f"{type(problem).__name__} is no problem; give a name, a path, a recipe, an Economy or "
            "a LinearProgram"
        )
    known = _loaded.get(problem)
    if known is None:
        return instance_of(problem)
    if isinstance(problem, Economy):
        return replace(known, economy=problem)
    return replace(known, general=problem)


def _comparison(records: Sequence[Record], not_run: Sequence[NotRun] = ()) -> Comparison:
    from planbench.report.headline import find_findings

    found = find_findings(records) if records else []
    return Comparison(tuple(records), tuple(found), tuple(not_run))


def _check_sizes(parts: Mapping[str, tuple[FloatArray | None, int]]) -> None:
    for name, (values, size) in parts.items():
        if values is not None and np.shape(values) != (size,):
            raise InputError(
                f"has shape {np.shape(values)}, this problem needs ({size},)", where=f"plan.{name}"
            )


def _labels(label: Callable[[int], str], size: int, kind: str) -> pd.Index:
    return pd.Index([label(i) for i in range(size)], name=kind)


def _frame(parts: Mapping[str, tuple[pd.Index, dict[str, Any]]]) -> pd.DataFrame:
    return pd.concat(
        {kind: pd.DataFrame(values, index) for kind, (index, values) in parts.items()},
        names=["kind", "name"],
    )


def _frame_of_plan(economy: Economy, plan: Plan) -> pd.DataFrame:
    n, m = economy.n_goods, economy.n_activities
    k, t = economy.n_resources, economy.n_targets

    def known(prices: FloatArray | None) -> FloatArray | float:
        return np.nan if prices is None else prices

    def rows(
        amount: FloatArray, limit: FloatArray | float, price: FloatArray | float
    ) -> dict[str, Any]:
        return {"amount": amount, "limit": limit, "price": price, "value": amount * price}

    return _frame(
        {
            "good": (
                _labels(economy.good, n, "name"),
                rows(np.asarray(economy.outputs @ plan.x), np.nan, known(plan.p)),
            ),
            "activity": (
                _labels(economy.activity, m, "name"),
                rows(plan.x, economy.capacity, known(plan.v)),
            ),
            "resource": (
                _labels(economy.resource, k, "name"),
                rows(np.asarray(economy.resource_use @ plan.x), economy.endowment, known(plan.w)),
            ),
            "target": (_labels(economy.target, t, "name"), rows(plan.z, np.nan, economy.weights)),
        }
    )


def _frame_of_point(lp: LinearProgram, x: FloatArray, y: FloatArray | None) -> pd.DataFrame:
    reduced = np.nan if y is None else lp.cost - np.asarray(lp.matrix.T @ y)
    return _frame(
        {
            "column": (
                _labels(lp.column, lp.n_cols, "name"),
                {"amount": x, "lower": lp.col_lower, "upper": lp.col_upper, "dual": reduced},
            ),
            "row": (
                _labels(lp.row, lp.n_rows, "name"),
                {
                    "amount": np.asarray(lp.matrix @ x),
                    "lower": lp.row_lower,
                    "upper": lp.row_upper,
                    "dual": np.nan if y is None else y,
                },
            ),
        }
    )
