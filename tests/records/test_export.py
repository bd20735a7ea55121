"""Exports hold what the records say, and other tools read them."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pandas
import pytest

from planbench.errors import InputError
from planbench.records import flat
from planbench.records.flat import columns, flat_row, write_csv, write_parquet
from planbench.records.pyperf_json import to_pyperf
from planbench.records.schema import InstanceFacts, PhaseCost, Record

SAMPLE = Path(__file__).parent / "data" / "version-1.jsonl"


def row(solver="highs-ds", repeat=0, seconds=1.0, **more):
    facts = {
        "key": f"key of {solver}",
        "repeat": repeat,
        "started_at": "2026-01-01T00:00:00+00:00",
        "instance": InstanceFacts(name="tiny", sha256="0" * 64, rows=1, columns=1, nonzeros=1),
        "solver": solver,
        "ended": "ok",
        "verdict": "certified",
        "wall_s": seconds,
        "peak_bytes": 1000 + repeat,
        "machine": {"id": "m"},
    }
    return Record(**{**facts, **more})


def values(suite):
    return {
        b["metadata"]["name"]: [v for run in b["runs"] for v in run["values"]]
        for b in suite.document["benchmarks"]
    }


def test_repeats_become_runs_of_one_benchmark():
    rows = [row(repeat=r, seconds=1 + r) for r in range(3)] + [row("glop", seconds=5.0)]
    assert values(to_pyperf(rows)) == {"highs-ds tiny": [1.0, 2.0, 3.0], "glop tiny": [5.0]}
    assert to_pyperf(rows).left_out == {}
    assert values(to_pyperf(rows, memory=True))["highs-ds tiny"] == [1000, 1001, 1002]


def test_what_is_not_to_be_used_is_left_out_and_counted():
    """A wrong or disturbed run that looked fast would win the comparison."""
    rows = [
        row(seconds=1.0, disturbed=True),
        row(seconds=2.0),
        row(repeat=1, seconds=0.1, verdict="wrong"),
        row(repeat=2, seconds=60.0, ended="timeout"),
        row(repeat=3, seconds=3.0, disturbed=True),
        row(repeat=4, seconds=0.0),
    ]
    suite = to_pyperf(rows)
    assert values(suite) == {"highs-ds tiny": [2.0]}
    assert suite.left_out == {
        "disturbed": 2, "wrong answer": 1, "timeout": 1, "nothing to measure": 1,
    }  # fmt: skip


def test_unlike_things_never_share_a_benchmark():
    """Other options, another machine, another instance of the same name."""
    rows = [
        row(),
        row(key="b", options={"threads": 2}),
        row(key="c"),
        row(machine={"id": "other"}),
    ]
    assert sorted(values(to_pyperf(rows))) == [
        "highs-ds tiny on m c",
        "highs-ds tiny on m key of highs-ds",
        "highs-ds tiny on other",
        'highs-ds {"threads": 2} tiny on m',
    ]


def test_versions_never_share_a_benchmark():
    """A file carried on with a newer solver would show the mean of the two, as one."""
    rows = [row(repeat=r, seconds=1.0, solver_version="1.14") for r in range(2)]
    rows += [row(repeat=r, seconds=9.0, solver_version="1.15") for r in range(2)]
    rows.append(row("glop", solver_version="9"))
    assert values(to_pyperf(rows)) == {
        "highs-ds 1.14 tiny": [1.0, 1.0],
        "highs-ds 1.15 tiny": [9.0, 9.0],
        "glop tiny": [1.0],
    }
    sides = [row(environment="", seconds=1.0), row(environment="highspy==1.13.1", seconds=2.0)]
    assert len(values(to_pyperf(sides))) == 2, "the sides of planbench ab"


def pyperf(*arguments):
    pytest.importorskip("pyperf")
    out = subprocess.run(
        [sys.executable, "-m", "pyperf", *map(str, arguments)], capture_output=True, text=True
    )
    assert out.returncode == 0, out.stderr
    return out.stdout


def test_pyperf_reads_checks_and_compares_it(tmp_path):
    for name, factor in (("a", 1.0), ("b", 1.3)):
        rows = [
            row(solver, repeat, factor * (1 + 0.001 * repeat), notes=["two\nlines"])
            for solver in ("highs-ds", "glop")
            for repeat in range(5)
        ]
        suite = to_pyperf(rows)
        (tmp_path / f"{name}.json").write_text(json.dumps(suite.document))
    said = pyperf("stats", tmp_path / "a.json")
    assert "Number of benchmarks: 2" in said
    assert "Mean +- std dev: 1.00 sec +- 0.00 sec" in said
    compared = pyperf("compare_to", "--table", tmp_path / "a.json", tmp_path / "b.json")
    assert "1.30 sec: 1.30x slower" in compared


def test_pyperf_reads_memory_as_bytes(tmp_path):
    suite = to_pyperf([row(repeat=r, peak_bytes=3 << 20) for r in range(3)], memory=True)
    (tmp_path / "m.json").write_text(json.dumps(suite.document))
    assert "3072.0 KiB" in pyperf("stats", tmp_path / "m.json")


def test_phases_of_one_name_all_have_their_columns():
    """A third one would otherwise take the place of the second, without a word."""
    phases = [PhaseCost(name="solve", wall_s=float(k)) for k in range(1, 5)]
    found = flat_row(row(phases=phases))
    names = ("solve", "solve_again", "solve_3", "solve_4")
    assert [found[f"phase_{name}_wall_s"] for name in names] == [1.0, 2.0, 3.0, 4.0]


def test_a_table_row_holds_every_field_of_the_record():
    records = _sample()
    names = set(flat_row(records[0]))
    for name in ("instance_name", "phase_solve_wall_s", "phase_calibrate_again_wall_s", "wall_s"):
        assert name in names
    found = columns(records)
    assert {len(v) for v in found.values()} == {len(records)}
    assert found["wall_s"] == [r.wall_s for r in records]


def test_csv_comes_back(tmp_path):
    records = _sample()
    write_csv(records, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as file:
        back = list(csv.DictReader(file))
    assert [float(r["wall_s"]) for r in back] == [r.wall_s for r in records]
    assert [r["solver"] for r in back] == [r.solver for r in records]


def test_parquet_comes_back_with_types(tmp_path):
    pytest.importorskip("pyarrow")
    records = [*_sample(), row(native_options={"presolve": "off"}), row(value=3), row(value="few")]
    write_parquet(records, tmp_path / "t.parquet")
    frame = pandas.read_parquet(tmp_path / "t.parquet")
    assert len(frame) == len(records)
    assert frame["wall_s"].to_list() == [r.wall_s for r in records]
    assert frame["disturbed"].dtype == "boolean"
    assert frame["instance_rows"].dtype == "Int64"
    assert frame["started_at"].dt.tz is not None
    assert frame["value"].to_list()[-2:] == ["3", "few"]  # of two kinds, so text


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pyarrow; pip install 'planbench\[parquet\]'"):
        write_parquet([row()], tmp_path / "t.parquet")
    assert not (tmp_path / "t.parquet").exists()


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        flat.write_csv([row()], tmp_path)
    pytest.importorskip("pyarrow")
    with pytest.raises(InputError, match="is a folder"):
        flat.write_parquet([row()], tmp_path)


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_the_command_writes_each_format(tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"o.{ending}"
    out = _command("export", SAMPLE, "-o", path, "--json")
    assert out.returncode == 0, out.stderr
    facts = json.loads(out.stdout)
    assert path.stat().st_size > 0
    if ending == "json":
        assert facts["left_out"] == {"disturbed": 1, "timeout": 1}
        assert len(json.loads(path.read_text())["benchmarks"]) == 3


def test_the_command_refuses_other_endings_and_memory_elsewhere(tmp_path):
    out = _command("export", SAMPLE, "-o", tmp_path / "o.xlsx")
    assert out.returncode == 2
    assert ".csv, .parquet, .json" in out.stderr
    out = _command("export", SAMPLE, "-o", tmp_path / "o.csv", "--memory")
    assert out.returncode == 2
    assert "--memory: is for a pyperf .json only" in out.stderr


def _sample():
    from planbench.records.store import read_records

    return read_records(SAMPLE)


def _command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "planbench", *map(str, arguments)], capture_output=True, text=True
    )


def test_phases_of_one_name_twice_keep_both_figures():
    twice = [PhaseCost(name="calibrate", wall_s=1.0), PhaseCost(name="calibrate", wall_s=2.0)]
    found = flat_row(row(phases=twice))
    assert found["phase_calibrate_wall_s"] == 1.0
    assert found["phase_calibrate_again_wall_s"] == 2.0
