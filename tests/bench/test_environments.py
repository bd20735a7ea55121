"""Environments of other package versions: what goes in, what is refused, what really runs.

Those that install something need a package index and are skipped where none answers.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from planbench.bench import environments
from planbench.bench.environments import (
    UnreachableIndexError,
    cache_folder,
    environment_for,
    find_uv,
    requirements,
)
from planbench.bench.sides import parse_side
from planbench.bench.single import solve_once, survey
from planbench.catalogue.resolve import load_instance
from planbench.errors import InputError, PlanbenchError


def test_only_what_a_side_names_differs_from_this_environment():
    pins = dict(r.split("==") for r in requirements(parse_side("highspy==1.13.1"), ["highspy"]))
    assert pins["highspy"] == "1.13.1"
    import numpy as np

    assert pins["numpy"] == np.__version__
    assert {"scipy", "psutil"} <= set(pins)


def test_the_cache_lies_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("PLANBENCH_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("PLANBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "planbench"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "planbench"


def _installer(monkeypatch, stderr, returncode=1):
    """Stand in for the programs that are run; returns the list of what was called."""
    called = []

    def run(command, timeout_s=60.0):
        called.append(command)
        return subprocess.CompletedProcess(list(command), returncode, "", stderr)

    monkeypatch.setattr(environments, "_run", run)
    return called


def test_a_version_that_does_not_exist_is_refused_in_one_line(monkeypatch, tmp_path):
    _installer(monkeypatch, "error: No solution found\n  there is no version of highspy==9.9\n")
    with pytest.raises(InputError, match=r"side highspy==9\.9: cannot be installed") as caught:
        environment_for(parse_side("highspy==9.9"), ["highspy"], cache=tmp_path)
    assert "no version of highspy==9.9" in str(caught.value)
    assert "\n" not in str(caught.value)
    left = [p for p in (tmp_path / "environments").iterdir() if p.suffix != ".lock"]
    assert left == []  # half an environment would be taken for a whole one


def test_no_answer_from_an_index_is_not_blamed_on_the_version(monkeypatch, tmp_path):
    _installer(monkeypatch, "error: Failed to fetch: dns error: failed to lookup address")
    with pytest.raises(UnreachableIndexError, match="no package index can be reached"):
        environment_for(parse_side("highspy==1.13.1"), ["highspy"], cache=tmp_path)


@pytest.mark.parametrize("damage", ["python", "not executable", "marker", "packages", "words"])
def test_a_damaged_environment_is_made_anew(monkeypatch, tmp_path, damage):
    """A cache is cleaned by half, or an interpreter upgraded away: that gave a traceback."""
    import importlib.metadata

    built = []

    def build(folder, python, wanted, where):
        built.append(wanted)
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)

    monkeypatch.setattr(environments, "_build", build)
    side = parse_side(f"numpy=={importlib.metadata.version('numpy')}")
    python = Path(environment_for(side, ["numpy"], cache=tmp_path).interpreter.python)
    environment_for(side, ["numpy"], cache=tmp_path)
    assert len(built) == 1
    if damage == "python":
        python.unlink()
    elif damage == "not executable":
        python.write_text("")
        python.chmod(0o644)
    elif damage == "marker":
        (python.parents[1] / environments._MARKER).unlink()
    else:
        answer = "{}" if damage == "packages" else "Illegal instruction"
        python.write_text(f"#!/bin/sh\necho '{answer}'\n")
    environment_for(side, ["numpy"], cache=tmp_path)
    assert len(built) == 2


def test_without_uv_plain_venv_and_pip_are_used(monkeypatch, tmp_path):
    called = _installer(monkeypatch, "no such version")
    monkeypatch.setattr(environments, "find_uv", lambda: None)
    with pytest.raises(InputError):
        environment_for(parse_side("highspy==9.9"), ["highspy"], cache=tmp_path)
    assert called[0][:3] == [sys.executable, "-m", "venv"]


def test_a_cache_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PlanbenchError, match="PLANBENCH_CACHE"):
        environment_for(parse_side("highspy==1.13.1"), [], cache=tmp_path / "file" / "cache")


@pytest.fixture(scope="module")
def install(tmp_path_factory):
    """Build an environment, or skip where no package index answers."""
    folder = tmp_path_factory.mktemp("cache")

    def build(side, *packages):
        try:
            return environment_for(parse_side(side), packages, cache=folder)
        except UnreachableIndexError as error:
            pytest.skip(str(error))

    return build


def solve(elsewhere, solver, instance="kantorovich-plywood"):
    return solve_once(
        load_instance(instance),
        solver,
        time_limit_s=30,
        memory_limit_bytes=4 << 30,
        polish=False,
        surroundings=survey(),
        elsewhere=elsewhere,
    ).record


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.12.0", "1.13.1", "1.14.0", "1.15.1"])
def test_adapters_of_highs_run_as_named_on_each_version(install, version):
    elsewhere = install(f"highspy=={version}", "highspy")
    for solver, method in {
        "highs-ds": "dual simplex",
        "highs-ds:stock": "dual simplex",
        "highs-ipm": "IPX",
        "highs-ipm-crossover": "IPX",
        "highs-pdlp": "cuPDLP-C",
        "highs-hipdlp": "HiPDLP",
    }.items():
        record = solve(elsewhere, solver)
        assert record.environment == f"highspy=={version}"
        assert record.packages["highspy"] == version
        if solver == "highs-hipdlp" and version < "1.14":
            assert record.ended == "refused"
            assert f"needs highspy 1.14 or later, found {version}" in record.message
            continue
        assert (record.ended, record.solver_version) == ("ok", version), record.message
        assert method in record.method_run or "presolve" in record.method_run
        assert record.raw_gap is not None
        assert record.raw_gap < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("version", ["9.14.6206", "9.15.6755"])
def test_adapters_of_ortools_run_on_each_version(install, version):
    elsewhere = install(f"ortools=={version}", "ortools")
    for solver in ("glop", "pdlp"):
        record = solve(elsewhere, solver)
        assert (record.ended, record.solver_version) == ("ok", version), record.message
        assert record.verdict == "certified"


@pytest.mark.slow
def test_a_version_older_than_supported_is_refused_not_run(install):
    record = solve(install("highspy==1.11.0", "highspy"), "highs-ds")
    assert record.ended == "refused"
    assert "needs highspy 1.12 or later, found 1.11.0" in record.message


@pytest.mark.slow
def test_pip_builds_the_same_environment_when_uv_is_absent(install, monkeypatch):
    if find_uv() is not None:
        monkeypatch.setattr(environments, "find_uv", lambda: None)
    record = solve(install("highspy==1.14.0,psutil==7.0.0", "highspy"), "highs-ds")
    assert (record.ended, record.solver_version) == ("ok", "1.14.0")
    assert record.packages["psutil"] == "7.0.0"
