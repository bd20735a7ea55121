"""Ctrl-C while something is measured: what is kept is said, and nothing measured is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planbench.cli.main import run
from planbench.records.store import read_records

Command = Callable[..., tuple[int, str, str]]


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


def _interrupted_after(count: int, function: Callable[..., Any]) -> Callable[..., Any]:
    calls = 0

    def wrapped(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > count:
            raise KeyboardInterrupt
        return function(*arguments, **more)

    return wrapped


def test_compare_shows_what_was_measured(
    planbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour of runs went without a word."""
    from planbench.bench import single

    arguments = ("compare", "leontief-3", "--solvers", "null,highs-ds", "--repeats", "2")
    real = single.solve_once
    monkeypatch.setattr(single, "solve_once", _interrupted_after(3, real))
    code, out, err = planbench(*arguments)
    assert code == 130
    assert "highs-ds" in out
    assert "interrupted: 3 runs of 4 shown, none kept" in err
    monkeypatch.setattr(single, "solve_once", _interrupted_after(0, real))
    code, out, err = planbench(*arguments)
    assert (code, out) == (130, "")
    assert "interrupted before the first run ended" in err


def test_study_keeps_each_row_as_it_is_made(
    planbench: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Rows were written only when all runs on an instance had ended."""
    from planbench.debate import studies

    monkeypatch.setattr(studies, "solve_once", _interrupted_after(2, studies.solve_once))
    spec = "gen:goods=20,techniques=2,resources=3,seed=1"
    code, out, err = planbench("study", "bad-data", spec, "--solvers", "highs-ds", "--repeats", "1")
    assert (code, out) == (130, "")
    rows = read_records(tmp_path / "results" / "study.jsonl")
    assert [row.value for row in rows] == [0.0, 0.0, 0.01, 0.01]
    assert "interrupted: 4 measurements kept in results/study.jsonl" in err


def test_a_replanning_study_keeps_each_row_as_it_is_made(
    planbench: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from planbench.debate import studies

    monkeypatch.setattr(studies, "_once", _interrupted_after(3, studies._once))
    spec = "gen:goods=20,techniques=2,resources=3,seed=1"
    code, _, err = planbench("study", "replan", spec, "--solvers", "highs-ds")
    assert code == 130
    assert len(read_records(tmp_path / "results" / "study.jsonl")) == 3
    assert "interrupted: 3 measurements kept in results/study.jsonl" in err


def test_bisect_says_where_its_pairs_are(
    planbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from planbench.cli import ab

    monkeypatch.setattr(ab, "bisect_versions", _interrupted_after(0, lambda: None))
    code, _, err = planbench("bisect", "leontief-3", "--versions", "highspy==1.12.0,1.13.1")
    assert code == 130
    assert "every pair measured is kept in results/bisect.jsonl" in err
