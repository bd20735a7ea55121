"""The conformance kit for planners: adapters that are handed the economy itself.

Run by :mod:`planbench.solvers.conformance` for every adapter that accepts economies. A planner
may refuse what it was not made for, with the reason; what it accepts must come back right. The
bounds of its answers are drawn by the certificate, never taken from it.

An adapter module may have two more functions than ``solve``, checked where they are there:

- ``refusal(economy) -> str | None`` says beforehand why an economy would be refused;
- ``replan(economy, spec, options, state=None) -> (solution, state)`` plans from the state of an
  old plan and hands back the new state.
"""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from planbench.certificates import certify
from planbench.certificates.certificate import Certificate
from planbench.errors import PlanbenchError
from planbench.model.arrays import FloatArray
from planbench.model.economy import Economy
from planbench.model.planning_lp import to_linear_program
from planbench.solvers.base import (
    Phase,
    Solution,
    SolveFunction,
    SolveOptions,
    SolverSpec,
    no_phase,
)
from planbench.solvers.conformance_cases import ring
from planbench.solvers.conformance_economies import (
    EconomyCase,
    economy_cases,
    optimum_of,
    random_economy,
    with_changed_endowments,
)
from planbench.solvers.logs import captured_stdout

#: Certified gap asked for, and seconds for each economy.
GAP, CASE_LIMIT = 1e-5, 10.0
#: Relative error allowed to the oracle.
ORACLE_ERROR = 1e-7
#: Seconds after its time limit by which a planner must be done, and that limit.
GRACE, SHORT_LIMIT = 5.0, 0.2
#: The lines in which a planner may report its bounds as it goes.
BOUNDS = re.compile(r"^round (\d+): lower (\S+), upper (\S+?),", re.MULTILINE)


class _WrongError(Exception):
    """What is wrong, in one line."""


@dataclass(frozen=True)
class Planner:
    """The planner under test.

    Attributes
    ----------
    spec : SolverSpec
    solve : callable
    stock : bool
        In its stock configuration.
    """

    spec: SolverSpec
    solve: SolveFunction
    stock: bool = False

    @property
    def refusal(self) -> Callable[[Economy], str | None] | None:
        """Its function that says beforehand what it refuses, if it has one."""
        found: Callable[[Economy], str | None] | None
        found = getattr(importlib.import_module(self.spec.module), "refusal", None)
        return found

    @property
    def replan(self) -> Callable[..., tuple[Solution, Any]] | None:
        """Its function that plans from an old plan, if it has one."""
        found: Callable[..., tuple[Solution, Any]] | None
        found = getattr(importlib.import_module(self.spec.module), "replan", None)
        return found

    def options(self, gap: float | None = GAP, limit: float = CASE_LIMIT) -> SolveOptions:
        """Options with as much of what is asked as the planner has."""
        takes = self.spec.takes
        return SolveOptions(
            tolerance=gap if "tolerance" in takes else None,
            time_limit=limit if "time_limit" in takes else None,
            stock=self.stock,
        )

    def run(self, economy: Economy, phase: Phase = no_phase, **asked: Any) -> Solution:
        """Plan; a refusal escapes as the error it is."""
        return self.solve(economy, self.spec, self.options(**asked), phase)


#: A check of an adapter's options: ``check(spec, run)`` says what is wrong, or "".
OptionCheck = Callable[[SolverSpec, Callable[..., Solution]], str]


def check_planner(
    planner: Planner, option_checks: Mapping[str, OptionCheck], *, must_solve: bool = True
) -> Iterator[tuple[str, str | None]]:
    """Run every check; yields the name of each with None, then with what is wrong or ""."""
    accepted: list[EconomyCase] = []
    for case in economy_cases():
        yield case.name, None
        yield case.name, _tried(_case, planner, case, accepted, must_solve)
    for check, test in _CHECKS.items():
        yield check, None
        yield check, _tried(test, planner, accepted)
    for check, option_check in option_checks.items():
        yield check, None
        yield check, _tried(_option, option_check, planner, accepted)


def _option(test: OptionCheck, planner: Planner, accepted: list[EconomyCase]) -> None:
    """Run a check of options on an economy in place of the program it names."""
    economy = _first(accepted)

    def run(_: object, options: SolveOptions | None = None, phase: Phase = no_phase) -> Solution:
        asked = replace(options or SolveOptions(), stock=planner.stock)
        return planner.solve(economy, planner.spec, asked, phase)

    problem = test(planner.spec, run)
    if problem:
        raise _WrongError(problem)


