"""Studies: what a plan is worth after a shock, or when it was made from wrong data.

Their rows are records like any other, of the suite :data:`STUDY` and with what was varied in
``variable`` and ``value``, so that they can be kept, exported and read. Rankings and ladders pass
them over; the claims read them, through :func:`replanned` and :func:`noise_losses`.

*A shock.* Hayek (1945) asked what a plan is worth when tin becomes scarce before it is carried out.
Here the scarcest resource (that with the largest share of the value, at the old plan's rents) is
cut, and each solver plans the changed economy to the same certified gap, from what it kept of the
old plan (warm) and from nothing (cold), in turn. Each plans within this process; compiling and
importing happen while the old plan is made, which is not timed.

*Wrong data.* Each input and resource coefficient is multiplied by exp(σε − σ²/2), ε standard normal
and independent, so that a coefficient is off by about σ and right on average. The economy with
these coefficients is planned; the plan is then carried out in the true economy and judged there
with the true economy's own prices, in two ways:

- ``levels``: every activity runs at the level planned; the certificate scales the plan down and
  mixes it with one that is known to work until nothing is short;
- ``techniques``: each good is made by the techniques planned, in the proportions planned, but as
  much of it as is truly needed. That asks of those concerned to order what they run out of, and of
  nobody to plan anew. Defined where each activity makes one good, without fixed demand and
  capacities.

Polishing is left out: it would choose techniques anew, with the true coefficients. Errors that all
have in common (every input understated) are another question; so are data that somebody bends on
purpose.
"""

from __future__ import annotations

import hashlib
import importlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import numpy as np
import scipy.sparse as sp

from planbench.bench.request import Conditions, instance_facts, make_request
from planbench.bench.single import RunOutcome, certificate_facts, solve_once
from planbench.catalogue.instance import Instance
from planbench.certificates.certificate import Certificate
from planbench.certificates.judge import certify, prepare
from planbench.errors import InputError, PlanbenchError, SolverError
from planbench.generators.draws import round24
from planbench.measure.calibrate import is_disturbed, matrix_pass_seconds, passes
from planbench.measure.machine import describe_machine, git_commit, package_versions
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy
from planbench.model.linear_program import LinearProgram
from planbench.planners.planner import Planner, PlanOptions
from planbench.records.schema import STUDY, Record
from planbench.records.values import json_safe
from planbench.solvers.base import Solution, SolveOptions
from planbench.solvers.registry import find_solver
from planbench.stats.aggregate import median_or_failure

Progress = Callable[[str], None]

REPLAN, BAD_DATA = "replan", "bad-data"


def _study_row(
    instance: Instance,
    certificate: Certificate | None,
    *,
    options: Mapping[str, Any],
    pass_s: tuple[float | None, float | None] = (None, None),
    **fields: Any,
) -> Record:
    """Make a record of one run of a study.

    Parameters
    ----------
    instance : Instance
        What the plan was judged on.
    certificate : Certificate or None
        Of the plan on `instance`.
    options : mapping
        With the option that was varied.
    pass_s : (float or None, float or None)
        Seconds of a matrix pass before and after.
    **fields
        Fields of the record: at least ``group`` (the study), ``solver``, ``variable``, ``value``
        and ``ended``.
    """
    before, after = pass_s
    text = f"{instance.sha256} {fields['group']} {fields['solver']} {sorted(options.items())}"
    judged = {} if certificate is None else certificate_facts(certificate)
    known = {
        "key": hashlib.sha256(text.encode()).hexdigest()[:16],
        "suite": STUDY,
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "instance": instance_facts(instance),
        "options": json_safe(dict(options)),
        "claim": "feasible" if fields["ended"] == "ok" else None,
        "pass_s_before": before,
        "pass_s_after": after,
        "matrix_passes": passes(fields.get("wall_s"), before, after),
        "disturbed": is_disturbed(before, after),
        "machine": describe_machine(),
        "packages": package_versions(),
        "commit": git_commit(),
    }
    return Record(**(known | judged | fields))


def _of(records: Sequence[Record], study: str) -> list[Record]:
    """Rows of a study; of a run made again the last."""
    mine = [r for r in records if r.suite == STUDY and r.group == study]
    latest = {(r.key, r.repeat, str(r.machine.get("id"))): r for r in mine}
    return list(latest.values())


# A shock.

SIMPLEX = "highs-ds"
#: Solvers that can start from what they kept: planners by their state, and HiGHS's simplex by its
#: basis.
REPLANNERS = ("two-level", "value-iteration", "primal-dual", SIMPLEX)


