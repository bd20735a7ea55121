"""Every solver on every instance: what ``compare`` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from planbench.bench.request import Conditions, InstanceCache, Place, asked_options, make_request
from planbench.bench.single import solve_once
from planbench.catalogue.instance import Instance
from planbench.io.scratch import scratch_folder
from planbench.records.schema import Record
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import check_options, choose_solver, find_solver


def options_by_solver(
    solvers: Sequence[str], asked: SolveOptions
) -> tuple[dict[str, SolveOptions], dict[str, list[str]]]:
    """Give each solver those of the options that it has.

    Returns
    -------
    dict of str to SolveOptions
    dict of str to list of str
        Options asked for that a solver lacks, by solver.

    Raises
    ------
    InputError
        On an unknown solver or a native option.
    """
    given: dict[str, SolveOptions] = {}
    lacks: dict[str, list[str]] = {}
    for name in solvers:
        spec = find_solver(name).spec
        lacking = [option for option in asked_options(asked) if option not in spec.takes]
        kept = {name: None for name in lacking if name in ("tolerance", "threads", "seed")}
        own = replace(asked, **kept)  # type: ignore[arg-type]
        check_options(spec, own)
        given[name] = own
        if lacking:
            lacks[name] = lacking
    return given, lacks


def run_grid(
    instances: Sequence[Instance],
    solvers: Mapping[str, SolveOptions],
    conditions: Conditions,
    *,
    repeats: int = 1,
    progress: Callable[[str, str, str], None] | None = None,
) -> Iterator[Record]:
    """Run everything, instance by instance, the solvers in a shuffled order each round.

    Parameters
    ----------
    instances : sequence of Instance
    solvers : mapping of str to SolveOptions
    conditions : Conditions
    repeats : int
        Rounds.
    progress : callable, optional
        Called with solver, name of the instance, and phase.

    Yields
    ------
    Record
        As each run ends.
    """
    generator = np.random.default_rng(np.random.SeedSequence(len(solvers)))
    chosen = [(choose_solver(name), options) for name, options in solvers.items()]
    with scratch_folder() as folder:
        for instance in instances:
            cache = InstanceCache(folder)
            for repeat in range(repeats):
                for k in generator.permutation(len(chosen)):
                    solver, options = chosen[int(k)]

                    def phase(at: str, solver: str = solver.name, on: str = instance.name) -> None:
                        if progress is not None:
                            progress(solver, on, at)

                    phase("start")
                    yield solve_once(
                        make_request(instance, solver, options, conditions, Place(repeat=repeat)),
                        cache=cache,
                        progress=phase,
                    ).record
            cache.drop(instance)
