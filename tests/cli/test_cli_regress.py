"""``planbench regress`` as people and CI call it: exit codes, files it writes, bad input."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.command_line import planbench
from support.record_builders import make_failure, make_ladder, make_record

from planbench.cli.main import run
from planbench.records.schema import Record
from planbench.records.store import read_records, to_line

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command line in this process; exit code, standard output and error."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run([str(a) for a in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def write(path: Path, records: list[Record]) -> Path:
    """Write a results file."""
    path.write_bytes(b"".join(map(to_line, records)))
    return path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a run of a ladder."""
    return write(tmp_path / "base.jsonl", make_ladder())


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    """Return the same run with two iterations more of one solver."""
    rows = [
        r.model_copy(update={"iterations": {"simplex": 122}}) if r.solver == "glop" else r
        for r in make_ladder()
    ]
    return write(tmp_path / "worse.jsonl", rows)


def test_a_regression_is_shown_written_and_makes_the_exit_code_1(
    base: Path, worse: Path, tmp_path: Path
) -> None:
    markdown, junit = tmp_path / "comment.md", tmp_path / "junit.xml"
    said = planbench(
        *("regress", str(base), str(worse), "--markdown", str(markdown), "--junit", str(junit))
    )
    assert said.code == 1, said
    assert "glop on gen:goods=100" in said.err
    assert "120 → 122" in said.out
    assert "1.02×" in said.out
    assert "finding:" in said.err
    text = markdown.read_text()
    assert text.startswith("### 🔴 planbench: ")
    assert "| 🔴 worse | counters | glop on" in text
    assert "1.02×" in text
    root = ElementTree.parse(junit).getroot()
    (suite,) = root.findall("./testsuite[@name='counters']")
    failures = suite.findall("./testcase/failure")
    assert failures
    assert suite.get("failures") == str(len(failures))
    assert suite.get("tests") == str(len(suite.findall("./testcase")))
    assert "120 → 122" in (failures[0].get("message") or "")


def test_the_same_run_again_is_green(command: Command, base: Path, tmp_path: Path) -> None:
    again = shutil.copy(base, tmp_path / "again.jsonl")
    code, out, err = command("regress", base, again)
    assert code == 0
    assert "nothing worse (" in err
    code, out, _ = command("regress", base, again, "--json")
    document = json.loads(out)
    assert code == document["exit_code"] == 0
    assert document["counts"]["worse"] == document["counts"]["better"] == 0
    assert document["compared"] == len({(r.solver, r.instance.sha256) for r in make_ladder()})


def test_json_lists_the_worst_first(command: Command, base: Path, worse: Path) -> None:
    code, out, _ = command("regress", base, worse, "--json", "--layers", "counters")
    document = json.loads(out)
    assert code == document["exit_code"] == 1
    first = document["findings"][0]
    assert (first["verdict"], first["layer"], first["solver"]) == ("worse", "counters", "glop")
    assert (first["baseline"], first["candidate"]) == (120, 122)
    assert {f["layer"] for f in document["findings"]} == {"outcomes", "counters"}


def test_all_shows_what_stayed_the_same(command: Command, base: Path, worse: Path) -> None:
    _, brief, _ = command("regress", base, worse)
    _, full, _ = command("regress", base, worse, "--all")
    assert "Not shown" in brief
    assert len(full.splitlines()) > 2 * len(brief.splitlines())
    assert max(map(len, brief.splitlines())) <= 80


def test_folders_are_compared_as_a_whole(command: Command, tmp_path: Path) -> None:
    for side in ("before", "after"):
        (tmp_path / side).mkdir()
        for solver in ("highs-ds", "glop"):
            write(tmp_path / side / f"{solver}.jsonl", [make_record(solver)])
    code, out, _ = command("regress", tmp_path / "before", tmp_path / "after", "--json")
    assert code == 0
    assert json.loads(out)["compared"] == 2