def _tried(test: Callable[..., None], *arguments: Any) -> str:
    try:
        test(*arguments)
    except _WrongError as wrong:
        return str(wrong)
    except Exception as error:  # whatever a third-party planner raises is a finding
        return f"{type(error).__name__}: {error}"
    return ""


def _case(
    planner: Planner, case: EconomyCase, accepted: list[EconomyCase], must_solve: bool
) -> None:
    before = _fingerprint(case.economy)
    solved: list[str] = []

    def phase(name: str) -> Any:
        solved.append(name)
        return no_phase(name)

    refusal = planner.refusal
    foretold = None if refusal is None else refusal(case.economy)
    try:
        with captured_stdout() as log:
            solution = planner.run(case.economy, phase)
    except PlanbenchError as error:
        if not str(error).strip():
            raise _WrongError("refuses without a reason") from None
        if case.ends != "optimum":
            return  # that there is no optimum may only show in planning
        if refusal is not None and foretold is None:
            raise _WrongError(f"refuses what its refusal() lets through: {error}") from None
        if "solve" in solved:
            raise _WrongError(f"refuses only after planning: {error}") from None
        return
    if foretold is not None:
        raise _WrongError(f"plans what its refusal() refuses: {foretold}")
    if _fingerprint(case.economy) != before:
        raise _WrongError("changes the economy it is handed")
    accepted.append(case)
    certificate = _judged(planner, case.economy, solution)
    if case.ends != "optimum":
        if solution.claim == "optimal":
            raise _WrongError(f"claims an optimum of an economy that is {case.ends}")
        if must_solve and "tolerance" in planner.spec.takes and solution.claim != case.ends:
            raise _WrongError(f"claims {solution.claim}, right is {case.ends}")
        return
    optimum = optimum_of(case.economy)
    _holds(certificate, optimum)
    _closes(planner, solution, certificate, must_solve)
    _reported(log.text, optimum)


def _judged(planner: Planner, economy: Economy, solution: Solution) -> Certificate:
    """Draw the bracket of an answer; what is claimed must not be wrong."""
    lp = to_linear_program(economy)
    for what, vector, size in (("x", solution.x, lp.n_cols), ("y", solution.y, lp.n_rows)):
        if vector is not None and (vector.shape != (size,) or vector.dtype != np.float64):
            raise _WrongError(f"{what} has shape {vector.shape} and type {vector.dtype}")
    if solution.claim == "optimal" and (solution.x is None or solution.y is None):
        raise _WrongError("claims optimal without a plan or without prices")
    tolerance = planner.options().tolerance or 0.0
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
    planner: Planner, solution: Solution, certificate: Certificate, must_solve: bool
) -> None:
    """Hold a planner that takes a tolerance to it: its bracket is as narrow, or not claimed."""
    asked = planner.options().tolerance
    gap = certificate.raw_gap
    met = asked is not None and gap is not None and gap <= asked * 1.001
    if asked is not None and solution.claim == "optimal" and not met:
        raise _WrongError(f"claims a gap of {asked:g}, the certificate finds {gap}")
    if asked is not None and must_solve and not met:
        raise _WrongError(
            f"ends {solution.native_status!r} at a certified gap of {gap}, not {asked:g}"
        )


def _reported(log: str, optimum: float) -> None:
    """Bounds reported on the way must hold and must never get worse."""
    slack = ORACLE_ERROR * max(abs(optimum), 1e-6)
    last = -np.inf, np.inf
    for number, *texts in BOUNDS.findall(log):
        try:
            told = [None if text == "none" else float(text) for text in texts]
        except ValueError:
            raise _WrongError(f"round {number} reports bounds {texts[0]} and {texts[1]}") from None
        lower = -np.inf if told[0] is None else told[0]
        upper = np.inf if told[1] is None else told[1]
        if lower > optimum + slack or upper < optimum - slack:
            raise _WrongError(
                f"round {number} reports {lower} to {upper}; the optimum is {optimum:.9g}"
            )
        if lower < last[0] - slack or upper > last[1] + slack:
            raise _WrongError(f"bounds get worse in round {number}: {last} to {(lower, upper)}")
        last = lower, upper


def _first(accepted: list[EconomyCase]) -> Economy:
    """Return the largest accepted case that has an optimum above 0."""
    names = ("nothing can be made",)
    fit = [c.economy for c in accepted if c.ends == "optimum" and c.name not in names]
    if not fit:
        raise _WrongError("accepts none of the economies of this kit")
    return max(fit, key=lambda economy: economy.nnz)


