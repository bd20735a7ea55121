"""The baseline in the repository is fit for the gate CI runs, on this machine and on others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planbench.comparison.facts import Comparison, Rules
from planbench.comparison.gate import compare_runs
from planbench.records.schema import Record
from planbench.records.store import read_records

ROOT = Path(__file__).parents[2]
#: What `make regress` asks for.
RULES = Rules(layers=frozenset({"outcomes", "counters"}), allow=frozenset({"machine"}))


@pytest.fixture(scope="module")
def baseline() -> list[Record]:
    """Return the committed baseline."""
    return read_records(ROOT / "results" / "baselines" / "smoke.jsonl")


def elsewhere(rows: list[Record]) -> list[Record]:
    """Move a run to another machine with another kind of processor."""
    machine = {"id": "ffffffffffff", "cpu": "Other", "cpu_class": "AuthenticAMD 25 97 avx2"}
    return [r.model_copy(update={"machine": {**r.machine, **machine}}) for r in rows]


def gate(baseline: list[Record], rows: list[Record]) -> Comparison:
    return compare_runs(baseline, rows, RULES)


def test_the_makefile_asks_for_what_is_tested_here() -> None:
    text = (ROOT / "Makefile").read_text()
    assert "--layers counters --allow machine" in text
    assert "make regress" in (ROOT / ".ci" / "run").read_text()


def test_the_baseline_is_whole(baseline: list[Record]) -> None:
    """A baseline of runs that failed would let everything pass."""
    assert {r.ended for r in baseline} <= {"ok", "refused"}
    assert not [r for r in baseline if r.verdict == "wrong"]
    assert len({r.solver for r in baseline if r.ended == "ok"}) >= 15
    assert all(r.machine.get("cpu_class") for r in baseline)
    assert gate(baseline, baseline).exit_code == 0


def test_other_rounding_on_another_machine_is_green(baseline: list[Record]) -> None:
    rng = np.random.default_rng(3)
    rows = [
        r.model_copy(
            update={
                "iterations": {k: int(v * rng.uniform(0.7, 1.5)) for k, v in r.iterations.items()},
                "objective": r.objective and r.objective * (1 + 0.3 * (r.raw_gap or 0.0)),
                "raw_gap": r.raw_gap and r.raw_gap * float(rng.uniform(0.3, 4.0)),
                "wall_s": (r.wall_s or 0.0) * 5,
                "disturbed": True,
            }
        )
        for r in elsewhere(baseline)
    ]
    found = gate(baseline, rows)
    assert found.exit_code == 0, [f for f in found.findings if f.verdict == "worse"]


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "wrong"},
        {"ended": "crash", "verdict": None},
        {"iterations": {"simplex": 10**6}},
        {"objective": 3.0},
        {"raw_gap": 0.5},
        {"raw_gap": None},
    ],
)
def test_real_damage_is_red_on_another_machine_too(
    baseline: list[Record], change: dict[str, Any]
) -> None:
    rows = [
        r.model_copy(update=change)
        if r.solver == "highs-ds" and r.instance.name == "us-bea-15"
        else r
        for r in elsewhere(baseline)
    ]
    found = gate(baseline, rows)
    assert found.exit_code == 1
    assert {f.solver for f in found.having("worse")} == {"highs-ds"}


def test_a_slow_machine_that_times_out_near_the_limit_is_not_red(baseline: list[Record]) -> None:
    slow = max((r for r in baseline if r.ended == "ok"), key=lambda r: r.wall_s or 0.0)
    limit = 3.0 * (slow.wall_s or 0.0)
    rows = [
        r.model_copy(update={"ended": "timeout", "verdict": None, "time_limit_s": limit})
        if (r.key, r.group) == (slow.key, slow.group)
        else r
        for r in elsewhere(baseline)
    ]
    assert gate(baseline, rows).exit_code == 0
