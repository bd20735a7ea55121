"""The page on records says what the schema says, and rows of older schemas are still read."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError
from records_page import describe_schema

from planbench.errors import InputError
from planbench.records import schema
from planbench.records.schema import SCHEMA_VERSION, Record
from planbench.records.store import RecordStore, read_records
from planbench.records.values import recipe_parts

ROOT = Path(__file__).parents[2]
MODELS = [m for m in vars(schema).values() if isinstance(m, type) and issubclass(m, BaseModel)]


def test_the_page_on_records_is_the_schemas():
    """A field that was added, or changed its meaning, without the page saying so."""
    page = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    assert page == describe_schema(), "run: python docs/records_page.py > docs/records.md"


def test_every_field_says_its_meaning_unit_and_values():
    page = describe_schema()
    fields = [(m, name, f) for m in MODELS for name, f in m.model_fields.items()]
    assert len(fields) > 60
    for model, name, info in fields:
        where = f"{model.__name__}.{name}"
        assert info.description, where
        assert info.json_schema_extra["values"], where
        assert f"| `{name}` |" in page, where
        if name.endswith(("_s", "_s_before", "_s_after")):
            assert info.json_schema_extra["unit"] == "s", where
        if name.endswith("_bytes"):
            assert info.json_schema_extra["unit"] == "bytes", where


@pytest.mark.parametrize("name", ["ended", "verdict", "certificate"])
def test_the_values_on_the_page_are_those_the_schema_allows(name):
    said = Record.model_fields[name].json_schema_extra["values"].split(", ")
    row = read_records(Path(__file__).parent / "data" / "version-1.jsonl")[0].model_dump()
    for value in said:
        assert Record.model_validate({**row, name: value})
    with pytest.raises(ValidationError):
        Record.model_validate({**row, name: "splendid"})


def test_words_mean_the_same_here_as_where_they_are_made():
    """The schema repeats the words so that reading a file needs no checker and no launcher."""
    from planbench.certificates import certificate
    from planbench.measure import watch

    assert schema.Verdict == certificate.Verdict
    assert schema.Kind == certificate.Kind
    assert schema.Ended == watch.Ended


def test_negative_seconds_and_bytes_are_refused():
    row = read_records(Path(__file__).parent / "data" / "version-1.jsonl")[0].model_dump()
    for field in ("wall_s", "cpu_s", "peak_bytes", "wait_s", "threads_seen", "repeat"):
        with pytest.raises(ValidationError, match=field):
            Record.model_validate({**row, field: -1})


def test_rows_of_version_1_are_read(tmp_path):
    """The sample was written by planbench before version 2; old results must not be lost."""
    sample = Path(__file__).parent / "data" / "version-1.jsonl"
    written = [json.loads(line) for line in sample.read_text(encoding="utf-8").splitlines()]
    assert {row["schema_version"] for row in written} == {1}
    rows = read_records(sample)
    assert len(rows) == len(written) == 5
    for row, record in zip(written, rows, strict=True):
        now = record.model_dump()
        assert now["schema_version"] == SCHEMA_VERSION
        assert now["instance"].pop("asked") == recipe_parts(record.instance.name)
        assert {name: now[name] for name in row if name != "schema_version"} == {
            name: value for name, value in row.items() if name != "schema_version"
        }
        # What version 1 did not know is not made up.
        assert record.threads_seen is record.cgroup_peak_bytes is record.accuracy is None
    assert {row.ended for row in rows} == {"ok", "timeout"}
    # A file of old rows is carried on with new ones.
    path = tmp_path / "old.jsonl"
    path.write_bytes(sample.read_bytes())
    with RecordStore(path) as store:
        store.append(rows[0])
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["schema_version"] for line in lines] == [1] * 5 + [SCHEMA_VERSION]
    assert len(read_records(path)) == 6


def test_a_version_that_never_was_is_refused(tmp_path):
    path = tmp_path / "r.jsonl"
    for version in (0, -1, True, "1", None):
        path.write_text(json.dumps({"schema_version": version}) + "\n")
        with pytest.raises(InputError, match="not a planbench record"):
            read_records(path)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("us-bea-71", {}),
        ("gen:goods=10, seed=1", {"maker": "gen", "goods": "10", "seed": "1"}),
        ("split:us-bea-71,goods=9", {"maker": "split", "of": "us-bea-71", "goods": "9"}),
        ("gen:goods=10,seed=1 with 90 % of labour", {}),
    ],
)
def test_a_row_holds_the_parts_of_its_recipe(name, parts):
    """Ladders are found by them; a name must not have to be read again by each report."""
    assert recipe_parts(name) == parts
