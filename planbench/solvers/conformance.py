"""The conformance kit: whether an adapter translates its solver rightly.

Each adapter, third-party ones too, is run on programs with known answers, in a process of its
own (solver libraries clash, and a crash must not take the others with it)::

    python -m planbench.solvers.conformance highs-ds

Exact solvers must claim the right thing and return the unique point and duals; first-order
ones are held to a looser tolerance and may leave an infeasible or unbounded program open, but
may never claim what is wrong. Planners, which are handed economies, are checked by
:mod:`planbench.solvers.conformance_planners`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from planbench.errors import InputError, PlanbenchError, SolverCrashError, SolverError
from planbench.io.scratch import scratch_folder
from planbench.model.arrays import FloatArray
from planbench.solvers.base import (
    OPTION_NAMES,
    Phase,
    Solution,
    SolveOptions,
    SolverSpec,
    no_phase,
)
from planbench.solvers.common import proves_infeasible
from planbench.solvers.conformance_cases import Case, cases, ring
from planbench.solvers.programs import ending
from planbench.solvers.registry import check_options, find_solver, load_adapter
from planbench.supervised import run_supervised

#: Relative error allowed to exact solvers (CBC's text file has 8 digits) and to the others.
EXACT_ERROR, LOOSE_ERROR = 1e-6, 1e-4
#: Seconds for each case; HiPDLP needs all of it where there is no optimum.
CASE_LIMIT = 2.0


@dataclass(frozen=True)
class Finding:
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


def check_adapter(name: str, *, must_solve: bool = True, timeout: float = 180.0) -> list[Finding]:
    """Run every check on the solver `name` in a process of its own.

    Parameters
    ----------
    name : str
        As on the command line: ``NAME``, ``NAME:stock`` or ``cmd:…``.
    must_solve : bool
        Fail an adapter that claims nothing of a program with an optimum.
    timeout : float
        Seconds for all checks together.

    Returns
    -------
    list of Finding
        One per check, passed or not; a process that dies or hangs is a failed finding.

    Raises
    ------
    InputError, SolverUnavailableError
        If there is no such solver, or it cannot run here.
    """
    spec, _, _ = find_solver(name)
    load_adapter(spec)
    with scratch_folder() as folder:
        path = Path(folder) / "findings.jsonl"
        command = [sys.executable, "-m", "planbench.solvers.conformance", name]
        command += ["--write", str(path)] + ([] if must_solve else ["--may-decline"])
        how, log = "", ""
        try:
            ended = run_supervised(command, timeout_s=timeout)
            log = ended.stderr or ended.stdout
            if ended.returncode not in (0, 1):
                how = f"the process {ending(ended.returncode)}"
        except subprocess.TimeoutExpired:
            how = f"not done after {timeout:g} s"
        lines = path.read_text().splitlines() if path.exists() else []
    findings, running = [], "start"
    for line in lines:
        row = json.loads(line)
        if "begins" in row:
            running = row["begins"]
        else:
            findings.append(Finding(**row))
            running = ""
    if how or (not findings):
        last = log.strip().splitlines()[-1:] or [""]
        findings.append(Finding(name, running or "end", False, f"{how}: {last[0]}"))
    return findings


def check_here(name: str, *, must_solve: bool = True) -> Iterator[str | Finding]:
    """Run every check in this process; yields the name of each check, then its finding."""
    spec, stock, command = find_solver(name)
    solve = load_adapter(spec)
    if spec.accepts == "economy":
        yield from _check_planner_here(name, spec, stock, must_solve)
        return

    def run(case: Case, options: SolveOptions | None = None, phase: Phase = no_phase) -> Solution:
        options = options or SolveOptions()
        limit: float | None = options.time_limit or CASE_LIMIT
        if "time_limit" not in spec.takes:
            limit = None
        options = replace(options, stock=stock, command=command, time_limit=limit)
        return solve(case.lp, spec, options, phase)

    for case in cases():
        yield case.name
        try:
            problem = _wrong(case, run(case), spec, must_solve)
        except SolverCrashError as error:
            problem = f"crashed: {error}"
        except SolverError as error:
            problem = "" if case.may_refuse else f"refused: {error}"
        except PlanbenchError as error:
            problem = f"refused: {error}"
        except Exception as error:  # whatever a third-party adapter raises is a finding
            problem = f"{type(error).__name__}: {error}"
        if problem and stock and case.may_refuse:
            yield Finding(name, case.name, True, f"stock configuration: {problem}")
        else:
            yield Finding(name, case.name, not problem, problem)
    for check, test in _OPTION_CHECKS.items():
        yield check
        try:
            problem = test(spec, run)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        yield Finding(name, check, not problem, problem)


def _check_planner_here(
    name: str, spec: SolverSpec, stock: bool, must_solve: bool
) -> Iterator[str | Finding]:
    from planbench.solvers.conformance_planners import Planner, check_planner

    planner = Planner(spec, load_adapter(spec), stock)
    for check, problem in check_planner(planner, _PLANNER_OPTION_CHECKS, must_solve=must_solve):
        yield check if problem is None else Finding(name, check, not problem, problem)


Run = Callable[..., Solution]


def _wrong(case: Case, solution: Solution, spec: SolverSpec, must_solve: bool) -> str:
    """Say what is wrong with `solution`, or an empty string."""
    lp = case.lp
    for what, vector, size in (
        ("x", solution.x, lp.n_cols),
        ("y", solution.y, lp.n_rows),
        ("primal_ray", solution.primal_ray, lp.n_cols),
        ("dual_ray", solution.dual_ray, lp.n_rows),
    ):
        if vector is not None and (vector.shape != (size,) or vector.dtype != np.float64):
            return f"{what} has shape {vector.shape} and type {vector.dtype}"
    silent = solution.claim in ("unknown", "feasible")
    if silent and (not must_solve or (not spec.exact and case.x is None)):
        return ""
    if solution.claim not in case.claims:
        return f"claims {solution.claim} ({solution.native_status}), right is {_any(case.claims)}"
    ray = _wrong_ray(case, solution)
    if ray or case.x is None or case.y is None or case.objective is None:
        return ray
    error = EXACT_ERROR if spec.exact else LOOSE_ERROR
    if solution.x is None or solution.objective is None:
        return "claims optimal but returns no point or no objective"
    if solution.y is None:
        return "claims optimal but returns no row duals" if spec.exact else ""
    for what, have, want in (
        ("x", solution.x, case.x),
        ("row duals", solution.y, case.y),
        ("objective", np.array([solution.objective]), np.array([case.objective])),
    ):
        if not _close(have, want, error):
            return f"{what} {_short(have)}, right is {_short(want)}"
    return ""


def _wrong_ray(case: Case, solution: Solution) -> str:
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


def _lacking_refused(spec: SolverSpec, run: Run) -> str:
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
            check_options(spec, examples[option])
        except InputError:
            refused = True
        if refused == (option in spec.takes):
            return f"option {option} is {'refused' if refused else 'let through'}"
    return ""


def _unknown_native(spec: SolverSpec, run: Run) -> str:
    if "native" not in spec.takes:
        return ""
    with contextlib.suppress(InputError, SolverError):
        run(ring(5), SolveOptions(native={"no_such_option_at_all": 1}))
        return "an unknown native option was let through"
    return ""


def _recorded(spec: SolverSpec, run: Run) -> str:
    """Whether what was asked for reaches the solver's own options."""
    asked = {"tolerance": 3.5e-7, "time_limit": 97.25, "seed": 4321, "threads": 2}
    wanted = {name: value for name, value in asked.items() if name in spec.takes}
    solution = run(ring(20), SolveOptions(**wanted))  # type: ignore[arg-type]
    if spec.takes <= {"time_limit"} and "command" in solution.options:
        return ""  # an external program is told by its environment
    for name, value in wanted.items():
        if value not in solution.options.values():
            return f"{name} = {value} is not among the options recorded: {dict(solution.options)}"
    return ""


