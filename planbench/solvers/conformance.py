"""The conformance kit: whether an adapter translates its solver rightly.

Each adapter, third-party ones too, is run on problems with known answers, in a process of its
own (solver libraries clash, and a crash must not take the others with it)::

    python -m planbench.solvers.conformance highs-ds

**Solvers** are handed linear programs. Exact ones must claim the right thing and return point and
duals; first-order ones are held to a looser tolerance and may leave an infeasible or unbounded
program open, but may never claim what is wrong.

**Planners** are handed the economy itself. A planner may refuse what it was not made for, with the
reason; what it accepts must come back right. Its module may have a function
``refusal(economy) -> str | None`` that says beforehand why an economy would be refused.

The certificate judges every answer. The optimum of each program is known in closed form.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.certificates import certify
from planbench.certificates.certificate import Certificate
from planbench.errors import InputError, PlanbenchError, SolverCrashError, SolverError
from planbench.io.files import cache_folder
from planbench.io.scratch import scratch_folder
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy, make_economy
from planbench.model.linear_program import LinearProgram, make_linear_program
from planbench.model.planning_lp import to_linear_program
from planbench.solvers.base import Phase, Solution, SolveOptions, SolverSpec, no_phase
from planbench.solvers.environments import own_source
from planbench.solvers.programs import ending
from planbench.solvers.registry import ChosenSolver, choose_solver, own_environment
from planbench.supervised import run_supervised

INF = np.inf


@dataclass(frozen=True, eq=False)
class ProgramCase:
    """A linear program and what may be said of it.

    Attributes
    ----------
    name : str
    lp : LinearProgram
    claims : tuple of str
        Claims that are right; a solver that claims nothing ("unknown") is judged elsewhere.
    optimum : float or None
    may_refuse : bool
        The adapter may instead refuse the program with a SolverError.
    """

    name: str
    lp: LinearProgram
    claims: tuple[str, ...] = ("optimal",)
    optimum: float | None = None
    may_refuse: bool = False


def _case(
    name: str, optimum: float | None, *claims: str, may_refuse: bool = False, **program: Any
) -> ProgramCase:
    lp = make_linear_program(name=name, **program)
    return ProgramCase(name, lp, claims or ("optimal",), optimum, may_refuse)


def ring(n: int, labour: float = 10.0) -> Economy:
    """Each good is made of half a unit of the next and one unit of labour.

    Presolve does not solve it. (I − A)x = z·1 gives x = 2z, labour 2zn ≤ r gives z = r/2n.
    """
    return make_economy(
        inputs=np.roll(np.eye(n), 1, axis=0) * 0.5,
        outputs=np.eye(n),
        resource_use=np.ones((1, n)),
        endowment=[labour],
        assortment=np.ones(n),
    )


def program_cases() -> tuple[ProgramCase, ...]:
    """Every case, solvable ones first."""
    two_by_three: dict[str, Any] = {
        "matrix": [[0, 1, 0], [1, 1, 1]], "row_lower": [1, -INF], "row_upper": [INF, 4],
    }  # fmt: skip
    mixed: dict[str, Any] = {
        "matrix": [[1, 1], [1, -1]], "row_lower": [4, 1], "row_upper": [INF, 1],
    }  # fmt: skip
    return (
        _case(
            "maximise, ≥ and ≤", 16,
            cost=[3, 2, 1], maximise=True, offset=5.0, **two_by_three,
        ),
        _case(
            "minimise, ≥ and ≤", -16,
            cost=[-3, -2, -1], offset=-5.0, **two_by_three,
        ),
        _case(
            "minimise, ≥ and =", 9.5,
            cost=[2, 3], **mixed,
        ),
        _case(
            "maximise, ≥ and =", -9.5,
            cost=[-2, -3], maximise=True, **mixed,
        ),
        _case(
            "range at its lower side", 2.5,
            matrix=[[1, 1]], cost=[1, 2], row_lower=[2], row_upper=[5], col_upper=[1.5, INF],
        ),
        _case(
            "range at its upper side", 8,
            matrix=[[1, 1], [1, -1]], cost=[1, 2], maximise=True,
            row_lower=[2, -1], row_upper=[5, 7],
        ),
        _case(
            "negative bounds", 1,
            matrix=[[1, 1]], cost=[1, 1], maximise=True, row_lower=[-INF], row_upper=[10],
            col_lower=[-INF, -3], col_upper=[2, -1],
        ),
        _case(
            "free columns", -5,
            matrix=[[1, 1], [1, -1]], cost=[2, 1], row_lower=[-3, -1], row_upper=[INF, INF],
            col_lower=[-INF, -INF],
        ),
        _case(
            "fixed column", 5,
            matrix=[[1, 1]], cost=[1, 1], row_lower=[5], row_upper=[INF],
            col_lower=[2, 0], col_upper=[2, INF],
        ),
        _case(
            "empty row, free row, empty column", 3,
            matrix=[[1, 0, 0], [0, 0, 0], [1, 0, 0]], cost=[1, 1, 0],
            row_lower=[1, -1, -INF], row_upper=[INF, 1, INF],
            col_lower=[0, 2, 0], col_upper=[INF, 9, 0],
        ),
        _case(
            "no rows", -2,
            matrix=np.zeros((0, 2)), cost=[1, -1], offset=3.0, row_lower=[], row_upper=[],
            col_upper=[5, 5],
        ),
        _case(
            "no columns", 3,
            matrix=np.zeros((1, 0)), cost=[], offset=3.0, row_lower=[-1], row_upper=[1],
        ),
        # A solver that drops it in silence answers 1e12.
        _case(
            "coefficient of 5e-10", 2e9, may_refuse=True,
            matrix=[[5e-10]], cost=[1], maximise=True, row_lower=[-INF], row_upper=[1],
            col_upper=[1e12],
        ),
        ProgramCase("ring of 60 goods", to_linear_program(ring(60)), optimum=10.0 / 120),
        _case(
            "infeasible", None, "infeasible", "infeasible-or-unbounded",
            matrix=[[1, 1], [1, 1]], cost=[1, 1], maximise=True,
            row_lower=[5, -INF], row_upper=[INF, 3],
        ),
        # 0 is feasible.
        _case(
            "unbounded", None, "unbounded", "infeasible-or-unbounded",
            matrix=[[1, -1]], cost=[1, 1], maximise=True, row_lower=[-INF], row_upper=[3],
        ),
        _case(
            "infeasible, and so is the dual", None, "infeasible", "infeasible-or-unbounded",
            matrix=[[1, -1], [1, -1]], cost=[1, 0], maximise=True,
            row_lower=[2, -INF], row_upper=[INF, 1],
        ),
        _case(
            "column bounds cross", None, "infeasible",
            matrix=[[1.0]], cost=[1], row_lower=[0], row_upper=[3], col_lower=[2], col_upper=[1],
        ),
        _case(
            "row bounds cross", None, "infeasible",
            matrix=[[1.0]], cost=[1], row_lower=[3], row_upper=[1],
        ),
        _case(
            "empty row excludes zero", None, "infeasible",
            matrix=np.zeros((1, 1)), cost=[1], row_lower=[1], row_upper=[2],
        ),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class EconomyCase:
    """An economy to be planned.

    Attributes
    ----------
    name : str
    economy : Economy
    ends : {"optimum", "infeasible", "unbounded"}
    """

    name: str
    economy: Economy
    ends: str = "optimum"


def drawn(recipe: Mapping[str, Any] | None = None, **parts: Any) -> Economy:
    """Generate an economy, of twelve goods if `recipe` says no other, and replace `parts` of it."""
    # Not at the top: the environment of a solver's own may lack what recipes need.
    from planbench.generators import generate, make_recipe

    usual = {"goods": 12, "inputs": 4, "techniques": 2, "resources": 3, "seed": 1}
    economy = generate(make_recipe({**usual, **(recipe or {})}))
    return replace(economy, interior=None, **parts)


def economy_cases() -> tuple[EconomyCase, ...]:
    """Every case; the first ones are accepted by most planners."""
    base = drawn()
    outputs, use = base.outputs.toarray(), base.resource_use.toarray()
    wanted = base.assortment.toarray()[:, 0]
    first = np.repeat(np.arange(0, 24, 2), 2)
    few = sp.csc_array(np.eye(12)[:, :2].sum(axis=1, keepdims=True))
    # Of the last resource there is none, and only half of the activities do without; or nobody
    # uses it. Of the second good nobody makes any.
    none_of, idle, lost, needs = use.copy(), use.copy(), outputs.copy(), base.inputs.toarray()
    none_of[2, ::2], idle[2], needs[1] = 0.0, 0.0, 0.0
    lost[2] += lost[1]
    lost[1] = 0.0
    two = np.zeros((12, 2))
    two[2:8, 0], two[:2, 1] = 1.0, 1.0
    economies = {
        "ring of goods, one resource": ring(30),
        "one resource": drawn({"resources": 1, "techniques": 3}),
        "three resources": base,
        "units of all sizes": drawn({"unit_spread": 8}),
        "three targets": drawn({"targets": 3}, weights=np.array([1.0, 2.0, 0.5])),
        "fixed demand": drawn(fixed_demand=0.5 * wanted * np.linspace(0, 1, 12)),
        "stocks": drawn(fixed_demand=-0.3 * wanted * (np.arange(12) % 2)),
        "by-products": drawn({"byproducts": 0.3}),
        "capacities": drawn({"capacities": 0.4}),
        "every technique twice": drawn(
            inputs=base.inputs[:, first], resource_use=base.resource_use[:, first]
        ),
        "a resource there is none of": drawn(
            resource_use=sp.csc_array(none_of), endowment=base.endowment * [1.0, 1.0, 0.0]
        ),
        "a resource nobody uses and goods nobody wants": drawn(
            resource_use=sp.csc_array(idle), assortment=few
        ),
        "a target out of reach": drawn(
            outputs=sp.csc_array(lost), inputs=sp.csc_array(needs), assortment=sp.csc_array(two),
            weights=np.ones(2),
        ),
        "nothing can be made": drawn(endowment=np.zeros(3)),
        "fixed demand that cannot be met": drawn(fixed_demand=np.full(12, 1e3)),
        "a target that costs nothing": drawn(
            resource_use=sp.csc_array(use * (np.arange(24) >= 20)), inputs=sp.csc_array((12, 24)),
            assortment=few,
        ),
    }  # fmt: skip
    ends = {
        "fixed demand that cannot be met": "infeasible",
        "a target that costs nothing": "unbounded",
    }
    return tuple(EconomyCase(k, e, ends.get(k, "optimum")) for k, e in economies.items())


#: Tolerance that exact solvers (CBC's text file has 8 digits) and the others are held to.
EXACT_ERROR, LOOSE_ERROR = 1e-6, 1e-4
#: Certified gap asked of planners.
GAP = 1e-5
#: Seconds for each program (HiPDLP needs all of it where there is no optimum) and each economy.
PROGRAM_LIMIT, ECONOMY_LIMIT = 2.0, 10.0
#: Seconds after its time limit by which a planner must be done, and that limit.
GRACE, SHORT_LIMIT = 5.0, 0.2


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
        What is wrong, in one line; else empty.
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
    solver : ChosenSolver
    accepted : list of EconomyCase
        Economies that a planner has not refused, as they are found.
    """

    solver: ChosenSolver
    accepted: list[EconomyCase] = field(default_factory=list)

    @property
    def spec(self) -> SolverSpec:
        """What the adapter says of itself."""
        return self.solver.spec

    @property
    def module(self) -> Any:
        """Its module, with ``solve`` and perhaps ``refusal``."""
        return importlib.import_module(self.spec.module)

    @property
    def plans(self) -> bool:
        """Whether it is handed economies."""
        return self.spec.accepts == "economy"

    @property
    def gap(self) -> float | None:
        """Certified gap that a planner is held to."""
        return GAP if self.plans and "tolerance" in self.spec.takes else None

    def refusal(self, economy: Economy) -> str | None:
        """Why it says beforehand that it would refuse `economy`, if it does."""
        refusal = getattr(self.module, "refusal", None)
        reason: str | None = None if refusal is None else refusal(economy)
        return reason

    def options(self, **asked: Any) -> SolveOptions:
        """Options with as much of what is asked as the adapter has."""
        limit = ECONOMY_LIMIT if self.plans else PROGRAM_LIMIT
        wanted = {"tolerance": self.gap, "time_limit": limit, **asked}
        return self.solver.options(
            SolveOptions(**{k: v for k, v in wanted.items() if k in self.spec.takes})
        )

    def run(
        self, problem: LinearProgram | Economy, phase: Phase = no_phase, **asked: Any
    ) -> Solution:
        """Solve; a refusal escapes as the error it is."""
        found: Solution = self.module.solve(problem, self.spec, self.options(**asked), phase)
        return found

    def sample(self) -> LinearProgram | Economy:
        """Problem to check options on."""
        return _first_accepted(self) if self.plans else to_linear_program(ring(20))


