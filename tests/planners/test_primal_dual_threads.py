"""``primal-dual`` by several threads: the same rounds, the same plan every time."""

from __future__ import annotations

import numpy as np
import pytest
from support.economies import KINDS, random_small

from planbench.catalogue.resolve import load_instance
from planbench.certificates import certify
from planbench.errors import InputError
from planbench.model import to_linear_program
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import check_options, find_solver

pytest.importorskip("numba")

from planbench.planners import pdhg_kernels as kernels
from planbench.planners.pdhg import set_up
from planbench.planners.primal_dual import plan, solve
from planbench.planners.team import share

SPEC = find_solver("primal-dual")[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threads", [2, 3])
def test_rounds_shared_are_the_rounds_of_one_thread(kind: str, threads: int) -> None:
    """A row scattered twice, or by nobody, or a restart forgotten would take another way."""
    alone, together = set_up(random_small(kind, 3)), set_up(random_small(kind, 3))
    alone.advance(70)
    with share(threads, grain=0) as team:
        together.advance(30)
        together.advance(40)
    assert team.used == threads
    for slot in (kernels.TOTAL, kernels.LENGTH, kernels.RESTARTS):
        assert together.scalars[slot] == alone.scalars[slot]
    assert together.scalars[kernels.WEIGHT] == pytest.approx(alone.scalars[kernels.WEIGHT])
    assert together.x == pytest.approx(alone.x, rel=1e-6, abs=1e-9)
    assert together.pair == pytest.approx(alone.pair, rel=1e-6, abs=1e-9)
    assert together.made == pytest.approx(together.matrix @ together.x, abs=1e-9)
    # What is exactly 0 need not be scattered, and rounding decides of some whether they are.
    assert together.meter.work == pytest.approx(alone.meter.work, rel=0.05)


def test_plan_is_the_same_every_time() -> None:
    """Sums in the order in which threads happen to end would differ from run to run."""
    economy = load_instance("gen:goods=300,byproducts=0.1,resources=3").economy
    assert economy is not None
    first, second = (
        plan(economy, tolerance=1e-5, rounds=20_000, threads=3, grain=0) for _ in range(2)
    )
    assert first.threads == 3
    assert first.ended == "closed"
    assert (first.rounds, first.passes) == (second.rounds, second.passes)
    assert first.x is not None
    assert np.array_equal(first.x, second.x)


def test_option_reaches_the_rounds_where_it_is_worth_it() -> None:
    """An option that is taken and forgotten, or threads that are claimed and not used."""
    options = SolveOptions(tolerance=1e-3, threads=2)
    check_options(SPEC, options)
    for recipe, used in (("gen:goods=300,resources=3", 1), ("gen:goods=5000,resources=3", 2)):
        economy = load_instance(recipe).economy
        assert economy is not None
        solution = solve(economy, SPEC, options)
        assert solution.threads_used == used
        certificate = certify(to_linear_program(economy), economy, solution, tolerance=1e-3)
        assert certificate.verdict == "certified"


def test_no_threads_at_all() -> None:
    """Zero threads would run nothing and report the start as a plan."""
    with pytest.raises(InputError, match="give 1 or more"):
        plan(random_small("plain", 1), threads=0)