@pytest.mark.parametrize(
    ("change", "allow", "words"),
    [
        ({"machine": {"id": "ffffffffffff", "cpu": "Other"}}, "machine", ["different machines"]),
        ({"packages": {"highspy": "1.16.0"}}, "versions", ["highspy 1.15.1 → 1.16.0"]),
    ],
)
def test_unlike_runs_are_compared_only_on_request(
    command: Command, tmp_path: Path, change: dict[str, Any], allow: str, words: list[str]
) -> None:
    old = write(tmp_path / "old.jsonl", [make_record("glop"), make_record("highs-ds")])
    new = write(
        tmp_path / "new.jsonl", [make_record("glop", **change), make_record("highs-ds", **change)]
    )
    junit = tmp_path / "junit.xml"
    code, _, err = command("regress", old, new, "--junit", junit)
    assert code == 2
    assert err.startswith("error: could not compare: ")
    assert err.count("\n") == 1
    assert f"--allow {allow}" in err
    for word in words:
        assert word in err
    assert ElementTree.parse(junit).getroot().find(".//error") is not None
    code, _, err = command("regress", old, new, "--allow", allow)
    assert code == 0
    assert "(allowed)" in err


def test_an_instance_with_other_arrays_is_never_compared(command: Command, tmp_path: Path) -> None:
    """A changed generator would look like a faster or slower solver."""
    rows = [make_record("glop", "tiny"), make_record("glop", "other", wall_s=1.0)]
    facts = rows[1].instance.model_copy(update={"sha256": "f" * 64})
    changed = rows[1].model_copy(update={"instance": facts, "iterations": {"simplex": 999}})
    old = write(tmp_path / "old.jsonl", rows)
    new = write(tmp_path / "new.jsonl", [rows[0], changed])
    code, _, err = command("regress", old, new)
    assert code == 2
    assert "other SHA-256" in err
    code, out, err = command("regress", old, new, "--allow", "instances", "--json")
    assert code == 0
    assert json.loads(out)["compared"] == 1
    assert all(f["candidate"] != 999 for f in json.loads(out)["findings"])


def test_nothing_in_common_is_no_success(command: Command, tmp_path: Path) -> None:
    """A gate that compared nothing must not be green, whatever is allowed."""
    old = write(tmp_path / "old.jsonl", [make_record("glop", "one")])
    new = write(tmp_path / "new.jsonl", [make_record("highs-ds", "two")])
    code, _, err = command(
        *("regress", old, new, "--allow", "versions,machine,instances,disturbed")
    )
    assert code == 2
    assert "nothing to compare" in err


def test_times_that_were_all_disturbed_are_no_success(command: Command, tmp_path: Path) -> None:
    old = write(tmp_path / "old.jsonl", [make_record("glop", repeat=k) for k in range(3)])
    new = write(
        tmp_path / "new.jsonl", [make_record("glop", repeat=k, disturbed=True) for k in range(3)]
    )
    code, _, err = command("regress", old, new)
    assert code == 2
    assert "disturbed in all 1" in err
    assert command("regress", old, new, "--allow", "disturbed")[0] == 0
    assert command("regress", old, new, "--layers", "counters,memory")[0] == 0


def test_a_lost_row_is_red_and_its_message_is_shown(command: Command, tmp_path: Path) -> None:
    old = write(tmp_path / "old.jsonl", [make_record("cbc"), make_record("glop")])
    new = write(tmp_path / "new.jsonl", [make_failure("cbc", "crash"), make_record("glop")])
    code, out, _ = command("regress", old, new, "--json")
    first = json.loads(out)["findings"][0]
    assert code == 1
    assert (first["solver"], first["baseline"], first["candidate"]) == ("cbc", "certified", "crash")
    assert "ended by crash" in first["note"]


def test_update_shows_what_changes_and_replaces_the_baseline(
    command: Command, base: Path, worse: Path
) -> None:
    code, out, err = command("regress", base, worse, "--update")
    assert code == 0
    assert "glop" in out
    assert f"wrote {base}" in err
    assert read_records(base) == read_records(worse)
    assert not list(base.parent.glob("*.tmp"))
    fresh = base.parent / "baselines" / "new.jsonl"
    assert command("regress", fresh, worse, "--update")[0] == 0
    assert read_records(fresh) == read_records(worse)


def test_a_run_with_wrong_answers_makes_no_baseline(
    command: Command, base: Path, tmp_path: Path
) -> None:
    before = base.read_bytes()
    wrong = write(tmp_path / "wrong.jsonl", [make_record("glop", verdict="wrong")])
    code, _, err = command("regress", base, wrong, "--update")
    assert code == 2
    assert "holds 1 wrong answer (first glop" in err
    assert base.read_bytes() == before


def test_only_the_solvers_asked_for_are_judged(command: Command, base: Path, worse: Path) -> None:
    assert command("regress", base, worse, "--solver", "highs-ds")[0] == 0
    assert command("regress", base, worse, "--solver", "glop")[0] == 1