#: A check raises :class:`_WrongError`; what it returns does not count.
Check = Callable[[Adapter], object]


def check_adapter(name: str, *, timeout: float = 180.0) -> list[CheckResult]:
    """Run every check on the solver `name` in a process of its own.

    Parameters
    ----------
    name : str
        As on the command line: ``NAME``, ``NAME:stock`` or ``cmd:…``.
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
    own = own_environment(choose_solver(name).spec)
    python = sys.executable if own is None else own.python
    source = {} if own is None else {"PYTHONPATH": str(own_source(cache_folder()))}
    with scratch_folder() as folder:
        path = Path(folder) / "results.jsonl"
        command = [python, "-c", _WORKER, name, str(path)]
        how, log = "", ""
        try:
            ended = run_supervised(command, timeout_s=timeout, env={**os.environ, **source})
            log = ended.stderr or ended.stdout
            if ended.returncode:
                how = f"the process {ending(ended.returncode)}"
        except subprocess.TimeoutExpired:
            how = f"not done after {timeout:g} s"
        lines = path.read_text().splitlines() if path.exists() else []
    results, running = [], "start"
    for line in lines:
        row = json.loads(line)
        if isinstance(row, str):
            running = row
        else:
            results.append(CheckResult(**row))
            running = "end"
    if how:
        last = log.strip().splitlines()[-1:] or [""]
        results.append(CheckResult(name, running, False, f"{how}: {last[0]}"))
    return results


_WORKER = (
    "import sys; from planbench.solvers import conformance as c; c.write_checks(*sys.argv[1:])"
)


def write_checks(name: str, path: str) -> None:
    """Run every check in this process; write the name of each to `path`, then its result."""
    adapter = Adapter(choose_solver(name, in_process=True))
    with Path(path).open("w") as file:
        for item in run_checks(adapter):
            row = item if isinstance(item, str) else asdict(item)
            print(json.dumps(row), file=file, flush=True)


def run_checks(adapter: Adapter) -> Iterator[str | CheckResult]:
    """Run every check on `adapter`; yields the name of each check, then its result."""
    checks: dict[str, Check] = {}
    if adapter.plans:
        checks |= {case.name: partial(_check_economy, case) for case in economy_cases()}
        checks |= _PLANNER_CHECKS
    else:
        checks |= {case.name: partial(_check_program, case) for case in program_cases()}
        # A planner must meet its tolerance, which says more than recording it.
        checks["options reach the solver"] = _options_recorded
    for name, check in (checks | _OPTION_CHECKS).items():
        yield name
        message = ""
        try:
            check(adapter)
        except _WrongError as wrong:
            message = str(wrong)
        except Exception as error:  # whatever a third-party adapter raises is a result
            message = f"{type(error).__name__}: {error}"
        yield CheckResult(adapter.solver.name, name, not message, message)


# -- linear programs -------------------------------------------------------------------------


def _check_program(case: ProgramCase, adapter: Adapter) -> None:
    if adapter.solver.stock and case.may_refuse:
        return  # the solver's own defaults may answer another program
    try:
        solution = adapter.run(case.lp)
    except PlanbenchError as error:
        refused = isinstance(error, SolverError) and not isinstance(error, SolverCrashError)
        if case.may_refuse and refused:
            return
        raise _WrongError(f"refused: {error}") from None
    exact = adapter.spec.exact
    _check_shapes(case.lp, solution)
    if solution.claim in ("unknown", "feasible") and not exact and case.optimum is None:
        return
    if solution.claim not in case.claims:
        right = " or ".join(case.claims)
        raise _WrongError(f"claims {solution.claim} ({solution.native_status}), right is {right}")
    if case.optimum is None:
        _check_ray(case.lp, solution)
        return
    if solution.x is None or solution.objective is None or (exact and solution.y is None):
        raise _WrongError("claims optimal but returns no point, no objective or no row duals")
    found = certify(
        case.lp, None, solution, known=(case.optimum, case.optimum),
        tolerance=EXACT_ERROR if exact else LOOSE_ERROR,
    )  # fmt: skip
    for what, verdict in (
        ("x", found.plan_verdict),
        ("row duals", found.prices_verdict),
        ("objective", found.claim_verdict),
    ):
        if verdict not in (None, "certified"):
            raise _WrongError(f"{what}: {verdict}; {'; '.join(found.reasons)}")


def _check_ray(lp: LinearProgram, solution: Solution) -> None:
    rays = {"infeasible": solution.dual_ray, "unbounded": solution.primal_ray}
    ray = rays.get(solution.claim)
    # Only the ray is checked: 0 is a feasible point of the unbounded program.
    at_zero = replace(solution, x=np.zeros(lp.n_cols))
    if ray is not None and certify(lp, None, at_zero).verdict != "certified":
        raise _WrongError("its ray proves nothing")


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
        solution = adapter.run(case.economy, phase=phase)
    except PlanbenchError as error:
        if not str(error).strip():
            raise _WrongError("refuses without a reason") from None
        if case.ends != "optimum":
            return  # that there is no optimum may only show in planning
        if hasattr(adapter.module, "refusal") and foretold is None:
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
        if "tolerance" in adapter.spec.takes and solution.claim != case.ends:
            raise _WrongError(f"claims {solution.claim}, right is {case.ends}")
        return
    _closes(adapter, solution, certificate)


def _judged(adapter: Adapter, economy: Economy, solution: Solution) -> Certificate:
    """Draw the bracket of an answer; what is claimed must not be wrong."""
    lp = to_linear_program(economy)
    _check_shapes(lp, solution)
    if solution.claim == "optimal" and (solution.x is None or solution.y is None):
        raise _WrongError("claims optimal without a plan or without prices")
    certificate = certify(lp, economy, solution, claim_tolerance=adapter.gap or 0.0, polish=False)
    if certificate.verdict == "wrong":
        raise _WrongError(f"the certificate finds it wrong: {'; '.join(certificate.reasons)}")
    return certificate


def _closes(adapter: Adapter, solution: Solution, certificate: Certificate) -> None:
    """Hold a planner that takes a tolerance to it."""
    asked, gap = adapter.gap, certificate.raw_gap
    if asked is None or (gap is not None and gap <= asked * 1.001):
        return
    if solution.claim == "optimal":
        raise _WrongError(f"claims a gap of {asked:g}, the certificate finds {gap}")
    raise _WrongError(f"ends {solution.native_status!r} at a certified gap of {gap}, not {asked:g}")


def _first_accepted(adapter: Adapter) -> Economy:
    """Return the largest accepted case that has an optimum above 0."""
    names = ("nothing can be made",)
    fit = [c.economy for c in adapter.accepted if c.ends == "optimum" and c.name not in names]
    if not fit:
        raise _WrongError("accepts none of the economies of this kit")
    return max(fit, key=lambda economy: economy.nnz)


def _general_refused(adapter: Adapter) -> None:
    with contextlib.suppress(PlanbenchError):
        adapter.run(to_linear_program(ring(5)))
        raise _WrongError("a general linear program is let through")


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
    # Too large for the short limit, and of a kind that is accepted.
    large = (drawn({"goods": 1500, "resources": resources}) for resources in (3, 1))
    economy = next((e for e in large if adapter.refusal(e) is None), None)
    if economy is None:
        return
    adapter.run(economy)  # compiles, imports
    began = time.monotonic()
    solution = adapter.run(economy, tolerance=1e-15, time_limit=SHORT_LIMIT)
    took = time.monotonic() - began
    if took > SHORT_LIMIT + GRACE:
        raise _WrongError(f"ends {took:.1f} s after the start, with a limit of {SHORT_LIMIT} s")
    _judged(adapter, economy, replace(solution, claim="unknown"))


def _fingerprint(economy: Economy) -> tuple[bytes, ...]:
    arrays = [economy.endowment, economy.capacity, economy.fixed_demand, economy.weights]
    for matrix in (economy.inputs, economy.outputs, economy.resource_use, economy.assortment):
        arrays += [matrix.data, matrix.indices, matrix.indptr]
    return tuple(array.tobytes() for array in arrays)


_PLANNER_CHECKS: dict[str, Check] = {
    "a general linear program is refused": _general_refused,
    "some economy is accepted": _first_accepted,
    "the same plan every time": _same_twice,
    "the time limit is kept": _time_limit,
}


# -- options, phases and what is recorded ----------------------------------------------------


def _unknown_native(adapter: Adapter) -> None:
    if "native" not in adapter.spec.takes:
        return
    with contextlib.suppress(InputError, SolverError):
        adapter.run(adapter.sample(), native={"no_such_option_at_all": 1})
        raise _WrongError("an unknown native option was let through")


def _options_recorded(adapter: Adapter) -> None:
    """Whether what was asked for reaches the solver's own options."""
    asked = {"tolerance": 3.5e-7, "time_limit": 97.25, "seed": 4321, "threads": 2}
    takes = adapter.spec.takes
    wanted: dict[str, Any] = {name: value for name, value in asked.items() if name in takes}
    solution = adapter.run(adapter.sample(), **wanted)
    if takes <= {"time_limit"} and "command" in solution.options:
        return  # an external program gets it through its environment
    for name, value in wanted.items():
        if value not in solution.options.values():
            raise _WrongError(
                f"{name} = {value} is not among the options recorded: {dict(solution.options)}"
            )
    if "threads" in wanted and solution.threads_used not in (1, 2):
        raise _WrongError(f"threads_used is {solution.threads_used} after two were asked for")


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
    events: list[str] = []

    @contextlib.contextmanager
    def phase(name: str) -> Iterator[None]:
        events.append(name)
        try:
            yield
        finally:
            events.append("end")

    adapter.run(adapter.sample(), phase=phase)
    if events != [event for name in adapter.spec.phases for event in (name, "end")]:
        raise _WrongError(f"phases {', '.join(events)} instead of {', '.join(adapter.spec.phases)}")


_OPTION_CHECKS: dict[str, Check] = {
    "an unknown native option is refused": _unknown_native,
    "version, method and status are recorded": _identified,
    "phases are as declared": _phases,
}


def main(arguments: list[str]) -> int:
    """Check the named solver and print a line per check.

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
    try:
        results = check_adapter(parser.parse_args(arguments).solver)
    except PlanbenchError as error:
        parser.error(str(error))
    for result in results:
        print(f"ok   {result.check}" if result.passed else f"FAIL {result.check}: {result.message}")
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
