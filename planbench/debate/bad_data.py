"""Plans made from wrong coefficients, and what they are worth in the true economy.

Each input and resource coefficient is multiplied by exp(σε − σ²/2), ε standard normal and
independent, so that a coefficient is off by about σ and right on average. The economy with these
coefficients is planned; the plan is then carried out in the true economy and judged there with the
true economy's own prices, in two ways:

- ``levels``: every activity runs at the level planned; the certificate scales the plan down and
  mixes it with one that is known to work until nothing is short;
- ``techniques``: each good is made by the techniques planned, in the proportions planned, but as
  much of it as is truly needed. That asks of those concerned to order what they run out of, and of
  nobody to plan anew. Defined where each activity makes one good, without fixed demand and
  capacities.

Polishing is left out: it would choose techniques anew, with the true coefficients.

Errors that all have in common (every input understated) are another question; so are data that
somebody bends on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from planbench.bench.request import Conditions, make_request
from planbench.bench.single import RunOutcome, solve_once
from planbench.catalogue.instance import Instance
from planbench.certificates.judge import certify, prepare
from planbench.debate.study import study_row
from planbench.errors import InputError
from planbench.generators.draws import round24
from planbench.model.arrays import FloatArray, Matrix
from planbench.model.economy import Economy
from planbench.records.schema import Record
from planbench.solvers.base import Solution, SolveOptions

STUDY_NAME = "bad-data"
#: What is varied: the spread σ of the errors.
VARIABLE = "noise"
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

Progress = Callable[[str], None]


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
    instance: Instance,
    found: RunOutcome,
    truth: RunOutcome,
    noise: float,
    seed: int,
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
        yield study_row(
            instance,
            certificate,
            options={VARIABLE: noise, "noise_seed": seed, CARRIED_OUT: way},
            group=STUDY_NAME,
            solver=run.solver,
            solver_version=run.solver_version,
            method_run=run.method_run,
            variable=VARIABLE,
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
