"""What planbench does around a solve: generate, assemble, read, write, certify, keep records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planbench.bench.request import instance_facts
from planbench.catalogue.instance import Instance
from planbench.certificates.judge import certify, prepare
from planbench.generators import generate
from planbench.generators.recipe import parse_inline
from planbench.io.mps import read_mps, write_mps
from planbench.io.npz import load_any, save_npz
from planbench.model import to_linear_program
from planbench.records.schema import Record
from planbench.records.store import RecordStore, read_records
from planbench.solvers.base import Solution

RECORDS = 1000


@pytest.fixture(scope="session")
def answer(instance: Instance) -> Solution:
    """Point and prices of no merit but of the right size: checking does not depend on them."""
    rng = np.random.default_rng(np.random.SeedSequence(1))
    lp = instance.lp
    return Solution(
        claim="feasible",
        x=rng.random(lp.n_cols),
        y=-rng.random(lp.n_rows),
        objective=None,
        native_status="made up",
    )


@pytest.mark.parametrize("structure", ["uniform", "powerlaw", "sectors", "layered"])
def test_generate(run: Any, structure: str) -> None:
    recipe = parse_inline(f"goods=100000,structure={structure},techniques=2,resources=5,seed=1")
    assert run(generate, recipe).n_goods == 100_000


def test_generate_joint_production(run: Any) -> None:
    recipe = parse_inline("goods=100000,structure=sectors,byproducts=0.09,capacities=0.1,seed=1")
    assert run(generate, recipe).n_goods == 100_000


def test_assemble(run: Any, instance: Instance) -> None:
    lp = run(to_linear_program, instance.economy)
    assert lp.matrix.nnz == instance.lp.matrix.nnz


def test_hash(run: Any, instance: Instance) -> None:
    def fresh() -> Any:
        # An economy keeps its hash; one made anew has to work it out.
        return (to_linear_program(instance.economy),), {}  # type: ignore[arg-type]

    assert len(run(lambda lp: lp.sha256, setup=fresh)) == 64


def test_save_npz(run: Any, instance: Instance, tmp_path: Path) -> None:
    path = tmp_path / "economy.npz"
    run(save_npz, instance.economy, path)
    assert path.stat().st_size > 0


def test_load_npz(run: Any, instance: Instance, tmp_path: Path) -> None:
    path = tmp_path / "economy.npz"
    save_npz(instance.economy, path)  # type: ignore[arg-type]
    assert run(load_any, path).sha256 == instance.sha256


def test_write_mps(run: Any, instance: Instance, tmp_path: Path) -> None:
    run(write_mps, instance.lp, tmp_path / "lp.mps", rounds=5)


def test_read_mps(run: Any, instance: Instance, tmp_path: Path) -> None:
    path = tmp_path / "lp.mps"
    write_mps(instance.lp, path)
    assert run(read_mps, path, rounds=5).n_rows == instance.lp.n_rows


@pytest.mark.parametrize("polish", [False, True], ids=["raw", "polished"])
def test_certify(run: Any, instance: Instance, answer: Solution, polish: bool) -> None:
    prepare(instance.lp, instance.economy)

    def judge() -> Any:
        return certify(instance.lp, instance.economy, answer, polish=polish)

    assert run(judge, rounds=5).upper_bound is not None


def test_append_records(run: Any, instance: Instance, tmp_path: Path) -> None:
    rows = _records(instance)
    number = iter(range(1000))

    def append() -> None:
        with RecordStore(tmp_path / f"{next(number)}.jsonl") as store:
            for row in rows:
                store.append(row)

    run(append)


def test_read_records(run: Any, instance: Instance, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with RecordStore(path) as store:
        for row in _records(instance):
            store.append(row)
    assert len(run(read_records, path)) == RECORDS


def _records(instance: Instance) -> list[Record]:
    facts = instance_facts(instance)
    return [
        Record(
            key=f"{number:016x}",
            started_at="2026-01-01T00:00:00+00:00",
            instance=facts,
            solver="null",
            ended="ok",
            peak_bytes=None,
            cgroup_peak_bytes=None,
            memory_limit_bytes=None,
        )
        for number in range(RECORDS)
    ]
