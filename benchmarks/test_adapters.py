"""Handing a program to each solver and getting the answer back, apart from solving it.

The program is one that every solver sees through at once (cost of everything, nothing that must
be made), so that what is left is the way there and back. Each round is a worker process of its
own, as in every measurement.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from planbench.io.npz import save_npz
from planbench.measure.launch import JobResult, run_job
from planbench.measure.protocol import Job
from planbench.model.linear_program import LinearProgram, make_linear_program
from planbench.solvers.registry import availability, list_solvers

ROWS, COLUMNS, PER_COLUMN = 20_000, 40_000, 10
ROUNDS = 9
#: PuLP builds an object per coefficient: seconds where arrays take milliseconds.
SLOW = {"cbc": 3}
SOLVERS = [
    spec.name
    for spec in list_solvers()
    if spec.accepts == "lp"
    and spec.name not in ("cmd", "null")
    and not spec.name.endswith("crossover")
]


class PhaseClock:
    """A timer for pytest-benchmark that goes on by what a phase took in another process."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Seconds so far."""
        return self.seconds


CLOCK = PhaseClock()


@cache
def program() -> LinearProgram:
    """Minimise the sum of x ≥ 0 under A x ≤ 1: the answer is 0."""
    rng = np.random.default_rng(np.random.SeedSequence(2))
    matrix = sp.csc_array(
        (
            rng.random(COLUMNS * PER_COLUMN) + 0.5,
            np.concatenate([rng.choice(ROWS, PER_COLUMN, replace=False) for _ in range(COLUMNS)]),
            np.arange(0, COLUMNS * PER_COLUMN + 1, PER_COLUMN),
        ),
        shape=(ROWS, COLUMNS),
    )
    matrix.sort_indices()
    return make_linear_program(
        matrix=matrix,
        cost=np.ones(COLUMNS),
        row_lower=np.full(ROWS, -np.inf),
        row_upper=np.ones(ROWS),
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File of the program."""
    file = tmp_path_factory.mktemp("program") / "lp.npz"
    save_npz(program(), file)
    return file


@pytest.fixture(scope="module", params=SOLVERS)
def solver(request: pytest.FixtureRequest) -> str:
    """Name of a solver that can run here."""
    name = str(request.param)
    spec = next(s for s in list_solvers() if s.name == name)
    if why := availability(spec):
        pytest.skip(why)
    return name


@pytest.fixture(scope="module")
def results(solver: str, path: Path, tmp_path_factory: pytest.TempPathFactory) -> list[JobResult]:
    """Results of all rounds of one solver, which both benchmarks read; the first warmed up."""
    found = []
    for _ in range(SLOW.get(solver, ROUNDS) + 1):
        job = Job(str(path), solver, str(tmp_path_factory.mktemp("job")), calibrate=False)
        result = run_job(job, time_limit_s=120.0, memory_limit_bytes=4 << 30)
        assert result.ended == "ok", result.message
        found.append(result)
    return found[1:]


@pytest.mark.benchmark(timer=CLOCK)
@pytest.mark.parametrize("phases", [("build", "load"), ("extract",)], ids=["load", "extract"])
def test_adapter(run: Any, solver: str, results: list[JobResult], phases: tuple[str, ...]) -> None:
    rounds = iter(results)

    def one() -> None:
        CLOCK.seconds += next(rounds).seconds(*phases) or 0.0

    run(one, rounds=len(results), warmup_rounds=0, on=program())
