"""The conformance kit: whether an adapter translates its solver rightly.

Each adapter, third-party ones too, is run on problems with known answers, in a process of its
own (solver libraries clash, and a crash must not take the others with it)::

    python -m planbench.solvers.conformance highs-ds

**Solvers** are handed linear programs. Exact ones must claim the right thing and return the unique
point and duals; first-order ones are held to a looser tolerance and may leave an infeasible or
unbounded program open, but may never claim what is wrong.

**Planners** are handed the economy itself. A planner may refuse what it was not made for, with the
reason; what it accepts must come back right. The bounds of its answers are drawn by the
certificate, never taken from it. Its module may have two more functions than ``solve``, checked
where they are there:

- ``refusal(economy) -> str | None`` says beforehand why an economy would be refused;
- ``replan(economy, spec, options, state=None) -> (solution, state)`` plans from the state of an
  old plan and hands back the new state.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from planbench.certificates import certify
from planbench.certificates.certificate import Certificate
from planbench.errors import InputError, PlanbenchError, SolverCrashError, SolverError
from planbench.io.scratch import scratch_folder
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.model.planning_lp import to_linear_program
from planbench.solvers.base import (
    OPTION_NAMES,
    Phase,
    Solution,
    SolveFunction,
    SolveOptions,
    SolverSpec,
    no_phase,
)
from planbench.solvers.common import proves_infeasible
from planbench.solvers.conformance_cases import (
    EconomyCase,
    ProgramCase,
    economy_cases,
    optimum_of,
    program_cases,
    random_economy,
    ring,
    with_changed_endowments,
)
from planbench.solvers.environments import cache_folder, own_source
from planbench.solvers.logs import captured_stdout
from planbench.solvers.programs import ending
from planbench.solvers.registry import (
    check_options,
    find_solver,
    load_adapter,
    own_environment,
    require_runnable,
)
from planbench.supervised import run_supervised

#: Relative error allowed to exact solvers (CBC's text file has 8 digits) and to the others.
EXACT_ERROR, LOOSE_ERROR = 1e-6, 1e-4
#: Certified gap asked of planners, and relative error allowed to the optimum it is held against.
GAP, ORACLE_ERROR = 1e-5, 1e-7
#: Seconds for each program (HiPDLP needs all of it where there is no optimum) and each economy.
PROGRAM_LIMIT, ECONOMY_LIMIT = 2.0, 10.0
#: Seconds after its time limit by which a planner must be done, and that limit.
GRACE, SHORT_LIMIT = 5.0, 0.2
#: The lines in which a planner may report its bounds as it goes.
BOUNDS = re.compile(r"^round (\d+): lower (\S+), upper (\S+?),", re.MULTILINE)


class _WrongError(Exception):
    """What is wrong, in one line."""


@dataclass(frozen=True)
class CheckResult:
    """What one check of one adapter found.

    Attributes
    ----------
    solver : str
        Name as it was asked for.
    check : str
        Name of the case or check.
    passed : bool
    message : str
        What is wrong, or a remark; one line.
    """

    solver: str
    check: str
    passed: bool
    message: str = ""


@dataclass(frozen=True)
class Adapter:
    """The adapter under test.

    Attributes
    ----------
    name : str
        As it was asked for.
    spec : SolverSpec
    solve : callable
    stock : bool
        In its stock configuration.
    command : str or None
        Of ``cmd:``.
    must_solve : bool
        Fail it where it claims nothing of a problem with an optimum.
    accepted : list of EconomyCase
        Economies that a planner has not refused, as they are found.
    """

    name: str
    spec: SolverSpec
    solve: SolveFunction
    stock: bool = False
    command: str | None = None
    must_solve: bool = True
    accepted: list[EconomyCase] = field(default_factory=list)

    @property
    def plans(self) -> bool:
        """Whether it is handed economies."""
        return self.spec.accepts == "economy"

    def optional(self, function: str) -> Callable[..., Any] | None:
        """Return a function that its module need not have, if it has it."""
        found: Callable[..., Any] | None
        found = getattr(importlib.import_module(self.spec.module), function, None)
        return found

    def refusal(self, economy: Economy) -> str | None:
        """Why it says beforehand that it would refuse `economy`, if it does."""
        refusal = self.optional("refusal")
        return None if refusal is None else refusal(economy)

    def options(self, asked: SolveOptions | None = None) -> SolveOptions:
        """Options with as much of what is asked as the adapter has."""
        asked, takes = asked or SolveOptions(tolerance=GAP if self.plans else None), self.spec.takes
        limit = asked.time_limit or (ECONOMY_LIMIT if self.plans else PROGRAM_LIMIT)
        return replace(
            asked,
            tolerance=asked.tolerance if "tolerance" in takes else None,
            time_limit=limit if "time_limit" in takes else None,
            stock=self.stock,
            command=self.command,
        )

    def run(
        self,
        problem: LinearProgram | Economy,
        asked: SolveOptions | None = None,
        phase: Phase = no_phase,
    ) -> Solution:
        """Solve; a refusal escapes as the error it is."""
        return self.solve(problem, self.spec, self.options(asked), phase)

    def sample(self) -> LinearProgram | Economy:
        """Problem to check options on."""
        return _first_accepted(self) if self.plans else ring(20).lp


#: A check returns a remark, or nothing, and raises :class:`_WrongError`.
Check = Callable[[Adapter], str | None]


def check_adapter(
    name: str, *, must_solve: bool = True, timeout: float = 180.0
) -> list[CheckResult]:
    """Run every check on the solver `name` in a process of its own.

    Parameters
    ----------
    name : str
        As on the command line: ``NAME``, ``NAME:stock`` or ``cmd:…``.
    must_solve : bool
        Fail an adapter that claims nothing of a problem with an optimum.
    timeout : float
        Seconds for all checks together.

    Returns
    -------
    list of CheckResult
        One per check, passed or not; a process that dies or hangs is a failed check.

    Raises
    ------
    InputError, SolverUnavailableError
        If there is no such solver, or it cannot run here.
    """
    spec, _, _ = find_solver(name)
    require_runnable(spec)
    with scratch_folder() as folder:
        path = Path(folder) / "results.jsonl"
        arguments = [name, "--write", str(path), *([] if must_solve else ["--may-decline"])]
        command, environment = _worker(spec, arguments)
        how, log = "", ""
        try:
            ended = run_supervised(command, timeout_s=timeout, env=environment)
            log = ended.stderr or ended.stdout
            if ended.returncode not in (0, 1):
                how = f"the process {ending(ended.returncode)}"
        except subprocess.TimeoutExpired:
            how = f"not done after {timeout:g} s"
        lines = path.read_text().splitlines() if path.exists() else []
    results, running = [], "start"
    for line in lines:
        row = json.loads(line)
        if "begins" in row:
            running = row["begins"]
        else:
            results.append(CheckResult(**row))
            running = ""
    if how or (not results):
        last = log.strip().splitlines()[-1:] or [""]
        results.append(CheckResult(name, running or "end", False, f"{how}: {last[0]}"))
    return results


def _worker(spec: SolverSpec, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Command that checks a solver in the environment it runs in, and variables for it."""
    own = own_environment(spec)
    python = sys.executable if own is None else own.python
    source = {} if own is None else {"PYTHONPATH": str(own_source(cache_folder()))}
    command = [python, "-m", "planbench.solvers.conformance", *arguments]
    return command, {**os.environ, **source}


