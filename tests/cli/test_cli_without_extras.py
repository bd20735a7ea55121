"""The small installation: every command answers, and measurements do not need the extras."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from planbench.cli.main import PANELS
from planbench.records.store import read_records

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results" / "reference" / "quick.jsonl"

#: Packages of the extras, and what comes with them.
MISSING = (
    "altair", "jinja2", "markupsafe", "numba", "openpyxl", "ortools",
    "pyarrow", "pymrio", "ruptures", "vl_convert",
)  # fmt: skip


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({MISSING!r})); "
        f"from planbench.cli.main import run; sys.exit(run({list(arguments)!r}))"
    )
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def test_every_command_has_help(tmp_path: Path) -> None:
    """One process for all: a command that fails when it is imported has none."""
    names = [name for panel in PANELS.values() for name in panel]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({MISSING!r})); "
        "from planbench.cli.main import run; "
        f"print({{name: run([name, '--help']) for name in {names!r}}}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == str(dict.fromkeys(names, 0))


def test_a_suite_is_measured_and_its_rows_are_kept(tmp_path: Path) -> None:
    suite = tmp_path / "one.toml"
    suite.write_text(
        'name = "one"\ninstances = ["leontief-3"]\nsolvers = ["highs-ds"]\n'
        "budget_s = 60\ntime_limit_s = 20\nrepeats = 1\nwarm_up = false\nrerun_disturbed = false\n"
    )
    done = run(tmp_path, "bench", "one.toml", "--out", "one.jsonl")
    assert done.returncode == 0, done.stderr
    assert len(read_records(tmp_path / "one.jsonl")) == 1
    assert "no report: " in done.stderr
    assert "planbench[report]" in done.stderr


@pytest.mark.parametrize("arguments", [("report", "0.jsonl", "-o", "page.html"), ("history", ".")])
def test_what_needs_an_extra_names_it(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    rows = RESULTS.read_text().splitlines()
    for k in range(20):
        later = [json.dumps({**json.loads(row), "commit": f"{k:040x}"}) for row in rows]
        (tmp_path / f"{k}.jsonl").write_text("\n".join(later) + "\n")
    done = run(tmp_path, *arguments)
    assert done.returncode == 2, done.stdout
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "pip install 'planbench[" in done.stderr.splitlines()[-1]
