"""Benchmarks of planbench itself with pytest-benchmark: timed in rounds, counted in matrix passes.

A matrix pass is taken right before and right after each benchmark, as in every measurement, so
that `planbench regress` can tell a slower planbench from a slower machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from planbench.catalogue.instance import Instance
from planbench.catalogue.resolve import load_instance
from planbench.measure.calibrate import matrix_pass_seconds
from planbench.measure.machine import describe_machine, git_commit, package_versions
from planbench.model.linear_program import LinearProgram

#: Timed runs of each benchmark; a comparison pairs them and needs at least eight for an exact
#: test at 99 %.
ROUNDS = 9
#: What most benchmarks work on: a second or less of each step.
ECONOMY = "gen:goods=100000,structure=powerlaw,techniques=2,resources=5,seed=1"

Run = Callable[..., Any]


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: Any) -> None:
    """Say what `planbench regress` must know of the machine and of what was measured."""
    del config
    machine_info["planbench"] = {
        "machine": describe_machine(),
        "packages": package_versions(),
        "commit": git_commit(),
    }


@pytest.fixture(scope="session")
def instance() -> Instance:
    """Economy of 100,000 goods, its program assembled."""
    made = load_instance(ECONOMY)
    assert made.lp.n_rows
    return made


@pytest.fixture
def run(benchmark: Any, instance: Instance) -> Run:
    """Time a function in :data:`ROUNDS` rounds, a matrix pass before and after."""

    def timed(
        function: Callable[..., Any],
        *args: Any,
        setup: Callable[[], Any] | None = None,
        rounds: int = ROUNDS,
        warmup_rounds: int = 1,
        on: LinearProgram | None = None,
    ) -> Any:
        lp = on if on is not None else instance.lp
        before = matrix_pass_seconds(instance.lp.matrix)
        result = benchmark.pedantic(
            function, args=args, setup=setup, rounds=rounds, warmup_rounds=warmup_rounds
        )
        benchmark.extra_info.update(
            pass_s_before=before,
            pass_s_after=matrix_pass_seconds(instance.lp.matrix),
            rows=lp.n_rows,
            columns=lp.n_cols,
            nonzeros=int(lp.matrix.nnz),
        )
        return result

    return timed