def check_replanners(names: Sequence[str]) -> None:
    """Refuse solvers that cannot start from an old plan.

    Raises
    ------
    InputError
        Naming those that can.
    """
    for name in names:
        if name not in REPLANNERS:
            raise InputError(
                f"{name!r} cannot start from an old plan; choose from {', '.join(REPLANNERS)}",
                where="--solvers",
            )


def plan_from(
    solver: str, economy: Economy, lp: LinearProgram, gap: float, kept: Any = None
) -> tuple[Solution, Any]:
    """Plan to a gap from what was `kept`, from nothing where that is None; keep anew."""
    if solver == SIMPLEX:
        return _highs_simplex(lp, kept)
    planner: Planner = importlib.import_module(find_solver(solver).spec.module).PLANNER
    result = planner.plan(economy, PlanOptions(tolerance=gap), kept)
    solution = planner.solution(economy, result)
    if solution.x is None:
        raise SolverError(f"{solver} found no plan: {solution.native_status}")
    return solution, result.state


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


#: What is varied: the plan a solver starts from.
START, COLD, WARM = "start", "cold", "warm"
#: What is left of the resource.
LEFT = 0.8
GAP = 1e-6


def replan(
    instance: Instance,
    solvers: Sequence[str],
    *,
    left: float = LEFT,
    resource: int | None = None,
    gap: float = GAP,
    repeats: int = 3,
    progress: Progress | None = None,
) -> Iterator[Record]:
    """Plan, cut a resource, and plan again, warm and cold in turn.

    Parameters
    ----------
    instance : Instance
        An economy.
    solvers : sequence of str
        Of :data:`REPLANNERS`.
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
        raise InputError(f"is {resource + 1}; there are {economy.n_resources}", where="--resource")
    say = progress or (lambda _: None)
    for solver in solvers:
        say(f"{solver} on {instance.name}: the old plan")
        try:
            old, kept = plan_from(solver, economy, instance.lp, gap)
        except PlanbenchError as error:
            yield _refused(instance, solver, COLD, error)
            continue
        cut = resource if resource is not None else _scarcest(economy, old)
        shocked = _shocked_instance(instance, economy, cut, left)
        prepare(shocked.lp, shocked.economy)
        for repeat in range(repeats):
            # In turn, so that a drift of the machine hits both alike.
            for start in (COLD, WARM) if repeat % 2 == 0 else (WARM, COLD):
                say(f"{solver} on {shocked.name}: {start}")
                yield _once(shocked, solver, start, kept, gap, repeat)
                if start == WARM and solver == SIMPLEX:
                    # Its state is itself: back to the old plan before the next round.
                    _, kept = plan_from(solver, economy, instance.lp, gap)


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
    shocked: Instance, solver: str, start: str, kept: object, gap: float, repeat: int
) -> Record:
    assert shocked.economy is not None
    before = matrix_pass_seconds(shocked.lp.matrix)
    begun = perf_counter()
    try:
        found, _ = plan_from(
            solver, shocked.economy, shocked.lp, gap, kept if start == WARM else None
        )
    except PlanbenchError as error:
        return _refused(shocked, solver, start, error)
    seconds = perf_counter() - begun
    after = matrix_pass_seconds(shocked.lp.matrix)
    return _study_row(
        shocked,
        certify(shocked.lp, shocked.economy, found, tolerance=max(gap, 1e-6)),
        options={START: start, "gap": gap},
        pass_s=(before, after),
        group=REPLAN,
        solver=solver,
        solver_version=found.version,
        method_run=found.method_run,
        variable=START,
        value=start,
        ended="ok",
        repeat=repeat,
        wall_s=seconds,
        iterations=dict(found.iterations),
    )


def _refused(instance: Instance, solver: str, start: str, error: PlanbenchError) -> Record:
    return _study_row(
        instance,
        None,
        options={START: start},
        group=REPLAN,
        solver=solver,
        variable=START,
        value=start,
        ended="refused",
        message=str(error),
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


@dataclass(frozen=True)
class Replanned:
    """One solver after one shock.

    Attributes
    ----------
    solver, instance : str
    goods : int or None
    cold, warm : float
        Median seconds from nothing and from the old plan, both to the certified gap.
    counts : tuple of (str, int, int)
        What the solver counts, cold and warm: rounds, passes, simplex iterations.
    """

    solver: str
    instance: str
    goods: int | None
    cold: float
    warm: float
    counts: tuple[tuple[str, int, int], ...]

    @property
    def saving(self) -> float:
        """How many times faster from the old plan."""
        return self.cold / self.warm


def replanned(records: Sequence[Record], gap: float) -> list[Replanned]:
    """Pairs of cold and warm plans of which both are certified to `gap`."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for row in _of(records, REPLAN):
        groups.setdefault((row.solver, row.instance.sha256), []).append(row)
    found = []
    for (solver, _), rows in groups.items():
        sides = [[r for r in rows if r.value == start] for start in (COLD, WARM)]
        cold, warm = (_median(side, gap) for side in sides)
        if cold is None or warm is None:
            continue
        facts = rows[0].instance
        counts = tuple(
            (kind, _middle_count(sides[0], kind), _middle_count(sides[1], kind))
            for kind in rows[0].iterations
        )
        found.append(Replanned(solver, facts.name, facts.goods, cold, warm, counts))
    return found


