"""Files of pytest-benchmark and pyperf become records that the regression gate compares."""

from __future__ import annotations

import json

import pytest
from self_results import INSTRUCTIONS, main, read_benchmarks

from planbench.errors import InputError
from planbench.records.store import read_records

MACHINE = {"id": "0123456789ab", "cpu": "Test CPU", "cpu_class": "test 1"}


def pytest_file(slower=1.0):
    return {
        "machine_info": {
            "planbench": {"machine": MACHINE, "packages": {"numpy": "2"}, "commit": "abc"}
        },
        "datetime": "2026-11-22T07:00:00+00:00",
        "benchmarks": [
            {
                "name": f"test_{name}",
                "extra_info": {
                    "pass_s_before": 0.001,
                    "pass_s_after": 0.003,
                    "rows": 10,
                    "columns": 20,
                    "nonzeros": 30,
                },
                "stats": {"data": [seconds * slower * (1 + k / 500) for k in range(9)]},
            }
            for name, seconds in (("generate", 0.2), ("assemble", 0.05))
        ],
    }


def pyperf_file(unit="second", value=0.5):
    metadata = {
        "planbench_machine": MACHINE["id"],
        "planbench_cpu": "Test CPU",
        "planbench_cpu_class": "test 1",
        "planbench_commit": "abc",
        "planbench_pass_s": 0.002,
        "planbench_package_numpy": "2",
    }
    runs = [{"values": [value], "metadata": {"date": "2026-11-22", "duration": 3.0}}] * 2
    return {
        "version": "1.0",
        "metadata": metadata,
        "benchmarks": [{"metadata": {"name": "solve", "unit": unit}, "runs": runs}],
    }


@pytest.fixture
def write(tmp_path):
    def put(data, name="a.json"):
        path = tmp_path / name
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        return path

    return put


def test_rounds_become_repeats_counted_in_passes(write):
    rows = read_benchmarks(write(pytest_file()))
    assert len(rows) == 18
    assert [r.repeat for r in rows[:9]] == list(range(9))
    first = rows[0]
    assert (first.instance.name, first.solver, first.suite) == (
        "test_generate",
        "planbench",
        "self",
    )
    assert first.matrix_passes == pytest.approx(0.2 / 0.002)
    assert first.instance.nonzeros == 30
    assert first.machine == MACHINE
    assert len({r.instance.sha256 for r in rows}) == 2


def test_pyperf_seconds_and_counts(write):
    second, _ = read_benchmarks(write(pyperf_file()))
    assert (second.wall_s, second.matrix_passes) == (0.5, pytest.approx(250))
    assert second.packages == {"numpy": "2"}
    count, again = read_benchmarks(write(pyperf_file("integer", 1234.5)))
    assert (count.solver, count.matrix_passes, again.repeat) == (INSTRUCTIONS, 1234.5, 1)
    assert count.pass_s_before is None, "a count is not to be divided by the machine's speed"


def test_a_folder_is_read_whole_and_written_as_results(write, tmp_path, capsys):
    write(pytest_file(), "a.json")
    write(pyperf_file(), "b.json")
    out = tmp_path / "self.jsonl"
    assert main([str(tmp_path), "-o", str(out)]) == 0
    assert "3 benchmarks, 20 rounds" in capsys.readouterr().out
    assert len(read_records(out)) == 20


@pytest.mark.parametrize(("slower", "code"), [(1.0, 0), (1.3, 1)])
def test_the_gate_compares_them(write, tmp_path, capsys, slower, code):
    """A slower planbench must go red, the same one must stay green."""
    from planbench.cli.main import run

    for number, factor in enumerate((1.0, slower)):
        path = write(pytest_file(factor), "x.json")
        assert main([str(path), "-o", str(tmp_path / f"{number}.jsonl")]) == 0
    assert run(["regress", str(tmp_path / "0.jsonl"), str(tmp_path / "1.jsonl")]) == code
    assert ("test_generate" in capsys.readouterr().out) or code == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "no list of benchmarks"),
        ({"benchmarks": 3}, "no list of benchmarks"),
        ({"benchmarks": []}, "holds no benchmark"),
        ({"machine_info": {}, "benchmarks": [{}]}, "has no 'planbench'"),
        ({"benchmarks": [{"runs": [{"values": [1.0]}]}]}, "has no 'planbench_pass_s'"),
        ({"benchmarks": [{"runs": 7}]}, "another kind"),
    ],
)
def test_bad_files_are_told_in_one_line(write, data, words):
    with pytest.raises(InputError, match=words) as caught:
        read_benchmarks(write(data))
    assert "a.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_input_ends_with_two(tmp_path, capsys):
    assert main([str(tmp_path), "-o", str(tmp_path / "x.jsonl")]) == 2
    assert "make bench-self" in capsys.readouterr().err