def check_here(name: str, *, must_solve: bool = True) -> Iterator[str | CheckResult]:
    """Run every check in this process; yields the name of each check, then its result."""
    spec, stock, command = find_solver(name)
    yield from run_checks(Adapter(name, spec, load_adapter(spec), stock, command, must_solve))


def run_checks(adapter: Adapter) -> Iterator[str | CheckResult]:
    """Run every check on `adapter`; yields the name of each check, then its result."""
    checks: dict[str, Check] = {}
    if adapter.plans:
        checks |= {case.name: partial(_check_economy, case) for case in economy_cases()}
        checks |= _PLANNER_CHECKS
    else:
        checks |= {case.name: partial(_check_program, case) for case in program_cases()}
    for name, check in (checks | _OPTION_CHECKS).items():
        if adapter.plans and check is _options_recorded:
            continue  # a planner must meet its tolerance, which says more than recording it
        yield name
        passed, message = True, ""
        try:
            message = check(adapter) or ""
        except _WrongError as wrong:
            passed, message = False, str(wrong)
        except Exception as error:  # whatever a third-party adapter raises is a result
            passed, message = False, f"{type(error).__name__}: {error}"
        yield CheckResult(adapter.name, name, passed, message)


# -- linear programs -------------------------------------------------------------------------