def _middle_count(rows: Sequence[Record], kind: str) -> int:
    return int(np.median([r.iterations.get(kind, 0) for r in rows]))


def _median(rows: Sequence[Record], gap: float) -> float | None:
    if not all(r.ended == "ok" and r.raw_gap is not None and r.raw_gap <= gap for r in rows):
        return None
    return median_or_failure(
        [r.wall_s for r in rows if not r.disturbed] or [r.wall_s for r in rows]
    )


# Wrong data.

#: What is varied: the spread σ of the errors.
NOISE = "noise"
#: Option that says how the plan was carried out.
CARRIED_OUT = "carried_out"
LEVELS, TECHNIQUES = "levels", "techniques"
NOISES = (0.01, 0.03, 0.1, 0.3)
SEEDS = (1, 2, 3)
#: Errors beyond it leave hardly a coefficient what it was.
LARGEST_NOISE = 3.0
#: Outputs have converged when none changes by more than this share of the largest.
CONVERGED = 1e-14
MOST_ROUNDS = 10_000


def noisy_economy(economy: Economy, noise: float, seed: int) -> Economy:
    """Economy as it looks through wrong data: A and R off by lognormal factors of mean 1.

    Parameters
    ----------
    economy : Economy
    noise : float
        σ of the logarithm, ≥ 0.
    seed : int
    """
    used, needed = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    return replace(
        economy,
        inputs=_disturbed(economy.inputs, noise, used),
        resource_use=_disturbed(economy.resource_use, noise, needed),
        # The interior of the true economy need not be one of this; it is found anew.
        interior=None,
        recipe={**economy.recipe, "noise": noise, "noise_seed": seed},
    )


def bad_data(
    instance: Instance,
    solver: str,
    *,
    noises: Sequence[float] = NOISES,
    seeds: Sequence[int] = SEEDS,
    conditions: Conditions,
    progress: Progress | None = None,
) -> Iterator[Record]:
    """Plan from wrong data and see what is lost in the true economy.

    Parameters
    ----------
    instance : Instance
        The true economy.
    solver : str
        Plans both; should be one that gets close to the optimum.
    noises : sequence of float
        Spreads σ, in (0, 3].
    seeds : sequence of int
        Each noise is drawn with each.
    conditions : Conditions
        Of each run.
    progress : callable, optional
        Called with a line before each run.

    Yields
    ------
    Record
        Judged on the true economy; ``value`` is the noise. The first are of the plan from the
        true data, noise 0.

    Raises
    ------
    InputError
        Without an economy, or on a noise out of range.
    """
    economy = instance.economy
    if economy is None:
        raise InputError("is no economy; noise is put on its coefficients", where=instance.name)
    for noise in noises:
        if not 0 < noise <= LARGEST_NOISE:
            raise InputError(f"is {noise:g}; give numbers above 0, at most 3", where="--noise")
    prepare(instance.lp, economy)
    say = progress or (lambda _: None)

    def plan(of: Instance) -> RunOutcome:
        say(f"{solver} on {of.name}")
        return solve_once(make_request(of, solver, SolveOptions(), conditions))

    truth = plan(instance)
    yield from _rows(instance, truth, truth, 0.0, 0)
    if truth.solution is None or truth.solution.y is None:
        return
    for noise in noises:
        for seed in seeds:
            seen = noisy_economy(economy, noise, seed)
            name = f"{instance.name} seen with noise {noise:g}, seed {seed}"
            found = plan(Instance(name=name, economy=seen, recipe=dict(seen.recipe)))
            yield from _rows(instance, found, truth, noise, seed)


