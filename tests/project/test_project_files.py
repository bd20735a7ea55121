"""What the files around the code say of each other is true."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import planbench

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def test_one_version_everywhere():
    """A release is cited, tagged and installed by the same number."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    readme = re.search(r"version = \{(.+)\}", (ROOT / "README.md").read_text())
    assert readme is not None
    version = PROJECT["project"]["version"]
    assert {planbench.__version__, str(citation["version"]), readme[1]} == {version}


def test_the_changelog_has_a_place_for_the_next_change():
    """Keep a Changelog: versions newest first, the first is the next one."""
    found = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert found[0] == "Unreleased"


def test_the_lock_is_of_this_project_and_of_these_versions():
    """`uv sync` must give what `make` gives; `make lock` brings them together."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    own = next(p for p in lock["package"] if p["name"] == "planbench")
    wanted = names(PROJECT["project"]["dependencies"])
    for lines in PROJECT["project"]["optional-dependencies"].values():
        wanted |= names(lines)
    locked = {entry["name"] for entry in own["metadata"]["requires-dist"]}
    assert locked == wanted, "run: make lock"
    groups = {
        group: names([line for line in lines if isinstance(line, str)])
        for group, lines in PROJECT["dependency-groups"].items()
    }
    for group, entries in own["metadata"]["requires-dev"].items():
        assert {entry["name"] for entry in entries} >= groups[group], "run: make lock"
    pins = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    )
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    differ = {
        p["name"]: (p["version"], pins[p["name"]])
        for p in lock["package"]
        if p["name"] in pins and p["version"] != pins[p["name"]]
    }
    assert differ == {}, "run: make lock"
    hosts = set(re.findall(r"https?://([^/\"]+)", (ROOT / "uv.lock").read_text()))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_every_pinned_tool_of_a_group_is_pinned():
    """What is not in constraints.txt may differ from one day to the next."""
    pins = names(
        [s for s in (ROOT / "constraints.txt").read_text().splitlines() if not s.startswith("#")]
    )
    for lines in PROJECT["dependency-groups"].values():
        assert names([line for line in lines if isinstance(line, str)]) <= pins


def test_workflows_are_readable_and_the_release_publishes_only_tags():
    """A push to a branch must never publish."""
    flow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    triggers = flow[True]  # YAML 1.1 reads the key `on` as true
    assert triggers["push"] == {"tags": ["v*"]}
    publish = flow["jobs"]["publish"]
    assert publish["if"] == "github.event_name == 'push'"
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"id-token": "write"}
    assert flow["permissions"] == {"contents": "read"}


def test_sizes_add_up_and_follow_the_extras(monkeypatch):
    """The table of docs/install-size.md counts each package once, and the sums what they sum."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.delitem(sys.modules, "install_size", raising=False)
    import install_size

    core = install_size.closure()
    assert {"numpy", "pandas", "scipy", "pydantic-core"} <= core
    assert "llvmlite" not in core
    assert install_size.size("numpy") > 10_000_000
    page = (ROOT / "docs" / "install-size.md").read_text()
    shown = re.findall(r"^\| `planbench(?:\[(.+)\])?`", page, flags=re.MULTILINE)
    assert sorted(shown) == sorted(["", *PROJECT["project"]["optional-dependencies"]])
    try:
        bench = install_size.closure(["bench"])
        report = install_size.closure(["report"])
    except install_size.metadata.PackageNotFoundError:
        pytest.skip("needs the extra bench")
    assert core < report < bench
    assert "llvmlite" in bench - report