def _check_program(case: ProgramCase, adapter: Adapter) -> str | None:
    try:
        problem = _wrong(case, adapter.run(case.lp), adapter)
    except SolverCrashError as error:
        problem = f"crashed: {error}"
    except SolverError as error:
        problem = "" if case.may_refuse else f"refused: {error}"
    except PlanbenchError as error:
        problem = f"refused: {error}"
    if problem and adapter.stock and case.may_refuse:
        return f"stock configuration: {problem}"
    if problem:
        raise _WrongError(problem)
    return None


def _wrong(case: ProgramCase, solution: Solution, adapter: Adapter) -> str:
    """Say what is wrong with `solution`, or an empty string."""
    exact = adapter.spec.exact
    _check_shapes(case.lp, solution)
    silent = solution.claim in ("unknown", "feasible")
    if silent and (not adapter.must_solve or (not exact and case.x is None)):
        return ""
    if solution.claim not in case.claims:
        return f"claims {solution.claim} ({solution.native_status}), right is {_any(case.claims)}"
    ray = _wrong_ray(case, solution)
    if ray or case.x is None or case.y is None or case.objective is None:
        return ray
    error = EXACT_ERROR if exact else LOOSE_ERROR
    if solution.x is None or solution.objective is None:
        return "claims optimal but returns no point or no objective"
    if solution.y is None:
        return "claims optimal but returns no row duals" if exact else ""
    for what, have, want in (
        ("x", solution.x, case.x),
        ("row duals", solution.y, case.y),
        ("objective", np.array([solution.objective]), np.array([case.objective])),
    ):
        if not _close(have, want, error):
            return f"{what} {_short(have)}, right is {_short(want)}"
    return ""


def _wrong_ray(case: ProgramCase, solution: Solution) -> str:
    lp = case.lp
    if (
        solution.claim == "infeasible"
        and solution.dual_ray is not None
        and not proves_infeasible(lp, solution.dual_ray, 1e-6)
    ):
        return f"its dual ray {_short(solution.dual_ray)} proves nothing"
    if solution.claim == "unbounded" and solution.primal_ray is not None:
        ray = solution.primal_ray / max(np.abs(solution.primal_ray).max(), 1e-300)
        move = lp.matrix @ ray
        gain = float(lp.cost @ ray) * (1 if lp.maximise else -1)
        leaves = (
            (np.isfinite(lp.row_lower) & (move < -1e-6)).any()
            or (np.isfinite(lp.row_upper) & (move > 1e-6)).any()
            or (np.isfinite(lp.col_lower) & (ray < -1e-6)).any()
            or (np.isfinite(lp.col_upper) & (ray > 1e-6)).any()
        )
        if leaves or gain <= 1e-6:
            return f"its primal ray {_short(ray)} proves nothing"
    return ""


def _close(have: FloatArray, want: FloatArray, error: float) -> bool:
    scale = 1.0 + np.abs(want).max(initial=0.0)
    return bool(np.isfinite(have).all() and np.abs(have - want).max(initial=0.0) <= error * scale)


