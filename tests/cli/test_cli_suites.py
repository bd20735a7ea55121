"""The list of suites says what each is for and what it takes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from planbench.bench.suite import list_suites, load_suite
from planbench.cli.main import run

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def planbench(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command line in this process; exit code, standard output and error."""
    monkeypatch.setenv("COLUMNS", "100")

    def command(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_every_suite_is_listed_with_purpose_runs_and_budget(planbench: Command) -> None:
    code, out, _ = planbench("suites", "--json")
    assert code == 0
    found = {suite["name"]: suite for suite in json.loads(out)["suites"]}
    assert set(found) == set(list_suites())
    for suite in found.values():
        assert suite["description"]
        assert suite["budget_s"] > 0
        assert suite["runs"] > 0
    _, out, _ = planbench("suites")
    for name in found:
        assert re.search(rf"^ *{name} +{found[name]['runs']:,} ", out, flags=re.MULTILINE)


def test_runs_are_counted_per_solver_value_seed_and_target(
    planbench: Command, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        """
name = "mine"
budget_s = 10
time_limit_s = 1
solvers = ["highs-ds", "highs-pdlp", "null"]
target_gaps = [1e-2, 1e-4]
instances = ["leontief-3"]
[[ladders]]
name = "up"
recipe = "gen:goods={n},seed={seed}"
sizes = [10, 20, 30]
seeds = [1, 2]
solvers = ["highs-pdlp"]
"""
    )
    _, out, _ = planbench("suites", str(path), "--json")
    # highs-ds and null run once for both targets.
    assert json.loads(out)["runs"] == (1 + 2 + 1) + 3 * 2 * 2
    _, out, _ = planbench("suites", str(path))
    assert path.read_text().strip() in out


@pytest.mark.parametrize("name", list_suites())
def test_one_suite_is_shown_in_full(planbench: Command, name: str) -> None:
    code, out, _ = planbench("suites", name)
    assert code == 0
    for ladder in load_suite(name).ladders:
        assert f'name = "{ladder.name}"' in out


def test_an_unknown_suite_names_the_nearest(planbench: Command) -> None:
    code, _, err = planbench("suites", "densty")
    assert code == 2
    assert "did you mean density?" in err


def test_optional_instances_say_whether_they_are_at_hand(
    planbench: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLANBENCH_TABLES", str(tmp_path))
    (tmp_path / "wiod-1995-1435.npz").touch()
    code, out, _ = planbench("suites", "real")
    assert code == 0
    said = " ".join(out.split())
    assert "table:wiod-1995-1435: at hand" in said
    assert said.count("not at hand") == 6
