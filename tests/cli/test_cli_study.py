"""``planbench study``: tables, JSON, rows that the report reads, and mistakes in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from planbench.cli.main import run

Command = Callable[..., tuple[int, str, str]]
SMALL = "gen:goods=80,techniques=2,resources=3,seed=1"


@pytest.fixture
def planbench(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    """Run a command line in this process, in an empty folder."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_replan_shows_both_starts_and_keeps_the_rows(planbench: Command, tmp_path: Path) -> None:
    code, out, err = planbench(
        "study", "replan", SMALL, "--solvers", "highs-ds", "--left", "70%", "--repeats", "1"
    )
    assert code == 0
    assert "with 70 % of" in " ".join(out.split())
    assert re.search(r"simplex [\d,]+ → \d+", out)
    assert "2 measurements in results/study.jsonl" in out + err
    assert len((tmp_path / "results" / "study.jsonl").read_text().splitlines()) == 2
    planbench("study", "replan", SMALL, "--solvers", "highs-ds", "--repeats", "1")
    assert len((tmp_path / "results" / "study.jsonl").read_text().splitlines()) == 4


def test_bad_data_in_tables_and_json(planbench: Command) -> None:
    arguments = ("bad-data", SMALL, "--solvers", "highs-ds", "--noise", "1%,0.1")
    code, out, _ = planbench("study", *arguments[:-1], "0.1", "--repeats", "1")
    assert code == 0
    assert "10 %" in out
    assert "techniques" in out
    code, out, _ = planbench("study", *arguments, "--repeats", "1", "--json")
    assert code == 0
    rows = json.loads(out)["rows"]
    assert [row["value"] for row in rows] == [0.0, 0.0, 0.01, 0.01, 0.1, 0.1]


def test_the_report_reads_the_rows(planbench: Command, tmp_path: Path) -> None:
    """A study that no claim reads would have been for nothing."""
    pytest.importorskip("altair")
    planbench("study", "replan", SMALL, "--solvers", "highs-ds", "--repeats", "1")
    suite = tmp_path / "s.toml"
    suite.write_text(
        'name = "s"\nbudget_s = 20\ntime_limit_s = 5\nrepeats = 1\nwarm_up = false\n'
        f'solvers = ["highs-ds"]\ninstances = ["{SMALL}"]\n'
    )
    assert planbench("bench", str(suite), "--no-report")[0] == 0
    assert (
        planbench("report", "results/s.jsonl", "results/study.jsonl", "--merge", "-o", "r.html")[0]
        == 0
    )
    page = (tmp_path / "r.html").read_text()
    assert "from the old plan" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("shock", SMALL), "'shock' is not one of 'replan', 'bad-data'"),
        (("replan", SMALL, "--solvers", "cbc"), "cannot start from an old plan"),
        (("replan", SMALL, "--left", "much"), "--left"),
        (("replan", SMALL, "--solvers", "highs-ds", "--resource", "9"), "is 9; there are 3"),
        (("bad-data", SMALL, "--noise", "500%"), "--noise"),
        (("replan", "cockshott-five-year", "--solvers", "two-level"), "nothing to compare"),
        (("replan", "nowhere"), "no instance"),
    ],
)
def test_mistakes_are_reported_in_one_line(
    planbench: Command, arguments: tuple[str, ...], words: str
) -> None:
    code, _, err = planbench("study", *arguments)
    assert code == 2
    (line,) = [line for line in err.splitlines() if line.startswith("error")]
    assert words in line


def test_help_has_examples(planbench: Command) -> None:
    code, out, _ = planbench("study", "--help")
    assert code == 0
    assert "planbench study replan" in out
