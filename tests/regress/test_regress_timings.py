"""JSON of pytest-benchmark and pyperf in the gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planbench.cli.main import run
from planbench.errors import InputError
from planbench.regress.facts import Rules
from planbench.regress.timings import compare_timings, read_timings

MACHINE = {"node": "here", "cpu": {"brand_raw": "Test CPU"}}


def pytest_benchmark(path: Path, factor: float, seed: int, **more: Any) -> Path:
    """Write two benchmarks, the second `factor` times as slow as usual."""
    rng = np.random.default_rng(seed)
    entries = [
        {
            "name": name,
            "fullname": f"benchmarks/test_it.py::{name}",
            "stats": {"data": list(scale * np.exp(0.03 * rng.standard_normal(200)))},
            "extra_info": {"instructions": 1_000_000} | more,
        }
        for name, scale in (("quick", 1e-3), ("long", 0.2 * factor))
    ]
    path.write_text(json.dumps({"machine_info": MACHINE, "benchmarks": entries}))
    return path


def test_a_slower_benchmark_is_red_and_the_others_are_not(tmp_path: Path) -> None:
    old = read_timings(pytest_benchmark(tmp_path / "old.json", 1.0, 1))
    new = read_timings(pytest_benchmark(tmp_path / "new.json", 1.25, 2))
    found = compare_timings(old, new, Rules())
    assert [f.instance for f in found.having("worse")] == ["benchmarks/test_it.py::long"]
    assert found.findings[0].ratio == pytest.approx(1.25, rel=0.02)
    assert found.exit_code == 1
    assert compare_timings(new, old, Rules()).exit_code == 0


def test_more_instructions_are_red_without_any_time(tmp_path: Path) -> None:
    old = read_timings(pytest_benchmark(tmp_path / "old.json", 1.0, 1))
    new = read_timings(pytest_benchmark(tmp_path / "new.json", 1.0, 2, instructions=1_030_000))
    found = compare_timings(old, new, Rules())
    assert {f.measure for f in found.having("worse")} == {"instructions"}


def test_another_machine_is_refused_unless_allowed(tmp_path: Path) -> None:
    old = read_timings(pytest_benchmark(tmp_path / "old.json", 1.0, 1))
    path = pytest_benchmark(tmp_path / "new.json", 1.25, 2)
    path.write_text(path.read_text().replace('"here"', '"there"'))
    new = read_timings(path)
    assert compare_timings(old, new, Rules()).exit_code == 2
    allowed = compare_timings(old, new, Rules(allow=frozenset({"machine"})))
    assert allowed.exit_code == 0


def test_pyperf_files_are_read_with_their_unit(tmp_path: Path) -> None:
    pyperf = pytest.importorskip("pyperf")
    paths = []
    for name, factor in (("old", 1.0), ("new", 1.4)):
        runs = [
            pyperf.Run([factor * 0.5 * (1 + 0.01 * k)], collect_metadata=False) for k in range(5)
        ]
        for r in runs:
            r._metadata.update({"name": "solve", "unit": "second"})
        paths.append(tmp_path / f"{name}.json")
        pyperf.BenchmarkSuite([pyperf.Benchmark(runs)]).dump(str(paths[-1]))
    old, new = map(read_timings, paths)
    assert old.timings["solve"].unit == "s"
    assert len(old.timings["solve"].values) == 5
    found = compare_timings(old, new, Rules())
    assert [f.verdict for f in found.findings] == ["worse"]


def test_the_command_tells_files_of_benchmarks_by_their_ending(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = pytest_benchmark(tmp_path / "old.json", 1.0, 1)
    new = pytest_benchmark(tmp_path / "new.json", 1.25, 2)
    assert run(["regress", str(old), str(new)]) == 1
    said = capsys.readouterr()
    assert "250 ms" in said.out
    assert "test_it.py::long" in said.err
    assert run(["regress", str(old), str(new), "--update"]) == 2


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"benchmarks": []}',
        '{"benchmarks": [1]}',
        '{"benchmarks": [{"runs": []}]}',
        '{"machine_info": 3, "benchmarks": [{"name": "a", "stats": {"median": 1}}]}',
        '{"machine_info": {}, "benchmarks": [{"name": "a", "stats": {"median": -1}}]}',
        '{"machine_info": {}, "benchmarks": [{"name": "a", "stats": {}}]}',
    ],
)
def test_what_is_no_file_of_benchmarks_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"x\.json"):
        read_timings(path)
