"""Planning with several threads: the same optimum, the same plan every time, and said so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.economies import random_small

pytest.importorskip("numba")
pytest.importorskip("clarabel")

from planbench.certificates import certify_plan
from planbench.errors import InputError
from planbench.generators import generate, parse_inline
from planbench.model import Economy
from planbench.model.plan import Plan
from planbench.planners import (
    kernels,
    kernels_close,
    kernels_contents,
    state_contents,
    team,
    two_level,
    value_iteration,
)
from planbench.planners.frame import Outcome, plan_economy
from planbench.planners.lanes import (
    clear_accounts,
    share_near,
    share_quantities,
    share_shortage,
)
from planbench.planners.state import Meter, list_techniques
from planbench.planners.state_sectors import (
    Sectors,
    charge_rents,
    needs_of,
    open_sectors,
    settle_contents,
    settle_prices,
    settle_quantities,
    use_shares,
)
from planbench.solvers.base import SolveOptions
from planbench.solvers.registry import check_options, list_solvers

GAP = 1e-6


def planned(economy: Economy, threads: int) -> Outcome:
    """Plan with everything shared, however small."""
    module = value_iteration if economy.n_resources == 1 else two_level
    return plan_economy(
        "planner", module._planner(), economy, GAP, None, None, None, threads, grain=0
    )


def economies() -> list[Economy]:
    recipes = (
        "goods=400,inputs=6,techniques=3,resources=4,seed=1",
        "goods=300,inputs=6,techniques=2,resources=12,structure=powerlaw,seed=2",
        "goods=300,inputs=6,techniques=3,resources=3,structure=layered,seed=3",
        "goods=500,inputs=8,techniques=3,resources=1,seed=4",
    )
    found = [generate(parse_inline(recipe)) for recipe in recipes]
    return found + [random_small("plain", seed) for seed in range(4)]


def same(one: Plan, other: Plan) -> bool:
    pairs = ((one.x, other.x), (one.z, other.z), (one.p, other.p), (one.w, other.w))
    return all(a is not None and b is not None and np.array_equal(a, b) for a, b in pairs)


def test_bounds_are_those_of_one_thread_and_certified() -> None:
    """Old values across threads must cost sweeps, never the bracket."""
    for number, economy in enumerate(economies()):
        _, _, alone = planned(economy, 1)
        for threads in (2, 3):
            plan, _, shared = planned(economy, threads)
            assert shared.ended == "optimal", (number, threads)
            assert shared.threads == threads
            assert shared.lower <= alone.upper * (1 + 1e-12)
            assert alone.lower <= shared.upper * (1 + 1e-12)
            found = certify_plan(economy, plan, tolerance=GAP, polish=False)
            assert found.verdict == "certified"
            assert found.raw_gap is not None
            assert found.raw_gap <= GAP


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_plan_is_the_same_every_time(threads: int) -> None:
    """Sums in the order in which threads happen to end would differ in the last digits."""
    for economy in economies()[:4]:
        first, _, before = planned(economy, threads)
        for _ in range(3):
            again, _, after = planned(economy, threads)
            assert same(first, again)
            assert (before.lower, before.upper, before.passes) == (
                after.lower, after.upper, after.passes,
            )  # fmt: skip


def opened(economy: Economy) -> Sectors:
    """Prices settled, the cheapest techniques listed."""
    sectors = open_sectors(
        economy, list_techniques(economy), 1.0 / economy.endowment, Meter(economy.nnz)
    )
    rents = np.linspace(1.0, 2.0, economy.n_resources) / economy.endowment
    charge_rents(sectors, rents)
    p = sectors.p0.copy()
    assert settle_prices(sectors, p, np.ones(p.size), 1e-12)[1]
    kernels.shares_of(sectors.techniques.spans[0], sectors.costs, 0.1, sectors.share)
    use_shares(sectors)
    return replace(sectors, p0=p)


@pytest.mark.parametrize("threads", [2, 3])
def test_what_each_part_finds_by_itself_is_exactly_as_with_one_thread(threads: int) -> None:
    """Lists, shares and costs: a wrong offset between parts would shift all that follows."""
    for economy in economies()[:4]:
        alone = opened(economy)
        with team.share(threads, grain=0):
            shared = opened(economy)
            assert shared.lanes is not None
        # Prices agree to rounding only; from the same costs everything must be the same.
        assert shared.p0 == pytest.approx(alone.p0, rel=1e-9)
        shared.costs[:] = alone.costs
        y = np.linspace(0.0, 1.0, economy.n_goods)
        contents = np.outer(alone.p0, np.ones(economy.n_resources)).astype(np.float32)
        with team.share(threads, grain=0):
            kernels.shares_of(shared.techniques.spans[0], shared.costs, 0.1, shared.share)
            use_shares(shared)
            charge_rents(shared, shared.w0)
            rows = close_rows(shared, y, contents)
            needs = needs_of(shared, y)
        charge_rents(alone, alone.w0)
        assert np.array_equal(shared.share, alone.share)
        assert np.array_equal(shared.direct, alone.direct)
        for mine, theirs in zip(shared.chosen, alone.chosen, strict=True):
            assert np.array_equal(mine, theirs)
        for mine, theirs in zip(rows, close_rows(alone, y, contents), strict=True):
            assert np.array_equal(mine, theirs)
        assert needs == pytest.approx(needs_of(alone, y), rel=1e-13)


def close_rows(
    sectors: Sectors, y: np.ndarray, contents: np.ndarray, margin: float = 0.2
) -> list[np.ndarray]:
    """Everything :func:`kernels_close.close_techniques` writes."""
    t = sectors.techniques
    goods, count = kernels_close.count_close(t.spans[0], sectors.costs, sectors.share, y, margin)
    which, where = np.zeros(goods, dtype=np.int64), np.zeros(count, dtype=np.int64)
    starts, outputs = np.zeros(goods + 1, dtype=np.int64), np.zeros(goods)
    cost, part = np.zeros(count), np.zeros(count)
    rows = np.zeros((count, contents.shape[1]), dtype=np.float32)
    written = kernels_close.close_techniques(
        0, *sectors.matrix, *sectors.use, t.per, sectors.scale, contents,
        sectors.costs, sectors.share, y, margin,
        which, starts, outputs, where, cost, part, rows,
    )  # fmt: skip
    assert written == (goods, count, y.size)
    assert count > goods > 0
    return [which, starts, outputs, where, cost, part, rows]


@pytest.mark.parametrize("threads", [2, 3])
def test_sweeps_use_what_the_stages_before_found(threads: int) -> None:
    """Prices of the sweep before in their place would cost a third more sweeps."""
    for economy in economies()[:4]:
        with team.share(threads, grain=0):
            sectors = opened(economy)
            lanes = sectors.lanes
            assert lanes is not None
            sectors.near[:] = True
            weight = np.ones(economy.n_goods)
            head = *sectors.matrix, sectors.techniques.per, sectors.direct, weight
            head = *head, sectors.per_p0, sectors.near
            p = sectors.p0 * np.random.default_rng(threads).uniform(0.5, 2.0, weight.size)
            expected = p.copy()
            share_near(lanes, head, p)
        for stage in range(lanes.cuts.shape[0]):
            before = expected.copy()
            for begin, end in lanes.parts(stage):
                mine = before.copy()
                kernels.sweep_near(*head, mine, begin, end)
                expected[begin:end] = mine[begin:end]
        assert np.array_equal(p, expected)


@pytest.mark.parametrize("threads", [2, 3])
def test_nothing_short_is_lost_between_threads(threads: int) -> None:
    """What is short after shared sweeps is still demand + A y − y: bounds rest on it."""
    for economy in economies()[:4]:
        with team.share(threads, grain=0):
            sectors = opened(economy)
            lanes = sectors.lanes
            assert lanes is not None
            rng = np.random.default_rng(threads)
            demand, y = rng.random((2, economy.n_goods))
            able = np.diff(sectors.techniques.first) > 0
            short = demand.copy()
            clear_accounts(lanes)
            assert share_shortage(lanes, sectors.chosen, y, short) > 0
            expected = demand.copy()
            kernels.shortage(*sectors.chosen, y, expected, 0, y.size)
            assert short == pytest.approx(expected, rel=1e-12)
            for _ in range(3):
                share_quantities(lanes, able, sectors.chosen, y, short)
                expected = demand.copy()
                kernels.shortage(*sectors.chosen, y, expected, 0, y.size)
                assert np.abs(short - expected).max() <= 1e-12 * y.max()
            assert not lanes.own.any()
            assert settle_quantities(sectors, y, demand, np.ones(y.size), 1e-9)


def settled_contents(economy: Economy, threads: int, sweeps: int) -> tuple[np.ndarray, int, int]:
    with team.share(threads, grain=0):
        sectors = opened(economy)
        sectors.share[:] = 0.0
        kernels.shares_of(
            sectors.techniques.spans[0], np.round(sectors.costs, 6), 0.0, sectors.share
        )
        use_shares(sectors)
        contents = np.zeros((economy.n_goods, economy.n_resources), dtype=np.float32)
        before = sectors.meter.work
        made = settle_contents(sectors, contents, 1e-6, sweeps)
        return contents, made, sectors.meter.work - before


def test_columns_of_the_contents_do_not_know_of_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Shared by columns, the table, the sweeps and the work are those of one thread."""
    monkeypatch.setattr(state_contents, "LEAST_COLUMNS", 2)
    economy = generate(parse_inline("goods=200,inputs=6,techniques=2,resources=11,seed=5"))
    alone, sweeps, work = settled_contents(economy, 1, 50)
    for threads in (2, 3):
        shared, sweeps_shared, work_shared = settled_contents(economy, threads, 50)
        assert np.array_equal(alone, shared)
        assert (sweeps, work) == (sweeps_shared, work_shared)