def carry_out_techniques(economy: Economy, columns: FloatArray) -> FloatArray | None:
    """Make what is needed with the techniques of a plan, in its proportions.

    With the shares s of its makers in each good's output, gross outputs solve y = D z + A_s y;
    the scale is set by the scarcest resource.

    Parameters
    ----------
    economy : Economy
        The true one.
    columns : ndarray, shape (activities + targets,)
        A plan (x, z), from whatever coefficients.

    Returns
    -------
    ndarray, shape (activities + targets,), or None
        None where an activity makes none or several goods, there are capacities or fixed
        demand, or these techniques cannot supply themselves.
    """
    m, n = economy.n_activities, economy.n_goods
    single = np.diff(economy.outputs.indptr) == 1
    plain = not economy.fixed_demand.any() and np.isinf(economy.capacity).all()
    if not (single.all() and plain):
        return None
    x, z = np.maximum(columns[:m], 0.0), np.maximum(columns[m:], 0.0)
    good, made = economy.outputs.indices, economy.outputs.data
    total = np.bincount(good, weights=made * x, minlength=n)[good]
    share = np.divide(made * x, total, out=np.zeros(m), where=total > 0)
    # Levels of the activities per unit of gross output of each good.
    levels = sp.csc_array((share / made, (np.arange(m), good)), shape=(m, n))
    needed = economy.assortment @ z
    through = sp.csr_array(economy.inputs @ levels)
    outputs = needed.copy()
    for _ in range(MOST_ROUNDS):
        after = needed + through @ outputs
        moved = float(np.abs(after - outputs).max(initial=0.0))
        outputs = after
        if not np.isfinite(moved) or moved <= CONVERGED * float(outputs.max(initial=0.0)):
            break
    else:
        return None
    if not np.isfinite(outputs).all():
        return None
    run = levels @ outputs
    use = economy.resource_use @ run
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(use > 0, economy.endowment / use, np.inf).min(initial=np.inf)
    if not np.isfinite(scale):
        return None
    carried: FloatArray = np.concatenate([run, z]) * scale
    return carried


def _rows(
    instance: Instance, found: RunOutcome, truth: RunOutcome, noise: float, seed: int
) -> Iterator[Record]:
    """Rows of one plan, carried out in each way."""
    assert instance.economy is not None
    columns = found.solution.x if found.solution is not None else None
    ways: dict[str, FloatArray | None] = {LEVELS: columns}
    if columns is not None:
        kept = carry_out_techniques(instance.economy, columns)
        if kept is not None:
            ways[TECHNIQUES] = kept
    run = found.record
    for way, carried in ways.items():
        certificate = None
        if carried is not None and truth.solution is not None:
            # The plan as made from wrong data, with the prices of the true economy.
            judged = Solution("feasible", carried, truth.solution.y, None, "carried out")
            certificate = certify(instance.lp, instance.economy, judged, polish=False)
        yield _study_row(
            instance,
            certificate,
            options={NOISE: noise, "noise_seed": seed, CARRIED_OUT: way},
            group=BAD_DATA,
            solver=run.solver,
            solver_version=run.solver_version,
            method_run=run.method_run,
            variable=NOISE,
            value=noise,
            ended=run.ended,
            repeat=seed,
            wall_s=run.wall_s,
            iterations=run.iterations,
            message=run.message,
            time_limit_s=run.time_limit_s,
        )


def _disturbed(matrix: Matrix, noise: float, generator: np.random.Generator) -> Matrix:
    logs = noise * generator.standard_normal(matrix.nnz) - noise**2 / 2
    # numpy's own exponential differs between processors in the last digit.
    factors = round24(np.array([math.exp(value) for value in logs.tolist()]))
    changed = matrix.copy()
    changed.data = matrix.data * factors
    return changed


@dataclass(frozen=True)
class NoiseLoss:
    """Loss of value at one noise, over its seeds.

    Attributes
    ----------
    instance, solver : str
    noise : float
        σ of the errors' logarithms.
    levels, techniques : float or None
        Median share of the optimum lost, at most: activities run as planned, scaled until nothing
        is short; goods made by the techniques planned, as much as is needed. None where more
        than half of the plans could not be judged, or techniques cannot be distinguished.
    plans : int
    """

    instance: str
    solver: str
    noise: float
    levels: float | None
    techniques: float | None
    plans: int

    @property
    def kept(self) -> float | None:
        """Loss where goods are made as much as is needed, if that is known; else of the levels."""
        return self.levels if self.techniques is None else self.techniques


def noise_losses(records: Sequence[Record]) -> list[NoiseLoss]:
    """Median losses by instance, solver and noise, noises ascending."""
    groups: dict[tuple[str, str, float], list[Record]] = {}
    for row in _of(records, BAD_DATA):
        if isinstance(row.value, int | float):
            place = row.instance.name, row.solver, float(row.value)
            groups.setdefault(place, []).append(row)
    found = []
    for place, rows in sorted(groups.items()):
        levels, techniques = (
            [r.raw_gap for r in rows if r.options.get(CARRIED_OUT) == way]
            for way in (LEVELS, TECHNIQUES)
        )
        lost = median_or_failure(levels), median_or_failure(techniques)
        found.append(NoiseLoss(*place, *lost, len(levels)))
    return found
