"""A solver with an environment of its own: built once, recorded as it is, refused in one line."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from planbench.bench.request import Conditions, make_request
from planbench.bench.runner import run_suite
from planbench.bench.single import RunOutcome, solve_once
from planbench.bench.suite import load_suite
from planbench.catalogue.resolve import load_instance
from planbench.errors import SolverUnavailableError
from planbench.records.store import read_records
from planbench.solvers import environments
from planbench.solvers.base import SolveOptions
from planbench.solvers.conformance import main
from planbench.solvers.registry import (
    availability,
    available_solvers,
    find_solver,
    own_environment,
    why_not_here,
)

HIPO = find_solver("highs-hipo").spec

pytestmark = pytest.mark.skipif(why_not_here(HIPO) is None, reason="HiPO can run here")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Sequence[str]]:
    """Give an empty cache and no package index; returns the commands that were run."""
    ran: list[Sequence[str]] = []

    def run(command: Sequence[str], timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        failed = 0 if "venv" in command else 1
        return subprocess.CompletedProcess(list(command), failed, "", "error: dns error\nlookup")

    monkeypatch.setenv("PLANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(environments, "run_command", run)
    return ran


def solve(*, in_process: bool = False) -> RunOutcome:
    instance = load_instance("kantorovich-plywood")
    conditions = Conditions(30.0, 4 << 30, in_process=in_process)
    return solve_once(make_request(instance, "highs-hipo", SolveOptions(), conditions))


def test_without_a_network_one_line_says_what_to_install(
    offline: list[Sequence[str]], caplog: pytest.LogCaptureFixture
) -> None:
    """Another method, or a traceback of pip, would be worse than no answer."""
    for _ in range(2):
        with pytest.raises(SolverUnavailableError) as caught:
            solve()
        said = str(caught.value)
        assert "no package index can be reached" in said
        assert said.endswith("pip install highspy==1.15.1 highspy-extras==1.15.1")
        assert "\n" not in said
    assert len(offline) == 2  # tried once in a process: a venv, and pip
    assert caplog.messages == [
        "building the environment of highs-hipo (highspy==1.15.1, highspy-extras==1.15.1), once"
    ]


def test_it_is_not_built_for_those_who_ask_for_no_solver(offline: list[Sequence[str]]) -> None:
    """`compare` without names, and a list of solvers, must not download anything."""
    assert "highs-hipo" not in available_solvers(None)
    assert "in an environment of its own" in str(availability(HIPO))
    assert offline == []
    with pytest.raises(SolverUnavailableError, match="no package index"):
        available_solvers(["highs-hipo"])


def test_it_does_not_run_in_the_calling_process(offline: list[Sequence[str]]) -> None:
    """There is another HiGHS in it."""
    with pytest.raises(SolverUnavailableError, match="not in this process"):
        solve(in_process=True)
    assert offline == []


def test_a_suite_goes_on_without_it_and_says_why(
    offline: list[Sequence[str]], tmp_path: Path
) -> None:
    suite = tmp_path / "two.toml"
    suite.write_text(
        'name = "two"\ninstances = ["kantorovich-plywood"]\n'
        'solvers = ["highs-ds", "highs-hipo"]\nbudget_s = 60\ntime_limit_s = 20\nrepeats = 1\n'
    )
    summary = run_suite(load_suite(str(suite)), tmp_path / "two.jsonl")
    assert {row.solver for row in read_records(tmp_path / "two.jsonl")} == {"highs-ds"}
    (left,) = summary.left_out
    assert left.solver == "highs-hipo"
    assert "no package index can be reached" in left.reason


def test_a_broken_cache_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLANBENCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(SolverUnavailableError, match="PLANBENCH_CACHE"):
        solve()


@pytest.fixture(scope="module")
def built() -> None:
    """Its environment, in the user's cache, or a skip where no index answers."""
    try:
        own_environment(HIPO)
    except SolverUnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.slow
@pytest.mark.usefixtures("built")
def test_a_row_names_what_ran() -> None:
    """The versions of this environment would be those of another HiGHS."""
    record = solve().record
    assert (record.ended, record.verdict) == ("ok", "certified"), record.message
    assert record.method_run.startswith("HiPO")
    assert record.environment == "highspy==1.15.1,highspy-extras==1.15.1"
    assert record.packages["highspy"] == record.packages["highspy-extras"] == "1.15.1"
    assert record.solver_version == "1.15.1"
    assert availability(HIPO) is None


@pytest.mark.slow
@pytest.mark.usefixtures("built")
def test_a_suite_is_carried_on(tmp_path: Path) -> None:
    """Rows are found by the versions that ran, not by those of this environment."""
    suite = tmp_path / "one.toml"
    suite.write_text(
        'name = "one"\ninstances = ["kantorovich-plywood"]\nsolvers = ["highs-hipo"]\n'
        "budget_s = 60\ntime_limit_s = 20\nrepeats = 1\nrerun_disturbed = false\n"
    )
    measured = [
        run_suite(load_suite(str(suite)), tmp_path / "one.jsonl").measured for _ in range(2)
    ]
    assert measured == [1, 0]


@pytest.mark.slow
@pytest.mark.usefixtures("built")
def test_the_kit_runs_where_the_solver_does(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["highs-hipo"]) == 0
    assert "FAIL" not in capfd.readouterr().out