def _short(vector: FloatArray) -> str:
    return np.array2string(vector, precision=6, threshold=8, separator=", ").replace("\n", "")


def _any(claims: frozenset[str]) -> str:
    return " or ".join(sorted(claims))


def _check_shapes(lp: LinearProgram, solution: Solution) -> None:
    for what, vector, size in (
        ("x", solution.x, lp.n_cols),
        ("y", solution.y, lp.n_rows),
        ("primal_ray", solution.primal_ray, lp.n_cols),
        ("dual_ray", solution.dual_ray, lp.n_rows),
    ):
        if vector is not None and (vector.shape != (size,) or vector.dtype != np.float64):
            raise _WrongError(f"{what} has shape {vector.shape} and type {vector.dtype}")


# -- economies -------------------------------------------------------------------------------


def _check_economy(case: EconomyCase, adapter: Adapter) -> None:
    before = _fingerprint(case.economy)
    solved: list[str] = []

    def phase(name: str) -> Any:
        solved.append(name)
        return no_phase(name)

    foretold = adapter.refusal(case.economy)
    try:
        with captured_stdout() as log:
            solution = adapter.run(case.economy, phase=phase)
    except PlanbenchError as error:
        if not str(error).strip():
            raise _WrongError("refuses without a reason") from None
        if case.ends != "optimum":
            return  # that there is no optimum may only show in planning
        if adapter.optional("refusal") is not None and foretold is None:
            raise _WrongError(f"refuses what its refusal() lets through: {error}") from None
        if "solve" in solved:
            raise _WrongError(f"refuses only after planning: {error}") from None
        return
    if foretold is not None:
        raise _WrongError(f"plans what its refusal() refuses: {foretold}")
    if _fingerprint(case.economy) != before:
        raise _WrongError("changes the economy it is handed")
    adapter.accepted.append(case)
    certificate = _judged(adapter, case.economy, solution)
    if case.ends != "optimum":
        if solution.claim == "optimal":
            raise _WrongError(f"claims an optimum of an economy that is {case.ends}")
        if adapter.must_solve and "tolerance" in adapter.spec.takes and solution.claim != case.ends:
            raise _WrongError(f"claims {solution.claim}, right is {case.ends}")
        return
    optimum = optimum_of(case.economy)
    _holds(certificate, optimum)
    _closes(adapter, solution, certificate, must=adapter.must_solve)
    _reported(log.text, optimum)


def _judged(adapter: Adapter, economy: Economy, solution: Solution) -> Certificate:
    """Draw the bracket of an answer; what is claimed must not be wrong."""
    lp = to_linear_program(economy)
    _check_shapes(lp, solution)
    if solution.claim == "optimal" and (solution.x is None or solution.y is None):
        raise _WrongError("claims optimal without a plan or without prices")
    tolerance = adapter.options().tolerance or 0.0
    certificate = certify(lp, economy, solution, claim_tolerance=tolerance, polish=False)
    if certificate.verdict == "wrong":
        raise _WrongError(f"the certificate finds it wrong: {'; '.join(certificate.reasons)}")
    return certificate


def _holds(certificate: Certificate, optimum: float) -> None:
    slack = ORACLE_ERROR * max(abs(optimum), 1e-6)
    lower, upper = certificate.lower_bound, certificate.upper_bound
    if (lower is not None and lower > optimum + slack) or (
        upper is not None and upper < optimum - slack
    ):
        raise _WrongError(f"certified bounds {lower} to {upper} miss the optimum {optimum:.9g}")