def test_a_baseline_of_an_older_schema_is_read(command: Command, tmp_path: Path) -> None:
    old = Path(__file__).parents[1] / "records" / "data" / "version-1.jsonl"
    new = shutil.copy(old, tmp_path / "copy.jsonl")
    assert command("regress", old, new)[0] == 0


BAD = {
    "newer schema": (b'{"schema_version": 99}\n', ["x.jsonl:1", "newer planbench"]),
    "empty run": (b"", ["x.jsonl", "no measurements"]),
    "no results": (b"hello\n", ["x.jsonl:1", "not a JSON row"]),
    "binary": (bytes(range(256)), ["x.jsonl:1"]),
    "other JSON": (b'{"benchmarks": []}\n', ["x.jsonl:1", "not a planbench record"]),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("first", [True, False])
def test_what_is_no_run_gives_one_line_and_exit_code_2(
    command: Command, base: Path, tmp_path: Path, case: str, first: bool
) -> None:
    content, expected = BAD[case]
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    code, out, err = command("regress", *((path, base) if first else (base, path)))
    assert (code, out, err.count("\n")) == (2, "", 1)
    for word in expected:
        assert word in err


def test_a_torn_file_is_refused_with_the_mend(command: Command, base: Path, tmp_path: Path) -> None:
    """A run that was killed half-way would pass a gate that read what is there."""
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(base.read_bytes()[:-40])
    code, _, err = command("regress", base, torn)
    assert code == 2
    assert "torn" in err
    assert "carries on" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["base.jsonl", "base.jsonl"], ["both sides"]),
        (["base.jsonl", "./folder/../base.jsonl"], ["both sides"]),
        (["base.jsonl", "none.jsonl"], ["none.jsonl", "no such file"]),
        (["folder", "base.jsonl"], ["folder", "no results files"]),
        (["base.jsonl", "worse.jsonl", "--layers", "counter"], ["--layers", "counters"]),
        (["base.jsonl", "worse.jsonl", "--allow", "all"], ["--allow", "versions, machine"]),
        (["base.jsonl", "worse.jsonl", "--allow", ","], ["--allow", "empty"]),
        (["base.jsonl", "worse.jsonl", "--least-effect", "0"], ["--least-effect", "'0'"]),
        (["base.jsonl", "worse.jsonl", "--least-effect", "much"], ["--least-effect", "'much'"]),
        (["base.jsonl", "worse.jsonl", "--confidence", "1"], ["--confidence"]),
        (["base.jsonl", "worse.jsonl", "--solver", "cplex"], ["--solver", "highs-ds"]),
        (["base.jsonl", "worse.jsonl", "--markdown", "no/where.md"], ["no/where.md"]),
        (["base.jsonl", "worse.jsonl", "--junit", "no/where.xml"], ["no/where.xml"]),
        (["base.jsonl", "worse.jsonl", "--junit", "worse.jsonl"], ["replace the results"]),
        (["base.jsonl", "worse.jsonl", "--markdown", "base.jsonl"], ["replace the results"]),
        (["folder", "worse.jsonl", "--update"], ["folder", "--update"]),
    ],
)
def test_bad_options_and_paths_give_one_line(
    command: Command,
    base: Path,
    worse: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: list[str],
) -> None:
    monkeypatch.chdir(base.parent)
    (base.parent / "folder").mkdir()
    code, out, err = command("regress", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    for word in words:
        assert word in err


def test_names_from_files_can_do_no_harm(command: Command, tmp_path: Path) -> None:
    """Names of instances come from anywhere: no control codes, no markup, valid XML."""
    name = 'a|b\x1b[31m<script>&"]]>\x00'
    old = write(tmp_path / "old.jsonl", [make_record("glop", name)])
    new = write(tmp_path / "new.jsonl", [make_record("glop", name, iterations={"simplex": 500})])
    markdown, junit = tmp_path / "comment.md", tmp_path / "junit.xml"
    code, out, err = command("regress", old, new, "--markdown", markdown, "--junit", junit)
    assert code == 1
    assert "\x1b" not in out + err
    assert "<script>" not in markdown.read_text()
    row = next(
        line for line in markdown.read_text().splitlines() if "simplex" in line and line[0] == "|"
    )
    assert row.replace("\\|", "").count("|") == 9
    assert len(ElementTree.parse(junit).getroot().findall(".//failure")) == 1
