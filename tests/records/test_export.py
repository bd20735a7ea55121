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


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_command_writes_each_format(tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"o.{ending}"
    out = _command("export", SAMPLE, "-o", path, "--json")
    assert out.returncode == 0, out.stderr
    assert json.loads(out.stdout)["file"] == str(path)
    assert path.stat().st_size > 0


def test_the_command_refuses_other_endings(tmp_path):
    out = _command("export", SAMPLE, "-o", tmp_path / "o.xlsx")
    assert out.returncode == 2
    assert ".csv, .parquet" in out.stderr


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