def _closes(
    adapter: Adapter, solution: Solution, certificate: Certificate, *, must: bool = True
) -> None:
    """Hold a planner that takes a tolerance to it: its bracket is as narrow, or not claimed."""
    asked = adapter.options().tolerance
    gap = certificate.raw_gap
    met = asked is not None and gap is not None and gap <= asked * 1.001
    if asked is not None and solution.claim == "optimal" and not met:
        raise _WrongError(f"claims a gap of {asked:g}, the certificate finds {gap}")
    if asked is not None and must and not met:
        raise _WrongError(
            f"ends {solution.native_status!r} at a certified gap of {gap}, not {asked:g}"
        )


def _reported(log: str, optimum: float) -> None:
    """Bounds reported on the way must hold and must never get worse."""
    slack = ORACLE_ERROR * max(abs(optimum), 1e-6)
    last = -np.inf, np.inf
    for number, *texts in BOUNDS.findall(log):
        try:
            reported = [None if text == "none" else float(text) for text in texts]
        except ValueError:
            raise _WrongError(f"round {number} reports bounds {texts[0]} and {texts[1]}") from None
        lower = -np.inf if reported[0] is None else reported[0]
        upper = np.inf if reported[1] is None else reported[1]
        if lower > optimum + slack or upper < optimum - slack:
            raise _WrongError(
                f"round {number} reports {lower} to {upper}; the optimum is {optimum:.9g}"
            )
        if lower < last[0] - slack or upper > last[1] + slack:
            raise _WrongError(f"bounds get worse in round {number}: {last} to {(lower, upper)}")
        last = lower, upper


def _first_accepted(adapter: Adapter) -> Economy:
    """Return the largest accepted case that has an optimum above 0."""
    names = ("nothing can be made",)
    fit = [c.economy for c in adapter.accepted if c.ends == "optimum" and c.name not in names]
    if not fit:
        raise _WrongError("accepts none of the economies of this kit")
    return max(fit, key=lambda economy: economy.nnz)


def _general_refused(adapter: Adapter) -> None:
    try:
        adapter.solve(ring(5).lp, adapter.spec, adapter.options(), no_phase)
    except PlanbenchError:
        return
    raise _WrongError("a general linear program is let through")


def _something_accepted(adapter: Adapter) -> None:
    _first_accepted(adapter)


def _same_twice(adapter: Adapter) -> None:
    for case in adapter.accepted:
        first, second = adapter.run(case.economy), adapter.run(case.economy)
        if first.hit_limit or second.hit_limit:
            continue
        if dict(first.iterations) != dict(second.iterations):
            raise _WrongError(
                f"{case.name}: {dict(first.iterations)}, then {dict(second.iterations)}"
            )
        for what in ("x", "y"):
            if not _equal(getattr(first, what), getattr(second, what)):
                raise _WrongError(f"{case.name}: {what} differs from run to run")


def _equal(first: FloatArray | None, second: FloatArray | None) -> bool:
    if first is None or second is None:
        return first is second
    return bool(np.array_equal(first, second))


def _time_limit(adapter: Adapter) -> None:
    if "time_limit" not in adapter.spec.takes:
        return
    _first_accepted(adapter)
    economy = _too_large(adapter)
    if economy is None:
        return
    adapter.run(economy)  # compiles, imports
    began = time.monotonic()
    solution = adapter.run(economy, SolveOptions(tolerance=1e-15, time_limit=SHORT_LIMIT))
    took = time.monotonic() - began
    if took > SHORT_LIMIT + GRACE:
        raise _WrongError(f"ends {took:.1f} s after the start, with a limit of {SHORT_LIMIT} s")
    _judged(adapter, economy, replace(solution, claim="unknown"))


def _too_large(adapter: Adapter) -> Economy | None:
    """Return an economy too large for the short limit, of a kind the adapter accepts."""
    for resources in (3, 1):
        economy = random_economy(goods=1500, resources=resources)
        if adapter.refusal(economy) is None:
            return economy
    return None


