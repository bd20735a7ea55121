"""What users and their scripts read, frozen: text, JSON and page of every command.

A change of any of these is a change of the product: it is made on purpose
(``pytest tests/golden/test_frozen_output.py --snapshot-update``), read in the diff, and listed in
CHANGELOG.md. What differs from run to run (times, bytes, versions, the machine) is masked.
"""

from __future__ import annotations

import io
import json
import re
import shutil
from contextlib import redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from planbench.cli import main as entry

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"

COMMANDS = sorted(name for panel in entry.PANELS.values() for name in panel)

#: Fields of documents and records that differ from run to run.
_MASKED = re.compile(
    r"(_s|pass_s_before|pass_s_after|_bytes|seconds|started_at|version|load|passes|wait|commit|machine|packages|cpu.*"
    r"|path|plan|file|log|output|threads_seen|memory_method|environment|polish_s|disturbed"
    r"|free|available|phases|notes|reasons|message|iterations|residuals|raw_gap|polished_gap|key)$"
)


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command line, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = entry.run(arguments)
    return code, out.getvalue(), err.getvalue()


def masked(value: Any, name: str = "") -> Any:
    """`value` with what differs from run to run masked, and floats cut to six digits."""
    if _MASKED.search(name):
        return "<masked>"
    if isinstance(value, dict):
        return {key: masked(entry, key) for key, entry in value.items()}
    if isinstance(value, list):
        return [masked(entry, name) for entry in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if abs(value) > 1e-9 else 0.0
    return value


@pytest.fixture(autouse=True)
def _fixed_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("PLANBENCH_TABLES", raising=False)  # more rows would not be skipped
    monkeypatch.setattr("planbench.bench.plan.processors", lambda: 2)  # of any machine
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command: str, snapshot: SnapshotAssertion) -> None:
    code, out, err = run(*([command] if command else []), "--help")
    assert (code, err) == (0, "")
    assert out == snapshot


@pytest.mark.parametrize(
    "line",
    [
        "instances",
        "suites",
        "suites standard",
        "info kantorovich-plywood",
        "info us-bea-71",
        "info gen:goods=200,techniques=3,byproducts=0.1,seed=4",
        "info years:us-bea-15,years=3",
        "info regions:us-bea-15,regions=2",
        "info split:us-bea-15,goods=300,seed=1",
        "solvers two-level",
        "solve missing.npz",
        "solve gen:goods=0",
        "solve us-bea-15 --solver nobody",
    ],
)
def test_text(line: str, snapshot: SnapshotAssertion) -> None:
    assert run(*line.split()) == snapshot


@pytest.mark.parametrize(
    "line",
    [
        "instances --json",
        "suites smoke --json",
        "info us-bea-15 --json",
        "info gen:goods=50,seed=1 --json",
        "solve kantorovich-lathes --solver highs-ds --json",
        "solve us-bea-15 --solver highs-ds --json",
        "solve cockshott-five-year --solver cbc-mps --json",
        "solve leontief-3 --solver two-level --json",
        "compare kantorovich-plywood leontief-3 --solvers highs-ds,null --json",
        "generate gen:goods=60,seed=3 -o town.npz --json",
        "disaggregate us-bea-15 --goods 200 --seed 1 -o split.npz --json",
    ],
)
def test_document(line: str, snapshot: SnapshotAssertion) -> None:
    code, out, _ = run(*line.split())
    assert (code, masked(json.loads(out))) == snapshot


@pytest.mark.parametrize("name", ["quick", "standard", "us-million", "years", "regions"])
def test_scaling_of_committed_runs(name: str, snapshot: SnapshotAssertion) -> None:
    assert run("scaling", str(REFERENCE / f"{name}.jsonl")) == snapshot


def test_regress_of_a_run_against_itself(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    shutil.copy(REFERENCE / "quick.jsonl", tmp_path / "old.jsonl")
    shutil.copy(REFERENCE / "quick.jsonl", tmp_path / "new.jsonl")
    code, out, err = run("regress", "old.jsonl", "new.jsonl", "--markdown", "table.md")
    assert (code, out, err, (tmp_path / "table.md").read_text()) == snapshot


def test_export_of_a_run(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """A spreadsheet's columns."""
    code, _, _ = run("export", str(REFERENCE / "quick.jsonl"), "-o", "out.csv")
    found = (tmp_path / "out.csv").read_text().splitlines()[0].split(",")
    assert (code, found) == snapshot


class _Outline(HTMLParser):
    """Headings, column heads, first cells and captions of a page, in order."""

    KEPT = ("title", "h1", "h2", "h3", "h4", "th", "caption", "figcaption", "summary")

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.KEPT:
            self._inside = tag
            self.lines.append(f"{tag}: ")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is not None:
            self.lines[-1] += " ".join(data.split())


@pytest.mark.parametrize("name", ["quick", "standard"])
def test_outline_of_the_report(name: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    code, _, _ = run("report", str(REFERENCE / f"{name}.jsonl"), "-o", "page.html")
    outline = _Outline()
    outline.feed((tmp_path / "page.html").read_text())
    assert (code, outline.lines) == snapshot
