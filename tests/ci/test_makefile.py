"""``make test`` runs both parts of the tests and fails if either does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Stands in for the Python of the environment: notes its arguments, ends as it is told to.
PYTHON = """#!/bin/sh
echo "$* full=$PLANBENCH_FULL" >> calls
case "$*" in *"not alone"*) exit "$FIRST";; *) exit "$SECOND";; esac
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", ["test", "test-full"])
@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (0, 1), (2, 1)])
def test_both_parts_run_and_either_failure_counts(
    target: str, first: int, second: int, tmp_path: Path
) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    binaries = tmp_path / "venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").write_text(PYTHON)
    (binaries / "python").chmod(0o755)
    for installed in (".python", ".bench", ".dev"):
        (tmp_path / "venv" / installed).touch()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "PLANBENCH_"))}
    done = subprocess.run(
        ["make", target, "VENV=venv"],
        cwd=tmp_path,
        env=environment | {"FIRST": str(first), "SECOND": str(second)},
        capture_output=True,
        text=True,
        check=False,
    )
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == 2, done.stderr
    assert "not alone" in calls[0]
    assert "-m alone" in calls[1]
    assert all(call.endswith(f"full={'1' if target == 'test-full' else ''}") for call in calls)
    assert (done.returncode != 0) == (first != 0 or second != 0)