def _from_own_state(adapter: Adapter) -> None:
    replan = adapter.optional("replan")
    if replan is None:
        return
    economy, options = _first_accepted(adapter), adapter.options()
    first, state = replan(economy, adapter.spec, options)
    again, _ = replan(economy, adapter.spec, options, state)
    _holds(_judged(adapter, economy, again), optimum_of(economy))
    _closes(adapter, again, _judged(adapter, economy, again))
    for kind, count in again.iterations.items():
        if count > first.iterations.get(kind, 0):
            raise _WrongError(
                f"{count} {kind} from its own state, {first.iterations.get(kind)} without"
            )
    once_more, _ = replan(economy, adapter.spec, options, state)
    if not _equal(once_more.x, again.x):
        raise _WrongError("planning from a state changes the state")


def _from_old_state(adapter: Adapter) -> None:
    replan = adapter.optional("replan")
    if replan is None:
        return
    for case in adapter.accepted:
        if case.ends != "optimum":
            continue
        state = replan(case.economy, adapter.spec, adapter.options())[1]
        changed = with_changed_endowments(case.economy)
        solution, _ = replan(changed, adapter.spec, adapter.options(), state)
        try:
            certificate = _judged(adapter, changed, solution)
            _holds(certificate, optimum_of(changed))
            _closes(adapter, solution, certificate)
        except _WrongError as wrong:
            raise _WrongError(f"{case.name}, endowments changed: {wrong}") from None


def _foreign_state(adapter: Adapter) -> None:
    replan = adapter.optional("replan")
    if replan is None:
        return
    economy = _first_accepted(adapter)
    others = [c.economy for c in adapter.accepted if c.economy.n_goods != economy.n_goods]
    others = [other for other in others if other.n_goods > 2]
    if not others:
        return
    state = replan(others[0], adapter.spec, adapter.options())[1]
    try:
        replan(economy, adapter.spec, adapter.options(), state)
    except PlanbenchError:
        return
    raise _WrongError(f"takes the state of {others[0].n_goods} goods for {economy.n_goods}")


def _fingerprint(economy: Economy) -> tuple[bytes, ...]:
    arrays = [economy.endowment, economy.capacity, economy.fixed_demand, economy.weights]
    for matrix in (economy.inputs, economy.outputs, economy.resource_use, economy.assortment):
        arrays += [matrix.data, matrix.indices, matrix.indptr]
    return tuple(array.tobytes() for array in arrays)


_PLANNER_CHECKS: dict[str, Check] = {
    "a general linear program is refused": _general_refused,
    "some economy is accepted": _something_accepted,
    "the same plan every time": _same_twice,
    "the time limit is kept": _time_limit,
    "no more rounds from its own state": _from_own_state,
    "right from an old plan": _from_old_state,
    "the state of another economy is refused": _foreign_state,
}


# -- options, phases and what is recorded ----------------------------------------------------


def _lacking_refused(adapter: Adapter) -> None:
    examples = {
        "tolerance": SolveOptions(tolerance=1e-6),
        "threads": SolveOptions(threads=2),
        "time_limit": SolveOptions(time_limit=1.0),
        "seed": SolveOptions(seed=1),
        "native": SolveOptions(native={"presolve": "on"}),
    }
    for option in OPTION_NAMES:
        refused = False
        try:
            check_options(adapter.spec, examples[option])
        except InputError:
            refused = True
        if refused == (option in adapter.spec.takes):
            raise _WrongError(f"option {option} is {'refused' if refused else 'let through'}")


def _unknown_native(adapter: Adapter) -> None:
    if "native" not in adapter.spec.takes:
        return
    with contextlib.suppress(InputError, SolverError):
        adapter.run(adapter.sample(), SolveOptions(native={"no_such_option_at_all": 1}))
        raise _WrongError("an unknown native option was let through")