def _threads_reported(spec: SolverSpec, run: Run) -> str:
    if "threads" not in spec.takes:
        return ""
    used = run(ring(20), SolveOptions(threads=2)).threads_used
    return "" if used in (1, 2) else f"threads_used is {used} after two were asked for"


def _identified(spec: SolverSpec, run: Run) -> str:
    solution = run(ring(20))
    for what in ("method_run", "native_status"):
        if not getattr(solution, what):
            return f"{what} is empty"
    if not solution.version and spec.packages:
        return "version is empty"
    try:
        json.dumps(
            {"options": dict(solution.options), "iterations": dict(solution.iterations)},
            allow_nan=False,
        )
    except (TypeError, ValueError) as error:
        return f"options or iterations cannot be recorded: {error}"
    return ""


def _phases(spec: SolverSpec, run: Run) -> str:
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

    run(ring(20), phase=phase)
    if nested:
        return f"phase {nested[0]} holds another"
    if tuple(entered) != spec.phases:
        return f"phases {', '.join(entered)} instead of {', '.join(spec.phases)}"
    return ""


_OPTION_CHECKS: dict[str, Callable[[SolverSpec, Run], str]] = {
    "options it lacks are refused": _lacking_refused,
    "an unknown native option is refused": _unknown_native,
    "options reach the solver": _recorded,
    "threads are reported": _threads_reported,
    "version, method and status are told": _identified,
    "phases are as declared": _phases,
}


#: Those that hold for planners too; a planner must meet its tolerance, which says more than
#: recording it.
_PLANNER_OPTION_CHECKS = {
    name: test for name, test in _OPTION_CHECKS.items() if test is not _recorded
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
        "--write", type=Path, metavar="FILE", help="append the findings as JSON lines too"
    )
    asked = parser.parse_args(arguments)
    failed = 0
    try:
        with asked.write.open("a") if asked.write else contextlib.nullcontext() as file:
            for item in check_here(asked.solver, must_solve=not asked.may_decline):
                row = {"begins": item} if isinstance(item, str) else asdict(item)
                if file is not None:
                    file.write(json.dumps(row) + "\n")
                    file.flush()
                if isinstance(item, Finding):
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
