"""Planning anew after a shock: how long it takes from the old plan, and from nothing.

Hayek (1945) asked what a plan is worth when tin becomes scarce before it is carried out. Here the
scarcest resource (that with the largest share of the value, at the old plan's rents) is cut, and
each solver plans the changed economy to the same certified gap, from what it kept of the old plan
(warm) and from nothing (cold), in turn. Each plans within this process; compiling and importing
happen while the old plan is made, which is not timed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from planbench.catalogue.instance import Instance
from planbench.certificates.judge import certify, prepare
from planbench.debate.study import study_row
from planbench.errors import InputError, PlanbenchError, SolverError
from planbench.measure.calibrate import matrix_pass_seconds
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.planners.planner import Planner, PlanOptions
from planbench.records.schema import Record
from planbench.solvers.base import Solution
from planbench.solvers.registry import find_solver

SIMPLEX = "highs-ds"
#: Solvers that can start from what they kept: planners by their state, and HiGHS's simplex by its
#: basis.
NAMES = ("two-level", "value-iteration", "primal-dual", SIMPLEX)


@dataclass(frozen=True)
class Replanner:
    """A solver that can be started from what it kept; find it with :func:`find_replanner`."""

    name: str

    def solve(
        self, economy: Economy, lp: LinearProgram, gap: float, kept: Any
    ) -> tuple[Solution, Any]:
        """Plan to a gap from what was `kept`, from nothing where that is None; keep anew."""
        if self.name == SIMPLEX:
            return _highs_simplex(lp, kept)
        planner: Planner = importlib.import_module(find_solver(self.name).spec.module).PLANNER
        result = planner.plan(economy, PlanOptions(tolerance=gap), kept)
        solution = planner.solution(economy, result)
        if solution.x is None:
            raise SolverError(f"{self.name} found no plan: {solution.native_status}")
        return solution, result.state


def find_replanner(name: str) -> Replanner:
    """Replanner of that name.

    Raises
    ------
    InputError
        Naming those there are.
    """
    if name not in NAMES:
        raise InputError(
            f"{name!r} cannot start from an old plan; choose from {', '.join(NAMES)}",
            where="--solvers",
        )
    return Replanner(name)


def _highs_simplex(lp: LinearProgram, kept: Any) -> tuple[Solution, Any]:
    """HiGHS's dual simplex; what it keeps is itself, with its basis.

    A changed endowment is a changed row bound, the only change taken up here.
    """
    from planbench.certificates.lp_bracket import quiet_highs
    from planbench.solvers.common import minimisation
    from planbench.solvers.highs import pass_model

    if kept is None:
        highs = quiet_highs()
        for key, value in {"threads": 1, "solver": "simplex"}.items():
            if highs.setOptionValue(key, value).name != "kOk":
                raise SolverError(f"HiGHS refuses the option {key}")
        pass_model(highs, minimisation(lp))
    else:
        old, highs = kept
        for row in np.flatnonzero(_changed_rows(old, lp)).tolist():
            highs.changeRowBounds(int(row), float(lp.row_lower[row]), float(lp.row_upper[row]))
    highs.run()
    status = highs.modelStatusToString(highs.getModelStatus())
    if status != "Optimal":
        raise SolverError(f"HiGHS ended with {status}")
    answer = highs.getSolution()
    sign = -1.0 if lp.maximise else 1.0
    counts = {"simplex": max(int(highs.getInfo().simplex_iteration_count), 0)}
    solution = Solution(
        claim="feasible",
        x=np.array(answer.col_value, dtype=np.float64),
        y=sign * np.array(answer.row_dual, dtype=np.float64),
        objective=None,
        native_status=status,
        iterations=counts,
        version=str(highs.version()),
        method_run="dual simplex",
    )
    return solution, (lp, highs)


def _changed_rows(old: LinearProgram, new: LinearProgram) -> Any:
    same = (
        old.matrix.nnz == new.matrix.nnz
        and np.array_equal(old.matrix.indices, new.matrix.indices)
        and np.array_equal(old.matrix.data, new.matrix.data)
        and np.array_equal(old.cost, new.cost)
    )
    if not same:
        raise SolverError("the old basis is taken up only where nothing but row bounds changed")
    return (old.row_lower != new.row_lower) | (old.row_upper != new.row_upper)


STUDY_NAME = "replan"
#: What is varied: the plan a solver starts from.
VARIABLE = "start"
COLD, WARM = "cold", "warm"
#: What is left of the resource.
LEFT = 0.8
GAP = 1e-6
REPEATS = 3

Progress = Callable[[str], None]


def replan(
    instance: Instance,
    solvers: Sequence[Replanner],
    *,
    left: float = LEFT,
    resource: int | None = None,
    gap: float = GAP,
    repeats: int = REPEATS,
    progress: Progress | None = None,
) -> Iterator[Record]:
    """Plan, cut a resource, and plan again, warm and cold in turn.

    Parameters
    ----------
    instance : Instance
        An economy.
    solvers : sequence of Replanner
    left : float
        Share of the resource that is left, in (0, 1).
    resource : int, optional
        Number of the resource; by default the scarcest.
    gap : float
        Gap that planners stop at; HiGHS's simplex stops at the optimum.
    repeats : int
    progress : callable, optional
        Called with a line before each run.

    Yields
    ------
    Record
        Of the changed economy, ``variable`` ``start``; refusals as such.

    Raises
    ------
    InputError
        Without an economy, a resource, or a share in (0, 1).
    """
    economy = instance.economy
    if economy is None:
        raise InputError("is no economy; re-planning needs resources to cut", where=instance.name)
    if not 0 < left < 1:
        raise InputError(f"is {left:g}; give a share between 0 and 1", where="--left")
    if resource is not None and not 0 <= resource < economy.n_resources:
        raise InputError(f"is {resource}; there are {economy.n_resources}", where="--resource")
    say = progress or (lambda _: None)
    for solver in solvers:
        say(f"{solver.name} on {instance.name}: the old plan")
        try:
            old, kept = solver.solve(economy, instance.lp, gap, None)
        except PlanbenchError as error:
            yield _refused(instance, solver, str(error))
            continue
        cut = resource if resource is not None else _scarcest(economy, old)
        shocked = _shocked_instance(instance, economy, cut, left)
        prepare(shocked.lp, shocked.economy)
        for repeat in range(repeats):
            # In turn, so that a drift of the machine hits both alike.
            for start in (COLD, WARM) if repeat % 2 == 0 else (WARM, COLD):
                say(f"{solver.name} on {shocked.name}: {start}")
                yield _once(shocked, solver, start, kept, gap, repeat)
                if start == WARM and solver.name == SIMPLEX:
                    # Its state is itself: back to the old plan before the next round.
                    _, kept = solver.solve(economy, instance.lp, gap, None)


def cut_resource(economy: Economy, resource: int, left: float) -> Economy:
    """Economy with `left` times as much of one resource; its interior plan shrinks with it."""
    endowment = economy.endowment.copy()
    endowment[resource] *= left
    interior = economy.interior
    if interior is not None and interior.activities is not None:
        # A share of a plan with slack has slack; where fixed demand forbids it the certificate
        # finds another, for it checks an interior before it uses it.
        interior = replace(interior, activities=left * interior.activities)
    shock = {"resource": resource, "left": left}
    return replace(
        economy,
        endowment=endowment,
        interior=interior,
        recipe={**economy.recipe, "shock": shock},
    )


def _once(
    shocked: Instance,
    solver: Replanner,
    start: str,
    kept: object,
    gap: float,
    repeat: int,
) -> Record:
    assert shocked.economy is not None
    before = matrix_pass_seconds(shocked.lp.matrix)
    begun = perf_counter()
    try:
        found, _ = solver.solve(shocked.economy, shocked.lp, gap, kept if start == WARM else None)
    except PlanbenchError as error:
        return _refused(shocked, solver, str(error), start)
    seconds = perf_counter() - begun
    after = matrix_pass_seconds(shocked.lp.matrix)
    return study_row(
        shocked,
        certify(shocked.lp, shocked.economy, found, tolerance=max(gap, 1e-6)),
        options={VARIABLE: start, "gap": gap},
        pass_s=(before, after),
        group=STUDY_NAME,
        solver=solver.name,
        solver_version=found.version,
        method_run=found.method_run,
        variable=VARIABLE,
        value=start,
        ended="ok",
        repeat=repeat,
        wall_s=seconds,
        iterations=dict(found.iterations),
    )


def _refused(
    instance: Instance,
    solver: Replanner,
    message: str,
    start: str = COLD,
) -> Record:
    return study_row(
        instance,
        None,
        options={VARIABLE: start},
        group=STUDY_NAME,
        solver=solver.name,
        variable=VARIABLE,
        value=start,
        ended="refused",
        message=message,
    )


def _scarcest(economy: Economy, old: Solution) -> int:
    """Resource with the largest share of the plan's value, w_k r_k."""
    if old.y is None:
        return 0
    rents = np.maximum(old.y[economy.n_goods :], 0.0)
    return int(np.argmax(rents * economy.endowment))


def _shocked_instance(instance: Instance, economy: Economy, resource: int, left: float) -> Instance:
    changed = cut_resource(economy, resource, left)
    named = economy.resources[resource] if economy.resources else f"resource {resource + 1}"
    return Instance(
        name=f"{instance.name} with {100 * left:g} % of {named}",
        economy=changed,
        recipe=dict(changed.recipe),
        source=f"{instance.source}, {named} cut".strip(", "),
    )
