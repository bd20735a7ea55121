"""The systems of the centre's model of ``general``: assembled by parts, the same as in one."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp

from planbench.planners import branch_centre
from planbench.planners.branch_centre import (
    CentreModel,
    CentreSolver,
    Chosen,
    Columns,
    Differences,
    Point,
    Rows,
    solve_centre,
)
from planbench.planners.centre_model import correct


def model_of(sizes: list[int], free: int, seed: int) -> CentreModel:
    """Return a model in which many columns use some rows of cleared goods, and few use others."""
    rng = np.random.default_rng(seed)
    grouped = sum(sizes)
    columns, primary, cleared = grouped + free, 3, 40
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    density = np.where(np.arange(cleared) < 5, 0.6, 0.03)
    entries = rng.normal(size=(columns, cleared)) * (rng.random((columns, cleared)) < density)
    # A product of sparse matrices leaves entries of a column in any order.
    # Rows are counted from that of the first column of a good.
    entries[:grouped] -= np.repeat(entries[first], sizes, axis=0)
    table = sp.csr_array(entries.astype(np.float32))
    for lo, hi in zip(table.indptr[:-1], table.indptr[1:], strict=True):
        table.indices[lo:hi], table.data[lo:hi] = (
            table.indices[lo:hi][::-1],
            table.data[lo:hi][::-1],
        )
    table.has_sorted_indices = False
    dense = rng.random((columns, primary))
    dense[:grouped] -= np.repeat(dense[first], sizes, axis=0)
    rows = Rows(dense, table)
    share = np.concatenate([np.repeat(1.0 / np.array(sizes), sizes), rng.random(free)])
    size = primary + cleared
    return CentreModel(
        rows=rows,
        first=first,
        grouped=grouped,
        q=rng.random(columns) / columns,
        share=share,
        limit=np.where(rng.random(columns) < 0.2, 1.5, np.inf),
        beta=rows.sums(share) + rng.random(size) + 1.0,
        gamma=np.zeros(size),
        pi=rng.random(size) / size,
        rho=np.full(columns, 1e-3),
        delta=np.full(size, 1e-3),
    )


@pytest.mark.parametrize("sizes", [[2] * 300, [3, 2, 5, 2] * 80, [4] * 150])
def test_the_system_is_the_spread_about_the_mean_of_each_good(sizes: list[int]) -> None:
    model = model_of(sizes, free=30, seed=len(sizes))
    solver = CentreSolver(model, 1e-9)
    point = solver.start()
    solver.evaluate(point)
    solver.factorise(point)
    assert model.rows.sparse is not None
    table = np.hstack([model.rows.dense, model.rows.sparse.toarray()])
    wanted = np.diag(point.t / point.pi + model.delta)
    ends = np.append(model.first[1:], model.grouped)
    spans = [np.arange(lo, hi) for lo, hi in zip(model.first, ends, strict=True)]
    for span in spans:
        weight = solver.theta[span]
        apart = table[span] - weight @ table[span] / weight.sum()
        wanted += apart.T @ (weight[:, None] * apart)
    alone = table[model.grouped :]
    wanted += alone.T @ (solver.theta[model.grouped :, None] * alone)
    right = np.random.default_rng(0).normal(size=model.beta.size)
    np.testing.assert_allclose(solver.solved(right, 0.0), np.linalg.solve(wanted, right), rtol=1e-8)
    np.testing.assert_allclose(solver.product(right), wanted @ right, rtol=1e-10)


def differences_of(sizes: list[int], rows: int, seed: int) -> CentreModel:
    """Return a model of dense rows, those of first columns left out."""
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    grouped, first = int(starts[-1]), starts[:-1]
    dense = rng.random((grouped - first.size, rows)).astype(np.float32) / grouped
    table = Differences(dense, starts)
    share = np.repeat(1.0 / np.array(sizes), sizes)
    return CentreModel(
        rows=table,
        first=first,
        grouped=grouped,
        q=rng.random(grouped) / grouped,
        share=share,
        limit=np.full(grouped, np.inf),
        beta=np.ones(rows),
        gamma=rng.random(rows),
        pi=np.full(rows, 1.0 / rows),
        rho=np.zeros(grouped),
        delta=np.zeros(rows),
    )


@pytest.mark.parametrize("sizes", [[2] * 60, [3, 2, 5, 2] * 20])
def test_rows_without_those_of_first_columns_are_the_same(sizes: list[int]) -> None:
    model = differences_of(sizes, rows=7, seed=len(sizes))
    table = np.zeros((model.grouped, 7))
    assert isinstance(model.rows, Differences)
    table[np.setdiff1d(np.arange(model.grouped), model.first)] = model.rows.lines
    whole = replace(model, rows=Rows(table, None))
    rng = np.random.default_rng(1)
    v, u = rng.random(7), rng.random(model.grouped)
    np.testing.assert_allclose(model.rows.times(v), table @ v, rtol=1e-12)
    np.testing.assert_allclose(model.rows.sums(u), table.T @ u, rtol=1e-12)
    stored, dense = CentreSolver(model, 1e-9), CentreSolver(whole, 1e-9)
    point = dense.start()
    for solver in (stored, dense):
        solver.evaluate(point)
        solver.error = 0.0
        solver.factorise(point)
    lower = np.tril_indices(7)
    wanted = dense.system(False)
    np.testing.assert_allclose(stored.system(False)[lower], wanted[lower], rtol=1e-9)
    np.testing.assert_allclose(stored.system(True)[lower], wanted[lower], rtol=1e-4)


def test_corrected_steps_are_fewer_and_end_at_the_same_solution(monkeypatch) -> None:
    """Centrality correctors only make steps longer."""
    model = differences_of([2] * 80, rows=12, seed=5)
    steps, one = [], CentreSolver.step

    def step(solver: CentreSolver, at: Point) -> Point:
        steps[-1] += 1
        return one(solver, at)

    monkeypatch.setattr(CentreSolver, "step", step)
    steps.append(0)
    exact = solve_centre(model, 1e-10, lambda: False)
    monkeypatch.setattr(branch_centre, "COSTLY", 0.0)
    steps.append(0)
    found = solve_centre(model, 1e-10, lambda: False)
    assert steps[1] < steps[0]
    assert exact is not None
    assert found is not None
    assert found.gap <= 1e-10
    assert found.zeta == pytest.approx(exact.zeta, rel=1e-8)
    np.testing.assert_allclose(found.pi, exact.pi, atol=1e-7)


def test_a_corrector_that_breaks_down_is_not_taken(monkeypatch) -> None:
    """Its step lengths look the longest, and the model would end there."""
    solver = CentreSolver(model_of([2] * 60, free=5, seed=1), 1e-9)
    solver.correctors = 1
    point, direction, calls = solver.start(), CentreSolver.direction, []

    def broken(self: CentreSolver, at: Point, *wanted: np.ndarray) -> Point:
        move = direction(self, at, *wanted)
        calls.append(move)
        if len(calls) < 3:
            return move
        return Point(**{name: value * np.nan for name, value in vars(move).items()})

    monkeypatch.setattr(CentreSolver, "direction", broken)
    solver.evaluate(point)
    after = solver.step(point)
    assert len(calls) == 3
    assert all(np.isfinite(part).all() for part in vars(after).values())


def test_a_system_that_single_precision_cannot_factorise_is_made_in_double() -> None:
    model = differences_of([2] * 30, rows=9, seed=3)
    assert isinstance(model.rows, Differences)
    rows = model.rows.lines
    # Nearly parallel rows: in single precision their products are not positive definite.
    rows[:] = rows[:, :1] * (1.0 + 1e-4 * np.random.default_rng(0).random(rows.shape))
    solver = CentreSolver(model, 1e-9)
    point = solver.start()
    solver.evaluate(point)
    point.t[:] = 1e-30
    solver.error = 1.0
    solver.factorise(point)
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(solver.system(True))
    right = np.ones(9)
    system = solver.system(False)
    system = np.tril(system) + np.tril(system, -1).T
    left = right - system @ solver.divided(right)
    assert np.abs(left).max() < 1e-3


def test_shares_of_the_first_point_add_up_and_have_equal_products() -> None:
    model = model_of([2, 3, 2, 4] * 50, free=0, seed=1)
    solver = CentreSolver(model, 1e-9)
    point = solver.start()
    unlimited = np.isinf(model.limit)
    np.testing.assert_allclose((point.s * point.v)[unlimited], branch_centre.INSIDE / model.q.size)
    whole = np.logical_and.reduceat(unlimited, model.first)
    np.testing.assert_allclose(solver.by_good(point.s)[whole], 1.0, rtol=1e-6)


def test_models_of_many_goods_are_solved() -> None:
    solution = solve_centre(model_of([2] * 400, free=20, seed=3), 1e-9, lambda: False)
    assert solution is not None
    assert solution.gap <= 1e-9


@pytest.mark.parametrize("sizes", [[2] * 300, [3, 2, 5, 2] * 80])
def test_without_small_entries_the_solution_is_the_same(monkeypatch, sizes: list[int]) -> None:
    """The system is only a preconditioner then: what it lacks must not show in the answer."""
    model = model_of(sizes, free=30, seed=2)
    exact = solve_centre(model, 1e-10, lambda: False)
    monkeypatch.setattr(branch_centre, "INEXACT", 0.0)
    monkeypatch.setattr(branch_centre, "SMALL", 0.01)
    monkeypatch.setattr(branch_centre, "FEW_PRODUCTS", 6)
    solver = CentreSolver(model, 1e-10)
    point = solver.start()
    solver.evaluate(point)
    solver.factorise(point)
    right = np.random.default_rng(0).normal(size=model.beta.size)
    assert np.abs(solver.product(solver.divided(right)) - right).max() > 1e-3
    assert np.abs(solver.product(solver.solved(right, 1e-10)) - right).max() < 2e-10
    assert solver.small < 0.01
    found = solve_centre(model, 1e-10, lambda: False)
    assert exact is not None
    assert found is not None
    assert found.gap <= 1e-10
    assert abs(found.zeta - exact.zeta) < 1e-8
    np.testing.assert_allclose(found.pi, exact.pi, atol=1e-7)


def test_a_correction_uses_what_is_left_and_moves_no_column_at_its_limit() -> None:
    """Else plans are corrected by what nobody does, and stay short."""
    model = model_of([2] * 300, free=0, seed=5)
    solution = solve_centre(model, 1e-9, lambda: False)
    assert solution is not None
    tight = solution.left < 1e-3
    more = np.where(tight, np.random.default_rng(1).normal(size=tight.size) * 1e-4, 0.0)
    fixed = (solution.s < 1e-7) | (solution.s > model.limit - 1e-7)
    found = solution.solver.respond(more, solution.s, fixed)
    assert found is not None
    dzeta, ds = found[0], found[1] - solution.s
    assert not ds[fixed].any()
    np.testing.assert_allclose(np.add.reduceat(ds, model.first), dzeta, atol=1e-9)
    use = model.rows.sums(ds) + model.gamma * dzeta
    assert np.linalg.norm((use - more)[tight]) < 0.2 * np.linalg.norm(more)


def test_a_correction_beyond_a_limit_is_made_good_by_others() -> None:
    """Clipped and left at that, a good whose makers are full would stay short for ever."""
    model = model_of([3] * 200, free=0, seed=5)
    solution = solve_centre(model, 1e-9, lambda: False)
    assert solution is not None
    tight = solution.left < 1e-3
    more = np.where(tight, np.random.default_rng(1).normal(size=tight.size) * 0.3, 0.0)
    fixed = (solution.s < 1e-7) | (solution.s > model.limit - 1e-7)
    found = solution.solver._respond(more, np.zeros(fixed.size), fixed)
    assert found is not None
    zeta, step = found
    clipped = np.clip(solution.s + step, 0.0, model.limit) - solution.s
    assert np.abs(clipped - step).sum() > 1e-3
    none = np.zeros(0, dtype=np.int64)
    chosen = Chosen(
        columns=Columns(none, 0, none, np.zeros(0), none, np.zeros(0)), model=model,
        solution=solution, flow=np.ones(more.size), planned=np.zeros(more.size), pi=solution.pi,
        scale=1.0, zeta=solution.zeta, s=solution.s, fixed=fixed,
    )  # fmt: skip
    course = SimpleNamespace(rights=lambda: more, pi=solution.pi)
    corrected = correct(course, chosen, np.zeros(more.size))  # type: ignore[arg-type]
    assert corrected is not None
    ds, dzeta = corrected.s - solution.s, corrected.zeta - solution.zeta
    assert (corrected.s >= 0).all()
    assert (corrected.s <= model.limit).all()

    def lack(ds: np.ndarray, dzeta: float) -> float:
        use = model.rows.sums(ds) + model.gamma * dzeta
        goods = np.add.reduceat(ds, model.first) - dzeta
        return float(np.abs((use - more)[tight]).sum() + np.abs(goods).sum())

    assert lack(ds, dzeta) < 0.3 * lack(clipped, zeta)


def test_only_entries_of_little_worth_to_their_column_are_left_out() -> None:
    # A wrong place or end of a column would give techniques the requirements of others.
    model = model_of([2] * 50, free=5, seed=3)
    table = model.rows
    assert table.sparse is not None
    before = table.sparse.toarray()
    price = np.maximum(model.pi, branch_centre.SLIGHT * model.pi.mean())
    k = table.dense.shape[1]
    worth = np.abs(table.dense) @ price[:k] + np.abs(before) @ price[k:]
    kept = np.abs(before) * price[k:] >= 0.03 * worth[:, None]
    dense = table.dense.copy()
    table.sift(model.pi, 0.03)
    np.testing.assert_array_equal(table.sparse.toarray(), np.where(kept, before, 0.0))
    assert 0 < table.sparse.nnz < np.count_nonzero(before)
    np.testing.assert_array_equal(table.dense, dense)