def test_contents_by_goods_settle_to_the_same_table() -> None:
    """In stages some old rows are read; a row lost between them would stay wrong."""
    economy = generate(parse_inline("goods=200,inputs=6,techniques=2,resources=11,seed=5"))
    alone, sweeps, _ = settled_contents(economy, 1, 60)
    for threads in (2, 3):
        shared, sweeps_shared, _ = settled_contents(economy, threads, 60)
        assert shared == pytest.approx(alone, rel=1e-4)
        assert sweeps_shared <= sweeps + 4


def test_everything_is_compiled_beforehand() -> None:
    """A kernel that the economy of six goods does not reach would be compiled while measured."""
    modules = kernels, kernels_close, kernels_contents

    def compiled() -> dict[str, int]:
        return {
            f"{module.__name__}.{name}": len(value.signatures)
            for module in modules
            for name, value in vars(module).items()
            if hasattr(value, "signatures")
        }

    economy = generate(parse_inline("goods=300,inputs=6,techniques=3,resources=4,seed=6"))
    two_level.warm_up(economy, 2)
    before = compiled()
    assert before
    planned(economy, 2)
    assert compiled() == before


def test_the_record_says_how_many_threads_had_work() -> None:
    large = generate(parse_inline("goods=3000,inputs=6,techniques=2,resources=20,seed=7"))
    small = generate(parse_inline("goods=50,inputs=6,techniques=2,resources=3,seed=7"))
    one = generate(parse_inline("goods=9000,inputs=6,techniques=3,resources=1,seed=7"))
    for module, economy, used in (
        (two_level, large, 2),
        (two_level, small, 1),
        (value_iteration, one, 2),
    ):
        (spec,) = module.SOLVERS
        for asked, expected in ((None, 1), (1, 1), (2, used)):
            solution = module.solve(economy, spec, SolveOptions(tolerance=1e-4, threads=asked))
            assert solution.claim == "optimal"
            assert solution.threads_used == expected


def test_threads_are_refused_where_they_mean_nothing() -> None:
    specs = {spec.name: spec for spec in list_solvers()}
    for name in ("material-balances", "harmony"):
        with pytest.raises(InputError, match="threads"):
            check_options(specs[name], SolveOptions(threads=2))
    for name in ("two-level", "value-iteration"):
        check_options(specs[name], SolveOptions(threads=2))
    economy = random_small("plain", 0)
    with pytest.raises(InputError, match="threads: is 0; give 1 or more"):
        two_level.plan(economy, threads=0)
