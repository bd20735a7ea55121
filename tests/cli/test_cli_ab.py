"""``planbench ab`` and ``bisect`` through their real entry point."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import planbench
from support.record_builders import make_ladder, make_record

from planbench.records.store import to_line

ROOT = Path(__file__).resolve().parents[2]
IS_CHECKOUT = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")


@pytest.mark.parametrize("command", ["ab", "bisect"])
def test_help_has_examples(command):
    said = planbench(command, "--help")
    assert said.code == 0
    assert f"planbench {command}" in said.out.split("Examples")[1]


def test_help_of_bisect_says_that_its_budget_is_that_of_one_comparison():
    budget = planbench("bisect", "--help").out.split("--budget")[1].split("--least-effect")[0]
    assert "two versions" in " ".join(budget.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ab"], "names no instance"),
        (["ab", "us-bea-15", "--a", "highspy=>1.13"], "--a: 'highspy=>1.13' cannot be read"),
        (["ab", "us-bea-15", "--a", "highspy>=1", "--b", "here", "-s", "glop"], "use highspy"),
        (["ab", "us-bea-15", "--a", "scipy==1.15.0", "-s", "highs-ds"], "does not use scipy"),
        (["ab", "us-bea-15", "--a", "here", "--b", "here"], "are the same"),
        (["ab", "us-bea-15", "--b", "git:HEAD"], "planbench itself"),
        (["ab", "us-bea-15", "--b", "hihgspy"], "hihgspy; those of planbench use highspy,"),
        (
            ["ab", "us-bea-15", "--a", "solver=glop", "--b", "solver=pdlp", "-s", "null"],
            "null would be run by no side",
        ),
        (
            ["bisect", "us-bea-15", "--versions", "scipy==1.15.0,1.16.0", "-s", "highs-ds"],
            "does not use scipy",
        ),
        (["ab", "us-bea-15", "--least-effect", "lots"], "--least-effect: is 'lots'"),
        (["ab", "us-bea-15", "--least-effect", "-5%"], "--least-effect"),
        (["ab", "us-bea-15", "--confidence", "1"], "--confidence"),
        (["ab", "us-bea-15", "--budget", "0"], "--budget"),
        (["ab", "us-bea-15"], "names no side; give --a or --b"),
        (["ab", "us-bea-15", "--a", "here", "--measure", "joules"], "'time', 'cpu', 'passes'"),
        (["ab", "us-bea-15", "--a", "here", "-s", "highs-xx"], "unknown solver 'highs-xx'"),
        (["ab", "no-such-instance", "--b", "threads=2"], "no-such-instance"),
        (["ab", "us-bea-15", "--markdown", "/no/such/folder/x.md"], "there is no folder"),
        (["ab", "--suite", "no-such-suite"], "unknown suite"),
        (["ab", "us-bea-15", "--b", "git:no-such-ref", "-s", "null"], "git"),
        (["bisect", "us-bea-15", "--versions", "1.12.0,1.13.1"], "'1.12.0' is no version"),
        (["bisect", "us-bea-15", "--versions", "highspy==1.12.0"], "two or more"),
        (["bisect", "us-bea-15", "--versions", "highspy==1.12.0,1.12.0"], "is given twice"),
        (
            ["bisect", "us-bea-15", "--versions", "highspy==1.12.0,1.13.1", "--measure", "x"],
            "'x' is not one of 'time', 'cpu', 'passes', 'iterations', 'objective'",
        ),
    ],
)
def test_bad_input_is_one_line_and_code_2(tmp_path, arguments, words):
    said = planbench(*arguments, folder=tmp_path)
    assert said.code == 2
    assert said.out == ""
    lines = [line for line in said.err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    assert words in lines[0]
    assert "Traceback" not in said.err


@pytest.mark.slow
def test_option_sets_are_compared_and_the_page_written(tmp_path):
    said = planbench(
        "ab", "kantorovich-lathes", "--a", "presolve=on", "--b", "presolve=off", "--no-control",
        "--budget", "40s", "--markdown", "comment.md", "--json",
        folder=tmp_path, process=True,
    )  # fmt: skip
    document = said.document
    assert said.code == document["exit_code"]
    assert (document["a"], document["b"]) == ("presolve=on", "presolve=off")
    (row,) = document["instances"]
    assert row["solver"] == "highs-ds"
    assert row["pairs"] >= 1
    assert row["findings"] == []
    assert row["ends"] == {"a": {"ok": row["pairs"]}, "b": {"ok": row["pairs"]}}
    page = (tmp_path / "comment.md").read_text()
    assert "- b: presolve=off" in page
    assert "| highs-ds on kantorovich-lathes | time |" in page
    assert (tmp_path / "results" / "ab.jsonl").exists()


@pytest.mark.slow
def test_another_answer_is_a_finding_and_ends_with_1(tmp_path):
    """The null solver claims nothing: an answer that is lost must never pass as faster."""
    said = planbench(
        "ab", "kantorovich-lathes", "--b", "solver=null", "--no-control", "--budget", "40s",
        folder=tmp_path, columns=100,
    )  # fmt: skip
    assert said.code == 1
    assert "finding: 1 worse, first highs-ds / null on kantorovich-lathes: " in said.err
    assert "certified → unknown, loose" in said.err
    assert max(map(len, said.out.splitlines())) <= 100
    assert "b: solver=null" in said.out


@pytest.mark.slow
@IS_CHECKOUT
def test_bisect_over_commits_finds_no_change_where_there_is_none(tmp_path):
    said = planbench(
        "bisect", "kantorovich-lathes", "--versions", "git:HEAD~1,git:HEAD", "-s", "highs-ds",
        "--measure", "objective", "--json",
        folder=tmp_path, process=True,
    )  # fmt: skip
    assert said.code == 0, said.err
    document = said.document
    assert document["decided"]
    assert document["changed_in"] is None
    assert len(document["steps"]) == 1


def test_solvers_shows_the_versions_an_adapter_supports():
    document = planbench("solvers", "highs-hipdlp", "--json").document
    assert document["supports"]["highspy"]["least"] == "1.14"
    assert "highspy 1.14 or later" in planbench("solvers", "highs-hipdlp").out


@pytest.mark.parametrize("command", ["report", "scaling", "regress", "history"])
def test_rows_of_two_sides_pass_nowhere_for_repeats_of_one_solver(tmp_path, command):
    sides = [
        make_record(suite="ab", variable="side", value=side, wall_s=wall, repeat=repeat)
        for repeat in range(3)
        for side, wall in (("a", 1.0), ("b", 9.0))
    ]
    bench = make_ladder()
    for name, rows in {"ab": sides, "both": [*sides, *bench], "bench": bench}.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "rows.jsonl").write_bytes(b"".join(map(to_line, rows)))
    more = {"regress": ["bench/rows.jsonl"], "history": ["--no-page"]}.get(command, [])
    file = "" if command == "history" else "/rows.jsonl"
    said = planbench(command, f"ab{file}", *more, folder=tmp_path)
    assert said.code == 2
    assert "of planbench ab" in said.err
    said = planbench(command, f"both{file}", *more, folder=tmp_path)
    assert said.code == 0
    assert "6 rows of planbench ab, of two sides, left out" in said.err


def test_versions_of_a_bisection_may_be_wheels_and_ranges(tmp_path):
    from planbench.comparison.sides import parse_versions

    wheel = tmp_path / "highspy-1.16.0.dev1-py3-none-any.whl"
    wheel.write_bytes(b"")
    sides = parse_versions(f"highspy==1.12.0,1.13.1,{wheel},highspy>=1.14,<2")
    assert [s.text for s in sides] == [
        "highspy==1.12.0", "highspy==1.13.1", str(wheel), "highspy>=1.14,<2",
    ]  # fmt: skip


def test_the_solver_of_a_bisection_follows_from_the_package():
    from planbench.cli.ab import choose_solvers
    from planbench.comparison.sides import parse_versions

    assert choose_solvers(None, parse_versions("scipy==1.15.0,1.16.0")) == ["scipy-highs-ds"]
