"""Environments of other package versions: what goes in, what is refused, what really runs.

Those that install something need a package index and are skipped where none answers.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.full import few, full_only, full_param

from planbench.bench.request import Conditions, make_request
from planbench.bench.single import solve_once
from planbench.catalogue.resolve import load_instance
from planbench.comparison.sides import environment_for, parse_side, requirements
from planbench.errors import InputError, PlanbenchError
from planbench.io.files import cache_folder
from planbench.solvers import environments
from planbench.solvers.base import SolveOptions
from planbench.solvers.environments import (
    UnreachableIndexError,
    Wanted,
    find_uv,
)


def test_only_what_a_side_names_differs_from_this_environment():
    wanted = requirements(parse_side("highspy==1.13.1"), ["highspy"])
    pins = dict(r.split("==") for r in wanted)
    assert len(pins) == len(wanted)
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
        failed = 0 if "venv" in command else returncode
        return subprocess.CompletedProcess(list(command), failed, "", stderr)

    monkeypatch.setattr(environments, "run_command", run)
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

    def install(folder, wanted):
        built.append(wanted)
        python = folder / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)

    monkeypatch.setattr(environments, "_install", install)
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


@pytest.fixture
def installer(monkeypatch):
    """Stand in for pip: "installs" what :attr:`gives` says; counts what it was asked to."""

    class Installer:
        def __init__(self):
            self.gives = {}
            self.asked = []

        def install(self, folder, wanted):
            self.asked.append(list(wanted.requirements))
            (folder / "bin").mkdir(parents=True)
            (folder / "bin" / "python").symlink_to(sys.executable)
            (folder / "installed.json").write_text(json.dumps(self.gives))

        def listed(self, python):
            if not Path(python).exists():
                raise PlanbenchError(f"{python}: no such program; install it")
            found = json.loads((Path(python).parents[1] / "installed.json").read_text())
            return {name: (version, files) for name, (version, files) in found.items()}

    stand_in = Installer()
    monkeypatch.setattr(environments, "_install", stand_in.install)
    monkeypatch.setattr(environments, "_listed", stand_in.listed)
    return stand_in


def files(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_what_was_really_installed_is_what_an_environment_is_called(installer, tmp_path):
    installer.gives = {"highspy": ("1.16.0", files("one"))}
    found = environment_for(parse_side("highspy>=1.14"), ["highspy"], cache=tmp_path)
    assert found.name == "highspy==1.16.0"
    assert found.packages["highspy"] == "1.16.0"
    assert found.files["highspy"] == files("one")
    assert Path(found.interpreter.python).is_file()
    wheel = tmp_path / "highspy-1.16.0-py3-none-any.whl"
    wheel.write_bytes(b"")
    found = environment_for(parse_side(str(wheel)), ["highspy"], cache=tmp_path)
    assert found.name == f"highspy==1.16.0#{files('one')[:12]}"


def test_only_a_fixed_release_is_taken_from_the_cache_unasked(installer, tmp_path):
    """A range, a folder or a nightly gives something else tomorrow."""
    installer.gives = {"highspy": ("1.14.0", files("old"))}
    fixed = [environment_for(parse_side("highspy==1.14.0"), [], cache=tmp_path) for _ in range(2)]
    assert len(installer.asked) == 1
    assert fixed[0] == fixed[1]
    for side in ("highspy>=1.14", "highspy", "highspy==1.14.0 --pre", "highspy @ https://x/h"):
        installer.asked.clear()
        for version in ("1.15.0", "1.16.0"):
            installer.gives = {"highspy": (version, files(version))}
            found = environment_for(parse_side(side), [], cache=tmp_path)
            assert found.packages["highspy"] == version
        assert len(installer.asked) == 2
    left = [p.name for p in (tmp_path / "environments").iterdir() if p.suffix != ".lock"]
    assert len(left) == 3  # equal contents share an environment, and no part of one is left


@pytest.mark.parametrize("damage", ["", "[]", '{"highspy": 3}', "no JSON"])
def test_a_damaged_environment_is_built_again(installer, tmp_path, damage):
    installer.gives = {"highspy": ("1.14.0", files("x"))}
    side = parse_side("highspy==1.14.0")
    python = Path(environment_for(side, [], cache=tmp_path).interpreter.python)
    (python.parents[1] / "planbench-environment.json").write_text(damage)
    assert environment_for(side, [], cache=tmp_path).packages["highspy"] == "1.14.0"
    python.unlink()
    environment_for(side, [], cache=tmp_path)
    assert python.exists()
    assert len(installer.asked) == 3


def test_an_installer_that_installs_something_else_is_not_believed(installer, tmp_path):
    with pytest.raises(PlanbenchError, match="installed no highspy"):
        environment_for(parse_side("highspy==1.14.0"), [], cache=tmp_path)


def test_a_source_may_be_built_and_nothing_else(monkeypatch, tmp_path):
    """What is not under test must not be compiled here: it would not be what others run."""
    called = _installer(monkeypatch, "error: no")
    monkeypatch.setattr(environments, "find_uv", lambda: None)
    (tmp_path / "venv").mkdir()

    def wheels_only(side):
        monkeypatch.setattr(
            environments, "run_command",
            lambda c, t=60.0: called.append(c) or subprocess.CompletedProcess(c, 0, "", ""),
        )  # fmt: skip
        parsed = parse_side(side)
        listed = tuple(requirements(parsed, ["highspy"]))
        direct = any(package.is_direct for package in parsed.packages)
        environments._install(tmp_path / "venv", Wanted(listed, "here", may_build=direct))
        install = called[-1]
        return {b for a, b in itertools.pairwise(install) if a == "--only-binary"}

    assert wheels_only("highspy==1.14.0") == {":all:"}
    assert wheels_only("highspy @ https://x/h") == {"numpy", "psutil", "scipy"}


def test_the_same_files_have_one_hash_however_they_were_installed(tmp_path):
    """Two installs of one wheel differ in their notes alone: who installed it, and from where."""
    from planbench.solvers import installed

    hashes = []
    for number, code in enumerate(("x = 1", "x = 1", "x = 2")):
        site = tmp_path / str(number)
        info = site / "solver-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Solver\nVersion: 1.0\n")
        (info / "RECORD").write_text(
            f"solver/__init__.py,sha256={hashlib.sha256(code.encode()).hexdigest()},5\n"
            f"solver-1.0.dist-info/INSTALLER,sha256={number},3\n"
            "solver-1.0.dist-info/RECORD,,\n"
        )
        script = Path(installed.__file__)
        done = subprocess.run(
            [sys.executable, "-P", "-S", str(script)], env={"PYTHONPATH": str(site)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        version, hashed = json.loads(done.stdout)["solver"]
        assert version == "1.0"
        hashes.append(hashed)
    assert hashes[0] == hashes[1] != hashes[2]


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


def solve(environment, solver, instance="kantorovich-plywood"):
    conditions = Conditions(30, 4 << 30, polish=False, environment=environment)
    found = load_instance(instance)
    return solve_once(make_request(found, solver, SolveOptions(), conditions)).record


@pytest.mark.slow
@pytest.mark.parametrize(
    "version",
    few(["1.12.0", "1.13.1", "1.14.0", "1.15.1", "1.16.0"], lambda version: version == "1.12.0"),
)
def test_adapters_of_highs_run_as_named_on_each_version(install, version):
    environment = install(f"highspy=={version}", "highspy")
    for solver, method in {
        "highs-ds": "dual simplex",
        "highs-ds:stock": "dual simplex",
        "highs-ipm": "IPX",
        "highs-ipm-crossover": "IPX",
        "highs-pdlp": "cuPDLP-C",
        "highs-hipdlp": "HiPDLP",
    }.items():
        record = solve(environment, solver)
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
@pytest.mark.parametrize("version", ["9.14.6206", full_param("9.15.6755")])
def test_adapters_of_ortools_run_on_each_version(install, version):
    environment = install(f"ortools=={version}", "ortools")
    for solver in ("glop", "pdlp"):
        record = solve(environment, solver)
        assert (record.ended, record.solver_version) == ("ok", version), record.message
        assert record.verdict == "certified"


@full_only
def test_a_version_older_than_supported_is_refused_not_run(install):
    record = solve(install("highspy==1.11.0", "highspy"), "highs-ds")
    assert record.ended == "refused"
    assert "needs highspy 1.12 or later, found 1.11.0" in record.message


@full_only
def test_pip_builds_the_same_environment_when_uv_is_absent(install, monkeypatch):
    if find_uv() is not None:
        monkeypatch.setattr(environments, "find_uv", lambda: None)
    record = solve(install("highspy==1.14.0,psutil==7.0.0", "highspy"), "highs-ds")
    assert (record.ended, record.solver_version) == ("ok", "1.14.0")
    assert record.packages["psutil"] == "7.0.0"


@full_only
def test_a_wheel_of_a_release_is_that_release(install, tmp_path):
    """Both sides of such a comparison run the same files, which only their hash can tell."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", tmp_path,
         "highspy==1.14.0"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"no package index: {done.stderr[-200:]}")
    (wheel,) = tmp_path.iterdir()
    release, file = install("highspy==1.14.0", "highspy"), install(str(wheel), "highspy")
    assert release.files["highspy"] == file.files["highspy"] != ""
    assert solve(file, "highs-ds").environment == file.name
    assert file.name.startswith("highspy==1.14.0#")
