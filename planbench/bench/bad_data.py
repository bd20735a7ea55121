"""Plans made from wrong coefficients, and what they are worth in the true economy.

Each input and resource coefficient is multiplied by exp(σε − σ²/2), ε standard normal and
independent, so that a coefficient is off by about σ and right on average. The economy with these
coefficients is planned; the plan is then carried out in the true economy, made feasible by the
certificate's own repair, and judged with the true economy's own prices. Two figures come of it:

- ``raw_gap``: the loss where the plan is only scaled down and mixed with a plan that is known to
  work, until nothing is short;
- ``polished_gap``: the loss where what is short is made with the cheapest technique at hand, as
  a shop floor would, without planning anew.

Errors that all have in common (every input understated) are another question; so are data that
somebody bends on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from planbench.bench.single import RunOutcome, Surroundings, solve_once
from planbench.bench.study import study_row
from planbench.catalogue.instance import Instance
from planbench.certify.judge import certify, prepare
from planbench.errors import InputError
from planbench.model.arrays import Matrix
from planbench.model.economy import Economy
from planbench.records.schema import Record
from planbench.solvers.base import Solution, SolveOptions

STUDY_NAME = "bad-data"
#: What is varied: the spread σ of the errors.
VARIABLE = "noise"
NOISES = (0.01, 0.03, 0.1, 0.3)
SEEDS = (1, 2, 3)
#: Errors beyond it leave hardly a coefficient what it was.
LARGEST_NOISE = 3.0

Tell = Callable[[str], None]


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
    surroundings: Surroundings,
    *,
    noises: Sequence[float] = NOISES,
    seeds: Sequence[int] = SEEDS,
    time_limit_s: float,
    memory_limit_bytes: int,
    tell: Tell | None = None,
) -> list[Record]:
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

    Returns
    -------
    list of Record
        Judged on the true economy; ``value`` is the noise. The first row is the plan from the
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
    say = tell or (lambda _: None)

    def plan(of: Instance) -> RunOutcome:
        say(f"{solver} on {of.name}")
        return solve_once(
            of,
            solver,
            SolveOptions(),
            time_limit_s=time_limit_s,
            memory_limit_bytes=memory_limit_bytes,
            polish=False,
            surroundings=surroundings,
        )

    truth = plan(instance)
    rows = [_row(instance, solver, truth, truth, 0.0, 0, surroundings)]
    if truth.solution is None or truth.solution.y is None:
        return rows
    for noise in noises:
        for seed in seeds:
            seen = noisy_economy(economy, noise, seed)
            name = f"{instance.name} seen with noise {noise:g}, seed {seed}"
            found = plan(Instance(name=name, economy=seen, recipe=dict(seen.recipe)))
            rows.append(_row(instance, solver, found, truth, noise, seed, surroundings))
    return rows


def _row(
    instance: Instance,
    solver: str,
    found: RunOutcome,
    truth: RunOutcome,
    noise: float,
    seed: int,
    surroundings: Surroundings,
) -> Record:
    certificate = None
    if found.solution is not None and found.solution.x is not None and truth.solution is not None:
        # The plan as made from wrong data, with the prices of the true economy.
        judged = Solution("feasible", found.solution.x, truth.solution.y, None, "carried out")
        certificate = certify(instance.lp, instance.economy, judged)
    record = found.record
    return study_row(
        instance,
        study=STUDY_NAME,
        solver=solver,
        options={VARIABLE: noise, "noise_seed": seed},
        variable=VARIABLE,
        value=noise,
        certificate=certificate,
        surroundings=surroundings,
        ended=record.ended,
        repeat=seed,
        wall_s=record.wall_s,
        iterations=record.iterations,
        version=record.solver_version,
        method=record.method_run,
        message=record.message,
        time_limit_s=record.time_limit_s,
    )


def _disturbed(matrix: Matrix, noise: float, generator: np.random.Generator) -> Matrix:
    factors = np.exp(noise * generator.standard_normal(matrix.nnz) - noise**2 / 2)
    changed = matrix.copy()
    changed.data = matrix.data * factors
    return changed