def _options_recorded(adapter: Adapter) -> None:
    """Whether what was asked for reaches the solver's own options."""
    asked = {"tolerance": 3.5e-7, "time_limit": 97.25, "seed": 4321, "threads": 2}
    takes = adapter.spec.takes
    wanted = {name: value for name, value in asked.items() if name in takes}
    solution = adapter.run(adapter.sample(), SolveOptions(**wanted))  # type: ignore[arg-type]
    if takes <= {"time_limit"} and "command" in solution.options:
        return  # an external program gets it through its environment
    for name, value in wanted.items():
        if value not in solution.options.values():
            raise _WrongError(
                f"{name} = {value} is not among the options recorded: {dict(solution.options)}"
            )


def _threads_reported(adapter: Adapter) -> None:
    if "threads" not in adapter.spec.takes:
        return
    used = adapter.run(adapter.sample(), SolveOptions(threads=2)).threads_used
    if used not in (1, 2):
        raise _WrongError(f"threads_used is {used} after two were asked for")


def _identified(adapter: Adapter) -> None:
    solution = adapter.run(adapter.sample())
    for what in ("method_run", "native_status"):
        if not getattr(solution, what):
            raise _WrongError(f"{what} is empty")
    if not solution.version and adapter.spec.packages:
        raise _WrongError("version is empty")
    try:
        json.dumps(
            {"options": dict(solution.options), "iterations": dict(solution.iterations)},
            allow_nan=False,
        )
    except (TypeError, ValueError) as error:
        raise _WrongError(f"options or iterations cannot be recorded: {error}") from None


def _phases(adapter: Adapter) -> None:
    """Whether the phases entered are those declared, in order, never one inside another."""
    entered: list[str] = []
    inside: list[str] = []
    nested: list[str] = []

    @contextlib.contextmanager
    def phase(name: str) -> Iterator[None]:
        nested.extend(inside)
        entered.append(name)
        inside.append(name)
        try:
            yield
        finally:
            inside.remove(name)

    adapter.run(adapter.sample(), phase=phase)
    if nested:
        raise _WrongError(f"phase {nested[0]} holds another")
    declared = adapter.spec.phases
    if tuple(entered) != declared:
        raise _WrongError(f"phases {', '.join(entered)} instead of {', '.join(declared)}")


_OPTION_CHECKS: dict[str, Check] = {
    "options it lacks are refused": _lacking_refused,
    "an unknown native option is refused": _unknown_native,
    "options reach the solver": _options_recorded,
    "threads are reported": _threads_reported,
    "version, method and status are recorded": _identified,
    "phases are as declared": _phases,
}


def main(arguments: list[str]) -> int:
    """Check the named solver here and print a line per check.

    Returns
    -------
    int
        0 when all passed; 1 when one failed; 2 when there is no such solver here.
    """
    parser = argparse.ArgumentParser(
        prog="python -m planbench.solvers.conformance",
        description="Check whether an adapter translates its solver rightly: a line per check. "
        "Exit code 1: a check failed; 2: there is no such solver here.",
    )
    parser.add_argument("solver", help="NAME, NAME:stock or cmd:'prog {mps} {sol}'")
    parser.add_argument(
        "--may-decline",
        action="store_true",
        help="let it claim nothing of a program that has an optimum",
    )
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="append the results as JSON lines too"
    )
    asked = parser.parse_args(arguments)
    failed = 0
    try:
        spec, _, _ = find_solver(asked.solver)
        if own_environment(spec) is not None:
            command, environment = _worker(spec, arguments)
            return subprocess.run(command, env=environment, check=False).returncode
        with asked.write.open("a") if asked.write else contextlib.nullcontext() as file:
            for item in check_here(asked.solver, must_solve=not asked.may_decline):
                row = {"begins": item} if isinstance(item, str) else asdict(item)
                if file is not None:
                    file.write(json.dumps(row) + "\n")
                    file.flush()
                if isinstance(item, CheckResult):
                    failed += not item.passed
                    word = "ok  " if item.passed else "FAIL"
                    print(f"{word} {item.check}{': ' if item.message else ''}{item.message}")
    except PlanbenchError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{asked.write}: cannot be written: {error.strerror}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