def _general_refused(planner: Planner, accepted: list[EconomyCase]) -> None:
    try:
        planner.solve(ring(5).lp, planner.spec, planner.options(), no_phase)
    except PlanbenchError:
        return
    raise _WrongError("a general linear program is let through")


def _something_accepted(planner: Planner, accepted: list[EconomyCase]) -> None:
    _first(accepted)


def _same_twice(planner: Planner, accepted: list[EconomyCase]) -> None:
    for case in accepted:
        first, second = planner.run(case.economy), planner.run(case.economy)
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


def _time_limit(planner: Planner, accepted: list[EconomyCase]) -> None:
    if "time_limit" not in planner.spec.takes:
        return
    _first(accepted)
    economy = _large_like(planner)
    if economy is None:
        return
    planner.run(economy, limit=CASE_LIMIT)  # compiles, imports
    began = time.monotonic()
    solution = planner.run(economy, gap=1e-15, limit=SHORT_LIMIT)
    took = time.monotonic() - began
    if took > SHORT_LIMIT + GRACE:
        raise _WrongError(f"ends {took:.1f} s after the start, with a limit of {SHORT_LIMIT} s")
    _judged(planner, economy, replace(solution, claim="unknown"))


def _large_like(planner: Planner) -> Economy | None:
    """Return an economy too large for the short limit, of a kind the planner accepts."""
    refusal = planner.refusal
    for resources in (3, 1):
        economy = random_economy(goods=1500, resources=resources)
        if refusal is None or refusal(economy) is None:
            return economy
    return None


def _from_own_state(planner: Planner, accepted: list[EconomyCase]) -> None:
    replan = planner.replan
    if replan is None:
        return
    economy, options = _first(accepted), planner.options()
    first, state = replan(economy, planner.spec, options)
    again, _ = replan(economy, planner.spec, options, state)
    _holds(_judged(planner, economy, again), optimum_of(economy))
    _closes(planner, again, _judged(planner, economy, again), True)
    for kind, count in again.iterations.items():
        if count > first.iterations.get(kind, 0):
            raise _WrongError(
                f"{count} {kind} from its own state, {first.iterations.get(kind)} without"
            )
    once_more, _ = replan(economy, planner.spec, options, state)
    if not _equal(once_more.x, again.x):
        raise _WrongError("planning from a state changes the state")


def _from_old_state(planner: Planner, accepted: list[EconomyCase]) -> None:
    replan = planner.replan
    if replan is None:
        return
    for case in accepted:
        if case.ends != "optimum":
            continue
        state = replan(case.economy, planner.spec, planner.options())[1]
        changed = with_changed_endowments(case.economy)
        solution, _ = replan(changed, planner.spec, planner.options(), state)
        try:
            certificate = _judged(planner, changed, solution)
            _holds(certificate, optimum_of(changed))
            _closes(planner, solution, certificate, True)
        except _WrongError as wrong:
            raise _WrongError(f"{case.name}, endowments changed: {wrong}") from None


def _foreign_state(planner: Planner, accepted: list[EconomyCase]) -> None:
    replan = planner.replan
    if replan is None:
        return
    economy = _first(accepted)
    others = [c.economy for c in accepted if c.economy.n_goods != economy.n_goods]
    others = [other for other in others if other.n_goods > 2]
    if not others:
        return
    state = replan(others[0], planner.spec, planner.options())[1]
    try:
        replan(economy, planner.spec, planner.options(), state)
    except PlanbenchError:
        return
    raise _WrongError(f"takes the state of {others[0].n_goods} goods for {economy.n_goods}")


def _fingerprint(economy: Economy) -> tuple[bytes, ...]:
    arrays = [economy.endowment, economy.capacity, economy.fixed_demand, economy.weights]
    for matrix in (economy.inputs, economy.outputs, economy.resource_use, economy.assortment):
        arrays += [matrix.data, matrix.indices, matrix.indptr]
    return tuple(array.tobytes() for array in arrays)


_CHECKS: dict[str, Callable[[Planner, list[EconomyCase]], None]] = {
    "a general linear program is refused": _general_refused,
    "some economy is accepted": _something_accepted,
    "the same plan every time": _same_twice,
    "the time limit is kept": _time_limit,
    "no more rounds from its own state": _from_own_state,
    "right from an old plan": _from_old_state,
    "the state of another economy is refused": _foreign_state,
}
